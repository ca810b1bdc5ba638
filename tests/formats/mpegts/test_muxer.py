"""Transport streams are what ISO/IEC 13818-1 says, and libavformat reads back what went in."""

from __future__ import annotations

import io
import itertools
import struct
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

import av
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.mpegts import MPEG_TS
from mkvtwist.formats.mpegts.muxer import CLOCK_PATIENCE, CLOCK_PERIOD, TABLES_INTERVAL, Counters
from mkvtwist.formats.mpegts.pes import LEAD
from mkvtwist.media.packet import SECOND, Header, Packet
from tests.support import media
from tests.support.mpegts import (
    H264_SETS,
    HEVC_SETS,
    PICTURES,
    WRAP,
    Pes,
    Stream,
    cut,
    frame,
    header,
    parsed,
    prefixed,
    sent,
    texts,
    ticks,
    units,
)
from tests.support.packets import AUDIO, FRAME, TEXT, VIDEO, jumping_packets
from tests.support.read_back import LATER, Sent, bytes_of, check_shown, decoded, read, read_clip


def packets() -> st.SearchStrategy[list[Packet]]:
    """Packets that begin around and far from 0, some of which fill many transport packets."""
    beginnings = (-LEAD - 1, -1, 0, FRAME, 26 * 3600 * SECOND, 10**15)
    heads = st.binary(min_size=1, max_size=8)
    sizes = st.one_of(st.integers(0, 600), st.sampled_from([3000, 65_600]))
    return jumping_packets(beginnings, st.builds(lambda a, n: a + bytes(n), heads, sizes))


