"""Connections of RTMP senders: who may publish, and what becomes of the others."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import IHalfCloseableDescriptor, IPushProducer
from twisted.internet.testing import StringTransport
from zope.interface import directlyProvides
from zope.interface.verify import verifyClass, verifyObject

from mkvtwist.access.address_limits import AddressLimits
from mkvtwist.access.entry import PENALTY, Entry
from mkvtwist.access.guesses import GUESSES
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config
from mkvtwist.inputs.rtmp.chunks import Message
from mkvtwist.inputs.rtmp.connection import (
    BAD_NAME,
    LINGER,
    PUBLISH_TIME,
    RtmpConnection,
    RtmpUplink,
)
from mkvtwist.inputs.rtmp.factory import MOST_WAITING
from mkvtwist.inputs.rtmp.handshake import SIZE
from mkvtwist.inputs.rtmp.session import LONGEST_MESSAGE, MOST_PUBLICATIONS
from mkvtwist.inputs.sender_slot import SenderSlot
from mkvtwist.inputs.senders import SENDER_SILENCE, IUplink
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.testing import END, header
from tests.inputs.rtmp.test_session import BOTH
from tests.support.inputs import InputTestCase
from tests.support.rtmp import (
    HEARD,
    HELLO,
    SHOWN,
    Peers,
    command,
    connect,
    factory_for,
    media,
    publish,
    said,
    statuses,
)
from tests.support.secrets import TOKEN, FileTestCase


class ConnectionTestCase(InputTestCase, FileTestCase):
    """Senders that connect to a server, with a stream C{cam} to publish to."""

    def setUp(self) -> None:
        """The stream waits for senders."""
        super().setUp()
        self.entry = Entry(self.reactor, limits=AddressLimits(self.reactor, connections=3))
        self.refused: list[tuple[str, str, str]] = []
        self.factory = factory_for(
            self.reactor, self.entry, self.find, lambda *about: self.refused.append(about)
        )
        self.peers = Peers(self.reactor, self.factory)
        self.start("push", name="cam")

    def find(self, name: str) -> SenderSlot | None:
        """The place for the stream's senders."""
        return self.service.slot if name == "cam" else None

    def rule(self, rule: AccessRule) -> None:
        """The stream has this rule for senders."""
        self.service.configure(replace(self.service.config, send=rule))

    def sender(
        self, app: str = "live", key: str = "cam", host: str = "192.0.2.7"
    ) -> RtmpConnection:
        """A sender that asks to publish."""
        uplink = self.peers.connect(host)
        uplink.dataReceived(publish(app, key))
        return uplink

    def verdict(self, uplink: RtmpConnection) -> str:
        """The text of the one refusal, or C{ok}."""
        ((code, text),) = statuses(said(uplink))
        if code == "NetStream.Publish.Start":
            return "ok"
        self.assertEqual(code, BAD_NAME)
        return text

    def read(self) -> bytes:
        """All that the newest reader can read without waiting for more."""
        data = b""
        while len(data) < len(BOTH):
            data += self.reader.media.read(1000)  # type: ignore[union-attr]
        return data


