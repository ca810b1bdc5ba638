"""Bits are read as the standards write them, and never more than there are."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.bits import Bits, Damaged
from tests.support.bitstreams import bits, se, ue

fast = settings(max_examples=300)


class BitTests(SynchronousTestCase):
    """Reading bits."""

    def test_read(self) -> None:
        """Fields of any width are read one behind the other."""
        reader = Bits(bytes.fromhex("a5f00f"))
        self.assertEqual([reader.read(n) for n in (1, 3, 0, 4, 12)], [1, 2, 0, 5, 0xF00])
        self.assertEqual((reader.at, reader.size), (20, 24))
        self.assertRaises(Damaged, reader.read, 5)
        self.assertEqual(reader.read(4), 15)
        self.assertRaises(Damaged, reader.read, 1)

    def test_between(self) -> None:
        """What lies between two places is given as bytes, filled up with zeros."""
        reader = Bits(bytes.fromhex("a5f00f"))
        self.assertEqual(reader.between(4, 16), bytes.fromhex("5f00"))
        self.assertEqual(reader.between(0, 3), bytes.fromhex("a0"))
        self.assertEqual(reader.between(23, 24), bytes.fromhex("80"))
        self.assertEqual(reader.between(5, 5), b"")

    def test_data(self) -> None:
        """Bytes may begin anywhere."""
        reader = Bits(bytes.fromhex("a5f00f"))
        reader.read(4)
        self.assertEqual(reader.data(2), bytes.fromhex("5f00"))

    def test_numbers(self) -> None:
        """Exp-Golomb codes are as in tables 9-2 and 9-3 of H.264."""
        for number in (0, 1, 2, 3, 6, 7, 254, 255, 65534, (1 << 32) - 2):
            self.assertEqual(Bits(bits(ue(number))).unsigned(), number)
        for number in (0, 1, -1, 2, -2, 1000, -1000):
            self.assertEqual(Bits(bits(se(number))).signed(), number)

    def test_refused(self) -> None:
        """A number that is cut short, or greater than it may be, is refused."""
        for data in (b"", b"\0", bytes(100), b"\1"):
            self.assertRaises(Damaged, Bits(data).unsigned)
        self.assertRaises(Damaged, Bits(bits(ue((1 << 32) - 1))).unsigned)
        self.assertRaises(Damaged, Bits(bits(ue(32))).unsigned, 31)

    @fast
    @given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=20))
    def test_any(self, data: bytes, counts: list[int]) -> None:
        """Whatever the bits are, numbers come out, in their bounds, or L{Damaged}."""
        reader = Bits(data)
        try:
            for count in counts:
                self.assertLess(reader.unsigned(), 1 << 32)
                self.assertLessEqual(abs(reader.signed()), 1 << 31)
                self.assertLess(reader.read(count), 1 << count)
        except Damaged:
            pass
