"""
What the user asked for: values, units, bounds, defaults (I{pure}).

Whatever the source, the command line or a file, a setting goes through one of the parsers here,
which either gives the value or says what is wrong with it and what is allowed.
"""

import errno
import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit, urlunsplit

from mkvtwist.formats.registry import ENDINGS


class ConfigError(ValueError):
    """
    Settings that cannot be used: one line for each, which quotes it and says what is allowed.

    @ivar args: the lines.
    """

    def __str__(self) -> str:
        return "\n".join(self.args)


def unusable(path: str, error: OSError | ValueError) -> str:
    """
    Return why a file that somebody has named cannot be used, and what to do about it.

    @param path: as it was named.
    @param error: what opening or reading it has raised; a L{ValueError} for a NUL in the path, or
        for characters that no path can have.
    """
    if not isinstance(error, OSError):
        return f"{path!r} is not a file's name"
    said = f"{path!r}: {error.strerror or error}"
    if error.errno == errno.EACCES:  # others say by themselves what to do
        said += "; let the user that the server runs as read it"
    return said


class Form(Enum):
    """The kinds of input."""

    FILE = "file"
    STDIN = "standard input"
    URL = "URL"
    ENDPOINT = "endpoint"
    HTTP = "HTTP"
    DEMO = "demo"

    @property
    def has_sender(self) -> bool:
        """Whether somebody comes here and sends, rather than that something is opened."""
        return self in (Form.ENDPOINT, Form.HTTP)


PASSWORD_MASK = "***"  # noqa: S105 - it is none
QUERY_MASK = "..."
"""What stands for the secrets in a URL where it is shown."""

DEFAULT_NAME = "live"
"""Of a stream that the command line makes."""

DEFAULT_PORT = 8080
DEFAULT_LISTEN = (f"tcp6:{DEFAULT_PORT}",)
"""
Where clients connect by default: on Linux a socket of IPv6 takes IPv4 as well. A machine that lacks
IPv6, or keeps the two apart, has other words for both: L{mkvtwist.server.check} finds them.
"""


class AtEnd(Enum):
    """What happens at the end of the input."""

    EXIT = "exit"
    WAIT = "wait"
    RETRY = "retry"
    LOOP = "loop"


INPUT_FORMS = """\
film.mkv              a file, in any container that libavformat reads
-                     standard input (the default when it is not a terminal)
http://host/path      any URL that libavformat reads
tcp:12345             a Twisted server endpoint: a sender connects there
http                  a sender PUTs or POSTs to the stream's name, over HTTP
demo:                 a test picture with a clock and a tone"""

INPUT_FORMS_IN_ONE_LINE = "; ".join(" ".join(line.split()) for line in INPUT_FORMS.splitlines())

_ENDPOINT_TYPES = frozenset({"tcp", "tcp6", "ssl", "tls", "unix", "systemd", "fd", "haproxy"})

_AT_END: Mapping[Form, tuple[AtEnd, ...]] = MappingProxyType(
    {  # what each form allows, its default first
        Form.FILE: (AtEnd.EXIT, AtEnd.LOOP, AtEnd.RETRY),
        Form.STDIN: (AtEnd.EXIT,),
        Form.URL: (AtEnd.RETRY, AtEnd.EXIT, AtEnd.LOOP),
        Form.ENDPOINT: (AtEnd.WAIT, AtEnd.EXIT),
        Form.HTTP: (AtEnd.WAIT, AtEnd.EXIT),
        Form.DEMO: (AtEnd.RETRY, AtEnd.EXIT, AtEnd.LOOP),
    }
)


