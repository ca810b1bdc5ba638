"""Transport streams are what ISO/IEC 13818-1 says, and libavformat reads back what went in."""

from __future__ import annotations

import io
import itertools
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import av
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.mpegts import MPEG_TS
from mkvtwist.formats.mpegts.payload import CODECS, fits
from mkvtwist.formats.mpegts.tables import crc
from mkvtwist.formats.mpegts.transport import (
    CLOCK_PATIENCE,
    CLOCK_PERIOD,
    LEAD,
    TABLES_INTERVAL,
    Counters,
)
from mkvtwist.libav.adapters import adapter_for
from mkvtwist.libav.header import write_header
from mkvtwist.media.packet import SECOND, Header, Packet, Track
from mkvtwist.media.stored_payload import nal_units
from tests.formats.mp4.test_fragments import Sent, bytes_of, check_shown, decoded, read
from tests.support import media

VIDEO, AUDIO, TEXT = 1, 2, 3
FRAME = 40_000
LATER = 5 * 3600 * SECOND
WRAP = 1 << 33
START = b"\0\0\0\1"
H264_SETS = frozenset({7, 8, 9})
HEVC_SETS = frozenset({32, 33, 34, 35, 39})
PICTURES = {
    "mpeg1video": b"\0\0\1\0",
    "mpeg2video": b"\0\0\1\0",
    "mpeg4": b"\0\0\1\xb6",
}
"""The start codes of pictures; before the first one stands setup."""


class Cell(NamedTuple):
    """One transport packet."""

    pid: int
    begins: bool
    counter: int
    key: bool
    pcr: int | None
    payload: bytes


class Pes(NamedTuple):
    """One PES packet and what stood before it; times are in ticks of 90 kHz, PCR of 27 MHz."""

    pid: int
    id: int
    pts: int
    dts: int
    pcr: int | None
    key: bool
    length: int
    payload: bytes


class Entry(NamedTuple):
    """A track as the PMT has it."""

    type: int
    pid: int
    descriptors: list[tuple[int, bytes]]


@dataclass
class Stream:
    """What is in a transport stream."""

    pes: list[Pes] = field(default_factory=list)
    tables: list[tuple[int, bytes]] = field(default_factory=list)
    counters: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    clock: list[int] = field(default_factory=list)
    """The moments that are told, in ticks of 27 MHz."""

    def of(self, track: int) -> list[Pes]:
        """The PES packets of a track."""
        return [pes for pes in self.pes if pes.pid == 0x100 + track]


def cells(data: bytes) -> Iterator[Cell]:
    """The transport packets in some bytes; nothing in them is reserved, wrong, or stuffed badly."""
    assert len(data) % 188 == 0, len(data)
    for at in range(0, len(data), 188):
        cell = data[at : at + 188]
        sync, place, control = struct.unpack_from(">BHB", cell)
        assert sync == 0x47
        assert place & 0xA000 == 0, "no error, no priority"
        assert control & 0xC0 == 0, "not scrambled"
        assert control & 0x30, "there is something in it"
        flags, pcr, end = 0, None, 4
        if control & 0x20:
            length = cell[4]
            assert length <= 182 if control & 0x10 else length == 183, "it fills what it has to"
            end = 5 + length
            adaptation = cell[5:end]
            if adaptation:
                flags, adaptation = adaptation[0], adaptation[1:]
                assert flags & ~0x50 == 0
            if flags & 0x10:
                value = int.from_bytes(adaptation[:6], "big")
                assert value >> 9 & 0x3F == 0x3F
                pcr = (value >> 15) * 300 + (value & 0x1FF)
                assert value & 0x1FF < 300
                adaptation = adaptation[6:]
            assert adaptation == b"\xff" * len(adaptation)
        begins = bool(place & 0x4000)
        yield Cell(place & 0x1FFF, begins, control & 15, bool(flags & 0x40), pcr, cell[end:])


def stamp(data: bytes, mark: int) -> int:
    """A time stamp."""
    value = int.from_bytes(data, "big")
    assert value >> 36 == mark
    assert value & 0x100010001 == 0x100010001
    return (value >> 33 & 7) << 30 | (value >> 17 & 0x7FFF) << 15 | value >> 1 & 0x7FFF


