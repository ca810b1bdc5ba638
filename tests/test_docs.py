"""What the documentation says is what the program does: options, commands, requests, fields."""

import http.client
import io
import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from twisted.python import usage
from twisted.scripts.twistd import ServerOptions  # type: ignore[attr-defined]  # made by platform
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mkvtwist import ctl
from mkvtwist.config.settings import Config
from mkvtwist.formats.registry import FORMATS
from mkvtwist.live.events import Event
from mkvtwist.server.tap import Options
from mkvtwist.streams import metrics
from tests.streams.test_metrics import STREAM
from tests.support import media
from tests.support.processes import free_port
from tests.test_end_to_end import CHECKOUT, PATIENCE, environment, wait
from tools import reference

DOCS = CHECKOUT / "docs"
REFERENCE = DOCS / "reference"
PAGES = (CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))


PROGRAMS = ("ffmpeg", "srt-live-transmit", "rpicam-vid", "wf-recorder", "streamlink", "yt-dlp")
"""Programs that the documentation has mkvserve start, and that this machine need not have."""


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


class EventsTests(SynchronousTestCase):
    """The table of events in the reference, against their classes."""

    def test_classes(self) -> None:
        """Each event is in the reference, with its class and all that it has."""
        documented = {}
        for kind, of, _, having in rows(REFERENCE / "management.md", "event", "class"):
            documented[code(kind)[0]] = (*code(of), frozenset(code(having)))
        self.assertEqual(documented.pop("missed"), (frozenset({"events"}),))
        classes = {
            event.kind: (
                event.__name__,
                frozenset(field.name for field in fields(event)) - {"stream", "when"},
            )
            for event in Event.__subclasses__()
        }
        self.assertEqual(documented, classes)

    def test_docstrings(self) -> None:
        """Each class says what has happened."""
        for event in Event.__subclasses__():
            first = (event.__doc__ or "").strip().splitlines()[0]
            self.assertRegex(first, r"^[A-Z].*\.$", event.__name__)


