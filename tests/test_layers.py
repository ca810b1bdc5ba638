"""
Data moves in one direction, and so do the imports, as the table of modules in the documentation
says: read from the source, nothing is run.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

CHECKOUT = Path(__file__).parent.parent
PACKAGE = CHECKOUT / "mkvtwist"
PLUGIN = CHECKOUT / "twisted" / "plugins" / "mkvtwist_plugin.py"

TABLE = re.findall(
    r"^\| `([\w/]+)` \| (\w+) \|", (CHECKOUT / "docs" / "design.md").read_text(), re.MULTILINE
)
ROOMS = tuple(dict.fromkeys(name.partition("/")[0] for name, _ in TABLE))
PURE_ROOMS = ("media/", "formats/", "config/", "outputs/segmented/")
MODULES = frozenset(name for name, _ in TABLE)
PURE = frozenset(name for name, runs in TABLE if runs == "pure")
IMPURE = frozenset({"asyncio", "av", "select", "socket", "threading", "twisted"})


@dataclass(frozen=True)
class Import:
    """One imported module, or name in a module, and where that is written."""

    path: Path
    line: int
    name: str
    at_top: bool

    def __str__(self) -> str:
        """As an editor can follow it."""
        return f"{self.path.relative_to(CHECKOUT)}:{self.line}: imports {self.name}"

    def modules(self) -> Iterator[str]:
        """The module of the package that is imported, if it is one; a package is none."""
        parts = self.name.split(".")
        if parts[0] == PACKAGE.name:
            names = ("/".join(parts[1:end]) for end in (len(parts), len(parts) - 1))
            yield from (name for name in names if name in MODULES)

    def within(self, module: str) -> bool:
        """Whether this is C{module}, or in it."""
        return f"{self.name}.".startswith(f"{module}.")


def imports(path: Path, package: tuple[str, ...] = ()) -> Iterator[Import]:
    """
    Yield what a module imports, with relative names resolved.

    C{from a import b} counts as C{a.b}: what C{b} is cannot be told from here, and a name in C{a}
    is in C{a} all the same.
    """
    tree = ast.parse(path.read_text(), str(path))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        module: tuple[str, ...] = ()
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            module = (*base, node.module) if node.module else base
        for alias in node.names:
            yield Import(path, node.lineno, ".".join((*module, alias.name)), node not in inside)


@cache
def modules() -> tuple[tuple[str, Import], ...]:
    """Return each import in the package, with the path of the module that it is written in."""
    names = {path: path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py")}
    return tuple(
        (module.as_posix(), found)
        for path, module in sorted(names.items())
        for found in imports(path, (PACKAGE.name, *module.parts[:-1]))
    )


def room(module: str) -> str:
    """Return the folder, or the module, at the top of the package."""
    return module.partition("/")[0]


class LayerTests(SynchronousTestCase):
    """The rules of the table of modules."""

    def refuse(self, wrong: list[Import]) -> None:
        """Fail, and name each one."""
        self.assertEqual(wrong, [], "\n" + "\n".join(map(str, wrong)))

    def test_every_module_has_a_row(self) -> None:
        """A new module says what it is for and where it runs."""
        found = {
            path.relative_to(PACKAGE).with_suffix("").as_posix()
            for path in PACKAGE.rglob("*.py")
            if path.name != "__init__.py"
        }
        self.assertEqual(sorted(found), sorted(name for name, _ in TABLE))

    def test_no_arrow_goes_up(self) -> None:
        """A module imports only what is in its own room, or in rooms before it in the list."""
        place = {name: number for number, name in enumerate(("__init__", *ROOMS))}
        self.refuse(
            [
                found
                for module, found in modules()
                if found.within(PACKAGE.name) and module != "__init__"  # lazy: tests.test_public
                for other in found.name.split(".")[1:2]
                if place.get(other, 0) > place[room(module)]
            ]
        )

    def test_no_circles(self) -> None:
        """Modules of one room import each other in one direction only."""
        arrows: dict[str, set[str]] = {name: set() for name in MODULES}
        for module, found in modules():
            if module in MODULES:
                arrows[module].update(found.modules())
        while ends := [name for name, others in arrows.items() if not others]:
            for name in ends:
                del arrows[name]
            for others in arrows.values():
                others.difference_update(ends)
        self.assertEqual(arrows, {})

    def test_private(self) -> None:
        """A name that begins with an underscore is used in its own file only."""
        self.refuse(
            [
                found
                for _, found in modules()
                if found.within(PACKAGE.name)
                and found.name.rpartition(".")[2].startswith("_")
                and not found.name.endswith("__")
            ]
        )

    def test_only_libav_touches_av(self) -> None:
        """PyAV crashes when two threads touch it: one room alone imports it."""
        self.refuse(
            [found for module, found in modules() if found.within("av") and room(module) != "libav"]
        )

    def test_pure(self) -> None:
        """Pure rooms, and modules that say so, compute without network, threads or codecs."""
        self.assertGreater(len(PURE), 30)
        self.refuse(
            [
                found
                for module, found in modules()
                if module in PURE or module.startswith(PURE_ROOMS)
                if any(found.within(name) for name in IMPURE)
            ]
        )

    def test_pure_imports(self) -> None:
        """A pure module imports no impure one, which would bring all that it imports."""
        self.refuse(
            [
                found
                for module, found in modules()
                if module in PURE
                for other in found.modules()
                if other not in PURE
            ]
        )

    def test_client(self) -> None:
        """C{mkvctl} starts fast, and needs no Twisted: of the package it imports the version."""
        allowed = sys.stdlib_module_names | {"mkvtwist.__version__"}
        self.refuse(
            [
                found
                for module, found in modules()
                if module == "ctl" and not {found.name, found.name.partition(".")[0]} & allowed
            ]
        )

    def test_no_reactor_at_the_top(self) -> None:
        """The reactor is passed in, or imported when it is needed: C{twistd} chooses it late."""
        self.refuse(
            [
                found
                for _, found in modules()
                if found.at_top and found.within("twisted.internet.reactor")
            ]
        )

    def test_plugin(self) -> None:
        """The file that each C{twistd} on the host loads costs one import and starts nothing."""
        self.assertEqual(
            [found.name for found in imports(PLUGIN)],
            ["twisted.application.service.ServiceMaker"],
        )


class ImportTests(SynchronousTestCase):
    """The reader of the rules above, which would find nothing if it read nothing."""

    def read(self, source: str, *package: str) -> list[tuple[str, bool]]:
        """The names that a module with this source imports, and whether at its top."""
        path = Path(self.mktemp())
        path.write_text(source)
        return [(found.name, found.at_top) for found in imports(path, package)]

    def test_forms(self) -> None:
        """Absolute, relative and renamed imports come out as full names."""
        self.assertEqual(
            self.read("import a.b as c, d\nfrom e import f, g\nfrom . import h", "p", "q"),
            [("a.b", True), ("d", True), ("e.f", True), ("e.g", True), ("p.q.h", True)],
        )
        self.assertEqual(self.read("from ..r import s", "p", "q"), [("p.r.s", True)])

    def test_inside(self) -> None:
        """An import in a function is found, and told from one at the top."""
        source = "if True:\n    import a\nclass C:\n    def f(self):\n        import b"
        self.assertEqual(self.read(source), [("a", True), ("b", False)])
