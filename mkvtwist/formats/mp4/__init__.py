"""
Fragmented MP4 as it is streamed: moof and mdat made from packets, and the head they belong to
(I{pure}, ISO/IEC 14496-12).

libavformat describes the tracks, each in a file of its own, since it knows what every codec's
sample entry has to say; here the descriptions become one head. The fragments are written here,
since its muxer needs the next packet before it lets one go. One call makes a fragment, of one or
several of these::

    moof  mfhd  { traf  tfhd  tfdt  trun (duration, size, flags, composition offset) ... } ...
    mdat  the payloads, track by track

Each time is converted by itself, and durations are the differences of what came out, so that
nothing adds up. There is no edit list: what is in a track stands at the time that it is shown, the
sound that primes a decoder included.
"""

import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import accumulate, pairwise, zip_longest
from typing import NamedTuple

from mkvtwist.formats.base import FileLayout, Format, IndexEntry, Muxer, video_or_audio
from mkvtwist.media.packet import SECOND, Header, Packet, Track

VIDEO_TIMESCALE = 90_000
"""Ticks a second for pictures: the usual frame rates last whole ticks. Sound counts its samples."""

CODECS = frozenset(
    {
        *("av1", "h264", "hevc", "mpeg2video", "mpeg4", "vp9"),
        *("aac", "ac3", "alac", "eac3", "flac", "mp2", "mp3", "opus"),
    }
)
"""
FFmpeg's names of the pictures and sounds that are sent in MP4: those that more than one player
reads from there.
"""

_KEY, _NOT_KEY = 0x02000000, 0x01010000
"""Sample flags (8.8.3.1): depends on no other; depends on others, is no sync sample."""

_DEFAULT_BASE_IS_MOOF = 0x020000
_TRUN_FIELDS = 0x01000F01
"""Version 1, whose composition offsets are signed; data offset; all four fields for each sample."""

_ENABLED = 1
"""The flag in a tkhd of a track that plays unasked."""

_SYNC_SAMPLE = 0x90000000
"""In an index: one can begin there, and nothing that is shown later was decoded before."""

_MOST_ENTRIES = 0xFFFF
"""As many as an index can count."""

_NESTED = frozenset({b"trak", b"mdia", b"minf", b"stbl"})

_box = struct.Struct(">I4s")
_moof = struct.Struct(">I4sI4sII")
_traf = struct.Struct(">I4sI4sIII4sIQI4sIII")
_sample = struct.Struct(">IIIi")

_VISUAL_ENTRY = 8 + 78
"""Bytes of a VisualSampleEntry before the boxes in it (12.1.3.2)."""


class Mp4Error(ValueError):
    """A head is not MP4, or is cut short."""


class Box(NamedTuple):
    """A box in a buffer: C{buffer[head:end]}; its payload is C{buffer[start:end]}."""

    type: bytes
    head: int
    start: int
    end: int


def boxes(buffer: bytes, start: int, end: int) -> Iterator[Box]:
    """
    The boxes that lie side by side in a buffer (4.2).

    @raise Mp4Error: when a size makes no sense.
    """
    at = start
    while at < end:
        if end - at < _box.size:
            raise Mp4Error(f"no box at byte {at}")
        size, type_ = _box.unpack_from(buffer, at)
        if not _box.size <= size <= end - at:
            raise Mp4Error(f"box {type_!r} at byte {at} has a size of {size}")
        yield Box(type_, at, at + _box.size, at + size)
        at += size


def box(type_: bytes, *parts: bytes) -> bytes:
    """One box: its size, its type, its payload."""
    return _box.pack(_box.size + sum(map(len, parts)), type_) + b"".join(parts)


