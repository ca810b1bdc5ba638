"""
The guard of an input's bitrate (I{pure}).
"""

from collections.abc import Iterable

from mkvtwist.media.packet import SECOND, Packet

GUARD_SPAN = 5 * SECOND
"""
Media over which the bitrate is averaged: a keyframe, or a scene of them, is no reason to close an
input. What the span allows may come in less time.
"""


class BitrateGuard:
    """Adds up what an input brings, for L{GUARD_SPAN} of media at a time."""

    def __init__(self) -> None:
        self._begin: int | None = None
        self._bytes = 0

    def exceeded(self, packets: Iterable[Packet], most: int) -> bool:
        """
        Add packets, and return whether the input has brought too much with them.

        @param most: bits per second; 0 for no limit.
        """
        for packet in packets:
            if self._begin is None or packet.dts >= self._begin + GUARD_SPAN:
                self._begin, self._bytes = packet.dts, 0
            self._bytes += len(packet.data)
            if most and self._bytes * 8 * SECOND > most * GUARD_SPAN:
                return True
        return False
