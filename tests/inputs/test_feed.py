"""Feeds: a program's own media, written as into a file."""

from __future__ import annotations

import io
import threading
from array import array

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import parse_input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.feed import FEED_LIMIT, PIECE, Feed
from mkvtwist.libav import Ended
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.live.events import Event, InputDown
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import END, FakeReaders, Reactor, footage, header
from tests.support.fakes import Log

PATIENCE = 30.0
"""Seconds until a thread that should have ended is given up."""


class FeedTests(SynchronousTestCase):
    """L{Stream.feed}: the reactor's thread is this one, as long as a test says nothing else."""

    def setUp(self) -> None:
        """A stream that senders publish to, which has not been started."""
        self.reactor = Reactor()
        self.readers = FakeReaders()
        self.log = Log(self)
        self.stream = self.make()

    def make(self, text: str = "push", *, takeover: bool = False) -> Stream:
        """A stream."""
        config = StreamConfig(parse_input("input", text), takeover=takeover)
        self.stream = Stream(self.reactor, config, start_reader=self.readers)
        return self.stream

    def start(self) -> None:
        """Start the stream."""
        self.stream.startService()
        self.reactor.turns()

    def write(self, feed: Feed, data: bytes = b"media") -> None:
        """Write, and let the reactor take it."""
        self.assertEqual(feed.write(data), len(data))
        self.reactor.turns()

    def fill(self, feed: Feed) -> int:
        """Write as much as there is room for; return how much that was."""
        taken = 0
        try:
            while True:
                taken += feed.write(bytes(PIECE))
                self.reactor.turns()
        except BlockingIOError:
            return taken

    def emit(self, *events: Ended) -> None:
        """The newest reader makes these."""
        self.readers[-1].emit(*events)
        self.reactor.turns()

    def test_written(self) -> None:
        """Everything that is written is read, and the log tells of the sender by its name."""
        self.start()
        with self.stream.feed("animation") as feed:
            self.write(feed, b"abc")
            self.write(feed, b"def")
        self.reactor.turns()
        read = [self.readers[0].read() for _ in range(3)]
        self.assertEqual(read, [b"abc", b"def", b""])
        self.assertEqual(
            self.log.about("animation"),
            [
                "stream live: sender animation connected",
                "stream live: sender animation left after 6 bytes",
            ],
        )

    def test_like_a_file(self) -> None:
        """A feed is a binary file that can be written to, and nothing else."""
        self.start()
        feed = self.stream.feed()
        self.assertIsInstance(feed, io.RawIOBase)
        self.assertEqual(
            (feed.writable(), feed.readable(), feed.seekable(), feed.closed, feed.name),
            (True, False, False, False, "feed"),
        )
        self.assertEqual(feed.write(b""), 0)
        self.assertEqual(feed.write(array("H", [1, 2, 3])), 6)
        self.assertEqual(feed.write(memoryview(b"abcdef")[::1]), 6)
        feed.flush()
        feed.close()
        feed.close()
        self.assertTrue(feed.closed)
        self.assertRaises(ValueError, feed.write, b"more")
        self.assertRaises(ValueError, feed.flush)

    def test_before_the_start(self) -> None:
        """A write waits until the stream is started."""
        feed = self.stream.feed()
        thread, results = self.in_thread(feed, b"early")
        self.assertRaises(BlockingIOError, feed.write, b"x")
        self.assertEqual((self.readers, self.log.about("sender"), results), ([], [], []))
        self.start()
        self.finish(thread)
        self.assertEqual(self.readers[0].read(), b"early")

    def test_closed_before_the_start(self) -> None:
        """A feed that is closed before the stream is started is no sender."""
        feed = self.stream.feed()
        self.assertRaises(BlockingIOError, feed.write, b"early")
        feed.close()
        self.reactor.turns()
        self.start()
        self.assertEqual((self.readers, self.log.about("sender feed")), ([], []))

    def test_bounds(self) -> None:
        """A feed that is not read takes what pipe and outlet hold, and more as it is read."""
        self.start()
        feed = self.stream.feed()
        self.assertEqual(self.fill(feed), PIPE_LIMIT + FEED_LIMIT)
        self.assertEqual(self.fill(feed), 0)
        read = 0
        while read <= PIPE_LIMIT // 2:
            read += len(self.readers[0].read())
        self.reactor.turns()
        self.assertEqual(self.fill(feed), read)

    def test_reactor_thread(self) -> None:
        """A write for which the reactor would have to wait for itself fails, with advice."""
        self.start()
        feed = self.stream.feed()
        error = self.assertRaises(BlockingIOError, feed.write, bytes(FEED_LIMIT + 1))
        self.assertEqual(error.characters_written, 0)
        self.assertIn("asyncio.to_thread", str(error))
        self.write(feed)
        self.assertEqual(feed.write(bytes(FEED_LIMIT)), FEED_LIMIT)
        self.assertRaises(BlockingIOError, feed.write, b"1")

    def in_thread(self, feed: Feed, data: bytes) -> tuple[threading.Thread, list[object]]:
        """Write in a thread; what comes of it is in the list when the thread has ended."""
        results: list[object] = []

        def write() -> None:
            try:
                results.append(feed.write(data))
            except OSError as error:
                results.append(error)

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        return thread, results

    def finish(self, thread: threading.Thread) -> None:
        """Take turns until a thread has ended."""
        for _ in range(round(PATIENCE / 0.01)):
            self.reactor.turns()
            thread.join(0.01)
            if not thread.is_alive():
                self.reactor.turns()
                return
        self.fail("the thread has not ended")

    def test_waits(self) -> None:
        """In any other thread a write waits until it fits, however long it is."""
        self.start()
        feed = self.stream.feed()
        self.write(feed, b"first")
        data = bytes(range(256)) * (2 * PIPE_LIMIT // 256)
        thread, results = self.in_thread(feed, data)
        got: list[bytes] = []

        def read() -> None:
            left = len(data) + 5
            while left:
                got.append(self.readers[0].read())
                left -= len(got[-1])

        reading = threading.Thread(target=read, daemon=True)
        reading.start()
        self.finish(thread)
        self.finish(reading)
        self.assertEqual(results, [len(data)])
        self.assertEqual(b"".join(got), b"first" + data)

    def test_stopped_meanwhile(self) -> None:
        """A write that waits fails as soon as the stream is stopped."""
        self.start()
        feed = self.stream.feed()
        self.fill(feed)
        thread, results = self.in_thread(feed, b"more")
        self.stream.stopService()
        self.finish(thread)
        (error,) = results
        self.assertIsInstance(error, BrokenPipeError)
        self.assertIn("the stream is being stopped", str(error))

    def test_after_the_stop(self) -> None:
        """A stream that has been stopped takes nothing; started again it takes another feed."""
        self.start()
        self.stream.stopService()
        late = self.stream.feed()
        error = self.assertRaises(BrokenPipeError, late.write, b"media")
        self.assertIn("the stream accepts no more media", str(error))
        self.start()
        self.write(self.stream.feed())
        self.assertEqual(len(self.readers), 1)

    def test_occupied(self) -> None:
        """While one feed is there, another one is rejected, as any sender is."""
        self.start()
        first, second = self.stream.feed("first"), self.stream.feed("second")
        self.write(first)
        error = self.assertRaises(BrokenPipeError, second.write, b"media")
        self.assertIn("another sender is connected", str(error))
        self.assertEqual(len(self.log.about("sender second refused")), 1)
        second.close()
        self.write(first, b"more")
        self.assertEqual([self.readers[0].read() for _ in range(2)], [b"media", b"more"])

    def test_takeover(self) -> None:
        """With takeover a second feed replaces the first one, which is told."""
        self.make(takeover=True)
        self.start()
        first, second = self.stream.feed(), self.stream.feed()
        self.write(first)
        self.write(second, b"second")
        error = self.assertRaises(BrokenPipeError, first.write, b"more")
        self.assertIn("another sender has taken over", str(error))
        self.emit(END)
        self.assertEqual(self.readers[1].read(), b"second")

    def test_silent_feeds(self) -> None:
        """A feed has no link that could be dead: however silent, it is not replaced by another."""
        self.start()
        first = self.stream.feed()
        self.write(first)
        self.readers[0].emit(header(), *footage(0, 1))
        self.reactor.turns()
        self.reactor.advance(1000)
        self.assertRaises(BrokenPipeError, self.stream.feed().write, b"media")
        self.write(first)

    def test_unreadable(self) -> None:
        """A feed of bytes that are no media is told so."""
        self.start()
        feed = self.stream.feed()
        self.write(feed, b"garbage")
        self.emit(Ended("no media that libavformat can read", fault=True))
        error = self.assertRaises(BrokenPipeError, feed.write, b"more")
        self.assertIn("no media that libavformat can read", str(error))
        self.assertEqual(self.stream.input.life.state, "waiting for a sender")

    def test_one_after_another(self) -> None:
        """
        Feeds that follow each other are read one after another, each to its end, however long that
        takes: their writes wait.
        """
        self.start()
        with self.stream.feed() as first:
            self.write(first, b"first")
        self.readers[0].emit(header(), *footage(0, 1))
        self.reactor.turns()
        second = self.stream.feed()
        self.assertRaises(BlockingIOError, second.write, b"x")
        thread, results = self.in_thread(second, b"second")
        self.reactor.turns()
        self.reactor.advance(1000)
        self.assertEqual((len(self.readers), results), (1, []))
        self.assertEqual([self.readers[0].read() for _ in range(2)], [b"first", b""])
        self.emit(END)
        self.finish(thread)
        self.assertEqual((results, self.readers[1].read()), ([6], b"second"))

    def test_at_the_end_of_another(self) -> None:
        """A listener that hears of a feed's end is told that another one has to wait for a turn."""
        self.start()
        second = self.stream.feed("second")
        told: list[BlockingIOError] = []

        def heard(event: Event) -> None:
            if isinstance(event, InputDown):
                told.append(self.assertRaises(BlockingIOError, second.write, b"x"))

        self.stream.events.subscribe(heard)
        with self.stream.feed("first") as first:
            self.write(first, b"first")
        self.readers[0].emit(header(), *footage(0, 1))
        self.reactor.turns()
        self.emit(END)
        self.assertEqual(len(told), 1)
        self.write(second, b"second")
        self.assertEqual(self.readers[1].read(), b"second")

    def test_closed_while_full(self) -> None:
        """A feed that is closed while it has to wait is read to its end."""
        self.start()
        feed = self.stream.feed()
        size = self.fill(feed)
        feed.close()
        self.reactor.turns()
        while data := self.readers[0].read():
            size -= len(data)
            self.reactor.turns()
        self.assertEqual(size, 0)

    def test_dropped(self) -> None:
        """A feed that nothing refers to any more is closed."""
        self.start()
        feed = self.stream.feed()
        self.write(feed)
        del feed
        self.reactor.turns()
        self.assertEqual(len(self.log.about("left after 5 bytes")), 1)

    def test_nothing(self) -> None:
        """A feed into which nothing was written is no sender."""
        self.start()
        self.stream.feed().close()
        self.reactor.turns()
        self.assertEqual(self.log.about("sender feed"), [])

    def test_other_inputs(self) -> None:
        """Only a stream whose senders come by themselves takes feeds."""
        for text in ("demo:", "film.mkv", "-", "http://host/", "tcp://127.0.0.1:1?listen"):
            error = self.assertRaises(ValueError, self.make(text).feed)
            self.assertIn(f"{parse_input('input', text)}; only a stream", str(error))
        self.make("tcp:12345").feed()

    def test_stopped_before_its_turn(self) -> None:
        """A write that waits for its turn fails when the stream is stopped."""
        self.start()
        with self.stream.feed() as first:
            self.write(first)
        thread, results = self.in_thread(self.stream.feed(), b"next")
        self.reactor.turns()
        self.stream.stopService()
        self.finish(thread)
        self.assertIsInstance(results[0], BrokenPipeError)
