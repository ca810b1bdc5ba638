"""Bytes that many share, on their way to one client."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mkvtwist.http.wire.delivery import SLICE, Body, Delivery
from mkvtwist.testing import Reactor
from tests.support.site import Connection

TIMEOUT = 30.0


class Shared(Resource):
    """One body for all."""

    isLeaf = True

    def __init__(self, reactor: Reactor, body: Body) -> None:
        super().__init__()
        self.served = 0
        self._reactor = reactor
        self._body = body

    def render(self, request: Any) -> int:
        """Deliver it."""
        request.setHeader(b"Content-Length", b"%d" % sum(map(len, self._body)))
        Delivery(self._reactor, request, self._body, timeout=TIMEOUT, served=self._count).begin()
        return NOT_DONE_YET

    def _count(self, size: int) -> None:
        self.served += size


class DeliveryTests(SynchronousTestCase):
    """What is handed over, and when."""

    def ask(self, *body: bytes, full: bool = False) -> Connection:
        """A request for this; perhaps by a client whose transport is full with each write."""
        self.reactor = Reactor()
        self.shared = Shared(self.reactor, body)
        connection = Connection(Site(self.shared, reactor=self.reactor), self.reactor)
        transport: Any = connection.transport
        write = transport.write
        self.writes: list[bytes] = []

        def note(data: bytes) -> None:
            self.writes.append(data)
            write(data)
            if full and len(data) > 1000:
                transport.producer.pauseProducing()

        transport.write = note
        connection.ask("/")
        return connection

    def test_small(self) -> None:
        """What fits into a slice is one write, of however many bytes after each other it is."""
        connection = self.ask(b"one", b"", b"two")
        self.assertIn(b"onetwo", connection.transport.value())
        self.assertEqual(len([data for data in self.writes if b"one" in data]), 1)
        self.assertEqual(self.shared.served, 6)

    def test_slices(self) -> None:
        """A longer body comes as a whole, in slices that are full, but for the last one."""
        body = [bytes([n]) * (SLICE // 3) for n in range(10)]
        connection = self.ask(*body)
        self.assertEqual(connection.answer().body, b"".join(body))
        self.assertEqual(self.shared.served, 10 * (SLICE // 3))
        sizes = [len(data) for data in self.writes if len(data) > 1000]
        self.assertEqual(sizes, [4 * (SLICE // 3)] * 2 + [2 * (SLICE // 3)])

    def test_long(self) -> None:
        """What is longer than a slice is cut."""
        self.ask(b"x" * (2 * SLICE + 5000))
        sizes = [len(data) for data in self.writes if len(data) > 1000]
        self.assertEqual(sizes, [SLICE, SLICE, 5000])

    def test_slow(self) -> None:
        """A slow client gets the next slice when it has taken the one before."""
        connection = self.ask(b"x" * SLICE, b"y" * SLICE, b"z", full=True)
        transport: Any = connection.transport
        self.assertEqual(self.shared.served, SLICE)
        transport.producer.resumeProducing()
        self.assertEqual(self.shared.served, 2 * SLICE)
        self.reactor.advance(TIMEOUT - 1)
        self.assertFalse(transport.disconnected)
        self.reactor.advance(1)
        self.assertTrue(transport.disconnected)
