"""
The host that a request asks for, and the way by which it has come (I{reactor}).

A browser runs pages of all sites inside its user's network. In C{Origin} it says which page has
made a request, in C{Host} which name it asked for. It is not enough that the two agree: the owner
of a name can make it mean this machine's address (DNS rebinding), and a page of that name then
counts as one of this server. So a page may change something only if its name is known here: an
address, which no page can fake, C{localhost}, this machine's own name, or one of the setting
C{server_names}.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urljoin

from twisted.internet.address import UNIXAddress
from twisted.web.http import Request

from mkvtwist.http.wire.handshake import is_upgrade
from mkvtwist.http.wire.peer import client_host, transport_of
from mkvtwist.net.addresses import is_loopback, means_loopback

HINT = "If the site is this server, add its name to server_names (--server-name)."
"""The hint in a response to a page of an unknown host."""

SAFE = frozenset({b"GET", b"HEAD", b"OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1), unless they open a WebSocket."""

_HOST = re.compile(rb"(?:([A-Za-z0-9._~!$&'()*+,;=%-]+)|\[([0-9A-Fa-f:.]+)\])(?::[0-9]{0,5})?")
"""A host and a port (RFC 3986, 3.2.2)."""

_PROXIES = frozenset(
    {
        b"cf-connecting-ip",
        b"client-ip",
        b"forwarded",
        b"true-client-ip",
        b"via",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-original-forwarded-for",
        b"x-real-ip",
    }
)
"""Headers that proxies add to a request, beside all that begin with C{X-Forwarded}; lower case."""


def name_in(field: bytes) -> str | None:
    """
    Return the name in a C{Host} field, in lower case and without port and brackets.

    @return: L{None} if the field is not valid (RFC 9112, 3.2).
    """
    match = _HOST.fullmatch(field)
    return None if match is None else (match[1] or match[2]).decode().lower()


def is_known(name: str, server_names: Iterable[str]) -> bool:
    """Return whether a name is one that no stranger can have, or one of the server's."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        own = (*server_names, socket.gethostname().lower())
        return means_loopback(name) or name.removesuffix(".") in own
    return True


def is_from_elsewhere(request: Request) -> bool:
    """Return whether a page of another site had a browser send a request that changes something."""
    origin = request.getHeader(b"origin")
    if origin is None or (request.method in SAFE and not is_upgrade(request)):
        return False
    asked = request.getHeader(b"host") or b""
    return origin.partition(b"://")[2].lower() != asked.lower() or not has_known_name(request)


def has_known_name(request: Request) -> bool:
    """Return whether a page that comes from the host that a request asks for may change things."""
    name = name_in(request.getHeader(b"host") or b"")
    site = getattr(request, "site", None)  # an embedder's, perhaps, which knows no names
    return name is not None and is_known(name, getattr(site, "server_names", ()))


def is_local(request: Request) -> bool:
    """
    Return whether a program of this machine asks, over a loopback address or a UNIX socket: not for
    another client, not for a page of another site, and under a name that means this machine. Any
    other name may be one that a proxy serves, or one that a stranger has made to mean this machine.
    """
    asked = request.getHeader(b"host") or b"localhost"
    origin = request.getHeader(b"origin")
    if is_passed_on(request) or (origin is not None and origin.partition(b"://")[2] != asked):
        return False
    if isinstance(transport_of(request).getHost(), UNIXAddress):
        return True
    name = name_in(asked)
    return is_loopback(client_host(request)) and name is not None and means_loopback(name)


def is_passed_on(request: Request) -> bool:
    """Return whether a proxy has passed a request on, so that its client may be anywhere."""
    names = (name.lower() for name, _ in request.requestHeaders.getAllRawHeaders())
    return any(name in _PROXIES or name.startswith(b"x-forwarded") for name in names)


def url_of(request: Request, path: str) -> str:
    """Return the absolute URL of a path relative to the request, for use on other sites."""
    # Any proxy is believed: only the client that sent this header gets the response.
    is_secure = request.isSecure() or request.getHeader(b"x-forwarded-proto") == b"https"
    scheme = "https" if is_secure else "http"
    asked = (request.getHeader(b"host") or b"localhost").decode("latin-1")
    here = f"{scheme}://{asked}{request.path.decode('latin-1')}"
    return urljoin(here, path)
