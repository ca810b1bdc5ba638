"""
Inputs at a Twisted server endpoint, to which a sender connects and writes media (I{reactor}).
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from mkvtwist.access.entry import Entry
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.listener import CannotListen
from mkvtwist.inputs.sender_slot import SenderSlot
from mkvtwist.inputs.senders import IUplink, Parting, Sender, identity_of
from mkvtwist.net.endpoint import Endpoint
from mkvtwist.net.sockets import address, host_of, keep_alive


@implementer(IUplink)
class EndpointUplink(Protocol):
    """A sender's connection to an endpoint: its bytes are media; nothing is sent back."""

    transport: Any

    def __init__(self, slot: SenderSlot) -> None:
        self._slot = slot

    def connectionMade(self) -> None:
        """Let the sender in, or hang up."""
        peer = self.transport.getPeer()
        identity = identity_of("", host_of(peer))
        self.sender = Sender(self._slot, address(peer), self, identity)
        if self.sender.arrive():
            keep_alive(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """Pass media on."""
        self.sender.receive(data)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        """Say that the sender has left."""
        self.connected = 0  # which Twisted leaves at 1
        self.sender.leave()

    def pause(self) -> None:
        """Read no more."""
        self.transport.pauseProducing()

    def resume(self) -> None:
        """Read on, if the connection still exists."""
        if self.connected:
            self.transport.resumeProducing()

    def hang_up(self, parting: Parting, reason: str) -> None:
        """Close the connection."""
        if self.connected:
            self.transport.abortConnection()


class _Uplinks(Factory):
    """Makes an uplink for each connection."""

    noisy = False

    def __init__(self, slot: SenderSlot) -> None:
        self._slot = slot

    def buildProtocol(self, addr: object) -> EndpointUplink:
        return EndpointUplink(self._slot)


class EndpointListener:
    """Listens at the endpoint that is an input."""

    idle = "nobody has connected yet"

    def __init__(
        self,
        reactor: Any,
        endpoint: str,
        factory: Factory,
        slot: SenderSlot,
        where: Callable[[IAddress], str] = address,
    ) -> None:
        """
        @param endpoint: as Twisted understands it.
        @param factory: makes the uplinks of senders.
        @param where: returns an address as senders use it.
        """
        self._factory = factory
        self._slot = slot
        self._where = where
        self._endpoint = Endpoint(reactor, endpoint)
        self._port: IListeningPort | None = None

    def start(self) -> Deferred[None]:
        """
        Begin listening.

        @return: fires when senders can connect; fails with L{CannotListen}.
        """
        listening: Deferred[Any] = self._endpoint.listen(self._factory)
        return listening.addCallbacks(self._began, self._explain)

    def _began(self, port: IListeningPort) -> None:
        self._port = port
        where = self._where(port.getHost())
        self._slot.log.info("waiting for a sender at {address}", address=where)

    def _explain(self, failure: Failure) -> None:
        """
        Raise an error that says why senders cannot connect.

        @raise CannotListen: always.
        """
        problem = getattr(failure.value, "socketError", failure.value)
        known = getattr(problem, "strerror", None)
        reason = f"nobody can connect: {known}" if known else "nobody can connect"
        raise CannotListen(reason, str(known or problem))

    def stop(self) -> Deferred[Any] | None:
        """
        Stop listening.

        @return: fires when the endpoint is free again.
        """
        port, self._port = self._port, None
        return port.stopListening() if port is not None else None

    def renew(self) -> None:
        """
        Read the endpoint's certificates again, if it has any.

        @raise mkvtwist.config.values.ConfigError: if they cannot be used; the old ones hold.
        """
        self._endpoint.renew()


def media_listener(
    reactor: Any, config: StreamConfig, slot: SenderSlot, _: Entry
) -> EndpointListener:
    """Return the listener of an endpoint whose senders show nothing: their bytes are media."""
    return EndpointListener(reactor, config.input.text, _Uplinks(slot), slot)
