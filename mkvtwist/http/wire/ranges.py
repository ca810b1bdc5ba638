"""
Parts of a body that a client asks for by their bytes (RFC 9110, 14) (I{pure}).
"""

import re
from collections.abc import Iterator, Sequence


class Unsatisfiable(ValueError):
    """A range that begins behind the end of the body: the client's fault, 416."""


def requested(header: bytes | None, length: int) -> tuple[int, int] | None:
    """
    Return the first byte that is asked for, and the one behind the last; L{None} for all of it.

    Several ranges at once, other units and what is no range are ignored, as a server may.

    @param header: the request's C{Range}.
    @param length: bytes of the whole body.
    @raise Unsatisfiable: if none of these bytes exists.
    """
    match = re.fullmatch(rb"bytes=([0-9]{0,18})-([0-9]{0,18})", header or b"")
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(0, length - int(last)), length
    else:
        start, stop = int(first), min(length, int(last) + 1) if last else length
        if last and int(last) < start:
            return None
    if start >= length:
        raise Unsatisfiable(f"the body has {length} bytes")
    return start, stop


def cut(pieces: Sequence[bytes | memoryview], start: int, stop: int) -> Iterator[memoryview]:
    """Yield the bytes from one place up to another of a body that is in pieces, uncopied."""
    for piece in pieces:
        if start < len(piece) and stop > 0:
            yield memoryview(piece)[max(0, start) : max(0, stop)]
        start -= len(piece)
        stop -= len(piece)
