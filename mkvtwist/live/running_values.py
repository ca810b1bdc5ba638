"""
Values that go from fragment to fragment of a ring, such as counters (I{pure}).
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Generic, TypeVar

from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import Packet

T = TypeVar("T")

STEPS = 64
"""
Fragments that are looked at in one turn to find a L{Running} value: half a millisecond of counting,
times the clients that have their turn together.
"""


class _Stretch(Generic[T]):
    """
    Values one after the other, found from some place on as if nothing had been before it.

    @ivar first: the number of the fragment before which the first of the values is.
    @ivar joint: the found and the known value where the next stretch begins; L{None} while it is
        not found, and in the last one.
    """

    __slots__ = ("first", "joint", "values")

    def __init__(self, first: int, start: T) -> None:
        self.first = first
        self.values: deque[T] = deque([start])
        self.joint: tuple[T, T] | None = None

    @property
    def newest(self) -> int:
        """The number of the last fragment before which the value is found."""
        return self.first + len(self.values) - 1


class Running(Generic[T]):
    """
    A value that goes from fragment to fragment of a ring, such as a count.

    The value before a fragment is the same for all that ask. It is found when it is asked for, and
    forgotten with the fragments; if it is not asked for as long as the ring lasts, it begins anew.

    It begins at the first fragment that is asked for. If an earlier one is asked for, the count
    begins there as if it were the first; where it meets the known values, the earlier values are
    moved by the difference::

          0   2   3   5   6
                         10  13  15           asked for first
          4   6   7   9  10  13  15           moved by 4
    """

    def __init__(
        self,
        ring: Ring,
        start: T,
        after: Callable[[Sequence[Packet], T], T],
        moved: Callable[[T, T, T], T],
        steps: int = STEPS,
    ) -> None:
        """
        @param after: of a fragment's packets and the value before it, the one behind it.
        @param moved: of a value, and of the found and the known value at some place: the value
            moved by their difference.
        @param steps: fragments that are looked at in one turn.
        """
        self._ring = ring
        self._start = start
        self._after = after
        self._moved = moved
        self._steps = steps
        # In the ring's order, each up to where the next one begins; those without a joint first.
        self._stretches: list[_Stretch[T]] = []

    def before(self, number: int) -> T | None:
        """
        Return the value before a fragment.

        Each call looks at so many fragments only, since others wait meanwhile.

        @return: L{None} while the value is not found.
        @raise IndexError: if the fragment is not in the ring.
        """
        if not self._ring.first <= number <= self._ring.end:
            raise IndexError(number)
        self._let_go()
        stretches = self._stretches
        if not stretches or number < stretches[0].first:
            stretches.insert(0, _Stretch(number, self._start))
        at = bisect_right(stretches, number, key=attrgetter("first")) - 1
        open_ = at  # up to this one there are stretches that have not met the next one
        while open_ < len(stretches) - 1 and stretches[open_].joint is None:
            open_ += 1
        steps = self._steps
        for place in range(open_ - 1, at - 1, -1):
            stretch, following = stretches[place : place + 2]
            steps = self._go_on(stretch, following.first, steps)
            if stretch.newest < following.first:
                return None
            stretch.joint = stretch.values[-1], self._value(following, following.first)
        self._go_on(stretches[at], number, steps)
        if stretches[at].newest < number:
            return None
        if number < self._ring.end:  # or the fragment may have left when one asks for the next
            self._go_on(stretches[at], number + 1, 1)
        return self._value(stretches[at], number)

    def _value(self, stretch: _Stretch[T], number: int) -> T:
        value = stretch.values[number - stretch.first]
        return value if stretch.joint is None else self._moved(value, *stretch.joint)

    def _go_on(self, stretch: _Stretch[T], stop: int, steps: int) -> int:
        """Find a stretch's values up to a place; return how many of so many steps are left."""
        newest = stretch.newest
        stop = min(stop, newest + steps)
        for number in range(newest, stop):
            stretch.values.append(self._after(self._ring[number].packets, stretch.values[-1]))
        return steps - max(0, stop - newest)

    def _let_go(self) -> None:
        """Forget what was before fragments that have left, and what has lost its way with them."""
        while self._stretches:
            oldest = self._stretches[0]
            if oldest.newest >= self._ring.first:
                while oldest.first < self._ring.first:
                    oldest.values.popleft()
                    oldest.first += 1
                return
            del self._stretches[0]
