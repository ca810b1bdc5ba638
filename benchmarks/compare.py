"""Has a change made the ratios worse? To be asked by hand, of two results."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import FIGURES, Summary, load

TOLERANCE = 1.05
"""Less than 5 % is not called worse however small the spread: a few runs do not show it all."""


def worse(old: Summary, new: Summary) -> bool:
    """Whether the new figure is worse than the old one by more than both spread."""
    return new.low > old.high and new.median > old.median * TOLERANCE


def compare(old_path: Path, new_path: Path) -> int:
    """
    Print what can be compared.

    @return: the exit status: 1 when something is worse, 2 when nothing can be compared.
    """
    (old_about, old), (new_about, new) = load(old_path), load(new_path)
    if old_about["machine"] != new_about["machine"] or old_about["tools"] != new_about["tools"]:
        print("Different machines or tools: even ratios compare only roughly.")
    if min(_counts(old) + _counts(new), default=0) < 3:
        print("Fewer than three repetitions: the spread is a guess. --repeats=3 or more helps.")
    before = {summary.key: summary for summary in old}
    found = verdicts = 0
    for after in new:
        figure = FIGURES.get(after.figure)
        if figure is None or not figure.compared or after.key not in before:
            continue
        if not after.server.startswith("mkvtwist"):
            continue
        found += 1
        was = before[after.key]
        verdict = "better" if worse(after, was) else "same"
        if worse(was, after):
            verdict = "WORSE"
            verdicts += 1
        print(
            f"{verdict:6}  {after.scenario}, {after.case}, {after.server}: {figure.title} "
            f"{_range(was)} -> {_range(after)}"
        )
    if not found:
        print("The two results have no figure in common.")
        return 2
    return 1 if verdicts else 0


def _counts(summaries: Sequence[Summary]) -> list[int]:
    return [s.count for s in summaries if FIGURES[s.figure].compared]


def _range(summary: Summary) -> str:
    return f"{summary.median:.2f} ({summary.low:.2f}-{summary.high:.2f}, {summary.count} runs)"
