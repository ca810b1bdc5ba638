"""Fragments of MP4 are what ISO/IEC 14496-12 says, and libavformat reads back what went in."""

from __future__ import annotations

import io
import itertools
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.mp4.fragments import Mp4Muxer
from mkvtwist.media.packet import SECOND, Packet
from tests.support import media
from tests.support.mp4 import counted, header, parsed, samples
from tests.support.packets import AUDIO, FRAME, TEXT, VIDEO, jumping_packets
from tests.support.read_back import LATER, bytes_of, check_shown, decoded, read_clip

SCALES = {VIDEO: 90_000, AUDIO: 48_000}


def ticks(time: int, track: int) -> int:
    """Microseconds in the track's ticks, to the nearest."""
    return int(Fraction(max(0, time) * SCALES[track], SECOND) + Fraction(1, 2))


def picture(at: int) -> Packet:
    """One that is decoded and shown at that time, in microseconds."""
    return Packet(VIDEO, at, at, FRAME, False, b"picture")


def sound(at: int) -> Packet:
    """One frame of AAC."""
    return Packet(AUDIO, at, at, 21_333, True, b"sound")


def packets() -> st.SearchStrategy[list[Packet]]:
    """Packets that begin at and far from 0."""
    beginnings = (0, FRAME, 26 * 3600 * SECOND, 10**15)
    return jumping_packets(beginnings, st.binary(min_size=1, max_size=300))


