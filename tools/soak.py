"""
Run a server with six streams for an hour, do all kinds of harm, and check what clients get.

::

    python tools/soak.py [--minutes N] [--seed N] [--keep DIR] [--port N]

A server is started as users start it, with a configuration of six streams. Three of them are left
alone: C{film} (a file in a loop), C{relay} (a URL: the film, out of this very server) and C{demo}.
Three are harmed: C{studio} (senders that connect to a port), C{web} (senders over HTTP, access by
token) and C{spare} (a file, opened on demand). Long-lived clients watch each of them in several
formats, take what comes apart, and look at the time of each frame.

Meanwhile senders are killed, silent ones, false ones and too many of them come; the configuration
is read again with a stream more, a stream less, other settings, mistakes; streams are restarted and
clients disconnected over the management interface; tokens are revoked; the disk is filled while a
stream is recorded to it (only when run by root, who can mount a small one); 2,000 requests are
begun and never ended; crowds come and vanish; nonsense is asked for. What happens when, the seed
decides.

The clients must see each frame exactly one step after the one before, for as long as it lasts, in
each stream that has not been harmed in the seconds before. A harmed one must be back, without a
hole, some seconds later. Memory, threads and descriptors must stay what they were, the log must
have no traceback, and at the end the server must be gone within 2 s. The exit status is 1 when
something was wrong. With C{--keep} the configuration, the logs and the samples stay.

Everything is of this one process and the standard library's asyncio: what is tried takes no part in
how it is watched. Only clips and senders are libavformat's.
"""

# ruff: noqa: T201, S311 (a script speaks by printing; its random choices are to be repeatable)

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import resource
import secrets
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, this file finds its neighbours

import av  # noqa: E402 (after the path is set)

from tests.support import media  # noqa: E402
from tests.support.processes import free_port  # noqa: E402
from tools.soak_watch import (  # noqa: E402
    HARMED,
    SILENCE,
    HlsWatcher,
    MatroskaParser,
    NonsenseError,
    Stream,
    Watcher,
    opened,
)

CLIP = 12.8
"""Seconds: whole frames of 1/25 s, of 1024/48000 s and of 1/50 s, so that a loop has no seam."""

VIDEO, AAC, OPUS = 1000 / 25, 1000 * 1024 / 48_000, 20.0
"""Milliseconds from one frame to the next."""

START = 5.0
"""Seconds in which a client that joins must have the first frame."""

SAMPLE = 10.0
"""Seconds between two looks at memory, threads, descriptors, log."""

CALM = 20.0
"""Seconds without harm at the end, for all that is left to go away."""

GROWTH = 16 << 20
"""Bytes that memory may grow after everything has been done once."""

STARVED = 0.25
"""
Seconds of one that the server, or this script, has no processor: this machine is busy with others,
and what comes late then is not the server's fault.
"""

LATE = frozenset({"silences", "late joins"})

LEAK = 12
"""Descriptors, and threads, that may be more at the end than at the beginning: clients come."""

HALF_OPEN, HELD = 2000, 30.0
"""Requests that are never ended, and the seconds for which they are there."""

CROWD = 300

STOP = 2.0
"""Seconds that the server may take to end, its clients' rest included."""

DISK = 24 << 20
"""Bytes of the disk that is filled: some minutes of a stream."""


# -- Senders ------------------------------------------------------------------


def send(clip: str, target: str, format_: str, token: str) -> None:
    """Be a sender: a clip over and over, at the speed of its own times. Called in a process."""
    # Its protocols are not told such options as headers; what is in the URL they know.
    output = av.open(
        target.replace("//", f"//source:{token}@") if token else target,
        "w",
        format=format_,
        options={"flush_packets": "1"},
    )
    started, round_ = time.monotonic(), 0
    copies: dict[int, Any] = {}
    while True:
        with av.open(clip) as file:
            for stream in file.streams:
                if stream.index not in copies:
                    copies[stream.index] = output.add_stream_from_template(stream, opaque=True)
            for packet in file.demux():
                if not packet.size or packet.dts is None or packet.pts is None:
                    continue
                offset = round(CLIP * round_ / packet.time_base)
                packet.dts += offset
                packet.pts += offset
                due = started + float(packet.dts * packet.time_base)
                time.sleep(max(0.0, due - time.monotonic()))
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
        round_ += 1


