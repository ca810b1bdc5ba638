"""
Payloads in the form of transport streams, made from those of Matroska and MP4 (I{pure}).
"""

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from mkvtwist.formats.adts import AdtsFraming
from mkvtwist.formats.base import NoPlace, fits_if
from mkvtwist.formats.mpegts.tables import EXTENSION, LANGUAGE, REGISTRATION, descriptor
from mkvtwist.media.packet import Packet, Track

_START_CODE = b"\0\0\0\1"

_VIDEO_ID, _AUDIO_ID, _PRIVATE_ID = 0xE0, 0xC0, 0xBD
"""Stream IDs in PES headers (table 2-22): MPEG's pictures, MPEG's sounds, other codecs."""

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


class Framing(Protocol):
    """The payloads of one track in a transport stream."""

    descriptors: bytes
    """Descriptors of the track in the PMT."""

    def parts(self, packet: Packet, /) -> Sequence[bytes]:
        """Return a payload in parts that follow each other; none if it cannot be sent."""


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
    """The start code by which a keyframe shows that it brings its setup."""

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
    Length-prefixed NAL units, whose lengths are replaced by start codes (Annex B).

    An access unit begins with a delimiter, as ISO/IEC 13818-1 asks for, and a keyframe has all
    parameter sets.
    """

    descriptors = b""
    delimiter: bytes
    delimiter_type: int
    shift: int
    """Bits to the right of the type in a unit's first byte."""

    mask: int
    """The type's bits."""

    needed: frozenset[int]
    """The types of parameter sets without which there is no picture."""

    def __init__(self, private: bytes) -> None:
        if private[:1] != b"\1":
            raise NoPlace("its setup is of another version")
        try:
            self._length, sets = self.setup(private)
        except (IndexError, struct.error) as error:
            raise NoPlace("its parameter sets cannot be read") from error
        self._sets = b"".join(_START_CODE + unit for unit in sets)

    def setup(self, private: bytes) -> tuple[int, list[bytes]]:
        """
        Return how many bytes a length has, and the parameter sets.

        @raise IndexError: when it is cut short.
        @raise struct.error: when it is cut short within a number.
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
    """H.264, described by an avcC (ISO/IEC 14496-15, 5.3.3.1)."""

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
    """HEVC, described by an hvcC (ISO/IEC 14496-15, 8.3.3.1)."""

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
    Return bytes that stand behind their size in 16 bits, and where they end.

    @raise struct.error: when it is cut short.
    """
    (size,) = struct.unpack_from(">H", data, at)
    return struct.unpack_from(f"{size}s", data, at + 2)[0], at + 2 + size


class _Adts:
    """Raw AAC, with an ADTS header before each frame (ISO/IEC 14496-3, 1.A.2.2)."""

    descriptors = b""

    def __init__(self, private: bytes) -> None:
        self._framing = AdtsFraming(private)

    def parts(self, packet: Packet) -> Sequence[bytes]:
        return self._framing.parts(packet.data)


class _Opus:
    """Opus, with a control header before each packet, which has its size (ETSI TS 103 491)."""

    def __init__(self, private: bytes) -> None:
        self.descriptors = descriptor(EXTENSION, bytes((0x80, _opus_channels(private))))

    def parts(self, packet: Packet) -> Sequence[bytes]:
        whole, rest = divmod(len(packet.data), 255)
        return b"\x7f\xe0", b"\xff" * whole, bytes((rest,)), packet.data


def _opus_channels(private: bytes) -> int:
    """
    Return the channel configuration of an OpusHead (RFC 7845, 5.1).

    @raise NoPlace: when there is none for it.
    """
    channels, family = (private[9], private[18]) if len(private) > 18 else (0, 0)
    if 1 <= channels <= (2, 8, 0)[min(family, 2)]:
        coupling, layout = _OPUS_LAYOUTS[channels - 1]
        if family == 0 or private[19 : 21 + channels] == bytes(coupling) + layout:
            return channels
    raise NoPlace(f"its {channels} channels (family {family}) have no number")


class Carriage(NamedTuple):
    """The carriage of a codec in a transport stream."""

    stream_type: int
    """The codec's type in the PMT (ISO/IEC 13818-1, table 2-34; from 0x80 on ATSC's)."""

    stream_id: int
    framing: Callable[[bytes], Framing]
    """Made from the CodecPrivate."""

    name: bytes = b""
    """The name in a registration descriptor, if the type alone does not tell the codec."""


CARRIAGE: Mapping[str, Carriage] = MappingProxyType(
    {
        "h264": Carriage(0x1B, _VIDEO_ID, _H264),
        "hevc": Carriage(0x24, _VIDEO_ID, _Hevc, b"HEVC"),
        "mpeg1video": Carriage(0x01, _VIDEO_ID, _Mpeg2),
        "mpeg2video": Carriage(0x02, _VIDEO_ID, _Mpeg2),
        "mpeg4": Carriage(0x10, _VIDEO_ID, _Mpeg4),
        "aac": Carriage(0x0F, _AUDIO_ID, _Adts),
        "mp2": Carriage(0x03, _AUDIO_ID, _AsIs),
        "mp3": Carriage(0x03, _AUDIO_ID, _AsIs),
        "ac3": Carriage(0x81, _PRIVATE_ID, _AsIs, b"AC-3"),
        "eac3": Carriage(0x87, _PRIVATE_ID, _AsIs, b"EAC3"),
        # 0x82, as libavformat has it, is a subtitle for VLC. DTS1: frames of 512 samples.
        "dts": Carriage(0x06, _PRIVATE_ID, _AsIs, b"DTS1"),
        "opus": Carriage(0x06, _PRIVATE_ID, _Opus, b"Opus"),
    }
)
"""By FFmpeg's name of the codec."""

CODECS = frozenset(CARRIAGE)
"""FFmpeg's names of the pictures and sounds that more than one player reads from there."""

_MPEG_SOUND, _MPEG_2_SOUND, _MPEG_RATE = 0x03, 0x04, 32000
"""Stream types of MP2 and MP3; those of fewer samples a second are MPEG-2's."""


def framing_of(track: Track) -> Framing:
    """
    Return the framing of a track's payloads.

    @raise NoPlace: when it has no place in a transport stream.
    """
    if track.codec not in CARRIAGE:
        raise NoPlace(f"{track.codec} has no place in MPEG-TS")
    return CARRIAGE[track.codec].framing(track.codec_private)


fits = fits_if(framing_of)
"""Whether a track can live in a transport stream."""


def stream_type(track: Track) -> int:
    """Return the type of a track's codec in a PMT."""
    type_ = CARRIAGE[track.codec].stream_type
    low = track.sample_rate is not None and track.sample_rate < _MPEG_RATE
    return _MPEG_2_SOUND if low and type_ == _MPEG_SOUND else type_


def descriptors(track: Track, framing: Framing) -> bytes:
    """Return the descriptors of a track in a PMT."""
    name = CARRIAGE[track.codec].name
    about = (descriptor(REGISTRATION, name) if name else b"") + framing.descriptors
    language = track.language or ""
    if track.type == "audio" and re.fullmatch("[a-z]{3}", language):  # ISO 639-2
        about += descriptor(LANGUAGE, language.encode() + b"\0")
    return about
