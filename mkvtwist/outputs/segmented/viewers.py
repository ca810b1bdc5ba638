"""
The viewers of segmented outputs, by their addresses (I{pure}).
"""

MOST_VIEWERS = 10_000
"""Addresses that are remembered: a megabyte or two."""

LOOK_BACK = 3
"""Target durations after which a viewer that asks for nothing has gone."""


class Viewers:
    """The addresses that have asked for something lately; several viewers may have one."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}  # the latest last

    def note(self, address: str, now: float) -> None:
        """Note a request from this address."""
        self._seen.pop(address, None)
        self._seen[address] = now
        if len(self._seen) > MOST_VIEWERS:
            del self._seen[next(iter(self._seen))]

    def includes(self, address: str, now: float, target: float) -> bool:
        """Return whether an address watches."""
        return self.count(now, target) > 0 and address in self._seen

    def count(self, now: float, target: float) -> int:
        """
        Return how many addresses watch.

        @param target: the target duration in seconds: players ask at least once in each.
        """
        since = now - LOOK_BACK * target
        while self._seen and self._seen[oldest := next(iter(self._seen))] < since:
            del self._seen[oldest]
        return len(self._seen)
