"""
C{mkvctl}, the management interface for people and for scripts (I{client}).

It needs nothing but the standard library, and knows of the server what C{openapi.json} says.
"""

import argparse
import http.client
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO
from urllib.parse import quote, urlsplit

from mkvtwist import __version__

URL = "http://127.0.0.1:8079"
"""The address of the interface by default, as in the documentation."""

TIMEOUT = 10.0
"""Seconds until an answer begins: none of them needs more than a turn of the server's reactor."""

SILENCE = 60.0
"""Seconds without an event or a sign of life, of which there are four in this time."""

FAILED, USAGE, UNREACHABLE, DENIED, INTERRUPTED = 1, 2, 3, 4, 130
"""Exit statuses; 2 is C{argparse}'s, 130 the shell's for C{SIGINT}."""

EPILOG = f"""\
examples:
  mkvctl list
  mkvctl add cam tcp:12345 buffer=60 max_clients=100
  mkvctl set cam input=tcp:12346 fallback=/srv/pause.mkv
  mkvctl set cam fallback=null
  mkvctl disconnect cam 17
  mkvctl title radio "Artist - Title"
  mkvctl --json show cam | jq .bitrate
  mkvctl events

A KEY is one of a stream's keys in a configuration file. A VALUE is what JSON takes it for, else
text; null is the default. What is changed here is not written to the file.

environment:
  MKVCTL_URL, MKVCTL_UNIX, MKVCTL_TOKEN_FILE  for --url, --unix, --token-file

exit status:
  0  it is done; health: all is well
  {FAILED}  it is not: the server says why
  {USAGE}  the command line is wrong
  {UNREACHABLE}  there is no server, or it has gone
  {DENIED}  the token is wrong, or missing
"""


class ControlError(Exception):
    """
    The exception for a command that fails.

    @ivar lines: the error message.
    @ivar status: to exit with.
    """

    def __init__(self, status: int, *lines: str) -> None:
        super().__init__(*lines)
        self.status = status
        self.lines = lines


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Interface:
    """The management interface of a server; each request has a connection of its own."""

    def __init__(
        self,
        url: str,
        unix: str | None = None,
        token: str | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """
        @param unix: the path of a socket, which is then where C{url}'s host would be.
        @param timeout: seconds until an answer begins.
        @raise ControlError: when this is no address.
        """
        split = urlsplit(url)
        if split.scheme not in {"http", "https"} or not split.netloc:
            raise ControlError(USAGE, f"{url!r} is not a URL such as {URL}")
        self._where = unix if unix is not None else url
        self._unix = unix
        self._secure = split.scheme == "https"
        self._host = split.netloc
        self._base = split.path.rstrip("/")
        self._token = token
        self._timeout = timeout

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """
        Return the server's answer below C{/api/v1/}.

        @raise ControlError: when it refuses, or is not there.
        """
        data = None if body is None else json.dumps(body).encode()
        return self._json(self._answer(method, f"/api/v1/{path}", data))

    def health(self) -> tuple[bool, str]:
        """Return whether all streams are well, and the server's words for that."""
        answer = self._answer("GET", "/healthz")
        if answer.status not in {200, 503}:
            raise self._nothing_here()
        return answer.status == 200, answer.read().decode("utf-8", "replace").rstrip()

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield events with their details, as long as the server runs."""
        answer = self._answer("GET", "/api/v1/events", timeout=SILENCE)
        if answer.status != 200:
            self._json(answer)
        kind = ""
        try:
            for line in answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)
        except (OSError, http.client.HTTPException) as error:
            raise ControlError(UNREACHABLE, f"{self._where}: {_reason(error)}") from None
        raise ControlError(UNREACHABLE, f"{self._where}: the server has gone")

    def _answer(
        self, method: str, path: str, body: bytes | None = None, timeout: float | None = None
    ) -> http.client.HTTPResponse:
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        connection = self._connection(timeout or self._timeout)
        try:
            connection.request(method, self._base + path, body, headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise ControlError(
                UNREACHABLE,
                f"{self._where}: {_reason(error)}; is the server running, with"
                " --management-listen or --management-token-file?",
            ) from None

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self._unix is not None:
            return _UnixConnection(self._unix, timeout)
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        try:
            return kind(self._host, timeout=timeout)
        except http.client.InvalidURL as error:
            raise ControlError(USAGE, f"{self._where}: {error}") from None

    def _json(self, answer: http.client.HTTPResponse) -> Any:
        try:
            value = json.load(answer)
        except (ValueError, OSError, http.client.HTTPException):
            raise self._nothing_here() from None
        if answer.status < 400:
            return value
        status = FAILED
        if answer.status == 401:
            status = DENIED
            given = "it is not this token" if self._token else "say --token-file=FILE"
            value = {"errors": [f"{self._where}: this needs the management token; {given}"]}
        raise ControlError(status, *value.get("errors", [f"status {answer.status}"]))

    def _nothing_here(self) -> ControlError:
        return ControlError(UNREACHABLE, f"{self._where}: there is no management interface here")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or str(error) or type(error).__name__)


# -- Output -------------------------------------------------------------------


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; numbers are aligned at the right."""
    cells = [headings, *rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(headings))]
    right = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(widths))]
    for row in cells:
        padded = (
            cell.rjust(width) if at_right else cell.ljust(width)
            for cell, width, at_right in zip(row, widths, right, strict=True)
        )
        yield "  ".join(padded).rstrip()


