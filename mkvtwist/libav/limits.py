"""
The limits of a reader: sizes, counts and times (I{pure}).
"""

from dataclasses import dataclass

from mkvtwist.media.packet import SECOND

PACKET_LIMIT = 64 << 20
"""Bytes of one packet: an uncompressed picture of 8K. More is a damaged length."""

OPENING_LIMIT = 64 << 20
"""
Bytes that are read before an input counts as opened: one packet of L{PACKET_LIMIT}. A film's head
has some 10 MB; libavformat makes several copies of it.
"""

PENDING_MEDIA = 4 * SECOND
"""Media that is held for a track of which nothing is known yet: twice a generous GOP."""

PENDING_BYTES = 32 << 20
"""Bytes that are held for the header; half of the ring's default."""

TRACK_LIMIT = 64
"""Tracks of one input that are looked at; a sound input has a handful, a hostile one thousands."""

NOTE_LIMIT = 64
"""Sentences on how an input is read; one or two for each track."""

PACKET_WEIGHT = 500
"""Bytes that a packet takes beside its payload."""


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """
    The limits that a test, or a smaller machine, may set otherwise.

    @ivar packet: bytes of one packet; a larger one is left out.
    @ivar pending: bytes of packets that are held for the header.
    """

    packet: int = PACKET_LIMIT
    pending: int = PENDING_BYTES
