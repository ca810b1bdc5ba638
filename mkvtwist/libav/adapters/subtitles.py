"""
Subtitles: text and pictures that stand for a stated time (I{remux thread}).
"""

from collections.abc import Iterable

from mkvtwist.libav.adapters.base import Adapter
from mkvtwist.libav.pyav_types import AVPacket, AVStream


class Subtitles(Adapter):
    """Text or pictures that stand for a stated time."""

    sparse = True


class MovText(Subtitles):
    """MP4's timed text, stored as SubRip without the empty packets that clear the screen."""

    filters = "mov2textsub"
    stored_as = "subrip"

    def __init__(self, stream: AVStream) -> None:
        super().__init__(stream)
        self.setup = b""

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        return [made for made in super().packets(packet) if made.size]


class ScriptText(Subtitles):
    """
    Text out of FLV, without the script data that libavformat takes for text.

    FLV has no list of tracks, and GStreamer's C{flvmux}, for one, sends its metadata again.
    """

    declared = False

    def packets(self, packet: AVPacket) -> Iterable[AVPacket]:
        # AMF's mark of a name, and its length's first half.
        is_script = bytes(memoryview(packet)[:2]) == b"\x02\0"
        return () if is_script else super().packets(packet)


class WebVtt(Subtitles):
    """WebVTT, whose cue identifier and settings stand before the text in the block."""

    def data(self, packet: AVPacket) -> bytes:
        parts = {"webvtt_identifier": b"", "webvtt_settings": b""}
        for side in packet.iter_sidedata():
            if side.data_type in parts:
                parts[side.data_type] = bytes(side)
        return b"%s\n%s\n%s" % (*parts.values(), bytes(packet))


class Pgs(Subtitles):
    """Blu-ray's pictures; a display set's segments belong into one block."""

    filters = "pgs_frame_merge"
