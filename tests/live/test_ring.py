"""The ring against a model that keeps everything and asks the definition."""

from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.live.fragment import Fragment, Weights
from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import SECOND, Extra, Packet

VIDEO, AUDIO, TEXT = 1, 2, 3
LIMIT = 1000
DURATION = 10 * SECOND

fast = settings(max_examples=60, stateful_step_count=60)


def packet(
    dts: int, *, duration: int = SECOND, size: int = 10, track: int = VIDEO, key: bool = False
) -> Packet:
    """A packet of so many bytes."""
    return Packet(track, dts, dts, duration, key, bytes(size))


ring_of = partial(Ring, weights=Weights(packet=0, fragment=0, rendered=0))
"""A ring in which packets, fragments and what is rendered take nothing beside their bytes."""


def filled(
    count: int, gop: int = 5, *, size: int = 10, limit: int = LIMIT, **settings: Any
) -> Ring:
    """A ring that got so many fragments, a second each."""
    ring = ring_of(DURATION, limit, **settings)
    for number in range(count):
        ring.append([packet(number * SECOND, size=size)], key=number % gop == 0)
    return ring


class RingTests(SynchronousTestCase):
    """What is kept, and for how long."""

    def test_empty(self) -> None:
        """A new ring has nothing, and no place to join at."""
        ring = ring_of(DURATION, LIMIT, edge=7)
        self.assertEqual((ring.first, ring.end, ring.size, ring.edge), (0, 0, 0, 7))
        self.assertEqual((ring.segments, ring.newest_start, ring.place(0)), (0, None, None))
        self.assertEqual((ring.seconds, ring.bitrate(SECOND), ring.segment_duration), (0, 0, 0))
        self.assertRaises(IndexError, ring.__getitem__, 0)

    def test_fragment(self) -> None:
        """A fragment knows its place, its span and its size."""
        ring = ring_of(DURATION, LIMIT)
        ring.append([packet(0)], key=True)
        made = ring.append([packet(3, duration=2), packet(1, duration=9, size=5)], key=False)
        self.assertEqual((made.number, made.key, made.start, made.end), (1, False, 1, SECOND))
        self.assertEqual((made.size, made.payload, made.rendered), (15, 15, {}))
        self.assertIs(ring[1], made)

    def test_whole_segments_leave(self) -> None:
        """What is too old leaves with its whole segment, as soon as the rest is long enough."""
        firsts = [filled(count).first for count in range(1, 28)]
        self.assertEqual(firsts, [0] * 14 + [5] * 5 + [10] * 5 + [15] * 3)

    def test_bytes(self) -> None:
        """Bytes that are too much leave with their whole segment."""
        ring = filled(6, 2, size=400)
        self.assertEqual((ring.first, ring.end, ring.size), (4, 6, 800))
        ring.append([packet(6 * SECOND, size=400)], key=True)
        self.assertEqual((ring.first, ring.end, ring.size), (6, 7, 400))

    def test_giant(self) -> None:
        """One fragment alone may be larger than the limit, and is gone with the next one."""
        ring = filled(3)
        ring.append([packet(3 * SECOND, size=2 * LIMIT)], key=False)
        self.assertEqual((ring.first, ring.end, ring.size, ring.segments), (3, 4, 2 * LIMIT, 0))
        ring.append([packet(4 * SECOND)], key=False)
        self.assertEqual((ring.first, ring.end, ring.size), (4, 5, 10))

    def test_weight(self) -> None:
        """
        What packets and fragments take beside their payload counts, too: quiet sound would take
        twenty times what it has. So do additions, such as pictures of what is transparent.
        """
        ring = Ring(DURATION, LIMIT, weights=Weights(packet=100, fragment=30, rendered=0))
        made = ring.append([packet(0), packet(1)], key=True)
        self.assertEqual((made.payload, made.weight, made.size, ring.size), (20, 250, 250, 250))
        ring.render(made, "matroska", bytes(20))
        self.assertEqual((made.weight, made.size, ring.size), (250, 270, 270))
        alpha = packet(2)._replace(extra=Extra(((1, bytes(7)), (2, bytes(8)))))
        self.assertEqual(ring.append([alpha], key=False).weight, 155)
        for number in range(3, 20):
            ring.append([packet(number)], key=False)
            self.assertLessEqual(ring.size, LIMIT)
        self.assertEqual((ring.end - ring.first, ring.size), (7, 7 * 140))

    def test_long_segment(self) -> None:
        """
        A segment of very many fragments leaves little by little, and nobody begins in the middle of
        it; where there are too many bytes, by as many as it takes.
        """
        ring = filled(20, 1000, leaving=4)
        self.assertEqual(ring.first, 0)
        firsts = []
        for number in range(20, 40):
            ring.append([packet(number * SECOND)], key=number % 10 == 0)
            firsts.append(ring.first)
        self.assertEqual(firsts, [0] * 9 + [4, 8, 12, 16] + [20] * 6 + [24])
        ring.append([packet(40 * SECOND, size=LIMIT - 45)], key=False)
        self.assertEqual((ring.first, ring.end, ring.place(SECOND * 99)), (36, 41, None))

    def test_endless_segment(self) -> None:
        """
        A segment without end is bounded in bytes, and then in seconds, too: nobody can join it any
        more, and who watches goes on.
        """
        ring = filled(60, 1000)
        self.assertEqual((ring.first, ring.place(0)), (0, 0))
        for number in range(60, 200):
            ring.append([packet(number * SECOND)], key=False)
            self.assertLessEqual(ring.size, LIMIT)
        self.assertEqual((ring.place(0), ring.newest_start, ring.segments), (None, None, 0))
        self.assertEqual(ring.seconds, 10)
        ring.append([packet(200 * SECOND)], key=True)
        self.assertEqual((ring.place(0), ring.place(SECOND * 99)), (200, 200))
        self.assertEqual(ring.segment_duration, 200 * SECOND)

    def test_no_beginning(self) -> None:
        """What lies before the first keyframe goes first, and alone."""
        ring = ring_of(DURATION, LIMIT)
        for number in range(20):
            key = number > 2 and number % 5 == 3
            ring.append([packet(number * SECOND)], key=key)
            if number == 12:
                self.assertEqual((ring.first, ring.segment_duration), (3, 5 * SECOND))
        ring = ring_of(DURATION, 50)
        for number in range(6):
            ring.append([packet(number * SECOND)], key=number == 3)
        self.assertEqual((ring.first, ring.newest_start), (3, 3))

    def test_edge(self) -> None:
        """The live edge never goes back."""
        ring = ring_of(DURATION, LIMIT, edge=5)
        self.assertEqual(ring.append([packet(0, duration=2)], key=True).end, 5)
        self.assertEqual(ring.append([packet(9, duration=2)], key=True).end, 11)
        self.assertEqual(ring.append([packet(3, duration=2)], key=True).end, 11)

    def test_subtitles(self) -> None:
        """Subtitles, which may be early, late, or stand for an hour, do not tell the time."""
        ring = ring_of(DURATION, LIMIT, sparse={TEXT})
        long = packet(40 * SECOND, duration=3600 * SECOND, track=TEXT)
        late = packet(-40 * SECOND, track=TEXT)
        ring.append([packet(0), long, late], key=True)
        self.assertEqual((ring.edge, ring[0].start), (SECOND, 0))
        made = ring.append([long], key=False)
        self.assertEqual((made.start, made.end, ring.edge), (SECOND, SECOND, SECOND))

    def test_index(self) -> None:
        """A fragment has left, is there, or has not come yet."""
        ring = filled(20)
        self.assertEqual((ring.first, ring.end), (10, 20))
        self.assertEqual([ring[n].number for n in range(10, 20)], list(range(10, 20)))
        for number in (-1, 9, 20):
            self.assertRaises(IndexError, ring.__getitem__, number)

    def test_decodable(self) -> None:
        """A reader of pictures begins where one can be decoded, or at the first such place."""
        ring = ring_of(DURATION, LIMIT)
        for number, decodable in enumerate((False, True, False, True, False, False)):
            ring.append([packet(number * SECOND)], key=True, decodable=decodable)
        self.assertEqual([ring.place(n * SECOND) for n in (0, 2, 4, 9)], [5, 4, 2, 0])
        found = [ring.place(n * SECOND, decodable=True) for n in (0, 2, 4, 9)]
        self.assertEqual(found, [3, 3, 1, 1])
        alone = ring_of(DURATION, LIMIT)
        alone.append([packet(0)], key=True, decodable=False)
        self.assertIsNone(alone.place(0, decodable=True))

    def test_segment_duration(self) -> None:
        """It is that of the last whole segment, or of the one that grows once that is longer."""
        ring = ring_of(DURATION, LIMIT)
        lengths = []
        for number, key in enumerate((False, True, False, True, True)):
            ring.append([packet(number * SECOND)], key=key)
            lengths.append(ring.segment_duration)
        self.assertEqual(lengths, [0, SECOND, 2 * SECOND, 2 * SECOND, SECOND])

    def test_bitrate(self) -> None:
        """The rate of the last seconds is in bits a second, of payload only."""
        ring = ring_of(DURATION, LIMIT)
        for number in range(8):
            made = ring.append([packet(number * SECOND, size=100 if number > 5 else 10)], key=True)
            ring.render(made, "matroska", b"1")
        self.assertEqual(ring.bitrate(2 * SECOND), 800)
        self.assertEqual(ring.bitrate(4 * SECOND), 440)
        self.assertEqual(ring.bitrate(99 * SECOND), (2 * 100 + 6 * 10) * 8 / 8)

    def test_bitrate_of_many(self) -> None:
        """Of very many fragments only the newest are looked at: the older ones do not count."""
        ring = ring_of(DURATION, LIMIT, measured=3)
        for number in range(8):
            ring.append([packet(number * SECOND, size=100 if number > 4 else 10)], key=False)
        self.assertEqual(ring.bitrate(99 * SECOND), 800)


