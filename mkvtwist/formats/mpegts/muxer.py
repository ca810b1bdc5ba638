"""
The muxer of MPEG-TS: packet order, clock, tables, continuity counters (I{pure}).
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.mpegts import tables
from mkvtwist.formats.mpegts.pes import ElementaryStream
from mkvtwist.formats.mpegts.transport import (
    NULL,
    PACKET_SIZE,
    clock_field,
    cut,
    filled,
    packets_for,
)
from mkvtwist.media.packet import SECOND, Header, Packet

TABLES_INTERVAL = SECOND // 4
"""
Microseconds from tables to tables between keyframes; ETSI TR 101 290 sees an error from 0.5 s on.
"""

CLOCK_PERIOD = SECOND // 10
"""Microseconds from one moment on the clock to the next, at most (2.7.2)."""

CLOCK_PATIENCE = SECOND // 2
"""
Microseconds that the clock's track may be behind another one before that one tells the time in its
place: files have half a second of sound, then half a second of pictures. A moment that was told too
early makes what comes then late, but by less than L{LEAD<mkvtwist.formats.mpegts.pes.LEAD>}.
"""

_ROUNDED = 2_000
"""Microseconds that a packet may last longer than it says: Matroska's times are milliseconds."""


class Counters(NamedTuple):
    """The state that a fragment's bytes depend on beside its packets."""

    following: tuple[int, ...]
    """The continuity counters that come next: those of PAT, of PMT, and of each track there."""

    told: int | None = None
    """The last moment on the clock, in microseconds; L{None} before the first one."""

    due: int = 0
    """The time at which the next packet of the clock's track is due, in microseconds."""

    alone: bool = False
    """Whether that track alone tells the time: it has come later than others have let expect."""


class MpegTsMuxer(Muxer[Counters]):
    """
    The muxer of MPEG-TS: packets become transport packets.

    The head is a null packet, since the tables come with each keyframe.
    """

    head = NULL

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        """
        Make a muxer.

        @param numbers: the numbers of the tracks that are sent; all of them fit, each by itself.
        """
        streams = [ElementaryStream(track) for track in header.only(numbers)]
        while sum(len(stream.described) for stream in streams) > tables.PMT_ROOM:
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
                count = len(out[-1]) // PACKET_SIZE
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
                out += cut(pid, table, now[place])
            now[place] = now[place] + packets_for(len(table)) & 15

    @staticmethod
    def _passed(packet: Packet, stream: ElementaryStream, told: int, due: int) -> int | None:
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
            out.append(filled(clock.pid, now[place] - 1, clock_field(0, moment), b""))

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
