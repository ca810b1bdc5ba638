"""
Matroska as it is streamed: Clusters made from packets, and headers patched (I{pure}, RFC 9559).

libavformat writes the header (EBML head, Segment of unknown size, Info, Tracks, Chapters,
Attachments, Tags), since it has years of knowledge about CodecPrivate and colour. The Clusters are
written here, since its muxer holds packets back for one another. A Cluster is complete in itself::

    1F43B675  size  E7 88 timestamp  { A3 SimpleBlock | A0 BlockGroup } ...
              '-5-'       '---8---'    track, 16 bit offset, flags, payload
    '-------- HEAD ---------------'

The size and the timestamp have a fixed width, so that a client whose time begins at 0 needs
another head and nothing else.
"""

import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from mkvtwist.formats.base import FileLayout, Format, IndexEntry, Muxer, video_or_audio
from mkvtwist.media.packet import SECOND, Header, Packet

HEAD = 19
"""Bytes of a Cluster before its first block: ID 4, size 5 (up to 4 GiB), Timestamp 2 + 8."""

MILLISECOND = 1000
"""One tick of the timestamps in a Block: libavformat's TimestampScale is 1,000,000 ns."""

WEBM_CODECS = frozenset({"av1", "opus", "vorbis", "vp8", "vp9"})
"""FFmpeg's names of the pictures and sounds that WebM has a place for."""

_DOC_TYPE = 0x4282
_CLUSTER = 0x1F43B675
_SEGMENT = 0x18538067
_SEEK_HEAD = 0x114D9B74
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_VOID = 0xEC
_INFO, _DURATION = 0x1549A966, 0x4489
_CHAPTERS, _TAGS = 0x1043A770, 0x1254C367
_TAG, _TARGETS, _TAG_TRACK_UID = 0x7373, 0x63C0, 0x63C5
_CUES, _CUE_POINT, _CUE_TIME, _CUE_TRACK_POSITIONS = 0x1C53BB6B, 0xBB, 0xB3, 0xB7
_CUE_TRACK, _CUE_CLUSTER_POSITION = 0xF7, 0xF1
_TRACKS = 0x1654AE6B
_TRACK_ENTRY = 0xAE
_TRACK_NUMBER, _TRACK_UID = 0xD7, 0x73C5
_CODEC_DELAY = 0x56AA
_BLOCK_ADDITION_MAPPING = 0x41E4
_ATTACHMENTS = 0x1941A469
_CODEC_PRIVATE = 0x63A2
_VIDEO = 0xE0
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_NOT_IN_WEBM = frozenset({_ATTACHMENTS, _BLOCK_ADDITION_MAPPING, _DISPLAY_UNIT})
"""
What Matroska has and WebM has not. Browsers refuse a DisplayUnit that says `unknown', as
libavformat has it where it was told of no shape.
"""

_ALPHA_MODE, _MOST_ADDITIONS = 0x53C0, 0x55EE
"""AlphaMode and MaxBlockAdditionID: whether BlockAdditions have the alpha of pictures."""

_SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK = 0xA3, 0xA0, 0xA1
_BLOCK_DURATION, _REFERENCE_BLOCK, _DISCARD_PADDING = 0x9B, 0xFB, 0x75A2
_BLOCK_ADDITIONS, _BLOCK_MORE, _BLOCK_ADD_ID, _BLOCK_ADDITIONAL = 0x75A1, 0xA6, 0xEE, 0xA5

_KEYFRAME = 0x80
_SIZE_OF_5 = 0x08
"""The first byte of a size field of 5 bytes; the other 4 hold the size."""

_REACH = 0x7FFF
"""How far, in milliseconds, a block may lie behind its Cluster's Timestamp."""

_head = struct.Struct(">IBIHQ")
_block = struct.Struct(">hB")


class MatroskaError(ValueError):
    """A header is not Matroska, or is cut short."""


