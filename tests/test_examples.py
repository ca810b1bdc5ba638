"""The programs in C{examples/}, started as their users start them."""

from __future__ import annotations

import http.client
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase

from tests.support import media
from tests.test_end_to_end import CHECKOUT, PATIENCE, environment

MATROSKA = b"\x1a\x45\xdf\xa3"
"""How an EBML file begins (RFC 8794)."""

COPY = "import shutil, sys; shutil.copyfileobj(open(sys.argv[1], 'rb'), sys.stdout.buffer)"
"""A program that writes a file to its standard output."""


class UnixConnection(http.client.HTTPConnection):
    """A connection to a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Connect there."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)


class ExampleTests(SynchronousTestCase):
    """Each listens at the endpoint that it is given, and ends as it is asked to."""

    def start(self, name: str, *arguments: str) -> None:
        """Start one, and wait until it listens."""
        folder = tempfile.mkdtemp()  # trial's own is too long for the name of a socket
        self.addCleanup(shutil.rmtree, folder)
        self.address = os.path.join(folder, "site")
        self.process = subprocess.Popen(
            (sys.executable, str(CHECKOUT / "examples" / name), f"unix:{self.address}", *arguments),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(self.process.wait, PATIENCE)
        assert self.process.stdout is not None
        self.output = self.process.stdout
        self.addCleanup(self.output.close)
        self.addCleanup(self.process.kill)
        self.said = b""
        self.until(f"listening at unix:{self.address}")

    def until(self, text: str) -> None:
        """Wait until it has said something."""
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.said:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.output], [], [], max(0.0, left))
            more = os.read(self.output.fileno(), 65536) if ready else b""
            self.said += more
            if not more:
                self.fail(f"no {text!r} in:\n{self.said.decode()}")

    def get(
        self, path: str, size: int, status: int = 200, *, form: str | None = None, cookie: str = ""
    ) -> tuple[bytes, str]:
        """So much of what it responds, or all; and the cookie that it sets."""
        connection = UnixConnection(self.address)
        self.addCleanup(connection.close)
        headers = {"Cookie": cookie} if cookie else {}
        if form is None:
            connection.request("GET", path, headers=headers)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", path, form, headers)
        with connection.getresponse() as response:
            self.assertEqual(response.status, status)
            set_cookie = response.headers.get("Set-Cookie", "")
            data = response.read(size)
        connection.close()
        return data, set_cookie.partition(";")[0]

    def stop(self, signal_: signal.Signals = signal.SIGTERM) -> int:
        """End it; return the exit status."""
        self.process.send_signal(signal_)
        status = self.process.wait(PATIENCE)
        while more := os.read(self.output.fileno(), 65536):
            self.said += more
        return status

    def test_site(self) -> None:
        """A site shows its page and the stream, and tells what happens."""
        self.start("site.py")
        self.assertIn(b'<video src="/tv/cam.mkv"', self.get("/", 1 << 16)[0])
        self.assertEqual(self.get("/tv/cam.mkv", 4)[0], MATROSKA)
        self.until("client joined")
        self.until("'reason': 'the client has gone'")
        self.stop()
        self.assertIn(b"'reason': 'it has been stopped'", self.said)

    def test_animation(self) -> None:
        """Viewers see the drawing of a thread, which is told when the stream ends."""
        self.start("animation.py")
        data, _ = self.get("/ball.mkv", 4096)
        self.assertEqual((data[:4], len(data)), (MATROSKA, 4096))
        self.stop()
        self.assertIn(b"the drawing ends: the stream is being stopped", self.said)

    def test_login(self) -> None:
        """Only those who have logged in can watch."""
        self.start("login.py")
        self.assertIn(b"<form", self.get("/tv/cam.mkv", 1 << 16, 403)[0])
        self.assertIn(b"<form", self.get("/", 1 << 16)[0])
        for user, password, status in (
            ("ada", "byron", 403),
            ("nobody", "", 403),
            ("ada", "lovelace", 302),
        ):
            form = urlencode({"user": user, "password": password})
            _, cookie = self.get("/", 1 << 16, status, form=form)
        self.assertEqual(self.get("/tv/cam.mkv", 4, cookie=cookie)[0], MATROSKA)
        self.stop()

    def test_playlist(self) -> None:
        """Files follow each other; one that is no media, or is not there, is skipped."""
        first, second = (str(media.clip(seconds=1, size=size)) for size in ((160, 120), (176, 144)))
        self.start("playlist.py", first, __file__, "nothing.mkv", second)
        self.until("nothing.mkv: No such file or directory")
        self.assertEqual(self.get("/list.mkv", 4)[0], MATROSKA)
        self.stop()

    def test_asyncio_program(self) -> None:
        """Viewers get the output of a command; the program ends with it, or when interrupted."""
        clip = str(media.clip(seconds=1))
        command = f"{COPY}; sys.stdout.flush(); import signal; signal.pause()"
        self.start("asyncio_program.py", sys.executable, "-c", command, clip)
        self.assertEqual(self.get("/program.mkv", 4)[0], MATROSKA)
        self.assertEqual(self.stop(signal.SIGINT), 0)
