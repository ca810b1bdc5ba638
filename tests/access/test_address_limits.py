"""Limits for one address: connections, and requests a second."""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.testing import StringTransport

from mkvtwist.access import address_limits
from mkvtwist.access.address_limits import AddressLimits
from mkvtwist.config.settings import Config
from mkvtwist.http import LiveSite
from mkvtwist.http.connections import MOST_REFUSED, SLOWDOWN, Connections
from tests.support.site import Connection, SiteTestCase


class AddressLimitsTests(SiteTestCase):
    """The share of one address, before anybody looks at its requests."""

    def setUp(self) -> None:
        """Three connections, and five requests a second."""
        super().setUp()
        few = AddressLimits(self.reactor, connections=3, requests=5)
        open_ = Connections(self.reactor, few)
        self.site = LiveSite(self.reactor, self.streams, connections=open_)

    def near(self, host: str | None = "192.0.2.7") -> Connection | None:
        """A connection from an address; L{None} if it is just closed."""
        peer: Any = UNIXAddress("x") if host is None else IPv4Address("TCP", host, 5000)
        protocol = self.site.buildProtocol(peer)
        if protocol is None:
            return None
        connection = Connection.__new__(Connection)
        connection.reactor, connection.protocol = self.reactor, protocol
        connection.transport = StringTransport(peerAddress=peer)
        protocol.makeConnection(connection.transport)
        return connection

    def open(self, host: str | None = "192.0.2.7") -> Connection:
        """One that is there."""
        connection = self.near(host)
        assert connection is not None
        return connection

    def watch(self, host: str | None = "192.0.2.7", **headers: str) -> Connection:
        """A client, whatever becomes of it."""
        connection = self.open(host)
        if not connection.transport.value():
            connection.ask("/live.mkv", **headers)
        return connection

    def statuses(self, *connections: Connection) -> list[int]:
        """The answer to each."""
        return [connection.answer().status for connection in connections]

    def test_idle(self) -> None:
        """Beyond its share an address gives up a connection of its own that asks for nothing."""
        other = self.open("192.0.2.8")
        watching, oldest, newer = self.watch(), self.open(), self.open()
        newest = self.watch()
        self.assertTrue(oldest.transport.disconnected)
        for connection in (other, watching, newer, newest):
            self.assertFalse(connection.transport.disconnected)
        self.assertEqual(self.statuses(watching, newest), [200, 200])

    def test_busy(self) -> None:
        """If all of them are being answered the next is told so, and another address is not."""
        watching = [self.watch() for _ in range(3)]
        refused = self.watch()
        self.assertEqual(self.statuses(refused), [429])
        self.assertEqual(refused.answer().headers["retry-after"], "5")
        self.assertTrue(refused.transport.disconnecting)
        refused.send(b"GET /live.mkv HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(refused.transport.value().count(b"HTTP/1.1"), 1)
        self.assertEqual(self.statuses(*watching, self.watch("192.0.2.8")), [200] * 4)
        refused.lose()
        watching.pop().lose()
        self.assertEqual(self.statuses(self.watch()), [200])

    def test_crowd(self) -> None:
        """No more are told so at once than cost little; and the log says it once."""
        for _ in range(3):
            self.watch()
        refused = [self.open() for _ in range(MOST_REFUSED)]
        self.assertIsNone(self.near())
        refused[0].lose()
        self.assertIsNotNone(self.near())
        (line,) = self.log.about("refused")
        self.assertIn("the last from 192.0.2.7", line)
        self.assertIn("--max-connections-per-address", line)
        self.reactor.advance(address_limits.REFUSED_REPORT_EVERY)
        self.assertEqual(len(self.log.about("refused")), 2)
        self.reactor.advance(address_limits.REFUSED_REPORT_EVERY)
        self.assertEqual(len(self.log.about("refused")), 2)

    def test_forgotten(self) -> None:
        """Nothing is left of an address that has gone."""
        clients = [self.watch(f"192.0.2.{number}") for number in range(9)]
        for client in clients:
            client.lose()
        found = self.site.connections
        self.assertEqual((found.addresses, found.per_address.addresses), (0, 9))
        self.reactor.advance(1)
        self.assertEqual(found.per_address.addresses, 0)

    def test_this_machine(self) -> None:
        """There are no limits for this machine, unless they are set by hand."""
        for host in ("127.0.0.1", "127.1.2.3", None):
            clients = [self.watch(host) for _ in range(10)]
            self.assertEqual(self.statuses(*clients), [200] * 10)
        self.site.configure(Config((), max_connections_per_address=2))
        self.assertEqual(self.statuses(*(self.watch("127.9.9.9") for _ in range(3)))[2], 429)
        self.site.configure(Config((), max_requests_per_address=2))
        clients = [self.watch("127.8.8.8") for _ in range(3)]
        self.reactor.advance(SLOWDOWN)
        self.assertEqual(self.statuses(*clients), [200, 200, 429])

    def test_none(self) -> None:
        """0 is no limit."""
        self.site.configure(Config((), max_connections_per_address=0, max_requests_per_address=0))
        self.assertEqual(self.statuses(*(self.watch() for _ in range(10))), [200] * 10)

    def test_requests(self) -> None:
        """Beyond so many requests in a second the answer is 429, whatever is asked for."""
        connection = self.open()
        for target in ("/status", "/live.jpg", "/nothing", "/static/icon.svg", "/healthz"):
            connection.ask(target, "HEAD")
        connection.lose()
        targets = ("/live.mkv", "/nothing")
        refused = [self.open() for _ in targets]
        gone = self.watch()
        for refusal, target in zip(refused, targets, strict=True):
            refusal.ask(target)
            self.assertEqual(refusal.transport.value(), b"")
        self.assertEqual(self.statuses(self.watch("192.0.2.8")), [200])
        gone.lose()
        self.reactor.advance(SLOWDOWN)
        self.assertEqual(self.statuses(*refused), [429] * 2)
        self.assertEqual(refused[0].answer().headers["retry-after"], "1")
        self.assertEqual(gone.transport.value(), b"")
        self.assertEqual(len(self.stream.fanout.clients), 1)
        self.assertEqual(self.get("/status").status, 200)

    def test_network(self) -> None:
        """In IPv6 one host has a whole network."""
        for number in range(5):
            self.assertTrue(self.site.connections.per_address.ask(f"2001:db8::{number}"))
        self.assertFalse(self.site.connections.per_address.ask("2001:db8::ffff"))
        self.assertTrue(self.site.connections.per_address.ask("2001:db8:0:1::1"))

    def test_proxy(self) -> None:
        """A proxy that is trusted has no limits; each address behind it has its own."""
        self.site.configure(Config((), trusted_proxies=(ipaddress.ip_network("192.0.2.7"),)))
        for number in range(4):
            clients = [self.watch(X_Forwarded_For=f"203.0.113.{number}") for _ in range(4)]
            self.assertEqual(self.statuses(*clients), [200, 200, 200, 429])
            self.assertEqual(clients[3].answer().headers["retry-after"], "5")
            clients.pop(0).lose()
            self.assertEqual(
                self.statuses(self.watch(X_Forwarded_For=f"203.0.113.{number}")), [200]
            )
            clients[0].lose()
            late = self.watch(X_Forwarded_For=f"203.0.113.{number}")
            self.reactor.advance(SLOWDOWN)
            self.assertEqual(late.answer().status, 429)
            self.assertEqual(late.answer().headers["retry-after"], "1")
        self.assertEqual(self.statuses(*(self.watch() for _ in range(9))), [200] * 9)
