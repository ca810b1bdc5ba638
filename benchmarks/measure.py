"""One server, one sender, one sink, one window of time."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import accounting
from benchmarks.processes import BenchmarkError, Sink
from benchmarks.servers import Running, Server
from benchmarks.tools import Tools

MEDIA_SECONDS = 25
"""Until a server must have its first media: VLC buffers, icecast starts slowly."""

GRACE_SECONDS = 1.5
"""After a window of marks: the last ones must arrive, and count however late."""


@dataclass(frozen=True)
class Window:
    """
    What happened in a window of time.

    @ivar cpu: the server's processor seconds, all threads and workers.
    @ivar others: processor seconds of everybody else on the machine: with much of
        it, the result deserves no trust.
    @ivar bytes: delivered to all clients.
    @ivar end: what the sink said at the end.
    @ivar resident: the server's resident bytes at the end of it.
    """

    seconds: float
    cpu: float
    sink_cpu: float
    others: float
    bytes: int
    end: dict[str, Any]
    resident: int


@dataclass
class Watch:
    """A server that runs and is fed, and the sinks that watch it."""

    running: Running
    stack: ExitStack
    work: Path
    tools: Tools

    @property
    def pids(self) -> set[int]:
        """The server's processes."""
        return accounting.family(self.running.child.process.pid)

    def cpu(self) -> float:
        """The server's processor seconds so far."""
        return accounting.cpu_seconds(self.pids)

    def resident(self) -> int:
        """The server's resident bytes."""
        return accounting.resident_bytes(self.pids)

    def sink(self, clients: int, *options: str, path: str | None = None) -> Sink:
        """A sink whose clients exist but have not connected."""
        raw = ["--raw"] if self.running.raw else []
        command = [
            *self.tools.sink,
            *raw,
            *options,
            "127.0.0.1",
            str(self.running.port),
            path or self.running.path,
            str(clients),
        ]
        return self.stack.enter_context(Sink(command, self.work / "sink.log"))

    def settle(self, seconds: float) -> None:
        """
        Let time pass.

        @raise BenchmarkError: the server did not survive it.
        """
        time.sleep(seconds)
        self.running.child.check()

    def join(self, sink: Sink, seconds: float) -> dict[str, Any]:
        """
        Connect a sink's clients, and wait until each has media.

        @return: what the sink says about it, when C{seconds} are over at the latest.
        """
        sink.tell("go")
        try:
            return sink.event("joined", seconds)
        except TimeoutError:
            self.running.child.check()
            sink.tell("joined")
            return sink.event("joined", 10)

    def window(self, sink: Sink, seconds: float, *, marks: bool = False) -> Window:
        """Measure for so long."""
        pids = self.pids
        ours = {os.getpid()} | accounting.family(os.getpid())
        sink.tell("begin")
        begin = sink.event("begin", 30)
        cpu = accounting.cpu_seconds(pids)
        sink_cpu = accounting.cpu_seconds([sink.process.pid])
        others = accounting.other_cpu_seconds(ours)
        time.sleep(seconds)
        sink.tell("count")
        cpu = accounting.cpu_seconds(pids) - cpu
        sink_cpu = accounting.cpu_seconds([sink.process.pid]) - sink_cpu
        others = accounting.other_cpu_seconds(ours) - others
        count = sink.event("count", 30)
        if marks:
            time.sleep(GRACE_SECONDS)
        sink.tell(f"end {count['time']}")
        end = sink.event("end", 30)
        self.running.child.check()
        return Window(
            (count["time"] - begin["time"]) / 1e9,
            cpu,
            sink_cpu,
            max(0.0, others),
            count["bytes"],
            end,
            accounting.resident_bytes(pids),
        )


@contextmanager
def _workplace() -> Iterator[tuple[ExitStack, Path]]:
    with TemporaryDirectory(prefix="mkvtwist-bench-") as name, ExitStack() as stack:
        work = Path(name)
        work.chmod(0o777)  # servers that refuse to be root run as somebody else
        yield stack, work


@contextmanager
def watching(server: Server, clip: Path, tools: Tools, *, fed: bool = True) -> Iterator[Watch]:
    """
    Start a server, feed it, and wait until it has media to give.

    @param fed: without, nobody sends anything.
    """
    with _workplace() as (stack, work):
        running = server.start(stack, clip if fed else None, work)
        if fed:
            _wait_for_media(running, running.path)
        yield Watch(running, stack, work, tools)


@contextmanager
def serving_files(
    mkvtwist: Callable[[Sequence[str]], Server],
    film: Path,
    count: int,
    tools: Tools,
    settings: str = "",
) -> Iterator[Watch]:
    """
    Start an mkvtwist with C{count} streams, C{s0} and so on, that play the same file.

    @param settings: further ones of each stream, as lines of TOML.
    """
    with _workplace() as (stack, work):
        configuration = work / "streams.toml"
        configuration.write_text(
            "".join(
                f'[streams.s{i}]\ninput = {json.dumps(str(film))}\nat_end = "loop"\nbuffer = 5\n'
                f"readrate_initial_burst = 5\n{settings}\n\n"
                for i in range(count)
            )
        )
        running = mkvtwist([f"--config={configuration}"]).start(stack, None, work)
        for i in range(count):
            _wait_for_media(running, f"/s{i}.mkv")
        yield Watch(running, stack, work, tools)


def _wait_for_media(running: Running, path: str) -> None:
    deadline = time.monotonic() + MEDIA_SECONDS
    problem: object = "no answer"
    while time.monotonic() < deadline:
        running.child.check()
        try:
            with socket.create_connection(("127.0.0.1", running.port), timeout=5) as probe:
                if not running.raw:
                    probe.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                seen = b""
                while running.media not in seen:
                    data = probe.recv(65536)
                    if not data:
                        problem = seen[:200] or "an empty answer"
                        break
                    seen += data
                else:
                    return
        except OSError as error:
            problem = error
        time.sleep(0.2)
    raise BenchmarkError(
        f"no media from {running.child.command[0]} in {MEDIA_SECONDS} s: {problem!r}\n"
        f"{running.child.tail()}"
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that C{share} of all are not above."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(len(ordered) * share + 0.999999) - 1))]
