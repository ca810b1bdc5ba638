"""
Snapshots: the segments and parts that can be listed at one moment (I{pure}).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

from mkvtwist.media.packet import SECOND, Header
from mkvtwist.outputs.segmented.segments import Segment

PARTS_LISTED = 3
"""Target durations from the live edge within which parts are listed (the draft, 6.2.2)."""

TARGETS_LISTED = 3
"""
Target durations that are listed at least: players begin so far from the live edge (4.4.3.8 of the
draft).
"""

TEXTS = 100
"""
Texts of a snapshot, by choice of tracks, that are kept as long as the snapshot: a few kilobytes
each, or a hundred where the ring keeps an hour.
"""


class Edge(NamedTuple):
    """
    The edge of the cutting: there is more to list when it changes.

    @ivar segment: the number of the segment that grows.
    @ivar part: the number of its part that grows.
    """

    segment: int
    part: int


@dataclass(frozen=True, eq=False)
class Snapshot:
    """
    A stream's segments and parts, as they can be listed at one moment.

    @ivar segments: those that are complete, the oldest first; at least one.
    @ivar growing: the one that is not; L{None} is none.
    @ivar ahead: how much media is behind the last complete one, in microseconds.
    @ivar target: the target duration, in seconds.
    @ivar part_target: that of parts, in microseconds; L{None} if parts are not listed.
    @ivar first_with_parts: the number of the first segment whose parts are listed.
    @ivar edge: how far the cutting has come.
    @ivar header: the tracks that come now; L{None} if nothing of them can be listed.
    @ivar finished: whether nothing more will come.
    """

    segments: Sequence[Segment]
    growing: Segment | None
    ahead: int
    target: int
    part_target: int | None
    first_with_parts: int
    edge: Edge
    header: Header | None
    finished: bool

    @property
    def all(self) -> Sequence[Segment]:
        """The complete segments, and the one that grows."""
        return self.segments if self.growing is None else (*self.segments, self.growing)

    @property
    def with_parts(self) -> Sequence[Segment]:
        """The segments whose parts are listed."""
        return [segment for segment in self.all if self.lists_parts_of(segment)]

    def lists_parts_of(self, segment: Segment) -> bool:
        """Return whether the parts of a segment are listed, beside the whole."""
        return self.part_target is not None and segment.number >= self.first_with_parts

    def before(self, distance: int) -> int:
        """Return how many segments end more than so many microseconds before the live edge."""
        return sum(behind > distance for behind in distances(self.segments, self.ahead))


class Window:
    """
    The window of listed segments and parts: one that has left never comes back.

    Half of what the ring keeps is listed; the rest is for clients that have an older playlist.
    """

    def __init__(self, kept: int) -> None:
        """
        @param kept: microseconds that the ring keeps.
        """
        self._kept = kept
        self._first = 0
        self._first_with_parts = 0

    def listed(self, segments: Sequence[Segment], target: int) -> Sequence[Segment]:
        """
        Return the segments that are listed.

        @param segments: those that are complete, at least one.
        @param target: the target duration in seconds.
        """
        enough = max(self._kept // 2, TARGETS_LISTED * target * SECOND)
        first = len(segments)
        while first and enough > 0 and segments[first - 1].number >= self._first:
            first -= 1
            enough -= segments[first].duration
        self._first = segments[first].number
        return segments[first:]

    def first_with_parts(self, listed: Sequence[Segment], ahead: int, target: int) -> int:
        """
        Return the number of the first segment whose parts are listed.

        Parts that have left do not come back when the target duration rises: hls.js takes them for
        new ones, and loads them over what it plays.

        @param listed: the complete segments that are listed, at least one.
        @param ahead: microseconds of media behind these.
        @param target: the target duration in seconds.
        """
        since = PARTS_LISTED * target * SECOND
        shown = (
            segment.number
            for segment, behind in zip(listed, distances(listed, ahead), strict=True)
            if behind < since and segment.is_there and segment.number >= self._first_with_parts
        )
        self._first_with_parts = next(shown, listed[-1].number + 1)
        return self._first_with_parts


class Texts:
    """Texts of the newest snapshot, each written once for all clients that ask for the same."""

    def __init__(self, limit: int = TEXTS) -> None:
        """
        @param limit: how many are kept.
        """
        self._limit = limit
        # A snapshot keeps rings in memory: its texts go with it, and not the other way round.
        self._texts: WeakKeyDictionary[Snapshot, dict[tuple[object, ...], str]]
        self._texts = WeakKeyDictionary()

    def get(
        self,
        snapshot: Snapshot,
        write: Callable[..., str],
        tracks: Collection[int] | None,
        **more: bool,
    ) -> str:
        """Return the text that a function writes of a snapshot and these tracks."""
        texts = self._texts.setdefault(snapshot, {})
        key = (write, tracks, *more.values())
        text = texts.get(key)
        if text is None:
            text = write(snapshot, tracks, **more)
            if tracks is None or len(texts) < self._limit:
                texts[key] = text
        return text


def distances(segments: Sequence[Segment], ahead: int) -> list[int]:
    """
    Return how far the end of each segment is from the live edge, in microseconds.

    @param ahead: how much media is behind the last of them.
    """
    found = []
    for segment in reversed(segments):
        found.append(ahead)
        ahead += segment.duration
    return found[::-1]
