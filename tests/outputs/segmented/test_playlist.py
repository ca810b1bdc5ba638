"""Playlists: what is listed, under which numbers, for how long, and what the parts' bytes are."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any
from weakref import ref

import m3u8
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.formats.registry import Choice, Format, NoTrack, Unfit
from mkvtwist.formats.webvtt import WebVtt
from mkvtwist.live.period import Period as RealProgramme
from mkvtwist.live.ring import ENTRY, Fragment, Ring
from mkvtwist.media.packet import SECOND, Header, Packet, Track
from mkvtwist.outputs.segmented import (
    DISCONTINUITIES,
    MOST_VIEWERS,
    PART,
    SHORTEST,
    Part,
    Playlist,
    Segment,
    Viewers,
    chosen,
    others,
    variant,
)
from mkvtwist.outputs.segmented import playlist as playlist_module
from tests.support.fakes import AUDIO, SOUND, VIDEO, footage, mixed

STARTED = 1_700_012_345.25
FIRST = 1_700_012_345
TEXT = Track(number=3, type="subtitle", codec="subrip")
ALL = Choice("mp4", frozenset({1, 2, 3}))


class Bytes:
    """A format that shows what was rendered together."""

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        self.head = header.formats["mp4"]
        self.rendered = 0
        self._numbers = numbers

    def render(self, packets: Sequence[Packet], /) -> bytes:
        """Each packet's bytes."""
        self.rendered += 1
        mine = [packet.data for packet in packets if packet.track in self._numbers]
        return b"(" + b"|".join(mine) + b")" if mine else b""


class Period(RealProgramme):
    """One whose MP4 shows what was rendered together."""

    def __init__(self, *tracks: Track, size_limit: int = 1 << 30, edge: int = 0) -> None:
        tracks = tracks or (VIDEO,)
        head = " ".join(f"{track.codec} {track.width}" for track in tracks).encode()
        super().__init__(Header(tracks, {"mp4": head}), Ring(30 * SECOND, size_limit, edge=edge))
        self.made: dict[Choice, Format] = {}

    def format(self, choice: Choice) -> Format:
        """Bytes, or words."""
        if choice not in self.made:
            make = Bytes if choice.format == "mp4" else WebVtt
            self.made[choice] = make(self.header, choice.tracks)
        return self.made[choice]

    @property
    def rendered(self) -> int:
        """How often bytes were made."""
        return sum(made.rendered for made in self.made.values() if isinstance(made, Bytes))


class DatedPlaylist(Playlist):
    """One whose clock is as late as the test says."""

    def __init__(self, kept: float = 30.0, *, parts: bool = True, started: float) -> None:
        self.now = started
        self.of: ref[RealProgramme] | None = None
        super().__init__(kept, parts=parts, date=lambda: self.now)

    def take(self, period: RealProgramme, fragment: Fragment, now: float) -> None:
        """What a publisher does with one fragment, at this time."""
        if self.of is None or self.of() is not period:
            self.of = ref(period)
            self.begin(period)
        self.now = now
        self.append(fragment)
        self.flush()


def live(*, parts: bool = True, kept: float = 30.0) -> DatedPlaylist:
    """An empty one."""
    return DatedPlaylist(kept, parts=parts, started=STARTED)


def feed(
    playlist: DatedPlaylist, period: Period, packets: Sequence[Packet], *, late: float = 0.0
) -> None:
    """Packet by packet, each as a fragment, at the time at which it is due; video cuts."""
    video = period.header.has_video
    for packet in packets:
        key = packet.key and (packet.track == 1 or not video)
        fragment = period.ring.append([packet], key=key)
        playlist.take(period, fragment, STARTED + late + packet.dts / SECOND)


def bunches(packets: Sequence[Packet], most: int) -> Iterator[Sequence[Packet]]:
    """Packets that arrived together, so many at most; a keyframe is the first of its bunch."""
    place = 0
    while place < len(packets):
        group = packets[place : place + most]
        begins = [n for n, p in enumerate(group) if p.track == 1 and p.key and n]
        group = group[: begins[0]] if begins else group
        place += len(group)
        yield group


def read(playlist: DatedPlaylist, *, skip: bool = False) -> Any:
    """What a player reads."""
    return m3u8.loads(playlist.media(skip=skip), uri="http://tv.example/live/media.m3u8")


def whole(playlist: DatedPlaylist) -> list[Segment]:
    """The complete segments that are there."""
    numbers = range(FIRST, playlist.edge[0])
    return [found for number in numbers if (found := playlist.find(number)) is not None]


