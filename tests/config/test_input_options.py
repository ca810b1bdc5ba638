"""Options of libavformat: which there are, for which input, and what is shown of them."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import parse_input
from mkvtwist.config.input_options import (
    INPUT_OPTIONS,
    InputOptions,
    check_options,
    parse_option,
    parse_options,
)
from mkvtwist.config.settings import StreamConfig
from mkvtwist.config.values import ConfigError


class InputOptionsTests(SynchronousTestCase):
    """Options as users write them."""

    def problem(self, table: dict[str, Any]) -> str:
        """The mistake in an option."""
        return str(self.assertRaises(ConfigError, parse_options, "opt", table))

    def test_option(self) -> None:
        """On the command line the name ends at the first equals sign."""
        options = parse_option("opt", "headers=X-Key: a=b")
        self.assertEqual(options, InputOptions((("headers", "X-Key: a=b"),)))
        for text in ("rtsp_transport", "=tcp", ""):
            error = self.assertRaises(ConfigError, parse_option, "opt", text)
            self.assertIn("is not KEY=VALUE, such as rtsp_transport=tcp", str(error))

    def test_repeated(self) -> None:
        """Several options are one value; the last value of an option holds."""
        given = [parse_option("opt", text) for text in ("timeout=1", "ttl=2", "timeout=3")]
        self.assertEqual(
            INPUT_OPTIONS.collected(given).table(secrets=True), {"timeout": "3", "ttl": "2"}
        )

    def test_table(self) -> None:
        """In a file a value is text, a number, true or false."""
        options = parse_options("opt", {"timeout": 5000000, "icy": False, "headers": "a: b\r\n"})
        self.assertEqual(
            options.table(secrets=True), {"headers": "a: b\r\n", "icy": "0", "timeout": "5000000"}
        )
        values: tuple[Any, ...] = ([], {}, "", None, "a\0b")
        for value in values:
            self.assertIn("its value is not text", self.problem({"timeout": value}))

    def test_unknown(self) -> None:
        """An option that libavformat would ignore is a mistake."""
        self.assertEqual(
            self.problem({"rtsp_transprt": "tcp"}),
            "opt: 'rtsp_transprt': an input of libavformat has no such option; did you mean"
            " rtsp_transport?",
        )
        self.assertEqual(
            self.problem({"?": "1", "safe": "0"}).splitlines(),
            [
                "opt: '?': an input of libavformat has no such option",
                "opt: 'safe': not possible: mkvtwist decides what an input may open beside itself",
            ],
        )

    def test_reach(self) -> None:
        """No option widens what an input may open beside itself."""
        for key in (
            *("protocol_whitelist", "protocol_blacklist", "format_whitelist", "max_redirects"),
            *("enable_drefs", "use_absolute_path", "safe", "seg_format_options"),
        ):
            self.assertIn("mkvtwist decides what an input may open", self.problem({key: "x"}))
        for value in ("+custom_io", 4):
            self.assertIn("custom_io is not possible", self.problem({"sdp_flags": value}))

    def test_listen(self) -> None:
        """That libavformat listens is said by the URL, which the stream's state depends on."""
        flags = ("listen", "prefer_tcp+listen", "2", 2, "+0x2", "all")
        for key, value in (
            *(("listen", 1), ("listen_timeout", 9)),
            *(("rtsp_flags", flag) for flag in flags),
        ):
            self.assertIn("?listen=1 at the end of the URL", self.problem({key: value}))

    def test_flags(self) -> None:
        """Flags are added to those that are set already."""
        for given, made in (
            ("nobuffer", "+nobuffer"),
            ("+nobuffer+igndts", "+nobuffer+igndts"),
            ("-genpts", "-genpts"),
        ):
            options = parse_options("opt", {"fflags": given})
            self.assertEqual(options.table(secrets=True), {"fflags": made})

    def test_masked(self) -> None:
        """Values that may be secret are masked, and the mask is not taken for a value."""
        options = parse_options("opt", {"headers": "Authorization: s3cret", "timeout": 1})
        self.assertEqual(str(options), "headers=***, timeout=1")
        self.assertEqual(options.table(secrets=False), {"headers": "***", "timeout": "1"})
        self.assertNotIn("s3cret", self.problem({"headers": "s3cret", "no": 1}))
        self.assertEqual(
            self.problem({"headers": "***"}),
            "opt: 'headers': give the value itself: what is shown is masked",
        )

    def test_input(self) -> None:
        """An option is one of the input's container or protocol."""
        for text, table in (
            ("rtsp://cam/", {"rtsp_transport": "tcp", "reorder_queue_size": 9, "tls_verify": 1}),
            ("rtsp://cam/", {"rtsp_flags": "+prefer_tcp-filter_src"}),
            ("http://host/x", {"headers": "a: b", "timeout": 1, "live_start_index": -1}),
            ("udp://239.0.0.1:1", {"fifo_size": 1, "probesize": 1}),
            ("film.mkv", {"probesize": 1}),
            ("film.sdp", {"reorder_queue_size": 1}),
            ("crypto+http://host/x", {"key": "00", "headers": "a: b"}),
        ):
            check_options("opt", parse_options("opt", table), parse_input("input", text))
        for text, key, why in (
            ("http://host/x", "rtsp_transport", "'rtsp_transport': http has no such option"),
            ("film.mkv", "headers", "'headers': a file has no such option"),
            ("https://host/x", "key", "'key': https has no such option"),
            ("push", "probesize", "not possible for push input; only for files and URLs"),
            ("exec:x", "probesize", "not possible for program input; only for files and URLs"),
        ):
            options = parse_options("opt", {key: "1"})
            error = self.assertRaises(
                ConfigError, check_options, "opt", options, parse_input("input", text)
            )
            self.assertEqual(str(error), f"opt: {why}")

    def test_stream(self) -> None:
        """A program that embeds a stream gives options as a dictionary."""
        config = StreamConfig("rtsp://cam/", input_options={"rtsp_transport": "tcp"})
        self.assertEqual(str(config.input_options), "rtsp_transport=tcp")
        self.assertRaises(ConfigError, StreamConfig, "demo:", input_options={"probesize": 1})
