"""
Senders that were refused, and addresses that are locked out: told to operators (I{reactor}).

Each is an event. In the log the first one from an address has a line, with the cause; those that
follow within L{SPAN} are counted, and one more line says how many there were: whoever knocks a
thousand times a second does not fill the disk.
"""

import ipaddress
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.logger import Logger

from mkvtwist.access import parse_address

SPAN = 60.0
"""Seconds during which an address has one line for each cause."""

MOST = 1000
"""Addresses and causes that are told apart, a few hundred bytes each; further ones are one."""


class _Key(NamedTuple):
    host: str
    cause: str


class _Count:
    """How many there were since a line, and when that was."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.more = 0


_OTHERS = _Key("other addresses", "various causes")


class Refusals:
    """
    Those of one stream, or of the server as a whole.
    """

    def __init__(self, clock: Any, log: Logger, tell: Callable[..., None]) -> None:
        """
        @param tell: called for each, with the kind of event and its details.
        """
        self._clock = clock
        self._log = log
        self._tell = tell
        self._counts: dict[_Key, _Count] = {}  # the oldest first
        self._timer: Any = None

    def tell(self, kind: str, peer: str, cause: str, line: str, **details: Any) -> None:
        """
        One was refused.

        @param kind: of the event.
        @param peer: where from: an address, with or without a port.
        @param cause: in a few words: those with the same cause share a line.
        @param line: of the log; may name C{peer} and the details.
        @param details: for the event, fit for JSON.
        """
        self._tell(kind, peer=peer, **details)
        self._let_go()
        key = _Key(_host(peer), cause)
        if key not in self._counts and len(self._counts) >= MOST:
            key = _OTHERS
        count = self._counts.get(key)
        if count is None:
            self._counts[key] = _Count(self._clock.seconds())
            self._log.warn(line, peer=peer, **details)
            return
        count.more += 1
        if self._timer is None:
            self._timer = self._clock.callLater(SPAN, self._look)

    def stop(self) -> None:
        """Say what has not been said yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for key in list(self._counts):
            self._say(key)

    def _look(self) -> None:
        self._timer = None
        self._let_go()
        if any(count.more for count in self._counts.values()):
            self._timer = self._clock.callLater(SPAN, self._look)

    def _let_go(self) -> None:
        """Say the sums that are due, and forget what is over."""
        now = self._clock.seconds()
        for key, count in list(self._counts.items()):
            if now - count.since < SPAN:
                break
            self._say(key)

    def _say(self, key: _Key) -> None:
        more = self._counts.pop(key).more
        if more:
            self._log.warn(
                "{more} more from {host} in the last minute: {cause}",
                more=more,
                host=key.host,
                cause=key.cause,
            )


def _host(peer: str) -> str:
    """Return what counts as one host: an address, in IPv6 the network (/64) that one has."""
    name = peer.rpartition(":")[0].strip("[]") if peer.count(":") == 1 or "]" in peer else peer
    address = parse_address(name)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return name if address is None else str(address)
