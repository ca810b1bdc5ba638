"""The streams of a server."""

from __future__ import annotations

from typing import Any

from twisted.application.service import MultiService
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.access.entry import Entry
from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.config.values import ConfigError
from mkvtwist.inputs.workers import Workers
from mkvtwist.live.events import Events
from mkvtwist.server.endings import Endings
from mkvtwist.server.streams import Streams
from mkvtwist.testing import FakeReaders, Reactor
from tests.server.test_endings import Slow
from tests.support.fakes import Log


class StreamsTests(SynchronousTestCase):
    """L{Streams}, of a service that runs."""

    def setUp(self) -> None:
        """There is one stream."""
        Log(self)
        self.parent = MultiService()
        self.parent.startService()
        self.addCleanup(self.parent.stopService)
        self.endings = Endings(self.parent)
        events = Events()
        self.streams = Streams(
            Reactor(),
            self.parent,
            self.endings,
            events,
            ended=lambda _: None,
            start_reader=FakeReaders(),
            workers=Workers(Reactor()),
            entry=Entry(Reactor()),
        )
        self.heard: list[tuple[str, str]] = []
        events.subscribe(lambda event: self.heard.append((event.kind, event.stream)))
        self.streams.add(self.config("a"))

    def config(self, name: str, **settings: Any) -> StreamConfig:
        """Return the settings of a stream that waits for a sender over HTTP."""
        return StreamConfig(Input(Form.PUSH, "http"), name=name, **settings)

    def test_mapping(self) -> None:
        """A stream is found by its name until it is removed; none has the name of another."""
        self.assertEqual(self.streams["a"].config.name, "a")
        self.assertRaises(ConfigError, self.streams.add, self.config("a"))
        self.streams.add(self.config("b"))
        self.assertEqual((list(self.streams), len(self.streams)), (["a", "b"], 2))
        self.streams.remove("a")
        self.assertEqual(list(self.streams), ["b"])
        self.assertRaises(KeyError, self.streams.remove, "a")

    def test_events(self) -> None:
        """Each beginning and each end is told, once."""
        for act in (self.streams.stop, self.streams.stop, self.streams.start, self.streams.start):
            act("a")
        self.streams.remove("a")
        kinds = ["started", "added", "stopped", "started", "stopped", "removed"]
        self.assertEqual(self.heard, [(f"stream {kind}", "a") for kind in kinds])

    def test_waits(self) -> None:
        """A stream is there at once, and runs when everything that is about to end has ended."""
        slow = Slow()
        slow.setServiceParent(self.parent)
        self.endings.end(slow, "slow", "")
        self.streams.add(self.config("b"))
        self.assertIsNotNone(self.streams["a"].parent)
        self.assertIsNone(self.streams["b"].parent)

    def test_change(self) -> None:
        """A stream takes over what it can; for anything else another one begins in its place."""
        before = self.streams["a"]
        self.streams.change(self.config("a", burst=5.0))
        self.assertIs(self.streams["a"], before)
        self.streams.change(self.config("a", burst=5.0, buffer=60.0))
        self.assertIsNot(self.streams["a"], before)
        self.assertEqual(self.streams["a"].config.buffer, 60.0)

    def test_end_what_changed(self) -> None:
        """Of those that are wanted, new ones and those that have to begin anew are returned."""
        self.streams.add(self.config("b"))
        self.streams.add(self.config("c"))
        wanted = [self.config("a", burst=5.0), self.config("b", buffer=60.0), self.config("d")]
        self.assertEqual(self.streams.end_what_changed(wanted), wanted[1:])
        self.assertEqual(list(self.streams), ["a", "b"])
        self.assertEqual(self.streams["a"].config.burst, 5.0)
        self.assertTrue(self.streams["b"].is_over)
