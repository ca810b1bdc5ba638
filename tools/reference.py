"""
Writes the tables of settings in docs/reference, from their declarations.

    python tools/reference.py           writes them
    python tools/reference.py --check   says whether they are as they should be
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mkvtwist.config.declaration import Setting, Where
from mkvtwist.config.settings import OPTIONS, SERVER_SETTINGS, STREAM_SETTINGS
from mkvtwist.config.types import TomlType

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"

BEGIN = "<!-- Written by tools/reference.py from the declarations in mkvtwist/config. -->\n"
END = "<!-- The end of what is written. -->\n"


def options() -> Iterator[tuple[str, ...]]:
    """The rows of the table of options."""
    yield "option", "default", "meaning"
    for setting in OPTIONS:
        spelled = f"`{setting.spelled}`" + (f", `-{setting.short}`" if setting.short else "")
        yield spelled, _default(setting), setting.reference or _lower(setting.option_help)


def keys() -> Iterator[tuple[str, ...]]:
    """The rows of the table of keys in a configuration file."""
    yield "key", "where", "value", "changed while it runs"
    for key, setting in SERVER_SETTINGS.items():
        yield f"`{key}`", "top", setting.type.toml.words, setting.change.value
    for key, setting in STREAM_SETTINGS.items():
        where = "defaults, streams" if Where.DEFAULTS in setting.where else "streams"
        yield f"`{key}`", where, setting.type.toml.words, setting.change.value


TABLES: Mapping[str, Callable[[], Iterator[tuple[str, ...]]]] = {
    "options.md": options,
    "configuration.md": keys,
}


def _default(setting: Setting) -> str:
    if setting.is_switch:
        return "off"
    text = setting.default_text
    if not text:
        return "none"
    plain = setting.usual or setting.type.toml is TomlType.NUMBER or text == "0"
    return text if plain else f"`{text}`"


def _lower(text: str) -> str:
    """The text as a cell begins: with a small letter, but for abbreviations."""
    return text if text[1].isupper() else text[0].lower() + text[1:]


def written(page: str, text: str) -> str:
    """
    The page with its table.

    @raise ValueError: if the page has no place for it.
    """
    heading, *rows = TABLES[page]()
    lines = [heading, ("---",) * len(heading), *rows]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("| --- |", "|---|")
    table = table.replace(" --- |", "---|")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page}: there is no table between the two comments")
    return before + begin + "\n" + table + "\n" + end + after


def main() -> None:
    """Write them, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether they are right")
    check = parser.parse_args().check
    for page in TABLES:
        path = REFERENCE / page
        text = path.read_text()
        new = written(page, text)
        if new != text and check:
            raise SystemExit(f"{path}: run python tools/reference.py")
        path.write_text(new)


if __name__ == "__main__":
    main()
