"""
The timeline of a stream while a worker has it (I{pure}).

Media may have taken over the worker. So the server checks each message that moves the timeline: the
next reader must be able to go on from where this one ends.
"""

from mkvtwist.libav.packets.pace import Pace
from mkvtwist.libav.wire import Timing, WireError
from mkvtwist.media.packet import Header, Packet
from mkvtwist.media.timeline import LONGEST_DURATION, Timeline

LONGEST_READING = 1 << 48
"""
Microseconds by which one worker may move the timeline: nine years. So no worker brings it to where
times have no room in 64 bits.
"""


class LentTimeline:
    """
    The timeline and the pace of a stream, which a worker moves on.

    The edge moves with each packet, so that it is known if the worker crashes.

    @ivar is_lent: whether the worker has them.
    """

    def __init__(self, timeline: Timeline, pace: Pace) -> None:
        self.is_lent = False
        self._timeline = timeline
        self._pace = pace
        self._stop = 0  # the edge does not get there
        self._tracks: frozenset[int] = frozenset()  # of the header
        self._timed: frozenset[int] = frozenset()  # those that tell the time
        self._placed: dict[int, int] = {}  # the last decoding time of each track
        self._is_told = False  # whether no packet has come since the worker told its timeline

    def lend(self) -> Timing:
        """Return the timeline as the worker gets it."""
        self.is_lent = True
        self._stop = self._timeline.edge + LONGEST_READING
        return Timing(self._timeline.state, self._pace.zero)

    def begin(self, header: Header) -> None:
        """
        Take note of the tracks of which packets come.

        @raise WireError: when the worker does not have the timeline.
        """
        self._check_lent()
        self._tracks, self._timed = header.numbers, header.numbers - header.sparse
        self._placed.clear()

    def place(self, packet: Packet) -> None:
        """
        Move the edge to the end of a packet, if it is later.

        @raise WireError: when no timeline would have placed the packet so.
        """
        if not self.is_lent or packet.track not in self._tracks:
            raise WireError("a packet is of no track")
        track, pts, dts, duration = packet[:4]
        if dts <= self._placed.get(track, dts - 1) or pts < dts:
            raise WireError("a packet goes back in time")
        edge = self._timeline.edge
        if max(dts - edge, pts - dts, duration) > LONGEST_DURATION or packet.end >= self._stop:
            raise WireError("a packet is far ahead of its time")
        self._is_told = False
        self._placed[track] = dts
        if track in self._timed and packet.end > edge:
            self._timeline.edge = packet.end

    def follow(self, timing: Timing) -> None:
        """
        Move the timeline to where the worker's is, never back.

        @raise WireError: when the worker does not have the timeline, or none would be like that.
        """
        self._check_lent()
        timeline, state = self._timeline, timing.timeline
        edge = timeline.edge
        if state.edge - edge > LONGEST_DURATION or state.edge >= self._stop or not state.is_sound:
            raise WireError("a timeline is far ahead of its packets")
        timeline.take_over(state)
        timeline.edge = max(timeline.edge, edge)
        self._pace.take_over(timing.zero, timeline.edge)
        self._is_told = True

    def end(self) -> None:
        """
        Take the timeline back from a worker that has brought it back.

        @raise WireError: when it has not.
        """
        if self.is_lent and not self._is_told:
            raise WireError("its timeline has not come back")
        self.is_lent = False

    def break_off(self) -> None:
        """Take the timeline back from a worker that has not brought it back."""
        if self.is_lent:
            self.is_lent = False
            self._timeline.break_off()

    def _check_lent(self) -> None:
        if not self.is_lent:
            raise WireError("the timeline belongs to another reader")