class PublishTests(ConnectionTestCase):
    """Senders that may publish."""

    def test_interface(self) -> None:
        """Each publication has an uplink."""
        verifyClass(IUplink, RtmpUplink)

    def test_media(self) -> None:
        """A sender's media are read as FLV; when it leaves the next one may come at once."""
        for _ in range(2):
            uplink = self.sender()
            self.assertEqual(self.verdict(uplink), "ok")
            uplink.dataReceived(media(SHOWN, HEARD))
            self.assertEqual(self.read(), BOTH)
            self.emit(header())
            self.assertEqual(self.service.life.state, "live")
            uplink.connectionLost()
            self.assertEqual(self.reader.media.read(1), b"")  # type: ignore[union-attr]
            self.emit(END)
        self.assertEqual(len(self.log.about("left after")), 2)

    def test_ended(self) -> None:
        """A sender that says that it has ended leaves; it may publish again."""
        uplink = self.sender()
        uplink.dataReceived(media(SHOWN))
        self.emit(header())
        uplink.dataReceived(command("FCUnpublish", 6, None, "cam"))
        self.emit(END)
        uplink.dataReceived(command("publish", 7, None, "cam", "live", stream=1))
        uplink.dataReceived(media(SHOWN))
        self.assertEqual(len(self.readers), 2)
        uplink.dataReceived(command("deleteStream", 8, None, 1))
        self.reactor.advance(PUBLISH_TIME)
        self.assertTrue(uplink.transport.disconnected)
        self.assertEqual(self.refused, [])

    def test_again_and_again(self) -> None:
        """A sender that ends and publishes again all the time is disconnected."""
        uplink = self.peers.connect()
        again = command("FCUnpublish", 6, None, "cam") + command("publish", 7, None, "cam")
        uplink.dataReceived(publish() + again * 300)
        self.assertTrue(uplink.transport.disconnected)
        self.assertEqual(len(self.log.about("connected")), MOST_PUBLICATIONS)
        self.assertEqual(len(self.log.about(f"more than {MOST_PUBLICATIONS} publications")), 1)

    def test_ended_while_full(self) -> None:
        """A sender that ends while its media are still to be read may publish again at once."""
        uplink = self.sender()
        end = command("FCUnpublish", 6, None, "cam")
        uplink.dataReceived(media(SHOWN, Message(9, 1, 0, bytes(PIPE_LIMIT))) + end)
        self.assertEqual(uplink.transport.producerState, "producing")
        self.assertEqual(len(self.log.about("left after")), 1)

    def test_refused_with_its_first_bytes(self) -> None:
        """Of a sender that is refused with its first bytes nothing more is looked at."""
        uplink, other = self.sender(), self.sender()
        uplink.dataReceived(media(SHOWN))
        pending = len(self.pending())
        end = command("FCUnpublish", 6, None, "cam")
        other.dataReceived(media(SHOWN) + end + media(SHOWN))
        self.assertEqual(
            statuses(said(other))[1:],
            [
                ("NetStream.Unpublish.Success", "Published no longer."),
                (BAD_NAME, "Another sender is connected."),
            ],
        )
        other.connectionLost()
        self.assertEqual(len(self.pending()), pending - 1, "without its silence")

    def test_addresses(self) -> None:
        """The stream's name is the application, or the key of any application."""
        for app, key in (
            ("cam", ""),
            ("cam", "anything"),
            ("live", "cam"),
            ("x/y", "cam?token=z"),
            ("x/cam/", "z"),
        ):
            uplink = self.sender(app, key)
            self.assertEqual(self.verdict(uplink), "ok", (app, key))
            uplink.connectionLost()

    def test_token(self) -> None:
        """A token is the stream key, or in a query; it is never logged."""
        self.rule(self.tokens())
        for app, key in (
            ("cam", TOKEN),
            ("cam", f"{TOKEN}?x=y"),
            ("live", f"cam?token={TOKEN}"),
            (f"cam?token={TOKEN}", ""),
        ):
            uplink = self.sender(app, key)
            self.assertEqual(self.verdict(uplink), "ok", (app, key))
            uplink.connectionLost()
        for line in self.log.lines:
            self.assertNotIn(TOKEN, line)

    def test_password(self) -> None:
        """A user and a password stand in a query."""
        self.rule(self.users())
        uplink = self.sender("live", "cam?user=alice&password=secret")
        self.reactor.turns()
        self.assertEqual(self.verdict(uplink), "ok")

    def test_back_pressure(self) -> None:
        """A sender is not read from while its media are not; then it goes on."""
        uplink = self.sender()
        uplink.dataReceived(media(SHOWN, Message(9, 1, 0, bytes(PIPE_LIMIT))))
        self.assertEqual(uplink.transport.producerState, "paused")
        self.reader.media.read(PIPE_LIMIT + 100)  # type: ignore[union-attr]
        self.reactor.turns()
        self.assertEqual(uplink.transport.producerState, "producing")

    def test_takeover(self) -> None:
        """With C{takeover} a new sender replaces the old one, which is told."""
        self.service.configure(replace(self.service.config, takeover=True))
        old, new = self.sender(), self.sender()
        old.dataReceived(media(SHOWN))
        new.dataReceived(media(SHOWN))
        self.assertEqual(statuses(said(old))[1:], [(BAD_NAME, "Another sender has taken over.")])

    def test_stopped(self) -> None:
        """A stream that stops tells its sender."""
        uplink = self.sender()
        self.service.stopService()
        (_, told) = statuses(said(uplink))
        self.assertEqual(told, (BAD_NAME, "The stream is being stopped."))


