"""
A finite file of Matroska or WebM: its front, with a duration and an index (I{pure}).
"""

import struct
from collections.abc import Mapping, Sequence

from mkvtwist.formats.base import FileLayout, IndexEntry
from mkvtwist.formats.matroska import ids
from mkvtwist.formats.matroska.clusters import MILLISECOND, milliseconds
from mkvtwist.formats.matroska.ebml import children, element, elements, unsigned
from mkvtwist.media.packet import SECOND

CLUSTER_SPAN = SECOND
"""Microseconds of a Cluster in a file, if no keyframe ends it before: as most muxers write."""


def front(head: bytes, number: int, pieces: Sequence[IndexEntry], duration: int) -> bytes:
    """
    Return the part before the Clusters: the head, with the Segment's size, duration and index.

    The index is SeekHead and Cues. The length of the front depends on the number of pieces, not on
    their sizes, so that the front can be written after them.

    @param head: a stream's. Its chapters, whose times are those of the stream, stay out.
    @param number: the track that is looked for in the index.
    @param pieces: the Clusters, as they will follow; those that begin with a keyframe are indexed.
    @param duration: of the whole, in microseconds.
    @raise MatroskaError: when the head cannot be read.
    """
    before, parts = b"", []
    for top in elements(head, 0, len(head)):
        if top.id != ids.SEGMENT:
            before += head[top.head : top.end]
            continue
        for part in children(head, top):
            if part.id == ids.INFO:
                info = head[part.start : part.end]
                length = element(ids.DURATION, struct.pack(">d", duration / MILLISECOND))
                parts.append((ids.INFO, element(ids.INFO, info + length)))
            elif part.id not in (ids.SEEK_HEAD, ids.VOID, ids.CUES, ids.CHAPTERS):
                parts.append((part.id, head[part.head : part.end]))
    size = len(_cues(number, pieces, 0))
    found = [id_ for id_, _ in parts if id_ in (ids.INFO, ids.TRACKS, ids.TAGS)] + [ids.CUES]
    start = len(_seek_head(dict.fromkeys(found, 0)))
    places, at = {}, start
    for id_, data in parts:
        places[id_] = at
        at += len(data)
    places[ids.CUES] = at
    inside = b"".join(
        (
            _seek_head({id_: places[id_] for id_ in found}),
            *(data for _, data in parts),
            _cues(number, pieces, at + size),
        )
    )
    whole = len(inside) + sum(piece.size for piece in pieces)
    return before + struct.pack(">IQ", ids.SEGMENT, 1 << 56 | whole) + inside


def _seek_head(places: Mapping[int, int]) -> bytes:
    """Return a list of the Segment's parts, in bytes from its payload's beginning."""
    return element(
        ids.SEEK_HEAD,
        b"".join(
            element(ids.SEEK, unsigned(ids.SEEK_ID, id_) + _wide(ids.SEEK_POSITION, place))
            for id_, place in places.items()
        ),
    )


def _cues(number: int, pieces: Sequence[IndexEntry], at: int) -> bytes:
    """Return the index of pieces, the first of which stands at a place in the Segment's payload."""
    points = []
    for piece in pieces:
        if piece.key:
            where = unsigned(ids.CUE_TRACK, number) + _wide(ids.CUE_CLUSTER_POSITION, at)
            time = _wide(ids.CUE_TIME, milliseconds(piece.start))
            points.append(element(ids.CUE_POINT, time + element(ids.CUE_TRACK_POSITIONS, where)))
        at += piece.size
    return element(ids.CUES, b"".join(points))


def _wide(id_: int, value: int) -> bytes:
    """Return an unsigned integer whose length does not depend on its value."""
    return element(id_, value.to_bytes(8, "big"))


FILE = FileLayout(
    front=front,
    piece=lambda muxer, packets: muxer.render(packets),
    earliest=lambda packet: packet.pts,
    span=CLUSTER_SPAN,
)
