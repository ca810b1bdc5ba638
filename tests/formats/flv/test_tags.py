"""The header and the tags of FLV."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.flv.tags import header, tag


class TagTests(SynchronousTestCase):
    """L{mkvtwist.formats.flv.tags}."""

    def test_tag(self) -> None:
        """The time of a tag has its highest byte behind the others."""
        self.assertEqual(
            tag(9, 0x01020304, b"ab"),
            bytes.fromhex("09 000002 020304 01 000000 6162 0000000d"),
        )

    def test_header(self) -> None:
        """A file begins with the tracks that are to come."""
        self.assertEqual(header(5), bytes.fromhex("464c5601 05 00000009 00000000"))
