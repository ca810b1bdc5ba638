"""
Senders over HTTP: a request's body is a stream's input (I{reactor}).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from twisted.python.failure import Failure
from twisted.web.http import Request
from zope.interface import implementer

from mkvtwist.config.values import ConfigError, parse_program
from mkvtwist.http.wire.body import IBodyReader
from mkvtwist.http.wire.client import transport_of
from mkvtwist.http.wire.hosts import HINT, is_from_elsewhere
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.http.wire.response import respond_text
from mkvtwist.inputs.senders import IUplink, Parting, Sender
from mkvtwist.net.sockets import address, keep_alive
from mkvtwist.streams.stream import Stream

STATUS: Mapping[Parting, int] = MappingProxyType(
    {
        Parting.TAKEN: 200,
        Parting.UNREADABLE: 415,
        Parting.OCCUPIED: 409,
        Parting.REPLACED: 409,
        Parting.SILENT: 408,
        Parting.CLOSED: 503,
        Parting.STUCK: 503,
    }
)
"""How a request ends, by why nothing more is wanted of it."""

PIECE_GAP = 10.0
"""Seconds between two pieces of a sender that makes a request for each, after which it has left."""


def send(stream: Stream, request: Request) -> None:
    """Take the body as the stream's input, until it ends."""
    if is_from_elsewhere(request):  # whoever looks at it has no part in that
        respond_text(request, 403, f"A page of another site cannot send here. {HINT}")
        return
    if not isinstance(request, IncomingRequest):
        respond_text(request, 501, "Streaming uploads need mkvtwist's own site.")
        return
    if request.channel is None:
        return  # it has gone while somebody thought about whether it may
    if request.length == 0 and request.getHeader(b"content-length") is None:
        respond_text(
            request, 411, "Send chunked, with a Content-Length, or with Connection: close."
        )
    elif is_probe(request):
        _answer_probe(stream, request)
    else:
        _receive(stream, request)


def _receive(stream: Stream, request: IncomingRequest) -> None:
    program = _program(request)
    if program is None:
        respond_text(
            request, 400, "program must be the number of a programme of an MPEG-TS: ?program=2"
        )
        return
    place = re.match(rb"bytes ([0-9]{1,18})-", request.getHeader(b"content-range") or b"")
    if b"souphttpclientsink" not in (request.getHeader(b"user-agent") or b""):
        uplink = RequestUplink(request)
    elif place is None:
        _end_idle(stream)
        uplink = PiecesUplink(request, stream.input.slot.reactor)
    else:
        _go_on(stream, int(place[1]), request)
        return
    uplink.sender = Sender(stream.input.slot, address(request.getClientAddress()), uplink)
    uplink.sender.program = program
    if uplink.sender.arrive():
        uplink.begin()


def is_probe(request: Any) -> bool:
    """
    Whether an Icecast sender asks for permission before it sends.

    libshout makes a request with C{Content-Length: 0} and without a password, and continues after
    200 or 401.
    """
    icecast = request.method == b"SOURCE" or request.requestHeaders.hasHeader(b"ice-public")
    return bool(icecast and request.getHeader(b"content-length") == b"0")


def _answer_probe(stream: Stream, request: IncomingRequest) -> None:
    objection = stream.input.slot.objection()
    if objection is None:
        respond_text(request, 200, "You may send.")
    else:
        respond_text(request, STATUS[objection], f"You cannot send now: {objection.value}.")


def _program(request: IncomingRequest) -> int | None:
    """Which programme is to be sent, 0 if that is left open; L{None} if nobody can tell."""
    text = request.args.get(b"program", [b"0"])[0]
    try:
        return parse_program("program", text.decode("ascii"))
    except (ConfigError, UnicodeDecodeError):
        return None


def _end_idle(stream: Stream) -> None:
    """Part with senders of pieces who wait for the next one: their program was started again."""
    for sender in tuple(stream.input.slot.connected):
        if isinstance(sender.uplink, PiecesUplink) and sender.uplink.is_idle:
            sender.leave()


