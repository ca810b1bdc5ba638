"""
The channel: a client's HTTP/1 connection, as Twisted reads it, with additions (I{reactor}).

 - A request is handed over as soon as its head has been read.
 - The lines of Icecast's senders are understood.
 - A client must have asked for something within L{HEAD_TIME}, however slowly it writes; one that
   has had a response has C{timeOut} for its next request.
 - A client whose request cannot be read gets a response that says why, and then is disconnected.
"""

from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall, IHalfCloseableDescriptor
from twisted.web.http import HTTPChannel

from mkvtwist.http.wire.hosts import name_in
from mkvtwist.http.wire.request import SENDING, IncomingRequest, expects_continue
from mkvtwist.net.sockets import attend, plain
from mkvtwist.net.twisted_private import refuses_with

HEAD_TIME = 20.0
"""Seconds from the connection to the end of its first request: slow mobiles need a few."""

IDLE = 30.0
"""
Seconds that a client's machine may acknowledge nothing when the connection is no stream's: as long
as C{--client-timeout} is by default.
"""

LINGER = 2.0
"""
Seconds that a client that still sends is listened to after its response (RFC 9112, 9.6). To close
at once would be a reset, which takes the response with it.
"""

BAD_REQUEST = b"400 Bad Request\r\n\r\n"
LINE_TOO_LONG = b"414 URI Too Long\r\n\r\n"
HEAD_TOO_LARGE = b"431 Request Header Fields Too Large\r\n\r\n"
"""Responses to requests that cannot be read, behind the version."""


@refuses_with("refuse_bad_request")
class Channel(HTTPChannel):
    """
    A client's connection.

    @ivar host: the address that the connection comes from; L{None} for a UNIX socket.
    @ivar refusal: the response, behind the version, that the client gets whatever it asks for;
        L{None} if it may ask for something.
    """

    transport: Any
    site: Any
    requests: list[IncomingRequest]
    host: str | None = None
    refusal: bytes | None = None
    _is_closing = False
    _request_line: list[bytes] | None = None  # method, target, version
    _head_size = 0
    _head_fields = 0
    _aborting: IDelayedCall | None = None

    # called by Twisted, from a connection's beginning to its end

    def connectionMade(self) -> None:
        super().connectionMade()
        self.host = getattr(self.getPeer(), "host", None)
        self.setTimeout(HEAD_TIME)
        attend(self.transport, IDLE)  # until a stream says otherwise
        self.site.connections.opened(self)
        if self.refusal is not None:
            self._refuse(self.refusal)

    def connectionLost(self, reason: Any = None) -> None:
        self.site.connections.closed(self)
        if self._aborting is not None and self._aborting.active():
            self._aborting.cancel()
        super().connectionLost(reason)

    def getPeer(self) -> IAddress:
        """Return where the connection comes from: for its requests, too."""
        return plain(self.transport.getPeer())

    def resetTimeout(self) -> None:
        """Do nothing: a byte now and then does not extend the time for a request."""

    def dataReceived(self, data: bytes) -> None:
        if not self._is_closing:
            super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        if self._is_closing:
            return
        if self._head_size + len(line) > self.totalHeadersSize:
            self.lineLengthExceeded(line)
            return
        self._head_size += len(line)
        if self._request_line is None and line:
            if line.startswith(b"SOURCE ") and line.endswith(b" ICE/1.0"):
                line = line.removesuffix(b"ICE/1.0") + b"HTTP/1.0"
            self._request_line = line.split(b" ")
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a request whose first line, or whose head, is too large."""
        self._refuse(LINE_TOO_LONG if self._request_line is None else HEAD_TOO_LARGE)

    def headerReceived(self, line: bytes) -> bool:
        self._head_fields += 1
        if self._head_fields > self.maxHeaders:
            self._refuse(HEAD_TOO_LARGE)
            return False
        received: bool = super().headerReceived(line)
        return received

    def allHeadersReceived(self) -> None:
        if self._is_closing:
            return
        assert self._request_line is not None
        method, target, version = self._request_line
        self._request_line, self._head_size, self._head_fields = None, 0, 0
        self.site.connections.asked(self)
        request = self.requests[-1]
        if not _names_one_host(request, version):
            self.refuse_bad_request()
            return
        self.persistent = self.checkPersistence(request, version)
        if method in SENDING and self._has_open_end(request):
            request.is_open_ended = True
            self.length = None
        request.gotLength(self.length)
        if self.length != 0:
            request.head_received(method, target, version)

    def _has_open_end(self, request: IncomingRequest) -> bool:
        """
        Return whether only the end of the connection ends the body. HTTP/1.1 has no such thing
        (RFC 9112, 6.3); but a sender that will send nothing else, or waits to be asked for a body,
        means it.
        """
        headers = request.requestHeaders
        return (
            not headers.hasHeader(b"Content-Length")
            and not headers.hasHeader(b"Transfer-Encoding")
            and (not self.persistent or expects_continue(request))
        )

    def rawDataReceived(self, data: bytes) -> None:
        if self._is_closing:
            return
        if self.requests and self.requests[-1].is_open_ended:
            self.requests[-1].handleContentChunk(data)
        else:
            super().rawDataReceived(data)

    def allContentReceived(self) -> None:
        if not self._is_closing:
            self.setTimeout(self.site.timeOut)  # Twisted stops it, and uses it after the response
            super().allContentReceived()

    def requestDone(self, request: IncomingRequest) -> None:
        if request.body_is_left:
            self.requests.remove(request)
            self._linger()
        else:
            self.site.connections.waits(self)
            super().requestDone(request)

    def _linger(self) -> None:
        """Read and ignore what a client that has its response still sends, until it notices."""
        self._is_closing = True
        self.transport.unregisterProducer()
        self.transport.resumeProducing()
        half_closes = IHalfCloseableDescriptor.providedBy(self.transport)
        if half_closes and not self.isSecure():
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()
        self.setTimeout(LINGER)

    def timeoutConnection(self) -> None:
        if self._is_closing:
            self.transport.abortConnection()
            return
        # As Twisted does, but without a line in the log for each.
        self._aborting = self.callLater(self.abortTimeout, self.transport.abortConnection)
        self.loseConnection()

    # called by others

    def drop(self) -> None:
        """Close the connection at once: another one needs the room."""
        self.transport.abortConnection()

    def refuse_bad_request(self) -> None:
        """Respond that the request cannot be read, and close."""
        self._refuse(BAD_REQUEST)

    def _refuse(self, status: bytes) -> None:
        """
        Respond to a request that cannot be read, unless another response has begun, and close.

        @param status: the response behind the version.
        """
        if self._is_closing:
            return
        if any(request.startedWriting for request in self.requests):
            self._is_closing = True  # Twisted reads on, and would respond to what follows
            self.transport.abortConnection()
        else:
            self.transport.write(b"HTTP/1.1 " + status)
            self._linger()


def _names_one_host(request: IncomingRequest, version: bytes) -> bool:
    """
    Return whether the request has one valid C{Host} (RFC 9112, 3.2); HTTP/1.0 need not have it.
    """
    hosts = request.requestHeaders.getRawHeaders(b"Host", [])
    if not hosts:
        return version == b"HTTP/1.0"
    return len(hosts) == 1 and name_in(hosts[0]) is not None
