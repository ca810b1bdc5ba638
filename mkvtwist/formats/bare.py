"""
Bare sound, frame after frame without a container: what radios play (I{pure}).

A decoder can begin at any frame, so a fragment depends on its packets alone. Such a format has one
track.
"""

from collections.abc import Callable, Collection, Sequence

from mkvtwist.formats.base import FileLayout, IndexEntry, Muxer
from mkvtwist.media.packet import SECOND, Header, Packet, Track

Frame = Callable[[bytes], bytes]
"""Makes a frame of a packet's payload."""


class BareMuxer(Muxer[None]):
    """Sound as its frames, behind a head."""

    start = None

    def __init__(self, number: int, frame: Frame | None = None, head: bytes = b"") -> None:
        """
        Make a muxer.

        @param number: the number of the track.
        @param frame: makes the frames; without it they are the payloads.
        """
        self.head = head
        self._number = number
        self._frame = frame

    def render(self, packets: Sequence[Packet]) -> bytes:
        """Return the track's frames."""
        payloads = [packet.data for packet in packets if packet.track == self._number]
        return b"".join(payloads if self._frame is None else map(self._frame, payloads))


def only(header: Header, numbers: Collection[int]) -> Track:
    """Return the only track that is sent."""
    (track,) = header.only(numbers)
    return track


def _front(head: bytes, _number: int, _pieces: Sequence[IndexEntry], _duration: int) -> bytes:
    """Return the part of a file before its frames."""
    return head


FILE = FileLayout(
    front=_front,
    piece=lambda muxer, packets: muxer.render(packets),
    earliest=lambda packet: packet.pts,
    span=SECOND,
)
"""A file of bare sound, which is no more than its frames: players have no index in it."""
