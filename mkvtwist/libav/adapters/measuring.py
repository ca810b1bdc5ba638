"""
Measuring pictures and packets: sizes, rates, durations (I{remux thread}).
"""

from typing import Any

import av
from av.codec.context import CodecContext

from mkvtwist.libav.pyav_types import AVContext, AVPacket, AVStream
from mkvtwist.media.packet import SECOND, Extra

MEASURED_PIXELS = 1 << 26
"""
Pixels of a picture that is decoded to measure it: twice those of 8K. A greater size comes from a
damaged head.
"""


def codec_of(stream: AVStream) -> str:
    """Return the name of a stream's codec, whatever decodes it."""
    return str(stream.codec_context.codec.canonical_name)


def measured_picture(codec: str, setup: bytes, data: bytes) -> AVContext | None:
    """
    Return a decoder that has decoded one picture, and knows its size and the pixels' format.

    @return: L{None} if the picture cannot be decoded alone.
    """
    context: AVContext = CodecContext.create(codec, "r")
    context.extradata = setup or None
    context.options = {"max_pixels": str(MEASURED_PIXELS)}
    try:
        context.decode(av.Packet(data))
        context.decode(None)
    except av.FFmpegError:
        return None
    return context


LOWEST_RATE = 1 / 60
"""Pictures a second, at least: damaged media claim one in a few months."""


def plausible_rate(rate: Any) -> float | None:
    """Return a number of pictures a second that a stream claims; L{None} if it is nonsense."""
    return float(rate) if rate and rate >= LOWEST_RATE else None


def frame_times(stream: AVStream, shape: AVContext) -> tuple[int, int]:
    """Return how long a packet lasts, and how long reordering may hold it, in microseconds."""
    if stream.type == "audio":
        return SECOND * shape.frame_size // (shape.sample_rate or 1), 0
    rate = plausible_rate(stream.guessed_rate) if stream.type == "video" else None
    if rate is None:
        return 0, 0
    step = round(SECOND / rate)
    return step, stream.codec_context.reorder_depth * step


def extra_of(packet: AVPacket, sample_rate: int) -> Extra | None:
    """
    Return the data that a packet has beside its payload; L{None} if it has none.

    @param sample_rate: the track's, for sound that is not to be heard.
    """
    additions: tuple[tuple[int, bytes], ...] = ()
    discard = 0
    for side in packet.iter_sidedata():
        type_ = side.data_type  # a microsecond each time
        if type_ == "matroska_block_additional":
            raw = bytes(side)
            additions = ((int.from_bytes(raw[:8], "big"), raw[8:]),)
        elif type_ == "skip_samples":
            samples = int.from_bytes(bytes(side)[4:8], "little")
            if samples:
                discard = round(samples * SECOND / (sample_rate or 48000))
    return Extra(additions, discard) if additions or discard else None
