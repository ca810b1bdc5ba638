"""What the kernel is told about connections, and what it says of them: over real sockets."""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path
from typing import Any, Self

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.http import LiveSite
from mkvtwist.http.wire.channel import IDLE
from mkvtwist.net.endpoint import Endpoint
from mkvtwist.net.sockets import (
    KERNEL_GRACE,
    UNSENT,
    Traffic,
    address,
    attend,
    both_families,
    choose_congestion,
    congestion_problem,
    keep_alive,
    plain,
    tcp_socket,
    traffic,
)
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import footage, header
from tests.net.test_endpoint import AnyContext, certificate

SKIP = None if hasattr(socket, "TCP_USER_TIMEOUT") else "the options are Linux's"


class Transport:
    """What Twisted's transports are, as far as it matters here."""

    def __init__(self, handle: Any, below: Any = None) -> None:
        self._handle = handle
        if below is not None:
            self.transport = below

    def getHandle(self) -> Any:  # noqa: N802 - the interface's name
        """Return the socket, or what TLS has for it."""
        return self._handle


def option(handle: socket.socket | None, name: str) -> int:
    """Return one of TCP's options."""
    assert handle is not None
    return int(handle.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)))


def told(handle: socket.socket | None) -> tuple[int, ...]:
    """Return what has been said about probes, about silence, and about unsent bytes."""
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_USER_TIMEOUT", "TCP_NOTSENT_LOWAT")
    assert handle is not None
    assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    return tuple(option(handle, name) for name in names)


