"""The order of HEVC's pictures is what the standard says, and damage raises nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media import stored_payload
from mkvtwist.media.hevc_order import HevcOrder
from mkvtwist.media.picture_order import DisplayPlace
from tests.media.test_h264_order import lsb
from tests.media.test_picture_order import damaged_is_harmless, orders, unit
from tests.support import media
from tests.support.bitstreams import ue

fast = settings(max_examples=300)


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
        found = orders(HevcOrder(), self.cut())
        self.assertEqual([begins for begins, _ in found], [True] + [False] * (len(found) - 1))
        self.assertLess(found[1][1], found[0][1])
        counts = [count for _, count in found]
        self.assertEqual(sorted(counts), list(range(min(counts), min(counts) + len(counts))))

    def test_ended(self) -> None:
        """What follows the end of a sequence begins, too."""
        cut = self.cut()
        cut[9] = [*cut[9], b"\x48\x01\0"]
        begins = [begins for begins, _ in orders(HevcOrder(), cut)]
        self.assertEqual([n for n, begin in enumerate(begins) if begin], [0, 10])

    def test_other_layers(self) -> None:
        """Only the base layer counts; slices that are not a picture's first say nothing."""
        order = HevcOrder()
        cut = self.cut()
        self.assertIsNone(order.place([bytes([u[0] | 1]) + u[1:] for u in cut[0]]))
        self.assertIsNone(order.place([u[:2] + b"\x7f" + u[3:] for u in cut[0] if u[0] >> 1 < 32]))
        self.assertIsNone(order.place([b"\x26", b"\x26\x01"]))
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
        self.assertEqual(HevcOrder().place([sps, pps, cra]), DisplayPlace(True, 5, depth=1))

    @fast
    @given(st.lists(st.lists(st.binary(min_size=1, max_size=60), max_size=4), max_size=10))
    def test_any(self, pictures: list[list[bytes]]) -> None:
        """Random units raise nothing."""
        orders(HevcOrder(), pictures)

    @fast
    @given(st.integers(0, 3), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 7))))
    def test_damaged(self, index: int, flips: list[tuple[int, int]]) -> None:
        """Units of a real stream with flipped bits raise nothing."""
        damaged_is_harmless(HevcOrder(), "libx265", index, flips)
