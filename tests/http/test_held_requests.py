"""Requests that are held until what they ask for is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mkvtwist.http.held_requests import HeldRequests
from mkvtwist.http.wire.response import respond_text
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.testing import Reactor
from tests.support.fakes import Log
from tests.support.site import Connection

PATIENCE = 3.0


class Shop(Resource):
    """Whatever is asked for waits until it is there."""

    isLeaf = True

    def __init__(self, reactor: Reactor, *, most: int, crowd: int) -> None:
        super().__init__()
        self.there: set[bytes] = set()
        self.asked = 0
        self.on_late: Callable[[], None] = lambda: None
        log = StreamLog("live", __name__)
        self.held = HeldRequests(reactor, log, self._is_there, most=most, crowd=crowd)

    def _is_there(self, path: bytes) -> bool:
        self.asked += 1
        return path in self.there

    def render(self, request: Any) -> int:
        """Hold the request."""
        if self.held.is_full:
            respond_text(request, 503, "full")
        else:
            self.held.hold(request, request.path, self._show, self._late, PATIENCE)
        return NOT_DONE_YET

    def _show(self, request: Request) -> None:
        if request.path == b"/broken":
            raise ValueError("broken")
        respond_text(request, 200, "there")

    def _late(self, request: Request) -> None:
        respond_text(request, 404, "late")
        self.on_late()


class HeldTests(SynchronousTestCase):
    """What holds requests, and lets go of them."""

    def setUp(self) -> None:
        """Ten wait at most, four are answered in a turn."""
        self.log = Log(self)
        self.reactor = Reactor()
        self.shop = Shop(self.reactor, most=10, crowd=4)
        self.site = Site(self.shop, reactor=self.reactor)

    def ask(self, path: str = "/a") -> Connection:
        """A request on a connection of its own."""
        connection = Connection(self.site, self.reactor)
        connection.ask(path)
        return connection

    def come(self, path: bytes = b"/a") -> None:
        """What some wait for is there."""
        self.shop.there.add(path)
        self.shop.held.look()

    def answered(self, connections: list[Connection]) -> int:
        """How many have an answer."""
        return sum(bool(connection.transport.value()) for connection in connections)

    def test_due(self) -> None:
        """A request is answered at once when what it waits for is there, and no other is."""
        one, other = self.ask("/a"), self.ask("/b")
        self.come(b"/a")
        self.assertEqual(one.answer().text, "there\n")
        self.assertEqual(self.answered([other]), 0)

    def test_once_for_all(self) -> None:
        """Whether something is there is found out once for all that wait for it."""
        for _ in range(8):
            self.ask()
        self.shop.held.look()
        self.assertEqual(self.shop.asked, 1)

    def test_crowd(self) -> None:
        """Of a crowd some are answered at once, the others in the turns after that."""
        crowd = [self.ask() for _ in range(10)]
        self.come()
        self.assertEqual(self.answered(crowd), 4)
        self.reactor.turn()
        self.assertEqual(self.answered(crowd), 10)

    def test_late(self) -> None:
        """A request that waits for nothing is told so when its time is over."""
        one = self.ask()
        self.reactor.advance(PATIENCE - 0.1)
        self.assertEqual(self.answered([one]), 0)
        self.reactor.advance(0.1)
        self.assertEqual(one.answer().text, "late\n")

    def test_in_time_after_all(self) -> None:
        """What comes before a request whose time is over has its turn is given."""
        crowd = [self.ask() for _ in range(6)]
        self.shop.on_late = lambda: self.shop.there.add(b"/a")
        self.reactor.advance(PATIENCE)
        texts = [connection.answer().text for connection in crowd]
        self.assertEqual(texts, ["late\n"] + ["there\n"] * 5)

    def test_gone(self) -> None:
        """A request whose connection is lost is forgotten, also while it waits for its turn."""
        crowd = [self.ask() for _ in range(6)]
        crowd[0].lose()
        self.come()
        crowd[5].lose()
        self.reactor.turns()
        self.assertEqual(self.answered(crowd), 4)
        self.assertEqual(self.log.about("Traceback"), [])

    def test_full(self) -> None:
        """So many are held, and no more, until some are answered or lost."""
        crowd = [self.ask() for _ in range(10)]
        self.assertEqual(self.ask().answer().text, "full\n")
        crowd[0].lose()
        self.assertEqual(self.answered([self.ask()]), 0)

    def test_failure(self) -> None:
        """A failure is one request's own: its connection ends, and the others are answered."""
        crowd = [self.ask("/broken"), self.ask("/a")]
        self.come(b"/broken")
        self.come(b"/a")
        self.assertTrue(crowd[0].transport.disconnected)
        self.assertEqual(crowd[1].answer().text, "there\n")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
