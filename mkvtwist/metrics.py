"""
The figures of C{/status} in Prometheus' text format (I{reactor}).
"""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from mkvtwist.stream import StreamStatistics

CONTENT_TYPE = CONTENT_TYPE_LATEST

_Family = type[GaugeMetricFamily] | type[CounterMetricFamily]

_FIGURES: tuple[tuple[_Family, str, str, str], ...] = (
    (GaugeMetricFamily, "bitrate_bits_per_second", "bitrate", "Payload over the last 5 s."),
    (GaugeMetricFamily, "segment_seconds", "segment_seconds", "Length of the last segment."),
    (GaugeMetricFamily, "ring_seconds", "ring_seconds", "Media in the ring."),
    (GaugeMetricFamily, "ring_bytes", "ring_bytes", "Bytes in the ring."),
    (GaugeMetricFamily, "ring_segments", "ring_segments", "Segments in the ring."),
    (GaugeMetricFamily, "hls_viewers", "hls_viewers", "Addresses that watch through HLS."),
    (CounterMetricFamily, "fragments", "fragments", "Fragments made."),
    (CounterMetricFamily, "in_bytes", "bytes_in", "Payload that came in."),
    (CounterMetricFamily, "out_bytes", "bytes_out", "Bytes that clients took."),
    (CounterMetricFamily, "discontinuities", "discontinuities", "Jumps of the timestamps."),
    (CounterMetricFamily, "restarts", "restarts", "Times the input was opened again."),
)


class _Streams:
    """One reading of all streams, labelled by their names: as many values as are configured."""

    def __init__(self, streams: Mapping[str, StreamStatistics]) -> None:
        self._streams = streams

    def collect(self) -> Iterable[Metric]:
        live = GaugeMetricFamily("mkvtwist_live", "Whether the stream is live.", labels=["stream"])
        clients = GaugeMetricFamily(
            "mkvtwist_clients", "Clients by state.", labels=["stream", "state"]
        )
        for name, stream in self._streams.items():
            live.add_metric([name], stream.state == "live")
            for state in ("live", "behind"):
                count = sum(client.state == state for client in stream.clients)
                clients.add_metric([name, state], count)
        yield live
        yield clients
        for family, name, attribute, text in _FIGURES:
            metric = family(f"mkvtwist_{name}", text, labels=["stream"])
            for stream_name, stream in self._streams.items():
                metric.add_metric([stream_name], getattr(stream, attribute))
            yield metric


def render(streams: Mapping[str, StreamStatistics]) -> bytes:
    """The page that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Streams(streams))
    return generate_latest(registry)
