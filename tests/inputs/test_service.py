"""An input's life, with a reader that reads nothing and senders in memory."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IPushProducer, ISystemHandle, ITransport
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mkvtwist.config.input import AtEnd, parse_at_end, parse_input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.senders import SILENCE, Connection
from mkvtwist.inputs.service import (
    PATIENCE,
    REPEATED,
    REST,
    REST_BITRATE,
    UNWANTED,
    InputService,
    describe,
)
from mkvtwist.libav import Ended, Event, Noted, Noticed, Opened
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.live.client import Wish
from mkvtwist.live.demand import Demand
from mkvtwist.live.fanout import Fanout
from mkvtwist.live.publisher import Publisher
from mkvtwist.media.packet import Track
from tests.support.fakes import (
    AUDIO,
    END,
    VIDEO,
    Kept,
    Log,
    Reactor,
    Response,
    StillReader,
    StillReaders,
    footage,
    head,
    header,
    sent,
)
from tests.support.streams import broadcast


@implementer(ISystemHandle)
class MemoryTransport(StringTransport):
    """A sender's connection in memory, with the socket that its options are set on."""

    def __init__(self, port: int, handle: Any = None) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "192.0.2.7", port))
        self.handle = handle

    def getHandle(self) -> Any:  # noqa: N802 - the interface's name
        """The socket."""
        return self.handle


class InputTestCase(SynchronousTestCase):
    """What the cases below have in common."""

    reactor: Reactor
    service: InputService
    publisher: Publisher
    fanout: Fanout
    demand: Demand

    def setUp(self) -> None:
        """Readers that read nothing."""
        self.ends: list[InputService] = []
        self.log = Log(self)
        self.reactor = Reactor()
        self.readers = StillReaders()

    def start(
        self,
        text: str = "film.mkv",
        *,
        at_end: str | None = None,
        recorder: Any = None,
        **settings: Any,
    ) -> InputService:
        """A service for this input, started."""
        source = parse_input("input", text)
        config = StreamConfig(
            source, at_end=parse_at_end("at-end", at_end, source.form), **settings
        )
        made = broadcast(self.reactor, config, *([] if recorder is None else [recorder]))
        self.publisher, self.fanout, self.demand = made.publisher, made.fanout, made.demand
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        made.events.subscribe(lambda e: self.told.append((e.kind, e.details)))
        self.service = InputService(
            self.reactor,
            config,
            self.publisher,
            made.events,
            lambda: self.ends.append(self.service),
            start_reader=self.readers,
        )
        self.service.startService()
        return self.service

    @property
    def reader(self) -> StillReader:
        """The newest one."""
        return self.readers[-1]

    def emit(self, *events: Event) -> None:
        """The newest reader's thread makes these, and the reactor has a turn."""
        self.reader.emit(*events)
        self.reactor.turn()

    def watch(self) -> Response:
        """A client of the stream."""
        response = Response()
        self.fanout.join(response, Wish(0))
        self.reactor.turn()
        return response

    def ups_and_downs(self) -> list[str]:
        """What has been told of the input and the fallback, and why it was."""
        return [
            ": ".join(filter(None, (kind, details.get("reason"))))
            for kind, details in self.told
            if not kind.startswith("client")
        ]

    def pending(self) -> list[float]:
        """How many seconds from now the reactor has something to do."""
        now = self.reactor.seconds()
        return sorted(call.getTime() - now for call in self.reactor.getDelayedCalls())


class FakesTests(SynchronousTestCase):
    """The stand-ins fit where they stand in."""

    def test_transport(self) -> None:
        """The transport in memory is one."""
        verifyObject(ITransport, MemoryTransport(1))
        verifyObject(IPushProducer, MemoryTransport(1))


