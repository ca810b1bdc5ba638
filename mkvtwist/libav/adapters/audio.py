"""
Adapters for sound: junk between frames, heads that change, priming (I{remux thread}).
"""

from collections.abc import Iterable
from fractions import Fraction

import av

from mkvtwist.libav.adapters.base import Adapter
from mkvtwist.libav.adapters.measuring import codec_of
from mkvtwist.libav.pyav_types import AVPacket, AVStream
from mkvtwist.libav.sound import Sound, layout_of
from mkvtwist.media import audio_frame_headers, stored_payload
from mkvtwist.media.packet import SECOND

_SAMPLED = frozenset({"ac3", "eac3"})
"""Codecs whose setup in MP4 is made of a packet: dac3 and dec3 (ETSI TS 102 366, annex F)."""


def new_packet(data: bytes, time_base: Fraction) -> AVPacket:
    """Return a packet of sound that an adapter makes; it has no times yet."""
    packet: AVPacket = av.Packet(data)
    packet.time_base = time_base
    packet.is_keyframe = True
    return packet


class Audio(Adapter):
    """
    Sound, without the packets that the container marks as not to be heard (MP4's edit lists).

    Packets that are no frames are dropped, too, if the codec's frames have a head that tells. A
    head with another rate or other channels asks for a new header, but once may be damage: its
    frame waits for the next.
    """

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        self._read = audio_frame_headers.HEAD_READERS.get(codec_of(stream))
        self._sound: tuple[int, int, int] | None = None
        self._odd: tuple[tuple[int, int, int], AVPacket] | None = None

    @property
    def ready(self) -> bool:
        return super().ready and (self.sample is not None or self.codec not in _SAMPLED)

    def _inspect(self, packet: AVPacket) -> None:
        super()._inspect(packet)
        if self.sample is None and self.codec in _SAMPLED:
            self.sample = bytes(packet)

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        return () if packet.is_discard else self._frames_of(packet)

    def _frames_of(self, packet: AVPacket) -> Iterable[AVPacket]:
        """Yield a packet if a frame begins with it; else nothing."""
        if self._read is None:
            yield from super().packets(packet)
            return
        head = self._read(bytes(packet), 0)
        if head is not None:
            yield from self._confirmed(packet, head)

    def _confirmed(self, packet: AVPacket, head: audio_frame_headers.Head) -> Iterable[AVPacket]:
        """Yield a packet, and the one before it if this one confirms the head of that one."""
        known = self._sound or (*self.shape[:2], 0)
        sound = head.rate or known[0], head.channels or known[1], head.depth or known[2]
        odd, self._odd = self._odd, None
        if self._sound is None or (head.sure and sound != known):
            self._take_head(packet, head, sound)
        elif sound != known:
            if odd is None or odd[0] != sound:
                self._odd = sound, packet
                return
            self._take_head(odd[1], head, sound)
            yield from super().packets(odd[1])
        yield from super().packets(packet)

    def _take_head(
        self, packet: AVPacket, head: audio_frame_headers.Head, sound: tuple[int, int, int]
    ) -> None:
        """Take the track's shape from a head, unless the track has it already."""
        before, self._sound = self._sound, sound
        shape: Sound = self.shape
        if before is None and all(a in (0, b) for a, b in zip(sound[:2], shape[:2], strict=True)):
            return
        if self.codec == "flac" and self.setup:
            self.setup = audio_frame_headers.flac_setup(self.setup, sound)
        if self.codec in _SAMPLED:
            self.sample = bytes(packet)
        changed = self._measure(packet)
        if not changed and before is not None:
            changed = self._take_shape(head, sound)
        self.changed = self.changed or changed

    def _take_shape(self, head: audio_frame_headers.Head, sound: tuple[int, int, int]) -> bool:
        """Take the shape from a head, if no decoder tells."""
        before: Sound = self.shape
        channels = sound[1] or before.channels
        self.shape = Sound(sound[0], channels, layout_of(channels))
        self.step = SECOND * head.samples // (sound[0] or 1) or self.step
        return bool(before[:2] != self.shape[:2])


class Primed(Audio):
    """
    Sound whose first packets prime the decoder and are not to be heard: MP4's edit lists, MP3.

    The container says so with the first packet; Matroska, as CodecDelay, in the header.
    """

    def __init__(self, stream: AVStream) -> None:
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
            return self._frames_of(packet)
        if first and self.codec == "vorbis":
            return self._frames_of(packet)  # nothing comes out of it, it primes the next
        return super().packets(packet)


class WavPack(Audio):
    """WavPack, with Matroska's short block heads."""

    def data(self, packet: AVPacket) -> bytes:
        return stored_payload.without_wavpack_heads(bytes(packet))
