"""
The silence of each track, by the time that the other tracks tell (I{pure}).

The rules:

 1. A track's silence is the time for which another track has gone on since its last packet. How far
    apart two tracks are does not matter: sound that is always five seconds ahead of the pictures
    makes no silence of theirs.
 2. A silence is longer than usual if it is twice as long as the track has been silent two times in
    a row. One picture in ten seconds is a slide show, and alive; one pause is no habit.
"""

from collections.abc import Iterable

from mkvtwist.media.packet import SECOND

QUIET = 2 * SECOND
"""
Microseconds after which a track is quiet: the stream does not wait for it any more. In a file a
track runs ahead of another by less, and a shared tab that stands still has a picture a second.
"""

LONGEST_QUIET = 20 * SECOND
"""
The usual silence counts up to here: less than the ring's default, so that it has a place to join.
"""


class _Track:
    __slots__ = ("before", "gap", "last", "others", "silent", "since")

    def __init__(self) -> None:
        self.last: int | None = None
        self.gap = 0  # between its last two packets, and between those before
        self.before = 0
        self.silent = 0
        self.since: dict[int, int] = {}  # by track, its first packet since
        self.others: list[_Track] = []


class Silences:
    """The silences of some tracks, all times in microseconds."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        """
        @param numbers: the tracks that are there from the beginning, of which nothing has come yet.
        """
        self._tracks: dict[int, _Track] = {}
        for number in numbers:
            self._add(number)

    def _add(self, number: int) -> _Track:
        made = _Track()
        for other in self._tracks.values():
            other.others.append(made)
            made.others.append(other)
        self._tracks[number] = made
        return made

    def heard(self, number: int, dts: int) -> None:
        """Note a packet. Each packet of a track that tells the time must be noted."""
        mine = self._tracks.get(number) or self._add(number)
        if mine.last is not None:
            gap = dts - mine.last
            mine.before, mine.gap = mine.gap, gap
        mine.last = dts
        if mine.since:
            mine.since.clear()
            mine.silent = 0
        for other in mine.others:
            silent = dts - other.since.setdefault(number, dts)
            other.silent = max(other.silent, silent)

    def of(self, number: int) -> int:
        """Return how long a track has been silent."""
        return self._tracks[number].silent

    def usual(self, number: int) -> int:
        """Return how far apart a track's packets were two times in a row; 0 is not known."""
        track = self._tracks[number]
        return min(track.gap, track.before, LONGEST_QUIET)

    def is_quiet(self, number: int, least: int = QUIET, most: int = LONGEST_QUIET) -> bool:
        """
        Return whether a track has been silent for longer than usual.

        @param least: microseconds that it must have been silent in any case.
        @param most: microseconds after which it is quiet, however usual that is.
        """
        track = self._tracks[number]
        if track.silent < least:  # nearly always
            return False
        return track.silent >= min(2 * min(track.gap, track.before), most)
