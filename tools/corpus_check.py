"""
What came out of a clip, held against what was in it.

Both sides are read by PyAV, decoded, and written down as L{FileContents}. Pictures and blocks of
sound are matched by their content, not by their timestamps: so the timestamps of the two that
belong together can be compared, and with them the offset between picture and sound.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise
from math import log10
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import av
from av.audio.frame import AudioFrame
from av.subtitles.subtitle import AssSubtitle, BitmapSubtitle

from tests.support import media, oddities

PRECISION = 2_000
"""Microseconds that a timestamp may be off: Matroska counts milliseconds, and so does FLV."""

STEP = 3_000
"""Microseconds that picture and sound may shift against each other."""

SLACK = 90_000
"""The same where the container has no timestamps for B-pictures, and players disagree, too."""


class Shown(NamedTuple):
    """A decoded picture, block of sound, or subtitle."""

    time: int | None
    """Microseconds."""
    digest: str
    samples: int = 0


class Sent(NamedTuple):
    """A packet, without what is in it."""

    time: int | None
    key: bool
    additions: int
    """How many pieces of BlockAdditions came with it: alpha, WebVTT's settings."""


@dataclass
class Track:
    """What there is to compare about a track."""

    type: str
    codec: str
    language: str
    title: str
    default: bool
    flags: int
    """The other dispositions."""
    sar: str
    shown: list[Shown] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    samples: bytearray = field(default_factory=bytearray)
    """All sound of the first channel (or of all, interleaved), as it is decoded."""
    look: dict[str, Any] = field(default_factory=dict)
    """Shape, colour, side data of the first picture; rate and channels of the first sound."""
    preroll: int = 0
    """Packets that an edit list hides."""


@dataclass
class FileContents:
    """A file, read."""

    tracks: list[Track]
    pictures: list[str]
    """Digests of the cover art."""
    attachments: list[str]
    """Name and digest of each."""
    chapters: list[tuple[int, int, str]]
    tags: dict[str, str]
    data: int
    """How many data tracks there are."""
    trouble: str = ""
    """Why reading stopped before the end."""


_FLAGS = (
    av.stream.Disposition.forced
    | av.stream.Disposition.original
    | av.stream.Disposition.comment
    | av.stream.Disposition.hearing_impaired
    | av.stream.Disposition.visual_impaired
)

_NO_TAGS = {
    "major_brand", "minor_version", "compatible_brands", "encoder", "duration", "creation_time",
    "software", "isft", "handler_name", "vendor_id", "language", "metadatacreator", "hasmetadata",
    "hasvideo", "hasaudio", "cansecktoend", "encodedby", "tlen", "tsse", "wm/encodingsettings",
}  # fmt: skip
"""What muxers say of themselves and of the file, in lower case."""


# -- Reading ------------------------------------------------------------------


def read(source: str | Path | bytes) -> FileContents:
    """Read and decode everything."""
    av.logging.set_level(av.logging.ERROR)
    with media.opened(source) as file:
        tracks: dict[int, Track] = {}
        reading = FileContents([], [], [], [], {}, 0)
        for stream in file.streams:
            _look_at(stream, reading, tracks)
        reading.tracks = list(tracks.values())
        reading.chapters = [
            (
                round(chapter["start"] * (chapter["time_base"] or 0) * 1_000_000),
                round(chapter["end"] * (chapter["time_base"] or 0) * 1_000_000),
                chapter["metadata"].get("title", ""),
            )
            for chapter in file.chapters()
        ]
        reading.tags = {
            key.lower(): value
            for key, value in file.metadata.items()
            if key.lower() not in _NO_TAGS
        }
        try:
            for packet in file.demux():
                # Not packet.stream_index: that is 0 in the packets that flush a decoder.
                if packet.stream.index in tracks:
                    _take(packet, tracks[packet.stream.index])
        except (IndexError, av.FFmpegError) as error:
            reading.trouble = f"{type(error).__name__}: {error}"
    return reading


def _look_at(stream: Any, reading: FileContents, tracks: dict[int, Track]) -> None:
    if stream.type == "attachment":
        reading.attachments.append(f"{stream.name} {_digest(stream.data)}")
    elif stream.type not in ("video", "audio", "subtitle") or stream.codec_context is None:
        reading.data += 1
    elif stream.disposition & av.stream.Disposition.attached_pic:
        tracks[stream.index] = _Picture(reading)
    else:
        tags = {key.lower(): value for key, value in stream.metadata.items()}
        language = tags.get("language", "und")
        sar = stream.sample_aspect_ratio if stream.type == "video" else None
        tracks[stream.index] = Track(
            type=stream.type,
            codec=stream.codec_context.codec.canonical_name,
            language=language,
            title=tags.get("title") or tags.get("name", ""),
            default=bool(stream.disposition & av.stream.Disposition.default),
            flags=int(stream.disposition & _FLAGS),
            sar=str(sar or 1),
        )


