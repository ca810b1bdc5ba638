"""
Tags, chapters, attachments and covers: an input's extras (I{remux thread}).

All of it goes into each header, and each client gets it. PyAV copies it in loops that keep every
other thread waiting, tags in quadratic time. So it is cut to a bounded size first, and copied once.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mkvtwist.libav.pyav_types import AVStream

if TYPE_CHECKING:  # it is in PyAV's stubs only
    from av.container.core import Chapter

MOST_TAGS = 100
"""Tags of the whole; a well-kept film or album has 20 to 50. A millisecond to copy."""

TAG_BYTES = 4 << 10
"""Bytes of one tag or title: a long description; lyrics are shorter."""

TEXT_BYTES = 64 << 10
"""Bytes of all tags together, and of all chapters' titles."""

MOST_CHAPTERS = 1000
"""A chapter every ten seconds of a film; 2 ms to copy."""

MOST_ATTACHMENTS = 64
"""Attachments: a film with subtitles that are typeset brings some 30 fonts."""

FILE_BYTES = 16 << 20
"""Bytes of all attachments and covers together; a font of Chinese has 10 MB."""

_STALE_TAGS = frozenset(
    # Facts about the file that the stream is not, or that libavformat writes itself.
    {"encoder", "major_brand", "minor_version", "compatible_brands", "creation_time", "duration"}
)

_COVERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "mjpeg": ("cover.jpg", "image/jpeg"),
        "png": ("cover.png", "image/png"),
        "bmp": ("cover.bmp", "image/bmp"),
        "gif": ("cover.gif", "image/gif"),
        "webp": ("cover.webp", "image/webp"),
    }
)


class ExtrasSource(Protocol):
    """The extras of an input, as PyAV's containers have them."""

    @property
    def metadata(self) -> dict[str, str]:
        """The global tags."""

    def chapters(self) -> "list[Chapter]":
        """Return the chapters."""


class Attachment(NamedTuple):
    """An attachment."""

    name: str
    type: str
    data: bytes


class Extras:
    """
    The extras of an input, cut to the size that they may have in a header.

    @ivar metadata: the global tags.
    @ivar left_out: one sentence for each kind of thing of which there was too much.
    """

    def __init__(self, source: ExtrasSource, attachments: Sequence[AVStream] = ()) -> None:
        self.left_out: list[str] = []
        tags = [(k, v) for k, v in source.metadata.items() if k.lower() not in _STALE_TAGS]
        self.metadata = dict(_fitting(tags, _Budget(TEXT_BYTES)))
        if len(self.metadata) < len(tags):
            self.left_out.append(f"{len(tags) - len(self.metadata)} of {len(tags)} tags")
        self._chapters = self._titled(source.chapters())
        self._room = _Budget(FILE_BYTES)
        self._files = self._attached(attachments)
        self._covers: dict[int, Attachment] = {}

    def chapters(self) -> "list[Chapter]":
        """Return the chapters."""
        return self._chapters

    def files(self) -> list[Attachment]:
        """Return the attachments and the covers."""
        return [*self._files, *self._covers.values()]

    def add_cover(self, index: int, codec: str, data: bytes) -> None:
        """
        Take a cover, unless there is no more room for it.

        @param index: of its track; a cover that comes again is the same.
        """
        if codec in _COVERS and index not in self._covers and self._room.take(len(data)):
            self._covers[index] = Attachment(*_COVERS[codec], data)

    def _titled(self, chapters: "list[Chapter]") -> "list[Chapter]":
        """Return the first chapters, with their titles as long as there is room for them."""
        if len(chapters) > MOST_CHAPTERS:
            self.left_out.append(f"{len(chapters) - MOST_CHAPTERS} of {len(chapters)} chapters")
        room = _Budget(TEXT_BYTES)
        return [
            {**chapter, "metadata": dict(_fitting(chapter["metadata"].items(), room))}
            for chapter in chapters[:MOST_CHAPTERS]
        ]

    def _attached(self, attachments: Sequence[AVStream]) -> list[Attachment]:
        files: list[Attachment] = []
        for stream in attachments[:MOST_ATTACHMENTS]:
            data = stream.data
            if not self._room.take(len(data)):
                break
            name = short(stream.metadata.get("filename")) or f"attachment-{stream.index}"
            type_ = short(stream.metadata.get("mimetype")) or "application/octet-stream"
            files.append(Attachment(name, type_, data))
        if len(files) < len(attachments):
            missing = f"{len(attachments) - len(files)} of {len(attachments)} attachments"
            self.left_out.append(f"{missing}, for they are too many or too large")
        return files


class _Budget:
    """Bytes that may still be taken."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> bool:
        """Take so many, if there is room for them."""
        if size > self._left:
            return False
        self._left -= size
        return True


def _fitting(tags: Iterable[tuple[str, str]], room: _Budget) -> Iterable[tuple[str, str]]:
    """Yield the first L{MOST_TAGS} tags that are short enough, while there is room for them."""
    count = 0
    for name, value in tags:
        if count == MOST_TAGS:
            return
        if (
            short(name) is not None
            and short(value) is not None
            and room.take(len(name.encode()) + len(value.encode()))
        ):
            count += 1
            yield name, value


def short(text: str | None) -> str | None:
    """Return a text that is to be in a header, unless it is longer than one may be."""
    return text if text is not None and len(text) <= TAG_BYTES else None
