"""
The built-in test picture, a clock and a tone, encoded here (I{remux thread}).

It stands in for an opened container: streams, tags, and packets that come as fast as they are
asked for. The reader paces them.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.filter import Graph
from av.video.frame import PictureType

from mkvtwist.libav.pyav_types import AVPacket, AVStream
from mkvtwist.media.packet import SECOND

RATE = 25
GOP = RATE
"""A keyframe a second, so that a newcomer has a picture at once."""

_VIDEO = {"preset": "ultrafast", "tune": "zerolatency", "g": str(GOP), "crf": "28"}
"""About a fiftieth of a core at 640x360."""


class Demo:
    """A moving test picture of libavfilter's with a running clock, and a tone that beeps."""

    start_time = -SECOND * 1024 // 48000
    """AAC begins with a packet of priming."""

    def __init__(self) -> None:
        self.metadata = {"title": "mkvtwist demo"}
        self._output = av.open(_Nowhere(), "w", format="matroska")
        self._video = self._output.add_stream(
            "libx264", rate=RATE, options=_VIDEO, width=640, height=360
        )
        self._video.codec_context.thread_count = 1
        self._video.codec_context.time_base = Fraction(1, RATE)
        self._audio = self._output.add_stream("aac", rate=48000, layout="stereo")
        self._output.start_encoding()
        self.format = self._output.format
        self.streams: tuple[AVStream, ...] = (self._video, self._audio)

    def chapters(self) -> "list[av.container.core.Chapter]":
        """Return no chapters."""
        return []

    def demux(self) -> Iterator[AVPacket]:
        """Yield packets of both streams in the order of their time, for ever."""
        picture = _graph(
            ("testsrc2", f"size=640x360:rate={RATE}"), ("format", "yuv420p"), ("buffersink", None)
        )
        tone = _graph(
            ("sine", "frequency=440:beep_factor=4:sample_rate=48000"),
            ("volume", "0.2"),
            ("aformat", "sample_fmts=fltp:channel_layouts=stereo"),
            ("asetnsamples", "1024"),
            ("abuffersink", None),
        )
        heard = Fraction(0)
        while True:
            frame = picture.pull()
            frame.pict_type = PictureType.NONE  # else the encoder makes each a keyframe
            shown = frame.pts * frame.time_base
            while heard <= shown:
                sound = tone.pull()
                heard = (sound.pts + sound.samples) * sound.time_base
                yield from self._audio.encode(sound)
            yield from self._video.encode(frame)

    def close(self) -> None:
        """Close the container, and the encoders with it."""
        self._output.close()


def _graph(*filters: tuple[str, str | None]) -> Any:
    graph = Graph()
    graph.link_nodes(*(graph.add(name, args) for name, args in filters)).configure()
    return graph


class _Nowhere:
    """A file that keeps nothing: its container is only there to own the encoders."""

    def write(self, data: bytes) -> int:
        return len(data)
