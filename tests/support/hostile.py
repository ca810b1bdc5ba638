"""Media that are made to hold up whoever reads them: small to send, dear to take."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable, Mapping
from itertools import count, islice, product
from string import ascii_lowercase

from tests.support import media
from tests.support.oddities import (
    PLACES,
    SEGMENT,
    TRACK,
    TRACKS,
    children,
    element,
    tracks_patched,
)

_CLUSTER = 0x1F43B675
_TAGS, _TAG, _TARGETS, _SIMPLE_TAG, _TAG_NAME, _TAG_STRING = (
    *(0x1254C367, 0x7373, 0x63C0),
    *(0x67C8, 0x45A3, 0x4487),
)
_CHAPTERS, _EDITION, _CHAPTER, _CHAPTER_UID, _CHAPTER_START = (
    *(0x1043A770, 0x45B9, 0xB6),
    *(0x73C4, 0x91),
)
_ATTACHMENTS, _ATTACHED, _FILE_NAME, _FILE_TYPE, _FILE_DATA, _FILE_UID = (
    *(0x1941A469, 0x61A7),
    *(0x466E, 0x4660, 0x465C, 0x46AE),
)
_PRIVATE, _LANGUAGE, _NAME = 0x63A2, 0x22B59C, 0x536E


def small(ident: int, body: bytes) -> bytes:
    """An EBML element, its length in as few bytes as it takes."""
    size = len(body)
    if size > 126:
        return element(ident, body)
    return ident.to_bytes((ident.bit_length() + 7) // 8, "big") + bytes([0x80 | size]) + body


def film(**more: object) -> bytes:
    """A film that is sound, in Matroska, for something to be put into."""
    return media.clip(**{"seconds": 2.0, "size": (64, 48), **more}).read_bytes()  # type: ignore[arg-type]


def with_elements(data: bytes, *more: bytes) -> bytes:
    """A Matroska with more elements in its Segment, in front of the first Cluster."""
    out = b""
    for ident, body in children(data):
        if ident != SEGMENT:
            out += element(ident, body)
            continue
        kept = [child for child in children(body) if child[0] not in PLACES]  # wrong by now
        first = next(i for i, (child, _) in enumerate(kept) if child == _CLUSTER)
        parts = [element(*child) for child in kept]
        out += element(ident, b"".join([*parts[:first], *more, *parts[first:]]))
    return out


def with_tracks(data: bytes, change: Callable[[int, list[tuple[int, bytes]]], None]) -> bytes:
    """A Matroska whose tracks have been changed: each one's index and its elements."""
    numbers = count()

    def patch(inside: list[tuple[int, bytes]]) -> bytes:
        change(next(numbers), inside)
        return b"".join(element(*child) for child in inside)

    return tracks_patched(data, patch)


def _names() -> list[bytes]:
    return [bytes(word) for word in product(ascii_lowercase.encode(), repeat=4)]


def tags(number: int, size: int = 1) -> bytes:
    """So many SimpleTags, each with a name of its own, as one element of a Segment."""
    names = islice(_names(), number)
    value = small(_TAG_STRING, b"x" * size)
    simple = b"".join(small(_SIMPLE_TAG, small(_TAG_NAME, name) + value) for name in names)
    return element(_TAGS, element(_TAG, small(_TARGETS, b"") + simple))


def chapters(number: int) -> bytes:
    """So many chapters, a millisecond each, as one element of a Segment."""
    atoms = b"".join(
        small(
            _CHAPTER,
            small(_CHAPTER_UID, i.to_bytes(4, "big"))
            + small(_CHAPTER_START, (i * 1_000_000).to_bytes(8, "big")),
        )
        for i in range(1, number + 1)
    )
    return element(_CHAPTERS, element(_EDITION, atoms))


def attachments(number: int, size: int) -> bytes:
    """So many fonts of so many bytes, as one element of a Segment."""
    files = b"".join(
        element(
            _ATTACHED,
            small(_FILE_NAME, b"%d.ttf" % i)
            + small(_FILE_TYPE, b"font/ttf")
            + small(_FILE_UID, i.to_bytes(4, "big"))
            + element(_FILE_DATA, bytes(size)),
        )
        for i in range(1, number + 1)
    )
    return element(_ATTACHMENTS, files)


def private(data: bytes, size: int) -> bytes:
    """A Matroska whose first track claims a setup of so many bytes."""

    def change(index: int, inside: list[tuple[int, bytes]]) -> None:
        if index == 0:
            kept = [child for child in inside if child[0] != _PRIVATE]
            inside[:] = [*kept, (_PRIVATE, bytes(size))]

    return with_tracks(data, change)


def named(data: bytes, language: bytes, name: bytes) -> bytes:
    """A Matroska whose tracks have this language and this name."""

    def change(_index: int, inside: list[tuple[int, bytes]]) -> None:
        kept = [child for child in inside if child[0] not in (_LANGUAGE, _NAME)]
        inside[:] = [*kept, (_LANGUAGE, language), (_NAME, name)]

    return with_tracks(data, change)


