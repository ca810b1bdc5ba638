"""Packets on the line of time, whose timestamps jump or are far apart."""

from __future__ import annotations

from pathlib import Path

from mkvtwist.libav import Noted
from mkvtwist.media.packet import SECOND
from tests.support import media
from tests.support.oddities import sound_moved
from tests.support.readers import (
    ReaderTestCase,
    ThreadedReader,
    filled_pipe,
    headers,
    notices,
    packets,
)


class PlacingTests(ReaderTestCase):
    """Timestamps that do not go with those before, or with those of other tracks."""

    def test_apart(self) -> None:
        """Of a live sender, sound that is 20 s off goes with what it arrives with; 5 s are kept."""
        clip = media.clip(container="mpegts", seconds=4)
        for seconds, kept in ((20, False), (-20, False), (5, True), (3600, False)):
            path = Path(self.mktemp())
            path.write_bytes(sound_moved(clip.read_bytes(), seconds))
            live = ThreadedReader(self, "tcp:12345", filled_pipe(path.read_bytes())).all()
            off = [
                next(p.dts for p in packets(live) if p.track == track) / SECOND for track in (1, 2)
            ]
            self.assertLess(abs(off[1] - off[0] - (seconds if kept else 0)), 1, f"{seconds} s")
            said = [text for event in live if isinstance(event, Noted) for text in event.texts]
            self.assertEqual(len(said), not kept)
            if not kept:
                self.assertIn("it is sent together with what it arrives with", said[0])
            file = self.read(path)
            off = [
                next(p.dts for p in packets(file) if p.track == track) / SECOND for track in (1, 2)
            ]
            if abs(seconds) < 60:
                self.assertLess(abs(off[1] - off[0] - seconds), 1, "a file says what it means")

    def test_jump(self) -> None:
        """When timestamps jump, the line goes on; that is noticed, and said."""
        path = Path(self.mktemp())
        clip = media.clip(container="mpegts", seconds=2)
        later = media.clip(container="mpegts", seconds=2, start=5000)
        path.write_bytes(clip.read_bytes() + later.read_bytes() + clip.read_bytes())
        reading = ThreadedReader(self, path)
        events = reading.all()
        self.assertEqual(len(headers(events)), 1)
        self.assertGreaterEqual(reading.timeline.discontinuities, 2)
        self.assertTrue(any("jump" in text for text in notices(events)))
        times = [packet.dts for packet in packets(events) if packet.track == 1]
        self.assertEqual(len(times), 150)
        self.assertEqual(times, sorted(times))
        self.assertLess(times[-1], 8 * SECOND)
