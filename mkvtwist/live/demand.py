"""
The demand for a stream: who wants it, and for how long nobody does (I{reactor}).

An input on demand is opened, and one that rests is woken, as soon as somebody wants the stream::

    a client                      for as long as it is there
    who asks piece by piece       for some seconds from each request on
    a recording, a forward        always: the input does not rest, but on demand it may close
"""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime


def _nothing() -> None:
    """Ignore it: nobody is interested."""


class Demand:
    """
    The demand for one stream.

    @ivar constant: whether something takes each packet as it comes, whoever watches.
    @ivar on_touch: called each time that somebody wants the stream.
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
        Note that somebody wants the stream now.

        @param seconds: for how long, if nobody asks again.
        """
        self._until = max(self._until, self._clock.seconds() + seconds)
        self.on_touch()

    @property
    def unwanted(self) -> float:
        """The seconds for which nobody has wanted the stream."""
        return 0.0 if self._clients else max(0.0, self._clock.seconds() - self._until)
