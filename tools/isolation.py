"""
Measures inputs that are read in threads, and in processes of their own.

    python -m tools.isolation many --streams=50      processor's time, and what was delivered
    python -m tools.isolation crash                  gaps that viewers have when readers crash
    python -m tools.isolation crashes --minutes=10   what crashes leave behind
    python -m tools.isolation fuzz --count=100000    gaps of viewers beside senders of damaged media
    python -m tools.isolation tags                   gaps of viewers beside 30,000 tags
    python -m tools.isolation blocked                the end of an input that is blocked

C{ffmpeg} makes the clip. A night of damaged media, with no end but the clips'::

    python -m tools.isolation fuzz --count=100000 --minutes=720 --only=process --keep=night

If others work on the machine, compare each gap with those that are printed beside it: of a process
that works as much as the server (the machine's), and of the server's answers (its reactor's). The
folder of C{--keep} gets the server's log, and each damaged clip that crashed a reader. With
C{--stalls} the log says where the reactor stands still; see L{tools.stalls}.
"""

# ruff: noqa: T201 (a script speaks by printing)

import argparse
import json
import multiprocessing
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from queue import Empty
from typing import Any

from tests.support import hostile
from tools import mutate

PORT = 18_000 + os.getpid() % 10_000
SENDERS = 8
READING_TIME = 20.0
"""Seconds until a sender goes on without the end of its clip being reported."""

ROOT = Path(__file__).resolve().parents[1]

TICKS = os.sysconf("SC_CLK_TCK")

PATIENCE = 60
"""Seconds until all streams are live; then they are measured all the same."""

Pids = list[int]


def make_clip(folder: Path, minutes: int) -> Path:
    """Write H.264 and AAC, 3 Mbit/s and 77 packets a second."""
    once, path = folder / "minute.mkv", folder / "clip.mkv"
    words = (
        "ffmpeg -v error -f lavfi -i testsrc2=size=640x360:rate=30:duration=60"
        " -f lavfi -i sine=frequency=440:sample_rate=48000:duration=60"
        " -c:v libx264 -preset ultrafast -tune zerolatency -g 60 -b:v 2900k -minrate 2900k"
        " -maxrate 2900k -bufsize 1M -nal-hrd cbr -c:a aac -b:a 100k"
    )
    subprocess.run([*shlex.split(words), str(once)], check=True)
    laps = ["ffmpeg", "-v", "error", "-stream_loop", str(minutes - 1), "-i", str(once)]
    subprocess.run([*laps, "-c", "copy", str(path)], check=True)
    return path


class Running:
    """A server with its processes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def status(self) -> dict[str, Any]:
        """Everything that the server says of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/status", timeout=30) as answer:
            made: dict[str, Any] = json.load(answer)
            return made

    def media(self) -> float:
        """The seconds of media that have arrived, of all streams together."""
        streams = self.status()["streams"].values()
        return float(sum((one["live_edge"] or {"media": 0})["media"] for one in streams))

    def wait(self, streams: int, patience: int) -> None:
        """Wait until all streams are live, and have sent what they may send at once."""
        for _ in range(patience):
            time.sleep(1)
            with suppress(OSError):
                shown = self.status()["streams"].values()
                if sum((one["live_edge"] or {"media": 0})["media"] > 5 for one in shown) == streams:
                    return

    @property
    def workers(self) -> Pids:
        """The processes that read inputs."""
        return [child for zygote in children(self.process.pid) for child in children(zygote)]

    def seconds(self) -> tuple[float, float]:
        """The processor's time of the server, and of all its processes."""
        own = cpu(self.process.pid)
        others = [*children(self.process.pid), *self.workers]
        return own, own + sum(map(cpu, others))


@contextmanager
def server(
    folder: Path,
    source: Path | str,
    streams: int,
    isolation: str,
    senders: int = 0,
    *,
    patience: int = PATIENCE,
    stalls: bool = False,
) -> Iterator[Running]:
    """
    A server of so many streams, all of one file, and of some that wait for senders.

    @param stalls: whether its log says where its reactor stands still.
    """
    lines = [f'listen = ["tcp:{PORT}:interface=127.0.0.1"]']
    lines += [f'management_listen = ["tcp:{PORT + 1}:interface=127.0.0.1"]', "[defaults]"]
    lines += [f'isolation = "{isolation}"', "readrate_initial_burst = 2"]
    for number in range(streams):
        lines += [f"[streams.s{number}]", f'input = "{source}"']
        lines += ['at_end = "loop"'] * isinstance(source, Path)
    for number in range(senders):
        lines += [f"[streams.f{number}]", f'input = "tcp:{PORT + 2 + number}"', "optional = true"]
    config = folder / "config.toml"
    config.write_text("\n".join(lines))
    twistd = str(Path(sys.executable).parent / "twistd")
    program = [sys.executable, "-m", "tools.stalls"] if stalls else [twistd]
    command = [*program, "-n", "--pidfile=", "mkvserve", f"--config={config}"]
    with (folder / f"log.{isolation}").open("wb") as log:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment)
    try:
        running = Running(process)
        running.wait(streams, patience)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        process.wait(30)
        print(f"{isolation:8} ended in {time.monotonic() - began:.2f} s")


