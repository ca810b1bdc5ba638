"""Each parser: its good values, and what it says of the bad ones."""

import math
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.values import (
    ConfigError,
    parse_bitrate,
    parse_count,
    parse_frame_rate,
    parse_isolation,
    parse_limit,
    parse_program,
    parse_rate,
    parse_record,
    parse_seconds,
    parse_server_name,
    parse_size,
    parse_text,
)

fast = settings(max_examples=200)


class ValueTests(SynchronousTestCase):
    """Names, numbers and units."""

    def refuses(self, parse: Callable[[str, str], object], allowed: str, *texts: str) -> None:
        """Each is refused with the option, the value and what is allowed."""
        for text in texts:
            error = self.assertRaises(ConfigError, parse, "opt", text)
            self.assertEqual(str(error), f"opt: {text!r} is not {allowed}")

    def test_seconds(self) -> None:
        """Seconds take fractions, from 0 to a day."""
        for text, expected in (("0", 0), ("2", 2), ("0.5", 0.5), (".25", 0.25), ("86400", 86400)):
            self.assertEqual(parse_seconds("opt", text), expected)
        self.refuses(
            parse_seconds,
            "a number of seconds from 0 to 86400",
            *("", "x", "2s", "-1", "-0.1", "86400.1", "nan", "inf", "-inf", "1e999", "1,5", "0x1"),
        )

    def test_seconds_bounds(self) -> None:
        """Bounds may be others, and are said."""
        self.assertEqual(parse_seconds("opt", "1", least=1.0, most=2.5), 1)
        error = self.assertRaises(ConfigError, parse_seconds, "opt", "0.9", least=1.0, most=2.5)
        self.assertEqual(str(error), "opt: '0.9' is not a number of seconds from 1 to 2.5")

    def test_rate(self) -> None:
        """A rate is a multiple of real time."""
        for text, expected in (("0", 0), ("1", 1), ("0.5", 0.5), ("1000", 1000)):
            self.assertEqual(parse_rate("opt", text), expected)
        self.refuses(
            parse_rate,
            "a number from 0 to 1000, such as 1 or 0.5",
            *("", "fast", "-1", "1001", "nan", "2x"),
        )

    def test_frame_rate(self) -> None:
        """A frame rate is a number, or a fraction as television has it."""
        for text, expected in (
            ("0", 0),
            ("25", 25),
            ("29.97", 29.97),
            ("30000/1001", 30000 / 1001),
        ):
            self.assertEqual(parse_frame_rate("opt", text), expected)
        self.refuses(
            parse_frame_rate,
            "a number of pictures a second from 0.001 to 1000, such as 29.97 or 30000/1001; or 0",
            *("", "ntsc", "-1", "1001", "nan", "25/0", "1/", "2000/1", "1e-9"),
        )

    def test_program(self) -> None:
        """A programme is a number of 16 bits."""
        for text, expected in (("0", 0), ("2", 2), ("65535", 65535)):
            self.assertEqual(parse_program("opt", text), expected)
        self.refuses(
            parse_program,
            "the number of a programme, from 1 to 65535; 0: the first with video",
            *("", "news", "-1", "65536", "1.5"),
        )

    def test_count(self) -> None:
        """A count is a whole number."""
        for text, expected in (("0", 0), ("7", 7), ("007", 7), ("999999999", 999999999)):
            self.assertEqual(parse_count("opt", text), expected)
        self.refuses(
            parse_count,
            "a whole number, 0 or more",
            *("", "-1", "1.0", "1k", " 1", "1\n", "٣", "1_000", "1000000000"),
        )

    def test_size(self) -> None:
        """Sizes are bytes, with units of 1024."""
        for text, expected in (
            ("65536", 65536),
            ("64k", 65536),
            ("64K", 65536),
            ("1m", 1 << 20),
            ("64M", 64 << 20),
            ("1g", 1 << 30),
            ("1024G", 1 << 40),
            (str(1 << 40), 1 << 40),
        ):
            self.assertEqual(parse_size("opt", text), expected)
        self.refuses(
            parse_size,
            "a number of bytes from 64k to 1024G, such as 500k, 64M or 1G",
            *("", "0", "65535", "63k", "1025G", "64MB", "64 M", "1.5M", "-64M", "M", "1T"),
        )

    def test_bitrate(self) -> None:
        """Bitrates have units of 1000, as FFmpeg's."""
        for text, expected in (
            ("0", 0),
            ("64000", 64_000),
            ("64k", 64_000),
            ("2.5M", 2_500_000),
            ("1g", 10**9),
        ):
            self.assertEqual(parse_bitrate("opt", text), expected)
        self.refuses(
            parse_bitrate,
            "a number of bits per second, such as 500k, 8M or 2.5M; 0: no limit",
            *("", "-1", "x", "M", ".5M", "1T", "2000G", "1e6", "nan"),
        )

    def test_text(self) -> None:
        """Text is anything but nothing."""
        self.assertEqual(parse_text("opt", " "), " ")
        self.assertRaises(ConfigError, parse_text, "opt", "")

    @given(st.text(max_size=12))
    @fast
    def test_anything(self, text: str) -> None:
        """Whatever is typed is a value within its bounds, or a L{ConfigError} that quotes it."""
        parsers: tuple[Callable[[str, str], float], ...] = (
            parse_seconds,
            parse_rate,
            parse_count,
            parse_size,
            parse_bitrate,
        )
        for parse in parsers:
            try:
                value = parse("opt", text)
            except ConfigError as error:
                self.assertIn(repr(text), str(error))
            else:
                self.assertTrue(math.isfinite(value) and 0 <= value <= 1 << 40)

    def test_server_names(self) -> None:
        """A server's name is a host's, without anything beside it."""
        for text in ("tv.example", "TV.Example.", "tv", "xn--bcher-kva.example", "a_b.example"):
            found = parse_server_name("opt", text)
            self.assertEqual(found, text.lower().removesuffix("."))
        for text in ("", ".", "tv.example:8080", "http://tv.example", "tv..example", "tv example"):
            error = self.assertRaises(ConfigError, parse_server_name, "opt", text)
            self.assertIn(repr(text), str(error))

    def test_record(self) -> None:
        """A recording's name may have the words of a date in it; its folder is called as it is."""
        for good in ("film.mkv", "/a/b/cam-%Y%m%d-%H%M%S.mkv", "100%%.mkv", "-", "/50%/q%q/a.mkv"):
            self.assertEqual(parse_record("opt", good), good)
        for bad in ("100%.mkv", "%", "%q.mkv", "%Y/%.mkv", "film%-d.mkv"):
            error = self.assertRaises(ConfigError, parse_record, "opt", bad)
            self.assertIn(repr(bad), str(error))

    def test_limit(self) -> None:
        """A limit in bytes is a size, or 0 for none."""
        self.assertEqual(parse_limit("opt", "0"), 0)
        self.assertEqual(parse_limit("opt", "1G"), 1 << 30)
        self.assertRaises(ConfigError, parse_limit, "opt", "10")


class IsolationTests(SynchronousTestCase):
    """The places where an input is read."""

    def test_words(self) -> None:
        """There are two places, and one of them is on Linux only."""
        self.assertEqual(parse_isolation("isolation", "thread"), "thread")
        self.assertEqual(parse_isolation("isolation", "process", "linux"), "process")
        with self.assertRaisesRegex(ConfigError, "Linux only"):
            parse_isolation("isolation", "process", "darwin")
        with self.assertRaisesRegex(ConfigError, "thread or process"):
            parse_isolation("isolation", "moon")
