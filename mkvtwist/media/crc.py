"""
The cyclic redundancy checks of MPEG, Ogg and FLAC, with the highest bit first (I{pure}).
"""

from collections.abc import Iterable


def _table(width: int, polynomial: int) -> tuple[int, ...]:
    """
    Return the remainder of each byte.

    @param polynomial: with its highest term, which is one bit beyond the width.
    """
    remainders = []
    for value in range(256):
        crc = value << width - 8
        for _ in range(8):
            crc <<= 1
            if crc >> width:
                crc ^= polynomial
        remainders.append(crc)
    return tuple(remainders)


_CRC8 = bytes(_table(8, 0x107))
_CRC32 = _table(32, 0x104C11DB7)


def crc8(data: Iterable[int]) -> int:
    """Return the checksum of a FLAC frame's head (RFC 9639, 9.1.8)."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def crc32(data: Iterable[int], start: int) -> int:
    """
    Return the CRC with Ethernet's polynomial, highest bit first and not inverted.

    @param start: the value before the first byte: 0 in Ogg, all ones in MPEG's tables.
    """
    crc = start
    for byte in data:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC32[crc >> 24 ^ byte]
    return crc
