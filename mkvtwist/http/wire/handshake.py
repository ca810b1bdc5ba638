"""
The opening handshake of WebSocket (I{reactor}; RFC 6455, 4.2).
"""

from base64 import b64decode

from twisted.web.http import Request
from wsproto.utilities import generate_accept_token

from mkvtwist.http.wire.response import respond_text

VERSION = b"13"
"""The only version of the protocol that was ever a standard."""

KEY_SIZE = 16
"""Bytes of a client's key, which is random."""


def is_upgrade(request: Request) -> bool:
    """Return whether a request asks for a WebSocket in place of a response."""
    is_named = _has_word(request, b"upgrade", b"websocket")
    return request.method == b"GET" and is_named and _has_word(request, b"connection", b"upgrade")


def refuse_upgrade(request: Request) -> bool:
    """Respond to an upgrade that is not valid; return whether that was so."""
    key = request.getHeader(b"sec-websocket-key") or b""
    if request.clientproto != b"HTTP/1.1" or not _is_key(key):
        respond_text(request, 400, "This is not the handshake of a WebSocket.")
        return True
    if request.getHeader(b"sec-websocket-version") != VERSION:
        request.setHeader(b"Sec-WebSocket-Version", VERSION)
        respond_text(request, 426, "Use version 13 of WebSocket.")
        return True
    return False


def acceptance(request: Request) -> bytes:
    """Return the response to a valid upgrade, as bytes."""
    key = request.getHeader(b"sec-websocket-key") or b""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + generate_accept_token(key) + b"\r\n"
        b"\r\n"
    )


def _is_key(text: bytes) -> bool:
    try:
        return len(b64decode(text, validate=True)) == KEY_SIZE
    except ValueError:
        return False


def _has_word(request: Request, header: bytes, word: bytes) -> bool:
    """Return whether a header's list has a word, in any case."""
    values = request.requestHeaders.getRawHeaders(header, [])
    return any(item.strip().lower() == word for value in values for item in value.split(b","))