class _Picture(Track):
    """Cover art: one packet, and no track."""

    def __init__(self, reading: FileContents) -> None:
        super().__init__("picture", "", "", "", default=False, flags=0, sar="")
        self.reading = reading


def _take(packet: av.Packet[Any], track: Track) -> None:
    if isinstance(track, _Picture):
        if packet.size:
            track.reading.pictures.append(_digest(bytes(packet)))
        return
    time = media.microseconds(packet.pts, packet.time_base)
    if packet.size:
        additions = sum(
            side.data_type in ("matroska_block_additional", "webvtt_settings")
            for side in packet.iter_sidedata()
        )
        track.preroll += packet.is_discard
        track.sent.append(Sent(time, packet.is_keyframe, additions))
    if track.type == "subtitle":
        if packet.size:
            _read_subtitle(packet, track, time)
        return
    try:
        frames = packet.decode()
    except av.FFmpegError:
        return  # damage: the same packet is damaged on the other side
    for frame in frames:
        _show(frame, track)


def _show(frame: Any, track: Track) -> None:
    time = media.microseconds(frame.pts, frame.time_base) if frame.time_base else None
    if not isinstance(frame, AudioFrame):
        track.shown.append(Shown(time, media.digest_of(frame)))
        track.look = track.look or _look_of(frame)
        return
    track.shown.append(Shown(time, media.digest_of(frame), frame.samples))
    track.look = track.look or {
        "sample rate": frame.sample_rate,
        "channels": frame.layout.nb_channels,
        "sample format": frame.format.name,
    }
    track.samples += media.sound_of(frame)[0]


def _look_of(frame: av.VideoFrame) -> dict[str, Any]:
    look = {
        "size": (frame.width, frame.height),
        "pixel format": frame.format.name,
        "rotation": frame.rotation,
        "interlaced": frame.interlaced_frame,
        "colour": (
            int(frame.color_primaries),
            int(frame.color_trc),
            int(frame.colorspace),
            int(frame.color_range),
        ),
    }
    side: Any
    for side in frame.side_data.keys():  # noqa: SIM118 (it is no dict)
        name = str(getattr(side.type, "name", side.type))
        if name not in _PASSING:
            look[name] = _digest(bytes(side))
    return look


_ALL_KEYS = {"h263", "gif"}
"""Codecs of which libavformat's Matroska demuxer calls every packet a keyframe, or none."""

_NOISE = "the same but for noise"

_PASSING = {"SEI_UNREGISTERED", "S12M_TIMECODE", "A53_CC", "MOTION_VECTORS", "GOP_TIMECODE"}
"""Side data that belongs to a picture and is in its bytes."""


def _read_subtitle(packet: av.Packet[Any], track: Track, time: int | None) -> None:
    try:
        rects: list[Any] = list(packet.decode())
    except av.FFmpegError:
        return
    for rect in rects:
        if isinstance(rect, AssSubtitle):
            text = rect.dialogue.decode(errors="replace")
            text = re.sub(r"\{[^}]*\}", "", text).replace("\\N", "\n").strip()
            duration = media.microseconds(packet.duration, packet.time_base) or 0
            track.shown.append(Shown(time, f"{text} ({duration // 10_000 / 100} s)"))
        elif isinstance(rect, BitmapSubtitle):
            planes: Any = rect.planes
            digest = _digest(b"".join(bytes(plane) for plane in planes))
            track.shown.append(
                Shown(time, f"{rect.width}x{rect.height}+{rect.x}+{rect.y} {digest}")
            )


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


# -- Comparing ----------------------------------------------------------------


@dataclass
class Verdict:
    """What became of a clip."""

    plays: bool
    differences: list[str]

    def __str__(self) -> str:
        if not self.plays:
            return f"does not play: {'; '.join(self.differences)}"
        if self.differences:
            return f"plays, with a difference: {'; '.join(self.differences)}"
        return "bit-exact"


