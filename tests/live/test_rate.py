"""How much came over the last seconds of the clock."""

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.live.rate import SPAN, SUM_SPAN, Rate
from mkvtwist.media.packet import SECOND


class RateTests(SynchronousTestCase):
    """L{Rate}."""

    def feed(self, rate: Rate, since: float, until: float, *, size: int = 100) -> None:
        """So many bytes with each of 25 pictures a second, at real time."""
        for number in range(round(since * 25), round(until * 25)):
            rate.add(number / 25, size, SECOND // 25)

    def test_nothing(self) -> None:
        """Nothing is no rate, whenever one asks."""
        rate = Rate()
        self.assertEqual((rate.bits(0), rate.bits(1000)), (0, 0))

    def test_steady(self) -> None:
        """What comes at real time has its rate from the first second on, and for ever."""
        rate = Rate()
        last = 0.0
        for now in (1.0, 2.0, 4.96, 5.0, 7.3, 20.0, 100.0):
            self.feed(rate, last, now)
            last = now
            self.assertApproximates(rate.bits(now), 20_000, 900, str(now))

    def test_end(self) -> None:
        """When nothing comes any more, it falls to nothing within the span."""
        rate = Rate()
        self.feed(rate, 0, 60)
        self.assertApproximates(rate.bits(60 + SPAN / 2), 10_000, 500)
        self.assertApproximates(rate.bits(60 + SPAN - 1), 4_000, 500)
        self.assertEqual(rate.bits(60 + SPAN + SUM_SPAN), 0)
        self.assertEqual(rate.bits(10_000), 0)

    def test_pause(self) -> None:
        """What comes after a pause counts for the span."""
        rate = Rate()
        self.feed(rate, 0, 10)
        self.feed(rate, 100, 101)
        self.assertApproximates(rate.bits(101), 4_000, 200)

    def test_at_once(self) -> None:
        """Half a minute of media that comes at once has its own rate, as does what follows."""
        rate = Rate()
        rate.add(0, 100 * 25 * 30, 30 * SECOND)
        self.assertEqual(rate.bits(0), 20_000)
        for now in range(1, 20):
            self.feed(rate, now - 1, now)
            self.assertApproximates(rate.bits(now), 20_000, 900, str(now))

    def test_set_clock(self) -> None:
        """A clock that is set, where it can be, does no harm for longer than the span."""
        rate = Rate()
        self.feed(rate, 1000, 1010)
        for begin in (100, 5000):
            for now in range(begin, begin + 10):
                self.feed(rate, now, now + 1)
                self.assertGreaterEqual(rate.bits(now + 1), 0)
                self.assertLess(rate.bits(now + 1), 30_000)
            self.assertApproximates(rate.bits(begin + 10), 20_000, 900)

    def test_beginning(self) -> None:
        """Before any time has gone by, what is of no time has no rate."""
        rate = Rate()
        rate.add(0, 100, 0)
        self.assertEqual(rate.bits(0), 0)
        self.assertEqual(rate.bits(1), 800)
