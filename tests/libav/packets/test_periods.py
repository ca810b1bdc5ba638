"""When a header goes out, what waits for it, and which tracks are in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.mp4.head import timescales
from mkvtwist.libav import Event
from mkvtwist.libav.limits import PENDING_MEDIA, ReaderLimits
from mkvtwist.media.packet import SECOND, Header, Packet
from tests.support import media
from tests.support.readers import ReaderTestCase, gone, headers, is_video, notices, packets, stored


class HeaderTests(ReaderTestCase):
    """Tracks that turn up late, and those that change."""

    def late(self, seconds: float) -> Path:
        """An MPEG-TS whose sound comes so much later than its pictures."""
        return media.cut(
            media.clip(container="mpegts", seconds=12, size=(64, 48)),
            self.mktemp(),
            "mpegts",
            lambda p: p.type == "video" or (p.pts or 0) >= seconds * SECOND,
        )

    def test_late(self) -> None:
        """The header is held for a track that comes late, and nothing is lost."""
        clip = self.late(2)
        events = self.read(clip)
        self.assertEqual([len(header.tracks) for header in headers(events)], [2])
        self.assertEqual(sum(packet.track == 1 for packet in packets(events)), 300)

    def test_too_late(self) -> None:
        """For one that comes too late it is not held; that one has a new header when it comes."""
        events = self.read(self.late(8))
        first, *_, last = headers(events)
        self.assertEqual([track.type for track in first.tracks], ["video"])
        self.assertEqual(len(first.left_out), 1)
        self.assertIn("audio", first.left_out[0])
        self.assertEqual([track.type for track in last.tracks], ["video", "audio"])
        self.assertEqual(last.left_out, ())
        # Held for so long, and not longer: the header is before the packet that is beyond it.
        self.assertLess(packets(events[: events.index(last)])[-1].dts, 11 * SECOND)
        began = False
        for event in events:
            if isinstance(event, Header):
                began = False
            elif isinstance(event, Packet) and event.track == 1:
                self.assertTrue(began or event.key)
                began = True

    def test_silent(self) -> None:
        """One that never comes is not waited for at the end."""
        path = media.cut(
            media.clip(container="mpegts", seconds=2), self.mktemp(), "mpegts", is_video
        )
        (header,) = headers(events := self.read(path))
        self.assertEqual([track.type for track in header.tracks], ["video"])
        self.assertEqual(len(packets(events)), 50)

    def test_no_keyframe(self) -> None:
        """Pictures that nobody could decode are not kept for ever."""
        path = media.cut(
            media.clip(container="mpegts", audio=None, seconds=8, gop=1000),
            self.mktemp(),
            "mpegts",
            lambda packet: not packet.key,
        )
        self.read_fault(path, limits=ReaderLimits(pending=20_000))

    def test_held_in_bytes(self) -> None:
        """The header is held for a bounded number of bytes."""
        events = self.read(self.late(3), limits=ReaderLimits(pending=20_000))
        self.assertEqual(len(headers(events)[0].tracks), 1)

    def test_patience(self) -> None:
        """It is held for four seconds of media."""
        self.assertEqual(PENDING_MEDIA, 4_000_000)

    def test_another_size(self) -> None:
        """When the pictures become larger, a new header stands before the first of them."""
        path = Path(self.mktemp())
        small = media.clip(container="mpegts", seconds=2)
        large = media.clip(container="mpegts", seconds=2, size=(320, 240), first=50)
        path.write_bytes(small.read_bytes() + large.read_bytes())
        events = self.read(path)
        one, two = headers(events)
        self.assertEqual([h.tracks[0].width for h in (one, two)], [160, 320])
        self.assertEqual(one.tracks[1], two.tracks[1])
        files = stored(events)
        numbers = [[f.number for f in media.frames(f) if f.type == "video"] for f in files]
        self.assertEqual(numbers, [list(range(50)), list(range(50, 100))])


class SilenceTests(ReaderTestCase):
    """Tracks that pause, those that end, and those that come back."""

    def without(
        self, silent: Callable[[media.Read], bool], container: str = "matroska", **options: Any
    ) -> list[Event]:
        """What comes of a clip without some packets."""
        clip = media.clip(container=container, size=(64, 48), **options)
        path = media.cut(clip, self.mktemp(), container, lambda packet: not silent(packet))
        return self.read(path)

    def kinds(self, events: list[Event]) -> list[list[str]]:
        """The types of the tracks in each header."""
        return [[track.type for track in header.tracks] for header in headers(events)]

    def begins(self, events: list[Event]) -> list[Packet]:
        """The first packet after each header."""
        return [
            next(event for event in events[place:] if isinstance(event, Packet))
            for place, event in enumerate(events)
            if isinstance(event, Header)
        ]

    def assert_in_step(self, events: list[Event]) -> None:
        """Each picture is where it was on the line, as is the sound between."""
        for file in stored(events):
            for picture in media.frames(file):
                if picture.type == "video":
                    assert picture.pts is not None
                    assert picture.number is not None
                    self.assertLess(abs(picture.pts - picture.number * SECOND // 25), 50_000)

    def test_video_ends(self) -> None:
        """After eleven seconds without a picture a header without it is written, for the sound."""
        events = self.without(gone("video", 4), seconds=20)
        self.assertEqual(self.kinds(events), [["video", "audio"], ["audio"]])
        header = headers(events)[-1]
        self.assertEqual(header.left_out, ("track 0 (video, h264): silent",))
        self.assertEqual(round(self.begins(events)[1].dts / SECOND, 1), 15)
        last = packets(events)[-1]
        self.assertGreater(last.dts, 19.9 * SECOND)

    def test_video_comes_back(self) -> None:
        """It comes back with its next keyframe, in step with the sound."""
        events = self.without(gone("video", 4, 18.4), seconds=21)
        self.assertEqual(self.kinds(events), [["video", "audio"], ["audio"], ["video", "audio"]])
        first = self.begins(events)[2]
        self.assertTrue(first.key)
        self.assertEqual((first.track, round(first.pts / SECOND, 1)), (1, 19))
        before, alone, after = headers(events)
        self.assertEqual(alone.tracks, before.tracks[1:])  # its number, too
        self.assertEqual(after.tracks, before.tracks)
        self.assertEqual(list(timescales(media.all_of(MP4, alone).head)), [2])
        self.assert_in_step(events)
        self.assertEqual(notices(events), [])

    def test_short_pause(self) -> None:
        """A pause of less than that asks for no header, and no picture is lost in it."""
        missing = range(100, 350)
        events = self.without(gone("video", 4, 14), seconds=16, gop=1000)
        self.assertEqual(self.kinds(events), [["video", "audio"]])
        pictures = [p for p in packets(events) if p.track == 1]
        self.assertEqual(len(pictures), 16 * 25 - len(missing))
        self.assertFalse(any(p.key for p in pictures[1:]))

    def test_sound_ends(self) -> None:
        """Sound that is silent is left out at a keyframe, and comes back at one."""
        events = self.without(gone("audio", 3, 17.5), seconds=21, gop=50)
        self.assertEqual(self.kinds(events), [["video", "audio"], ["video"], ["video", "audio"]])
        firsts = self.begins(events)[1:]
        self.assertEqual([(p.track, p.key) for p in firsts], [(1, True)] * 2)
        self.assertEqual([round(p.pts / SECOND, 1) for p in firsts], [14, 18])
        self.assert_in_step(events)

    def keyframes_only(self, **options: Any) -> list[Event]:
        """What comes of a clip of few pictures and cheap sound, of which the keyframes are left."""
        cheap: dict[str, Any] = {"rate": 5, "sample_rate": 8000, "channels": 1}
        return self.without(lambda p: is_video(p) and not p.key, **cheap, **options)

    def test_slide_show(self) -> None:
        """A picture every ten seconds is alive from the first on."""
        events = self.keyframes_only(seconds=45, gop=50)
        self.assertEqual(self.kinds(events), [["video", "audio"]])

    def test_rarer(self) -> None:
        """Rarer ones are alive once that is known."""
        events = self.keyframes_only(seconds=75, gop=75)
        found = headers(events)
        self.assertEqual(self.kinds(events)[-1], ["video", "audio"])
        last = next(p for p in packets(events[events.index(found[-1]) :]))
        self.assertLessEqual(last.pts, 45 * SECOND)

    def test_video_comes_late(self) -> None:
        """A video that is declared and comes late has a header of its own, at its keyframe."""
        events = self.without(gone("video", -1, 6.4), seconds=10)
        self.assertEqual(self.kinds(events), [["audio"], ["video", "audio"]])
        self.assertIn("no packet of it has come", headers(events)[0].left_out[0])
        self.assertEqual(round(self.begins(events)[1].pts / SECOND, 1), 7)
        self.assert_in_step(events)

    def test_sound_comes_late(self) -> None:
        """Sound that comes late has a header of its own; up to two seconds are waited for."""
        events = self.without(gone("audio", -1, 5), seconds=8)
        self.assertEqual(self.kinds(events), [["video"], ["video", "audio"]])
        events = self.without(gone("audio", -1, 1.5), seconds=8)
        self.assertEqual(self.kinds(events), [["video", "audio"]])

    def test_subtitles_alone(self) -> None:
        """Subtitles that go on when all else has ended are no reason for a header of their own."""
        texts = [(float(start), 1.0, "text") for start in range(0, 60, 2)]
        events = self.read(media.clip(seconds=4, size=(64, 48), subtitles=texts))
        self.assertGreater(packets(events)[-1].dts, 50 * SECOND)
        self.assertEqual(self.kinds(events), [["video", "audio", "subtitle"]])

    def test_script_data(self) -> None:
        """Metadata that come again in FLV are no subtitles, whatever its reader takes them for."""
        data = media.clip(container="flv", seconds=4).read_bytes()
        length = int.from_bytes(data[14:17], "big") + 15
        first = data[13 : 13 + length]
        again = first[:4] + (40).to_bytes(3, "big") + first[7:]
        path = Path(self.mktemp())
        place = 13 + length
        for _ in range(6):  # among the first packets, where the tracks are looked for
            place += int.from_bytes(data[place + 1 : place + 4], "big") + 15
        path.write_bytes(data[:place] + again + data[place:])
        with av.open(str(path)) as file:
            self.assertEqual([stream.type for stream in file.streams][2:], ["subtitle"])
        events = self.read(path)
        self.assertEqual(self.kinds(events), [["video", "audio"]])
