"""A worker, as its owner at the other end of a socket sees it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import parse_input
from mkvtwist.libav import Ended, Opened
from mkvtwist.libav.wire import (
    Confined,
    Decoder,
    Go,
    Message,
    Progress,
    StillFailed,
    StillTask,
    Task,
    Timing,
    encode,
)
from mkvtwist.media.packet import Header, Packet
from mkvtwist.media.timeline import Timeline
from tests.support import media

SAFE = 60.0
"""Seconds; never waited for unless something is broken."""

WORK = """
import resource, socket, sys, time
from mkvtwist.libav import confinement, worker
from mkvtwist.libav.zygote import load

load()


def little_memory(reach):
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 20), size + (1 << 20)))
    return ("little memory",)


def little_work(reach):
    confinement.allow_cpu(1)
    while True:
        pass


class NoImports:
    def find_spec(self, name, *_):
        raise PermissionError(f"{name} is not to be imported")


def no_imports(reach):
    sys.meta_path.insert(0, NoImports())
    return ()


confine = globals().get(sys.argv[2], confinement.confine)
worker.work(socket.socket(fileno=int(sys.argv[1])), None, confine)
"""


class WorkerTests(SynchronousTestCase):
    """L{mkvtwist.libav.worker.work}, in a process."""

    def start(self, confine: str = "") -> None:
        """A worker."""
        self.owner, theirs = socket.socketpair()
        self.addCleanup(self.owner.close)
        self.owner.settimeout(SAFE)
        with theirs:
            command = [sys.executable, "-c", WORK, str(theirs.fileno()), confine]
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self.addCleanup(self.process.wait, SAFE)
        self.addCleanup(self.process.kill)
        self.decoder = Decoder()
        self.heard: list[Message] = []

    def say(self, *messages: Message) -> None:
        """Tell the worker this."""
        for message in messages:
            self.owner.sendall(b"".join(encode(message)))

    def hear(self, enough: Callable[[Message], bool]) -> Message:
        """What the worker says up to a message that is enough."""
        while not any(map(enough, self.heard)):
            data = self.owner.recv(1 << 16)
            if not data:
                raise AssertionError(f"the worker has ended after {self.heard[-3:]}")
            self.heard += self.decoder.feed(data)
        return next(message for message in self.heard if enough(message))

    def task(self, text: str) -> Task:
        """The task to read this, as fast as it comes."""
        return Task("live", parse_input("input", text), False, 0.0, 0.0, False, 0.0, 0)

    def test_order(self) -> None:
        """It says what keeps it, that its input is open, its packets, its timeline, its end."""
        clip = media.clip(seconds=1)
        self.start()
        self.say(self.task(str(clip)))
        self.hear(lambda message: isinstance(message, Opened))
        self.assertIsInstance(self.heard[0], Confined)
        self.assertIsInstance(self.heard[1], Opened)
        self.say(Go(Timing(Timeline().state, None)))
        self.hear(lambda message: isinstance(message, Ended))
        self.assertIsInstance(self.heard[-2], Progress)
        packets = [message for message in self.heard if isinstance(message, Packet)]
        self.assertEqual(len(packets), len(media.packets(clip)))
        self.assertEqual(self.process.wait(SAFE), 0)

    def test_hang_up(self) -> None:
        """It ends when its owner hangs up, whatever it is doing."""
        for text in ("demo:", str(media.clip(seconds=1))):
            self.start()
            self.say(self.task(text))
            self.hear(lambda message: isinstance(message, Opened))
            self.owner.close()
            self.assertEqual(self.process.wait(SAFE), 0)

    def test_memory(self) -> None:
        """An input that takes more memory than it may ends as one that cannot be read."""
        clip = media.clip(seconds=0.4, rate=5, audio=None, video="rawvideo", size=(3840, 2160))
        self.start("little_memory")
        self.say(self.task(str(clip)), Go(Timing(Timeline().state, None)))
        ended = self.hear(lambda message: isinstance(message, Ended))
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)
        self.assertNotIn("error in mkvtwist", ended.reason)  # libavformat's words differ

    def test_loaded(self) -> None:
        """A worker imports nothing, whatever characters its media have in their texts."""
        clip = media.clip(seconds=1, titles=["\x1b[31m"])
        self.start("no_imports")
        self.say(self.task(str(clip)), Go(Timing(Timeline().state, None)))
        ended = self.hear(lambda message: isinstance(message, Ended))
        assert isinstance(ended, Ended)
        self.assertFalse(ended.fault)
        (header,) = [message for message in self.heard if isinstance(message, Header)]
        self.assertIn(r"\x1b[31m", [track.title for track in header.tracks])

    def test_work(self) -> None:
        """Whatever works for too long without an event is ended."""
        self.start("little_work")
        self.say(self.task("demo:"))
        self.assertEqual(self.process.wait(SAFE), -signal.SIGXCPU)

    def test_no_still(self) -> None:
        """A still that cannot be made has its reason."""
        self.start()
        self.say(StillTask(os.urandom(100)))
        failed = self.hear(lambda message: isinstance(message, StillFailed))
        self.assertTrue(failed.reason)  # type: ignore[union-attr]
