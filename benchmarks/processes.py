"""Child processes that certainly end."""

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

_PATIENCE = 5
"""Seconds between asking a child to end and killing it."""


class BenchmarkError(Exception):
    """A measurement could not be made: the message says which and why."""


class Child:
    """
    One child process, ended when the C{with} block is left.

    Its output goes to a file, so that it never blocks; C{said} searches it.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        cwd: Path | None = None,
        stdin: IO[bytes] | int | None = subprocess.DEVNULL,
        stdout: IO[bytes] | int | None = None,
        unprivileged: bool = False,
    ) -> None:
        """
        Start it.

        @param stdout: where its standard output goes, if not to the log.
        @param unprivileged: as root, run it as C{nobody}: some servers insist.
        """
        self.command = [str(word) for word in command]
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=cwd,
                stdin=stdin,
                stdout=output if stdout is None else stdout,
                stderr=output,
                user="nobody" if unprivileged and os.geteuid() == 0 else None,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """End it and whatever it has started, and wait until it has gone."""
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._signal(signal.SIGKILL)
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)  # it leads a group of its own

    @property
    def input(self) -> IO[bytes]:
        """
        Its standard input.

        @raise BenchmarkError: it was not started with a pipe there.
        """
        if self.process.stdin is None:
            raise BenchmarkError(f"{self.command[0]} has no pipe for its input")
        return self.process.stdin

    def tail(self, lines: int = 15) -> str:
        """The end of what it has said: for messages about its failure."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def said(self, pattern: str, seconds: float) -> re.Match[str]:
        """
        Wait until its output matches.

        @raise BenchmarkError: it ended, or said nothing of the kind in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            ended = self.process.poll() is not None
            if match := re.search(pattern, self._log.read_text(errors="replace")):
                return match
            if ended or time.monotonic() > deadline:
                what = "ended" if ended else f"did not say {pattern!r} in {seconds} s"
                raise BenchmarkError(f"{' '.join(self.command)}: {what}\n{self.tail()}")
            time.sleep(0.05)

    def check(self) -> None:
        """@raise BenchmarkError: it is not running any more."""
        if self.process.poll() is not None:
            raise BenchmarkError(
                f"{' '.join(self.command)}: ended with {self.process.returncode}\n{self.tail()}"
            )


class Sink(Child):
    """The sink (C{sink.c} says what it understands and answers)."""

    def __init__(self, command: Sequence[str | Path], log: Path) -> None:
        super().__init__(command, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._input: IO[bytes] = self.process.stdin  # type: ignore[assignment]  # a pipe
        self._output: IO[bytes] = self.process.stdout  # type: ignore[assignment]  # likewise
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.event("ready", 30)

    def _read(self) -> None:
        with suppress(ValueError):  # closed while we read: the end
            for line in self._output:
                self._events.put(json.loads(line))
        self._events.put(None)

    def tell(self, command: str) -> None:
        """Give it one command."""
        try:
            self._input.write(command.encode() + b"\n")
            self._input.flush()
        except OSError:
            self.check()
            raise

    def event(self, name: str, seconds: float) -> dict[str, Any]:
        """
        Wait for one kind of event, dropping others.

        @raise BenchmarkError: it ended first.
        @raise TimeoutError: it did not come.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self._events.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"the sink did not say {name!r} in {seconds} s") from None
            if event is None:
                raise BenchmarkError(f"the sink ended:\n{self.tail()}")
            if event["event"] == name:
                return event
