"""Playlists of HLS: what is listed, under which numbers, for how long."""

from __future__ import annotations

import gc
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any
from weakref import ref

import m3u8
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.choice import Choice, NoTrack, Unfit
from mkvtwist.formats.mp4 import MP4
from mkvtwist.live.fragment import WEIGHTS
from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import SECOND, Packet, Track
from mkvtwist.outputs.segmented import hls, pieces
from mkvtwist.outputs.segmented.choices import chosen
from mkvtwist.outputs.segmented.cutter import DISCONTINUITIES
from mkvtwist.outputs.segmented.pieces import initialization
from mkvtwist.outputs.segmented.targets import PART
from mkvtwist.testing import AUDIO, SOUND, VIDEO, footage, mixed
from tests.support.segmented import ALL, FIRST, STARTED, TEXT, Live, Period


class MediaTests(SynchronousTestCase):
    """The media playlist, as an independent parser reads it."""

    def test_text(self) -> None:
        """All of it, once, as it is."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 2.6, gop=2, rate=10))
        run = f"{round(STARTED * 1000):x}"
        name = sha256(b"h264 160").hexdigest()[:16]
        self.assertEqual(
            live.media(),
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
            live, period = Live(), Period()
            live.feed(period, footage(0, 71, gop=gop, rate=10))
            found = live.read()
            complete = [s for s in found.segments if s.uri is not None]
            self.assertEqual(len(complete), listed)
            self.assertEqual(found.target_duration, gop)
            for segment in live.whole():
                self.assertTrue(segment.body(ALL, 0))

    def test_ready(self) -> None:
        """There is nothing to list before a segment is complete, or when none is left."""
        live, period = Live(), Period(size_limit=20_000)
        live.feed(period, footage(0, 0.9, rate=10))
        self.assertFalse(live.cutter.segments.is_ready)
        live.feed(period, footage(0.9, 1.2, rate=10))
        self.assertTrue(live.cutter.segments.is_ready)
        live.feed(period, footage(1.2, 90, rate=10, key=False))
        self.assertFalse(live.cutter.segments.is_ready)

    def test_lost_beginning(self) -> None:
        """A segment that has lost its beginning before it was complete is not listed."""
        live, period = Live(), Period(size_limit=20_000)
        live.feed(period, footage(0, 2.2, rate=10))
        live.feed(period, footage(2.2, 90, rate=10, key=False))
        live.feed(period, footage(90, 91.2, rate=10))
        found = live.read()
        self.assertEqual(found.media_sequence, FIRST + 3)

    def test_lost_after_other_tracks(self) -> None:
        """What was before other tracks has gone when a segment of these has: no list has holes."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 3.5, rate=10))
        other = Period(VIDEO, AUDIO, size_limit=80_000, edge=4 * SECOND)
        live.feed(other, footage(4, 5.5, rate=10))
        self.assertEqual(live.read().media_sequence, FIRST)
        live.feed(other, footage(5.5, 90, rate=10, key=False))
        self.assertFalse(live.cutter.segments.is_ready)
        live.feed(other, footage(90, 100, rate=10))
        found = live.read()
        self.assertEqual(found.media_sequence, FIRST + 6)
        self.assertEqual(found.discontinuity_sequence, FIRST % DISCONTINUITIES + 1)

    def test_longer_than_the_buffer(self) -> None:
        """
        While a GOP is longer than all that is kept, its parts are listed, behind the last segment
        as a gap; and then it is listed itself.
        """
        live, period = Live(), Period()
        live.feed(period, footage(0, 3.5, rate=10))
        live.feed(period, footage(3.5, 59.5, rate=10, key=False))
        found = live.read()
        self.assertEqual(found.media_sequence, FIRST + 2)
        gap, growing = found.segments
        self.assertEqual((gap.gap_tag, gap.duration, gap.parts), (True, 1, []))
        self.assertEqual(found.version, 8)
        self.assertIsNone(live.cutter.segments.find(FIRST + 2))
        self.assertTrue(growing.parts[0].independent)
        segment = live.cutter.segments.find(FIRST + 3)
        assert segment is not None
        self.assertEqual(len(growing.parts), len(segment.parts))
        self.assertTrue(all(segment.body(ALL)))
        self.assertGreaterEqual(found.target_duration, 56)
        live.feed(period, footage(60, 61.5, rate=10))
        self.assertEqual([s.duration for s in live.read().segments if s.uri], [57, 1])
        self.assertNotIn("GAP", live.media())

    def test_one_picture(self) -> None:
        """A picture alone, of which nobody knows how long it is shown, is a short segment."""
        live, period = Live(), Period()
        live.feed(period, [p._replace(duration=0) for p in footage(0, 0.1, rate=10)])
        live.feed(Period(AUDIO, edge=SECOND), footage(1, 2.5, track=2, rate=50))
        found = live.read()
        (part,) = found.segments[0].parts
        self.assertEqual((found.segments[0].duration, part.duration), (0.04, 0.04))
        self.assertEqual(found.part_inf.part_target, 0.51)
        self.assertEqual(float(found.server_control.part_hold_back), 1.53)

    def test_longer_gop(self) -> None:
        """
        The target duration covers all that is listed: it rises before a GOP that is longer than
        those before is complete, a few times at most, and never shrinks.
        """
        live, period = Live(), Period()
        live.feed(period, footage(0, 6.5, gop=2, rate=10))
        seen = [live.read().target_duration]
        for packet in footage(6.5, 15.5, rate=10, key=False):
            live.feed(period, [packet])
            seen.append(live.read().target_duration)
        live.feed(period, footage(16, 60, gop=2, rate=10))
        self.assertEqual(sorted({*seen, live.read().target_duration}), [2, 3, 5, 8, 12])
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(live.read().target_duration, 12)

    def test_gap(self) -> None:
        """A picture that stands for long is a part; the part target covers it while it is there."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 2.5, gop=2, rate=25))
        target = PART / SECOND
        self.assertEqual(live.read().part_inf.part_target, target)
        live.feed(period, footage(3.9, 4.5, gop=2, rate=25))
        longest = max(float(p.duration) for s in live.read().segments for p in s.parts)
        self.assertGreater(longest, 1.4)
        self.assertGreaterEqual(float(live.read().part_inf.part_target), longest)
        live.feed(period, footage(4.5, 40, gop=2, rate=25))
        self.assertEqual(live.read().part_inf.part_target, target)

    def test_other_tracks(self) -> None:
        """Other tracks: numbers and time go on, behind a discontinuity with another map."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 4.5, gop=2, rate=10))
        other = Period(VIDEO, AUDIO, edge=4_500_000)
        live.feed(other, footage(5, 9.5, gop=1, rate=10))
        found = live.read()
        complete = [s for s in found.segments if s.uri is not None]
        marks = [s.discontinuity for s in complete]
        self.assertEqual(marks, [False, False, False, True, False, False, False])
        self.assertEqual([s.duration for s in complete], [2, 2, 0.5, 1, 1, 1, 1])
        maps = [m.uri for m in found.segment_map]
        self.assertEqual(len(set(maps)), 2)
        segments = live.cutter.segments.all
        for name, head in zip(maps, (b"h264 160", b"h264 160, aac None"), strict=True):
            self.assertEqual(initialization(segments, name, None), head)

    def test_other_tracks_later(self) -> None:
        """What the ring of the ones before has stays in the list, though that ring is full."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 59.5, rate=10))
        self.assertGreater(period.ring.first, 0)
        live.feed(Period(VIDEO, AUDIO, edge=60 * SECOND), footage(60, 62.5, rate=10))
        marks = [s.discontinuity for s in live.read().segments if s.uri]
        self.assertEqual(marks, [*[False] * 14, True, False])

    def test_discontinuities_are_counted(self) -> None:
        """When what is before a discontinuity leaves, its number is the one behind it."""
        live, edge = Live(), 0.0
        for change in range(3):
            track = Track(number=1, type="video", codec="h264", width=change)
            period = Period(track, edge=round(edge * SECOND))
            live.feed(period, footage(edge, edge + 40, rate=10))
            edge += 40
            found = live.read()
            self.assertEqual(found.discontinuity_sequence, FIRST % DISCONTINUITIES + change)
            self.assertFalse(any(s.discontinuity for s in found.segments))
            self.assertEqual(len(found.segment_map), 1)

    def dates(self, *clock: tuple[float, float]) -> list[float]:
        """
        How far the date of each segment of a second is from the wall clock when it came.

        @param clock: of each of them: how many seconds after the start it comes, and by how many
            seconds the wall clock has been set by then.
        """
        live, period = Live(), Period()
        for number in range(2):
            fragment = period.ring.append(footage(number, number + 1), key=True)
            live.append(period, fragment, STARTED)
        live.read()
        found = []
        for number, (when, set_by) in enumerate(clock, 2):
            wall = STARTED + when + set_by
            fragment = period.ring.append(footage(number, number + 1), key=True)
            live.append(period, fragment, wall)
            text = live.media().rpartition("#EXT-X-PROGRAM-DATE-TIME:")[2].splitlines()[0]
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
        live = Live()
        for change in range(4):
            track = Track(number=1, type="video", codec="h264", width=change)
            period = Period(track, edge=change * 3 * SECOND)
            live.feed(period, footage(change * 3, change * 3 + 3, rate=10))
        self.assertEqual(len({id(s.period) for s in live.whole()}), 2)
        self.assertEqual(live.read().media_sequence, FIRST + 6)

    def test_change_to_nothing(self) -> None:
        """Tracks that bring no segment part what is before them from what is behind them."""
        vp8 = Period(Track(number=1, type="video", codec="vp8"), edge=4 * SECOND)
        no_keyframe = Period(replace(VIDEO, width=99), edge=4 * SECOND)
        for between, there, count in (
            (footage(4, 8, rate=10, key=False), True, 0),
            (footage(4, 40, rate=10, key=False), False, 1),
        ):
            for other in (vp8, no_keyframe):
                other.ring = Ring(30 * SECOND, 1 << 30, edge=4 * SECOND)
                live, before = Live(), Period()
                live.feed(before, footage(0, 3.5, rate=10))
                live.feed(other, between)
                self.assertEqual(live.cutter.segments.is_ready, there)
                after = Period(VIDEO, AUDIO, edge=40 * SECOND)
                live.feed(after, footage(41, 43.5, rate=10))
                found = live.read()
                marks = [s.discontinuity for s in found.segments if s.uri]
                self.assertEqual(marks, [*([False] * 4 + [True] if there else [False]), False])
                counted = found.discontinuity_sequence - FIRST % DISCONTINUITIES
                self.assertEqual(counted, count)

    def test_given_back(self) -> None:
        """The ring of the tracks before is not kept for longer than that of these is filled."""
        live, before = Live(), Period()
        live.feed(before, footage(0, 3.5, rate=10))
        gone = ref(before)
        del before
        vp8 = Period(Track(number=1, type="video", codec="vp8"), edge=4 * SECOND)
        live.feed(vp8, footage(4, 8, rate=10))
        gc.collect()
        self.assertIsNotNone(gone())
        live.feed(vp8, footage(8, 40, rate=10))
        gc.collect()
        self.assertIsNone(gone())

    def test_dates(self) -> None:
        """The date goes with the media, and jumps when the input was away."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 3.5, rate=10))
        live.feed(period, footage(3.5, 6.5, rate=10), late=60)
        dates = [s.program_date_time for s in live.read().segments if s.uri]
        steps = [after - before for before, after in pairwise(dates)]
        second = timedelta(seconds=1)
        self.assertEqual(steps, [second, second, second, 61 * second, second])

    def test_burst(self) -> None:
        """What comes at once at the start is dated back."""
        live, period = Live(), Period()
        for packet in footage(0, 10.5, rate=10):
            fragment = period.ring.append([packet], key=packet.key)
            live.append(period, fragment, STARTED)
        dates = [s.program_date_time for s in live.read().segments if s.uri]
        self.assertEqual(dates[-1].timestamp(), STARTED - 1)
        self.assertEqual(dates[0].timestamp(), STARTED - 10)

    def test_forget(self) -> None:
        """What is old is not listed, and what comes then goes on in its numbers."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 3.5, rate=10))
        live.forget()
        self.assertFalse(live.cutter.segments.is_ready)
        live.feed(Period(edge=4 * SECOND), footage(4, 6.5, rate=10))
        self.assertEqual(live.read().media_sequence, FIRST + 4)

    def test_end(self) -> None:
        """At the end all is listed, nothing is announced, and it is said that it is the end."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 2.5, gop=2, rate=10))
        live.cutter.end(for_good=True)
        found = live.read()
        self.assertTrue(found.is_endlist)
        self.assertEqual([s.duration for s in found.segments], [2, 0.5])
        self.assertNotIn("PRELOAD-HINT", live.media())
        self.assertTrue(pieces.has(live.cutter, FIRST + 99))

    def test_whole_segments(self) -> None:
        """Without parts, there are segments alone."""
        live, period = Live(parts=False), Period()
        live.feed(period, footage(0, 6.5, gop=2, rate=10))
        self.assertNotIn("PART", live.media())
        self.assertEqual([s.duration for s in live.read().segments], [2, 2, 2])
        self.assertFalse(pieces.has(live.cutter, FIRST + 3, 0))

    def test_old_parts(self) -> None:
        """Parts leave the list three target durations behind the live edge."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 30.5, gop=2, rate=10))
        having = [s.uri for s in live.read().segments if s.parts and s.uri]
        self.assertEqual(len(having), 3)

    def test_parts_do_not_come_back(self) -> None:
        """Parts that have left the list stay away when a longer GOP moves the line behind them."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 9.5, rate=10))
        uris = []
        for packet in footage(9.5, 16.5, rate=10, key=False):
            live.feed(period, [packet])
            uris.append([part.uri for s in live.read().segments for part in s.parts])
        for before, after in pairwise(uris):
            self.assertIn(after[0], before)
            still = before[before.index(after[0]) :]
            self.assertEqual(after[: len(still)], still)

    def test_delta(self) -> None:
        """A delta update leaves out what is more than six target durations behind."""
        live, period = Live(kept=100.0), Period()
        period.ring = Ring(100 * SECOND, 1 << 30)
        live.feed(period, footage(0, 100.5, gop=2, rate=10))
        full, delta = live.read(), live.read(skip=True)
        skipped = delta.skip.skipped_segments
        self.assertEqual(delta.media_sequence, full.media_sequence)
        uris = [s.uri for s in full.segments]
        self.assertEqual([s.uri for s in delta.segments], uris[skipped:])
        kept = sum(s.duration for s in delta.segments if s.uri)
        self.assertGreaterEqual(kept, 6 * full.target_duration)
        self.assertLess(kept, 8 * full.target_duration)

    def test_nothing_to_skip(self) -> None:
        """A delta update of a short list is the list."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 4.5, gop=2, rate=10))
        self.assertEqual(live.media(skip=True), live.media())


class MultivariantTests(SynchronousTestCase):
    """The playlist of playlists."""

    def test_attributes(self) -> None:
        """It says what the tracks are, and how much there is of them at most and on average."""
        video = Track(
            1, "video", "h264", b"", "avc1.64001f", width=1280, height=720, frame_rate=25.0
        )
        audio = Track(2, "audio", "aac", b"", "mp4a.40.2")
        live, period = Live(), Period(video, audio, TEXT)
        live.feed(period, footage(0, 2, gop=2, rate=10, size=1000))
        live.feed(period, footage(2, 4.1, gop=2, rate=10, size=2000))
        (variant,) = m3u8.loads(live.multivariant(period.header)).playlists
        info: Any = variant.stream_info
        self.assertEqual(variant.uri, "media.m3u8")
        self.assertEqual(info.codecs, "avc1.64001f,mp4a.40.2")
        self.assertEqual((info.resolution, info.frame_rate), ((1280, 720), 25.0))
        parts = len(live.whole()[0].parts)
        peak = (20 * 2120 + 200 * parts) * 4
        self.assertEqual(info.bandwidth, peak)
        self.assertEqual(info.average_bandwidth, (20 * 3240 + 400 * parts) * 2)

    def test_bright(self) -> None:
        """HDR is named, and so is what Dolby Vision decoders may use instead."""
        video = Track(1, "video", "hevc", video_range="PQ", supplemental="dvh1.08.06/db1p")
        live, period = Live(), Period(video)
        live.feed(period, footage(0, 2.5, rate=10))
        text = live.multivariant(period.header)
        self.assertIn(",VIDEO-RANGE=PQ", text)
        self.assertIn(',SUPPLEMENTAL-CODECS="dvh1.08.06/db1p"', text)

    def test_unknown(self) -> None:
        """What is not known is not said: a codec without a name hides the others' too."""
        live, period = Live(), Period(VIDEO, AUDIO)
        live.feed(period, footage(0, 2.5, rate=10))
        text = live.multivariant(period.header)
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
        return Period(replace(VIDEO, codec_string="avc1.64001f"), named, TEXT, other, edge=edge)

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

    def live(self) -> tuple[Live, Period]:
        """Two segments and a half."""
        live, period = Live(), self.period()
        live.feed(period, self.packets(0, 5))
        return live, period

    def test_main(self) -> None:
        """The main playlist has the sound that plays unasked; beside others there is none in it."""
        live, period = self.live()
        self.assertEqual(chosen(period.header), Choice(MP4, frozenset({1, 4})))
        found = m3u8.loads(live.multivariant(period.header))
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

    def test_names(self) -> None:
        """No two have the same name, none is empty, and one of each language is chosen by it."""
        titles = ["A (4)", "A", "A", '"', None]
        sounds = [
            replace(AUDIO, number=n, title=t, language="eng") for n, t in enumerate(titles, 2)
        ]
        live, period = Live(), Period(VIDEO, *sounds)
        live.feed(period, footage(0, 2.5, rate=10))
        found = m3u8.loads(live.multivariant(period.header)).media
        names = ["A (4)", "A", "A (4) (4)", "Track 5", "eng"]
        self.assertEqual([m.name for m in found], names)
        self.assertEqual([m.autoselect for m in found], ["YES"] + ["NO"] * 4)

    def test_languages(self) -> None:
        """A language has its shortest code (RFC 5646); what is none stays, as far as it can."""
        codes = ("ger", "deu", "eng", "und", "zh-Hant", 'not "one"', None)
        sounds = [replace(AUDIO, number=n, language=code) for n, code in enumerate(codes, 2)]
        live, period = Live(), Period(VIDEO, *sounds)
        live.feed(period, footage(0, 2.5, rate=10))
        found = m3u8.loads(live.multivariant(period.header)).media
        languages = ["de", "de", "en", "und", "zh-Hant", "not one", None]
        self.assertEqual([m.language for m in found], languages)
        self.assertEqual(found[1].autoselect, "NO")

    def test_sounds_cut(self) -> None:
        """Of several sounds alone, whichever is played, each tells the time."""
        for default in (1, 2):
            sounds = [replace(SOUND, number=n, default=n == default) for n in (1, 2)]
            live, period = Live(), Period(*sounds)
            packets = mixed(footage(0, 3.5, rate=50), footage(0, 3.5, track=2, rate=50))
            live.feed(period, packets)
            self.assertEqual([s.duration for s in live.whole()], [SECOND] * 3)

    def test_beside_what_does_not_fit(self) -> None:
        """A track that can be had is cut where the pictures are, though these cannot be had."""
        live, period = Live(), Period(replace(VIDEO, codec="vp8"), AUDIO)
        packets = mixed(footage(0, 4.5, gop=2, rate=25), footage(0, 4.5, track=2, rate=50))
        live.feed(period, packets)
        self.assertRaises(Unfit, live.multivariant, period.header)
        only = frozenset({2})
        self.assertEqual([s.duration for s in m3u8.loads(live.media(only)).segments[:2]], [2, 2])
        self.assertIn("media.m3u8", live.multivariant(period.header, only))

    def test_same_cuts(self) -> None:
        """All playlists have the same numbers, durations and dates."""
        live, _ = self.live()
        main = m3u8.loads(live.media())
        for number in (2, 3, 4):
            beside = m3u8.loads(live.media(frozenset({number})))
            self.assertEqual(beside.media_sequence, main.media_sequence)
            self.assertEqual(
                [(s.duration, s.program_date_time) for s in beside.segments],
                [(s.duration, s.program_date_time) for s in main.segments],
            )

    def test_reports(self) -> None:
        """Each playlist tells how far the others are."""
        live, _ = self.live()
        number, parts = live.cutter.edge
        for mine, there in (
            (1, ["../2/media.m3u8", "../4/media.m3u8", "../3/media.m3u8"]),
            (3, ["../1/media.m3u8", "../2/media.m3u8", "../4/media.m3u8"]),
        ):
            text = live.media(frozenset({mine}))
            reports = m3u8.loads(text).rendition_reports
            self.assertEqual([(r.uri) for r in reports], there)
            self.assertEqual({(r.last_msn, r.last_part) for r in reports}, {(number, parts - 1)})
        for elsewhere in (None, frozenset({1, 2})):
            self.assertNotIn("REPORT", live.media(elsewhere), "it is not listed anywhere")

    def test_report_at_a_cut(self) -> None:
        """When a segment has just begun, the last part is the last one of the one before."""
        live, period = Live(), self.period()
        live.feed(period, self.packets(0, 2.04))
        number, parts = live.cutter.edge
        self.assertEqual(parts, 0)
        (segment,) = live.whole()
        (report, *_) = m3u8.loads(live.media(frozenset({1}))).rendition_reports
        self.assertEqual((report.last_msn, report.last_part), (number - 1, len(segment.parts) - 1))

    def test_sound(self) -> None:
        """A sound's segments have what it has, each part can be begun with, the map is its own."""
        live, period = self.live()
        only = frozenset({4})
        lines = live.media(only).splitlines()
        parts = [line for line in lines if line.startswith("#EXT-X-PART:")]
        self.assertTrue(all(line.endswith("INDEPENDENT=YES") for line in parts))
        self.assertIn(f"{live.whole()[0].name}.m4s", lines)
        (segment, _) = live.whole()
        data = b"".join(segment.body(chosen(period.header, only)))
        self.assertEqual((data.count(b"4 at"), data.count(b" at ")), (100, 100))

    def test_text(self) -> None:
        """A segment of text has the cues that are to be seen in it, those from before, too."""
        live, period = Live(), self.period()
        live.feed(period, self.packets(0, 5, text=1.5))
        only = frozenset({3})
        text = live.media(only)
        self.assertNotIn("EXT-X-MAP", text)
        self.assertIn(f"{live.whole()[0].name}.vtt\n", text)
        choice = chosen(period.header, only)
        first, second = (b"".join(segment.body(choice)) for segment in live.whole())
        head = b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"
        cue = b"00:00:01.500 --> 00:00:02.500\ncue at 1500 ms\n\n"
        later = b"00:00:03.500 --> 00:00:04.500\ncue at 3500 ms\n\n"
        self.assertEqual((first, second), (head + cue, head + cue + later))
        parts = [live.whole()[1].body(choice, n)[0].count(b"-->") for n in range(5)]
        self.assertEqual(parts, [1, 1, 0, 1, 1])

    def test_text_once(self) -> None:
        """Text is made once, and kept in the ring, like all else."""
        live, period = self.live()
        choice = chosen(period.header, frozenset({3}))
        before = period.ring.size
        (segment, _) = live.whole()
        made = segment.body(choice)
        self.assertEqual(period.ring.size - before, len(made[0]) + WEIGHTS.rendered)
        self.assertIs(segment.body(choice)[0], made[0])

    def test_gap(self) -> None:
        """Where there is nothing of a choice is a gap: after other tracks came, and in silence."""
        live, period = self.live()
        live.feed(period, footage(5, 9, gop=2, rate=25))
        other = Period(VIDEO, edge=9 * SECOND)
        live.feed(other, footage(9, 12.5, gop=1, rate=25))
        found = m3u8.loads(live.media(frozenset({4})))
        complete = [segment for segment in found.segments if segment.uri is not None]
        self.assertEqual([bool(s.gap_tag) for s in complete], [*[False] * 3, *[True] * 5])
        self.assertEqual(found.version, 8)
        gaps = [[p.gap for p in s.parts] for s in complete if s.parts]
        self.assertEqual({gap for parts in gaps[-3:] for gap in parts}, {"YES"})
        self.assertNotIn("GAP", live.media())

    def test_other_kind(self) -> None:
        """What was of another kind before the tracks changed is a gap: text is no sound."""
        live, _ = self.live()
        tracks = (VIDEO, AUDIO, replace(AUDIO, number=3))
        other = Period(*tracks, edge=5 * SECOND)
        live.feed(other, mixed(footage(5, 8.5, rate=25), footage(5, 8.5, track=3, rate=50)))
        found = m3u8.loads(live.media(frozenset({3})))
        complete = [segment for segment in found.segments if segment.uri is not None]
        self.assertEqual([bool(s.gap_tag) for s in complete], [True] * 3 + [False] * 3)
        self.assertTrue(all(str(s.uri).endswith(".m4s") for s in complete))

    def test_long_cue(self) -> None:
        """A cue is in each part in which it is to be seen, though the ring has lost its packet."""
        live, period = Live(), self.period()
        long = Packet(3, SECOND // 2, SECOND // 2, 60 * SECOND, True, b"long")
        live.feed(period, [*self.packets(0, 0.6, text=99), long])
        live.feed(period, self.packets(0.6, 55, text=99))
        choice = chosen(period.header, frozenset({3}))
        self.assertGreater(period.ring[period.ring.first].start, SECOND)
        for segment in live.whole():
            self.assertEqual(b"".join(segment.body(choice)).count(b"-->"), 1)

    def test_only(self) -> None:
        """A client that asks for tracks gets a playlist of these, and no choice beside them."""
        live, period = self.live()
        text = live.multivariant(period.header, frozenset({1, 4}))
        self.assertNotIn("EXT-X-MEDIA", text)
        self.assertIn('CODECS="avc1.64001f,mp4a.40.2"', text)
        self.assertRaises(NoTrack, live.multivariant, period.header, frozenset({9}))
        self.assertRaises(Unfit, live.multivariant, period.header, frozenset({3}))
        self.assertRaises(NoTrack, chosen, period.header, frozenset({9}))


class WaitingTests(SynchronousTestCase):
    """What blocking requests wait for."""

    def setUp(self) -> None:
        """Two segments of four parts, and two parts of the third."""
        self.live, period = Live(), Period()
        self.live.feed(period, footage(0, 5.2, gop=2, rate=10))
        self.assertEqual(self.live.cutter.edge, (FIRST + 2, 2))

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
            self.assertEqual(
                pieces.has(self.live.cutter, FIRST + number, part), there, (number, part)
            )

    def test_behind_the_last_part(self) -> None:
        """Behind a segment's last part is the next segment's first."""
        self.assertTrue(pieces.has(self.live.cutter, FIRST + 1, 99))
        period = Period()
        live = Live()
        live.feed(period, footage(0, 4.1, gop=2, rate=10))
        self.assertEqual(live.cutter.edge, (FIRST + 2, 0))
        self.assertTrue(pieces.has(live.cutter, FIRST + 1, 3))
        self.assertFalse(pieces.has(live.cutter, FIRST + 1, 4))

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
            self.assertEqual(
                hls.is_too_far(self.live.cutter, FIRST + number, part), far, (number, part)
            )
