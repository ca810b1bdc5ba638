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

from mkvtwist.access import LOOPBACK, parse_address, within

HEAD_TIME = 20.0
"""Seconds from the connection to the end of its first request: slow mobiles need a few."""

MOST_WAITING = 4096
"""Connections without a request, about 10 kB each; a crowd of thousands has some for a moment."""

REMINDER = 60.0
"""Seconds between two lines about connections that were dropped."""


class Connections:
    """
    All that are open.

    @ivar most: how many there may be; L{None} is any number.
    """

    _log = Logger()

    def __init__(self, clock: Any) -> None:
        self.most: int | None = None
        self._clock = clock
        self._open: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}  # the longest first
        self._dropped = 0
        self._reminder: Any = None

    def make_room(self) -> bool:
        """Somebody wants to connect; whether there is room, now."""
        if self.most is None or len(self._open) < self.most:
            return True
        self._drop_one()
        return len(self._open) < self.most

    def opened(self, connection: "Connection") -> None:
        """It is there, and has asked for nothing."""
        self._open.add(connection)
        self.waits(connection)

    def closed(self, connection: "Connection") -> None:
        """It is not there any more."""
        self._open.discard(connection)
        self.asked(connection)

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

    def connectionMade(self) -> None:
        super().connectionMade()
        self.setTimeout(HEAD_TIME)
        self.site.connections.opened(self)

    def connectionLost(self, reason: Any = None) -> None:
        self.site.connections.closed(self)
        super().connectionLost(reason)

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

    def getClientAddress(self) -> IAddress:
        """
        The client's address: where a proxy that is trusted has it from. Each proxy adds at the end
        of C{X-Forwarded-For} who has asked it; what stands before the last one that is not trusted
        may be anything.
        """
        address: IAddress = super().getClientAddress()
        trusted = self.site.trusted_proxies
        host = getattr(address, "host", LOOPBACK)
        if not trusted or not within(host, trusted):
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
        """Also take the whole of a URL for what is asked for, as RFC 9112 (3.2.2) says."""
        scheme, colon, rest = self.path.partition(b"://")
        if colon and scheme.lower() in (b"http", b"https"):
            self.path = b"/" + rest.partition(b"/")[2]
        super().process()

    def __repr__(self) -> str:
        """Fit for a log: without the query, where a token may be."""
        return f"<{type(self).__name__} {self.method!r} {self.path!r}>"
