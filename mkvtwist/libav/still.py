"""
A still of one keyframe (I{a pool's thread}).

The decoder gets the same bytes as a client: a header and the keyframe behind it. So libavformat
makes the decoder, and knows the picture's shape, as a player would.
"""

import io
from fractions import Fraction
from typing import Any

import av

from mkvtwist.libav.reach.whitelists import whitelists_for_bytes

STILL_PIXELS = 8192 * 4352
"""The largest picture that is decoded: 8K. About 50 MB."""

STILL_WIDTH = 640
"""Pixels that a still is wide at most: a preview."""

QUALITY = "4"
"""FFmpeg's C{-q:v}: 2 is the best; with this a busy picture of 640x360 has 40 kB."""


class NoStill(Exception):
    """
    The media of which no picture can be made. The text says why, in words for viewers.

    @ivar detail: the cause in libavformat's words, for operators.
    """

    def __init__(self, text: str, detail: str = "") -> None:
        super().__init__(text)
        self.detail = detail


def jpeg(media: bytes, most_pixels: int = STILL_PIXELS) -> bytes:
    """
    Return the first picture, as JPEG, no wider than L{STILL_WIDTH}.

    @param media: Matroska: a header, and a Cluster with a keyframe of its first track of video.
    @param most_pixels: the largest picture that is decoded.
    @raise NoStill: when there is none, it cannot be decoded, or it is too large.
    """
    try:
        with av.open(
            io.BytesIO(media),
            "r",
            format="matroska",
            container_options=whitelists_for_bytes(),
            metadata_errors="replace",
        ) as container:
            frame = _decoded(container, most_pixels)
            stream = container.streams.video[0]
            ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
        return _encoded(frame, float(ratio or 1))
    except (ValueError, av.FFmpegError) as error:
        raise NoStill(
            "it cannot be decoded", getattr(error, "strerror", "") or str(error)
        ) from None


def _decoded(container: Any, most_pixels: int) -> Any:
    if not container.streams.video:
        raise NoStill("there is no video")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise NoStill("there is no decoder for it")
    if context.width * context.height > most_pixels:
        raise NoStill(f"{context.width}x{context.height} is too large a picture")
    context.thread_count = 1  # there is one picture to decode
    context.options = {"max_pixels": str(most_pixels)}  # also where the codec says another size
    for packet in container.demux(stream):
        for frame in packet.decode():
            return frame
    raise NoStill("the keyframe alone makes no picture")


def _encoded(frame: Any, ratio: float) -> bytes:
    """
    Return a picture as JPEG.

    @param ratio: how much wider than high a pixel is.
    """
    width = max(2, min(STILL_WIDTH, round(frame.width * ratio)))
    height = max(2, min(STILL_PIXELS // width, round(frame.height * width / (frame.width * ratio))))
    made = frame.reformat(width, height, format="yuvj420p")
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": QUALITY, "qmax": QUALITY}
    made.pts = 0
    packets = [*encoder.encode(made), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
