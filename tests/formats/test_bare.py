"""Bare sound is the frames that went in, as libavformat's own muxers write them."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.aac import AAC
from mkvtwist.formats.adts import ADTS_HEAD, ADTS_LIMIT
from mkvtwist.formats.bare import BareMuxer
from mkvtwist.formats.base import Format
from mkvtwist.formats.choice import choose
from mkvtwist.formats.flac import FLAC, block, stream_info
from mkvtwist.formats.mp3 import MP3
from mkvtwist.formats.registry import FORMATS
from mkvtwist.formats.replay import Replay
from mkvtwist.media.packet import SECOND, Header, Packet
from mkvtwist.testing import AUDIO, VIDEO, footage, mixed
from tests.support import media
from tests.support.read_back import bytes_of, read_clip

CLIPS = (
    *((MP3, "libmp3lame", "mp3"), (MP3, "mp2", "mp2")),
    *((AAC, "aac", "adts"), (FLAC, "flac", "flac")),
)
"""Each format, an encoder, and libavformat's name of it."""


def remuxed(path: Path, name: str) -> bytes:
    """The sound of a clip, as one of libavformat's muxers writes it."""
    file = io.BytesIO()
    with av.open(str(path)) as source, av.open(file, "w", format=name) as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return file.getvalue()


def payloads(data: bytes) -> list[bytes]:
    """What libavformat reads."""
    return [packet.data for packet in media.packets(data)]


class BareTests(SynchronousTestCase):
    """Real media, read back by libavformat."""

    def muxer(self, format_: Format, made: Header) -> tuple[BareMuxer, frozenset[int]]:
        """The muxer for what a client gets that does not choose."""
        choice = choose(made, format_)
        muxer = format_.muxer(made, choice.tracks)
        assert isinstance(muxer, BareMuxer)
        return muxer, choice.tracks

    def test_as_libavformat(self) -> None:
        """Beside pictures or alone, the frames are those of libavformat's muxer, one by one."""
        for format_, encoder, name in CLIPS:
            for video in ("libx264", None):
                sent = read_clip(self, video, encoder, seconds=1)
                muxer, _ = self.muxer(format_, sent.header)
                data = bytes_of(muxer, sent.packets, 5)
                theirs = remuxed(media.clip(video=video, audio=encoder, seconds=1), name)
                self.assertEqual(payloads(data), payloads(theirs), name)

    def test_joined(self) -> None:
        """Whoever joins in the middle gets whole frames from there on."""
        for format_, encoder, _ in CLIPS:
            sent = read_clip(self, None, encoder, seconds=2)
            muxer, _ = self.muxer(format_, sent.header)
            whole = payloads(bytes_of(muxer, sent.packets, 1))
            at = len(sent.packets) // 2
            self.assertEqual(payloads(bytes_of(muxer, sent.packets[at:], 3)), whole[at:])

    def test_nothing(self) -> None:
        """Of a fragment without the sound there are no bytes."""
        muxer = BareMuxer(2)
        made = mixed(footage(0, 1), footage(0, 1, track=2))
        self.assertEqual(muxer.render([p for p in made if p.track == 1]), b"")
        self.assertEqual(muxer.render(made), b"".join(p.data for p in made if p.track == 2))


class FitTests(SynchronousTestCase):
    """What fits, and what it is called."""

    def endings(self, made: Header) -> set[str]:
        """The bare formats that the sound can be had in."""
        return {format_.ending for format_, _, _ in CLIPS if format_.fitting(made.tracks)}

    def test_fits(self) -> None:
        """The codec says which one it is; a setup that cannot be read fits none."""
        for format_, encoder, _ in CLIPS:
            made = read_clip(self, None, encoder, seconds=0.2).header
            self.assertEqual(self.endings(made), {format_.ending})
        for codec in ("aac", "flac"):
            for private in (b"", b"fLaC", b"fLaC\x84" + bytes(60), b"\xff"):
                track = replace(AUDIO, codec=codec, codec_private=private)
                self.assertEqual(self.endings(Header((VIDEO, track))), set())

    def test_media_types(self) -> None:
        """The types are those that radios know."""
        types = {"mp3": "audio/mpeg", "aac": "audio/aac", "ogg": "audio/ogg", "flac": "audio/flac"}
        for ending, type_ in types.items():
            for tracks in ((), (AUDIO,)):
                self.assertEqual(FORMATS[f".{ending}"].media_type(tracks), type_)


class AacTests(SynchronousTestCase):
    """AAC in ADTS."""

    def test_too_long(self) -> None:
        """A frame that is longer than ADTS can say is left out."""
        made = read_clip(self, None, "aac", seconds=0.2).header
        muxer = AAC.muxer(made, made.numbers)
        longest = ADTS_LIMIT - ADTS_HEAD

        def rendered(size: int) -> int:
            return len(muxer.render([Packet(1, 0, 0, 0, True, bytes(size))]))

        self.assertEqual([rendered(longest), rendered(longest + 1)], [ADTS_LIMIT, 0])


class FileTests(SynchronousTestCase):
    """The last seconds as a file."""

    def test_file(self) -> None:
        """It has the frames that were sent; FLAC says how long it is."""
        for format_, encoder, _ in CLIPS:
            sent = read_clip(self, None, encoder, seconds=2)
            muxer = format_.muxer(sent.header, sent.header.numbers)
            file = io.BytesIO()
            Replay(sent.header.tracks, format_, muxer, sent.packets).write(file)
            data = file.getvalue()
            self.assertEqual(payloads(data), payloads(bytes_of(muxer, sent.packets, 9)))
            if format_ is FLAC:
                with media.opened(data) as container:
                    assert container.duration is not None
                    self.assertApproximates(container.duration, 2 * SECOND, SECOND // 10)


class FlacTests(SynchronousTestCase):
    """FLAC."""

    def numbers(self, info: bytes) -> tuple[int, bytes]:
        """How many samples there are, and their MD5."""
        return int.from_bytes(info[13:18], "big") & ((1 << 36) - 1), info[18:34]

    def test_without_end(self) -> None:
        """Of a live stream no length is told and no checksum, though its input is a file's."""
        made = read_clip(self, None, "flac", seconds=1).header
        private = made.tracks[0].codec_private
        self.assertNotEqual(self.numbers(private[8:]), (0, bytes(16)))
        info = stream_info(private)
        self.assertEqual(self.numbers(info), (0, bytes(16)))
        self.assertEqual(info[:13], private[8:21])
        muxer = FLAC.muxer(made, made.numbers)
        self.assertEqual(muxer.head, b"fLaC" + block(0, info, is_last=True))
