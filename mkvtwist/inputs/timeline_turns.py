"""
Turns on the timeline: there is one, and one reading at a time has it (I{pure}).
"""

from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class TimelineTurns(Generic[Item]):
    """
    Gives turns to the readings that ask, one after the other.

    @ivar owner: the one that has the turn; L{None} if none has asked.
    """

    def __init__(self, go: Callable[[Item], None]) -> None:
        """
        @param go: called with each one whose turn comes.
        """
        self.owner: Item | None = None
        self._go = go
        self._waiting: list[Item] = []

    def ask(self, item: Item) -> None:
        """Give a turn to this one when those before it are done: now, if there are none."""
        self._waiting.append(item)
        self._next()

    def withdraw(self, item: Item) -> None:
        """Forget that this one has asked; if it has its turn already, it keeps it."""
        if item in self._waiting:
            self._waiting.remove(item)

    def release(self, item: Item) -> None:
        """End a turn; do nothing if this one does not have it."""
        if item == self.owner:
            self.owner = None
            self._next()

    def _next(self) -> None:
        if self.owner is None and self._waiting:
            self.owner = self._waiting.pop(0)
            self._go(self.owner)
