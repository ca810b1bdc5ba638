"""
Transport packets of 188 bytes, with times and continuity counters (I{pure}).
"""

import struct
from collections.abc import Collection, Sequence
from typing import NamedTuple

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.mpegts import tables
from mkvtwist.formats.mpegts.payload import CARRIAGE, descriptors, stream_type
from mkvtwist.media.packet import SECOND, Header, Packet, Track

LEAD = 700_000
"""
Microseconds from a moment on the clock (PCR) until what comes then is decoded; every PTS and DTS is
later by this than the packet's. No sound may come after its time, and broadcasts send pictures half
a second and more before their sound; decoders have buffers for 1 s (2.4.2.7). Players that heed the
clock, as VLC does, show everything that much later.
"""

TABLES_INTERVAL = SECOND // 4
"""How often the tables come between keyframes; ETSI TR 101 290 sees an error from 0.5 s on."""

CLOCK_PERIOD = SECOND // 10
"""Microseconds from one moment on the clock to the next, at most (2.7.2)."""

CLOCK_PATIENCE = SECOND // 2
"""
Microseconds that the clock's track may be behind another one before that one tells the time in its
place: files have half a second of sound, then half a second of pictures. A moment that was told too
early makes what comes then late, but by less than L{LEAD}.
"""

_ROUNDED = 2_000
"""Microseconds that a packet may last longer than it says: Matroska's times are milliseconds."""

_SIZE = 188
_ROOM = _SIZE - 4
"""Bytes of a transport packet after its header: adaptation field and payload."""

_FIRST_PID = 0x100
"""The PID of a track is so much more than its number; those below 0x20 have their uses in DVB."""

_BEGINS, _PAYLOAD, _ADAPTATION = 0x4000, 0x10, 0x20
"""Bits in a transport packet's header (2.4.3.2): beside the PID, and beside the counter."""

_RANDOM_ACCESS, _HAS_PCR = 0x40, 0x10
"""Flags of an adaptation field (2.4.3.4)."""

_CLOCK_FIELD, _KEY_FIELD = 8, 2
"""Bytes of an adaptation field with a PCR, and of one with flags alone."""

_ALIGNED, _ONLY_PTS, _PTS_AND_DTS = 0x84, 0x80, 0xC0
"""Flags of a PES packet (2.4.3.6): it begins with a frame; which stamps it has."""

_STAMP = 5
"""Bytes of a time stamp."""

_TICKS = 1 << 33
"""How many ticks of 90 kHz a time stamp can tell: after 26.5 hours they begin anew."""

_PES_LIMIT = 0xFFFF
"""Bytes that the length of a PES packet can count; a larger picture has length 0 (unbounded)."""

NULL = b"\x47\x1f\xff\x10" + b"\xff" * 184
"""A null packet, which all players ignore (2.4.3.3)."""


class Counters(NamedTuple):
    """The state that a fragment's bytes depend on beside its packets."""

    following: tuple[int, ...]
    """The continuity counters that come next: those of PAT, of PMT, and of each track there."""

    told: int | None = None
    """The last moment on the clock, in microseconds; L{None} before the first one."""

    due: int = 0
    """When the next packet of the clock's track is due, in microseconds."""

    alone: bool = False
    """Whether that track alone tells the time: it has come later than others have let expect."""


_head = struct.Struct(">BHB")
_pes_head = struct.Struct(">3sBHBBB")
_piece = struct.Struct(f"{_ROOM}s")