def vint(value: int) -> bytes:
    """
    An EBML variable-length size (RFC 8794, 4): the shortest form.

    @raise OverflowError: for 2^56 - 1 and more.
    """
    length = 1
    while value >= (1 << 7 * length) - 1:
        length += 1
    if length > 8:
        raise OverflowError(f"{value} does not fit an EBML size")
    return (value | 1 << 7 * length).to_bytes(length, "big")


def element(id_: int, payload: bytes) -> bytes:
    """One EBML element: its ID, its size, its payload."""
    return id_.to_bytes((id_.bit_length() + 7) // 8, "big") + vint(len(payload)) + payload


def unsigned(id_: int, value: int) -> bytes:
    """One EBML unsigned integer, in as few bytes as it needs."""
    return element(id_, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def signed(id_: int, value: int) -> bytes:
    """One EBML signed integer."""
    return element(id_, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def milliseconds(time: int) -> int:
    """Microseconds as Matroska's ticks, to the nearest."""
    return (time + MILLISECOND // 2) // MILLISECOND


class MatroskaMuxer(Muxer[None]):
    """Packets as Clusters, behind the head that libavformat has written."""

    start = None

    def __init__(
        self,
        header: Header,
        numbers: Collection[int] | None = None,
        *,
        lasting: Collection[int] = (),
    ) -> None:
        """
        Make a muxer.

        @param numbers: the numbers of the tracks that are sent; L{None} is all.
        @param lasting: tracks whose blocks say how long they last, beside subtitles.
        """
        self.head = header.matroska_head
        self._numbers: frozenset[int] | None = None
        if numbers is not None and not header.numbers <= frozenset(numbers):
            self.head = selected(self.head, numbers)
            self._numbers = frozenset(numbers)
        # Their packets last a stated time: their blocks carry BlockDuration.
        subtitles = frozenset(t.number for t in header.tracks if t.type == "subtitle")
        self._lasting = subtitles.union(lasting)
        # A player takes this off the timestamps of a track's blocks, so it is added here.
        self._delays = codec_delays(self.head)

    def render(self, packets: Sequence[Packet]) -> bytes:
        """
        Return the packets as one Cluster, or as several if their times ask for it.

        The blocks keep the order of the packets. What is shown before 0 is shown at 0: no Cluster
        has such a time.
        """
        delays = self._delays
        if self._numbers is not None:
            packets = [packet for packet in packets if packet.track in self._numbers]
        times = [
            max(0, milliseconds(packet.pts + delays.get(packet.track, 0))) for packet in packets
        ]
        out: list[bytes] = []
        first = 0
        while first < len(packets):
            last, base = _span(times, first)
            blocks = [
                self._written(packet, time - base)
                for packet, time in zip(packets[first:last], times[first:last], strict=True)
            ]
            out.append(_cluster(base, blocks))
            first = last
        return b"".join(out)

    def _written(self, packet: Packet, offset: int) -> bytes:
        """One packet as a SimpleBlock, or as a BlockGroup where it has more to say."""
        extra = packet.extra
        lasting = packet.duration and packet.track in self._lasting
        if extra is None and not lasting:
            flags = _KEYFRAME if packet.key else 0
            body = vint(packet.track) + _block.pack(offset, flags)
            return b"\xa3" + vint(len(body) + len(packet.data)) + body + packet.data
        parts = [element(_BLOCK, vint(packet.track) + _block.pack(offset, 0) + packet.data)]
        if packet.duration:
            parts.append(unsigned(_BLOCK_DURATION, milliseconds(packet.duration)))
        if not packet.key:
            # Which block it needs is not known here; that it needs one makes it no keyframe.
            parts.append(signed(_REFERENCE_BLOCK, -1))
        if extra and extra.additions:
            more = b"".join(
                element(
                    _BLOCK_MORE, unsigned(_BLOCK_ADD_ID, id_) + element(_BLOCK_ADDITIONAL, data)
                )
                for id_, data in extra.additions
            )
            parts.append(element(_BLOCK_ADDITIONS, more))
        if extra and extra.discard:
            parts.append(signed(_DISCARD_PADDING, extra.discard * 1000))
        return element(_BLOCK_GROUP, b"".join(parts))


class WebMMuxer(Muxer[None]):
    """
    Packets as Clusters with their blocks in the order of their times.

    Media Source Extensions refuse a Cluster in which time goes back, be it from track to track.
    """

    start = None

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        """
        Make a muxer.

        @param numbers: the numbers of the tracks that are sent; all of them fit.
        """
        self._numbers = frozenset(numbers)
        self.head = webm_header(header.matroska_head, self._numbers)
        self._steps = {t.number: t.step for t in header.tracks if t.type == "video"}
        self._matroska = MatroskaMuxer(header)
        self._lasting = MatroskaMuxer(header, lasting=self._steps)
        self._delays = codec_delays(self.head)

    def render(self, packets: Sequence[Packet]) -> bytes:
        """Return the packets as L{MatroskaMuxer.render} does, but in the order of their times."""
        return self._matroska.render(self._ordered(packets))

    def live(self, packets: Sequence[Packet], pause: int, before: None = None) -> bytes:
        """
        Return the bytes of a fragment in which each picture says how long it lasts.

        The newest one lasts one and a half pictures, or as long as one has been waited for of late,
        as in L{mkvtwist.formats.mp4.Mp4Muxer.live}. If the last block says nothing, Chromium takes
        it for a sixteenth of a second, and Firefox leaves a gap behind it.
        """
        made = self._ordered(packets)
        following: dict[int, int] = {}
        for place in range(len(made) - 1, -1, -1):
            picture = made[place]
            if (step := self._steps.get(picture.track)) is not None:
                ends = following.get(picture.track)
                lasts = max(3 * step // 2, pause) if ends is None else ends - picture.pts
                following[picture.track] = picture.pts
                made[place] = picture._replace(duration=lasts)
        return self._lasting.render(made)

    def _ordered(self, packets: Sequence[Packet]) -> list[Packet]:
        """Return the packets that are sent, in the order of their times."""
        delays = self._delays
        mine = [packet for packet in packets if packet.track in self._numbers]
        mine.sort(key=lambda packet: packet.pts + delays.get(packet.track, 0))
        return mine


def _span(times: list[int], first: int) -> tuple[int, int]:
    """Where the Cluster ends that begins with a packet, and its Timestamp."""
    lowest = highest = times[first]
    for last in range(first + 1, len(times)):
        low, high = min(lowest, times[last]), max(highest, times[last])
        if high - low > _REACH:
            return last, lowest
        lowest, highest = low, high
    return len(times), lowest


def _cluster(base: int, blocks: list[bytes]) -> bytes:
    size = HEAD - 9 + sum(map(len, blocks))
    return _head.pack(_CLUSTER, _SIZE_OF_5, size, 0xE788, base) + b"".join(blocks)


def rebased(clusters: bytes, time: int) -> bytes:
    """
    Return Clusters, as L{MatroskaMuxer.render} made them, that much earlier; never before 0.

    @param time: microseconds; the Clusters move by so many milliseconds, to the nearest.
    """
    ticks = milliseconds(time)
    out = bytearray(clusters)
    at = 0
    while at < len(out):
        id_, mark, size, tag, base = _head.unpack_from(out, at)
        _head.pack_into(out, at, id_, mark, size, tag, max(0, base - ticks))
        at += 9 + size
    return bytes(out)


class Element(NamedTuple):
    """An element in a buffer: C{buffer[head:end]}; its payload is C{buffer[start:end]}."""

    id: int
    head: int
    start: int
    end: int


def elements(buffer: bytes, start: int, end: int) -> Iterator[Element]:
    """
    The elements that lie side by side in a buffer. One of unknown size reaches to the end.

    @raise MatroskaError: when an ID or a size makes no sense.
    """
    at = start
    while at < end:
        id_, body = _number(buffer, at, end, keep_marker=True)
        size, content = _number(buffer, body, end, keep_marker=False)
        stop = end if size == (1 << 7 * (content - body)) - 1 else content + size
        if stop > end:
            raise MatroskaError(f"element {id_:X} at byte {at} reaches beyond its parent")
        yield Element(id_, at, content, stop)
        at = stop


def _number(buffer: bytes, at: int, end: int, *, keep_marker: bool) -> tuple[int, int]:
    length = 9 - buffer[at].bit_length() if at < end else 9
    if length > 8 or at + length > end:
        raise MatroskaError(f"no EBML number at byte {at}")
    value = int.from_bytes(buffer[at : at + length], "big")
    return value if keep_marker else value & ((1 << 7 * length) - 1), at + length


def _children(buffer: bytes, parent: Element) -> Iterator[Element]:
    return elements(buffer, parent.start, parent.end)


def _entries(header: bytes) -> Iterator[tuple[int, Element]]:
    """Each track's number and its TrackEntry."""
    for top in elements(header, 0, len(header)):
        if top.id == _SEGMENT:
            for part in _children(header, top):
                if part.id == _TRACKS:
                    for entry in _children(header, part):
                        if entry.id == _TRACK_ENTRY:
                            yield _value(header, entry, _TRACK_NUMBER) or 0, entry


def _value(buffer: bytes, parent: Element, id_: int) -> int | None:
    for child in _children(buffer, parent):
        if child.id == id_:
            return int.from_bytes(buffer[child.start : child.end], "big")
    return None


def renumbered(header: bytes, numbers: Mapping[int, int]) -> bytes:
    """
    The header with other numbers for its tracks.

    @param numbers: the new ones, up to 126, by those that there are.
    @raise MatroskaError: when the header cannot be read.
    """
    out = bytearray(header)
    for number, entry in _entries(header):
        for child in _children(header, entry):
            if child.id == _TRACK_NUMBER:
                size = child.end - child.start
                out[child.start : child.end] = numbers[number].to_bytes(size, "big")
    return bytes(out)


def codec_delays(header: bytes) -> dict[int, int]:
    """
    What a player takes off each track's timestamps, in microseconds, where it is not 0.

    @raise MatroskaError: when the header cannot be read.
    """
    delays = {number: _value(header, entry, _CODEC_DELAY) for number, entry in _entries(header)}
    return {number: (delay + 500) // 1000 for number, delay in delays.items() if delay}


def codec_privates(header: bytes) -> dict[int, bytes]:
    """
    Each track's CodecPrivate, where it has one.

    @raise MatroskaError: when the header cannot be read.
    """
    return {
        number: header[child.start : child.end]
        for number, entry in _entries(header)
        for child in _children(header, entry)
        if child.id == _CODEC_PRIVATE
    }


def live_header(
    header: bytes, sizes: Mapping[int, tuple[int, int]], delays: Mapping[int, int]
) -> bytes:
    """
    The header as a live stream needs it: without an index into what is not there, and with what
    libavformat was not told.

    @param sizes: by track number, the size in pixels at which it is to be shown, where its pixels
        are not square (DisplayWidth, DisplayHeight).
    @param delays: by track number, how much sound in microseconds comes out of its decoder before
        the first that is to be heard (CodecDelay); those that the header has already stay.
    @raise MatroskaError: when the header cannot be read.
    """

    def made(part: Element) -> bytes:
        if part.id == _TRACKS:
            entries = [
                _completed(header, entry, sizes, delays) for entry in _children(header, part)
            ]
            return element(_TRACKS, b"".join(entries))
        return b"" if part.id in (_SEEK_HEAD, _VOID) else header[part.head : part.end]

    return _remade(header, made)


def selected(header: bytes, numbers: Collection[int]) -> bytes:
    """
    A header with these tracks only; the same bytes if they are all that it has.

    @raise MatroskaError: when the header cannot be read.
    """
    others = [entry for number, entry in _entries(header) if number not in numbers]
    if not others:
        return header
    gone = {_value(header, entry, _TRACK_UID) for entry in others}

    def made(part: Element) -> bytes:
        if part.id not in (_TRACKS, _TAGS):
            return header[part.head : part.end]
        kept = [
            header[child.head : child.end]
            for child in _children(header, part)
            if child not in others and not _is_tag_of(header, child, gone)
        ]
        return element(part.id, b"".join(kept))

    return _remade(header, made)


def _remade(header: bytes, made: Callable[[Element], bytes]) -> bytes:
    """A header with other bytes for each part of its Segment, whose size stays unknown."""
    out = []
    for top in elements(header, 0, len(header)):
        if top.id == _SEGMENT:
            out += [header[top.head : top.start], *map(made, _children(header, top))]
        else:
            out.append(header[top.head : top.end])
    return b"".join(out)


def _is_tag_of(header: bytes, tag: Element, uids: Collection[int | None]) -> bool:
    """Whether a Tag is about one of these tracks."""
    return tag.id == _TAG and any(
        _value(header, targets, _TAG_TRACK_UID) in uids
        for targets in _children(header, tag)
        if targets.id == _TARGETS
    )


def webm_header(header: bytes, numbers: Collection[int]) -> bytes:
    """
    A header of Matroska as one of WebM: with these tracks only, and without what WebM has not.

    @raise MatroskaError: when the header cannot be read.
    """
    header = selected(header, numbers)
    out = []
    for top in elements(header, 0, len(header)):
        content = _as_webm(header, top)
        if top.id == _SEGMENT:  # its size is unknown, and stays so
            out.append(header[top.head : top.start] + content)
        else:
            out.append(element(top.id, content))
    return b"".join(out)


def _as_webm(header: bytes, parent: Element) -> bytes:
    """What is in an element, as far as WebM has it."""
    parts = []
    for part in _children(header, parent):
        if part.id == _DOC_TYPE:
            parts.append(element(_DOC_TYPE, b"webm"))
        elif part.id in (_TRACKS, _TRACK_ENTRY, _VIDEO):
            parts.append(element(part.id, _as_webm(header, part)))
        elif part.id not in _NOT_IN_WEBM:
            parts.append(header[part.head : part.end])
    return b"".join(parts)


def front(head: bytes, number: int, pieces: Sequence[IndexEntry], duration: int) -> bytes:
    """
    What stands before the Clusters in a file that is complete: the header with the Segment's size,
    its duration, and an index (SeekHead, Cues). How long it is depends on how many pieces there
    are, not on their sizes, so that it can be written when all of them have been.

    @param head: a stream's. Its chapters, whose times are those of the stream, stay out.
    @param number: the track that is looked for in the index.
    @param pieces: the Clusters, as they will follow; those that begin with a keyframe are indexed.
    @param duration: of the whole, in microseconds.
    @raise MatroskaError: when the head cannot be read.
    """
    before, parts = b"", []
    for top in elements(head, 0, len(head)):
        if top.id != _SEGMENT:
            before += head[top.head : top.end]
            continue
        for part in _children(head, top):
            if part.id == _INFO:
                info = head[part.start : part.end]
                length = element(_DURATION, struct.pack(">d", duration / MILLISECOND))
                parts.append((_INFO, element(_INFO, info + length)))
            elif part.id not in (_SEEK_HEAD, _VOID, _CUES, _CHAPTERS):
                parts.append((part.id, head[part.head : part.end]))
    size = len(_cues(number, pieces, 0))
    found = [id_ for id_, _ in parts if id_ in (_INFO, _TRACKS, _TAGS)] + [_CUES]
    start = len(_seek_head(dict.fromkeys(found, 0)))
    places, at = {}, start
    for id_, data in parts:
        places[id_] = at
        at += len(data)
    places[_CUES] = at
    inside = b"".join(
        (
            _seek_head({id_: places[id_] for id_ in found}),
            *(data for _, data in parts),
            _cues(number, pieces, at + size),
        )
    )
    whole = len(inside) + sum(piece.size for piece in pieces)
    return before + struct.pack(">IQ", _SEGMENT, 1 << 56 | whole) + inside


def _seek_head(places: Mapping[int, int]) -> bytes:
    """Where the parts of the Segment are, in bytes from its payload's beginning."""
    return element(
        _SEEK_HEAD,
        b"".join(
            element(_SEEK, unsigned(_SEEK_ID, id_) + _wide(_SEEK_POSITION, place))
            for id_, place in places.items()
        ),
    )


def _cues(number: int, pieces: Sequence[IndexEntry], at: int) -> bytes:
    """The index, of which the first piece stands at a place in the Segment's payload."""
    points = []
    for piece in pieces:
        if piece.key:
            where = unsigned(_CUE_TRACK, number) + _wide(_CUE_CLUSTER_POSITION, at)
            time = _wide(_CUE_TIME, milliseconds(piece.start))
            points.append(element(_CUE_POINT, time + element(_CUE_TRACK_POSITIONS, where)))
        at += piece.size
    return element(_CUES, b"".join(points))


def _wide(id_: int, value: int) -> bytes:
    """An unsigned integer whose length does not depend on its value."""
    return element(id_, value.to_bytes(8, "big"))


def _completed(
    header: bytes,
    entry: Element,
    sizes: Mapping[int, tuple[int, int]],
    delays: Mapping[int, int],
) -> bytes:
    """A TrackEntry, or whatever stands beside one, with what is known of that track."""
    number = _value(header, entry, _TRACK_NUMBER) if entry.id == _TRACK_ENTRY else None
    size, delay = sizes.get(number or 0), delays.get(number or 0)
    has_alpha = number is not None and any(
        part.id == _VIDEO and _value(header, part, _ALPHA_MODE) for part in _children(header, entry)
    )
    if size is None and delay is None and not has_alpha:
        return header[entry.head : entry.end]
    parts = [
        _displayed(header, part, size)
        if size is not None and part.id == _VIDEO
        else header[part.head : part.end]
        for part in _children(header, entry)
    ]
    if delay is not None and _value(header, entry, _CODEC_DELAY) is None:
        parts.append(unsigned(_CODEC_DELAY, delay * 1000))
    if has_alpha and _value(header, entry, _MOST_ADDITIONS) is None:
        parts.append(unsigned(_MOST_ADDITIONS, 1))
    return element(_TRACK_ENTRY, b"".join(parts))


def _displayed(header: bytes, video: Element, size: tuple[int, int]) -> bytes:
    """A Video element with the size at which it is to be shown."""
    kept = [
        header[child.head : child.end]
        for child in _children(header, video)
        if child.id not in (_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT)
    ]
    shown = unsigned(_DISPLAY_WIDTH, size[0]) + unsigned(_DISPLAY_HEIGHT, size[1])
    return element(_VIDEO, b"".join(kept) + shown)


PIECE_SPAN = SECOND
"""Microseconds of a Cluster in a file, if no keyframe ends it before: what people's files have."""

FILE = FileLayout(
    front=front,
    piece=lambda muxer, packets: muxer.render(packets),
    earliest=lambda packet: packet.pts,
    span=PIECE_SPAN,
)

MATROSKA = Format(
    name="matroska",
    title="Matroska",
    ending=".mkv",
    media_type=video_or_audio("x-matroska"),
    fits=lambda _: True,  # what has no place there has no number
    muxer=MatroskaMuxer,
    file=FILE,
    rebase=rebased,
)

WEBM = Format(
    name="webm",
    title="WebM",
    ending=".webm",
    media_type=video_or_audio("webm"),
    fits=lambda track: track.codec in WEBM_CODECS,
    muxer=WebMMuxer,
    file=FILE,
)
