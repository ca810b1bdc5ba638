"""Where the links of chained Ogg begin."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.chained_ogg import OggLinks, checksum
from tests.support import media
from tests.support.oddities import garbage


class Trickle:
    """Media that comes in pieces."""

    def __init__(self, data: bytes, step: int) -> None:
        self._file, self._step = io.BytesIO(data), step

    def read(self, size: int, /) -> bytes:
        """No more than a piece."""
        return self._file.read(min(size, self._step))


def links(data: bytes, step: int = 1 << 20, size: int = 4096) -> list[bytes]:
    """The links of some media."""
    media_ = OggLinks(Trickle(data, step))
    out = []
    while True:
        out.append(b"".join(iter(lambda: media_.read(size), b"")))
        if not media_.next():
            return out


def song(seconds: float = 0.3, channels: int = 2) -> bytes:
    """A song in Ogg."""
    made = media.clip(container="ogg", audio="libopus", seconds=seconds, channels=channels)
    return made.read_bytes()


def page(begins: bool, body: bytes, *, sound: bool = True) -> bytes:
    """A page of Ogg, which may have a wrong checksum."""
    table = bytes((len(body),))
    made = bytearray(b"OggS\0" + bytes((2 * begins,)) + bytes(20) + b"\1" + table + body)
    made[22:26] = (checksum(bytes(made)) ^ (not sound)).to_bytes(4, "little")
    return bytes(made)


PIECES = st.builds(page, st.booleans(), st.binary(max_size=40), sound=st.booleans()) | st.binary(
    max_size=30
)


class LinksTests(SynchronousTestCase):
    """Chained Ogg, and what is none."""

    def test_songs(self) -> None:
        """Each song is a link, to the byte, in whatever pieces the bytes come."""
        songs = [song(), song(0.5), song(), song(channels=1)]
        for step in (1, 27, 1000, 1 << 20):
            self.assertEqual(links(b"".join(songs), step), songs)

    def test_others(self) -> None:
        """What is not Ogg passes unchanged, as one; so do a single song, little, and nothing."""
        for data in (
            media.clip(seconds=0.3).read_bytes(),
            song(),
            garbage(5000),
            b"Og",
            b"OggS",
            b"",
        ):
            for step in (1, 1 << 20):
                self.assertEqual(links(data, step), [data])

    def test_several_tracks(self) -> None:
        """Several streams that begin together are one link."""
        first = song()
        end = first.index(b"OggS", 4)
        together = first[:end] + first
        self.assertEqual(links(together), [together])
        self.assertEqual(links(together + together), [together, together])

    def test_skipped(self) -> None:
        """A link that nobody has read is passed over."""
        first, second = song(), song(channels=1)
        media_ = OggLinks(Trickle(first + second, 100))
        media_.read(10)
        self.assertTrue(media_.next())
        self.assertEqual(b"".join(iter(lambda: media_.read(4096), b"")), second)
        self.assertFalse(media_.next())

    def test_damage(self) -> None:
        """A flipped bit begins no link, and after damage the next one is found; no byte is lost."""
        first, second = song(1.0), song(channels=1)
        third = [at for at in range(len(first)) if first.startswith(b"OggS", at)][3]
        flipped = bytearray(first)
        flipped[third + 5] |= 2
        self.assertEqual(links(bytes(flipped) + second, 100), [bytes(flipped), second])
        broken = first[:third] + garbage(500) + first[third + 200 :]
        self.assertEqual(links(broken + second, 100), [broken, second])
        cut = first[:-100]
        self.assertEqual(b"".join(links(cut + second, 100)), cut + second)

    @given(st.lists(PIECES, max_size=12), st.integers(1, 50), st.integers(1, 200))
    def test_any(self, pieces: list[bytes], step: int, size: int) -> None:
        """Whatever comes, no byte is lost, and the links are the same in whatever pieces."""
        data = b"".join(pieces)
        whole = links(data)
        self.assertEqual(b"".join(whole), data)
        self.assertEqual(links(data, step, size), whole)
