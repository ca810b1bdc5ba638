"""
Replays: the last seconds as a finite file, with duration, index, and times from 0 (I{pure}).

The pieces are what the live format makes of the same packets, a second in each, or in MP4 a
segment. The front tells their sizes, but its own size does not depend on them. So a file is written
in one go, and no more of it is held than one piece::

    front: header, duration, index     piece  piece  piece  ...
    '-- written last, at the start --' '-- written first, behind it --'
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from mkvtwist.formats.base import Format, IndexEntry, Muxer
from mkvtwist.media.packet import SECOND, Packet, Track

SHORTEST_PIECE = SECOND // 2
"""Microseconds that a piece lasts at least, if its keyframe is followed by another one."""

WEIGHT = 4 << 20
"""Bytes after which a piece ends in any case: what is held while a file is written."""


@dataclass(frozen=True, slots=True)
class Replay:
    """
    A file before it is written: immutable values, so any thread may have it.

    @ivar format: one that has a layout for files.
    @ivar muxer: the live stream's, for these tracks.
    @ivar packets: of these tracks, from a keyframe on, in the order in which they were sent.
    """

    tracks: Sequence[Track]
    format: Format
    muxer: Muxer[Any]
    packets: Sequence[Packet]

    def write(self, file: BinaryIO) -> None:
        """
        Write the file.

        @param file: an empty one that can seek.
        @raise OSError: when it cannot be written.
        """
        layout, head = self.format.file, self.muxer.head
        assert layout is not None
        number = guide(self.tracks)
        groups = list(cut(self.packets, number, layout.span))
        first = min(map(layout.earliest, self.packets))
        nothing = [IndexEntry(0, 0, key) for key, _ in groups]
        file.seek(len(layout.front(head, number, nothing, 0)))
        pieces, end = [], 0
        for key, group in groups:
            shifted = [p._replace(pts=p.pts - first, dts=p.dts - first) for p in group]
            data = layout.piece(self.muxer, shifted)
            file.write(data)
            pieces.append(IndexEntry(shifted[0].pts, len(data), key))
            end = max(end, *(packet.pts + packet.duration for packet in shifted))
        file.seek(0)
        file.write(layout.front(head, number, pieces, end))


def guide(tracks: Iterable[Track]) -> int:
    """Return the number of the track that is indexed: the first of video, else of sound."""
    ranks = {"video": 0, "audio": 1, "subtitle": 2}
    return min(tracks, key=lambda track: ranks[track.type]).number


def cut(packets: Iterable[Packet], number: int, span: int) -> Iterator[tuple[bool, list[Packet]]]:
    """
    Cut packets into pieces; yield each with whether it begins with a keyframe.

    @param number: the track whose keyframes and whose time count.
    @param span: how long a piece is, but for a keyframe.
    """
    group: list[Packet] = []
    key, begin, size = False, 0, 0
    for packet in packets:
        mine = packet.track == number
        lasted = packet.dts - begin if mine else 0
        # A keyframe is found only where a piece begins with it, or not long after one that does.
        least = span if not packet.key else SHORTEST_PIECE if key else 0
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
