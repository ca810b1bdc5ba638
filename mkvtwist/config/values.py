"""
Values as users write them: seconds, sizes, counts, addresses (I{pure}).

Each setting, from the command line, a file or a request, goes through one of these parsers. A
parser returns the value, or raises an error that quotes the text and says what is allowed.
"""

import errno
import ipaddress
import math
import re
import sys
from typing import NoReturn


class ConfigError(ValueError):
    """
    The exception for settings that cannot be used.

    @ivar args: a line for each mistake, which quotes the value and says what is allowed.
    """

    def __str__(self) -> str:
        return "\n".join(self.args)


def refuse(option: str, text: str, allowed: str) -> NoReturn:
    """
    Reject a value, and say what is allowed.

    @raise ConfigError: always.
    """
    raise ConfigError(f"{option}: {text!r} is not {allowed}")


def unusable(path: str, error: OSError | ValueError) -> str:
    """
    Return the reason why a file cannot be used, and the remedy.

    @param path: the path as the user wrote it.
    @param error: the error from opening or reading; a L{ValueError} means a NUL in the path, or
        characters that no path can have.
    """
    if not isinstance(error, OSError):
        return f"{path!r} is not a file's name"
    said = f"{path!r}: {error.strerror or error}"
    if error.errno == errno.EACCES:  # others say by themselves what to do
        said += "; let the user that the server runs as read it"
    return said


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


LONGEST_SPAN = 86400.0
"""Seconds, a day: more is a mistake in the unit rather than meant."""

FASTEST = 1000.0
"""The greatest multiple of real time; 0 is without limit."""

MOST_PICTURES = 1000.0
"""Pictures a second: no camera that sends raw video takes more."""

LAST_PROGRAM = 0xFFFF
"""The greatest number of a program in an MPEG-TS: program_number has 16 bits."""

LARGEST_COUNT = 10**9 - 1
"""The greatest number of clients, connections and the like."""


def parse_seconds(
    option: str, text: str, *, least: float = 0.0, most: float = LONGEST_SPAN
) -> float:
    """
    Return a duration in seconds; fractions are allowed.

    @raise ConfigError: for anything else, or if it is out of bounds.
    """
    allowed = f"a number of seconds from {least:g} to {most:g}"
    return _number(option, text, allowed, least, most)


def parse_past(option: str, text: str) -> float:
    """
    Return a moment as seconds before now, which are negative; 0 is now.

    @raise ConfigError: for anything else.
    """
    allowed = f"a number of seconds before now, from {-LONGEST_SPAN:g} to 0, such as -30"
    return _number(option, text, allowed, -LONGEST_SPAN, 0.0)


def parse_tracks(option: str, text: str) -> frozenset[int]:
    """
    Return the numbers of tracks: C{1,3}.

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
    Return a speed as a multiple of real time; 0 is without limit.

    @raise ConfigError: for anything else.
    """
    return _number(option, text, f"a number from 0 to {FASTEST:g}, such as 1 or 0.5", 0.0, FASTEST)


def parse_frame_rate(option: str, text: str) -> float:
    """
    Return pictures a second, which may be a fraction as FFmpeg writes them; 0 is unknown.

    @raise ConfigError: for anything else.
    """
    allowed = (
        f"a number of pictures a second from 0.001 to {MOST_PICTURES:g}, such as 29.97 or"
        " 30000/1001; or 0"
    )
    parts = re.fullmatch(r"([0-9]{1,9})/([1-9][0-9]{0,8})", text)
    if parts:
        rate = int(parts[1]) / int(parts[2])
    else:
        rate = _number(option, text, allowed, 0.0, MOST_PICTURES)
    if rate and not 0.001 <= rate <= MOST_PICTURES:
        refuse(option, text, allowed)
    return rate


