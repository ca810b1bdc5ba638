"""
The last seconds of a stream as a file that is complete: with a duration, an index, and times from
0 on (I{pure}).

The pieces are what the live format makes of the same packets, a second in each, or in MP4 a
segment. What stands in front of them tells their sizes, but its own does not depend on these: so a
file is written in one go, and no more of it is held than one piece::

    front: header, duration, index     piece  piece  piece  ...
    '-- written last, at the start --' '-- written first, behind it --'
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

from mkvtwist.formats import matroska, mp4
from mkvtwist.formats.choice import Format
from mkvtwist.formats.matroska import Matroska, WebM
from mkvtwist.formats.mp4 import Mp4
from mkvtwist.media.packet import SECOND, Packet, Piece, Track

SPAN = SECOND
"""How long a piece is, but for a keyframe: what people's Clusters hold."""

SEGMENT = 1 << 62
"""As long as there is no keyframe."""

WEIGHT = 4 << 20
"""Bytes after which a piece ends in any case: what is held while a file is written."""


class Making(NamedTuple):
    """How a format becomes a file."""

    front: Callable[[bytes, int, Sequence[Piece], int], bytes]
    """Of the live head, the track to index, the pieces and the duration: what stands before."""

    render: Callable[[Any, Sequence[Packet]], bytes]
    """Of the live format and some packets: a piece's bytes."""

    begin: Callable[[Packet], int]
    """The time of a packet that must not be before 0."""

    span: int
    """
    How long a piece is, but for a keyframe. In MP4, where it is one moof, that decides: when it has
    sought, libavformat, which is in Chromium, too, finds nothing that the index does not name, and
    no keyframe but those that pieces begin with.
    """


FORMATS: Mapping[str, Making] = MappingProxyType(
    {
        "matroska": Making(matroska.front, Matroska.render, lambda packet: packet.pts, SPAN),
        "webm": Making(matroska.front, WebM.render, lambda packet: packet.pts, SPAN),
        "mp4": Making(mp4.front, Mp4.whole, lambda packet: min(packet.pts, packet.dts), SEGMENT),
    }
)
"""By the name of the format."""


@dataclass(frozen=True, slots=True)
class Replay:
    """
    What a file is made of: values, which any thread may have.

    @ivar format: one of L{FORMATS}.
    @ivar made: the live one.
    @ivar packets: of these tracks, from a keyframe on, in the order in which they were sent.
    """

    tracks: Sequence[Track]
    format: str
    made: Format
    packets: Sequence[Packet]

    def write(self, file: BinaryIO) -> None:
        """
        Write all of it.

        @param file: an empty one that can seek.
        @raise OSError: when it cannot be written.
        """
        front, render, begin, span = FORMATS[self.format]
        head = self.made.head
        number = guide(self.tracks)
        groups = list(cut(self.packets, number, span))
        first = min(map(begin, self.packets))
        nothing = [Piece(0, 0, key) for key, _ in groups]
        file.seek(len(front(head, number, nothing, 0)))
        pieces, end = [], 0
        for key, group in groups:
            shifted = [p._replace(pts=p.pts - first, dts=p.dts - first) for p in group]
            data = render(self.made, shifted)
            file.write(data)
            pieces.append(Piece(shifted[0].pts, len(data), key))
            end = max(end, *(packet.pts + packet.duration for packet in shifted))
        file.seek(0)
        file.write(front(head, number, pieces, end))


def guide(tracks: Iterable[Track]) -> int:
    """The number of the track by which one finds one's way: the first of video, else of sound."""
    ranks = {"video": 0, "audio": 1, "subtitle": 2}
    return min(tracks, key=lambda track: ranks[track.type]).number


def cut(
    packets: Iterable[Packet], number: int, span: int = SPAN
) -> Iterator[tuple[bool, list[Packet]]]:
    """
    Packets in pieces, each with whether it begins with a keyframe.

    @param number: the track whose keyframes and whose time count.
    @param span: how long a piece is, but for a keyframe.
    """
    group: list[Packet] = []
    key, begin, size = False, 0, 0
    for packet in packets:
        mine = packet.track == number
        lasted = packet.dts - begin if mine else 0
        # A keyframe is found only where a piece begins with it, or not long after one that does.
        least = span if not packet.key else SPAN // 2 if key else 0
        whole = (mine and lasted >= least) or size >= WEIGHT
        if group and whole:
            yield key, group
            group, size = [], 0
        if not group:
            key = mine and packet.key
            begin = packet.dts if mine else begin + lasted
        group.append(packet)
        size += len(packet.data)
    if group:
        yield key, group
