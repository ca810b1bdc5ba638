"""Senders: what they send, and how each ends."""

from __future__ import annotations

from mkvtwist.inputs.senders import SENDER_SILENCE
from mkvtwist.libav import Ended
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.testing import END
from tests.support.inputs import SenderTestCase


class SenderTests(SenderTestCase):
    """One sender at a time."""

    def test_sender(self) -> None:
        """The bytes of a sender are read from the first to the last."""
        sender = self.connect()
        self.assertEqual(self.service.life.state, "waiting for a sender")
        self.send(sender, b"abc")
        self.assertEqual(self.service.life.state, "opening")
        self.assertFalse(self.reader.drain)
        self.send(sender, b"def")
        self.assertEqual(self.reader.read() + self.reader.read(), b"abcdef")
        self.send(sender, b"ghi")
        self.lose(sender)
        self.assertEqual(self.reader.read(), b"ghi")
        self.assertEqual(self.reader.read(), b"")
        self.assertEqual(len(self.log.about(f"sender {sender.sender.peer} connected")), 1)
        self.assertEqual(len(self.log.about(f"sender {sender.sender.peer} left after 9 bytes")), 1)

    def test_silent(self) -> None:
        """A sender that says nothing is disconnected, and leaves no trace but a line."""
        sender = self.connect()
        self.reactor.advance(SENDER_SILENCE - 0.1)
        self.assertFalse(self.turned_away(sender))
        self.reactor.advance(0.1)
        self.assertTrue(self.turned_away(sender))
        self.lose(sender)
        self.assertEqual(len(self.log.about("sent nothing for 10 s")), 1)
        self.assertEqual(self.log.about("left"), [])
        self.assertEqual(self.service.life.state, "waiting for a sender")
        self.send(self.connect())
        self.assertEqual(self.service.life.state, "opening")

    def test_not_a_word(self) -> None:
        """A sender that connects and goes is one line in the log."""
        sender = self.connect()
        self.lose(sender)
        self.assertEqual(len(self.log.about("left without sending anything")), 1)
        self.assertEqual((self.pending(), self.readers), ([], []))

    def test_backpressure(self) -> None:
        """A sender whose pipe is full is not read, until there is room again."""
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
        """Nobody is told to send on when the rest of a sender that has gone is read."""
        sender = self.connect()
        self.send(sender, bytes(PIPE_LIMIT))
        sender.transport.connected = False
        sender.transport.loseConnection()
        self.lose(sender)
        self.reader.read()
        self.reactor.turn()
        self.assertEqual(sender.transport.producerState, "paused")

    def test_no_media(self) -> None:
        """A sender of no media is disconnected, with one line; the next sender is waited for."""
        sender = self.connect()
        self.send(sender)
        self.emit(Ended("no media", fault=True))
        self.assertTrue(self.turned_away(sender))
        self.assertEqual(
            self.log.about("no media"),
            [f"stream live: tcp:12345: no media (sender {sender.sender.peer})"],
        )
        self.assertEqual(self.service.life.state, "waiting for a sender")
        self.assertEqual(self.service.life.reason, "no media")
        self.send(self.connect())
        self.assertEqual(len(self.readers), 2)

    def test_detail(self) -> None:
        """The cause is for operators; the reason leaves out what it may quote."""
        service = self.start("tcp:12345")
        sender = self.connect()
        self.send(sender)
        self.readers[-1].emit(Ended("/srv/a.mkv: Invalid data", fault=True, plain="unreadable"))
        self.reactor.turns()
        self.assertEqual(
            (service.life.reason, service.life.detail), ("unreadable", "/srv/a.mkv: Invalid data")
        )
        self.assertEqual(len(self.log.about("/srv/a.mkv: Invalid data")), 1)
        self.send(self.connect())
        self.assertEqual(service.life.detail, "")
        self.readers[-1].emit(END)
        self.reactor.turns()
        self.assertEqual((service.life.reason, service.life.detail), (END.reason, ""))