class PlaceTests(SynchronousTestCase):
    """Where a client joins."""

    def test_place(self) -> None:
        """It is the newest segment that begins so far behind the live edge, or the oldest."""
        ring = filled(18)  # 5 .. 10 .. 15 .. 18
        for behind, expected in ((0, 15), (1, 15), (3, 15), (4, 10), (8, 10), (9, 5), (99, 5)):
            self.assertEqual(ring.place(behind * SECOND), expected, behind)

    def test_newest(self) -> None:
        """Without a burst it is the newest segment, though its fragment ends before the edge."""
        ring = ring_of(DURATION, LIMIT, edge=99)
        ring.append([packet(0, duration=1)], key=True)
        ring.append([packet(200, duration=0)], key=True)
        self.assertEqual(ring.place(0), 1)

    def test_lagging(self) -> None:
        """Where sound lags behind, a segment may begin before the one before it does."""
        ring = ring_of(DURATION, 10 * LIMIT)
        for number, start in enumerate((0, 4, 2, 2, 9, 5, 12)):
            ring.append([packet(start, duration=1), packet(14, duration=1)], key=True)
            self.assertEqual(ring.end, number + 1)
        for behind, expected in ((15, 0), (14, 0), (13, 3), (11, 3), (10, 5), (4, 5), (3, 6)):
            self.assertEqual(ring.place(behind), expected, behind)
        self.assertEqual((ring.place(99), ring.place(0)), (0, 6))

    def test_between(self) -> None:
        """Fragments are had from one number up to another, as far as there are any."""
        ring = filled(20)
        for first, stop, expected in ((10, 13, [10, 11, 12]), (18, 99, [18, 19]), (15, 12, [])):
            self.assertEqual([f.number for f in ring.between(first, stop)], expected)
        self.assertRaises(IndexError, ring.between, 9, 12)

    def test_before(self) -> None:
        """Segments are counted that have begun before a place, those included that have left."""
        ring = filled(18)
        for place, expected in ((5, 1), (6, 2), (10, 2), (11, 3), (15, 3), (16, 4), (18, 4)):
            self.assertEqual(ring.segments_before(place), expected)
        self.assertEqual(ring.segments_before(0), ring.segments_before(ring.first))
        self.assertEqual(ring_of(DURATION, LIMIT).segments_before(0), 0)


