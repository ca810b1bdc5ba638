"""
The fragment: the unit that is sent, and its size in memory (I{pure}).
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from mkvtwist.media.packet import Packet


class Weights(NamedTuple):
    """
    Bytes of memory that objects take beside their content.

    @ivar packet: a packet, beside its payload.
    @ivar fragment: a fragment, beside its packets.
    @ivar rendered: bytes that were rendered: their object, their key, their place in a dict.
    """

    packet: int
    fragment: int
    rendered: int


WEIGHTS = Weights(packet=250, fragment=340, rendered=300)
"""
Packets and fragments have 241 and 339 in CPython 3.11 of 64 bits, by tracemalloc, of fragments of 1
to 8 packets. Quiet sound has payloads of 10 bytes: 50 packets a second are 28 KB then, not half of
one.
"""


class Fragment:
    """
    The smallest unit that is sent: the packets that arrived together.

    @ivar number: its place in the ring's count, from 0, without gaps.
    @ivar key: whether it begins a segment.
    @ivar decodable: whether all that comes from here on can be decoded: it begins a segment, and
        either with a keyframe of the first video, or there is no video.
    @ivar segment: how many segments have begun by now, in the ring's count, with its own.
    @ivar start: the earliest decoding time in it, in microseconds; subtitles do not count.
    @ivar end: where the stream's line ends with it; never less than the fragment's before.
    @ivar pause: the recent longest wait for a picture, in microseconds; 0 if unknown.
    @ivar payload: bytes of its packets' media.
    @ivar weight: bytes that it takes in memory, without what was rendered.
    @ivar size: bytes that it takes with that.
    @ivar rendered: its bytes in the formats that are watched, made once and shared, by format,
        tracks and framing.
    """

    __slots__ = (
        "decodable",
        "end",
        "key",
        "number",
        "packets",
        "pause",
        "payload",
        "rendered",
        "segment",
        "size",
        "start",
        "weight",
    )

    def __init__(
        self,
        number: int,
        packets: Sequence[Packet],
        timed: Sequence[Packet],
        *,
        key: bool,
        decodable: bool,
        segment: int,
        edge: int,
        pause: int,
        weights: Weights = WEIGHTS,
    ) -> None:
        self.number = number
        self.segment = segment
        self.pause = pause
        self.packets = packets
        self.key = key
        self.decodable = decodable
        self.start = min((packet.dts for packet in timed), default=edge)
        self.end = max((edge, *(packet.end for packet in timed)))
        self.payload = sum(len(packet.data) for packet in packets)
        self.weight = weights.fragment + weights.packet * len(packets) + self.payload
        for packet in packets:
            if packet.extra is not None:
                self.weight += sum(len(data) for _, data in packet.extra.additions)
        self.size = self.weight
        self.rendered: dict[Hashable, bytes] = {}
