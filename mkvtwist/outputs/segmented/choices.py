"""
The choice of tracks for each playlist (I{pure}).
"""

from weakref import WeakKeyDictionary

from mkvtwist.formats.choice import Choice, NoTrack, Unfit, choose, part_that_fits, preferred
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.webvtt import WEBVTT
from mkvtwist.live.period import Period
from mkvtwist.media.packet import Header, Track

CHOICES = 100
"""Choices of a period's tracks that are remembered: each request asks for one."""


def chosen(header: Header, tracks: frozenset[int] | None = None) -> Choice:
    """
    Return the tracks in a playlist, and their format.

    @param tracks: the numbers of those that are asked for; L{None} is the main playlist.
    @raise Unfit: when they cannot live in MP4, nor as text.
    @raise NoTrack: when there are no such tracks.
    """
    if tracks is not None:
        return choose(header, WEBVTT if tracks <= WEBVTT.fitting(header.tracks) else MP4, tracks)
    fitting = MP4.fitting(header.tracks)
    pictures = [track for track in header.tracks if track.type == "video"][:1]  # it cuts the ring
    sounds = [track for track in header.tracks if track.type == "audio"]
    played = [track for track in pictures if track.number in fitting]
    played += preferred(track for track in sounds if track.number in fitting)
    if len(played) < bool(pictures) + bool(sounds) or not played:
        return _refused(header)
    return Choice(MP4, frozenset(track.number for track in played))


def _refused(header: Header) -> Choice:
    """
    Say what is wrong, and what would be right.

    @raise Unfit: unless the tracks fit after all.
    """
    try:
        return choose(header, MP4)
    except Unfit as problem:
        part = part_that_fits(header, MP4)
        if not part:
            raise
        numbers = ",".join(map(str, sorted(part)))
        raise Unfit(f"{problem} or /index.m3u8?tracks={numbers}") from None


def others(header: Header) -> list[Track]:
    """Return the tracks that have a playlist of their own: each of several sounds, and text."""
    sounds = [t for t in header.tracks if t.type == "audio" and MP4.fits(t)]
    texts = [t for t in header.tracks if WEBVTT.fits(t)]
    return [*(sounds if header.has_video and len(sounds) > 1 else []), *texts]


def variant(header: Header) -> frozenset[int] | None:
    """
    Return the tracks of the playlist that the others go with; L{None} is the main one.

    If a sound is chosen beside this playlist, it has no sound: players do not take MP4 apart.
    """
    if all(track.type != "audio" for track in others(header)):
        return None
    shown = header.only(chosen(header).tracks)
    return frozenset(track.number for track in shown if track.type == "video")


class Choices:
    """The choices of tracks that have been asked for, found once in each period."""

    def __init__(self) -> None:
        self._found: WeakKeyDictionary[
            Period, dict[frozenset[int] | None, Choice | Unfit | NoTrack]
        ] = WeakKeyDictionary()

    def find(self, period: Period, tracks: frozenset[int] | None) -> Choice | Unfit | NoTrack:
        """
        Return the tracks in a playlist, or the reason why there is none.

        @param tracks: the numbers of those that are asked for; L{None} is the main playlist.
        """
        found = self._found.setdefault(period, {})
        choice = found.get(tracks)
        if choice is None:
            if len(found) >= CHOICES:
                found.clear()
            try:
                choice = chosen(period.header, tracks)
            except (Unfit, NoTrack) as problem:
                choice = problem
            found[tracks] = choice
        return choice


def choice_of(header: Header, tracks: frozenset[int] | None) -> Choice | None:
    """Return the tracks in a playlist, of those that there are; L{None} if it has none."""
    try:
        return chosen(header, tracks)
    except (Unfit, NoTrack):
        return None
