"""Every kind of track becomes what libavformat's own muxer would store, and decodes to the same."""

from __future__ import annotations

import io
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.stream import Disposition
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.matroska.ebml import Element, elements
from mkvtwist.formats.matroska.head import codec_delays, codec_privates
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.webm import WEBM
from mkvtwist.libav.adapters import Adapter, Untimed, adapter_for, is_cover
from mkvtwist.libav.headers.extras import Extras
from mkvtwist.libav.headers.header import write_header
from mkvtwist.libav.unusable import Unusable
from mkvtwist.libav.wording import cause, label
from mkvtwist.media.audio_frame_headers import crc8 as flac_crc
from mkvtwist.media.packet import SECOND, Extra, Header, Packet
from tests.support import bitstreams, media
from tests.support.oddities import pgs, with_alpha, with_data, with_dolby_vision, with_hdr10

SEGMENT, CLUSTER, TIMESTAMP = 0x18538067, 0x1F43B675, 0xE7
SIMPLE_BLOCK, BLOCK_GROUP, BLOCK, REFERENCE, DURATION = 0xA3, 0xA0, 0xA1, 0xFB, 0x9B

WORDS = [(0.1, 0.5, "Hello"), (0.6, 0.2, "two")]


class Block(NamedTuple):
    """A block, whoever wrote it."""

    key: bool
    duration: int | None
    data: bytes


def blocks(data: bytes) -> dict[int, list[Block]]:
    """The blocks of a Matroska stream by track, from 0."""
    found: dict[int, list[Block]] = defaultdict(list)
    for segment in elements(data, 0, len(data)):
        if segment.id == SEGMENT:
            for cluster in elements(data, segment.start, segment.end):
                if cluster.id == CLUSTER:
                    for number, block in _blocks(data, cluster):
                        found[number - 1].append(block)
    return found


def _blocks(data: bytes, cluster: Element) -> Iterator[tuple[int, Block]]:
    for part in elements(data, cluster.start, cluster.end):
        body = data[part.start : part.end]
        if part.id == SIMPLE_BLOCK:
            yield body[0] & 0x7F, Block(bool(body[3] & 0x80), None, body[4:])
        elif part.id == BLOCK_GROUP:
            parts = {e.id: data[e.start : e.end] for e in elements(data, part.start, part.end)}
            body = parts[BLOCK]
            lasts = int.from_bytes(parts[DURATION], "big") if DURATION in parts else None
            yield body[0] & 0x7F, Block(REFERENCE not in parts, lasts, body[4:])


class Adapted(NamedTuple):
    """What the adapters made of a clip."""

    header: Header
    data: bytes
    """Header and Clusters."""
    adapters: list[Adapter]


def adapted(source: media.Source) -> Adapted:
    """Send a clip through adapters, header and Clusters; times are left as they are."""
    with media.opened(source) as container:
        kinds = ("video", "audio", "subtitle")
        adapters = {s.index: adapter_for(s) for s in container.streams if s.type in kinds}
        made = []
        for packet in container.demux():
            adapter = adapters.get(packet.stream_index)
            if packet.size and adapter is not None:
                made += [(adapter, *_timed(adapter, one)) for one in adapter.packets(packet)]
        for adapter in adapters.values():
            made += [(adapter, *_timed(adapter, one)) for one in adapter.rest()]
        header, used = write_header(list(adapters.values()), Extras(container))
    render = MatroskaMuxer(header).render
    last = 0
    out = []
    for adapter, pts, duration, key, data, extra in made:
        last = last if pts is None else pts
        if adapter in used:
            out.append(render([Packet(adapter.number, last, last, duration, key, data, extra)]))
    return Adapted(header, header.matroska_head + b"".join(out), used)


def _timed(adapter: Adapter, one: Any) -> tuple[int | None, int, bool, bytes, Any]:
    base = one.time_base
    pts = None if one.pts is None else round(one.pts * base * SECOND) + SECOND
    duration = round((one.duration or 0) * base * SECOND)
    return pts, duration, one.is_keyframe, adapter.data(one), adapter.extra(one)


def muxed(source: media.Source) -> bytes:
    """The same by libavformat's muxer."""
    out = io.BytesIO()
    with media.opened(source) as container, av.open(out, "w", format="matroska") as output:
        streams = {
            stream.index: output.add_stream_from_template(stream, opaque=True)
            for stream in container.streams
        }
        for packet in container.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                output.mux(packet)
    return out.getvalue()


