"""Figures: what they mean, how repeated ones are summed up, how they are written."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

VERSION = 1
"""Of the JSON file: another one is not compared with."""


@dataclass(frozen=True)
class Figure:
    """
    One kind of figure.

    @ivar title: the column's heading, with the unit.
    @ivar digits: after the point.
    @ivar compared: a later change may make it worse: it is a ratio, or does not depend on
        the machine's speed. Always: less is better.
    """

    title: str
    digits: int = 2
    compared: bool = False


FIGURES = {
    "cpu_per_gb": Figure("CPU s/GB"),
    "floor_ratio": Figure("cost x floor", compared=True),
    "icecast_ratio": Figure("cost x Icecast", compared=True),
    "cores": Figure("cores"),
    "server_cores": Figure("of them the server"),
    "delivered": Figure("delivered %", 1),
    "p50_ms": Figure("p50 ms", 1),
    "p99_ms": Figure("p99 ms", 1),
    "p50_ratio": Figure("p50 x floor", compared=True),
    "p99_ratio": Figure("p99 x floor"),
    "growth_ms": Figure("lag growth ms", 1),
    "joined": Figure("joined %", 1),
    "first_ms": Figure("slowest first byte ms", 0),
    "first_ratio": Figure("first byte x floor", compared=True),
    "kb_per_client": Figure("kB/client", 1, compared=True),
    "resident_mb": Figure("resident MB", 1),
    "pss_mb": Figure("MB/stream", 1),
    "seconds": Figure("s"),
    "recorded_mb": Figure("MB", 0),
    "percent_of_core": Figure("% of a core"),
    "mixed_ratio": Figure("p99 x all fast", compared=True),
    "noise": Figure("others %", 0),
}
"""In the order of the table's columns; C{noise} is what the machine's other users took."""


@dataclass(frozen=True)
class Measurement:
    """
    One figure of one run.

    @ivar case: what was varied, such as C{1000 clients}.
    @ivar number: the same as a number, for plots.
    """

    scenario: str
    case: str
    number: float
    server: str
    figure: str
    value: float


@dataclass(frozen=True)
class Summary:
    """
    A figure over all repetitions: the middle one, and how far they spread.

    @ivar goal: what mkvtwist wants to reach, at most; C{None}: nothing is promised.
    """

    scenario: str
    case: str
    number: float
    server: str
    figure: str
    median: float
    low: float
    high: float
    count: int
    goal: float | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is a summary of."""
        return self.scenario, self.case, self.server, self.figure


GOALS = {
    ("fanout", "1000 clients", "floor_ratio"): 1.3,
    ("flashcrowd", "1000 clients", "first_ms"): 500,
    ("latency", "1 client", "p50_ms"): 3,
    ("latency", "1 client", "p99_ms"): 10,
    ("latency", "100 clients", "p50_ms"): 8,
    ("latency", "100 clients", "p99_ms"): 20,
    ("latency", "1000 clients", "p50_ms"): 40,
    ("latency", "1000 clients", "p99_ms"): 80,
    ("memory", "1000 clients", "kb_per_client"): 20,
    ("mixed", "1 stalled, 1 slow", "mixed_ratio"): 1.1,
    ("idle", "one stream, no clients", "percent_of_core"): 1,
}
"""The most that mkvtwist's figures should be; the project sets them for itself."""


def summarize(readings: Iterable[Measurement]) -> list[Summary]:
    """Put repetitions together, in the order in which they first came."""
    groups: dict[tuple[str, str, str, str], list[Measurement]] = {}
    for reading in readings:
        key = (reading.scenario, reading.case, reading.server, reading.figure)
        groups.setdefault(key, []).append(reading)
    summaries = []
    for (scenario, case, server, figure), group in groups.items():
        values = [reading.value for reading in group]
        goal = GOALS.get((scenario, case, figure)) if server.startswith("mkvtwist") else None
        summaries.append(
            Summary(
                scenario,
                case,
                group[0].number,
                server,
                figure,
                median(values),
                min(values),
                max(values),
                len(values),
                goal,
            )
        )
    return summaries


def table(summaries: Sequence[Summary], scenario: str) -> str:
    """One scenario as a text table, which is also Markdown."""
    mine = [summary for summary in summaries if summary.scenario == scenario]
    figures = [name for name in FIGURES if any(summary.figure == name for summary in mine)]
    rows = [["case", "server", *(FIGURES[name].title for name in figures)]]
    cells = {(s.case, s.server, s.figure): s for s in mine}
    for case, server in dict.fromkeys((s.case, s.server) for s in mine):
        found = [cells.get((case, server, name)) for name in figures]
        rows.append([case, server, *("" if s is None else _cell(s) for s in found)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|".join(["", *("-" * (width + 2) for width in widths), ""]))
    return "\n".join(lines)


def _line(row: list[str], widths: list[int]) -> str:
    cells = [
        cell.ljust(width) if i < 2 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(cells)} |"


def _cell(summary: Summary) -> str:
    digits = FIGURES[summary.figure].digits
    text = f"{summary.median:.{digits}f}"
    if summary.count > 1:
        text += f" ({summary.low:.{digits}f}-{summary.high:.{digits}f})"
    if summary.goal is not None:
        text += f" [{'ok' if summary.median <= summary.goal else 'over'}: {summary.goal:g}]"
    return text


def save(
    path: Path, about: dict[str, Any], readings: Sequence[Measurement], summaries: Sequence[Summary]
) -> None:
    """Write everything as JSON."""
    content = {
        "version": VERSION,
        **about,
        "summaries": [asdict(summary) for summary in summaries],
        "readings": [asdict(reading) for reading in readings],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def load(path: Path) -> tuple[dict[str, Any], list[Summary]]:
    """
    Read it back.

    @raise ValueError: it is something else.
    """
    content = json.loads(path.read_text())
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise ValueError(f"{path} is not a result of this version of the benchmarks")
    return content, [Summary(**fields) for fields in content["summaries"]]
