"""The bytes of a sender, which an opening may read so many of."""

from __future__ import annotations

import threading

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.limits import OPENING_LIMIT
from mkvtwist.libav.opening.opening_bytes import OpeningBytes
from mkvtwist.libav.stopping import Stopped
from mkvtwist.libav.unusable import Unusable

PIECE = 1 << 20


class Endless:
    """A sender that never ends."""

    def read(self, size: int, /) -> bytes:
        return bytes(size)


class OpeningBytesTests(SynchronousTestCase):
    """Bytes on their way to libavformat."""

    def setUp(self) -> None:
        self.stop = threading.Event()
        self.bytes = OpeningBytes(Endless(), self.stop)

    def test_bounded(self) -> None:
        """An opening has so many bytes; after that there are none, and it fails once."""
        for _ in range(OPENING_LIMIT // PIECE):
            self.assertEqual(len(self.bytes.read(PIECE)), PIECE)
        self.assertRaises(Unusable, self.bytes.read, PIECE)
        self.assertEqual(self.bytes.read(PIECE), b"")

    def test_opened(self) -> None:
        """What has been opened is read without a bound."""
        self.bytes.opened = True
        for _ in range(2 * OPENING_LIMIT // PIECE):
            self.bytes.read(PIECE)

    def test_stopped(self) -> None:
        """An input that is not wanted any more is not even opened with what has come."""
        self.stop.set()
        self.assertRaises(Stopped, self.bytes.read, PIECE)
        self.assertEqual(self.bytes.read(PIECE), b"")
