"""
The uplinks of senders over HTTP: bodies of one request, or of several (I{reactor}).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from twisted.python.failure import Failure
from twisted.web.http import Request
from zope.interface import implementer

from mkvtwist.http.wire.body import IBodyReader
from mkvtwist.http.wire.peer import transport_of
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.http.wire.response import respond_text
from mkvtwist.inputs.senders import IUplink, Parting, Sender
from mkvtwist.net.sockets import keep_alive

PARTING_STATUS: Mapping[Parting, int] = MappingProxyType(
    {
        Parting.TAKEN: 200,
        Parting.UNREADABLE: 415,
        Parting.OCCUPIED: 409,
        Parting.REPLACED: 409,
        Parting.SILENT: 408,
        Parting.CLOSED: 503,
        Parting.FULL: 503,
        Parting.STUCK: 503,
    }
)
"""The status of the response to a sender, by the reason of the parting."""

SENDER_RETRY = 5
"""Seconds after which a sender may ask again for whose stream there was no room."""

PIECE_GAP = 10.0
"""
Seconds between two pieces of a sender that makes a request for each, after which it has left: as
long as any other sender may say nothing (L{mkvtwist.inputs.senders.SENDER_SILENCE}).
"""


@implementer(IUplink, IBodyReader)
class RequestUplink:
    """
    The body of one request, which is all of a sender's media.

    @ivar sender: whose media it is.
    """

    sender: Sender

    def __init__(self, request: IncomingRequest) -> None:
        self._request: Any = None
        self._speak_for(request)

    def _speak_for(self, request: IncomingRequest) -> None:
        """Take a request over: the sender reports its result."""
        self._request = request
        request.has_sender = True
        request.notifyFinish().addErrback(self._lost)

    def begin(self) -> None:
        """Read the body: the sender may send."""
        self._request.channel.setTimeout(None)  # L{Sender} has its own
        keep_alive(transport_of(self._request))
        self._request.read_body(self)

    def _lost(self, _: Failure) -> None:
        self._request = None

    # IBodyReader

    def body_received(self, data: bytes) -> None:
        """Pass media on."""
        self.sender.receive(data)

    def body_ended(self) -> None:
        """Say that the sender has left."""
        self.sender.leave()

    # IUplink

    def pause(self) -> None:
        """Read no more of the body."""
        if self._request is not None:
            self._request.pause_body()

    def resume(self) -> None:
        """Read on, if the sender's program is still there."""
        if self._request is not None:
            self._request.resume_body()

    def hang_up(self, parting: Parting, reason: str) -> None:
        """Respond with what became of the media."""
        request, self._request = self._request, None
        if request is None:
            return
        total = self.sender.pipe.total
        text = f"After {total} bytes: {reason}." if total else f"No bytes were accepted: {reason}."
        request.is_last = True
        if request.startedWriting:
            request.write(f"{text}\n".encode())
            request.finish()
        else:
            respond_parting(request, parting, text)


def respond_parting(request: Request, parting: Parting, text: str) -> None:
    """Respond to a sender with the status of its parting."""
    if parting is Parting.FULL:
        request.setHeader(b"Retry-After", b"%d" % SENDER_RETRY)
    respond_text(request, PARTING_STATUS[parting], text)


@implementer(IUplink, IBodyReader)
class PiecesUplink(RequestUplink):
    """
    The requests of a sender that makes one for each piece: GStreamer's souphttpclientsink. All but
    the first name their place; none says that it is the last.
    """

    def __init__(self, request: IncomingRequest, reactor: Any) -> None:
        super().__init__(request)
        self._reactor = reactor
        self._is_paused = False
        self._gap: Any = None

    def take(self, request: IncomingRequest) -> None:
        """Take the request with the next piece."""
        self._end_gap()
        self._speak_for(request)
        self.begin()

    @property
    def is_idle(self) -> bool:
        """Return whether the sender is between two pieces."""
        return self._gap is not None

    def body_ended(self) -> None:
        """Ask for the next piece, or say that the sender has left."""
        if self._request is None:
            self._end_gap()
            self.sender.leave()
        elif not self._is_paused:
            self._ask_for_more()

    def _lost(self, failure: Failure) -> None:
        super()._lost(failure)
        if self._is_paused and self._gap is None:  # with the whole piece, perhaps
            self._gap = self._reactor.callLater(PIECE_GAP, self._leave)

    def pause(self) -> None:
        """Read no more of the piece, and ask for none."""
        self._is_paused = True
        super().pause()

    def resume(self) -> None:
        """Read the rest of the piece, or ask for the next one."""
        self._is_paused = False
        if self._request is not None and not self._request.body_is_left:
            self._ask_for_more()
        else:
            super().resume()

    def hang_up(self, parting: Parting, reason: str) -> None:
        """Respond to the request, if there is one."""
        self._end_gap()
        super().hang_up(parting, reason)

    def _ask_for_more(self) -> None:
        request, self._request = self._request, None
        self._gap = self._reactor.callLater(PIECE_GAP, self._leave)
        respond_text(request, 200, f"{self.sender.pipe.total} bytes so far.")

    def _leave(self) -> None:
        self._gap = None
        self.sender.leave()

    def _end_gap(self) -> None:
        if self._gap is not None:
            self._gap.cancel()
            self._gap = None
