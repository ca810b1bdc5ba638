"""The figures as Prometheus reads them."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist import __version__
from mkvtwist.formats.registry import FORMATS
from mkvtwist.live.client import ClientStatistics
from mkvtwist.streams import metrics
from mkvtwist.streams.statistics import StreamStatistics

CLIENT = ClientStatistics(
    id=1,
    peer="192.0.2.1:5000",
    user_agent='"quoted"\n',
    format="matroska",
    since=0.0,
    bytes=12,
    lag=0.0,
    skipped_segments=0,
    state="live",
)
STREAM = StreamStatistics(
    state="live",
    reason="",
    input="film.mkv",
    since=0.0,
    tracks=(),
    left_out=(),
    notes=(),
    formats={},
    endings={},
    quiet=frozenset(),
    bitrate=3_000_000.5,
    segment_seconds=2.0,
    ring_seconds=30.5,
    ring_bytes=1 << 40,
    ring_segments=15,
    fragments=1000,
    bytes_in=1 << 50,
    bytes_out=1 << 51,
    discontinuities=3,
    restarts=4,
    recording=None,
    hls_viewers=7,
    clients=(),
)


class MetricsTests(SynchronousTestCase):
    """L{metrics.render}."""

    def read(self, **streams: StreamStatistics) -> dict[str, Metric]:
        """The families, as Prometheus' own parser finds them."""
        text = metrics.render(streams).decode()
        return {family.name: family for family in text_string_to_metric_families(text)}

    def values(self, family: Metric) -> dict[tuple[str, ...], float]:
        """A family's values by their labels, in the order of the labels' names."""
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for sample in family.samples
        }

    def test_figures(self) -> None:
        """Every figure is there, under its stream's name, exactly."""
        families = self.read(tv=STREAM, radio=replace(STREAM, state="retrying", bytes_in=0))
        for name, value in {
            "live": 1,
            "bitrate_bits_per_second": 3_000_000.5,
            "segment_seconds": 2,
            "ring_seconds": 30.5,
            "ring_bytes": 1 << 40,
            "ring_segments": 15,
            "hls_viewers": 7,
            "fragments": 1000,
            "in_bytes": 1 << 50,
            "out_bytes": 1 << 51,
            "discontinuities": 3,
            "restarts": 4,
        }.items():
            family = families.pop(f"mkvtwist_{name}")
            self.assertEqual(self.values(family)["tv",], value, name)
            self.assertTrue(family.documentation)
            if name == "live":
                self.assertEqual(self.values(family)["radio",], 0)
        self.assertEqual(
            {name for name in families if name.startswith("mkvtwist_")},
            {"mkvtwist_clients", "mkvtwist_lag_seconds", "mkvtwist_build_info"},
        )

    def test_types(self) -> None:
        """A metric that only grows is a counter."""
        counters = {
            name
            for name, family in self.read(tv=STREAM).items()
            if family.type == "counter" and name.startswith("mkvtwist_")
        }
        self.assertEqual(
            counters,
            {
                "mkvtwist_fragments",
                "mkvtwist_in_bytes",
                "mkvtwist_out_bytes",
                "mkvtwist_discontinuities",
                "mkvtwist_restarts",
            },
        )

    def test_clients(self) -> None:
        """Clients are counted by format and state; there is no series for each of them."""
        behind = replace(CLIENT, id=2, state="behind", lag=3.5)
        browser = replace(behind, id=3, format="mp4", lag=0.5)
        watched = replace(STREAM, clients=(CLIENT, behind, browser, replace(CLIENT, id=4)))
        families = self.read(tv=watched, radio=STREAM)
        counts = self.values(families["mkvtwist_clients"])
        self.assertEqual(
            {labels: count for labels, count in counts.items() if count},
            {
                ("matroska", "live", "tv"): 2,
                ("matroska", "behind", "tv"): 1,
                ("mp4", "behind", "tv"): 1,
            },
        )
        self.assertEqual(len(counts), 2 * len(FORMATS) * 2, "those that are 0 included")
        self.assertEqual(
            self.values(families["mkvtwist_lag_seconds"]), {("tv",): 3.5, ("radio",): 0}
        )

    def test_none(self) -> None:
        """Without a stream the families are there, and empty."""
        families = self.read()
        mine = {name for name in families if name.startswith("mkvtwist_")}
        counts = {name: len(families[name].samples) for name in mine - {"mkvtwist_build_info"}}
        self.assertEqual(set(counts.values()), {0})

    def test_process(self) -> None:
        """What runs, and what it costs, is there without any stream."""
        families = self.read()
        (build,) = families["mkvtwist_build_info"].samples
        self.assertEqual((build.labels["version"], build.value), (__version__, 1))
        (memory,) = families["process_resident_memory_bytes"].samples
        self.assertGreater(memory.value, 1 << 20)

    def test_content_type(self) -> None:
        """The type is that of Prometheus' text format."""
        self.assertTrue(metrics.CONTENT_TYPE.startswith("text/plain; version="))
