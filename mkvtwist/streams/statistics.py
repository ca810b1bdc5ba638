"""
A stream's figures at one moment (I{reactor}).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mkvtwist.config.values import THREAD
from mkvtwist.inputs.senders import SenderStatistics
from mkvtwist.live.client import ClientStatistics
from mkvtwist.live.now_playing import Song
from mkvtwist.media.packet import Track


class LiveEdge(NamedTuple):
    """
    The newest fragment of a stream.

    @ivar media: where it ends, in seconds on the stream's timeline: all that is shown before this
        time has arrived. The timestamps in Matroska, WebM and MP4 are on the same timeline, unless
        a client gets timestamps that start at 0.
    @ivar arrived: when it came, as the reactor's clock counts.
    """

    media: float
    arrived: float


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """A stream at one moment; times in seconds, C{since} as seconds since the epoch."""

    state: str
    reason: str
    """For viewers."""
    input: str
    since: float
    tracks: tuple[Track, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    formats: Mapping[str, str]
    """The MIME types of the formats that it fits, by endings without the dot."""
    endings: Mapping[int, tuple[str, ...]]
    """The endings of the formats that each track fits, by its number."""
    quiet: frozenset[int]
    """The numbers of the tracks that a newcomer does not get at once."""
    bitrate: float
    segment_seconds: float
    ring_seconds: float
    ring_bytes: int
    ring_segments: int
    fragments: int
    bytes_in: int
    bytes_out: int
    discontinuities: int
    restarts: int
    recording: str | None
    hls_viewers: int
    clients: tuple[ClientStatistics, ...]
    detail: str = ""
    """The cause of the state, for operators."""
    live_edge: LiveEdge | None = None
    pattern: str | None = None
    """The pattern that the stream was made of; L{None} if it has a table of its own."""
    isolation: str = THREAD
    """The way in which the input is read, and the means that confine its process."""
    title: str | None = None
    description: str | None = None
    now: Song | None = None
    """The song that is playing."""
    sender: SenderStatistics | None = None
