"""
How requests come in: each is looked at as soon as its head has been read (I{reactor}).

Twisted hands a request over with its whole body. Here it is handed over without: its body comes
afterwards, piece by piece, to whoever asks for it with L{IncomingRequest.read_body}. Until then no
more than one read is held, and the client is not read from. Who answers without asking for the
body answers for good: the rest is thrown away, and the connection ends.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import Interface, implementer

from mkvtwist.http.connections import RETRY_AFTER, Connection, LiveRequest
from mkvtwist.http.wire.hosts import name_in
from mkvtwist.http.wire.response import respond_text

SENDING = (b"PUT", b"POST", b"SOURCE")
"""Methods that have a body; the last one is Icecast's."""

BODY_LIMIT = 64 << 10
"""
Bytes of a body that is wanted as a whole: the settings of one stream are a few hundred. When nobody
has asked for it, so much is thrown away before its client is.
"""

LINGER = 2.0
"""
Seconds that a client who still sends is listened to after its answer (RFC 9112, 9.6). To close at
once would be a reset, which takes the answer with it.
"""


BAD_REQUEST = b"400 Bad Request\r\n\r\n"
LINE_TOO_LONG = b"414 URI Too Long\r\n\r\n"
HEAD_TOO_LARGE = b"431 Request Header Fields Too Large\r\n\r\n"
"""What is said to a client whose request cannot be read."""

TOO_MANY = (
    b"429 Too Many Requests\r\n"
    b"Retry-After: %d\r\n"
    b"Connection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"Too many connections from your address; try again in %d s.\n" % (RETRY_AFTER, RETRY_AFTER)
)
"""What is said to a client whose address has too many connections, whatever it would ask for."""


class IBodyReader(Interface):
    """Who has asked for a request's body."""

    def body_received(data: bytes) -> None:
        """The next bytes of it have come."""

    def body_ended() -> None:
        """All of it has come, or the connection is lost: no more will come."""


