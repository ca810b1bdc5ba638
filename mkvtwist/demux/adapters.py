"""
One adapter for each oddity of a track, chosen by what the track is (I{remux thread}).

An adapter turns the packets that the demuxer yields for one stream into what Matroska and MP4
store, finds the decoder's setup where the container has none, notices when it changes, and says
what the header has to state.

L{adapter_for} is the table of contents.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.codec.context import CodecContext
from av.stream import Disposition

from mkvtwist.demux import latm, payload
from mkvtwist.packet import SECOND, Extra

# PyAV's stubs know a class of streams for each kind; what is common to all of them is too little.
Stream = Any
AVPacket = Any
Context = Any


class Unusable(Exception):
    """A track that cannot be sent. The text says why, for the log and for C{/status}."""


class Adapter:
    """
    A track that is stored as it comes; the base of the others.

    @ivar stream: PyAV's stream; never used after its container was closed.
    @ivar number: the track's number in the header, once it has one.
    @ivar named: what the demuxer calls its codec by now, which PyAV learned at the opening.
    @ivar setup: what the decoder needs before the first packet; L{None} as long as it is unknown.
    @ivar changed: the packets given last need another header.
    @ivar shape: width, height, sample rate and channels as they are now.
    @ivar was_shaped: whether the demuxer knew these when the input was opened. Without them it
        cannot tell how long a packet lasts.
    @ivar priming: how much sound comes out of the decoder before the first that is to be heard, in
        microseconds.
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
        self.named: str | None = None
        self.setup: bytes | None = stream.codec_context.extradata or b""
        self.changed = False
        self.shape: Context = stream.codec_context
        self.priming = 0
        self.step, self.delay = _frame_times(stream, self.shape)
        self.was_shaped = self.is_shaped
        self._filter = self._filtering()

    def _filtering(self) -> BitStreamFilterContext | None:
        return BitStreamFilterContext(self.filters, self.stream) if self.filters else None

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec that is sent."""
        return self.named or codec_of(self.stream)

    @property
    def ready(self) -> bool:
        """Whether a header can be written for it."""
        return self.setup is not None and self.is_shaped

    @property
    def is_shaped(self) -> bool:
        """Whether the numbers are known without which there is no header."""
        if self.stream.type == "video":
            return bool(self.shape.width and self.shape.height)
        return self.stream.type != "audio" or bool(self.shape.sample_rate)

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        """
        The packets that one of the demuxer's becomes: mostly itself.

        L{changed} is true from the packet on that needs another header.

        @raise av.FFmpegError: when a filter refuses it; the next one may be better.
        """
        if self._filter is None:
            self._look(packet)
            yield packet
        else:
            yield from self._filtered(packet)

    def rest(self) -> Iterable[AVPacket]:
        """The packets that a filter still holds when the input has ended."""
        if self._filter is not None:
            yield from self._filtered(None)

    def _filtered(self, packet: AVPacket | None) -> Iterable[AVPacket]:
        assert self._filter is not None
        for made in self._filter.filter(packet):
            made.time_base = self.stream.time_base  # which filters lose
            self._look(made)
            yield made

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
                    discard = round(samples * SECOND / (self.shape.sample_rate or 48000))
        return Extra(additions, discard) if additions or discard else None

    def describe(self, made: Stream) -> None:
        """
        Give a stream of the header's container the track's parameters.

        @param made: has the right type and any codec.
        """
        BitStreamFilterContext("null", self.parameters, made)
        context = made.codec_context
        context.codec_tag = self.tag
        if self.setup and self.setup != context.extradata:
            context.extradata = self.setup
        if made.type == "video":
            context.width, context.height = self.shape.width, self.shape.height
        elif made.type == "audio":
            context.sample_rate = self.shape.sample_rate
            context.layout = self.shape.layout.name

    @property
    def parameters(self) -> Stream | str:
        """The stream with the codec's parameters, or the codec's name if that is all of them."""
        return self.stream

    @property
    def tag(self) -> str:
        """The codec's FourCC; without one libavformat takes the one for Matroska."""
        return "\0\0\0\0"

    def _look(self, packet: AVPacket) -> None:
        """See whether a packet brings a setup; the demuxer says so for some containers."""
        if packet.has_sidedata("new_extradata"):
            self._learn(bytes(packet.get_sidedata("new_extradata")), packet)
        if not self.is_shaped:
            self._measure(packet)

    def _learn(self, setup: bytes, packet: AVPacket) -> None:
        """Take a setup for the track's; ask for a new header when it replaces another one."""
        if not setup or setup == self.setup:
            return
        had = self.setup
        self.setup = setup
        if had:
            self.changed = True
            self._measure(packet)

    def _measure(self, packet: AVPacket) -> bool:
        """
        Decode one packet, the first of its kind, to learn the width or the sample rate.

        @return: whether that gave other numbers than before.
        """
        context: Context = CodecContext.create(codec_of(self.stream), "r")
        context.extradata = self.setup or None
        try:
            context.decode(av.Packet(bytes(packet)))
            context.decode(None)
        except av.FFmpegError:
            return False  # it cannot be decoded alone: what was known stays
        before, self.shape = self.shape, context
        if not self.is_shaped:
            self.shape = before
            return False
        if context.type == "audio":
            self.step, self.delay = _frame_times(self.stream, context)
        return _numbers(before) != _numbers(context)


