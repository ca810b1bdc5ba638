"""
A reader, or the maker of a still, in a process of its own (I{process}).

The process is forked for one input and ends with it. Its main thread is the reader's; its owner is
at the other end of a socket that carries the messages of L{mkvtwist.libav.wire}. The owner hangs up
to stop it.
"""

import os
import select
import socket
import threading
import time
from collections.abc import Callable

from twisted.logger import ILogObserver, LogEvent, Logger, eventAsText, globalLogPublisher
from zope.interface import implementer

from mkvtwist.config.input import Form
from mkvtwist.libav.confinement import Confine, Reach, allow_cpu, confine, reach_of
from mkvtwist.libav.opening.opener import FileBytes, InputOpener
from mkvtwist.libav.packets.pace import Pace
from mkvtwist.libav.reader import Reader, set_up
from mkvtwist.libav.reader_events import Ended, Event
from mkvtwist.libav.still import NoStill, jpeg
from mkvtwist.libav.wire import (
    Confined,
    Decoder,
    Go,
    Logged,
    Message,
    Progress,
    Still,
    StillFailed,
    StillTask,
    Task,
    Timing,
    WireError,
    encode,
)
from mkvtwist.media.timeline import Timeline

LOOK_INTERVAL = 1.0
"""Seconds between two looks at the timeline's jumps and at the processor's time."""

LONGEST_POLL = (1 << 31) - 1
"""Milliseconds that the kernel waits at most: 24 days."""

_log = Logger()


class Owner:
    """
    The owner of this process, at the other end of a socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._decoder = Decoder()
        self._messages: list[Message] = []

    def send(self, message: Message) -> bool:
        """Send a message; return whether the owner is still there."""
        pieces = encode(message)
        size = sum(map(len, pieces))
        try:
            sent = self._connection.sendmsg(pieces)
            if sent < size:
                self._connection.sendall(memoryview(b"".join(pieces))[sent:])
        except OSError:  # it has hung up
            return False
        return True

    def receive(self) -> Message | None:
        """
        Wait for a message, and return it; L{None} when the owner has hung up.

        @raise WireError: when the bytes are no message.
        """
        while not self._messages:
            try:
                data = self._connection.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                return None
            self._messages += self._decoder.feed(data)
        return self._messages.pop(0)


class HangUp:
    """The L{signal<mkvtwist.libav.stopping.Signal>} to stop: the owner has hung up."""

    def __init__(self, connection: socket.socket) -> None:
        self._poll = select.poll()
        self._poll.register(connection, select.POLLRDHUP)
        self._is_set = False

    def set(self) -> None:
        """Give the signal without a hang-up."""
        self._is_set = True

    def is_set(self) -> bool:
        """Return whether the owner has hung up."""
        return self.wait(0.0)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the owner hangs up; return whether it has."""
        # Rounded up: a reader that wakes too early has to wait once more.
        milliseconds = None if timeout is None else min(-int(-timeout * 1000 // 1), LONGEST_POLL)
        if not self._is_set:
            self._is_set = bool(self._poll.poll(milliseconds))
        return self._is_set


class GoMessage:
    """The L{signal<mkvtwist.libav.stopping.Signal>} to go on: it comes with the timeline."""

    def __init__(self, owner: Owner, stop: HangUp, take_over: Callable[[Timing], None]) -> None:
        self._owner = owner
        self._stop = stop
        self._take_over = take_over
        self._is_set = False

    def set(self) -> None:
        """Go on without a timeline."""
        self._is_set = True

    def is_set(self) -> bool:
        """Return whether the message has come."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the message, or for the end; there is no other one to wait for."""
        if not self._is_set:
            message = self._owner.receive()
            if isinstance(message, Go):
                self._take_over(message.timing)
            else:
                self._stop.set()
            self._is_set = True
        return True


class OwnerOutlet:
    """The way of a reader's events to the owner: an L{mkvtwist.libav.reader.EventOutlet}."""

    def __init__(
        self,
        owner: Owner,
        timing: Callable[[], Timing | None],
        clock: Callable[[], float] = time.monotonic,
        allow_work: Callable[[], None] = allow_cpu,
    ) -> None:
        """
        @param timing: returns the timeline; L{None} before the worker has it.
        @param allow_work: called each L{LOOK_INTERVAL} while there are events.
        """
        self._owner = owner
        self._timing = timing
        self._clock = clock
        self._allow_work = allow_work
        self._next_look = clock() + LOOK_INTERVAL
        self._told: tuple[int, float | None] | None = None

    def put(self, event: Event, weight: int) -> bool:
        """Hand over an event; wait while the owner takes nothing."""
        if isinstance(event, Ended):
            timing = self._timing()
            if timing is not None:
                self._owner.send(Progress(timing))
        elif self._clock() >= self._next_look:
            self._look()
        return self._owner.send(event)

    def _look(self) -> None:
        self._next_look = self._clock() + LOOK_INTERVAL
        self._allow_work()
        timing = self._timing()
        if timing is None:
            return
        told = timing.timeline.discontinuities, timing.zero
        if told != self._told:
            self._told = told
            self._owner.send(Progress(timing))

    def close(self) -> None:
        """Do nothing: once the owner has hung up, L{put} waits no longer."""


def work(connection: socket.socket, media: int | None = None, confine: Confine = confine) -> None:
    """
    Do one task: read an input, up to its end or until the owner hangs up, or make a still.

    @param connection: to the owner.
    @param media: the descriptor from which the input's bytes come, if the task says so.
    @param confine: keeps this process from everything but its input.
    @raise WireError: when the owner's first message is no task.
    """
    owner = Owner(connection)
    globalLogPublisher.addObserver(_OwnersLog(owner))
    try:
        _do(owner, connection, media, confine)
    except Exception:
        _log.failure("a process of an input has failed")
        raise


def _do(owner: Owner, connection: socket.socket, media: int | None, confine: Confine) -> None:
    task = owner.receive()
    if task is None:
        return
    if isinstance(task, StillTask):
        owner.send(Confined(confine(Reach())))
        owner.send(_still(task.media))
    elif isinstance(task, Task):
        _read(task, owner, connection, media, confine)
    else:
        raise WireError("the first message is no task")


def _still(media: bytes) -> Still | StillFailed:
    try:
        return Still(jpeg(media))
    except NoStill as error:
        return StillFailed(str(error), error.detail)


def _read(
    task: Task, owner: Owner, connection: socket.socket, media: int | None, confine: Confine
) -> None:
    threading.current_thread().name = f"input of {task.stream}"
    if media is not None and task.source.form is Form.STDIN:
        os.dup2(media, 0)  # the opener looks whether it is a file
    set_up()
    owner.send(Confined(confine(reach_of(task.source, task.options))))
    timeline, pace = Timeline(), Pace(task.rate, task.burst)

    def take_over(timing: Timing) -> None:
        timeline.take_over(timing.timeline)
        pace.zero = timing.zero

    stop = HangUp(connection)
    go = GoMessage(owner, stop, take_over)
    Reader(
        task.source,
        FileBytes(media) if media is not None and task.has_media else None,
        timeline,
        pace,
        OwnerOutlet(owner, lambda: Timing(timeline.state, pace.zero) if go.is_set() else None),
        drain=task.drain,
        frame_rate=task.frame_rate,
        program=task.program,
        opener=InputOpener(options=task.options),
        stop=stop,
        go=go,
    ).run()


@implementer(ILogObserver)
class _OwnersLog:
    """Sends events that are logged here to the owner, which has a log."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def __call__(self, event: LogEvent) -> None:
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        self._owner.send(Logged(text))
