"""
The list of clips that C{corpus.py} makes: containers, codecs, and oddities of the world.

A clip is either what C{ffmpeg} makes of a moving test picture and a chirp (C{command}), or what a
few lines of Python make of other clips (C{make}), or such clips one after the other (C{pieces};
then the pieces are the truth that the result is compared with, since a demuxer reads across
their joints as it likes).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from tests.support import bitstreams, media, oddities

SECONDS = 4
SIZE = "176x144"  # the one size that H.261, H.263 and everybody else can do

_CHIRP = (
    "aevalsrc=0.2*sin(2*PI*({0}+50*t)*t)+0.01*random(0)|0.2*sin(2*PI*({0}+90*t)*t)+0.01*random(1)"
    ":s=48000:c=stereo"
)

INPUTS = {
    "v": f"-f lavfi -i testsrc2=size={SIZE}:rate=25",
    "w": "-f lavfi -i testsrc2=size=320x240:rate=25",
    "d": "-f lavfi -i testsrc2=size=720x576:rate=25",
    "f": f"-f lavfi -i testsrc2=size={SIZE}:rate=60000/1001",
    "n": f"-f lavfi -i testsrc2=size={SIZE}:rate=24000/1001",
    "s": f"-f lavfi -i testsrc2=size={SIZE}:rate=1",
    "a": f"-f lavfi -i {_CHIRP.format(300)}",
    "b": f"-f lavfi -i {_CHIRP.format(700)}",
    "c": f"-f lavfi -i {_CHIRP.format(1100)}",
    "t": "-i {dir}/extras/text.srt",
    "g": "-fix_sub_duration -i {dir}/extras/pictures.sup",
    "j": "-i {dir}/extras/cover.jpg",
    "m": "-i {dir}/extras/tags.ffmeta",
}
"""Each letter of a clip's C{inputs}, in ffmpeg's words."""


@dataclass(frozen=True)
class Clip:
    """A file of the corpus, and what there is to know for whoever checks what became of it."""

    name: str
    what: str
    command: str = ""
    inputs: str = "va"
    needs: tuple[str, ...] = ()
    """The clips that have to be there before."""
    make: Callable[[Path], bytes] | None = None
    """Its bytes, from the directory with the clips."""
    pieces: tuple[str, ...] = ()
    rate: float = 0
    """Pictures a second, where the container does not keep timestamps that can be trusted."""
    dead: str = ""
    """Why there is nothing that could play."""
    like: str = ""
    """The clip that it is held against, where it is not itself what it should become."""


def _derived(
    name: str,
    what: str,
    source: str,
    make: Callable[[bytes], bytes],
    *,
    dead: str = "",
    like: str = "",
) -> Clip:
    """Return what a few lines of Python make of one other clip."""
    return Clip(
        name,
        what,
        needs=(source,),
        make=lambda clips: make((clips / source).read_bytes()),
        dead=dead,
        like=like,
    )


def _part(
    name: str, what: str, source: str, begin: float = 0.0, end: float = 1.0, *, dead: str = ""
) -> Clip:
    """Return a part of a clip, from and to a share of its size."""

    def make(data: bytes) -> bytes:
        return data[int(len(data) * begin) : int(len(data) * end)]

    return _derived(name, what, source, make, dead=dead)


X264 = "-c:v libx264 -preset veryfast -g 25 -bf 2 -sc_threshold 0"
FAST = "-c:v libx264 -preset ultrafast -g 25 -sc_threshold 0"
X265 = (
    "-c:v libx265 -preset ultrafast -x265-params"
    " keyint=25:min-keyint=25:scenecut=0:bframes=2:log-level=none"
)
AV1 = "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 25 -b:v 200k"
VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -g 25 -b:v 200k"
VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -b:v 200k"
MPEG2 = "-c:v mpeg2video -g 25 -bf 2 -b:v 600k"
MPEG4 = "-c:v mpeg4 -g 25 -b:v 400k"
AAC = "-c:a aac -b:a 64k"
MP2 = "-c:a mp2 -b:a 128k"
MP3 = "-c:a libmp3lame -b:a 96k"
AC3 = "-c:a ac3 -b:a 128k"
OPUS = "-c:a libopus -b:a 64k"
VORBIS = "-c:a libvorbis -b:a 64k"
NO_B = f"{FAST} {AAC}"

CONTAINERS = [
    Clip("mkv-h264-aac.mkv", "Matroska, H.264 with B-frames, AAC", f"{X264} {AAC}"),
    Clip("mkv-live.mkv", "Matroska of unknown size, without index", f"{X264} {OPUS} -live 1"),
    Clip("mkv-hevc-flac.mkv", "Matroska, HEVC, FLAC", f"{X265} -c:a flac"),
    Clip("mkv-video-only.mkv", "Matroska, no sound", X264, "v"),
    Clip("mkv-audio-only.mka", "Matroska, no picture", AAC, "a"),
    Clip("mkv-audio-opus.mka", "Matroska, no picture, Opus", OPUS, "a"),
    Clip("webm-vp8-vorbis.webm", "WebM, VP8, Vorbis", f"{VP8} {VORBIS}"),
    Clip("webm-vp9-opus.webm", "WebM, VP9, Opus", f"{VP9} {OPUS}"),
    Clip("webm-av1-opus.webm", "WebM, AV1, Opus", f"{AV1} {OPUS}"),
    Clip("mp4-h264-aac.mp4", "MP4, H.264 with B-frames, AAC, moov last", f"{X264} {AAC}"),
    Clip("mp4-faststart.mp4", "MP4, moov first", f"{X264} {AAC} -movflags faststart"),
    Clip("mp4-hevc-aac.mp4", "MP4, HEVC (hvc1), AAC", f"{X265} -tag:v hvc1 {AAC}"),
    Clip("mp4-hev1-ac3.mp4", "MP4, HEVC (hev1), AC-3", f"{X265} -tag:v hev1 {AC3}"),
    Clip("mp4-av1-opus.mp4", "MP4, AV1, Opus", f"{AV1} {OPUS}"),
    Clip("mp4-vp9-flac.mp4", "MP4, VP9, FLAC", f"{VP9} -c:a flac -strict -2"),
    Clip("mp4-mpeg4-mp3.mp4", "MP4, MPEG-4, MP3", f"{MPEG4} {MP3}"),
    Clip("mp4-eac3.mp4", "MP4, E-AC-3", f"{X264} -c:a eac3 -b:a 128k"),
    Clip("mp4-alac.mp4", "MP4, ALAC", f"{X264} -c:a alac"),
    Clip(
        "fmp4-gop.mp4",
        "fragmented MP4, a fragment a GOP",
        f"{X264} {AAC} -movflags frag_keyframe+empty_moov+default_base_moof+delay_moov",
    ),
    Clip(
        "fmp4-frame.mp4",
        "fragmented MP4, a fragment a frame",
        f"{NO_B} -movflags frag_every_frame+empty_moov+default_base_moof",
    ),
    Clip("fmp4-cmaf.mp4", "fragmented MP4, CMAF", f"{X264} {AAC} -movflags cmaf+frag_keyframe"),
    Clip("mov-h264-pcm.mov", "QuickTime, H.264, PCM", f"{X264} -c:a pcm_s16le"),
    Clip("mov-h264-aac.mov", "QuickTime, H.264, AAC", f"{X264} {AAC}"),
    Clip("mov-prores-pcm.mov", "QuickTime, ProRes, PCM", "-c:v prores_ks -c:a pcm_s24le"),
    Clip("3gp-h263-aac.3gp", "3GP, H.263, AAC mono", "-c:v h263 -c:a aac -ac 1 -b:a 32k"),
    Clip("ts-h264-aac.ts", "MPEG-TS, H.264 with B-frames, AAC", f"{X264} {AAC}"),
    Clip("ts-h264-noaud.ts", "MPEG-TS, H.264 without B-frames, AAC", NO_B),
    Clip("ts-hevc-aac.ts", "MPEG-TS, HEVC, AAC", f"{X265} {AAC}"),
    Clip("ts-h264-ac3.ts", "MPEG-TS, H.264, AC-3", f"{X264} {AC3}"),
    Clip("ts-h264-eac3.ts", "MPEG-TS, H.264, E-AC-3", f"{X264} -c:a eac3 -b:a 128k"),
    Clip("ts-h264-mp3.ts", "MPEG-TS, H.264, MP3", f"{X264} {MP3}"),
    Clip("ts-h264-opus.ts", "MPEG-TS, H.264, Opus", f"{X264} {OPUS}"),
    Clip("ts-mpeg2-mp2.ts", "MPEG-TS, MPEG-2, MP2", f"{MPEG2} {MP2}"),
    Clip("ts-mpeg4-mp2.ts", "MPEG-TS, MPEG-4, MP2", f"{MPEG4} {MP2}"),
    Clip("ts-dts.ts", "MPEG-TS, H.264, DTS", f"{X264} -c:a dca -strict -2 -b:a 768k"),
    Clip("ts-audio-only.ts", "MPEG-TS, no picture", AAC, "a"),
    Clip("ts-video-only.ts", "MPEG-TS, no sound", X264, "v"),
    Clip("m2ts-h264-ac3.m2ts", "M2TS (Blu-ray), H.264, AC-3", f"{X264} {AC3}"),
    Clip("m2ts-pcm.m2ts", "M2TS, H.264, Blu-ray PCM", f"{X264} -c:a pcm_bluray"),
    Clip(
        "m2ts-truehd.m2ts",
        "M2TS, H.264, TrueHD",
        f"{X264} -c:a truehd -strict -2 -ac 2",
    ),
    Clip("ps-mpeg2-ac3.vob", "MPEG-PS (DVD), MPEG-2, AC-3", f"{MPEG2} {AC3} -f vob"),
    Clip("ps-mpeg2-mp2.mpg", "MPEG-PS, MPEG-2, MP2", f"{MPEG2} {MP2} -f vob"),
    Clip("ps-mpeg1-mp2.mpg", "MPEG-1 system stream", f"-c:v mpeg1video -g 25 -bf 2 {MP2} -f mpeg"),
    Clip("ps-pcm.vob", "MPEG-PS, MPEG-2, DVD PCM", f"{MPEG2} -c:a pcm_dvd -f vob"),
    Clip("ps-h264.mpg", "MPEG-PS, H.264 with B-frames", f"{X264} {MP2} -f vob", rate=25),
    Clip("flv-h264-aac.flv", "FLV, H.264 with B-frames, AAC", f"{X264} {AAC}"),
    Clip("flv-h264-mp3.flv", "FLV, H.264, MP3", f"{FAST} {MP3} -ar 44100"),
    Clip("flv-flv1-mp3.flv", "FLV, Sorenson H.263, MP3", f"-c:v flv -g 25 {MP3} -ar 44100"),
    Clip("flv-speex.flv", "FLV, Speex", f"{FAST} -c:a libspeex -ar 16000 -ac 1"),
    Clip("flv-adpcm.flv", "FLV, ADPCM", f"{FAST} -c:a adpcm_swf -ar 44100"),
    Clip("flv-alaw.flv", "FLV, A-law", f"{FAST} -c:a pcm_alaw -ar 8000 -ac 1"),
    Clip("flv-nellymoser.flv", "FLV, Nellymoser", f"{FAST} -c:a nellymoser -ar 44100 -ac 1"),
    Clip("avi-mpeg4-mp3.avi", "AVI, MPEG-4, MP3", f"{MPEG4} {MP3}"),
    Clip("avi-mpeg4-b.avi", "AVI, MPEG-4 with B-frames, AC-3", f"{MPEG4} -bf 2 {AC3}", rate=25),
    Clip(
        "avi-packed.avi",
        "AVI, MPEG-4 with packed B-frames (as DivX and Xvid wrote)",
        needs=("p-packed.avi",),
        make=lambda clips: oddities.closed_up(clips / "p-packed.avi"),
        rate=25,
    ),
    Clip("p-packed.avi", "(a piece)", f"-c:v libxvid -g 25 -bf 2 -b:v 400k {MP3}"),
    Clip("avi-h264.avi", "AVI, H.264 without B-frames, MP3", f"{FAST} {MP3}", rate=25),
    Clip("avi-h264-b.avi", "AVI, H.264 with B-frames, MP3", f"{X264} {MP3}", rate=25),
    Clip("avi-mjpeg-pcm.avi", "AVI, MJPEG, PCM", "-c:v mjpeg -c:a pcm_s16le"),
    Clip("avi-aac.avi", "AVI, MPEG-4, AAC", f"{MPEG4} {AAC}"),
    Clip("ogg-theora-vorbis.ogv", "Ogg, Theora, Vorbis", f"-c:v libtheora -g 25 {VORBIS}"),
    Clip("ogg-vorbis.ogg", "Ogg, Vorbis", VORBIS, "a"),
    Clip("ogg-opus.opus", "Opus", OPUS, "a"),
    Clip("ogg-flac.oga", "Ogg, FLAC", "-c:a flac", "a"),
    Clip("ogg-speex.spx", "Ogg, Speex", "-c:a libspeex -ar 16000 -ac 1 -f ogg", "a"),
    Clip("nut-h264-aac.nut", "NUT, H.264 with B-frames, AAC", f"{X264} {AAC}"),
    Clip("nut-hevc-opus.nut", "NUT, HEVC, Opus", f"{X265} {OPUS}"),
    Clip("nut-raw-pcm.nut", "NUT, raw video, PCM", "-c:v rawvideo -c:a pcm_s16le -t 1"),
    Clip("nut-ffv1-flac.nut", "NUT, FFV1, FLAC", "-c:v ffv1 -g 25 -c:a flac"),
    Clip("asf-wmv2-wma2.wmv", "ASF, WMV2, WMA2", "-c:v wmv2 -g 25 -c:a wmav2 -b:a 96k"),
    Clip("asf-wmv1-wma1.wmv", "ASF, WMV1, WMA1", "-c:v wmv1 -g 25 -c:a wmav1 -b:a 96k"),
    Clip("asf-h264-b.wmv", "ASF, H.264 with B-frames, MP3", f"{X264} {MP3} -f asf", rate=25),
    Clip("asf-msmpeg4.wmv", "ASF, MS-MPEG-4 v3, MP3", f"-c:v msmpeg4 -g 25 {MP3} -f asf"),
    Clip("ivf-vp8.ivf", "IVF, VP8", VP8, "v"),
    Clip("ivf-vp9.ivf", "IVF, VP9", VP9, "v"),
    Clip("ivf-av1.ivf", "IVF, AV1", AV1, "v"),
    Clip("mxf-mpeg2-pcm.mxf", "MXF, MPEG-2, PCM", f"{MPEG2} -c:a pcm_s16le -ar 48000"),
    Clip("gxf-mpeg2-pcm.gxf", "GXF", "-c:v mpeg2video -b:v 2M -s 720x576 -c:a pcm_s16le -ac 1"),
    Clip("wtv-mpeg2-mp2.wtv", "WTV", f"{MPEG2} {MP2}"),
    Clip("rm-rv10-ac3.rm", "RealMedia", f"-c:v rv10 -g 25 {AC3}"),
    Clip("swf-flv1-mp3.swf", "SWF", f"-c:v flv -g 25 {MP3} -ar 44100"),
]

RAW = [
    Clip("raw-h264.h264", "raw H.264 without B-frames", FAST, "v", rate=25),
    Clip("raw-h264-b.h264", "raw H.264 with B-frames", X264, "v", rate=25),
    Clip("raw-hevc.hevc", "raw HEVC with B-frames", X265, "v", rate=25),
    Clip(
        "raw-hevc-no-rate.hevc",
        "raw HEVC with B-frames that does not say its frame rate",
        X265.replace("bframes=2", "bframes=2:vui-timing-info=0"),
        "v",
        rate=25,
    ),
    Clip("raw-av1.obu", "raw AV1 (OBU)", AV1, "v", rate=25),
    Clip("raw-mpeg2.m2v", "raw MPEG-2 with B-frames", MPEG2, "v", rate=25),
    Clip("raw-mpeg1.m1v", "raw MPEG-1", "-c:v mpeg1video -g 25 -bf 2", "v", rate=25),
    Clip("raw-mpeg4.m4v", "raw MPEG-4", MPEG4, "v", rate=25),
    Clip("raw-mpeg4-b.m4v", "raw MPEG-4 with B-frames", f"{MPEG4} -bf 2", "v", rate=25),
    Clip("raw-mjpeg.mjpeg", "raw MJPEG", "-c:v mjpeg", "v", rate=25),
    Clip("raw-h263.h263", "raw H.263", "-c:v h263 -g 25", "v"),
    Clip("raw-h261.h261", "raw H.261", "-c:v h261 -g 25", "v"),
    Clip("raw-y4m.y4m", "YUV4MPEG", "-pix_fmt yuv420p -t 1", "v"),
    Clip("raw-dv.dv", "DV", "-target pal-dv -t 1", "da"),
    Clip("raw-adts.aac", "ADTS (AAC)", AAC, "a"),
    Clip("raw-adts-51.aac", "ADTS, 5.1 channels", "-c:a aac -ac 6", "a"),
    Clip("raw-latm.latm", "AAC in LATM", f"{AAC} -f latm", "a"),
    Clip("raw-mp2.mp2", "MP2", MP2, "a"),
    Clip("raw-mp3.mp3", "MP3", MP3, "a"),
    Clip("raw-mp3-vbr.mp3", "MP3, variable bit rate", "-c:a libmp3lame -q:a 4", "a"),
    Clip("raw-ac3.ac3", "AC-3", AC3, "a"),
    Clip("raw-eac3.eac3", "E-AC-3", "-c:a eac3 -b:a 128k", "a"),
    Clip("raw-dts.dts", "DTS", "-c:a dca -strict -2 -b:a 768k", "a"),
    Clip("raw-truehd.thd", "TrueHD", "-c:a truehd -strict -2", "a"),
    Clip("raw-mlp.mlp", "MLP", "-c:a mlp -strict -2", "a"),
    Clip("raw-flac.flac", "FLAC", "-c:a flac", "a"),
    Clip("raw-flac24.flac", "FLAC, 24 bits, 96 kHz", "-c:a flac -sample_fmt s32 -ar 96000", "a"),
    Clip("raw-wav.wav", "WAV, 16 bits", "-c:a pcm_s16le", "a"),
    Clip("raw-wav24.wav", "WAV, 24 bits", "-c:a pcm_s24le", "a"),
    Clip("raw-wav32.wav", "WAV, float", "-c:a pcm_f32le", "a"),
    Clip("raw-wav-u8.wav", "WAV, 8 bits", "-c:a pcm_u8", "a"),
    Clip("raw-wav-51.wav", "WAV, 5.1 channels", "-c:a pcm_s16le -ac 6", "a"),
    Clip("raw-wav-mp3.wav", "WAV, MP3", MP3, "a"),
    Clip("raw-w64.w64", "Wave64", "-c:a pcm_s16le", "a"),
    Clip("raw-aiff.aiff", "AIFF", "-c:a pcm_s16be", "a"),
    Clip("raw-aiff24.aiff", "AIFF, 24 bits", "-c:a pcm_s24be", "a"),
    Clip("raw-au.au", "Sun AU", "-c:a pcm_s16be", "a"),
    Clip("raw-caf-alac.caf", "CAF, ALAC", "-c:a alac", "a"),
    Clip("raw-caf-pcm.caf", "CAF, PCM, big-endian", "-c:a pcm_s16be", "a"),
    Clip("raw-m4a.m4a", "M4A, AAC", AAC, "a"),
    Clip("raw-m4a-alac.m4a", "M4A, ALAC", "-c:a alac", "a"),
    Clip("raw-wma.wma", "WMA2", "-c:a wmav2 -b:a 96k", "a"),
    Clip("raw-tta.tta", "TTA", "-c:a tta", "a"),
    Clip("raw-wavpack.wv", "WavPack", "-c:a wavpack", "a"),
]


def _video(name: str, what: str, command: str, inputs: str = "v", rate: float = 0) -> Clip:
    return Clip(f"v-{name}", what, command, inputs, rate=rate)


def _fields(_: Path, *, halves: bool) -> bytes:
    rate = Fraction(30000, 1001)
    return bitstreams.in_transport(bitstreams.fields(), "h264", rate, halves=halves)


VIDEO = [
    _video("h264-baseline.mkv", "H.264 baseline", f"{FAST} -profile:v baseline"),
    _video("h264-pyramid.mkv", "H.264, B-pyramid", f"{X264} -x264-params bframes=7:b-pyramid=2"),
    _video(
        "h264-open-gop.mkv",
        "H.264, open GOP",
        "-c:v libx264 -x264-params open-gop=1:bframes=3:keyint=25:b-adapt=0:scenecut=0",
    ),
    _video(
        "h264-open-gop.ts",
        "H.264, open GOP, in MPEG-TS",
        "-c:v libx264 -x264-params open-gop=1:bframes=3:keyint=25:b-adapt=0:scenecut=0",
    ),
    _video("h264-intra.mkv", "H.264, intra only", f"{FAST} -g 1"),
    _video("h264-intra.ts", "H.264, intra only, in MPEG-TS", f"{FAST} -g 1"),
    _video(
        "h264-interlaced.mkv", "H.264, interlaced", f"{X264} -x264-params tff=1 -vf setfield=tff"
    ),
    _video("h264-interlaced.ts", "H.264, interlaced, in MPEG-TS", f"{X264} -x264-params tff=1"),
    Clip(
        "v-h264-no-private.mkv",
        "H.264 in Matroska with start codes, and no CodecPrivate",
        needs=("raw-h264.h264",),
        make=lambda clips: oddities.without_private(clips / "raw-h264.h264", b"V_MPEG4/ISO/AVC"),
        rate=25,
    ),
    *(
        Clip(
            f"v-h264-fields{number}.ts",
            f"H.264, 59.94i, each field coded on its own (PAFF), {what}",
            make=partial(_fields, halves=halves),
        )
        for number, what, halves in (
            ("", "both with one time", False),
            ("-each", "each with a time", True),
        )
    ),
    Clip(
        "v-h264-fields.h264",
        "the same, raw",
        make=lambda _: b"".join(data for data, _ in bitstreams.fields()),
        rate=30000 / 1001,
    ),
    _video("h264-59.94i.ts", "H.264, 59.94i", f"{X264} -x264-params tff=1 -r 30000/1001"),
    _video("h264-120.mkv", "H.264, 120 pictures a second", f"{X264} -r 120"),
    _video("h264-120.ts", "H.264, 120 pictures a second, in MPEG-TS", f"{X264} -r 120"),
    _video("h264-slow.mkv", "H.264, a picture in 2 s", f"{FAST} -g 1 -r 1/2 -t 10"),
    _video("h264-one-key.mkv", "H.264, one keyframe only", f"{X264} -g 9999"),
    _video("h264-one-key.ts", "H.264, one keyframe only, in MPEG-TS", f"{X264} -g 9999"),
    _video(
        "h264-refresh.ts",
        "H.264, intra refresh instead of keyframes",
        f"{FAST} -x264-params intra-refresh=1:keyint=25",
    ),
    _video("h264-10bit.mkv", "H.264, 10 bits", f"{X264} -pix_fmt yuv420p10le"),
    _video("h264-444.mkv", "H.264, 4:4:4", f"{X264} -pix_fmt yuv444p"),
    _video("h264-slices.ts", "H.264, several slices a picture", f"{X264} -x264-params slices=4"),
    _video("h264-nohrd.mp4", "H.264, avc3 in MP4", f"{X264} -tag:v avc3"),
    _video("hevc-10bit.mkv", "HEVC, 10 bits", f"{X265} -pix_fmt yuv420p10le"),
    _video("hevc-open-gop.ts", "HEVC, open GOP, in MPEG-TS", f"{X265}:open-gop=1"),
    *(
        _video(
            f"hevc-cra.{ending}",
            f"HEVC, pictures that cannot be decoded from the keyframe before them (RASL){more}",
            "-c:v libx265 -preset ultrafast -x265-params keyint=27:min-keyint=27:scenecut=0"
            ":bframes=3:b-adapt=0:open-gop=1:log-level=none",
        )
        for ending, more in (("mkv", ""), ("ts", ", in MPEG-TS"))
    ),
    _video("hevc-intra.mkv", "HEVC, intra only", f"{X265}:keyint=1"),
    _video("av1-svt.mkv", "AV1 (SVT)", "-c:v libsvtav1 -preset 12 -g 25"),
    _video("av1-10bit.mkv", "AV1, 10 bits", f"{AV1} -pix_fmt yuv420p10le"),
    _video("av1.nut", "AV1 in NUT", AV1),
    _video("av1-plain.mkv", "AV1", AV1),
    Clip(
        "v-av1-points.mkv",
        "AV1, two temporal layers, two operating points",
        needs=("v-av1-plain.mkv",),
        make=lambda clips: bitstreams.with_operating_points(clips / "v-av1-plain.mkv"),
    ),
    _video("vp8-altref.webm", "VP8, hidden frames", f"{VP8} -auto-alt-ref 1 -lag-in-frames 16"),
    _video("vp8-alpha.webm", "VP8 with alpha", f"{VP8} -auto-alt-ref 0 -pix_fmt yuva420p"),
    _video(
        "vp9-superframes.webm",
        "VP9, superframes",
        "-c:v libvpx-vp9 -cpu-used 8 -g 25 -b:v 100k -auto-alt-ref 1 -lag-in-frames 16",
    ),
    _video(
        "vp9-superframes.ivf",
        "VP9, superframes, in IVF",
        "-c:v libvpx-vp9 -cpu-used 8 -g 25 -b:v 100k -auto-alt-ref 1 -lag-in-frames 16",
    ),
    Clip("p-layer-1.webm", "(a piece)", f"{VP9} -g 1 -s 88x72", "v"),
    Clip("p-layer-2.webm", "(a piece)", f"{VP9} -g 1", "v"),
    Clip(
        "v-vp9-layers.webm",
        "VP9, two spatial layers in each superframe",
        needs=("p-layer-1.webm", "p-layer-2.webm"),
        make=lambda clips: bitstreams.with_spatial_layers(
            clips / "p-layer-1.webm", clips / "p-layer-2.webm"
        ),
    ),
    _video("vp9-alpha.webm", "VP9 with alpha", f"{VP9} -auto-alt-ref 0 -pix_fmt yuva420p"),
    _video("vp9-10bit.webm", "VP9, 10 bits", f"{VP9} -pix_fmt yuv420p10le"),
    _video("mpeg1.mkv", "MPEG-1", "-c:v mpeg1video -g 25 -bf 2"),
    _video("mpeg2.mkv", "MPEG-2 with B-frames", MPEG2),
    _video("mpeg2-422.mkv", "MPEG-2, 4:2:2, intra only", "-c:v mpeg2video -g 1 -pix_fmt yuv422p"),
    _video(
        "mpeg2-interlaced.ts", "MPEG-2, interlaced", f"{MPEG2} -flags +ildct+ilme -vf setfield=tff"
    ),
    _video("mpeg4-asp.mkv", "MPEG-4 ASP", f"{MPEG4} -bf 2 -flags +qpel+aic"),
    _video("mpeg4-asp.mp4", "MPEG-4 ASP in MP4", f"{MPEG4} -bf 2"),
    _video("msmpeg4v2.avi", "MS-MPEG-4 v2", "-c:v msmpeg4v2 -g 25"),
    _video("mjpeg.mkv", "MJPEG", "-c:v mjpeg"),
    _video("mjpeg.mov", "MJPEG in QuickTime", "-c:v mjpeg"),
    _video("theora.mkv", "Theora", "-c:v libtheora -g 25"),
    _video("prores-hq.mov", "ProRes HQ", "-c:v prores_ks -profile:v hq -t 1"),
    _video(
        "prores-4444.mov",
        "ProRes 4444 with alpha",
        "-c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le -t 1",
    ),
    _video("prores.mkv", "ProRes in Matroska", "-c:v prores_ks -t 1"),
    _video("dnxhd.mov", "DNxHR", "-c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p -t 1", "w"),
    _video("ffv1-v3.mkv", "FFV1 version 3", "-c:v ffv1 -level 3 -g 25 -slices 4"),
    _video("ffv1-v1.avi", "FFV1 version 1 in AVI", "-c:v ffv1 -level 1 -g 25"),
    _video("huffyuv.avi", "HuffYUV", "-c:v huffyuv -pix_fmt yuv422p -t 1"),
    _video("ffvhuff.mkv", "FFVHuff", "-c:v ffvhuff -t 1"),
    _video("utvideo.avi", "Ut Video", "-c:v utvideo -t 1"),
    _video("raw-420.nut", "raw video, I420", "-c:v rawvideo -t 1"),
    _video("raw-422.mov", "raw video, UYVY in QuickTime", "-c:v rawvideo -pix_fmt uyvy422 -t 1"),
    _video("raw-rgb.avi", "raw video, BGR in AVI", "-c:v rawvideo -pix_fmt bgr24 -t 1"),
    _video("raw-420.mkv", "raw video in Matroska", "-c:v rawvideo -allow_raw_vfw 1 -t 1"),
    _video("raw-v210.mov", "v210", "-c:v v210 -t 1"),
    _video("wmv2.avi", "WMV2 in AVI", "-c:v wmv2 -g 25"),
    _video("flv1.mkv", "Sorenson H.263 in Matroska", "-c:v flv -g 25"),
    _video("h263.avi", "H.263 in AVI", "-c:v h263 -g 25"),
    _video("h263p.mkv", "H.263+ in Matroska", "-c:v h263p -g 25"),
    _video("h261.mkv", "H.261 in Matroska", "-c:v h261 -g 25"),
    _video("svq1.mov", "Sorenson 1", "-c:v svq1 -g 25 -t 2"),
    _video("cinepak.mov", "Cinepak", "-c:v cinepak -g 25 -t 1"),
    _video("qtrle.mov", "QuickTime Animation", "-c:v qtrle -g 25 -t 1"),
    _video("png.mov", "PNG", "-c:v png -t 1"),
    _video("jpeg2000.mov", "JPEG 2000", "-c:v jpeg2000 -t 1"),
    _video("snow.mkv", "Snow", "-c:v snow -strict -2 -g 25 -t 2"),
    _video("vc2.ts", "VC-2 (Dirac)", "-c:v vc2 -pix_fmt yuv422p -t 1"),
    _video("vc2.mkv", "VC-2 (Dirac) in Matroska", "-c:v vc2 -pix_fmt yuv422p -t 1"),
    _video("cfhd.mov", "CineForm", "-c:v cfhd -pix_fmt yuv422p10le -t 1"),
    _video("hap.mov", "Hap", "-c:v hap -t 1"),
    _video("dv.avi", "DV in AVI", "-c:v dvvideo -pix_fmt yuv420p -c:a pcm_s16le -t 1", "da"),
    _video("dv.mov", "DV in QuickTime", "-c:v dvvideo -pix_fmt yuv420p -t 1", "d"),
    _video("zmbv.avi", "Zip Motion Blocks", "-c:v zmbv -g 25 -t 1"),
    _video("gif.gif", "GIF", "-t 1"),
    _video("apng.apng", "APNG", "-t 1"),
    _video("still.jpg", "one JPEG", "-frames:v 1 -update 1"),
    _video("still.png", "one PNG", "-frames:v 1 -update 1"),
]


def _audio(name: str, what: str, command: str, inputs: str = "va") -> Clip:
    video = MPEG4 if name.endswith(".avi") else FAST  # H.264 in AVI is an oddity of its own
    return Clip(f"a-{name}", what, f"{video} {command}" if "v" in inputs else command, inputs)


AUDIO = [
    _audio("aac-main-44.mkv", "AAC, 44.1 kHz, mono", "-c:a aac -ar 44100 -ac 1 -b:a 48k"),
    _audio("aac-51.mp4", "AAC, 5.1", "-c:a aac -ac 6"),
    _audio("aac-71.mkv", "AAC, 7.1", "-c:a aac -ac 8"),
    _audio("latm.ts", "AAC in LATM, MPEG-TS", f"{AAC} -mpegts_flags latm"),
    _audio("latm-51.ts", "AAC in LATM, 5.1", "-c:a aac -ac 6 -mpegts_flags latm"),
    Clip("a-aac-ld.mkv", "AAC-LD", make=lambda _: bitstreams.low_delay(23)),
    Clip("a-aac-eld.mkv", "AAC-ELD", make=lambda _: bitstreams.low_delay(39)),
    _audio("mp2.mkv", "MP2", MP2),
    _audio("mp3.mkv", "MP3", MP3),
    _audio("mp3-16k.mkv", "MP3, MPEG-2 layer III, 16 kHz", "-c:a libmp3lame -ar 16000 -ac 1"),
    _audio("ac3.mkv", "AC-3", AC3),
    _audio("ac3-51.ts", "AC-3, 5.1", "-c:a ac3 -ac 6"),
    _audio("eac3.mkv", "E-AC-3", "-c:a eac3 -b:a 128k"),
    Clip("p-51.eac3", "(a piece)", "-c:a eac3 -ac 6", "a"),
    _derived(
        "a-eac3-objects.eac3",
        "E-AC-3 with objects (Atmos), by what its frames say",
        "p-51.eac3",
        bitstreams.with_objects,
    ),
    _audio("dts.mkv", "DTS", "-c:a dca -strict -2 -b:a 768k"),
    _audio("truehd.mkv", "TrueHD", "-c:a truehd -strict -2"),
    _audio("opus.mkv", "Opus", OPUS),
    _audio("opus-51.mkv", "Opus, 5.1", "-c:a libopus -ac 6"),
    *(
        _audio(f"opus-{ms}ms.mkv", f"Opus, {ms} ms", f"-c:a libopus -frame_duration {ms} -b:a 64k")
        for ms in (10, 40, 60, 120)
    ),
    _audio("flac-large.mkv", "FLAC, blocks of 65,535 samples", "-c:a flac -frame_size 65535"),
    _audio("flac-71.mkv", "FLAC, 7.1, 96 kHz", "-c:a flac -ac 8 -ar 96000"),
    _audio("pcm-71.mkv", "PCM, 7.1", "-c:a pcm_s16le -ac 8"),
    _audio("pcm-bluray.m2ts", "PCM of Blu-ray, 5.1", "-c:a pcm_bluray -ac 6"),
    _audio("truehd-51.mkv", "TrueHD, 5.1", "-c:a truehd -strict -2 -ac 6"),
    _audio("mlp.mkv", "MLP", "-c:a mlp -strict -2"),
    _audio("g722.mkv", "G.722 in Matroska", "-c:a g722 -ar 16000 -ac 1"),
    _audio("g726.mkv", "G.726 in Matroska", "-c:a g726 -ar 8000 -ac 1"),
    _audio("opus-lowdelay.mkv", "Opus, 2.5 ms", "-c:a libopus -frame_duration 2.5 -b:a 64k"),
    _audio("vorbis.mkv", "Vorbis", VORBIS),
    _audio("flac.mkv", "FLAC", "-c:a flac"),
    _audio("alac.mkv", "ALAC", "-c:a alac"),
    _audio("alac.mov", "ALAC in QuickTime", "-c:a alac"),
    _audio("wavpack.mkv", "WavPack", "-c:a wavpack"),
    _audio("tta.mkv", "TTA", "-c:a tta"),
    _audio("pcm-s16le.mkv", "PCM, 16 bits", "-c:a pcm_s16le"),
    _audio("pcm-s24le.mkv", "PCM, 24 bits", "-c:a pcm_s24le"),
    _audio("pcm-f32le.mkv", "PCM, float", "-c:a pcm_f32le"),
    _audio("pcm-f64le.mov", "PCM, double", "-c:a pcm_f64le"),
    _audio("pcm-s16be.mov", "PCM, 16 bits, big-endian", "-c:a pcm_s16be"),
    _audio("pcm-s24be.mov", "PCM, 24 bits, big-endian", "-c:a pcm_s24be"),
    _audio("pcm-s32be.mov", "PCM, 32 bits, big-endian", "-c:a pcm_s32be"),
    _audio("pcm-f32be.mov", "PCM, float, big-endian", "-c:a pcm_f32be"),
    _audio("pcm-s8.mov", "PCM, 8 bits, signed", "-c:a pcm_s8"),
    _audio("pcm-u8.avi", "PCM, 8 bits", "-c:a pcm_u8"),
    _audio("pcm-mp4.mp4", "PCM in MP4 (ipcm)", "-c:a pcm_s16le -f mov"),
    _audio("pcm-302m.ts", "SMPTE 302M", "-c:a s302m -strict -2"),
    _audio("alaw.wav", "A-law", "-c:a pcm_alaw -ar 8000", "a"),
    _audio("alaw.mov", "A-law in QuickTime", "-c:a pcm_alaw -ar 8000 -ac 1"),
    _audio("mulaw.avi", "mu-law in AVI", "-c:a pcm_mulaw -ar 8000 -ac 1"),
    _audio("adpcm-ms.wav", "ADPCM (Microsoft)", "-c:a adpcm_ms", "a"),
    _audio("adpcm-ima.wav", "ADPCM (IMA)", "-c:a adpcm_ima_wav", "a"),
    _audio("adpcm-ima.avi", "ADPCM (IMA) in AVI", "-c:a adpcm_ima_wav"),
    _audio("adpcm-qt.mov", "ADPCM (QuickTime)", "-c:a adpcm_ima_qt"),
    _audio("adpcm-yamaha.wav", "ADPCM (Yamaha)", "-c:a adpcm_yamaha", "a"),
    _audio("g722.wav", "G.722", "-c:a g722 -ar 16000 -ac 1", "a"),
    _audio("g726.wav", "G.726", "-c:a g726 -ar 8000 -ac 1 -b:a 32k", "a"),
    _audio("g723.wav", "G.723.1", "-c:a g723_1 -ar 8000 -ac 1 -b:a 6.3k", "a"),
    _audio("gsm.wav", "GSM 6.10", "-c:a libgsm_ms -ar 8000 -ac 1", "a"),
    _audio("wma2.mkv", "WMA2 in Matroska", "-c:a wmav2 -b:a 96k"),
    _audio("speex.mkv", "Speex in Matroska", "-c:a libspeex -ar 16000 -ac 1"),
    _audio("aptx.aptx", "aptX", "-c:a aptx -f aptx", "a"),
    _audio("ac3.wav", "AC-3 in WAV (S/PDIF)", f"{AC3} -f spdif", "a"),
    _audio("mp3.mp4", "MP3 in MP4", MP3),
    _audio("vorbis.mp4", "Vorbis in MP4", f"{VORBIS} -strict -2"),
    _audio("dts.mp4", "DTS in MP4", "-c:a dca -strict -2 -b:a 768k"),
    _audio("truehd.mp4", "TrueHD in MP4", "-c:a truehd -strict -2"),
]

_SUBS = f"-map 0 -map 1 -map 2 {FAST} {AAC}"

SUBTITLES = [
    Clip("s-srt.mkv", "SubRip", f"{_SUBS} -c:s srt", "vat"),
    Clip(
        "s-ass-font.mkv",
        "ASS with a font attached",
        f"{_SUBS} -c:s ass -attach {{dir}}/extras/font.ttf -metadata:s:t mimetype=font/ttf",
        "vat",
    ),
    Clip("s-webvtt.mkv", "WebVTT in Matroska", f"{_SUBS} -c:s webvtt", "vat"),
    Clip(
        "s-webvtt.webm", "WebVTT in WebM", f"-map 0 -map 1 -map 2 {VP8} {OPUS} -c:s webvtt", "vat"
    ),
    Clip("s-mov-text.mp4", "mov_text", f"{_SUBS} -c:s mov_text", "vat"),
    Clip(
        "s-mov-text-fragments.mp4",
        "mov_text in fragmented MP4",
        f"{_SUBS} -c:s mov_text -movflags frag_keyframe+empty_moov",
        "vat",
    ),
    Clip("s-ass.nut", "ASS in NUT", f"{_SUBS} -c:s ass", "vat"),
    Clip("s-ttml.mp4", "TTML in MP4", f"{_SUBS} -c:s ttml", "vat"),
    Clip("s-dvb.ts", "DVB subtitles", f"{_SUBS} -c:s dvbsub", "vag"),
    Clip("s-dvb.mkv", "DVB subtitles in Matroska", f"{_SUBS} -c:s dvbsub", "vag"),
    Clip("s-dvd.mkv", "DVD subtitles", f"{_SUBS} -c:s dvdsub", "vag"),
    Clip(
        "s-dvd.vob",
        "DVD subtitles in MPEG-PS",
        f"-map 0 -map 1 -map 2 {MPEG2} {AC3} -c:s dvdsub -f vob",
        "vag",
    ),
    Clip("s-pgs.mkv", "PGS (Blu-ray)", f"{_SUBS} -c:s copy", "vag"),
    Clip("s-pgs.m2ts", "PGS in M2TS", f"{_SUBS.replace(AAC, AC3)} -c:s copy", "vag"),
    Clip("s-only.srt", "SubRip alone", "-c:s srt", "t"),
    Clip("s-only.ass", "ASS alone", "-c:s ass", "t"),
    Clip("s-only.vtt", "WebVTT alone", "-c:s webvtt", "t"),
    Clip("s-only.sup", "PGS alone", "-c:s copy", "g"),
    Clip(
        "s-languages.mkv",
        "subtitles in two languages, one forced, one for the deaf",
        f"-map 0 -map 1 -map 2 -map 2 {FAST} {AAC} -c:s srt -metadata:s:s:0 language=ger"
        " -metadata:s:s:1 language=fre -metadata:s:s:1 title=Sourds"
        " -disposition:s:0 default+forced -disposition:s:1 hearing_impaired",
        "vat",
    ),
]

_THREE = f"-map 0 -map 1 -map 2 -map 3 {FAST} {AAC}"
_LANGUAGES = (
    " -metadata:s:a:0 language=eng -metadata:s:a:0 title=Original -metadata:s:a:1 language=ger"
    " -metadata:s:a:1 title=Kommentar -metadata:s:a:2 language=jpn"
    " -disposition:a:0 0 -disposition:a:1 default -disposition:a:2 forced"
)
_HDR = (
    " -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc"
    " -color_range tv"
)
_X265_HDR = (
    f"{X265}:hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    f":max-cll=1000,400{_HDR}"
)
_COVER = "-map 0 -map 1 -c:v copy -disposition:v attached_pic"


METADATA = [
    Clip("m-languages.mkv", "three languages, titles, flags", _THREE + _LANGUAGES, "vabc"),
    Clip("m-languages.mp4", "the same in MP4", _THREE + _LANGUAGES, "vabc"),
    Clip("m-languages.ts", "the same in MPEG-TS (no titles)", _THREE + _LANGUAGES, "vabc"),
    Clip("m-languages.nut", "the same in NUT", _THREE + _LANGUAGES, "vabc"),
    Clip(
        "m-dispositions.mkv",
        "commentary, visually impaired, original",
        f"{_THREE} -disposition:a:0 default+original -disposition:a:1 comment"
        " -disposition:a:2 visual_impaired",
        "vabc",
    ),
    Clip("m-chapters.mkv", "chapters and tags", f"{NO_B} -map_metadata 2 -map_chapters 2", "vam"),
    Clip("m-chapters.mp4", "the same in MP4", f"{NO_B} -map_metadata 2 -map_chapters 2", "vam"),
    Clip(
        "m-chapters.mov", "the same in QuickTime", f"{NO_B} -map_metadata 2 -map_chapters 2", "vam"
    ),
    Clip("m-chapters.m4b", "an audio book", f"{AAC} -map_metadata 1 -map_chapters 1 -f mp4", "am"),
    Clip(
        "m-chapters.opus",
        "chapters in Opus",
        f"{OPUS} -map_metadata 1 -map_chapters 1",
        "am",
    ),
    Clip("m-chapters.nut", "the same in NUT", f"{NO_B} -map_metadata 2 -map_chapters 2", "vam"),
    Clip("m-tags.flac", "tags in FLAC", "-c:a flac -map_metadata 1", "am"),
    Clip("m-tags.mp3", "tags in ID3", f"{MP3} -map_metadata 1", "am"),
    Clip("m-tags.avi", "tags in AVI", f"{MPEG4} {MP3} -map_metadata 2", "vam"),
    _derived(
        "m-tags-latin1.avi",
        "tags that are not UTF-8",
        "m-tags.avi",
        lambda data: data.replace("ü".encode(), b"\xfc "),
    ),
    Clip("m-cover.mp3", "cover art in MP3", f"{_COVER} {MP3}", "aj"),
    Clip("m-cover.flac", "cover art in FLAC", f"{_COVER} -c:a flac", "aj"),
    Clip("m-cover.m4a", "cover art in M4A", f"{_COVER} {AAC}", "aj"),
    Clip(
        "m-cover.mp4",
        "cover art beside video",
        f"-map 0 -map 1 -map 2 {FAST} -c:v:1 copy {AAC} -disposition:v:1 attached_pic",
        "vaj",
    ),
    Clip(
        "m-cover.mkv",
        "cover art in Matroska",
        f"{NO_B} -map 0 -map 1 -attach {{dir}}/extras/cover.jpg -metadata:s:t mimetype=image/jpeg"
        " -metadata:s:t filename=cover.jpg",
    ),
    Clip("m-rotation.mp4", "rotated by 90 degrees", f"{NO_B} -metadata:s:v rotate=90"),
    Clip("m-rotation180.mov", "rotated by 180 degrees", f"{NO_B} -metadata:s:v rotate=180"),
    Clip("m-sar.mkv", "anamorphic, Matroska", f"{NO_B} -vf setsar=16/11"),
    Clip("m-sar.mp4", "anamorphic, MP4", f"{NO_B} -vf setsar=16/11"),
    Clip("m-sar.ts", "anamorphic, H.264 in MPEG-TS", f"{NO_B} -vf setsar=16/11"),
    Clip("m-sar-mpeg2.ts", "anamorphic, MPEG-2 in MPEG-TS", f"{MPEG2} {MP2} -aspect 16:9"),
    Clip("m-sar-vp9.webm", "anamorphic, VP9 in WebM", f"{VP9} {OPUS} -vf setsar=16/11"),
    Clip("m-sar-ffv1.nut", "anamorphic, FFV1 in NUT", "-c:v ffv1 -vf setsar=16/11", "v"),
    Clip("m-colour.mkv", "full range, BT.601", f"{NO_B} -pix_fmt yuvj420p -colorspace bt470bg"),
    Clip(
        "m-colour-vp9.webm",
        "BT.2020 colour in VP9",
        f"{VP9} -color_primaries bt2020 -color_trc bt2020-10 -colorspace bt2020nc -color_range tv",
        "v",
    ),
    Clip(
        "m-colour.mov",
        "BT.709 colour in ProRes",
        "-c:v prores_ks -color_primaries bt709 -color_trc bt709 -colorspace bt709 -t 1",
        "v",
    ),
    Clip("m-hdr10.mkv", "HDR10 (mastering, content light)", _X265_HDR, "v"),
    Clip("m-hdr10.mp4", "HDR10 in MP4", f"{_X265_HDR} -tag:v hvc1", "v"),
    Clip("m-hdr10.ts", "HDR10 in MPEG-TS", _X265_HDR, "v"),
    Clip("m-hlg.mkv", "HLG", _X265_HDR.replace("smpte2084", "arib-std-b67"), "v"),
    *(
        _derived(
            f"m-dolby-vision-{profile}{compatibility}.mkv",
            f"Dolby Vision, profile {profile}.{compatibility}, by what the header says",
            "m-hdr10.mkv",
            partial(oddities.with_dolby_vision, profile=profile, compatibility=compatibility),
        )
        for profile, compatibility in ((5, 0), (8, 1), (8, 4))
    ),
    _derived(
        "m-hdr10-vp9.mkv",
        "HDR10 in the container only",
        "v-vp9-10bit.webm",
        oddities.with_hdr10,
    ),
    Clip(
        "m-stereo3d.mkv", "stereo 3D, side by side", f"{NO_B} -metadata:s:v stereo_mode=left_right"
    ),
    Clip(
        "m-stereo3d.ts",
        "stereo 3D, in H.264's own words",
        f"{FAST} -x264-params frame-packing=3",
        "v",
    ),
]

DATA = [
    Clip("d-tmcd.mov", "a timecode track", f"{NO_B} -timecode 01:02:03:04"),
    Clip("d-tmcd.mp4", "a timecode track in MP4", f"{NO_B} -timecode 01:02:03:04"),
    Clip("d-timecode.mkv", "a timecode tag", f"{NO_B} -timecode 01:02:03:04"),
    Clip(
        "d-klv.ts",
        "KLV",
        needs=("ts-h264-aac.ts",),
        make=lambda clips: oddities.with_data(clips / "ts-h264-aac.ts", "klv"),
    ),
    Clip(
        "d-timed-id3.ts",
        "timed ID3",
        needs=("ts-h264-aac.ts",),
        make=lambda clips: oddities.with_data(clips / "ts-h264-aac.ts", "timed_id3"),
    ),
    Clip(
        "d-unknown.ts",
        "a private stream that nobody knows",
        needs=("ts-h264-aac.ts",),
        make=lambda clips: oddities.with_data(clips / "ts-h264-aac.ts", "bin_data"),
    ),
    _derived(
        "d-teletext.ts",
        "DVB teletext",
        "ts-h264-aac.ts",
        lambda data: oddities.with_stream(data, oddities.TELETEXT),
        like="ts-h264-aac.ts",
    ),
    _derived(
        "d-scte35.ts",
        "SCTE 35, where advertisements begin",
        "ts-h264-aac.ts",
        lambda data: oddities.with_stream(data, oddities.SCTE_35),
        like="ts-h264-aac.ts",
    ),
    Clip("d-script.flv", "script data in FLV", f"{NO_B} -flvflags add_keyframe_index"),
]


def _after(seconds: float) -> str:
    return f"{X264} {AAC} -output_ts_offset {seconds}"


_WRAP = 2**33 / 90_000  # s; MPEG-TS counts 33 bits of 1/90,000 s

_TEN = f"{FAST} -tune zerolatency -g 1 -r 1/10 -t 40 -max_interleave_delta 0"

TIME = [
    Clip("t-26h.ts", "MPEG-TS that starts at 26 hours", _after(93_600)),
    Clip("t-26h.mkv", "Matroska that starts at 26 hours", _after(93_600)),
    Clip(
        "t-26h.mp4",
        "fragmented MP4 that starts at 26 hours",
        make=lambda _: media.clip(container="fmp4", start=93_600, bframes=2).read_bytes(),
    ),
    Clip("t-26h.nut", "NUT that starts at 26 hours", _after(93_600)),
    Clip("t-26h.flv", "FLV that starts at 5.7 hours", _after(20_541)),
    Clip("t-wrap.ts", "the 33 bits wrap after 2 s", _after(_WRAP - 3.4)),
    Clip("t-wrap-opens.ts", "the 33 bits wrap while the file is probed", _after(_WRAP - 1.5)),
    Clip("t-audio-late.mkv", "sound starts 1.5 s late", f"{NO_B} -af asetpts=PTS+1.5/TB"),
    Clip("t-audio-late.mp4", "the same in MP4 (an edit list)", f"{NO_B} -af asetpts=PTS+1.5/TB"),
    Clip("t-audio-late.ts", "the same in MPEG-TS", f"{NO_B} -af asetpts=PTS+1.5/TB"),
    Clip("t-video-late.mkv", "the picture starts 1.5 s late", f"{NO_B} -vf setpts=PTS+1.5/TB"),
    Clip("t-video-late.mp4", "the same in MP4 (an edit list)", f"{NO_B} -vf setpts=PTS+1.5/TB"),
    Clip(
        "t-edit-cut.mp4",
        "an edit list that hides 0.6 s of pre-roll",
        "-ss 1.6 -i {dir}/mp4-h264-aac.mp4 -c copy",
        "",
        needs=("mp4-h264-aac.mp4",),
    ),
    Clip("t-edit-b.mov", "an edit list for B-frames", f"{X264} {AAC} -use_editlist 1"),
    Clip("t-no-edit.mp4", "B-frames without an edit list", f"{X264} {AAC} -use_editlist 0"),
    Clip(
        "t-negative-cts.mp4",
        "negative composition offsets",
        f"{X264} {AAC} -movflags negative_cts_offsets",
    ),
    Clip(
        "t-negative.mkv",
        "timestamps below 0",
        f"{X264} {AAC} -avoid_negative_ts disabled -output_ts_offset -0.5",
        rate=25,
    ),
    Clip(
        "t-gap-audio.mkv",
        "1.5 s without sound in the middle",
        f"{NO_B} -af aselect='not(between(t,1,2.5))'",
    ),
    Clip(
        "t-gap-video.mkv",
        "1.5 s without pictures in the middle",
        f"{NO_B} -vf select='not(between(t,1,2.5))' -vsync vfr",
    ),
    Clip(
        "t-gap-video.ts",
        "the same in MPEG-TS",
        f"{NO_B} -vf select='not(between(t,1,2.5))' -vsync vfr",
    ),
    Clip(
        "t-vfr.mkv",
        "variable frame rate",
        f"{X264} {AAC} -vf setpts=PTS+0.01*random(1)/TB -vsync vfr",
    ),
    Clip(
        "t-vfr.mp4",
        "variable frame rate in MP4",
        f"{X264} {AAC} -vf setpts=PTS+0.01*random(1)/TB -vsync vfr",
    ),
    Clip("t-59.94.mkv", "59.94 pictures a second", NO_B, "fa"),
    Clip("t-23.976.ts", "23.976 pictures a second", NO_B, "na"),
    Clip("t-1fps.mkv", "one picture a second", f"{NO_B} -g 2", "sa"),
    Clip("t-1fps.ts", "one picture a second in MPEG-TS", f"{NO_B} -g 2", "sa"),
    Clip("t-10s.mkv", "one picture in ten seconds", f"{_TEN} {AAC}"),
    Clip("t-10s.ts", "the same in MPEG-TS", f"{_TEN} {AAC}"),
    Clip("t-one-picture.mkv", "one picture with sound", f"{NO_B} -vf trim=end_frame=1"),
    Clip("t-short.mkv", "0.2 s", f"{NO_B} -t 0.2"),
    Clip("t-short.ts", "0.2 s in MPEG-TS", f"{NO_B} -t 0.2"),
    Clip("t-audio-short.mkv", "sound ends after 1 s", f"{NO_B} -af atrim=end=1"),
    Clip(
        "t-loop.ts",
        "MPEG-TS twice in a row",
        pieces=("ts-h264-aac.ts", "ts-h264-aac.ts"),
    ),
    Clip(
        "p-no-rate.ts",
        "(a piece: no frame rate)",
        f"{X265.replace('bframes=2', 'bframes=2:vui-timing-info=0')} {AAC}",
    ),
    Clip("p-later.ts", "(a piece: later by 13 h)", _after(46_800)),
    Clip("p-gap.ts", "(a piece: later by 30 s)", _after(30)),
    Clip("t-forward.ts", "a jump forward by 13 h", pieces=("ts-h264-aac.ts", "p-later.ts")),
    Clip("t-back.ts", "a jump back by 13 h", pieces=("p-later.ts", "ts-h264-aac.ts")),
    Clip("t-gap.ts", "a hole of 26 s", pieces=("ts-h264-aac.ts", "p-gap.ts")),
    Clip(
        "t-loop.flv",
        "the tags of an FLV twice in a row",
        needs=("flv-h264-aac.flv",),
        make=lambda clips: oddities.flv_twice((clips / "flv-h264-aac.flv").read_bytes()),
        pieces=("flv-h264-aac.flv", "flv-h264-aac.flv"),
    ),
    Clip("t-loop.aac", "ADTS twice in a row", pieces=("raw-adts.aac", "raw-adts.aac")),
    Clip("t-loop.mkv", "Matroska twice in a row", pieces=("mkv-live.mkv", "mkv-live.mkv")),
    Clip("t-loop.ogg", "Ogg twice in a row (chained)", pieces=("ogg-vorbis.ogg", "ogg-vorbis.ogg")),
]

CHANGE = [
    Clip("p-small.ts", "(a piece: another size)", f"{NO_B} -s 128x96 -output_ts_offset 4"),
    Clip("p-mono.ts", "(a piece: mono)", f"{NO_B} -ac 1 -ar 44100 -output_ts_offset 4"),
    Clip("p-hevc.ts", "(a piece: HEVC)", f"{X265} {AAC} -output_ts_offset 4"),
    Clip("p-ac3.ts", "(a piece: AC-3)", f"{FAST} {AC3} -output_ts_offset 4"),
    Clip(
        "p-two.ts",
        "(a piece: a second sound)",
        f"-map 0 -map 1 -map 2 {NO_B} -output_ts_offset 4",
        "vab",
    ),
    Clip("p-silent.ts", "(a piece: no sound)", f"{FAST} -output_ts_offset 4", "v"),
    Clip("p-again.ts", "(a piece: as at first)", f"{NO_B} -output_ts_offset 8"),
    Clip("c-size.ts", "another size", pieces=("ts-h264-noaud.ts", "p-small.ts")),
    Clip(
        "c-size-back.ts",
        "another size, and back",
        pieces=("ts-h264-noaud.ts", "p-small.ts", "p-again.ts"),
    ),
    Clip("c-audio.ts", "stereo 48 kHz to mono 44.1 kHz", pieces=("ts-h264-noaud.ts", "p-mono.ts")),
    Clip("c-codec.ts", "H.264 to HEVC", pieces=("ts-h264-noaud.ts", "p-hevc.ts")),
    Clip("c-audio-codec.ts", "AAC to AC-3", pieces=("ts-h264-noaud.ts", "p-ac3.ts")),
    Clip("c-new-track.ts", "a second sound appears", pieces=("ts-h264-noaud.ts", "p-two.ts")),
    Clip("c-lost-track.ts", "the sound vanishes", pieces=("ts-h264-noaud.ts", "p-silent.ts")),
    Clip(
        "c-size.h264", "raw H.264, another size", pieces=("raw-h264.h264", "p-small.h264"), rate=25
    ),
    Clip("p-small.h264", "(a piece: another size)", f"{FAST} -s 128x96", "v", rate=25),
    Clip("c-audio.aac", "ADTS, stereo to mono", pieces=("raw-adts.aac", "p-mono.aac")),
    Clip("p-mono.aac", "(a piece: mono)", "-c:a aac -ac 1 -ar 44100 -b:a 48k", "a"),
]


def _spliced(
    name: str, what: str, command: str, small: str = "-s 128x96", ending: str = "mkv"
) -> list[Clip]:
    """A track whose size changes at a keyframe, and the pieces that it is made of."""
    pieces = f"p-{name}-1.{ending}", f"p-{name}-2.{ending}"
    return [
        Clip(pieces[0], "(a piece)", command, "v", rate=25),
        Clip(pieces[1], "(a piece: another size)", f"{command} {small}", "v", rate=25),
        Clip(
            f"c-size-{name}.mkv",
            f"{what}, another size inside one track",
            make=lambda clips: oddities.spliced(*(clips / piece for piece in pieces)),
            pieces=pieces,
            rate=25,
        ),
    ]


def _songs(ending: str, what: str, *commands: str, inputs: str = "a") -> list[Clip]:
    """Files one behind the other as radios send them, and the pieces."""
    pieces = [f"p-song-{number}.{ending}" for number in range(1, len(commands) + 1)]
    return [
        *(
            Clip(piece, "(a piece)", command, inputs)
            for piece, command in zip(pieces, commands, strict=True)
        ),
        Clip(f"c-songs.{ending}", what, pieces=tuple(pieces)),
    ]


_IN_BAND = "-x264-params repeat-headers=1"
_TAGGED = "-c:a libmp3lame -b:a 96k -write_xing 0 -id3v2_version 3 -write_id3v1 1 -metadata title=A"

CHANGE += [
    *_spliced("vp8", "VP8", VP8),
    *_spliced("vp9", "VP9", VP9),
    *_spliced("av1", "AV1", AV1),
    *_spliced("mjpeg", "MJPEG", "-c:v mjpeg"),
    *_spliced(
        "avc3", "H.264 with parameter sets in the bitstream", f"{FAST} {_IN_BAND}", ending="h264"
    ),
    *_spliced(
        "hev1", "HEVC with parameter sets in the bitstream", f"{X265}:bframes=0", ending="hevc"
    ),
    *_songs(
        "mp3",
        "MP3 radio: tags between songs of other rates and channels",
        _TAGGED,
        f"{_TAGGED} -ar 44100",
        f"{_TAGGED} -ar 44100 -ac 1",
        f"{_TAGGED} -ar 22050 -ac 1",
    ),
    *_songs("ac3", "AC-3, 5.1 to stereo", f"{AC3} -ac 6", AC3),
    *_songs("eac3", "E-AC-3, 5.1 to stereo", "-c:a eac3 -ac 6", "-c:a eac3 -b:a 96k"),
    *_songs(
        "dts", "DTS, 5.1 to stereo", "-c:a dca -strict -2 -ac 6", "-c:a dca -strict -2 -b:a 512k"
    ),
    *_songs(
        "oga",
        "chained Ogg: FLAC of other rates and channels",
        *(f"-c:a flac {more} -f ogg" for more in ("", "-ar 44100", "-ac 1")),
    ),
    *_songs("opus", "chained Ogg: Opus, stereo to mono", OPUS, f"{OPUS} -ac 1"),
    *_songs("ogg", "chained Ogg: Vorbis, FLAC, Opus", VORBIS, "-c:a flac -ac 1", OPUS),
    *_songs(
        "ogv",
        "chained Ogg: Theora and Vorbis, another size",
        f"-c:v libtheora -q:v 5 {VORBIS}",
        f"-c:v libtheora -q:v 5 -s 128x96 {VORBIS} -ar 44100",
        inputs="va",
    ),
]


def _programmes(name: str, what: str, *sources: str, like: str, begin: float = 0.0) -> Clip:
    """Return transport streams as programmes of one; all but the first begin later."""
    return Clip(
        name,
        what,
        needs=sources,
        make=lambda clips: oddities.programmes(
            *((clips / source).read_bytes() for source in sources), begin=begin
        ),
        like=like,
    )


PROGRAMMES = [
    _programmes(
        "ts-programmes.ts",
        "two programmes: the first with its sound",
        "ts-h264-aac.ts",
        "ts-mpeg2-mp2.ts",
        like="ts-h264-aac.ts",
    ),
    _programmes(
        "ts-programmes-radio.ts",
        "a programme of sound before one with a picture: the latter",
        "ts-audio-only.ts",
        "ts-hevc-aac.ts",
        like="ts-hevc-aac.ts",
    ),
    _programmes(
        "ts-programmes-later.ts",
        "a second programme appears in the middle",
        "ts-h264-aac.ts",
        "ts-mpeg2-mp2.ts",
        like="ts-h264-aac.ts",
        begin=0.5,
    ),
]

PARTLY_TIMED = [
    _derived(
        f"t-keyframes-{codec}.ts",
        f"MPEG-TS with times at keyframes only, {what}",
        source,
        oddities.times_of_keyframes_only,
        like=source,
    )
    for codec, what, source in (
        ("h264", "H.264 with B-frames", "ts-h264-aac.ts"),
        ("h264-no-b", "H.264 without B-frames", "ts-h264-noaud.ts"),
        ("hevc", "HEVC", "ts-hevc-aac.ts"),
        ("no-rate", "HEVC that does not say its frame rate", "p-no-rate.ts"),
    )
]


_GARBAGE = oddities.garbage(3000)
_SHORT = {
    "mkv": "mkv-h264-aac.mkv",
    "ts": "ts-h264-aac.ts",
    "flv": "flv-h264-aac.flv",
    "nut": "nut-h264-aac.nut",
    "avi": "avi-mpeg4-mp3.avi",
    "webm": "webm-vp8-vorbis.webm",
    "ogv": "ogg-theora-vorbis.ogv",
    "wmv": "asf-wmv2-wma2.wmv",
    "mpg": "ps-mpeg2-mp2.mpg",
}


def _middle(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:half] + _GARBAGE + data[half:]


DAMAGE = [
    _part("x-cut-gop.ts", "begins in the middle of a GOP", "ts-h264-aac.ts", 0.1),
    _part("x-cut-gop-hevc.ts", "the same with HEVC", "ts-hevc-aac.ts", 0.1),
    _part("x-cut-gop-mpeg2.ts", "the same with MPEG-2", "ts-mpeg2-mp2.ts", 0.1),
    _part("x-cut-gop.vob", "the same in MPEG-PS", "ps-mpeg2-ac3.vob", 0.1),
    _part("x-cut-gop.m2ts", "the same in M2TS", "m2ts-h264-ac3.m2ts", 0.1),
    _part("x-cut-open-gop.ts", "the same with open GOPs", "v-hevc-open-gop.ts", 0.1),
    _part("x-cut.mp3", "MP3 from the middle of a frame", "raw-mp3.mp3", 0.3),
    *(
        _part(f"x-truncated.{end}", f"truncated ({source})", source, 0, 0.7)
        for end, source in _SHORT.items()
    ),
    _part("x-truncated-faststart.mp4", "truncated MP4, moov first", "mp4-faststart.mp4", 0, 0.7),
    _part("x-truncated-fragments.mp4", "truncated fragmented MP4", "fmp4-gop.mp4", 0, 0.7),
    _part(
        "x-no-moov.mp4",
        "MP4 without its moov",
        "mp4-h264-aac.mp4",
        0,
        0.7,
        dead="an MP4 file cannot be read without its moov",
    ),
    *(
        _derived(
            f"x-front.{end}",
            f"garbage in front ({_SHORT[end]})",
            _SHORT[end],
            lambda data: _GARBAGE + data,
        )
        for end in ("ts", "mpg")
    ),
    _derived("x-front.mp3", "garbage in front of MP3", "raw-mp3.mp3", lambda data: _GARBAGE + data),
    _derived(
        "x-front.h264",
        "garbage in front of H.264",
        "raw-h264.h264",
        lambda data: _GARBAGE[:999] + data,
    ),
    *(
        _derived(f"x-middle.{end}", f"garbage in the middle ({source})", source, _middle)
        for end, source in _SHORT.items()
    ),
    *(
        _derived(
            f"x-bits.{end}",
            f"one bit in 10,000 wrong ({source})",
            source,
            lambda data: media.damaged(data, 1e-4, spare=12_000),
        )
        for end, source in _SHORT.items()
    ),
    _derived(
        "x-bits.mp4",
        "one bit in 10,000 wrong (fmp4-gop.mp4)",
        "fmp4-gop.mp4",
        lambda data: media.damaged(data, 1e-4, spare=4000),
    ),
    Clip(
        "x-random.bin",
        "random bytes",
        inputs="",
        make=lambda _: oddities.garbage(200_000),
        dead="no media",
    ),
    Clip("x-empty.bin", "nothing", inputs="", make=lambda _: b"", dead="no media"),
]

CORPUS: dict[str, list[Clip]] = {
    "Containers": CONTAINERS,
    "Bare streams and audio files": RAW,
    "Video": VIDEO,
    "Audio": AUDIO,
    "Subtitles": SUBTITLES,
    "Metadata": METADATA,
    "Data tracks": DATA,
    "Programmes": PROGRAMMES,
    "Time": [*TIME, *PARTLY_TIMED],
    "Change": CHANGE,
    "Damage": DAMAGE,
}
"""Everything, in the order of the table. Clips whose name starts with C{p-} are only pieces."""

LEFT_OUT = {
    "HE-AAC": "Debian's ffmpeg has no encoder for it",
    "VC-1, WMV3, WMA Pro, RealVideo 3 and 4, Indeo, VP6": "there is no encoder",
    "VVC": "not in ffmpeg 5.1",
    "AMR": "Debian's ffmpeg has no encoder for it",
    "CEA-608": "there is no encoder",
    "The objects of Atmos, the pictures of Dolby Vision": "there is no encoder",
    "PCM with a map of channels in QuickTime": "this tool would decode it with "
    "PyAV 18.1, which crashes. mkvtwist plays it",
}
"""What the list should have and does not, and why."""


def clips() -> dict[str, Clip]:
    """Every clip by its name."""
    return {clip.name: clip for group in CORPUS.values() for clip in group}


def make(clip: Clip, directory: Path) -> str:
    """
    Make one clip, unless it is there; what it needs has to be there already.

    @return: why there is none, or nothing.
    """
    target = directory / clip.name
    if target.exists():
        return ""
    parts = [directory / name for name in (*clip.needs, *clip.pieces)]
    missing = [part.name for part in parts if not part.exists()]
    if missing:
        return f"needs {', '.join(missing)}"
    if clip.make is not None:
        target.write_bytes(clip.make(directory))
        return ""
    if clip.pieces:
        target.write_bytes(b"".join(part.read_bytes() for part in parts))
        return ""
    words = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
    for letter in clip.inputs:
        words += INPUTS[letter].split()
    tail = f"-fflags +bitexact {'' if '-t ' in clip.command else f'-t {SECONDS}'}"
    words += f"{clip.command} {tail}".split()
    partial = directory / f"partial.{clip.name}"
    words = [word.replace("{dir}", str(directory)) for word in [*words, str(partial)]]
    done = subprocess.run(words, capture_output=True, check=False, text=True, timeout=120)
    if done.returncode or not partial.exists() or not partial.stat().st_size:
        partial.unlink(missing_ok=True)
        return " / ".join(done.stderr.strip().splitlines()[-2:]) or "ffmpeg failed"
    partial.rename(target)
    return ""
