"""
HTTP Live Streaming: the ring's fragments as parts, segments and playlists (I{pure}).

Sources: RFC 8216, and the draft of its second edition, draft-pantos-hls-rfc8216bis-16 (called "the
draft" below).

The rules:

 1. A segment is a GOP, or as many as it takes to be L{SHORTEST} long. It is cut when its keyframe
    comes, whoever watches, so its number, its parts and its bytes are the same for everybody, for
    ever.
 2. Segments are numbered on and on, over all programmes. The first number is the second in which
    the stream was started: a segment is hardly shorter than one, so after a restart of the
    server the numbers go on behind the old ones. The URLs also name the start to the millisecond:
    none is ever used for other bytes.
 3. A part is a run of fragments of about L{PART}. It ends when the fragment comes that does not
    fit: then its duration is known, and the next part, which the playlist announces, is sure to
    come.
 4. Times are the decoding times of the video (without one: of everything but subtitles), and
    where one segment or part ends the next one begins: durations sum up.
 5. Half of what the ring keeps is listed, the other half is for those who have an older playlist.
    The first segment that is listed never goes back.
 6. The target duration never shrinks. It rises when a GOP becomes longer than all before: once by
    half again while it still grows, since a playlist may not have what is longer than it says.

::

    programme:   |              A                    |             B
    segments:    | n       | n+1         | n+2       | n+3      | n+4 ...
    parts:                               | 0 | 1 | 2 | 0 | 1 | 2| 0 | 1 |
                 listed from here on ->                DISCONTINUITY    ^ announced: PRELOAD-HINT
"""

import hashlib
import math
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

from mkvtwist.packet import SECOND, Header, Packet
from mkvtwist.ring import Fragment, Ring

PART = 340_000
"""
Microseconds that a part is long at most, unless one picture alone is: a third of a second at 24,
25, 30, 50 and 60 pictures a second, timestamps in whole milliseconds allowed for. A player holds
three parts back; with shorter ones its requests come more often than its clock is exact.
"""

SHORTEST = SECOND - 10_000
"""
Microseconds that a segment is long at least; where GOPs are shorter (every picture a keyframe) it
has several. One request a second for each viewer, and numbers that do not overtake the clock. The
10 ms are for timestamps that were rounded.
"""

DRIFT = 2.0
"""Seconds by which the programme's date may be behind the clock before it is set again."""

PACKET_OVERHEAD = 16
PART_OVERHEAD = 300
"""Bytes in MP4 for each packet (an entry of trun) and for each part (moof), about."""

PARTS_LISTED = 3
"""How many target durations back from the live edge parts are listed (the draft, 6.2.2)."""

HOLD_BACK = 3
"""Target durations, and part targets, that players keep away from the live edge (4.4.3.8)."""

SKIP = 6
"""Target durations at the live edge that a delta update always has (4.4.3.8: at least six)."""

DISCONTINUITIES = 100_000
"""
The first discontinuity's number is the second of the start modulo this, about a day: after a
restart, when timestamps begin anew, it is another one. Not larger, since hls.js counts up to it.
"""

GROWTH = 1.5
"""By how much the target duration rises when a GOP grows beyond it: a few times at most."""


MOST_VIEWERS = 10_000
"""Addresses that are remembered: a megabyte or two."""

LOOK_BACK = 3
"""Target durations after which a viewer who asks for nothing has gone."""


class Format(Protocol):
    """How packets become bytes."""

    @property
    def head(self) -> bytes:
        """What comes before the first fragment."""

    def render(self, packets: Sequence[Packet], /) -> bytes:
        """A fragment's bytes."""


class Programme(Protocol):
    """What is sent under one header."""

    @property
    def header(self) -> Header:
        """The tracks."""

    @property
    def ring(self) -> Ring:
        """The fragments."""

    def format(self, name: str, /) -> Format:
        """One of the formats, made for this header."""


class Part:
    """
    A run of fragments in a segment.

    @ivar first: the number of its first fragment in the programme's ring.
    @ivar stop: the number behind its last one; 0 while it grows.
    @ivar start: in microseconds.
    @ivar end: likewise; meaningless while it grows.
    @ivar independent: whether it begins with a keyframe.
    """

    __slots__ = ("end", "first", "independent", "start", "stop")

    def __init__(self, first: int, start: int, *, independent: bool) -> None:
        self.first = first
        self.start = start
        self.independent = independent
        self.stop = 0
        self.end = start

    @property
    def duration(self) -> int:
        """In microseconds."""
        return self.end - self.start


