"""What becomes of a reader in a process of its own when that process, or another one, ends."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mkvtwist.inputs.isolated import IsolatedReader
from mkvtwist.inputs.isolated_still import isolated_still
from mkvtwist.inputs.workers import WorkerOwner, Workers, start_zygote
from mkvtwist.libav import Ended, Noticed, Opened
from mkvtwist.libav.confinement import Kernel
from mkvtwist.libav.pipe import PIPE_LIMIT, Pipe
from mkvtwist.libav.still import NoStill, jpeg
from mkvtwist.libav.wire import Confined, Go, Logged, Message, Progress, Timing, encode
from mkvtwist.media.timeline import Timeline
from mkvtwist.testing import END, Reactor, footage, header
from tests.inputs.test_reader_thread import Owner, packets, task
from tests.support import media
from tests.support.fakes import Log

PR_SET_CHILD_SUBREAPER = 36
"""Of C{linux/prctl.h}: orphans become children of this process, as of the first one."""


def is_running(pid: int) -> bool:
    """Whether there is such a process, and more of it than its exit status."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def is_there(pid: int) -> bool:
    """Whether there is such a process, or its exit status."""
    return Path(f"/proc/{pid}").exists()


def environment_of(pid: int) -> bytes:
    """The variables with which a process was started."""
    return Path(f"/proc/{pid}/environ").read_bytes()


def descriptors_of(pid: int) -> list[str]:
    """What is at the descriptors of a process."""
    return sorted(os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir())


