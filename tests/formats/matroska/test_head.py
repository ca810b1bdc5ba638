"""Heads of Matroska are patched, not harmed."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.matroska.ebml import MatroskaError, element, elements, unsigned
from mkvtwist.formats.matroska.head import codec_delays, codec_privates, completed, selected
from mkvtwist.formats.webm import WEBM, webm_head
from mkvtwist.media.packet import Packet
from tests.support import media
from tests.support.adapters import described
from tests.support.matroska import (
    CODEC_DELAY,
    CRC32,
    EBML,
    HEIGHT,
    INFO,
    MS,
    OPUS_DELAY,
    PIXEL_HEIGHT,
    PIXEL_WIDTH,
    SEEK_HEAD,
    SEGMENT,
    TRACKS,
    UNIT,
    VIDEO_PART,
    VOID,
    WIDTH,
    entry,
    head,
    header,
    ids,
    picture,
    read,
    sound,
    text,
)


class HeaderTests(SynchronousTestCase):
    """Headers, patched."""

    def test_display_size(self) -> None:
        """An anamorphic track is shown in its shape, the others as they are."""
        clip = media.clip(video="mpeg4", audio="mp2", seconds=0.2)
        made = described(clip)
        data = completed(made.matroska_head, {1: (213, 120)}, {})
        cluster = MatroskaMuxer(made).render([Packet(1, 0, 0, 0, True, b"x")])
        (video, audio), _ = media.parameters(data + cluster)
        self.assertEqual((video["size"], video["sar"]), ((160, 120), Fraction(213, 160)))
        self.assertEqual(audio["codec"], "mp2")
        again = completed(data, {1: (160, 120)}, {})
        self.assertIn(media.parameters(again + cluster)[0][0]["sar"], (None, 1))

    def test_replaced(self) -> None:
        """A display size in other units than pixels is replaced, all else stays."""
        old = unsigned(WIDTH, 16) + unsigned(HEIGHT, 9) + unsigned(UNIT, 3)
        pixels = unsigned(PIXEL_WIDTH, 720) + unsigned(PIXEL_HEIGHT, 576)
        crc = element(CRC32, b"\x00\x00\x00\x00")
        data = head(entry(1, element(VIDEO_PART, pixels + old)), crc, entry(2), entry(None))
        shown = unsigned(WIDTH, 1024) + unsigned(HEIGHT, 576)
        self.assertEqual(
            completed(data, {1: (1024, 576), 2: (1, 1)}, {}),
            head(entry(1, element(VIDEO_PART, pixels + shown)), crc, entry(2), entry(None)),
        )

    def test_delay(self) -> None:
        """A delay is stated for the track that has it, unless it is stated already."""
        stated = unsigned(CODEC_DELAY, 6_500_000)
        data = completed(head(entry(1), entry(2, stated), entry(3)), {}, {1: 21, 2: 9})
        self.assertEqual(
            data, head(entry(1, unsigned(CODEC_DELAY, 21_000)), entry(2, stated), entry(3))
        )

    def test_no_index(self) -> None:
        """The index into what is not there, and padding, are dropped; other parts are kept."""
        index = element(SEEK_HEAD, b"abc") + element(VOID, bytes(100))
        tags = element(0x1254C367, b"tags")
        self.assertEqual(
            completed(head(entry(1), around=index + tags), {}, {}),
            head(entry(1), around=tags),
        )

    def test_written(self) -> None:
        """The header that clients get has no index, and libavformat reads it."""
        data = header().matroska_head
        top, segment = elements(data, 0, len(data))
        self.assertEqual((top.id, segment.id), (EBML, SEGMENT))
        parts = ids(data, segment.start)
        self.assertEqual(parts[:2], [INFO, TRACKS])
        self.assertNotIn(SEEK_HEAD, parts)
        tracks, _ = media.parameters(data + MatroskaMuxer(header()).render([picture(0)]))
        self.assertEqual([track["codec"] for track in tracks], ["vp8", "opus", "srt"])
        self.assertEqual(tracks[1]["metadata"]["title"], "Sound")

    def test_selected(self) -> None:
        """A header with some of the tracks has their entries and tags, and all else as it was."""
        whole = header().matroska_head
        self.assertIs(selected(whole, {1, 2, 3}), whole)
        tags = b"".join(
            element(0x7373, element(0x63C0, targets) + element(VOID, b""))
            for targets in (b"", unsigned(0x63C5, 71), unsigned(0x63C5, 72))
        )
        entries = [entry(n, unsigned(0x73C5, 70 + n)) for n in (1, 2)]
        around = element(0x1254C367, tags)
        first, second = (unsigned(0x63C5, 70 + n) for n in (1, 2))
        got = selected(head(*entries, around=around), {2})
        self.assertIn(entries[1], got)
        self.assertNotIn(entries[0], got)
        self.assertEqual((first in got, second in got), (False, True))
        self.assertEqual(ids(got, 17)[1:], [0x1254C367, TRACKS])

    def test_selected_read(self) -> None:
        """What is sent with it is what libavformat reads."""
        made = MatroskaMuxer(header(), {2, 3})
        data = made.head + made.render([picture(0), sound(0), text(0, 40 * MS)])
        self.assertEqual([t["codec"] for t in media.parameters(data)[0]], ["opus", "srt"])
        self.assertEqual(len(read(data)), 2)
        alone = WEBM.muxer(header(), frozenset({2}))
        data = alone.head + alone.render([picture(0), sound(0)])
        self.assertEqual([t["codec"] for t in media.parameters(data)[0]], ["opus"])

    def test_codec_delays(self) -> None:
        """Delays are found by track, to the microsecond, where there are any."""
        data = head(
            entry(1),
            entry(2, unsigned(CODEC_DELAY, 6_500_499)),
            entry(3, unsigned(CODEC_DELAY, 0)),
            entry(None, unsigned(CODEC_DELAY, 2**64 - 1)),
            element(VOID, b"junk"),
        )
        self.assertEqual(codec_delays(data), {2: 6500, 0: (2**64 + 499) // 1000})
        self.assertEqual(codec_delays(header().matroska_head), {2: OPUS_DELAY})

    def test_codec_privates(self) -> None:
        """What a decoder is given first is found by track."""
        data = head(entry(1, element(0x63A2, b"private")), entry(2))
        self.assertEqual(codec_privates(data), {1: b"private"})

    @given(st.data())
    @settings(max_examples=300)
    def test_malformed(self, data: st.DataObject) -> None:
        """Whatever is wrong with a header, it is a L{MatroskaError} or it is still a header."""
        raw = bytearray(head(entry(1, element(VIDEO_PART, b"")), entry(2)))
        raw = data.draw(st.sampled_from([raw, bytearray(header().matroska_head)]))
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(raw) - 1))
            kind = data.draw(st.integers(0, 2))
            if kind == 0:
                raw[at] = data.draw(st.integers(0, 255))
            elif kind == 1:
                del raw[at : at + data.draw(st.integers(1, 9))]
            else:
                raw[at:at] = data.draw(st.binary(max_size=9))
            raw = raw or bytearray(b"\x00")
        for function in (
            codec_delays,
            codec_privates,
            lambda header: completed(header, {1: (4, 3), 2: (16, 9)}, {1: 5, 2: 5}),
            lambda header: webm_head(header, {1}),
        ):
            try:
                function(bytes(raw))
            except MatroskaError:
                continue
