"""The programs of one input: their order, and what is logged of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import parse_input
from mkvtwist.inputs.exec.error_lines import LINES_AT_ONCE
from mkvtwist.inputs.exec.programs import Programs
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.testing import Reactor
from tests.support.fakes import Log

CAMERA = parse_input("input", "exec:camera --port 1")
OTHER = parse_input("input", "exec:camera --port 2")


class FakeProgram:
    """
    A program that a test ends.

    @ivar starts: how many times it was asked to start.
    """

    def __init__(
        self,
        _: Any,
        command: Sequence[str],
        *,
        on_lines: Callable[[Any, list[bytes]], None],
        on_gone: Callable[[Any], None],
    ) -> None:
        self.command = command
        self.name = command[0]
        self.starts = 0
        self._on_lines = on_lines
        self._on_gone = on_gone

    def start(self) -> None:
        """Start."""
        self.starts += 1

    def say(self, *lines: bytes) -> None:
        """Write these lines to its standard error."""
        self._on_lines(self, list(lines))

    def go(self) -> None:
        """End, with all of its processes."""
        self._on_gone(self)


class ProgramsTests(SynchronousTestCase):
    """L{Programs}."""

    def setUp(self) -> None:
        """No program runs."""
        self.log = Log(self)
        self.reactor = Reactor()
        made: Any = FakeProgram
        self.programs = Programs(self.reactor, StreamLog("cam", "test"), made)

    def run_(self, source: Any = CAMERA) -> FakeProgram:
        """Another program."""
        program: Any = self.programs.run(source)
        assert isinstance(program, FakeProgram)
        return program

    def test_order(self) -> None:
        """A program starts when those before it with the same command have ended."""
        first, other, second, third = self.run_(), self.run_(OTHER), self.run_(), self.run_()
        self.assertEqual([p.starts > 0 for p in (first, other, second)], [True, True, False])
        other.go()
        self.assertFalse(second.starts)
        first.go()
        self.assertTrue(second.starts)
        self.assertFalse(third.starts)
        third.go()  # it was not wanted any more
        second.go()
        self.assertFalse(third.starts)
        self.assertTrue(self.run_().starts)

    def test_all_gone(self) -> None:
        """The end of all of them is awaited."""
        self.successResultOf(self.programs.all_gone())
        first, second = self.run_(), self.run_()
        waiting = self.programs.all_gone()
        first.go()
        self.assertNoResult(waiting)
        second.go()
        self.successResultOf(waiting)

    def test_log(self) -> None:
        """Each line is logged, with the program's name, printable and without passwords."""
        program = self.run_()
        program.say(b"opening rtsp://me:s3cret@host/", b"\x1b[31mno signal")
        self.assertEqual(
            self.log.lines,
            [
                "stream cam: camera: opening rtsp://me:***@host/",
                "stream cam: camera: \\x1b[31mno signal",
            ],
        )

    def test_flood(self) -> None:
        """Of a flood of lines the first are logged, then one a second, and how many are not."""
        program = self.run_()
        program.say(*[b"noise"] * 1000)
        self.assertEqual(len(self.log.lines), LINES_AT_ONCE)
        self.reactor.advance(1)
        program.say(b"more", b"and more")
        left_out = 1000 - LINES_AT_ONCE
        self.assertEqual(
            self.log.lines[LINES_AT_ONCE:],
            [f"stream cam: camera: more ({left_out} lines before it are left out)"],
        )
        program.go()
        self.assertEqual(
            self.log.lines[-1],
            "stream cam: camera: 1 lines of its standard error are left out",
        )
