"""The files that pages need."""

import json
import re
from importlib import resources
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.http.views.static import join
from tests.support.site import SiteTestCase

STATIC = Path(str(resources.files("mkvtwist"))) / "static"


class JoinTests(SynchronousTestCase):
    """A script and the modules that it imports become one."""

    def join(self, **modules: str) -> list[str]:
        """Return the lines of C{main.js}, joined with these modules, but for empty ones."""
        files = {f"{name.replace('__', '/')}.js": text for name, text in modules.items()}
        return [line for line in join("main.js", files.__getitem__).splitlines() if line]

    def test_order(self) -> None:
        """A module comes once, before those that import it, by whichever path."""
        lines = self.join(
            main='import { a } from "./d/a.js";\nimport { b as c } from "./b.js";\na(c);\n',
            d__a='import { b } from "../b.js";\nexport const a = () => b;\n',
            b="export async function* b() {}\nexport class B {}\n",
        )
        self.assertEqual(
            lines,
            [
                "const _b_js = (() => { // b.js",
                "async function* b() {}",
                "class B {}",
                "return { b, B };",
                "})();",
                "const _d_a_js = (() => { // d/a.js",
                "const { b } = _b_js;",
                "const a = () => b;",
                "return { a };",
                "})();",
                "const _main_js = (() => { // main.js",
                "const { a } = _d_a_js;",
                "const { b: c } = _b_js;",
                "a(c);",
                "return {  };",
                "})();",
            ],
        )

    def test_comments(self) -> None:
        """Comments on lines of their own are left out, all others stay."""
        lines = self.join(main='// One.\n/**\n * Two.\n */\n  /** Three. */\na("//"); // Four.\n')
        self.assertEqual(lines[1:-2], ['a("//"); // Four.'])

    def test_ours(self) -> None:
        """Nothing of our modules is left that cannot be joined, and no module is left out."""
        read = {str(path.relative_to(STATIC)): path.read_text() for path in STATIC.rglob("*.js")}
        left = set(read) - {"embed.js"}
        for name in ("page.js", "publish.js", "admin.js"):
            text = join(name, read.__getitem__)
            self.assertNotRegex(text, r"(?m)^(import|export)\b")
            left -= {path for path in read if f"(() => {{ // {path}\n" in text}
        self.assertEqual(left, set())


class TypeTests(SiteTestCase):
    """What the scripts are told of the server's answers."""

    def fields(self, interface: str) -> set[str]:
        """Return the names of the fields that a declared type has of its own."""
        text = (STATIC / "types.d.ts").read_text()
        found = re.search(
            rf"interface {interface} .*?\{{\n(.*?)^\}}", text, re.DOTALL | re.MULTILINE
        )
        assert found is not None
        return set(re.findall(r"^  (\w+): ", found[1], re.MULTILINE))

    def test_declared(self) -> None:
        """Every field that is declared is in the answer."""
        public = json.loads(self.get("/live/status").body)
        self.connect().ask("/live.mkv")
        whole = json.loads(self.get("/status", peer="127.0.0.1", Host="localhost").body)
        stream = whole["streams"]["live"]
        for interface, shown in (
            ("Figures", public),
            ("StreamStatus", public),
            ("Track", public["tracks"][0]),
            ("Figures", stream),
            ("ManagedStream", stream),
            ("Client", stream["clients"][0]),
        ):
            declared = self.fields(interface)
            self.assertGreater(len(declared), 0)
            self.assertLessEqual(declared, set(shown), interface)
