"""
Pictures: setups that stand in the packets, missing times, packed and delimited frames
(I{remux thread}).
"""

import itertools
from collections.abc import Iterable

import av
from av.bitstream import BitStreamFilterContext
from av.codec.context import CodecContext

from mkvtwist.demux import payload
from mkvtwist.demux.adapters.base import Adapter, AVPacket, Context, Stream, codec_of
from mkvtwist.packet import SECOND


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
        """Whether a decoder takes it; libavformat loops or aborts over a damaged one."""
        context: Context = CodecContext.create(codec_of(self.stream), "r")
        context.extradata = setup
        context.thread_count = 1
        context.options = {"err_detect": "explode"}
        try:
            context.open()
        except av.FFmpegError:
            return False
        return True

    def data(self, packet: AVPacket) -> bytes:
        return payload.length_prefixed(bytes(packet))


class Untimed(NalUnits):
    """
    The same out of a container that has no presentation times, or wrong ones.

    AVI and raw files are such. The times are made from the pictures' order by C{dts2pts}, which
    wants every decoding time.
    """

    filters = "dts2pts"

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._next = 0
        self._first: list[AVPacket] = []
        self._inside = 0

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        if packet.dts is None:
            packet.dts = self._next
        packet.pts = None
        self._next = packet.dts + (packet.duration or self._ticks(packet))
        if len(self._first) < _REPEATED:
            copy: AVPacket = av.Packet(bytes(packet))
            copy.duration, copy.is_keyframe = packet.duration, packet.is_keyframe
            copy.time_base = packet.time_base
            self._first.append(copy)
        self._inside += 1
        for made in super().packets(packet):
            self._inside -= 1
            yield made

    def rest(self) -> Iterable[AVPacket]:
        # The filter guesses the last times, unless pictures follow: the first ones do as well.
        if self.codec == "hevc" and not self._begins_anew():
            self._first.clear()  # its filter aborts where they refer to what is not there
        for packet in self._first:
            packet.dts = self._next
            self._next += packet.duration or self._ticks(packet)
        for made in itertools.chain.from_iterable(map(self._filtered, (*self._first, None))):
            if self._inside > 0:
                self._inside -= 1
                yield made

    def _begins_anew(self) -> bool:
        """Whether HEVC begins with an IDR picture: nothing after it refers to what was before."""
        units = payload.nal_units(bytes(self._first[0])) if self._first else []
        return any(unit[0] >> 1 & 0x3F in (19, 20) for unit in units)

    def _ticks(self, packet: AVPacket) -> int:
        ticks: int = round(self.step / (SECOND * packet.time_base))
        return max(1, ticks)


_REPEATED = 25
"""Pictures that make C{dts2pts} sure of those before them: more than H.264 can reorder, 16."""


class Av1(Extracted):
    """AV1 out of transport streams, IVF and raw files: its temporal delimiters are not stored."""

    def data(self, packet: AVPacket) -> bytes:
        return payload.without_delimiters(bytes(packet))


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
        if self._held and payload.is_b_vop(bytes(packet)):
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


class Tagged(Adapter):
    """Pictures whose FourCC says how the pixels lie."""

    @property
    def tag(self) -> str:
        return str(self.stream.codec_context.codec_tag)


class ProRes(Tagged):
    """ProRes, without the head of its atom; its FourCC tells 4:2:2 from 4:4:4."""

    def data(self, packet: AVPacket) -> bytes:
        return payload.without_prores_head(bytes(packet))
