"""The lines of a program's standard error, and how many of them are logged."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.exec.error_lines import (
    KEPT,
    LINE_LIMIT,
    LINES_AT_ONCE,
    ErrorLines,
    LineBudget,
    shown,
)


class ErrorLinesTests(SynchronousTestCase):
    """L{ErrorLines}."""

    def test_lines(self) -> None:
        """Lines are those that end; empty ones are left out."""
        errors = ErrorLines()
        self.assertEqual(errors.feed(b"one\n\ntw"), [b"one"])
        self.assertEqual(errors.feed(b"o\r\nthree"), [b"two"])
        self.assertEqual(errors.last, ["one", "two", "three"])

    def test_progress(self) -> None:
        """Text that is overwritten on a terminal is no line; what stands at its end is."""
        errors = ErrorLines()
        self.assertEqual(errors.feed(b"frame=1\rframe=2\rframe=3\r"), [])
        self.assertEqual(errors.feed(b"frame=4\rerror\n"), [b"error"])
        self.assertEqual(errors.last, ["error"])

    def test_last(self) -> None:
        """The last lines are kept, each up to a length, made printable, without passwords."""
        errors = ErrorLines()
        errors.feed(b"".join(b"line %d\n" % number for number in range(100)))
        self.assertEqual(errors.last, [f"line {number}" for number in range(100 - KEPT, 100)])
        errors.feed(b"\x1b[31mrtsp://me:s3cret@cam/live\xff " + b"x" * 1000 + b"\n")
        last = errors.last[-1]
        self.assertIn("rtsp://me:***@cam/live\ufffd xxx", last)
        self.assertTrue(last.isprintable())
        self.assertLess(len(last), 200)

    def test_bound(self) -> None:
        """A line without an end takes no more memory than a bounded one."""
        errors = ErrorLines()
        for _ in range(100):
            self.assertEqual(errors.feed(b"x" * LINE_LIMIT), [])
        (line,) = errors.feed(b"\n")
        self.assertEqual(line, b"x" * LINE_LIMIT)

    @given(st.lists(st.sampled_from([b"a", b"b ", b"\n", b"\r\n", b" "]), max_size=30), st.data())
    @settings(max_examples=200)
    def test_any_split(self, parts: list[bytes], data: st.DataObject) -> None:
        """Lines are the same however their bytes arrive."""
        text = b"".join(parts)
        cut = data.draw(st.integers(0, len(text)))
        whole, halves = ErrorLines(), ErrorLines()
        self.assertEqual(
            whole.feed(text), [*halves.feed(text[:cut]), *halves.feed(text[cut:])], (text, cut)
        )
        self.assertEqual(whole.last, halves.last)

    def test_password(self) -> None:
        """The password of a URL is masked, pointers are left out, and nothing else."""
        for line, expected in (
            (b"from 'rtsp://me:s3cret@cam/live':", "from 'rtsp://me:***@cam/live':"),
            (b"[nut @ 0x55d5dcbec500] no time @ 0x12", "[nut] no time @ 0x12"),
            (b"http://host:8080/a@b and me:you@there", "http://host:8080/a@b and me:you@there"),
        ):
            self.assertEqual(shown(line), expected)


class LineBudgetTests(SynchronousTestCase):
    """L{LineBudget}."""

    def test_flood(self) -> None:
        """Some lines are logged at once, then one a second; the others are counted."""
        clock = Clock()
        budget = LineBudget(clock.seconds)
        self.assertEqual(sum(budget.spend() for _ in range(1000)), LINES_AT_ONCE)
        self.assertEqual(budget.settle(), 1000 - LINES_AT_ONCE)
        self.assertEqual(budget.settle(), 0)
        clock.advance(3)
        self.assertEqual(sum(budget.spend() for _ in range(1000)), 3)
        clock.advance(1e6)
        self.assertEqual(sum(budget.spend() for _ in range(1000)), LINES_AT_ONCE)
