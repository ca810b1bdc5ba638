"""MPEG-4 Visual out of AVI, which has decoding times only."""

from __future__ import annotations

from itertools import pairwise

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.adapters import adapter_for
from tests.support import media


class ReorderedTests(SynchronousTestCase):
    """Pictures that are decoded in another order than they are shown in."""

    def test_shown(self) -> None:
        """Each picture is shown once, one step after the other, whatever order they come in."""
        clip = media.clip(container="avi", video="mpeg4", audio=None, bframes=2, seconds=1)
        with av.open(str(clip)) as source:
            adapter = adapter_for(source.streams.video[0])
            made = [p for packet in source.demux() for p in adapter.packets(packet) if p.size]
            made += adapter.rest()
        times = [packet.pts for packet in made if packet.pts is not None]
        self.assertEqual(len(times), 25)
        self.assertNotEqual(times, sorted(times), "there are B-frames")
        steps = {after - before for before, after in pairwise(sorted(times))}
        self.assertEqual(steps, {1})
