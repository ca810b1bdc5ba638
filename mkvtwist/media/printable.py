"""
Untrusted text, made safe to show (I{pure}).

A track's title, a path in a request, a message of libavformat's that quotes such: any may have
control characters, which forge lines in a log and colours in a terminal, or marks that turn the
direction of what stands beside them.
"""

LONGEST_TEXT = 500
"""Characters of one text: some lines of a log or a page; libavformat's own messages are shorter."""

_JOINERS = "\u200c\u200d"
"""Between letters of Persian, and inside emoji: not printable, and nothing else depends on them."""


def printable(text: str, most: int = LONGEST_TEXT) -> str:
    """
    Return a text in one line that has nothing but printable characters.

    Spaces of all kinds become a space, anything else a backslash and its number.

    @param most: characters that are kept; an ellipsis stands for the rest.
    """
    cut = text if len(text) <= most else f"{text[:most]}…"
    return cut if cut.isprintable() else "".join(map(_shown, cut))


def printable_lines(text: str) -> str:
    """Return a text with each of its lines made L{printable}."""
    return "\n".join(map(printable, text.split("\n")))


def _shown(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS:
        return letter
    if letter.isspace() and letter not in "\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029":
        return " "
    return letter.encode("unicode_escape").decode("ascii")
