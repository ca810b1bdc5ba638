"""
Plots as SVG, by hand: bars, and lines over a number (I{pure}).

The drawings set no background and take their ink from the text's colour where the page
gives one, so that they suit light and dark pages.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.results import FIGURES, Summary

WIDTH, BAR, LEFT, RIGHT = 720, 26, 150, 150
LINES_HEIGHT, TOP, BOTTOM = 320, 50, 50

COLOURS = ("#0b7285", "#e8590c", "#5f3dc4", "#2b8a3e", "#c2255c", "#846358")
"""Apart for most eyes, and readable on white and on black."""


@dataclass(frozen=True)
class Bar:
    """@ivar low: the best of the repetitions, and C{high} the worst: drawn as a whisker."""

    label: str
    text: str
    value: float
    low: float
    high: float
    ours: bool


def bars(title: str, items: Sequence[Bar]) -> str:
    """One bar an item, shortest is best."""
    height = TOP + BAR * len(items) + 10
    most = max(item.high for item in items) or 1
    scale = (WIDTH - LEFT - RIGHT) / most
    parts = [_title(title)]
    for i, item in enumerate(items):
        y = TOP + i * BAR
        length = item.value * scale
        colour = COLOURS[0] if item.ours else "#868e96"
        parts += [
            _text(LEFT - 8, y + 16, item.label, anchor="end"),
            _rectangle(LEFT, y + 3, length, colour),
            _line(
                LEFT + item.low * scale, y + 12, LEFT + item.high * scale, y + 12, "currentColor"
            ),
            _text(LEFT + item.high * scale + 8, y + 16, item.text),
        ]
    return _document(height, parts)


def lines(
    title: str, across: str, up: str, series: Mapping[str, Sequence[tuple[float, float]]]
) -> str:
    """One line a name, over a linear scale that begins at zero both ways."""
    height = LINES_HEIGHT + TOP + BOTTOM
    points = [point for line in series.values() for point in line]
    step_x, step_y = (_step(max(point[i] for point in points)) for i in (0, 1))
    most_x, most_y = (
        step * math.ceil(max(point[i] for point in points) / step + 1e-9)
        for i, step in enumerate((step_x, step_y))
    )
    left, right = 70, WIDTH - 130

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return (
            left + point[0] / most_x * (right - left),
            TOP + LINES_HEIGHT * (1 - point[1] / most_y),
        )

    parts = [_title(title), _text(left - 8, TOP - 10, up, anchor="end")]
    for tick in range(round(most_y / step_y) + 1):
        _, y = place((0, tick * step_y))
        parts += [
            _line(left, y, right, y, "#86868640"),
            _text(left - 8, y + 4, f"{tick * step_y:g}", anchor="end"),
        ]
    for tick in range(round(most_x / step_x) + 1):
        x, y = place((tick * step_x, 0))
        parts.append(_text(x, y + 18, f"{tick * step_x:g}", anchor="middle"))
    parts.append(_text((left + right) / 2, height - 10, across, anchor="middle"))
    ordered = sorted(series.items(), key=lambda item: not item[0].startswith("mkvtwist"))
    for colour, (name, line) in zip(COLOURS * len(series), ordered, strict=False):
        placed = [place(point) for point in sorted(line)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        parts.append(_text(placed[-1][0] + 8, placed[-1][1] + 4, name, colour=colour))
    return _document(height, parts)


def plots(summaries: Sequence[Summary]) -> dict[str, str]:
    """Every plot that these results allow, by file name."""
    return _fanout(summaries) | _curves(summaries)


def _fanout(summaries: Sequence[Summary]) -> dict[str, str]:
    """Cost beside cost; with the delay, as whoever collects longer sends cheaper."""
    mine = [summary for summary in summaries if summary.scenario == "fanout"]
    delays = {(s.case, s.server): s.median for s in mine if s.figure == "p50_ms"}
    found = {}
    for case in dict.fromkeys(summary.case for summary in mine):
        ratios = [s for s in mine if s.case == case and s.figure == "floor_ratio"]
        items = [Bar("floor", _cost(1, delays.get((case, "floor"))), 1, 1, 1, ours=False)]
        items += [
            Bar(
                s.server,
                _cost(s.median, delays.get((case, s.server))),
                s.median,
                s.low,
                s.high,
                s.server.startswith("mkvtwist"),
            )
            for s in sorted(ratios, key=lambda s: s.median)
        ]
        if ratios:
            title = f"CPU per delivered byte, {case}: multiples of a bare loop of send()"
            found[f"fanout-{case.split()[0]}.svg"] = bars(title, items)
    return found


def _cost(ratio: float, delay: float | None) -> str:
    return f"{ratio:.2f} x" + ("" if delay is None else f", {delay:.1f} ms late")


_CURVES = (
    ("scaling", "cores", "clients", "scaling-clients", "CPU against clients, 3 Mbit/s each"),
    ("scaling", "cores", "Mbit/s", "scaling-bitrate", "CPU against bitrate, 200 clients"),
    ("scaling", "cores", "streams", "scaling-streams", "CPU against streams, 5 clients each"),
    ("latency", "p50_ms", "clients", "latency", "From the sender to the last client, median"),
)
"""Scenario, figure, what its cases count, file name, title."""


def _curves(summaries: Sequence[Summary]) -> dict[str, str]:
    found = {}
    for scenario, figure, unit, name, title in _CURVES:
        series: dict[str, list[tuple[float, float]]] = {}
        for s in summaries:
            counted = s.case.endswith((unit, unit.removesuffix("s")))
            if (s.scenario, s.figure) == (scenario, figure) and counted:
                series.setdefault(s.server, []).append((s.number, s.median))
        if any(len(line) > 1 for line in series.values()):
            found[f"{name}.svg"] = lines(title, unit, FIGURES[figure].title, series)
    return found


def _step(most: float) -> float:
    """A round distance between ticks: about five of them."""
    if most <= 0:
        return 1
    rough = most / 5
    magnitude = math.pow(10, math.floor(math.log10(rough)))
    return next(step * magnitude for step in (1, 2, 5, 10) if step * magnitude >= rough)


def _title(text: str) -> str:
    return (
        f'<text x="10" y="24" font-size="15" font-weight="bold" fill="currentColor">'
        f"{escape(text)}</text>"
    )


def _text(
    x: float, y: float, text: str, anchor: str = "start", colour: str = "currentColor"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" '
        f'fill="{colour}">{escape(text)}</text>'
    )


def _rectangle(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{BAR - 8}" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="1.5"/>'
    )


def _document(height: int, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="sans-serif">\n{body}\n</svg>\n'
    )
