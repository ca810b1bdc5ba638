"""
The header, written by libavformat into scratch containers (I{remux thread}).

Its Matroska muxer knows CodecPrivate, colour, stereo 3D, chapters, tags and attachments of
everything it reads; what PyAV does not pass on (dispositions, the shape of anamorphic pictures) is
added here. As MP4 each track is described in a container of its own: one that MP4 has no place for
does not take the others with it. Formats make their heads of these two descriptions.
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.container import OutputContainer
from av.stream import Disposition

from mkvtwist.formats.matroska.head import codec_privates, completed, renumbered
from mkvtwist.formats.mp4.head import CODECS, VIDEO_TIMESCALE, joined, sample_entry, shaped
from mkvtwist.libav.adapters import Adapter, codec_of
from mkvtwist.libav.codec_parameters import blank_stream, donors
from mkvtwist.libav.extras import Attachment, ExtrasSource, short
from mkvtwist.libav.memory_file import BITEXACT, MemoryFile
from mkvtwist.libav.pyav_types import AVStream
from mkvtwist.media.codecs import DolbyVision, codec_string, dolby_vision
from mkvtwist.media.packet import SECOND, Header, Track

if TYPE_CHECKING:  # it is in PyAV's stubs only
    from av.container.core import Chapter

_MP4_TAGS: Mapping[str, str] = {"hevc": "hvc1"}
"""FourCCs where libavformat would take another; Apple's players want this one."""


_RANGES: Mapping[int, str] = {16: "PQ", 18: "HLG"}
"""By transfer characteristics, what HLS calls them; all others are SDR."""

_UNSPECIFIED = frozenset({0, 2, 3})

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}")


def write_header(
    adapters: Sequence[Adapter],
    source: ExtrasSource,
    files: Sequence[Attachment] = (),
    shift: int = 0,
    *,
    taken: int = 0,
) -> tuple[Header, list[Adapter]]:
    """
    Write the header for the tracks that Matroska has a place for, and number them.

    @param adapters: all of them L{Adapter.ready}.
    @param source: tags and chapters; L{Extras}, if a stranger has made them.
    @param files: attachments and covers.
    @param shift: how much later than in the input everything happens, in microseconds.
    @param taken: the greatest number that was given so far. A track that had one keeps it: players
        of HLS go on with a track by its number when others have gone.
    @return: the header, which names the tracks that had to be left out, and the adapters in it.
    """
    left_out = []
    usable = list(adapters)
    chapters = [_shifted(chapter, shift) for chapter in source.chapters()]
    try:
        data = _written(usable, source, chapters, files)
    except (ValueError, av.FFmpegError):
        # One bad track fails the whole header: find out which.
        usable = []
        for adapter in adapters:
            try:
                _written([adapter], source, (), ())
            except (ValueError, av.FFmpegError) as error:
                left_out.append(f"{label(adapter.stream)}: {cause(error)}")
            else:
                usable.append(adapter)
        data = _written(usable, source, chapters, files) if usable else b""
    data = renumbered(data, _number(usable, taken))
    ratios = {a.number: ratio for a in usable if (ratio := _pixel_ratio(a))}
    sizes = {a.number: _shown(a, ratios[a.number]) for a in usable if a.number in ratios}
    delays = {a.number: a.priming for a in usable if a.priming}
    data = completed(data, sizes, delays)
    privates = codec_privates(data)
    tracks = tuple(
        _track(a, privates.get(a.number, b""), _mp4_head(a, ratios.get(a.number))) for a in usable
    )
    return Header(tracks, data, tuple(left_out)), usable


def _number(adapters: Sequence[Adapter], taken: int) -> dict[int, int]:
    """Number the tracks of a header; return the numbers by those that libavformat gives."""
    given = {}
    for number, adapter in enumerate(adapters, 1):
        if not adapter.kept:
            taken += 1
            adapter.kept = taken
        given[number] = adapter.number = adapter.kept
    return given


def _mp4_head(adapter: Adapter, ratio: Fraction | None) -> bytes:
    """
    Return the head of an MP4 file with one track; nothing if the track cannot live there.

    @param ratio: the shape of pixels that are not square.
    """
    if adapter.codec not in CODECS:
        return b""
    head = _described(adapter, _MP4_TAGS.get(adapter.codec, "\0\0\0\0"))
    vision = _dolby_vision(adapter, head)
    if vision and vision.is_alone:
        head = _described(adapter, vision.tag)
    return shaped(head, ratio) if head and ratio else head