@dataclass(frozen=True, slots=True)
class Input:
    """Where the media of a stream comes from."""

    form: Form
    text: str
    """The file's path, the URL, the endpoint's description."""

    def __str__(self) -> str:
        """What may be shown to anybody: without the password that a URL may carry."""
        if self.form is Form.STDIN:
            return "standard input"
        if self.form is not Form.URL:
            return self.text
        parts = urlsplit(self.text)
        if parts.password is None and not parts.query:
            return self.text
        host = parts.netloc.rpartition("@")[2]
        user = f"{parts.username or ''}:{PASSWORD_MASK}@" if parts.password is not None else ""
        query = QUERY_MASK if parts.query else ""
        return urlunsplit((parts.scheme, user + host, parts.path, query, ""))

    @property
    def is_masked(self) -> bool:
        """Whether somebody took what is shown for what is meant: it would be of no use."""
        if self.form is not Form.URL:
            return False
        parts = urlsplit(self.text)
        return parts.password == PASSWORD_MASK or parts.query == QUERY_MASK


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Rule:
    """
    Who may do something: everybody, if nothing is said. Secrets are never in here, but in files.

    @ivar token_file: a file of tokens; who has one of them may.
    @ivar users: a file of users and the hashes of their passwords; each of them may.
    @ivar checker: a checker of L{twisted.cred}, as C{--auth} describes it to twistd, for C{users}.
    @ivar allow: where requests must come from; empty is anywhere.
    @ivar deny: where they must not come from.
    """

    token_file: str | None = None
    users: str | None = None
    checker: str | None = None
    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()

    @property
    def wants_credentials(self) -> bool:
        """Whether the right address alone is not enough."""
        return not (self.token_file is self.users is self.checker is None)

    @property
    def checker_kind(self) -> str | None:
        """The checker as anybody may see it: behind the colon there may be a password."""
        return self.checker and self.checker.partition(":")[0]

    def __str__(self) -> str:
        """What may be shown to anybody."""
        checker = self.checker_kind
        shown = (("token_file", self.token_file), ("users", self.users), ("checker", checker))
        words = [f"{key} {value}" for key, value in shown if value is not None]
        for key, networks in (("allow", self.allow), ("deny", self.deny)):
            if networks:
                words.append(f"{key} {', '.join(map(str, networks))}")
        return "; ".join(words) or "everybody"


EVERYBODY = Rule()


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """
    One stream's settings; the durations are in seconds. But for C{name}, each field is an option,
    a key in a file, and a row of L{STREAM_SETTINGS}.
    """

    input: Input
    name: str = DEFAULT_NAME
    burst: float = 2.0
    buffer: float = 30.0
    buffer_bytes: int = 64 << 20
    whole_segments: bool = False
    readrate: float = 1.0
    readrate_initial_burst: float = 30.0
    frame_rate: float = 0.0
    program: int = 0
    at_end: AtEnd = AtEnd.EXIT
    record: str | None = None
    record_seconds: float = 0.0
    record_bytes: int = 0
    max_clients: int = 0
    client_timeout: float = 30.0
    max_lag: float = 10.0
    hold: float = 60.0
    max_bitrate: int = 0
    on_demand: bool = False
    linger: float = 10.0
    fallback: Input | tuple[Input, ...] | None = None
    optional: bool = False
    takeover: bool = False
    watch: Rule = EVERYBODY
    send: Rule = EVERYBODY

    @property
    def fallbacks(self) -> tuple[Input, ...]:
        """All that may be shown while the input is away, the preferred one first."""
        if self.fallback is None:
            return ()
        return (self.fallback,) if isinstance(self.fallback, Input) else self.fallback


@dataclass(frozen=True, slots=True)
class Config:
    """
    Everything that the server needs to know. But for C{streams}, each field is an option, a key at
    the top of a file, and a row of L{SERVER_SETTINGS}.
    """

    streams: tuple[StreamConfig, ...]
    listen: tuple[str, ...] = DEFAULT_LISTEN
    management_listen: tuple[str, ...] = ()
    management_token_file: str | None = None
    """Without one, only who is on this machine may manage, through C{management_listen}."""
    status: Rule | None = None
    trusted_proxies: tuple[Network, ...] = ()
    server_names: tuple[str, ...] = ()
    max_clients_total: int = 0
    max_clients_per_address: int = 0
    max_connections_per_address: int | None = None
    """L{None} is L{mkvtwist.http.shares.CONNECTIONS}, but any number from this machine."""
    max_requests_per_address: int | None = None
    """A second; L{None} is L{mkvtwist.http.shares.REQUESTS}, but any number from this machine."""
    max_bandwidth: int = 0
    congestion: str | None = None
    """Of TCP, by the kernel's name; without one, the machine's own."""


def parse_input(option: str, text: str) -> Input:
    """
    Tell the forms of an input apart.

    @raise ConfigError: for an empty one, or a URL that nobody can read.
    """
    if not text:
        _refuse(option, text, f"an input, which is one of: {INPUT_FORMS_IN_ONE_LINE}")
    if text == "-":
        return Input(Form.STDIN, text)
    if text == "demo:":
        return Input(Form.DEMO, text)
    if text == "http":
        return Input(Form.HTTP, text)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        try:
            urlsplit(text)
        except ValueError:
            _refuse(option, text, "a URL: look at the host's name or address")
        return Input(Form.URL, text)
    if text.partition(":")[0] in _ENDPOINT_TYPES and ":" in text:
        return Input(Form.ENDPOINT, text)
    return Input(Form.FILE, text)


