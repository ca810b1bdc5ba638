"""
The uplink of a page that publishes from a browser: a WebSocket (I{reactor}).

Browsers cannot write the body of a request bit by bit, and show a page nothing of a response that
refuses a WebSocket. So what becomes of the media is said in the close frame.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from zope.interface import implementer

from mkvtwist.http.uplinks import RequestUplink
from mkvtwist.http.wire.body import IBodyReader
from mkvtwist.http.wire.handshake import acceptance
from mkvtwist.http.wire.peer import transport_of
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.inputs.senders import IUplink, Parting
from mkvtwist.net.sockets import attend
from mkvtwist.streams.stream import Stream

CLOSE_CODES: Mapping[Parting, int] = MappingProxyType(
    {
        Parting.TAKEN: 1000,
        Parting.UNREADABLE: 4415,
        Parting.OCCUPIED: 4409,
        Parting.REPLACED: 4410,
        Parting.SILENT: 4408,
        Parting.CLOSED: 4503,
        Parting.FULL: 4503,
        Parting.STUCK: 4503,
    }
)
"""
The code of the close frame, by the reason of the parting: from 4000 on codes belong to
applications, and the rest of the number is the status that HTTP has for the same. A page must tell
whether another sender was there before it or came after it, so these have two codes.
"""

REPORT_EVERY = 1.0
"""Seconds between two reports to the page, which measures with them how far it is ahead."""

DEAD = 10.0
"""
Seconds that the browser's machine may acknowledge no report before the connection is lost: it
leaves its place to another sender then.
"""


@implementer(IUplink, IBodyReader)
class SocketUplink(RequestUplink):
    """
    A WebSocket whose binary messages are a sender's media.

    Once a second the page gets a report in JSON: the bytes that were received, the state of the
    stream with its reason, and the number of its viewers. A page that may send need not be allowed
    to ask for C{/NAME/status}.

    @ivar page: tells the connections of one page from those of others.
    """

    def __init__(self, request: IncomingRequest, stream: Stream, page: str) -> None:
        super().__init__(request)
        self.page = page
        self._stream = stream
        self._reactor = stream.input.slot.reactor
        self._socket = Connection(ConnectionType.SERVER)
        self._ping: Ping | None = None
        self._next_report: Any = None

    def begin(self) -> None:
        """Open the WebSocket."""
        self._request.channel.setTimeout(None)  # L{Sender} has its own
        attend(transport_of(self._request), DEAD)
        self._request.switch_protocols(acceptance(self._request), self)

    def report(self) -> None:
        """Send reports from now on."""
        self._next_report = None
        state, reason = self._stream.condition
        report = {
            "received": self.sender.pipe.total,
            "state": state,
            "reason": reason,
            "viewers": self._stream.audience,
        }
        self._write(TextMessage(json.dumps(report)))
        if self._ping is not None:  # only the last one needs an answer (RFC 6455, 5.5.3)
            self._write(self._ping.response())
            self._ping = None
        self._next_report = self._reactor.callLater(REPORT_EVERY, self.report)

    def leave(self) -> None:
        """
        Part with the sender: its page has another connection, and listens to this one no longer.
        What is still on its way would be in the way of the other.
        """
        transport = transport_of(self._request)
        self._leave(CloseReason.NORMAL_CLOSURE, "")
        transport.abortConnection()

    # IBodyReader

    def body_received(self, data: bytes) -> None:
        """Pass media on, as it comes: where a message ends means nothing."""
        self._socket.receive_data(data)
        for event in self._socket.events():
            if self._request is None:
                return
            self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, BytesMessage):
            self.sender.receive(bytes(event.data))
        elif isinstance(event, TextMessage):
            self._leave(CloseReason.UNSUPPORTED_DATA, "media is binary, not text")
        elif isinstance(event, CloseConnection):  # the page's, or one for frames that are not valid
            self._leave(event.code, event.reason or "")
        elif isinstance(event, Ping):
            self._ping = event

    def body_ended(self) -> None:
        """Say that the sender has left."""
        self._end_reports()
        super().body_ended()

    # IUplink

    def hang_up(self, parting: Parting, reason: str) -> None:
        """Tell the page what became of the media."""
        self._end(CLOSE_CODES[parting], reason)

    def _leave(self, code: int, reason: str) -> None:
        """Part with the sender; what it has sent is still read."""
        self._end(code, reason)
        self.sender.leave()

    def _end(self, code: int, reason: str) -> None:
        """Send the last frame, if the connection is open."""
        self._end_reports()
        if self._request is not None:
            self._write(CloseConnection(code, reason))
            self._request.finish()
            self._request = None

    def _end_reports(self) -> None:
        if self._next_report is not None:
            self._next_report.cancel()
            self._next_report = None

    def _write(self, event: Event) -> None:
        self._request.write(self._socket.send(event))
