"""The image's file, as far as it can be checked without building it."""

import json
import re
import tomllib
import urllib.error
from pathlib import Path

from twisted.scripts.twistd import ServerOptions  # type: ignore[attr-defined]  # made by platform
from twisted.trial.unittest import SynchronousTestCase

CHECKOUT = Path(__file__).parent.parent


class ContainerTests(SynchronousTestCase):
    """Each instruction, by its first word."""

    def setUp(self) -> None:
        """Read it, with lines that go on put together."""
        text = (CHECKOUT / "Containerfile").read_text().replace("\\\n", " ")
        self.instructions = [
            line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#"
        ]

    def all(self, word: str) -> list[str]:
        """What stands behind this word."""
        return [rest for first, rest in self.instructions if first == word]

    def test_copied(self) -> None:
        """What is copied is there, and what the package is built from is copied."""
        copied = {source for rest in self.all("COPY") for source in rest.split()[:-1]}
        for source in copied:
            self.assertTrue((CHECKOUT / source).exists(), source)
        project = (CHECKOUT / "pyproject.toml").read_text()
        for name in ("readme", "license-files"):
            file = re.search(rf'^{name} = \[?"([^"]+)"', project, re.MULTILINE)
            assert file is not None
            self.assertIn(file[1], copied)

    def test_source_package(self) -> None:
        """The source package has it, and the word on security."""
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
        included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
        for name in ("Containerfile", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"):
            self.assertIn(f"/{name}", included)
        for name in included:
            self.assertTrue((CHECKOUT / name[1:]).exists(), name)

    def test_command(self) -> None:
        """What it starts is one that twistd takes; nobody is root."""
        (entry,), (command,) = self.all("ENTRYPOINT"), self.all("CMD")
        words = [*json.loads(entry), "--listen=tcp:0", *json.loads(command)]
        options = ServerOptions()
        options.parseOptions(words[1:])
        self.assertEqual(options.subCommand, "mkvserve")
        self.assertEqual(self.all("USER"), ["mkvserve"])

    def test_health(self) -> None:
        """Its check asks the server, and fails when there is none."""
        (check,) = self.all("HEALTHCHECK")
        python, option, code = json.loads(check[check.index("[") :])
        self.assertEqual((python, option), ("python", "-c"))
        self.assertIn("http://127.0.0.1:8080/healthz", code)
        nobody = code.replace(":8080", ":1")
        self.assertRaises(urllib.error.URLError, exec, nobody, {})
