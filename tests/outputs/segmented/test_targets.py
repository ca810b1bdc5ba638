"""Target durations."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.packet import SECOND
from mkvtwist.outputs.segmented.targets import PART, Targets, centiseconds, rounded


class TargetsTests(SynchronousTestCase):
    """What playlists promise of segments and parts."""

    def test_segment(self) -> None:
        """The target covers each segment, as durations are rounded, and never shrinks."""
        targets = Targets()
        for duration, target in ((2_400_000, 2), (2_500_000, 3), (SECOND, 3)):
            targets.cover(duration)
            self.assertEqual(targets.segment, target)

    def test_rise(self) -> None:
        """While a segment grows beyond the target, that rises by half."""
        targets = Targets()
        targets.cover(2 * SECOND)
        seen = []
        for second in range(9):
            targets.rise(second * SECOND)
            seen.append(targets.segment)
        self.assertEqual(seen, [2, 2, 2, 3, 5, 5, 8, 8, 8])

    def test_part(self) -> None:
        """The part target is half a second, or as many whole pictures as fill one like it."""
        for rate, target in ((25, PART), (50, PART), (7, 600_000), (1, 1_050_000)):
            step = SECOND // rate
            targets = Targets()
            count = 1
            while not targets.is_beyond((count + 1) * step, count * step, count):
                count += 1
            self.assertEqual(targets.part, target, rate)

    def test_chosen_once(self) -> None:
        """It stays while the tracks stay, and is chosen anew with others."""
        targets = Targets()
        targets.is_beyond(2 * SECOND, SECOND, 1)
        chosen = targets.part
        targets.is_beyond(4 * SECOND, 3 * SECOND, 1)
        self.assertEqual(targets.part, chosen)
        targets.begin()
        targets.is_beyond(4 * SECOND, 3 * SECOND, 1)
        self.assertGreater(targets.part, chosen)

    def test_first_packet(self) -> None:
        """However long the first packet is, the part has it."""
        self.assertFalse(Targets().is_beyond(60 * SECOND, 0, 1))

    def test_rounding(self) -> None:
        """Part targets are rounded up to what is written, segments to the nearest second."""
        self.assertEqual((centiseconds(500_001), centiseconds(500_000)), (510_000, 500_000))
        self.assertEqual((rounded(1_499_999), rounded(1_500_000)), (1, 2))
