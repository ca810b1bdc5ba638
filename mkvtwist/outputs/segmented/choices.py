"""
Which tracks are in which playlist (I{pure}).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from langcodes import standardize_tag
from langcodes.tag_parser import LanguageTagError

from mkvtwist.formats.registry import Choice, NoTrack, Unfit, choose, part_that_fits, preferred
from mkvtwist.media.packet import Header, Track


def chosen(header: Header, tracks: frozenset[int] | None = None) -> Choice:
    """
    What is in a playlist.

    @param tracks: the numbers of those that are asked for; L{None} is the main playlist.
    @raise Unfit: when they cannot live in MP4, nor as text.
    @raise NoTrack: when there are no such tracks.
    """
    if tracks is not None:
        return choose(header, "webvtt" if tracks <= header.fitting("webvtt") else "mp4", tracks)
    fitting = header.fitting("mp4")
    pictures = [track for track in header.tracks if track.type == "video"][:1]  # it cuts the ring
    sounds = [track for track in header.tracks if track.type == "audio"]
    played = [track for track in pictures if track.number in fitting]
    played += preferred(track for track in sounds if track.number in fitting)
    if len(played) < bool(pictures) + bool(sounds) or not played:
        return _refused(header)
    return Choice("mp4", frozenset(track.number for track in played))


def _refused(header: Header) -> Choice:
    """
    Say what is wrong, and what would be right.

    @raise Unfit: always, but for tracks that can be had after all.
    """
    try:
        return choose(header, "mp4")
    except Unfit as problem:
        part = part_that_fits(header, "mp4")
        if not part:
            raise
        numbers = ",".join(map(str, sorted(part)))
        raise Unfit(f"{problem} or /index.m3u8?tracks={numbers}") from None


def others(header: Header) -> list[Track]:
    """The tracks that have a playlist of their own: of several sounds each, and text."""
    fitting = header.fitting("mp4")
    sounds = [t for t in header.tracks if t.type == "audio" and t.number in fitting]
    texts = [t for t in header.tracks if t.number in header.fitting("webvtt")]
    return [*(sounds if header.has_video and len(sounds) > 1 else []), *texts]


def variant(header: Header) -> frozenset[int] | None:
    """
    The tracks of the playlist that the others go with; L{None} is the main one.

    Where a sound is chosen beside it, it has none: players do not take apart what is in MP4.
    """
    if all(track.type != "audio" for track in others(header)):
        return None
    shown = header.only(chosen(header).tracks)
    return frozenset(track.number for track in shown if track.type == "video")


def choice_of(header: Header, tracks: frozenset[int] | None) -> Choice | None:
    """What a playlist has of what there is; L{None} is nothing."""
    try:
        return chosen(header, tracks)
    except (Unfit, NoTrack):
        return None


def ending(choice: Choice | None) -> str:
    """Of a piece's name."""
    return ".vtt" if choice is not None and choice.format == "webvtt" else ".m4s"


def folder(tracks: frozenset[int] | None) -> str:
    """Where the playlist of some tracks is, beside the main one."""
    return "" if tracks is None else ",".join(map(str, sorted(tracks))) + "/"


GROUPS: Mapping[str, str] = MappingProxyType({"audio": "AUDIO", "subtitle": "SUBTITLES"})
"""What playlists call the tracks that may be chosen, by their type."""


def renditions(tracks: Sequence[Track], default: Collection[Track]) -> Iterator[str]:
    """
    What may be chosen (4.4.6.1).

    @param default: what is, unasked.
    """
    names: set[tuple[str, str]] = set()
    languages: set[tuple[str, str | None]] = set()
    for track in tracks:
        name = _quotable(track.title or track.language or "") or f"Track {track.number}"
        while (track.type, name) in names:
            name = f"{name} ({track.number})"
        # A player may choose by language alone (4.3.4.1.1): one of each.
        language = _tag(track.language) if track.language else None
        alone = (track.type, language) not in languages
        names.add((track.type, name))
        languages.add((track.type, language))
        group = GROUPS[track.type]
        parts = [
            *(f"TYPE={group}", f'GROUP-ID="{group.lower()}"', f'NAME="{name}"'),
            *([f'LANGUAGE="{language}"'] if language else []),
            f"DEFAULT={'YES' if track in default else 'NO'}",
            f"AUTOSELECT={'YES' if alone or track in default else 'NO'}",
            *([f'CHANNELS="{track.channels}"'] if track.channels else []),
            f'URI="{track.number}/media.m3u8"',
        ]
        yield f"#EXT-X-MEDIA:{','.join(parts)}"


def _tag(language: str) -> str:
    """A language by its shortest code, as RFC 5646 wants it: C{de}, which others call C{ger}."""
    with suppress(LanguageTagError):  # else as the input has it
        language = standardize_tag(language)
    return _quotable(language)


def _quotable(text: str) -> str:
    """A name that somebody has given, fit for a quoted string (4.2)."""
    return "".join(char for char in text if char.isprintable() and char != '"')