Shifts = dict[int, dict[str, int]]
"""
Microseconds that each track of a piece is shifted by, in each file that came out: times begin near
0 in each of them.
"""


def compare(
    sources: list[FileContents], results: list[FileContents], headers: list[bytes], rate: float = 0
) -> Verdict:
    """
    Hold what came out against what was in.

    @param sources: what was in: one, or the pieces that the clip was put together from.
    @param results: what came out, one for each header.
    @param headers: the first bytes of each of these.
    @param rate: pictures a second, for sources whose timestamps cannot be trusted.
    """
    differences: list[str] = []
    plays = True
    epochs: list[Shifts] = [{} for _ in sources]
    for kind in ("video", "audio", "subtitle"):
        tracks = [[t for t in source.tracks if t.type == kind] for source in sources]
        found = [[t for t in result.tracks if t.type == kind] for result in results]
        for number in range(max(map(len, tracks))):
            name = f"{kind} {number + 1}" if max(map(len, tracks)) > 1 else kind
            before = [(e, t[number]) for e, t in enumerate(tracks) if number < len(t)]
            after = [(f, t[number]) for f, t in enumerate(found) if number < len(t)]
            if not any(track.shown for _, track in before):
                continue  # nothing that anybody could see or hear
            if not any(track.shown for _, track in after):
                differences.append(f"{name} ({before[0][1].codec}) is missing")
                plays = plays and kind == "subtitle"
                continue
            differences += [f"{name}: {text}" for text in _of_track(before[0][1], after[0][1])]
            differences += [
                f"{name}: {text}"
                for text in _of_content(before, after, epochs, name, rate if kind == "video" else 0)
            ]
        if max(map(len, found)) > max(map(len, tracks)):
            differences.append(f"there are {max(map(len, found))} {kind} tracks")
    differences += _of_offsets(epochs, SLACK if rate else STEP)
    differences += _of_file(sources[0], results[0], epochs[0].get(0, {}))
    if len(sources) == 1:
        differences += _of_shape(sources[0], headers[0])
    differences += [f"result: {r.trouble}" for r in results if r.trouble]
    first = min((s.time or 0 for t in results[0].tracks for s in t.shown[:1]), default=0)
    if not -1_000_000 < first < 1_000_000:
        differences.append(f"starts at {first / 1e6:.3f} s")
    return Verdict(plays, differences)


def _of_track(before: Track, after: Track) -> Iterator[str]:
    """What a track says of itself."""
    if {before.language, after.language} not in ({"und"}, {before.language}):
        yield f"language {before.language} became {after.language}"
    if before.title != after.title:
        yield f"title {before.title!r} became {after.title!r}"
    if before.flags != after.flags:
        names = [av.stream.Disposition(flags) for flags in (before.flags, after.flags)]
        yield f"{names[0]!r} became {names[1]!r}"
    if before.default and not after.default:
        yield "no longer the default"
    for key in before.look.keys() | after.look.keys():
        if before.look.get(key) != after.look.get(key):
            yield f"{key} {before.look.get(key)} became {after.look.get(key)}"
    if before.sar != after.sar:
        yield f"sample aspect ratio {before.sar} became {after.sar}"


def _of_content(
    before: list[tuple[int, Track]],
    after: list[tuple[int, Track]],
    epochs: list[Shifts],
    name: str,
    rate: float,
) -> Iterator[str]:
    """What is shown, when, and how it was packed; puts each epoch's shifts into C{epochs}."""
    source = [(e, shown) for e, track in before for shown in _timed(track.shown, rate)]
    result = [(file, shown) for file, track in after for shown in track.shown]
    matcher = SequenceMatcher(
        None, [s.digest for _, s in source], [s.digest for _, s in result], autojunk=False
    )
    pairs = [
        (source[a + i], result[b + i])
        for a, b, size in matcher.get_matching_blocks()
        for i in range(size)
    ]
    if len(pairs) == len(source) == len(result) or before[0][1].type != "audio":
        yield from _of_gaps(matcher, [s for _, s in source], [s for _, s in result])
        for epoch, _ in before:
            shifts = [
                (file, b.time - a.time)
                for (e, a), (file, b) in pairs
                if e == epoch and a.time is not None and b.time is not None
            ]
            yield from _of_shifts(shifts, epochs[epoch], name)
    else:
        parts = _parts(before, after)
        for (epoch, track), (part, files) in zip(before, parts, strict=True):
            texts, found = _of_samples(track, part)
            shifts = [
                (file, shift)
                for file, shift in zip(files, found, strict=False)
                if shift is not None
            ]
            if epoch:  # a decoder that has been running adds another noise than a fresh one
                texts = [text for text in texts if not text.startswith(_NOISE)]
            texts += _of_shifts(shifts, epochs[epoch], name)
            where = f" (piece {epoch + 1})" if len(before) > 1 else ""
            yield from (text + where for text in texts)
    backwards = sum(_steps_back(track) for _, track in after)
    if backwards and (rate or backwards > sum(_steps_back(track) for _, track in before)):
        yield f"time goes back {backwards} times"
    if len(before) == len(after) == 1:
        yield from _of_packets(before[0][1], after[0][1], timed=not rate)


