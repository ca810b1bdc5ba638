"""Fragments of MP4 are what ISO/IEC 14496-12 says, and libavformat reads back what went in."""

from __future__ import annotations

import io
import itertools
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.stream import Disposition
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.choice import Unfit, choose
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.mp4.boxes import Mp4Error
from mkvtwist.formats.mp4.fragments import Mp4Muxer
from mkvtwist.formats.mp4.head import joined, sample_entry, timescales
from mkvtwist.formats.webm import WEBM
from mkvtwist.libav.adapters import Adapter, adapter_for
from mkvtwist.libav.header import write_header
from mkvtwist.media.packet import SECOND, Header, Packet
from tests.support import media
from tests.support.readers import ThreadedReader

VIDEO, AUDIO, TEXT = 1, 2, 3
SCALES = {VIDEO: 90_000, AUDIO: 48_000}
FRAME = 40_000
LATER = 5 * 3600 * SECOND
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
    with media.opened(clip) as container:
        made, _ = write_header([adapter_for(s) for s in container.streams], container)
    return made


def ticks(time: int, track: int) -> int:
    """Microseconds in the track's ticks, to the nearest."""
    return int(Fraction(max(0, time) * SCALES[track], SECOND) + Fraction(1, 2))


def picture(at: int) -> Packet:
    """One that is decoded and shown at that time, in microseconds."""
    return Packet(VIDEO, at, at, FRAME, False, b"picture")


def sound(at: int) -> Packet:
    """One frame of AAC."""
    return Packet(AUDIO, at, at, 21_333, True, b"sound")


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


class Sent(NamedTuple):
    """What an input became."""

    header: Header
    packets: list[Packet]


def read(case: SynchronousTestCase, source: Any) -> Sent:
    """An input, read in earnest."""
    path = case.mktemp()
    if isinstance(source, bytes):
        Path(path).write_bytes(source)
        source = path
    events = ThreadedReader(case, source).all()
    (made,) = (event for event in events if isinstance(event, Header))
    return Sent(made, [event for event in events if isinstance(event, Packet)])


def bytes_of(muxer: Muxer[Any], packets: Sequence[Packet], size: int) -> bytes:
    """The head, and the packets in fragments of so many."""
    cuts = range(0, len(packets), size)
    return muxer.head + b"".join(muxer.render(packets[at : at + size]) for at in cuts)


def decoded(data: bytes) -> dict[int, list[tuple[int, str]]]:
    """What is shown, by track: time in microseconds, digest."""
    shown: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for frame in media.frames(data, numbers=False):
        assert frame.pts is not None
        shown[frame.track].append((frame.pts, frame.digest))
    return shown


def check_shown(
    case: SynchronousTestCase,
    got: dict[int, list[tuple[int, str]]],
    expected: dict[int, list[tuple[int, str]]],
    begin: int,
    late: int = 0,
) -> None:
    """
    What is shown is the same, to a millisecond (Matroska's times are whole ones), from a quarter of
    a second on: Matroska states how much primes a decoder, others do not.

    @param late: how much later all of it is than expected.
    """
    case.assertEqual(len(got), len(expected))
    for track, shown in expected.items():
        mine = [frame for frame in shown if frame[0] >= begin]
        theirs = got[track][-len(mine) :]
        case.assertEqual([digest for _, digest in theirs], [digest for _, digest in mine])
        for (time, _), (other, _) in zip(theirs, mine, strict=True):
            case.assertApproximates(time - late, other, 1000)


class ReadBackTests(SynchronousTestCase):
    """What libavformat reads and libavcodec decodes, of a client who joins in the middle."""

    def sent(self, video: str | None, audio: str | None, **more: Any) -> Sent:
        """A clip, read in earnest."""
        for name in (video, audio):
            if name and name not in av.codecs_available:
                raise SkipTest(f"this PyAV has no encoder {name}")
        return read(self, media.clip(video=video, audio=audio, **more))

    def check(self, video: str | None, audio: str | None, **more: Any) -> None:
        """The packets that went in come out, and decode to what Matroska's decode to."""
        made = self.sent(video, audio, seconds=4, **more)
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


