"""
Sound: heads that are not stored, priming, samples in another order (I{remux thread}).
"""

from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import av
from av.codec.context import CodecContext

from mkvtwist.libav.adapters.base import Adapter, AVPacket, Context, Stream, codec_of
from mkvtwist.libav.sound import Sound, layout_of
from mkvtwist.media import latm, sound_frames, stored_payload
from mkvtwist.media.adts import HEAD, SAMPLE_RATES
from mkvtwist.media.packet import SECOND

_SAMPLED = frozenset({"ac3", "eac3"})
"""Codecs whose setup in MP4 is made of a packet: dac3 and dec3 (ETSI TS 102 366, annex F)."""


class Audio(Adapter):
    """
    Sound. What the container marks as not to be heard (MP4's edit lists) is dropped.

    So is what is no frame, if the codec's frames have a head that tells. A head with another rate
    or other channels asks for a new header, but once may be damage: its frame waits for the next.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._read = sound_frames.heads.get(codec_of(stream))
        self._sound: tuple[int, int, int] | None = None
        self._odd: tuple[tuple[int, int, int], AVPacket] | None = None

    @property
    def ready(self) -> bool:
        return super().ready and (self.sample is not None or self.codec not in _SAMPLED)

    def _look(self, packet: AVPacket) -> None:
        super()._look(packet)
        if self.sample is None and self.codec in _SAMPLED:
            self.sample = bytes(packet)

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        return () if packet.is_discard else self._kept(packet)

    def _kept(self, packet: AVPacket) -> Iterable[AVPacket]:
        """The packet, if a frame begins with it; else nothing."""
        if self._read is None:
            yield from super().packets(packet)
            return
        head = self._read(bytes(packet), 0)
        if head is not None:
            yield from self._believed(packet, head)

    def _believed(self, packet: AVPacket, head: sound_frames.Head) -> Iterable[AVPacket]:
        """The packet, and the one before it if this one confirms what that one said."""
        known = self._sound or (*self.shape[:2], 0)
        sound = head.rate or known[0], head.channels or known[1], head.depth or known[2]
        odd, self._odd = self._odd, None
        if self._sound is None or (head.sure and sound != known):
            self._turn(packet, head, sound)
        elif sound != known:
            if odd is None or odd[0] != sound:
                self._odd = sound, packet
                return
            self._turn(odd[1], head, sound)
            yield from super().packets(odd[1])
        yield from super().packets(packet)

    def _turn(self, packet: AVPacket, head: sound_frames.Head, sound: tuple[int, int, int]) -> None:
        """Take what a head says for the track's shape, unless it is that already."""
        before, self._sound = self._sound, sound
        shape: Sound = self.shape
        if before is None and all(a in (0, b) for a, b in zip(sound[:2], shape[:2], strict=True)):
            return
        if self.codec == "flac" and self.setup:
            self.setup = sound_frames.flac_setup(self.setup, sound)
        if self.codec in _SAMPLED:
            self.sample = bytes(packet)
        changed = self._measure(packet)
        if not changed and before is not None:
            changed = self._state(head, sound)
        self.changed = self.changed or changed

    def _state(self, head: sound_frames.Head, sound: tuple[int, int, int]) -> bool:
        """Take the shape from a head, if no decoder tells."""
        before: Sound = self.shape
        channels = sound[1] or before.channels
        self.shape = Sound(sound[0], channels, layout_of(channels))
        self.step = SECOND * head.samples // (sound[0] or 1) or self.step
        return bool(before[:2] != self.shape[:2])


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
            return self._kept(packet)
        if first and self.codec == "vorbis":
            return self._kept(packet)  # nothing comes out of it, it primes the next
        return super().packets(packet)


