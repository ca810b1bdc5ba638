"""Programs: started, read, ended with all of their processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mkvtwist.inputs.exec.pipe_reader import CHUNK
from mkvtwist.inputs.exec.program import Patience, Program, environment, start_process
from mkvtwist.libav.pipe import PIPE_LIMIT, Pipe

PYTHON = (sys.executable, "-I", "-S", "-c")
NAME = os.path.basename(sys.executable)

LONG = Patience(closing=60, grace=60, abandoned=60)
"""Seconds; never waited for unless something is broken."""

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True)"
"""A program that ignores SIGTERM, and says so when it does."""


def everything(pipe: Pipe) -> bytes:
    """Return all bytes up to the end (I{thread})."""
    return b"".join(iter(lambda: pipe.read(1 << 20), b""))


class ProgramTestCase(TestCase):
    """A program of the real reactor."""

    timeout = 60

    def setUp(self) -> None:
        """A pipe, which each process of the program inherits, tells whether there is one."""
        self.lines: list[bytes] = []
        self.gone: Deferred[None] = Deferred()
        self.alive, held = os.pipe()
        os.set_blocking(self.alive, False)
        self.addCleanup(os.close, self.alive)
        self._held: int | None = held

    def start_process(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a process as the server does, with one more descriptor."""
        assert self._held is not None
        os.set_inheritable(self._held, True)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=[self._held],
            start_new_session=True,
        )
        os.close(self._held)
        self._held = None
        return self.process

    @property
    def has_processes(self) -> bool:
        """Whether any process of the program runs."""
        try:
            return os.read(self.alive, 1) != b""
        except BlockingIOError:
            return True

    def make(self, *command: str, **manner: Any) -> Program:
        """A program that has not been started."""
        program = Program(
            reactor,
            command,
            on_lines=lambda _, lines: self.lines.extend(lines),
            on_gone=lambda _: self.gone.callback(None),
            **{"start": self.start_process, "patience": LONG, **manner},
        )
        self.addCleanup(self.finish, program)
        return program

    def start(self, code: str, **manner: Any) -> Program:
        """A program in Python, started."""
        program = self.make(*PYTHON, code, **manner)
        program.start()
        return program

    def finish(self, program: Program) -> Deferred[None]:
        """Have the program end, whatever became of the test."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
        program.end()
        return self.gone

    def explained(self, program: Program) -> Deferred[tuple[str, list[str]]]:
        """Why it has ended."""
        told: Deferred[tuple[str, list[str]]] = Deferred()
        program.explain(lambda fault, lines: told.callback((fault, lines)))
        return told

    def until(self, condition: Callable[[], bool]) -> Deferred[Any]:
        """Fires when this is true."""

        def look() -> None:
            if condition():
                looking.stop()

        looking = LoopingCall(look)
        return looking.start(0.001)


class OutputTests(ProgramTestCase):
    """What a program writes."""

    async def test_output(self) -> None:
        """The reader gets every byte that the program has written, and then the end."""
        program = self.start("import os; [os.write(1, bytes([n]) * 9999) for n in range(99)]")
        output = await deferToThread(everything, program.output)
        self.assertEqual(output, b"".join(bytes([n]) * 9999 for n in range(99)))
        self.assertEqual(await self.explained(program), ("", []))
        await self.gone

    async def test_backpressure(self) -> None:
        """While nobody reads, a program that writes for ever waits; then it goes on."""
        program = self.start(f"import os\nwhile True: os.write(1, bytes({CHUNK}))")
        await self.until(lambda: program.output.total >= PIPE_LIMIT)
        for _ in range(10):
            await self.until(lambda: True)
        self.assertLessEqual(program.output.total, PIPE_LIMIT + CHUNK)
        await deferToThread(lambda: [program.output.read(CHUNK) for _ in range(100)])
        await self.until(lambda: program.output.total >= 2 * PIPE_LIMIT)

    async def test_errors(self) -> None:
        """Lines of its standard error arrive, the last ones before its end is explained, too."""
        program = self.start("import sys; print('a\\nb', 'c' * 99, file=sys.stderr)")
        await deferToThread(everything, program.output)
        self.assertEqual(await self.explained(program), ("", ["a", "b " + "c" * 99]))
        self.assertEqual(self.lines, [b"a", b"b " + b"c" * 99])

    async def test_flood(self) -> None:
        """A program that never stops to write errors is read now and then, and can be ended."""
        program = self.start(
            "import os\nos.write(1, b'x')\nwhile True: os.write(2, b'error\\n' * 9999)"
        )
        await self.until(lambda: len(self.lines) > 3 * CHUNK // 6)
        self.assertEqual(set(self.lines), {b"error"})
        fault, lines = await self.explained(program)
        self.assertEqual((fault, lines[0]), ("", "error"))


class EndTests(ProgramTestCase):
    """How a program ends."""

    async def read(self, program: Program) -> tuple[str, list[str]]:
        """Read its output to the end; return why it has ended."""
        await deferToThread(everything, program.output)
        return await self.explained(program)

    async def test_status(self) -> None:
        """A status that is not 0 is a fault."""
        program = self.start("import sys; print('no camera', file=sys.stderr); sys.exit(3)")
        self.assertEqual(await self.read(program), (f"{NAME} ended with status 3", ["no camera"]))

    async def test_signal(self) -> None:
        """The signal that a program ended by is named."""
        program = self.start("import os; os.kill(os.getpid(), 11)")
        self.assertEqual(await self.read(program), (f"{NAME} was ended by signal SIGSEGV", []))

    async def test_real_time_signal(self) -> None:
        """A signal without a name has its number."""
        program = self.start("import os; os.kill(os.getpid(), 40)")
        self.assertEqual(await self.read(program), (f"{NAME} was ended by signal 40", []))

    async def test_not_there(self) -> None:
        """A program that does not exist is one that has ended at once."""
        program = self.make("/no/such/program", start=start_process)
        program.start()
        fault, _ = await self.read(program)
        self.assertEqual(fault, "'/no/such/program' cannot be started: No such file or directory")
        await self.gone

    async def test_impossible_word(self) -> None:
        """A word that no program can be given ends nothing but the program."""
        program = self.make(*PYTHON, "\0", start=start_process)
        program.start()
        fault, _ = await self.read(program)
        self.assertIn("cannot be started", fault)

    async def test_whole_group(self) -> None:
        """With a program end the processes that it has started, and that outlive it."""
        program = self.start("import os, time\nos.fork()\nos.write(1, b'x')\ntime.sleep(1000)")
        await self.until(lambda: program.output.total == 2)
        self.assertTrue(self.has_processes)
        program.end()
        await self.gone
        self.assertFalse(self.has_processes)

    async def test_stubborn(self) -> None:
        """A group that ignores SIGTERM is killed."""
        program = self.start(f"{STUBBORN}; time.sleep(1000)", patience=replace(LONG, grace=0.01))
        await self.until(lambda: program.output.total > 0)
        program.end()
        program.end()
        await self.gone
        self.assertFalse(self.has_processes)

    async def test_politely(self) -> None:
        """A program that is ended may write the rest, and finish its files."""
        program = self.start(
            "import os, signal, sys, time\n"
            "def stop(*_):\n"
            "    os.write(1, bytes(1 << 18))\n"
            "    print('finished', file=sys.stderr)\n"
            "    os._exit(0)\n"
            "signal.signal(signal.SIGTERM, stop)\n"
            "os.write(1, b'x')\n"
            "time.sleep(1000)"
        )
        await self.until(lambda: program.output.total > 0)
        self.assertEqual(await self.explained(program), ("", ["finished"]))
        await self.gone

    async def test_reader_gave_up(self) -> None:
        """A program whose output goes on is ended when its end is to be explained: no fault."""
        program = self.start("import os\nwhile True: os.write(1, b'noise')")
        await self.until(lambda: program.output.total > 0)
        self.assertEqual(await self.explained(program), ("", []))
        await self.gone
        self.assertFalse(self.has_processes)

    async def test_closes_its_output(self) -> None:
        """A program that has closed its output, and stays, is ended."""
        program = self.start(
            "import os, time; os.close(1); time.sleep(1000)", patience=replace(LONG, closing=0.01)
        )
        self.assertEqual(await self.read(program), ("", []))
        await self.gone

    async def test_leader_leaves(self) -> None:
        """A program may leave its output to a process that it has started."""
        program = self.start(
            "import os, time\n"
            "parent = os.getpid()\n"
            "if not os.fork():\n"
            "    while os.getppid() == parent: time.sleep(0.001)\n"
            "    os.write(1, b'late')\n"
        )
        self.assertEqual(await deferToThread(everything, program.output), b"late")
        self.assertEqual(await self.explained(program), ("", []))

    async def test_errors_after_leader(self) -> None:
        """Errors of a process that outlives the program are read on, so that it need not wait."""
        program = self.start(
            "import os, time\n"
            "parent = os.getpid()\n"
            "os.write(2, b'parent\\n')\n"
            "if not os.fork():\n"
            "    while os.getppid() == parent: time.sleep(0.001)\n"
            f"    os.write(2, b'child\\n' * {CHUNK // 3})\n"
            "    os.write(1, b'late')\n"
        )
        self.assertEqual(await deferToThread(everything, program.output), b"late")
        self.assertIn(b"child", self.lines)

    async def test_before_its_start(self) -> None:
        """A program that is ended before its start is never started."""
        program = self.make("/no/such/program")
        program.end()
        await self.gone
        program.start()
        self.assertEqual(program.output.read(1), b"")

    async def test_another_users(self) -> None:
        """A program that may not be ended is left alone after a while."""

        def refuse(*_: int) -> None:
            raise PermissionError

        program = self.start(
            "import os, time; os.write(1, b'x'); time.sleep(1000)",
            kill_group=refuse,
            patience=replace(LONG, abandoned=0.01),
        )
        await self.until(lambda: program.output.total > 0)
        self.assertEqual(await self.explained(program), ("", []))
        await self.gone
        self.assertTrue(self.has_processes)
        self.process.kill()


class SurroundingsTests(ProgramTestCase):
    """What a program finds when it starts."""

    async def output(self, *command: str) -> bytes:
        """What a program writes that is started as the server starts it."""
        program = self.make(*command, start=start_process)
        program.start()
        return await deferToThread(everything, program.output)

    async def test_session(self) -> None:
        """A program leads a session and a group of its own."""
        code = "import os; print(os.getsid(0) == os.getpid() == os.getpgrp())"
        self.assertEqual(await self.output(*PYTHON, code), b"True\n")

    async def test_descriptors(self) -> None:
        """A program has its three descriptors and none of the server's; it reads nothing."""
        inheritable = os.dup(2)
        self.addCleanup(os.close, inheritable)
        os.set_inheritable(inheritable, True)
        code = "import os; print(os.listdir('/proc/self/fd')[:-1], os.read(0, 1))"
        self.assertEqual(await self.output(*PYTHON, code), b"['0', '1', '2'] b''\n")

    async def test_signals(self) -> None:
        """Signals that the server ignores or blocks are not for the program."""
        ignored = await self.output("grep", "-E", "Sig(Ign|Blk)", "/proc/self/status")
        self.assertEqual(
            ignored.split(), [b"SigBlk:", b"0" * 16, b"SigIgn:", b"0" * 16], "SIGPIPE included"
        )

    async def test_no_shell(self) -> None:
        """Words are the program's as they are."""
        self.assertEqual(await self.output("echo", "$HOME", "*", ";"), b"$HOME * ;\n")

    def test_environment(self) -> None:
        """What systemd says to the server is not said to programs."""
        own = {"PATH": "/bin", "NOTIFY_SOCKET": "/x", "LISTEN_FDS": "3", "WATCHDOG_USEC": "1"}
        self.assertEqual(environment(own), {"PATH": "/bin"})
