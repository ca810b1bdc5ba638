"""What the documentation says is what the program does: options, commands, requests, fields."""

import http.client
import io
import json
import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from twisted.python import usage
from twisted.scripts.twistd import ServerOptions  # type: ignore[attr-defined]  # made by platform
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist import ctl, metrics
from mkvtwist.config import LIVE, OWN, SERVER_SETTINGS, STREAM_SETTINGS, Config
from mkvtwist.tap import Options
from tests.test_end_to_end import CHECKOUT, PATIENCE
from tests.test_metrics import STREAM

DOCS = CHECKOUT / "docs"
REFERENCE = DOCS / "reference"
PAGES = (CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))


def rows(page: Path, *first: str) -> Iterator[list[str]]:
    """The cells of each row of the tables on this page that have these first headings."""
    wanted = False
    heading = True
    for line in page.read_text().splitlines():
        if not line.startswith("|"):
            heading = True
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if heading:
            wanted = cells[: len(first)] == list(first)
            heading = False
        elif wanted and not set(cells[0]) <= set("-:"):
            yield cells


def code(cell: str) -> list[str]:
    """What stands between backquotes."""
    return re.findall(r"`([^`]+)`", cell)


def shown_commands() -> Iterator[tuple[str, list[str]]]:
    """The words of each shell command that the documentation shows, and where it stands."""
    for page in PAGES:
        blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
        for line in "".join(blocks).replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>&;")
            lexer.whitespace_split = True
            words: list[str] = []
            for word in (*lexer, ";"):
                if set(word) <= set("|<>&;"):
                    yield f"{page.relative_to(CHECKOUT)}: {line}", words
                    words = []
                else:
                    words.append(word)


def parsed(*options: str, source: str = "demo:") -> Config | None:
    """The configuration that these options make, on a port that is free."""
    if not any(option.startswith("--listen") for option in options):
        options = ("--listen=tcp:0", *options)
    made = Options()
    made.parseOptions([*options, source])
    return made.config


class OptionsTests(SynchronousTestCase):
    """The table in the reference, against C{mkvtwist.tap.Options}."""

    def setUp(self) -> None:
        """Read both."""
        self.options = Options()
        self.documented: dict[str, tuple[bool, set[str]]] = {}
        for names, *_ in rows(REFERENCE / "options.md", "option", "default"):
            spelled = code(names)
            name, takes, _ = spelled[0].removeprefix("--").partition("=")
            self.documented[name] = (bool(takes), {short.lstrip("-") for short in spelled[1:]})

    def test_all_and_no_more(self) -> None:
        """Each option is in the reference, with a value where it takes one, and nothing else is."""
        accepted = {name.removesuffix("="): name.endswith("=") for name in self.options.longOpt}
        self.assertEqual({name: takes for name, (takes, _) in self.documented.items()}, accepted)

    def test_short_forms(self) -> None:
        """A short form stands beside its long one."""
        for name, (takes, shorts) in self.documented.items():
            for short in shorts:
                self.assertIn(short + (":" if takes else ""), self.options.shortOpt)
                self.assertEqual(self.options.synonyms[short], self.options.synonyms[name])

    def test_defaults(self) -> None:
        """To say what the reference gives as the default changes nothing."""
        checked = 0
        for spelled, default, *_ in rows(REFERENCE / "options.md", "option", "default"):
            name = code(spelled)[0].partition("=")[0]
            value = "".join(code(default)) or default
            if name == "--listen":  # its own case: to say it takes the port, if it is free
                self.assertEqual((value,), Config(()).listen)
            elif re.fullmatch(r"\S*\d\S*|live", value):
                self.assertEqual(parsed(f"{name}={value}"), parsed(), spelled)
                checked += 1
        self.assertGreater(checked, 5)

    def test_at_end(self) -> None:
        """What each kind of input allows at its end, and what it does unasked."""
        inputs = {
            "a file": __file__,
            "`-`": "-",
            "an endpoint": "tcp:0",
            "`http`": "http",
            "a URL": "http://host/",
        }
        for kind, default, others in rows(
            REFERENCE / "options.md", "input", "unless said otherwise"
        ):
            source = inputs.pop(kind)
            allowed = {default, *re.findall(r"\w+", others)}
            self.assertEqual(parsed(source=source), parsed(f"--at-end={default}", source=source))
            for choice in ("exit", "wait", "retry", "loop"):
                if choice in allowed:
                    parsed(f"--at-end={choice}", source=source)
                else:
                    self.assertRaises(usage.UsageError, parsed, f"--at-end={choice}", source=source)
        self.assertEqual(inputs, {})


