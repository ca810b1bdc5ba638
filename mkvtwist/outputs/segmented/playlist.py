"""
Playlists: the segments of a stream, cut while it comes, and listed when somebody asks (I{pure}).
"""

import hashlib
import math
import operator
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime

from mkvtwist.formats.registry import Choice, Unfit, preferred
from mkvtwist.formats.webvtt import shown_until
from mkvtwist.live.period import Period
from mkvtwist.live.ring import Fragment
from mkvtwist.live.sink import Sink
from mkvtwist.media.packet import SECOND, STEP, Header, Packet
from mkvtwist.media.silence import Silences
from mkvtwist.outputs.segmented.choices import (
    GROUPS,
    choice_of,
    chosen,
    ending,
    folder,
    others,
    renditions,
    variant,
)
from mkvtwist.outputs.segmented.segments import Part, Place, Segment

PART = 510_000
"""
The usual part target in microseconds: half a second at 24, 25, 30, 50 and 60 pictures a second,
timestamps in whole milliseconds allowed for. A player holds three parts back. hls.js loads them one
after the other, which takes a round trip for each: with parts of a third of a second it fell behind
at 300 ms, until what it wanted had left the buffer.
"""

FULL = 0.9
"""
How much of the part target whole pictures must fill, else another target is chosen. The draft asks
for 85 % (4.4.4.9); the rest is for timestamps that are not even.
"""

SLACK = 1.05
"""By how much such another target is longer than its pictures, for the same reason."""

STILL = SECOND // 2
"""
Microseconds without a picture after which the other tracks go on with the time, so that parts do
not wait for the next one. Files have half a second of sound, then half a second of pictures.
"""

CENTISECOND = SECOND // 100
"""Part targets are written with two decimals."""

SHORTEST = SECOND - 10_000
"""
Microseconds that a segment is long at least; where GOPs are shorter (every picture a keyframe) it
has several. One request a second for each viewer, and numbers that do not overtake the clock. The
10 ms are for timestamps that were rounded.
"""

DRIFT = 2.0
"""
Seconds by which the period-date may be off the clock before it is set again: when the input
was away, has caught up, or somebody has set the clock.
"""

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

ADVANCE = 3
"""Seconds that the parts may last which a blocking request is ahead (the draft, 6.2.5.2)."""

GROWTH = 1.5
"""By how much the target duration rises when a GOP grows beyond it: a few times at most."""

MOST_PARTS = 1_000
"""
Parts of a growing segment, eight minutes: twice a second each viewer gets a list of them all,
70 KB in the end. One that has more is given up: nobody could begin in the next quarter of an hour.
"""

TEXTS = 100
"""
Playlists, by choice of tracks, that are kept until there is more to list: a few kilobytes each, or
a hundred where the ring keeps an hour.
"""

CUES = 100
"""Cues that are to be seen at once, at most: a screen full of them."""


