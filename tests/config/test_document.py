"""A file and the command line, put together: what holds, and what is said of mistakes."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.declaration import Where
from mkvtwist.config.document import CommandLine, configure, describe, parse_document, stream_table
from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import SERVER_SETTINGS, Config, StreamConfig
from mkvtwist.config.values import ConfigError
from tests.support.settings import streams


class FileTestCase(SynchronousTestCase):
    """What the cases below have in common."""

    def read(self, text: str, **said: Any) -> tuple[Config, list[str]]:
        """A file's configuration, and its mistakes, without the file's name."""
        command_line = CommandLine("/here", "etc/x.toml", **said)
        document = parse_document(text.encode(), "etc/x.toml")
        config, problems = configure(document, command_line)
        return config, [problem.removeprefix("etc/x.toml: ") for problem in problems]

    def config(self, text: str, **said: Any) -> Config:
        """The configuration of a file without mistakes."""
        config, problems = self.read(text, **said)
        self.assertEqual(problems, [])
        return config

    def problems(self, text: str, **said: Any) -> list[str]:
        """What is said of its mistakes."""
        return self.read(text, **said)[1]


class ValueTests(FileTestCase):
    """What a file says holds."""

    def test_nothing(self) -> None:
        """An empty file is a server without streams."""
        self.assertEqual(self.config(""), Config(()))

    def test_all(self) -> None:
        """Each key sets what it is called after."""
        config = self.config(
            """
            listen = ["tcp:1", "unix:run/x.sock:mode=600"]
            [streams.tv]
            input = "film.mkv"
            burst = 1.5
            buffer = 60
            buffer_bytes = "1M"
            whole_segments = true
            max_clients = 1_0
            client_timeout = 5
            max_lag = 4.5
            hold = 7
            fallback = "pause.mkv"
            on_demand = true
            linger = 3
            max_bitrate = "2.5M"
            readrate = 0
            readrate_initial_burst = 0.5
            at_end = "loop"
            record = "../tv.mkv"
            """
        )
        stream = StreamConfig(
            Input(Form.FILE, "/here/etc/film.mkv"),
            name="tv",
            burst=1.5,
            buffer=60.0,
            buffer_bytes=1 << 20,
            whole_segments=True,
            max_clients=10,
            client_timeout=5.0,
            max_lag=4.5,
            hold=7.0,
            fallback=Input(Form.FILE, "/here/etc/pause.mkv"),
            on_demand=True,
            linger=3.0,
            max_bitrate=2_500_000,
            readrate=0.0,
            readrate_initial_burst=0.5,
            at_end=AtEnd.LOOP,
            record="/here/etc/../tv.mkv",
        )
        listen = ("tcp:1", "unix:/here/etc/run/x.sock:mode=600")
        self.assertEqual(config, Config((stream,), listen))

    def test_rules(self) -> None:
        """Rules of access are a table; a stream's own comes instead of that of all."""
        config = self.config(
            """
            status = { allow = ["127.0.0.1", "2001:db8::/32"] }
            trusted_proxies = ["10.0.0.1"]
            server_names = ["TV.example."]
            max_clients_total = 9
            max_clients_per_address = 2
            max_bandwidth = "1.5M"
            [defaults]
            watch = { token_file = "w", users = "/u", deny = ["10.0.0.0/8"] }
            [streams.a]
            input = "demo:"
            [streams.b]
            input = "demo:"
            [streams.b.watch]
            checker = "file:x"
            """
        )
        networks = [ip_network(text) for text in ("127.0.0.1", "2001:db8::/32", "10.0.0.0/8")]
        a, b = config.streams
        self.assertEqual(a.watch, AccessRule("/here/etc/w", "/u", None, (), (networks[2],)))
        self.assertEqual((b.watch, b.send), (AccessRule(checker="file:x"), AccessRule()))
        self.assertEqual(config.status_access, AccessRule(allow=tuple(networks[:2])))
        self.assertEqual(config.trusted_proxies, (ip_network("10.0.0.1"),))
        self.assertEqual(config.server_names, ("tv.example",))
        limits = (config.max_clients_total, config.max_clients_per_address, config.max_bandwidth)
        self.assertEqual(limits, (9, 2, 1_500_000))
        said = self.config('[streams.a]\ninput = "demo:"', streams={"watch": AccessRule("t")})
        self.assertEqual(said.streams[0].watch, AccessRule("/here/t"))
        shown = list(describe(config))
        self.assertIn("status: allow 127.0.0.1/32, 2001:db8::/32", shown)
        self.assertIn("trusted_proxies: 10.0.0.1/32", shown)
        self.assertIn("  watch: token_file /here/etc/w; users /u; deny 10.0.0.0/8", shown)
        self.assertIn("  watch: checker file", shown)
        self.assertEqual(str(AccessRule()), "everybody")
        self.assertEqual(
            stream_table(a)["watch"],
            {"token_file": "/here/etc/w", "users": "/u", "deny": ["10.0.0.0/8"]},
        )
        self.assertEqual(stream_table(a)["send"], {})
        text = '[defaults.watch]\ntoken_file = "w"\n[streams.a]\ninput = "demo:"\nwatch = {}'
        self.assertEqual(self.config(text).streams[0].watch, AccessRule())

    def test_defaults(self) -> None:
        """C{[defaults]} hold for each stream that does not say otherwise."""
        a, b = self.config(
            """
            [defaults]
            burst = 5
            buffer = 10
            [streams.a]
            input = "demo:"
            burst = 7
            [streams.b]
            input = "tcp:1"
            """
        ).streams
        self.assertEqual(
            [(s.name, s.burst, s.buffer) for s in (a, b)], [("a", 7, 10), ("b", 5, 10)]
        )
        self.assertEqual((a.at_end, b.at_end), (AtEnd.RETRY, AtEnd.WAIT))

    def test_command_line(self) -> None:
        """The command line comes first, for the server and for all streams."""
        text = """
            listen = ["tcp:1"]
            [defaults]
            burst = 5
            [streams.a]
            input = "a.mkv"
            [streams.b]
            input = "b.mkv"
            burst = 7
            """
        config = self.config(text, server={"listen": ("tcp:2",)}, streams={"burst": 9.0})
        self.assertEqual(config.listen, ("tcp:2",))
        self.assertEqual([stream.burst for stream in config.streams], [9, 9])

    def test_input_of_the_command_line(self) -> None:
        """An input on the command line is one more stream, or another input for one there is."""
        text = '[defaults]\nburst = 5\n[streams.a]\ninput = "a.mkv"\nburst = 7'
        said = Input(Form.FILE, "b.mkv")
        a, live = self.config(text, input=said).streams
        self.assertEqual((live.name, live.input.text, live.burst), ("live", "/here/b.mkv", 5))
        self.assertEqual(a.input.text, "/here/etc/a.mkv")
        (a,) = self.config(text, input=said, name="a").streams
        self.assertEqual((a.name, a.input.text, a.burst), ("a", "/here/b.mkv", 7))

    def test_names_files(self) -> None:
        """Secrets, certificates and a file can be read again; anything else cannot."""
        for said, names in (
            ({}, False),
            ({"server": {"listen": ("tcp:80",), "max_clients_total": 5}}, False),
            ({"streams": {"burst": 5.0, "record": "x.mkv"}}, False),
            ({"file": "x.toml"}, True),
            ({"streams": {"watch": AccessRule("t")}}, True),
            ({"streams": {"send": AccessRule("t")}}, True),
            ({"server": {"listen": ("tcp:80", "ssl:443:privateKey=k.pem")}}, True),
            ({"server": {"management_token_file": "t"}}, True),
        ):
            command_line = CommandLine("/here", **said)
            self.assertEqual(command_line.names_files, names, said)

    def test_describe(self) -> None:
        """The configuration that would run is shown without secrets, in the words of the file."""
        config = self.config('[streams.a]\ninput = "http://me:secret@host/"\nburst = 3')
        self.assertEqual(
            list(describe(config)),
            [
                "listen: tcp6:8080",
                "stream a: http://me:***@host/, at the end retry",
                "  burst: 3.0",
            ],
        )
        self.assertEqual(list(describe(Config(()))), ["listen: tcp6:8080", "no stream"])