def _numbers(context: Context) -> tuple[object, ...]:
    if context.type == "video":
        return context.width, context.height, context.pix_fmt
    return context.sample_rate, context.layout.nb_channels


def _frame_times(stream: Stream, shape: Context) -> tuple[int, int]:
    """How long a packet lasts, and how long reordering may hold it back, in microseconds."""
    if stream.type == "audio":
        return SECOND * shape.frame_size // (shape.sample_rate or 1), 0
    rate = stream.guessed_rate if stream.type == "video" else None
    if not rate:
        return 0, 0
    step = round(SECOND / rate)
    return step, stream.codec_context.reorder_depth * step


def codec_of(stream: Stream) -> str:
    """The name of a stream's codec, whatever decodes it."""
    return str(stream.codec_context.codec.canonical_name)


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
        if setup == self._found:
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
            self._first.append(copy)
        self._inside += 1
        for made in super().packets(packet):
            self._inside -= 1
            yield made

    def rest(self) -> Iterable[AVPacket]:
        # The filter guesses the last times, unless pictures follow: the first ones do as well.
        for packet in self._first:
            packet.dts = self._next
            self._next += packet.duration or self._ticks(packet)
        for made in itertools.chain.from_iterable(map(self._filtered, (*self._first, None))):
            if self._inside > 0:
                self._inside -= 1
                yield made

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


class Audio(Adapter):
    """
    Sound. What the container marks as not to be heard (MP4's edit lists) is dropped.
    """

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        return () if packet.is_discard else super().packets(packet)


class Primed(Audio):
    """
    Sound whose first packets a decoder needs, but nobody is to hear: MP4's edit lists, MP3.

    The container says so with the first packet; Matroska, as CodecDelay, in the header.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._begun = False

    @property
    def ready(self) -> bool:
        return self._begun and super().ready

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        first, self._begun = not self._begun, True
        if first and packet.has_sidedata("skip_samples"):
            samples = int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
            self.priming = samples * SECOND // (self.shape.sample_rate or 48000)
            return Adapter.packets(self, packet)
        if first and self.codec == "vorbis":
            return Adapter.packets(self, packet)  # nothing comes out of it, it primes the next
        return super().packets(packet)


class Adts(Audio):
    """
    AAC with an ADTS head on each packet; Matroska wants the AudioSpecificConfig instead.
    """

    filters = "aac_adtstoasc"

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.setup = None
        self._head = b""
        self._doubted = b""

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        raw = bytes(memoryview(packet)[:4])
        if len(raw) < 4 or raw[0] != 0xFF or raw[1] & 0xF6 != 0xF0:
            # aac_adtstoasc lets through what has no head; without one nothing says what it is.
            return super().packets(packet) if self.setup else ()
        # Profile, sampling frequency and channels; the bit between them is private.
        head = bytes((raw[2] & 0xFD, raw[3] & 0xC0))
        if self._head and head != self._head:
            if head != self._doubted:
                self._doubted = head  # once may be damage; a change comes to stay
                return ()
            self._filter = self._filtering()
        self._head, self._doubted = head, b""
        return super().packets(packet)


class Latm(Audio):
    """AAC in LOAS/LATM, as some broadcasters send it: unwrapped to raw AAC."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.setup = None
        self._latm = latm.Latm()

    @property
    def codec(self) -> str:
        return "aac"

    @property
    def parameters(self) -> Stream | str:
        return "aac"

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        if not self.is_shaped:
            self._measure(packet)
        made: list[AVPacket] = []
        units = list(self._latm.access_units(bytes(packet)))
        for config, unit in units:
            one: AVPacket = av.Packet(unit)
            one.time_base = packet.time_base
            one.is_keyframe = True
            one.duration = (packet.duration or 0) // len(units)
            if not made:
                one.pts, one.dts = packet.pts, packet.dts
            if self.setup and config != self.setup:
                self.changed = True
                self._measure(packet)
            self.setup = config
            made.append(one)
        return made


