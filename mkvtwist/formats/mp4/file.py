"""
A finite file of MP4: its front, with a duration and an index (I{pure}).
"""

import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise

from mkvtwist.formats.base import FileLayout, IndexEntry
from mkvtwist.formats.mp4.boxes import after_dates, box, child, whole
from mkvtwist.formats.mp4.fragments import Mp4Muxer, ticks
from mkvtwist.formats.mp4.head import timescales

UNBOUNDED_SPAN = 1 << 62
"""
Microseconds of a piece in a file, if no keyframe ends it before: any number. A piece is one moof,
and when it has sought, libavformat, which is in Chromium, too, finds nothing that the index does
not name, and no keyframe but those that pieces begin with.
"""

_SYNC_SAMPLE = 0x90000000
"""In an index: one can begin there, and nothing that is shown later was decoded before."""

_MOST_ENTRIES = 0xFFFF
"""Entries of an index at most: it counts them in 16 bits."""


def front(head: bytes, number: int, pieces: Sequence[IndexEntry], duration: int) -> bytes:
    """
    Return the part before the fragments: the head with the duration, and an index.

    These are mehd (8.8.2) and sidx (8.16.3); there is no index of too many pieces. The length of
    the front depends on the number of pieces, not on their sizes, so that the front can be written
    after them.

    @param head: a stream's.
    @param number: the track whose times the index has.
    @param pieces: the fragments, as they will follow.
    @param duration: of the whole, in microseconds.
    @raise Mp4Error: when the head cannot be read.
    """
    moov = child(head, whole(head), b"moov")
    mvhd, mvex = child(head, moov, b"mvhd"), child(head, moov, b"mvex")
    (scale,) = struct.unpack_from(">I", head, after_dates(head, mvhd))
    length = box(b"mehd", struct.pack(">IQ", 1 << 24, ticks(duration, scale)))
    movie = box(
        b"moov",
        head[moov.start : mvex.head],
        box(b"mvex", length, head[mvex.start : mvex.end]),
        head[mvex.end : moov.end],
    )
    return head[: moov.head] + movie + head[moov.end :] + _index(head, number, pieces, duration)


def _index(head: bytes, number: int, pieces: Sequence[IndexEntry], duration: int) -> bytes:
    if len(pieces) > _MOST_ENTRIES:
        return b""
    scale = timescales(head)[number]
    # Pictures that are shown out of order are indexed in the order in which they are decoded.
    times = [ticks(time, scale) for time in (*(piece.start for piece in pieces), duration)]
    times = list(accumulate(times, max))
    entries = [
        struct.pack(
            ">III",
            min(piece.size, 0x7FFFFFFF),
            min(end - begin, 0xFFFFFFFF),
            _SYNC_SAMPLE if piece.key else 0,
        )
        for piece, (begin, end) in zip(pieces, pairwise(times), strict=True)
    ]
    fixed = struct.pack(">IIIQQHH", 1 << 24, number, scale, times[0], 0, 0, len(entries))
    return box(b"sidx", fixed, *entries)


FILE = FileLayout(
    front=front,
    piece=Mp4Muxer.whole,
    earliest=lambda packet: min(packet.pts, packet.dts),
    span=UNBOUNDED_SPAN,
)
