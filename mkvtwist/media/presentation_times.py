"""
Presentation times for pictures that have decoding times only (I{pure}).

An encoder whose pictures are reordered by up to so many places, the depth, gives each picture the
decoding time that the one so many places before it in the order of presentation has as its
presentation time. This goes the way back: the picture that is the I{n}th to be shown is shown when
the one that is so many places after the I{n}th is decoded. That is also when a decoder is sure
that no earlier one follows, and puts it out (ITU-T H.264, C.4; ITU-T H.265, C.5.2)::

    decoded       0   1   2   3   4   5          depth 1
    order count   0   6   2   4  12   8
    known at      1   4   2   3   .   .

So a picture waits until it is known when it and all that are decoded before it are shown: without
B-pictures not at all.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Generic, TypeVar

from mkvtwist.media.picture_order import DisplayPlace

DEEPEST = 16
"""Pictures that a decoder can hold back: the size of its buffer (H.264, A.3.1; H.265, A.4.2)."""

HELD = 40
"""
Packets that are held here at most: a picture, 16 B-pictures and one more that shows their end, in
two fields each, and a few. One that is shown after more than these has a damaged order count.
"""

T = TypeVar("T")

_Order = tuple[int, int]
"""The number of a series that begins anew, and the picture order count in it."""


@dataclass(slots=True, eq=False)
class _HeldPicture(Generic[T]):
    item: T
    dts: int
    first: "_HeldPicture[T] | None" = None
    """The first field of the same frame."""
    pts: int | None = None


class PresentationTimes(Generic[T]):
    """
    Makes the times of one stream's pictures. They come out in the order in which they came in.

    All times are in one unit, which may be any.
    """

    def __init__(self, depth: int, back: int, ahead: int) -> None:
        """
        @param depth: a guess that holds as long as the stream says nothing of it.
        @param back: a longer step back is a jump of the clock, and no jitter.
        @param ahead: a longer gap between two pictures is one.
        """
        self._guess = min(depth, DEEPEST)
        self._steps = -back, ahead
        self._depth: int | None = None
        self._shift = 0
        self._skip = 0
        self._due: deque[int] = deque()
        self._held: deque[_HeldPicture[T]] = deque()
        self._waiting: list[tuple[_Order, int, _HeldPicture[T]]] = []
        self._number = 0
        self._series = 0
        self._latest = self._greatest = 0
        self._shown: _Order = (-1, 0)
        self._first: _HeldPicture[T] | None = None
        self._last: int | None = None
        self._next = 0
        self._dts = 0
        self._step = 0
        self._pts: int | None = None

    def add(
        self, item: T, dts: int, duration: int, place: DisplayPlace | None, *, key: bool
    ) -> None:
        """
        Take the next picture.

        @param duration: how long it lasts, as far as that is known.
        @param place: where the picture is shown; without a place, after the picture before it.
        @param key: whether it is a keyframe.
        """
        if self._last is not None:
            back, ahead = self._steps
            if not self._last + back <= dts <= self._next + ahead:
                self.end()
        self._last, self._next = dts, dts + duration
        first, self._first = self._first, None
        if place is not None and place.second and first is not None:
            self._step += duration
            self._held.append(_HeldPicture(item, dts, first))
            return
        order = self._order(place, key=key)
        self._deepen()
        self._dts, self._step = dts, duration
        if self._skip:
            self._skip -= 1
        else:
            self._due.append(dts)
        held = self._first = _HeldPicture(item, dts)
        self._held.append(held)
        self._number += 1
        heappush(self._waiting, (order, self._number, held))
        while len(self._waiting) > self._deep:
            self._show()
        if len(self._held) > HELD:
            while self._time(self._held[0]) is None:
                self._show()
            self._series += 1

    def end(self) -> None:
        """Note that no picture follows: those that wait are shown one after the other."""
        while self._waiting:
            self._show()
        self._series += 1
        self._due.clear()
        self._skip = self._shift
        self._last = self._pts = self._first = None

    def ready(self) -> Iterator[tuple[T, int]]:
        """Yield the pictures whose presentation time is known, with that time, once each."""
        while self._held and (pts := self._time(self._held[0])) is not None:
            yield self._held.popleft().item, pts

    @property
    def _deep(self) -> int:
        return self._guess if self._depth is None else self._depth

    def _order(self, place: DisplayPlace | None, *, key: bool) -> _Order:
        """Return where a picture is shown; the same place again is after it."""
        if place is not None:
            self._depth = place.depth
            if key:  # all before it are shown before it; if not, it is from another cut
                late = place.order <= self._greatest
            elif late := (self._series, place.order) < self._shown:
                self._guess = min(self._guess + 1, DEEPEST)
            begins = late or place.begins
            self._series += begins
            self._greatest = place.order if begins else max(place.order, self._greatest)
            self._latest = place.order
        return self._series, self._latest

    def _deepen(self) -> None:
        """Show all later, when pictures turn out to be reordered by more; never earlier again."""
        while self._shift < self._deep:
            self._shift += 1
            if self._due:
                self._due.popleft()
            else:
                self._skip += 1

    def _show(self) -> None:
        """Give the next picture in the order of presentation its time."""
        self._shown, _, held = heappop(self._waiting)
        if self._due:
            pts = self._due.popleft()
        else:
            self._skip += 1
            pts = self._dts + self._skip * self._step
        if self._pts is not None:
            pts = max(pts, self._pts + 1)
        self._pts = held.pts = max(pts, held.dts)

    @staticmethod
    def _time(held: _HeldPicture[T]) -> int | None:
        if held.first is None:
            return held.pts
        return None if held.first.pts is None else held.first.pts + held.dts - held.first.dts
