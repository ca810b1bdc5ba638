"""A reader and its program, which run and end together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Input, parse_input
from mkvtwist.inputs.exec.program_reader import with_programs
from mkvtwist.inputs.reader_thread import ReaderTask, RunningReader
from mkvtwist.libav import Ended, Event, Pace
from mkvtwist.libav.pipe import Pipe
from mkvtwist.media.timeline import Timeline
from mkvtwist.testing import END, FakeReaders, footage, header


class FakeProgram:
    """
    A program whose end a test explains.

    @ivar is_ended: whether it has been told to end.
    """

    def __init__(self) -> None:
        self.output = Pipe(lambda: None)
        self.is_ended = False
        self.tell: Callable[[str, list[str]], None] | None = None

    def explain(self, tell: Callable[[str, list[str]], None]) -> None:
        """Note that the end is to be explained."""
        self.tell = tell

    def end(self) -> None:
        """Note that it is to end."""
        self.is_ended = True


class FakePrograms(list[FakeProgram]):
    """Programs that do nothing."""

    def run(self, _: Input) -> FakeProgram:
        """Return another one."""
        self.append(FakeProgram())
        return self[-1]


class ProgramReaderTests(SynchronousTestCase):
    """L{with_programs}."""

    def setUp(self) -> None:
        """Nothing runs."""
        self.calls: list[str] = []
        self.readers = FakeReaders()
        self.programs = FakePrograms()

    def start(self, text: str = "exec:camera -o -") -> RunningReader:
        """A reader of this input."""
        task = ReaderTask("cam", parse_input("input", text), None, Timeline(), Pace(0.0, 0.0))
        programs: Any = self.programs
        start = with_programs(self.readers, programs)
        return start(task, lambda: self.calls.append("events"), lambda: self.calls.append("gone"))

    def end_of(self, ended: Ended, fault: str = "", *lines: str) -> Ended:
        """What becomes of a reader's end with this end of its program."""
        reader = self.start()
        self.readers[-1].emit(ended)
        self.assertEqual(reader.take(), [], "not before the program's is known")
        self.calls.clear()
        tell = self.programs[-1].tell
        assert tell is not None
        tell(fault, list(lines))
        self.assertEqual(self.calls, ["events"])
        (event,) = reader.take()
        assert isinstance(event, Ended)
        self.assertEqual(reader.take(), [])
        return event

    def test_others(self) -> None:
        """Inputs that are no programs are read as they were."""
        self.start("film.mkv")
        self.assertEqual(self.programs, [])
        self.assertIsNone(self.readers[0].media)

    def test_events(self) -> None:
        """What the reader makes of the program's output is passed on."""
        reader = self.start()
        self.assertIs(self.readers[0].media, self.programs[0].output)
        made: list[Event] = [header(), *footage(0, 1)]
        self.readers[0].emit(*made)
        self.assertEqual(reader.take(), made)
        reader.go()
        self.assertEqual(self.calls, ["events"])

    def test_end(self) -> None:
        """The end of a program that has done well is the end of the input."""
        self.assertEqual(self.end_of(END, "", "bye"), END)

    def test_fault(self) -> None:
        """A program's fault is the reason, and its last lines are the detail's."""
        ended = self.end_of(END, "camera ended with status 1", "busy", "giving up")
        self.assertTrue(ended.fault)
        self.assertEqual(ended.sentence, "the program that sends it has failed")
        self.assertEqual(
            ended.detail, "camera ended with status 1; its last words: busy | giving up"
        )
        self.assertEqual(
            self.end_of(END, "camera ended with status 1").detail, "camera ended with status 1"
        )

    def test_unreadable(self) -> None:
        """The fault of what a program has written comes with its last lines."""
        ended = self.end_of(
            Ended("no media (0xDEAD)", fault=True, plain="no media that can be read"), "", "hello"
        )
        self.assertEqual(ended.sentence, "no media that can be read")
        self.assertEqual(ended.detail, "no media (0xDEAD); its last words: hello")

    def test_stop(self) -> None:
        """Reader and program are stopped together."""
        reader = self.start()
        reader.stop()
        self.assertTrue(self.readers[0].stopped)
        self.assertTrue(self.programs[0].is_ended)
