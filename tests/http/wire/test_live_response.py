"""Live responses over sockets that take only so much."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.http import LiveSite
from mkvtwist.http.wire.live_response import SocketResponse
from mkvtwist.live.client import PIECE
from mkvtwist.media.packet import Header
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import SOUND, Reactor, footage, header
from tests.support import icy
from tests.support.fakes import Answer, answer, blocks, head
from tests.support.site import ignore


class Player(Protocol):
    """A client over a real socket, which reads when it is told to."""

    transport: Any

    def __init__(self) -> None:
        self.data = b""
        self.made: Deferred[None] = Deferred()
        self.lost = False
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def factory_of_one(self) -> Any:
        """What the reactor connects."""
        factory: Any = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda _: self
        return factory

    def connectionMade(self) -> None:
        self.made.callback(None)

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        self._look()

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008
        self.lost = True
        self._look()

    def when(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires when this is true, to be looked at whenever something has come."""
        done: Deferred[None] = Deferred()
        self._waiting.append((condition, done))
        self._look()
        return done

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, []
        for condition, done in waiting:
            if condition():
                done.callback(None)
            else:
                self._waiting.append((condition, done))

    @property
    def answer(self) -> Answer:
        """What has come so far."""
        return answer(self.data)

    def complete(self) -> bool:
        """Whether the answer has said that this is all."""
        return self.data.endswith(b"\r\n0\r\n\r\n") and self.answer.complete


def request(target: str, version: str = "1.1") -> bytes:
    """What a client sends."""
    return f"GET {target} HTTP/{version}\r\nHost: x\r\n\r\n".encode()