class Mp4Muxer(Muxer[None]):
    """Packets as moof and mdat, behind a head that is put together from those of the tracks."""

    start = None

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        """
        Make a muxer.

        @param numbers: the numbers of the tracks that are sent; all of them fit.
        """
        sent = header.only(numbers)
        self.head = joined({track.number: track.mp4_head for track in sent}, enabled(sent))
        self._scales = timescales(self.head)
        self._steps = {track.number: track.step for track in header.tracks}
        self._pictures = frozenset(t.number for t in header.tracks if t.type == "video")

    def render(self, packets: Sequence[Packet]) -> bytes:
        """
        Return the packets as moof and mdat, one pair for each picture of a track, with all sound in
        the first.

        One picture, since GStreamer's qtdemux states a frame rate for each moof, and 0 where there
        is one picture. A decoder that begins anew when that changes (vp9dec, av1dec) shows nothing
        until the next keyframe. How many arrive together changes with the load of the machine;
        usually it is one, so it is always one. Each but the first takes 96 bytes. Nor has a moof
        two runs of a track: GStreamer forgets the first when it cannot seek.

        A moof's number is the time at which it begins, in milliseconds: it depends on nothing that
        was sent before. What is decoded or shown before 0 is so at 0.
        """
        return self._made(packets, self._pictures, {})

    def live(self, packets: Sequence[Packet], pause: int, before: None = None) -> bytes:
        """
        Return the bytes of a fragment of which the newest picture's duration is not known yet.

        It is said to last for one and a half, or for as long as one has been waited for of late. If
        the next one came after more than twice the time that is said here, browsers would throw
        away all that comes up to a keyframe (Media Source Extensions, Coded Frame Processing): as
        with a camera that is slower in the dark, or a screen on which nothing moves. Firefox, after
        it has run out of pictures, goes on with the one that is there at the time when the last one
        is said to end. At twice a picture's time that may be the next but one, and a decoder that
        misses a picture shows broken ones (H.264) or gives up (VP9).
        """
        lasting = {track: max(3 * self._steps[track] // 2, pause) for track in self._pictures}
        return self._made(packets, self._pictures, lasting)

    def whole(self, packets: Sequence[Packet]) -> bytes:
        """Return the packets as one moof and mdat, as far as their durations can be written."""
        return self._made(packets, (), {})

    def _made(
        self, packets: Sequence[Packet], apart: Collection[int], lasting: Mapping[int, int]
    ) -> bytes:
        """
        @param apart: the tracks of which a moof has no more than one packet.
        @param lasting: microseconds that the last packet of a track lasts, at least.
        """
        tracks: dict[int, list[Packet]] = {}
        for packet in packets:
            if packet.track in self._scales:
                tracks.setdefault(packet.track, []).append(packet)
        runs = [
            self._runs(mine, lasting.get(track, 0), apart=track in apart)
            for track, mine in tracks.items()
        ]
        return b"".join(
            _written([run for run in together if run]) for together in zip_longest(*runs)
        )

    def _runs(self, packets: list[Packet], lasting: int, *, apart: bool) -> "Iterator[_Run]":
        """
        One track's packets, cut where a duration does not fit 32 bits.

        @param lasting: microseconds that the last one lasts, at least.
        @param apart: cut at each of them.
        """
        track = packets[0].track
        scale = self._scales[track]
        last = packets[-1]
        times = [_ticks(packet.dts, scale) for packet in packets]
        lasting = max(lasting, last.duration or self._steps[track])
        times.append(_ticks(last.dts + lasting, scale))
        run = _Run(track, times[0])
        for packet, time, following in zip(packets, times, times[1:], strict=False):
            duration, fits = following - time, 0 <= following - time < 1 << 32
            if not fits:
                lasts = _ticks(packet.duration or self._steps[track], scale)
                duration = min(lasts, 0xFFFFFFFF)
            flags = _KEY if packet.key else _NOT_KEY
            shown = min(_ticks(packet.pts, scale) - time, 0x7FFFFFFF)  # 6 hours: it is damaged
            run.samples.append(_sample.pack(duration, len(packet.data), flags, shown))
            run.packets.append(packet)
            if apart or not fits:
                yield run
                run = _Run(track, following)
        if run.samples:
            yield run


class _Run:
    """Samples of one track that follow each other."""

    __slots__ = ("begin", "packets", "samples", "track")

    def __init__(self, track: int, begin: int) -> None:
        self.track = track
        self.begin = begin
        self.packets: list[Packet] = []
        self.samples: list[bytes] = []


def _written(runs: Sequence[_Run]) -> bytes:
    """One moof, and the mdat that it describes."""
    size = _moof.size + sum(_traf.size + _sample.size * len(run.samples) for run in runs)
    begin = min(run.packets[0].dts for run in runs)
    number = (max(0, begin) // 1000 + 1) & 0xFFFFFFFF
    out = [_moof.pack(size, b"moof", 16, b"mfhd", 0, number)]
    payloads: list[bytes] = []
    offset = size + _box.size
    for run in runs:
        count = len(run.samples)
        length = _sample.size * count
        out.append(
            _traf.pack(
                *(_traf.size + length, b"traf"),
                *(16, b"tfhd", _DEFAULT_BASE_IS_MOOF, run.track),
                *(20, b"tfdt", 1 << 24, run.begin),
                *(20 + length, b"trun", _TRUN_FIELDS, count, offset),
            )
        )
        out += run.samples
        data = [packet.data for packet in run.packets]
        offset += sum(map(len, data))
        payloads += data
    out.append(_box.pack(offset - size, b"mdat"))
    return b"".join(out + payloads)


def _ticks(time: int, scale: int) -> int:
    """Microseconds as ticks, to the nearest; never before 0."""
    return (time * scale + SECOND // 2) // SECOND if time > 0 else 0


def timescales(head: bytes) -> dict[int, int]:
    """
    Each track's ticks a second.

    @raise Mp4Error: when the head cannot be read.
    """
    scales = {}
    for trak in _tracks(head):
        at = _only(head, _only(head, trak, b"mdia"), b"mdhd").start
        (scale,) = struct.unpack_from(">I", head, at + (20 if head[at] == 1 else 12))
        scales[_track_id(head, trak)] = scale
    return scales


def _tracks(head: bytes) -> Iterator[Box]:
    for top in boxes(head, 0, len(head)):
        if top.type == b"moov":
            for part in boxes(head, top.start, top.end):
                if part.type == b"trak":
                    yield part


def _number(head: bytes, tkhd: Box) -> int:
    return int.from_bytes(head[(at := _number_at(head, tkhd)) : at + 4], "big")


def _number_at(head: bytes, tkhd: Box) -> int:
    """Where the track_ID stands (8.3.2.2)."""
    return tkhd.start + (20 if head[tkhd.start] == 1 else 12)


def joined(heads: Mapping[int, bytes], enabled: Collection[int]) -> bytes:
    """
    Put one head together from several, each of which describes one track.

    @param heads: by track number, what libavformat wrote for a file with this track alone.
    @param enabled: the numbers of the tracks that play unasked; the others are there to choose.
    @raise Mp4Error: when a head cannot be read.
    """
    traks, extends = [], []
    movie = b""
    for number, head in heads.items():
        moov = _only(head, _whole(head), b"moov")
        trak = _only(head, moov, b"trak")
        trex = _only(head, _only(head, moov, b"mvex"), b"trex")
        mvhd = _only(head, moov, b"mvhd")
        movie = movie or head[mvhd.start : mvhd.end - 4]
        numbered = partial(_numbered, number=number, enabled=number in enabled)
        changes: _Changes = {b"tkhd": numbered, b"edts": lambda *_: b""}
        traks.append(_changed(head, trak, changes))
        extends.append(
            box(b"trex", bytes(4), struct.pack(">I", number), head[trex.start + 8 : trex.end])
        )
    following = struct.pack(">I", max(heads) + 1)
    moov_parts = (box(b"mvhd", movie, following), *traks, box(b"mvex", *extends))
    return box(b"ftyp", b"iso5\0\0\2\0iso5iso6mp41") + box(b"moov", *moov_parts)


def enabled(tracks: Sequence[Track]) -> set[int]:
    """Return the numbers of the tracks that play unasked: the default of a type, or its first."""
    numbers: set[int] = set()
    for type_ in ("video", "audio"):
        same = [track for track in tracks if track.type == type_]
        numbers |= {track.number for track in [t for t in same if t.default] or same[:1]}
    return numbers


def shaped(head: bytes, ratio: Fraction) -> bytes:
    """
    Return a head of one track of pictures whose pixels have another shape.

    @param ratio: their width to their height.
    @raise Mp4Error: when the head cannot be read.
    """
    moov = _only(head, _whole(head), b"moov")
    changes: _Changes = {
        b"tkhd": partial(_widened, ratio=ratio),
        b"stsd": partial(_shaped, ratio=ratio),
    }
    return head[: moov.head] + _changed(head, moov, changes) + head[moov.end :]


def _whole(head: bytes) -> Box:
    return Box(b"", 0, 0, len(head))


def _track_id(head: bytes, trak: Box) -> int:
    return _number(head, _only(head, trak, b"tkhd"))


def front(head: bytes, number: int, pieces: Sequence[IndexEntry], duration: int) -> bytes:
    """
    What stands before the fragments in a file that is complete: the head with the duration, and an
    index (8.8.2 mehd, 8.16.3 sidx) if there are not too many pieces for one. How long it is depends
    on how many there are, not on their sizes, so that it can be written when all of them have been.

    @param head: a stream's.
    @param number: the track whose times the index has.
    @param pieces: the fragments, as they will follow.
    @param duration: of the whole, in microseconds.
    @raise Mp4Error: when the head cannot be read.
    """
    moov = _only(head, _whole(head), b"moov")
    mvhd, mvex = _only(head, moov, b"mvhd"), _only(head, moov, b"mvex")
    (scale,) = struct.unpack_from(">I", head, mvhd.start + (20 if head[mvhd.start] == 1 else 12))
    length = box(b"mehd", struct.pack(">IQ", 1 << 24, _ticks(duration, scale)))
    movie = box(
        b"moov",
        head[moov.start : mvex.head],
        box(b"mvex", length, head[mvex.start : mvex.end]),
        head[mvex.end : moov.end],
    )
    return head[: moov.head] + movie + head[moov.end :] + _index(head, number, pieces, duration)


def _index(head: bytes, number: int, pieces: Sequence[IndexEntry], duration: int) -> bytes:
    if len(pieces) > _MOST_ENTRIES:
        return b""
    scale = timescales(head)[number]
    # Pictures that are shown out of order are indexed in the order in which they are decoded.
    times = [_ticks(time, scale) for time in (*(piece.start for piece in pieces), duration)]
    times = list(accumulate(times, max))
    entries = [
        struct.pack(
            ">III",
            min(piece.size, 0x7FFFFFFF),
            min(end - begin, 0xFFFFFFFF),
            _SYNC_SAMPLE if piece.key else 0,
        )
        for piece, (begin, end) in zip(pieces, pairwise(times), strict=True)
    ]
    fixed = struct.pack(">IIIQQHH", 1 << 24, number, scale, times[0], 0, 0, len(entries))
    return box(b"sidx", fixed, *entries)


def _only(head: bytes, parent: Box, type_: bytes) -> Box:
    for part in boxes(head, parent.start, parent.end):
        if part.type == type_:
            return part
    raise Mp4Error(f"there is no {type_.decode('latin-1')}")


_Changes = Mapping[bytes, Callable[[bytes, Box], bytes]]
"""By the type of a box, what stands in its place, made of the head that it is in."""


def _changed(head: bytes, parent: Box, changes: _Changes) -> bytes:
    """Return a box with others in the place of some that are in it, at any depth."""
    parts = []
    for part in boxes(head, parent.start, parent.end):
        if part.type in changes:
            parts.append(changes[part.type](head, part))
        elif part.type in _NESTED:
            parts.append(_changed(head, part, changes))
        else:
            parts.append(head[part.head : part.end])
    return box(parent.type, *parts)


def _numbered(head: bytes, tkhd: Box, *, number: int, enabled: bool) -> bytes:
    """Return a tkhd (8.3.2) with another track_ID, and whether the track plays unasked."""
    made = bytearray(head[tkhd.start : tkhd.end])
    made[3] = made[3] | _ENABLED if enabled else made[3] & ~_ENABLED
    struct.pack_into(">I", made, _number_at(head, tkhd) - tkhd.start, number)
    return box(b"tkhd", bytes(made))


def _widened(head: bytes, tkhd: Box, *, ratio: Fraction) -> bytes:
    """Return a tkhd (8.3.2) at whose end the width, as 16.16, is that of the shown picture."""
    made = bytearray(head[tkhd.start : tkhd.end])
    (width,) = struct.unpack_from(">I", made, len(made) - 8)
    struct.pack_into(">I", made, len(made) - 8, min(round(width * ratio), 0xFFFFFFFF))
    return box(b"tkhd", bytes(made))


def _shaped(head: bytes, stsd: Box, *, ratio: Fraction) -> bytes:
    """Return a stsd whose one entry has the shape of its pixels (12.1.4)."""
    (entry,) = boxes(head, stsd.start + 8, stsd.end)
    kept = [
        head[part.head : part.end]
        for part in boxes(head, entry.head + _VISUAL_ENTRY, entry.end)
        if part.type != b"pasp"
    ]
    shape = box(b"pasp", struct.pack(">II", *ratio.limit_denominator(1 << 16).as_integer_ratio()))
    fixed = head[entry.start : entry.head + _VISUAL_ENTRY]
    return box(b"stsd", head[stsd.start : stsd.start + 8], box(entry.type, fixed, *kept, shape))


def sample_entry(head: bytes) -> dict[bytes, bytes]:
    """
    Return the payloads of the boxes in the sample entry of a head's only track, by type.

    @param head: that of one track of pictures: C{avcC}, C{vpcC}.
    @raise Mp4Error: when the head cannot be read.
    """
    found = _whole(head)
    for type_ in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        found = _only(head, found, type_)
    (entry,) = boxes(head, found.start + 8, found.end)
    return {
        part.type: head[part.start : part.end]
        for part in boxes(head, entry.head + _VISUAL_ENTRY, entry.end)
    }


def fits(track: Track) -> bool:
    """Whether a track can live in MP4: a player reads it there, and libavformat describes it."""
    return track.codec in CODECS and bool(track.mp4_head)


PIECE_SPAN = 1 << 62
"""
Microseconds of a piece in a file, if no keyframe ends it before: any number. A piece is one moof,
and when it has sought, libavformat, which is in Chromium, too, finds nothing that the index does
not name, and no keyframe but those that pieces begin with.
"""

FILE = FileLayout(
    front=front,
    piece=Mp4Muxer.whole,
    earliest=lambda packet: min(packet.pts, packet.dts),
    span=PIECE_SPAN,
)

MP4 = Format(
    name="mp4",
    title="MP4",
    ending=".mp4",
    media_type=video_or_audio("mp4"),
    fits=fits,
    muxer=Mp4Muxer,
    file=FILE,
)
