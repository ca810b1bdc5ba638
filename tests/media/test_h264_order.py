"""The order of H.264's and HEVC's pictures is what the standards say, and damage raises nothing."""

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media import stored_payload
from mkvtwist.media.h264_order import H264, LONGEST, Hevc, Order, Place
from tests.media.test_bits import bits, se, ue
from tests.support import media

fast = settings(max_examples=300)


def unit(head: bytes, *fields: str) -> bytes:
    """A NAL unit: the bits, a last one, and what keeps start codes out of them."""
    made = bytearray()
    for byte in bits(*fields, "1"):
        if made[-2:] == b"\0\0" and byte <= 3:
            made.append(3)
        made.append(byte)
    return head + made


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


def orders(order: Order, pictures: Iterable[Sequence[bytes]]) -> list[tuple[bool, int]]:
    """What is said of some pictures."""
    places = [order.place(units) for units in pictures]
    return [(place.begins, place.order) for place in places if place is not None]


class EncodedTests(SynchronousTestCase):
    """What encoders make."""

    def check(self, codec: str, parameters: str, depth: int, **more: int) -> None:
        """The order is that of the times that the encoder gave."""
        order, name = (Hevc(), "x265") if codec == "libx265" else (H264(), "x264")
        parameters += ":log-level=none:pools=none" if name == "x265" else ""
        clip = media.clip(
            container="mpegts",
            video=codec,
            audio=None,
            size=(64, 48),
            gop=more.get("gop", 50),
            video_options=[(f"{name}-params", parameters), ("preset", "medium")],
        )
        with media.opened(clip) as file:
            packets = [p for p in file.demux() if p.size]
        keys, series = [], 0
        for packet in packets:
            place = order.place(stored_payload.nal_units(bytes(packet)))
            assert place is not None
            self.assertEqual(place.depth, depth, parameters)
            series += place.begins
            keys.append((series, place.order))
        found = [packets[n].pts for n in sorted(range(len(packets)), key=keys.__getitem__)]
        self.assertEqual(found, sorted(p.pts or 0 for p in packets), parameters)
        self.assertEqual(len(set(keys)), 75, parameters)

    def test_h264(self) -> None:
        """H.264: B-pyramids, open GOPs, interlaced, slices, weights, HRD, scaling lists."""
        for parameters, depth in (
            ("bframes=3", 2),
            ("bframes=16:b-adapt=0:b-pyramid=none", 1),
            ("bframes=8:b-adapt=0:b-pyramid=strict", 2),
            ("bframes=3:b-adapt=0:open-gop=1:keyint=12", 2),
            ("bframes=3:tff=1:weightp=2:ref=4", 2),
            ("bframes=2:fake-interlaced=1", 2),
            ("bframes=2:slices=4:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500:cqm=jvt", 2),
            ("bframes=2:intra-refresh=1", 2),
            ("bframes=0:ref=4", 0),
            ("bframes=0:keyint=1", 0),
        ):
            self.check("libx264", parameters, depth)

    def test_hevc(self) -> None:
        """HEVC: B-pyramids, open GOPs, leading pictures, layers, HRD."""
        for parameters, depth in (
            ("bframes=4", 2),
            ("bframes=3:b-pyramid=0", 1),
            ("bframes=4:open-gop=1:keyint=12:min-keyint=12", 2),
            ("bframes=4:open-gop=0:radl=2:keyint=12:min-keyint=12", 2),
            ("bframes=4:temporal-layers=3", 2),
            ("hrd=1:vbv-maxrate=500:vbv-bufsize=500:repeat-headers=1:aud=1", 2),
            ("bframes=0", 0),
        ):
            self.check("libx265", parameters, depth)