class MpegTsMuxer(Muxer[Counters]):
    """
    Packets as transport packets.

    The head is a packet that means nothing, since the tables come with each keyframe.
    """

    head = NULL

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        """
        Make a muxer.

        @param numbers: the numbers of the tracks that are sent; all of them fit, each by itself.
        """
        streams = [_Stream(track) for track in header.only(numbers)]
        while sum(len(stream.described) for stream in streams) > tables.ROOM:
            streams.pop()
        self._clock = next((s for s in streams if s.is_video), streams[0] if streams else None)
        self._streams = {stream.number: (place, stream) for place, stream in enumerate(streams, 2)}
        pid = self._clock.pid if self._clock is not None else tables.NO_PID
        self._pat = tables.pat()
        self._pmt = tables.pmt([stream.described for stream in streams], pid)
        self.start = Counters((0,) * (2 + len(streams)))

    def render(self, packets: Sequence[Packet]) -> bytes:
        """Return the packets' bytes as those of a stream that begins with them."""
        return self.live(packets, 0, self.start)

    def live(self, packets: Sequence[Packet], pause: int, before: Counters) -> bytes:
        """Return the bytes of a fragment, with the counters before it."""
        out: list[bytes] = []
        self._pass(packets, before, out)
        return b"".join(out)

    def advance(self, packets: Sequence[Packet], before: Counters) -> Counters:
        """Return the counters after some packets."""
        return self._pass(packets, before, None)

    def moved(self, value: Counters, found: Counters, known: Counters) -> Counters:
        """Return counters as if counting had begun with those that lead to the known ones."""
        counts = zip(value.following, found.following, known.following, strict=True)
        return value._replace(following=tuple(one - was + is_ & 15 for one, was, is_ in counts))

    def _pass(
        self, packets: Sequence[Packet], counters: Counters, out: list[bytes] | None
    ) -> Counters:
        """
        Write some packets, or only count the transport packets that they take.

        @param out: takes the bytes; L{None} to count only.
        @return: the counters after the packets.
        """
        following, told, due, alone = counters
        now = list(following)
        if self._announced(packets):
            self._announce(now, out)
        for packet in packets:
            if packet.track not in self._streams:
                continue
            place, stream = self._streams[packet.track]
            tells = False
            if stream is self._clock:
                tells = told is None or packet.dts >= told
                alone = alone or (told is not None and packet.dts < told - CLOCK_PERIOD)
            elif told is not None and not alone:
                moment = self._passed(packet, stream, told, due)
                if moment is not None:
                    self._tell(moment, told, now, out)
                    told = moment
            if out is None:
                count = stream.count(packet, tells=tells)
            else:
                out.append(stream.render(packet, now[place], tells=tells))
                count = len(out[-1]) // _SIZE
            now[place] = now[place] + count & 15
            if count and stream is self._clock:
                told = packet.dts if tells else told
                due = stream.end(packet)
        return Counters(tuple(now), told, due, alone)

    def _announce(self, now: list[int], out: list[bytes] | None) -> None:
        """Write the tables."""
        for place, (pid, table) in enumerate(
            ((tables.PAT_PID, self._pat), (tables.PMT_PID, self._pmt))
        ):
            if out is not None:
                out += _cut(pid, table, now[place])
            now[place] = now[place] + _count(len(table)) & 15

    @staticmethod
    def _passed(packet: Packet, stream: "_Stream", told: int, due: int) -> int | None:
        """
        Return the moment on the clock that has to be told before a packet of another track, if any.

        There is one if the clock's track is slow or silent, and its next packet comes too late.
        """
        end = stream.end(packet) + _ROUNDED
        moment = min(packet.dts, max(due, packet.dts - CLOCK_PATIENCE))
        late = min(end, max(due, end - CLOCK_PATIENCE)) - told > CLOCK_PERIOD
        return moment if late and moment > told else None

    def _tell(self, moment: int, told: int, now: list[int], out: list[bytes] | None) -> None:
        """Write the time without payload (2.4.3.3), which no counter counts; the tables if due."""
        assert self._clock is not None
        if moment // TABLES_INTERVAL != told // TABLES_INTERVAL:
            self._announce(now, out)
        if out is not None:
            place, clock = self._streams[self._clock.number]
            out.append(_filled(clock.pid, now[place] - 1, _clock_field(0, moment), b""))

    def _announced(self, packets: Sequence[Packet]) -> bool:
        """
        Return whether the tables stand before a fragment.

        They stand before each keyframe of the pictures that have the clock, and before each packet
        of that track that lasts over a multiple of L{TABLES_INTERVAL}. If packets have no gaps, one
        does at each multiple, and it depends on nothing but the packet.
        """
        clock = self._clock
        for packet in packets:
            if clock is not None and packet.track == clock.number:
                end = clock.end(packet)
                if packet.dts // TABLES_INTERVAL != end // TABLES_INTERVAL or (
                    clock.is_video and packet.key
                ):
                    return True
        return False