class Segment:
    """
    What a playlist lists with one number.

    @ivar name: its URL without the ending.
    @ivar date: when it begins by the clock on the wall, in seconds since the epoch.
    @ivar discontinuity: the number of sets of tracks before its own.
    @ivar parts: those that are complete.
    @ivar growing: the one that is not; L{None} when the segment is complete.
    @ivar size: how many bytes it has, about.
    """

    def __init__(
        self,
        programme: Programme,
        number: int,
        part: Part,
        *,
        name: str,
        date: float,
        discontinuity: int,
    ) -> None:
        self.programme = programme
        self.number = number
        self.name = name
        self.date = date
        self.discontinuity = discontinuity
        self.start = self.end = part.start
        self.parts: list[Part] = []
        self.growing: Part | None = part
        self.size = 0

    @property
    def first(self) -> int:
        """The number of its first fragment."""
        return (self.parts[0] if self.parts else self.growing or Part(0, 0, independent=True)).first

    @property
    def is_complete(self) -> bool:
        """Whether it has all its parts."""
        return self.growing is None

    @property
    def is_there(self) -> bool:
        """Whether the ring still has all of it."""
        return self.first >= self.programme.ring.first

    @property
    def duration(self) -> int:
        """In microseconds; 0 while it grows."""
        return self.end - self.start

    def cut(self, time: int, stop: int, following: Part | None) -> None:
        """The growing part ends at this time, before this fragment; another one may follow it."""
        part = self.growing
        assert part is not None
        part.end = max(part.start, time)
        part.stop = stop
        self.parts.append(part)
        self.growing = following
        if following is None:
            self.end = part.end

    def data(self, part: Part) -> bytes:
        """
        A part's bytes, made once and kept in the ring.

        @raise IndexError: when the ring does not have it any more.
        """
        ring = self.programme.ring
        first = ring[part.first]
        data = first.rendered.get("hls")
        if data is None:
            numbers = range(part.first, part.stop)
            packets = [packet for number in numbers for packet in ring[number].packets]
            data = ring.render(first, "hls", self.programme.format("mp4").render(packets))
        return data