class OptionTests(SynchronousTestCase):
    """One socket at a time."""

    skip = SKIP

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Two ends of a connection; the second one has little room."""
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
            far = socket.socket()
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
            far.connect(listening.getsockname())
            near, _ = listening.accept()
        near.setblocking(False)
        for end in (near, far):
            self.addCleanup(end.close)
        return near, far

    def test_attend(self) -> None:
        """The bound is a little more than the client's; some probes go out before it."""
        near, _ = self.pair()
        for seconds, step in ((30.0, 8), (5.0, 2), (1.0, 1), (86400.0, 10)):
            attend(Transport(near), seconds)
            patience = (seconds + KERNEL_GRACE) * 1000
            self.assertEqual(told(near), (step, step, patience, UNSENT))

    def test_keep_alive(self) -> None:
        """One that may pause for long is noticed after 25 s all the same, while nothing is sent."""
        near, _ = self.pair()
        attend(Transport(near), 30)
        keep_alive(Transport(near), UNSENT)
        self.assertEqual(told(near), (10, 5, 0, UNSENT))
        self.assertEqual(option(near, "TCP_KEEPCNT"), 3)
        other, _ = self.pair()
        usual = option(other, "TCP_NOTSENT_LOWAT")
        keep_alive(Transport(other))
        self.assertEqual(option(other, "TCP_NOTSENT_LOWAT"), usual)

    def test_below_tls(self) -> None:
        """The socket is found below TLS, too."""
        near, _ = self.pair()
        wrapped = Transport(object(), Transport(object(), Transport(near)))
        self.assertIs(tcp_socket(wrapped), near)
        attend(wrapped, 30)
        self.assertEqual(told(near)[2], 32_000)

    def test_no_socket(self) -> None:
        """Over anything but TCP nothing is said, and nothing is known."""
        left, right = socket.socketpair()
        near, _ = self.pair()
        with left, right:
            for transport in (None, StringTransport(), Transport(object()), Transport(left)):
                self.assertIsNone(tcp_socket(transport))
                attend(transport, 30)
                keep_alive(transport)
        self.assertIsNone(traffic(None))
        near.close()
        attend(Transport(near), 30)
        self.assertIsNone(traffic(near))

    def test_traffic(self) -> None:
        """What has arrived is told from what waits; a program that has paused is not silent."""
        near, far = self.pair()
        attend(Transport(near), 30)
        before = traffic(near)
        assert before is not None
        self.assertEqual(before[1:], (0, 0.0))
        with contextlib.suppress(BlockingIOError):
            for _ in range(100):
                near.send(b"x" * 65536)
        full = traffic(near)
        assert full is not None
        # The kernel looks at the bound before each 64 KiB.
        self.assertTrue(UNSENT // 2 <= full.unsent <= 2 * UNSENT, full)
        got = 0
        while got < UNSENT:
            got += len(far.recv(65536))
        later = traffic(near)
        assert later is not None
        self.assertGreater(later.acknowledged, full.acknowledged)
        self.assertEqual(later.silent, 0)

    def test_silent(self) -> None:
        """Silence counts if an answer is due: to data, or to more than one probe."""

        class Handle:
            def __init__(self, probes: int, unacked: int) -> None:
                self.values = [0] * 39
                self.values[3], self.values[12], self.values[20] = probes, unacked, 31_000
                self.values[34], self.values[38] = 5, 7

            def getsockopt(self, *_: int) -> bytes:
                return struct.pack("=8B24I4Q3I", *self.values)

        for probes, unacked, seconds in ((0, 0, 0.0), (1, 0, 0.0), (2, 0, 31.0), (0, 4, 31.0)):
            handle: Any = Handle(probes, unacked)
            self.assertEqual(traffic(handle), Traffic(5, 7, seconds))


class AddressTests(SynchronousTestCase):
    """One address in two families."""

    def test_plain(self) -> None:
        """An address of IPv4 is shown as one, wherever a socket of IPv6 has it from."""
        for given, shown in (
            ("::ffff:192.0.2.7", "192.0.2.7:5000"),
            ("::FFFF:192.0.2.7", "192.0.2.7:5000"),
            ("2001:db8::1", "[2001:db8::1]:5000"),
            ("::1", "[::1]:5000"),
        ):
            self.assertEqual(address(IPv6Address("TCP", given, 5000)), shown)
        four = IPv4Address("TCP", "192.0.2.7", 5000)
        self.assertIs(plain(four), four)
        self.assertEqual(plain(IPv6Address("TCP", "::ffff:192.0.2.7", 5000)), four)

    def test_words(self) -> None:
        """An address is written as one would type it."""
        self.assertEqual(address(IPv4Address("TCP", "127.0.0.1", 80)), "127.0.0.1:80")
        self.assertEqual(address(UNIXAddress("/run/feed.sock")), "/run/feed.sock")
        self.assertEqual(address(UNIXAddress(b"/x")), "/x")
        self.assertEqual(address(UNIXAddress(None)), "a local process")

    def test_both_families(self) -> None:
        """One socket serves both, or two do; a machine without IPv6 has IPv4."""

        class Six:
            only = 0

            def __init__(self, family: int) -> None:
                pass

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def getsockopt(self, *_: int) -> int:
                return self.only

            def bind(self, where: tuple[str, int]) -> None:
                assert where == ("::", 0)

        def no_family(*_: Any) -> None:
            raise OSError(97, "Address family not supported by protocol")

        class OnlySix(Six):
            only = 1

        self.assertEqual(both_families(8080, Six), ("tcp6:8080",))
        self.assertEqual(both_families(8080, OnlySix), ("tcp:8080", "tcp6:8080"))
        self.assertEqual(both_families(8080, no_family), ("tcp:8080",))


class CongestionTests(SynchronousTestCase):
    """TCP's congestion control."""

    skip = None if hasattr(socket, "TCP_CONGESTION") else "the option is Linux's"

    def test_unknown(self) -> None:
        """What the kernel does not have is refused, with what it has."""
        problem = congestion_problem("nonsense")
        assert problem is not None
        self.assertIn("'nonsense' is not available", problem)
        self.assertIn("use one of ", problem)
        self.assertIn("tcp_nonsense", problem)
        self.assertIsNone(congestion_problem("reno"))

    def test_refused(self) -> None:
        """What the kernel has for root only is refused with the setting that changes it."""

        class Socket:
            def setsockopt(self, *_: Any) -> None:
                raise OSError(1, "Operation not permitted")

            def close(self) -> None:
                pass

        problem = congestion_problem("bbr", make_socket=Socket)
        self.assertIn("tcp_allowed_congestion_control", problem or "")
        self.assertIsNone(congestion_problem("bbr", lenient=True, make_socket=Socket))

    def test_inherited(self) -> None:
        """New connections have the one that was chosen; by default it is the machine's own."""

        def accepted() -> bytes:
            with socket.create_connection(listening.getsockname()):
                near, _ = listening.accept()
                with near:
                    data = near.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
            return data.rstrip(b"\0")

        with socket.create_server(("127.0.0.1", 0)) as listening:
            usual = accepted()
            choose_congestion(listening, "reno")
            self.assertEqual(accepted(), b"reno")
            choose_congestion(listening, None)
            self.assertEqual(accepted(), usual)
            self.assertRaises(OSError, choose_congestion, listening, "nonsense")
        choose_congestion(None, "nonsense")


class Asking(Protocol):
    """A client that asks, and reads."""

    transport: Any

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.data = b""
        self.wanted = b""
        self.heard: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self.request)

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        if self.wanted in self.data and not self.heard.called:
            self.heard.callback(None)


class OneClient(ClientFactory):
    """Connects one client."""

    noisy = False

    def __init__(self, client: Asking) -> None:
        self.client = client

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return self.client


class RememberingSite(LiveSite):
    """
    A site that remembers its connections.

    @ivar accepted: a protocol for each of them.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.accepted: list[Any] = []

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Return a protocol, and remember it."""
        self.accepted.append(super().buildProtocol(addr))
        return self.accepted[-1]


