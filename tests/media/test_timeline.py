"""The rules of L{mkvtwist.media.timeline}: as properties, and with the inputs that led to them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.packet import SECOND
from mkvtwist.media.timeline import AHEAD, BACK, LATE, LONGEST_DURATION, LOOSE, Timeline

MS = SECOND // 1000
HOUR = 3600 * SECOND
WRAP = round(2**33 / 90_000 * SECOND)

VIDEO, AUDIO, TEXT = 0, 1, 2
PICTURE, SOUND = 40 * MS, 20 * MS


class In(NamedTuple):
    """A packet as a demuxer may give it."""

    track: int
    pts: int | None
    dts: int | None
    duration: int = 0
    sparse: bool = False
    delay: int = 0
    step: int = 0


class Out(NamedTuple):
    """What the timeline made of it."""

    pts: int
    dts: int
    duration: int


def place(timeline: Timeline, packet: In) -> Out | None:
    """Have one packet placed."""
    placed = timeline.place(
        packet.track,
        packet.pts,
        packet.dts,
        packet.duration,
        sparse=packet.sparse,
        delay=packet.delay,
        step=packet.step,
    )
    return None if placed is None else Out(*placed)


def run(
    packets: Iterable[In], origin: int | None = None, timeline: Timeline | None = None
) -> tuple[Timeline, list[tuple[In, Out | None]]]:
    """Open an input with these packets."""
    timeline = timeline or Timeline()
    timeline.restart(origin)
    return timeline, [(packet, place(timeline, packet)) for packet in packets]


def video(start: int, count: int, *, delay: int = 0, track: int = VIDEO) -> list[In]:
    """Pictures from a presentation time on; with a delay every second one is a B-picture."""
    return [
        In(
            track,
            start + PICTURE * n + (delay if delay and n % 2 else 0),
            start - delay + PICTURE * n,
        )
        for n in range(count)
    ]


def audio(start: int, count: int, track: int = AUDIO) -> list[In]:
    """Blocks of sound."""
    return [In(track, start + SOUND * n, start + SOUND * n, SOUND) for n in range(count)]


def interleaved(*tracks: Sequence[In], lag: Sequence[int] = ()) -> list[In]:
    """Packets in the order of their decoding times; a track's lag is how much later it is sent."""
    lags = [*lag, *[0] * len(tracks)]
    timed = [
        ((packet.dts or 0) + late, number, packet)
        for number, (packets, late) in enumerate(zip(tracks, lags, strict=False))
        for packet in packets
    ]
    return [packet for _, _, packet in sorted(timed, key=lambda entry: entry[:2])]


def of(track: int, placed: Iterable[tuple[In, Out | None]]) -> list[tuple[In, Out]]:
    """What became of one track, without what was dropped."""
    return [(packet, out) for packet, out in placed if packet.track == track and out]


def times(track: int, placed: Iterable[tuple[In, Out | None]]) -> list[int]:
    """Where one track's packets went."""
    return [out.dts for _, out in of(track, placed)]


def offsets(placed: Iterable[tuple[In, Out | None]]) -> set[int]:
    """By how much presentation times were moved."""
    return {out.pts - packet.pts for packet, out in placed if out and packet.pts is not None}


# -- sound inputs --------------------------------------------------------------


@st.composite
def clean(draw: st.DrawFn) -> tuple[list[In], int | None]:
    """
    An input without jumps, and its earliest timestamp: up to five tracks of irregular packets,
    with gaps, reordered pictures, late beginnings, anywhere in time, and loosely interleaved.
    """
    start = draw(st.sampled_from([0, 1_400_000, 26 * HOUR, -3 * SECOND, 2**62]))
    tracks = []
    for number in range(draw(st.integers(1, 5))):
        sparse = draw(st.booleans()) and number > 0
        at = start + draw(st.sampled_from([0, 0, 7, 21_333, 3 * SECOND])) * (number > 0)
        packets = []
        for _ in range(draw(st.integers(1, 30))):
            duration = draw(st.sampled_from([0, 1, 21_333, 40_000, SECOND]))
            reordered = draw(st.sampled_from([0, 0, 40_000, 160_000]))
            packets.append(In(number, at + reordered, at, duration, sparse))
            at += max(duration, 1)
            if at < start + LOOSE // 2:
                at += draw(st.sampled_from([0, 0, 0, 5 * SECOND, AHEAD - SECOND]))
        tracks.append(packets)
    lag = [draw(st.sampled_from([0, 0, 700 * MS, 3 * SECOND])) for _ in tracks]
    return interleaved(*tracks, lag=lag), start


