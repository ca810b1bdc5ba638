"""What a confined process can do, and what becomes of it in a kernel that lacks something."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input, parse_input
from mkvtwist.config.input_options import InputOptions
from mkvtwist.libav.confinement import MACHINES, RESOLVER, Reach, filter_program, reach_of

TRIES = """
import errno, fcntl, json, os, resource, signal, socket, sys, threading
from mkvtwist.libav import confinement

reach = confinement.Reach(tuple(sys.argv[1].split()), sys.argv[2] == "network")


class Old(confinement.Kernel):
    def syscall(self, *_):
        raise OSError(errno.ENOSYS, "no such call")

    def prctl(self, option, *arguments):
        raise OSError(errno.EINVAL, "no such option")


class WithoutLandlock(confinement.Kernel):
    def syscall(self, *_):
        raise OSError(errno.ENOSYS, "no such call")


kernels = {"old": Old, "without Landlock": WithoutLandlock, "": confinement.Kernel}
kernel = kernels[sys.argv[3]]()
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
attempt("signals", lambda: fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid()))
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
            self.assertEqual(made[f"write {number}"], "EPERM")
            self.assertEqual(made[f"chmod {number}"], "EPERM")
        for name in ("socket", "fork", "program", "others", "signals"):
            self.assertEqual(made[name], "EPERM", name)

    def test_directory(self) -> None:
        """A process whose input is a file reads its directory, and writes nothing."""
        made = self.confined(self.files[0].parent)
        self.needs(made, "Landlock", "seccomp")
        self.assertEqual((made["read 0"], made["write 0"]), ("done", "EPERM"))
        self.assertEqual((made["read 1"], made["write 1"]), ("EACCES", "EPERM"))
        self.assertEqual(made["socket"], "EPERM")

    def test_network(self) -> None:
        """A process whose input is a URL has the network, and no files."""
        made = self.confined(network=True)
        self.needs(made, "Landlock", "seccomp")
        self.assertEqual(made["socket"], "done")
        self.assertEqual((made["read 0"], made["program"]), ("EACCES", "EPERM"))

    def test_without_landlock(self) -> None:
        """In a kernel without Landlock a process that opens files opens any, and changes none."""
        made = self.confined(self.files[0].parent, kernel="without Landlock")
        self.assertEqual(made["held"], ["seccomp"])
        self.assertEqual((made["others"], made["signals"]), ("EPERM", "EPERM"))
        for number in (0, 1):
            self.assertEqual((made[f"read {number}"], made[f"write {number}"]), ("done", "EPERM"))
        made = self.confined(kernel="without Landlock")
        self.assertEqual((made["read 0"], made["socket"]), ("EPERM", "EPERM"))

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

    def test_certificate(self) -> None:
        """A URL reaches the certificates and keys that its options name, and no other value."""
        options = InputOptions((("ca_file", "/srv/ca.pem"), ("headers", "/etc/passwd")))
        reach = reach_of(parse_input("input", "https://host/live.mkv"), options)
        self.assertEqual(set(reach.paths) - set(RESOLVER), {"/srv/ca.pem"})

    def test_url(self) -> None:
        """A URL reaches the network, and what DNS and TLS read; one of a file, its directory."""
        reach = reach_of(parse_input("input", "https://host/live.mkv"))
        self.assertEqual(reach, Reach(RESOLVER, network=True))
        reach = reach_of(parse_input("input", "file:///srv/film.mkv"))
        self.assertEqual(reach, Reach(("/srv",)))


KNOWN = {
    "x86_64": {"read": 0, "write": 1, "poll": 7, "ioctl": 16, "exit_group": 231, "gettid": 186},
    "aarch64": {"read": 63, "write": 64, "ppoll": 73, "ioctl": 29, "exit_group": 94, "gettid": 178},
}
"""Calls that reading takes, by their numbers."""

HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}
"""The kernel's own tables, as Debian has them on x86-64; aarch64 uses the one for new machines."""

ALLOWED, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
PID = 4711