class FragmentTests(SynchronousTestCase):
    """What L{Mp4Muxer.render} makes, read by a parser that knows nothing of it."""

    def setUp(self) -> None:
        made = header()
        self.mp4 = Mp4Muxer(made, MP4.fitting(made.tracks))

    def check(self, made: Sequence[Packet], data: bytes) -> None:
        """Each packet is there, at its time to the nearest tick."""
        got = samples(data)
        for track in (VIDEO, AUDIO):
            theirs = [sample for sample in got if sample.track == track]
            mine = [packet for packet in made if packet.track == track]
            self.assertEqual(
                [(s.dts, s.pts, s.key, s.data) for s in theirs],
                [(ticks(p.dts, track), ticks(p.pts, track), p.key, p.data) for p in mine],
            )
        self.assertNotIn(TEXT, {sample.track for sample in got})

    @given(packets())
    @example(
        [Packet(VIDEO, n * 47_722 * SECOND, n * 47_722 * SECOND, 0, True, b"x") for n in (0, 1)]
    )
    def test_any(self, made: list[Packet]) -> None:
        """Any packets come back as they went in, whether together or one by one."""
        self.check(made, self.mp4.render(made))
        self.check(made, b"".join(self.mp4.render([packet]) for packet in made))

    @given(packets())
    def test_pictures(self, made: list[Packet]) -> None:
        """
        A moof has one picture, however many come together: GStreamer takes from their number a
        frame rate, whose change costs all pictures up to the next keyframe.
        """
        pictures = sum(packet.track == VIDEO for packet in made)
        tracks = counted(self.mp4.render(made))
        self.assertEqual([there.get(VIDEO) for there in tracks[:pictures]], [1] * pictures)
        for there in tracks[pictures:]:
            self.assertNotIn(VIDEO, there)

    def test_sound(self) -> None:
        """Sound stays together, in the first moof."""
        heard = [sound(n * 20_000) for n in range(4)]
        seen = [picture(n * FRAME) for n in range(2)]
        data = self.mp4.render([seen[0], *heard[:3], seen[1], heard[3]])
        self.assertEqual(counted(data), [{VIDEO: 1, AUDIO: 4}, {VIDEO: 1}])
        self.assertEqual(counted(self.mp4.render(heard)), [{AUDIO: 4}])
        self.assertEqual(self.mp4.render([Packet(TEXT, 0, 0, SECOND, True, b"x")]), b"")

    @given(packets())
    def test_durations(self, made: list[Packet]) -> None:
        """A sample lasts until the next one of its track; the last one as long as it says."""
        got = samples(self.mp4.render(made))
        for track in {sample.track for sample in got}:
            theirs = [sample for sample in got if sample.track == track]
            last = next(p for p in reversed(made) if p.track == track)
            for sample, following in itertools.pairwise(theirs):
                if following.dts - sample.dts < 1 << 32:
                    self.assertEqual(sample.duration, following.dts - sample.dts)
            lasts = ticks(last.dts + (last.duration or FRAME), track) - ticks(last.dts, track)
            self.assertEqual(theirs[-1].duration, lasts)

    def test_unknown_duration(self) -> None:
        """A last packet that does not say how long it lasts, lasts as its track's pictures do."""
        (sample,) = samples(self.mp4.render([Packet(VIDEO, 0, 0, 0, True, b"x")]))
        self.assertEqual(sample.duration, 90_000 // 25)
        (sample,) = samples(self.mp4.render([Packet(AUDIO, 0, 0, 0, True, b"x")]))
        self.assertEqual(sample.duration, 48_000 // 25)

    def test_as_they_come(self) -> None:
        """
        The newest picture lasts for two, or as long as one was waited for of late; others until the
        next one; sound as long as it says.
        """
        for pause, lasts in ((0, 3 * 1800), (FRAME, 3 * 1800), (SECOND // 2, 45_000)):
            made = [picture(0), sound(0), picture(3 * FRAME)]
            seen = samples(self.mp4.live(made, pause, None))
            self.assertEqual([s.duration for s in seen if s.track == VIDEO], [3 * 3600, lasts])
            self.assertEqual([s.duration for s in seen if s.track == AUDIO], [1024])
            self.check(made, self.mp4.live(made, pause, None))

    def test_whole(self) -> None:
        """A piece of a file is one moof, whose pictures last until the next one."""
        made = [picture(0), sound(0), picture(3 * FRAME), sound(21_333), picture(4 * FRAME)]
        data = self.mp4.whole(made)
        self.check(made, data)
        self.assertEqual(counted(data), [{VIDEO: 3, AUDIO: 2}])
        self.assertEqual(
            [s.duration for s in samples(data) if s.track == VIDEO], [3 * 3600, 3600, 3600]
        )

    def test_damaged_times(self) -> None:
        """What no field can hold becomes the most that it holds; what follows is in its place."""
        absurd = [
            Packet(VIDEO, 10**12, 0, 86_400 * SECOND, True, b"x"),
            Packet(VIDEO, 10**12, 10**12, 86_400 * SECOND, True, b"y"),
        ]
        first, second = samples(self.mp4.render(absurd))
        self.assertEqual((first.duration, first.pts), (0xFFFFFFFF, 0x7FFFFFFF))
        self.assertEqual((second.dts, second.duration), (ticks(10**12, VIDEO), 0xFFFFFFFF))

    def test_no_drift(self) -> None:
        """An hour of 29.97 pictures a second is an hour, whoever cuts it into fragments."""
        times = [n * 1001 * SECOND // 30_000 for n in range(0, 107_892, 9)]
        made = [Packet(VIDEO, time, time, 33_366, True, b"x") for time in times]
        got = samples(b"".join(self.mp4.render(made[n : n + 7]) for n in range(0, len(made), 7)))
        self.assertEqual([s.dts for s in got], [ticks(time, VIDEO) for time in times])
        self.assertApproximates(got[-1].dts / 90_000, times[-1] / SECOND, 1e-5)

    def test_bytes(self) -> None:
        """A fragment is what ISO/IEC 14496-12 says, byte by byte."""
        data = self.mp4.render([Packet(VIDEO, SECOND + FRAME, SECOND, FRAME, False, b"data")])
        self.assertEqual(
            data.hex(),
            "00000068 6d6f6f66"
            " 00000010 6d666864 00000000 000003e9"
            " 00000050 74726166"
            " 00000010 74666864 00020000 00000001"
            " 00000014 74666474 01000000 0000000000015f90"
            " 00000024 7472756e 01000f01 00000001 00000070"
            " 00000e10 00000004 01010000 00000e10"
            " 0000000c 6d646174 64617461".replace(" ", ""),
        )

    def test_nothing(self) -> None:
        """Nothing is sent for no packets, nor for those of a track that is not in the head."""
        self.assertEqual(self.mp4.render([]), b"")
        self.assertEqual(self.mp4.render([Packet(TEXT, 0, 0, SECOND, True, b"x")]), b"")

    def test_before_0(self) -> None:
        """No time is before 0: what would be is at 0."""
        got = samples(self.mp4.render([Packet(AUDIO, -1, -1, 21_333, True, b"x")]))
        self.assertEqual([(s.dts, s.pts) for s in got], [(0, 0)])

    def test_number(self) -> None:
        """A fragment's number is its time, so that the same packets are always the same bytes."""
        made = [Packet(VIDEO, time, time, FRAME, True, b"x") for time in (0, SECOND, 2**32 * 1000)]
        numbers = []
        for packet in made:
            (_, moof, _), _ = parsed(self.mp4.render([packet]))
            numbers.append(int.from_bytes(moof[12:16], "big"))
            self.assertEqual(
                self.mp4.render([packet]), media.all_of(MP4, header()).render([packet])
            )
        self.assertEqual(numbers, [1, 1001, 1])


class ReadBackTests(SynchronousTestCase):
    """What libavformat reads and libavcodec decodes, of a client who joins in the middle."""

    def check(self, video: str | None, audio: str | None, **more: Any) -> None:
        """The packets that went in come out, and decode to what Matroska's decode to."""
        made = read_clip(self, video, audio, seconds=4, **more)
        first = next((n for n, p in enumerate(made.packets) if p.key and p.dts > 15 * SECOND // 10))
        if made.header.has_video:
            first = [n for n, p in enumerate(made.packets) if p.key and p.track == VIDEO][1]
        later = [
            packet._replace(pts=packet.pts + LATER, dts=packet.dts + LATER, extra=None)
            for packet in made.packets[first:]
        ]
        expected = decoded(bytes_of(MatroskaMuxer(made.header), later, 3))
        for size in (1, 7, len(later)):
            data = bytes_of(media.all_of(MP4, made.header), later, size)
            self.check_packets(data, later, contiguous=size > 1)
            check_shown(self, decoded(data), expected, later[0].dts + SECOND // 4)

    def check_packets(self, data: bytes, made: list[Packet], *, contiguous: bool) -> None:
        """What libavformat reads is what was written."""
        found: dict[int, list[Any]] = defaultdict(list)
        flags = {"fflags": "nofillin+noparse"}
        with av.open(io.BytesIO(data), "r", options=flags) as container:
            for packet in container.demux():
                if packet.size:
                    found[packet.stream.id].append(packet)
            bases = {stream.id: stream.time_base for stream in container.streams}
        self.assertEqual(set(found), {packet.track for packet in made})
        for track, theirs in found.items():
            mine = [packet for packet in made if packet.track == track]
            scale = int(1 / (bases[track] or 1))
            self.assertEqual([bytes(p) for p in theirs], [p.data for p in mine])
            self.assertEqual([p.is_keyframe for p in theirs], [p.key for p in mine])
            for kind in ("dts", "pts"):
                self.assertEqual(
                    [getattr(p, kind) for p in theirs],
                    [(getattr(p, kind) * scale + SECOND // 2) // SECOND for p in mine],
                )
            if contiguous:
                for one, following in itertools.pairwise(theirs):
                    self.assertApproximates(one.duration, following.dts - one.dts, scale // 500)

    def test_h264_aac(self) -> None:
        """H.264 with B-frames, and AAC."""
        self.check("libx264", "aac", bframes=2)

    def test_hevc_opus(self) -> None:
        """HEVC with B-frames, and Opus."""
        self.check("libx265", "libopus", bframes=2)

    def test_av1_flac(self) -> None:
        """AV1 and FLAC."""
        self.check("libsvtav1", "flac")

    def test_vp9_ac3(self) -> None:
        """VP9 and AC-3."""
        self.check("libvpx-vp9", "ac3")

    def test_mpeg4_mp3(self) -> None:
        """MPEG-4 with B-frames, and MP3."""
        self.check("mpeg4", "libmp3lame", bframes=2)

    def test_mpeg2_eac3(self) -> None:
        """MPEG-2 and E-AC-3."""
        self.check("mpeg2video", "eac3")

    def test_alac(self) -> None:
        """ALAC alone."""
        self.check(None, "alac", container="mov")

    def test_transport_stream(self) -> None:
        """What comes without setups in its header: H.264 and AC-3 in MPEG-TS."""
        self.check("libx264", "ac3", bframes=2, container="mpegts")
