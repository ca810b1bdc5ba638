"""Sound whose channels PyAV must not be asked for: a process of its own reads it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav import set_up
from mkvtwist.libav.sound import Sound, layout_of, measured, sound_of
from tests.support import layouts, media
from tests.support.readers import ThreadedReader, headers, packets, stored


class LayoutTests(SynchronousTestCase):
    """Inputs that end a process in which PyAV is asked for their channels, and some like them."""

    def test_played(self) -> None:
        """Each is played, with the number of its channels, and nothing ends the process."""
        wanted, directory = {}, Path(self.mktemp()).absolute()
        directory.mkdir()
        for number, odd in enumerate(layouts.clips()):
            path = directory / f"{number}{odd.suffix}"
            path.write_bytes(odd.data)
            wanted[str(path)] = odd
        done = subprocess.run(
            [sys.executable, "-m", __name__, *wanted],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        said = [json.loads(line) for line in done.stdout.splitlines()]
        for (path, *heard), odd in zip(said, wanted.values(), strict=False):
            self.assertEqual((wanted[path], heard), (odd, [odd.channels] * 3), odd.name)
        last = [*wanted.values()][min(len(said), len(wanted) - 1)].name
        self.assertEqual((done.returncode, len(said)), (0, len(wanted)), f"{last}: {done.stderr}")


class SoundTests(SynchronousTestCase):
    """L{sound_of} and L{measured}."""

    def test_names(self) -> None:
        """A layout that has a name keeps it."""
        path = media.clip(audio="flac", video=None, channels=6)
        with av.open(path) as container:
            self.assertEqual(sound_of(container.streams[0])[:3], (48_000, 6, "5.1"))

    def test_usual(self) -> None:
        """Any number of channels has a layout; only some have a usual one."""
        found = [layout_of(channels) for channels in (1, 2, 6, 9, 64)]
        self.assertEqual(found, ["mono", "stereo", "5.1", "9C", "64C"])

    def test_packet(self) -> None:
        """A packet says more than what was known of it."""
        one, two = (
            media.clip(audio="ac3", video=None, channels=channels, sample_rate=rate)
            for channels, rate in ((2, 48_000), (6, 32_000))
        )
        with av.open(one) as known, av.open(two) as container:
            data = bytes(next(container.demux()))
            for before in (sound_of(known.streams[0]), Sound(0, 0)):
                found = measured(before, known.streams[0], b"", data)
                self.assertEqual(found and found[:2], (32_000, 6))

    def test_damaged(self) -> None:
        """Of a packet that cannot be decoded nothing is known that was not known before."""
        with av.open(media.clip(audio="ac3", video=None)) as container:
            stream = container.streams[0]
            self.assertIsNone(measured(Sound(0, 0), stream, b"", b"damaged"))
            found = measured(Sound(44_100, 1, "mono"), stream, b"", b"damaged")
            self.assertEqual(found and found[:2], (44_100, 1))
            self.assertIsNone(measured(Sound(44_100, 1, "mono"), "dvvideo", b"", b"damaged"))


def _played(path: str) -> tuple[int, int, int]:
    """The channels that the header, its Matroska, and a packet by itself have."""
    events = ThreadedReader(SynchronousTestCase(), Path(path)).all()
    (header,), (file,) = headers(events), stored(events)
    container: Any
    with av.open(io.BytesIO(file), format="matroska") as container:
        stream = container.streams[0]
        stated = sound_of(stream)
        packet = next(packet for packet in container.demux() if packet.size)
        setup = stream.codec_context.extradata or b""
        found = measured(stated, stream, setup, bytes(packet))
    assert found is not None, packets(events)
    return header.tracks[0].channels or 0, stated.channels, found.channels


if __name__ == "__main__":
    set_up()
    for argument in sys.argv[1:]:
        sys.stdout.write(json.dumps([argument, *_played(argument)]) + "\n")
        sys.stdout.flush()
