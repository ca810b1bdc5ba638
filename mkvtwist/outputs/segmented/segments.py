"""
Segments and their parts: runs of fragments in a period's ring, and their bytes (I{pure}).
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from mkvtwist.formats.registry import Choice
from mkvtwist.formats.webvtt import shown_until
from mkvtwist.live.period import Period
from mkvtwist.media.packet import SECOND, Packet

PACKET_OVERHEAD = 16
PICTURE_OVERHEAD = 104
PART_OVERHEAD = 200
"""
Bytes in MP4 for each packet (an entry of trun), for each picture (a moof), and for each part (the
sound in its first moof), about.
"""

TEXT_HEAD = b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"
"""Times in text are those in MP4 (RFC 8216, 3.5)."""


class Place(NamedTuple):
    """
    A packet's place in a period's ring.

    @ivar fragment: the number of its fragment.
    @ivar packet: how many of the fragment's packets are before it.
    """

    fragment: int
    packet: int = 0


class Part:
    """
    A run of packets in a segment.

    Parts follow the media's time, not what arrived together: a fragment may hold several.

    @ivar first: the place of its first packet.
    @ivar stop: the place behind its last one; L{None} while it grows.
    @ivar steps: how many packets tell the time in it.
    @ivar start: in microseconds.
    @ivar end: likewise; meaningless while it grows.
    @ivar independent: whether it begins with a keyframe.
    @ivar lasts: how long its newest picture lasts at least, in microseconds.
    @ivar sizes: how many bytes each track has in it, about, by its number.
    """

    __slots__ = ("end", "first", "independent", "lasts", "sizes", "start", "steps", "stop")

    def __init__(self, first: Place, start: int, *, independent: bool) -> None:
        self.first = first
        self.start = start
        self.independent = independent
        self.lasts = 0
        self.stop: Place | None = None
        self.steps = 1
        self.end = start
        self.sizes: dict[int, int] = {}

    @property
    def duration(self) -> int:
        """In microseconds."""
        return self.end - self.start

    def weigh(self, packet: Packet, pictures: Collection[int]) -> None:
        """
        Count the bytes of a packet that belongs to the part.

        @param pictures: the tracks that are pictures.
        """
        extra = PICTURE_OVERHEAD if packet.track in pictures else 0
        size = self.sizes.get(packet.track, 0)
        self.sizes[packet.track] = size + len(packet.data) + PACKET_OVERHEAD + extra

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
        period: Period,
        number: int,
        part: Part,
        *,
        name: str,
        date: float,
        discontinuity: int,
    ) -> None:
        self.period = period
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
        part = self.parts[0] if self.parts else self.growing
        assert part is not None  # a segment begins with a part
        return part.first.fragment

    @property
    def is_independent(self) -> bool:
        """Whether it begins with a keyframe; all sound does."""
        part = self.parts[0] if self.parts else self.growing
        return part is not None and part.independent

    @property
    def is_complete(self) -> bool:
        """Whether it has all its parts."""
        return self.growing is None

    @property
    def is_there(self) -> bool:
        """Whether the ring still has all of it."""
        return self.first >= self.period.ring.first

    @property
    def duration(self) -> int:
        """In microseconds; 0 while it grows."""
        return self.end - self.start

    def has(self, choice: Choice | None) -> bool:
        """Whether it is there, and anything in its parts of what was chosen."""
        return self.is_there and any(part.has(choice) for part in self.parts)

    def bitrate(self, tracks: Collection[int]) -> float:
        """How many bits a second these tracks have in it, about; 0 where it has no duration."""
        size = sum(part.sizes.get(number, 0) for part in self.parts for number in tracks)
        size += PART_OVERHEAD * len(self.parts)
        return size * 8 * SECOND / self.duration if self.duration else 0.0

    def cut(self, time: int, stop: Place, following: Part | None) -> None:
        """
        End the growing part.

        @param time: when it ends, in microseconds.
        @param stop: the place behind its last packet.
        @param following: the next part; L{None} if the segment is complete.
        """
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
        ring = self.period.ring
        first = ring[part.first.fragment]
        kind = "hls", choice, part.first.packet
        data = first.rendered.get(kind)
        if data is None:
            packets = self._between(part.first, part.stop)
            data = self.period.format(choice).render(self._lasting(packets, part))
            ring.render(first, kind, data)
        return data

    def _between(self, first: Place, stop: Place | None) -> list[Packet]:
        """
        Return the packets from one place up to another.

        @raise IndexError: when the ring has lost the first of them.
        """
        assert stop is not None  # only parts that are complete have bytes
        fragments = self.period.ring.between(first.fragment, stop.fragment + bool(stop.packet))
        packets = [packet for fragment in fragments for packet in fragment.packets]
        if stop.packet:
            last = self.period.ring[stop.fragment].packets
            del packets[len(packets) - len(last) + stop.packet :]
        return packets[first.packet :]

    def _lasting(self, packets: Sequence[Packet], part: Part) -> list[Packet]:
        """
        Return a part's packets, of which the last picture lasts up to its end: there was no other.
        Slow pictures last for longer, and the parts after this one have sound alone.
        """
        made = list(packets)
        pictures = {track.number for track in self.period.header.tracks if track.type == "video"}
        last = {packet.track: place for place, packet in enumerate(made)}
        for track in pictures & last.keys():
            packet = made[last[track]]
            lasts = max(packet.duration, part.end - packet.dts, part.lasts)
            made[last[track]] = packet._replace(duration=lasts)
        return made

    def _text(self, choice: Choice, parts: Sequence[Part]) -> bytes:
        """
        The cues that are to be seen at any moment of these parts; they may have come earlier.
        """
        ring = self.period.ring
        first, last = parts[0], parts[-1]
        fragment = ring[first.first.fragment]
        kind = "hls", choice, first.first.packet, last.stop
        data = fragment.rendered.get(kind)
        if data is None:
            came = self._between(Place(self.first), last.stop)
            packets = [
                packet
                for packet in (*self.cues, *came)
                if packet.track in choice.tracks
                and packet.pts < last.end
                and shown_until(packet) > first.start
            ]
            packets.sort(key=lambda packet: packet.pts)
            data = TEXT_HEAD + self.period.format(choice).render(packets)
            ring.render(fragment, kind, data)
        return data
