"""
Where a stream's media comes from, and what happens at its end (I{pure}).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from mkvtwist.config.values import ConfigError, refuse


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


def parse_input(option: str, text: str) -> Input:
    """
    Tell the forms of an input apart.

    @raise ConfigError: for an empty one, or a URL that nobody can read.
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
    What is shown while the input is away: something that can be read at any time.

    @raise ConfigError: for anything else.
    """
    source = parse_input(option, text)
    if source.form not in (Form.FILE, Form.URL, Form.DEMO):
        refuse(option, text, "a file, a URL or demo:")
    return source


def parse_at_end(option: str, text: str | None, form: Form) -> AtEnd:
    """
    What happens at the end of an input of this form; its default for L{None}.

    @raise ConfigError: for something else, or something that this form cannot do.
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
    An input that is opened only while somebody watches.

    @raise ConfigError: when it cannot be opened again.
    """
    if form not in (Form.FILE, Form.URL, Form.DEMO):
        raise ConfigError(f"{option}: not possible for {form.value} input; only for what is opened")
