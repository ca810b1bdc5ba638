"""
What clients request: the live stream, C{/status}, C{/metrics}, the page (I{reactor}).

The live response is written by L{LiveResponse}, through Twisted's buffers, which works over
anything, or by L{SocketResponse}, straight to a TCP socket: the one class here that knows about
sockets.
"""

import html
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from socket import SO_SNDBUF, SOL_SOCKET
from string import Template
from typing import Any

from twisted.internet.interfaces import IProducer, IPushProducer
from twisted.internet.tcp import Connection
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

from mkvtwist import __version__, matroska, metrics
from mkvtwist.codecs import content_type
from mkvtwist.config import ConfigError, parse_seconds
from mkvtwist.input import address, describe
from mkvtwist.packet import Header
from mkvtwist.publisher import Client, IResponse, Wish
from mkvtwist.stream import Stream, StreamStatistics

SEND_BUFFER = 256 << 10
"""
Bytes that the kernel may hold for one client (it counts its own overhead too, and caps it at
C{net.core.wmem_max}). Left alone it grows to megabytes, and hides that a client is slow. This much
carries 20 Mbit/s over 100 ms of round trip.
"""

RETRY_AFTER = 5
"""Seconds after which a client that was one too many may ask again."""


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked coding (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def rebase(clusters: bytes, start: int) -> bytes:
    """A fragment for a client whose time begins at 0 with its first fragment."""
    return matroska.rebased(clusters, matroska.milliseconds(start))


@implementer(IResponse)
class LiveResponse:
    """A live answer, written through the request."""

    framing: Callable[[bytes], bytes] | None = None

    def __init__(self, request: Request) -> None:
        self.request = request
        self.sent = 0
        self._begun = False

    def begin(self, header: Header) -> None:
        self._begun = True
        live_headers(self.request, header)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self.request.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self.request.unregisterProducer()

    def write(self, data: bytes) -> None:
        self.sent += len(data)
        self.request.write(data)

    def finish(self) -> None:
        if self._begun:
            self.unregisterProducer()
            self.request.finish()
        else:
            say(self.request, 503, "The stream has ended.")

    def abort(self) -> None:
        transport = transport_of(self.request)
        if transport is not None:
            transport.abortConnection()


@implementer(IPushProducer)
class SocketResponse(LiveResponse):
    """
    A live answer, sent straight to the socket.

    Twisted's buffers stay empty: what the kernel does not take is kept here, as a view of bytes
    that all clients share, until the transport says that there is room.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._transport: Connection = transport_of(request)
        self._producer: Any = None
        self._rest: memoryview | None = None
        if request.clientproto == b"HTTP/1.1":
            self.framing = chunk

    def begin(self, header: Header) -> None:
        super().begin(header)
        self._transport.setTcpNoDelay(True)
        self._transport.getHandle().setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER)
        self._send = self._transport.getHandle().send
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
        if self._rest is not None:  # the header, behind the response's head
            self._rest = memoryview(bytes(self._rest) + data)
            self._wait()
            return
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

    @property
    def _is_full(self) -> bool:
        return self._rest is not None

    def _wait(self) -> None:
        # An empty buffer calls a paused producer as soon as the socket has room.
        transport = self._transport
        transport.producerPaused = True
        transport.startWriting()
        if self._producer is not None:
            self._producer.pauseProducing()

    # IPushProducer, towards the transport

    def pauseProducing(self) -> None:
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        rest: Any = self._rest
        self._rest = None
        if rest:
            self.write(rest)
        if not self._is_full and self._producer is not None:
            self._producer.resumeProducing()

    def stopProducing(self) -> None:
        if self._producer is not None:
            self._producer.stopProducing()


def transport_of(request: Request) -> Any:
    """What a request came over; L{None} once that is gone."""
    return getattr(request.channel, "transport", None)


def respond(request: Request) -> LiveResponse:
    """The best kind of live answer for what the request came over."""
    transport = transport_of(request)
    if isinstance(transport, Connection) and not getattr(transport, "TLS", False):
        return SocketResponse(request)
    return LiveResponse(request)


def live_headers(request: Request, header: Header | None) -> None:
    """The head of a live answer; C{header} is L{None} while it is not known."""
    kind = "video/x-matroska"
    if header is not None:
        kind = kind if header.has_video else "audio/x-matroska"
        shown = [track.codec_string for track in header.tracks if track.type != "subtitle"]
        kind = content_type(kind, shown)
    request.setHeader(b"Content-Type", kind.encode())
    request.setHeader(b"Cache-Control", b"no-store")
    request.setHeader(b"X-Accel-Buffering", b"no")
    request.setHeader(b"Access-Control-Allow-Origin", b"*")


def say(request: Request, code: int, text: str) -> None:
    """Answer with one line of text."""
    request.setResponseCode(code)
    answer(request, f"{text}\n".encode(), b"text/plain; charset=utf-8")


def answer(request: Request, body: bytes, content_type: bytes) -> None:
    """Answer with something whole."""
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.setHeader(b"Cache-Control", b"no-store")
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    request.write(b"" if request.method == b"HEAD" else body)
    request.finish()


def printable(text: bytes | None, most: int = 200) -> str:
    """Something a client has sent, fit for one line of a log."""
    decoded = (text or b"").decode("utf-8", "replace")[:most]
    return "".join(char if char.isprintable() else "?" for char in decoded)


class Server(Resource):
    """
    All that is served, over all streams.
    """

    isLeaf = True

    def __init__(self, reactor: Any, streams: Mapping[str, Stream]) -> None:
        """
        @param streams: by their names; may change under way.
        """
        super().__init__()
        self._streams = streams
        self._reactor = reactor
        self._started = reactor.seconds()

    def render(self, request: Any) -> int:
        """Find out what is asked for, and answer it, now or for hours."""
        path = "/".join(part.decode("utf-8", "replace") for part in request.postpath or [])
        show = self._route(request, path)
        if show is None:
            say(request, 404, self._not_found(path))
        elif request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"Allow", b"GET, HEAD")
            say(request, 405, "Only GET and HEAD work here.")
        else:
            show(request)
        return NOT_DONE_YET

    def _route(self, request: Request, path: str) -> Callable[[Request], None] | None:
        if path == "status":
            return self._status
        if path == "metrics":
            return self._metrics
        if path == "" and len(self._streams) != 1:
            return self._list
        name = path or next(iter(self._streams))
        if name in self._streams:
            show = self._page if accepts(request, "text/html") else self._live
            return partial(show, self._streams[name])
        if path.removesuffix(".mkv") in self._streams:
            return partial(self._live, self._streams[path.removesuffix(".mkv")])
        return None

    def _not_found(self, path: str) -> str:
        names = ", ".join(f"/{name}.mkv" for name in self._streams) or "no stream"
        return f"There is no {printable(path.encode())!r} here. There are {names} and /status."

    # the live stream

    def _live(self, stream: Stream, request: Request) -> None:
        wanted = request.getHeader(b"range")
        if wanted is not None and wanted.replace(b" ", b"").lower() != b"bytes=0-":
            say(request, 416, "A live stream has no ranges; ask for it without.")
            return
        try:
            burst = self._burst(request, stream)
        except ConfigError as error:
            say(request, 400, str(error))
            return
        if request.method == b"HEAD":
            programme = stream.publisher.programme
            live_headers(request, programme.header if programme is not None else None)
            request.write(b"")
            request.finish()
            return
        most = stream.config.max_clients
        if most and len(stream.publisher.clients) >= most:
            request.setHeader(b"Retry-After", b"%d" % RETRY_AFTER)
            say(request, 503, f"The limit of {most} clients is reached; try again later.")
            return
        response = respond(request)
        gone = request.notifyFinish()
        wish = Wish(
            burst=burst,
            framing=response.framing,
            rebase=rebase if wants_rebase(request) else None,
            peer=address(request.getClientAddress()),
            user_agent=printable(request.getHeader(b"user-agent")),
        )
        client = stream.publisher.join(response, wish)
        gone.addErrback(lambda _: _gone(stream, client))

    def _burst(self, request: Request, stream: Stream) -> float | None:
        join = argument(request, "join")
        if join == "live":
            return None
        if join is not None:
            raise ConfigError(f"join: {join!r} is not 'live', the only value there is")
        burst = argument(request, "burst")
        return stream.config.burst if burst is None else parse_seconds("burst", burst)

    # what is known

    def _statistics(self) -> dict[str, StreamStatistics]:
        return {name: stream.statistics() for name, stream in self._streams.items()}

    def _status(self, request: Request) -> None:
        status = {
            "version": __version__,
            "uptime": round(self._reactor.seconds() - self._started, 3),
            "streams": {
                name: self._as_json(statistics) for name, statistics in self._statistics().items()
            },
        }
        request.setHeader(b"Access-Control-Allow-Origin", b"*")
        answer(request, json.dumps(status, indent=2).encode() + b"\n", b"application/json")

    def _as_json(self, statistics: StreamStatistics) -> dict[str, Any]:
        offset = time.time() - self._reactor.seconds()
        shown = asdict(statistics)
        shown["since"] = timestamp(statistics.since)
        shown["bitrate"] = round(statistics.bitrate)
        shown["ring"] = {
            name: shown.pop(f"ring_{name}") for name in ("seconds", "bytes", "segments")
        }
        for track in shown["tracks"]:
            del track["setup"]
        for client in shown["clients"]:
            client["since"] = timestamp(client["since"] + offset)
            client["lag"] = round(client["lag"], 3)
        return shown

    def _metrics(self, request: Request) -> None:
        answer(request, metrics.render(self._statistics()), metrics.CONTENT_TYPE.encode())

    # for people

    def _list(self, request: Request) -> None:
        names = list(self._streams)
        if accepts(request, "application/json") and not accepts(request, "text/html"):
            body = json.dumps({"streams": names}).encode() + b"\n"
            answer(request, body, b"application/json")
            return
        items = "".join(
            f'<li><a href="{html.escape(name)}">{html.escape(name)}</a></li>' for name in names
        )
        self._html(request, "mkvtwist", f"<ul>{items}</ul>" if items else "<p>No stream.</p>")

    def _page(self, stream: Stream, request: Request) -> None:
        statistics = stream.statistics()
        name = html.escape(stream.config.name)
        host = html.escape(printable(request.getHeader(b"host")) or "localhost:8080")
        scheme = "https" if request.isSecure() else "http"
        url = f"{scheme}://{host}/{name}.mkv"
        tracks = "".join(f"<li>{html.escape(describe(track))}</li>" for track in statistics.tracks)
        body = resources.files("mkvtwist").joinpath("page.html").read_text("utf-8")
        filled = Template(body).substitute(
            name=name,
            state=html.escape(statistics.state),
            reason=html.escape(statistics.reason),
            tracks=tracks,
            clients=len(statistics.clients),
            url=url,
        )
        self._html(request, stream.config.name, filled)

    def _html(self, request: Request, title: str, body: str) -> None:
        frame = resources.files("mkvtwist").joinpath("frame.html").read_text("utf-8")
        request.setHeader(
            b"Content-Security-Policy", b"default-src 'none'; style-src 'unsafe-inline'"
        )
        request.setHeader(b"Vary", b"Accept")
        text = Template(frame).substitute(title=html.escape(title), body=body)
        answer(request, text.encode(), b"text/html; charset=utf-8")


def _gone(stream: Stream, client: Client) -> None:
    stream.publisher.leave(client, "the client has gone")


def timestamp(seconds: float) -> str:
    """A moment in ISO 8601, as people and programs read it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def argument(request: Request, name: str) -> str | None:
    """The last value of a query parameter."""
    values = request.args.get(name.encode()) if request.args else None
    return values[-1].decode("utf-8", "replace") if values else None


def accepts(request: Request, content_type: str) -> bool:
    """Whether the client lists a type by name: browsers do for pages, players do not."""
    listed = (request.getHeader(b"accept") or b"").decode("latin-1")
    return any(item.partition(";")[0].strip() == content_type for item in listed.split(","))


def wants_rebase(request: Request) -> bool:
    """Whether timestamps are to begin at 0, as a browser's video element needs them."""
    return argument(request, "rebase") == "1" or request.getHeader(b"sec-fetch-dest") == b"video"


class LiveSite(Site):
    """The site, without a line in the log for each request."""

    noisy = False

    def __init__(self, reactor: Any, streams: Mapping[str, Stream]) -> None:
        super().__init__(Server(reactor, streams), reactor=reactor, parsePOSTFormSubmission=False)

    def log(self, request: Request) -> None:
        """Clients are logged when they join and leave; the rest is not worth a line."""
