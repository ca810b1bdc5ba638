"""
The sender: writes the clip at its own pace, over and over, with marks in it.

    python -m benchmarks.sender CLIP TARGET [--records]

C{TARGET} is C{-} (standard output), C{unix:PATH}, C{tcp:HOST:PORT}, or
C{put:HOST:PORT/PATH} (an HTTP PUT with Icecast's credentials). With C{--records}
the stream is framed for C{floor}. It ends when the other side closes.

Each packet leaves when its time has come, as from an encoder: a mark's time is
read immediately before its frame is written.
"""

import argparse
import base64
import gc
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks import marks, wire
from benchmarks.clip import SECONDS, VIDEO_TRACK, Clip, load

SOURCE_PASSWORD = "benchmark"  # noqa: S105 - of a server that lives for seconds on loopback
CONNECT_SECONDS = 10
"""How long the other side may take to listen."""

Write = Callable[[bytes], None]


def send(clip: Clip, write: Write, *, records: bool) -> None:
    """
    Write the clip for ever.

    @raise OSError: the other side has closed.
    """
    write(wire.record(b"H", clip.header) if records else clip.header)
    start = time.monotonic()
    sequence = 0
    lap = 0
    while True:
        for packet in clip.packets:
            moment = lap * SECONDS * 1000 + packet.time
            pause = start + moment / 1000 - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            payload = packet.payload
            video = packet.track == VIDEO_TRACK
            if video:
                payload += marks.nal_unit(sequence, time.monotonic_ns())
                sequence += 1
            fragment = wire.cluster(packet.track, moment, payload, key=packet.key)
            if records:
                fragment = wire.record(b"K" if video and packet.key else b"F", fragment)
            write(fragment)
        lap += 1


def _write_all(descriptor: int) -> Write:
    def write(data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    return write


def _connect(target: str) -> socket.socket:
    kind, _, rest = target.partition(":")
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            if kind == "unix":
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(rest)
                return connection
            host, _, port = rest.partition("/")[0].rpartition(":")
            return socket.create_connection((host, int(port)))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _put(connection: socket.socket, path: str) -> None:
    """Begin a PUT, and wait until the server has agreed."""
    kind = "audio/mpeg" if path.endswith(".mp3") else "video/x-matroska"
    credentials = base64.b64encode(f"source:{SOURCE_PASSWORD}".encode()).decode()
    connection.sendall(
        f"PUT /{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n"
        f"Content-Type: {kind}\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    answer = connection.recv(4096)
    if not answer.startswith((b"HTTP/1.1 100", b"HTTP/1.0 200", b"HTTP/1.1 200")):
        raise SystemExit(f"sender: the server refused the PUT: {answer[:200]!r}")


def target_of(target: str) -> Write:
    """Open what the command line names."""
    if target == "-":
        return _write_all(1)
    connection = _connect(target)
    if target.startswith("put:"):
        _put(connection, target.partition("/")[2])
    return connection.sendall


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.sender")
    parser.add_argument("clip", type=Path)
    parser.add_argument("target")
    parser.add_argument("--records", action="store_true")
    arguments = parser.parse_args()
    clip = load(arguments.clip)
    gc.disable()  # nothing here makes cycles, and a pause would look like latency
    with suppress(BrokenPipeError, ConnectionError):
        send(clip, target_of(arguments.target), records=arguments.records)


if __name__ == "__main__":
    main()
