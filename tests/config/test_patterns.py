"""Patterns of names, and the settings of the streams that are made of them."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.document import CommandLine, configure, describe
from mkvtwist.config.input import parse_input
from mkvtwist.config.names import is_name
from mkvtwist.config.patterns import Patterns
from mkvtwist.config.settings import StreamConfig


def pattern(name: str, source: str = "push", **settings: Any) -> StreamConfig:
    """A pattern with this input."""
    return StreamConfig(parse_input("input", source), name=name, **settings)


class PatternsTests(SynchronousTestCase):
    """L{Patterns}."""

    def made_of(self, patterns: Patterns, name: str) -> str | None:
        """The pattern that a name fits."""
        config = patterns.settings(name)
        return None if config is None else config.pattern

    def test_fits(self) -> None:
        """C{*} stands for any characters but dots, none included."""
        for name, fitting, others in (
            (
                "cam-*",
                ("cam-", "cam-1", "cam-*".replace("*", "x" * 60)),
                ("cam", "cam-1.x", "xcam-1"),
            ),
            ("*", ("a", "A_b-c"), ("a.b", "")),
            ("*.*", ("a.b",), ("a", "a.b.c")),
            ("a*b*c", ("abc", "axbxbxc"), ("ab", "acb", "abcd")),
        ):
            patterns = Patterns([pattern(name)])
            for fits in fitting:
                self.assertEqual(self.made_of(patterns, fits), name, fits)
            for other in others:
                self.assertIsNone(self.made_of(patterns, other), other)

    def test_impossible(self) -> None:
        """No stream has a name that is none, is reserved, or could be a program's option."""
        patterns = Patterns([pattern("*"), pattern("*.*"), pattern("-*")])
        for name in ("-x", "--help", "status", "api", "x.mkv", "a/b", "a b", "ä", "x" * 65, ".a"):
            self.assertIsNone(patterns.settings(name), name)

    def test_specific(self) -> None:
        """The pattern with the most characters wins; of those with as many, the first."""
        names = ("*", "cam-*", "*-door", "cam-*-1", "c*")
        patterns = Patterns(map(pattern, names))
        for name, winner in (
            ("x", "*"),
            ("cat", "c*"),
            ("cam-x", "cam-*"),
            ("back-door", "*-door"),
            ("cam-door", "*-door"),
            ("cam-x-1", "cam-*-1"),
        ):
            self.assertEqual(self.made_of(patterns, name), winner)
        self.assertEqual(tuple(patterns.configs), names)
        self.assertEqual(self.made_of(Patterns(map(pattern, ("a*b", "a*", "*b"))), "ab"), "a*b")
        self.assertEqual(self.made_of(Patterns(map(pattern, ("*b", "a*"))), "ab"), "*b")

    @given(st.lists(st.text("ab.", max_size=3), min_size=2, max_size=20), st.text("ab."))
    def test_any(self, parts: list[str], name: str) -> None:
        """A name fits a pattern if there are texts without dots to replace its stars with."""
        fits = re.fullmatch("[^.]*".join(map(re.escape, parts)), name) is not None
        settings = Patterns([pattern("*".join(parts))]).settings(name)
        self.assertEqual(settings is not None, fits and is_name(name))

    def test_many_stars(self) -> None:
        """A pattern of many stars is tried at each place of a name once."""
        self.assertIsNone(self.made_of(Patterns([pattern("*a" * 31 + "*b")]), "a" * 64))

    def test_settings(self) -> None:
        """The stream's name stands wherever C{{name}} stood; the stream is optional."""
        fallback = (parse_input("f", "http://b/{name}.mkv"), parse_input("f", "pause.mkv"))
        patterns = Patterns(
            [
                pattern(
                    "*",
                    "http://a/{name}.mkv?x={name}",
                    fallback=fallback,
                    record="/rec/{name}-%Y.mkv",
                    title="Camera {name}",
                    input_options={"headers": "X-Camera: {name}", "timeout": 1},
                    on_demand=True,
                    linger=3.0,
                )
            ]
        )
        config = patterns.settings("cam-1")
        assert config is not None
        self.assertEqual((config.name, config.pattern, config.optional), ("cam-1", "*", True))
        self.assertEqual(config.input.text, "http://a/cam-1.mkv?x=cam-1")
        texts = [one.text for one in config.fallbacks]
        self.assertEqual(texts, ["http://b/cam-1.mkv", "pause.mkv"])
        self.assertEqual((config.record, config.title), ("/rec/cam-1-%Y.mkv", "Camera cam-1"))
        options = {"headers": "X-Camera: cam-1", "timeout": "1"}
        self.assertEqual(config.input_options.table(secrets=True), options)
        self.assertEqual((config.linger, config.on_demand), (3.0, True))
        self.assertTrue(is_name(config.name))


class DocumentTests(SynchronousTestCase):
    """Patterns in a file."""

    def problems(self, **settings: Any) -> list[str]:
        """The mistakes of a pattern with these settings."""
        document = {"streams": {"cam-*": settings}}
        config, problems = configure(document, CommandLine("/srv", "tv.toml"))
        if not problems:
            (stream,) = config.streams
            self.assertTrue(stream.is_pattern)
        return problems

    def test_inputs(self) -> None:
        """A pattern has the input C{push}, or one that is opened on demand."""
        for source in ("http://origin/{name}.mkv", "films/{name}.mkv", "demo:"):
            self.assertEqual(self.problems(input=source, on_demand=True), [])
            (line,) = self.problems(input=source)
            self.assertIn("streams.cam-*.input: a pattern's input is opened when somebody", line)
        self.assertEqual(self.problems(input="push"), [])
        for source in ("tcp:12345", "-"):
            (line,) = self.problems(input=source)
            self.assertIn("streams.cam-*.input: not possible for a pattern", line)

    def test_described(self) -> None:
        """C{--check} tells a pattern from a stream."""
        document = {"listen": ["tcp:0"], "streams": {"cam-*": {"input": "push"}}}
        config, _ = configure(document, CommandLine("/srv", "tv.toml"))
        self.assertEqual(list(describe(config))[-1], "streams cam-*: push, at the end wait")
