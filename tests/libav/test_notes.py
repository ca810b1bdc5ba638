"""Sentences on how an input is read."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.limits import NOTE_LIMIT
from mkvtwist.libav.notes import Notes
from mkvtwist.libav.reader_events import Event, Noted


class NotesTests(SynchronousTestCase):
    """L{Notes}."""

    def test_all(self) -> None:
        """Each new sentence is told with those before it."""
        told: list[Event] = []
        notes = Notes(told.append)
        notes.add("one")
        notes.add("two")
        self.assertEqual(told, [Noted(("one",)), Noted(("one", "two"))])

    def test_bounded(self) -> None:
        """A hostile input has only so many of them."""
        told: list[Event] = []
        notes = Notes(told.append)
        for number in range(2 * NOTE_LIMIT):
            notes.add(str(number))
        self.assertEqual(len(told), NOTE_LIMIT)
