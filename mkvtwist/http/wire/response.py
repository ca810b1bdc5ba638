"""
Responses that are complete at once (I{reactor}).
"""

from collections.abc import Callable
from http import HTTPStatus

from twisted.web.http import Request

from mkvtwist.http.wire.caching import vary_by
from mkvtwist.http.wire.compression import accepts_gzip, compress, is_worth_it

View = Callable[[Request], None]
"""Responds to a request, now or for hours."""


def respond_text(request: Request, code: int, text: str) -> None:
    """Respond with one line of text, which the log may quote as well."""
    request.setResponseCode(code, HTTPStatus(code).phrase.encode())  # Twisted has not all of them
    vars(request)["reason"] = text  # for the log
    respond(request, f"{text}\n".encode(), b"text/plain; charset=utf-8")


def respond_unavailable(request: Request, text: str, seconds: int) -> None:
    """Respond 503, with the seconds after which to ask again."""
    request.setHeader(b"Retry-After", b"%d" % seconds)
    respond_text(request, 503, text)


def respond(request: Request, body: bytes, content_type: bytes, cache: bytes = b"no-store") -> None:
    """Respond with all of a body; a text is compressed for a client that can read that."""
    request.setHeader(b"Content-Type", content_type)
    if is_worth_it(body, content_type):
        vary_by(request, b"Accept-Encoding")
        if accepts_gzip(request):
            request.setHeader(b"Content-Encoding", b"gzip")
            body = compress(body)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.setHeader(b"Cache-Control", cache)
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    request.write(b"" if request.method == b"HEAD" else body)
    request.finish()


def respond_head(request: Request, content_type: bytes) -> None:
    """Respond to C{HEAD} for something that is made only for C{GET}."""
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Cache-Control", b"no-store")
    request.write(b"")
    request.finish()
