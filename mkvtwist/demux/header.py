"""
The header, written by libavformat into a scratch container (I{remux thread}).

Its Matroska muxer knows CodecPrivate, colour, stereo 3D, chapters, tags and attachments of
everything it reads; what PyAV does not pass on (dispositions, the shape of anamorphic pictures) is
added here.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import av
from av.container import Flags

from mkvtwist import matroska
from mkvtwist.codecs import codec_string
from mkvtwist.demux.adapters import DONORS, Adapter, Stream, codec_of
from mkvtwist.packet import SECOND, Header, Track

if TYPE_CHECKING:  # it is in PyAV's stubs only
    from av.container.core import Chapter

_STALE_TAGS = frozenset(
    # Facts about the file that the stream is not, or that libavformat writes itself.
    {"encoder", "major_brand", "minor_version", "compatible_brands", "creation_time", "duration"}
)

_BITEXACT: int = Flags.bitexact.value  # type: ignore[assignment] # a Flag of ints, say the stubs

_COVER_TYPES: Mapping[str, tuple[str, str]] = {
    "mjpeg": ("cover.jpg", "image/jpeg"),
    "png": ("cover.png", "image/png"),
    "bmp": ("cover.bmp", "image/bmp"),
    "gif": ("cover.gif", "image/gif"),
    "webp": ("cover.webp", "image/webp"),
}


class Source(Protocol):
    """What a header takes from an input beside its tracks; PyAV's containers have it."""

    @property
    def metadata(self) -> dict[str, str]:
        """The global tags."""

    def chapters(self) -> "list[Chapter]":
        """The chapters."""


class _Sink:
    """A file that takes all and cannot seek, as a live response."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.parts.append(data)
        return len(data)


def write_header(
    adapters: Sequence[Adapter],
    source: Source,
    attachments: Sequence[Stream] = (),
    covers: Sequence[tuple[str, bytes]] = (),
    shift: int = 0,
) -> tuple[Header, list[Adapter]]:
    """
    Write the header for the tracks that Matroska has a place for, and number them.

    @param adapters: all of them L{Adapter.ready}.
    @param covers: codec and data of the pictures that belong to the whole.
    @param shift: how much later than in the input everything happens, in microseconds.
    @return: the header, which names the tracks that had to be left out, and the adapters in it.
    """
    left_out = []
    usable = list(adapters)
    chapters = [_shifted(chapter, shift) for chapter in source.chapters()]
    try:
        data = _written(usable, source, chapters, attachments, covers)
    except (ValueError, av.FFmpegError):
        # One bad track fails the whole header: find out which.
        usable = []
        for adapter in adapters:
            try:
                _written([adapter], source, (), (), ())
            except (ValueError, av.FFmpegError) as error:
                left_out.append(f"{label(adapter.stream)}: {cause(error)}")
            else:
                usable.append(adapter)
        data = _written(usable, source, chapters, attachments, covers) if usable else b""
    for number, adapter in enumerate(usable, 1):
        adapter.number = number
    privates = matroska.codec_privates(data)
    tracks = tuple(_track(adapter, privates.get(adapter.number, b"")) for adapter in usable)
    sizes = {a.number: size for a in usable if (size := _display_size(a))}
    delays = {a.number: a.priming for a in usable if a.priming}
    data = matroska.live_header(data, sizes, delays)
    return Header(tracks, {"matroska": data}, left_out=tuple(left_out)), usable


def _written(
    adapters: Sequence[Adapter],
    source: Source,
    chapters: "Sequence[Chapter]",
    attachments: Sequence[Stream],
    covers: Sequence[tuple[str, bytes]],
) -> bytes:
    sink = _Sink()
    options = {"live": "1", "write_crc32": "0", "allow_raw_vfw": "1"}
    with (
        av.open(_Sink(), "w", format="matroska") as donor,
        av.open(sink, "w", format="matroska", container_options=options) as output,
    ):
        donors = {type_: donor.add_stream(codec, **more) for type_, codec, more in DONORS}
        # The same tracks give the same bytes: no random UIDs, no dates.
        output.flags |= _BITEXACT
        for name, value in source.metadata.items():
            if name.lower() not in _STALE_TAGS:
                output.metadata[name] = value
        for adapter in adapters:
            made: Any = output.add_stream_from_template(donors[adapter.type], opaque=True)
            adapter.describe(made)
            if language := adapter.stream.metadata.get("language"):
                made.metadata["language"] = language
            if title := _title(adapter.stream):
                made.metadata["title"] = title
            made.disposition = adapter.stream.disposition
        for stream in attachments:
            output.add_attachment(
                stream.metadata.get("filename") or f"attachment-{stream.index}",
                stream.metadata.get("mimetype") or "application/octet-stream",
                stream.data,
            )
        for codec, picture in covers:
            if codec in _COVER_TYPES:
                output.add_attachment(*_COVER_TYPES[codec], picture)
        if chapters:
            output.set_chapters(list(chapters))
        output.start_encoding()
        return b"".join(sink.parts)


def _shifted(chapter: "Chapter", shift: int) -> "Chapter":
    """A chapter, later by so many microseconds; never before 0."""
    ticks = round(shift / (SECOND * (chapter["time_base"] or Fraction(1, SECOND))))
    start, end = max(0, chapter["start"] + ticks), max(0, chapter["end"] + ticks)
    return {**chapter, "start": start, "end": end}


def _track(adapter: Adapter, private: bytes) -> Track:
    stream, shape, type_ = adapter.stream, adapter.shape, adapter.type
    language = stream.metadata.get("language")
    rate = getattr(stream, "average_rate", None) if type_ == "video" else None
    return Track(
        number=adapter.number,
        type=type_,
        codec=adapter.codec,
        setup=adapter.setup or b"",
        codec_string=codec_string(adapter.codec, private),
        language=None if language == "und" else language,
        title=_title(stream),
        width=shape.width if type_ == "video" else None,
        height=shape.height if type_ == "video" else None,
        frame_rate=round(float(rate), 3) if rate else None,
        sample_rate=shape.sample_rate if type_ == "audio" else None,
        channels=shape.layout.nb_channels if type_ == "audio" else None,
    )


def _title(stream: Stream) -> str | None:
    """A track's title; MP4 has it under another name."""
    tags: dict[str, str] = stream.metadata
    return tags.get("title") or tags.get("name")


def _display_size(adapter: Adapter) -> tuple[int, int] | None:
    """The size at which pictures with other than square pixels are to be shown."""
    if adapter.type != "video":
        return None
    ratio, shape = adapter.stream.sample_aspect_ratio, adapter.shape
    if not ratio or (ratio == 1 and shape.sample_aspect_ratio in (None, 1)):
        return None  # else the container knows better than the codec, also when it says 1
    return max(1, round(shape.width * ratio)), shape.height


def label(stream: Stream) -> str:
    """A stream of the input in words: `track 2 (audio, aac, deu)'."""
    known = stream.codec_context is not None
    codec = codec_of(stream) if known else getattr(stream, "name", None)
    words = (stream.type, codec, stream.metadata.get("language"))
    return f"track {stream.index} ({', '.join(word for word in words if word)})"


def cause(error: Exception) -> str:
    """What an error of libavformat's is about, in one line."""
    log = getattr(error, "log", None)
    if log and log[2].strip():
        return str(log[2]).strip()
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