class RenderTests(SynchronousTestCase):
    """What is made of fragments, and shared."""

    def test_beside(self) -> None:
        """What it takes beside the bytes counts, too, once for each, until they are forgotten."""
        ring = filled(3, weights=Weights(packet=0, fragment=0, rendered=100))
        ring.render(ring[1], "matroska", b"12345")
        ring.render(ring[1], "matroska", b"123")
        self.assertEqual((ring.size, ring[1].size), (30 + 103, 10 + 103))
        ring.render(ring[1], "mp4", b"1")
        ring.forget("matroska")
        self.assertEqual((ring.size, ring[1].rendered), (30 + 101, {"mp4": b"1"}))

    def test_nothing(self) -> None:
        """No bytes are not kept: there may be as many as there are fragments and choices."""
        ring = filled(3)
        self.assertEqual(ring.render(ring[1], "webvtt", b""), b"")
        self.assertEqual((ring.size, ring[1].rendered), (30, {}))

    def test_counted(self) -> None:
        """Rendered bytes count, and leave with their fragment."""
        ring = filled(3)
        self.assertEqual(ring.render(ring[1], "matroska", b"12345"), b"12345")
        ring.render(ring[1], "mp4", b"1")
        self.assertEqual((ring.size, ring[1].size, ring[1].payload), (36, 16, 10))
        self.assertEqual(ring[1].rendered, {"matroska": b"12345", "mp4": b"1"})
        for number in range(3, 30):
            ring.append([packet(number * SECOND)], key=True)
        self.assertEqual(ring.size, 10 * 10)

    def test_forgotten(self) -> None:
        """Where there is no room the oldest rendered bytes are forgotten, no fragment is lost."""
        ring = filled(10, size=50)
        for number in range(10):
            ring.render(ring[number], "matroska", bytes(100))
            self.assertLessEqual(ring.size, LIMIT)
            self.assertIn("matroska", ring[number].rendered)
        kept = [n for n in range(10) if ring[n].rendered]
        self.assertEqual((kept, ring.first, ring.size), ([5, 6, 7, 8, 9], 0, LIMIT))

    def test_media_first(self) -> None:
        """What can be made again makes room for media; a quarter of the ring is left to it."""
        ring = ring_of(DURATION, LIMIT)
        for number in range(40):
            made = ring.append([packet(number * SECOND, size=70)], key=True)
            ring.render(made, "matroska", bytes(50))
            ring.render(made, "mp4", bytes(50))
            self.assertLessEqual(ring.size, LIMIT)
            self.assertGreaterEqual(ring.end - ring.first, min(10, number + 1))
        self.assertEqual([n for n in range(30, 40) if ring[n].rendered], [37, 38, 39])
        ring = ring_of(DURATION, LIMIT)
        for number in range(40):
            made = ring.append([packet(number * SECOND, size=100)], key=True)
            ring.render(made, "matroska", bytes(100))
        self.assertEqual((ring.first, ring.size), (32, LIMIT))
        self.assertEqual([n for n in range(32, 40) if ring[n].rendered], [38, 39])

    def test_forget(self) -> None:
        """Bytes that nobody wants leave room; the others are still forgotten from the oldest on."""
        ring = filled(6)
        for number in (5, 1, 3):
            ring.render(ring[number], "matroska", bytes(100))
            ring.render(ring[number], "mp4", bytes(100))
        ring.render(ring[4], "mp4", bytes(100))
        ring.forget("mp4")
        self.assertEqual([n for n in range(6) if ring[n].rendered], [1, 3, 5])
        ring.render(ring[0], "webm", bytes(LIMIT - 360))
        self.assertEqual(
            ([n for n in range(6) if ring[n].rendered], ring.size), ([0, 1, 3, 5], 1000)
        )
        ring.render(ring[3], "webm", bytes(150))
        self.assertEqual(([n for n in range(6) if ring[n].rendered], ring.size), ([1, 3, 5], 510))

    def test_gone(self) -> None:
        """What is made of a fragment that has left is not kept."""
        ring = filled(1)
        gone = ring[0]
        for number in range(1, 30):
            ring.append([packet(number * SECOND)], key=True)
        size = ring.size
        self.assertEqual(ring.render(gone, "matroska", b"late"), b"late")
        self.assertEqual((ring.size, gone.rendered), (size, {}))

    def test_again(self) -> None:
        """What is made once more replaces the first."""
        ring = filled(1)
        ring.render(ring[0], "matroska", b"123")
        ring.render(ring[0], "matroska", b"12")
        self.assertEqual((ring.size, ring[0].size), (12, 12))


