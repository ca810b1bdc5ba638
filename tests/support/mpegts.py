"""Transport streams as tests make them, and read them with a parser of their own."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.mpegts import MPEG_TS
from mkvtwist.formats.mpegts.pes import LEAD
from mkvtwist.media.packet import SECOND, Header, Packet
from mkvtwist.media.stored_payload import nal_units
from tests.support import media
from tests.support.adapters import described
from tests.support.packets import FRAME, VIDEO

WRAP = 1 << 33
"""Ticks after which the stamps of a transport stream begin anew."""

START = b"\0\0\0\1"
H264_SETS = frozenset({7, 8, 9})
HEVC_SETS = frozenset({32, 33, 34, 35, 39})
PICTURES = {
    "mpeg1video": b"\0\0\1\0",
    "mpeg2video": b"\0\0\1\0",
    "mpeg4": b"\0\0\1\xb6",
}
"""The start codes of pictures; before the first one stands setup."""


class Cell(NamedTuple):
    """One transport packet."""

    pid: int
    begins: bool
    counter: int
    key: bool
    pcr: int | None
    payload: bytes


class Pes(NamedTuple):
    """One PES packet and what stood before it; times are in ticks of 90 kHz, PCR of 27 MHz."""

    pid: int
    id: int
    pts: int
    dts: int
    pcr: int | None
    key: bool
    length: int
    payload: bytes


class Entry(NamedTuple):
    """A track as the PMT has it."""

    type: int
    pid: int
    descriptors: list[tuple[int, bytes]]


@dataclass
class Stream:
    """What is in a transport stream."""

    pes: list[Pes] = field(default_factory=list)
    tables: list[tuple[int, bytes]] = field(default_factory=list)
    counters: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    clock: list[int] = field(default_factory=list)
    """The moments that are told, in ticks of 27 MHz."""

    def of(self, track: int) -> list[Pes]:
        """The PES packets of a track."""
        return [pes for pes in self.pes if pes.pid == 0x100 + track]


def cells(data: bytes) -> Iterator[Cell]:
    """The transport packets in some bytes; nothing in them is reserved, wrong, or stuffed badly."""
    assert len(data) % 188 == 0, len(data)
    for at in range(0, len(data), 188):
        cell = data[at : at + 188]
        sync, place, control = struct.unpack_from(">BHB", cell)
        assert sync == 0x47
        assert place & 0xA000 == 0, "no error, no priority"
        assert control & 0xC0 == 0, "not scrambled"
        assert control & 0x30, "there is something in it"
        flags, pcr, end = 0, None, 4
        if control & 0x20:
            length = cell[4]
            assert length <= 182 if control & 0x10 else length == 183, "it fills what it has to"
            end = 5 + length
            adaptation = cell[5:end]
            if adaptation:
                flags, adaptation = adaptation[0], adaptation[1:]
                assert flags & ~0x50 == 0
            if flags & 0x10:
                value = int.from_bytes(adaptation[:6], "big")
                assert value >> 9 & 0x3F == 0x3F
                pcr = (value >> 15) * 300 + (value & 0x1FF)
                assert value & 0x1FF < 300
                adaptation = adaptation[6:]
            assert adaptation == b"\xff" * len(adaptation)
        begins = bool(place & 0x4000)
        yield Cell(place & 0x1FFF, begins, control & 15, bool(flags & 0x40), pcr, cell[end:])


def stamp(data: bytes, mark: int) -> int:
    """A time stamp."""
    value = int.from_bytes(data, "big")
    assert value >> 36 == mark
    assert value & 0x100010001 == 0x100010001
    return (value >> 33 & 7) << 30 | (value >> 17 & 0x7FFF) << 15 | value >> 1 & 0x7FFF


def section(payload: bytes) -> tuple[int, bytes] | None:
    """A table's number and body; L{None} while it is not complete."""
    assert payload[0] == 0, "it begins at once"
    table, length = struct.unpack_from(">BH", payload, 1)
    assert length & 0xF000 == 0xB000
    end = 4 + (length & 0xFFF)
    if len(payload) < end:
        return None
    assert payload[end:] == b"\xff" * (len(payload) - end)
    whole = payload[1:end]
    assert reference_crc(whole) == 0, "with its own CRC it comes to 0"
    assert whole[3:8].hex() == "0001c10000"
    return table, whole[8:-4]


def pes(group: list[Cell]) -> Pes:
    """A PES packet from the transport packets that it is in."""
    first = group[0]
    data = b"".join(cell.payload for cell in group)
    assert all(not cell.key and cell.pcr is None for cell in group[1:])
    start, id_, length, aligned, flags, size = struct.unpack_from(">3sBHBBB", data)
    assert (start, aligned, size) == (b"\0\0\1", 0x84, {0x80: 5, 0xC0: 10}[flags])
    assert length in (0, len(data) - 6)
    pts = stamp(data[9:14], flags >> 6)
    dts = stamp(data[14:19], 1) if flags == 0xC0 else pts
    return Pes(first.pid, id_, pts, dts, first.pcr, first.key, length, data[9 + size :])


