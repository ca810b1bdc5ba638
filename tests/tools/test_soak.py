"""What watches the server in C{tools/soak.py} sees what there is to see."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import media
from tools import soak, soak_watch

SECONDS = 2.0


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """The bytes as a network might bring them."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


def frames(parser: soak_watch.Parser, data: bytes, size: int = 1000) -> list[soak_watch.Frame]:
    """What a parser finds in them."""
    return [frame for piece in pieces(data, size) for frame in parser.feed(piece)]


class ParserTests(SynchronousTestCase):
    """L{soak_watch.MatroskaParser}, L{soak_watch.Mp4Parser}."""

    def check(self, container: str, parser: soak_watch.Parser) -> None:
        """Each packet is found, with its time in its track, and whether it is a keyframe."""
        data = media.clip(container=container, seconds=SECONDS).read_bytes()
        found = frames(parser, data)
        expected = media.packets(data)
        for type_ in ("video", "audio"):
            mine = [frame for frame in found if frame.type == type_]
            theirs = [packet for packet in expected if packet.type == type_]
            self.assertEqual([f.key for f in mine], [packet.key for packet in theirs])
            for frame, packet in zip(mine, theirs, strict=True):
                time = (packet.pts or 0) - (theirs[0].pts or 0)
                self.assertApproximates(frame.time - mine[0].time, time / 1000, 1.1)

    def test_matroska(self) -> None:
        """Matroska, in blocks."""
        self.check("matroska", soak_watch.MatroskaParser())

    def test_mp4(self) -> None:
        """Fragmented MP4, in samples."""
        self.check("fmp4", soak_watch.Mp4Parser())

    def test_any_piece(self) -> None:
        """It makes no difference in which pieces the bytes come."""
        data = media.clip(container="matroska", seconds=0.4).read_bytes()
        whole = frames(soak_watch.MatroskaParser(), data, len(data))
        self.assertEqual(frames(soak_watch.MatroskaParser(), data, 1), whole)

    def test_nonsense(self) -> None:
        """Bytes that are neither Matroska nor MP4 are refused."""
        for parser in (soak_watch.MatroskaParser(), soak_watch.Mp4Parser()):
            self.assertRaises(soak_watch.NonsenseError, frames, parser, b"\0not media at all" * 9)


class QuietSoak(soak.Soak):
    """A run that says nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""


class WatcherTests(SynchronousTestCase):
    """L{soak_watch.Watcher}: a gap is a fault, unless the stream was harmed just now."""

    def setUp(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        options = argparse.Namespace(seed=1, minutes=1.0, port=1)
        self.soak = QuietSoak(options, directory)
        self.stream = self.soak.streams["film"]

    def watch(self, *times: float, slow: bool = False) -> list[str]:
        """The faults of a video track with frames at these times, in milliseconds."""
        watcher = soak_watch.Watcher(self.soak, self.stream, "mkv", slow=slow)
        for time in times:
            watcher.see(soak_watch.Frame(1, "video", time, key=True))
        return self.soak.faults

    def test_goes_on(self) -> None:
        """One step after the other is well."""
        self.assertEqual(self.watch(0, 40, 80, 121, 160), [])

    def test_gap(self) -> None:
        """A frame that is missing is a fault."""
        (fault,) = self.watch(0, 40, 120)
        self.assertIn("film.mkv: video goes on 80.0 ms after 0.040 s", fault)

    def test_harmed(self) -> None:
        """But not in a stream that was harmed; it is counted."""
        self.stream.harm()
        self.assertEqual(self.watch(0, 40, 120), [])
        self.assertEqual(self.stream.seen["gaps"], 1)

    def test_back(self) -> None:
        """Time that goes back is a fault in any case."""
        self.stream.harm()
        (fault,) = self.watch(0, 40, 40)
        self.assertIn("back", fault)

    def test_slow(self) -> None:
        """A client that takes less than there is may miss something."""
        self.assertEqual(self.watch(0, 40, 4000, slow=True), [])
