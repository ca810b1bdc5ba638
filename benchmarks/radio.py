"""
A radio: MP3 at 128 kbit/s, made here, and a sender that plays it at its own pace.

    python -m benchmarks.radio SOUND TARGET

C{TARGET} is as for L{benchmarks.sender}. The sound is played over and over, a frame when its time
has come, as from an encoder.
"""

import gc
import sys
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame

from benchmarks.sender import Write, target_of

BITRATE = 128_000
SAMPLE_RATE, FRAME = 48_000, 1152
FRAME_BYTES = BITRATE * FRAME // SAMPLE_RATE // 8
"""Bytes of a frame: all have as many, 384."""

FRAMES = 1250
"""Half a minute."""


def sound_file(cache: Path) -> Path:
    """Return the path of the sound, made if it is not there."""
    path = cache / "radio-1.mp3"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(_encoded())
        unfinished.rename(path)
    return path


def _encoded() -> bytes:
    """Return so many frames: a tone, without what libavformat writes around them."""
    encoder = av.CodecContext.create("libmp3lame", "w")
    encoder.bit_rate = BITRATE
    encoder.sample_rate = SAMPLE_RATE
    encoder.layout = "stereo"
    encoder.format = "s16p"
    encoder.time_base = Fraction(1, SAMPLE_RATE)
    frames = b""
    for number in range(FRAMES + 2):
        sound = AudioFrame("s16p", "stereo", FRAME)
        for plane in sound.planes:
            tone = bytes((n * 7 + number) % 251 for n in range(FRAME * 2))
            plane.update(tone.ljust(plane.buffer_size, b"\0"))
        sound.sample_rate, sound.pts = SAMPLE_RATE, number * FRAME
        frames += b"".join(map(bytes, encoder.encode(sound)))
    return frames[: FRAMES * FRAME_BYTES]


def play(sound: bytes, write: Write) -> None:
    """
    Write the sound for ever.

    @raise OSError: the other side has closed.
    """
    start, number = time.monotonic(), 0
    while True:
        pause = start + number * FRAME / SAMPLE_RATE - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        at = number % FRAMES * FRAME_BYTES
        write(sound[at : at + FRAME_BYTES])
        number += 1


def main() -> None:
    """The command line."""
    path, target = sys.argv[1:]
    gc.disable()
    with suppress(BrokenPipeError, ConnectionError):
        play(Path(path).read_bytes(), target_of(target))


if __name__ == "__main__":
    main()
