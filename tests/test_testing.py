"""The fakes for programs that embed a stream, used as their documentation says."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist import Stream, StreamConfig
from mkvtwist.testing import Ended, FakeReaders, Reactor, footage, header


class EmbeddingTests(SynchronousTestCase):
    """A program's own tests of what it does with a stream."""

    def test_off_air(self) -> None:
        """A stream goes live and off air when the test says so; listeners hear of both."""
        reactor, readers = Reactor(), FakeReaders()
        config = StreamConfig("demo:", at_end="exit")
        stream = Stream(reactor, config, start_reader=readers)
        heard: list[str] = []
        stream.events.subscribe(lambda event: heard.append(event.kind))
        stream.startService()
        readers[0].emit(header(), *footage(0, 2))
        reactor.turns()
        self.assertEqual(stream.statistics().state, "live")
        readers[0].emit(Ended("the camera was switched off", fault=True))
        reactor.turns()
        self.assertEqual(stream.statistics().state, "ended")
        self.assertEqual(heard, ["input up", "input down"])
        stream.stopService()
