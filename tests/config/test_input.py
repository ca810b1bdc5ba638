"""The forms of an input, and what happens at its end."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import (
    INPUT,
    INPUT_FORMS,
    AtEnd,
    Form,
    Input,
    parse_at_end,
    parse_fallback,
    parse_input,
)
from mkvtwist.config.values import ConfigError

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
            ("push", Form.PUSH),
            ("http", Form.PUSH),
            ("./push", Form.FILE),
            ("rtmp:1935", Form.RTMP),
            ("rtmps:1936:privateKey=key.pem", Form.RTMP),
            ("rtmp://host/live", Form.URL),
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
            ("exec:ffmpeg -i rtsp://cam/live -f nut -", Form.EXEC),
            ("./exec:", Form.FILE),
            ("camera.sdp", Form.SDP),
            ("/etc/tv/Camera.SDP", Form.SDP),
            (".sdp", Form.FILE),
            ("camera.sdp.mkv", Form.FILE),
            ("http://host/camera.sdp", Form.URL),
            ("exec:cat camera.sdp", Form.EXEC),
            ("ssl:443:privateKey=key.pem", Form.ENDPOINT),
            ("systemd:domain=INET:index=0", Form.ENDPOINT),
        ):
            self.assertEqual(parse_input("opt", text), Input(form, text), text)

    def test_forms_are_told(self) -> None:
        """The forms that the help shows are those that are understood."""
        for form in Form:
            self.assertIs(parse_input("opt", form.example).form, form)
            self.assertIn(f"{form.example} ", INPUT_FORMS)

    def test_empty(self) -> None:
        """An empty input is answered with the forms."""
        error = self.assertRaises(ConfigError, parse_input, "opt", "")
        for line in INPUT_FORMS.splitlines():
            self.assertIn(" ".join(line.split()), str(error))

    def test_masked(self) -> None:
        """Masked URLs are told from real ones, with a secret or without."""
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
        error = self.assertRaises(ConfigError, parse_input, "opt", "http://[::1/live.mkv")
        self.assertEqual(
            str(error),
            "opt: 'http://[::1/live.mkv' is not a URL: look at the host's name or address",
        )

    def test_command(self) -> None:
        """A command is split as a shell splits it, and nothing in it is expanded."""
        for text, command in (
            ("exec:camera -o -", ("camera", "-o", "-")),
            ("exec: camera  ", ("camera",)),
            ("exec:sh -c 'a | b \"$C\"'", ("sh", "-c", 'a | b "$C"')),
            ("exec:a\\ b $HOME *", ("a b", "$HOME", "*")),
        ):
            self.assertEqual(parse_input("opt", text).command, command)
        for text, why in (
            ("exec:", "a program; write exec:COMMAND, such as exec:rpicam-vid -o -"),
            ("exec:  ", "a program; write exec:COMMAND, such as exec:rpicam-vid -o -"),
            ("exec:'' x", "a program; write exec:COMMAND, such as exec:rpicam-vid -o -"),
            ("exec:sh -c 'x", "a command: no closing quotation"),
        ):
            error = self.assertRaises(ConfigError, parse_input, "opt", text)
            self.assertEqual(str(error), f"opt: {text!r} is not {why}")

    def test_masked_command(self) -> None:
        """A program is shown without its arguments, which may have secrets in them."""
        shown = str(parse_input("opt", "exec:ffmpeg -i rtsp://me:s3cret@cam/ -f nut -"))
        self.assertEqual(shown, "exec:ffmpeg ...")
        self.assertTrue(parse_input("opt", shown).is_masked)
        self.assertEqual(str(parse_input("opt", "exec:./camera")), "exec:./camera")
        self.assertFalse(parse_input("opt", "exec:./camera").is_masked)

    def test_placed_command(self) -> None:
        """A program's relative path starts where those of files do; its arguments are its own."""
        for text, placed in (
            ("exec:./camera 'a b' ./x", "exec:/etc/tv/camera 'a b' ./x"),
            ("exec:camera ./x", "exec:camera ./x"),
            ("exec:/bin/camera", "exec:/bin/camera"),
        ):
            self.assertEqual(INPUT.place(parse_input("opt", text), "/etc/tv").text, placed)

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
            self.assertEqual(str(parse_input("opt", text)), expected)

    @given(st.text(st.characters(exclude_characters="@/?#[]"), max_size=8))
    @fast
    def test_secret(self, secret: str) -> None:
        """No password is ever shown, whatever it is made of."""
        try:
            source = parse_input("opt", f"rtsp://me:<{secret}>@cam/live?key=<{secret}>")
        except ConfigError:
            return
        self.assertEqual(str(source), "rtsp://me:***@cam/live?...")

    def test_fallback(self) -> None:
        """A fallback is what can be opened at any time."""
        for text, form in (
            ("x.mkv", Form.FILE),
            ("http://h/", Form.URL),
            ("exec:x", Form.EXEC),
            ("demo:", Form.DEMO),
        ):
            self.assertEqual(parse_fallback("opt", text), Input(form, text))
        for text in ("-", "tcp:1"):
            error = self.assertRaises(ConfigError, parse_fallback, "opt", text)
            self.assertEqual(
                str(error), f"opt: {text!r} is not a file, a URL, exec:COMMAND or demo:"
            )


class AtEndTests(SynchronousTestCase):
    """What happens at the end."""

    def test_default(self) -> None:
        """Each form has its own default."""
        self.assertEqual(
            {form: parse_at_end("opt", None, form) for form in Form},
            {
                Form.FILE: AtEnd.EXIT,
                Form.STDIN: AtEnd.EXIT,
                Form.ENDPOINT: AtEnd.WAIT,
                Form.PUSH: AtEnd.WAIT,
                Form.RTMP: AtEnd.WAIT,
                Form.URL: AtEnd.RETRY,
                Form.EXEC: AtEnd.RETRY,
                Form.SDP: AtEnd.RETRY,
                Form.DEMO: AtEnd.RETRY,
            },
        )

    def test_choices(self) -> None:
        """A form refuses what it cannot do, and says what it can."""
        for form in Form:
            for choice in AtEnd:
                try:
                    self.assertIs(parse_at_end("opt", choice.value, form), choice)
                except ConfigError as error:
                    said = str(error)
                    self.assertIn(repr(choice.value), said)
                    self.assertIn(form.value, said)
                    for other in said.rpartition("use ")[2].split(", "):
                        self.assertIs(parse_at_end("opt", other, form), AtEnd(other))
        self.assertIs(parse_at_end("opt", "loop", Form.FILE), AtEnd.LOOP)
        for text, form in (("wait", Form.FILE), ("loop", Form.STDIN), ("", Form.URL)):
            self.assertRaises(ConfigError, parse_at_end, "opt", text, form)
