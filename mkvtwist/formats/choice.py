"""
The choice of tracks that are sent in a format (I{pure}).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mkvtwist.formats.base import Format
from mkvtwist.formats.registry import FORMATS
from mkvtwist.media.packet import Header, Track


class Choice(NamedTuple):
    """
    A format and the numbers of the tracks in it: clients with the same choice get the same bytes.
    """

    format: Format
    tracks: frozenset[int]


class Unfit(ValueError):
    """
    The exception for tracks that a format cannot hold. The text names them, and formats that can.
    """


class NoTrack(ValueError):
    """The exception for tracks that do not exist. The text names those that do."""


def choose(header: Header, format_: Format, wanted: frozenset[int] | None = None) -> Choice:
    """
    Choose the tracks that are sent in a format.

    @param wanted: the numbers of the tracks that a client asks for; L{None} is whatever belongs
        into the format: one track if it is a format L{of one<Format.one_of>}, else all pictures and
        sounds, and the subtitles that fit.
    @raise Unfit: when a track that is wanted cannot live there, or there is none that could; or for
        pictures without those by which segments are cut: one could not begin with them.
    @raise NoTrack: when a track that is wanted does not exist.
    """
    missing = (wanted or frozenset()) - header.numbers
    if missing:
        there = ", ".join(map(_label, header.tracks))
        raise NoTrack(
            f"There is no track {', '.join(map(str, sorted(missing)))}; there are {there}"
        )
    tracks = _meant(header, format_, wanted)
    if problem := _problem(format_, tracks):
        advice = _advice(header, format_, wanted)
        raise Unfit(f"{problem}; {advice}" if advice else problem)
    pictures = [track for track in header.tracks if track.type == "video"]
    alone = [track for track in tracks if track.type == "video" and pictures[0] not in tracks]
    if alone:
        raise Unfit(
            f"{_label(alone[0])} comes only together with {_label(pictures[0])}, at whose keyframes"
            " the stream is cut"
        )
    return Choice(format_, frozenset(track.number for track in tracks))


def _advice(header: Header, asked: Format, wanted: frozenset[int] | None) -> str:
    """
    Name the formats that hold all of these tracks, and those that hold a part of them.

    @param asked: the format that a client has asked for; similar ones are named first. Unless
        tracks are wanted by their numbers, a format of one sound stands for another such format
        only, and not for a whole film.
    """
    whole, part = [], []
    alike = sorted(FORMATS.values(), key=lambda other: other.single != asked.single)
    for other in alike:
        if other.auxiliary or (wanted is None and other.one_of and not asked.single):
            continue
        if not _problem(other, _meant(header, other, wanted)):
            whole.append(other.ending)
        elif numbers := part_that_fits(header, other, wanted):
            part.append(f"{other.ending}?tracks={','.join(map(str, sorted(numbers)))}")
    ways = [f"{' or '.join(whole)} instead"] if whole else []
    ways += [f"a part of it: {' or '.join(part)}"] if part else []
    return f"ask for {', or for '.join(ways)}" if ways else ""


def part_that_fits(
    header: Header, format_: Format, wanted: frozenset[int] | None = None
) -> frozenset[int]:
    """
    Find the tracks that a format can hold, of those that a client wants.

    @return: their numbers; none if the picture is wanted and the format cannot hold it.
    """
    meant = _meant(header, format_, wanted)
    fitting = [track for track in meant if format_.fits(track)]
    if format_.single:
        fitting = preferred(fitting)
    elif format_.one_of_each:
        fitting = _one_of_each(fitting)
    pictures = [track for track in header.tracks if track.type == "video"]
    shows = [track for track in meant if track.type == "video"]
    lacks_picture = bool(shows) and (pictures[0] not in fitting)
    return frozenset() if lacks_picture else frozenset(track.number for track in fitting)


def _meant(header: Header, format_: Format, wanted: frozenset[int] | None) -> list[Track]:
    """Return the tracks that a client wants with a format."""
    if wanted is not None:
        return [track for track in header.tracks if track.number in wanted]
    if format_.one_of:
        return preferred(track for track in header.tracks if format_.fits(track))
    if format_.one_of_each:
        sounds = [track for track in header.tracks if track.type == "audio"]
        pictures = [track for track in header.tracks if track.type == "video"]
        return _one_of_each([*pictures, *(list(filter(format_.fits, sounds)) or sounds)])
    return [track for track in header.tracks if track.type != "subtitle" or format_.fits(track)]


def _problem(format_: Format, tracks: Sequence[Track]) -> str:
    """Return why these tracks cannot be sent in a format; an empty text if they can."""
    wrong = [_label(track) for track in tracks if not format_.fits(track)]
    if wrong:
        return f"{' and '.join(wrong)} cannot live in {format_.title}"
    if format_.single and len(tracks) > 1:
        return f"{format_.title} holds one track, not {len(tracks)}"
    if format_.one_of_each and len(tracks) > len({track.type for track in tracks}):
        return f"{format_.title} holds one track of each type"
    if tracks:
        return ""
    if format_.one_of:
        return f"there are no {format_.one_of}"
    return f"there are only subtitles, which are not sent in {format_.title}"


def _one_of_each(tracks: Sequence[Track]) -> list[Track]:
    """Return the first of some pictures, and the sound that plays unasked."""
    pictures = [track for track in tracks if track.type == "video"]
    return pictures[:1] + preferred(track for track in tracks if track.type == "audio")


def preferred(tracks: Iterable[Track]) -> list[Track]:
    """Return which of some tracks of one type plays unasked: the default one, or the first."""
    return sorted(tracks, key=lambda track: not track.default)[:1]


def _label(track: Track) -> str:
    return f"track {track.number} ({track.type}, {track.codec})"


def media_types(header: Header) -> dict[str, str]:
    """
    Return the MIME types of the formats that a header's tracks fit, by endings without the dot.
    """
    found = {}
    for ending, format_ in FORMATS.items():
        meant = _meant(header, format_, None)
        if not _problem(format_, meant):
            tracks = header.only({track.number for track in meant})
            found[ending[1:]] = format_.media_type(tracks)
    return found


def endings(header: Header) -> dict[int, tuple[str, ...]]:
    """Return the endings of the formats that each track can live in, by the track's number."""
    return {
        track.number: tuple(
            ending[1:] for ending, format_ in FORMATS.items() if format_.fits(track)
        )
        for track in header.tracks
    }
