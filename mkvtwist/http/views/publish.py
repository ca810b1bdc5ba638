"""
Senders over HTTP: a request's body, or a page's WebSocket, is a stream's input (I{reactor}).
"""

import re
from typing import Any

from twisted.web.http import Request

from mkvtwist.config.values import ConfigError, parse_program
from mkvtwist.http.socket_uplink import SocketUplink
from mkvtwist.http.uplinks import PiecesUplink, RequestUplink, respond_parting
from mkvtwist.http.views.pages import show_publish
from mkvtwist.http.wire.handshake import is_upgrade, refuse_upgrade
from mkvtwist.http.wire.hosts import HINT, has_known_name, is_from_elsewhere
from mkvtwist.http.wire.peer import client_host
from mkvtwist.http.wire.query import parameter
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.http.wire.response import respond_text
from mkvtwist.inputs.senders import Sender, Station, identity_of
from mkvtwist.media.printable import printable
from mkvtwist.net.sockets import address
from mkvtwist.streams.stream import Stream


def send(stream: Stream, request: Request) -> None:
    """Read the body as the stream's input, until it ends."""
    if is_from_elsewhere(request):  # its visitor did not ask for it
        respond_text(request, 403, f"A page of another site cannot send here. {HINT}")
        return
    if not isinstance(request, IncomingRequest):
        respond_text(request, 501, "Streaming uploads need mkvtwist's own site.")
        return
    if request.channel is None:
        return  # the sender has gone while its credentials were looked at
    if request.length == 0 and request.getHeader(b"content-length") is None:
        respond_text(
            request, 411, "Send chunked, with a Content-Length, or with Connection: close."
        )
    elif is_probe(request):
        _answer_probe(stream, request)
    else:
        _receive(stream, request)


def publish(stream: Stream, request: Request) -> None:
    """Respond with the page that publishes, or open its WebSocket: the stream's input."""
    if not isinstance(request, IncomingRequest):
        respond_text(request, 501, "Publishing from a browser needs mkvtwist's own site.")
    elif is_upgrade(request):
        _open_socket(stream, request)
    elif has_known_name(request):
        show_publish(stream, request)
    else:  # its WebSocket would be refused, and a browser would not tell the page why
        respond_text(request, 403, f"A page of this name cannot send here. {HINT}")


def _open_socket(stream: Stream, request: IncomingRequest) -> None:
    if is_from_elsewhere(request):
        respond_text(request, 403, f"A page of another site cannot send here. {HINT}")
        return
    if request.channel is None or refuse_upgrade(request):
        return
    page = parameter(request, "page") or ""
    slot = stream.input.slot
    for other in tuple(slot.connected):  # its link is dead or too slow
        if page and isinstance(other.uplink, SocketUplink) and other.uplink.page == page:
            other.uplink.leave()
    uplink = SocketUplink(request, stream, page)
    peer = address(request.getClientAddress())
    uplink.sender = Sender(slot, peer, uplink, _identity(request))
    uplink.begin()
    if uplink.sender.arrive():
        uplink.report()


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
    peer = address(request.getClientAddress())
    uplink.sender = Sender(stream.input.slot, peer, uplink, _identity(request))
    uplink.sender.program = program
    uplink.sender.station = _station(request)
    if uplink.sender.arrive():
        uplink.begin()


def _station(request: IncomingRequest) -> Station:
    """Return the station that an Icecast sender names in its request."""

    def said(field: str) -> str:
        name = field.encode()
        value = request.getHeader(b"ice-" + name) or request.getHeader(b"icy-" + name) or b""
        try:
            return printable(value.decode())
        except UnicodeDecodeError:
            return printable(value.decode("latin-1"))

    return Station(said("name"), said("description"), said("genre"))


def is_probe(request: Any) -> bool:
    """
    Return whether an Icecast sender asks for permission before it sends.

    libshout makes a request with C{Content-Length: 0} and without a password, and continues after
    200 or 401.
    """
    icecast = request.method == b"SOURCE" or request.requestHeaders.hasHeader(b"ice-public")
    return bool(icecast and request.getHeader(b"content-length") == b"0")


def _answer_probe(stream: Stream, request: IncomingRequest) -> None:
    objection = stream.input.slot.objection(_identity(request))
    if objection is None:
        respond_text(request, 200, "You may send.")
    else:
        respond_parting(request, objection, f"You cannot send now: {objection.value}.")


def _identity(request: IncomingRequest) -> str:
    """Return the identity of a sender, by which it is known when it comes back."""
    return identity_of(request.visitor, client_host(request))


def _program(request: IncomingRequest) -> int | None:
    """
    Return the number of the programme that a sender asks to be sent, 0 if it does not ask; L{None}
    if that is no number of a programme.
    """
    text = request.args.get(b"program", [b"0"])[0]
    try:
        return parse_program("program", text.decode("ascii"))
    except (ConfigError, UnicodeDecodeError):
        return None


def _end_idle(stream: Stream) -> None:
    """Part with senders that are between two pieces: their program was started again."""
    for sender in tuple(stream.input.slot.connected):
        if isinstance(sender.uplink, PiecesUplink) and sender.uplink.is_idle:
            sender.leave()


def _go_on(stream: Stream, place: int, request: IncomingRequest) -> None:
    """Give a request to the sender whose next piece it has."""
    for sender in stream.input.slot.connected:
        uplink = sender.uplink
        if isinstance(uplink, PiecesUplink) and uplink.is_idle and sender.pipe.total == place:
            uplink.take(request)
            return
    respond_text(request, 409, f"The {place} bytes before this piece are missing; begin again.")
