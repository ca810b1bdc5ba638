"""
Transport packets of 188 bytes (I{pure}, ISO/IEC 13818-1, 2.4.3.2).
"""

import struct

PACKET_SIZE = 188
"""Bytes of a transport packet."""

PACKET_ROOM = PACKET_SIZE - 4
"""Bytes of a transport packet after its header: adaptation field and payload."""

BEGINS, PAYLOAD, _ADAPTATION = 0x4000, 0x10, 0x20
"""Bits in a transport packet's header (2.4.3.2): beside the PID, and beside the counter."""

RANDOM_ACCESS, _HAS_PCR = 0x40, 0x10
"""Flags of an adaptation field (2.4.3.4)."""

CLOCK_FIELD, KEY_FIELD = 8, 2
"""Bytes of an adaptation field with a PCR, and of one with flags alone."""

TICKS = 1 << 33
"""Ticks of 90 kHz that a time stamp can tell: after 26.5 hours stamps begin anew."""

NULL = b"\x47\x1f\xff\x10" + b"\xff" * 184
"""A null packet, which all players ignore (2.4.3.3)."""

HEAD = struct.Struct(">BHB")
"""The header: sync byte, PID with the flags before it, control with the continuity counter."""


def clock_field(flags: int, moment: int) -> bytes:
    """Return an adaptation field that tells the time."""
    base, extension = divmod(max(0, moment) * 27, 300)  # 27 ticks a microsecond
    pcr = base % TICKS << 15 | 0x7E00 | extension
    return bytes((CLOCK_FIELD - 1, flags | _HAS_PCR)) + pcr.to_bytes(6, "big")


def filled(place: int, counter: int, field: bytes, payload: bytes) -> bytes:
    """
    Return one transport packet, filled up by its adaptation field.

    @param place: the PID, and whether something begins there.
    @param payload: without it the packet is an adaptation field alone.
    """
    spare = PACKET_ROOM - len(field) - len(payload)
    if spare:
        # The length, flags of which none is set, and then stuffing.
        field = field or b"\0\0"[:spare]
        missing = PACKET_ROOM - len(field) - len(payload)
        field = bytes((len(field) - 1 + missing,)) + field[1:] + b"\xff" * missing
    control = (PAYLOAD if payload else 0) | (_ADAPTATION if field else 0) | counter & 15
    return HEAD.pack(0x47, place, control) + field + payload


def packets_for(size: int) -> int:
    """Return how many transport packets some bytes take."""
    return -(-size // PACKET_ROOM)


def cut(pid: int, table: bytes, counter: int) -> list[bytes]:
    """Return a table in transport packets, the last of which is filled up as tables are."""
    return [
        HEAD.pack(0x47, pid | (0 if at else BEGINS), PAYLOAD | counter + n & 15)
        + table[at : at + PACKET_ROOM].ljust(PACKET_ROOM, b"\xff")
        for n, at in enumerate(range(0, len(table), PACKET_ROOM))
    ]
