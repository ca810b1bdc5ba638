"""The command line, what is checked before anything starts, and the services."""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

from twisted.application.service import IService, MultiService
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mkvtwist import __version__
from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.inputs.workers import Workers
from mkvtwist.server.listeners import Listener
from mkvtwist.server.process import MonotonicClock
from mkvtwist.server.systemd import Notifier
from mkvtwist.server.tap import Options, makeService
from mkvtwist.streams.stream import Stream
from tests.test_end_to_end import CHECKOUT, environment


class Terminal(io.StringIO):
    """A standard input with somebody at it."""

    def isatty(self) -> bool:
        """It is one."""
        return True


class Twistd(TwistedOptions):
    """As much of C{twistd}'s own options as matters here."""

    optFlags = [["nodaemon", "n", "Stay in the foreground"]]  # noqa: RUF012 - Twisted's way
    subCommands = [["mkvserve", None, Options, "Stream"]]  # noqa: N815, RUF012 - likewise


UNDER_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="http")
from twisted.internet import reactor
from tests.server.test_tap import Twistd
for which in ("index=0", "name=http", "index=1", "name=other"):
    listen = "--listen=systemd:domain=INET:" + which
    try:
        Twistd().parseOptions(["--nodaemon", "mkvserve", "--check", listen, "demo:"])
    except SystemExit as ended:
        print("status", ended.code)
