"""
Where each request goes (I{reactor}).
"""

from collections.abc import Callable, Mapping
from functools import partial
from os.path import splitext
from typing import Any

from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mkvtwist.config import Form
from mkvtwist.http import pages
from mkvtwist.http.answers import accepts, printable, say
from mkvtwist.http.live import watch
from mkvtwist.http.management import Control, Management
from mkvtwist.http.poster import Posters
from mkvtwist.http.replay import LAST, PREFIX, Replays
from mkvtwist.http.requests import SENDING, Channel, IncomingRequest
from mkvtwist.http.responses import ENDINGS
from mkvtwist.http.senders import send
from mkvtwist.http.status import Status
from mkvtwist.stream import Stream

View = Callable[[Request], None]
"""Answers a request, now or for hours."""


class Server(Resource):
    """
    All that is served, over all streams.
    """

    isLeaf = True

    def __init__(
        self,
        reactor: Any,
        streams: Mapping[str, Stream],
        control: Control | None = None,
        *,
        public: bool = True,
    ) -> None:
        """
        @param streams: by their names; may change under way.
        @param control: what the management interface is to manage; L{None} is to have none.
        @param public: whether clients come here; else it is the management interface's own place.
        """
        super().__init__()
        self._streams = streams
        status = Status(reactor, streams)
        self._management = (
            Management(reactor, control, status, public=public) if control is not None else None
        )
        self.posters = Posters(reactor)
        self.replays = Replays(reactor)
        self._fixed: dict[str, dict[bytes, View]] = {
            "status": {b"GET": status.show},
            "metrics": {b"GET": status.show_metrics},
            "healthz": {b"GET": status.show_health},
        }

    def render(self, request: Any) -> int:
        """Find out what is asked for, and answer it."""
        path = "/".join(part.decode("utf-8", "replace") for part in request.postpath or [])
        views = self._views(path, request)
        view = views.get(b"GET" if request.method == b"HEAD" else request.method)
        if not views:
            say(request, 404, self._not_found(path))
        elif view is None:
            methods = [*views, *([b"HEAD"] if b"GET" in views else [])]
            request.setHeader(b"Allow", b", ".join(methods))
            text = f"Only {b' and '.join(methods).decode()} work here."
            if request.method in SENDING:
                text += " To be sent to, a stream needs the input 'http'."
            say(request, 405, text)
        else:
            view(request)
        return NOT_DONE_YET

    def _views(self, path: str, request: Request) -> Mapping[bytes, View]:
        """What there is at a path, by method; C{GET} stands for C{HEAD} too."""
        if path in self._fixed:
            return self._fixed[path]
        if self._management is not None and path.startswith("api/v1/"):
            return self._management.views(path.removeprefix("api/v1/"))
        if path == "" and len(self._streams) != 1:
            return {b"GET": partial(pages.show_list, self._streams)}
        return self._stream_views(path or next(iter(self._streams)), request)

    def _stream_views(self, path: str, request: Request) -> Mapping[bytes, View]:
        """What there is of a stream, at its name and what comes behind it."""
        name, ending = (path, "") if path in self._streams else splitext(path)
        if name in self._streams:
            stream = self._streams[name]
            # What is sent is looked at, whatever its ending.
            return {**self._ending_in(ending, stream, request), **_sending(stream)}
        name, _, rest = path.partition("/")
        return self._below(self._streams[name], rest) if name in self._streams else {}

    def _ending_in(self, ending: str, stream: Stream, request: Request) -> Mapping[bytes, View]:
        """What a stream's name with an ending, or with none, stands for."""
        view: View | None = None
        if ending == "":
            page = accepts(request, "text/html")
            view = (
                partial(pages.show_stream, stream) if page else partial(watch, stream, "matroska")
            )
        elif ending in ENDINGS:
            view = partial(watch, stream, ENDINGS[ending])
        elif ending == ".jpg":
            view = partial(self.posters.show, stream)
        return {} if view is None else {b"GET": view}

    def _below(self, stream: Stream, path: str) -> Mapping[bytes, View]:
        """What there is below a stream's name."""
        if path in LAST:
            return {b"GET": partial(self.replays.make, stream, LAST[path])}
        if path.startswith(f"{PREFIX}-"):
            return {b"GET": partial(self.replays.show, stream.config.name, path)}
        return {}

    def _not_found(self, path: str) -> str:
        names = ", ".join(f"/{name}.mkv" for name in self._streams) or "no stream"
        return f"There is no {printable(path.encode())!r} here. There are {names} and /status."


def _sending(stream: Stream) -> Mapping[bytes, View]:
    """How to send to a stream, if that can be done."""
    if stream.config.input.form is not Form.HTTP:
        return {}
    return dict.fromkeys(SENDING, partial(send, stream))


class LiveSite(Site):
    """The site, without a line in the log for each request; its requests do not wait for bodies."""

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
    ) -> None:
        """
        Make one; see L{Server} for what it takes.
        """
        server = Server(reactor, streams, control, public=public)
        super().__init__(server, reactor=reactor, parsePOSTFormSubmission=False)
        self._replays = server.replays

    def stopFactory(self) -> None:
        """Nobody listens any more."""
        super().stopFactory()
        self._replays.stop()

    def acceptableProtocols(self) -> list[bytes]:
        """The only one whose requests can be read as they come."""
        return [b"http/1.1"]

    def log(self, request: Request) -> None:
        """Clients are logged when they join and leave; the rest is not worth a line."""
