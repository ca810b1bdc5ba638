"""
Clips whose channels are in an order of their own, or too many for one.

PyAV must not be asked for C{layout} or C{channels} of what they hold, nor decode it: see
L{mkvtwist.libav.sound}.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import av

RATE = 48_000


class Odd(NamedTuple):
    """A clip of a quarter of a second of silence."""

    name: str
    suffix: str
    data: bytes
    channels: int


def clips(*, large: bool = True) -> Iterator[Odd]:
    """
    All of them.

    @param large: whether those of more than a few hundred kilobytes are wanted, too.
    """
    return (odd for odd in _made() if large or len(odd.data) < 300_000)


def _made() -> Iterator[Odd]:
    for codec in ("pcm_s24be", "pcm_s16le", "pcm_f32be", "alac"):
        data = encoded("mov", codec, "7.1" if codec != "alac" else "5.1")
        yield Odd(f"mov {codec}", ".mov", data, 8 if codec != "alac" else 6)
    for codec in ("pcm_s24be", "pcm_f32be"):
        eight = encoded("mov", codec, "7.1")
        for name, labels in LABELS.items():
            yield Odd(f"mov {codec} {name}", ".mov", mapped(eight, 0, labels), 8)
        for tag in (126, 127, 128, 129, 130, 137, 144, 192, 400, 0xFFFF):
            yield Odd(f"mov {codec} tag {tag}", ".mov", mapped(eight, tag << 16 | 8), 8)
    yield Odd("mov 5.1", ".mov", encoded("mov", "pcm_s16be", "5.1(side)"), 6)
    yield Odd("caf 7.1", ".caf", encoded("caf", "pcm_s16be", "7.1"), 8)
    yield Odd("caf 5.1", ".caf", encoded("caf", "pcm_f32be", "5.1"), 6)
    for layout, channels in (("9.1.6", 16), ("hexadecagonal", 16), ("22.2", 24), ("64C", 64)):
        for format_, suffix in (("mov", ".mov"), ("matroska", ".mkv")):
            made = encoded(format_, "pcm_s16le", layout)
            yield Odd(f"{format_} {layout}", suffix, made, channels)
    for channels, mask in ((2, 0x80000000), (6, 0x3), (6, 0xFFFFFFFF), (4, 0x1000F), (64, 0)):
        yield Odd(f"wav {channels} as {mask:x}", ".wav", extensible(channels, mask), channels)
    for family, layout, channels in ((255, "7.1", 8), (255, "3C", 3), (2, "ambisonic 1", 4)):
        for format_, suffix in (("ogg", ".ogg"), ("matroska", ".mkv"), ("mp4", ".mp4")):
            made = encoded(format_, "libopus", layout, mapping_family=str(family))
            yield Odd(f"{format_} opus {family} {layout}", suffix, made, channels)
    flac = encoded("matroska", "flac", "5.1")
    yield Odd("matroska positions", ".mkv", flac.replace(b"\x62\x64\x81", b"\x7d\x7b\x81", 1), 6)


LABELS = {
    "mirrored": (2, 1, 3, 4, 10, 9, 6, 5),
    "unknown": (0xFFFFFFFF,) * 8,
    "unused": (0, 1, 2, 3, 0, 0, 0, 0),
    "the same": (1,) * 8,
    "ambisonic": [0x20000 | number for number in range(8)],
    "discrete": [0x10000 | number for number in range(8)],
    "out of range": [0x7FFFFF00 | number for number in range(8)],
}
"""Labels of Core Audio for eight channels."""


def encoded(format_: str, codec: str, layout: str, **options: str) -> bytes:
    """Silence in an order that libavutil has a name for."""
    file = io.BytesIO()
    fragmented = {"movflags": "empty_moov+frag_keyframe+default_base_moof+delay_moov"}
    more = fragmented if format_ in ("mov", "mp4") else {}
    with av.open(file, "w", format=format_, container_options=more) as out:
        stream: Any = out.add_stream(codec, rate=RATE, layout=layout, options=options)
        out.start_encoding()
        context = stream.codec_context
        size = context.frame_size or 1024
        for at in range(0, RATE // 4, size):
            frame = av.AudioFrame(context.format.name, layout, size)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts = RATE, at
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def mapped(data: bytes, tag: int, labels: Sequence[int] = ()) -> bytes:
    """QuickTime with another map of channels (Core Audio's AudioChannelLayout)."""
    made = bytearray(data)
    at = made.index(b"chan") - 4
    (size,) = struct.unpack_from(">I", made, at)
    layout = struct.pack(">4xIII", tag, 0, len(labels))
    layout += b"".join(struct.pack(">II12x", label, 0) for label in labels)
    made[at : at + size] = struct.pack(">I4s", 8 + len(layout), b"chan") + layout
    description = made.index(b"stsd") + 12  # which is the one entry's
    parents = [made.index(kind) - 4 for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl")]
    for parent in (*parents, description - 16, description):
        (length,) = struct.unpack_from(">I", made, parent)
        struct.pack_into(">I", made, parent, length + 8 + len(layout) - size)
    return bytes(made)


def extensible(channels: int, mask: int) -> bytes:
    """A WAVEFORMATEXTENSIBLE of 16 bits with this mask of loudspeakers, and a second of silence."""
    size = 2 * channels
    plain = struct.pack("<HHIIHH", 0xFFFE, channels, RATE, RATE * size, size, 16)
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    fmt = plain + struct.pack("<HHI", 22, 16, mask) + guid
    sound = bytes(RATE * size)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt
    body += b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body
