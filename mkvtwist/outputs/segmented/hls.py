"""
Playlists of HLS, written of a snapshot (I{pure}).

The numbers in brackets are chapters of draft-pantos-hls-rfc8216bis-16.
"""

import math
import operator
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType

from langcodes import standardize_tag
from langcodes.tag_parser import LanguageTagError

from mkvtwist.formats.choice import Choice, Unfit, preferred
from mkvtwist.formats.webvtt import WEBVTT
from mkvtwist.live.period import Period
from mkvtwist.media.packet import SECOND, Header, Track
from mkvtwist.outputs.segmented.addresses import ending, folder, map_name
from mkvtwist.outputs.segmented.choices import choice_of, chosen, others, variant
from mkvtwist.outputs.segmented.cutter import Cutter
from mkvtwist.outputs.segmented.pieces import meant
from mkvtwist.outputs.segmented.segments import Segment
from mkvtwist.outputs.segmented.snapshot import Snapshot
from mkvtwist.outputs.segmented.targets import centiseconds

MEDIA = "media.m3u8"
"""The name of each media playlist."""

HOLD_BACK = 3
"""Target durations, and part targets, that players keep away from the live edge (4.4.3.8)."""

SKIP = 6
"""Target durations at the live edge that a delta update always has (4.4.3.8: at least six)."""

ADVANCE = 3
"""Seconds that the parts may last which a blocking request is ahead (6.2.5.2)."""

_URI = re.compile(r'(^[^#\n]+|URI="[^"]+)', re.MULTILINE)
"""Each address in a playlist: a query is added behind it."""

GROUPS: Mapping[str, str] = MappingProxyType({"audio": "AUDIO", "subtitle": "SUBTITLES"})
"""Names in playlists of the tracks that may be chosen, by their type."""


def multivariant(
    header: Header, segments: Sequence[Segment], tracks: frozenset[int] | None = None
) -> str:
    """
    Return the multivariant playlist: one variant, and the tracks that may be chosen beside it.

    @param header: the tracks that there are now.
    @param segments: those by which the bandwidth is measured.
    @param tracks: the numbers of those that are asked for, and no others; L{None} is all.
    @raise Unfit: when there is nothing to be seen or heard.
    @raise NoTrack: when there are no such tracks.
    """
    beside = others(header) if tracks is None else []
    main = variant(header) if tracks is None else tracks
    shown = header.only(chosen(header, main).tracks)
    heard = [track for track in beside if track.type == "audio"]
    if all(track.type == "subtitle" for track in shown):
        raise Unfit(f"Subtitles alone are no stream; they are at {MEDIA}, beside this")
    choices = [{track.number for track in shown} | {sound.number} for sound in heard]
    peak, average = _rates(segments, choices or [{track.number for track in shown}])
    attributes = [f"BANDWIDTH={peak}", f"AVERAGE-BANDWIDTH={average}"]
    names = [track.codec_string for track in (*shown, *heard)]
    known = [name for name in names if name is not None]
    if known and len(known) == len(names):
        attributes.append(f'CODECS="{",".join(dict.fromkeys(known))}"')
    for track in [track for track in shown if track.type == "video"][:1]:
        attributes += _picture(track)
    groups = dict.fromkeys(GROUPS[track.type] for track in beside)
    attributes += [f'{group}="{group.lower()}"' for group in groups]
    lines = [
        *("#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"),
        *_renditions(beside, preferred(heard)),
        f"#EXT-X-STREAM-INF:{','.join(attributes)}",
        folder(main if tracks is None else None) + MEDIA,
    ]
    return "\n".join(lines) + "\n"


def media(snapshot: Snapshot, tracks: frozenset[int] | None = None, *, skip: bool = False) -> str:
    """
    Return the list of segments and parts.

    @param tracks: the numbers of those that are asked for; L{None} is the main playlist.
    @param skip: leave out the segments that a client that asks again knows already (a delta
        update).
    """
    return "\n".join(_lines(snapshot, tracks, skip=skip)) + "\n"


