"""
The packets that are held until the header can be written, bounded (I{remux thread}).
"""

from mkvtwist.libav.limits import PACKET_WEIGHT, PENDING_BYTES, PENDING_MEDIA
from mkvtwist.libav.packets.placing import PlacedPacket


class PendingPackets:
    """Packets in the order of their arrival, which wait for the header."""

    def __init__(self, limit: int = PENDING_BYTES) -> None:
        """
        @param limit: bytes that are held.
        """
        self._limit = limit
        self._packets: list[PlacedPacket] = []
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._packets)

    def add(self, packet: PlacedPacket) -> None:
        """Hold one more packet."""
        self._packets.append(packet)
        self._size += len(packet.data) + PACKET_WEIGHT

    @property
    def full(self) -> bool:
        """Return whether the packets take as many bytes as may be held."""
        return self._size >= self._limit

    @property
    def long(self) -> bool:
        """Return whether the packets last for as long as a header is waited for."""
        return self._packets[-1].dts - self._packets[0].dts >= PENDING_MEDIA

    def take(self) -> list[PlacedPacket]:
        """Return the packets; none are held then."""
        packets, self._packets, self._size = self._packets, [], 0
        return packets
