"""
Work in the reactor's pool of threads (I{reactor; what is run, in a thread}).
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

P = ParamSpec("P")
R = TypeVar("R")


class Pool:
    """Threads for one kind of work: a fixed number at once; more work waits in order."""

    def __init__(self, reactor: Any, most: int) -> None:
        """
        @param most: threads that work at once.
        """
        self._reactor = reactor
        self._turns = DeferredSemaphore(most)

    @property
    def waiting(self) -> int:
        """Return the number of functions that wait for a thread; the caller bounds it."""
        return len(self._turns.waiting)

    def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Deferred[R]:
        """
        Run a function in a thread.

        @return: fires with what the function returns, or raises.
        """

        def begin() -> Deferred[R]:
            pool = self._reactor.getThreadPool()
            return deferToThreadPool(self._reactor, pool, function, *args, **kwargs)

        return self._turns.run(begin)