class Sender:
    """A process that sends, and another one when that has ended."""

    def __init__(self, *arguments: str, token: str = "") -> None:
        """
        @param arguments: the clip, where it goes, the container.
        """
        self._arguments = arguments
        self.token = token
        self.process: asyncio.subprocess.Process | None = None
        self.wanted = asyncio.Event()
        self.wanted.set()

    async def run(self) -> None:
        """Keep a process that sends, until this is cancelled."""
        try:
            while True:
                await self.wanted.wait()
                self.process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    __file__,
                    "--send",
                    *(*self._arguments, self.token),
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                await self.process.wait()
                await asyncio.sleep(1)
        finally:
            self.kill()
            if self.process is not None:
                await self.process.wait()

    def kill(self) -> None:
        """Kill the process while it sends."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()


def clips(directory: Path) -> tuple[Path, Path]:
    """Make a film (H.264, AAC) and a clip to send over HTTP (VP8, Opus), both without a seam."""
    made = []
    for name, container, step in (("film.mkv", "matroska", AAC), ("web.webm", "webm", OPUS)):
        left = round(CLIP * 1000 / step)

        def keep(packet: media.Read) -> bool:
            nonlocal left
            left -= packet.type == "audio"
            return packet.type == "video" or left >= 0

        whole = media.clip(container=container, seconds=CLIP, size=(320, 240))
        made.append(media.cut(whole, directory / name, container, keep))
    return made[0], made[1]


# -- The server ---------------------------------------------------------------


class Sample(NamedTuple):
    """
    The system's figures of the server's process.

    @ivar memory: in bytes.
    @ivar cpu: seconds that it has worked.
    @ivar waited: seconds that its first thread would have, and no processor was free.
    """

    time: float
    memory: int
    threads: int
    descriptors: int
    cpu: float
    waited: float


class Server:
    """The server's process, its configuration, its log."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.file = directory / "soak.toml"
        self.log = directory / "server.log"
        self.top: dict[str, Any] = {"listen": [f"tcp:{port}:interface=127.0.0.1"]}
        self.streams: dict[str, dict[str, Any]] = {}
        self._read = 0
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the server with the configuration as it is; the server listens soon."""
        self.write()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        twistd = "from twisted.scripts.twistd import run; run()"
        arguments = ("--nodaemon", "--pidfile=", "mkvserve", f"--config={self.file}")
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", twistd, *arguments),
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def write(self, text: str | None = None) -> None:
        """Write the configuration, or another text in its place, all at once."""
        new = self.file.with_suffix(".new")
        new.write_text(_toml(self.top, self.streams) if text is None else text)
        new.replace(self.file)

    def signal(self, number: signal.Signals) -> None:
        """Send the server a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def sample(self) -> Sample:
        """
        Return the figures of the server's process now.

        @raise OSError: when it is gone.
        """
        assert self.process is not None
        place = Path(f"/proc/{self.process.pid}")
        found = dict(re.findall(r"(VmRSS|Threads):\s+(\d+)", (place / "status").read_text()))
        ticks = (place / "stat").read_text().rpartition(")")[2].split()[11:13]
        return Sample(
            time.monotonic(),
            int(found["VmRSS"]) * 1024,
            int(found["Threads"]),
            len(os.listdir(place / "fd")),
            sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
            self.waited(),
        )

    async def kill(self) -> None:
        """Kill the server, whatever its state."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    def waited(self) -> float:
        """
        Return the seconds that the reactor has waited for a processor.

        @raise OSError: when it is gone.
        """
        assert self.process is not None
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1]) / 1e9

    def said(self) -> list[str]:
        """Return the lines of the server's log since the last call."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            text, _, _ = log.read().rpartition(b"\n")
        self._read += len(text) + bool(text)
        return text.decode(errors="replace").splitlines()


