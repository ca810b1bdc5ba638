"""Compression of texts for clients that can read it."""

from __future__ import annotations

import gzip

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.http.wire.compression import COMPRESSED, accepts_gzip, compress, is_worth_it
from tests.support.requests import request

TEXT = b"x" * COMPRESSED.start


class CompressionTests(SynchronousTestCase):
    """L{mkvtwist.http.wire.compression}."""

    def test_worth(self) -> None:
        """Texts of some length are worth it; media, and what is short or very long, are not."""
        for kind in (b"text/html; charset=utf-8", b"application/json", b"image/svg+xml"):
            self.assertTrue(is_worth_it(TEXT, kind), kind)
            self.assertFalse(is_worth_it(TEXT[1:], kind), kind)
            self.assertFalse(is_worth_it(b"x" * COMPRESSED.stop, kind), kind)
        self.assertFalse(is_worth_it(TEXT, b"video/mp4"))

    def test_accepts(self) -> None:
        """A client reads gzip if it lists it with a weight that is not 0 (RFC 9110, 12.5.3)."""
        for text in ("gzip", "deflate, GZIP;q=0.5", "br, gzip ; q=1"):
            self.assertTrue(accepts_gzip(request(Accept_Encoding=text)), text)
        for text in ("", "br", "gzip;q=0", "gzip;q=0.000", "x-gzip"):
            self.assertFalse(accepts_gzip(request(Accept_Encoding=text)), text)
        self.assertFalse(accepts_gzip(request()))

    def test_bytes(self) -> None:
        """The same text gives the same bytes, which are shorter and can be read."""
        once = compress(TEXT)
        self.assertEqual(compress(TEXT), once)
        self.assertLess(len(once), len(TEXT))
        self.assertEqual(gzip.decompress(once), TEXT)
