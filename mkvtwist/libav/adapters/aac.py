"""
Adapters for AAC in ADTS and in LOAS/LATM (I{remux thread}).
"""

from collections.abc import Iterable

from mkvtwist.formats.adts import ADTS_HEAD, SAMPLE_RATES
from mkvtwist.libav.adapters.audio import Audio, new_packet
from mkvtwist.libav.pyav_types import AVPacket, AVStream
from mkvtwist.media import latm


class Adts(Audio):
    """
    AAC with an ADTS head on each packet; Matroska wants the AudioSpecificConfig instead.

    Without a container libavformat times each frame by the rate of the first one, whatever song it
    belongs to; so the heads tell how long a frame lasts.
    """

    filters = "aac_adtstoasc"

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        self.setup = None
        self._head = b""
        self._doubted: tuple[bytes, AVPacket] | None = None
        self._bare = stream.container.format.name == "aac"
        self._next: int | None = None

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        raw = bytes(memoryview(packet)[:4])
        if len(raw) < 4 or raw[0] != 0xFF or raw[1] & 0xF6 != 0xF0:
            # aac_adtstoasc lets through what has no head; without one nothing says what it is.
            if self.setup:
                yield from super().packets(packet)
            return
        # Profile, sampling frequency and channels; the bit between them is private.
        head = bytes((raw[2] & 0xFD, raw[3] & 0xC0))
        doubted, self._doubted = self._doubted, None
        if self._head and head != self._head:
            if doubted is None or doubted[0] != head:
                self._doubted = head, packet  # once may be damage; a change comes to stay
                return
            self._filter = self._filtering()
            yield from super().packets(self._timed(doubted[1]))
        self._head = head
        yield from super().packets(self._timed(packet))

    def _timed(self, packet: AVPacket) -> AVPacket:
        """Return the packet, at the end of the one before if no container tells its time."""
        head = bytes(memoryview(packet)[:ADTS_HEAD])
        if not self._bare or len(head) < ADTS_HEAD or head[2] >> 2 & 15 >= len(SAMPLE_RATES):
            return packet
        rate, blocks = SAMPLE_RATES[head[2] >> 2 & 15], (head[6] & 3) + 1
        base = packet.time_base
        packet.pts = packet.dts = (packet.pts or 0) if self._next is None else self._next
        packet.duration = blocks * 1024 * base.denominator // (rate * base.numerator)
        self._next = packet.pts + packet.duration
        return packet


class Latm(Audio):
    """AAC in LOAS/LATM, as some broadcasters send it: unwrapped to raw AAC."""

    stored_as = "aac"

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        self.setup = None
        self._latm = latm.LatmStream()

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        made: list[AVPacket] = []
        units = list(self._latm.access_units(bytes(packet)))
        for config, unit in units:
            one = new_packet(unit, packet.time_base)
            one.duration = (packet.duration or 0) // len(units)
            if not made:
                one.pts, one.dts = packet.pts, packet.dts
            known, self.setup = self.setup, config
            if config != known:
                self.changed = self.changed or known is not None
                self._measure(one)
            made.append(one)
        return made
