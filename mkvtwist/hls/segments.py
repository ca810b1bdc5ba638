"""
Segments and their parts: runs of fragments in a programme's ring, and their bytes (I{pure}).
"""

from collections import Counter
from collections.abc import Collection, Sequence

from mkvtwist.formats import Choice
from mkvtwist.packet import SECOND, Packet
from mkvtwist.programme import Programme
from mkvtwist.ring import Fragment
from mkvtwist.webvtt import shown_until

PACKET_OVERHEAD = 16
PICTURE_OVERHEAD = 104
PART_OVERHEAD = 200
"""
Bytes in MP4 for each packet (an entry of trun), for each picture (a moof), and for each part (the
sound in its first moof), about.
"""

TEXT_HEAD = b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"
"""Times in text are those in MP4 (RFC 8216, 3.5)."""


class Part:
    """
    A run of fragments in a segment.

    @ivar first: the number of its first fragment in the programme's ring.
    @ivar stop: the number behind its last one; 0 while it grows.
    @ivar start: in microseconds.
    @ivar end: likewise; meaningless while it grows.
    @ivar independent: whether it begins with a keyframe.
    @ivar sizes: how many bytes each track has in it, about, by its number.
    """

    __slots__ = ("end", "first", "independent", "sizes", "start", "stop")

    def __init__(self, first: int, start: int, *, independent: bool) -> None:
        self.first = first
        self.start = start
        self.independent = independent
        self.stop = 0
        self.end = start
        self.sizes: Counter[int] = Counter()

    @property
    def duration(self) -> int:
        """In microseconds."""
        return self.end - self.start

    def weigh(self, fragment: Fragment, pictures: Collection[int]) -> None:
        """A fragment is in it, of which these tracks are pictures."""
        for packet in fragment.packets:
            extra = PICTURE_OVERHEAD if packet.track in pictures else 0
            self.sizes[packet.track] += len(packet.data) + PACKET_OVERHEAD + extra

    def has(self, choice: Choice | None) -> bool:
        """Whether there is anything in it of what was chosen. No text is something, too."""
        return choice is not None and (
            choice.format == "webvtt" or not choice.tracks.isdisjoint(self.sizes)
        )


class Segment:
    """
    What a playlist lists with one number.

    @ivar name: its URL without the ending.
    @ivar date: when it begins by the clock on the wall, in seconds since the epoch.
    @ivar discontinuity: the number of sets of tracks before its own.
    @ivar parts: those that are complete.
    @ivar growing: the one that is not; L{None} when the segment is complete.
    @ivar cues: packets of text that are still to be seen when it begins.
    """

    def __init__(
        self,
        programme: Programme,
        number: int,
        part: Part,
        *,
        name: str,
        date: float,
        discontinuity: int,
    ) -> None:
        self.programme = programme
        self.number = number
        self.name = name
        self.date = date
        self.discontinuity = discontinuity
        self.start = self.end = part.start
        self.parts: list[Part] = []
        self.growing: Part | None = part
        self.cues: Sequence[Packet] = ()

    @property
    def first(self) -> int:
        """The number of its first fragment."""
        return (self.parts[0] if self.parts else self.growing or Part(0, 0, independent=True)).first

    @property
    def is_complete(self) -> bool:
        """Whether it has all its parts."""
        return self.growing is None

    @property
    def is_there(self) -> bool:
        """Whether the ring still has all of it."""
        return self.first >= self.programme.ring.first

    @property
    def duration(self) -> int:
        """In microseconds; 0 while it grows."""
        return self.end - self.start

    def has(self, choice: Choice | None) -> bool:
        """Whether it is there, and anything in its parts of what was chosen."""
        return self.is_there and any(part.has(choice) for part in self.parts)

    def bitrate(self, tracks: Collection[int]) -> float:
        """How many bits a second these tracks have in it, about; 0 where it has no duration."""
        size = sum(part.sizes[number] for part in self.parts for number in tracks)
        size += PART_OVERHEAD * len(self.parts)
        return size * 8 * SECOND / self.duration if self.duration else 0.0

    def cut(self, time: int, stop: int, following: Part | None) -> None:
        """The growing part ends at this time, before this fragment; another one may follow it."""
        part = self.growing
        assert part is not None
        part.end = max(part.start, time)
        part.stop = stop
        self.parts.append(part)
        self.growing = following
        if following is None:
            self.end = part.end

    def pieces(self, choice: Choice, number: int | None = None) -> list[bytes]:
        """
        The bytes of a part, or of all of it, made once and kept in the ring.

        @param number: the part's place; L{None} is all of the segment, which is complete.
        @raise IndexError: when the ring does not have it any more.
        """
        parts = self.parts if number is None else [self.parts[number]]
        if choice.format == "webvtt":
            return [self._text(choice, parts)]
        return [self._data(choice, part) for part in parts]

    def _data(self, choice: Choice, part: Part) -> bytes:
        ring = self.programme.ring
        kind = "hls", choice
        data = ring[part.first].rendered.get(kind)
        if data is None:
            numbers = range(part.first, part.stop)
            packets = [packet for number in numbers for packet in ring[number].packets]
            data = self.programme.format(choice).render(self._lasting(packets, part))
            ring.render(ring[part.first], kind, data)
        return data

    def _lasting(self, packets: Sequence[Packet], part: Part) -> list[Packet]:
        """A part's packets, of which the last picture lasts up to its end: there was no other."""
        made = list(packets)
        pictures = {track.number for track in self.programme.header.tracks if track.type == "video"}
        last = {packet.track: place for place, packet in enumerate(made)}
        for track in pictures & last.keys():
            packet = made[last[track]]
            lasts = max(packet.duration, part.end - packet.dts)
            made[last[track]] = packet._replace(duration=lasts)
        return made

    def _text(self, choice: Choice, parts: Sequence[Part]) -> bytes:
        """
        The cues that are to be seen at any moment of these parts; they may have come earlier.
        """
        ring = self.programme.ring
        first, last = parts[0], parts[-1]
        kind = "hls", choice, last.stop
        data = ring[first.first].rendered.get(kind)
        if data is None:
            numbers = range(self.first, last.stop)
            came = (packet for number in numbers for packet in ring[number].packets)
            packets = [
                packet
                for packet in (*self.cues, *came)
                if packet.track in choice.tracks
                and packet.pts < last.end
                and shown_until(packet) > first.start
            ]
            packets.sort(key=lambda packet: packet.pts)
            data = TEXT_HEAD + self.programme.format(choice).render(packets)
            ring.render(ring[first.first], kind, data)
        return data
