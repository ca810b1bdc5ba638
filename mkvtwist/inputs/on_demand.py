"""
Inputs on demand, which are open only while the stream is wanted (I{reactor}).
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.task import LoopingCall

from mkvtwist.live.demand import Demand

DEMAND_INTERVAL = 1.0
"""Seconds between two looks whether the stream is still wanted: fine enough for C{linger}."""


class OnDemand:
    """
    Tells when an input is wanted, and when it has not been wanted for long enough.

    @ivar linger: seconds that the input stays open after the last viewer.
    """

    def __init__(
        self,
        clock: Any,
        demand: Demand,
        linger: float,
        on_wanted: Callable[[], None],
        on_unwanted: Callable[[], None],
    ) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        @param on_wanted: called when the stream is wanted, after L{wait}.
        @param on_unwanted: called when the stream has not been wanted for the linger.
        """
        self.linger = linger
        self._demand = demand
        self._on_wanted = on_wanted
        self._on_unwanted = on_unwanted
        self._waits = False
        self._look = LoopingCall(self._look_for_clients)
        self._look.clock = clock

    def wait(self) -> None:
        """Wait until the stream is wanted."""
        self.stop()
        self._waits = True

    def touch(self) -> None:
        """Note that the stream is wanted now."""
        if self._waits:
            self._waits = False
            self._on_wanted()
            self._look.start(DEMAND_INTERVAL, now=False)

    def stop(self) -> None:
        """Stop checking."""
        self._waits = False
        if self._look.running:
            self._look.stop()

    def _look_for_clients(self) -> None:
        unwanted = self._demand.unwanted
        if unwanted and unwanted >= self.linger:
            self._on_unwanted()
