"""AMF0."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.rtmp.amf0 import DEEPEST, decode, encode
from mkvtwist.inputs.rtmp.errors import ProtocolError

TEXTS = st.text(max_size=40)
PLAIN = st.none() | st.booleans() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS.filter(bool), inner, max_size=4)
    ),
    max_leaves=20,
)


def depth(value: object) -> int:
    """How many objects are inside each other."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


class Amf0Tests(SynchronousTestCase):
    """L{encode} and L{decode}."""

    @given(st.lists(VALUES.filter(lambda value: depth(value) <= DEEPEST), max_size=5))
    def test_round_trip(self, values: list[object]) -> None:
        """Values that are encoded and decoded are the same."""
        self.assertEqual(decode(encode(*values)), values)

    def test_other_types(self) -> None:
        """Types that are never sent from here are read."""
        for data, value in (
            ("06", None),
            ("07 0001", None),
            ("08 00000001 0001 61 0101 0000 09", {"a": True}),
            ("0b 4059000000000000 0000", 100.0),
            ("0c 00000001 61", "a"),
            ("0d", None),
            ("0f 00000001 61", "a"),
            ("10 0001 61 0001 62 05 0000 09", {"b": None}),
        ):
            self.assertEqual(decode(bytes.fromhex(data)), [value], data)

    def test_no_utf8(self) -> None:
        """Text that is no UTF-8 comes back as it was."""
        data = b"\x02\0\x02\xff\xfe"
        self.assertEqual(encode(*decode(data)), data)

    def test_refused(self) -> None:
        """Values that are cut off, unknown, too deep or too many are an error of its own."""
        deep = bytes.fromhex("0a00000001") * (DEEPEST + 2) + b"\x05"
        many = bytes.fromhex("0a00ffffff") + bytes([5]) * 5000
        for data in (
            b"\x00\x00",
            b"\x02\0\x05ab",
            b"\x03\0\x01a\x05",
            b"\x11",
            b"\x7f",
            deep,
            many,
        ):
            self.assertRaises(ProtocolError, decode, data)

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are values or that error."""
        with contextlib.suppress(ProtocolError):
            decode(data)
