"""Pages that publish over a WebSocket."""

from __future__ import annotations

from pathlib import Path

from wsproto.frame_protocol import Opcode
from zope.interface.verify import verifyObject

from mkvtwist.access.entry import PENALTY
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config
from mkvtwist.http.socket_uplink import REPORT_EVERY, SocketUplink
from mkvtwist.http.wire.body import IBodyReader
from mkvtwist.http.wire.channel import LINGER
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.inputs.senders import SENDER_SILENCE, IUplink
from mkvtwist.libav import Ended
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.testing import END, footage, header
from tests.support.senders import CHUNKED, SendersTestCase
from tests.support.site import Connection
from tests.support.websocket import UPGRADE, Frame, SocketConnection, closing, masked


class SocketTestCase(SendersTestCase):
    """What the cases below have in common."""

    def socket(
        self, target: str = "/cam/publish", *headers: str, data: bytes = b""
    ) -> SocketConnection:
        """A page's WebSocket, over which this is sent."""
        connection = SocketConnection(self.site, self.reactor)
        connection.open(target, (*UPGRADE, *headers))
        if data:
            connection.send(masked(data))
        return connection


class SocketTests(SocketTestCase):
    """A WebSocket's messages are media like a request's body."""

    def test_interfaces(self) -> None:
        """A sender sees no difference to other ways."""
        uplink = SocketUplink(IncomingRequest(self.connect().protocol), self.stream, "")
        verifyObject(IUplink, uplink)
        verifyObject(IBodyReader, uplink)

    def test_media(self) -> None:
        """Media is read as it comes; when the page has stopped, the rest of it is read."""
        page = self.socket(data=b"abc")
        self.assertEqual(page.verdict().status, 101)
        self.assertEqual(self.state, "opening")
        for byte in masked(b"defgh"):
            page.send(bytes([byte]))
        self.assertEqual(self.read(8), b"abcdefgh")
        page.send(closing(1000))
        self.assertEqual(page.closed, (1000, ""))
        self.emit(header(), *footage(0, 1), END)
        self.assertEqual(self.state, "waiting for a sender")
        self.assertEqual(len(self.log.about("sender 192.0.2.7:5000 connected")), 1)
        self.assertEqual(len(self.log.about("left after 8 bytes")), 1)

    def test_with_the_handshake(self) -> None:
        """What comes in one read with the handshake is media, too."""
        connection = SocketConnection(self.site, self.reactor)
        head = "\r\n".join(("GET /cam/publish HTTP/1.1", "Host: x", *UPGRADE, "", ""))
        connection.send(head.encode() + masked(b"abc"))
        self.assertEqual(self.read(3), b"abc")

    def test_lost(self) -> None:
        """A connection that is lost leaves nothing behind: no sender, no timer, no share."""
        page = self.socket(data=b"abc")
        self.assertEqual(self.site.connections.addresses, 1)
        page.lose()
        self.assertEqual(len(self.log.about("left after 3 bytes")), 1)
        self.assertEqual(self.site.connections.addresses, 0)
        self.emit(END)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_backpressure(self) -> None:
        """When the pipe is full the page is not read from, until there is room again."""
        page = self.socket(data=bytes(PIPE_LIMIT))
        self.emit(header())
        page.send(masked(b"1"))
        self.assertTrue(page.is_paused)
        self.reactor.advance(REPORT_EVERY)
        self.assertEqual(page.reports[-1]["received"], PIPE_LIMIT + 1)
        self.read(PIPE_LIMIT // 2)
        self.assertTrue(page.is_paused)
        self.read(2)
        self.assertFalse(page.is_paused)

    def test_reports(self) -> None:
        """The page gets a report at once, and one each second, with answers to its pings."""
        page = self.socket()
        report = page.reports[0]
        self.assertEqual((report["received"], report["viewers"]), (0, 0))
        self.assertEqual(report["state"], "waiting for a sender")
        page.send(masked(b"first", Opcode.PING) + masked(b"second", Opcode.PING))
        page.send(masked(b"abc"))
        self.reactor.advance(REPORT_EVERY)
        self.assertEqual(page.received[-1], Frame(Opcode.PONG, b"second"))
        self.assertEqual([r["received"] for r in page.reports], [0, 3])
        self.emit(header(), *footage(0, 1))
        self.reactor.advance(REPORT_EVERY)
        self.assertEqual(page.reports[-1]["state"], "live")

    def test_same_page(self) -> None:
        """A page that connects again replaces its own connection, not that of another page."""
        first = self.socket("/cam/publish?page=a", data=b"first")
        second = self.socket("/cam/publish?page=a", data=b"second")
        self.assertTrue(first.transport.disconnected)
        first.send(masked(b"late"))
        self.assertEqual(self.read(9), b"first")
        self.emit(END)
        self.assertEqual(self.read(6), b"second")
        other = self.socket("/cam/publish?page=b")
        self.assertEqual(other.closed, (4409, "another sender is connected"))
        self.assertEqual(self.socket("/cam/publish").closed[0], 4409)
        self.assertEqual(len(second.received), 1)

    def test_not_valid(self) -> None:
        """Frames that are not valid end the connection, and what came before is read."""
        for data, code in ((masked(b"hello", Opcode.TEXT), 1003), (bytes(2), 1002)):
            page = self.socket(data=b"abc")
            page.send(data)
            self.assertEqual(page.closed[0], code)
            self.assertEqual(self.read(9), b"abc")
            self.emit(END)
        self.assertEqual(len(self.log.about("left after 3 bytes")), 2)

    def test_partial(self) -> None:
        """Media is passed on before its message is whole, and a message need never end."""
        page = self.socket(data=b"")
        page.send(masked(b"abc" + bytes(1 << 20))[:17])
        self.assertEqual(self.read(3), b"abc")

    def test_linger(self) -> None:
        """A page that goes on sending after its end is not listened to, and soon disconnected."""
        page = self.socket(data=b"abc")
        page.send(closing(1001) + masked(b"more"))
        page.send(masked(b"more"))
        self.assertEqual(self.read(9), b"abc")
        self.reactor.advance(LINGER)
        self.assertTrue(page.transport.disconnected)

    def test_upload_beside(self) -> None:
        """A sender of another kind and a page see each other as senders."""
        page = self.socket(data=b"abc")
        self.assertEqual(self.sender(CHUNKED).verdict().status, 409)
        page.lose()
        self.emit(END)
        self.sender(CHUNKED)
        self.assertEqual(self.socket().closed[0], 4409)


class PartingTests(SocketTestCase):
    """The close frame tells the page why it ends."""

    def test_unreadable(self) -> None:
        """Media that cannot be read is said to be."""
        page = self.socket(data=b"abc")
        self.emit(Ended("no media was recognised", fault=True))
        self.assertEqual(page.closed, (4415, "no media was recognised"))

    def test_takeover(self) -> None:
        """A page that is replaced is told so, in other words than one that comes too late."""
        self.start(takeover=True)
        page = self.socket(data=b"abc")
        self.socket(data=b"def")
        self.assertEqual(page.closed, (4410, "another sender has taken over"))

    def test_silent(self) -> None:
        """A page that sends nothing makes room."""
        page = self.socket()
        self.reactor.pump([1] * int(SENDER_SILENCE))
        self.assertEqual(page.closed, (4408, "sent nothing for 10 s"))
        page.lose()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stopped(self) -> None:
        """When the stream is stopped, the page is told that there is no more room for media."""
        page = self.socket(data=b"abc")
        self.stream.stopService()
        self.assertEqual(page.closed[0], 4503)

    def test_nothing(self) -> None:
        """A page that leaves without media is no sender that was."""
        page = self.socket()
        page.send(closing(1000))
        self.assertEqual(page.closed, (1000, ""))
        self.assertEqual(len(self.log.about("left without sending anything")), 1)


class RefusedTests(SocketTestCase):
    """Who may not send gets an ordinary response, and a line in the log."""

    def refused(self, connection: Connection) -> int:
        """The status of the response; no sender has come."""
        self.assertEqual(self.log.about("connected"), [])
        return connection.answer().status

    def test_send_rule(self) -> None:
        """The rule for senders holds, not the one for viewers; wrong tokens are counted."""
        token = Path(self.mktemp())
        token.write_text("a-token-of-some-length")
        self.start(send=AccessRule(token_file=str(token)))
        self.site.configure(Config((self.stream.config,)))
        self.assertEqual(self.refused(self.socket()), 401)
        wrong = self.socket("/cam/publish?token=wrong")
        self.reactor.advance(PENALTY)
        self.assertEqual(self.refused(wrong), 401)
        self.assertEqual(len(self.log.about("sender 192.0.2.7:5000 refused with 401")), 1)
        right = self.socket("/cam/publish?token=a-token-of-some-length", data=b"abc")
        self.assertEqual(right.verdict().status, 101)
        self.assertEqual(self.read(3), b"abc")

    def test_other_sites(self) -> None:
        """A page of another site cannot open a WebSocket, nor one of a name that is not known."""
        for site in ("http://evil.example", "null", "http://tv.example"):
            self.assertEqual(self.refused(self.socket("/cam/publish", f"Origin: {site}")), 403)
        self.site.configure(Config((), server_names=("tv.example",)))
        page = self.socket("/cam/publish", "Origin: http://tv.example")
        self.assertEqual(page.verdict().status, 101)

    def test_not_valid(self) -> None:
        """A handshake that is not valid is refused, with the version that would be."""
        for change, status in (
            (("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"), 426),
            (("Sec-WebSocket-Key: ", "Sec-WebSocket-Key: x"), 400),
            (("Sec-WebSocket-Key", "X-Key"), 400),
        ):
            connection = SocketConnection(self.site, self.reactor)
            connection.open(headers=[line.replace(*change) for line in UPGRADE])
            self.assertEqual(self.refused(connection), status)
            self.assertEqual(
                connection.answer().headers.get("sec-websocket-version"),
                "13" if status == 426 else None,
            )

    def test_no_senders(self) -> None:
        """A stream with another input has no such path."""
        self.assertEqual(self.refused(self.socket("/live/publish")), 404)
