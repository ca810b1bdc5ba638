"""Elementary streams that no encoder at hand makes, bit by bit or patched into those of one."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from mkvtwist.media.bits import Bits
from mkvtwist.media.stored_payload import obus
from tests.support import oddities


def ue(number: int) -> str:
    """A number in Exp-Golomb code."""
    text = f"{number + 1:b}"
    return "0" * (len(text) - 1) + text


def se(number: int) -> str:
    """A signed number in Exp-Golomb code."""
    return ue(2 * number - 1 if number > 0 else -2 * number)


def bits(*fields: str) -> bytes:
    """Bits as the standards' tables show them, filled up with zeros."""
    text = "".join(fields).replace(" ", "")
    text = text.ljust(-(-len(text) // 8) * 8, "0")
    return int(text or "0", 2).to_bytes(len(text) // 8, "big")


class Writer:
    """Writes big-endian bit fields, and the codes of H.264."""

    def __init__(self) -> None:
        self._bits = ""

    def put(self, value: int, width: int) -> Writer:
        """A number in so many bits."""
        self._bits += f"{value:0{width}b}" if width else ""
        return self

    def code(self, *text: str) -> Writer:
        """Bits as a standard prints them."""
        self._bits += "".join(text)
        return self

    def ue(self, *values: int) -> Writer:
        """Exp-Golomb codes."""
        return self.code(*map(ue, values))

    def se(self, *values: int) -> Writer:
        """Signed Exp-Golomb codes."""
        return self.code(*map(se, values))

    def align(self) -> Writer:
        """Zeros up to the next byte."""
        return self.code("0" * (-len(self._bits) % 8))

    def trail(self) -> Writer:
        """A one, and zeros up to the next byte."""
        return self.code("1").align()

    def data(self, data: bytes) -> Writer:
        """Whole bytes."""
        return self.put(int.from_bytes(data, "big"), 8 * len(data))

    def bytes(self) -> bytes:
        """All of it; the last byte is filled up with zeros."""
        return bits(self._bits)


def escaped(data: bytes) -> bytes:
    """A unit's bytes with what keeps start codes out of them (H.264, 7.4.1)."""
    out = bytearray()
    zeros = 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


# -- H.264 in fields ----------------------------------------------------------

_FIELD_MBS = 4, 2
"""Macroblocks of a field: the picture has 64x64 pixels."""


def fields(seconds: int = 4, gop: int = 15) -> list[tuple[bytes, bool]]:
    """
    The frames of an H.264 stream, 29.97 a second, each of two fields coded on their own (PAFF).

    A field of the first frame of a GOP has its samples as they are (I_PCM); the others repeat it.

    @return: the bytes of each frame, with start codes, and whether it is a keyframe.
    """
    return [_frame(number, gop) for number in range(round(seconds * 30000 / 1001))]


def _frame(number: int, gop: int) -> tuple[bytes, bool]:
    within = number % gop
    units = [b"\x09\xf0"]
    if not within:
        units += [
            _field_sps(),
            b"\x68"
            + Writer()
            .ue(0, 0)
            .put(0, 2)
            .ue(0, 0, 0)
            .put(0, 3)
            .se(0, 0, 0)
            .put(0, 3)
            .trail()
            .bytes(),
        ]
    units += [_field(within, bottom, number // gop) for bottom in (0, 1)]
    return b"".join(b"\0\0\0\1" + unit for unit in units), not within


def _field_sps() -> bytes:
    bits = Writer().data(bytes((77, 0, 30))).ue(0, 0, 0, 4, 2).put(0, 1)
    bits.ue(_FIELD_MBS[0] - 1, _FIELD_MBS[1] - 1).put(0, 1).put(0, 1).put(1, 1).put(0, 1)
    bits.put(1, 1).put(0, 4).put(1, 1).put(1001, 32).put(60000, 32).put(1, 1).put(0, 4)
    return b"\x67" + escaped(bits.trail().bytes())


def _field(number: int, bottom: int, seed: int) -> bytes:
    coded = number == 0
    head = 0x65 if coded and not bottom else 0x61
    bits = Writer().ue(0, 7 if coded else 5, 0).put(number % 16, 4).put(1, 1).put(bottom, 1)
    if head == 0x65:
        bits.ue(seed % 2)
    bits.put((2 * number + bottom) % 256, 8)
    if not coded:
        bits.put(0, 2)  # no other count of references, no other order
    bits.code("00" if head == 0x65 else "0")  # how references are marked
    bits.se(0)
    count = _FIELD_MBS[0] * _FIELD_MBS[1]
    if not coded:
        return bytes((head,)) + escaped(bits.ue(count).trail().bytes())
    samples = oddities.garbage(count * 8, seed * 2 + bottom)
    for place in range(count):
        bits.ue(25).align().data(bytes(samples[place * 8 + at // 48] | 16 for at in range(384)))
    return bytes((head,)) + escaped(bits.trail().bytes())


def in_transport(
    frames: Iterable[tuple[bytes, bool]], codec: str, rate: Fraction, *, halves: bool = False
) -> bytes:
    """
    Pictures in MPEG-TS.

    @param halves: each field of a frame gets a PES packet, and a time, of its own.
    """
    out = io.BytesIO()
    with av.open(out, "w", format="mpegts") as file:
        stream: Any = file.add_mux_stream(codec, rate=rate, width=64, height=64)
        for number, (data, key) in enumerate(frames):
            parts = [data]
            if halves:
                at = data.rindex(b"\0\0\0\1")
                parts = [data[:at], b"\0\0\0\1\x09\xf0" + data[at:]]
            for part, piece in enumerate(parts):
                packet: Any = av.Packet(piece)
                packet.stream, packet.time_base = stream, 1 / rate / 2
                packet.pts = packet.dts = 2 * number + part + 30
                packet.is_keyframe = key and not part
                file.mux(packet)
    return out.getvalue()


# -- Sound --------------------------------------------------------------------


def low_delay(object_type: int) -> bytes:
    """
    AAC-LD (object type 23) or AAC-ELD (39) in Matroska: silence, one channel of 48 kHz.

    A frame of zeros has no spectrum, and is one (ISO/IEC 14496-3, 4.4.2.1, er_raw_data_block).
    """
    config = Writer()
    if object_type > 30:
        config.put(31, 5).put(object_type - 32, 6)
    else:
        config.put(object_type, 5)
    config.put(3, 4).put(1, 4)  # 48 kHz, one channel
    if object_type == 39:
        config.put(0, 1).put(0, 3).put(0, 1).put(0, 4)  # 512 samples, no tools, no SBR, no more
    else:
        config.put(0, 1).put(0, 1).put(1, 1).put(0, 3).put(0, 1)
    config.put(0, 2)
    frame, step = bytes(4), Fraction(512, 48000)
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        stream: Any = file.add_stream("mp2", rate=48000, layout="mono")
        for number in range(375):
            packet: Any = av.Packet(frame)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = round(number * step * 1000)
            file.mux(packet)

    def patch(parts: list[tuple[int, bytes]]) -> bytes:
        named = {**dict(parts), oddities.CODEC_ID: b"A_AAC"}
        named.pop(oddities.CODEC_DELAY, None)
        kept = b"".join(oddities.element(*part) for part in named.items())
        return kept + oddities.element(oddities.CODEC_PRIVATE, config.bytes())

    return oddities.tracks_patched(out.getvalue(), patch)


_ADDBSIE = 53
"""Where ffmpeg's encoder says in an E-AC-3 frame of six blocks that there is no addbsi."""


def with_objects(data: bytes, complexity: int = 16) -> bytes:
    """E-AC-3 frames of ffmpeg's that say they carry objects (JOC, Atmos): ETSI TS 103 420, 8.3."""
    out = bytearray()
    at = 0
    while at < len(data):
        size = 2 * ((int.from_bytes(data[at + 2 : at + 4], "big") & 0x7FF) + 1)
        frame = data[at : at + size]
        at += size
        bits = f"{int.from_bytes(frame, 'big'):0{8 * size}b}"
        more = f"1{1:06b}{1:08b}{complexity:08b}"  # addbsie, 2 bytes, what kind of extension it is
        body = bits[:_ADDBSIE] + more + bits[_ADDBSIE + 1 : -18]  # without auxdatae, encinfo, crc2
        body = body.ljust(8 * (size + 4) - 18, "0") + "0" * 18
        made = bytearray(int(body, 2).to_bytes(size + 4, "big"))
        made[2:4] = (int.from_bytes(made[2:4], "big") & 0xF800 | (size + 4) // 2 - 1).to_bytes(
            2, "big"
        )
        made[-2:] = _crc16(bytes(made[2:-2])).to_bytes(2, "big")
        out += made
    return bytes(out)


def _crc16(data: bytes) -> int:
    """The CRC of AC-3 (A/52, 6.1.7)."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x8005 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


# -- Layers -------------------------------------------------------------------


def with_operating_points(source: Path) -> bytes:
    """
    AV1 in Matroska whose pictures are in two temporal layers, with an operating point for both and
    one for the first alone (AV1 bitstream specification, 5.5.1, 6.4.1).
    """
    out = io.BytesIO()
    with av.open(str(source)) as file, av.open(out, "w", format="matroska") as copy:
        stream = file.streams.video[0]
        track = copy.add_stream_from_template(stream, opaque=True)
        # The header's av1C is made anew, from the patched sequence header.
        setup = stream.codec_context.extradata or b""
        track.codec_context.extradata = setup[:4] + _layered(setup[4:], 0)
        for number, packet in enumerate(p for p in file.demux(stream) if p.size):
            layer = 0 if packet.is_keyframe else number % 2
            one: Any = av.Packet(_layered(bytes(packet), layer))
            one.stream, one.time_base, one.is_keyframe = track, packet.time_base, packet.is_keyframe
            one.pts, one.dts, one.duration = packet.pts, packet.dts, packet.duration
            copy.mux(one)
    return out.getvalue()


def _layered(data: bytes, layer: int) -> bytes:
    """A temporal unit's OBUs, marked as of a temporal layer."""
    return b"".join(_marked(kind, unit, layer) for kind, unit in obus(data))


def _marked(kind: int, unit: bytes, layer: int) -> bytes:
    at = 1
    while unit[at] & 0x80:
        at += 1
    payload = unit[at + 1 :]
    if kind == 1:
        bits = Bits(payload)
        head = bits.read(7)  # profile, whether a still, no shorter header, timing, display delay
        assert head & 7 == bits.read(5) == bits.read(12) == 0, "ffmpeg's encoder has changed"
        level = bits.read(5)
        assert level <= 7, "there is a tier"
        left = bits.size - bits.at
        made = Writer().put(head, 7).put(1, 5)
        for point in (0x103, 0x101):
            made.put(point, 12).put(level, 5)
        rest = f"{bits.read(left):0{left}b}".rstrip("0")[:-1]
        payload = made.code(rest).trail().bytes()
        return bytes((unit[0],)) + _leb128(len(payload)) + payload
    if kind == 2:
        return unit
    return bytes((unit[0] | 4, layer << 5)) + _leb128(len(payload)) + payload


def _leb128(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def with_spatial_layers(small: Path, large: Path) -> bytes:
    """
    VP9 in WebM whose superframes have each picture in two sizes, the larger one last, as senders of
    WebRTC do: only the last one is to be shown (VP9 bitstream specification, annex B).
    """
    out = io.BytesIO()
    with av.open(str(large)) as file, av.open(out, "w", format="webm") as copy:
        track = copy.add_stream_from_template(file.streams.video[0], opaque=True)
        for one, other in zip(_sent(small), _sent(large), strict=True):
            hidden = _hidden(bytes(one))
            sizes = b"".join(len(d).to_bytes(4, "little") for d in (hidden, bytes(other)))
            marker = bytes((0b110_11_001,))
            made: Any = av.Packet(hidden + bytes(other) + marker + sizes + marker)
            made.stream, made.time_base, made.is_keyframe = track, other.time_base, True
            made.pts, made.dts, made.duration = other.pts, other.dts, other.duration
            copy.mux(made)
    return out.getvalue()


def _sent(path: Path) -> Iterator[Any]:
    with av.open(str(path)) as file:
        for packet in file.demux():
            if packet.size:
                yield packet


def _hidden(frame: bytes) -> bytes:
    """A VP9 frame of profile 0 that is not shown: show_frame is its seventh bit."""
    return bytes((frame[0] & ~2,)) + frame[1:]
