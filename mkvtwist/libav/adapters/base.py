"""
The base of all adapters: a track that is stored as it comes (I{remux thread}).
"""

from collections.abc import Iterable

from av.bitstream import BitStreamFilterContext
from av.codec.context import CodecContext

from mkvtwist.libav.adapters.measuring import (
    MEASURED_PIXELS,
    codec_of,
    extra_of,
    frame_times,
    measured_picture,
)
from mkvtwist.libav.headers.codec_parameters import copy_parameters
from mkvtwist.libav.pyav_types import AVContext, AVPacket, AVStream
from mkvtwist.libav.sound import describe_sound, measured, sound_of
from mkvtwist.media import picture_sizes, stored_payload
from mkvtwist.media.id3 import Song
from mkvtwist.media.packet import Extra

SETUP_LIMIT = 1 << 20
"""
Bytes of a decoder's setup (extradata, CodecPrivate), of which there are several copies in each
header: the style sheet of subtitles has some 100 kB, Vorbis 10 kB, pictures less.
"""


class Adapter:
    """
    A track that is stored as it comes; the base of the others.

    @ivar stream: PyAV's stream; never used after its container was closed.
    @ivar type: the stream's at the opening; what is stored of it follows from that.
    @ivar number: the track's number in the header, once it has one; 0 while it is not in there.
    @ivar kept: the number that it had when it was last in a header.
    @ivar named: what the demuxer calls its codec by now, which PyAV learned at the opening.
    @ivar setup: what the decoder needs before the first packet; L{None} as long as it is unknown.
    @ivar changed: the packets given last need another header.
    @ivar song: the song that a tag between the packets has named; L{None} if none has.
    @ivar shape: as it is now: a L{Sound}, or a codec's context with width and height.
    @ivar was_shaped: whether the demuxer knew these when the input was opened. Without them it
        cannot tell how long a packet lasts.
    @ivar priming: how much sound comes out of the decoder before the first that is to be heard, in
        microseconds.
    @ivar sample: its first packet, if MP4's header cannot be written without it.
    @ivar step: the duration of one packet in microseconds, 0 if unknown.
    @ivar delay: how far decoding runs ahead of presentation, in microseconds.
    @ivar frame_rate: pictures a second, if anything tells.
    """

    sparse = False
    """Whether it may be silent for any time (subtitles)."""

    declared = True
    """Whether the sender means the track to be there, also while nothing of it has come."""

    filters: str | None = None
    """Bitstream filters of libavcodec that every packet goes through."""

    stored_as: str | None = None
    """The codec that the packets are turned into, where it is another than the stream's."""

    def __init__(self, stream: AVStream) -> None:
        self.stream = stream
        self.type = stream.type
        self.number = self.kept = 0
        self.named: str | None = None
        self.setup: bytes | None = stream.codec_context.extradata or b""
        if stream.container.format.name == "ogg":
            self.setup = stored_payload.without_song(codec_of(stream), self.setup)
        self.changed = False
        self.song: Song | None = None
        self.shape: AVContext = stream.codec_context if self.type != "audio" else sound_of(stream)
        self.priming = 0
        self.sample: bytes | None = None
        self.step, self.delay = frame_times(stream, self.shape)
        self.frame_rate: float | None = float(getattr(stream, "average_rate", None) or 0) or None
        self._opened_as = self.shape
        self.was_shaped = self.is_shaped
        self._filter = self._filtering()
        self._described: picture_sizes.Described | None = None

    def _filtering(self) -> BitStreamFilterContext | None:
        return BitStreamFilterContext(self.filters, self.stream) if self.filters else None

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec that is sent."""
        return self.stored_as or self.named or codec_of(self.stream)

    @property
    def ready(self) -> bool:
        """Return whether a header can be written for the track."""
        return self.setup is not None and self.is_shaped

    @property
    def is_shaped(self) -> bool:
        """Return whether the track's shape is known, which a header needs."""
        if self.type == "video":
            return bool(self.shape.width and self.shape.height)
        return self.type != "audio" or bool(self.shape.sample_rate)

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        """
        Yield the packets that the demuxer's packet becomes: mostly itself.

        L{changed} is true from the packet on that needs another header.

        @raise av.FFmpegError: when a filter refuses it; the next one may be better.
        """
        if self._filter is None:
            self._inspect(packet)
            yield packet
        else:
            yield from self._filtered(packet)

    def rest(self) -> Iterable[AVPacket]:
        """Yield the packets that a filter still holds when the input has ended."""
        if self._filter is not None:
            yield from self._filtered(None)

    def _filtered(self, packet: AVPacket | None) -> Iterable[AVPacket]:
        assert self._filter is not None
        for made in self._filter.filter(packet):
            made.time_base = self.stream.time_base  # which filters lose
            self._inspect(made)
            yield made

    def data(self, packet: AVPacket) -> bytes:
        """Return a packet's payload."""
        return bytes(packet)

    def extra(self, packet: AVPacket) -> Extra | None:
        """Return the data that a packet has beside its payload; L{None} if it has none."""
        return extra_of(packet, self.shape.sample_rate if self.type == "audio" else 0)

    def describe(self, made: AVStream) -> None:
        """
        Give a stream of the header's container the track's parameters.

        @param made: has the right type and any codec.
        @raise ValueError: when damage has turned the stream into one of another type.
        """
        copy_parameters(self.parameters, made)
        if made.type != self.type:
            raise ValueError(f"it was {self.type}, and is {made.type} now")
        context = made.codec_context
        context.codec_tag = self.tag
        if self.setup and self.setup != context.extradata:
            context.extradata = self.setup
        if made.type == "video":
            context.width, context.height = self.shape.width, self.shape.height
            if context.pix_fmt is None and self.shape.pix_fmt is not None:
                context.pix_fmt = self.shape.pix_fmt  # the demuxer has decoded nothing
        elif made.type == "audio":
            if self.shape is not self._opened_as or self.stored_as:
                describe_sound(context, self.shape)
            else:
                context.sample_rate = self.shape.sample_rate

    @property
    def parameters(self) -> AVStream | str:
        """
        Return the stream with the codec's parameters, or the codec's name if there are no others.
        """
        return self.stored_as or self.stream

    @property
    def tag(self) -> str:
        """Return the codec's FourCC; if it is empty libavformat takes the one for Matroska."""
        return "\0\0\0\0"

    def _inspect(self, packet: AVPacket) -> None:
        """Take the setup that a packet brings, if it brings one."""
        if packet.has_sidedata("new_extradata"):
            self._take_setup(bytes(packet.get_sidedata("new_extradata")), packet)
        if not self.is_shaped:
            self._measure(packet)
        if self.type == "video" and packet.is_keyframe:
            self._notice_size(packet)

    def _notice_size(self, packet: AVPacket) -> None:
        """Notice that a keyframe has another size than the header says."""
        head = bytes(memoryview(packet)[: picture_sizes.LOOKED_AT])
        found = picture_sizes.described(self.codec, head)
        if found is None or found == self._described:
            return
        first, self._described = self._described is None, found
        if first and found[:2] == (self.shape.width, self.shape.height):
            return
        if self._measure(packet) or self._resize(found):
            self.changed = True

    def _resize(self, found: picture_sizes.Described) -> bool:
        """Take the size from a head, if no decoder tells."""
        if (
            found[:2] == (self.shape.width, self.shape.height)
            or found[0] * found[1] > MEASURED_PIXELS
        ):
            return False
        self.shape = CodecContext.create(codec_of(self.stream), "r")
        self.shape.width, self.shape.height = found[:2]
        return True

    def _is_valid_setup(self, setup: bytes) -> bool:
        """Return whether a setup that is new may be believed."""
        return True

    def _take_setup(self, setup: bytes, packet: AVPacket) -> None:
        """Take a setup for the track's; ask for a new header when it replaces another one."""
        if not setup or len(setup) > SETUP_LIMIT or setup == self.setup:
            return
        if not self._is_valid_setup(setup):
            return
        had = self.setup
        self.setup = setup
        if had:
            self.changed = True
            self._measure(packet)

    def _decodable(self, packet: AVPacket) -> bytes:
        """Return a packet as a decoder with the setup takes it."""
        return bytes(packet)

    def _measure(self, packet: AVPacket) -> bool:
        """
        Decode one packet, the first of its kind, to learn the width or the sample rate.

        @return: whether that gave other numbers than before.
        """
        if self.type == "audio":
            return self._measure_sound(self._decodable(packet))
        context = measured_picture(
            codec_of(self.stream), self.setup or b"", self._decodable(packet)
        )
        if context is None:
            return False  # it cannot be decoded alone: what was known stays
        before, self.shape = self.shape, context
        if not self.is_shaped:
            self.shape = before
            return False
        return _numbers(before) != _numbers(context)

    def _measure_sound(self, data: bytes) -> bool:
        """Have libavformat decode a packet of sound: PyAV's frames of it are not safe."""
        found = measured(self.shape, self.parameters, self.setup or b"", data)
        if found is None or found[:2] == self.shape[:2]:
            return False
        self.shape = found
        self.step, self.delay = frame_times(self.stream, found)
        return True


def _numbers(context: AVContext) -> tuple[object, ...]:
    return context.width, context.height, context.pix_fmt