class RefusalTests(ConnectionTestCase):
    """Senders that may not publish."""

    def assert_ends(self, uplink: RtmpConnection) -> None:
        """A sender that was told is listened to for a while, and then disconnected."""
        uplink.dataReceived(media(SHOWN))
        self.assertEqual(self.readers, [])
        self.reactor.advance(LINGER)
        self.assertTrue(uplink.transport.disconnected)
        uplink.connectionLost()

    def test_no_such_stream(self) -> None:
        """A name that does not exist is refused; what was asked for is not in the log."""
        uplink = self.sender("nothing", "hunter2")
        self.assertIn("No stream of this name", self.verdict(uplink))
        ((peer, reason, _),) = self.refused
        self.assertTrue(peer.startswith("192.0.2.7:"))
        self.assertNotIn("hunter2", reason)
        self.assert_ends(uplink)

    def test_wrong_token(self) -> None:
        """A wrong token is refused after a while; ten of them lock the address out."""
        self.rule(self.tokens())
        for _ in range(GUESSES):
            uplink = self.sender("cam", "wrong-guess")
            self.assertEqual(statuses(said(uplink)), [])
            self.assertEqual(uplink.transport.producerState, "paused")
            self.reactor.advance(PENALTY)
            self.assertIn("Wrong stream key", self.verdict(uplink))
            self.assert_ends(uplink)
        uplink = self.sender("cam", TOKEN)
        self.assertIn("try again later", self.verdict(uplink))
        self.assertEqual(self.verdict(self.sender("cam", TOKEN, host="192.0.2.8")), "ok")
        self.assertEqual(len([kind for kind, _ in self.told if kind == "sender refused"]), 11)

    def test_no_token(self) -> None:
        """Without a token a sender is told where to put it; that is no guess."""
        self.rule(self.tokens())
        for app, key in (("live", "cam"), ("cam", "")):
            uplink = self.sender(app, key)
            self.assertIn("give the token as the stream key", self.verdict(uplink))
            self.assert_ends(uplink)

    def test_address(self) -> None:
        """A rule about addresses holds."""
        self.rule(AccessRule(allow=(ip_network("10.0.0.0/8"),)))
        self.assertIn("your address is not allowed", self.verdict(self.sender()))
        self.assertEqual(self.verdict(self.sender(host="10.0.0.1")), "ok")

    def test_address_behind_proxy(self) -> None:
        """The rule holds for the address that a proxy's PROXY protocol says later."""
        self.rule(AccessRule(allow=(ip_network("10.0.0.0/8"),)))
        uplink = self.peers.connect("10.0.0.1")
        uplink.transport.peerAddr = IPv4Address("TCP", "192.0.2.9", 5)
        uplink.dataReceived(publish())
        self.assertIn("your address is not allowed", self.verdict(uplink))
        self.assertEqual(len(self.log.about("sender 192.0.2.9:5 refused")), 1)

    def test_occupied(self) -> None:
        """While one sends another one is refused."""
        self.sender().dataReceived(media(SHOWN))
        uplink = self.sender()
        self.assertEqual(self.verdict(uplink), "Another sender is connected.")
        self.assertEqual(len(self.log.about("another sender is connected")), 1)

    def test_silent(self) -> None:
        """A sender that is silent is told, and its place is free."""
        uplink = self.sender()
        self.reactor.advance(SENDER_SILENCE)
        ((_, _), told) = statuses(said(uplink))
        self.assertEqual(told, (BAD_NAME, "Sent nothing for 10 s."))
        self.assertEqual(self.verdict(self.sender()), "ok")

    def test_gone_meanwhile(self) -> None:
        """A sender that has gone when it is decided leaves no trace."""
        self.rule(self.tokens())
        uplink = self.sender("cam", "wrong-guess")
        uplink.connectionLost()
        self.reactor.advance(PENALTY)
        self.assertEqual(statuses(said(uplink)), [])
        self.assertEqual(self.pending(), [])

    def test_half_closed(self) -> None:
        """A sender that is told why is not reset: only this side of the connection closes."""
        uplink = self.peers.connect()
        directlyProvides(uplink.transport, IHalfCloseableDescriptor)
        halves: list[bool] = []
        uplink.transport.loseWriteConnection = lambda: halves.append(True)
        uplink.dataReceived(publish("nothing", "x"))
        self.assertEqual(halves, [True])
        self.assertFalse(uplink.transport.disconnecting)

    def test_play(self) -> None:
        """A peer that wants to watch is told that it cannot."""
        uplink = self.peers.connect()
        uplink.dataReceived(connect("live") + command("play", 2, None, "cam", stream=1))
        self.assertEqual(statuses(said(uplink))[0][0], "NetStream.Play.Failed")
        self.assertEqual(len(self.refused), 1)
        self.assert_ends(uplink)

    def test_something_else(self) -> None:
        """A peer that does not speak RTMP, or does nothing, is disconnected, and is logged."""
        for data, reason in (
            (b"GET / HTTP/1.1\r\n\r\n", "it does not speak RTMP"),
            (b"\x16\x03\x01\x02\x00", "it does not speak RTMP"),
            (HELLO + bytes(SIZE) + b"\xff" * 100, "a chunk that continues no message"),
        ):
            uplink = self.peers.connect()
            uplink.dataReceived(data)
            self.assertTrue(uplink.transport.disconnected)
            self.assertEqual(self.refused.pop()[1], reason)
            uplink.connectionLost()
        for data in (b"", HELLO, connect("live")):
            uplink = self.peers.connect()
            uplink.dataReceived(data)
            self.reactor.advance(PUBLISH_TIME)
            self.assertTrue(uplink.transport.disconnected)
            self.assertEqual(self.refused.pop()[1], "it published nothing within 10 s")
            uplink.connectionLost()
        self.assertEqual(self.pending(), [])

    def test_broken_off(self) -> None:
        """A sender that breaks the protocol is disconnected; what it has sent is read."""
        uplink = self.sender()
        uplink.dataReceived(media(SHOWN, HEARD))
        uplink.dataReceived(bytes([4]) + bytes(3) + (LONGEST_MESSAGE + 1).to_bytes(3, "big"))
        uplink.dataReceived(bytes(5))
        self.assertTrue(uplink.transport.disconnected)
        self.assertEqual(self.read(), BOTH)
        self.assertEqual(len(self.log.about("a message of more than")), 1)


