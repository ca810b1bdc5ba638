"""When an input is opened again."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.retry import AT_ONCE, QUICK, SLOW, Retry


def longest(_: float, most: float) -> float:
    """The longest pause of all that are possible."""
    return most


class PauseTests(SynchronousTestCase):
    """The pauses of L{Retry}, at their longest."""

    def setUp(self) -> None:
        """Nothing has been opened yet."""
        self.clock = Clock()
        self.clock.advance(1000.0)

    def pauses(self, retry: Retry, number: int, *, hold: float = 60) -> list[float]:
        """Those between so many tries that fail in no time."""
        found = []
        for _ in range(number):
            retry.opened()
            found.append(retry.pause(hold))
            self.clock.advance(found[-1])
        return found

    def work(self, retry: Retry, seconds: float) -> float:
        """A try that is live for so long; the pause after it."""
        retry.opened()
        retry.live()
        self.clock.advance(seconds / 2)
        retry.live()
        self.clock.advance(seconds / 2)
        return retry.pause(60)

    def test_never_worked(self) -> None:
        """The pauses before anything came grow up to the longest, and stay so."""
        found = self.pauses(Retry(self.clock, listens=False, random=longest), 100)
        self.assertEqual(found, sorted(found))
        self.assertLess(found[0], 2)
        self.assertEqual(found[-1], SLOW[1])

    def test_worked(self) -> None:
        """After it has worked it is tried at once, then quickly for as long as clients are held."""
        retry = Retry(self.clock, listens=False, random=longest)
        self.assertEqual(self.work(retry, 100), AT_ONCE[1])
        since = self.clock.seconds()
        while self.clock.seconds() - since < 60:
            (pause,) = self.pauses(retry, 1)
            self.assertGreaterEqual(pause, QUICK[0])
            self.assertLessEqual(pause, QUICK[1])
        found = self.pauses(retry, 10)
        self.assertEqual(found[-1], SLOW[1])
        self.assertEqual(self.work(retry, 100), AT_ONCE[1])
        self.assertLess(self.pauses(retry, 1)[0], 1)

    def test_random(self) -> None:
        """Edges of one origin do not come all together, nor ever sooner than said."""
        for retry in (Retry(self.clock, listens=False) for _ in range(20)):
            self.assertLess(self.work(retry, 100), 0.2)
            found = self.pauses(retry, 20)
            self.assertEqual(len(set(found)), 20)
            self.assertGreaterEqual(min(found), QUICK[0])
            self.assertLessEqual(max(found), QUICK[1])

    def test_short(self) -> None:
        """An input that works for a moment each time is opened after ever longer quick pauses."""
        retry = Retry(self.clock, listens=False, random=longest)
        found = [self.work(retry, 0.1) for _ in range(10)]
        self.assertEqual(found, sorted(found))
        self.assertEqual(found[-1], QUICK[1])

    def test_listening(self) -> None:
        """What could wait for a sender goes on at once; what could not, does so a little later."""
        retry = Retry(self.clock, listens=True, random=longest)
        for _ in range(3):
            retry.opened()
            self.clock.advance(15)
            self.assertEqual(retry.pause(60), 0)
        found = self.pauses(retry, 10)
        self.assertEqual(found, sorted(found))
        self.assertEqual(found[-1], QUICK[1])
        self.assertEqual(self.work(retry, 2), 0)


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
