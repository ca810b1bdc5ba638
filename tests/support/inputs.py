"""An input in memory: readers that read nothing, senders that need no network."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Mapping
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import ISystemHandle
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mkvtwist.config.input import parse_at_end, parse_input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.endpoint import EndpointUplink
from mkvtwist.inputs.senders import IUplink, Parting, Sender
from mkvtwist.inputs.service import InputService
from mkvtwist.libav import Event
from mkvtwist.live.client import Wish
from mkvtwist.live.demand import Demand
from mkvtwist.live.fanout import Fanout
from mkvtwist.live.publisher import Publisher
from mkvtwist.testing import FakeReader, FakeReaders, Reactor
from tests.support.fakes import Log, Response
from tests.support.streams import broadcast


@implementer(ISystemHandle)
class MemoryTransport(StringTransport):
    """A sender's connection in memory, with the socket that its options are set on."""

    def __init__(self, port: int, handle: Any = None, host: str = "192.0.2.7") -> None:
        super().__init__(peerAddress=IPv4Address("TCP", host, port))
        self.handle = handle

    def getHandle(self) -> Any:  # noqa: N802 - the interface's name
        """The socket."""
        return self.handle


@implementer(IUplink)
class MemoryUplink:
    """
    What a sender comes over, in memory.

    @ivar paused: whether nothing is to be brought.
    @ivar parting: why it was ended, if it was.
    """

    sender: Sender

    def __init__(self) -> None:
        self.paused = False
        self.parting: Parting | None = None

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def hang_up(self, parting: Parting, reason: str) -> None:
        assert self.parting is None, "ended twice"
        self.parting = parting


class InputTestCase(SynchronousTestCase):
    """What the cases below have in common."""

    reactor: Reactor
    service: InputService
    publisher: Publisher
    fanout: Fanout
    demand: Demand

    def setUp(self) -> None:
        """Readers that read nothing."""
        self.ends: list[InputService] = []
        self.log = Log(self)
        self.reactor = Reactor()
        self.readers = FakeReaders()

    def start(
        self,
        text: str = "film.mkv",
        *,
        at_end: str | None = None,
        recorder: Any = None,
        **settings: Any,
    ) -> InputService:
        """A service for this input, started."""
        source = parse_input("input", text)
        config = StreamConfig(
            source, at_end=parse_at_end("at-end", at_end, source.form), **settings
        )
        made = broadcast(self.reactor, config, *([] if recorder is None else [recorder]))
        self.publisher, self.fanout, self.demand = made.publisher, made.fanout, made.demand
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        made.events.subscribe(lambda e: self.told.append((e.kind, e.details)))
        self.service = InputService(
            self.reactor,
            config,
            self.publisher,
            made.events,
            lambda: self.ends.append(self.service),
            start_reader=self.readers,
        )
        self.service.startService()
        return self.service

    @property
    def reader(self) -> FakeReader:
        """The newest one."""
        return self.readers[-1]

    def emit(self, *events: Event) -> None:
        """The newest reader's thread makes these, and the reactor has a turn."""
        self.reader.emit(*events)
        self.reactor.turn()

    def watch(self) -> Response:
        """A client of the stream."""
        response = Response()
        self.fanout.join(response, Wish(0))
        self.reactor.turn()
        return response

    def ups_and_downs(self) -> list[str]:
        """What has been told of the input and the fallback, and why it was."""
        return [
            ": ".join(filter(None, (kind, details.get("reason"))))
            for kind, details in self.told
            if not kind.startswith("client")
        ]

    def state_and_reason(self) -> tuple[str, str]:
        """What the input does, and why."""
        return self.service.life.state, self.service.life.reason

    def pending(self) -> list[float]:
        """How many seconds from now the reactor has something to do."""
        now = self.reactor.seconds()
        return sorted(call.getTime() - now for call in self.reactor.getDelayedCalls())


class SenderTestCase(InputTestCase):
    """An input where a sender connects."""

    ports = itertools.count(5001)

    def setUp(self) -> None:
        """Somebody may connect."""
        super().setUp()
        self.start("tcp:12345")

    def connect(self, handle: Any = None, host: str = "192.0.2.7") -> EndpointUplink:
        """Another sender."""
        made = socket.socket() if handle is None else handle
        if handle is None:
            self.addCleanup(made.close)
        factory: Any = self.reactor.tcpServers[-1][1]
        port = next(self.ports)
        sender = factory.buildProtocol(IPv4Address("TCP", host, port))
        assert isinstance(sender, EndpointUplink)
        sender.makeConnection(MemoryTransport(port, made, host))
        return sender

    def send(self, sender: EndpointUplink, data: bytes = b"media") -> None:
        """It sends this."""
        sender.dataReceived(data)

    def lose(self, sender: EndpointUplink) -> None:
        """It has gone."""
        sender.connectionLost(Failure(ConnectionError()))

    def turned_away(self, sender: EndpointUplink) -> bool:
        """Whether its connection was ended from here."""
        return bool(sender.transport.disconnected)
