"""Settings: their defaults, and their declarations."""

import re
from dataclasses import fields

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.declaration import Where
from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.settings import (
    OPTIONS,
    SERVER_SETTINGS,
    STREAM_SETTINGS,
    Config,
    StreamConfig,
    change_at_once,
    changes,
)


class ConfigTests(SynchronousTestCase):
    """The defaults."""

    def test_defaults(self) -> None:
        """Defaults are as the reference says."""
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


class DeclarationTests(SynchronousTestCase):
    """What the declarations say, which help, sample, tables and schema are made from."""

    every = (*OPTIONS, *SERVER_SETTINGS.values(), *STREAM_SETTINGS.values())

    def test_all(self) -> None:
        """Each field is declared, and stands somewhere."""
        streams = {one.attribute for one in (*STREAM_SETTINGS.values(), *OPTIONS)}
        self.assertLessEqual({field.name for field in fields(StreamConfig)}, streams)
        server = {one.attribute for one in SERVER_SETTINGS.values()}
        self.assertEqual({field.name for field in fields(Config)} - {"streams"}, server)

    def test_names(self) -> None:
        """No two options have one name, nor one letter, nor two settings one key."""
        for names in (
            [option.option for option in OPTIONS],
            [option.short for option in OPTIONS if option.short],
            [*SERVER_SETTINGS, *STREAM_SETTINGS],
        ):
            self.assertEqual(len(names), len(set(names)))

    def test_keys(self) -> None:
        """Each key is an option, too, but for tables and addresses."""
        keys = {one.key for one in self.every if Where.OPTION not in one.where}
        self.assertEqual(keys, {"status", "trusted_proxies"})
        renamed = {one.key: one.option for one in OPTIONS}
        differ = {key for key, option in renamed.items() if key.replace("_", "-") != option}
        self.assertEqual(differ, {"server_names", "watch", "send"})

    def test_help(self) -> None:
        """Each setting is explained, in words that end without a full stop."""
        for one in self.every:
            for text in (one.help, one.option_help, one.reference):
                self.assertFalse(text.endswith("."), text)
                self.assertFalse(re.search(r"  |\n", text), text)
            self.assertTrue(one.help[0].isupper(), one.help)

    def test_defaults(self) -> None:
        """To say the default, as the help has it, changes nothing."""
        checked = 0
        for one in self.every:
            if one.default_text and not one.usual and not one.type.is_list:
                made = one.type.parse(one.option, one.default_text)
                self.assertEqual(made, one.default, one.key)
                checked += 1
        self.assertGreater(checked, 20)

    def test_examples(self) -> None:
        """A setting whose default cannot be written has an example for the sample."""
        for one in self.every:
            if one.default in (None, ()) and Where.FILE in one.where:
                self.assertTrue(one.example, one.key)

    def test_changes(self) -> None:
        """A running stream takes over some changes at once, together or alone."""
        stream = StreamConfig(Input(Form.DEMO, "demo:"))
        other = StreamConfig(Input(Form.DEMO, "demo:"), burst=5.0, hold=1.0)
        self.assertEqual(changes(stream, stream), set())
        self.assertEqual(changes(stream, other), {"burst", "hold"})
        self.assertTrue(change_at_once({"burst", "hold"}))
        self.assertFalse(change_at_once({"burst", "buffer"}))
