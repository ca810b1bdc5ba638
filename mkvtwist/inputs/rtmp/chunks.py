"""
Chunks: messages are cut into pieces, those of several chunk streams side by side (I{pure}).

 - A chunk begins with its stream's number and its kind. Kind 0 has a whole header, 1 and 2 leave
   out what is as before, 3 has none: it continues a message, or begins one like the one before.
 - Timestamps are milliseconds in 32 bits, which wrap. Kind 0 has the time itself, 1 and 2 the time
   since the message before; kind 3 that begins a message has the same step once more, where the
   time itself is a step, too.
 - A time of 0xFFFFFF stands in 4 bytes behind the header. Most senders repeat them in each chunk of
   kind 3, some do not: four bytes that are the same time are taken for it.
 - Either side may change the size of its chunks (L{ChunkReader.size}), and abandon a message
   (L{ChunkReader.abort}).
"""

from collections.abc import Generator
from typing import NamedTuple

from mkvtwist.inputs.rtmp.errors import ProtocolError

FIRST_SIZE = 128
"""Bytes of a chunk, without its header, until a side says otherwise."""

MOST_STREAMS = 64
"""Chunk streams of one connection: senders use 3 to 8."""

WRAP = 1 << 32
"""Where timestamps begin again, after 49.7 days."""

_EXTENDED = 0xFFFFFF


class Message(NamedTuple):
    """
    A message.

    @ivar type: see L{mkvtwist.inputs.rtmp.messages.Type}.
    @ivar stream: the number of its message stream; 0 is the connection itself.
    @ivar time: in milliseconds; wraps at L{WRAP}.
    """

    type: int
    stream: int
    time: int
    body: bytes


class _Header(NamedTuple):
    """
    The header of a message, with what its chunk left out.

    @ivar step: from the time of the message before, or the time itself.
    @ivar extended: the time as it stands behind the header, if it does.
    """

    time: int
    step: int
    length: int
    type: int
    stream: int
    extended: bytes | None


class _ChunkStream:
    """A chunk stream: the header of its last message, and what has come of one not complete."""

    __slots__ = ("body", "header")

    def __init__(self, header: _Header) -> None:
        self.header = header
        self.body: bytearray | None = None


class ChunkReader:
    """
    Reads messages out of chunks.

    @ivar size: bytes of a chunk, as the sender has said.
    @ivar longest: bytes that a message may have; all incomplete ones together, twice as many.
    """

    def __init__(self, longest: int) -> None:
        self.size = FIRST_SIZE
        self.longest = longest
        self._data = bytearray()
        self._streams: dict[int, _ChunkStream] = {}
        self._held = 0

    def feed(self, data: bytes) -> None:
        """Take bytes that have come."""
        self._data += data

    def abort(self, number: int) -> None:
        """Forget what has come of a chunk stream's message."""
        stream = self._streams.get(number)
        if stream is not None and stream.body is not None:
            self._held -= len(stream.body)
            stream.body = None

    def messages(self) -> Generator[Message, None, None]:
        """
        Yield each message that is complete. Between two of them the bounds may change.

        @raise ProtocolError: if this is no RTMP, or exceeds a bound.
        """
        place = 0
        data = self._data
        try:
            while True:
                found, place = self._chunk(data, place)
                if found is not None:
                    yield found
        except IndexError:  # the rest of the chunk has not come yet
            pass
        finally:
            del data[:place]

    def _chunk(self, data: bytearray, place: int) -> tuple[Message | None, int]:
        """
        Read one chunk, and change nothing unless it is complete.

        @return: the message that it completes, if it does, and where the next chunk begins.
        @raise IndexError: if it is not complete.
        """
        kind, number = data[place] >> 6, data[place] & 63
        place += 1
        if number == 0:
            number, place = data[place] + 64, place + 1
        elif number == 1:
            number, place = data[place] + (data[place + 1] << 8) + 64, place + 2
        stream = self._streams.get(number)
        body = stream.body if stream is not None and kind == 3 else None
        if kind == 3:
            header, place = _continued(stream, data, place)
        else:
            header, place = _whole(kind, stream, data, place)
        if body is None and header.length > self.longest:
            raise ProtocolError(f"a message of more than {self.longest} bytes")
        end = place + min(self.size, header.length - (0 if body is None else len(body)))
        if len(data) < end:
            raise IndexError
        if body is None:
            stream = self._begin(number, header)
        assert stream is not None
        return self._add(stream, data[place:end]), end

    def _begin(self, number: int, header: _Header) -> _ChunkStream:
        """Begin a message; one that was not complete is forgotten."""
        self.abort(number)
        stream = self._streams.get(number)
        if stream is None:
            if len(self._streams) >= MOST_STREAMS:
                raise ProtocolError(f"more than {MOST_STREAMS} chunk streams")
            stream = self._streams[number] = _ChunkStream(header)
        stream.header = header
        return stream

    def _add(self, stream: _ChunkStream, piece: bytearray) -> Message | None:
        """Add a piece to a stream's message; return the message if it is complete."""
        header, body = stream.header, stream.body
        if body is None and len(piece) < header.length:
            stream.body = piece
        elif body is not None:
            body += piece
        self._held += len(piece)
        whole = piece if body is None else body
        if len(whole) < header.length:
            if self._held > 2 * self.longest:
                raise ProtocolError("too many messages that are not complete")
            return None
        self._held -= header.length
        stream.body = None
        return Message(header.type, header.stream, header.time, bytes(whole))


