"""The pace of an input: the first seconds at once, the rest in real time."""

from __future__ import annotations

import threading

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.packets.pace import LATE_LIMIT, PACE_STEP, Pace
from mkvtwist.libav.stopping import Stopped
from mkvtwist.media.packet import SECOND


class PatientEvent(threading.Event):
    """
    An event that nobody sets, and a clock which is moved by waiting for it.

    @ivar waits: for how long.
    """

    def __init__(self, seconds: float = 1000.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.waits: list[float] = []

    def clock(self) -> float:
        """Now."""
        return self.seconds

    def wait(self, timeout: float | None = None) -> bool:
        """Time passes at once."""
        assert timeout is not None
        self.waits.append(timeout)
        self.seconds += timeout
        return self.is_set()


class PaceTests(SynchronousTestCase):
    """L{Pace}, against a clock of its own."""

    def setUp(self) -> None:
        """It is some time o'clock."""
        self.stop = PatientEvent()

    def pace(self, rate: float = 1.0, burst: float = 0.0) -> Pace:
        """A pace by this clock."""
        return Pace(rate, burst, self.stop.clock)

    def test_real_time(self) -> None:
        """A second of media takes a second, counted from the first packet, whatever its time."""
        for first in (0, 20_541 * SECOND):
            pace = self.pace()
            begin = self.stop.seconds
            for number in range(100):
                pace.wait(first + number * 125_000, self.stop)
                self.assertAlmostEqual(self.stop.seconds - begin, number * 0.125)

    def test_step(self) -> None:
        """What is due in the same step comes together at its beginning, in step with others."""
        self.stop.seconds += 0.3
        pace = self.pace()
        begin = self.stop.seconds
        instants = []
        for number in range(100):
            pace.wait(number * 10_000, self.stop)
            early = begin + number * 0.01 - self.stop.seconds
            self.assertTrue(-1e-9 < early < PACE_STEP, early)
            instants.append(self.stop.seconds)
        self.assertEqual(len(self.stop.waits), 32)
        for instant in instants[4:]:
            steps = instant / PACE_STEP
            self.assertAlmostEqual(steps, round(steps))

    def test_rate(self) -> None:
        """At twice the speed it takes half the time."""
        pace = self.pace(rate=2.0)
        for number in range(11):
            pace.wait(number * SECOND, self.stop)
        self.assertAlmostEqual(self.stop.seconds, 1005)

    def test_no_limit(self) -> None:
        """At speed 0 nothing is waited for, not even the end."""
        pace = self.pace(rate=0.0)
        pace.wait(0, self.stop)
        pace.wait(3600 * SECOND, self.stop)
        pace.catch_up(3600 * SECOND, self.stop)
        self.assertEqual(self.stop.waits, [])

    def test_burst(self) -> None:
        """Media of the burst is not waited for; after that the input stays that far ahead."""
        pace = self.pace(burst=30.0)
        for second in range(31):
            pace.wait(second * SECOND, self.stop)
        self.assertEqual(self.stop.waits, [])
        for second in range(31, 40):
            pace.wait(second * SECOND, self.stop)
        self.assertAlmostEqual(self.stop.seconds, 1009)

    def test_burst_and_rate(self) -> None:
        """The burst is seconds of media, at any speed."""
        pace = self.pace(rate=0.5, burst=10.0)
        pace.wait(0, self.stop)
        pace.wait(10 * SECOND, self.stop)
        self.assertEqual(self.stop.waits, [])
        pace.wait(11 * SECOND, self.stop)
        self.assertAlmostEqual(self.stop.seconds, 1002)

    def test_late_input(self) -> None:
        """An input that was very late makes up for a few seconds, and has lost the rest."""
        pace = self.pace()
        pace.wait(0, self.stop)
        self.stop.seconds += 3600
        for second in range(1, 7):
            pace.wait(second * SECOND, self.stop)
        self.assertEqual(self.stop.waits, [])
        pace.wait(7 * SECOND, self.stop)
        self.assertAlmostEqual(self.stop.waits[-1], 1.0)

    def test_busy_machine(self) -> None:
        """A reader that gets no processor for a while, again and again, loses nothing."""
        for burst in (0.0, 2.0, 30.0):
            pace = self.pace(burst=burst)
            begin = self.stop.seconds
            for number in range(1000):
                if number % 100 == 50:
                    self.stop.seconds += 4.9
                pace.wait(number * SECOND // 8, self.stop)
            late = self.stop.seconds - (begin + 999 / 8 - burst)
            self.assertTrue(-PACE_STEP <= late <= 1e-6, late)

    def test_late_by_the_burst(self) -> None:
        """A long burst is made up for as a whole."""
        pace = self.pace(burst=30.0)
        pace.wait(0, self.stop)
        pace.wait(30 * SECOND, self.stop)
        begin = self.stop.seconds
        self.stop.seconds += 25
        for second in range(31, 66):
            pace.wait(second * SECOND, self.stop)
        self.assertAlmostEqual(self.stop.seconds - begin, 35)

    def test_catch_up(self) -> None:
        """At the end, what was read ahead is waited for."""
        pace = self.pace(burst=30.0)
        for second in range(20):
            pace.wait(second * SECOND, self.stop)
        pace.catch_up(20 * SECOND, self.stop)
        self.assertAlmostEqual(self.stop.seconds, 1020)

    def test_stop(self) -> None:
        """A waiting thread is woken."""
        pace = self.pace()
        pace.wait(0, self.stop)
        self.stop.set()
        self.assertRaises(Stopped, pace.wait, SECOND, self.stop)

    def test_take_over(self) -> None:
        """A zero that another process has sent does not have the next packet wait for long."""
        pace, edge = self.pace(), 3600 * SECOND
        pace.take_over(1e17, edge)
        pace.wait(edge, self.stop)
        self.assertLessEqual(sum(self.stop.waits), LATE_LIMIT)

    def test_go_on(self) -> None:
        """The zero of a pace that was kept stays."""
        pace, other = self.pace(), self.pace()
        pace.wait(0, self.stop)
        pace.wait(SECOND, self.stop)
        other.take_over(pace.zero, SECOND)
        self.assertEqual(other.zero, pace.zero)