class Playlist(Sink):
    """
    The segments of one stream, over all its periods.

    What it has of a L{Sink} is the publisher's side; the rest is for who answers requests.

    @ivar run: what names this start of the stream.
    @ivar edge: what changes when there is more to list: the numbers of the growing segment and of
        its growing part.
    @ivar finished: nothing more will come.
    @ivar observers: called when there may be more to list, and at the end; they must not fail.
    """

    def __init__(
        self, kept: float, *, parts: bool = True, date: Callable[[], float] = time.time
    ) -> None:
        """
        Make an empty one.

        @param kept: seconds that the ring keeps.
        @param parts: whether parts are listed, or segments only when they are complete.
        @param date: returns the seconds since the epoch.
        """
        started = date()
        self.observers: list[Callable[[], None]] = []
        self._date = date
        self.run = f"{round(started * 1000):x}"
        self.edge = (int(started), 0)
        self.finished = False
        self._kept = round(kept * SECOND)
        self._lists_parts = parts
        self._segments: deque[Segment] = deque()
        self._discontinuity = int(started) % DISCONTINUITIES
        self._has_begun = False  # whether a segment of this period has begun
        self._first = 0  # the number of the first segment that was listed last
        self._first_shown = 0  # likewise of the first whose parts were
        self._target = 1
        self._part_target = PART
        self._has_part_target = False  # whether it was compared with this period's pictures
        self._period: Period | None = None
        self._coming: Period | None = None  # of which no fragment has come yet
        self._timed: Collection[int] = ()  # of this period's tracks: those that tell the time
        self._others: Collection[int] = ()  # those that go on with it where these are silent
        self._silences = Silences()
        self._still: int | None = None  # when the last picture was decoded
        self._pictures: Collection[int] = ()
        self._written: Collection[int] = ()  # those of text
        self._last = 0  # the last timed packet's time, and where it is expected to end
        self._end = 0
        self._oldest = 0
        self._cues: list[Packet] = []
        self._was_read = False
        self._texts: dict[tuple[frozenset[int] | None, bool], str] = {}

    # the publisher's side

    def begin(self, period: Period) -> None:
        """Have other tracks; the first fragment of them is behind a discontinuity."""
        self._coming = period

    def append(self, fragment: Fragment) -> None:
        """The next fragment."""
        if self._coming is not None:
            self._change(self._coming)
            self._coming = None
        period = self._period
        assert period is not None
        if period.ring.first != self._oldest:
            self._oldest = period.ring.first
            self._drop_gone(period)
        if not self._timed:
            return
        begins = fragment.key
        for offset, packet in enumerate(fragment.packets):
            told = self._told(packet)
            if told is not None:
                at = max(told, self._last)
                step = packet.duration or max(STEP, told - self._last)
                self._end = max(at, told + step)
                self._last = at
                independent = packet.key and packet.track in self._timed
                part = Part(Place(fragment.number, offset), at, independent=independent)
                growing = self._growing
                if begins and _is_over(growing, part):
                    self._begin(period, part)
                elif growing is not None:
                    self._grow(growing, part)
                begins = False
            elif packet.track in self._written:
                self._cues.append(packet)
                del self._cues[:-CUES]
            growing = self._growing
            if growing is not None and growing.growing is not None:
                self._put(packet, growing.growing)

    def _put(self, packet: Packet, part: Part) -> None:
        """Note that a packet belongs to the growing part."""
        part.weigh(packet, self._pictures)
        if self._others and packet.track in self._timed:
            usual = self._silences.usual(packet.track)
            part.lasts = usual if usual >= STILL else 0

    def forget(self) -> None:
        """
        What there is is old: what comes next is the first that is listed, and may be of other
        tracks.
        """
        self._leave()
        self._segments.clear()
        self._texts.clear()
        self._period = self._coming = None

    def flush(self) -> None:
        """Tell those who wait for what comes."""
        for observe in self.observers:
            observe()

    def end(self, *, for_good: bool) -> None:
        """
        End, if it is for good: a playlist that says that it has ended is never loaded again, so
        it does not say so while the server is about to be back.
        """
        if for_good:
            self._close(self._end)
            self.finished = True
            self._texts.clear()
        self.flush()

    # for requests

    @property
    def is_ready(self) -> bool:
        """Whether there is anything to list: at least one complete segment."""
        return bool(self._segments) and self._segments[0].is_complete

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
        number, part = self._meant(number, part)
        if number == newest and part is not None and self._lists_parts:
            return part < parts
        return number < newest

    def is_too_far(self, number: int, part: int | None = None) -> bool:
        """
        Whether a blocking request asks for more than comes soon (the draft, 6.2.5.2).

        @param part: its place in the segment, from 0; L{None} is all of the segment.
        """
        newest, parts = self.edge
        number, part = self._meant(number, part)
        if number < newest or part is None:
            return number > newest + 1
        ahead = math.ceil(ADVANCE * SECOND / self._part_target)
        return number > newest + 1 or part >= ahead + (parts if number == newest else 0)

    def _meant(self, number: int, part: int | None) -> tuple[int, int | None]:
        """Return which part a request means: behind a segment's last is the next one's first."""
        segment = self.find(number)
        if part is None or segment is None or not segment.is_complete:
            return number, part
        return (number, part) if part < len(segment.parts) else (number + 1, 0)

    def map(self, name: str, tracks: frozenset[int] | None = None) -> bytes | None:
        """The initialization section with this name; L{None} when no listed segment needs it."""
        for period in dict.fromkeys(segment.period for segment in self._segments):
            choice = choice_of(period.header, tracks)
            if choice is not None and choice.format == "mp4":
                head = period.format(choice).head
                if name == _map_name(head):
                    return head
        return None

    def multivariant(self, header: Header, tracks: frozenset[int] | None = None) -> str:
        """
        The playlist of playlists: one variant, and what may be chosen beside it.

        @param header: the tracks that there are now.
        @param tracks: the numbers of those that are asked for, and no others; L{None} is all.
        @raise Unfit: when there is nothing to be seen or heard.
        @raise NoTrack: when there are no such tracks.
        """
        beside = others(header) if tracks is None else []
        main = variant(header) if tracks is None else tracks
        shown = header.only(chosen(header, main).tracks)
        heard = [track for track in beside if track.type == "audio"]
        if all(track.type == "subtitle" for track in shown):
            raise Unfit("Subtitles alone are no stream; they are at media.m3u8, beside this")
        choices = [{track.number for track in shown} | {sound.number} for sound in heard]
        peak, average = self._rates(choices or [{track.number for track in shown}])
        attributes = [f"BANDWIDTH={peak}", f"AVERAGE-BANDWIDTH={average}"]
        names = [track.codec_string for track in (*shown, *heard)]
        known = [name for name in names if name is not None]
        if known and len(known) == len(names):
            attributes.append(f'CODECS="{",".join(dict.fromkeys(known))}"')
        for track in [track for track in shown if track.type == "video"][:1]:
            if track.width and track.height:
                attributes.append(f"RESOLUTION={track.width}x{track.height}")
            if track.frame_rate:
                attributes.append(f"FRAME-RATE={track.frame_rate:.3f}")
            if track.supplemental:
                attributes.append(f'SUPPLEMENTAL-CODECS="{track.supplemental}"')
            if track.video_range:
                attributes.append(f"VIDEO-RANGE={track.video_range}")
        groups = dict.fromkeys(GROUPS[track.type] for track in beside)
        attributes += [f'{group}="{group.lower()}"' for group in groups]
        lines = [
            *("#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"),
            *renditions(beside, preferred(heard)),
            f"#EXT-X-STREAM-INF:{','.join(attributes)}",
            folder(main if tracks is None else None) + "media.m3u8",
        ]
        return "\n".join(lines) + "\n"

    def _rates(self, choices: Sequence[Collection[int]]) -> tuple[int, int]:
        """Bits a second of the segments of these choices of tracks, at most and on average."""
        segments = [s for s in self._segments if s.is_complete and s.duration]
        rates = [[segment.bitrate(tracks) for segment in segments] or [1.0] for tracks in choices]
        lasted = [segment.duration for segment in segments] or [1]
        means = [sum(map(operator.mul, measured, lasted)) / sum(lasted) for measured in rates]
        return math.ceil(max(map(max, rates))), math.ceil(max(means))

    def media(self, tracks: frozenset[int] | None = None, *, skip: bool = False) -> str:
        """
        The list of segments and parts; there has to be something to list.

        @param tracks: the numbers of those that are asked for; L{None} is the main playlist.
        @param skip: leave out what somebody who asks again knows already (a delta update).
        """
        text = self._texts.get((tracks, skip))
        if text is None:
            self._was_read = True
            growing = self._growing
            while growing is not None and _rounded(self._end - growing.start) > self._target:
                self._target = math.ceil(GROWTH * self._target)
            text = "\n".join(self._lines(tracks, skip=skip)) + "\n"
            if tracks is None or len(self._texts) < TEXTS:
                self._texts[tracks, skip] = text
        return text

    # cutting

    @property
    def _growing(self) -> Segment | None:
        newest = self._segments[-1] if self._segments else None
        return None if newest is None or newest.is_complete else newest

    def _leave(self) -> None:
        """No more of this period comes: whatever does is behind a discontinuity."""
        self._close(self._end)
        self._discontinuity += self._has_begun
        self._has_begun = False

    def _change(self, period: Period) -> None:
        """Other tracks: of the ones before only the last that have segments remain."""
        self._leave()
        while self._segments and self._segments[0].period is not self._segments[-1].period:
            self._segments.popleft()
        self._period = period
        self._has_part_target = False
        self._cues.clear()
        header = period.header
        can_be_had = header.fitting("mp4") | header.fitting("webvtt")
        video = [track.number for track in header.tracks if track.type == "video"]
        heard = [track.number for track in header.tracks if track.type == "audio"]
        self._timed = frozenset(video[:1] or heard if can_be_had else ())
        self._others = header.numbers - header.sparse - self._timed if video else ()
        self._silences = Silences(self._timed)
        self._still = None
        self._pictures = self._timed if video else ()
        self._written = header.fitting("webvtt")

    def _told(self, packet: Packet) -> int | None:
        """
        Return the time that a packet tells, in microseconds; L{None} if it tells none.

        While no picture comes, it is the last one's and what another track has gone on since.
        """
        if packet.track in self._timed:
            if self._others:
                self._silences.heard(packet.track, packet.dts)
                self._still = packet.dts
            return packet.dts
        if packet.track not in self._others:
            return None
        (picture,) = self._timed
        self._silences.heard(packet.track, packet.dts)
        silent = self._silences.of(picture)
        if silent < STILL:
            return None
        if self._still is None:
            self._still = packet.dts - silent
        return self._still + silent

    def _drop_gone(self, period: Period) -> None:
        """
        What the ring has lost goes, and all before it: playlists have no holes. With the first
        that this period's ring loses all of the one before goes, and its ring.
        """
        self._texts.clear()
        if self._growing is not None and not self._growing.is_there:
            self._give_up(self._growing)
        # Where one grows for longer than all is kept, the last complete one remains, as a gap:
        # without one there is no playlist, and those who play the parts would lose them.
        least = 0 if self._growing is None else 2
        loses = period.ring.first > 0
        while len(self._segments) > least and (
            not self._segments[0].is_there or (loses and self._segments[0].period is not period)
        ):
            self._segments.popleft()

    def _give_up(self, growing: Segment) -> None:
        """Nobody can begin with it, and it may never end: the next keyframe begins another."""
        self.edge = (growing.number + 1, 0)
        self._segments.clear()
        self._texts.clear()

    def _begin(self, period: Period, part: Part) -> None:
        """A segment ends, the next one begins."""
        now = self._date()
        self._close(part.start, part.first)
        last = self._segments[-1] if self._segments else None
        date = now
        if last is not None:
            expected = last.date + (part.start - last.start) / SECOND
            if expected > now and not self._was_read:
                # What comes at once at the start was there before.
                for segment in self._segments:
                    segment.date -= expected - now
            elif abs(expected - now) < DRIFT:
                date = expected
        number = self.edge[0]
        name = f"{self.run}-{number}"
        segment = Segment(
            period, number, part, name=name, date=date, discontinuity=self._discontinuity
        )
        self._cues = [packet for packet in self._cues if shown_until(packet) > part.start]
        segment.cues = tuple(self._cues)
        self._segments.append(segment)
        self._has_begun = True
        self._drop_gone(period)

    def _grow(self, segment: Segment, part: Part) -> None:
        """
        Take one more packet that tells the time; end the growing part if it would become too long.

        @param part: one that begins with this packet.
        """
        growing = segment.growing
        assert growing is not None
        lasts = part.start - growing.start
        if lasts and not self._has_part_target and self._end - growing.start > self._part_target:
            self._set_part_target(lasts / growing.steps)
        if lasts and self._end - growing.start > self._part_target:
            segment.cut(part.start, part.first, part)
            self.edge = (segment.number, len(segment.parts))
            self._texts.clear()
            if len(segment.parts) >= MOST_PARTS:
                self._give_up(segment)
        else:
            growing.steps += 1

    def _set_part_target(self, step: float) -> None:
        """
        Choose the part target for as long as these tracks last: the one that there is, unless whole
        pictures fill too little of it.

        @param step: microseconds from one picture to the next.
        """
        self._has_part_target = True
        if self._part_target // step * step < FULL * self._part_target:
            pictures = max(1, round(PART / step))
            self._part_target = _centiseconds(SLACK * pictures * step)

    def _close(self, time: int, stop: Place | None = None) -> None:
        """The growing segment, if there is one, is complete."""
        segment = self._growing
        if segment is None:
            return
        segment.cut(time, stop or Place(segment.period.ring.end), None)
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
            if segment.number < self._first or enough <= 0:
                break
            listed.appendleft(segment)
            enough -= segment.duration
        self._first = listed[0].number
        return list(listed)

    def _shown(
        self, listed: Sequence[Segment], growing: Segment | None, ahead: int
    ) -> list[Segment]:
        """
        Those whose parts are listed. What has left does not come back when the target duration
        rises: hls.js takes it for new, and loads it over what it plays.
        """
        since = PARTS_LISTED * self._target * SECOND
        shown = [
            segment
            for segment, rest in _with_rest(listed, ahead)
            if rest < since and segment.is_there and segment.number >= self._first_shown
        ]
        if growing is not None:
            shown.append(growing)
        if shown:
            self._first_shown = shown[0].number
        return shown

    def _lines(self, tracks: frozenset[int] | None, *, skip: bool) -> Iterator[str]:
        listed, growing = self._listed(), self._growing
        ahead = 0 if growing is None else self._end - growing.start
        shown = self._shown(listed, growing, ahead) if self._lists_parts else []
        skipped = 0
        if skip:
            boundary = SKIP * self._target * SECOND
            skipped = sum(rest > boundary for _, rest in _with_rest(listed, ahead))
        choices = self._choices(tracks)
        gap = not all(s.has(choices[s.period]) for s in listed[skipped:])
        yield "#EXTM3U"
        yield f"#EXT-X-VERSION:{9 if skipped else 8 if gap else 6}"
        yield f"#EXT-X-TARGETDURATION:{self._target}"
        yield from self._control(shown)
        yield f"#EXT-X-MEDIA-SEQUENCE:{listed[0].number}"
        yield f"#EXT-X-DISCONTINUITY-SEQUENCE:{listed[0].discontinuity}"
        if all(segment.is_independent for segment in listed):
            yield "#EXT-X-INDEPENDENT-SEGMENTS"
        if skipped:
            yield f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"
        before = listed[skipped - 1] if skipped else None
        for segment in listed[skipped:]:
            choice = choices[segment.period]
            yield from _beginning(segment, before, choice)
            if segment in shown:
                yield from _parts(segment, choice)
            if not segment.has(choice):
                yield "#EXT-X-GAP"
            yield f"#EXTINF:{_seconds(segment.duration)},"
            yield f"{segment.name}{ending(choice)}"
            before = segment
        if growing is not None and self._lists_parts:
            choice = choices[growing.period]
            yield from _beginning(growing, before, choice)
            yield from _parts(growing, choice)
            uri = f"{growing.name}.{len(growing.parts)}{ending(choice)}"
            yield f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{uri}"'
        if self._lists_parts and self._timed and self._period is not None:
            yield from self._reports(self._period.header, tracks)
        if self.finished:
            yield "#EXT-X-ENDLIST"

    def _choices(self, tracks: frozenset[int] | None) -> dict[Period, Choice | None]:
        """What a playlist has of each period: of one kind, or nothing."""
        periods = dict.fromkeys(segment.period for segment in self._segments)
        choices = {period: choice_of(period.header, tracks) for period in periods}
        kinds = [choice.format for choice in choices.values() if choice is not None]
        return {
            period: choice if choice is not None and choice.format == kinds[-1] else None
            for period, choice in choices.items()
        }

    def _reports(self, header: Header, tracks: frozenset[int] | None) -> Iterator[str]:
        """How far the other playlists are: as far as this one (the draft, 4.4.5.4)."""
        number, parts = self.edge
        if not parts:  # of the growing segment none is complete
            number -= 1
            parts = len([s for s in self._segments if s.is_complete][-1].parts)
        listed = [variant(header), *(frozenset({track.number}) for track in others(header))]
        up = "" if tracks is None else "../"
        for other in listed if tracks in listed else ():
            if other != tracks:
                uri = f"{up}{folder(other)}media.m3u8"
                yield (
                    f'#EXT-X-RENDITION-REPORT:URI="{uri}",LAST-MSN={number},LAST-PART={parts - 1}'
                )

    def _control(self, shown: Sequence[Segment]) -> Iterator[str]:
        """
        Say what the server can do, and how far players keep from the live edge.

        @param shown: the segments whose parts are listed. A single picture that stands for longer
            than the part target raises it while it is among them.
        """
        control = [
            "CAN-BLOCK-RELOAD=YES",
            f"CAN-SKIP-UNTIL={SKIP * self._target}",
            f"HOLD-BACK={HOLD_BACK * self._target}",
        ]
        if self._lists_parts:
            longest = max((part.duration for s in shown for part in s.parts), default=0)
            target = max(self._part_target, _centiseconds(longest)) / SECOND
            control.append(f"PART-HOLD-BACK={HOLD_BACK * target:.2f}")
            yield f"#EXT-X-PART-INF:PART-TARGET={target:.2f}"
        yield f"#EXT-X-SERVER-CONTROL:{','.join(control)}"


