"""From addresses to bytes."""

from __future__ import annotations

import m3u8
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.outputs.segmented.pieces import Missing, initialization
from mkvtwist.testing import AUDIO, VIDEO, footage, mixed
from tests.support.segmented import TEXT, Live, Period


class InitializationTests(SynchronousTestCase):
    """What stands before all pieces."""

    def test_tracks(self) -> None:
        """Each choice of tracks has the initialization section that its playlist names."""
        live, period = Live(), Period(VIDEO, AUDIO, TEXT)
        live.feed(period, mixed(footage(0, 2.5), footage(0, 2.5, track=2)))
        segments = live.cutter.segments.all
        (listed,) = m3u8.loads(live.media(frozenset({2}))).segment_map
        name = str(listed.uri)
        self.assertEqual(initialization(segments, name, frozenset({2})), b"aac None")
        for wrong, tracks in ((name, frozenset({3})), ("init-0.mp4", None)):
            with self.assertRaisesRegex(Missing, "No listed segment needs this"):
                initialization(segments, wrong, tracks)
