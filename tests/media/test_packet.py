"""The values that travel through the house."""

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.packet import SECOND, Header, Packet
from tests.support.matroska import header


class PacketTests(SynchronousTestCase):
    """The values that are rendered."""

    def test_end(self) -> None:
        """A packet ends, in decoding order, where the next one is due."""
        self.assertEqual(Packet(1, 120, 40, 20, True, b"").end, 60)

    def test_has_video(self) -> None:
        """A header says whether there are pictures."""
        self.assertTrue(header().has_video)
        self.assertFalse(Header(()).has_video)

    def test_av(self) -> None:
        """Libavformat's scale of time is ours."""
        self.assertEqual(av.time_base, SECOND)