def _toml(top: Mapping[str, Any], streams: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a configuration file. JSON's texts, numbers, lists and booleans are TOML's, too."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    for name, settings in streams.items():
        lines += ["", f"[streams.{name}]"]
        for key, value in settings.items():
            if isinstance(value, dict):
                lines += [f"{key}.{inner} = {json.dumps(text)}" for inner, text in value.items()]
            else:
                lines.append(f"{key} = {json.dumps(value)}")
    return "\n".join([*lines, ""])


# -- The run ------------------------------------------------------------------


class Soak:
    """
    One run: the server, the clients that watch it, and the faults that were found.

    @ivar faults: what should not have been; each is said when it is found.
    @ivar absent: seconds that this script itself was late at most, so that it saw all too late.
    """

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self.pick = random.Random(options.seed)
        self.seconds = 60.0 * options.minutes
        self.directory = directory
        self.port = options.port or free_port()
        self.started = time.monotonic()
        self.faults: list[str] = []
        self.samples: list[Sample] = []
        self.errors: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.server = Server(directory, self.port)
        self.token = secrets.token_hex(16)
        self.tokens: dict[str, str] = {}
        self.streams = {
            stream.name: stream
            for stream in (
                Stream("film", ("mkv", "mp4", "m3u8"), {"video": VIDEO, "audio": AAC}),
                Stream("relay", ("mkv", "mp4"), {"video": VIDEO, "audio": AAC}),
                Stream("demo", ("mkv", "mp4"), {"video": VIDEO, "audio": AAC}),
                Stream("studio", ("mkv", "mp4", "m3u8"), {"video": VIDEO, "audio": AAC}),
                Stream("web", ("mkv", "webm"), {"video": VIDEO, "audio": OPUS}),
                Stream("spare", (), {"video": VIDEO, "audio": AAC}),
            )
        }
        self.absent = 0.0
        self.chaos = Chaos(self)
        self._ended = False
        self._starved = 0.0
        self._said = (directory / "soak.log").open("w")
        self._sampled = (directory / "samples").open("w", buffering=1)

    def say(self, text: str) -> None:
        """Print one line, with the time."""
        line = f"{time.monotonic() - self.started:8.1f}  {text}"
        print(line, flush=True)
        print(line, file=self._said, flush=True)

    def fault(self, text: str) -> None:
        """Note a fault."""
        if not self._ended:
            self.faults.append(f"{time.monotonic() - self.started:.1f} s: {text}")
            self.say(f"WRONG: {text}")

    def judge(self, stream: Stream, kind: str, text: str) -> None:
        """Note an event that is a fault unless the stream has been harmed."""
        if self._ended:
            return
        stream.seen[kind] += 1
        if not stream.is_harmed:
            (self.too_late if kind in LATE else self.fault)(text)

    def too_late(self, text: str) -> None:
        """Note a delay, which is a fault unless the server lacked a processor."""
        if time.monotonic() > self._starved:
            self.fault(text)

    def new_tokens(self) -> None:
        """Replace the tokens of C{web}; the server has to read them again."""
        for what in ("watch", "send"):
            self.tokens[what] = secrets.token_hex(16)
            (self.directory / f"{what}.tokens").write_text(self.tokens[what])
        self.chaos.senders["web"].token = self.tokens["send"]

    def target(self, path: str) -> str:
        """Return the target of a request, with the token that its stream requires."""
        return f"{path}?token={self.tokens['watch']}" if path.startswith("/web") else path

    async def ask(
        self, method: str, target: str, body: Any = None, token: str = ""
    ) -> tuple[int, bytes]:
        """Make a request to the server, with the management token by default."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        sent = b"" if body is None else json.dumps(body).encode()
        async with asyncio.timeout(START):
            async with opened(self.port, target, method, headers, sent) as response:
                return response.status, await response.body()

    async def until(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until a condition is true; note a fault if that takes too long."""
        deadline = time.monotonic() + HARMED
        while not await condition():
            if time.monotonic() > deadline:
                self.fault(f"not within {HARMED:.0f} s: {what}")
                return
            await asyncio.sleep(0.25)

    async def join(self, stream: Stream) -> None:
        """Join a stream, check that its first frame comes soon, and leave."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(HARMED):
                await self._first_frame(stream)
        except (OSError, EOFError, ValueError) as error:  # a timeout is an OSError
            reason = f"{type(error).__name__} {error}"
            self.judge(stream, "ends", f"{stream.name}: cannot join: {reason}")
            return
        took = time.monotonic() - begun
        stream.joins += 1
        stream.slowest = max(stream.slowest, took)
        if took > START:
            self.judge(stream, "late joins", f"{stream.name}: the first frame took {took:.1f} s")

    async def _first_frame(self, stream: Stream) -> None:
        parser = MatroskaParser()
        async with opened(self.port, self.target(f"/{stream.name}.mkv")) as response:
            async for data in response:
                if any(True for _ in parser.feed(data)):
                    return
        raise NonsenseError(f"no frame, status {response.status}")

    async def status(self) -> dict[str, Any]:
        """Return the status of the server's streams by their names."""
        _, body = await self.ask("GET", "/api/v1/streams")
        streams: dict[str, Any] = json.loads(body)["streams"]
        return streams

    async def run(self) -> None:
        """Start the server, and do everything else while the server runs."""
        with _disk(self.directory / "disk") as disk:
            chaos = self.chaos
            chaos.disk = disk
            self._configure(chaos)
            await self.server.start()
            tasks: list[asyncio.Task[None]] = []
            try:
                await self._run(chaos, tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self.server.kill()

    async def _run(self, chaos: Chaos, tasks: list[asyncio.Task[None]]) -> None:
        watchers = [
            (HlsWatcher if format_ == "m3u8" else Watcher)(self, stream, format_)
            for stream in self.streams.values()
            for format_ in stream.formats
        ]
        watchers.append(Watcher(self, self.streams["demo"], "mkv", slow=True))

        def begin(*lives: Awaitable[None]) -> None:
            for life in lives:
                task = asyncio.ensure_future(life)
                task.add_done_callback(self._has_ended)
                tasks.append(task)

        begin(*(sender.run() for sender in chaos.senders.values()))
        await self.until("every stream is there", self._all_live)
        begin(*(watcher.run() for watcher in watchers))
        begin(self._look(watchers), self._sample(), self._listen())
        begin(self._come_and_go("film", 1, 5), self._come_and_go("spare", 1, 12))
        self.say(f"six streams, {len(watchers)} clients that stay, at port {self.port}")
        await asyncio.sleep(SAMPLE)
        await chaos.run(self.seconds)
        self.say("no more harm")
        await asyncio.sleep(max(CALM, HARMED))
        await self._stop()

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        """Note a fault if a task has failed."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fault(f"this script fails: {error!r}")

    def _configure(self, chaos: Chaos) -> None:
        film, web = clips(self.directory)
        token_file = self.directory / "management.token"
        token_file.write_text(self.token)
        self.server.top["management_token_file"] = token_file.name
        studio = free_port()
        self.server.streams = {
            "film": {"input": film.name, "at_end": "loop", "burst": 2},
            "relay": {"input": f"http://127.0.0.1:{self.port}/film.mkv"},
            "demo": {"input": "demo:"},
            "studio": {"input": f"tcp:{studio}:interface=127.0.0.1", "buffer": 30},
            "web": {
                "input": "http",
                "watch": {"token_file": "watch.tokens"},
                "send": {"token_file": "send.tokens"},
            },
            "spare": {"input": film.name, "at_end": "loop", "on_demand": True, "linger": 3},
        }
        if chaos.disk is not None:
            self.server.streams["studio"]["record"] = str(chaos.disk / "studio.mkv")
        chaos.senders["studio"] = Sender(str(film), f"tcp://127.0.0.1:{studio}", "mpegts")
        chaos.senders["web"] = Sender(str(web), f"http://127.0.0.1:{self.port}/web", "webm")
        self.new_tokens()
        chaos.studio = studio

    async def _all_live(self) -> bool:
        try:
            streams = await self.status()
        except (OSError, EOFError):
            return False
        return all(streams[name]["state"] == "live" for name in self.streams if name != "spare")

    async def _look(self, watchers: list[Watcher]) -> None:
        waited = self.server.waited()
        while True:
            due = time.monotonic() + 1
            await asyncio.sleep(1)
            late = time.monotonic() - due
            self.absent = max(self.absent, late)
            waited, before = self.server.waited(), waited
            if max(late, waited - before) > STARVED:
                self._starved = time.monotonic() + HARMED
            for watcher in watchers:
                watcher.look()

    async def _sample(self) -> None:
        while True:
            self._read_log()
            try:
                sample = self.server.sample()
            except OSError:
                self.fault("the server is gone")
                return
            self.samples.append(sample)
            print(*(sample._replace(time=sample.time - self.started)), file=self._sampled)
            await asyncio.sleep(SAMPLE)

    def _read_log(self) -> None:
        for line in self.server.said():
            if "Traceback" in line or "Unhandled" in line or "#critical" in line:
                self.fault(f"in the log: {line}")
            elif "#error" in line or "#warn" in line:
                # Alike but for numbers and names.
                self.errors[re.sub(r"\d+", "N", line.partition("] ")[2])[:100]] += 1

    async def _listen(self) -> None:
        """Count the server's events."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with opened(self.port, "/api/v1/events", headers=headers) as response:
            async for data in response:
                for kind in re.findall(rb"^event: (.*)$", data, re.MULTILINE):
                    self.events[kind.decode()] += 1
        self.fault("the events have ended")

    async def _come_and_go(self, name: str, shortest: float, longest: float) -> None:
        """Join and leave a stream, again and again."""
        stream = self.streams[name]
        while True:
            await asyncio.sleep(self.pick.uniform(shortest, longest))
            await self.join(stream)

    async def _stop(self) -> None:
        """End the server while its clients are connected."""
        self.samples.append(self.server.sample())
        self._ended = True
        begun = time.monotonic()
        self.server.signal(signal.SIGTERM)
        assert self.server.process is not None
        try:
            async with asyncio.timeout(30):
                code = await self.server.process.wait()
        except TimeoutError:
            code = None
        took = time.monotonic() - begun
        self._ended = False
        self._read_log()
        self.say(f"the server ended {took:.2f} s after SIGTERM, with exit status {code}")
        if code not in (0, -signal.SIGTERM):  # twistd says what ended it
            self.fault(f"exit status {code}")
        elif took > STOP:
            self.too_late(f"it took {took:.2f} s to end, of {STOP:.0f} at most")
        self._ended = True

    def judge_process(self, warm: float) -> Iterator[str]:
        """
        Yield lines on the server's memory, threads, descriptors and processor time.

        @param warm: C{time.monotonic} when everything had been done once.
        """
        if not self.samples:
            return
        yield from self._judge_memory(warm)
        first, last = self.samples[0], self.samples[-1]
        for what in ("threads", "descriptors"):
            was, now = getattr(first, what), getattr(last, what)
            if now > was + LEAK:
                self.fault(f"{now - was} {what} are left")
            most = max(getattr(sample, what) for sample in self.samples)
            yield f"{what}: {was} at first, {now} at last, {most} at most"
        share = 100 * (last.cpu - first.cpu) / max(1.0, last.time - first.time)
        waits = [after.waited - before.waited for before, after in pairwise(self.samples)]
        yield f"processor: {share:.0f} % of a core"
        yield (
            f"waited for a processor: {sum(waits):.1f} s in all, {max(waits, default=0):.1f} s of"
            f" {SAMPLE:.0f} at most; being late at such times is no fault"
        )

    def _judge_memory(self, warm: float) -> Iterator[str]:
        before = [sample for sample in self.samples if sample.time <= warm][-3:]
        after = [sample for sample in self.samples if sample.time > warm]
        if len(after) < 4:
            yield "memory: too short a run to say anything"
            return
        was = statistics.median(sample.memory for sample in before) / 2**20
        now = statistics.median(sample.memory for sample in after[-3:]) / 2**20
        if now > was + GROWTH / 2**20:
            self.fault(f"memory has grown from {was:.1f} to {now:.1f} MiB")
        slope = statistics.linear_regression(
            [sample.time for sample in after], [float(sample.memory) for sample in after]
        ).slope
        most = max(sample.memory for sample in self.samples)
        yield f"memory, when everything had been done once: {was:.1f} MiB"
        yield f"memory at last: {now:.1f} MiB; {slope * 3600 / 2**20:+.1f} MiB an hour"
        yield f"memory at most: {most / 2**20:.1f} MiB"


@contextmanager
def _disk(path: Path) -> Iterator[Path | None]:
    """Mount a small disk; only root can."""
    path.mkdir()
    options = f"size={DISK}"
    if (
        os.geteuid() != 0
        or subprocess.run(
            ("mount", "-t", "tmpfs", "-o", options, "tmpfs", path), check=False, capture_output=True
        ).returncode
    ):
        print("No disk is filled: only root can mount a small one.")
        yield None
        return
    try:
        yield path
    finally:
        subprocess.run(("umount", "-l", path), check=False)


# -- Harm ---------------------------------------------------------------------

Harm = Callable[[], Awaitable[None]]

NONSENSE = (
    b"\r\n\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500,
    b"GET\r\n\r\n",
    b"BREW /film.mkv HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /film.mkv HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
    b"GET /../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /film.mkv%0d%0aSet-Cookie:%20a HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /film.mkv?burst=NaN HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /film.mkv?start=-1e999 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /film.mkv HTTP/1.1\r\nHost: x\r\nRange: bytes=-1,5-2,a-b\r\n\r\n",
    b"GET /film.mkv HTTP/1.1\r\nHost: x\r\nUser-Agent: \x1b[2J\x00\xff\r\n\r\n",
    b"POST /film HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    b"POST /film HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /film HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\nabc",
    b"POST /film HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"PUT /api/v1/streams/film HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    b"DELETE /api/v1/streams/film HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\n\r\n",
    b"SOURCE /film ICE/1.0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT film:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://elsewhere/film.mkv HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /status HTTP/1.1\r\n\r\n",
    b"GET /status HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"PUT /film HTTP/1.1\r\nHost: evil\r\nOrigin: http://evil\r\nContent-Length: 1\r\n\r\nx",
)


class Chaos:
    """
    All kinds of harm, one after the other and several at once.

    @ivar disk: where C{studio} is recorded.
    @ivar warm: when everything had been done once.
    """

    def __init__(self, soak: Soak) -> None:
        self.soak = soak
        self.disk: Path | None = None
        self.warm = float("inf")
        self.done: Counter[str] = Counter()
        self.senders: dict[str, Sender] = {}
        self.studio = 0
        self._reading = asyncio.Lock()

    def _all(self) -> list[Harm]:
        harms: list[Harm] = [
            self.kill_a_sender,
            self.a_silent_sender,
            self.a_false_sender,
            self.a_second_sender,
            self.a_second_sender_over_http,
            self.read_again,
            self.a_stream_more_and_less,
            self.other_settings,
            self.settings_that_restart,
            self.mistakes_in_the_file,
            self.revoke_tokens,
            self.restart_a_stream,
            self.disconnect_a_client,
            self.half_open_requests,
            self.a_crowd,
            self.nonsense,
            self.one_who_never_reads,
        ]
        if self.disk is not None:
            harms.append(self.fill_the_disk)
        return harms

    async def run(self, seconds: float) -> None:
        """Do every harm in a random order, again and again; each at most once at a time."""
        pick = self.soak.pick
        deadline = time.monotonic() + seconds
        running: dict[str, asyncio.Task[None]] = {}
        while time.monotonic() < deadline:
            harms = self._all()
            pick.shuffle(harms)
            for harm in harms:
                await asyncio.sleep(pick.uniform(2, 8))
                if time.monotonic() > deadline:
                    break
                name = harm.__name__
                if name not in running or running[name].done():
                    running[name] = asyncio.create_task(self._do(name, harm))
            else:
                if self.warm == float("inf"):
                    await asyncio.gather(*running.values())
                    await asyncio.sleep(SAMPLE)
                    self.warm = time.monotonic()
        await asyncio.gather(*running.values())

    async def _do(self, name: str, harm: Harm) -> None:
        said = name.replace("_", " ")
        self.soak.say(said)
        self.done[said] += 1
        try:
            await harm()
        except TimeoutError:
            self.soak.too_late(f"{said}: no answer")
        except (OSError, EOFError, ValueError, LookupError) as error:
            self.soak.fault(f"{said}: {type(error).__name__} {error}")

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[Stream]:
        """Return a stream's context in which no other harm is done to the stream."""
        stream = self.soak.streams[name]
        async with stream.busy:
            yield stream

    # senders

    async def kill_a_sender(self) -> None:
        """Kill a sender in the middle of a packet: its stream recovers."""
        name = self.soak.pick.choice(sorted(self.senders))
        async with self._alone(name) as stream:
            stream.harm()
            self.senders[name].kill()
            await asyncio.sleep(HARMED)

    @asynccontextmanager
    async def _instead_of_a_sender(self) -> AsyncIterator[asyncio.StreamWriter]:
        """Connect to the studio in place of its sender, which comes back afterwards."""
        async with self._alone("studio") as stream:
            stream.harm(2 * HARMED)
            sender = self.senders["studio"]
            sender.wanted.clear()
            sender.kill()
            await self.soak.until("the studio waits for a sender", self._waits)
            reader, writer = await asyncio.open_connection("127.0.0.1", self.studio)
            try:
                yield writer
                async with asyncio.timeout(HARMED):
                    with suppress(ConnectionError):
                        await reader.read()
            finally:
                writer.transport.abort()
                sender.wanted.set()
            stream.excused = 0
            stream.harm()
            await asyncio.sleep(HARMED)

    async def _waits(self) -> bool:
        streams = await self.soak.status()
        return bool(streams["studio"]["state"] == "waiting for a sender")

    async def a_silent_sender(self) -> None:
        """Connect a sender that sends nothing: the server disconnects the sender."""
        async with self._instead_of_a_sender():
            pass

    async def a_false_sender(self) -> None:
        """Connect a sender that sends no media: the server disconnects the sender."""
        async with self._instead_of_a_sender() as writer:
            writer.write(self.soak.pick.randbytes(100_000))
            writer.write_eof()

    async def a_second_sender(self) -> None:
        """Connect a second sender: the server rejects the second, and the first goes on."""
        async with self._alone("studio"):
            with suppress(ConnectionError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.studio)
                try:
                    writer.write(b"\x47" * 188)
                    async with asyncio.timeout(START):
                        await reader.read()
                except TimeoutError:
                    self.soak.fault("a second sender was not turned away")
                finally:
                    writer.transport.abort()

    async def a_second_sender_over_http(self) -> None:
        """Publish beside a sender: the server answers with 409."""
        async with self._alone("web"):
            code, _ = await self.soak.ask("PUT", "/web", {}, self.soak.tokens["send"])
            if code != 409:
                self.soak.fault(f"a second sender over HTTP got {code}")

    # the configuration

    async def _reload(self, *, over_http: bool = False) -> None:
        """Have the configuration read again, and check that exactly its streams exist."""
        server = self.soak.server
        server.write()
        if over_http:
            await self.soak.ask("POST", "/api/v1/reload")
        else:
            server.signal(signal.SIGHUP)

        async def as_written() -> bool:
            return set(await self.soak.status()) == set(server.streams)

        await self.soak.until("the streams are those in the file", as_written)

    async def read_again(self) -> None:
        """Read the configuration again unchanged: no client notices."""
        async with self._reading:
            await self._reload(over_http=True)

    async def a_stream_more_and_less(self) -> None:
        """Add a stream, watch it, and remove it."""
        streams = self.soak.server.streams
        async with self._reading:
            streams["guest"] = {"input": "film.mkv", "at_end": "loop"}
            await self._reload()
            await self.soak.join(Stream("guest", (), {}))
            del streams["guest"]
            await self._reload()
        if (await self.soak.ask("GET", "/guest.mkv"))[0] != 404:
            self.soak.fault("a stream that is gone can be watched")

    async def other_settings(self) -> None:
        """Change a setting that applies at once."""
        async with self._reading:
            self.soak.server.streams["film"]["burst"] = self.soak.pick.choice((0, 2, 5))
            await self._reload()

    async def settings_that_restart(self) -> None:
        """Change a setting that restarts the stream."""
        async with self._alone("studio") as stream, self._reading:
            stream.harm()
            self.soak.server.streams["studio"]["buffer"] = self.soak.pick.choice((10, 20, 30))
            await self._reload()
            await asyncio.sleep(HARMED)

    async def mistakes_in_the_file(self) -> None:
        """Write a file with mistakes: the streams stay as they are."""
        texts = (
            "[streams",
            "[streams.film]\nbufer = 3\n",
            "[streams.film]\ninput = 'no.mkv'\n",
            "",
        )
        async with self._reading:
            before = set(await self.soak.status())
            self.soak.server.write(self.soak.pick.choice(texts[:3]))
            self.soak.server.signal(signal.SIGHUP)
            await asyncio.sleep(1)
            if set(await self.soak.status()) != before:
                self.soak.fault("a file with mistakes has changed the streams")
            self.soak.server.write()

    async def revoke_tokens(self) -> None:
        """Replace tokens: the old ones are rejected, and clients that are connected stay."""
        async with self._alone("web"), self._reading:
            old = dict(self.soak.tokens)
            self.soak.new_tokens()
            await self._reload()
            await asyncio.sleep(1)
            for method, target, what in (("HEAD", "/web.mkv", "watch"), ("PUT", "/web", "send")):
                code, _ = await self.soak.ask(method, target, token=old[what])
                if code != 401:
                    self.soak.fault(f"{method} {target} with a token that was revoked: {code}")
            code, _ = await self.soak.ask("HEAD", "/web.mkv", token=self.soak.tokens["watch"])
            if code != 200:
                self.soak.fault(f"a new token is answered with {code}")

    # the management interface

    async def restart_a_stream(self) -> None:
        """Restart a stream over the management interface."""
        name = self.soak.pick.choice(("spare", "studio", "web"))
        async with self._alone(name) as stream:
            stream.harm()
            code, _ = await self.soak.ask("POST", f"/api/v1/streams/{name}/restart")
            if code != 200:
                self.soak.fault(f"{name} cannot be restarted: {code}")
            await asyncio.sleep(HARMED)

    async def disconnect_a_client(self) -> None:
        """Disconnect one client: the responses of the others go on."""
        target = self.soak.target("/film.mkv")
        async with opened(self.soak.port, target, headers={"User-Agent": "victim"}) as response:
            body = aiter(response)
            await anext(body)
            clients = (await self.soak.status())["film"]["clients"]
            victim = next(client for client in clients if client["user_agent"] == "victim")
            code, _ = await self.soak.ask("DELETE", f"/api/v1/streams/film/clients/{victim['id']}")
            if code != 200:
                self.soak.fault(f"a client cannot be disconnected: {code}")
            with suppress(OSError, EOFError):
                async with asyncio.timeout(START):
                    async for _ in body:
                        pass

    # the disk

    async def fill_the_disk(self) -> None:
        """Fill the disk of a recording: the stream goes on, and so does the recording later."""
        assert self.disk is not None
        async with self._alone("studio"):
            filling = self.disk / "filling"
            with suppress(OSError), filling.open("wb") as file:
                while True:
                    file.write(bytes(1 << 16))

            async def gives_up() -> bool:
                said = (await self.soak.status())["studio"]["recording"]
                return said is not None and "cannot record" in said

            async def goes_on() -> bool:
                return not await gives_up()

            await self.soak.until("recording is given up when the disk is full", gives_up)
            await asyncio.sleep(SILENCE)
            for path in self.disk.iterdir():
                if path != filling:
                    _read_recording(path)
                path.unlink()
            await self.soak.until("recording goes on when there is room again", goes_on)

    # clients

    def _connected(self, said: bytes, count: int) -> list[socket.socket]:
        """Return so many connections that have sent a text and read nothing."""
        made = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", self.soak.port))
            client.setblocking(False)
            made.append(client)
            client.send(said)
        return made

    async def _crowd(self, said: bytes, count: int) -> list[socket.socket]:
        """Return so many such connections, made in steps: the watchers in this process go on."""
        made = []
        for at in range(0, count, 100):
            made += self._connected(said, min(100, count - at))
            await asyncio.sleep(0)
        return made

    async def half_open_requests(self) -> None:
        """Begin requests and never end them: clients can still join."""
        clients = await self._crowd(b"GET /film.mkv HTTP/1.1\r\nHost: x\r\n", HALF_OPEN)
        try:
            until = time.monotonic() + HELD
            while time.monotonic() < until:
                await self.soak.join(self.soak.streams["film"])
                await asyncio.sleep(5)
        finally:
            for client in clients:
                client.close()

    async def a_crowd(self) -> None:
        """Connect many clients at once, and reset their connections at once."""
        target = self.soak.target("/film.mkv?burst=10")
        clients = await self._crowd(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), CROWD)
        await asyncio.sleep(5)
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()

    async def one_who_never_reads(self) -> None:
        """Connect a client that reads nothing: the server disconnects the client within 60 s."""
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", self.soak.port))
            client.send(b"GET /demo.mkv?burst=30 HTTP/1.1\r\nHost: x\r\nUser-Agent: idle\r\n\r\n")
            await asyncio.sleep(60)
            clients = (await self.soak.status())["demo"]["clients"]
            if any(client["user_agent"] == "idle" for client in clients):
                self.soak.fault("a client that takes nothing is still there")

    async def nonsense(self) -> None:
        """Send malformed requests: none is answered with status 500."""
        for text in NONSENSE:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.soak.port)
            try:
                writer.write(text)
                async with asyncio.timeout(1):
                    said = await reader.readline()
                if b" 500 " in said:
                    self.soak.fault(f"{text[:60]!r} is answered with {said!r}")
            except (TimeoutError, ConnectionError):
                pass
            finally:
                writer.transport.abort()


