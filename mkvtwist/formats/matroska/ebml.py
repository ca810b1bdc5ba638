"""
EBML, of which Matroska is made: elements with an ID, a size and a payload (I{pure}, RFC 8794).
"""

from collections.abc import Iterator
from typing import NamedTuple


class MatroskaError(ValueError):
    """Bytes that are not Matroska, or are cut short."""


def vint(value: int) -> bytes:
    """
    Return an EBML variable-length size (RFC 8794, 4) in its shortest form.

    @raise OverflowError: for 2^56 - 1 and more.
    """
    length = 1
    while value >= (1 << 7 * length) - 1:
        length += 1
    if length > 8:
        raise OverflowError(f"{value} does not fit an EBML size")
    return (value | 1 << 7 * length).to_bytes(length, "big")


def element(id_: int, payload: bytes) -> bytes:
    """Return one EBML element: its ID, its size, its payload."""
    return id_.to_bytes((id_.bit_length() + 7) // 8, "big") + vint(len(payload)) + payload


def unsigned(id_: int, value: int) -> bytes:
    """Return one EBML unsigned integer, in as few bytes as it needs."""
    return element(id_, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def signed(id_: int, value: int) -> bytes:
    """Return one EBML signed integer."""
    return element(id_, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


class Element(NamedTuple):
    """An element in a buffer: C{buffer[head:end]}; its payload is C{buffer[start:end]}."""

    id: int
    head: int
    start: int
    end: int


def elements(buffer: bytes, start: int, end: int) -> Iterator[Element]:
    """
    Yield the elements that lie side by side in a buffer. One of unknown size reaches to the end.

    @raise MatroskaError: when an ID or a size makes no sense.
    """
    at = start
    while at < end:
        id_, body = _number(buffer, at, end, keep_marker=True)
        size, content = _number(buffer, body, end, keep_marker=False)
        stop = end if size == (1 << 7 * (content - body)) - 1 else content + size
        if stop > end:
            raise MatroskaError(f"element {id_:X} at byte {at} reaches beyond its parent")
        yield Element(id_, at, content, stop)
        at = stop


def _number(buffer: bytes, at: int, end: int, *, keep_marker: bool) -> tuple[int, int]:
    length = 9 - buffer[at].bit_length() if at < end else 9
    if length > 8 or at + length > end:
        raise MatroskaError(f"no EBML number at byte {at}")
    value = int.from_bytes(buffer[at : at + length], "big")
    return value if keep_marker else value & ((1 << 7 * length) - 1), at + length


def children(buffer: bytes, parent: Element) -> Iterator[Element]:
    """
    Yield the elements that an element consists of.

    @raise MatroskaError: when an ID or a size makes no sense.
    """
    return elements(buffer, parent.start, parent.end)


def unsigned_in(buffer: bytes, parent: Element, id_: int) -> int | None:
    """
    Return the unsigned integer with an ID among the children of an element, if there is one.

    @raise MatroskaError: when an ID or a size makes no sense.
    """
    for child in children(buffer, parent):
        if child.id == id_:
            return int.from_bytes(buffer[child.start : child.end], "big")
    return None