class H264Tests(SynchronousTestCase):
    """What no encoder makes here: bit by bit."""

    def test_wraps(self) -> None:
        """Type 0: the lower bits of the count go round, ahead and back (8.2.1.1)."""
        pictures = [[sps(TYPE_0), pps(), IDR]]
        counts = [6, 4, 10, 14, 20, 14, 18]
        pictures += [[slice_(0, n, lsb(count), "0 0 0")] for n, count in enumerate(counts, 1)]
        expected = [(True, 0), *((False, count) for count in counts)]
        self.assertEqual(orders(H264(), pictures), expected)

    def test_unreferenced(self) -> None:
        """Type 0: what nothing refers to does not count for the next."""
        pictures = [[sps(TYPE_0), pps(), IDR]]
        pictures += [
            [slice_(0, 1, lsb(6), "0 0 0")],
            [slice_(1, 2, lsb(13), "0", reference=False)],
            [slice_(0, 2, lsb(14), "0 0 0")],
        ]
        self.assertEqual([count for _, count in orders(H264(), pictures)], [0, 6, 13, 14])

    def test_bottom_first(self) -> None:
        """A frame is shown when its earlier field is."""
        order = H264()
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
        order = H264()
        self.assertIsNone(order.place(setup))
        places = [order.place([field]) for field in self.fields()]
        second = [place and place.second for place in places]
        self.assertEqual(second, [False, True] * 4)
        self.assertEqual([p and p.order for p in places], [0, 1, 4, 5, 2, 3, 8, 9])
        self.assertEqual({p and p.depth for p in places}, {1})
        order = H264()
        order.place(setup)
        places = [order.place(self.fields()[n : n + 2]) for n in range(0, 8, 2)]
        self.assertEqual([p and p.order for p in places], [0, 4, 2, 8])

    def test_unpaired(self) -> None:
        """Two fields of one parity, or of two frames, are two pictures."""
        order = H264()
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
        counts = [count for _, count in orders(H264(), pictures)]
        self.assertEqual(counts, [0, 6, 6 - 4, 14 + 1, 7 * 14 + 6, 8 * 14])

    def test_type_1_fields(self) -> None:
        """Type 1, of which every field's distance is the same."""
        cycle = ue(1) + "1" + se(0) + se(3) + ue(1) + se(4)
        order = H264()
        order.place([sps(cycle, frames_only=False), pps("1")])
        fields = [
            slice_(2, 0, "1 0", ue(0), idr=True),
            slice_(0, 0, "1 1", "0 0 0"),
            slice_(0, 1, "0", "0 0 0"),
        ]
        self.assertEqual([p and p.order for p in (order.place([f]) for f in fields)], [0, 3, 4])

    def test_type_2(self) -> None:
        """Type 2: shown as they are decoded, without any delay (8.2.1.3)."""
        order = H264()
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
        self.assertEqual(orders(H264(), pictures), expected)

    def test_behind_weights(self) -> None:
        """It is found behind lists of pictures and of weights."""
        lists = "1" + ue(1) + "1" + ue(0) + ue(2) + ue(3)
        weights = ue(5) + ue(5) + "1" + se(9) + se(-9) + "1" + se(3) * 4 + "0 0"
        marking = "1" + ue(5) + ue(0)
        pictures = [[sps(TYPE_0), pps(rest="1 00"), IDR]]
        pictures += [[slice_(0, 1, lsb(10), lists, weights, marking)]]
        self.assertEqual(orders(H264(), pictures), [(True, 0), (True, 0)])

    def test_profiles(self) -> None:
        """The SPS of a high profile, with planes of their own and lists of its own, is read."""
        high = f"{244:08b} {0:016b} {ue(0)} {ue(3)} 1 {ue(0)} {ue(0)} 0 1 "
        high += "1" + se(-8) + "1" + se(1) * 16 + "0" * 10
        order = H264()
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
            order = H264()
            idr = slice_(2, 0, ue(0), lsb(3), se(-2), idr=True)
            self.assertEqual(orders(order, [[sps(TYPE_0), pps("1", groups), idr]]), [(True, 1)])

    def test_appearance(self) -> None:
        """The depth is found behind all that the VUI may have; cut short, there is none."""
        hrd = "1" + ue(1) + "00000000" + (ue(9) + ue(9) + "0") * 2 + "0" * 20
        vui = f"1 1 11111111 {0:032b} 1 0 1 0000 1 {0:024b} 1 {ue(0) * 2} 1 {1:065b} {hrd} 0 0 0 1"
        vui += "1" + ue(0) * 4 + ue(3) + ue(4)
        for text, depth in ((vui, 3), (vui[:-30], None), ("1 0000 0 00 0 0", None)):
            place = H264().place([sps(TYPE_0, vui=text), pps(), IDR])
            self.assertEqual(place, Place(True, 0, depth=depth))

    def test_unknown(self) -> None:
        """A slice whose parameter sets are not there says nothing; neither does none at all."""
        order = H264()
        self.assertIsNone(order.place([]))
        self.assertIsNone(order.place([IDR]))
        self.assertIsNone(order.place([IDR, sps(TYPE_0)]))
        self.assertIsNone(order.place([b"\x09\xf0"]))
        self.assertEqual(order.place([pps(), IDR]), Place(True, 0))

    def test_next_slice(self) -> None:
        """When a picture's first slice is damaged, the next one tells."""
        place = H264().place([sps(TYPE_0), pps(), b"\x65", b"\x65\0\0", IDR])
        self.assertEqual(place, Place(True, 0))

    @fast
    @given(st.lists(st.lists(st.binary(min_size=1, max_size=60), max_size=4), max_size=10))
    def test_any(self, pictures: list[list[bytes]]) -> None:
        """Random units raise nothing."""
        orders(H264(), pictures)

    @fast
    @given(st.integers(0, 3), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 7))))
    def test_damaged(self, index: int, flips: list[tuple[int, int]]) -> None:
        """Nor do those of a real stream with flipped bits."""
        damaged_is_harmless(H264(), "libx264", index, flips)


