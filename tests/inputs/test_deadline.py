"""Deadlines for what takes too long."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.deadline import Deadline


class DeadlineTests(SynchronousTestCase):
    """L{Deadline}, on a clock of its own."""

    def setUp(self) -> None:
        """There is none yet."""
        self.clock = Clock()
        self.late: list[str] = []
        self.deadline = Deadline(self.clock, self.late.append)

    def test_passes(self) -> None:
        """The reason of a deadline that passes is reported once."""
        self.deadline.tighten(5.0, "too slow")
        self.clock.advance(4.9)
        self.assertEqual(self.late, [])
        self.clock.pump([0.1, 100.0])
        self.assertEqual(self.late, ["too slow"])

    def test_earliest(self) -> None:
        """Of several the earliest holds, in whatever order they are set."""
        self.deadline.tighten(60.0, "no media was recognised in it")
        self.deadline.tighten(4.0, "another sender has come")
        self.deadline.tighten(10.0, "never said")
        self.clock.pump([4.0, 100.0])
        self.assertEqual(self.late, ["another sender has come"])

    def test_lifted(self) -> None:
        """A deadline that was lifted does not pass; another one may be set."""
        self.deadline.tighten(5.0, "never said")
        self.deadline.lift()
        self.deadline.lift()
        self.clock.advance(100)
        self.assertEqual((self.late, self.clock.getDelayedCalls()), ([], []))
        self.deadline.tighten(5.0, "too slow")
        self.clock.advance(5)
        self.assertEqual(self.late, ["too slow"])
