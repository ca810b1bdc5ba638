"""The place of the sender: who has it, who is next."""

from __future__ import annotations

from dataclasses import replace

from mkvtwist.config.input import AtEnd
from mkvtwist.inputs.endpoint import EndpointUplink
from mkvtwist.inputs.readings import LEFTOVER_TIMEOUT
from mkvtwist.inputs.sender_slot import SENDER_OPENING_TIMEOUT, STUCK_LIMIT
from mkvtwist.inputs.senders import DEAD_AFTER, SENDER_SILENCE
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.testing import AUDIO, END, footage, header
from tests.support.fakes import head, sent
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

    def test_takeover(self) -> None:
        """A sender replaces one that is connected as soon as that is allowed."""
        first = self.connect()
        self.send(first)
        self.service.configure(replace(self.service.config, takeover=True))
        second = self.connect()
        self.send(second, b"second")
        self.assertTrue(self.turned_away(first))
        self.assertEqual(len(self.log.about("takes over from")), 1)
        self.emit(END)
        self.assertEqual(self.reader.read(), b"second")

    def test_takeover_of_the_next(self) -> None:
        """A sender that waits for its turn is replaced, too."""
        self.service.configure(replace(self.service.config, takeover=True))
        senders = [self.connect() for _ in range(3)]
        for sender in senders:
            self.send(sender)
        self.assertEqual([self.turned_away(one) for one in senders], [True, True, False])

    def live(self) -> EndpointUplink:
        """A sender whose media is live."""
        sender = self.connect()
        self.send(sender)
        self.emit(header(), *footage(0, 1))
        return sender

    def test_back(self) -> None:
        """A sender that comes back replaces its old connection, once that is silent for 2 s."""
        dead = self.live()
        self.reactor.advance(DEAD_AFTER - 0.1)
        self.assertTrue(self.turned_away(self.connect()))
        self.assertFalse(self.turned_away(dead))
        self.reactor.advance(0.1)
        back = self.connect()
        self.assertFalse(self.turned_away(dead))
        self.send(back, b"back")
        self.assertTrue(self.turned_away(dead))
        line = (
            f"stream live: sender {back.sender.peer} takes over from {dead.sender.peer}, which has"
            " sent nothing for 2.0 s"
        )
        self.assertEqual(self.log.about("takes over"), [line])
        self.emit(END)
        self.assertEqual(self.reader.read(), b"back")
        self.assertFalse(self.turned_away(back))

    def test_back_while_it_sends(self) -> None:
        """A sender that still sends is not replaced by a second one at the same address."""
        sender = self.live()
        for _ in range(100):
            self.reactor.advance(DEAD_AFTER / 2)
            self.assertTrue(self.turned_away(self.connect()))
            self.send(sender)
        self.assertFalse(self.turned_away(sender))

    def test_back_for_the_first_bytes(self) -> None:
        """A sender that sends again meanwhile keeps its place."""
        sender = self.live()
        self.reactor.advance(DEAD_AFTER)
        second = self.connect()
        self.send(sender)
        self.send(second)
        self.assertEqual([self.turned_away(one) for one in (sender, second)], [False, True])

    def test_back_from_elsewhere(self) -> None:
        """A sender at another address does not replace a silent one."""
        sender = self.live()
        self.reactor.advance(SENDER_SILENCE)
        self.assertTrue(self.turned_away(self.connect(host="192.0.2.8")))
        self.assertFalse(self.turned_away(sender))

    def test_pauses(self) -> None:
        """A sender that has paused before counts as silent after twice its longest pause."""
        sender = self.live()
        self.reactor.advance(3)
        self.send(sender)
        self.reactor.advance(5.9)
        self.assertTrue(self.turned_away(self.connect()))
        self.reactor.advance(0.1)
        self.assertFalse(self.turned_away(self.connect()))

    def test_long_pauses(self) -> None:
        """Whatever it has done before, a sender counts as silent after 10 s."""
        sender = self.live()
        self.reactor.advance(100)
        self.send(sender)
        self.reactor.advance(SENDER_SILENCE)
        self.assertFalse(self.turned_away(self.connect()))

    def test_full_is_not_silent(self) -> None:
        """A sender that is not read, since its pipe is full, is not silent meanwhile."""
        sender = self.connect()
        self.send(sender, bytes(PIPE_LIMIT))
        self.emit(header(), *footage(0, 1))
        self.reactor.advance(100)
        self.assertTrue(self.turned_away(self.connect()))
        self.reader.read()
        self.reactor.turns()
        self.assertTrue(self.turned_away(self.connect()))
        self.reactor.advance(DEAD_AFTER)
        self.assertFalse(self.turned_away(self.connect()))

    def test_back_and_exit(self) -> None:
        """With at-end=exit the stream goes on with a sender that comes back."""
        self.start("tcp:12345", at_end="exit")
        self.live()
        self.reactor.advance(DEAD_AFTER)
        back = self.connect()
        self.send(back)
        self.emit(END)
        self.assertEqual((self.service.life.state, self.ends), ("opening", []))
        self.lose(back)
        self.emit(END)
        self.assertEqual((self.service.life.state, self.ends), ("ended", [self.service]))

    def test_unknown(self) -> None:
        """A sender whose media nothing is known of in time is disconnected."""
        sender = self.connect()
        self.send(sender)
        for _ in range(int(SENDER_OPENING_TIMEOUT / 5)):
            self.assertFalse(self.turned_away(sender))
            self.reactor.advance(5)
            self.send(sender)
        self.assertTrue(self.turned_away(sender))
        self.assertEqual(self.service.life.reason, "no media was recognised in it after 60 s")

    def test_unknown_and_left(self) -> None:
        """The rest of a sender that has left is read for 4 s, if nothing is known of it."""
        sender = self.connect()
        self.send(sender)
        self.lose(sender)
        self.reactor.advance(LEFTOVER_TIMEOUT)
        self.assertTrue(self.reader.stopped)
        self.assertEqual(self.service.life.state, "waiting for a sender")

    def test_next_cannot_wait(self) -> None:
        """The rest of a sender that has left is read for 4 s, if another sender waits."""
        first = self.connect()
        self.send(first)
        self.emit(header(), *footage(0, 1))
        self.lose(first)
        self.send(self.connect(), b"second")
        self.emit(header())
        self.reactor.advance(LEFTOVER_TIMEOUT)
        self.assertEqual(self.reader.read(), b"second")
        self.assertEqual(len(self.log.about("another sender has come")), 1)

    def test_stuck(self) -> None:
        """Senders are rejected while too many readers before cannot be stopped."""
        for _ in range(STUCK_LIMIT):
            sender = self.connect()
            self.send(sender)
            self.reader.deaf = True
            self.lose(sender)
            self.reactor.advance(LEFTOVER_TIMEOUT)
        self.assertTrue(self.turned_away(self.connect()))
        self.readers[0].join()
        self.reactor.turns()
        self.assertFalse(self.turned_away(self.connect()))

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
