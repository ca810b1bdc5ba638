"""FLV is read back by libavformat as what its own muxer writes of the same packets."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.choice import Unfit, choose
from mkvtwist.formats.flv import FLV
from mkvtwist.formats.flv.codecs import delay, fits
from mkvtwist.formats.flv.tags import HEAD, LARGEST_BODY
from mkvtwist.media.packet import Header, Packet
from mkvtwist.testing import AUDIO, VIDEO, header
from tests.support import media
from tests.support.packets import jumping_packets
from tests.support.read_back import LATER, bytes_of, read_clip

CLIPS: tuple[tuple[str | None, str | None, int], ...] = (
    ("libx264", "aac", 2),
    ("libx264", "libmp3lame", 0),
    ("libx265", "libopus", 2),
    ("libsvtav1", "flac", 0),
    ("libvpx-vp9", "ac3", 0),
    (None, "eac3", 0),
    ("libx264", None, 0),
)
"""Encoders of the picture and of the sound, and B-pictures between two others."""


def remuxed(path: Path) -> bytes:
    """A clip as libavformat's muxer writes it."""
    file = io.BytesIO()
    with av.open(str(path)) as source, av.open(file, "w", format="flv") as out:
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return file.getvalue()


class FlvTests(SynchronousTestCase):
    """Real media, read back by libavformat."""

    def test_as_libavformat(self) -> None:
        """Payloads, keyframes and times are those of libavformat's muxer, for each track."""
        for video, audio, bframes in CLIPS:
            clip: dict[str, Any] = {"video": video, "audio": audio, "bframes": bframes}
            sent = read_clip(self, seconds=1, **clip)
            muxer = FLV.muxer(sent.header, choose(sent.header, FLV).tracks)
            found = media.packets(bytes_of(muxer, sent.packets, 4))
            theirs = media.packets(remuxed(media.clip(seconds=1, **clip)))
            for track in (0, 1):
                mine, other = ([p for p in read if p.track == track] for read in (found, theirs))
                self.assertEqual(
                    [(p.data, p.key) for p in mine],
                    [(p.data, p.key) for p in other],
                    (video, audio),
                )
                for times, wanted in (
                    ([p.pts or 0 for p in mine], [p.pts or 0 for p in other]),
                    ([p.dts or 0 for p in mine], [p.dts or 0 for p in other]),
                ):
                    for time, expected in zip(times, wanted, strict=True):
                        self.assertApproximates(time - times[0], expected - wanted[0], 1000)

    def test_joined(self) -> None:
        """Whoever joins hours later has the setup of each decoder before the first picture."""
        for video, audio, bframes in CLIPS:
            sent = read_clip(self, video, audio, seconds=2, gop=25, bframes=bframes)
            muxer = FLV.muxer(sent.header, choose(sent.header, FLV).tracks)
            later = [p._replace(pts=p.pts + LATER, dts=p.dts + LATER) for p in sent.packets]
            keys = [n for n, p in enumerate(later) if p.key and p.track == 1]
            begin = keys[len(keys) // 2]
            shown = media.frames(muxer.head + muxer.render(later[begin:]), numbers=False)
            self.assertGreater(len(shown), 20, (video, audio))

    def test_times_wrap(self) -> None:
        """Times are 32 bits of milliseconds, with the highest byte last; none is before 0."""
        made = header()
        muxer = FLV.muxer(self.classic(made), frozenset({1}))
        for time, expected in ((-5_000, 0), (0x12345678 * 1000, 0x12345678), (1 << 42, None)):
            tag = muxer.render([Packet(1, time, time, 0, True, b"data")])
            found = int.from_bytes(tag[4:7], "big") | tag[7] << 24
            wanted = ((1 << 42) + 500) // 1000 & 0xFFFFFFFF if expected is None else expected
            self.assertEqual(found, wanted)

    def classic(self, made: Header) -> Header:
        """With a setup, of which FLV needs to know nothing."""
        return replace(made, tracks=tuple(replace(t, codec_private=b"setup") for t in made.tracks))

    @given(jumping_packets((0, 10**15), st.binary(max_size=300)))
    def test_sizes(self, made: list[Packet]) -> None:
        """Each tag has its size behind it, and the tags follow each other without a gap."""
        muxer = FLV.muxer(self.classic(header(VIDEO, AUDIO)), frozenset({1, 2}))
        data, found = muxer.render(made), []
        while data:
            size = int.from_bytes(data[1:4], "big")
            self.assertEqual(
                int.from_bytes(data[HEAD + size : HEAD + size + 4], "big"), HEAD + size
            )
            found.append(data[0])
            data = data[HEAD + size + 4 :]
        types = {1: 9, 2: 8}
        self.assertEqual(found, [types[p.track] for p in made if p.track in types])

    def test_too_large(self) -> None:
        """A payload whose size a tag cannot say is left out."""
        muxer = FLV.muxer(self.classic(header()), frozenset({1}))
        self.assertEqual(muxer.render([Packet(1, 0, 0, 0, True, bytes(LARGEST_BODY))]), b"")

    def test_delay(self) -> None:
        """The time from decoding to showing has a sign, and a bound."""
        for pts, expected in ((80_000, b"\0\0\x50"), (-1, b"\0\0\0"), (1 << 60, b"\x7f\xff\xff")):
            self.assertEqual(delay(Packet(1, pts, 0, 0, True, b"")), expected)
        self.assertEqual(delay(Packet(1, 0, 2000, 0, True, b"")), b"\xff\xff\xfe")


class FitTests(SynchronousTestCase):
    """What fits, and what is chosen."""

    def test_fits(self) -> None:
        """A codec that has a name there fits, if its setup is known."""
        for codec in ("h264", "hevc", "av1", "aac", "opus"):
            track = replace(AUDIO, codec=codec)
            self.assertFalse(fits(track), codec)
            self.assertTrue(fits(replace(track, codec_private=b"setup")), codec)
        for codec in ("mp3", "ac3", "eac3"):
            self.assertTrue(fits(replace(AUDIO, codec=codec)))
        for codec in ("vp8", "vorbis", "pcm_s16le", "flac", "vp9"):
            self.assertFalse(fits(replace(AUDIO, codec=codec, codec_private=b"setup")), codec)

    def test_one_of_each(self) -> None:
        """One picture and one sound are sent: the first, and the default or the first that fits."""
        video = replace(VIDEO, codec_private=b"setup")
        pcm = replace(AUDIO, codec="pcm_s16le")
        mp3 = replace(AUDIO, codec="mp3", number=3)
        made = header(video, pcm, mp3, replace(mp3, number=4, default=True))
        self.assertEqual(choose(made, FLV).tracks, {1, 4})
        self.assertEqual(choose(made, FLV, frozenset({1, 3})).tracks, {1, 3})
        problem = self.assertRaises(Unfit, choose, made, FLV, frozenset({1, 3, 4}))
        self.assertIn("FLV holds one track of each type", str(problem))
        problem = self.assertRaises(Unfit, choose, header(video, pcm), FLV)
        self.assertIn("track 2 (audio, pcm_s16le) cannot live in FLV", str(problem))
