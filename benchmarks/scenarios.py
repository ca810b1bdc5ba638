"""
What is measured: one function a scenario.

Each takes a L{Bench} and records figures in it. Servers that are compared run in
turn within one repetition, the floor first, so that what disturbs one is likely to
disturb the other; a ratio is always to the floor of the same repetition.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.bench import BITRATE, JOIN_SECONDS, SETTLE_SECONDS, Bench, cost, delay, with_ratios
from benchmarks.clip import lay_out, load
from benchmarks.isolation import isolation
from benchmarks.measure import serving_files, watching
from benchmarks.perclient import MOST_CLIENTS as PERCLIENT_MOST
from benchmarks.processes import BenchmarkError
from benchmarks.radio import BITRATE as RADIO_BITRATE
from benchmarks.radio import sound_file
from benchmarks.servers import Server


@dataclass(frozen=True)
class Scenario:
    """
    One thing that is measured.

    @ivar name: for the command line.
    @ivar summary: for the help, and above the table.
    """

    name: str
    summary: str
    run: Callable[[Bench], None]


@dataclass(frozen=True)
class Case:
    """
    What a repetition runs with.

    @ivar number: what is varied, for the plots; as words in C{name}, for the tables.
    """

    name: str
    number: float
    clients: int
    bitrate: int = BITRATE


def _crowd(clients: int) -> Case:
    return Case("1 client" if clients == 1 else f"{clients} clients", clients, clients)


def _side_by_side(
    bench: Bench, scenario: str, case: Case, servers: Iterable[Server], seconds: float
) -> None:
    """One repetition: each server in turn, with ratios to the floor where it is among them."""
    floor: dict[str, float] = {}
    for server in servers:
        figures = bench.deliver(server, case.clients, seconds, bitrate=case.bitrate)
        if server.name == "floor":
            floor = figures
        else:
            figures = with_ratios(figures, floor)
        bench.record(scenario, case.name, case.number, server.name, figures)


def fanout(bench: Bench) -> None:
    """Cost per gigabyte, beside the floor and the peers."""
    seconds = bench.span(6, 20)
    ours, segments, peers = bench.servers(), bench.segments(), bench.peers()
    popular = [*segments, *(p for p in peers if p.most_clients > PERCLIENT_MOST)]
    few = [*segments, *(p for p in peers if p.most_clients <= PERCLIENT_MOST)]
    for clients, others, quick in (
        (1000, popular if bench.full else [], 3),
        (200, popular, 1),
        (PERCLIENT_MOST, few, 1),
    ):
        case = _crowd(bench.crowd(clients))
        for _ in bench.times(quick, 5):
            _side_by_side(bench, "fanout", case, [*ours, *others], seconds)


def flashcrowd(bench: Bench) -> None:
    """All connect in one instant: until the slowest has its first byte of media."""
    clients = bench.crowd(1000)
    repeats = bench.times(3, 5)
    floor: list[float] = []
    for server in bench.servers():
        with watching(server, bench.clip(), bench.tools) as watch:
            watch.settle(SETTLE_SECONDS)  # the ring has a burst to give
            for turn in repeats:
                sink = watch.sink(clients)
                bench.calm()
                crowd = watch.join(sink, JOIN_SECONDS)
                slowest = crowd.get("first_us", {}).get("max", 0) / 1000
                figures = {
                    "first_ms": slowest,
                    "joined": 100 * crowd["with_media"] / clients,
                }
                if server.name == "floor":
                    floor.append(slowest)
                elif floor:
                    figures["first_ratio"] = slowest / floor[turn]
                bench.record("flashcrowd", _crowd(clients).name, clients, server.name, figures)
                sink.end()
                watch.settle(SETTLE_SECONDS)  # the server has seen them go


def latency(bench: Bench) -> None:
    """From the sender's write of a frame to the last client's socket."""
    seconds = bench.span(10, 30)
    for clients in dict.fromkeys(bench.crowd(wanted) for wanted in (1, 100, 1000)):
        for _ in bench.times(2, 5):
            _side_by_side(bench, "latency", _crowd(clients), bench.servers(), seconds)


_SHORT_BUFFER = ("--buffer=4",)
"""Filled before the memory is read: its growth is no client's."""


