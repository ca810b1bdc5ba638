"""
The rendered bytes of a ring's fragments, kept for the next client (I{pure}).

They can be made again, so they go first when memory is short, from the oldest fragment on.
"""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush

from mkvtwist.live.fragment import Fragment


class Rendered:
    """
    The rendered bytes of one ring; each fragment has its own.

    Each call returns by how much memory has changed, for the ring's account.

    @ivar size: bytes of memory that all of it takes.
    """

    def __init__(self, weight: int) -> None:
        """
        @param weight: bytes that an entry takes beside what was rendered.
        """
        self.size = 0
        self._weight = weight
        self._holders: list[tuple[int, Fragment]] = []  # a heap, by number: those that have any

    def keep(self, fragment: Fragment, kind: Hashable, data: bytes) -> int:
        """Keep a fragment's bytes of some kind; return how much more memory is taken."""
        known = fragment.rendered.get(kind)
        growth = len(data) - len(known) if known is not None else len(data) + self._weight
        if not fragment.rendered:
            heappush(self._holders, (fragment.number, fragment))
        fragment.rendered[kind] = data
        fragment.size += growth
        self.size += growth
        return growth

    def forget(self, kind: Hashable) -> int:
        """Forget all bytes of some kind; return how much memory is free."""
        freed = 0
        for _, fragment in self._holders:
            data = fragment.rendered.pop(kind, None)
            if data is not None:
                fragment.size -= len(data) + self._weight
                freed += len(data) + self._weight
        self._holders = [holder for holder in self._holders if holder[1].rendered]
        heapify(self._holders)
        self.size -= freed
        return freed

    def make_room(self, wanted: int, *, down_to: int = 0, but: Fragment | None = None) -> int:
        """
        Have the oldest fragments forget all of theirs, until so many bytes are free.

        @param down_to: how many bytes are left in any case.
        @param but: a fragment that does not.
        @return: how many bytes are free.
        """
        freed, passed = 0, None
        while freed < wanted and self._holders and self.size > down_to:
            holder = heappop(self._holders)
            fragment = holder[1]
            if fragment is but:
                passed = holder
                continue
            taken = fragment.size - fragment.weight
            fragment.size = fragment.weight
            fragment.rendered.clear()
            self.size -= taken
            freed += taken
        if passed is not None:
            heappush(self._holders, passed)
        return freed

    def leave(self, fragment: Fragment) -> None:
        """Note that a fragment has left the ring, with what it has."""
        self.size -= fragment.size - fragment.weight

    def let_go(self, first: int) -> None:
        """Let go of fragments that have left: those before a number."""
        while self._holders and self._holders[0][0] < first:
            heappop(self._holders)