class SegmentTests(SynchronousTestCase):
    """What makes a segment, and a part."""

    def test_gop(self) -> None:
        """A segment is a GOP, a part half a second, both begin where the last one ended."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 5.1, gop=2, rate=25))
        first, second = whole(playlist)
        self.assertEqual((first.start, first.end, second.end), (0, 2 * SECOND, 4 * SECOND))
        self.assertEqual([part.duration for part in first.parts], [480_000] * 4 + [80_000])
        self.assertEqual([part.independent for part in first.parts], [True] + [False] * 4)
        self.assertEqual(playlist.edge, (FIRST + 2, 2))

    def test_rates(self) -> None:
        """At all usual rates parts are as long as each other, but for the last one."""
        for rate, count in ((24, 12), (25, 12), (30, 15), (50, 25), (60, 30), (2, 1)):
            playlist, period = live(), Period()
            feed(playlist, period, footage(0, 4.5, gop=4, rate=rate))
            parts = whole(playlist)[0].parts
            step = SECOND // rate
            self.assertEqual({part.duration for part in parts[:-1]}, {count * step}, rate)

    def test_part_target(self) -> None:
        """Whole pictures fill the part target at any rate, and it stays as it was at first."""
        for rate in (1, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 120):
            playlist, period = live(), Period()
            targets = set()
            for packet in footage(0, 20.5, gop=4, rate=rate):
                feed(playlist, period, [packet])
                if playlist.is_ready:
                    targets.add(float(read(playlist).part_inf.part_target))
            (target,) = targets
            for segment in whole(playlist):
                for part in segment.parts[:-1]:
                    self.assertLessEqual(part.duration, target * SECOND, rate)
                    self.assertGreaterEqual(part.duration, 0.85 * target * SECOND, rate)

    def test_together(self) -> None:
        """Parts follow the media's time: how many packets arrived together makes no difference."""
        packets = mixed(footage(0, 8.5, gop=4, rate=25), footage(0, 8.5, track=2, rate=50))
        expected, period = live(), Period(VIDEO, AUDIO)
        feed(expected, period, packets)
        for together in (2, 5, 13, 18):
            playlist, period = live(), Period(VIDEO, AUDIO)
            for group in bunches(packets, together):
                key = group[0].track == 1 and group[0].key
                playlist.take(period, period.ring.append(group, key=key), STARTED)
            self.assertEqual(
                [(s.start, s.end, [p.duration for p in s.parts]) for s in whole(playlist)],
                [(s.start, s.end, [p.duration for p in s.parts]) for s in whole(expected)],
            )
            self.assertEqual(
                [segment.pieces(ALL) for segment in whole(playlist)],
                [segment.pieces(ALL) for segment in whole(expected)],
            )

    def test_short_gops(self) -> None:
        """Where every picture is a keyframe, a segment still lasts a second."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 4.5, gop=0.1, rate=10))
        self.assertEqual([s.duration for s in whole(playlist)], [SECOND] * 4)
        self.assertTrue(all(part.independent for s in whole(playlist) for part in s.parts))

    def test_audio(self) -> None:
        """Sound between pictures belongs to the part in which it comes, and cuts nothing."""
        playlist, period = live(), Period(VIDEO, AUDIO)
        packets = mixed(footage(0, 4.5, gop=2, rate=25), footage(0, 4.5, track=2, rate=50))
        feed(playlist, period, packets)
        durations = [part.duration for part in whole(playlist)[0].parts]
        self.assertEqual(durations, [480_000] * 4 + [80_000])

    def test_sound_alone(self) -> None:
        """Sound alone is cut by its own time; each part can be begun with."""
        playlist, period = live(), Period(SOUND)
        feed(playlist, period, footage(0, 3.5, gop=1, rate=50))
        self.assertEqual([s.duration for s in whole(playlist)], [SECOND] * 3)
        self.assertNotIn("RESOLUTION", playlist.multivariant(period.header))

    def test_sounds_together(self) -> None:
        """Of sounds that begin together, one in long packets, no part is without duration."""
        playlist, period = live(), Period(SOUND, replace(SOUND, number=2))
        long = [p._replace(duration=SECOND // 2) for p in footage(0, 3.5, track=2, rate=2)]
        feed(playlist, period, mixed(footage(0, 3.5, rate=50), long))
        parts = [part for segment in whole(playlist) for part in segment.parts]
        self.assertGreater(min(part.duration for part in parts), 0)

    def test_last_picture(self) -> None:
        """The last picture of a part lasts up to the part's end: players drop what comes later."""
        playlist, period = live(), Period(VIDEO, AUDIO)
        choice = Choice("mp4", frozenset({1, 2}))
        lasting: list[tuple[int, int]] = []

        class Durations:
            head = b""

            def render(self, packets: Sequence[Packet], /) -> bytes:
                lasting.extend((p.dts + p.duration, p.dts) for p in packets if p.track == 1)
                return b"x"

        period.made[choice] = Durations()
        dark = [p._replace(duration=SECOND // 25) for p in footage(0, 2.5, rate=5)]
        feed(playlist, period, mixed(dark, footage(0, 2.5, track=2, rate=50)))
        for segment in whole(playlist):
            for number, part in enumerate(segment.parts):
                lasting.clear()
                segment.pieces(choice, number)
                self.assertLessEqual(abs(lasting[-1][0] - part.end), SECOND // 50)

    def test_outgrown(self) -> None:
        """
        A segment whose beginning has left the ring is given up, with its parts: its number is not
        used again, nobody waits for what was announced, and the next keyframe begins another.
        """
        playlist, period = live(), Period(size_limit=20_000)
        feed(playlist, period, footage(0, 1.5, rate=10))
        growing = playlist.find(FIRST + 1)
        assert growing is not None
        announced, gone = len(growing.parts), ref(growing)
        self.assertFalse(playlist.has(FIRST + 1, announced))
        del growing
        feed(playlist, period, footage(1.5, 90, rate=10, key=False))
        gc.collect()
        self.assertIsNone(gone())
        self.assertIsNone(playlist.find(FIRST + 1))
        self.assertEqual(playlist.edge, (FIRST + 2, 0))
        self.assertTrue(playlist.has(FIRST + 1, 9999))
        feed(playlist, period, footage(90, 92.5, rate=10))
        self.assertEqual([s.number for s in whole(playlist)], [FIRST + 2, FIRST + 3])

    def test_endless(self) -> None:
        """One that the ring could keep for hours is given up when it has too many parts."""
        self.patch(playlist_module, "MOST_PARTS", 20)
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 2.5, rate=10))
        feed(playlist, period, footage(2.5, 60, rate=10, key=False))
        self.assertFalse(playlist.is_ready)
        self.assertEqual(playlist.edge, (FIRST + 3, 0))
        feed(playlist, period, footage(60, 61.5, rate=10))
        self.assertEqual(read(playlist).media_sequence, FIRST + 3)

    def test_beginning(self) -> None:
        """What comes before the first keyframe is in no segment."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0.5, 3.5, rate=10))
        self.assertEqual([s.start for s in whole(playlist)], [SECOND, 2 * SECOND])

    def test_bytes(self) -> None:
        """A segment is its parts, each rendered once and kept with the ring."""
        playlist, period = live(), Period()
        packets = footage(0, 2.5, gop=2, rate=25)
        feed(playlist, period, packets)
        (segment,) = whole(playlist)
        before = period.ring.size
        made = segment.pieces(ALL)
        self.assertEqual(made[0], b"(" + b"|".join(p.data for p in packets[:12]) + b")")
        self.assertEqual([segment.pieces(ALL, n) for n in range(len(made))], [[m] for m in made])
        self.assertEqual(period.rendered, len(segment.parts))
        self.assertEqual(period.ring.size - before, sum(len(part) + ENTRY for part in made))

    def test_gone(self) -> None:
        """A segment that the ring has dropped is not found, and has no bytes."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 2.5, gop=2, rate=25))
        (segment,) = whole(playlist)
        feed(playlist, period, footage(2.5, 60, gop=2, rate=25))
        self.assertIsNone(playlist.find(segment.number))
        self.assertRaises(IndexError, segment.pieces, ALL)

    def test_unfit(self) -> None:
        """Tracks that MP4 cannot hold are in no segment; what was before them ends there."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 3.5, rate=10))
        other = Period(Track(number=1, type="video", codec="vp8"), edge=4 * SECOND)
        other.header = Header(other.header.tracks, {})
        feed(playlist, other, footage(4, 8, rate=10))
        self.assertEqual([s.duration for s in whole(playlist)], [SECOND] * 3 + [SECOND // 2])
        self.assertEqual(playlist.edge, (FIRST + 4, 0))


class MediaTests(SynchronousTestCase):
    """The media playlist, as an independent parser reads it."""

    def test_text(self) -> None:
        """All of it, once, as it is."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 2.6, gop=2, rate=10))
        run = f"{round(STARTED * 1000):x}"
        name = sha256(b"h264 160").hexdigest()[:16]
        self.assertEqual(
            playlist.media(),
            "#EXTM3U\n"
            "#EXT-X-VERSION:6\n"
            "#EXT-X-TARGETDURATION:2\n"
            "#EXT-X-PART-INF:PART-TARGET=0.51\n"
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,HOLD-BACK=6,"
            "PART-HOLD-BACK=1.53\n"
            f"#EXT-X-MEDIA-SEQUENCE:{FIRST}\n"
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{FIRST % DISCONTINUITIES}\n"
            "#EXT-X-INDEPENDENT-SEGMENTS\n"
            f'#EXT-X-MAP:URI="init-{name}.mp4"\n'
            "#EXT-X-PROGRAM-DATE-TIME:2023-11-15T01:39:05.250Z\n"
            + "".join(
                f'#EXT-X-PART:DURATION={length},URI="{run}-{FIRST}.{n}.m4s"{independent}\n'
                for n, (length, independent) in enumerate(
                    [("0.500000", ",INDEPENDENT=YES"), *[("0.500000", "")] * 3]
                )
            )
            + "#EXTINF:2.000000,\n"
            f"{run}-{FIRST}.m4s\n"
            "#EXT-X-PROGRAM-DATE-TIME:2023-11-15T01:39:07.250Z\n"
            f'#EXT-X-PART:DURATION=0.500000,URI="{run}-{FIRST + 1}.0.m4s",INDEPENDENT=YES\n'
            f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{run}-{FIRST + 1}.1.m4s"\n',
        )

    def test_window(self) -> None:
        """Half of what the ring keeps is listed, and three target durations at least."""
        for gop, listed in ((2, 8), (10, 3)):
            playlist, period = live(), Period()
            feed(playlist, period, footage(0, 71, gop=gop, rate=10))
            found = read(playlist)
            complete = [s for s in found.segments if s.uri is not None]
            self.assertEqual(len(complete), listed)
            self.assertEqual(found.target_duration, gop)
            for segment in whole(playlist):
                self.assertTrue(segment.pieces(ALL, 0))

    def test_ready(self) -> None:
        """There is nothing to list before a segment is complete, or when none is left."""
        playlist, period = live(), Period(size_limit=20_000)
        feed(playlist, period, footage(0, 0.9, rate=10))
        self.assertFalse(playlist.is_ready)
        feed(playlist, period, footage(0.9, 1.2, rate=10))
        self.assertTrue(playlist.is_ready)
        feed(playlist, period, footage(1.2, 90, rate=10, key=False))
        self.assertFalse(playlist.is_ready)

    def test_lost_beginning(self) -> None:
        """A segment that has lost its beginning before it was complete is not listed."""
        playlist, period = live(), Period(size_limit=20_000)
        feed(playlist, period, footage(0, 2.2, rate=10))
        feed(playlist, period, footage(2.2, 90, rate=10, key=False))
        feed(playlist, period, footage(90, 91.2, rate=10))
        found = read(playlist)
        self.assertEqual(found.media_sequence, FIRST + 3)

    def test_lost_after_other_tracks(self) -> None:
        """What was before other tracks has gone when a segment of these has: no list has holes."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 3.5, rate=10))
        other = Period(VIDEO, AUDIO, size_limit=80_000, edge=4 * SECOND)
        feed(playlist, other, footage(4, 5.5, rate=10))
        self.assertEqual(read(playlist).media_sequence, FIRST)
        feed(playlist, other, footage(5.5, 90, rate=10, key=False))
        self.assertFalse(playlist.is_ready)
        feed(playlist, other, footage(90, 100, rate=10))
        found = read(playlist)
        self.assertEqual(found.media_sequence, FIRST + 6)
        self.assertEqual(found.discontinuity_sequence, FIRST % DISCONTINUITIES + 1)

    def test_longer_than_the_buffer(self) -> None:
        """
        While a GOP is longer than all that is kept, its parts are listed, behind the last segment
        as a gap; and then it is listed itself.
        """
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 3.5, rate=10))
        feed(playlist, period, footage(3.5, 59.5, rate=10, key=False))
        found = read(playlist)
        self.assertEqual(found.media_sequence, FIRST + 2)
        gap, growing = found.segments
        self.assertEqual((gap.gap_tag, gap.duration, gap.parts), (True, 1, []))
        self.assertEqual(found.version, 8)
        self.assertIsNone(playlist.find(FIRST + 2))
        self.assertTrue(growing.parts[0].independent)
        segment = playlist.find(FIRST + 3)
        assert segment is not None
        self.assertEqual(len(growing.parts), len(segment.parts))
        self.assertTrue(all(segment.pieces(ALL)))
        self.assertGreaterEqual(found.target_duration, 56)
        feed(playlist, period, footage(60, 61.5, rate=10))
        self.assertEqual([s.duration for s in read(playlist).segments if s.uri], [57, 1])
        self.assertNotIn("GAP", playlist.media())

    def test_one_picture(self) -> None:
        """A picture alone, of which nobody knows how long it is shown, is a short segment."""
        playlist, period = live(), Period()
        feed(playlist, period, [p._replace(duration=0) for p in footage(0, 0.1, rate=10)])
        feed(playlist, Period(AUDIO, edge=SECOND), footage(1, 2.5, track=2, rate=50))
        found = read(playlist)
        (part,) = found.segments[0].parts
        self.assertEqual((found.segments[0].duration, part.duration), (0.04, 0.04))
        self.assertEqual(found.part_inf.part_target, 0.51)
        self.assertEqual(float(found.server_control.part_hold_back), 1.53)

    def test_longer_gop(self) -> None:
        """
        The target duration covers all that is listed: it rises before a GOP that is longer than
        those before is complete, a few times at most, and never shrinks.
        """
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 6.5, gop=2, rate=10))
        seen = [read(playlist).target_duration]
        for packet in footage(6.5, 15.5, rate=10, key=False):
            feed(playlist, period, [packet])
            seen.append(read(playlist).target_duration)
        feed(playlist, period, footage(16, 60, gop=2, rate=10))
        self.assertEqual(sorted({*seen, read(playlist).target_duration}), [2, 3, 5, 8, 12])
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(read(playlist).target_duration, 12)

    def test_gap(self) -> None:
        """A picture that stands for long is a part; the part target covers it while it is there."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 2.5, gop=2, rate=25))
        target = PART / SECOND
        self.assertEqual(read(playlist).part_inf.part_target, target)
        feed(playlist, period, footage(3.9, 4.5, gop=2, rate=25))
        longest = max(float(p.duration) for s in read(playlist).segments for p in s.parts)
        self.assertGreater(longest, 1.4)
        self.assertGreaterEqual(float(read(playlist).part_inf.part_target), longest)
        feed(playlist, period, footage(4.5, 40, gop=2, rate=25))
        self.assertEqual(read(playlist).part_inf.part_target, target)

    def test_other_tracks(self) -> None:
        """Other tracks: numbers and time go on, behind a discontinuity with another map."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 4.5, gop=2, rate=10))
        other = Period(VIDEO, AUDIO, edge=4_500_000)
        feed(playlist, other, footage(5, 9.5, gop=1, rate=10))
        found = read(playlist)
        complete = [s for s in found.segments if s.uri is not None]
        marks = [s.discontinuity for s in complete]
        self.assertEqual(marks, [False, False, False, True, False, False, False])
        self.assertEqual([s.duration for s in complete], [2, 2, 0.5, 1, 1, 1, 1])
        maps = [m.uri for m in found.segment_map]
        self.assertEqual(len(set(maps)), 2)
        self.assertEqual(playlist.map(maps[0]), period.header.formats["mp4"])
        self.assertEqual(playlist.map(maps[1]), other.header.formats["mp4"])
        self.assertIsNone(playlist.map("init-0.mp4"))

    def test_other_tracks_later(self) -> None:
        """What the ring of the ones before has stays in the list, though that ring is full."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 59.5, rate=10))
        self.assertGreater(period.ring.first, 0)
        feed(playlist, Period(VIDEO, AUDIO, edge=60 * SECOND), footage(60, 62.5, rate=10))
        marks = [s.discontinuity for s in read(playlist).segments if s.uri]
        self.assertEqual(marks, [*[False] * 14, True, False])

    def test_discontinuities_are_counted(self) -> None:
        """When what is before a discontinuity leaves, its number is the one behind it."""
        playlist, edge = live(), 0.0
        for change in range(3):
            track = Track(number=1, type="video", codec="h264", width=change)
            period = Period(track, edge=round(edge * SECOND))
            feed(playlist, period, footage(edge, edge + 40, rate=10))
            edge += 40
            found = read(playlist)
            self.assertEqual(found.discontinuity_sequence, FIRST % DISCONTINUITIES + change)
            self.assertFalse(any(s.discontinuity for s in found.segments))
            self.assertEqual(len(found.segment_map), 1)

    def dates(self, *clock: tuple[float, float]) -> list[float]:
        """
        How far the date of each segment of a second is from the wall clock when it came.

        @param clock: of each of them: how many seconds after the start it comes, and by how many
            seconds the wall clock has been set by then.
        """
        playlist, period = live(), Period()
        for number in range(2):
            fragment = period.ring.append(footage(number, number + 1), key=True)
            playlist.take(period, fragment, STARTED)
        read(playlist)
        found = []
        for number, (when, set_by) in enumerate(clock, 2):
            wall = STARTED + when + set_by
            fragment = period.ring.append(footage(number, number + 1), key=True)
            playlist.take(period, fragment, wall)
            text = playlist.media().rpartition("#EXT-X-PROGRAM-DATE-TIME:")[2].splitlines()[0]
            found.append(round(datetime.fromisoformat(text).timestamp() - wall, 3))
        return found

    def test_set_clock(self) -> None:
        """Dates follow the wall clock when it is set, forward and back."""
        for set_by in (3600, -3600, -9, 9):
            usual = [(number, 0.0) for number in range(1, 5)]
            then = [(number, set_by) for number in range(5, 9)]
            again = [(number, 0.0) for number in range(9, 12)]
            self.assertEqual(self.dates(*usual, *then, *again), [0.0] * 11)

    def test_set_clock_little(self) -> None:
        """A clock that is slewed is followed, too, each time that it has gone far enough."""
        for step in (-0.1, 0.1):
            slewed = [(float(number), step * number) for number in range(1, 100)]
            self.assertLess(max(map(abs, self.dates(*slewed))), 2.1)

    def test_caught_up(self) -> None:
        """What was late, and comes faster than real time then, is not dated into the future."""
        late = [(5.0, 0.0)] * 5
        then = [(float(number), 0.0) for number in range(6, 10)]
        self.assertLess(max(map(abs, self.dates((1.0, 0.0), *late, *then))), 2.1)

    def test_two_changes(self) -> None:
        """Only the last two sets of tracks are kept."""
        playlist = live()
        for change in range(4):
            track = Track(number=1, type="video", codec="h264", width=change)
            period = Period(track, edge=change * 3 * SECOND)
            feed(playlist, period, footage(change * 3, change * 3 + 3, rate=10))
        self.assertEqual(len({id(s.period) for s in whole(playlist)}), 2)
        self.assertEqual(read(playlist).media_sequence, FIRST + 6)

    def test_change_to_nothing(self) -> None:
        """Tracks that bring no segment part what is before them from what is behind them."""
        vp8 = Period(Track(number=1, type="video", codec="vp8"), edge=4 * SECOND)
        vp8.header = Header(vp8.header.tracks, {})
        no_keyframe = Period(replace(VIDEO, width=99), edge=4 * SECOND)
        for between, there, count in (
            (footage(4, 8, rate=10, key=False), True, 0),
            (footage(4, 40, rate=10, key=False), False, 1),
        ):
            for other in (vp8, no_keyframe):
                other.ring = Ring(30 * SECOND, 1 << 30, edge=4 * SECOND)
                playlist, before = live(), Period()
                feed(playlist, before, footage(0, 3.5, rate=10))
                feed(playlist, other, between)
                self.assertEqual(playlist.is_ready, there)
                after = Period(VIDEO, AUDIO, edge=40 * SECOND)
                feed(playlist, after, footage(41, 43.5, rate=10))
                found = read(playlist)
                marks = [s.discontinuity for s in found.segments if s.uri]
                self.assertEqual(marks, [*([False] * 4 + [True] if there else [False]), False])
                counted = found.discontinuity_sequence - FIRST % DISCONTINUITIES
                self.assertEqual(counted, count)

    def test_given_back(self) -> None:
        """The ring of the tracks before is not kept for longer than that of these is filled."""
        playlist, before = live(), Period()
        feed(playlist, before, footage(0, 3.5, rate=10))
        gone = ref(before)
        del before
        vp8 = Period(Track(number=1, type="video", codec="vp8"), edge=4 * SECOND)
        vp8.header = Header(vp8.header.tracks, {})
        feed(playlist, vp8, footage(4, 8, rate=10))
        gc.collect()
        self.assertIsNotNone(gone())
        feed(playlist, vp8, footage(8, 40, rate=10))
        gc.collect()
        self.assertIsNone(gone())

    def test_dates(self) -> None:
        """The date goes with the media, and jumps when the input was away."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 3.5, rate=10))
        feed(playlist, period, footage(3.5, 6.5, rate=10), late=60)
        dates = [s.program_date_time for s in read(playlist).segments if s.uri]
        steps = [after - before for before, after in pairwise(dates)]
        second = timedelta(seconds=1)
        self.assertEqual(steps, [second, second, second, 61 * second, second])

    def test_burst(self) -> None:
        """What comes at once at the start is dated back."""
        playlist, period = live(), Period()
        for packet in footage(0, 10.5, rate=10):
            fragment = period.ring.append([packet], key=packet.key)
            playlist.take(period, fragment, STARTED)
        dates = [s.program_date_time for s in read(playlist).segments if s.uri]
        self.assertEqual(dates[-1].timestamp(), STARTED - 1)
        self.assertEqual(dates[0].timestamp(), STARTED - 10)

    def test_forget(self) -> None:
        """What is old is not listed, and what comes then goes on in its numbers."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 3.5, rate=10))
        playlist.forget()
        self.assertFalse(playlist.is_ready)
        feed(playlist, Period(edge=4 * SECOND), footage(4, 6.5, rate=10))
        self.assertEqual(read(playlist).media_sequence, FIRST + 4)

    def test_end(self) -> None:
        """At the end all is listed, nothing is announced, and it is said that it is the end."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 2.5, gop=2, rate=10))
        playlist.end(for_good=True)
        found = read(playlist)
        self.assertTrue(found.is_endlist)
        self.assertEqual([s.duration for s in found.segments], [2, 0.5])
        self.assertNotIn("PRELOAD-HINT", playlist.media())
        self.assertTrue(playlist.has(FIRST + 99))

    def test_whole_segments(self) -> None:
        """Without parts, there are segments alone."""
        playlist, period = live(parts=False), Period()
        feed(playlist, period, footage(0, 6.5, gop=2, rate=10))
        self.assertNotIn("PART", playlist.media())
        self.assertEqual([s.duration for s in read(playlist).segments], [2, 2, 2])
        self.assertFalse(playlist.has(FIRST + 3, 0))

    def test_old_parts(self) -> None:
        """Parts leave the list three target durations behind the live edge."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 30.5, gop=2, rate=10))
        having = [s.uri for s in read(playlist).segments if s.parts and s.uri]
        self.assertEqual(len(having), 3)

    def test_parts_do_not_come_back(self) -> None:
        """Parts that have left the list stay away when a longer GOP moves the line behind them."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 9.5, rate=10))
        uris = []
        for packet in footage(9.5, 16.5, rate=10, key=False):
            feed(playlist, period, [packet])
            uris.append([part.uri for s in read(playlist).segments for part in s.parts])
        for before, after in pairwise(uris):
            self.assertIn(after[0], before)
            still = before[before.index(after[0]) :]
            self.assertEqual(after[: len(still)], still)

    def test_delta(self) -> None:
        """A delta update leaves out what is more than six target durations behind."""
        playlist, period = live(kept=100.0), Period()
        period.ring = Ring(100 * SECOND, 1 << 30)
        feed(playlist, period, footage(0, 100.5, gop=2, rate=10))
        full, delta = read(playlist), read(playlist, skip=True)
        skipped = delta.skip.skipped_segments
        self.assertEqual(delta.media_sequence, full.media_sequence)
        uris = [s.uri for s in full.segments]
        self.assertEqual([s.uri for s in delta.segments], uris[skipped:])
        kept = sum(s.duration for s in delta.segments if s.uri)
        self.assertGreaterEqual(kept, 6 * full.target_duration)
        self.assertLess(kept, 8 * full.target_duration)

    def test_nothing_to_skip(self) -> None:
        """A delta update of a short list is the list."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 4.5, gop=2, rate=10))
        self.assertEqual(playlist.media(skip=True), playlist.media())


class MultivariantTests(SynchronousTestCase):
    """The playlist of playlists."""

    def test_attributes(self) -> None:
        """It says what the tracks are, and how much there is of them at most and on average."""
        video = Track(
            1, "video", "h264", b"", "avc1.64001f", width=1280, height=720, frame_rate=25.0
        )
        audio = Track(2, "audio", "aac", b"", "mp4a.40.2")
        playlist, period = live(), Period(video, audio, TEXT)
        feed(playlist, period, footage(0, 2, gop=2, rate=10, size=1000))
        feed(playlist, period, footage(2, 4.1, gop=2, rate=10, size=2000))
        (variant,) = m3u8.loads(playlist.multivariant(period.header)).playlists
        info: Any = variant.stream_info
        self.assertEqual(variant.uri, "media.m3u8")
        self.assertEqual(info.codecs, "avc1.64001f,mp4a.40.2")
        self.assertEqual((info.resolution, info.frame_rate), ((1280, 720), 25.0))
        parts = len(whole(playlist)[0].parts)
        peak = (20 * 2120 + 200 * parts) * 4
        self.assertEqual(info.bandwidth, peak)
        self.assertEqual(info.average_bandwidth, (20 * 3240 + 400 * parts) * 2)

    def test_bright(self) -> None:
        """HDR is named, and so is what Dolby Vision decoders may use instead."""
        video = Track(1, "video", "hevc", video_range="PQ", supplemental="dvh1.08.06/db1p")
        playlist, period = live(), Period(video)
        feed(playlist, period, footage(0, 2.5, rate=10))
        text = playlist.multivariant(period.header)
        self.assertIn(",VIDEO-RANGE=PQ", text)
        self.assertIn(',SUPPLEMENTAL-CODECS="dvh1.08.06/db1p"', text)

    def test_unknown(self) -> None:
        """What is not known is not said: a codec without a name hides the others' too."""
        playlist, period = live(), Period(VIDEO, AUDIO)
        feed(playlist, period, footage(0, 2.5, rate=10))
        text = playlist.multivariant(period.header)
        self.assertNotIn("CODECS", text)
        self.assertNotIn("FRAME-RATE", text)
        self.assertNotIn("VIDEO-RANGE", text)
        self.assertIn("RESOLUTION=160x120", text)


class ChosenTests(SynchronousTestCase):
    """Playlists of other tracks beside the main one."""

    def period(self, edge: int = 0) -> Period:
        """Pictures, two sounds, and text, all of which can be had."""
        named = replace(AUDIO, language="eng", codec_string="mp4a.40.2")
        other = replace(named, number=4, language="deu", title='"Ton", 2', default=True)
        made = Period(replace(VIDEO, codec_string="avc1.64001f"), named, TEXT, other, edge=edge)
        made.header = replace(
            made.header,
            formats={"mp4": b"head", "webvtt": b""},
            fits={"mp4": frozenset({1, 2, 4}), "webvtt": frozenset({3})},
        )
        return made

    def packets(self, start: float, end: float, *, text: float = 0.5) -> list[Packet]:
        """Pictures, sounds, and a cue of a second every two."""
        cues = [
            Packet(3, at, at, SECOND, True, b"cue at %d ms" % (at // 1000))
            for at in range(round(text * SECOND), round(end * SECOND), 2 * SECOND)
        ]
        return mixed(
            footage(start, end, gop=2, rate=25),
            footage(start, end, track=2, rate=50),
            footage(start, end, track=4, rate=50),
            cues,
        )

    def feed(self, playlist: DatedPlaylist, period: Period, packets: list[Packet]) -> None:
        """Packet by packet; the pictures cut."""
        for packet in packets:
            key = packet.track == 1 and packet.key
            fragment = period.ring.append([packet], key=key)
            playlist.take(period, fragment, STARTED + packet.dts / SECOND)

    def live(self) -> tuple[DatedPlaylist, Period]:
        """Two segments and a half."""
        playlist, period = live(), self.period()
        self.feed(playlist, period, self.packets(0, 5))
        return playlist, period

    def test_main(self) -> None:
        """The main playlist has the sound that plays unasked; beside others there is none in it."""
        playlist, period = self.live()
        self.assertEqual(chosen(period.header), Choice("mp4", frozenset({1, 4})))
        found = m3u8.loads(playlist.multivariant(period.header))
        self.assertEqual(
            [(m.type, m.name, m.language, m.default, m.uri) for m in found.media],
            [
                ("AUDIO", "eng", "en", "NO", "2/media.m3u8"),
                ("AUDIO", "Ton, 2", "de", "YES", "4/media.m3u8"),
                ("SUBTITLES", "Track 3", None, "NO", "3/media.m3u8"),
            ],
        )
        (played,) = found.playlists
        self.assertEqual(played.uri, "1/media.m3u8")
        info: Any = played.stream_info
        self.assertEqual(info.codecs, "avc1.64001f,mp4a.40.2")
        self.assertEqual((info.audio, info.subtitles), ("audio", "subtitles"))
        self.assertGreater(info.bandwidth, 8 * (25 * 20 + 50 * 20))
        self.assertLess(info.bandwidth, 8 * (25 * 160 + 50 * 60 + 700))

    def test_one_sound(self) -> None:
        """A single sound is in the main playlist, with the picture, and no other."""
        header = Period(VIDEO, AUDIO).header
        self.assertEqual(chosen(header), Choice("mp4", frozenset({1, 2})))
        self.assertEqual((others(header), variant(header)), ([], None))

    def test_names(self) -> None:
        """No two have the same name, none is empty, and one of each language is chosen by it."""
        titles = ["A (4)", "A", "A", '"', None]
        sounds = [
            replace(AUDIO, number=n, title=t, language="eng") for n, t in enumerate(titles, 2)
        ]
        playlist, period = live(), Period(VIDEO, *sounds)
        feed(playlist, period, footage(0, 2.5, rate=10))
        found = m3u8.loads(playlist.multivariant(period.header)).media
        names = ["A (4)", "A", "A (4) (4)", "Track 5", "eng"]
        self.assertEqual([m.name for m in found], names)
        self.assertEqual([m.autoselect for m in found], ["YES"] + ["NO"] * 4)

    def test_languages(self) -> None:
        """A language has its shortest code (RFC 5646); what is none stays, as far as it can."""
        codes = ("ger", "deu", "eng", "und", "zh-Hant", 'not "one"', None)
        sounds = [replace(AUDIO, number=n, language=code) for n, code in enumerate(codes, 2)]
        playlist, period = live(), Period(VIDEO, *sounds)
        feed(playlist, period, footage(0, 2.5, rate=10))
        found = m3u8.loads(playlist.multivariant(period.header)).media
        languages = ["de", "de", "en", "und", "zh-Hant", "not one", None]
        self.assertEqual([m.language for m in found], languages)
        self.assertEqual(found[1].autoselect, "NO")

    def test_sounds_alone(self) -> None:
        """Without pictures the sound that plays unasked is the main playlist."""
        header = Period(AUDIO, replace(AUDIO, number=4, default=True)).header
        self.assertEqual(chosen(header), Choice("mp4", frozenset({4})))
        self.assertEqual((others(header), variant(header)), ([], None))

    def test_sounds_cut(self) -> None:
        """Of several sounds alone, whichever is played, each tells the time."""
        for default in (1, 2):
            sounds = [replace(SOUND, number=n, default=n == default) for n in (1, 2)]
            playlist, period = live(), Period(*sounds)
            packets = mixed(footage(0, 3.5, rate=50), footage(0, 3.5, track=2, rate=50))
            feed(playlist, period, packets)
            self.assertEqual([s.duration for s in whole(playlist)], [SECOND] * 3)

    def test_beside_what_does_not_fit(self) -> None:
        """A track that can be had is cut where the pictures are, though these cannot be had."""
        playlist, period = live(), Period(VIDEO, AUDIO)
        period.header = replace(period.header, fits={"mp4": frozenset({2})})
        packets = mixed(footage(0, 4.5, gop=2, rate=25), footage(0, 4.5, track=2, rate=50))
        feed(playlist, period, packets)
        self.assertRaises(Unfit, playlist.multivariant, period.header)
        only = frozenset({2})
        self.assertEqual(
            [s.duration for s in m3u8.loads(playlist.media(only)).segments[:2]], [2, 2]
        )
        self.assertIn("media.m3u8", playlist.multivariant(period.header, only))

    def test_unfit_sound(self) -> None:
        """A sound that MP4 cannot hold is left out where there is another one, else refused."""
        header = replace(Period(VIDEO, AUDIO).header, fits={"mp4": frozenset({1})})
        self.assertRaises(Unfit, chosen, header)
        self.assertEqual(chosen(header, frozenset({1})), Choice("mp4", frozenset({1})))
        both = replace(header, tracks=(*header.tracks, replace(AUDIO, number=4)))
        both = replace(both, fits={"mp4": frozenset({1, 4})})
        self.assertEqual(chosen(both), Choice("mp4", frozenset({1, 4})))

    def test_same_cuts(self) -> None:
        """All playlists have the same numbers, durations and dates."""
        playlist, _ = self.live()
        main = m3u8.loads(playlist.media())
        for number in (2, 3, 4):
            beside = m3u8.loads(playlist.media(frozenset({number})))
            self.assertEqual(beside.media_sequence, main.media_sequence)
            self.assertEqual(
                [(s.duration, s.program_date_time) for s in beside.segments],
                [(s.duration, s.program_date_time) for s in main.segments],
            )

    def test_reports(self) -> None:
        """Each playlist tells how far the others are."""
        playlist, _ = self.live()
        number, parts = playlist.edge
        for mine, there in (
            (1, ["../2/media.m3u8", "../4/media.m3u8", "../3/media.m3u8"]),
            (3, ["../1/media.m3u8", "../2/media.m3u8", "../4/media.m3u8"]),
        ):
            text = playlist.media(frozenset({mine}))
            reports = m3u8.loads(text).rendition_reports
            self.assertEqual([(r.uri) for r in reports], there)
            self.assertEqual({(r.last_msn, r.last_part) for r in reports}, {(number, parts - 1)})
        for elsewhere in (None, frozenset({1, 2})):
            self.assertNotIn("REPORT", playlist.media(elsewhere), "it is not listed anywhere")

    def test_report_at_a_cut(self) -> None:
        """When a segment has just begun, the last part is the last one of the one before."""
        playlist, period = live(), self.period()
        self.feed(playlist, period, self.packets(0, 2.04))
        number, parts = playlist.edge
        self.assertEqual(parts, 0)
        (segment,) = whole(playlist)
        (report, *_) = m3u8.loads(playlist.media(frozenset({1}))).rendition_reports
        self.assertEqual((report.last_msn, report.last_part), (number - 1, len(segment.parts) - 1))

    def test_sound(self) -> None:
        """A sound's segments have what it has, each part can be begun with, the map is its own."""
        playlist, period = self.live()
        only = frozenset({4})
        lines = playlist.media(only).splitlines()
        parts = [line for line in lines if line.startswith("#EXT-X-PART:")]
        self.assertTrue(all(line.endswith("INDEPENDENT=YES") for line in parts))
        self.assertIn(f"{whole(playlist)[0].name}.m4s", lines)
        (segment, _) = whole(playlist)
        data = b"".join(segment.pieces(chosen(period.header, only)))
        self.assertEqual((data.count(b"4 at"), data.count(b" at ")), (100, 100))

    def test_text(self) -> None:
        """A segment of text has the cues that are to be seen in it, those from before, too."""
        playlist, period = live(), self.period()
        self.feed(playlist, period, self.packets(0, 5, text=1.5))
        only = frozenset({3})
        text = playlist.media(only)
        self.assertNotIn("EXT-X-MAP", text)
        self.assertIn(f"{whole(playlist)[0].name}.vtt\n", text)
        choice = chosen(period.header, only)
        first, second = (b"".join(segment.pieces(choice)) for segment in whole(playlist))
        head = b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"
        cue = b"00:00:01.500 --> 00:00:02.500\ncue at 1500 ms\n\n"
        later = b"00:00:03.500 --> 00:00:04.500\ncue at 3500 ms\n\n"
        self.assertEqual((first, second), (head + cue, head + cue + later))
        parts = [whole(playlist)[1].pieces(choice, n)[0].count(b"-->") for n in range(5)]
        self.assertEqual(parts, [1, 1, 0, 1, 1])

    def test_text_once(self) -> None:
        """Text is made once, and kept in the ring, like all else."""
        playlist, period = self.live()
        choice = chosen(period.header, frozenset({3}))
        before = period.ring.size
        (segment, _) = whole(playlist)
        made = segment.pieces(choice)
        self.assertEqual(period.ring.size - before, len(made[0]) + ENTRY)
        self.assertIs(segment.pieces(choice)[0], made[0])

    def test_gap(self) -> None:
        """Where there is nothing of a choice is a gap: after other tracks came, and in silence."""
        playlist, period = self.live()
        self.feed(playlist, period, footage(5, 9, gop=2, rate=25))
        other = Period(VIDEO, edge=9 * SECOND)
        feed(playlist, other, footage(9, 12.5, gop=1, rate=25))
        found = m3u8.loads(playlist.media(frozenset({4})))
        complete = [segment for segment in found.segments if segment.uri is not None]
        self.assertEqual([bool(s.gap_tag) for s in complete], [*[False] * 3, *[True] * 5])
        self.assertEqual(found.version, 8)
        gaps = [[p.gap for p in s.parts] for s in complete if s.parts]
        self.assertEqual({gap for parts in gaps[-3:] for gap in parts}, {"YES"})
        self.assertNotIn("GAP", playlist.media())

    def test_other_kind(self) -> None:
        """What was of another kind before the tracks changed is a gap: text is no sound."""
        playlist, _ = self.live()
        tracks = (VIDEO, AUDIO, replace(AUDIO, number=3))
        other = Period(*tracks, edge=5 * SECOND)
        feed(playlist, other, mixed(footage(5, 8.5, rate=25), footage(5, 8.5, track=3, rate=50)))
        found = m3u8.loads(playlist.media(frozenset({3})))
        complete = [segment for segment in found.segments if segment.uri is not None]
        self.assertEqual([bool(s.gap_tag) for s in complete], [True] * 3 + [False] * 3)
        self.assertTrue(all(str(s.uri).endswith(".m4s") for s in complete))

    def test_long_cue(self) -> None:
        """A cue is in each part in which it is to be seen, though the ring has lost its packet."""
        playlist, period = live(), self.period()
        long = Packet(3, SECOND // 2, SECOND // 2, 60 * SECOND, True, b"long")
        self.feed(playlist, period, [*self.packets(0, 0.6, text=99), long])
        self.feed(playlist, period, self.packets(0.6, 55, text=99))
        choice = chosen(period.header, frozenset({3}))
        self.assertGreater(period.ring[period.ring.first].start, SECOND)
        for segment in whole(playlist):
            self.assertEqual(b"".join(segment.pieces(choice)).count(b"-->"), 1)

    def test_only(self) -> None:
        """Who asks for tracks gets a playlist of these, and no choice beside them."""
        playlist, period = self.live()
        text = playlist.multivariant(period.header, frozenset({1, 4}))
        self.assertNotIn("EXT-X-MEDIA", text)
        self.assertIn('CODECS="avc1.64001f,mp4a.40.2"', text)
        self.assertRaises(NoTrack, playlist.multivariant, period.header, frozenset({9}))
        self.assertRaises(Unfit, playlist.multivariant, period.header, frozenset({3}))
        self.assertRaises(NoTrack, chosen, period.header, frozenset({9}))

    def test_map(self) -> None:
        """Each choice has the initialization section that its playlist names."""
        playlist, _ = self.live()
        (listed,) = m3u8.loads(playlist.media(frozenset({4}))).segment_map
        name = str(listed.uri)
        self.assertEqual(playlist.map(name, frozenset({4})), b"head")
        self.assertIsNone(playlist.map(name, frozenset({3})))

    def test_many(self) -> None:
        """However many choices are asked for, few playlists are kept."""
        playlist, _ = self.live()
        self.patch(playlist_module, "TEXTS", 3)
        texts = [playlist.media(frozenset({n})) for n in range(1, 20)]
        self.assertEqual([playlist.media(frozenset({n})) for n in range(1, 20)], texts)


class WaitingTests(SynchronousTestCase):
    """What blocking requests wait for."""

    def setUp(self) -> None:
        """Two segments of four parts, and two parts of the third."""
        self.playlist, period = live(), Period()
        feed(self.playlist, period, footage(0, 5.2, gop=2, rate=10))
        self.assertEqual(self.playlist.edge, (FIRST + 2, 2))

    def test_has(self) -> None:
        """A segment is there when it is complete; a part when the next one has begun."""
        for number, part, there in (
            (-9, None, True),
            (0, None, True),
            (1, 3, True),
            (2, None, False),
            (2, 0, True),
            (2, 1, True),
            (2, 2, False),
            (3, 0, False),
            (3, None, False),
        ):
            self.assertEqual(self.playlist.has(FIRST + number, part), there, (number, part))

    def test_behind_the_last_part(self) -> None:
        """Behind a segment's last part is the next segment's first."""
        self.assertTrue(self.playlist.has(FIRST + 1, 99))
        period = Period()
        playlist = live()
        feed(playlist, period, footage(0, 4.1, gop=2, rate=10))
        self.assertEqual(playlist.edge, (FIRST + 2, 0))
        self.assertTrue(playlist.has(FIRST + 1, 3))
        self.assertFalse(playlist.has(FIRST + 1, 4))

    def test_too_far(self) -> None:
        """Nobody waits for two segments more, nor for three seconds of parts."""
        for number, part, far in (
            (-99, None, False),
            (0, 999, False),
            (1, 12, False),
            (2, 7, False),
            (2, 8, True),
            (3, None, False),
            (3, 5, False),
            (3, 6, True),
            (4, None, True),
            (4, 0, True),
        ):
            self.assertEqual(self.playlist.is_too_far(FIRST + number, part), far, (number, part))


@st.composite
def gops(draw: st.DrawFn) -> list[Packet]:
    """Video and sound with GOPs of any length, pictures that may be late, sound that lags."""
    packets: list[Packet] = []
    time = 0
    for _ in range(draw(st.integers(1, 12))):
        for picture in range(draw(st.integers(1, 60))):
            step = draw(st.sampled_from([40_000] * 9 + [33_333, 500_000]))
            duration = draw(st.sampled_from([40_000, 0]))
            data = b"%d" % len(packets)
            packets.append(Packet(1, time, time, duration, picture == 0, data))
            lag = draw(st.sampled_from([0, 100_000]))
            sound = max(0, time - lag)
            packets.append(Packet(2, sound, sound, step, True, b"%d" % len(packets)))
            time += step
    return packets


class PropertyTests(SynchronousTestCase):
    """What holds whatever comes."""

    @settings(max_examples=25)
    @given(gops(), st.integers(1, 3), st.integers(2_000, 1 << 20))
    def test_all(self, packets: list[Packet], together: int, size_limit: int) -> None:
        """
        At every moment: numbers never go back; what a URL gave once it gives always; a segment is
        its parts; durations sum up; nothing listed is longer than it may be, or not there.
        """
        playlist, period = live(), Period(VIDEO, AUDIO, size_limit=size_limit)
        known: dict[str, bytes] = {}
        sequence, target, text = 0, 0, ""
        for group in bunches(packets, together):
            key = group[0].track == 1 and group[0].key
            fragment = period.ring.append(group, key=key)
            playlist.take(period, fragment, STARTED)
            if not playlist.is_ready or playlist.media() == text:
                continue
            text = playlist.media()
            found = read(playlist)
            self.assertGreaterEqual(found.media_sequence, sequence)
            self.assertGreaterEqual(found.target_duration, target)
            sequence, target = found.media_sequence, found.target_duration
            self.check(playlist, found, known)

    def check(self, playlist: DatedPlaylist, found: Any, known: dict[str, bytes]) -> None:
        """One list."""
        number = found.media_sequence
        part_target = float(found.part_inf.part_target)
        self.assertGreaterEqual(float(found.server_control.part_hold_back), 2 * part_target - 1e-9)
        for listed in found.segments:
            segment = playlist.find(number)
            if listed.gap_tag and listed is found.segments[0]:
                self.assertIsNone(segment, "it is a gap because it is not there")
                number += 1
                continue
            assert segment is not None
            for part in listed.parts:
                self.assertLessEqual(float(part.duration), part_target + 1e-9)
            data = []
            for place, made in enumerate(segment.pieces(ALL)):
                self.assertEqual(known.setdefault(f"{segment.name}.{place}", made), made)
                data.append(made)
            if listed.uri is not None:
                self.assertEqual(listed.uri, f"{segment.name}.m4s")
                self.assertLessEqual(int(listed.duration + 0.5), found.target_duration)
                self.assertEqual(sum(p.duration for p in segment.parts), segment.duration)
                self.assertAlmostEqual(listed.duration * SECOND, segment.duration, 0)
                all_of_it = b"".join(data)
                self.assertEqual(known.setdefault(segment.name, all_of_it), all_of_it)
                following = playlist.find(number + 1)
                if following is not None:
                    self.assertEqual(segment.end, following.start)
                    self.assertGreaterEqual(segment.duration, SHORTEST)
            number += 1

    def test_parts(self) -> None:
        """Parts follow each other without a gap, in fragments and in time."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 20.5, gop=2, rate=25))
        parts: list[Part] = [part for s in whole(playlist) for part in s.parts]
        for before, after in pairwise(parts):
            self.assertEqual((before.stop, before.end), (after.first, after.start))
        self.assertLessEqual(max(part.duration for part in parts), PART)


class SilenceTests(SynchronousTestCase):
    """What is listed while the pictures do not come."""

    def watch(
        self, *lists: list[Packet], tracks: Sequence[Track] = (VIDEO, AUDIO)
    ) -> DatedPlaylist:
        """The playlist of these packets, cut as the stream does."""
        self.period = Period(*tracks)
        playlist = live()
        for packet in mixed(*lists):
            for fragment in self.period.fragments([packet]):
                playlist.take(self.period, fragment, STARTED + packet.dts / SECOND)
        return playlist

    def test_goes_on(self) -> None:
        """Segments and parts go on by the time of the sound; none of these is independent."""
        sound = footage(0, 12.2, track=2, rate=50)
        playlist = self.watch(footage(0, 4, rate=25), sound)
        segments = whole(playlist)
        self.assertGreater(segments[-1].end, 10.9 * SECOND)
        for before, after in pairwise(segments):
            self.assertEqual(before.end, after.start)
        self.assertEqual([s.is_independent for s in segments[:4]], [True] * 4)
        self.assertEqual({s.is_independent for s in segments[4:]}, {False})
        by_time = [part for segment in segments[4:] for part in segment.parts]
        self.assertLessEqual(max(part.duration for part in by_time), PART)
        text = playlist.media()
        self.assertNotIn("EXT-X-INDEPENDENT-SEGMENTS", text)
        self.assertNotIn("GAP", text)
        self.assertNotIn("INDEPENDENT", text[text.index(segments[4].name) :])

    def test_comes_back(self) -> None:
        """A keyframe that comes back begins a segment at once, however short the one before is."""
        pictures = [*footage(0, 4, rate=25), *footage(8.04, 12, rate=25, gop=0.04)]
        playlist = self.watch(pictures, footage(0, 12, track=2, rate=50))
        segments = whole(playlist)
        (back,) = [s for s in segments if s.is_independent and 4 * SECOND < s.start < 9 * SECOND]
        self.assertEqual(back.start, 8_040_000)
        self.assertLess(segments[segments.index(back) - 1].duration, SHORTEST)
        self.assertEqual(segments[segments.index(back) - 1].end, back.start)

    def test_offset(self) -> None:
        """Sound that is far ahead of the pictures leads to no jump of the time."""
        sound = [
            p._replace(pts=p.pts + 5 * SECOND, dts=p.dts + 5 * SECOND)
            for p in footage(0, 12, track=2, rate=50)
        ]
        pictures = [*footage(0, 4, rate=25), *footage(8, 12, rate=25)]
        came = sorted([*pictures, *sound], key=lambda p: p.dts - 5 * SECOND * (p.track == 2))
        period, playlist = Period(VIDEO, AUDIO), live()
        for packet in came:
            for fragment in period.fragments([packet]):
                playlist.take(period, fragment, STARTED)
        segments = whole(playlist)
        self.assertLess(max(s.duration for s in segments), 3.1 * SECOND)
        self.assertIn(8 * SECOND, [s.start for s in segments])

    def test_never_came(self) -> None:
        """A video that has not come yet does not keep the playlist empty."""
        playlist = self.watch(footage(0, 6, track=2, rate=50))
        self.assertTrue(playlist.is_ready)

    def test_slide_show(self) -> None:
        """A slow picture lasts as long as usual, also beyond its part: players stop at a gap."""
        slides = [p._replace(duration=0) for p in footage(0, 40, rate=1)[::5]]
        slides = [p._replace(key=True) for p in slides]
        playlist = self.watch(slides, footage(0, 40, track=2, rate=50))
        parts = [part for segment in whole(playlist) for part in segment.parts]
        shown = [part for part in parts if 1 in part.sizes and part.start >= 10 * SECOND]
        self.assertEqual({part.lasts for part in shown}, {5 * SECOND})
        self.assertLess(max(part.duration for part in parts if part.start > SECOND), 0.6 * SECOND)

    def test_picture_alone(self) -> None:
        """A playlist of the pictures alone has gaps meanwhile."""
        playlist = self.watch(footage(0, 4, rate=25), footage(0, 9, track=2, rate=50))
        self.assertIn("#EXT-X-GAP", playlist.media(frozenset({1})))
        self.assertNotIn("#EXT-X-GAP", playlist.media(frozenset({2})))


class RestartTests(SynchronousTestCase):
    """A stream that is started anew."""

    def test_numbers(self) -> None:
        """The numbers go on behind the old ones, no URL is used twice; time may begin anew."""
        uris: set[str] = set()
        last = discontinuity = 0
        for started in (STARTED, STARTED + 63.0, STARTED + 127.5):
            playlist = DatedPlaylist(started=started)
            period = Period()
            feed(playlist, period, footage(0, 60.5, gop=0.1, rate=10))
            found = read(playlist)
            self.assertGreater(found.media_sequence, last)
            self.assertNotEqual(found.discontinuity_sequence, discontinuity)
            names = {s.uri for s in found.segments if s.uri}
            self.assertFalse(names & uris)
            uris |= names
            last = found.media_sequence + len(names)
            discontinuity = found.discontinuity_sequence

    def test_numbers_fit(self) -> None:
        """Numbers fit into 31 bits, since players (GStreamer) read them so."""
        self.assertLess(DatedPlaylist(started=2**31 - 1000.0).edge[0], 2**31)


class ForgetTests(SynchronousTestCase):
    """An input on demand that was closed, and is opened again."""

    def test_other_tracks(self) -> None:
        """What comes then has its own header and its own discontinuity; numbers go on."""
        playlist, before = live(), Period()
        feed(playlist, before, footage(0, 4.1))
        old = read(playlist)
        playlist.forget()
        feed(playlist, Period(replace(VIDEO, width=320)), footage(10, 14.1))
        new = read(playlist)
        self.assertEqual(new.media_sequence, FIRST + 5)
        self.assertEqual(new.discontinuity_sequence, old.discontinuity_sequence + 1)
        names = [listed.segments[0].init_section.uri for listed in (old, new)]
        self.assertEqual([playlist.map(name) for name in names], [None, b"h264 320"])

    def test_given_back(self) -> None:
        """The ring is not kept."""
        playlist, period = live(), Period()
        feed(playlist, period, footage(0, 4.1))
        playlist.media()
        playlist.forget()
        gone = ref(period)
        del period
        gc.collect()
        self.assertIsNone(gone())


class ViewersTests(SynchronousTestCase):
    """Who watches."""

    def test_count(self) -> None:
        """An address counts once, and until it has been silent for three target durations."""
        viewers = Viewers()
        viewers.saw("192.0.2.1", 0)
        viewers.saw("192.0.2.2", 1)
        viewers.saw("192.0.2.1", 5)
        self.assertEqual(viewers.count(6, 2.0), 2)
        self.assertEqual(viewers.count(8, 2.0), 1)
        self.assertEqual(viewers.count(12, 2.0), 0)

    def test_known(self) -> None:
        """An address is known as long as it counts."""
        viewers = Viewers()
        viewers.saw("192.0.2.1", 0)
        viewers.saw("192.0.2.2", 1)
        self.assertTrue(viewers.knows("192.0.2.1", 6, 2.0))
        self.assertFalse(viewers.knows("192.0.2.1", 6.5, 2.0))
        self.assertTrue(viewers.knows("192.0.2.2", 6.5, 2.0))
        self.assertFalse(viewers.knows("192.0.2.3", 6.5, 2.0))

    def test_bound(self) -> None:
        """So many are remembered, and no more."""
        viewers = Viewers()
        for number in range(MOST_VIEWERS + 10):
            viewers.saw(str(number), 0)
        self.assertEqual(viewers.count(0, 1.0), MOST_VIEWERS)


class DefaultTests(SynchronousTestCase):
    """The defaults of the options, and what they make of HLS."""

    def test_kept(self) -> None:
        """With the default buffer, GOPs of up to five seconds have three segments listed twice."""
        config = StreamConfig(Input(Form.DEMO, "demo:"))
        self.assertGreaterEqual(config.buffer, 2 * 3 * 5)
