"""
The rate and the channels of sound, as libavformat knows them (I{remux thread}).

PyAV copies a layout of channels without its map, and frees the map with each copy: to read or set
C{layout} or C{channels}, to print a stream, or to decode a frame of sound ends the process if the
channels are in an order of their own, which a file may choose (QuickTime's C{chan}, MPEG-D USAC).
So nothing of that is touched. The parameters are copied inside libavcodec, and libavformat's
C{framecrc} writes them down.
"""

import io
import re
from typing import Any, NamedTuple

import av

from mkvtwist.libav.headers.codec_parameters import blank_stream, copy_parameters, donors
from mkvtwist.libav.headers.memory_file import BITEXACT, MemoryFile
from mkvtwist.libav.pyav_types import AVContext, AVStream
from mkvtwist.libav.reach.whitelists import whitelists_for_bytes


class Sound(NamedTuple):
    """The shape of sound."""

    sample_rate: int
    """Samples a second; 0 if unknown."""

    channels: int
    """0 if unknown."""

    layout: str = ""
    """The channels in libavutil's words; only their number, if their order is their own."""

    frame_size: int = 0
    """Samples in one channel of a packet; 0 if that differs, or is unknown."""


_LAYOUT = re.compile(r"^#channel_layout_name 0: (.*)$", re.MULTILINE)
_NO_RATE = 1
"""Samples a second in a header that has to state some; no sound has so few."""

_COUNTED = re.compile(r"(\d+) channels")


def sound_of(stream: AVStream) -> Sound:
    """
    Return the known rate and channels of a track of sound.

    @param stream: an input's, whose container is open.
    """
    context = stream.codec_context
    rate, size = int(context.sample_rate), int(context.frame_size)
    sink = MemoryFile()
    try:
        with av.open(sink, "w", format="framecrc") as output:
            made = output.add_mux_stream("pcm_s16le", rate=48_000)
            copy_parameters(stream, made)
            output.start_encoding()
    except (ValueError, av.FFmpegError):
        return Sound(rate, 0, "", size)  # it has no rate yet, or none that can be
    found = _LAYOUT.search(sink.data.decode(errors="replace"))
    return Sound(rate, *_known(found[1] if found else ""), size)


def _known(name: str) -> tuple[int, str]:
    """Return the number of channels in a layout, and a name for it that needs no map."""
    counted = _COUNTED.match(name)
    try:
        channels = int(counted[1]) if counted else av.AudioLayout(name).nb_channels
    except ValueError:
        return 0, ""
    return channels, f"{channels}C" if " " in name else name


def layout_of(channels: int) -> str:
    """Return a name for the usual layout of so many channels, or for their number."""
    try:
        return av.AudioLayout(f"{channels}c").name
    except ValueError:
        return f"{channels}C"


def describe_sound(context: AVContext, sound: Sound) -> None:
    """Give a new codec's context a rate and channels; mono if their number is unknown."""
    context.sample_rate = sound.sample_rate
    context.layout = sound.layout or layout_of(1)


def sound_of_frame(frame: Any) -> Sound:
    """
    Return the rate and the channels of a decoded frame.

    @param frame: out of a decoder of samples, whose channels are always in a usual order.
    """
    return Sound(frame.sample_rate, frame.layout.nb_channels, frame.layout.name)


def measured(known: Sound, parameters: AVStream | str, setup: bytes, data: bytes) -> Sound | None:
    """
    Have libavformat look at one packet, in Matroska.

    @param known: the rate and channels that hold as long as the packet says nothing else.
    @param parameters: a stream with all other parameters of the codec, or the codec's name.
    @return: L{None} if nothing can be made of the packet alone.
    """
    sink = MemoryFile()
    try:
        with (
            av.open(MemoryFile(), "w", format="matroska") as donor,
            av.open(sink, "w", format="matroska", container_options={"live": "1"}) as output,
        ):
            output.flags |= BITEXACT
            made: Any = blank_stream(output, donors(donor)["audio"])
            copy_parameters(parameters, made)
            context = made.codec_context
            context.codec_tag = "\0\0\0\0"
            context.extradata = setup or None
            describe_sound(context, known._replace(sample_rate=known.sample_rate or _NO_RATE))
            packet: Any = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = made, 0, 0, True
            output.mux(packet)
        file = io.BytesIO(sink.data)
        with av.open(
            file, format="matroska", container_options=whitelists_for_bytes()
        ) as container:
            found = sound_of(container.streams[0])
    except (ValueError, IndexError, av.FFmpegError):
        return None
    return None if found.sample_rate == _NO_RATE else found
