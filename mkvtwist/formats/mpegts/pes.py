"""
Packets of one track as PES packets, in transport packets (I{pure}, ISO/IEC 13818-1, 2.4.3.6).
"""

import struct
from collections.abc import Sequence

from mkvtwist.formats.mpegts import tables
from mkvtwist.formats.mpegts.payload import CARRIAGE, descriptors, framing_of, stream_type
from mkvtwist.formats.mpegts.transport import (
    BEGINS,
    CLOCK_FIELD,
    HEAD,
    KEY_FIELD,
    PACKET_ROOM,
    PAYLOAD,
    RANDOM_ACCESS,
    TICKS,
    clock_field,
    filled,
    packets_for,
)
from mkvtwist.media.packet import Packet, Track

LEAD = 700_000
"""
Microseconds from a moment on the clock (PCR) until what comes then is decoded; every PTS and DTS is
later by this than the packet's. No sound may come after its time, and broadcasts send pictures half
a second and more before their sound; decoders have buffers for 1 s (2.4.2.7). Players that heed the
clock, as VLC does, show everything that much later.
"""

_FIRST_PID = 0x100
"""The PID of a track is so much more than its number; those below 0x20 have their uses in DVB."""

_ALIGNED, _ONLY_PTS, _PTS_AND_DTS = 0x84, 0x80, 0xC0
"""Flags of a PES packet (2.4.3.6): it begins with a frame; which stamps it has."""

_STAMP = 5
"""Bytes of a time stamp."""

_PES_LIMIT = 0xFFFF
"""Bytes that the length of a PES packet can count; a larger picture has length 0 (unbounded)."""

_pes_head = struct.Struct(">3sBHBBB")
_piece = struct.Struct(f"{PACKET_ROOM}s")


class ElementaryStream:
    """
    One track, on its PID.

    @ivar described: its entry in the PMT.
    """

    def __init__(self, track: Track) -> None:
        self.number = track.number
        self.pid = _FIRST_PID + track.number
        self.is_video = track.type == "video"
        self._step = track.step
        self._id = CARRIAGE[track.codec].stream_id
        self._framing = framing_of(track)
        self._heads = [HEAD.pack(0x47, self.pid, PAYLOAD | n) for n in range(16)]
        about = descriptors(track, self._framing)
        self.described = tables.entry(stream_type(track), self.pid, about)

    def end(self, packet: Packet) -> int:
        """Return when the next packet is due; one without a duration lasts as long as usual."""
        return packet.dts + (packet.duration or self._step)

    def count(self, packet: Packet, *, tells: bool) -> int:
        """Return how many transport packets L{render} makes of a packet."""
        parts = self._framing.parts(packet)
        if not parts:
            return 0
        field = CLOCK_FIELD if tells else KEY_FIELD * packet.key
        stamps = _STAMP * len(_times(packet))
        return packets_for(field + _pes_head.size + stamps + sum(map(len, parts)))

    def render(self, packet: Packet, counter: int, *, tells: bool) -> bytes:
        """
        Return a packet as a PES packet, in transport packets.

        @param tells: whether it tells the time (PCR).
        """
        parts = self._framing.parts(packet)
        if not parts:
            return b""
        body = self._pes(parts, _times(packet))
        field = _field(packet, tells=tells)
        first = PACKET_ROOM - len(field)
        out = [filled(BEGINS | self.pid, counter, field, body[:first])]
        whole, rest = divmod(max(0, len(body) - first), PACKET_ROOM)
        if whole:
            end = first + whole * PACKET_ROOM
            middle = [b""] * (2 * whole)
            middle[::2] = (self._heads * (whole // 16 + 2))[counter + 1 : counter + 1 + whole]
            middle[1::2] = [piece for (piece,) in _piece.iter_unpack(body[first:end])]
            out += middle
        if rest:
            out.append(filled(self.pid, counter + 1 + whole, b"", body[-rest:]))
        return b"".join(out)

    def _pes(self, parts: Sequence[bytes], times: Sequence[int]) -> bytes:
        """Return a PES packet (2.4.3.6)."""
        stamps = _STAMP * len(times)
        length = 3 + stamps + sum(map(len, parts))
        flags = _PTS_AND_DTS if len(times) > 1 else _ONLY_PTS
        head = _pes_head.pack(
            *(b"\0\0\1", self._id, length if length <= _PES_LIMIT else 0),
            *(_ALIGNED, flags, stamps),
        )
        # The bits before a stamp say which one it is: 2, or 3 and then 1.
        if len(times) > 1:
            return b"".join((head, _stamp(3, times[0]), _stamp(1, times[1]), *parts))
        return b"".join((head, _stamp(2, times[0]), *parts))


def _times(packet: Packet) -> tuple[int, ...]:
    """Return a packet's PTS, and its DTS if it is another, in ticks of 90 kHz."""
    # To the nearest; what is before the clock's beginning is there.
    decoded = max(0, (packet.dts + LEAD) * 9 + 50) // 100
    shown = max(decoded, ((packet.pts + LEAD) * 9 + 50) // 100)
    return (shown % TICKS,) if shown == decoded else (shown % TICKS, decoded % TICKS)


def _stamp(mark: int, time: int) -> bytes:
    """Return a time stamp: 3, 15 and 15 bits, each followed by one that is set."""
    high, middle, low = time >> 30, time >> 15 & 0x7FFF, time & 0x7FFF
    value = mark << 36 | high << 33 | middle << 17 | low << 1 | 0x100010001
    return value.to_bytes(_STAMP, "big")


def _field(packet: Packet, *, tells: bool) -> bytes:
    """Return the adaptation field (2.4.3.4) with which a packet begins, if any."""
    flags = RANDOM_ACCESS if packet.key else 0
    if tells:
        return clock_field(flags, packet.dts)
    return bytes((KEY_FIELD - 1, flags)) if flags else b""
