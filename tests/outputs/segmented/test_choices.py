"""Which tracks are in which playlist."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.choice import Choice, Unfit
from mkvtwist.formats.mp4 import MP4
from mkvtwist.outputs.segmented.choices import chosen, others, variant
from mkvtwist.testing import AUDIO, VIDEO
from tests.support.segmented import Period


class ChosenTests(SynchronousTestCase):
    """The tracks of the main playlist, and those beside it."""

    def test_one_sound(self) -> None:
        """A single sound is in the main playlist, with the picture, and no other."""
        header = Period(VIDEO, AUDIO).header
        self.assertEqual(chosen(header), Choice(MP4, frozenset({1, 2})))
        self.assertEqual((others(header), variant(header)), ([], None))

    def test_sounds_alone(self) -> None:
        """Without pictures the sound that plays unasked is the main playlist."""
        header = Period(AUDIO, replace(AUDIO, number=4, default=True)).header
        self.assertEqual(chosen(header), Choice(MP4, frozenset({4})))
        self.assertEqual((others(header), variant(header)), ([], None))

    def test_unfit_sound(self) -> None:
        """A sound that MP4 cannot hold is left out where there is another one, else refused."""
        unfit = replace(AUDIO, codec="vorbis")
        header = Period(VIDEO, unfit).header
        self.assertRaises(Unfit, chosen, header)
        self.assertEqual(chosen(header, frozenset({1})), Choice(MP4, frozenset({1})))
        both = Period(VIDEO, unfit, replace(AUDIO, number=4)).header
        self.assertEqual(chosen(both), Choice(MP4, frozenset({1, 4})))