class CleanTests(SynchronousTestCase):
    """An input without jumps."""

    @given(clean())
    def test_untouched(self, made: tuple[list[In], int]) -> None:
        """No packet is lost, all are moved by the same, and the first one to about 0."""
        packets, origin = made
        timeline, placed = run(packets, origin)
        self.assertEqual(offsets(placed), {-origin})
        for packet, out in placed:
            assert out is not None and packet.dts is not None
            self.assertEqual(out.dts - packet.dts, -origin)
            if packet.duration:
                self.assertEqual(out.duration, packet.duration)
        self.assertEqual(timeline.discontinuities, 0)

    def test_26_hours(self) -> None:
        """A broadcast that began yesterday starts at 0."""
        start = 26 * HOUR
        packets = interleaved(video(start, 50), audio(start, 100))
        for origin in (start, None, 0):
            timeline, placed = run(packets, origin)
            self.assertEqual(offsets(placed), {-start})
            self.assertEqual(timeline.edge, 2 * SECOND)

    def test_origin(self) -> None:
        """A track that begins first in time, but not in the file, begins at 0."""
        packets = [*video(1_421_333, 5), *audio(1_400_000, 10)]
        _, placed = run(packets, 1_400_000)
        self.assertEqual(offsets(placed), {-1_400_000})

    def test_origin_unknown(self) -> None:
        """Without a known beginning nothing comes before 0 either, and the tracks keep in step."""
        first, *rest = video(1_421_333, 5)
        _, placed = run([first, *audio(1_400_000, 10), *rest])
        self.assertEqual(placed[0][1], (0, 0, 0))
        self.assertEqual(placed[1][1], (0, 0, SOUND))
        self.assertEqual(offsets(placed[1:]), {-1_400_000})

    def test_decoded_before_0(self) -> None:
        """Reordered pictures that are decoded before the first sound is heard move nothing."""
        packets = [*audio(0, 1), *video(0, 10, delay=80 * MS), *audio(SOUND, 9)]
        _, placed = run(packets, 0)
        self.assertEqual(offsets(placed), {0})
        self.assertEqual(times(VIDEO, placed)[:4], [0, 1, 2, 40 * MS])

    def test_screen_recording(self) -> None:
        """Where nothing moves on the screen there is no picture for a while; gaps are kept."""
        at = [0, 40, 5040, 14_000, 14_040]
        _, placed = run([In(VIDEO, t * MS, t * MS) for t in at])
        self.assertEqual(times(VIDEO, placed), [t * MS for t in at])

    def test_slides(self) -> None:
        """Pictures that stand for half a minute each, and say so, are no jumps."""
        packets = [In(VIDEO, n * 30 * SECOND, n * 30 * SECOND, 30 * SECOND) for n in range(5)]
        timeline, placed = run(packets)
        self.assertEqual((offsets(placed), timeline.discontinuities), ({0}, 0))

    def test_silent_for_long(self) -> None:
        """A microphone that was muted for a minute comes back where it belongs."""
        packets = interleaved(video(0, 1600), [*audio(0, 50), *audio(61 * SECOND, 50)])
        timeline, placed = run(packets, 0)
        self.assertEqual((offsets(placed), timeline.discontinuities), ({0}, 0))


# -- missing and damaged timestamps --------------------------------------------


