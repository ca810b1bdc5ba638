"""
The media clock: the time of a period, told by its packets (I{pure}).

The first video tells the time; without a video all sounds do. While no picture comes, the other
tracks go on with it, from the last picture on: parts do not wait for the next one.
"""

from collections.abc import Collection

from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.webvtt import WEBVTT
from mkvtwist.media.packet import SECOND, STEP, Header, Packet
from mkvtwist.media.silence import Silences

STILL = SECOND // 2
"""
Microseconds without a picture after which the other tracks go on with the time. Files have half a
second of sound, then half a second of pictures.
"""


class MediaClock:
    """
    A clock that packets turn; all times in microseconds.

    @ivar now: the newest packet's time; never goes back, over all periods.
    @ivar end: where the newest packet is expected to end.
    @ivar leading: the tracks that tell the time; none if no output can hold any track.
    @ivar pictures: those of them that are video.
    """

    def __init__(self) -> None:
        self.now = 0
        self.end = 0
        self.leading: frozenset[int] = frozenset()
        self.pictures: frozenset[int] = frozenset()
        self._others: Collection[int] = ()  # they go on with the time where the picture is silent
        self._silences = Silences()
        self._still: int | None = None  # when the last picture was decoded

    def begin(self, header: Header) -> None:
        """Go by other tracks from now on."""
        can_be_had = MP4.fitting(header.tracks) | WEBVTT.fitting(header.tracks)
        videos = [track.number for track in header.tracks if track.type == "video"]
        sounds = [track.number for track in header.tracks if track.type == "audio"]
        self.leading = frozenset(videos[:1] or sounds if can_be_had else ())
        self.pictures = self.leading if videos else frozenset()
        self._others = header.numbers - header.sparse - self.leading if self.pictures else ()
        self._silences = Silences(self.leading)
        self._still = None

    def tell(self, packet: Packet) -> int | None:
        """Return the time at a packet; L{None} if the packet does not tell it."""
        told: int | None
        if packet.track in self.leading:
            told = packet.dts
            if self._others:
                self._silences.heard(packet.track, told)
                self._still = told
        elif packet.track in self._others:
            told = self._told_by_other(packet)
            if told is None:
                return None
        else:
            return None
        step = packet.duration or max(STEP, told - self.now)
        self.now = max(self.now, told)
        self.end = max(self.now, told + step)
        return self.now

    def usual_pause(self, track: int) -> int:
        """
        Return how long a picture of this track usually stands, if that is longer than L{STILL}, so
        that other tracks go on with the time meanwhile; else 0.
        """
        usual = self._silences.usual(track) if self._others else 0
        return usual if usual >= STILL else 0

    def _told_by_other(self, packet: Packet) -> int | None:
        (picture,) = self.leading
        self._silences.heard(packet.track, packet.dts)
        silent = self._silences.of(picture)
        if silent < STILL:
            return None
        if self._still is None:
            self._still = packet.dts - silent
        return self._still + silent
