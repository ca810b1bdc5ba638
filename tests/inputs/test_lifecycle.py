"""The table of an input's states, and the diagrams that are drawn from it."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs import lifecycle
from mkvtwist.inputs.lifecycle import (
    TRANSITIONS,
    ImpossibleTransition,
    Lifecycle,
    State,
    Trigger,
    diagram,
)

DESIGN = Path(__file__).parent.parent.parent / "docs" / "design.md"


class LifecycleTests(SynchronousTestCase):
    """L{Lifecycle}, on a clock of its own."""

    def setUp(self) -> None:
        """Nothing has happened yet."""
        self.clock = Clock()
        self.life = Lifecycle(self.clock.seconds)

    def test_beginning(self) -> None:
        """An input that nothing has happened to says so."""
        self.assertIs(self.life.state, State.OPENING)
        self.assertEqual(self.life.reason, "the input has not been opened yet")

    def test_transition(self) -> None:
        """An event leads to the state of the table, with a reason, and the cause for operators."""
        self.clock.advance(5)
        self.life.happen(Trigger.HEADER, "packets are coming")
        self.assertIs(self.life.state, State.LIVE)
        self.life.happen(Trigger.PAUSE, "it has gone", "tcp://host: refused")
        self.assertIs(self.life.state, State.RETRYING)
        self.assertEqual(
            (self.life.reason, self.life.detail), ("it has gone", "tcp://host: refused")
        )

    def test_since(self) -> None:
        """A state lasts from the event that led to it, whatever happens in it."""
        self.clock.advance(5)
        self.life.happen(Trigger.HEADER, "packets are coming")
        self.clock.advance(5)
        self.life.happen(Trigger.HEADER, "other packets are coming")
        self.assertEqual(self.life.since, 5)

    def test_remark(self) -> None:
        """A remark replaces the reason, and the cause with it."""
        self.life.happen(Trigger.NEXT_SENDER, "no media", "no media (Invalid data)")
        self.life.remark("the last sender said nothing")
        self.assertIs(self.life.state, State.WAITING_FOR_SENDER)
        self.assertEqual((self.life.reason, self.life.detail), ("the last sender said nothing", ""))

    def test_impossible(self) -> None:
        """An event that the table does not have is a mistake that names event and state."""
        self.life.happen(Trigger.STOP, "it has been stopped")
        problem = self.assertRaises(
            ImpossibleTransition, self.life.happen, Trigger.HEADER, "packets are coming"
        )
        self.assertEqual(str(problem), "'a header comes' cannot happen to an input that is 'ended'")
        self.assertEqual(self.life.reason, "it has been stopped")


class TableTests(SynchronousTestCase):
    """L{TRANSITIONS} as a whole."""

    def test_states(self) -> None:
        """Each state has its transitions, and can be reached."""
        self.assertEqual(set(TRANSITIONS), set(State))
        reached = {state for found in TRANSITIONS.values() for state in found.values()}
        self.assertEqual(reached, set(State))

    def test_triggers(self) -> None:
        """Each event leads somewhere."""
        used = {trigger for transitions in TRANSITIONS.values() for trigger in transitions}
        self.assertEqual(used, set(Trigger))

    def test_stop(self) -> None:
        """What has not ended can be stopped; what has ended can only be started again."""
        for state, transitions in TRANSITIONS.items():
            if state is State.ENDED:
                self.assertEqual(transitions, {Trigger.START: State.OPENING})
            else:
                self.assertIs(transitions[Trigger.STOP], State.ENDED)

    def test_diagrams(self) -> None:
        """The diagrams in the docstring and in the documentation are those of the table."""
        self.assertIn(indent(diagram(), "    "), str(lifecycle.__doc__))
        self.assertIn(f"```text\n{diagram()}\n```", DESIGN.read_text())
