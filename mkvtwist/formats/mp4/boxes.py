"""
Boxes, of which MP4 is made, written and read (I{pure}, ISO/IEC 14496-12, 4.2).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

_box = struct.Struct(">I4s")


class Mp4Error(ValueError):
    """Bytes that are not MP4, or are cut short."""


class Box(NamedTuple):
    """A box in a buffer: C{buffer[head:end]}; its payload is C{buffer[start:end]}."""

    type: bytes
    head: int
    start: int
    end: int


def boxes(buffer: bytes, start: int, end: int) -> Iterator[Box]:
    """
    Yield the boxes that lie side by side in a buffer.

    @raise Mp4Error: when a size makes no sense.
    """
    at = start
    while at < end:
        if end - at < _box.size:
            raise Mp4Error(f"no box at byte {at}")
        size, type_ = _box.unpack_from(buffer, at)
        if not _box.size <= size <= end - at:
            raise Mp4Error(f"box {type_!r} at byte {at} has a size of {size}")
        yield Box(type_, at, at + _box.size, at + size)
        at += size


def box(type_: bytes, *parts: bytes) -> bytes:
    """Return one box: its size, its type, its payload."""
    return _box.pack(_box.size + sum(map(len, parts)), type_) + b"".join(parts)


def whole(head: bytes) -> Box:
    """Return a buffer as if it were the payload of a box."""
    return Box(b"", 0, 0, len(head))


def after_dates(head: bytes, box: Box) -> int:
    """
    Return the place behind the dates in a mvhd, tkhd or mdhd (8.2.2, 8.3.2, 8.4.2).

    There stands the timescale, or in a tkhd the track_ID. Version 1 has dates of 64 bits.
    """
    return box.start + (20 if head[box.start] == 1 else 12)


def child(head: bytes, parent: Box, type_: bytes) -> Box:
    """
    Return the first box of a type in a box.

    @raise Mp4Error: when there is none.
    """
    for part in boxes(head, parent.start, parent.end):
        if part.type == type_:
            return part
    raise Mp4Error(f"there is no {type_.decode('latin-1')}")
