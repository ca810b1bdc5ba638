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
 4. Times are the decoding times of the video (without one: of all sounds), and
    where one segment or part ends the next one begins: durations sum up.
 5. Half of what the ring keeps is listed, the other half is for those who have an older playlist.
    The first segment that is listed never goes back.
 6. The main playlist has the picture and the sound that plays unasked. Where there are several
    sounds, each has a playlist of its own, and so have the picture and each track of text. All are
    cut in the same places, with the same numbers: what differs is which packets are taken from the
    same fragments. So there is one for any choice of tracks. Where the tracks have changed, and a
    choice has nothing, or something of another kind, is a gap.
 7. The target duration never shrinks. It rises when a GOP becomes longer than all before: once by
    half again while it still grows, since a playlist may not have what is longer than it says.

::

    programme:   |              A                    |             B
    segments:    | n       | n+1         | n+2       | n+3      | n+4 ...
    parts:                               | 0 | 1 | 2 | 0 | 1 | 2| 0 | 1 |
                 listed from here on ->                DISCONTINUITY    ^ announced: PRELOAD-HINT
"""

import hashlib
import math
import operator
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Protocol

from mkvtwist.formats import Choice, Format, NoTrack, Unfit, choose, preferred
from mkvtwist.packet import SECOND, Header, Packet, Track
from mkvtwist.ring import Fragment, Ring
from mkvtwist.webvtt import shown_until

PLAYLIST = "application/vnd.apple.mpegurl"
"""The MIME type of playlists."""

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
PICTURE_OVERHEAD = 104
PART_OVERHEAD = 200
"""
Bytes in MP4 for each packet (an entry of trun), for each picture (a moof), and for each part (the
sound in its first moof), about.
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

GROWTH = 1.5
"""By how much the target duration rises when a GOP grows beyond it: a few times at most."""

TEXT_HEAD = b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"
"""Times in text are those in MP4 (RFC 8216, 3.5)."""

TEXTS = 100
"""
Playlists, by choice of tracks, that are kept until there is more to list: a few kilobytes each, or
a hundred where the ring keeps an hour.
"""

CUES = 100
"""Cues that are to be seen at once, at most: a screen full of them."""

MOST_VIEWERS = 10_000
"""Addresses that are remembered: a megabyte or two."""

LOOK_BACK = 3
"""Target durations after which a viewer who asks for nothing has gone."""


class Programme(Protocol):
    """What is sent under one header."""

    @property
    def header(self) -> Header:
        """The tracks."""

    @property
    def ring(self) -> Ring:
        """The fragments."""

    def format(self, choice: Choice, /) -> Format:
        """One of the formats, made for this header and some of its tracks."""


def chosen(header: Header, tracks: frozenset[int] | None = None) -> Choice:
    """
    What is in a playlist.

    @param tracks: the numbers of those that are asked for; L{None} is the main playlist.
    @raise Unfit: when they cannot live in MP4, nor as text.
    @raise NoTrack: when there are no such tracks.
    """
    if tracks is not None:
        return choose(header, "webvtt" if tracks <= header.fitting("webvtt") else "mp4", tracks)
    fitting = header.fitting("mp4")
    pictures = [track for track in header.tracks if track.type == "video"][:1]  # it cuts the ring
    sounds = [track for track in header.tracks if track.type == "audio"]
    played = [track for track in pictures if track.number in fitting]
    played += preferred(track for track in sounds if track.number in fitting)
    if len(played) < bool(pictures) + bool(sounds) or not played:
        return choose(header, "mp4")  # which says what is wrong
    return Choice("mp4", frozenset(track.number for track in played))


def others(header: Header) -> list[Track]:
    """The tracks that have a playlist of their own: of several sounds each, and text."""
    fitting = header.fitting("mp4")
    sounds = [t for t in header.tracks if t.type == "audio" and t.number in fitting]
    texts = [t for t in header.tracks if t.number in header.fitting("webvtt")]
    return [*(sounds if header.has_video and len(sounds) > 1 else []), *texts]


def variant(header: Header) -> frozenset[int] | None:
    """
    The tracks of the playlist that the others go with; L{None} is the main one.

    Where a sound is chosen beside it, it has none: players do not take apart what is in MP4.
    """
    if all(track.type != "audio" for track in others(header)):
        return None
    shown = header.only(chosen(header).tracks)
    return frozenset(track.number for track in shown if track.type == "video")


