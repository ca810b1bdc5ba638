"""
The model of time: timestamps of any input, placed on a line that never goes back (I{pure}).

Every packet of an input is placed on one line that begins near 0 and lasts as long as the stream,
through cuts, loops, wrapped counters and senders that come back. All times are microseconds.

The rules::

    input     v 100.00  a 99.3   v 100.04   v 0.00   a 99.9   v 0.04   a 0.02
              '------ epoch 1, one offset ---------'------- epoch 2, one offset -->
    output    v 0.70    a 0.00   v 0.74     v 0.78   a 0.60   v 0.82   a 0.80

 1. An I{epoch} is a stretch of input with one offset between its timestamps and the line. The
    offset is the same for every track in it, so audio and video keep their distance exactly.
 2. A track stays in its epoch while its decoding timestamps go on: no step back of more than
    L{BACK}, nor back to its beginning; none ahead of itself and of the whole stream by more than
    L{AHEAD}.
 3. A track that jumps joins the epoch of another one that has jumped before it, or returns to one
    that it has left (its timestamps were damaged for a while), if what it brings fits there. Those
    that have not jumped stay where they are: they follow when they jump, too.
 4. Otherwise it begins an epoch: where it would have gone on itself; when the input is back at its
    beginning (a loop), where every track has room for all that it had from there. When another
    input has been opened, its first epoch begins where everything before it has ended.
 5. No time is filled twice. When a track comes into an epoch at a time that it has filled already,
    the epoch moves on by so much, with all its tracks. Within an epoch, what would come more than
    L{LATE} late is dropped.
 6. Within a track, decoding timestamps rise by at least 1; C{pts >= dts}. Missing ones are filled
    in: dts from the end of the packet before, pts from dts.
 7. Of a live sender, what arrives together belongs together: a track that begins further than
    L{APART} from the others, by its timestamps, begins an epoch of its own, where they are by now.
    A file's track is where it says, up to L{LOOSE}.
 8. Sparse tracks (subtitles) hold to no epoch, and never make others jump: each of their packets
    goes where it is nearest to the line's end.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from mkvtwist.media.packet import SECOND

LATE = SECOND // 10
"""
Microseconds that a packet may be late and still count as jitter. Decoding timestamps never go back
in a sound input; what rounding and careless muxers do stays below one frame at 10 frames a second.
"""

BACK = SECOND
"""
A step back that is no jump: a second look at the same packets, or a demuxer that has counted on
through damage and reads the right time again.
"""

AHEAD = 10 * SECOND
"""A step ahead that is still taken for a gap, as FFmpeg's C{dts_delta_threshold}."""

LOOSE = 6 * AHEAD
"""
Microseconds that a track's first packet, or a subtitle, may lie from the others: loose
interleaving.
"""

APART = AHEAD + SECOND
"""
Microseconds from the others at which a live sender's track may begin: FFmpeg's muxers hold back up
to 10 s of one track for another.
"""

LAG = SECOND
"""Microseconds that one track runs ahead of another in a file; MPEG-TS muxers let it be 0.7 s."""

LONGEST_DURATION = 86_400 * SECOND
"""A longer duration is nonsense."""

EPOCHS_KEPT = 16
"""Epochs to which a track may return; each damaged timestamp makes one."""


@dataclass(slots=True, eq=False)
class _Epoch:
    number: int
    """The number of the epoch; a later epoch has a greater number."""
    offset: int


@dataclass(slots=True)
class _Track:
    epoch: _Epoch | None = None
    first: int | None = None
    """The first decoding timestamp since the input was opened, as it came in."""
    last: int = 0
    """The last decoding timestamp, as it came in."""
    next: int = 0
    """The timestamp at which the next packet is due, as it will come in."""
    leapt: int | None = None
    """The timestamp at which the last packet was due, if it came in much later."""
    out: int = -1
    """The last decoding time on the line, which begins at 0."""
    due: int = 0
    """The time at which the next packet is due on the line."""
    step: int = 0
    """The distance of two packets, where they do not say their duration."""


class TrackState(NamedTuple):
    """One track in the state of a timeline."""

    number: int
    first: int | None
    out: int
    due: int
    step: int


class TimelineState(NamedTuple):
    """
    The state of a timeline between two inputs: enough for another timeline to go on with L{restart
    <Timeline.restart>}. Epochs belong to one input, and are left out.
    """

    discontinuities: int
    edge: int
    origin: int | None
    tracks: tuple[TrackState, ...]

    @property
    def is_sound(self) -> bool:
        """
        Whether the next input can go on from here: no track is so far ahead of the others that its
        packets would count as late, or would move the line.
        """
        most = self.edge + 2 * LOOSE  # a subtitle may be ahead, and shown later
        return all(max(t.out, t.due) <= most and 0 <= t.step <= LOOSE for t in self.tracks)


