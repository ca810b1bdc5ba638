"""
The segmenter: cuts packets into fragments, and says where a segment begins (I{pure}).

A segment begins:

 1. at each keyframe of the video: of the first one that is not quiet, where there are several;
 2. while every video is quiet (L{mkvtwist.media.silence}), and in a stream without video, at any
    packet that tells the time, every L{TIMED_SEGMENT}.

So the stream goes on with the tracks that live. A segment that was cut by time has no keyframe at
its beginning: a client that joins there gets the sound at once, and the picture with the next
keyframe. Whatever needs the picture (a recording, a still, a replay) begins elsewhere, at a
fragment that is L{decodable<mkvtwist.live.fragment.Fragment>}.
"""

from collections.abc import Iterable, Sequence

from mkvtwist.live.fragment import Fragment
from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import SECOND, Header, Packet
from mkvtwist.media.silence import Silences

FRAGMENT_SPAN = SECOND // 4
"""Microseconds of media in one fragment at most, when many packets arrive at once."""

FRAGMENT_BYTES = 256 << 10
"""
Bytes of packets in one fragment at most: a client that joins when many arrive at once gets pieces
of a size that its socket takes.
"""

TIMED_SEGMENT = SECOND
"""Microseconds of a segment without pictures: clients could join at any packet."""

LONGEST_PAUSE = SECOND
"""Microseconds that a pause between two pictures counts for at most."""

FADING = 8
"""
A long pause shrinks by 1 part in 2 to the power of this with each picture: it is gone in about 10
seconds.
"""


class Segmenter:
    """
    Appends the packets of one period to its ring, as fragments.

    @ivar video: the number of the track whose keyframes begin segments; L{None} without video.
    """

    def __init__(self, header: Header, ring: Ring) -> None:
        videos = [track.number for track in header.tracks if track.type == "video"]
        self.video = videos[0] if videos else None
        self._videos = videos
        self._ring = ring
        self._sparse = header.sparse
        self._timed = header.numbers - header.sparse
        self._silences = Silences(self._timed)
        self._segment: int | None = None
        self._picture: int | None = None  # when the last one was decoded
        self._waited = 0  # the recent longest, which fades slowly
        self._pause = 0

    @property
    def silent(self) -> frozenset[int]:
        """The numbers of the tracks that tell the time, but of which nothing comes."""
        return frozenset(n for n in self._timed if self._silences.is_quiet(n))

    def append(self, packets: Iterable[Packet]) -> Iterable[Fragment]:
        """Append packets to the ring, as fragments, and return these."""
        group: list[Packet] = []
        start: int | None = None  # of what tells the time in it
        key = False
        size = 0
        for packet in packets:
            timed = packet.track not in self._sparse
            begins = timed and self._begins_segment(packet)
            late = timed and start is not None and packet.dts - start > FRAGMENT_SPAN
            if group and (begins or late or size >= FRAGMENT_BYTES):
                yield self._appended(group, key=key)
                group, start, size, key = [], None, 0, False
            if timed and start is None:
                start = packet.dts
            key = key or begins
            group.append(packet)
            size += len(packet.data)
            if packet.track == self.video:
                self._pause = self._pause_with(packet)
        if group:
            yield self._appended(group, key=key)

    def _appended(self, group: Sequence[Packet], *, key: bool) -> Fragment:
        decodable = key and self.video in (None, group[0].track)
        return self._ring.append(group, key=key, decodable=decodable, pause=self._pause)

    def _pause_with(self, picture: Packet) -> int:
        """
        Return the recent longest wait for a picture, with this one.

        A pause is forgotten slowly, and counts up to L{LONGEST_PAUSE}, as does the first, which
        nobody knows yet; what is usual counts as it is.
        """
        last, self._picture = self._picture, picture.dts
        if last is None:
            return LONGEST_PAUSE
        faded = self._waited - (self._waited >> FADING)
        self._waited = max(faded, min(picture.dts - last, LONGEST_PAUSE))
        return max(self._waited, self._silences.usual(picture.track))

    def _begins_segment(self, packet: Packet) -> bool:
        """Return whether a segment is cut before a packet; asked once for each that is timed."""
        self._silences.heard(packet.track, packet.dts)
        for video in self._videos:
            if packet.track == video:
                begins = packet.key
                break
            if not self._silences.is_quiet(video):
                begins = False
                break
        else:
            begins = self._segment is None or packet.dts >= self._segment + TIMED_SEGMENT
        if begins:
            self._segment = packet.dts
        return begins
