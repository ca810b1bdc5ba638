"""Elements of EBML, written and read."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.ebml import MatroskaError, element, elements, signed, unsigned, vint
from tests.support.matroska import CLUSTER


class ElementTests(SynchronousTestCase):
    """EBML, RFC 8794."""

    def test_size(self) -> None:
        """Sizes are written in the shortest form; all ones mean `unknown', and are avoided."""
        for value, expected in (
            (0, "80"),
            (1, "81"),
            (2, "82"),
            (126, "fe"),
            (127, "407f"),
            (128, "4080"),
            (16382, "7ffe"),
            (16383, "203fff"),
            (0x1FFFFE, "3ffffe"),
            (0x1FFFFF, "101fffff"),
            (2**56 - 2, "01fffffffffffffe"),
        ):
            self.assertEqual(vint(value).hex(), expected)

    def test_too_large(self) -> None:
        """What does not fit a size is refused."""
        for value in (2**56 - 1, 2**56, 2**100):
            self.assertRaises(OverflowError, vint, value)

    def test_numbers(self) -> None:
        """Numbers take as few bytes as they need."""
        for value, expected in ((0, "00"), (255, "ff"), (256, "0100"), (10**6, "0f4240")):
            made = unsigned(0xD7, value)
            self.assertEqual(made.hex(), f"d7{0x80 + len(expected) // 2:x}{expected}")
        for value, expected in ((0, "00"), (-1, "ff"), (127, "7f"), (128, "0080"), (-128, "ff80")):
            made = signed(0x75A2, value)
            self.assertEqual(made.hex(), f"75a2{0x80 + len(expected) // 2:x}{expected}")

    @given(st.lists(st.tuples(st.sampled_from([0xEC, 0x4286, 0x2AD7B1, CLUSTER]), st.binary())))
    def test_elements(self, made: list[tuple[int, bytes]]) -> None:
        """Elements are found as they were written."""
        data = b"".join(element(*each) for each in made)
        found = list(elements(data, 0, len(data)))
        self.assertEqual([(e.id, data[e.start : e.end]) for e in found], made)
        self.assertEqual(b"".join(data[e.head : e.end] for e in found), data)

    def test_unknown_size(self) -> None:
        """An element of unknown size reaches to the end of what it is in."""
        for size in ("ff", "7fff", "01ffffffffffffff"):
            data = bytes.fromhex("18538067" + size) + b"abc"
            (found,) = elements(data, 0, len(data))
            self.assertEqual(data[found.start : found.end], b"abc")

    def test_malformed(self) -> None:
        """A number that makes no sense, or a size that lies, is told from what is sound."""
        for data in ("00", "ec", "ec00", "ec82ff", "1a", "1a45dfa3", "ec40", "0000000000000000"):
            raw = bytes.fromhex(data)
            self.assertRaises(MatroskaError, list, elements(raw, 0, len(raw)))
