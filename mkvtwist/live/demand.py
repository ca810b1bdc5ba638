"""
The demand for a stream: the clients and requests that want it (I{reactor}).

An input on demand is opened, and one that rests is woken, as soon as the stream is wanted::

    a client                      for as long as it is there
    a segment or a playlist       for some seconds from each request on
    a recording, a forward        always: the input does not rest, but on demand it may close
"""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime


def _nothing() -> None:
    """Ignore that the stream is wanted."""


class Demand:
    """
    The demand for one stream.

    @ivar constant: whether an output takes each packet as it comes, with or without clients.
    @ivar on_touch: called each time that the stream is wanted.
    """

    def __init__(self, clock: IReactorTime, *, constant: bool = False) -> None:
        self.constant = constant
        self.on_touch: Callable[[], None] = _nothing
        self._clock = clock
        self._clients = 0
        self._until = clock.seconds()

    def enter(self) -> None:
        """Count one more client."""
        self._clients += 1

    def leave(self) -> None:
        """Count one client less."""
        self._clients -= 1
        self._until = max(self._until, self._clock.seconds())

    def touch(self, seconds: float = 0.0) -> None:
        """
        Note that the stream is wanted now.

        @param seconds: for how long, unless this is called again.
        """
        self._until = max(self._until, self._clock.seconds() + seconds)
        self.on_touch()

    @property
    def unwanted(self) -> float:
        """Return the seconds for which the stream has not been wanted."""
        return 0.0 if self._clients else max(0.0, self._clock.seconds() - self._until)
