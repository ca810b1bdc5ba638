"""
A program whose standard output is media (I{reactor}; a thread waits for the program's exit).

::

    program --- standard output --> PipeReader ---> Pipe ---> reader
       |------- standard error ---> PipeReader ---> the log
       '------- exit -------------> the reason of the end

 1. The program leads a session and a process group of its own. The group is ended as a whole: by
    SIGTERM, and by SIGKILL some time later.
 2. As long as the reader is busy, nothing is read from the program: it waits in C{write}.
 3. A program that cannot be started is one that has ended without a byte.
 4. Its standard output is a pipe: programs that write to C{/dev/stdout} could not open a socket.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mkvtwist.inputs.exec.error_lines import ErrorLines
from mkvtwist.inputs.exec.pipe_reader import PipeReader
from mkvtwist.inputs.signal_names import signal_name
from mkvtwist.libav.pipe import Pipe

ERRORS_INTERVAL = 0.1
"""
Seconds between two reads of standard error, of 64 KiB at most: a program that says more waits, and
the server does not work for it.
"""

LOOK_INTERVAL = 0.05
"""Seconds between two looks whether a process group has ended: the next start may wait for it."""

_PRIVATE = ("NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "CREDENTIALS_DIRECTORY")
"""Beginnings of the variables that systemd sets for the server alone."""


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program: the server's, without what is the server's alone."""
    return {name: value for name, value in own.items() if not name.startswith(_PRIVATE)}


def start_process(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """
    Start a program in a session of its own, with the default actions of signals, without a shell.

    @raise OSError: when it cannot be started.
    @raise ValueError: for a word that no program can be given.
    """
    return subprocess.Popen(  # noqa: S603 - the operator's command
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=environment(os.environ),
        start_new_session=True,
    )


@dataclass(frozen=True, slots=True)
class Patience:
    """
    How long a program may take to end, in seconds.

    @ivar closing: after its output has ended, until SIGTERM.
    @ivar grace: from SIGTERM to SIGKILL: an encoder finishes its files, a camera is released.
    @ivar abandoned: from SIGTERM until it is left alone: then it has another user's rights.
    """

    closing: float = 1.0
    grace: float = 2.0
    abandoned: float = 4.0


class Program:
    """
    A program, from before its start until the last of its processes has ended.

    @ivar command: the program and its arguments.
    @ivar name: the program's name, for the log.
    @ivar output: the bytes that it writes.
    """

    def __init__(
        self,
        reactor: Any,
        command: Sequence[str],
        *,
        on_lines: Callable[["Program", list[bytes]], None],
        on_gone: Callable[["Program"], None],
        start: Callable[[Sequence[str]], "subprocess.Popen[bytes]"] = start_process,
        kill_group: Callable[[int, int], None] = os.killpg,
        patience: Patience = Patience(),
    ) -> None:
        """
        @param on_lines: called with lines of its standard error.
        @param on_gone: called once, after L{end}, when none of its processes is left.
        @param start: starts a process.
        @param kill_group: sends a process group a signal.
        @param patience: how long it may take to end.
        """
        self.command = command
        self.name = os.path.basename(command[0])
        self.output = Pipe(lambda: reactor.callFromThread(self._read_on))
        self._reactor = reactor
        self._on_lines = on_lines
        self._on_gone = on_gone
        self._start = start
        self._kill_group = kill_group
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: list[PipeReader] = []  # of its output, and of its errors
        self._errors = ErrorLines()
        self._fault: str | None = None  # L{None} while it runs, empty if all was well
        self._tell: Callable[[str, list[str]], None] | None = None
        self._ends_since: float | None = None
        self._is_gone = False
        self._call: Any = None

    def start(self) -> None:
        """Start the program, unless it has been started, or is not wanted any more."""
        if self._process is not None or self._fault is not None or self._ends_since is not None:
            return
        try:
            process = self._start(self.command)
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or str(error)
            self._fault = f"{self.command[0]!r} cannot be started: {problem}"
            self.output.close()
            return
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._pipes = [
            PipeReader(self._reactor, process.stdout, self._bring, self.output.close),
            PipeReader(self._reactor, process.stderr, self._read_lines, rest=ERRORS_INTERVAL),
        ]
        threading.Thread(
            target=self._wait, args=[process], name=f"program {self.name}", daemon=True
        ).start()

    def explain(self, tell: Callable[[str, list[str]], None]) -> None:
        """
        Tell why the program has ended, and end the rest of it. One whose output has not ended is
        ended now, and is not to blame.

        @param tell: called once, later, with a sentence that is empty if nothing is wrong, and with
            the last lines of the standard error.
        """
        self._tell = tell
        if self._fault is not None:
            self._reactor.callLater(0, self._explain)
        elif self._pipes and self._pipes[0].is_closed:
            self._call = self._reactor.callLater(self._patience.closing, self.end)
        else:
            self.end()

    def end(self) -> None:
        """End the program, in any state: nothing more is wanted of it."""
        if self._ends_since is not None:
            return
        self._ends_since = self._reactor.seconds()
        self.output.cancel()
        if self._process is None:
            self._finish()
            return
        self._pipes[0].resume()  # what it still writes is thrown away
        self._signal(signal.SIGTERM)
        self._look()

    # what it writes

    def _bring(self, data: bytes) -> None:
        if not self.output.write(data):
            self._pipes[0].stopReading()

    def _read_on(self) -> None:
        self._pipes[0].resume()

    def _read_lines(self, data: bytes) -> None:
        lines = self._errors.feed(data)
        if lines:
            self._on_lines(self, lines)

    # the end

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait for the exit of the group's leader (I{thread})."""
        self._reactor.callFromThread(self._exited, process.wait())

    def _exited(self, status: int) -> None:
        if self._is_gone:
            return
        self._pipes[1].drain()
        self._fault = "" if self._ends_since is not None else self._describe(status)
        self._explain()
        if self._ends_since is not None and not self._is_gone:
            self._look()

    def _describe(self, status: int) -> str:
        if status < 0:
            return f"{self.name} was ended by signal {signal_name(-status)}"
        return f"{self.name} ended with status {status}" if status else ""

    def _explain(self) -> None:
        """Answer L{explain}, if that has been asked; then nothing more is wanted."""
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(self._fault or "", self._errors.last)
            self.end()

    def _look(self) -> None:
        """Finish if the group has ended; else use force when it is time, and look again."""
        self._cancel_call()
        assert self._ends_since is not None
        age = self._reactor.seconds() - self._ends_since
        is_over = self._fault is not None and not self._has_processes()
        if is_over or age >= self._patience.abandoned:
            self._finish()
            return
        if age >= self._patience.grace:
            self._signal(signal.SIGKILL)
        self._call = self._reactor.callLater(LOOK_INTERVAL, self._look)

    def _has_processes(self) -> bool:
        """
        Return whether the group has processes; its leader has been waited for.

        The group's number is not given to another one meanwhile: it is looked at too often.
        """
        assert self._process is not None
        with suppress(ChildProcessError):
            # The server may be the init of a container, and inherit those whose parent has ended.
            while os.waitpid(-self._process.pid, os.WNOHANG)[0]:
                pass
        return self._signal(0)

    def _signal(self, number: int) -> bool:
        """Send the group a signal; return whether there is such a group."""
        assert self._process is not None
        try:
            self._kill_group(self._process.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # all of it has another user's rights
            pass
        return True

    def _finish(self) -> None:
        self._is_gone = True
        self._cancel_call()
        for pipe in self._pipes:
            pipe.close()
        self._explain()
        self._on_gone(self)

    def _cancel_call(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
