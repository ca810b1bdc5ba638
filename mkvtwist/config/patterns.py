"""
Patterns: settings of streams whose names senders or clients choose (I{pure}).

 1. A table of settings whose name has a C{*} is a pattern. C{*} stands for any characters but dots,
    none included: so C{/cam-1.ts} is the stream C{cam-1}, and C{/robots.txt} is no stream.
 2. A stream with a table of its own has no pattern. Of the patterns that a name fits, the one with
    the most characters beside C{*} has it; of those with as many, the first.
 3. A name does not fit if no stream can have it, or if it begins with C{-}, since a program might
    take it for an option.
 4. C{{name}} in the settings is the stream's name.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

from mkvtwist.config.input import Input
from mkvtwist.config.input_options import InputOptions
from mkvtwist.config.names import ANY, is_name
from mkvtwist.config.settings import StreamConfig

NAME_WORD = "{name}"
"""The word in a pattern's settings that stands for the name of the stream."""


class Patterns:
    """
    The patterns of a configuration.

    @ivar configs: the settings by the patterns, in the order of the configuration.
    """

    def __init__(self, configs: Iterable[StreamConfig] = ()) -> None:
        self.configs: Mapping[str, StreamConfig] = MappingProxyType({c.name: c for c in configs})
        ordered = sorted(self.configs.values(), key=lambda c: -len(c.name.replace(ANY, "")))
        self._rules = [(_compiled(config.name), config) for config in ordered]

    def settings(self, name: str) -> StreamConfig | None:
        """Return the settings that a stream of this name has by its pattern, if it fits one."""
        if name.startswith("-") or not is_name(name):
            return None
        for rule, config in self._rules:
            if rule.fullmatch(name):
                return _filled(config, name)
        return None


def has_name(value: object) -> bool:
    """Return whether a setting's value has the stream's name in it."""
    return bool(_named(value, "") != value)


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a regular expression that tries each place in a name once, however many C{*}."""
    first, *middle, last = map(re.escape, pattern.split(ANY))
    return re.compile(first + "".join(f"(?>[^.]*?{part})" for part in middle) + f"[^.]*{last}")


def _filled(pattern: StreamConfig, name: str) -> StreamConfig:
    """
    Return the settings of a stream. It is optional: nobody has promised that it is live.
    """
    values = {f.name: _named(getattr(pattern, f.name), name) for f in fields(pattern)}
    return replace(pattern, **{**values, "name": name, "pattern": pattern.name, "optional": True})


def _named(value: Any, name: str) -> Any:
    """Return a setting's value with the stream's name in it."""
    if isinstance(value, str):
        return value.replace(NAME_WORD, name)
    if isinstance(value, Input):
        return replace(value, text=value.text.replace(NAME_WORD, name))
    if isinstance(value, InputOptions):
        return replace(value, items=_named(value.items, name))
    if isinstance(value, tuple):
        return tuple(_named(one, name) for one in value)
    return value