class Timeline:
    """
    Places the packets of one stream, for as long as the stream lives.

    @ivar discontinuities: how many epochs began because timestamps jumped.
    @ivar edge: where everything that has been placed ends: the line's end.
    @ivar apart: for each track that began too far from the others to be kept there: how far its
        timestamps were ahead of theirs.
    """

    def __init__(self) -> None:
        self.discontinuities = 0
        self.edge = 0
        self.apart: dict[int, int] = {}
        self._loose = LOOSE
        self._epochs: deque[_Epoch] = deque(maxlen=EPOCHS_KEPT)
        self._count = 0
        self._origin: int | None = None
        self._looped = False
        self._tracks: dict[int, _Track] = {}

    @property
    def state(self) -> TimelineState:
        """Return the state, with which another timeline can go on."""
        tracks = (
            TrackState(number, track.first, track.out, track.due, track.step)
            for number, track in self._tracks.items()
        )
        return TimelineState(self.discontinuities, self.edge, self._origin, tuple(tracks))

    def take_over(self, state: TimelineState) -> None:
        """Go on with the state of another timeline; L{restart} comes next."""
        self.discontinuities, self.edge, self._origin, tracks = state
        self._epochs.clear()
        self._tracks = {
            number: _Track(first=first, out=out, due=due, step=step)
            for number, first, out, due, step in tracks
        }

    def break_off(self) -> None:
        """
        Have every track end at the edge, where the next input begins: the process that placed the
        last packets has crashed, and their places are unknown.
        """
        self._origin = None
        self._epochs.clear()
        for track in self._tracks.values():
            track.epoch = track.first = None
            track.out = max(track.out, self.edge - 1)
            track.due = max(track.due, self.edge)

    def restart(self, origin: int | None = None, *, live: bool = False) -> None:
        """
        Begin anew: a sender came back, or a file is played again.

        @param origin: the earliest timestamp that is expected, where it is known.
        @param live: whether what arrives together belongs together.
        """
        self._loose = APART if live else LOOSE
        self.apart.clear()
        self._looped = origin is not None and origin == self._origin
        self._origin = origin
        self._epochs.clear()
        for track in self._tracks.values():
            track.epoch = None
            if not self._looped:
                track.first = None

    def place(
        self,
        number: int,
        pts: int | None,
        dts: int | None,
        duration: int,
        *,
        sparse: bool = False,
        delay: int = 0,
        step: int = 0,
    ) -> tuple[int, int, int] | None:
        """
        Place one packet.

        @param number: its track.
        @param duration: 0 when unknown.
        @param sparse: whether the track may be silent for any time (subtitles).
        @param delay: how far dts is behind pts when only pts is known (reordered pictures).
        @param step: the duration of a packet of this track, where it is known and the packet does
            not say its own. One above L{LOOSE} is nonsense, as any duration above it.
        @return: (pts, dts, duration) on the line, or L{None} for a packet to drop.
        """
        track = self._tracks.setdefault(number, _Track())
        if 0 < step <= LOOSE:
            track.step = step
        delay = min(delay, LOOSE)
        if dts is None:
            dts = self._decoding_time(track, pts, delay)
            if dts is None:
                return None
        if pts is None or not dts <= pts <= dts + AHEAD:
            pts = dts
        if sparse:
            epoch = self._epoch_of_sparse(dts)
            if epoch is None:
                return None
            duration = max(0, min(duration, LONGEST_DURATION))
        else:
            epoch = self._epoch_of(number, track, dts)
            if track.epoch is None or track.epoch.number < epoch.number:
                self._make_room(track, epoch, pts, dts)
            duration = _follow(track, epoch, dts, duration)
        placed = max(dts + epoch.offset, track.out + 1)
        pts += epoch.offset
        if placed - pts > LATE:
            return None
        track.out = placed
        if not sparse:
            track.due = placed + duration
            self.edge = max(self.edge, track.due)
        return max(pts, placed), placed, duration

    def _decoding_time(self, track: _Track, pts: int | None, delay: int) -> int | None:
        """Return a guess at a decoding timestamp; L{None} if nothing tells it."""
        if track.epoch is None:
            if pts is not None:
                return pts - delay
            # The first of its track that has a time will tell; the very first cannot wait.
            return None if self._epochs else self._origin or 0
        if pts is None:
            return track.next
        if track.next <= pts <= track.next + AHEAD:
            return track.next
        return pts if track.last - BACK <= pts < track.next else pts - delay

    def _epoch_of_sparse(self, dts: int) -> _Epoch | None:
        """Return the epoch of a sparse track's packet; L{None} if it fits none."""
        if not self._epochs:
            self._open(dts if self._origin is None else self._origin)
        epoch = _nearest(dts, self._used(), self.edge)
        return epoch if abs(self._ahead(dts, epoch)) <= LOOSE else None

    def _epoch_of(self, number: int, track: _Track, dts: int) -> _Epoch:
        """Return the epoch that a packet belongs to: its track's, another one, or a new one."""
        if track.first is None:
            track.first = dts
        if not self._epochs:
            return self._open(dts)
        if track.epoch is None:
            epoch = _nearest(dts, self._used(), self.edge)
            ahead = self._ahead(dts, epoch)
            if abs(ahead) <= self._loose:
                return epoch
            self.apart[number] = ahead
            return self._begin(self.edge - dts, jumped=True)
        # Else it is too late to wait until it has caught up.
        current = dts + track.epoch.offset >= track.out - AHEAD - BACK
        if current and _goes_on(track, dts):
            return track.epoch
        found = self._elsewhere(track, track.epoch, dts, current=current)
        return found or self._begin(self._jump(track, dts), jumped=True)

    def _elsewhere(self, track: _Track, own: _Epoch, dts: int, *, current: bool) -> _Epoch | None:
        """Return the epoch, if there is one, of a packet that is not where its track was due."""
        for epoch in reversed(self._epochs):
            if epoch is not own and abs(dts + epoch.offset - track.due) <= LATE:
                self._epochs.remove(epoch)
                self._epochs.append(epoch)
                return epoch
        # It was silent for a while: with all others, or through a jump that it has missed?
        gap = dts > track.last and (dts <= track.next + AHEAD or self._ahead(dts, own) <= AHEAD)
        fits = [own] if gap and current else []
        for epoch in self._used():
            overlap = AHEAD if epoch.number > own.number else LATE
            if -overlap <= dts + epoch.offset - track.due and self._ahead(dts, epoch) <= AHEAD:
                fits.append(epoch)
        # It need not be there yet where the others are; but neither where it was long ago.
        return _nearest(dts, fits, max(track.due, self.edge - LAG)) if fits else None

    def _make_room(self, track: _Track, epoch: _Epoch, pts: int, dts: int) -> None:
        """Move an epoch on if a track that joins it has filled that time already."""
        # Before 0 there may be decoding, but nothing to show.
        begin = epoch.offset + (dts if track.out >= 0 else pts)
        if begin <= track.out:
            epoch.offset += track.due - begin

    def _jump(self, track: _Track, dts: int) -> int:
        """Return the offset of the epoch that a track's jump begins."""
        lags = self.edge - track.due > LAG
        offset = (self.edge if lags else track.due) - dts
        if _is_beginning(track, dts):
            offset = max(offset, self._room(dts))
        return offset

    def _open(self, dts: int) -> _Epoch:
        """Begin the first epoch since the input was opened, and return it."""
        if self._looped:
            return self._begin(self._room(dts))
        origin = self._origin
        if origin is None or abs(dts - origin) > LOOSE:
            origin = dts
        return self._begin(self.edge - min(origin, dts))

    def _room(self, dts: int) -> int:
        """Return the least offset with which every track can begin again as it did at first."""
        rooms = [t.due - t.first for t in self._tracks.values() if t.first is not None]
        offset = max(rooms, default=self.edge - dts)
        return offset if abs(dts + offset - self.edge) <= LOOSE else self.edge - dts

    def _begin(self, offset: int, *, jumped: bool = False) -> _Epoch:
        self.discontinuities += jumped
        self._count += 1
        self._epochs.append(_Epoch(self._count, offset))
        return self._epochs[-1]

    def _used(self) -> list[_Epoch]:
        """Return the epochs that tracks are in."""
        used = [track.epoch for track in self._tracks.values() if track.epoch is not None]
        return used or [self._epochs[-1]]

    def _ahead(self, dts: int, epoch: _Epoch) -> int:
        """Return how far ahead of the line's end a timestamp would be in an epoch."""
        return dts + epoch.offset - self.edge


