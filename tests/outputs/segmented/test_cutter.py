"""Segments and parts: where they are cut, and what their bytes are."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any
from weakref import ref

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.formats.choice import Choice
from mkvtwist.formats.mp4 import MP4
from mkvtwist.live.fragment import WEIGHTS
from mkvtwist.media.packet import SECOND, Packet, Track
from mkvtwist.outputs.segmented import pieces
from mkvtwist.outputs.segmented.cutter import SHORTEST
from mkvtwist.outputs.segmented.pieces import Missing, initialization
from mkvtwist.outputs.segmented.segments import Part
from mkvtwist.outputs.segmented.targets import PART
from mkvtwist.testing import AUDIO, SOUND, VIDEO, footage, mixed
from tests.support.segmented import ALL, FIRST, STARTED, Bytes, Live, Period, bunches


class SegmentTests(SynchronousTestCase):
    """What makes a segment, and a part."""

    def test_gop(self) -> None:
        """A segment is a GOP, a part half a second, both begin where the last one ended."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 5.1, gop=2, rate=25))
        first, second = live.whole()
        self.assertEqual((first.start, first.end, second.end), (0, 2 * SECOND, 4 * SECOND))
        self.assertEqual([part.duration for part in first.parts], [480_000] * 4 + [80_000])
        self.assertEqual([part.independent for part in first.parts], [True] + [False] * 4)
        self.assertEqual(live.cutter.edge, (FIRST + 2, 2))

    def test_rates(self) -> None:
        """At all usual rates parts are as long as each other, but for the last one."""
        for rate, count in ((24, 12), (25, 12), (30, 15), (50, 25), (60, 30), (2, 1)):
            live, period = Live(), Period()
            live.feed(period, footage(0, 4.5, gop=4, rate=rate))
            parts = live.whole()[0].parts
            step = SECOND // rate
            self.assertEqual({part.duration for part in parts[:-1]}, {count * step}, rate)

    def test_part_target(self) -> None:
        """Whole pictures fill the part target at any rate, and it stays as it was at first."""
        for rate in (1, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 120):
            live, period = Live(), Period()
            targets = set()
            edge = live.cutter.edge
            for packet in footage(0, 20.5, gop=4, rate=rate):
                live.feed(period, [packet])
                if live.cutter.segments.is_ready and live.cutter.edge != edge:
                    edge = live.cutter.edge
                    targets.add(float(live.read().part_inf.part_target))
            (target,) = targets
            for segment in live.whole():
                for part in segment.parts[:-1]:
                    self.assertLessEqual(part.duration, target * SECOND, rate)
                    self.assertGreaterEqual(part.duration, 0.85 * target * SECOND, rate)

    def test_together(self) -> None:
        """Parts follow the media's time: how many packets arrived together makes no difference."""
        packets = mixed(footage(0, 8.5, gop=4, rate=25), footage(0, 8.5, track=2, rate=50))
        expected, period = Live(), Period(VIDEO, AUDIO)
        expected.feed(period, packets)
        for together in (2, 5, 13, 18):
            live, period = Live(), Period(VIDEO, AUDIO)
            for group in bunches(packets, together):
                key = group[0].track == 1 and group[0].key
                live.append(period, period.ring.append(group, key=key), STARTED)
            self.assertEqual(
                [(s.start, s.end, [p.duration for p in s.parts]) for s in live.whole()],
                [(s.start, s.end, [p.duration for p in s.parts]) for s in expected.whole()],
            )
            self.assertEqual(
                [segment.body(ALL) for segment in live.whole()],
                [segment.body(ALL) for segment in expected.whole()],
            )

    def test_short_gops(self) -> None:
        """Where every picture is a keyframe, a segment still lasts a second."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 4.5, gop=0.1, rate=10))
        self.assertEqual([s.duration for s in live.whole()], [SECOND] * 4)
        self.assertTrue(all(part.independent for s in live.whole() for part in s.parts))

    def test_audio(self) -> None:
        """Sound between pictures belongs to the part in which it comes, and cuts nothing."""
        live, period = Live(), Period(VIDEO, AUDIO)
        packets = mixed(footage(0, 4.5, gop=2, rate=25), footage(0, 4.5, track=2, rate=50))
        live.feed(period, packets)
        durations = [part.duration for part in live.whole()[0].parts]
        self.assertEqual(durations, [480_000] * 4 + [80_000])

    def test_sound_alone(self) -> None:
        """Sound alone is cut by its own time; each part can be begun with."""
        live, period = Live(), Period(SOUND)
        live.feed(period, footage(0, 3.5, gop=1, rate=50))
        self.assertEqual([s.duration for s in live.whole()], [SECOND] * 3)
        self.assertNotIn("RESOLUTION", live.multivariant(period.header))

    def test_sounds_together(self) -> None:
        """Of sounds that begin together, one in long packets, no part is without duration."""
        live, period = Live(), Period(SOUND, replace(SOUND, number=2))
        long = [p._replace(duration=SECOND // 2) for p in footage(0, 3.5, track=2, rate=2)]
        live.feed(period, mixed(footage(0, 3.5, rate=50), long))
        parts = [part for segment in live.whole() for part in segment.parts]
        self.assertGreater(min(part.duration for part in parts), 0)

    def test_last_picture(self) -> None:
        """The last picture of a part lasts up to the part's end: players drop what comes later."""
        live, period = Live(), Period(VIDEO, AUDIO)
        choice = Choice(MP4, frozenset({1, 2}))
        lasting: list[tuple[int, int]] = []

        class Durations(Bytes):
            def render(self, packets: Sequence[Packet]) -> bytes:
                lasting.extend((p.dts + p.duration, p.dts) for p in packets if p.track == 1)
                return b"x"

        period.made[choice] = Durations(period.header, choice.tracks)
        dark = [p._replace(duration=SECOND // 25) for p in footage(0, 2.5, rate=5)]
        live.feed(period, mixed(dark, footage(0, 2.5, track=2, rate=50)))
        for segment in live.whole():
            for number, part in enumerate(segment.parts):
                lasting.clear()
                segment.body(choice, number)
                self.assertLessEqual(abs(lasting[-1][0] - part.end), SECOND // 50)

    def test_outgrown(self) -> None:
        """
        A segment whose beginning has left the ring is given up, with its parts: its number is not
        used again, nobody waits for what was announced, and the next keyframe begins another.
        """
        live, period = Live(), Period(size_limit=20_000)
        live.feed(period, footage(0, 1.5, rate=10))
        growing = live.cutter.segments.find(FIRST + 1)
        assert growing is not None
        announced, gone = len(growing.parts), ref(growing)
        self.assertFalse(pieces.has(live.cutter, FIRST + 1, announced))
        del growing
        live.feed(period, footage(1.5, 90, rate=10, key=False))
        gc.collect()
        self.assertIsNone(gone())
        self.assertIsNone(live.cutter.segments.find(FIRST + 1))
        self.assertEqual(live.cutter.edge, (FIRST + 2, 0))
        self.assertTrue(pieces.has(live.cutter, FIRST + 1, 9999))
        live.feed(period, footage(90, 92.5, rate=10))
        self.assertEqual([s.number for s in live.whole()], [FIRST + 2, FIRST + 3])

    def test_endless(self) -> None:
        """One that the ring could keep for hours is given up when it has too many parts."""
        live, period = Live(most_parts=20), Period()
        live.feed(period, footage(0, 2.5, rate=10))
        live.feed(period, footage(2.5, 60, rate=10, key=False))
        self.assertFalse(live.cutter.segments.is_ready)
        self.assertEqual(live.cutter.edge, (FIRST + 3, 0))
        live.feed(period, footage(60, 61.5, rate=10))
        self.assertEqual(live.read().media_sequence, FIRST + 3)

    def test_beginning(self) -> None:
        """Packets before the first keyframe are in no segment."""
        live, period = Live(), Period()
        live.feed(period, footage(0.5, 3.5, rate=10))
        self.assertEqual([s.start for s in live.whole()], [SECOND, 2 * SECOND])

    def test_bytes(self) -> None:
        """A segment is its parts, each rendered once and kept with the ring."""
        live, period = Live(), Period()
        packets = footage(0, 2.5, gop=2, rate=25)
        live.feed(period, packets)
        (segment,) = live.whole()
        before = period.ring.size
        made = segment.body(ALL)
        self.assertEqual(made[0], b"(" + b"|".join(p.data for p in packets[:12]) + b")")
        self.assertEqual([segment.body(ALL, n) for n in range(len(made))], [[m] for m in made])
        self.assertEqual(period.rendered, len(segment.parts))
        self.assertEqual(
            period.ring.size - before, sum(len(part) + WEIGHTS.rendered for part in made)
        )

    def test_gone(self) -> None:
        """A segment that the ring has dropped is not found, and has no bytes."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 2.5, gop=2, rate=25))
        (segment,) = live.whole()
        live.feed(period, footage(2.5, 60, gop=2, rate=25))
        self.assertIsNone(live.cutter.segments.find(segment.number))
        self.assertRaises(IndexError, segment.body, ALL)

    def test_unfit(self) -> None:
        """Tracks that MP4 cannot hold are in no segment; what was before them ends there."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 3.5, rate=10))
        other = Period(Track(number=1, type="video", codec="vp8"), edge=4 * SECOND)
        live.feed(other, footage(4, 8, rate=10))
        self.assertEqual([s.duration for s in live.whole()], [SECOND] * 3 + [SECOND // 2])
        self.assertEqual(live.cutter.edge, (FIRST + 4, 0))


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
        live, period = Live(), Period(VIDEO, AUDIO, size_limit=size_limit)
        known: dict[str, bytes] = {}
        sequence, target, text = 0, 0, ""
        for group in bunches(packets, together):
            key = group[0].track == 1 and group[0].key
            fragment = period.ring.append(group, key=key)
            live.append(period, fragment, STARTED)
            if not live.cutter.segments.is_ready or (now := live.media()) == text:
                continue
            text = now
            found = live.read()
            self.assertGreaterEqual(found.media_sequence, sequence)
            self.assertGreaterEqual(found.target_duration, target)
            sequence, target = found.media_sequence, found.target_duration
            self.check(live, found, known)

    def check(self, live: Live, found: Any, known: dict[str, bytes]) -> None:
        """One list."""
        number = found.media_sequence
        part_target = float(found.part_inf.part_target)
        self.assertGreaterEqual(float(found.server_control.part_hold_back), 2 * part_target - 1e-9)
        for listed in found.segments:
            segment = live.cutter.segments.find(number)
            if listed.gap_tag and listed is found.segments[0]:
                self.assertIsNone(segment, "it is a gap because it is not there")
                number += 1
                continue
            assert segment is not None
            for part in listed.parts:
                self.assertLessEqual(float(part.duration), part_target + 1e-9)
            data = []
            for place, made in enumerate(segment.body(ALL)):
                self.assertEqual(known.setdefault(f"{segment.name}.{place}", made), made)
                data.append(made)
            if listed.uri is not None:
                self.assertEqual(listed.uri, f"{segment.name}.m4s")
                self.assertLessEqual(int(listed.duration + 0.5), found.target_duration)
                self.assertEqual(sum(p.duration for p in segment.parts), segment.duration)
                self.assertAlmostEqual(listed.duration * SECOND, segment.duration, 0)
                all_of_it = b"".join(data)
                self.assertEqual(known.setdefault(segment.name, all_of_it), all_of_it)
                following = live.cutter.segments.find(number + 1)
                if following is not None:
                    self.assertEqual(segment.end, following.start)
                    self.assertGreaterEqual(segment.duration, SHORTEST)
            number += 1

    def test_parts(self) -> None:
        """Parts follow each other without a gap, in fragments and in time."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 20.5, gop=2, rate=25))
        parts: list[Part] = [part for s in live.whole() for part in s.parts]
        for before, after in pairwise(parts):
            self.assertEqual((before.stop, before.end), (after.first, after.start))
        self.assertLessEqual(max(part.duration for part in parts), PART)


class SilenceTests(SynchronousTestCase):
    """What is listed while the pictures do not come."""

    def watch(self, *lists: list[Packet], tracks: Sequence[Track] = (VIDEO, AUDIO)) -> Live:
        """The playlist of these packets, cut as the stream does."""
        self.period = Period(*tracks)
        live = Live()
        for packet in mixed(*lists):
            for fragment in self.period.segmenter.append([packet]):
                live.append(self.period, fragment, STARTED + packet.dts / SECOND)
        return live

    def test_goes_on(self) -> None:
        """Segments and parts go on by the time of the sound; none of these is independent."""
        sound = footage(0, 12.2, track=2, rate=50)
        live = self.watch(footage(0, 4, rate=25), sound)
        segments = live.whole()
        self.assertGreater(segments[-1].end, 10.9 * SECOND)
        for before, after in pairwise(segments):
            self.assertEqual(before.end, after.start)
        self.assertEqual([s.is_independent for s in segments[:4]], [True] * 4)
        self.assertEqual({s.is_independent for s in segments[4:]}, {False})
        by_time = [part for segment in segments[4:] for part in segment.parts]
        self.assertLessEqual(max(part.duration for part in by_time), PART)
        text = live.media()
        self.assertNotIn("EXT-X-INDEPENDENT-SEGMENTS", text)
        self.assertNotIn("GAP", text)
        self.assertNotIn("INDEPENDENT", text[text.index(segments[4].name) :])

    def test_comes_back(self) -> None:
        """A keyframe that comes back begins a segment at once, however short the one before is."""
        pictures = [*footage(0, 4, rate=25), *footage(8.04, 12, rate=25, gop=0.04)]
        live = self.watch(pictures, footage(0, 12, track=2, rate=50))
        segments = live.whole()
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
        period, live = Period(VIDEO, AUDIO), Live()
        for packet in came:
            for fragment in period.segmenter.append([packet]):
                live.append(period, fragment, STARTED)
        segments = live.whole()
        self.assertLess(max(s.duration for s in segments), 3.1 * SECOND)
        self.assertIn(8 * SECOND, [s.start for s in segments])

    def test_never_came(self) -> None:
        """A video that has not come yet does not keep the playlist empty."""
        live = self.watch(footage(0, 6, track=2, rate=50))
        self.assertTrue(live.cutter.segments.is_ready)

    def test_slide_show(self) -> None:
        """A slow picture lasts as long as usual, also beyond its part: players stop at a gap."""
        slides = [p._replace(duration=0) for p in footage(0, 40, rate=1)[::5]]
        slides = [p._replace(key=True) for p in slides]
        live = self.watch(slides, footage(0, 40, track=2, rate=50))
        parts = [part for segment in live.whole() for part in segment.parts]
        shown = [part for part in parts if 1 in part.sizes and part.start >= 10 * SECOND]
        self.assertEqual({part.lasts for part in shown}, {5 * SECOND})
        self.assertLess(max(part.duration for part in parts if part.start > SECOND), 0.6 * SECOND)

    def test_picture_alone(self) -> None:
        """A playlist of the pictures alone has gaps meanwhile."""
        live = self.watch(footage(0, 4, rate=25), footage(0, 9, track=2, rate=50))
        self.assertIn("#EXT-X-GAP", live.media(frozenset({1})))
        self.assertNotIn("#EXT-X-GAP", live.media(frozenset({2})))


class RestartTests(SynchronousTestCase):
    """A stream that is started anew."""

    def test_numbers(self) -> None:
        """The numbers go on behind the old ones, no URL is used twice; time may begin anew."""
        uris: set[str] = set()
        last = discontinuity = 0
        for started in (STARTED, STARTED + 63.0, STARTED + 127.5):
            live = Live(started)
            period = Period()
            live.feed(period, footage(0, 60.5, gop=0.1, rate=10))
            found = live.read()
            self.assertGreater(found.media_sequence, last)
            self.assertNotEqual(found.discontinuity_sequence, discontinuity)
            names = {s.uri for s in found.segments if s.uri}
            self.assertFalse(names & uris)
            uris |= names
            last = found.media_sequence + len(names)
            discontinuity = found.discontinuity_sequence

    def test_numbers_fit(self) -> None:
        """Numbers fit into 31 bits, since players (GStreamer) read them so."""
        self.assertLess(Live(2**31 - 1000.0).cutter.edge[0], 2**31)


class ForgetTests(SynchronousTestCase):
    """An input on demand that was closed, and is opened again."""

    def test_other_tracks(self) -> None:
        """What comes then has its own header and its own discontinuity; numbers go on."""
        live, before = Live(), Period()
        live.feed(before, footage(0, 4.1))
        old = live.read()
        live.forget()
        live.feed(Period(replace(VIDEO, width=320)), footage(10, 14.1))
        new = live.read()
        self.assertEqual(new.media_sequence, FIRST + 5)
        self.assertEqual(new.discontinuity_sequence, old.discontinuity_sequence + 1)
        names = [listed.segments[0].init_section.uri for listed in (old, new)]
        segments = live.cutter.segments.all
        self.assertRaises(Missing, initialization, segments, names[0], None)
        self.assertEqual(initialization(segments, names[1], None), b"h264 320")

    def test_given_back(self) -> None:
        """The ring is not kept."""
        live, period = Live(), Period()
        live.feed(period, footage(0, 4.1))
        live.media()
        live.forget()
        gone = ref(period)
        del period
        gc.collect()
        self.assertIsNone(gone())


class DefaultTests(SynchronousTestCase):
    """The defaults of the options, and what they make of HLS."""

    def test_kept(self) -> None:
        """With the default buffer, GOPs of up to five seconds have three segments listed twice."""
        config = StreamConfig(Input(Form.DEMO, "demo:"))
        self.assertGreaterEqual(config.buffer, 2 * 3 * 5)
