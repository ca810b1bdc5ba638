"""
Feeds: a program's own media, written as into a file (I{both}).

The program writes in a thread of its own; the stream takes the bytes in the reactor's thread, as it
takes those of any sender::

    the program's thread             the reactor's thread
            Feed ------> Outlet ------> FeedUplink ------> Sender

The outlet is bounded: L{Feed.write} waits while the stream cannot take more.
"""

import errno
import io
import threading
from typing import TYPE_CHECKING, Any

from twisted.python import threadable
from zope.interface import implementer

from mkvtwist.inputs.sender_slot import SenderSlot
from mkvtwist.inputs.senders import IUplink, Parting, Sender
from mkvtwist.libav.pipe import Outlet

if TYPE_CHECKING:
    from typing_extensions import Buffer

FEED_LIMIT = 256 << 10
"""
Bytes that a program can be ahead of the reactor: at 10 Mbit/s a fifth of a second, many turns. What
the reactor has taken is bounded by the sender's pipe.
"""

_CLOSED = "it has been closed"

PIECE = 64 << 10
"""Bytes of a long write that are handed over at once, so that the bounds hold for it, too."""


@implementer(IUplink)
class FeedUplink:
    """
    The reactor's side of a feed.

    The sender arrives when the program wants to write, so it may prepare for as long as it likes. A
    feed that follows another one arrives when all has been read that the other one has left.
    """

    def __init__(self, reactor: Any, slot: SenderSlot, name: str) -> None:
        self._reactor = reactor
        self._slot = slot
        self._name = name
        self._outlet: Outlet[bytes] = Outlet(self._ask_to_take, limit=FEED_LIMIT)
        self._sender: Sender | None = None
        self._had_its_turn = threading.Event()
        self._waits = self._is_paused = self._is_complete = self._has_ended = False
        self._reason = ""

    # called in any thread

    def put(self, data: bytes) -> None:
        """
        Hand over bytes; wait for the feed's turn, and while too many bytes are on the way.

        @raise BrokenPipeError: if the stream takes no more.
        """
        taken = self._outlet.put(data, len(data))
        if not self._had_its_turn.is_set():
            if _is_reactor_thread():
                self._ask_for_turn()
            else:
                self._reactor.callFromThread(self._ask_for_turn)
            self._had_its_turn.wait()
            taken = not self._has_ended
        if not taken:
            raise BrokenPipeError(errno.EPIPE, self._reason)

    def has_room(self, size: int) -> bool:
        """Return whether the reactor's thread can hand over so many bytes without waiting."""
        has_turn = self._had_its_turn.is_set() or self._slot.has_left_nothing
        return has_turn and self._outlet.has_room(size)

    def complete(self) -> None:
        """Note that nothing more will come."""
        self._reactor.callFromThread(self._complete)

    def _ask_to_take(self) -> None:
        self._reactor.callFromThread(self._take)

    # called in the reactor's thread

    def _ask_for_turn(self) -> None:
        """Have the sender arrive, now or in its turn."""
        if not self._waits:
            self._waits = True
            self._slot.in_turn(self._arrive)

    def _arrive(self) -> None:
        self._sender = Sender(self._slot, self._name, self)
        self._sender.arrive()
        self._take()
        self._had_its_turn.set()

    def _complete(self) -> None:
        self._is_complete = True
        self._take()

    def _take(self) -> None:
        """Pass on what has been written, unless it has to wait."""
        if self._has_ended or self._sender is None:
            return
        if not self._is_paused or self._is_complete:  # then the rest is not much
            for data in self._outlet.take():
                self._sender.receive(data)
        if self._is_complete and not self._has_ended:
            self._sender.leave()
            self._end(_CLOSED)

    def _end(self, reason: str) -> None:
        """Take no more."""
        if not self._has_ended:
            self._has_ended = True
            self._reason = reason
            self._outlet.close()

    # IUplink

    def pause(self) -> None:
        """Let what is written wait."""
        self._is_paused = True

    def resume(self) -> None:
        """Take what has been written."""
        self._is_paused = False
        self._take()

    def hang_up(self, parting: Parting, reason: str) -> None:
        """Have L{Feed.write} say that the stream takes no more, and why."""
        self._end(reason)


class Feed(io.RawIOBase):
    """
    A file whose bytes are a stream's media: a sender in the program itself.

    L{Stream.feed<mkvtwist.streams.stream.Stream.feed>} makes one. It can be written to, but neither
    read nor sought. All methods may be called in any thread, by one at a time. A feed that nothing
    refers to any more is closed.

    @ivar name: the sender's name in the log.
    """

    def __init__(self, uplink: FeedUplink, name: str) -> None:
        super().__init__()
        self.name = name
        self._uplink = uplink

    def writable(self) -> bool:
        """Return that this is a file to write to."""
        return True

    def write(self, data: "Buffer", /) -> int:
        """
        Write media: the next bytes of a container, in any format that libavformat reads. Wait while
        the stream cannot take more: it has not been started, it still reads what a feed before this
        one has left, or it does not read as fast.

        @return: the number of bytes, all of which are taken.
        @raise BrokenPipeError: if the stream takes no more; the text says why: another sender is
            connected, the bytes cannot be read as media, the stream has been stopped.
        @raise BlockingIOError: if this is the reactor's thread, and it would have to wait for
            itself; nothing has been taken.
        @raise ValueError: if the feed has been closed.
        """
        if self.closed:
            raise ValueError("the feed has been closed; each sender needs a feed of its own")
        view = memoryview(data).cast("B")
        if _is_reactor_thread() and not self._uplink.has_room(view.nbytes):
            raise BlockingIOError(
                errno.EAGAIN,
                "the stream cannot take so much now, and the reactor's thread must not wait: write"
                " in another thread, for example with deferToThread or asyncio.to_thread",
                0,
            )
        for begin in range(0, view.nbytes, PIECE):
            self._uplink.put(bytes(view[begin : begin + PIECE]))
        return view.nbytes

    def close(self) -> None:
        """
        End the sender, as a disconnect does: the stream still takes what has been written. May be
        repeated; never waits.
        """
        if not self.closed:
            super().close()
            self._uplink.complete()


def _is_reactor_thread() -> bool:
    """Return whether the reactor runs in this thread, or, as long as it does not run, would."""
    known: Any = threadable.ioThread
    if known is None:
        return threading.current_thread() is threading.main_thread()
    return bool(known == threading.get_ident())
