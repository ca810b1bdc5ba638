"""
Aggregates of RTMP's messages, which are the tags of FLV (I{pure}).
"""

from collections.abc import Iterator

from mkvtwist.formats.flv.tags import HEAD, SIZE
from mkvtwist.inputs.rtmp.chunks import WRAP, Message
from mkvtwist.inputs.rtmp.errors import ProtocolError

MOST_AGGREGATED = 1000
"""Messages in an aggregate: servers gather those of about a second."""


def aggregated(message: Message) -> Iterator[Message]:
    """
    Yield the messages in an aggregate, which are the tags of a file.

    The times in the tags are only right against each other: the first one's is the aggregate's.

    @raise ProtocolError: if it is cut off, or has too many.
    """
    body, place = message.body, 0
    shift: int | None = None
    left = MOST_AGGREGATED
    while place < len(body):
        left -= 1
        if left < 0:
            raise ProtocolError(f"an aggregate of more than {MOST_AGGREGATED} messages")
        head = body[place : place + HEAD]
        size = int.from_bytes(head[1:4], "big")
        end = place + HEAD + size
        if len(head) < HEAD or end > len(body):
            raise ProtocolError("an aggregate message that is cut off")
        time = int.from_bytes(head[4:7], "big") | head[7] << 24
        if shift is None:
            shift = message.time - time
        yield Message(head[0], message.stream, (time + shift) % WRAP, body[place + HEAD : end])
        place = end + SIZE
