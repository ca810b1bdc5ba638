"""FLV."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.rtmp import flv
from mkvtwist.inputs.rtmp.chunks import WRAP, Message
from mkvtwist.inputs.rtmp.errors import ProtocolError


class FlvTests(SynchronousTestCase):
    """L{mkvtwist.inputs.rtmp.flv}."""

    def test_tag(self) -> None:
        """The time of a tag has its highest byte behind the others."""
        self.assertEqual(
            flv.tag(9, 0x01020304, b"ab"),
            bytes.fromhex("09 000002 020304 01 000000 6162 0000000d"),
        )

    def test_header(self) -> None:
        """A file begins with the tracks that are to come."""
        self.assertEqual(flv.header(5), bytes.fromhex("464c5601 05 00000009 00000000"))

    def test_aggregate(self) -> None:
        """The first message of an aggregate has the aggregate's time, the others follow it."""
        body = flv.tag(9, 1000, b"a") + flv.tag(8, 1020, b"b") + flv.tag(9, 990, b"c")
        self.assertEqual(
            list(flv.aggregated(Message(22, 1, 5, body))),
            [Message(9, 1, 5, b"a"), Message(8, 1, 25, b"b"), Message(9, 1, WRAP - 5, b"c")],
        )

    def test_cut_off(self) -> None:
        """An aggregate that is cut off is refused."""
        body = flv.tag(9, 0, b"abc")
        for size in range(1, len(body) - 4):
            self.assertRaises(ProtocolError, list, flv.aggregated(Message(22, 1, 0, body[:size])))
