"""
Where a stream's media comes from, and what happens at its end (I{pure}).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from mkvtwist.config.types import TomlType, ValueType, placed_endpoint
from mkvtwist.config.values import ConfigError, parse_text, refuse


class Form(Enum):
    """The forms of an input."""

    FILE = "file"
    STDIN = "standard input"
    URL = "URL"
    ENDPOINT = "endpoint"
    HTTP = "HTTP"
    DEMO = "demo"

    @property
    def has_sender(self) -> bool:
        """Whether a sender connects to the server, rather than that the server opens the input."""
        return self in (Form.ENDPOINT, Form.HTTP)


PASSWORD_MASK = "***"  # noqa: S105 - it is none
QUERY_MASK = "..."
"""Shown in place of the password and of the query of a URL."""


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

AT_END: Mapping[Form, tuple[AtEnd, ...]] = MappingProxyType(
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
    if source.form not in (Form.FILE, Form.URL, Form.DEMO):
        refuse(option, text, "a file, a URL or demo:")
    return source


def parse_at_end(option: str, text: str | None, form: Form) -> AtEnd:
    """
    Return what happens at the end of an input of this form; its default for L{None}.

    @raise ConfigError: for anything else, or if an input of this form cannot do it.
    """
    allowed = AT_END[form]
    if text is None:
        return allowed[0]
    for choice in allowed:
        if choice.value == text:
            return choice
    choices = ", ".join(choice.value for choice in allowed)
    raise ConfigError(f"{option}: {text!r} is not possible for {form.value} input; use {choices}")


def check_on_demand(option: str, form: Form) -> None:
    """
    Check whether an input of this form can be opened only while somebody watches.

    @raise ConfigError: if it cannot be opened again.
    """
    if form not in (Form.FILE, Form.URL, Form.DEMO):
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