class EveryClientTests(TestCase):
    """A site on loopback: what is said about the connection of each kind of client."""

    skip = SKIP
    timeout = 30  # a safety net
    scheme = "tcp:0"

    def setUp(self) -> Any:
        """A stream that has ten seconds, and one that nobody sends to."""
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.streams: dict[str, Stream] = {}
        for name, form in (("live", Form.DEMO), ("cam", Form.PUSH)):
            config = StreamConfig(Input(form, ""), name=name, client_timeout=20.0, hold=0.0)
            self.streams[name] = Stream(reactor, config)
        self.stream = self.streams["live"]
        self.stream.publisher.begin(header())
        for packet in footage(0, 10):
            self.stream.publisher.publish([packet])
        self.site = RememberingSite(reactor, self.streams)
        listening = Endpoint(reactor, f"{self.scheme}:interface=127.0.0.1").listen(self.site)

        def listens(port: Any) -> None:
            self.port = port
            self.addCleanup(port.stopListening)
            self.addCleanup(self._end)

        return listening.addCallback(listens)

    def _end(self) -> Deferred[None]:
        for stream in self.streams.values():
            for client in list(stream.fanout.clients):
                stream.fanout.leave(client, "the test is over")
        for connection in self.site.accepted:
            handle = tcp_socket(connection.transport)
            if handle is not None:
                connection.transport.abortConnection()
        done: Deferred[None] = Deferred()
        self.reactor.callLater(0.01, done.callback, None)
        return done

    def _connect(self, factory: ClientFactory) -> Any:
        return self.reactor.connectTCP("127.0.0.1", self.port.getHost().port, factory)

    async def ask(self, line: str, until: bytes, extra: str = "") -> socket.socket | None:
        """Return the server's socket when a client that asks has heard this."""
        client = Asking(f"{line} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode())
        client.wanted = until
        self.addCleanup(self._connect(OneClient(client)).disconnect)
        if until:
            await client.heard
        else:
            while len(self.site.accepted) < 1 or not self.streams["cam"].fanout.clients:
                done: Deferred[None] = Deferred()
                self.reactor.callLater(0, done.callback, None)
                await done
        return tcp_socket(self.site.accepted[-1].transport)

    async def test_live(self) -> None:
        """One that watches, whose bound follows the setting."""
        handle = await self.ask("GET /live.mkv", b"200 OK")
        self.assertEqual(told(handle), (6, 6, 22_000, UNSENT))
        (client,) = self.stream.fanout.clients
        while client.response.progress().taken < len(header().matroska_head):
            await self.ask("GET /live/status", b"200 OK")
        self.stream.configure(self.streams["cam"].config)
        self.assertEqual(told(handle), (6, 6, 22_000, UNSENT))
        self.stream.fanout.configure(
            StreamConfig(Input(Form.DEMO, ""), client_timeout=60.0),
        )
        self.assertEqual(told(handle), (10, 10, 62_000, UNSENT))

    async def test_waiting(self) -> None:
        """One that waits for an input, for ever if need be."""
        handle = await self.ask("GET /cam.mkv", b"")
        self.assertEqual(told(handle), (6, 6, 22_000, UNSENT))

    async def test_pieces(self) -> None:
        """One that watches through HLS."""
        handle = await self.ask("GET /live/index.m3u8", b"HTTP/1.1")
        self.assertEqual(told(handle), (6, 6, 22_000, UNSENT))

    async def test_replay(self) -> None:
        """One that watches a replay may pause for long; its machine may not vanish."""
        handle = await self.ask("GET /live/last.mkv", b"302 Found")
        self.assertEqual(told(handle), (6, 6, 22_000, UNSENT))

    async def test_idle(self) -> None:
        """One that has asked for nothing of a stream's."""
        handle = await self.ask("GET /healthz", b"HTTP/1.1")
        self.assertEqual(told(handle), (8, 8, (IDLE + KERNEL_GRACE) * 1000, UNSENT))

    async def test_sender(self) -> None:
        """A sender's place is free 25 s after its machine has vanished, as ever."""
        stream = self.streams["cam"]
        stream.startService()
        self.addCleanup(stream.stopService)
        extra = "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"
        handle = await self.ask("PUT /cam", b"100 Continue", extra)
        self.assertEqual(told(handle)[:3], (10, 5, 0))


class EveryTLSClientTests(EveryClientTests):
    """The same over TLS."""

    def setUp(self) -> Any:
        """With a certificate of its own."""
        path = Path(self.mktemp())
        path.write_bytes(certificate("localhost"))
        self.scheme = f"ssl:0:privateKey={path}:certKey={path}"
        return super().setUp()

    def _connect(self, factory: ClientFactory) -> Any:
        return self.reactor.connectSSL("127.0.0.1", self.port.getHost().port, factory, AnyContext())
