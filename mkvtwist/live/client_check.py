"""
The check of a stream's clients once a second, while there are any (I{reactor}).

It also reports loss: one line a second with the sum for all clients.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import SECOND

SWEEP = 1.0
"""
Seconds between two looks at the clients, for those that take nothing or fall behind, and between
two lines about loss.
"""

RATE_SPAN = 5 * SECOND
"""The media over which a bitrate is measured, to convert bytes to seconds."""

C = TypeVar("C", bound=Hashable)


class Sweep(Generic[C]):
    """
    The checks of one stream's clients.

    @ivar byte_rate: bytes in a second of media, at the last look; 0 is not known.
    @ivar skipped: the segments that clients have lost since the last look.
    """

    def __init__(
        self,
        clock: IReactorTime,
        clients: Collection[C],
        look: Callable[[C, float], None],
        log: Logger,
    ) -> None:
        """
        @param clients: all of them, at any time.
        @param look: looks at one, with the time in seconds; must not fail.
        @param log: gets the lines about loss.
        """
        self.byte_rate = 0.0
        self.skipped: Counter[C] = Counter()
        self._clock = clock
        self._clients = clients
        self._look = look
        self._log = log
        self._ring: Ring | None = None
        self._loop = LoopingCall(self._sweep)
        self._loop.clock = clock
        self._is_looking = False

    def measure(self, ring: Ring) -> None:
        """Measure the bitrate of this ring from now on."""
        self._ring = ring

    def forget(self) -> None:
        """Let go of the ring; its bitrate holds until there is another ring."""
        self._ring = None

    def seconds_of(self, size: int) -> float:
        """Return how many seconds of media so many bytes are; 0 while that is not known."""
        return size / self.byte_rate if self.byte_rate else 0.0

    def enter(self) -> None:
        """Begin to look, if this is the first client."""
        if not self._loop.running:
            self._loop.start(SWEEP, now=False)

    def leave(self, client: C) -> None:
        """Report no loss of a client that has left, and look no more if it was the last one."""
        self.skipped.pop(client, None)
        # Not in a look: another client may come in it, and a loop that began there would be a
        # second one.
        if not self._is_looking:
            self._end_if_empty()

    def _end_if_empty(self) -> None:
        if not self._clients and self._loop.running:
            self._loop.stop()

    def _sweep(self) -> None:
        now = self._clock.seconds()
        if self._ring is not None:
            self.byte_rate = self._ring.bitrate(RATE_SPAN) / 8
        self._is_looking = True
        for client in list(self._clients):
            self._look(client, now)
        self._is_looking = False
        self._end_if_empty()
        if self.skipped:
            self._log.warn(
                "{clients} slow clients skipped {segments} segments",
                clients=len(self.skipped),
                segments=self.skipped.total(),
            )
            self.skipped.clear()
