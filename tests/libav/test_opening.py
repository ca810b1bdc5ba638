"""An opening that ends, and looks at tracks that cost little."""

from __future__ import annotations

import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav import opening
from mkvtwist.libav.adapters import Unusable
from mkvtwist.libav.opening import LOOK_COST, OPENING_LIMIT, READ_COST, Beginning, Looks
from mkvtwist.libav.stopping import Stopped

PIECE = 1 << 20


class Endless:
    """A sender that never ends."""

    def read(self, size: int, /) -> bytes:
        return bytes(size)


class BeginningTests(SynchronousTestCase):
    """Bytes on their way to libavformat."""

    def setUp(self) -> None:
        self.stop = threading.Event()
        self.beginning = Beginning(Endless(), self.stop)

    def test_bounded(self) -> None:
        """An opening has so many bytes; after that there are none, and it fails once."""
        for _ in range(OPENING_LIMIT // PIECE):
            self.assertEqual(len(self.beginning.read(PIECE)), PIECE)
        self.assertRaises(Unusable, self.beginning.read, PIECE)
        self.assertEqual(self.beginning.read(PIECE), b"")

    def test_opened(self) -> None:
        """What has been opened is read without a bound."""
        self.beginning.opened = True
        for _ in range(2 * OPENING_LIMIT // PIECE):
            self.beginning.read(PIECE)

    def test_stopped(self) -> None:
        """An input that is not wanted any more is not even opened with what has come."""
        self.stop.set()
        self.assertRaises(Stopped, self.beginning.read, PIECE)
        self.assertEqual(self.beginning.read(PIECE), b"")


class Container:
    """
    A container that has something to say.

    @ivar now: seconds that the thread has worked.
    @ivar cost: what a look takes of them.
    @ivar asked: how often it has been looked at.
    """

    def __init__(self, name: str) -> None:
        self.format = self
        self.name = name
        self.now = self.cost = 0.0
        self.asked = self.tracks = 0
        self.streams: list[Any] = []

    def thread_time(self) -> float:
        return self.now

    def dumps_format(self) -> str:
        self.asked += 1
        self.now += self.cost
        return "".join(f"Stream #0:{i}[0x100]: Audio: mp2\n" for i in range(self.tracks))


class LooksTests(SynchronousTestCase):
    """Looks at the demuxer's tracks."""

    def looks(self, container: Container) -> Looks:
        """Those of an opened container."""
        self.patch(opening, "time", container)
        return Looks(container, 0.0)

    def test_more(self) -> None:
        """A track that turns up is noticed."""
        container = Container("mpegts")
        looks = self.looks(container)
        self.assertFalse(looks.tracks())
        container.tracks = 1
        self.assertTrue(looks.tracks())
        self.assertEqual(self.looks(container).first, {("0", "Audio", "mp2")})

    def test_others(self) -> None:
        """Where no tracks turn up nothing is looked at: it would list all tags."""
        container = Container("matroska,webm")
        looks = self.looks(container)
        self.assertFalse(looks.tracks())
        self.assertEqual(container.asked, 0)

    def test_dear(self) -> None:
        """Where a look takes long there is no other."""
        container = Container("mpegts")
        looks = self.looks(container)
        container.cost, container.tracks = 2 * LOOK_COST, 1
        self.assertTrue(looks.tracks())
        self.assertFalse(looks.tracks())
        self.assertEqual(container.asked, 2)

    def test_hard_to_read(self) -> None:
        """Where reading takes much there is none at all."""
        container = Container("mpegts")
        looks = self.looks(container)
        for _ in range(10):
            container.now += READ_COST / 2
            looks.tracks()
        self.assertEqual(container.asked, 11)
        container.now += READ_COST * 2
        self.assertFalse(looks.tracks())
        self.assertEqual(container.asked, 11)
