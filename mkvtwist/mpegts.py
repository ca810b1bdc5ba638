"""
MPEG transport streams as they are streamed: packets of 188 bytes, for televisions and old players
(I{pure}, ISO/IEC 13818-1).

Everything is written here, since libavformat's muxer holds sound back until it fills a PES packet,
and counts for one reader only. Each of our packets is one PES packet, which is cut up::

    47 PID counter  [adaptation field: PCR, random access, stuffing]  payload    188 bytes
                                                                      '-- PES header, frame --'

The payloads are no longer those of Matroska and MP4, but those that carry their setup with them:
NAL units between start codes with their parameter sets, AAC with ADTS headers. So there is no head:
what describes the tracks (PAT and PMT) comes again with each keyframe, and a client can begin
there.

The continuity counters are the one thing that depends on what was sent before. They go in and come
out of each call, so that a fragment's bytes are the same for all clients.
"""

import re
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from mkvtwist import matroska
from mkvtwist.packet import SECOND, Header, Packet, Track

LEAD = 700_000
"""
Microseconds from a moment on the clock (PCR) until what comes then is decoded; every PTS and DTS is
later by this than the packet's. A broadcast sends its pictures half a second and more before its
sound, and no sound may come after its time; a decoder's buffers are made for 1 s (2.4.2.7). Players
that heed the clock, as VLC does, show everything that much later; with 0.3 s VLC missed pictures.
"""

INTERVAL = SECOND // 4
"""How often the tables come between keyframes; ETSI TR 101 290 sees an error from 0.5 s on."""

_SIZE = 188
_ROOM = _SIZE - 4
"""Bytes of a transport packet after its header: adaptation field and payload."""

_PAT_PID, _PMT_PID = 0, 0x1000
_FIRST_PID = 0x100
"""The PID of a track is so much more than its number; those below 0x20 have their uses in DVB."""

_NO_PID = 0x1FFF
"""What a PMT says where no track has the clock."""

_PROGRAM = 1
_SECTION_LIMIT = 1021
"""What may follow the length of a section of a PAT or PMT (2.4.4.4)."""

_DESCRIBED_LIMIT = _SECTION_LIMIT - 13
"""What a PMT may say of its tracks, between its head and its CRC: it is enough for 50."""

_CRC_POLYNOMIAL = 0x04C11DB7

_BEGINS, _PAYLOAD, _ADAPTATION = 0x4000, 0x10, 0x20
"""Bits in a transport packet's header (2.4.3.2): beside the PID, and beside the counter."""

_RANDOM_ACCESS, _HAS_PCR = 0x40, 0x10
"""Flags of an adaptation field (2.4.3.4)."""

_CLOCK_FIELD, _KEY_FIELD = 8, 2
"""Bytes of an adaptation field with a PCR, and of one with flags alone."""

_ALIGNED, _ONLY_PTS, _PTS_AND_DTS = 0x84, 0x80, 0xC0
"""Flags of a PES packet (2.4.3.6): it begins with a frame; which stamps it has."""

_STAMP = 5
"""Bytes of a time stamp."""

_TICKS = 1 << 33
"""How many ticks of 90 kHz a time stamp can tell: after 26.5 hours they begin anew."""

_STEP = SECOND // 25
"""Microseconds that a packet lasts which does not say so."""

_PES_LIMIT = 0xFFFF
"""What may follow the length of a PES packet; a larger picture says 0, and ends with the next."""

_VIDEO_ID, _AUDIO_ID, _PRIVATE_ID = 0xE0, 0xC0, 0xBD
"""Stream IDs in PES headers (table 2-22): MPEG's pictures and sounds, and what others brought."""

_REGISTRATION, _LANGUAGE, _EXTENSION = 0x05, 0x0A, 0x7F
"""Tags of descriptors: ISO/IEC 13818-1, table 2-45; the last one is DVB's, ETSI EN 300 468."""

_START_CODE = b"\0\0\0\1"

_ADTS_LIMIT = (1 << 13) - 1
"""What the frame length in an ADTS header can say, itself included."""

