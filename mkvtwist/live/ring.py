"""
The last segments of a stream, numbered, shared by every client (I{pure}).

::

      oldest                                   start of the newest segment   live edge
        |                                                  |                   |
        [K . . . . . .][K . . . . . . .][K . . . . . . . .][K . . . . . . . . .]
        first                                                                   end

    K: a fragment that begins a segment, with a keyframe if the pictures come (see
    L{mkvtwist.live.segmenter}). A client's place is the number of the fragment that it
    gets next; C{end} when it has them all.

Old fragments leave by whole segments, so that the rest begins with a keyframe. Only a segment that
alone is more than the ring may hold (one keyframe, and then none for minutes) loses its beginning:
then no client can join until the next keyframe; clients that watch go on. If there are too many
bytes, rendered bytes go first, from the oldest on: they can be made again.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Hashable, Iterable, Sequence
from itertools import islice
from operator import itemgetter

from mkvtwist.live.fragment import WEIGHTS, Fragment, Weights
from mkvtwist.live.rendered_cache import Rendered
from mkvtwist.media.packet import Packet

SHARE = 4
"""
The part of the limit, one in so many, that what was rendered may have where media would take it
all. These are the newest bytes, which all clients ask for: to make them for each client costs more
than the oldest seconds are worth.
"""

LEAVING = 1024
"""
Fragments that leave at once, if that is enough: freeing the memory of so many takes 2 ms, in which
no client gets anything, and a segment that has lasted for an hour has 200 times as many. An
ordinary one has fewer, and leaves as a whole.
"""

MEASURED = 4096
"""
Fragments that are looked at to measure a bitrate: five seconds have 300 to 600, but damaged or
hostile media a microsecond each. It is measured for each arrival, and so many take less than
a millisecond.
"""


class Ring:
    """
    The fragments of one header, bounded in seconds and in bytes.

    @ivar first: the number of the oldest fragment.
    @ivar begun: how many segments have begun so far.
    @ivar size: bytes of memory that the ring takes, the rendered ones included.
    @ivar edge: where the newest fragment ends, in microseconds.
    """

    def __init__(
        self,
        duration: int,
        size_limit: int,
        *,
        edge: int = 0,
        sparse: Collection[int] = (),
        weights: Weights = WEIGHTS,
        leaving: int = LEAVING,
        measured: int = MEASURED,
    ) -> None:
        """
        Make an empty one.

        @param duration: microseconds that are kept, at least; a segment more at most.
        @param size_limit: bytes that are never exceeded, but by one fragment alone.
        @param edge: where the stream's line stands when the ring begins.
        @param sparse: tracks that do not tell the time: a subtitle may be early, or stand for an
            hour.
        @param weights: what things take beside what they hold.
        @param leaving: fragments that leave at once, if that is enough.
        @param measured: fragments that are looked at to measure a bitrate.
        """
        self.duration = duration
        self.size_limit = size_limit
        self.first = 0
        self.begun = 0
        self.size = 0
        self.edge = edge
        self._segment_duration = 0
        self._sparse = frozenset(sparse)
        self._fragments: deque[Fragment] = deque()
        self._starts: deque[int] = deque()
        # Of the starts those that are before all later ones in time, too, and when that is: where
        # sound lags behind, a segment may begin before the one before it.
        self._times: deque[tuple[int, int]] = deque()
        self._weights = weights
        self._leaving = leaving
        self._measured = measured
        self._rendered = Rendered(weights.rendered)
        self._segment_start = edge

    @property
    def end(self) -> int:
        """The number that the next fragment will get."""
        return self.first + len(self._fragments)

    @property
    def segments(self) -> int:
        """The number of segments in the ring; the last one may still grow."""
        return len(self._starts)

    @property
    def segment_duration(self) -> int:
        """The duration of the last whole segment, or of the one that grows if that is longer."""
        growing = self.edge - self._segment_start if self._starts else 0
        return max(self._segment_duration, growing)

    @property
    def newest_start(self) -> int | None:
        """The first fragment of the newest segment; L{None} when there is no place to join."""
        return self._starts[-1] if self._starts else None

    @property
    def seconds(self) -> float:
        """The media that the ring holds, in seconds."""
        return (self.edge - self._fragments[0].start) / 1e6 if self._fragments else 0.0

    def __getitem__(self, number: int) -> Fragment:
        """
        Return a fragment by its number.

        @raise IndexError: if it is not in the ring any more, or not yet.
        """
        if number < self.first:
            raise IndexError(number)
        return self._fragments[number - self.first]

    def between(self, first: int, stop: int) -> Iterable[Fragment]:
        """
        Return the fragments from one number up to another.

        This is for many of them. To find one by its number takes the longer the more there are on
        both sides of it; to begin here, the more there are before it.

        @raise IndexError: if the first of them is not in the ring any more.
        """
        if first < self.first:
            raise IndexError(first)
        return islice(self._fragments, first - self.first, max(first, stop) - self.first)

    def append(
        self,
        packets: Sequence[Packet],
        *,
        key: bool,
        decodable: bool | None = None,
        pause: int = 0,
    ) -> Fragment:
        """
        Take the next fragment, and drop what is too old.

        @param packets: at least one.
        @param key: whether it begins a segment.
        @param decodable: see L{Fragment}; without it the same as C{key}.
        @param pause: see L{Fragment}.
        """
        timed = [packet for packet in packets if packet.track not in self._sparse]
        self.begun += key
        fragment = Fragment(
            self.end,
            packets,
            timed,
            key=key,
            decodable=key if decodable is None else decodable,
            segment=self.begun,
            edge=self.edge,
            pause=pause,
            weights=self._weights,
        )
        if key:
            if self._starts or self.first:
                self._segment_duration = fragment.start - self._segment_start
            self._segment_start = fragment.start
            self._starts.append(fragment.number)
            while self._times and self._times[-1][0] >= fragment.start:
                self._times.pop()
            self._times.append((fragment.start, fragment.number))
        self._fragments.append(fragment)
        self.edge = fragment.end
        self.size += fragment.size
        self._drop_old()
        return fragment

    def render(self, fragment: Fragment, kind: Hashable, data: bytes) -> bytes:
        """
        Keep a fragment's bytes of some kind for the next client that wants them.

        If there is no room, the oldest fragments forget theirs. No bytes are not kept.
        """
        if fragment.number < self.first or not data:
            return data
        self.size += self._rendered.keep(fragment, kind, data)
        excess = self.size - self.size_limit
        if excess > 0:
            self.size -= self._rendered.make_room(excess, but=fragment)
        return data

    def forget(self, kind: Hashable) -> None:
        """Forget all bytes of a kind that no client wants any more."""
        self.size -= self._rendered.forget(kind)

    def place(self, behind: int, *, decodable: bool = False) -> int | None:
        """
        Return the place at which a client joins.

        It is the newest segment that begins at least so far behind the live edge, or the oldest.

        @param behind: microseconds; 0 is the newest segment.
        @param decodable: whether only those count from which all can be decoded.
        @return: a fragment's number; L{None} when no such segment's beginning is in the ring.
        """
        if not self._starts:
            return None
        if behind:
            at = bisect_right(self._times, self.edge - behind, key=itemgetter(0))
            place = self._times[at - 1][1] if at else self._starts[0]
        else:
            place = self._starts[-1]
        if not decodable or self[place].decodable:
            return place
        found = [start for start in self._starts if self[start].decodable]
        return max((start for start in found if start < place), default=min(found, default=None))

    def segments_before(self, place: int) -> int:
        """Return how many segments have begun before a place, or before the oldest fragment."""
        if place >= self.end:
            return self.begun
        fragment = self[max(place, self.first)]
        return fragment.segment - fragment.key

    def bitrate(self, span: int, tracks: Collection[int] | None = None) -> float:
        """
        Return the bits of payload a second over the last so many microseconds of media, or over
        less where these are too many fragments.

        @param tracks: the numbers of those that count; without them all do.
        """
        size, since = 0, self.edge
        for fragment in islice(reversed(self._fragments), self._measured):
            if tracks is None:
                size += fragment.payload
            else:
                size += sum(len(p.data) for p in fragment.packets if p.track in tracks)
            since = min(since, fragment.start)
            if self.edge - since >= span:
                break
        return size * 8e6 / (self.edge - since) if since < self.edge else 0.0

    def _drop_old(self) -> None:
        excess = self.size - self.size_limit
        if excess > 0:
            self.size -= self._rendered.make_room(excess, down_to=self.size_limit // SHARE)
        enough = self.first + self._leaving
        while len(self._fragments) > 1 and self._has_excess():
            stop = self._second_start() or self.first + 1
            while self.first < stop and (self.first < enough or self._too_big()):
                self._drop_first()
            while self._starts and self._starts[0] < self.first:
                self._starts.popleft()
            if self.first >= enough and not self._too_big():
                break
        while self._times and self._times[0][1] < self.first:
            self._times.popleft()
        self._rendered.let_go(self.first)

    def _drop_first(self) -> None:
        fragment = self._fragments.popleft()
        self.size -= fragment.size
        self._rendered.leave(fragment)
        self.first += 1

    def _too_big(self) -> bool:
        return self.size > self.size_limit

    def _has_excess(self) -> bool:
        """Return whether the oldest segment can go: too many bytes, or the rest is long enough."""
        if self._too_big():
            return True
        second = self._second_start()
        if second is not None:
            return self.edge - self[second].start >= self.duration
        # Without its beginning only clients that watch already can use it.
        return not self._starts and self.edge - self._fragments[0].start > self.duration

    def _second_start(self) -> int | None:
        """Return where the first segment begins that is not the oldest fragment's."""
        starts = self._starts
        at = bool(starts) and starts[0] == self.first
        return starts[at] if len(starts) > at else None