def shown(source: media.Source, type_: str) -> list[str]:
    """Digests of what a player shows of one type."""
    return [frame.digest for frame in media.frames(source, numbers=False) if frame.type == type_]


class RefereeTests(SynchronousTestCase):
    """Against libavformat's muxer, block by block."""

    def check(self, source: media.Source, name: str) -> None:
        """Payloads, keyframes and durations of subtitles are those that libavformat writes."""
        mine, other = adapted(source), blocks(muxed(source))
        got = blocks(mine.data)
        self.assertEqual(set(got), set(other), name)
        for number, expected in other.items():
            self.assertEqual(len(got[number]), len(expected), (name, number))
            for one, block in zip(got[number], expected, strict=True):
                self.assertEqual(one.data, block.data, (name, number))
                self.assertEqual(one.key, block.key, (name, number))
                if mine.header.tracks[number].type == "subtitle":
                    self.assertEqual(one.duration, block.duration, (name, number))

    def test_containers(self) -> None:
        """Out of every container."""
        for name in (
            *("matroska", "webm", "mp4", "fmp4", "mov", "3gp", "mpegts", "m2ts", "mpegps", "flv"),
            *("avi", "nut", "ogg", "opus", "ivf", "h264", "obu", "mpeg2video", "m4v"),
            *("mjpeg", "adts", "mp3", "ac3", "eac3", "flac", "wav", "aiff", "caf", "m4a"),
        ):
            self.check(media.clip(container=name, seconds=1, gop=10), name)

    def test_video(self) -> None:
        """Every video codec."""
        for codec, container in media.VIDEO_CODECS.items():
            if codec not in ("wmv2", "flv", "rawvideo"):
                clip = media.clip(container=container, video=codec, audio=None, seconds=1)
                self.check(clip, codec)

    def test_audio(self) -> None:
        """Every audio codec."""
        for codec, container in media.AUDIO_CODECS.items():
            if codec not in ("pcm_alaw", "pcm_mulaw", "adpcm_ms", "adpcm_ima_wav", "wmav2"):
                clip = media.clip(container=container, video=None, audio=codec, seconds=0.5)
                self.check(clip, codec)

    def test_reordered(self) -> None:
        """Reordered pictures, out of every kind of container."""
        for codec in ("libx264", "libx265"):
            for name in ("matroska", "mpegts", "mp4", "nut"):
                clip = media.clip(container=name, video=codec, bframes=2, seconds=1, gop=10)
                self.check(clip, f"{codec} {name}")

    def test_subtitles(self) -> None:
        """Subtitles as text and as pictures."""
        for container, codec in (
            ("matroska", "subrip"),
            ("matroska", "ass"),
            ("matroska", "webvtt"),
            ("webm", "webvtt"),
            ("mpegts", "dvbsub"),
        ):
            clip = media.clip(container=container, seconds=1, subtitles=WORDS, subtitle_codec=codec)
            self.check(clip, codec)


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
        """There a picture without B-pictures does not wait; with two of them, for four others."""
        for container, codec in (("h264", "libx264"), ("hevc", "libx265"), ("avi", "libx264")):
            for bframes, limit in ((0, 0), (2, 4)):
                clip = media.clip(container=container, video=codec, audio=None, bframes=bframes)
                self.assertEqual(max(waits(clip)), limit, f"{container} {bframes}")

    def test_untimed_limit(self) -> None:
        """Nor for more than 32 MiB of them."""
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
        """Nor is the beginning of AAC in MP4 and of MP3."""
        for container in ("mp4", "m4a", "mp3"):
            clip = media.clip(container=container, video=None, audio="", seconds=0.5)
            mine = adapted(clip)
            delays = codec_delays(mine.header.matroska_head)
            self.assertGreater(delays[1], 20_000)


def samples(source: media.Source) -> bytes:
    """All that is heard of the first track, as 16 bits a sample."""
    out = []
    with media.opened(source) as container:
        resampler = av.AudioResampler(format="s16")
        for frame in container.decode(audio=0):
            for made in resampler.resample(frame):
                size = made.samples * made.layout.nb_channels * 2
                out.append(bytes(made.planes[0])[:size])
    return b"".join(out)