_ADTS_HEAD = 7

_SAMPLE_RATES = (
    *(96000, 88200, 64000, 48000, 44100, 32000, 24000),
    *(22050, 16000, 12000, 11025, 8000, 7350),
)
"""By index, the rates that ADTS knows (ISO/IEC 14496-3, table 1.18)."""

_SBR, _PS = 5, 29
"""Audio object types that name a layer on top of the one that the frames begin with."""

_OPUS_LAYOUTS = (
    ((1, 0), b"\0"),
    ((1, 1), b"\0\1"),
    ((2, 1), b"\0\2\1"),
    ((2, 2), b"\0\1\2\3"),
    ((3, 2), b"\0\4\1\2\3"),
    ((4, 2), b"\0\4\1\2\3\5"),
    ((4, 3), b"\0\4\1\2\3\5\6"),
    ((5, 3), b"\0\6\1\2\3\4\5\7"),
)
"""
By channels, from 1: the streams, those of them in stereo, and which channel is where; what the
codes 1 to 8 of a channel configuration stand for (RFC 7845, 5.1.1.2, in the usual encoders' order).
"""

Counters = tuple[int, ...]
"""The continuity counters that come next: those of PAT, of PMT, and of each track in the PMT."""

_head = struct.Struct(">BHB")
_pes_head = struct.Struct(">3sBHBBB")
_entry = struct.Struct(">BHH")
_piece = struct.Struct(f"{_ROOM}s")


class MpegTsError(ValueError):
    """A track's setup cannot be read, or says what a transport stream cannot."""


class Framing(Protocol):
    """How a track's payloads stand in a transport stream."""

    descriptors: bytes
    """What the PMT has to say of it."""

    def parts(self, packet: Packet, /) -> Sequence[bytes]:
        """A payload, to be put together; nothing where it cannot be sent."""


class _AsIs:
    """Payloads that are the same everywhere."""

    descriptors = b""

    def __init__(self, private: bytes) -> None:
        pass

    def parts(self, packet: Packet) -> Sequence[bytes]:
        return (packet.data,)


class _WithSetup:
    """Pictures before which the decoder's setup has to be repeated."""

    descriptors = b""
    own: re.Pattern[bytes]
    """The start code that a keyframe has which brings its own."""

    def __init__(self, private: bytes) -> None:
        self._private = private

    def parts(self, packet: Packet) -> Sequence[bytes]:
        if packet.key and self._private and not self.own.search(packet.data):
            return self._private, packet.data
        return (packet.data,)


class _Mpeg2(_WithSetup):
    """MPEG-1 and MPEG-2: a sequence header (ISO/IEC 13818-2, 6.2.2.1)."""

    own = re.compile(rb"\x00\x00\x01\xb3")


class _Mpeg4(_WithSetup):
    """MPEG-4: a video object layer (ISO/IEC 14496-2, 6.2.3)."""

    own = re.compile(rb"\x00\x00\x01[\x20-\x2f]")


class _NalUnits:
    """
    Length-prefixed NAL units, each of which gets a start code instead (Annex B).

    An access unit begins with a delimiter, as ISO/IEC 13818-1 asks for, and a keyframe has all
    parameter sets.
    """

    descriptors = b""
    delimiter: bytes
    delimiter_type: int
    shift: int
    """How far left the type stands in a unit's first byte."""

    mask: int
    """The type's bits."""

    needed: frozenset[int]
    """The types of parameter sets without which there is no picture."""

    def __init__(self, private: bytes) -> None:
        if private[:1] != b"\1":
            raise MpegTsError("its setup is of another version")
        try:
            self._length, sets = self.setup(private)
        except (IndexError, struct.error) as error:
            raise MpegTsError("its parameter sets cannot be read") from error
        self._sets = b"".join(_START_CODE + unit for unit in sets)

    def setup(self, private: bytes) -> tuple[int, list[bytes]]:
        """
        How many bytes a length has, and the parameter sets.

        @raise IndexError: when it is cut short.
        @raise struct.error: likewise.
        """
        raise NotImplementedError

    def parts(self, packet: Packet) -> Sequence[bytes]:
        data = packet.data
        width, end, at = self._length, len(data), 0
        types: list[int] = []
        parts: list[bytes] = []
        while at + width <= end:
            start = at + width
            at = start + int.from_bytes(data[at:start], "big")
            # An empty unit is nothing, and one that is cut short is still worth something.
            if at > start and start < end:
                types.append(data[start] >> self.shift & self.mask)
                parts += (_START_CODE, data[start:at])
        if not types:
            return ()
        delimited = 2 * (types[:1] == [self.delimiter_type])
        if packet.key and not self.needed.issubset(types):
            parts.insert(delimited, self._sets)
        if not delimited:
            parts.insert(0, self.delimiter)
        return parts


