"""A radio's reader of titles between bytes."""

from __future__ import annotations

INTERVAL = 16_000


def parsed(data: bytes) -> tuple[bytes, list[str]]:
    """The sound, and the text of each block; an empty one if the title is the same."""
    sound, texts = b"", []
    while len(data) >= INTERVAL:
        sound, data = sound + data[:INTERVAL], data[INTERVAL:]
        size = 16 * data[0]
        texts.append(data[1 : 1 + size].rstrip(b"\0").decode())
        data = data[1 + size :]
    return sound + data, texts
