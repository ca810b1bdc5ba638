"""Senders over HTTP: permissions, takeovers and refusals."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableDescriptor
from zope.interface import directlyProvides, implementer

from mkvtwist.access.entry import PENALTY, Entry
from mkvtwist.access.refusals import REFUSAL_SPAN
from mkvtwist.access.rules import Access
from mkvtwist.access.tokens import IToken
from mkvtwist.access.users import Hashing
from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config
from mkvtwist.http import LiveSite
from mkvtwist.http.connections import SLOWDOWN
from mkvtwist.http.views.status import Status
from mkvtwist.http.wire.channel import LINGER
from mkvtwist.inputs.readings import LEFTOVER_TIMEOUT
from mkvtwist.inputs.sender_slot import SENDER_OPENING_TIMEOUT, STUCK_LIMIT
from mkvtwist.inputs.senders import DEAD_AFTER, SENDER_SILENCE
from mkvtwist.libav import Ended, Opened
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.live.events import Event, Events
from mkvtwist.testing import END, header
from tests.support.senders import (
    CHUNKED,
    EXPECT,
    SendersTestCase,
    Sending,
    chunks,
)


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

    def test_status(self) -> None:
        """The status names the sender that is connected, to operators."""
        connection = self.sender()
        self.emit(header())
        self.reactor.advance(3)
        status = Status(self.reactor, self.streams, wall_clock=self.reactor.seconds)
        sender = status.stream("cam")["sender"]
        self.assertEqual((sender["peer"], sender["bytes"]), ("192.0.2.7:5000", 5))
        self.assertIsNone(status.stream("live")["sender"])
        connection.lose()
        self.assertIsNone(status.stream("cam")["sender"])

    def tokens(self, *tokens: str) -> AccessRule:
        """A rule with a file of tokens."""
        file = Path(self.mktemp())
        file.write_text("\n".join(tokens))
        return AccessRule(token_file=str(file))

    def test_back(self) -> None:
        """A sender with the same token replaces its silent connection, wherever it comes from."""
        self.start(send=self.tokens("first-token", "second-token"))
        self.site.trusted_proxies = (ip_network("192.0.2.0/24"),)
        first = self.sender(
            CHUNKED, "X-Forwarded-For: 203.0.113.1", target="/cam?token=first-token"
        )
        self.emit(header())
        self.reactor.advance(DEAD_AFTER)
        for token, host, status in (
            ("second-token", "203.0.113.1", 409),
            ("first-token", "203.0.113.2", None),
        ):
            second = self.sender(
                CHUNKED, f"X-Forwarded-For: {host}", target=f"/cam?token={token}", data=b"second"
            )
            if status is not None:
                self.assertEqual(second.verdict().status, status)
        self.assertEqual(first.verdict().text, "After 5 bytes: another sender has taken over.\n")
        self.emit(END)
        self.assertEqual((self.read(6), second.said), (b"second", b""))

    def test_back_by_itself(self) -> None:
        """Without credentials a sender at the same address replaces its silent connection."""
        self.site.trusted_proxies = (ip_network("192.0.2.0/24"),)
        self.sender(CHUNKED, "X-Forwarded-For: 203.0.113.1")
        self.emit(header())
        self.reactor.advance(DEAD_AFTER)
        statuses = [
            self.sender(CHUNKED, f"X-Forwarded-For: 203.0.113.{host}").said[9:12] for host in (2, 1)
        ]
        self.assertEqual(statuses, [b"409", b""])

    def test_probe_of_one_that_is_back(self) -> None:
        """An Icecast sender that asks first is told that it may send, when it has come back."""
        self.sender()
        self.emit(header())
        for silence, status in ((0.0, 409), (DEAD_AFTER, 200)):
            self.reactor.advance(silence)
            probe = self.connect()
            probe.begin("Content-Length: 0", "Ice-Public: 0", method="SOURCE")
            self.assertEqual(probe.verdict().status, status)

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
        self.site = LiveSite(self.reactor, self.streams, entry=Entry(self.reactor, access))
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