class CrashTests(TestCase):
    """Ends of processes, by force."""

    timeout = 60

    def setUp(self) -> None:
        """Have workers of the test's own."""
        self.log = Log(self)
        self.workers = Workers(reactor)
        self.workers.startService()
        self.addCleanup(self.workers.stopService)
        self.timeline = Timeline()

    async def running(self, text: str = "demo:", pipe: Pipe | None = None) -> Owner:
        """A reader that brings packets."""
        start = partial(IsolatedReader, self.workers)
        owner = Owner(start, task(text, pipe, self.timeline))
        await owner.until(lambda made: bool(packets(made)))
        return owner

    async def ended(self, owner: Owner) -> Ended:
        """How the reader ends."""
        *_, ended = await owner.end()
        assert isinstance(ended, Ended)
        return ended

    async def test_crash(self) -> None:
        """A crash ends this reader only, with the signal's name; the process is waited for."""
        owner, other = await self.running(), await self.running()
        pid, _ = self.workers.pids
        os.kill(pid, signal.SIGSEGV)
        ended = await self.ended(owner)
        self.assertEqual(ended.reason, "its process was ended by signal SIGSEGV")
        self.assertTrue(ended.fault)
        self.assertTrue(ended.crashed)
        self.assertFalse(is_running(pid))
        await other.until(lambda made: bool(packets(made)))
        other.reader.stop()
        await other.gone()

    async def test_sessions(self) -> None:
        """Each process has a session of its own, by which kernels share a busy processor."""
        owners = await self.running(), await self.running()
        zygote = self.workers.zygote_pid
        assert zygote is not None
        sessions = {os.getsid(pid) for pid in (os.getpid(), zygote, *self.workers.pids)}
        self.assertEqual(len(sessions), 4)
        for owner in owners:
            owner.reader.stop()
            await owner.gone()

    async def test_timeline(self) -> None:
        """After a crash the timeline is where the packets are that have come."""
        owner = await self.running()
        os.kill(self.workers.pids[0], signal.SIGKILL)
        made = await owner.end()
        before = self.timeline.edge
        self.assertGreaterEqual(before, max([p.end for p in packets(made)], default=0))
        again = await self.running()
        made = await again.until(lambda made: bool(packets(made)))
        self.assertGreaterEqual(min(packet.dts for packet in packets(made)), before - 100_000)
        again.reader.stop()
        await again.gone()

    async def test_stopped_process(self) -> None:
        """A process that does not hear that it is to stop is ended by force."""
        owner = await self.running()
        (pid,) = self.workers.pids
        os.kill(pid, signal.SIGSTOP)
        owner.reader.stop()
        await owner.gone()
        self.assertFalse(is_running(pid))

    async def test_zygote(self) -> None:
        """If the zygote is killed, its workers end with it, and the next has another one."""
        owner, other = await self.running(), await self.running()
        pids, zygote = self.workers.pids, self.workers.zygote_pid
        assert zygote is not None
        os.kill(zygote, signal.SIGKILL)
        for each in (owner, other):
            ended = await self.ended(each)
            self.assertTrue(ended.crashed)
            self.assertIn("forked from has ended", ended.reason)
        self.assertTrue(self.log.about("the process that starts the readers of inputs has ended"))
        again = await self.running()
        self.assertNotEqual(self.workers.zygote_pid, zygote)
        again.reader.stop()
        await again.gone()
        while any(map(is_running, pids)):
            await _turn()

    async def test_secrets(self) -> None:
        """A worker has no variables of the environment that may hold a secret."""
        environ = {**os.environ, "STUDIO_PASSWORD": "secret", "LC_ALL": "C"}
        workers = Workers(reactor, partial(start_zygote, environ=environ))
        workers.startService()
        self.addCleanup(workers.stopService)
        owner = Owner(partial(IsolatedReader, workers), task("demo:"))
        await owner.until(lambda made: bool(packets(made)))
        (pid,) = workers.pids
        variables = environment_of(pid)
        self.assertNotIn(b"PASSWORD", variables)
        self.assertIn(b"LC_ALL=C", variables)
        owner.reader.stop()
        await owner.gone()

    async def test_descriptors_of_worker(self) -> None:
        """A worker has a socket to its owner, one to its sender, and no other descriptor."""
        clip = media.clip(seconds=2).read_bytes()
        pipe = Pipe(lambda: None)
        pipe.write(clip[: len(clip) // 2])
        owner = await self.running("tcp:1", pipe)
        targets = descriptors_of(self.workers.pids[0])
        sockets = [target for target in targets if target.startswith("socket:")]
        self.assertEqual(targets, ["/dev/null"] * 3 + sockets)
        self.assertEqual(len(sockets), 2)
        owner.reader.stop()
        await owner.gone()

    async def test_stopped_worker(self) -> None:
        """A process that hangs holds up no other one."""
        owner, other = await self.running(), await self.running()
        os.kill(self.workers.pids[0], signal.SIGSTOP)
        await other.until(lambda made: bool(packets(made)))
        for each in (owner, other):
            each.reader.stop()
            await each.gone()

    def test_missing(self) -> None:
        """A kernel that lacks a means is reported once, whatever the number of workers."""
        for _ in range(3):
            self.workers.confined(("Landlock",))
        (line,) = self.log.about("processes of their own")
        self.assertIn("without seccomp", line)
        self.assertEqual(self.workers.confined_by, ("Landlock",))

    def test_confined_by_lies(self) -> None:
        """A process that changes what it says of itself does not fill the log, or forge names."""
        for _ in range(3):
            self.workers.confined(("Landlock", "\x1b[31m"))
            self.workers.confined(("Landlock", "seccomp"))
        self.assertEqual(len(self.log.about("processes of their own")), 1)
        self.assertEqual(self.workers.confined_by, ("Landlock", "seccomp"))

    async def test_inherited(self) -> None:
        """A server that inherits orphans, as the first process of a container, waits for them."""
        kernel = Kernel()
        kernel.prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.addCleanup(kernel.prctl, PR_SET_CHILD_SUBREAPER, 0)
        owner = await self.running()
        (pid,), zygote = self.workers.pids, self.workers.zygote_pid
        assert zygote is not None
        os.kill(zygote, signal.SIGKILL)
        await self.ended(owner)
        while is_there(pid):
            await _turn()

    async def test_no_zygote(self) -> None:
        """If no zygote can be started, that is how each reader ends."""

        def fail(_: int) -> None:
            raise OSError(11, "Resource temporarily unavailable")

        workers = Workers(reactor, fail)  # type: ignore[arg-type]
        owner = Owner(partial(IsolatedReader, workers), task("demo:"))
        ended = await self.ended(owner)
        self.assertIn("no process can be started: Resource temporarily", ended.reason)

    async def test_not_taken(self) -> None:
        """What is not taken stays on its way, and the sender waits; nothing is lost."""
        clip = media.clip(seconds=12, video="mjpeg", size=(1280, 720))
        data = clip.read_bytes()
        room: list[bool] = []
        pipe = Pipe(lambda: room.append(True))
        owner = Owner(partial(IsolatedReader, self.workers), task("tcp:1", pipe))
        sent = 0
        while sent < len(data) and pipe.write(data[sent : sent + 1000]):
            sent += 1000
            await _turn(0)  # the worker takes what it needs to open it, and waits for its turn
        self.assertGreater(sent, PIPE_LIMIT)
        self.assertLess(sent, len(data))
        pipe.write(data[sent + 1000 :])
        pipe.close()
        made = await owner.end()
        self.assertTrue(room)
        self.assertEqual(len(packets(made)), len(media.packets(clip)))

    async def test_descriptors(self) -> None:
        """A hundred readers leave no descriptor, and no process."""
        path = str(media.clip(seconds=1))
        await self.ended(await self.opened(path))
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            owner = await self.opened(path)
            owner.reader.stop()
            await owner.gone()
            await self.ended(await self.opened(path))
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        self.assertEqual(self.workers.pids, [])

    async def opened(self, path: str) -> Owner:
        """A reader of a file."""
        return Owner(partial(IsolatedReader, self.workers), task(path, None, self.timeline))


class ConfinementTests(TestCase):
    """What a worker cannot reach."""

    timeout = 60

    def setUp(self) -> None:
        """Have workers of the test's own, in a kernel that keeps them."""
        self.workers = Workers(reactor)
        self.workers.startService()
        self.addCleanup(self.workers.stopService)

    async def test_confined(self) -> None:
        """The workers say what keeps them."""
        owner = Owner(partial(IsolatedReader, self.workers), task("demo:"))
        await owner.until(lambda made: bool(packets(made)))
        owner.reader.stop()
        await owner.gone()
        self.assertIsNotNone(self.workers.confined_by)
        self.assertLessEqual(set(self.workers.confined_by or ()), {"Landlock", "seccomp"})

    def lists(self) -> list[str]:
        """
        Playlists, one that names a file beside it, one whose file is a link to elsewhere:
        libavformat itself takes no other path.
        """
        made = []
        clip = media.clip(seconds=1)
        for name in ("here", "elsewhere"):
            folder = Path(self.mktemp())
            folder.mkdir()
            if name == "here":
                (folder / "film.mkv").write_bytes(clip.read_bytes())
            else:
                (folder / "film.mkv").symlink_to(clip.resolve())
            listed = folder / "list.ffconcat"
            listed.write_text("ffconcat version 1.0\nfile 'film.mkv'\n")
            made.append(str(listed))
        return made

    async def test_other_files(self) -> None:
        """A playlist gets a file beside it, and none that is elsewhere."""
        results = []
        for listed in self.lists():
            owner = Owner(partial(IsolatedReader, self.workers), task(listed))
            results.append(bool(packets(await owner.end())))
        confined_by = self.workers.confined_by or ()
        self.assertEqual(results, [True, "Landlock" not in confined_by])

    async def test_blocked_listening(self) -> None:
        """A URL at which libavformat listens is free again once its reader is gone."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}/?listen=1"
        owner = Owner(partial(IsolatedReader, self.workers), task(url))
        while not self.workers.pids:
            await _turn()
        owner.reader.stop()
        await owner.gone()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


async def _turn(seconds: float = 0.01) -> None:
    from twisted.internet.task import deferLater

    await deferLater(reactor, seconds)


class HostileWorkers:
    """
    Workers whose messages a test writes.

    @ivar connection: the end of the last one's socket.
    @ivar killed: how many were ended by force.
    """

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.buffer = memoryview(bytearray(1 << 18))
        self.connection: socket.socket | None = None
        self.killed = 0

    def fork(self, owner: WorkerOwner, descriptors: list[int]) -> Callable[[], None]:
        """Take the worker's end; its owner's task is of no interest."""
        self.connection = socket.socket(fileno=descriptors[0])
        return partial(self._kill, owner)

    def _kill(self, owner: WorkerOwner) -> None:
        self.killed += 1
        owner.exited(-9, "")

    def confined(self, by: tuple[str, ...]) -> None:
        """Nobody asks."""

    def gone(self, owner: WorkerOwner) -> None:
        """Nobody waits."""


class HostileTests(SynchronousTestCase):
    """Messages that no reader sends: media have taken over the process."""

    def setUp(self) -> None:
        """Have a stream's timeline, which is at its beginning."""
        self.timeline = Timeline()

    def end_of(self, *messages: Message | bytes) -> Ended:
        """How a reader ends whose process sends this after it has got the timeline."""
        self.log = Log(self)
        workers, calls = HostileWorkers(), list[str]()
        reader = IsolatedReader(
            workers,  # type: ignore[arg-type]
            task("demo:", None, self.timeline),
            lambda: calls.append("events"),
            lambda: calls.append("gone"),
        )
        reader.go()
        assert workers.connection is not None
        self.addCleanup(workers.connection.close)
        for message in (Opened(), *messages):
            data = message if isinstance(message, bytes) else b"".join(encode(message))
            workers.connection.sendall(data)
        *_, ended = reader.take()
        assert isinstance(ended, Ended)
        workers.reactor.advance(1)
        self.assertEqual(workers.killed, 1)
        self.assertEqual(calls, ["gone"])
        return ended

    def test_no_message(self) -> None:
        """Bytes that are no message end the process, and are its crash."""
        ended = self.end_of(b"\0\0\0\0\xff")
        self.assertTrue(ended.crashed)
        self.assertIn("invalid message", ended.reason)

    def test_floods(self) -> None:
        """A process cannot fill the log: it is confined once, and has few errors."""
        confined = Confined(("Landlock",))
        self.assertIn("no reader sends this", self.end_of(confined, confined).reason)
        errors = [Logged("an error")] * 11
        self.assertIn("no reader sends this", self.end_of(*errors).reason)

    def test_log(self) -> None:
        """A process forges no line in the log, and no colour."""
        self.end_of(Logged("Traceback\n  \x1b[31mred\rforged"), END)
        (line,) = self.log.about("Traceback")
        self.assertTrue(line.endswith("Traceback\n  \\x1b[31mred\\rforged"))

    def test_too_many(self) -> None:
        """A flood of messages ends the process before it holds up other streams."""
        flood = b"".join(encode(Noticed("."))) * 2000
        self.assertIn("too much", self.end_of(flood).reason)

    def test_order(self) -> None:
        """An input is opened once, before all other events."""
        self.assertIn("out of order", self.end_of(Opened()).reason)

    def test_packets(self) -> None:
        """Packets are of the header's tracks, and go on in time."""
        first, second = footage(0, 1)[:2]
        self.assertIn("of no track", self.end_of(first).reason)
        self.assertIn("back in time", self.end_of(header(), first, second, first).reason)

    def test_owner_messages(self) -> None:
        """A process does not send what its owner sends."""
        go = Go(Timing(Timeline().state, None))
        self.assertIn("no reader sends this", self.end_of(go).reason)

    def test_after_the_end(self) -> None:
        """Nothing counts that comes after the end."""
        back = Progress(Timing(self.timeline.state, None))
        ended = self.end_of(header(), back, END, *footage(0, 1))
        self.assertEqual(ended, END)

    def test_not_brought_back(self) -> None:
        """A process that ends without the timeline has crashed."""
        self.assertIn("not come back", self.end_of(header(), *footage(0, 1), END).reason)


class StillTests(TestCase):
    """Stills that are made in processes."""

    timeout = 60

    def setUp(self) -> None:
        """Have workers of the test's own."""
        self.workers = Workers(reactor)
        self.workers.startService()
        self.addCleanup(self.workers.stopService)

    async def test_picture(self) -> None:
        """A still is the one that a thread makes of the same keyframe."""
        clip = media.clip(seconds=1, audio=None).read_bytes()
        picture = await isolated_still(self.workers, clip)
        self.assertEqual(picture, jpeg(clip))
        self.assertIsNotNone(self.workers.confined_by)

    async def test_no_picture(self) -> None:
        """What cannot be decoded is said in the same words as by a thread."""
        with self.assertRaises(NoStill) as raised:
            await isolated_still(self.workers, b"no media")
        with self.assertRaises(NoStill) as other:
            jpeg(b"no media")
        self.assertEqual(str(raised.exception), str(other.exception))
        self.assertEqual(raised.exception.detail, other.exception.detail)

    async def test_crash(self) -> None:
        """A decoder that crashes is the reason why there is no still."""
        made = isolated_still(self.workers, media.clip(seconds=1).read_bytes())
        while not self.workers.pids:
            await _turn(0)
        os.kill(self.workers.pids[0], signal.SIGSTOP)
        os.kill(self.workers.pids[0], signal.SIGKILL)
        with self.assertRaises(NoStill) as raised:
            await made
        self.assertIn("SIGKILL", raised.exception.detail)