class HevcTests(SynchronousTestCase):
    """Where HEVC may begin, and what is passed over."""

    def cut(self) -> list[list[bytes]]:
        """Pictures from a CRA picture on, whose leading pictures refer to what is before it."""
        clip = media.clip(
            container="mpegts",
            video="libx265",
            audio=None,
            size=(64, 48),
            video_options=[
                ("x265-params", "bframes=3:open-gop=1:keyint=12:min-keyint=12:log-level=none")
            ],
        )
        with media.opened(clip) as file:
            pictures = [stored_payload.nal_units(bytes(p)) for p in file.demux() if p.size]
        first = next(n for n, p in enumerate(pictures) if any(u[0] >> 1 == 21 for u in p))
        return pictures[first:]

    def test_begins(self) -> None:
        """A CRA picture at the beginning begins; its leading pictures are shown before it."""
        found = orders(Hevc(), self.cut())
        self.assertEqual([begins for begins, _ in found], [True] + [False] * (len(found) - 1))
        self.assertLess(found[1][1], found[0][1])
        counts = [count for _, count in found]
        self.assertEqual(sorted(counts), list(range(min(counts), min(counts) + len(counts))))

    def test_ended(self) -> None:
        """What follows the end of a sequence begins, too."""
        cut = self.cut()
        cut[9] = [*cut[9], b"\x48\x01\0"]
        begins = [begins for begins, _ in orders(Hevc(), cut)]
        self.assertEqual([n for n, begin in enumerate(begins) if begin], [0, 10])

    def test_other_layers(self) -> None:
        """Only the base layer counts; slices that are not a picture's first say nothing."""
        order = Hevc()
        cut = self.cut()
        self.assertIsNone(order.place([bytes([u[0] | 1]) + u[1:] for u in cut[0]]))
        self.assertIsNone(order.place([u[:2] + b"\x7f" + u[3:] for u in cut[0] if u[0] >> 1 < 32]))
        self.assertIsNone(order.place([b"", b"\x26", b"\x26\x01"][1:]))
        self.assertIsNotNone(order.place(cut[0]))

    def test_planes(self) -> None:
        """A slice header may have more in it than encoders here write (7.3.6.1)."""
        profile = f"{0:096b}"
        sps = unit(
            b"\x42\x01", "0000 001 0", profile, "11", "0" * 14, "0" * 96, ue(0), ue(3), "1",
            ue(63), ue(47), "1", ue(0) * 4, ue(0) * 2, ue(0), "1", (ue(4) + ue(1) + ue(0)) * 2,
        )  # fmt: skip
        pps = unit(b"\x44\x01", ue(0) * 2, "0 1 010")
        cra = unit(b"\x2a\x01", "1 0", ue(0), "00", ue(2), "1 00", lsb(5), "0" * 16)
        self.assertEqual(Hevc().place([sps, pps, cra]), Place(True, 5, depth=1))

    @fast
    @given(st.lists(st.lists(st.binary(min_size=1, max_size=60), max_size=4), max_size=10))
    def test_any(self, pictures: list[list[bytes]]) -> None:
        """Random units raise nothing."""
        orders(Hevc(), pictures)

    @fast
    @given(st.integers(0, 3), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 7))))
    def test_damaged(self, index: int, flips: list[tuple[int, int]]) -> None:
        """Nor do those of a real stream with flipped bits."""
        damaged_is_harmless(Hevc(), "libx265", index, flips)


def damaged_is_harmless(order: Order, codec: str, index: int, flips: list[tuple[int, int]]) -> None:
    """Flip some bits in one of the first units of a stream, and look at all of it."""
    clip = media.clip(container="mpegts", video=codec, audio=None, seconds=0.2, bframes=2)
    with media.opened(clip) as file:
        pictures = [stored_payload.nal_units(bytes(p)) for p in file.demux() if p.size]
    damaged = bytearray(pictures[0][index % len(pictures[0])][:LONGEST])
    for at, bit in flips:
        damaged[at % len(damaged)] ^= 1 << bit
    pictures[0].insert(index, bytes(damaged))
    for place in map(order.place, [*pictures, *pictures]):
        if place is not None:
            assert place.depth is None or 0 <= place.depth <= 16
