"""The command line, what is checked before anything starts, and the services."""

from __future__ import annotations

import io
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.error import CannotListenError
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mkvtwist import __version__, tap
from mkvtwist.config import AtEnd, Config, Form, Input, StreamConfig
from mkvtwist.demux import Ended
from mkvtwist.publisher import Wish
from mkvtwist.stream import Stream
from mkvtwist.tap import BACKLOG, Listener, Options, Server, makeService
from tests.fakes import END, Log, Reactor, Response, StillReader, footage, header


class Terminal(io.StringIO):
    """A standard input with somebody at it."""

    def isatty(self) -> bool:
        """It is one."""
        return True


class Twistd(TwistedOptions):
    """As much of C{twistd}'s own options as matters here."""

    optFlags = [["nodaemon", "n", "Stay in the foreground"]]  # noqa: RUF012 - Twisted's way
    subCommands = [["mkvserve", None, Options, "Stream"]]  # noqa: N815, RUF012 - likewise


class OptionsTests(SynchronousTestCase):
    """L{Options}."""

    def setUp(self) -> None:
        """Standard input is no terminal; there is a file."""
        self.patch(sys, "stdin", io.StringIO())
        self.film = Path(self.mktemp())
        self.film.write_bytes(b"film")

    def parse(self, *arguments: str) -> Config:
        """The configuration, on a free port unless something else is asked for."""
        options = Options()
        if not any(argument.startswith(("--listen", "-l")) for argument in arguments):
            arguments = ("--listen=tcp:0", *arguments)
        options.parseOptions(list(arguments))
        assert options.config is not None
        return options.config

    def stream(self, *arguments: str) -> StreamConfig:
        """The only stream's configuration."""
        (stream,) = self.parse(*arguments).streams
        return stream

    def refused(self, *arguments: str) -> str:
        """What is said of a mistake."""
        return str(self.assertRaises(UsageError, self.parse, *arguments))

    def test_defaults(self) -> None:
        """Without options everything is as the contract says."""
        stream = self.stream("demo:")
        self.assertEqual(stream, StreamConfig(Input(Form.DEMO, "demo:"), at_end=stream.at_end))
        self.assertEqual((stream.name, stream.burst, stream.buffer), ("live", 2, 30))
        self.assertEqual((stream.buffer_bytes, stream.whole_segments), (64 << 20, False))
        self.assertEqual((stream.max_clients, stream.client_timeout), (0, 30))
        self.assertEqual((stream.readrate, stream.readrate_initial_burst), (1, 30))
        self.assertIsNone(stream.record)

    def test_all(self) -> None:
        """Each option sets what it is called after."""
        directory = Path(self.mktemp())
        directory.mkdir()
        record = directory / "film.mkv"
        stream = self.stream(
            "--name=tv",
            "--burst=1.5",
            "--buffer=60",
            "--buffer-bytes=1M",
            "--whole-segments",
            "--max-clients=10",
            "--client-timeout=5",
            "--readrate=0",
            "--readrate-initial-burst=0.5",
            "--at-end=loop",
            f"--record={record}",
            str(self.film),
        )
        self.assertEqual(
            stream,
            StreamConfig(
                Input(Form.FILE, str(self.film.absolute())),
                name="tv",
                burst=1.5,
                buffer=60.0,
                buffer_bytes=1 << 20,
                whole_segments=True,
                max_clients=10,
                client_timeout=5.0,
                readrate=0.0,
                readrate_initial_burst=0.5,
                at_end=AtEnd.LOOP,
                record=str(record.absolute()),
            ),
        )

    def test_inputs(self) -> None:
        """INPUT, C{--input} and C{-i} are the same; each form is told by how it looks."""
        for text, form in (
            (str(self.film), Form.FILE),
            ("-", Form.STDIN),
            ("http://host/live.mkv", Form.URL),
            ("rtmp://host/app?listen=1", Form.URL),
            ("tcp:0:interface=127.0.0.1", Form.ENDPOINT),
            ("demo:", Form.DEMO),
        ):
            for arguments in ((text,), (f"--input={text}",), ("-i", text)):
                self.assertIs(self.stream(*arguments).input.form, form, text)

    def test_at_end(self) -> None:
        """What happens at the end depends on the input, where nothing else is said."""
        for text, at_end in (
            (str(self.film), AtEnd.EXIT),
            ("-", AtEnd.EXIT),
            ("http://host/live.mkv", AtEnd.RETRY),
            ("tcp:0", AtEnd.WAIT),
        ):
            self.assertIs(self.stream(text).at_end, at_end, text)

    def test_two_inputs(self) -> None:
        """Two inputs are a mistake, in whatever way they are given."""
        for arguments in (("a", "b"), ("--input=a", "b"), ("--input=a", "-i", "b")):
            said = self.refused(*arguments)
            self.assertIn("'a'", said)
            self.assertIn("'b'", said)

    def test_no_input(self) -> None:
        """Without INPUT it is standard input, but not a terminal: that is told what there is."""
        self.assertIs(self.stream().input.form, Form.STDIN)
        for stdin in (Terminal(), None):
            self.patch(sys, "stdin", stdin)
            said = self.refused()
            for form in ("film.mkv", "-", "http://host/path", "tcp:12345", "demo:"):
                self.assertIn(f"\n{form} ", said)

    def test_empty_input(self) -> None:
        """An empty input is told the forms, too."""
        self.assertIn("demo:", self.refused(""))

    def test_options_after_input(self) -> None:
        """Options after INPUT are not taken for inputs."""
        said = self.refused(str(self.film), "--burst=3")
        self.assertIn("'--burst=3' comes after INPUT", said)

    def test_bad_values(self) -> None:
        """A bad value is quoted, with the option's name and what is allowed."""
        for option, value, allowed in (
            ("name", "a/b", "letters"),
            ("name", "", "letters"),
            ("name", "status", "server"),
            ("burst", "soon", "seconds"),
            ("burst", "-1", "from 0"),
            ("burst", "nan", "seconds"),
            ("buffer", "1e9", "86400"),
            ("buffer-bytes", "64Q", "64M"),
            ("buffer-bytes", "1k", "64k"),
            ("max-clients", "many", "whole number"),
            ("max-clients", "-1", "0 or more"),
            ("client-timeout", "0", "from 1"),
            ("readrate", "fast", "such as 1"),
            ("readrate", "-2", "from 0"),
            ("readrate-initial-burst", "?", "seconds"),
            ("at-end", "never", "retry"),
            ("at-end", "wait", "demo"),
        ):
            said = self.refused(f"--{option}={value}", "demo:")
            self.assertTrue(said.startswith(f"{option}: {value!r}"), said)
            self.assertIn(allowed, said)
            self.assertEqual(said.count("\n"), 0)

    def test_unknown_option(self) -> None:
        """An option that does not exist is named."""
        self.assertIn("loop", self.refused("--loop", "demo:"))

    def test_missing_file(self) -> None:
        """A file that is not there, or is none, is said before anything starts."""
        said = self.refused("nothing-here.mkv")
        self.assertEqual(said, "input: 'nothing-here.mkv': No such file or directory")
        self.assertIn("Is a directory", self.refused("."))

    def test_named_pipe(self) -> None:
        """A named pipe is not opened yet: that would wait for its writer, and take it away."""
        pipe = self.mktemp()
        os.mkfifo(pipe)
        self.assertEqual(self.stream(pipe).input.text, str(Path(pipe).absolute()))

    def test_absolute(self) -> None:
        """Relative paths are meant from here, whatever C{--rundir} says."""
        stream = self.stream("--record=recording.mkv", os.path.relpath(self.film))
        self.assertEqual(stream.input.text, str(self.film.absolute()))
        self.assertEqual(stream.record, str(Path("recording.mkv").absolute()))

    def test_record(self) -> None:
        """Where nothing can be recorded to is said before anything starts."""
        directory = Path(self.mktemp())
        self.assertIn("there is no directory", self.refused(f"--record={directory}/x", "demo:"))
        directory.mkdir()
        self.assertIn("is a directory", self.refused(f"--record={directory}", "demo:"))
        self.patch(os, "access", lambda *_: False)
        self.assertIn("cannot be written to", self.refused(f"--record={directory}/x", "demo:"))

    def test_listen(self) -> None:
        """C{--listen} may be repeated; its default is the contract's."""
        config = self.parse("--listen=tcp:0", "-l", "tcp:0:interface=127.0.0.1", "demo:")
        self.assertEqual(config.listen, ("tcp:0", "tcp:0:interface=127.0.0.1"))
        tried: list[tuple[int, str]] = []

        def try_(*arguments: Any, interface: str = "", **_: Any) -> None:
            tried.append((arguments[1], interface))

        self.patch(tap._Probe, "listenTCP", try_)
        options = Options()
        options.parseOptions(["demo:"])
        assert options.config is not None
        self.assertEqual(options.config.listen, ("tcp:8080",))
        self.assertEqual(tried, [(8080, "")])

    def test_bad_endpoint(self) -> None:
        """What is no endpoint is quoted, with examples."""
        for text in ("8080", "tcp", "tcp:http", "nonsense:1", "tcp:1:nonsense=2", ""):
            said = self.refused(f"--listen={text}", "demo:")
            self.assertIn(f"listen: {text!r} is not a Twisted server endpoint", said)
            self.assertIn("tcp:8080", said)
        self.assertIn("input: 'tcp:x'", self.refused("tcp:x"))

    def test_busy_port(self) -> None:
        """A port that is taken is said before anything starts, for listeners and for the input."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            text = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            said = self.refused(f"--listen={text}", "demo:")
            self.assertIn(f"listen: cannot listen at {text!r}: Address already in use", said)
            said = self.refused(text)
            self.assertIn(f"input: cannot listen at {text!r}: Address already in use", said)
        self.assertEqual(self.parse(f"--listen={text}", "demo:").listen, (text,))

    def test_impossible_ports(self) -> None:
        """Nor can one listen at an address that is not here, or at a number that is no port's."""
        for text in (
            "tcp:0:interface=192.0.2.1",
            "tcp:99999",
            "tcp6:0:interface=2001\\:db8\\:\\:1",
        ):
            self.assertIn("cannot listen at", self.refused(f"--listen={text}", "demo:"))

    def test_same_port_twice(self) -> None:
        """Two things at one port are noticed, however they are written."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        text = f"tcp:{port}"
        self.assertIn("twice", self.refused(f"--listen={text}", f"--listen={text}", "demo:"))
        other = f"{text}:interface=127.0.0.1"
        self.assertIn(repr(other), self.refused(f"--listen={text}", f"--listen={other}", "demo:"))
        self.assertIn("Address already in use", self.refused(f"--listen={text}", text))

    def test_unix(self) -> None:
        """A UNIX socket needs a directory that can be written to."""
        path = Path(self.mktemp())
        config = self.parse(f"--listen=unix:{path}:mode=600", "demo:")
        self.assertEqual(config.listen, (f"unix:{path.absolute()}:mode=600",))
        said = self.refused("--listen=unix:/nowhere/at/all", "demo:")
        self.assertIn("cannot be written to", said)

    def test_ssl(self) -> None:
        """A TLS endpoint's port is tried like any other."""
        probe = tap._Probe()
        self.addCleanup(probe.close)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            self.assertRaises(OSError, probe.listenSSL, port, None, None, interface="127.0.0.1")

    def test_systemd(self) -> None:
        """What systemd has opened listens already."""
        tap._Probe().adoptStreamPort(3, socket.AF_INET, None)

    def test_version(self) -> None:
        """C{--version} says ours."""
        self.patch(sys, "stdout", said := io.StringIO())
        self.assertRaises(SystemExit, self.parse, "--version")
        self.assertEqual(said.getvalue(), f"mkvtwist {__version__}\n")

    def test_one_line(self) -> None:
        """Under twistd a mistake is one line on standard error, and the exit status 1."""
        self.patch(sys, "stderr", said := io.StringIO())
        ended = self.assertRaises(
            SystemExit, Twistd().parseOptions, ["mkvserve", "--burst=soon", "demo:"]
        )
        self.assertEqual(ended.code, 1)
        self.assertTrue(said.getvalue().startswith("mkvserve: burst: 'soon' is not "))
        self.assertEqual(said.getvalue().count("\n"), 1)

    def test_daemon(self) -> None:
        """A daemon has no standard input; with anything else it may be one."""
        for arguments in ((), ("-",), ("--input=-",)):
            self.patch(sys, "stderr", said := io.StringIO())
            command = ["mkvserve", "--listen=tcp:0", *arguments]
            ended = self.assertRaises(SystemExit, Twistd().parseOptions, command)
            self.assertEqual(ended.code, 1)
            self.assertIn("a daemon has no standard input", said.getvalue())
            Twistd().parseOptions(["-n", *command])
        Twistd().parseOptions(["mkvserve", "--listen=tcp:0", "demo:"])


class ServiceTests(SynchronousTestCase):
    """What the options make."""

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

    def test_make_service(self) -> None:
        """L{makeService} gives one MultiService, which has started nothing."""
        options = Options()
        options.parseOptions(["--listen=tcp:0", "demo:"])
        service = makeService(options)
        verifyObject(IService, service)
        assert isinstance(service, MultiService)
        self.assertEqual(
            [type(child) for child in service.services],
            [Stream, Listener],
        )
        self.assertEqual(self.readers, [])

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
        self.assertEqual(tap.raise_descriptor_limit(), sys.maxsize)
