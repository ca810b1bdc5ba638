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


class Pace:
    """
    Keeps packets from coming faster than real time (FFmpeg's C{-readrate}).

    The media may be ahead of the clock by the burst. An input that is late has its clock moved, so
    that it is never owed more than the burst. What is due within the same L{PACE_STEP} comes at its
    beginning, the same for all inputs: early by less than that, never late.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        @param rate: media seconds for each second; 0 for no limit.
        @param burst: seconds of media.
        """
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._zero: float | None = None

    def wait(self, dts: int, stop: Signal, slack: float = 0.0) -> bool:
        """
        Wait until a packet of this time is due.

        @param slack: seconds of media that may be ahead of the clock, if the burst is shorter.
        @return: whether the packet was not due yet.
        @raise Stopped: when C{stop} is given meanwhile.
        """
        return self._wait_for(dts, max(self._burst, slack), stop)

    def catch_up(self, edge: int, stop: Signal) -> None:
        """
        Wait until the clock has reached the end of what was read ahead.

        @raise Stopped: when C{stop} is given meanwhile.
        """
        self._wait_for(edge, 0.0, stop)

    def _wait_for(self, dts: int, ahead: float, stop: Signal) -> bool:
        if not self._rate:
            return False
        now, media = self._clock(), dts / SECOND / self._rate
        if self._zero is None or now > self._zero + media:
            self._zero = now - media
        due = self._zero + media - ahead / self._rate
        due -= due % PACE_STEP
        early = due > now
        if early and stop.wait(due - now):
            raise Stopped
        return early
