"""Turns of the reactor, some of a crowd in each."""

from typing import cast

from twisted.internet.base import DelayedCall
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.live.turns import Turns


class TurnsTests(SynchronousTestCase):
    """L{Turns}, of two at a time."""

    def setUp(self) -> None:
        """Nobody has asked."""
        self.clock = Clock()
        self.taken: list[str] = []
        self.turns = Turns(self.clock, self.take, crowd=2)

    def take(self, one: str) -> None:
        """It is one's turn; an upper-case one wants another turn, in lower case."""
        self.taken.append(one)
        if one.isupper():
            self.turns.ask(one.lower())
        if one == "!":
            self.turns.withdraw("x")

    def ask(self, all_: str) -> None:
        """Each of them asks."""
        for one in all_:
            self.turns.ask(one)

    def turn(self) -> list[str]:
        """What is taken in one turn of the reactor; a clock would have all of them at once."""
        self.taken.clear()
        for call in self.clock.getDelayedCalls():
            function = cast("DelayedCall", call).func
            call.cancel()
            function()
        return list(self.taken)

    def test_order(self) -> None:
        """Those that ask first are first, two in a turn, until nobody is left."""
        self.ask("abcde")
        self.assertEqual([self.turn() for _ in range(4)], [["a", "b"], ["c", "d"], ["e"], []])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_once(self) -> None:
        """One that asks twice has one turn."""
        self.ask("aab")
        self.assertEqual([self.turn(), self.turn()], [["a", "b"], []])

    def test_again(self) -> None:
        """One that asks in its turn has its next one after all others."""
        self.ask("ABcd")
        self.assertEqual([self.turn() for _ in range(3)], [["A", "B"], ["c", "d"], ["a", "b"]])

    def test_withdrawn(self) -> None:
        """One that is withdrawn has none, even if that is in the turn in which it had its own."""
        self.ask("abc")
        self.turns.withdraw("a")
        self.assertEqual(self.turn(), ["b", "c"])
        self.ask("!x")
        self.assertEqual(self.turn(), ["!"])

    def test_at_once(self) -> None:
        """The first of those that have asked may have their turn at once, the others after it."""
        self.ask("abcde")
        self.turns.begin()
        self.assertEqual(self.taken, ["a", "b"])
        self.assertEqual([self.turn() for _ in range(3)], [["c", "d"], ["e"], []])
        self.turns.begin()
        self.assertEqual(self.taken, [])
