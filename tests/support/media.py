"""Small clips for the tests, made by PyAV, whose every picture is known; and how to read them back.

A picture carries its own number: a grid of 4 x 4 cells, each black or white,
is the number's 16 bits. That survives every lossy codec, so a test can say which
picture it received, not only how many. Keyframes are exactly every C{gop}
pictures. The sound is a tone that rises by 10 Hz each tenth of a second (another one
for each audio track). The same arguments always make the same packets.

Making a clip takes some 0.05 s; C{clip} keeps what it made for the life of the process.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import io
import math
import os
import random
import shutil
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.subtitles.subtitle import SubtitleSet
from av.video.frame import VideoFrame

from mkvtwist.formats.base import Format, Muxer
from mkvtwist.media.packet import Header

os.environ.setdefault("SVT_LOG", "0")  # SVT-AV1 writes its settings to standard error otherwise

Source = str | Path | bytes
Subtitle = tuple[float, float, str]
"""Start and duration in seconds, and the text."""

# -- What can be made ---------------------------------------------------------


@dataclass(frozen=True)
class Container:
    """A container as libavformat writes it, with codecs that are at home in it."""

    format: str
    suffix: str
    video: str | None
    audio: str | None
    options: tuple[tuple[str, str], ...] = ()
    size: tuple[int, int] = (160, 120)


CONTAINERS: dict[str, Container] = {
    "matroska": Container("matroska", "mkv", "libx264", "aac"),
    "webm": Container("webm", "webm", "libvpx", "libopus"),
    "mp4": Container("mp4", "mp4", "libx264", "aac"),
    "fmp4": Container(
        "mp4", "mp4", "libx264", "aac", (("movflags", "frag_keyframe+empty_moov+delay_moov"),)
    ),
    "mov": Container("mov", "mov", "libx264", "pcm_s16le"),
    "3gp": Container("3gp", "3gp", "mpeg4", "aac"),
    "mpegts": Container("mpegts", "ts", "libx264", "aac"),
    "m2ts": Container("mpegts", "m2ts", "libx264", "ac3", (("mpegts_m2ts_mode", "1"),)),
    "mpegps": Container("vob", "vob", "mpeg2video", "mp2"),
    "flv": Container("flv", "flv", "libx264", "aac"),
    "avi": Container("avi", "avi", "mpeg4", "libmp3lame"),
    "nut": Container("nut", "nut", "libx264", "libopus"),
    "asf": Container("asf", "wmv", "wmv2", "wmav2"),
    "ogg": Container("ogg", "ogg", None, "vorbis"),
    "opus": Container("opus", "opus", None, "libopus"),
    "ivf": Container("ivf", "ivf", "libvpx", None),
    "h264": Container("h264", "h264", "libx264", None),
    "hevc": Container("hevc", "hevc", "libx265", None),
    "obu": Container("obu", "obu", "libsvtav1", None),
    "mpeg2video": Container("mpeg2video", "m2v", "mpeg2video", None),
    "m4v": Container("m4v", "m4v", "mpeg4", None),
    "mjpeg": Container("mjpeg", "mjpeg", "mjpeg", None),
    "yuv4mpegpipe": Container("yuv4mpegpipe", "y4m", "rawvideo", None),
    "dv": Container("dv", "dv", "dvvideo", "pcm_s16le", (), (720, 576)),
    "adts": Container("adts", "aac", None, "aac"),
    "latm": Container("latm", "latm", None, "aac"),
    "mp3": Container("mp3", "mp3", None, "libmp3lame"),
    "ac3": Container("ac3", "ac3", None, "ac3"),
    "eac3": Container("eac3", "eac3", None, "eac3"),
    "flac": Container("flac", "flac", None, "flac"),
    "wav": Container("wav", "wav", None, "pcm_s16le"),
    "aiff": Container("aiff", "aiff", None, "pcm_s16be"),
    "caf": Container("caf", "caf", None, "alac"),
    "m4a": Container("ipod", "m4a", None, "aac"),
    "wma": Container("asf", "wma", None, "wmav2"),
}
"""Every container of the project's list that PyAV writes, by the name C{clip} takes."""

_VIDEO_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "ultrafast", "sc_threshold": "0", "crf": "30"},
    "libx265": {"preset": "ultrafast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"},
    "libsvtav1": {"preset": "12"},
    "ffv1": {"level": "3"},
}