class FileTests(InputTestCase):
    """Inputs that are opened here: files, URLs, standard input."""

    def test_life(self) -> None:
        """It is opened, it is live, it ends; clients get what came in the turn in which it came."""
        service = self.start()
        self.assertEqual(service.state, "opening")
        self.assertTrue(self.reader.drain)
        self.assertIsNone(self.reader.media)
        response = self.watch()
        self.reactor.advance(2)
        self.emit(header())
        self.assertEqual((service.state, service.since), ("live", 2))
        self.emit(*footage(0, 0.3))
        self.reactor.turn()
        self.emit(*footage(0.3, 0.6))
        self.assertEqual(response.blocks, sent(footage(0, 0.6)))
        self.assertEqual(len(response.writes), 3, "the header, what came at once, and the rest")
        self.emit(END)
        self.reactor.turn()
        self.assertEqual((service.state, service.reason), ("ended", "the end of the input"))
        self.assertTrue(response.finished)
        self.assertEqual(self.ends, [service])
        self.assertEqual(
            self.log.about("end of the input"), ["stream live: film.mkv: the end of the input"]
        )
        self.assertEqual(service.restarts, 0)

    def test_at_once(self) -> None:
        """Everything from the header to the end may come in one turn."""
        self.start()
        response = self.watch()
        self.emit(header(), *footage(0, 1), Noticed("!"), *footage(1, 2), END)
        self.reactor.turn()
        self.assertEqual(response.blocks, sent(footage(0, 2)))
        self.assertTrue(response.finished)

    def test_no_media(self) -> None:
        """What cannot be read is one line in the log, and the reason of the state."""
        service = self.start()
        response = self.watch()
        self.emit(Ended("no media", fault=True))
        self.assertEqual(self.log.about("no media"), ["stream live: film.mkv: no media"])
        self.assertEqual((service.state, service.reason), ("ended", "no media"))
        self.assertTrue(response.finished)
        self.assertEqual(self.ends, [service])

    def test_tracks(self) -> None:
        """The log says what is in it, once as long as that stays the same."""
        self.start(at_end="loop")
        left_out = replace(header(VIDEO, AUDIO), left_out=("track 2: data",))
        for _ in range(3):
            self.emit(left_out, *footage(0, 1), END)
        self.assertEqual(
            self.log.about("track"),
            [
                "stream live: film.mkv: track 1, video: h264, 160x120",
                "stream live: film.mkv: track 2, audio: aac, 48000 Hz, 2 channels",
                "stream live: film.mkv: left out: track 2: data",
            ],
        )
        self.assertEqual(self.service.left_out, ("track 2: data",))
        self.emit(header())
        self.assertEqual(self.service.left_out, ())

    def test_notes(self) -> None:
        """How the input is read is noted as long as it is open, and said once."""
        self.start(at_end="loop")
        for _ in range(3):
            self.emit(Noted(("25 is assumed",)), header(), *footage(0, 1))
            self.assertEqual(self.service.notes, ("25 is assumed",))
            self.emit(END)
            self.assertEqual(self.service.notes, ())
        self.assertEqual(self.log.about("assumed"), ["stream live: film.mkv: 25 is assumed"])
        self.emit(Noted(("25 is assumed", "it waits")), Noted(("it waits",)), Noted(()))
        self.assertEqual(self.service.notes, ())
        self.assertEqual(len(self.log.about("it waits")), 1)

    def test_notes_of_the_fallback(self) -> None:
        """What is noted of the fallback is for the log only."""
        self.start("tcp:12345", fallback=parse_input("fallback", "pause.h264"))
        self.emit(Noted(("25 is assumed",)))
        self.assertEqual(self.service.notes, ())
        self.assertEqual(self.log.about("assumed"), ["stream live: pause.h264: 25 is assumed"])

    def test_manner(self) -> None:
        """The frame rate and the programme that are set are the input's, not the fallback's."""
        self.start(frame_rate=12.5, program=3)
        self.assertEqual(self.reader.manner, (12.5, 3))
        pause = parse_input("fallback", "pause.mkv")
        self.start("tcp:12345", fallback=pause, frame_rate=12.5, program=3)
        self.assertEqual(self.reader.manner, (0.0, 0))

    def test_notices(self) -> None:
        """What the reader notices is said at most once a second, with the count of what was not."""
        self.start()
        self.emit(header(), *(Noticed("the timestamps jump") for _ in range(10)))
        self.reactor.advance(1)
        self.emit(Noticed("a damaged packet"))
        self.assertEqual(
            self.log.about("film.mkv: ")[1:],
            [
                "stream live: film.mkv: the timestamps jump",
                "stream live: film.mkv: a damaged packet (and 9 times more)",
            ],
        )

    def test_loop(self) -> None:
        """A loop begins again at once, on the same line of time; it stays live, clients go on."""
        service = self.start(at_end="loop")
        response = self.watch()
        for round_ in range(4):
            self.assertEqual(len(self.readers), round_ + 1)
            self.assertFalse(self.reader.drain)
            self.emit(header(), *footage(round_, round_ + 1), END)
            self.reactor.turn()
            self.assertEqual(service.state, "live")
        self.assertEqual(response.blocks, sent(footage(0, 4)))
        self.assertEqual(response.data.count(head()), 1)
        self.assertEqual(service.restarts, 0, "a round is none")
        self.assertEqual({reader.timeline for reader in self.readers}, {service.timeline})
        self.assertEqual({reader.pace for reader in self.readers}, {self.reader.pace})
        self.assertEqual(self.log.about("the end of the input"), [])

    def test_loop_of_nothing(self) -> None:
        """What cannot be read is not read again at once."""
        for reason in (Ended("no media", fault=True), END):
            service = self.start(at_end="loop")
            opened = len(self.readers)
            self.emit(reason)
            self.assertEqual(len(self.readers), opened)
            self.assertEqual(service.state, "retrying")

    def test_retry(self) -> None:
        """It is opened again after pauses that grow, with a jitter, up to half a minute."""
        service = self.start("http://host/live.mkv")
        self.assertFalse(self.reader.drain)
        pauses = []
        for attempt in range(12):
            self.emit(Ended("connection refused", fault=True))
            self.assertEqual(service.state, "retrying")
            (pause,) = self.pending()
            self.assertEqual(service.reason, f"connection refused; trying again in {pause:.1f} s")
            pauses.append(pause)
            self.reactor.advance(pause)
            self.assertEqual(service.state, "opening")
            self.assertEqual(len(self.readers), attempt + 2)
        self.assertLess(pauses[0], 4)
        self.assertGreater(sum(pauses[6:]) / 6, 3 * pauses[0])
        self.assertLess(max(pauses), 60)
        self.assertEqual(len(set(pauses)), len(pauses))
        self.assertEqual(service.restarts, 12)
        self.emit(header())
        self.emit(END)
        self.assertLess(self.pending()[0], 4)

    def test_retry_at_once(self) -> None:
        """
        What was live a moment ago is opened again at once, then every 2 s at least, for as long as
        clients are held; only then after pauses that grow.
        """
        service = self.start("http://host/live.mkv", hold=20)
        self.emit(header(), *footage(0, 10))
        self.reactor.advance(10)
        self.emit(END)
        self.assertLess(self.pending()[0], 0.2)
        away = self.reactor.seconds()
        pauses = []
        while self.reactor.seconds() < away + 200:
            (pause,) = self.pending()
            pauses.append((self.reactor.seconds() - away, pause))
            self.reactor.advance(pause)
            self.assertEqual(service.state, "opening")
            self.emit(Ended("connection refused", fault=True))
        quick = [pause for when, pause in pauses[1:] if when < 20]
        self.assertGreaterEqual(min(quick), 0.25)
        self.assertLessEqual(max(quick), 2)
        self.assertGreater(len(quick), 10)
        slow = [pause for when, pause in pauses if when >= 20]
        self.assertGreater(max(slow), 10)
        self.assertLessEqual(max(slow), 30)

    def test_retry_for_ever(self) -> None:
        """Where clients are held for ever the pauses do not grow."""
        self.start("http://host/live.mkv", hold=0)
        self.emit(header(), *footage(0, 10), END)
        for _ in range(200):
            (pause,) = self.pending()
            self.assertLessEqual(pause, 2)
            self.reactor.advance(pause)
            self.emit(Ended("connection refused", fault=True))
        self.assertGreater(self.reactor.seconds(), 100)

    def test_retry_what_ends_at_once(self) -> None:
        """What works each time, and ends at once, is not opened again and again without a pause."""
        self.start("http://host/short.mkv")
        self.emit(header(), *footage(0, 1), END)
        for _ in range(100):
            (pause,) = self.pending()
            self.reactor.advance(pause)
            self.emit(header(), *footage(0, 1), END)
        self.assertGreater(self.reactor.seconds(), 50)
        self.assertLessEqual(self.pending()[0], 2)

    def test_same_fault(self) -> None:
        """A fault that is the same at each try is logged now and then only; another one at once."""
        self.start("http://host/live.mkv")
        for _ in range(10):
            self.emit(Ended("connection refused", fault=True))
            self.reactor.advance(self.pending()[0] + 0.001)
        self.assertEqual(len(self.log.about("connection refused")), 1)
        self.emit(Ended("no route to host", fault=True))
        self.assertEqual(len(self.log.about("no route to host")), 1)
        self.reactor.advance(self.pending()[0] + 0.001)
        self.reactor.advance(REPEATED)
        self.emit(Ended("no route to host", fault=True))
        self.assertEqual(len(self.log.about("no route to host")), 2)
        self.reactor.advance(self.pending()[0] + 0.001)
        self.emit(header(), *footage(0, 1), Ended("no route to host", fault=True))
        self.assertEqual(len(self.log.about("no route to host")), 3)

    def test_recovered(self) -> None:
        """After an end or a fault the log also says that the input is there again."""
        self.start("http://host/live.mkv")
        self.emit(header(), *footage(0, 1))
        self.assertEqual(self.log.about("packets are coming"), [])
        for round_, end in enumerate((END, Ended("connection refused", fault=True)), 1):
            self.emit(end)
            self.reactor.advance(self.pending()[0] + 0.001)
            self.emit(header(), *footage(round_, round_ + 1))
            said = "stream live: http://host/live.mkv: packets are coming"
            self.assertEqual(self.log.about("packets are coming"), [said] * round_)

    def test_listening(self) -> None:
        """
        What waits for a sender never pauses, and says since when nobody has come; only when one who
        was there has gone is it a restart.
        """
        service = self.start("udp://127.0.0.1:1234")
        self.assertEqual(service.state, "waiting for a sender")
        silence = "nothing has come for 15 s"
        for number in range(50):
            self.assertEqual(len(self.readers), number + 1)
            self.reactor.advance(15)
            self.emit(Ended(silence, fault=True))
            self.assertEqual((service.state, service.reason), ("waiting for a sender", silence))
        self.assertEqual(service.restarts, 0)
        self.assertEqual(len(self.log.about(silence)), 2)
        self.emit(header(), *footage(0, 1))
        self.assertEqual(service.state, "live")
        self.reactor.advance(15)
        self.emit(Ended(silence, fault=True))
        self.assertEqual((service.state, service.reason), ("waiting for a sender", silence))
        self.assertEqual(service.restarts, 1)

    def test_listening_in_vain(self) -> None:
        """Where one cannot listen, it is tried every 2 s at least, and does not spin."""
        self.start("tcp://127.0.0.1:1234?listen")
        for _ in range(100):
            self.emit(Ended("address in use", fault=True))
            for pause in self.pending():
                self.assertLessEqual(pause, 2)
                self.reactor.advance(pause)
        self.assertGreater(self.reactor.seconds(), 50)

    def test_retry_keeps_clients(self) -> None:
        """While it is away, clients stay and newcomers wait; then all go on."""
        self.start("http://host/live.mkv")
        old = self.watch()
        self.emit(header(), *footage(0, 2))
        self.emit(END)
        new = self.watch()
        self.assertEqual(new.data, b"")
        self.reactor.advance(self.pending()[0])
        while len(self.readers) < 2:
            self.reactor.advance(self.pending()[0])
        self.emit(header(), *footage(2, 3))
        self.reactor.turn()
        self.assertEqual(old.blocks, sent(footage(1, 3)))
        self.assertEqual(new.blocks, sent(footage(2, 3)))

    def test_standard_input(self) -> None:
        """Standard input is read unbuffered, as it comes, and is not closed."""
        self.start("-")
        media: Any = self.reader.media
        self.assertEqual(media.fileno(), 0)
        media.close()
        os.fstat(0)

    def test_recorder(self) -> None:
        """While the recorder is full nothing is taken; when it has room, all is."""
        kept = Kept()
        service = self.start(recorder=kept)
        response = self.watch()
        self.emit(header(), *footage(0, 1))
        kept.full = True
        self.emit(*footage(1, 2))
        self.emit(*footage(2, 3), END)
        self.assertEqual(response.blocks, sent(footage(0, 1)))
        self.assertEqual(service.state, "live")
        kept.full = False
        service.resume()
        self.reactor.turn()
        self.assertEqual(response.blocks, sent(footage(0, 3)))
        self.assertEqual(service.state, "ended")
        service.resume()

    def test_stop(self) -> None:
        """To stop is to wait for the thread's end; nothing that it has made before counts."""
        service = self.start()
        self.emit(header())
        stopped = service.stopService()
        self.assertTrue(self.reader.stopped)
        self.assertNoResult(stopped)
        self.reader.join()
        self.reactor.turns()
        self.successResultOf(stopped)
        self.assertEqual(self.pending(), [])

    def test_stop_with_something_on_the_way(self) -> None:
        """What is on its way when it stops is left where it is."""
        service = self.start()
        self.reader.emit(header(), *footage(0, 1))
        stopped = service.stopService()
        self.reader.join()
        self.reactor.turns()
        self.successResultOf(stopped)
        self.assertIsNone(self.publisher.period)

    def test_stop_while_blocked(self) -> None:
        """A thread that cannot be woken is waited for no longer than it takes to notice."""
        service = self.start()
        self.reader.deaf = True
        stopped = service.stopService()
        self.reactor.advance(PATIENCE / 2)
        self.assertNoResult(stopped)
        self.reactor.advance(PATIENCE / 2)
        self.successResultOf(stopped)
        self.reader.join()
        self.reactor.turns()

    def test_stop_after_the_end(self) -> None:
        """There is nothing to wait for when it has ended."""
        service = self.start()
        self.emit(END)
        self.successResultOf(service.stopService())

    def test_stop_while_retrying(self) -> None:
        """It is not opened again once it is stopped."""
        service = self.start("http://host/")
        self.emit(END)
        self.successResultOf(service.stopService())
        self.assertEqual(self.pending(), [])


