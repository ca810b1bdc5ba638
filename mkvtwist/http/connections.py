"""
Connections: how many there may be, and for how long one may say nothing (I{reactor}).

A client that connects must have asked for something in L{HEAD_TIME}, however slowly it writes; one
that has had an answer has C{timeOut} for its next request. When there are too many connections,
whichever has asked for nothing for longest is dropped for the newcomer, so that thousands that only
hold on take nobody's place. A client that is being answered is never dropped for another one.
"""

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.web.http import HTTPChannel
from twisted.web.server import Request

from mkvtwist.http.shares import Shares
from mkvtwist.http.wire.client import client_host
from mkvtwist.http.wire.response import respond_text
from mkvtwist.net.addresses import one_host, parse_address, within
from mkvtwist.net.sockets import attend, plain

HEAD_TIME = 20.0
"""Seconds from the connection to the end of its first request: slow mobiles need a few."""

MOST_WAITING = 4096
"""Connections without a request, about 10 kB each; a crowd of thousands has some for a moment."""

MOST_REFUSED = 64
"""Connections that are told that they are one too many for their address; more are just closed."""

RETRY_AFTER = 5
"""Seconds after which an address that had too many connections may try again."""

PENALTY = 1.0
"""Seconds until an address that asks too often is told so: its connection asks for nothing then."""

IDLE = 30.0
"""
Seconds that a client's machine may acknowledge nothing when the connection is no stream's: as long
as C{--client-timeout} is by default.
"""

REMINDER = 60.0
"""Seconds between two lines about connections that were dropped."""


class Connections:
    """
    All that are open.

    @ivar most: how many there may be; L{None} is any number.
    @ivar shares: how many of them one address may have.
    """

    _log = Logger()

    def __init__(self, clock: Any) -> None:
        self.most: int | None = None
        self.shares = Shares(clock)
        self._clock = clock
        self._open: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}  # the longest first
        self._by_address: dict[str, dict[Connection, None]] = {}  # likewise
        self._refused: set[Connection] = set()
        self._dropped = 0
        self._reminder: Any = None

    def has_share_left(self, host: str | None) -> bool:
        """
        Return whether an address may have one more connection. If it has its share already, one of
        its own that asks for nothing is dropped for the new one.
        """
        if not self.shares.is_full(host):
            return True
        mine = self._by_address.get(one_host(host), {})
        idle = next((connection for connection in mine if connection in self._waiting), None)
        self.shares.refused(host)
        if idle is None:
            return False
        self.closed(idle)
        idle.drop()
        return not self.shares.is_full(host)

    def make_room(self) -> bool:
        """Somebody wants to connect; whether there is room, now."""
        if self.most is None or len(self._open) < self.most:
            return True
        self._drop_one()
        return len(self._open) < self.most

    def opened(self, connection: "Connection") -> None:
        """It is there, and has asked for nothing."""
        self._open.add(connection)
        if connection.is_one_too_many:
            self._refused.add(connection)
            return
        self.waits(connection)
        if not self.shares.has_none(connection.host):
            self.shares.enter(connection.host)
            self._by_address.setdefault(one_host(connection.host), {})[connection] = None

    def closed(self, connection: "Connection") -> None:
        """It is not there any more."""
        self._open.discard(connection)
        self._refused.discard(connection)
        self.asked(connection)
        key = one_host(connection.host)
        mine = self._by_address.get(key, {})
        if connection in mine:
            del mine[connection]
            self.shares.leave(connection.host)
            if not mine:
                del self._by_address[key]

    @property
    def may_be_refused(self) -> bool:
        """Whether one more connection that is too many may be told so."""
        return len(self._refused) < MOST_REFUSED

    def waits(self, connection: "Connection") -> None:
        """It has asked for nothing yet, or has had its answer."""
        if connection not in self._open:
            return
        self._waiting[connection] = None
        if len(self._waiting) > MOST_WAITING:
            self._drop_one()

    def asked(self, connection: "Connection") -> None:
        """It gets an answer."""
        self._waiting.pop(connection, None)

    def _drop_one(self) -> None:
        oldest = next(iter(self._waiting), None)
        if oldest is not None:
            self.closed(oldest)  # which it will be in a moment
            oldest.drop()
        self._dropped += 1
        if self._reminder is None:
            self._say()

    def _say(self) -> None:
        self._reminder = None
        if self._dropped:
            self._log.warn(
                "{open} connections are open, no more can be: {dropped} that asked for nothing, or"
                " came last, were dropped (a higher limit of open files, ulimit -n, allows more)",
                open=len(self._open),
                dropped=self._dropped,
            )
            self._dropped = 0
            self._reminder = self._clock.callLater(REMINDER, self._say)


