"""
Timestamps for packets of containers that have none (I{remux thread}).

A raw stream, and pictures one after the other (a camera's JPEG over HTTP), carry no time.
libavformat makes the times up: from the rate that the bitstream claims, else 25 pictures a second,
and with H.264 and HEVC that claim nothing not even that beyond the first few dozen. So

 - with C{frame_rate} each picture comes so many times a second;
 - a live sender's pictures are timed by their arrival
   (L{mkvtwist.media.arrival_times});
 - a file that claims a rate is left as libavformat reads it; one that claims none has
   L{ASSUMED} pictures a second.
"""

from fractions import Fraction

from mkvtwist.libav.adapters import Adapter
from mkvtwist.libav.pyav_types import AVPacket, AVStream
from mkvtwist.media.arrival_times import ArrivalTimes
from mkvtwist.media.packet import SECOND

ASSUMED = 25
"""Pictures a second of a file that does not say how many: FFmpeg's default."""

COARSEST = Fraction(1, 10_000)
"""Seconds in a unit of time; libavformat counts single pictures in whole 25ths of a second."""

_RAW = frozenset(
    {
        "apv",
        "avs2",
        "avs3",
        "bitpacked",
        "cavsvideo",
        "dirac",
        "dnxhd",
        "evc",
        "h261",
        "h263",
        "h264",
        "hevc",
        "image2pipe",
        "ingenient",
        "m4v",
        "mjpeg",
        "mjpeg_2000",
        "mpegvideo",
        "mpjpeg",
        "obu",
        "rawvideo",
        "v210",
        "v210x",
        "vc1",
        "vvc",
    }
)
"""Formats in which pictures follow each other, and nothing else does."""


class Timestamps:
    """
    The timestamps of one track without any.

    @ivar note: how they are made, in a sentence.
    """

    def __init__(self, rate: float, note: str, *, live: bool) -> None:
        """
        @param rate: pictures a second; a guess if the track is live.
        """
        self.note = note
        self.live = live
        self._arrival = ArrivalTimes(SECOND / rate)

    def stamp(self, packet: AVPacket, adapter: Adapter, arrived: int | None) -> None:
        """
        Give a packet its times, and its adapter the rate.

        @param arrived: when it came, in microseconds, if the reader waited for it.
        """
        time = self._arrival.next(arrived if self.live else None)
        step = self._arrival.step
        pts, dts, duration = packet.pts, packet.dts, packet.duration
        # libavformat has found out how many pictures after its decoding one is shown.
        behind = (pts - dts) / duration * step if duration and None not in (pts, dts) else 0.0
        if packet.time_base > COARSEST:
            packet.time_base = Fraction(1, SECOND)
        unit = float(SECOND * packet.time_base)
        packet.dts = round(time / unit)
        packet.pts = None if pts is None else round((time + max(0.0, behind)) / unit)
        packet.duration = max(1, round(step / unit))
        adapter.step = round(step)
        if self._arrival.measured or not self.live:
            adapter.frame_rate = SECOND / step

    def held(self) -> None:
        """Note that the reader has held the sender back: it is ahead of the clock."""
        self._arrival.held()


def claimed_rate(stream: AVStream) -> float:
    """Return the rate that the bitstream itself claims, in pictures a second; 0 if it does not."""
    return float(stream.codec_context.framerate or 0)


def is_raw(stream: AVStream) -> bool:
    """Return whether a stream is of pictures that follow each other, without times."""
    name = stream.container.format.name
    return bool(stream.type == "video" and (name in _RAW or name.endswith("_pipe")))


def timestamps_for(stream: AVStream, frame_rate: float, *, live: bool) -> Timestamps | None:
    """
    Return the timestamps for a stream; L{None} if it has times of its own.

    @param frame_rate: pictures a second, from the configuration; 0 if unknown.
    @param live: whether the pictures come as they are taken.
    """
    if not is_raw(stream):
        return None
    if frame_rate:
        return Timestamps(
            frame_rate, f"{frame_rate:g} pictures a second, as frame_rate says", live=False
        )
    claimed = claimed_rate(stream)
    if live:
        return Timestamps(claimed or ASSUMED, "its pictures are timed by their arrival", live=True)
    if claimed:
        return None
    note = f"its frame rate is unknown: {ASSUMED} is assumed; frame_rate sets another"
    return Timestamps(ASSUMED, note, live=False)
