"""
Pages for people (I{reactor}).

A page is put together from templates, and filled in by its script, which asks for
C{/NAME/status}. Addresses in a page are relative, so that it works below a path of a reverse
proxy. C{twisted.web.template} escapes all that stands in a slot.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources

from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.template import Flattenable, Tag, XMLString, flattenString, tags

from mkvtwist.config.input import Form
from mkvtwist.config.rule import EVERYBODY
from mkvtwist.http.views import static
from mkvtwist.http.wire.caching import vary_by
from mkvtwist.http.wire.hosts import url_of
from mkvtwist.http.wire.negotiation import accepts
from mkvtwist.http.wire.query import token_query
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.http.wire.response import respond
from mkvtwist.streams.stream import Stream

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; "
)
"""The policy of every page: it may load files of this server only."""

FRAMED_NOWHERE = "frame-ancestors 'none'"
"""No page may frame this one, so that no click on it is stolen."""

PLAYING = "media-src 'self' blob:; frame-ancestors "
"""
The policy of a page with players: it may also load media, and media from its script (C{blob:}).
Behind it: which sites may frame the page.
"""

COMMANDS = (
    ("VLC", 'vlc "ADDRESS"', ".mkv"),
    ("mpv", 'mpv "ADDRESS"', ".mkv"),
    ("ffplay", 'ffplay "ADDRESS"', ".mkv"),
    ("Record", 'curl -o NAME.mkv "ADDRESS"', ".mkv"),
    ("On a page", '<iframe src="ADDRESS" allow="autoplay; fullscreen"></iframe>', "?embed"),
)
"""Commands to copy: the title, the text, and the ending of the address in the text."""


PAGES_KEPT = 32
"""Pages whose bytes are kept: to make one takes 3 ms, and 0.3 ms more for each tile of a wall."""


def show_list(streams: Mapping[str, Stream], request: Request) -> None:
    """Respond with all streams: a page, or JSON for a client that prefers JSON."""
    names = tuple(streams)
    if accepts(request, "application/json") and not accepts(request, "text/html"):
        body = json.dumps({"streams": names}).encode() + b"\n"
        respond(request, body, b"application/json")
        return
    _show_players(request, _wall(names, token_query(request)), "'self'")


def show_stream(stream: Stream, several: bool, request: Request) -> None:
    """
    Respond with the page of a stream, or, to C{?embed}, with its player alone.

    @param several: whether there are other streams.
    """
    name = stream.config.name
    if _is_embedded(request):
        _show_players(request, _embedded(name), "*")
        return
    query = token_query(request)
    url = url_of(request, f"{name}{query}")
    period = stream.period
    has_picture = period is None or period.header.has_video
    image = url_of(request, f"{name}.jpg{query}") if has_picture else None
    station = stream.station
    about = station.name or name, station.description
    sends = isinstance(request, IncomingRequest) and _may_publish(stream)
    page = _stream(name, query, about, several=several, sends=sends, url=url, image=image)
    _show_players(request, page, "'self'")


def _may_publish(stream: Stream) -> bool:
    """Return whether each client that is admitted to the page of a stream may also send to it."""
    config = stream.config
    return config.input.form is Form.PUSH and config.send in (EVERYBODY, config.watch)


def show_publish(stream: Stream, request: Request) -> None:
    """Respond with the page that publishes to a stream from a browser."""
    page = _publish(stream.config.name, is_open=not stream.config.watch.wants_credentials)
    _show(request, page, FRAMED_NOWHERE)


def show_admin(request: Request) -> None:
    """Respond with the page for managing, which asks the management interface for everything."""
    _show(request, _admin(), FRAMED_NOWHERE)


def _show_players(request: Request, page: bytes, framed_by: str) -> None:
    """
    Respond with a page that has players.

    @param framed_by: the sites that may frame the page, in the words of the policy.
    """
    vary_by(request, b"Accept")  # the same address is the stream itself for players
    _show(request, page, f"{PLAYING}{framed_by}")


def _show(request: Request, page: bytes, policy: str) -> None:
    request.setHeader(b"Content-Security-Policy", f"{POLICY}{policy}".encode())
    request.setHeader(b"Referrer-Policy", b"no-referrer")  # a token may be in the address
    respond(request, page, b"text/html; charset=utf-8")


def _is_embedded(request: Request) -> bool:
    """Return whether the query has C{embed}: Twisted leaves out what has no value."""
    query = request.uri.partition(b"?")[2]
    return any(item.partition(b"=")[0] == b"embed" for item in query.split(b"&"))


@lru_cache(PAGES_KEPT)
def _wall(names: Sequence[str], query: str) -> bytes:
    """
    Return the page of all streams.

    @param query: what each address ends with.
    """
    tiles = [
        _part("tile", name=name, address=f"{name}{query}", still=f"{name}.jpg{query}")
        for name in names
    ]
    wall = _part("wall", tiles=tiles or tags.li("No stream."), status=f"status{query}")
    return _page("Live streams", wall, script="page.js", style="player.css")


@lru_cache(PAGES_KEPT)
def _embedded(name: str) -> bytes:
    """Return the page that has nothing but a stream's player."""
    body = _part("embed", name=name, player=_part("player", name=name))
    return _page(name, body, kind="embed", script="page.js", style="player.css")


