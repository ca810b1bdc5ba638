"""Senders over HTTP: bodies, expectations and probes of senders."""

from __future__ import annotations

import base64
from ipaddress import ip_network
from pathlib import Path

from zope.interface.verify import verifyObject

from mkvtwist.config.input import Form, Input
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config
from mkvtwist.http import LiveSite
from mkvtwist.http.uplinks import PiecesUplink, RequestUplink
from mkvtwist.http.wire.body import IBodyReader
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.inputs.endpoint import EndpointUplink
from mkvtwist.inputs.senders import ISenderSlot, IUplink
from mkvtwist.libav import Ended, Opened
from mkvtwist.testing import END, footage, header
from tests.support.fakes import answer
from tests.support.senders import (
    CHUNKED,
    CONTINUE,
    EXPECT,
    UNTIL_CLOSE,
    SendersTestCase,
    Sending,
    chunks,
)


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
            self.assertIn("input 'push'", got.text)

    def test_watched(self) -> None:
        """Media that are sent can be watched at the same name."""
        self.sender()
        self.emit(header(), *footage(0, 3))
        client = self.connect()
        client.begin(method="GET", target="/cam.mkv")
        self.assertEqual(answer(client.said).status, 200)
        client = self.connect()
        client.begin(method="GET", target="/cam.bin")
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
