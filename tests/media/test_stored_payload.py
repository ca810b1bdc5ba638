"""Payloads: exact where the formats say how, and calm where the bytes make no sense."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media import stored_payload
from tests.support.bitstreams import escaped

fast = settings(max_examples=200)

zeros = st.sampled_from([b"", b"\0", b"\0\0\0"])
bits = st.lists(st.sampled_from([b"\0", b"\1", b"\2", b"\3", b"\x67", b"\xff"]), max_size=12).map(
    b"".join
)


def encoded(data: bytes) -> bytes:
    """A NAL unit as an encoder makes it: with emulation prevention, and not ending in zero."""
    unit = b"\x65" + escaped(data)
    return unit + (b"\x80" if unit[-1] == 0 else b"")


units = st.lists(bits.map(encoded), min_size=1, max_size=6)


class NalTests(SynchronousTestCase):
    """H.264, HEVC, VVC: from start codes to lengths."""

    @given(units, st.lists(zeros, min_size=12, max_size=12), st.binary(max_size=3))
    @fast
    def test_units(self, made: list[bytes], padding: list[bytes], junk: bytes) -> None:
        """Every unit is found, whatever zeros stand around it, and nothing before the first."""
        stream = junk.rstrip(b"\0").replace(b"\0\0\1", b"")
        for unit in made:
            stream += padding.pop() + b"\0\0\1" + unit + padding.pop()
        self.assertEqual(stored_payload.nal_units(stream), made)
        prefixed = stored_payload.length_prefixed(stored_payload.nal_units(stream))
        at = 0
        for unit in made:
            self.assertEqual(int.from_bytes(prefixed[at : at + 4], "big"), len(unit))
            self.assertEqual(prefixed[at + 4 : at + 4 + len(unit)], unit)
            at += 4 + len(unit)
        self.assertEqual(at, len(prefixed))

    def test_example(self) -> None:
        """Three- and four-byte start codes, zeros after a unit, empty units."""
        stream = bytes.fromhex("00000001 09f0 000001 6742 0000 000001 000001 65880003")
        self.assertEqual(
            stored_payload.length_prefixed(stored_payload.nal_units(stream)).hex(),
            "00000002" + "09f0" + "00000002" + "6742" + "00000004" + "65880003",
        )

    def test_none(self) -> None:
        """Where there is no start code there is no unit."""
        for data in (b"", b"\0", b"\0\0", b"\0\0\1", b"\0\0\1\0\0", b"abc", b"\0\0\3"):
            self.assertEqual(stored_payload.nal_units(data), [])
            self.assertEqual(stored_payload.length_prefixed(stored_payload.nal_units(data)), b"")

    def test_is_annex_b(self) -> None:
        """A byte stream begins with a start code; avcC and hvcC with their version."""
        for data in (b"\0\0\1\x67", b"\0\0\0\1\x67"):
            self.assertTrue(stored_payload.is_annex_b(data))
        for data in (b"", b"\1\x64\0\x1f", b"\0\0", b"\0\0\0\0\1", b"\0\0\0\2"):
            self.assertFalse(stored_payload.is_annex_b(data))


def obu(type_: int, body: bytes, *, sized: bool = True, extended: bool = False) -> bytes:
    """An open bitstream unit."""
    head = bytes([type_ << 3 | extended << 2 | sized << 1]) + (b"\x20" if extended else b"")
    size = b""
    if sized:
        left = len(body)
        while left > 127:
            size += bytes([left & 127 | 128])
            left >>= 7
        size += bytes([left])
    return head + size + body


obus = st.lists(
    st.tuples(st.integers(0, 15), st.binary(max_size=200), st.booleans()).map(
        lambda unit: (unit[0], obu(unit[0], unit[1], extended=unit[2]))
    ),
    max_size=5,
)


class ObuTests(SynchronousTestCase):
    """AV1."""

    @given(obus)
    @fast
    def test_units(self, made: list[tuple[int, bytes]]) -> None:
        """Units are found with their types; those that are not stored are left out."""
        data = b"".join(unit for _, unit in made)
        self.assertEqual(list(stored_payload.obus(data)), made)
        kept = b"".join(unit for type_, unit in made if type_ not in (2, 7, 8, 15))
        self.assertEqual(stored_payload.without_delimiters(data), kept)

    def test_last(self) -> None:
        """The last unit needs no size."""
        last = obu(6, b"frame", sized=False)
        self.assertEqual(
            list(stored_payload.obus(obu(2, b"") + last)), [(2, obu(2, b"")), (6, last)]
        )
        self.assertEqual(stored_payload.without_delimiters(obu(2, b"") + last), last)

    def test_untouched(self) -> None:
        """Where nothing is to be left out, nothing is copied."""
        data = obu(1, b"sequence") + obu(6, b"frame")
        self.assertIs(stored_payload.without_delimiters(data), data)

    def test_cut_short(self) -> None:
        """A unit that is cut short, or whose size does not end, ends the data."""
        whole = obu(6, bytes(300))
        for data in (whole[:-1], whole[:2], whole[:1], b"\x32" + b"\xff" * 20, b"\x32\x80"):
            self.assertEqual(list(stored_payload.obus(obu(1, b"x") + data)), [(1, obu(1, b"x"))])

    @given(st.binary(max_size=60))
    @fast
    def test_anything(self, data: bytes) -> None:
        """Whatever comes in, what is found is a beginning of it, in whole units."""
        found = b"".join(unit for _, unit in stored_payload.obus(data))
        self.assertTrue(data.startswith(found))
        self.assertLessEqual(len(stored_payload.without_delimiters(data)), len(data))


def wavpack(flags: int, body: bytes, samples: int = 22_050) -> bytes:
    """A WavPack block with its whole head."""
    return (
        b"wvpk"
        + (24 + len(body)).to_bytes(4, "little")
        + b"\x10\x04\0\0"
        + bytes(8)
        + samples.to_bytes(4, "little")
        + flags.to_bytes(4, "little")
        + b"\xaa\xbb\xcc\xdd"
        + body
    )


class HeadTests(SynchronousTestCase):
    """Heads that Matroska does without."""

    def test_prores(self) -> None:
        """A frame loses its atom's head, once."""
        self.assertEqual(stored_payload.without_prores_head(b"\0\0\0\x0cicpfdata"), b"data")
        self.assertEqual(stored_payload.without_prores_head(b"data"), b"data")
        self.assertEqual(stored_payload.without_prores_head(b""), b"")

    def test_wavpack(self) -> None:
        """One block: samples, flags, check sum, data."""
        self.assertEqual(
            stored_payload.without_wavpack_heads(wavpack(0x1800, b"data")),
            (22_050).to_bytes(4, "little") + b"\0\x18\0\0" + b"\xaa\xbb\xcc\xdd" + b"data",
        )

    def test_wavpack_several(self) -> None:
        """Several blocks, for more than two channels: each with its size."""
        blocks = wavpack(0x800, b"one") + wavpack(0, b"two!") + wavpack(0x1000, b"")
        self.assertEqual(
            stored_payload.without_wavpack_heads(blocks),
            (22_050).to_bytes(4, "little")
            + (b"\0\x08\0\0" + b"\xaa\xbb\xcc\xdd" + b"\3\0\0\0" + b"one")
            + (b"\0\0\0\0" + b"\xaa\xbb\xcc\xdd" + b"\4\0\0\0" + b"two!")
            + (b"\0\x10\0\0" + b"\xaa\xbb\xcc\xdd" + b"\0\0\0\0"),
        )

    @given(
        st.one_of(
            st.binary(max_size=80),
            st.tuples(st.integers(0, 40), st.binary(max_size=9)).map(
                lambda cut: (wavpack(0x1800, b"data") * 2)[: -cut[0] or None] + cut[1]
            ),
        )
    )
    @fast
    def test_anything(self, data: bytes) -> None:
        """Whatever comes in, nothing is added."""
        self.assertLessEqual(len(stored_payload.without_wavpack_heads(data)), len(data))
        self.assertLessEqual(len(stored_payload.without_prores_head(data)), len(data))
        self.assertLessEqual(sum(map(len, stored_payload.nal_units(data))), len(data))
