"""
The input of a stream: its form, and the action at its end (I{pure}).
"""

import os
import re
import shlex
from dataclasses import dataclass, replace
from enum import Enum
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from mkvtwist.config.types import TEXT, TomlType, ValueType, placed_endpoint
from mkvtwist.config.values import ConfigError, parse_text, refuse


class AtEnd(Enum):
    """The action at the end of the input."""

    EXIT = "exit"
    WAIT = "wait"
    RETRY = "retry"
    LOOP = "loop"


class Form(Enum):
    """
    A form of an input. Each row has its name, the attributes below, and its pattern.

    @ivar at_end: the actions that are possible at its end, the default first.
    @ivar example: an input of this form, as a user writes it.
    @ivar meaning: the form in words, for the help.
    @ivar pattern: how each input of this form begins; the first row that matches has the input.
        Empty for files: any other text is one.
    """

    FILE = (
        "file",
        (AtEnd.EXIT, AtEnd.LOOP, AtEnd.RETRY),
        "film.mkv",
        "a file, in any container that libavformat reads",
        "",
    )
    STDIN = (
        "standard input",
        (AtEnd.EXIT,),
        "-",
        "standard input (the default when it is not a terminal)",
        r"-\Z",
    )
    URL = (
        "URL",
        (AtEnd.RETRY, AtEnd.EXIT, AtEnd.LOOP),
        "http://host/path",
        "any URL that libavformat reads",
        r"[A-Za-z][A-Za-z0-9+.-]*://",
    )
    EXEC = (
        "program",
        (AtEnd.RETRY, AtEnd.EXIT, AtEnd.LOOP),
        "exec:COMMAND",
        "a program whose standard output is the media",
        r"exec:",
    )
    ENDPOINT = (
        "endpoint",
        (AtEnd.WAIT, AtEnd.EXIT),
        "tcp:12345",
        "a Twisted server endpoint: a sender connects there",
        r"(?:tcp6?|ssl|tls|unix|systemd|fd|haproxy):",
    )
    RTMP = (
        "RTMP",
        (AtEnd.WAIT, AtEnd.EXIT),
        "rtmp:1935",
        "a sender publishes here over RTMP, as OBS and phones do",
        r"rtmps?:(?!//)",
    )
    PUSH = (
        "push",
        (AtEnd.WAIT, AtEnd.EXIT),
        "push",
        "a sender publishes under the stream's name, over HTTP",
        r"(?:push|http)\Z",
    )
    DEMO = (
        "demo",
        (AtEnd.RETRY, AtEnd.EXIT, AtEnd.LOOP),
        "demo:",
        "a test picture with a clock and a tone",
        r"demo:\Z",
    )

    SDP = (
        "SDP",
        (AtEnd.RETRY, AtEnd.EXIT, AtEnd.LOOP),
        "camera.sdp",
        "RTP, as this session description says",
        r"(?is:.+\.sdp)\Z",
    )

    at_end: tuple[AtEnd, ...]
    example: str
    meaning: str
    pattern: str

    def __new__(
        cls, name: str, at_end: tuple[AtEnd, ...], example: str, meaning: str, pattern: str
    ) -> Self:
        form = object.__new__(cls)
        form._value_ = name
        form.at_end = at_end
        form.example = example
        form.meaning = meaning
        form.pattern = pattern
        return form

    @property
    def has_sender(self) -> bool:
        """Return whether a sender connects to the server; else the server opens the input."""
        return AtEnd.WAIT in self.at_end

    @property
    def opens_at_any_time(self) -> bool:
        """Return whether the input can be opened at any time, and again."""
        return AtEnd.LOOP in self.at_end


_EXEC = "exec:"


def endpoint_of(source: "Input") -> str:
    """
    Return the Twisted endpoint that an input listens at: C{rtmp:1935} is C{tcp:1935} in RTMP.
    """
    kind, _, rest = source.text.partition(":")
    return f"{_TRANSPORTS.get(kind, kind)}:{rest}"


_TRANSPORTS = {"rtmp": "tcp", "rtmps": "ssl"}

PASSWORD_MASK = "***"  # noqa: S105 - it is none
QUERY_MASK = "..."
"""Shown in place of the password and of the query of a URL, and of a program's arguments."""

INPUT_FORMS = "\n".join(f"{form.example:22}{form.meaning}" for form in Form)
"""A line for each form."""

INPUT_FORMS_IN_ONE_LINE = "; ".join(f"{form.example} {form.meaning}" for form in Form)


