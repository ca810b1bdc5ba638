"""
Target durations of segments and parts, as playlists promise them (I{pure}).
"""

import math

from mkvtwist.media.packet import SECOND

PART = 510_000
"""
The usual part target in microseconds: half a second at 24, 25, 30, 50 and 60 pictures a second,
timestamps in whole milliseconds allowed for. A player holds three parts back. hls.js loads them one
after the other, which takes a round trip for each: with parts of a third of a second it fell behind
at 300 ms, until what it wanted had left the buffer.
"""

FULL = 0.9
"""
The share of the part target that whole pictures must fill, else another target is chosen. The draft
asks for 85 % (4.4.4.9); the rest is for timestamps that are not even.
"""

SLACK = 1.05
"""By how much such another target is longer than its pictures, for the same reason."""

CENTISECOND = SECOND // 100
"""Part targets are written with two decimals."""

GROWTH = 1.5
"""By how much the target duration rises when a GOP grows beyond it: a few times at most."""


class Targets:
    """
    The target durations of a stream's segments and parts.

    The target of segments never shrinks. The target of parts is chosen with the first part of a
    period, so that whole pictures fill it, and stays while the tracks stay.

    @ivar segment: whole seconds.
    @ivar part: microseconds.
    """

    def __init__(self) -> None:
        self.segment = 1
        self.part = PART
        self._is_chosen = False  # whether the part target was compared with this period's pictures

    def begin(self) -> None:
        """Choose a part target anew with the next part: other tracks have other pictures."""
        self._is_chosen = False

    def is_beyond(self, duration: int, lasts: int, steps: int) -> bool:
        """
        Return whether a part would become too long with the next packet.

        @param duration: microseconds up to the end of that packet.
        @param lasts: microseconds up to its beginning.
        @param steps: how many packets have told the time until then.
        """
        if not lasts:
            return False
        if duration > self.part and not self._is_chosen:
            self._choose(lasts / steps)
        return duration > self.part

    def cover(self, duration: int) -> None:
        """Note a segment of so many microseconds, which is complete."""
        self.segment = max(self.segment, rounded(duration))

    def rise(self, duration: int) -> None:
        """
        Note a segment of so many microseconds, which still grows: a playlist may not have what is
        longer than it says, so the target is ahead of it by half again.
        """
        while rounded(duration) > self.segment:
            self.segment = math.ceil(GROWTH * self.segment)

    def _choose(self, step: float) -> None:
        """
        Keep the part target that there is, unless whole pictures fill too little of it.

        @param step: microseconds from one picture to the next.
        """
        self._is_chosen = True
        if self.part // step * step < FULL * self.part:
            pictures = max(1, round(PART / step))
            self.part = centiseconds(SLACK * pictures * step)


def centiseconds(duration: float) -> int:
    """Return microseconds that are whole hundredths of a second, rounded up."""
    return math.ceil(duration / CENTISECOND) * CENTISECOND


def rounded(duration: int) -> int:
    """Return microseconds in whole seconds, as targets are compared (RFC 8216, 4.3.3.1)."""
    return (duration + SECOND // 2) // SECOND
