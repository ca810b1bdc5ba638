"""
Clusters made from packets (I{pure}, RFC 9559, 10 and 5.1.3).

A Cluster is complete in itself::

    1F43B675  size  E7 88 timestamp  { A3 SimpleBlock | A0 BlockGroup } ...
              '-5-'       '---8---'    track, 16 bit offset, flags, payload
    '-------- HEAD ---------------'

The size and the timestamp have a fixed width, so that a client whose time begins at 0 needs
another head and nothing else.
"""

import struct
from collections.abc import Collection, Sequence

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.matroska.ebml import element, signed, unsigned, vint
from mkvtwist.formats.matroska.head import codec_delays, selected
from mkvtwist.media.packet import Header, Packet

HEAD = 19
"""Bytes of a Cluster before its first block: ID 4, size 5 (up to 4 GiB), Timestamp 2 + 8."""

MILLISECOND = 1000
"""One tick of the timestamps in a Block: libavformat's TimestampScale is 1,000,000 ns."""

_CLUSTER = 0x1F43B675
_BLOCK_GROUP, _BLOCK = 0xA0, 0xA1
_BLOCK_DURATION, _REFERENCE_BLOCK, _DISCARD_PADDING = 0x9B, 0xFB, 0x75A2
_BLOCK_ADDITIONS, _BLOCK_MORE, _BLOCK_ADD_ID, _BLOCK_ADDITIONAL = 0x75A1, 0xA6, 0xEE, 0xA5

_KEYFRAME = 0x80
_SIZE_OF_5 = 0x08
"""The first byte of a size field of 5 bytes; the other 4 hold the size."""

_REACH = 0x7FFF
"""Milliseconds that a block may lie behind its Cluster's Timestamp at most."""

_head = struct.Struct(">IBIHQ")
_block = struct.Struct(">hB")


def milliseconds(time: int) -> int:
    """Return microseconds as Matroska's ticks, to the nearest."""
    return (time + MILLISECOND // 2) // MILLISECOND


class MatroskaMuxer(Muxer[None]):
    """Packets as Clusters, behind the head that libavformat has written."""

    start = None

    def __init__(
        self,
        header: Header,
        numbers: Collection[int] | None = None,
        *,
        lasting: Collection[int] = (),
    ) -> None:
        """
        Make a muxer.

        @param numbers: the numbers of the tracks that are sent; L{None} is all.
        @param lasting: tracks whose blocks say how long they last, beside subtitles.
        """
        self.head = header.matroska_head
        self._numbers: frozenset[int] | None = None
        if numbers is not None and not header.numbers <= frozenset(numbers):
            self.head = selected(self.head, numbers)
            self._numbers = frozenset(numbers)
        # Their packets last a stated time: their blocks carry BlockDuration.
        subtitles = frozenset(t.number for t in header.tracks if t.type == "subtitle")
        self._lasting = subtitles.union(lasting)
        # A player takes this off the timestamps of a track's blocks, so it is added here.
        self._delays = codec_delays(self.head)

    def render(self, packets: Sequence[Packet]) -> bytes:
        """
        Return the packets as one Cluster, or as several if their times ask for it.

        The blocks keep the order of the packets. Times before 0 become 0: no Cluster has such a
        time.
        """
        delays = self._delays
        if self._numbers is not None:
            packets = [packet for packet in packets if packet.track in self._numbers]
        times = [
            max(0, milliseconds(packet.pts + delays.get(packet.track, 0))) for packet in packets
        ]
        out: list[bytes] = []
        first = 0
        while first < len(packets):
            last, base = _span(times, first)
            blocks = [
                self._written(packet, time - base)
                for packet, time in zip(packets[first:last], times[first:last], strict=True)
            ]
            out.append(_cluster(base, blocks))
            first = last
        return b"".join(out)

    def _written(self, packet: Packet, offset: int) -> bytes:
        """Return one packet as a SimpleBlock, or as a BlockGroup if it has more to say."""
        extra = packet.extra
        lasting = packet.duration and packet.track in self._lasting
        if extra is None and not lasting:
            flags = _KEYFRAME if packet.key else 0
            body = vint(packet.track) + _block.pack(offset, flags)
            return b"\xa3" + vint(len(body) + len(packet.data)) + body + packet.data
        parts = [element(_BLOCK, vint(packet.track) + _block.pack(offset, 0) + packet.data)]
        if packet.duration:
            parts.append(unsigned(_BLOCK_DURATION, milliseconds(packet.duration)))
        if not packet.key:
            # Which block it needs is not known here; that it needs one makes it no keyframe.
            parts.append(signed(_REFERENCE_BLOCK, -1))
        if extra and extra.additions:
            more = b"".join(
                element(
                    _BLOCK_MORE, unsigned(_BLOCK_ADD_ID, id_) + element(_BLOCK_ADDITIONAL, data)
                )
                for id_, data in extra.additions
            )
            parts.append(element(_BLOCK_ADDITIONS, more))
        if extra and extra.discard:
            parts.append(signed(_DISCARD_PADDING, extra.discard * 1000))
        return element(_BLOCK_GROUP, b"".join(parts))


def _span(times: list[int], first: int) -> tuple[int, int]:
    """Return where the Cluster ends that begins with a packet, and its Timestamp."""
    lowest = highest = times[first]
    for last in range(first + 1, len(times)):
        low, high = min(lowest, times[last]), max(highest, times[last])
        if high - low > _REACH:
            return last, lowest
        lowest, highest = low, high
    return len(times), lowest


def _cluster(base: int, blocks: list[bytes]) -> bytes:
    size = HEAD - 9 + sum(map(len, blocks))
    return _head.pack(_CLUSTER, _SIZE_OF_5, size, 0xE788, base) + b"".join(blocks)


def rebased(clusters: bytes, time: int) -> bytes:
    """
    Return Clusters, as L{MatroskaMuxer.render} made them, that much earlier; never before 0.

    @param time: microseconds; the Clusters move by so many milliseconds, to the nearest.
    """
    ticks = milliseconds(time)
    out = bytearray(clusters)
    at = 0
    while at < len(out):
        id_, mark, size, tag, base = _head.unpack_from(out, at)
        _head.pack_into(out, at, id_, mark, size, tag, max(0, base - ticks))
        at += 9 + size
    return bytes(out)
