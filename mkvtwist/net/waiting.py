"""
A result for all requests that wait for it (I{reactor}).

If a result is being made already, a further request waits for it. Each request has a Deferred of
its own, so that one request does not disturb another; a request whose connection is lost cancels
its Deferred::

    results.wait(key, make)   make() is called; its result goes to all three
    results.wait(key, make)   waits
    results.wait(key, make)   waits
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Results(Generic[K, T]):
    """
    Results that are being made, by their keys.
    """

    def __init__(self) -> None:
        self._waiting: dict[K, dict[Deferred[T], None]] = {}  # sets that keep their order

    def __len__(self) -> int:
        """Return how many results are being made."""
        return len(self._waiting)

    def __contains__(self, key: K) -> bool:
        """Return whether a result is being made, even if no request waits for it any more."""
        return key in self._waiting

    def wait(self, key: K, make: Callable[[], Deferred[T]]) -> Deferred[T]:
        """
        Wait for a result.

        @param make: called if the result is not being made already.
        @return: fires with the result, or fails as C{make} does. It may be cancelled.
        """
        is_new = key not in self._waiting
        waiting = self._waiting.setdefault(key, {})
        mine: Deferred[T] = Deferred(lambda mine: waiting.pop(mine, None))
        waiting[mine] = None
        if is_new:
            maybeDeferred(make).addBoth(self._tell, key)
        return mine

    def _tell(self, result: T | Failure, key: K) -> None:
        waiting = self._waiting.pop(key)
        while waiting:  # what is done with the result may cancel others
            one = next(iter(waiting))
            del waiting[one]
            if isinstance(result, Failure):
                one.errback(result)
            else:
                one.callback(result)
