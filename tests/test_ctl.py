"""C{mkvctl}, against a real server."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mkvtwist import __version__, ctl
from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.ctl import DENIED, FAILED, UNREACHABLE, USAGE, ControlError, run, table
from mkvtwist.live.client import Wish
from mkvtwist.live.events import ClientJoined, Reloaded
from mkvtwist.server.server import Server
from mkvtwist.testing import FakeReaders, footage, header
from tests.support.fakes import Log, Response

Do = Callable[[Sequence[str], TextIO, Mapping[str, str]], int]
"""What a command line is done with."""

TOKEN = "a-token-of-some-length"  # noqa: S105 - the tests' own


class ControlTestCase(TestCase):
    """
    What the cases below have in common: a server, managed at a socket in the file system.

    @ivar reread: reads the server's configuration file again, if it has one.
    """

    reread: Callable[[Collection[str]], Config] | None = None

    def setUp(self) -> None:
        """It has one stream, which is live, and which nobody reads."""
        self.readers = FakeReaders()
        Log(self)
        folder = tempfile.mkdtemp()  # trial's own is too long for the name of a socket
        self.addCleanup(shutil.rmtree, folder)
        self.path = os.path.join(folder, "control")
        self.config = Config(
            (StreamConfig(Input(Form.URL, "http://me:secret@host/"), name="live"),),
            ("tcp:0:interface=127.0.0.1",),
            (f"unix:{self.path}", "tcp:0:interface=127.0.0.1"),
        )
        self.server = Server(reactor, self.config, self.reread, start_reader=self.readers)
        self.server.privilegedStartService()
        self.server.startService()
        self.addCleanup(self.server.stopService)
        self.environment: dict[str, str] = {}

    def url(self, listener: int = 2) -> str:
        """Where the server listens: for clients (0), for managers over TCP (2)."""
        host = list(self.server.listeners)[listener].host
        return f"http://127.0.0.1:{host.port}"

    def begin(self) -> None:
        """Packets come."""
        publisher = self.server.streams["live"].publisher
        publisher.begin(header())
        publisher.publish(footage(0, 2))

    def ctl(self, *arguments: str) -> Deferred[str]:
        """What it prints."""
        if "--url" not in arguments and not self.environment:
            arguments = ("--unix", self.path, *arguments)
        return deferToThread(self.printed, *arguments)

    def printed(self, *arguments: str) -> str:
        """Likewise, in this thread."""
        out = io.StringIO()
        status = run(arguments, out, self.environment)
        self.assertEqual(status, 0)
        return out.getvalue()

    @inlineCallbacks
    def refused(self, *arguments: str) -> Any:
        """Why it is not done: the status, and the lines."""
        try:
            said = yield self.ctl(*arguments)
        except ControlError as error:
            return error.status, *error.lines
        self.fail(said)


class CommandTests(ControlTestCase):
    """Each command."""

    @inlineCallbacks
    def test_list(self) -> Any:
        """A line for each stream; as JSON what the server says."""
        self.begin()
        heading, line = (yield self.ctl("list")).splitlines()
        self.assertEqual(
            heading.split(), ["STREAM", "STATE", "CLIENTS", "HLS", "BITRATE", "SINCE", "INPUT"]
        )
        self.assertEqual(line.split()[:6], ["live", "opening", "0", "0", "1.6", "kbit/s"])
        self.assertEqual(line.split()[-1], "http://me:***@host/")
        for arguments in (("list", "--json"), ("--json", "list")):
            got = json.loads((yield self.ctl(*arguments)))
            self.assertEqual(got["live"]["state"], "opening")

    @inlineCallbacks
    def test_title(self) -> Any:
        """What is playing is told, shown, and told to be over."""
        said = yield self.ctl("title", "live", "Title", "--artist", "Artist")
        self.assertEqual(said, "live: playing Artist - Title\n")
        self.assertIn("playing Artist - Title", (yield self.ctl("show", "live")))
        said = yield self.ctl("title", "live")
        self.assertEqual(said, "live: nothing is known to be playing\n")

    @inlineCallbacks
    def test_show(self) -> Any:
        """Everything of one stream, its clients and its settings; nothing moves the cursor."""
        self.begin()
        fanout = self.server.streams["live"].fanout
        fanout.join(Response(), Wish(0, peer="192.0.2.1:7", user_agent="a\x1b[2Jb"))
        text = yield self.ctl("show", "live")
        self.assertIn("live: opening since 20", text)
        self.assertRegex(text, r"(?m)^ +1  video  h264   160x120$")
        self.assertRegex(text, r"(?m)^ +1  192\.0\.2\.1:7  matroska  live   0\.\d s .* a\?\[2Jb$")
        self.assertRegex(text, r"(?m)^burst +2\.0$")
        self.assertNotIn("secret", text)

    @inlineCallbacks
    def test_add_set_remove(self) -> Any:
        """A stream comes, changes, goes; a value is JSON if it can be, else text."""
        said = yield self.ctl("add", "more", "demo:", "burst=5", "on_demand=true", "record=a.mkv")
        self.assertEqual(said, "more: added, waiting for a client\n")
        config = self.server.streams["more"].config
        self.assertEqual((config.burst, config.on_demand), (5.0, True))
        self.assertTrue(str(config.record).endswith("/a.mkv"))
        said = yield self.ctl("set", "more", "max-clients=3", "record=null")
        self.assertEqual(said, "more: changed, waiting for a client\n")
        config = self.server.streams["more"].config
        self.assertEqual((config.max_clients, config.record), (3, None))
        got = yield self.refused("add", "more", "demo:")
        self.assertEqual(got, (FAILED, "there is a stream 'more' already; change it with set"))
        said = yield self.ctl("remove", "more", "live")
        self.assertEqual(said, "more: removed\nlive: removed\n")
        self.assertEqual(self.server.streams, {})

    @inlineCallbacks
    def test_patterns(self) -> Any:
        """Patterns stand below the streams, which say what they were made of."""
        said = yield self.ctl("add", "cam-*", "http://origin/{name}.mkv", "on_demand=true")
        self.assertEqual(said, "cam-*: added, pattern\n")
        made: Any = self.server.patterns.find("cam-1")
        made.fanout.join(Response(), Wish(0))
        lines = (yield self.ctl("list")).splitlines()
        address = "http://origin/cam-1.mkv"
        self.assertEqual(lines[2].split()[-4:], [address, "(made", "of", "cam-*)"])
        self.assertEqual(lines[3].split(), ["cam-*", "pattern", "http://origin/{name}.mkv"])
        text = yield self.ctl("show", "cam-*")
        self.assertIn("cam-*: pattern\n", text)
        self.assertIn("streams: cam-1\n", text)
        self.assertRegex(text, r"(?m)^burst +2\.0$")
        self.assertIn(f"input: {address} (made of cam-*)\n", (yield self.ctl("show", "cam-1")))
        self.assertEqual((yield self.ctl("set", "cam-*", "burst=3")), "cam-*: changed, pattern\n")
        self.assertEqual(made.config.burst, 3.0)
        got = yield self.refused("add", "cam-*", "push")
        self.assertEqual(got[0], FAILED)
        self.assertEqual((yield self.ctl("remove", "cam-*")), "cam-*: removed\n")
        self.assertEqual(list(self.server.streams), ["live"])

    @inlineCallbacks
    def test_files(self) -> Any:
        """A file that is here is meant, wherever the server is."""
        Path("here.mkv").touch()
        self.addCleanup(os.unlink, "here.mkv")
        yield self.ctl("add", "film", "here.mkv")
        self.assertEqual(self.server.streams["film"].config.input.text, os.path.abspath("here.mkv"))
        yield self.ctl("set", "live", "input=here.mkv")
        self.assertEqual(self.server.streams["live"].config.input.text, os.path.abspath("here.mkv"))

    @inlineCallbacks
    def test_stop_and_start(self) -> Any:
        """Streams end, and begin anew."""
        self.assertEqual((yield self.ctl("stop", "live")), "live: ended\n")
        self.assertEqual((yield self.ctl("start", "live")), "live: opening\n")
        self.assertEqual((yield self.ctl("restart", "live")), "live: opening\n")

    @inlineCallbacks
    def test_disconnect(self) -> Any:
        """Clients go."""
        fanout = self.server.streams["live"].fanout
        responses = [Response(), Response(), Response()]
        for response in responses:
            fanout.join(response, Wish(0))
        said = yield self.ctl("disconnect", "live", "1", "3")
        self.assertEqual(said, "client 1: disconnected\nclient 3: disconnected\n")
        self.assertEqual([response.aborted for response in responses], [True, False, True])
        got = yield self.refused("disconnect", "live", "1")
        self.assertEqual(got, (FAILED, "There is no client '1' here."))

    @inlineCallbacks
    def test_health(self) -> Any:
        """Whether all is well is the exit status, too."""
        got = yield self.refused("health")
        self.assertEqual(got, (FAILED, "live: opening (reading the beginning, to see what it is)"))
        yield self.ctl("remove", "live")
        self.assertEqual((yield self.ctl("health")), "All streams are live.\n")

    @inlineCallbacks
    def test_events(self) -> Any:
        """Events, a line for each, for as long as somebody reads them."""
        for more in ((), ("--json",)):
            out = Pipe(2)
            following = deferToThread(run, ["--unix", self.path, "events", *more], out, {})
            while not self.server.events.listeners:
                yield self.ctl("list")
            self.server.events.tell(
                ClientJoined(stream="live", id=3, peer="192.0.2.1:7", user_agent="", format="webm")
            )
            self.server.events.tell(Reloaded())
            self.server.events.tell(Reloaded())
            yield self.assertFailure(following, BrokenPipeError)
            first, second = out.getvalue().splitlines()
            if more:
                event = json.loads(first)
                self.assertEqual((event["event"], event["id"]), ("client joined", 3))
            else:
                self.assertRegex(first, r'^[-0-9]+ [:0-9]+  live  client joined  .*id=3  peer="19')
                self.assertRegex(second, r"^[-0-9]+ [:0-9]+  reloaded$")
            while self.server.events.listeners:
                yield self.ctl("list")

    @inlineCallbacks
    def test_reload(self) -> Any:
        """Reasons of the server are printed, line by line."""
        got = yield self.refused("reload")
        self.assertEqual(got, (FAILED, "there is no configuration file to read again"))

    @inlineCallbacks
    def test_mistakes(self) -> Any:
        """Every mistake in settings is a line; what is no setting does not reach the server."""
        status, *lines = yield self.refused("set", "live", "burst=-1", "bufer=3")
        self.assertEqual((status, len(lines)), (FAILED, 2))
        self.assertIn("did you mean buffer?", "".join(lines))
        got = yield self.refused("set", "live", "burst")
        self.assertEqual(got, (USAGE, "'burst' is not KEY=VALUE"))
        got = yield self.refused("show", "no/thing")
        self.assertEqual(got[0], UNREACHABLE)
        got = yield self.refused("stop", "nothing")
        self.assertEqual(got, (FAILED, "There is no stream 'nothing' here."))


class AccessTests(ControlTestCase):
    """Where the server is, and the token."""

    @inlineCallbacks
    def test_places(self) -> Any:
        """A URL or a path, on the command line or in the environment; the former counts more."""
        self.assertIn("live", (yield self.ctl("list", "--url", self.url())))
        self.environment = {"MKVCTL_UNIX": "/nowhere", "MKVCTL_URL": "http://127.0.0.1:1"}
        self.assertIn("live", (yield self.ctl("list", "--url", f"{self.url()}/")))
        self.assertEqual((yield self.refused("list"))[0], UNREACHABLE)
        self.environment = {"MKVCTL_URL": self.url()}
        self.assertIn("live", (yield self.ctl("list")))
        self.environment = {"MKVCTL_UNIX": self.path}
        self.assertIn("live", (yield self.ctl("list")))

    @inlineCallbacks
    def test_token(self) -> Any:
        """It is read from a file; without, or with another one, that is the problem."""
        for name, token in (("right", TOKEN), ("wrong", TOKEN[::-1])):
            Path(name).write_text(f"{token}\n")
            self.addCleanup(os.unlink, name)
        config = replace(self.server.config, management_token_file="right")  # noqa: S106 - a path
        self.server.apply(config)
        for listener in (0, 2):
            url = ("--url", self.url(listener))
            self.assertIn("live", (yield self.ctl("list", *url, "--token-file", "right")))
            status, line = yield self.refused("list", *url)
            self.assertEqual(status, DENIED)
            self.assertIn("this needs the management token; say --token-file=FILE", line)
            status, line = yield self.refused("events", *url, "--token-file", "wrong")
            self.assertEqual(status, DENIED)
            self.assertIn("it is not this token", line)
        self.environment = {"MKVCTL_TOKEN_FILE": "right", "MKVCTL_UNIX": self.path}
        self.assertIn("live", (yield self.ctl("list")))
        status, line = yield self.refused("list", "--token-file", "none")
        self.assertEqual((status, line), (USAGE, "--token-file: 'none': No such file or directory"))

    @inlineCallbacks
    def test_not_there(self) -> Any:
        """A server that manages elsewhere says so."""
        url = self.url(0)
        line = f"{url}: there is no management interface here"
        for command in ("list", "events"):
            got = yield self.refused(command, "--url", url)
            self.assertEqual(got, (UNREACHABLE, line))


class ReloadTests(ControlTestCase):
    """A server that has a configuration file."""

    def setUp(self) -> None:
        """The file is the same as at the start."""
        self.reread = lambda _: self.config
        super().setUp()

    @inlineCallbacks
    def test_reload(self) -> Any:
        """When the file has been read, all streams are shown."""
        self.assertIn("live", (yield self.ctl("reload")))


class Pipe(io.StringIO):
    """Standard output whose reader leaves after some lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self.left = lines

    def flush(self) -> None:
        """A line is complete."""
        self.left -= 1
        if not self.left:
            raise BrokenPipeError


