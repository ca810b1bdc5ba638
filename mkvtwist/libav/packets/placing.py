"""
Packets of the input placed on the stream's line of time (I{remux thread}).
"""

from collections.abc import Callable
from dataclasses import dataclass

from mkvtwist.libav.adapters import Adapter
from mkvtwist.libav.notes import Notes
from mkvtwist.libav.pyav_types import AVPacket
from mkvtwist.libav.reader_events import Event, Noticed
from mkvtwist.libav.wording import label
from mkvtwist.media.packet import SECOND, Extra, Packet
from mkvtwist.media.timeline import Timeline


@dataclass(slots=True)
class PlacedPacket:
    """A packet that has its times, but whose track may have no number yet."""

    adapter: Adapter
    pts: int
    dts: int
    duration: int
    key: bool
    data: bytes
    extra: Extra | None

    def packet(self) -> Packet:
        """Return the packet with its track's number."""
        return Packet(
            self.adapter.number,
            self.pts,
            self.dts,
            self.duration,
            self.key,
            self.data,
            self.extra,
        )


class Placing:
    """
    Places packets, and tells where timestamps jump.

    @ivar shift: how much later than in the input the first packet is, in microseconds.
    """

    def __init__(self, timeline: Timeline, emit: Callable[[Event], None], notes: Notes) -> None:
        """
        @param emit: hands an event over.
        """
        self._timeline = timeline
        self._emit = emit
        self._notes = notes
        self._apart: dict[int, int] = {}
        self._shift: int | None = None

    @property
    def shift(self) -> int:
        return self._shift or 0

    def place(self, adapter: Adapter, packet: AVPacket) -> PlacedPacket | None:
        """Return a packet with its times; L{None} if it has none, or carries nothing."""
        base = packet.time_base
        scale, unit = base.numerator * SECOND, base.denominator
        pts, dts, duration = packet.pts, packet.dts, packet.duration or 0
        came = None if pts is None else (pts * scale + unit // 2) // unit
        timeline = self._timeline
        jumps = timeline.discontinuities
        placed = timeline.place(
            adapter.stream.index,
            came,
            None if dts is None else (dts * scale + unit // 2) // unit,
            (duration * scale + unit // 2) // unit,
            sparse=adapter.sparse,
            delay=adapter.delay,
            step=adapter.step,
        )
        if timeline.discontinuities != jumps:
            self._tell_jump(adapter)
        if placed is None:
            return None
        if self._shift is None and came is not None:
            self._shift = placed[0] - came
        data = adapter.data(packet)
        if not data:
            return None
        return PlacedPacket(adapter, *placed, packet.is_keyframe, data, adapter.extra(packet))

    def _tell_jump(self, adapter: Adapter) -> None:
        """Tell that a track's timestamps do not go with those before."""
        track, index = label(adapter.stream), adapter.stream.index
        apart = self._timeline.apart.get(index)
        if apart is None or apart == self._apart.get(index):
            self._emit(Noticed(f"{track}: the timestamps jump; going on from here"))
            return
        self._apart[index] = apart
        side = "ahead of" if apart > 0 else "behind"
        self._notes.add(
            f"{track}: its timestamps are {abs(apart) / SECOND:.1f} s {side} those of the other"
            " tracks; it is sent together with what it arrives with"
        )
