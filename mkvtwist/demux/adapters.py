"""
One adapter for each oddity of a track, chosen by what the track is (I{remux thread}).

An adapter turns the packets that the demuxer yields for one stream into what Matroska and MP4
store, finds the decoder's setup where the container has none, notices when that setup changes, and
adds its track to the scratch container that writes the header.

L{adapter_for} is the table of contents.
"""

from collections.abc import Iterable

import av
from av.bitstream import BitStreamFilterContext
from av.codec.context import CodecContext
from av.packet import Packet as AVPacket
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from mkvtwist.demux import latm, payload
from mkvtwist.packet import SECOND, Extra


class Unusable(Exception):
    """A track that cannot be sent. The text says why, for the log and for C{/status}."""


class Adapter:
    """
    A track that is stored as it comes; the base of the others.

    @ivar stream: PyAV's stream; never used after its container was closed.
    @ivar number: the track's number in the header, once it has one.
    @ivar setup: what the decoder needs before the first packet; L{None} as long as it is unknown.
    @ivar changed: the packets given last need another header.
    @ivar step: the duration of one packet in microseconds, 0 where it is not known.
    @ivar delay: how far decoding runs ahead of presentation, in microseconds.
    """

    sparse = False
    """Whether it may be silent for any time (subtitles)."""

    filters: str | None = None
    """Bitstream filters of libavcodec that every packet goes through."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.number = 0
        self.setup: bytes | None = extradata(stream)
        self.changed = False
        self.step, self.delay = _frame_times(stream)
        self._filter = BitStreamFilterContext(self.filters, stream) if self.filters else None
        self._shape: CodecContext | None = None

    @property
    def ready(self) -> bool:
        """Whether a header can be written for it."""
        return self.setup is not None

    @property
    def shape(self) -> CodecContext:
        """Width, height, sample rate, channels as they are now."""
        return self._shape or self.stream.codec_context

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        """
        The packets that one of the demuxer's becomes: mostly itself.

        @raise av.FFmpegError: when a filter refuses it; the next one may be better.
        """
        self._look(packet)
        if self._filter is None:
            return (packet,)
        base = packet.time_base  # the filter takes the packet, and leaves an empty one
        made = self._filter.filter(packet)
        for one in made:
            one.time_base = base
        return made

    def data(self, packet: AVPacket) -> bytes:
        """A packet's payload."""
        return bytes(packet)

    def extra(self, packet: AVPacket) -> Extra | None:
        """What the packet has beside its payload."""
        additions: tuple[tuple[int, bytes], ...] = ()
        discard = 0
        for side in packet.iter_sidedata():
            kind = side.data_type
            if kind == "matroska_block_additional":
                raw = bytes(side)
                additions = ((int.from_bytes(raw[:8], "big"), raw[8:]),)
            elif kind == "skip_samples":
                samples = int.from_bytes(bytes(side)[4:8], "little")
                if samples:
                    discard = samples * 1_000_000 // (self.shape.sample_rate or 48000)
        return Extra(additions, discard) if additions or discard else None

    def template(self, output: av.container.OutputContainer) -> Stream:
        """
        Add the track to the container that writes the header.

        @raise ValueError: when Matroska has no place for it.
        """
        made = output.add_stream_from_template(self.stream, opaque=True)
        self._dress(made)
        return made

    def _dress(self, made: Stream) -> None:
        """Give the header's stream what was found out about the track since the input's opening."""
        context = made.codec_context
        if self.setup and self.setup != context.extradata:
            context.extradata = self.setup
        if self._shape is not None:
            if made.type == "video":
                context.width, context.height = self._shape.width, self._shape.height
            elif made.type == "audio":
                context.sample_rate = self._shape.sample_rate
                context.layout = self._shape.layout.name

    def _look(self, packet: AVPacket) -> None:
        """See whether a packet brings another setup; the demuxer says so for some containers."""
        if packet.has_sidedata("new_extradata"):
            self._learn(bytes(packet.get_sidedata("new_extradata")), packet)

    def _learn(self, setup: bytes, packet: AVPacket) -> None:
        """Take a setup for the track's; ask for a new header when it replaces another one."""
        if not setup or setup == self.setup:
            return
        if self.setup:
            self.changed = True
            self._measure(setup, packet)
        self.setup = setup

    def _measure(self, setup: bytes, packet: AVPacket) -> None:
        """Decode one packet, the first of its kind, to learn the new width or sample rate."""
        context = CodecContext.create(self.stream.codec_context.codec.canonical_name, "r")
        context.extradata = setup
        try:
            made = AVPacket(bytes(packet))
            context.decode(made)
            context.decode(None)
        except av.FFmpegError:
            return  # it cannot be decoded alone: the header keeps the old numbers
        self._shape = context