_PIXELS: dict[str, str] = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le", "dvvideo": "yuv420p"}

VIDEO_CODECS: dict[str, str] = {
    "libx264": "matroska",
    "libx265": "matroska",
    "libsvtav1": "matroska",
    "libvpx": "matroska",
    "libvpx-vp9": "matroska",
    "mpeg1video": "matroska",
    "mpeg2video": "matroska",
    "mpeg4": "matroska",
    "mjpeg": "matroska",
    "prores_ks": "mov",
    "ffv1": "matroska",
    "wmv2": "asf",
    "flv": "flv",
    "rawvideo": "nut",
}
"""Each video encoder of the list that PyAV's wheel has, and a container it may live in."""

AUDIO_CODECS: dict[str, str] = {
    "aac": "matroska",
    "mp2": "mpegts",
    "libmp3lame": "matroska",
    "ac3": "matroska",
    "eac3": "matroska",
    "libopus": "matroska",
    "vorbis": "matroska",
    "flac": "matroska",
    "alac": "mov",
    "wavpack": "matroska",
    "tta": "matroska",
    "pcm_s16le": "matroska",
    "pcm_s24le": "wav",
    "pcm_s16be": "mov",
    "pcm_f32le": "wav",
    "pcm_u8": "wav",
    "pcm_alaw": "wav",
    "pcm_mulaw": "wav",
    "adpcm_ms": "wav",
    "adpcm_ima_wav": "wav",
    "wmav2": "asf",
}
"""Each audio encoder of the list that PyAV's wheel has, and a container it may live in."""

# -- Making -------------------------------------------------------------------


