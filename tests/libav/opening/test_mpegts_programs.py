"""An MPEG-TS with several programmes: one of them is sent, with its own picture and sound."""

from __future__ import annotations

import time
from pathlib import Path

from mkvtwist.libav import Ended, Event, Noted
from mkvtwist.libav.opening.container_description import ContainerDescription
from mkvtwist.libav.opening.mpegts_programs import SentProgram
from tests.support import media
from tests.support.oddities import programmes
from tests.support.readers import ReaderTestCase, ThreadedReader, headers, notices, packets


def clips(seconds: float = 4) -> tuple[bytes, bytes, bytes]:
    """Sound alone, a large picture with sound, a small one with sound."""
    sound = media.clip(container="mpegts", video=None, seconds=seconds)
    large = media.clip(container="mpegts", seconds=seconds, bframes=2)
    small = media.clip(container="mpegts", seconds=seconds, size=(64, 48))
    return sound.read_bytes(), large.read_bytes(), small.read_bytes()


class ProgrammesTests(ReaderTestCase):
    """What becomes of them."""

    def file(self, data: bytes) -> Path:
        """The bytes in a file."""
        path = Path(self.mktemp())
        path.write_bytes(data)
        return path

    def sent(self, data: bytes, program: int = 0) -> list[Event]:
        """All that comes of a file."""
        return ThreadedReader(self, self.file(data), program=program).all()

    def widths(self, events: list[Event]) -> list[list[int | None]]:
        """The widths of the pictures in each header, None for sound."""
        return [[track.width for track in header.tracks] for header in headers(events)]

    def test_tables(self) -> None:
        """Each programme has its tracks; what is no MPEG-TS has no programmes."""
        sound, large, small = clips()
        with media.opened(programmes(sound, large, small)) as file:
            found = ContainerDescription(file, time.thread_time()).programs()
            types = {n: sorted(file.streams[i].type for i in tracks) for n, tracks in found.items()}
            both = ["audio", "video"]
            self.assertEqual(types, {1: ["audio"], 2: both, 3: both})
        with media.opened(media.clip(seconds=0.5)) as file:
            description = ContainerDescription(file, time.thread_time())
            self.assertEqual(description.programs(), {})
            self.assertTrue(SentProgram(description.programs, {0}, 2).has(0))

    def test_first_with_video(self) -> None:
        """Unasked, it is the first that has a picture; the other tracks are left out, by name."""
        sound, large, small = clips()
        events = self.sent(programmes(sound, large, small))
        self.assertEqual(self.widths(events), [[160, None]])
        left_out = headers(events)[0].left_out
        self.assertEqual(len(left_out), 3)
        for where in ("(audio, aac): of programme 1", "(video, h264): of programme 3"):
            self.assertTrue(any(f"{where}; programme 2 is sent" in text for text in left_out))

    def test_same(self) -> None:
        """The one that is sent is the same as if it were alone."""
        _, large, small = clips()
        for program, clip in ((1, large), (2, small)):
            several = packets(self.sent(programmes(large, small), program))
            alone = packets(self.sent(clip))
            self.assertEqual(several, alone)

    def test_sound(self) -> None:
        """One with sound alone can be asked for."""
        sound, large, _ = clips()
        self.assertEqual(self.widths(self.sent(programmes(large, sound), 2)), [[None]])

    def test_only_sound(self) -> None:
        """Without any picture it is the first."""
        sound, _, _ = clips()
        events = self.sent(programmes(sound, sound))
        self.assertEqual(self.widths(events), [[None]])

    def test_one(self) -> None:
        """A single programme is sent whole, and nothing is said."""
        events = self.sent(clips()[1])
        self.assertEqual(self.widths(events), [[160, None]])
        self.assertEqual(headers(events)[0].left_out, ())

    def test_later(self) -> None:
        """Another programme that appears later changes nothing."""
        sound, large, small = clips(6)
        for first in (large, sound):
            events = self.sent(programmes(first, small, begin=0.5))
            self.assertEqual(len(headers(events)), 1)
            self.assertEqual(notices(events), [])
            self.assertEqual(packets(events), packets(self.sent(first)))

    def test_waits(self) -> None:
        """One that is asked for and not there is waited for, and sent when it comes."""
        _, large, small = clips(6)
        for mixed in (programmes(large, small, begin=0.5), programmes(large, small, table=0.5)):
            events = self.sent(mixed, 2)
            first, *later = [event.texts for event in events if isinstance(event, Noted)]
            self.assertIn("there is no programme 2; known so far: 1", first[0])
            self.assertEqual(later, [()], "it is there")
            (widths,) = self.widths(events)
            self.assertCountEqual(widths, [64, None])
            self.assertGreater(len(packets(events)), 100)

    def test_missing(self) -> None:
        """One that never comes is the end, and the reason names those that there are."""
        _, large, small = clips()
        ended = self.sent(programmes(large, small), 7)[-1]
        assert isinstance(ended, Ended)
        self.assertEqual(ended.reason, "there is no programme 7; known so far: 1, 2")
        self.assertTrue(ended.fault)
