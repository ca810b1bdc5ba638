"""
ID3 tags: the title and the artist of a song, in front of its frames (I{pure}, id3v2.3, id3v2.4).
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

HEAD = 10
"""Bytes of a tag's head."""

_EXTENDED, _UNSYNCHRONISED = 0x40, 0x80
"""Flags in the head: another head follows; a zero stands behind each byte of ones."""

_ENCODINGS: Mapping[int, str] = MappingProxyType(
    {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
)

_TITLES, _ARTISTS = (b"TIT2", b"TT2"), (b"TPE1", b"TP1")
"""The frames with both, in versions 3 and 4, and in version 2."""


class Song(NamedTuple):
    """The song of a tag; a text is empty if the tag has none."""

    title: str
    artist: str


def song_of(tag: bytes) -> Song:
    """
    Return the song of a tag.

    @param tag: from its head on; it may be cut off, as after a picture's beginning.
    """
    title = artist = ""
    for name, content in _frames(tag):
        if name in _TITLES:
            title = _text(content)
        elif name in _ARTISTS:
            artist = _text(content)
    return Song(title, artist)


def _frames(tag: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of each frame that is there as a whole."""
    version, flags = tag[3:4], tag[5] if len(tag) >= HEAD else 0
    data = tag[HEAD:]
    if flags & _UNSYNCHRONISED and version != b"\4":
        data = data.replace(b"\xff\0", b"\xff")
    at = 0
    if flags & _EXTENDED and version == b"\3":
        at = 4 + int.from_bytes(data[:4], "big")
    elif flags & _EXTENDED and version == b"\4":
        at = _seven_bits(data[:4])
    name_size, head = (3, 6) if version == b"\2" else (4, 10)
    while re.fullmatch(rb"[A-Z0-9]+", data[at : at + name_size]):
        field = data[at + name_size : at + 2 * name_size]
        size = _seven_bits(field) if version == b"\4" else int.from_bytes(field, "big")
        content = data[at + head : at + head + size]
        if len(content) < size:
            return
        yield data[at : at + name_size], content
        at += head + size


def _seven_bits(data: bytes) -> int:
    """Return a number that has seven bits in each byte."""
    number = 0
    for byte in data:
        number = number << 7 | byte & 0x7F
    return number


def _text(content: bytes) -> str:
    """Return the text of a frame: of several the first."""
    encoding = _ENCODINGS.get(content[0] if content else 0, "latin-1")
    return content[1:].decode(encoding, "replace").partition("\0")[0].strip()
