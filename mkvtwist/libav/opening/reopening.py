"""
Opening an input once more, where its tracks have changed (I{remux thread}).

libavformat parses before the input has shown everything, and PyAV's list of tracks is as old as the
opening. So the demuxer's own list is compared with it now and then; MPEG-TS and MPEG-PS, which can
be read from the middle, are opened anew when a track has turned up.
"""

from collections.abc import Collection
from dataclasses import dataclass

from mkvtwist.libav.adapters import Adapter
from mkvtwist.libav.opening.container_description import ContainerDescription
from mkvtwist.libav.opening.mpegts_programs import SentProgram
from mkvtwist.libav.pyav_types import AVPacket
from mkvtwist.media.packet import SECOND

LOOK_EVERY = 25
"""Packets between two looks at the demuxer's tracks: a few times a second, 60 microseconds each."""

SETTLED = 5 * SECOND
"""Media between two times that the input is opened anew for its tracks."""

READ_TWICE = 2 * SECOND
"""
Media that is read twice so that a track which has turned up begins with the packet that showed it.
MPEG-TS tells the end of a picture by the next one: where pictures are rare, it comes far behind.
"""


@dataclass(frozen=True, slots=True)
class Resumption:
    """
    The place and the manner to go on with an input that is opened anew.

    @ivar place: the byte to begin at.
    @ivar edge: where the stream's line of time stands.
    @ivar blind: the tracks about which nothing was known at the opening; another one would hardly
        help those.
    @ivar program: the program that is sent.
    """

    place: int
    edge: int
    blind: frozenset[int]
    program: int | None


class TracksChanged(Exception):
    """
    The exception when the demuxer has tracks that PyAV cannot give, or knows nothing about.

    @ivar resumption: how to go on.
    """

    def __init__(self, resumption: Resumption) -> None:
        super().__init__(resumption)
        self.resumption = resumption


class Reopening:
    """Knows where a container is being read, and when opening it anew is worth while."""

    def __init__(
        self, description: ContainerDescription, program: SentProgram, before: Resumption | None
    ) -> None:
        """
        @param before: why the input was opened anew for this container, if it was.
        """
        self._description = description
        self._program = program
        self._before = before
        self._known = frozenset(t for t in description.first if program.has(t.index))
        self._base = self._place = self._furthest = before.place if before else 0

    def read(self, packet: AVPacket) -> None:
        """Note a packet of the demuxer's."""
        if packet.pos is not None:
            self._place = self._base + packet.pos
            self._furthest = max(self._furthest, self._place)

    def is_due(self) -> bool:
        """Return whether the demuxer has found more of what is sent than it knew at the opening."""
        if not self._description.resumable:
            return False
        tracks = self._description.tracks() - self._known
        if tracks:
            self._program.look()
        return any(self._program.has(track.index) for track in tracks)

    def helps(self, adapter: Adapter) -> bool:
        """Return whether another opening may describe a track that this one has not."""
        was_blind = self._before is not None and adapter.stream.index in self._before.blind
        return self._description.resumable and not adapter.was_shaped and not was_blind

    def ask(self, edge: int, adapters: Collection[Adapter], dts: int | None = None) -> None:
        """
        Ask for another opening, unless there has just been one.

        @param edge: where the stream's line of time stands.
        @param dts: the time of the packet that asks for it, if one does.
        @raise TracksChanged: nearly always.
        """
        if dts is not None and edge - dts > READ_TWICE:
            self._place = self._furthest
        if self._before is None or not adapters or edge - self._before.edge >= SETTLED:
            blind = frozenset(a.stream.index for a in adapters if not a.was_shaped)
            raise TracksChanged(Resumption(self._place, edge, blind, self._program.number))