"""
"""What a process that systemd has given one socket says of four that it is told to use."""


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
            "--max-lag=4.5",
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
                max_lag=4.5,
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

    def test_fallbacks(self) -> None:
        """A fallback may be given again; the order stays."""
        film = str(self.film)
        self.assertEqual(self.stream("demo:").fallbacks, ())
        self.assertEqual(
            self.stream("--fallback=demo:", "demo:").fallback, Input(Form.DEMO, "demo:")
        )
        several = self.stream("--fallback=http://b/", f"--fallback={film}", "--fallback=demo:", "-")
        self.assertEqual(
            [one.text for one in several.fallbacks],
            ["http://b/", os.path.abspath(film), "demo:"],
        )

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
        """An option that does not exist is named, and the one that is like it, if there is one."""
        self.assertEqual(self.refused("--loop", "demo:"), "option --loop not recognized")
        said = self.refused("--rebord=film.mkv", "demo:")
        self.assertEqual(said, "option --rebord not recognized; did you mean --record?")

    def test_missing_file(self) -> None:
        """A file that is not there, or is none, is said before anything starts."""
        said = self.refused("nothing-here.mkv")
        path = str(Path("nothing-here.mkv").absolute())
        self.assertEqual(said, f"input: {path!r}: No such file or directory")
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
        """C{--listen} may be repeated."""
        config = self.parse("--listen=tcp:0", "-l", "tcp:0:interface=127.0.0.1", "demo:")
        self.assertEqual(config.listen, ("tcp:0", "tcp:0:interface=127.0.0.1"))
        self.assertEqual(self.parse("--listen=tcp:8080", "demo:").listen, ("tcp:8080",))

    def test_congestion(self) -> None:
        """A congestion control that the kernel lacks is said at the start, with what there is."""
        self.assertEqual(
            self.parse("--congestion=reno", "--listen=tcp:0", "demo:").congestion, "reno"
        )
        said = self.refused("--congestion=nonsense", "--listen=tcp:0", "demo:")
        self.assertIn("congestion: 'nonsense' is not available on this machine: use one of", said)
        self.assertIn("'a b' is not a name of the kernel's", self.refused("--congestion=a b"))

    def test_bad_endpoint(self) -> None:
        """Text that is no endpoint is quoted, with examples."""
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
        self.assertIn("twice", self.refused(f"--listen={text}", text))
        said = self.refused(f"--listen={other}", text)
        self.assertIn("Address already in use", said)

    def test_unix(self) -> None:
        """A UNIX socket needs a directory that can be written to."""
        path = Path(self.mktemp())
        config = self.parse(f"--listen=unix:{path}:mode=600", "demo:")
        self.assertEqual(config.listen, (f"unix:{path.absolute()}:mode=600",))
        said = self.refused("--listen=unix:/nowhere/at/all", "demo:")
        self.assertIn("cannot be written to", said)

    def test_config(self) -> None:
        """C{--config} takes a file; INPUT beside it is one more stream, and options come first."""
        file = Path(self.mktemp())
        file.write_text('[defaults]\nburst = 5\n[streams.tv]\ninput = "demo:"\nbuffer = 60\n')
        (tv,) = self.parse(f"--config={file}").streams
        self.assertEqual((tv.name, tv.burst, tv.buffer), ("tv", 5, 60))
        tv, live = self.parse(f"--config={file}", "--burst=7", "tcp:0").streams
        self.assertEqual((tv.name, tv.burst, tv.buffer), ("tv", 7, 60))
        self.assertEqual((live.name, live.burst, live.buffer), ("live", 7, 30))
        self.assertIn("two configuration files", self.refused(f"--config={file}", "--config=other"))
        self.assertIn("name: ", self.refused(f"--config={file}", "--name=x"))

    def test_config_mistakes(self) -> None:
        """Each mistake in a file is a line on standard error, and the exit status is 1."""
        file = Path(self.mktemp())
        file.write_text('lisen = ["x"]\n[streams.tv]\ninput = "gone.mkv"\nburst = true\n')
        self.patch(sys, "stderr", said := io.StringIO())
        command = ["mkvserve", "--listen=tcp:0", f"--config={file}"]
        ended = self.assertRaises(SystemExit, Twistd().parseOptions, command)
        self.assertEqual(ended.code, 1)
        gone = str(file.parent.absolute() / "gone.mkv")
        self.assertEqual(
            said.getvalue().splitlines(),
            [
                f"mkvserve: {file}: lisen: unknown; did you mean listen?",
                f"{file}: streams.tv.burst: true is not a number",
                f"{file}: streams.tv.input: {gone!r}: No such file or directory",
            ],
        )

    def test_check(self) -> None:
        """C{--check} says what would run, and starts nothing."""
        self.patch(sys, "stdout", said := io.StringIO())
        ended = self.assertRaises(
            SystemExit, self.parse, "--check", "--burst=5", "--whole-segments", "demo:"
        )
        self.assertEqual(ended.code, 0)
        self.assertEqual(
            said.getvalue().splitlines(),
            [
                "listen: tcp:0",
                "stream live: demo:, at the end retry",
                "  burst: 5.0",
                "  whole_segments: true",
            ],
        )

    def test_check_beside(self) -> None:
        """A port that is taken is no mistake for C{--check}: the server that is checked may run."""
        self.patch(sys, "stdout", io.StringIO())
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            text = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            ended = self.assertRaises(
                SystemExit, self.parse, "--check", f"--listen={text}", "demo:"
            )
            self.assertEqual(ended.code, 0)
        self.assertIn("twice", self.refused("--check", f"--listen={text}", text))

    def test_sample(self) -> None:
        """C{--sample} shows a configuration that works as it is."""
        self.patch(sys, "stdout", said := io.StringIO())
        ended = self.assertRaises(SystemExit, self.parse, "--sample")
        self.assertEqual(ended.code, 0)
        file = Path(self.mktemp())
        file.write_text(said.getvalue())
        self.assertEqual([s.name for s in self.parse(f"--config={file}").streams], ["demo"])

    def test_help(self) -> None:
        """C{--help} shows how the command goes, and every option, in lines of 80 columns."""
        self.patch(sys, "stdout", said := io.StringIO())
        ended = self.assertRaises(SystemExit, Twistd().parseOptions, ["mkvserve", "--help"])
        self.assertEqual(ended.code, 0)
        text = said.getvalue()
        self.assertRegex(text, r"^Usage: .* mkvserve\s+\[options\]\s+\[INPUT\]\n\n")
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        for name in Options().longOpt:
            self.assertIn(f" --{name}", text)

    def test_completion(self) -> None:
        """A shell completes options, files and choices."""
        command = "from twisted.scripts.twistd import run; run()"
        words = ("mkvserve", "--", "--_shell-completion", "zsh:3")
        shown = subprocess.run(
            (sys.executable, "-c", command, *words),
            cwd=CHECKOUT,
            env=environment(),
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for line in (
            r"^'--at-end=\[.*\]:at-end:\(exit wait retry loop\)'",
            r"^'--record=\[.*\]:record .*:_files",
            r"^'--burst=\[.*\]:seconds:'",
            r"^'--on-demand\[.*\]'",
            r"^'\*--listen=\[.*\]:endpoint:'",
            r"^'--config=\[.*\]:config \(\*\.toml\):_files",
        ):
            self.assertRegex(shown, re.compile(line, re.MULTILINE))

    def test_systemd(self) -> None:
        """A socket that systemd has opened is left as it is; one that it has not is said."""
        with socket.create_server(("127.0.0.1", 0)) as inherited:
            ended = subprocess.run(
                (sys.executable, "-c", UNDER_SYSTEMD, str(inherited.fileno())),
                cwd=CHECKOUT,
                env=environment(),
                pass_fds=(inherited.fileno(),),
                capture_output=True,
                check=False,
                text=True,
            )
            self.assertEqual(ended.returncode, 0, ended.stderr)
            self.assertEqual(
                re.findall(r"^(?:listen: .*|status .)$", ended.stdout, re.MULTILINE),
                [
                    "listen: systemd:domain=INET:index=0",
                    "status 0",
                    "listen: systemd:domain=INET:name=http",
                    "status 0",
                    "status 1",
                    "status 1",
                ],
            )
            self.assertEqual(ended.stderr.count("no such socket"), 2)
            socket.create_connection(inherited.getsockname()).close()

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

    def test_make_service(self) -> None:
        """L{makeService} gives one MultiService, which has started nothing."""
        threads = threading.enumerate()
        from twisted.internet import reactor

        options = Options()
        options.parseOptions(["--listen=tcp:0", "demo:"])
        self.addCleanup(lambda: vars(reactor).pop("seconds", None))
        service = makeService(options)
        self.assertIsInstance(reactor.seconds, MonotonicClock)
        verifyObject(IService, service)
        assert isinstance(service, MultiService)
        self.assertEqual(
            [type(child) for child in service.services],
            [Workers, Stream, Listener, Notifier],
        )
        self.assertEqual(threading.enumerate(), threads)
        self.assertFalse(service.running)