def _frame_times(stream: Stream) -> tuple[int, int]:
    """The duration of a picture, and how long reordering may hold it back, in microseconds."""
    rate = stream.guessed_rate if isinstance(stream, VideoStream) else None
    if not rate:
        return 0, 0
    step = round(SECOND / rate)
    return step, stream.codec_context.reorder_depth * step


def extradata(stream: Stream) -> bytes | None:
    """The decoder's setup as the container gives it; none is C{b""}."""
    context = stream.codec_context
    return (context.extradata or b"") if context is not None else b""


class Extracted(Adapter):
    """
    A codec whose setup also stands in its keyframes, found with C{extract_extradata}.

    MPEG-2, MPEG-4, AV1 and others out of transport streams and raw files come without any, and
    with another one in the middle when an encoder was restarted with another size.
    """

    needs_setup = True

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._extract = BitStreamFilterContext("extract_extradata", stream)
        if not self.setup and self.needs_setup:
            self.setup = None

    def _look(self, packet: AVPacket) -> None:
        super()._look(packet)
        if not packet.is_keyframe:
            return
        for made in self._extract.filter(AVPacket(bytes(packet))):
            if made.has_sidedata("new_extradata"):
                found = bytes(made.get_sidedata("new_extradata"))
                if self.setup is None:
                    self._learn(found, packet)
                elif self._kernel(found) != self._kernel(self.setup):
                    self._learn(found, packet)

    def _kernel(self, setup: bytes) -> bytes:
        """The part of a setup that makes another header necessary when it changes."""
        return setup


class Mpeg2(Extracted):
    """MPEG-1 and MPEG-2: only size, shape and rate matter, matrices come and go."""

    needs_setup = False

    def _kernel(self, setup: bytes) -> bytes:
        at = setup.find(b"\0\0\1\xb3")
        return setup[at : at + 8] if at >= 0 else b""

    def _learn(self, setup: bytes, packet: AVPacket) -> None:
        if self.setup == b"":
            self.setup = setup  # not needed, but good to have for the next header
        else:
            super()._learn(setup, packet)


class NalUnits(Extracted):
    """
    H.264, HEVC, VVC as a byte stream with start codes (transport streams, raw files, AVI).

    libavformat turns the setup into avcC or hvcC when it writes the header; the packets get
    lengths instead of start codes.
    """

    def data(self, packet: AVPacket) -> bytes:
        raw = bytes(packet)
        return payload.length_prefixed(raw) if payload.is_annex_b(raw) else raw

    def _kernel(self, setup: bytes) -> bytes:
        # Picture parameter sets may change under way: decoders take them from the packets.
        return b"".join(unit for unit in payload.nal_units(setup) if self._is_sequence(unit))

    def _is_sequence(self, unit: bytes) -> bool:
        name = self.stream.codec_context.codec.canonical_name
        if name == "h264":
            return unit[0] & 0x1F == 7
        if name == "hevc":
            return unit[0] >> 1 & 0x3F == 33
        return len(unit) > 1 and unit[1] >> 3 == 15


class Av1(Extracted):
    """AV1 out of transport streams, IVF and raw files: its temporal delimiters are not stored."""

    def data(self, packet: AVPacket) -> bytes:
        return payload.without_delimiters(bytes(packet))

    def _kernel(self, setup: bytes) -> bytes:
        if setup[:1] == b"\x81":
            setup = setup[4:]
        return b"".join(unit for type_, unit in payload.obus(setup) if type_ == 1)


class Mpeg4(Extracted):
    """MPEG-4 Visual; packed B-frames, as AVI has them, are unpacked."""

    filters = "mpeg4_unpack_bframes"
    needs_setup = False


class Vp9(Adapter):
    """VP9, whose invisible frames belong to the next visible one."""

    filters = "vp9_superframe"


class Adts(Adapter):
    """
    AAC with an ADTS head on each packet; Matroska wants the AudioSpecificConfig instead.
    """

    filters = "aac_adtstoasc"

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.setup = None
        self._head = b""

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        raw = bytes(memoryview(packet)[:4])
        if len(raw) < 4 or raw[0] != 0xFF or raw[1] & 0xF6 != 0xF0:
            # aac_adtstoasc lets through what has no head; without one nothing says what it is.
            return super().packets(packet) if self.setup else ()
        # Profile, sampling frequency and channels; the bit between them is private.
        head = bytes((raw[2] & 0xFD, raw[3] & 0xC0))
        if self._head and head != self._head:
            self._filter = BitStreamFilterContext("aac_adtstoasc", self.stream)
        self._head = head
        made = list(super().packets(packet))
        for one in made:
            if one.has_sidedata("new_extradata"):
                self._learn(bytes(one.get_sidedata("new_extradata")), one)
        return made


