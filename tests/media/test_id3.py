"""The title and the artist in ID3 tags."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.id3 import Song, song_of
from tests.support import media

SONG = (("TITLE", "T\u00eft\u0142e"), ("ARTIST", "Artist"))


def sized(size: int, *, seven: bool = True) -> bytes:
    """A size in four bytes, of seven bits each or of eight."""
    if not seven:
        return size.to_bytes(4, "big")
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def tag(version: int, flags: int, content: bytes) -> bytes:
    """A tag."""
    return b"ID3" + bytes([version, 0, flags]) + sized(len(content)) + content


def frame(name: bytes, content: bytes, *, seven: bool = False) -> bytes:
    """A frame of version 3, or of version 4."""
    return name + sized(len(content), seven=seven) + b"\0\0" + content


class SongTests(SynchronousTestCase):
    """L{song_of}."""

    def test_as_libavformat(self) -> None:
        """What libavformat writes is read, in each version that it writes."""
        for version in ("3", "4"):
            options = (("id3v2_version", version),)
            clip = media.clip(container="mp3", seconds=0.2, metadata=SONG, options=options)
            self.assertEqual(song_of(clip.read_bytes()), Song("T\u00eft\u0142e", "Artist"))

    def test_encodings(self) -> None:
        """A text may be Latin-1, UTF-16 with or without a mark, or UTF-8; of several the first."""
        for content in (
            b"\0\xe4 ",
            b"\1" + "\u00e4".encode("utf-16") + b"\0\0",
            b"\2" + "\u00e4".encode("utf-16-be"),
            b"\3" + "\u00e4\0b".encode(),
        ):
            self.assertEqual(song_of(tag(3, 0, frame(b"TIT2", content))), Song("\u00e4", ""))

    def test_version_2(self) -> None:
        """Version 2 has names of three letters."""
        content = b"TT2\0\0\3\0ab" + b"TP1\0\0\2\0c"
        self.assertEqual(song_of(tag(2, 0, content)), Song("ab", "c"))

    def test_large(self) -> None:
        """In version 4 a size has seven bits in each byte; in version 3 eight."""
        for version in (3, 4):
            long = frame(b"TXXX", bytes(300), seven=version == 4)
            title = frame(b"TIT2", b"\0ab", seven=version == 4)
            self.assertEqual(song_of(tag(version, 0, long + title)), Song("ab", ""))

    def test_extended(self) -> None:
        """A second head, and zeros behind bytes of ones, are passed over."""
        title = frame(b"TIT2", b"\0ab")
        self.assertEqual(
            song_of(tag(3, 0x40, sized(6, seven=False) + bytes(6) + title)).title, "ab"
        )
        self.assertEqual(song_of(tag(4, 0x40, sized(6) + bytes(2) + title)).title, "ab")
        utf_16 = frame(b"TIT2", b"\1\xff\xfea\0").replace(b"\xff", b"\xff\0")
        self.assertEqual(song_of(tag(3, 0x80, utf_16)).title, "a")

    def test_cut_off(self) -> None:
        """Of a tag that is cut off there is what was there as a whole."""
        title, picture = frame(b"TIT2", b"\0ab"), frame(b"APIC", bytes(1000))
        whole = tag(3, 0, title + picture)
        self.assertEqual(song_of(whole[:100]), Song("ab", ""))
        self.assertEqual(song_of(whole[:20]), Song("", ""))

    @given(st.binary(max_size=60), st.sampled_from([2, 3, 4]), st.integers(0, 255))
    def test_any(self, content: bytes, version: int, flags: int) -> None:
        """Whatever is in a tag, something is read of it."""
        song_of(tag(version, flags, b"TIT2" + content))
        song_of(content)
