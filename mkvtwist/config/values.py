"""
Values as users write them: seconds, sizes, names, addresses (I{pure}).

Whatever the source, the command line, a file or a request, a setting goes through one of the
parsers here, which either gives the value or says what is wrong with it and what is allowed.
"""

import errno
import ipaddress
import math
import re
from typing import NoReturn

from mkvtwist.formats.registry import ENDINGS


class ConfigError(ValueError):
    """
    Settings that cannot be used: one line for each, which quotes it and says what is allowed.

    @ivar args: the lines.
    """

    def __str__(self) -> str:
        return "\n".join(self.args)


def refuse(option: str, text: str, allowed: str) -> NoReturn:
    """
    Say that a value is not one of those that are allowed.

    @raise ConfigError: always.
    """
    raise ConfigError(f"{option}: {text!r} is not {allowed}")


def unusable(path: str, error: OSError | ValueError) -> str:
    """
    Return why a file that somebody has named cannot be used, and what to do about it.

    @param path: as it was named.
    @param error: what opening or reading it has raised; a L{ValueError} for a NUL in the path, or
        for characters that no path can have.
    """
    if not isinstance(error, OSError):
        return f"{path!r} is not a file's name"
    said = f"{path!r}: {error.strerror or error}"
    if error.errno == errno.EACCES:  # others say by themselves what to do
        said += "; let the user that the server runs as read it"
    return said


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
"""Paths of the server's own, and those that it will have."""

RESERVED_ENDINGS = (
    *ENDINGS,
    *(".jpg", ".m3u8"),
    *(".aac", ".flac", ".flv", ".m3u", ".mp3", ".mpd", ".ogg", ".pls"),
)
"""
What may stand behind a stream's name: the endings of each format, of stills and of playlists, and
those of formats to come. A stream whose name had one would hide another stream.
"""


def parse_name(option: str, text: str) -> str:
    """
    A stream's name in URLs.

    @raise ConfigError: when no URL could have it, or the server uses it itself.
    """
    if not _NAME.fullmatch(text):
        refuse(option, text, "up to 64 letters, digits, '-', '_' and '.', not beginning with '.'")
    if text in TAKEN or text.endswith(RESERVED_ENDINGS):
        raise ConfigError(
            f"{option}: {text!r} is reserved: a stream's name must not be a server path or end in a"
            " format's extension"
        )
    return text


def parse_seconds(option: str, text: str, *, least: float = 0.0, most: float = 86400.0) -> float:
    """
    A duration in seconds, fractions allowed.

    @raise ConfigError: for anything else, or out of bounds.
    """
    allowed = f"a number of seconds from {least:g} to {most:g}"
    return _number(option, text, allowed, least, most)


def parse_past(option: str, text: str) -> float:
    """
    A moment as seconds before now, which makes it negative; 0 is now.

    @raise ConfigError: for anything else.
    """
    allowed = "a number of seconds before now, from -86400 to 0, such as -30"
    return _number(option, text, allowed, -86400.0, 0.0)


def parse_tracks(option: str, text: str) -> frozenset[int]:
    """
    Numbers of tracks: C{1,3}.

    @raise ConfigError: for anything else.
    """
    items = text.split(",")
    if len(items) > TRACKS or not all(re.fullmatch("[1-9][0-9]{0,3}", item) for item in items):
        raise ConfigError(
            f"{option}: {text[:40]!r} is not a list of numbers of tracks, as /status has them:"
            " 1,3 for example"
        )
    return frozenset(map(int, items))


def parse_rate(option: str, text: str) -> float:
    """
    A speed as a multiple of real time; 0 is without limit.

    @raise ConfigError: for anything else.
    """
    return _number(option, text, "a number from 0 to 1000, such as 1 or 0.5", 0.0, 1000.0)


def parse_frame_rate(option: str, text: str) -> float:
    """
    Pictures a second, also as FFmpeg writes the rates of television; 0 is unknown.

    @raise ConfigError: for anything else.
    """
    allowed = "from 0.001 to 1000 pictures a second, such as 29.97 or 30000/1001; or 0"
    parts = re.fullmatch(r"([0-9]{1,9})/([1-9][0-9]{0,8})", text)
    rate = int(parts[1]) / int(parts[2]) if parts else _number(option, text, allowed, 0.0, 1000.0)
    if rate and not 0.001 <= rate <= 1000.0:
        refuse(option, text, allowed)
    return rate


