"""
What the user asked for: settings, their bounds and defaults (I{pure}).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from mkvtwist.config.input import AtEnd, Input, parse_fallback, parse_input
from mkvtwist.config.rule import EVERYBODY, AccessRule, parse_rule
from mkvtwist.config.values import (
    Network,
    parse_bitrate,
    parse_congestion,
    parse_count,
    parse_frame_rate,
    parse_limit,
    parse_network,
    parse_program,
    parse_rate,
    parse_record,
    parse_seconds,
    parse_server_name,
    parse_size,
    parse_text,
)

DEFAULT_NAME = "live"
"""Of a stream that the command line makes."""

DEFAULT_PORT = 8080
DEFAULT_LISTEN = (f"tcp6:{DEFAULT_PORT}",)
"""
Where clients connect by default: on Linux a socket of IPv6 takes IPv4 as well. A machine that lacks
IPv6, or keeps the two apart, has other words for both: L{mkvtwist.server.check} finds them.
"""


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
    watch: AccessRule = EVERYBODY
    send: AccessRule = EVERYBODY

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
    status: AccessRule | None = None
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


class TomlType(Enum):
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

    kind: TomlType
    parse: Callable[[str, str], Any]


SERVER_SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "listen": Setting(TomlType.TEXTS, parse_text),
        "management_listen": Setting(TomlType.TEXTS, parse_text),
        "management_token_file": Setting(TomlType.TEXT, parse_text),
        "status": Setting(TomlType.RULE, parse_rule),
        "trusted_proxies": Setting(TomlType.TEXTS, parse_network),
        "server_names": Setting(TomlType.TEXTS, parse_server_name),
        "max_clients_total": Setting(TomlType.NUMBER, parse_count),
        "max_clients_per_address": Setting(TomlType.NUMBER, parse_count),
        "max_connections_per_address": Setting(TomlType.NUMBER, parse_count),
        "max_requests_per_address": Setting(TomlType.NUMBER, parse_count),
        "max_bandwidth": Setting(TomlType.SIZE, parse_bitrate),
        "congestion": Setting(TomlType.TEXT, parse_congestion),
    }
)

STREAM_SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "input": Setting(TomlType.TEXT, parse_input),
        "burst": Setting(TomlType.NUMBER, parse_seconds),
        "buffer": Setting(TomlType.NUMBER, parse_seconds),
        "buffer_bytes": Setting(TomlType.SIZE, parse_size),
        "whole_segments": Setting(TomlType.SWITCH, parse_text),
        "readrate": Setting(TomlType.NUMBER, parse_rate),
        "readrate_initial_burst": Setting(TomlType.NUMBER, parse_seconds),
        "frame_rate": Setting(TomlType.NUMBER, parse_frame_rate),
        "program": Setting(TomlType.NUMBER, parse_program),
        "at_end": Setting(TomlType.TEXT, parse_text),  # what is allowed depends on the input
        "record": Setting(TomlType.TEXT, parse_record),
        "record_seconds": Setting(TomlType.NUMBER, parse_seconds),
        "record_bytes": Setting(TomlType.SIZE, parse_limit),
        "max_clients": Setting(TomlType.NUMBER, parse_count),
        "client_timeout": Setting(TomlType.NUMBER, partial(parse_seconds, least=1.0)),
        "max_lag": Setting(TomlType.NUMBER, parse_seconds),
        "hold": Setting(TomlType.NUMBER, parse_seconds),
        "max_bitrate": Setting(TomlType.SIZE, parse_bitrate),
        "on_demand": Setting(TomlType.SWITCH, parse_text),
        "optional": Setting(TomlType.SWITCH, parse_text),
        "linger": Setting(TomlType.NUMBER, parse_seconds),
        "fallback": Setting(TomlType.TEXT_OR_TEXTS, parse_fallback),
        "takeover": Setting(TomlType.SWITCH, parse_text),
        "watch": Setting(TomlType.RULE, parse_rule),
        "send": Setting(TomlType.RULE, parse_rule),
    }
)

RULE_SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "token_file": Setting(TomlType.TEXT, parse_text),
        "users": Setting(TomlType.TEXT, parse_text),
        "checker": Setting(TomlType.TEXT, parse_text),
        "allow": Setting(TomlType.TEXTS, parse_network),
        "deny": Setting(TomlType.TEXTS, parse_network),
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