def carry(text: str, query: str) -> str:
    """
    Return a playlist whose addresses have a query, else players would ask without it.

    @param query: what comes behind each address, as in C{?token=x}.
    """
    return _URI.sub(rf"\1{query}", text)


def is_too_far(cutter: Cutter, number: int, part: int | None = None) -> bool:
    """
    Return whether a blocking request asks for a segment too far ahead (6.2.5.2).

    @param part: its place in the segment, from 0; L{None} is all of the segment.
    """
    newest, parts = cutter.edge
    number, part = meant(cutter, number, part)
    if number < newest or part is None:
        return number > newest + 1
    ahead = math.ceil(ADVANCE * SECOND / cutter.part_target)
    return number > newest + 1 or part >= ahead + (parts if number == newest else 0)


# the multivariant playlist


def _rates(segments: Sequence[Segment], choices: Sequence[Collection[int]]) -> tuple[int, int]:
    """Return the bits a second of these choices of tracks, at most and on average."""
    measured = [segment for segment in segments if segment.is_complete and segment.duration]
    rates = [[segment.bitrate(tracks) for segment in measured] or [1.0] for tracks in choices]
    lasted = [segment.duration for segment in measured] or [1]
    means = [sum(map(operator.mul, found, lasted)) / sum(lasted) for found in rates]
    return math.ceil(max(map(max, rates))), math.ceil(max(means))


def _picture(track: Track) -> Iterator[str]:
    """Yield the attributes of a variant that come from its video (4.4.6.2)."""
    if track.width and track.height:
        yield f"RESOLUTION={track.width}x{track.height}"
    if track.frame_rate:
        yield f"FRAME-RATE={track.frame_rate:.3f}"
    if track.supplemental:
        yield f'SUPPLEMENTAL-CODECS="{track.supplemental}"'
    if track.video_range:
        yield f"VIDEO-RANGE={track.video_range}"


def _renditions(tracks: Sequence[Track], default: Collection[Track]) -> Iterator[str]:
    """
    Yield the lines for tracks that may be chosen (4.4.6.1).

    @param default: those that play unasked.
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
            f'URI="{folder(frozenset({track.number}))}{MEDIA}"',
        ]
        yield f"#EXT-X-MEDIA:{','.join(parts)}"


def _tag(language: str) -> str:
    """Return a language's shortest code, as RFC 5646 wants it: C{de} for C{ger}."""
    with suppress(LanguageTagError):  # else as the input has it
        language = standardize_tag(language)
    return _quotable(language)


def _quotable(text: str) -> str:
    """Return a name from the input, fit for a quoted string (4.2)."""
    return "".join(char for char in text if char.isprintable() and char != '"')


# media playlists


def _lines(snapshot: Snapshot, tracks: frozenset[int] | None, *, skip: bool) -> Iterator[str]:
    listed, growing = snapshot.segments, snapshot.growing
    skipped = snapshot.before(SKIP * snapshot.target * SECOND) if skip else 0
    choices = _choices(snapshot, tracks)
    gap = not all(segment.has(choices[segment.period]) for segment in listed[skipped:])
    yield "#EXTM3U"
    yield f"#EXT-X-VERSION:{9 if skipped else 8 if gap else 6}"
    yield f"#EXT-X-TARGETDURATION:{snapshot.target}"
    yield from _control(snapshot)
    yield f"#EXT-X-MEDIA-SEQUENCE:{listed[0].number}"
    yield f"#EXT-X-DISCONTINUITY-SEQUENCE:{listed[0].discontinuity}"
    if all(segment.is_independent for segment in listed):
        yield "#EXT-X-INDEPENDENT-SEGMENTS"
    if skipped:
        yield f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"
    before = listed[skipped - 1] if skipped else None
    for segment in listed[skipped:]:
        choice = choices[segment.period]
        yield from _beginning(segment, before, choice)
        if snapshot.lists_parts_of(segment):
            yield from _parts(segment, choice)
        if not segment.has(choice):
            yield "#EXT-X-GAP"
        yield f"#EXTINF:{_seconds(segment.duration)},"
        yield f"{segment.name}.{ending(choice)}"
        before = segment
    if snapshot.part_target is not None:
        if growing is not None:
            choice = choices[growing.period]
            yield from _beginning(growing, before, choice)
            yield from _parts(growing, choice)
            uri = f"{growing.name}.{len(growing.parts)}.{ending(choice)}"
            yield f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{uri}"'
        if snapshot.header is not None:
            yield from _reports(snapshot, snapshot.header, tracks)
    if snapshot.finished:
        yield "#EXT-X-ENDLIST"


