"""
A configuration file with every setting, explained, which C{--sample} shows (I{pure}).
"""

import json
from collections.abc import Iterable, Iterator
from textwrap import TextWrapper

from mkvtwist.config.declaration import Group, Setting
from mkvtwist.config.settings import SERVER_SETTINGS, STREAM_SETTINGS
from mkvtwist.config.types import TomlType

COMMENT_WIDTH = 100
"""Columns of the comments."""

_HEAD = """\
# A configuration of mkvserve, with every setting that there is:
#
#     twistd -n mkvserve --config=mkvtwist.toml
#
# Keys are called as the options are, with _ for -. A value that stands here is the default, but for
# the streams. Settings that are commented out show an example.
"""

_DEFAULTS = """\
# For every stream whose own table says nothing else.
[defaults]
"""

_STREAM = """\
# The streams. The name is that in the URL: http://host:8080/demo.mkv. What stands here may also
# stand in [defaults], but for input and record.
[streams.demo]
"""

_EXAMPLES = """\
## More streams

# A file. Relative paths start at the folder of this configuration.
#[streams.film]
#input = "film.mkv"
#at_end = "loop"

# A sender connects to this port, and writes media in any container; while nobody sends, a file is
# shown. Everything is recorded, in a new file each hour. A process of its own reads what is sent: a
# crash there ends nothing else.
#[streams.studio]
#input = "tcp:12345"
#isolation = "process"
#fallback = "pause.mkv"
#max_clients = 500
#max_bitrate = "20M"
#record = "studio-%Y%m%d-%H%M%S.mkv"
#record_seconds = 3600

# A sender makes a PUT or POST to http://host:8080/cam, or is one of Icecast's.
#[streams.cam]
#input = "push"
#isolation = "process"

# Senders choose the names: /room-1, /room-2 ... A stream begins with its sender, and ends some
# seconds after its sender and its clients have gone.
#[streams."room-*"]
#input = "push"

# Another server's streams, each under its own name, while somebody watches.
#[streams."*"]
#input = "http://origin.example:8080/{name}.mkv"
#on_demand = true

# A program, which runs only while somebody watches.
#[streams.door]
#input = "exec:ffmpeg -v warning -f v4l2 -i /dev/video0 -c:v libx264 -g 60 -f nut -"
#on_demand = true

# Another server's stream.
#[streams.relay]
#input = "http://origin.example:8080/live.mkv"
#on_demand = true
"""

_OF_ONE_STREAM = frozenset({Group.INPUT, Group.RECORDING})
"""Groups whose settings belong to one stream: the sample has them in its table."""


def sample() -> str:
    """Return the file."""
    streams = STREAM_SETTINGS.values()
    own = [one for one in streams if one.group in _OF_ONE_STREAM]
    common = [one for one in streams if one.group not in _OF_ONE_STREAM]
    parts = (
        _HEAD,
        *_groups(SERVER_SETTINGS.values()),
        _DEFAULTS,
        *_groups(common),
        _STREAM,
        *_groups(own),
        _EXAMPLES,
    )
    return "\n".join(parts)


def _groups(settings: Iterable[Setting]) -> Iterator[str]:
    settings = list(settings)
    for group in Group:
        found = [_entry(one) for one in settings if one.group is group]
        if found:
            yield f"## {group.value}\n"
            yield from found


def _entry(setting: Setting) -> str:
    """Return a setting with its comment."""
    wrapper = TextWrapper(COMMENT_WIDTH, "# ", "# ", break_on_hyphens=False)
    value = setting.example or _literal(setting)
    commented = "#" if setting.example and not setting.is_required else ""
    return "\n".join((*wrapper.wrap(f"{setting.help}."), f"{commented}{setting.key} = {value}", ""))


def _literal(setting: Setting) -> str:
    """Return a setting's default in TOML, which for texts is the same as in JSON."""
    text = setting.type.write(setting.default)
    match setting.type.toml:
        case TomlType.TEXTS:
            return json.dumps(list(setting.default))
        case TomlType.NUMBER | TomlType.SWITCH:
            return text
        case TomlType.SIZE if text.isdecimal():
            return text
    return json.dumps(text)
