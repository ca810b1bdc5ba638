"""Readers at work, in a thread and in a process, and what stands in for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mkvtwist.config.input import parse_input
from mkvtwist.inputs.isolated import IsolatedReader
from mkvtwist.inputs.reader_thread import ReaderTask, ReaderThread, RunningReader, StartReader
from mkvtwist.inputs.workers import Workers
from mkvtwist.libav import Ended, Event, Opened, Pace
from mkvtwist.libav.pipe import Pipe
from mkvtwist.media.packet import SECOND, Header, Packet
from mkvtwist.media.timeline import Timeline
from mkvtwist.testing import FakeReader
from tests.support import media


def task(text: str, media: Pipe | None = None, timeline: Timeline | None = None) -> ReaderTask:
    """What to read, as fast as it comes."""
    source = parse_input("input", text)
    return ReaderTask("live", source, media, timeline or Timeline(), Pace(0.0, 0.0))


class Owner:
    """
    The owner of a reader in the reactor's thread, as L{mkvtwist.inputs.readings} is.

    @ivar reader: what it owns.
    @ivar is_gone: whether the reader has said so.
    """

    def __init__(self, start: StartReader, task: ReaderTask) -> None:
        from twisted.internet import reactor

        call = reactor.callFromThread  # type: ignore[attr-defined]
        self._there = 0
        self._waiting: Deferred[None] | None = None
        self.is_gone = False
        self.reader = start(task, lambda: call(self._arrive), lambda: call(self._note_gone))

    def _arrive(self) -> None:
        self._there += 1
        self._wake()

    def _note_gone(self) -> None:
        assert not self.is_gone, "gone twice"
        self.is_gone = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def take(self) -> list[Event]:
        """The next that the reader has made."""
        while not self._there:
            self._waiting = Deferred()
            await self._waiting
        self._there -= 1
        return self.reader.take()

    async def until(self, enough: Callable[[list[Event]], bool]) -> list[Event]:
        """What the reader makes until this is true of it; it is told to go when it has opened."""
        made: list[Event] = []
        while not enough(made):
            more = await self.take()
            if Opened() in more:
                self.reader.go()
            made += more
        return made

    async def end(self) -> list[Event]:
        """What the reader makes up to its end, and then it is gone."""
        made = await self.until(lambda made: any(isinstance(event, Ended) for event in made))
        await self.gone()
        return made

    async def gone(self) -> None:
        """The reader is gone."""
        while not self.is_gone:
            self._waiting = Deferred()
            await self._waiting


def packets(events: list[Event]) -> list[Packet]:
    """The packets among them."""
    return [event for event in events if isinstance(event, Packet)]


if TYPE_CHECKING:
    Case = TestCase
else:
    Case = object


class ReaderTests(Case):
    """The calling rules of L{RunningReader}, with what needs no file, and a file."""

    timeout = 60

    def start(self, task: ReaderTask) -> Owner:
        """A reader for a task."""
        raise NotImplementedError

    async def test_life(self) -> None:
        """The reader opens, waits for its turn, reads until it is stopped, and is gone."""
        owner = self.start(task("demo:"))
        made = await owner.take()
        while not made:  # the process has said how it is confined
            made = await owner.take()
        self.assertEqual(made, [Opened()])
        owner.reader.go()
        made = await owner.until(lambda made: bool(packets(made)))
        self.assertTrue(any(isinstance(event, Header) for event in made))
        self.assertFalse(owner.is_gone)
        owner.reader.stop()
        await owner.gone()
        self.assertEqual(owner.reader.take(), [])

    async def test_end(self) -> None:
        """The last event is the end; then the reader is gone by itself."""
        pipe = Pipe(lambda: None)
        pipe.write(b"no media")
        pipe.close()
        *_, ended = await self.start(task("tcp:1", pipe)).end()
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)
        self.assertFalse(ended.crashed)
        self.assertIn("no media that libavformat can read", ended.reason)

    async def test_stop_while_it_waits(self) -> None:
        """A reader that has not had its turn can be stopped, more than once."""
        owner = self.start(task("demo:"))
        await owner.take()
        owner.reader.stop()
        owner.reader.stop()
        await owner.gone()

    async def test_stop_before_it_begins(self) -> None:
        """A reader can be stopped at once."""
        owner = self.start(task("demo:"))
        owner.reader.stop()
        await owner.gone()
        self.assertEqual(owner.reader.take(), [])

    async def test_no_such_file(self) -> None:
        """A file that is not there is said so in the system's words."""
        *_, ended = await self.start(task("/nowhere/film.mkv")).end()
        assert isinstance(ended, Ended)
        self.assertIn("No such file", ended.reason)

    async def test_file(self) -> None:
        """Everything that is in a file comes out, and its timeline with it."""
        timeline = Timeline()
        path = str(media.clip(seconds=2))
        made = await self.start(task(path, timeline=timeline)).end()
        self.assertGreater(len(packets(made)), 50)
        self.assertEqual(timeline.edge, max(packet.end for packet in packets(made)))
        self.assertEqual(len(timeline.state.tracks), 2)

    async def test_file_again(self) -> None:
        """A file that is read again goes on where the timeline was."""
        timeline = Timeline()
        path = str(media.clip(seconds=2))
        first = packets(await self.start(task(path, timeline=timeline)).end())
        edge = timeline.edge
        again = packets(await self.start(task(path, timeline=timeline)).end())
        self.assertEqual([p.data for p in again], [p.data for p in first])
        ends = {packet.track: packet.dts for packet in first}
        for packet in again:
            self.assertGreater(packet.dts, ends[packet.track])
        self.assertLess(abs(min(packet.dts for packet in again) - edge), SECOND // 10)

    async def test_again_after_a_stop(self) -> None:
        """A file that is read again after a stop goes on behind all that has come of it."""
        timeline = Timeline()
        path = str(media.clip(seconds=2))
        await self.start(task(path, timeline=timeline)).end()
        owner = self.start(task(path, timeline=timeline))
        made = packets(await owner.until(lambda made: len(packets(made)) > 20))
        owner.reader.stop()
        await owner.gone()
        last = {packet.track: packet.dts for packet in made}
        for packet in packets(await self.start(task(path, timeline=timeline)).end()):
            self.assertGreater(packet.dts, last[packet.track])

    async def test_not_opened(self) -> None:
        """A reader that has not had its turn leaves the timeline as it is."""
        timeline = Timeline()
        await self.start(task(str(media.clip(seconds=2)), timeline=timeline)).end()
        before = timeline.state
        await self.start(task("/nowhere/film.mkv", timeline=timeline)).end()
        self.assertEqual(timeline.state, before)

    async def test_sender(self) -> None:
        """The bytes of a sender come out as packets; a full pipe has room again."""
        data = media.clip(seconds=2).read_bytes()
        room: list[None] = []
        pipe = Pipe(lambda: room.append(None))
        owner = self.start(task("tcp:1", pipe))
        for at in range(0, len(data), 5000):
            pipe.write(data[at : at + 5000])
        pipe.close()
        made = await owner.end()
        self.assertGreater(len(packets(made)), 50)

    async def test_stop_while_a_sender_is_silent(self) -> None:
        """A reader whose sender says nothing is gone when its pipe is cancelled."""
        pipe = Pipe(lambda: None)
        owner = self.start(task("tcp:1", pipe))
        pipe.write(b"some")
        owner.reader.stop()
        pipe.cancel()
        await owner.gone()


class ReaderThreadTests(ReaderTests, TestCase):
    """L{ReaderThread}."""

    def start(self, task: ReaderTask) -> Owner:
        return Owner(ReaderThread, task)

    async def test_name(self) -> None:
        """The thread has the stream's name in its own, and does not keep the process alive."""
        # Threads of other tests, which are about to end, have another name.
        owner = self.start(replace(task("demo:"), stream="this-one"))
        (thread,) = (t for t in threading.enumerate() if t.name == "input of this-one")
        self.assertTrue(thread.daemon)
        owner.reader.stop()
        await owner.gone()

    def test_no_thread(self) -> None:
        """If the system gives no thread, that is the end, as of any input that cannot be opened."""

        class NoThread(threading.Thread):
            def start(self) -> None:
                raise RuntimeError("can't start new thread")

        calls: list[str] = []
        reader = ReaderThread(
            task("demo:"),
            lambda: calls.append("events"),
            lambda: calls.append("gone"),
            make_thread=NoThread,
        )
        plain = "the server has no thread left"
        self.assertEqual(reader.take(), [Ended("can't start new thread", fault=True, plain=plain)])
        self.assertEqual(calls, ["events", "gone"])
        reader.stop()


class IsolatedReaderTests(ReaderTests, TestCase):
    """L{IsolatedReader}."""

    def setUp(self) -> None:
        """Have workers of the test's own."""
        from twisted.internet import reactor

        self.workers = Workers(reactor)
        self.workers.startService()
        self.addCleanup(self.workers.stopService)

    def start(self, task: ReaderTask) -> Owner:
        return Owner(partial(IsolatedReader, self.workers), task)


class FakeReaderTests(SynchronousTestCase):
    """The stand-in keeps the calling rules."""

    def test_rules(self) -> None:
        """The reader reports once until all is taken, nothing after its stop, and its end once."""
        calls: list[str] = []
        still = FakeReader(
            task("demo:"), lambda: calls.append("events"), lambda: calls.append("gone")
        )
        reader: RunningReader = still
        still.emit(Opened(), Opened())
        self.assertEqual(calls, ["events"])
        self.assertEqual(reader.take(), [Opened(), Opened()])
        still.emit(Opened())
        reader.stop()
        reader.stop()
        still.emit(Opened())
        self.assertEqual(reader.take(), [])
        self.assertEqual(calls, ["events", "events", "gone"])
