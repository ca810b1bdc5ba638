"""
H.264 and HEVC whose presentation times are missing or wrong (I{remux thread}).
"""

from collections.abc import Iterable
from typing import NamedTuple

from mkvtwist.libav.adapters.measuring import codec_of
from mkvtwist.libav.adapters.nal_units import AnnexB
from mkvtwist.libav.limits import PENDING_BYTES
from mkvtwist.libav.pyav_types import AVPacket, AVStream
from mkvtwist.media import stored_payload
from mkvtwist.media.h264_order import H264Order
from mkvtwist.media.hevc_order import HevcOrder
from mkvtwist.media.packet import SECOND, STEP
from mkvtwist.media.picture_order import PictureOrder
from mkvtwist.media.presentation_times import PresentationTimes
from mkvtwist.media.timeline import AHEAD, LATE

MOST_UNTIMED = 250
"""
Pictures that wait for a second one that has a time: several times the 0.7 s that may pass until
then.
"""


SHORTEST_STEP = SECOND // 500
"""Microseconds from one picture to the next; less is libavformat's unit, where it knows nothing."""


class _Waiting(NamedTuple):
    """A picture that waits for its time, and the time that it has brought."""

    packet: AVPacket
    pts: int | None


class Untimed(AnnexB):
    """
    H.264 and HEVC out of a container that has no presentation times, or wrong ones.

    AVI and raw files are such. The times are made from the pictures' order, and a picture waits
    until its own is known.
    """

    def __init__(self, stream: AVStream, limit: int = PENDING_BYTES) -> None:
        """
        @param limit: bytes of pictures whose time is not known yet; by default as many as may wait
            for the header.
        """
        super().__init__(stream)
        self._limit = limit
        self._next = 0
        self._order: PictureOrder = HevcOrder() if codec_of(stream) == "hevc" else H264Order()
        self._order.place(stored_payload.nal_units(stream.codec_context.extradata or b""))
        depth, unit = stream.codec_context.reorder_depth, SECOND * stream.time_base
        self._bounds = depth, round(LATE / unit), round(AHEAD / unit)
        self._times: PresentationTimes[_Waiting] = PresentationTimes(*self._bounds)
        self._held = 0

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        self._add(packet, None)
        yield from self._timed()

    def _add(self, packet: AVPacket, pts: int | None) -> None:
        """
        Have a picture's time made.

        @param pts: the one that it brings, if that is right.
        """
        dts = self._next if packet.dts is None else packet.dts
        duration = packet.duration or self._ticks
        self._next = dts + duration
        packet.dts = dts
        place = self._order.place(stored_payload.nal_units(bytes(packet)))
        self._times.add(_Waiting(packet, pts), dts, duration, place, key=packet.is_keyframe)
        self._held += packet.size
        if self._held > self._limit:
            self._times.end()

    def rest(self) -> Iterable[AVPacket]:
        self._times.end()
        yield from self._timed()

    def _timed(self) -> Iterable[AVPacket]:
        for (packet, _), pts in self._times.ready():
            self._held -= packet.size
            packet.pts = pts
            yield from super().packets(packet)

    @property
    def _ticks(self) -> int:
        ticks: int = round(self.step / (SECOND * self.stream.time_base))
        return max(1, ticks)


class PartlyTimed(Untimed):
    """
    H.264 and HEVC out of MPEG-TS, some of whose pictures have no times.

    MPEG-TS need say only every 0.7 s when a picture is shown (ISO/IEC 13818-1, 2.7.4). As long as
    each picture has its time, it keeps it, and none is held. From the first one without on,
    pictures are spread evenly between those with a time, their presentation times are made from
    their order, and moved by as much as those that are there tell. How far apart they are is
    measured from one with a time to the next. Until the second such comes, the stream's own claim
    is taken for it; without a claim, pictures wait.
    """

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        self._complete = True
        self._claim = float(stream.codec_context.framerate or 0)
        # What libavformat has found out is of the pictures with a time only, if there are two.
        found = self.step if SHORTEST_STEP <= self.step <= STEP else STEP
        self._assumed = SECOND / self._claim if self._claim else found
        self.delay = round(stream.codec_context.reorder_depth * self._assumed)
        if self._claim:
            self._pace(self._assumed)
        self._distance = 0
        self._count = 0
        self._timed_at: int | None = None
        self._early: list[AVPacket] = []
        self._sent: AVPacket = None
        self._moved = 0

    def _pace(self, step: float) -> None:
        """Take a number of microseconds for the distance of two pictures."""
        self.step = round(step)
        self.frame_rate = SECOND / step

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        if self._complete and packet.pts is None:
            self._complete = False
            self.frame_rate = self._claim or None
        if packet.dts is not None:
            self._anchor(packet.dts)
        self._count += 1
        if not self._complete:
            self._early.append(packet)
            self._held += packet.size
            waits = packet.dts is None and not (self._distance or self._claim)
            if not waits or len(self._early) > MOST_UNTIMED or self._held > self._limit:
                self._spread()
                yield from self._timed()
            return
        if packet.is_keyframe:
            # The first without a time is placed by it.
            self._sent, self._held = packet, packet.size
            self._times = PresentationTimes(*self._bounds)
            self._add(packet, packet.pts)
        yield from AnnexB.packets(self, packet)

    def rest(self) -> Iterable[AVPacket]:
        self._spread()
        yield from super().rest()

    def _anchor(self, dts: int) -> None:
        """Find out how far apart the pictures since the last one with a time have been."""
        if self._timed_at is not None and self._timed_at < dts <= self._timed_at + self._bounds[2]:
            self._distance = max(1, (dts - self._timed_at) // self._count)
            if not self._complete:
                self._pace(self._distance * SECOND * float(self.stream.time_base))
            self._spread()
        self._timed_at, self._count = dts, 0

    def _spread(self) -> None:
        """Give the pictures that have waited their decoding times."""
        if not (self._distance or self._claim):  # they have waited for long enough
            self._distance = round(self._assumed / SECOND / self.stream.time_base)
        early, self._early = self._early, []
        if self._timed_at is not None and self._distance:
            self._next = self._timed_at + (self._count - len(early)) * self._distance
        for packet in early:
            self._held -= packet.size
            packet.duration = self._distance or packet.duration
            self._add(packet, packet.pts)

    def _timed(self) -> Iterable[AVPacket]:
        for (packet, own), pts in self._times.ready():
            self._held -= packet.size
            if own is not None:
                self._moved = own - pts
            if packet is self._sent:
                self._sent = None
                continue
            packet.pts = max(pts + self._moved, packet.dts)
            yield from AnnexB.packets(self, packet)