def _described(adapter: Adapter, tag: str) -> bytes:
    """
    Return the head with a sample entry of this name; nothing if libavformat writes none.

    Some codecs are described by what their first packet says.
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


def _dolby_vision(adapter: Adapter, head: bytes) -> DolbyVision | None:
    """Read what the sample entry in a head of MP4 says of Dolby Vision."""
    if not head or adapter.type != "video":
        return None
    parts = sample_entry(head)
    return dolby_vision(adapter.codec, parts.get(b"dvcC", b"") or parts.get(b"dvvC", b""))


def _video_range(adapter: Adapter) -> str | None:
    """Return what HLS calls the transfer characteristics (ITU-T H.273, table 3)."""
    transfer = int(getattr(adapter.stream.codec_context, "color_trc", 2) or 2)
    return None if transfer in _UNSPECIFIED else _RANGES.get(transfer, "SDR")


def _added(output: OutputContainer, blanks: Mapping[str, AVStream], adapter: Adapter) -> AVStream:
    """A stream of a header's container for an adapter's track."""
    made: Any = blank_stream(output, blanks[adapter.type])
    adapter.describe(made)
    if language := _language(adapter.stream):
        made.metadata["language"] = language
    if title := short(_title(adapter.stream)):
        made.metadata["title"] = title
    if adapter.stream.metadata.get("alpha_mode") == "1":  # Matroska's AlphaMode, not a tag
        made.metadata["alpha_mode"] = "1"
    made.disposition = adapter.stream.disposition
    return made


def _written(
    adapters: Sequence[Adapter],
    source: ExtrasSource,
    chapters: "Sequence[Chapter]",
    files: Sequence[Attachment],
) -> bytes:
    sink = MemoryFile()
    options = {"live": "1", "write_crc32": "0", "allow_raw_vfw": "1"}
    with (
        av.open(MemoryFile(), "w", format="matroska") as donor,
        av.open(sink, "w", format="matroska", container_options=options) as output,
    ):
        blanks = donors(donor)
        output.flags |= BITEXACT
        output.metadata.update(source.metadata)
        for adapter in adapters:
            _added(output, blanks, adapter)
        for file in files:
            output.add_attachment(*file)
        if chapters:
            output.set_chapters(list(chapters))
        output.start_encoding()
        return sink.data


def _shifted(chapter: "Chapter", shift: int) -> "Chapter":
    """A chapter, later by so many microseconds; never before 0."""
    ticks = round(shift / (SECOND * (chapter["time_base"] or Fraction(1, SECOND))))
    start, end = max(0, chapter["start"] + ticks), max(0, chapter["end"] + ticks)
    return {**chapter, "start": start, "end": end}


def _track(adapter: Adapter, private: bytes, mp4_head: bytes) -> Track:
    stream, shape, type_ = adapter.stream, adapter.shape, adapter.type
    vision = _dolby_vision(adapter, mp4_head)
    setup = private
    if adapter.codec == "vp9" and mp4_head:  # only MP4 says in its header what VP9 this is
        setup = sample_entry(mp4_head).get(b"vpcC", b"")
    rate = adapter.frame_rate if type_ == "video" else None
    return Track(
        number=adapter.number,
        type=type_,
        codec=adapter.codec,
        setup=adapter.setup or b"",
        codec_string=(
            vision.codec
            if vision is not None and vision.is_alone
            else codec_string(adapter.codec, setup)
        ),
        language=_language(stream),
        title=_title(stream),
        default=bool(stream.disposition & Disposition.default),
        width=shape.width if type_ == "video" else None,
        height=shape.height if type_ == "video" else None,
        frame_rate=round(rate, 3) if rate else None,
        video_range=_video_range(adapter) if type_ == "video" else None,
        supplemental=f"{vision.codec}/{vision.brand}" if vision and vision.brand else None,
        sample_rate=shape.sample_rate if type_ == "audio" else None,
        channels=shape.channels if type_ == "audio" else None,
        codec_private=private,
        mp4_head=mp4_head,
    )


def _language(stream: AVStream) -> str | None:
    """
    Return a track's language, if it is one (RFC 5646, 2.1, as far as a pattern tells): VLC writes
    C{???} into MPEG-TS, and an MPEG-TS may name several, of which this is the first.
    """
    first = stream.metadata.get("language", "").partition(",")[0]
    return first if first != "und" and _LANGUAGE.fullmatch(first) else None


def _title(stream: AVStream) -> str | None:
    """A track's title; MP4 has it under another name."""
    tags: dict[str, str] = stream.metadata
    return tags.get("title") or tags.get("name")


def _pixel_ratio(adapter: Adapter) -> Fraction | None:
    """The shape of pixels that are not square, width to height."""
    if adapter.type != "video":
        return None
    ratio: Fraction | None = adapter.stream.sample_aspect_ratio
    if not ratio or (ratio == 1 and adapter.shape.sample_aspect_ratio in (None, 1)):
        return None  # else the container knows better than the codec, also when it says 1
    return ratio


def _shown(adapter: Adapter, ratio: Fraction) -> tuple[int, int]:
    """The size at which pictures with such pixels are to be shown."""
    return max(1, round(adapter.shape.width * ratio)), adapter.shape.height


def label(stream: AVStream) -> str:
    """A stream of the input in words: `track 2 (audio, aac, deu)'."""
    known = stream.codec_context is not None
    codec = codec_of(stream) if known else getattr(stream, "name", None)
    words = (stream.type, codec, stream.metadata.get("language"))
    return f"track {stream.index} ({', '.join(word for word in words if word)})"


def cause(error: Exception) -> str:
    """What an error of libavformat's is about, in one line."""
    log = getattr(error, "log", None)
    if log and "not on whitelist" in log[2]:  # which it would quote
        return f"{log[1]} refers to other files or servers, which this input may not open"
    if log and log[2].strip():
        return str(log[2]).strip()
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
