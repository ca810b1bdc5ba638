"""
Inputs that are read in threads of the server, beside inputs in processes of their own.

Both run in turn within one repetition, so that what disturbs one is likely to disturb the other.
"""

import json
import os
import re
import time
import urllib.request
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from subprocess import TimeoutExpired
from tempfile import TemporaryDirectory

import av

from benchmarks import accounting
from benchmarks.bench import BITRATE, JOIN_SECONDS, SETTLE_SECONDS, Bench, delay, noise
from benchmarks.clip import lay_out, load
from benchmarks.measure import Watch, serving_files, watching
from benchmarks.processes import BenchmarkError

WAYS = ("thread", "process")
"""What C{--isolation} takes."""

RECORDING_TIMEOUT = 120.0
"""Seconds that a recording may take."""

OPENINGS = 20
"""Openings of which the median is taken: each takes some milliseconds."""


def isolation(bench: Bench) -> None:
    """Threads beside processes: many files, one sender, openings, memory, a recording."""
    for _ in bench.times(1, 3):
        for count in (50, 120, 200) if bench.full else (50,):
            for watched in (False, True):
                for way in WAYS:
                    _many(bench, count, way, watched=watched)
        for way in WAYS:
            _one(bench, way)
        for way in WAYS:
            _openings(bench, way)
        _recordings(bench)


def _record(bench: Bench, case: str, number: float, way: str, figures: dict[str, float]) -> None:
    bench.record("isolation", case, number, way, figures)


def _status(watch: Watch) -> dict[str, float]:
    """The seconds of media that each stream has brought so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{watch.running.port}/status", timeout=30) as it:
        streams = json.load(it)["streams"]
    return {name: (one["live_edge"] or {"media": 0.0})["media"] for name, one in streams.items()}


def _proportional_bytes(pids: Iterable[int]) -> int:
    """Memory of processes: what they have for themselves, and their share of the rest (PSS)."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) * 1024
    return total


def _many(bench: Bench, count: int, way: str, *, watched: bool) -> None:
    """Files that are played at their speed, with a client for each, or with nobody."""
    clip = bench.clip()
    film = lay_out(clip, bench.cache)
    case = f"{count} files, " + ("a client each" if watched else "nobody watches")
    try:
        with serving_files(
            bench.mkvtwist, film, count, bench.tools, f'isolation = "{way}"'
        ) as watch:
            own = watch.running.child.process.pid
            if watched:
                sink = watch.sink(count, f"--streams={count}", "--rate=500", path="/s%d.mkv")
                watch.join(sink, JOIN_SECONDS)
            watch.settle(SETTLE_SECONDS * 2)
            bench.calm()
            pids = watch.pids
            ours = accounting.family(os.getpid()) | {os.getpid()}
            begin, media = time.monotonic(), _status(watch)
            cpu = accounting.cpu_seconds([own]), accounting.cpu_seconds(pids)
            others = accounting.other_cpu_seconds(ours)
            time.sleep(bench.span(10, 20))
            after = _status(watch)
            passed = time.monotonic() - begin
            figures = {
                "server_cores": (accounting.cpu_seconds([own]) - cpu[0]) / passed,
                "cores": (accounting.cpu_seconds(pids) - cpu[1]) / passed,
                "delivered": 100 * (sum(after.values()) - sum(media.values())) / passed / count,
                "pss_mb": _proportional_bytes(pids) / 1e6 / count,
                "noise": 100
                * (accounting.other_cpu_seconds(ours) - others)
                / passed
                / len(os.sched_getaffinity(0)),
            }
    except (BenchmarkError, OSError) as error:
        print(f"   {case}, {way}: not measured: {error}")
        return
    _record(bench, case, count, way, figures)


def _one(bench: Bench, way: str) -> None:
    """A sender and a client: when the frames arrive, and what that costs."""
    server = bench.mkvtwist([f"--isolation={way}"])
    clip = bench.clip()
    with watching(server, clip, bench.tools) as watch:
        own = watch.running.child.process.pid
        sink = watch.sink(1, "--marks", "--kernel-time")
        watch.join(sink, JOIN_SECONDS)
        watch.settle(SETTLE_SECONDS)
        bench.calm()
        cpu = accounting.cpu_seconds([own])
        window = watch.window(sink, bench.span(10, 30), marks=True)
        cpu = accounting.cpu_seconds([own]) - cpu
    figures = {
        "server_cores": cpu / window.seconds,
        "cores": window.cpu / window.seconds,
        "delivered": 100 * window.bytes * 8 / window.seconds / load(clip).bitrate,
        "noise": 100 * noise(window),
    }
    _record(bench, "1 sender, 1 client", 1, way, figures | delay(window))


def _openings(bench: Bench, way: str) -> None:
    """A file on demand: from a client's request to its first media."""
    film = lay_out(bench.clip(), bench.cache)
    settings = f'isolation = "{way}"\non_demand = true\nlinger = 0'
    took = []
    with serving_files(bench.mkvtwist, film, 1, bench.tools, settings) as watch:
        watch.settle(1)
        for _ in range(OPENINGS):
            began = time.monotonic()
            url = f"http://127.0.0.1:{watch.running.port}/s0.mkv"
            with urllib.request.urlopen(url, timeout=30) as answer:
                answer.read(100_000)  # the head, and first packets
            took.append(time.monotonic() - began)
            watch.settle(0.3)  # the file is closed
    took.sort()
    figures = {"p50_ms": 1000 * took[len(took) // 2], "p99_ms": 1000 * took[-1]}
    _record(bench, "on demand: to the first 100 kB", 0, way, figures)


def _recordings(bench: Bench) -> None:
    """
    A file is recorded as fast as it can be read, in both ways; the packets must be the same.

    How packets are grouped into Clusters depends on when they come, in either way.
    """
    film = lay_out(bench.clip(6 * BITRATE), bench.cache)
    with TemporaryDirectory(prefix="mkvtwist-bench-") as name:
        paths = [Path(name, f"{way}.mkv") for way in WAYS]
        for way, path in zip(WAYS, paths, strict=True):
            _recording(bench, film, path, way)
        if _packets(paths[0]) != _packets(paths[1]):
            raise BenchmarkError("the recordings are not the same")


def _packets(path: Path) -> str:
    """Return a digest of all packets of a file, with their times."""
    digest = sha256()
    with av.open(str(path)) as container:
        for packet in container.demux():
            head = (packet.stream_index, packet.pts, packet.dts, packet.is_keyframe)
            digest.update(repr(head).encode() + bytes(packet))
    return digest.hexdigest()


def _recording(bench: Bench, film: Path, path: Path, way: str) -> None:
    configuration = path.with_suffix(".toml")
    configuration.write_text(
        f"[streams.live]\ninput = {json.dumps(str(film))}\nisolation = {json.dumps(way)}\n"
        f'readrate = 0\nat_end = "exit"\nrecord = {json.dumps(str(path))}\n'
    )
    with ExitStack() as stack:
        running = bench.mkvtwist([f"--config={configuration}"]).start(stack, None, path.parent)
        began = time.monotonic()
        try:
            running.child.process.wait(RECORDING_TIMEOUT)
        except TimeoutExpired:
            raise BenchmarkError("the recording takes too long") from None
        seconds = time.monotonic() - began
    megabytes = path.stat().st_size / 1e6
    figures = {"seconds": seconds, "recorded_mb": megabytes}
    _record(bench, "a file is recorded", 0, way, figures)
