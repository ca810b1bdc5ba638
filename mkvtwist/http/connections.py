"""
The connections of clients: their limit, and the one that makes room (I{reactor}).

If there are too many connections, the one that has been idle for longest is dropped for the new
one, so that thousands of idle ones keep no client out. A client with a response in progress is
never dropped for another one.
"""

from typing import Any

from twisted.logger import Logger

from mkvtwist.access.address_limits import AddressLimits
from mkvtwist.http.wire.channel import Channel
from mkvtwist.http.wire.peer import client_host
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.http.wire.response import respond_text
from mkvtwist.net.addresses import one_host

MOST_IDLE = 4096
"""Connections without a request, about 10 kB each; a crowd of thousands has some for a moment."""

MOST_REFUSED = 64
"""Connections that are told that they are one too many for their address; more are just closed."""

ADDRESS_RETRY = 5
"""Seconds after which an address that had too many connections may try again."""

SLOWDOWN = 1.0
"""Seconds until an address that asks too often is told so: its connection asks for nothing then."""

DROPPED_REPORT_EVERY = 60.0
"""Seconds between two lines about connections that were dropped."""

TOO_MANY = (
    b"429 Too Many Requests\r\n"
    b"Retry-After: %d\r\n"
    b"Connection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"Too many connections from your address; try again in %d s.\n" % (ADDRESS_RETRY, ADDRESS_RETRY)
)
"""The response, behind the version, to a client whose address has too many connections."""


class Connections:
    """
    The connections that are open.

    @ivar most: how many there may be; L{None} is any number.
    @ivar per_address: how many of them one address may have.
    """

    _log = Logger()

    def __init__(
        self, clock: Any, per_address: AddressLimits | None = None, most_waiting: int = MOST_IDLE
    ) -> None:
        """
        @param most_waiting: how many may have asked for nothing.
        """
        self.most: int | None = None
        self.per_address = per_address or AddressLimits(clock)
        self._clock = clock
        self._most_waiting = most_waiting
        self._open: set[Channel] = set()
        self._waiting: dict[Channel, None] = {}  # the longest first
        self._by_address: dict[str, dict[Channel, None]] = {}  # the oldest first
        self._refused: set[Channel] = set()
        self._dropped = 0
        self._reminder: Any = None

    @property
    def addresses(self) -> int:
        """The number of addresses that have connections."""
        return len(self._by_address)

    def has_share_left(self, host: str | None) -> bool:
        """
        Return whether an address may have one more connection. If it has its share already, one of
        its own that asks for nothing is dropped for the new one.
        """
        if not self.per_address.is_full(host):
            return True
        mine = self._by_address.get(one_host(host), {})
        idle = next((connection for connection in mine if connection in self._waiting), None)
        self.per_address.refused(host)
        if idle is None:
            return False
        self.closed(idle)
        idle.drop()
        return not self.per_address.is_full(host)

    def make_room(self) -> bool:
        """Return whether there is room for a connection, which another one may have to make."""
        if self.most is None or len(self._open) < self.most:
            return True
        self._drop_one()
        return len(self._open) < self.most

    def opened(self, connection: Channel) -> None:
        """Note a new connection, which has asked for nothing yet."""
        self._open.add(connection)
        if connection.refusal is not None:
            self._refused.add(connection)
            return
        self.waits(connection)
        if not self.per_address.has_none(connection.host):
            self.per_address.enter(connection.host)
            self._by_address.setdefault(one_host(connection.host), {})[connection] = None

    def closed(self, connection: Channel) -> None:
        """Note that a connection is lost, or about to be."""
        self._open.discard(connection)
        self._refused.discard(connection)
        self.asked(connection)
        key = one_host(connection.host)
        mine = self._by_address.get(key, {})
        if connection in mine:
            del mine[connection]
            self.per_address.leave(connection.host)
            if not mine:
                del self._by_address[key]

    @property
    def may_be_refused(self) -> bool:
        """Return whether one more connection may be told that it is too many for its address."""
        return len(self._refused) < MOST_REFUSED

    def waits(self, connection: Channel) -> None:
        """Note that a connection has asked for nothing yet, or has had its response."""
        if connection not in self._open:
            return
        self._waiting[connection] = None
        if len(self._waiting) > self._most_waiting:
            self._drop_one()

    def asked(self, connection: Channel) -> None:
        """Note that a connection has asked for something."""
        self._waiting.pop(connection, None)

    def admit(self, request: IncomingRequest) -> bool:
        """Return whether the client's address has a request left; if not, respond to this one."""
        far = client_host(request)
        may_ask = self.per_address.ask(far)
        if one_host(far) != one_host(request.channel.host):  # a proxy has passed it on
            if self.per_address.is_full(far):
                self.per_address.refused(far)
                _refuse(request, ADDRESS_RETRY)
                return False
            self.per_address.enter(far)
            request.notifyFinish().addBoth(lambda _: self.per_address.leave(far))
        if may_ask:
            return True
        # At once it would cost as much as a response does, and be followed by the next request.
        self.per_address.refused(far)
        later = self._clock.callLater(SLOWDOWN, _refuse, request, 1)
        request.notifyFinish().addErrback(lambda _: later.cancel())
        return False

    def _drop_one(self) -> None:
        oldest = next(iter(self._waiting), None)
        if oldest is not None:
            self.closed(oldest)  # which it will be in a moment
            oldest.drop()
        self._dropped += 1
        if self._reminder is None:
            self._report()

    def _report(self) -> None:
        self._reminder = None
        if self._dropped:
            self._log.warn(
                "{open} connections are open, no more can be: {dropped} that asked for nothing, or"
                " came last, were dropped (a higher limit of open files, ulimit -n, allows more)",
                open=len(self._open),
                dropped=self._dropped,
            )
            self._dropped = 0
            self._reminder = self._clock.callLater(DROPPED_REPORT_EVERY, self._report)


def _refuse(request: IncomingRequest, seconds: int) -> None:
    """Respond that the client's address has asked too much, and after how long to ask again."""
    request.setHeader(b"Retry-After", b"%d" % seconds)
    respond_text(request, 429, f"Too many requests from your address; try again in {seconds} s.")
