"""Names of streams."""

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.names import is_pattern, parse_name
from mkvtwist.config.values import ConfigError


class NameTests(SynchronousTestCase):
    """L{parse_name}."""

    def test_name(self) -> None:
        """A name is what a URL can have, and the server does not use itself."""
        for text in ("live", "a", "0", "_x", "-", "Film.2", "a.b-c_d", "x" * 64, "status2"):
            self.assertEqual(parse_name("opt", text), text)
        allowed = (
            "a name of up to 64 letters, digits, '-', '_' and '.', which does not begin with '.'"
        )
        for text in ("", ".", ".x", "a/b", "a b", "ä", "x" * 65, "a\n", "%41", ".."):
            error = self.assertRaises(ConfigError, parse_name, "opt", text)
            self.assertEqual(str(error), f"opt: {text!r} is not {allowed}")
        for text in (
            *("status", "metrics", "publish", "manifest", "status-json.xsl"),
            *("live.mkv", "a.webm", "x.mp4", "x.m3u8", "x.vtt", "x.ts", "x.jpg", "a.b.mkv"),
            *("x.flv", "x.mp3", "x.aac", "x.ogg", "x.flac", "x.m3u", "x.pls", "x.mpd"),
        ):
            error = self.assertRaises(ConfigError, parse_name, "opt", text)
            self.assertIn(f"{text!r} is reserved", str(error))

    def test_pattern(self) -> None:
        """A name with a star is a pattern, which consists of what names consist of."""
        for text in ("*", "cam-*", "*-1", "a.*", "*" * 64):
            self.assertEqual(parse_name("opt", text), text)
            self.assertTrue(is_pattern(text))
        for text in (".*", "a/*", "* ", "[a]*", "*" * 65):
            error = self.assertRaises(ConfigError, parse_name, "opt", text)
            self.assertIn("is not a pattern of up to 64 letters", str(error))
        self.assertRaises(ConfigError, parse_name, "opt", "*.mkv")
        self.assertFalse(is_pattern("cam"))
