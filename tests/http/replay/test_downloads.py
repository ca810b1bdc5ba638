"""Clients that are being sent a file, and when they count as gone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.http.replay.downloads import Downloads
from mkvtwist.http.replay.files import KEEP_TIME, ReplayFile
from mkvtwist.net.sockets import Traffic

TIMEOUT = 30.0


class Request:
    """A request whose response goes on, for as long as its client takes it."""

    def __init__(self) -> None:
        self.transport = StringTransport()
        self.channel = SimpleNamespace(transport=self.transport)
        self.sentLength = 0
        self.ended: Deferred[None] = Deferred()

    def notifyFinish(self) -> Deferred[None]:  # noqa: N802 - the interface's name
        return self.ended


class DownloadsTests(SynchronousTestCase):
    """L{Downloads}."""

    def setUp(self) -> None:
        """A client is being sent a file."""
        self.clock = Clock()
        self.silent = 0.0
        self.downloads = Downloads(self.clock, lambda _: Traffic(0, 0, self.silent))
        path = Path(self.mktemp())
        path.write_bytes(b"media")
        self.file = ReplayFile(str(path), "video/x-matroska", ("a", MATROSKA, None, 1.0), 0.0)
        self.request = self.make()
        self.downloads.begin(self.file, self.request, TIMEOUT)

    def make(self) -> Any:
        """A request, as far as is needed here."""
        return Request()

    def look(self, after: float) -> bool:
        """Whether the client is still there so long after the last look."""
        self.clock.advance(after)
        self.downloads.look()
        return not self.request.transport.disconnected

    def test_slow(self) -> None:
        """A client that takes something now and then stays, and so does its file."""
        for _ in range(3):
            self.request.sentLength += 1
            self.assertTrue(self.look(KEEP_TIME - 1))
            self.assertEqual(self.file.asked, self.clock.seconds())

    def test_stalled(self) -> None:
        """A client that takes nothing for as long as a file is kept is disconnected."""
        self.assertTrue(self.look(KEEP_TIME - 1))
        self.assertFalse(self.look(1))

    def test_vanished(self) -> None:
        """A client whose machine acknowledges nothing for its timeout is disconnected."""
        self.silent = TIMEOUT - 1
        self.assertTrue(self.look(1))
        self.silent = TIMEOUT
        self.assertFalse(self.look(1))

    def test_end(self) -> None:
        """A client is counted until its response has ended."""
        self.assertEqual((len(self.downloads), self.file.readers), (1, 1))
        self.request.ended.callback(None)
        self.assertEqual((len(self.downloads), self.file.readers), (0, 0))
