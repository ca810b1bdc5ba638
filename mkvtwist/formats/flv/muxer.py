"""
The muxer of FLV: tags made from packets (I{pure}).
"""

import struct
from collections.abc import Collection, Sequence

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.flv.codecs import milliseconds, writing
from mkvtwist.formats.flv.tags import (
    AUDIO,
    DATA,
    HAS_AUDIO,
    HAS_VIDEO,
    LARGEST_BODY,
    VIDEO,
    header,
    tag,
)
from mkvtwist.media.packet import Header, Packet, Track

_TYPES = {"video": VIDEO, "audio": AUDIO}

_ROOM = LARGEST_BODY - 16
"""Bytes of a payload at most: what stands before it has less than 16."""


class FlvMuxer(Muxer[None]):
    """The muxer of FLV. Times are milliseconds, and begin anew after 49 days."""

    start = None

    def __init__(self, header_: Header, numbers: Collection[int]) -> None:
        """
        Make a muxer.

        @param numbers: the numbers of the tracks that are sent; all of them fit, one of each type.
        """
        tracks = header_.only(numbers)
        self._writings = {track.number: (_TYPES[track.type], writing(track)) for track in tracks}
        flags = {"video": HAS_VIDEO, "audio": HAS_AUDIO}
        parts = [header(sum(flags[track.type] for track in tracks)), _metadata(tracks)]
        for type_, written in self._writings.values():
            if written.setup:
                parts.append(tag(type_, 0, written.setup))
        self.head = b"".join(parts)

    def render(self, packets: Sequence[Packet]) -> bytes:
        """Return the packets' tags."""
        made = []
        for packet in packets:
            if packet.track in self._writings and len(packet.data) <= _ROOM:
                type_, written = self._writings[packet.track]
                prefix = written.prefix(packet)
                made.append(tag(type_, milliseconds(packet.dts), prefix, packet.data))
        return b"".join(made)


def _metadata(tracks: Sequence[Track]) -> bytes:
    """Return the tag with which a stream says what is in it: C{onMetaData}, in AMF0."""
    values: dict[str, bool | float] = {
        "hasVideo": any(track.type == "video" for track in tracks),
        "hasAudio": any(track.type == "audio" for track in tracks),
    }
    for track in tracks:
        facts = {"width": track.width, "height": track.height, "framerate": track.frame_rate}
        facts |= {"audiosamplerate": track.sample_rate, "audiochannels": track.channels}
        values |= {key: float(value) for key, value in facts.items() if value}
    listed = b"".join(_name(key) + _value(value) for key, value in values.items())
    count = struct.pack(">BI", 8, len(values))
    return tag(DATA, 0, b"\2", _name("onMetaData"), count, listed, b"\0\0\x09")


def _name(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _value(value: bool | float) -> bytes:
    return struct.pack(">B?", 1, value) if isinstance(value, bool) else struct.pack(">Bd", 0, value)
