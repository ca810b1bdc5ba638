"""
Frames of sound that begin with a sync word: their heads, and how to tell them from junk (I{pure}).

Senders put other data between frames: tags of songs, half a frame at a cut, garbage.
L{HEAD_READERS} are the readers, by FFmpeg's name of the codec; L{MpegFrames} finds the frames in a
byte stream of MPEG audio, in which tags may stand between songs.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from mkvtwist.media.bits import Bits
from mkvtwist.media.crc import crc8


class Head(NamedTuple):
    """The content of a frame's head."""

    size: int
    """Bytes of the frame with its head; 0 where the head does not say."""

    rate: int
    """Samples a second; 0 where the head does not say."""

    channels: int
    """0 where the head does not say."""

    samples: int = 0
    """Samples in one channel; 0 where that is not needed."""

    depth: int = 0
    """Bits of a sample; 0 where there is no such thing, or the head does not say."""

    sure: bool = False
    """Whether the head is certain: it has a checksum, or a long sync word."""

    @property
    def sound(self) -> tuple[int, int, int]:
        """The numbers that a header states."""
        return self.rate, self.channels, self.depth


Buffer = bytes | bytearray

HeadReader = Callable[[Buffer, int], Head | None]
"""Reads the head at some place; L{None} if there is none."""


# -- MPEG-1 and MPEG-2 audio, layers I to III (ISO/IEC 11172-3, 2.4.2.3; 13818-3, 2.4.2.3) --------

