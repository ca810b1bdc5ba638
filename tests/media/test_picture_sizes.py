"""The size of pictures, from the heads of keyframes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.picture_sizes import LOOKED_AT, described
from tests.support import media

ENCODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9", "av1": "libsvtav1", "mjpeg": "mjpeg"}

STARTS = {
    "vp8": bytes.fromhex("1000009d012a4001b400") + bytes(10),
    "vp9": bytes.fromhex("824983420013f00ef60038") + bytes(10),
    "av1": bytes.fromhex("12000a0b00000024ce3fbfffaf0080") + bytes(4),
    "mjpeg": bytes.fromhex("ffd8ffe000044a46ffc0001108009000a0030122") + bytes(8),
}
"""The beginnings of keyframes."""


class SizeTests(SynchronousTestCase):
    """What encoders write."""

    def coded(self, codec: str, size: tuple[int, int]) -> list[media.Read]:
        """The packets of a clip."""
        clip = media.clip(video=ENCODERS[codec], audio=None, seconds=0.4, gop=5, size=size)
        return media.packets(clip)

    def test_keyframes(self) -> None:
        """A keyframe says its size, another picture nothing."""
        for codec in ENCODERS:
            for size in ((160, 120), (322, 242)):
                for packet in self.coded(codec, size):
                    found = described(codec, packet.data)
                    if packet.key:
                        self.assertEqual(found and found[:2], size, codec)
                    else:
                        self.assertIsNone(found, codec)

    def test_others(self) -> None:
        """Of other codecs nothing is known here."""
        self.assertIsNone(described("h264", b"\0\0\0\1\x65"))

    @given(st.sampled_from(sorted(STARTS)), st.integers(0, 40), st.binary(max_size=60))
    def test_any(self, codec: str, kept: int, rest: bytes) -> None:
        """No bytes make it fail, and what it finds is a size."""
        found = described(codec, STARTS[codec][:kept] + rest)
        self.assertTrue(found is None or (found[0] > 0 and found[1] > 0))

    @given(
        st.sampled_from(sorted(STARTS)),
        st.lists(st.tuples(st.integers(0, 39), st.integers(0, 255))),
    )
    def test_flipped(self, codec: str, flips: list[tuple[int, int]]) -> None:
        """A sound head with damage does not make it fail."""
        data = bytearray(STARTS[codec])
        for at, value in flips:
            data[at % len(data)] = value
        described(codec, bytes(data))

    def test_long(self) -> None:
        """What repeats for as long as anything is looked at says nothing."""
        for codec in STARTS:
            for piece in (
                b"\xff\xd8" + b"\xff",
                b"\xff\xd8\xff\xe0\0\0",
                b"\x0a\0",
                b"\x12\0",
                b"\0",
            ):
                data = (piece[:2] + piece[2:] * LOOKED_AT + piece * LOOKED_AT)[:LOOKED_AT]
                self.assertIsNone(described(codec, data), codec)
