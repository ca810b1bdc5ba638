"""
Reports to operators: refused senders, and addresses that are locked out (I{reactor}).

Each refusal is an event. In the log the first refusal of an address for a cause has a line; further
ones within L{REFUSAL_SPAN} are counted, and one more line has their number: a client that tries a
thousand times a second does not fill the disk.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from twisted.logger import Logger

from mkvtwist.net.addresses import one_host, parse_address

REFUSAL_SPAN = 60.0
"""Seconds in which an address has one line in the log for each cause."""

REFUSALS_COUNTED = 1000
"""Pairs of address and cause that are counted, a few hundred bytes each; others share a count."""


class Refusal(Protocol):
    """
    The event of a refusal, as far as it is known here.
    """

    @property
    def peer(self) -> str:
        """The address, with or without a port."""

    @property
    def details(self) -> Mapping[str, Any]:
        """Values that a line of the log may name, C{peer} included."""


class _Key(NamedTuple):
    host: str
    cause: str


class _Count:
    """The number of refusals since a line in the log, and the time of that line."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.more = 0


_OTHERS = _Key("other addresses", "various causes")


class Refusals:
    """
    The refusals of one stream, or of the server as a whole.
    """

    def __init__(self, clock: Any, log: Logger, tell: Callable[[Any], None]) -> None:
        """
        @param tell: called with the event of each.
        """
        self._clock = clock
        self._log = log
        self._tell = tell
        self._counts: dict[_Key, _Count] = {}  # the oldest first
        self._timer: Any = None

    def tell(self, event: Refusal, cause: str, line: str) -> None:
        """
        Tell of one refusal.

        @param cause: in a few words; refusals with the same cause share a line.
        @param line: of the log; may name the event's details.
        """
        self._tell(event)
        self._let_go()
        key = _Key(_host(event.peer), cause)
        if key not in self._counts and len(self._counts) >= REFUSALS_COUNTED:
            key = _OTHERS
        count = self._counts.get(key)
        if count is None:
            self._counts[key] = _Count(self._clock.seconds())
            self._log.warn(line, **event.details)
            return
        count.more += 1
        if self._timer is None:
            self._timer = self._clock.callLater(REFUSAL_SPAN, self._look)

    def stop(self) -> None:
        """Log the numbers that are not in the log yet, and end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for key in list(self._counts):
            self._say(key)

    def _look(self) -> None:
        self._timer = None
        self._let_go()
        if any(count.more for count in self._counts.values()):
            self._timer = self._clock.callLater(REFUSAL_SPAN, self._look)

    def _let_go(self) -> None:
        """Log the numbers that are due, and forget those counts."""
        now = self._clock.seconds()
        for key, count in list(self._counts.items()):
            if now - count.since < REFUSAL_SPAN:
                break
            self._say(key)

    def _say(self, key: _Key) -> None:
        more = self._counts.pop(key).more
        if more:
            self._log.warn(
                "refused in the last minute: {more} more from {host} ({cause})",
                more=more,
                host=key.host,
                cause=key.cause,
            )


def _host(peer: str) -> str:
    """Return the address that is counted; for IPv6 the network (/64) that one host has."""
    name = peer.rpartition(":")[0].strip("[]") if peer.count(":") == 1 or "]" in peer else peer
    return name if parse_address(name) is None else one_host(name)