class _Stream:
    """
    One track, on its PID.

    @ivar described: what the PMT says of it.
    """

    def __init__(self, track: Track) -> None:
        carriage = CARRIAGE[track.codec]
        self.number = track.number
        self.pid = _FIRST_PID + track.number
        self.is_video = track.type == "video"
        self._step = track.step
        self._id = carriage.stream_id
        self._framing = carriage.framing(track.codec_private)
        self._heads = [_head.pack(0x47, self.pid, _PAYLOAD | n) for n in range(16)]
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
        field = _CLOCK_FIELD if tells else _KEY_FIELD * packet.key
        stamps = _STAMP * len(_times(packet))
        return _count(field + _pes_head.size + stamps + sum(map(len, parts)))

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
        first = _ROOM - len(field)
        out = [_filled(_BEGINS | self.pid, counter, field, body[:first])]
        whole, rest = divmod(max(0, len(body) - first), _ROOM)
        if whole:
            end = first + whole * _ROOM
            middle = [b""] * (2 * whole)
            middle[::2] = (self._heads * (whole // 16 + 2))[counter + 1 : counter + 1 + whole]
            middle[1::2] = [piece for (piece,) in _piece.iter_unpack(body[first:end])]
            out += middle
        if rest:
            out.append(_filled(self.pid, counter + 1 + whole, b"", body[-rest:]))
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
    return (shown % _TICKS,) if shown == decoded else (shown % _TICKS, decoded % _TICKS)


def _stamp(mark: int, time: int) -> bytes:
    """Return a time stamp: 3, 15 and 15 bits, each followed by one that is set."""
    high, middle, low = time >> 30, time >> 15 & 0x7FFF, time & 0x7FFF
    value = mark << 36 | high << 33 | middle << 17 | low << 1 | 0x100010001
    return value.to_bytes(_STAMP, "big")


def _field(packet: Packet, *, tells: bool) -> bytes:
    """Return the adaptation field (2.4.3.4) with which a packet begins, if any."""
    flags = _RANDOM_ACCESS if packet.key else 0
    if tells:
        return _clock_field(flags, packet.dts)
    return bytes((_KEY_FIELD - 1, flags)) if flags else b""


def _clock_field(flags: int, moment: int) -> bytes:
    """Return an adaptation field that tells the time."""
    base, extension = divmod(max(0, moment) * 27, 300)  # 27 ticks a microsecond
    pcr = base % _TICKS << 15 | 0x7E00 | extension
    return bytes((_CLOCK_FIELD - 1, flags | _HAS_PCR)) + pcr.to_bytes(6, "big")


def _filled(place: int, counter: int, field: bytes, payload: bytes) -> bytes:
    """
    Return one transport packet, filled up by its adaptation field.

    @param place: the PID, and whether something begins there.
    @param payload: without it the packet is an adaptation field alone.
    """
    spare = _ROOM - len(field) - len(payload)
    if spare:
        # The length, flags of which none is set, and then stuffing.
        field = field or b"\0\0"[:spare]
        missing = _ROOM - len(field) - len(payload)
        field = bytes((len(field) - 1 + missing,)) + field[1:] + b"\xff" * missing
    control = (_PAYLOAD if payload else 0) | (_ADAPTATION if field else 0) | counter & 15
    return _head.pack(0x47, place, control) + field + payload


def _count(size: int) -> int:
    """Return how many transport packets some bytes take."""
    return -(-size // _ROOM)


def _cut(pid: int, table: bytes, counter: int) -> list[bytes]:
    """Return a table in transport packets, the last of which is filled up as tables are."""
    return [
        _head.pack(0x47, pid | (0 if at else _BEGINS), _PAYLOAD | counter + n & 15)
        + table[at : at + _ROOM].ljust(_ROOM, b"\xff")
        for n, at in enumerate(range(0, len(table), _ROOM))
    ]