def events(source: media.Source, index: int = 0) -> tuple[list[tuple[int, bool]], Adapter]:
    """For each packet of a track how many the adapter makes, and whether it needs a header."""
    with media.opened(source) as container:
        adapter = adapter_for(container.streams[index])
        made = []
        for packet in container.demux(container.streams[index]):
            if packet.size:
                adapter.changed = False
                count = len(list(adapter.packets(packet)))
                made.append((count, adapter.changed))
        return made, adapter


def spliced(*clips: Path, take: Sequence[int] = ()) -> bytes:
    """
    The packets of several clips in one track of Matroska that is described as the first is.

    @param take: how many of each; all of them without it.
    """
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as output:
        track: Any = None
        start = 0
        for index, clip in enumerate(clips):
            with media.opened(clip) as container:
                track = track or output.add_stream_from_template(container.streams[0], opaque=True)
                for number, packet in enumerate(p for p in container.demux() if p.size):
                    if take and number == take[index]:
                        break
                    one: Any = av.Packet(bytes(packet))
                    one.stream, one.time_base = track, Fraction(1, 1000)
                    one.pts = one.dts = start
                    one.is_keyframe = packet.is_keyframe
                    start += 40
                    output.mux(one)
    return out.getvalue()


class ChangeTests(SynchronousTestCase):
    """A track that is another one from some packet on."""

    def joined(self, container: str, *clips: dict[str, Any]) -> bytes:
        """Clips one behind the other."""
        data = [media.clip(container=container, audio=None, seconds=1, **more) for more in clips]
        return b"".join(path.read_bytes() for path in data)

    def test_size(self) -> None:
        """Another size is noticed with its first keyframe, and not again."""
        for codec in ("libx264", "libx265", "mpeg2video"):
            data = self.joined("mpegts", {"video": codec}, {"video": codec, "size": (320, 240)})
            made, adapter = events(data)
            changes = [index for index, (_, changed) in enumerate(made) if changed]
            self.assertEqual(len(changes), 1, codec)
            self.assertApproximates(changes[0], 25, 1, codec)
            self.assertEqual((adapter.shape.width, adapter.shape.height), (320, 240))

    def test_same(self) -> None:
        """The same encoder with other settings needs no other header."""
        data = self.joined("mpegts", {"video": "libx264"}, {"video": "libx264", "bframes": 2})
        made, _ = events(data)
        self.assertEqual([changed for _, changed in made], [False] * len(made))

    def test_container_says(self) -> None:
        """So is one of which the container tells, as FLV does."""
        first, second = (
            media.clip(container="flv", seconds=1, size=size).read_bytes()
            for size in ((160, 120), (320, 240))
        )
        made, adapter = events(first + second[13:])
        self.assertEqual([index for index, (_, changed) in enumerate(made) if changed], [25])
        self.assertEqual((adapter.shape.width, adapter.shape.height), (320, 240))

    def test_sizes(self) -> None:
        """So is one inside VP8, VP9, AV1, MJPEG, of which the container says nothing."""
        for codec in ("libvpx", "libvpx-vp9", "libsvtav1", "mjpeg"):
            small, large = (
                media.clip(video=codec, audio=None, seconds=1, gop=25, size=size)
                for size in ((160, 120), (320, 240))
            )
            made, adapter = events(spliced(small, large))
            changes = [index for index, (_, changed) in enumerate(made) if changed]
            self.assertEqual(changes, [25], codec)
            self.assertEqual((adapter.shape.width, adapter.shape.height), (320, 240), codec)

    def test_parameter_sets(self) -> None:
        """So is one in parameter sets between length-prefixed pictures (avc3, hev1)."""
        for codec in ("libx264", "libx265"):
            small, large = (
                media.clip(container="mpegts", video=codec, audio=None, seconds=1, size=size)
                for size in ((160, 120), (320, 240))
            )
            made, adapter = events(spliced(small, large))
            changes = [index for index, (_, changed) in enumerate(made) if changed]
            self.assertEqual(changes, [25], codec)
            self.assertEqual((adapter.shape.width, adapter.shape.height), (320, 240), codec)

    def test_sound(self) -> None:
        """Other channels and rates inside one track of sound are noticed, and no frame is lost."""
        for codec in ("mp2", "libmp3lame", "ac3", "eac3", "flac"):
            one, two = (
                media.clip(
                    container="mpegts" if codec == "mp2" else "matroska",
                    video=None,
                    audio=codec,
                    seconds=0.5,
                    sample_rate=rate,
                    channels=channels,
                )
                for rate, channels in ((48000, 2), (44100, 1))
            )
            made, adapter = events(spliced(one, two))
            self.assertEqual(adapter.shape[:2], (44100, 1), codec)
            self.assertEqual(sum(changed for _, changed in made), 1, codec)
            self.assertEqual(sum(count for count, _ in made), len(made), codec)

    def test_flac_without_rate(self) -> None:
        """Frames of FLAC need not say their rate: other channels keep the one that is known."""
        one, two = (
            media.clip(audio="flac", video=None, seconds=0.5, sample_rate=44100, channels=channels)
            for channels in (2, 1)
        )
        with av.open(one) as known, av.open(two) as container:
            stream: Any = known.streams[0]
            adapter = adapter_for(stream)
            packet: Any
            for packet in container.demux():
                head = bytearray(bytes(packet))
                if not head:
                    continue
                end = next(n for n in range(5, 16) if flac_crc(head[:n]) == head[n])
                head[2] &= 0xF0  # the rate is that of the STREAMINFO
                head[end] = flac_crc(head[:end])
                made = av.Packet(bytes(head))
                made.time_base, made.pts, made.dts = packet.time_base, packet.pts, packet.dts
                list(adapter.packets(made))
            self.assertEqual(adapter.shape[:2], (44100, 1))
            setup = adapter.setup or b""
            numbers = int.from_bytes(setup[-34:][10:18], "big")
            self.assertEqual((numbers >> 44, (numbers >> 41 & 7) + 1), (44100, 1))

    def test_damaged_head(self) -> None:
        """One head that says something else is damage: its frame is left out."""
        one, two = (
            media.clip(video=None, audio="ac3", seconds=0.5, channels=channels)
            for channels in (2, 1)
        )
        made, _ = events(spliced(one, two, one, take=(5, 1, 5)))
        self.assertEqual(sum(changed for _, changed in made), 0)
        self.assertEqual(sum(count for count, _ in made), 10)

    def test_adts(self) -> None:
        """Another sample rate is noticed; damage in one packet is not taken for one."""
        first, second = (
            media.clip(container="adts", seconds=0.5, sample_rate=rate).read_bytes()
            for rate in (48000, 24000)
        )
        made, adapter = events(first + second)
        self.assertEqual(sum(changed for _, changed in made), 1)
        self.assertEqual(adapter.shape.sample_rate, 24000)
        self.assertEqual(adapter.setup and adapter.setup[:2].hex(), "1310")

    def test_latm(self) -> None:
        """So it is in LATM."""
        first, second = (
            media.clip(container="latm", seconds=0.5, sample_rate=rate).read_bytes()
            for rate in (48000, 24000)
        )
        made, adapter = events(first + second)
        self.assertEqual(sum(changed for _, changed in made), 1)
        self.assertEqual((adapter.setup or b"").hex(), "1310")
        self.assertEqual(adapter.shape.sample_rate, 24000)


