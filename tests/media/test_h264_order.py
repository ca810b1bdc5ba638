"""The order of H.264's pictures is what the standard says, and damage raises nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.h264_order import H264Order
from mkvtwist.media.picture_order import DisplayPlace
from tests.media.test_picture_order import damaged_is_harmless, orders, unit
from tests.support.bitstreams import se, ue

fast = settings(max_examples=300)

RESTRICTION = "1 0000 0 00 0 1" + "1" + ue(0) * 4
"""VUI that has nothing but bitstream_restriction."""


def sps(type_: str, *, frames_only: bool = True, vui: str = "0", profile: str = "") -> bytes:
    """
    An SPS of H.264 whose frame numbers have 4 bits.

    @param type_: pic_order_cnt_type and what follows from it.
    """
    head = profile or f"{77:08b} {0:016b} {ue(0)}"
    shape = ("1" if frames_only else "0 0") + "1 0"
    return unit(b"\x67", head, ue(0), type_, ue(4), "0", ue(9), ue(6), shape, vui)


def pps(order_present: str = "0", groups: str = ue(0), rest: str = "0 00") -> bytes:
    """A PPS of H.264."""
    return unit(b"\x68", ue(0) * 2, "0", order_present, groups, ue(0) * 2, rest, se(0) * 3, "00 0")


TYPE_0 = ue(0) + ue(0)
"""The lower bits of the count are 4."""


def slice_(kind: int, number: int, *rest: str, reference: bool = True, idr: bool = False) -> bytes:
    """A slice of H.264, up to what follows the frame's number."""
    head = (0x60 if reference else 0) | (5 if idr else 1)
    return unit(bytes([head]), ue(0), ue(kind), ue(0), f"{number % 16:04b}", *rest, "0" * 64)


def lsb(number: int) -> str:
    """pic_order_cnt_lsb."""
    return f"{number % 16:04b}"


IDR = slice_(2, 0, ue(0), lsb(0), idr=True)
"""An IDR picture of type 0."""


