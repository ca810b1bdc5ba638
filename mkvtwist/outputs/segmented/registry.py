"""
The segmented outputs, and the manifest that players load first of each (I{pure}).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from mkvtwist.formats.choice import Unfit
from mkvtwist.media.packet import Header
from mkvtwist.outputs.segmented import hls
from mkvtwist.outputs.segmented.choices import chosen


class Manifest(NamedTuple):
    """
    A segmented output, by the manifest that a player loads first.

    @ivar title: the name of the output for people.
    @ivar name: the last part of its URL, below the stream's name.
    @ivar media_type: its MIME type.
    @ivar carry: adds a query to each address in such a text.
    """

    title: str
    name: str
    media_type: str
    carry: Callable[[str, str], str]

    @property
    def ending(self) -> str:
        """The ending of its name, with the dot."""
        return "." + self.name.rpartition(".")[2]


HLS = Manifest("HLS", "index.m3u8", "application/vnd.apple.mpegurl", hls.carry)

MANIFESTS: Mapping[str, Manifest] = MappingProxyType({made.name: made for made in (HLS,)})
"""All segmented outputs, by the names of their manifests."""


def media_types(header: Header) -> dict[str, str]:
    """Return the MIME types of the segmented outputs of a header, by endings without the dot."""
    try:
        chosen(header)
    except Unfit:
        return {}
    return {manifest.ending[1:]: manifest.media_type for manifest in MANIFESTS.values()}