def memory(bench: Bench) -> None:
    """Resident memory for each client that follows the stream."""
    for clients in dict.fromkeys(
        bench.crowd(n) for n in ((500, 1000, 2000) if bench.full else (1000,))
    ):
        for _ in bench.times(2, 5):
            server = bench.mkvtwist(_SHORT_BUFFER)
            with watching(server, bench.clip(), bench.tools) as watch:
                watch.join(watch.sink(10), JOIN_SECONDS)  # what the first client brings, once
                watch.settle(8)
                before = watch.resident()
                watch.join(watch.sink(clients), JOIN_SECONDS)
                watch.settle(8)
                after = watch.resident()
            figures = {
                "kb_per_client": (after - before) / clients / 1000,
                "resident_mb": after / 1e6,
            }
            bench.record("memory", _crowd(clients).name, clients, "mkvtwist", figures)


def scaling(bench: Bench) -> None:
    """Cost against the number of clients, the bitrate, the number of streams."""
    seconds = bench.span(6, 15)
    crowds = (100, 200, 400, 800, 1600) if bench.full else (100, 400, 1200)
    rates = (1, 2, 4, 8, 16) if bench.full else (1, 8)
    for _ in bench.times(1, 3):
        for clients in dict.fromkeys(map(bench.crowd, crowds)):
            _side_by_side(bench, "scaling", _crowd(clients), bench.servers(), seconds)
        clients = bench.crowd(200)
        for rate in rates:
            case = Case(f"{rate} Mbit/s", rate, clients, rate * 1_000_000)
            _side_by_side(bench, "scaling", case, bench.servers(), seconds)
        for count in (1, 10, 40, 160) if bench.full else (1, 40):
            _streams(bench, "scaling", count, seconds)


def many(bench: Bench) -> None:
    """As many clients as one process takes, at 1 Mbit/s, and whether anybody's lag grows."""
    clients = bench.crowd(5000 if bench.full else 2000)
    seconds = bench.span(8, 20)
    clip = bench.clip(1_000_000)
    for _ in bench.times(1, 3):
        for server in bench.servers():
            with watching(server, clip, bench.tools) as watch:
                sink = watch.sink(
                    clients,
                    "--rate=1000",
                    "--marks",
                    "--kernel-time",
                    f"--sources={1 + clients // 20000}",
                )
                joined = watch.join(sink, JOIN_SECONDS)
                watch.settle(SETTLE_SECONDS)
                bench.calm()
                first = watch.window(sink, seconds, marks=True)
                second = watch.window(sink, seconds, marks=True)
            figures = cost(second, clients, load(clip).bitrate) | delay(second)
            figures["joined"] = 100 * joined["with_media"] / clients
            if (early := delay(first)) and "p50_ms" in figures:
                figures["growth_ms"] = figures["p50_ms"] - early["p50_ms"]
            bench.record("many", _crowd(clients).name, clients, server.name, figures)


def mixed(bench: Bench) -> None:
    """One client stalled, one at half the bitrate, and what the others notice."""
    clients = bench.crowd(1000)
    seconds = bench.span(10, 30)
    server = bench.mkvtwist(())
    bad = ("--stalled=1", "--slow=1", f"--slow-rate={BITRATE / 8 / 2:.0f}")
    for _ in bench.times(2, 5):
        good = bench.deliver(server, clients, seconds)
        bench.record("mixed", "all fast", clients, server.name, good)
        figures = bench.deliver(server, clients, seconds, *bad)
        if good.get("p99_ms") and "p99_ms" in figures:
            figures["mixed_ratio"] = figures["p99_ms"] / good["p99_ms"]
        bench.record("mixed", "1 stalled, 1 slow", clients, server.name, figures)


def streams(bench: Bench) -> None:
    """Many streams at once in one process, five clients each."""
    for _ in bench.times(1, 3):
        _streams(bench, "streams", 200 if bench.full else 50, bench.span(8, 20))