class SocketTests(TestCase):
    """The live stream straight to the socket, which takes as much as it likes."""

    timeout = 60  # a safety net
    reactor: Any

    def setUp(self) -> None:
        """A site on loopback, and one stream in the real reactor's time."""
        from twisted.internet import reactor

        self.reactor = reactor
        self.streams: dict[str, Stream] = {}
        self.stream = self.add(self.reactor)
        self.site = LiveSite(self.reactor, self.streams)
        self.port: Any = self.reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.addCleanup(self.port.stopListening)
        self.addCleanup(self._end_all)

    def _end_all(self) -> Deferred[None]:
        """Whoever is still there goes, so that nothing is left in the reactor."""
        done: Deferred[None] = Deferred()
        for stream in self.streams.values():
            for client in list(stream.fanout.clients):
                stream.fanout.leave(client, "the test is over")
                client.response.abort()
        self.reactor.callLater(0, lambda: self.reactor.callLater(0, done.callback, None))
        return done

    def add(self, clock: Any, name: str = "live", **settings: Any) -> Stream:
        """A stream; its input is not opened."""
        config = StreamConfig(Input(Form.DEMO, "demo:"), name=name, **settings)
        self.streams[name] = stream = Stream(clock, config, ignore)
        return stream

    async def connect(self, receive_buffer: int | None = None) -> Player:
        """A new connection."""
        player = Player()
        host = self.port.getHost()
        connector = self.reactor.connectTCP("127.0.0.1", host.port, player.factory_of_one())
        self.addCleanup(connector.disconnect)
        if receive_buffer is not None:
            handle = connector.transport.getHandle()
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await player.made
        return player

    async def ask(self, target: str, version: str = "1.1", **options: Any) -> Player:
        """A new connection that asks for this."""
        player = await self.connect(**options)
        player.transport.write(request(target, version))
        return player

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the reactor run until this is true."""
        while not condition():
            await self.turn()

    async def turn(self) -> None:
        """One turn of the reactor."""
        done: Deferred[None] = Deferred()
        self.reactor.callLater(0, done.callback, None)
        await done

    def wire(self, start: float, end: float, size: int, of: Stream | None = None) -> bytes:
        """What is sent of this footage, packet by packet."""
        period = (of or self.stream).publisher.period
        assert period is not None
        format_ = period.muxer(period.everything)
        return b"".join(format_.render([p]) for p in footage(start, end, size=size))

    def publish(self, start: float, end: float, size: int, to: Stream | None = None) -> None:
        """Packet by packet."""
        for packet in footage(start, end, size=size):
            (to or self.stream).publisher.publish([packet])

    async def test_follow(self) -> None:
        """A client that reads gets each fragment as one chunk, the header first."""
        self.stream.publisher.begin(header())
        self.publish(0, 2, 500)
        player = await self.ask("/live.mkv?burst=60")
        await player.when(lambda: b"\r\n\r\n" in player.data)
        self.publish(2, 3, 500)
        self.stream.publisher.end()
        await player.when(player.complete)
        self.assertEqual(player.answer.headers["transfer-encoding"], "chunked")
        self.assertEqual(player.answer.headers["content-type"], "video/x-matroska")
        self.assertEqual(player.answer.body, head() + self.wire(0, 3, 500))

    async def test_titles(self) -> None:
        """A client that wants titles gets them between its bytes, however slowly it reads."""
        self.stream.publisher.begin(Header((replace(SOUND, codec="mp3"),)))
        self.stream.now_playing.tell("Artist - Title")
        self.publish(0, 10, 15_000)
        player = await self.connect(receive_buffer=32_768)
        player.transport.write(
            b"GET /live.mp3?burst=60 HTTP/1.1\r\nHost: x\r\nIcy-MetaData: 1\r\n\r\n"
        )
        transport = player.transport
        transport.pauseProducing()
        await self.until(lambda: bool(self.stream.fanout.clients))
        (client,) = self.stream.fanout.clients
        await self.until(lambda: client.paused and client.sent > PIECE)
        for _ in range(50):
            transport.resumeProducing()
            await self.turn()
            transport.pauseProducing()
            await self.turn()
        transport.resumeProducing()
        await self.until(lambda: client.is_following)
        for second in range(10, 20):
            self.publish(second, second + 1, 15_000)
            await self.turn()
        self.stream.publisher.end()
        await player.when(lambda: player.lost)
        head, _, body = player.data.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.0 200 OK\r\n"))
        self.assertIn(b"\r\nicy-metaint: 16000\r\n", head)
        self.assertNotIn(b"chunked", head)
        sound, titles = icy.parsed(body)
        self.assertEqual(sound, b"".join(p.data for p in footage(0, 20, size=15_000)))
        self.assertEqual(list(filter(None, titles)), ["StreamTitle='Artist - Title';"])
        self.assertEqual(client.sent, len(body))

    async def test_slow(self) -> None:
        """A client that reads slowly gets exactly the same bytes, in whole chunks."""
        self.stream.publisher.begin(header())
        self.publish(0, 10, 15_000)
        player = await self.ask("/live.mkv?burst=60", receive_buffer=32_768)
        transport = player.transport
        transport.pauseProducing()
        await self.until(lambda: bool(self.stream.fanout.clients))
        (client,) = self.stream.fanout.clients
        await self.until(lambda: client.paused and client.sent > PIECE)
        self.publish(10, 20, 15_000)
        self.assertEqual(client.statistics().state, "behind")
        self.assertGreater(client.statistics().lag, 10)
        response: Any = client.response
        response.resumeProducing()  # nobody should, but it does no harm
        self.assertTrue(client.paused)
        self.stream.publisher.end()
        for _ in range(50):
            transport.resumeProducing()
            await self.turn()
            transport.pauseProducing()
            await self.turn()
        transport.resumeProducing()
        await player.when(player.complete)
        self.assertEqual(player.answer.body, head() + self.wire(0, 20, 15_000))
        self.assertEqual(player.answer.rest, b"")

    async def test_transport(self) -> None:
        """What the transport says is passed on to the client, and to nobody after the end."""
        self.stream.publisher.begin(header())
        self.publish(0, 1, 500)
        player = await self.ask("/live.mkv")
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        (client,) = self.stream.fanout.clients
        response: Any = client.response
        response.pauseProducing()
        self.assertTrue(client.paused)
        response.resumeProducing()
        self.assertFalse(client.paused)
        self.stream.publisher.end()
        await player.when(player.complete)
        response.pauseProducing()
        response.resumeProducing()
        response.stopProducing()
        self.assertFalse(client.paused)

    async def test_sent(self) -> None:
        """What is counted as sent is what the system has taken, framing included."""
        self.stream.publisher.begin(header())
        self.publish(0, 1, 500)
        player = await self.ask("/live.mkv")
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        start = player.data.index(b"\r\n\r\n") + 4
        self.assertEqual(self.stream.statistics().bytes_out, len(player.data) - start)

    async def test_http_1_0(self) -> None:
        """HTTP/1.0 clients get the bare stream, however slowly, and its end is the connection's."""
        self.stream.publisher.begin(header())
        self.publish(0, 10, 15_000)
        player = await self.ask("/live.mkv?burst=60", "1.0", receive_buffer=32_768)
        transport = player.transport
        transport.pauseProducing()
        await self.until(lambda: any(c.paused for c in self.stream.fanout.clients))
        transport.resumeProducing()
        self.publish(10, 12, 15_000)
        self.stream.publisher.end()
        await player.when(lambda: player.lost)
        self.assertNotIn("transfer-encoding", player.answer.headers)
        self.assertEqual(player.answer.body, head() + self.wire(0, 12, 15_000))

    async def test_keep_alive(self) -> None:
        """A live answer behind another one, and another one behind it, stay in order."""
        self.stream.publisher.begin(header())
        self.publish(0, 2, 500)
        player = await self.connect()
        transport = player.transport
        transport.write(request("/status") + request("/live.mkv?burst=60") + request("/status"))
        await player.when(lambda: player.data.count(b"HTTP/1.1 200") == 2)
        await self.turn()
        self.publish(2, 3, 500)
        self.stream.publisher.end()
        await player.when(lambda: player.data.count(b'"version"') == 2)
        first = player.answer
        second = answer(first.rest)
        self.assertEqual(second.body, head() + self.wire(0, 3, 500))
        self.assertEqual(json.loads(answer(second.rest).body)["streams"]["live"]["clients"], [])

    async def test_rebase(self) -> None:
        """A client with timestamps of its own gets whole chunks, too."""
        self.stream.publisher.begin(header())
        self.publish(0, 10, 100)
        player = await self.ask("/live.mkv?rebase=1&burst=2")
        await player.when(lambda: len(blocks_so_far(player)) == 20)
        self.publish(10, 11, 100)
        self.stream.publisher.end()
        await player.when(player.complete)
        self.assertEqual([b.time for b in blocks(player.answer.body)], list(range(0, 3000, 100)))

    async def test_waiting(self) -> None:
        """Who waits for the stream gets its beginning when it begins."""
        player = await self.ask("/live.mkv")
        await self.until(lambda: bool(self.stream.fanout.clients))
        self.stream.publisher.begin(header())
        self.publish(0, 1, 100)
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        self.assertEqual(player.answer.body, head() + self.wire(0, 1, 100))

    async def test_vanished(self) -> None:
        """A client that resets its connection is gone, whether anything was to be sent or not."""
        self.stream.publisher.begin(header())
        self.publish(0, 1, 100)
        for first in (True, False):
            player = await self.ask("/live.mkv")
            await player.when(lambda player=player: b"\r\n\r\n" in player.data)  # type: ignore[misc]
            reset(player)
            if first:
                self.publish(1, 2, 100)
            await self.until(lambda: not self.stream.fanout.clients)

    async def test_vanished_with_a_full_pipeline(self) -> None:
        """It is noticed when something is to be sent, even where nobody reads from it any more."""
        self.stream.publisher.begin(header())
        self.publish(0, 1, 100)
        player = await self.connect()
        transport = player.transport
        # More than a request: Twisted reads no further until the response is complete.
        transport.write(request("/live.mkv") + request("/status") * 2000)
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        (client,) = self.stream.fanout.clients
        server: Any = client.response.request.channel.transport  # type: ignore[attr-defined]
        await self.until(lambda: server not in self.reactor.getReaders())
        reset(player)
        start = 1.0
        while self.stream.fanout.clients:
            self.publish(start, start + 0.1, 100)
            start += 0.1
            await self.turn()

    async def test_stalled(self) -> None:
        """One that takes nothing is disconnected after the time-out; a reader is not."""
        clock = Reactor()
        stream = self.add(clock, "timed", client_timeout=5.0)
        stream.publisher.begin(header())
        self.publish(0, 10, 100_000, stream)
        stalled = await self.ask("/timed.mkv?burst=60", receive_buffer=32_768)
        transport = stalled.transport
        transport.pauseProducing()
        await self.until(lambda: bool(stream.fanout.clients))
        (client,) = stream.fanout.clients

        def full() -> bool:
            clock.turn()
            return client.paused and client.sent > PIECE

        await self.until(full)
        seen = -1
        while seen != client.sent:  # the kernel may move some more from here to there
            seen = client.sent
            for _ in range(20):
                await self.turn()
        reader = await self.ask("/timed.mkv?join=live")
        await reader.when(lambda: b"\r\n\r\n" in reader.data)
        for _ in range(7):
            clock.advance(1)
            await self.turn()
        transport.resumeProducing()
        await stalled.when(lambda: stalled.lost)
        self.assertEqual(len(stream.fanout.clients), 1)
        self.assertFalse(reader.lost)

    async def test_unix(self) -> None:
        """Over a UNIX socket it is the same."""
        path = self.mktemp()
        port = self.reactor.listenUNIX(path, self.site)
        self.addCleanup(port.stopListening)
        self.stream.publisher.begin(header())
        self.publish(0, 1, 100)
        player = Player()
        connector = self.reactor.connectUNIX(path, player.factory_of_one())
        self.addCleanup(connector.disconnect)
        await player.made
        player.transport.write(request("/live.mkv"))
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        self.assertEqual(player.answer.body, head() + self.wire(0, 1, 100))
        (client,) = self.stream.fanout.clients
        self.assertIsInstance(client.response, SocketResponse)
        self.assertEqual(client.statistics().peer, "a local process")


def blocks_so_far(player: Player) -> list[Any]:
    """The blocks of a client, whose answer has begun or not."""
    return blocks(player.answer.body) if b"\r\n\r\n" in player.data else []


def reset(player: Player) -> None:
    """The client's machine has no such connection any more."""
    transport: Any = player.transport
    linger = struct.pack("ii", 1, 0)
    transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abortConnection()
