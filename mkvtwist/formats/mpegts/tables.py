"""
The tables that describe a transport stream: PAT and PMT (I{pure}, ISO/IEC 13818-1, 2.4.4 and 2.6).
"""

import struct
from collections.abc import Sequence

from mkvtwist.media.crc import crc32

PAT_PID, PMT_PID = 0, 0x1000

NO_PID = 0x1FFF
"""The PID of the clock in a PMT if no track has it."""

PMT_ROOM = 1021 - 13
"""
Bytes that a PMT may have for its tracks: what its section is limited to, less its head and its CRC.
It is enough for 50 of them.
"""

REGISTRATION, LANGUAGE, EXTENSION = 0x05, 0x0A, 0x7F
"""Tags of descriptors: ISO/IEC 13818-1, table 2-45; the last one is DVB's, ETSI EN 300 468."""

_PROGRAM = 1
"""The number of the only program, and of the transport stream; 0 is the network in a PAT."""


def pat() -> bytes:
    """Return the program association (2.4.4.3), with a pointer to its beginning."""
    return _section(0, struct.pack(">HH", _PROGRAM, 0xE000 | PMT_PID))


def pmt(entries: Sequence[bytes], clock: int) -> bytes:
    """
    Return the program map (2.4.4.8), with a pointer to its beginning.

    @param clock: the PID that has the time.
    """
    return _section(2, struct.pack(">HH", 0xE000 | clock, 0xF000) + b"".join(entries))


def entry(stream_type: int, pid: int, descriptors: bytes) -> bytes:
    """Return the entry of one track in a PMT."""
    head = struct.pack(">BHH", stream_type, 0xE000 | pid, 0xF000 | len(descriptors))
    return head + descriptors


def descriptor(tag: int, data: bytes) -> bytes:
    """Return one descriptor (2.6.1): its tag, its length, its payload."""
    return bytes((tag, len(data))) + data


def _section(table: int, data: bytes) -> bytes:
    """Return the one section of a table (2.4.4.10): version 0, valid at once."""
    length = len(data) + 5 + 4
    section = struct.pack(">BHHBBB", table, 0xB000 | length, _PROGRAM, 0xC1, 0, 0) + data
    return b"\0" + section + crc(section).to_bytes(4, "big")


def crc(data: bytes) -> int:
    """Return MPEG's CRC (annex A): Ethernet's, with the highest bit first and not inverted."""
    return crc32(data, 0xFFFFFFFF)
