"""The segmenter: packets become fragments, fragments become segments."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.live.period import Period
from mkvtwist.live.ring import Ring
from mkvtwist.live.segmenter import LONGEST_PAUSE
from mkvtwist.media.packet import SECOND, Header, Packet, Track
from mkvtwist.testing import AUDIO, SOUND, VIDEO, footage, mixed

FRAME = SECOND // 25


class PauseTests(SynchronousTestCase):
    """How long pictures are waited for."""

    def pauses(self, *frames: int) -> list[int]:
        """What each of the pictures that come after so many frames' time has, in microseconds."""
        made = Period(Header((VIDEO, AUDIO)), Ring(600 * SECOND, 1 << 30))
        found, dts = [], 0
        for number, pause in enumerate((0, *frames)):
            dts += pause * FRAME
            picture = Packet(1, dts, dts, FRAME, number == 0, b"x")
            (fragment,) = made.segmenter.append([picture])
            found.append(fragment.pause)
            (heard,) = made.segmenter.append([picture._replace(track=2)])
            self.assertEqual(heard.pause, fragment.pause)
        return found

    def test_steady(self) -> None:
        """It is a picture's time if they come steadily; for the first it is as long as may be."""
        self.assertEqual(self.pauses(1, 1, 1, 1), [LONGEST_PAUSE, FRAME, FRAME, FRAME, FRAME])

    def test_late(self) -> None:
        """One that is late is remembered, a later one more so, up to some time, and forgotten."""
        found = self.pauses(1, 6, *[1] * 9, 5, 24, 50, *[1] * 2000)
        self.assertEqual(found[2], 6 * FRAME)
        self.assertGreater(found[12], 5.7 * FRAME)
        self.assertEqual(found[13:15], [24 * FRAME, LONGEST_PAUSE])
        self.assertEqual(found[14:], sorted(found[14:], reverse=True))
        self.assertLess(found[-1], 2 * FRAME)

    def test_one_turn(self) -> None:
        """Of what comes in one turn, each fragment has what was known with its own pictures."""
        made = Period(Header((VIDEO,)), Ring(600 * SECOND, 1 << 30))
        times = (0, 1, 2, 9, 10)
        pictures = [Packet(1, n * FRAME, n * FRAME, FRAME, n == 0, b"x") for n in times]
        found = [(len(f.packets), f.pause) for f in made.segmenter.append(pictures)]
        self.assertEqual(found[0], (3, FRAME))
        self.assertGreater(found[1][1], 6 * FRAME)

    def test_sound_alone(self) -> None:
        """Without pictures there is no such thing."""
        made = Period(Header((SOUND,)), Ring(600 * SECOND, 1 << 30))
        sounds = [Packet(1, n * SECOND, n * SECOND, FRAME, True, b"x") for n in range(3)]
        self.assertEqual({fragment.pause for fragment in made.segmenter.append(sounds)}, {0})

    def test_slide_show(self) -> None:
        """What is usual is waited for however long it is, and no longer than it is usual."""
        self.assertEqual(self.pauses(250, 250, 250)[2:], [250 * FRAME] * 2)
        self.assertLessEqual(self.pauses(250, 250, 1)[-1], LONGEST_PAUSE)


