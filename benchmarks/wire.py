"""The bytes that a live Matroska source writes: one Cluster a packet (I{pure})."""

CLUSTER = b"\x1f\x43\xb6\x75"
_TIMESTAMP = b"\xe7"
_SIMPLE_BLOCK = b"\xa3"


def _size(length: int) -> bytes:
    """An EBML element size in four bytes: up to 256 MB."""
    return (length | 0x10000000).to_bytes(4, "big")


def cluster(track: int, milliseconds: int, payload: bytes, *, key: bool) -> bytes:
    """
    One packet as a Cluster with a single SimpleBlock (RFC 9559, 5.1.3).

    @param track: the Matroska track number, at most 126.
    """
    block = bytes([0x80 | track, 0, 0, 0x80 if key else 0]) + payload
    moment = milliseconds.to_bytes(8, "big")
    inside = b"".join(
        (_TIMESTAMP, bytes([0x80 | len(moment)]), moment, _SIMPLE_BLOCK, _size(len(block)), block)
    )
    return CLUSTER + _size(len(inside)) + inside


def record(kind: bytes, content: bytes) -> bytes:
    """One record for C{floor}: its kind (C{H}, C{K} or C{F}), its length, itself."""
    return kind + len(content).to_bytes(4, "big") + content