class FallbackTests(SynchronousTestCase):
    """A fallback may be a list of them, in a file as on the command line."""

    def read(self, text: str) -> tuple[Config, list[str]]:
        """A file with one stream, and this line in its table."""
        document_ = parse_document(f'[streams.a]\ninput = "demo:"\n{text}'.encode(), "etc/a.toml")
        return configure(document_, CommandLine("/here", "etc/a.toml"))

    def test_several(self) -> None:
        """Each is read as a single one is, and the order stays."""
        config, problems = self.read('fallback = ["http://b/", "pause.mkv"]')
        self.assertEqual(problems, [])
        (stream,) = config.streams
        self.assertEqual(
            stream.fallbacks,
            (Input(Form.URL, "http://b/"), Input(Form.FILE, "/here/etc/pause.mkv")),
        )
        lines = list(describe(config))
        self.assertIn("  fallback: http://b/, /here/etc/pause.mkv", lines)

    def test_mistakes(self) -> None:
        """One of them that cannot be, and none at all, are said."""
        for text, problem in (
            (
                'fallback = ["demo:", "tcp:1"]',
                "'tcp:1' is not a file, a URL, exec:COMMAND or demo:",
            ),
            ("fallback = []", "[] is not text in quotes, or a list of them"),
            ("fallback = [1]", "[1] is not text in quotes, or a list of them"),
        ):
            _, problems = self.read(text)
            self.assertEqual(problems, [f"etc/a.toml: streams.a.fallback: {problem}"])


