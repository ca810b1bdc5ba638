"""Adapted tracks decode to the same pictures and sound as their source."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.matroska.head import codec_delays
from mkvtwist.libav.adapters import Adapter, Untimed, adapter_for
from mkvtwist.media.packet import SECOND, Extra, Packet
from tests.support import media
from tests.support.adapters import (
    WORDS,
    Adapted,
    adapted,
    blocks,
    samples,
    shown,
)
from tests.support.oddities import pgs


def waits(clip: Path, make: Callable[[Any], Adapter] = adapter_for) -> list[int]:
    """How many packets came into the adapter after each one, before that one came out."""
    found: list[int] = []
    with media.opened(clip) as container:
        adapter = make(container.streams[0])
        packets = [packet for packet in container.demux() if packet.size]
        for number, packet in enumerate(packets):
            for _ in adapter.packets(packet):
                found.append(number - len(found))
    return found


class DecodedTests(SynchronousTestCase):
    """What the referee does not take, or writes otherwise: the same is seen and heard."""

    def check(self, source: media.Source, name: str, type_: str) -> Adapted:
        """Decoded, it is bit by bit what the source is."""
        mine = adapted(source)
        expected = shown(source, type_)
        self.assertEqual(shown(mine.data, type_), expected, name)
        self.assertTrue(expected, name)
        return mine

    def test_video(self) -> None:
        """Codecs that Matroska stores with the words of AVI, and raw pictures."""
        for codec, container in (("wmv2", "asf"), ("flv", "flv"), ("rawvideo", "nut")):
            clip = media.clip(container=container, video=codec, audio=None, seconds=1)
            self.check(clip, codec, "video")
        for container in ("dv", "yuv4mpegpipe"):
            self.check(media.clip(container=container, seconds=0.2), container, "video")

    def test_raw_h264(self) -> None:
        """Raw H.264 and HEVC, which have no times: no picture is lost, and all have their times."""
        for container, codec in (("h264", "libx264"), ("hevc", "libx265"), ("avi", "libx264")):
            for bframes in (0, 2):
                for seconds in (0.2, 1, 4):
                    clip = media.clip(
                        container=container,
                        video=codec,
                        audio=None,
                        bframes=bframes,
                        seconds=seconds,
                    )
                    name = f"{container} {bframes} {seconds}"
                    mine = self.check(clip, name, "video")
                    pts = [frame.pts or 0 for frame in media.frames(mine.data)]
                    steps = {round((b - a) / 20_000) for a, b in itertools.pairwise(pts)}
                    self.assertEqual(len(steps), 1, name)

    def test_untimed(self) -> None:
        """Untimed pictures without B-pictures do not wait; with two of them, for four others."""
        for container, codec in (("h264", "libx264"), ("hevc", "libx265"), ("avi", "libx264")):
            for bframes, limit in ((0, 0), (2, 4)):
                clip = media.clip(container=container, video=codec, audio=None, bframes=bframes)
                self.assertEqual(max(waits(clip)), limit, f"{container} {bframes}")

    def test_untimed_limit(self) -> None:
        """Untimed pictures wait for no more than a bounded number of bytes."""
        clip = media.clip(container="h264", bframes=2, seconds=1)
        self.assertEqual(set(waits(clip, partial(Untimed, limit=1))), {0})

    def test_untimed_damaged(self) -> None:
        """A packet that is no picture is passed on as it is, in its place."""
        with media.opened(media.clip(container="h264", bframes=2, seconds=1)) as container:
            adapter = adapter_for(container.streams[0])
            first, *rest = (packet for packet in container.demux() if packet.size)
            given = [first, av.Packet(b"no picture"), av.Packet(b"\0\0\1"), *rest]
            found = [p for packet in given for p in adapter.packets(packet)]
            found += adapter.rest()
        self.assertEqual([bytes(p) for p in found], [bytes(p) for p in given])
        times = [(p.pts, p.dts) for p in found]
        self.assertEqual(len(set(times)), len(given))
        self.assertTrue(all(dts <= pts for pts, dts in times))

    def test_audio(self) -> None:
        """Audio that Matroska stores with the words of WAV."""
        for codec, container in media.AUDIO_CODECS.items():
            if codec in ("pcm_alaw", "pcm_mulaw", "adpcm_ms", "adpcm_ima_wav", "wmav2"):
                clip = media.clip(container=container, video=None, audio=codec, seconds=0.5)
                self.check(clip, codec, "audio")

    def test_pcm(self) -> None:
        """Samples in an order that Matroska does not have come out in one that it has."""
        for codec, container, expected in (
            ("pcm_bluray", "m2ts", "pcm_s16le"),
            ("pcm_f32be", "mov", "pcm_f32le"),
            ("pcm_s8", "aiff", "pcm_u8"),
        ):
            clip = media.clip(
                container=container,
                video=None,
                audio=codec,
                seconds=0.5,
                options=[("strict", "experimental")],
                audio_options=[("strict", "experimental")],
            )
            mine = adapted(clip)
            self.assertEqual([track.codec for track in mine.header.tracks], [expected])
            self.assertEqual(samples(mine.data), samples(clip), codec)

    def test_latm(self) -> None:
        """AAC out of LATM is the AAC that was wrapped."""
        plain = media.clip(container="matroska", video=None, audio="aac", seconds=0.5)
        mine = adapted(media.clip(container="latm", seconds=0.5))
        self.assertEqual(
            [block.data for block in blocks(mine.data)[0]],
            [packet.data for packet in media.packets(plain)],
        )
        (track,) = mine.header.tracks
        self.assertEqual((track.codec, track.setup.hex()), ("aac", "1190"))
        self.assertEqual((track.sample_rate, track.channels), (48000, 2))

    def test_mov_text(self) -> None:
        """MP4's text is SubRip's, without the packets that clear the screen."""
        mine = adapted(media.clip(container="mp4", seconds=1, subtitles=WORDS))
        number = [track.codec for track in mine.header.tracks].index("subrip")
        got = blocks(mine.data)[number]
        self.assertEqual([(b.duration, b.data) for b in got], [(500, b"Hello"), (200, b"two")])

    def test_cue(self) -> None:
        """A WebVTT cue's identifier and settings stay with it."""
        made = adapted(media.clip(seconds=0.2, subtitles=WORDS, subtitle_codec="webvtt"))
        out = MatroskaMuxer(made.header)
        cues = [b"one\nline:0\nHello", b"\n\nHello", b"one\n\ntwo\nlines"]
        packets = [Packet(3, n * SECOND, n * SECOND, SECOND, True, c) for n, c in enumerate(cues)]
        with media.opened(out.head + out.render(packets)) as container:
            adapter = adapter_for(container.streams[2])
            self.assertEqual([adapter.data(p) for p in container.demux() if p.size], cues)

    def test_pgs(self) -> None:
        """The segments of a picture are in one block."""
        mine = adapted(pgs([(0.5, 1.5), (2.0, 2.5)]))
        got = blocks(mine.data)[0]
        self.assertEqual([block.data[0] for block in got], [0x16] * 4)
        self.assertEqual([block.data[-3] for block in got], [0x80] * 4)
        self.assertEqual([track.type for track in mine.header.tracks], ["subtitle"])

    def test_beside(self) -> None:
        """What stands beside a payload in Matroska does so again."""
        made = adapted(media.clip(video="libvpx", seconds=0.2, audio="libopus"))
        extras = [None, Extra(additions=((1, b"alpha"),)), Extra(discard=5_000)]
        packets = [
            Packet(track, n * 20_000, n * 20_000, 0, True, b"\xfc12", extra)
            for track in (1, 2)
            for n, extra in enumerate(extras)
        ]
        with media.opened(
            made.header.matroska_head + MatroskaMuxer(made.header).render(packets)
        ) as c:
            adapters = [adapter_for(stream) for stream in c.streams]
            found = [adapters[p.stream_index].extra(p) for p in c.demux() if p.size]
        self.assertEqual(found[:2], extras[:2])
        self.assertEqual(found[4:], extras[1:])

    def test_discard(self) -> None:
        """The end of Opus that is not to be heard is not heard."""
        clip = media.clip(container="opus", seconds=0.5)
        mine = adapted(clip)
        self.assertEqual(samples(mine.data), samples(clip))

    def test_priming(self) -> None:
        """The beginning of AAC in MP4 and of MP3 that is not to be heard is not heard."""
        for container in ("mp4", "m4a", "mp3"):
            clip = media.clip(container=container, video=None, audio="", seconds=0.5)
            mine = adapted(clip)
            delays = codec_delays(mine.header.matroska_head)
            self.assertGreater(delays[1], 20_000)
