"""The size of pictures, from the heads of keyframes."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.demux.sizes import described
from tests import media

ENCODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9", "av1": "libsvtav1", "mjpeg": "mjpeg"}


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

    def test_random(self) -> None:
        """No bytes make it fail."""
        chance = random.Random(7)  # noqa: S311 (repeatable is what is wanted here)
        for codec in ENCODERS:
            whole = self.coded(codec, (160, 120))[0].data
            for length in range(40):
                described(codec, whole[:length])
            for _ in range(300):
                damaged = bytearray(whole[:200])
                for _ in range(4):
                    damaged[chance.randrange(len(damaged))] = chance.randrange(256)
                described(codec, bytes(damaged))
                described(codec, chance.randbytes(chance.randrange(100)))