def _is_over(growing: Segment | None, part: Part) -> bool:
    """
    Whether a segment may begin with a part: the one before is long enough, or has no keyframe at
    its beginning and this one has.
    """
    return (
        growing is None
        or part.start - growing.start >= SHORTEST
        or (part.independent and not growing.is_independent)
    )


def _beginning(segment: Segment, before: Segment | None, choice: Choice | None) -> Iterator[str]:
    """What is said before a segment's parts."""
    changed = before is not None and before.discontinuity != segment.discontinuity
    if changed:
        yield "#EXT-X-DISCONTINUITY"
    if (changed or before is None) and choice is not None and choice.format == "mp4":
        yield f'#EXT-X-MAP:URI="{_map_name(segment.period.format(choice).head)}"'
    date = datetime.fromtimestamp(segment.date, UTC).isoformat(timespec="milliseconds")
    yield f"#EXT-X-PROGRAM-DATE-TIME:{date.replace('+00:00', 'Z')}"


def _map_name(head: bytes) -> str:
    """The initialization section is named after its bytes, so it never changes."""
    return f"init-{hashlib.sha256(head).hexdigest()[:16]}.mp4"


def _with_rest(segments: Sequence[Segment], ahead: int) -> list[tuple[Segment, int]]:
    """Segments, each with how far its end is from the live edge, in microseconds."""
    rests = []
    for segment in reversed(segments):
        rests.append((segment, ahead))
        ahead += segment.duration
    return rests[::-1]


def _parts(segment: Segment, choice: Choice | None) -> Iterator[str]:
    shown = segment.period.header.only(choice.tracks) if choice is not None else ()
    has_video = any(track.type == "video" for track in shown)
    for number, part in enumerate(segment.parts):
        uri = f"{segment.name}.{number}{ending(choice)}"
        more = ",INDEPENDENT=YES" if part.independent or not has_video else ""
        more += "" if part.has(choice) else ",GAP=YES"
        yield f'#EXT-X-PART:DURATION={_seconds(part.duration)},URI="{uri}"{more}'


def _seconds(duration: int) -> str:
    """Microseconds in decimal seconds."""
    return f"{duration / SECOND:.6f}"


def _centiseconds(duration: float) -> int:
    """Return microseconds that are whole hundredths of a second, rounded up."""
    return math.ceil(duration / CENTISECOND) * CENTISECOND


def _rounded(duration: int) -> int:
    """Microseconds in whole seconds, as target durations are compared (RFC 8216, 4.3.3.1)."""
    return (duration + SECOND // 2) // SECOND
