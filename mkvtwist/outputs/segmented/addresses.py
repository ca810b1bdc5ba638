"""
The names of pieces in URLs, below a stream's name (I{pure}).

::

    init-HASH.mp4         the initialization section, named after its bytes
    RUN-NUMBER.m4s        a segment
    RUN-NUMBER.PART.m4s   a part of it
    TRACKS/...            all of these with other tracks: their numbers, as in 1,3

No name is ever used for other bytes: the run is the millisecond in which the stream was started.
"""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from mkvtwist.formats.choice import Choice
from mkvtwist.formats.webvtt import WEBVTT

MEDIA_TYPES: Mapping[str, str] = MappingProxyType({"m4s": "video/mp4", "vtt": "text/vtt"})
"""The MIME types of pieces, by their endings."""

_PIECE = re.compile(r"([0-9a-f]{1,16})-([0-9]{1,15})(?:\.([0-9]{1,6}))?\.(m4s|vtt)")


class Address(NamedTuple):
    """
    A piece's name, read.

    @ivar part: its place in the segment, from 0; L{None} is all of the segment.
    """

    run: str
    number: int
    part: int | None
    ending: str


def parse(name: str) -> Address | None:
    """Read a piece's name; L{None} if there cannot be such a piece."""
    match = _PIECE.fullmatch(name)
    if match is None:
        return None
    run, number, part, ending = match.groups()
    return Address(run, int(number), None if part is None else int(part), ending)


def is_map(name: str) -> bool:
    """Return whether a name may be one of an initialization section."""
    return name.startswith("init-") and name.endswith(".mp4")


def map_name(head: bytes) -> str:
    """Return the name of an initialization section, which follows from its bytes."""
    return f"init-{hashlib.sha256(head).hexdigest()[:16]}.mp4"


def ending(choice: Choice | None) -> str:
    """Return the ending of the names of these tracks' pieces, without the dot."""
    return "vtt" if choice is not None and choice.format is WEBVTT else "m4s"


def folder(tracks: frozenset[int] | None) -> str:
    """Return the folder of some tracks' pieces, relative to those of the main playlist."""
    return "" if tracks is None else ",".join(map(str, sorted(tracks))) + "/"
