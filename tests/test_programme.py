"""A header and what has come since: how packets become fragments, and what is noticed of them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.packet import SECOND, Header, Packet
from mkvtwist.programme import PAUSE, Programme
from mkvtwist.ring import Ring
from tests.fakes import AUDIO, SOUND, VIDEO

FRAME = SECOND // 25


class PauseTests(SynchronousTestCase):
    """How long pictures are waited for."""

    def pauses(self, *frames: int) -> list[int]:
        """What each of the pictures that come after so many frames' time has, in microseconds."""
        made = Programme(Header((VIDEO, AUDIO), {}), Ring(600 * SECOND, 1 << 30))
        found, dts = [], 0
        for number, pause in enumerate((0, *frames)):
            dts += pause * FRAME
            picture = Packet(1, dts, dts, FRAME, number == 0, b"x")
            (fragment,) = made.fragments([picture])
            found.append(fragment.pause)
            (heard,) = made.fragments([picture._replace(track=2)])
            self.assertEqual(heard.pause, fragment.pause)
        return found

    def test_steady(self) -> None:
        """It is a picture's time where they come steadily; the first one has waited for none."""
        self.assertEqual(self.pauses(1, 1, 1, 1), [0, FRAME, FRAME, FRAME, FRAME])

    def test_late(self) -> None:
        """One that is late is remembered, a later one more so, up to some time, and forgotten."""
        found = self.pauses(1, 6, *[1] * 9, 5, 24, 50, *[1] * 2000)
        self.assertEqual(found[2], 6 * FRAME)
        self.assertGreater(found[12], 5.7 * FRAME)
        self.assertEqual(found[13:15], [24 * FRAME, PAUSE])
        self.assertEqual(found[14:], sorted(found[14:], reverse=True))
        self.assertLess(found[-1], 2 * FRAME)

    def test_one_turn(self) -> None:
        """Of what comes in one turn, each fragment has what was known with its own pictures."""
        made = Programme(Header((VIDEO,), {}), Ring(600 * SECOND, 1 << 30))
        times = (0, 1, 2, 9, 10)
        pictures = [Packet(1, n * FRAME, n * FRAME, FRAME, n == 0, b"x") for n in times]
        found = [(len(f.packets), f.pause) for f in made.fragments(pictures)]
        self.assertEqual(found[0], (3, FRAME))
        self.assertGreater(found[1][1], 6 * FRAME)

    def test_sound_alone(self) -> None:
        """Without pictures there is no such thing."""
        made = Programme(Header((SOUND,), {}), Ring(600 * SECOND, 1 << 30))
        sounds = [Packet(1, n * SECOND, n * SECOND, FRAME, True, b"x") for n in range(3)]
        self.assertEqual({fragment.pause for fragment in made.fragments(sounds)}, {0})
