"""The names of codecs in MIME types, against strings that are known to be right."""

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.codec_strings import DolbyVision, codec_string, content_type, dolby_vision


class CodecStringTests(SynchronousTestCase):
    """Each codec's name with its profile and level."""

    def test_h264(self) -> None:
        """H.264 has profile, compatibility and level of its avcC, as six hexadecimal digits."""
        self.assertEqual(codec_string("h264", bytes.fromhex("0164001fff")), "avc1.64001f")

    def test_hevc_main(self) -> None:
        """HEVC's compatibility is written backwards, its last zero constraints are left out."""
        setup = bytes.fromhex("0101600000009000000000005d")
        self.assertEqual(codec_string("hevc", setup), "hvc1.1.6.L93.90")

    def test_hevc_high_tier(self) -> None:
        """HEVC's profile space and its high tier have letters of their own."""
        setup = bytes.fromhex("0162200000000000000000007b")
        self.assertEqual(codec_string("hevc", setup), "hvc1.A2.4.H123")

    def test_av1(self) -> None:
        """AV1 has profile, level with tier, and bit depth."""
        self.assertEqual(codec_string("av1", bytes.fromhex("81040c00")), "av01.0.04M.08")
        self.assertEqual(codec_string("av1", bytes.fromhex("810dcc00")), "av01.0.13H.10")
        self.assertEqual(codec_string("av1", bytes.fromhex("814d6c00")), "av01.2.13M.12")

    def test_aac(self) -> None:
        """AAC has its audio object type; types from 32 on stand behind an escape."""
        self.assertEqual(codec_string("aac", bytes.fromhex("1190")), "mp4a.40.2")
        self.assertEqual(codec_string("aac", bytes.fromhex("2b92")), "mp4a.40.5")
        self.assertEqual(codec_string("aac", bytes.fromhex("f948")), "mp4a.40.42")

    def test_mpeg4(self) -> None:
        """MPEG-4 has the profile and level of its visual object sequence."""
        setup = bytes.fromhex("000001b0f5000001b509")
        self.assertEqual(codec_string("mpeg4", setup), "mp4v.20.245")

    def test_vp9(self) -> None:
        """VP9 has profile, level and bit depth of its vpcC; without it only a name."""
        self.assertEqual(codec_string("vp9", bytes.fromhex("01000000 00158202")), "vp09.00.21.08")
        self.assertEqual(codec_string("vp9", bytes.fromhex("01000000 021fa202")), "vp09.02.31.10")
        self.assertEqual(codec_string("vp9", b""), "vp9")

    def test_plain(self) -> None:
        """Some codecs have a name and nothing more."""
        names = {codec: codec_string(codec, b"") for codec in ("opus", "vp8", "mp3", "ac3")}
        self.assertEqual(names, {"opus": "opus", "vp8": "vp8", "mp3": "mp4a.6B", "ac3": "ac-3"})

    def test_unknown(self) -> None:
        """A codec without a name, or whose setup is none, has no string."""
        self.assertIsNone(codec_string("wmv2", b""))
        for codec in ("h264", "hevc", "av1", "aac", "mpeg4"):
            self.assertIsNone(codec_string(codec, b""), codec)
        self.assertIsNone(codec_string("h264", bytes.fromhex("000000016742")))


class DolbyVisionTests(SynchronousTestCase):
    """Dolby Vision's configuration record."""

    def test_read(self) -> None:
        """Codec, profile, level, and what others show of it: HDR10, HLG, nothing that is right."""
        for record, codec, brand, alone in (
            ("0100103510", "dvh1.08.06", "db1p", False),
            ("0100103540", "dvh1.08.06", "db4h", False),
            ("01000a4d00", "dvh1.05.09", None, True),
            ("01000e3560", "dvh1.07.06", None, False),
        ):
            self.assertEqual(
                dolby_vision("hevc", bytes.fromhex(record)), DolbyVision(codec, brand, alone)
            )
        found = dolby_vision("av1", bytes.fromhex("0100143510"))
        self.assertEqual(found and (found.codec, found.tag), ("dav1.10.06", "dav1"))

    def test_none(self) -> None:
        """What is cut short, or of another codec, says nothing."""
        self.assertIsNone(dolby_vision("hevc", b"\1\0"))
        self.assertIsNone(dolby_vision("vp9", bytes(24)))


class ContentTypeTests(SynchronousTestCase):
    """The MIME type of a stream."""

    def test_all_known(self) -> None:
        """All codecs are listed, in the order of the tracks."""
        made = content_type("video/x-matroska", ["avc1.64001f", "mp4a.40.2"])
        self.assertEqual(made, 'video/x-matroska; codecs="avc1.64001f, mp4a.40.2"')

    def test_one_unknown(self) -> None:
        """A list with a gap would be wrong, so there is none."""
        self.assertEqual(content_type("video/x-matroska", ["vp8", None]), "video/x-matroska")

    def test_none(self) -> None:
        """Without tracks there is nothing to list."""
        self.assertEqual(content_type("video/x-matroska", []), "video/x-matroska")