class OptionsTests(SynchronousTestCase):
    """The table in the reference, against C{mkvtwist.server.tap.Options}."""

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
        sdp = self.mktemp() + ".sdp"
        Path(sdp).touch()
        inputs = {
            "a file": __file__,
            "`-`": "-",
            "an endpoint": "tcp:0",
            "`push`": "push",
            "`rtmp:…`": "rtmp:1935",
            "a URL": "http://host/",
            "`exec:`": "exec:cat x.mkv",
            "`camera.sdp`": sdp,
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


class FormatsTests(SynchronousTestCase):
    """The tables of formats, against C{mkvtwist.formats.registry}."""

    def test_rows(self) -> None:
        """Each format has a row, with its address and its MIME type."""
        found = rows(REFERENCE / "formats.md", "format", "at", "MIME type")
        self.assertEqual(
            [tuple(row[:3]) for row in found],
            [
                (f.title, f"`/NAME{ending}`", f"`{f.media_type(())}`")
                for ending, f in FORMATS.items()
            ],
        )


class TableTests(SynchronousTestCase):
    """The tables that are written from the declarations of the settings."""

    def test_written(self) -> None:
        """Each stands in its page as C{tools/reference.py} writes it."""
        for page in reference.TABLES:
            text = (REFERENCE / page).read_text()
            self.assertEqual(reference.written(page, text), text, "run python tools/reference.py")

    def test_keys(self) -> None:
        """A key says where it may stand, its value's type, and what it does to change it."""
        keys = {
            code(key)[0]: rest
            for key, *rest in rows(REFERENCE / "configuration.md", "key", "where")
        }
        for key, where, value, changed in (
            ("listen", "top", "a list of texts in quotes", "others come or go"),
            ("status", "top", 'a table, such as { token_file = "..." }', "at once"),
            ("input", "streams", "text in quotes", "restarts"),
            ("burst", "defaults, streams", "a number", "at once"),
            ("buffer_bytes", "defaults, streams", 'a number, or text such as "64M"', "restarts"),
        ):
            self.assertEqual(keys[key], [where, value, changed])


class CommandTests(SynchronousTestCase):
    """The command lines that the documentation shows."""

    def setUp(self) -> None:
        """Go where the files are that they name, with no terminal at standard input."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "film.mkv").touch()
        (folder / "camera.sdp").touch()
        (folder / "bin").mkdir()
        for program in PROGRAMS:
            (folder / "bin" / program).touch(0o755)
        path = f"{(folder / 'bin').absolute()}:{os.environ['PATH']}"
        self.patch(os, "environ", {**os.environ, "PATH": path})
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
            given = [re.sub(r"\b(tcp|rtmp):\d+", r"\1:0", word) for word in given]
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
        """Each command of C{mkvctl} that the documentation shows can be parsed."""
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


def blocks(page: str, language: str = "sh") -> list[str]:
    """The blocks of a page, one after the other, with their continued lines joined."""
    text = (DOCS / page).read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block.replace("\\\n", " ") for block in found]


class RecipeTests(SynchronousTestCase):
    """
    Commands that belong together, run together as they stand, by a shell, in a directory with
    nothing but a film in it. Only ports are others, and addresses those of the loopback interface.
    """

    def setUp(self) -> None:
        """The directory, and twistd on the path."""
        folder = Path(self.mktemp()).absolute()
        programs = folder / "bin"
        programs.mkdir(parents=True)
        twistd = programs / "twistd"
        twistd.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "from twisted.scripts.twistd import'
            ' run; run()" "$@"\n'
        )
        twistd.chmod(0o755)
        self.folder = folder / "empty"
        self.folder.mkdir()
        media.clip(self.folder / "film.mkv", seconds=20)
        path = os.pathsep.join((str(programs), os.environ["PATH"]))
        self.environment = {**environment(), "PATH": path}
        self.ports: dict[str, int] = {}

    def port(self, documented: int) -> int:
        """The one that stands in for a documented port."""
        return self.ports.setdefault(str(documented), free_port())

    def translated(self, command: str) -> str:
        """A command with other ports, and for servers on the loopback interface."""
        command = re.sub(
            r"\btcp:(\d{4,5})\b",
            lambda found: f"tcp:{self.port(int(found[1]))}:interface=127.0.0.1",
            command,
        )
        return re.sub(
            r"(127\.0\.0\.1:)(\d{4,5})\b", lambda f: f"{f[1]}{self.port(int(f[2]))}", command
        )

    def run_(self, command: str) -> subprocess.Popen[bytes]:
        """A command in a terminal of its own, which ends with the test."""
        words = shlex.split(command)
        if shutil.which(words[0], path=self.environment["PATH"]) is None:
            raise SkipTest(f"{words[0]} is not installed")
        log = (self.folder.parent / f"{len(list(self.folder.parent.glob('*.log')))}.log").open("wb")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ("/bin/sh", "-c", f"exec {self.translated(command)}"),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.kill)
        return process

    def logs(self) -> str:
        """All that was said in all terminals."""
        return "\n".join(p.read_text() for p in sorted(self.folder.parent.glob("*.log")))

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until this is true."""
        try:
            wait(condition)
        except AssertionError:
            raise AssertionError(f"in vain:\n{self.logs()}") from None

    def status(self, port: int) -> dict[str, Any]:
        """What the server at a documented port says of its stream; nothing as long as it starts."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(port), timeout=PATIENCE)
        try:
            connection.request("GET", "/status")
            with connection.getresponse() as answer:
                stream: dict[str, Any] = json.load(answer)["streams"]["live"]
                return stream
        except OSError:
            return {"state": "", "reason": ""}

    def is_live(self, *ports: int) -> bool:
        """Whether the streams at these documented ports are."""
        return all(self.status(port)["state"] == "live" for port in ports)

    def test_edges(self) -> None:
        """An origin, two edges, and a sender: both edges show what is sent."""
        recipe = blocks("howto/edges.md")[0].splitlines()
        self.assertEqual(len(recipe), 4)
        origin, *edges, sender = recipe
        self.run_(origin)
        self.until(lambda: self.status(8080)["state"])
        for edge in edges:
            self.run_(edge)
        self.run_(sender)
        self.until(lambda: self.is_live(8081, 8082))
        self.assertEqual([p.name for p in self.folder.iterdir()], ["film.mkv"])

    def test_two_origins(self) -> None:
        """
        Of two origins the edge shows the second one while the first one is away; its client stays,
        under one header, and goes on.
        """
        (recipe,) = [block for block in blocks("howto/edges.md") if "--fallback=" in block]
        first, second, edge = recipe.splitlines()
        origin = self.run_(first)
        self.run_(second)
        self.until(lambda: self.is_live(8080, 8090))
        self.run_(edge)
        self.until(lambda: self.is_live(8081))
        url = f"http://127.0.0.1:{self.port(8081)}/live.mkv"
        with urllib.request.urlopen(url, timeout=PATIENCE) as watching:
            seen = watching.read(50_000)
            origin.send_signal(signal.SIGINT)
            origin.wait(PATIENCE)
            self.until(lambda: "fallback" in self.status(8081)["reason"])
            seen += watching.read(200_000)
            self.run_(first)
            self.until(lambda: self.is_live(8081))
            self.assertNotIn("fallback", self.status(8081)["reason"])
            seen += watching.read(200_000)
        self.assertEqual(len(seen), 450_000)
        self.assertEqual(seen.count(bytes.fromhex("1a45dfa3")), 1)

    def test_tutorial(self) -> None:
        """Sent media are watched, and recorded by the server as well as by a client."""
        recipe = [block.strip() for block in blocks("tutorial.md")]
        (sender,) = [line for line in recipe if line.startswith("ffmpeg -re -i film.mkv -c copy")]
        (client,) = [line for line in recipe if line.startswith("curl -o recording.mkv")]
        (look,) = [line for line in recipe if line.endswith("/status")]
        (server,) = [line for line in recipe if "--record=" in line]
        self.run_(server.replace("mkvserve", "mkvserve --listen=tcp:8080"))
        self.until(lambda: self.status(8080)["state"])
        self.run_(sender)
        self.until(lambda: self.is_live(8080))
        recording = self.folder / "recording.mkv"
        self.until(lambda: recording.exists() and recording.stat().st_size > 20_000)
        recording.rename(self.folder / "first.mkv")
        self.run_(client)
        self.until(lambda: recording.exists() and recording.stat().st_size > 20_000)
        self.assertEqual(self.run_(look).wait(PATIENCE), 0)
        self.assertIn('"state": "live"', self.logs())

    def test_systemd(self) -> None:
        """The configuration is one, and the unit is right, too, as far as systemd can tell."""
        configuration, *_ = blocks("howto/systemd.md", "toml")
        (self.folder / "mkvtwist.toml").write_text(self.translated(configuration))
        (check,) = [block for block in blocks("howto/systemd.md") if "--check" in block]
        check = check.strip().replace("/opt/mkvtwist/bin/", "").replace("/etc/", "")
        self.assertEqual(self.run_(check).wait(PATIENCE), 0, self.logs())
        unit, socket_unit, *_ = blocks("howto/systemd.md", "ini")
        self.assertIn("--config=/etc/mkvtwist.toml", unit)
        program = next(iter(self.folder.parent.glob("bin/*")))
        for name, text in (("mkvserve.service", unit), ("mkvserve.socket", socket_unit)):
            (self.folder / name).write_text(text.replace("/opt/mkvtwist/bin/twistd", str(program)))
        if shutil.which("systemd-analyze") is None:
            raise SkipTest("systemd-analyze is not installed")
        found = subprocess.run(
            ("systemd-analyze", "verify", "./mkvserve.service", "./mkvserve.socket"),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        about_ours = [line for line in found.stderr.splitlines() if "mkvserve" in line]
        self.assertEqual(about_ours, [])
