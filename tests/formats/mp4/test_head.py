"""What the head of MP4 says of the tracks."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from typing import Any

from av.stream import Disposition
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.mp4.boxes import Mp4Error
from mkvtwist.formats.mp4.fragments import Mp4Muxer
from mkvtwist.formats.mp4.head import joined, playing, sample_entry, timescales
from mkvtwist.media.packet import Header
from mkvtwist.testing import AUDIO, VIDEO
from tests.support import media
from tests.support.mp4 import WORDS, mp4_boxes, parsed
from tests.support.read_back import bytes_of, read


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

    def test_playing(self) -> None:
        """Of the tracks in a head one of each type plays unasked, whichever others there were."""
        first, second = AUDIO, replace(AUDIO, number=3, default=True)
        self.assertEqual(playing((VIDEO, first, second)), {1, 3})
        self.assertEqual(playing((VIDEO, first)), {1, 2})
        self.assertEqual(playing((second,)), {3})
        self.assertEqual(playing(()), set())

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


def turned(source: Any) -> bytes:
    """An MP4 whose pictures are to be turned by 90 degrees."""
    data: bytes = source.read_bytes()
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    aside = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 120 << 16, 0, 1 << 30)
    at = data.index(b"tkhd")
    at = data.index(upright, at)
    return data[:at] + aside + data[at + len(upright) :]
