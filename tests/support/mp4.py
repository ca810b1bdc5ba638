"""MP4 as tests read it, with a parser that knows nothing of how it was written."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from mkvtwist.media.packet import Header
from tests.support import media
from tests.support.adapters import described

WORDS = [(0.1, 0.5, "Hello")]


class Sample(NamedTuple):
    """One sample as a fragment describes it; times are in ticks of its track."""

    track: int
    dts: int
    pts: int
    duration: int
    key: bool
    data: bytes


def parsed(data: bytes) -> Iterator[tuple[str, bytes, int]]:
    """The boxes side by side in some bytes: type, payload, where the box begins."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        assert 8 <= size <= len(data) - at, (size, at)
        yield data[at + 4 : at + 8].decode("ascii"), data[at + 8 : at + size], at
        at += size


def samples(data: bytes) -> list[Sample]:
    """What fragments say of their samples, and the bytes that they point at, box by box."""
    found: list[Sample] = []
    parts = list(parsed(data))
    assert [type_ for type_, _, _ in parts] == ["moof", "mdat"] * (len(parts) // 2)
    for type_, moof, at in parts:
        if type_ == "moof":
            (kind, number, _), *trafs = parsed(moof)
            assert kind == "mfhd"
            assert number[:4] == bytes(4)
            for name, traf, _ in trafs:
                assert name == "traf"
                found += in_traf(data, at, traf)
    return found


def counted(data: bytes) -> list[dict[int, int]]:
    """How many samples of which track there are, moof by moof; a track is in each once at most."""
    found = []
    for moof in mp4_boxes(data, "moof"):
        tracks: dict[int, int] = {}
        for traf in mp4_boxes(moof, "traf"):
            (tfhd,), (trun,) = mp4_boxes(traf, "tfhd"), mp4_boxes(traf, "trun")
            track = int.from_bytes(tfhd[4:8], "big")
            assert track not in tracks, "GStreamer forgets the first of two"
            tracks[track] = int.from_bytes(trun[4:8], "big")
        found.append(tracks)
    return found


def in_traf(data: bytes, base: int, traf: bytes) -> Iterator[Sample]:
    """The samples of one track fragment."""
    (head, tfhd, _), (time, tfdt, _), (run, trun, _) = parsed(traf)
    assert (head, time, run) == ("tfhd", "tfdt", "trun")
    assert tfhd[:4].hex() == "00020000", "the base is the moof, nothing else is here"
    (track,) = struct.unpack(">I", tfhd[4:])
    assert tfdt[:4].hex() == "01000000", "64 bits"
    (dts,) = struct.unpack(">Q", tfdt[4:])
    assert trun[:4].hex() == "01000f01", "signed offsets; an offset, four fields a sample"
    count, at = struct.unpack_from(">Ii", trun, 4)
    assert len(trun) == 12 + 16 * count
    at += base
    for duration, size, flags, offset in struct.iter_unpack(">IIIi", trun[12:]):
        assert flags in (0x02000000, 0x01010000)
        key = flags == 0x02000000
        yield Sample(track, dts, dts + offset, duration, key, data[at : at + size])
        dts += duration
        at += size


def header(**more: Any) -> Header:
    """A header for H.264, AAC and SubRip, as it is written in earnest."""
    clip = media.clip(seconds=0.2, subtitles=[(0, 0.1, "x")], **more)
    return described(clip)


def mp4_boxes(data: bytes, *path: str) -> list[bytes]:
    """The payloads of the boxes that lie at a path."""
    found = [data]
    for name in path:
        found = [body for part in found for type_, body, _ in parsed(part) if type_ == name]
    return found
