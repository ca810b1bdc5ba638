"""
The types that settings have: how a value is written and read, wherever it stands (I{pure}).
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from mkvtwist.config.names import parse_name
from mkvtwist.config.values import (
    FASTEST,
    ISOLATIONS,
    LARGEST_COUNT,
    LAST_PROGRAM,
    LONGEST_SPAN,
    MOST_PICTURES,
    parse_bitrate,
    parse_congestion,
    parse_count,
    parse_frame_rate,
    parse_isolation,
    parse_limit,
    parse_network,
    parse_program,
    parse_rate,
    parse_record,
    parse_seconds,
    parse_server_name,
    parse_size,
    parse_text,
    written,
    written_bitrate,
    written_size,
)


class TomlType(Enum):
    """
    A type in TOML, in the words of the reference.

    @ivar words: what a value of it is called.
    @ivar types: what L{tomllib} makes of one.
    """

    TEXT = "text in quotes", str
    TEXTS = "a list of texts in quotes", list
    TEXT_OR_TEXTS = "text in quotes, or a list of them", str, list
    NUMBER = "a number", int, float
    SIZE = 'a number, or text such as "64M"', int, str
    SWITCH = "true or false", bool
    TABLE = 'a table, such as { token_file = "..." }', dict
    OPTIONS = 'a table, such as { rtsp_transport = "tcp" }', dict

    def __init__(self, words: str, *types: type) -> None:
        self.words = words
        self.types = types


@dataclass(frozen=True, eq=False)
class ValueType:
    """
    The type of a setting's values: how they are written and read.

    @ivar toml: its type in TOML.
    @ivar metavar: what stands for the value in an option: C{SECONDS}.
    @ivar parse: makes one value from the option's name and its text, or raises
        L{mkvtwist.config.values.ConfigError}.
    @ivar schema: one value in JSON Schema.
    @ivar write: makes the text again.
    @ivar place: makes one value independent of the working directory, from the value and the
        directory that relative paths start at.
    @ivar parse_table: makes a value from the setting's name and a table, if values are tables
        whose keys are no settings.
    @ivar join: makes one value of those of an option that was given several times, if that is
        possible and the value is no list.
    """

    toml: TomlType
    metavar: str
    parse: Callable[[str, str], Any]
    schema: Mapping[str, Any]
    write: Callable[[Any], str] = written
    place: Callable[[Any, str], Any] = lambda value, _: value
    parse_table: Callable[[str, Mapping[str, Any]], Any] | None = None
    join: Callable[[Sequence[Any]], Any] | None = None

    @property
    def is_repeatable(self) -> bool:
        """Return whether the option may be given several times."""
        return self.is_list or self.join is not None

    @property
    def is_list(self) -> bool:
        """Return whether a setting may have several values."""
        return list in self.toml.types

    def collected(self, values: Sequence[Any]) -> Any:
        """Return the value of an option that was given so many times: all of them, or the last."""
        if self.join is not None:
            return self.join(values)
        if not self.is_list:
            return values[-1]
        return values[0] if len(values) == 1 and str in self.toml.types else tuple(values)

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Return the JSON Schema of the whole value, which may be a list."""
        several = {"type": "array", "items": self.schema, "minItems": 1}
        if not self.is_list:
            return self.schema
        return several if str not in self.toml.types else {"anyOf": [self.schema, several]}

    def placed(self, value: Any, directory: str) -> Any:
        """Return a value, or each one of several, independent of the working directory."""
        if isinstance(value, tuple):
            return tuple(self.place(one, directory) for one in value)
        return self.place(value, directory)


def _seconds(least: float = 0.0) -> ValueType:
    schema = {"type": "number", "minimum": least, "maximum": LONGEST_SPAN}
    return ValueType(
        TomlType.NUMBER, "SECONDS", partial(parse_seconds, least=least, most=LONGEST_SPAN), schema
    )


_TEXT = {"type": "string", "minLength": 1}
_SIZE = {"type": ["integer", "string"]}

SECONDS = _seconds()
SECONDS_FROM_ONE = _seconds(1.0)
COUNT = ValueType(
    TomlType.NUMBER, "N", parse_count, {"type": "integer", "minimum": 0, "maximum": LARGEST_COUNT}
)
SPEED = ValueType(
    TomlType.NUMBER, "N", parse_rate, {"type": "number", "minimum": 0, "maximum": FASTEST}
)
FRAME_RATE = ValueType(
    TomlType.NUMBER,
    "N",
    parse_frame_rate,
    {"type": "number", "minimum": 0, "maximum": MOST_PICTURES},
)
PROGRAM = ValueType(
    TomlType.NUMBER, "N", parse_program, {"type": "integer", "minimum": 0, "maximum": LAST_PROGRAM}
)
SIZE = ValueType(TomlType.SIZE, "SIZE", parse_size, _SIZE, written_size)
LIMIT = ValueType(TomlType.SIZE, "SIZE", parse_limit, _SIZE, written_size)
BITRATE = ValueType(TomlType.SIZE, "RATE", parse_bitrate, _SIZE, written_bitrate)
SWITCH = ValueType(TomlType.SWITCH, "", parse_text, {"type": "boolean"})
NAME = ValueType(TomlType.TEXT, "NAME", parse_name, _TEXT)
TEXT = ValueType(TomlType.TEXT, "TEXT", parse_text, _TEXT)
CONGESTION = ValueType(TomlType.TEXT, "NAME", parse_congestion, _TEXT)
ISOLATION = ValueType(TomlType.TEXT, "WHERE", parse_isolation, {"enum": [*ISOLATIONS]})
SERVER_NAMES = ValueType(TomlType.TEXTS, "NAME", parse_server_name, _TEXT)
NETWORKS = ValueType(TomlType.TEXTS, "NETWORK", parse_network, _TEXT)


def _joined(path: str, directory: str) -> str:
    return os.path.join(directory, path)


def placed_endpoint(endpoint: str, directory: str) -> str:
    """Return an endpoint whose path, if it has one, does not depend on the working directory."""
    kind, _, rest = endpoint.partition(":")
    path, colon, options = rest.partition(":")
    if kind != "unix" or not path:
        return endpoint
    return f"unix:{os.path.join(directory, path)}{colon}{options}"


FILE = ValueType(TomlType.TEXT, "FILE", parse_text, _TEXT, place=_joined)
TOKEN = ValueType(TomlType.TEXT, "FILE", parse_text, _TEXT, place=_joined)
"""A file with one token."""
RECORDING = ValueType(TomlType.TEXT, "FILE", parse_record, _TEXT, place=_joined)
ENDPOINTS = ValueType(
    TomlType.TEXTS, "ENDPOINT", lambda _, text: text, _TEXT, place=placed_endpoint
)
"""Not parsed here: Twisted rejects a wrong endpoint when it is tried."""