class Stub:
    """A server that says one thing to everybody, whatever it is asked."""

    def __init__(self, case: SynchronousTestCase, answer: bytes) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        thread = threading.Thread(target=self._serve)
        thread.start()
        case.addCleanup(thread.join)
        case.addCleanup(self._listening.close)
        case.addCleanup(self._listening.shutdown, socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as request:
                while request.readline() not in {b"\r\n", b""}:
                    pass
                connection.sendall(self._answer)


class MainTests(SynchronousTestCase):
    """The command itself, and servers that are none."""

    def main(self, *arguments: str, do: Do = run) -> tuple[int, str, str]:
        """The exit status of the command, and what it prints."""
        out, err = io.StringIO(), io.StringIO()
        self.patch(sys, "argv", ["mkvctl", *arguments])
        self.patch(sys, "stdout", out)
        self.patch(sys, "stderr", err)
        try:
            status = ctl.main(do)
        except SystemExit as ended:
            status = int(ended.code or 0)
        return status, out.getvalue(), err.getvalue()

    def test_help(self) -> None:
        """It helps, with examples."""
        status, out, _ = self.main("--help")
        self.assertEqual(status, 0)
        self.assertIn("mkvctl add cam tcp:12345 buffer=60 max_clients=100", out)
        self.assertEqual(self.main("--version"), (0, f"mkvtwist {__version__}\n", ""))
        self.assertEqual(self.main("explode")[0], USAGE)

    def test_nobody(self) -> None:
        """A command without a server prints one line, with what to look at."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        status, out, err = self.main("--url", url, "list")
        self.assertEqual((status, out, err.count("\n")), (UNREACHABLE, "", 1))
        self.assertIn(f"mkvctl: {url}: Connection refused; is the server running", err)
        for bad in ("localhost:8079", "http://", "http://host:port"):
            status, _, err = self.main("--url", bad, "list")
            self.assertEqual((status, err.count("\n")), (USAGE, 1), bad)

    def test_others(self) -> None:
        """Servers that are something else, or hang up, are said to be."""
        head = b"HTTP/1.1 200 OK\r\n\r\n"
        for answer, command, problem in (
            (b"", "list", "Remote end closed connection"),
            (b"SSH-2.0-OpenSSH\r\n", "list", "SSH-2.0"),
            (head + b"<html>", "list", "there is no management interface here"),
            (head + b"<html>", "events", "the server has gone"),
            (b"HTTP/1.1 404 No\r\n\r\n", "health", "there is no management interface here"),
            (b"HTTP/1.1 500 No\r\n\r\n{}", "list", "status 500"),
            (head[:-2] + b"Transfer-Encoding: chunked\r\n\r\n9\r\n", "events", "Incomplete"),
        ):
            stub = Stub(self, answer)
            status, _, err = self.main("--url", stub.url, command)
            self.assertIn(status, {UNREACHABLE, FAILED})
            self.assertIn(problem, err)
            self.assertEqual(err.count("\n"), 1)

    def test_interrupted(self) -> None:
        """Control-C ends the command with the shell's status for it, and without a traceback."""

        def interrupt(*_: object) -> int:
            raise KeyboardInterrupt

        self.assertEqual(self.main("events", do=interrupt), (130, "", ""))

    def test_slow(self) -> None:
        """A server that does not answer in time is said not to."""
        with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel alone connects
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            status, _, err = self.main("--url", url, "list", do=partial(run, timeout=0.01))
        self.assertEqual(status, UNREACHABLE)
        self.assertIn("no answer in time", err)

    def test_table(self) -> None:
        """Columns are as wide as they must be; numbers stand at the right."""
        self.assertEqual(
            list(table(("NAME", "N"), (("a", "10"), ("longer", "9")))),
            ["NAME     N", "a       10", "longer   9"],
        )
