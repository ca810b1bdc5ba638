"""
The header and the tags of FLV (I{pure}, Adobe FLV 10.1, annex E).
"""

HAS_AUDIO, HAS_VIDEO = 4, 1
"""Flags of the header: libavformat waits for the tracks that they promise."""

AUDIO, VIDEO, DATA = 8, 9, 18
"""Types of tags, and of RTMP's messages."""

HEAD = 11
"""Bytes of a tag's head."""

LARGEST_BODY = (1 << 24) - 1
"""Bytes of a body at most: its size has 24 bits."""

SIZE = 4
"""Bytes of a tag's size, which stands behind it."""


def header(flags: int) -> bytes:
    """Return the beginning of a file, with the size of no tag behind it."""
    return b"FLV\x01" + bytes([flags]) + b"\0\0\0\x09\0\0\0\0"


def tag(type_: int, time: int, *body: bytes) -> bytes:
    """
    Return a tag with its size behind it.

    @param time: in milliseconds; wraps at 32 bits.
    @param body: in parts that follow each other, L{LARGEST_BODY} together at most.
    """
    size = sum(map(len, body))
    return b"".join(
        (
            bytes([type_]),
            size.to_bytes(3, "big"),
            (time & 0xFFFFFF).to_bytes(3, "big"),
            bytes([time >> 24 & 0xFF, 0, 0, 0]),
            *body,
            (HEAD + size).to_bytes(SIZE, "big"),
        )
    )
