"""
Send media that are made to do harm, and measure what a viewer of another stream notices of it.

::

    python tools/attacks.py [--port N] [--over tcp|http] [NAME...]

It makes all attacks, or those that have one of the names in their own.

A server with two streams is started: a demo, which somebody watches, and one that anybody may send
to. Each attack is sent there as fast as it goes, its sender leaves, and another sender comes with
bytes that are sound. The report has a line for each attack: the longest time between two reads of
the viewer, before and during the attack; how long after the first sender had left the second was
live; how much more memory the server had at its peak. The exit status is 1 when a gap is more than
200 ms longer than before, or the input was not free again within 10 s.
"""

# ruff: noqa: T201 (a script speaks by printing)

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, this file finds its neighbours

from tests.support import hostile  # noqa: E402 (after the path is set)
from tests.support.processes import terminate  # noqa: E402

QUIET = 5.0
"""Seconds of which the longest gap is what there is without an attack."""

MORE = 0.2
"""Seconds by which the longest gap may grow."""

FREE = 10.0
"""Seconds after its sender has left in which an input must be free for the next one."""

GIVE_UP = 60.0
"""Seconds after which the tool waits no longer for that."""


class Viewer(threading.Thread):
    """Reads one stream, and knows its longest pause."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._socket.sendall(b"GET /bystander.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self._last = time.monotonic()
        self._longest = 0.0
        self.start()

    def run(self) -> None:
        while self._socket.recv(1 << 20):
            now = time.monotonic()
            self._longest = max(self._longest, now - self._last)
            self._last = now

    def longest(self) -> float:
        """Return the longest pause since the last call, in seconds; one that still lasts counts."""
        longest = max(self._longest, time.monotonic() - self._last)
        self._longest = 0.0
        return longest


@contextmanager
def server(port: int, over: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server with two streams; print its log from the first traceback on, if there is one."""
    with tempfile.TemporaryDirectory(prefix="mkvtwist-attacks-") as directory:
        source = "push" if over == "http" else f"tcp:{port + 1}:interface=127.0.0.1"
        toml = Path(directory) / "attacks.toml"
        toml.write_text(
            f'listen = ["tcp:{port}:interface=127.0.0.1"]\n'
            '[streams.bystander]\ninput = "demo:"\n'
            f'[streams.victim]\ninput = "{source}"\n'
        )
        log = Path(directory) / "log"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = "from twisted.scripts.twistd import run; run()"
        arguments = ("--nodaemon", "--pidfile=", f"--logfile={log}", "mkvserve", f"--config={toml}")
        process = subprocess.Popen([sys.executable, "-c", command, *arguments], env=environment)
        try:
            for _ in range(100):
                with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                    break
                time.sleep(0.2)
            yield process
        finally:
            terminate(process)
            text = log.read_text(errors="replace")
            if "Traceback" in text:
                print(text[text.index("Traceback") :][:4000])


def line_to(port: int, over: str, size: int) -> socket.socket:
    """Return a connection that takes so many bytes of media for the stream that is attacked."""
    line = socket.create_connection(("127.0.0.1", port if over == "http" else port + 1), GIVE_UP)
    if over == "http":
        line.sendall(b"PUT /victim HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
    return line


def send(port: int, over: str, data: bytes) -> None:
    """Be a sender that leaves when everything is sent, or when the server has hung up."""
    with suppress(OSError), line_to(port, over, len(data)) as line:
        line.sendall(data)


def status(port: int) -> dict[str, object]:
    """Return the status of the stream that is attacked."""
    with urlopen(f"http://127.0.0.1:{port}/victim/status", timeout=GIVE_UP) as answer:
        return dict(json.load(answer))


def memory(process: subprocess.Popen[bytes], name: str) -> int:
    """Return a process's memory in MiB: C{VmHWM} at its peak, C{VmRSS} now."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) >> 10
    return 0


def attack(
    process: subprocess.Popen[bytes], viewer: Viewer, port: int, over: str, data: bytes
) -> tuple[float, float, float, int]:
    """Attack; return the gaps before and during it, seconds until the next sender is live, MiB."""
    sound = hostile.film(seconds=30.0)
    viewer.longest()
    time.sleep(QUIET)
    before = viewer.longest()
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    had = memory(process, "VmRSS")
    send(port, over, data)
    left = time.monotonic()
    free = GIVE_UP
    restarts = status(port).get("restarts")
    while time.monotonic() - left < GIVE_UP and free == GIVE_UP:
        if is_taken(port, over, sound, restarts, left + GIVE_UP):
            free = time.monotonic() - left
    time.sleep(1)
    return before, viewer.longest(), free, memory(process, "VmHWM") - had


def is_taken(port: int, over: str, data: bytes, restarts: object, deadline: float) -> bool:
    """Be the next sender until it is rejected; return whether its media became live."""
    with suppress(OSError), line_to(port, over, len(data)) as line:
        line.sendall(data[: len(data) // 2])
        line.settimeout(0.1)
        while time.monotonic() < deadline:
            now = status(port)
            if now["state"] == "live" and now.get("restarts") != restarts:
                return True
            with suppress(TimeoutError):
                if line.recv(1000) == b"" or over == "http":
                    break  # it has been turned away
    time.sleep(0.2)
    return False


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only attacks with this in them")
    parser.add_argument("--port", type=int, default=21_000, help="this one and the next are used")
    parser.add_argument("--over", choices=("tcp", "http"), default="tcp")
    options = parser.parse_args()
    bad = 0
    for name, make in hostile.ATTACKS.items():
        if options.names and not any(word in name for word in options.names):
            continue
        data = make()
        with server(options.port, options.over) as process:
            viewer = Viewer(options.port)
            time.sleep(2)
            before, during, free, more = attack(process, viewer, options.port, options.over, data)
        wrong = during > before + MORE or free > FREE
        bad += wrong
        print(
            f"{name} ({len(data) / 1000:.0f} kB): longest gap {before * 1000:.0f} ms without,"
            f" {during * 1000:.0f} ms with; free after {free:.1f} s; {more} MiB more"
            f"{' WRONG' if wrong else ''}",
            flush=True,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
