"""Matroska as tests write it, and as libavformat reads it."""

import io
from typing import Any

import av
from hypothesis import strategies as st

from mkvtwist.formats.matroska.ebml import element, elements, unsigned
from mkvtwist.media.packet import SECOND, Extra, Header, Packet
from tests.support import media
from tests.support.adapters import described

MS = 1000
VIDEO, AUDIO, TEXT = 1, 2, 3
OPUS_DELAY = 6500
EBML, SEGMENT, INFO, TRACKS, SEEK_HEAD, VOID = (
    0x1A45DFA3,
    0x18538067,
    0x1549A966,
    0x1654AE6B,
    0x114D9B74,
    0xEC,
)
ENTRY, NUMBER, PIXEL_WIDTH, PIXEL_HEIGHT, CRC32 = 0xAE, 0xD7, 0xB0, 0xBA, 0xBF
WIDTH, HEIGHT, UNIT, VIDEO_PART, CODEC_DELAY = 0x54B0, 0x54BA, 0x54B2, 0xE0, 0x56AA
DOC_TYPE = 0x4282
CLUSTER, SIMPLE_BLOCK, BLOCK_GROUP = 0x1F43B675, 0xA3, 0xA0


def header() -> Header:
    """A header for VP8, Opus and SubRip, as it is written in earnest."""
    clip = media.clip(
        video="libvpx", audio="libopus", seconds=0.2, subtitles=[(0, 0.1, "x")], titles=["Sound"]
    )
    return described(clip)


def read(data: bytes) -> list[Any]:
    """The packets that libavformat finds in it, before it tries to know better."""
    with av.open(io.BytesIO(data), "r", options={"fflags": "nofillin+noparse"}) as container:
        return [packet for packet in container.demux() if packet.size]


def ids(data: bytes, start: int = 0, end: int | None = None) -> list[int]:
    """The elements side by side in it."""
    found = elements(data, start, len(data) if end is None else end)
    return [element.id for element in found]


def picture(pts: int, *, key: bool = True, data: bytes = b"", extra: Extra | None = None) -> Packet:
    """A packet of VP8."""
    return Packet(VIDEO, pts, pts, 0 if extra else 40 * MS, key, b"v" + data, extra)


def sound(pts: int, data: bytes = b"\xfc0", extra: Extra | None = None) -> Packet:
    """A packet of Opus."""
    return Packet(AUDIO, pts, pts, 20 * MS, True, data, extra)


def text(pts: int, duration: int, data: bytes = b"Hello") -> Packet:
    """A subtitle."""
    return Packet(TEXT, pts, pts, duration, True, data)


@st.composite
def packets(draw: st.DrawFn) -> list[Packet]:
    """Packets of three tracks, in any order of time, with all that a packet may have."""
    made = []
    at = draw(st.sampled_from([0, 40 * MS, 26 * 3600 * SECOND]))
    for _ in range(draw(st.integers(1, 12))):
        steps = st.sampled_from([0, 333, 40 * MS, -80 * MS, 32_767 * MS, 32_768 * MS, -40 * SECOND])
        at = max(0, at + draw(steps))
        data = draw(st.binary(max_size=300))
        track = draw(st.sampled_from([VIDEO, VIDEO, AUDIO, TEXT]))
        if track == VIDEO:
            alpha = Extra(((1, data or b"a"),))
            extra = draw(st.sampled_from([None, None, alpha]))
            made.append(picture(at, key=draw(st.booleans()), data=data, extra=extra))
        elif track == AUDIO:
            discard = Extra(discard=draw(st.integers(1, 20 * MS)))
            made.append(sound(at, b"\xfc" + data, draw(st.sampled_from([None, discard]))))
        else:
            made.append(text(at, draw(st.integers(0, 3600 * SECOND)), b"x" + data))
    return made


def entry(number: int | None, *parts: bytes) -> bytes:
    """A TrackEntry."""
    own = b"" if number is None else unsigned(NUMBER, number)
    return element(ENTRY, own + b"".join(parts))


def head(*tracks: bytes, around: bytes = b"") -> bytes:
    """A header: EBML, then a Segment of unknown size."""
    unknown = bytes.fromhex("1853806701ffffffffffffff")
    return (
        element(EBML, b"")
        + unknown
        + element(INFO, b"info")
        + around
        + element(TRACKS, b"".join(tracks))
    )
