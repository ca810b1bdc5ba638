"""
What all answers are made with, and what is read from requests (I{reactor}).
"""

import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urljoin

from twisted.web.http import NOT_MODIFIED, Request

from mkvtwist.config.rule import EVERYBODY, AccessRule
from mkvtwist.config.values import parse_tracks
from mkvtwist.media.printable import printable
from mkvtwist.net.sockets import plain

View = Callable[[Request], None]
"""Answers a request, now or for hours."""

TEXT_TYPES = frozenset(
    {b"application/json", b"application/vnd.apple.mpegurl", b"application/xml", b"image/svg+xml"}
)
"""MIME types of texts, beside C{text/*}."""

COMPRESSED = range(1_000, 256 << 10)
"""
Bytes of a text that is worth compressing: a shorter one fits into a packet as it is; a longer one
would keep the reactor for more than 5 ms.
"""

REMEMBERED = 32
"""Texts whose compressed bytes are kept: what many ask for at once is compressed once."""


def say(request: Request, code: int, text: str) -> None:
    """Answer with one line of text."""
    request.setResponseCode(code, HTTPStatus(code).phrase.encode())  # Twisted has not all of them
    vars(request)["said"] = text  # for the log
    answer(request, f"{text}\n".encode(), b"text/plain; charset=utf-8")


def say_later(request: Request, text: str, seconds: int) -> None:
    """Answer that it cannot be had now, and after how many seconds to ask again."""
    request.setHeader(b"Retry-After", b"%d" % seconds)
    say(request, 503, text)


def answer(request: Request, body: bytes, content_type: bytes, cache: bytes = b"no-store") -> None:
    """Answer with something whole; a text is compressed for a client that can read that."""
    request.setHeader(b"Content-Type", content_type)
    if len(body) in COMPRESSED and _is_text(content_type):
        varies_with(request, b"Accept-Encoding")
        if _accepts_gzip(request):
            request.setHeader(b"Content-Encoding", b"gzip")
            body = _compressed(body)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.setHeader(b"Cache-Control", cache)
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    request.write(b"" if request.method == b"HEAD" else body)
    request.finish()


def open_to_pages(request: Request) -> None:
    """Let pages of all sites read the answer, whatever it will be, and what they ask for."""
    request.setHeader(b"Access-Control-Allow-Origin", b"*")
    request.setHeader(
        b"Access-Control-Expose-Headers", b"Content-Disposition, Content-Range, ETag, Retry-After"
    )


def is_preflight(request: Request) -> bool:
    """Whether a browser asks if a page of another site may get something (Fetch, 3.3.1)."""
    asks = request.getHeader(b"access-control-request-method")
    return request.method == b"OPTIONS" and asks in (b"GET", b"HEAD")


def allow_pages(request: Request) -> None:
    """Answer that: a page may watch, with a token, and have a part of what has a length."""
    request.setResponseCode(204)
    request.setHeader(b"Access-Control-Allow-Methods", b"GET, HEAD")
    request.setHeader(b"Access-Control-Allow-Headers", b"Authorization, Range")
    request.setHeader(b"Access-Control-Max-Age", b"86400")
    request.finish()


def preview(request: Request, content_type: bytes) -> None:
    """Answer C{HEAD} with what something would be that is made only when somebody gets it."""
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Cache-Control", b"no-store")
    request.write(b"")
    request.finish()


def cached(request: Request, rule: AccessRule, how: bytes, shared: bytes = b"") -> bytes:
    """
    Return C{Cache-Control} for what a rule let somebody have.

    A cache that many share must not keep what depends on credentials, nor on an address that a
    proxy told. If the rule goes by the address of the connection alone, the client that it let in
    is the cache itself: an edge that the operator trusts.

    @param shared: more directives, for caches that many share.
    """
    itself = host(request) == getattr(request.client, "host", None)
    if rule == EVERYBODY or (itself and not rule.wants_credentials):
        return b"public, " + how + shared
    return b"private, " + how


def varies_with(request: Request, name: bytes) -> None:
    """Tell caches that the answer depends on one more of the request's headers."""
    before = request.responseHeaders.getRawHeaders(b"Vary", [])
    request.setHeader(b"Vary", b", ".join([*before, name]))


def answer_unchanged(request: Request, tag: bytes) -> bool:
    """
    Name what is answered by its C{ETag}; answer 304 without a body if the client has it already
    (RFC 9110, 13.1.2, by weak comparison: as a proxy leaves it that compresses).

    @return: whether the request has been answered.
    """
    request.setHeader(b"ETag", tag)
    known = request.getHeader(b"if-none-match")
    if known is None:
        return False
    tags = [each.strip().removeprefix(b"W/") for each in known.split(b",")]
    if known.strip() != b"*" and tag.removeprefix(b"W/") not in tags:
        return False
    request.setResponseCode(NOT_MODIFIED)
    request.finish()
    return True


