"""
Samples in an order that Matroska does not have (I{remux thread}).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import av
from av.codec.context import CodecContext

from mkvtwist.libav.adapters.audio import Audio, new_packet
from mkvtwist.libav.adapters.measuring import codec_of
from mkvtwist.libav.pyav_types import AVContext, AVPacket, AVStream
from mkvtwist.libav.sound import describe_sound, sound_of_frame


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

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        decoder: AVContext = CodecContext.create(codec_of(stream), "r")
        rate = self.shape.sample_rate or 48000
        if self.shape.channels:
            describe_sound(decoder, self.shape._replace(sample_rate=rate))
        else:
            decoder.sample_rate = rate
        self._decoder = decoder
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
            self.stored_as, self.setup = stored_as, b""
            self.shape = sound_of_frame(frame)
            size = frame.samples * self.shape.channels * frame.format.bytes
            one = new_packet(bytes(frame.planes[0])[:size], packet.time_base)
            if not made:
                one.pts, one.dts, one.duration = packet.pts, packet.dts, packet.duration
            made.append(one)
        return made
