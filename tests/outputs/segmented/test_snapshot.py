"""What can be listed at one moment."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.outputs.segmented import hls
from mkvtwist.outputs.segmented.snapshot import Snapshot, Texts
from mkvtwist.testing import AUDIO, VIDEO, footage
from tests.support.segmented import FIRST, Live, Period


class TextsTests(SynchronousTestCase):
    """Texts that are written once for all who ask for the same."""

    def test_many(self) -> None:
        """However many choices are asked for, few playlists are kept."""
        live = Live()
        live.feed(Period(VIDEO, AUDIO), footage(0, 2.5))
        texts = Texts(limit=3)
        written: list[frozenset[int] | None] = []

        def write(snapshot: Snapshot, tracks: frozenset[int] | None) -> str:
            written.append(tracks)
            return hls.media(snapshot, tracks)

        for _ in range(2):
            for number in range(1, 6):
                tracks = frozenset({number})
                got = texts.get(live.cutter.snapshot(), write, tracks)
                self.assertEqual(got, live.media(tracks))
        self.assertEqual(len(written), 5 + 2)

    def test_until_there_is_more(self) -> None:
        """A text is written again when there is more to list, and only then."""
        live, period = Live(), Period()
        texts = Texts()
        written: list[tuple[int, int]] = []

        def write(snapshot: Snapshot, tracks: frozenset[int] | None) -> str:
            written.append(snapshot.edge)
            return hls.media(snapshot, tracks)

        for packet in footage(0, 3.01, rate=10):
            live.feed(period, [packet])
            if live.cutter.segments.is_ready:
                texts.get(live.cutter.snapshot(), write, None)
        expected = [(FIRST + number, part) for number in (1, 2) for part in (0, 1)]
        self.assertEqual(written, expected)
