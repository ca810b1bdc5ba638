"""Values that go from fragment to fragment, the same for whoever asks."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.live.ring import Ring
from mkvtwist.live.running_values import STEPS, Running
from mkvtwist.media.packet import SECOND
from tests.live.test_ring import DURATION, LIMIT, fast, filled, packet, ring_of


class RunningTests(SynchronousTestCase):
    """What goes from fragment to fragment."""

    def running(self, ring: Ring, steps: int = STEPS) -> Running[int]:
        """How many packets there were before."""
        return Running(
            ring,
            0,
            lambda packets, before: before + len(packets),
            lambda value, found, known: value + known - found,
            steps,
        )

    def test_before(self) -> None:
        """It is the same whoever asks, in whatever order, and goes on while the ring moves."""
        ring = filled(10)
        running = self.running(ring)
        self.assertEqual([running.before(n) for n in (3, 9, 0, 3)], [0, 6, -3, 0])
        ring.append([packet(10 * SECOND), packet(10 * SECOND)], key=True)
        for number in range(11, 30):
            ring.append([packet(number * SECOND)], key=number % 5 == 0)
            self.assertEqual(running.before(number), number - 2)
        self.assertEqual(running.before(ring.first), ring.first - 2)
        self.assertRaises(IndexError, running.before, ring.first - 1)
        self.assertRaises(IndexError, running.before, ring.end + 1)

    def test_anew(self) -> None:
        """Where nobody has asked for so long that the ring has lost the way, it begins anew."""
        ring = filled(10)
        running = self.running(ring)
        self.assertEqual((running.before(0), running.before(9)), (0, 9))
        for number in range(10, 40):
            ring.append([packet(number * SECOND)], key=number % 5 == 0)
        self.assertEqual(running.before(ring.first), 0)
        self.assertEqual(running.before(ring.first + 7), 7)

    def test_just_in_time(self) -> None:
        """It goes on when what it was last asked for is the oldest that there is."""
        ring = filled(14)
        running = self.running(ring)
        self.assertEqual((running.before(0), running.before(5)), (0, 5))
        ring.append([packet(14 * SECOND)], key=False)
        self.assertEqual((ring.first, running.before(6)), (5, 6))

    def test_too_late(self) -> None:
        """It goes on also when what it was last asked for has just left: the next is known."""
        ring = filled(14)
        running = self.running(ring)
        self.assertEqual((running.before(0), running.before(4)), (0, 4))
        ring.append([packet(14 * SECOND)], key=False)
        self.assertEqual((ring.first, running.before(5)), (5, 5))

    def until(self, running: Running[int], number: int) -> tuple[int, int]:
        """What is before a fragment, and how often one asks until it is found."""
        count = 1
        while (found := running.before(number)) is None:
            count += 1
            self.assertLess(count, 100)
        return found, count

    def test_steps(self) -> None:
        """
        Nothing is looked at to begin somewhere, and so much in one turn to come from there to
        another place, later or earlier; whoever asks helps.
        """
        ring = filled(100, limit=LIMIT * 10)
        ring.duration = 1000 * SECOND
        for number in range(100, 140):
            ring.append([packet(number * SECOND)], key=number % 5 == 0)
        first = ring.first
        running = self.running(ring, steps=4)
        self.assertEqual(self.until(running, 120), (0, 1))
        self.assertEqual(self.until(running, 133), (13, 3))
        self.assertIsNone(running.before(110))
        self.assertIsNone(running.before(103))
        self.assertEqual(running.before(121), 1)
        self.assertEqual(self.until(running, 111), (-9, 1))
        self.assertEqual(self.until(running, 104), (-16, 2))
        self.assertEqual(self.until(running, first), (first - 120, -(-(103 - first) // 4)))
        found = [running.before(number) for number in range(first, 134)]
        self.assertEqual(found, [number - 120 for number in range(first, 134)])

    def test_lost_way(self) -> None:
        """What was on its way when the ring left it behind begins anew, and meets the rest."""
        ring = filled(14)
        running = self.running(ring, steps=2)
        self.assertEqual(running.before(13), 0)
        self.assertIsNone(running.before(3))
        for number in range(14, 23):
            ring.append([packet(number * SECOND)], key=number % 5 == 0)
            running.before(number)
        self.assertEqual(ring.first, 10)
        self.assertEqual(self.until(running, 10), (-3, 2))
        self.assertEqual(self.until(running, 12), (-1, 1))

    @given(st.data())
    @fast
    def test_any(self, data: st.DataObject) -> None:
        """A client that asks for what, while the ring moves: all that is said is of one count."""
        ring = ring_of(DURATION, LIMIT)
        running = self.running(ring, data.draw(st.integers(1, 5)))
        total, totals, known = 0, [0], set()
        for number in range(data.draw(st.integers(1, 40))):
            count = data.draw(st.integers(1, 3))
            key = data.draw(st.booleans())
            ring.append([packet(number * SECOND, size=1)] * count, key=key)
            total += count
            totals.append(total)
            # Somebody who has all is there throughout, so that the way is never lost.
            found, _ = self.until(running, ring.end)
            known.add(found - totals[ring.end])
            for _ in range(data.draw(st.integers(0, 2))):
                asked = data.draw(st.integers(ring.first, ring.end))
                value = running.before(asked)
                if value is not None:
                    known.add(value - totals[asked])
        self.assertEqual(len(known), 1)
