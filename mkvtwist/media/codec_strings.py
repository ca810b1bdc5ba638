"""
Codecs as MIME types name them: C{avc1.64001f}, C{mp4a.40.2} (I{pure}, RFC 6381).

A string is made from what the decoder gets as its setup in Matroska and MP4 alike: avcC, hvcC,
av1C, AudioSpecificConfig.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple


def codec_string(codec: str, setup: bytes) -> str | None:
    """
    Return the name of a codec with its profile and level; L{None} if it has none.

    @param codec: FFmpeg's name.
    @param setup: the decoder's, as CodecPrivate has it.
    """
    name = _PLAIN.get(codec)
    if name is not None:
        return name
    from_setup = _FROM_SETUP.get(codec)
    return from_setup(setup) if from_setup is not None else None


_DOLBY_VISION: Mapping[str, str] = MappingProxyType({"av1": "dav1", "h264": "dva1", "hevc": "dvh1"})
"""Names of sample entries that only Dolby Vision decoders can show, by codec."""

_COMPATIBLE: Mapping[int, str] = MappingProxyType({1: "db1p", 2: "db2g", 4: "db4h"})
"""The brands of the part that other decoders can show, by its compatibility ID: HDR10, SDR, HLG."""


class DolbyVision(NamedTuple):
    """The content of a Dolby Vision configuration record (dvcC, dvvC)."""

    codec: str
    """C{dvh1.08.06}"""

    brand: str | None
    """The brand of the part that other decoders can show."""

    is_alone: bool
    """Whether other decoders show nothing that is right."""

    @property
    def tag(self) -> str:
        """The name of its sample entry if only Dolby Vision decoders show it."""
        return self.codec[:4]


def dolby_vision(codec: str, record: bytes) -> DolbyVision | None:
    """
    Read a Dolby Vision configuration record.

    Its layout: Dolby Vision streams within the ISO base media file format, 3.2.

    @param codec: FFmpeg's name.
    @return: L{None} if it makes no sense.
    """
    if codec not in _DOLBY_VISION or len(record) < 5:
        return None
    profile, level = record[2] >> 1, (record[2] & 1) << 5 | record[3] >> 3
    compatibility = record[4] >> 4
    name = f"{_DOLBY_VISION[codec]}.{profile:02}.{level:02}"
    return DolbyVision(name, _COMPATIBLE.get(compatibility), compatibility == 0)


def content_type(kind: str, codecs: Iterable[str | None]) -> str:
    """
    Return a MIME type with its codecs, if all of them have names.

    @param kind: C{video/x-matroska}.
    """
    names = list(codecs)
    known = [name for name in names if name is not None]
    if not known or len(known) < len(names):
        return kind
    return f'{kind}; codecs="{", ".join(known)}"'


def _avc(setup: bytes) -> str | None:
    """avcC: version, profile, compatibility, level (ISO/IEC 14496-15, 5.3.3.1)."""
    return f"avc1.{setup[1:4].hex()}" if len(setup) >= 4 and setup[0] == 1 else None


def _hevc(setup: bytes) -> str | None:
    """hvcC: profile, its compatibility, tier and level, constraints (ISO/IEC 14496-15, annex E)."""
    if len(setup) < 13 or setup[0] != 1:
        return None
    space, tier, profile = setup[1] >> 6, setup[1] >> 5 & 1, setup[1] & 0x1F
    compatible = int(f"{int.from_bytes(setup[2:6], 'big'):032b}"[::-1], 2)
    constraints = setup[6:12].rstrip(b"\0")
    parts = [
        f"hvc1.{'ABC'[space - 1] if space else ''}{profile}",
        f"{compatible:x}",
        f"{'LH'[tier]}{setup[12]}",
        *(f"{byte:x}" for byte in constraints),
    ]
    return ".".join(parts)


def _av1(setup: bytes) -> str | None:
    """av1C: profile and level, then tier and bit depth (AV1 in ISO-BMFF, sections 2.3 and 5)."""
    if len(setup) < 3 or setup[0] != 0x81:
        return None
    profile, level = setup[1] >> 5, setup[1] & 0x1F
    tier, high, twelve = setup[2] >> 7, setup[2] >> 6 & 1, setup[2] >> 5 & 1
    depth = (12 if twelve else 10) if high else 8
    return f"av01.{profile}.{level:02}{'MH'[tier]}.{depth:02}"


def _aac(setup: bytes) -> str | None:
    """AudioSpecificConfig: the audio object type (ISO/IEC 14496-3, 1.6.2.1)."""
    if not setup:
        return None
    type_ = setup[0] >> 3
    if type_ == 31 and len(setup) > 1:
        type_ = 32 + ((setup[0] & 7) << 3 | setup[1] >> 5)
    return f"mp4a.40.{type_}"


def _mpeg4(setup: bytes) -> str | None:
    """The profile and level in the visual object sequence (ISO/IEC 14496-2, 6.2.2)."""
    at = setup.find(b"\0\0\1\xb0")
    return f"mp4v.20.{setup[at + 4]}" if 0 <= at < len(setup) - 4 else None


def _vp9(setup: bytes) -> str:
    """vpcC: profile, level, bit depth (VP codec ISO media file format binding)."""
    if len(setup) < 7 or setup[0] != 1:
        return "vp9"
    return f"vp09.{setup[4]:02}.{setup[5]:02}.{setup[6] >> 4:02}"


_FROM_SETUP: Mapping[str, Callable[[bytes], str | None]] = MappingProxyType(
    {"aac": _aac, "av1": _av1, "h264": _avc, "hevc": _hevc, "mpeg4": _mpeg4, "vp9": _vp9}
)

_PLAIN: Mapping[str, str] = MappingProxyType(
    {
        "ac3": "ac-3",
        "alac": "alac",
        "dts": "dtsc",
        "eac3": "ec-3",
        "flac": "flac",
        "mp3": "mp4a.6B",
        "opus": "opus",
        "vorbis": "vorbis",
        "vp8": "vp8",
    }
)
