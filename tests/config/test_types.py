"""The types of settings: how a value is written, read and placed."""

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import FALLBACK, INPUT, Form, Input
from mkvtwist.config.rule import RULE, AccessRule
from mkvtwist.config.types import (
    BITRATE,
    ENDPOINTS,
    FILE,
    LIMIT,
    NETWORKS,
    SECONDS,
    SIZE,
    SWITCH,
    TomlType,
)


class WrittenTests(SynchronousTestCase):
    """What is written is what is read again."""

    @given(st.integers(64 << 10, 1 << 40))
    def test_sizes(self, size: int) -> None:
        """Any number of bytes."""
        for type_ in (SIZE, LIMIT):
            self.assertEqual(type_.parse("opt", type_.write(size)), size)

    @given(st.integers(0, 10**12))
    def test_bitrates(self, rate: int) -> None:
        """Any bitrate."""
        self.assertEqual(BITRATE.parse("opt", BITRATE.write(rate)), rate)

    def test_units(self) -> None:
        """The largest unit that fits is taken."""
        for size, text in ((64 << 20, "64M"), (1 << 40, "1024G"), (65536, "64k"), (65537, "65537")):
            self.assertEqual(SIZE.write(size), text)
        for rate, text in ((2_500_000, "2500k"), (8_000_000, "8M"), (0, "0")):
            self.assertEqual(BITRATE.write(rate), text)

    def test_others(self) -> None:
        """Numbers have no needless digits, switches and lists are as in a file."""
        self.assertEqual([SECONDS.write(value) for value in (2.0, 0.5)], ["2", "0.5"])
        self.assertEqual(SWITCH.write(True), "true")
        networks = (ip_network("10.0.0.0/8"), ip_network("::1"))
        self.assertEqual(NETWORKS.write(networks), "10.0.0.0/8, ::1/128")


class PlacedTests(SynchronousTestCase):
    """Nothing depends on the working directory."""

    def test_paths(self) -> None:
        """A relative path begins at a directory, in whatever it stands; an absolute one stays."""
        for type_, value, placed in (
            (FILE, "a", "/here/a"),
            (FILE, "/a", "/a"),
            (INPUT, Input(Form.FILE, "../a.mkv"), Input(Form.FILE, "/a.mkv")),
            (INPUT, Input(Form.ENDPOINT, "unix:a.sock"), Input(Form.ENDPOINT, "unix:/here/a.sock")),
            (INPUT, Input(Form.URL, "http://a/"), Input(Form.URL, "http://a/")),
            (FALLBACK, (Input(Form.FILE, "a"),), (Input(Form.FILE, "/here/a"),)),
            (ENDPOINTS, ("tcp:1", "unix:a:mode=600"), ("tcp:1", "unix:/here/a:mode=600")),
            (RULE, AccessRule("t", checker="file:x"), AccessRule("/here/t", checker="file:x")),
            (SECONDS, 5.0, 5.0),
        ):
            self.assertEqual(type_.placed(value, "/here"), placed)

    def test_collected(self) -> None:
        """An option that is repeated has all of its values if it is a list, else the last one."""
        self.assertEqual(SECONDS.collected([1.0, 2.0]), 2.0)
        self.assertEqual(ENDPOINTS.collected(["a"]), ("a",))
        self.assertEqual(FALLBACK.collected(["a"]), "a")
        self.assertEqual(FALLBACK.collected(["a", "b"]), ("a", "b"))

    def test_schema(self) -> None:
        """A list is one in the schema, too; of text or a list either will do."""
        self.assertEqual(SECONDS.json_schema["type"], "number")
        self.assertEqual(NETWORKS.json_schema["type"], "array")
        kinds = [one["type"] for one in FALLBACK.json_schema["anyOf"]]
        self.assertEqual(kinds, ["string", "array"])
        self.assertEqual({str, list}, {*TomlType.TEXT_OR_TEXTS.types})
