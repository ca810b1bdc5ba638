"""The stand-ins fit where they stand in."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorCore, IReactorFromThreads, IReactorTime
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.live.client import IResponse
from mkvtwist.testing import AUDIO, VIDEO, Reactor, footage, header, mixed
from tests.support.fakes import Log, Response, blocks, head, sent


class FakesTests(SynchronousTestCase):
    """The stand-ins fit where they stand in."""

    def test_reactor(self) -> None:
        """The reactor in memory is one that threads may call."""
        reactor = Reactor()
        for interface in (IReactorCore, IReactorFromThreads, IReactorTime):
            verifyObject(interface, reactor)

    def test_turn(self) -> None:
        """What a thread asks for is done in the next turn, once, in order."""
        reactor = Reactor()
        done: list[int] = []
        reactor.callFromThread(done.append, 1)
        reactor.callFromThread(reactor.callFromThread, done.append, 3)
        reactor.callFromThread(done.append, 2)
        self.assertEqual(done, [])
        reactor.turn()
        self.assertEqual(done, [1, 2])
        reactor.turns()
        self.assertEqual(done, [1, 2, 3])

    def test_response(self) -> None:
        """The response is an L{IResponse}."""
        verifyObject(IResponse, Response())

    def test_blocks(self) -> None:
        """What L{footage} makes is found again in its Clusters."""
        packets = mixed(footage(3, 5), footage(3, 5, track=2, rate=25))
        rendered = MatroskaMuxer(header(VIDEO, AUDIO)).render(packets)
        self.assertEqual(blocks(head(VIDEO, AUDIO) + rendered), sent(packets))

    def test_log(self) -> None:
        """The log is read as it would be written."""
        log = Log(self)
        Logger().info("{number} {what}", number=3, what="lines")
        self.assertEqual(log.about("3 lines"), ["3 lines"])
        log.clear()
        self.assertEqual(log.lines, [])
