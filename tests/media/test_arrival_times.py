"""Times that are made of arrivals: even, true to the clock, and never back."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.arrival_times import (
    FASTEST_CAMERA,
    LEARNED_AFTER,
    MEASURED_OVER,
    NETWORK_DELAY,
    ArrivalTimes,
)
from mkvtwist.media.packet import SECOND

MS = SECOND // 1000
PROBED = 2 * SECOND
"""Media that libavformat reads before it gives out the first packet."""


class Timed(NamedTuple):
    """A picture: when it was there, and the time that was made for it."""

    arrived: int
    time: int


def taken(rate: Fraction | float, seconds: float, begin: int = 0) -> list[int]:
    """When a camera takes its pictures."""
    return [begin + round(n * SECOND / rate) for n in range(round(seconds * rate))]


def waited(arrivals: Iterable[int]) -> Iterator[tuple[int, int | None]]:
    """Which of the pictures are waited for: all that come at least a millisecond after another."""
    last = -SECOND
    for arrived in arrivals:
        yield arrived, arrived if arrived - last > MS else None
        last = arrived


def timed(arrival: ArrivalTimes, arrivals: Iterable[int]) -> list[Timed]:
    """What is made of pictures that come at these times."""
    return [Timed(now, arrival.next(told)) for now, told in waited(arrivals)]


def probed(arrivals: list[int], guess: int) -> list[int]:
    """The same, where the first are read together: as many as libavformat takes for 2 s."""
    count = min(guess * PROBED // SECOND, len(arrivals) - 1)
    return [arrivals[count]] * count + arrivals[count:]


def speeds(made: list[Timed], span: int = 10 * SECOND) -> list[float]:
    """Media seconds for each second of the clock, span by span."""
    found = []
    first = made[0]
    for one in made:
        if one.arrived - first.arrived >= span:
            found.append((one.time - first.time) / (one.arrived - first.arrived))
            first = one
    return found


RATES = (1, 2, 5, 12.5, 24, Fraction(30000, 1001), 30, 40, 50, Fraction(60000, 1001), 60, 120)


class ArrivalTests(SynchronousTestCase):
    """What one camera sends."""

    def assert_near(self, got: float, wanted: float, by: float, about: str = "") -> None:
        """They differ by no more than this."""
        self.assertLessEqual(abs(got - wanted), by, f"{about}: {got}, not {wanted}")

    def test_held(self) -> None:
        """A sender that the reader holds back says nothing by its arrivals: the guess stays."""
        arrival = ArrivalTimes(SECOND / 25)
        timed(arrival, taken(100, 3))
        self.assertTrue(arrival.measured)
        times = []
        for arrived in taken(12, 10, begin=4 * SECOND):
            arrival.held()
            times.append(arrival.next(arrived))
        self.assertFalse(arrival.measured)
        self.assertEqual({b - a for a, b in pairwise(times)}, {SECOND // 25})

    def test_steady(self) -> None:
        """Whatever was guessed, a camera's pictures are even, and x1.00, as soon as it is known."""
        for rate in RATES:
            for guess in (25, 30, 60):
                arrival = ArrivalTimes(SECOND / guess)
                made = timed(arrival, probed(taken(rate, 200), guess))
                known = [
                    one
                    for one in made
                    if one.arrived > made[0].arrived + LEARNED_AFTER + 3 * NETWORK_DELAY
                ]
                for speed in speeds(known):
                    self.assert_near(speed, 1.0, 0.001, f"{rate} a second, for {guess}")
                step = SECOND / rate
                for one, two in pairwise(known):
                    self.assert_near(two.time - one.time, step, step / 40 + 1, f"{rate}")

    def test_file(self) -> None:
        """Where nothing is waited for, pictures come at the rate that is given, to the end."""
        for rate in (24, 25, 30000 / 1001, 60):
            arrival = ArrivalTimes(SECOND / rate)
            times = [arrival.next(None) for _ in range(100_000)]
            self.assertEqual(times[0], 0)
            self.assert_near(times[-1], 99_999 * SECOND / rate, 1)
            self.assertFalse(arrival.measured)

    def test_claim(self) -> None:
        """A claim that is off by less than 2 % is used as it is; one that is further off is not."""
        for real, believed in ((30, True), (29.97, True), (30.5, True), (25, False), (31, False)):
            arrival = ArrivalTimes(SECOND / 30)
            made = timed(arrival, taken(real, 60))
            self.assertEqual(arrival.step == SECOND / 30, believed, f"{real}")
            self.assert_near(speeds(made[round(3 * real) :])[-1], 1.0, 0.002)

    def test_bunches(self) -> None:
        """Pictures that come ten times a second in a bunch are spread out."""
        for rate in (24, 30, 60):
            arrivals = [-(-one // (100 * MS)) * 100 * MS for one in taken(rate, 120)]
            made = timed(ArrivalTimes(SECOND / 25), arrivals)[3 * rate :]
            for speed in speeds(made):
                self.assert_near(speed, 1.0, 0.02, f"{rate}")
            gaps = [two.time - one.time for one, two in pairwise(made)]
            self.assertGreater(min(gaps), 0.9 * SECOND / rate)
            self.assertLess(max(gaps), 1.1 * SECOND / rate)

    def test_pause(self) -> None:
        """After a still scene of half a minute the time is half a minute later, at once."""
        arrivals = taken(25, 20) + taken(25, 20, begin=50 * SECOND)
        made = timed(ArrivalTimes(SECOND / 25), arrivals)
        before, after = made[499], made[502:]
        for one in after:
            self.assert_near(
                one.time - before.time, one.arrived - before.arrived, NETWORK_DELAY / 10
            )

    def test_outage(self) -> None:
        """Pictures that a network holds up for ten seconds fill these ten seconds."""
        pictures = taken(25, 60)
        arrivals = [30 * SECOND if 20 * SECOND < one < 30 * SECOND else one for one in pictures]
        made = timed(ArrivalTimes(SECOND / 25), arrivals)
        gaps = [two.time - one.time for one, two in pairwise(made)]
        self.assertLess(max(gaps[100:]), 50 * MS)
        self.assert_near(made[-1].time - made[100].time, pictures[-1] - pictures[100], 50 * MS)

    def test_another_rate(self) -> None:
        """A camera that changes its rate is followed, and never far from the clock."""
        for rates in ((30, 5, 30), (5, 60, 5), (25, 50, 25), (60, 1, 60)):
            arrivals: list[int] = []
            for rate in rates:
                arrivals += taken(rate, 30, begin=arrivals[-1] + SECOND // rate if arrivals else 0)
            made = timed(ArrivalTimes(SECOND / 25), arrivals)
            start = next(one for one in made if one.arrived >= 5 * SECOND)
            for one in made[made.index(start) :]:
                off = (one.time - start.time) - (one.arrived - start.arrived)
                self.assertLess(abs(off), 2.5 * NETWORK_DELAY, f"{rates}")

    def test_sparse(self) -> None:
        """One picture in ten seconds has the time of its arrival."""
        made = timed(ArrivalTimes(SECOND / 25), [n * 10 * SECOND for n in range(20)])[3:]
        for one, two in pairwise(made):
            self.assert_near(two.time - one.time, 10 * SECOND, 1)

    def test_pushed(self) -> None:
        """A file that somebody sends as fast as it goes keeps the rate that it claims, or 25."""
        for each in (SECOND // (2 * FASTEST_CAMERA), 2 * MS):
            arrival = ArrivalTimes(SECOND / 25)
            made = timed(arrival, [n * each for n in range(5000)])
            self.assertFalse(arrival.measured)
            self.assert_near(made[-1].time, 4999 * 40 * MS, 1)

    @settings(max_examples=60)
    @given(
        st.sampled_from(RATES[2:]),
        st.sampled_from((25, 30)),
        st.integers(0, 30),
        st.integers(0, 1000),
    )
    def test_jitter(self, rate: Fraction | float, guess: int, jitter: int, seed: int) -> None:
        """Whatever a network adds to single pictures, within a minute nothing of it adds up."""
        chance = random.Random(seed)  # noqa: S311 - it is to be the same again
        arrivals, last = [], 0
        for one in taken(rate, 90):
            last = max(last, one + round(chance.uniform(0, jitter) * MS))
            arrivals.append(last)
        made = timed(ArrivalTimes(SECOND / guess), arrivals)
        known = [one for one in made if one.arrived > LEARNED_AFTER + 3 * NETWORK_DELAY]
        speed = (known[-1].time - known[0].time) / (known[-1].arrived - known[0].arrived)
        self.assert_near(speed, 1.0, 0.01)
        offsets = [one.time - one.arrived for one in known]
        self.assertLess(max(offsets) - min(offsets), NETWORK_DELAY)

    @given(
        st.integers(1, 500),
        st.lists(st.tuples(st.integers(0, 20 * SECOND), st.booleans()), max_size=200),
    )
    def test_any(self, guess: int, steps: list[tuple[int, bool]]) -> None:
        """Whatever comes, time goes on, and no step is longer than what it is measured over."""
        arrival, now, last = ArrivalTimes(SECOND / guess), 0, -1
        for step, told in steps:
            now += step
            time = arrival.next(now if told else None)
            self.assertGreater(time, last)
            self.assertLessEqual(arrival.step, max(SECOND / guess, MEASURED_OVER))
            last = time
