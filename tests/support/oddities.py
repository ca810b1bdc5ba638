"""What neither PyAV nor ffmpeg makes: PGS pictures, data tracks, HDR in a container, garbage."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

CHAPTERS = """;FFMETADATA1
title=Grüße
artist=Nobody
comment=made for a test
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1500
title=Beginning
[CHAPTER]
TIMEBASE=1/1000
START=1500
END=4000
title=Ende äöü
"""

TEXT = """1
00:00:00,500 --> 00:00:01,500
Hello

2
00:00:03,000 --> 00:00:03,800
<i>Grüße</i>
two lines

"""


def extras(directory: Path) -> None:
    """The files that ffmpeg is given beside its own test picture: text, PGS, tags, cover, font."""
    directory.mkdir(exist_ok=True)
    (directory / "text.srt").write_text(TEXT, encoding="utf-8")
    (directory / "tags.ffmeta").write_text(CHAPTERS, encoding="utf-8")
    (directory / "pictures.sup").write_bytes(pgs([(0.5, 1.5), (3.0, 3.8)]))
    (directory / "font.ttf").write_bytes(b"\0\1\0\0" + garbage(2000))
    (directory / "cover.jpg").write_bytes(_jpeg())


def garbage(size: int, seed: int = 3) -> bytes:
    """Random bytes, always the same."""
    return random.Random(seed).randbytes(size)  # noqa: S311 (repeatable is what is wanted here)


def _jpeg() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="image2pipe") as file:
        stream: Any = file.add_stream("mjpeg", rate=1, width=64, height=64)
        stream.pix_fmt = "yuvj420p"
        frame = av.VideoFrame(64, 64, "yuvj420p")
        for plane in frame.planes:
            plane.update(bytes([90]) * plane.buffer_size)
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def pgs(times: list[tuple[float, float]]) -> bytes:
    """A .sup file with a rectangle at each of these times (from, to; seconds)."""
    out = bytearray()
    number = 0

    def segment(when: float, kind: int, body: bytes) -> None:
        out.extend(struct.pack(">2sIIBH", b"PG", round(when * 90_000), 0, kind, len(body)) + body)

    def composition(state: int, objects: bytes) -> bytes:
        head = struct.pack(">HHBHBBBB", 176, 144, 0x10, number, state, 0, 0, len(objects) // 8)
        return head + objects

    window = struct.pack(">BBHHHH", 1, 0, 40, 100, 64, 16)
    palette = bytes([0, 0, 0, 16, 128, 128, 0, 1, 200, 128, 128, 255])
    line = b"\x00\xc0\x40\x01" + b"\x00\x00"  # 64 pixels of colour 1, end of line
    picture = line * 16
    for begin, end in times:
        segment(begin, 0x16, composition(0x80, struct.pack(">HBBHH", 0, 0, 0, 40, 100)))
        segment(begin, 0x17, window)
        segment(begin, 0x14, palette)
        length = (len(picture) + 4).to_bytes(3, "big")
        segment(begin, 0x15, b"\0\0\0\xc0" + length + struct.pack(">HH", 64, 16) + picture)
        segment(begin, 0x80, b"")
        number += 1
        segment(end, 0x16, composition(0, b""))
        segment(end, 0x17, window)
        segment(end, 0x80, b"")
        number += 1
    return bytes(out)


def with_data(source: Path, codec: str) -> bytes:
    """The clip as MPEG-TS, with a data track beside it that has a packet every half second."""
    out = io.BytesIO()
    with av.open(str(source)) as file, av.open(out, "w", format="mpegts") as copy:
        streams = {s.index: copy.add_stream_from_template(s, opaque=True) for s in file.streams}
        data = copy.add_data_stream(codec)
        due = 0.0
        for packet in file.demux():
            if not packet.size:
                continue
            time = float((packet.dts or 0) * packet.time_base)
            if time >= due:
                extra: av.Packet[Any] = av.Packet(b"ID3\4\0\0\0\0\0\0" + bytes(20))
                extra.stream, extra.time_base = data, packet.time_base
                extra.pts = extra.dts = packet.dts
                copy.mux(extra)
                due = time + 0.5
            packet.stream = streams[packet.stream_index]
            copy.mux(packet)
    return out.getvalue()


def closed_up(source: Path) -> bytes:
    """The pictures of an AVI one behind the other, without the holes that the encoder left."""
    out = io.BytesIO()
    with av.open(str(source)) as file, av.open(out, "w", format="avi") as copy:
        streams = {s.index: copy.add_stream_from_template(s, opaque=True) for s in file.streams}
        number = 0
        for packet in file.demux():
            if not packet.size:
                continue
            if packet.stream.type == "video":
                packet.dts = packet.pts = number
                number += 1
            packet.stream = streams[packet.stream_index]
            copy.mux(packet)
    return out.getvalue()


# -- MPEG-TS ------------------------------------------------------------------

_PAT, _SDT, _PMT, _VIDEO, _AUDIO = 0, 0x11, 0x1000, 0x100, 0x101
"""Where FFmpeg's muxer puts what."""


