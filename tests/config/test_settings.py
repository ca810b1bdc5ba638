"""Each setting: its good values, and what is said of the bad ones."""

import math
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config import settings as config
from mkvtwist.config.settings import (
    INPUT_FORMS,
    AtEnd,
    Config,
    ConfigError,
    Form,
    Input,
    StreamConfig,
)

fast = settings(max_examples=200)


class InputTests(SynchronousTestCase):
    """The forms of an input."""

    def test_forms(self) -> None:
        """An input is told by its looks."""
        for text, form in (
            ("-", Form.STDIN),
            ("demo:", Form.DEMO),
            ("film.mkv", Form.FILE),
            ("/path/to/film.mkv", Form.FILE),
            ("./-", Form.FILE),
            ("tcp", Form.FILE),
            ("demo", Form.FILE),
            ("http", Form.HTTP),
            ("./http", Form.FILE),
            ("C:\\film.mkv", Form.FILE),
            ("a: film about tcp:1", Form.FILE),
            ("://", Form.FILE),
            ("http://host/path", Form.URL),
            ("rtmp://0.0.0.0/live?listen=1", Form.URL),
            ("udp://239.0.0.1:1234", Form.URL),
            ("tcp://host:1234", Form.URL),
            ("unix://path", Form.URL),
            ("rtsp://[::1]:554/x", Form.URL),
            ("tcp:12345", Form.ENDPOINT),
            ("tcp6:12345", Form.ENDPOINT),
            ("tcp:12345:interface=127.0.0.1", Form.ENDPOINT),
            ("unix:/run/feed.sock", Form.ENDPOINT),
            ("ssl:443:privateKey=key.pem", Form.ENDPOINT),
            ("systemd:domain=INET:index=0", Form.ENDPOINT),
        ):
            self.assertEqual(config.parse_input("opt", text), Input(form, text), text)

    def test_forms_are_told(self) -> None:
        """The forms that the help shows are those that are understood."""
        shown = [line.split()[0] for line in INPUT_FORMS.splitlines()]
        found = [config.parse_input("opt", text).form for text in shown]
        self.assertEqual(
            found, [Form.FILE, Form.STDIN, Form.URL, Form.ENDPOINT, Form.HTTP, Form.DEMO]
        )

    def test_empty(self) -> None:
        """An empty input is answered with the forms."""
        error = self.assertRaises(ConfigError, config.parse_input, "opt", "")
        for line in INPUT_FORMS.splitlines():
            self.assertIn(" ".join(line.split()), str(error))

    def test_record(self) -> None:
        """A recording's name may have the words of a date in it; its folder is called as it is."""
        for good in ("film.mkv", "/a/b/cam-%Y%m%d-%H%M%S.mkv", "100%%.mkv", "-", "/50%/q%q/a.mkv"):
            self.assertEqual(config.parse_record("opt", good), good)
        for bad in ("100%.mkv", "%", "%q.mkv", "%Y/%.mkv", "film%-d.mkv"):
            error = self.assertRaises(ConfigError, config.parse_record, "opt", bad)
            self.assertIn(repr(bad), str(error))

    def test_limit(self) -> None:
        """A limit in bytes is a size, or 0 for none."""
        self.assertEqual(config.parse_limit("opt", "0"), 0)
        self.assertEqual(config.parse_limit("opt", "1G"), 1 << 30)
        self.assertRaises(ConfigError, config.parse_limit, "opt", "10")

    def test_masked(self) -> None:
        """What is shown in place of a URL is told from one, with a secret or without."""
        for text, masked in (
            ("http://me:***@host/", True),
            ("http://me:secret@host/?...", True),
            ("http://me:****@host/?k=...", False),
            ("http://***@host/...", False),
            ("http://host/", False),
        ):
            self.assertEqual(Input(Form.URL, text).is_masked, masked, text)
        self.assertFalse(Input(Form.FILE, "/a/b?...").is_masked)

    def test_broken_url(self) -> None:
        """A URL that cannot be taken apart is refused before anybody has to show it."""
        error = self.assertRaises(ConfigError, config.parse_input, "opt", "http://[::1/live.mkv")
        self.assertEqual(
            str(error),
            "opt: 'http://[::1/live.mkv' is not a URL: look at the host's name or address",
        )

    def test_shown(self) -> None:
        """Whatever is shown to anybody has no password and no query."""
        for text, expected in (
            ("film.mkv", "film.mkv"),
            ("tcp:12345", "tcp:12345"),
            ("-", "standard input"),
            ("demo:", "demo:"),
            ("http://host:80/path", "http://host:80/path"),
            ("rtsp://me@cam/live", "rtsp://me@cam/live"),
            ("rtsp://me:s3cret@cam:554/live", "rtsp://me:***@cam:554/live"),
            ("rtsp://:s3cret@cam/live", "rtsp://:***@cam/live"),
            ("rtsp://me:@cam/live", "rtsp://me:***@cam/live"),
            ("rtsp://me:s3@cret@cam/live#s3cret", "rtsp://me:***@cam/live"),
            ("srt://host:1?passphrase=s3cret", "srt://host:1?..."),
            ("http://u:s3cret@[::1]:8/p?t=s3cret#s3cret", "http://u:***@[::1]:8/p?..."),
        ):
            self.assertEqual(str(config.parse_input("opt", text)), expected)

    @given(st.text(st.characters(exclude_characters="@/?#[]"), max_size=8))
    @fast
    def test_secret(self, secret: str) -> None:
        """No password is ever shown, whatever it is made of."""
        try:
            source = config.parse_input("opt", f"rtsp://me:<{secret}>@cam/live?key=<{secret}>")
        except ConfigError:
            return
        self.assertEqual(str(source), "rtsp://me:***@cam/live?...")