def _nearest(dts: int, epochs: list[_Epoch], place: int) -> _Epoch:
    """Return the epoch in which a timestamp comes nearest to a place on the line."""
    return min(epochs, key=lambda epoch: abs(dts + epoch.offset - place))


def _goes_on(track: _Track, dts: int) -> bool:
    """Return whether a packet is its track's next one, or brings it back from a leap."""
    if track.leapt is not None and abs(dts - track.leapt) <= LATE:
        return True
    repeated = track.last - BACK <= dts and not _is_beginning(track, dts)
    return dts <= track.next + LATE and (repeated or track.last - LATE <= dts)


def _is_beginning(track: _Track, dts: int) -> bool:
    """Return whether a track is back where it began."""
    return track.first is not None and abs(dts - track.first) <= LATE


def _follow(track: _Track, epoch: _Epoch, dts: int, duration: int) -> int:
    """Note where a track is; return the packet's duration."""
    if track.epoch is epoch:
        track.leapt = track.next if dts > track.next + BACK else None
        if dts > track.last:
            track.step = min(dts - track.last, SECOND) if not duration else track.step
    else:
        track.leapt = None
    if not 0 < duration <= LOOSE:
        duration = track.step
    track.epoch, track.last, track.next = epoch, dts, dts + duration
    return duration
