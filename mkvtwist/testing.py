"""
Fakes for the tests of programs that embed a stream: no file, no thread and no network is needed.

::

    class CameraTests(SynchronousTestCase):
        def test_off_air(self):
            reactor, readers = Reactor(), FakeReaders()
            stream = Stream(reactor, StreamConfig("demo:", at_end="exit"), start_reader=readers)
            stream.startService()
            readers[0].emit(header(), *footage(0, 2))  # two seconds of video
            reactor.turns()
            readers[0].emit(Ended("the camera was switched off", fault=True))
            reactor.turns()
            self.assertEqual(stream.statistics().state, "ended")
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from mkvtwist.formats.matroska.ebml import element
from mkvtwist.inputs.reader_thread import ReaderTask
from mkvtwist.libav import Ended, Event
from mkvtwist.media.packet import SECOND, Header, Packet, Track

__all__ = [
    "AUDIO",
    "END",
    "SOUND",
    "VIDEO",
    "Ended",
    "FakePool",
    "FakeReader",
    "FakeReaders",
    "Reactor",
    "footage",
    "header",
    "mixed",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class FakePool(ThreadPool):
    """
    A thread pool without threads: a function runs where it is called.

    @ivar is_busy: whether functions wait for L{run_next} instead.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_busy = False
        self._jobs: deque[tuple[Callable[..., Any], Callable[[], None]]] = deque()

    @property
    def waiting(self) -> list[Callable[..., Any]]:
        """Return the functions that wait."""
        return [function for function, _ in self._jobs]

    def run_next(self) -> bool:
        """Run the function that has waited longest; return whether there was one."""
        if not self._jobs:
            return False
        self._jobs.popleft()[1]()
        return True

    def callInThreadWithCallback(  # noqa: N802 - the interface's names, here and below
        self,
        onResult: Callable[[bool, _R], object] | None,  # noqa: N803
        func: Callable[_P, _R],
        *args: _P.args,
        **kw: _P.kwargs,
    ) -> None:
        """Run a function now, or when its turn comes."""
        assert onResult is not None

        def run() -> None:
            try:
                result = func(*args, **kw)
            except Exception:  # noqa: BLE001 - as ThreadPool does
                onResult(False, Failure())  # type: ignore[arg-type]
            else:
                onResult(True, result)

        self._jobs.append((func, run))
        if not self.is_busy:
            self.run_next()


@implementer(IReactorFromThreads)
class Reactor(MemoryReactorClock):
    """
    A reactor in memory, without network and threads.

    Its time stands still until a test lets it go on (C{advance}, C{pump}). Calls from threads wait
    for the next L{turn}.

    @ivar pool: its thread pool; may be set.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: deque[Callable[[], Any]] = deque()
        self.pool = FakePool()

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:  # noqa: A002 - the interface's name
        """Note a call for the next turn; any thread."""
        self._calls.append(lambda: callable(*args, **kwargs))

    def getThreadPool(self) -> FakePool:  # noqa: N802
        """Return the pool, which needs no thread."""
        return self.pool

    def turn(self) -> None:
        """Make the calls that threads have asked for, and those that are due."""
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        self.advance(0)

    def turns(self) -> None:
        """Take turns until no call of a thread is left."""
        self.turn()
        while self._calls:
            self.turn()


END = Ended("the end of the input", fault=False)


class FakeReader:
    """
    A running reader that reads nothing: it makes the events that the test gives it.

    @ivar task: what it was asked to read.
    @ivar deaf: whether it ignores L{stop}, as a reader does that is blocked in libavformat.
    @ivar manner: the frame rate and the program that it was told.
    """

    def __init__(
        self, task: ReaderTask, on_events: Callable[[], None], on_gone: Callable[[], None]
    ) -> None:
        self.task = task
        self.source = task.source
        self.media = task.media
        self.timeline = task.timeline
        self.pace = task.pace
        self.drain = task.drain
        self.manner = (task.frame_rate, task.program)
        self.stopped = False
        self.gone_on = False
        self.deaf = False
        self._on_events = on_events
        self._on_gone: Callable[[], None] | None = on_gone
        self._events: list[Event] = []

    def go(self) -> None:
        self.gone_on = True

    def stop(self) -> None:
        self.stopped = True
        self._events.clear()
        if not self.deaf:
            self.join()

    def take(self) -> list[Event]:
        taken, self._events = self._events, []
        return taken

    def emit(self, *events: Event) -> None:
        """Make events, unless the reader was stopped."""
        for event in events:
            if not self.stopped:
                self._events.append(event)
                if len(self._events) == 1:
                    self._on_events()

    def read(self) -> bytes:
        """Read from the sender, once."""
        assert self.media is not None
        return self.media.read(1 << 30)

    def join(self) -> None:
        """End the reader, unless it has ended."""
        gone, self._on_gone = self._on_gone, None
        if gone is not None:
            gone()


class FakeReaders(list[FakeReader]):
    """
    All readers that were started, the oldest first.

    It is what a stream is given as C{start_reader}.
    """

    def __call__(
        self, task: ReaderTask, on_events: Callable[[], None], on_gone: Callable[[], None]
    ) -> FakeReader:
        reader = FakeReader(task, on_events, on_gone)
        self.append(reader)
        return reader


VIDEO = Track(number=1, type="video", codec="h264", setup=b"setup", width=160, height=120)
AUDIO = Track(number=2, type="audio", codec="aac", sample_rate=48000, channels=2)
SOUND = Track(number=1, type="audio", codec="aac", sample_rate=48000, channels=2)
"""Tracks for made-up headers: a video and its sound, and a sound alone."""


def header(*tracks: Track) -> Header:
    """Return a header for some tracks, or for one of video. Its bytes mean nothing to a player."""
    tracks = tracks or (VIDEO,)
    name = " ".join(f"{track.codec} {track.width}" for track in tracks)
    return Header(tracks, element(0xEC, name.encode()))


def footage(
    start: float,
    end: float,
    *,
    gop: float = 1.0,
    rate: int = 10,
    track: int = 1,
    size: int = 20,
    key: bool = True,
) -> list[Packet]:
    """
    Return packets from one second up to another. The bytes of each name its track and its time.

    @param start: seconds.
    @param end: seconds.
    @param rate: packets per second.
    @param gop: seconds from one keyframe to the next, counted from 0.
    @param size: bytes of each.
    @param key: whether there are keyframes at all.
    """
    made = []
    step = SECOND // rate
    for number in range(round(start * rate), round(end * rate)):
        begins = key and number % round(gop * rate) == 0
        data = f"{track} at {number * step}".encode().ljust(size, b".")
        made.append(Packet(track, number * step, number * step, step, begins, data))
    return made


def mixed(*lists: Iterable[Packet]) -> list[Packet]:
    """Return the packets of several tracks in the order of their decoding times."""
    return sorted((packet for packets in lists for packet in packets), key=lambda p: p.dts)
