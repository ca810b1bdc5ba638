"""
Turns: work for a crowd of clients, spread over turns of the reactor (I{reactor}).
"""

from collections.abc import Callable
from itertools import islice
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

CROWD = 32
"""
Clients that have a turn together: 4 MiB, a few milliseconds. Those that follow the stream, and
those that have just connected, wait no longer than that.
"""

C = TypeVar("C")


class Turns(Generic[C]):
    """Gives each asker a turn, in the order in which they ask."""

    def __init__(self, clock: IReactorTime, take: Callable[[C], None], crowd: int = CROWD) -> None:
        """
        @param take: called with each whose turn it is; must not fail.
        @param crowd: how many have their turn together.
        """
        self._clock = clock
        self._take = take
        self._crowd = crowd
        self._waiting: dict[C, None] = {}  # a set that keeps its order
        self._turn: IDelayedCall | None = None

    def ask(self, one: C) -> None:
        """Give an asker another turn."""
        self._waiting[one] = None
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._next)

    def begin(self) -> None:
        """Give the first askers their turn now."""
        if self._turn is not None:
            self._turn.cancel()
            self._next()

    def withdraw(self, one: C) -> None:
        """Forget that an asker has asked."""
        self._waiting.pop(one, None)

    def _next(self) -> None:
        self._turn = None
        for one in list(islice(self._waiting, self._crowd)):
            if one in self._waiting:
                del self._waiting[one]
                self._take(one)
        if self._waiting and self._turn is None:
            self._turn = self._clock.callLater(0, self._next)
