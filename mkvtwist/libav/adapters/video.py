"""
Pictures: setups that stand in the packets, missing times, packed and delimited frames
(I{remux thread}).
"""

from collections.abc import Iterable
from typing import NamedTuple

import av
from av.bitstream import BitStreamFilterContext
from av.codec.context import CodecContext

from mkvtwist.libav.adapters.base import Adapter, AVPacket, Context, Stream, codec_of
from mkvtwist.media import stored_payload
from mkvtwist.media.h264_order import H264Order
from mkvtwist.media.hevc_order import HevcOrder
from mkvtwist.media.packet import SECOND, STEP
from mkvtwist.media.picture_order import PictureOrder
from mkvtwist.media.presentation_times import PresentationTimes
from mkvtwist.media.timeline import AHEAD, LATE

HELD_LIMIT = 32 << 20
"""Bytes of pictures whose time is not known yet: as many as may wait for the header."""


HELD = 250
"""
Pictures that wait for a second one that has a time: several times the 0.7 s that may pass until
then.
"""


SHORTEST = SECOND // 500
"""Microseconds from one picture to the next; less is libavformat's unit, where it knows nothing."""


class Extracted(Adapter):
    """
    A codec whose setup also stands in its keyframes, found with C{extract_extradata}.

    MPEG-2, MPEG-4, AV1 and others out of transport streams and raw files come without any, and
    with another one in the middle when an encoder was restarted with another size. Decoders take
    it from the packets: a new header is needed only for other numbers.
    """

    needs_setup = True

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._extract = BitStreamFilterContext("extract_extradata", stream)
        self._found = b""
        if not self.setup and self.needs_setup:
            self.setup = None

    def _look(self, packet: AVPacket) -> None:
        super()._look(packet)
        if not packet.is_keyframe:
            return
        for made in self._extract.filter(av.Packet(bytes(packet))):
            if made.has_sidedata("new_extradata"):
                self._find(bytes(made.get_sidedata("new_extradata")), packet)

    def _find(self, setup: bytes, packet: AVPacket) -> None:
        if setup == self._found or not self._is_sound(setup):
            return
        first, self._found = not self._found, setup
        if first and self.setup:
            return  # the container's own, in other words
        before, self.setup = self.setup, setup
        if self._measure(packet) and before:
            self.changed = True


class Optional(Extracted):
    """A codec that can do without its setup in the header: MPEG-1, MPEG-2, MPEG-4 and such."""

    needs_setup = False


def _opens(stream: Stream, setup: bytes) -> bool:
    """Whether a decoder takes a setup; libavformat loops or aborts over a damaged one."""
    context: Context = CodecContext.create(codec_of(stream), "r")
    context.extradata = setup
    context.thread_count = 1
    context.options = {"err_detect": "explode"}
    try:
        context.open()
    except av.FFmpegError:
        return False
    return True


class Prefixed(Adapter):
    """
    H.264 and HEVC with lengths before the NAL units (MP4, Matroska, FLV).

    The setup is the container's. Parameter sets in the packets replace it when they say another
    size: in MP4 as avc3 or hev1, in what a browser records of a tab. All lengths leave in 4 bytes,
    as the header says that libavformat writes for such sets.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._at = 4 if codec_of(stream) == "h264" else 21  # where avcC, hvcC tell the width
        self._width = self._normalised(self.setup or b"")
        self._sets = b""

    def _normalised(self, setup: bytes) -> int:
        """Take a setup for the track's, with lengths of 4 bytes; return how many they have."""
        if len(setup) <= self._at or stored_payload.is_annex_b(setup):
            return 4
        at, old = self._at, setup[self._at]
        self.setup = setup[:at] + bytes((old | 3,)) + setup[at + 1 :]
        return (old & 3) + 1

    def _learn(self, setup: bytes, packet: AVPacket) -> None:
        known = self.setup
        super()._learn(setup, packet)
        if self.setup != known:
            self._width = self._normalised(setup)
            if self.setup == known:
                self.changed = False

    def _look(self, packet: AVPacket) -> None:
        super()._look(packet)
        if not packet.is_keyframe:
            return
        units = self._units(packet)
        sets = stored_payload.parameter_sets(codec_of(self.stream), units)
        if not sets or sets == self._sets or not _opens(self.stream, sets):
            return
        first, self._sets = not self._sets, sets
        if first and all(unit in (self.setup or b"") for unit in stored_payload.nal_units(sets)):
            return  # the container's own
        before, self.setup = self.setup, sets
        if self._measure(packet):
            self.changed = True
        else:
            self.setup = before

    def _units(self, packet: AVPacket) -> list[bytes]:
        return stored_payload.prefixed_units(bytes(packet), self._width)

    def _decodable(self, packet: AVPacket) -> bytes:
        if not stored_payload.is_annex_b(self.setup or b""):
            return bytes(packet) if self._width == 4 else self.data(packet)
        return b"".join(b"\0\0\0\1" + unit for unit in self._units(packet))

    def data(self, packet: AVPacket) -> bytes:
        if self._width == 4:
            return bytes(packet)
        return b"".join(len(unit).to_bytes(4, "big") + unit for unit in self._units(packet))


