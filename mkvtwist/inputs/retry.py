"""
The pauses before an input is opened again (I{pure}).

 1. An input that was live a moment ago is opened again at once, and then every 0.25 to 2 s
    (L{QUICK}), for as long as its clients are held. After that the pauses grow to half a minute
    (L{SLOW}).
 2. An input that waits for senders is opened again at once, for ever: while it is closed, no sender
    can connect.
 3. Nothing spins: each try that fails soon after the one before lets L{QUICK} pauses grow.
"""

from collections.abc import Callable
from random import uniform
from typing import Any

QUICK = (0.25, 2.0)
"""
Seconds between two tries, at least and at most: a viewer hardly notices the former, and the latter
costs the other side one request of each edge. They are random, so that edges come one by one.
"""

QUICK_GROWTH = 1.5
"""By how much quick pauses grow from one try to the next: they reach the most after six."""

SLOW = (1.0, 30.0)
"""Seconds between two tries if no client is held any more, or no media ever came."""

SLOW_GROWTH = 1.7
"""By how much slow pauses grow from one try to the next: they reach the most after seven."""

AT_ONCE = (0.01, 0.1)
"""Seconds until the first try: at once, and yet not all edges of an origin in the same instant."""

STEADY = 5.0
"""Seconds that an input is live until its next end is no failure at once: pauses begin anew."""

COULD_LISTEN = 1.0
"""Seconds that an input has waited for senders until the next try is due at once: it could wait."""


class Retry:
    """The tries of one input, the pauses between them, and the next try, made when it is due."""

    def __init__(
        self, clock: Any, *, listens: bool, random: Callable[[float, float], float] = uniform
    ) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        @param listens: whether the input waits for senders.
        @param random: a number between two others.
        """
        self._clock = clock
        self._listens = listens
        self._random = random
        self._opened = 0.0
        self._live_since: float | None = None
        self._worked: float | None = None
        self._quick = 0
        self._slow = 0
        self._call: Any = None

    def opened(self) -> None:
        """Note that the input is being opened."""
        self._opened = self._clock.seconds()
        self._live_since = None

    def live(self) -> None:
        """Note that the input brings something."""
        if self._live_since is None:
            self._live_since = self._clock.seconds()

    def pause(self, hold: float) -> float:
        """
        Return the seconds until the next try, now that this one has ended.

        @param hold: seconds that clients are held; 0 is for ever.
        """
        now = self._clock.seconds()
        if self._live_since is not None:
            self._worked, self._slow = now, 0
            if now - self._live_since >= STEADY:
                self._quick = 0
        if self._listens and now - self._opened >= COULD_LISTEN:
            self._quick = 0
        worked = self._worked
        if self._listens or (worked is not None and (not hold or now - worked < hold)):
            self._quick += 1
            return self._quick_pause(self._quick - 1)
        self._slow += 1
        least, most = SLOW
        pause = min(most, least * SLOW_GROWTH ** min(self._slow, 30))
        return self._random(pause * 0.8, pause)

    def after(self, pause: float, call: Callable[[], None]) -> None:
        """Make the next try after so many seconds."""
        self._call = self._clock.callLater(pause, call)

    def cancel(self) -> None:
        """Make no further try."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()

    def _quick_pause(self, number: int) -> float:
        """Return the pause after so many failures."""
        if not number:
            return 0.0 if self._listens else self._random(*AT_ONCE)
        least, most = QUICK
        return self._random(least, min(most, least * QUICK_GROWTH ** min(number, 30)))