class SetupTests(SynchronousTestCase):
    """What the decoder needs first."""

    def test_found(self) -> None:
        """A track whose container has no setup is ready with its first keyframe."""
        for container, codec in (("adts", "aac"), ("latm", "aac")):
            with media.opened(media.clip(container=container, seconds=0.2)) as file:
                adapter = adapter_for(file.streams[0])
                self.assertFalse(adapter.ready, container)
                list(adapter.packets(next(iter(file.demux()))))
                self.assertTrue(adapter.ready, container)
                self.assertTrue(adapter.setup, codec)

    def test_unprobed(self) -> None:
        """When the demuxer has not looked ahead, the first keyframe says what is needed."""
        clip = media.clip(container="mpegts", audio=None, seconds=2)
        path = media.cut(clip, self.mktemp(), "mpegts", lambda packet: (packet.pts or 0) > 200_000)
        short = {"probesize": "32", "analyzeduration": "0"}
        with av.open(str(path), "r", options=short) as container:
            adapter = adapter_for(container.streams[0])
            self.assertEqual((adapter.setup, adapter.was_shaped), (None, False))
            for packet in container.demux():
                self.assertFalse(adapter.ready)
                key = packet.is_keyframe
                list(adapter.packets(packet))
                if key:
                    break
            self.assertTrue(adapter.ready)
            self.assertFalse(adapter.changed)
            self.assertEqual((adapter.shape.width, adapter.shape.height), (160, 120))
            header, _ = write_header([adapter], container)
        self.assertEqual((header.tracks[0].width, header.left_out), (160, ()))

    def test_headless(self) -> None:
        """AAC that should have an ADTS head and has none is nothing, until one has come."""
        with media.opened(media.clip(container="adts", seconds=0.2)) as container:
            adapter = adapter_for(container.streams[0])
            good = next(iter(container.demux()))
            for junk in (b"", b"\xff", b"\xff\xe1\0\0\0", b"0123456789"):
                self.assertEqual(list(adapter.packets(av.Packet(junk))), [])
            self.assertEqual(len(list(adapter.packets(good))), 1)

    def test_transport(self) -> None:
        """H.264 out of a transport stream gets avcC in the header, HEVC hvcC, AAC its two bytes."""
        for codec, first in (("libx264", 1), ("libx265", 1)):
            mine = adapted(media.clip(container="mpegts", video=codec, seconds=1))
            privates = codec_privates(mine.header.matroska_head)
            self.assertEqual(privates[1][0], first)
            self.assertEqual(privates[2].hex()[:4], "1190")
            self.assertEqual(mine.header.left_out, ())

    def test_times(self) -> None:
        """The duration of a packet, and the delay of reordering, are known where they can be."""
        with media.opened(media.clip(bframes=2, seconds=1)) as container:
            video, audio = (adapter_for(stream) for stream in container.streams)
            self.assertEqual((video.step, video.delay), (40_000, 80_000))
            self.assertEqual((audio.step, audio.delay), (21_333, 0))

    def test_sparse(self) -> None:
        """Only subtitles may be silent for any time."""
        with media.opened(media.clip(seconds=1, subtitles=WORDS)) as container:
            sparse = [adapter_for(stream).sparse for stream in container.streams]
        self.assertEqual(sparse, [False, False, True])


