"""
The text of C{--help} (I{pure}).
"""

from collections.abc import Iterable, Iterator
from textwrap import TextWrapper

from mkvtwist.config.declaration import Group, Setting
from mkvtwist.config.input import INPUT_FORMS
from mkvtwist.config.settings import OPTIONS

HELP_WIDTH = 80
"""Columns of a terminal by default."""

COLUMN = 28
"""The column at which descriptions begin; a longer option has a line of its own."""

EXAMPLES = """\
Examples:
  twistd -n mkvserve film.mkv
      a page with a player at http://HOST:8080/, the stream itself at /live.mkv
  twistd -n mkvserve --name=cam tcp:12345
      to send: ffmpeg -re -i film.mkv -c copy -f matroska tcp://HOST:12345
  twistd -n mkvserve --record=cam-%Y%m%d.mkv --burst=5 rtsp://camera/live
  twistd -n mkvserve --sample > mkvtwist.toml
  twistd -n mkvserve --config=mkvtwist.toml --check"""


def help_text(others: Iterable[tuple[str, str]]) -> str:
    """
    Return the text of C{--help} below its first line.

    @param others: options that are no settings: how each is typed, and what it does.
    """
    return "\n".join(_parts(others))


def _parts(others: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield "\nStreams INPUT live over HTTP, remuxed and never re-encoded. INPUT is one of\n"
    yield "".join(f"  {line}\n" for line in INPUT_FORMS.splitlines())
    for group in Group:
        lines = [_option(one) for one in OPTIONS if one.group is group]
        yield f"{group.value}:\n{''.join(lines)}"
    yield f"Other:\n{''.join(_entry(f'      {spelled}', text) for spelled, text in others)}"
    yield EXAMPLES


def _option(setting: Setting) -> str:
    short = f"-{setting.short}," if setting.short else ""
    text = setting.option_help
    if setting.type.is_repeatable:
        text += "; may be repeated"
    if setting.default_text:
        text += f" [default: {setting.default_text}]"
    return _entry(f"  {short:3} {setting.spelled}", text)


def _entry(spelled: str, text: str) -> str:
    """Return an option and what it does, in two columns."""
    indent = " " * COLUMN
    lines = TextWrapper(HELP_WIDTH, indent, indent, break_on_hyphens=False).wrap(text)
    if len(spelled) + 2 > COLUMN:
        return "\n".join((spelled, *lines, ""))
    return "\n".join((spelled.ljust(COLUMN) + lines[0].lstrip(), *lines[1:], ""))
