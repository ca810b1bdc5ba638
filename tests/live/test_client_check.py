"""The look at the clients of a stream, once a second."""

from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.live.client_check import SWEEP, Sweep


class SweepTests(SynchronousTestCase):
    """L{Sweep}, of clients that are letters."""

    def setUp(self) -> None:
        """There is no client."""
        self.clock = Clock()
        self.clients: set[str] = set()
        self.looked: list[str] = []
        self.sweep: Sweep[str] = Sweep(self.clock, self.clients, self.look, Logger())

    def look(self, client: str, now: float) -> None:
        """An upper-case client leaves when it is looked at, and comes back in lower case."""
        self.looked.append(client)
        if client.isupper():
            self.leave(client)
            self.enter(client.lower())

    def enter(self, client: str) -> None:
        """A client comes."""
        self.clients.add(client)
        self.sweep.enter()

    def leave(self, client: str) -> None:
        """A client leaves."""
        self.clients.discard(client)
        self.sweep.leave(client)

    def test_every_second(self) -> None:
        """Each client is looked at once in each interval."""
        self.enter("a")
        self.clock.pump([SWEEP] * 3)
        self.assertEqual(self.looked, ["a", "a", "a"])

    def test_nobody(self) -> None:
        """Nothing is scheduled when the last client has left."""
        self.enter("a")
        self.enter("b")
        self.leave("a")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.leave("b")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_changed_in_the_look(self) -> None:
        """If the last client leaves in the look and another one comes, there is still one look."""
        self.enter("A")
        self.clock.pump([SWEEP] * 3)
        self.assertEqual(self.looked, ["A", "a", "a"])
        self.leave("a")
        self.assertEqual(self.clock.getDelayedCalls(), [])
