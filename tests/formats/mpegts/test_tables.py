"""What describes a transport stream, and when it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.mpegts import MPEG_TS
from mkvtwist.formats.mpegts.muxer import TABLES_INTERVAL
from mkvtwist.formats.mpegts.tables import crc
from mkvtwist.media.packet import Header, Track
from tests.support import media
from tests.support.mpegts import (
    Entry,
    cut,
    entries,
    frame,
    header,
    parsed,
    reference_crc,
    sent,
)
from tests.support.packets import AUDIO, FRAME


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
