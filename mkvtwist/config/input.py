"""
Where a stream's media comes from, and what happens at its end (I{pure}).
"""

import os
import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from mkvtwist.config.types import TomlType, ValueType, placed_endpoint
from mkvtwist.config.values import ConfigError, parse_text, refuse


class AtEnd(Enum):
    """What happens at the end of the input."""

    EXIT = "exit"
    WAIT = "wait"
    RETRY = "retry"
    LOOP = "loop"


class Form(Enum):
    """
    A form of an input. Each row has its name, what may happen at its end, the default first, an
    example, and what it is.

    @ivar at_end: what may happen at its end, the default first.
    @ivar example: how one is written.
    @ivar meaning: what it is, for the help.
    """

    FILE = (
        "file",
        (AtEnd.EXIT, AtEnd.LOOP, AtEnd.RETRY),
        "film.mkv",
        "a file, in any container that libavformat reads",
    )
    STDIN = (
        "standard input",
        (AtEnd.EXIT,),
        "-",
        "standard input (the default when it is not a terminal)",
    )
    URL = (
        "URL",
        (AtEnd.RETRY, AtEnd.EXIT, AtEnd.LOOP),
        "http://host/path",
        "any URL that libavformat reads",
    )
    ENDPOINT = (
        "endpoint",
        (AtEnd.WAIT, AtEnd.EXIT),
        "tcp:12345",
        "a Twisted server endpoint: a sender connects there",
    )
    HTTP = (
        "HTTP",
        (AtEnd.WAIT, AtEnd.EXIT),
        "http",
        "a sender PUTs or POSTs to the stream's name, over HTTP",
    )
    DEMO = (
        "demo",
        (AtEnd.RETRY, AtEnd.EXIT, AtEnd.LOOP),
        "demo:",
        "a test picture with a clock and a tone",
    )

    at_end: tuple[AtEnd, ...]
    example: str
    meaning: str

    def __new__(cls, name: str, at_end: tuple[AtEnd, ...], example: str, meaning: str) -> Self:
        form = object.__new__(cls)
        form._value_ = name
        form.at_end = at_end
        form.example = example
        form.meaning = meaning
        return form

    @property
    def has_sender(self) -> bool:
        """Whether a sender connects to the server, rather than that the server opens the input."""
        return AtEnd.WAIT in self.at_end

    @property
    def opens_at_any_time(self) -> bool:
        """Whether the input can be opened at any time, and again."""
        return AtEnd.LOOP in self.at_end


PASSWORD_MASK = "***"  # noqa: S105 - it is none
QUERY_MASK = "..."
"""Shown in place of the password and of the query of a URL."""

INPUT_FORMS = "\n".join(f"{form.example:22}{form.meaning}" for form in Form)
"""A line for each form."""

INPUT_FORMS_IN_ONE_LINE = "; ".join(f"{form.example} {form.meaning}" for form in Form)

_ENDPOINT_TYPES = frozenset({"tcp", "tcp6", "ssl", "tls", "unix", "systemd", "fd", "haproxy"})


@dataclass(frozen=True, slots=True)
class Input:
    """Where the media of a stream comes from."""

    form: Form
    text: str
    """The file's path, the URL, the endpoint's description."""

    def __str__(self) -> str:
        """Return what may be shown to anybody: a URL without its password and its query."""
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
        """Whether this is a URL as it is shown, with its secrets masked, which cannot be opened."""
        if self.form is not Form.URL:
            return False
        parts = urlsplit(self.text)
        return parts.password == PASSWORD_MASK or parts.query == QUERY_MASK


def parse_input(option: str, text: str) -> Input:
    """
    Return an input, whose form its looks tell.

    @raise ConfigError: for an empty text, or a URL that cannot be taken apart.
    """
    if not text:
        refuse(option, text, f"an input, which is one of: {INPUT_FORMS_IN_ONE_LINE}")
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
            refuse(option, text, "a URL: look at the host's name or address")
        return Input(Form.URL, text)
    if text.partition(":")[0] in _ENDPOINT_TYPES and ":" in text:
        return Input(Form.ENDPOINT, text)
    return Input(Form.FILE, text)


def parse_fallback(option: str, text: str) -> Input:
    """
    Return an input that can be opened at any time.

    @raise ConfigError: for any other input.
    """
    source = parse_input(option, text)
    if not source.form.opens_at_any_time:
        refuse(option, text, "a file, a URL or demo:")
    return source


def parse_at_end(option: str, text: str | None, form: Form) -> AtEnd:
    """
    Return what happens at the end of an input of this form; its default for L{None}.

    @raise ConfigError: for anything else, or if an input of this form cannot do it.
    """
    if text is None:
        return form.at_end[0]
    for choice in form.at_end:
        if choice.value == text:
            return choice
    choices = ", ".join(choice.value for choice in form.at_end)
    raise ConfigError(f"{option}: {text!r} is not possible for {form.value} input; use {choices}")


def check_on_demand(option: str, form: Form) -> None:
    """
    Check whether an input of this form can be opened only while somebody watches.

    @raise ConfigError: if it cannot be opened again.
    """
    if not form.opens_at_any_time:
        raise ConfigError(
            f"{option}: not possible for {form.value} input; only for files, URLs and demo:"
        )


def _placed(source: Input, directory: str) -> Input:
    """Return an input whose path does not depend on the working directory."""
    if source.form is Form.FILE:
        return replace(source, text=os.path.normpath(os.path.join(directory, source.text)))
    if source.form is Form.ENDPOINT:
        return replace(source, text=placed_endpoint(source.text, directory))
    return source


_SCHEMA = {"type": "string", "minLength": 1}

INPUT = ValueType(TomlType.TEXT, "INPUT", parse_input, _SCHEMA, place=_placed)
FALLBACK = ValueType(TomlType.TEXT_OR_TEXTS, "INPUT", parse_fallback, _SCHEMA, place=_placed)
AT_END_TEXT = ValueType(
    TomlType.TEXT, "WHAT", parse_text, {"enum": [choice.value for choice in AtEnd]}
)
"""The text of an L{AtEnd}; L{parse_at_end} makes it, once the input is known."""
