"""Who wants a stream, and for how long nobody does."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.live.demand import Demand


class DemandTests(SynchronousTestCase):
    """L{Demand}."""

    def setUp(self) -> None:
        """Nobody has wanted it yet."""
        self.clock = Clock()
        self.demand = Demand(self.clock)
        self.touches: list[float] = []
        self.demand.on_touch = lambda: self.touches.append(self.clock.seconds())

    def test_client(self) -> None:
        """A stream is wanted as long as a client is there."""
        self.clock.advance(5)
        self.assertEqual(self.demand.unwanted, 5)
        self.demand.enter()
        self.demand.enter()
        self.clock.advance(5)
        self.demand.leave()
        self.assertEqual(self.demand.unwanted, 0)
        self.demand.leave()
        self.clock.advance(3)
        self.assertEqual(self.demand.unwanted, 3)

    def test_request(self) -> None:
        """It is wanted each time that somebody asks, for as long as that says."""
        self.clock.advance(15)
        self.demand.touch()
        self.assertEqual(self.demand.unwanted, 0)
        self.demand.touch(9)
        self.demand.touch(2)
        self.clock.advance(10)
        self.assertEqual(self.demand.unwanted, 1)
        self.assertEqual(self.touches, [15, 15, 15])

    def test_client_after_a_request(self) -> None:
        """A client that leaves takes nothing from the time for which others have asked."""
        self.demand.touch(10)
        self.demand.enter()
        self.clock.advance(2)
        self.demand.leave()
        self.clock.advance(9)
        self.assertEqual(self.demand.unwanted, 1)
