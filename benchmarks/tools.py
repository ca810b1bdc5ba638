"""The sink and the floor: in C where there is a compiler, else in Python."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PYTHON_MOST_CLIENTS = 100
"""With Python tools: more clients than this and the sink is what is measured."""


@dataclass(frozen=True)
class Tools:
    """
    How to start them.

    @ivar native: they are the C programs.
    """

    sink: Sequence[str]
    floor: Sequence[str]
    native: bool

    def most_clients(self, wanted: int) -> int:
        """How many clients can be asked for."""
        return wanted if self.native else min(wanted, PYTHON_MOST_CLIENTS)


def find_tools(cache: Path) -> Tools:
    """Build the C programs if they are not built, and say so if they cannot be."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        reason = "no C compiler here"
    else:
        try:
            return Tools(
                [_build(compiler, cache, "sink")], [_build(compiler, cache, "floor")], True
            )
        except subprocess.CalledProcessError as error:
            reason = f"{compiler} failed:\n{error.stderr}"
    print(
        f"{reason}: the sink and the floor run in Python, with at most "
        f"{PYTHON_MOST_CLIENTS} clients. Such results compare only with their like."
    )
    python = [sys.executable, "-m"]
    return Tools([*python, "benchmarks.sink"], [*python, "benchmarks.floor"], False)


def _build(compiler: str, cache: Path, name: str) -> str:
    source = HERE / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    program = cache / f"{name}-{os.uname().machine}-{digest}"
    if not program.exists():
        unfinished = program.with_suffix(".part")
        subprocess.run(
            [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", unfinished, source],
            check=True,
            capture_output=True,
            text=True,
        )
        unfinished.rename(program)
    return str(program)
