"""Who holds on to connections, and what is sent over them that no client should send."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.testing import StringTransport
from zope.interface import directlyProvides

from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config
from mkvtwist.http import LiveSite, shares
from mkvtwist.http.connections import MOST_REFUSED, REPORT_EVERY, SLOWDOWN, Connections
from mkvtwist.http.shares import Shares
from mkvtwist.http.wire.channel import HEAD_TIME, LINGER
from mkvtwist.http.wire.request import IncomingRequest
from tests.support.fakes import Answer, answer
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
        self.reactor.advance(REPORT_EVERY)
        (_, line) = self.log.about("connections are open")
        self.assertIn("999 that asked", line)
        self.reactor.advance(REPORT_EVERY)
        self.reactor.advance(REPORT_EVERY)
        self.assertEqual(len(self.log.about("connections are open")), 2)
        self.site.buildProtocol(peer)
        self.assertEqual(len(self.log.about("connections are open")), 3)

    def test_many_waiting(self) -> None:
        """However many there may be, so many may ask for nothing."""
        open_ = Connections(self.reactor, most_waiting=2)
        self.site = LiveSite(self.reactor, self.streams, connections=open_)
        three = [self.connect() for _ in range(3)]
        self.assertEqual([self.lost(one) for one in three], [True, False, False])


class RequestTests(SiteTestCase):
    """Requests that are odd, or meant to be taken for something else."""

    def raw(self, *lines: str | bytes, body: bytes = b"") -> Answer:
        """The answer to these lines."""
        connection = self.connect()
        whole = [line.encode() if isinstance(line, str) else line for line in lines]
        connection.send(b"\r\n".join([*whole, b"", b""]) + body)
        self.last = connection
        return answer(connection.transport.value())

    def refused(self, *lines: str | bytes, body: bytes = b"") -> None:
        """It is no request: one answer, and the connection ends."""
        got = self.raw(*lines, body=body)
        self.assertEqual(got.status, 400, lines)
        value = self.last.transport.value()
        self.assertEqual(value.count(b"HTTP/1.1 "), 1, value)
        self.assertTrue(self.last.transport.disconnecting)

    def test_smuggled(self) -> None:
        """What two servers may read in two ways is read in none."""
        get = "GET /status HTTP/1.1"
        hidden = b"GET /live.mkv HTTP/1.1\r\nHost: x\r\n\r\n"
        for headers in (
            ("Content-Length: 5", "Content-Length: 6"),
            ("Content-Length: 5", "Content-Length: 5"),
            ("Content-Length: 5", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: chunked", "Content-Length: 5"),
            ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: xchunked",),
            ("Transfer-Encoding: chunked, identity",),
            ("Content-Length: +5",),
            ("Content-Length: 0x5",),
            ("Content-Length: 5, 5",),
            ("Content-Length: -1",),
            ("Content-Length : 5",),
            ("Content-Length",),
            ("X: a\rTransfer-Encoding: chunked",),
            ("X: a\0b",),
        ):
            self.refused(get, "Host: x", *headers, body=hidden)
        # This one is answered before its body, and nothing behind it is.
        self.raw(get, "Host: x", "Transfer-Encoding: chunked", body=b"zz\r\n" + hidden)
        self.assertEqual(self.last.transport.value().count(b"HTTP/1.1 "), 1)
        self.assertTrue(self.last.transport.disconnecting or self.last.transport.disconnected)
        self.assertEqual(self.stream.fanout.clients, set())

    def test_no_request(self) -> None:
        """What is no HTTP/1.x is refused."""
        for line in (
            "GET /",
            "GET  / HTTP/1.1",
            "GET / HTTP/0.9",
            "GET / HTTP/2.0",
            "GET\t/ HTTP/1.1",
        ):
            self.refused(line)
        self.refused(b"\x16\x03\x01\x02\x00\x01\x00")
        self.refused("G(T / HTTP/1.1")

    def test_methods(self) -> None:
        """A method that is not known is refused, however it is written."""
        for method in ("TRACE", "DELETE", "PATCH", "get", "PRI", "OPTIONS"):
            got = self.raw(f"{method} /live.mkv HTTP/1.1", "Host: x", "X: echo")
            self.assertEqual(got.status, 405, method)
            self.assertEqual(got.headers["allow"], "GET, HEAD")
            self.assertNotIn("echo", got.text)
        self.assertEqual(self.raw("CONNECT other:80 HTTP/1.1", "Host: other:80").status, 404)

    def test_paths(self) -> None:
        """Nothing is above, beside or hidden in what there is."""
        for path in (
            "/../etc/passwd",
            "/live.mkv/..",
            "/live/../status",
            "/%2e%2e/status",
            "/live.mkv%00",
            "/live.mkv%0d%0aX:%20y",
            "/live.mkv;x",
            "//live.mkv",
            "/./status",
            "/status/",
        ):
            self.assertEqual(self.raw(f"GET {path} HTTP/1.1", "Host: x").status, 404, path)
        for path in ("/live%2findex", "/live%2F..%2Fstatus", "/%2f"):
            self.assertEqual(self.raw(f"GET {path} HTTP/1.1", "Host: x").status, 400, path)
        for line in self.log.lines:
            self.assertTrue(line.isprintable())

    def test_absolute(self) -> None:
        """A whole URL is as good as its path (RFC 9112, 3.2.2)."""
        for target in ("http://x/status", "HTTPS://user@x:80/status?x=http://y/z"):
            got = self.raw(f"GET {target} HTTP/1.1", "Host: x")
            self.assertEqual(got.headers["content-type"], "application/json")
        self.assertEqual(
            self.raw("GET http://x HTTP/1.1", "Host: x", "Accept: text/html").status, 200
        )
        self.assertEqual(self.raw("GET ftp://x/status HTTP/1.1", "Host: x").status, 404)

    def test_sizes(self) -> None:
        """There is an end to lines, to headers and to their number."""
        for path, headers, status in (
            ("/status", ["X: " + "x" * 16_370], 431),
            ("/status", ["X: " + "x" * 20_000], 431),
            ("/status", ["X: " + "x" * 1_000_000], 431),
            ("/status", [f"X{number}: {'x' * 1000}" for number in range(20)], 431),
            ("/status", [f"X{number}: x" for number in range(600)], 431),
            ("/" + "x" * 16_380, [], 414),
            ("/" + "x" * 20_000, [], 414),
            ("/status?" + "x" * 1_000_000, [], 414),
        ):
            connection = self.connect()
            lines = "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""])
            for start in range(0, len(lines), 5000):  # what is sent after the answer, too
                connection.send(lines[start : start + 5000].encode())
            value = connection.transport.value()
            self.assertEqual(value.count(b"HTTP/1.1 "), 1, value[:100])
            self.assertTrue(value.startswith(b"HTTP/1.1 %d " % status), value[:100])
            self.assertTrue(connection.transport.disconnecting)
        got = self.raw("GET /status HTTP/1.1", "Host: x", "X: " + "x" * 16_300)
        self.assertEqual(got.status, 200)

    def test_told_before_it_is_closed(self) -> None:
        """A client that still sends hears why: the connection is closed for sending alone."""
        connection = self.connect()
        transport: Any = connection.transport
        directlyProvides(transport, IHalfCloseableDescriptor)
        halves: list[bool] = []
        transport.loseWriteConnection = lambda: halves.append(True)
        connection.send(b"GET /" + b"x" * 20_000)
        self.assertEqual((halves, transport.disconnecting), ([True], False))
        connection.send(b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(transport.value().count(b"HTTP/1.1 "), 1)
        self.reactor.advance(LINGER)
        self.assertTrue(transport.disconnecting)

    def test_host(self) -> None:
        """A request names one host (RFC 9112, 3.2); only HTTP/1.0 may name none."""
        get = "GET /status HTTP/1.1"
        for headers in (
            (),
            ("Host: x", "Host: x"),
            ("Host: x", "host: y"),
            ("Host:",),
            ("Host: x y",),
            ("Host: x, y",),
            ("Host: x/y",),
            ("Host: user@x",),
            ("Host: x:port",),
            ("Host: [x]",),
            (b"Host: \xff",),
        ):
            self.refused(get, *headers)
            self.refused("POST /live.mkv HTTP/1.1", *headers, "Content-Length: 1", body=b"x")
        for host in ("x", "x:", "tv.example:8080", "192.0.2.1", "[2001:db8::1]:80", "a_b", "x."):
            self.assertEqual(self.raw(get, f"Host: {host}").status, 200, host)
        self.assertEqual(self.raw("GET /status HTTP/1.0").status, 200)
        self.assertEqual(self.raw("GET /status HTTP/1.0", "Host: x").status, 200)
        self.refused("GET /status HTTP/1.0", "Host: x", "Host: x")

    def test_repr(self) -> None:
        """What a log might say of a request has no token in it."""
        connection = self.connect()
        connection.ask("/live.mkv?token=secret")
        (client,) = self.stream.fanout.clients
        request: Any = client.response.request  # type: ignore[attr-defined]
        self.assertIsInstance(request, IncomingRequest)
        self.assertEqual(repr(request), "<IncomingRequest b'GET' b'/live.mkv'>")


class ProxyTests(SiteTestCase):
    """Whose word is taken on where a request comes from."""

    def peer(self, *forwarded: str, near: str = "192.0.2.7") -> str:
        """Where a client is said to be from."""
        address = (IPv6Address if ":" in near else IPv4Address)("TCP", near, 5000)
        protocol: Any = self.site.buildProtocol(address)
        protocol.makeConnection(StringTransport(peerAddress=address))
        lines = [f"X-Forwarded-For: {text}" for text in forwarded]
        head = ["GET /live.mkv HTTP/1.1", "Host: x", *lines, "", ""]
        protocol.dataReceived("\r\n".join(head).encode("latin-1"))
        (client,) = self.stream.fanout.clients
        self.stream.fanout.leave(client, "the test goes on")
        return client.statistics().peer

    def trust(self, *networks: str) -> None:
        """These proxies' word is taken."""
        trusted = tuple(ipaddress.ip_network(text) for text in networks)
        self.site.configure(Config((), trusted_proxies=trusted))

    def test_nobody(self) -> None:
        """Nobody's word is taken unless that is said."""
        self.assertEqual(self.peer("203.0.113.9"), "192.0.2.7:5000")
        self.trust("10.0.0.0/8")
        self.assertEqual(self.peer("203.0.113.9"), "192.0.2.7:5000")

    def test_last(self) -> None:
        """Of what a proxy says the last one holds that is not a proxy itself."""
        self.trust("192.0.2.0/24", "10.0.0.1")
        self.assertEqual(self.peer("203.0.113.9"), "203.0.113.9:0")
        self.assertEqual(self.peer("1.2.3.4, 203.0.113.9, 10.0.0.1"), "203.0.113.9:0")
        self.assertEqual(self.peer("1.2.3.4", "2001:db8::1"), "[2001:db8::1]:0")
        self.assertEqual(self.peer("10.0.0.1"), "10.0.0.1:0")

    def test_nonsense(self) -> None:
        """What is no address is not taken for one."""
        self.trust("192.0.2.0/24")
        for text in ("", "unknown", "203.0.113.9:80", "a\x1b[31m", ","):
            self.assertEqual(self.peer(text), "192.0.2.7:5000", text)
        self.assertEqual(self.peer("203.0.113.9, unknown, 192.0.2.1"), "192.0.2.1:0")
        self.assertEqual(self.peer(), "192.0.2.7:5000")

    def test_both_families(self) -> None:
        """IPv4 that comes through a socket of IPv6 is IPv4: for people, rules and proxies."""
        mapped = "::ffff:192.0.2.7"
        self.assertEqual(self.peer(near=mapped), "192.0.2.7:5000")
        self.assertIn("192.0.2.7:5000", self.log.about("joined")[-1])
        self.trust("192.0.2.0/24")
        self.assertEqual(self.peer("203.0.113.9", near=mapped), "203.0.113.9:0")
        denied = AccessRule(deny=(ipaddress.ip_network("192.0.2.7"),))
        self.site.configure(Config((replace(self.stream.config, watch=denied),)))
        self.stream.configure(replace(self.stream.config, watch=denied))
        self.assertRaises(ValueError, self.peer, near=mapped)  # nobody has joined

    def test_one_address(self) -> None:
        """An address counts once, by whichever socket it comes."""
        self.site.configure(Config((), max_clients_per_address=1))
        self.connect().ask("/live.mkv")
        peer = IPv6Address("TCP", "::ffff:192.0.2.7", 5001)
        protocol: Any = self.site.buildProtocol(peer)
        transport = StringTransport(peerAddress=peer)
        protocol.makeConnection(transport)
        protocol.dataReceived(HEAD)
        self.assertEqual(answer(transport.value()).status, 503)