@dataclass(frozen=True, slots=True)
class Input:
    """The input of a stream: the source of its media."""

    form: Form
    text: str
    """The file's path, the URL, the endpoint's description, the command behind C{exec:}."""

    def __str__(self) -> str:
        """
        Return the input as anyone may see it: a URL without its password and its query, a program
        without its arguments.
        """
        if self.form is Form.STDIN:
            return "standard input"
        if self.form is Form.EXEC:
            program, *arguments = self.command
            return f"exec:{program}" + f" {QUERY_MASK}" * bool(arguments)
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
        """
        Return whether this is masked, as C{str} shows it: such a URL or program cannot be opened.
        """
        if self.form is Form.EXEC:
            return self.command[1:] == (QUERY_MASK,)
        if self.form is not Form.URL:
            return False
        parts = urlsplit(self.text)
        return parts.password == PASSWORD_MASK or parts.query == QUERY_MASK

    @property
    def command(self) -> tuple[str, ...]:
        """
        Return the program and its arguments, split as a shell does it; there is no shell.

        @raise ValueError: if a quotation is not closed.
        """
        return tuple(shlex.split(self.text.removeprefix(_EXEC)))


def parse_input(option: str, text: str) -> Input:
    """
    Return the input that a text names: its beginning tells its form.

    @raise ConfigError: for an empty text, and for a URL or a command that cannot be taken apart.
    """
    if not text:
        refuse(option, text, f"an input, which is one of: {INPUT_FORMS_IN_ONE_LINE}")
    matching = (form for form in Form if form.pattern and re.match(form.pattern, text))
    form = next(matching, Form.FILE)
    if form is Form.URL:
        try:
            urlsplit(text)
        except ValueError:
            refuse(option, text, "a URL: look at the host's name or address")
    source = Input(form, text)
    if form is Form.EXEC:
        _check_command(option, source)
    return source


def _check_command(option: str, source: Input) -> None:
    """
    Check whether a program is named.

    @raise ConfigError: if none is, or a quotation is not closed.
    """
    try:
        command = source.command
    except ValueError as error:
        refuse(option, source.text, f"a command: {str(error).lower()}")
    if not command or not command[0]:
        refuse(option, source.text, "a program; write exec:COMMAND, such as exec:rpicam-vid -o -")


def parse_fallback(option: str, text: str) -> Input:
    """
    Return an input that can be opened at any time.

    @raise ConfigError: for any other input.
    """
    source = parse_input(option, text)
    if not source.form.opens_at_any_time:
        refuse(option, text, "a file, a URL, exec:COMMAND or demo:")
    return source


def parse_at_end(option: str, text: AtEnd | str | None, form: Form) -> AtEnd:
    """
    Return the action at the end of an input of this form; the form's default for L{None}.

    @param text: its text, or the action itself.
    @raise ConfigError: for any other text, or an action that the form does not have.
    """
    if text is None:
        return form.at_end[0]
    if isinstance(text, AtEnd):
        text = text.value
    for choice in form.at_end:
        if choice.value == text:
            return choice
    choices = ", ".join(choice.value for choice in form.at_end)
    raise ConfigError(f"{option}: {text!r} is not possible for {form.value} input; use {choices}")


def check_on_demand(option: str, form: Form) -> None:
    """
    Check whether an input of this form can be opened on demand.

    @raise ConfigError: if it cannot be opened again.
    """
    if not form.opens_at_any_time:
        raise ConfigError(
            f"{option}: not possible for {form.value} input; only for files, URLs, exec: and demo:"
        )


def check_pattern(option: str, form: Form, *, on_demand: bool) -> None:
    """
    Check whether streams with an input of this form can be made when somebody wants them.

    @raise ConfigError: if not.
    """
    if form is Form.PUSH or (form.opens_at_any_time and on_demand):
        return
    if form.opens_at_any_time:
        raise ConfigError(
            f"{option}: a pattern's input is opened when somebody watches: it needs on_demand"
        )
    raise ConfigError(
        f"{option}: not possible for a pattern; its streams have the input push, or on_demand with"
        " a file, a URL, a program or demo:"
    )


def _placed(source: Input, directory: str) -> Input:
    """Return an input whose path does not depend on the working directory."""
    if source.form in (Form.FILE, Form.SDP):
        return replace(source, text=os.path.normpath(os.path.join(directory, source.text)))
    if source.form is Form.ENDPOINT:
        return replace(source, text=placed_endpoint(source.text, directory))
    if source.form is Form.EXEC and "/" in source.command[0]:  # any other name is one in PATH
        program, *arguments = source.command
        path = os.path.normpath(os.path.join(directory, program))
        return replace(source, text=_EXEC + shlex.join([path, *arguments]))
    return source


INPUT = ValueType(TomlType.TEXT, "INPUT", parse_input, TEXT.schema, place=_placed)
FALLBACK = ValueType(TomlType.TEXT_OR_TEXTS, "INPUT", parse_fallback, TEXT.schema, place=_placed)
AT_END_TEXT = ValueType(
    TomlType.TEXT, "WHAT", parse_text, {"enum": [choice.value for choice in AtEnd]}
)
"""The text of an L{AtEnd}; L{parse_at_end} makes it, once the input is known."""