def parse_fallback(option: str, text: str) -> Input:
    """
    What is shown while the input is away: something that can be read at any time.

    @raise ConfigError: for anything else.
    """
    source = parse_input(option, text)
    if source.form not in (Form.FILE, Form.URL, Form.DEMO):
        _refuse(option, text, "a file, a URL or demo:")
    return source


def parse_at_end(option: str, text: str | None, form: Form) -> AtEnd:
    """
    What happens at the end of an input of this form; its default for L{None}.

    @raise ConfigError: for something else, or something that this form cannot do.
    """
    allowed = _AT_END[form]
    if text is None:
        return allowed[0]
    for choice in allowed:
        if choice.value == text:
            return choice
    choices = ", ".join(choice.value for choice in allowed)
    raise ConfigError(f"{option}: {text!r} is not possible for {form.value} input; use {choices}")


def check_on_demand(option: str, form: Form) -> None:
    """
    An input that is opened only while somebody watches.

    @raise ConfigError: when it cannot be opened again.
    """
    if form not in (Form.FILE, Form.URL, Form.DEMO):
        raise ConfigError(f"{option}: not possible for {form.value} input; only for what is opened")


_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")

TAKEN = frozenset(
    {
        "admin",
        "api",
        "healthz",
        "manifest",
        "metrics",
        "publish",
        "static",
        "status",
        "status-json.xsl",
    }
)
"""Paths of the server's own, and those that it will have."""

RESERVED_ENDINGS = (
    *ENDINGS,
    *(".jpg", ".m3u8"),
    *(".aac", ".flac", ".flv", ".m3u", ".mp3", ".mpd", ".ogg", ".pls"),
)
"""
What may stand behind a stream's name: the endings of each format, of stills and of playlists, and
those of formats to come. A stream whose name had one would hide another stream.
"""


def parse_name(option: str, text: str) -> str:
    """
    A stream's name in URLs.

    @raise ConfigError: when no URL could have it, or the server uses it itself.
    """
    if not _NAME.fullmatch(text):
        _refuse(option, text, "up to 64 letters, digits, '-', '_' and '.', not beginning with '.'")
    if text in TAKEN or text.endswith(RESERVED_ENDINGS):
        raise ConfigError(
            f"{option}: {text!r} is reserved: a stream's name must not be a server path or end in a"
            " format's extension"
        )
    return text


def parse_seconds(option: str, text: str, *, least: float = 0.0, most: float = 86400.0) -> float:
    """
    A duration in seconds, fractions allowed.

    @raise ConfigError: for anything else, or out of bounds.
    """
    allowed = f"a number of seconds from {least:g} to {most:g}"
    return _number(option, text, allowed, least, most)


def parse_past(option: str, text: str) -> float:
    """
    A moment as seconds before now, which makes it negative; 0 is now.

    @raise ConfigError: for anything else.
    """
    allowed = "a number of seconds before now, from -86400 to 0, such as -30"
    return _number(option, text, allowed, -86400.0, 0.0)


def parse_tracks(option: str, text: str) -> frozenset[int]:
    """
    Numbers of tracks: C{1,3}.

    @raise ConfigError: for anything else.
    """
    items = text.split(",")
    if len(items) > TRACKS or not all(re.fullmatch("[1-9][0-9]{0,3}", item) for item in items):
        raise ConfigError(
            f"{option}: {text[:40]!r} is not a list of numbers of tracks, as /status has them:"
            " 1,3 for example"
        )
    return frozenset(map(int, items))


def parse_rate(option: str, text: str) -> float:
    """
    A speed as a multiple of real time; 0 is without limit.

    @raise ConfigError: for anything else.
    """
    return _number(option, text, "a number from 0 to 1000, such as 1 or 0.5", 0.0, 1000.0)


def parse_frame_rate(option: str, text: str) -> float:
    """
    Pictures a second, also as FFmpeg writes the rates of television; 0 is unknown.

    @raise ConfigError: for anything else.
    """
    allowed = "from 0.001 to 1000 pictures a second, such as 29.97 or 30000/1001; or 0"
    parts = re.fullmatch(r"([0-9]{1,9})/([1-9][0-9]{0,8})", text)
    rate = int(parts[1]) / int(parts[2]) if parts else _number(option, text, allowed, 0.0, 1000.0)
    if rate and not 0.001 <= rate <= 1000.0:
        _refuse(option, text, allowed)
    return rate


