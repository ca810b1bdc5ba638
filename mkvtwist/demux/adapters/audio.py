"""
Sound: heads that are not stored, priming, samples in another order (I{remux thread}).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import av
from av.codec.context import CodecContext

from mkvtwist.demux import latm, payload
from mkvtwist.demux.adapters.base import Adapter, AVPacket, Context, Stream, codec_of
from mkvtwist.packet import SECOND

_SAMPLED = frozenset({"ac3", "eac3"})
"""Codecs whose setup in MP4 is made of a packet: dac3 and dec3 (ETSI TS 102 366, annex F)."""


class Audio(Adapter):
    """
    Sound. What the container marks as not to be heard (MP4's edit lists) is dropped.
    """

    @property
    def ready(self) -> bool:
        return super().ready and (self.sample is not None or self.codec not in _SAMPLED)

    def _look(self, packet: AVPacket) -> None:
        super()._look(packet)
        if self.sample is None and self.codec in _SAMPLED:
            self.sample = bytes(packet)

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

    stored_as = "aac"

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.setup = None
        self._latm = latm.Latm()

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
        self.stored_as = self._KINDS["s16"]
        self.setup = None

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        made: list[AVPacket] = []
        for frame in self._decoder.decode(av.Packet(bytes(packet))):
            kind = frame.format.packed.name
            if kind not in self._KINDS or frame.format.is_planar:
                raise av.InvalidDataError(0, f"samples as {frame.format.name}")
            known, stored_as = self.setup is not None, self._KINDS[kind]
            self.changed = self.changed or (known and stored_as != self.stored_as)
            self.stored_as, self.setup, self.shape = stored_as, b"", self._decoder
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
