"""
A period: what is sent under one header; its tracks, its fragments, its muxers (I{pure}).

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
from typing import Any

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.choice import Choice
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.replay import Replay, guide
from mkvtwist.live.fragment import Fragment
from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import SECOND, Header, Packet
from mkvtwist.media.silence import Silences

FRAGMENT_SPAN = SECOND // 4
FRAGMENT_BYTES = 256 << 10
"""
What makes one fragment at most when much arrives at once: a client that joins then has a piece of
a size that its socket takes.
"""

TIMED_SEGMENT = SECOND
"""How long a segment without pictures is, in microseconds: any packet would do to join at."""

LONGEST_PAUSE = SECOND
"""How long a pause between two pictures is taken to be at most, in microseconds."""

FADING = 8
"""A long one is forgotten by 1 in 2 to the power of this with each picture: in 10 seconds or so."""

MUXERS_KEPT = 64
"""
Muxers that are kept, one for each choice of tracks, for those who ask piece by piece: their heads
are a kilobyte or two each. An audience has its own.
"""


class Period:
    """
    A header and what has come since.

    @ivar ring: its fragments.
    @ivar everything: all tracks, in the format that has a place for all of them.
    @ivar released: clients may have the fragments before this number.
    @ivar closed: no more fragments will come.
    """

    def __init__(self, header: Header, ring: Ring, choices: int = MUXERS_KEPT) -> None:
        """
        @param choices: of tracks whose muxers are kept.
        """
        self.header = header
        self.ring = ring
        self.released = 0
        self.closed = False
        self.everything = Choice(MATROSKA, header.numbers)
        self._most_muxers = choices
        self._muxers: dict[Choice, Muxer[Any]] = {}  # the one that was wanted longest ago first
        self._videos = [track.number for track in header.tracks if track.type == "video"]
        self._video = self._videos[0] if self._videos else None
        self._sparse = header.sparse
        self._silences = Silences(header.numbers - header.sparse)
        self._segment: int | None = None
        self._picture: int | None = None  # when the last one was decoded
        self._waited = 0  # for a picture of late; forgotten slowly
        self._pause = 0

    def muxer(self, choice: Choice) -> Muxer[Any]:
        """Return what makes the bytes of a choice, of this header's packets."""
        made = self._muxers.pop(choice, None)
        if made is None:
            made = choice.format.muxer(self.header, choice.tracks)
        self._muxers[choice] = made
        if len(self._muxers) > self._most_muxers:
            del self._muxers[next(iter(self._muxers))]
        return made

    @property
    def quiet(self) -> frozenset[int]:
        """
        The numbers of the tracks that a newcomer does not get at once.

        Nothing of them comes, or no picture could be decoded before the next keyframe.
        """
        quiet = {
            number
            for number in self.header.numbers - self._sparse
            if self._silences.is_quiet(number)
        }
        newest = self.ring.newest_start
        if self._video is not None and newest is not None and not self.ring[newest].decodable:
            quiet.add(self._video)
        return frozenset(quiet)

    def since(self, behind: int) -> list[Packet]:
        """
        Return the packets that clients may have, from a keyframe on, if there is one.

        @param behind: microseconds before the live edge; the keyframe is there or before, as
            L{Ring.place} finds it.
        """
        place = self.ring.place(behind, decodable=True)
        if place is None:
            return []
        fragments = self.ring.between(place, self.released)
        return [packet for fragment in fragments for packet in fragment.packets]

    def replay(self, choice: Choice, seconds: float) -> Replay | None:
        """Return the last seconds of a choice of tracks; L{None} if there is nothing of them."""
        packets = [p for p in self.since(round(seconds * SECOND)) if p.track in choice.tracks]
        if not packets:
            return None
        return Replay(self.header.only(choice.tracks), choice.format, self.muxer(choice), packets)

    @property
    def has_keyframe(self) -> bool:
        """Whether a picture can be decoded."""
        return self.ring.place(0, decodable=True) is not None

    def keyframe(self) -> bytes:
        """
        Return the newest keyframe behind the header, as Matroska.

        @raise ValueError: if there is none.
        """
        place = self.ring.place(0, decodable=True)
        if place is None:
            raise ValueError("there is no keyframe")
        number = guide(self.header.tracks)
        key = next(p for p in self.ring[place].packets if p.track == number and p.key)
        muxer = self.muxer(self.everything)
        return muxer.head + muxer.render([key])

    def fragments(self, packets: Iterable[Packet]) -> Iterable[Fragment]:
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
            if packet.track == self._video:
                self._pause = self._pause_with(packet)
        if group:
            yield self._appended(group, key=key)

    def _appended(self, group: Sequence[Packet], *, key: bool) -> Fragment:
        decodable = key and self._video in (None, group[0].track)
        return self.ring.append(group, key=key, decodable=decodable, pause=self._pause)

    def _pause_with(self, picture: Packet) -> int:
        """
        Return how long a picture was waited for of late, with this one.

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