class HeadTests(SynchronousTestCase):
    """What the head says of the tracks."""

    def tracks(self, source: Any) -> tuple[Header, list[dict[str, Any]]]:
        """What a player reads in the MP4 of a clip."""
        made = read(self, source)
        tracks, _ = media.parameters(bytes_of(media.all_of(MP4, made.header), made.packets, 100))
        return made.header, tracks

    def test_languages(self) -> None:
        """Languages and titles are kept; the default track is the one that plays unasked."""
        clip = media.clip(seconds=1, languages=("eng", "deu"), default=1, subtitles=WORDS)
        header, (video, first, second) = self.tracks(clip)
        self.assertEqual([t.number for t in header.tracks], [1, 2, 3, 4])
        self.assertEqual(first["metadata"]["language"], "eng")
        self.assertEqual(second["metadata"]["language"], "deu")
        self.assertEqual(
            [t["disposition"] for t in (video, first, second)],
            [Disposition.default, Disposition(0), Disposition.default],
        )
        self.assertEqual(MP4.fitting(header.tracks), {1, 2, 3})

    def test_selected(self) -> None:
        """A head with some of the tracks has only these, and one of each type plays unasked."""
        clip = media.clip(seconds=1, languages=("eng", "deu"), default=1)
        made = read(self, clip)
        for numbers, languages in (
            ({1, 2}, ["und", "eng"]),
            ({1, 3}, ["und", "deu"]),
            ({2}, ["eng"]),
        ):
            chosen = Mp4Muxer(made.header, numbers)
            data = chosen.head + b"".join(chosen.render([packet]) for packet in made.packets)
            tracks, _ = media.parameters(data)
            self.assertEqual([t["metadata"].get("language") for t in tracks], languages)
            self.assertTrue(all(t["disposition"] == Disposition.default for t in tracks))
            mine = [packet.data for packet in made.packets if packet.track in numbers]
            self.assertEqual(len(media.packets(data)), len(mine))

    def test_no_default(self) -> None:
        """Where no track says that it is the default one, the first of its type is."""
        clip = media.clip(seconds=1, languages=("eng", "deu"), container="mpegts")
        _, tracks = self.tracks(clip)
        self.assertEqual(
            [t["disposition"] for t in tracks],
            [Disposition.default, Disposition.default, Disposition(0)],
        )

    def test_shape(self) -> None:
        """Anamorphic pictures are shown in their shape, exactly."""
        for container in ("matroska", "mpegts", "mp4"):
            clip = media.clip(container=container, seconds=1, sar=Fraction(64, 45))
            header, (video, _) = self.tracks(clip)
            self.assertEqual(video["sar"], Fraction(64, 45), container)
            trak, _ = mp4_boxes(media.all_of(MP4, header).head, "moov", "trak")
            (tkhd,) = mp4_boxes(trak, "tkhd")
            width, height = struct.unpack(">II", tkhd[-8:])
            self.assertEqual((round(width / 65536), height >> 16), (round(160 * 64 / 45), 120))

    def test_rotation(self) -> None:
        """Pictures that are to be turned are turned."""
        made = read(self, turned(media.clip(container="mp4", seconds=1)))
        with media.opened(bytes_of(media.all_of(MP4, made.header), made.packets, 100)) as container:
            self.assertEqual(abs(next(container.decode(video=0)).rotation), 90)

    def test_layout(self) -> None:
        """Channels and sample rate are kept, and sound is counted in samples."""
        clip = media.clip(video=None, seconds=1, sample_rate=44_100, channels=1)
        header, (audio,) = self.tracks(clip)
        self.assertEqual((audio["sample_rate"], audio["channels"]), (44_100, 1))
        self.assertEqual(timescales(media.all_of(MP4, header).head), {1: 44_100})

    def test_hevc_name(self) -> None:
        """HEVC is called hvc1, without which Apple's players do not take it."""
        made = read(self, media.clip(video="libx265", audio=None, seconds=0.5))
        self.assertIn(b"hvc1", media.all_of(MP4, made.header).head)

    def test_boxes(self) -> None:
        """The head is ftyp and moov; there are no edit lists, and numbers are Matroska's."""
        clip = media.clip(video="libvpx-vp9", audio="ac3", seconds=1)
        head = media.all_of(MP4, read(self, clip).header).head
        self.assertEqual([type_ for type_, _, _ in parsed(head)], ["ftyp", "moov"])
        for trak in mp4_boxes(head, "moov", "trak"):
            self.assertEqual([type_ for type_, _, _ in parsed(trak)], ["tkhd", "mdia"])
        numbers = [trex[4:8].hex() for trex in mp4_boxes(head, "moov", "mvex", "trex")]
        self.assertEqual(numbers, ["00000001", "00000002"])
        (mvhd,) = mp4_boxes(head, "moov", "mvhd")
        self.assertEqual(mvhd[-4:].hex(), "00000003")

    def test_vp9_string(self) -> None:
        """VP9 is named with profile, level and depth, without which browsers refuse it in MP4."""
        made = read(self, media.clip(video="libvpx-vp9", audio=None, seconds=0.5))
        self.assertEqual([t.codec_string for t in made.header.tracks], ["vp09.00.10.08"])

    def test_malformed(self) -> None:
        """A head that is none is told from one."""
        for data in (b"moov", b"\0\0\0\4moov", b"\0\0\0\x10moov", b"\0\0\0\x10moov\0\0\0\x08trak"):
            self.assertRaises(Mp4Error, timescales, data)
            self.assertRaises(Mp4Error, joined, {1: data}, ())
            self.assertRaises(Mp4Error, sample_entry, data)


