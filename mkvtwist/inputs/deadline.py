"""
Deadlines for inputs that take too long to open or to end (I{reactor}).
"""

from collections.abc import Callable
from typing import Any


class Deadline:
    """
    The moment by which a reading must have opened, or ended. The earliest of several holds.
    """

    def __init__(self, clock: Any, on_late: Callable[[str], None]) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        @param on_late: called once with the reason, if the deadline is not lifted before.
        """
        self._clock = clock
        self._on_late = on_late
        self._call: Any = None

    def tighten(self, seconds: float, reason: str) -> None:
        """
        Set the deadline, unless an earlier one is set.

        @param seconds: from now.
        @param reason: the reason to give when it passes.
        """
        if self._call is not None:
            if self._call.getTime() <= self._clock.seconds() + seconds:
                return
            self._call.cancel()
        self._call = self._clock.callLater(seconds, self._pass, reason)

    def lift(self) -> None:
        """Remove the deadline."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _pass(self, reason: str) -> None:
        self._call = None
        self._on_late(reason)
