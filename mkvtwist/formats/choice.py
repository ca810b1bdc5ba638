"""
The formats that a stream can be had in, and which of its tracks are sent in each (I{pure}).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from mkvtwist.formats.matroska import Matroska, WebM
from mkvtwist.formats.mp4 import Mp4
from mkvtwist.formats.mpegts import Counters, MpegTs
from mkvtwist.formats.webvtt import WebVtt
from mkvtwist.media.codecs import content_type
from mkvtwist.media.packet import Header, Packet, Track


class Format(Protocol):
    """How packets become bytes; one for each header and choice of tracks. Pure."""

    @property
    def head(self) -> bytes:
        """What comes before the first fragment."""

    def render(self, packets: Sequence[Packet], /) -> bytes:
        """A fragment's bytes; none where nothing of it is sent."""


@runtime_checkable
class Counted(Protocol):
    """A format whose bytes depend on how much came before them."""

    @property
    def start(self) -> Counters:
        """The counters before the first fragment."""

    def advance(self, packets: Sequence[Packet], counters: Counters, /) -> Counters:
        """Those after some packets, found without making their bytes."""

    def moved(self, counters: Counters, found: Counters, known: Counters, /) -> Counters:
        """Some of a count that has come to what was found, so that it comes to what is known."""

    def render(self, packets: Sequence[Packet], counters: Counters | None = None, /) -> bytes:
        """A fragment's bytes, with the counters before it."""


@runtime_checkable
class Early(Protocol):
    """A format that says how long pictures last, also of one after which nothing has come yet."""

    def early(self, packets: Sequence[Packet], pause: int, /) -> bytes:
        """
        A fragment's bytes for who gets it as it comes.

        @param pause: microseconds that a picture has been waited for of late.
        """


class Kind(NamedTuple):
    """What is known of a format."""

    title: str
    """What people call it."""

    ending: str
    """Of a stream's name in URLs."""

    subtype: str
    """The second half of its MIME type."""

    make: Callable[[Header, frozenset[int]], Format]
    """Of a header and the numbers of the tracks that are sent."""


FORMATS: Mapping[str, Kind] = MappingProxyType(
    {
        "matroska": Kind("Matroska", ".mkv", "x-matroska", Matroska),
        "webm": Kind("WebM", ".webm", "webm", WebM),
        "mp4": Kind("MP4", ".mp4", "mp4", Mp4),
        "mpegts": Kind("MPEG-TS", ".ts", "mp2t", MpegTs),
        "webvtt": Kind("WebVTT", ".vtt", "vtt", WebVtt),
    }
)
"""All of them, by their names."""

BESIDE = frozenset({"webvtt"})
"""What is had beside another one: it is no viewer's only one, and takes no place."""

ENDINGS: Mapping[str, str] = MappingProxyType({kind.ending: name for name, kind in FORMATS.items()})
"""Their names, by the ending of a stream's name."""


class Choice(NamedTuple):
    """A format and the numbers of the tracks in it: all who choose the same get the same bytes."""

    format: str
    tracks: frozenset[int]


class Unfit(ValueError):
    """These tracks cannot be had in this format. The text says which, and what would work."""


class NoTrack(ValueError):
    """There are no such tracks. The text says which there are."""


