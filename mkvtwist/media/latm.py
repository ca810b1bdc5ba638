"""
AAC out of LOAS/LATM, ISO/IEC 14496-3, 1.7 (I{pure}).

Broadcasters send AAC as an AudioSyncStream: a sync word of 11 bits, a length, and an
AudioMuxElement, whose StreamMuxConfig holds the AudioSpecificConfig that Matroska and MP4 want in
the header. This module reads one program and one layer, as DVB prescribes (ETSI TS 101 154), with
any number of sub-frames.
"""

from collections.abc import Iterator

from mkvtwist.media.bits import Bits, Damaged


class LatmStream:
    """The unwrapping of one stream; it keeps the configuration, which few elements repeat."""

    def __init__(self) -> None:
        self._config = b""
        self._sub_frames = 1
        self._length_type = 0
        self._fixed_length = 0

    def access_units(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """
        Yield the raw AAC frames in AudioSyncStream elements, each with its AudioSpecificConfig.

        Damaged data is skipped up to the next sync word.
        """
        at = 0
        while at + 3 <= len(data):
            size = (data[at + 1] & 0x1F) << 8 | data[at + 2]
            is_sync = data[at] == 0x56 and data[at + 1] & 0xE0 == 0xE0
            if not is_sync or at + 3 + size > len(data):
                at += 1
                continue
            try:
                units = self._mux_element(Bits(data[at + 3 : at + 3 + size]))
            except Damaged:
                at += 1
                continue
            for unit in units:
                yield self._config, unit
            at += 3 + size

    def _mux_element(self, bits: Bits) -> list[bytes]:
        if not bits.read(1):
            self._mux_config(bits)
        if not self._config:
            return []
        units = []
        for _ in range(self._sub_frames):
            if self._length_type == 0:
                length = 0
                while (part := bits.read(8)) == 255:
                    length += 255
                length += part
            else:
                length = self._fixed_length
            units.append(bits.data(length))
        return [unit for unit in units if unit]

    def _mux_config(self, bits: Bits) -> None:
        version = bits.read(1)
        if version and bits.read(1):
            raise Damaged("audioMuxVersionA 1 is not defined")
        if version:
            _value(bits)  # taraBufferFullness
        bits.read(1)  # allStreamsSameTimeFraming
        sub_frames = bits.read(6) + 1
        if bits.read(4) or bits.read(3):
            raise Damaged("several programs or layers")
        config = _stated_config(bits) if version else _walked_config(bits)
        length_type = bits.read(3)
        fixed = 0
        if length_type == 0:
            bits.read(8)  # latmBufferFullness
        elif length_type == 1:
            fixed = bits.read(9) + 20
        else:
            raise Damaged("a frame length that AAC does not use")
        if bits.read(1):  # otherDataPresent
            _skip_other_data(bits, version)
        if bits.read(1):
            bits.read(8)  # crcCheckSum
        self._config, self._sub_frames = config, sub_frames
        self._length_type, self._fixed_length = length_type, fixed


def _stated_config(bits: Bits) -> bytes:
    """Return an AudioSpecificConfig whose length is given, with all that may follow in it."""
    length = _value(bits)
    start = bits.at
    _specific_config(bits)
    rest = length - (bits.at - start)
    if rest < 0:
        raise Damaged("an AudioSpecificConfig longer than stated")
    bits.read(rest)
    return bits.between(start, bits.at)


def _walked_config(bits: Bits) -> bytes:
    """Return an AudioSpecificConfig whose length shows only when it is read."""
    start = bits.at
    _specific_config(bits)
    return bits.between(start, bits.at)


def _skip_other_data(bits: Bits, version: int) -> None:
    """Skip the length of the data behind the payload."""
    if version:
        _value(bits)
    else:
        while bits.read(1):
            bits.read(8)
        bits.read(8)


def _value(bits: Bits) -> int:
    """Return the number that LatmGetValue() reads."""
    return bits.read(8 * (bits.read(2) + 1))


_OBJECT_TYPES = frozenset({1, 2, 3, 4})
"""Main, LC, SSR, LTP: what DVB has, and its like. The others have more to say in the end."""


def object_type(bits: Bits) -> int:
    """Return the audio object type that GetAudioObjectType() reads (1.6.2.1)."""
    type_ = bits.read(5)
    return 32 + bits.read(6) if type_ == 31 else type_


def _frequency(bits: Bits) -> None:
    if bits.read(4) == 15:
        bits.read(24)


def _specific_config(bits: Bits) -> None:
    """Skip an AudioSpecificConfig (1.6.2.1) with a GASpecificConfig (4.4.1)."""
    start = bits.at
    type_ = object_type(bits)
    _frequency(bits)
    channels = bits.read(4)
    if type_ in (5, 29):  # SBR, PS: the core's type follows
        _frequency(bits)
        type_ = object_type(bits)
    if type_ not in _OBJECT_TYPES:
        raise Damaged(f"audio object type {type_}")
    bits.read(1)  # frameLengthFlag
    if bits.read(1):
        bits.read(14)  # coreCoderDelay
    extension = bits.read(1)
    if channels == 0:
        _program_config(bits, start)
    if extension:
        bits.read(1)  # extensionFlag3


def _program_config(bits: Bits, start: int) -> None:
    """Skip program_config_element() (4.4.1.1), aligned to where the configuration started."""
    bits.read(10)
    front, side, back = bits.read(4), bits.read(4), bits.read(4)
    lfe, assoc, cc = bits.read(2), bits.read(3), bits.read(4)
    for width in (4, 4, 3):  # mono, stereo and matrix mixdown
        if bits.read(1):
            bits.read(width)
    bits.read(5 * (front + side + back) + 4 * (lfe + assoc) + 5 * cc)
    bits.read((start - bits.at) % 8)
    bits.read(8 * bits.read(8))
