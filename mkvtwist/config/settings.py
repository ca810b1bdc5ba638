"""
The settings, declared: purpose, default, places, checks (I{pure}).

A setting is declared here, once; L{mkvtwist.config.declaration} says what follows from that. The
code that reads a field gives it its effect.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from os import PathLike, fsdecode
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from mkvtwist.config.declaration import (
    EVERYWHERE,
    Change,
    Group,
    Setting,
    Where,
    declare,
    declared,
    setting,
)
from mkvtwist.config.input import (
    AT_END_TEXT,
    FALLBACK,
    INPUT,
    AtEnd,
    Input,
    check_on_demand,
    check_pattern,
    parse_at_end,
)
from mkvtwist.config.input_options import (
    INPUT_OPTIONS,
    NO_OPTIONS,
    InputOptions,
    check_options,
)
from mkvtwist.config.names import is_pattern
from mkvtwist.config.rule import EVERYBODY, RULE, AccessRule
from mkvtwist.config.types import (
    BITRATE,
    CONGESTION,
    COUNT,
    ENDPOINTS,
    FRAME_RATE,
    ISOLATION,
    LIMIT,
    NAME,
    NETWORKS,
    PROGRAM,
    RECORDING,
    SECONDS,
    SECONDS_FROM_ONE,
    SERVER_NAMES,
    SIZE,
    SPEED,
    SWITCH,
    TEXT,
    TOKEN,
    ValueType,
)
from mkvtwist.config.values import THREAD, ConfigError, Network

DEFAULT_NAME = "live"
"""The name of the stream that the command line makes."""

DEFAULT_PORT = 8080
DEFAULT_LISTEN = (f"tcp6:{DEFAULT_PORT}",)
"""
The endpoint where clients connect by default: on Linux a socket of IPv6 takes IPv4 as well. For a
machine that lacks IPv6, or keeps the two apart, L{mkvtwist.server.check} finds other endpoints.
"""

_OWN = EVERYWHERE & ~Where.DEFAULTS
"""Two streams cannot have the same."""


_BY_INPUT = cast("AtEnd", None)
"""Stands for the action that is usual for the form of the input; no configuration has it."""


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """
    The settings of one stream.

    Durations are in seconds, sizes in bytes, rates in bits per second::

        StreamConfig("demo:")
        StreamConfig(Path("film.mkv"), name="film", at_end="loop", buffer=60)
        StreamConfig("push", name="cam", send="send.tokens", max_bitrate="8M")

    A value may also be text, as on the command line. Relative paths start at the working directory.
    No file is opened and no port is tried: L{read_stream<mkvtwist.server.check.read_stream>} does,
    and takes settings as a configuration file has them.
    """

    if TYPE_CHECKING:  # more may be given than the fields hold

        def __init__(
            self,
            input: Input | str | PathLike[str],  # noqa: A002 - the setting's name
            name: str = DEFAULT_NAME,
            **settings: Any,
        ) -> None:
            """
            @param input: a file, a URL, an endpoint, C{push}, C{exec:}, C{demo:} or C{-}.
            @param name: the stream's name in URLs.
            @param settings: any others, by their keys in a configuration file.
            @raise ConfigError: for values that cannot be used, with a line for each.
            """

    input: Input = field(
        metadata=declare(
            INPUT,
            Group.INPUT,
            "Where the media comes from: a file, -, a URL, exec:COMMAND, an endpoint such as"
            " tcp:12345, push, or demo:",
            reference="where the media comes from, as above",
            usual="standard input",
            example='"demo:"',
            short="i",
            where=_OWN,
        )
    )
    name: str = setting(
        DEFAULT_NAME,
        NAME,
        Group.INPUT,
        "The stream's name in URLs; with * a pattern of the names that senders or clients choose",
        reference="the stream's name in URLs: up to 64 letters, digits, `-`, `_` and `.`. A path of"
        " the server (`status`, `publish`, …) and a name that ends in a format's extension"
        " (`.vtt`, `.mp3`, …) are reserved. With `*` it is a"
        " [pattern](configuration.md#patterns)",
        where=Where.OPTION,
    )
    title: str | None = setting(
        None,
        TEXT,
        Group.INPUT,
        "The stream's title on its page, in link previews, in /status and on radios",
        reference="the stream's title on its page, in link previews, in `/status` and on"
        " [radios](../howto/radio.md); without it the title that the input has, or none",
        usual="the input's",
        example='"Radio Example"',
        where=_OWN,
        change=Change.AT_ONCE,
    )
    description: str | None = setting(
        None,
        TEXT,
        Group.INPUT,
        "A sentence on the stream, shown where its title is",
        reference="a sentence on the stream, shown where its title is",
        usual="the input's",
        example='"Music, day and night"',
        where=_OWN,
        change=Change.AT_ONCE,
    )
    at_end: AtEnd = setting(
        _BY_INPUT,
        AT_END_TEXT,
        Group.INPUT,
        "What happens when the input ends: exit (default of files and standard input), wait (of"
        " endpoints and push), retry (of URLs and programs) or loop; not every input can do all of"
        " them",
        reference="what happens when the input ends, see below",
        usual="by the input",
        example='"loop"',
    )
    input_options: InputOptions = setting(
        NO_OPTIONS,
        INPUT_OPTIONS,
        Group.INPUT,
        "Options of libavformat for an input that is a file or a URL, in its words",
        reference="an [option of libavformat](inputs.md#options-of-libavformat) for an input that"
        " is a file or a URL, such as `rtsp_transport=tcp`",
        example='{ rtsp_transport = "tcp" }',
        option="input-option",
        option_help="An option of libavformat for an input that is a file or a URL, such as"
        " rtsp_transport=tcp",
        where=_OWN,
    )
    fallback: Input | tuple[Input, ...] | None = setting(
        None,
        FALLBACK,
        Group.INPUT,
        "What is shown while the input is away: a file, a URL, exec: or demo:, with the same"
        " tracks, coded in the same way, in the same container. Of several the first that works is"
        " shown",
        reference="a file, a URL, `exec:` or `demo:` that is shown while the input is away, see"
        " below; may be repeated: the first that works is shown",
        example='"pause.mkv"',
    )
    on_demand: bool = setting(
        False,
        SWITCH,
        Group.INPUT,
        "Open the input only while somebody watches. For files, URLs, programs and demo:",
        reference="open the input only while somebody watches. For files, URLs, `exec:` and"
        " `demo:`",
    )
    linger: float = setting(
        10.0,
        SECONDS,
        Group.INPUT,
        "Seconds that an input on demand stays open after its last client",
        reference="how long an input on demand stays open after its last client, or HLS viewer",
        change=Change.AT_ONCE,
    )
    takeover: bool = setting(
        False,
        SWITCH,
        Group.INPUT,
        "A new sender replaces the current one instead of being rejected",
        change=Change.AT_ONCE,
    )
    readrate: float = setting(
        1.0,
        SPEED,
        Group.INPUT,
        "Speed at which the input is read, against its own timestamps. 0: as fast as it comes",
        reference="the speed at which the input is read, against its own timestamps; what is due"
        " within 31 ms comes together, never late. 0: as fast as it comes",
    )
    readrate_initial_burst: float = setting(
        30.0,
        SECONDS,
        Group.INPUT,
        "Seconds of media that are read at once at the start, before the speed is limited",
        reference="media that is read at once at the start, before `--readrate` applies",
    )
    frame_rate: float = setting(
        0.0,
        FRAME_RATE,
        Group.INPUT,
        "Pictures a second of raw video that carries no times of its own. 0: a file has the rate"
        " that it claims, or 25; the pictures of a live sender are timed by their arrival",
        reference="pictures a second of raw video that carries no times of its own (raw H.264,"
        " HEVC, MPEG-4, AV1, MJPEG, JPEG over HTTP); `30000/1001` works. 0: a file has the rate"
        " that it claims, or 25; the pictures of a live sender are timed"
        " [by their arrival](inputs.md#video-without-times)",
    )
    program: int = setting(
        0,
        PROGRAM,
        Group.INPUT,
        "Which programme of an MPEG-TS with several is sent, by its number. 0: the first with"
        " video",
        reference="which programme of an [MPEG-TS with several](inputs.md#several-programmes), by"
        " its number. 0: the first with video",
    )
    max_bitrate: int = setting(
        0,
        BITRATE,
        Group.INPUT,
        "Bits per second of the input at most; an input that brings more is closed. k, M and G are"
        " powers of 1000. 0: no limit",
        reference="bits per second that the input may bring, over 5 seconds of media. More is taken"
        " as a fault of the input: a sender is disconnected, anything else is closed, and"
        " `--at-end` says what comes next. `k`, `M` and `G` are powers of 1000. 0: no limit",
        change=Change.AT_ONCE,
    )
    isolation: str = setting(
        THREAD,
        ISOLATION,
        Group.INPUT,
        "How the input is read: in a thread of the server, or in a process of its own, which opens"
        " nothing but its input, and whose crash ends nothing else",
        reference="how the input is read: in a `thread` of the server, or in a `process` of its"
        " own, which opens nothing but its input, and whose crash ends nothing else; see"
        " [Strangers as senders](../howto/senders.md#strangers-as-senders)",
        example='"process"',
    )
    optional: bool = setting(
        False,
        SWITCH,
        Group.INPUT,
        "Exclude this stream from /healthz, and from the exit status if there are others",
        reference="exclude this stream from `/healthz`, and from the [exit"
        " status](#the-exit-status) if there are others",
        change=Change.AT_ONCE,
    )
    burst: float = setting(
        2.0,
        SECONDS,
        Group.CLIENTS,
        "Seconds of media that a client gets at once when it joins. 0: from the newest keyframe",
        reference="media that a client gets at once when it joins: it starts at the newest keyframe"
        " that is at least this far behind the live edge, or else at the oldest. 0: at the newest"
        " keyframe",
        change=Change.AT_ONCE,
    )
    buffer: float = setting(
        30.0,
        SECONDS,
        Group.CLIENTS,
        "Seconds of media that are kept for clients that are behind",
        reference="how much the ring keeps",
    )
    buffer_bytes: int = setting(
        64 << 20,
        SIZE,
        Group.CLIENTS,
        "Bytes of memory that these seconds take at most. k, M and G are powers of 1024",
        reference="how much memory the ring takes at most, whatever `--buffer` says: media, what is"
        " made of them for formats that are watched, and 250 to 590 bytes for each packet",
    )
    whole_segments: bool = setting(
        False,
        SWITCH,
        Group.CLIENTS,
        "Send a segment, from a keyframe to the next, only when it is complete",
        reference="send a segment, from a keyframe to the next, only when it is complete; else each"
        " fragment as soon as it is there",
    )
    max_clients: int = setting(
        0,
        COUNT,
        Group.CLIENTS,
        "How many clients may watch at once. 0: no limit",
        reference="how many may watch at once; further viewers get 503 with `Retry-After`. An"
        " address that watches through [HLS](http.md#hls) counts as one. 0: no limit",
        change=Change.AT_ONCE,
    )
    client_timeout: float = setting(
        30.0,
        SECONDS_FROM_ONE,
        Group.CLIENTS,
        "Seconds after which a client that takes nothing is disconnected",
        reference="a client that takes nothing for this long, or whose machine has vanished for"
        " this long, is disconnected",
        change=Change.AT_ONCE,
    )
    max_lag: float = setting(
        10.0,
        SECONDS,
        Group.CLIENTS,
        "Seconds that a client may fall behind before it skips to the newest keyframe; a client"
        " that has paused keeps its place. 0: as many as the buffer has",
        reference="a client that takes data, but falls further behind than this, skips to the"
        " newest keyframe, see [Clients that fall behind](#clients-that-fall-behind). 0: only when"
        " its place has left the ring",
        change=Change.AT_ONCE,
    )
    hold: float = setting(
        60.0,
        SECONDS,
        Group.CLIENTS,
        "Seconds that clients are held while the input is away; then their responses end. 0: for"
        " ever",
        reference="how long clients are held while the input is away, waiting for a sender or for"
        " the next try; then their responses end, and the log says so. Clients that come meanwhile"
        " are held for as long. 0: for ever",
        change=Change.AT_ONCE,
    )
    record: str | None = setting(
        None,
        RECORDING,
        Group.RECORDING,
        "Also write all that the stream carries to this file; its name may have a date and a time"
        " in it",
        reference="also write all that the stream carries to this file. It can be played while it"
        " grows, and after a crash. No file is overwritten, and new tracks begin a new one:"
        " `film.mkv` is followed by `film-2.mkv`. Its name may [have the date in"
        " it](../howto/recording.md)",
        example='"recording-%Y%m%d-%H%M%S.mkv"',
        where=_OWN,
    )
    record_seconds: float = setting(
        0.0,
        SECONDS,
        Group.RECORDING,
        "Seconds of media after which another file is begun, at a keyframe. 0: never",
        reference="begin another file at the first keyframe after so much media. 0: never",
    )
    record_bytes: int = setting(
        0,
        LIMIT,
        Group.RECORDING,
        "Bytes after which another file is begun, at a keyframe. k, M and G are powers of 1024."
        " 0: never",
        reference="begin another file at the first keyframe after so many bytes. 0: never",
    )
    watch: AccessRule = setting(
        EVERYBODY,
        RULE,
        Group.ACCESS,
        "Who may watch: clients with a token from token_file, or a user and password from users"
        " (python -m mkvtwist.password makes its lines), that ask from an address in allow and not"
        " in deny. By default anyone",
        reference="only clients with one of the tokens in this file may watch, see [Who may"
        " watch](../howto/access.md)",
        example='{ token_file = "watch.tokens", users = "htpasswd", allow = ["10.0.0.0/8"] }',
        option="watch-token-file",
        option_help="Only clients with one of the tokens in this file may watch",
        change=Change.AT_ONCE,
    )
    send: AccessRule = setting(
        EVERYBODY,
        RULE,
        Group.ACCESS,
        "Who may send over HTTP and RTMP, in the same words. By default anyone",
        reference="only senders with one of the tokens in this file may send over HTTP and RTMP",
        example='{ token_file = "send.tokens", deny = ["10.9.0.0/16"] }',
        option="send-token-file",
        option_help="Only senders with one of the tokens in this file may send",
        change=Change.AT_ONCE,
    )

    pattern: str = ""
    """
    The pattern in whose place the stream was made; empty for a stream with a table of its own. No
    setting: L{mkvtwist.config.patterns} fills it in.
    """

    @property
    def is_pattern(self) -> bool:
        """Return whether these are the settings of all streams whose names fit a pattern."""
        return is_pattern(self.name)

    def __post_init__(self) -> None:
        """
        Make values of text, and check them.

        @raise ConfigError: for values that cannot be used, with a line for each.
        """
        problems: list[str] = []
        for key, one in STREAM_SETTINGS.items():
            value = getattr(self, one.attribute)
            try:
                if one.is_required or value != one.default:
                    object.__setattr__(self, one.attribute, _made(key, value, one.type))
            except ConfigError as error:
                problems += error.args
        if not problems:
            try:
                self._fit()
            except ConfigError as error:
                problems += error.args
        if problems:
            raise ConfigError(*problems)

    def _fit(self) -> None:
        """
        Find the action at the end; check what depends on the form of the input.

        @raise ConfigError: for what the form does not have.
        """
        source: Any = self.input
        if not isinstance(source, Input):
            raise ConfigError(f"input: {source!r} is not text")
        at_end = fitting_at_end(
            self.name,
            source,
            self.at_end,
            on_demand=self.on_demand,
            options=self.input_options,
        )
        object.__setattr__(self, "at_end", at_end)

    @property
    def fallbacks(self) -> tuple[Input, ...]:
        """Return the inputs that may be shown while the input is away, the preferred one first."""
        if self.fallback is None:
            return ()
        return (self.fallback,) if isinstance(self.fallback, Input) else self.fallback


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration of the server and of all streams."""

    streams: tuple[StreamConfig, ...]
    listen: tuple[str, ...] = setting(
        DEFAULT_LISTEN,
        ENDPOINTS,
        Group.SERVER,
        "Where HTTP clients connect: Twisted server endpoints. tcp6 is IPv6, and on Linux IPv4 as"
        " well; tcp is IPv4 alone; tcp:0 takes a free port",
        reference="where HTTP clients connect, as a Twisted server endpoint; may be repeated."
        " `tcp:8080` is IPv4 alone; on Linux `tcp6:8080` is IPv6 and IPv4, see [Real"
        " networks](../howto/networks.md#ipv4-and-ipv6). The default is `tcp:8080` if the machine"
        " has no IPv6. `tcp:0` takes a free port, and the log says which",
        short="l",
        change=Change.LISTENERS,
    )
    management_listen: tuple[str, ...] = setting(
        (),
        ENDPOINTS,
        Group.SERVER,
        "Where the management interface is: Twisted endpoints of its own, on this machine unless"
        " there is a token",
        reference="where the [management interface](management.md) is, an endpoint of its own; may"
        " be repeated. Without a token it has to be on this machine: `unix:PATH` or"
        " `tcp:PORT:interface=127.0.0.1`",
        example='["tcp:8079:interface=127.0.0.1"]',
        change=Change.LISTENERS,
    )
    management_token_file: str | None = setting(
        None,
        TOKEN,
        Group.SERVER,
        "A file with the token that the management interface asks for; with a token the interface"
        " is also where clients connect",
        reference="a file with the token that the management interface asks for; with it the"
        " interface is also where clients connect",
        example='"management.token"',
        change=Change.LISTENERS,
    )
    rtmp_listen: tuple[str, ...] = setting(
        (),
        ENDPOINTS,
        Group.SERVER,
        "Where senders publish over RTMP, to each stream whose input is push: Twisted server"
        " endpoints. ssl is RTMPS",
        reference="where senders publish [over RTMP](../howto/obs.md), to each stream whose input"
        " is `push`, as a Twisted server endpoint: `tcp:1935`, or `ssl:1936:…` for RTMPS; may be"
        " repeated",
        example='["tcp:1935"]',
        change=Change.LISTENERS,
    )
    congestion: str | None = setting(
        None,
        CONGESTION,
        Group.SERVER,
        "TCP's congestion control towards clients, as the kernel calls it",
        reference="TCP's congestion control towards clients, as the kernel calls it: `bbr` for"
        " [links that lose packets](../howto/networks.md#bbr)",
        usual="the machine's own",
        example='"bbr"',
        change=Change.AT_ONCE,
    )
    server_names: tuple[str, ...] = setting(
        (),
        SERVER_NAMES,
        Group.SERVER,
        "Names by which the pages of this server may call it when they send or manage, such as"
        " tv.example; addresses, localhost and the machine's own name are known. Viewers may use"
        " any name",
        reference="a name by which this server's own pages may call it when they send or manage,"
        " see [Pages of other sites](http.md#pages-of-other-sites); may be repeated. In a"
        " configuration file: `server_names`. Addresses, `localhost` and the machine's own name are"
        " known; viewers may use any name",
        example='["tv.example"]',
        option="server-name",
        option_help="A name by which the pages of this server may call it when they send or manage,"
        " such as tv.example; addresses, localhost and the machine's own name are known",
        change=Change.AT_ONCE,
    )
    trusted_proxies: tuple[Network, ...] = setting(
        (),
        NETWORKS,
        Group.SERVER,
        "Proxies that may say, in X-Forwarded-For, where a request comes from",
        example='["127.0.0.1", "::1"]',
        where=Where.FILE,
        change=Change.AT_ONCE,
    )
    max_streams: int = setting(
        100,
        COUNT,
        Group.LIMITS,
        "How many streams may be made of patterns at once, in all. 0: no limit",
        reference="how many streams may be made of [patterns](configuration.md#patterns) at once,"
        " in all; further names get 503 with `Retry-After`. 0: no limit",
        change=Change.AT_ONCE,
    )
    max_clients_total: int = setting(
        0,
        COUNT,
        Group.LIMITS,
        "How many clients may watch all streams together. 0: no limit",
        reference="how many may watch all streams together, those through HLS counted in the same"
        " way. 0: no limit",
        change=Change.AT_ONCE,
    )
    max_clients_per_address: int = setting(
        0,
        COUNT,
        Group.LIMITS,
        "How many clients may watch from one address. 0: no limit",
        reference="how many may watch from one address; HLS does not count here, yet nobody begins"
        " with it from an address that has as many. 0: no limit",
        change=Change.AT_ONCE,
    )
    max_connections_per_address: int | None = setting(
        None,
        COUNT,
        Group.LIMITS,
        "How many connections one address may have. A number that you give holds for this machine's"
        " own addresses, too. 0: no limit",
        reference="how many connections one address may have, see [Limits](http.md#limits). A"
        " number that you give holds for this machine's own addresses, too. 0: no limit",
        usual="512, no limit for this machine",
        example="512",
        change=Change.AT_ONCE,
    )
    """
    L{None} is L{mkvtwist.access.address_limits.CONNECTIONS}, but any number from this machine.
    """
    max_requests_per_address: int | None = setting(
        None,
        COUNT,
        Group.LIMITS,
        "How many requests one address may make in a second. A number that you give holds for this"
        " machine's own addresses, too. 0: no limit",
        reference="how many requests one address may make in a second, see"
        " [Limits](http.md#limits). A number that you give holds for this machine's own addresses,"
        " too. 0: no limit",
        usual="500, no limit for this machine",
        example="500",
        change=Change.AT_ONCE,
    )
    """
    A second; L{None} is L{mkvtwist.access.address_limits.REQUESTS}, but any number from this
    machine.
    """
    max_bandwidth: int = setting(
        0,
        BITRATE,
        Group.LIMITS,
        "Bits per second to all clients together; viewers beyond this limit are rejected. k, M and"
        " G are powers of 1000. 0: no limit",
        reference="bits per second to all clients together: the sum, over all streams, of the"
        " bitrate times the clients and the viewers through HLS. Viewers beyond this limit get 503."
        " `k`, `M` and `G` are powers of 1000. 0: no limit",
        change=Change.AT_ONCE,
    )
    status_access: AccessRule | None = setting(
        None,
        RULE,
        Group.ACCESS,
        "Who may see /status and /metrics, with all streams in them. By default anyone, with the"
        " streams that they may watch",
        example='{ token_file = "status.tokens" }',
        key="status",
        where=Where.FILE,
        change=Change.AT_ONCE,
    )


