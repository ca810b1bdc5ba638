"""Which bytes are frames of sound, and what their heads say."""

from __future__ import annotations

from pathlib import Path

import av
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.audio_frame_headers import HEAD_READERS, Head, MpegFrames, flac_setup
from tests.support import media
from tests.support.oddities import garbage

HOMES = {
    "mp2": "mpegts",
    "mp3": "matroska",
    "ac3": "matroska",
    "eac3": "matroska",
    "flac": "matroska",
}
ENCODERS = {"mp3": "libmp3lame"}


def coded(codec: str, rate: int = 48000, channels: int = 2) -> Path:
    """A clip of sound."""
    return media.clip(
        container=HOMES[codec],
        video=None,
        audio=ENCODERS.get(codec, codec),
        seconds=0.3,
        sample_rate=rate,
        channels=channels,
        audio_options=(("strict", "-2"),),
    )


def packets(path: Path) -> list[bytes]:
    """Its packets."""
    return [packet.data for packet in media.packets(path)]


def id3v2(size: int, flags: int = 0) -> bytes:
    """A tag, with a picture in it that has sync words."""
    length = bytes(size >> 7 * n & 0x7F for n in (3, 2, 1, 0))
    body = (b"\xff\xfb\x90\x64" + garbage(413)) * (size // 417 + 1)
    return b"ID3\3\0" + bytes((flags,)) + length + body[:size]


def ape(size: int) -> bytes:
    """A tag of APEv2, with a head."""

    def mark(flags: int) -> bytes:
        numbers = (2000, size + 32, 1, 1 << 31 | flags)
        return b"APETAGEX" + b"".join(n.to_bytes(4, "little") for n in numbers) + bytes(8)

    return mark(1 << 29) + garbage(size) + mark(0)


STARTS = (
    b"\xff\xfb",
    b"\x0b\x77",
    b"\x7f\xfe\x80\x01",
    b"\xff\xf8",
    b"\0\x10\0\0\xf8\x72\x6f\xba",
    b"",
)
"""The sync words of frames, and no bytes."""


class HeadTests(SynchronousTestCase):
    """Heads, read from what libavcodec encodes."""

    def test_numbers(self) -> None:
        """Each packet of an encoder is frames from end to end, with its rate and channels."""
        for codec in HOMES:
            for rate, channels in ((48000, 2), (44100, 1), (32000, 2)):
                said = set()
                data = packets(coded(codec, rate, channels))
                self.assertTrue(data, codec)
                for packet in data:
                    head = HEAD_READERS[codec](packet, 0)
                    self.assertTrue(head and head.size in (0, len(packet)), codec)
                    said.add(head.sound[:2] if head else None)
                self.assertEqual(said, {(rate, channels)}, codec)

    def test_surround(self) -> None:
        """The channel of effects is counted."""
        for codec in ("ac3", "eac3"):
            for packet in packets(coded(codec, 48000, 6)):
                head = HEAD_READERS[codec](packet, 0)
                self.assertEqual(head and head.channels, 6, codec)

    def test_dts(self) -> None:
        """The core's head tells; a frame without a core, or with its bits swapped, is a frame."""
        for text, rate, channels in (
            ("7ffe8001fc3c7ff0a2c001380003ef7f", 44100, 2),
            ("7ffe8001fc3c75b276c005380009ef7b", 48000, 6),
        ):
            head = HEAD_READERS["dts"](bytes.fromhex(text), 0)
            self.assertEqual(head, Head(0, rate, channels))
        self.assertEqual(HEAD_READERS["dts"](b"\x64\x58\x20\x25" + bytes(20), 0), Head(0, 0, 0))
        self.assertIsNone(HEAD_READERS["dts"](b"\x7f\xfe\x80\x00" + bytes(20), 0))

    def test_mlp(self) -> None:
        """A unit with a major sync tells its rate, and in TrueHD its channels; others go on."""
        data = bytes.fromhex("8031ffd8f8726fbb0f8f0000b752400000008d9a") + bytes(78)
        self.assertEqual(HEAD_READERS["mlp"](data, 0), Head(98, 44100, 0, sure=True))
        stereo = bytes.fromhex("0004ffd8f8726fba00008000") + bytes(8)
        self.assertEqual(HEAD_READERS["truehd"](stereo, 0), Head(8, 48000, 2, sure=True))
        surround = bytes.fromhex("0004ffd8f8726fba9000801f") + bytes(8)
        self.assertEqual(HEAD_READERS["truehd"](surround, 0), Head(8, 88200, 8, sure=True))
        self.assertEqual(HEAD_READERS["mlp"](bytes.fromhex("f004ffd80000"), 0), Head(8, 0, 0))

    def test_lower(self) -> None:
        """MPEG-2 and MPEG-2.5 have half and a quarter of the rates, and shorter frames."""
        for rate in (22050, 16000, 8000):
            for packet in packets(coded("mp3", rate, 1)):
                head = HEAD_READERS["mp3"](packet, 0)
                self.assertEqual(head, Head(len(packet), rate, 1, 576))

    @given(st.sampled_from(sorted(HEAD_READERS)), st.sampled_from(STARTS), st.binary(max_size=40))
    def test_any(self, codec: str, start: bytes, rest: bytes) -> None:
        """No bytes make a reader fail, and a frame goes on beyond the head."""
        for at in (0, len(start)):
            head = HEAD_READERS[codec](start + rest, at)
            self.assertTrue(head is None or head.size == 0 or head.size >= 4)
            self.assertTrue(head is None or 0 <= head.rate < 1 << 20)

    def test_flac_setup(self) -> None:
        """A STREAMINFO for other frames says their numbers, and decoders take it."""
        old, new = coded("flac"), coded("flac", 44100, 1)
        with av.open(str(old)) as first, av.open(str(new)) as second:
            setup = first.streams.audio[0].codec_context.extradata or b""
            made = flac_setup(setup, (44100, 1, 0))
            self.assertEqual(len(made), len(setup))
            context = av.CodecContext.create("flac", "r")
            context.extradata = made
            frames = [
                f for p in second.demux() if p.size for f in context.decode(av.Packet(bytes(p)))
            ]
        self.assertEqual({(f.sample_rate, f.layout.nb_channels) for f in frames}, {(44100, 1)})
        self.assertEqual(flac_setup(b"short", (44100, 1, 0)), b"short")


PIECES = (
    b"\xff\xfb\x10\0" + bytes(100),  # a whole frame of 104 bytes
    b"\xff\xf3\x14\xc0",
    b"\xff\xfb\x10\0" + bytes(50),
    b"\xff\xe3\x18\xc4" * 9,
    b"ID3\4\0\0\0\0\0\5",
    b"TAG" + bytes(125),
    b"APETAGEX" + bytes(24),
)
"""Frames, frames that are cut, heads in heads, and tags."""


class MpegTests(SynchronousTestCase):
    """A byte stream of songs."""

    def setUp(self) -> None:
        """Two songs."""
        self.first, self.second = packets(coded("mp3"))[1:8], packets(coded("mp3", 44100, 1))[1:8]

    def found(self, data: bytes, step: int = 1 << 20) -> list[bytes]:
        """The frames in it, however many bytes come at a time."""
        frames = MpegFrames("mp3")
        out = []
        for at in range(0, len(data), step):
            out += list(frames.feed(data[at : at + step]))
        out += list(frames.feed(b"", last=True))
        for place, frame, _ in out:
            self.assertEqual(data[place : place + len(frame)], frame)
        return [frame for _, frame, _ in out]

    def test_tags(self) -> None:
        """Tags between songs are passed over by their length, whatever is in them."""
        for tag in (id3v2(5000), id3v2(300, 0x10) + bytes(10), b"TAG" + bytes(125), ape(900)):
            data = tag + b"".join(self.first) + tag + b"".join(self.second) + tag
            for step in (1, 100, 1 << 20):
                self.assertEqual(self.found(data, step), self.first + self.second)

    def test_cut(self) -> None:
        """Half a frame at the end of a song is left out, with a tag behind it and without."""
        half = self.first[-1][: len(self.first[-1]) // 2]
        for between in (b"", id3v2(2000)):  # ID3v1's three letters inside a frame are no sign
            data = b"".join(self.first[:-1]) + half + between + b"".join(self.second)
            self.assertEqual(self.found(data, 64), self.first[:-1] + self.second)

    def test_garbage(self) -> None:
        """Sync words by chance in front, and behind the last frame, begin none."""
        data = garbage(20_000) + b"".join(self.first) + garbage(20_000, seed=5)
        self.assertEqual(self.found(data, 1000), self.first)

    def test_index(self) -> None:
        """The frame that only holds the index of a file is no sound."""
        whole = media.clip(container="mp3", seconds=0.5).read_bytes()
        frames = self.found(whole)
        self.assertEqual([frame for frame in frames if b"Info" in frame or b"Xing" in frame], [])
        self.assertTrue(frames)

    def test_bounded(self) -> None:
        """What is kept stays below two frames, however long a tag is."""
        frames = MpegFrames("mp3")
        data = id3v2(1 << 20) + b"".join(self.first)
        for at in range(0, len(data), 5000):
            list(frames.feed(data[at : at + 5000]))
            self.assertLess(min(at + 5000, len(data)) - frames.place, 2 * 2881)

    @given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=60), st.data())
    def test_any(self, pieces: list[bytes], cuts: st.DataObject) -> None:
        """Whatever comes, and however it is cut, the frames are the same ones, in order."""
        data = b"".join(pieces)
        whole = self.found(data)
        step = cuts.draw(st.integers(1, len(data) + 1))
        self.assertEqual(self.found(data, step), whole)

    def test_work(self) -> None:
        """
        Heads are read a few times for each byte at most, and nowhere in a run of what begins none.
        """
        for piece, most in (
            *((piece, 4) for piece in (*PIECES, b"ID3", b"\xff\xfb\x90\0", garbage(3000))),
            *((piece, 0.001) for piece in (b"\xff", b"I", b"TA", b"AP", b"\xff\xff\xff", b"\0")),
        ):
            count = 0

            def counted(data: bytes | bytearray, at: int) -> Head | None:
                nonlocal count
                count += 1
                return HEAD_READERS["mp3"](data, at)

            frames = MpegFrames("mp3", counted)
            data = (piece * 20_000)[:20_000]
            list(frames.feed(data))
            list(frames.feed(b"", last=True))
            self.assertLess(count, most * len(data), piece)