class H264Tests(SynchronousTestCase):
    """What no encoder makes here: bit by bit."""

    def test_wraps(self) -> None:
        """Type 0: the lower bits of the count go round, ahead and back (8.2.1.1)."""
        pictures = [[sps(TYPE_0), pps(), IDR]]
        counts = [6, 4, 10, 14, 20, 14, 18]
        pictures += [[slice_(0, n, lsb(count), "0 0 0")] for n, count in enumerate(counts, 1)]
        expected = [(True, 0), *((False, count) for count in counts)]
        self.assertEqual(orders(H264Order(), pictures), expected)

    def test_unreferenced(self) -> None:
        """Type 0: what nothing refers to does not count for the next."""
        pictures = [[sps(TYPE_0), pps(), IDR]]
        pictures += [
            [slice_(0, 1, lsb(6), "0 0 0")],
            [slice_(1, 2, lsb(13), "0", reference=False)],
            [slice_(0, 2, lsb(14), "0 0 0")],
        ]
        self.assertEqual([count for _, count in orders(H264Order(), pictures)], [0, 6, 13, 14])

    def test_bottom_first(self) -> None:
        """A frame is shown when its earlier field is."""
        order = H264Order()
        idr = slice_(2, 0, ue(0), lsb(1), se(-1), idr=True)
        self.assertEqual(orders(order, [[sps(TYPE_0), pps("1"), idr]]), [(True, 0)])

    def fields(self) -> list[bytes]:
        """Four frames in two fields each; the third one is shown before the second one."""
        top, bottom = "1 0", "1 1"
        return [
            slice_(2, 0, top, ue(0), lsb(0), idr=True),
            slice_(0, 0, bottom, lsb(1), "0 0 0"),
            slice_(0, 1, top, lsb(4), "0 0 0"),
            slice_(0, 1, bottom, lsb(5), "0 0 0"),
            slice_(1, 2, top, lsb(2), "0", reference=False),
            slice_(1, 2, bottom, lsb(3), "0", reference=False),
            slice_(0, 2, top, lsb(8), "0 0 0"),
            slice_(0, 2, bottom, lsb(9), "0 0 0"),
        ]

    def test_fields(self) -> None:
        """Each second field is told from a first one; both in one packet are one picture."""
        setup = [sps(TYPE_0, frames_only=False, vui=RESTRICTION + ue(1) + ue(2)), pps()]
        order = H264Order()
        self.assertIsNone(order.place(setup))
        places = [order.place([field]) for field in self.fields()]
        second = [place and place.second for place in places]
        self.assertEqual(second, [False, True] * 4)
        self.assertEqual([p and p.order for p in places], [0, 1, 4, 5, 2, 3, 8, 9])
        self.assertEqual({p and p.depth for p in places}, {1})
        order = H264Order()
        order.place(setup)
        places = [order.place(self.fields()[n : n + 2]) for n in range(0, 8, 2)]
        self.assertEqual([p and p.order for p in places], [0, 4, 2, 8])

    def test_unpaired(self) -> None:
        """Two fields of one parity, or of two frames, are two pictures."""
        order = H264Order()
        order.place([sps(TYPE_0, frames_only=False), pps()])
        fields = self.fields()
        places = [order.place([fields[index]]) for index in (0, 2, 5, 6)]
        self.assertEqual([p and p.second for p in places], [False] * 4)

    def test_type_1(self) -> None:
        """Type 1: the count follows from the frame's number and a cycle (8.2.1.2)."""
        cycle = ue(1) + "0" + se(-4) + se(1) + ue(2) + se(6) + se(8)
        pictures = [[sps(cycle), pps(), slice_(2, 0, ue(0), se(0), idr=True)]]
        pictures += [
            [slice_(0, 1, se(0), "0 0 0")],
            [slice_(1, 2, se(0), "0", reference=False)],
            [slice_(0, 2, se(1), "0 0 0")],
            [slice_(0, 15, se(0), "0 0 0")],
            [slice_(0, 16, se(0), "0 0 0")],  # its number is 0 again
        ]
        counts = [count for _, count in orders(H264Order(), pictures)]
        self.assertEqual(counts, [0, 6, 6 - 4, 14 + 1, 7 * 14 + 6, 8 * 14])

    def test_type_1_fields(self) -> None:
        """Type 1, of which every field's distance is the same."""
        cycle = ue(1) + "1" + se(0) + se(3) + ue(1) + se(4)
        order = H264Order()
        order.place([sps(cycle, frames_only=False), pps("1")])
        fields = [
            slice_(2, 0, "1 0", ue(0), idr=True),
            slice_(0, 0, "1 1", "0 0 0"),
            slice_(0, 1, "0", "0 0 0"),
        ]
        self.assertEqual([p and p.order for p in (order.place([f]) for f in fields)], [0, 3, 4])

    def test_type_2(self) -> None:
        """Type 2: shown as they are decoded, without any delay (8.2.1.3)."""
        order = H264Order()
        pictures = [[sps(ue(2)), pps(), slice_(2, 0, ue(0), idr=True)]]
        pictures += [[slice_(0, n, "0 0 0")] for n in range(1, 40)]
        places = [order.place(units) for units in pictures]
        counts = [place.order for place in places if place]
        self.assertEqual(counts, sorted(set(counts)))
        self.assertEqual((len(counts), {p and p.depth for p in places}), (40, {0}))

    def test_operation_5(self) -> None:
        """memory_management_control_operation 5 begins a new count (8.2.1)."""
        marking = "1" + ue(1) + ue(0) + ue(3) + ue(0) + ue(1) + ue(5) + ue(0)
        pictures = [[sps(TYPE_0), pps(), IDR]]
        pictures += [
            [slice_(0, 1, lsb(10), "0 0", marking)],
            [slice_(0, 1, lsb(4), "0 0 0")],
            [slice_(0, 2, lsb(2), "0 0 0")],
        ]
        expected = [(True, 0), (True, 0), (False, 4), (False, 2)]
        self.assertEqual(orders(H264Order(), pictures), expected)

    def test_behind_weights(self) -> None:
        """It is found behind lists of pictures and of weights."""
        lists = "1" + ue(1) + "1" + ue(0) + ue(2) + ue(3)
        weights = ue(5) + ue(5) + "1" + se(9) + se(-9) + "1" + se(3) * 4 + "0 0"
        marking = "1" + ue(5) + ue(0)
        pictures = [[sps(TYPE_0), pps(rest="1 00"), IDR]]
        pictures += [[slice_(0, 1, lsb(10), lists, weights, marking)]]
        self.assertEqual(orders(H264Order(), pictures), [(True, 0), (True, 0)])

    def test_profiles(self) -> None:
        """The SPS of a high profile, with planes of their own and lists of its own, is read."""
        high = f"{244:08b} {0:016b} {ue(0)} {ue(3)} 1 {ue(0)} {ue(0)} 0 1 "
        high += "1" + se(-8) + "1" + se(1) * 16 + "0" * 10
        order = H264Order()
        idr = unit(b"\x65", ue(0), ue(7), ue(0), "00 0000", ue(0), lsb(6), "0" * 8)
        self.assertEqual(orders(order, [[sps(TYPE_0, profile=high), pps(), idr]]), [(True, 6)])

    def test_slice_groups(self) -> None:
        """A PPS with groups of slices, of any type, is read (7.3.2.2)."""
        for groups in (
            ue(2) + ue(0) + ue(7) * 3,
            ue(1) + ue(1),
            ue(2) + ue(2) + ue(3) * 4,
            ue(1) + ue(3) + "1" + ue(5),
            ue(2) + ue(6) + ue(4) + "10" * 5,
        ):
            order = H264Order()
            idr = slice_(2, 0, ue(0), lsb(3), se(-2), idr=True)
            self.assertEqual(orders(order, [[sps(TYPE_0), pps("1", groups), idr]]), [(True, 1)])

    def test_appearance(self) -> None:
        """The depth is found behind all that the VUI may have; cut short, there is none."""
        hrd = "1" + ue(1) + "00000000" + (ue(9) + ue(9) + "0") * 2 + "0" * 20
        vui = f"1 1 11111111 {0:032b} 1 0 1 0000 1 {0:024b} 1 {ue(0) * 2} 1 {1:065b} {hrd} 0 0 0 1"
        vui += "1" + ue(0) * 4 + ue(3) + ue(4)
        for text, depth in ((vui, 3), (vui[:-30], None), ("1 0000 0 00 0 0", None)):
            place = H264Order().place([sps(TYPE_0, vui=text), pps(), IDR])
            self.assertEqual(place, DisplayPlace(True, 0, depth=depth))

    def test_unknown(self) -> None:
        """A slice whose parameter sets are not there says nothing; neither does none at all."""
        order = H264Order()
        self.assertIsNone(order.place([]))
        self.assertIsNone(order.place([IDR]))
        self.assertIsNone(order.place([IDR, sps(TYPE_0)]))
        self.assertIsNone(order.place([b"\x09\xf0"]))
        self.assertEqual(order.place([pps(), IDR]), DisplayPlace(True, 0))

    def test_next_slice(self) -> None:
        """When a picture's first slice is damaged, the next one tells."""
        place = H264Order().place([sps(TYPE_0), pps(), b"\x65", b"\x65\0\0", IDR])
        self.assertEqual(place, DisplayPlace(True, 0))

    @fast
    @given(st.lists(st.lists(st.binary(min_size=1, max_size=60), max_size=4), max_size=10))
    def test_any(self, pictures: list[list[bytes]]) -> None:
        """Random units raise nothing."""
        orders(H264Order(), pictures)

    @fast
    @given(st.integers(0, 3), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 7))))
    def test_damaged(self, index: int, flips: list[tuple[int, int]]) -> None:
        """Units of a real stream with flipped bits raise nothing."""
        damaged_is_harmless(H264Order(), "libx264", index, flips)
