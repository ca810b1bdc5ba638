"""The streams and the listeners as one service."""

from __future__ import annotations

import resource
import socket
import sys

from twisted.internet.error import CannotListenError
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config import AtEnd, Config, Form, Input, StreamConfig
from mkvtwist.demux import Ended
from mkvtwist.publisher import Wish
from mkvtwist.server import BACKLOG, Listener, Server, raise_descriptor_limit
from tests.fakes import END, Log, Reactor, Response, StillReader, footage, header


class ServiceTests(SynchronousTestCase):
    """L{Server}."""

    def setUp(self) -> None:
        """Nothing is read, nobody listens."""
        self.readers = StillReader.instead_of_real_ones(self)
        self.reactor = Reactor()
        self.log = Log(self)

    def make(self, *listen: str, streams: tuple[StreamConfig, ...] = ()) -> Server:
        """The service for one file, unless something else is said."""
        streams = streams or (StreamConfig(Input(Form.FILE, "film.mkv")),)
        return Server(self.reactor, Config(streams, listen or ("tcp:8080",)))

    def start(self, server: Server) -> None:
        """As twistd does."""
        server.privilegedStartService()
        server.startService()

    def test_listen(self) -> None:
        """It listens wherever it was told to, for a crowd, before privileges are dropped."""
        server = self.make("tcp:80", "tcp:8080:backlog=7")
        server.privilegedStartService()
        self.assertEqual([port[0] for port in self.reactor.tcpServers], [80, 8080])
        self.assertEqual([port[2] for port in self.reactor.tcpServers], [BACKLOG, 7])
        server.startService()
        self.assertEqual(len(self.reactor.tcpServers), 2)
        name = socket.gethostname()
        self.assertEqual(
            self.log.about("http"),
            [
                f"watch at http://{name}:80/",
                f"or in a player: http://{name}:80/live.mkv",
                f"watch at http://{name}:8080/",
                f"or in a player: http://{name}:8080/live.mkv",
            ],
        )

    def test_twist(self) -> None:
        """Under twist, which knows no privileges, it listens as well."""
        self.make().startService()
        self.assertEqual([port[0] for port in self.reactor.tcpServers], [8080])

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

    def test_stop_before_listening(self) -> None:
        """What has never listened can be stopped."""
        listener = Listener(self.reactor, "tcp:8080", self.make().site, ("live",))
        self.assertIsNone(listener.stopService())

    def test_deaf(self) -> None:
        """A port that was lost between the check and the start is said in the log."""

        def refuse(*_: object, **__: object) -> None:
            raise CannotListenError("", 8080, OSError(98, "Address already in use"))

        self.patch(self.reactor, "listenTCP", refuse)
        self.start(self.make())
        (line,) = self.log.about("cannot listen at tcp:8080")
        self.assertIn("Address already in use", line)

    def test_end(self) -> None:
        """When the last stream has ended, and its clients have their rest, the server stops."""
        streams = tuple(StreamConfig(Input(Form.FILE, name), name=name) for name in ("a", "b"))
        server = self.make(streams=streams)
        self.start(server)
        response = Response(room=10)
        for reader in self.readers:
            reader.emit(header(), *footage(0, 1))
        self.reactor.turns()
        server.streams["b"].publisher.join(response, Wish(0))
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

    def test_descriptors(self) -> None:
        """The limit of open files is raised; when that is too few, the log says what to do."""
        limits: list[tuple[int, int]] = [(1024, 2000)]
        self.patch(resource, "getrlimit", lambda _: limits[-1])
        self.patch(resource, "setrlimit", lambda _, limit: limits.append(limit))
        few = StreamConfig(Input(Form.FILE, "a"), max_clients=1000)
        self.start(self.make(streams=(few,)))
        self.assertEqual(limits, [(1024, 2000), (2000, 2000)])
        self.assertEqual(self.log.about("files can be open"), [])
        many = StreamConfig(Input(Form.FILE, "a"), max_clients=10_000)
        self.start(self.make(streams=(many,)))
        self.assertEqual(len(limits), 2, "it is at the limit already")
        (line,) = self.log.about("files can be open")
        self.assertIn("only 2000 files can be open, too few for 10000 clients", line)

    def test_no_limit(self) -> None:
        """Without a hard limit there is enough for anybody."""
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        self.patch(resource, "getrlimit", lambda _: unlimited)
        self.assertEqual(raise_descriptor_limit(), sys.maxsize)
