"""
The registry of formats, from which URLs, reserved names and metrics are derived (I{pure}).
"""

from collections.abc import Mapping
from types import MappingProxyType

from mkvtwist.formats.aac import AAC
from mkvtwist.formats.base import Format
from mkvtwist.formats.flac import FLAC
from mkvtwist.formats.flv import FLV
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.mp3 import MP3
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.mpegts import MPEG_TS
from mkvtwist.formats.ogg import OGG
from mkvtwist.formats.webm import WEBM
from mkvtwist.formats.webvtt import WEBVTT

_formats: dict[str, Format] = {}

FORMATS: Mapping[str, Format] = MappingProxyType(_formats)
"""All formats by their endings, in the order in which texts name them."""


def register(format_: Format) -> None:
    """
    Add a format, in which every stream is served from then on.

    @raise ValueError: when another format has its name or its ending.
    """
    if any(format_.name == f.name or format_.ending == f.ending for f in _formats.values()):
        raise ValueError(f"there is a format with the name or the ending of {format_} already")
    _formats[format_.ending] = format_


def unregister(format_: Format) -> None:
    """
    Remove a format from L{FORMATS}; its clients go on.

    @raise KeyError: when it is not there.
    """
    del _formats[format_.ending]


for _format in (MATROSKA, WEBM, MP4, MPEG_TS, FLV, MP3, AAC, OGG, FLAC, WEBVTT):
    register(_format)
