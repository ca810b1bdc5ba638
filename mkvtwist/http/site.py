"""
Where each request goes (I{reactor}).
"""

from collections.abc import Callable, Mapping
from functools import partial
from os.path import splitext
from typing import Any
from urllib.parse import unquote_to_bytes
from weakref import WeakValueDictionary

from twisted.logger import Logger
from twisted.web.http import BAD_REQUEST, UNAUTHORIZED, Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mkvtwist.access.refusals import Refusals
from mkvtwist.access.rules import Access
from mkvtwist.access.users import Hashing
from mkvtwist.config.input import Form
from mkvtwist.config.rule import EVERYBODY
from mkvtwist.config.settings import Config
from mkvtwist.config.values import Network
from mkvtwist.formats.base import Format
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.registry import FORMATS
from mkvtwist.http.admission import Admission
from mkvtwist.http.connections import TOO_MANY, Connections
from mkvtwist.http.limits import Limits
from mkvtwist.http.views import pages, static
from mkvtwist.http.views.live import watch
from mkvtwist.http.views.management import Control, Management
from mkvtwist.http.views.publish import is_probe, send
from mkvtwist.http.views.replay import PREFIX, Replays, replayed
from mkvtwist.http.views.segmented import Pieces
from mkvtwist.http.views.status import Status
from mkvtwist.http.views.still import Posters
from mkvtwist.http.wire.channel import Channel
from mkvtwist.http.wire.client import transport_of
from mkvtwist.http.wire.cors import allow_any_origin, is_preflight, respond_to_preflight
from mkvtwist.http.wire.hosts import is_local
from mkvtwist.http.wire.negotiation import wants_page
from mkvtwist.http.wire.request import SENDING, IncomingRequest
from mkvtwist.http.wire.response import View, respond_text
from mkvtwist.live.events import Events, SenderRefused
from mkvtwist.media.printable import printable
from mkvtwist.net.sockets import address, attend
from mkvtwist.streams.stream import Stream

Overview = Callable[[Mapping[str, Stream], Request], None]
"""Answers a request with something of these streams."""