def children(pid: int) -> Pids:
    """The processes that one has made."""
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def fields(pid: int) -> list[str]:
    """What the kernel says of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu(pid: int) -> float:
    """The processor's time that a process has taken, in seconds."""
    with suppress(OSError):
        return sum(map(int, fields(pid)[11:13])) / TICKS
    return 0.0


def memory(pid: int) -> int:
    """The kilobytes that a process has for itself, and its share of what it has with others."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def many(folder: Path, clip: Path, isolation: str, options: argparse.Namespace) -> None:
    """Measure many streams of a file."""
    with server(folder, clip, options.streams, isolation) as running:
        own, together, media = *running.seconds(), running.media()
        began = time.monotonic()
        time.sleep(options.seconds)
        media = running.media() - media
        passed = time.monotonic() - began
        own, together = (b - a for a, b in zip((own, together), running.seconds(), strict=True))
        workers = running.workers
        size = sum(map(memory, workers)) / max(1, len(workers)) / 1024
        print(
            f"{isolation:8} {options.streams} streams: server {own / passed:.0%},"
            f" together {together / passed:.0%} of a core,"
            f" delivered {media / passed / options.streams:.0%}, {size:.1f} MB a worker"
        )


class Control:
    """
    Two processes that measure gaps beside those of viewers: of the machine, and of the reactor.

    The first works for a fifth of the time, as the server does, and notes by how much each turn is
    late: the machine gives a process that only sleeps a processor sooner. The second asks for a
    page that costs the server nothing, and notes the longest wait.
    """

    def __init__(self) -> None:
        self._longest = [multiprocessing.Value("d", 0.0) for _ in range(2)]
        self._processes = [
            multiprocessing.Process(target=target, args=(longest,), daemon=True)
            for target, longest in zip((self._work, self._ask), self._longest, strict=True)
        ]
        for process in self._processes:
            process.start()

    @staticmethod
    def _work(longest: Any) -> None:
        while True:
            began, used = time.monotonic(), time.process_time()
            time.sleep(0.02)
            while time.process_time() - used < 0.005:
                pass
            longest.value = max(longest.value, time.monotonic() - began - 0.025)

    @staticmethod
    def _ask(longest: Any) -> None:
        connection = HTTPConnection("127.0.0.1", PORT, timeout=60)
        while True:
            began = time.monotonic()
            with suppress(OSError, HTTPException):
                connection.request("GET", "/static/nothing")
                connection.getresponse().read()
            longest.value = max(longest.value, time.monotonic() - began)
            time.sleep(0.05)

    def finish(self, running: Running) -> str:
        """End the processes, and return what they have measured."""
        for process in self._processes:
            process.kill()
        machine, reactor = (longest.value for longest in self._longest)
        used, waited, _ = Path(f"/proc/{running.process.pid}/schedstat").read_text().split()
        return (
            f"the machine's longest gap is {machine:.2f} s, the reactor's {reactor:.2f} s, the"
            f" server has had a processor for {int(used) / 1e9:.0f} s, and has waited for one for"
            f" {int(waited) / 1e9:.0f} s"
        )


class Viewer:
    """A viewer that notes when something comes."""

    def __init__(self, name: str) -> None:
        self.gap = 0.0
        self.at = 0.0
        self.ended = False
        self._name = name
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        url = f"http://127.0.0.1:{PORT}/{self._name}.mkv"
        with suppress(OSError), urllib.request.urlopen(url, timeout=60) as answer:
            last = time.monotonic()
            while answer.read1(1 << 16):
                now = time.monotonic()
                if now - last > self.gap:
                    self.gap, self.at = now - last, time.time()
                last = now
        self.ended = True


def crash(folder: Path, clip: Path, isolation: str, _: argparse.Namespace) -> None:
    """Crash the reader of one stream of two, once."""
    if isolation == "thread":
        return
    with server(folder, clip, 2, isolation) as running:
        viewers = [Viewer(f"s{number}") for number in (0, 0, 0, 0, 0, 1, 1, 1, 1, 1)]
        time.sleep(5)
        before = max(viewer.gap for viewer in viewers)
        os.kill(running.workers[0], signal.SIGSEGV)
        time.sleep(8)
        gaps = sorted(viewer.gap for viewer in viewers)
        print(
            f"{isolation:8} one of two readers has crashed: gaps of {before:.2f} s before;"
            f" {gaps[0]:.2f} to {gaps[4]:.2f} s of the other stream, {gaps[5]:.2f} to"
            f" {gaps[-1]:.2f} s of its own; {sum(v.ended for v in viewers)} responses ended"
        )


def crashes(folder: Path, clip: Path, isolation: str, options: argparse.Namespace) -> None:
    """Crash the reader of one stream of two, 50 times a minute."""
    if isolation == "thread":
        return
    with server(folder, clip, 2, isolation) as running:
        viewers = [Viewer("s1") for _ in range(5)]
        control = Control()
        other = running.workers[1]
        time.sleep(5)
        begin = len(os.listdir(f"/proc/{running.process.pid}/fd")), memory(running.process.pid)
        number = 0
        end = time.monotonic() + options.minutes * 60
        while time.monotonic() < end:
            time.sleep(1.2)
            for pid in running.workers:
                if pid != other:
                    os.kill(pid, random.choice((signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL)))  # noqa: S311
                    number += 1
        time.sleep(5)
        log = (folder / f"log.{isolation}").read_text()
        ended = [log.count(f"stream s{number}: {clip}: its process was ended") for number in (0, 1)]
        longest = max(viewers, key=lambda viewer: viewer.gap)
        zygote = children(running.process.pid)[0]
        zombies = sum(fields(pid)[0] == "Z" for pid in [zygote, *running.workers])
        after = len(os.listdir(f"/proc/{running.process.pid}/fd")), memory(running.process.pid)
        print(
            f"{isolation:8} {number} crashes (in the log: {ended[0]} of s0, {ended[1]} of s1):"
            f" descriptors {begin[0]} -> {after[0]}, memory"
            f" {begin[1] // 1024} -> {after[1] // 1024} MB, {zombies} zombies, zygote has"
            f" {len(os.listdir(f'/proc/{zygote}/fd'))} descriptors; gap of the other stream"
            f" {longest.gap:.2f} s at {time.strftime('%X', time.localtime(longest.at))};"
            f" {control.finish(running)}"
        )


class Ends(threading.Thread):
    """
    Passes the reasons of the ends of senders' media on, as the server reports them.

    @ivar reasons: a queue for each sender.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.reasons: list[Any] = [multiprocessing.Queue() for _ in range(SENDERS)]
        self._events = urllib.request.urlopen(f"http://127.0.0.1:{PORT + 1}/api/v1/events")
        self.start()

    def run(self) -> None:
        """Read events until the server ends."""
        kind = ""
        with suppress(OSError):
            for line in self._events:
                name, _, value = line.decode().rstrip().partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind in ("input down", "sender refused"):
                    event = json.loads(value)
                    if event["stream"][0] == "f":
                        self.reasons[int(event["stream"][1:])].put(event["reason"])


