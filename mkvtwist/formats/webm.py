"""
WebM: Matroska with fewer elements, and with blocks in the order of their times (I{pure}).
"""

from collections.abc import Collection, Sequence

from mkvtwist.formats.base import Format, Muxer, video_or_audio
from mkvtwist.formats.matroska import ids
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.matroska.ebml import Element, children, element, elements
from mkvtwist.formats.matroska.file import FILE
from mkvtwist.formats.matroska.head import codec_delays, selected
from mkvtwist.media.packet import Header, Packet

CODECS = frozenset({"av1", "opus", "vorbis", "vp8", "vp9"})
"""FFmpeg's names of the pictures and sounds that WebM has a place for."""

_NOT_IN_WEBM = frozenset({ids.ATTACHMENTS, ids.BLOCK_ADDITION_MAPPING, ids.DISPLAY_UNIT})
"""
Elements of Matroska that WebM does not have. Browsers reject the DisplayUnit `unknown', which
libavformat writes if it was told of no shape.
"""


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
        self.head = webm_head(header.matroska_head, self._numbers)
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
        as in MP4 (L{mkvtwist.formats.mp4.fragments.Mp4Muxer.live}). If the last block says nothing,
        Chromium takes it for a sixteenth of a second, and Firefox leaves a gap behind it.
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


def webm_head(head: bytes, numbers: Collection[int]) -> bytes:
    """
    Return a head of Matroska as one of WebM: with some of its tracks, and fewer elements.

    @raise MatroskaError: when the head cannot be read.
    """
    out = []
    for top in elements(head, 0, len(head)):
        content = _as_webm(head, top)
        if top.id == ids.SEGMENT:  # its size is unknown, and stays so
            out.append(head[top.head : top.start] + content)
        else:
            out.append(element(top.id, content))
    return selected(b"".join(out), numbers)  # attachments are gone


def _as_webm(head: bytes, parent: Element) -> bytes:
    """Return the children of an element that WebM has, too."""
    parts = []
    for part in children(head, parent):
        if part.id == ids.DOC_TYPE:
            parts.append(element(ids.DOC_TYPE, b"webm"))
        elif part.id in (ids.TRACKS, ids.TRACK_ENTRY, ids.VIDEO):
            parts.append(element(part.id, _as_webm(head, part)))
        elif part.id not in _NOT_IN_WEBM:
            parts.append(head[part.head : part.end])
    return b"".join(parts)


WEBM = Format(
    name="webm",
    title="WebM",
    ending=".webm",
    media_type=video_or_audio("webm"),
    fits=lambda track: track.codec in CODECS,
    muxer=WebMMuxer,
    file=FILE,
)