def section(payload: bytes) -> tuple[int, bytes] | None:
    """A table's number and body; L{None} while it is not complete."""
    assert payload[0] == 0, "it begins at once"
    table, length = struct.unpack_from(">BH", payload, 1)
    assert length & 0xF000 == 0xB000
    end = 4 + (length & 0xFFF)
    if len(payload) < end:
        return None
    assert payload[end:] == b"\xff" * (len(payload) - end)
    whole = payload[1:end]
    assert reference_crc(whole) == 0, "with its own CRC it comes to 0"
    assert whole[3:8].hex() == "0001c10000"
    return table, whole[8:-4]


def reference_crc(data: bytes) -> int:
    """The remainder of a long division, all at once (ISO/IEC 13818-1, annex A)."""
    size = 8 * len(data)
    value = int.from_bytes(data, "big") << 32 ^ (0xFFFFFFFF << size)
    for bit in range(size + 31, 31, -1):
        if value >> bit & 1:
            value ^= 0x104C11DB7 << (bit - 32)
    return value


def pes(group: list[Cell]) -> Pes:
    """A PES packet from the transport packets that it is in."""
    first = group[0]
    data = b"".join(cell.payload for cell in group)
    assert all(not cell.key and cell.pcr is None for cell in group[1:])
    start, id_, length, aligned, flags, size = struct.unpack_from(">3sBHBBB", data)
    assert (start, aligned, size) == (b"\0\0\1", 0x84, {0x80: 5, 0xC0: 10}[flags])
    assert length in (0, len(data) - 6)
    pts = stamp(data[9:14], flags >> 6)
    dts = stamp(data[14:19], 1) if flags == 0xC0 else pts
    return Pes(first.pid, id_, pts, dts, first.pcr, first.key, length, data[9 + size :])


def parsed(data: bytes) -> Stream:
    """A transport stream taken apart, by a parser that knows nothing of ours."""
    found = Stream()
    groups: dict[int, list[Cell]] = {}
    done: list[list[Cell]] = []
    for cell in cells(data):
        if cell.pcr is not None:
            found.clock.append(cell.pcr)
        if not cell.payload:
            assert not cell.begins
            assert cell.pcr is not None, "else it says nothing"
            before = found.counters.get(cell.pid, [cell.counter])
            assert before[-1] == cell.counter, "it does not count"
            continue
        found.counters[cell.pid].append(cell.counter)
        if cell.begins:
            groups[cell.pid] = []
            done.append(groups[cell.pid])
        groups[cell.pid].append(cell)
    for group in done:
        if group[0].pid in (0, 0x1000):
            table = section(b"".join(cell.payload for cell in group))
            assert table is not None
            assert table[0] == {0: 0, 0x1000: 2}[group[0].pid]
            found.tables.append(table)
        else:
            found.pes.append(pes(group))
    return found


def entries(body: bytes) -> tuple[int, list[Entry]]:
    """The PID of the clock, and the tracks in a PMT."""
    clock, size = struct.unpack_from(">HH", body)
    assert (clock >> 13, size) == (7, 0xF000)
    made, at = [], 4
    while at < len(body):
        type_, pid, size = struct.unpack_from(">BHH", body, at)
        assert (pid >> 13, size >> 12) == (7, 15)
        at, end = at + 5, at + 5 + (size & 0xFFF)
        descriptors = []
        while at < end:
            descriptors.append((body[at], body[at + 2 : at + 2 + body[at + 1]]))
            at += 2 + body[at + 1]
        assert at == end
        made.append(Entry(type_, pid & 0x1FFF, descriptors))
    return clock & 0x1FFF, made


@cache
def header(video: str | None = "mpeg2video", audio: str | None = "ac3", **more: Any) -> Header:
    """A header as it is written in earnest; usually for what is sent as it is, and subtitles."""
    clip = media.clip(video=video, audio=audio, seconds=0.2, **more)
    with media.opened(clip) as container:
        adapters = [adapter_for(stream) for stream in container.streams]
        for packet in container.demux():
            if packet.size:
                list(adapters[packet.stream_index].packets(packet))
        made, _ = write_header(adapters, container)
    return made


