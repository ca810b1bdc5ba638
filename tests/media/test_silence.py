"""How long tracks are silent, as the others tell the time."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.packet import SECOND
from mkvtwist.media.silence import LONGEST_QUIET, QUIET, Silences

PICTURE, SOUND, OTHER = 1, 2, 3
FRAME = SECOND // 25


def heard(silences: Silences, number: int, start: float, end: float, step: float = 0.04) -> None:
    """A track's packets from one second up to another."""
    for count in range(round((end - start) / step)):
        silences.heard(number, round((start + count * step) * SECOND))


class SilenceTests(SynchronousTestCase):
    """What counts as silence."""

    def test_none(self) -> None:
        """There is none while the packets come, nor in a track that is alone."""
        silences = Silences([PICTURE, SOUND])
        for count in range(100):
            silences.heard(PICTURE, count * FRAME)
            silences.heard(SOUND, count * FRAME)
        self.assertEqual((silences.of(PICTURE), silences.of(SOUND)), (0, 0))
        alone = Silences([PICTURE])
        heard(alone, PICTURE, 0, 60, 20)
        self.assertEqual(alone.of(PICTURE), 0)

    def test_grows(self) -> None:
        """It is what another track has gone on since the last packet; a packet ends it."""
        silences = Silences([PICTURE, SOUND])
        silences.heard(PICTURE, 0)
        heard(silences, SOUND, 0.5, 3.5, 1)
        self.assertEqual(silences.of(PICTURE), 2 * SECOND)
        self.assertTrue(silences.is_quiet(PICTURE))
        self.assertFalse(silences.is_quiet(SOUND))
        silences.heard(PICTURE, 3 * SECOND)
        self.assertEqual(silences.of(PICTURE), 0)
        self.assertFalse(silences.is_quiet(PICTURE))

    def test_apart(self) -> None:
        """A track that is always far ahead of another makes no silence of the other's."""
        silences = Silences([PICTURE, SOUND])
        for count in range(100):
            silences.heard(PICTURE, count * FRAME)
            silences.heard(SOUND, count * FRAME + 9 * SECOND)
            self.assertEqual((silences.of(PICTURE), silences.of(SOUND)), (0, 0))
        heard(silences, SOUND, 13, 15.1)
        self.assertTrue(silences.is_quiet(PICTURE))

    def test_declared(self) -> None:
        """A track of which nothing has come yet is silent from the beginning."""
        silences = Silences([PICTURE, SOUND])
        heard(silences, SOUND, 100, 102.5)
        self.assertTrue(silences.is_quiet(PICTURE))

    def test_unknown(self) -> None:
        """A track that turns up later counts from then on."""
        silences = Silences([SOUND])
        heard(silences, SOUND, 0, 5)
        silences.heard(OTHER, 5 * SECOND)
        self.assertEqual(silences.of(OTHER), 0)
        heard(silences, SOUND, 5, 8)
        self.assertTrue(silences.is_quiet(OTHER))

    def test_several(self) -> None:
        """Of several tracks that go on the one that has gone on for longest tells."""
        silences = Silences([PICTURE, SOUND, OTHER])
        silences.heard(PICTURE, 0)
        silences.heard(SOUND, 0)
        silences.heard(OTHER, 0)
        heard(silences, OTHER, 0, 3)
        silences.heard(SOUND, FRAME)
        self.assertGreater(silences.of(PICTURE), 2.9 * SECOND)


class UsualTests(SynchronousTestCase):
    """Tracks of which packets are rare."""

    def slides(self, *times: float) -> Silences:
        """Pictures at these seconds, and sound up to two seconds behind the last."""
        silences = Silences([PICTURE, SOUND])
        due = list(times)
        for count in range(round((times[-1] + 2) * 25) + 1):
            if due and count / 25 >= due[0]:
                silences.heard(PICTURE, round(due.pop(0) * SECOND))
            silences.heard(SOUND, count * FRAME)
        return silences

    def test_slide_show(self) -> None:
        """What is usual two times in a row is no silence; it is one up to twice as long."""
        self.assertTrue(self.slides(0, 8).is_quiet(PICTURE))
        silences = self.slides(0, 8, 16)
        self.assertEqual(silences.usual(PICTURE), 8 * SECOND)
        self.assertFalse(silences.is_quiet(PICTURE))
        heard(silences, SOUND, 18, 31.9)
        self.assertFalse(silences.is_quiet(PICTURE))
        heard(silences, SOUND, 32, 32.2)
        self.assertTrue(silences.is_quiet(PICTURE))

    def test_one_pause(self) -> None:
        """One long pause among pictures that come steadily makes nothing usual."""
        silences = self.slides(0, 0.04, 0.08, 8, 8.04, 8.08)
        self.assertEqual(silences.usual(PICTURE), FRAME)
        self.assertEqual(self.slides(0, 0.04, 0.08, 8).usual(PICTURE), FRAME)
        self.assertTrue(self.slides(0, 0.04, 0.08, 8).is_quiet(PICTURE, QUIET - FRAME))

    def test_bounds(self) -> None:
        """A track is quiet after some time in any case, and not before another."""
        silences = self.slides(0, 40, 80)
        self.assertEqual(silences.usual(PICTURE), LONGEST_QUIET)
        heard(silences, SOUND, 82, 100.2)
        self.assertTrue(silences.is_quiet(PICTURE))
        self.assertFalse(silences.is_quiet(PICTURE, 11 * SECOND, 120 * SECOND))
        self.assertFalse(silences.is_quiet(PICTURE, 30 * SECOND))