class _H264(_NalUnits):
    """What an avcC describes (ISO/IEC 14496-15, 5.3.3.1)."""

    delimiter = _START_CODE + b"\x09\xf0"  # any type of slice may follow
    delimiter_type = 9
    shift, mask = 0, 0x1F
    needed = frozenset({7, 8})

    def setup(self, private: bytes) -> tuple[int, list[bytes]]:
        sets, at = [], 5
        for mask in (0x1F, 0xFF):  # sequence parameter sets, then those of pictures
            count = private[at] & mask
            at += 1
            for _ in range(count):
                unit, at = _sized(private, at)
                sets.append(unit)
        return (private[4] & 3) + 1, sets


class _Hevc(_NalUnits):
    """What an hvcC describes (ISO/IEC 14496-15, 8.3.3.1)."""

    delimiter = _START_CODE + b"\x46\x01\x50"
    delimiter_type = 35
    shift, mask = 1, 0x3F
    needed = frozenset({32, 33, 34})

    def setup(self, private: bytes) -> tuple[int, list[bytes]]:
        sets, at = [], 23
        for _ in range(private[22]):
            (count,) = struct.unpack_from(">H", private, at + 1)
            at += 3
            for _ in range(count):
                unit, at = _sized(private, at)
                sets.append(unit)
        return (private[21] & 3) + 1, sets


def _sized(data: bytes, at: int) -> tuple[bytes, int]:
    """
    What follows its size in 16 bits, and where it ends.

    @raise struct.error: when it is cut short.
    """
    (size,) = struct.unpack_from(">H", data, at)
    return struct.unpack_from(f"{size}s", data, at + 2)[0], at + 2 + size


class _Adts:
    """Raw AAC, before each frame of which stands what it is (ISO/IEC 14496-3, 1.A.2.2)."""

    descriptors = b""

    def __init__(self, private: bytes) -> None:
        self._head, self._layout = _adts(private)

    def parts(self, packet: Packet) -> Sequence[bytes]:
        length = _ADTS_HEAD + len(self._layout) + len(packet.data)
        if length > _ADTS_LIMIT:
            return ()
        return (self._head | length << 13).to_bytes(_ADTS_HEAD, "big"), self._layout, packet.data


