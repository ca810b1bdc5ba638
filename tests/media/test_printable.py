"""Text from strangers, made fit to be shown."""

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.printable import LONGEST_TEXT, printable


class PrintableTests(SynchronousTestCase):
    """What is left of a text."""

    def test_plain(self) -> None:
        """Words of any language, and emoji of several parts, stay as they are."""
        for text in ("", "Grüße", "日本語", "می‌خواهم", "👩‍👩‍👧", "a b"):
            self.assertEqual(printable(text), text)

    def test_controls(self) -> None:
        """Nothing begins a line, colours a terminal or turns the direction of the text."""
        self.assertEqual(printable("a\nb"), "a\\nb")
        self.assertEqual(printable("\x1b[31mred"), "\\x1b[31mred")
        self.assertEqual(printable("a\r\x00\x85\u2028"), "a\\r\\x00\\x85\\u2028")
        self.assertEqual(printable("\u202etxt.exe"), "\\u202etxt.exe")
        for number in range(0x3000):
            self.assertNotRegex(printable(chr(number)), r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066]")

    def test_spaces(self) -> None:
        """Spaces of all kinds are spaces."""
        self.assertEqual(printable("a\u00a0b\u3000c\td"), "a b c d")

    def test_long(self) -> None:
        """A text ends somewhere."""
        self.assertEqual(printable("x" * LONGEST_TEXT), "x" * LONGEST_TEXT)
        self.assertEqual(printable("x" * 10_000_000), "x" * LONGEST_TEXT + "…")
        self.assertEqual(printable("abcd", 3), "abc…")