class Pcm(Audio):
    """
    Samples in an order that Matroska does not have, unpacked into one that it has.

    Blu-ray, DVD, broadcast and big-endian floats are such; no sample is changed.
    """

    _KINDS: Mapping[str, str] = MappingProxyType(
        {
            "u8": "pcm_u8",
            "s16": "pcm_s16le",
            "s32": "pcm_s32le",
            "flt": "pcm_f32le",
            "dbl": "pcm_f64le",
        }
    )

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        decoder: Context = CodecContext.create(codec_of(stream), "r")
        self._decoder = decoder
        self._decoder.sample_rate = self.shape.sample_rate or 48000
        if self.shape.layout.nb_channels:
            self._decoder.layout = self.shape.layout.name
        self._kind: str | None = None
        self.setup = None

    @property
    def codec(self) -> str:
        return self._KINDS[self._kind or "s16"]

    @property
    def parameters(self) -> Stream | str:
        return self.codec

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        made: list[AVPacket] = []
        for frame in self._decoder.decode(av.Packet(bytes(packet))):
            kind = frame.format.packed.name
            if kind not in self._KINDS or frame.format.is_planar:
                raise av.InvalidDataError(0, f"samples as {frame.format.name}")
            self.changed = self.changed or bool(self._kind and kind != self._kind)
            self._kind, self.setup, self.shape = kind, b"", self._decoder
            size = frame.samples * frame.layout.nb_channels * frame.format.bytes
            one: AVPacket = av.Packet(bytes(frame.planes[0])[:size])
            one.time_base = packet.time_base
            one.is_keyframe = True
            if not made:
                one.pts, one.dts, one.duration = packet.pts, packet.dts, packet.duration
            made.append(one)
        return made


class WavPack(Audio):
    """WavPack, with Matroska's short block heads."""

    def data(self, packet: AVPacket) -> bytes:
        return payload.without_wavpack_heads(bytes(packet))


class Subtitles(Adapter):
    """Text or pictures that stand for a stated time."""

    sparse = True


class MovText(Subtitles):
    """MP4's timed text, stored as SubRip without the empty packets that clear the screen."""

    filters = "mov2textsub"

    @property
    def codec(self) -> str:
        return "subrip"

    @property
    def parameters(self) -> Stream | str:
        return "subrip"

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.setup = b""

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        return [made for made in super().packets(packet) if made.size]


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
    "hdmv_pgs_subtitle": Pgs,
    "mov_text": MovText,
    "webvtt": WebVtt,
}

_VIDEO: dict[str, type[Adapter]] = {
    "av1": Av1,
    "mpeg1video": Optional,
    "mpeg2video": Optional,
    "magicyuv": Tagged,
    "mpeg4": Mpeg4,
    "prores": ProRes,
    "rawvideo": Tagged,
    "utvideo": Tagged,
    "vp9": Vp9,
}

_AUDIO: dict[str, type[Adapter]] = {
    "aac_latm": Latm,
    "wavpack": WavPack,
}

_NAL_CODECS = frozenset({"h264", "hevc", "vvc"})

_PRIMED = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "mp3", "caf"})
"""Containers that say what is not to be heard of the first packets."""

_UNTIMED = frozenset({"avi", "asf", "asf_o", "mpeg", "h264", "hevc", "vvc"})
"""Containers whose presentation times are missing or wrong for reordered pictures."""

_STORED_PCM = frozenset(
    {
        "pcm_alaw",
        "pcm_f32le",
        "pcm_f64le",
        "pcm_mulaw",
        "pcm_s16be",
        "pcm_s16le",
        "pcm_s24be",
        "pcm_s24le",
        "pcm_s32be",
        "pcm_s32le",
        "pcm_u8",
    }
)
"""Samples as Matroska, or the WAVEFORMATEX in it, can describe them."""


def adapter_for(stream: Stream) -> Adapter:
    """
    The adapter for a stream.

    @raise Unusable: for one that no player could show.
    """
    if stream.type not in ("video", "audio", "subtitle"):
        raise Unusable(f"{stream.type} cannot be sent")
    if stream.codec_context is None:
        raise Unusable("a codec that libavcodec does not know")
    codec = codec_of(stream)
    setup = stream.codec_context.extradata or b""
    container = stream.container.format.name
    kind: type[Adapter]
    if stream.type == "subtitle":
        kind = _SUBTITLES.get(codec, Subtitles)
    elif stream.type == "video":
        kind = _VIDEO.get(codec, Adapter)
        if codec in _NAL_CODECS and (not setup or payload.is_annex_b(setup)):
            untimed = container in _UNTIMED and codec != "vvc"
            kind = Untimed if untimed else NalUnits
        elif codec == "mpeg4" and container == "avi" and stream.codec_context.reorder_depth:
            kind = Mpeg4InAvi
    elif codec == "aac" and not setup:
        kind = Adts
    elif codec == "s302m" or (codec.startswith("pcm_") and codec not in _STORED_PCM):
        kind = Pcm
    else:
        kind = _AUDIO.get(codec, Primed if container in _PRIMED else Audio)
    return kind(stream)


def is_cover(stream: Stream) -> bool:
    """Whether a stream is a picture that belongs to the whole, not a moving one."""
    return bool(stream.disposition & Disposition.attached_pic)


DONORS: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("video", "mpeg4", {"rate": 25}),
    ("audio", "mp2", {"rate": 48000}),
    ("subtitle", "subrip", {}),
)
"""
Streams to describe anew, one of each type: type, codec, what else it takes to make one. PyAV lets
only codecs into a container that libavformat lists for it, which leaves out all that Matroska
stores with the words of AVI.
"""
