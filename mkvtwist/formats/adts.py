"""
AAC with ADTS headers (I{pure}, ISO/IEC 14496-3, 1.A.2.2), from the setup that raw AAC has.
"""

from collections.abc import Sequence

from mkvtwist.formats.base import NoPlace
from mkvtwist.media.bits import Bits, Damaged
from mkvtwist.media.latm import object_type

ADTS_LIMIT = (1 << 13) - 1
"""Bytes of a frame that the length in an ADTS header can say, itself included."""

ADTS_HEAD = 7
"""Bytes of an ADTS header without CRC."""

SAMPLE_RATES = (
    *(96000, 88200, 64000, 48000, 44100, 32000, 24000),
    *(22050, 16000, 12000, 11025, 8000, 7350),
)
"""The rates that ADTS knows, by their index (ISO/IEC 14496-3, table 1.18)."""

_SBR, _PS = 5, 29
"""Audio object types that name a layer on top of the one that the frames begin with."""


def adts(private: bytes) -> tuple[int, bytes]:
    """
    Return an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) in the form of ADTS.

    Bandwidth replication and parametric stereo are not in it: a decoder finds them.

    @return: the header as a number, without the length of a frame, and the bytes that every frame
        has to begin with.
    @raise NoPlace: when ADTS cannot say it, or it cannot be read.
    """
    try:
        return _described(Bits(private))
    except Damaged as error:
        raise NoPlace("its AudioSpecificConfig is cut short") from error


class AdtsFraming:
    """An ADTS header before each frame of raw AAC."""

    def __init__(self, private: bytes) -> None:
        """
        @param private: the AudioSpecificConfig.
        @raise NoPlace: when ADTS has no form for it.
        """
        self._head, self._layout = adts(private)

    def parts(self, data: bytes) -> Sequence[bytes]:
        """Return a frame in parts that follow each other; none if it is too long for ADTS."""
        length = ADTS_HEAD + len(self._layout) + len(data)
        if length > ADTS_LIMIT:
            return ()
        return (self._head | length << 13).to_bytes(ADTS_HEAD, "big"), self._layout, data


def _described(bits: Bits) -> tuple[int, bytes]:
    type_, rate = object_type(bits), _rate(bits)
    channels = bits.read(4)
    if type_ in (_SBR, _PS):
        _rate(bits)
        type_ = object_type(bits)
    if not 1 <= type_ <= 4:
        raise NoPlace(f"ADTS has no place for the audio object type {type_}")
    if channels > 7:
        raise NoPlace(f"ADTS has no place for the channel configuration {channels}")
    if bits.read(1):
        raise NoPlace("ADTS has no place for frames of 960 samples")
    if bits.read(1):
        bits.read(14)
    bits.read(1)
    layout = b"" if channels else _program_config(bits)
    fixed = 0xFFF1 << 40  # syncword, MPEG-4, layer 0, no CRC
    fullness = 0x7FF << 2  # the bitrate is variable
    return fixed | type_ - 1 << 38 | rate << 34 | channels << 30 | fullness, layout


def _rate(bits: Bits) -> int:
    """
    Return the index of a sample rate.

    @raise NoPlace: when it has none.
    """
    index = bits.read(4)
    if index == 15:
        rate = bits.read(24)
        if rate not in SAMPLE_RATES:
            raise NoPlace(f"ADTS has no place for {rate} samples a second")
        return SAMPLE_RATES.index(rate)
    if index >= len(SAMPLE_RATES):
        raise NoPlace("invalid sample-rate index")
    return index


def _program_config(bits: Bits) -> bytes:
    """
    Return the channels of a setup that has no number for them, as an element before each frame.

    The element fills whole bytes, so that what follows need not be shifted.

    @raise Damaged: when they cannot be read.
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
