"""
Tracks as libavformat describes them, in scratch containers (I{remux thread}).

Its Matroska muxer knows CodecPrivate, colour, stereo 3D, chapters, tags and attachments of
everything it reads: all tracks are in one head. As MP4 each track is described in a container of
its own: one that MP4 has no place for does not take the others with it.
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import av
from av.container import OutputContainer

from mkvtwist.formats.mp4.head import CODECS, VIDEO_TIMESCALE, joined, sample_entry, shaped
from mkvtwist.libav.adapters import Adapter
from mkvtwist.libav.headers.codec_parameters import blank_stream, donors
from mkvtwist.libav.headers.extras import Attachment, short
from mkvtwist.libav.headers.memory_file import BITEXACT, MemoryFile
from mkvtwist.libav.pyav_types import AVStream
from mkvtwist.media.codec_strings import DolbyVision, dolby_vision

if TYPE_CHECKING:  # it is in PyAV's stubs only
    from av.container.core import Chapter

_MP4_TAGS: Mapping[str, str] = MappingProxyType({"hevc": "hvc1"})
"""FourCCs in place of libavformat's own choice: Apple's players want these."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}")


def matroska_head(
    adapters: Sequence[Adapter],
    tags: Mapping[str, str],
    chapters: "Sequence[Chapter]" = (),
    files: Sequence[Attachment] = (),
) -> bytes:
    """
    Return a head of Matroska with tracks that are numbered from 1.

    @param files: attachments and covers.
    @raise ValueError: when Matroska has no place for a track.
    @raise av.FFmpegError: when libavformat rejects a track.
    """
    sink = MemoryFile()
    options = {"live": "1", "write_crc32": "0", "allow_raw_vfw": "1"}
    with (
        av.open(MemoryFile(), "w", format="matroska") as donor,
        av.open(sink, "w", format="matroska", container_options=options) as output,
    ):
        blanks = donors(donor)
        output.flags |= BITEXACT
        output.metadata.update(tags)
        for adapter in adapters:
            _added(output, blanks, adapter)
        for file in files:
            output.add_attachment(*file)
        if chapters:
            output.set_chapters(list(chapters))
        output.start_encoding()
        return sink.data


def mp4_head(adapter: Adapter, ratio: Fraction | None) -> bytes:
    """
    Return the head of an MP4 file with one track; nothing if the track cannot live there.

    @param ratio: the shape of pixels that are not square.
    """
    if adapter.codec not in CODECS:
        return b""
    head = _described(adapter, _MP4_TAGS.get(adapter.codec, "\0\0\0\0"))
    vision = dolby_vision_in(adapter, head)
    if vision and vision.is_alone:
        head = _described(adapter, vision.tag)
    return shaped(head, ratio) if head and ratio else head


def _described(adapter: Adapter, tag: str) -> bytes:
    """
    Return the head with a sample entry of this name; nothing if libavformat writes none.

    The description of some codecs needs their first packet.
    """
    sink = MemoryFile()
    flags = "empty_moov+default_base_moof"
    if adapter.sample is not None:
        flags += "+delay_moov"
    options = {"movflags": flags, "video_track_timescale": str(VIDEO_TIMESCALE)}
    options["strict"] = "unofficial"  # else it leaves out what Dolby Vision needs
    try:
        with (
            av.open(MemoryFile(), "w", format="matroska") as donor,
            av.open(sink, "w", format="mp4", container_options=options) as output,
        ):
            output.flags |= BITEXACT
            made = _added(output, donors(donor), adapter)
            made.codec_context.codec_tag = tag
            output.start_encoding()
            if adapter.sample is not None:
                packet: Any = av.Packet(adapter.sample)
                packet.stream, packet.time_base = made, made.time_base
                packet.pts = packet.dts = 0
                packet.is_keyframe = True
                output.mux(packet)
        joined({1: sink.data}, ())  # is it all there?
    except (ValueError, av.FFmpegError):
        return b""
    return sink.data


def dolby_vision_in(adapter: Adapter, head: bytes) -> DolbyVision | None:
    """Read what the sample entry in a head of MP4 says of Dolby Vision."""
    if not head or adapter.type != "video":
        return None
    parts = sample_entry(head)
    return dolby_vision(adapter.codec, parts.get(b"dvcC", b"") or parts.get(b"dvvC", b""))


def _added(output: OutputContainer, blanks: Mapping[str, AVStream], adapter: Adapter) -> AVStream:
    """Add a stream for an adapter's track to a scratch container."""
    made: Any = blank_stream(output, blanks[adapter.type])
    adapter.describe(made)
    if language := language_of(adapter.stream):
        made.metadata["language"] = language
    if title := short(title_of(adapter.stream)):
        made.metadata["title"] = title
    if adapter.stream.metadata.get("alpha_mode") == "1":  # Matroska's AlphaMode, not a tag
        made.metadata["alpha_mode"] = "1"
    made.disposition = adapter.stream.disposition
    return made


def language_of(stream: AVStream) -> str | None:
    """
    Return a track's language; L{None} if it states none (RFC 5646, 2.1, as far as a pattern tells).

    VLC writes C{???} into MPEG-TS. An MPEG-TS may name several languages: the first is returned.
    """
    first = stream.metadata.get("language", "").partition(",")[0]
    return first if first != "und" and _LANGUAGE.fullmatch(first) else None


def title_of(stream: AVStream) -> str | None:
    """Return a track's title, which MP4 has under another name."""
    tags: dict[str, str] = stream.metadata
    return tags.get("title") or tags.get("name")
