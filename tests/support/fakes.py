"""Stand-ins for what surrounds the code under test, each held to its interface; made-up media."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, ParamSpec, TypeVar

from twisted.internet.interfaces import IProducer, IReactorFromThreads
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, LogEvent, LogPublisher, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.choice import NoTrack, Unfit
from mkvtwist.formats.matroska.ebml import element, elements
from mkvtwist.formats.mp4.head import CODECS
from mkvtwist.inputs.readers import ReaderTask
from mkvtwist.libav import Ended, Event
from mkvtwist.live.client import IResponse, Progress
from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period
from mkvtwist.live.sink import Sink
from mkvtwist.media.packet import SECOND, Header, Packet, Track

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Pool(ThreadPool):
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
        """The functions that wait."""
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
        """Run it now, or when its turn comes."""
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


class LatePool(Pool):
    """
    A thread pool that works when it is told to.

    @ivar jobs: what it has not got to yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[tuple[Any, ...]] = []

    def callInThreadWithCallback(self, *args: Any, **kw: Any) -> None:  # noqa: N802
        """Later."""
        self.jobs.append(args)

    def work(self) -> None:
        """A thread does what was asked for first."""
        super().callInThreadWithCallback(*self.jobs.pop(0))


@implementer(IReactorFromThreads)
class Reactor(MemoryReactorClock):
    """
    A reactor in memory. Time stands still until it is told to go on, and what threads ask for
    waits for the next L{turn}.

    @ivar pool: its thread pool; may be set.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: deque[Callable[[], Any]] = deque()
        self.pool = Pool()

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:  # noqa: A002 - the interface's name
        """Any thread."""
        self._calls.append(lambda: callable(*args, **kwargs))

    def getThreadPool(self) -> Pool:  # noqa: N802
        """One that needs no thread."""
        return self.pool

    def turn(self) -> None:
        """What threads have asked for, and what is due."""
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        self.advance(0)

    def turns(self) -> None:
        """As many as it takes until no thread's call is left."""
        self.turn()
        while self._calls:
            self.turn()


@implementer(IResponse)
class Response:
    """
    A response whose client reads when it is told to.

    @ivar room: how many bytes it takes from now on before it is full.
    @ivar data: what has been written.
    @ivar taken: how much of it the client has.
    @ivar held: how much the operating system would hold of that.
    @ivar patience: for how long its machine may acknowledge nothing, if that has been said.
    @ivar writes: the sizes of the pieces in which it was.
    """

    def __init__(self, room: float = float("inf")) -> None:
        self.room = room
        self.data = b""
        self.taken = self.offered = self.held = 0
        self.patience: float | None = None
        self.writes: list[int] = []
        self.tracks: Sequence[Track] | None = None
        self.producer: Any = None
        self.paused = False
        self.refused: Unfit | NoTrack | None = None
        self.finished = False
        self.aborted = False

    def begin(self, tracks: Sequence[Track]) -> None:
        """Once, before everything else."""
        assert self.tracks is None, "begun twice"
        self.tracks = tracks

    def refuse(self, problem: Unfit | NoTrack) -> None:
        """Once, and nothing else."""
        assert self.tracks is None, "begun already"
        assert not self.finished
        self.refused = problem

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        """Take it; pause the producer when there is no more room."""
        assert self.tracks is not None, "written before it has begun"
        assert data, "nothing written"
        self._add(data)

    def _add(self, data: bytes) -> None:
        assert not self.paused, "written while it is paused"
        assert not (self.finished or self.aborted), "written after its end"
        self.data += data
        self.writes.append(len(data))
        taken = int(min(len(data), self.room))
        self.taken += taken
        self.room -= taken
        if len(self.data) > self.taken:
            self.paused = True
            self.producer.pauseProducing()

    @property
    def sent(self) -> int:
        """What the client has taken, but for what was offered: that is the publisher's count."""
        return self.taken - self.offered

    def progress(self) -> Progress:
        """What was taken, the client has; what is held is as the test says."""
        return Progress(self.taken, self.held)

    def attend(self, seconds: float) -> None:
        self.patience = seconds

    def offer(self, data: bytes) -> int:
        """Take what there is room for; the rest must be kept."""
        taken = int(min(len(data), self.room))
        self._add(data[:taken])
        self.offered += len(data)
        return taken

    def keep(self, rest: memoryview) -> None:
        assert rest, "nothing kept"
        self._add(bytes(rest))

    def read(self, room: float = float("inf")) -> None:
        """The client takes all that was written, and so many bytes more."""
        self.taken, self.room = len(self.data), room
        if self.paused:
            self.paused = False
            if self.producer is not None:
                self.producer.resumeProducing()

    def trickle(self, size: int = 1) -> None:
        """The client takes a little of what was written."""
        assert self.taken + size < len(self.data)
        self.taken += size

    def finish(self) -> None:
        assert not (self.finished or self.aborted), "ended twice"
        assert self.taken == len(self.data), "finished before all was sent"
        self.finished = True

    def abort(self) -> None:
        assert not (self.finished or self.aborted), "ended twice"
        self.aborted = True

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.finished or self.aborted

    @property
    def blocks(self) -> list[Block]:
        """What a player would find in it."""
        return blocks(self.data)


