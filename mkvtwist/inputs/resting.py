"""
Rest: an unwanted input is read ten times a second instead of for each packet (I{reactor}).

Each packet alone would wake the reactor twice and the reader once. While the input rests, the
reader's events wait, and the sender is not read. A client that joins gets everything so far at
once, and then each packet as it comes.
"""

from collections.abc import Callable
from typing import Any

from mkvtwist.live.publisher import Publisher
from mkvtwist.media.packet import SECOND

REST_INTERVAL = 0.1
"""Seconds that a rest lasts: what has come meanwhile is a fragment or two."""

REST_BITRATE = 10_000_000
"""
Bits per second above which no input rests: a Unix socket holds 200 kB, 16 Mbit/s for as long as a
rest, so that no sender falls behind.
"""

REST_AFTER = 2.0
"""
Seconds that the stream is unwanted before its input rests: a client that loses its connection and
comes back finds the input awake.
"""


class Rest:
    """
    Decides when an input rests.

    @ivar is_on: whether it rests now; may be read in any thread.
    """

    def __init__(
        self,
        clock: Any,
        publisher: Publisher,
        on_begin: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        @param on_begin: has the sender wait.
        @param on_end: has the sender go on, and takes what has come meanwhile.
        """
        self.is_on = False
        self._clock = clock
        self._publisher = publisher
        self._on_begin = on_begin
        self._on_end = on_end
        self._call: Any = None

    def consider(self) -> None:
        """
        Begin to rest, if the stream is unwanted; to be called when all events have been taken.
        """
        if not self.is_on and self._may_begin():
            self.is_on = True
            self._call = self._clock.callLater(REST_INTERVAL, self.wake)
            self._on_begin()

    def _may_begin(self) -> bool:
        publisher = self._publisher
        period = publisher.period
        return (
            not publisher.demand.constant
            and publisher.demand.unwanted >= REST_AFTER
            and period is not None
            and period.ring.bitrate(SECOND) <= REST_BITRATE
        )

    def wake(self) -> bool:
        """
        End the rest: take all events so far, and from now on each packet as it comes.

        @return: whether the input rested.
        """
        if not self.is_on:
            return False
        self.is_on = False
        if self._call.active():
            self._call.cancel()
        self._on_end()
        return True