class Latm(Adapter):
    """AAC in LOAS/LATM, as some broadcasters send it: unwrapped to raw AAC."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.setup = None
        self._latm = latm.Latm()
        self._units: list[bytes] = []

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        made = []
        for config, unit in self._latm.access_units(bytes(packet)):
            one = AVPacket(unit)
            one.time_base = packet.time_base
            one.is_keyframe = True
            if not made:
                one.pts, one.dts, one.duration = packet.pts, packet.dts, packet.duration
            self._learn(config, one)
            made.append(one)
        return made

    def template(self, output: av.container.OutputContainer) -> Stream:
        context = self.stream.codec_context
        made = output.add_stream("aac", rate=context.sample_rate or 48000)
        return self._as_parameters(made)

    def _as_parameters(self, made: Stream) -> Stream:
        made.codec_context.extradata = self.setup
        made.codec_context.layout = self.stream.codec_context.layout.name
        return made


class Discarding(Adapter):
    """
    Audio whose container marks packets that are not to be heard (MP4's edit lists): dropped.
    """

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        return () if packet.is_discard else super().packets(packet)


class ProRes(Adapter):
    """ProRes, without the head of its atom."""

    def data(self, packet: AVPacket) -> bytes:
        return payload.without_prores_head(bytes(packet))


class WavPack(Adapter):
    """WavPack, with Matroska's short block heads."""

    def data(self, packet: AVPacket) -> bytes:
        return payload.without_wavpack_heads(bytes(packet))


class Subtitles(Adapter):
    """Text or pictures that stand for a stated time."""

    sparse = True


class MovText(Subtitles):
    """MP4's timed text, stored as SubRip; its empty packets, which clear the screen, are dropped."""

    filters = "mov2textsub"

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        return [made for made in super().packets(packet) if made.size]

    def template(self, output: av.container.OutputContainer) -> Stream:
        return output.add_mux_stream("subrip")


class WebVtt(Subtitles):
    """WebVTT, whose cue identifier and settings stand before the text in the block."""

    def data(self, packet: AVPacket) -> bytes:
        parts = {"webvtt_identifier": b"", "webvtt_settings": b""}
        for side in packet.iter_sidedata():
            if side.data_type in parts:
                parts[side.data_type] = bytes(side)
        return b"%s\n%s\n%s" % (*parts.values(), bytes(packet))


class Pgs(Subtitles):
    """Blu-ray's pictures; a display set's segments belong into one block."""

    filters = "pgs_frame_merge"


_SUBTITLES: dict[str, type[Adapter]] = {
    "mov_text": MovText,
    "webvtt": WebVtt,
    "hdmv_pgs_subtitle": Pgs,
}

_VIDEO: dict[str, type[Adapter]] = {
    "av1": Av1,
    "mpeg1video": Mpeg2,
    "mpeg2video": Mpeg2,
    "mpeg4": Mpeg4,
    "prores": ProRes,
    "vp9": Vp9,
}

_NAL_CODECS = frozenset({"h264", "hevc", "vvc"})


def adapter_for(stream: Stream) -> Adapter:
    """
    The adapter for a stream.

    @raise Unusable: for one that no player could show.
    """
    if stream.type not in ("video", "audio", "subtitle"):
        raise Unusable(f"{stream.type} cannot be sent")
    context = stream.codec_context
    if context is None:
        raise Unusable("a codec that libavcodec does not know")
    codec = context.codec.canonical_name
    setup = context.extradata or b""
    if stream.type == "subtitle":
        return _SUBTITLES.get(codec, Subtitles)(stream)
    if stream.type == "video":
        if codec in _NAL_CODECS:
            stored = setup and not payload.is_annex_b(setup)
            return Adapter(stream) if stored else NalUnits(stream)
        return _VIDEO.get(codec, Adapter)(stream)
    if codec == "aac" and not setup:
        return Adts(stream)
    if codec == "aac_latm":
        return Latm(stream)
    if codec == "wavpack":
        return WavPack(stream)
    return Discarding(stream)


def is_cover(stream: Stream) -> bool:
    """Whether a stream is a picture that belongs to the whole, not a moving one."""
    return bool(stream.disposition & Disposition.attached_pic)
