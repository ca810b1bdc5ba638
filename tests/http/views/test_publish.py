"""Senders over HTTP: in memory, with a reader that reads nothing, and real programs end to end."""

from __future__ import annotations

import base64
import subprocess
import sys
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface import directlyProvides, implementer
from zope.interface.verify import verifyObject

from mkvtwist.access.refusals import REFUSAL_SPAN
from mkvtwist.access.rules import Access
from mkvtwist.access.tokens import IToken
from mkvtwist.access.users import Hashing
from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.http import LiveSite
from mkvtwist.http.admission import PENALTY
from mkvtwist.http.connections import SLOWDOWN
from mkvtwist.http.uplinks import PIECE_GAP, PiecesUplink, RequestUplink
from mkvtwist.http.wire.body import BODY_LIMIT, IBodyReader
from mkvtwist.http.wire.channel import LINGER
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.inputs.endpoint import EndpointUplink
from mkvtwist.inputs.readings import LEFTOVER_TIMEOUT
from mkvtwist.inputs.sender_slot import SENDER_OPENING_TIMEOUT, STUCK_LIMIT
from mkvtwist.inputs.senders import SENDER_SILENCE, ISenderSlot, IUplink
from mkvtwist.libav import Ended, Opened
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.live.events import Event, Events
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import END, FakeReaders, Reactor, footage, header
from tests.support import libshout, media
from tests.support.fakes import Answer, Log, answer
from tests.support.site import Connection
from tests.test_end_to_end import PATIENCE, EndToEndTestCase, Mkvserve, Viewer, pictures, shows

CHUNKED = "Transfer-Encoding: chunked"
UNTIL_CLOSE = "Connection: close"
EXPECT = "Expect: 100-continue"
SOUP = "User-Agent: GStreamer souphttpclientsink libsoup/2.74.3"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def chunks(*pieces: bytes) -> bytes:
    """In the chunked coding, without the last one."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


class Sending(Connection):
    """A sender's connection in memory."""

    def begin(
        self, *headers: str, target: str = "/cam", method: str = "PUT", version: str = "HTTP/1.1"
    ) -> None:
        """Send the head of a request."""
        lines = (f"{method} {target} {version}", "Host: tv.example", *headers, "", "")
        self.send("\r\n".join(lines).encode())

    @property
    def said(self) -> bytes:
        """What has been said to it."""
        return bytes(self.transport.value())

    @property
    def is_paused(self) -> bool:
        """Whether it is not read from."""
        return self.transport.producerState == "paused"

    def verdict(self) -> Answer:
        """The one answer, which must be there."""
        return answer(self.said.removeprefix(CONTINUE))


class SendersTestCase(SynchronousTestCase):
    """What the cases below have in common."""

    stream: Stream

    def setUp(self) -> None:
        """A stream that waits for senders over HTTP, and one that does not."""
        self.reactor = Reactor()
        self.readers = FakeReaders()
        self.log = Log(self)
        self.streams: dict[str, Stream] = {}
        self.site = LiveSite(self.reactor, self.streams)
        self.ends: list[Stream] = []
        self.start()
        self.streams["live"] = self.make("live", Form.DEMO)

    def make(self, name: str, form: Form, **settings: Any) -> Stream:
        """A stream that has not been started."""
        settings = {"at_end": AtEnd.WAIT, **settings}
        config = StreamConfig(Input(form, form.value.lower()), name=name, **settings)
        return Stream(self.reactor, config, self.ends.append, start_reader=self.readers)

    def start(self, **settings: Any) -> None:
        """The stream, with these settings."""
        self.stream = self.streams["cam"] = self.make("cam", Form.HTTP, **settings)
        self.stream.startService()

    def connect(self) -> Sending:
        """A sender's new connection."""
        return Sending(self.site, self.reactor)

    def sender(self, *headers: str, data: bytes = b"media", **about: str) -> Sending:
        """One who sends this for a beginning, chunked, and goes on sending."""
        connection = self.connect()
        connection.begin(*(headers or (CHUNKED,)), **about)
        connection.send(chunks(data))
        return connection

    def read(self, size: int) -> bytes:
        """So much of what has been sent, or what there is before its end."""
        got = b""
        while len(got) < size:
            piece = self.readers[-1].media.read(size - len(got))  # type: ignore[union-attr]
            if not piece:
                break
            got += piece
        self.reactor.turns()
        return got

    def emit(self, *events: Any) -> None:
        """What the reader has made of it."""
        self.readers[-1].emit(*events)
        self.reactor.turns()

    @property
    def state(self) -> str:
        """What the input does."""
        return self.stream.input.life.state


