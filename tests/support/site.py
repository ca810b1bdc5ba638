"""A site in memory, and clients of it: for the tests of what is served."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.http import LiveSite
from mkvtwist.live.period import Period
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import Reactor, footage, header
from tests.support.fakes import Answer, Log, answer


def ignore(_: Stream) -> None:
    """The end of a stream is nobody's business here."""


class SlowTransport(StringTransport):
    """A transport that holds back its producer at each write, once it has this many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, data: bytes) -> None:
        """Take the bytes, and pause the producer as a transport does whose buffer is full."""
        super().write(data)
        if len(self.value()) > self._room and self.producer is not None:
            self.producer.pauseProducing()


class Connection:
    """A client's connection in memory."""

    def __init__(
        self,
        site: Site,
        reactor: Reactor,
        host: str = "192.0.2.7",
        transport: StringTransport | None = None,
    ) -> None:
        """
        @param transport: takes what the site writes; L{None} is one that takes everything.
        """
        self.reactor = reactor
        peer = IPv4Address("TCP", host, 5000)
        self.transport = transport or StringTransport(peerAddress=peer)
        protocol = site.buildProtocol(peer)
        assert protocol is not None
        self.protocol: Any = protocol
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """The client sends this."""
        self.protocol.dataReceived(data)
        self.reactor.turn()

    def ask(self, target: str, method: str = "GET", **headers: str) -> None:
        """The client asks for this; C{_} stands for C{-} in the headers' names."""
        lines = [f"{method} {target} HTTP/1.1"]
        headers = {"Host": "tv.example:8080"} | headers
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def lose(self) -> None:
        """The connection is gone."""
        self.protocol.connectionLost(Failure(ConnectionError()))

    def answer(self, method: str = "GET") -> Answer:
        """What has come so far."""
        return answer(self.transport.value(), method)


class SiteTestCase(SynchronousTestCase):
    """
    What cases have in common: a site in memory, with a stream that has begun.

    @cvar seconds: how much the stream has.
    @cvar make_period: makes the periods of all streams.
    """

    seconds = 10.0
    make_period = Period

    def setUp(self) -> None:
        """One stream, of so many seconds."""
        self.reactor = Reactor()
        self.streams: dict[str, Stream] = {}
        self.site = LiveSite(self.reactor, self.streams)
        self.log = Log(self)
        self.stream = self.add()
        self.begin()
        self.publish(0, self.seconds)

    def add(self, name: str = "live", **settings: Any) -> Stream:
        """Another stream; its input is not opened."""
        config = StreamConfig(Input(Form.DEMO, "demo:"), name=name, **settings)
        stream = Stream(self.reactor, config, ignore, make_period=self.make_period)
        self.streams[name] = stream
        return stream

    def begin(self) -> None:
        """Video."""
        self.stream.publisher.begin(header())

    def publish(self, start: float, end: float) -> None:
        """Packet by packet."""
        for packet in footage(start, end):
            self.stream.publisher.publish([packet])
            self.reactor.turn()

    def connect(self) -> Connection:
        """A new connection."""
        return Connection(self.site, self.reactor)

    def ask(
        self, target: str, method: str = "GET", *, peer: str = "", **headers: str
    ) -> Connection:
        """One request on a connection of its own, perhaps from another address."""
        connection = Connection(self.site, self.reactor, peer) if peer else self.connect()
        connection.ask(target, method, **headers)
        return connection

    def get(self, target: str, method: str = "GET", *, peer: str = "", **headers: str) -> Answer:
        """The answer to such a request."""
        return self.ask(target, method, peer=peer, **headers).answer(method)
