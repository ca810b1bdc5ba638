"""
The head of a Matroska stream, read and patched (I{pure}).

libavformat writes it, since it has years of knowledge about CodecPrivate and colour. This module
changes what libavformat was not told, and what does not hold for a live stream.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from mkvtwist.formats.matroska import ids
from mkvtwist.formats.matroska.ebml import (
    Element,
    children,
    element,
    elements,
    unsigned,
    unsigned_in,
)


def _entries(head: bytes) -> Iterator[tuple[int, Element]]:
    """Yield each track's number and its TrackEntry."""
    for top in elements(head, 0, len(head)):
        if top.id == ids.SEGMENT:
            for part in children(head, top):
                if part.id == ids.TRACKS:
                    for entry in children(head, part):
                        if entry.id == ids.TRACK_ENTRY:
                            yield unsigned_in(head, entry, ids.TRACK_NUMBER) or 0, entry


def renumbered(head: bytes, numbers: Mapping[int, int]) -> bytes:
    """
    Return a head with other numbers for its tracks.

    @param numbers: the new ones, up to 126, by those that there are.
    @raise MatroskaError: when the head cannot be read.
    """
    out = bytearray(head)
    for number, entry in _entries(head):
        for child in children(head, entry):
            if child.id == ids.TRACK_NUMBER:
                size = child.end - child.start
                out[child.start : child.end] = numbers[number].to_bytes(size, "big")
    return bytes(out)


def codec_delays(head: bytes) -> dict[int, int]:
    """
    Return each track's CodecDelay in microseconds, if it is not 0: players take it off timestamps.

    @raise MatroskaError: when the head cannot be read.
    """
    delays = {number: unsigned_in(head, entry, ids.CODEC_DELAY) for number, entry in _entries(head)}
    return {number: (delay + 500) // 1000 for number, delay in delays.items() if delay}


def codec_privates(head: bytes) -> dict[int, bytes]:
    """
    Return the CodecPrivate of each track that has one.

    @raise MatroskaError: when the head cannot be read.
    """
    return {
        number: head[child.start : child.end]
        for number, entry in _entries(head)
        for child in children(head, entry)
        if child.id == ids.CODEC_PRIVATE
    }


def completed(
    head: bytes, sizes: Mapping[int, tuple[int, int]], delays: Mapping[int, int]
) -> bytes:
    """
    Return a head as a live stream needs it.

    It has no index, and has the values that libavformat was not told.

    @param sizes: by track number, the size in pixels at which the track is to be shown, if its
        pixels are not square (DisplayWidth, DisplayHeight).
    @param delays: by track number, how much sound in microseconds comes out of its decoder before
        the first that is to be heard (CodecDelay); those that the head has already stay.
    @raise MatroskaError: when the head cannot be read.
    """

    def made(part: Element) -> bytes:
        if part.id == ids.TRACKS:
            entries = [_completed(head, entry, sizes, delays) for entry in children(head, part)]
            return element(ids.TRACKS, b"".join(entries))
        return b"" if part.id in (ids.SEEK_HEAD, ids.VOID) else head[part.head : part.end]

    return _remade(head, made)


def selected(head: bytes, numbers: Collection[int]) -> bytes:
    """
    Return a head with some of its tracks; the same bytes if these are all of them.

    @raise MatroskaError: when the head cannot be read.
    """
    others = [entry for number, entry in _entries(head) if number not in numbers]
    if not others:
        return head
    gone = {unsigned_in(head, entry, ids.TRACK_UID) for entry in others}

    def made(part: Element) -> bytes:
        if part.id not in (ids.TRACKS, ids.TAGS):
            return head[part.head : part.end]
        kept = [
            head[child.head : child.end]
            for child in children(head, part)
            if child not in others and not _is_tag_of(head, child, gone)
        ]
        return element(part.id, b"".join(kept))

    return _remade(head, made)


def _remade(head: bytes, made: Callable[[Element], bytes]) -> bytes:
    """Return a head with other bytes for each part of its Segment, whose size stays unknown."""
    out = []
    for top in elements(head, 0, len(head)):
        if top.id == ids.SEGMENT:
            out += [head[top.head : top.start], *map(made, children(head, top))]
        else:
            out.append(head[top.head : top.end])
    return b"".join(out)


def _is_tag_of(head: bytes, tag: Element, uids: Collection[int | None]) -> bool:
    """Return whether a Tag is about one of these tracks."""
    return tag.id == ids.TAG and any(
        unsigned_in(head, targets, ids.TAG_TRACK_UID) in uids
        for targets in children(head, tag)
        if targets.id == ids.TARGETS
    )


def _completed(
    head: bytes,
    entry: Element,
    sizes: Mapping[int, tuple[int, int]],
    delays: Mapping[int, int],
) -> bytes:
    """Return a TrackEntry with the size and the delay of its track; any other element as it is."""
    number = unsigned_in(head, entry, ids.TRACK_NUMBER) if entry.id == ids.TRACK_ENTRY else None
    size, delay = sizes.get(number or 0), delays.get(number or 0)
    has_alpha = number is not None and any(
        part.id == ids.VIDEO and unsigned_in(head, part, ids.ALPHA_MODE)
        for part in children(head, entry)
    )
    if size is None and delay is None and not has_alpha:
        return head[entry.head : entry.end]
    parts = [
        _displayed(head, part, size)
        if size is not None and part.id == ids.VIDEO
        else head[part.head : part.end]
        for part in children(head, entry)
    ]
    if delay is not None and unsigned_in(head, entry, ids.CODEC_DELAY) is None:
        parts.append(unsigned(ids.CODEC_DELAY, delay * 1000))
    if has_alpha and unsigned_in(head, entry, ids.MAX_BLOCK_ADDITION_ID) is None:
        parts.append(unsigned(ids.MAX_BLOCK_ADDITION_ID, 1))
    return element(ids.TRACK_ENTRY, b"".join(parts))


def _displayed(head: bytes, video: Element, size: tuple[int, int]) -> bytes:
    """Return a Video element with the size at which the pictures are to be shown."""
    kept = [
        head[child.head : child.end]
        for child in children(head, video)
        if child.id not in (ids.DISPLAY_WIDTH, ids.DISPLAY_HEIGHT, ids.DISPLAY_UNIT)
    ]
    shown = unsigned(ids.DISPLAY_WIDTH, size[0]) + unsigned(ids.DISPLAY_HEIGHT, size[1])
    return element(ids.VIDEO, b"".join(kept) + shown)
