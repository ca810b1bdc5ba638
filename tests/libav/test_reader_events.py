"""Events are values, and show nothing that could harm who reads them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.reader_events import Ended, Noted, Noticed, Opened, Tagged, made_printable
from mkvtwist.media.printable import printable


class EventsTests(SynchronousTestCase):
    """The events of an input."""

    def test_equal(self) -> None:
        """Events of another type are not equal, whatever is in them."""
        self.assertEqual(Noticed("a"), Noticed("a"))
        self.assertNotEqual(Noticed("a"), ("a",))
        self.assertNotEqual(Noted(("a",)), Noticed("a"))

    def test_reasons(self) -> None:
        """Viewers get the plain reason, operators the cause as well."""
        both = Ended("/secret.mkv: No such file", fault=True, plain="the input could not be read")
        self.assertEqual(
            (both.sentence, both.detail),
            ("the input could not be read", "/secret.mkv: No such file"),
        )
        one = Ended("the end of the input", fault=False)
        self.assertEqual((one.sentence, one.detail), ("the end of the input", ""))

    def test_printable(self) -> None:
        """What strangers have written cannot steer a terminal."""
        bad = "\x1b[2J"
        shown = printable(bad)
        self.assertNotIn("\x1b", shown)
        self.assertEqual(made_printable(Noticed(bad)), Noticed(shown))
        self.assertEqual(made_printable(Noted((bad,))), Noted((shown,)))
        self.assertEqual(made_printable(Tagged(bad, genre=bad)), Tagged(shown, genre=shown))
        ended = Ended(bad, fault=True, plain="plain")
        self.assertEqual(made_printable(ended), Ended(shown, fault=True, plain="plain"))
        self.assertEqual(made_printable(Opened()), Opened())