def _read_recording(path: Path) -> None:
    """
    Check that a recording can be read.

    @raise NonsenseError: when it cannot.
    """
    if not sum(1 for _ in MatroskaParser().feed(path.read_bytes())):
        raise NonsenseError(f"{path.name}: nothing was recorded")


# -- The report ---------------------------------------------------------------


def report(soak: Soak) -> Iterator[str]:
    """Yield the lines of the report."""
    chaos = soak.chaos
    yield from soak.judge_process(chaos.warm)
    yield ""
    yield "what was done: " + ", ".join(f"{name} {count}" for name, count in chaos.done.items())
    yield "events: " + ", ".join(f"{name} {count}" for name, count in soak.events.items())
    yield "errors and warnings in the log:"
    yield from (f"  {count:5} {text}" for text, count in soak.errors.most_common())
    yield ""
    heads = f"{'stream':8}{'joins':>7}{'frames':>10}{'late by':>9}{'to join':>9}"
    yield f"{heads}  seen, most of it while harmed"
    for stream in soak.streams.values():
        seen = ", ".join(f"{count} {kind}" for kind, count in stream.seen.items())
        times = f"{stream.worst:7.2f} s{stream.slowest:7.2f} s"
        yield f"{stream.name:8}{stream.joins:7}{stream.frames:10}{times}  {seen or '-'}"
    yield f"this script itself was late by {soak.absent:.2f} s at most"
    yield ""
    yield from (f"WRONG: {text}" for text in soak.faults)
    yield f"{len(soak.faults)} faults" if soak.faults else "nobody noticed anything"


async def soaked(options: argparse.Namespace, directory: Path) -> int:
    """Run, and print the report; return the exit status."""
    soak = Soak(options, directory)
    task = asyncio.ensure_future(soak.run())
    for number in (signal.SIGINT, signal.SIGTERM):  # an early end, with a report
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        soak.fault("ended before its time")
    for line in report(soak):
        soak.say(line)
    return 1 if soak.faults else 0


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long harm is done")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for configuration and logs")
    parser.add_argument("--port", type=int, help="of the server; else one that is free")
    parser.add_argument("--send", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        send(*options.send)
        return 0
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < 2 * HALF_OPEN:
        parser.error(f"only {most} files can be open: ulimit -Hn {2 * HALF_OPEN} is needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="mkvtwist-soak-") as temporary:
        directory = options.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        return asyncio.run(soaked(options, directory.resolve()))


if __name__ == "__main__":
    sys.exit(main())
