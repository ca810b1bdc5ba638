"""
The header of an input: the tracks that can be sent, with their numbers (I{remux thread}).

It consists of libavformat's descriptions (L{mkvtwist.libav.headers.scratch_heads}) and of values
that libavformat was not told; formats make their heads of both.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING

import av
from av.stream import Disposition

from mkvtwist.formats.matroska.head import codec_privates, completed, renumbered
from mkvtwist.formats.mp4.head import sample_entry
from mkvtwist.libav.adapters import Adapter
from mkvtwist.libav.adapters.measuring import plausible_rate
from mkvtwist.libav.headers.extras import Attachment, ExtrasSource
from mkvtwist.libav.headers.scratch_heads import (
    dolby_vision_in,
    language_of,
    matroska_head,
    mp4_head,
    title_of,
)
from mkvtwist.libav.wording import cause, label
from mkvtwist.media.codec_strings import codec_string
from mkvtwist.media.packet import SECOND, Header, Track

if TYPE_CHECKING:  # it is in PyAV's stubs only
    from av.container.core import Chapter

_RANGES: Mapping[int, str] = MappingProxyType({16: "PQ", 18: "HLG"})
"""HLS's names of transfer characteristics; all others are SDR."""

_UNSPECIFIED = frozenset({0, 2, 3})
"""Transfer characteristics that say nothing."""


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
    @param source: tags and chapters; L{mkvtwist.libav.headers.extras.Extras}, if a stranger has
        made them.
    @param files: attachments and covers.
    @param shift: how much later than in the input everything happens, in microseconds.
    @param taken: the greatest number that was given so far. A track that had one keeps it: players
        of HLS go on with a track by its number when others have gone.
    @return: the header, which names the tracks that had to be left out, and the adapters in it.
    """
    left_out = []
    usable = list(adapters)
    tags, chapters = source.metadata, [_shifted(each, shift) for each in source.chapters()]
    try:
        data = matroska_head(usable, tags, chapters, files)
    except (ValueError, av.FFmpegError):
        # One bad track fails the whole header: find out which.
        usable = []
        for adapter in adapters:
            try:
                matroska_head([adapter], tags)
            except (ValueError, av.FFmpegError) as error:
                left_out.append(f"{label(adapter.stream)}: {cause(error)}")
            else:
                usable.append(adapter)
        data = matroska_head(usable, tags, chapters, files) if usable else b""
    data = renumbered(data, _number(usable, taken))
    ratios = {a.number: ratio for a in usable if (ratio := _pixel_ratio(a))}
    sizes = {a.number: _shown(a, ratios[a.number]) for a in usable if a.number in ratios}
    delays = {a.number: a.priming for a in usable if a.priming}
    data = completed(data, sizes, delays)
    privates = codec_privates(data)
    tracks = tuple(
        _track(a, privates.get(a.number, b""), mp4_head(a, ratios.get(a.number))) for a in usable
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


def _shifted(chapter: "Chapter", shift: int) -> "Chapter":
    """Return a chapter that is later by so many microseconds; never before 0."""
    ticks = round(shift / (SECOND * (chapter["time_base"] or Fraction(1, SECOND))))
    start, end = max(0, chapter["start"] + ticks), max(0, chapter["end"] + ticks)
    return {**chapter, "start": start, "end": end}


def _video_range(adapter: Adapter) -> str | None:
    """Return HLS's name of the transfer characteristics (ITU-T H.273, table 3)."""
    transfer = int(getattr(adapter.stream.codec_context, "color_trc", 2) or 2)
    return None if transfer in _UNSPECIFIED else _RANGES.get(transfer, "SDR")


def _track(adapter: Adapter, private: bytes, mp4_head: bytes) -> Track:
    stream, shape, type_ = adapter.stream, adapter.shape, adapter.type
    vision = dolby_vision_in(adapter, mp4_head)
    setup = private
    if adapter.codec == "vp9" and mp4_head:  # only MP4 says in its header what VP9 this is
        setup = sample_entry(mp4_head).get(b"vpcC", b"")
    rate = plausible_rate(adapter.frame_rate) if type_ == "video" else None
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
        language=language_of(stream),
        title=title_of(stream),
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


def _pixel_ratio(adapter: Adapter) -> Fraction | None:
    """Return the shape of pixels that are not square, width to height."""
    if adapter.type != "video":
        return None
    ratio: Fraction | None = adapter.stream.sample_aspect_ratio
    if not ratio or (ratio == 1 and adapter.shape.sample_aspect_ratio in (None, 1)):
        return None  # else the container knows better than the codec, also when it says 1
    return ratio


def _shown(adapter: Adapter, ratio: Fraction) -> tuple[int, int]:
    """Return the size at which pictures with such pixels are to be shown."""
    return max(1, round(adapter.shape.width * ratio)), adapter.shape.height
