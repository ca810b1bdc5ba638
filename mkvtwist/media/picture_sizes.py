"""
The size of pictures, read from the heads of keyframes (I{pure}).

Some encoders change the size in the middle: browsers that record a tab, cameras, WebRTC. The
container then still states the old size. (H.264, HEVC and MPEG-1/2/4 state it in parameter sets:
see the adapters.)
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mkvtwist.media.bits import Bits, Damaged
from mkvtwist.media.stored_payload import obus

LOOKED_AT = 1 << 16
"""Bytes of a packet in which the size is looked for: a JPEG may have a segment of 64 KiB first."""

Described = tuple[int, ...]
"""
Width and height in pixels, then other values that need another header: the depth, the profile.
"""


def described(codec: str, data: bytes) -> Described | None:
    """
    Read the head of a keyframe.

    @param codec: FFmpeg's name.
    @param data: the packet, or its first L{LOOKED_AT} bytes.
    @return: L{None} if it says nothing, or nothing is known of that codec.
    """
    read = _READERS.get(codec)
    try:
        found = read(data) if read is not None else None
    except (Damaged, IndexError):
        return None
    return found if found and found[0] and found[1] else None


def _vp8(data: bytes) -> Described | None:
    """Read the head of a VP8 keyframe (RFC 6386, 9.1)."""
    if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    return width & 0x3FFF, height & 0x3FFF


def _vp9(data: bytes) -> Described | None:
    """Read the uncompressed_header of VP9 (VP9 bitstream specification, 6.2)."""
    bits = Bits(data[:16])
    if bits.read(2) != 2:
        return None
    profile = bits.read(1) | bits.read(1) << 1
    if profile == 3:
        bits.read(1)
    if bits.read(1) or bits.read(1):  # shows an earlier frame; is no keyframe
        return None
    bits.read(2)
    if bits.read(24) != 0x498342:
        return None
    depth = (12 if bits.read(1) else 10) if profile >= 2 else 8
    if bits.read(3) != 7:
        bits.read(1)
        if profile & 1:
            bits.read(3)
    elif profile & 1:
        bits.read(1)
    return bits.read(16) + 1, bits.read(16) + 1, profile, depth


_SEQUENCE_HEADER = 1


def _av1(data: bytes) -> Described | None:
    """Read the sequence header of AV1 (AV1 bitstream specification, 5.5)."""
    for type_, unit in obus(data):
        if type_ == _SEQUENCE_HEADER:
            return _sequence(Bits(_obu_payload(unit)))
    return None


def _obu_payload(unit: bytes) -> bytes:
    start = 1 + (unit[0] >> 2 & 1)
    if unit[0] & 2:
        while unit[start] & 0x80:
            start += 1
        start += 1
    return unit[start : start + 256]


def _sequence(bits: Bits) -> Described:
    profile = bits.read(3)
    bits.read(1)
    if bits.read(1):  # reduced_still_picture_header
        bits.read(5)
    else:
        delay = 0
        if bits.read(1):  # timing_info
            bits.read(64)
            if bits.read(1):
                bits.unsigned()
            if bits.read(1):  # decoder_model_info
                delay = bits.read(5) + 1
                bits.read(32 + 5 + 5)
        displayed = bits.read(1)
        for _ in range(bits.read(5) + 1):  # the operating points
            bits.read(12)
            if bits.read(5) > 7:
                bits.read(1)
            if delay and bits.read(1):
                bits.read(2 * delay + 1)
            if displayed and bits.read(1):
                bits.read(4)
    width, height = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width) + 1, bits.read(height) + 1, profile


_NO_FRAMES = frozenset({0xC4, 0xC8, 0xCC})
"""Markers among those of JPEG's frames that begin none: tables, and one that is reserved."""


def _mjpeg(data: bytes) -> Described | None:
    """Read the frame header of JPEG (ITU-T T.81, B.2.2)."""
    at = 2
    if data[:2] != b"\xff\xd8":
        return None
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


_READERS: Mapping[str, Callable[[bytes], Described | None]] = MappingProxyType(
    {"av1": _av1, "mjpeg": _mjpeg, "vp8": _vp8, "vp9": _vp9}
)
