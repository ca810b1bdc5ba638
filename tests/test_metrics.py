"""The figures as Prometheus reads them."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist import metrics
from mkvtwist.publisher import ClientStatistics
from mkvtwist.stream import StreamStatistics

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
    formats=(),
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
        self.assertEqual(set(families), {"mkvtwist_clients"})

    def test_types(self) -> None:
        """What only grows is a counter."""
        counters = {
            name for name, family in self.read(tv=STREAM).items() if family.type == "counter"
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
        """Clients are counted by their state; there is no series for each of them."""
        behind = replace(CLIENT, id=2, state="behind")
        watched = replace(STREAM, clients=(CLIENT, behind, replace(behind, id=3)))
        families = self.read(tv=watched, radio=STREAM)
        self.assertEqual(
            self.values(families["mkvtwist_clients"]),
            {("live", "tv"): 1, ("behind", "tv"): 2, ("live", "radio"): 0, ("behind", "radio"): 0},
        )

    def test_none(self) -> None:
        """Without a stream the families are there, and empty."""
        self.assertEqual({len(family.samples) for family in self.read().values()}, {0})

    def test_content_type(self) -> None:
        """The type is that of Prometheus' text format."""
        self.assertTrue(metrics.CONTENT_TYPE.startswith("text/plain; version="))
