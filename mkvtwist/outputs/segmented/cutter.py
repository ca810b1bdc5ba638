"""
The cutter: cuts segments and parts as the stream comes, with or without viewers (I{pure}).

The rules are those of L{mkvtwist.outputs.segmented}. The cutter writes no text: playlists are pure
functions of a L{Snapshot}.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from mkvtwist.formats.webvtt import WEBVTT, shown_until
from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period
from mkvtwist.live.sink import Sink
from mkvtwist.media.packet import SECOND, Packet
from mkvtwist.outputs.segmented.media_clock import MediaClock
from mkvtwist.outputs.segmented.segment_list import SegmentList
from mkvtwist.outputs.segmented.segments import Cut, GrowingPart, Segment
from mkvtwist.outputs.segmented.snapshot import Edge, Snapshot, Window
from mkvtwist.outputs.segmented.targets import Targets

SHORTEST = SECOND - 10_000
"""
Microseconds that a segment is long at least; where GOPs are shorter (every picture a keyframe) it
has several. One request a second for each viewer, and numbers that do not overtake the clock. The
10 ms are for timestamps that were rounded.
"""

DRIFT = 2.0
"""
Seconds by which a segment's date may be off the clock before it is set again: when the input was
away or has caught up, or the clock was set.
"""

DISCONTINUITIES = 100_000
"""
The first discontinuity's number is the second of the start modulo this, about a day: after a
restart, when timestamps begin anew, it is another one. Not larger, since hls.js counts up to it.
"""

MOST_PARTS = 1_000
"""
Parts of a growing segment, eight minutes: twice a second each viewer gets a list of them all, 70 KB
in the end. One that has more is given up: no player could begin in the next quarter of an hour.
"""

CUES = 100
"""Cues that are to be seen at once, at most: a screen full of them."""


class Cutter(Sink):
    """
    Cuts one stream into segments, over all its periods.

    @ivar run: the name of this start of the stream, in URLs.
    @ivar edge: how far the cutting has come.
    @ivar segments: the segments that have been cut.
    @ivar finished: nothing more will come.
    @ivar lists_parts: whether parts are listed, or segments only when they are complete.
    @ivar observers: called when there may be more to list, and at the end; they must not fail.
    """

    def __init__(
        self,
        kept: float,
        *,
        parts: bool = True,
        most_parts: int = MOST_PARTS,
        date: Callable[[], float] = time.time,
    ) -> None:
        """
        @param kept: seconds that the ring keeps.
        @param parts: whether parts are listed, too.
        @param most_parts: how many parts a segment has before it is given up.
        @param date: returns the seconds since the epoch.
        """
        started = date()
        self.observers: list[Callable[[], None]] = []
        self.run = f"{round(started * 1000):x}"
        self.edge = Edge(int(started), 0)
        self.finished = False
        self._now = date
        self.lists_parts = parts
        self._most_parts = most_parts
        self.segments = SegmentList()
        self._growing: GrowingPart | None = None  # of the last segment, if that is not complete
        self._discontinuity = int(started) % DISCONTINUITIES
        self._has_begun = False  # whether a segment of this period has begun
        self._period: Period | None = None
        self._clock = MediaClock()
        self._targets = Targets()
        self._window = Window(round(kept * SECOND))
        self._oldest = 0
        self._written: frozenset[int] = frozenset()  # the tracks of text
        self._cues: list[Packet] = []
        self._was_listed = False
        self._snapshot: Snapshot | None = None

    # what comes

    def begin(self, period: Period) -> None:
        """Go on with other tracks; of the tracks before only the last that have segments remain."""
        self._leave()
        self.segments.keep_newest_period()
        self._period = period
        self._targets.begin()
        self._cues.clear()
        self._clock.begin(period.header)
        self._written = WEBVTT.fitting(period.header.tracks)

    def append(self, fragment: Fragment) -> None:
        """Cut the next fragment, which is in the period's ring."""
        period = self._period
        assert period is not None
        if period.ring.first != self._oldest:
            self._oldest = period.ring.first
            self._drop_gone(period)
        clock = self._clock
        if not clock.leading:
            return
        begins = fragment.key
        for offset, packet in enumerate(fragment.packets):
            told = clock.tell(packet)
            if told is not None:
                independent = packet.key and packet.track in clock.leading
                growing = self._growing
                if begins and self._is_over(told, independent=independent):
                    cut = Cut(fragment.number, offset)
                    self._begin(period, GrowingPart(cut, told, independent=independent))
                elif growing is not None and not self._takes(growing, told):
                    cut = Cut(fragment.number, offset)
                    self._go_on(growing, GrowingPart(cut, told, independent=independent))
                begins = False
            elif packet.track in self._written:
                self._cues.append(packet)
                del self._cues[:-CUES]
            if self._growing is not None:
                self._growing.weigh(packet, clock)

    def forget(self) -> None:
        """
        Drop all segments, which are old. The next one is the first that is listed, and may have
        other tracks.
        """
        self._leave()
        self.segments.clear()
        self._period = None

    def flush(self) -> None:
        """Tell the observers that there may be more to list."""
        for observe in self.observers:
            observe()

    def end(self, *, for_good: bool) -> None:
        """
        End, if it is for good: players never load a playlist again that says that it has ended.

        @param for_good: whether this is the end of the stream; else the server stops, and may be
            back soon.
        """
        if for_good:
            self._close(self._clock.end)
            self.finished = True
            self._snapshot = None
        self.flush()

    # for views

    @property
    def target(self) -> float:
        """The target duration, in seconds."""
        return float(self._targets.segment)

    @property
    def part_target(self) -> int:
        """The target duration of parts, in microseconds."""
        return self._targets.part

    def snapshot(self) -> Snapshot:
        """Return what can be listed now, the same until there is more; there must be a segment."""
        if self._snapshot is None:
            self._snapshot = self._taken()
            self._was_listed = True
        return self._snapshot

    def _taken(self) -> Snapshot:
        *segments, newest = self.segments.all
        growing, ahead = None, 0
        if newest.is_complete:
            segments.append(newest)
        else:
            growing, ahead = newest, self._clock.end - newest.start
            self._targets.rise(ahead)
        target = self._targets.segment
        listed = self._window.listed(segments, target)
        period = self._period if self._clock.leading else None
        return Snapshot(
            segments=listed,
            growing=growing,
            ahead=ahead,
            target=target,
            part_target=self._targets.part if self.lists_parts else None,
            first_with_parts=self._window.first_with_parts(listed, ahead, target),
            edge=self.edge,
            header=period.header if period is not None else None,
            finished=self.finished,
        )

    # cutting

    def _takes(self, growing: GrowingPart, start: int) -> bool:
        """Return whether a part has room for the packet that has come; if so, count the packet."""
        duration = self._clock.end - growing.start
        if self._targets.is_beyond(duration, start - growing.start, growing.steps):
            return False
        growing.steps += 1
        return True

    def _is_over(self, start: int, *, independent: bool) -> bool:
        """
        Return whether the next segment may begin: the one before is long enough, or has no keyframe
        at its beginning and this one has.
        """
        before = self.segments.newest
        if before is None or before.is_complete:
            return True
        return start - before.start >= SHORTEST or (independent and not before.is_independent)

    def _begin(self, period: Period, part: GrowingPart) -> None:
        """End a segment, and begin the next one."""
        self._close(part.start, part.first)
        self._cues = [packet for packet in self._cues if shown_until(packet) > part.start]
        number = self.edge.segment
        segment = Segment(
            period,
            number,
            name=f"{self.run}-{number}",
            date=self._date(part.start),
            discontinuity=self._discontinuity,
            first=part.first,
            start=part.start,
            is_independent=part.independent,
            cues=tuple(self._cues),
        )
        self.segments.append(segment)
        self._growing = part
        self._has_begun = True
        self._drop_gone(period)

    def _date(self, start: int) -> float:
        """Return the date at which a segment begins."""
        now, last = self._now(), self.segments.newest
        if last is None:
            return now
        expected = last.date + (start - last.start) / SECOND
        if expected > now and not self._was_listed:
            # What comes at once at the start was there before.
            self.segments.date_back(expected - now)
            return now
        return expected if abs(expected - now) < DRIFT else now

    def _go_on(self, growing: GrowingPart, part: GrowingPart) -> None:
        """End a part, and begin the next one of the same segment."""
        segment = self._end_part(growing, part.first, part.start, is_last=False)
        self._growing = part
        self.edge = Edge(segment.number, len(segment.parts))
        if len(segment.parts) >= self._most_parts:
            self._give_up(segment)

    def _close(self, end: int, stop: Cut | None = None) -> None:
        """End the growing segment, if there is one."""
        if self._growing is not None:
            segment = self._end_part(self._growing, stop, end, is_last=True)
            self._targets.cover(segment.duration)
            self.edge = Edge(segment.number + 1, 0)

    def _end_part(
        self, growing: GrowingPart, stop: Cut | None, end: int, *, is_last: bool
    ) -> Segment:
        segment = self.segments.newest
        assert segment is not None  # a part grows in it
        part = growing.complete(stop or Cut(segment.period.ring.end), end)
        segment = replace(segment, parts=(*segment.parts, part), is_complete=is_last)
        self.segments.replace(segment)
        self._growing = None
        self._snapshot = None
        return segment

    def _leave(self) -> None:
        """End the period: what comes next is behind a discontinuity."""
        self._close(self._clock.end)
        self._snapshot = None
        self._discontinuity += self._has_begun
        self._has_begun = False

    def _drop_gone(self, period: Period) -> None:
        """Drop segments that the ring has lost; give up a growing one that it has lost."""
        self._snapshot = None
        newest = self.segments.newest
        if newest is not None and not newest.is_complete and not newest.is_there:
            self._give_up(newest)
        # Where one grows for longer than all is kept, the last complete one remains, as a gap:
        # without one there is no playlist, and players of the parts would lose them.
        self.segments.drop_gone(period, least=0 if self._growing is None else 2)

    def _give_up(self, growing: Segment) -> None:
        """Drop a segment that no client can begin with; the next keyframe begins another one."""
        self.edge = Edge(growing.number + 1, 0)
        self.segments.clear()
        self._growing = None
        self._snapshot = None
