"""What a confined process can do, and what becomes of it in a kernel that lacks something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input, parse_input
from mkvtwist.libav.confinement import MACHINES, RESOLVER, Reach, reach_of

TRIES = """
import errno, json, os, resource, signal, socket, sys, threading
from mkvtwist.libav import confinement

reach = confinement.Reach(tuple(sys.argv[1].split()), sys.argv[2] == "network")


class Old(confinement.Kernel):
    def syscall(self, *_):
        raise OSError(errno.ENOSYS, "no such call")

    def prctl(self, option, *arguments):
        raise OSError(errno.EINVAL, "no such option")


kernel = {"old": Old, "": confinement.Kernel}[sys.argv[3]]()
made = {"held": confinement.confine(reach, kernel)}


def attempt(name, function):
    try:
        function()
    except OSError as error:
        made[name] = errno.errorcode[error.errno]
    else:
        made[name] = "done"


thread = threading.Thread(target=lambda: made.__setitem__("thread", "done"))
thread.start()
thread.join()
for number, path in enumerate(sys.argv[4:]):
    attempt(f"read {number}", lambda: open(path).close())
    attempt(f"write {number}", lambda: open(path, "a").close())
    attempt(f"chmod {number}", lambda: os.chmod(path, 0o600))
attempt("socket", lambda: socket.socket().close())
attempt("fork", lambda: os.fork() or os._exit(0))
attempt("program", lambda: os.execv("/nowhere", ["nowhere"]))
attempt("others", lambda: os.kill(os.getppid(), 0))
attempt("itself", lambda: os.kill(os.getpid(), 0))
made["files"] = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
made["core"] = resource.getrlimit(resource.RLIMIT_CORE)[0]
try:
    bytes(3 << 30)
except MemoryError:
    made["memory"] = "bounded"
print(json.dumps(made))
"""


class ConfineTests(SynchronousTestCase):
    """Processes that confine themselves, and then try."""

    def setUp(self) -> None:
        """Have a file in each of two directories."""
        self.files = []
        for _ in range(2):
            folder = Path(self.mktemp())
            folder.mkdir()
            (folder / "film").write_bytes(b"media")
            self.files.append(folder.resolve() / "film")

    def confined(self, *paths: Path, network: bool = False, kernel: str = "") -> dict[str, Any]:
        """What a process can do with these paths in its reach."""
        reach = " ".join(map(str, paths))
        word = "network" if network else "none"
        command = [sys.executable, "-c", TRIES, reach, word, kernel, *map(str, self.files)]
        done = subprocess.run(command, capture_output=True, check=True)
        made: dict[str, Any] = json.loads(done.stdout)
        self.assertEqual(made["thread"], "done")
        self.assertEqual((made["files"], made["core"]), (64, 0))
        self.assertEqual(made["memory"], "bounded")
        self.assertEqual(made["itself"], "done")
        return made

    def needs(self, made: dict[str, Any], *names: str) -> None:
        """Skip what follows in a kernel, or a container, that lacks something."""
        for name in names:
            if name not in made["held"]:
                self.skipTest(f"no {name} here")

    def test_nothing(self) -> None:
        """A process whose media come to it opens no file, no connection, and no process."""
        made = self.confined()
        self.needs(made, "Landlock", "seccomp")
        for number in (0, 1):
            self.assertEqual(made[f"read {number}"], "EACCES")
            self.assertEqual(made[f"write {number}"], "EACCES")
            self.assertEqual(made[f"chmod {number}"], "EPERM")
        for name in ("socket", "fork", "program", "others"):
            self.assertEqual(made[name], "EPERM", name)

    def test_directory(self) -> None:
        """A process whose input is a file reads its directory, and writes nothing."""
        made = self.confined(self.files[0].parent)
        self.needs(made, "Landlock", "seccomp")
        self.assertEqual((made["read 0"], made["write 0"]), ("done", "EACCES"))
        self.assertEqual((made["read 1"], made["write 1"]), ("EACCES", "EACCES"))
        self.assertEqual(made["socket"], "EPERM")

    def test_network(self) -> None:
        """A process whose input is a URL has the network, and no files."""
        made = self.confined(network=True)
        self.needs(made, "Landlock", "seccomp")
        self.assertEqual(made["socket"], "done")
        self.assertEqual((made["read 0"], made["program"]), ("EACCES", "EPERM"))

    def test_old_kernel(self) -> None:
        """In a kernel that has neither, a process is bounded, and says that nothing else holds."""
        made = self.confined(kernel="old")
        self.assertEqual(made["held"], [])
        self.assertEqual((made["read 0"], made["socket"]), ("done", "done"))


class ReachTests(SynchronousTestCase):
    """What each input may reach."""

    def test_bytes(self) -> None:
        """An input whose bytes come from elsewhere, and the demo, reach nothing."""
        for text in ("tcp:12345", "http", "-", "demo:", "exec:camera"):
            self.assertEqual(reach_of(parse_input("input", text)), Reach())

    def test_file(self) -> None:
        """A file reaches its directory, and that where its links lead."""
        here, elsewhere = Path(self.mktemp()).absolute(), Path(self.mktemp()).absolute()
        here.mkdir()
        elsewhere.mkdir()
        (elsewhere / "film.mkv").touch()
        (here / "film.mkv").symlink_to(elsewhere / "film.mkv")
        reach = reach_of(Input(Form.FILE, str(here / "film.mkv")))
        self.assertEqual(set(reach.paths), {str(here), str(elsewhere)})
        self.assertFalse(reach.network)

    def test_session_description(self) -> None:
        """A session's description reaches the network, since RTP is what it is for."""
        self.assertTrue(reach_of(Input(Form.SDP, "/srv/camera.sdp")).network)

    def test_url(self) -> None:
        """A URL reaches the network, and what DNS and TLS read; one of a file, its directory."""
        reach = reach_of(parse_input("input", "https://host/live.mkv"))
        self.assertEqual(reach, Reach(RESOLVER, network=True))
        reach = reach_of(parse_input("input", "file:///srv/film.mkv"))
        self.assertEqual(reach, Reach(("/srv",)))


class MachineTests(SynchronousTestCase):
    """The numbers of system calls."""

    def test_distinct(self) -> None:
        """No two calls of a machine have one number."""
        for machine in MACHINES.values():
            self.assertEqual(len(set(machine.calls.values())), len(machine.calls))
