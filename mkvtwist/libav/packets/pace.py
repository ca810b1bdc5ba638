"""
The pace of an input: the first seconds at once, the rest in real time (I{pure}).
"""

import time
from collections.abc import Callable

from mkvtwist.libav.stopping import Signal, Stopped
from mkvtwist.media.packet import SECOND

PACE_STEP = 1 / 32
"""
Seconds of media that are due together, a picture's time; a power of two, so that sums are exact. To
wait for each packet alone costs more than to read and send it.
"""

LATE_LIMIT = 5.0
"""
Seconds of lateness that an input may make up for: a reader may wait for so long for a busy machine
or a slow disk. A machine that wakes after an hour does not read an hour of media at once.
"""


class Pace:
    """
    Keeps packets from coming faster than real time (FFmpeg's C{-readrate}).

    The media may be ahead of the clock by the burst. An input that is late is read as fast as it
    comes until it is in time again. It makes up for the burst, or for L{LATE_LIMIT} if that is
    more; its clock is moved by what exceeds them. What is due within the same L{PACE_STEP} comes at
    its beginning, the same for all inputs: early by less than that, never late.

    @ivar rate: media seconds for each second; 0 for no limit.
    @ivar burst: seconds of media that may be ahead.
    @ivar zero: the clock's time when the media began; L{None} before the first packet.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self.zero: float | None = None

    def take_over(self, zero: float | None, edge: int) -> None:
        """
        Go on with the zero of another pace, unless it would have the next packet wait for long.

        @param edge: where the next packet is.
        """
        if zero is not None and self.rate:
            latest = self._clock() + (self.burst + LATE_LIMIT - edge / SECOND) / self.rate
            zero = min(zero, latest)
        self.zero = zero

    def wait(self, dts: int, stop: Signal, slack: float = 0.0) -> bool:
        """
        Wait until a packet of this time is due.

        @param slack: seconds of media that may be ahead of the clock, if the burst is shorter.
        @return: whether the packet was not due yet.
        @raise Stopped: when C{stop} is given meanwhile.
        """
        return self._wait_for(dts, max(self.burst, slack), stop)

    def catch_up(self, edge: int, stop: Signal) -> None:
        """
        Wait until the clock has reached the end of what was read ahead.

        @raise Stopped: when C{stop} is given meanwhile.
        """
        self._wait_for(edge, 0.0, stop)

    def _wait_for(self, dts: int, ahead: float, stop: Signal) -> bool:
        if not self.rate:
            return False
        now, media = self._clock(), dts / SECOND / self.rate
        if self.zero is None:
            self.zero = now - media
        due = self.zero + media - ahead / self.rate
        lost = now - due - max(ahead / self.rate, LATE_LIMIT)
        if lost > 0:
            self.zero += lost
            due += lost
        due -= due % PACE_STEP
        early = due > now
        if early and stop.wait(due - now):
            raise Stopped
        return early
