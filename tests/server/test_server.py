"""The streams and the listeners as one service."""

from __future__ import annotations

import signal
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import AtEnd, Form, Input, parse_input
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.config.values import ConfigError
from mkvtwist.libav import Ended
from mkvtwist.live.client import Wish
from mkvtwist.server.listeners import Listener
from mkvtwist.server.server import Server
from mkvtwist.testing import END, FakeReaders, footage, header
from tests.support.fakes import Log, PortReactor, Response, sent


class ServiceTests(SynchronousTestCase):
    """L{Server}."""

    def setUp(self) -> None:
        """Nothing is read, nobody listens."""
        self.readers = FakeReaders()
        self.reactor = PortReactor()
        self.log = Log(self)

    def make(self, *listen: str, streams: tuple[StreamConfig, ...] = ()) -> Server:
        """The service for one file, unless something else is said."""
        streams = streams or (StreamConfig(Input(Form.FILE, "film.mkv")),)
        return Server(
            self.reactor, Config(streams, listen or ("tcp:8080",)), start_reader=self.readers
        )

    def start(self, server: Server) -> None:
        """As twistd does."""
        server.privilegedStartService()
        server.startService()

    def test_start(self) -> None:
        """Starting opens the inputs, and the log says which."""
        server = self.make()
        self.start(server)
        self.assertEqual(len(self.readers), 1)
        self.assertEqual(self.log.about("stream live"), ["stream live: film.mkv"])

    def test_stop(self) -> None:
        """Stopping ends it all, and waits for the thread."""
        server = self.make()
        self.start(server)
        stopped = server.stopService()
        self.assertNoResult(stopped)
        self.readers[0].join()
        self.reactor.turns()
        self.successResultOf(stopped)

    def test_congestion(self) -> None:
        """The configuration says which congestion control the listeners give."""
        server = self.make()
        self.start(server)
        server.apply(replace(server.config, congestion="reno"))
        server.apply(replace(server.config, congestion=None))
        (port,) = self.reactor.ports
        first, *others = port.socket.chosen
        self.assertEqual(first, "reno")
        self.assertNotIn("reno", others)

    def test_end(self) -> None:
        """When the last stream has ended, and its clients have their rest, the server stops."""
        streams = tuple(StreamConfig(Input(Form.FILE, name), name=name) for name in ("a", "b"))
        server = self.make(streams=streams)
        self.start(server)
        response = Response(room=10)
        for reader in self.readers:
            reader.emit(header(), *footage(0, 1))
        self.reactor.turns()
        server.streams["b"].fanout.join(response, Wish(0))
        for reader in self.readers:
            reader.emit(END)
        self.reactor.turns()
        self.assertFalse(self.reactor.hasStopped)
        response.read()
        self.reactor.pump([0.1] * 3)
        self.assertTrue(self.reactor.hasStopped)
        self.assertEqual(len(self.log.about("every stream has ended")), 1)

    def test_end_of_one(self) -> None:
        """A stream that waits for a sender keeps the server up."""
        streams = (
            StreamConfig(Input(Form.FILE, "a"), name="a"),
            StreamConfig(Input(Form.ENDPOINT, "tcp:12345"), name="b", at_end=AtEnd.WAIT),
        )
        server = self.make(streams=streams)
        self.start(server)
        self.readers[0].emit(Ended("no media", fault=True))
        self.reactor.turns()
        self.assertFalse(self.reactor.hasStopped)

    def test_end_of_none(self) -> None:
        """A stream that was stopped is not one that has ended: the server stays."""
        streams = tuple(StreamConfig(Input(Form.FILE, name), name=name) for name in ("a", "b"))
        server = self.make(streams=streams)
        self.start(server)
        server.streams.stop("a")
        self.readers[1].emit(END)
        self.reactor.turns()
        self.assertTrue(server.streams["b"].ended)
        self.assertFalse(self.reactor.hasStopped)

    def exit_statuses(self, *streams: tuple[str, Ended, bool]) -> list[int]:
        """
        The exit statuses that a server asks for, but for 0.

        @param streams: the name of each, how it ends, and whether it is optional.
        """
        asked: list[int] = []
        configs = [
            StreamConfig(Input(Form.FILE, name), name=name, optional=optional)
            for name, _, optional in streams
        ]
        server = Server(
            self.reactor,
            Config(tuple(configs), ("tcp:8080",)),
            exit_with=asked.append,
            start_reader=self.readers,
        )
        first = len(self.readers)
        self.start(server)
        for reader, (_, ended, _) in zip(self.readers[first:], streams, strict=True):
            self.assertFalse(self.reactor.hasStopped)
            reader.emit(header(), *footage(0, 1), ended)
            self.reactor.turns()
        self.assertTrue(self.reactor.hasStopped)
        self.reactor.hasStopped = False
        return asked

    def test_exit_status(self) -> None:
        """
        It is 1 when an input could not be read, or not to its end; those of optional streams count
        only if there are no others.
        """
        fault = Ended("no media", fault=True)
        self.assertEqual(self.exit_statuses(("a", END, False)), [])
        self.assertEqual(self.exit_statuses(("a", fault, False)), [1])
        self.assertEqual(self.exit_statuses(("a", fault, False), ("b", END, False)), [1])
        self.assertEqual(self.exit_statuses(("a", fault, True), ("b", END, False)), [])
        self.assertEqual(self.exit_statuses(("a", fault, True), ("b", fault, False)), [1])
        self.assertEqual(self.exit_statuses(("a", fault, True), ("b", END, True)), [1])

    def test_exit_status_deaf(self) -> None:
        """It is 1 when nobody can send, since the port is taken."""
        asked: list[int] = []
        config = StreamConfig(Input(Form.ENDPOINT, "tcp:9"), at_end=AtEnd.EXIT)
        self.reactor.is_taken = True
        server = Server(
            self.reactor, Config((config,), ()), exit_with=asked.append, start_reader=self.readers
        )
        self.start(server)
        self.reactor.turns()
        self.assertEqual(asked, [1])


