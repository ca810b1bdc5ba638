"""
The values that move through the server: tracks, packets and headers (I{pure}).

All times are integers in microseconds (libavformat's C{AV_TIME_BASE}): fine enough to give back
every audio sample position up to 192 kHz, and never rounded twice.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

SECOND = 1_000_000
"""One second, in the unit of all times."""

STEP = SECOND // 25
"""Microseconds that a packet lasts if nothing tells how long."""

TrackType = Literal["video", "audio", "subtitle"]
"""The types of the tracks that are sent."""


@dataclass(frozen=True, slots=True)
class Track:
    """
    One elementary stream, as a client sees it.

    Two tracks are equal when a client that has the header of one can go on with packets of the
    other: what is measured or guessed rather than needed for decoding does not count.
    """

    number: int
    """Matroska's TrackNumber, from 1."""

    type: TrackType
    codec: str
    """FFmpeg's name of the codec: C{h264}, C{aac}, C{subrip}."""

    setup: bytes = b""
    """The decoder's setup, needed before the first packet (extradata, CodecPrivate)."""

    codec_string: str | None = field(default=None, compare=False)
    """The codec's name in MIME types, with profile and level (RFC 6381): C{avc1.64001f}."""

    language: str | None = None
    title: str | None = field(default=None, compare=False)
    default: bool = field(default=False, compare=False)
    """Whether the input marks the track as the default one of its type."""

    width: int | None = None
    height: int | None = None
    frame_rate: float | None = field(default=None, compare=False)
    video_range: str | None = field(default=None, compare=False)
    """The range of brightness, as HLS calls it: C{SDR}, C{PQ}, C{HLG}; L{None} if not stated."""

    supplemental: str | None = field(default=None, compare=False)
    """The name of a codec that decoders which know it may use instead: C{dvh1.08.06/db1p}."""

    sample_rate: int | None = None
    channels: int | None = None

    codec_private: bytes = field(default=b"", compare=False, repr=False)
    """Matroska's CodecPrivate: the setup as libavformat stores it there."""

    mp4_head: bytes = field(default=b"", compare=False, repr=False)
    """The head of an MP4 file with this track alone; empty if libavformat writes none for it."""

    @property
    def step(self) -> int:
        """Microseconds that a packet lasts if it does not say so, and no other follows it."""
        return round(SECOND / self.frame_rate) if self.frame_rate else STEP


class Extra(NamedTuple):
    """Data that a few packets have beside their payload."""

    additions: tuple[tuple[int, bytes], ...] = ()
    """Matroska's BlockAdditions: (BlockAddID, data), for example the alpha channel of VP8."""

    discard: int = 0
    """Microseconds of decoded audio at the packet's end that are not to be heard."""


class Packet(NamedTuple):
    """One frame, or group of samples, of one track: the unit that moves, for every format."""

    track: int
    pts: int
    dts: int
    duration: int
    """0 when unknown."""

    key: bool
    data: bytes
    """The payload as Matroska and MP4 store it: length-prefixed NAL units, raw AAC."""

    extra: Extra | None = None

    @property
    def end(self) -> int:
        """Return when the next packet of the track is due, in decoding order."""
        return self.dts + self.duration


@dataclass(frozen=True, slots=True)
class Header:
    """
    A set of tracks, with their descriptions by libavformat, of which formats make their heads.

    libavformat describes tracks in two ways that have room for all that it knows: as Matroska, all
    of them together with tags, chapters and attachments, and as MP4, each by itself
    (L{Track.codec_private}, L{Track.mp4_head}).
    """

    tracks: tuple[Track, ...]

    matroska_head: bytes = field(default=b"", compare=False, repr=False)
    """Matroska's head, from the EBML header to the Tags, with all tracks."""

    left_out: tuple[str, ...] = field(default=(), compare=False)
    """One sentence for each track of the input that is not sent."""

    @property
    def has_video(self) -> bool:
        """Return whether segments are cut at video keyframes, rather than by time."""
        return any(track.type == "video" for track in self.tracks)

    @property
    def numbers(self) -> frozenset[int]:
        """Return the numbers of all tracks."""
        return frozenset(track.number for track in self.tracks)

    @property
    def sparse(self) -> frozenset[int]:
        """
        Return the numbers of the tracks that do not tell the time.

        These are subtitles, which may be early, or stand for an hour, unless there is nothing else.
        """
        sparse = frozenset(track.number for track in self.tracks if track.type == "subtitle")
        return sparse if sparse < self.numbers else frozenset()

    def only(self, numbers: Collection[int]) -> tuple[Track, ...]:
        """Return the tracks with these numbers."""
        return tuple(track for track in self.tracks if track.number in numbers)
