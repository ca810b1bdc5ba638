"""
The command line.

    python -m benchmarks [options] [SCENARIO ...]
    python -m benchmarks compare OLD.json NEW.json
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import accounting, results
from benchmarks.bench import SEGMENTS, Bench
from benchmarks.compare import compare
from benchmarks.plot import plots
from benchmarks.processes import BenchmarkError
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import CHECKOUT, PEERS, floor, mkvtwist, twistd_command
from benchmarks.tools import find_tools

DOCS = CHECKOUT / "docs"

CROWD_FILES = 5200
"""Descriptors for the largest crowd, in the server as in the sink."""


def _parser() -> argparse.ArgumentParser:
    lines = [f"  {scenario.name:11} {scenario.summary}" for scenario in SCENARIOS.values()]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures mkvtwist on this machine, beside the least that any server can do.",
        epilog="\n".join(
            [
                "scenarios:",
                *lines,
                "",
                "python -m benchmarks compare OLD.json NEW.json: did the ratios become worse?",
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="default: all")
    parser.add_argument("--full", action="store_true", help="longer, more repetitions, all peers")
    parser.add_argument("--repeats", type=int, help="repetitions of everything")
    parser.add_argument("--seconds", type=float, help="length of each measurement")
    parser.add_argument("--clients", type=int, help="no more clients than this")
    parser.add_argument("--servers", help="only these, such as floor,mkvtwist,icecast")
    parser.add_argument(
        "--patience",
        type=float,
        default=20,
        metavar="SECONDS",
        help="to wait for the machine's other users to be quiet, each time (default 20)",
    )
    parser.add_argument(
        "--checkout", type=Path, default=CHECKOUT, help="another tree's mkvtwist, with these tools"
    )
    parser.add_argument("--command", help="what runs instead of twistd mkvserve, same options")
    parser.add_argument("--options", default="", help="further options for mkvserve")
    parser.add_argument(
        "--docs", action="store_true", help="also write tables and plots to docs/measured*"
    )
    parser.add_argument("--output", type=Path, default=CHECKOUT / "build" / "benchmarks")
    return parser


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(base) / "mkvtwist-benchmarks"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def _commit(checkout: Path) -> str:
    """What was measured, as git names it; empty outside of git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run what the command line says.

    @return: the exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["compare"]:
        parser = argparse.ArgumentParser(prog="python -m benchmarks compare")
        parser.add_argument("old", type=Path)
        parser.add_argument("new", type=Path)
        paths = parser.parse_args(words[1:])
        return compare(paths.old, paths.new)
    parser = _parser()
    options = parser.parse_args(words)
    names = options.scenarios or list(SCENARIOS)
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"no scenario is called {', '.join(unknown)}: use {', '.join(SCENARIOS)}")
    # Ctrl-C and kill alike end what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return _run(options, names)
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace, names: Sequence[str]) -> int:
    files = accounting.raise_file_limit()
    if files < CROWD_FILES:
        print(f"Only {files} open files are allowed: the largest crowds will fail (ulimit -Hn).")
    cache = _cache()
    tools = find_tools(cache)
    command = shlex.split(options.command) if options.command else twistd_command(sys.executable)
    checkout = options.checkout.resolve()
    further = shlex.split(options.options)
    bench = Bench(
        tools,
        cache,
        floor(tools),
        lambda these: mkvtwist(command, checkout, [*further, *these]),
        full=options.full,
        chosen=_chosen(options.servers),
        repeats=options.repeats,
        seconds=options.seconds,
        clients=options.clients,
        patience=options.patience,
    )
    about = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(checkout),
        "mode": "full" if options.full else "quick",
        "tools": "C" if tools.native else "Python",
        "options": further,
        "machine": accounting.machine(),
    }
    print(_heading(about))
    started = time.monotonic()
    failed = []
    try:
        for name in names:
            print(f"{name}: {SCENARIOS[name].summary}", flush=True)
            try:
                SCENARIOS[name].run(bench)
            except (BenchmarkError, TimeoutError) as error:
                print(f"   failed: {error}", flush=True)
                failed.append(name)
    finally:  # what was measured before Ctrl-C is kept
        _write(options.output, about, names, bench.readings)
        if options.docs:
            _document(about, names, bench.readings)
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if failed else 0


def _write(
    output: Path,
    about: dict[str, Any],
    names: Sequence[str],
    readings: Sequence[results.Measurement],
) -> None:
    summaries = results.summarize(readings)
    output.mkdir(parents=True, exist_ok=True)
    results.save(output / "results.json", about, readings, summaries)
    for name, drawing in plots(summaries).items():
        (output / name).write_text(drawing)
    report = _report(names, about, summaries)
    (output / "results.md").write_text(report)
    print(f"\n{report}\nThis and more is in {output}.")


def _document(
    about: dict[str, Any], names: Sequence[str], readings: Sequence[results.Measurement]
) -> None:
    """A page of the documentation, with its plots beside it."""
    summaries = results.summarize(readings)
    page, folder = DOCS / "measured.md", DOCS / "measured"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    drawings = plots(summaries)
    for name, drawing in drawings.items():
        (folder / name).write_text(drawing)
    parts = ["# Measurements", _report(names, about, summaries)]
    parts += [f"![{name.removesuffix('.svg')}](measured/{name})" for name in drawings]
    page.write_text("---\norphan: true\n---\n\n" + "\n\n".join(parts) + "\n")
    print(f"The documentation's page is {page}.")


def _chosen(text: str | None) -> frozenset[str]:
    known = {"floor", "mkvtwist", SEGMENTS, *(peer.name for peer in PEERS)}
    chosen = frozenset(text.split(",")) if text else frozenset()
    if unknown := chosen - known:
        raise SystemExit(f"no server is called {', '.join(unknown)}: use {', '.join(known)}")
    return chosen


def _heading(about: dict[str, Any]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in about["machine"].items())
    return (
        f"mkvtwist {about['commit']}, {about['date']}, {about['mode']} run, {machine}, "
        f"tools in {about['tools']}."
    )


def _report(
    names: Sequence[str], about: dict[str, Any], summaries: Sequence[results.Summary]
) -> str:
    parts = [_heading(about)]
    for name in names:
        if any(summary.scenario == name for summary in summaries):
            parts += [f"{name}: {SCENARIOS[name].summary}", results.table(summaries, name)]
    parts.append("Median (lowest-highest) of the repetitions; [ok: 1.3] is a goal and its verdict.")
    return "\n\n".join(parts) + "\n"
