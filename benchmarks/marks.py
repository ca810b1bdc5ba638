"""
Marks: the sender's clock, inside the picture (I{pure}).

A mark travels at the end of each video packet, so whoever has the mark has the
frame. It is an H.264 NAL unit of type 30, which the standard leaves to
applications, lets stand after the picture's slices, and tells decoders to
ignore; so it survives demuxing and remuxing in every server that copies packets.

C{sink.c} and C{sink.py} know the same layout.
"""

MAGIC = b"mkvtwist-benchmark-mark:"
"""24 bytes. Its last byte occurs only once, which makes searching simple."""

LENGTH = len(MAGIC) + 8 + 16
"""The magic, 8 hexadecimal digits of sequence, 16 of nanoseconds."""

NAL_LENGTH = 4 + 1 + LENGTH
"""The length prefix, the NAL unit's head, the mark."""

_UNSPECIFIED_NAL = 30
"""nal_ref_idc 0, nal_unit_type 30: ITU-T H.264, table 7-1, "Unspecified"."""


def mark(sequence: int, nanoseconds: int) -> bytes:
    """The text of one mark: digits only, so no start code can arise in it."""
    return MAGIC + b"%08x%016x" % (sequence & 0xFFFFFFFF, nanoseconds)


def nal_unit(sequence: int, nanoseconds: int) -> bytes:
    """A mark as a length-prefixed NAL unit, as Matroska and MP4 hold them."""
    body = bytes([_UNSPECIFIED_NAL]) + mark(sequence, nanoseconds)
    return len(body).to_bytes(4, "big") + body
