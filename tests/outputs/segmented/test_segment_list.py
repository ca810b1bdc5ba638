"""The segments that there are."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.outputs.segmented.segment_list import SegmentList
from mkvtwist.outputs.segmented.segments import Segment
from mkvtwist.testing import footage
from tests.support.segmented import FIRST, Live, Period


class SegmentListTests(SynchronousTestCase):
    """What is there, and what goes."""

    def setUp(self) -> None:
        """Three segments of a second, of which the last one grows, and two of other tracks."""
        self.before, self.after = Period(), Period()
        self.list = SegmentList()
        self.made: list[Segment] = []
        for period in (self.before, self.after):
            live = Live()
            live.feed(period, footage(0, 2.5))
            self.made += live.cutter.segments.all
        for number, segment in enumerate(self.made):
            self.list.append(replace(segment, number=FIRST + number))

    def numbers(self) -> list[int]:
        """Those that are there, from the first on."""
        return [segment.number - FIRST for segment in self.list.all]

    def test_find(self) -> None:
        """A segment is found by its number."""
        for number in range(6):
            found = self.list.find(FIRST + number)
            assert found is not None
            self.assertEqual(found.number, FIRST + number)
        self.assertIsNone(self.list.find(FIRST - 1))
        self.assertIsNone(self.list.find(FIRST + 6))

    def test_nothing(self) -> None:
        """An empty list has nothing, and nothing to list."""
        self.list.clear()
        self.assertEqual((self.numbers(), self.list.newest, self.list.is_ready), ([], None, False))
        self.assertIsNone(self.list.find(FIRST))

    def test_date_back(self) -> None:
        """All dates are set back together."""
        dates = [segment.date for segment in self.list.all]
        self.list.date_back(2.0)
        self.assertEqual([segment.date for segment in self.list.all], [d - 2.0 for d in dates])

    def test_newest_period(self) -> None:
        """Of several sets of tracks the newest one is kept."""
        self.list.keep_newest_period()
        self.assertEqual(self.numbers(), [3, 4, 5])

    def test_gone(self) -> None:
        """With a segment that the ring has lost all before it go; some may have to remain."""
        for second in (60, 100):
            self.after.ring.append(footage(second, second + 0.1), key=True)
        self.list.drop_gone(self.after, least=5)
        self.assertEqual(self.numbers(), [1, 2, 3, 4, 5])
        self.list.drop_gone(self.after, least=0)
        self.assertEqual(self.numbers(), [])

    def test_nothing_gone(self) -> None:
        """What both rings have stays."""
        self.list.drop_gone(self.after, least=0)
        self.assertEqual(self.numbers(), list(range(6)))
