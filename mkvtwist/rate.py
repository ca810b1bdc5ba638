"""
The bitrate over the last seconds of the clock (I{pure}).
"""

from collections import deque

from mkvtwist.packet import SECOND

SPAN = 5.0
"""Seconds of the clock over which a rate is measured."""

STEP = 0.25
"""Seconds whose bytes are added up: there are 21 sums at most."""


class Rate:
    """
    Bytes that come, as bits per second of the last L{SPAN}; 0 when nothing came.

    Less time counts while there has not been so much yet, and more where the bytes are of more
    media than that: a file's first seconds, which are read at once, are not its bitrate.
    """

    def __init__(self) -> None:
        self._begun: float | None = None
        self._sums: deque[tuple[float, int, int]] = deque()  # since when, bytes, media

    def add(self, now: float, size: int, media: int) -> None:
        """
        Count bytes that have come.

        @param now: seconds of the clock.
        @param media: by how many microseconds the media have grown with them.
        """
        if self._begun is None:
            self._begun = now
        self._forget(now)
        since = now
        if self._sums and self._sums[-1][0] <= now < self._sums[-1][0] + STEP:
            since, before, grown = self._sums.pop()
            size, media = size + before, media + grown
        self._sums.append((since, size, media))

    def bits(self, now: float) -> float:
        """Return the bits per second of the last L{SPAN}."""
        self._forget(now)
        if self._begun is None or not self._sums:
            return 0.0
        size = media = 0.0
        for since, bytes_, grown in self._sums:
            part = min(1.0, (since + STEP - (now - SPAN)) / STEP)  # of the first, what counts yet
            size += part * bytes_
            media += part * grown
        seconds = max(media / SECOND, min(SPAN, now - self._begun))
        return size * 8 / seconds if seconds else 0.0

    def _forget(self, now: float) -> None:
        if self._sums and now < self._sums[-1][0]:  # somebody has set the clock back
            self._sums.clear()
            self._begun = now
        while self._sums and self._sums[0][0] + STEP <= now - SPAN:
            self._sums.popleft()