class _Bits:
    """
    Reads bit fields.

    @ivar at: how many bits have been read.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._size = 8 * len(data)
        self.at = 0

    def read(self, count: int) -> int:
        """
        The next bits as a number.

        @raise MpegTsError: when there are not so many.
        """
        self.at += count
        if self.at > self._size:
            raise MpegTsError("its AudioSpecificConfig is cut short")
        return self._value >> self._size - self.at & ((1 << count) - 1)


def _adts(private: bytes) -> tuple[int, bytes]:
    """
    What an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) is in ADTS: the header as a number,
    without the length of a frame, and what every frame has to begin with.

    Bandwidth replication and parametric stereo are not in it: a decoder finds them.

    @raise MpegTsError: when it cannot be said there, or not be read.
    """
    bits = _Bits(private)
    type_, rate = _object_type(bits), _rate(bits)
    channels = bits.read(4)
    if type_ in (_SBR, _PS):
        _rate(bits)
        type_ = _object_type(bits)
    if not 1 <= type_ <= 4:
        raise MpegTsError(f"ADTS has no place for the audio object type {type_}")
    if channels > 7:
        raise MpegTsError(f"ADTS has no place for the channel configuration {channels}")
    if bits.read(1):
        raise MpegTsError("ADTS has no place for frames of 960 samples")
    if bits.read(1):
        bits.read(14)
    bits.read(1)
    layout = b"" if channels else _program_config(bits)
    fixed = 0xFFF1 << 40  # syncword, MPEG-4, layer 0, no CRC
    fullness = 0x7FF << 2  # the bitrate is variable
    return fixed | type_ - 1 << 38 | rate << 34 | channels << 30 | fullness, layout


def _object_type(bits: _Bits) -> int:
    type_ = bits.read(5)
    return 32 + bits.read(6) if type_ == 31 else type_


def _rate(bits: _Bits) -> int:
    """
    The index of a sample rate.

    @raise MpegTsError: when it has none.
    """
    index = bits.read(4)
    if index == 15:
        rate = bits.read(24)
        if rate not in _SAMPLE_RATES:
            raise MpegTsError(f"ADTS has no place for {rate} samples a second")
        return _SAMPLE_RATES.index(rate)
    return index


def _program_config(bits: _Bits) -> bytes:
    """
    The channels, where no number stands for them, as an element that a frame can begin with.

    It fills whole bytes, so that what follows need not be shifted.

    @raise MpegTsError: when they cannot be read.
    """
    fields = [(0b101, 3)]  # ID_PCE

    def copy(count: int) -> int:
        value = bits.read(count)
        fields.append((value, count))
        return value

    copy(4 + 2 + 4)  # tag, object type, sample rate
    front, side, back = copy(4), copy(4), copy(4)
    effects, data, coupled = copy(2), copy(3), copy(4)
    for count in (4, 4, 3):  # of the mixdowns to mono, to stereo, of the matrix
        if copy(1):
            copy(count)
    for count, width in ((front + side + back, 5), (effects + data, 4), (coupled, 5)):
        for _ in range(count):
            copy(width)
    bits.read(-bits.at % 8)
    written = sum(width for _, width in fields)
    fields.append((0, -written % 8))
    for _ in range(copy(8)):  # a comment
        copy(8)
    value = size = 0
    for field, width in fields:
        value, size = value << width | field, size + width
    return value.to_bytes(size // 8, "big")


class _Opus:
    """Opus, before each packet of which stands its size (ETSI TS 103 491's control header)."""

    def __init__(self, private: bytes) -> None:
        self.descriptors = _descriptor(_EXTENSION, bytes((0x80, _opus_channels(private))))

    def parts(self, packet: Packet) -> Sequence[bytes]:
        whole, rest = divmod(len(packet.data), 255)
        return b"\x7f\xe0", b"\xff" * whole, bytes((rest,)), packet.data


def _opus_channels(private: bytes) -> int:
    """
    The channel configuration of an OpusHead (RFC 7845, 5.1).

    @raise MpegTsError: when there is none for it.
    """
    channels, family = (private[9], private[18]) if len(private) > 18 else (0, 0)
    if 1 <= channels <= (2, 8, 0)[min(family, 2)]:
        coupling, layout = _OPUS_LAYOUTS[channels - 1]
        if family == 0 or private[19 : 21 + channels] == bytes(coupling) + layout:
            return channels
    raise MpegTsError(f"its {channels} channels (family {family}) have no number")


class _Kind(NamedTuple):
    """How a codec lives in a transport stream."""

    stream_type: int
    """What the PMT calls it (ISO/IEC 13818-1, table 2-34; from 0x80 on ATSC's)."""

    stream_id: int
    framing: Callable[[bytes], Framing]
    """Made from the CodecPrivate."""

    name: bytes = b""
    """Under which it is registered, where the type alone does not say what it is."""


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "h264": _Kind(0x1B, _VIDEO_ID, _H264),
        "hevc": _Kind(0x24, _VIDEO_ID, _Hevc, b"HEVC"),
        "mpeg1video": _Kind(0x01, _VIDEO_ID, _Mpeg2),
        "mpeg2video": _Kind(0x02, _VIDEO_ID, _Mpeg2),
        "mpeg4": _Kind(0x10, _VIDEO_ID, _Mpeg4),
        "aac": _Kind(0x0F, _AUDIO_ID, _Adts),
        "mp2": _Kind(0x03, _AUDIO_ID, _AsIs),
        "mp3": _Kind(0x03, _AUDIO_ID, _AsIs),
        "ac3": _Kind(0x81, _PRIVATE_ID, _AsIs, b"AC-3"),
        "eac3": _Kind(0x87, _PRIVATE_ID, _AsIs, b"EAC3"),
        # 0x82, as libavformat has it, is a subtitle for VLC. DTS1: frames of 512 samples.
        "dts": _Kind(0x06, _PRIVATE_ID, _AsIs, b"DTS1"),
        "opus": _Kind(0x06, _PRIVATE_ID, _Opus, b"Opus"),
    }
)