def _packets(data: bytes) -> Iterator[tuple[int, bytearray, int]]:
    """Of each packet: its PID, its bytes, where its payload begins."""
    for at in range(0, len(data) - 187, 188):
        packet = bytearray(data[at : at + 188])
        begin = 5 + packet[4] if packet[3] & 0x20 else 4
        yield int.from_bytes(packet[1:3], "big") & 0x1FFF, packet, begin


def _pes_times(packet: bytearray, begin: int) -> list[int]:
    """Where the PTS and the DTS stand, if a PES packet begins here."""
    if not packet[1] & 0x40 or packet[begin : begin + 3] != b"\0\0\1":
        return []
    return [begin + 9, begin + 14][: (packet[begin + 7] >> 6).bit_count()]


def times_of_keyframes_only(data: bytes) -> bytes:
    """A transport stream whose pictures have no times, but for those that one can begin with."""
    made = bytearray()
    for pid, packet, begin in _packets(data):
        begins_gop = packet[3] & 0x20 and packet[4] and packet[5] & 0x40
        if pid == _VIDEO and not begins_gop and _pes_times(packet, begin):
            packet[begin + 7] &= 0x3F
            packet[begin + 9 : begin + 9 + packet[begin + 8]] = b"\xff" * packet[begin + 8]
        made += packet
    return bytes(made)


def sound_moved(data: bytes, seconds: float) -> bytes:
    """A transport stream whose sound says that it is later, and arrives as before."""
    made = bytearray()
    for pid, packet, begin in _packets(data):
        for at in _pes_times(packet, begin) if pid == _AUDIO else ():
            a, b, c, d, e = packet[at : at + 5]
            time = (a >> 1 & 7) << 30 | b << 22 | c >> 1 << 15 | d << 7 | e >> 1
            time = (time + round(seconds * 90_000)) % (1 << 33)
            packet[at] = a & 0xF1 | time >> 30 << 1
            packet[at + 1] = time >> 22 & 0xFF
            packet[at + 2] = time >> 14 & 0xFE | 1
            packet[at + 3] = time >> 7 & 0xFF
            packet[at + 4] = time << 1 & 0xFE | 1
        made += packet
    return bytes(made)


def _section(body: bytes, flags: int = 0xB000) -> bytes:
    """A packet's payload with one section (ISO/IEC 13818-1, 2.4.4); length and CRC are put in."""
    body = body[:1] + ((len(body) + 1) | flags).to_bytes(2, "big") + body[3:]
    crc = 0xFFFFFFFF
    for byte in body:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return (b"\0" + body + crc.to_bytes(4, "big")).ljust(184, b"\xff")


def programmes(*clips: bytes, begin: float = 0.0, table: float = 0.0) -> bytes:
    """
    Transport streams of one programme each as the programmes 1, 2, ... of one.

    @param begin: the share of the time after which all but the first come.
    @param table: the share of the time after which they are in a table; they may come before.
    """
    mixed: list[tuple[float, int, bytes]] = []
    known = range(1, len(clips) + 1)
    for number, clip in enumerate(clips, 1):
        shift = 0x20 * (number - 1)
        starts = 0.0 if number == 1 else begin
        for at, (pid, packet, _) in enumerate(_packets(clip)):
            place = starts + (1 - starts) * at * 188 / len(clip)
            if pid == _SDT or (pid == _PAT and number > 1):
                continue
            if pid == _PAT:
                listed = [n for n in known if n == 1 or place >= max(begin, table)]
                entries = b"".join(
                    n.to_bytes(2, "big") + (0xE000 | _PMT + 0x20 * (n - 1)).to_bytes(2, "big")
                    for n in listed
                )
                version = 0xC1 | len(listed) << 1
                packet[4:] = _section(bytes((0, 0, 0, 0, 1, version, 0, 0)) + entries)
            elif pid == _PMT:
                if number > 1 and place < table:
                    continue
                length = int.from_bytes(packet[6:8], "big") & 0xFFF
                body = bytearray(packet[5 : 5 + 3 + length - 4])
                body[3:5] = number.to_bytes(2, "big")
                ends = [8]
                rest = 12 + (int.from_bytes(body[10:12], "big") & 0xFFF)
                while rest < len(body):
                    ends.append(rest + 1)
                    rest += 5 + (int.from_bytes(body[rest + 3 : rest + 5], "big") & 0xFFF)
                for end in ends:
                    moved = (int.from_bytes(body[end : end + 2], "big") & 0x1FFF) + shift
                    body[end : end + 2] = (0xE000 | moved).to_bytes(2, "big")
                packet[4:] = _section(bytes(body))
            packet[1:3] = (int.from_bytes(packet[1:3], "big") + shift * (pid > 0)).to_bytes(
                2, "big"
            )
            mixed.append((place, number, bytes(packet)))
    return b"".join(packet for _, _, packet in sorted(mixed, key=lambda one: one[:2]))