def choose(header: Header, format_: str, wanted: frozenset[int] | None = None) -> Choice:
    """
    What is sent in a format.

    @param wanted: the numbers of the tracks that somebody asks for; L{None} is whatever belongs
        into that format: of WebVTT one track, else all pictures and sounds, and in Matroska all
        subtitles as well.
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
    problem = _problem(header, format_, tracks)
    pictures = [track for track in header.tracks if track.type == "video"]
    alone = [track for track in tracks if track.type == "video" and pictures[0] not in tracks]
    if alone and not problem:
        raise Unfit(
            f"{_label(alone[0])} comes only together with {_label(pictures[0])}, at whose keyframes"
            " the stream is cut"
        )
    if problem:
        advice = _advice(header, wanted)
        raise Unfit(f"{problem}; {advice}" if advice else problem)
    return Choice(format_, frozenset(track.number for track in tracks))


def _advice(header: Header, wanted: frozenset[int] | None) -> str:
    """Name the formats that hold all of these tracks, and those that hold a part of them."""
    whole, part = [], []
    for name, kind in FORMATS.items():
        if name in BESIDE:
            continue
        if not _problem(header, name, _meant(header, name, wanted)):
            whole.append(kind.ending)
        elif numbers := part_that_fits(header, name, wanted):
            part.append(f"{kind.ending}?tracks={','.join(map(str, sorted(numbers)))}")
    ways = [f"{' or '.join(whole)} instead"] if whole else []
    ways += [f"a part of it: {' or '.join(part)}"] if part else []
    return f"ask for {', or for '.join(ways)}" if ways else ""


def part_that_fits(
    header: Header, format_: str, wanted: frozenset[int] | None = None
) -> frozenset[int]:
    """
    Find the tracks that a format can hold, of those that a client wants.

    @return: their numbers; none if the picture is wanted and the format cannot hold it.
    """
    meant = _meant(header, format_, wanted)
    fitting = [track for track in meant if track.number in header.fitting(format_)]
    pictures = [track for track in header.tracks if track.type == "video"]
    shows = [track for track in meant if track.type == "video"]
    lacks_picture = bool(shows) and (pictures[0] not in fitting)
    return frozenset() if lacks_picture else frozenset(track.number for track in fitting)


def _meant(header: Header, format_: str, wanted: frozenset[int] | None) -> list[Track]:
    """The tracks that somebody who asks for a format wants."""
    if wanted is not None:
        return [track for track in header.tracks if track.number in wanted]
    fitting = header.fitting(format_)
    if format_ in BESIDE:
        return preferred(track for track in header.tracks if track.number in fitting)
    return [track for track in header.tracks if track.type != "subtitle" or track.number in fitting]


def _problem(header: Header, format_: str, tracks: Sequence[Track]) -> str:
    """Why these tracks cannot be had in a format; nothing where they can."""
    title, fitting = FORMATS[format_].title, header.fitting(format_)
    wrong = [_label(track) for track in tracks if track.number not in fitting]
    if wrong:
        return f"{' and '.join(wrong)} cannot live in {title}"
    if tracks:
        return ""
    if format_ in BESIDE:
        return "there are no subtitles that are text"
    return f"there are only subtitles, which are not sent in {title}"


def preferred(tracks: Iterable[Track]) -> list[Track]:
    """The one that plays unasked among tracks of one type: the default one, or the first."""
    return sorted(tracks, key=lambda track: not track.default)[:1]


def _label(track: Track) -> str:
    return f"track {track.number} ({track.type}, {track.codec})"


def media_types(header: Header) -> dict[str, str]:
    """The formats that these tracks can be had in: MIME types by endings, without the dot."""
    found = {}
    for name, kind in FORMATS.items():
        with suppress(Unfit):
            tracks = header.only(choose(header, name).tracks)
            found[kind.ending[1:]] = media_type(name, tracks)
    return found


def endings(header: Header) -> dict[int, tuple[str, ...]]:
    """By the number of each track, the endings of the formats that it can live in."""
    return {
        number: tuple(
            kind.ending[1:] for name, kind in FORMATS.items() if number in header.fitting(name)
        )
        for number in header.numbers
    }


def media_type(format_: str, tracks: Sequence[Track]) -> str:
    """The MIME type of these tracks in a format, with their codecs; without tracks, of any."""
    if format_ == "webvtt":
        return "text/vtt; charset=utf-8"
    types = {track.type for track in tracks}
    kind = "video" if "video" in types or not tracks else "audio"
    codecs = [track.codec_string for track in tracks if track.type != "subtitle"]
    return content_type(f"{kind}/{FORMATS[format_].subtype}", codecs)