class AtEndTests(SynchronousTestCase):
    """What happens at the end."""

    def test_default(self) -> None:
        """Each form has its own default."""
        self.assertEqual(
            {form: config.parse_at_end("opt", None, form) for form in Form},
            {
                Form.FILE: AtEnd.EXIT,
                Form.STDIN: AtEnd.EXIT,
                Form.ENDPOINT: AtEnd.WAIT,
                Form.HTTP: AtEnd.WAIT,
                Form.URL: AtEnd.RETRY,
                Form.DEMO: AtEnd.RETRY,
            },
        )

    def test_choices(self) -> None:
        """A form refuses what it cannot do, and says what it can."""
        for form in Form:
            for choice in AtEnd:
                try:
                    self.assertIs(config.parse_at_end("opt", choice.value, form), choice)
                except ConfigError as error:
                    said = str(error)
                    self.assertIn(repr(choice.value), said)
                    self.assertIn(form.value, said)
                    for other in said.rpartition("use ")[2].split(", "):
                        self.assertIs(config.parse_at_end("opt", other, form), AtEnd(other))
        self.assertIs(config.parse_at_end("opt", "loop", Form.FILE), AtEnd.LOOP)
        for text, form in (("wait", Form.FILE), ("loop", Form.STDIN), ("", Form.URL)):
            self.assertRaises(ConfigError, config.parse_at_end, "opt", text, form)


