"""Chunks."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.rtmp.chunks import (
    FIRST_SIZE,
    MOST_STREAMS,
    WRAP,
    ChunkReader,
    Message,
    chunks,
)
from mkvtwist.inputs.rtmp.errors import ProtocolError

LONGEST = 1000


def read(data: bytes, *, size: int = FIRST_SIZE, longest: int = LONGEST) -> list[Message]:
    """The messages in some bytes."""
    reader = ChunkReader(longest)
    reader.size = size
    reader.feed(data)
    return list(reader.messages())


def header(kind: int, number: int, fields: str) -> bytes:
    """A chunk's header: these fields are in hexadecimal."""
    return bytes([kind << 6 | number]) + bytes.fromhex(fields)


MESSAGES = st.lists(
    st.builds(
        Message,
        st.sampled_from((8, 9, 18, 20)),
        st.integers(0, 3),
        st.integers(0, WRAP - 1),
        st.binary(max_size=400),
    ),
    max_size=6,
)
CUTS = st.lists(st.integers(0, 3000), max_size=20)


class ChunkReaderTests(SynchronousTestCase):
    """L{ChunkReader}."""

    @given(MESSAGES, CUTS, st.integers(1, 200))
    def test_any_split(self, sent: list[Message], cuts: list[int], size: int) -> None:
        """Messages come out as they went in, however the bytes are split."""
        data = b"".join(chunks(one, 3 + n % 5, size) for n, one in enumerate(sent))
        reader = ChunkReader(LONGEST)
        reader.size = size
        found: list[Message] = []
        places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
        for start, end in zip(places, places[1:] or places, strict=False):
            reader.feed(data[start:end])
            found += reader.messages()
        self.assertEqual(found, sent)

    def test_headers(self) -> None:
        """A header has from the message before all that it leaves out."""
        data = (
            header(0, 4, "000064 000002 09 01000000")
            + b"ab"
            + header(1, 4, "00000a 000001 08")
            + b"c"
            + header(2, 4, "000005")
            + b"d"
            + header(3, 4, "")
            + b"e"
        )
        self.assertEqual(
            read(data),
            [
                Message(9, 1, 100, b"ab"),
                Message(8, 1, 110, b"c"),
                Message(8, 1, 115, b"d"),
                Message(8, 1, 120, b"e"),
            ],
        )

    def test_first_step(self) -> None:
        """A message without a header, behind one with a whole one, is its time later."""
        data = header(0, 4, "000064 000001 09 01000000") + b"a" + header(3, 4, "") + b"b"
        self.assertEqual([message.time for message in read(data)], [100, 200])

    def test_side_by_side(self) -> None:
        """Messages of several chunk streams come in pieces, in any order."""
        data = (
            header(0, 4, "000000 000004 09 01000000")
            + b"ab"
            + header(0, 5, "000000 000003 08 01000000")
            + b"AB"
            + header(3, 4, "")
            + b"cd"
            + header(3, 5, "")
            + b"C"
        )
        bodies = [message.body for message in read(data, size=2)]
        self.assertEqual(bodies, [b"abcd", b"ABC"])

    def test_large_numbers(self) -> None:
        """A chunk stream's number may have one byte more, or two."""
        rest = "000000 000001 09 01000000"
        for number, head in ((64, "00 00"), (319, "00 ff"), (320, "01 00 01"), (65599, "01 ff ff")):
            data = bytes.fromhex(head + rest) + b"a"
            again = bytes([0xC0 | data[0]]) + bytes.fromhex(head)[1:] + b"b"
            bodies = [message.body for message in read(data + again)]
            self.assertEqual(bodies, [b"a", b"b"], number)

    def test_extended(self) -> None:
        """A time of four bytes is repeated in each chunk, or is not: both are read."""
        head = header(0, 4, "ffffff 000004 09 01000000 01000000") + b"ab"
        for repeated in ("01000000", ""):
            data = head + header(3, 4, repeated) + b"cd" + header(3, 4, repeated) + b"efgh"
            (first, *_) = read(data, size=2)
            self.assertEqual(first, Message(9, 1, 1 << 24, b"abcd"), repeated)

    def test_wrap(self) -> None:
        """Times begin again after 49 days."""
        data = header(0, 4, "ffffff 000001 09 01000000 fffffffe") + b"a"
        data += header(2, 4, "000005") + b"b"
        self.assertEqual([message.time for message in read(data)], [WRAP - 2, 3])

    def test_abort(self) -> None:
        """A message that is abandoned is forgotten; the next one is read."""
        reader = ChunkReader(LONGEST)
        reader.size = 2
        reader.feed(header(0, 4, "000000 000004 09 01000000") + b"ab")
        self.assertEqual(list(reader.messages()), [])
        reader.abort(4)
        reader.abort(5)
        reader.feed(header(1, 4, "000000 000001 09") + b"c")
        self.assertEqual([message.body for message in reader.messages()], [b"c"])

    def test_begun_anew(self) -> None:
        """A message that begins before the one before was complete takes its place."""
        data = header(0, 4, "000000 000004 09 01000000") + b"ab"
        data += header(0, 4, "000000 000001 09 01000000") + b"c"
        self.assertEqual([message.body for message in read(data, size=2)], [b"c"])

    def test_size(self) -> None:
        """The size of chunks may change between two messages."""
        sent = Message(9, 1, 0, bytes(200))
        reader = ChunkReader(LONGEST)
        reader.feed(chunks(sent, 4, FIRST_SIZE) + chunks(sent, 4, 500))
        found = []
        for message in reader.messages():
            found.append(message)
            reader.size = 500
        self.assertEqual(found, [sent, sent])

    def test_bounds(self) -> None:
        """Messages, chunk streams and what is incomplete are bounded."""
        long = header(0, 4, "000000 0003e9 09 01000000")
        self.assertRaises(ProtocolError, read, long)
        many = b"".join(
            bytes([0, n]) + bytes.fromhex("000000 000001 09 01000000") + b"a"
            for n in range(MOST_STREAMS + 1)
        )
        self.assertRaises(ProtocolError, read, many)
        held = b"".join(
            header(0, 4 + n, "000000 0003e8 09 01000000") + bytes(900) for n in range(3)
        )
        self.assertRaises(ProtocolError, read, held, size=900)

    def test_nothing_before(self) -> None:
        """A chunk that leaves out what was never said is refused."""
        for kind, fields in ((1, "000000 000001 09"), (2, "000000"), (3, "")):
            self.assertRaises(ProtocolError, read, header(kind, 4, fields) + b"abc")

    @given(st.binary(max_size=300))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are messages or that error."""
        with contextlib.suppress(ProtocolError):
            read(data)
