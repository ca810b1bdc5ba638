"""
What is sent under one header: its tracks, its fragments, its formats (I{pure}).
"""

from collections.abc import Iterable

from mkvtwist.formats import FORMATS, Choice, Format
from mkvtwist.packet import SECOND, Header, Packet
from mkvtwist.ring import Fragment, Ring

FRAGMENT_SPAN = SECOND // 4
FRAGMENT_BYTES = 256 << 10
"""
What makes one fragment at most when much arrives at once: a client that joins then has a piece of
a size that its socket takes.
"""

AUDIO_SEGMENT = SECOND
"""How long a segment of a stream without video is: any packet would do to join at."""

PAUSE = SECOND
"""How long a pause between two pictures is taken to be at most."""

FADING = 8
"""A long one is forgotten by 1 in 2 to the power of this with each picture: in 10 seconds or so."""

CHOICES = 64
"""
Choices of tracks whose headers are kept for who asks piece by piece: a kilobyte or two each. An
audience has its own.
"""


class Programme:
    """
    A header and what has come since.

    @ivar ring: its fragments.
    @ivar everything: all tracks, in the format that has a place for all of them.
    @ivar released: clients may have the fragments before this number.
    @ivar closed: no more fragments will come.
    """

    def __init__(self, header: Header, ring: Ring) -> None:
        self.header = header
        self.ring = ring
        self.released = 0
        self.closed = False
        self.everything = Choice("matroska", header.numbers)
        self._formats: dict[Choice, Format] = {}  # the one that was wanted longest ago first
        video = [track.number for track in header.tracks if track.type == "video"]
        self._video = video[0] if video else None
        self._sparse = header.sparse
        self._segment: int | None = None
        self._picture: int | None = None  # when the last one was decoded
        self._pause = 0

    def format(self, choice: Choice) -> Format:
        """One of L{FORMATS}, made for this header and some of its tracks."""
        made = self._formats.pop(choice, None)
        if made is None:
            made = FORMATS[choice.format].make(self.header, choice.tracks)
        self._formats[choice] = made
        if len(self._formats) > CHOICES:
            del self._formats[next(iter(self._formats))]
        return made

    def since(self, behind: int) -> list[Packet]:
        """
        The packets that clients may have, from a keyframe on; none while there is no such place.

        @param behind: microseconds before the live edge; the keyframe is there or before, as
            L{Ring.place} finds it.
        """
        place = self.ring.place(behind)
        if place is None:
            return []
        fragments = self.ring.between(place, self.released)
        return [packet for fragment in fragments for packet in fragment.packets]

    def fragments(self, packets: Iterable[Packet]) -> Iterable[Fragment]:
        """Append packets to the ring, as fragments, and return these."""
        group: list[Packet] = []
        start: int | None = None  # of what tells the time in it
        key = False
        size = 0
        for packet in packets:
            begins = self._begins_segment(packet)
            timed = packet.track not in self._sparse
            late = timed and start is not None and packet.dts - start > FRAGMENT_SPAN
            if group and (begins or late or size >= FRAGMENT_BYTES):
                yield self.ring.append(group, key=key, pause=self._pause)
                group, start, size, key = [], None, 0, False
            if timed and start is None:
                start = packet.dts
            key = key or begins
            group.append(packet)
            size += len(packet.data)
            if packet.track == self._video:
                self._pause = self._pause_with(packet)
        if group:
            yield self.ring.append(group, key=key, pause=self._pause)

    def _pause_with(self, picture: Packet) -> int:
        """How long one was waited for of late, with this one: it is forgotten slowly."""
        last, self._picture = self._picture, picture.dts
        waited = min(picture.dts - last, PAUSE) if last is not None else 0
        return max(waited, self._pause - (self._pause >> FADING))

    def _begins_segment(self, packet: Packet) -> bool:
        """Whether a segment is cut before this packet; to be asked once for each."""
        if self._video is not None:
            return packet.track == self._video and packet.key
        if packet.track in self._sparse:
            return False
        if self._segment is not None and packet.dts < self._segment + AUDIO_SEGMENT:
            return False
        self._segment = packet.dts
        return True
