"""
The lines that a program writes to its standard error (I{pure}).
"""

import re
from collections import deque
from collections.abc import Callable

from mkvtwist.media.printable import LONGEST_TEXT, printable

LINE_LIMIT = 4096
"""Bytes of one line; the rest of a longer one is dropped. Messages of programs are shorter."""

KEPT = 3
"""Lines that are kept for the reason of a program's end: the last ones name the cause."""

LAST_WORDS = 160
"""Characters of each of these."""

LINES_AT_ONCE = 30
"""Lines that are logged at once: what FFmpeg says of an input and an output."""

LINES_A_SECOND = 1.0
"""Lines a second that are logged in the long run: a program that never stops fills no disk."""

_POINTER = re.compile(r" @ 0x[0-9a-f]+(?=\])")
"""The pointer that tells FFmpeg's parts apart: with it each try would have a fault of its own."""

_PASSWORD = re.compile(r"(://[^\s/@:]*):[^\s/@]+@")


def shown(line: bytes, most: int = LONGEST_TEXT) -> str:
    """
    Return a line as it is logged: printable, without the passwords of URLs, and FFmpeg's pointers.

    @param most: characters that are kept.
    """
    text = _POINTER.sub("", line.decode(errors="replace"))
    return printable(_PASSWORD.sub(r"\1:***@", text).strip(), most)


class ErrorLines:
    """
    Splits the standard error of one program into lines.

    A line that the program overwrites on a terminal, such as a figure of its progress, is none.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._last: deque[bytes] = deque(maxlen=KEPT)

    @property
    def last(self) -> list[str]:
        """The last lines, the one that is not complete yet included."""
        lines = (shown(line, LAST_WORDS) for line in (*self._last, _on_screen(self._rest)))
        return [line for line in lines if line][-KEPT:]

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now."""
        *lines, rest = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n")
        end = b"\r" if rest.endswith(b"\r") else b""  # of a line, if a line feed follows
        self._rest = _on_screen(rest.removesuffix(end)) + end
        lines = [line for line in map(_on_screen, lines) if line.strip()]
        self._last += lines
        return lines


def _on_screen(line: bytes) -> bytes:
    """Return what a terminal would show of a line: what stands after a carriage return."""
    return line.rpartition(b"\r")[2][:LINE_LIMIT]


class LineBudget:
    """The lines that may be logged now, and the number of those that were left out."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        @param clock: tells seconds.
        """
        self._clock = clock
        self._allowed = float(LINES_AT_ONCE)
        self._since = clock()
        self.left_out = 0

    def spend(self) -> bool:
        """Return whether another line may be logged; if not, it is counted."""
        now = self._clock()
        self._allowed += (now - self._since) * LINES_A_SECOND
        self._allowed = min(self._allowed, float(LINES_AT_ONCE))
        self._since = now
        if self._allowed < 1.0:
            self.left_out += 1
            return False
        self._allowed -= 1.0
        return True

    def settle(self) -> int:
        """Return how many lines were left out since the last time."""
        number, self.left_out = self.left_out, 0
        return number