def _go_on(stream: Stream, place: int, request: IncomingRequest) -> None:
    """The next piece of what somebody has begun."""
    for sender in stream.input.slot.connected:
        uplink = sender.uplink
        if isinstance(uplink, PiecesUplink) and uplink.is_idle and sender.pipe.total == place:
            uplink.take(request)
            return
    respond_text(request, 409, f"Nobody has sent the {place} bytes before this; begin anew.")


@implementer(IUplink, IBodyReader)
class RequestUplink:
    """
    What a sender came over when its media is the body of one request.

    @ivar sender: who came.
    """

    sender: Sender

    def __init__(self, request: IncomingRequest) -> None:
        self._request: Any = None
        self._speak_for(request)

    def _speak_for(self, request: IncomingRequest) -> None:
        """Have what becomes of a request be the sender's affair."""
        self._request = request
        request.has_sender = True
        request.notifyFinish().addErrback(self._lost)

    def begin(self) -> None:
        """It may send."""
        self._request.channel.setTimeout(None)  # L{Sender} has its own
        keep_alive(transport_of(self._request))
        self._request.read_body(self)

    def _lost(self, _: Failure) -> None:
        self._request = None

    def body_received(self, data: bytes) -> None:
        self.sender.receive(data)

    def body_ended(self) -> None:
        self.sender.leave()

    def pause(self) -> None:
        if self._request is not None:
            self._request.pause_body()

    def resume(self) -> None:
        if self._request is not None:
            self._request.resume_body()

    def hang_up(self, parting: Parting, reason: str) -> None:
        request, self._request = self._request, None
        if request is None:
            return
        total = self.sender.pipe.total
        text = f"After {total} bytes: {reason}." if total else f"Nothing was taken: {reason}."
        request.is_last = True
        if request.startedWriting:
            request.write(f"{text}\n".encode())
            request.finish()
        else:
            respond_text(request, STATUS[parting], text)


@implementer(IUplink, IBodyReader)
class PiecesUplink(RequestUplink):
    """
    What a sender came over who makes a request for each piece: GStreamer's souphttpclientsink. All
    but the first say where they belong. None says that it is the last.
    """

    def __init__(self, request: IncomingRequest, reactor: Any) -> None:
        super().__init__(request)
        self._reactor = reactor
        self._is_paused = False
        self._gap: Any = None

    def take(self, request: IncomingRequest) -> None:
        """The next piece has come."""
        self._end_gap()
        self._speak_for(request)
        self.begin()

    @property
    def is_idle(self) -> bool:
        """Whether it is between two pieces."""
        return self._gap is not None

    def body_ended(self) -> None:
        if self._request is None:
            self._end_gap()
            self.sender.leave()
        elif not self._is_paused:
            self._ask_for_more()

    def _lost(self, failure: Failure) -> None:
        super()._lost(failure)
        if self._is_paused and self._gap is None:  # with the whole piece, perhaps
            self._gap = self._reactor.callLater(PIECE_GAP, self._over)

    def pause(self) -> None:
        self._is_paused = True
        super().pause()

    def resume(self) -> None:
        self._is_paused = False
        if self._request is not None and not self._request.body_is_left:
            self._ask_for_more()
        else:
            super().resume()

    def hang_up(self, parting: Parting, reason: str) -> None:
        self._end_gap()
        super().hang_up(parting, reason)

    def _ask_for_more(self) -> None:
        request, self._request = self._request, None
        self._gap = self._reactor.callLater(PIECE_GAP, self._over)
        respond_text(request, 200, f"{self.sender.pipe.total} bytes so far.")

    def _over(self) -> None:
        self._gap = None
        self.sender.leave()

    def _end_gap(self) -> None:
        if self._gap is not None:
            self._gap.cancel()
            self._gap = None
