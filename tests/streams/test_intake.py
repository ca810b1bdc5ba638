"""What an input has brought, counted."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.streams.intake import Intake
from mkvtwist.testing import AUDIO, footage, header
from tests.support.streams import broadcast


class IntakeTests(SynchronousTestCase):
    """L{Intake}, as a publisher's sink."""

    def setUp(self) -> None:
        """Nothing has come."""
        self.clock = Clock()
        self.intake = Intake(self.clock)
        config = StreamConfig(Input(Form.DEMO, "demo:"))
        self.publisher = broadcast(self.clock, config, self.intake).publisher

    def test_counters(self) -> None:
        """Fragments and payload are counted, over all periods."""
        self.publisher.begin(header())
        for packet in footage(0, 10):
            self.publisher.publish([packet])
        self.publisher.begin(header(AUDIO))
        for packet in footage(10, 11, track=2):
            self.publisher.publish([packet])
        self.assertEqual(self.intake.fragments, 110)
        self.assertEqual(self.intake.bytes, 110 * 20)

    def test_arrived(self) -> None:
        """The newest fragment's time is that of the clock."""
        self.publisher.begin(header())
        self.clock.advance(7)
        self.publisher.publish(footage(0, 1))
        self.clock.advance(2)
        self.assertEqual(self.intake.arrived, 7)

    def test_bitrate(self) -> None:
        """The bitrate is of what came lately, and 0 when nothing did."""
        self.publisher.begin(header())
        for second in range(10):
            self.publisher.publish(footage(second, second + 1, size=100))
            self.clock.advance(1)
        self.assertEqual(self.intake.bitrate, 8 * 10 * 100)
        self.clock.advance(60)
        self.assertEqual(self.intake.bitrate, 0)

    def test_much_at_once(self) -> None:
        """The seconds with which an input begins are not its bitrate."""
        self.publisher.begin(header())
        self.publisher.publish(footage(0, 20, size=100))
        self.clock.advance(1)
        self.assertEqual(self.intake.bitrate, 8 * 10 * 100)
