"""Settings: their defaults, and their declarations."""

import re
from dataclasses import fields
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.declaration import Where
from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import (
    OPTIONS,
    SERVER_SETTINGS,
    STREAM_SETTINGS,
    Config,
    StreamConfig,
    change_at_once,
    changes,
)
from mkvtwist.config.values import ConfigError


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


class CodeTests(SynchronousTestCase):
    """Configurations that a program makes."""

    def test_text(self) -> None:
        """Each value may be text, as on the command line; a file may be a path."""
        config = StreamConfig(
            Path("film.mkv"),
            name="film",
            at_end="loop",
            fallback=["demo:", Path("pause.mkv")],
            record=Path("kept.mkv"),
            max_bitrate="8M",
            frame_rate="30000/1001",
            send="send.tokens",
        )
        self.assertEqual(
            config,
            StreamConfig(
                Input(Form.FILE, "film.mkv"),
                name="film",
                at_end=AtEnd.LOOP,
                fallback=(Input(Form.DEMO, "demo:"), Input(Form.FILE, "pause.mkv")),
                record="kept.mkv",
                max_bitrate=8_000_000,
                frame_rate=30000 / 1001,
                send=AccessRule(token_file="send.tokens"),  # noqa: S106 - a file's name
            ),
        )

    def test_at_end(self) -> None:
        """The action at the end is that of the input's form, also without a word about it."""
        for text, at_end in (
            ("film.mkv", AtEnd.EXIT),
            ("demo:", AtEnd.RETRY),
            ("push", AtEnd.WAIT),
        ):
            self.assertIs(StreamConfig(text).at_end, at_end)

    def test_mistakes(self) -> None:
        """All values that cannot be used are told at once."""
        given = {"burst": -1, "takeover": "yes", "buffer": True, "record": 3, "at_end": 5}
        error = self.assertRaises(ConfigError, StreamConfig, "push", **given)
        self.assertEqual(
            sorted(error.args),
            [
                "at_end: 5 is not text in quotes",
                "buffer: True is not a number",
                "burst: '-1' is not a number of seconds from 0 to 86400",
                "record: 3 is not text in quotes",
                "takeover: 'yes' is not true or false",
            ],
        )

    def test_several(self) -> None:
        """Several values, or a table, are a mistake where one value is meant."""
        given = {"burst": [1, 2], "record": ("a.mkv",), "send": {"token_file": "send.tokens"}}
        error = self.assertRaises(ConfigError, StreamConfig, "push", **given)
        self.assertEqual(
            sorted(error.args),
            [
                "burst: a list cannot be used; give a single value, or its text",
                "record: a tuple cannot be used; give a single value, or its text",
                "send: a dict cannot be used; give a single value, or its text",
            ],
        )

    def test_what_does_not_fit(self) -> None:
        """A setting that the input's form does not have is a mistake, in code as elsewhere."""
        for settings, said in (
            ({"at_end": "loop"}, "at_end: 'loop' is not possible for push input; use wait, exit"),
            ({"at_end": AtEnd.LOOP}, "at_end: 'loop' is not possible for push input"),
            ({"on_demand": True}, "on_demand: not possible for push input"),
        ):
            error = self.assertRaises(ConfigError, StreamConfig, "push", **settings)
            self.assertIn(said, str(error))
        self.assertRaises(ConfigError, StreamConfig, None)
        error = self.assertRaises(ConfigError, StreamConfig, "film.mkv", name="*")
        self.assertIn("input: a pattern's input is opened when somebody watches", str(error))


class DeclarationTests(SynchronousTestCase):
    """What the declarations say, which help, sample, tables and schema are made from."""

    every = (*OPTIONS, *SERVER_SETTINGS.values(), *STREAM_SETTINGS.values())

    def test_all(self) -> None:
        """Each field is declared, and stands somewhere; a stream's pattern is no setting."""
        streams = {one.attribute for one in (*STREAM_SETTINGS.values(), *OPTIONS)} | {"pattern"}
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
        self.assertEqual(differ, {"server_names", "watch", "send", "input_options"})

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
