"""
The site: its connections, and the resources behind them (I{reactor}).
"""

from collections.abc import Mapping
from typing import Any, Unpack

from twisted.logger import Logger
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mkvtwist.access.entry import Entry
from mkvtwist.access.refusals import Refusals
from mkvtwist.config.rule import EVERYBODY
from mkvtwist.config.settings import Config
from mkvtwist.config.values import Network
from mkvtwist.http.admission import Admission
from mkvtwist.http.client_limits import ClientLimits
from mkvtwist.http.connections import TOO_MANY, Connections
from mkvtwist.http.control import Control
from mkvtwist.http.refused_senders import RefusedSenders
from mkvtwist.http.router import Find, Router
from mkvtwist.http.routes import Parts, Views
from mkvtwist.http.wire.channel import Channel
from mkvtwist.http.wire.negotiation import wants_page
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.http.wire.response import respond_text
from mkvtwist.live.events import Events
from mkvtwist.streams.stream import Stream


class Resources:
    """
    The resources of some streams, with their configuration.

    @ivar router: the resource of all of it.
    @ivar entry: the rules, guesses and limits.
    @ivar refused: reports the requests of senders that are refused.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        streams: Mapping[str, Stream],
        control: Control | None = None,
        *,
        public: bool = True,
        find: Find | None = None,
        entry: Entry | None = None,
        **parts: Unpack[Parts],
    ) -> None:
        """
        @param streams: by their names; may change under way.
        @param control: what the management interface manages; L{None} is to have no interface.
        @param public: whether viewers come here; else it is the management interface's own place.
        @param find: finds a stream by its name, also one that begins when somebody wants it; by
            default there is none but C{streams}.
        @param entry: the rules, guesses and limits; by default, none that others share.
        @param parts: views to use in place of the usual ones.
        """
        events = control.events if control is not None else Events()
        self._refusals = Refusals(reactor, self._log, events.tell)
        self.entry = entry or Entry(reactor)
        self._limits = ClientLimits(Config(()), streams)
        self._views = Views(reactor, streams, self._limits, control, public=public, **parts)
        self.refused = RefusedSenders(streams, self._refusals)
        self.router = Router(
            streams,
            find or streams.get,
            tuple(self._views.routes()),
            Admission(self._refusals, self.entry),
            has_token=self._views.has_token,
            manage=self._views.manage,
            report=self.refused.watch,
        )

    def configure(self, config: Config) -> None:
        """Go by a configuration from now on, and read files of tokens and users again."""
        self._limits.config = config
        self.router.status_rule = config.status_access
        rules = {rule for stream in config.streams for rule in (stream.watch, stream.send)}
        self.entry.access.read(rules | {config.status_access or EVERYBODY})

    def start(self) -> None:
        """Let files be made, perhaps again."""
        self._views.start()

    def stop(self) -> None:
        """Remove files, and end timers."""
        self._views.stop()
        self._refusals.stop()


class StreamResource(Resource):
    """
    The resource of one stream, for the tree of another site (L{twisted.web.server.Site}).

    Below C{tv} a stream C{cam} is at C{/tv/cam.mkv}, its page at C{/tv/}, its figures at
    C{/tv/status}. The stream's rules for who may watch hold here, too. Senders get 501, since
    Twisted's site keeps bodies of requests until they are complete.
    """

    isLeaf = True

    def __init__(self, reactor: Any, stream: Stream) -> None:
        """
        Make the resource, in the reactor's thread; the stream may be started before or after.
        """
        super().__init__()
        self._resources = Resources(reactor, {stream.config.name: stream})
        self._resources.configure(Config((stream.config,)))
        reactor.addSystemEventTrigger("after", "shutdown", self._resources.stop)

    def render(self, request: Any) -> int:
        """Respond; without a slash at the end redirect, since a page's links are relative."""
        if not request.postpath and wants_page(request):
            path, mark, query = request.uri.partition(b"?")  # where a token may be
            here = path.rpartition(b"/")[2]
            request.setHeader(b"Location", here + b"/" + mark + query)
            respond_text(request, 302, "The URL of this page ends with a slash.")
            return NOT_DONE_YET
        return self._resources.router.render(request)


class LiveSite(Site):
    """
    The site of a server. Its requests do not wait for bodies, and have no lines in the log.

    @ivar connections: those that are open.
    @ivar report: called with each request, as soon as its head has been read.
    @ivar trusted_proxies: the networks of proxies that are believed where a request comes from.
    @ivar server_names: the names under which the server's own pages may call it, beside addresses.
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
        find: Find | None = None,
        entry: Entry | None = None,
        connections: Connections | None = None,
        **parts: Unpack[Parts],
    ) -> None:
        """
        @param streams: by their names; may change under way.
        @param control: what the management interface manages; L{None} is to have no interface.
        @param public: whether viewers come here; else it is the management interface's own place.
        @param find: finds a stream by its name, also one that begins when somebody wants it; by
            default there is none but C{streams}.
        @param entry: the rules, guesses and limits; by default, none that others share.
        @param connections: those that are open.
        @param parts: views to use in place of the usual ones.
        """
        self._resources = Resources(
            reactor, streams, control, public=public, find=find, entry=entry, **parts
        )
        super().__init__(self._resources.router, reactor=reactor, parsePOSTFormSubmission=False)
        self.connections = connections or Connections(reactor, self._resources.entry.limits)
        self.report = self._resources.refused.watch if public else _ignore
        self.trusted_proxies: tuple[Network, ...] = ()
        self.server_names: tuple[str, ...] = ()

    def configure(self, config: Config) -> None:
        """Go by what a configuration says of all streams together, from now on."""
        self.trusted_proxies = config.trusted_proxies
        self.server_names = config.server_names
        self.connections.per_address.config = config
        self._resources.configure(config)

    def buildProtocol(self, addr: Any) -> Any:
        """
        Return a connection. If there are too many connections, return L{None}, which closes it; if
        there are too many of its address, one that is told so.
        """
        connections = self.connections
        has_share = connections.has_share_left(getattr(addr, "host", None))
        if not (has_share or connections.may_be_refused) or not connections.make_room():
            return None
        connection: Any = super().buildProtocol(addr)
        connection.refusal = None if has_share else TOO_MANY
        return connection

    def startFactory(self) -> None:
        """Begin to serve, perhaps again: elsewhere, after the configuration has changed."""
        super().startFactory()
        self._resources.start()

    def stopFactory(self) -> None:
        """End: the last listener has ended."""
        super().stopFactory()
        self._resources.stop()

    def acceptableProtocols(self) -> list[bytes]:
        """Return the only protocol whose requests can be read as they come."""
        return [b"http/1.1"]

    def log(self, request: Request) -> None:
        """Log nothing: clients are logged when they join and leave."""


def _ignore(_: Request) -> None:
    """Report nothing of requests to manage."""
