"""Clusters are read back by libavformat as they were meant; headers are patched, not harmed."""

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.clusters import HEAD, MatroskaMuxer, milliseconds, rebased
from mkvtwist.formats.matroska.ebml import MatroskaError, element, elements, signed, unsigned, vint
from mkvtwist.formats.matroska.head import codec_delays, codec_privates, completed, selected
from mkvtwist.formats.webm import WEBM, webm_head
from mkvtwist.libav.adapters import adapter_for
from mkvtwist.libav.header import write_header
from mkvtwist.media.packet import SECOND, Extra, Header, Packet
from tests.support import media

MS = 1000
VIDEO, AUDIO, TEXT = 1, 2, 3
OPUS_DELAY = 6500

EBML, SEGMENT, INFO, TRACKS, SEEK_HEAD, VOID = (
    0x1A45DFA3,
    0x18538067,
    0x1549A966,
    0x1654AE6B,
    0x114D9B74,
    0xEC,
)
ENTRY, NUMBER, PIXEL_WIDTH, PIXEL_HEIGHT, CRC32 = 0xAE, 0xD7, 0xB0, 0xBA, 0xBF
WIDTH, HEIGHT, UNIT, VIDEO_PART, CODEC_DELAY = 0x54B0, 0x54BA, 0x54B2, 0xE0, 0x56AA
DOC_TYPE = 0x4282
CLUSTER, TIMESTAMP, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK = 0x1F43B675, 0xE7, 0xA3, 0xA0, 0xA1


def header() -> Header:
    """A header for VP8, Opus and SubRip, as it is written in earnest."""
    clip = media.clip(
        video="libvpx", audio="libopus", seconds=0.2, subtitles=[(0, 0.1, "x")], titles=["Sound"]
    )
    with media.opened(clip) as container:
        made, _ = write_header([adapter_for(s) for s in container.streams], container)
    return made


def read(data: bytes) -> list[Any]:
    """The packets that libavformat finds in it, before it tries to know better."""
    with av.open(io.BytesIO(data), "r", options={"fflags": "nofillin+noparse"}) as container:
        return [packet for packet in container.demux() if packet.size]


def ids(data: bytes, start: int = 0, end: int | None = None) -> list[int]:
    """The elements side by side in it."""
    found = elements(data, start, len(data) if end is None else end)
    return [element.id for element in found]


def picture(pts: int, *, key: bool = True, data: bytes = b"", extra: Extra | None = None) -> Packet:
    """A packet of VP8."""
    return Packet(VIDEO, pts, pts, 0 if extra else 40 * MS, key, b"v" + data, extra)


def sound(pts: int, data: bytes = b"\xfc0", extra: Extra | None = None) -> Packet:
    """A packet of Opus."""
    return Packet(AUDIO, pts, pts, 20 * MS, True, data, extra)


def text(pts: int, duration: int, data: bytes = b"Hello") -> Packet:
    """A subtitle."""
    return Packet(TEXT, pts, pts, duration, True, data)


class ElementTests(SynchronousTestCase):
    """EBML, RFC 8794."""

    def test_size(self) -> None:
        """Sizes are written in the shortest form; all ones mean `unknown', and are avoided."""
        for value, expected in (
            (0, "80"),
            (1, "81"),
            (2, "82"),
            (126, "fe"),
            (127, "407f"),
            (128, "4080"),
            (16382, "7ffe"),
            (16383, "203fff"),
            (0x1FFFFE, "3ffffe"),
            (0x1FFFFF, "101fffff"),
            (2**56 - 2, "01fffffffffffffe"),
        ):
            self.assertEqual(vint(value).hex(), expected)

    def test_too_large(self) -> None:
        """What does not fit a size is refused."""
        for value in (2**56 - 1, 2**56, 2**100):
            self.assertRaises(OverflowError, vint, value)

    def test_numbers(self) -> None:
        """Numbers take as few bytes as they need."""
        for value, expected in ((0, "00"), (255, "ff"), (256, "0100"), (10**6, "0f4240")):
            made = unsigned(0xD7, value)
            self.assertEqual(made.hex(), f"d7{0x80 + len(expected) // 2:x}{expected}")
        for value, expected in ((0, "00"), (-1, "ff"), (127, "7f"), (128, "0080"), (-128, "ff80")):
            made = signed(0x75A2, value)
            self.assertEqual(made.hex(), f"75a2{0x80 + len(expected) // 2:x}{expected}")

    @given(st.lists(st.tuples(st.sampled_from([0xEC, 0x4286, 0x2AD7B1, CLUSTER]), st.binary())))
    def test_elements(self, made: list[tuple[int, bytes]]) -> None:
        """Elements are found as they were written."""
        data = b"".join(element(*each) for each in made)
        found = list(elements(data, 0, len(data)))
        self.assertEqual([(e.id, data[e.start : e.end]) for e in found], made)
        self.assertEqual(b"".join(data[e.head : e.end] for e in found), data)

    def test_unknown_size(self) -> None:
        """An element of unknown size reaches to the end of what it is in."""
        for size in ("ff", "7fff", "01ffffffffffffff"):
            data = bytes.fromhex("18538067" + size) + b"abc"
            (found,) = elements(data, 0, len(data))
            self.assertEqual(data[found.start : found.end], b"abc")

    def test_malformed(self) -> None:
        """A number that makes no sense, or a size that lies, is told from what is sound."""
        for data in ("00", "ec", "ec00", "ec82ff", "1a", "1a45dfa3", "ec40", "0000000000000000"):
            raw = bytes.fromhex(data)
            self.assertRaises(MatroskaError, list, elements(raw, 0, len(raw)))

    def test_milliseconds(self) -> None:
        """Times are rounded to the nearest millisecond."""
        for time, expected in ((0, 0), (499, 0), (500, 1), (1499, 1), (-499, 0), (33_367, 33)):
            self.assertEqual(milliseconds(time), expected)


