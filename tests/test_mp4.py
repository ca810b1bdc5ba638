"""Fragments of MP4 are what ISO/IEC 14496-12 says, and libavformat reads back what went in."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.demux.adapters import adapter_for
from mkvtwist.demux.header import write_header
from mkvtwist.mp4 import Mp4
from mkvtwist.packet import SECOND, Header, Packet
from tests import media

VIDEO, AUDIO, TEXT = 1, 2, 3
SCALES = {VIDEO: 90_000, AUDIO: 48_000}
FRAME = 40_000

fast = settings(deadline=None, derandomize=True, max_examples=100)


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
    with media.opened(clip) as container:
        made, _ = write_header([adapter_for(s) for s in container.streams], container)
    return made


def ticks(time: int, track: int) -> int:
    """Microseconds in the track's ticks, to the nearest."""
    return int(Fraction(max(0, time) * SCALES[track], SECOND) + Fraction(1, 2))


@st.composite
def packets(draw: st.DrawFn) -> list[Packet]:
    """Packets of three tracks, each in decoding order, with jumps."""
    made = []
    begin = draw(st.sampled_from([0, 40_000, 26 * 3600 * SECOND, 10**15]))
    due = dict.fromkeys((VIDEO, AUDIO, TEXT), begin)
    steps = st.sampled_from([1, 333, 21_333, 33_367, FRAME, 40 * SECOND, 100_000 * SECOND])
    for _ in range(draw(st.integers(1, 12))):
        track = draw(st.sampled_from([VIDEO, VIDEO, AUDIO, TEXT]))
        due[track] += draw(steps)
        shown = due[track] + (draw(st.sampled_from([0, 0, FRAME, 5])) if track == VIDEO else 0)
        duration = draw(st.sampled_from([0, 1, 21_333, FRAME]))
        key = track != VIDEO or draw(st.booleans())
        data = draw(st.binary(min_size=1, max_size=300))
        made.append(Packet(track, shown, due[track], duration, key, data))
    return made


class FragmentTests(SynchronousTestCase):
    """What L{Mp4.render} makes, read by a parser that knows nothing of it."""

    def setUp(self) -> None:
        self.mp4 = Mp4(header())

    def check(self, made: Sequence[Packet], got: Sequence[Sample]) -> None:
        """Each packet is there, at its time to the nearest tick, for as long as it lasts."""
        by_track: dict[int, list[Packet]] = defaultdict(list)
        for packet in made:
            by_track[packet.track].append(packet)
        by_track.pop(TEXT, None)
        self.assertEqual({sample.track for sample in got}, set(by_track))
        for track, mine in by_track.items():
            theirs = [sample for sample in got if sample.track == track]
            self.assertEqual(
                [(s.dts, s.pts, s.key, s.data) for s in theirs],
                [(ticks(p.dts, track), ticks(p.pts, track), p.key, p.data) for p in mine],
            )

    @given(packets())
    @fast
    def test_any(self, made: list[Packet]) -> None:
        """Any packets come back as they went in, whether together or one by one."""
        self.check(made, samples(self.mp4.render(made)))
        self.check(made, samples(b"".join(self.mp4.render([packet]) for packet in made)))

    def test_nothing(self) -> None:
        """Nothing is sent for no packets, nor for those of a track that is not in the head."""
        self.assertEqual(self.mp4.render([]), b"")
        self.assertEqual(self.mp4.render([Packet(TEXT, 0, 0, SECOND, True, b"x")]), b"")