class ConfigurationTests(SynchronousTestCase):
    """The table in the reference, against L{mkvtwist.config}."""

    def test_keys(self) -> None:
        """Each key is there: where it may stand, its value's type, what changing it does."""
        self.assertEqual(
            {
                code(key)[0]: (where, value, changed)
                for key, where, value, changed in rows(
                    REFERENCE / "configuration.md", "key", "where"
                )
            },
            {
                key: (
                    "top",
                    setting.kind.value,
                    "others come or go" if "listen" in key or "management" in key else "at once",
                )
                for key, setting in SERVER_SETTINGS.items()
            }
            | {
                key: (
                    "streams" if key in OWN else "defaults, streams",
                    setting.kind.value,
                    "at once" if key in LIVE else "restarts",
                )
                for key, setting in STREAM_SETTINGS.items()
            },
        )

    def test_options(self) -> None:
        """Each key is an option, too, but for tables and addresses."""
        only_there = {"status", "trusted_proxies", "watch", "send"}
        options = {name.removesuffix("=") for name in Options().longOpt}
        one_at_a_time = {"server_names": "server-name"}
        for key in (*SERVER_SETTINGS, *STREAM_SETTINGS):
            if key not in only_there | one_at_a_time.keys():
                self.assertIn(key.replace("_", "-"), options)


class CommandTests(SynchronousTestCase):
    """The command lines that the documentation shows."""

    def setUp(self) -> None:
        """Go where the files are that they name, with no terminal at standard input."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "film.mkv").touch()
        (folder / "mkvtwist.toml").touch()
        for name in ("management.token", "watch.tokens", "send.tokens"):
            (folder / name).write_text("a-token-of-some-length\n")
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(folder)
        terminal = os.dup(0)
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.dup2, terminal, 0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, nothing)
        os.dup2(nothing, 0)

    def test_mkvserve(self) -> None:
        """Each of them that starts mkvserve is one that it accepts."""
        self.patch(sys, "stdout", io.StringIO())
        accepted = 0
        for where, words in shown_commands():
            if words[:1] == ["scripts/demo"]:
                given = ["-n", "mkvserve", *(words[1:] or ["demo:"])]
            elif "mkvserve" in words and words[0] == "twistd":
                given = words[1:]
            else:
                continue
            # Ports that are free, whatever else is running here.
            given = [re.sub(r"\btcp:\d+", "tcp:0", word) for word in given]
            if not any(word.startswith("--listen") for word in given):
                given.insert(given.index("mkvserve") + 1, "--listen=tcp:0")
            try:
                ServerOptions().parseOptions(given)
            except SystemExit as ended:  # of those that say something, and stop
                self.assertEqual(ended.code, 0, where)
            except usage.UsageError as error:
                self.fail(f"{where}\n{error}")
            accepted += 1
        self.assertGreater(accepted, 10)

    def test_mkvctl(self) -> None:
        """Likewise each that manages one."""
        managed = [words[1:] for _, words in shown_commands() if words[:1] == ["mkvctl"]]
        self.assertGreater(len(managed), 10)
        for words in managed:
            ctl.parser().parse_args(words)

    def test_scripts(self) -> None:
        """Each script of the checkout that they start is there, and can be started."""
        for where, words in shown_commands():
            if words and re.match(r"(scripts|\.ci)/", words[0]):
                self.assertTrue(os.access(CHECKOUT / words[0], os.X_OK), where)


class Server:
    """A C{twistd -n mkvserve} of its own on a free port of the loopback interface."""

    def __init__(self, *arguments: str) -> None:
        """
        Start it, and wait until its log says where it listens.

        @raise AssertionError: if it does not say so in time, with what it said instead.
        """
        self.process = subprocess.Popen(
            (
                *(sys.executable, "-c", "from twisted.scripts.twistd import run; run()"),
                *("--nodaemon", "--pidfile=", "mkvserve"),
                *("--listen=tcp:0:interface=127.0.0.1", *arguments),
            ),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        log = b""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(rb"http://127\.0\.0\.1:(\d+)/", log)):
            ready, _, _ = select.select([self.output], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self.output.fileno(), 65536) if ready else b""
            if not more:
                self.stop()
                raise AssertionError("no address in the log:\n" + log.decode())
            log += more
        self.port = int(found[1])

    def stop(self) -> None:
        """End it, and wait for that."""
        self.process.terminate()
        self.output.read()
        self.output.close()
        self.process.wait(PATIENCE)

    def answer(
        self, method: str, path: str, headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """What it answers; the body has not been read, and need not be."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, headers=headers or {})
        return connection.getresponse()