@implementer(ILogObserver)
class Log:
    """What is logged during a test, as a reader of the log sees it."""

    def __init__(self, case: SynchronousTestCase, publisher: LogPublisher | None = None) -> None:
        self.lines: list[str] = []
        publisher = publisher or globalLogPublisher
        publisher.addObserver(self)
        case.addCleanup(publisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        self.lines.append(formatEvent(event))

    def about(self, text: str) -> list[str]:
        """The lines that have this text in them."""
        return [line for line in self.lines if text in line]

    def clear(self) -> None:
        """Forget what has been said so far."""
        self.lines.clear()


class Kept(Sink):
    """
    A sink that keeps it all as Matroska, and is full when it is told to be.

    @ivar begins: when the fragments start with which a file could begin, in microseconds.
    """

    full = False

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.data = b""
        self.begins: list[int] = []
        self._muxer: Muxer[Any] | None = None

    def begin(self, period: Period) -> None:
        """Keep the header."""
        self._muxer = period.muxer(period.everything)
        self.heads.append(self._muxer.head)

    def append(self, fragment: Fragment) -> None:
        """Keep the fragment."""
        assert self._muxer is not None, "appended before it has begun"
        self.data += self._muxer.render(fragment.packets)
        self.begins += [fragment.start] if fragment.decodable else []


END = Ended("the end of the input", fault=False)


class StillReader:
    """
    A running reader that reads nothing: it makes the events that the test gives it.

    @ivar deaf: it takes no notice of L{stop}, as one that is blocked in libavformat.
    @ivar manner: the frame rate and the programme that it was told.
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
        """Make these, unless nobody wants them any more."""
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
        """End, unless that was long ago."""
        gone, self._on_gone = self._on_gone, None
        if gone is not None:
            gone()


class StillReaders(list[StillReader]):
    """Starts a L{StillReader} for each task; all that were started, the oldest first."""

    def __call__(
        self, task: ReaderTask, on_events: Callable[[], None], on_gone: Callable[[], None]
    ) -> StillReader:
        reader = StillReader(task, on_events, on_gone)
        self.append(reader)
        return reader


# -- Media --------------------------------------------------------------------

VIDEO = Track(number=1, type="video", codec="h264", setup=b"setup", width=160, height=120)
AUDIO = Track(number=2, type="audio", codec="aac", sample_rate=48000, channels=2)
SOUND = Track(number=1, type="audio", codec="aac", sample_rate=48000, channels=2)


def in_mp4(track: Track) -> Track:
    """A track as one that MP4 has a place for, if its codec has one."""
    if track.codec not in CODECS:
        return track
    return replace(track, mp4_head=f"{track.codec} {track.width}".encode())


def header(*tracks: Track) -> Header:
    """A header for these tracks, or for one of video; its bytes are an element of no meaning."""
    tracks = tracks or (VIDEO,)
    name = " ".join(f"{track.codec} {track.width}" for track in tracks)
    return Header(tracks, element(0xEC, name.encode()))


def head(*tracks: Track) -> bytes:
    """The bytes of L{header}."""
    return header(*tracks).matroska_head


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
    Packets from one second up to another; each has its own bytes, which name track and time.

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
    """Packets of several tracks in the order of their time."""
    return sorted((packet for packets in lists for packet in packets), key=lambda p: p.dts)


class Block(NamedTuple):
    """A SimpleBlock as it is found in what a client got; C{time} in milliseconds."""

    track: int
    time: int
    key: bool
    data: bytes


def blocks(data: bytes) -> list[Block]:
    """
    The blocks of all Clusters; other elements are passed over.

    @raise MatroskaError: when it is not whole.
    """
    found = []
    for top in elements(data, 0, len(data)):
        if top.id != 0x1F43B675:
            continue
        base = 0
        for part in elements(data, top.start, top.end):
            body = data[part.start : part.end]
            if part.id == 0xE7:
                base = int.from_bytes(body, "big")
            elif part.id == 0xA3:
                offset = int.from_bytes(body[1:3], "big", signed=True)
                key = bool(body[3] & 0x80)
                found.append(Block(body[0] & 0x7F, base + offset, key, body[4:]))
    return found


def sent(packets: Sequence[Packet], since: float = 0.0) -> list[Block]:
    """These packets as a client gets them, from one second on."""
    return [
        Block(p.track, p.pts // 1000, p.key, p.data) for p in packets if p.dts >= since * SECOND
    ]


# -- HTTP ---------------------------------------------------------------------


class Answer(NamedTuple):
    """One HTTP response; the names of its headers in lower case."""

    version: str
    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool
    """Whether it has said that this is all; without a length the end of the connection does."""
    rest: bytes
    """What follows it on the connection."""

    @property
    def text(self) -> str:
        """The body, in words."""
        return self.body.decode()


def answer(data: bytes, method: str = "GET") -> Answer:
    """
    The first response in what came over a connection.

    @raise ValueError: when it, or the framing of its chunks, is not what RFC 9112 says.
    """
    start, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        raise ValueError(f"no whole head: {data!r}")
    first, *lines = start.decode("latin-1").split("\r\n")
    version, status, _ = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key, value = name.lower(), value.strip()
        if key == "www-authenticate" and key in headers:  # the one that may be a list of lines
            value = f"{headers.pop(key)}, {value}"
        if not colon or key in headers:
            raise ValueError(f"not one header: {line!r}")
        headers[key] = value
    code = int(status)
    if method == "HEAD" or code in (204, 304):
        return Answer(version, code, headers, b"", True, rest)
    if headers.get("transfer-encoding") == "chunked":
        body, complete, rest = _dechunked(rest)
        return Answer(version, code, headers, body, complete, rest)
    if (length := headers.get("content-length")) is not None:
        body, rest = rest[: int(length)], rest[int(length) :]
        return Answer(version, code, headers, body, len(body) == int(length), rest)
    return Answer(version, code, headers, rest, False, b"")


def _dechunked(data: bytes) -> tuple[bytes, bool, bytes]:
    """What the chunks hold, whether the last one has come, and what follows it."""
    body = []
    at = 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end], 16)
        chunk = data[end + 2 : end + 2 + size]
        body.append(chunk)
        after = data[end + 2 + size : end + 4 + size]
        if len(after) < 2:
            return b"".join(body), False, b""
        if after != b"\r\n":
            raise ValueError(f"a chunk of {size} bytes ends in {after!r}")
        at = end + 4 + size
        if size == 0:
            return b"".join(body), True, data[at:]
    return b"".join(body), False, data[at:]
