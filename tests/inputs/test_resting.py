"""Inputs that nobody wants."""

from __future__ import annotations

from mkvtwist.inputs.endpoint import EndpointUplink
from mkvtwist.inputs.resting import REST_AFTER, REST_BITRATE, REST_INTERVAL
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.testing import footage, header
from tests.support.fakes import sent
from tests.support.inputs import SenderTestCase


class RestTests(SenderTestCase):
    """An input that nobody wants is looked at now and then; somebody who comes wakes it."""

    def rest(self, sender: EndpointUplink, size: int = 20) -> None:
        """Ten packets of a live input come, then nobody has wanted it for a while."""
        self.send(sender)
        self.emit(header(), *footage(0, 1, size=size))
        self.reactor.advance(REST_AFTER)
        self.send(sender)
        self.emit(*footage(1, 1.1, size=size))

    def fragments(self) -> int:
        """How many are in the ring by now."""
        assert self.publisher.period is not None
        return self.publisher.period.ring.end

    def test_rests(self) -> None:
        """Packets wait for the next look, and the sender is not read until then."""
        sender = self.connect()
        self.rest(sender)
        known = self.fragments()
        self.assertEqual(sender.transport.producerState, "paused")
        self.emit(*footage(1.1, 1.2))
        self.emit(*footage(1.2, 1.3))
        self.assertEqual(self.fragments(), known)
        self.reactor.advance(REST_INTERVAL)
        self.assertEqual(self.fragments(), known + 1)
        self.assertEqual(sender.transport.producerState, "producing")
        self.emit(*footage(1.3, 1.4))
        self.assertEqual(self.fragments(), known + 2)
        self.assertEqual(sender.transport.producerState, "paused")

    def test_no_sender(self) -> None:
        """Without a sender the rest goes on as long as each look finds something."""
        self.start("film.mkv")
        self.emit(header(), *footage(0, 1))
        self.reactor.advance(REST_AFTER)
        self.emit(*footage(1, 1.1))
        for number in range(3):
            known = self.fragments()
            begin = 1.1 + number / 10
            self.emit(*footage(begin, begin + 0.1))
            self.assertEqual(self.fragments(), known)
            self.reactor.advance(REST_INTERVAL)
            self.assertEqual(self.fragments(), known + 1)
        self.reactor.advance(REST_INTERVAL)
        self.emit(*footage(1.4, 1.5))
        self.assertEqual(self.fragments(), known + 2)

    def test_somebody_comes(self) -> None:
        """A client that joins gets at once what has come, then each packet as it comes."""
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
        """An input whose sender would fall behind does not rest."""
        sender = self.connect()
        self.rest(sender, size=REST_BITRATE // 8 // 10 + 100)
        self.assertEqual(sender.transport.producerState, "producing")

    def test_full_and_resting(self) -> None:
        """A sender whose pipe is full is not read when the rest is over."""
        sender = self.connect()
        self.rest(sender)
        self.send(sender, b"." * PIPE_LIMIT)
        self.reactor.advance(REST_INTERVAL)
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
        """A sender that was let in is rejected when it sends, if the one before is still there."""
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
