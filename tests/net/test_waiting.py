"""One result for all that wait for it."""

from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.net.waiting import Results


class ResultsTests(SynchronousTestCase):
    """L{Results}."""

    def setUp(self) -> None:
        """Nothing is being made."""
        self.results: Results[str, int] = Results()
        self.making: list[Deferred[int]] = []

    def make(self) -> Deferred[int]:
        """Begin to make a result."""
        self.making.append(Deferred())
        return self.making[-1]

    def wait(self, key: str = "a") -> Deferred[int]:
        """Wait for the result of a key."""
        return self.results.wait(key, self.make)

    def note(self, order: list[Deferred[int]], one: Deferred[int], result: int) -> int:
        """Note that one has its result."""
        order.append(one)
        return result

    def test_once(self) -> None:
        """What is being made is not made again; all that wait get it, in their order."""
        order: list[Deferred[int]] = []
        waiting = [self.wait() for _ in range(3)]
        for one in waiting:
            one.addCallback(partial(self.note, order, one))
        self.assertEqual((len(self.making), len(self.results)), (1, 1))
        self.making[0].callback(7)
        self.assertEqual(order, waiting)
        self.assertEqual([self.successResultOf(one) for one in waiting], [7] * 3)

    def test_again(self) -> None:
        """What was made is not kept: whoever asks next has it made again."""
        first = self.wait()
        self.making[0].callback(1)
        self.assertNotIn("a", self.results)
        second = self.wait()
        self.assertIn("a", self.results)
        self.making[1].callback(2)
        self.assertEqual([self.successResultOf(one) for one in (first, second)], [1, 2])

    def test_keys(self) -> None:
        """Each key has a result of its own."""
        waiting = [self.wait("a"), self.wait("b")]
        self.making[1].callback(2)
        self.assertNoResult(waiting[0])
        self.assertEqual(self.successResultOf(waiting[1]), 2)

    def test_failure(self) -> None:
        """All that wait for what cannot be made are told why, also if that is known at once."""
        waiting = [self.wait(), self.wait()]
        self.making[0].errback(ValueError())
        for one in waiting:
            self.failureResultOf(one, ValueError)

        def refuse() -> Deferred[int]:
            raise KeyError

        self.failureResultOf(self.results.wait("a", refuse), KeyError)
        self.assertEqual(len(self.results), 0)

    def test_cancelled(self) -> None:
        """One that waits no longer disturbs nobody, and the result is made all the same."""
        first, second = self.wait(), self.wait()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.assertIn("a", self.results)
        third = self.wait()
        self.making[0].callback(3)
        self.assertEqual((self.successResultOf(third), len(self.making)), (3, 1))

    def test_cancelled_meanwhile(self) -> None:
        """One may be cancelled by what another one does with the result."""
        first, second = self.wait(), self.wait()
        first.addCallback(lambda _: second.cancel())
        self.making[0].callback(1)
        self.failureResultOf(second, CancelledError)
        self.assertIsNone(self.successResultOf(first))

    def test_reentered(self) -> None:
        """A client that asks again for the result while it is told has it made again."""
        again: list[Deferred[int]] = []
        self.wait().addCallback(lambda _: again.append(self.wait()))
        self.making[0].callback(1)
        self.assertEqual(len(self.making), 2)
        self.making[1].callback(2)
        self.assertEqual(self.successResultOf(again[0]), 2)
