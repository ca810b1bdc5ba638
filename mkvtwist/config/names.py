"""
Names of streams, and those that are reserved (I{pure}).
"""

import re

from mkvtwist.config.values import ConfigError, refuse
from mkvtwist.formats.registry import FORMATS

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_PATTERN = re.compile(r"[A-Za-z0-9_*-][A-Za-z0-9._*-]{0,63}")

ANY = "*"
"""In a pattern: any characters but dots, none included."""

TAKEN = frozenset(
    {
        "admin",
        "api",
        "healthz",
        "manifest",
        "metrics",
        "publish",
        "static",
        "status",
        "status-json.xsl",
    }
)
"""The server's own paths, and those of views to come."""

OTHER_ENDINGS = (
    *(".jpg", ".m3u8"),
    *(".m3u", ".mpd", ".pls"),
)
"""
Reserved endings beside those of L{FORMATS}: of stills and playlists, and of formats to come. A
stream whose name ended in one would hide another stream.
"""


def is_pattern(name: str) -> bool:
    """Return whether the name of a table of settings stands for many streams."""
    return ANY in name


def is_name(text: str) -> bool:
    """Return whether a stream can have this name."""
    return _NAME.fullmatch(text) is not None and not _is_reserved(text)


def _is_reserved(text: str) -> bool:
    return text in TAKEN or text.endswith((*FORMATS, *OTHER_ENDINGS))


def parse_name(option: str, text: str) -> str:
    """
    Return a stream's name in URLs, or a pattern of such names, which has a C{*}.

    @raise ConfigError: if no URL can have this name, or if it is reserved.
    """
    if is_pattern(text):
        if not _PATTERN.fullmatch(text):
            allowed = (
                "a pattern of up to 64 letters, digits, '-', '_', '.' and '*', which does not begin"
                " with '.'"
            )
            refuse(option, text, allowed)
    elif not _NAME.fullmatch(text):
        allowed = (
            "a name of up to 64 letters, digits, '-', '_' and '.', which does not begin with '.'"
        )
        refuse(option, text, allowed)
    if _is_reserved(text):
        raise ConfigError(
            f"{option}: {text!r} is reserved: a stream's name must not be a server path or end in a"
            " format's extension"
        )
    return text
