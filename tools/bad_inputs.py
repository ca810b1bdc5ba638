"""
Make the stored bad inputs again: C{python tools/bad_inputs.py tests/data}.

They are stored because an encoder's next release would make other bytes of the same arguments, and
with them another test. C{tests/data/README.md} says what each of them is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support import media, oddities

SIMPLE_BLOCK = 0xA3
CLUSTER = 0x1F43B675
TIMESTAMP = 0xE7


def bad_inputs() -> dict[str, bytes]:
    """Every bad input by its name, each below 20 kB."""
    small = {"seconds": 1.0, "size": (64, 48), "audio_options": [("b", "32000")]}

    def clip(container: str, **more: object) -> bytes:
        return media.clip(container=container, **{**small, **more}).read_bytes()  # type: ignore[arg-type]

    mkv, mp4, ts, flv = (clip(name) for name in ("matroska", "mp4", "mpegts", "flv"))
    ogg, mp3, h264 = clip("ogg"), clip("mp3"), clip("h264")
    noise = oddities.garbage
    short = clip("mpegts", gop=10)
    half = len(ts) // 2
    return {
        "empty.bin": b"",
        "text.bin": b"root:x:0:0:root:/root:/bin/bash\n" * 40,
        "random.bin": noise(16_384, seed=1),
        "zeros.bin": bytes(16_384),
        "mkv-truncated.bin": mkv[: len(mkv) * 7 // 10],
        "mkv-header-only.bin": mkv[: mkv.index(CLUSTER.to_bytes(4, "big"))],
        "mkv-corrupt-ebml.bin": mkv[:5] + noise(40) + mkv[45:],
        "mkv-corrupt-tracks.bin": _corrupt_tracks(mkv),
        "mkv-lying-size.bin": _with_blocks(mkv, size=300_000_000),
        "mkv-zero-packets.bin": _with_blocks(mkv, size=4),
        "mkv-edge-of-time.bin": _at(mkv, 2**63 - 1),
        "mkv-garbage-middle.bin": mkv[: len(mkv) // 2] + noise(1500) + mkv[len(mkv) // 2 :],
        "mp4-no-moov.bin": mp4[: mp4.index(b"moov") - 4],
        "mp4-lying-size.bin": mp4.replace(b"stsz", b"stsz\0\0\0\0\x7f\xff\xff\xff", 1),
        "ts-garbage-middle.bin": ts[:half] + noise(1500) + ts[half:],
        "ts-garbage-front.bin": noise(1500) + ts,
        "ts-cut-gop.bin": short[188 * (len(short) // 188 // 5) :],
        "ts-bit-errors.bin": media.damaged(ts, 1e-3, seed=2),
        "flv-bit-errors.bin": media.damaged(flv, 1e-3, seed=3, spare=400),
        "flv-garbage-middle.bin": flv[: len(flv) // 2] + noise(500) + flv[len(flv) // 2 :],
        "ogg-bit-errors.bin": media.damaged(ogg, 1e-3, seed=4, spare=4000),
        "mp3-cut.bin": mp3[1234:],
        "h264-garbage-front.bin": noise(999) + h264,
        "h264-no-keyframe.bin": _without_keyframes(h264),
    }


def _within(data: bytes, path: tuple[int, ...], change: object) -> bytes:
    """Change the body of every element that C{path} leads to, and write the others as they are."""
    out = b""
    for ident, body in oddities.children(data):
        if ident in oddities.PLACES:
            continue  # it would be wrong now
        if ident != path[0]:
            out += oddities.element(ident, body)
        elif path[1:]:
            out += oddities.element(ident, _within(body, path[1:], change))
        else:
            assert callable(change)
            out += change(ident, body)
    return out


def _with_blocks(mkv: bytes, size: int) -> bytes:
    """
    The same Matroska with other lengths in its blocks.

    @param size: less than a block has: so much of each is left, and 4 is an empty packet.
        More: what the last one claims to have.
    """

    def cut(ident: int, body: bytes) -> bytes:
        return oddities.element(ident, body[:size])

    if size < 1000:
        return _within(mkv, (oddities.SEGMENT, CLUSTER, SIMPLE_BLOCK), cut)
    same = _within(mkv, (oddities.SEGMENT, CLUSTER, SIMPLE_BLOCK), cut)
    last = same.rindex(SIMPLE_BLOCK.to_bytes(1, "big") + b"\x01\0\0\0")
    return same[: last + 1] + (size | 1 << 56).to_bytes(8, "big") + same[last + 9 :]


def _at(mkv: bytes, time: int) -> bytes:
    """The same Matroska with each Cluster at another time."""

    def moved(ident: int, _body: bytes) -> bytes:
        return oddities.element(ident, time.to_bytes(8, "big"))

    return _within(mkv, (oddities.SEGMENT, CLUSTER, TIMESTAMP), moved)


def _corrupt_tracks(mkv: bytes) -> bytes:
    def wrong(ident: int, body: bytes) -> bytes:
        return oddities.element(ident, media.damaged(body, 0.02, seed=5))

    return _within(mkv, (oddities.SEGMENT, oddities.TRACKS), wrong)


def _without_keyframes(h264: bytes) -> bytes:
    """The byte stream without its parameter sets and IDR pictures (NAL unit types 7, 8, 5)."""
    units = h264.split(b"\0\0\1")
    return b"\0\0\1".join(unit for unit in units if not unit or unit[0] & 31 not in (5, 7, 8))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the stored bad inputs again.")
    parser.add_argument("directory", type=Path, help="where they are stored: tests/data")
    directory = parser.parse_args().directory
    for name, data in bad_inputs().items():
        (directory / name).write_bytes(data)
