"""What a payload becomes in a transport stream, and which tracks have none that can be sent."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.mpegts import MPEG_TS
from mkvtwist.formats.mpegts.payload import CODECS, fits
from mkvtwist.media.packet import Header, Track
from tests.support import media
from tests.support.bitstreams import bits
from tests.support.mpegts import START, frame, header, one, parsed
from tests.support.packets import FRAME


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

    def check(self, codec: str, private: bytes, *payloads: tuple[str, bool, bytes]) -> None:
        """Each payload, in hexadecimal and of a keyframe or not, becomes what is expected."""
        for data, key, expected in payloads:
            made = self.framed(codec, private, bytes.fromhex(data), key=key)
            self.assertEqual(made, expected, data)

    def test_h264(self) -> None:
        """A picture begins with a delimiter, and has each parameter set that it needs once."""
        avcc = bytes.fromhex("01 64001e fd e1 0003 6764aa 02 0002 68ee 0001 68")
        sets = START + b"\x67\x64\xaa" + START + b"\x68\xee" + START + b"\x68"
        delimiter = START + b"\x09\xf0"
        self.check(
            "h264",
            avcc,
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
        self.check(
            "hevc",
            hvcc,
            ("00000002 2601", True, delimiter + sets + START + b"\x26\1"),
            ("00000002 0201", False, delimiter + START + b"\2\1"),
            ("00000002 4601 00000002 2601", True, START + b"\x46\1" + sets + START + b"\x26\1"),
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
