"""
H.264, HEVC and VVC: NAL units with lengths before them, or with start codes (I{remux thread}).
"""

import av
from av.codec.context import CodecContext

from mkvtwist.libav.adapters.base import Adapter
from mkvtwist.libav.adapters.measuring import codec_of
from mkvtwist.libav.adapters.video import SetupInKeyframes
from mkvtwist.libav.pyav_types import AVContext, AVPacket, AVStream
from mkvtwist.media import stored_payload


def _can_open(stream: AVStream, setup: bytes) -> bool:
    """Return whether a decoder takes a setup; libavformat loops or aborts over a damaged one."""
    context: AVContext = CodecContext.create(codec_of(stream), "r")
    context.extradata = setup
    context.thread_count = 1
    context.options = {"err_detect": "explode"}
    try:
        context.open()
    except av.FFmpegError:
        return False
    return True


class LengthPrefixed(Adapter):
    """
    H.264 and HEVC with lengths before the NAL units (MP4, Matroska, FLV).

    The setup is the container's. Parameter sets in the packets replace it when they say another
    size: in MP4 as avc3 or hev1, in what a browser records of a tab. All lengths leave in 4 bytes,
    as the header says that libavformat writes for such sets.
    """

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        self._at = 4 if codec_of(stream) == "h264" else 21  # where avcC, hvcC tell the width
        self._width = self._normalised(self.setup or b"")
        self._sets = b""

    def _normalised(self, setup: bytes) -> int:
        """Take a setup for the track's, with lengths of 4 bytes; return how many they have."""
        if len(setup) <= self._at or stored_payload.is_annex_b(setup):
            return 4
        at, old = self._at, setup[self._at]
        self.setup = setup[:at] + bytes((old | 3,)) + setup[at + 1 :]
        return (old & 3) + 1

    def _take_setup(self, setup: bytes, packet: AVPacket) -> None:
        known = self.setup
        super()._take_setup(setup, packet)
        if self.setup != known:
            self._width = self._normalised(setup)
            if self.setup == known:
                self.changed = False

    def _inspect(self, packet: AVPacket) -> None:
        super()._inspect(packet)
        if not packet.is_keyframe:
            return
        units = self._units(packet)
        sets = stored_payload.parameter_sets(codec_of(self.stream), units)
        if not sets or sets == self._sets or not _can_open(self.stream, sets):
            return
        first, self._sets = not self._sets, sets
        if first and all(unit in (self.setup or b"") for unit in stored_payload.nal_units(sets)):
            return  # the container's own
        before, self.setup = self.setup, sets
        if self._measure(packet):
            self.changed = True
        else:
            self.setup = before

    def _units(self, packet: AVPacket) -> list[bytes]:
        return stored_payload.prefixed_units(bytes(packet), self._width)

    def _decodable(self, packet: AVPacket) -> bytes:
        if not stored_payload.is_annex_b(self.setup or b""):
            return bytes(packet) if self._width == 4 else self.data(packet)
        return b"".join(b"\0\0\0\1" + unit for unit in self._units(packet))

    def data(self, packet: AVPacket) -> bytes:
        if self._width == 4:
            return bytes(packet)
        return stored_payload.length_prefixed(self._units(packet))


class AnnexB(SetupInKeyframes):
    """
    H.264, HEVC, VVC as a byte stream with start codes (transport streams, raw files, AVI).

    libavformat turns the setup into avcC or hvcC when it writes the header; the packets get
    lengths instead of start codes.
    """

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        if self.setup and not self._is_valid_setup(self.setup):
            self.setup = None

    def _is_valid_setup(self, setup: bytes) -> bool:
        return _can_open(self.stream, setup)

    def data(self, packet: AVPacket) -> bytes:
        return stored_payload.length_prefixed(stored_payload.nal_units(bytes(packet)))
