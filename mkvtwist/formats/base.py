"""
The interface of formats: L{Format}, its properties, and L{Muxer}, which makes its bytes (I{pure}).

Each format stands in a file of its own, which ends with its L{Format}; L{mkvtwist.formats.registry}
lists them. Everything else in the package (addresses, reserved names, metrics, MIME types, advice)
is derived from these two.

A header brings what libavformat says of the tracks (L{mkvtwist.media.packet.Header}), and formats
make their heads of that. A format that needs nothing of it needs no line in C{libav}.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from mkvtwist.media.codec_strings import content_type
from mkvtwist.media.packet import Header, Packet, Track

S = TypeVar("S")


class Muxer(ABC, Generic[S]):
    """
    The muxer of one format, for one header and some of its tracks.

    Packets of other tracks are passed over. A muxer keeps nothing from call to call: the same
    arguments give the same bytes, so all clients share them. State that goes on from fragment to
    fragment, such as the continuity counters of MPEG-TS, is passed in and returned as a value.

    @ivar head: the bytes that a client gets before its first fragment.
    @ivar start: the state before the first fragment; L{None} if fragments of the format depend on
        their packets alone.
    """

    head: bytes
    start: S

    @abstractmethod
    def render(self, packets: Sequence[Packet]) -> bytes:
        """
        Return the bytes of packets whose durations are final: a part of HLS, a recording.

        @return: no bytes if the format has nothing to send of them.
        """

    def live(self, packets: Sequence[Packet], pause: int, before: S) -> bytes:
        """
        Return the bytes of a fragment that clients get as it comes, before the next is known.

        @param pause: the recent longest wait for a picture, in microseconds.
        @param before: L{start}, or what L{advance} makes of it for the fragments before.
        """
        return self.render(packets)

    def advance(self, packets: Sequence[Packet], before: S) -> S:
        """Return the state after these packets, without making their bytes."""
        return before

    def moved(self, value: S, found: S, known: S) -> S:
        """
        Return a value as if counting had begun elsewhere.

        @param value: one of a count that has come to C{found} where C{known} is right.
        """
        return value


class IndexEntry(NamedTuple):
    """A piece of a finite file, as the file's index knows it."""

    start: int
    """The time at which its first packet is shown, in microseconds from the file's beginning."""

    size: int
    """Bytes."""

    key: bool
    """Whether playing can begin there."""


@dataclass(frozen=True, slots=True)
class FileLayout:
    """
    The layout of a format's finite file: a front, and pieces behind it.

    L{mkvtwist.formats.replay} writes it.
    """

    front: Callable[[bytes, int, Sequence[IndexEntry], int], bytes]
    """
    Make the front; its length depends on the number of pieces only.

    It is made of the live head, the number of the track that is indexed, the pieces, the duration.
    """

    piece: Callable[[Any, Sequence[Packet]], bytes]
    """Make a piece's bytes, of the format's muxer and some packets."""

    earliest: Callable[[Packet], int]
    """The time of a packet that must not be before 0."""

    span: int
    """Microseconds that a piece lasts at most, if no keyframe ends it before."""


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Format:
    """The properties of a format. There is one object for each format, and no two are equal."""

    name: str
    """The name in C{/status}, in metrics and in events: C{mp4}."""

    title: str
    """The name in sentences: C{MP4}."""

    ending: str
    """The ending of a stream's name in URLs, with its dot: C{.mp4}."""

    media_type: Callable[[Sequence[Track]], str]
    """The MIME type of some tracks in the format; without tracks, of any."""

    fits: Callable[[Track], bool]
    """Whether a track can live in the format."""

    muxer: Callable[[Header, frozenset[int]], Muxer[Any]]
    """Make the muxer for a header and the numbers of the tracks that are sent; all of them fit."""

    file: FileLayout | None = None
    """The layout of a finite file; L{None} if none is offered."""

    rebase: Callable[[bytes, int], bytes] | None = None
    """Make fragments so many microseconds earlier, for one client; L{None} if none is offered."""

    auxiliary: bool = False
    """Whether clients have it beside another format: it counts as no viewer and takes no place."""

    one_of: str = ""
    """The name of such tracks, for a format that sends one track unless others are asked for."""

    single: bool = False
    """Whether no more than one track can be sent in it: the sound of a radio."""

    one_of_each: bool = False
    """Whether no more than one track of each type can be sent in it."""

    def __repr__(self) -> str:
        """Return the name: the other attributes are code."""
        return f"<Format {self.name}>"

    def fitting(self, tracks: Iterable[Track]) -> frozenset[int]:
        """Return the numbers of the tracks that can live in the format."""
        return frozenset(track.number for track in tracks if self.fits(track))


class NoPlace(ValueError):
    """The exception for a track that has no place in a format, or whose setup cannot be read."""


def fits_if(make: Callable[[Track], object]) -> Callable[[Track], bool]:
    """
    Return a L{Format.fits}: whether something can be made of a track.

    @param make: raises L{NoPlace} if it cannot.
    """

    def fits(track: Track) -> bool:
        try:
            make(track)
        except NoPlace:
            return False
        return True

    return fits


def video_or_audio(subtype: str) -> Callable[[Sequence[Track]], str]:
    """
    Return a L{Format.media_type}: C{video/} or C{audio/}, by what the tracks are, and the codecs.

    @param subtype: the second half of the MIME type.
    """

    def media_type(tracks: Sequence[Track]) -> str:
        has_video = not tracks or any(track.type == "video" for track in tracks)
        codecs = [track.codec_string for track in tracks if track.type != "subtitle"]
        return content_type(f"{'video' if has_video else 'audio'}/{subtype}", codecs)

    return media_type
