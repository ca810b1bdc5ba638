"""
One configuration, out of a file and the command line (I{pure}).

The file is TOML: the server's settings at its top, C{[defaults]} for all streams, and a table
C{[streams.NAME]} for each. Its keys are the options' names, with C{_} for C{-}. Settings of the
command line override those of the file; those of a stream's own table override C{[defaults]}.

This module opens no file: L{mkvtwist.server.check} does.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any

from mkvtwist.config.declaration import Setting, Where
from mkvtwist.config.input import INPUT_FORMS_IN_ONE_LINE, AtEnd, Input
from mkvtwist.config.input_options import NO_OPTIONS, InputOptions
from mkvtwist.config.names import parse_name
from mkvtwist.config.rule import RULE, RULE_SETTINGS, AccessRule
from mkvtwist.config.settings import (
    DEFAULT_NAME,
    SERVER_SETTINGS,
    STREAM_SETTINGS,
    Config,
    StreamConfig,
    fitting_at_end,
)
from mkvtwist.config.types import ENDPOINTS, TOKEN
from mkvtwist.config.values import ConfigError, written

_TABLES = ("defaults", "streams")

_BARE = r"[A-Za-z0-9_-]+"
"""A key without quotes."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """
    The settings on the command line; each value has been parsed.

    @ivar directory: the directory that relative paths start at.
    @ivar file: the configuration file, if there is one.
    @ivar input: the input of one more stream, or another input for the file's stream of this name.
    @ivar server: settings of the server by their keys.
    @ivar streams: settings of all streams by their keys.
    """

    directory: str
    file: str | None = None
    input: Input | None = None
    name: str = DEFAULT_NAME
    server: Mapping[str, Any] = field(default_factory=dict)
    streams: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names_files(self) -> bool:
        """Return whether the configuration names files, which can be read again."""
        said = [(SERVER_SETTINGS[key].type, value) for key, value in self.server.items()]
        said += [(STREAM_SETTINGS[key].type, value) for key, value in self.streams.items()]
        return self.file is not None or any(
            type_ in (RULE, TOKEN) or (type_ is ENDPOINTS and any("ssl:" in text for text in value))
            for type_, value in said
        )

    def where(self, key: str, stream: str | None = None) -> str:
        """Return the place of a wrong setting, in words for its user."""
        if key == "input":
            said = self.input is not None and stream == self.name
        else:
            said = key in (self.server if stream is None else self.streams)
        if said or self.file is None:
            return (SERVER_SETTINGS if stream is None else STREAM_SETTINGS)[key].option
        return f"{self.file}: {key}" if stream is None else f"{self.file}: streams.{stream}.{key}"


def parse_document(text: bytes, file: str) -> dict[str, Any]:
    """
    Return a file's content.

    @raise ConfigError: if it is not TOML, with the line.
    """
    try:
        return tomllib.loads(text.decode())
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}: line {line}: not UTF-8, as TOML is") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{file}: not TOML that can be read: too deeply nested") from None


def configure(
    document: Mapping[str, Any], command_line: CommandLine, source: Where = Where.FILE
) -> tuple[Config, list[str]]:
    """
    Put a document and the command line together.

    @param document: the file's content; empty if there is no file.
    @param source: where the document comes from: L{Where.FILE} or L{Where.MANAGEMENT}.
    @return: what could be understood, and a line for each thing that could not.
    """
    building = _ConfigBuilder(command_line, source)
    return building.config(document), building.problems


class _ConfigBuilder:
    """Makes one configuration out of a document and the command line; goes on after mistakes."""

    def __init__(self, command_line: CommandLine, source: Where) -> None:
        self.problems: list[str] = []
        self._said = command_line
        self._source = source
        self._file = command_line.file or ""
        self._directory = os.path.join(command_line.directory, os.path.dirname(self._file))

    def config(self, document: Mapping[str, Any]) -> Config:
        """Return what could be understood."""
        top = {key: value for key, value in document.items() if key not in _TABLES}
        server = self._settings("", top, SERVER_SETTINGS, _TABLES)
        server |= self._on_command_line(self._said.server, SERVER_SETTINGS)
        attributes = {SERVER_SETTINGS[key].attribute: value for key, value in server.items()}
        made = [self._stream(name, found) for name, found in self._streams(document).items()]
        return Config(tuple(stream for stream in made if stream is not None), **attributes)

    def _streams(self, document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the settings of each stream by its name."""
        common = {key: one for key, one in STREAM_SETTINGS.items() if Where.DEFAULTS in one.where}
        defaults = self._settings("defaults.", self._table(document, "defaults"), common)
        streams = {}
        for name, table in self._table(document, "streams").items():
            try:
                parse_name(f"{self._file}: streams", name)
            except ConfigError as error:
                self.problems += error.args
                continue
            if not isinstance(table, dict):
                self._complain(f"streams.{name}", table, f"a table; write [streams.{name}]")
                continue
            own = self._settings(f"streams.{name}.", table, STREAM_SETTINGS)
            if "input" not in table and not self._has_input(name):
                self.problems.append(
                    f"{self._file}: streams.{name}.input: missing; it is one of:"
                    f" {INPUT_FORMS_IN_ONE_LINE}"
                )
            streams[name] = defaults | own
        said = self._said
        if said.input is not None:
            (source,) = self._on_command_line({"input": said.input}, STREAM_SETTINGS).values()
            streams.setdefault(said.name, dict(defaults))["input"] = source
        on_command_line = self._on_command_line(said.streams, STREAM_SETTINGS)
        return {name: found | on_command_line for name, found in streams.items()}

    def _stream(self, name: str, settings: dict[str, Any]) -> StreamConfig | None:
        """Return a stream; L{None} if its input is missing, or does not allow its settings."""
        source = settings.get("input")
        if source is None:
            return None
        try:
            at_end = fitting_at_end(
                name,
                source,
                settings.get("at_end"),
                on_demand=settings.get("on_demand", False),
                options=settings.get("input_options", NO_OPTIONS),
                where=partial(self._said.where, stream=name),
            )
        except ConfigError as error:
            self.problems += error.args
            return None
        return StreamConfig(**{**settings, "name": name, "at_end": at_end})

    def _on_command_line(
        self, said: Mapping[str, Any], declared: Mapping[str, Setting]
    ) -> dict[str, Any]:
        """Return settings of the command line; their paths start where it was given."""
        directory = self._said.directory
        return {key: declared[key].type.placed(value, directory) for key, value in said.items()}

    def _has_input(self, name: str) -> bool:
        """Return whether the command line has an input for this stream."""
        return self._said.input is not None and name == self._said.name

    def _table(self, document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        table = document.get(key, {})
        if isinstance(table, dict):
            return table
        self._complain(key, table, f"a table; write [{key}{'.NAME' * (key == 'streams')}]")
        return {}

    def _settings(
        self,
        place: str,
        table: Mapping[str, Any],
        allowed: Mapping[str, Setting],
        others: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        found = {}
        for key, value in table.items():
            # A key in quotes may be anything: whatever is in it, it stays one line.
            where = f"{self._file}: {place}{key if re.fullmatch(_BARE, key) else repr(key)}"
            if key not in allowed:
                self._unknown(where, key, (*allowed, *others))
                continue
            if self._source not in allowed[key].where:
                self.problems.append(f"{where}: only on the command line or in a file")
                continue
            try:
                made = self._value(where, f"{place}{key}.", value, allowed[key])
            except ConfigError as error:
                self.problems += error.args
            else:
                found[key] = allowed[key].type.placed(made, self._directory)
        return found

    def _value(self, where: str, place: str, value: Any, setting: Setting) -> Any:
        """
        Return a setting's value, made of its value in TOML.

        @raise ConfigError: if it is of another type, or its parser rejects it.
        """
        fits = type(value) in setting.type.toml.types  # a subclass would not: True is an int
        if fits and isinstance(value, list):
            fits = bool(value) and all(isinstance(item, str) for item in value)
        if not fits:
            raise ConfigError(f"{where}: {_shown(value)} is not {setting.type.toml.words}")
        if isinstance(value, bool):
            return value
        if isinstance(value, dict):
            if setting.type.parse_table is not None:
                return setting.type.parse_table(where, value)
            return self._rule(place, value)
        if isinstance(value, list):
            return tuple(setting.type.parse(where, item) for item in value)
        return setting.type.parse(where, str(value))

    def _rule(self, place: str, table: Mapping[str, Any]) -> AccessRule:
        settings = self._settings(place, table, RULE_SETTINGS)
        if "users" in settings and "checker" in settings:
            self._complain(f"{place}checker", "...", "possible beside users: use one of them")
        return AccessRule(**settings)

    def _unknown(self, where: str, key: str, known: tuple[str, ...]) -> None:
        if key in STREAM_SETTINGS and Where.DEFAULTS not in STREAM_SETTINGS[key].where:
            self.problems.append(f"{where}: only in a stream's own table: each has its own")
            return
        likely = get_close_matches(key, known, 1)
        hint = f"did you mean {likely[0]}?" if likely else f"there are {', '.join(known)}"
        self.problems.append(f"{where}: unknown; {hint}")

    def _complain(self, key: str, value: object, allowed: str) -> None:
        self.problems.append(f"{self._file}: {key}: {value!r} is not {allowed}")


def _shown(value: object) -> str:
    """Return a value as the file has it, in one line."""
    return written(value) if isinstance(value, bool) else repr(value)


def stream_table(stream: StreamConfig, *, secrets: bool = True) -> dict[str, Any]:
    """
    Return all settings of a stream, as its table in a file.

    @param secrets: whether passwords in URLs, secret options of libavformat and what a checker is
        given are shown, too.
    """
    values = {key: getattr(stream, one.attribute) for key, one in STREAM_SETTINGS.items()}
    plain: dict[type, Callable[[Any], Any]] = {
        Input: lambda value: value.text if secrets else str(value),
        AtEnd: lambda value: value.value,
        AccessRule: partial(_table_of, secrets=secrets),
        InputOptions: lambda value: value.table(secrets=secrets),
        tuple: lambda values: [plain[type(value)](value) for value in values],
    }
    return {
        key: plain.get(type(value), lambda same: same)(value)
        for key, value in values.items()
        if value is not None
    }


def _table_of(rule: AccessRule, *, secrets: bool) -> dict[str, Any]:
    """Return a rule as its table in a file."""
    texts = {key: getattr(rule, key) for key in ("token_file", "users")}
    texts["checker"] = rule.checker if secrets else rule.checker_kind
    lists = {key: [str(network) for network in getattr(rule, key)] for key in ("allow", "deny")}
    return {key: value for key, value in (texts | lists).items() if value}


def describe(config: Config) -> Iterator[str]:
    """Return lines that say what a configuration runs: the settings that are not the default."""
    for text in config.listen:
        yield f"listen: {text}"
    for text in config.rtmp_listen:
        yield f"rtmp: {text}"
    for text in config.management_listen:
        yield f"management: {text}"
    yield from _changed(config, SERVER_SETTINGS, "listen", "rtmp_listen", "management_listen")
    for stream in config.streams:
        kind = "streams" if stream.is_pattern else "stream"
        yield f"{kind} {stream.name}: {stream.input}, at the end {stream.at_end.value}"
        for line in _changed(stream, STREAM_SETTINGS, "input", "at_end"):
            yield f"  {line}"
    if not config.streams:
        yield "no stream"


def _changed(
    config: Config | StreamConfig, declared: Mapping[str, Setting], *but: str
) -> Iterator[str]:
    for key, setting in declared.items():
        value = getattr(config, setting.attribute)
        if key not in but and value != setting.default:
            if isinstance(value, tuple):
                value = ", ".join(map(str, value))
            yield f"{key}: {_shown(value) if isinstance(value, bool) else value}"