class IncomingRequest(LiveRequest):
    """
    A request whose body goes to whoever asks for it.

    @ivar length: how long the body is; L{None} when that is not known.
    @ivar body_is_left: whether not all of it has come.
    @ivar is_open_ended: whether only the connection's end is the body's.
    @ivar has_sender: whether a L{mkvtwist.inputs.senders.Sender} speaks for it, and says in
        the log what becomes of it.
    @ivar is_last: whether the connection ends with the answer. May be set until that is begun.
    """

    channel: Any
    content: Any
    length: int | None = 0
    body_is_left = False
    is_last = False
    has_sender = False
    is_open_ended = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reader: Any = None
        self._held: list[bytes] = []
        self._thrown_away = 0

    # called by the channel

    def gotLength(self, length: int | None) -> None:
        self.length = length
        self.content = BytesIO()

    def head_received(self, command: bytes, path: bytes, version: bytes) -> None:
        """The head is there, and a body will follow."""
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
        self.site = self.channel.site  # which Twisted does later
        self.site.report(self)
        if self.method not in SENDING and (self.length or 0) > BODY_LIMIT:
            respond_text(
                self, 413, f"A {self.method.decode()} has no body of more than {BODY_LIMIT} bytes."
            )
        else:
            super().process()

    # for who answers it

    def read_body(self, reader: Any) -> None:
        """
        Have the body, from its beginning; at once, if the client waits to be asked for it.

        @param reader: an L{IBodyReader}.
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

    @property
    def _awaits_continue(self) -> bool:
        # HTTP/1.0 has no such thing, but some of Icecast's senders have.
        has_it = self.clientproto == b"HTTP/1.1" or self.is_open_ended
        return has_it and self.body_is_left and not self._held and expects_continue(self)

    def pause_body(self) -> None:
        """Read no more of it; what has been read still comes. May be repeated."""
        if self.channel is not None:
            self.channel.transport.pauseProducing()

    def resume_body(self) -> None:
        """Read more of it."""
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


@implementer(IBodyReader)
class _WholeBody:
    def __init__(self, request: IncomingRequest, view: Callable[[Any], None]) -> None:
        self._request = request
        self._view = view
        self._is_too_long = False

    def body_received(self, data: bytes) -> None:
        if self._request.content.tell() + len(data) <= BODY_LIMIT:
            self._request.content.write(data)
        elif not self._is_too_long:
            self._is_too_long = True
            respond_text(self._request, 413, f"The body has more than {BODY_LIMIT} bytes.")

    def body_ended(self) -> None:
        if self._request.channel is not None and not self._is_too_long:
            self._request.content.seek(0)
            self._view(self._request)


def with_whole_body(request: Any, view: Callable[[Any], None]) -> None:
    """
    Have a request answered when all of its body is there, as C{content}. One that is too long is
    answered here; one whose end nothing tells is none (RFC 9112, 6.3).
    """
    if request.is_open_ended:
        view(request)
    else:
        request.read_body(_WholeBody(request, view))


class Channel(Connection):
    """
    A client's connection. HTTP/1 as Twisted reads it, but for when requests are handed over, and
    with what Icecast's senders say.
    """

    transport: Any
    site: Any
    requests: list[IncomingRequest]
    _is_closing = False

    def connectionMade(self) -> None:
        super().connectionMade()
        if self.is_one_too_many:
            self._refuse(TOO_MANY)

    def dataReceived(self, data: bytes) -> None:
        if not self._is_closing:
            super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        if self._is_closing:
            return
        if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self.lineLengthExceeded(line)
            return
        if line.startswith(b"SOURCE ") and line.endswith(b" ICE/1.0"):
            line = line.removesuffix(b"ICE/1.0") + b"HTTP/1.0"
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a request whose first line, or whose head, is too large."""
        self._refuse(HEAD_TOO_LARGE if self._receivedHeaderSize else LINE_TOO_LONG)

    def headerReceived(self, line: bytes) -> bool:
        if self._receivedHeaderCount >= self.maxHeaders:
            self._refuse(HEAD_TOO_LARGE)
            return False
        received: bool = super().headerReceived(line)
        return received

    def allHeadersReceived(self) -> None:
        if self._is_closing:
            return
        self.site.connections.asked(self)
        request = self.requests[-1]
        if not self._names_one_host(request):
            self._respondToBadRequestAndDisconnect()
            return
        self.persistent = self.checkPersistence(request, self._version)
        request.is_open_ended = self._has_open_end(request)
        if request.is_open_ended:
            self.length = None
        request.gotLength(self.length)
        if self.length != 0:
            request.head_received(self._command, self._path, self._version)

    def _names_one_host(self, request: IncomingRequest) -> bool:
        """Whether C{Host} is there once, and is one (RFC 9112, 3.2); HTTP/1.0 need not have it."""
        hosts = request.requestHeaders.getRawHeaders(b"Host", [])
        if not hosts:
            return bool(self._version == b"HTTP/1.0")
        return len(hosts) == 1 and name_in(hosts[0]) is not None

    def _has_open_end(self, request: IncomingRequest) -> bool:
        """
        Whether there is a body that only the connection's end ends. HTTP/1.1 has no such thing (RFC
        9112, 6.3); but who will send nothing else, or waits to be asked for a body, means it.
        """
        headers = request.requestHeaders
        return (
            self._command in SENDING
            and not headers.hasHeader(b"Content-Length")
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
            super().allContentReceived()

    def requestDone(self, request: IncomingRequest) -> None:
        if request.body_is_left:
            self.requests.remove(request)
            self._linger()
        else:
            super().requestDone(request)

    def _linger(self) -> None:
        """The client has its answer, and may still send: nobody listens, but until it notices."""
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
        else:
            super().timeoutConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self._refuse(BAD_REQUEST)

    def _refuse(self, status: bytes) -> None:
        """
        Answer a request that cannot be read, and close, if no other one is being answered.

        @param status: what follows the version.
        """
        if self._is_closing:
            return
        if any(request.startedWriting for request in self.requests):
            self._is_closing = True  # Twisted reads on, and would answer what follows
            self.transport.abortConnection()
        else:
            self.transport.write(b"HTTP/1.1 " + status)
            self._linger()


def expects_continue(request: Request) -> bool:
    """Whether the client waits to be asked for the body (RFC 9110, 10.1.1)."""
    return (request.getHeader(b"expect") or b"").lower() == b"100-continue"
