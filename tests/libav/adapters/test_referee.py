"""Every kind of track becomes what the muxer of libavformat would store."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support import media
from tests.support.adapters import (
    WORDS,
    adapted,
    blocks,
    muxed,
)


class RefereeTests(SynchronousTestCase):
    """Against libavformat's muxer, block by block."""

    def check(self, source: media.Source, name: str) -> None:
        """Payloads, keyframes and durations of subtitles are those that libavformat writes."""
        mine, other = adapted(source), blocks(muxed(source))
        got = blocks(mine.data)
        self.assertEqual(set(got), set(other), name)
        for number, expected in other.items():
            self.assertEqual(len(got[number]), len(expected), (name, number))
            for one, block in zip(got[number], expected, strict=True):
                self.assertEqual(one.data, block.data, (name, number))
                self.assertEqual(one.key, block.key, (name, number))
                if mine.header.tracks[number].type == "subtitle":
                    self.assertEqual(one.duration, block.duration, (name, number))

    def test_containers(self) -> None:
        """Out of every container."""
        for name in (
            *("matroska", "webm", "mp4", "fmp4", "mov", "3gp", "mpegts", "m2ts", "mpegps", "flv"),
            *("avi", "nut", "ogg", "opus", "ivf", "h264", "obu", "mpeg2video", "m4v"),
            *("mjpeg", "adts", "mp3", "ac3", "eac3", "flac", "wav", "aiff", "caf", "m4a"),
        ):
            self.check(media.clip(container=name, seconds=1, gop=10), name)

    def test_video(self) -> None:
        """Every video codec."""
        for codec, container in media.VIDEO_CODECS.items():
            if codec not in ("wmv2", "flv", "rawvideo"):
                clip = media.clip(container=container, video=codec, audio=None, seconds=1)
                self.check(clip, codec)

    def test_audio(self) -> None:
        """Every audio codec."""
        for codec, container in media.AUDIO_CODECS.items():
            if codec not in ("pcm_alaw", "pcm_mulaw", "adpcm_ms", "adpcm_ima_wav", "wmav2"):
                clip = media.clip(container=container, video=None, audio=codec, seconds=0.5)
                self.check(clip, codec)

    def test_reordered(self) -> None:
        """Reordered pictures, out of every kind of container."""
        for codec in ("libx264", "libx265"):
            for name in ("matroska", "mpegts", "mp4", "nut"):
                clip = media.clip(container=name, video=codec, bframes=2, seconds=1, gop=10)
                self.check(clip, f"{codec} {name}")

    def test_subtitles(self) -> None:
        """Subtitles as text and as pictures."""
        for container, codec in (
            ("matroska", "subrip"),
            ("matroska", "ass"),
            ("matroska", "webvtt"),
            ("webm", "webvtt"),
            ("mpegts", "dvbsub"),
        ):
            clip = media.clip(container=container, seconds=1, subtitles=WORDS, subtitle_codec=codec)
            self.check(clip, codec)
