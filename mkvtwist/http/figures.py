"""
Figures for C{/status} and C{/metrics}, made at most once a second (I{reactor}).
"""

from collections.abc import Callable, Iterable
from typing import Any
from weakref import ref

from mkvtwist.streams.stream import Stream

HOLD_FOR = 1.0
"""Seconds for which figures hold: with 1,500 clients they take 10 ms and 700 kB."""

MOST_VIEWS = 16
"""Views that are kept for so long, by which streams are in them, and in which format."""


class Figures:
    """
    Figures, made at most once in L{HOLD_FOR} seconds for all requests with the same view. If a
    stream changes its state or its tracks they are made anew: that is what programs wait for.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._made: dict[tuple[str, frozenset[Any]], tuple[float, Any]] = {}

    def __len__(self) -> int:
        """Return how many views are kept."""
        return len(self._made)

    def get(
        self, kind: str, streams: Iterable[Stream], make: Callable[[], Any]
    ) -> tuple[Any, float]:
        """
        Return figures that are new enough, and how many seconds ago they were made.

        @param kind: what is shown.
        @param streams: of which streams; a stream that was started anew is another one.
        @param make: makes the figures.
        """
        now = self._clock.seconds()
        self._made = {key: made for key, made in self._made.items() if now - made[0] < HOLD_FOR}
        key = (kind, frozenset(map(_condition, streams)))
        if key not in self._made:
            if len(self._made) >= MOST_VIEWS:
                self._made.clear()
            self._made[key] = now, make()
        since, made = self._made[key]
        return made, now - since


def _condition(stream: Stream) -> tuple[Any, ...]:
    """Return what tells a stream from itself after a change; it keeps no stream that has gone."""
    period = stream.period
    tracks = ref(period) if period is not None else None
    return ref(stream), tracks, stream.restarts, *stream.condition