class BodyTests(SendersTestCase):
    """All the ways in which media can be a request's body."""

    def test_interfaces(self) -> None:
        """Whatever a sender came over is one and the same thing to it."""
        request = IncomingRequest(self.connect().protocol)
        for uplink in (RequestUplink(request), PiecesUplink(request, self.reactor)):
            verifyObject(IUplink, uplink)
            verifyObject(IBodyReader, uplink)
        verifyObject(IUplink, EndpointUplink(self.stream.input.slot))
        verifyObject(ISenderSlot, self.stream.input.slot)

    def test_program(self) -> None:
        """A sender may say which programme of its MPEG-TS is to be sent, or the setting holds."""
        for target, program in (("/cam", 5), ("/cam?program=2", 2), ("/cam?program=0", 5)):
            self.start(program=5)
            self.sender(target=target)
            self.assertEqual(self.readers[-1].manner, (0.0, program))

    def test_no_program(self) -> None:
        """What is no number of a programme is refused before anything is taken."""
        for program in ("news", "-1", "65536", "%FF", ""):
            connection = self.sender(target=f"/cam?program={program}")
            self.assertEqual(connection.verdict().status, 400, program)
            self.assertEqual(self.state, "waiting for a sender")

    def test_chunked(self) -> None:
        """A chunked body is read as it comes; when all of it has been taken comes the answer."""
        for method in ("PUT", "POST"):
            connection = self.connect()
            connection.begin(CHUNKED, method=method)
            self.assertEqual(self.state, "waiting for a sender")
            for byte in chunks(b"abc", b"defgh"):
                connection.send(bytes([byte]))
            self.assertEqual(self.state, "opening")
            self.assertEqual(self.read(8), b"abcdefgh")
            connection.send(chunks(b"ij") + b"0\r\n\r\n")
            self.assertEqual(self.read(3), b"ij")
            self.assertEqual(connection.said, b"")
            self.emit(header(), *footage(0, 1), END)
            got = connection.verdict()
            self.assertEqual((got.status, got.headers["connection"]), (200, "close"))
            self.assertEqual(got.text, "After 10 bytes: the end of the input.\n")
            self.assertTrue(connection.transport.disconnecting)
            self.assertEqual(self.state, "waiting for a sender")

    def test_other_sites(self) -> None:
        """A page of another site makes nobody a sender; browsers say from where one is."""
        self.site.configure(Config((), server_names=("tv.example",)))
        for site, status in (
            ("http://evil.example", 403),
            ("null", 403),
            ("http://[", 403),
            ("http://tv.example", None),
        ):
            connection = self.connect()
            connection.begin(CHUNKED, f"Origin: {site}", method="POST")
            if status is None:
                connection.send(chunks(b"abc"))
                self.assertEqual(self.state, "opening")
            else:
                self.assertEqual(connection.verdict().status, status)
                self.assertEqual(self.state, "waiting for a sender")

    def test_rebound(self) -> None:
        """A page whose name was made to mean this server's address is of another site."""
        for method in ("PUT", "POST", "SOURCE"):
            connection = self.connect()
            connection.begin(CHUNKED, "Origin: http://tv.example", method=method)
            self.assertEqual(connection.verdict().status, 403)
            self.assertIn("--server-name", connection.verdict().text)
        self.assertEqual(self.state, "waiting for a sender")
        connection = self.connect()
        connection.begin(CHUNKED)  # no browser
        connection.send(chunks(b"abc"))
        self.assertEqual(self.state, "opening")

    def test_length(self) -> None:
        """A body of a stated length ends there; what follows it is not media, and not answered."""
        connection = self.connect()
        connection.begin("Content-Length: 6")
        connection.send(b"abc")
        connection.send(b"defGET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(self.read(7), b"abcdef")
        self.emit(header(), END)
        self.assertEqual(connection.verdict().status, 200)
        self.assertEqual(connection.verdict().rest, b"")

    def test_until_close(self) -> None:
        """A sender of HTTP/1.0, or one that announces its last request, sends until it closes."""
        for headers, version in (((UNTIL_CLOSE,), "HTTP/1.1"), ((), "HTTP/1.0")):
            connection = self.connect()
            connection.begin(*headers, version=version)
            connection.send(b"abc")
            connection.send(b"\r\n0\r\n\r\n")
            connection.lose()
            self.assertEqual(self.read(100), b"abc\r\n0\r\n\r\n")
            self.emit(header(), END)
            self.assertEqual(self.state, "waiting for a sender")
        self.assertEqual(len(self.log.about("left after 10 bytes")), 2)

    def test_no_end(self) -> None:
        """A request of HTTP/1.1 that does not say where it ends is not taken for a sender."""
        connection = self.connect()
        connection.begin()
        self.assertEqual(connection.verdict().status, 411)
        self.assertEqual(self.readers, [])

    def test_empty(self) -> None:
        """A sender that sends nothing at all is told so, and leaves no trace but a line."""
        for headers, rest in (("Content-Length: 0", b""), (CHUNKED, b"0\r\n\r\n")):
            connection = self.connect()
            connection.begin(headers)
            connection.send(rest)
            self.assertEqual(connection.verdict().status, 415)
            self.assertEqual(
                connection.verdict().text, "No bytes were accepted: nothing was sent.\n"
            )
            connection.lose()
        self.assertEqual(len(self.log.about("left without sending anything")), 2)
        self.assertEqual((self.readers, self.reactor.getDelayedCalls()), ([], []))

    def test_fallback(self) -> None:
        """Until the first sender comes the fallback is shown, as between two of them."""
        self.start(fallback=Input(Form.FILE, "/pause.mkv"))
        self.emit(Opened(), header(), *footage(0, 1))
        self.assertEqual([reader.source.text for reader in self.readers], ["/pause.mkv"])
        self.assertEqual(self.stream.statistics().fragments, 4)
        self.sender()
        self.emit(Opened())
        self.assertTrue(self.readers[0].stopped)

    def test_names(self) -> None:
        """A stream is sent to at its name, with whatever ending; what is sent is looked at."""
        for target in ("/cam", "/cam.mkv", "/cam.ogg", "/c%61m.x?token=1"):
            self.sender(target=target).lose()
            self.emit(END)
        self.assertEqual(len(self.readers), 4)
        for target in ("/nothing", "/cam/", "/cam.a.b", "/Cam"):
            self.assertEqual(self.sender(target=target).verdict().status, 404)

    def test_other_streams(self) -> None:
        """To send to a stream whose input is another one is refused, with what it would need."""
        for target in ("/live", "/live.mkv", "/status"):
            got = self.sender(target=target).verdict()
            self.assertEqual((got.status, got.headers["allow"]), (405, "GET, HEAD"))
            self.assertIn("input 'http'", got.text)

    def test_watched(self) -> None:
        """Media that are sent can be watched at the same name."""
        self.sender()
        self.emit(header(), *footage(0, 3))
        client = self.connect()
        client.begin(method="GET", target="/cam.mkv")
        self.assertEqual(answer(client.said).status, 200)
        client = self.connect()
        client.begin(method="GET", target="/cam.ogg")
        self.assertEqual(answer(client.said).headers["allow"], "PUT, POST, SOURCE")

    def test_lost(self) -> None:
        """When a sender vanishes what it has sent is read, and the next one may come at once."""
        first = self.sender(data=b"abc")
        first.lose()
        second = self.sender(data=b"def")
        self.assertEqual(self.read(100), b"abc")
        self.emit(END)
        self.assertEqual(self.read(3), b"def")
        self.assertEqual(second.said, b"")
        self.assertEqual(first.said, b"")


class ExpectTests(SendersTestCase):
    """Who waits to be asked for the body."""

    def test_asked(self) -> None:
        """It is asked once it has been decided that it may send."""
        for headers in ((EXPECT, CHUNKED), (EXPECT, "Content-Length: 5")):
            connection = self.connect()
            connection.begin(*headers)
            self.assertEqual(connection.said, CONTINUE)
            connection.lose()

    def test_icecast(self) -> None:
        """It may even leave out how long the body is, as Icecast's senders do."""
        for version in ("HTTP/1.1", "HTTP/1.0"):  # the latter is Liquidsoap's
            connection = self.connect()
            connection.begin(EXPECT, "Ice-Name: x", version=version)
            self.assertEqual(connection.said, CONTINUE)
            connection.send(b"media")
            self.assertEqual(self.read(5), b"media")
            connection.lose()
            self.emit(END)
            self.assertEqual(connection.said, CONTINUE)

    def test_refused(self) -> None:
        """A sender that may not is not asked."""
        self.sender()
        for target, status in (("/nothing", 404), ("/live", 405), ("/cam", 409)):
            for headers in ((EXPECT, CHUNKED), (EXPECT,)):
                connection = self.connect()
                connection.begin(*headers, target=target)
                self.assertEqual(answer(connection.said).status, status)

    def test_http_1_0(self) -> None:
        """HTTP/1.0 has no such thing where there is a length."""
        connection = self.connect()
        connection.begin(EXPECT, "Content-Length: 5", version="HTTP/1.0")
        self.assertEqual(connection.said, b"")

    def test_answered_first(self) -> None:
        """Whose body ends with the connection is answered first: Icecast's older senders wait."""
        for method, version in (("SOURCE", "ICE/1.0"), ("SOURCE", "HTTP/1.0"), ("PUT", "HTTP/1.0")):
            connection = self.connect()
            connection.begin(method=method, version=version)
            self.assertTrue(connection.said.startswith(b"HTTP/1.0 200 OK\r\n"))
            self.assertTrue(connection.said.endswith(b"\r\n\r\n"))
            before = len(connection.said)
            connection.send(b"SOURCE /cam ICE/1.0\r\n\r\n")
            self.assertEqual(self.read(23), b"SOURCE /cam ICE/1.0\r\n\r\n")
            self.emit(Ended("no media", fault=True))
            self.assertEqual(connection.said[before:], b"After 23 bytes: no media.\n")
            self.assertTrue(connection.transport.disconnecting)

    def test_source_refused(self) -> None:
        """They, too, are told when they may not."""
        self.sender()
        connection = self.connect()
        connection.begin(method="SOURCE", version="ICE/1.0")
        self.assertTrue(connection.said.startswith(b"HTTP/1.0 409 "))


class ProbeTests(SendersTestCase):
    """What libshout asks before it sends; see C{tests/support/libshout.py} for the real one."""

    HEADERS = ("Content-Length: 0", "ice-public: 0", "User-Agent: libshout/2.4.6")

    def probe(self, *headers: str, method: str = "SOURCE", target: str = "/cam.ogg") -> Sending:
        """Somebody asks whether it may send."""
        connection = self.connect()
        connection.begin(*self.HEADERS, *headers, method=method, target=target, version="HTTP/1.0")
        return connection

    def test_server(self) -> None:
        """C{OPTIONS *} is no error, whatever rules the streams have, and offers no TLS."""
        self.start(send=AccessRule(deny=(ip_network("0.0.0.0/0"),)))
        for names in (("cam", "live"), ("cam",)):
            self.streams = {name: self.streams[name] for name in names}
            self.site = LiveSite(self.reactor, self.streams)
            connection = self.connect()
            connection.begin(
                "Connection: Upgrade", "Upgrade: TLS/1.0", method="OPTIONS", target="*"
            )
            got = connection.verdict()
            self.assertEqual(got.status, 200)
            self.assertNotIn("upgrade", got.headers)

    def test_may_send(self) -> None:
        """Where anybody may send the answer is 200, and no sender has come by that."""
        for method in ("SOURCE", "PUT"):
            self.assertEqual(self.probe(method=method).verdict().status, 200)
        self.assertEqual(self.log.about("sender 192"), [])
        self.assertEqual((self.readers, self.reactor.getDelayedCalls()), ([], []))
        connection = self.connect()
        connection.begin("ice-public: 0", method="SOURCE", version="HTTP/1.0")
        self.assertTrue(connection.said.startswith(b"HTTP/1.0 200 OK\r\n"))

    def test_password(self) -> None:
        """With a rule it is 401, which is no refusal yet: the password comes next."""
        path = Path(self.mktemp())
        path.write_text("correct-horse")
        self.start(send=AccessRule(token_file=str(path)))
        self.assertEqual(self.probe().verdict().status, 401)
        self.assertEqual(self.log.about("refused"), [])
        basic = base64.b64encode(b"source:correct-horse").decode()
        self.assertEqual(self.probe(f"Authorization: Basic {basic}").verdict().status, 200)

    def test_taken(self) -> None:
        """While another one sends it is 409, and a line says so."""
        self.sender()
        self.assertEqual(self.probe().verdict().status, 409)
        self.assertEqual(len(self.log.about("refused with 409")), 1)

    def test_elsewhere(self) -> None:
        """Where nothing can be sent to, it is told so: 404, 405."""
        self.assertEqual(self.probe(target="/nope").verdict().status, 404)
        self.assertEqual(self.probe(target="/live").verdict().status, 405)


class RulesTests(SendersTestCase):
    """One at a time, as fast as it is read, and not for ever in silence."""

    def test_backpressure(self) -> None:
        """When the pipe is full the sender is not read from, until there is room again."""
        connection = self.sender(data=bytes(PIPE_LIMIT - 1))
        self.emit(header())
        self.assertFalse(connection.is_paused)
        connection.send(chunks(b"12"))
        self.assertTrue(connection.is_paused)
        self.reactor.advance(1000)
        self.assertEqual(connection.said, b"")
        self.read(PIPE_LIMIT // 2)
        self.assertTrue(connection.is_paused)
        self.read(2)
        self.assertFalse(connection.is_paused)

    def test_resumed_by_the_transport(self) -> None:
        """It is paused again with the next that comes, whoever has it read from meanwhile."""
        connection = self.sender(data=bytes(PIPE_LIMIT))
        connection.protocol.resumeProducing()
        self.assertFalse(connection.is_paused)
        connection.send(chunks(b"1"))
        self.assertTrue(connection.is_paused)

    def test_second(self) -> None:
        """Another one is refused as long as one is there, which notices nothing."""
        first = self.sender()
        second = self.sender()
        self.assertEqual(second.verdict().status, 409)
        self.assertEqual(
            second.verdict().text, "No bytes were accepted: another sender is connected.\n"
        )
        self.assertEqual(len(self.log.about("refused by /cam: another sender is")), 1)
        first.send(chunks(b"more"))
        self.assertEqual(self.read(9), b"mediamore")
        self.assertEqual(first.said, b"")

    def test_takeover(self) -> None:
        """Where the stream says so the second one takes over, and the first is told."""
        self.start(takeover=True)
        first = self.sender(data=b"first")
        second = self.connect()
        second.begin(CHUNKED)
        self.assertEqual(first.said, b"")
        second.send(chunks(b"second"))
        self.assertEqual(first.verdict().status, 409)
        self.assertEqual(first.verdict().text, "After 5 bytes: another sender has taken over.\n")
        self.assertEqual(len(self.log.about("takes over from")), 1)
        self.assertEqual(self.read(1), b"")
        self.emit(END)
        self.assertEqual(self.read(6), b"second")
        self.assertEqual(second.said, b"")

    def test_takeover_and_exit(self) -> None:
        """To be taken over from is not the end of the input."""
        self.start(takeover=True, at_end=AtEnd.EXIT)
        self.sender(data=b"first")
        second = self.sender(data=b"second")
        self.emit(END)
        self.assertEqual((self.state, self.ends), ("opening", []))
        second.lose()
        self.emit(END)
        self.assertEqual((self.state, self.ends), ("ended", [self.stream]))
        self.assertEqual(self.sender().verdict().status, 503)

    def test_exit(self) -> None:
        """With at-end=exit the first is the only one; who waits for its turn is told."""
        self.start(at_end=AtEnd.EXIT)
        self.sender().lose()
        second = self.sender()
        self.emit(END)
        self.assertEqual(second.verdict().status, 503)
        self.assertEqual(self.ends, [self.stream])

    def test_replaced_before_its_turn(self) -> None:
        """One whose turn never came, since it had sent all before, is told when another comes."""
        self.sender().lose()
        second = self.connect()
        second.begin("Content-Length: 6")
        second.send(b"second")
        self.assertEqual(second.said, b"")
        third = self.sender(data=b"third")
        self.assertEqual(second.verdict().status, 409)
        self.emit(END)
        self.assertEqual(self.read(5), b"third")
        self.assertEqual(third.said, b"")

    def test_garbage(self) -> None:
        """A sender that sends no media is told why at once, and has some time to hear it."""
        connection = self.sender(data=b"garbage")
        transport: Any = connection.transport
        directlyProvides(transport, IHalfCloseableDescriptor)
        halves: list[bool] = []
        transport.loseWriteConnection = lambda: halves.append(True)
        self.emit(Ended("no media", fault=True))
        self.assertEqual(connection.verdict().status, 415)
        self.assertEqual(connection.verdict().text, "After 7 bytes: no media.\n")
        self.assertEqual((halves, connection.transport.disconnecting), ([True], False))
        self.assertFalse(connection.is_paused)
        connection.send(chunks(b"more") + b"0\r\n\r\nGET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(connection.verdict().rest, b"")
        self.assertEqual(len(self.readers), 1)
        self.reactor.advance(LINGER)
        self.assertTrue(connection.transport.disconnecting)

    def test_silent(self) -> None:
        """A sender that says nothing, or nothing that anything can be made of, loses its place."""
        for data in (b"", b"media"):
            connection = self.connect()
            connection.begin(CHUNKED)
            connection.send(chunks(data) if data else b"")
            self.reactor.advance(SENDER_SILENCE)
            self.assertEqual(connection.verdict().status, 408)
            if data:
                self.emit(END)
            self.assertEqual(self.state, "waiting for a sender")
        self.assertEqual(connection.verdict().rest, b"")

    def test_quiet(self) -> None:
        """A sender that is live may be as quiet as it likes."""
        connection = self.sender()
        self.emit(header())
        for _ in range(10):
            self.reactor.advance(100)
        connection.send(chunks(b"more"))
        self.assertEqual(self.read(9), b"mediamore")
        self.assertEqual(connection.said, b"")

    def test_endless_opening(self) -> None:
        """A sender of whose media nothing becomes known is dropped, however much it sends."""
        connection = self.sender()
        self.emit(Opened())
        for _ in range(round(SENDER_OPENING_TIMEOUT) - 1):
            self.reactor.advance(1)
            connection.send(chunks(b"more"))
        self.assertEqual((self.state, connection.said), ("opening", b""))
        self.reactor.advance(1)
        self.assertEqual(connection.verdict().status, 415)
        self.assertEqual(self.state, "waiting for a sender")
        self.assertTrue(self.readers[0].stopped)

    def test_left_in_the_opening(self) -> None:
        """What a sender has left of which nothing is known soon keeps nobody waiting."""
        self.make_deaf(self.sender()).lose()
        self.reactor.advance(LEFTOVER_TIMEOUT - 0.1)
        self.assertEqual(self.state, "opening")
        self.reactor.advance(0.1)
        self.assertEqual(self.state, "waiting for a sender")
        self.sender(data=b"second")
        self.assertEqual(self.read(6), b"second")

    def test_long_rest(self) -> None:
        """What a sender has left is played to its end, unless another one comes with bytes."""
        self.sender().lose()
        self.emit(header())
        self.reactor.advance(100)
        self.assertEqual(self.state, "live")
        second = self.connect()
        second.begin(CHUNKED)
        self.reactor.advance(LEFTOVER_TIMEOUT)
        self.assertEqual(len(self.readers), 1)
        second.send(chunks(b"second"))
        self.reactor.advance(LEFTOVER_TIMEOUT - 0.1)
        self.assertEqual(len(self.readers), 1)
        self.reactor.advance(0.1)
        self.assertEqual((self.read(6), second.said), (b"second", b""))

    def test_takeover_of_one_that_is_stuck(self) -> None:
        """One that has been taken over from is waited for no longer than one that has left."""
        self.start(takeover=True)
        self.make_deaf(self.sender())
        self.sender(data=b"second")
        self.reactor.advance(LEFTOVER_TIMEOUT)
        self.assertEqual(self.read(6), b"second")

    def test_stuck_on_the_timeline(self) -> None:
        """A thread that does not end loses the timeline, and the next sender is shown."""
        self.make_deaf(self.sender()).lose()
        self.emit(Opened(), header())
        self.sender(data=b"second")
        self.reactor.advance(LEFTOVER_TIMEOUT)
        self.emit(Opened())
        self.assertEqual([reader.gone_on for reader in self.readers], [True, False])
        self.reactor.advance(LEFTOVER_TIMEOUT)
        self.assertEqual([reader.gone_on for reader in self.readers], [True, True])

    def test_many_stuck(self) -> None:
        """Threads that do not end are not many: new senders are rejected while there are some."""
        for _ in range(STUCK_LIMIT):
            self.make_deaf(self.sender()).lose()
            self.reactor.advance(LEFTOVER_TIMEOUT)
        self.assertEqual(self.sender().verdict().status, 503)
        self.assertEqual(self.state, "waiting for a sender")
        self.readers[0].join()
        self.reactor.turns()
        self.sender(data=b"again")
        self.assertEqual(self.read(5), b"again")

    def test_stuck_fallbacks(self) -> None:
        """Senders are not rejected because a fallback takes long to end, such as a dead URL."""
        self.start(fallback=Input(Form.URL, "http://192.0.2.1/x"))
        for _ in range(STUCK_LIMIT):
            self.readers[-1].deaf = True
            connection = self.sender()
            self.emit(Opened(), header())
            self.assertEqual(self.state, "live")
            connection.lose()
            self.emit(Ended("the end of the input", fault=False))
        self.sender(data=b"again")
        self.assertEqual(self.read(5), b"again")

    def make_deaf(self, connection: Sending) -> Sending:
        """A sender whose reader does not end when it is told to."""
        self.readers[-1].deaf = True
        return connection

    def test_stop(self) -> None:
        """When the server stops the sender is told."""
        connection = self.sender()
        stopped = self.stream.stopService()
        self.assertEqual(connection.verdict().status, 503)
        self.readers[-1].join()
        self.reactor.turns()
        self.successResultOf(stopped)

    def decide_later(self) -> Slow:
        """A stream to which one may send when a checker has decided."""
        slow = Slow()
        access = Access(Hashing(self.reactor), lambda rule, _: [slow] if rule.checker else [])
        self.site = LiveSite(self.reactor, self.streams, access=access)
        send = AccessRule(checker="slow")
        self.stream.configure(replace(self.stream.config, send=send))
        return slow

    def test_decided_later(self) -> None:
        """While it is not decided whether it may send, no more than one read of it is held."""
        slow = self.decide_later()
        for whole in (False, True):
            connection = self.connect()
            connection.begin(EXPECT, "Content-Length: 9", target="/cam?token=x")
            self.assertEqual(connection.said, b"")
            connection.send(b"media")
            self.assertTrue(connection.is_paused)
            if whole:
                connection.send(b"more")
            slow.verdicts.pop().callback(b"somebody")
            self.assertFalse(connection.is_paused)
            if not whole:
                connection.send(b"more")
            self.assertEqual(self.read(10), b"mediamore")
            self.emit(END)
            self.assertEqual(connection.verdict().status, 200)

    def test_gone_before_it_was_decided(self) -> None:
        """A sender that has gone when it is decided leaves no trace."""
        slow = self.decide_later()
        connection = self.sender(target="/cam?token=x")
        connection.lose()
        slow.verdicts.pop().callback(b"somebody")
        self.assertEqual((self.readers, self.log.about("sender 192")), ([], []))


@implementer(ICredentialsChecker)
class Slow:
    """A checker that takes its time."""

    credentialInterfaces = (IToken,)

    def __init__(self) -> None:
        self.verdicts: list[Deferred[bytes | tuple[()]]] = []

    def requestAvatarId(self, credentials: object) -> Deferred[bytes | tuple[()]]:
        self.verdicts.append(Deferred())
        return self.verdicts[-1]


class RefusedTests(SendersTestCase):
    """Operators are told of each sender that was refused, and why."""

    def setUp(self) -> None:
        """Nothing has happened yet; events of streams and those of no stream are heard."""
        super().setUp()
        self.control = SimpleNamespace(events=Events(), token=None, streams=self.streams)
        self.site = LiveSite(self.reactor, self.streams, self.control)
        self.heard: list[Event] = []
        for events in (self.control.events, *(s.events for s in self.streams.values())):
            events.subscribe(self.heard.append)

    def refused(self, connection: Sending, status: int, name: str = "cam") -> str:
        """The line about one that was refused with this status; there is an event with it."""
        self.reactor.advance(PENALTY)
        self.assertEqual(connection.verdict().status, status)
        (line,) = self.log.about("refused with")
        self.assertIn(f"sender 192.0.2.7:5000 refused with {status}: ", line)
        self.assertEqual(line.startswith(f"stream {name}: "), bool(name))
        (event,) = self.heard
        self.assertEqual((event.kind, event.stream), ("sender refused", name))
        self.assertEqual(event.details["status"], status)
        self.assertEqual(event.details["peer"], "192.0.2.7:5000")
        self.assertIn(event.details["reason"], line)
        self.log.clear()
        self.heard.clear()
        return line

    def test_no_stream(self) -> None:
        """404: there is no such stream; a stranger's path is fit for the log."""
        line = self.refused(self.sender(target="/no%0Ape"), 404, name="")
        self.assertIn(r"no\npe", line)

    def test_no_input(self) -> None:
        """405: the stream has another input."""
        self.assertIn("input", self.refused(self.sender(target="/live"), 405, name="live"))

    def test_rule(self) -> None:
        """401 without a password, or with a wrong one; 403 from the wrong address."""
        path = Path(self.mktemp())
        path.write_text("correct-horse")
        self.start(send=AccessRule(token_file=str(path)))
        self.stream.events.subscribe(self.heard.append)
        self.refused(self.sender(), 401)
        self.reactor.advance(REFUSAL_SPAN)
        line = self.refused(self.sender(CHUNKED, "Authorization: Bearer guess-work"), 401)
        self.assertNotIn("guess-work", line)
        self.start(send=AccessRule(deny=(ip_network("192.0.2.0/24"),)))
        self.stream.events.subscribe(self.heard.append)
        self.refused(self.sender(), 403)

    def test_request(self) -> None:
        """403 for a page of another site, 411 for a body without an end."""
        self.refused(self.sender(CHUNKED, "Origin: http://evil.example"), 403)
        connection = self.connect()
        connection.begin()
        self.refused(connection, 411)

    def test_taken(self) -> None:
        """409: another one is sending."""
        self.sender()
        self.assertEqual(self.sender().verdict().status, 409)
        self.assertEqual(len(self.log.about("stream cam: sender 192.0.2.7:5000 refused by")), 1)
        self.assertEqual([event.kind for event in self.heard], ["sender refused"])

    def test_no_media(self) -> None:
        """415: it cannot be read; an operator sees from whom it came."""
        connection = self.sender()
        self.emit(Ended("Invalid data", fault=True, plain="no media"))
        self.assertEqual(connection.verdict().status, 415)
        (line,) = self.log.about("Invalid data")
        self.assertEqual(line, "stream cam: /cam: Invalid data (sender 192.0.2.7:5000)")
        self.assertEqual([event.kind for event in self.heard], ["sender refused"])

    def test_silent(self) -> None:
        """408: it has said nothing."""
        connection = self.connect()
        connection.begin(CHUNKED)
        self.reactor.advance(SENDER_SILENCE)
        self.assertEqual(connection.verdict().status, 408)
        self.assertEqual([event.kind for event in self.heard], ["sender refused"])

    def test_early(self) -> None:
        """A refusal from before it is known whose the path is, as for too many requests, too."""
        self.site.configure(Config((), max_requests_per_address=1))
        for target, name in (("/cam.mkv", "cam"), ("/nope", "")):
            self.site.connections.per_address.ask("192.0.2.7")
            self.refused(self.sender(target=target), 429, name=name)
            self.reactor.advance(SLOWDOWN)

    def test_many(self) -> None:
        """Of many from one address the log has one line, and after a minute their number."""
        for _ in range(13):
            self.sender(target="/nope")
        self.assertEqual(len(self.log.about("refused with 404")), 1)
        self.assertEqual(len(self.heard), 13)
        self.reactor.advance(REFUSAL_SPAN)
        self.assertEqual(
            len(self.log.about("refused in the last minute: 12 more from 192.0.2.7 ")), 1
        )

    def test_others(self) -> None:
        """Viewers that are refused, and requests to the management interface, are not senders."""
        for line in ("GET /nope HTTP/1.1", "PUT /api/v1/streams/x HTTP/1.1"):
            self.connect().send(f"{line}\r\nHost: tv.example\r\n\r\n".encode())
        self.assertEqual(self.log.about("refused"), [])
        self.assertEqual(self.heard, [])


class PiecesTests(SendersTestCase):
    """GStreamer's souphttpclientsink, which makes a request for each piece."""

    def piece(self, place: int, data: bytes, connection: Sending | None = None) -> Sending:
        """One of them."""
        connection = connection or self.connect()
        headers = [SOUP, f"Content-Length: {len(data)}"]
        if place:
            headers.append(f"Content-Range: bytes {place}-{place + len(data) - 1}/*")
        connection.begin(*headers)
        connection.send(data)
        return connection

    def test_pieces(self) -> None:
        """Each is answered at once, over one connection or several, and all are one."""
        first = self.piece(0, b"abc")
        self.assertEqual(first.verdict().status, 200)
        self.piece(3, b"def", first)
        self.assertEqual(answer(first.verdict().rest).text, "6 bytes so far.\n")
        self.piece(6, b"ghi")
        self.assertEqual(self.read(9), b"abcdefghi")
        self.assertEqual(len(self.readers), 1)

    def test_unreadable(self) -> None:
        """If a later piece cannot be read, operators are told once, as with one request."""
        first = self.piece(0, b"abc")
        self.assertEqual(first.verdict().status, 200)
        connection = self.connect()
        connection.begin(SOUP, "Content-Length: 9", "Content-Range: bytes 3-11/*")
        self.emit(Ended("Invalid data", fault=True, plain="no media"))
        self.assertEqual(connection.verdict().status, 415)
        self.assertEqual(len(self.log.about("Invalid data")), 1)
        self.assertEqual(self.log.about("refused with"), [])

    def test_full(self) -> None:
        """When the pipe is full the answer waits for room."""
        connection = self.piece(0, bytes(PIPE_LIMIT))
        self.assertEqual(connection.said, b"")
        self.read(PIPE_LIMIT // 2 + 1)
        self.assertEqual(connection.verdict().status, 200)

    def test_lost_while_full(self) -> None:
        """A sender that has gone before a piece was answered has left after a while."""
        self.piece(0, bytes(PIPE_LIMIT)).lose()
        self.emit(header())
        self.reactor.advance(PIECE_GAP)
        self.assertEqual(len(self.read(PIPE_LIMIT + 1)), PIPE_LIMIT)
        self.assertEqual(len(self.log.about("left after")), 1)

    def test_full_on_the_way(self) -> None:
        """It may be full before a piece is whole; then the rest of that waits."""
        connection = self.connect()
        connection.begin(SOUP, f"Content-Length: {PIPE_LIMIT + 1}")
        connection.send(bytes(PIPE_LIMIT))
        self.assertTrue(connection.is_paused)
        self.read(PIPE_LIMIT)
        self.assertFalse(connection.is_paused)
        connection.send(b"1")
        self.assertEqual(connection.verdict().status, 200)

    def test_gap(self) -> None:
        """When no next piece comes the sender has left."""
        self.piece(0, b"abc")
        self.emit(header())
        self.reactor.advance(PIECE_GAP)
        self.assertEqual(self.read(10), b"abc")
        self.emit(END)
        self.assertEqual(self.state, "waiting for a sender")
        self.assertEqual(self.piece(3, b"def").verdict().status, 409)

    def test_lost(self) -> None:
        """A connection that is lost within a piece is the end, too."""
        self.piece(0, b"abc")
        connection = self.connect()
        connection.begin(SOUP, "Content-Length: 5", "Content-Range: bytes 3-7/*")
        connection.send(b"d")
        connection.lose()
        self.assertEqual(self.read(10), b"abcd")
        self.assertEqual(len(self.log.about("left after")), 1)

    def test_wrong_place(self) -> None:
        """A piece that does not follow is refused, and the others go on."""
        self.piece(0, b"abc")
        self.assertEqual(self.piece(2, b"xyz").verdict().status, 409)
        self.assertEqual(self.piece(3, b"def").verdict().status, 200)
        self.assertEqual(self.read(6), b"abcdef")

    def test_started_again(self) -> None:
        """A new beginning is a new sender, if the one before is between two pieces."""
        self.piece(0, b"old")
        self.piece(0, b"new")
        self.assertEqual(self.read(4), b"old")
        self.emit(END)
        self.piece(3, b"er")
        self.assertEqual(self.read(5), b"newer")

    def test_dropped(self) -> None:
        """When it is no media the next piece is told so."""
        first = self.piece(0, b"abc")
        self.emit(Ended("no media", fault=True))
        second = self.piece(3, b"def")
        self.assertEqual(second.verdict().status, 409)
        first.lose()
        second.lose()
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class HostileTests(SendersTestCase):
    """Requests that are not what they seem, and bodies that nobody wants."""

    def test_two_ends(self) -> None:
        """A body whose end is said in two ways is refused, and nothing after it is read."""
        length, other = "Content-Length: 5", "Content-Length: 6"
        for headers in (
            (length, CHUNKED),
            (CHUNKED, length),
            (length, CHUNKED, "X: y"),
            (CHUNKED, length, "X: y"),
            (length, other),
            (length, length),
            (CHUNKED, CHUNKED),
            ("Transfer-Encoding: gzip, chunked",),
            ("Transfer-Encoding: xchunked",),
            ("Content-Length: 5, 5",),
            ("Content-Length: +5",),
            ("Content-Length: -5",),
            ("Content-Length: 0x5",),
            ("Content-Length : 5",),
        ):
            connection = self.connect()
            connection.begin(*headers)
            connection.send(b"5\r\nhello\r\n0\r\n\r\nGET /status HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(connection.said, b"HTTP/1.1 400 Bad Request\r\n\r\n", headers)
            self.assertTrue(connection.transport.disconnecting)
        self.assertEqual((self.readers, self.log.about("sender ")), ([], []))

    def test_two_ends_at_once(self) -> None:
        """Such a request is refused also when all of it comes in one piece."""
        for headers in ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nX: y", "X y\r\nZ: z"):
            connection = self.connect()
            connection.send(
                f"PUT /cam HTTP/1.1\r\n{headers}\r\n\r\nhello".encode()
                + b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            self.assertEqual(connection.said, b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertEqual((self.readers, self.log.about("sender ")), ([], []))

    def test_chunks(self) -> None:
        """Chunks that are none end the sender's time; what came before them is read."""
        for bad in (b"xyz\r\n", b"-1\r\n", b" 5\r\nhello", b"5\r\nhello!!", b"0x5\r\n", b"\r\n"):
            connection = self.sender()
            connection.send(bad)
            self.assertEqual(connection.said, b"HTTP/1.1 400 Bad Request\r\n\r\n", bad)
            connection.lose()
            self.read(5)
            self.emit(END)
            self.assertEqual(self.state, "waiting for a sender")

    def test_chunk_extensions(self) -> None:
        """What may stand beside a chunk's size is read over."""
        connection = self.connect()
        connection.begin(CHUNKED)
        connection.send(b"005;a=b\r\nmedia\r\n0\r\nTrailer: x\r\n\r\n")
        self.assertEqual(self.read(6), b"media")

    def test_hidden_request(self) -> None:
        """What follows a body on the same connection is not answered."""
        connection = self.connect()
        connection.begin(CHUNKED)
        connection.send(b"5\r\nmedia\r\n0\r\n\r\nGET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        self.emit(END)
        self.assertEqual(connection.verdict().rest, b"")
        self.assertTrue(connection.transport.disconnecting)
        connection.send(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(connection.verdict().rest, b"")

    def test_hidden_request_without_length(self) -> None:
        """A request without a body is none of a sender's, and the next one is answered."""
        connection = self.connect()
        connection.begin()
        connection.begin(method="GET", target="/status")
        self.assertEqual(answer(connection.verdict().rest).status, 200)

    def test_bodies_of_others(self) -> None:
        """A body that nobody has asked for is not kept, and not for long read over."""
        connection = self.connect()
        connection.begin(f"Content-Length: {BODY_LIMIT + 1}", method="GET", target="/status")
        self.assertEqual(connection.verdict().status, 413)
        self.streams["live"].publisher.begin(header())
        self.streams["live"].publisher.publish(footage(0, 3))
        connection = self.connect()
        connection.begin(CHUNKED, method="GET", target="/live.mkv")
        self.reactor.turn()
        connection.send(chunks(bytes(BODY_LIMIT)))
        self.assertFalse(connection.transport.disconnecting)
        self.assertEqual(answer(connection.said).headers["connection"], "close")
        connection.send(chunks(b"1"))
        self.assertTrue(connection.transport.disconnecting)

    def test_body_of_one_that_waits(self) -> None:
        """One that waits for its answer, and sends a body, is not read from meanwhile."""
        connection = self.connect()
        connection.begin(CHUNKED, method="GET", target="/cam.mkv")
        connection.send(chunks(b"12345"))
        self.assertTrue(connection.is_paused)
        self.sender()
        self.emit(header(), *footage(0, 3))
        self.assertFalse(connection.is_paused)
        self.assertEqual(answer(connection.said).status, 200)

    def test_bad_chunks_within_an_answer(self) -> None:
        """When an answer has been begun nothing else can be said; the connection is ended."""
        self.streams["live"].publisher.begin(header())
        self.streams["live"].publisher.publish(footage(0, 3))
        connection = self.connect()
        connection.begin(CHUNKED, method="GET", target="/live.mkv")
        connection.send(b"xyz\r\n")
        self.assertNotIn(b"Bad", connection.said)
        self.assertTrue(connection.transport.disconnecting)

    def test_idle_connection(self) -> None:
        """After an answer, and before a request, the usual time limit holds."""
        connection = self.connect()
        connection.begin(SOUP, "Content-Length: 3")
        connection.send(b"abc")
        self.assertFalse(connection.transport.disconnecting)
        self.reactor.advance(self.site.timeOut or 0)
        self.assertTrue(connection.transport.disconnecting)


class ProgramTests(EndToEndTestCase):
    """Real senders, and a viewer who stays while they come and go."""

    def setUp(self) -> None:
        """A server that waits for them."""
        self.clip = media.clip(seconds=2)
        self.server = Mkvserve(self, "--readrate=0", "--name=cam", "http")
        self.place = f"127.0.0.1:{self.server.port}/cam"

    def over(self, number: int) -> None:
        """So many have come, and gone."""
        server = self.server
        server.until(lambda: server.log.count(" left after ") >= number)
        server.until(lambda: server.status("cam")["state"] == "waiting for a sender")

    def seen(self, viewer: Viewer, pictures_: int) -> None:
        """A viewer has so many pictures of the clip, which has 50."""
        self.server.until(lambda: len(viewer.data) > 5000)  # more than the header
        self.server.until(partial(shows, viewer, pictures_))

    def curl(self, *arguments: str | Path, **options: Any) -> tuple[str, str]:
        """What curl says, and the status at its end."""
        command = ("curl", "-sS", "-w", "%{http_code}", *arguments)
        process = self.run_(*command, stdout=subprocess.PIPE, **options)
        said, _ = process.communicate(timeout=PATIENCE)
        text, _, status = said.decode().rpartition("\n")
        return text, status

    def test_ffmpeg(self) -> None:
        """FFmpeg, over HTTP and as a sender of Icecast's in the newer and the older way."""
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        outputs = (
            (f"http://{self.place}",),
            ("-method", "PUT", f"http://{self.place}.mkv"),
            ("-content_type", "video/x-matroska", f"icecast://source:pw@{self.place}"),
            ("-legacy_icecast", "1", f"icecast://source:pw@{self.place}.mkv"),
        )
        read = ("-i", self.clip, "-c", "copy", "-f", "matroska")
        for number, output in enumerate(outputs, 1):
            # In the older way it does not read the answer, and closes: all that has not been read
            # here by then is lost. So it sends at the speed of its media, as a live sender does.
            speed = ("-re",) if "-legacy_icecast" in output else ()
            sender = self.run_("ffmpeg", "-v", "error", *speed, *read, *output)
            self.assertEqual(sender.wait(PATIENCE), 0)
            self.over(number)
            self.seen(viewer, 50 * number)
            self.assertEqual(pictures(viewer.data), [*range(50)] * number, output)
        self.assertNotIn("Traceback", self.server.log)

    def test_curl(self) -> None:
        """curl, from a pipe and from a file; its exit follows what has been taken."""
        url = f"http://{self.place}"
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        size = self.clip.stat().st_size
        ways: tuple[tuple[str | Path, ...], ...] = (
            ("-T", "-", url),
            ("-T", self.clip, url),
            ("-T", self.clip, "--http1.0", url),
            ("-H", "Expect:", "-T", "-", url),
            ("--data-binary", f"@{self.clip}", url),
        )
        for number, way in enumerate(ways, 1):
            with self.clip.open("rb") as clip:
                said = self.curl(*way, stdin=clip)
            self.assertEqual(said, (f"After {size} bytes: the end of the input.", "200"), way)
            self.seen(viewer, 50 * number)
        self.assertEqual(pictures(viewer.data), [*range(50)] * len(ways))

    def test_no_media(self) -> None:
        """A sender that sends rubbish without end is told while it sends."""
        # Always the same: now and then random bytes look like media at first.
        rubbish = self.run_("yes", "This is no media.", stdout=subprocess.PIPE)
        text, status = self.curl("-T", "-", f"http://{self.place}", stdin=rubbish.stdout)
        self.assertEqual(status, "415")
        self.assertIn("no media that libavformat can read", text)

    def test_killed(self) -> None:
        """A sender that is killed can come back; while one is there nobody else can send."""
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        read = ("ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", self.clip)
        output = ("-c", "copy", "-f", "matroska", f"http://{self.place}")
        for number in (1, 2):
            sender = self.run_(*read, *output)
            self.server.until(lambda: self.server.status("cam")["state"] == "live")
            said = self.curl("-T", self.clip, f"http://{self.place}")
            self.assertEqual(said, ("No bytes were accepted: another sender is connected.", "409"))
            sender.kill()
            self.over(number)
        self.assertFalse(viewer.complete or viewer.lost)
        self.assertNotIn("Traceback", self.server.log)

    def test_libshout(self) -> None:
        """libshout, which ezstream, ices2, VLC and GStreamer send with: it can come again."""
        if libshout.library() is None:
            raise SkipTest("libshout is not installed")
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        script = Path(libshout.__file__)
        clip = media.clip(container="webm", seconds=2)
        place = (str(self.server.port), "/cam.webm", str(clip))
        for number in (1, 2):
            sender = self.run_(sys.executable, str(script), *place)
            self.assertEqual(sender.wait(PATIENCE), 0)
            self.over(number)
            self.seen(viewer, 50 * number)
        self.assertEqual(pictures(viewer.data), [*range(50)] * 2)
        self.assertNotIn("refused", self.server.log)

    def test_gstreamer(self) -> None:
        """GStreamer, which makes a request for each piece."""
        sink = "souphttpclientsink"
        if self.run_("gst-inspect-1.0", "--exists", sink).wait(PATIENCE):
            raise SkipTest(f"GStreamer has no {sink}")
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        # It is no live source, and what has not been sent at its end is not sent any more.
        source = f"filesrc location={self.clip} blocksize=4000 ! identity sleep-time=50000"
        line = f"gst-launch-1.0 -q {source} ! {sink} location=http://{self.place}"
        self.assertEqual(self.run_(*line.split()).wait(PATIENCE), 0)
        self.seen(viewer, 20)
        self.assertEqual(pictures(viewer.data)[:20], [*range(20)])
        self.server.said("sender 127.0.0.1")
        self.assertEqual(self.server.log.count(" connected"), 1)
