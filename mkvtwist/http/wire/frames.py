"""
Frames of WebSocket, as a server reads and writes them (I{pure}; RFC 6455, 5).

A client's binary messages are one stream of bytes here: where a message or a frame begins and ends
means nothing. So L{FrameReader} passes on each byte as soon as it has come, holds no message until
it is whole, and needs no limit for messages. No extension is agreed on, so nothing is compressed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

REASON_LIMIT = 123
"""Bytes of the reason in a close frame: a control frame has 125, and the code takes two."""


class Opcode(IntEnum):
    """The kinds of frames (RFC 6455, 5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class CloseCode(IntEnum):
    """Codes of close frames (RFC 6455, 7.4.1)."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    UNSUPPORTED = 1003
    NO_CODE = 1005
    """None was given; never sent."""


@dataclass(frozen=True, slots=True)
class Media:
    """The next bytes of the client's binary messages."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping, to be answered with a pong that has the same payload."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The client's last frame, to be answered with a close frame that has the same code."""

    code: int


Received = Media | Ping | Close


class FrameError(Exception):
    """
    The client has sent what no client may send, or what is of no use here; nothing after it can be
    read.

    @ivar code: for the close frame that tells the client so.
    """

    def __init__(self, code: CloseCode, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True)
class _Frame:
    """
    A frame whose payload comes.

    @ivar left: bytes that are still to come.
    @ivar payload: the bytes so far, of a control frame only: it is 125 bytes at most.
    """

    opcode: Opcode
    mask: bytes
    left: int
    payload: bytearray = field(default_factory=bytearray)

    def take(self, piece: memoryview) -> bytes:
        """Return the next bytes of the payload without the mask."""
        size = len(piece)
        pattern = (self.mask * (size // 4 + 1))[:size]
        at = size % 4
        self.mask = self.mask[at:] + self.mask[:at]
        self.left -= size
        # As one large number each: byte by byte it would take a hundred times as long.
        return (int.from_bytes(piece) ^ int.from_bytes(pattern)).to_bytes(size)


class FrameReader:
    """Reads the frames of one client, in whatever pieces their bytes come."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._frame: _Frame | None = None
        self._is_in_message = False

    def read(self, data: bytes) -> Iterator[Received]:
        """
        Yield what the next bytes of the connection bring.

        @raise FrameError: if that is not allowed, or of no use here.
        """
        rest = memoryview(data)
        while True:
            if self._frame is None:
                rest = self._read_head(rest)
            frame = self._frame
            if frame is None:
                return
            piece, rest = rest[: frame.left], rest[frame.left :]
            if frame.opcode >= Opcode.CLOSE:
                frame.payload += frame.take(piece)
            elif piece:
                yield Media(frame.take(piece))
            if frame.left:
                return
            self._frame = None
            if frame.opcode is Opcode.PING:
                yield Ping(bytes(frame.payload))
            elif frame.opcode is Opcode.CLOSE:
                yield Close(_code_of(frame.payload))

    def _read_head(self, rest: memoryview) -> memoryview:
        """Begin with a frame if its head is complete; return the bytes behind the head."""
        head = self._head
        while missing := _size_of(head) - len(head):
            if not rest:
                return rest
            head += rest[:missing]
            rest = rest[missing:]
        self._head = bytearray()
        length = head[1] & 0x7F
        if length > 125:
            length = int.from_bytes(head[2:-4])
        opcode = self._opcode_of(head[0])
        if opcode >= Opcode.CLOSE and length > 125:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "a control frame has 125 bytes at most")
        self._frame = _Frame(opcode, bytes(head[-4:]), length)
        return rest

    def _opcode_of(self, first: int) -> Opcode:
        """
        Return the kind of a frame, by its first byte, if it may come now.

        @raise FrameError: if it may not.
        """
        is_final = bool(first & 0x80)
        try:
            opcode = Opcode(first & 0x7F)  # with the bits of extensions, of which there are none
        except ValueError:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "an unknown kind of frame") from None
        if opcode >= Opcode.CLOSE:
            if not is_final:
                raise FrameError(CloseCode.PROTOCOL_ERROR, "a control frame in several parts")
            return opcode
        if opcode is Opcode.TEXT:
            raise FrameError(CloseCode.UNSUPPORTED, "media is binary, not text")
        if (opcode is Opcode.CONTINUATION) is not self._is_in_message:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "a message within another, or none at all")
        self._is_in_message = not is_final
        return opcode


def _size_of(head: bytearray) -> int:
    """
    Return the size of a frame's head, as far as its bytes so far tell.

    @raise FrameError: if the frame has no mask, which each frame of a client has.
    """
    if len(head) < 2:
        return 2
    if not head[1] & 0x80:
        raise FrameError(CloseCode.PROTOCOL_ERROR, "a client's frames have a mask")
    return 6 + {126: 2, 127: 8}.get(head[1] & 0x7F, 0)


def _code_of(payload: bytearray) -> int:
    """Return the code in a close frame of a client; a code that cannot be sent is an error."""
    if not payload:
        return CloseCode.NO_CODE
    code = int.from_bytes(payload[:2])
    is_sent = 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
    return code if len(payload) >= 2 and is_sent else CloseCode.PROTOCOL_ERROR


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """Return a frame of the server: a whole message, without a mask."""
    length = len(payload)
    if length <= 125:
        return bytes((0x80 | opcode, length)) + payload
    size, mark = (2, 126) if length < 1 << 16 else (8, 127)
    return bytes((0x80 | opcode, mark)) + length.to_bytes(size) + payload


def close(code: int, reason: str = "") -> bytes:
    """
    Return a close frame.

    @param reason: in words, for the client; what is too long is cut.
    """
    if code == CloseCode.NO_CODE:
        return frame(Opcode.CLOSE, b"")
    text = reason.encode()[:REASON_LIMIT].decode(errors="ignore").encode()
    return frame(Opcode.CLOSE, code.to_bytes(2) + text)