_BESIDE = 0x1F0
"""The PID of what is put beside picture and sound."""

TELETEXT = 6, b"\x56\x05deu\x09\0"
"""Private data with teletext's descriptor (EN 300 468, 6.2.43): German, page 100."""

SCTE_35 = 0x86, b""

_CUEI = b"\x05\x04CUEI"
"""The programme's registration descriptor that SCTE 35 asks for."""


def with_stream(data: bytes, kind: tuple[int, bytes]) -> bytes:
    """
    A transport stream with one more track, which has something with each picture.

    @param kind: L{TELETEXT} or L{SCTE_35}: the type of the stream and its descriptors.
    """
    made = bytearray()
    count = 0
    type_, descriptors = kind
    for pid, packet, begin in _packets(data):
        if pid == _PMT:
            length = int.from_bytes(packet[6:8], "big") & 0xFFF
            body = bytearray(packet[5 : 5 + 3 + length - 4])
            if type_ == SCTE_35[0]:
                body[10:12] = (0xF000 | len(_CUEI)).to_bytes(2, "big") + _CUEI
            body += bytes((type_,)) + (0xE000 | _BESIDE).to_bytes(2, "big")
            body += (0xF000 | len(descriptors)).to_bytes(2, "big") + descriptors
            packet[4:] = _section(bytes(body))
        made += packet
        times = _pes_times(packet, begin) if pid == _VIDEO else []
        if times:
            pts = bytes((packet[times[0]] & 0xF | 0x20,)) + packet[times[0] + 1 : times[0] + 5]
            head = bytes((0x47, 0x40 | _BESIDE >> 8, _BESIDE & 0xFF, 0x10 | count % 16))
            made += head + (_teletext(pts) if type_ == TELETEXT[0] else _splice_null())
            count += 1
    return bytes(made)


def _teletext(pts: bytes) -> bytes:
    """A PES packet with three lines, the first of them a header of page 100 (EN 300 472)."""
    lines = b"\x02\x2c\xe7\xe4" + bytes((0xA8, 0xA8, *[0xA8] * 8)) + b"\x04" * 32
    lines += (b"\xff\x2c" + b"\xff" * 44) * 2  # stuffing
    head = b"\0\0\1\xbd" + (178).to_bytes(2, "big") + b"\x84\x80\x24" + pts + b"\xff" * 31
    return head + b"\x10" + lines


def _splice_null() -> bytes:
    """A section that says nothing but that it is there (SCTE 35, 9.6 and 9.7.1)."""
    return _section(b"\xfc\0\0" + bytes(7) + b"\xff\xf0\0\0\0\0", 0x3000)


def flv_twice(data: bytes) -> bytes:
    """The tags of an FLV once more behind it, as a sender does that begins again."""
    return data + data[13:]


# -- EBML ---------------------------------------------------------------------


