"""
Pictures: setups that stand in keyframes, invisible frames, FourCCs (I{remux thread}).
"""

import av
from av.bitstream import BitStreamFilterContext

from mkvtwist.libav.adapters.base import Adapter
from mkvtwist.libav.pyav_types import AVPacket, AVStream
from mkvtwist.media import stored_payload


class SetupInKeyframes(Adapter):
    """
    A codec whose setup also stands in its keyframes, found with C{extract_extradata}.

    MPEG-2, MPEG-4, AV1 and others out of transport streams and raw files come without any, and
    with another one in the middle when an encoder was restarted with another size. Decoders take
    it from the packets: a new header is needed only for other numbers.
    """

    needs_setup = True

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        self._extract = BitStreamFilterContext("extract_extradata", stream)
        self._found = b""
        if not self.setup and self.needs_setup:
            self.setup = None

    def _inspect(self, packet: AVPacket) -> None:
        super()._inspect(packet)
        if not packet.is_keyframe:
            return
        for made in self._extract.filter(av.Packet(bytes(packet))):
            if made.has_sidedata("new_extradata"):
                self._take_found(bytes(made.get_sidedata("new_extradata")), packet)

    def _take_found(self, setup: bytes, packet: AVPacket) -> None:
        if setup == self._found or not self._is_valid_setup(setup):
            return
        first, self._found = not self._found, setup
        if first and self.setup:
            return  # the container's own, in other words
        before, self.setup = self.setup, setup
        if self._measure(packet) and before:
            self.changed = True


class OptionalSetup(SetupInKeyframes):
    """A codec that can do without its setup in the header: MPEG-1, MPEG-2, MPEG-4 and such."""

    needs_setup = False


class Av1(SetupInKeyframes):
    """AV1 out of transport streams, IVF and raw files: its temporal delimiters are not stored."""

    def data(self, packet: AVPacket) -> bytes:
        return stored_payload.without_delimiters(bytes(packet))


class Vp9(Adapter):
    """VP9, whose invisible frames belong to the next visible one."""

    filters = "vp9_superframe"

    @property
    def is_shaped(self) -> bool:
        """MP4's header says how the pixels lie, too."""
        return super().is_shaped and self.shape.pix_fmt is not None


class FourCcTagged(Adapter):
    """Pictures whose FourCC says how the pixels lie."""

    @property
    def tag(self) -> str:
        return str(self.stream.codec_context.codec_tag)


class ProRes(FourCcTagged):
    """ProRes, without the head of its atom; its FourCC tells 4:2:2 from 4:4:4."""

    def data(self, packet: AVPacket) -> bytes:
        return stored_payload.without_prores_head(bytes(packet))