class SenderTestCase(InputTestCase):
    """An input where a sender connects."""

    ports = iter(range(5001, 6000))

    def setUp(self) -> None:
        """Somebody may connect."""
        super().setUp()
        self.start("tcp:12345")

    def connect(self, handle: Any = None) -> Connection:
        """Another sender."""
        made = socket.socket() if handle is None else handle
        if handle is None:
            self.addCleanup(made.close)
        factory: Any = self.reactor.tcpServers[-1][1]
        port = next(self.ports)
        sender = factory.buildProtocol(IPv4Address("TCP", "192.0.2.7", port))
        assert isinstance(sender, Connection)
        sender.makeConnection(MemoryTransport(port, made))
        return sender

    def send(self, sender: Connection, data: bytes = b"media") -> None:
        """It sends this."""
        sender.dataReceived(data)

    def lose(self, sender: Connection) -> None:
        """It has gone."""
        sender.connectionLost(Failure(ConnectionError()))

    def turned_away(self, sender: Connection) -> bool:
        """Whether its connection was ended from here."""
        return bool(sender.transport.disconnected)


class SenderTests(SenderTestCase):
    """Who sends, who is turned away, who is waited for."""

    def test_listening(self) -> None:
        """It listens where it was told, says so, and waits."""
        self.assertEqual(self.reactor.tcpServers[0][0], 12345)
        self.assertEqual(self.service.state, "waiting for a sender")
        self.assertEqual(len(self.log.about("waiting for a sender at 0.0.0.0:12345")), 1)
        self.assertEqual(self.readers, [])

    def test_sender(self) -> None:
        """What a sender writes is read from its first byte to its last."""
        sender = self.connect()
        self.assertEqual(self.service.state, "waiting for a sender")
        self.send(sender, b"abc")
        self.assertEqual(self.service.state, "opening")
        self.assertFalse(self.reader.drain)
        self.send(sender, b"def")
        self.assertEqual(self.reader.read() + self.reader.read(), b"abcdef")
        self.send(sender, b"ghi")
        self.lose(sender)
        self.assertEqual(self.reader.read(), b"ghi")
        self.assertEqual(self.reader.read(), b"")
        self.assertEqual(len(self.log.about(f"sender {sender.sender.peer} connected")), 1)
        self.assertEqual(len(self.log.about(f"sender {sender.sender.peer} left after 9 bytes")), 1)

    def test_keep_alive(self) -> None:
        """A sender whose machine vanishes is noticed: its socket is kept alive."""
        sender = self.connect()
        handle = sender.transport.getHandle()
        self.assertTrue(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        idle = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        self.assertEqual(idle, 10)

    def test_tls(self) -> None:
        """Over TLS, whose handle is no socket, a sender is as good."""
        sender = self.connect(handle=object())
        self.send(sender)
        self.assertEqual(len(self.readers), 1)

    def test_second(self) -> None:
        """Another one is turned away as long as one is connected, with a line in the log."""
        first = self.connect()
        self.send(first)
        second = self.connect()
        self.assertTrue(self.turned_away(second))
        self.assertEqual(len(self.log.about(f"sender {second.sender.peer} refused by")), 1)
        self.send(second)
        self.lose(second)
        self.assertEqual(len(self.readers), 1)
        self.assertFalse(self.turned_away(first))
        self.assertEqual(self.log.about(f"sender {second.sender.peer} left"), [])

    def test_first_to_send(self) -> None:
        """Of two who have connected, the first to send is the sender."""
        quiet, quick = self.connect(), self.connect()
        self.send(quick)
        self.send(quiet)
        self.assertTrue(self.turned_away(quiet))
        self.assertFalse(self.turned_away(quick))
        self.assertEqual(len(self.readers), 1)

    def test_silent(self) -> None:
        """One that says nothing is disconnected, and leaves no trace but a line."""
        sender = self.connect()
        self.reactor.advance(SILENCE - 0.1)
        self.assertFalse(self.turned_away(sender))
        self.reactor.advance(0.1)
        self.assertTrue(self.turned_away(sender))
        self.lose(sender)
        self.assertEqual(len(self.log.about("said nothing for 10 s")), 1)
        self.assertEqual(self.log.about("left"), [])
        self.assertEqual(self.service.state, "waiting for a sender")
        self.send(self.connect())
        self.assertEqual(self.service.state, "opening")

    def test_not_a_word(self) -> None:
        """One that connects and goes is one line."""
        sender = self.connect()
        self.lose(sender)
        self.assertEqual(len(self.log.about("left without sending anything")), 1)
        self.assertEqual((self.pending(), self.readers), ([], []))

    def test_backpressure(self) -> None:
        """When the pipe is full the sender is not read from, until there is room again."""
        sender = self.connect()
        self.send(sender, bytes(PIPE_LIMIT - 1))
        self.assertEqual(sender.transport.producerState, "producing")
        self.send(sender, bytes(10))
        self.assertEqual(sender.transport.producerState, "paused")
        assert self.reader.media is not None
        left = PIPE_LIMIT + 9
        while left >= PIPE_LIMIT // 2:
            self.reactor.turn()
            self.assertEqual(sender.transport.producerState, "paused")
            left -= len(self.reader.media.read(32_768))
        self.reactor.turn()
        self.assertEqual(sender.transport.producerState, "producing")

    def test_gone_while_paused(self) -> None:
        """When the rest of one that has gone is read, nobody is told to send on."""
        sender = self.connect()
        self.send(sender, bytes(PIPE_LIMIT))
        sender.transport.connected = False
        sender.transport.loseConnection()
        self.lose(sender)
        self.reader.read()
        self.reactor.turn()
        self.assertEqual(sender.transport.producerState, "paused")

    def test_comes_back(self) -> None:
        """When the sender comes back with the same tracks, clients go on on the same header."""
        sender = self.connect()
        self.send(sender)
        response = self.watch()
        self.emit(header(), *footage(0, 1))
        self.lose(sender)
        self.emit(END)
        self.assertEqual(self.service.state, "waiting for a sender")
        self.assertEqual(self.service.reason, "the end of the input")
        self.assertFalse(response.ended)
        self.send(self.connect())
        self.assertEqual(self.service.restarts, 1)
        self.assertEqual(self.readers[0].timeline, self.readers[1].timeline)
        self.emit(header(), *footage(1, 2))
        self.assertEqual(response.blocks, sent(footage(0, 2)))
        self.assertEqual(response.data.count(head()), 1)
        self.assertEqual(self.service.state, "live")

    def test_comes_back_with_others(self) -> None:
        """With other tracks, clients have a clean end, and the next ones the new header."""
        sender = self.connect()
        self.send(sender)
        old = self.watch()
        self.emit(header(), *footage(0, 1))
        self.lose(sender)
        self.emit(END)
        new = self.watch()
        self.send(self.connect())
        self.emit(header(AUDIO), *footage(1, 2, track=2))
        self.reactor.turn()
        self.assertTrue(old.finished)
        self.assertEqual(old.blocks, sent(footage(0, 1)))
        self.assertEqual(new.data[: len(head(AUDIO))], head(AUDIO))
        self.assertEqual(new.blocks, sent(footage(1, 2, track=2)))

    def test_comes_back_early(self) -> None:
        """One that comes while the rest of the one before is read waits its turn, and has it."""
        first = self.connect()
        self.send(first, b"first")
        self.emit(header(), *footage(0, 1))
        self.lose(first)
        second = self.connect()
        self.send(second, b"second")
        self.assertFalse(self.turned_away(second))
        self.assertEqual(len(self.readers), 1)
        third = self.connect()
        self.assertTrue(self.turned_away(third))
        self.assertEqual(self.reader.read(), b"first")
        self.emit(END)
        self.assertEqual(len(self.readers), 2)
        self.assertEqual(self.reader.read(), b"second")
        self.assertFalse(self.turned_away(second))

    def test_comes_early_and_goes(self) -> None:
        """One that has gone again before its turn keeps nobody from it."""
        first = self.connect()
        self.send(first)
        self.lose(first)
        second = self.connect()
        self.send(second, b"second")
        self.lose(second)
        third = self.connect()
        self.send(third, b"third")
        self.assertFalse(self.turned_away(third))
        self.emit(END)
        self.assertEqual(self.reader.read(), b"third")

    def test_two_come_early(self) -> None:
        """Of two who wait for the same turn the second to send is turned away."""
        first = self.connect()
        self.send(first)
        self.lose(first)
        second, third = self.connect(), self.connect()
        self.send(second)
        self.send(third)
        self.assertFalse(self.turned_away(second))
        self.assertTrue(self.turned_away(third))

    def test_no_media(self) -> None:
        """One that sends no media is disconnected, with one line; the next one is waited for."""
        sender = self.connect()
        self.send(sender)
        self.emit(Ended("no media", fault=True))
        self.assertTrue(self.turned_away(sender))
        self.assertEqual(
            self.log.about("no media"), ["stream live: tcp:12345: no media (sender 192.0.2.7:5030)"]
        )
        self.assertEqual(self.service.state, "waiting for a sender")
        self.assertEqual(self.service.reason, "no media")
        self.send(self.connect())
        self.assertEqual(len(self.readers), 2)

    def test_stop(self) -> None:
        """To stop is to hang up, on whoever sends and on whoever waits."""
        first = self.connect()
        self.send(first)
        self.lose(first)
        second = self.connect()
        self.send(second)
        stopped = self.service.stopService()
        self.assertTrue(self.turned_away(second))
        self.assertEqual(self.readers[0].read(), b"")
        self.reader.join()
        self.reactor.turns()
        self.successResultOf(stopped)

    def test_stop_while_waiting(self) -> None:
        """With no sender there is nothing to wait for; one that comes now is turned away."""
        early = self.connect()
        self.successResultOf(self.service.stopService())
        self.send(early)
        self.assertTrue(self.turned_away(early))
        self.assertEqual(self.readers, [])

    def test_exit(self) -> None:
        """With at-end=exit the first sender is the only one."""
        self.start("tcp:12345", at_end="exit")
        self.send(self.connect())
        self.emit(header(), *footage(0, 1), END)
        self.assertEqual(self.service.state, "ended")
        self.assertEqual(self.ends, [self.service])
        late = self.connect()
        self.send(late)
        self.assertTrue(self.turned_away(late))

    def test_reason(self) -> None:
        """Viewers read it, too: it names neither where senders connect, nor who they were."""
        service = self.start("tcp:12345:interface=127.0.0.1")
        self.assertEqual(service.reason, "nobody has connected yet")
        self.connect().connectionLost()
        self.assertEqual(service.reason, "the last sender left without sending anything")

    def test_detail(self) -> None:
        """The cause is for operators; the reason leaves out what it may quote."""
        service = self.start("tcp:12345")
        sender = self.connect()
        self.send(sender)
        self.readers[-1].emit(Ended("/srv/a.mkv: Invalid data", fault=True, plain="unreadable"))
        self.reactor.turns()
        self.assertEqual(
            (service.reason, service.detail), ("unreadable", "/srv/a.mkv: Invalid data")
        )
        self.assertEqual(len(self.log.about("/srv/a.mkv: Invalid data")), 1)
        self.send(self.connect())
        self.assertEqual(service.detail, "")
        self.readers[-1].emit(END)
        self.reactor.turns()
        self.assertEqual((service.reason, service.detail), (END.reason, ""))

    def test_deaf(self) -> None:
        """When nobody can connect the stream has ended, and says why."""

        def refuse(*_: object, **__: object) -> None:
            raise CannotListenError("", 12345, OSError(98, "Address already in use"))

        self.patch(self.reactor, "listenTCP", refuse)
        service = self.start("tcp:12345")
        self.assertEqual(service.state, "ended")
        self.assertEqual(service.reason, "nobody can connect: Address already in use")
        (line,) = self.log.about("Address already")
        self.assertEqual(line, "stream live: cannot listen at tcp:12345: Address already in use")
        self.assertEqual(self.ends, [service])

    def test_at_end(self) -> None:
        """Unless said otherwise, an endpoint waits for the next sender."""
        self.assertIs(self.service.config.at_end, AtEnd.WAIT)


class RestTests(SenderTestCase):
    """An input that nobody wants is looked at now and then; somebody who comes wakes it."""

    def rest(self, sender: Connection, size: int = 20) -> None:
        """Ten packets of a live input come, then nobody has wanted it for a while."""
        self.send(sender)
        self.emit(header(), *footage(0, 1, size=size))
        self.reactor.advance(UNWANTED)
        self.emit(*footage(1, 1.1, size=size))

    def fragments(self) -> int:
        """How many are in the ring by now."""
        assert self.publisher.period is not None
        return self.publisher.period.ring.end

    def test_rests(self) -> None:
        """What comes waits for the next look, and the sender is not read until then."""
        sender = self.connect()
        self.rest(sender)
        known = self.fragments()
        self.assertEqual(sender.transport.producerState, "paused")
        self.emit(*footage(1.1, 1.2))
        self.emit(*footage(1.2, 1.3))
        self.assertEqual(self.fragments(), known)
        self.reactor.advance(REST)
        self.assertEqual(self.fragments(), known + 1)
        self.assertEqual(sender.transport.producerState, "producing")
        self.emit(*footage(1.3, 1.4))
        self.assertEqual(self.fragments(), known + 2)
        self.assertEqual(sender.transport.producerState, "paused")

    def test_somebody_comes(self) -> None:
        """Who joins has at once what has come meanwhile, and then each packet as it comes."""
        sender = self.connect()
        self.rest(sender)
        self.emit(*footage(1.1, 1.5))
        response = self.watch()
        self.assertEqual(response.blocks, sent(footage(1, 1.5)))
        self.assertEqual(sender.transport.producerState, "producing")
        self.emit(*footage(1.5, 1.6))
        self.emit(*footage(1.6, 1.7))
        self.assertEqual(response.blocks, sent(footage(1, 1.7)))

    def test_watched(self) -> None:
        """While somebody watches it does not rest."""
        sender = self.connect()
        self.watch()
        self.rest(sender)
        self.assertEqual(sender.transport.producerState, "producing")

    def test_too_much(self) -> None:
        """Nor does one whose sender would fall behind."""
        sender = self.connect()
        self.rest(sender, size=REST_BITRATE // 8 // 10 + 100)
        self.assertEqual(sender.transport.producerState, "producing")

    def test_full_and_resting(self) -> None:
        """A sender whose pipe is full is not read when the rest is over."""
        sender = self.connect()
        self.rest(sender)
        self.send(sender, b"." * PIPE_LIMIT)
        self.reactor.advance(REST)
        self.assertEqual(sender.transport.producerState, "paused")
        while sender.transport.producerState == "paused":
            self.assertTrue(self.reader.read())
            self.reactor.turn()

    def test_another_sender(self) -> None:
        """A sender that comes back at once is let in, though its end was not seen in the rest."""
        sender = self.connect()
        self.rest(sender)
        again = self.connect()
        self.assertFalse(self.turned_away(again))
        self.assertEqual(sender.transport.producerState, "producing")
        self.lose(sender)
        self.send(again)
        self.assertFalse(self.turned_away(again))

    def test_another_sender_too_many(self) -> None:
        """And turned away when it sends, if the one before has not gone."""
        sender = self.connect()
        self.rest(sender)
        another = self.connect()
        self.send(another)
        self.assertTrue(self.turned_away(another))
        self.assertFalse(self.turned_away(sender))

    def test_stop(self) -> None:
        """Nothing is left to be done when it has been stopped."""
        self.rest(self.connect())
        self.service.stopService()
        self.reader.join()
        self.reactor.turns()
        self.assertEqual(self.pending(), [])


class OnDemandTests(InputTestCase):
    """An input that is opened only while somebody watches."""

    def setUp(self) -> None:
        """Nobody does."""
        super().setUp()
        self.start("http://host/", on_demand=True, linger=5.0)

    def leave(self, response: Any) -> None:
        """A client goes."""
        (client,) = (c for c in self.fanout.clients if c.response is response)
        self.fanout.leave(client, "the client has gone")

    def test_first_client(self) -> None:
        """It is opened when the first client comes, who gets what it brings."""
        self.reactor.advance(100)
        self.assertEqual(self.readers, [])
        self.assertEqual(self.service.state, "waiting for a client")
        self.assertIn("nobody is watching", self.service.reason)
        response = self.watch()
        self.assertEqual(self.service.state, "opening")
        self.watch()
        self.emit(header(), *footage(0, 1))
        self.assertEqual(response.blocks, sent(footage(0, 1)))
        self.assertEqual(len(self.readers), 1)

    def test_last_client(self) -> None:
        """It is closed some seconds after the last one has gone, and opened again for the next."""
        one, two = self.watch(), self.watch()
        self.emit(header(), *footage(0, 1))
        self.leave(one)
        self.reactor.pump([1.0] * 60)
        self.assertFalse(self.reader.stopped)
        self.leave(two)
        self.reactor.pump([1.0] * 4)
        self.assertFalse(self.reader.stopped)
        self.reactor.pump([1.0] * 2)
        self.assertTrue(self.reader.stopped)
        self.assertEqual(self.service.state, "waiting for a client")
        self.assertEqual(len(self.log.about("nobody is watching; closed")), 1)
        self.assertEqual(self.pending(), [])
        late = Response()
        self.fanout.join(late, Wish(burst=10.0))
        self.assertEqual(late.data, b"")
        self.emit(header(), *footage(1, 2))
        self.assertEqual(late.blocks, sent(footage(1, 2)), "what is old is not shown")
        self.assertEqual(self.service.restarts, 1)

    def test_at_once(self) -> None:
        """With a linger of 0 it is closed as soon as nobody watches, not before."""
        self.start("http://host/", on_demand=True, linger=0.0)
        response = self.watch()
        self.reactor.pump([1.0] * 5)
        self.assertFalse(self.reader.stopped)
        self.leave(response)
        self.reactor.pump([1.0] * 2)
        self.assertTrue(self.reader.stopped)

    def test_back_in_time(self) -> None:
        """Who comes before it is closed finds it open."""
        self.leave(self.watch())
        self.reactor.pump([1.0] * 4)
        self.watch()
        self.reactor.pump([1.0] * 60)
        self.assertEqual(len(self.readers), 1)
        self.assertFalse(self.reader.stopped)

    def test_piece_by_piece(self) -> None:
        """Who asks for it piece by piece keeps it open, too."""
        self.demand.touch()
        self.assertEqual(len(self.readers), 1)
        for _ in range(10):
            self.reactor.pump([1.0] * 4)
            self.demand.touch()
        self.assertFalse(self.reader.stopped)
        self.reactor.pump([1.0] * 6)
        self.assertTrue(self.reader.stopped)

    def test_closed_while_retrying(self) -> None:
        """When nobody waits any more, it is not tried again."""
        response = self.watch()
        self.emit(Ended("connection refused", fault=True))
        self.leave(response)
        self.reactor.pump([0.1] * 100)
        self.assertEqual(self.service.state, "waiting for a client")
        opened = len(self.readers)
        self.reactor.advance(1000)
        self.assertEqual(len(self.readers), opened)

    def test_one_at_a_time(self) -> None:
        """It is opened again while the thread from before is still busy, but waits for its end."""
        response = self.watch()
        self.emit(Opened(), header(), *footage(0, 1))
        before = self.reader
        before.deaf = True
        self.leave(response)
        self.reactor.pump([1.0] * 6)
        self.watch()
        self.emit(Opened())
        self.assertEqual(len(self.readers), 2)
        self.assertFalse(self.reader.gone_on)
        before.join()
        self.reactor.turns()
        self.assertTrue(self.reader.gone_on)

    def test_stop(self) -> None:
        """A stopped one is not opened, whoever comes."""
        self.watch()
        stopped = self.service.stopService()
        self.reader.join()
        self.reactor.turns()
        self.successResultOf(stopped)
        self.demand.touch()
        self.assertEqual(len(self.readers), 1)

    def test_end(self) -> None:
        """One that is to exit at its end has ended then."""
        service = self.start("film.mkv", on_demand=True, at_end="exit")
        self.watch()
        self.emit(header(), *footage(0, 1), END)
        self.assertEqual(service.state, "ended")
        self.assertEqual(self.ends, [service])


class GuardTests(InputTestCase):
    """An input that brings more than it may."""

    def test_sender(self) -> None:
        """A sender is disconnected, with a reason; the next one is waited for, and clients stay."""
        service = self.start("tcp:12345", max_bitrate=8_000)
        factory: Any = self.reactor.tcpServers[-1][1]
        sender = factory.buildProtocol(None)
        sender.makeConnection(MemoryTransport(5001, handle := socket.socket()))
        self.addCleanup(handle.close)
        sender.dataReceived(b"media")
        response = self.watch()
        self.emit(header(), *footage(0, 5, size=100))
        self.emit(*footage(5, 9, size=100))
        self.assertEqual(service.state, "live")
        self.emit(*footage(9, 11, size=1000))
        self.assertEqual(service.state, "waiting for a sender")
        self.assertEqual(service.reason, "more than 8000 bits per second")
        self.assertTrue(sender.transport.disconnected)
        self.assertTrue(self.reader.stopped)
        self.assertFalse(response.ended)
        self.assertEqual(len(self.log.about("more than 8000 bits per second")), 1)

    def test_url(self) -> None:
        """Anything else is closed, and tried again."""
        service = self.start("http://host/", max_bitrate=8_000)
        self.emit(header(), *footage(0, 1, size=10_000))
        self.assertEqual(service.state, "retrying")
        self.assertIn("more than 8000 bits per second", service.reason)
        self.emit(header(), *footage(1, 2))
        self.assertEqual(service.state, "retrying")

    def test_average(self) -> None:
        """A burst is none of its business, as long as the seconds around it make up for it."""
        service = self.start(max_bitrate=8_000)
        self.emit(header())
        for second in range(0, 60, 5):
            self.emit(*footage(second, second + 0.1, size=4_900))
            self.emit(*footage(second + 1, second + 5, rate=1, size=20))
        self.assertEqual(service.state, "live")

    def test_no_limit(self) -> None:
        """Without a limit there is none."""
        service = self.start()
        self.emit(header(), *footage(0, 1, size=1_000_000))
        self.assertEqual(service.state, "live")


class FallbackTests(InputTestCase):
    """What is shown while the input is away."""

    def setUp(self) -> None:
        """An input that has been there, and is away."""
        super().setUp()
        fallback = parse_input("fallback", "pause.mkv")
        self.start("http://host/", fallback=fallback)
        self.response = self.watch()
        self.emit(Opened(), header(), *footage(0, 1))
        self.emit(END)

    def fallbacks(self) -> list[StillReader]:
        """Its readers."""
        return [reader for reader in self.readers if reader.source.text == "pause.mkv"]

    def try_again(self) -> StillReader:
        """The input is opened again."""
        opened = len(self.readers)
        while len(self.readers) == opened:
            self.reactor.advance(0.1)
        return self.reader

    def test_shown(self) -> None:
        """It goes on in the same ring, paced, again and again; who comes now sees it."""
        self.assertEqual(self.service.state, "retrying")
        for second in range(1, 4):
            self.emit(Opened(), header(), *footage(second, second + 1))
            self.emit(END)
        self.assertEqual(self.response.blocks, sent(footage(0, 4)))
        self.assertEqual(self.response.data.count(head()), 1)
        self.assertEqual(len(self.fallbacks()), 4)
        self.assertEqual({reader.timeline for reader in self.readers}, {self.service.timeline})
        self.assertEqual(str(self.service.showing), "None")
        self.emit(Opened(), header(), *footage(4, 5))
        self.assertEqual(str(self.service.showing), "pause.mkv")
        self.assertEqual(self.watch().blocks, sent(footage(4, 5)))
        self.assertEqual(self.service.restarts, 0)
        said = "stream live: fallback pause.mkv: shown while the input is away"
        self.assertEqual(self.log.about("while the input is away"), [said])

    def test_back(self) -> None:
        """It stops when the input has been opened, which goes on when its thread has ended."""
        fallback = self.reader
        fallback.deaf = True
        self.emit(Opened(), header(), *footage(1, 2))
        again = self.try_again()
        self.assertFalse(fallback.stopped)
        fallback.emit(*footage(2, 3))
        again.emit(Opened())
        self.reactor.turn()
        self.assertTrue(fallback.stopped)
        self.assertFalse(again.gone_on)
        fallback.emit(*footage(3, 4))
        fallback.join()
        self.reactor.turns()
        self.assertTrue(again.gone_on)
        again.emit(header(), *footage(4, 5))
        self.reactor.turns()
        self.assertEqual(self.response.blocks, sent([*footage(0, 3), *footage(4, 5)]))
        self.assertEqual((self.service.state, self.service.showing), ("live", None))
        self.assertEqual(len(self.fallbacks()), 1)

    def test_in_vain(self) -> None:
        """As long as the input cannot be opened it goes on."""
        fallback = self.reader
        self.emit(Opened(), header(), *footage(1, 2))
        for _ in range(3):
            self.try_again().emit(Ended("connection refused", fault=True))
            self.reactor.turns()
        self.assertFalse(fallback.stopped)
        fallback.emit(*footage(2, 3))
        self.reactor.turns()
        self.assertEqual(self.response.blocks, sent(footage(0, 3)))
        self.assertEqual(len(self.fallbacks()), 1)

    def test_other_tracks(self) -> None:
        """One with other tracks is not shown: clients are held, and the log says why."""
        self.emit(Opened(), header(AUDIO), *footage(1, 2, track=2))
        self.assertTrue(self.reader.stopped)
        self.assertFalse(self.response.ended)
        self.assertEqual(self.response.blocks, sent(footage(0, 1)))
        self.assertEqual(len(self.log.about("pause.mkv: not shown")), 1)
        self.assertIsNone(self.service.showing)
        self.reactor.pump([1.0] * 61)
        self.assertTrue(self.response.finished)

    def test_unreadable(self) -> None:
        """One that cannot be read is said once, and tried again the next time."""
        for reason in (Ended("no media", fault=True), END):
            self.emit(reason)
            self.assertEqual(len(self.log.about(f"fallback pause.mkv: {reason.reason}")), 1)
            self.try_again().emit(Opened(), header(), END)
            self.reactor.turns()
        self.assertEqual(len(self.fallbacks()), 3)

    def test_tried_again(self) -> None:
        """
        One that has gone is opened again by itself, as an input would be, whatever the input does;
        that it cannot be opened is logged once.
        """
        self.service.stopService()
        self.start(
            "http://a/", fallback=parse_input("fallback", "http://b/"), hold=0, at_end="retry"
        )
        self.emit(Opened(), header(), *footage(0, 1), END)
        self.response = self.watch()
        input_ = self.try_again()  # which says nothing: a host that is not there
        other = next(r for r in self.readers[::-1] if r.source.text == "http://b/")
        other.emit(Opened(), header(), *footage(1, 2), END)
        self.reactor.turns()
        self.assertIs(self.readers[-1], input_)
        for _ in range(20):
            self.try_again().emit(Ended("connection refused", fault=True))
            self.reactor.turns()
            self.assertEqual(self.reader.source.text, "http://b/")
        self.assertEqual(len(self.log.about("connection refused")), 1)
        self.assertFalse(self.response.ended)
        self.try_again().emit(Opened(), header(), *footage(2, 3))
        self.reactor.turns()
        self.assertEqual(str(self.service.showing), "http://b/")
        self.assertEqual(self.response.blocks, sent(footage(1, 3)))

    def test_several(self) -> None:
        """
        Of several the first that works is shown; when it ends, the next one. After the last one
        they are tried from the first on, after a pause.
        """
        self.service.stopService()
        names = ("http://b/", "http://c/", "pause.mkv")
        self.start(
            "http://a/", fallback=tuple(parse_input("fallback", name) for name in names), hold=0
        )
        self.emit(Opened(), header(), *footage(0, 1), END)
        self.response = self.watch()
        self.assertEqual(self.reader.source.text, "http://b/")
        self.emit(Ended("connection refused", fault=True))
        self.assertEqual(self.reader.source.text, "http://c/")
        self.emit(Opened(), header(), *footage(1, 2))
        self.assertEqual(str(self.service.showing), "http://c/")
        self.emit(END)
        self.assertEqual(self.reader.source.text, "pause.mkv")
        self.emit(Opened(), header(), *footage(2, 3), END)
        self.assertEqual(self.reader.source.text, "pause.mkv", "a file is shown again and again")
        self.emit(Opened(), header(AUDIO), *footage(3, 4, track=2))
        self.assertEqual(self.reader.source.text, "pause.mkv")
        tried = self.try_again()
        while tried.source.text == "http://a/":
            tried = self.try_again()
        self.assertEqual(tried.source.text, "http://b/")
        self.assertEqual(self.response.blocks, sent(footage(1, 3)))

    def test_several_on_demand(self) -> None:
        """They are tried only while somebody watches, and from the first on for the next client."""
        self.service.stopService()
        names = ("http://b/", "http://c/")
        fallbacks = tuple(parse_input("fallback", name) for name in names)
        self.start("http://a/", fallback=fallbacks, on_demand=True, linger=1.0)
        opened = len(self.readers)
        self.reactor.pump([1.0] * 9)
        self.assertEqual(len(self.readers), opened)
        response = self.watch()
        for name in ("http://a/", *names):
            self.assertEqual(self.reader.source.text, name)
            self.emit(Ended("connection refused", fault=True))
        for client in tuple(self.fanout.clients):
            self.fanout.leave(client, "the client has gone")
        self.reactor.pump([0.1] * 30)
        self.assertEqual(self.service.state, "waiting for a client")
        opened = len(self.readers)
        self.reactor.pump([1.0] * 60)
        self.assertEqual(len(self.readers), opened)
        response = self.watch()
        self.emit(Ended("connection refused", fault=True))
        self.assertEqual(self.reader.source.text, "http://b/")
        self.emit(Opened(), header(), *footage(0, 1))
        self.assertEqual(response.blocks, sent(footage(0, 1)))

    def test_first(self) -> None:
        """Where nothing has come yet, it begins the period; other tracks end its clients."""
        self.start("tcp:12345", fallback=parse_input("fallback", "pause.mkv"))
        self.assertEqual(self.service.state, "waiting for a sender")
        response = self.watch()
        self.emit(Opened(), header(), *footage(0, 1))
        self.assertEqual(response.blocks, sent(footage(0, 1)))
        factory: Any = self.reactor.tcpServers[-1][1]
        sender = factory.buildProtocol(None)
        sender.makeConnection(MemoryTransport(5001, handle := socket.socket()))
        self.addCleanup(handle.close)
        sender.dataReceived(b"media")
        self.emit(Opened())
        self.emit(header(AUDIO), *footage(1, 2, track=2))
        self.assertTrue(response.finished)

    def test_recorder(self) -> None:
        """It is recorded, and waits for the recorder, as any other input."""
        kept = Kept()
        service = self.start(
            "tcp:12345", fallback=parse_input("fallback", "pause.mkv"), recorder=kept
        )
        kept.full = True
        self.emit(Opened())
        self.assertFalse(self.reader.gone_on)
        kept.full = False
        service.resume()
        self.assertTrue(self.reader.gone_on)

    def test_stop(self) -> None:
        """To stop is to wait for its thread, too."""
        stopped = self.service.stopService()
        self.assertTrue(self.reader.stopped)
        self.assertNoResult(stopped)
        for reader in self.readers:
            reader.join()
        self.reactor.turns()
        self.successResultOf(stopped)


class UpAndDownTests(InputTestCase):
    """What is told of an input that comes and goes."""

    def test_once(self) -> None:
        """Up when packets begin to come, down when they do not come any more, with how long."""
        self.start("http://me:secret@host/")
        self.emit(Opened())
        self.assertEqual(self.told, [])
        self.emit(header(), *footage(0, 1))
        self.reactor.advance(2.5)
        self.emit(header(AUDIO), END)
        reason = {"reason": "the end of the input", "seconds": 2.5}
        self.assertEqual(
            self.told, [("input up", {"input": "http://me:***@host/"}), ("input down", reason)]
        )

    def test_never(self) -> None:
        """What never came does not go."""
        self.start("http://host/")
        self.emit(Ended("connection refused", fault=True))
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.told, [])

    def test_loop(self) -> None:
        """Another round is no news; the end of the last one is."""
        self.start(at_end="loop")
        for _ in range(3):
            self.emit(header(), *footage(0, 1), END)
        self.assertEqual(self.ups_and_downs(), ["input up"])
        self.emit(Ended("no such file", fault=True))
        self.assertEqual(self.ups_and_downs(), ["input up", "input down: no such file"])

    def test_stop(self) -> None:
        """To be stopped, to be closed because nobody watches, to bring too much: down."""
        for settings, reason in (
            ({}, "it has been stopped"),
            ({"on_demand": True}, "nobody is watching"),
            ({"max_bitrate": 8}, "more than 8 bits per second"),
        ):
            self.start("http://host/", **settings)
            self.watch()
            self.emit(header())
            (client,) = self.fanout.clients
            self.fanout.leave(client, "the client has gone")
            self.reactor.pump([1.0] * 60)
            self.emit(*footage(1, 2))
            self.service.stopService()
            self.assertEqual(self.ups_and_downs(), ["input up", f"input down: {reason}"])

    def test_fallback(self) -> None:
        """The fallback is up from its first round to the input's return, or to its own end."""
        self.start("http://host/", fallback=parse_input("fallback", "pause.mkv"))
        self.emit(Opened(), header(), *footage(0, 1), END)
        for second in (1, 2):
            self.emit(Opened(), header(), *footage(second, second + 1), END)
        self.emit(Opened(), header(), *footage(3, 4))
        self.emit(Ended("a broken file", fault=True))
        self.assertEqual(
            self.ups_and_downs(),
            [
                "input up",
                "input down: the end of the input",
                "fallback up",
                "fallback down: a broken file",
            ],
        )
        opened = len(self.readers)
        while len(self.readers) == opened:
            self.reactor.advance(0.1)
        self.emit(Ended("connection refused", fault=True))
        self.emit(Opened(), header(), *footage(4, 5))
        while len(self.readers) == opened + 2:
            self.reactor.advance(0.1)
        self.emit(Opened(), header(), *footage(5, 6))
        self.assertEqual(
            self.ups_and_downs()[4:],
            ["fallback up", "fallback down: the input is back", "input up"],
        )


class WordsTests(SynchronousTestCase):
    """How tracks are written."""

    def test_describe(self) -> None:
        """A track is described by what is known of it."""
        video = Track(1, "video", "h264", width=640, height=360, frame_rate=25.0)
        audio = Track(2, "audio", "aac", language="deu", sample_rate=48000, channels=2)
        self.assertEqual(describe(video), "track 1, video: h264, 640x360, 25 fps")
        self.assertEqual(describe(audio), "track 2, audio: aac, 48000 Hz, 2 channels, deu")
        self.assertEqual(describe(Track(3, "subtitle", "subrip")), "track 3, subtitle: subrip")