class DocumentTests(SynchronousTestCase):
    """A stream's settings as a table, which the management interface changes and reads again."""

    @settings(max_examples=50)  # each has a value for every setting
    @given(streams())
    def test_read_again(self, stream: StreamConfig) -> None:
        """A table makes the settings that it was made of."""
        tables = {"streams": {stream.name: stream_table(stream)}}
        config, problems = configure(tables, CommandLine("/here", "request"))
        self.assertEqual((problems, config.streams), ([], (stream,)))


class MistakeTests(FileTestCase):
    """Each mistake is one line, with the key, the value, and what is allowed."""

    def test_all_at_once(self) -> None:
        """All of them are said, in the order of the file, those of the command line included."""
        problems = self.problems(
            """
            listen = "tcp:80"
            burts = 5
            [defaults]
            record = "x.mkv"
            buffer = "30"
            [streams.status]
            input = "demo:"
            [streams.a]
            imput = "demo:"
            [streams.b]
            input = "tcp:1"
            at_end = "loop"
            max-clients = 5
            readrate = -1
            """
        )
        self.assertEqual(
            [problem.partition(" is one of: ")[0] for problem in problems],
            [
                "listen: 'tcp:80' is not a list of texts in quotes",
                f"burts: unknown; there are {', '.join((*SERVER_SETTINGS, 'defaults', 'streams'))}",
                "defaults.record: only in a stream's own table: each has its own",
                "defaults.buffer: '30' is not a number",
                (
                    "streams: 'status' is reserved: a stream's name must not be a server path or"
                    " end in a format's extension"
                ),
                "streams.a.imput: unknown; did you mean input?",
                "streams.a.input: missing; it",
                "streams.b.max-clients: unknown; did you mean max_clients?",
                "streams.b.readrate: '-1' is not a number from 0 to 1000, such as 1 or 0.5",
                "streams.b.at_end: 'loop' is not possible for endpoint input; use wait, exit",
            ],
        )

    def test_types(self) -> None:
        """A value of another type is a mistake, whatever it could be taken for."""
        for text, said in (
            ("burst = true", "burst: true is not a number"),
            ('burst = "5"', "burst: '5' is not a number"),
            ("burst = [5]", "burst: [5] is not a number"),
            ("burst = 2026-01-01", "burst: datetime.date(2026, 1, 1) is not a number"),
            ("burst = nan", "burst: 'nan' is not a number of seconds from 0 to 86400"),
            ("max_clients = 1.5", "max_clients: '1.5' is not a whole number, 0 or more"),
            ("buffer_bytes = 1.5", 'buffer_bytes: 1.5 is not a number, or text such as "'),
            ('whole_segments = "yes"', "whole_segments: 'yes' is not true or false"),
            ("whole_segments = 1", "whole_segments: 1 is not true or false"),
            ("record = 5", "record: 5 is not text in quotes"),
            ('record = ""', "record: '' is empty; give a value, or leave this setting out"),
            ("watch = 'tokens'", "watch: 'tokens' is not a table, such as { token_file = "),
            ("watch = { token = 'x' }", "watch.token: unknown; did you mean token_file?"),
            ("send = { allow = ['x'] }", "send.allow: 'x' is not an address such as 192.0.2.7"),
            ("send = { allow = ['10.0.0.1/8'] }", "send.allow: '10.0.0.1/8' is not an address"),
            ("send = { users = 'x', checker = 'x:secret' }", "send.checker: '...' is not possible"),
            ("burst = { x = 1 }", "burst: {'x': 1} is not a number"),
        ):
            (problem,) = self.problems(f'[streams.a]\ninput = "demo:"\n{text}')
            self.assertTrue(problem.startswith(f"streams.a.{said}"), problem)
        for text in ("listen = []", "listen = [80]", "listen = [['tcp:80']]"):
            (problem,) = self.problems(text)
            self.assertIn("is not a list of texts in quotes", problem)

    def test_impossible(self) -> None:
        """A setting that an input cannot have is a mistake."""
        self.assertEqual(
            self.problems(
                """
                [streams.a]
                input = "tcp:1"
                on_demand = true
                [streams.b]
                input = "demo:"
                fallback = "tcp:1"
                """
            ),
            [
                "streams.b.fallback: 'tcp:1' is not a file, a URL, exec:COMMAND or demo:",
                (
                    "streams.a.on_demand: not possible for endpoint input; only for files, URLs,"
                    " exec: and demo:"
                ),
            ],
        )

    def test_elsewhere(self) -> None:
        """A key that may not stand where the document comes from is refused."""
        said = CommandLine("/", "request")
        _, problems = configure({"status": {}}, said, Where.MANAGEMENT)
        self.assertEqual(problems, ["request: status: only on the command line or in a file"])

    def test_tables(self) -> None:
        """A value that should be a table is one."""
        self.assertEqual(
            self.problems("defaults = 1\nstreams = 2"),
            [
                "defaults: 1 is not a table; write [defaults]",
                "streams: 2 is not a table; write [streams.NAME]",
            ],
        )
        self.assertEqual(
            self.problems('[streams]\ninput = "demo:"'),
            ["streams.input: 'demo:' is not a table; write [streams.input]"],
        )

    def test_said_on_the_command_line(self) -> None:
        """A mistake of the command line's is not said of the file."""
        text = '[streams.a]\ninput = "demo:"'
        _, problems = configure(
            parse_document(text.encode(), "x"), CommandLine("/", "x", streams={"at_end": "wait"})
        )
        self.assertTrue(problems[0].startswith("at-end: 'wait' is not possible"), problems)

    def test_one_line_each(self) -> None:
        """No key and no value can make two lines of one, nor one that looks like another's."""
        (problem,) = self.problems('"a\\nlisten: wrong" = 1')
        self.assertTrue(problem.startswith("'a\\nlisten: wrong': unknown; there are"), problem)
        for text in (
            '[streams."a\\nb"]\ninput = "demo:"',
            '[streams.a]\ninput = "demo:"\nat_end = "a\\nb"',
            '[streams.a]\ninput = "demo:"\nburst = "a\\nb"',
            '[streams.a]\ninput = "demo:"\nburst = """\na\nb"""',
            '"a\\nb" = 1\n["a\\nb"]',
        ):
            try:
                (problem,) = self.problems(text)
            except ConfigError as error:
                (problem,) = error.args
            self.assertNotIn("\n", problem)

    def test_deep(self) -> None:
        """Endless nesting is a mistake, rather than followed."""
        error = self.assertRaises(ConfigError, parse_document, b"x = " + b"[" * 100_000, "x.toml")
        self.assertIn("too deeply nested", str(error))

    def test_syntax(self) -> None:
        """Text that is no TOML is a mistake with its line."""
        for text, line in (
            (b"listen = [\n'a'\n'b']", "line 3"),
            (b"[a]\n[a]\n", "line 2"),
            (b"# gr\xfc\xdfe", "line 1"),
            (b"\n\n\xff", "line 3"),
        ):
            error = self.assertRaises(ConfigError, parse_document, text, "x.toml")
            self.assertTrue(str(error).startswith("x.toml: "), error)
            self.assertIn(line, str(error))
            self.assertEqual(str(error).count("\n"), 0)
