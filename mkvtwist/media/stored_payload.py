"""
Payloads in the form of Matroska and MP4, made from payloads of transport formats (I{pure}).
"""

from collections.abc import Iterable, Iterator

_START_CODE = b"\0\0\1"


def nal_units(data: bytes) -> list[bytes]:
    """Return the NAL units of a byte stream (H.264 and H.265, annex B), without start codes."""
    # Emulation prevention keeps a start code out of a unit, and none ends with a zero byte; what
    # precedes the first start code is no unit.
    return [unit for piece in data.split(_START_CODE)[1:] if (unit := piece.rstrip(b"\0"))]


def length_prefixed(units: Iterable[bytes]) -> bytes:
    """Return NAL units with a length of 4 bytes before each (ISO/IEC 14496-15, 4.3.2)."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def prefixed_units(data: bytes, width: int) -> list[bytes]:
    """
    Return NAL units that have their lengths before them (ISO/IEC 14496-15, 4.3.2).

    @param width: bytes of a length. A unit that is cut short ends the data.
    """
    units = []
    at = 0
    while at + width < len(data):
        start = at + width
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data):
            break
        units.append(data[start:at])
    return units


_H264_SETS, _H264_SPS = frozenset({7, 8, 13}), 7
_HEVC_SETS, _HEVC_SPS = frozenset({32, 33, 34}), 33


def parameter_sets(codec: str, units: Iterable[bytes]) -> bytes:
    """
    Return the parameter sets among some NAL units, with start codes.

    @param codec: C{h264} or C{hevc}.
    @return: no bytes if the parameter set with the size of the pictures is missing.
    """
    kinds, wanted = (_H264_SETS, _H264_SPS) if codec == "h264" else (_HEVC_SETS, _HEVC_SPS)
    found = [
        (kind, unit)
        for unit in units
        if unit and (kind := unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63) in kinds
    ]
    if not any(kind == wanted for kind, _ in found):
        return b""
    return b"".join(_START_CODE + unit for _, unit in found)


def is_annex_b(data: bytes) -> bool:
    """Return whether extradata, or a packet, is an Annex B byte stream."""
    return data.startswith((b"\0\0\1", b"\0\0\0\1"))


_OBU_DROPPED = frozenset({2, 7, 8, 15})
"""Temporal delimiter, redundant frame header, tile list, padding: AV1 in Matroska, section 3."""


def obus(data: bytes) -> Iterator[tuple[int, bytes]]:
    """
    Yield the open bitstream units of AV1 (AV1 specification, 5.3), each with its type.

    A unit that is cut short ends the data.
    """
    at = 0
    while at < len(data):
        head = data[at]
        start = at + 1 + (head >> 2 & 1)
        if head & 2:
            size = _leb128(data[start : start + 8])
            if size is None:
                return
            length, value = size
            end = start + length + value
        else:
            end = len(data)
        if end > len(data):
            return
        yield head >> 3 & 15, data[at:end]
        at = end


def _leb128(data: bytes) -> tuple[int, int] | None:
    """Return how many bytes a number takes, and the number; L{None} when it does not end."""
    value = 0
    for length, byte in enumerate(data, 1):
        value |= (byte & 0x7F) << 7 * (length - 1)
        if byte < 0x80:
            return length, value
    return None


def without_delimiters(data: bytes) -> bytes:
    """Return an AV1 temporal unit without the units that Matroska and MP4 leave out."""
    units = list(obus(data))
    kept = [unit for type_, unit in units if type_ not in _OBU_DROPPED]
    return data if len(kept) == len(units) else b"".join(kept)


def is_b_vop(data: bytes) -> bool:
    """Return whether an MPEG-4 picture is a B-frame (ISO/IEC 14496-2, 6.2.5, vop_coding_type)."""
    at = data.find(b"\0\0\1\xb6")
    return 0 <= at < len(data) - 4 and data[at + 4] >> 6 == 2


def without_prores_head(data: bytes) -> bytes:
    """Return a ProRes frame without the size and C{icpf} of its atom, as Matroska stores it."""
    return data[8:] if data[4:8] == b"icpf" else data


_XIPH_COMMENTS = {"theora": b"\x81theora" + bytes(8), "vorbis": b"\x03vorbis" + bytes(8) + b"\1"}
"""Empty headers for tags, by codec."""


def without_song(codec: str, setup: bytes) -> bytes:
    """
    Return a setup out of Ogg without the facts of one song: tags, length, checksum.

    Songs that need the same decoder have the same setup then.
    """
    if codec == "flac" and len(setup) == 34:  # STREAMINFO (RFC 9639, 8.2)
        return setup[:4] + bytes(6) + setup[10:13] + bytes((setup[13] & 0xF0,)) + bytes(20)
    if codec not in _XIPH_COMMENTS or setup[:1] != b"\2":
        return setup
    at = 1
    sizes: list[int] = []
    while len(sizes) < 2 and at < len(setup):  # Xiph lacing, as in Matroska's CodecPrivate
        size = 0
        while at < len(setup) and setup[at] == 255:
            size, at = size + 255, at + 1
        if at == len(setup):
            return setup
        sizes.append(size + setup[at])
        at += 1
    first, books = setup[at : at + sizes[0]], setup[at + sum(sizes) :]
    comments = _XIPH_COMMENTS[codec]
    if not books or len(first) > 254:
        return setup
    return bytes((2, len(first), len(comments))) + first + comments + books


_WAVPACK_INITIAL, _WAVPACK_FINAL = 0x800, 0x1000


def without_wavpack_heads(data: bytes) -> bytes:
    """
    Return WavPack blocks with the short heads of Matroska's A_WAVPACK4.

    Samples, then for each block flags, CRC and, where there are several, its size.
    """
    out = [data[20:24]]
    at = 0
    while at + 32 <= len(data) and data[at : at + 4] == b"wvpk":
        size = int.from_bytes(data[at + 4 : at + 8], "little") - 24
        flags = int.from_bytes(data[at + 24 : at + 28], "little")
        if not 0 <= size <= len(data) - at - 32:
            break
        out.append(data[at + 24 : at + 32])
        if not (flags & _WAVPACK_INITIAL and flags & _WAVPACK_FINAL):
            out.append(size.to_bytes(4, "little"))
        out.append(data[at + 32 : at + 32 + size])
        at += 32 + size
    return b"".join(out)