def _steps_back(track: Track) -> int:
    """How often the time goes back from one to the next that is shown."""
    times = [shown.time for shown in track.shown if shown.time is not None]
    return sum(b < a for a, b in pairwise(times))


def _parts(
    before: list[tuple[int, Track]], after: list[tuple[int, Track]]
) -> list[tuple[Track, list[int]]]:
    """
    The result's sound, cut where the pieces of the source end: one part for each of them.

    @return: each part, and the number of the file that each block of it is in.
    """
    if len(before) == len(after):
        return [(track, [file] * len(track.shown)) for file, track in after]
    track = Track(**{**vars(after[0][1]), "shown": [], "samples": bytearray()})
    files: list[int] = []
    for file, other in after:
        track.shown += other.shown
        track.samples += other.samples
        files += [file] * len(other.shown)
    unit = len(track.samples) // (sum(s.samples for s in track.shown) or 1)
    parts = []
    at = position = 0
    for number, (_, source) in enumerate(before):
        count = len(source.shown) if number + 1 < len(before) else len(track.shown)
        shown = track.shown[at : at + count]
        size = sum(s.samples for s in shown) * unit
        samples = track.samples[position : position + size]
        part = Track(**{**vars(track), "shown": shown, "samples": samples})
        parts.append((part, files[at : at + count]))
        at, position = at + count, position + size
    return parts


def _timed(shown: list[Shown], rate: float) -> Iterable[Shown]:
    """What is shown, at its own times or at a steady rate."""
    if not rate:
        return shown
    known = (
        s.time - round(i * 1_000_000 / rate) for i, s in enumerate(shown) if s.time is not None
    )
    begin = next(known, 0)
    return (
        Shown(begin + round(i * 1_000_000 / rate), s.digest, s.samples) for i, s in enumerate(shown)
    )


def _of_gaps(
    matcher: SequenceMatcher[str], source: list[Shown], result: list[Shown]
) -> Iterator[str]:
    """What has no counterpart on the other side."""
    lost = {"at the start": 0, "in the middle": 0, "at the end": 0}
    more = dict(lost)
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        where = "in the middle"
        if a == 0 and b == 0:
            where = "at the start"
        elif a_end == len(source) and b_end == len(result):
            where = "at the end"
        lost[where] += a_end - a
        more[where] += b_end - b
    for where, count in lost.items():
        if count and count == more[where]:
            yield f"{count} of {len(source)} differ {where}"
        else:
            if count:
                yield f"{count} of {len(source)} missing {where}"
            if more[where]:
                yield f"{more[where]} more {where}"


def _of_shifts(shifts: list[tuple[int, int]], epoch: Shifts, name: str) -> Iterator[str]:
    """
    Whether all times are shifted alike; puts by how much into C{epoch}.

    @param shifts: the file, and the shift, of each that is shown.
    """
    off: list[int] = []
    for file in sorted({file for file, _ in shifts}):
        mine = [shift for f, shift in shifts if f == file]
        shift = round(median(mine))
        epoch.setdefault(file, {})[name] = shift
        off += [s - shift for s in mine if abs(s - shift) > PRECISION]
    if off:
        worst = max(off, key=abs) / 1000
        yield f"{len(off)} of {len(shifts)} timestamps are off by up to {worst:.0f} ms"


