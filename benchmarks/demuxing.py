"""
What formats cost in latency: C{python -m benchmarks.demuxing [--markdown FILE] [NAME ...]}.

A live sender is played here, with libavformat's own muxers, packet by packet. What each packet
makes the muxer write is given to a L{Reader}, and nothing more before it has asked for more. So it
is known of every packet when the sender had it, when its last byte was sent, and when it came out,
without a clock and without a second thread: the sender writes whenever the empty pipe is read. The
same libraries give the same figures on every machine.

Three figures, in time of the media and in packets of all tracks:

  - the sender's muxer holds a packet until its last byte is written
  - the receiver holds it from there until it comes out to become part of a fragment
  - at the start nothing comes out until the tracks are known

The first has nothing to do with mkvtwist, but with what a sender should be told to send. In the
second, what mkvtwist adds is told from what libavformat's demuxer alone would hold.
"""

import argparse
import io
import os
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import av
from av.audio.frame import AudioFrame
from av.video.frame import PictureType, VideoFrame

from mkvtwist.config.input import Form, Input
from mkvtwist.libav import Event, Pace, Reader, set_up
from mkvtwist.libav.opening.opener import InputOpener
from mkvtwist.libav.pipe import Outlet, Pipe
from mkvtwist.media.packet import Header, Packet
from mkvtwist.media.timeline import Timeline

os.environ.setdefault("SVT_LOG", "0")  # SVT-AV1 writes its settings to standard error otherwise

PERIOD = Fraction(48, 25)
"""Seconds of media that are encoded and repeated: whole frames of every codec here, one GOP."""

LENGTHS = (24, 130)
"""Seconds of media that are sent; the longer if nothing comes out of the shorter."""

STALL = (14, 17)
"""Between these seconds there is no video, where it stalls."""

WIDTH, HEIGHT, RATE, BITRATE = 640, 360, 25, 1_000_000


# -- The media ----------------------------------------------------------------


@dataclass(frozen=True)
class Codec:
    """
    An encoder, and how it is asked for what live senders send.

    @ivar frame: seconds that a packet lasts.
    """

    encoder: str
    type: str
    frame: Fraction
    options: tuple[tuple[str, str], ...] = ()


def _video(encoder: str, **options: str) -> Codec:
    return Codec(encoder, "video", Fraction(1, RATE), tuple(options.items()))


def _audio(encoder: str, samples: int) -> Codec:
    return Codec(encoder, "audio", Fraction(samples, 48_000))


_GOP = int(PERIOD * RATE)
_X264 = f"keyint={_GOP}:min-keyint={_GOP}:scenecut=0"
H264 = _video("libx264", preset="ultrafast", tune="zerolatency", **{"x264-params": _X264})
H264_B = _video(
    "libx264", preset="ultrafast", **{"x264-params": f"{_X264}:bframes=2:b-adapt=0:open-gop=0"}
)
HEVC = _video(
    "libx265",
    preset="ultrafast",
    tune="zerolatency",
    **{"x265-params": f"keyint={_GOP}:min-keyint={_GOP}:scenecut=0:pools=none:log-level=none"},
)
VP8 = _video("libvpx", deadline="realtime", **{"cpu-used": "8", "lag-in-frames": "0"})
AV1 = _video("libsvtav1", preset="11", crf="50", **{"svtav1-params": "pred-struct=1"})
MPEG4, MPEG2, MJPEG = _video("mpeg4"), _video("mpeg2video"), _video("mjpeg")
AAC, OPUS, MP3 = _audio("aac", 1024), _audio("libopus", 960), _audio("libmp3lame", 1152)
AC3, FLAC = _audio("ac3", 1536), _audio("flac", 4608)


