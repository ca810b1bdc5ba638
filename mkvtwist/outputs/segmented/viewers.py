"""
Who watches piece by piece (I{pure}).
"""

MOST_VIEWERS = 10_000
"""Addresses that are remembered: a megabyte or two."""

LOOK_BACK = 3
"""Target durations after which a viewer who asks for nothing has gone."""


class Viewers:
    """Who has asked for something lately, as far as their addresses tell."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}  # the latest last

    def saw(self, peer: str, now: float) -> None:
        """Somebody at this address asks for something."""
        self._seen.pop(peer, None)
        self._seen[peer] = now
        if len(self._seen) > MOST_VIEWERS:
            del self._seen[next(iter(self._seen))]

    def knows(self, peer: str, now: float, target: float) -> bool:
        """Whether this address is one of them."""
        return self.count(now, target) > 0 and peer in self._seen

    def count(self, now: float, target: float) -> int:
        """How many were seen in the last target durations, as players ask once in each."""
        since = now - LOOK_BACK * target
        while self._seen and self._seen[peer := next(iter(self._seen))] < since:
            del self._seen[peer]
        return len(self._seen)
