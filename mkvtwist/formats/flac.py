"""
FLAC as such (I{pure}, RFC 9639, 8): its metadata, then frame after frame.
"""

import struct
from collections.abc import Collection, Sequence
from dataclasses import replace

from mkvtwist.formats.bare import FILE, BareMuxer, only
from mkvtwist.formats.base import Format, IndexEntry
from mkvtwist.media.packet import SECOND, Header, Track

MARK = b"fLaC"
"""The bytes with which a stream begins."""

_STREAMINFO, _LAST = 0, 0x80
_STREAMINFO_SIZE = 34
_RATE_AT = 10
"""Where STREAMINFO has 20 bits of rate, 8 of channels and depth, 36 of the number of samples."""

_MOST_SAMPLES = (1 << 36) - 1


def stream_info(private: bytes) -> bytes:
    """
    Return the STREAMINFO of a CodecPrivate, without what does not hold for a live stream.

    That is the number of samples and their MD5. There are no bytes if there is none.
    """
    at = len(MARK)
    if not private.startswith(MARK) or len(private) < at + 4 + _STREAMINFO_SIZE:
        return b""
    if private[at] & ~_LAST != _STREAMINFO:
        return b""
    info = private[at + 4 : at + 4 + _STREAMINFO_SIZE]
    (numbers,) = struct.unpack_from(">Q", info, _RATE_AT)
    return info[:_RATE_AT] + struct.pack(">Q", numbers & ~_MOST_SAMPLES) + bytes(16)


def block(kind: int, content: bytes, *, is_last: bool) -> bytes:
    """Return a metadata block."""
    return struct.pack(">I", (kind | is_last * _LAST) << 24 | len(content)) + content


def _muxer(header: Header, numbers: Collection[int]) -> BareMuxer:
    track = only(header, numbers)
    info = block(_STREAMINFO, stream_info(track.codec_private), is_last=True)
    return BareMuxer(track.number, head=MARK + info)


def _fits(track: Track) -> bool:
    return track.codec == "flac" and bool(stream_info(track.codec_private))


def _front(head: bytes, _number: int, _pieces: Sequence[IndexEntry], duration: int) -> bytes:
    """Return the head of a file, which says how many samples it has."""
    at = len(MARK) + 4 + _RATE_AT
    (numbers,) = struct.unpack_from(">Q", head, at)
    samples = min(round(duration * (numbers >> 44) / SECOND), _MOST_SAMPLES)
    return head[:at] + struct.pack(">Q", numbers | samples) + head[at + 8 :]


FLAC = Format(
    name="flac",
    title="FLAC",
    ending=".flac",
    media_type=lambda _: "audio/flac",
    fits=_fits,
    muxer=_muxer,
    file=replace(FILE, front=_front),
    one_of="sounds of FLAC",
    single=True,
)
