"""
Limits for one address: connections, and requests a second (I{reactor}).

A proxy that is trusted has no limit, since its connections are those of many clients. Each request
that it passes on counts as a connection of the address that it comes from, until the response has
ended. Unless a limit is set by hand, this machine's own addresses have none: a program there can do
worse, and a proxy there may not have been named.
"""

from collections import Counter
from math import inf
from typing import Any

from twisted.logger import Logger

from mkvtwist.config.settings import Config
from mkvtwist.net.addresses import is_loopback, one_host, within

CONNECTIONS = 512
"""
Connections from one address: a browser has 6, a player 1 or 2, so that an office of a hundred
viewers has room. One that asks for nothing takes 2 to 5 kB here, and more in the kernel.
"""

REQUESTS = 500
"""
Requests a second from one address: a viewer of low-latency HLS makes 4 to 8, a page with eight
players a hundred when it opens. They take a tenth of a core, or less.
"""

REQUEST_SPAN = 1.0
"""Seconds in which the requests of an address are counted."""

REFUSED_REPORT_EVERY = 60.0
"""Seconds between two lines about what was refused."""


class AddressLimits:
    """
    The connections of each address, and its requests in this second.

    @ivar config: the configuration with the limits; may be set again.
    """

    _log = Logger()

    def __init__(
        self, clock: Any, connections: int = CONNECTIONS, requests: int = REQUESTS
    ) -> None:
        """
        @param connections: how many an address may have if the configuration does not say.
        @param requests: how many an address may make in a second if the configuration does not say.
        """
        self.config = Config(())
        self._connections = connections
        self._requests = requests
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()  # in this second, which bounds it
        self._since = 0.0
        self._refused = 0
        self._last: str | None = None
        self._reminder: Any = None

    @property
    def addresses(self) -> int:
        """The number of addresses that have connections, or have asked in this second."""
        is_now = 0 <= self._clock.seconds() - self._since < REQUEST_SPAN
        return len(self._counts.keys() | (self._asked.keys() if is_now else set()))

    def is_full(self, host: str | None) -> bool:
        """Return whether an address has as many connections as it may."""
        return self._counts[one_host(host)] >= self._most_connections(host)

    def enter(self, host: str | None) -> None:
        """Count one more connection of an address, until L{leave}."""
        self._counts[one_host(host)] += 1

    def leave(self, host: str | None) -> None:
        """Count one connection less."""
        key = one_host(host)
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]

    def ask(self, host: str | None) -> bool:
        """Count one more request; return whether its address may make it in this second."""
        most = self._most(host, self.config.max_requests_per_address, self._requests)
        if most == inf:
            return True
        now = self._clock.seconds()
        if not 0 <= now - self._since < REQUEST_SPAN:
            self._since = now
            self._asked.clear()
        key = one_host(host)
        self._asked[key] += 1
        return self._asked[key] <= most

    def refused(self, host: str | None) -> None:
        """Note that an address had more than its share; the log says so once a minute."""
        self._refused += 1
        self._last = host
        if self._reminder is None:
            self._report()

    def has_none(self, host: str | None) -> bool:
        """Return whether an address is that of a trusted proxy, which has no limit."""
        trusted = self.config.trusted_proxies
        return bool(trusted) and within(host, trusted)

    def _most_connections(self, host: str | None) -> float:
        return self._most(host, self.config.max_connections_per_address, self._connections)

    def _most(self, host: str | None, said: int | None, usual: int) -> float:
        if said == 0 or self.has_none(host):
            return inf
        if said is None:
            return inf if is_loopback(host) else usual
        return said

    def _report(self) -> None:
        self._reminder = None
        if not self._refused:
            return
        self._log.warn(
            "{refused} connections or requests were refused, or idle connections closed, the last"
            " from {host}: an address had more than its share; allow more with"
            " --max-connections-per-address and --max-requests-per-address, or name the proxy in"
            " trusted_proxies",
            refused=self._refused,
            host=self._last or "a UNIX socket",
        )
        self._refused = 0
        self._reminder = self._clock.callLater(REFUSED_REPORT_EVERY, self._report)