def element(ident: int, body: bytes) -> bytes:
    """An EBML element, its length always in eight bytes."""
    return ident.to_bytes((ident.bit_length() + 7) // 8, "big") + _length(len(body)) + body


def _length(size: int) -> bytes:
    return (size | 1 << 56).to_bytes(8, "big")


def children(data: bytes) -> list[tuple[int, bytes]]:
    """The elements one after the other: id and body; one of unknown length reaches to the end."""
    found = []
    at = 0
    while at < len(data):
        width = 9 - data[at].bit_length()
        ident = int.from_bytes(data[at : at + width], "big")
        at += width
        if at >= len(data):
            break
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        end = len(data) if size == (1 << 7 * width) - 1 else at + size
        found.append((ident, data[at:end]))
        at = end
    return found


SEGMENT, TRACKS, TRACK, VIDEO, COLOUR = 0x18538067, 0x1654AE6B, 0xAE, 0xE0, 0x55B0
PLACES = (0x114D9B74, 0x1C53BB6B)
"""SeekHead and Cues: where something is in the file, which is wrong when lengths change."""

_MASTERING = 0x55D0
_HDR = (
    # R, G, B and white as x and y, then the brightest and the darkest, in candela per square metre
    *zip(
        range(0x55D1, 0x55DB),
        (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329, 1000, 0.0001),
        strict=True,
    ),
)


def with_hdr10(data: bytes) -> bytes:
    """A Matroska file whose video tracks are HDR10 by what the container says, and only by that."""
    mastering = b"".join(element(i, struct.pack(">d", value)) for i, value in _HDR)
    colour = (
        (0x55B1, bytes([9])),  # MatrixCoefficients: BT.2020, not constant luminance
        (0x55B9, bytes([1])),  # Range: broadcast
        (0x55BA, bytes([16])),  # TransferCharacteristics: SMPTE ST 2084
        (0x55BB, bytes([9])),  # Primaries: BT.2020
        (0x55BC, (1000).to_bytes(2, "big")),  # MaxCLL
        (0x55BD, (400).to_bytes(2, "big")),  # MaxFALL
        (_MASTERING, mastering),
    )
    more = element(COLOUR, b"".join(element(ident, body) for ident, body in colour))

    def coloured(body: bytes) -> bytes:
        kept = (child for child in children(body) if child[0] != COLOUR)
        return b"".join(element(*child) for child in kept) + more

    def patch(parts: list[tuple[int, bytes]]) -> bytes:
        return b"".join(
            element(ident, coloured(body) if ident == VIDEO else body) for ident, body in parts
        )

    return tracks_patched(data, patch)


BLOCK_ADDITION_MAPPING, CODEC_ID, CODEC_PRIVATE = 0x41E4, 0x86, 0x63A2
CODEC_DELAY = 0x56AA


def tracks_patched(data: bytes, patch: Callable[[list[tuple[int, bytes]]], bytes]) -> bytes:
    """A Matroska file with other children for each of its tracks."""

    def patched(ident: int, body: bytes) -> bytes:
        if ident in (SEGMENT, TRACKS):
            kept = (child for child in children(body) if child[0] not in PLACES)
            body = b"".join(patched(*child) for child in kept)
        elif ident == TRACK:
            body = patch(children(body))
        return element(ident, body)

    return b"".join(patched(*child) for child in children(data))


def with_dolby_vision(data: bytes, profile: int, compatibility: int, level: int = 6) -> bytes:
    """A Matroska file that says its pictures are Dolby Vision."""
    numbers = profile << 9 | level << 3 | 0b101  # with metadata, without an enhancement layer
    record = bytes((1, 0, numbers >> 8, numbers & 0xFF, compatibility << 4)) + bytes(19)
    kind = b"dvcC" if profile < 8 else b"dvvC"
    mapping = element(0x41A4, b"Dolby Vision configuration")
    mapping += element(0x41E7, kind) + element(0x41ED, record)

    def patch(parts: list[tuple[int, bytes]]) -> bytes:
        kept = b"".join(element(*part) for part in parts)
        return kept + element(BLOCK_ADDITION_MAPPING, mapping)

    return tracks_patched(data, patch)


ALPHA_MODE = 0x53C0


def with_alpha(data: bytes) -> bytes:
    """A Matroska file that says its pictures have alpha beside them."""

    def patch(parts: list[tuple[int, bytes]]) -> bytes:
        more = element(ALPHA_MODE, b"\1")
        return b"".join(
            element(ident, body + more if ident == VIDEO else body) for ident, body in parts
        )

    return tracks_patched(data, patch)


def without_private(source: Path, codec_id: bytes) -> bytes:
    """
    Pictures of a raw file in Matroska, as some browsers record them: with start codes, and nothing
    about them in the header.
    """
    out = io.BytesIO()
    with av.open(str(source)) as file, av.open(out, "w", format="matroska") as copy:
        size = file.streams.video[0].width, file.streams.video[0].height
        stream = copy.add_stream("mpeg2video", rate=25, width=size[0], height=size[1])
        for number, packet in enumerate(p for p in file.demux() if p.size):
            one: Any = av.Packet(bytes(packet))
            one.stream, one.time_base, one.is_keyframe = stream, Fraction(1, 25), packet.is_keyframe
            one.pts = one.dts = number
            copy.mux(one)

    def patch(parts: list[tuple[int, bytes]]) -> bytes:
        named = ((i, codec_id if i == CODEC_ID else body) for i, body in parts)
        return b"".join(element(*part) for part in named if part[0] != CODEC_PRIVATE)

    return tracks_patched(out.getvalue(), patch)


def spliced(*paths: Path) -> bytes:
    """The packets of several files in one track of Matroska, described as those of the first."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as copy:
        track: Any = None
        time, step = Fraction(0), Fraction(1, 25)
        for path in paths:
            with av.open(str(path)) as file:
                stream = file.streams[0]
                track = track or copy.add_stream_from_template(stream, opaque=True)
                for packet in file.demux(stream):
                    if packet.size:
                        if packet.duration and packet.time_base and stream.type == "audio":
                            step = packet.duration * packet.time_base
                        one: Any = av.Packet(bytes(packet))
                        one.stream, one.time_base = track, Fraction(1, 1000)
                        one.is_keyframe = packet.is_keyframe
                        one.pts = one.dts = round(time * 1000)
                        time += step
                        copy.mux(one)
    return out.getvalue()