class Router(Resource):
    """
    All that is served, over all streams.
    """

    isLeaf = True

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        streams: Mapping[str, Stream],
        control: Control | None = None,
        *,
        public: bool = True,
        access: Access | None = None,
    ) -> None:
        """
        @param streams: by their names; may change under way.
        @param control: what the management interface is to manage; L{None} is to have none.
        @param public: whether clients come here; else it is the management interface's own place.
        @param access: the gates; by default, those that read the files of the rules.
        """
        super().__init__()
        self._streams = streams
        self._public = public
        self._events = control.events if control is not None else Events()
        self._refusals = Refusals(reactor, self._log, self._events.tell)
        self._admission = Admission(reactor, self._refusals, access or Access(Hashing(reactor)))
        self._config = Config(())
        self._limits = Limits(self._config, streams)
        self._reactor = reactor
        # A stream's publisher keeps them, through its observers; who has gone takes its ring along.
        self._pieces: WeakValueDictionary[str, Pieces] = WeakValueDictionary()
        self._status = status = Status(reactor, streams)
        self._management = (
            Management(reactor, control, status, public=public) if control is not None else None
        )
        self.posters = Posters(reactor)
        self.replays = Replays(reactor)
        self._fixed: dict[str, dict[bytes, View]] = {
            "": {b"GET": partial(self._show, pages.show_list)},
            "status": {b"GET": self._show_status},
            "metrics": {b"GET": partial(self._show_all, "metrics", status.show_metrics)},
            "healthz": {b"GET": status.show_health},
            **{
                f"static/{name}": {b"GET": partial(static.show_file, name)} for name in static.TYPES
            },
        }

    def render(self, request: Any) -> int:
        """Find out what is asked for, and answer it, if whoever asks may have it."""
        parts = [part.decode("utf-8", "replace") for part in request.postpath or []]
        if any("/" in part for part in parts):  # which another server's rules may see otherwise
            respond_text(request, 400, "An encoded slash is no part of any path here.")
            return NOT_DONE_YET
        path = "/".join(parts)
        stream = self._stream(path)
        if not isinstance(request, IncomingRequest):  # of a site that does not report by itself
            self.report(request)
        if stream is not None or path == "status":
            allow_any_origin(request)
        answer = partial(self._answer, path, stream, request)
        if stream is None:
            answer()
        elif is_preflight(request):
            respond_to_preflight(request)
        else:
            config = stream.config
            attend(transport_of(request), config.client_timeout)
            rule = config.send if request.method in SENDING else config.watch
            self._admission.admit(request, config.name, rule, answer)
        return NOT_DONE_YET

    def report(self, request: Any) -> None:
        """
        Tell operators if a request is refused that may be a sender's.

        @param request: one that has just come; not one of the management interface.
        """
        peer = address(request.getClientAddress())

        def answered(_: object) -> None:
            code = int(request.code)
            is_challenge = code == UNAUTHORIZED and is_probe(request)  # the password comes next
            has_sender = getattr(request, "has_sender", False)
            path = _path_of(request)
            if code < BAD_REQUEST or is_challenge or has_sender or _is_managed(path):
                return
            stream = self._stream(path)
            name = "" if stream is None else stream.config.name
            reason = getattr(request, "reason", "")
            refused = SenderRefused(stream=name, peer=peer, status=code, reason=reason)
            refusals = self._refusals if stream is None else stream.input.reports.refusals
            line = "sender {peer} refused with {status}: {reason}"
            refusals.tell(refused, f"status {code}", line)

        if self._public and request.method in SENDING:
            request.notifyFinish().addCallbacks(answered, lambda _: None)

    def _stream(self, path: str) -> Stream | None:
        """The stream whose rules hold for all that there is, or might be, at a path."""
        if path == "" and len(self._streams) == 1:
            return next(iter(self._streams.values()))
        top = path.partition("/")[0]
        return self._streams.get(top) or self._streams.get(splitext(top)[0])

    def _answer(self, path: str, stream: Stream | None, request: Any) -> None:
        if stream is not None:
            views = self._views(path, stream, request)
        elif _is_managed(path):
            views = self._manage(path)
        else:
            views = self._fixed.get(path, {})
        view = views.get(b"GET" if request.method == b"HEAD" else request.method)
        if not views:
            respond_text(request, 404, self._not_found(path, stream))
        elif view is None:
            methods = [*views, *([b"HEAD"] if b"GET" in views else [])]
            request.setHeader(b"Allow", b", ".join(methods))
            text = f"Only {b' and '.join(methods).decode()} work here."
            if request.method in SENDING:
                text += " To be sent to, a stream needs the input 'http'."
            respond_text(request, 405, text)
        else:
            view(request)

    def _manage(self, path: str) -> Mapping[bytes, View]:
        """What there is for who manages, by method."""
        if self._management is None or not self._management.there:
            return {}
        if path == "admin":
            return {b"GET": pages.show_admin}
        return self._management.views(path.removeprefix("api/v1/"))

    def _views(self, path: str, stream: Stream, request: Request) -> Mapping[bytes, View]:
        """What there is of a stream at a path, by method; C{GET} stands for C{HEAD} too."""
        ending = path.removeprefix(stream.config.name)
        if "/" in ending:
            return self._below(stream, ending[1:]) if ending.startswith("/") else {}
        # What is sent is looked at, whatever its ending.
        return {**self._ending_in(ending, stream, request), **_sending(stream)}

    def _ending_in(self, ending: str, stream: Stream, request: Request) -> Mapping[bytes, View]:
        """What a stream's name with an ending, or with none, stands for."""
        view: View | None = None
        if ending == "":
            several = len(self._streams) > 1
            page = partial(pages.show_stream, stream, several)
            view = page if wants_page(request) else self._watch(stream, MATROSKA)
        elif ending in FORMATS:
            view = self._watch(stream, FORMATS[ending])
        elif ending == ".jpg":
            view = partial(self.posters.show, stream)
        return {} if view is None else {b"GET": view}

    def _below(self, stream: Stream, path: str) -> Mapping[bytes, View]:
        """What there is below a stream's name."""
        if path == "status":
            return {b"GET": partial(self._status.show_stream, stream)}
        if format_ := replayed(path):
            return {b"GET": partial(self.replays.make, stream, format_)}
        if path.startswith(f"{PREFIX}-"):
            return {b"GET": partial(self.replays.show, stream, path)}
        show = self._pieces_of(stream).view(path)
        return {} if show is None else {b"GET": show}

    def _pieces_of(self, stream: Stream) -> Pieces:
        name = stream.config.name
        pieces = self._pieces.get(name)
        if pieces is None or pieces.stream is not stream:
            pieces = self._pieces[name] = Pieces(self._reactor, stream, self._limits)
        return pieces

    def _watch(self, stream: Stream, format_: Format) -> View:
        return partial(watch, stream, format_, self._limits)

    def _show(self, view: Overview, request: Request) -> None:
        """A view of the streams that the client may watch."""
        self._admission.show(request, self._streams, view)

    def _show_all(self, realm: str, view: Overview, request: Request) -> None:
        """Likewise; of all of them, if there is a rule that says to whom."""
        rule = self._config.status_access
        if rule is None:
            self._show(view, request)
        else:
            self._admission.admit(request, realm, rule, partial(view, self._streams, request))

    def _show_status(self, request: Request) -> None:
        """Answer an operator with everything, anyone else with public figures."""
        has_token = self._management is not None and self._management.knows(request)
        if has_token or (self._config.status_access is None and is_local(request)):
            self._status.show(self._streams, request)
        elif self._config.status_access is None:
            self._show(self._status.show_public, request)
        else:
            self._show_all("status", self._status.show, request)

    def stop(self) -> None:
        """Let go of files and timers."""
        self.replays.stop()
        self._refusals.stop()

    def configure(self, config: Config) -> None:
        """Go by this from now on; files of tokens and users are read, again if need be."""
        self._config = self._limits.config = config
        rules = {rule for stream in config.streams for rule in (stream.watch, stream.send)}
        self._admission.access.read(rules | {config.status_access or EVERYBODY})

    def _not_found(self, path: str, stream: Stream | None) -> str:
        if stream is not None:
            endings = ("", *FORMATS, "/index.m3u8", ".jpg")
            there = [f"/{stream.config.name}{ending}" for ending in endings]
        else:
            shown = [s.config for s in self._streams.values() if s.config.watch == EVERYBODY]
            there = [f"/{config.name}{MATROSKA.ending}" for config in shown] or [
                "no stream for everybody"
            ]
        names = ", ".join(there)
        return f"There is no '{printable(path, 200)}' here. There are {names} and /status."