class NalUnits(Extracted):
    """
    H.264, HEVC, VVC as a byte stream with start codes (transport streams, raw files, AVI).

    libavformat turns the setup into avcC or hvcC when it writes the header; the packets get
    lengths instead of start codes.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        if self.setup and not self._is_sound(self.setup):
            self.setup = None

    def _is_sound(self, setup: bytes) -> bool:
        return _opens(self.stream, setup)

    def data(self, packet: AVPacket) -> bytes:
        return stored_payload.length_prefixed(bytes(packet))


class _Waiting(NamedTuple):
    """A picture that waits for its time, and the one that it has brought."""

    packet: AVPacket
    pts: int | None


class Untimed(NalUnits):
    """
    The same out of a container that has no presentation times, or wrong ones.

    AVI and raw files are such. The times are made from the pictures' order, and a picture waits
    until its own is known.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
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
        if self._held > HELD_LIMIT:
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
    H.264 and HEVC out of MPEG-TS, which need say only every 0.7 s when a picture is shown
    (ISO/IEC 13818-1, 2.7.4).

    As long as each picture has its time, it keeps it, and none is held. From the first one without
    on, pictures are spread evenly between those with a time, their presentation times are made
    from their order, and moved by as much as those that are there tell. How far apart they are is
    measured from one with a time to the next. Until the second such comes, the stream's own claim
    is taken for it; without a claim, pictures wait.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._complete = True
        self._claim = float(stream.codec_context.framerate or 0)
        # What libavformat has found out is of the pictures with a time only, if there are two.
        found = self.step if SHORTEST <= self.step <= STEP else STEP
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
        """Take so many microseconds for the distance of two pictures."""
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
            if not waits or len(self._early) > HELD or self._held > HELD_LIMIT:
                self._spread()
                yield from self._timed()
            return
        if packet.is_keyframe:
            # The first without a time is placed by it.
            self._sent, self._held = packet, packet.size
            self._times = PresentationTimes(*self._bounds)
            self._add(packet, packet.pts)
        yield from NalUnits.packets(self, packet)

    def rest(self) -> Iterable[AVPacket]:
        self._spread()
        yield from super().rest()

    def _anchor(self, dts: int) -> None:
        """Find out, at a picture with a time, how far apart those since the last such have been."""
        if self._timed_at is not None and self._timed_at < dts <= self._timed_at + self._bounds[2]:
            self._distance = max(1, (dts - self._timed_at) // self._count)
            if not self._complete:
                self._pace(self._distance * SECOND * float(self.stream.time_base))
            self._spread()
        self._timed_at, self._count = dts, 0

    def _spread(self) -> None:
        """Give those that have waited their decoding times."""
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
            yield from NalUnits.packets(self, packet)


class Av1(Extracted):
    """AV1 out of transport streams, IVF and raw files: its temporal delimiters are not stored."""

    def data(self, packet: AVPacket) -> bytes:
        return stored_payload.without_delimiters(bytes(packet))


class Mpeg4(Optional):
    """MPEG-4 Visual; packed B-frames, as AVI has them, are unpacked."""

    filters = "mpeg4_unpack_bframes"


class Mpeg4InAvi(Mpeg4):
    """
    MPEG-4 Visual with B-frames out of AVI, which has decoding times only.

    libavformat makes presentation times of them before the packed pictures are unpacked, so they
    are made again: a B-frame is shown when it is decoded, another one when the next such is.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._held: list[AVPacket] = []

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        for made in super().packets(packet):
            yield from self._shown(made)

    def rest(self) -> Iterable[AVPacket]:
        for made in super().rest():
            yield from self._shown(made)
        if self._held:
            last = self._held[-1]
            yield from self._released(last.dts + (last.duration or 1))

    def _shown(self, packet: AVPacket) -> Iterable[AVPacket]:
        if self._held and stored_payload.is_b_vop(bytes(packet)):
            packet.pts = packet.dts
        else:
            yield from self._released(packet.dts)
            self._held = []
        self._held.append(packet)

    def _released(self, due: int) -> Iterable[AVPacket]:
        if self._held:
            self._held[0].pts = due
        yield from self._held


class Vp9(Adapter):
    """VP9, whose invisible frames belong to the next visible one."""

    filters = "vp9_superframe"

    @property
    def is_shaped(self) -> bool:
        """MP4's header says how the pixels lie, too."""
        return super().is_shaped and self.shape.pix_fmt is not None


class Tagged(Adapter):
    """Pictures whose FourCC says how the pixels lie."""

    @property
    def tag(self) -> str:
        return str(self.stream.codec_context.codec_tag)


class ProRes(Tagged):
    """ProRes, without the head of its atom; its FourCC tells 4:2:2 from 4:4:4."""

    def data(self, packet: AVPacket) -> bytes:
        return stored_payload.without_prores_head(bytes(packet))
