"""
Pages for people (I{reactor}).

A page is filled in by its scripts, from C{/NAME/status}. Addresses in it are relative, so that it
works below a path of a reverse proxy. The names of streams need no quoting:
L{mkvtwist.config.names.parse_name} sees to that.
"""

import html
import json
from collections.abc import Mapping
from importlib import resources
from string import Template

from twisted.web.http import Request

from mkvtwist.http.views import static
from mkvtwist.http.wire.caching import vary_by
from mkvtwist.http.wire.hosts import url_of
from mkvtwist.http.wire.negotiation import accepts
from mkvtwist.http.wire.query import token_query
from mkvtwist.http.wire.response import respond
from mkvtwist.streams.stream import Stream

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors "
)
"""What a page may load: from here, and what its player has put together (C{blob:})."""

ADMIN_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Likewise the page for managing, which no other page may put under somebody's pointer."""

COMMANDS = (
    ("VLC", 'vlc "ADDRESS"', ".mkv"),
    ("mpv", 'mpv "ADDRESS"', ".mkv"),
    ("ffplay", 'ffplay "ADDRESS"', ".mkv"),
    ("Record", 'curl -o NAME.mkv "ADDRESS"', ".mkv"),
    ("On a page", '<iframe src="ADDRESS" allow="autoplay; fullscreen"></iframe>', "?embed"),
)
"""What there is to copy: its title, the text, and the ending of the address in it."""


def show_list(streams: Mapping[str, Stream], request: Request) -> None:
    """All streams; as JSON for who prefers that."""
    names = list(streams)
    if accepts(request, "application/json") and not accepts(request, "text/html"):
        body = json.dumps({"streams": names}).encode() + b"\n"
        respond(request, body, b"application/json")
        return
    query = html.escape(token_query(request))
    tiles = "".join(_filled("tile", name=name, query=query) for name in names)
    wall = _filled("wall", tiles=tiles or "<li>No stream.</li>", query=query)
    _show(request, "Live streams", wall)


def show_stream(stream: Stream, several: bool, request: Request) -> None:
    """
    The stream, playing, and how to open it elsewhere; with C{?embed} nothing but the player.

    @param several: whether there are other streams.
    """
    name = stream.config.name
    player = _filled("player", name=name)
    if _is_embedded(request):
        _show(request, name, f'<main data-stream="{name}">{player}</main>', "embed", framed_by="*")
        return
    commands = "".join(
        _filled(
            "command",
            id=str(number),
            title=title,
            text=html.escape(text.replace("NAME", name)),
            path=name + ending,
        )
        for number, (title, text, ending) in enumerate(COMMANDS)
    )
    query = html.escape(token_query(request))
    others = f'<a href="./{query}">All streams</a> · ' if several else ""
    body = _filled(
        "stream", name=name, player=player, commands=commands, others=others, query=query
    )
    _show(request, name, body, preview=_preview(stream, request))


def _preview(stream: Stream, request: Request) -> str:
    """Return the Open Graph tags, which chats and social networks show for a link to the page."""
    name, query = stream.config.name, token_query(request)
    tags = {
        "og:type": "video.other",
        "og:title": name,
        "og:description": f"Watch {name} live.",
        "og:url": url_of(request, f"{name}{query}"),
    }
    period = stream.publisher.period
    if period is None or period.header.has_video:
        tags["og:image"] = url_of(request, f"{name}.jpg{query}")
    return "\n".join(
        f'<meta property="{key}" content="{html.escape(value)}">' for key, value in tags.items()
    )


def show_admin(request: Request) -> None:
    """The page for managing. There is nothing in it but what it asks the interface for."""
    page = _filled(
        "admin",
        icon=static.address("icon.svg"),
        style=static.address("admin.css"),
        script=static.address("admin.js"),
    )
    request.setHeader(b"Content-Security-Policy", ADMIN_POLICY.encode())
    request.setHeader(b"Referrer-Policy", b"no-referrer")
    respond(request, page.encode(), b"text/html; charset=utf-8")


def _is_embedded(request: Request) -> bool:
    """Twisted leaves out what has no value."""
    query = request.uri.partition(b"?")[2]
    return any(item.partition(b"=")[0] == b"embed" for item in query.split(b"&"))


def _filled(template: str, **values: str) -> str:
    text = (
        resources.files("mkvtwist")
        .joinpath("http", "views", "templates", f"{template}.html")
        .read_text("utf-8")
    )
    return Template(text).substitute(values)


def _show(
    request: Request,
    title: str,
    body: str,
    kind: str = "page",
    *,
    framed_by: str = "'self'",
    preview: str = "",
) -> None:
    request.setHeader(b"Content-Security-Policy", f"{POLICY}{framed_by}".encode())
    request.setHeader(b"Referrer-Policy", b"no-referrer")  # a token may be in the address
    vary_by(request, b"Accept")
    text = _filled(
        "frame",
        title=title,
        preview=preview,
        kind=kind,
        body=body,
        icon=static.address("icon.svg"),
        style=static.address("player.css"),
        script=static.address("page.js"),
    )
    respond(request, text.encode(), b"text/html; charset=utf-8")