class Refused(Adapter):
    """A track that Matroska has no place for."""

    def describe(self, made: Any) -> None:
        raise ValueError("no place for it")


class Turned(Adapter):
    """A track of sound that damage has made one of pictures."""

    @property
    def parameters(self) -> Any:
        return self.stream.container.streams.video[0]


class HeaderTests(SynchronousTestCase):
    """The header."""

    def write(self, source: media.Source, **more: Any) -> tuple[Header, dict[str, Any]]:
        """What a player reads in the header of a clip."""
        mine = adapted(media.clip(**more) if source == b"" else source)
        tracks, whole = media.parameters(mine.data)
        return mine.header, {"tracks": tracks, **whole}

    def test_tracks(self) -> None:
        """Tracks are described, for players and for the status."""
        header, read = self.write(
            b"",
            seconds=1,
            languages=("eng", "deu"),
            titles=("One", "Zwei"),
            default=1,
            forced=0,
            subtitles=WORDS,
        )
        video, first, second, text = header.tracks
        self.assertEqual(
            (video.type, video.codec, video.width, video.height, video.frame_rate, video.title),
            ("video", "h264", 160, 120, 25, None),
        )
        self.assertEqual(
            (first.type, first.codec, first.language, first.title, first.sample_rate),
            ("audio", "aac", "eng", "One", 48000),
        )
        self.assertEqual((second.language, second.channels, text.type), ("deu", 2, "subtitle"))
        self.assertEqual([t.number for t in header.tracks], [1, 2, 3, 4])
        tracks = read["tracks"][1:3]
        self.assertEqual([t["metadata"]["language"] for t in tracks], ["eng", "deu"])
        self.assertEqual([t["metadata"]["title"] for t in tracks], ["One", "Zwei"])
        self.assertEqual(
            [t["disposition"] for t in tracks], [Disposition.forced, Disposition.default]
        )

    def test_same_bytes(self) -> None:
        """The same tracks give the same bytes."""
        clip = media.clip(container="mpegts", seconds=1)
        first, second = (adapted(clip).header for _ in range(2))
        self.assertEqual(first.matroska_head, second.matroska_head)
        self.assertEqual([t.mp4_head for t in first.tracks], [t.mp4_head for t in second.tracks])
        self.assertEqual(first.tracks, second.tracks)

    def test_whole(self) -> None:
        """Tags and chapters are kept, but not what is true of the file only."""
        clip = media.clip(
            container="mp4",
            seconds=1,
            metadata=[("title", "Film"), ("artist", "Grüße")],
            chapters=[(0, 0.5, "Begin"), (0.5, 1, "End")],
        )
        _, read = self.write(clip)
        metadata = {name.lower(): value for name, value in read["metadata"].items()}
        self.assertEqual((metadata["title"], metadata["artist"]), ("Film", "Grüße"))
        self.assertEqual(set(metadata) - {"title", "artist", "encoder"}, set())
        self.assertEqual([c["metadata"]["title"] for c in read["chapters"]], ["Begin", "End"])

    def test_shape(self) -> None:
        """Anamorphic pictures are shown in their shape."""
        for container in ("matroska", "mpegts", "mp4"):
            _, read = self.write(b"", container=container, seconds=1, sar=Fraction(4, 3))
            self.assertEqual(read["tracks"][0]["size"], (160, 120))
            ratio = read["tracks"][0]["sar"]
            self.assertApproximates(ratio, Fraction(4, 3), Fraction(1, 160), container)

    def test_attachments(self) -> None:
        """Attachments are kept, and covers become such."""
        clip = media.clip(seconds=0.2, attachments=[("a.ttf", "font/ttf", b"font")])
        with media.opened(clip) as container:
            adapters = [adapter_for(s) for s in container.streams if s.type != "attachment"]
            attachments = [s for s in container.streams if s.type == "attachment"]
            extras = Extras(container, attachments)
            extras.add_cover(2, "mjpeg", b"cover")
            extras.add_cover(3, "tiff", b"no")
            header, _ = write_header(adapters, extras, extras.files())
        data = header.matroska_head + MatroskaMuxer(header).render([Packet(1, 0, 0, 0, True, b"x")])
        tracks, _ = media.parameters(data)
        self.assertEqual([t["data"] for t in tracks if t["type"] == "attachment"], [b"font"])
        self.assertIn(b"cover.jpg", data)
        self.assertNotIn(b"tiff", data)

    def test_hdr(self) -> None:
        """What is known of the colours is kept."""
        clip = with_hdr10(media.clip(video="libx265", audio=None, seconds=0.5).read_bytes())
        data = adapted(clip).header.matroska_head
        original = clip[: clip.index(CLUSTER.to_bytes(4, "big"))]
        for code in (0x55BA, 0x55BB, 0x55BC, 0x55BD):
            self.assertEqual(_number(data, code), _number(original, code), hex(code))

    def test_dolby_vision(self) -> None:
        """Dolby Vision's record is kept in Matroska and MP4, and its names are those of HLS."""
        clip = with_hdr10(media.clip(video="libx265", audio=None, seconds=0.5).read_bytes())
        for profile, compatibility, kind, names in (
            (8, 1, b"dvvC", ("hvc1", "dvh1.08.06/db1p")),
            (5, 0, b"dvcC", ("dvh1.05.06", None)),
        ):
            header = adapted(with_dolby_vision(clip, profile, compatibility)).header
            (track,) = header.tracks
            for format_ in (MATROSKA, MP4):
                self.assertIn(kind, media.all_of(format_, header).head)
            self.assertIn((names[0][:4]).encode(), track.mp4_head)
            self.assertEqual(track.video_range, "PQ")
            self.assertTrue((track.codec_string or "").startswith(names[0]))
            self.assertEqual(track.supplemental, names[1])

    def test_alpha(self) -> None:
        """Matroska and WebM say that pictures have alpha beside them, if they do."""
        clip = media.clip(container="webm", audio=None, seconds=0.2).read_bytes()
        for data, said in ((with_alpha(clip), True), (clip, False)):
            header = adapted(data).header
            for format_ in (MATROSKA, WEBM):
                for code in (b"\x53\xc0\x81\1", b"\x55\xee\x81\1"):
                    found = code in media.all_of(format_, header).head
                    self.assertEqual(found, said, (format_, code))

    def test_low_delay(self) -> None:
        """AAC-LD and AAC-ELD keep their names and their frames."""
        for object_type in (23, 39):
            clip = bitstreams.low_delay(object_type)
            made = adapted(clip)
            (track,) = made.header.tracks
            self.assertEqual(track.codec_string, f"mp4a.40.{object_type}")
            self.assertEqual(len(media.frames(made.data)), len(media.frames(clip)))

    def test_objects(self) -> None:
        """MP4 says of E-AC-3 that it carries objects: dec3 (ETSI TS 103 420, 8.3)."""
        plain = media.clip(container="eac3", seconds=0.2).read_bytes()
        for data, said in ((bitstreams.with_objects(plain), True), (plain, False)):
            head = adapted(data).header.tracks[0].mp4_head
            at = head.index(b"dec3") - 4
            box = head[at : at + int.from_bytes(head[at : at + 4], "big")]
            self.assertEqual(box.endswith(bytes((1, 16))), said)

    def test_left_out(self) -> None:
        """A track that Matroska refuses is left out, and named; the others are sent."""
        with media.opened(media.clip(seconds=0.2, languages=["deu"])) as container:
            video, audio = container.streams
            good, bad = adapter_for(video), Refused(audio)
            header, used = write_header([bad, good], container)
            self.assertEqual((used, good.number, bad.number), ([good], 1, 0))
            self.assertEqual(header.left_out, ("track 1 (audio, aac, deu): no place for it",))
            self.assertEqual([track.codec for track in header.tracks], ["h264"])
            nothing, used = write_header([bad], container)
            self.assertEqual((nothing.tracks, used, len(nothing.left_out)), ((), [], 1))

    def test_another_type(self) -> None:
        """A track that has turned into one of another type is left out; the others are sent."""
        with media.opened(media.clip(seconds=0.2)) as container:
            video, audio = container.streams
            header, _ = write_header([adapter_for(video), Turned(audio)], container)
        self.assertEqual([track.codec for track in header.tracks], ["h264"])
        self.assertEqual(header.left_out, ("track 1 (audio, aac): it was audio, and is video now",))

    def test_cause(self) -> None:
        """An error's cause is what libavformat said of it, or what Python says."""
        self.assertEqual(cause(ValueError("why")), "why")
        self.assertEqual(cause(ValueError()), "ValueError")
        self.assertEqual(cause(OSError(2, "No such file")), "No such file")
        error: Any = av.InvalidDataError
        error = error(1, "message", "file", (16, "matroska", " the cause\n"))
        self.assertEqual(cause(error), "the cause")


