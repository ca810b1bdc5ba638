"""Ranges of bytes: what a client asks for, and what it gets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.http.wire.ranges import Unsatisfiable, cut, requested


class RangesTests(SynchronousTestCase):
    """RFC 9110, 14."""

    def test_requested(self) -> None:
        """A range is from one byte to another, to the end, or the last ones; others are ignored."""
        for header, wanted in (
            (None, None),
            (b"bytes=0-", (0, 100)),
            (b"bytes=0-0", (0, 1)),
            (b"bytes=10-19", (10, 20)),
            (b"bytes=10-1000", (10, 100)),
            (b"bytes=-10", (90, 100)),
            (b"bytes=-1000", (0, 100)),
            (b"bytes=99-", (99, 100)),
            (b"bytes=20-10", None),
            (b"bytes=0-1,5-6", None),
            (b"bytes=-", None),
            (b"bytes=a-b", None),
            (b"seconds=0-1", None),
            (b"", None),
        ):
            self.assertEqual(requested(header, 100), wanted, header)

    def test_unsatisfiable(self) -> None:
        """Behind the end, or of an empty body, there is nothing."""
        for header, length in ((b"bytes=100-", 100), (b"bytes=-0", 100), (b"bytes=0-", 0)):
            self.assertRaises(Unsatisfiable, requested, header, length)

    @given(st.lists(st.binary(max_size=8), max_size=6), st.data())
    def test_cut(self, pieces: list[bytes], data: st.DataObject) -> None:
        """A cut of pieces is the cut of what they make together."""
        whole = b"".join(pieces)
        start = data.draw(st.integers(0, len(whole)))
        stop = data.draw(st.integers(start, len(whole)))
        self.assertEqual(b"".join(cut(pieces, start, stop)), whole[start:stop])