@functools.cache
def _directory() -> Path:
    """The directory of this process's clips, removed when the process ends."""
    path = tempfile.mkdtemp(prefix="mkvtwist-clips-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


def all_of(format_: Format, header: Header) -> Muxer[Any]:
    """The muxer for all tracks of a header that fit a format."""
    return format_.muxer(header, format_.fitting(header.tracks))


def clip(
    path: str | Path | None = None,
    *,
    container: str = "matroska",
    video: str | None = "",
    audio: str | None = "",
    seconds: float = 3.0,
    rate: int = 25,
    gop: int = 25,
    bframes: int = 0,
    size: tuple[int, int] | None = None,
    first: int = 0,
    start: float = 0.0,
    sample_rate: int = 48000,
    channels: int = 2,
    sar: Fraction | None = None,
    languages: Sequence[str] = (),
    titles: Sequence[str] = (),
    default: int | None = None,
    forced: int | None = None,
    subtitles: Sequence[Subtitle] = (),
    subtitle_codec: str = "",
    metadata: Iterable[tuple[str, str]] = (),
    chapters: Sequence[tuple[float, float, str]] = (),
    attachments: Sequence[tuple[str, str, bytes]] = (),
    options: Iterable[tuple[str, str]] = (),
    video_options: Iterable[tuple[str, str]] = (),
    audio_options: Iterable[tuple[str, str]] = (),
) -> Path:
    """
    Make a clip, or find the one that these arguments made before.

    @param path: where to put it; without it the clip stays in this process's
        directory of clips: then it must not be changed.
    @param container: a key of L{CONTAINERS}.
    @param video: an encoder, C{None} for no video, C{""} for the container's usual one.
    @param audio: an encoder, as for C{video}.
    @param rate: pictures a second.
    @param gop: pictures from one keyframe to the next.
    @param bframes: B-pictures between two others (libx264, libx265, mpeg2video, mpeg4).
    @param first: the number that the first picture carries.
    @param start: the timestamp of the first picture and sample, in seconds, as far as the
        container can say it.
    @param languages: one audio track for each; without it there is one of no language.
    @param titles: the audio tracks' titles.
    @param default: the index of the only audio track with the default flag.
    @param forced: the index of the only audio track with the forced flag.
    @param subtitles: start, duration, text of each; one track.
    @param subtitle_codec: without it what the container usually has: mov_text, WebVTT or SubRip.
    @param chapters: start, end (seconds), title of each.
    @param attachments: file name, MIME type, content of each.
    @param options: options of the container's muxer.
    """
    home = CONTAINERS[container]
    made = _clip(
        _Recipe(
            home=home,
            video=home.video if video == "" else video,
            audio=home.audio if audio == "" else audio,
            seconds=seconds,
            rate=rate,
            gop=gop,
            bframes=bframes,
            size=size or home.size,
            first=first,
            start=start,
            sample_rate=sample_rate,
            channels=channels,
            sar=sar,
            languages=tuple(languages),
            titles=tuple(titles),
            default=default,
            forced=forced,
            subtitles=tuple(subtitles),
            subtitle_codec=subtitle_codec
            or {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt"}.get(home.format, "subrip"),
            metadata=tuple(metadata),
            chapters=tuple(chapters),
            attachments=tuple(attachments),
            options=(*home.options, *options),
            video_options=tuple(video_options),
            audio_options=tuple(audio_options),
        )
    )
    if path is None:
        return made
    shutil.copyfile(made, path)
    return Path(path)


def halting(of: Path, every: int, gap: float) -> Path:
    """
    The pictures of a clip as of a camera that stops now and then.

    @param every: pictures from one stop to the next.
    @param gap: seconds that each stop lasts.
    """
    made = _directory() / f"halting-{every}-{gap}-{of.stem}.mkv"
    with av.open(str(of)) as source, av.open(str(made), "w") as out:
        stream = source.streams.video[0]
        to = out.add_stream_from_template(stream)
        for number, packet in enumerate(packet for packet in source.demux(stream) if packet.size):
            assert packet.pts is not None and packet.dts is not None and packet.time_base
            later = round(number // every * gap / packet.time_base)
            packet.pts, packet.dts = packet.pts + later, packet.dts + later
            packet.stream = to
            out.mux(packet)
    return made


@dataclass(frozen=True)
class _Recipe:
    """The arguments of L{clip}, made hashable, with the container's defaults filled in."""

    home: Container
    video: str | None
    audio: str | None
    seconds: float
    rate: int
    gop: int
    bframes: int
    size: tuple[int, int]
    first: int
    start: float
    sample_rate: int
    channels: int
    sar: Fraction | None
    languages: tuple[str, ...]
    titles: tuple[str, ...]
    default: int | None
    forced: int | None
    subtitles: tuple[Subtitle, ...]
    subtitle_codec: str
    metadata: tuple[tuple[str, str], ...]
    chapters: tuple[tuple[float, float, str], ...]
    attachments: tuple[tuple[str, str, bytes], ...]
    options: tuple[tuple[str, str], ...]
    video_options: tuple[tuple[str, str], ...]
    audio_options: tuple[tuple[str, str], ...]


def forget() -> None:
    """Make each clip anew from now on, also one that was made before."""
    _clip.cache_clear()


@functools.cache
def _clip(recipe: _Recipe) -> Path:
    # SVT-AV1 gives the thread that it runs in real-time priority when that may be had, as root
    # may; all that the tests start afterwards would have it, and starve the machine.
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        return _written(recipe)
    finally:
        os.sched_setscheduler(0, policy, priority)


def _written(recipe: _Recipe) -> Path:
    number = len(list(_directory().iterdir()))
    path = _directory() / f"{number}.{recipe.home.suffix}"
    with av.open(
        str(path),
        "w",
        format=recipe.home.format,
        container_options={"fflags": "+bitexact", **dict(recipe.options)},
    ) as out:
        out.metadata.update(recipe.metadata)
        streams = []
        if recipe.video is not None:
            streams.append(_video_packets(out, recipe, recipe.video))
        if (codec := recipe.audio) is not None:
            tracks = range(len(recipe.languages) or 1)
            streams += [_audio_packets(out, recipe, codec, index) for index in tracks]
        if recipe.subtitles:
            streams.append(_subtitle_packets(out, recipe))
        for name, mime, data in recipe.attachments:
            out.add_attachment(name, mime, data)
        if recipe.chapters:
            out.set_chapters(
                [
                    {
                        "id": index,
                        "start": round(start * 1000),
                        "end": round(end * 1000),
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": title},
                    }
                    for index, (start, end, title) in enumerate(recipe.chapters)
                ]
            )
        # Each is a generator: no encoder runs before all of them have their place in the header.
        packets = [packet for stream in streams for packet in stream]
        packets.sort(key=lambda packet: (packet.dts or 0) * packet.time_base)
        for packet in packets:
            offset = round(Fraction(recipe.start) / packet.time_base)
            packet.pts = (packet.pts or 0) + offset
            packet.dts = (packet.dts or 0) + offset
            out.mux(packet)
    return path


def _video_packets(out: OutputContainer, recipe: _Recipe, codec: str) -> Iterator[Packet[Any]]:
    options = dict(_VIDEO_OPTIONS.get(codec, {}))
    if codec == "libx265":
        options["x265-params"] = (
            f"keyint={recipe.gop}:min-keyint={recipe.gop}:scenecut=0:bframes={recipe.bframes}"
            ":b-adapt=0:open-gop=0:pools=none:frame-threads=1:log-level=none"
        )
    elif codec == "libx264":
        options["x264-params"] = f"keyint={recipe.gop}:min-keyint={recipe.gop}:b-adapt=0"
    if codec in ("libx264", "mpeg2video", "mpeg4"):
        options["bf"] = str(recipe.bframes)
    options.update({"g": str(recipe.gop), "threads": "1", **dict(recipe.video_options)})
    width, height = recipe.size
    stream: Any = out.add_stream(
        codec, rate=recipe.rate, width=width, height=height, options=options
    )
    stream.pix_fmt = _PIXELS.get(codec, "yuv420p")
    stream.time_base = stream.codec_context.time_base = Fraction(1, recipe.rate)
    stream.disposition = Disposition.default
    if recipe.sar:
        stream.sample_aspect_ratio = recipe.sar

    def encode() -> Iterator[Packet[Any]]:
        for index in range(round(recipe.seconds * recipe.rate)):
            frame = picture(recipe.first + index, recipe.size)
            frame.pts, frame.time_base = index, Fraction(1, recipe.rate)
            yield from stream.encode(frame)
        yield from stream.encode(None)

    return encode()


def picture(number: int, size: tuple[int, int] = (160, 120)) -> VideoFrame:
    """A picture (yuv420p) that carries C{number}, from 0 to 65,535."""
    width, height = size
    frame = VideoFrame(width, height, "yuv420p")
    luma, *chroma = frame.planes
    rows = bytearray()
    for y in range(4):
        cells = bytearray()
        for x in range(4):
            bright = number >> (y * 4 + x) & 1
            cells += bytes([220 if bright else 32]) * (width * (x + 1) // 4 - width * x // 4)
        cells += bytes(luma.line_size - width)
        rows += cells * (height * (y + 1) // 4 - height * y // 4)
    luma.update(bytes(rows).ljust(luma.buffer_size, b"\0"))
    for plane in chroma:
        plane.update(b"\x80" * plane.buffer_size)
    return frame


def picture_number(frame: VideoFrame) -> int:
    """The number that a decoded picture carries."""
    grey = frame.reformat(format="gray")
    plane = grey.planes[0]
    data = memoryview(plane)
    number = 0
    for y in range(4):
        row = (2 * y + 1) * frame.height // 8 * plane.line_size
        for x in range(4):
            number |= (data[row + (2 * x + 1) * frame.width // 8] > 126) << (y * 4 + x)
    return number


def _audio_packets(
    out: OutputContainer, recipe: _Recipe, codec: str, index: int
) -> Iterator[Packet[Any]]:
    options = {"threads": "1", **dict(recipe.audio_options)}
    if codec == "vorbis":
        options["strict"] = "experimental"  # libavcodec's own Vorbis encoder calls itself that
    stream: Any = out.add_stream(codec, rate=recipe.sample_rate, options=options)
    if not codec.startswith("pcm_"):
        stream.bit_rate = 48000 * recipe.channels  # WMA's encoder has no rate of its own
    stream.layout = {1: "mono", 2: "stereo", 6: "5.1"}[recipe.channels]
    stream.time_base = stream.codec_context.time_base = Fraction(1, recipe.sample_rate)
    if recipe.languages:
        stream.metadata["language"] = recipe.languages[index]
    if index < len(recipe.titles):
        stream.metadata["title"] = recipe.titles[index]
    flags = Disposition(0)
    if recipe.default is None or recipe.default == index:
        flags |= Disposition.default
    if recipe.forced == index:
        flags |= Disposition.forced
    stream.disposition = flags

    def encode() -> Iterator[Packet[Any]]:
        # A tenth of a second at a time, of any whole number of samples.
        total, block = round(recipe.seconds * recipe.sample_rate), recipe.sample_rate // 10
        for at in range(0, total, block):
            samples = min(block, total - at)
            frame = AudioFrame("s16", stream.layout.name, samples)
            frame.sample_rate = recipe.sample_rate
            frame.pts, frame.time_base = at, Fraction(1, recipe.sample_rate)
            hertz = 200 * (index + 2) + 10 * (at // block)
            tone = _tone(recipe.sample_rate, recipe.channels, hertz)
            frame.planes[0].update(tone[: samples * 2 * recipe.channels])
            yield from stream.encode(frame)
        yield from stream.encode(None)

    return encode()


@functools.cache
def _tone(sample_rate: int, channels: int, hertz: int) -> bytes:
    """A tenth of a second of a tone, 16-bit, interleaved; multiples of 10 Hz join smoothly."""
    wave = array("h")
    for sample in range(sample_rate // 10):
        value = round(8000 * math.sin(2 * math.pi * hertz * sample / sample_rate))
        wave.extend([value] * channels)
    return wave.tobytes()


_ASS_HEADER = (
    b"[Script Info]\r\nScriptType: v4.00+\r\nPlayResX: 384\r\nPlayResY: 288\r\n\r\n[V4+ Styles]\r\n"
    b"Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour,"
    b" Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline,"
    b" Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\r\nStyle: Default,Sans,16,&Hffffff,"
    b"&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\r\n\r\n[Events]\r\n"
    b"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)


def _subtitle_packets(out: OutputContainer, recipe: _Recipe) -> Iterator[Packet[Any]]:
    stream: Any = out.add_stream(recipe.subtitle_codec)
    context = stream.codec_context
    context.subtitle_header = _ASS_HEADER
    context.time_base = stream.time_base = Fraction(1, 1000)

    def encode() -> Iterator[Packet[Any]]:
        for index, (start, duration, text) in enumerate(recipe.subtitles):
            line = f"{index},0,Default,,0,0,0,,{text}".encode()
            packet = context.encode_subtitle(
                SubtitleSet.create(line, 0, round(duration * 1000), round(start * 1_000_000))
            )
            packet.pts = packet.dts = round(start * 1000)
            packet.duration = round(duration * 1000)
            packet.time_base = Fraction(1, 1000)
            packet.stream = stream
            yield packet

    return encode()


def cut(source: Source, path: str | Path, container: str, keep: Callable[[Read], bool]) -> Path:
    """Copy only those packets that C{keep} wants, as a cut in the middle of a GOP would."""
    with (
        opened(source) as file,
        av.open(str(path), "w", format=CONTAINERS[container].format) as out,
    ):
        copies = {}
        for stream in file.streams:
            if stream.type in ("video", "audio"):
                copy = out.add_stream_from_template(stream, opaque=True)
                copy.disposition = stream.disposition
                copies[stream.index] = copy
        for packet in file.demux():
            if packet.size and packet.stream_index in copies and keep(_read(packet)):
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
    return Path(path)


def damaged(data: bytes, rate: float = 1e-4, seed: int = 1, spare: int = 0) -> bytes:
    """
    Flip bits, the same ones for the same seed.

    @param rate: the share of bits that flip.
    @param spare: so many bytes at the beginning stay whole.
    """
    bits = random.Random(seed)  # noqa: S311 (repeatable is what is wanted here)
    wrong = bytearray(data)
    for _ in range(round((len(data) - spare) * 8 * rate)):
        at = bits.randrange(spare * 8, len(data) * 8)
        wrong[at // 8] ^= 1 << at % 8
    return bytes(wrong)


# -- Reading back -------------------------------------------------------------


class Read(NamedTuple):
    """A packet as libavformat's demuxer gives it; times in microseconds."""

    track: int
    type: str
    pts: int | None
    dts: int | None
    duration: int
    key: bool
    data: bytes


class Shown(NamedTuple):
    """A decoded picture, block of sound, or subtitle; times in microseconds."""

    track: int
    type: str
    pts: int | None
    digest: str
    number: int | None
    """The number a picture carries; samples for sound; C{None} for subtitles."""


def opened(source: Source) -> InputContainer:
    """Open a file, or the bytes of one."""
    file = io.BytesIO(source) if isinstance(source, bytes) else str(source)
    container = av.open(file, "r", metadata_errors="replace")
    for stream in container.streams:
        if stream.type in ("video", "audio") and stream.codec_context is not None:
            # What a decoder makes of damage depends on how its threads happen to meet.
            stream.codec_context.thread_count = 1
    return container


def packets(source: Source) -> list[Read]:
    """Every packet of a clip, in the order of the file."""
    with opened(source) as container:
        return [_read(packet) for packet in container.demux() if packet.size]


def _read(packet: Packet[Any]) -> Read:
    return Read(
        track=packet.stream_index,
        type=packet.stream.type,
        pts=microseconds(packet.pts, packet.time_base),
        dts=microseconds(packet.dts, packet.time_base),
        duration=microseconds(packet.duration, packet.time_base) or 0,
        key=packet.is_keyframe,
        data=bytes(packet),
    )


def frames(source: Source, numbers: bool = True) -> list[Shown]:
    """
    Everything a player would show of a clip, track after track in the order of decoding.

    @param numbers: read the pictures' numbers, too (pictures that L{picture} did not make
        have numbers without a meaning).
    """
    shown = []
    with opened(source) as container:
        for packet in container.demux():
            stream: Any = packet.stream
            if stream.codec_context is None:
                continue
            if stream.type == "subtitle":
                if packet.size:
                    pts = microseconds(packet.pts, packet.time_base)
                    digest = hashlib.blake2b(bytes(packet), digest_size=16).hexdigest()
                    shown.append(Shown(stream.index, stream.type, pts, digest, None))
                continue
            frame: Any
            for frame in packet.decode():
                pts = microseconds(frame.pts, frame.time_base)
                number = None
                if isinstance(frame, AudioFrame):
                    number = frame.samples
                elif numbers:
                    number = picture_number(frame)
                shown.append(Shown(stream.index, stream.type, pts, digest_of(frame), number))
    return shown


def digest_of(frame: VideoFrame | AudioFrame) -> str:
    """A digest of what is shown, whatever the padding of its lines in memory."""
    digest = hashlib.blake2b(frame.format.name.encode(), digest_size=16)
    if isinstance(frame, AudioFrame):
        for channel in sound_of(frame):
            digest.update(channel)
        return digest.hexdigest()
    planes = frame.planes
    for index, plane in enumerate(planes):
        here = [c for c in frame.format.components if c.plane == index]
        wide = sum((c.bits + 7) // 8 for c in here)  # bytes of one sample of each component here
        width = plane.width * (
            frame.format.padded_bits_per_pixel // 8 if len(planes) == 1 else wide
        )
        data, stride = memoryview(plane), plane.line_size
        for y in range(plane.height):
            digest.update(data[y * stride : y * stride + min(width, stride)])
    return digest.hexdigest()


def sound_of(frame: AudioFrame) -> list[memoryview]:
    """The samples of each channel, or of all of them interleaved, without padding."""
    channels = frame.layout.nb_channels
    width = frame.samples * frame.format.bytes * (channels if frame.format.is_packed else 1)
    # Not all of frame.planes: with eight channels it has a ninth, whose memory is not there.
    planes = frame.planes[: 1 if frame.format.is_packed else channels]
    return [memoryview(plane)[:width] for plane in planes]


def microseconds(value: int | None, time_base: Fraction) -> int | None:
    """A timestamp in microseconds."""
    return None if value is None else round(value * time_base * 1_000_000)


def parameters(source: Source) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What a clip says of its tracks, and of itself (tags, chapters)."""
    with opened(source) as container:
        tracks = []
        stream: Any
        for stream in container.streams:
            track: dict[str, Any] = {
                "type": stream.type,
                "codec": stream.name,
                "metadata": dict(stream.metadata),
                "disposition": stream.disposition,
            }
            if stream.type == "video":
                track["size"] = (stream.width, stream.height)
                track["sar"] = stream.sample_aspect_ratio
            elif stream.type == "audio":
                track["sample_rate"] = stream.sample_rate
                track["channels"] = stream.channels
            elif stream.type == "attachment":
                track["data"] = stream.data
            tracks.append(track)
        whole = {"metadata": dict(container.metadata), "chapters": container.chapters()}
        return tracks, whole