@st.composite
def packets(draw: st.DrawFn) -> list[Packet]:
    """Packets of three tracks, in any order of time, with all that a packet may have."""
    made = []
    at = draw(st.sampled_from([0, 40 * MS, 26 * 3600 * SECOND]))
    for _ in range(draw(st.integers(1, 12))):
        steps = st.sampled_from([0, 333, 40 * MS, -80 * MS, 32_767 * MS, 32_768 * MS, -40 * SECOND])
        at = max(0, at + draw(steps))
        data = draw(st.binary(max_size=300))
        track = draw(st.sampled_from([VIDEO, VIDEO, AUDIO, TEXT]))
        if track == VIDEO:
            alpha = Extra(((1, data or b"a"),))
            extra = draw(st.sampled_from([None, None, alpha]))
            made.append(picture(at, key=draw(st.booleans()), data=data, extra=extra))
        elif track == AUDIO:
            discard = Extra(discard=draw(st.integers(1, 20 * MS)))
            made.append(sound(at, b"\xfc" + data, draw(st.sampled_from([None, discard]))))
        else:
            made.append(text(at, draw(st.integers(0, 3600 * SECOND)), b"x" + data))
    return made


class ClusterTests(SynchronousTestCase):
    """What L{Matroska.render} makes, read by libavformat."""

    def setUp(self) -> None:
        self.matroska = MatroskaMuxer(header())

    def check(self, made: Sequence[Packet], data: bytes) -> None:
        """What libavformat reads is what was written, to the millisecond."""
        # In the first packet of a track libavformat looks for the samples to skip at its beginning.
        made = [sound(0), *made]
        got = read(self.matroska.head + self.matroska.render(made[:1]) + data)
        self.assertEqual(len(got), len(made))
        for packet, found in list(zip(made, got, strict=True))[1:]:
            self.assertEqual(found.stream_index + 1, packet.track)
            self.assertEqual(bytes(found), packet.data)
            if packet.track != TEXT:  # libavformat takes the mark from subtitles that overlap
                self.assertEqual(found.is_keyframe, packet.key)
            self.assertEqual(found.time_base, Fraction(1, 1000))
            # A player takes off the delay of Opus, half a millisecond of which is rounded away.
            self.assertApproximates(
                found.pts * MS, packet.pts, MS if packet.track == AUDIO else 500
            )
            if packet.track == TEXT and packet.duration >= 500:
                self.assertApproximates(found.duration * MS, packet.duration, 500)
            self.check_extra(packet.extra, found)

    def check_extra(self, extra: Extra | None, found: Any) -> None:
        """Likewise for what stands beside the payload."""
        additions: tuple[tuple[int, bytes], ...] = ()
        discard = 0
        for side in found.iter_sidedata():
            raw = bytes(side)
            if side.data_type == "matroska_block_additional":
                additions = ((int.from_bytes(raw[:8], "big"), raw[8:]),)
            elif side.data_type == "skip_samples":
                (discard,) = struct.unpack_from("<I", raw, 4)
        self.assertEqual(additions, extra.additions if extra else ())
        expected = extra.discard * 48000 / SECOND if extra else 0
        self.assertApproximates(discard, expected, 1)

    @given(packets())
    @example([picture(0), picture(32_767 * MS), picture(32_768 * MS), picture(65_535 * MS)])
    @example([picture(SECOND), picture(0), picture(33 * SECOND)])
    def test_any(self, made: list[Packet]) -> None:
        """Any packets come back as they went in, whether together or one by one."""
        self.check(made, self.matroska.render(made))
        self.check(made, b"".join(self.matroska.render([packet]) for packet in made))

    def test_one_cluster(self) -> None:
        """Packets that came together are one Cluster as far as its 16 bits reach."""
        for last, clusters in ((32_767, 1), (32_768, 2)):
            made = [picture(5 * MS), sound(MS), picture(MS * (1 + last))]
            data = MatroskaMuxer(Header(())).render(made)
            self.assertEqual(ids(data), [CLUSTER] * clusters)

    def test_bytes(self) -> None:
        """A Cluster is what RFC 9559 says: size, time, blocks with track, offset and flags."""
        data = self.matroska.render([picture(10 * MS, data=b"k"), picture(50 * MS, key=False)])
        self.assertEqual(
            data.hex(),
            "1f43b675 08 00000019 e788 000000000000000a"
            " a386 81 0000 80 766b"
            " a385 81 0028 00 76".replace(" ", ""),
        )
        self.assertEqual(data[:HEAD].hex()[-16:], "000000000000000a")

    def test_nothing(self) -> None:
        """No packets, no bytes."""
        self.assertEqual(self.matroska.render([]), b"")

    def test_codec_delay(self) -> None:
        """What a player takes off a track's times is added to them."""
        made = [sound(n * 20 * MS) for n in range(3)]
        data = self.matroska.render(made)
        (cluster,) = elements(data, 0, len(data))
        time = next(elements(data, cluster.start, cluster.end))
        value = int.from_bytes(data[time.start : time.end], "big")
        self.assertEqual(value, milliseconds(OPUS_DELAY))
        self.assertEqual([packet.pts for packet in read(self.matroska.head + data)], [0, 20, 40])

    def test_before_0(self) -> None:
        """No Cluster has a time before 0: what is to be shown then is shown at 0."""
        made = [picture(-40 * SECOND), picture(-1), picture(40 * MS)]
        got = read(self.matroska.head + self.matroska.render(made))
        self.assertEqual([packet.pts for packet in got], [0, 0, 40])

    def test_huge(self) -> None:
        """A packet of more than 256 MiB fits, as does what stands beside it."""
        size = (1 << 28) + 5
        data = self.matroska.render([picture(0, data=bytes(size))])
        self.assertEqual(ids(data), [CLUSTER])
        self.assertEqual(ids(data, HEAD), [SIMPLE_BLOCK])
        self.assertEqual(len(data) - size, HEAD + 1 + 5 + 4 + 1)

    def test_many_tracks(self) -> None:
        """Track numbers of more than a byte are written, too."""
        for number in (126, 127, 5000):
            data = self.matroska.render([Packet(number, 0, 0, 0, True, b"x")])
            (block,) = list(elements(data, HEAD, len(data)))
            self.assertTrue(data[block.start :].startswith(vint(number)))

    def test_lasting(self) -> None:
        """Only subtitles say how long they stand, and not those that do not know."""
        data = self.matroska.render([picture(0), text(0, 2 * SECOND), text(SECOND, 0)])
        found = ids(data, HEAD)
        self.assertEqual(found, [SIMPLE_BLOCK, BLOCK_GROUP, SIMPLE_BLOCK])


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

    def test_early(self) -> None:
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
        shown = [(p.stream_index, p.is_keyframe) for p in read(self.webm.head + data) if p.size]
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


