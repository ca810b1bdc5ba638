"""The place of the sender: who has it, who is next."""

from __future__ import annotations

from mkvtwist.config.input import AtEnd
from tests.support.fakes import (
    AUDIO,
    END,
    footage,
    head,
    header,
    sent,
)
from tests.support.inputs import SenderTestCase


class SlotTests(SenderTestCase):
    """Several senders of one input."""

    def test_second(self) -> None:
        """A second sender is rejected as long as one is connected, with a line in the log."""
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
        """Of two senders that have connected, the first to send has the place."""
        quiet, quick = self.connect(), self.connect()
        self.send(quick)
        self.send(quiet)
        self.assertTrue(self.turned_away(quiet))
        self.assertFalse(self.turned_away(quick))
        self.assertEqual(len(self.readers), 1)

    def test_comes_back(self) -> None:
        """When the sender comes back with the same tracks, clients go on on the same header."""
        sender = self.connect()
        self.send(sender)
        response = self.watch()
        self.emit(header(), *footage(0, 1))
        self.lose(sender)
        self.emit(END)
        self.assertEqual(self.service.life.state, "waiting for a sender")
        self.assertEqual(self.service.life.reason, "the end of the input")
        self.assertFalse(response.ended)
        self.send(self.connect())
        self.assertEqual(self.service.primary.restarts, 1)
        self.assertEqual(self.readers[0].timeline, self.readers[1].timeline)
        self.emit(header(), *footage(1, 2))
        self.assertEqual(response.blocks, sent(footage(0, 2)))
        self.assertEqual(response.data.count(head()), 1)
        self.assertEqual(self.service.life.state, "live")

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
        """A sender that comes while the rest of the one before is read has the next turn."""
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
        """A sender that has gone again before its turn keeps nobody from it."""
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
        """Of two senders that wait for the same turn the second to send is rejected."""
        first = self.connect()
        self.send(first)
        self.lose(first)
        second, third = self.connect(), self.connect()
        self.send(second)
        self.send(third)
        self.assertFalse(self.turned_away(second))
        self.assertTrue(self.turned_away(third))

    def test_stop(self) -> None:
        """A service that stops disconnects the sender and the next one."""
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

    def test_start_again(self) -> None:
        """A service that is started again has the place free, whoever had it before."""
        first = self.connect()
        self.send(first)
        self.lose(first)
        self.send(self.connect())
        self.service.stopService()
        self.reactor.turns()
        self.service.startService()
        again = self.connect()
        self.send(again, b"again")
        self.assertFalse(self.turned_away(again))
        self.assertEqual(self.reader.read(), b"again")

    def test_exit(self) -> None:
        """With at-end=exit the first sender is the only one."""
        self.start("tcp:12345", at_end="exit")
        self.send(self.connect())
        self.emit(header(), *footage(0, 1), END)
        self.assertEqual(self.service.life.state, "ended")
        self.assertEqual(self.ends, [self.service])
        late = self.connect()
        self.send(late)
        self.assertTrue(self.turned_away(late))

    def test_at_end(self) -> None:
        """Unless said otherwise, an endpoint waits for the next sender."""
        self.assertIs(self.service.config.at_end, AtEnd.WAIT)
