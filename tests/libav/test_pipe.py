"""Bytes and items cross threads in order, within their bounds, and nobody waits for ever."""

import threading
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.pipe import OUTLET_LIMIT, PIPE_LIMIT, Outlet, Pipe

SAFE = 30.0  # seconds; never waited for unless something is broken


def nothing() -> None:
    """Nobody wants to know."""


class Watched(threading.Condition):
    """
    A condition that tells when it is waited for.

    @ivar waits: released each time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.release()
        return super().wait(timeout)


class Threads(SynchronousTestCase):
    """Runs one side in a thread of its own."""

    def run_in_thread(self, function: Callable[[], object]) -> threading.Thread:
        """Start it."""
        thread = threading.Thread(target=function, daemon=True)
        thread.start()
        return thread

    def join(self, thread: threading.Thread) -> None:
        """It ends."""
        thread.join(SAFE)
        self.assertFalse(thread.is_alive(), "it waits for ever")

    def wait(self, event: threading.Event) -> None:
        """It happens."""
        self.assertTrue(event.wait(SAFE), "it never happens")
        event.clear()

    def until_waiting(self, condition: "Watched") -> None:
        """Until a thread waits: it has let go of the lock."""
        self.assertTrue(condition.waits.acquire(timeout=SAFE), "it does not wait")
        with condition:
            pass


class PipeTests(Threads):
    """From the reactor to the thread."""

    @given(st.lists(st.binary(max_size=20)), st.lists(st.integers(1, 30)))
    def test_order(self, chunks: list[bytes], sizes: list[int]) -> None:
        """Everything comes out in order, in pieces as they are asked for, and then the end."""
        pipe = Pipe(nothing)
        for chunk in chunks:
            self.assertTrue(pipe.write(chunk))
        pipe.close()
        read = [pipe.read(size) for size in sizes]
        for piece, size in zip(read, sizes, strict=True):
            self.assertLessEqual(len(piece), size)
        while piece := pipe.read(7):
            read.append(piece)
        self.assertEqual(b"".join(read), b"".join(chunks))
        self.assertEqual((pipe.read(1), pipe.total), (b"", sum(map(len, chunks))))

    def test_waits(self) -> None:
        """A reader waits for the first byte, and gets what is there."""
        changed = Watched()
        pipe = Pipe(nothing, changed)
        read: list[bytes] = []
        thread = self.run_in_thread(lambda: read.append(pipe.read(100)))
        self.until_waiting(changed)
        pipe.write(b"")
        self.assertFalse(changed.waits.acquire(blocking=False), "nothing has come")
        pipe.write(b"abc")
        self.join(thread)
        self.assertEqual(read, [b"abc"])

    def test_end_wakes(self) -> None:
        """A waiting reader gets the end when there is nothing more to come, or to be read."""
        for end in (Pipe.close, Pipe.cancel):
            changed = Watched()
            pipe = Pipe(nothing, changed)
            read: list[bytes] = []
            thread = self.run_in_thread(lambda: read.append(pipe.read(100)))  # noqa: B023 - joined
            self.until_waiting(changed)
            end(pipe)
            self.join(thread)
            self.assertEqual(read, [b""])

    def test_cancel(self) -> None:
        """What is unread when the pipe is cancelled is not read any more, nor what comes later."""
        pipe = Pipe(nothing)
        pipe.write(bytes(PIPE_LIMIT))
        pipe.cancel()
        self.assertTrue(pipe.write(b"late"))
        self.assertEqual(pipe.read(100), b"")
        self.assertEqual(pipe.total, PIPE_LIMIT)

    def test_closed(self) -> None:
        """Bytes after the end are thrown away."""
        pipe = Pipe(nothing)
        pipe.write(b"abc")
        pipe.close()
        pipe.write(b"def")
        self.assertEqual([pipe.read(9), pipe.read(9)], [b"abc", b""])

    def test_full(self) -> None:
        """A full pipe says so, and that it has room when it is half empty: once."""
        rooms: list[int] = []
        pipe = Pipe(lambda: rooms.append(1))
        self.assertTrue(pipe.write(bytes(PIPE_LIMIT - 1)))
        self.assertFalse(pipe.write(b"1"))
        self.assertFalse(pipe.write(b"2"))
        left = PIPE_LIMIT + 1
        while left >= PIPE_LIMIT // 2:
            self.assertEqual(rooms, [])
            left -= len(pipe.read(1000))
        self.assertEqual(rooms, [1])
        pipe.read(1 << 30)
        self.assertTrue(pipe.write(b"3"))
        self.assertEqual(rooms, [1])

    def test_full_for_a_while(self) -> None:
        """What a transport still delivers after it was paused does not cost it its resumption."""
        rooms: list[int] = []
        pipe = Pipe(lambda: rooms.append(1))
        self.assertFalse(pipe.write(bytes(PIPE_LIMIT)))
        pipe.read(PIPE_LIMIT // 4)
        self.assertFalse(pipe.write(b"more"))
        pipe.read(PIPE_LIMIT)
        self.assertEqual(rooms, [1])

    def test_never_full_no_room(self) -> None:
        """A pipe that was not full has nothing to say."""
        rooms: list[int] = []
        pipe = Pipe(lambda: rooms.append(1))
        pipe.write(bytes(PIPE_LIMIT - 1))
        pipe.read(PIPE_LIMIT)
        self.assertEqual(rooms, [])

    def test_threads(self) -> None:
        """A sender that stops when the pipe is full, and a reader, lose nothing."""
        room = threading.Event()
        pipe = Pipe(room.set)
        chunks = [bytes([n & 255]) * (n * 7919 % 65_536) for n in range(200)]
        read: list[bytes] = []
        thread = self.run_in_thread(lambda: read.extend(iter(lambda: pipe.read(32_768), b"")))
        most = 0
        for chunk in chunks:
            if not pipe.write(chunk):
                most = max(most, pipe.total - sum(map(len, read)))
                self.wait(room)
        pipe.close()
        self.join(thread)
        self.assertEqual(b"".join(read), b"".join(chunks))
        self.assertLess(most, PIPE_LIMIT + 65_536 + 32_768, "and what is being read")


class OutletTests(Threads):
    """From the thread to the reactor."""

    def test_at_once(self) -> None:
        """What was put since the last time is taken at once, and announced once."""
        calls: list[int] = []
        outlet: Outlet[str] = Outlet(lambda: calls.append(1))
        for item in "abc":
            self.assertTrue(outlet.put(item, 10))
        self.assertEqual((outlet.take(), len(calls)), (["a", "b", "c"], 1))
        self.assertEqual((outlet.take(), len(calls)), ([], 1))
        outlet.put("d", 10)
        self.assertEqual((outlet.take(), len(calls)), (["d"], 2))

    def test_waits(self) -> None:
        """A sender that puts too much waits until it was taken."""
        taken = Watched()
        outlet: Outlet[int] = Outlet(nothing, taken)
        outlet.put(1, OUTLET_LIMIT - 1)
        outlet.put(2, 1)
        thread = self.run_in_thread(lambda: outlet.put(3, 1))
        self.until_waiting(taken)
        self.assertEqual(outlet.take(), [1, 2])
        self.join(thread)
        self.assertEqual(outlet.take(), [3])

    def test_room(self) -> None:
        """An outlet has room up to its limit, and when it is closed: nothing waits then."""
        outlet: Outlet[int] = Outlet(nothing, limit=100)
        self.assertEqual([outlet.has_room(size) for size in (100, 101)], [True, False])
        outlet.put(1, 60)
        self.assertEqual([outlet.has_room(size) for size in (40, 41)], [True, False])
        outlet.take()
        self.assertTrue(outlet.has_room(100))
        outlet.close()
        self.assertTrue(outlet.has_room(101))

    def test_giant(self) -> None:
        """One item alone may be larger than the limit."""
        taken = Watched()
        outlet: Outlet[int] = Outlet(nothing, taken)
        self.assertTrue(outlet.put(1, 2 * OUTLET_LIMIT))
        thread = self.run_in_thread(lambda: outlet.put(2, 0))
        self.until_waiting(taken)
        self.assertEqual(outlet.take(), [1])
        self.join(thread)

    def test_close(self) -> None:
        """When nothing is wanted any more, nobody is kept waiting, and nothing is kept."""
        taken = Watched()
        outlet: Outlet[int] = Outlet(nothing, taken)
        outlet.put(1, OUTLET_LIMIT)
        wanted: list[bool] = []
        thread = self.run_in_thread(lambda: wanted.append(outlet.put(2, 1)))
        self.until_waiting(taken)
        outlet.close()
        self.join(thread)
        self.assertEqual((wanted, outlet.take(), outlet.put(3, 1)), ([False], [], False))

    def test_threads(self) -> None:
        """A fast thread and a slow reactor lose nothing; the limit is all that is under way."""
        came = threading.Event()
        outlet: Outlet[int] = Outlet(came.set)
        weight = OUTLET_LIMIT // 7
        thread = self.run_in_thread(lambda: [outlet.put(number, weight) for number in range(500)])
        taken: list[int] = []
        while len(taken) < 500:
            self.wait(came)
            some = outlet.take()
            self.assertLessEqual(len(some), 7)
            taken += some
        self.join(thread)
        self.assertEqual(taken, list(range(500)))