CODECS = frozenset(_KINDS)
"""FFmpeg's names of the pictures and sounds that more than one player reads from there."""

_MPEG_SOUND, _MPEG_2_SOUND, _MPEG_RATE = 0x03, 0x04, 32000
"""Stream types of MP2 and MP3; those of fewer samples a second are MPEG-2's."""


def fits(track: Track, private: bytes) -> bool:
    """
    Whether a track can live in a transport stream.

    @param private: its CodecPrivate in Matroska; nothing where it has none.
    """
    if track.codec not in CODECS:
        return False
    try:
        _KINDS[track.codec].framing(private)
    except MpegTsError:
        return False
    return True


class MpegTs:
    """
    A stream in MPEG-TS: the packets of its tracks as transport packets.

    @ivar head: what a client gets first: nothing, since the tables come with each keyframe.
    @ivar start: the counters before the first fragment.
    """

    def __init__(self, header: Header, numbers: Collection[int] | None = None) -> None:
        """
        Make one.

        @param numbers: the tracks to send; without it all. Those that do not fit stay out.
        """
        self.head = b""
        privates = matroska.codec_privates(header.formats["matroska"])
        streams = [
            _Stream(track, private)
            for track in header.tracks
            if numbers is None or track.number in numbers
            if fits(track, private := privates.get(track.number, b""))
        ]
        while sum(len(stream.described) for stream in streams) > _DESCRIBED_LIMIT:
            streams.pop()
        self._clock = next((s for s in streams if s.is_video), streams[0] if streams else None)
        if self._clock is not None:
            self._clock.has_clock = True
        self._streams = {stream.number: (place, stream) for place, stream in enumerate(streams, 2)}
        self._pat = _pat()
        self._pmt = _pmt(streams, self._clock.pid if self._clock is not None else _NO_PID)
        self.start: Counters = (0,) * (2 + len(streams))

    def render(self, packets: Sequence[Packet], counters: Counters) -> bytes:
        """
        The packets' bytes; none where no packet is of a track that is sent.

        @param counters: those before the packets, as L{advance} makes them.
        """
        now = list(counters)
        out = []
        if self._announced(packets):
            out += _cut(_PAT_PID, self._pat, now[0])
            out += _cut(_PMT_PID, self._pmt, now[1])
        for packet in packets:
            if packet.track in self._streams:
                place, stream = self._streams[packet.track]
                data = stream.render(packet, now[place])
                now[place] = now[place] + len(data) // _SIZE & 15
                out.append(data)
        return b"".join(out)

    def advance(self, packets: Sequence[Packet], counters: Counters) -> Counters:
        """
        The counters after some packets, found without making their bytes.

        @param counters: those before them.
        """
        now = list(counters)
        if self._announced(packets):
            now[0] = now[0] + _count(len(self._pat)) & 15
            now[1] = now[1] + _count(len(self._pmt)) & 15
        for packet in packets:
            if packet.track in self._streams:
                place, stream = self._streams[packet.track]
                now[place] = now[place] + stream.count(packet) & 15
        return tuple(now)

    def _announced(self, packets: Sequence[Packet]) -> bool:
        """
        Whether the tables stand before a fragment: before each keyframe of the pictures that have
        the clock, and before whatever of that track lasts over a multiple of L{INTERVAL}. Of
        packets without gaps that is one for each, and it depends on nothing but the packet.
        """
        clock = self._clock
        for packet in packets:
            if clock is not None and packet.track == clock.number:
                end = packet.dts + (packet.duration or clock.step)
                if packet.dts // INTERVAL != end // INTERVAL or (clock.is_video and packet.key):
                    return True
        return False