@dataclass(frozen=True)
class Unit:
    """A packet as it was encoded; its presentation is so much later than its decoding."""

    payload: bytes
    key: bool
    later: Fraction

    @property
    def tail(self) -> bytes:
        """What no container changes."""
        return self.payload[len(self.payload) // 2 :]


@dataclass(frozen=True)
class Media:
    """
    One period of a track, and what a muxer needs to know of it.

    @ivar template: PyAV's stream, of a container that stays open.
    """

    codec: Codec
    template: Any
    units: tuple[Unit, ...]


_open_for_ever = ExitStack()


@cache
def media(codec: Codec) -> Media:
    """Encode a few periods, and take one from their middle."""
    file = io.BytesIO()
    with av.open(file, "w", format="nut") as out:
        options = {"threads": "1", "g": str(_GOP), "bf": "0", **dict(codec.options)}
        if codec is H264_B:
            del options["bf"]
        if codec.type == "video":
            stream: Any = out.add_stream(codec.encoder, rate=RATE, options=options)
            stream.width, stream.height = WIDTH, HEIGHT
            if codec is not AV1:  # which has no such mode without looking ahead
                stream.bit_rate = BITRATE
            stream.pix_fmt = "yuvj420p" if codec is MJPEG else "yuv420p"
            frames: Iterator[Any] = _pictures(stream.pix_fmt)
        else:
            stream = out.add_stream(codec.encoder, rate=48_000, layout="stereo")
            stream.bit_rate = 128_000
            frames = _sounds(stream)
        for frame in frames:
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    file.seek(0)
    container: Any = _open_for_ever.enter_context(av.open(file))
    template: Any = container.streams[0]
    found = [packet for packet in container.demux() if packet.size]
    count = int(PERIOD / codec.frame)
    return Media(
        codec,
        template,
        tuple(
            Unit(bytes(p), p.is_keyframe, ((p.pts or 0) - (p.dts or 0)) * p.time_base)
            for p in found[count : 2 * count]
        ),
    )


def _pictures(pixels: str) -> Iterator[VideoFrame]:
    graph = av.filter.Graph()
    nodes = [
        graph.add("testsrc2", f"size={WIDTH}x{HEIGHT}:rate={RATE}:duration={float(4 * PERIOD)}"),
        graph.add("format", pixels),
        graph.add("buffersink"),
    ]
    for number in range(4 * _GOP):
        if not number:
            _link(graph, nodes)
        frame: Any = graph.pull()
        frame.pict_type = PictureType.NONE  # the source says I: all would be keyframes
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        yield frame


def _sounds(stream: Any) -> Iterator[AudioFrame]:
    graph = av.filter.Graph()
    context = stream.codec_context
    context.open()
    size = context.frame_size or 1024
    nodes = [
        # Noise: packets of silence would be too small to be told from each other.
        graph.add("anoisesrc", f"sample_rate=48000:seed=1:amplitude=0.3:nb_samples={size}"),
        graph.add("aformat", f"sample_fmts={context.format.name}:channel_layouts=stereo"),
        graph.add("abuffersink"),
    ]
    _link(graph, nodes)
    for _ in range(int(4 * PERIOD * 48_000) // size):
        frame: Any = graph.pull()
        yield frame


def _link(graph: Any, nodes: list[Any]) -> None:
    for one, next_ in pairwise(nodes):
        one.link_to(next_)
    graph.configure()


# -- The sender ---------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """
    A container with codecs that are at home in it, as a sender would write it.

    @ivar words: what FFmpeg's command line is told.
    """

    name: str
    words: str
    video: Codec | None
    audio: Codec | None

    @cached_property
    def format(self) -> str:
        """The muxer's name."""
        return self.words.split()[1]

    @property
    def is_raw(self) -> bool:
        """Whether the decoder's setup has no place but in the packets."""
        return self.format in {"h264", "hevc", "m4v"}

    @cached_property
    def options(self) -> dict[str, str]:
        """The muxer's options."""
        words = self.words.split()[2:]
        return {
            name.removeprefix("-"): value
            for name, value in zip(words[::2], words[1::2], strict=True)
        }


WAYS = (
    Way("NUT", "-f nut", H264, AAC),
    Way("FLV", "-f flv", H264, AAC),
    Way("MPEG-TS", "-f mpegts", H264, AAC),
    Way("MPEG-TS", "-f mpegts -pes_payload_size 0 -omit_video_pes_length 0", H264, AAC),
    Way("MPEG-TS, MPEG-2", "-f mpegts", MPEG2, MP3),
    Way("Matroska", "-f matroska", H264, AAC),
    Way("Matroska", "-f matroska -cluster_time_limit 0", H264, AAC),
    Way("WebM", "-f webm", VP8, OPUS),
    Way("WebM", "-f webm -cluster_time_limit 0", VP8, OPUS),
    Way("MP4", "-f mp4 -movflags frag_keyframe+empty_moov", H264, AAC),
    Way("MP4", "-f mp4 -movflags empty_moov -frag_duration 100000", H264, AAC),
    Way("MP4", "-f mp4 -movflags frag_every_frame+empty_moov", H264, AAC),
    Way("AVI", "-f avi", H264, MP3),
    Way("AVI, MPEG-4", "-f avi", MPEG4, MP3),
    Way("H.264", "-f h264", H264, None),
    Way("HEVC", "-f hevc", HEVC, None),
    Way("MPEG-4", "-f m4v", MPEG4, None),
    Way("MPEG-2", "-f mpeg2video", MPEG2, None),
    Way("MJPEG", "-f mjpeg", MJPEG, None),
    Way("AV1", "-f obu", AV1, None),
    Way("IVF", "-f ivf", VP8, None),
    Way("ADTS", "-f adts", None, AAC),
    Way("MP3", "-f mp3 -write_xing 0", None, MP3),
    Way("AC-3", "-f ac3", None, AC3),
    Way("FLAC", "-f flac", None, FLAC),
    Way("Ogg Opus", "-f ogg", None, OPUS),
    Way("Ogg Opus", "-f ogg -page_duration 20000", None, OPUS),
)
"""What is measured."""


@dataclass(frozen=True)
class Case:
    """
    Which tracks there are, and what they do.

    @ivar silent: one more track of sound is declared, of which nothing comes.
    @ivar stalled: video is missing for a while.
    """

    name: str
    video: bool = True
    audio: bool = True
    silent: bool = False
    stalled: bool = False
    reordered: bool = False


CASES = (
    Case("both"),
    Case("B-frames", reordered=True),
    Case("video", audio=False),
    Case("audio", video=False),
    Case("silent", silent=True),
    Case("stalled", stalled=True),
)


def cases(way: Way) -> Iterator[Case]:
    """Those that a container can be in."""
    for case in CASES:
        if not way.video and (case.video or case.silent):
            continue
        if not way.audio and (case.audio or case.silent):
            continue
        if case.reordered and way.video is not H264:
            continue
        if case.silent and way.format == "flv":
            continue  # it has one track of each kind
        yield case


@dataclass(frozen=True)
class Sent:
    """A packet that was sent: when the sender had it, and which write had its last byte."""

    type: str
    time: Fraction
    tail: bytes
    write: int


@dataclass
class Sending:
    """
    A stream as its sender wrote it.

    @ivar writes: the bytes; each is what one packet made the muxer write.
    @ivar clock: the sender's time at each of them, in seconds.
    """

    writes: list[bytes] = field(default_factory=list)
    clock: list[Fraction] = field(default_factory=list)
    packets: list[Sent] = field(default_factory=list)
    now: Fraction = Fraction(0)

    def write(self, data: bytes) -> int:
        """The muxer's file."""
        self.writes.append(bytes(data))
        self.clock.append(self.now)
        return len(data)


def send(way: Way, case: Case, seconds: float) -> Sending:
    """Mux a stream as a live sender does: each packet when its time has come."""
    sending = Sending()
    codecs = []
    if case.video and way.video:
        codecs.append(H264_B if case.reordered else way.video)
    if case.audio and way.audio:
        codecs.append(way.audio)
    options = dict(way.options)
    if case.silent or case.stalled:
        options["max_interleave_delta"] = "1"  # else the muxer holds everything for 10 s
    due = sorted(_due(codecs, case, seconds), key=lambda one: one[0])
    with av.open(
        sending, "w", format=way.format, container_options=options, buffer_size=4 << 20
    ) as out:
        made = [out.add_stream_from_template(media(c).template, opaque=True) for c in codecs]
        if case.silent and way.audio:
            out.add_stream_from_template(media(way.audio).template, opaque=True)
        for time, number, unit in due:
            # Encoders who know that there is no other place put it there.
            setup = made[number].codec_context.extradata if way.is_raw and unit.key else None
            packet: Any = av.Packet((setup or b"") + unit.payload)
            packet.time_base = Fraction(1, 96_000)
            packet.dts = int(time * 96_000)
            packet.pts = int((time + unit.later) * 96_000)
            packet.duration = int(codecs[number].frame * 96_000)
            packet.is_keyframe = unit.key
            packet.stream = made[number]
            sending.now = time
            out.mux(packet)
        written = len(sending.writes)
    # What is written at the end no live sender writes.
    del sending.writes[written:], sending.clock[written:]
    _locate(sending, way, codecs, due)
    return sending


def _due(
    codecs: Sequence[Codec], case: Case, seconds: float
) -> Iterator[tuple[Fraction, int, Unit]]:
    for number, codec in enumerate(codecs):
        units = media(codec).units
        for index in range(int(seconds / codec.frame)):
            time = index * codec.frame
            if case.stalled and codec.type == "video" and STALL[0] <= time < STALL[1]:
                continue
            yield time, number, units[index % len(units)]


def _locate(
    sending: Sending,
    way: Way,
    codecs: Sequence[Codec],
    due: Iterable[tuple[Fraction, int, Unit]],
) -> None:
    """Find out which write had the last byte of each packet."""
    ends = list(accumulate(map(len, sending.writes)))
    data = b"".join(sending.writes)
    places = _in_transport_stream(data) if way.format == "mpegts" else None
    at = [0] * len(codecs)
    for time, number, unit in due:
        where, place = (data, None) if places is None else places[number]
        found = where.find(unit.tail, at[number])
        if found < 0:
            continue  # it was still in the muxer at the end
        at[number] = found + len(unit.tail)
        last = at[number] - 1 if place is None else place[at[number] - 1]
        write = bisect_left(ends, last + 1)
        sending.packets.append(Sent(codecs[number].type, time, unit.tail, write))


def _in_transport_stream(data: bytes) -> list[tuple[bytes, list[int]]]:
    """The payload of each elementary stream of FFmpeg's, and where each byte of it stands."""
    found: dict[int, tuple[bytearray, list[int]]] = {}
    for at in range(0, len(data), 188):
        pid = int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF
        start = at + 4
        if data[at + 3] & 0x20:
            start += 1 + data[at + 4]
        if data[at + 3] & 0x10 and 0x100 <= pid < 0x110:
            payload, places = found.setdefault(pid, (bytearray(), []))
            payload += data[start : at + 188]
            places += range(start, at + 188)
    return [(bytes(found[pid][0]), found[pid][1]) for pid in sorted(found)]


# -- The receiver -------------------------------------------------------------


class _Line(Pipe):
    """
    The way from the sender, who goes on when everything so far has been read.

    @ivar sent: the number of the last write; how many there were, at the end.
    """

    def __init__(self, writes: Sequence[bytes]) -> None:
        super().__init__(lambda: None)
        self._writes = writes
        self._unread = 0
        self.sent = -1

    def read(self, size: int) -> bytes:
        while not self._unread and self.sent < len(self._writes):
            self.sent += 1
            if self.sent == len(self._writes):
                self.close()
            else:
                self.write(self._writes[self.sent])
                self._unread = len(self._writes[self.sent])
        data = super().read(size)
        self._unread -= len(data)
        return data


class _Arrivals(Outlet[Event]):
    """Notes after which write each event came."""

    def __init__(self, line: _Line) -> None:
        super().__init__(lambda: None)
        self._line = line
        self.came: list[tuple[int, Event]] = []

    def put(self, item: Event, weight: int) -> bool:
        self.came.append((self._line.sent, item))
        return True


@dataclass(frozen=True)
class Arrived:
    """
    What came of a sending.

    @ivar begun: the write after which the header came; L{None}: it came at the end, or never.
    @ivar writes: for each packet that was sent, the write after which it came, or how many there
        were when it came at the end; L{None}: never.
    """

    begun: int | None
    writes: list[int | None]


def receive(sending: Sending) -> Arrived:
    """What comes out of mkvtwist, and when."""
    line = _Line(sending.writes)
    arrivals = _Arrivals(line)
    source = Input(Form.ENDPOINT, "tcp:0")
    opener = InputOpener(av_open=av.open)  # as it is now, with the options of opening_with
    reader = Reader(source, line, Timeline(), Pace(0, 0), arrivals, drain=False, opener=opener)
    reader.go()
    reader.run()
    types: Mapping[int, str] = {}
    begun: int | None = None
    came: list[tuple[int, str, bytes]] = []
    for write, event in arrivals.came:
        if isinstance(event, Header):
            types = {track.number: track.type for track in event.tracks}
            begun = write if begun is None else begun
        elif isinstance(event, Packet):
            came.append((write, types[event.track], event.data))
    end = len(sending.writes)
    return Arrived(None if begun == end else begun, _matched(sending, came))


def demux(sending: Sending) -> Arrived:
    """What comes out of libavformat's demuxer alone, and when."""
    line = _Line(sending.writes)
    came: list[tuple[int, str, bytes]] = []
    begun: int | None = None
    with av.open(line, "r") as container:
        for packet in container.demux():
            if packet.size:
                begun = line.sent if begun is None else begun
                came.append((line.sent, packet.stream.type, bytes(packet)))
    return Arrived(begun, _matched(sending, came))


def _matched(sending: Sending, came: list[tuple[int, str, bytes]]) -> list[int | None]:
    """After which write each packet that was sent came; both are in the order of their track."""
    queues = {t: [c for c in came if c[1] == t] for t in ("video", "audio")}
    at = dict.fromkeys(queues, 0)
    found: list[int | None] = []
    for sent in sending.packets:
        queue, place = queues[sent.type], at[sent.type]
        # Not every packet comes out: a decoder's first ones, what is before the first keyframe.
        near = range(place, min(place + 8, len(queue)))
        index = next((i for i in near if queue[i][2].endswith(sent.tail)), None)
        if index is None:
            found.append(None)
            continue
        at[sent.type] = index + 1
        found.append(queue[index][0])
    return found


# -- What it costs ------------------------------------------------------------


@dataclass(frozen=True)
class Wait:
    """How long packets of one kind wait, in seconds and in packets: on average, and the worst."""

    mean: float
    worst: float
    mean_packets: float
    worst_packets: int


@dataclass(frozen=True)
class Cost:
    """
    What one container costs in one case.

    @ivar muxer: what the sender's muxer holds.
    @ivar video: what the receiver holds.
    @ivar audio: likewise.
    @ivar added: how many packets mkvtwist waits for that the demuxer does not wait for, at most.
    @ivar missing: how many packets have never come.
    @ivar start: seconds of media that were sent before the first came out; L{None}: none did.
    """

    muxer: Wait | None
    video: Wait | None
    audio: Wait | None
    added: int
    missing: int
    start: float | None


def cost(way: Way, case: Case) -> Cost:
    """Measure one."""
    for seconds in LENGTHS:
        sending = send(way, case, seconds)
        arrived = receive(sending)
        if arrived.begun is not None:
            break
    begun = arrived.begun
    if begun is None:
        return Cost(None, None, None, 0, 0, None)
    plain = demux(sending)
    counts = [0] * (len(sending.writes) + 1)
    for sent in sending.packets:
        counts[sent.write] += 1
    sums = list(accumulate(counts))
    waits: dict[str, list[tuple[float, int]]] = {"muxer": [], "video": [], "audio": []}
    added = missing = 0
    for sent, here, there in zip(sending.packets, arrived.writes, plain.writes, strict=True):
        if sent.write <= begun:
            continue
        held = float(sending.clock[sent.write] - sent.time)
        waits["muxer"].append((held, 0))
        if here is None:
            missing += 1
        if here is None or here == len(sending.writes):
            continue  # it came at the end only, as the last ones do
        wait = float(sending.clock[here] - sending.clock[sent.write])
        waits[sent.type].append((wait, sums[here] - sums[sent.write]))
        if there is not None and there < here:
            added = max(added, sums[here] - sums[there])
    return Cost(
        _wait(waits["muxer"]),
        _wait(waits["video"]),
        _wait(waits["audio"]),
        added,
        missing,
        float(sending.clock[begun]),
    )


def _wait(waits: list[tuple[float, int]]) -> Wait | None:
    if not waits:
        return None
    times, packets = [time for time, _ in waits], [count for _, count in waits]
    count = len(waits)
    return Wait(sum(times) / count, max(times), sum(packets) / count, max(packets))


def opening_with(options: Mapping[str, str]) -> Any:
    """While this is entered, inputs are opened with these options of libavformat's, too."""
    really: Callable[..., Any] = av.open

    def opened(file: Any, mode: str = "r", **more: Any) -> Any:
        if mode == "r":
            more["options"] = {**options, **(more.get("options") or {})}
        return really(file, mode, **more)

    return mock.patch.object(av, "open", opened)


# -- What is said about it ----------------------------------------------------

Costs = Mapping[Way, Mapping[str, Cost]]
"""By the container and the name of the case."""


def senders(costs: Costs) -> Iterator[list[str]]:
    """A table for who has to choose a container: with picture and sound if it has both."""
    yield ["container", "FFmpeg's options", "sender holds", "video waits", "sound waits", "start"]
    for way, found in costs.items():
        cost = next(iter(found.values()))
        waits = (_seconds(cost.muxer), _seconds(cost.video), _seconds(cost.audio))
        missing = f"; {cost.missing} packets missing" if cost.missing else ""
        yield [way.name, f"`{way.words}`", *waits, _start(cost) + missing]


def packets(costs: Costs) -> Iterator[list[str]]:
    """A table of how many packets a packet has to wait for here, at most, in each case."""
    yield ["container", "FFmpeg's options", *(case.name for case in CASES), "added by mkvtwist"]
    for way, found in costs.items():
        cells = [_waited_for(found.get(case.name)) for case in CASES]
        added = max(cost.added for cost in found.values())
        yield [way.name, f"`{way.words}`", *cells, str(added)]


def starts(costs: Costs) -> Iterator[list[str]]:
    """A table of the seconds of media until something comes out."""
    yield ["container", "FFmpeg's options", *(case.name for case in CASES)]
    for way, found in costs.items():
        cells = [_start(found[case.name]) if case.name in found else "" for case in CASES]
        yield [way.name, f"`{way.words}`", *cells]


def _seconds(wait: Wait | None) -> str:
    if wait is None:
        return ""
    if wait.worst < 0.0005:
        return "0"
    return f"{wait.mean:.2f}, at most {wait.worst:.2f}"


def _waited_for(cost: Cost | None) -> str:
    if cost is None:
        return ""
    waits = (("video", cost.video), ("sound", cost.audio))
    parts = [
        f"{wait.worst_packets} ({kind})" for kind, wait in waits if wait and wait.worst_packets
    ]
    return ", ".join(parts) or ("never" if cost.start is None else "0")


def _start(cost: Cost) -> str:
    return "never" if cost.start is None else f"{cost.start:.2f}"


def markdown(table: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; its first row is the heading."""
    for number, cells in enumerate(table):
        yield f"| {' | '.join(cells)} |"
        if not number:
            yield f"|{'---|' * len(cells)}"


def main() -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demuxing",
        description="How long packets of each container wait until they come out.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="containers; without: all")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, too")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="open the input with this option of libavformat's, to see what it would change",
    )
    options = parser.parse_args()
    set_up()
    ways = [way for way in WAYS if not options.names or way.name in options.names]
    costs: dict[Way, dict[str, Cost]] = {}
    with opening_with(dict(one.split("=", 1) for one in options.option)):
        for way in ways:
            costs[way] = {case.name: cost(way, case) for case in cases(way)}
            print(f"{way.name}: {way.words}", file=sys.stderr, flush=True)
    titles = {
        "Seconds that a packet waits, and until the first comes out": senders,
        "Packets that a packet waits for here, at most": packets,
        "Seconds of media until the first packet comes out": starts,
    }
    parts = [f"## {title}\n\n" + "\n".join(markdown(of(costs))) for title, of in titles.items()]
    text = "\n\n".join(parts) + "\n"
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
