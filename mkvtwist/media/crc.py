"""
The cyclic redundancy checks of MPEG, Ogg and FLAC, with the highest bit first (I{pure}).
"""

import zlib
from collections.abc import Iterable


def _remainder(value: int) -> int:
    """Return a byte's remainder by the polynomial of FLAC's heads."""
    for _ in range(8):
        value = value << 1 ^ (0x107 if value & 0x80 else 0)
    return value


_CRC8 = bytes(map(_remainder, range(256)))

_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
"""Each byte with its lowest bit first."""


def crc8(data: Iterable[int]) -> int:
    """Return the checksum of a FLAC frame's head (RFC 9639, 9.1.8)."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def crc32(data: bytes, start: int) -> int:
    """
    Return the CRC with Ethernet's polynomial, highest bit first and not inverted.

    zlib computes the one with the lowest bit first and inverted, in C; so bits are reversed and
    inverted on the way there and back.

    @param start: the value before the first byte: 0 in Ogg, all ones in MPEG's tables.
    """
    before = _bits_reversed(start) ^ 0xFFFFFFFF
    return _bits_reversed(zlib.crc32(data.translate(_REVERSED), before) ^ 0xFFFFFFFF)


def _bits_reversed(value: int) -> int:
    """Return 32 bits in the opposite order."""
    return int.from_bytes(value.to_bytes(4, "little").translate(_REVERSED), "big")