def _path_of(request: Any) -> str:
    """Return the path of a request without its first slash, also before it is known whose it is."""
    parts = getattr(request, "postpath", None) or map(
        unquote_to_bytes, request.path[1:].split(b"/")
    )
    return "/".join(part.decode("utf-8", "replace") for part in parts)


def _is_managed(path: str) -> bool:
    """Whether a path belongs to the management interface."""
    return path == "admin" or path.startswith("api/v1/")


def _sending(stream: Stream) -> Mapping[bytes, View]:
    """How to send to a stream, if that can be done."""
    if stream.config.input.form is not Form.HTTP:
        return {}
    return dict.fromkeys(SENDING, partial(send, stream))


class StreamResource(Router):
    """
    What there is of one stream, to be put anywhere in the tree of somebody's own C{Site}: below
    C{tv} a stream C{cam} is at C{/tv/cam.mkv}, its page at C{/tv/}, its figures at C{/tv/status}.
    """

    def __init__(self, reactor: Any, stream: Stream) -> None:
        super().__init__(reactor, {stream.config.name: stream})
        self.configure(Config((stream.config,)))
        reactor.addSystemEventTrigger("after", "shutdown", self.stop)

    def render(self, request: Any) -> int:
        """Without a slash at the end, what a page names would be looked for beside this."""
        if not request.postpath and wants_page(request):
            path, mark, query = request.uri.partition(b"?")  # where a token may be
            here = path.rpartition(b"/")[2]
            request.setHeader(b"Location", here + b"/" + mark + query)
            respond_text(request, 302, "The page is one slash further.")
            return NOT_DONE_YET
        return super().render(request)


class LiveSite(Site):
    """
    The site, without a line in the log for each request; its requests do not wait for bodies.

    @ivar connections: those that are open.
    @ivar report: called with each request, as soon as its head has been read.
    @ivar trusted_proxies: whose word on where a request comes from is taken.
    @ivar server_names: by which pages of its own may call it, beside addresses.
    """

    noisy = False
    protocol: Any = Channel
    requestFactory = IncomingRequest

    def __init__(
        self,
        reactor: Any,
        streams: Mapping[str, Stream],
        control: Control | None = None,
        *,
        public: bool = True,
        access: Access | None = None,
        connections: Connections | None = None,
    ) -> None:
        """
        @param connections: those that are open; see L{Router} for the rest.
        """
        self._router = Router(reactor, streams, control, public=public, access=access)
        super().__init__(self._router, reactor=reactor, parsePOSTFormSubmission=False)
        self.connections = connections or Connections(reactor)
        self.report = self._router.report
        self.trusted_proxies: tuple[Network, ...] = ()
        self.server_names: tuple[str, ...] = ()

    def configure(self, config: Config) -> None:
        """Go by what this says of all streams together from now on."""
        self.trusted_proxies = config.trusted_proxies
        self.server_names = config.server_names
        self.connections.shares.config = config
        self._router.configure(config)

    def buildProtocol(self, addr: Any) -> Any:
        """
        A connection; when there are too many, L{None}, which closes it; when its address has too
        many, one that is told so.
        """
        connections = self.connections
        has_share = connections.has_share_left(getattr(addr, "host", None))
        if not (has_share or connections.may_be_refused) or not connections.make_room():
            return None
        connection: Any = super().buildProtocol(addr)
        connection.refusal = None if has_share else TOO_MANY
        return connection

    def startFactory(self) -> None:
        """Somebody listens, perhaps again: elsewhere, after the configuration has changed."""
        super().startFactory()
        self._router.replays.start()

    def stopFactory(self) -> None:
        """Nobody listens any more."""
        super().stopFactory()
        self._router.stop()

    def acceptableProtocols(self) -> list[bytes]:
        """The only one whose requests can be read as they come."""
        return [b"http/1.1"]

    def log(self, request: Request) -> None:
        """Clients are logged when they join and leave; the rest is not worth a line."""
