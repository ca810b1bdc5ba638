"""
The interface of sinks, which take a stream's headers and fragments (I{pure}).

The rules, for the caller (L{mkvtwist.live.publisher.Publisher}) and for each sink:

 1. Every call comes in the reactor's thread, in this order::

        begin  (append.. flush)..  hold  (append.. flush)..  forget  begin ..  end
        |       each fragment,     |     the same period     |       another one
        |       then once a turn   |     may go on           |
        a period                   the input is away         its ring is given back

 2. A sink never blocks. Work that takes long belongs into a thread, or into later turns; a sink
    bounds what waits for that, and says with L{full<Sink.full>} that it wants no more. The input
    then waits, and the sink calls back when it has room.
 3. A sink never fails its neighbours: its exception is logged, once for each period, and the sink
    still gets the next call.
 4. A period, its fragments and its ring are shared: a sink changes none of them. A sink that keeps
    a fragment's number rather than the fragment finds it in the ring for as long as that lasts.
 5. A sink gets each fragment at once. Clients may have those before L{Period.released} only: with
    C{--whole-segments} a segment is released when the next one begins.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period


class Sink:
    """
    A receiver of a stream's headers and fragments.

    Each method does nothing by default, so that a sink has only the methods that it needs.
    """

    @property
    def full(self) -> bool:
        """
        Return whether the input has to wait; a sink that was full calls C{on_room} when it has
        room.
        """
        return False

    def begin(self, period: Period) -> None:
        """Take a new header; the period before it, if there was one, is closed and complete."""

    def append(self, fragment: Fragment) -> None:
        """Take the next fragment of the period, which is in its ring already."""

    def flush(self) -> None:
        """Send on what has been appended: the turn's last fragment has come."""

    def hold(self) -> None:
        """Note that the input is away, and may be back; called each time that it is tried."""

    def forget(self) -> None:
        """Let go of the period: its ring is given back. The next call begins another one."""

    def end(self, *, for_good: bool) -> Awaitable[None] | None:
        """
        Finish: nothing more will come. It may be called more than once.

        @param for_good: whether this is the end of the stream; else the server stops, and may be
            back soon.
        @return: what the stream waits for when it stops, if the sink has something left to do. The
            server stops no earlier, so it takes a few seconds at most, and must not fail.
        """


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    The objects that an output is made with, beside its settings.

    @ivar reactor: for the time, and for connections.
    @ivar run_in_thread: runs a function with its arguments in a thread, for work that would block,
        and returns a Deferred of the result; one function at a time, in order.
    @ivar on_room: to be called when an output that was full is not full any more.
    """

    reactor: Any
    run_in_thread: Callable[..., Any]
    on_room: Callable[[], None]