def _whole(
    kind: int, stream: _ChunkStream | None, data: bytearray, place: int
) -> tuple[_Header, int]:
    """
    Return the header in a chunk, and where the chunk goes on behind it.

    @raise IndexError: if it is not complete.
    """
    end = place + (11, 7, 3)[kind]
    if len(data) < end:
        raise IndexError
    extended = None
    step = int.from_bytes(data[place : place + 3], "big")
    if step == _EXTENDED:
        extended = bytes(data[end : end + 4])
        end += 4
        if len(data) < end:
            raise IndexError
        step = int.from_bytes(extended, "big")
    if kind == 0:
        time, of = step, int.from_bytes(data[place + 7 : place + 11], "little")
    elif stream is None:
        raise ProtocolError("a chunk whose header leaves out what was never said")
    else:
        time, of = (stream.header.time + step) % WRAP, stream.header.stream
    if kind < 2:
        length, type_ = int.from_bytes(data[place + 3 : place + 6], "big"), data[place + 6]
    else:
        assert stream is not None
        length, type_ = stream.header.length, stream.header.type
    return _Header(time, step, length, type_, of, extended), end


def _continued(stream: _ChunkStream | None, data: bytearray, place: int) -> tuple[_Header, int]:
    """
    Return the header of a chunk that has none, and where the chunk goes on.

    @raise IndexError: if it is not complete.
    """
    if stream is None:
        raise ProtocolError("a chunk that continues no message")
    header = stream.header
    if header.extended is not None:
        if len(data) < place + 4:
            raise IndexError
        if data[place : place + 4] == header.extended:
            place += 4
    if stream.body is None:
        header = header._replace(time=(header.time + header.step) % WRAP)
    return header, place


def chunks(message: Message, number: int, size: int) -> bytes:
    """
    Return a message in chunks, for sending; its header is a whole one.

    @param number: of the chunk stream, from 2 to 63.
    @param size: bytes of a chunk.
    """
    time = message.time % WRAP
    extended = time.to_bytes(4, "big") if time >= _EXTENDED else b""
    head = (
        bytes([number])
        + min(time, _EXTENDED).to_bytes(3, "big")
        + len(message.body).to_bytes(3, "big")
        + bytes([message.type])
        + message.stream.to_bytes(4, "little")
        + extended
    )
    pieces = [head, message.body[:size]]
    for place in range(size, len(message.body), size):
        pieces += [bytes([0xC0 | number]), extended, message.body[place : place + size]]
    return b"".join(pieces)