class ChangeTests(SynchronousTestCase):
    """Streams and listeners that come, go and change while others run."""

    def setUp(self) -> None:
        """Two streams, one of which somebody watches."""
        self.readers = FakeReaders()
        self.reactor = PortReactor()
        self.log = Log(self)
        self.mistakes: list[str] = []
        self.held: set[str] = set()
        self.a = self.config("a")
        self.b = self.config("b")
        self.next = Config((self.a, self.b), ("tcp:8080",))
        self.server = Server(self.reactor, self.next, self.reread, start_reader=self.readers)
        self.server.startService()
        self.addCleanup(self.server.stopService)
        self.addCleanup(self.end_threads)
        self.response = self.watch("a")
        self.log.clear()

    def config(self, name: str, text: str = "", **settings: Any) -> StreamConfig:
        """A stream that never ends by itself."""
        return StreamConfig(
            parse_input("input", text or f"http://host/{name}"),
            name=name,
            at_end=AtEnd.WAIT if text.startswith("tcp:") else AtEnd.RETRY,
            **settings,
        )

    def reread(self, held: Collection[str]) -> Config:
        """What is in the file."""
        self.held = set(held)
        if self.mistakes:
            raise ConfigError(*self.mistakes)
        return self.next

    def watch(self, name: str) -> Response:
        """A client who has seen something."""
        response = Response()
        self.server.streams[name].fanout.join(response, Wish(0))
        index = [reader.source.text for reader in self.readers].index(f"http://host/{name}")
        self.readers[index].emit(header(), *footage(0, 1))
        self.reactor.turns()
        return response

    def apply(self, *streams: StreamConfig, listen: tuple[str, ...] = ("tcp:8080",)) -> None:
        """Another configuration, until everything in it has begun."""
        self.server.apply(Config(streams, listen))
        self.settle()

    def settle(self) -> None:
        """Threads that were stopped have ended, and clients had time for the rest."""
        self.reactor.pump([0.1] * 20)

    def end_threads(self) -> None:
        """All of them."""
        for reader in self.readers:
            reader.stop()

    def states(self) -> dict[str, str]:
        """Of each stream."""
        return {name: stream.statistics().state for name, stream in self.server.streams.items()}

    def sources(self) -> list[str]:
        """What has been opened, in this order."""
        return [reader.source.text.rpartition("/")[2] for reader in self.readers]

    def ports(self) -> list[int]:
        """Where it has begun to listen, in this order."""
        return [server[0] for server in self.reactor.tcpServers]

    def test_same(self) -> None:
        """An unchanged stream goes on, and its clients see no gap."""
        before = dict(self.server.streams)
        self.apply(self.a, self.b)
        self.readers[0].emit(*footage(1, 2))
        self.reactor.turns()
        self.assertEqual(self.response.blocks, sent(footage(0, 2)))
        self.assertEqual(self.server.streams, before)
        self.assertEqual((self.sources(), self.ports()), (["a", "b"], [8080]))
        self.assertEqual(self.log.lines, [])

    def test_added_and_removed(self) -> None:
        """A new stream starts, one that is gone ends; who watches a third notices nothing."""
        gone = self.watch("b")
        self.apply(self.a, self.config("c"))
        self.assertTrue(gone.finished)
        self.assertTrue(self.readers[1].stopped)
        self.assertEqual(self.sources(), ["a", "b", "c"])
        self.assertEqual(self.states(), {"a": "live", "c": "opening"})
        self.readers[0].emit(*footage(1, 2))
        self.reactor.turns()
        self.assertEqual(self.response.blocks, sent(footage(0, 2)))
        self.assertEqual(self.log.about("stream b: removed"), ["stream b: removed"])

    def test_events(self) -> None:
        """Streams that a new configuration adds, removes or begins anew are told as such."""
        heard: list[tuple[str, str]] = []
        self.server.events.subscribe(
            lambda event: heard.append((event.stream, event.kind.removeprefix("stream ")))
        )
        self.apply(self.config("a", buffer=5.0), self.config("c"))
        told = [one for one in heard if one[1] in {"added", "removed", "started", "stopped"}]
        self.assertEqual(
            sorted(told),
            [
                *(("a", "started"), ("a", "stopped")),
                *(("b", "removed"), ("b", "stopped")),
                *(("c", "added"), ("c", "started")),
            ],
        )

    def test_changed(self) -> None:
        """A changed stream begins anew: its clients get the rest, and newcomers wait for it."""
        before = self.server.streams["a"]
        self.server.apply(Config((self.config("a", buffer=5.0), self.b)))
        self.reactor.turns()
        self.assertTrue(self.response.finished)
        after = self.server.streams["a"]
        self.assertIsNot(after, before)
        early = Response()
        after.fanout.join(early, Wish(0))
        self.settle()
        self.assertEqual(self.sources(), ["a", "b", "a"])
        self.readers[2].emit(header(), *footage(0, 1))
        self.reactor.turns()
        self.assertEqual(early.blocks, sent(footage(0, 1)))
        self.assertEqual(self.log.about("changed"), ["stream a: changed: buffer"])

    def test_changed_at_once(self) -> None:
        """Some settings are taken over by a stream that runs."""
        stream = self.server.streams["a"]
        self.apply(self.config("a", burst=9.0, client_timeout=3.0, max_clients=7), self.b)
        self.assertIs(self.server.streams["a"], stream)
        self.assertEqual((stream.config.burst, stream.config.max_clients), (9, 7))
        self.assertEqual(stream.fanout.config.client_timeout, 3)
        self.assertFalse(self.response.ended)

    def test_listeners(self) -> None:
        """New listeners listen, those that are gone do not any longer; clients stay."""
        (before,) = (s for s in self.server.services if isinstance(s, Listener))
        self.apply(self.a, self.b, listen=("tcp:8081", "tcp:8082"))
        self.assertFalse(before.running)
        self.assertEqual(self.ports(), [8080, 8081, 8082])
        self.assertEqual(self.server.config.listen, ("tcp:8081", "tcp:8082"))
        self.assertFalse(self.response.ended)

    def test_exchanged(self) -> None:
        """What one stream lets go of, another one may take: it waits until it is free."""
        self.apply(self.config("a", "tcp:5001"), self.config("b", "tcp:5002"))
        self.apply(self.config("a", "tcp:5002"), self.config("b", "tcp:5001"))
        self.assertEqual(self.states(), dict.fromkeys("ab", "waiting for a sender"))
        self.assertEqual(self.ports(), [8080, 5001, 5002, 5002, 5001])

    def test_twice_at_once(self) -> None:
        """A change before the last one is through is the one that counts."""
        for buffer in (5.0, 6.0, 7.0):
            self.server.apply(Config((self.config("a", buffer=buffer),)))
        waiting = self.watch_early("a")
        self.server.apply(Config((self.config("a", buffer=8.0),)))
        self.assertTrue(waiting.finished)
        self.settle()
        self.assertEqual(self.sources(), ["a", "b", "a"])
        self.assertEqual(self.server.streams["a"].config.buffer, 8)
        self.assertEqual(list(self.server.streams), ["a"])

    def watch_early(self, name: str) -> Response:
        """A client of a stream that has not begun."""
        response = Response()
        self.server.streams[name].fanout.join(response, Wish(0))
        return response

    def test_stopped_meanwhile(self) -> None:
        """What was about to begin does not when the server stops."""
        self.server.apply(Config((self.config("a", buffer=5.0),)))
        stopped = self.server.stopService()
        self.settle()
        self.successResultOf(stopped)
        self.assertEqual(self.sources(), ["a", "b"])
        self.server.startService()

    def test_by_hand(self) -> None:
        """A stream is stopped, started, restarted, added and removed by its name."""
        self.server.streams.stop("a")
        self.settle()
        self.assertTrue(self.response.finished)
        statistics = self.server.streams["a"].statistics()
        self.assertEqual((statistics.state, statistics.reason), ("ended", "it has been stopped"))
        self.server.streams.stop("a")
        self.apply(self.config("a", buffer=5.0), self.b)
        self.assertEqual(self.states(), {"a": "ended", "b": "opening"})
        self.server.streams.start("b")
        self.server.streams.start("a")
        self.settle()
        self.assertEqual(self.sources(), ["a", "b", "a"])
        self.assertEqual(self.server.streams["a"].config.buffer, 5)
        self.server.streams.restart("a")
        self.settle()
        self.assertEqual(self.sources(), ["a", "b", "a", "a"])
        self.server.streams.add(self.config("c"))
        error = self.assertRaises(ConfigError, self.server.streams.add, self.config("c"))
        self.assertIn("'c' already", str(error))
        self.server.streams.change(self.config("c", burst=3.0))
        self.server.streams.change(self.config("c", buffer=3.0))
        self.settle()
        self.assertEqual(self.sources(), ["a", "b", "a", "a", "c", "c"])
        self.server.streams.remove("c")
        self.assertEqual(list(self.server.streams), ["a", "b"])
        streams = self.server.streams
        for act in (streams.stop, streams.start, streams.restart, streams.remove):
            self.assertRaises(KeyError, act, "c")

    def test_stopped_before_it_began(self) -> None:
        """What is stopped before its turn has come never begins."""
        self.server.streams.restart("a")
        self.server.streams.stop("a")
        self.settle()
        self.assertEqual(self.sources(), ["a", "b"])
        self.assertEqual(self.states()["a"], "ended")

    def hang_up(self) -> None:
        """Somebody sends C{SIGHUP}."""
        signal.raise_signal(signal.SIGHUP)
        self.reactor.turns()
        self.settle()

    def test_hangup(self) -> None:
        """C{SIGHUP} reads the file again; ports that are ours are not tried."""
        self.next = Config((self.a, self.config("c", "tcp:5001")), ("tcp:8080",))
        self.hang_up()
        self.assertEqual(self.held, {"tcp:8080"})
        self.assertEqual(self.states(), {"a": "live", "c": "waiting for a sender"})
        self.hang_up()
        self.assertEqual(self.held, {"tcp:8080", "tcp:5001"})
        self.assertFalse(self.response.ended)

    def test_hangup_meanwhile(self) -> None:
        """A port that a stream is about to let go of, since it begins anew, is not tried either."""
        self.next = Config((self.a, self.config("c", "tcp:5001")), ("tcp:8080",))
        self.hang_up()
        leaving: Deferred[None] = Deferred()
        self.reactor.ports[-1].freed = leaving
        self.server.streams.restart("c")
        self.server.reload()
        self.assertEqual(self.held, {"tcp:8080", "tcp:5001"})
        leaving.callback(None)
        self.settle()
        self.server.reload()
        self.assertEqual(self.held, {"tcp:8080", "tcp:5001"})

    def test_mistakes(self) -> None:
        """A file with mistakes changes nothing, and the log says all of them."""
        before = dict(self.server.streams)
        self.mistakes = ["x.toml: listen: wrong", "x.toml: streams.a.input: {wrong}"]
        self.hang_up()
        self.assertEqual(
            self.log.lines,
            [*self.mistakes, "the configuration has mistakes: nothing has changed"],
        )
        self.assertEqual(self.server.streams, before)

    def test_hangup_afterwards(self) -> None:
        """When the server has stopped, the signal means what it meant before."""
        came: list[int] = []
        self.server.stopService()
        before = signal.signal(signal.SIGHUP, lambda number, _: came.append(number))
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        self.server.startService()
        signal.raise_signal(signal.SIGHUP)
        self.server.stopService()
        self.reactor.turns()
        self.assertEqual((came, self.held), ([], set()))
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual(came, [signal.SIGHUP])
        self.server.startService()

    def test_without_file(self) -> None:
        """Without a file the signal is left alone."""
        self.server.stopService()
        before = signal.getsignal(signal.SIGHUP)
        server = Server(self.reactor, Config(()))
        server.startService()
        self.assertIs(signal.getsignal(signal.SIGHUP), before)
        server.stopService()
        self.server.startService()
