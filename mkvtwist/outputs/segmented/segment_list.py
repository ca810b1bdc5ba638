"""
The list of segments whose bytes are available (I{pure}).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from mkvtwist.live.period import Period
from mkvtwist.outputs.segmented.segments import Segment


class SegmentList:
    """
    The segments of one stream whose bytes are still available, by number, without holes.

    Only the newest one may still grow.
    """

    def __init__(self) -> None:
        self._segments: deque[Segment] = deque()

    @property
    def all(self) -> Sequence[Segment]:
        """The segments, the oldest first."""
        return tuple(self._segments)

    @property
    def newest(self) -> Segment | None:
        """The last one; L{None} if there is none."""
        return self._segments[-1] if self._segments else None

    @property
    def is_ready(self) -> bool:
        """Return whether a segment can be listed: at least one is complete."""
        return bool(self._segments) and self._segments[0].is_complete

    def find(self, number: int) -> Segment | None:
        """Return a segment by its number; L{None} if it is not there any more, or not yet."""
        if not self._segments:
            return None
        at = number - self._segments[0].number
        if not 0 <= at < len(self._segments):
            return None
        segment = self._segments[at]
        return segment if segment.is_there else None

    def append(self, segment: Segment) -> None:
        """Add a segment, whose number follows the newest one's."""
        self._segments.append(segment)

    def replace(self, segment: Segment) -> None:
        """Replace the newest segment by its next value."""
        self._segments[-1] = segment

    def date_back(self, seconds: float) -> None:
        """Date all segments back by so many seconds."""
        self._segments = deque(replace(s, date=s.date - seconds) for s in self._segments)

    def keep_newest_period(self) -> None:
        """Drop all but those of the newest period that has any."""
        while self._segments and self._segments[0].period is not self._segments[-1].period:
            self._segments.popleft()

    def drop_gone(self, period: Period, least: int) -> None:
        """
        Drop what the ring has lost, and all before it. With the first that this period's ring loses
        all of the period before goes, and its ring.

        @param least: how many remain in any case.
        """
        loses = period.ring.first > 0
        while len(self._segments) > least and (
            not self._segments[0].is_there or (loses and self._segments[0].period is not period)
        ):
            self._segments.popleft()

    def clear(self) -> None:
        """Drop all of them."""
        self._segments.clear()
