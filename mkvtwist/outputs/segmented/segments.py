"""
Segments and their parts: runs of fragments in a period's ring, and their bytes (I{pure}).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mkvtwist.formats.choice import Choice
from mkvtwist.formats.webvtt import WEBVTT, shown_until
from mkvtwist.live.period import Period
from mkvtwist.media.packet import SECOND, Packet
from mkvtwist.outputs.segmented.media_clock import MediaClock

PACKET_OVERHEAD = 16
PICTURE_OVERHEAD = 104
PART_OVERHEAD = 200
"""
Bytes in MP4 for each packet (an entry of trun), for each picture (a moof), and for each part (the
sound in its first moof), about.
"""

TEXT_HEAD = b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"
"""Times in text are those in MP4 (RFC 8216, 3.5)."""


class Cut(NamedTuple):
    """
    A place between two packets of a period's ring.

    @ivar fragment: the number of the fragment that the packet behind it is in.
    @ivar packet: how many of this fragment's packets are before it.
    """

    fragment: int
    packet: int = 0


class Part(NamedTuple):
    """
    A run of packets in a segment.

    Parts follow the media's time, not what arrived together: a fragment may hold several.

    @ivar first: before its first packet.
    @ivar stop: behind its last one.
    @ivar start: in microseconds.
    @ivar end: in microseconds.
    @ivar independent: whether it begins with a keyframe.
    @ivar lasts: how long its newest picture lasts at least, in microseconds.
    @ivar sizes: how many bytes each track has in it, about, by the track's number.
    """

    first: Cut
    stop: Cut
    start: int
    end: int
    independent: bool
    lasts: int
    sizes: Mapping[int, int]

    @property
    def duration(self) -> int:
        """In microseconds."""
        return self.end - self.start

    def has(self, choice: Choice | None) -> bool:
        """Return whether the part has something of these tracks; a text may be empty."""
        return choice is not None and (
            choice.format is WEBVTT or not choice.tracks.isdisjoint(self.sizes)
        )


class GrowingPart:
    """
    A part to which packets are still added.

    @ivar first: before its first packet.
    @ivar start: in microseconds.
    @ivar independent: whether it begins with a keyframe.
    @ivar steps: how many packets tell the time in it.
    @ivar lasts: how long its newest picture lasts at least, in microseconds.
    """

    __slots__ = ("_sizes", "first", "independent", "lasts", "start", "steps")

    def __init__(self, first: Cut, start: int, *, independent: bool) -> None:
        self.first = first
        self.start = start
        self.independent = independent
        self.lasts = 0
        self.steps = 1
        self._sizes: dict[int, int] = {}

    def weigh(self, packet: Packet, clock: MediaClock) -> None:
        """
        Count the bytes of a packet that belongs to the part.

        @param clock: knows which packets are pictures, and how long these stand.
        """
        track = packet.track
        size = self._sizes.get(track, 0) + len(packet.data) + PACKET_OVERHEAD
        if track in clock.pictures:
            size += PICTURE_OVERHEAD
            self.lasts = clock.usual_pause(track)
        self._sizes[track] = size

    def complete(self, stop: Cut, end: int) -> Part:
        """Return the part, which has all its packets."""
        end = max(self.start, end)
        return Part(self.first, stop, self.start, end, self.independent, self.lasts, self._sizes)


@dataclass(frozen=True, eq=False)
class Segment:
    """
    A run of parts, listed under one number; while it grows, each part makes another value of it.

    @ivar name: its URL without the ending.
    @ivar date: when it begins by the clock on the wall, in seconds since the epoch.
    @ivar discontinuity: the number of sets of tracks before its own.
    @ivar first: before its first packet.
    @ivar start: in microseconds.
    @ivar is_independent: whether it begins with a keyframe; all sound does.
    @ivar cues: packets of text that are still to be seen when it begins.
    @ivar parts: those that are complete.
    @ivar is_complete: whether it has all its parts.
    """

    period: Period
    number: int
    name: str
    date: float
    discontinuity: int
    first: Cut
    start: int
    is_independent: bool
    cues: Sequence[Packet] = ()
    parts: tuple[Part, ...] = ()
    is_complete: bool = False

    @property
    def is_there(self) -> bool:
        """Return whether the ring still has the whole segment."""
        return self.first.fragment >= self.period.ring.first

    @property
    def end(self) -> int:
        """The end of its last part, in microseconds."""
        return self.parts[-1].end if self.parts else self.start

    @property
    def duration(self) -> int:
        """In microseconds."""
        return self.end - self.start

    def has(self, choice: Choice | None) -> bool:
        """Return whether the segment is there, and has something of these tracks."""
        return self.is_there and any(part.has(choice) for part in self.parts)

    def bitrate(self, tracks: Collection[int]) -> float:
        """Return about how many bits a second these tracks have in it; 0 without a duration."""
        size = sum(part.sizes.get(number, 0) for part in self.parts for number in tracks)
        size += PART_OVERHEAD * len(self.parts)
        return size * 8 * SECOND / self.duration if self.duration else 0.0

    def body(self, choice: Choice, number: int | None = None) -> list[bytes]:
        """
        Return the bytes of a part, or of the whole segment, made once and kept in the ring.

        @param number: the part's place; L{None} is all of the segment, which is complete.
        @raise IndexError: when the ring does not have it any more.
        """
        parts = self.parts if number is None else (self.parts[number],)
        if choice.format is WEBVTT:
            return [self._text(choice, parts)]
        return [self._data(choice, part) for part in parts]

    def _data(self, choice: Choice, part: Part) -> bytes:
        ring = self.period.ring
        first = ring[part.first.fragment]
        kind = "part", choice, part.first.packet
        data = first.rendered.get(kind)
        if data is None:
            packets = self._between(part.first, part.stop)
            data = self.period.muxer(choice).render(self._lasting(packets, part))
            ring.render(first, kind, data)
        return data

    def _between(self, first: Cut, stop: Cut) -> list[Packet]:
        """
        Return the packets from one cut up to another.

        @raise IndexError: when the ring has lost the first of them.
        """
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
        """Return the cues that are to be seen in these parts; they may have come earlier."""
        ring = self.period.ring
        first, last = parts[0], parts[-1]
        fragment = ring[first.first.fragment]
        kind = "part", choice, first.first.packet, last.stop
        data = fragment.rendered.get(kind)
        if data is None:
            came = self._between(Cut(self.first.fragment), last.stop)
            packets = [
                packet
                for packet in (*self.cues, *came)
                if packet.track in choice.tracks
                and packet.pts < last.end
                and shown_until(packet) > first.start
            ]
            packets.sort(key=lambda packet: packet.pts)
            data = TEXT_HEAD + self.period.muxer(choice).render(packets)
            ring.render(fragment, kind, data)
        return data
