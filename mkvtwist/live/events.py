"""
What happens to the streams, told to whoever wants to know (I{reactor}).

The log tells it to people; this is for programs: hooks of a Twisted developer's, and the management
interface's own clients.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure


class Event(NamedTuple):
    """
    One thing that has happened.

    @ivar kind: C{client joined}, C{client left}, C{input up}, C{input down}, C{fallback up},
        C{fallback down}, C{sender refused}, C{locked out}, C{stream added}, C{stream removed},
        C{stream started}, C{stream stopped}, C{stream changed}, C{reloaded}.
    @ivar stream: the stream's name; empty when it concerns all of them.
    @ivar when: seconds since the epoch.
    @ivar details: what else is known, fit for JSON.
    """

    kind: str
    stream: str
    when: float
    details: Mapping[str, Any]


Listener = Callable[[Event], object]
"""
Called in the reactor's thread, when the thing has happened. It may return a Deferred, for which
nobody waits; what it raises is logged, and is nobody else's.
"""


class Events:
    """Tells what happens, in the order in which it does."""

    _log = Logger()

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """
        Have a function called with each event from now on.

        @return: to be called when it is to end.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, kind: str, stream: str, **details: Any) -> None:
        """Something has happened."""
        if not self._listeners:
            return
        event = Event(kind, stream, time.time(), details)
        for listener in tuple(self._listeners):
            told = maybeDeferred(listener, event)
            told.addErrback(self._failed, event)

    def _failed(self, why: Failure, event: Event) -> None:
        line = "a listener failed at the event {kind!r} of stream {stream!r}"
        self._log.failure(line, why, kind=event.kind, stream=event.stream)