def parse_program(option: str, text: str) -> int:
    """
    The number of a programme in an MPEG-TS (ISO/IEC 13818-1, program_number); 0 is any.

    @raise ConfigError: for anything else.
    """
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        refuse(option, text, "the number of a programme, from 1 to 65535; 0: the first with video")
    return int(text)


def _number(option: str, text: str, allowed: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        refuse(option, text, allowed)
    if not math.isfinite(value) or not least <= value <= most:
        refuse(option, text, allowed)
    return value


def parse_count(option: str, text: str) -> int:
    """
    A whole number, 0 included.

    @raise ConfigError: for anything else.
    """
    if not re.fullmatch(r"[0-9]{1,9}", text):
        refuse(option, text, "a whole number, 0 or more")
    return int(text)


TRACKS = 64
"""Tracks that may be asked for at once: as many as an input is looked at for."""

SMALLEST_BUFFER = 64 << 10
"""Less than this does not hold one keyframe of anything."""

_UNITS = {"": 0, "k": 10, "m": 20, "g": 30}


def parse_size(option: str, text: str) -> int:
    """
    A number of bytes; C{k}, C{M} and C{G} are powers of 1024.

    @raise ConfigError: for anything else, or less than L{SMALLEST_BUFFER}.
    """
    match = re.fullmatch(r"([0-9]{1,13})([kKmMgG]?)", text)
    size = int(match[1]) << _UNITS[match[2].lower()] if match else 0
    if not SMALLEST_BUFFER <= size <= 1 << 40:
        refuse(option, text, "a number of bytes from 64k to 1024G, such as 500k, 64M or 1G")
    return size


def parse_bitrate(option: str, text: str) -> int:
    """
    Bits per second; C{k}, C{M} and C{G} are powers of 1000, as FFmpeg has them; 0 is no limit.

    @raise ConfigError: for anything else.
    """
    match = re.fullmatch(r"([0-9]{1,13}(?:\.[0-9]{1,6})?)([kKmMgG]?)", text)
    rate = round(float(match[1]) * 1000 ** (_UNITS[match[2].lower()] // 10)) if match else -1
    if not 0 <= rate <= 10**12:
        refuse(option, text, "a number of bits per second, such as 500k, 8M or 2.5M; 0: no limit")
    return rate


def parse_network(option: str, text: str) -> Network:
    """
    An address, or a network of them, as in C{10.0.0.0/8}.

    @raise ConfigError: for anything else.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        refuse(option, text, "an address such as 192.0.2.7, or a network such as 10.0.0.0/8")


def parse_server_name(option: str, text: str) -> str:
    """
    A name by which the server is called in URLs, in lower case.

    @raise ConfigError: for anything else, such as a whole URL or a name with a port.
    """
    name = text.lower().removesuffix(".")
    if len(name) > 253 or not re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", name):
        allowed = "a host's name without scheme and port, such as tv.example (xn--... for others)"
        refuse(option, text, allowed)
    return name


def parse_text(option: str, text: str) -> str:
    """
    Any text, but for none: what is in it is looked at where it is known what it is for.

    @raise ConfigError: when it is empty.
    """
    if not text:
        refuse(option, text, "anything: say what is meant, or leave it out")
    return text


def parse_congestion(option: str, text: str) -> str:
    """
    A congestion control of TCP, by the kernel's name.

    @raise ConfigError: for what cannot be such a name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,15}", text):
        refuse(option, text, "a name of the kernel's, such as cubic or bbr")
    return text


_MOMENTS = "YmdHMSjyBbAaIpUWVGuwzZFTs%"
"""What C{strftime} makes of a moment, on every system; C{%%} is a percent sign."""


def parse_record(option: str, text: str) -> str:
    """
    The path of a recording, in whose last part C{%} begins one of C{strftime}'s words.

    Folders are called what they are called, C{%} included.

    @raise ConfigError: when it is empty, or has other words.
    """
    name = parse_text(option, text).rpartition("/")[2]
    words = re.findall(r"%(.?)", name)
    if not all(word and word in _MOMENTS for word in words):
        allowed = (
            "a file whose name may have a date and a time in it, such as %Y%m%d-%H%M%S; write"
            " %% for % there"
        )
        refuse(option, text, allowed)
    return text


def parse_limit(option: str, text: str) -> int:
    """
    A number of bytes, as L{parse_size} has it; 0 is without limit.

    @raise ConfigError: for anything else.
    """
    return 0 if text == "0" else parse_size(option, text)
