"""
The table of routes: all paths, with their views and their rules (I{reactor}).

A new view is one file in L{mkvtwist.http.views} and one row here. The reserved names of streams
follow from the paths: L{mkvtwist.config.names} has them, and a test compares both.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, TypedDict, Unpack
from weakref import WeakValueDictionary

from twisted.web.http import Request

from mkvtwist.config.input import Form
from mkvtwist.formats.base import Format
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.registry import FORMATS
from mkvtwist.http.client_limits import ClientLimits
from mkvtwist.http.control import Control
from mkvtwist.http.replay.writer import PREFIX
from mkvtwist.http.router import REST, STREAM, Guard, Route
from mkvtwist.http.segment_requests import Watching
from mkvtwist.http.views import pages, radio, static
from mkvtwist.http.views.live import watch
from mkvtwist.http.views.management import Management
from mkvtwist.http.views.publish import publish, send
from mkvtwist.http.views.replay import Replays
from mkvtwist.http.views.segmented import Pieces
from mkvtwist.http.views.status import Status
from mkvtwist.http.views.still import Stills
from mkvtwist.http.wire.negotiation import wants_page
from mkvtwist.http.wire.request import SENDING
from mkvtwist.http.wire.response import View
from mkvtwist.outputs.segmented.registry import MANIFESTS
from mkvtwist.streams.stream import Stream


class Parts(TypedDict, total=False):
    """Views to use in place of the usual ones."""

    status: Status
    stills: Stills
    replays: Replays


class Views:
    """
    The views that keep something from one request to the next, and the routes to all views.

    @ivar management: the management interface; L{None} if there is nothing to manage.
    """

    def __init__(
        self,
        reactor: Any,
        streams: Mapping[str, Stream],
        limits: ClientLimits,
        control: Control | None,
        *,
        public: bool,
        **parts: Unpack[Parts],
    ) -> None:
        """
        @param streams: by their names; may change under way.
        @param control: what is to be managed; L{None} if nothing is.
        @param public: whether viewers come here, rather than only clients that manage.
        @param parts: views to use in place of the usual ones.
        """
        self._reactor = reactor
        self._streams = streams
        self._limits = limits
        self._status = parts.get("status") or Status(reactor, streams)
        self._icecast = radio.IcecastStatus()
        self._stills = parts.get("stills") or Stills(reactor)
        self._replays = parts.get("replays") or Replays(reactor)
        # The observers of a stream's cutter keep these, so that they go with the stream.
        self._pieces: WeakValueDictionary[str, Pieces] = WeakValueDictionary()
        self.management = (
            Management(reactor, control, self._status, public=public) if control else None
        )

    def routes(self) -> Iterator[Route]:
        """Yield the table of routes."""
        status, replays = self._status, self._replays
        visible, by_status, watching = Guard.VISIBLE, Guard.STATUS, Guard.WATCH

        # the server
        yield Route("/", pages.show_list, visible)
        yield Route(
            "/status",
            status.show_public,
            by_status,
            whole=status.show,
            is_listed=True,
            any_origin=True,
        )
        yield Route("/metrics", status.show_metrics, by_status)
        yield Route("/healthz", status.show_health, Guard.ANYONE)
        yield Route(f"/static/{REST}", static.find, Guard.ANYONE)
        yield Route("/status-json.xsl", self._icecast.show, visible, any_origin=True)
        yield Route("/admin/metadata", radio.set_title, Guard.SEND, (b"GET", b"POST"))

        # a stream
        yield Route(STREAM, self._watch_or_page, watching, is_listed=True)
        for format_ in FORMATS.values():
            view = partial(self._watch, format_)
            yield Route(f"{STREAM}{format_.ending}", view, watching, is_listed=True)
        for name in MANIFESTS:
            view = partial(self._show_piece, name)
            yield Route(f"{STREAM}/{name}", view, watching, is_listed=True)
        yield Route(f"{STREAM}.m3u", radio.show_m3u, watching)
        yield Route(f"{STREAM}.pls", radio.show_pls, watching)
        yield Route(f"{STREAM}.jpg", self._stills.show, watching, is_listed=True)
        yield Route(f"{STREAM}/status", status.show_stream, watching)
        for format_ in FORMATS.values():
            if format_.file is not None:
                view = partial(self._look_back, format_)
                yield Route(f"{STREAM}/{PREFIX}{format_.ending}", view, watching)
        yield Route(f"{STREAM}/{PREFIX}-{{id}}", replays.show, watching)
        yield Route(f"{STREAM}/publish", publish, Guard.SEND, exists=_has_senders)
        yield Route(f"{STREAM}/{REST}", self._find_piece, watching)
        # The format of the media is probed, whatever the ending.
        yield Route(f"{STREAM}*", send, Guard.SEND, SENDING, exists=_has_senders)

        # the management interface
        if self.management is not None:
            exists = self.management.is_there
            yield Route("/admin", pages.show_admin, Guard.ANYONE, exists=exists)
            yield from self.management.routes()

    def start(self) -> None:
        """Let files be made, perhaps again."""
        self._replays.start()

    def stop(self) -> None:
        """Remove files, and end timers."""
        self._replays.stop()

    def has_token(self, request: Request) -> bool:
        """Return whether a request has the management token."""
        return self.management is not None and self.management.knows(request)

    def manage(self, view: View, request: Request) -> None:
        """Call a view of the management interface, if the request may be made."""
        assert self.management is not None
        self.management.call(view, request)

    def _watch_or_page(self, stream: Stream, request: Request) -> None:
        if wants_page(request):
            pages.show_stream(stream, len(self._streams) > 1, request)
        else:
            watch(stream, MATROSKA, self._limits, request)

    def _watch(self, format_: Format, stream: Stream, request: Request) -> None:
        watch(stream, format_, self._limits, request)

    def _look_back(self, format_: Format, stream: Stream, request: Request) -> None:
        self._replays.make(stream, format_, request)

    def _show_piece(self, path: str, stream: Stream, request: Request) -> None:
        view = self._find_piece(stream, path)
        assert view is not None
        view(request)

    def _find_piece(self, stream: Stream, path: str) -> View | None:
        """Return the view of a playlist or of a piece that it names, if there may be such a one."""
        name = stream.config.name
        pieces = self._pieces.get(name)
        if pieces is None or pieces.stream is not stream:
            watching = Watching(self._reactor, stream, self._limits)
            pieces = self._pieces[name] = Pieces(self._reactor, watching)
        return pieces.view(path)


def _has_senders(stream: Stream) -> bool:
    return stream.config.input.form is Form.PUSH
