"""Inputs that are published to under the stream's name; the senders themselves are the site's."""

from mkvtwist.inputs.senders import Parting, Sender
from tests.support.inputs import InputTestCase, MemoryUplink


class PushTests(InputTestCase):
    """What an input does until somebody publishes, and after."""

    def publish(self, data: bytes = b"media") -> MemoryUplink:
        """A sender publishes this."""
        uplink = MemoryUplink()
        uplink.sender = Sender(self.service.slot, "192.0.2.7:5000", uplink)
        if uplink.sender.arrive():
            uplink.sender.receive(data)
        return uplink

    def test_listening(self) -> None:
        """The input logs how to publish, listens nowhere, and waits."""
        self.start("http")
        self.assertEqual(
            self.state_and_reason(), ("waiting for a sender", "nobody has sent anything yet")
        )
        line = "stream live: waiting for a sender: PUT or POST /live"
        self.assertEqual(self.log.about("waiting for a sender"), [line])
        self.assertEqual((self.reactor.tcpServers, self.readers), ([], []))

    def test_sender(self) -> None:
        """What is published is read."""
        self.start("http")
        self.publish(b"abc")
        self.assertEqual(self.reader.read(), b"abc")
        self.assertEqual(self.service.life.state, "opening")

    def test_before_it_is_started(self) -> None:
        """Nobody can publish to a stream that has not been started, or has been stopped."""
        self.start("http")
        self.service.stopService()
        self.assertEqual(self.publish().parting, Parting.CLOSED)
        self.service.startService()
        self.assertIsNone(self.publish().parting)
        self.assertEqual(len(self.readers), 1)
