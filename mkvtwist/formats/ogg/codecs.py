"""
The header packets with which each codec begins in Ogg (I{pure}).

Comments that an input has in its headers are left out: they are those of the song with which it
began, and may have a picture of megabytes.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from mkvtwist.formats.base import NoPlace, fits_if
from mkvtwist.formats.flac import MARK, block, stream_info
from mkvtwist.media.packet import Track

OPUS_RATE = 48000
"""The rate by which Opus counts samples, whatever the rate of the sound is (RFC 7845, 4)."""

_COMMENTS = struct.pack("<I8sI", 8, b"mkvtwist", 0)
"""Comments (Vorbis I, 5.2.1): the program's name, and none."""

_VORBIS_COMMENT = 4
"""The type of a metadata block of FLAC with comments."""


def headers(track: Track) -> Sequence[bytes]:
    """
    Return the header packets of a track.

    @raise NoPlace: when the codec has no place in Ogg here, or its setup cannot be read.
    """
    make = _HEADERS.get(track.codec)
    if make is None:
        raise NoPlace(f"{track.codec} has no place in Ogg")
    return make(track.codec_private)


def rate(track: Track) -> int:
    """Return the samples a second by which positions are counted."""
    return OPUS_RATE if track.codec == "opus" else track.sample_rate or OPUS_RATE


fits = fits_if(headers)
"""Whether a track can live in Ogg."""


def _opus(private: bytes) -> Sequence[bytes]:
    """Return OpusHead, which Matroska has as it is, and OpusTags (RFC 7845, 5)."""
    if not private.startswith(b"OpusHead"):
        raise NoPlace("there is no OpusHead")
    return private, b"OpusTags" + _COMMENTS


def _vorbis(private: bytes) -> Sequence[bytes]:
    """Return the three headers, of which Matroska has the sizes in front (RFC 9559, 6.3.2)."""
    sizes, at = [], 1
    if private[:1] != b"\2":
        raise NoPlace("there are not three headers")
    for _ in range(2):
        size = 0
        while private[at : at + 1] == b"\xff":
            size, at = size + 255, at + 1
        sizes.append(size + int.from_bytes(private[at : at + 1], "big"))
        at += 1
    first = private[at : at + sizes[0]]
    setup = private[at + sum(sizes) :]
    if not (first.startswith(b"\1vorbis") and setup.startswith(b"\5vorbis")):
        raise NoPlace("its headers cannot be read")
    return first, b"\3vorbis" + _COMMENTS + b"\1", setup


def _flac(private: bytes) -> Sequence[bytes]:
    """Return the first packet, with STREAMINFO, and one of comments (RFC 9639, 10.1)."""
    info = stream_info(private)
    if not info:
        raise NoPlace("there is no STREAMINFO")
    version, more = b"\1\0", b"\0\1"
    return (
        b"\x7fFLAC" + version + more + MARK + block(0, info, is_last=False),
        block(_VORBIS_COMMENT, _COMMENTS, is_last=True),
    )


_HEADERS: Mapping[str, Callable[[bytes], Sequence[bytes]]] = MappingProxyType(
    {"flac": _flac, "opus": _opus, "vorbis": _vorbis}
)
