"""
One configuration, out of a file and the command line (I{pure}).

The file is TOML: the server's settings at its top, C{[defaults]} for all streams, and a table
C{[streams.NAME]} for each. Its keys are the options' names, with C{_} for C{-}. What the command
line says comes before what the file says; so does a table of a stream's own before C{[defaults]}.

Nothing here opens a file or looks at a disk: that is L{mkvtwist.server.check}'s part.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from typing import Any

from mkvtwist.config.input import (
    INPUT_FORMS_IN_ONE_LINE,
    AtEnd,
    Form,
    Input,
    check_on_demand,
    parse_at_end,
)
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import (
    DEFAULT_NAME,
    OWN,
    RULE_SETTINGS,
    SERVER_SETTINGS,
    STREAM_SETTINGS,
    Config,
    Setting,
    StreamConfig,
    TomlType,
)
from mkvtwist.config.values import ConfigError, parse_name

_TYPES: Mapping[TomlType, tuple[type, ...]] = {
    TomlType.TEXT: (str,),
    TomlType.TEXTS: (list,),
    TomlType.TEXT_OR_TEXTS: (str, list),
    TomlType.NUMBER: (int, float),
    TomlType.SIZE: (int, str),
    TomlType.SWITCH: (bool,),
    TomlType.RULE: (dict,),
}

_TABLES = ("defaults", "streams")

_BARE = r"[A-Za-z0-9_-]+"
"""A key without quotes."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """
    What the command line says; each value has been parsed.

    @ivar directory: what relative paths are meant from.
    @ivar file: the configuration file, if there is one.
    @ivar input: of one more stream, or another one for the file's stream of this name.
    @ivar server: settings by their keys.
    @ivar streams: likewise, for all streams.
    """

    directory: str
    file: str | None = None
    input: Input | None = None
    name: str = DEFAULT_NAME
    server: Mapping[str, Any] = field(default_factory=dict)
    streams: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names_files(self) -> bool:
        """Whether there is something to be read again: settings, secrets, certificates."""
        secrets = {"watch", "send"} & set(self.streams)
        listen = self.server.get("listen", ())
        return self.file is not None or bool(secrets) or any("ssl:" in text for text in listen)

    def where(self, key: str, stream: str | None = None) -> str:
        """Where the user will find a setting that has come out wrong."""
        if key == "input":
            said = self.input is not None and stream == self.name
        else:
            said = key in (self.server if stream is None else self.streams)
        if said or self.file is None:
            return key.replace("_", "-")
        return f"{self.file}: {key}" if stream is None else f"{self.file}: streams.{stream}.{key}"


def parse_document(text: bytes, file: str) -> dict[str, Any]:
    """
    A file as TOML.

    @raise ConfigError: when it is none, with the line.
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


def configure(document: Mapping[str, Any], command_line: CommandLine) -> tuple[Config, list[str]]:
    """
    Put together what is to run.

    @param document: the file's content; empty when there is none.
    @return: what could be understood, and a line for each thing that could not.
    """
    reading = _Reading(command_line)
    return reading.config(document), reading.problems


class _Reading:
    """One look at a document; it goes on after each mistake."""

    def __init__(self, command_line: CommandLine) -> None:
        self.problems: list[str] = []
        self._said = command_line
        self._file = command_line.file or ""

    def config(self, document: Mapping[str, Any]) -> Config:
        top = {key: value for key, value in document.items() if key not in _TABLES}
        server = self._settings("", top, SERVER_SETTINGS, _TABLES)
        common = {key: value for key, value in STREAM_SETTINGS.items() if key not in OWN}
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
            if "input" not in own and "input" not in table and not self._has_input(name):
                self.problems.append(
                    f"{self._file}: streams.{name}.input: missing; it is one of:"
                    f" {INPUT_FORMS_IN_ONE_LINE}"
                )
            streams[name] = defaults | own
        if self._said.input is not None:
            streams.setdefault(self._said.name, dict(defaults))["input"] = self._said.input
        made = (self._stream(name, settings) for name, settings in streams.items())
        server = server | dict(self._said.server)
        for key in ("listen", "management_listen"):
            if key in server:
                here = self._directory(said=key in self._said.server)
                server[key] = tuple(_placed(text, here) for text in server[key])
        if "management_token_file" in server:
            here = self._directory(said="management_token_file" in self._said.server)
            path = os.path.join(here, server["management_token_file"])
            server["management_token_file"] = path
        return Config(tuple(stream for stream in made if stream is not None), **server)

    def _stream(self, name: str, settings: dict[str, Any]) -> StreamConfig | None:
        said = self._said
        source = settings.get("input")
        if source is None:
            return None
        settings |= said.streams
        for key in ("watch", "send"):
            if key in said.streams:
                path = os.path.join(said.directory, said.streams[key].token_file)
                settings[key] = AccessRule(token_file=path)
        here = self._directory(said=source is said.input)
        settings["input"] = _located(source, here)
        if settings.get("record") is not None:
            here = self._directory(said="record" in said.streams)
            settings["record"] = os.path.join(here, settings["record"])
        if settings.get("fallback") is not None:
            here = self._directory(said="fallback" in said.streams)
            settings["fallback"] = _each(lambda one: _located(one, here), settings["fallback"])
        try:
            settings["at_end"] = parse_at_end(
                said.where("at_end", name), settings.get("at_end"), source.form
            )
            if settings.get("on_demand"):
                check_on_demand(said.where("on_demand", name), source.form)
        except ConfigError as error:
            self.problems += error.args
            return None
        return StreamConfig(name=name, **settings)

    def _has_input(self, name: str) -> bool:
        """Whether the command line has one for this stream."""
        return self._said.input is not None and name == self._said.name

    def _directory(self, *, said: bool) -> str:
        """What a relative path is meant from: where the command was given, or the file's place."""
        base = self._said.directory
        return base if said else os.path.join(base, os.path.dirname(self._file))

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
            if allowed[key].kind is TomlType.RULE and isinstance(value, dict):
                found[key] = self._rule(f"{place}{key}.", value)
                continue
            try:
                found[key] = _value(where, value, allowed[key])
            except ConfigError as error:
                self.problems += error.args
        return found

    def _rule(self, place: str, table: Mapping[str, Any]) -> AccessRule:
        settings = self._settings(place, table, RULE_SETTINGS)
        if "users" in settings and "checker" in settings:
            self._complain(f"{place}checker", "...", "possible beside users: use one of them")
        here = self._directory(said=False)
        for key in ("token_file", "users"):
            if key in settings:
                settings[key] = os.path.join(here, settings[key])
        return AccessRule(**settings)

    def _unknown(self, where: str, key: str, known: tuple[str, ...]) -> None:
        if key in OWN:
            self.problems.append(f"{where}: only in a stream's own table: each has its own")
            return
        likely = get_close_matches(key, known, 1)
        hint = f"did you mean {likely[0]}?" if likely else f"there are {', '.join(known)}"
        self.problems.append(f"{where}: unknown; {hint}")

    def _complain(self, key: str, value: object, allowed: str) -> None:
        self.problems.append(f"{self._file}: {key}: {value!r} is not {allowed}")