@lru_cache(PAGES_KEPT)
def _stream(
    name: str,
    query: str,
    about: tuple[str, str],
    *,
    several: bool,
    sends: bool,
    url: str,
    image: str | None,
) -> bytes:
    """
    Return the page of a stream.

    @param query: what each address ends with.
    @param about: the stream's title, and its description, which may be empty.
    @param several: whether there are other streams.
    @param sends: whether its visitors may send to the stream.
    @param url: the absolute URL of the page, for a preview on other sites.
    @param image: the absolute URL of a picture for that preview, if there is one.
    """
    heading, description = about
    commands = [
        _part(
            "command",
            id=f"to-{number}",
            title=title,
            text=text.replace("NAME", name),
            path=f"{name}{ending}",
        )
        for number, (title, text, ending) in enumerate(COMMANDS)
    ]
    body = _part(
        "stream",
        name=name,
        title=heading,
        player=_part("player", name=name),
        media=f"{name}.mkv{query}",
        commands=commands,
        others=_part("others", address=f"./{query}") if several else "",
        publish=_part("to_publish", address=f"{name}/publish{query}") if sends else "",
        status=f"status{query}",
    )
    preview = [
        tags.meta(property=f"og:{key}", content=value)
        for key, value in (
            ("type", "video.other"),
            ("title", heading),
            ("description", description or f"Watch {heading} live."),
            ("url", url),
            ("image", image),
        )
        if value is not None
    ]
    return _page(heading, body, preview=preview, script="page.js", style="player.css")


@lru_cache(PAGES_KEPT)
def _publish(name: str, *, is_open: bool) -> bytes:
    """
    Return the page that publishes to a stream.

    @param is_open: whether viewers need neither a token nor a password.
    """
    note = "Viewers also need a token (add ?token=... to the link), or a user name and password."
    body = _part("publish", name=name, note="" if is_open else tags.p(note))
    title = f"Publish to {name}"
    return _page(title, body, script="publish.js", style="player.css", root="../")


@cache
def _admin() -> bytes:
    """Return the page for managing."""
    return _page("mkvtwist: management", _part("admin"), script="admin.js", style="admin.css")


def _page(
    title: str,
    body: Tag,
    *,
    script: str,
    style: str,
    kind: str = "page",
    preview: Flattenable = "",
    root: str = "",
) -> bytes:
    """
    Return the bytes of a page.

    @param root: the path from the page to where the names of streams are.
    @param kind: the class of its body in the style sheet.
    @param preview: tags for previews of links on other sites.
    """
    page = _part(
        "page",
        title=title,
        preview=preview,
        icon=root + static.address("icon.svg"),
        style=root + static.address(style),
        script=root + static.address(script),
        kind=kind,
        body=body,
    )
    made: list[bytes] = []
    failed: list[Failure] = []
    flattenString(None, page).addCallbacks(made.append, failed.append)  # at once: nothing waits
    for failure in failed:
        failure.raiseException()
    return b"<!DOCTYPE html>\n" + made[0]


def _part(template: str, **slots: Flattenable) -> Tag:
    """Return a template with its slots filled."""
    return tags.transparent(*_template(template)).fillSlots(**slots)


@cache
def _template(name: str) -> list[Flattenable]:
    folder = resources.files("mkvtwist").joinpath("http", "views", "templates")
    return XMLString(folder.joinpath(f"{name}.html").read_bytes()).load()