def texts() -> Header:
    """A header of two tracks that are sent, and one that is not."""
    return header(subtitles=((0, 0.1, "x"),))


def ticks(time: int) -> int:
    """When something is due in the stream, in ticks of 90 kHz, to the nearest."""
    return max(0, (time + LEAD) * 90_000 * 2 + SECOND) // (2 * SECOND) % WRAP


def sent(format_: Muxer[Any], fragments: Sequence[Sequence[Packet]]) -> list[bytes]:
    """The bytes of some fragments, one after the other."""
    counters, out = format_.start, []
    for fragment in fragments:
        out.append(format_.live(fragment, 0, counters))
        counters = format_.advance(fragment, counters)
    return out


def cut(packets: Sequence[Packet], size: int) -> list[Sequence[Packet]]:
    """Packets in fragments of so many."""
    return [packets[at : at + size] for at in range(0, len(packets), size)]


def frame(time: int = 0, **more: Any) -> Packet:
    """A picture, or what its fields say."""
    return Packet(VIDEO, time, time, FRAME, key=False, data=b"x")._replace(**more)


def one(header: Header, packet: Packet) -> bytes:
    """The payload of what one packet becomes."""
    format_ = media.all_of(MPEG_TS, header)
    (found,) = parsed(format_.live([packet], 0, format_.start)).of(packet.track)
    return found.payload


@st.composite
def packets(draw: st.DrawFn) -> list[Packet]:
    """Packets of three tracks, each in decoding order, with jumps."""
    made = []
    begin = draw(st.sampled_from([-LEAD - 1, -1, 0, FRAME, 26 * 3600 * SECOND, 10**15]))
    due = dict.fromkeys((VIDEO, AUDIO, TEXT), begin)
    steps = st.sampled_from([1, 333, 21_333, 33_367, FRAME, 40 * SECOND, 100_000 * SECOND])
    for _ in range(draw(st.integers(1, 12))):
        track = draw(st.sampled_from([VIDEO, VIDEO, AUDIO, TEXT]))
        due[track] += draw(steps)
        shown = due[track] + (draw(st.sampled_from([0, 0, FRAME, 5])) if track == VIDEO else 0)
        duration = draw(st.sampled_from([0, 1, 21_333, FRAME]))
        key = track != VIDEO or draw(st.booleans())
        head = draw(st.binary(min_size=1, max_size=8))
        size = draw(st.one_of(st.integers(0, 600), st.sampled_from([3000, 65_600])))
        made.append(Packet(track, shown, due[track], duration, key, head + bytes(size)))
    return made


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


