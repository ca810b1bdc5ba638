"""The packets that are held for the header, and how many they may be."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.limits import PACKET_WEIGHT, PENDING_MEDIA
from mkvtwist.libav.packets.pending import PendingPackets
from mkvtwist.libav.packets.placing import PlacedPacket


def packet(dts: int, size: int = 10) -> PlacedPacket:
    """A packet of some track."""
    adapter: Any = None
    return PlacedPacket(adapter, dts, dts, 0, True, bytes(size), None)


class PendingTests(SynchronousTestCase):
    """L{PendingPackets}."""

    def test_order(self) -> None:
        """Packets leave as they came, and are not held any more."""
        pending, packets = PendingPackets(), [packet(dts) for dts in (3, 1, 2)]
        self.assertFalse(pending)
        for one in packets:
            pending.add(one)
        self.assertTrue(pending)
        self.assertEqual(pending.take(), packets)
        self.assertEqual((bool(pending), pending.full, pending.take()), (False, False, []))

    def test_full(self) -> None:
        """They are full with their bytes, and with what a packet takes beside them."""
        pending = PendingPackets(2 * (PACKET_WEIGHT + 10))
        pending.add(packet(0))
        self.assertFalse(pending.full)
        pending.add(packet(1))
        self.assertTrue(pending.full)

    def test_long(self) -> None:
        """They are long from the first one to the last."""
        pending = PendingPackets()
        for dts, long in ((0, False), (PENDING_MEDIA - 1, False), (PENDING_MEDIA, True)):
            pending.add(packet(dts))
            self.assertEqual(pending.long, long)
