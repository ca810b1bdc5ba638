"""Readers at work: in a thread, and what stands in for them."""

from __future__ import annotations

import threading

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import parse_input
from mkvtwist.inputs.reader_thread import ReaderTask, ReaderThread, RunningReader
from mkvtwist.libav import Ended, Event, Opened, Pace
from mkvtwist.libav.pipe import Pipe
from mkvtwist.media.packet import Header, Packet
from mkvtwist.media.timeline import Timeline
from mkvtwist.testing import FakeReader

PATIENCE = 30.0
"""Seconds that a thread has for what takes milliseconds."""


def task(text: str, media: Pipe | None = None) -> ReaderTask:
    """What to read, as fast as it comes."""
    return ReaderTask("live", parse_input("input", text), media, Timeline(), Pace(0.0, 0.0))


class ReaderThreadTests(SynchronousTestCase):
    """L{ReaderThread}, with what needs no file."""

    def start(self, task: ReaderTask) -> RunningReader:
        """A reader; what it reports is counted."""
        self.events, self.gone = threading.Semaphore(0), threading.Event()
        return ReaderThread(task, self.events.release, self.gone.set)

    def take(self, reader: RunningReader) -> list[Event]:
        """The next that it has to say."""
        self.assertTrue(self.events.acquire(timeout=PATIENCE))
        return reader.take()

    def test_life(self) -> None:
        """The reader opens, waits for its turn, reads until it is stopped, and is gone."""
        reader: RunningReader = self.start(task("demo:"))
        self.assertEqual(self.take(reader), [Opened()])
        reader.go()
        made = self.take(reader)
        while not any(isinstance(event, Packet) for event in made):
            made += self.take(reader)
        self.assertTrue(any(isinstance(event, Header) for event in made))
        self.assertFalse(self.gone.is_set())
        reader.stop()
        self.assertTrue(self.gone.wait(PATIENCE))
        self.assertEqual(reader.take(), [])

    def test_no_thread(self) -> None:
        """If the system gives no thread, that is the end, as of any input that cannot be opened."""

        class NoThread(threading.Thread):
            def start(self) -> None:
                raise RuntimeError("can't start new thread")

        gone = threading.Event()
        self.events = threading.Semaphore(0)
        reader = ReaderThread(task("demo:"), self.events.release, gone.set, make_thread=NoThread)
        (ended,) = self.take(reader)
        expected = Ended(
            "can't start new thread", fault=True, plain="the server has no thread left"
        )
        self.assertEqual(ended, expected)
        self.assertTrue(gone.is_set())
        reader.stop()

    def test_end(self) -> None:
        """The last event is the end; then the reader is gone by itself."""
        pipe = Pipe(lambda: None)
        pipe.write(b"no media")
        pipe.close()
        reader = self.start(task("tcp:1", pipe))
        (ended,) = self.take(reader)
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)
        self.assertTrue(self.gone.wait(PATIENCE))

    def test_stop_while_it_waits(self) -> None:
        """A reader that has not had its turn can be stopped, more than once."""
        reader = self.start(task("demo:"))
        self.take(reader)
        reader.stop()
        reader.stop()
        self.assertTrue(self.gone.wait(PATIENCE))

    def test_name(self) -> None:
        """The thread has the stream's name in its own, and does not keep the process alive."""
        reader = self.start(task("demo:"))
        (thread,) = (t for t in threading.enumerate() if t.name == "input of live")
        self.assertTrue(thread.daemon)
        reader.stop()
        self.assertTrue(self.gone.wait(PATIENCE))


class StillReaderTests(SynchronousTestCase):
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
