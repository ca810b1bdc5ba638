"""
A reader of what a program writes: both run, and end, together (I{reactor}).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from mkvtwist.inputs.exec.programs import Programs
from mkvtwist.inputs.reader_thread import ReaderTask, RunningReader, StartReader
from mkvtwist.inputs.sources import source_of
from mkvtwist.libav import Ended, Event


class ProgramReader:
    """
    A L{RunningReader<mkvtwist.inputs.reader_thread.RunningReader>}, wherever the media is read.

    The reader's end is held back until the program's is known, which may be the cause.
    """

    def __init__(
        self,
        start_reader: StartReader,
        programs: Programs,
        task: ReaderTask,
        on_events: Callable[[], None],
        on_gone: Callable[[], None],
    ) -> None:
        """
        @param start_reader: starts the reader itself.
        @param programs: runs the program.
        """
        self._on_events = on_events
        self._program = programs.run(task.source)
        self._explained: list[Event] = []
        task = replace(task, media=self._program.output)
        self._reader = start_reader(task, on_events, on_gone)

    def go(self) -> None:
        """Let the reader read on."""
        self._reader.go()

    def stop(self) -> None:
        """Have both end."""
        self._reader.stop()
        self._program.end()

    def take(self) -> list[Event]:
        """Return everything that the reader has made; its end only when it has been explained."""
        events = self._reader.take()
        if events and isinstance(events[-1], Ended):
            self._program.explain(partial(self._explain, events[-1]))
            del events[-1]
        explained, self._explained = self._explained, []
        return [*events, *explained]

    def _explain(self, ended: Ended, fault: str, lines: list[str]) -> None:
        """
        Say how it has ended.

        @param fault: what is wrong with the program's end; empty if nothing is.
        @param lines: the last ones of its standard error.
        """
        said = f"; its last words: {' | '.join(lines)}" if lines else ""
        if fault:
            ended = Ended(fault + said, fault=True, plain="the program that sends it has failed")
        elif ended.fault:
            ended = replace(ended, reason=ended.reason + said, plain=ended.sentence)
        self._explained.append(ended)
        self._on_events()


def with_programs(start_reader: StartReader, programs: Programs) -> StartReader:
    """Return a function that starts readers, and a program for each input that is one."""

    def start(
        task: ReaderTask, on_events: Callable[[], None], on_gone: Callable[[], None]
    ) -> RunningReader:
        if not source_of(task.source).runs:
            return start_reader(task, on_events, on_gone)
        return ProgramReader(start_reader, programs, task, on_events, on_gone)

    return start