class Part:
    """
    A run of fragments in a segment.

    @ivar first: the number of its first fragment in the programme's ring.
    @ivar stop: the number behind its last one; 0 while it grows.
    @ivar start: in microseconds.
    @ivar end: likewise; meaningless while it grows.
    @ivar independent: whether it begins with a keyframe.
    @ivar sizes: how many bytes each track has in it, about, by its number.
    """

    __slots__ = ("end", "first", "independent", "sizes", "start", "stop")

    def __init__(self, first: int, start: int, *, independent: bool) -> None:
        self.first = first
        self.start = start
        self.independent = independent
        self.stop = 0
        self.end = start
        self.sizes: Counter[int] = Counter()

    @property
    def duration(self) -> int:
        """In microseconds."""
        return self.end - self.start

    def weigh(self, fragment: Fragment, pictures: Collection[int]) -> None:
        """A fragment is in it, of which these tracks are pictures."""
        for packet in fragment.packets:
            extra = PICTURE_OVERHEAD if packet.track in pictures else 0
            self.sizes[packet.track] += len(packet.data) + PACKET_OVERHEAD + extra

    def has(self, choice: Choice | None) -> bool:
        """Whether there is anything in it of what was chosen. No text is something, too."""
        return choice is not None and (
            choice.format == "webvtt" or not choice.tracks.isdisjoint(self.sizes)
        )