def _number(data: bytes, id_: int) -> bytes:
    """The payload of the first element with an ID of two bytes, wherever it is."""
    at = data.index(id_.to_bytes(2, "big")) + 2
    size = data[at] & 0x7F if data[at] & 0x80 else data[at + 7]
    start = at + (1 if data[at] & 0x80 else 8)
    return data[start : start + size].lstrip(b"\0")


class ChoiceTests(SynchronousTestCase):
    """Which adapter a track gets."""

    def kinds(self, source: media.Source) -> list[str]:
        """The adapters' names."""
        with media.opened(source) as container:
            return [type(adapter_for(stream)).__name__ for stream in container.streams]

    def test_data(self) -> None:
        """Data tracks cannot be sent."""
        data = with_data(media.clip(container="mpegts", seconds=1), "timed_id3")
        with media.opened(data) as container:
            (stream,) = [s for s in container.streams if s.type == "data"]
            error = self.assertRaises(Unusable, adapter_for, stream)
            self.assertEqual(str(error), "data cannot be sent")
            self.assertTrue(label(stream).startswith(f"track {stream.index} (data"))

    def test_unknown_codec(self) -> None:
        """Nor can what libavcodec does not know."""
        clip = media.clip(video="libvpx", audio=None, seconds=0.2).read_bytes()
        with media.opened(clip.replace(b"V_VP8", b"V_XXX")) as container:
            self.assertRaises(Unusable, adapter_for, container.streams[0])

    def test_stored(self) -> None:
        """H.264 as Matroska stores it is stored as it is; with start codes it is not."""
        for container, kind in (
            ("matroska", "LengthPrefixed"),
            ("mpegts", "PartlyTimed"),
            ("h264", "Untimed"),
        ):
            self.assertEqual(self.kinds(media.clip(container=container, seconds=0.2))[0], kind)

    def test_cover(self) -> None:
        """A cover is told from moving pictures."""
        with media.opened(media.clip(seconds=0.2)) as container:
            self.assertFalse(is_cover(container.streams[0]))
            container.streams[0].disposition = Disposition.attached_pic
            self.assertTrue(is_cover(container.streams[0]))