class MonitoringTests(SynchronousTestCase):
    """What is asked of Prometheus in the documentation, against what there is to be asked for."""

    def setUp(self) -> None:
        """The names of all series, and of their labels."""
        text = metrics.render({"tv": STREAM}).decode()
        self.known = set(re.findall(r"^(\w+)", text, re.MULTILINE))
        self.labels = {*re.findall(r'(\w+)="', text), "instance", "job"}

    def check(self, expression: str) -> None:
        """Each metric and each label in an expression exists."""
        names = set(re.findall(r"(?:mkvtwist|process)_\w+", expression))
        self.assertEqual(names - self.known, set(), expression)
        matched = re.findall(r"(\w+)=~?\"", expression)
        listed = re.findall(r"(?:by|on|group_left) \(([\w, ]+)\)", expression)
        labels = {*matched, *(label for names in listed for label in names.split(", "))}
        self.assertEqual(labels - self.labels, set(), expression)

    def test_dashboard(self) -> None:
        """The dashboard asks for what there is; its panels overlap nowhere."""
        board = json.loads((DOCS / "grafana.json").read_text())
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            for target in panel["targets"]:
                self.check(target["expr"])
                self.assertEqual(
                    set(re.findall(r"{{(\w+)}}", target["legendFormat"])) - self.labels, set()
                )
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            self.assertEqual(cells & taken, set(), panel["title"])
            taken |= cells
        self.assertEqual(max(x for x, _ in taken), 23)
        stream = next(v for v in board["templating"]["list"] if v["name"] == "stream")
        self.check(stream["query"]["query"].removeprefix("label_values("))

    def test_alerts(self) -> None:
        """The alerts ask for what there is."""
        page = (DOCS / "howto" / "monitoring.md").read_text()
        expressions = re.findall(r"^ +expr: (.*)$", page, re.MULTILINE)
        self.assertGreater(len(expressions), 3)
        for expression in expressions:
            self.check(expression)


class EmbedTests(SynchronousTestCase):
    """The program in the page on embedding, as it stands there."""

    def test_embed(self) -> None:
        """It serves its own page and the stream, and says what happens."""
        page = (DOCS / "howto" / "embed.md").read_text()
        program = Path(self.mktemp())
        program.write_text(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[0])
        folder = tempfile.mkdtemp()  # trial's own is too long for the name of a socket
        self.addCleanup(shutil.rmtree, folder)
        address = os.path.join(folder, "site")
        process = subprocess.Popen(
            (sys.executable, program.resolve(), f"unix:{address}"),
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.terminate)
        output = process.stdout
        assert output is not None
        self.addCleanup(output.close)
        self.assertIn("input up", output.readline())
        self.assertIn(b'<video src="/tv/cam.mkv"', self.read(address, "/", 1 << 16))
        self.assertEqual(self.read(address, "/tv/cam.mkv", 4), b"\x1a\x45\xdf\xa3")
        self.assertIn("client joined", output.readline())
        self.assertIn("'reason': 'the client has gone'", output.readline())
        process.terminate()
        self.assertIn("'reason': 'it has been stopped'", output.readline())
        process.wait(PATIENCE)  # a second signal would come while it ends

    def read(self, address: str, path: str, size: int) -> bytes:
        """So much of what it answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(address)
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                http.client.parse_headers(answer)
                return answer.read(size)


class HTTPTests(SynchronousTestCase):
    """The tables of requests, ranges and status fields, against a running server."""

    def setUp(self) -> None:
        """Start one."""
        self.server = Server("demo:")
        self.addCleanup(self.server.stop)

    def test_requests(self) -> None:
        """Each documented request has the documented status and type."""
        checked = 0
        for request, status, kind, *_ in rows(REFERENCE / "http.md", "request", "status", "type"):
            method, path = code(request)[0].replace("NAME", "live").replace("SECONDS", "1").split()
            with self.server.answer(method, path) as answer:
                self.assertEqual(answer.status, int(status), request)
                self.assertEqual(answer.headers.get_content_type(), code(kind)[0], request)
            checked += 1
        self.assertGreater(checked, 10)

    def test_ranges(self) -> None:
        """Each documented range has the documented status."""
        for text, status in rows(REFERENCE / "http.md", "Range", "status"):
            headers = [("Range", value) for value in code(text)]
            with self.server.answer("GET", "/live.mkv", dict(headers)) as answer:
                self.assertEqual(answer.status, int(status), text)

    def test_status(self) -> None:
        """The fields of C{/status} and the names in C{/metrics} are the documented ones."""
        documented = {
            section: {code(field)[0] for field in re.findall(r"^\| (`\w+`)", text, re.MULTILINE)}
            for section, text in re.findall(
                r"^## (\w+)\n(.*?)(?=^## |\Z)",
                (REFERENCE / "status.md").read_text(),
                re.DOTALL | re.MULTILINE,
            )
        }
        with self.server.answer("GET", "/live.mkv") as watching:
            self.assertTrue(watching.read(1))
            with self.server.answer("GET", "/status") as answer:
                status = json.load(answer)
            with self.server.answer("GET", "/metrics") as answer:
                names = re.findall(r"^# TYPE (\w+)", answer.read().decode(), re.MULTILINE)
        stream = status["streams"]["live"]
        self.assertEqual(documented["Server"], set(status))
        self.assertEqual(documented["Stream"], set(stream))
        self.assertEqual(documented["Track"], set().union(*stream["tracks"]))
        self.assertEqual(documented["Ring"], set(stream["ring"]))
        self.assertEqual(documented["Client"], set(stream["clients"][0]))
        self.assertEqual(documented["Metrics"], set(names))
