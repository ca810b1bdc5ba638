"""The text of C{--help}."""

import re
import shlex

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.declaration import Group
from mkvtwist.config.help import help_text
from mkvtwist.config.settings import OPTIONS


class HelpTests(SynchronousTestCase):
    """L{help_text}."""

    text = help_text([("--check", "Say what would run, and exit")])

    def test_width(self) -> None:
        """No line is longer than a terminal of 80 columns."""
        self.assertLessEqual(max(map(len, self.text.splitlines())), 80)

    def test_groups(self) -> None:
        """Each option stands in its group, the others after them, and examples at the end."""
        order = re.findall(r"^(\w+):$", self.text, re.MULTILINE)
        self.assertEqual(order, [*(group.value for group in Group), "Other", "Examples"])
        sections = dict(re.findall(r"^(\w+):\n(.*?)\n\n", self.text, re.DOTALL | re.MULTILINE))
        for option in OPTIONS:
            self.assertIn(f" {option.spelled}", sections[option.group.value])
        self.assertIn("--check", sections["Other"])

    def test_entries(self) -> None:
        """An option says its short form, its default, and whether it may be repeated."""
        words = " ".join(self.text.split())
        self.assertIn("-i, --input=INPUT ", words)
        self.assertRegex(words, r"--burst=SECONDS [^\[\]]* \[default: 2\]")
        self.assertRegex(words, r"--fallback=INPUT [^-]*; may be repeated ")
        self.assertRegex(words, r"--buffer-bytes=SIZE [^\[\]]* \[default: 64M\]")

    def test_examples(self) -> None:
        """Each option in the examples exists."""
        known = {option.option for option in OPTIONS} | {"sample", "config", "check"}
        used = re.findall(r" --([\w-]+)", self.text.partition("Examples:")[2])
        self.assertGreater(len(used), 3)
        self.assertLessEqual(set(used), known)
        commands = re.findall(r"^  (twistd .*)$", self.text, re.MULTILINE)
        for command in commands:
            self.assertEqual(shlex.split(command)[:3], ["twistd", "-n", "mkvserve"])
