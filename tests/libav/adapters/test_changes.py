"""Changes of the parameters of a track are noticed."""

from __future__ import annotations

from typing import Any

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.adapters import adapter_for
from mkvtwist.media.crc import crc8 as flac_crc
from tests.support import media
from tests.support.adapters import (
    events,
    spliced,
)


class ChangeTests(SynchronousTestCase):
    """A track that is another one from some packet on."""

    def joined(self, container: str, *clips: dict[str, Any]) -> bytes:
        """Clips one behind the other."""
        data = [media.clip(container=container, audio=None, seconds=1, **more) for more in clips]
        return b"".join(path.read_bytes() for path in data)

    def test_size(self) -> None:
        """Another size is noticed with its first keyframe, and not again."""
        for codec in ("libx264", "libx265", "mpeg2video"):
            data = self.joined("mpegts", {"video": codec}, {"video": codec, "size": (320, 240)})
            made, adapter = events(data)
            changes = [index for index, (_, changed) in enumerate(made) if changed]
            self.assertEqual(len(changes), 1, codec)
            self.assertApproximates(changes[0], 25, 1, codec)
            self.assertEqual((adapter.shape.width, adapter.shape.height), (320, 240))

    def test_same(self) -> None:
        """The same encoder with other settings needs no other header."""
        data = self.joined("mpegts", {"video": "libx264"}, {"video": "libx264", "bframes": 2})
        made, _ = events(data)
        self.assertEqual([changed for _, changed in made], [False] * len(made))

    def test_container_says(self) -> None:
        """Another size of which the container tells, as FLV does, is noticed."""
        first, second = (
            media.clip(container="flv", seconds=1, size=size).read_bytes()
            for size in ((160, 120), (320, 240))
        )
        made, adapter = events(first + second[13:])
        self.assertEqual([index for index, (_, changed) in enumerate(made) if changed], [25])
        self.assertEqual((adapter.shape.width, adapter.shape.height), (320, 240))

    def test_sizes(self) -> None:
        """Another size inside VP8, VP9, AV1, MJPEG is noticed; the container says nothing of it."""
        for codec in ("libvpx", "libvpx-vp9", "libsvtav1", "mjpeg"):
            small, large = (
                media.clip(video=codec, audio=None, seconds=1, gop=25, size=size)
                for size in ((160, 120), (320, 240))
            )
            made, adapter = events(spliced(small, large))
            changes = [index for index, (_, changed) in enumerate(made) if changed]
            self.assertEqual(changes, [25], codec)
            self.assertEqual((adapter.shape.width, adapter.shape.height), (320, 240), codec)

    def test_parameter_sets(self) -> None:
        """Another size in parameter sets between prefixed pictures is noticed (avc3, hev1)."""
        for codec in ("libx264", "libx265"):
            small, large = (
                media.clip(container="mpegts", video=codec, audio=None, seconds=1, size=size)
                for size in ((160, 120), (320, 240))
            )
            made, adapter = events(spliced(small, large))
            changes = [index for index, (_, changed) in enumerate(made) if changed]
            self.assertEqual(changes, [25], codec)
            self.assertEqual((adapter.shape.width, adapter.shape.height), (320, 240), codec)

    def test_sound(self) -> None:
        """Other channels and rates inside one track of sound are noticed, and no frame is lost."""
        for codec in ("mp2", "libmp3lame", "ac3", "eac3", "flac"):
            one, two = (
                media.clip(
                    container="mpegts" if codec == "mp2" else "matroska",
                    video=None,
                    audio=codec,
                    seconds=0.5,
                    sample_rate=rate,
                    channels=channels,
                )
                for rate, channels in ((48000, 2), (44100, 1))
            )
            made, adapter = events(spliced(one, two))
            self.assertEqual(adapter.shape[:2], (44100, 1), codec)
            self.assertEqual(sum(changed for _, changed in made), 1, codec)
            self.assertEqual(sum(count for count, _ in made), len(made), codec)

    def test_flac_without_rate(self) -> None:
        """Frames of FLAC need not say their rate: other channels keep the one that is known."""
        one, two = (
            media.clip(audio="flac", video=None, seconds=0.5, sample_rate=44100, channels=channels)
            for channels in (2, 1)
        )
        with av.open(one) as known, av.open(two) as container:
            stream: Any = known.streams[0]
            adapter = adapter_for(stream)
            packet: Any
            for packet in container.demux():
                head = bytearray(bytes(packet))
                if not head:
                    continue
                end = next(n for n in range(5, 16) if flac_crc(head[:n]) == head[n])
                head[2] &= 0xF0  # the rate is that of the STREAMINFO
                head[end] = flac_crc(head[:end])
                made = av.Packet(bytes(head))
                made.time_base, made.pts, made.dts = packet.time_base, packet.pts, packet.dts
                list(adapter.packets(made))
            self.assertEqual(adapter.shape[:2], (44100, 1))
            setup = adapter.setup or b""
            numbers = int.from_bytes(setup[-34:][10:18], "big")
            self.assertEqual((numbers >> 44, (numbers >> 41 & 7) + 1), (44100, 1))

    def test_damaged_head(self) -> None:
        """One head that says something else is damage: its frame is left out."""
        one, two = (
            media.clip(video=None, audio="ac3", seconds=0.5, channels=channels)
            for channels in (2, 1)
        )
        made, _ = events(spliced(one, two, one, take=(5, 1, 5)))
        self.assertEqual(sum(changed for _, changed in made), 0)
        self.assertEqual(sum(count for count, _ in made), 10)

    def test_adts(self) -> None:
        """Another sample rate is noticed; damage in one packet is not taken for one."""
        first, second = (
            media.clip(container="adts", seconds=0.5, sample_rate=rate).read_bytes()
            for rate in (48000, 24000)
        )
        made, adapter = events(first + second)
        self.assertEqual(sum(changed for _, changed in made), 1)
        self.assertEqual(adapter.shape.sample_rate, 24000)
        self.assertEqual(adapter.setup and adapter.setup[:2].hex(), "1310")

    def test_latm(self) -> None:
        """Another sample rate in LATM is noticed."""
        first, second = (
            media.clip(container="latm", seconds=0.5, sample_rate=rate).read_bytes()
            for rate in (48000, 24000)
        )
        made, adapter = events(first + second)
        self.assertEqual(sum(changed for _, changed in made), 1)
        self.assertEqual((adapter.setup or b"").hex(), "1310")
        self.assertEqual(adapter.shape.sample_rate, 24000)