class SegmentTests(SynchronousTestCase):
    """Where segments begin, and which of them are places to show a picture from."""

    def cut(
        self, *lists: list[Packet], tracks: tuple[Track, ...] = (VIDEO, AUDIO)
    ) -> list[tuple[float, bool]]:
        """When the segments of these packets begin, and whether all can be decoded from there."""
        self.made = Period(Header(tracks), Ring(600 * SECOND, 1 << 30))
        came = mixed(*lists)
        fragments = [
            fragment for packet in came for fragment in self.made.segmenter.append([packet])
        ]
        return [(found.start / SECOND, found.decodable) for found in fragments if found.key]

    def test_keyframes(self) -> None:
        """A segment begins at each keyframe, however rare, as long as pictures come."""
        sound = footage(0, 40, track=2)
        self.assertEqual(self.cut(footage(0, 40, gop=20), sound), [(0, True), (20, True)])

    def test_pause(self) -> None:
        """After two seconds without a picture sound cuts every second, until a keyframe comes."""
        pictures = [*footage(0, 4), *footage(8, 10)]
        self.assertEqual(
            self.cut(pictures, footage(0, 10, track=2)),
            [
                *[(n, True) for n in range(4)],
                *[(5.9, False), (6.9, False), (7.9, False)],
                *[(8, True), (9, True)],
            ],
        )
        self.assertEqual(self.made.quiet, frozenset())

    def test_no_keyframe(self) -> None:
        """Pictures that come back without a keyframe are no reason to cut, nor to cut by time."""
        pictures = [*footage(0, 4), *footage(8, 16, gop=14)]
        self.assertEqual(
            self.cut(pictures, footage(0, 16, track=2))[4:],
            [(5.9, False), (6.9, False), (7.9, False), (14, True)],
        )
        self.cut(pictures[:100], footage(0, 12, track=2))
        self.assertEqual(self.made.quiet, frozenset({1}))  # nobody could decode what comes

    def test_short(self) -> None:
        """A pause of less than two seconds is none."""
        pictures = [*footage(0, 4), *footage(5.5, 10, gop=5)]
        found = self.cut(pictures, footage(0, 10, track=2))
        self.assertEqual(found, [*[(n, True) for n in range(4)]])

    def test_dies(self) -> None:
        """When the video is gone for good the stream goes on with the sound, second by second."""
        begun = self.cut(footage(0, 4), footage(0, 60, track=2))
        self.assertEqual(len(begun), 4 + 55)
        self.assertEqual(self.made.quiet, frozenset({1}))
        place = self.made.ring.place(2 * SECOND)
        assert place is not None
        self.assertLess(self.made.ring.edge - self.made.ring[place].start, 3.1 * SECOND)

    def test_late(self) -> None:
        """A video that comes late is waited for in the same way."""
        begun = self.cut(footage(6, 8), footage(0, 8, track=2))
        self.assertEqual(begun[:2], [(2, False), (3, False)])
        self.assertEqual(begun[-2:], [(6, True), (7, True)])

    def test_slide_show(self) -> None:
        """A picture in five seconds is alive: it cuts, once that is known."""
        begun = self.cut(footage(0, 40, gop=5, rate=1)[::5], footage(0, 40, track=2))
        self.assertEqual([start for start, decodable in begun if decodable], [*range(0, 40, 5)])
        self.assertEqual([start for start, _ in begun if start > 10], [*range(15, 40, 5)])

    def test_sound_dies(self) -> None:
        """A sound that is gone changes nothing; it is said to be quiet."""
        begun = self.cut(footage(0, 10), footage(0, 3, track=2))
        self.assertEqual(begun, [(n, True) for n in range(10)])
        self.assertEqual(self.made.quiet, frozenset({2}))

    def test_two_videos(self) -> None:
        """When the first of two videos dies the keyframes of the other cut."""
        other = replace(VIDEO, number=3)
        begun = self.cut(
            *(footage(0, 4), footage(0, 12, track=3, gop=3), footage(0, 12, track=2)),
            tracks=(VIDEO, AUDIO, other),
        )
        self.assertEqual(begun[4:], [(6, False), (9, False)])

    def test_subtitles(self) -> None:
        """Subtitles neither cut nor tell the time, unless there is nothing else."""
        text = replace(SOUND, number=3, type="subtitle", codec="subrip")
        begun = self.cut(footage(0, 4), footage(0, 20, track=3), tracks=(VIDEO, text))
        self.assertEqual(begun, [(n, True) for n in range(4)])
        alone = self.cut(footage(0, 4, track=3), tracks=(text,))
        self.assertEqual(alone, [(n, True) for n in range(4)])

    def test_since(self) -> None:
        """What is shown from a keyframe on begins with one, also in a pause."""
        self.cut(footage(0, 4), footage(0, 10, track=2))
        self.made.released = self.made.ring.end
        for behind, start in ((0, 3), (1, 3), (6.5, 3), (7.5, 2)):
            first = self.made.since(round(behind * SECOND))[0]
            self.assertEqual((first.track, first.dts), (1, start * SECOND))