class DeafTests(ConnectionTestCase):
    """Peers that ask, and do not read the answers."""

    def test_deaf(self) -> None:
        """Such a peer is disconnected."""
        verifyObject(IPushProducer, self.peers.connect())
        uplink = self.sender()
        self.assertIs(uplink.transport.producer, uplink)
        uplink.transport.producer.pauseProducing()
        uplink.transport.producer.pauseProducing()
        self.assertTrue(uplink.transport.disconnected)
        self.assertEqual(len(self.log.about("reads nothing of what it is told")), 1)

    def test_unix(self) -> None:
        """A connection over a UNIX socket, which knows nothing of TCP, is one as well."""
        factory = factory_for(self.reactor, self.entry, self.find, lambda *_: None)
        uplink = factory.buildProtocol(UNIXAddress(None))
        uplink.makeConnection(StringTransport(peerAddress=UNIXAddress(None)))
        uplink.dataReceived(publish())
        self.assertEqual(self.verdict(uplink), "ok")


class LimitTests(ConnectionTestCase):
    """Limits of connections."""

    def test_address(self) -> None:
        """An address has as many connections as over HTTP; more are closed."""
        few = [self.peers.connect() for _ in range(3)]
        self.assertTrue(self.peers.connect().transport.disconnected)
        self.assertFalse(self.peers.connect("192.0.2.8").transport.disconnected)
        few[0].connectionLost()
        self.assertFalse(self.peers.connect().transport.disconnected)

    def test_trusted(self) -> None:
        """A proxy that is trusted has as many as it likes."""
        self.entry.limits.config = Config((), trusted_proxies=(ip_network("192.0.2.7"),))
        for _ in range(5):
            self.assertFalse(self.peers.connect().transport.disconnected)

    def test_waiting(self) -> None:
        """The oldest connection that sends no media makes room, never one that sends them."""
        sender, silent = self.sender(), self.sender()
        sender.dataReceived(media(SHOWN))
        waiting = [self.peers.connect(f"10.0.0.{number}") for number in range(MOST_WAITING)]
        self.assertTrue(silent.transport.disconnected)
        for number in range(3):
            self.assertFalse(waiting[number].transport.disconnected)
            self.peers.connect(f"10.0.1.{number}")
            self.assertTrue(waiting[number].transport.disconnected)
        self.assertFalse(sender.transport.disconnected)


class ListenerTests(ConnectionTestCase):
    """An input with a listener of its own."""

    def test_any_name(self) -> None:
        """At the listener of one stream any application and key will do; the log has the URL."""
        self.start("rtmp:1935:interface=127.0.0.1", name="cam")
        (port, factory, *_) = self.reactor.tcpServers[-1]
        self.assertEqual(port, 1935)
        (line,) = self.log.about("waiting for a sender at rtmp://")
        self.assertTrue(line.endswith(":1935/cam"))
        self.peers = Peers(self.reactor, factory)
        for app, key in (("live", "whatever"), ("", ""), ("cam", "x")):
            uplink = self.sender(app, key)
            self.assertEqual(self.verdict(uplink), "ok")
            uplink.connectionLost()

    def test_rule(self) -> None:
        """The rule for senders holds there, too: the key is the token."""
        self.start("rtmp:1935", name="cam", send=self.tokens())
        self.peers = Peers(self.reactor, self.reactor.tcpServers[-1][1])
        self.assertEqual(self.verdict(self.sender("live", TOKEN)), "ok")
        uplink = self.sender("live", "cam", host="192.0.2.9")
        self.assertIn("Authentication required", self.verdict(uplink))