def fitting_at_end(
    name: str,
    source: Input,
    at_end: AtEnd | str | None,
    *,
    on_demand: bool,
    options: InputOptions,
    where: Callable[[str], str] = str,
) -> AtEnd:
    """
    Return the action at the end of a stream's input; check what else depends on the input's form.

    @param where: returns the place of a setting in words, from its key.
    @raise ConfigError: for a setting that the form does not have.
    """
    chosen = parse_at_end(where("at_end"), at_end, source.form)
    if on_demand:
        check_on_demand(where("on_demand"), source.form)
    if is_pattern(name):
        check_pattern(where("input"), source.form, on_demand=on_demand)
    check_options(where("input_options"), options, source)
    return chosen


def _made(key: str, value: Any, type_: ValueType) -> Any:
    """
    Return the value of a setting, made of what a program gives.

    @raise ConfigError: if it cannot be used.
    """
    if isinstance(value, list | tuple) and type_.is_list:
        return tuple(_made(key, one, type_) for one in value)
    if isinstance(value, Mapping) and type_.parse_table is not None:
        return type_.parse_table(key, value)
    if isinstance(value, list | tuple | Mapping):
        kind = type(value).__name__
        raise ConfigError(f"{key}: a {kind} cannot be used; give a single value, or its text")
    if isinstance(value, PathLike):
        value = fsdecode(value)
    if not isinstance(value, str | int | float):
        return value
    is_text = isinstance(value, str) and type_ is not SWITCH
    if not is_text and type(value) not in type_.toml.types:  # bool would pass as int
        raise ConfigError(f"{key}: {value!r} is not {type_.toml.words}")
    return value if isinstance(value, bool) else type_.parse(key, str(value))


_STREAM = declared(StreamConfig)
_SERVER = declared(Config)

STREAM_SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {key: declaration for key, declaration in _STREAM.items() if Where.FILE in declaration.where}
)
"""The keys of a stream's table."""

SERVER_SETTINGS: Mapping[str, Setting] = _SERVER
"""The keys at the top of a file."""

OPTIONS: tuple[Setting, ...] = tuple(
    declaration
    for group in Group
    for declaration in (*_STREAM.values(), *_SERVER.values())
    if declaration.group is group and Where.OPTION in declaration.where
)
"""The settings that are options, in the order of their groups."""


def changes(old: StreamConfig, new: StreamConfig) -> set[str]:
    """Return the keys of the settings in which two configurations differ."""
    return {f.name for f in fields(old) if getattr(old, f.name) != getattr(new, f.name)}


def change_at_once(keys: set[str]) -> bool:
    """Return whether a running stream can take over changes of all these settings."""
    return all(STREAM_SETTINGS[key].change is Change.AT_ONCE for key in keys - {"pattern"})
