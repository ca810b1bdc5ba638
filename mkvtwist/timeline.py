"""
The one model of time: whatever comes in, what goes out never goes back (I{pure}).

Every packet of an input is placed on one line that begins near 0 and lasts as long as the stream,
through cuts, loops, wrapped counters and senders that come back. All times are microseconds.

The rules::

    input     v 100.00  a 99.3   v 100.04   v 0.00   a 99.9   v 0.04   a 0.02
              '------ epoch 1, one offset ---------'------- epoch 2, one offset -->
    output    v 0.70    a 0.00   v 0.74     v 0.78   a 0.60   v 0.82   a 0.80

 1. An I{epoch} is a stretch of input with one offset between its timestamps and the line. The
    offset is the same for every track, so audio and video keep their distance exactly.
 2. An epoch begins where everything before it has ended, with the input's first timestamp.
 3. A track leaves its epoch when its decoding timestamps step back by more than L{BACK}, or ahead
    of the whole stream by more than L{AHEAD}. It then joins the newest epoch if its timestamp fits
    there (it follows a track that has jumped before it), and otherwise begins a new one.
 4. A packet of a former epoch that would come after the newest epoch's beginning is dropped: its
    time is taken. So is one that a track, new in an epoch, brings for time that it has already
    filled.
 5. Within a track, decoding timestamps rise by at least 1; C{pts >= dts}. Missing ones are filled
    in: dts from the end of the packet before, pts from dts.
 6. Sparse tracks (subtitles) neither begin an epoch nor hold to one: they follow the newest.
"""

from dataclasses import dataclass

from mkvtwist.packet import SECOND

BACK = SECOND // 10
"""
A step back that is still taken for jitter. Decoding timestamps never go back in a sound input; what
rounding and careless muxers do stays below one frame at 10 frames a second, and the shortest loop
that anybody shows is longer.
"""

AHEAD = 10 * SECOND
"""A step ahead that is still taken for a gap; FFmpeg's C{dts_delta_threshold} has the same value."""

LOOSE = 6 * AHEAD
"""How far from the others a track's first packet, or a subtitle, may lie: loosely interleaved files."""


@dataclass(slots=True)
class _Epoch:
    offset: int
    start: int


@dataclass(slots=True)
class _Track:
    epoch: _Epoch | None = None
    last: int = 0
    """The last decoding timestamp, as it came in."""
    next: int = 0
    """Where the next one is due, as it will come in."""
    out: int | None = None
    """The last decoding timestamp that went out."""
    step: int = 0
    """The distance of two packets, where they do not say their duration."""


class Timeline:
    """
    Places the packets of one stream, for as long as the stream lives.

    @ivar discontinuities: how many epochs began because timestamps jumped.
    @ivar edge: where everything that has been placed ends: the line's end.
    """

    def __init__(self) -> None:
        self.discontinuities = 0
        self.edge = 0
        self._epoch: _Epoch | None = None
        self._origin: int | None = None
        self._tracks: dict[int, _Track] = {}

    def restart(self, origin: int | None = None) -> None:
        """
        The input begins anew: a sender came back, a file is played again.

        @param origin: the earliest timestamp that is expected, where it is known.
        """
        self._epoch = None
        self._origin = origin
        for track in self._tracks.values():
            track.epoch = None

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
            not say its own.
        @return: (pts, dts, duration) on the line, or L{None} for a packet to drop.
        """
        track = self._tracks.setdefault(number, _Track())
        if step:
            track.step = step
        if dts is None:
            if track.epoch is None:
                if pts is None and self._epoch is not None:
                    return None  # nothing says when it is; the first of its track that has a time will
                dts = self._origin or 0 if pts is None else pts - delay
            elif pts is None:
                dts = track.next
            else:
                dts = min(pts, max(track.next, pts - AHEAD))
        if pts is None or abs(pts - dts) > AHEAD:
            pts = dts
        epoch = self._fit(track, dts, sparse=sparse)
        if epoch is None:
            return None
        moved = track.epoch is not epoch
        out = dts + epoch.offset
        late = epoch is not self._epoch and out >= self._newest.start
        if moved and track.out is not None and out <= track.out - BACK:
            late = True
        if not duration:
            if not moved and dts > track.last:
                track.step = min(dts - track.last, SECOND)
            duration = 0 if sparse else track.step
        if not (moved and late):
            track.epoch = epoch
            track.last = dts
            track.next = dts + duration
        if late:
            return None
        placed = out if track.out is None else max(out, track.out + 1)
        track.out = placed
        if not sparse:
            self.edge = max(self.edge, placed + duration)
        return max(pts + epoch.offset, placed), placed, duration

    @property
    def _newest(self) -> _Epoch:
        assert self._epoch is not None
        return self._epoch

    def _fit(self, track: _Track, dts: int, *, sparse: bool) -> _Epoch | None:
        """The epoch that a timestamp belongs to; L{None} when it belongs to none."""
        newest, own = self._epoch, track.epoch
        if newest is None:
            origin = self._origin
            if origin is None or not dts - AHEAD <= origin <= dts:
                origin = dts
            return self._begin(origin)
        ahead = dts + newest.offset - self.edge
        if sparse:
            return newest if abs(ahead) <= LOOSE else None
        if own is not None:
            steady = dts >= track.last - BACK and (
                dts <= track.next + AHEAD or dts + own.offset <= self.edge + AHEAD
            )
            current = own is newest or dts + own.offset >= newest.start - AHEAD
            if steady and current:
                return own
        if own is not newest and abs(ahead) <= (AHEAD if own else LOOSE):
            return newest
        self.discontinuities += 1
        return self._begin(dts)

    def _begin(self, origin: int) -> _Epoch:
        self._epoch = _Epoch(self.edge - origin, self.edge)
        return self._epoch