def parsed(data: bytes) -> Stream:
    """A transport stream taken apart, by a parser that knows nothing of ours."""
    found = Stream()
    groups: dict[int, list[Cell]] = {}
    done: list[list[Cell]] = []
    for cell in cells(data):
        if cell.pcr is not None:
            found.clock.append(cell.pcr)
        if not cell.payload:
            assert not cell.begins
            assert cell.pcr is not None, "else it says nothing"
            before = found.counters.get(cell.pid, [cell.counter])
            assert before[-1] == cell.counter, "it does not count"
            continue
        found.counters[cell.pid].append(cell.counter)
        if cell.begins:
            groups[cell.pid] = []
            done.append(groups[cell.pid])
        groups[cell.pid].append(cell)
    for group in done:
        if group[0].pid in (0, 0x1000):
            table = section(b"".join(cell.payload for cell in group))
            assert table is not None
            assert table[0] == {0: 0, 0x1000: 2}[group[0].pid]
            found.tables.append(table)
        else:
            found.pes.append(pes(group))
    return found


def entries(body: bytes) -> tuple[int, list[Entry]]:
    """The PID of the clock, and the tracks in a PMT."""
    clock, size = struct.unpack_from(">HH", body)
    assert (clock >> 13, size) == (7, 0xF000)
    made, at = [], 4
    while at < len(body):
        type_, pid, size = struct.unpack_from(">BHH", body, at)
        assert (pid >> 13, size >> 12) == (7, 15)
        at, end = at + 5, at + 5 + (size & 0xFFF)
        descriptors = []
        while at < end:
            descriptors.append((body[at], body[at + 2 : at + 2 + body[at + 1]]))
            at += 2 + body[at + 1]
        assert at == end
        made.append(Entry(type_, pid & 0x1FFF, descriptors))
    return clock & 0x1FFF, made


@cache
def header(video: str | None = "mpeg2video", audio: str | None = "ac3", **more: Any) -> Header:
    """A header as it is written in earnest; usually for what is sent as it is, and subtitles."""
    clip = media.clip(video=video, audio=audio, seconds=0.2, **more)
    return described(clip, after=True)


def texts() -> Header:
    """A header of two tracks that are sent, and one that is not."""
    return header(subtitles=((0, 0.1, "x"),))


def ticks(time: int) -> int:
    """When something is due in the stream, in ticks of 90 kHz, to the nearest."""
    return max(0, (time + LEAD) * 90_000 * 2 + SECOND) // (2 * SECOND) % WRAP


def sent(format_: Muxer[Any], fragments: Sequence[Sequence[Packet]]) -> list[bytes]:
    """The bytes of some fragments, one after the other."""
    counters, out = format_.start, []
    for fragment in fragments:
        out.append(format_.live(fragment, 0, counters))
        counters = format_.advance(fragment, counters)
    return out


def cut(packets: Sequence[Packet], size: int) -> list[Sequence[Packet]]:
    """Packets in fragments of so many."""
    return [packets[at : at + size] for at in range(0, len(packets), size)]


def frame(time: int = 0, **more: Any) -> Packet:
    """A picture, or what its fields say."""
    return Packet(VIDEO, time, time, FRAME, key=False, data=b"x")._replace(**more)


def reference_crc(data: bytes) -> int:
    """The remainder of a long division, all at once (ISO/IEC 13818-1, annex A)."""
    size = 8 * len(data)
    value = int.from_bytes(data, "big") << 32 ^ (0xFFFFFFFF << size)
    for bit in range(size + 31, 31, -1):
        if value >> bit & 1:
            value ^= 0x104C11DB7 << (bit - 32)
    return value


def one(header: Header, packet: Packet) -> bytes:
    """The payload of what one packet becomes."""
    format_ = media.all_of(MPEG_TS, header)
    (found,) = parsed(format_.live([packet], 0, format_.start)).of(packet.track)
    return found.payload


def units(data: bytes, sets: frozenset[int]) -> list[bytes]:
    """NAL units between start codes, without delimiter and parameter sets."""
    shift, mask = (1, 0x3F) if 35 in sets else (0, 0x1F)
    return [unit for unit in nal_units(data) if unit[0] >> shift & mask not in sets]


def prefixed(data: bytes) -> bytes:
    """Length-prefixed NAL units, with start codes instead."""
    out, at = b"", 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        out += START + data[at + 4 : end]
        at = end
    return out
