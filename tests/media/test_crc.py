"""The CRCs are those that the standards' catalogues give."""

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.crc import crc8, crc32


class CrcTests(SynchronousTestCase):
    """The check values of the digits from 1 to 9."""

    def test_known(self) -> None:
        """FLAC has CRC-8/SMBUS, MPEG CRC-32/MPEG-2, Ogg the same from 0 on."""
        digits = b"123456789"
        self.assertEqual(crc8(digits), 0xF4)
        self.assertEqual(crc32(digits, 0xFFFFFFFF), 0x0376E6E7)
        self.assertEqual(crc32(digits, 0), 0x89A1897F)
        self.assertEqual((crc8(b""), crc32(b"", 7)), (0, 7))
