"""The numbers that streams claim, and those that are believed."""

from __future__ import annotations

from fractions import Fraction

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.adapters.measuring import plausible_rate


class PlausibleRateTests(SynchronousTestCase):
    """L{plausible_rate}."""

    def test_usual(self) -> None:
        """A rate is a number; that of a slow camera is one, too."""
        self.assertEqual(plausible_rate(25.0), 25.0)
        self.assertAlmostEqual(plausible_rate(Fraction(30000, 1001)) or 0, 29.97, 2)
        self.assertEqual(plausible_rate(Fraction(1, 60)), 1 / 60)

    def test_nonsense(self) -> None:
        """None, 0, and a picture in a few months are no rates."""
        for rate in (None, 0, Fraction(0), Fraction(1, 21_474_836)):
            self.assertIsNone(plausible_rate(rate))
