"""Frames of WebSocket."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.http.wire.frames import (
    REASON_LIMIT,
    Close,
    CloseCode,
    FrameError,
    FrameReader,
    Media,
    Opcode,
    Ping,
    Received,
    close,
    frame,
)
from tests.support.websocket import Frame, closing, frames, masked


def read(*pieces: bytes) -> list[Received]:
    """What these pieces of a connection bring."""
    reader = FrameReader()
    return [found for piece in pieces for found in reader.read(piece)]


def media(found: list[Received]) -> bytes:
    """All media together."""
    return b"".join(event.data for event in found if isinstance(event, Media))


class ReadingTests(SynchronousTestCase):
    """What a client sends."""

    def refused(self, data: bytes) -> CloseCode:
        """The code of the error that these bytes are."""
        error: FrameError = self.assertRaises(FrameError, read, data)
        return error.code

    def test_media(self) -> None:
        """Binary messages of any size are media, without their masks."""
        for size in (1, 125, 126, 65_535, 65_536, 200_000):
            data = bytes(at % 251 for at in range(size))
            self.assertEqual(read(masked(data)), [Media(data)])

    def test_partial(self) -> None:
        """Media is passed on before its frame is whole, and a message need never end."""
        whole = masked(bytes(1 << 20))
        self.assertEqual(media(read(whole[:1000])), bytes(1000 - 14))
        parts = [masked(b"abc", final=False)] + [
            masked(b"def", Opcode.CONTINUATION, final=False) for _ in range(9)
        ]
        self.assertEqual(media(read(*parts)), b"abc" + 9 * b"def")

    def test_empty(self) -> None:
        """An empty message is no media."""
        self.assertEqual(read(masked(b"") + masked(b"a")), [Media(b"a")])

    def test_ping(self) -> None:
        """A ping may come between the parts of a message; a pong is ignored."""
        data = (
            masked(b"ab", final=False)
            + masked(b"hello", Opcode.PING)
            + masked(b"", Opcode.PONG)
            + masked(b"cd", Opcode.CONTINUATION)
        )
        self.assertEqual(read(data), [Media(b"ab"), Ping(b"hello"), Media(b"cd")])

    def test_close(self) -> None:
        """A close frame has a code or none; a code that cannot be sent is an error."""
        self.assertEqual(read(closing(1001)), [Close(1001)])
        self.assertEqual(read(masked(b"\x0f\xa0bye", Opcode.CLOSE)), [Close(4000)])
        self.assertEqual(read(masked(b"", Opcode.CLOSE)), [Close(CloseCode.NO_CODE)])
        for payload in (b"\x03", b"\x03\xed", b"\x00\x01"):
            self.assertEqual(read(masked(payload, Opcode.CLOSE)), [Close(1002)])

    def test_useless(self) -> None:
        """Text is not media."""
        self.assertEqual(self.refused(masked(b"hello", Opcode.TEXT)), CloseCode.UNSUPPORTED)

    def test_wrong(self) -> None:
        """Frames that RFC 6455 does not allow are errors."""
        part = masked(b"a", final=False)
        for data in (
            frame(Opcode.BINARY, b"without a mask"),
            masked(b"", 3),
            masked(b"", 0x40 | Opcode.BINARY),  # compressed, perhaps
            masked(b"", Opcode.PING, final=False),
            masked(bytes(126), Opcode.PING),
            masked(b"", Opcode.CONTINUATION),
            part + masked(b"b"),
            part + masked(b"b", Opcode.CONTINUATION) + masked(b"c", Opcode.CONTINUATION),
        ):
            self.assertEqual(self.refused(data), CloseCode.PROTOCOL_ERROR, data)

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.tuples(st.sampled_from("mpz"), st.binary(max_size=300)), max_size=8),
        st.lists(st.integers(1, 40), min_size=1),
    )
    def test_split(self, sent: list[tuple[str, bytes]], sizes: list[int]) -> None:
        """However the bytes are split, the same media and pings come."""
        data = b""
        for kind, payload in sent:
            if kind == "m":
                data += masked(payload)
            elif kind == "p":
                data += masked(payload[:125], Opcode.PING)
            else:
                data += masked(payload[:7], final=False) + masked(
                    payload[7:], Opcode.CONTINUATION, mask=b"\x00\xfe\x03\x99"
                )
        pieces = []
        at = turn = 0
        while at < len(data):
            size = sizes[turn % len(sizes)]
            pieces.append(data[at : at + size])
            at, turn = at + size, turn + 1
        whole, split = read(data), read(*pieces)
        self.assertEqual(media(split), media(whole))
        self.assertEqual(media(whole), b"".join(load for kind, load in sent if kind != "p"))
        pings = [Ping(load[:125]) for kind, load in sent if kind == "p"]
        for found in (whole, split):
            self.assertEqual([event for event in found if isinstance(event, Ping)], pings)


class WritingTests(SynchronousTestCase):
    """What the server sends."""

    def test_sizes(self) -> None:
        """A payload of any size is one frame."""
        for size in (0, 125, 126, 65_535, 65_536):
            payload = bytes(size)
            self.assertEqual(frames(frame(Opcode.TEXT, payload)), [Frame(Opcode.TEXT, payload)])

    def test_close(self) -> None:
        """A close frame has a code and a reason; a long one is cut between two letters."""
        found = frames(close(4409, "another sender is connected"))[0]
        self.assertEqual((found.code, found.reason), (4409, "another sender is connected"))
        found = frames(close(1000, "x" + 100 * "é"))[0]
        self.assertEqual(found.reason, "x" + (REASON_LIMIT - 1) // 2 * "é")
        self.assertEqual(frames(close(CloseCode.NO_CODE)), [Frame(Opcode.CLOSE, b"")])