def _choices(snapshot: Snapshot, tracks: frozenset[int] | None) -> Mapping[Period, Choice | None]:
    """Return the tracks of each period in a playlist: of one kind, or none."""
    periods = dict.fromkeys(segment.period for segment in snapshot.all)
    choices = {period: choice_of(period.header, tracks) for period in periods}
    kinds = [choice.format for choice in choices.values() if choice is not None]
    return {
        period: choice if choice is not None and choice.format == kinds[-1] else None
        for period, choice in choices.items()
    }


def _control(snapshot: Snapshot) -> Iterator[str]:
    """
    Yield the lines that say what the server can do, and how far players stay from the live edge.

    A single picture that stands for longer than the part target raises it while it is listed.
    """
    control = [
        "CAN-BLOCK-RELOAD=YES",
        f"CAN-SKIP-UNTIL={SKIP * snapshot.target}",
        f"HOLD-BACK={HOLD_BACK * snapshot.target}",
    ]
    if snapshot.part_target is not None:
        parts = (part for segment in snapshot.with_parts for part in segment.parts)
        longest = max((part.duration for part in parts), default=0)
        target = max(snapshot.part_target, centiseconds(longest)) / SECOND
        control.append(f"PART-HOLD-BACK={HOLD_BACK * target:.2f}")
        yield f"#EXT-X-PART-INF:PART-TARGET={target:.2f}"
    yield f"#EXT-X-SERVER-CONTROL:{','.join(control)}"


def _beginning(segment: Segment, before: Segment | None, choice: Choice | None) -> Iterator[str]:
    """Yield the lines before a segment's parts."""
    changed = before is not None and before.discontinuity != segment.discontinuity
    if changed:
        yield "#EXT-X-DISCONTINUITY"
    if (changed or before is None) and choice is not None and choice.format is not WEBVTT:
        yield f'#EXT-X-MAP:URI="{map_name(segment.period.muxer(choice).head)}"'
    date = datetime.fromtimestamp(segment.date, UTC).isoformat(timespec="milliseconds")
    yield f"#EXT-X-PROGRAM-DATE-TIME:{date.replace('+00:00', 'Z')}"


def _parts(segment: Segment, choice: Choice | None) -> Iterator[str]:
    shown = segment.period.header.only(choice.tracks) if choice is not None else ()
    has_video = any(track.type == "video" for track in shown)
    for number, part in enumerate(segment.parts):
        uri = f"{segment.name}.{number}.{ending(choice)}"
        more = ",INDEPENDENT=YES" if part.independent or not has_video else ""
        more += "" if part.has(choice) else ",GAP=YES"
        yield f'#EXT-X-PART:DURATION={_seconds(part.duration)},URI="{uri}"{more}'


def _reports(snapshot: Snapshot, header: Header, tracks: frozenset[int] | None) -> Iterator[str]:
    """Yield the lines that say how far the other playlists are: as far as this one (4.4.5.4)."""
    number, parts = snapshot.edge
    if not parts:  # of the growing segment none is complete
        number -= 1
        parts = len(snapshot.segments[-1].parts)
    listed = [variant(header), *(frozenset({track.number}) for track in others(header))]
    up = "" if tracks is None else "../"
    for other in listed if tracks in listed else ():
        if other != tracks:
            uri = f"{up}{folder(other)}{MEDIA}"
            yield f'#EXT-X-RENDITION-REPORT:URI="{uri}",LAST-MSN={number},LAST-PART={parts - 1}'


def _seconds(duration: int) -> str:
    """Return microseconds in decimal seconds."""
    return f"{duration / SECOND:.6f}"
