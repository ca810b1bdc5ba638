"""
The text in which libavformat describes a container, C{av_dump_format} (I{pure}).

The text is made for people; nothing else in PyAV tells of programs, or of tracks that have turned
up since the opening.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

_TRACK = re.compile(r"Stream #0:(\d+)[^:]*: (Video|Audio|Subtitle): (\w+)")

_PROGRAM_OR_TRACK = re.compile(
    r"^  (?:Program (\d+) |(No Program)|Stream #\d+:(\d+))", re.MULTILINE
)
"""A program and the tracks that follow it; what a broadcaster has named is indented by more."""

_STREAM_TITLE = re.compile(r"^    StreamTitle +: (.*)$", re.MULTILINE)
"""The title of a radio among the tags of the whole."""

Programs = Mapping[int, AbstractSet[int]]
"""
The indices of the tracks of each program, in the order of the programs. A track may belong to
several programs, or to none; a program whose table has not come yet has no tracks.
"""


@dataclass(frozen=True, slots=True)
class FoundTrack:
    """A track that the demuxer knows."""

    index: int
    type: str
    codec: str


def tracks_in(text: str) -> frozenset[FoundTrack]:
    """Return the tracks in a description of libavformat's."""
    return frozenset(
        FoundTrack(int(index), type_, codec) for index, type_, codec in _TRACK.findall(text)
    )


def programs_in(text: str) -> Programs:
    """Return the programs in a description of libavformat's."""
    found: dict[int, set[int]] = {}
    tracks: set[int] = set()
    for number, none, track in _PROGRAM_OR_TRACK.findall(text):
        if number:
            tracks = found.setdefault(int(number), set())
        elif none:
            tracks = set()
        else:
            tracks.add(int(track))
    return found


def stream_title_in(text: str) -> str | None:
    """Return the title of a radio in a description of libavformat's; L{None} if it has none."""
    found = _STREAM_TITLE.search(text)
    return None if found is None else found[1].strip()