def _is_number(cell: str) -> bool:
    """Return whether a cell fits into a column of numbers; an empty one does."""
    return not cell or cell[0].isdigit()


def _printable(text: object) -> str:
    """Return a text in one line, without control characters."""
    return "".join(char if char.isprintable() else "?" for char in str(text))


def _bits(rate: float) -> str:
    for unit, name in ((1e6, "Mbit/s"), (1e3, "kbit/s")):
        if rate >= unit:
            return f"{rate / unit:.1f} {name}"
    return f"{rate:.0f} bit/s"


def _moment(text: str) -> str:
    """Return a moment in local time."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _overview(listed: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each stream, and for each pattern."""
    rows = [
        (
            name,
            stream["state"],
            str(len(stream["clients"])),
            str(stream["hls_viewers"]),
            _bits(stream["bitrate"]),
            _moment(stream["since"]),
            _printable(_origin(stream)),
        )
        for name, stream in listed["streams"].items()
    ]
    rows += [
        (name, "pattern", "", "", "", "", _printable(pattern["input"]))
        for name, pattern in listed["patterns"].items()
    ]
    yield from table(("STREAM", "STATE", "CLIENTS", "HLS", "BITRATE", "SINCE", "INPUT"), rows)


def _origin(stream: Mapping[str, Any]) -> str:
    """Return the input of a stream, and the pattern that it was made of, if there is one."""
    pattern = stream["pattern"]
    return f"{stream['input']} (made of {pattern})" if pattern else str(stream["input"])


