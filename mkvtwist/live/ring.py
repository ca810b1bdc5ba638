"""
The last segments of a stream, numbered, shared by every client (I{pure}).

::

      oldest                                   start of the newest segment   live edge
        |                                                  |                   |
        [K . . . . . .][K . . . . . . .][K . . . . . . . .][K . . . . . . . . .]
        first                                                                   end

    K: a fragment that begins a segment, with a keyframe if the pictures come (see
    L{mkvtwist.live.period}). A client's place is the number of the fragment that it
    gets next; C{end} when it has them all.

What is too old leaves by whole segments, so that what remains begins with a keyframe. Only a
segment that alone is more than the ring may hold (one keyframe, and then none for minutes) loses
its beginning: then nobody can join until the next keyframe, and those who watch go on. Where there
are too many bytes, those go first that can be made again: what was rendered, from the oldest on.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Generic, TypeVar

from mkvtwist.media.packet import Packet

T = TypeVar("T")

STEPS = 64
"""
Fragments that are looked at in one turn to find a L{Running} value: half a millisecond of counting,
times the clients that have their turn together.
"""

ENTRY = 300
"""Bytes that what was rendered takes beside itself: its object, its key, its place in a dict."""

PACKET_WEIGHT = 250
FRAGMENT_WEIGHT = 340
"""
Bytes that a packet takes beside its payload, and a fragment beside its packets: 241 and 339 in
CPython 3.11 of 64 bits, by tracemalloc, of fragments of 1 to 8 packets. Quiet sound has payloads of
10 bytes: 50 packets a second are 28 KB then, not half of one.
"""

SHARE = 4
"""
The part of the limit, one in so many, that what was rendered may have where media would take it
all. It is the newest bytes, those that everybody asks for: to make them for each of a crowd costs
more than the oldest seconds are worth.
"""

LEAVING = 1024
"""
Fragments that leave at once, if that is enough: giving back what so many take is 2 ms in which
nobody gets anything, and a segment that has lasted for an hour has 200 times as many. An ordinary
one has fewer, and leaves as a whole.
"""


class Fragment:
    """
    The smallest unit that is sent: the packets that arrived together.

    @ivar number: its place in the ring's count, from 0, without gaps.
    @ivar key: whether it begins a segment.
    @ivar decodable: whether all that comes from here on can be decoded: it begins a segment, and
        either with a keyframe of the first video, or there is no video.
    @ivar segment: how many segments have begun by now, in the ring's count, with its own.
    @ivar start: the earliest decoding time in it, in microseconds; subtitles do not count.
    @ivar end: where the stream's line ends with it; never less than the fragment's before.
    @ivar pause: how long a picture has been waited for of late, in microseconds; 0 is not known.
    @ivar payload: bytes of its packets' media.
    @ivar weight: bytes that it takes in memory, without what was rendered.
    @ivar size: bytes that it takes with that.
    @ivar rendered: its bytes as somebody watches them, made once and shared, by what tells them
        apart.
    """

    __slots__ = (
        "decodable",
        "end",
        "key",
        "number",
        "packets",
        "pause",
        "payload",
        "rendered",
        "segment",
        "size",
        "start",
        "weight",
    )

    def __init__(
        self,
        number: int,
        packets: Sequence[Packet],
        timed: Sequence[Packet],
        *,
        key: bool,
        decodable: bool,
        segment: int,
        edge: int,
        pause: int,
    ) -> None:
        self.number = number
        self.segment = segment
        self.pause = pause
        self.packets = packets
        self.key = key
        self.decodable = decodable
        self.start = min((packet.dts for packet in timed), default=edge)
        self.end = max((edge, *(packet.end for packet in timed)))
        self.payload = sum(len(packet.data) for packet in packets)
        self.weight = FRAGMENT_WEIGHT + PACKET_WEIGHT * len(packets) + self.payload
        for packet in packets:
            if packet.extra is not None:
                self.weight += sum(len(data) for _, data in packet.extra.additions)
        self.size = self.weight
        self.rendered: dict[Hashable, bytes] = {}


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
    ) -> None:
        """
        Make an empty one.

        @param duration: microseconds that are kept, at least; a segment more at most.
        @param size_limit: bytes that are never exceeded, but by one fragment alone.
        @param edge: where the stream's line stands when the ring begins.
        @param sparse: tracks that do not tell the time: a subtitle may be early, or stand for an
            hour.
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
        self._rendered: list[int] = []  # a heap: the fragments of which bytes are kept
        self._rendered_size = 0
        self._segment_start = edge

    @property
    def end(self) -> int:
        """The number that the next fragment will get."""
        return self.first + len(self._fragments)

    @property
    def segments(self) -> int:
        """How many segments are in the ring; the last one may still grow."""
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
        """How much media the ring holds."""
        return (self.edge - self._fragments[0].start) / 1e6 if self._fragments else 0.0

    def __getitem__(self, number: int) -> Fragment:
        """
        A fragment by its number.

        @raise IndexError: when it is not in the ring any more, or not yet.
        """
        if number < self.first:
            raise IndexError(number)
        return self._fragments[number - self.first]

    def between(self, first: int, stop: int) -> Iterable[Fragment]:
        """
        The fragments from one number up to another, in one go. It is for many of them: to find one
        by its number takes the longer the more there are on both sides of it, to begin here the
        more there are before it.

        @raise IndexError: when the first of them is not in the ring any more.
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
        Keep a fragment's bytes of some kind for the next client who wants them.

        Where there is no room, the oldest fragments forget theirs. No bytes are not kept.
        """
        if fragment.number < self.first or not data:
            return data
        known = fragment.rendered.get(kind)
        growth = len(data) - len(known) if known is not None else len(data) + ENTRY
        if not fragment.rendered:
            heappush(self._rendered, fragment.number)
        fragment.rendered[kind] = data
        fragment.size += growth
        self.size += growth
        self._rendered_size += growth
        self._forget_rendered(but=fragment)
        return data

    def forget(self, kind: Hashable) -> None:
        """Nobody wants bytes of some kind any more."""
        self._rendered = []
        for fragment in self._fragments:
            data = fragment.rendered.pop(kind, None)
            if data is not None:
                fragment.size -= len(data) + ENTRY
                self.size -= len(data) + ENTRY
                self._rendered_size -= len(data) + ENTRY
            if fragment.rendered:
                self._rendered.append(fragment.number)  # what is in order is a heap

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
        """How many segments have begun before a place; before the oldest, where it has left."""
        if place >= self.end:
            return self.begun
        fragment = self[max(place, self.first)]
        return fragment.segment - fragment.key

    def bitrate(self, span: int) -> float:
        """Bits of payload a second over the last so many microseconds of media."""
        size, since = 0, self.edge
        for fragment in reversed(self._fragments):
            size += fragment.payload
            since = min(since, fragment.start)
            if self.edge - since >= span:
                break
        return size * 8e6 / (self.edge - since) if since < self.edge else 0.0

    def _drop_old(self) -> None:
        self._forget_rendered(down_to=self.size_limit // SHARE)
        enough = self.first + LEAVING
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
        while self._rendered and self._rendered[0] < self.first:
            heappop(self._rendered)

    def _drop_first(self) -> None:
        fragment = self._fragments.popleft()
        self.size -= fragment.size
        self._rendered_size -= fragment.size - fragment.weight
        self.first += 1

    def _forget_rendered(self, *, down_to: int = 0, but: Fragment | None = None) -> None:
        """
        Where there is no room, the oldest fragments forget what was rendered of them.

        @param down_to: how many bytes of it are left in any case.
        @param but: the one that does not.
        """
        passed = False
        while self._too_big() and self._rendered and self._rendered_size > down_to:
            fragment = self[heappop(self._rendered)]
            if fragment is but:
                passed = True
                continue
            self.size -= fragment.size - fragment.weight
            self._rendered_size -= fragment.size - fragment.weight
            fragment.size = fragment.weight
            fragment.rendered.clear()
        if but is not None and passed:
            heappush(self._rendered, but.number)

    def _too_big(self) -> bool:
        return self.size > self.size_limit

    def _has_excess(self) -> bool:
        """Whether the oldest segment can go: too many bytes, or the rest is long enough."""
        if self._too_big():
            return True
        second = self._second_start()
        if second is not None:
            return self.edge - self[second].start >= self.duration
        # Without its beginning it is for those alone who watch already.
        return not self._starts and self.edge - self._fragments[0].start > self.duration

    def _second_start(self) -> int | None:
        """Where the first segment begins that is not the one of the oldest fragment."""
        return next((start for start in self._starts if start > self.first), None)


class _Stretch(Generic[T]):
    """
    Values one after the other, found from some place on as if nothing had been before it.

    @ivar first: the number of the fragment before which the first of the values is.
    @ivar joint: what was found where the next stretch begins, and what is known there; L{None}
        while it is not found, and in the last one.
    """

    __slots__ = ("first", "joint", "values")

    def __init__(self, first: int, start: T) -> None:
        self.first = first
        self.values: deque[T] = deque([start])
        self.joint: tuple[T, T] | None = None

    @property
    def newest(self) -> int:
        """The number of the last fragment before which the value is found."""
        return self.first + len(self.values) - 1


class Running(Generic[T]):
    """
    A value that goes from fragment to fragment of a ring, such as a count: what it is before each
    of them, the same for whoever asks. It is found when somebody does, and forgotten with the
    fragments; where nobody has asked for as long as the ring lasts, it begins anew.

    It begins where somebody asks first. Whoever asks for what is earlier gets what leads there: one
    counts from that place as if it were the first, and moves what is found by what it is off where
    it meets what is known::

          0   2   3   5   6
                         10  13  15           asked for first
          4   6   7   9  10  13  15           moved by 4
    """

    def __init__(
        self,
        ring: Ring,
        start: T,
        after: Callable[[Sequence[Packet], T], T],
        moved: Callable[[T, T, T], T],
    ) -> None:
        """
        @param after: of a fragment's packets and the value before it, the one behind it.
        @param moved: of a value, of what was found somewhere and of what is known there: the value,
            as if what is known had been found.
        """
        self._ring = ring
        self._start = start
        self._after = after
        self._moved = moved
        # In the ring's order, each up to where the next one begins; those without a joint first.
        self._stretches: list[_Stretch[T]] = []

    def before(self, number: int) -> T | None:
        """
        The value before a fragment; L{None} while it is not found: each time that one asks,
        L{STEPS} fragments are looked at, since others wait meanwhile.

        @raise IndexError: when the fragment is not in the ring.
        """
        if not self._ring.first <= number <= self._ring.end:
            raise IndexError(number)
        self._let_go()
        stretches = self._stretches
        if not stretches or number < stretches[0].first:
            stretches.insert(0, _Stretch(number, self._start))
        at = bisect_right(stretches, number, key=attrgetter("first")) - 1
        open_ = at  # up to this one there are stretches that have not met the next one
        while open_ < len(stretches) - 1 and stretches[open_].joint is None:
            open_ += 1
        steps = STEPS
        for place in range(open_ - 1, at - 1, -1):
            stretch, following = stretches[place : place + 2]
            steps = self._go_on(stretch, following.first, steps)
            if stretch.newest < following.first:
                return None
            stretch.joint = stretch.values[-1], self._value(following, following.first)
        self._go_on(stretches[at], number, steps)
        if stretches[at].newest < number:
            return None
        if number < self._ring.end:  # or the fragment may have left when one asks for the next
            self._go_on(stretches[at], number + 1, 1)
        return self._value(stretches[at], number)

    def _value(self, stretch: _Stretch[T], number: int) -> T:
        value = stretch.values[number - stretch.first]
        return value if stretch.joint is None else self._moved(value, *stretch.joint)

    def _go_on(self, stretch: _Stretch[T], stop: int, steps: int) -> int:
        """Find a stretch's values up to a place, in so many steps; how many of them are left."""
        newest = stretch.newest
        stop = min(stop, newest + steps)
        for number in range(newest, stop):
            stretch.values.append(self._after(self._ring[number].packets, stretch.values[-1]))
        return steps - max(0, stop - newest)

    def _let_go(self) -> None:
        """Forget what was before fragments that have left, and what has lost its way with them."""
        while self._stretches:
            oldest = self._stretches[0]
            if oldest.newest >= self._ring.first:
                while oldest.first < self._ring.first:
                    oldest.values.popleft()
                    oldest.first += 1
                return
            del self._stretches[0]
