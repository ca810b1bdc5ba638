"""
Times for pictures that bring none: the times of their arrival, smoothed (I{pure}).

A camera's raw H.264 or its JPEG pictures carry no timestamps. The sender sends each picture when
it is taken, so the moment of its arrival is all that is known; a network and a busy machine add
up to a second to it. All times are microseconds.

The rules:

 1. A picture comes one step after the one before it. Time never goes back.
 2. At first the step is a guess: the rate that the bitstream claims, or 25 pictures a second.
 3. Only a picture that the reader has waited for tells the time. One that was there already has
    arrived at some moment before, and is placed by the step alone: what was read while the input
    was probed, and what a network has held up and delivers all at once.
 4. The step is measured over the last L{MEASURED_OVER}, from how many pictures were there at the
    times of arrivals. The guess is believed as long as it agrees with that to a fiftieth; then it
    is used as it is.
 5. The time that has been measured for L{LEARNED_AFTER} is bound to the clock: each picture that
    was waited for moves it towards its own arrival by a small part of the distance, and by a
    fiftieth of the step at most. So the speed is true to 2 %, and nothing adds up.
 6. A picture more than L{NETWORK_DELAY} behind its arrival, as the one before was, comes after a
    pause: time jumps to its arrival. One alone may be the first of those that were held up, which
    fill the gap themselves.
 7. No picture that was waited for is more than L{NETWORK_DELAY} ahead of its arrival.
 8. More than L{FASTEST_CAMERA} pictures a second are no camera's: a file is sent as fast as the
    network carries it. There the guess stays, and nothing is bound to the clock.
 9. A sender that the reader has to hold back sends a file, too: its pictures come when they are
    asked for, so their arrival would confirm whatever step they are asked for at.
"""

from collections import deque

from mkvtwist.media.packet import SECOND

MEASURED_OVER = 4 * SECOND
"""
Microseconds over which the step is measured: 20 pictures of a slow camera, and a hundred times a
network's jitter.
"""

REMEMBERED_ARRIVALS = 1024
"""Arrivals in the window: those of L{FASTEST_CAMERA} pictures a second."""

LEARNED_AFTER = SECOND
"""Microseconds after which a measured step is better than a guess."""

NETWORK_DELAY = SECOND
"""
Microseconds of pictures that networks and senders hold back at most, and then deliver at once.
"""

CAMERA_PAUSE = 5 * SECOND // 2
"""
Microseconds without a picture after which the pictures before the pause say nothing about the step.
"""

AGREES = 50
"""The part of a step by which a guess may be off, and time may be moved: 2 % is not seen."""

GENTLE = 32
"""The part of the distance to its arrival by which a picture is moved: jitter is averaged out."""

FASTEST_CAMERA = 250
"""Pictures a second that a camera sends at most; a file comes with thousands in most networks."""


class ArrivalTimes:
    """
    Makes the times of one track's pictures.

    @ivar step: microseconds from one picture to the next, as far as that is known.
    @ivar measured: whether the step was learned from arrivals.
    """

    def __init__(self, step: float) -> None:
        """
        @param step: the guess.
        """
        self.step = self._guess = max(1.0, step)
        self.measured = False
        self._time = -self.step
        self._count = 0
        self._since: int | None = None
        self._seen: deque[tuple[int, int]] = deque(maxlen=REMEMBERED_ARRIVALS)
        self._origin: float | None = None
        self._late = False

    def next(self, arrived: int | None) -> int:
        """
        Return the time of the next picture; the first one's is 0 or more.

        @param arrived: when it came, by a clock that never goes back; L{None} for one that was
            there already.
        """
        self._count += 1
        due = self._time + self.step
        if arrived is not None:
            self._measure(due, arrived)
            if self._origin is not None:
                due = self._bound(due, arrived - self._origin)
        self._time = max(due, self._time + 1)
        return round(self._time)

    def held(self) -> None:
        """Forget what was measured: the sender is so far ahead that the reader had to wait."""
        self.step, self.measured, self._origin = self._guess, False, None
        self._seen.clear()
        self._since = None

    def _measure(self, due: float, arrived: int) -> None:
        """Learn from what has come up to the picture before this one."""
        since, self._since = self._since, arrived
        if since is None:
            return
        if arrived - since > CAMERA_PAUSE:
            self._seen.clear()
            if self._origin is None:
                self._origin = since - self._time
            return
        seen = self._seen
        seen.append((self._count - 1, since))
        while since - seen[0][1] > MEASURED_OVER:
            seen.popleft()
        count, first = seen[0]
        span = since - first
        if span < LEARNED_AFTER:
            return
        step = span / (self._count - 1 - count)
        if step * FASTEST_CAMERA < SECOND:
            self.step, self.measured, self._origin = self._guess, False, None
            return
        self.measured = abs(step - self._guess) * AGREES > self._guess
        self.step = step if self.measured else self._guess
        if self._origin is None:
            self._origin = arrived - due

    def _bound(self, due: float, arrived: float) -> float:
        """Return a picture's time, moved towards that of its arrival on the same line."""
        off = arrived - due
        paused, self._late = self._late and off > NETWORK_DELAY, off > NETWORK_DELAY
        if paused:
            return arrived
        if off < -NETWORK_DELAY:
            return arrived + NETWORK_DELAY
        most = self.step / AGREES
        return due + max(-most, min(off / GENTLE, most))