@dataclass
class Plan:
    """
    A plan for all senders of damaged clips.

    @ivar originals: the clips that are damaged.
    @ivar seed: decides how; as for C{tools/mutate.py}.
    @ivar count: of clips, at most.
    @ivar end: the clock's time when the last one begins.
    @ivar keep: the folder for clips that have crashed their reader.
    """

    originals: list[Any]
    seed: int
    count: int
    end: float
    keep: Path


def send_damaged(sender: int, plan: Plan, reasons: Any, read: Any) -> None:
    """
    Send damaged clips, one after the other, each when the one before has been read.

    @param reasons: gets the reason of each end.
    @param read: the count of clips that have been read, by all senders.
    """
    for number in range(sender, plan.count, SENDERS):
        if time.monotonic() > plan.end:
            return
        data = mutate.mutated(plan.seed, number, plan.originals).data
        if not data:
            continue
        with suppress(Empty):
            while True:
                reasons.get_nowait()
        with suppress(OSError):
            there = socket.create_connection(("127.0.0.1", PORT + 2 + sender), timeout=READING_TIME)
            with there:
                with suppress(OSError):
                    there.sendall(data)
                    there.shutdown(socket.SHUT_WR)
                while there.recv(1 << 16):
                    pass
        with suppress(Empty):
            reason = reasons.get(timeout=READING_TIME)
            if " signal " in reason:
                (plan.keep / f"{number}.{reason.rpartition(' ')[2]}").write_bytes(data)
            with read.get_lock():
                read.value += 1


