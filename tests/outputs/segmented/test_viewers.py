"""Addresses that watch piece by piece."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.outputs.segmented.viewers import MOST_VIEWERS, Viewers


class ViewersTests(SynchronousTestCase):
    """Who watches."""

    def test_count(self) -> None:
        """An address counts once, and until it has been silent for three target durations."""
        viewers = Viewers()
        viewers.note("192.0.2.1", 0)
        viewers.note("192.0.2.2", 1)
        viewers.note("192.0.2.1", 5)
        self.assertEqual(viewers.count(6, 2.0), 2)
        self.assertEqual(viewers.count(8, 2.0), 1)
        self.assertEqual(viewers.count(12, 2.0), 0)

    def test_known(self) -> None:
        """An address is known as long as it counts."""
        viewers = Viewers()
        viewers.note("192.0.2.1", 0)
        viewers.note("192.0.2.2", 1)
        self.assertTrue(viewers.includes("192.0.2.1", 6, 2.0))
        self.assertFalse(viewers.includes("192.0.2.1", 6.5, 2.0))
        self.assertTrue(viewers.includes("192.0.2.2", 6.5, 2.0))
        self.assertFalse(viewers.includes("192.0.2.3", 6.5, 2.0))

    def test_bound(self) -> None:
        """A limited number of viewers are remembered."""
        viewers = Viewers()
        for number in range(MOST_VIEWERS + 10):
            viewers.note(str(number), 0)
        self.assertEqual(viewers.count(0, 1.0), MOST_VIEWERS)
