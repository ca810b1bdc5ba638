"""
Names of streams, and those that are reserved (I{pure}).
"""

import re

from mkvtwist.config.values import ConfigError, refuse
from mkvtwist.formats.registry import FORMATS

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")

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
    *(".flv", ".m3u", ".mpd", ".pls"),
)
"""
Reserved endings beside those of L{FORMATS}: of stills and playlists, and of formats to come. A
stream whose name ended in one would hide another stream.
"""


def parse_name(option: str, text: str) -> str:
    """
    Return a stream's name in URLs.

    @raise ConfigError: if no URL can have this name, or if it is reserved.
    """
    if not _NAME.fullmatch(text):
        allowed = (
            "a name of up to 64 letters, digits, '-', '_' and '.', which does not begin with '.'"
        )
        refuse(option, text, allowed)
    if text in TAKEN or text.endswith((*FORMATS, *OTHER_ENDINGS)):
        raise ConfigError(
            f"{option}: {text!r} is reserved: a stream's name must not be a server path or end in a"
            " format's extension"
        )
    return text
