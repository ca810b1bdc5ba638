"""WebM: fewer codecs, and blocks in the order of their times."""

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.clusters import MatroskaMuxer, milliseconds
from mkvtwist.formats.matroska.ebml import element, elements, unsigned
from mkvtwist.formats.matroska.head import codec_privates
from mkvtwist.formats.webm import WEBM, webm_head
from mkvtwist.media.packet import SECOND, Packet
from tests.support import media
from tests.support.matroska import (
    AUDIO,
    BLOCK_GROUP,
    DOC_TYPE,
    INFO,
    MS,
    OPUS_DELAY,
    PIXEL_HEIGHT,
    PIXEL_WIDTH,
    TEXT,
    TRACKS,
    UNIT,
    VIDEO,
    VIDEO_PART,
    entry,
    head,
    header,
    ids,
    packets,
    picture,
    read,
    sound,
    text,
)


class WebMTests(SynchronousTestCase):
    """WebM: fewer codecs, and blocks in the order of their times."""

    def setUp(self) -> None:
        self.webm = media.all_of(WEBM, header())

    def times(self, data: bytes) -> list[list[tuple[int, int]]]:
        """Time and track of each block, Cluster by Cluster."""
        clusters = []
        for cluster in elements(data, 0, len(data)):
            base, *blocks = elements(data, cluster.start, cluster.end)
            begin = int.from_bytes(data[base.start : base.end], "big")
            found = []
            for block in blocks:
                body = data[block.start : block.end]
                if block.id == BLOCK_GROUP:
                    inside = next(elements(data, block.start, block.end))
                    body = data[inside.start : inside.end]
                offset = int.from_bytes(body[1:3], "big", signed=True)
                found.append((begin + offset, body[0] & 0x7F))
            clusters.append(found)
        return clusters

    def test_head(self) -> None:
        """The header says WebM, has the numbers of Matroska's tracks, and what browsers read."""
        data = self.webm.head
        top, segment = elements(data, 0, len(data))
        doc_types = [
            data[part.start : part.end]
            for part in elements(data, top.start, top.end)
            if part.id == DOC_TYPE
        ]
        self.assertEqual(doc_types, [b"webm"])
        self.assertEqual(ids(data, segment.start)[:2], [INFO, TRACKS])
        self.assertEqual(list(codec_privates(data)), [AUDIO])
        tracks, _ = media.parameters(data + self.webm.render([picture(0), sound(0)]))
        self.assertEqual([track["codec"] for track in tracks], ["vp8", "opus"])
        self.assertEqual(tracks[1]["metadata"]["title"], "Sound")

    def test_not_in_webm(self) -> None:
        """Attachments, other tracks, and a shape that says it is unknown are left out."""
        unit = unsigned(UNIT, 4)
        pixels = unsigned(PIXEL_WIDTH, 720) + unsigned(PIXEL_HEIGHT, 576)
        attachments = element(0x1941A469, b"font")
        data = head(
            entry(1, element(VIDEO_PART, pixels + unit)),
            entry(2, element(0x41E4, b"mapping")),
            entry(3),
            around=attachments,
        )
        self.assertEqual(
            webm_head(data, {1, 2}),
            head(entry(1, element(VIDEO_PART, pixels)), entry(2)),
        )

    @given(packets())
    def test_order(self, made: list[Packet]) -> None:
        """Time goes back nowhere, from track to track neither; no packet is lost or made."""
        data = self.webm.render(made)
        blocks = [block for cluster in self.times(data) for block in cluster]
        self.assertEqual(blocks, sorted(blocks, key=lambda block: block[0]))
        delays = {AUDIO: OPUS_DELAY}
        expected = [
            (milliseconds(p.pts + delays.get(p.track, 0)), p.track) for p in made if p.track != TEXT
        ]
        self.assertEqual(sorted(blocks), sorted(expected))

    def test_as_they_come(self) -> None:
        """
        Each picture says how long it lasts, the newest as long as one is waited for: browsers take
        what comes after twice that time for a jump, and what says nothing for a gap.
        """
        made = [picture(0), sound(10 * MS), picture(500 * MS, key=False), sound(520 * MS)]
        for pause, lasts in ((0, 60), (2000 * MS, 2000)):
            found = []
            data = self.webm.live(made, pause, None)
            (cluster,) = elements(data, 0, len(data))
            for block in list(elements(data, cluster.start, cluster.end))[1:]:
                parts = elements(data, block.start, block.end)
                said = (
                    {p.id: data[p.start : p.end] for p in parts} if block.id == BLOCK_GROUP else {}
                )
                found.append(int.from_bytes(said.get(0x9B, b""), "big"))
            self.assertEqual(found, [500, 0, lasts, 0])
        shown = [(p.stream_index, p.is_keyframe) for p in read(self.webm.head + data)]
        self.assertEqual(shown, [(0, True), (1, True), (0, False), (1, True)])

    def test_stable(self) -> None:
        """What has the same time stays in its order; a track's packets stay in theirs."""
        made = [sound(80 * MS), picture(40 * MS, data=b"1"), picture(40 * MS, data=b"2")]
        data = self.webm.render(made)
        self.assertEqual(self.times(data), [[(40, VIDEO), (40, VIDEO), (87, AUDIO)]])
        self.assertLess(data.index(b"v1"), data.index(b"v2"))

    def test_alone(self) -> None:
        """Without another track in the way, the bytes are Matroska's."""
        made = [picture(n * 40 * MS, key=not n) for n in range(5)]
        self.assertEqual(self.webm.render(made), MatroskaMuxer(header()).render(made))

    def test_nothing(self) -> None:
        """Subtitles alone are no bytes."""
        self.assertEqual(self.webm.render([text(0, SECOND)]), b"")
