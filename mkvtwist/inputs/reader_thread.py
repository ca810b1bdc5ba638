"""
Running readers: how an input starts one, and how it runs in a thread (I{both}).

An input is given a L{StartReader}, and knows a reader as a L{RunningReader}. The starter decides
where the reader runs: L{ReaderThread} has a thread for each.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mkvtwist.config.input import Input
from mkvtwist.config.input_options import NO_OPTIONS, InputOptions
from mkvtwist.libav import Ended, Event, Pace, Reader, set_up
from mkvtwist.libav.opening.opener import InputOpener
from mkvtwist.libav.pipe import Outlet
from mkvtwist.media.byte_source import ByteSource
from mkvtwist.media.timeline import Timeline


@dataclass(frozen=True, slots=True)
class ReaderTask:
    """
    The task of a reader: its source, and its settings.

    @ivar stream: the stream's name.
    @ivar source: the input, or a fallback.
    @ivar media: where the bytes of a sender or of standard input come from; L{None} if the reader
        opens the source itself.
    @ivar timeline: the stream's; the reader's alone from L{RunningReader.go} on to its end.
    @ivar pace: how fast the packets may come.
    @ivar drain: whether the end waits until real time has reached it.
    @ivar options: options of libavformat, if the reader opens the source itself.
    @ivar frame_rate: pictures a second of video that carries no times; 0 if unknown.
    @ivar program: the programme of an MPEG-TS; 0 is the first with video.
    """

    stream: str
    source: Input
    media: ByteSource | None
    timeline: Timeline
    pace: Pace
    drain: bool = False
    options: InputOptions = NO_OPTIONS
    frame_rate: float = 0.0
    program: int = 0


class RunningReader(Protocol):
    """
    A running reader, in a thread or elsewhere. All methods are called in the reactor's thread.
    """

    def go(self) -> None:
        """Let the reader go on after L{Opened<mkvtwist.libav.reader_events.Opened>}, once."""

    def stop(self) -> None:
        """Have the reader end soon, without another event; may be called at any time."""

    def take(self) -> list[Event]:
        """Return everything that the reader has made since the last call."""


StartReader = Callable[[ReaderTask, Callable[[], None], Callable[[], None]], RunningReader]
"""
Starts a reader for a task. The first function is called, in any thread, when there is something to
take, and not again before it has been taken. The second is called, in any thread, once, when the
reader has ended and has let go of its input and of the timeline.
"""


class ReaderThread:
    """A reader in a thread of its own, which does not keep the process alive."""

    def __init__(
        self,
        task: ReaderTask,
        on_events: Callable[[], None],
        on_gone: Callable[[], None],
        *,
        make_thread: Callable[..., threading.Thread] = threading.Thread,
    ) -> None:
        """
        @param make_thread: makes the thread.
        """
        self._outlet: Outlet[Event] = Outlet(on_events)
        self._reader = Reader(
            task.source,
            task.media,
            task.timeline,
            task.pace,
            self._outlet,
            drain=task.drain,
            frame_rate=task.frame_rate,
            program=task.program,
            opener=InputOpener(options=task.options),
        )
        self._on_gone = on_gone
        set_up()
        thread = make_thread(target=self._run, name=f"input of {task.stream}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads: later it may
            self._outlet.put(
                Ended(str(error), fault=True, plain="the server has no thread left"), 0
            )
            on_gone()

    def _run(self) -> None:
        self._reader.run()
        self._on_gone()

    def go(self) -> None:
        """Let the reader read on."""
        self._reader.go()

    def stop(self) -> None:
        """Have the thread end; one that is blocked in libavformat ends when it returns."""
        self._reader.stop()

    def take(self) -> list[Event]:
        """Return everything that the reader has made since the last call."""
        return self._outlet.take()