class Playlist:
    """
    The segments of one stream, over all its programmes.

    L{append} and L{finish} are the publisher's side; the rest is for who answers requests.

    @ivar run: what names this start of the stream.
    @ivar edge: what changes when there is more to list: the numbers of the growing segment and of
        its growing part.
    @ivar finished: nothing more will come.
    """

    def __init__(self, started: float, kept: float, *, parts: bool = True) -> None:
        """
        Make an empty one.

        @param started: seconds since the epoch.
        @param kept: seconds that the ring keeps.
        @param parts: whether parts are listed, or segments only when they are complete.
        """
        self.run = f"{round(started * 1000):x}"
        self.edge = (int(started), 0)
        self.finished = False
        self._kept = round(kept * SECOND)
        self._lists_parts = parts
        self._segments: deque[Segment] = deque()
        self._discontinuity = int(started) % DISCONTINUITIES
        self._first = 0  # the number of the first segment that was listed last
        self._target = 1
        self._programme: Programme | None = None
        self._timed: Collection[int] = ()
        self._last = 0  # the last packet's time, and where the last fragment is expected to end
        self._end = 0
        self._oldest = 0
        self._was_read = False
        self._texts: dict[bool, str] = {}
        self._maps: dict[int, tuple[str, bytes]] = {}

    # the publisher's side

    def append(self, programme: Programme, fragment: Fragment, now: float) -> None:
        """
        The next fragment.

        @param now: seconds since the epoch.
        """
        if programme is not self._programme:
            self._change(programme)
        if programme.ring.first != self._oldest:
            self._oldest = programme.ring.first
            self._texts.clear()
        if "mp4" in programme.header.unfit:
            return
        growing = self._growing
        timed = [packet for packet in fragment.packets if packet.track in self._timed]
        if timed:
            time, last = max(timed[0].dts, self._last), timed[-1]
            self._end = max(time, last.dts + (last.duration or max(0, last.dts - self._last)))
            self._last = max(time, last.dts)
            part = Part(fragment.number, time, independent=timed[0].key)
            if fragment.key and (growing is None or time - growing.start >= SHORTEST):
                growing = self._begin(programme, part, now)
            elif growing is not None:
                self._grow(growing, part)
        if growing is not None:
            growing.size += fragment.payload + PACKET_OVERHEAD * len(fragment.packets)

    def forget(self) -> None:
        """
        What there is is old: what comes next is the first that is listed, and may be of other
        tracks.
        """
        self._close(self._end)
        self._discontinuity += bool(self._segments)
        self._segments.clear()
        self._maps.clear()
        self._texts.clear()
        self._programme = None

    def finish(self) -> None:
        """Nothing more will come."""
        self._close(self._end)
        self.finished = True
        self._texts.clear()

    # for requests

    @property
    def is_ready(self) -> bool:
        """Whether there is anything to list: at least one complete segment."""
        return any(segment.is_complete and segment.is_there for segment in self._segments)

    @property
    def target(self) -> float:
        """The target duration, in seconds."""
        return float(self._target)

    def find(self, number: int) -> Segment | None:
        """A segment by its number; L{None} when it is not there any more, or not yet."""
        if not self._segments:
            return None
        at = number - self._segments[0].number
        if not 0 <= at < len(self._segments):
            return None
        segment = self._segments[at]
        return segment if segment.is_there else None

    def has(self, number: int, part: int | None = None) -> bool:
        """
        Whether what a blocking request asks for (the draft, 6.2.5.2) is there, or was.

        @param part: its place in the segment, from 0; L{None} is all of the segment.
        """
        if self.finished:
            return True
        newest, parts = self.edge
        segment = self.find(number)
        last = len(segment.parts) if segment is not None and segment.is_complete else None
        if part is not None and last is not None and part >= last:
            # Behind the last part of a segment is the first of the next one.
            number, part = number + 1, 0
        if number == newest and part is not None and self._lists_parts:
            return part < parts
        return number < newest

    def is_too_far(self, number: int, part: int | None = None) -> bool:
        """Whether somebody waits for what is not due for long (the draft, 6.2.5.2)."""
        newest, parts = self.edge
        ahead = math.ceil(3 * SECOND / PART)
        if number > newest + 1:
            return True
        return part is not None and part >= ahead + (parts if number == newest else 0)

    def map(self, name: str) -> bytes | None:
        """The initialization section with this name; L{None} when no listed segment needs it."""
        for segment in self._segments:
            mapped = self._map(segment)
            if mapped[0] == name:
                return mapped[1]
        return None

    def multivariant(self) -> str:
        """The playlist of playlists: with one, since what is in the tracks is in one file."""
        segments = [s for s in self._segments if s.is_complete and s.is_there and s.duration]
        rates = [math.ceil(s.size * 8 * SECOND / s.duration) for s in segments] or [1]
        size, duration = sum(s.size for s in segments), sum(s.duration for s in segments)
        average = math.ceil(size * 8 * SECOND / duration) if duration else 1
        attributes = [f"BANDWIDTH={max(rates)}", f"AVERAGE-BANDWIDTH={average}"]
        tracks = self._segments[-1].programme.header.tracks if self._segments else ()
        shown = [track for track in tracks if track.type != "subtitle"]
        names = [track.codec_string for track in shown if track.codec_string is not None]
        if names and len(names) == len(shown):
            attributes.append(f'CODECS="{",".join(dict.fromkeys(names))}"')
        for track in [track for track in shown if track.type == "video"][:1]:
            if track.width and track.height:
                attributes.append(f"RESOLUTION={track.width}x{track.height}")
            if track.frame_rate:
                attributes.append(f"FRAME-RATE={track.frame_rate:.3f}")
        return (
            "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            f"#EXT-X-STREAM-INF:{','.join(attributes)}\nmedia.m3u8\n"
        )

    def media(self, *, skip: bool = False) -> str:
        """
        The list of segments and parts; there has to be something to list.

        @param skip: leave out what somebody who asks again knows already (a delta update).
        """
        if skip not in self._texts:
            self._was_read = True
            growing = self._growing
            while growing is not None and _rounded(self._end - growing.start) > self._target:
                self._target = math.ceil(GROWTH * self._target)
            self._texts[skip] = "\n".join(self._lines(skip=skip)) + "\n"
        return self._texts[skip]

    # cutting

    @property
    def _growing(self) -> Segment | None:
        newest = self._segments[-1] if self._segments else None
        return None if newest is None or newest.is_complete else newest

    def _change(self, programme: Programme) -> None:
        """Other tracks: what remains of the ones before the last is gone."""
        self._close(self._end)
        last = self._programme
        while self._segments and self._segments[0].programme is not last:
            self._segments.popleft()
        self._programme = programme
        tracks = programme.header.tracks
        video = [track.number for track in tracks if track.type == "video"]
        heard = [track.number for track in tracks if track.type != "subtitle"]
        self._timed = frozenset(video[:1] or heard or [track.number for track in tracks])

    def _begin(self, programme: Programme, part: Part, now: float) -> Segment:
        """A segment ends, the next one begins."""
        self._close(part.start, part.first)
        last = self._segments[-1] if self._segments else None
        date = now
        if last is not None:
            self._discontinuity += programme is not last.programme
            expected = last.date + (part.start - last.start) / SECOND
            date = expected if now - expected < DRIFT else now
            if date > now and not self._was_read:
                # What comes at once at the start was there before.
                for segment in self._segments:
                    segment.date -= date - now
                date = now
        number = self.edge[0]
        name = f"{self.run}-{number}"
        segment = Segment(
            programme, number, part, name=name, date=date, discontinuity=self._discontinuity
        )
        self._segments.append(segment)
        while not self._segments[0].is_there or (
            self._segments[0].programme is not programme
            and part.start - self._segments[0].end >= self._kept
        ):
            self._segments.popleft()
        self._texts.clear()
        return segment

    def _grow(self, segment: Segment, part: Part) -> None:
        """A fragment more; the growing part ends where it would become too long with it."""
        growing = segment.growing
        assert growing is not None
        if self._end - growing.start > PART:
            segment.cut(part.start, part.first, part)
            segment.size += PART_OVERHEAD
            self.edge = (segment.number, len(segment.parts))
            self._texts.clear()

    def _close(self, time: int, stop: int | None = None) -> None:
        """The growing segment, if there is one, is complete."""
        segment = self._growing
        if segment is None:
            return
        segment.cut(time, segment.programme.ring.end if stop is None else stop, None)
        segment.size += PART_OVERHEAD
        self._target = max(self._target, _rounded(segment.duration))
        self.edge = (segment.number + 1, 0)
        self._texts.clear()

    # listing

    def _listed(self) -> list[Segment]:
        """The complete ones that are listed."""
        enough = max(self._kept // 2, HOLD_BACK * self._target * SECOND)
        listed: deque[Segment] = deque()
        for segment in reversed(self._segments):
            if not segment.is_complete:
                continue
            if not segment.is_there or segment.number < self._first or enough <= 0:
                break
            listed.appendleft(segment)
            enough -= segment.duration
        if listed:
            self._first = listed[0].number
        return list(listed)

    def _lines(self, *, skip: bool) -> Iterator[str]:
        listed, growing = self._listed(), self._growing
        if growing is not None and not growing.is_there:
            growing = None  # it began before all that the ring has: nobody can begin there
        ahead = 0 if growing is None else self._end - growing.start
        since = PARTS_LISTED * self._target * SECOND
        recent = [s for s, rest in _with_rest(listed, ahead) if rest < since]
        shown = [*recent, *([growing] if growing is not None else [])] if self._lists_parts else []
        skipped = 0
        if skip:
            boundary = SKIP * self._target * SECOND
            skipped = sum(rest > boundary for _, rest in _with_rest(listed, ahead))
        yield "#EXTM3U"
        yield f"#EXT-X-VERSION:{9 if skipped else 6}"
        yield f"#EXT-X-TARGETDURATION:{self._target}"
        yield from self._control([part for segment in shown for part in segment.parts])
        yield f"#EXT-X-MEDIA-SEQUENCE:{listed[0].number}"
        yield f"#EXT-X-DISCONTINUITY-SEQUENCE:{listed[0].discontinuity}"
        yield "#EXT-X-INDEPENDENT-SEGMENTS"
        if skipped:
            yield f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"
        before = listed[skipped - 1] if skipped else None
        for segment in listed[skipped:]:
            yield from self._beginning(segment, before)
            if segment in shown:
                yield from _parts(segment)
            yield f"#EXTINF:{_seconds(segment.duration)},"
            yield f"{segment.name}.m4s"
            before = segment
        if growing is not None and self._lists_parts:
            yield from self._beginning(growing, before)
            yield from _parts(growing)
            yield f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{growing.name}.{len(growing.parts)}.m4s"'
        if self.finished:
            yield "#EXT-X-ENDLIST"

    def _control(self, parts: Sequence[Part]) -> Iterator[str]:
        """What the server can do, and how far players keep from the live edge."""
        control = [
            "CAN-BLOCK-RELOAD=YES",
            f"CAN-SKIP-UNTIL={SKIP * self._target}",
            f"HOLD-BACK={HOLD_BACK * self._target}",
        ]
        if self._lists_parts:
            # Rounded up, so that it does not change with the timestamps' last millisecond.
            longest = max((part.duration for part in parts), default=PART)
            target = max(1, math.ceil(longest / 10_000)) / 100
            control.append(f"PART-HOLD-BACK={HOLD_BACK * target:.2f}")
            yield f"#EXT-X-PART-INF:PART-TARGET={target:.2f}"
        yield f"#EXT-X-SERVER-CONTROL:{','.join(control)}"

    def _beginning(self, segment: Segment, before: Segment | None) -> Iterator[str]:
        """What is said before a segment's parts."""
        if before is not None and before.discontinuity != segment.discontinuity:
            yield "#EXT-X-DISCONTINUITY"
        if before is None or before.discontinuity != segment.discontinuity:
            yield f'#EXT-X-MAP:URI="{self._map(segment)[0]}"'
        date = datetime.fromtimestamp(segment.date, UTC).isoformat(timespec="milliseconds")
        yield f"#EXT-X-PROGRAM-DATE-TIME:{date.replace('+00:00', 'Z')}"

    def _map(self, segment: Segment) -> tuple[str, bytes]:
        """The initialization section of a segment: named after its bytes, so it never changes."""
        key = segment.discontinuity
        if key not in self._maps:
            kept = {segment.discontinuity for segment in self._segments}
            self._maps = {old: made for old, made in self._maps.items() if old in kept}
            head = segment.programme.format("mp4").head
            self._maps[key] = f"init-{hashlib.sha256(head).hexdigest()[:16]}.mp4", head
        return self._maps[key]


def _with_rest(segments: Sequence[Segment], ahead: int) -> list[tuple[Segment, int]]:
    """Segments, each with how far its end is from the live edge, in microseconds."""
    rests = []
    for segment in reversed(segments):
        rests.append((segment, ahead))
        ahead += segment.duration
    return rests[::-1]


def _parts(segment: Segment) -> Iterator[str]:
    for number, part in enumerate(segment.parts):
        uri = f"{segment.name}.{number}.m4s"
        independent = ",INDEPENDENT=YES" if part.independent else ""
        yield f'#EXT-X-PART:DURATION={_seconds(part.duration)},URI="{uri}"{independent}'


def _seconds(duration: int) -> str:
    """Microseconds in decimal seconds."""
    return f"{duration / SECOND:.6f}"


def _rounded(duration: int) -> int:
    """Microseconds in whole seconds, as target durations are compared (RFC 8216, 4.3.3.1)."""
    return (duration + SECOND // 2) // SECOND


class Viewers:
    """Who has asked for something lately, as far as their addresses tell."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}  # the latest last

    def saw(self, peer: str, now: float) -> None:
        """Somebody at this address asks for something."""
        self._seen.pop(peer, None)
        self._seen[peer] = now
        if len(self._seen) > MOST_VIEWERS:
            del self._seen[next(iter(self._seen))]

    def knows(self, peer: str, now: float, target: float) -> bool:
        """Whether this address is one of them."""
        return self.count(now, target) > 0 and peer in self._seen

    def count(self, now: float, target: float) -> int:
        """How many were seen in the last target durations, as players ask once in each."""
        since = now - LOOK_BACK * target
        while self._seen and self._seen[peer := next(iter(self._seen))] < since:
            del self._seen[peer]
        return len(self._seen)
