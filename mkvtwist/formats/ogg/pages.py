"""
Pages of Ogg, made from packets (I{pure}, RFC 3533, 6).

A packet is cut into segments of 255 bytes; a shorter one, perhaps without bytes, is its last. A
page has up to 255 segments: a packet that does not end there goes on in the next page.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from mkvtwist.media.crc import crc32

SEGMENT = 255
"""Bytes of a segment, unless it ends a packet."""

SEGMENTS = 255
"""Segments in a page at most."""

CONTINUED, FIRST = 1, 2
"""Types of a page: it begins with the rest of a packet; it begins the stream."""

_NO_POSITION = -1
"""The position of a page in which no packet ends."""

_CRC_AT = 22


class Placed(NamedTuple):
    """A packet and its position."""

    position: int
    """The granule position: the samples of the stream up to the packet's end."""

    data: bytes


class _Page:
    """A page that is being filled."""

    def __init__(self, type_: int) -> None:
        self.sizes = bytearray()
        self.parts: list[bytes] = []
        self.position = _NO_POSITION
        self._type = type_

    def written(self, serial: int, number: int) -> bytes:
        """Return the page's bytes."""
        head = struct.pack(
            *("<4sBBqIIIB", b"OggS", 0, self._type, self.position),
            *(serial, number & 0xFFFFFFFF, 0, len(self.sizes)),
        )
        page = b"".join((head, self.sizes, *self.parts))
        return page[:_CRC_AT] + struct.pack("<I", crc32(page, 0)) + page[_CRC_AT + 4 :]


def pages(packets: Iterable[Placed], serial: int, number: int, type_: int = 0) -> list[bytes]:
    """
    Return the pages of some packets, which begin with one and end with one.

    @param serial: the serial number of the stream.
    @param number: of the first page.
    @param type_: of the first page: L{FIRST}, or 0.
    """
    made: list[bytes] = []
    page = _Page(type_)
    for packet in packets:
        at, size = 0, len(packet.data)
        left = size // SEGMENT + 1
        while left:
            count = min(left, SEGMENTS - len(page.sizes))
            if not count:
                made.append(page.written(serial, number + len(made)))
                page = _Page(CONTINUED if at else 0)
                continue
            left -= count
            stop = at + count * SEGMENT
            page.sizes += b"\xff" * (count if left else count - 1)
            if not left:
                page.sizes.append(size % SEGMENT)
                page.position, stop = packet.position, size
            page.parts.append(packet.data[at:stop])
            at = stop
    if page.sizes:
        made.append(page.written(serial, number + len(made)))
    return made


def count(sizes: Iterable[int]) -> int:
    """Return how many pages some packets take, by the packets' sizes."""
    return -(-sum(size // SEGMENT + 1 for size in sizes) // SEGMENTS)
