"""Inputs that are open only while somebody watches."""

from __future__ import annotations

from typing import Any

from mkvtwist.libav import Ended, Opened
from mkvtwist.live.client import Wish
from mkvtwist.testing import END, footage, header
from tests.support.fakes import Response, sent
from tests.support.inputs import InputTestCase


class OnDemandTests(InputTestCase):
    """An input that is opened only while somebody watches."""

    def setUp(self) -> None:
        """Nobody watches."""
        super().setUp()
        self.start("http://host/", on_demand=True, linger=5.0)

    def leave(self, response: Any) -> None:
        """A client goes."""
        (client,) = (c for c in self.fanout.clients if c.response is response)
        self.fanout.leave(client, "the client has gone")

    def test_first_client(self) -> None:
        """The input is opened when the first client comes, and that client gets what it brings."""
        self.reactor.advance(100)
        self.assertEqual(self.readers, [])
        self.assertEqual(self.service.life.state, "waiting for a client")
        self.assertIn("nobody is watching", self.service.life.reason)
        response = self.watch()
        self.assertEqual(self.service.life.state, "opening")
        self.watch()
        self.emit(header(), *footage(0, 1))
        self.assertEqual(response.blocks, sent(footage(0, 1)))
        self.assertEqual(len(self.readers), 1)

    def test_last_client(self) -> None:
        """The input is closed a while after the last client has gone, and opened for the next."""
        one, two = self.watch(), self.watch()
        self.emit(header(), *footage(0, 1))
        self.leave(one)
        self.reactor.pump([1.0] * 60)
        self.assertFalse(self.reader.stopped)
        self.leave(two)
        self.reactor.pump([1.0] * 4)
        self.assertFalse(self.reader.stopped)
        self.reactor.pump([1.0] * 2)
        self.assertTrue(self.reader.stopped)
        self.assertEqual(self.service.life.state, "waiting for a client")
        self.assertEqual(len(self.log.about("nobody is watching; closed")), 1)
        self.assertEqual(self.pending(), [])
        late = Response()
        self.fanout.join(late, Wish(burst=10.0))
        self.assertEqual(late.data, b"")
        self.emit(header(), *footage(1, 2))
        self.assertEqual(late.blocks, sent(footage(1, 2)), "what is old is not shown")
        self.assertEqual(self.service.primary.restarts, 1)

    def test_at_once(self) -> None:
        """With a linger of 0 it is closed as soon as nobody watches, not before."""
        self.start("http://host/", on_demand=True, linger=0.0)
        response = self.watch()
        self.reactor.pump([1.0] * 5)
        self.assertFalse(self.reader.stopped)
        self.leave(response)
        self.reactor.pump([1.0] * 2)
        self.assertTrue(self.reader.stopped)

    def test_back_in_time(self) -> None:
        """A client that comes before the input is closed finds it open."""
        self.leave(self.watch())
        self.reactor.pump([1.0] * 4)
        self.watch()
        self.reactor.pump([1.0] * 60)
        self.assertEqual(len(self.readers), 1)
        self.assertFalse(self.reader.stopped)

    def test_piece_by_piece(self) -> None:
        """Requests for pieces keep the input open, too."""
        self.demand.touch()
        self.assertEqual(len(self.readers), 1)
        for _ in range(10):
            self.reactor.pump([1.0] * 4)
            self.demand.touch()
        self.assertFalse(self.reader.stopped)
        self.reactor.pump([1.0] * 6)
        self.assertTrue(self.reader.stopped)

    def test_closed_while_retrying(self) -> None:
        """An input that nobody waits for any more is not tried again."""
        response = self.watch()
        self.emit(Ended("connection refused", fault=True))
        self.leave(response)
        self.reactor.pump([0.1] * 100)
        self.assertEqual(self.service.life.state, "waiting for a client")
        opened = len(self.readers)
        self.reactor.advance(1000)
        self.assertEqual(len(self.readers), opened)

    def test_one_at_a_time(self) -> None:
        """The input is opened again while the reader from before is busy, but waits for its end."""
        response = self.watch()
        self.emit(Opened(), header(), *footage(0, 1))
        before = self.reader
        before.deaf = True
        self.leave(response)
        self.reactor.pump([1.0] * 6)
        self.watch()
        self.emit(Opened())
        self.assertEqual(len(self.readers), 2)
        self.assertFalse(self.reader.gone_on)
        before.join()
        self.reactor.turns()
        self.assertTrue(self.reader.gone_on)

    def test_stop(self) -> None:
        """A stopped one is not opened, whoever comes."""
        self.watch()
        stopped = self.service.stopService()
        self.reader.join()
        self.reactor.turns()
        self.successResultOf(stopped)
        self.demand.touch()
        self.assertEqual(len(self.readers), 1)

    def test_listening(self) -> None:
        """An input that waits for its sender says so each time that it is opened."""
        self.start("udp://127.0.0.1:1234", on_demand=True, linger=1.0)
        for _ in range(2):
            self.assertEqual(self.service.life.state, "waiting for a client")
            response = self.watch()
            self.assertEqual(self.service.life.state, "waiting for a sender")
            self.leave(response)
            self.reactor.pump([1.0] * 3)

    def test_end(self) -> None:
        """An input with at-end=exit has ended at its end."""
        service = self.start("film.mkv", on_demand=True, at_end="exit")
        self.watch()
        self.emit(header(), *footage(0, 1), END)
        self.assertEqual(service.life.state, "ended")
        self.assertEqual(self.ends, [service])