def parse_program(option: str, text: str) -> int:
    """
    Return the number of a programme in an MPEG-TS (ISO/IEC 13818-1, program_number); 0 is any.

    @raise ConfigError: for anything else.
    """
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > LAST_PROGRAM:
        allowed = f"the number of a programme, from 1 to {LAST_PROGRAM}; 0: the first with video"
        refuse(option, text, allowed)
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
    Return a whole number, 0 or more.

    @raise ConfigError: for anything else.
    """
    if not re.fullmatch(r"[0-9]{1,9}", text):  # up to LARGEST_COUNT
        refuse(option, text, "a whole number, 0 or more")
    return int(text)


TRACKS = 64
"""Tracks that may be asked for at once: as many as are looked at in an input."""

SMALLEST_BUFFER = 64 << 10
"""Bytes; less than this does not hold a single keyframe."""

_UNITS = {"": 0, "k": 10, "m": 20, "g": 30}


def parse_size(option: str, text: str) -> int:
    """
    Return a number of bytes; C{k}, C{M} and C{G} are powers of 1024.

    @raise ConfigError: for anything else, or for less than L{SMALLEST_BUFFER}.
    """
    match = re.fullmatch(r"([0-9]{1,13})([kKmMgG]?)", text)
    size = int(match[1]) << _UNITS[match[2].lower()] if match else 0
    if not SMALLEST_BUFFER <= size <= 1 << 40:
        refuse(option, text, "a number of bytes from 64k to 1024G, such as 500k, 64M or 1G")
    return size


def parse_bitrate(option: str, text: str) -> int:
    """
    Return bits per second; C{k}, C{M} and C{G} are powers of 1000, as in FFmpeg; 0 is no limit.

    @raise ConfigError: for anything else.
    """
    match = re.fullmatch(r"([0-9]{1,13}(?:\.[0-9]{1,6})?)([kKmMgG]?)", text)
    rate = round(float(match[1]) * 1000 ** (_UNITS[match[2].lower()] // 10)) if match else -1
    if not 0 <= rate <= 10**12:
        refuse(option, text, "a number of bits per second, such as 500k, 8M or 2.5M; 0: no limit")
    return rate


def parse_network(option: str, text: str) -> Network:
    """
    Return a network, such as C{10.0.0.0/8}; an address alone is one of them.

    @raise ConfigError: for anything else.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        refuse(option, text, "an address such as 192.0.2.7, or a network such as 10.0.0.0/8")


def parse_server_name(option: str, text: str) -> str:
    """
    Return a name of the server in URLs, in lower case.

    @raise ConfigError: for anything else, such as a whole URL or a name with a port.
    """
    name = text.lower().removesuffix(".")
    if len(name) > 253 or not re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", name):
        allowed = "a host's name without scheme and port, such as tv.example (xn--... for others)"
        refuse(option, text, allowed)
    return name


def parse_text(option: str, text: str) -> str:
    """
    Return any text that is not empty; the code that uses the text checks its content.

    @raise ConfigError: if it is empty.
    """
    if not text:
        raise ConfigError(f"{option}: {text!r} is empty; give a value, or leave this setting out")
    return text


def parse_congestion(option: str, text: str) -> str:
    """
    Return the kernel's name of a congestion control of TCP.

    @raise ConfigError: for a text that cannot be such a name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,15}", text):
        refuse(option, text, "a name of the kernel's, such as cubic or bbr")
    return text


THREAD, PROCESS = ISOLATIONS = ("thread", "process")
"""The places where an input can be read."""


def parse_isolation(option: str, text: str, platform: str = sys.platform) -> str:
    """
    Return how an input is read.

    @param platform: as C{sys.platform} names it; only Linux has processes for this.
    @raise ConfigError: for any other text.
    """
    if text not in ISOLATIONS:
        refuse(option, text, " or ".join(ISOLATIONS))
    if text == PROCESS and not platform.startswith("linux"):
        raise ConfigError(f"{option}: {text!r} works on Linux only; use {THREAD!r}")
    return text


_MOMENTS = "YmdHMSjyBbAaIpUWVGuwzZFTs%"
"""Letters that C{strftime} knows on every system; C{%%} is a percent sign."""


def parse_record(option: str, text: str) -> str:
    """
    Return the path of a recording, in whose last part C{%} begins one of C{strftime}'s words.

    In a folder's name C{%} means itself.

    @raise ConfigError: if the path is empty, or has other words.
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
    Return a number of bytes, as L{parse_size} reads it; 0 is without limit.

    @raise ConfigError: for anything else.
    """
    return 0 if text == "0" else parse_size(option, text)


def written(value: object) -> str:
    """Return a value as users write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(map(written, value))
    return str(value)


def written_size(size: int) -> str:
    """Return a number of bytes as L{parse_size} reads it, with the largest unit that fits."""
    return _with_unit(size, 1024)


def written_bitrate(rate: int) -> str:
    """
    Return a number of bits per second as L{parse_bitrate} reads it, with the largest unit that
    fits.
    """
    return _with_unit(rate, 1000)


def _with_unit(number: int, thousand: int) -> str:
    unit = ""
    for larger in ("k", "M", "G"):
        if not number or number % thousand:
            break
        number //= thousand
        unit = larger
    return f"{number}{unit}"
