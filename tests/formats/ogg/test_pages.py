"""Pages of Ogg are what RFC 3533 says, whatever the packets are."""

from __future__ import annotations

import struct
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.ogg.pages import CONTINUED, FIRST, Placed, count, pages
from mkvtwist.media.crc import crc32

SIZES = st.one_of(
    st.integers(0, 600), st.sampled_from([254, 255, 256, 65_024, 65_025, 65_026, 200_000])
)


class Page(NamedTuple):
    """A page, and what its segments hold: the bytes of each packet, and whether it ends there."""

    type: int
    position: int
    serial: int
    number: int
    pieces: list[tuple[bytes, bool]]


def read(page: bytes) -> Page:
    """A page, read by a parser that knows nothing of the writer."""
    mark, version, type_, position, serial, number, crc, segments = struct.unpack_from(
        "<4sBBqIIIB", page
    )
    assert (mark, version) == (b"OggS", 0)
    assert crc == crc32(page[:22] + bytes(4) + page[26:], 0)
    sizes, at = page[27 : 27 + segments], 27 + segments
    pieces: list[tuple[bytes, bool]] = []
    open_ = False
    for size in sizes:
        data, at = page[at : at + size], at + size
        pieces[-1:] = (
            [(pieces[-1][0] + data, size < 255)]
            if open_
            else [
                *pieces[-1:],
                (data, size < 255),
            ]
        )
        open_ = size == 255
    assert at == len(page)
    return Page(type_, position, serial, number, pieces)


class PagesTests(SynchronousTestCase):
    """L{pages}."""

    @given(st.lists(SIZES, max_size=12), st.integers(0, (1 << 32) - 20))
    @example([65_025, 1], 7)
    @example([254] * 255 + [3], 0)
    def test_any(self, sizes: list[int], number: int) -> None:
        """Any packets come back, in pages that are numbered, with the position of their last."""
        packets = [Placed(1000 + n, bytes((n,)) * size) for n, size in enumerate(sizes)]
        made = [read(page) for page in pages(packets, 77, number)]
        self.assertEqual(len(made), count(sizes))
        found, rest, open_ = [], b"", False
        for page in made:
            self.assertEqual((page.type, page.serial), (CONTINUED if open_ else 0, 77))
            for data, ends in page.pieces:
                rest += data
                if ends:
                    found.append(rest)
                    rest = b""
            ended = sum(ends for _, ends in page.pieces)
            self.assertEqual(page.position, 999 + len(found) if ended else -1)
            open_ = not page.pieces[-1][1]
        self.assertFalse(open_)
        self.assertEqual(found, [packet.data for packet in packets])
        self.assertEqual([page.number for page in made], [number + n for n in range(len(made))])

    def test_first(self) -> None:
        """The first page of a stream says so, and the page behind it does not."""
        made = [read(page) for page in pages([Placed(0, bytes(70_000))], 1, 0, FIRST)]
        self.assertEqual([page.type for page in made], [FIRST, CONTINUED])

    def test_number_wraps(self) -> None:
        """After the greatest number of a page comes 0."""
        made = [read(page).number for page in pages([Placed(0, bytes(70_000))], 1, (1 << 32) - 1)]
        self.assertEqual(made, [(1 << 32) - 1, 0])