class TransportTests(SynchronousTestCase):
    """What L{MPEG_TS}' muxer makes, read by a parser that knows nothing of it."""

    def setUp(self) -> None:
        self.header = texts()
        self.format = media.all_of(MPEG_TS, self.header)

    def check(self, made: Sequence[Packet], stream: Stream) -> None:
        """Each packet is there, at its time to the nearest tick; no counter leaps."""
        setup = self.header.tracks[0].codec_private
        for track in (VIDEO, AUDIO):
            mine = [packet for packet in made if packet.track == track]
            before = setup if track == VIDEO else b""
            self.assertEqual(
                [(p.dts, p.pts, p.key, p.payload) for p in stream.of(track)],
                [
                    (ticks(p.dts), ticks(p.pts), p.key, (before if p.key else b"") + p.data)
                    for p in mine
                ],
            )
        self.assertEqual(stream.of(TEXT), [])
        for pid, counters in stream.counters.items():
            self.assertEqual(counters, [n % 16 for n in range(len(counters))], pid)

    @given(packets())
    @example([frame(data=bytes(100_000)), frame(FRAME, key=True, data=bytes(184 * 16))])
    def test_any(self, made: list[Packet]) -> None:
        """Any packets come back as they went in, whether together or one by one."""
        for size in (len(made), 1, 3):
            self.check(made, parsed(b"".join(sent(self.format, cut(made, size)))))

    @given(packets())
    def test_advance(self, made: list[Packet]) -> None:
        """What is said of the counters, without making the bytes, is what the bytes have."""
        counters = self.format.start
        order = (0, 0x1000, 0x100 + VIDEO, 0x100 + AUDIO)
        for fragment in cut(made, 2):
            found = parsed(self.format.live(fragment, 0, counters)).counters
            for place, pid in enumerate(order):
                if pid in found:
                    self.assertEqual(found[pid][0], counters.following[place])
            following = self.format.advance(fragment, counters)
            self.assertEqual(
                following.following,
                tuple(
                    (counter + len(found.get(pid, ()))) % 16
                    for counter, pid in zip(counters.following, order, strict=True)
                ),
            )
            counters = following

    @given(st.lists(st.binary(max_size=400), max_size=8), st.booleans(), st.integers(0, 15))
    def test_damaged(self, payloads: list[bytes], key: bool, counter: int) -> None:
        """Of damaged NAL units and AAC there is as much as was said; what is sent is whole."""
        format_ = media.all_of(MPEG_TS, header("libx264", "aac"))
        made = [
            frame(data=data, key=key)._replace(track=1 + n % 2) for n, data in enumerate(payloads)
        ]
        before = Counters((counter,) * 4)
        data = format_.live(made, 0, before)
        found = parsed(data).counters
        self.assertEqual(
            format_.advance(made, before).following,
            tuple((counter + len(found.get(pid, ()))) % 16 for pid in (0, 0x1000, 0x101, 0x102)),
        )

    def test_same_bytes(self) -> None:
        """The same packets after the same counters are the same bytes, whoever makes them."""
        made = [frame(key=True), frame(FRAME), frame(FRAME, track=AUDIO)]
        for counters in (Counters((0, 0, 0, 0)), Counters((15, 3, 14, 8), -SECOND, 0)):
            self.assertEqual(
                self.format.live(made, 0, counters),
                media.all_of(MPEG_TS, self.header).live(made, 0, counters),
            )

    def test_sizes(self) -> None:
        """Whatever its size, a packet takes no more room than it must, and is filled up rightly."""
        for track, before in ((VIDEO, 8 + 14), (AUDIO, 14)):
            for size in range(1, 600):
                packet = frame(FRAME, track=track, data=bytes([size & 0xFF]) * size)
                data = self.format.live([packet], 0, self.format.start)
                self.assertEqual(len(data), -(-(before + size) // 184) * 188)
                (found,) = parsed(data).pes
                self.assertEqual(found.payload, packet.data)

    def test_bytes(self) -> None:
        """A packet is what ISO/IEC 13818-1 says, byte by byte."""
        packet = frame(FRAME, data=b"data", pts=2 * FRAME)
        data = self.format.live([packet], 0, Counters((0, 0, 5, 0)))
        self.assertEqual(
            data.hex(),
            (
                "47 4101 35 a0 10 000007087e00" + "ff" * 153 + "000001 e0 0011 84 c0 0a"
                " 31 0005 2471 11 0005 0851 64617461"
            ).replace(" ", ""),
        )

    def test_length(self) -> None:
        """A packet says how long it is, but for pictures that are longer than can be said."""
        for size in (1, 65_000, 65_535 - 8, 65_535 - 7, 200_000):
            (found,) = parsed(self.format.live([frame(data=bytes(size))], 0, self.format.start)).pes
            self.assertEqual(found.length, size + 8 if size + 8 <= 65_535 else 0)
            self.assertEqual(len(found.payload), size)

    def test_nothing(self) -> None:
        """Nothing is sent for no packets, nor for those of a track that has no place here."""
        for made in ([], [frame(track=TEXT, key=True)], [frame(track=9, key=True)]):
            self.assertEqual(self.format.live(made, 0, self.format.start), b"")
            self.assertEqual(self.format.advance(made, self.format.start), self.format.start)

    def test_head(self) -> None:
        """What comes first everybody passes over: the tables come with each keyframe."""
        self.assertEqual((len(self.format.head), self.format.head[:4].hex()), (188, "471fff10"))


class TimeTests(SynchronousTestCase):
    """The clock, and what is due when."""

    def setUp(self) -> None:
        self.format = media.all_of(MPEG_TS, header())

    def stream(self, made: Sequence[Packet]) -> list[Pes]:
        """What some packets become."""
        return parsed(self.format.live(made, 0, self.format.start)).pes

    @given(st.integers(0, 10**15), st.integers(0, 10 * SECOND))
    def test_clock(self, time: int, later: int) -> None:
        """The pictures have the clock, to 27 MHz; what is decoded then is so after the lead."""
        picture, sound = self.stream([frame(time, pts=time + later), frame(time, track=AUDIO)])
        self.assertEqual(picture.pcr, time * 27 % (WRAP * 300))
        self.assertEqual(sound.pcr, None)
        assert picture.pcr is not None
        ahead = (picture.dts - picture.pcr // 300) % WRAP
        self.assertApproximates(ahead, LEAD * 9 // 100, 1)
        self.assertApproximates((picture.pts - picture.dts) % WRAP, later * 9 / 100, 1)
        self.assertEqual(sound.pts, picture.dts)

    def told(self, made: Sequence[Packet], size: int = 1) -> list[float]:
        """When the clock tells the time, in seconds."""
        data = b"".join(sent(self.format, cut(made, size)))
        return [moment / 27e6 for moment in parsed(data).clock]

    def mixed(self, *tracks: Sequence[Packet]) -> list[Packet]:
        """Tracks, one packet after the other in the order of time."""
        return sorted(itertools.chain(*tracks), key=lambda packet: packet.dts)

    def pictures(self, begin: int, end: int, step: int) -> list[Packet]:
        """Pictures from one time to another."""
        return [frame(time, duration=step, key=time == begin) for time in range(begin, end, step)]

    def sounds(self, begin: int, end: int) -> list[Packet]:
        """Sound from one time to another, as Matroska has it."""
        return [
            frame(time // 1000 * 1000, track=AUDIO, duration=23_000)
            for time in range(begin, end, 23_220)
        ]

    def test_slow(self) -> None:
        """Where pictures are slow sound tells the time in between, a tenth of a second apart."""
        sounds = self.sounds(0, 10 * SECOND)
        for rate, least in ((25, 250), (10, 100), (8, 150), (5, 100), (1, 100)):
            step = SECOND // rate
            for size in (1, 7):
                told = self.told(self.mixed(self.pictures(0, 10 * SECOND, step), sounds), size)
                apart = [later - earlier for earlier, later in itertools.pairwise(told)]
                self.assertLessEqual(max(apart), CLOCK_PERIOD / SECOND + 1e-9, rate)
                self.assertGreater(min(apart), 0)
                self.assertGreaterEqual(len(told), least)
                self.assertEqual(len(told) == 10 * rate, rate >= 10, "no more than it takes")
            self.assertEqual(len(self.told(self.pictures(0, 10 * SECOND, step))), 10 * rate)

    def test_stalled(self) -> None:
        """
        Where no pictures come any more, sound tells the time when it is sure that they are not just
        late, and has the tables come, too.
        """
        pictures = [*self.pictures(0, SECOND, FRAME), *self.pictures(8 * SECOND, 9 * SECOND, FRAME)]
        made = self.mixed(pictures, self.sounds(0, 9 * SECOND))
        told = self.told(made)
        apart = [later - earlier for earlier, later in itertools.pairwise(told)]
        self.assertEqual([n for n in apart if n > CLOCK_PERIOD / SECOND], [max(apart)])
        self.assertLess(max(apart), (CLOCK_PATIENCE + CLOCK_PERIOD) / SECOND)
        self.assertGreater(min(apart), 0)
        here = self.format.start
        came = []
        for packet in made:
            data = self.format.live([packet], 0, here)
            here = self.format.advance([packet], here)
            if parsed(data).tables:
                came.append(packet.dts)
        apart_ = [later - earlier for earlier, later in itertools.pairwise(came)]
        self.assertLess(max(apart_), TABLES_INTERVAL + CLOCK_PATIENCE + CLOCK_PERIOD)
        self.assertEqual(sum(gap > TABLES_INTERVAL + CLOCK_PERIOD for gap in apart_), 1)

    def test_coarse(self) -> None:
        """Pictures that come after half a second of sound have the clock for themselves."""
        step = 12 * FRAME
        for first, second in ((self.pictures, self.sounds), (self.sounds, self.pictures)):
            made: list[Packet] = []
            for begin in range(0, 5 * SECOND, step):
                for kind in (first, second):
                    more = (FRAME,) if kind == self.pictures else ()
                    made += kind(begin, begin + step, *more)
            self.assertEqual(len(self.told(made)), len(made) - sum(p.track == AUDIO for p in made))

    def test_mistaken(self) -> None:
        """
        The clock never goes back: pictures that are before what has been told do not tell. When
        they are so by much, what others have is ahead of them: it tells nothing any more.
        """
        for begin, times in ((SECOND - 50_000, 2), (SECOND - 250_000, 1)):
            stall = self.mixed(
                self.pictures(0, FRAME, FRAME), self.sounds(0, SECOND + CLOCK_PATIENCE)
            )
            late = [frame(begin + n * FRAME) for n in range(10)]
            more = self.sounds(SECOND + CLOCK_PATIENCE, 4 * SECOND)
            told = self.told([*stall, *late, *more])
            self.assertEqual(told, sorted(set(told)))
            self.assertEqual(max(told) > 3, times == 2, begin)
            self.assertIn((begin + 9 * FRAME) / SECOND, [round(moment, 6) for moment in told])

    def test_before_0(self) -> None:
        """The clock begins at 0, and no earlier; what is before has its time as far as it can."""
        for time, due in ((-1, ticks(-1)), (-LEAD, 0), (-SECOND, 0)):
            (found,) = self.stream([frame(time)])
            self.assertEqual((found.pcr, found.pts, found.dts), (0, due, due))

    def test_damaged(self) -> None:
        """Nothing is shown before it is decoded."""
        (found,) = self.stream([frame(SECOND, pts=0)])
        self.assertEqual((found.pts, found.dts), (ticks(SECOND), ticks(SECOND)))

    def test_wrap(self) -> None:
        """Times begin anew after 33 bits, and libavformat reads on."""
        made = read(self, media.clip(seconds=3, bframes=2))
        edge = WRAP * 100 // 9  # microseconds
        for shift in (edge - SECOND, edge - LEAD - SECOND):
            later = [p._replace(pts=p.pts + shift, dts=p.dts + shift) for p in made.packets]
            data = b"".join(sent(media.all_of(MPEG_TS, made.header), cut(later, 1)))
            found = parsed(data)
            for track in (VIDEO, AUDIO):
                mine = [p for p in later if p.track == track]
                self.assertEqual(
                    [(p.pts, p.dts) for p in found.of(track)],
                    [(ticks(p.pts), ticks(p.dts)) for p in mine],
                )
            times = [p.pts for p in found.of(VIDEO)]
            self.assertGreater(max(times) - min(times), WRAP // 2)
            for track, shown in decoded(data).items():
                steps = [b - a for (a, _), (b, _) in itertools.pairwise(shown)]
                self.assertApproximates(max(steps), min(steps), 1200, track)


class ReadBackTests(SynchronousTestCase):
    """What libavformat reads and libavcodec decodes, of a client who joins in the middle."""

    def check(self, made: Sent) -> None:
        """The packets that went in come out, and decode to what Matroska's decode to."""
        number = made.header.tracks[0].number
        later = [
            packet._replace(pts=packet.pts + LATER, dts=packet.dts + LATER, extra=None)
            for packet in made.packets
        ]
        keys = [n for n, p in enumerate(later) if p.key and p.track == number]
        first = keys[1] if made.header.has_video else keys[len(keys) // 3]
        expected = decoded(bytes_of(MatroskaMuxer(made.header), later[first:], 3))
        format_ = media.all_of(MPEG_TS, made.header)
        for size in (1, 7):
            fragments = [*cut(later[:first], size), *cut(later[first:], size)]
            data = b"".join(sent(format_, fragments)[len(cut(later[:first], size)) :])
            self.check_counters(parsed(data))
            self.check_packets(made.header, data, later[first:])
            check_shown(self, decoded(data), expected, later[first].dts + SECOND // 4, LEAD)

    def check_counters(self, stream: Stream) -> None:
        """They go on by one, from wherever."""
        for pid, counters in stream.counters.items():
            self.assertEqual(counters, [(counters[0] + n) % 16 for n in range(len(counters))], pid)

    def check_packets(self, made: Header, data: bytes, packets: Sequence[Packet]) -> None:
        """What libavformat reads is what was written, to 1/90000 s."""
        codecs = {track.number: track.codec for track in made.tracks}
        found: dict[int, list[Any]] = defaultdict(list)
        with av.open(io.BytesIO(data), "r", format="mpegts") as container:
            for packet in container.demux():
                if packet.size:
                    found[packet.stream.id - 0x100].append(packet)
        self.assertEqual(set(found), set(codecs))
        for track, theirs in found.items():
            mine = [packet for packet in packets if packet.track == track]
            first = mine.index(
                next(
                    p
                    for p in mine
                    if bare(codecs[track], bytes(theirs[0])) == source(codecs[track], p)
                )
            )
            # Sound alone waits for the tables, a quarter of a second at most.
            self.assertLessEqual(first, 0 if made.has_video else 12)
            mine = mine[first:]
            self.assertEqual(
                [bare(codecs[track], bytes(p)) for p in theirs],
                [source(codecs[track], p) for p in mine],
            )
            self.assertEqual([p.pts % WRAP for p in theirs], [ticks(p.pts) for p in mine])
            self.assertEqual([p.dts % WRAP for p in theirs], [ticks(p.dts) for p in mine])
            self.assertEqual([p.is_keyframe for p in theirs], [p.key for p in mine])

    def test_h264_aac(self) -> None:
        """H.264 with B-frames, and AAC."""
        self.check(read_clip(self, "libx264", "aac", bframes=2))

    def test_hevc_ac3(self) -> None:
        """HEVC with B-frames, and AC-3."""
        self.check(read_clip(self, "libx265", "ac3", bframes=2))

    def test_mpeg2_mp2(self) -> None:
        """MPEG-2 with B-frames, and MP2."""
        self.check(read_clip(self, "mpeg2video", "mp2", bframes=2))

    def test_mpeg1_mp3(self) -> None:
        """MPEG-1, and MP3."""
        self.check(read_clip(self, "mpeg1video", "libmp3lame"))

    def test_mpeg4_opus(self) -> None:
        """MPEG-4 with B-frames, and Opus."""
        self.check(read_clip(self, "mpeg4", "libopus", bframes=2))

    def test_eac3(self) -> None:
        """E-AC-3 alone."""
        self.check(read_clip(self, None, "eac3"))

    def test_surround(self) -> None:
        """Opus and AAC of six channels."""
        for audio in ("libopus", "aac"):
            self.check(read_clip(self, None, audio, channels=6))

    def test_transport_stream(self) -> None:
        """What comes from another transport stream, or in other wrappings."""
        self.check(read_clip(self, "libx264", "aac", bframes=2, container="mpegts"))
        self.check(read_clip(self, "libx264", "aac", bframes=2, container="mp4"))
        self.check(read_clip(self, "mpeg4", "libmp3lame", container="avi"))

    def test_layout(self) -> None:
        """AAC whose channels no number stands for tells them in each frame."""
        made = read(self, quadraphonic())
        (track,) = made.header.tracks
        private = track.codec_private
        self.assertEqual(private[1] >> 3 & 15, 0)
        check_shown(
            self,
            decoded(b"".join(sent(media.all_of(MPEG_TS, made.header), cut(made.packets, 1)))),
            decoded(bytes_of(MatroskaMuxer(made.header), made.packets, 3)),
            SECOND // 4,
            LEAD,
        )
        self.assertEqual(track.channels, 4)

    def test_every_keyframe(self) -> None:
        """A client that joins at a keyframe gets that picture as the first, whole."""
        made = read_clip(self, "libx264", "aac", bframes=2)
        fragments = cut(made.packets, 1)
        data = sent(media.all_of(MPEG_TS, made.header), fragments)
        keys = [n for n, (p,) in enumerate(fragments) if p.track == VIDEO and p.key]
        self.assertGreater(len(keys), 2)
        for key in keys:
            pictures = [f for f in media.frames(b"".join(data[key:])) if f.type == "video"]
            self.assertEqual(
                [f.number for f in pictures], list(range(keys.index(key) * 25, 75)), key
            )


def bare(codec: str, data: bytes) -> bytes | list[bytes]:
    """A payload as a transport stream has it, without what was added for that."""
    if codec == "h264":
        return units(data, H264_SETS)
    if codec == "hevc":
        return units(data, HEVC_SETS)
    if codec == "aac":
        return data[7:]
    if codec in PICTURES:
        return data[data.index(PICTURES[codec]) :]
    return data


def source(codec: str, packet: Packet) -> bytes | list[bytes]:
    """A payload as we have it, in the same form."""
    if codec in ("h264", "hevc"):
        return bare(codec, prefixed(packet.data))
    return packet.data if codec == "aac" else bare(codec, packet.data)


@cache
def quadraphonic() -> bytes:
    """AAC of four channels, in the corners."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream: Any = container.add_stream("aac", rate=48_000, layout="quad")
        for n in range(100):
            block = av.AudioFrame(format="fltp", layout="quad", samples=1024)
            for channel, plane in enumerate(block.planes):
                wave = struct.pack(
                    "<1024f", *((n * 7 + i * (channel + 1)) % 97 / 100 - 0.5 for i in range(1024))
                )
                plane.update(wave)
            block.sample_rate, block.pts = 48_000, n * 1024
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return out.getvalue()
