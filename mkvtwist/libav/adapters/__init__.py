"""
One adapter for each oddity of a track, chosen by what the track is (I{remux thread}).

An adapter turns the packets that the demuxer yields for one stream into what Matroska and MP4
store, finds the decoder's setup where the container has none, notices when it changes, and says
what the header has to state.

L{adapter_for} is the table of contents.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from av.stream import Disposition

from mkvtwist.libav.adapters.aac import Adts, Latm
from mkvtwist.libav.adapters.audio import Audio, Primed, WavPack
from mkvtwist.libav.adapters.base import SETUP_LIMIT, Adapter, AVPacket, Stream, codec_of
from mkvtwist.libav.adapters.mpeg4 import Mpeg4, Mpeg4InAvi
from mkvtwist.libav.adapters.mpeg_audio import MpegStream
from mkvtwist.libav.adapters.nal_unit_times import PartlyTimed, Untimed
from mkvtwist.libav.adapters.nal_units import NalUnits, Prefixed
from mkvtwist.libav.adapters.pcm import Pcm
from mkvtwist.libav.adapters.subtitles import MovText, Pgs, ScriptText, Subtitles, WebVtt
from mkvtwist.libav.adapters.video import Av1, Optional, ProRes, Tagged, Vp9
from mkvtwist.libav.unusable import Unusable
from mkvtwist.media import stored_payload

__all__ = [
    "DONORS",
    "AVPacket",
    "Adapter",
    "Stream",
    "Untimed",
    "adapter_for",
    "codec_of",
    "is_cover",
]

_SUBTITLES: Mapping[str, type[Adapter]] = {
    "hdmv_pgs_subtitle": Pgs,
    "mov_text": MovText,
    "text": ScriptText,
    "webvtt": WebVtt,
}

_VIDEO: Mapping[str, type[Adapter]] = {
    "av1": Av1,
    "h264": Prefixed,
    "hevc": Prefixed,
    "mpeg1video": Optional,
    "mpeg2video": Optional,
    "magicyuv": Tagged,
    "mpeg4": Mpeg4,
    "prores": ProRes,
    "rawvideo": Tagged,
    "utvideo": Tagged,
    "vp9": Vp9,
}

_AUDIO: Mapping[str, type[Adapter]] = {
    "aac_latm": Latm,
    "wavpack": WavPack,
}

_NAL_CODECS = frozenset({"h264", "hevc", "vvc"})

_MPEG_AUDIO = frozenset({"mp1", "mp2", "mp3"})

_PRIMED = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "mp3", "caf"})
"""Containers that say what is not to be heard of the first packets."""

_BY_TIMES: Mapping[str, type[Adapter]] = {
    "mpegts": PartlyTimed,
    **dict.fromkeys(("avi", "asf", "asf_o", "mpeg", "h264", "hevc"), Untimed),
}
"""Containers whose presentation times are missing or wrong for reordered pictures."""

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


def adapter_for(stream: Stream) -> Adapter:
    """
    The adapter for a stream.

    @raise Unusable: for one that no player could show.
    """
    if stream.type not in ("video", "audio", "subtitle"):
        raise Unusable(f"{stream.type} cannot be sent")
    if stream.codec_context is None:
        raise Unusable("a codec that libavcodec does not know")
    if stream.codec_context.extradata_size > SETUP_LIMIT:
        raise Unusable(f"its decoder's setup has more than {SETUP_LIMIT >> 20} MiB")
    codec = codec_of(stream)
    kind: type[Adapter]
    if stream.type == "subtitle":
        kind = _SUBTITLES.get(codec, Subtitles)
    elif stream.type == "video":
        kind = _video_kind(stream, codec)
    else:
        kind = _audio_kind(stream, codec)
    return kind(stream)


def _video_kind(stream: Stream, codec: str) -> type[Adapter]:
    setup, container = stream.codec_context.extradata or b"", stream.container.format.name
    if codec in _NAL_CODECS and (not setup or stored_payload.is_annex_b(setup)):
        return NalUnits if codec == "vvc" else _BY_TIMES.get(container, NalUnits)
    if codec == "mpeg4" and container == "avi" and stream.codec_context.reorder_depth:
        return Mpeg4InAvi
    return _VIDEO.get(codec, Adapter)


def _audio_kind(stream: Stream, codec: str) -> type[Adapter]:
    container = stream.container.format.name
    if codec == "aac" and not stream.codec_context.extradata:
        return Adts
    if codec == "s302m" or (codec.startswith("pcm_") and codec not in _STORED_PCM):
        return Pcm
    if codec in _MPEG_AUDIO and container == "mp3":
        return MpegStream
    return _AUDIO.get(codec, Primed if container in _PRIMED else Audio)


def is_cover(stream: Stream) -> bool:
    """Whether a stream is a picture that belongs to the whole, not a moving one."""
    return bool(stream.disposition & Disposition.attached_pic)


DONORS: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("video", "mpeg4", {"rate": 25}),
    ("audio", "mp2", {"rate": 48000}),
    ("subtitle", "subrip", {}),
)
"""
Streams to describe anew, one of each type: type, codec, what else it takes to make one. PyAV lets
only codecs into a container that libavformat lists for it, which leaves out all that Matroska
stores with the words of AVI.
"""