class TableTests(SynchronousTestCase):
    """What PAT and PMT say, and when."""

    def test_crc(self) -> None:
        """The CRC is the one that is known as CRC-32/MPEG-2."""
        self.assertEqual(crc(b"123456789"), 0x0376E6E7)
        self.assertEqual(crc(b""), 0xFFFFFFFF)

    @given(st.binary(max_size=50))
    def test_any_crc(self, data: bytes) -> None:
        """It is the remainder of a long division."""
        self.assertEqual(crc(data), reference_crc(data))

    def pmt(self, made: Header, numbers: Sequence[int] | None = None) -> tuple[int, list[Entry]]:
        """The clock and the tracks that the first keyframe announces."""
        chosen = frozenset(numbers) if numbers else MPEG_TS.fitting(made.tracks)
        format_ = MPEG_TS.muxer(made, chosen)
        key = frame(track=made.tracks[0].number, key=True, duration=TABLES_INTERVAL)
        if numbers:
            key = key._replace(track=numbers[0])
        pat, pmt = parsed(format_.live([key], 0, format_.start)).tables
        self.assertEqual(pat, (0, bytes.fromhex("0001f000")))
        self.assertEqual(pmt[0], 2)
        return entries(pmt[1])

    def test_streams(self) -> None:
        """Each codec is called what libavformat's muxer calls it, or what more players know."""
        language = (0x0A, b"deu\0")
        for video, audio, expected in (
            ("libx264", "aac", (Entry(0x1B, 0x101, []), Entry(0x0F, 0x102, [language]))),
            (
                "libx265",
                "ac3",
                (
                    Entry(0x24, 0x101, [(5, b"HEVC")]),
                    Entry(0x81, 0x102, [(5, b"AC-3"), language]),
                ),
            ),
            ("mpeg1video", "mp2", (Entry(1, 0x101, []), Entry(3, 0x102, [language]))),
            (
                "mpeg2video",
                "eac3",
                (Entry(2, 0x101, []), Entry(0x87, 0x102, [(5, b"EAC3"), language])),
            ),
            (
                "mpeg4",
                "libopus",
                (
                    Entry(0x10, 0x101, []),
                    Entry(6, 0x102, [(5, b"Opus"), (0x7F, b"\x80\2"), language]),
                ),
            ),
        ):
            found = self.pmt(header(video, audio, languages=("deu",)))
            self.assertEqual(found, (0x101, list(expected)), (video, audio))

    def test_dts(self) -> None:
        """DTS is private data that is registered as such."""
        track = Track(number=1, type="audio", codec="dts", language="German")
        self.assertEqual(self.pmt(Header((track,))), (0x101, [Entry(6, 0x101, [(5, b"DTS1")])]))

    def test_low_rate(self) -> None:
        """MP3 of a low sample rate is MPEG-2's."""
        self.assertEqual(self.pmt(header(None, "libmp3lame"))[1][0].type, 3)
        self.assertEqual(self.pmt(header(None, "libmp3lame", sample_rate=22_050))[1][0].type, 4)

    def test_numbers(self) -> None:
        """Those tracks are sent that were asked for, and the first of them has the clock."""
        made = header(audio="mp2", languages=("eng", "deu"))
        self.assertEqual([e.pid for e in self.pmt(made)[1]], [0x101, 0x102, 0x103])
        self.assertEqual(self.pmt(made, [3]), (0x103, [Entry(3, 0x103, [(0x0A, b"deu\0")])]))
        format_ = MPEG_TS.muxer(made, frozenset({3}))
        everything = [frame(track=number, key=True) for number in (1, 2, 3)]
        data = format_.live(everything, 0, format_.start)
        self.assertEqual([(p.pid, p.pcr) for p in parsed(data).pes], [(0x103, 0)])
        self.assertEqual(format_.advance(everything, format_.start).following, (0, 0, 1))

    def test_unfit(self) -> None:
        """Tracks that cannot live here stay out; where none is left, nothing is sent."""
        format_ = media.all_of(MPEG_TS, header("libvpx", "ac3"))
        made = [frame(key=True), frame(track=AUDIO)]
        data = format_.live(made, 0, format_.start)
        self.assertEqual([p.pid for p in parsed(data).pes], [0x102])
        format_ = media.all_of(MPEG_TS, header("libvpx", "vorbis"))
        self.assertEqual(format_.live(made, 0, format_.start), b"")

    def test_many(self) -> None:
        """A PMT of many tracks takes several transport packets; those too many stay out."""
        tracks = tuple(
            Track(number=n, type="audio", codec="ac3", language="deu") for n in range(1, 65)
        )
        _, found = self.pmt(Header(tracks))
        self.assertEqual(len(found), 59)
        format_ = media.all_of(MPEG_TS, Header(tracks))
        key = [frame(key=True, duration=TABLES_INTERVAL)]
        counters = format_.advance(key, format_.start)
        self.assertEqual(counters.following[:3], (1, 6, 1))
        self.assertEqual(parsed(b"".join(sent(format_, [key] * 9))).counters[0x1000][-1], 5)

    def test_keyframes(self) -> None:
        """Before each fragment with a keyframe of the pictures stand the tables."""
        format_ = media.all_of(MPEG_TS, header())
        for fragment, expected in (
            ([frame(key=True)], True),
            ([frame(track=AUDIO, key=True), frame(key=True)], True),
            ([frame()], False),
            ([frame(track=AUDIO, key=True, duration=TABLES_INTERVAL)], False),
        ):
            data = format_.live(fragment, 0, format_.start)
            self.assertEqual(data[:3] == b"\x47\x40\0", expected)
            self.assertEqual(len(parsed(data).tables), 2 * expected)

    def test_interval(self) -> None:
        """In between they come four times a second, however the packets are cut into fragments."""
        for made, lasts in ((header(), FRAME), (header(None, "ac3"), 32_000), (header(), 0)):
            format_ = media.all_of(MPEG_TS, made)
            step = lasts or FRAME
            several = [frame(n * step, key=not made.has_video, duration=lasts) for n in range(400)]
            for size in (1, 2, 5):
                data = b"".join(sent(format_, cut(several, size)))
                due = several[-1].dts // TABLES_INTERVAL
                self.assertIn(len(parsed(data).tables) // 2, (due, due + 1))


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


def bits(text: str) -> bytes:
    """Bits as bytes, filled up with zeros."""
    digits = text.replace(" ", "")
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def units(data: bytes, sets: frozenset[int]) -> list[bytes]:
    """NAL units between start codes, without delimiter and parameter sets."""
    shift, mask = (1, 0x3F) if 35 in sets else (0, 0x1F)
    return [unit for unit in nal_units(data) if unit[0] >> shift & mask not in sets]


def prefixed(data: bytes) -> bytes:
    """Length-prefixed NAL units, with start codes instead."""
    out, at = b"", 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        out += START + data[at + 4 : end]
        at = end
    return out


class FramingTests(SynchronousTestCase):
    """What a payload becomes, and which tracks have none that can be sent."""

    def fits(self, codec: str, private: str) -> bool:
        """Whether a track with this setup, in hexadecimal, can live here."""
        setup = bytes.fromhex(private)
        return fits(Track(number=1, type="audio", codec=codec, codec_private=setup))

    def framed(self, codec: str, private: bytes, data: bytes, *, key: bool = False) -> bytes:
        """What a payload of a track with this setup becomes."""
        track = Track(number=1, type="video", codec=codec, codec_private=private)
        made = media.all_of(MPEG_TS, Header((track,)))
        data = made.live([frame(data=data, key=key)], 0, made.start)
        return b"".join(p.payload for p in parsed(data).pes)

    def test_h264(self) -> None:
        """A picture begins with a delimiter, and has each parameter set that it needs once."""
        avcc = bytes.fromhex("01 64001e fd e1 0003 6764aa 02 0002 68ee 0001 68")
        sets = START + b"\x67\x64\xaa" + START + b"\x68\xee" + START + b"\x68"
        delimiter = START + b"\x09\xf0"
        for data, key, expected in (
            ("0002 6500", True, delimiter + sets + START + b"\x65\0"),
            ("0002 4100", False, delimiter + START + b"\x41\0"),
            ("0002 0910 0002 6500", True, START + b"\x09\x10" + sets + START + b"\x65\0"),
            ("0002 0910 0002 4100", False, START + b"\x09\x10" + START + b"\x41\0"),
            (
                "0001 67 0001 68 0002 6500",
                True,
                delimiter + START + b"\x67" + START + b"\x68" + START + b"\x65\0",
            ),
            ("0001 67 0002 6500", True, delimiter + sets + START + b"\x67" + START + b"\x65\0"),
            ("0000 0009 6500", False, delimiter + START + b"\x65\0"),
            ("0002 6500 00", False, delimiter + START + b"\x65\0"),
            ("0000 00", True, b""),
            ("", True, b""),
        ):
            self.assertEqual(
                self.framed("h264", avcc, bytes.fromhex(data), key=key), expected, data
            )

    def test_lengths(self) -> None:
        """NAL units' lengths have as many bytes as the setup says."""
        for width in (1, 2, 4):
            avcc = bytes.fromhex("01 64001e") + bytes((0xFC | width - 1,)) + bytes(2)
            data = b"".join(
                len(unit).to_bytes(width, "big") + unit for unit in (b"\x41" * 200, b"\x42")
            )
            self.assertEqual(
                self.framed("h264", avcc, data),
                START + b"\x09\xf0" + START + b"\x41" * 200 + START + b"\x42",
            )

    def test_hevc(self) -> None:
        """HEVC's setup has its parameter sets in arrays by their types."""
        hvcc = b"\1" + bytes(20) + bytes.fromhex("03 02 a0 0001 0001 40 a1 0002 0001 42 0002 4201")
        sets = START + b"\x40" + START + b"\x42" + START + b"\x42\1"
        delimiter = START + b"\x46\1\x50"
        for data, key, expected in (
            ("00000002 2601", True, delimiter + sets + START + b"\x26\1"),
            ("00000002 0201", False, delimiter + START + b"\2\1"),
            ("00000002 4601 00000002 2601", True, START + b"\x46\1" + sets + START + b"\x26\1"),
        ):
            self.assertEqual(
                self.framed("hevc", hvcc, bytes.fromhex(data), key=key), expected, data
            )

    def test_unfit_nal_units(self) -> None:
        """Without a setup that can be read there is no picture."""
        whole = "01 64001e ff e1 0001 67 01 0001 68"
        self.assertTrue(self.fits("h264", whole))
        for cut_ in ("", "00000001 67", whole[:-3], "01", "01 64001e ff e1 0009 67 01 0001 68"):
            self.assertFalse(self.fits("h264", cut_), cut_)
            self.assertFalse(self.fits("hevc", cut_), cut_)

    def test_sequence_header(self) -> None:
        """MPEG-1, MPEG-2 and MPEG-4 have their setup before keyframes that do not bring one."""
        for codec, own in (
            ("mpeg1video", b"\0\0\1\xb3"),
            ("mpeg2video", b"\0\0\1\xb3"),
            ("mpeg4", b"\0\0\1\x20"),
        ):
            setup, picture = own + b"setup", b"\0\0\1\0picture"
            self.assertEqual(self.framed(codec, setup, picture, key=True), setup + picture)
            self.assertEqual(self.framed(codec, setup, picture), picture)
            self.assertEqual(
                self.framed(codec, setup, own + b"own" + picture, key=True), own + b"own" + picture
            )
            self.assertEqual(self.framed(codec, b"", picture, key=True), picture)

    def test_adts(self) -> None:
        """AAC has an ADTS header with its kind, rate, channels and length."""
        for config, profile, rate, channels in (
            ("1190", 1, 3, 2),  # LC, 48 kHz
            ("0a10", 0, 4, 2),  # Main, 44.1 kHz
            ("1780 5dc010", 1, 3, 2),  # LC, 48 kHz in words
            ("11920000", 1, 3, 2),  # LC, on top of another coder
            ("2b920800", 1, 7, 2),  # bandwidth replication over LC at 22.05 kHz
            ("eb098800", 1, 6, 1),  # parametric stereo over LC at 24 kHz
        ):
            made = self.framed("aac", bytes.fromhex(config), b"frame")
            head = int.from_bytes(made[:7], "big")
            self.assertEqual(head >> 40, 0xFFF1)
            self.assertEqual(
                (head >> 38 & 3, head >> 34 & 15, head >> 30 & 7), (profile, rate, channels), config
            )
            self.assertEqual(head >> 13 & 0x1FFF, 12)
            self.assertEqual((head & 0x1FFF, made[7:]), (0x7FF << 2, b"frame"))

    def test_program_config(self) -> None:
        """Channels that have no number are described in each frame, in whole bytes."""
        config = "00010 0011 0000 000"
        layout = (
            "0000 01 0011 0001 0000 0001 01 001 0001"  # front, side, back, effects, data, coupled
            "1 0101 1 0110 1 011"  # mixdowns
            "1 0000 0 0001 0010 0011 1 0100"
        )
        comment = b"\2hi"
        made = self.framed("aac", bits(config + layout) + comment, b"frame")
        self.assertEqual(made[7:], bits("101" + layout) + comment + b"frame")

    def test_unfit_aac(self) -> None:
        """What ADTS cannot say keeps a track out."""
        for config in (
            *("", "11", "1194", "f8e8", "b990", "11c8", "1180", "1690"),
            "1180" + "00" * 4,  # no number for the channels, and then they end
            "17800b5210",  # 5796 samples a second
        ):
            self.assertFalse(self.fits("aac", config), config)
        self.assertTrue(self.fits("aac", "1190"))

    def test_large_aac(self) -> None:
        """A frame that is longer than ADTS can say is left out, and counts for nothing."""
        for size, expected in ((8191 - 7, 1), (8191 - 6, 0)):
            made = media.all_of(MPEG_TS, header(None, "aac"))
            packet = frame(FRAME, data=bytes(size))
            found = parsed(made.live([packet], 0, made.start))
            self.assertEqual(len(found.pes), expected)
            self.assertEqual(made.advance([packet], made.start).following[2], expected * 45 % 16)

    def test_opus(self) -> None:
        """An Opus packet has its size before it, in bytes that add up."""
        made = header(None, "libopus")
        for size, head in ((1, "01"), (254, "fe"), (255, "ff00"), (256, "ff01"), (600, "ffff5a")):
            data = one(made, frame(data=bytes(size)))
            self.assertEqual(data, bytes.fromhex("7fe0" + head) + bytes(size))

    def test_opus_channels(self) -> None:
        """Opus can have those channels that there is a number for."""
        head = b"OpusHead\1".hex()
        plain = "0000 80bb0000 0000"
        for channels, family, fit in (
            *(("01", "00", True), ("02", "00", True), ("03", "00", False), ("00", "00", False)),
            *(("06", "01 0402 000401020305", True), ("06", "01 0402 000102030405", False)),
            *(("03", "01 0201 000201", True), ("02", "01 0101 0001", True)),
            *(("08", "01 0503 00060102030405 07", True), ("09", "01", False), ("02", "ff", False)),
        ):
            self.assertEqual(self.fits("opus", head + channels + plain + family), fit, family)
        self.assertFalse(self.fits("opus", ""))

    def test_codecs(self) -> None:
        """What no player finds in a transport stream does not live there."""
        for codec in ("av1", "vp8", "vp9", "vorbis", "flac", "pcm_s16le", "subrip"):
            self.assertNotIn(codec, CODECS)
            self.assertFalse(self.fits(codec, ""))


class ReadBackTests(SynchronousTestCase):
    """What libavformat reads and libavcodec decodes, of a client who joins in the middle."""

    def sent(self, video: str | None, audio: str | None, **more: Any) -> Sent:
        """A clip, read in earnest."""
        for name in (video, audio):
            if name and name not in av.codecs_available:
                raise SkipTest(f"this PyAV has no encoder {name}")
        return read(self, media.clip(video=video, audio=audio, **more))

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
        self.check(self.sent("libx264", "aac", bframes=2))

    def test_hevc_ac3(self) -> None:
        """HEVC with B-frames, and AC-3."""
        self.check(self.sent("libx265", "ac3", bframes=2))

    def test_mpeg2_mp2(self) -> None:
        """MPEG-2 with B-frames, and MP2."""
        self.check(self.sent("mpeg2video", "mp2", bframes=2))

    def test_mpeg1_mp3(self) -> None:
        """MPEG-1, and MP3."""
        self.check(self.sent("mpeg1video", "libmp3lame"))

    def test_mpeg4_opus(self) -> None:
        """MPEG-4 with B-frames, and Opus."""
        self.check(self.sent("mpeg4", "libopus", bframes=2))

    def test_eac3(self) -> None:
        """E-AC-3 alone."""
        self.check(self.sent(None, "eac3"))

    def test_surround(self) -> None:
        """Opus and AAC of six channels."""
        for audio in ("libopus", "aac"):
            self.check(self.sent(None, audio, channels=6))

    def test_transport_stream(self) -> None:
        """What comes from another transport stream, or in other wrappings."""
        self.check(self.sent("libx264", "aac", bframes=2, container="mpegts"))
        self.check(self.sent("libx264", "aac", bframes=2, container="mp4"))
        self.check(self.sent("mpeg4", "libmp3lame", container="avi"))

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
        """Whoever joins at a keyframe gets that picture as the first, whole."""
        made = self.sent("libx264", "aac", bframes=2)
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