class RingMachine(RuleBasedStateMachine):
    """Does at random what a publisher does, and keeps its own account."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = ring_of(DURATION, LIMIT, sparse={TEXT})
        self.all: list[Fragment] = []
        self.now = 0

    @rule(
        steps=st.lists(st.integers(0, SECOND), min_size=1, max_size=4),
        key=st.sampled_from([False, False, True]),
        size=st.sampled_from([1, 10, 100, 1500]),
        track=st.sampled_from([VIDEO, VIDEO, AUDIO, TEXT]),
    )
    def append(self, steps: list[int], key: bool, size: int, track: int) -> None:
        """Some packets arrive."""
        packets = []
        for step in steps:
            self.now += step
            lag = SECOND // 2 if track == AUDIO else 0
            packets.append(packet(self.now - lag, duration=step, size=size, track=track))
        fragment = self.ring.append(packets, key=key)
        assert fragment.number == len(self.all)
        self.all.append(fragment)

    @rule(back=st.integers(0, 30), size=st.integers(0, 300))
    def render(self, back: int, size: int) -> None:
        """Somebody watches."""
        if self.all:
            fragment = self.all[max(0, len(self.all) - 1 - back)]
            assert self.ring.render(fragment, "matroska", bytes(size)) == bytes(size)

    @rule(behind=st.integers(0, 15 * SECOND))
    def place(self, behind: int) -> None:
        """Somebody joins."""
        starts = [fragment for fragment in self.kept if fragment.key]
        place = self.ring.place(behind)
        if not starts:
            assert place is None
            return
        early = [f for f in starts if f.start <= self.ring.edge - behind]
        newest = starts[-1] if not behind else early[-1] if early else starts[0]
        assert place == newest.number

    @property
    def kept(self) -> list[Fragment]:
        """What should be in the ring, as far as its first number is right."""
        return self.all[self.ring.first :]

    @invariant()
    def holds_the_newest(self) -> None:
        """The last fragments are there, by their numbers."""
        assert self.ring.end == len(self.all)
        assert [self.ring[f.number] for f in self.kept] == self.kept
        assert self.kept or not self.all

    @invariant()
    def is_accounted_for(self) -> None:
        """Sizes, segments and the edge are what they are."""
        sizes = [f.payload + sum(map(len, f.rendered.values())) for f in self.kept]
        assert [f.size for f in self.kept] == sizes
        assert self.ring.size == sum(sizes)
        assert self.ring.segments == sum(f.key for f in self.kept)
        newest = [f.number for f in self.kept if f.key]
        assert self.ring.newest_start == (newest[-1] if newest else None)
        timed = [p.end for f in self.all for p in f.packets if p.track != TEXT]
        assert self.ring.edge == max([0, *timed])

    @invariant()
    def is_bounded_in_bytes(self) -> None:
        """Only one fragment alone may be more than the limit."""
        sizes = sorted(f.size for f in self.kept)
        assert self.ring.size <= LIMIT or sum(sizes[:-1]) <= LIMIT

    @invariant()
    def is_bounded_in_seconds(self) -> None:
        """A segment more than the duration is kept at most; one without a beginning not longer."""
        later = [f for f in self.kept[1:] if f.key]
        if later:
            assert self.ring.edge - later[0].start < DURATION
        elif self.kept and not self.kept[0].key:
            assert len(self.kept) == 1 or self.ring.edge - self.kept[0].start <= DURATION


class ModelTests(SynchronousTestCase):
    """Any life of a ring."""

    def test_model(self) -> None:
        """Whatever comes and is watched, the ring holds what it promises."""
        run_state_machine_as_test(RingMachine, settings=fast)

    @given(st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=60))
    @fast
    def test_no_less(self, made: list[tuple[int, bool]]) -> None:
        """Nothing leaves before it is too old or too much."""
        ring = ring_of(DURATION, LIMIT)
        before: list[Fragment] = []
        for number, (size, key) in enumerate(made):
            ring.append([packet(number * SECOND, size=size)], key=key)
            gone = [f for f in before if f.number < ring.first]
            before = [ring[n] for n in range(ring.first, ring.end)]
            if gone and ring.edge - gone[-1].start <= DURATION:
                last = max((f.number for f in gone if f.key), default=gone[0].number)
                segment = sum(f.size for f in gone if f.number >= last)
                self.assertGreater(ring.size + segment, LIMIT)