def parse_program(option: str, text: str) -> int:
    """
    The number of a programme in an MPEG-TS (ISO/IEC 13818-1, program_number); 0 is any.

    @raise ConfigError: for anything else.
    """
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        _refuse(option, text, "the number of a programme, from 1 to 65535; 0: the first with video")
    return int(text)


def _number(option: str, text: str, allowed: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        _refuse(option, text, allowed)
    if not math.isfinite(value) or not least <= value <= most:
        _refuse(option, text, allowed)
    return value


def parse_count(option: str, text: str) -> int:
    """
    A whole number, 0 included.

    @raise ConfigError: for anything else.
    """
    if not re.fullmatch(r"[0-9]{1,9}", text):
        _refuse(option, text, "a whole number, 0 or more")
    return int(text)


TRACKS = 64
"""Tracks that may be asked for at once: as many as an input is looked at for."""

SMALLEST_BUFFER = 64 << 10
"""Less than this does not hold one keyframe of anything."""

_UNITS = {"": 0, "k": 10, "m": 20, "g": 30}


def parse_size(option: str, text: str) -> int:
    """
    A number of bytes; C{k}, C{M} and C{G} are powers of 1024.

    @raise ConfigError: for anything else, or less than L{SMALLEST_BUFFER}.
    """
    match = re.fullmatch(r"([0-9]{1,13})([kKmMgG]?)", text)
    size = int(match[1]) << _UNITS[match[2].lower()] if match else 0
    if not SMALLEST_BUFFER <= size <= 1 << 40:
        _refuse(option, text, "a number of bytes from 64k to 1024G, such as 500k, 64M or 1G")
    return size


def parse_bitrate(option: str, text: str) -> int:
    """
    Bits per second; C{k}, C{M} and C{G} are powers of 1000, as FFmpeg has them; 0 is no limit.

    @raise ConfigError: for anything else.
    """
    match = re.fullmatch(r"([0-9]{1,13}(?:\.[0-9]{1,6})?)([kKmMgG]?)", text)
    rate = round(float(match[1]) * 1000 ** (_UNITS[match[2].lower()] // 10)) if match else -1
    if not 0 <= rate <= 10**12:
        _refuse(option, text, "a number of bits per second, such as 500k, 8M or 2.5M; 0: no limit")
    return rate


def parse_network(option: str, text: str) -> Network:
    """
    An address, or a network of them, as in C{10.0.0.0/8}.

    @raise ConfigError: for anything else.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        _refuse(option, text, "an address such as 192.0.2.7, or a network such as 10.0.0.0/8")


def parse_server_name(option: str, text: str) -> str:
    """
    A name by which the server is called in URLs, in lower case.

    @raise ConfigError: for anything else, such as a whole URL or a name with a port.
    """
    name = text.lower().removesuffix(".")
    if len(name) > 253 or not re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", name):
        allowed = "a host's name without scheme and port, such as tv.example (xn--... for others)"
        _refuse(option, text, allowed)
    return name


def parse_rule(option: str, text: str) -> Rule:
    """Who may, in one word: a file of tokens."""
    return Rule(token_file=parse_text(option, text))


def parse_text(option: str, text: str) -> str:
    """
    Any text, but for none: what is in it is looked at where it is known what it is for.

    @raise ConfigError: when it is empty.
    """
    if not text:
        _refuse(option, text, "anything: say what is meant, or leave it out")
    return text


def parse_congestion(option: str, text: str) -> str:
    """
    A congestion control of TCP, by the kernel's name.

    @raise ConfigError: for what cannot be such a name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,15}", text):
        _refuse(option, text, "a name of the kernel's, such as cubic or bbr")
    return text


_MOMENTS = "YmdHMSjyBbAaIpUWVGuwzZFTs%"
"""What C{strftime} makes of a moment, on every system; C{%%} is a percent sign."""


def parse_record(option: str, text: str) -> str:
    """
    The path of a recording, in whose last part C{%} begins one of C{strftime}'s words.

    Folders are called what they are called, C{%} included.

    @raise ConfigError: when it is empty, or has other words.
    """
    name = parse_text(option, text).rpartition("/")[2]
    words = re.findall(r"%(.?)", name)
    if not all(word and word in _MOMENTS for word in words):
        allowed = (
            "a file whose name may have a date and a time in it, such as %Y%m%d-%H%M%S; write"
            " %% for % there"
        )
        _refuse(option, text, allowed)
    return text


def parse_limit(option: str, text: str) -> int:
    """
    A number of bytes, as L{parse_size} has it; 0 is without limit.

    @raise ConfigError: for anything else.
    """
    return 0 if text == "0" else parse_size(option, text)


class Kind(Enum):
    """How a setting is written in TOML: the types of its values, in words."""

    TEXT = "text in quotes"
    TEXTS = "a list of texts in quotes"
    TEXT_OR_TEXTS = "text in quotes, or a list of them"
    NUMBER = "a number"
    SIZE = 'a number, or text such as "64M"'
    SWITCH = "true or false"
    RULE = 'a table, such as { token_file = "..." }'


class Setting(NamedTuple):
    """
    What the command line and a file have in common.

    @ivar parse: makes the value of the option's name and the text.
    """

    kind: Kind
    parse: Callable[[str, str], Any]


SERVER_SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "listen": Setting(Kind.TEXTS, parse_text),
        "management_listen": Setting(Kind.TEXTS, parse_text),
        "management_token_file": Setting(Kind.TEXT, parse_text),
        "status": Setting(Kind.RULE, parse_rule),
        "trusted_proxies": Setting(Kind.TEXTS, parse_network),
        "server_names": Setting(Kind.TEXTS, parse_server_name),
        "max_clients_total": Setting(Kind.NUMBER, parse_count),
        "max_clients_per_address": Setting(Kind.NUMBER, parse_count),
        "max_connections_per_address": Setting(Kind.NUMBER, parse_count),
        "max_requests_per_address": Setting(Kind.NUMBER, parse_count),
        "max_bandwidth": Setting(Kind.SIZE, parse_bitrate),
        "congestion": Setting(Kind.TEXT, parse_congestion),
    }
)

