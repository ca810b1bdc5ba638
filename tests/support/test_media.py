"""The clips that the other tests lean on are what C{media} says they are."""

import os
from fractions import Fraction
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import media


class ClipTests(SynchronousTestCase):
    """Clips out of L{media.clip}."""

    def test_priority(self) -> None:
        """A clip that was made leaves nothing behind in the process: SVT-AV1 would its priority."""
        before = os.sched_getscheduler(0)
        media.clip(video="libsvtav1", audio=None, seconds=0.4)
        self.assertEqual(os.sched_getscheduler(0), before)

    def test_containers(self) -> None:
        """Every container gives back each picture once, and keyframes where the GOPs begin."""
        for name, home in media.CONTAINERS.items():
            clip = media.clip(container=name, seconds=1, gop=10)
            shown = media.frames(clip)
            if home.video:
                numbers = [frame.number for frame in shown if frame.type == "video"]
                self.assertEqual(numbers, list(range(25)), name)
                keys = [p.key for p in media.packets(clip) if p.type == "video"]
                if not all(keys):  # MJPEG, DV and raw video know nothing else
                    self.assertEqual([i for i, key in enumerate(keys) if key], [0, 10, 20], name)
            if home.audio:
                samples = sum(frame.number or 0 for frame in shown if frame.type == "audio")
                self.assertApproximates(samples / 48000, 1, 0.1, name)

    def test_codecs(self) -> None:
        """Every encoder gives back each picture, or all the sound."""
        for codec, container in media.VIDEO_CODECS.items():
            clip = media.clip(container=container, video=codec, audio=None, seconds=1)
            numbers = [frame.number for frame in media.frames(clip)]
            self.assertEqual(numbers, list(range(25)), codec)
        for codec, container in media.AUDIO_CODECS.items():
            clip = media.clip(container=container, video=None, audio=codec, seconds=1)
            samples = sum(frame.number or 0 for frame in media.frames(clip))
            self.assertApproximates(samples / 48000, 1, 0.1, codec)

    def test_start(self) -> None:
        """A clip starts when it is told to, with B-pictures, too."""
        for name in ("matroska", "mp4", "fmp4", "mpegts", "flv", "nut"):
            clip = media.clip(container=name, video="libx264", bframes=2, start=1000)
            pts = [p.pts for p in media.packets(clip) if p.type == "video"]
            self.assertEqual(pts[:3], [1000_000_000, 1000_120_000, 1000_040_000], name)

    def test_same(self) -> None:
        """The same arguments give the same bytes."""
        first = media.clip(bframes=2).read_bytes()
        media.forget()
        self.assertEqual(media.clip(bframes=2).read_bytes(), first)

    def test_parameters(self) -> None:
        """Languages, titles, flags, subtitles, chapters, tags and attachments are in the clip."""
        clip = media.clip(
            seconds=1,
            languages=("eng", "deu"),
            titles=("One", "Two"),
            default=1,
            forced=0,
            sar=Fraction(4, 3),
            subtitles=[(0.2, 0.5, "Hello")],
            chapters=[(0, 0.5, "Begin"), (0.5, 1, "End")],
            metadata=[("title", "Film")],
            attachments=[("a.ttf", "font/ttf", b"123")],
        )
        tracks, whole = media.parameters(clip)
        self.assertEqual(
            [track["type"] for track in tracks],
            ["video", "audio", "audio", "subtitle", "attachment"],
        )
        self.assertEqual(tracks[0]["sar"], Fraction(4, 3))
        self.assertEqual([t["metadata"]["language"] for t in tracks[1:3]], ["eng", "deu"])
        self.assertEqual([t["metadata"]["title"] for t in tracks[1:3]], ["One", "Two"])
        self.assertEqual([t["disposition"].name for t in tracks[1:3]], ["forced", "default"])
        self.assertEqual(tracks[4]["data"], b"123")
        self.assertEqual([c["metadata"]["title"] for c in whole["chapters"]], ["Begin", "End"])
        self.assertEqual(whole["metadata"]["title"], "Film")
        subtitle = next(p for p in media.packets(clip) if p.type == "subtitle")
        self.assertEqual((subtitle.pts, subtitle.duration), (200_000, 500_000))

    def test_cut(self) -> None:
        """A cut clip has only the packets that were asked for."""
        clip = media.clip(container="mpegts", seconds=1)
        path = media.cut(
            clip, Path(self.mktemp()), "mpegts", lambda p: p.type == "video" and (p.pts or 0) > 3e5
        )
        self.assertEqual(len(media.packets(path)), 18)

    def test_damaged(self) -> None:
        """Damage is repeatable, and spares what it is told to spare."""
        data = bytes(10_000)
        wrong = media.damaged(data, rate=1e-2, spare=100)
        self.assertEqual(wrong, media.damaged(data, rate=1e-2, spare=100))
        self.assertEqual(wrong[:100], data[:100])
        self.assertGreater(wrong.count(0), 8_000)
        self.assertLess(wrong.count(0), 10_000)
