"""
The files that pages need, C{/static/} (I{reactor}).

A page names each with its version, so that a browser may keep it for ever; an address without one,
as other sites write down for C{embed.js}, is asked for again each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from types import MappingProxyType

from twisted.web.http import Request

from mkvtwist.http.wire.caching import respond_if_unchanged
from mkvtwist.http.wire.query import parameter
from mkvtwist.http.wire.response import respond

_JAVASCRIPT = b"text/javascript; charset=utf-8"

TYPES: Mapping[str, bytes] = MappingProxyType(
    {
        "admin.css": b"text/css; charset=utf-8",
        "admin.js": _JAVASCRIPT,
        "captions.js": _JAVASCRIPT,
        "embed.js": _JAVASCRIPT,
        "icon.svg": b"image/svg+xml",
        "page.js": _JAVASCRIPT,
        "player.css": b"text/css; charset=utf-8",
        "player.js": _JAVASCRIPT,
        "webm.js": _JAVASCRIPT,
    }
)
"""All of them."""

FOR_EVER = b"public, max-age=31536000, immutable"
"""A year in seconds: RFC 9111 knows no longer word."""


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    version: str


@cache
def _load(name: str) -> _File:
    body = resources.files("mkvtwist").joinpath("static", name).read_bytes()
    return _File(body, sha256(body).hexdigest()[:12])


def versioned(name: str) -> str:
    """The address of a file as a page names it, relative to the server's root."""
    return f"static/{name}?v={_load(name).version}"


def show_file(name: str, request: Request) -> None:
    """
    Answer with a file.

    @param name: one of L{TYPES}.
    """
    file = _load(name)
    request.setHeader(b"Access-Control-Allow-Origin", b"*")
    cache = FOR_EVER if parameter(request, "v") == file.version else b"no-cache"
    request.setHeader(b"Cache-Control", cache)
    # Weak, for the bytes are others when they are compressed.
    if not respond_if_unchanged(request, f'W/"{file.version}"'.encode()):
        respond(request, file.body, TYPES[name], cache)
