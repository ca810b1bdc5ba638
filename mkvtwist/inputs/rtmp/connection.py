"""
A sender's RTMP connection (I{reactor}).

The session says what the bytes mean (L{mkvtwist.inputs.rtmp.session}), L{Publishing} whether the
sender may publish, L{mkvtwist.inputs.senders.Sender} what becomes of the media.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from mkvtwist.inputs.rtmp.address import publish_address
from mkvtwist.inputs.rtmp.errors import ProtocolError
from mkvtwist.inputs.rtmp.publishing import Admitted, Publishing, Refused
from mkvtwist.inputs.rtmp.session import (
    Event,
    MediaReceived,
    PlayRequested,
    PublishRequested,
    Session,
    Unpublished,
)
from mkvtwist.inputs.sender_slot import SenderSlot
from mkvtwist.inputs.senders import IUplink, Parting, Sender, identity_of
from mkvtwist.net.sockets import address, host_of, keep_alive

PUBLISH_TIME = 10.0
"""Seconds from the connection until the sender asks to publish: five round trips."""

LINGER = 2.0
"""
Seconds that a sender that still sends is listened to after it was told to stop. To close at once
would be a reset, which takes with it what was told.
"""

BAD_NAME = "NetStream.Publish.BadName"
"""The code of each refusal to publish: OBS and others show the text beside it."""


@implementer(IPushProducer)
class RtmpConnection(Protocol):
    """
    A sender's connection.

    @ivar host: the address for which it is counted; L{None} for a UNIX socket. That of a proxy with
        the PROXY protocol, which says only with its first bytes for whom it connects.
    """

    transport: Any
    factory: Any
    host: str | None = None

    def __init__(self, reactor: Any, publishing: Publishing) -> None:
        self._reactor = reactor
        self._publishing = publishing
        self._session = Session()
        self._slot: SenderSlot | None = None
        self._sender: Sender | None = None
        self._uplink: RtmpUplink | None = None
        self._deadline: Any = None
        self._is_closing = False

    # the connection

    def connectionMade(self) -> None:
        """Wait for the handshake; close the connection if its address has too many."""
        self.host = self._sender_host
        if not self.factory.opened(self):
            self.drop()
            return
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        keep_alive(self.transport)
        self._wait_for_publish()

    def dataReceived(self, data: bytes) -> None:
        """Have the session read what has come."""
        if self._is_closing:
            return
        try:
            events = self._session.receive(data)
        except ProtocolError as error:
            self._fail(str(error))
        else:
            self._happen(events)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        """Say that the sender has left."""
        self.connected = 0  # which Twisted leaves at 1
        self._is_closing = True
        self._end_deadline()
        self.factory.closed(self)
        self._leave()

    @property
    def _sender_host(self) -> str | None:
        """The address that the sender is known to come from by now."""
        return host_of(self.transport.getPeer())

    @property
    def _peer(self) -> str:
        """The address and the port, in words, that the sender is known to come from by now."""
        return address(self.transport.getPeer())

    # what is said to it, of which a sender never has much

    def pauseProducing(self) -> None:
        """Close the connection: 64 KiB of what the sender is told wait to be read."""
        if not self._is_closing:
            self._fail("it reads nothing of what it is told")

    def resumeProducing(self) -> None:
        """Do nothing: it is closed."""

    stopProducing = resumeProducing

    def drop(self) -> None:
        """Close the connection at once."""
        self._is_closing = True
        self.transport.abortConnection()

    # the session

    def _happen(self, events: list[Event]) -> None:
        """Do what the session says, and send what it wants to be sent."""
        self._send()
        for event in events:
            if self._is_closing:  # because of an event before
                return
            if isinstance(event, MediaReceived):
                self.factory.sends(self)
                if self._sender is not None:
                    self._sender.receive(event.data)
            elif isinstance(event, PublishRequested):
                self._ask(event)
            elif isinstance(event, PlayRequested):
                self._refused(None, "it asked to play, which this server does not do over RTMP")
                self._close()
            elif isinstance(event, Unpublished):
                self._leave()
                self.transport.resumeProducing()  # what was sent is read without the sender
                self._wait_for_publish()

    def _send(self) -> None:
        output = self._session.take_output()
        if output:
            self.transport.write(output)

    def _ask(self, asked: PublishRequested) -> None:
        """Ask whether the sender may publish; until that is known nothing is read."""
        self._end_deadline()
        self.transport.pauseProducing()
        to = publish_address(asked.app, asked.path)
        decided = Deferred.fromCoroutine(self._publishing.admit(to, self._sender_host))
        decided.addCallback(self._decided)
        decided.addErrback(self._failed)

    def _decided(self, decision: Admitted | Refused) -> None:
        if self._is_closing:
            return
        if isinstance(decision, Refused):
            self._refused(decision.slot, decision.text)
            self.end(f"{decision.text}.")
            return
        identity = identity_of(decision.user, self._sender_host)
        self._slot = decision.slot
        self._uplink = RtmpUplink(self)
        self._sender = Sender(decision.slot, self._peer, self._uplink, identity)
        if not self._sender.arrive():
            return
        self.transport.resumeProducing()
        try:
            events = self._session.accept()
        except ProtocolError as error:
            self._fail(str(error))
        else:
            self._happen(events)

    def _failed(self, why: Failure) -> None:
        self.factory.log.failure("RTMP: a sender's request failed", why)
        self.drop()

    # ends

    def _wait_for_publish(self) -> None:
        self.factory.waits(self)
        self._deadline = self._reactor.callLater(PUBLISH_TIME, self._too_late)

    def _end_deadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None and deadline.active():
            deadline.cancel()

    def _too_late(self) -> None:
        if self._slot is None:
            self._fail(f"it published nothing within {PUBLISH_TIME:g} s")
        else:  # it has published before
            self.drop()

    def _fail(self, reason: str) -> None:
        """Close the connection of a peer that does not do what RTMP says."""
        self._refused(self._slot if self._sender is not None else None, reason)
        self._end_deadline()
        self.drop()
        self._leave()

    def _leave(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None and self._uplink is not None:
            self._uplink.is_over = True
            if sender.present:
                sender.leave()

    def _refused(self, slot: SenderSlot | None, reason: str) -> None:
        """Report that the sender may not publish."""
        line = "sender {peer} refused over RTMP: {reason}"
        if slot is None:
            self.factory.refused(self._peer, reason, line)
        else:
            slot.refuse(self._peer, reason, line)

    def _close(self) -> None:
        """Close the connection once what was written has arrived."""
        self._is_closing = True
        self._end_deadline()
        self._deadline = self._reactor.callLater(LINGER, self.transport.abortConnection)
        self.transport.unregisterProducer()
        self.transport.resumeProducing()  # and see that the sender closes
        half_closes = IHalfCloseableDescriptor.providedBy(self.transport)
        if half_closes and not ISSLTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    # called by what is published over it

    def pause(self) -> None:
        """Read no more."""
        if not self._is_closing:
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Read on, if the connection still exists."""
        if not self._is_closing:
            self.transport.resumeProducing()

    def end(self, text: str) -> None:
        """Tell the sender why it may not publish, or not any longer, and close the connection."""
        if self._is_closing:
            return
        self._session.refuse(BAD_NAME, text)
        self._send()
        self._close()


@implementer(IUplink)
class RtmpUplink:
    """
    The way of one publication; a connection may have several, one after the other.

    @ivar is_over: whether the sender has ended it: what is still to be read is nothing to it.
    """

    def __init__(self, connection: RtmpConnection) -> None:
        self.is_over = False
        self._connection = connection

    def pause(self) -> None:
        """Read no more."""
        if not self.is_over:
            self._connection.pause()

    def resume(self) -> None:
        """Read on, if the sender still publishes."""
        if not self.is_over:
            self._connection.resume()

    def hang_up(self, parting: Parting, reason: str) -> None:
        """Tell the sender why, and close the connection."""
        if not self.is_over:
            self.is_over = True
            self._connection.end(f"{reason[:1].upper()}{reason[1:]}.")
