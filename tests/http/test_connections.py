"""Connections: how many there may be, and which one makes room."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address

from mkvtwist.http import LiveSite
from mkvtwist.http.connections import DROPPED_REPORT_EVERY, Connections
from mkvtwist.http.wire.channel import HEAD_TIME
from tests.support.site import Connection, SiteTestCase

HEAD = b"GET /live.mkv HTTP/1.1\r\nHost: x\r\n\r\n"


class WaitingTests(SiteTestCase):
    """Connections that ask for nothing."""

    def lost(self, connection: Connection) -> bool:
        """Whether the server has ended it."""
        transport: Any = connection.transport
        return bool(transport.disconnecting or transport.disconnected)

    def test_slow_head(self) -> None:
        """A byte now and then does not keep a connection."""
        slow = self.connect()
        fast = self.connect()
        fast.send(HEAD)
        for number in range(int(HEAD_TIME)):
            self.assertFalse(self.lost(slow))
            slow.send(HEAD[number : number + 1])
            self.reactor.advance(1)
        self.assertTrue(self.lost(slow))
        self.assertFalse(self.lost(fast))
        self.assertEqual(self.log.about("client"), self.log.about("joined"))

    def test_slow_body(self) -> None:
        """Nor does a body that trickles, and nobody has asked for."""
        slow = self.connect()
        slow.send(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(int(HEAD_TIME)):
            slow.send(b"x")
            self.reactor.advance(1)
        self.assertTrue(self.lost(slow))

    def test_between(self) -> None:
        """Between two requests there is more time, but not for ever."""
        connection = self.connect()
        connection.ask("/status")
        self.reactor.advance(HEAD_TIME + 1)
        connection.transport.clear()
        connection.ask("/status")
        self.assertEqual(connection.answer().status, 200)
        self.reactor.advance(100)
        self.assertTrue(self.lost(connection))

    def test_forced(self) -> None:
        """One that does not even close is cut."""
        connection = self.connect()
        self.reactor.advance(HEAD_TIME)
        transport: Any = connection.transport
        self.assertFalse(transport.disconnected)
        self.reactor.advance(15)
        self.assertTrue(transport.disconnected)

    def test_no_room(self) -> None:
        """When there are too many, whoever has asked for nothing for longest makes room."""
        self.site.connections.most = 3
        watching = self.connect()
        watching.send(HEAD)
        idle = self.connect()
        idle.ask("/status")
        waiting = self.connect()
        idle.ask("/status")  # so that the other one has waited for longer
        newcomer = self.connect()
        self.assertTrue(self.lost(waiting))
        waiting.lose()
        newcomer.send(HEAD)
        another = self.connect()
        self.assertTrue(self.lost(idle))
        idle.lose()
        another.send(HEAD)
        self.assertIsNone(self.site.buildProtocol(IPv4Address("TCP", "192.0.2.7", 5000)))
        self.assertEqual(len(self.stream.fanout.clients), 3)
        watching.lose()
        self.connect().send(HEAD)
        self.assertEqual(len(self.stream.fanout.clients), 3)

    def test_said_once(self) -> None:
        """Of thousands that are dropped there is a line a minute."""
        self.site.connections.most = 1
        first = self.connect()
        first.send(HEAD)
        peer = IPv4Address("TCP", "192.0.2.7", 5000)
        for _ in range(1000):
            self.assertIsNone(self.site.buildProtocol(peer))
        (line,) = self.log.about("connections are open")
        self.assertIn("1 connections are open, no more can be: 1 ", line)
        self.reactor.advance(DROPPED_REPORT_EVERY)
        (_, line) = self.log.about("connections are open")
        self.assertIn("999 that asked", line)
        self.reactor.advance(DROPPED_REPORT_EVERY)
        self.reactor.advance(DROPPED_REPORT_EVERY)
        self.assertEqual(len(self.log.about("connections are open")), 2)
        self.site.buildProtocol(peer)
        self.assertEqual(len(self.log.about("connections are open")), 3)

    def test_many_waiting(self) -> None:
        """However many there may be, so many may ask for nothing."""
        open_ = Connections(self.reactor, most_waiting=2)
        self.site = LiveSite(self.reactor, self.streams, connections=open_)
        three = [self.connect() for _ in range(3)]
        self.assertEqual([self.lost(one) for one in three], [True, False, False])
