"""
A period: a header, its ring and its muxers (I{pure}).
"""

from typing import Any

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.choice import Choice
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.replay import Replay, guide
from mkvtwist.live.ring import Ring
from mkvtwist.live.segmenter import Segmenter
from mkvtwist.media.packet import SECOND, Header, Packet

MUXERS_KEPT = 64
"""
Muxers that are kept, one for each choice of tracks, for segmented outputs: their heads are a
kilobyte or two each. An audience has its own.
"""


class Period:
    """
    A header and the fragments since.

    @ivar ring: its fragments.
    @ivar segmenter: makes them of packets.
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
        self.segmenter = Segmenter(header, ring)

    def muxer(self, choice: Choice) -> Muxer[Any]:
        """Return the muxer for a choice of tracks."""
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
        Return the numbers of the tracks that a new client does not get at once.

        They are silent, or their pictures cannot be decoded before the next keyframe.
        """
        quiet = self.segmenter.silent
        newest = self.ring.newest_start
        video = self.segmenter.video
        if video is not None and newest is not None and not self.ring[newest].decodable:
            quiet |= {video}
        return quiet

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
        """Return whether the ring has a keyframe, of which a still can be made."""
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
