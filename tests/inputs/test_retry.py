"""When an input is opened again."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.retry import AT_ONCE, QUICK, SLOW, Retry, Tries


def longest(_: float, most: float) -> float:
    """The longest pause of all that are possible."""
    return most


class TriesTests(SynchronousTestCase):
    """L{Tries}, at its slowest."""

    def setUp(self) -> None:
        """Nothing has been opened yet."""
        self.now = 1000.0

    def pauses(self, tries: Tries, number: int, *, hold: float = 60) -> list[float]:
        """Those between so many tries that fail in no time."""
        found = []
        for _ in range(number):
            tries.opened(self.now)
            found.append(tries.pause(self.now, hold))
            self.now += found[-1]
        return found

    def work(self, tries: Tries, seconds: float) -> float:
        """A try that is live for so long; the pause after it."""
        tries.opened(self.now)
        tries.live(self.now)
        self.now += seconds / 2
        tries.live(self.now)
        self.now += seconds / 2
        return tries.pause(self.now, 60)

    def test_never_worked(self) -> None:
        """The pauses before anything came grow up to the longest, and stay so."""
        found = self.pauses(Tries(listens=False, random=longest), 100)
        self.assertEqual(found, sorted(found))
        self.assertLess(found[0], 2)
        self.assertEqual(found[-1], SLOW[1])

    def test_worked(self) -> None:
        """After it has worked it is tried at once, then quickly for as long as clients are held."""
        tries = Tries(listens=False, random=longest)
        self.assertEqual(self.work(tries, 100), AT_ONCE[1])
        since = self.now
        while self.now - since < 60:
            (pause,) = self.pauses(tries, 1)
            self.assertGreaterEqual(pause, QUICK[0])
            self.assertLessEqual(pause, QUICK[1])
        found = self.pauses(tries, 10)
        self.assertEqual(found[-1], SLOW[1])
        self.assertEqual(self.work(tries, 100), AT_ONCE[1])
        self.assertLess(self.pauses(tries, 1)[0], 1)

    def test_random(self) -> None:
        """Edges of one origin do not come all together, nor ever sooner than said."""
        for tries in (Tries(listens=False) for _ in range(20)):
            self.assertLess(self.work(tries, 100), 0.2)
            found = self.pauses(tries, 20)
            self.assertEqual(len(set(found)), 20)
            self.assertGreaterEqual(min(found), QUICK[0])
            self.assertLessEqual(max(found), QUICK[1])

    def test_short(self) -> None:
        """An input that works for a moment each time is opened after ever longer quick pauses."""
        tries = Tries(listens=False, random=longest)
        found = [self.work(tries, 0.1) for _ in range(10)]
        self.assertEqual(found, sorted(found))
        self.assertEqual(found[-1], QUICK[1])

    def test_listening(self) -> None:
        """What could wait for a sender goes on at once; what could not, does so a little later."""
        tries = Tries(listens=True, random=longest)
        for _ in range(3):
            tries.opened(self.now)
            self.now += 15
            self.assertEqual(tries.pause(self.now, 60), 0)
        found = self.pauses(tries, 10)
        self.assertEqual(found, sorted(found))
        self.assertEqual(found[-1], QUICK[1])
        self.assertEqual(self.work(tries, 2), 0)


class RetryTests(SynchronousTestCase):
    """L{Retry}, on a clock of its own."""

    def setUp(self) -> None:
        """Nothing has been tried."""
        self.clock = Clock()
        self.retry = Retry(self.clock, listens=False)
        self.tries: list[float] = []

    def again(self) -> None:
        """The next try."""
        self.tries.append(self.clock.seconds())

    def test_after(self) -> None:
        """The next try is made after the pause."""
        self.retry.opened()
        self.retry.live()
        pause = self.retry.pause(60.0)
        self.assertLessEqual(pause, AT_ONCE[1])
        self.retry.after(pause, self.again)
        self.clock.advance(pause)
        self.assertEqual(self.tries, [pause])
        self.retry.cancel()

    def test_cancel(self) -> None:
        """A try that was cancelled is not made."""
        self.retry.cancel()
        self.retry.after(1.0, self.again)
        self.retry.cancel()
        self.clock.advance(100)
        self.assertEqual((self.tries, self.clock.getDelayedCalls()), ([], []))
