"""
Requests, each looked at as soon as its head has been read (I{reactor}).

Twisted hands a request over with its whole body. Here it is handed over without: its body comes
afterwards, in parts, to the reader that asks for it with L{IncomingRequest.read_body}. Until then
no more than one read is held, and the client is not read from. A view that responds without asking
for the body responds for good: the rest is thrown away, and the connection ends.
"""

from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web.http import Request as BareRequest
from twisted.web.server import Request

from mkvtwist.http.wire.body import BODY_LIMIT
from mkvtwist.http.wire.forwarded import client_address
from mkvtwist.http.wire.response import respond_text

SENDING = (b"PUT", b"POST", b"SOURCE")
"""Methods that have a body; the last one is Icecast's."""


class IncomingRequest(Request):
    """
    A request whose body goes to the reader that asks for it.

    @ivar length: bytes of the body; L{None} if that is not known.
    @ivar body_is_left: whether more of the body will come.
    @ivar is_open_ended: whether only the end of the connection ends the body.
    @ivar has_sender: whether a L{mkvtwist.inputs.senders.Sender} has come with it, and logs what
        becomes of it.
    @ivar visitor: the name under which a rule has admitted the client, see
        L{mkvtwist.access.rules.Visitor}; empty if the rule asks for no credentials.
    @ivar reason: the text of a response that is one line, for the log.
    @ivar is_last: whether the connection ends with the response. May be set until that is begun.
    """

    site: Any
    channel: Any
    content: Any
    length: int | None = 0
    body_is_left = False
    is_last = False
    has_sender = False
    is_open_ended = False
    visitor = ""
    reason = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reader: Any = None
        self._held: list[bytes] = []
        self._thrown_away = 0

    def __repr__(self) -> str:
        """Return the request in words for a log, without the query: a token may be in it."""
        return f"<{type(self).__name__} {self.method!r} {self.path!r}>"

    def getClientAddress(self) -> IAddress:
        """Return the address that the request comes from, as trusted proxies have it."""
        lines = self.requestHeaders.getRawHeaders(b"X-Forwarded-For", [])
        return client_address(super().getClientAddress(), lines, self.site.trusted_proxies)

    # called by the channel

    def gotLength(self, length: int | None) -> None:
        self.length = length
        self.content = BytesIO()

    def head_received(self, command: bytes, path: bytes, version: bytes) -> None:
        """Begin with the request: its head is there, and a body will follow."""
        self.body_is_left = True
        super().requestReceived(command, path, version)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self.body_is_left:
            super().requestReceived(command, path, version)
            return
        self._end_body()

    def handleContentChunk(self, data: bytes) -> None:
        if self.finished:
            return
        if self._reader is not None:
            self._reader.body_received(data)
        elif self.startedWriting:
            self._thrown_away += len(data)
            if self._thrown_away > BODY_LIMIT:
                self.channel.transport.abortConnection()
        else:
            self._held.append(data)
            self.pause_body()

    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        self._end_body()

    def _end_body(self) -> None:
        if self.body_is_left:
            self.body_is_left = False
            if self._reader is not None:
                self._reader.body_ended()

    def process(self) -> None:
        """
        Respond, unless the client's address has no request left. A whole URL is taken for what is
        asked for, as RFC 9112 (3.2.2) says.
        """
        self.site = self.channel.site  # which Twisted does later
        self.site.report(self)
        if self.method not in SENDING and (self.length or 0) > BODY_LIMIT:
            method = self.method.decode()
            respond_text(self, 413, f"A {method} has no body of more than {BODY_LIMIT} bytes.")
        elif self.site.connections.admit(self):
            scheme, colon, rest = self.path.partition(b"://")
            if colon and scheme.lower() in (b"http", b"https"):
                self.path = b"/" + rest.partition(b"/")[2]
            super().process()

    # called by views

    def read_body(self, reader: Any) -> None:
        """
        Have the body read, from its beginning. A client that waits to be asked for it is asked.

        @param reader: an L{mkvtwist.http.wire.body.IBodyReader}.
        """
        self._reader = reader
        if self._awaits_continue:
            self.channel.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        elif self.is_open_ended:  # after which nothing could be said; and some wait for it
            self.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
            self.write(b"")
        held, self._held = self._held, []
        self.resume_body()
        for data in held:
            reader.body_received(data)
        if not self.body_is_left:
            reader.body_ended()

    def switch_protocols(self, response: bytes, reader: Any) -> None:
        """
        Make the rest of the connection the body, in both directions: it speaks another protocol
        from now on (RFC 9110, 7.8). What is written is not framed by HTTP.

        @param response: the response 101, as bytes; Twisted would write one that announces a body.
        @param reader: an L{mkvtwist.http.wire.body.IBodyReader}.
        """
        self.setResponseCode(101)
        self.startedWriting = 1
        self.channel.persistent = False
        self.channel.write(response)
        self.is_open_ended = self.body_is_left = True
        self._reader = reader

    @property
    def _awaits_continue(self) -> bool:
        # HTTP/1.0 has no such thing, but some of Icecast's senders have.
        has_it = self.clientproto == b"HTTP/1.1" or self.is_open_ended
        return has_it and self.body_is_left and not self._held and expects_continue(self)

    def pause_body(self) -> None:
        """Read no more of the body; what has been read still comes. May be repeated."""
        if self.channel is not None:
            self.channel.transport.pauseProducing()

    def resume_body(self) -> None:
        """Read more of the body."""
        if self.channel is not None:
            self.channel.transport.resumeProducing()

    def write(self, data: bytes) -> None:
        if not self.startedWriting and (self.body_is_left or self.is_last):
            self.setHeader(b"Connection", b"close")
            self.channel.persistent = False
            if self._reader is None and self.body_is_left:
                self._held.clear()
                self.resume_body()
        super().write(data)


def expects_continue(request: BareRequest) -> bool:
    """Return whether the client waits to be asked for the body (RFC 9110, 10.1.1)."""
    return (request.getHeader(b"expect") or b"").lower() == b"100-continue"
