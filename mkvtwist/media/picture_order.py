"""
The order in which pictures are shown: what H.264 and HEVC have in common (I{pure}).

Pictures are decoded in one order and shown in another one, which the picture order count in their
slice headers tells. It counts from a picture with which decoding can begin up to the next such
picture. Reading it takes the parameter sets, which say how wide a slice header's fields are.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from mkvtwist.media.bits import Bits

UNIT_LIMIT = 4096
"""
Bytes of a unit that are looked at: a parameter set with all lists, or a slice's header, has less.
"""

UNITS = 1024
"""Units of a picture that are looked at: more than the slices that a level allows (H.264, A.3)."""


class DisplayPlace(NamedTuple):
    """
    The place of a picture among those that are shown.

    @ivar begins: after all that were decoded before it, since a new count begins.
    @ivar order: after those of the same count's that have less.
    @ivar second: the picture is a frame's second field; the first one was decoded before it.
    @ivar depth: how many pictures at most are decoded before one and shown after it, if the stream
        says so.
    """

    begins: bool
    order: int
    second: bool = False
    depth: int | None = None


class PictureOrder(Protocol):
    """The order of one stream's pictures."""

    def place(self, units: Sequence[bytes]) -> DisplayPlace | None:
        """
        Return where the picture in an access unit is shown; L{None} if nothing tells.

        @param units: NAL units without start codes, of pictures in the order of decoding.
        """


def unit_bits(unit: bytes, head: int) -> Bits:
    """Return the bits of a unit behind its header, without the bytes that prevent start codes."""
    return Bits(unit[head:UNIT_LIMIT].replace(b"\0\0\3", b"\0\0"))


def nearest_msb(before: int, before_lsb: int, lsb: int, bits: int) -> int:
    """
    Return a count without its lower bits: as near as possible to that of the picture before.

    @param bits: how many lower bits a slice has.
    """
    size = 1 << bits
    if lsb < before_lsb and before_lsb - lsb >= size // 2:
        return before + size
    if lsb > before_lsb and lsb - before_lsb > size // 2:
        return before - size
    return before
