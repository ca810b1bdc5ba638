"""
FLV, as libavformat reads it: RTMP's media are the bodies of its tags (I{pure}).
"""

import struct
from collections.abc import Iterator

from mkvtwist.inputs.rtmp.chunks import WRAP, Message
from mkvtwist.inputs.rtmp.errors import ProtocolError

HAS_AUDIO, HAS_VIDEO = 4, 1
"""Flags of the header: libavformat waits for the tracks that they promise."""

_TAG = 11
"""Bytes of a tag's head."""

_SIZE = struct.Struct(">I")


def header(flags: int) -> bytes:
    """Return the beginning of a file, with the size of no tag behind it."""
    return b"FLV\x01" + bytes([flags]) + b"\0\0\0\x09\0\0\0\0"


def tag(type_: int, time: int, body: bytes) -> bytes:
    """
    Return a tag with its size behind it.

    @param type_: as in RTMP: 8 is audio, 9 video, 18 data.
    @param time: in milliseconds; wraps at L{WRAP}.
    """
    size = len(body)
    return b"".join(
        (
            bytes([type_]),
            size.to_bytes(3, "big"),
            (time & 0xFFFFFF).to_bytes(3, "big"),
            bytes([time >> 24 & 0xFF, 0, 0, 0]),
            body,
            _SIZE.pack(_TAG + size),
        )
    )


def aggregated(message: Message) -> Iterator[Message]:
    """
    Yield the messages in an aggregate, which are the tags of a file.

    The times in the tags are only right against each other: the first one's is the aggregate's.

    @raise ProtocolError: if it is cut off.
    """
    body, place = message.body, 0
    shift: int | None = None
    while place < len(body):
        head = body[place : place + _TAG]
        size = int.from_bytes(head[1:4], "big")
        end = place + _TAG + size
        if len(head) < _TAG or end > len(body):
            raise ProtocolError("an aggregate message that is cut off")
        time = int.from_bytes(head[4:7], "big") | head[7] << 24
        if shift is None:
            shift = message.time - time
        yield Message(head[0], message.stream, (time + shift) % WRAP, body[place + _TAG : end])
        place = end + _SIZE.size
