"""RTMP as a sender speaks it, without a network."""

from __future__ import annotations

import itertools
from typing import Any

from twisted.internet.address import IPv4Address

from mkvtwist.access.entry import Entry
from mkvtwist.inputs.rtmp import amf0, messages
from mkvtwist.inputs.rtmp.chunks import FIRST_SIZE, ChunkReader, Message, chunks
from mkvtwist.inputs.rtmp.connection import RtmpConnection
from mkvtwist.inputs.rtmp.factory import RtmpFactory
from mkvtwist.inputs.rtmp.handshake import SIZE
from mkvtwist.inputs.rtmp.messages import Type
from mkvtwist.inputs.rtmp.publishing import Publishing
from mkvtwist.testing import Reactor
from tests.support.inputs import MemoryTransport

HELLO = b"\3" + bytes(SIZE)
"""C0 and C1 of the simple handshake."""

SHOWN = Message(Type.VIDEO, 1, 0, b"\x17\x01picture")
HEARD = Message(Type.AUDIO, 1, 20, b"\xaf\x01sound")


def command(*values: Any, stream: int = 0, size: int = FIRST_SIZE) -> bytes:
    """A command in chunks."""
    return chunks(messages.command(stream, *values), 3, size)


def connect(app: str, **about: Any) -> bytes:
    """The whole handshake, and C{connect}."""
    return HELLO + bytes(SIZE) + command("connect", 1, {"app": app, **about})


def publish(app: str = "live", key: str = "cam") -> bytes:
    """All that is sent before media, as OBS sends it."""
    return b"".join(
        (
            connect(app),
            command("releaseStream", 2, None, key),
            command("FCPublish", 3, None, key),
            command("createStream", 4, None),
            command("publish", 5, None, key, "live", stream=1),
        )
    )


def media(*sent: Message) -> bytes:
    """Messages with media in chunks."""
    return b"".join(chunks(message, 4, FIRST_SIZE) for message in sent)


def answers(said: bytes, whole: bool = True) -> list[Message]:
    """The messages in what a server has said, behind its part of the handshake."""
    reader = ChunkReader(1 << 20)
    reader.feed(said[1 + 2 * SIZE :] if whole else said)
    found = []
    for message in reader.messages():
        found.append(message)
        if message.type == Type.SET_CHUNK_SIZE:
            reader.size = int.from_bytes(message.body, "big")
    return found


def statuses(said: bytes) -> list[tuple[str, str]]:
    """The codes and the texts of each C{onStatus} in what a server has said."""
    found = []
    for message in answers(said):
        if message.type == Type.COMMAND:
            name, *values = amf0.decode(message.body)
            if name == "onStatus":
                found.append((values[-1]["code"], values[-1]["description"]))
    return found


class Peers:
    """Senders that connect to a factory."""

    def __init__(self, reactor: Reactor, factory: Any) -> None:
        self._reactor = reactor
        self._factory = factory
        self._ports = itertools.count(5001)

    def connect(self, host: str = "192.0.2.7") -> RtmpConnection:
        """Another connection."""
        port = next(self._ports)
        uplink: RtmpConnection = self._factory.buildProtocol(IPv4Address("TCP", host, port))
        uplink.makeConnection(MemoryTransport(port, None, host))
        return uplink


def said(uplink: RtmpConnection) -> bytes:
    """All that has been said to a sender."""
    return bytes(uplink.transport.value())


def factory_for(reactor: Reactor, entry: Entry, find: Any, refused: Any) -> RtmpFactory:
    """A factory whose streams C{find} finds."""
    return RtmpFactory(reactor, Publishing(entry, find), refused)
