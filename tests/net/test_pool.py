"""Work in threads, so much of it at once."""

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.net.pool import Pool
from mkvtwist.testing import Reactor


class PoolTests(SynchronousTestCase):
    """L{Pool}."""

    def setUp(self) -> None:
        """Threads that are done in the next turn of the reactor."""
        self.reactor = Reactor()

    def test_result(self) -> None:
        """A function's result comes out, and so does its exception."""
        pool = Pool(self.reactor, 2)
        good, bad = pool.run(int, "17", base=8), pool.run(int, "x")
        self.assertNoResult(good)
        self.reactor.turns()
        self.assertEqual(self.successResultOf(good), 15)
        self.failureResultOf(bad, ValueError)

    def test_order(self) -> None:
        """No more functions run at once than there may be threads; the others wait in order."""
        pool = Pool(self.reactor, 2)
        ran: list[int] = []
        done = [pool.run(ran.append, number) for number in range(5)]
        self.assertEqual((ran, pool.waiting), ([0, 1], 3))
        self.reactor.turns()
        self.assertEqual((ran, pool.waiting), ([0, 1, 2, 3, 4], 0))
        for one in done:
            self.successResultOf(one)

    def test_after_a_failure(self) -> None:
        """A function that raises makes room for the next one."""
        pool = Pool(self.reactor, 1)
        bad, good = pool.run(int, "x"), pool.run(int, "1")
        self.reactor.turns()
        self.failureResultOf(bad, ValueError)
        self.assertEqual(self.successResultOf(good), 1)
