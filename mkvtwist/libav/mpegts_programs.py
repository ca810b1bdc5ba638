"""
The programmes of an MPEG-TS, and which of them is sent (I{remux thread}).

PyAV does not tell which track belongs to which programme; libavformat's description of the
container does.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

_LINE = re.compile(r"^  (?:Program (\d+) |(No Program)|Stream #\d+:(\d+))", re.MULTILINE)
"""A programme and the tracks that follow it; what a broadcaster has named is indented by more."""


def programs_of(container: Any) -> Mapping[int, AbstractSet[int]]:
    """
    Return the indices of the tracks of each programme, in the order of the programmes.

    Only MPEG-TS has any: other formats call the variants of one programme so. A track may belong
    to several programmes, or to none; a programme whose table has not come yet has no tracks.
    """
    if container.format.name != "mpegts":
        return {}
    found: dict[int, set[int]] = {}
    tracks: set[int] = set()
    for number, none, track in _LINE.findall(container.dumps_format()):
        if number:
            tracks = found.setdefault(int(number), set())
        elif none:
            tracks = set()
        else:
            tracks.add(int(track))
    return found


class SentProgram:
    """
    The one programme of a container that is sent.

    @ivar number: its number in the transport stream; L{None} if there is nothing to choose from.
    """

    def __init__(self, container: Any, wanted: int, before: int | None) -> None:
        """
        @param wanted: the number that somebody has asked for; 0 if nobody has. It may not have
            come yet.
        @param before: the one that was sent before the input was opened anew: it stays.
        """
        self._container = container
        self._found = programs_of(container)
        videos = {stream.index for stream in container.streams if stream.type == "video"}
        full = [number for number, tracks in self._found.items() if tracks]
        shown = [number for number in full if self._found[number] & videos]
        choices = [wanted] if wanted else [n for n in (before,) if n in full] or shown or full
        self.number = choices[0] if choices and self._found else None

    def look(self) -> None:
        """See whether the tables of programmes have changed."""
        self._found = programs_of(self._container)

    def has(self, index: int) -> bool:
        """Whether a track belongs to what is sent, as far as there are tables."""
        return self.number is None or index in self._found.get(self.number, ())

    @property
    def is_missing(self) -> bool:
        """Whether the programme that was asked for is not there, or not yet."""
        return self.number is not None and not self._found.get(self.number)

    def others_of(self, index: int) -> str:
        """Return in words to which programme a track belongs that is not sent."""
        owners = [str(number) for number, tracks in self._found.items() if index in tracks]
        what = f"of programme {', '.join(owners)}" if owners else "of no programme"
        return f"{what}; programme {self.number} is sent"

    def __str__(self) -> str:
        """Return which programmes there are, if the one that was asked for is missing."""
        known = ", ".join(map(str, self._found)) or "none"
        return f"there is no programme {self.number}; known so far: {known}"
