"""
The end of a stream: clients and viewers get the rest, then the buffer is given back (I{reactor}).
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed

from mkvtwist.live.fanout import Fanout
from mkvtwist.live.publisher import Publisher
from mkvtwist.outputs.segmented.cutter import Cutter
from mkvtwist.streams.memory import trim

GRACE = 1.0
"""Seconds that clients which are behind get to take the rest when the server stops."""

LOOK = 0.05
"""Seconds between two checks whether those clients have the rest."""

END_LOOK = 0.1
"""Seconds between two checks whether all clients have the rest after the input's end."""

LAST_LOOK = 6
"""
Target durations after the end in which HLS viewers get what they have not: they are three behind,
and stop asking when they have it.
"""

KEPT_AFTER_END = 60.0
"""
Seconds after the end for which the buffer is kept if C{--hold} is for ever: clients come back to an
ended stream only for its last seconds.
"""


class StreamEnd:
    """The end of one stream, by itself or because it is stopped."""

    def __init__(
        self,
        clock: Any,
        publisher: Publisher,
        fanout: Fanout,
        cutter: Cutter,
        *,
        viewers: Callable[[], int],
        run: Callable[[Callable[[], object]], object],
    ) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        @param cutter: cuts segments for viewers of segmented outputs.
        @param viewers: returns the number of these viewers.
        @param run: runs a function in a thread; its result is not awaited.
        """
        self._clock = clock
        self._publisher = publisher
        self._fanout = fanout
        self._viewers = viewers
        self._cutter = cutter
        self._run = run
        self._forgetting: Any = None

    def come(self, hold: float, then: Callable[[], None]) -> None:
        """
        Call a function when all clients and viewers have the rest: the input has ended.

        @param hold: seconds for which clients are held, and the buffer is kept; 0 is for ever.
        """
        self._keep()
        self._forgetting = self._clock.callLater(hold or KEPT_AFTER_END, self.forget)
        self._wait(self._clock.seconds(), then)

    def _wait(self, since: float, then: Callable[[], None]) -> None:
        age = self._clock.seconds() - since
        has_viewers = self._publisher.period is not None and self._viewers() > 0
        if self._fanout.clients or (has_viewers and age < LAST_LOOK * self._cutter.target):
            self._clock.callLater(END_LOOK, self._wait, since, then)
        else:
            then()

    def stop(self) -> Deferred[None]:
        """
        Give clients that are behind a moment to take the rest.

        @return: fires when every client has all that there is, or when it is time.
        """
        self._keep()
        return self._rest_taken(self._clock.seconds() + GRACE)

    def _rest_taken(self, deadline: float) -> Deferred[None]:
        if not self._fanout.clients or self._clock.seconds() >= deadline:
            return succeed(None)
        later: Deferred[None] = Deferred()
        later.addCallback(lambda _: self._rest_taken(deadline))
        self._clock.callLater(LOOK, later.callback, None)
        return later

    def _keep(self) -> None:
        """Keep the buffer until it is given back otherwise."""
        if self._forgetting is not None and self._forgetting.active():
            self._forgetting.cancel()

    def forget(self) -> None:
        """Give the buffer back. The result is not awaited."""
        if self._publisher.period is not None:
            self._publisher.forget()
            self._run(trim)
