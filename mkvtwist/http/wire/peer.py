"""
The client of a request: its address, its program, its connection (I{reactor}).
"""

from typing import Any

from twisted.web.http import Request

from mkvtwist.media.printable import printable
from mkvtwist.net.sockets import host_of


def client_host(request: Request) -> str | None:
    """Return the address that a request comes from; L{None} for a UNIX socket."""
    return host_of(request.getClientAddress())


def user_agent(request: Request) -> str:
    """Return the name of the client's program, as it states it, fit for a log."""
    said = request.getHeader(b"user-agent") or b""
    return printable(said.decode("utf-8", "replace"), 200)


def transport_of(request: Request) -> Any:
    """Return the transport that a request came over; L{None} once the connection is lost."""
    return getattr(request.channel, "transport", None)


def abort(request: Request) -> None:
    """Close the connection at once, if it is not lost."""
    transport = transport_of(request)
    if transport is not None:
        transport.abortConnection()
