"""The file that C{--sample} shows."""

import re

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.declaration import Where
from mkvtwist.config.document import CommandLine, configure, parse_document
from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.sample import sample
from mkvtwist.config.settings import SERVER_SETTINGS, STREAM_SETTINGS, Config, StreamConfig


class SampleTests(SynchronousTestCase):
    """L{sample}."""

    def config(self, text: str) -> Config:
        """The configuration of a file without mistakes."""
        document = parse_document(text.encode(), "x.toml")
        config, problems = configure(document, CommandLine("/here", "x.toml"))
        self.assertEqual(problems, [])
        return config

    def test_as_it_is(self) -> None:
        """It has no mistakes, and what it says of the defaults is so."""
        config = self.config(sample())
        (demo,) = config.streams
        demo_input = Input(Form.DEMO, "demo:")
        self.assertEqual(demo, StreamConfig(demo_input, name="demo", at_end=AtEnd.RETRY))
        self.assertEqual(config, Config((demo,)))

    def test_all_of_it(self) -> None:
        """With what is commented out it has no mistakes either, and every setting is in it."""
        whole = re.sub(r"^#(?=[\[a-z])", "", sample(), flags=re.MULTILINE)
        # Options of libavformat are those of a URL or a file.
        whole = whole.replace('input = "demo:"', 'input = "rtsp://camera.example/"')
        self.assertGreater(len(self.config(whole).streams), 3)
        found = set(re.findall(r"^(\w+) = ", whole, re.MULTILINE))
        self.assertEqual(found, {*SERVER_SETTINGS, *STREAM_SETTINGS})

    def test_own(self) -> None:
        """A setting that each stream has its own of is not among the defaults."""
        defaults = sample().partition("\n[defaults]")[2].partition("\n[")[0]
        found = set(re.findall(r"^#?(\w+) = ", defaults, re.MULTILINE))
        self.assertTrue(found)
        for key in found:
            self.assertIn(Where.DEFAULTS, STREAM_SETTINGS[key].where, key)

    def test_width(self) -> None:
        """No line is longer than an editor shows."""
        self.assertLessEqual(max(map(len, sample().splitlines())), 100)
