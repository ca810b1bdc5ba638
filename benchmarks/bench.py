"""What a scenario works with, and where its figures go."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.accounting import family, other_cpu_seconds
from benchmarks.clip import clip_file, load
from benchmarks.measure import Watch, Window, percentile, watching
from benchmarks.processes import BenchmarkError, Sink
from benchmarks.results import Measurement
from benchmarks.servers import PEERS, Server
from benchmarks.tools import Tools

BITRATE = 3_000_000
"""Of the clip, where a scenario does not vary it: a good picture of 720p."""

SETTLE_SECONDS = 3.0
"""Between joining and measuring: bursts are sent, buffers find their size."""

JOIN_SECONDS = 60.0
"""The longest that a crowd may take; those who have no media by then have none."""

SEGMENTS = "mkvtwist-segments"
"""The name of the one with C{--whole-segments}."""

NOISE = 0.05
"""The share of the machine that others may use while something is measured."""

CALM_SECONDS = 1.0
"""How long they are watched, before."""


@dataclass
class Bench:
    """
    The choices of one run, and its readings.

    @ivar mkvtwist: makes an mkvtwist with these options.
    @ivar chosen: names of the servers to run; empty: all that are installed.
    @ivar patience: how many seconds to wait for the machine's other users to be quiet.
    """

    tools: Tools
    cache: Path
    floor: Server
    mkvtwist: Callable[[Sequence[str]], Server]
    full: bool
    chosen: frozenset[str]
    repeats: int | None
    seconds: float | None
    clients: int | None
    patience: float
    readings: list[Measurement] = field(default_factory=list)

    def times(self, quick: int, full: int) -> range:
        """The repetitions."""
        return range(self.repeats or (full if self.full else quick))

    def span(self, quick: float, full: float) -> float:
        """How long a window is."""
        return self.seconds or (full if self.full else quick)

    def crowd(self, wanted: int) -> int:
        """How many clients: what the scenario wants, as far as user and tools allow it."""
        return self.tools.most_clients(min(wanted, self.clients or wanted))

    def servers(self) -> list[Server]:
        """The floor and mkvtwist, as far as they are chosen."""
        return self._choose([self.floor, self.mkvtwist(())])

    def segments(self) -> list[Server]:
        """The mkvtwist that sends whole segments, if chosen: for peers that do so too."""
        return self._choose([replace(self.mkvtwist(("--whole-segments",)), name=SEGMENTS)])

    def peers(self) -> list[Server]:
        """The peers, as far as they are installed and chosen."""
        found = []
        for peer in self._choose(PEERS):
            if reason := peer.missing():
                print(f"   {peer.name}: {reason}")
            else:
                found.append(peer)
        return found

    def _choose(self, servers: Iterable[Server]) -> list[Server]:
        return [server for server in servers if not self.chosen or server.name in self.chosen]

    def clip(self, bitrate: int = BITRATE) -> Path:
        """The clip of this bitrate."""
        return clip_file(self.cache, bitrate)

    def record(
        self, scenario: str, case: str, number: float, server: str, figures: dict[str, float]
    ) -> None:
        """Keep these figures, and show them."""
        for figure, value in figures.items():
            self.readings.append(Measurement(scenario, case, number, server, figure, value))
        shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        print(f"   {case}, {server}: {shown}", flush=True)

    def calm(self) -> None:
        """Wait until the machine's other users are quiet, if they can be waited for."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline and others_share(CALM_SECONDS) > NOISE:
            pass

    def window(self, watch: Watch, sink: Sink, seconds: float, *, marks: bool = False) -> Window:
        """Measure when it is calm; once more if it did not stay so. The calmer window counts."""
        self.calm()
        window = watch.window(sink, seconds, marks=marks)
        if self.patience and noise(window) > NOISE:
            self.calm()
            window = min(window, watch.window(sink, seconds, marks=marks), key=noise)
        return window

    def deliver(
        self,
        server: Server,
        clients: int,
        seconds: float,
        *options: str,
        bitrate: int = BITRATE,
    ) -> dict[str, float]:
        """
        Serve so many clients, and measure cost and delay once they have settled.

        @param options: for the sink.
        @return: figures; only C{delivered}, 0, when the server could not do it.
        """
        clip = self.clip(bitrate)
        rate = load(clip).bitrate
        try:
            with watching(server, clip, self.tools) as watch:
                sink = watch.sink(
                    clients, f"--rate={server.join_rate}", "--marks", "--kernel-time", *options
                )
                watch.join(sink, JOIN_SECONDS)
                watch.settle(SETTLE_SECONDS)
                window = self.window(watch, sink, seconds, marks=True)
        except BenchmarkError as error:
            print(f"   {server.name}, {clients} clients: {error}")
            return {"delivered": 0.0}
        return cost(window, clients, rate) | delay(window)


def cost(window: Window, clients: int, bitrate: float) -> dict[str, float]:
    """
    What a window cost.

    @param clients: how many should have had media.
    @param bitrate: of the stream.
    """
    figures = {
        "cores": window.cpu / window.seconds,
        "delivered": 100 * window.bytes * 8 / window.seconds / (clients * bitrate),
        "noise": 100 * noise(window),
    }
    if window.bytes:
        figures["cpu_per_gb"] = window.cpu / (window.bytes / 1e9)
    return figures


def delay(window: Window) -> dict[str, float]:
    """
    From the sender's write of a frame to the last client's socket, in milliseconds.

    Half of the frames, and all but one in a hundred, took no longer.
    """
    times = window.end.get("last_us")
    if not times:
        return {}
    return {"p50_ms": percentile(times, 0.5) / 1000, "p99_ms": percentile(times, 0.99) / 1000}


def noise(window: Window) -> float:
    """The share of the machine that others used."""
    return window.others / window.seconds / len(os.sched_getaffinity(0))


def others_share(seconds: float) -> float:
    """The share of the machine that others use in the next seconds."""
    ours = family(os.getpid())
    before = other_cpu_seconds(ours)
    time.sleep(seconds)
    used = other_cpu_seconds(ours) - before
    return max(0.0, used) / seconds / len(os.sched_getaffinity(0))


def with_ratios(figures: dict[str, float], floor: dict[str, float]) -> dict[str, float]:
    """Add what the floor of the same repetition makes of these figures."""
    ratios = {"cpu_per_gb": "floor_ratio", "p50_ms": "p50_ratio", "p99_ms": "p99_ratio"}
    return figures | {
        ratio: figures[name] / floor[name]
        for name, ratio in ratios.items()
        if name in figures and floor.get(name)
    }
