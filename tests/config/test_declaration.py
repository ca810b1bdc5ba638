"""Declarations of settings."""

from dataclasses import dataclass, field

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.declaration import Change, Group, Where, declare, declared, setting
from mkvtwist.config.types import COUNT, SIZE, SWITCH, TEXT


@dataclass(frozen=True)
class Configuration:
    """Some settings, and a field that is none."""

    text: str = field(metadata=declare(TEXT, Group.INPUT, "Text"))
    plain: int = 0
    how_many: int = setting(3, COUNT, Group.CLIENTS, "How many", change=Change.AT_ONCE)
    memory: int = setting(
        1 << 20,
        SIZE,
        Group.SERVER,
        "Memory",
        key="bytes",
        option="take",
        metavar="MEMORY",
        option_help="Memory that is taken",
        where=Where.OPTION,
    )
    on: bool = setting(False, SWITCH, Group.LIMITS, "On")
    nobody: str | None = setting(None, TEXT, Group.ACCESS, "Nobody", usual="whoever comes")


class DeclarationTests(SynchronousTestCase):
    """L{declared}, and what a setting says of itself."""

    settings = declared(Configuration)

    def test_fields(self) -> None:
        """A field that is declared is a setting, by its key; any other is none."""
        self.assertEqual([*self.settings], ["text", "how_many", "bytes", "on", "nobody"])
        self.assertEqual(self.settings["bytes"].attribute, "memory")
        self.assertEqual(Configuration("x").how_many, 3)

    def test_defaults(self) -> None:
        """The default is that of the field, and is said in words where it does not say itself."""
        self.assertEqual({key for key, one in self.settings.items() if one.is_required}, {"text"})
        self.assertEqual(
            {key: one.default_text for key, one in self.settings.items()},
            {"text": "", "how_many": "3", "bytes": "1M", "on": "", "nobody": "whoever comes"},
        )

    def test_options(self) -> None:
        """An option is called after the key, unless it is said otherwise."""
        self.assertEqual(
            [one.spelled for one in self.settings.values()],
            ["--text=TEXT", "--how-many=N", "--take=MEMORY", "--on", "--nobody=TEXT"],
        )
        self.assertEqual(self.settings["how_many"].option_help, "How many")
        self.assertEqual(self.settings["bytes"].option_help, "Memory that is taken")

    def test_where(self) -> None:
        """A setting may stand everywhere, unless it is said otherwise; to change it restarts."""
        self.assertNotIn(Where.FILE, self.settings["bytes"].where)
        for where in Where:
            self.assertIn(where, self.settings["text"].where)
        self.assertIs(self.settings["text"].change, Change.RESTARTS)