class _Stream:
    """
    One track, on its PID.

    @ivar described: what the PMT says of it.
    @ivar step: how long a packet lasts which does not say so, in microseconds.
    @ivar has_clock: whether its packets tell the time (PCR).
    """

    def __init__(self, track: Track, private: bytes) -> None:
        kind = _KINDS[track.codec]
        self.number = track.number
        self.pid = _FIRST_PID + track.number
        self.is_video = track.type == "video"
        self.step = round(SECOND / track.frame_rate) if track.frame_rate else _STEP
        self.has_clock = False
        self._id = kind.stream_id
        self._framing = kind.framing(private)
        self._heads = [_head.pack(0x47, self.pid, _PAYLOAD | n) for n in range(16)]
        about = _about(track, kind.name, self._framing)
        head = _entry.pack(_stream_type(track, kind), 0xE000 | self.pid, 0xF000 | len(about))
        self.described = head + about

    def count(self, packet: Packet) -> int:
        """How many transport packets L{render} makes of one of ours."""
        parts = self._framing.parts(packet)
        if not parts:
            return 0
        field = _CLOCK_FIELD if self.has_clock else _KEY_FIELD * packet.key
        stamps = _STAMP * len(_times(packet))
        return _count(field + _pes_head.size + stamps + sum(map(len, parts)))

    def render(self, packet: Packet, counter: int) -> bytes:
        """One of our packets as a PES packet, in transport packets."""
        parts = self._framing.parts(packet)
        if not parts:
            return b""
        body = self._pes(parts, _times(packet))
        field = _field(packet, has_clock=self.has_clock)
        first = _ROOM - len(field)
        out = [_filled(_BEGINS | self.pid, counter, field, body[:first])]
        whole, rest = divmod(max(0, len(body) - first), _ROOM)
        if whole:
            end = first + whole * _ROOM
            middle = [b""] * (2 * whole)
            middle[::2] = (self._heads * (whole // 16 + 2))[counter + 1 : counter + 1 + whole]
            middle[1::2] = [piece for (piece,) in _piece.iter_unpack(body[first:end])]
            out += middle
        if rest:
            out.append(_filled(self.pid, counter + 1 + whole, b"", body[-rest:]))
        return b"".join(out)

    def _pes(self, parts: Sequence[bytes], times: Sequence[int]) -> bytes:
        """A PES packet (2.4.3.6)."""
        stamps = _STAMP * len(times)
        length = 3 + stamps + sum(map(len, parts))
        flags = _PTS_AND_DTS if len(times) > 1 else _ONLY_PTS
        head = _pes_head.pack(
            *(b"\0\0\1", self._id, length if length <= _PES_LIMIT else 0),
            *(_ALIGNED, flags, stamps),
        )
        # The bits before a stamp say which one it is: 2, or 3 and then 1.
        if len(times) > 1:
            return b"".join((head, _stamp(3, times[0]), _stamp(1, times[1]), *parts))
        return b"".join((head, _stamp(2, times[0]), *parts))


def _times(packet: Packet) -> tuple[int, ...]:
    """A packet's PTS, and its DTS where it is another; in ticks of 90 kHz."""
    # To the nearest; what is before the clock's beginning is there.
    decoded = max(0, (packet.dts + LEAD) * 9 + 50) // 100
    shown = max(decoded, ((packet.pts + LEAD) * 9 + 50) // 100)
    return (shown % _TICKS,) if shown == decoded else (shown % _TICKS, decoded % _TICKS)


def _stamp(mark: int, time: int) -> bytes:
    """A time stamp: 3, 15 and 15 bits, each followed by one that is set."""
    high, middle, low = time >> 30, time >> 15 & 0x7FFF, time & 0x7FFF
    value = mark << 36 | high << 33 | middle << 17 | low << 1 | 0x100010001
    return value.to_bytes(_STAMP, "big")


def _field(packet: Packet, *, has_clock: bool) -> bytes:
    """The adaptation field (2.4.3.4) with which a packet begins, if any."""
    flags = _RANDOM_ACCESS if packet.key else 0
    if not has_clock:
        return bytes((_KEY_FIELD - 1, flags)) if flags else b""
    base, extension = divmod(max(0, packet.dts) * 27, 300)  # 27 ticks a microsecond
    pcr = base % _TICKS << 15 | 0x7E00 | extension
    return bytes((_CLOCK_FIELD - 1, flags | _HAS_PCR)) + pcr.to_bytes(6, "big")


def _filled(place: int, counter: int, field: bytes, payload: bytes) -> bytes:
    """
    One transport packet, with an adaptation field as long as it takes to fill it.

    @param place: the PID, and whether something begins there.
    """
    spare = _ROOM - len(field) - len(payload)
    if spare:
        # The length, flags of which none is set, and then stuffing.
        field = field or b"\0\0"[:spare]
        missing = _ROOM - len(field) - len(payload)
        field = bytes((len(field) - 1 + missing,)) + field[1:] + b"\xff" * missing
    control = _PAYLOAD | (_ADAPTATION if field else 0) | counter & 15
    return _head.pack(0x47, place, control) + field + payload


def _count(size: int) -> int:
    """How many transport packets it takes."""
    return -(-size // _ROOM)


def _stream_type(track: Track, kind: _Kind) -> int:
    low = track.sample_rate is not None and track.sample_rate < _MPEG_RATE
    return _MPEG_2_SOUND if low and kind.stream_type == _MPEG_SOUND else kind.stream_type


def _about(track: Track, name: bytes, framing: Framing) -> bytes:
    """The descriptors of a track."""
    about = (_descriptor(_REGISTRATION, name) if name else b"") + framing.descriptors
    language = track.language or ""
    if track.type == "audio" and re.fullmatch("[a-z]{3}", language):  # ISO 639-2
        about += _descriptor(_LANGUAGE, language.encode() + b"\0")
    return about


def _descriptor(tag: int, data: bytes) -> bytes:
    return bytes((tag, len(data))) + data


def _pat() -> bytes:
    """The program association (2.4.4.3), with a pointer to its beginning."""
    return _section(0, struct.pack(">HH", _PROGRAM, 0xE000 | _PMT_PID))


def _pmt(streams: "Sequence[_Stream]", clock: int) -> bytes:
    """
    The program map (2.4.4.8), with a pointer to its beginning.

    @param clock: the PID that has the time.
    """
    head = struct.pack(">HH", 0xE000 | clock, 0xF000)
    return _section(2, head + b"".join(stream.described for stream in streams))


def _section(table: int, data: bytes) -> bytes:
    """The one section of a table (2.4.4.10): version 0, valid at once."""
    length = len(data) + 5 + 4
    section = struct.pack(">BHHBBB", table, 0xB000 | length, _PROGRAM, 0xC1, 0, 0) + data
    return b"\0" + section + crc(section).to_bytes(4, "big")


def crc(data: bytes) -> int:
    """MPEG's CRC (annex A): that of Ethernet, but with the highest bit first and not inverted."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ (_CRC_POLYNOMIAL if value >> 31 else 0)
            value &= 0xFFFFFFFF
    return value


def _cut(pid: int, table: bytes, counter: int) -> list[bytes]:
    """A table in transport packets, the last of which is filled up as tables are."""
    return [
        _head.pack(0x47, pid | (0 if at else _BEGINS), _PAYLOAD | counter + n & 15)
        + table[at : at + _ROOM].ljust(_ROOM, b"\xff")
        for n, at in enumerate(range(0, len(table), _ROOM))
    ]
