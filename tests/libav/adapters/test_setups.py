"""Setups that a container leaves out are found in the packets."""

from __future__ import annotations

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.head import codec_privates
from mkvtwist.libav.adapters import adapter_for
from mkvtwist.libav.headers.header import write_header
from tests.support import media
from tests.support.adapters import (
    WORDS,
    adapted,
)


class SetupTests(SynchronousTestCase):
    """What the decoder needs first."""

    def test_found(self) -> None:
        """A track whose container has no setup is ready with its first keyframe."""
        for container, codec in (("adts", "aac"), ("latm", "aac")):
            with media.opened(media.clip(container=container, seconds=0.2)) as file:
                adapter = adapter_for(file.streams[0])
                self.assertFalse(adapter.ready, container)
                list(adapter.packets(next(iter(file.demux()))))
                self.assertTrue(adapter.ready, container)
                self.assertTrue(adapter.setup, codec)

    def test_unprobed(self) -> None:
        """When the demuxer has not looked ahead, the first keyframe says what is needed."""
        clip = media.clip(container="mpegts", audio=None, seconds=2)
        path = media.cut(clip, self.mktemp(), "mpegts", lambda packet: (packet.pts or 0) > 200_000)
        short = {"probesize": "32", "analyzeduration": "0"}
        with av.open(str(path), "r", options=short) as container:
            adapter = adapter_for(container.streams[0])
            self.assertEqual((adapter.setup, adapter.was_shaped), (None, False))
            for packet in container.demux():
                self.assertFalse(adapter.ready)
                key = packet.is_keyframe
                list(adapter.packets(packet))
                if key:
                    break
            self.assertTrue(adapter.ready)
            self.assertFalse(adapter.changed)
            self.assertEqual((adapter.shape.width, adapter.shape.height), (160, 120))
            header, _ = write_header([adapter], container)
        self.assertEqual((header.tracks[0].width, header.left_out), (160, ()))

    def test_headless(self) -> None:
        """AAC that should have an ADTS head and has none is nothing, until one has come."""
        with media.opened(media.clip(container="adts", seconds=0.2)) as container:
            adapter = adapter_for(container.streams[0])
            good = next(iter(container.demux()))
            for junk in (b"", b"\xff", b"\xff\xe1\0\0\0", b"0123456789"):
                self.assertEqual(list(adapter.packets(av.Packet(junk))), [])
            self.assertEqual(len(list(adapter.packets(good))), 1)

    def test_transport(self) -> None:
        """H.264 out of a transport stream gets avcC in the header, HEVC hvcC, AAC its two bytes."""
        for codec, first in (("libx264", 1), ("libx265", 1)):
            mine = adapted(media.clip(container="mpegts", video=codec, seconds=1))
            privates = codec_privates(mine.header.matroska_head)
            self.assertEqual(privates[1][0], first)
            self.assertEqual(privates[2].hex()[:4], "1190")
            self.assertEqual(mine.header.left_out, ())

    def test_times(self) -> None:
        """The duration of a packet, and the delay of reordering, are known where they can be."""
        with media.opened(media.clip(bframes=2, seconds=1)) as container:
            video, audio = (adapter_for(stream) for stream in container.streams)
            self.assertEqual((video.step, video.delay), (40_000, 80_000))
            self.assertEqual((audio.step, audio.delay), (21_333, 0))

    def test_sparse(self) -> None:
        """Only subtitles may be silent for any time."""
        with media.opened(media.clip(seconds=1, subtitles=WORDS)) as container:
            sparse = [adapter_for(stream).sparse for stream in container.streams]
        self.assertEqual(sparse, [False, False, True])
