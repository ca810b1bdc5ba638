"""The table of formats, and what is derived from it."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.names import parse_name
from mkvtwist.config.values import ConfigError
from mkvtwist.formats.base import Format
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.registry import FORMATS, register, unregister

OTHER = replace(MP4, name="other", title="Other", ending=".other")


class RegistryTests(SynchronousTestCase):
    """All formats."""

    def test_found(self) -> None:
        """Each format is found by its ending, which begins with a dot."""
        for ending, format_ in FORMATS.items():
            self.assertEqual(format_.ending, ending)
            self.assertRegex(ending, r"^\.[a-z0-9]+$")

    def test_unique(self) -> None:
        """No two formats have the same name or ending."""
        for other in (MP4, replace(OTHER, name=MP4.name), replace(OTHER, ending=MP4.ending)):
            self.assertRaises(ValueError, register, other)
        self.assertNotIn(OTHER, FORMATS.values())

    def test_registered(self) -> None:
        """A format that is registered is one of them, until it is taken out again."""
        register(OTHER)
        self.assertIs(FORMATS[OTHER.ending], OTHER)
        self.assertRaises(ConfigError, parse_name, "name", f"x{OTHER.ending}")
        unregister(OTHER)
        self.assertNotIn(OTHER.ending, FORMATS)
        self.assertEqual(parse_name("name", f"x{OTHER.ending}"), "x.other")
        self.assertRaises(KeyError, unregister, OTHER)

    def test_told_apart(self) -> None:
        """A format is only ever equal to itself, and a text shows its name."""
        self.assertNotEqual(replace(MP4), MP4)
        self.assertEqual(repr(MP4), "<Format mp4>")
        self.assertIsInstance(MP4, Format)
