"""
Make the corpus of clips with ffmpeg, and check what mkvtwist makes of each.

::

    python tools/corpus.py make DIR
    python tools/corpus.py check DIR [--jobs N] [--only GLOB] [--json FILE] [--markdown FILE]
    python tools/corpus.py remux FILE OUT      what mkvtwist makes of one file
    python tools/corpus.py read FILE           what there is to compare in one file

Whatever touches a clip does so in a process of its own: where libavformat crashes, that is a line
in the table and not the end.
"""

# ruff: noqa: T201 (a script speaks by printing)

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, this file finds its neighbours

from tests.support import oddities  # noqa: E402 (after the path is set)
from tools import corpus_check, corpus_clips  # noqa: E402 (after the path is set)

TIMEOUT = 60
"""Seconds for one clip: all of them are over in one, at C{--readrate=0}."""


class RemuxError(Exception):
    """mkvtwist made nothing of the clip, or did not end well; the text says what it said."""


@dataclass(frozen=True)
class Remuxed:
    """What came out."""

    streams: list[bytes]
    """Whole Matroska streams, header and clusters: one, and one more for each new header."""
    left_out: list[str]
    """What was said of tracks that are not in it."""


def remux(path: Path, using: str = "mkvtwist") -> Remuxed:
    """
    Remux a file, in a process of its own.

    @param using: C{mkvtwist}, or C{ffmpeg}: what C{ffmpeg -c copy} makes of it, to compare with
        and to check the check with.
    @raise RemuxError: there is nothing.
    """
    with tempfile.TemporaryDirectory(prefix="mkvtwist-corpus-") as directory:
        out = Path(directory) / "out.mkv"
        if using == "ffmpeg":
            words = f"ffmpeg -v error -nostdin -i {path} -map 0 -c copy {out}".split()
        else:
            twistd = Path(sys.executable).with_name("twistd")
            words = f"{twistd} -n --pidfile= mkvserve --readrate=0 --at-end=exit".split()
            words += f"--record={out} --listen=tcp:0:interface=127.0.0.1".split()
            words.append(str(path))
        try:
            done = subprocess.run(
                words,
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                check=False,
                text=True,
                errors="replace",
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise RemuxError(f"no end after {TIMEOUT} s") from None
        said = _telling(done.stdout + done.stderr, str(path))
        if done.returncode < 0:
            raise RemuxError(f"crash, signal {-done.returncode}: {' / '.join(said)}")
        parts = [p for p in Path(directory).glob("out*.mkv") if p.stat().st_size]
        parts.sort(key=lambda p: (len(p.name), p.name))
        if not parts:
            raise RemuxError(" / ".join(said) or f"nothing, exit status {done.returncode}")
        left_out = [line.partition("left out: ")[2] for line in said if "left out: " in line]
        return Remuxed([part.read_bytes() for part in parts], left_out)


def _telling(output: str, name: str) -> list[str]:
    """The warnings and errors of a log, without time, place, the stream's and the clip's name."""
    lines = [line for line in output.strip().splitlines() if line.strip()]
    telling = [line for line in lines if "#error]" in line or "#warn]" in line] or lines[-1:]
    texts = [line.partition("] ")[2] or line for line in telling]
    return [text.removeprefix("stream live: ").replace(f"{name}: ", "") for text in texts]


def read(path: Path) -> corpus_check.FileContents:
    """
    Read a file in a process of its own.

    @raise RemuxError: that process crashed, or found nothing it could read.
    """
    words = [sys.executable, str(Path(__file__).resolve()), "pickle", str(path)]
    done = subprocess.run(words, capture_output=True, check=False, timeout=TIMEOUT)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        crash = f"crash, signal {-done.returncode}" if done.returncode < 0 else ""
        raise RemuxError(crash or "".join(said))
    reading = pickle.loads(done.stdout)  # noqa: S301 (we wrote it)
    assert isinstance(reading, corpus_check.FileContents)
    return reading


def check(clip: corpus_clips.Clip, directory: Path, using: str) -> corpus_check.Verdict:
    """What becomes of a clip."""
    path = directory / clip.name
    if not path.exists():
        return corpus_check.Verdict(False, ["not made: see `make`"])
    try:
        sources = [read(directory / name) for name in clip.pieces or (clip.like or clip.name,)]
    except RemuxError as error:
        sources = []
        unreadable = str(error)
    try:
        remuxed = remux(path, using)
    except RemuxError as error:
        return corpus_check.Verdict(False, [clip.dead or str(error)])
    if not sources:
        return corpus_check.Verdict(False, [f"the clip itself cannot be read: {unreadable}"])
    readings = []
    for data in remuxed.streams:
        with tempfile.NamedTemporaryFile(suffix=".mkv") as file:
            file.write(data)
            file.flush()
            try:
                readings.append(read(Path(file.name)))
            except RemuxError as error:
                return corpus_check.Verdict(False, [f"the result cannot be read: {error}"])
    verdict = corpus_check.compare(sources, readings, remuxed.streams, clip.rate)
    if any("is missing" in text for text in verdict.differences):
        verdict.differences.extend(remuxed.left_out)
    return verdict


def make(directory: Path, jobs: int) -> None:
    """Make every clip that is not there yet; say which cannot be made."""
    directory.mkdir(parents=True, exist_ok=True)
    oddities.extras(directory / "extras")
    todo = list(corpus_clips.clips().values())
    reasons: list[str] = []
    with ThreadPoolExecutor(jobs) as pool:
        while todo:
            reasons = list(pool.map(lambda clip: corpus_clips.make(clip, directory), todo))
            left = [clip for clip, reason in zip(todo, reasons, strict=True) if reason]
            if len(left) == len(todo):  # what is left needs something that cannot be made
                break
            todo = left
    for clip, reason in zip(todo, reasons, strict=False):
        print(f"{clip.name}: {reason}")
    for what, why in corpus_clips.LEFT_OUT.items():
        print(f"left out: {what}: {why}")


def check_all(directory: Path, only: str, jobs: int, using: str) -> dict[str, corpus_check.Verdict]:
    """Check every clip whose name fits, and print each verdict as it comes."""
    clips = [
        clip
        for clip in corpus_clips.clips().values()
        if fnmatch(clip.name, only) and not clip.name.startswith("p-")
    ]
    verdicts = {}
    with ThreadPoolExecutor(jobs) as pool:
        for clip, verdict in zip(
            clips, pool.map(lambda clip: check(clip, directory, using), clips), strict=True
        ):
            verdicts[clip.name] = verdict
            print(f"{clip.name}: {verdict}", flush=True)
    return verdicts


def markdown(verdicts: dict[str, corpus_check.Verdict]) -> Iterator[str]:
    """The lines of a table for the documentation."""
    for title, group in corpus_clips.CORPUS.items():
        rows = [clip for clip in group if clip.name in verdicts]
        if not rows:
            continue
        yield f"\n## {title}\n\n| clip | what it is | result |\n|---|---|---|"
        for clip in rows:
            text = str(verdicts[clip.name]).replace("|", "\\|")
            yield f"| `{clip.name}` | {clip.what} | {text} |"
    yield "\n## Left out\n"
    for what, why in corpus_clips.LEFT_OUT.items():
        yield f"- {what}: {why}."


def summary(verdicts: dict[str, corpus_check.Verdict]) -> str:
    """How many of each."""
    exact = sum(v.plays and not v.differences for v in verdicts.values())
    plays = sum(v.plays for v in verdicts.values())
    dead = sum(not v.plays and bool(corpus_clips.clips()[n].dead) for n, v in verdicts.items())
    return (
        f"{len(verdicts)} clips: {exact} bit-exact, {plays - exact} play with a difference,"
        f" {len(verdicts) - plays} do not play ({dead} of them cannot)"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    command = actions.add_parser("make", help="make the corpus with ffmpeg")
    command.add_argument("directory", type=Path)
    command.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    command = actions.add_parser("check", help="check what becomes of each clip")
    command.add_argument("directory", type=Path)
    command.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    command.add_argument("--only", default="*", metavar="GLOB")
    command.add_argument("--json", type=Path, metavar="FILE")
    command.add_argument("--markdown", type=Path, metavar="FILE")
    command.add_argument("--using", choices=("mkvtwist", "ffmpeg"), default="mkvtwist")
    command = actions.add_parser("remux", help="what mkvtwist makes of one file")
    command.add_argument("file", type=Path)
    command.add_argument("out", type=Path)
    command = actions.add_parser("read", help="what there is to compare in one file")
    command.add_argument("file", type=Path)
    command = actions.add_parser("pickle")
    command.add_argument("file", type=Path)
    options = parser.parse_args()
    if options.action == "make":
        make(options.directory.resolve(), options.jobs)
    elif options.action == "remux":
        for number, data in enumerate(remux(options.file.resolve()).streams):
            out = options.out
            out.with_stem(f"{out.stem}-{number + 1}" if number else out.stem).write_bytes(data)
    elif options.action == "pickle":
        sys.stdout.buffer.write(pickle.dumps(corpus_check.read(options.file)))
    elif options.action == "read":
        print(corpus_check.described(corpus_check.read(options.file)))
    else:
        begin = time.monotonic()
        verdicts = check_all(options.directory.resolve(), options.only, options.jobs, options.using)
        if options.json:
            rows = {
                name: {"plays": v.plays, "differences": v.differences}
                for name, v in verdicts.items()
            }
            options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
        if options.markdown:
            options.markdown.write_text("\n".join(markdown(verdicts)) + "\n", encoding="utf-8")
        print(f"{summary(verdicts)}, in {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
