"""
The choice of an adapter, by what a track is (I{remux thread}).

L{RULES} is the table of contents of this folder.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from av.stream import Disposition

from mkvtwist.libav.adapters.aac import Adts, Latm
from mkvtwist.libav.adapters.audio import Audio, Primed, WavPack
from mkvtwist.libav.adapters.base import SETUP_LIMIT, Adapter
from mkvtwist.libav.adapters.measuring import codec_of
from mkvtwist.libav.adapters.mpeg4 import Mpeg4, Mpeg4InAvi
from mkvtwist.libav.adapters.mpeg_audio import MpegAudio
from mkvtwist.libav.adapters.nal_units import AnnexB, LengthPrefixed
from mkvtwist.libav.adapters.pcm import Pcm
from mkvtwist.libav.adapters.reordered_pictures import PartlyTimed, Untimed
from mkvtwist.libav.adapters.subtitles import MovText, Pgs, ScriptText, Subtitles, WebVtt
from mkvtwist.libav.adapters.video import Av1, FourCcTagged, OptionalSetup, ProRes, Vp9
from mkvtwist.libav.pyav_types import AVStream
from mkvtwist.libav.unusable import Unusable
from mkvtwist.media import stored_payload


@dataclass(frozen=True, slots=True)
class Rule:
    """
    A row of the table: an adapter, and the tracks that get it.

    @ivar type: the track's type.
    @ivar codecs: libavcodec's names, separated by blanks; empty for all.
    @ivar containers: libavformat's names, separated by blanks; empty for all.
    @ivar only: a further condition on the stream.
    """

    adapter: type[Adapter]
    type: str
    codecs: str = ""
    containers: str = ""
    only: Callable[[AVStream], bool] | None = None

    def fits(self, stream: AVStream) -> bool:
        """Return whether this rule is about a stream."""
        return (
            self.type == stream.type
            and (not self.codecs or codec_of(stream) in self.codecs.split())
            and (not self.containers or stream.container.format.name in self.containers.split())
            and (self.only is None or self.only(stream))
        )


def _has_start_codes(stream: AVStream) -> bool:
    setup = stream.codec_context.extradata or b""
    return not setup or stored_payload.is_annex_b(setup)


def _is_reordered(stream: AVStream) -> bool:
    return bool(stream.codec_context.reorder_depth)


def _has_no_setup(stream: AVStream) -> bool:
    return not stream.codec_context.extradata


def _is_foreign_pcm(stream: AVStream) -> bool:
    codec = codec_of(stream)
    return codec.startswith("pcm_") and codec not in _STORED_PCM


_STORED_PCM = frozenset(
    {
        "pcm_alaw",
        "pcm_f32le",
        "pcm_f64le",
        "pcm_mulaw",
        "pcm_s16be",
        "pcm_s16le",
        "pcm_s24be",
        "pcm_s24le",
        "pcm_s32be",
        "pcm_s32le",
        "pcm_u8",
    }
)
"""Samples as Matroska, or the WAVEFORMATEX in it, can describe them."""

_WRONGLY_TIMED = "avi asf asf_o mpeg h264 hevc"
"""Containers whose presentation times are missing or wrong for reordered pictures."""

_STATES_PRIMING = "mov,mp4,m4a,3gp,3g2,mj2 mp3 caf"
"""Containers that state how much of the first packets is not to be heard."""

RULES: Sequence[Rule] = (
    Rule(PartlyTimed, "video", "h264 hevc", "mpegts", only=_has_start_codes),
    Rule(Untimed, "video", "h264 hevc", _WRONGLY_TIMED, only=_has_start_codes),
    Rule(AnnexB, "video", "h264 hevc vvc", only=_has_start_codes),
    Rule(LengthPrefixed, "video", "h264 hevc"),
    Rule(Mpeg4InAvi, "video", "mpeg4", "avi", only=_is_reordered),
    Rule(Mpeg4, "video", "mpeg4"),
    Rule(OptionalSetup, "video", "mpeg1video mpeg2video"),
    Rule(Av1, "video", "av1"),
    Rule(Vp9, "video", "vp9"),
    Rule(ProRes, "video", "prores"),
    Rule(FourCcTagged, "video", "magicyuv rawvideo utvideo"),
    Rule(Adapter, "video"),
    Rule(Adts, "audio", "aac", only=_has_no_setup),
    Rule(Latm, "audio", "aac_latm"),
    Rule(MpegAudio, "audio", "mp1 mp2 mp3", "mp3"),
    Rule(Pcm, "audio", "s302m"),
    Rule(Pcm, "audio", only=_is_foreign_pcm),
    Rule(WavPack, "audio", "wavpack"),
    Rule(Primed, "audio", "", _STATES_PRIMING),
    Rule(Audio, "audio"),
    Rule(MovText, "subtitle", "mov_text"),
    Rule(Pgs, "subtitle", "hdmv_pgs_subtitle"),
    Rule(ScriptText, "subtitle", "text"),
    Rule(WebVtt, "subtitle", "webvtt"),
    Rule(Subtitles, "subtitle"),
)
"""The first rule that fits says which adapter a track gets."""


def adapter_for(stream: AVStream) -> Adapter:
    """
    Return the adapter for a stream.

    @raise Unusable: for a stream that no player could show.
    @raise ValueError: when the stream's parameters make no sense.
    @raise av.FFmpegError: when libavcodec does not take them.
    """
    if stream.type not in ("video", "audio", "subtitle"):
        raise Unusable(f"{stream.type} cannot be sent")
    if stream.codec_context is None:
        raise Unusable("a codec that libavcodec does not know")
    if stream.codec_context.extradata_size > SETUP_LIMIT:
        raise Unusable(f"its decoder's setup has more than {SETUP_LIMIT >> 20} MiB")
    return next(rule for rule in RULES if rule.fits(stream)).adapter(stream)


def is_cover(stream: AVStream) -> bool:
    """Return whether a stream is a picture that belongs to the whole, not a moving one."""
    return bool(stream.disposition & Disposition.attached_pic)