def verdict(code: bytes, audit: int, number: int, *arguments: int) -> int:
    """What a filter's program returns for a call; a machine with the few steps that it has."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("=HBBI", code))
    value = at = 0
    while True:
        code_, if_true, if_false, operand = steps[at]
        at += 1
        if code_ == 0x06:  # return
            return int(operand)
        if code_ == 0x20:  # load a word
            (value,) = struct.unpack_from("=I", data, operand)
        else:
            tests = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}
            at += if_true if tests[code_] else if_false


class MachineTests(SynchronousTestCase):
    """The numbers of system calls, and the filter that is made of them."""

    def test_distinct(self) -> None:
        """No two calls of a machine have one number."""
        for machine in MACHINES.values():
            self.assertEqual(len(set(machine.calls.values())), len(machine.calls))

    def test_numbers(self) -> None:
        """The numbers are those of the kernel's headers; what a machine does not have is absent."""
        checked = 0
        for name, path in HEADERS.items():
            if not Path(path).exists():
                continue
            text = Path(path).read_text()
            numbers = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text))
            calls = {call for machine in MACHINES.values() for call in machine.calls}
            there = {call: int(numbers[call]) for call in calls if call in numbers}
            newer = {"fchmodat2"} - set(there)  # of Linux 6.6: older headers do not have it
            ours = {call: n for call, n in MACHINES[name].calls.items() if call not in newer}
            self.assertEqual(ours, there)
            checked += 1
        if not checked:
            self.skipTest("no headers of the kernel here")

    def test_filter(self) -> None:
        """On each machine, the filter denies what it is to deny, and nothing that reading takes."""
        for name, machine in MACHINES.items():
            calls, audit = machine.calls, machine.audit
            code = filter_program(machine, Reach(), PID, opens=False)
            for number in KNOWN[name].values():
                self.assertEqual(verdict(code, audit, number), ALLOWED)
            self.assertEqual(verdict(code, audit ^ 1, KNOWN[name]["read"]), EPERM)
            self.assertEqual(verdict(code, audit, 0x40000000 | KNOWN[name]["read"]), EPERM)
            for call in ("execve", "ptrace", "mount", "bpf", "socket", "connect", "openat"):
                self.assertEqual(verdict(code, audit, calls[call]), EPERM, call)
            self.assertEqual(verdict(code, audit, calls["clone3"]), ENOSYS)
            self.assertEqual(verdict(code, audit, calls["clone"], 0x3D0F00), ALLOWED)  # a thread
            self.assertEqual(verdict(code, audit, calls["clone"], 0x1200011), EPERM)  # fork
            for call in ("kill", "tgkill", "prlimit64"):
                self.assertEqual(verdict(code, audit, calls[call], PID), ALLOWED)
                self.assertEqual(verdict(code, audit, calls[call], PID + 1), EPERM)
            self.assertEqual(verdict(code, audit, calls["prlimit64"]), ALLOWED)  # of itself
            for call, command in (("fcntl", 8), ("fcntl", 10), ("fcntl", 15), ("ioctl", 0x8901)):
                self.assertEqual(verdict(code, audit, calls[call], 0, command, PID), EPERM)
            self.assertEqual(verdict(code, audit, calls["fcntl"], 0, 4), ALLOWED)  # non-blocking

    def test_filter_reach(self) -> None:
        """With the network and files in reach, their calls are the kernel's own to judge."""
        for machine in MACHINES.values():
            code = filter_program(machine, Reach(("/",), network=True), PID, opens=True)
            for call in ("connect", "openat"):
                self.assertEqual(verdict(code, machine.audit, machine.calls[call]), ALLOWED)
            for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
                made = verdict(code, machine.audit, machine.calls["socket"], family)
                self.assertEqual(made, ALLOWED)
            for other in (0, 17, 38, 40):  # none, packets, the kernel's ciphers, virtual machines
                made = verdict(code, machine.audit, machine.calls["socket"], other)
                self.assertEqual(made, EPERM)
            for call in ("renameat2", "unlinkat", "truncate", "setpriority"):
                self.assertEqual(verdict(code, machine.audit, machine.calls[call]), EPERM)
            for flag in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC):
                opened = verdict(code, machine.audit, machine.calls["openat"], 0, 0, flag)
                self.assertEqual(opened, EPERM)
            self.assertEqual(verdict(code, machine.audit, machine.calls["execve"]), EPERM)
