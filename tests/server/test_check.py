"""Files and ports that a configuration names. The ports are in L{tests.server.test_tap}."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.document import CommandLine
from mkvtwist.config.input import Form, Input, parse_input
from mkvtwist.config.settings import SERVER_SETTINGS, STREAM_SETTINGS, StreamConfig
from mkvtwist.config.values import ConfigError
from mkvtwist.server.check import Machine, read, read_stream
from mkvtwist.server.ports import PortProbe
from tests.server.test_ports import FreeProbe


def machine_with(families: tuple[str, ...], probe: PortProbe) -> Machine:
    """A machine that has these families of addresses, and is tried in this way."""
    return Machine(families=lambda _: families, probe=lambda: probe)


class ReadTests(SynchronousTestCase):
    """L{read}."""

    def setUp(self) -> None:
        """A folder."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def problems(self, text: str, **options: Any) -> list[str]:
        """What is wrong with a file of this content."""
        (self.folder / "x.toml").write_text(f'listen = ["tcp:0"]\n{text}')
        try:
            read(CommandLine(str(self.folder), "x.toml"), **options)
        except ConfigError as error:
            return [problem.removeprefix("x.toml: ") for problem in error.args]
        return []

    def test_rules(self) -> None:
        """Files of tokens and users are looked at; what is in them is not repeated."""
        (self.folder / "w").write_text("hunter2")
        said = self.problems(
            """
            status = { token_file = "gone" }
            [streams.a]
            input = "demo:"
            watch = { token_file = "w" }
            send = { checker = "nothing:hunter2" }
            """
        )
        self.assertEqual(
            [problem.replace(f"{self.folder}/", "") for problem in said],
            [
                "streams.a.watch: 'w': a token has 8 characters or more",
                "streams.a.send: checker 'nothing': unknown checker, or invalid argument",
                "status: 'gone': No such file or directory",
            ],
        )

    def test_rtmp(self) -> None:
        """An RTMP input is an endpoint: it is quoted as it was written, and may have a rule."""
        (said,) = self.problems('[streams.a]\ninput = "rtmp:1935x"')
        self.assertIn("input: 'rtmp:1935x' is not a Twisted server endpoint", said)
        (said,) = self.problems('rtmp_listen = ["tcp:x"]\n[streams.a]\ninput = "push"')
        self.assertIn("rtmp_listen: 'tcp:x' is not a Twisted server endpoint", said)
        (self.folder / "t").write_text("a-token-of-some-length")
        text = '[streams.a]\ninput = "rtmp:0"\nsend = { token_file = "t" }'
        self.assertEqual(self.problems(text), [])

    def test_send_to_an_endpoint(self) -> None:
        """A rule that nobody would be asked for is a mistake, unless one says that one knows."""
        text = """
            [defaults.send]
            allow = ["127.0.0.1"]
            [streams.a]
            input = "tcp:0"
            """
        (said,) = self.problems(text)
        self.assertIn(
            "streams.a.send: not possible for endpoint input: 'tcp:0' asks senders for",
            said,
        )
        self.assertEqual(self.problems(f"{text}send = {{}}"), [])

    def test_no_file(self) -> None:
        """A file that cannot be read is said as it was named."""
        for file, why in (("gone.toml", "No such file or directory"), (".", "Is a directory")):
            command_line = CommandLine(str(self.folder), file)
            error = self.assertRaises(ConfigError, read, command_line)
            self.assertEqual(str(error), f"config: {file!r}: {why}")

    def test_files(self) -> None:
        """Each file that is not there is said, relative to the configuration's folder."""
        text = '[streams.a]\ninput = "a.mkv"\nfallback = ["demo:", "b.mkv"]\nrecord = "no/c.mkv"'
        self.assertEqual(
            self.problems(text),
            [
                f"streams.a.input: '{self.folder}/a.mkv': No such file or directory",
                f"streams.a.fallback: '{self.folder}/b.mkv': No such file or directory",
                (
                    f"streams.a.record: '{self.folder}/no/c.mkv': there is no directory"
                    f" '{self.folder}/no'"
                ),
            ],
        )
        for name in ("a.mkv", "b.mkv"):
            (self.folder / name).touch()
        (self.folder / "no").mkdir()
        self.assertEqual(self.problems(text), [])

    def test_patterns(self) -> None:
        """A file with the stream's name is not looked for; each stream records to its own file."""
        same = '[streams."cam-*"]\ninput = "films/{name}.mkv"\non_demand = true\n'
        settings = 'fallback = ["pause/{name}.mkv"]\nrecord = "{name}-%Y.mkv"\n'
        self.assertEqual(self.problems(same + settings), [])
        (problem,) = self.problems(f'{same}record = "all.mkv"\n')
        self.assertIn("streams.cam-*.record: ", problem)
        self.assertIn("write {name} in it", problem)
        (problem,) = self.problems(f'{same}fallback = "gone.mkv"\n')
        self.assertIn("streams.cam-*.fallback: ", problem)

    def test_certificates(self) -> None:
        """The files that options of an input name are looked for, in the configuration's folder."""
        text = (
            '[streams.a]\ninput = "https://host/a.mkv"\n'
            'input_options = { ca_file = "ca.pem", user_agent = "x" }\n'
        )
        path = f"{self.folder}/ca.pem"
        self.assertEqual(
            self.problems(text), [f"streams.a.input_options: '{path}': No such file or directory"]
        )
        (self.folder / "ca.pem").touch()
        self.assertEqual(self.problems(text), [])
        (config,) = read(CommandLine(str(self.folder), "x.toml")).streams
        self.assertEqual(config.input_options.table(secrets=True)["ca_file"], path)

    def test_impossible_names(self) -> None:
        """A name that no file has is a mistake like any other."""
        (problem,) = self.problems('[streams.a]\ninput = "a\\u0000b"')
        self.assertIn("is not a file's name", problem)

    def test_shared(self) -> None:
        """Two streams cannot have one standard input, one recording, one port."""
        self.assertEqual(
            self.problems(
                '[streams.a]\ninput = "-"\nrecord = "x.mkv"\n'
                '[streams.b]\ninput = "-"\nrecord = "x.mkv"\n'
            ),
            [
                f"streams.{name}.{text}"
                for name in ("a", "b")
                for text in (
                    "input: standard input can be read by one stream only",
                    f"record: '{self.folder}/x.mkv': another stream records to this file, too",
                )
            ],
        )

    def test_held(self) -> None:
        """A port that this process has is free for it, whatever else the endpoint says."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            text = f'[streams.a]\ninput = "tcp:{port}:interface=127.0.0.1"'
            (problem,) = self.problems(text)
            self.assertIn(os.strerror(98), problem)
            for held in (f"tcp:{port}", f"tcp6:{port}", f"ssl:{port}:privateKey=key.pem"):
                self.assertEqual(self.problems(text, held={held}), [])
            self.assertEqual(self.problems(text, may_be_taken=True), [])

    def test_congestion(self) -> None:
        """A congestion control for root only is refused, unless a server may have begun as root."""
        asked: list[bool] = []

        def problem(name: str, *, lenient: bool) -> str | None:
            asked.append(lenient)
            return None if lenient else f"{name}: no"

        machine = Machine(congestion=problem)
        (found,) = self.problems('congestion = "bbr"', machine=machine)
        self.assertIn("congestion: bbr: no", found)
        for options in ({"held": {"tcp:8080"}}, {"may_be_taken": True}):
            self.assertEqual(self.problems('congestion = "bbr"', machine=machine, **options), [])
        self.assertEqual(asked, [False, True, True])

    def test_listen(self) -> None:
        """By default clients connect wherever the machine has both families, or one."""
        for families, places in (
            (("tcp6:8080",), [(8080, "::")]),
            (("tcp:8080",), [(8080, "")]),
            (("tcp:8080", "tcp6:8080"), [(8080, ""), (8080, "::")]),
        ):
            probe = FreeProbe()
            machine = machine_with(families, probe)
            said = CommandLine(str(self.folder), input=Input(Form.DEMO, "demo:"))
            self.assertEqual(read(said, machine=machine).listen, families)
            self.assertEqual(probe.tried, places)
            listening = replace(said, server={"listen": ("tcp:8081",)})
            self.assertEqual(read(listening, machine=machine).listen, ("tcp:8081",))

    def test_named(self) -> None:
        """Each setting that names a file or an input is looked at, whichever it is."""
        checked = 0
        for settings, place in ((SERVER_SETTINGS, ""), (STREAM_SETTINGS, "[streams.a]\n")):
            for key, setting in settings.items():
                if setting.metavar not in ("FILE", "INPUT"):
                    continue
                gone = '"/nowhere/gone"'
                value = gone if str in setting.type.toml.types else f"{{ token_file = {gone} }}"
                given = "" if key == "input" or not place else 'input = "demo:"\n'
                (said,) = self.problems(f"{place}{given}{key} = {value}")
                self.assertIn(f"{key}: '/nowhere/gone'", said)
                checked += 1
        self.assertGreater(checked, 5)

    def test_management_token(self) -> None:
        """The token of the management interface is read."""
        (self.folder / "short").write_text("short")
        (said,) = self.problems('management_token_file = "short"')
        self.assertIn("management_token_file: ", said)
        self.assertIn("short", said)

    def test_exposed(self) -> None:
        """Without a token the management interface is on this machine only."""
        (said,) = self.problems('management_listen = ["tcp:0"]')
        self.assertIn("management_listen: 'tcp:0' is open to other machines", said)
        self.assertEqual(self.problems('management_listen = ["tcp:0:interface=127.0.0.1"]'), [])

    def test_program(self) -> None:
        """A program must be there, in PATH or where it is named, and may be run."""
        (self.folder / "notes").touch()
        text = """
            [streams.a]
            input = "exec:no-such-program -o -"
            [streams.b]
            input = "exec:./camera"
            fallback = "exec:./notes"
            [streams.c]
            input = "exec:sh -c 'no-such-program'"
            """
        self.assertEqual(
            self.problems(text),
            [
                (
                    "streams.a.input: 'no-such-program' is in no directory of PATH; install it, or"
                    " give its path"
                ),
                f"streams.b.input: '{self.folder}/camera' does not exist",
                f"streams.b.fallback: '{self.folder}/notes' may not be run by this user",
            ],
        )

    def test_program_of_a_request(self) -> None:
        """A request names no program that the stream does not have already."""
        program, other = f"exec:{sys.executable} -c 1", f"exec:{sys.executable} -c 2"
        before = StreamConfig(parse_input("input", program), "tv")
        for settings in ({"input": program}, {"input": "demo:", "fallback": ["demo:", program]}):
            for running in (None, replace(before, input=Input(Form.DEMO, "demo:"))):
                with self.assertRaises(ConfigError) as caught:
                    read_stream("tv", settings, before=running)
                (said,) = caught.exception.args
                self.assertTrue(said.endswith(" only on the command line or in a file"), said)
                self.assertIn(f"'exec:{sys.executable} ...'", said)
            self.assertEqual(read_stream("tv", settings, before=before).name, "tv")
        self.assertRaises(ConfigError, read_stream, "tv", {"input": other}, before=before)

    def test_stream(self) -> None:
        """A request's stream is looked at as one in a file is."""
        stream = read_stream("tv", {"input": "demo:", "burst": 5})
        self.assertEqual((stream.name, stream.burst), ("tv", 5))
        with self.assertRaises(ConfigError) as caught:
            read_stream("tv", {"input": "/nowhere/a.mkv", "record": "/nowhere/b.mkv", "x": 1})
        self.assertEqual(
            [line.partition(": ")[2].partition(":")[0] for line in caught.exception.args],
            ["streams.tv.x", "streams.tv.input", "streams.tv.record"],
        )