def _is_text(content_type: bytes) -> bool:
    kind = content_type.partition(b";")[0]
    return kind.startswith(b"text/") or kind in TEXT_TYPES


def _accepts_gzip(request: Request) -> bool:
    """Whether the client reads gzip (RFC 9110, 12.5.3)."""
    for each in (request.getHeader(b"accept-encoding") or b"").lower().split(b","):
        coding, _, weight = each.replace(b" ", b"").partition(b";q=")
        if coding == b"gzip":
            return re.fullmatch(rb"0(\.0*)?", weight) is None
    return False


@lru_cache(maxsize=REMEMBERED)
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def user_agent(request: Request) -> str:
    """Return the name of the client's program, as the client says it, fit for a log."""
    said = request.getHeader(b"user-agent") or b""
    return printable(said.decode("utf-8", "replace"), 200)


def timestamp(seconds: float) -> str:
    """A moment in ISO 8601, as people and programs read it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def argument(request: Request, name: str) -> str | None:
    """The last value of a query parameter."""
    values = request.args.get(name.encode()) if request.args else None
    return values[-1].decode("utf-8", "replace") if values else None


def wanted_tracks(request: Request) -> frozenset[int] | None:
    """
    The numbers in C{?tracks=1,3}; L{None} when nobody asks.

    @raise ConfigError: when they are no numbers.
    """
    text = argument(request, "tracks")
    return None if text is None else parse_tracks("tracks", text)


def carried(request: Request) -> str:
    """
    The query that the addresses in an answer need, C{?token=...} or nothing, so that who follows
    them may do what this request may. Other credentials clients repeat by themselves.
    """
    token = argument(request, "token")
    return f"?{urlencode({'token': token})}" if token else ""


def accepts(request: Request, content_type: str) -> bool:
    """Whether the client lists a type by name: browsers do for pages, players do not."""
    listed = (request.getHeader(b"accept") or b"").decode("latin-1")
    return any(item.partition(";")[0].strip() == content_type for item in listed.split(","))


PLAYERS = re.compile(
    rb"lavf/|vlc|libmpv|\bmpv\b|mplayer|gstreamer|souphttpsrc|libsoup|kodi|xbmc|exoplayer|stagefright|"
    rb"applecoremedia|quicktime|itunes|nsplayer|windows-media-player|winamp|foobar2000|xmms|audacious|"
    rb"roku|sonos|squeezebox|tvheadend|smarttv|hbbtv|bass/|curl/|wget/|aria2/|streamlink|yt-dlp",
    re.IGNORECASE,
)
"""
Names in C{User-Agent} of programs that play or save media. Programs that fetch links for chats and
search engines have none of these names; the endless stream would give them a client's place.
"""


def wants_page(request: Request) -> bool:
    """
    Whether a stream's name without an ending stands for its page.

    A browser gets the page, and so does every program that shows no sign of a media player:
    programs that preview links accept any type.
    """
    if accepts(request, "text/html"):
        return True
    headers = request.requestHeaders
    listed = (request.getHeader(b"accept") or b"").lower()
    wanted = (request.getHeader(b"range") or b"").replace(b" ", b"").lower()
    if not (headers.hasHeader(b"accept") or headers.hasHeader(b"user-agent")):
        # A simple program that reads bytes; programs that preview links name themselves.
        return False
    return not (
        headers.hasHeader(b"icy-metadata")
        or wanted == b"bytes=0-"  # some programs that preview links ask for the first bytes
        or b"video/" in listed
        or b"audio/" in listed
        or request.getHeader(b"sec-fetch-dest") in (b"video", b"audio")
        or PLAYERS.search(request.getHeader(b"user-agent") or b"")
    )


def url_of(request: Request, path: str) -> str:
    """Return the absolute URL of a path relative to the request, for use on other sites."""
    # Any proxy is believed: only the client that sent this header gets the answer.
    is_secure = request.isSecure() or request.getHeader(b"x-forwarded-proto") == b"https"
    scheme = "https" if is_secure else "http"
    asked = (request.getHeader(b"host") or b"localhost").decode("latin-1")
    here = f"{scheme}://{asked}{request.path.decode('latin-1')}"
    return urljoin(here, path)


def host(request: Request) -> str | None:
    """The address that a request comes from; L{None} on a UNIX socket."""
    found = getattr(plain(request.getClientAddress()), "host", None)
    return str(found) if found is not None else None


def transport_of(request: Request) -> Any:
    """What a request came over; L{None} once that is gone."""
    return getattr(request.channel, "transport", None)


def abort(request: Request) -> None:
    """Have the connection go at once, if it has not gone."""
    transport = transport_of(request)
    if transport is not None:
        transport.abortConnection()
