"""
The head of an MP4 stream, ftyp and moov: put together, and read (I{pure}).

libavformat describes each track in a file of its own, since it knows what every codec's sample
entry has to say; here the descriptions become one head. There is no edit list: what is in a track
stands at the time that it is shown, the sound that primes a decoder included.
"""

import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial

from mkvtwist.formats.mp4.boxes import Box, after_dates, box, boxes, child, whole
from mkvtwist.media.packet import Track

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

_VISUAL_ENTRY = 8 + 78
"""Bytes of a VisualSampleEntry before the boxes in it (12.1.3.2)."""

_ENABLED = 1
"""The flag in a tkhd of a track that plays unasked."""

_NESTED = frozenset({b"trak", b"mdia", b"minf", b"stbl"})
"""Types of boxes on the way to those that are changed."""

_Changes = Mapping[bytes, Callable[[bytes, Box], bytes]]
"""By the type of a box, what stands in its place, made of the head that it is in."""


def timescales(head: bytes) -> dict[int, int]:
    """
    Return each track's ticks a second.

    @raise Mp4Error: when the head cannot be read.
    """
    scales = {}
    for trak in _tracks(head):
        mdhd = child(head, child(head, trak, b"mdia"), b"mdhd")
        (scale,) = struct.unpack_from(">I", head, after_dates(head, mdhd))
        scales[_track_id(head, trak)] = scale
    return scales


def _tracks(head: bytes) -> Iterator[Box]:
    for top in boxes(head, 0, len(head)):
        if top.type == b"moov":
            for part in boxes(head, top.start, top.end):
                if part.type == b"trak":
                    yield part


def _track_id(head: bytes, trak: Box) -> int:
    at = after_dates(head, child(head, trak, b"tkhd"))
    return int.from_bytes(head[at : at + 4], "big")


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
        moov = child(head, whole(head), b"moov")
        trak = child(head, moov, b"trak")
        trex = child(head, child(head, moov, b"mvex"), b"trex")
        mvhd = child(head, moov, b"mvhd")
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


def playing(tracks: Sequence[Track]) -> set[int]:
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
    moov = child(head, whole(head), b"moov")
    changes: _Changes = {
        b"tkhd": partial(_widened, ratio=ratio),
        b"stsd": partial(_shaped, ratio=ratio),
    }
    return head[: moov.head] + _changed(head, moov, changes) + head[moov.end :]


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
    struct.pack_into(">I", made, after_dates(head, tkhd) - tkhd.start, number)
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
    found = whole(head)
    for type_ in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        found = child(head, found, type_)
    (entry,) = boxes(head, found.start + 8, found.end)
    return {
        part.type: head[part.start : part.end]
        for part in boxes(head, entry.head + _VISUAL_ENTRY, entry.end)
    }
