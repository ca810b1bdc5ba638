"""Pictures of which only some have a time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from mkvtwist.media.packet import SECOND
from tests.support import media
from tests.support.oddities import times_of_keyframes_only
from tests.support.readers import ReaderTestCase, packets


class PartlyTimedTests(ReaderTestCase):
    """MPEG-TS that says seldom when a picture is shown."""

    def test_keyframe_times(self) -> None:
        """MPEG-TS with times at keyframes only: pictures and times are those of one with all."""
        for codec, bframes, claims in (
            ("libx264", 0, True),
            ("libx264", 2, True),
            ("libx265", 0, False),
            ("libx265", 2, False),
        ):
            options = f"vui-timing-info=0:bframes={bframes}:log-level=none:pools=1"
            clip = media.clip(
                container="mpegts",
                video=codec,
                bframes=bframes,
                rate=30,
                gop=20,
                seconds=4,
                size=(64, 48),
                video_options=[] if claims else [("x265-params", options)],
            )
            path = Path(self.mktemp())
            path.write_bytes(times_of_keyframes_only(clip.read_bytes()))
            name = f"{codec}, {bframes} B-pictures"
            events, wanted = self.read(path), packets(self.read(clip))
            for track in (1, 2):
                was = [p for p in wanted if p.track == track]
                now = [p for p in packets(events) if p.track == track]
                self.assertEqual([p.data for p in now], [p.data for p in was], name)
                apart = {now[n].pts - one.pts for n, one in enumerate(was)}
                self.assertLess(max(apart) - min(apart), 1000, name)
                apart = {now[n].dts - one.dts for n, one in enumerate(was)}
                self.assertLess(max(apart) - min(apart), 1000, name)
            ahead = [
                next(p.pts for p in found if p.track == 2) for found in (packets(events), wanted)
            ]
            first = [
                next(p.pts for p in found if p.track == 1) for found in (packets(events), wanted)
            ]
            self.assertLess(abs(ahead[0] - first[0] - ahead[1] + first[1]), 1000, name)

    def test_first_time_only(self) -> None:
        """Pictures of which only the first has a time go on at the rate they claim, or at 25."""
        for codec, parameters, rate in (("libx264", "", 30), ("libx265", "vui-timing-info=0:", 25)):
            clip = media.clip(
                container="mpegts",
                video=codec,
                audio=None,
                rate=rate,
                gop=400,
                seconds=11,
                size=(64, 48),
                video_options=[(f"{codec[3:]}-params", f"{parameters}log-level=none:scenecut=0")],
            )
            path = Path(self.mktemp())
            path.write_bytes(times_of_keyframes_only(clip.read_bytes()))
            times = sorted(packet.pts for packet in packets(self.read(path)))
            self.assertEqual(len(times), 11 * rate)
            steps = {round((b - a) * rate / SECOND, 2) for a, b in pairwise(times)}
            self.assertEqual(steps, {1.0}, codec)