_MPEG_RATES = (44100, 48000, 32000)
_MPEG_BITRATES: Mapping[tuple[bool, int], tuple[int, ...]] = MappingProxyType(
    {
        (True, 1): tuple(range(0, 449, 32)),
        (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
        (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
        (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
        (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
        (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    }
)
"""Kilobits a second by index, for MPEG-1 or not and the layer; 0 is the free format."""


def _mpeg(*layers: int) -> HeadReader:
    def read(data: Buffer, at: int) -> Head | None:
        if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
            return None
        version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
        bitrate, rate = data[at + 2] >> 4, data[at + 2] >> 2 & 3
        if version == 1 or layer not in layers or bitrate in (0, 15) or rate == 3:
            return None
        first = version == 3
        rate = _MPEG_RATES[rate] >> (0 if first else 1 if version == 2 else 2)
        bits = 1000 * _MPEG_BITRATES[first, layer][bitrate]
        padding = data[at + 2] >> 1 & 1
        samples = 384 if layer == 1 else 576 if layer == 3 and not first else 1152
        if layer == 1:
            size = 4 * (12 * bits // rate + padding)
        else:
            size = samples // 8 * bits // rate + padding
        return Head(size, rate, 1 if data[at + 3] >> 6 == 3 else 2, samples)

    return read


# -- AC-3 and E-AC-3 (ETSI TS 102 366, 4.4.1 and E.1.3.1) -----------------------------------------

_AC3_RATES = (48000, 44100, 32000)
_AC3_KILOBITS = (
    *(32, 40, 48, 56, 64, 80, 96, 112, 128, 160),
    *(192, 224, 256, 320, 384, 448, 512, 576, 640),
)
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)


def _ac3(data: Buffer, at: int) -> Head | None:
    if at + 8 > len(data) or data[at : at + 2] != b"\x0b\x77":
        return None
    version, rate = data[at + 5] >> 3, data[at + 4] >> 6
    if version > 10:
        return _eac3(data, at) if version <= 16 else None
    code = data[at + 4] & 0x3F
    if rate == 3 or code >= 2 * len(_AC3_KILOBITS):
        return None
    kilobits, rate = _AC3_KILOBITS[code // 2], _AC3_RATES[rate]
    words = 96 * kilobits * 1000 // rate + (code & 1 if rate == 44100 else 0)
    mode = data[at + 6] >> 5
    skipped = 3 + 2 * (mode & 1 and mode != 1) + 2 * (mode >> 2) + 2 * (mode == 2)
    effects = data[at + 6] << 8 | data[at + 7]
    channels = _AC3_CHANNELS[mode] + (effects >> 15 - skipped & 1)
    return Head(2 * words, rate >> max(0, version - 8), channels)


def _eac3(data: Buffer, at: int) -> Head | None:
    size = 2 * ((data[at + 2] & 7) << 8 | data[at + 3]) + 2
    rate, second = data[at + 4] >> 6, data[at + 4] >> 4 & 3
    if data[at + 2] >> 6 == 3 or rate == second == 3:
        return None
    hertz = _AC3_RATES[second] // 2 if rate == 3 else _AC3_RATES[rate]
    channels = _AC3_CHANNELS[data[at + 4] >> 1 & 7] + (data[at + 4] & 1)
    return Head(size, hertz, channels)


# -- DTS (ETSI TS 102 114, 5.3.1) ------------------------------------------------------------------

_DTS_CORE = b"\x7f\xfe\x80\x01"
_DTS_OTHERS = (b"\xfe\x7f\x01\x80", b"\x1f\xff\xe8\x00", b"\xff\x1f\x00\xe8", b"\x64\x58\x20\x25")
"""Other orders of the same bits, and an extension substream without a core."""

_DTS_RATES = (
    *(0, 8000, 16000, 32000, 0, 0, 11025, 22050),
    *(44100, 0, 0, 12000, 24000, 48000, 0, 0),
)
_DTS_CHANNELS = (1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8)


def _dts(data: Buffer, at: int) -> Head | None:
    if data[at : at + 4] in _DTS_OTHERS:
        return Head(0, 0, 0)
    if data[at : at + 4] != _DTS_CORE or at + 11 > len(data):
        return None
    bits = Bits(bytes(data[at + 4 : at + 11]))
    bits.read(1 + 5 + 1 + 7 + 14)  # an extension may follow the core: the size is not the packet's
    mode, rate = bits.read(6), _DTS_RATES[bits.read(4)]
    bits.read(5 + 1 + 1 + 1 + 1 + 1 + 3 + 1 + 1)
    if not rate or mode >= len(_DTS_CHANNELS):
        return None
    return Head(0, rate, _DTS_CHANNELS[mode] + (bits.read(2) in (1, 2)))


# -- MLP and TrueHD (Dolby TrueHD high-level bitstream description, 3) -----------------------------

_MLP_SYNCS = (b"\xf8\x72\x6f\xba", b"\xf8\x72\x6f\xbb")
_THD_CHANNELS = (2, 1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 1, 1)
"""The number of channels that each bit of a channel assignment stands for."""


def _mlp(data: Buffer, at: int) -> Head | None:
    if at + 4 > len(data):
        return None
    size = 2 * ((data[at] & 0x0F) << 8 | data[at + 1])
    if size < 4:
        return None
    if data[at + 4 : at + 8] not in _MLP_SYNCS:
        return Head(size, 0, 0)  # goes on from an earlier one
    if at + 12 > len(data):
        return None
    is_mlp = data[at + 7] == 0xBB
    code = data[at + 9 if is_mlp else at + 8] >> 4
    if code == 15 or code & 7 > 2:
        return None
    info = int.from_bytes(data[at + 8 : at + 12], "big")
    speakers = 0 if is_mlp else info & 0x1FFF or info >> 15 & 0x1F
    channels = sum(n for bit, n in enumerate(_THD_CHANNELS) if speakers >> bit & 1)
    return Head(size, (44100 if code & 8 else 48000) << (code & 7), channels, sure=True)


# -- FLAC (RFC 9639, 9.1) --------------------------------------------------------------------------

_FLAC_RATES = (
    *(0, 88200, 176400, 192000, 8000, 16000),
    *(22050, 24000, 32000, 44100, 48000, 96000),
)
_FLAC_DEPTHS = (0, 8, 12, 0, 16, 20, 24, 32)


def _flac(data: Buffer, at: int) -> Head | None:
    if at + 6 > len(data) or data[at] != 0xFF or data[at + 1] & 0xFE != 0xF8:
        return None
    block, code, channels = data[at + 2] >> 4, data[at + 2] & 15, data[at + 3] >> 4
    if not block or code == 15 or channels > 10 or data[at + 3] & 1:
        return None
    number = 8 - (data[at + 4] ^ 0xFF).bit_length()  # as many ones as the number has bytes
    end = at + 4 + max(1, number) + {6: 1, 7: 2}.get(block, 0)
    rate = _FLAC_RATES[code] if code < len(_FLAC_RATES) else 0
    if code >= len(_FLAC_RATES):
        width = 1 if code == 12 else 2
        rate = int.from_bytes(data[end : end + width], "big") * (1000, 1, 10)[code - 12]
        end += width
    if end >= len(data) or crc8(data[at:end]) != data[end]:
        return None
    depth = _FLAC_DEPTHS[data[at + 3] >> 1 & 7]
    return Head(0, rate, channels + 1 if channels < 8 else 2, depth=depth, sure=True)


def flac_setup(setup: bytes, sound: tuple[int, int, int]) -> bytes:
    """
    Return a STREAMINFO block (RFC 9639, 8.2) for other frames than it was written for.

    @param setup: the old one, which may begin with C{fLaC} and the block's head.
    @param sound: the rate, the channels, the bits of a sample.
    """
    at = 8 if setup.startswith(b"fLaC") else 0
    if len(setup) < at + 34:
        return setup
    rate, channels, depth = sound
    depth = depth or (int.from_bytes(setup[at + 12 : at + 14], "big") >> 4 & 31) + 1
    numbers = rate << 44 | channels - 1 << 41 | depth - 1 << 36  # how many samples is unknown
    blocks = b"\0\x10\xff\xff"  # the shortest and the longest that there may be
    made = blocks + bytes(6) + numbers.to_bytes(8, "big") + bytes(16)
    return setup[:at] + made + setup[at + 34 :]


HEAD_READERS: Mapping[str, HeadReader] = MappingProxyType(
    {
        "ac3": _ac3,
        "dts": _dts,
        "eac3": _ac3,
        "flac": _flac,
        "mlp": _mlp,
        "mp1": _mpeg(1, 2, 3),
        "mp2": _mpeg(1, 2, 3),
        "mp3": _mpeg(1, 2, 3),
        "truehd": _mlp,
    }
)
"""
The readers of frames' heads, by FFmpeg's name of the codec. Transport streams do not tell the
layers of MPEG audio apart, so neither do these.
"""


_SYNC = 0xFF
"""The first byte of a frame of MPEG audio; tags begin with letters."""

_ID3, _APE, _ID3V1 = b"ID3", b"APETAGEX", b"TAG"
_TAGS = (_ID3, _ID3V1, _APE[:4])
_BEGINNING = re.compile(
    rb"\xff(?:[\xe0-\xff](?:[\x10-\xef]|\Z)|\Z)|I(?:D(?:3|\Z)|\Z)|T(?:A(?:G|\Z)|\Z)|A(?:P(?:E|\Z)|\Z)"
)
"""The first three bytes of a frame or a tag, or as many of them as are there."""

_APE_IS_HEAD = 1 << 29

TAG_KEPT = 16 << 10
"""Bytes of a tag that are kept: the title stands before the picture, which has most of the rest."""


def _id3_size(data: Buffer, at: int) -> int:
    """Return how long an ID3v2 tag is (id3v2.4.0-structure, 3.1); 0 if none begins there."""
    head = data[at : at + 10]
    if len(head) < 10 or head[:3] != _ID3 or not 2 <= head[3] <= 4 or head[4] == 0xFF:
        return 0
    if any(byte & 0x80 for byte in head[6:]):
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _tag_size(data: Buffer, at: int) -> int | None:
    """Return how long a tag is; 0 if none begins there, L{None} if more has to come to tell."""
    for mark, head in ((_ID3, 10), (_ID3V1, 128), (_APE, 32)):
        seen = data[at : at + len(mark)]
        if not mark.startswith(seen):
            continue
        if len(data) - at < head:
            return None
        if mark == _ID3:
            return _id3_size(data, at)
        if mark == _ID3V1:
            return head
        flags = int.from_bytes(data[at + 20 : at + 24], "little")
        follows = int.from_bytes(data[at + 12 : at + 16], "little")
        return head + (follows if flags & _APE_IS_HEAD and follows < 1 << 28 else 0)
    return 0


class MpegFrames:
    """
    The frames in a byte stream of MPEG audio, song after song, as radios and C{cat} send it.

    ID3 and APE tags are passed over by the length that they state, since their pictures have sync
    words by chance. A frame is one if another one or a tag follows it, or if it followed one and
    none begins inside it. At most two frames are kept.

    @ivar place: the byte of the stream up to which everything has been looked at.
    """

    def __init__(
        self,
        codec: str,
        read: HeadReader | None = None,
        on_tag: Callable[[bytes], object] = lambda _: None,
    ) -> None:
        """
        @param codec: C{mp1}, C{mp2} or C{mp3}.
        @param read: reads a head; by default those of the codec.
        @param on_tag: called with each tag, or with its first L{TAG_KEPT} bytes.
        """
        self._read = read or HEAD_READERS[codec]
        self._data = bytearray()
        self._skipped = 0
        self._tag = bytearray()
        self._on_tag = on_tag
        self.place = 0
        self._synced = False

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[tuple[int, bytes, Head]]:
        """
        Take some bytes.

        @param last: whether nothing follows.
        @return: the frames that are complete, each with its place in the stream and its head.
        """
        self._data += data
        while self._data:
            if self._skipped:
                self._skip()
                continue
            if self._data[0] != _SYNC:
                size = _tag_size(self._data, 0)
                if size is None and not last:
                    return
                if size:
                    self._skipped = size
                    continue
            head = self._read(self._data, 0)
            junk = self._junk(head, last=last)
            if junk is None:
                return
            self._synced = not junk
            if junk:
                self._drop(junk)
            elif head is not None:
                frame = bytes(self._data[: head.size])
                place = self.place
                self._drop(head.size)
                if not _is_index(frame, head):
                    yield place, frame, head

    def _skip(self) -> None:
        """Pass over what has come of a tag, and keep its beginning."""
        count = min(self._skipped, len(self._data))
        self._tag += self._data[: min(count, TAG_KEPT - len(self._tag))]
        self._skipped -= self._drop(count)
        if not self._skipped:
            tag, self._tag = bytes(self._tag), bytearray()
            self._on_tag(tag)

    def _junk(self, head: Head | None, *, last: bool) -> int | None:
        """Return how many bytes here belong to no frame; L{None} if more has to come to tell."""
        if head is None:
            return None if len(self._data) < 4 and not last else self._next(1)
        if len(self._data) < head.size + 4 and not last:
            return None
        if len(self._data) < head.size:
            return self._next(1)  # cut short by the end
        if self._follows(head.size) or (last and len(self._data) == head.size):
            return 0
        if not self._synced:
            return self._next(1)
        inside = self._inside(head.size)
        return 0 if inside is None and last else inside

    def _drop(self, count: int) -> int:
        del self._data[:count]
        self.place += count
        return count

    def _next(self, start: int) -> int:
        """Return the place of the next byte that may begin something; the end if none does."""
        found = _BEGINNING.search(self._data, start)
        return len(self._data) if found is None else found.start()

    def _follows(self, at: int) -> bool:
        """Return whether a frame or a tag begins at a place."""
        return self._read(self._data, at) is not None or self._data.startswith(_TAGS, at)

    def _inside(self, end: int) -> int | None:
        """
        Return where something begins inside a frame that nothing follows: it was cut there.

        @return: 0 if nothing does; L{None} if more has to come to tell.
        """
        unsure = False
        for at in range(1, end):
            if self._data[at] == _ID3[0] and _id3_size(self._data, at):
                return at
            if self._data[at] == 0xFF and (head := self._read(self._data, at)):
                if len(self._data) < at + head.size + 4:
                    unsure = True
                elif self._follows(at + head.size):
                    return at
        return None if unsure else 0


def _is_index(frame: bytes, head: Head) -> bool:
    """Return whether a frame is no sound, but the index in front of a file (Xing, LAME, VBRI)."""
    if head.samples < 1152:
        side = 9 if head.channels == 1 else 17
    else:
        side = 17 if head.channels == 1 else 32
    return frame[4 + side : 8 + side] in (b"Xing", b"Info") or frame[36:40] == b"VBRI"
