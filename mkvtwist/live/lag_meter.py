"""
The lag of a client, as far as it counts (I{pure}).

The rule: a client that takes data, but falls more than C{--max-lag} behind the place that it asked
for, goes on at the newest keyframe; one that has paused, and takes nothing, keeps its place.

So not every second of a client's lag counts as fallen behind::

    burst, ?start=-30, a GOP that is longer than max-lag     no: it was placed there
    the input brings 30 s of media at once                   no: more than time has passed
    it takes nothing for PAUSED_AFTER seconds or longer      no: it has paused
    it takes data, and its lag grows                         yes
    its lag shrinks                                          it has caught up by so much
"""

PAUSED_AFTER = 3.0
"""
Seconds without a byte that are a pause; TCP alone waits for a second or two when packets are lost.
"""


class Lag:
    """
    One client's lag; all times are in seconds.

    @ivar behind: how much of the lag counts.
    """

    def __init__(self) -> None:
        self.behind = 0.0
        self._lag = 0.0
        self._at = 0.0
        self._taken = -1
        self._silent_since = 0.0
        self._before = 0.0  # what had counted before it last took something

    def begin(self, now: float, lag: float, asked: float, most: float) -> None:
        """
        Begin at a new place.

        @param lag: how far the place is behind the live edge.
        @param asked: how far behind the client asked to be.
        @param most: how far the client may fall behind.
        """
        extra = max(0.0, lag - asked)
        self.behind = extra if extra <= most else 0.0  # a GOP so long: no nearer place was there
        self._lag, self._at = lag, now
        self._silent_since, self._before = now, self.behind

    def follow(self, now: float) -> None:
        """Note that the client has everything so far."""
        self.behind = self._before = self._lag = 0.0
        self._at = self._silent_since = now

    def look(self, now: float, lag: float, taken: int) -> bool:
        """
        Count what has come since the last look.

        @param taken: bytes that the client has taken so far.
        @return: whether it has taken any since then.
        """
        takes, pauses = taken != self._taken, self._at - self._silent_since >= PAUSED_AFTER
        growth = min(lag - self._lag, 0.0 if pauses else now - self._at)
        before, self.behind = self.behind, min(max(0.0, self.behind + growth), lag)
        self._lag, self._at, self._taken = lag, now, taken
        if takes:
            self._silent_since, self._before = now, before
        elif now - self._silent_since >= PAUSED_AFTER:
            self.behind = min(self.behind, self._before)
        return takes