class Connection(HTTPChannel):
    """
    A client's connection, for so long as it is allowed; L{Connections.asked} is for who knows.
    """

    transport: Any
    site: Any
    host: str | None = None
    is_one_too_many = False

    def connectionMade(self) -> None:
        super().connectionMade()
        self.host = getattr(self.getPeer(), "host", None)
        self.setTimeout(HEAD_TIME)
        attend(self.transport, IDLE)  # until a stream says otherwise
        self.site.connections.opened(self)

    def connectionLost(self, reason: Any = None) -> None:
        self.site.connections.closed(self)
        super().connectionLost(reason)

    def getPeer(self) -> IAddress:
        """Return where it comes from: for its requests, too."""
        return plain(self.transport.getPeer())

    def resetTimeout(self) -> None:
        """A byte now and then is no reason to wait longer."""

    def requestDone(self, request: Any) -> None:
        self.site.connections.waits(self)
        self._savedTimeOut = self.site.timeOut
        super().requestDone(request)

    def drop(self) -> None:
        """Somebody else needs the room."""
        self.transport.abortConnection()

    def timeoutConnection(self) -> None:
        # As Twisted does, but without a line in the log for each.
        self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)
        self.loseConnection()

    def forceAbortClient(self) -> None:
        self._abortingCall = None
        self.transport.abortConnection()


class LiveRequest(Request):
    """A request, from whoever it really comes."""

    site: Any
    channel: Any

    def getClientAddress(self) -> IAddress:
        """
        The client's address: where a proxy that is trusted has it from. Each proxy adds at the end
        of C{X-Forwarded-For} who has asked it; what stands before the last one that is not trusted
        may be anything.
        """
        address: IAddress = super().getClientAddress()
        trusted = self.site.trusted_proxies
        near = getattr(address, "host", None)
        if not trusted or not within(near, trusted):
            return address
        lines = self.requestHeaders.getRawHeaders(b"X-Forwarded-For", [])
        said = b",".join(lines).decode("latin-1").split(",")
        for text in reversed([word.strip() for word in said]):
            found = parse_address(text or "?")
            if found is None:
                break
            kind = IPv4Address if found.version == 4 else IPv6Address
            address = kind("TCP", str(found), 0)
            if not within(str(found), trusted):
                break
        return address

    def process(self) -> None:
        """
        Refuse what is too much for the client's address; take the whole of a URL for what is asked
        for, as RFC 9112 (3.2.2) says.
        """
        self.site = self.channel.site
        if not self._has_share_left():
            return
        scheme, colon, rest = self.path.partition(b"://")
        if colon and scheme.lower() in (b"http", b"https"):
            self.path = b"/" + rest.partition(b"/")[2]
        super().process()

    def _has_share_left(self) -> bool:
        """Return whether the client's address has a request left; if not, answer this one."""
        shares = self.site.connections.shares
        far = client_host(self)
        may_ask = shares.ask(far)
        if one_host(far) != one_host(self.channel.host):  # a proxy has passed it on
            if shares.is_full(far):
                shares.refused(far)
                self._say_too_many(RETRY_AFTER)
                return False
            shares.enter(far)
            self.notifyFinish().addBoth(lambda _: shares.leave(far))
        if may_ask:
            return True
        # At once it would cost as much as an answer does, and be followed by the next request.
        shares.refused(far)
        later = self.site.reactor.callLater(PENALTY, self._say_too_many, 1)
        self.notifyFinish().addErrback(lambda _: later.cancel())
        return False

    def _say_too_many(self, seconds: int) -> None:
        self.setHeader(b"Retry-After", b"%d" % seconds)
        respond_text(self, 429, f"Too many requests from your address; try again in {seconds} s.")

    def __repr__(self) -> str:
        """Fit for a log: without the query, where a token may be."""
        return f"<{type(self).__name__} {self.method!r} {self.path!r}>"
