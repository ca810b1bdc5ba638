"""Readings: what readers have made, in which order it is passed on, and how they end."""

from __future__ import annotations

from mkvtwist.inputs.readings import STOP_TIMEOUT
from mkvtwist.testing import END, footage, header
from tests.support.fakes import Kept, sent
from tests.support.inputs import InputTestCase


class ReadingTests(InputTestCase):
    """The readers of one input."""

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
        self.assertEqual(service.life.state, "live")
        kept.full = False
        service.resume()
        self.reactor.turn()
        self.assertEqual(response.blocks, sent(footage(0, 3)))
        self.assertEqual(service.life.state, "ended")
        service.resume()

    def test_error(self) -> None:
        """An error in passing on is logged, and ends the input: its own end may be lost with it."""
        service = self.start()
        self.emit(header(), *footage(0, 1))
        broken = footage(1, 2)[0]._replace(data=None)  # type: ignore[arg-type]
        self.emit(broken, END)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertEqual(service.life.state, "ended")
        self.assertEqual(service.life.reason, "an error in mkvtwist")
        self.assertTrue(service.failed)
        self.assertTrue(self.reader.stopped)

    def test_stop(self) -> None:
        """A service that stops waits for the reader, and takes nothing that the reader has made."""
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
        """Events on their way when the service stops are left where they are."""
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
        self.reactor.advance(STOP_TIMEOUT / 2)
        self.assertNoResult(stopped)
        self.reactor.advance(STOP_TIMEOUT / 2)
        self.successResultOf(stopped)
        self.reader.join()
        self.reactor.turns()

    def test_stop_after_the_end(self) -> None:
        """There is nothing to wait for when it has ended."""
        service = self.start()
        self.emit(END)
        self.successResultOf(service.stopService())

    def test_stop_when_it_has_gone(self) -> None:
        """A reader that has gone, whose end was not taken yet, is not waited for."""
        kept = Kept()
        service = self.start(recorder=kept)
        self.emit(header(), *footage(0, 1))
        kept.full = True
        self.emit(END)
        self.reader.join()
        self.reactor.turns()
        self.successResultOf(service.stopService())
        self.assertEqual(self.pending(), [])
