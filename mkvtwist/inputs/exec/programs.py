"""
The programs of one input, one after the other (I{reactor}).
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from mkvtwist.config.input import Input
from mkvtwist.inputs.exec.error_lines import LineBudget, shown
from mkvtwist.inputs.exec.program import Program


class Programs:
    """
    Starts the programs of an input, and logs what they say.

    A program starts when the one before it with the same command has ended entirely: it may need
    the same camera, or the same port.
    """

    def __init__(self, reactor: Any, log: Logger, make: Callable[..., Program] = Program) -> None:
        """
        @param log: the stream's.
        @param make: makes a program.
        """
        self._reactor = reactor
        self._log = log
        self._make = make
        self._budget = LineBudget(reactor.seconds)
        self._programs: list[Program] = []  # in the order of their starts, past and future
        self._none_left: list[Deferred[None]] = []

    def run(self, source: Input) -> Program:
        """Return the program of an input; it starts now, or when it is its turn."""
        program = self._make(self._reactor, source.command, on_lines=self._say, on_gone=self._gone)
        self._programs.append(program)
        self._start_next(program)
        return program

    def all_gone(self) -> Deferred[None]:
        """
        @return: fires when every program has ended; programs that run on are not told to end.
        """
        if not self._programs:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._none_left.append(gone)
        return gone

    def _start_next(self, like: Program) -> None:
        """Start the first program of those with the same command."""
        for program in self._programs:
            if program.command == like.command:
                program.start()
                return

    def _gone(self, program: Program) -> None:
        left_out = self._budget.settle()
        if left_out:
            line = "{program}: {number} lines of its standard error are left out"
            self._log.warn(line, program=program.name, number=left_out)
        self._programs.remove(program)
        self._start_next(program)
        if not self._programs:
            waiting, self._none_left = self._none_left, []
            for gone in waiting:
                gone.callback(None)

    def _say(self, program: Program, lines: list[bytes]) -> None:
        for line in lines:
            if self._budget.spend():
                number = self._budget.settle()
                more = f" ({number} lines before it are left out)" if number else ""
                self._log.info(
                    "{program}: {line}{more}", program=program.name, line=shown(line), more=more
                )