class ValueTests(SynchronousTestCase):
    """Names, numbers and units."""

    def refuses(self, parse: Callable[[str, str], object], allowed: str, *texts: str) -> None:
        """Each is refused with the option, the value and what is allowed."""
        for text in texts:
            error = self.assertRaises(ConfigError, parse, "opt", text)
            self.assertEqual(str(error), f"opt: {text!r} is not {allowed}")

    def test_name(self) -> None:
        """A name is what a URL can have, and the server does not use itself."""
        for text in ("live", "a", "0", "_x", "-", "Film.2", "a.b-c_d", "x" * 64, "status2"):
            self.assertEqual(config.parse_name("opt", text), text)
        self.refuses(
            config.parse_name,
            "up to 64 letters, digits, '-', '_' and '.', not beginning with '.'",
            *("", ".", ".x", "a/b", "a b", "ä", "x" * 65, "a\n", "%41", ".."),
        )
        for text in (
            *("status", "metrics", "publish", "manifest", "status-json.xsl"),
            *("live.mkv", "a.webm", "x.mp4", "x.m3u8", "x.vtt", "x.ts", "x.jpg", "a.b.mkv"),
            *("x.flv", "x.mp3", "x.aac", "x.ogg", "x.flac", "x.m3u", "x.pls", "x.mpd"),
        ):
            error = self.assertRaises(ConfigError, config.parse_name, "opt", text)
            self.assertIn(f"{text!r} is reserved", str(error))

    def test_seconds(self) -> None:
        """Seconds take fractions, from 0 to a day."""
        for text, expected in (("0", 0), ("2", 2), ("0.5", 0.5), (".25", 0.25), ("86400", 86400)):
            self.assertEqual(config.parse_seconds("opt", text), expected)
        self.refuses(
            config.parse_seconds,
            "a number of seconds from 0 to 86400",
            *("", "x", "2s", "-1", "-0.1", "86400.1", "nan", "inf", "-inf", "1e999", "1,5", "0x1"),
        )

    def test_seconds_bounds(self) -> None:
        """Bounds may be others, and are said."""
        self.assertEqual(config.parse_seconds("opt", "1", least=1.0, most=2.5), 1)
        error = self.assertRaises(
            ConfigError, config.parse_seconds, "opt", "0.9", least=1.0, most=2.5
        )
        self.assertEqual(str(error), "opt: '0.9' is not a number of seconds from 1 to 2.5")

    def test_rate(self) -> None:
        """A rate is a multiple of real time."""
        for text, expected in (("0", 0), ("1", 1), ("0.5", 0.5), ("1000", 1000)):
            self.assertEqual(config.parse_rate("opt", text), expected)
        self.refuses(
            config.parse_rate,
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
            self.assertEqual(config.parse_frame_rate("opt", text), expected)
        self.refuses(
            config.parse_frame_rate,
            "from 0.001 to 1000 pictures a second, such as 29.97 or 30000/1001; or 0",
            *("", "ntsc", "-1", "1001", "nan", "25/0", "1/", "2000/1", "1e-9"),
        )

    def test_program(self) -> None:
        """A programme is a number of 16 bits."""
        for text, expected in (("0", 0), ("2", 2), ("65535", 65535)):
            self.assertEqual(config.parse_program("opt", text), expected)
        self.refuses(
            config.parse_program,
            "the number of a programme, from 1 to 65535; 0: the first with video",
            *("", "news", "-1", "65536", "1.5"),
        )

    def test_count(self) -> None:
        """A count is a whole number."""
        for text, expected in (("0", 0), ("7", 7), ("007", 7), ("999999999", 999999999)):
            self.assertEqual(config.parse_count("opt", text), expected)
        self.refuses(
            config.parse_count,
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
            self.assertEqual(config.parse_size("opt", text), expected)
        self.refuses(
            config.parse_size,
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
            self.assertEqual(config.parse_bitrate("opt", text), expected)
        self.refuses(
            config.parse_bitrate,
            "a number of bits per second, such as 500k, 8M or 2.5M; 0: no limit",
            *("", "-1", "x", "M", ".5M", "1T", "2000G", "1e6", "nan"),
        )

    def test_fallback(self) -> None:
        """A fallback is what can be opened at any time."""
        for text, form in (("x.mkv", Form.FILE), ("http://h/", Form.URL), ("demo:", Form.DEMO)):
            self.assertEqual(config.parse_fallback("opt", text), Input(form, text))
        self.refuses(config.parse_fallback, "a file, a URL or demo:", "-", "tcp:1")

    def test_text(self) -> None:
        """Text is anything but nothing."""
        self.assertEqual(config.parse_text("opt", " "), " ")
        self.assertRaises(ConfigError, config.parse_text, "opt", "")

    @given(st.text(max_size=12))
    @fast
    def test_anything(self, text: str) -> None:
        """Whatever is typed is a value within its bounds, or a L{ConfigError} that quotes it."""
        parsers: tuple[Callable[[str, str], float], ...] = (
            config.parse_seconds,
            config.parse_rate,
            config.parse_count,
            config.parse_size,
            config.parse_bitrate,
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
            found = config.parse_server_name("opt", text)
            self.assertEqual(found, text.lower().removesuffix("."))
        for text in ("", ".", "tv.example:8080", "http://tv.example", "tv..example", "tv example"):
            error = self.assertRaises(ConfigError, config.parse_server_name, "opt", text)
            self.assertIn(repr(text), str(error))


class ConfigTests(SynchronousTestCase):
    """The whole of it."""

    def test_defaults(self) -> None:
        """What is not said is as the reference says."""
        stream = StreamConfig(Input(Form.FILE, "film.mkv"))
        self.assertEqual(
            (stream.name, stream.burst, stream.buffer, stream.buffer_bytes, stream.whole_segments),
            ("live", 2, 30, 64 << 20, False),
        )
        self.assertEqual(
            (stream.readrate, stream.readrate_initial_burst, stream.at_end, stream.record),
            (1, 30, AtEnd.EXIT, None),
        )
        self.assertEqual((stream.max_clients, stream.client_timeout), (0, 30))
        self.assertEqual(Config((stream,)).listen, ("tcp6:8080",))
