"""The names of pieces in URLs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.choice import Choice
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.webvtt import WEBVTT
from mkvtwist.outputs.segmented.addresses import (
    MEDIA_TYPES,
    Address,
    ending,
    folder,
    is_map,
    map_name,
    parse,
)


class AddressTests(SynchronousTestCase):
    """Names that are written and read."""

    def test_pieces(self) -> None:
        """A segment's name has the run and the number, a part's also its place."""
        self.assertEqual(parse("18bd-17.m4s"), Address("18bd", 17, None, "m4s"))
        self.assertEqual(parse("18bd-17.3.vtt"), Address("18bd", 17, 3, "vtt"))

    def test_no_pieces(self) -> None:
        """A name that is no piece's has no address."""
        for name in (
            "17.m4s",
            "xyz-17.m4s",
            "18bd-17.mp4",
            "18bd-17..m4s",
            "18bd-17.m4s/",
            "",
            "-",
        ):
            self.assertIsNone(parse(name), name)
        self.assertIsNone(parse(f"18bd-{'9' * 16}.m4s"), "a number that no stream has")

    def test_map(self) -> None:
        """An initialization section is named after its bytes, and by nothing else."""
        self.assertEqual(map_name(b"head"), map_name(b"head"))
        self.assertNotEqual(map_name(b"head"), map_name(b"other head"))
        self.assertTrue(is_map(map_name(b"head")))
        self.assertFalse(is_map("18bd-17.m4s"))

    def test_endings(self) -> None:
        """Each ending has a MIME type."""
        for format_ in (MP4, WEBVTT):
            self.assertIn(ending(Choice(format_, frozenset({1}))), MEDIA_TYPES)
        self.assertEqual(ending(None), "m4s")

    def test_folders(self) -> None:
        """Tracks have a folder beside the main playlist, however they were listed."""
        self.assertEqual((folder(None), folder(frozenset({3, 1}))), ("", "1,3/"))
