"""
The router: finds the view for a request in a table of routes (I{reactor}).

 1. A path belongs to a stream if its first segment is the stream's name, perhaps with an ending.
    C{/} belongs to the only stream there is. The rules of the stream hold for all its paths, also
    for those without a route: a rejected client does not learn what exists.
 2. All other paths are the server's; each of their routes has its own rule.
 3. A row for exactly a path comes before a row with a pattern, and these are tried in the order of
    the table.
 4. No row for a path is 404, with a list of what there is; no row for a method is 405.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from os.path import splitext
from typing import Any

from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from mkvtwist.config.input import Form
from mkvtwist.config.names import TAKEN
from mkvtwist.config.rule import EVERYBODY, AccessRule
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.http.admission import Admission
from mkvtwist.http.wire.body import with_whole_body
from mkvtwist.http.wire.cors import allow_any_origin, is_preflight, respond_to_preflight
from mkvtwist.http.wire.hosts import is_local
from mkvtwist.http.wire.live_response import respond_absence
from mkvtwist.http.wire.peer import transport_of
from mkvtwist.http.wire.query import parameter
from mkvtwist.http.wire.request import SENDING, IncomingRequest
from mkvtwist.http.wire.response import View, respond_text
from mkvtwist.media.printable import printable
from mkvtwist.net.sockets import attend
from mkvtwist.streams.stream import Stream

STREAM = "/NAME"
"""The beginning of each path of a stream, in place of the stream's name."""

REST = "..."
"""The end of a pattern that stands for all paths below a folder."""

GuardedView = Callable[..., None]
"""A view that is called with what its guard gives it, and with the request."""

Find = Callable[[str], Stream | None]
"""Returns the stream of a name, which may begin only when a client or a sender wants it."""

GET = (b"GET",)
"""The methods of most routes; C{GET} stands for C{HEAD} too."""


class Guard(Enum):
    """The rule by which a route lets clients in."""

    ANYONE = auto()
    """All clients."""

    VISIBLE = auto()
    """All clients; the view gets the streams that the client may watch."""

    STATUS = auto()
    """Clients that the rule C{status} admits; the view gets all streams. No rule: as VISIBLE."""

    MANAGEMENT = auto()
    """Clients with the management token, or, if there is none, on this machine."""

    WATCH = auto()
    """Clients that the stream's rule C{watch} admits."""

    SEND = auto()
    """Clients that the rule C{send} of a stream admits, which the path or the query names."""


@dataclass(frozen=True, slots=True)
class Route:
    """
    A row of the table.

    @ivar path: the path. C{/NAME} at its beginning is a stream. C{{word}} stands for a text without
        a slash, which the view gets; C{*} for any such text, none included, which it does not get.
    @ivar view: called with the stream, or the streams, if the guard says so; with the words of the
        path; and with the request. If the path ends with L{REST}: called without the request, and
        returns the view for what is below, or L{None}.
    @ivar guard: the rule by which it lets clients in.
    @ivar methods: the methods that it responds to.
    @ivar whole: with the guard STATUS, the view for operators: clients that the rule admits or that
        have the management token, and, without a rule, those on this machine. It gets all streams.
    @ivar exists: whether there is such a thing now; called with the stream if there is one.
    @ivar is_listed: whether a response 404 names the path.
    @ivar any_origin: whether pages of all sites may read the response, as they may for streams.
    """

    path: str
    view: Callable[..., Any]
    guard: Guard
    methods: tuple[bytes, ...] = GET
    whole: Callable[..., None] | None = None
    exists: Callable[..., bool] = lambda *_: True
    is_listed: bool = False
    any_origin: bool = False

    @property
    def is_of_stream(self) -> bool:
        """Return whether the path begins with a stream's name."""
        return self.path.startswith(STREAM)

    @property
    def is_pattern(self) -> bool:
        """Return whether the path is a pattern."""
        return re.search(r"[{*]|\.\.\.$", self.path) is not None


