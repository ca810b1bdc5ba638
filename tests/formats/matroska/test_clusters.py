"""Clusters are read back by libavformat as they were meant."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.clusters import HEAD, MatroskaMuxer, milliseconds, rebased
from mkvtwist.formats.matroska.ebml import elements, vint
from mkvtwist.media.packet import SECOND, Extra, Header, Packet
from tests.support.matroska import (
    AUDIO,
    BLOCK_GROUP,
    CLUSTER,
    MS,
    OPUS_DELAY,
    SIMPLE_BLOCK,
    TEXT,
    header,
    ids,
    packets,
    picture,
    read,
    sound,
    text,
)


class ClusterTests(SynchronousTestCase):
    """What L{MatroskaMuxer.render} makes, read by libavformat."""

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
        """Data beside the payload are read as they were written."""
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

    def test_milliseconds(self) -> None:
        """Times are rounded to the nearest millisecond."""
        for time, expected in ((0, 0), (499, 0), (500, 1), (1499, 1), (-499, 0), (33_367, 33)):
            self.assertEqual(milliseconds(time), expected)


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
