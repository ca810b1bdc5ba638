"""
The bodies of FLV's tags, by codec: classic numbers, or names of four letters (I{pure}).

The classic ones, which every player knows, are H.264, AAC and MP3. All others are those of Enhanced
RTMP.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from mkvtwist.formats.base import NoPlace, fits_if
from mkvtwist.formats.flac import MARK, block, stream_info
from mkvtwist.formats.mp4.boxes import Mp4Error
from mkvtwist.formats.mp4.head import sample_entry
from mkvtwist.media.packet import Packet, Track

_KEY, _INTER = 1, 2
"""Types of a picture: a keyframe, or another one."""

_CLASSIC_AVC, _CLASSIC_AAC, _CLASSIC_MP3, _CLASSIC_MP3_8K = 7, 10, 2, 14
_ENHANCED_SOUND = 9
_ENHANCED_PICTURE = 0x80

_SEQUENCE_START, _CODED_FRAMES, _FRAMES_IN_ORDER = 0, 1, 3
"""
Types of an Enhanced tag: the decoder's setup; a picture with its delay, or a frame of sound; a
picture that is shown when it is decoded.
"""

_MP3_RATES: Mapping[int, int] = MappingProxyType({11025: 1, 22050: 2})
"""Numbers of rates of classic MP3; any other rate says 44,100, and decoders look at the frames."""

_44100, _16_BITS, _STEREO = 3, 1, 1


class Writing(Protocol):
    """The bodies of one track's tags."""

    setup: bytes
    """The body of the tag with the decoder's setup; empty if the codec needs none."""

    def prefix(self, packet: Packet, /) -> bytes:
        """Return what stands before the payload in the body of a packet's tag."""


class _Prefixed:
    """Sound: the same bytes before each frame."""

    def __init__(self, before: bytes, setup: bytes = b"") -> None:
        self.setup = setup
        self._before = before

    def prefix(self, _: Packet) -> bytes:
        return self._before


class _Avc:
    """H.264, with the milliseconds from decoding to showing."""

    def __init__(self, track: Track) -> None:
        _require(track.codec_private)
        self.setup = _picture(_KEY) + b"\0\0\0\0" + track.codec_private

    def prefix(self, packet: Packet) -> bytes:
        return _picture(_KEY if packet.key else _INTER) + b"\1" + delay(packet)


def _picture(type_: int) -> bytes:
    return bytes([type_ << 4 | _CLASSIC_AVC])


class _Enhanced:
    """Pictures of other codecs."""

    def __init__(self, name: bytes, setup: bytes, *, delayed: bool) -> None:
        """
        @param delayed: whether a tag says the time from decoding to showing.
        """
        _require(setup)
        self._name = name
        self._delayed = delayed
        self.setup = self._head(_KEY, _SEQUENCE_START) + setup

    def prefix(self, packet: Packet) -> bytes:
        type_ = _KEY if packet.key else _INTER
        if not self._delayed:
            return self._head(type_, _CODED_FRAMES)
        between = delay(packet)
        if between == b"\0\0\0":
            return self._head(type_, _FRAMES_IN_ORDER)
        return self._head(type_, _CODED_FRAMES) + between

    def _head(self, picture: int, type_: int) -> bytes:
        return bytes([_ENHANCED_PICTURE | picture << 4 | type_]) + self._name


def milliseconds(time: int) -> int:
    """Return the nearest millisecond; FLV has none before 0."""
    return max(0, (time + 500) // 1000)


def delay(packet: Packet) -> bytes:
    """Return the time from decoding to showing, as 24 bits with a sign."""
    between = milliseconds(packet.pts) - milliseconds(packet.dts)
    return (max(-(1 << 23), min(between, (1 << 23) - 1)) & 0xFFFFFF).to_bytes(3, "big")


def _require(setup: bytes) -> None:
    if not setup:
        raise NoPlace("there is no setup for the decoder")


def _hevc(track: Track) -> Writing:
    return _Enhanced(b"hvc1", track.codec_private, delayed=True)


def _av1(track: Track) -> Writing:
    return _Enhanced(b"av01", track.codec_private, delayed=False)


def _vp9(track: Track) -> Writing:
    """VP9, described as in MP4, whose box has a version and flags before the record."""
    try:
        record = sample_entry(track.mp4_head).get(b"vpcC", b"")
    except Mp4Error as error:
        raise NoPlace("its description cannot be read") from error
    return _Enhanced(b"vp09", record[4:], delayed=False)


def _aac(track: Track) -> Writing:
    _require(track.codec_private)
    head = _sound(_CLASSIC_AAC, _44100, _STEREO)  # whatever it is: the setup says it
    return _Prefixed(head + b"\1", head + b"\0" + track.codec_private)


def _mp3(track: Track) -> Writing:
    stereo = _STEREO if track.channels != 1 else 0
    if track.sample_rate == 8000:
        return _Prefixed(_sound(_CLASSIC_MP3_8K, _44100, stereo))
    return _Prefixed(_sound(_CLASSIC_MP3, _MP3_RATES.get(track.sample_rate or 0, _44100), stereo))


def _sound(codec: int, rate: int, stereo: int) -> bytes:
    return bytes([codec << 4 | rate << 2 | _16_BITS << 1 | stereo])


def _opus(track: Track) -> Writing:
    _require(track.codec_private)
    return _enhanced_sound(b"Opus", track.codec_private)


def _flac(track: Track) -> Writing:
    info = stream_info(track.codec_private)
    _require(info)
    return _enhanced_sound(b"fLaC", MARK + block(0, info, is_last=True))


def _ac3(track: Track) -> Writing:
    return _enhanced_sound(b"ac-3" if track.codec == "ac3" else b"ec-3")


def _enhanced_sound(name: bytes, setup: bytes = b"") -> Writing:
    def head(type_: int) -> bytes:
        return bytes([_ENHANCED_SOUND << 4 | type_]) + name

    return _Prefixed(head(_CODED_FRAMES), head(_SEQUENCE_START) + setup if setup else b"")


_WRITINGS: Mapping[str, Callable[[Track], Writing]] = MappingProxyType(
    {
        "h264": _Avc,
        "hevc": _hevc,
        "av1": _av1,
        "vp9": _vp9,
        "aac": _aac,
        "mp3": _mp3,
        "opus": _opus,
        "flac": _flac,
        "ac3": _ac3,
        "eac3": _ac3,
    }
)
"""By FFmpeg's name of the codec."""


def writing(track: Track) -> Writing:
    """
    Return how a track's tags are written.

    @raise NoPlace: when it has no place in FLV.
    """
    make = _WRITINGS.get(track.codec)
    if make is None:
        raise NoPlace(f"{track.codec} has no place in FLV")
    return make(track)


fits = fits_if(writing)
"""Whether a track can live in FLV."""