class Segment:
    """
    What a playlist lists with one number.

    @ivar name: its URL without the ending.
    @ivar date: when it begins by the clock on the wall, in seconds since the epoch.
    @ivar discontinuity: the number of sets of tracks before its own.
    @ivar parts: those that are complete.
    @ivar growing: the one that is not; L{None} when the segment is complete.
    @ivar cues: packets of text that are still to be seen when it begins.
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
        self.cues: Sequence[Packet] = ()

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

    def has(self, choice: Choice | None) -> bool:
        """Whether there is anything in its parts of what was chosen."""
        return any(part.has(choice) for part in self.parts)

    def bitrate(self, tracks: Collection[int]) -> float:
        """How many bits a second these tracks have in it, about; 0 where it has no duration."""
        size = sum(part.sizes[number] for part in self.parts for number in tracks)
        size += PART_OVERHEAD * len(self.parts)
        return size * 8 * SECOND / self.duration if self.duration else 0.0

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

    def pieces(self, choice: Choice, number: int | None = None) -> list[bytes]:
        """
        The bytes of a part, or of all of it, made once and kept in the ring.

        @param number: the part's place; L{None} is all of the segment, which is complete.
        @raise IndexError: when the ring does not have it any more.
        """
        parts = self.parts if number is None else [self.parts[number]]
        if choice.format == "webvtt":
            return [self._text(choice, parts)]
        return [self._data(choice, part) for part in parts]

    def _data(self, choice: Choice, part: Part) -> bytes:
        ring = self.programme.ring
        kind = "hls", choice
        data = ring[part.first].rendered.get(kind)
        if data is None:
            numbers = range(part.first, part.stop)
            packets = [packet for number in numbers for packet in ring[number].packets]
            data = self.programme.format(choice).render(packets)
            ring.render(ring[part.first], kind, data)
        return data

    def _text(self, choice: Choice, parts: Sequence[Part]) -> bytes:
        """
        The cues that are to be seen at any moment of these parts; they may have come earlier.
        """
        ring = self.programme.ring
        first, last = parts[0], parts[-1]
        kind = "hls", choice, last.stop
        data = ring[first.first].rendered.get(kind)
        if data is None:
            numbers = range(self.first, last.stop)
            came = (packet for number in numbers for packet in ring[number].packets)
            packets = [
                packet
                for packet in (*self.cues, *came)
                if packet.track in choice.tracks
                and packet.pts < last.end
                and shown_until(packet) > first.start
            ]
            packets.sort(key=lambda packet: packet.pts)
            data = TEXT_HEAD + self.programme.format(choice).render(packets)
            ring.render(ring[first.first], kind, data)
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
        self._cues: list[Packet] = []
        self._was_read = False
        self._texts: dict[tuple[frozenset[int] | None, bool], str] = {}

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
        if not self._timed:
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
        texts = programme.header.fitting("webvtt")
        self._cues += [packet for packet in fragment.packets if packet.track in texts]
        del self._cues[:-CUES]
        if growing is not None and growing.growing is not None:
            growing.growing.weigh(fragment, self._timed if programme.header.has_video else ())

    def forget(self) -> None:
        """
        What there is is old: what comes next is the first that is listed, and may be of other
        tracks.
        """
        self._close(self._end)
        self._discontinuity += bool(self._segments)
        self._segments.clear()
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

    def map(self, name: str, tracks: frozenset[int] | None = None) -> bytes | None:
        """The initialization section with this name; L{None} when no listed segment needs it."""
        for programme in dict.fromkeys(segment.programme for segment in self._segments):
            choice = _choice(programme, tracks)
            if choice is not None and choice.format == "mp4":
                head = programme.format(choice).head
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
        groups = dict.fromkeys(_GROUPS[track.type] for track in beside)
        attributes += [f'{group}="{group.lower()}"' for group in groups]
        lines = [
            *("#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"),
            *_renditions(beside, preferred(heard)),
            f"#EXT-X-STREAM-INF:{','.join(attributes)}",
            _folder(main if tracks is None else None) + "media.m3u8",
        ]
        return "\n".join(lines) + "\n"

    def _rates(self, choices: Sequence[Collection[int]]) -> tuple[int, int]:
        """Bits a second of the segments of these choices of tracks, at most and on average."""
        segments = [s for s in self._segments if s.is_complete and s.is_there and s.duration]
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

    def _change(self, programme: Programme) -> None:
        """Other tracks: what remains of the ones before the last is gone."""
        self._close(self._end)
        last = self._programme
        while self._segments and self._segments[0].programme is not last:
            self._segments.popleft()
        self._programme = programme
        self._cues.clear()
        header = programme.header
        can_be_had = header.fitting("mp4") | header.fitting("webvtt")
        video = [track.number for track in header.tracks if track.type == "video"]
        heard = [track.number for track in header.tracks if track.type == "audio"]
        self._timed = frozenset(video[:1] or heard if can_be_had else ())

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
        self._cues = [packet for packet in self._cues if shown_until(packet) > part.start]
        segment.cues = tuple(self._cues)
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
            self.edge = (segment.number, len(segment.parts))
            self._texts.clear()

    def _close(self, time: int, stop: int | None = None) -> None:
        """The growing segment, if there is one, is complete."""
        segment = self._growing
        if segment is None:
            return
        segment.cut(time, segment.programme.ring.end if stop is None else stop, None)
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

    def _lines(self, tracks: frozenset[int] | None, *, skip: bool) -> Iterator[str]:
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
        choices = self._choices(tracks)
        gap = not all(s.has(choices[s.programme]) for s in listed[skipped:])
        yield "#EXTM3U"
        yield f"#EXT-X-VERSION:{9 if skipped else 8 if gap else 6}"
        yield f"#EXT-X-TARGETDURATION:{self._target}"
        yield from self._control([part for segment in shown for part in segment.parts])
        yield f"#EXT-X-MEDIA-SEQUENCE:{listed[0].number}"
        yield f"#EXT-X-DISCONTINUITY-SEQUENCE:{listed[0].discontinuity}"
        yield "#EXT-X-INDEPENDENT-SEGMENTS"
        if skipped:
            yield f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"
        before = listed[skipped - 1] if skipped else None
        for segment in listed[skipped:]:
            choice = choices[segment.programme]
            yield from _beginning(segment, before, choice)
            if segment in shown:
                yield from _parts(segment, choice)
            if not segment.has(choice):
                yield "#EXT-X-GAP"
            yield f"#EXTINF:{_seconds(segment.duration)},"
            yield f"{segment.name}{ending(choice)}"
            before = segment
        if growing is not None and self._lists_parts:
            choice = choices[growing.programme]
            yield from _beginning(growing, before, choice)
            yield from _parts(growing, choice)
            uri = f"{growing.name}.{len(growing.parts)}{ending(choice)}"
            yield f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{uri}"'
        if self._lists_parts and self._timed and self._programme is not None:
            yield from self._reports(self._programme.header, tracks)
        if self.finished:
            yield "#EXT-X-ENDLIST"

    def _choices(self, tracks: frozenset[int] | None) -> dict[Programme, Choice | None]:
        """What a playlist has of each programme: of one kind, or nothing."""
        programmes = dict.fromkeys(segment.programme for segment in self._segments)
        choices = {programme: _choice(programme, tracks) for programme in programmes}
        kinds = [choice.format for choice in choices.values() if choice is not None]
        return {
            programme: choice if choice is not None and choice.format == kinds[-1] else None
            for programme, choice in choices.items()
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
                uri = f"{up}{_folder(other)}media.m3u8"
                yield (
                    f'#EXT-X-RENDITION-REPORT:URI="{uri}",LAST-MSN={number},LAST-PART={parts - 1}'
                )

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


def _choice(programme: Programme, tracks: frozenset[int] | None) -> Choice | None:
    """What a playlist has of a programme; L{None} is nothing."""
    try:
        return chosen(programme.header, tracks)
    except (Unfit, NoTrack):
        return None


def _folder(tracks: frozenset[int] | None) -> str:
    """Where the playlist of some tracks is, beside the main one."""
    return "" if tracks is None else ",".join(map(str, sorted(tracks))) + "/"


_GROUPS: Mapping[str, str] = MappingProxyType({"audio": "AUDIO", "subtitle": "SUBTITLES"})
"""What playlists call the tracks that may be chosen, by their type."""


def _renditions(tracks: Sequence[Track], default: Collection[Track]) -> Iterator[str]:
    """
    What may be chosen (4.4.6.1).

    @param default: what is, unasked.
    """
    names: set[tuple[str, str]] = set()
    languages: set[tuple[str, str | None]] = set()
    for track in tracks:
        name = _quotable(track.title or track.language or "") or f"Track {track.number}"
        while (track.type, name) in names:
            name = f"{name} ({track.number})"
        # A player may choose by language alone (4.3.4.1.1): one of each.
        alone = (track.type, track.language) not in languages
        names.add((track.type, name))
        languages.add((track.type, track.language))
        group = _GROUPS[track.type]
        parts = [
            *(f"TYPE={group}", f'GROUP-ID="{group.lower()}"', f'NAME="{name}"'),
            *([f'LANGUAGE="{_quotable(track.language)}"'] if track.language else []),
            f"DEFAULT={'YES' if track in default else 'NO'}",
            f"AUTOSELECT={'YES' if alone or track in default else 'NO'}",
            *([f'CHANNELS="{track.channels}"'] if track.channels else []),
            f'URI="{track.number}/media.m3u8"',
        ]
        yield f"#EXT-X-MEDIA:{','.join(parts)}"


def _quotable(text: str) -> str:
    """A name that somebody has given, fit for a quoted string (4.2)."""
    return "".join(char for char in text if char.isprintable() and char != '"')


def _beginning(segment: Segment, before: Segment | None, choice: Choice | None) -> Iterator[str]:
    """What is said before a segment's parts."""
    changed = before is not None and before.discontinuity != segment.discontinuity
    if changed:
        yield "#EXT-X-DISCONTINUITY"
    if (changed or before is None) and choice is not None and choice.format == "mp4":
        yield f'#EXT-X-MAP:URI="{_map_name(segment.programme.format(choice).head)}"'
    date = datetime.fromtimestamp(segment.date, UTC).isoformat(timespec="milliseconds")
    yield f"#EXT-X-PROGRAM-DATE-TIME:{date.replace('+00:00', 'Z')}"


def _map_name(head: bytes) -> str:
    """The initialization section is named after its bytes, so it never changes."""
    return f"init-{hashlib.sha256(head).hexdigest()[:16]}.mp4"


def ending(choice: Choice | None) -> str:
    """Of a piece's name."""
    return ".vtt" if choice is not None and choice.format == "webvtt" else ".m4s"


def _with_rest(segments: Sequence[Segment], ahead: int) -> list[tuple[Segment, int]]:
    """Segments, each with how far its end is from the live edge, in microseconds."""
    rests = []
    for segment in reversed(segments):
        rests.append((segment, ahead))
        ahead += segment.duration
    return rests[::-1]


def _parts(segment: Segment, choice: Choice | None) -> Iterator[str]:
    shown = segment.programme.header.only(choice.tracks) if choice is not None else ()
    has_video = any(track.type == "video" for track in shown)
    for number, part in enumerate(segment.parts):
        uri = f"{segment.name}.{number}{ending(choice)}"
        more = ",INDEPENDENT=YES" if part.independent or not has_video else ""
        more += "" if part.has(choice) else ",GAP=YES"
        yield f'#EXT-X-PART:DURATION={_seconds(part.duration)},URI="{uri}"{more}'


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