def _value(where: str, value: Any, setting: Setting) -> Any:
    """
    A setting's value, from what TOML has for it.

    @raise ConfigError: when it is of another type, or its parser refuses it.
    """
    fits = type(value) in _TYPES[setting.kind]  # a subclass would not: True is an int
    if fits and isinstance(value, list):
        fits = bool(value) and all(isinstance(item, str) for item in value)
    if not fits:
        raise ConfigError(f"{where}: {_shown(value)} is not {setting.kind.value}")
    if setting.kind is TomlType.SWITCH:
        return value
    if isinstance(value, list):
        return tuple(setting.parse(where, item) for item in value)
    return setting.parse(where, str(value))


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    """Change a value, or each one of several."""
    return tuple(map(change, value)) if isinstance(value, tuple) else change(value)


def _shown(value: object) -> str:
    """A value as the file has it, in one line."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _located(source: Input, directory: str) -> Input:
    """An input whose paths do not depend on where the daemon goes."""
    if source.form is Form.FILE:
        return replace(source, text=os.path.normpath(os.path.join(directory, source.text)))
    if source.form is Form.ENDPOINT:
        return replace(source, text=_placed(source.text, directory))
    return source


def _placed(endpoint: str, directory: str) -> str:
    """Likewise, an endpoint."""
    kind, _, rest = endpoint.partition(":")
    path, colon, options = rest.partition(":")
    if kind != "unix" or not path:
        return endpoint
    return f"unix:{os.path.join(directory, path)}{colon}{options}"


def document(stream: StreamConfig, *, secrets: bool = True) -> dict[str, Any]:
    """
    A stream's settings as its table in a file would have them, all of them.

    @param secrets: whether passwords in URLs and in what a checker is given are shown, too.
    """
    values = {key: getattr(stream, key) for key in STREAM_SETTINGS}
    plain: dict[type, Callable[[Any], Any]] = {
        Input: lambda value: value.text if secrets else str(value),
        AtEnd: lambda value: value.value,
        AccessRule: partial(_table_of, secrets=secrets),
        tuple: lambda values: [plain[type(value)](value) for value in values],
    }
    return {
        key: plain.get(type(value), lambda same: same)(value)
        for key, value in values.items()
        if value is not None
    }


def _table_of(rule: AccessRule, *, secrets: bool) -> dict[str, Any]:
    """What a rule says, as its table would have it."""
    texts = {key: getattr(rule, key) for key in ("token_file", "users")}
    texts["checker"] = rule.checker if secrets else rule.checker_kind
    lists = {key: [str(network) for network in getattr(rule, key)] for key in ("allow", "deny")}
    return {key: value for key, value in (texts | lists).items() if value}


def describe(config: Config) -> Iterator[str]:
    """What would run, line by line: each stream's settings that are not the usual ones."""
    for text in config.listen:
        yield f"listen: {text}"
    for text in config.management_listen:
        yield f"management: {text}"
    for key in SERVER_SETTINGS:
        value = getattr(config, key)
        if "listen" not in key and value != getattr(Config(()), key):
            yield f"{key}: {', '.join(map(str, value)) if isinstance(value, tuple) else value}"
    usual = StreamConfig(Input(Form.DEMO, ""))
    for stream in config.streams:
        yield f"stream {stream.name}: {stream.input}, at the end {stream.at_end.value}"
        for key in STREAM_SETTINGS:
            value = getattr(stream, key)
            if key not in ("input", "at_end") and value != getattr(usual, key):
                if isinstance(value, tuple):
                    value = ", ".join(map(str, value))
                yield f"  {key}: {_shown(value) if isinstance(value, bool) else value}"
    if not config.streams:
        yield "no stream"