STREAM_SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "input": Setting(Kind.TEXT, parse_input),
        "burst": Setting(Kind.NUMBER, parse_seconds),
        "buffer": Setting(Kind.NUMBER, parse_seconds),
        "buffer_bytes": Setting(Kind.SIZE, parse_size),
        "whole_segments": Setting(Kind.SWITCH, parse_text),
        "readrate": Setting(Kind.NUMBER, parse_rate),
        "readrate_initial_burst": Setting(Kind.NUMBER, parse_seconds),
        "frame_rate": Setting(Kind.NUMBER, parse_frame_rate),
        "program": Setting(Kind.NUMBER, parse_program),
        "at_end": Setting(Kind.TEXT, parse_text),  # what is allowed depends on the input
        "record": Setting(Kind.TEXT, parse_record),
        "record_seconds": Setting(Kind.NUMBER, parse_seconds),
        "record_bytes": Setting(Kind.SIZE, parse_limit),
        "max_clients": Setting(Kind.NUMBER, parse_count),
        "client_timeout": Setting(Kind.NUMBER, partial(parse_seconds, least=1.0)),
        "max_lag": Setting(Kind.NUMBER, parse_seconds),
        "hold": Setting(Kind.NUMBER, parse_seconds),
        "max_bitrate": Setting(Kind.SIZE, parse_bitrate),
        "on_demand": Setting(Kind.SWITCH, parse_text),
        "optional": Setting(Kind.SWITCH, parse_text),
        "linger": Setting(Kind.NUMBER, parse_seconds),
        "fallback": Setting(Kind.TEXT_OR_TEXTS, parse_fallback),
        "takeover": Setting(Kind.SWITCH, parse_text),
        "watch": Setting(Kind.RULE, parse_rule),
        "send": Setting(Kind.RULE, parse_rule),
    }
)

RULE_SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "token_file": Setting(Kind.TEXT, parse_text),
        "users": Setting(Kind.TEXT, parse_text),
        "checker": Setting(Kind.TEXT, parse_text),
        "allow": Setting(Kind.TEXTS, parse_network),
        "deny": Setting(Kind.TEXTS, parse_network),
    }
)

OWN = frozenset({"input", "record"})
"""Settings of which two streams cannot have the same."""

LIVE = frozenset(
    {
        "burst",
        "client_timeout",
        "hold",
        "linger",
        "max_bitrate",
        "max_clients",
        "max_lag",
        "optional",
        "send",
        "takeover",
        "watch",
    }
)
"""Settings that a running stream takes over; any other one restarts it."""


def changes(old: StreamConfig, new: StreamConfig) -> set[str]:
    """The settings in which two differ."""
    return {f.name for f in fields(old) if getattr(old, f.name) != getattr(new, f.name)}


def _refuse(option: str, text: str, allowed: str) -> NoReturn:
    raise ConfigError(f"{option}: {text!r} is not {allowed}")