def deep(levels: int) -> bytes:
    """A Matroska with a SimpleTag in a SimpleTag, so many deep."""
    inner = small(_TAG_NAME, b"deep") + small(_TAG_STRING, b"x")
    for _ in range(levels):
        head = _SIMPLE_TAG.to_bytes(2, "big") + (len(inner) | 1 << 28).to_bytes(4, "big")
        inner = head + inner
    return with_elements(film(), element(_TAGS, element(_TAG, inner)))


def sparse(hours: float) -> bytes:
    """A Matroska of PCM with a packet of sound once a second: little to send, much to play."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(bytes(80))
    head = element(0x1A45DFA3, element(0x4282, b"matroska"))
    audio = element(0xB5, struct.pack(">f", 8000)) + element(0x9F, b"\1") + element(0x6264, b"\x08")
    track = (
        *(element(0xD7, b"\1"), element(0x73C5, b"\1"), element(0x83, b"\2")),
        *(element(0x86, b"A_PCM/INT/LIT"), element(0xE1, audio)),
    )
    clusters = b"".join(
        small(
            _CLUSTER,
            small(0xE7, (second * 1000).to_bytes(4, "big"))
            + small(0xA3, b"\x81\0\0\x80" + bytes(8)),
        )
        for second in range(round(hours * 3600))
    )
    inside = element(TRACKS, element(TRACK, b"".join(track))) + clusters
    return head + element(SEGMENT, inside)


def programmes(number: int) -> bytes:
    """An MPEG-TS with so many programmes, each with a name, in the middle of a film."""
    whole = film(container="mpegts")
    half = len(whole) // 188 // 4 * 188
    out = bytearray(whole[:half])
    for first in range(1, number, 250):
        numbers = range(first, min(first + 250, number))
        body = b"".join(n.to_bytes(2, "big") + b"\xff\xf0" for n in numbers)
        out += _in_packets(0, _section(0, b"\0\1", body, first))
        for some in range(numbers.start, numbers.stop, 14):
            name = b"\x48\x3f\1\0\x3c" + b"x" * 60
            named_ = b"".join(
                n.to_bytes(2, "big") + b"\xfc\x80" + bytes([len(name)]) + name
                for n in range(some, min(some + 14, numbers.stop))
            )
            out += _in_packets(17, _section(0x42, b"\0\1", b"\0\1\xff" + named_, some))
    return bytes(out) + whole[half:]


def _section(table: int, ident: bytes, body: bytes, version: int) -> bytes:
    """A section of PSI (ISO/IEC 13818-1, 2.4.4); another version each time, so that it is read."""
    length = (0xB000 | len(body) + 9).to_bytes(2, "big")
    head = bytes([table]) + length + ident + bytes([0xC1 | version % 32 << 1, version % 256, 255])
    check = 0xFFFFFFFF
    for byte in head + body:
        check ^= byte << 24
        for _ in range(8):
            check = (check << 1 ^ (0x04C11DB7 if check >> 31 else 0)) & 0xFFFFFFFF
    return head + body + check.to_bytes(4, "big")


def _in_packets(pid: int, section: bytes) -> bytes:
    data, out = b"\0" + section, bytearray()
    for number, at in enumerate(range(0, len(data), 184)):
        start = 0x40 if number == 0 else 0
        out += bytes([0x47, start | pid >> 8, pid & 255, 0x10 | number & 15])
        out += data[at : at + 184].ljust(184, b"\xff")
    return bytes(out)


def id3(number: int) -> bytes:
    """An MP3 with so many texts in front of it (ID3v2.3, TXXX)."""
    texts = (b"\0" + name + b"\0x" for name in islice(_names(), number))
    frames = b"".join(b"TXXX" + len(text).to_bytes(4, "big") + b"\0\0" + text for text in texts)
    size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + frames + film(container="mp3", video=None)


ATTACKS: Mapping[str, Callable[[], bytes]] = {
    "30,000 tags": lambda: with_elements(film(), tags(30_000)),
    "70,000 tags": lambda: with_elements(film(), tags(70_000)),
    "100,000 tags": lambda: with_elements(film(), tags(100_000)),
    "40,000 chapters": lambda: with_elements(film(), chapters(40_000)),
    "64 MiB of CodecPrivate": lambda: private(film(), 64 << 20),
    "64 MiB of attachments": lambda: with_elements(film(), attachments(4, 16 << 20)),
    "900 attachments": lambda: with_elements(film(), attachments(900, 10)),
    "sparse sound for 5.5 hours": lambda: sparse(5.5),
    "a SimpleTag 10,000 deep": lambda: deep(10_000),
    "20,000 programmes": lambda: programmes(20_000),
    "30,000 texts in ID3": lambda: id3(30_000),
}
"""By its name: what is sent."""
