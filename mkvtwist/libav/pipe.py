"""
The two places where data crosses threads, both bounded (I{both threads}).

L{Pipe} takes a sender's bytes from the reactor to the thread that reads them; L{Outlet} takes what
a thread has made, such as packets, to the reactor. The faster side waits: the sender's transport is
paused, the thread blocks.
"""

from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import Generic, TypeVar

PIPE_LIMIT = 1 << 20
"""
Bytes of a sender's that may lie unread: a keyframe of a generous stream. More would only hide from
the sender that it is too fast.
"""

OUTLET_LIMIT = 4 << 20
"""
Bytes on the way from the thread to the reactor: a reactor turn's worth even at full speed. A single
item may be larger.
"""


class Pipe:
    """
    A sender's bytes: the reactor writes, one thread reads as from a file.

    @ivar total: how many have been taken so far.
    """

    def __init__(self, on_room: Callable[[], None], changed: Condition | None = None) -> None:
        """
        @param on_room: called in the reading thread when a full pipe has room again.
        @param changed: what the reading thread waits for.
        """
        self._on_room = on_room
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._full = False
        self._closed = False
        self._changed = changed or Condition()
        self._on_bytes: Callable[[], None] | None = None
        self.total = 0

    def write(self, data: bytes) -> bool:
        """
        Append bytes (I{reactor}). All are taken, also beyond the limit; after the end, none.

        @return: whether there is room for more; if not, C{on_room} will be called.
        """
        with self._changed:
            if self._closed or not data:  # nothing is what the reader takes for the end
                return not self._full
            self._chunks.append(data)
            self._size += len(data)
            self.total += len(data)
            # Full until there is much room again: what a paused transport still had does not count.
            self._full = self._full or self._size >= PIPE_LIMIT
            self._changed.notify()
        self._tell()
        return not self._full

    def close(self) -> None:
        """Note that the sender is done (I{reactor}): the reader gets the rest, then the end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._tell()

    def cancel(self) -> None:
        """Give the reader the end at once (I{reactor})."""
        with self._changed:
            self._chunks.clear()
            self._size, self._full = 0, False
            self._closed = True
            self._changed.notify()
        self._tell()

    def _tell(self) -> None:
        on_bytes, self._on_bytes = self._on_bytes, None
        if on_bytes is not None:
            on_bytes()

    def read_now(self, on_bytes: Callable[[], None]) -> bytes | None:
        """
        Return some of the bytes that are there; none at the end (I{reactor}).

        @param on_bytes: called once, by the writer, when there are bytes again, or the end.
        @return: L{None} if there are none yet.
        """
        with self._changed:
            if not self._chunks and not self._closed:
                self._on_bytes = on_bytes
                return None
        return self.read(PIPE_LIMIT)

    def read(self, size: int) -> bytes:
        """
        Wait for bytes, and return up to so many of them; none at the end (I{thread}).
        """
        with self._changed:
            while not self._chunks:
                if self._closed:
                    return b""
                self._changed.wait()
            chunk = self._chunks.popleft()
            if len(chunk) > size:
                self._chunks.appendleft(chunk[size:])
                chunk = chunk[:size]
            self._size -= len(chunk)
            room = self._full and self._size < PIPE_LIMIT // 2
            if room:
                self._full = False
        if room:
            self._on_room()
        return chunk


Item = TypeVar("Item")


class Outlet(Generic[Item]):
    """
    The items that a thread has made, on their way to the reactor.

    Everything that has come since the last turn of the reactor crosses at once.
    """

    def __init__(
        self,
        on_items: Callable[[], None],
        taken: Condition | None = None,
        *,
        limit: int = OUTLET_LIMIT,
    ) -> None:
        """
        Make an empty one.

        @param on_items: called in the thread when there is something to take; it has the reactor
            call L{take} once.
        @param taken: what the thread waits for.
        @param limit: bytes that may be on the way, beside a single larger item.
        """
        self._on_items = on_items
        self._limit = limit
        self._items: list[Item] = []
        self._weight = 0
        self._closed = False
        self._taken = taken or Condition()

    def put(self, item: Item, weight: int) -> bool:
        """
        Hand over one item; wait while too much is on the way (I{thread}).

        @param weight: about how many bytes of memory it holds.
        @return: whether the other side is still there.
        """
        with self._taken:
            while self._items and self._weight + weight > self._limit and not self._closed:
                self._taken.wait()
            if self._closed:
                return False
            self._items.append(item)
            self._weight += weight
            first = len(self._items) == 1
        if first:
            self._on_items()
        return True

    def has_room(self, weight: int) -> bool:
        """Return whether L{put} would take so many bytes, or fail, without waiting (I{any})."""
        with self._taken:
            return self._closed or self._weight + weight <= self._limit

    def take(self) -> list[Item]:
        """Return everything that has been put since the last time (I{reactor})."""
        with self._taken:
            items, self._items = self._items, []
            self._weight = 0
            self._taken.notify()
        return items

    def close(self) -> None:
        """Note that nothing more is wanted (I{reactor}); the thread is not kept waiting."""
        with self._taken:
            self._closed = True
            self._items.clear()
            self._taken.notify()
