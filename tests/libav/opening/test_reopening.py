"""Inputs whose tracks change on the way are opened anew."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from mkvtwist.libav import Ended
from mkvtwist.media.packet import Header, Packet
from tests.support import media
from tests.support.readers import ReaderTestCase, Unseekable, headers, notices, packets, stored


class ReopeningTests(ReaderTestCase):
    """Tracks that nothing has told of at the opening."""

    def with_late_sound(self) -> Path:
        """An MPEG-TS to which sound is added after seven seconds, under a new number."""
        silent = media.clip(container="mpegts", audio=None, seconds=7)
        both = media.clip(container="mpegts", seconds=4, start=7, first=175)
        path = Path(self.mktemp()).absolute()
        path.write_bytes(silent.read_bytes() + both.read_bytes())
        return path

    def test_new_track_at_the_end(self) -> None:
        """A track that turns up in the last moment is no reason to begin again."""
        silent = media.clip(container="mpegts", audio=None, seconds=2)
        both = media.clip(container="mpegts", seconds=0.12, start=2, first=50)
        path = Path(self.mktemp())
        path.write_bytes(silent.read_bytes() + both.read_bytes())
        events = self.read(path)
        self.assertEqual(events[-1], Ended("the end of the input", fault=False))
        self.assertEqual(notices(events), [])
        self.assertEqual(len(headers(events)), 1)

    def test_new_track(self) -> None:
        """A track that nothing has told of before is noticed; the file is read on from there."""
        path = self.with_late_sound()
        events = self.read(path)
        kinds = [[track.type for track in header.tracks] for header in headers(events)]
        self.assertEqual((kinds[0], kinds[-1]), (["video"], ["video", "audio"]))
        self.assertTrue(any("opened anew" in text for text in notices(events)))
        self.assertEqual(events[-1], Ended("the end of the input", fault=False))
        shown = [f.number for file in stored(events) for f in media.frames(file)]
        # To open it anew costs what is left of a GOP.
        for number in (*range(174), *range(200, 275)):
            self.assertIn(number, shown)
        times = [packet.dts for packet in packets(events) if packet.track == 1]
        self.assertEqual(times, sorted(times))

    def test_rare_pictures(self) -> None:
        """MPEG-TS whose first picture ends 8 s later is opened anew, and goes on with its sound."""
        clip = media.clip(container="mpegts", seconds=26, gop=25)
        often = count()  # the pictures come once in 8 s
        path = media.cut(
            clip, self.mktemp(), "mpegts", lambda p: p.type != "video" or next(often) % 200 == 0
        )
        events = self.read(path)
        self.assertTrue(any("opened anew" in text for text in notices(events)))
        self.assertEqual([t.type for t in headers(events)[-1].tracks], ["video", "audio"])
        number = 0
        sound = 0
        for event in events:
            if isinstance(event, Header):
                number = next(t.number for t in event.tracks if t.type == "audio")
            sound += isinstance(event, Packet) and event.track == number
        there = sum(p.type == "audio" for p in media.packets(path))
        self.assertLessEqual(sound, there + 8, "no more than what is in one packet of the stream")

    def test_new_track_of_a_sender(self) -> None:
        """A sender's stream with a new track is opened anew where it is: what is gone is gone."""
        path = self.with_late_sound()
        with path.open("rb", buffering=0) as file:
            events = self.read("-", bytes_=Unseekable(file))
        kinds = [[track.type for track in header.tracks] for header in headers(events)]
        self.assertEqual((kinds[0], kinds[-1]), (["video"], ["video", "audio"]))
