"""What is sent over a connection that no client should send."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHalfCloseableDescriptor
from zope.interface import directlyProvides

from mkvtwist.http.wire.channel import LINGER
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.testing import footage
from tests.support.fakes import Answer, answer, blocks, sent
from tests.support.site import SiteTestCase

HEAD = b"GET /live.mkv HTTP/1.1\r\nHost: x\r\n\r\n"


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

    def test_pipelined(self) -> None:
        """Requests that come at once are answered in order; a live one is the last for long."""
        connection = self.connect()
        paths = (b"/status", b"/x", b"/live.mkv", b"/status")
        connection.send(b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths))
        for over in (False, True):
            first = connection.answer()
            self.assertEqual((first.status, first.complete), (200, True))
            second = answer(first.rest)
            self.assertEqual((second.status, second.complete), (404, True))
            third = answer(second.rest)
            self.assertEqual((third.status, third.complete), (200, over))
            self.assertEqual(blocks(third.body), sent(footage(8, 10)))
            self.stream.publisher.end()
            self.reactor.turn()
        self.assertIn(b'"version"', answer(third.rest).body)

    def test_hostile_headers(self) -> None:
        """What a client says of itself is one line of the log, whatever is in it."""
        evil = "x\x1b[31m\x85\u2028y {client.publisher} %s"
        connection = self.connect()
        connection.ask("/live.mkv", User_Agent=evil)
        connection.lose()
        connection = self.connect()
        connection.ask("/live.mkv", User_Agent="z" * 9000)
        (joined, long) = self.log.about("joined")
        self.assertIn(r"x\x1b[31m\x85\u2028y {client.publisher} %s", joined)
        self.assertLess(len(long), 300)
        for line in self.log.lines:
            self.assertTrue(line.isprintable(), line)

    def test_quiet(self) -> None:
        """A request that is not a client's has no line in the log."""
        self.log.clear()
        self.get("/status")
        self.get("/nothing")
        self.get("/live.mkv", "HEAD")
        self.assertEqual(self.log.lines, [])