class Table:
    """
    The routes of streams, or those of the server, to be looked up by paths.

    @ivar listed: the paths that a response 404 names.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, list[Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], Route]] = []
        self.listed: list[str] = []
        for route in routes:
            path = route.path.removeprefix(STREAM)
            if route.is_pattern:
                self._patterns.append((_compiled(path), route))
            else:
                self._exact.setdefault(path, []).append(route)
            if route.is_listed:
                self.listed.append(path)

    def find(self, path: str, method: bytes, *stream: Stream) -> tuple[Route, GuardedView] | None:
        """
        Return the route for a path and a method, and its view, which still lacks what the guard is
        to give it; L{None} if there is none.

        @param path: for routes of streams, what is behind the stream's name.
        """
        for route in self._exact.get(path, ()):
            if method in route.methods and route.exists(*stream):
                return route, route.view
        for pattern, route in self._patterns:
            if method in route.methods:
                view = _bound(pattern, route, path, stream)
                if view is not None:
                    return route, view
        return None

    def methods(self, path: str, *stream: Stream) -> list[bytes]:
        """Return the methods that work for a path, C{HEAD} included; none if nothing is there."""
        found = [r.methods for r in self._exact.get(path, ()) if r.exists(*stream)]
        for pattern, route in self._patterns:
            if _bound(pattern, route, path, stream) is not None:
                found.append(route.methods)
        methods = list(dict.fromkeys(method for some in found for method in some))
        return [*methods, b"HEAD"] if b"GET" in methods else methods

    def any_origin(self, path: str) -> bool:
        """Return whether pages of all sites may read what is at a path."""
        return any(route.any_origin for route in self._exact.get(path, ()))


def _compiled(path: str) -> re.Pattern[str]:
    """Return a regular expression whose groups are the words of a path."""
    text = ""
    for part in re.split(r"(\{\w+\}|\*|\.\.\.$)", path):
        if part.startswith("{"):
            text += "([^/]+)"
        elif part == REST:
            text += "(.+)"
        else:
            text += "[^/]*" if part == "*" else re.escape(part)
    return re.compile(text)


def _bound(
    pattern: re.Pattern[str], route: Route, path: str, stream: tuple[Stream, ...]
) -> GuardedView | None:
    """Return the view of a route with the words of a path, if the route is one for the path."""
    match = pattern.fullmatch(path)
    if match is None or not route.exists(*stream):
        return None
    words = match.groups()
    if not route.path.endswith(REST):
        return lambda *given: route.view(*given[:-1], *words, given[-1])
    view: View | None = route.view(*stream, *words)
    return None if view is None else lambda *given: view(given[-1])


class Router(Resource):
    """
    The resource of everything that is served over some streams.

    @ivar status_rule: the rule for the status of all streams; L{None} if there is none.
    """

    isLeaf = True

    def __init__(
        self,
        streams: Mapping[str, Stream],
        find: Find,
        routes: Sequence[Route],
        admission: Admission,
        *,
        has_token: Callable[[Request], bool],
        manage: Callable[[View, Request], None],
        report: Callable[[Request], None],
    ) -> None:
        """
        @param streams: by their names; may change under way.
        @param find: finds a stream by its name, also one that has not begun.
        @param has_token: whether a request has the management token.
        @param manage: calls a view of the management interface, if the request may be made.
        @param report: called with each request of a site that does not report by itself.
        """
        super().__init__()
        self._streams = streams
        self._find = find
        self._of_streams = Table(route for route in routes if route.is_of_stream)
        self._of_server = Table(route for route in routes if not route.is_of_stream)
        self._admission = admission
        self._has_token = has_token
        self._manage = manage
        self._report = report
        self.status_rule: AccessRule | None = None

    def render(self, request: Any) -> int:
        """Have the view of the request's route respond, if the client is admitted."""
        parts = [part.decode("utf-8", "replace") for part in request.postpath or []]
        if any("/" in part for part in parts):  # which another server's rules may see otherwise
            respond_text(request, 400, "An encoded slash is no part of any path here.")
            return NOT_DONE_YET
        if not isinstance(request, IncomingRequest):
            self._report(request)
        path = "/".join(parts)
        stream = stream_at(path, self._streams, self._find)
        if stream is None:
            self._respond(f"/{path}", request)
        else:
            self._respond_of(stream, path.removeprefix(stream.config.name), request)
        return NOT_DONE_YET

    def _respond(self, path: str, request: Request) -> None:
        """Respond to a request for a path of the server."""
        if self._of_server.any_origin(path):
            allow_any_origin(request)
        found = self._of_server.find(path, _method(request))
        if found is None:
            methods = self._of_server.methods(path)
            shown = [s.config for s in self._streams.values() if s.config.watch == EVERYBODY]
            there = [f"/{config.name}{MATROSKA.ending}" for config in shown] or [
                "no stream that anyone may watch"
            ]
            self._respond_nothing(path[1:], methods, there, request)
            return
        route, view = found
        if route.guard is Guard.STATUS:
            self._respond_status(route, request)
        elif route.guard is Guard.VISIBLE:
            self._admission.show(request, self._streams, view)
        elif route.guard is Guard.MANAGEMENT:
            self._manage(view, request)
        elif route.guard is Guard.SEND:
            with_whole_body(request, partial(self._respond_to_sender, view))
        else:
            view(request)

    def _respond_status(self, route: Route, request: Request) -> None:
        rule, whole = self.status_rule, route.whole or route.view
        is_operator = self._has_token(request) or (rule is None and is_local(request))
        if is_operator and route.whole is not None:
            whole(self._streams, request)
        elif rule is None:
            self._admission.show(request, self._streams, route.view)
        else:
            then = partial(whole, self._streams, request)
            self._admission.admit(request, route.path[1:], rule, then)

    def _respond_to_sender(self, view: GuardedView, request: Request) -> None:
        """Respond to an Icecast sender, which names its stream in the query: C{mount=/NAME}."""
        mount = parameter(request, "mount") or ""
        stream = stream_at(mount.removeprefix("/"), self._streams, self._find)
        if stream is None or stream.config.input.form is not Form.PUSH:
            name = printable(mount, 200)
            respond_text(request, 404, f"There is no stream with senders at mount={name!r}.")
            return
        config = stream.config
        self._admission.admit(request, config.name, config.send, partial(view, stream, request))

    def _respond_of(self, stream: Stream, rest: str, request: Request) -> None:
        """
        Respond to a request for a path of a stream.

        @param rest: what is behind the stream's name.
        """
        allow_any_origin(request)
        if is_preflight(request):
            respond_to_preflight(request)
            return
        config = stream.config
        attend(transport_of(request), config.client_timeout)
        found = self._of_streams.find(rest, _method(request), stream)
        if found is None:
            guard = Guard.SEND if request.method in SENDING else Guard.WATCH
            then = partial(self._respond_nothing_of, stream, rest, request)
        else:
            route, view = found
            guard, then = route.guard, partial(view, stream, request)
            if guard is Guard.WATCH and stream.absence:
                then = partial(respond_absence, stream, request)
        rule = config.send if guard is Guard.SEND else config.watch
        self._admission.admit(request, config.name, rule, then)

    def _respond_nothing_of(self, stream: Stream, rest: str, request: Request) -> None:
        name = stream.config.name
        there = [f"/{name}{path}" for path in self._of_streams.listed]
        methods = self._of_streams.methods(rest, stream)
        self._respond_nothing(name + rest, methods, there, request)

    def _respond_nothing(
        self, path: str, methods: Sequence[bytes], there: Sequence[str], request: Request
    ) -> None:
        """Respond that there is nothing at a path, or only for other methods."""
        if not methods:
            names, last = ", ".join(there), " and ".join(self._of_server.listed)
            there_is = f"There is no '{printable(path, 200)}' here."
            respond_text(request, 404, f"{there_is} There are {names} and {last}.")
            return
        request.setHeader(b"Allow", b", ".join(methods))
        text = f"Only {b' and '.join(methods).decode()} work here."
        if request.method in SENDING:
            text += " A stream takes media here only with the input 'push'."
        respond_text(request, 405, text)


def stream_at(path: str, streams: Mapping[str, Stream], find: Find) -> Stream | None:
    """
    Return the stream whose rules hold for all that there is, or might be, at a path.

    A stream with a table of its own is preferred to one that is made of a pattern.

    @param path: without the first slash.
    @param find: finds a stream by its name, also one that has not begun.
    """
    if path == "" and len(streams) == 1:
        (only,) = streams.values()
        return None if only.config.pattern else only
    top = path.partition("/")[0]
    stem = splitext(top)[0]
    stream = streams.get(top) or streams.get(stem)
    if (stream is None or stream.config.pattern) and top not in TAKEN:
        stream = find(top) or find(stem)
    return stream


def _method(request: Request) -> bytes:
    return b"GET" if request.method == b"HEAD" else request.method