class MpegStream(Primed):
    """
    MPEG audio without a container: song after song, with tags between them, as radios send it.

    libavformat hands on tags as packets, and counts the time of what is no frame; so the frames
    are found, and timed, here.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._frames = sound_frames.MpegFrames(codec_of(stream))
        self._fed = 0
        self._sources: deque[tuple[int, AVPacket]] = deque()
        self._next: int | None = None

    def _kept(self, packet: AVPacket) -> Iterable[AVPacket]:
        if self._next is None:
            self._next = packet.pts or 0
        self._sources.append((self._fed, packet))
        self._fed += packet.size
        yield from self._found(bytes(packet), last=False)
        while self._sources and sum(self._size(0)) <= self._frames.place:
            self._sources.popleft()

    def _size(self, index: int) -> tuple[int, int]:
        place, packet = self._sources[index]
        return place, packet.size

    def rest(self) -> Iterable[AVPacket]:
        yield from self._found(b"", last=True)

    def _found(self, data: bytes, *, last: bool) -> Iterable[AVPacket]:
        for place, frame, head in self._frames.feed(data, last=last):
            yield from self._believed(self._timed(place, frame, head), head)

    def _timed(self, place: int, frame: bytes, head: sound_frames.Head) -> AVPacket:
        """A frame with its time: the demuxer's own packet if it is that, for what is beside it."""
        while self._sources and self._sources[0][0] < place:
            self._sources.popleft()
        one: AVPacket = None
        if self._sources and self._size(0) == (place, len(frame)):
            one = self._sources.popleft()[1]
        if one is None:
            one = av.Packet(frame)
            one.time_base = self.stream.time_base
            one.is_keyframe = True
        base = self.stream.time_base
        one.pts = one.dts = self._next
        one.duration = head.samples * base.denominator // (head.rate * base.numerator)
        self._next = (self._next or 0) + one.duration
        return one


class Adts(Audio):
    """
    AAC with an ADTS head on each packet; Matroska wants the AudioSpecificConfig instead.

    Without a container libavformat times each frame by the rate of the first one, whatever song it
    belongs to; so the heads tell how long a frame lasts.
    """

    filters = "aac_adtstoasc"

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.setup = None
        self._head = b""
        self._doubted: tuple[bytes, AVPacket] | None = None
        self._bare = stream.container.format.name == "aac"
        self._next: int | None = None

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        raw = bytes(memoryview(packet)[:4])
        if len(raw) < 4 or raw[0] != 0xFF or raw[1] & 0xF6 != 0xF0:
            # aac_adtstoasc lets through what has no head; without one nothing says what it is.
            if self.setup:
                yield from super().packets(packet)
            return
        # Profile, sampling frequency and channels; the bit between them is private.
        head = bytes((raw[2] & 0xFD, raw[3] & 0xC0))
        doubted, self._doubted = self._doubted, None
        if self._head and head != self._head:
            if doubted is None or doubted[0] != head:
                self._doubted = head, packet  # once may be damage; a change comes to stay
                return
            self._filter = self._filtering()
            yield from super().packets(self._timed(doubted[1]))
        self._head = head
        yield from super().packets(self._timed(packet))

    def _timed(self, packet: AVPacket) -> AVPacket:
        """Return the packet, at the end of the one before if no container tells its time."""
        head = bytes(memoryview(packet)[:HEAD])
        if not self._bare or len(head) < HEAD or head[2] >> 2 & 15 >= len(SAMPLE_RATES):
            return packet
        rate, blocks = SAMPLE_RATES[head[2] >> 2 & 15], (head[6] & 3) + 1
        base = packet.time_base
        packet.pts = packet.dts = (packet.pts or 0) if self._next is None else self._next
        packet.duration = blocks * 1024 * base.denominator // (rate * base.numerator)
        self._next = packet.pts + packet.duration
        return packet


class Latm(Audio):
    """AAC in LOAS/LATM, as some broadcasters send it: unwrapped to raw AAC."""

    stored_as = "aac"

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.setup = None
        self._latm = latm.Latm()

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        made: list[AVPacket] = []
        units = list(self._latm.access_units(bytes(packet)))
        for config, unit in units:
            one: AVPacket = av.Packet(unit)
            one.time_base = packet.time_base
            one.is_keyframe = True
            one.duration = (packet.duration or 0) // len(units)
            if not made:
                one.pts, one.dts = packet.pts, packet.dts
            known, self.setup = self.setup, config
            if config != known:
                self.changed = self.changed or known is not None
                self._measure(one)
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
        if self.shape.channels:
            self._decoder.layout = self.shape.layout
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
            self.shape = Sound(frame.sample_rate, frame.layout.nb_channels, frame.layout.name)
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
        return stored_payload.without_wavpack_heads(bytes(packet))
