"""Senders that were refused, told to operators."""

from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.access.refusals import REFUSAL_SPAN, REFUSALS_COUNTED, Refusals
from mkvtwist.live.events import SenderRefused
from tests.support.fakes import Log


class RefusalsTests(SynchronousTestCase):
    """Lines and events."""

    def setUp(self) -> None:
        """Nobody has been refused."""
        self.clock = Clock()
        self.log = Log(self)
        self.events: list[SenderRefused] = []
        self.refusals = Refusals(self.clock, Logger(), self.events.append)

    def refuse(self, peer: str = "192.0.2.7:5000", cause: str = "status 404") -> None:
        """One is refused."""
        self.refusals.tell(SenderRefused(peer=peer, reason=cause), cause, "{peer}: {reason}")

    def test_one(self) -> None:
        """One that is refused is a line and an event, and leaves no timer."""
        self.refuse()
        self.assertEqual(self.log.lines, ["192.0.2.7:5000: status 404"])
        (event,) = self.events
        self.assertEqual((event.peer, event.reason), ("192.0.2.7:5000", "status 404"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sum(self) -> None:
        """Further ones from an address are counted for a minute, and then said as a sum."""
        for port in range(13):
            self.refuse(f"192.0.2.7:{port}")
        self.assertEqual(len(self.log.lines), 1)
        self.assertEqual(len(self.events), 13)
        self.clock.advance(REFUSAL_SPAN)
        more = "refused in the last minute: 12 more from 192.0.2.7 (status 404)"
        self.assertEqual(self.log.lines[1:], [more])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.refuse()
        self.assertEqual(len(self.log.lines), 3)

    def test_told_apart(self) -> None:
        """Each address and each cause has a line of its own; a network of IPv6 is one address."""
        for peer in ("192.0.2.7:1", "192.0.2.8:1", "[2001:db8::1]:1", "[2001:db8::2]:1", "a local"):
            self.refuse(peer)
        self.refuse(cause="status 401")
        self.assertEqual(len(self.log.lines), 5)

    def test_late(self) -> None:
        """A sum is said before the line after it, also if the timer is late."""
        self.refuse()
        self.clock.advance(REFUSAL_SPAN / 2)
        self.refuse()
        self.clock.advance(REFUSAL_SPAN - 1)
        self.refuse()
        self.assertEqual(
            self.log.lines,
            [
                "192.0.2.7:5000: status 404",
                "refused in the last minute: 1 more from 192.0.2.7 (status 404)",
                "192.0.2.7:5000: status 404",
            ],
        )
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bound(self) -> None:
        """Addresses beyond a number are one; nothing is kept when the minute is over."""
        for number in range(REFUSALS_COUNTED + 10):
            self.refuse(f"10.0.{number // 256}.{number % 256}:1")
        self.assertEqual(len(self.log.lines), REFUSALS_COUNTED + 1)
        self.clock.advance(REFUSAL_SPAN)
        self.assertEqual(
            self.log.lines[-1],
            "refused in the last minute: 9 more from other addresses (various causes)",
        )
        self.refuse("10.0.0.0:1")
        self.assertEqual(self.log.lines[-1], "10.0.0.0:1: status 404")

    def test_stop(self) -> None:
        """At the end the sums are said, and no timer is left."""
        self.refuse()
        self.refuse()
        self.refusals.stop()
        self.assertEqual(len(self.log.about("1 more")), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
