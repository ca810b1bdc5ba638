"""
Live responses, which last as long as the client stays (I{reactor}).

L{LiveResponse} writes through Twisted's buffers, which works over anything; L{SocketResponse}
straight to a TCP socket: the one class that knows about sockets.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IProducer, IPushProducer
from twisted.internet.tcp import Connection
from twisted.web.http import Request
from zope.interface import implementer

from mkvtwist.formats.base import Format
from mkvtwist.formats.choice import NoTrack, Unfit
from mkvtwist.http.wire.icy import IcyTitles
from mkvtwist.http.wire.peer import abort, transport_of
from mkvtwist.http.wire.response import View, respond_text, respond_unavailable
from mkvtwist.live.client import IResponse, Progress
from mkvtwist.media.packet import Track
from mkvtwist.net.sockets import attend, tcp_socket, traffic
from mkvtwist.net.twisted_private import call_when_writable
from mkvtwist.streams.stream import Stream

RETRY_SOON = 1
"""Seconds after which to ask again if a held request got no media: it has waited long enough."""


Buffer = bytes | memoryview


def chunk(data: bytes) -> bytes:
    """Return a chunk of the chunked coding (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@implementer(IResponse)
class LiveResponse:
    """A live response, written through the request."""

    framing: Callable[[bytes], bytes] | None = None

    def __init__(
        self,
        request: Request,
        format_: Format,
        respond_nothing: View,
        titles: IcyTitles | None = None,
    ) -> None:
        """
        @param respond_nothing: responds if nothing is going to come.
        @param titles: come between the bytes, if the client wants any.
        """
        self.request = request
        self.format = format_
        self._respond_nothing = respond_nothing
        self._titles = titles
        self.sent = 0
        self.offer: Callable[[bytes], int] = self._take
        self._begun = False
        self._socket = tcp_socket(transport_of(request))

    def progress(self) -> Progress:
        known = traffic(self._socket)
        return Progress(self.sent, 0) if known is None else Progress(known[0], known[1])

    def attend(self, seconds: float) -> None:
        attend(transport_of(self.request), seconds)

    def begin(self, tracks: Sequence[Track]) -> None:
        self._begun = True
        if self._titles is not None:
            self._titles.announce(self.request, tracks)
        live_headers(self.request, self.format, tracks)

    def refuse(self, problem: Unfit | NoTrack) -> None:
        respond_unfit(self.request, problem)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self.request.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self.request.unregisterProducer()

    def write(self, data: bytes) -> None:
        if self._titles is not None:
            data = self._titles.insert(data)
        self.sent += len(data)
        self.request.write(data)

    def _take(self, data: bytes) -> int:
        if self._titles is None:
            self.request.write(data)
        else:
            made = self._titles.insert(data)
            self.sent += len(made) - len(data)
            self.request.write(made)
        return len(data)

    def keep(self, rest: memoryview) -> None:
        """Never called: Twisted's buffers take everything."""

    def finish(self) -> None:
        if self._begun:
            self.unregisterProducer()
            self.request.finish()
        else:
            self._respond_nothing(self.request)

    def abort(self) -> None:
        abort(self.request)


@implementer(IPushProducer)
class SocketResponse(LiveResponse):
    """
    A live response, sent straight to the socket.

    Twisted's buffers stay empty: what the kernel does not take is kept here, as a view of bytes
    that all clients share, until the transport says that there is room.
    """

    def __init__(
        self,
        request: Request,
        format_: Format,
        respond_nothing: View,
        titles: IcyTitles | None = None,
    ) -> None:
        super().__init__(request, format_, respond_nothing, titles)
        self._transport: Connection = transport_of(request)
        self._producer: Any = None
        self._rest: memoryview | None = None
        if request.clientproto == b"HTTP/1.1" and titles is None:
            self.framing = chunk

    def begin(self, tracks: Sequence[Track]) -> None:
        super().begin(tracks)
        self._transport.setTcpNoDelay(True)
        self._send: Callable[[Buffer], int] = self._transport.getHandle().send
        self.offer = self._send if self._titles is None else self._offer_with_titles
        # The response's head waits in the transport's buffer; nothing may overtake it.
        self.request.write(b"")
        self._rest = memoryview(b"")

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self._producer = producer
        self.request.registerProducer(self, streaming)

    def unregisterProducer(self) -> None:
        self._producer = None
        self.request.unregisterProducer()

    def write(self, data: bytes) -> None:
        if self._titles is not None:
            data = self._titles.insert(data)
        if self._rest is not None:  # the header, behind the response's head
            self._rest = memoryview(bytes(self._rest) + data)
            self._wait()
        else:
            self._write(data)

    def _write(self, data: Buffer) -> None:
        """Send what the kernel takes, and keep the rest."""
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            # The connection is lost. The reactor need not notice: it does not look at a client
            # that has sent too many requests at once.
            self._transport.abortConnection()
            return
        self.sent += sent
        if sent < len(data):
            self._rest = memoryview(data)[sent:]
            self._wait()

    def _offer_with_titles(self, data: bytes) -> int:
        """Offer bytes, and titles between them; what was not taken with a title is kept here."""
        titles = self._titles
        assert titles is not None
        made = titles.insert(data)
        if made is data:
            return self._send(data)
        try:
            sent = self._send(made)
        except OSError:
            sent = 0
        self.sent += len(made) - len(data)
        if sent < len(made):
            self.keep(memoryview(made)[sent:])
        return len(data)

    def keep(self, rest: memoryview) -> None:
        self.sent -= len(rest)
        self._rest = rest
        self._wait()

    @property
    def _is_full(self) -> bool:
        return self._rest is not None

    def _wait(self) -> None:
        call_when_writable(self._transport)
        if self._producer is not None:
            self._producer.pauseProducing()

    # IPushProducer, towards the transport

    def pauseProducing(self) -> None:
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        rest, self._rest = self._rest, None
        if rest:
            self._write(rest)
        if not self._is_full and self._producer is not None:
            self._producer.resumeProducing()

    def stopProducing(self) -> None:
        if self._producer is not None:
            self._producer.stopProducing()


def live_response(
    request: Request, format_: Format, respond_nothing: View, titles: IcyTitles | None = None
) -> LiveResponse:
    """Return the best kind of live response for what the request came over."""
    transport = transport_of(request)
    if isinstance(transport, Connection) and not getattr(transport, "TLS", False):
        return SocketResponse(request, format_, respond_nothing, titles)
    return LiveResponse(request, format_, respond_nothing, titles)


def live_headers(request: Request, format_: Format, tracks: Sequence[Track]) -> None:
    """Set the head of a live response; without tracks while they are not known."""
    request.setHeader(b"Content-Type", format_.media_type(tracks).encode())
    request.setHeader(b"Cache-Control", b"no-store")
    request.setHeader(b"X-Accel-Buffering", b"no")


def respond_unfit(request: Request, problem: Unfit | NoTrack) -> None:
    """Respond that the tracks do not exist, or do not fit the format."""
    respond_text(request, 404 if isinstance(problem, NoTrack) else 406, f"{problem}.")


def respond_nothing_new(stream: Stream, request: Request) -> None:
    """Respond to a held request that got no media: none has come, or the stream has ended."""
    state, reason = stream.condition
    if not stream.is_over:
        respond_unavailable(
            request, f"No new media has come. The stream is {state}: {reason}.", RETRY_SOON
        )
    elif stream.has_finished and stream.absence:
        respond_absence(stream, request)
    elif stream.has_finished:
        respond_text(request, 503, f"The stream has ended: {reason}.")
    else:
        respond_unavailable(request, "The server stops.", RETRY_SOON)


def respond_absence(stream: Stream, request: Request) -> None:
    """Respond that there is nothing to watch under a name that a client has chosen."""
    respond_text(request, 404, f"There is no stream '{stream.config.name}' now: {stream.absence}.")
