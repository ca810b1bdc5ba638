"""
MPEG audio without a container, as radios send it (I{remux thread}).
"""

from collections import deque
from collections.abc import Iterable

from mkvtwist.libav.adapters.audio import Primed, new_packet
from mkvtwist.libav.adapters.measuring import codec_of
from mkvtwist.libav.pyav_types import AVPacket, AVStream
from mkvtwist.media import audio_frame_headers
from mkvtwist.media.id3 import song_of


class MpegAudio(Primed):
    """
    MPEG audio without a container: song after song, with tags between them, as radios send it.

    libavformat hands on tags as packets, and counts the time of what is no frame; so the frames
    are found, and timed, here.
    """

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        codec = codec_of(stream)
        self._frames = audio_frame_headers.MpegFrames(codec, on_tag=self._take_tag)
        self._fed = 0
        self._sources: deque[tuple[int, AVPacket]] = deque()
        self._next: int | None = None

    def _take_tag(self, tag: bytes) -> None:
        song = song_of(tag)
        if song.title:
            self.song = song

    def _frames_of(self, packet: AVPacket) -> Iterable[AVPacket]:
        if self._next is None:
            self._next = packet.pts or 0
        self._sources.append((self._fed, packet))
        self._fed += packet.size
        yield from self._found(bytes(packet), last=False)
        while self._sources and sum(self._size(0)) <= self._frames.place:
            self._sources.popleft()

    def _size(self, index: int) -> tuple[int, int]:
        place, packet = self._sources[index]
        return place, packet.size

    def rest(self) -> Iterable[AVPacket]:
        yield from self._found(b"", last=True)

    def _found(self, data: bytes, *, last: bool) -> Iterable[AVPacket]:
        for place, frame, head in self._frames.feed(data, last=last):
            yield from self._confirmed(self._timed(place, frame, head), head)

    def _timed(self, place: int, frame: bytes, head: audio_frame_headers.Head) -> AVPacket:
        """Return a frame with its time: the demuxer's own packet, if that is the frame."""
        while self._sources and self._sources[0][0] < place:
            self._sources.popleft()
        base = self.stream.time_base
        one: AVPacket
        if self._sources and self._size(0) == (place, len(frame)):
            one = self._sources.popleft()[1]
        else:
            one = new_packet(frame, base)
        one.pts = one.dts = self._next
        one.duration = head.samples * base.denominator // (head.rate * base.numerator)
        self._next = (self._next or 0) + one.duration
        return one
