"""
The bitrate over the last seconds of the clock (I{pure}).
"""

from collections import deque
from dataclasses import dataclass

from mkvtwist.media.packet import SECOND

SPAN = 5.0
"""Seconds of the clock over which a rate is measured."""

SUM_SPAN = 0.25
"""Seconds whose bytes are added up: there are 21 sums at most."""


@dataclass(slots=True)
class _Sum:
    """The bytes that came within L{SUM_SPAN}, and by how much the media have grown with them."""

    since: float
    size: int = 0
    media: int = 0


class Rate:
    """
    The bits per second of what came in the last L{SPAN}; 0 if nothing came.

    Less time counts while there has not been so much yet, and more where the bytes are of more
    media than that: a file's first seconds, which are read at once, are not its bitrate.
    """

    def __init__(self) -> None:
        self._begun: float | None = None
        self._sums: deque[_Sum] = deque()

    def add(self, now: float, size: int, media: int) -> None:
        """
        Count bytes that have come.

        @param now: seconds of the clock.
        @param media: by how many microseconds the media have grown with them.
        """
        if self._begun is None:
            self._begun = now
        newest = self._sums[-1] if self._sums else None
        if newest is None or not newest.since <= now < newest.since + SUM_SPAN:
            self._forget(now)
            newest = _Sum(now)
            self._sums.append(newest)
        newest.size += size
        newest.media += media

    def bits(self, now: float) -> float:
        """Return the bits per second of the last L{SPAN}."""
        self._forget(now)
        if self._begun is None or not self._sums:
            return 0.0
        size = media = 0.0
        for one in self._sums:
            # Of the first sum only a part may count.
            part = min(1.0, (one.since + SUM_SPAN - (now - SPAN)) / SUM_SPAN)
            size += part * one.size
            media += part * one.media
        seconds = max(media / SECOND, min(SPAN, now - self._begun))
        return size * 8 / seconds if seconds else 0.0

    def _forget(self, now: float) -> None:
        if self._sums and now < self._sums[-1].since:  # the clock was set back
            self._sums.clear()
            self._begun = now
        while self._sums and self._sums[0].since + SUM_SPAN <= now - SPAN:
            self._sums.popleft()