_CLIENTS_PER_STREAM = 5


def _streams(bench: Bench, scenario: str, count: int, seconds: float) -> None:
    clip = bench.clip(1_000_000)
    film = lay_out(clip, bench.cache)
    rate = load(clip).bitrate
    clients = count * _CLIENTS_PER_STREAM
    case = f"{count} streams"
    try:
        with serving_files(bench.mkvtwist, film, count, bench.tools) as watch:
            sink = watch.sink(clients, f"--streams={count}", "--rate=500", path="/s%d.mkv")
            joined = watch.join(sink, JOIN_SECONDS)
            watch.settle(SETTLE_SECONDS)
            window = bench.window(watch, sink, seconds)
    except BenchmarkError as error:
        print(f"   {case}: not measured: {error}")
        return
    figures = cost(window, clients, rate)
    figures["joined"] = 100 * joined["with_media"] / clients
    figures["resident_mb"] = window.resident / 1e6
    bench.record(scenario, case, count, "mkvtwist", figures)


def radio(bench: Bench) -> None:
    """A radio of 128 kbit/s for listeners who want titles, beside Icecast."""
    clients, seconds = bench.crowd(1000), bench.span(15, 30)
    sound = sound_file(bench.cache)
    for _ in bench.times(2, 5):
        of_icecast = 0.0
        peers = [server for server in bench.peers() if server.name == "icecast"]
        for server in (*peers, bench.mkvtwist(_SHORT_BUFFER)):
            with watching(server, sound, bench.tools) as watch:
                watch.join(watch.sink(10, "--radio"), JOIN_SECONDS)
                watch.settle(8)
                before = watch.resident()
                sink = watch.sink(clients, "--radio", f"--rate={server.join_rate}")
                joined = watch.join(sink, JOIN_SECONDS)
                watch.settle(SETTLE_SECONDS)
                window = bench.window(watch, sink, seconds)
            figures = cost(window, clients, RADIO_BITRATE)
            figures["joined"] = 100 * joined["with_media"] / clients
            figures["kb_per_client"] = (window.resident - before) / clients / 1000
            if server.name == "icecast":
                of_icecast = figures.get("cpu_per_gb", 0.0)
            elif of_icecast and "cpu_per_gb" in figures:
                figures["icecast_ratio"] = figures["cpu_per_gb"] / of_icecast
            bench.record("radio", _crowd(clients).name, clients, server.name, figures)


def idle(bench: Bench) -> None:
    """What a server costs that nobody watches."""
    seconds = bench.span(10, 30)
    for _ in bench.times(2, 5):
        for case, fed in (("one stream, no clients", True), ("no sender, no clients", False)):
            with watching(bench.mkvtwist(()), bench.clip(), bench.tools, fed=fed) as watch:
                watch.settle(SETTLE_SECONDS)
                bench.calm()
                before = watch.cpu()
                time.sleep(seconds)
                used = watch.cpu() - before
            bench.record("idle", case, 0, "mkvtwist", {"percent_of_core": 100 * used / seconds})


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("fanout", "CPU per delivered gigabyte, beside the floor and the peers", fanout),
        Scenario(
            "flashcrowd", "a crowd connects in one instant: the slowest first byte", flashcrowd
        ),
        Scenario("latency", "from the sender's frame to the last client's socket", latency),
        Scenario("memory", "resident memory per client", memory),
        Scenario("scaling", "cost against clients, bitrate, streams", scaling),
        Scenario("many", "thousands of clients at 1 Mbit/s: does lag grow", many),
        Scenario("mixed", "one stalled client, one slow one, and the others' latency", mixed),
        Scenario("streams", "many streams in one process, five clients each", streams),
        Scenario("radio", "a radio of 128 kbit/s with titles, beside Icecast", radio),
        Scenario("isolation", "inputs in threads, beside inputs in processes", isolation),
        Scenario("idle", "a server that nobody watches", idle),
    )
}
