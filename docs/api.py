"""
Build the API reference with pydoctor, beside what Sphinx has built.

pydoctor reads the source; nothing of mkvtwist is run. Links to Python and Twisted are resolved with
inventories that are made here, from what the package imports, so that the build needs no network.
Such a name must exist in what is installed: a link that does not resolve fails the build, as does
every other warning.
"""

import ast
import builtins
import importlib
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).parent.parent
PYTHON = "https://docs.python.org/3/library/"
TWISTED = "https://docs.twisted.org/en/stable/api/"

WARNING = re.compile(r":(\d+|\?\?\?): (?!Class .* is not an interface$)")
"""A warning. pydoctor does not read Twisted, so it cannot tell what is an interface there."""


def build(output: Path) -> None:
    """
    Write the reference into a folder.

    @raise RuntimeError: if a link does not resolve, or a docstring cannot be parsed.
    """
    imported = sorted(set(_imported(CHECKOUT / "mkvtwist")))
    with TemporaryDirectory() as folder:
        options = []
        for name, base, objects in (
            ("python", PYTHON, _of_python(imported)),
            ("twisted", TWISTED, _of_twisted(imported)),
        ):
            inventory = Path(folder, f"{name}.inv")
            inventory.write_bytes(_inventory(name, objects))
            options.append(f"--intersphinx-file={inventory}::{base}")
        ended = subprocess.run(
            (
                *(sys.executable, "-m", "pydoctor", "--quiet"),
                f"--config={CHECKOUT / 'pyproject.toml'}",
                f"--project-base-dir={CHECKOUT}",
                f"--html-output={output}",
                *options,
                str(CHECKOUT / "mkvtwist"),
            ),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    warnings = [line for line in ended.stdout.splitlines() if WARNING.search(line)]
    if ended.returncode or warnings:
        raise RuntimeError("\n".join(warnings) or ended.stdout)


def _imported(package: Path) -> Iterator[str]:
    """Yield the full name of each module, and of each name in a module, that is imported."""
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _exists(name: str) -> bool:
    """Return whether a module, or a name in a module, is there."""
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ImportError:
        return bool(module) and hasattr(importlib.import_module(module), attribute)
    return True


def _of_twisted(imported: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield what is imported of Twisted, and the packages around it: name, role, address."""
    names = {name for name in imported if name.partition(".")[0] == "twisted" and _exists(name)}
    names |= {parent for name in names for parent in _parents(name)}
    for name in sorted(names):
        yield name, "py:class", f"{name}.html"


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _of_python(imported: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield Python's own names: constants, exceptions, types, and what is imported."""
    for name, value in vars(builtins).items():
        if value is None or isinstance(value, bool):
            yield name, "py:data", f"constants.html#{name}"
        elif isinstance(value, type) and issubclass(value, BaseException):
            yield name, "py:exception", f"exceptions.html#{name}"
        elif isinstance(value, type):
            yield name, "py:class", f"stdtypes.html#{name}"
    for name in imported:
        top = name.partition(".")[0]
        if top not in {"twisted", "mkvtwist", "av", "zope"} and _exists(name):
            module = name if name == top else name.rpartition(".")[0]
            yield name, "py:class", f"{module}.html#{name}"


def _inventory(project: str, objects: Iterator[tuple[str, str, str]]) -> bytes:
    """Return an inventory as Sphinx writes it, version 2."""
    head = "# Sphinx inventory version 2\n# Project: {}\n# Version: \n{}\n"
    lines = "".join(f"{name} {role} 1 {address} -\n" for name, role, address in objects)
    note = "# The remainder of this file is compressed using zlib."
    return head.format(project, note).encode() + zlib.compress(lines.encode())
