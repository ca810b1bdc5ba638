"""
The messages that go both ways beside the media (I{pure}).
"""

from enum import IntEnum
from typing import Any

from mkvtwist.inputs.rtmp import amf0
from mkvtwist.inputs.rtmp.chunks import Message

CONTROL_STREAM = 2
COMMAND_STREAM = 3
STATUS_STREAM = 5
"""The chunk streams of what is sent; 2 is the protocol's own, the others are customary."""


class Type(IntEnum):
    """The types of messages."""

    SET_CHUNK_SIZE = 1
    ABORT = 2
    ACKNOWLEDGEMENT = 3
    USER_CONTROL = 4
    WINDOW_SIZE = 5
    PEER_BANDWIDTH = 6
    AUDIO = 8
    VIDEO = 9
    DATA_AMF3 = 15
    COMMAND_AMF3 = 17
    DATA = 18
    COMMAND = 20
    AGGREGATE = 22


class UserControl(IntEnum):
    """The events of user control messages that matter here."""

    STREAM_BEGIN = 0
    PING_REQUEST = 6
    PING_RESPONSE = 7


def number(type_: Type, value: int) -> Message:
    """Return a message of the protocol's own that has one number."""
    return Message(type_, 0, 0, value.to_bytes(4, "big"))


def peer_bandwidth(window: int) -> Message:
    """Return the message that bounds what the peer may send without an acknowledgement."""
    dynamic = b"\2"
    return Message(Type.PEER_BANDWIDTH, 0, 0, window.to_bytes(4, "big") + dynamic)


def user_control(event: UserControl, data: bytes) -> Message:
    """Return a user control message."""
    return Message(Type.USER_CONTROL, 0, 0, event.to_bytes(2, "big") + data)


def command(stream: int, *values: Any) -> Message:
    """Return a command, or the response to one."""
    return Message(Type.COMMAND, stream, 0, amf0.encode(*values))


def status(stream: int, level: str, code: str, text: str) -> Message:
    """
    Return an C{onStatus}.

    @param level: C{status} or C{error}.
    @param text: for people.
    """
    about = {"level": level, "code": code, "description": text}
    return command(stream, "onStatus", 0, None, about)