def _of_samples(before: Track, after: Track) -> tuple[list[str], list[int | None]]:
    """
    Compare sound sample by sample, however it is cut into frames.

    @return: the differences, and the shift in time of each frame of the result as far as the source
        goes, L{None} if it is not known.
    """
    unit = len(before.samples) // (sum(s.samples for s in before.shown) or 1)
    rate = before.look.get("sample rate", 48_000)
    old, new = bytes(before.samples), bytes(after.samples)
    if before.look != after.look or not unit or not new:
        return ["cannot be compared"], []
    offset, texts = _alignment(old, new, unit), []
    if offset is None:
        offset, noise = _likeness(before, after, unit)
        if noise > 0.01:  # 20 dB: that is another sound
            return ["nothing is as it was"], []
        texts.append(f"{_NOISE} at {10 * log10(noise):.0f} dB")
    lost, more = max(0, offset), max(0, -offset)
    size = min(len(old) - lost, len(new) - more)

    def milliseconds(length: int) -> str:
        return f"{length / unit / rate * 1000:.0f} ms"

    for length, what in (
        (lost, "missing at the start"),
        (more, "more at the start"),
        (len(old) - lost - size, "missing at the end"),
        (len(new) - more - size, "more at the end"),
    ):
        if length > 0:
            texts.append(f"{milliseconds(length)} {what}")
    if not texts or not texts[0].startswith(_NOISE):
        block = 256 * unit
        old, new = old[lost : lost + size], new[more : more + size]
        wrong = [at for at in range(0, size, block) if old[at : at + block] != new[at : at + block]]
        if wrong:
            where = "at the start" if wrong[-1] < 4096 * unit else "in all"
            texts.append(f"{milliseconds(len(wrong) * block)} differ {where}")
    return texts, _shifts_of_samples(before, after, offset // unit, rate)


def _alignment(old: bytes, new: bytes, unit: int) -> int | None:
    """How many bytes of the old are before the first of the new, where they are the same."""
    for share in (0.5, 0.25, 0.75, 0.1, 0.9):
        at = int(len(old) * share) // unit * unit
        probe = old[at : at + 6000 * unit]  # longer than one tone of the tests' own clips
        if len(set(probe)) < 8:
            continue  # silence is everywhere
        # A tone is the same again and again: what is nearest to its old place is meant.
        places = []
        found = new.find(probe)
        while found >= 0:
            if found % unit == 0:
                places.append(at - found)
            found = new.find(probe, found + unit - found % unit)
        if places:
            return min(places, key=abs)
    return None


def _likeness(before: Track, after: Track, unit: int) -> tuple[int, float]:
    """
    The same, where a decoder adds noise of its own, as that of AAC does.

    @return: the bytes, and the share of the difference in the power of the sound.
    """
    code = {"flt": "f", "dbl": "d", "s16": "h", "s32": "i"}.get(
        before.look["sample format"].rstrip("p"), "B"
    )
    old, new = array(code, bytes(before.samples)), array(code, bytes(after.samples))
    width = unit // old.itemsize
    frame = max(s.samples for s in before.shown) * width
    middle = old[len(old) // 2 : len(old) // 2 + 4096 * width]
    best = (0, 1.0)
    for frames in range(-4, max(0, len(before.shown) - len(after.shown)) + 5):
        at = len(old) // 2 - frames * frame
        other = new[max(0, at) : max(0, at) + len(middle)]
        if len(other) < len(middle):
            continue
        power = sum(a * a for a in middle) or 1
        noise = sum((a - b) ** 2 for a, b in zip(middle, other, strict=True)) / power
        best = min(best, (frames * frame * old.itemsize, noise), key=lambda found: found[1])
    return best


def _shifts_of_samples(before: Track, after: Track, offset: int, rate: int) -> list[int | None]:
    """
    The shift in time of each frame of the result, by the samples that it begins with.

    @param offset: the number of samples of the old before the first of the new.
    """
    shifts: list[int | None] = []
    frames = iter(before.shown)
    begin, end, time = 0, 0, None
    position = offset
    for shown in after.shown:
        while end <= position:
            frame = next(frames, None)
            if frame is None:
                return shifts
            begin, end, time = end, end + frame.samples, frame.time
        if time is not None and shown.time is not None and position >= begin:
            shifts.append(shown.time - time - round((position - begin) * 1_000_000 / rate))
        else:
            shifts.append(None)
        position += shown.samples
    return shifts


def _of_packets(before: Track, after: Track, *, timed: bool) -> Iterator[str]:
    """Counts, keyframes and timestamps of packets."""
    source, result = before.sent, after.sent
    if before.type == "video":
        first = next((i for i, sent in enumerate(source) if sent.key), 0)
        if first:
            yield f"the {first} packets before the first keyframe are left out"
        source = source[first:]
    if len(source) != len(result):
        yield f"{len(source)} packets became {len(result)}"
        return
    keys = sum(sent.key for sent in source), sum(sent.key for sent in result)
    if before.codec not in _ALL_KEYS and [s.key for s in source] != [s.key for s in result]:
        yield f"{keys[0]} keyframes became {keys[1]}"
    additions = sum(s.additions for s in source), sum(s.additions for s in result)
    if additions[0] != additions[1]:
        yield f"{additions[0]} block additions became {additions[1]}"
    if timed:
        shifts = [
            (0, b.time - a.time)
            for a, b in zip(source, result, strict=True)
            if a.time is not None and b.time is not None
        ]
        yield from (f"packets: {text}" for text in _of_shifts(shifts, {}, ""))


def _of_offsets(epochs: list[Shifts], step: int) -> Iterator[str]:
    """Whether picture, sound and subtitles are where they were against each other."""
    for number, epoch in enumerate(epochs):
        where = f" in piece {number + 1}" if len(epochs) > 1 else ""
        for tracks in epoch.values():
            (first, shift), *others = tracks.items()
            for name, other in others:
                if abs(other - shift) > step:
                    yield f"{name} against {first} is off by {(other - shift) / 1000:.0f} ms{where}"


def _of_file(before: FileContents, after: FileContents, shifts: dict[str, int]) -> Iterator[str]:
    """Chapters, tags, attachments, cover art."""
    shift = next(iter(shifts.values()), 0)
    moved = [(begin + shift, end + shift, title) for begin, end, title in before.chapters]
    if [c[2] for c in moved] != [c[2] for c in after.chapters]:
        yield f"chapters {[c[2] for c in moved]} became {[c[2] for c in after.chapters]}"
    else:
        off = [b[0] - a[0] for a, b in zip(moved, after.chapters, strict=True)]
        if any(abs(o) > PRECISION for o in off):
            yield f"chapters are off by {max(off, key=abs) / 1000:.0f} ms"
    lost = {key for key, value in before.tags.items() if after.tags.get(key) != value}
    if lost:
        yield f"tags differ: {', '.join(sorted(lost))}"
    if before.attachments != after.attachments:
        yield f"attachments {before.attachments} became {after.attachments}"
    if before.pictures != after.pictures:
        yield f"{len(before.pictures)} pictures became {len(after.pictures)}"


def _of_shape(before: FileContents, header: bytes) -> Iterator[str]:
    """Whether the Matroska header itself asks for the right shape: mpv and VLC go by it."""
    shapes = list(_display(header))
    videos = [track for track in before.tracks if track.type == "video"]
    for track, (width, height, shown_width, shown_height) in zip(videos, shapes, strict=False):
        num, _, den = track.sar.partition("/")
        if "STEREO3D" in track.look:
            continue  # two pictures in one: DisplayWidth is that of one of them
        want = width / height * int(num) / int(den or 1)
        have = (shown_width or width) / (shown_height or height)
        if abs(want / have - 1) > 0.01:
            yield f"shown as {shown_width}x{shown_height} instead of {want:.3f}:1"


def _display(header: bytes) -> Iterator[tuple[int, int, int, int]]:
    """PixelWidth, PixelHeight, DisplayWidth, DisplayHeight of each video track."""
    level = [header]
    for wanted in (oddities.SEGMENT, oddities.TRACKS, oddities.TRACK, oddities.VIDEO):
        level = [
            body for data in level for ident, body in oddities.children(data) if ident == wanted
        ]
    for video in level:
        values = dict(oddities.children(video))
        width, height, shown_width, shown_height = (
            int.from_bytes(values.get(ident, b""), "big") for ident in (0xB0, 0xBA, 0x54B0, 0x54BA)
        )
        yield width, height, shown_width, shown_height


def described(reading: FileContents) -> str:
    """A reading in words."""
    lines = [f"tags {reading.tags}", f"chapters {reading.chapters}"]
    lines += [f"attachments {reading.attachments}, pictures {reading.pictures}"]
    lines += [f"data tracks {reading.data} {reading.trouble}"]
    for track in reading.tracks:
        lines.append(
            f"{track.type} {track.codec} {track.language} {track.title!r} default={track.default}"
            f" flags={track.flags} sar={track.sar} {track.look}"
        )
        lines.append(f"  {len(track.sent)} packets, {sum(s.key for s in track.sent)} keyframes")
        lines.append(f"  {len(track.shown)} shown: {track.shown[:2]} to {track.shown[-1:]}")
    return "\n".join(lines)
