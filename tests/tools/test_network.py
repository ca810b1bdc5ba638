"""The link that the network tool puts between a server and a client."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.testing import footage, header
from tools.network import Clock, Watched, Way


class WayTests(SynchronousTestCase):
    """One direction."""

    def test_delay(self) -> None:
        """A packet takes as long as the way is, and one after the other leaves at the rate."""
        way = Way(rate=8000.0, delay=0.5)
        self.assertEqual([way.arrival(10.0, 1000) for _ in range(3)], [11.5, 12.5, 13.5])
        self.assertEqual(way.arrival(20.0, 500), 21.0)
        self.assertEqual(Way(delay=0.5).arrival(1.0, 1500), 1.5)

    def test_full(self) -> None:
        """What finds the queue full is lost, as is all when the link is cut."""
        way = Way(rate=8000.0, queue=1500)
        found = [way.arrival(0.0, 1000) for _ in range(4)]
        self.assertEqual(found, [1.0, 2.0, None, None])
        way.cut = True
        self.assertIsNone(way.arrival(9.0, 10))

    def test_loss(self) -> None:
        """Of many packets about the part is lost that is said."""
        way = Way(loss=0.1)
        lost = sum(way.arrival(0.0, 10) is None for _ in range(10_000))
        self.assertTrue(900 < lost < 1100, lost)


class ClockTests(SynchronousTestCase):
    """What a client sees."""

    def test_stamps(self) -> None:
        """Each Cluster's time is found, however the bytes are cut."""
        format_ = MatroskaMuxer(header())
        data = b"".join(format_.render([packet]) for packet in footage(3, 5))
        for size in (7, 64, len(data)):
            clock = Clock()
            for at in range(0, len(data), size):
                clock.take(data[at : at + size], float(at))
            clock.take(b"." * 40, 0.0)
            self.assertEqual([stamp for _, stamp in clock.came], list(range(3000, 5000, 100)))
            self.assertEqual(clock.size, len(data) + 40)

    def test_late(self) -> None:
        """What is late is late against another client; what is missing is a skip."""
        near = Watched([(1.0, 1000), (2.0, 2000), (3.0, 3000)], [])
        far = Watched([(1.5, 1000), (5.0, 3000)], [(1.0, 500), (2.0, 1000), (3.0, 1000)])
        self.assertEqual(far.lags(near), [(1.5, 0.5), (5.0, 2.0)])
        self.assertEqual(far.skipped(), [2.0])
        self.assertEqual(far.rate(2.0), 16_000)
