"""Turns on the timeline."""

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.timeline_turns import TimelineTurns


class TimelineTurnsTests(SynchronousTestCase):
    """L{TimelineTurns}, among letters."""

    def setUp(self) -> None:
        """Nobody has asked."""
        self.gone: list[str] = []
        self.turns: TimelineTurns[str] = TimelineTurns(self.gone.append)

    def test_first(self) -> None:
        """The input that asks first has the turn at once."""
        self.turns.ask("a")
        self.assertEqual((self.gone, self.turns.owner), (["a"], "a"))

    def test_next(self) -> None:
        """The others have it one after the other, each when the one before releases it."""
        for name in "abc":
            self.turns.ask(name)
        self.assertEqual(self.gone, ["a"])
        self.turns.release("a")
        self.turns.release("a")
        self.assertEqual(self.gone, ["a", "b"])
        self.turns.release("b")
        self.turns.release("c")
        self.assertEqual((self.gone, self.turns.owner), (["a", "b", "c"], None))

    def test_withdraw(self) -> None:
        """An input that withdraws has no turn, but keeps the one that it has."""
        self.turns.ask("a")
        self.turns.ask("b")
        self.turns.withdraw("a")
        self.turns.withdraw("b")
        self.turns.withdraw("c")
        self.assertEqual(self.turns.owner, "a")
        self.turns.release("a")
        self.assertEqual((self.gone, self.turns.owner), (["a"], None))

    def test_not_its_turn(self) -> None:
        """To release a turn that somebody else has changes nothing."""
        self.turns.ask("a")
        self.turns.release("b")
        self.assertEqual(self.turns.owner, "a")