class UnfitTests(SynchronousTestCase):
    """Which formats a stream can be sent in, and why not in the others."""

    def formats(self, **more: Any) -> tuple[list[str], dict[str, str]]:
        """The formats that there are, and what is said of the others."""
        with media.opened(media.clip(seconds=0.2, **more)) as container:
            adapters = [adapter_for(stream) for stream in container.streams]
            for packet in container.demux():
                if packet.size:
                    list(adapters[packet.stream_index].packets(packet))
            header, _ = write_header(adapters, container)
        unfit = {}
        for format_ in (MP4, WEBM):
            try:
                choose(header, format_)
            except Unfit as problem:
                unfit[format_.name] = str(problem)
        found = {f.name for f in (MATROSKA, MP4, WEBM) if f.fitting(header.tracks)}
        return sorted(found), unfit

    def test_all(self) -> None:
        """AV1 and Opus live in all of them; subtitles stand in nobody's way."""
        found = self.formats(video="libsvtav1", audio="libopus", subtitles=WORDS)
        self.assertEqual(found, (["matroska", "mp4", "webm"], {}))

    def test_named(self) -> None:
        """The tracks that a format has no place for are named."""
        found = self.formats(video="libvpx", audio="mp2")
        self.assertEqual(
            found,
            (
                ["matroska", "mp4", "webm"],
                {
                    "webm": "track 2 (audio, mp2) cannot live in WebM; ask for .mkv instead, or for"
                    " a part of it: .webm?tracks=1",
                    "mp4": "track 1 (video, vp8) cannot live in MP4; ask for .mkv instead, or for"
                    " a part of it: .webm?tracks=1",
                },
            ),
        )
        _, unfit = self.formats()
        self.assertEqual(
            unfit["webm"],
            "track 1 (video, h264) and track 2 (audio, aac) cannot live in WebM;"
            " ask for .mkv or .mp4 or .ts instead",
        )

    def test_only_subtitles(self) -> None:
        """Of subtitles alone there is nothing to send but in Matroska."""
        formats, unfit = self.formats(video=None, audio=None, subtitles=WORDS)
        self.assertEqual(formats, ["matroska"])
        for name, title in (("mp4", "MP4"), ("webm", "WebM")):
            why = f"there are only subtitles, which are not sent in {title}; ask for .mkv instead"
            self.assertEqual(unfit[name], why)

    def test_refused(self) -> None:
        """What libavformat refuses to describe keeps the stream out of MP4, and harms nothing."""
        for sample in (b"", b"x", bytes(4000)):
            with media.opened(media.clip(audio="ac3", seconds=0.2)) as container:
                adapters: list[Adapter] = [adapter_for(stream) for stream in container.streams]
                adapters[1].sample = sample
                header, _ = write_header(adapters, container)
            self.assertEqual(MP4.fitting(header.tracks), {1})
            problem = self.assertRaises(Unfit, choose, header, MP4)
            self.assertIn("track 2 (audio, ac3) cannot live in MP4", str(problem))
            self.assertEqual(len(header.tracks), 2)


def mp4_boxes(data: bytes, *path: str) -> list[bytes]:
    """The payloads of the boxes that lie at a path."""
    found = [data]
    for name in path:
        found = [body for part in found for type_, body, _ in parsed(part) if type_ == name]
    return found


def turned(source: Any) -> bytes:
    """An MP4 whose pictures are to be turned by 90 degrees."""
    data: bytes = source.read_bytes()
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    aside = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 120 << 16, 0, 1 << 30)
    at = data.index(b"tkhd")
    at = data.index(upright, at)
    return data[:at] + aside + data[at + len(upright) :]
