"""Aggregates of messages."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.flv.tags import tag
from mkvtwist.inputs.rtmp import flv
from mkvtwist.inputs.rtmp.chunks import WRAP, Message
from mkvtwist.inputs.rtmp.errors import ProtocolError


class FlvTests(SynchronousTestCase):
    """L{mkvtwist.inputs.rtmp.flv}."""

    def test_aggregate(self) -> None:
        """The first message of an aggregate has the aggregate's time, the others follow it."""
        body = tag(9, 1000, b"a") + tag(8, 1020, b"b") + tag(9, 990, b"c")
        self.assertEqual(
            list(flv.aggregated(Message(22, 1, 5, body))),
            [Message(9, 1, 5, b"a"), Message(8, 1, 25, b"b"), Message(9, 1, WRAP - 5, b"c")],
        )

    def test_cut_off(self) -> None:
        """An aggregate that is cut off is refused."""
        body = tag(9, 0, b"abc")
        for size in range(1, len(body) - 4):
            self.assertRaises(ProtocolError, list, flv.aggregated(Message(22, 1, 0, body[:size])))

    def test_too_many(self) -> None:
        """An aggregate of very many messages, which would take long, is refused."""
        most = tag(9, 0, b"a") * flv.MOST_AGGREGATED
        self.assertEqual(len(list(flv.aggregated(Message(22, 1, 0, most)))), flv.MOST_AGGREGATED)
        more = Message(22, 1, 0, most + tag(9, 0, b"a"))
        self.assertRaises(ProtocolError, list, flv.aggregated(more))