class LimitsTests(SiteTestCase):
    """How many may watch at once."""

    def join(self, target: str = "/live.mkv", **headers: str) -> Connection:
        """A client that stays, or is refused."""
        connection = self.connect()
        connection.ask(target, **headers)
        return connection

    def test_total(self) -> None:
        """All streams' clients together are so many at most."""
        other = self.add("other")
        self.site.configure(Config((), max_clients_total=2))
        first = self.join()
        self.join("/other.mkv")
        for target in ("/live.mkv", "/other.mkv"):
            got = self.get(target)
            self.assertEqual(got.status, 503)
            self.assertEqual(
                got.text, "The limit of 2 clients of all streams is reached; try again later.\n"
            )
            self.assertEqual(got.headers["retry-after"], "5")
        first.lose()
        self.join("/other.mkv")
        self.assertEqual(len(other.fanout.clients), 2)

    def test_address(self) -> None:
        """One address has so many clients at most; whoever goes makes room."""
        self.site.configure(
            Config(
                (), max_clients_per_address=1, trusted_proxies=(ipaddress.ip_network("0.0.0.0/0"),)
            )
        )
        first = self.join(X_Forwarded_For="203.0.113.1")
        self.assertEqual(self.get("/live.mkv", X_Forwarded_For="203.0.113.1").status, 503)
        self.assertEqual(self.get("/live.mkv", X_Forwarded_For="203.0.113.2").status, 200)
        self.assertEqual(self.get("/status", X_Forwarded_For="203.0.113.1").status, 200)
        first.lose()
        self.assertEqual(self.get("/live.mkv", X_Forwarded_For="203.0.113.1").status, 200)
        self.join(X_Forwarded_For="2001:db8::1")
        for host, status in (("2001:db8::2", 503), ("2001:db8:0:1::1", 200)):  # a host has a /64
            got = self.get("/live.mkv", X_Forwarded_For=host)
            self.assertEqual(got.status, status, host)

    def test_bandwidth(self) -> None:
        """Nobody joins who would need more than there is."""
        period = self.stream.publisher.period
        assert period is not None
        bitrate = period.ring.bitrate(5_000_000)
        self.add("unknown")
        self.site.configure(Config((), max_bandwidth=int(2.5 * bitrate)))
        self.join()
        self.join()
        self.assertEqual(self.get("/live.mkv").status, 503)
        self.join("/unknown.mkv")  # of which nothing is known yet
        self.assertEqual(len(self.stream.fanout.clients), 2)

    def test_bandwidth_of_a_pause(self) -> None:
        """While the input is away, a client counts as much as when it is back."""
        period = self.stream.publisher.period
        assert period is not None
        bitrate = period.ring.bitrate(5_000_000)
        self.site.configure(Config((), max_bandwidth=int(1.5 * bitrate)))
        self.join()
        self.reactor.advance(10.0)
        self.assertEqual(self.stream.statistics().bitrate, 0.0)
        self.assertEqual(self.get("/live.mkv").status, 503)


class ShareTests(SiteTestCase):
    """What one address may have, before anybody looks at what it asks for."""

    def setUp(self) -> None:
        """Three connections, and five requests a second."""
        super().setUp()
        few = Shares(self.reactor, connections=3, requests=5)
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
        """What each has been answered."""
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
        self.reactor.advance(shares.REPORT_EVERY)
        self.assertEqual(len(self.log.about("refused")), 2)
        self.reactor.advance(shares.REPORT_EVERY)
        self.assertEqual(len(self.log.about("refused")), 2)

    def test_forgotten(self) -> None:
        """Nothing is left of an address that has gone."""
        clients = [self.watch(f"192.0.2.{number}") for number in range(9)]
        for client in clients:
            client.lose()
        found = self.site.connections
        self.assertEqual((found.addresses, found.shares.addresses), (0, 9))
        self.reactor.advance(1)
        self.assertEqual(found.shares.addresses, 0)

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
            self.assertTrue(self.site.connections.shares.ask(f"2001:db8::{number}"))
        self.assertFalse(self.site.connections.shares.ask("2001:db8::ffff"))
        self.assertTrue(self.site.connections.shares.ask("2001:db8:0:1::1"))

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
