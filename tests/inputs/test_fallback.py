"""L{Fallback}, in an input that comes and goes."""

from __future__ import annotations

import socket
from typing import Any

from mkvtwist.config.input import parse_input
from mkvtwist.libav import Ended, Noticed, Opened
from mkvtwist.testing import AUDIO, END, FakeReader, footage, header
from tests.support.fakes import Kept, head, sent
from tests.support.inputs import InputTestCase, MemoryTransport


class FallbackTests(InputTestCase):
    """L{Fallback}, in an input that comes and goes."""

    def setUp(self) -> None:
        """An input that has been there, and is away."""
        super().setUp()
        fallback = parse_input("fallback", "pause.mkv")
        self.start("http://host/", fallback=fallback)
        self.response = self.watch()
        self.emit(Opened(), header(), *footage(0, 1))
        self.emit(END)

    def fallbacks(self) -> list[FakeReader]:
        """Its readers."""
        return [reader for reader in self.readers if reader.source.text == "pause.mkv"]

    def try_again(self) -> FakeReader:
        """The input is opened again."""
        opened = len(self.readers)
        while len(self.readers) == opened:
            self.reactor.advance(0.1)
        return self.reader

    def test_shown(self) -> None:
        """The fallback goes on in the same ring, again and again; newcomers see it, too."""
        self.assertEqual(self.service.life.state, "retrying")
        for second in range(1, 4):
            self.emit(Opened(), header(), *footage(second, second + 1))
            self.emit(END)
        self.assertEqual(self.response.blocks, sent(footage(0, 4)))
        self.assertEqual(self.response.data.count(head()), 1)
        self.assertEqual(len(self.fallbacks()), 4)
        self.assertEqual({reader.timeline for reader in self.readers}, {self.service.timeline})
        self.assertEqual(str(self.service.fallback.showing), "None")
        self.emit(Opened(), header(), *footage(4, 5))
        self.assertEqual(str(self.service.fallback.showing), "pause.mkv")
        self.assertEqual(self.watch().blocks, sent(footage(4, 5)))
        self.assertEqual(self.service.primary.restarts, 0)
        said = "stream live: fallback pause.mkv: shown while the input is away"
        self.assertEqual(self.log.about("while the input is away"), [said])

    def test_back(self) -> None:
        """The fallback stops when the input has been opened, and the input takes its turn."""
        fallback = self.reader
        fallback.deaf = True
        self.emit(Opened(), header(), *footage(1, 2))
        again = self.try_again()
        self.assertFalse(fallback.stopped)
        fallback.emit(*footage(2, 3))
        again.emit(Opened())
        self.reactor.turn()
        self.assertTrue(fallback.stopped)
        self.assertFalse(again.gone_on)
        fallback.emit(*footage(3, 4))
        fallback.join()
        self.reactor.turns()
        self.assertTrue(again.gone_on)
        again.emit(header(), *footage(4, 5))
        self.reactor.turns()
        self.assertEqual(self.response.blocks, sent([*footage(0, 3), *footage(4, 5)]))
        self.assertEqual((self.service.life.state, self.service.fallback.showing), ("live", None))
        self.assertEqual(len(self.fallbacks()), 1)

    def test_in_vain(self) -> None:
        """As long as the input cannot be opened it goes on."""
        fallback = self.reader
        self.emit(Opened(), header(), *footage(1, 2))
        for _ in range(3):
            self.try_again().emit(Ended("connection refused", fault=True))
            self.reactor.turns()
        self.assertFalse(fallback.stopped)
        fallback.emit(*footage(2, 3))
        self.reactor.turns()
        self.assertEqual(self.response.blocks, sent(footage(0, 3)))
        self.assertEqual(len(self.fallbacks()), 1)

    def test_other_tracks(self) -> None:
        """A fallback with other tracks is not shown: clients are held, and the log says why."""
        self.emit(Opened(), header(AUDIO), *footage(1, 2, track=2))
        self.assertTrue(self.reader.stopped)
        self.assertFalse(self.response.ended)
        self.assertEqual(self.response.blocks, sent(footage(0, 1)))
        self.assertEqual(len(self.log.about("pause.mkv: not shown")), 1)
        self.assertIsNone(self.service.fallback.showing)
        self.reactor.pump([1.0] * 61)
        self.assertTrue(self.response.finished)

    def test_unreadable(self) -> None:
        """A fallback that cannot be read is logged once, and tried again the next time."""
        for reason in (Ended("no media", fault=True), END):
            self.emit(reason)
            self.assertEqual(len(self.log.about(f"fallback pause.mkv: {reason.reason}")), 1)
            self.try_again().emit(Opened(), header(), END)
            self.reactor.turns()
        self.assertEqual(len(self.fallbacks()), 3)

    def test_tried_again(self) -> None:
        """
        One that has gone is opened again by itself, as an input would be, whatever the input does;
        that it cannot be opened is logged once.
        """
        self.service.stopService()
        self.start(
            "http://a/", fallback=parse_input("fallback", "http://b/"), hold=0, at_end="retry"
        )
        self.emit(Opened(), header(), *footage(0, 1), END)
        self.response = self.watch()
        input_ = self.try_again()  # which says nothing: a host that is not there
        other = next(r for r in self.readers[::-1] if r.source.text == "http://b/")
        other.emit(Opened(), header(), *footage(1, 2), END)
        self.reactor.turns()
        self.assertIs(self.readers[-1], input_)
        for _ in range(20):
            self.try_again().emit(Ended("connection refused", fault=True))
            self.reactor.turns()
            self.assertEqual(self.reader.source.text, "http://b/")
        self.assertEqual(len(self.log.about("connection refused")), 1)
        self.assertFalse(self.response.ended)
        self.try_again().emit(Opened(), header(), *footage(2, 3))
        self.reactor.turns()
        self.assertEqual(str(self.service.fallback.showing), "http://b/")
        self.assertEqual(self.response.blocks, sent(footage(1, 3)))

    def test_several(self) -> None:
        """
        Of several the first that works is shown; when it ends, the next one. After the last one
        they are tried from the first on, after a pause.
        """
        self.service.stopService()
        names = ("http://b/", "http://c/", "pause.mkv")
        self.start(
            "http://a/", fallback=tuple(parse_input("fallback", name) for name in names), hold=0
        )
        self.emit(Opened(), header(), *footage(0, 1), END)
        self.response = self.watch()
        self.assertEqual(self.reader.source.text, "http://b/")
        self.emit(Ended("connection refused", fault=True))
        self.assertEqual(self.reader.source.text, "http://c/")
        self.emit(Opened(), header(), *footage(1, 2))
        self.assertEqual(str(self.service.fallback.showing), "http://c/")
        self.emit(END)
        self.assertEqual(self.reader.source.text, "pause.mkv")
        self.emit(Opened(), header(), *footage(2, 3), END)
        self.assertEqual(self.reader.source.text, "pause.mkv", "a file is shown again and again")
        self.emit(Opened(), header(AUDIO), *footage(3, 4, track=2))
        self.assertEqual(self.reader.source.text, "pause.mkv")
        tried = self.try_again()
        while tried.source.text == "http://a/":
            tried = self.try_again()
        self.assertEqual(tried.source.text, "http://b/")
        self.assertEqual(self.response.blocks, sent(footage(1, 3)))

    def test_several_on_demand(self) -> None:
        """Fallbacks are tried only while somebody watches, from the first on for each client."""
        self.service.stopService()
        names = ("http://b/", "http://c/")
        fallbacks = tuple(parse_input("fallback", name) for name in names)
        self.start("http://a/", fallback=fallbacks, on_demand=True, linger=1.0)
        opened = len(self.readers)
        self.reactor.pump([1.0] * 9)
        self.assertEqual(len(self.readers), opened)
        response = self.watch()
        for name in ("http://a/", *names):
            self.assertEqual(self.reader.source.text, name)
            self.emit(Ended("connection refused", fault=True))
        for client in tuple(self.fanout.clients):
            self.fanout.leave(client, "the client has gone")
        self.reactor.pump([0.1] * 30)
        self.assertEqual(self.service.life.state, "waiting for a client")
        opened = len(self.readers)
        self.reactor.pump([1.0] * 60)
        self.assertEqual(len(self.readers), opened)
        response = self.watch()
        self.emit(Ended("connection refused", fault=True))
        self.assertEqual(self.reader.source.text, "http://b/")
        self.emit(Opened(), header(), *footage(0, 1))
        self.assertEqual(response.blocks, sent(footage(0, 1)))

    def test_first(self) -> None:
        """A fallback before the first sender begins the period; other tracks end its clients."""
        self.start("tcp:12345", fallback=parse_input("fallback", "pause.mkv"))
        self.assertEqual(self.service.life.state, "waiting for a sender")
        response = self.watch()
        self.emit(Opened(), header(), *footage(0, 1))
        self.assertEqual(response.blocks, sent(footage(0, 1)))
        factory: Any = self.reactor.tcpServers[-1][1]
        sender = factory.buildProtocol(None)
        sender.makeConnection(MemoryTransport(5001, handle := socket.socket()))
        self.addCleanup(handle.close)
        sender.dataReceived(b"media")
        self.emit(Opened())
        self.emit(header(AUDIO), *footage(1, 2, track=2))
        self.assertTrue(response.finished)

    def test_recorder(self) -> None:
        """The fallback is recorded, and waits for the recorder, as the input does."""
        kept = Kept()
        service = self.start(
            "tcp:12345", fallback=parse_input("fallback", "pause.mkv"), recorder=kept
        )
        kept.full = True
        self.emit(Opened())
        self.assertFalse(self.reader.gone_on)
        kept.full = False
        service.resume()
        self.assertTrue(self.reader.gone_on)

    def test_notices(self) -> None:
        """Notices of the fallback's reader are logged as those of the input."""
        self.emit(Noticed("the timestamps jump"))
        said = "stream live: pause.mkv: the timestamps jump"
        self.assertEqual(self.log.about("jump"), [said])

    def test_stop(self) -> None:
        """A service that stops waits for the fallback's reader, too."""
        stopped = self.service.stopService()
        self.assertTrue(self.reader.stopped)
        self.assertNoResult(stopped)
        for reader in self.readers:
            reader.join()
        self.reactor.turns()
        self.successResultOf(stopped)
