"""The media's time, as packets tell it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.packet import SECOND, Header, Packet, Track
from mkvtwist.outputs.segmented.media_clock import STILL, MediaClock
from mkvtwist.testing import AUDIO, SOUND, VIDEO, footage
from tests.support.fakes import in_mp4

PICTURE = SECOND // 25


def packet(track: int, dts: int, duration: int = PICTURE) -> Packet:
    """A packet of a track."""
    return Packet(track, dts, dts, duration, True, b"x")


class MediaClockTests(SynchronousTestCase):
    """What tells the time."""

    def clock(self, *tracks: Track) -> MediaClock:
        """One that goes by these tracks."""
        clock = MediaClock()
        clock.begin(Header(tuple(map(in_mp4, tracks))))
        return clock

    def test_pictures(self) -> None:
        """Pictures tell the time, and sound between them does not."""
        clock = self.clock(VIDEO, AUDIO)
        self.assertEqual(clock.tell(packet(1, 0)), 0)
        self.assertIsNone(clock.tell(packet(2, PICTURE // 2)))
        self.assertEqual(clock.tell(packet(1, PICTURE)), PICTURE)
        self.assertEqual((clock.now, clock.end), (PICTURE, 2 * PICTURE))
        self.assertEqual((clock.leading, clock.pictures), ({1}, {1}))

    def test_sound_alone(self) -> None:
        """Without pictures all sounds tell the time."""
        clock = self.clock(SOUND)
        self.assertEqual(clock.tell(packet(1, 20)), 20)
        self.assertEqual((clock.leading, clock.pictures), ({1}, frozenset()))

    def test_never_back(self) -> None:
        """The time never goes back, over all periods."""
        clock = self.clock(VIDEO)
        clock.tell(packet(1, 5 * SECOND))
        self.assertEqual(clock.tell(packet(1, 4 * SECOND)), 5 * SECOND)
        clock.begin(Header((in_mp4(SOUND),)))
        self.assertEqual(clock.tell(packet(1, 0)), 5 * SECOND)

    def test_no_duration(self) -> None:
        """A packet of unknown duration is expected to last as long as the one before did."""
        clock = self.clock(VIDEO)
        clock.tell(packet(1, 0, 0))
        clock.tell(packet(1, PICTURE, 0))
        self.assertEqual(clock.end, 2 * PICTURE)

    def test_still(self) -> None:
        """While no picture comes, sound goes on with the time, from the last picture on."""
        clock = self.clock(VIDEO, AUDIO)
        clock.tell(packet(1, SECOND))
        told = [(p.dts, clock.tell(p)) for p in footage(5, 6, track=2, rate=50)]
        first = 5 * SECOND
        silent = [(dts, time) for dts, time in told if time is not None]
        self.assertEqual(silent[0], (first + STILL, SECOND + STILL))
        self.assertEqual({dts - time for dts, time in silent}, {first - SECOND})

    def test_slow_pictures(self) -> None:
        """A picture that usually stands for long is known to."""
        clock = self.clock(VIDEO, AUDIO)
        for second in range(4):
            clock.tell(packet(1, second * SECOND))
        self.assertEqual(clock.usual_pause(1), SECOND)
        quick = self.clock(VIDEO, AUDIO)
        for number in range(4):
            quick.tell(packet(1, number * PICTURE))
        self.assertEqual(quick.usual_pause(1), 0)

    def test_nothing(self) -> None:
        """Tracks that no output can hold tell no time."""
        clock = self.clock(Track(number=1, type="video", codec="vp8"))
        self.assertIsNone(clock.tell(packet(1, 0)))