class RebasedTests(SynchronousTestCase):
    """Clusters for a client whose time begins at 0."""

    @given(packets(), st.integers(0, 100_000))
    def test_earlier(self, made: list[Packet], earlier: int) -> None:
        """Only the Timestamps differ, by so much, and none is below 0."""
        plain = MatroskaMuxer(Header(())).render(made)
        data = rebased(plain, earlier * MS)
        self.assertEqual(len(data), len(plain))
        for old, new in zip(
            elements(plain, 0, len(plain)),
            elements(data, 0, len(data)),
            strict=True,
        ):
            self.assertEqual(old, new)
            blocks = old.head + HEAD
            self.assertEqual(plain[blocks : old.end], data[blocks : new.end])
            times = [int.from_bytes(d[blocks - 8 : blocks], "big") for d in (plain, data)]
            self.assertEqual(max(0, times[0] - earlier), times[1])

    def test_nothing(self) -> None:
        """Nothing stays nothing."""
        self.assertEqual(rebased(b"", 5), b"")


def entry(number: int | None, *parts: bytes) -> bytes:
    """A TrackEntry."""
    own = b"" if number is None else unsigned(NUMBER, number)
    return element(ENTRY, own + b"".join(parts))


def head(*tracks: bytes, around: bytes = b"") -> bytes:
    """A header: EBML, then a Segment of unknown size."""
    unknown = bytes.fromhex("1853806701ffffffffffffff")
    return (
        element(EBML, b"")
        + unknown
        + element(INFO, b"info")
        + around
        + element(TRACKS, b"".join(tracks))
    )


class HeaderTests(SynchronousTestCase):
    """Headers, patched."""

    def test_display_size(self) -> None:
        """An anamorphic track is shown in its shape, the others as they are."""
        clip = media.clip(video="mpeg4", audio="mp2", seconds=0.2)
        with media.opened(clip) as container:
            made, _ = write_header([adapter_for(s) for s in container.streams], container)
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
        raw = data.draw(st.sampled_from([raw, bytearray(_real_head())]))
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


def _real_head() -> bytes:
    return header().matroska_head


class PacketTests(SynchronousTestCase):
    """The values that are rendered."""

    def test_end(self) -> None:
        """A packet ends, in decoding order, where the next one is due."""
        self.assertEqual(Packet(1, 120, 40, 20, True, b"").end, 60)

    def test_has_video(self) -> None:
        """A header says whether there are pictures."""
        self.assertTrue(header().has_video)
        self.assertFalse(Header(()).has_video)

    def test_av(self) -> None:
        """Libavformat's scale of time is ours."""
        self.assertEqual(av.time_base, SECOND)
