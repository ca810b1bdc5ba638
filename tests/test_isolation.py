"""Servers whose inputs are read in processes of their own: the same inputs, and forced ends."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from unittest import skipUnless

from tests import test_end_to_end
from tests.support import media
from tests.test_end_to_end import LOOPBACK, EndToEndTestCase, Mkvserve, Viewer, alive, wait

on_linux = skipUnless(sys.platform.startswith("linux"), "inputs have processes on Linux only")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and not waited for."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@on_linux
class IsolatedInputTests(test_end_to_end.InputTests):
    """
    Each form of input whose way into a process is its own.

    What all senders send reaches the process by one socket, so that one kind of sender is enough.
    """

    options = ("--isolation=process",)


@on_linux
class IsolationTests(EndToEndTestCase):
    """Two streams of one server, and the processes that read them."""

    def start(self) -> Mkvserve:
        """Return a server with the streams C{a} and C{b}, both live."""
        folder = Path(self.mktemp())
        folder.mkdir()
        stream = 'input = "demo:"\nisolation = "process"\n'
        config = folder / "config.toml"
        config.write_text(f"[streams.a]\n{stream}[streams.b]\n{stream}")
        self.server = Mkvserve(self, f"--config={config.absolute()}")
        self.server.until(lambda: all(self.server.status(name)["fragments"] for name in "ab"))
        return self.server

    @property
    def zygote(self) -> int:
        """The process that forks the workers."""
        (zygote,) = children(self.server.process.pid)
        return zygote

    @property
    def workers(self) -> list[int]:
        """The processes that read inputs, the oldest first."""
        return [pid for pid in children(self.zygote) if alive(pid)]

    def grows(self, *viewers: Viewer) -> None:
        """Wait until more has come to each viewer."""
        before = [len(viewer.data) for viewer in viewers]
        self.server.until(
            lambda: all(len(v.data) > size for v, size in zip(viewers, before, strict=True))
        )

    def test_crashes(self) -> None:
        """A crash of any kind interrupts the viewers of its stream, and ends no response."""
        server = self.start()
        viewers = [Viewer(server, "/a.mkv"), Viewer(server, "/b.mkv")]
        self.grows(*viewers)
        crashed, other = self.workers
        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL):
            os.kill(crashed, number)
            server.said(f"its process was ended by signal {number.name}")
            server.until(lambda: len(self.workers) == 2)
            (crashed,) = {*self.workers} - {other}
            self.grows(*viewers)
        self.assertEqual([server.status(name)["restarts"] for name in "ab"], [3, 0])
        self.assertFalse(any(viewer.complete or viewer.lost for viewer in viewers))
        self.assertIn(other, self.workers)

    def test_zygote(self) -> None:
        """A zygote that is killed takes its workers along; another one starts, and all go on."""
        server = self.start()
        viewers = [Viewer(server, "/a.mkv"), Viewer(server, "/b.mkv")]
        self.grows(*viewers)
        gone = [self.zygote, *self.workers]
        os.kill(gone[0], signal.SIGKILL)
        server.said("the process that starts the readers of inputs has ended")
        wait(lambda: not any(map(alive, gone)))
        server.until(lambda: all(server.status(name)["state"] == "live" for name in "ab"))
        self.grows(*viewers)
        self.assertFalse(any(viewer.complete or viewer.lost for viewer in viewers))

    def test_stopped(self) -> None:
        """A process that hangs holds up neither another stream nor the end of the server."""
        server = self.start()
        other = Viewer(server, "/b.mkv")
        pids = [self.zygote, *self.workers]
        os.kill(pids[1], signal.SIGSTOP)
        self.grows(other)
        self.assertEqual(server.stop(), -signal.SIGTERM)
        self.assertNotIn("Traceback", server.log)
        wait(lambda: not any(map(alive, pids)))

    def test_killed(self) -> None:
        """A server that is killed leaves no process."""
        server = self.start()
        pids = [self.zygote, *self.workers]
        server.process.kill()
        wait(lambda: not any(map(alive, pids)))

    def test_still(self) -> None:
        """A still is made in a process of its own."""
        server = self.start()
        with server.get("/a.jpg") as response:
            self.assertEqual(response.status, 200)
            self.assertTrue(response.read().startswith(b"\xff\xd8"))

    def test_status(self) -> None:
        """The status says how each input is read."""
        server = self.start()
        self.assertRegex(server.status("a")["isolation"], r"^process( \(.*\))?$")

    def test_private_file(self) -> None:
        """A playlist reads no file outside its folder, whatever it names."""
        private = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, private)
        clip = media.clip(private / "private.mkv", seconds=2)
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "film.mkv").symlink_to(clip.resolve())
        listed = folder / "list.ffconcat"
        listed.write_text("ffconcat version 1.0\nfile 'film.mkv'\n")
        server = Mkvserve(self, "--isolation=process", str(listed.absolute()))
        status = server.ended()
        if "without Landlock" not in server.log:
            self.assertEqual(status, 1)
            self.assertIn("Impossible to open", server.log)

    def test_advice(self) -> None:
        """A server that reads senders in threads says once how to change that."""
        server = Mkvserve(self, f"tcp:0:{LOOPBACK}")
        server.said("waiting for a sender at")
        self.assertEqual(server.log.count("--isolation=process"), 1)
        server = Mkvserve(self, "--isolation=process", f"tcp:0:{LOOPBACK}")
        server.said("waiting for a sender at")
        self.assertNotIn("--isolation=process", server.log)
