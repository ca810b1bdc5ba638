"""
The clip that every server gets: made here, the same on every machine.

A moving test picture, 640x360 at 30 frames a second in H.264, with a tone in
AAC; a keyframe every two seconds; a constant bitrate. It is eight seconds long,
which is a whole number of pictures, of audio frames and of segments, so the
sender repeats it without a seam.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.video.frame import PictureType, VideoFrame

from benchmarks import marks, wire

WIDTH, HEIGHT, FRAME_RATE = 640, 360, 30
SAMPLE_RATE, AUDIO_FRAME = 48_000, 1024
AUDIO_BITRATE = 128_000
GOP_FRAMES = 2 * FRAME_RATE
SECONDS = 8
"""The shortest even number of seconds with whole audio frames: 8 x 48000 / 1024 = 375."""

VIDEO_TRACK, AUDIO_TRACK = 1, 2

_LAPS = 30
"""Four minutes: longer than any measurement, so that no end of file is part of one."""

_VERSION = 1
"""Part of the file's name: counted up when the clip changes, so old ones are not used."""


@dataclass(frozen=True)
class Packet:
    """
    One packet of the clip.

    @ivar track: L{VIDEO_TRACK} or L{AUDIO_TRACK}.
    @ivar time: milliseconds from the clip's start; there are no B-frames.
    """

    track: int
    time: int
    key: bool
    payload: bytes


@dataclass(frozen=True)
class Clip:
    """
    What the sender repeats.

    @ivar header: EBML head to Tracks, by libavformat.
    @ivar packets: in the order of time.
    """

    header: bytes
    packets: tuple[Packet, ...]

    @property
    def bitrate(self) -> float:
        """What it weighs as Clusters, marks included, in bits a second."""
        size = sum(len(wire.cluster(p.track, 0, p.payload, key=p.key)) for p in self.packets)
        frames = sum(p.track == VIDEO_TRACK for p in self.packets)
        return (size + frames * marks.NAL_LENGTH) * 8 / SECONDS


def clip_file(cache: Path, bitrate: int) -> Path:
    """The path of the clip of C{bitrate} bits a second, made if it is not there."""
    path = cache / f"clip-{_VERSION}-{bitrate // 1000}k.mkv"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        _encode(unfinished, bitrate)
        unfinished.rename(path)
    return path


def load(path: Path) -> Clip:
    """Read a clip back as packets, with times by count rather than as rounded."""
    found: dict[int, list[Packet]] = {VIDEO_TRACK: [], AUDIO_TRACK: []}
    with av.open(str(path)) as container:
        header = _header(container)
        for packet in container.demux():
            if not packet.size:
                continue
            video = packet.stream.type == "video"
            track = VIDEO_TRACK if video else AUDIO_TRACK
            index = len(found[track])
            unit = Fraction(1, FRAME_RATE) if video else Fraction(AUDIO_FRAME, SAMPLE_RATE)
            time = round(1000 * index * unit)
            found[track].append(Packet(track, time, packet.is_keyframe, bytes(packet)))
    video_packets = found[VIDEO_TRACK][: SECONDS * FRAME_RATE]
    audio_packets = found[AUDIO_TRACK][: SECONDS * SAMPLE_RATE // AUDIO_FRAME]
    packets = sorted(video_packets + audio_packets, key=lambda p: (p.time, p.track))
    return Clip(header, tuple(packets))


def lay_out(path: Path, cache: Path) -> Path:
    """A file of L{_LAPS} laps of a clip, as the sender would write them, for servers to play."""
    film = cache / f"film-{path.name}"
    if not film.exists():
        clip = load(path)
        unfinished = film.with_suffix(".part")
        with unfinished.open("wb") as file:
            file.write(clip.header)
            for lap in range(_LAPS):
                for packet in clip.packets:
                    moment = lap * SECONDS * 1000 + packet.time
                    file.write(wire.cluster(packet.track, moment, packet.payload, key=packet.key))
        unfinished.rename(film)
    return film


def _header(container: av.container.InputContainer) -> bytes:
    target = io.BytesIO()
    target.seekable = lambda: False  # type: ignore[method-assign]
    with av.open(target, "w", format="matroska", options={"live": "1"}) as out:
        for stream in container.streams:
            out.add_stream_from_template(stream, opaque=True)
        out.start_encoding()
        return target.getvalue().partition(wire.CLUSTER)[0]


def _encode(path: Path, bitrate: int) -> None:
    # Marks and Clusters are part of what is sent: 30 + 47 packets a second.
    framing = 8 * (FRAME_RATE * (marks.NAL_LENGTH + 27) + SAMPLE_RATE // AUDIO_FRAME * 27)
    video_bitrate = bitrate - AUDIO_BITRATE - framing
    x264 = (
        f"keyint={GOP_FRAMES}:min-keyint={GOP_FRAMES}:scenecut=0:bframes=0:nal-hrd=cbr:"
        f"bitrate={video_bitrate // 1000}:vbv-maxrate={video_bitrate // 1000}:"
        f"vbv-bufsize={video_bitrate // 2000}"
    )
    with av.open(str(path), "w", format="matroska") as out:
        video = out.add_stream(
            "libx264", FRAME_RATE, options={"preset": "veryfast", "x264-params": x264}
        )
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.bit_rate = video_bitrate
        audio = out.add_stream("aac", SAMPLE_RATE)
        audio.bit_rate = AUDIO_BITRATE
        audio.layout = "stereo"
        for picture in _pictures():
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        for sound in _sounds():
            out.mux(audio.encode(sound))
        out.mux(audio.encode(None))


def _pictures() -> Iterator[VideoFrame]:
    graph = av.filter.Graph()
    source = graph.add("testsrc2", f"size={WIDTH}x{HEIGHT}:rate={FRAME_RATE}:duration={SECONDS}")
    shape = graph.add("format", "yuv420p")
    sink = graph.add("buffersink")
    source.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    for _ in range(SECONDS * FRAME_RATE):
        frame = graph.pull()
        if not isinstance(frame, VideoFrame):
            raise TypeError("the picture source gave something else")
        frame.pict_type = PictureType.NONE  # the source says I: all would be keyframes
        yield frame


def _sounds() -> Iterator[AudioFrame]:
    graph = av.filter.Graph()
    # One second more than needed: the encoder holds some back, load() cuts the rest.
    source = graph.add(
        "sine", f"frequency=440:sample_rate={SAMPLE_RATE}:samples_per_frame={AUDIO_FRAME}"
    )
    shape = graph.add(
        "aformat", f"sample_fmts=fltp:channel_layouts=stereo:sample_rates={SAMPLE_RATE}"
    )
    sink = graph.add("abuffersink")
    source.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    for _ in range((SECONDS + 1) * SAMPLE_RATE // AUDIO_FRAME):
        frame = graph.pull()
        if not isinstance(frame, AudioFrame):
            raise TypeError("the tone source gave something else")
        yield frame
