"""
A reader in a process of its own, as its input sees it (I{reactor}).

The owner's end of the socket is reader and outlet in one, without a thread. Events that the input
does not take stay in the socket: then the worker waits, and the sender that it reads from.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from mkvtwist.inputs.lent_timeline import LentTimeline
from mkvtwist.inputs.reader_thread import ReaderTask
from mkvtwist.inputs.workers import Workers, describe_exit
from mkvtwist.libav import Ended, Event, Opened
from mkvtwist.libav.limits import PACKET_WEIGHT
from mkvtwist.libav.pipe import Pipe
from mkvtwist.libav.reader_events import made_printable
from mkvtwist.libav.wire import (
    Confined,
    Decoder,
    Go,
    Logged,
    Message,
    Progress,
    Task,
    WireError,
    encode,
)
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.media.byte_source import ByteSource
from mkvtwist.media.packet import Header, Packet
from mkvtwist.media.printable import printable_lines

TURN = 1 << 20
"""Bytes that are taken in one turn of the reactor; then other streams have their turn."""

TURN_MESSAGES = 1000
"""
Messages beside packets that may come in one turn. The sockets of a worker that sends each by itself
hold some hundreds; a flood of them would hold up all other streams.
"""

GRACE = 0.25
"""
Seconds that a worker has to end by itself, so that it can take leave of a camera or a server. A
worker that is blocked in libavformat does not notice the order to stop.
"""

LOG_LIMIT = 10
"""Errors that a worker may log: a reader ends after one."""


@implementer(IReadDescriptor)
class IsolatedReader:
    """A L{RunningReader<mkvtwist.inputs.reader_thread.RunningReader>} in a process of its own."""

    def __init__(
        self,
        workers: Workers,
        task: ReaderTask,
        on_events: Callable[[], None],
        on_gone: Callable[[], None],
    ) -> None:
        """
        @param workers: forks the process.
        @param on_events: called when there is something to take.
        @param on_gone: called once, when the process has ended and all that it made was taken.
        """
        self._workers = workers
        self._reactor = workers.reactor
        self._task = task
        self._log = StreamLog(task.stream, __name__)
        self._on_events = on_events
        self._on_gone: Callable[[], None] | None = on_gone
        self._decoder = Decoder()
        self._timeline = LentTimeline(task.timeline, task.pace)
        self._is_confined = self._is_opened = False
        self._logged = 0
        self._heard = 0  # messages of this turn that are no packets
        self._stopped = self._at_end = self._has_ended = self._exited = False
        self._last: Ended | None = None  # the end of a worker that has not reported it itself
        self._killing: Any = None
        self._kill: Callable[[], None] = lambda: None
        self._media: _Media | None = None
        mine, theirs = socket.socketpair()
        mine.setblocking(False)
        self._socket = mine
        self._begin(theirs)

    def _begin(self, theirs: socket.socket) -> None:
        task = self._task
        descriptors = [theirs.detach()]
        if task.media is not None:
            descriptors.append(self._connect_media(task.media))
        message = Task(
            task.stream,
            task.source,
            task.media is not None,
            task.pace.rate,
            task.pace.burst,
            task.drain,
            task.frame_rate,
            task.program,
            task.options,
        )
        self._send(message)
        self._reactor.addReader(self)
        try:
            self._kill = self._workers.fork(self, descriptors)
        except OSError as error:
            for descriptor in descriptors:
                with suppress(OSError):
                    os.close(descriptor)
            reason = f"no process can be started: {error.strerror}"
            self._reactor.callLater(0, self.exited, 1, reason)

    def _connect_media(self, media: ByteSource) -> int:
        """Return the descriptor from which the worker reads what is sent, or standard input."""
        if not isinstance(media, Pipe):
            return os.dup(0)
        mine, theirs = socket.socketpair()
        self._media = _Media(self._reactor, mine, media)
        self._media.go_on()
        return theirs.detach()

    # RunningReader

    def go(self) -> None:
        """Give the timeline to the worker, and let it read on."""
        self._send(Go(self._timeline.lend()))

    def stop(self) -> None:
        """Have the process end: by itself, or by force after L{GRACE}."""
        if self._stopped:
            return
        self._stopped = True
        self._timeline.break_off()
        self._hang_up()
        self._finish()

    def take(self) -> list[Event]:
        """Return everything that has arrived."""
        events: list[Event] = []
        if self._stopped or self._has_ended:
            return events
        try:
            self._receive(events)
        except WireError as error:
            self._last = self._crash(f"its process has sent an invalid message: {error}")
            self._hang_up()
        if self._at_end and self._last is not None and not self._has_ended:
            self._has_ended = True
            self._timeline.break_off()
            events.append(self._last)
        if not self._at_end:
            self._reactor.addReader(self)
        self._finish()
        return events

    # WorkerOwner

    def exited(self, status: int, reason: str) -> None:
        """Take note that the process has ended."""
        self._exited = True
        self._workers.gone(self)
        if self._last is None:
            self._last = self._crash(reason or describe_exit(status))
        if self._at_end and not (self._stopped or self._has_ended):
            self._on_events()
        self._finish()

    # IReadDescriptor

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - the interface's names, here and below
        """Return the reader's name in the reactor's log."""
        return f"input of {self._task.stream}"

    def doRead(self) -> None:  # noqa: N802 - the interface's name
        """Report that there is something to take; nothing is read until it is taken."""
        self._reactor.removeReader(self)
        self._on_events()

    def connectionLost(self, reason: Failure) -> None:
        """Stop, since the reactor is about to end."""
        self.stop()

    # what arrives

    def _receive(self, events: list[Event]) -> None:
        taken, self._heard, buffer = 0, 0, self._workers.buffer
        while taken + len(events) * PACKET_WEIGHT < TURN and not self._at_end:
            try:
                size = self._socket.recv_into(buffer)
            except BlockingIOError:
                return
            except OSError:
                size = 0
            if not size:
                self._hang_up()
                return
            taken += size
            for message in self._decoder.feed(buffer[:size]):
                self._hear(message, events)
            if size < len(buffer):  # there was no more
                return

    def _hear(self, message: Message, events: list[Event]) -> None:
        """
        Take a message in.

        @raise WireError: when no reader would have sent it.
        """
        if isinstance(message, Packet):
            self._timeline.place(message)
            events.append(message)
            return
        self._heard += 1
        if self._heard > TURN_MESSAGES:
            raise WireError("too much is said at once")
        if isinstance(message, Event):
            event = made_printable(message)
            self._note(event)
            events.append(event)
        elif isinstance(message, Progress):
            self._timeline.follow(message.timing)
        elif isinstance(message, Confined) and not self._is_confined:
            self._is_confined = True
            self._workers.confined(message.by)
        elif isinstance(message, Logged) and self._logged < LOG_LIMIT:
            self._logged += 1
            self._log.error("{text}", text=printable_lines(message.text))
        else:
            raise WireError("no reader sends this")

    def _note(self, event: Event) -> None:
        """
        Take note of where the reader is.

        @raise WireError: when that is not the order of a reader's events.
        """
        if isinstance(event, Header):
            self._timeline.begin(event)
        elif isinstance(event, Ended):
            self._timeline.end()
            self._has_ended = True
            self._hang_up()
        elif isinstance(event, Opened) == self._is_opened:
            raise WireError("an event is out of order")
        self._is_opened = True

    # the end

    def _send(self, message: Message) -> None:
        with suppress(OSError):  # the worker has ended, which is found when all has been read
            self._socket.sendall(b"".join(encode(message)))

    def _hang_up(self) -> None:
        """Close the sockets to the worker, which ends by itself or by force."""
        if self._at_end:
            return
        self._at_end = True
        self._reactor.removeReader(self)
        self._socket.close()
        if self._media is not None:
            self._media.close()
        if not self._exited:
            self._killing = self._reactor.callLater(GRACE, self._kill)

    def _finish(self) -> None:
        """Report that the process is gone, once nothing of it is left to be taken."""
        if not (self._exited and (self._stopped or self._has_ended)):
            return
        if self._killing is not None and self._killing.active():
            self._killing.cancel()
        gone, self._on_gone = self._on_gone, None
        if gone is not None:
            gone()

    @staticmethod
    def _crash(reason: str) -> Ended:
        return Ended(reason, fault=True, plain="reading the input has failed", crashed=True)


@implementer(IWriteDescriptor)
class _Media:
    """The bytes of a sender, on their way to the worker."""

    def __init__(self, reactor: Any, connection: socket.socket, pipe: Pipe) -> None:
        connection.setblocking(False)
        self._reactor = reactor
        self._socket = connection
        self._pipe = pipe
        self._rest = memoryview(b"")
        self._is_closed = False

    def go_on(self) -> None:
        """Pass on the bytes that the pipe has."""
        if not self._is_closed:
            self.doWrite()

    def doWrite(self) -> None:  # noqa: N802 - the interface's name
        """Pass on as many bytes as the socket takes."""
        while self._rest or self._fill():
            try:
                sent = self._socket.send(self._rest)
            except BlockingIOError:
                self._reactor.addWriter(self)
                return
            except OSError:  # the worker has ended
                self.close()
                return
            self._rest = self._rest[sent:]

    def _fill(self) -> bool:
        """Take bytes from the pipe; return whether it had any."""
        data = self._pipe.read_now(self.go_on)
        if data == b"":
            self.close()
        elif data is None:
            self._reactor.removeWriter(self)
        else:
            self._rest = memoryview(data)
        return bool(data)

    def close(self) -> None:
        """Close the socket; the worker reads the rest and then the end."""
        if not self._is_closed:
            self._is_closed = True
            self._reactor.removeWriter(self)
            self._socket.close()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - the interface's name
        """Return the socket's name in the reactor's log."""
        return "media of a sender"

    def connectionLost(self, reason: Failure) -> None:
        """Note that the worker has ended."""
        self.close()
