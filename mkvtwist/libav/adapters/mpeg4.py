"""
MPEG-4 Visual: packed B-frames, and B-frames without presentation times (I{remux thread}).
"""

from collections.abc import Iterable

from mkvtwist.libav.adapters.video import OptionalSetup
from mkvtwist.libav.pyav_types import AVPacket, AVStream
from mkvtwist.media import stored_payload


class Mpeg4(OptionalSetup):
    """MPEG-4 Visual; packed B-frames, as AVI has them, are unpacked."""

    filters = "mpeg4_unpack_bframes"


class Mpeg4InAvi(Mpeg4):
    """
    MPEG-4 Visual with B-frames out of AVI, which has decoding times only.

    libavformat makes presentation times of them before the packed pictures are unpacked, so they
    are made again: a B-frame is shown when it is decoded, another one when the next such is.
    """

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        self._held: list[AVPacket] = []

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        for made in super().packets(packet):
            yield from self._shown(made)

    def rest(self) -> Iterable[AVPacket]:
        for made in super().rest():
            yield from self._shown(made)
        if self._held:
            last = self._held[-1]
            yield from self._released(last.dts + (last.duration or 1))

    def _shown(self, packet: AVPacket) -> Iterable[AVPacket]:
        if self._held and stored_payload.is_b_vop(bytes(packet)):
            packet.pts = packet.dts
        else:
            yield from self._released(packet.dts)
            self._held = []
        self._held.append(packet)

    def _released(self, due: int) -> Iterable[AVPacket]:
        if self._held:
            self._held[0].pts = due
        yield from self._held