class MissingTests(SynchronousTestCase):
    """Packets that do not say everything."""

    def test_first_dts(self) -> None:
        """Matroska with B-pictures: the first ones have only pts, and begin with the delay."""
        delay = 80 * MS
        full = video(0, 10, delay=delay)
        packets = [p._replace(dts=None, delay=delay, step=PICTURE) for p in full[:3]] + full[3:]
        _, placed = run(packets, 0)
        self.assertEqual(offsets(placed), {delay})
        self.assertEqual(times(VIDEO, placed), [n * PICTURE for n in range(10)])

    def test_no_dts(self) -> None:
        """Without any decoding time and any known delay, pictures keep their own times."""
        shown = [0, 120, 40, 80, 240, 160, 200]
        _, placed = run([In(VIDEO, t * MS, None, PICTURE) for t in shown])
        self.assertEqual([out.pts // MS for _, out in of(VIDEO, placed)], shown)

    def test_no_dts_after_a_jump(self) -> None:
        """A jump is a jump though only presentation times tell of it."""
        packets = [In(VIDEO, t, None, PICTURE, delay=PICTURE) for t in range(0, SECOND, PICTURE)]
        for start in (HOUR, -HOUR):
            later = [p._replace(pts=(p.pts or 0) + start) for p in packets]
            timeline, placed = run([*packets, *later])
            self.assertEqual(times(VIDEO, placed), list(range(0, 2 * SECOND, PICTURE)))
            self.assertEqual(timeline.discontinuities, 1)

    def test_no_pts(self) -> None:
        """What has only a decoding time is shown then; as is what is said to be shown before."""
        for pts in (None, SECOND - MS, 5 * SECOND - AHEAD, SECOND + AHEAD + 1):
            _, placed = run([In(VIDEO, 0, 0), In(VIDEO, pts, SECOND)])
            self.assertEqual(placed[1][1], (SECOND, SECOND, SECOND))

    def test_nothing(self) -> None:
        """Packets without any time follow one another."""
        packets = [In(AUDIO, None, None, SOUND) for _ in range(5)]
        for origin in (None, 0, HOUR):
            _, placed = run(packets, origin)
            self.assertEqual(times(AUDIO, placed), [n * SOUND for n in range(5)])

    def test_nothing_at_first(self) -> None:
        """What has no time waits for its track's first one that has, if others have told theirs."""
        packets = [In(VIDEO, HOUR, HOUR), In(AUDIO, None, None, SOUND), In(AUDIO, HOUR, HOUR)]
        _, placed = run([*packets, In(AUDIO, None, None, SOUND)])
        self.assertEqual([out and out.pts for _, out in placed], [0, None, 0, 1])

    def test_duration(self) -> None:
        """A missing duration is that of the packet before, or what is known of the track."""
        packets = [In(VIDEO, t * MS, t * MS) for t in (0, 40, 80, 2080)]
        _, placed = run(packets)
        durations = [out.duration for _, out in of(VIDEO, placed)]
        self.assertEqual(durations, [0, 40 * MS, 40 * MS, SECOND])
        _, placed = run([packets[0]._replace(step=PICTURE)])
        self.assertEqual(placed[0][1], (0, 0, PICTURE))

    def test_absurd_duration(self) -> None:
        """A packet that claims to last for years moves nothing."""
        for duration in (-1, LOOSE + 1, 2**63):
            timeline, placed = run([In(VIDEO, 0, 0, duration, step=PICTURE)])
            self.assertEqual(placed[0][1], (0, 0, PICTURE))
            self.assertEqual(timeline.edge, PICTURE)

    def test_absurd_step(self) -> None:
        """A track that claims a picture in a few months moves nothing."""
        for step in (LOOSE + 1, 2**63):
            pictures = [In(VIDEO, t, t, step=step) for t in (0, PICTURE, 2 * PICTURE)]
            timeline, placed = run(pictures)
            self.assertEqual(times(VIDEO, placed), [0, PICTURE, 2 * PICTURE])
            self.assertEqual(timeline.edge, 3 * PICTURE)
            late = In(VIDEO, PICTURE, None, step=PICTURE, delay=step)
            timeline, _ = run([late])
            self.assertLessEqual(timeline.edge, LOOSE + 2 * PICTURE)

    def test_jitter(self) -> None:
        """Times that tremble are brought into order, and nothing is lost."""
        _, placed = run([In(AUDIO, t * MS, t * MS, SOUND) for t in (0, 20, 15, 40, 40, 60)])
        expected = [0, 20 * MS, 20 * MS + 1, 40 * MS, 40 * MS + 1, 60 * MS]
        self.assertEqual(times(AUDIO, placed), expected)

    def test_one_damaged(self) -> None:
        """One wrong timestamp in one track costs nothing, and moves nothing else."""
        for lag in (0, 700 * MS):
            for number in (VIDEO, AUDIO):
                for wrong in (HOUR, -HOUR, 30 * SECOND, -2 * SECOND, 2**63 - 1):
                    packets = interleaved(video(0, 250), audio(0, 500), lag=(0, lag))
                    index = [i for i, p in enumerate(packets) if p.track == number][150]
                    good = packets[index]
                    assert good.dts is not None
                    packets[index] = good._replace(pts=good.dts + wrong, dts=good.dts + wrong)
                    _, placed = run(packets, 0)
                    _, out = placed.pop(index)
                    assert out is not None
                    self.assertEqual((out.pts, out.dts), (good.dts, good.dts))
                    self.assertEqual(offsets(placed), {0})
                    self.assertNotIn(None, [out for _, out in placed])

    def test_step_back(self) -> None:
        """A track that steps back a little waits for the others, so that all stay in step."""
        sound = iter([*audio(0, 100), *audio(2 * SECOND - 260 * MS, 400)])
        packets = interleaved(video(0, 250), audio(0, 500))
        packets = [next(sound) if p.track == AUDIO else p for p in packets]
        timeline, placed = run(packets, 0)
        self.assertEqual(offsets(of(VIDEO, placed)), {0})
        lost = [packet.dts for packet, out in placed if out is None]
        self.assertEqual((lost[0], lost[-1]), (2 * SECOND - 260 * MS, 2 * SECOND - LATE - SOUND))
        self.assertEqual(offsets(p for p in placed if (p[0].dts or 0) > 2 * SECOND), {0})
        self.assertEqual(timeline.discontinuities, 0)

    def test_short_loop(self) -> None:
        """A step back to the beginning is a loop, however short."""
        timeline, placed = run([*video(HOUR, 15), *video(HOUR, 15)], HOUR)
        self.assertEqual(times(VIDEO, placed), [n * PICTURE for n in range(30)])
        self.assertEqual(timeline.discontinuities, 1)

    def test_damaged_and_lost(self) -> None:
        """When packets are lost beside wrong timestamps, audio and video stay in step, too."""
        packets = interleaved(video(0, 250), audio(0, 500), lag=(0, 700 * MS))
        at = [i for i, packet in enumerate(packets) if packet.track == AUDIO]
        for i in at[100:108]:
            wrong = (packets[i].dts or 0) - 1500 * MS
            packets[i] = packets[i]._replace(pts=wrong, dts=wrong)
        lost = {packets[i] for i in at[108:118]}
        _, placed = run((packet for packet in packets if packet not in lost), 0)
        self.assertEqual(offsets(placed), {0, 1500 * MS})
        self.assertEqual(offsets(p for p in placed if (p[0].dts or 0) > 3 * SECOND), {0})

    def test_leap(self) -> None:
        """One timestamp that is seconds too late costs its track that time, and no other."""
        packets = interleaved(video(0, 500), audio(0, 1000))
        index = [i for i, p in enumerate(packets) if p.track == AUDIO][100]
        packets[index] = packets[index]._replace(pts=7 * SECOND, dts=7 * SECOND)
        timeline, placed = run(packets, 0)
        self.assertEqual(len(of(VIDEO, placed)), 500)
        lost = [packet.dts for packet, out in placed if out is None]
        self.assertEqual((lost[0], lost[-1]), (2 * SECOND + SOUND, 7 * SECOND - LATE))
        self.assertEqual(offsets(of(VIDEO, placed)), {0})
        self.assertEqual(offsets(p for p in placed if (p[0].dts or 0) > 7 * SECOND), {0})
        self.assertEqual(timeline.discontinuities, 0)

    def test_many_damaged(self) -> None:
        """However often timestamps are damaged, audio and video stay in step."""
        packets = interleaved(video(0, 2500), audio(0, 5000))
        for n in range(40, len(packets), 50):
            wrong = (n * 7919 % 4001 - 2000) * 1237 * SECOND + HOUR // 2
            packets[n] = packets[n]._replace(pts=wrong, dts=wrong)
        _, placed = run(packets, 0)
        self.assertEqual(len([out for _, out in placed if out]), len(packets))
        good = [entry for n, entry in enumerate(placed) if n < 40 or (n - 40) % 50]
        self.assertEqual(offsets(good), {0})

    def test_alone(self) -> None:
        """A track that jumps for good, on its own, goes on without a hole, as do the others."""
        sound = [*audio(0, 100), *audio(HOUR, 400)]
        packets = interleaved(video(0, 250), audio(0, 500))
        numbers = iter(sound)
        packets = [next(numbers) if p.track == AUDIO else p for p in packets]
        timeline, placed = run(packets, 0)
        self.assertEqual(times(VIDEO, placed), [n * PICTURE for n in range(250)])
        self.assertEqual(times(AUDIO, placed), [n * SOUND for n in range(500)])
        self.assertEqual(timeline.discontinuities, 1)

    def test_backwards(self) -> None:
        """A track that runs backwards does not disappear for good."""
        _, placed = run([In(VIDEO, -n * 90 * MS, -n * 90 * MS) for n in range(1000)])
        self.assertGreater(len(of(VIDEO, placed)), 5)


# -- jumps ---------------------------------------------------------------------


@dataclass
class Part:
    """A stretch of an input, cut out of somewhere."""

    start: int
    length: int


def joined(parts: Sequence[Part], lag: int, delay: int) -> list[tuple[int, In]]:
    """
    Parts one behind the other in one file, each packet with its part's number.

    @param lag: how much later in the file the sound is than the pictures.
    """
    timed = []
    clock = 0
    for number, part in enumerate(parts):
        for packets, late in (
            (video(part.start, part.length // PICTURE, delay=delay), 0),
            (audio(part.start, part.length // SOUND), lag),
        ):
            for packet in packets:
                assert packet.dts is not None
                when = clock + packet.dts - part.start + late
                timed.append((when, packet.track, number, packet))
        clock += part.length
    # The sender does not jump back: each track is sent in its own order.
    return [(number, packet) for _, _, number, packet in sorted(timed, key=lambda t: t[:3])]


parts = st.lists(
    st.builds(
        Part,
        st.sampled_from([0, 21_400_000, 50 * SECOND, HOUR, 26 * HOUR, WRAP - SECOND]),
        st.sampled_from([2 * SECOND, 3 * SECOND, 4 * SECOND]),
    ),
    min_size=1,
    max_size=8,
)


class JumpTests(SynchronousTestCase):
    """Inputs that are put together from several."""

    @given(parts, st.sampled_from([0, 20 * MS, 700 * MS]), st.sampled_from([0, 80 * MS]))
    @example([Part(0, 2 * SECOND)] * 10, 700 * MS, 80 * MS)
    def test_joined(self, made: list[Part], lag: int, delay: int) -> None:
        """
        Through loops and cuts nothing is lost, audio and video keep their distance to the
        microsecond, no hole is longer than what is skewed in the file, and each jump counts once.
        """
        packets = joined(made, lag, delay)
        timeline, placed = run((packet for _, packet in packets), made[0].start)
        self.assertNotIn(None, [out for _, out in placed])
        moved = defaultdict(set)
        for (number, packet), (_, out) in zip(packets, placed, strict=True):
            assert out is not None and packet.pts is not None
            moved[number].add(out.pts - packet.pts)
        jumps = 0
        for number, part in enumerate(made):
            self.assertEqual(len(moved[number]), 1)
            gap = part.start - made[number - 1].start - made[number - 1].length
            if number and not -BACK <= gap <= AHEAD:
                jumps += 1
                hole = gap + min(moved[number]) - min(moved[number - 1])
                self.assertLessEqual(abs(hole), delay + SOUND)
        self.assertEqual(timeline.discontinuities, jumps)

    def test_docstring(self) -> None:
        """The picture in the module's docstring is true."""
        source = [(VIDEO, 100.0), (AUDIO, 99.3), (VIDEO, 100.04), (VIDEO, 0.0), (AUDIO, 99.9)]
        source += [(VIDEO, 0.04), (AUDIO, 0.02)]
        packets = [In(track, round(t * SECOND), round(t * SECOND)) for track, t in source]
        packets = [p._replace(duration=PICTURE if p.track == VIDEO else 0) for p in packets]
        _, placed = run(packets, round(99.3 * SECOND))
        got = [round(out.dts / SECOND, 2) for _, out in placed if out]
        self.assertEqual(got, [0.7, 0, 0.74, 0.78, 0.6, 0.82, 0.8])

    def test_loop(self) -> None:
        """A clip that is played ten times, one behind the other, is continuous."""
        once = interleaved(video(1_421_333, 50), audio(1_400_000, 102), lag=(0, 100 * MS))
        timeline, placed = run(once * 10, 1_400_000)
        sound = times(AUDIO, placed)
        self.assertEqual(sound, list(range(0, len(sound) * SOUND, SOUND)))
        self.assertEqual(len(sound), 1020)
        pictures = of(VIDEO, placed)
        for n in range(10):
            mine, heard = pictures[n * 50 : n * 50 + 50], of(AUDIO, placed)[n * 102 : n * 102 + 102]
            self.assertEqual(offsets(mine), offsets(heard))
        self.assertEqual(timeline.discontinuities, 9)

    def test_loop_of_unequal_tracks(self) -> None:
        """A loop whose sound ends early, and comes first in the file, fills no time twice."""
        once = [*audio(0, 10), *video(0, 50), *audio(10 * SOUND, 50)]
        _, placed = run(once * 3, 0)
        self.assertEqual(times(VIDEO, placed), [n * PICTURE for n in range(150)])
        self.assertEqual(offsets(placed), {0, 2 * SECOND, 4 * SECOND})

    def test_loop_without_sound(self) -> None:
        """Sound that goes on while the picture loops goes on."""
        packets = interleaved(video(0, 500), audio(0, 1000))
        packets = [
            p._replace(pts=p.pts % (2 * SECOND), dts=p.dts % (2 * SECOND))
            if p.track == VIDEO and p.pts is not None and p.dts is not None
            else p
            for p in packets
        ]
        timeline, placed = run(packets, 0)
        self.assertEqual(times(VIDEO, placed), [n * PICTURE for n in range(500)])
        self.assertEqual(times(AUDIO, placed), [n * SOUND for n in range(1000)])
        self.assertEqual(timeline.discontinuities, 9)

    def test_wrap(self) -> None:
        """When a counter of 33 bits wraps, nobody sees it."""
        start = WRAP - 5 * SECOND
        packets = interleaved(video(start, 250), audio(start, 500), lag=(0, 700 * MS))
        wrapped = [
            p._replace(pts=p.pts % WRAP, dts=p.dts % WRAP)
            for p in packets
            if p.pts is not None and p.dts is not None
        ]
        timeline, placed = run(wrapped, start)
        self.assertEqual(times(VIDEO, placed), [n * PICTURE for n in range(250)])
        self.assertEqual(times(AUDIO, placed), [n * SOUND for n in range(500)])
        self.assertEqual(timeline.discontinuities, 1)

    def test_dropout(self) -> None:
        """Half a minute that was lost on the way is not waited for."""
        packets = interleaved(video(0, 2500), audio(0, 5000), lag=(0, 700 * MS))
        at = len(packets) // 4
        kept = packets[:at] + [p for p in packets[at:] if (p.dts or 0) > 60 * SECOND]
        timeline, placed = run(kept, 0)
        self.assertEqual(timeline.discontinuities, 1)
        self.assertLess(timeline.edge, 66 * SECOND)
        self.assertEqual(len(offsets(placed)), 2)

    def test_cut_before_sound(self) -> None:
        """A cut that the sound, though it lags, meets first leaves no hole."""
        before = interleaved(video(0, 100), audio(0, 163), lag=(0, 700 * MS))
        after = interleaved(video(HOUR, 100), audio(HOUR - 740 * MS, 235), lag=(0, 740 * MS))
        after.sort(key=lambda packet: packet.track == VIDEO and packet.dts == HOUR)
        timeline, placed = run([*before, *after[:1], after[-1], *after[1:-1]], 0)
        self.assertEqual(times(VIDEO, placed), [n * PICTURE for n in range(200)])
        self.assertEqual(times(AUDIO, placed), [n * SOUND for n in range(398)])
        self.assertEqual(offsets(placed), {0, 4 * SECOND - HOUR})
        self.assertEqual(timeline.discontinuities, 1)

    def test_no_time_twice(self) -> None:
        """If a track fills more time than the one that jumped, the new epoch moves on for all."""
        before = [*audio(0, 50), *video(0, 50)]
        after = [*audio(HOUR, 5), *video(HOUR, 50), *audio(HOUR + 5 * SOUND, 95)]
        timeline, placed = run([*before, *after], 0)
        self.assertNotIn(None, [out for _, out in placed])
        self.assertEqual(times(VIDEO, placed), [n * PICTURE for n in range(100)])
        self.assertEqual(offsets(placed[-50:]), {2 * SECOND - HOUR})
        self.assertEqual(timeline.discontinuities, 1)

    def test_late_jump(self) -> None:
        """A track that was silent through jumps comes back with the others."""
        sound, silence = audio(0, 50), 5
        packets = interleaved(video(0, 100), sound) + video(0, 100) * silence
        packets += interleaved(video(0, 100), audio(2 * SECOND, 100))
        timeline, placed = run(packets, 0)
        self.assertEqual(offsets(placed[-100:]), {(silence + 1) * 4 * SECOND})
        self.assertEqual(timeline.discontinuities, silence + 1)

    def test_late_jump_in_time(self) -> None:
        """A silent track whose time, by chance, goes on where it was comes back with the others."""
        packets = interleaved(video(0, 500), audio(0, 50)) + video(0, 100)
        late = interleaved(video(4 * SECOND, 100), audio(4 * SECOND, 200))
        _, placed = run([*packets, *late], 0)
        self.assertEqual(offsets(placed[-300:]), {20 * SECOND})

    def test_new_track(self) -> None:
        """A track that turns up late belongs to the others if its time does, else to the end."""
        for start, expected in ((9 * SECOND, 9 * SECOND), (-HOUR, 10 * SECOND)):
            timeline, placed = run([*video(0, 250), *audio(start, 10)], 0)
            self.assertEqual(times(AUDIO, placed)[0], expected)
            self.assertEqual(timeline.discontinuities, start < 0)

    def test_lagging_jump(self) -> None:
        """A track that had ended long before jumps to the line's end, not to its own."""
        _, placed = run([*audio(0, 10), *video(0, 100), *audio(HOUR, 10), *video(HOUR, 10)], 0)
        self.assertEqual(times(AUDIO, placed)[10], 4 * SECOND)
        self.assertEqual(offsets(placed[-20:]), {4 * SECOND - HOUR})


class LiveTests(SynchronousTestCase):
    """Live senders: what arrives together belongs together."""

    def apart(self, seconds: float, *, live: bool) -> tuple[Timeline, int]:
        """How far sound is from the picture that arrives with it, if it says that it is so far."""
        timeline = Timeline()
        timeline.restart(live=live)
        sound = [
            packet._replace(pts=(packet.pts or 0) + round(seconds * SECOND), dts=None)
            for packet in audio(0, 100)
        ]
        sound = [packet._replace(dts=packet.pts) for packet in sound]
        placed = []
        for n, picture in enumerate(video(0, 50)):
            placed += [(one, place(timeline, one)) for one in (picture, *sound[2 * n : 2 * n + 2])]
        return timeline, times(AUDIO, placed)[-1] - times(VIDEO, placed)[-1]

    def test_far(self) -> None:
        """Further than 11 s is not kept, and said; a file's is kept up to a minute."""
        for seconds in (-3600, -20, -12, 12, 20, 3600):
            timeline, apart = self.apart(seconds, live=True)
            self.assertLessEqual(abs(apart), SECOND // 10)
            self.assertEqual(round(timeline.apart[AUDIO] / SECOND), seconds)
            timeline.restart(live=True)
            self.assertEqual(timeline.apart, {})
        for seconds in (-20, -12, 12, 20):
            timeline, apart = self.apart(seconds, live=False)
            self.assertEqual(timeline.apart, {})
        self.assertEqual(round(apart / SECOND), 20)

    def test_near(self) -> None:
        """What a muxer holds back, up to 10 s, is kept."""
        for seconds in (0, 5, 10):
            timeline, apart = self.apart(seconds, live=True)
            self.assertEqual(timeline.apart, {})
            self.assertEqual(round(apart / SECOND), seconds)


class RestartTests(SynchronousTestCase):
    """An input that is opened again, or another one."""

    def test_again(self) -> None:
        """The same file again is as continuous as a loop in a file, B-pictures and all."""
        once = interleaved(video(0, 50, delay=80 * MS), audio(-20 * MS, 101))
        timeline = Timeline()
        placed = [entry for _ in range(5) for entry in run(once, -20 * MS, timeline)[1]]
        sound = times(AUDIO, placed)
        self.assertEqual(sound, list(range(sound[0], sound[0] + 505 * SOUND, SOUND)))
        for n in range(5):
            self.assertEqual(len(offsets(placed[n * 151 : n * 151 + 151])), 1)
        self.assertEqual(timeline.discontinuities, 0)

    def test_sender_at_0(self) -> None:
        """A sender that comes back begins where the last one ended."""
        timeline, _ = run(interleaved(video(HOUR, 50), audio(HOUR, 100)), HOUR)
        _, placed = run(interleaved(video(0, 50), audio(0, 100)), 0, timeline)
        self.assertEqual(offsets(placed), {2 * SECOND})
        self.assertEqual(timeline.discontinuities, 0)

    def test_unknown_origin(self) -> None:
        """A sender that does not say where it begins begins where the last one ended."""
        timeline, _ = run(video(0, 50))
        _, placed = run(interleaved(video(HOUR, 50), audio(HOUR, 100)), None, timeline)
        self.assertEqual(offsets(placed), {2 * SECOND - PICTURE - HOUR + PICTURE})

    def test_other_content(self) -> None:
        """Another input that only begins like the one before leaves no hole either."""
        timeline, _ = run(interleaved(video(0, 50), audio(0, 100)), 0)
        _, placed = run(video(HOUR, 50), 0, timeline)
        self.assertEqual(times(VIDEO, placed)[0], 2 * SECOND)

    def test_subtitles_first(self) -> None:
        """Subtitles before the first picture do not say where the line begins."""
        _, placed = run([In(TEXT, HOUR, HOUR, SECOND, sparse=True), *video(0, 5)], 0)
        self.assertEqual([out and out.pts for _, out in placed[:2]], [None, 0])
        timeline, _ = run(video(0, 50), 0)
        _, placed = run([In(TEXT, 0, 0, SECOND, sparse=True), *video(0, 5)], 0, timeline)
        self.assertEqual(placed[0][1], (2 * SECOND, 2 * SECOND, SECOND))
        self.assertEqual(placed[1][1], (2 * SECOND, 2 * SECOND, PICTURE))


class SparseTests(SynchronousTestCase):
    """Subtitles."""

    def test_alone(self) -> None:
        """A file of nothing but subtitles keeps its times."""
        packets = [In(TEXT, t * SECOND, t * SECOND, SECOND, sparse=True) for t in (1, 5, 30)]
        timeline, placed = run(packets, 0)
        self.assertEqual((offsets(placed), timeline.discontinuities), ({0}, 0))

    def test_never_begin(self) -> None:
        """Subtitles that fit nowhere are dropped, and change nothing."""
        texts = [In(TEXT, t, t, SECOND, sparse=True) for t in (HOUR, -HOUR, LOOSE + 5 * SECOND)]
        timeline, placed = run([*video(0, 100), *texts, *video(4 * SECOND, 100)], 0)
        self.assertEqual([out for packet, out in placed if packet.sparse], [None] * 3)
        self.assertEqual(times(VIDEO, placed), [n * PICTURE for n in range(200)])
        self.assertEqual(timeline.discontinuities, 0)

    def test_loop(self) -> None:
        """Through a loop each subtitle stays with its picture."""
        texts = [In(TEXT, t * SECOND, t * SECOND, SECOND, sparse=True) for t in (1, 4)]
        once = interleaved(video(0, 150), audio(0, 300), texts)
        timeline, placed = run(once * 3, 0)
        self.assertEqual(times(TEXT, placed), [n * SECOND for n in (1, 4, 7, 10, 13, 16)])
        self.assertEqual(timeline.discontinuities, 2)

    def test_damaged_sound(self) -> None:
        """A wrong timestamp elsewhere does not take the subtitles along."""
        packets = [*video(0, 10), *audio(0, 10), *audio(HOUR, 1), *audio(11 * SOUND, 10)]
        text = In(TEXT, SECOND, SECOND, SECOND, sparse=True)
        _, placed = run([*packets, text], 0)
        self.assertEqual(placed[-1][1], (SECOND, SECOND, SECOND))

    def test_no_edge(self) -> None:
        """How long a subtitle stands is its own affair, up to a day."""
        text = In(TEXT, 0, 0, 2**63, sparse=True)
        timeline, placed = run([*video(0, 1), text], 0)
        self.assertEqual(placed[1][1], (0, 0, LONGEST_DURATION))
        self.assertEqual(timeline.edge, 0)


# -- anything ------------------------------------------------------------------

instants = st.one_of(
    st.integers(0, 5 * SECOND),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([-(2**63), 2**63 - 1, 2**33, WRAP, 0, -1, AHEAD, -AHEAD, HOUR]),
)
steps = st.sampled_from(
    [
        *(
            0,
            1,
            -1,
            SOUND,
            PICTURE,
            -PICTURE,
            LATE,
            -LATE - 1,
            BACK + 1,
            -BACK - 1,
            5 * SECOND,
            -5 * SECOND,
        ),
        *(AHEAD, AHEAD + SOUND + 1, -AHEAD - 1, LOOSE, HOUR, -HOUR),
    ]
)


@st.composite
def anything(draw: st.DrawFn) -> list[In | None]:
    """Packets of up to four tracks without any sense, and restarts (L{None}) between them."""
    made: list[In | None] = []
    last = [draw(instants) for _ in range(4)]
    sparse = [False, False, draw(st.booleans()), True]
    for _ in range(draw(st.integers(1, 60))):
        if draw(st.integers(0, 20)) == 20:
            made.append(None)
        number = draw(st.integers(0, 3))
        kind = draw(st.integers(0, 9))
        last[number] = (
            draw(instants)
            if kind == 9
            else last[draw(st.integers(0, 3))]
            if kind == 8
            else last[number] + (draw(steps) if kind > 4 else PICTURE)
        )
        dts = last[number] if draw(st.integers(0, 5)) else None
        pts: int | None = last[number] + draw(st.sampled_from([0, 0, PICTURE, -PICTURE, HOUR]))
        if not draw(st.integers(0, 5)):
            pts = None
        duration = draw(st.sampled_from([0, PICTURE, SOUND, -1, 2**63, LOOSE]))
        delay = draw(st.sampled_from([0, 80 * MS]))
        step = draw(st.sampled_from([0, PICTURE]))
        made.append(In(number, pts, dts, duration, sparse[number], delay, step))
    return made


class AnythingTests(SynchronousTestCase):
    """What holds whatever comes in."""

    @given(anything(), st.one_of(st.none(), instants))
    def test_never_back(self, packets: list[In | None], origin: int | None) -> None:
        """
        Decoding times rise in each track, nothing is shown before it is decoded or before 0, and
        nothing leaps out of reach of the line's end.
        """
        timeline = Timeline()
        timeline.restart(origin)
        last: dict[int, int] = {}
        for packet in packets:
            if packet is None:
                timeline.restart(origin)
                continue
            edge, jumps = timeline.edge, timeline.discontinuities
            out = place(timeline, packet)
            self.assertLessEqual(edge, timeline.edge)
            self.assertTrue(timeline.state.is_sound)
            self.assertIn(timeline.discontinuities - jumps, (0,) if packet.sparse else (0, 1))
            if out is None:
                self.assertEqual(edge, timeline.edge)
                continue
            self.assertGreater(out.dts, last.get(packet.track, -1))
            last[packet.track] = out.dts
            self.assertLessEqual(out.dts, out.pts)
            self.assertLessEqual(out.pts, out.dts + AHEAD + LOOSE)
            self.assertLessEqual(0, out.duration)
            self.assertLessEqual(out.dts, edge + 2 * LOOSE)


class TakeOverTests(SynchronousTestCase):
    """A timeline that goes on in another process."""

    @given(st.integers(0, HOUR), st.integers(1, 50), st.booleans())
    def test_same_as_one(self, origin: int, pictures: int, again: bool) -> None:
        """What took a timeline over places the next input as the first one would have."""
        first = Timeline()
        first.restart(origin)
        for number in range(pictures):
            dts = origin + number * PICTURE
            place(first, In(VIDEO, dts, dts))
        other = Timeline()
        other.take_over(first.state)
        self.assertEqual(other.state, first.state)
        next_ = origin if again else origin + 7 * SECOND
        for timeline in (first, other):
            timeline.restart(next_)
        for number in range(3):
            packet = In(VIDEO, next_ + number * PICTURE, next_ + number * PICTURE)
            self.assertEqual(place(other, packet), place(first, packet))
        self.assertEqual(other.edge, first.edge)

    def test_broken_off(self) -> None:
        """The same input goes on at the edge, though nobody knows where its tracks were."""
        first = Timeline()
        first.restart(0)
        place(first, In(VIDEO, 0, 0))
        place(first, In(AUDIO, 0, 0))
        other = Timeline()
        other.take_over(first.state)
        other.edge = 5 * SECOND  # what has come since
        other.break_off()
        again = Timeline()
        again.take_over(other.state)
        again.restart(0)
        for track in (VIDEO, AUDIO):
            placed = place(again, In(track, 0, 0))
            assert placed is not None
            self.assertEqual(placed.dts, 5 * SECOND)
