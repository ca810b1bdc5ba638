"""A stream in segments, as tests feed it and read it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import m3u8

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.choice import Choice
from mkvtwist.formats.mp4 import MP4
from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period as RealPeriod
from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import SECOND, Header, Packet, Track
from mkvtwist.outputs.segmented import hls
from mkvtwist.outputs.segmented.cutter import MOST_PARTS, Cutter
from mkvtwist.outputs.segmented.segments import Segment
from mkvtwist.testing import VIDEO
from tests.support.fakes import in_mp4

STARTED = 1_700_012_345.25
FIRST = 1_700_012_345
TEXT = Track(number=3, type="subtitle", codec="subrip")
ALL = Choice(MP4, frozenset({1, 2, 3}))
UNRENDERABLE = b"unrenderable"


class Bytes(Muxer[None]):
    """A muxer that shows what was rendered together, and fails at L{UNRENDERABLE}."""

    start = None

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        self.head = b", ".join(track.mp4_head for track in header.only(numbers))
        self.rendered = 0
        self._numbers = numbers

    def render(self, packets: Sequence[Packet]) -> bytes:
        """
        Return each packet's bytes.

        @raise ValueError: at L{UNRENDERABLE}.
        """
        self.rendered += 1
        mine = [packet.data for packet in packets if packet.track in self._numbers]
        if UNRENDERABLE in mine:
            raise ValueError("unrenderable")
        return b"(" + b"|".join(mine) + b")" if mine else b""


IN_BYTES = replace(MP4, muxer=Bytes)


class PeriodInBytes(RealPeriod):
    """A period whose MP4 shows what was rendered together."""

    def muxer(self, choice: Choice) -> Muxer[Any]:
        """Return a muxer, L{Bytes} instead of MP4's."""
        return super().muxer(choice._replace(format=IN_BYTES) if choice.format is MP4 else choice)


class Period(PeriodInBytes):
    """
    A period with a ring of its own, whose MP4 shows what was rendered together.

    @ivar made: the muxers; a test may put one of its own there.
    """

    def __init__(self, *tracks: Track, size_limit: int = 1 << 30, edge: int = 0) -> None:
        header = Header(tuple(in_mp4(track) for track in tracks or (VIDEO,)))
        super().__init__(header, Ring(30 * SECOND, size_limit, edge=edge))
        self.made: dict[Choice, Muxer[Any]] = {}

    def muxer(self, choice: Choice) -> Muxer[Any]:
        """Return the muxer of a choice, always the same."""
        if choice not in self.made:
            self.made[choice] = super().muxer(choice)
        return self.made[choice]

    @property
    def rendered(self) -> int:
        """How often bytes were made."""
        return sum(made.rendered for made in self.made.values() if isinstance(made, Bytes))


class Live:
    """
    A stream that is cut, and listed as HLS.

    @ivar cutter: what cuts it.
    """

    def __init__(
        self,
        started: float = STARTED,
        *,
        parts: bool = True,
        kept: float = 30.0,
        most_parts: int = MOST_PARTS,
    ) -> None:
        self._now = started
        self._started = started
        self._period: Period | None = None
        self.cutter = Cutter(kept, parts=parts, most_parts=most_parts, date=lambda: self._now)

    def feed(self, period: Period, packets: Sequence[Packet], *, late: float = 0.0) -> None:
        """Packet by packet, each as a fragment, at the time at which it is due; video cuts."""
        video = period.header.has_video
        for packet in packets:
            key = packet.key and (packet.track == 1 or not video)
            fragment = period.ring.append([packet], key=key)
            self.append(period, fragment, self._started + late + packet.dts / SECOND)

    def append(self, period: Period, fragment: Fragment, now: float | None = None) -> None:
        """
        Cut a fragment that is in the ring already.

        @param now: what the clock on the wall says; L{None} is the start.
        """
        if period is not self._period:
            self._period = period
            self.cutter.begin(period)
        self._now = self._started if now is None else now
        self.cutter.append(fragment)

    def forget(self) -> None:
        """Let go of all that there is."""
        self._period = None
        self.cutter.forget()

    def media(self, tracks: frozenset[int] | None = None, *, skip: bool = False) -> str:
        """The media playlist."""
        return hls.media(self.cutter.snapshot(), tracks, skip=skip)

    def multivariant(self, header: Header, tracks: frozenset[int] | None = None) -> str:
        """The multivariant playlist."""
        return hls.multivariant(header, self.cutter.segments.all, tracks)

    def read(self, *, skip: bool = False) -> Any:
        """The media playlist, as an independent parser reads it."""
        return m3u8.loads(self.media(skip=skip), uri="http://tv.example/live/media.m3u8")

    def whole(self) -> list[Segment]:
        """The complete segments that are there."""
        return [s for s in self.cutter.segments.all if s.is_complete and s.is_there]


def bunches(packets: Sequence[Packet], most: int) -> Iterator[Sequence[Packet]]:
    """Packets that arrived together, so many at most; a keyframe is the first of its bunch."""
    place = 0
    while place < len(packets):
        group = packets[place : place + most]
        begins = [n for n, p in enumerate(group) if p.track == 1 and p.key and n]
        group = group[: begins[0]] if begins else group
        place += len(group)
        yield group
