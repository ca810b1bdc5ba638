"""
The figures of C{/status} in Prometheus' text format (I{reactor}).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product
from platform import python_version

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from mkvtwist import __version__
from mkvtwist.formats.registry import FORMATS
from mkvtwist.streams.statistics import StreamStatistics

CONTENT_TYPE = CONTENT_TYPE_LATEST

_STATES = ("live", "behind")
"""The states of clients."""

_PROCESS = ProcessCollector(registry=None)
"""The operating system's figures of this process, under Prometheus' usual names."""

_Family = type[GaugeMetricFamily] | type[CounterMetricFamily]

_FIGURES: tuple[tuple[_Family, str, str, str], ...] = (
    (GaugeMetricFamily, "bitrate_bits_per_second", "bitrate", "Payload over the last 5 s."),
    (GaugeMetricFamily, "segment_seconds", "segment_seconds", "Length of the last segment."),
    (GaugeMetricFamily, "ring_seconds", "ring_seconds", "Media in the ring."),
    (GaugeMetricFamily, "ring_bytes", "ring_bytes", "Bytes of memory that the ring takes."),
    (GaugeMetricFamily, "ring_segments", "ring_segments", "Segments in the ring."),
    (GaugeMetricFamily, "hls_viewers", "hls_viewers", "Addresses that watch through HLS."),
    (CounterMetricFamily, "fragments", "fragments", "Fragments made."),
    (CounterMetricFamily, "in_bytes", "bytes_in", "Payload that came in."),
    (CounterMetricFamily, "out_bytes", "bytes_out", "Bytes that clients took."),
    (CounterMetricFamily, "discontinuities", "discontinuities", "Jumps of the timestamps."),
    (CounterMetricFamily, "restarts", "restarts", "Times the input was opened again."),
)


class _Build:
    """The version that runs, as a metric."""

    def collect(self) -> Iterable[Metric]:
        build = GaugeMetricFamily("mkvtwist_build_info", "Always 1.", labels=["version", "python"])
        build.add_metric([__version__, python_version()], 1)
        yield build


class _Streams:
    """One reading of all streams, labelled by their names: as many values as are configured."""

    def __init__(self, streams: Mapping[str, StreamStatistics]) -> None:
        self._streams = streams

    def collect(self) -> Iterable[Metric]:
        live = GaugeMetricFamily("mkvtwist_live", "Whether the stream is live.", labels=["stream"])
        clients = GaugeMetricFamily(
            "mkvtwist_clients",
            "Clients by format and state.",
            labels=["stream", "format", "state"],
        )
        lag = GaugeMetricFamily(
            "mkvtwist_lag_seconds", "Lag of the client that is farthest behind.", labels=["stream"]
        )
        for name, stream in self._streams.items():
            live.add_metric([name], stream.state == "live")
            counts = Counter((client.format, client.state) for client in stream.clients)
            for format_, state in product(FORMATS.values(), _STATES):
                labels = [name, format_.name, state]
                clients.add_metric(labels, counts[format_.name, state])
            lag.add_metric([name], max((client.lag for client in stream.clients), default=0))
        yield live
        yield clients
        yield lag
        for family, name, attribute, text in _FIGURES:
            metric = family(f"mkvtwist_{name}", text, labels=["stream"])
            for stream_name, stream in self._streams.items():
                metric.add_metric([stream_name], getattr(stream, attribute))
            yield metric


def render(streams: Mapping[str, StreamStatistics]) -> bytes:
    """Return the page that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Streams(streams))
    registry.register(_Build())
    registry.register(_PROCESS)
    return generate_latest(registry)