def _account(name: str, stream: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines with everything that is known of one stream, or of a pattern."""
    if "state" not in stream:
        yield f"{name}: pattern"
        yield f"input: {_printable(stream['input'])}"
        yield f"streams: {', '.join(stream['streams']) or 'none'}"
        yield from _settings_table(stream)
        return
    yield f"{name}: {stream['state']} since {_moment(stream['since'])}"
    yield f"  {_printable(stream['reason'])}"
    if stream.get("detail"):
        yield f"  {_printable(stream['detail'])}"
    yield f"input: {_printable(_origin(stream))}"
    ring = stream["ring"]
    yield (
        f"{_bits(stream['bitrate'])}, a keyframe every {stream['segment_seconds']:.1f} s,"
        f" {ring['seconds']:.0f} s kept in {ring['bytes'] / 1e6:.1f} MB"
    )
    yield (
        f"{stream['restarts']} restarts, {stream['discontinuities']} discontinuities,"
        f" {stream['bytes_in'] / 1e6:.1f} MB in, {stream['bytes_out'] / 1e6:.1f} MB out"
    )
    if stream.get("now"):
        yield _song(stream["now"])
    if stream["recording"]:
        yield f"recording: {_printable(stream['recording'])}"
    yield from (f"left out: {_printable(text)}" for text in stream["left_out"])
    yield from (f"note: {_printable(text)}" for text in stream["notes"])
    if stream["tracks"]:
        yield ""
        tracks = [
            (
                str(track["number"]),
                track["type"],
                track["codec"],
                f"{track['width']}x{track['height']}" if track["width"] else "",
            )
            for track in stream["tracks"]
        ]
        yield from table(("TRACK", "TYPE", "CODEC", "SIZE"), tracks)
    if stream["clients"]:
        yield ""
        clients = [
            (
                str(client["id"]),
                client["peer"],
                client["format"],
                client["state"],
                f"{client['lag']:.1f} s",
                f"{client['bytes'] / 1e6:.1f} MB",
                _moment(client["since"]),
                _printable(client["user_agent"]),
            )
            for client in stream["clients"]
        ]
        headings = ("CLIENT", "PEER", "FORMAT", "STATE", "LAG", "SENT", "SINCE", "USER AGENT")
        yield from table(headings, clients)
    yield from _settings_table(stream)


def _settings_table(stream: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    settings = [(key, _printable(json.dumps(value))) for key, value in stream["settings"].items()]
    yield from table(("SETTING", "VALUE"), settings)


def _event(kind: str, details: Mapping[str, Any]) -> str:
    """Return one event in one line."""
    rest = dict(details)
    when, stream = rest.pop("when", None), rest.pop("stream", "")
    words = [_moment(when) if when else "", stream, kind]
    words += [f"{key}={_printable(json.dumps(value))}" for key, value in rest.items()]
    return "  ".join(filter(None, words))


# -- Commands -----------------------------------------------------------------

Say = Callable[[Any, Iterator[str]], None]
"""Called with the server's answer, and with the same in words."""


def _list(server: Interface, said: argparse.Namespace, say: Say) -> None:
    listed = server.ask("GET", "streams")
    say(listed["streams"], _overview(listed))


def _show(server: Interface, said: argparse.Namespace, say: Say) -> None:
    stream = server.ask("GET", f"streams/{_quoted(said.name)}")
    say(stream, _account(said.name, stream))


def _state(stream: Mapping[str, Any]) -> str:
    """Return the state of a stream; a pattern has none."""
    return str(stream.get("state", "pattern"))


def _add(server: Interface, said: argparse.Namespace, say: Say) -> None:
    settings = {"input": _located(said.input), **_settings(said.settings)}
    # To put what is there already is to change it, which is what `set` is for.
    listed = server.ask("GET", "streams")
    if said.name in listed["streams"] or said.name in listed["patterns"]:
        raise ControlError(FAILED, f"there is a stream {said.name!r} already; change it with set")
    stream = server.ask("PUT", f"streams/{_quoted(said.name)}", settings)
    say(stream, iter([f"{said.name}: added, {_state(stream)}"]))


def _set(server: Interface, said: argparse.Namespace, say: Say) -> None:
    stream = server.ask("PATCH", f"streams/{_quoted(said.name)}", _settings(said.settings))
    say(stream, iter([f"{said.name}: changed, {_state(stream)}"]))


def _remove(server: Interface, said: argparse.Namespace, say: Say) -> None:
    for name in said.names:
        say(server.ask("DELETE", f"streams/{_quoted(name)}"), iter([f"{name}: removed"]))


def _act(server: Interface, said: argparse.Namespace, say: Say) -> None:
    for name in said.names:
        stream = server.ask("POST", f"streams/{_quoted(name)}/{said.command}")
        say(stream, iter([f"{name}: {stream['state']}"]))


def _disconnect(server: Interface, said: argparse.Namespace, say: Say) -> None:
    for client in said.clients:
        done = server.ask("DELETE", f"streams/{_quoted(said.name)}/clients/{client}")
        say(done, iter([f"client {client}: disconnected"]))


def _title(server: Interface, said: argparse.Namespace, say: Say) -> None:
    song = {key: getattr(said, key, None) or "" for key in ("title", "artist", "artwork")}
    stream = server.ask("PUT", f"streams/{_quoted(said.name)}/metadata", song)
    say(stream, iter([f"{said.name}: {_song(stream['now'])}"]))


def _song(now: Mapping[str, Any] | None) -> str:
    """Return what is playing, in words."""
    if now is None:
        return "nothing is known to be playing"
    return "playing " + _printable(" - ".join(filter(None, (now["artist"], now["title"]))))


def _reload(server: Interface, said: argparse.Namespace, say: Say) -> None:
    listed = server.ask("POST", "reload")
    say(listed["streams"], _overview(listed))


def _events(server: Interface, said: argparse.Namespace, say: Say) -> None:
    for kind, details in server.events():
        say({"event": kind, **details}, iter([_event(kind, details)]))


def _health(server: Interface, said: argparse.Namespace, say: Say) -> None:
    well, text = server.health()
    if not well:
        raise ControlError(FAILED, *text.splitlines())
    say({"healthy": True}, iter(text.splitlines()))


def _quoted(name: str) -> str:
    """Return a name quoted as one part of a path."""
    return quote(name, safe="")


def _settings(assignments: Sequence[str]) -> dict[str, Any]:
    """
    Return the settings in arguments such as C{KEY=VALUE}.

    @raise ControlError: when it is something else.
    """
    found = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ControlError(USAGE, f"{text!r} is not KEY=VALUE")
        found[key.replace("-", "_")] = _value(value)
    if isinstance(found.get("input"), str):
        found["input"] = _located(found["input"])
    return found


def _located(source: str) -> str:
    """Return an input for the server; a local file with its absolute path."""
    return os.path.abspath(source) if os.path.exists(source) else source


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text


# -- The command line ---------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--url", help=f"where the server is managed (default: {URL})")
    common.add_argument("--unix", metavar="PATH", help="the path of its socket, instead of a URL")
    common.add_argument("--token-file", metavar="FILE", help="a file with the management token")
    common.add_argument("--json", action="store_true", help="print what the server has answered")
    whole = argparse.ArgumentParser(
        "mkvctl",
        description="Manage a mkvserve that runs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    whole.add_argument("--version", action="version", version=f"mkvtwist {__version__}")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(
        name: str, do: Callable[..., None], text: str, *arguments: tuple[str, str | None, str]
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, parents=[common])
        made.set_defaults(do=do)
        for dest, many, help_ in arguments:
            made.add_argument(dest, nargs=many, metavar=help_)
        return made

    one, several = ("name", None, "STREAM"), ("names", "+", "STREAM")
    command("list", _list, "all streams, a line for each")
    command("show", _show, "one stream, its clients and its settings", one)
    command(
        *("add", _add, "one more stream"),
        *(one, ("input", None, "INPUT"), ("settings", "*", "KEY=VALUE")),
    )
    command("set", _set, "change settings of a stream", one, ("settings", "+", "KEY=VALUE"))
    command("remove", _remove, "end streams, and forget them", several)
    command("stop", _act, "end streams; they can be started again", several)
    command("start", _act, "start streams that were stopped, or have ended", several)
    command("restart", _act, "stop streams, and start them", several)
    command("disconnect", _disconnect, "disconnect clients", one, ("clients", "+", "CLIENT"))
    title = command(
        *("title", _title, "say what is playing; without a title, nothing is"),
        *(one, ("title", "?", "TITLE")),
    )
    title.add_argument("--artist", help="who plays it; or give both: 'Artist - Title'")
    title.add_argument("--artwork", metavar="URL", help="where a picture of it is")
    command("reload", _reload, "read the configuration file again")
    command("events", _events, "what happens, as it does, until it is interrupted")
    command("health", _health, "whether every stream is live that has to be")
    return whole


def _token(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        with open(path, encoding="ascii") as file:
            return file.read(4096).strip()
    except (OSError, ValueError) as error:
        raise ControlError(USAGE, f"--token-file: {path!r}: {_reason(error)}") from None


def run(
    arguments: Sequence[str],
    out: TextIO,
    environment: Mapping[str, str],
    timeout: float = TIMEOUT,
) -> int:
    """
    Run the command that the command line names.

    @param timeout: seconds until the server's answer begins.
    @return: the status to exit with.
    @raise ControlError: when it cannot be done.
    """
    said = parser().parse_args(arguments)
    named = {key: getattr(said, key, None) for key in ("url", "unix", "token_file")}
    # A place on the command line counts for more than either kind of the environment's.
    if named["url"] is None and named["unix"] is None:
        named |= {key: environment.get(f"MKVCTL_{key.upper()}") for key in ("url", "unix")}
    file = named["token_file"] or environment.get("MKVCTL_TOKEN_FILE")
    server = Interface(named["url"] or URL, named["unix"], _token(file), timeout)

    def say(value: Any, lines: Iterator[str]) -> None:
        if not hasattr(said, "json"):
            text = "\n".join(lines)
        elif said.command == "events":
            text = json.dumps(value)
        else:
            text = json.dumps(value, indent=2)
        print(text, file=out, flush=True)

    said.do(server, said, say)
    return 0


def main(do: Callable[[Sequence[str], TextIO, Mapping[str, str]], int] = run) -> int:
    """
    Run the command; report a user's mistake in one line, without a traceback.

    @param do: runs the command that the command line names.
    """
    try:
        return do(sys.argv[1:], sys.stdout, os.environ)
    except ControlError as error:
        for line in error.lines:
            print(f"mkvctl: {_printable(line)}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # of `mkvctl events | head -1`; nothing more can be said there
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