def fuzz(folder: Path, clip: Path, isolation: str, options: argparse.Namespace) -> None:
    """Send damaged clips, eight at a time, beside 20 viewers of a stream of its own."""
    keep = options.keep or folder
    keep.mkdir(parents=True, exist_ok=True)
    originals = mutate.sources([])
    with server(folder, clip, 1, isolation, SENDERS, stalls=options.stalls) as running:
        viewers = [Viewer("s0") for _ in range(20)]
        control = Control()
        time.sleep(3)
        began, size = time.monotonic(), memory(running.process.pid)
        plan = Plan(originals, options.seed, options.count, began + options.minutes * 60, keep)
        read = multiprocessing.Value("L", 0)
        senders = [
            multiprocessing.Process(target=send_damaged, args=(n, plan, reasons, read))
            for n, reasons in enumerate(Ends().reasons)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        rate = read.value / (time.monotonic() - began) * 60
        crashed = Counter(path.suffix[1:] for path in keep.glob("*.SIG*"))
        log = (folder / f"log.{isolation}").read_text(errors="replace")
        (keep / "log").write_text(log)
        gaps = sorted(viewers, key=lambda viewer: viewer.gap)
        at = time.strftime("%X", time.localtime(gaps[-1].at))
        clients = running.status()["streams"]["s0"]["clients"]
        skipped = sum(client["skipped_segments"] for client in clients)
        print(
            f"{isolation:8} {read.value} damaged clips read, {rate:.0f} a minute: the viewers'"
            f" longest gaps are {gaps[0].gap:.2f} to {gaps[-1].gap:.2f} s, the latter at {at},"
            f" {skipped} segments were skipped, {control.finish(running)},"
            f" {sum(viewer.ended for viewer in viewers)} responses ended, readers that crashed:"
            f" {dict(crashed)}, {log.count('Traceback')} tracebacks, server"
            f" {'runs' if running.process.poll() is None else 'has ended'},"
            f" {size // 1024} -> {memory(running.process.pid) // 1024} MB"
        )


def tags(folder: Path, clip: Path, isolation: str, _: argparse.Namespace) -> None:
    """Send a header with 30,000 tags, beside 20 viewers of another stream."""
    data = hostile.ATTACKS["30,000 tags"]()
    with server(folder, clip, 1, isolation, SENDERS) as running:
        viewers = [Viewer("s0") for _ in range(20)]
        time.sleep(5)
        before = max(viewer.gap for viewer in viewers)
        for viewer in viewers:
            viewer.gap = 0.0
        control = Control()
        with socket.create_connection(("127.0.0.1", PORT + 2), READING_TIME) as there:
            with suppress(OSError):
                there.sendall(data)
                there.shutdown(socket.SHUT_WR)
            while there.recv(1 << 16):
                pass
        time.sleep(8)
        print(
            f"{isolation:8} 30,000 tags: the longest gap of 20 viewers of another stream is"
            f" {before:.3f} s before, {max(viewer.gap for viewer in viewers):.3f} s with them;"
            f" {control.finish(running)}; {memory(running.process.pid) // 1024} MB"
        )


def is_free(port: int) -> bool:
    """Whether nobody listens at a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def blocked(folder: Path, _clip: Path, isolation: str, _: argparse.Namespace) -> None:
    """Remove an input that is blocked in libavformat, waiting for a sender; then end the server."""
    port = PORT + 2
    with server(folder, f"http://127.0.0.1:{port}/?listen=1", 1, isolation, patience=1) as running:
        began = time.monotonic()
        while is_free(port) and time.monotonic() - began < PATIENCE:
            time.sleep(0.1)
        workers, began = running.workers, time.monotonic()
        url = f"http://127.0.0.1:{PORT + 1}/api/v1/streams/s0"
        with urllib.request.urlopen(urllib.request.Request(url, method="DELETE")):
            while not is_free(port) and time.monotonic() - began < 5:
                time.sleep(0.01)
        state = "free" if is_free(port) else "still taken"
        left = sum(Path(f"/proc/{pid}").exists() for pid in workers)
        print(
            f"{isolation:8} a blocked input is removed: after {time.monotonic() - began:.2f} s its"
            f" port is {state}, {left} of {len(workers)} processes are left"
        )
    with server(folder, f"http://127.0.0.1:{port}/?listen=1", 1, isolation, patience=1):
        began = time.monotonic()
        while is_free(port) and time.monotonic() - began < PATIENCE:
            time.sleep(0.1)


MEASURES = {measure.__name__: measure for measure in (many, crash, crashes, fuzz, tags, blocked)}


def main() -> None:
    """Measure what was asked for, in both ways."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("what", choices=[*MEASURES])
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--only", choices=["thread", "process"])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the log and for clips that crash")
    parser.add_argument("--stalls", action="store_true", help="log where the reactor stands still")
    options = parser.parse_args()
    measure = MEASURES[options.what]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = make_clip(folder, min(60, int(options.minutes) + 2))  # its end would be measured
        for isolation in [options.only] if options.only else ["thread", "process"]:
            measure(folder, clip, isolation, options)


if __name__ == "__main__":
    main()
