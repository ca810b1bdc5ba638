"""The order of pictures is the one that encoders gave; what the tests of both codecs share."""

from collections.abc import Iterable, Sequence
from functools import cache

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media import stored_payload
from mkvtwist.media.h264_order import H264Order
from mkvtwist.media.hevc_order import HevcOrder
from mkvtwist.media.picture_order import UNIT_LIMIT, PictureOrder
from tests.support import media
from tests.support.bitstreams import bits, escaped


def unit(head: bytes, *fields: str) -> bytes:
    """A NAL unit: the bits, a last one, and what keeps start codes out of them."""
    return head + escaped(bits(*fields, "1"))


def order_of(codec: str) -> PictureOrder:
    """The reader of the order of an encoder's pictures."""
    return HevcOrder() if codec == "libx265" else H264Order()


def orders(order: PictureOrder, pictures: Iterable[Sequence[bytes]]) -> list[tuple[bool, int]]:
    """What is said of some pictures."""
    places = [order.place(units) for units in pictures]
    return [(place.begins, place.order) for place in places if place is not None]


@cache
def encoded(codec: str) -> Sequence[Sequence[bytes]]:
    """The pictures of a short clip, in NAL units; made once."""
    clip = media.clip(container="mpegts", video=codec, audio=None, seconds=0.2, bframes=2)
    with media.opened(clip) as file:
        return [stored_payload.nal_units(bytes(p)) for p in file.demux() if p.size]


def damaged_is_harmless(
    order: PictureOrder, codec: str, index: int, flips: list[tuple[int, int]]
) -> None:
    """Flip some bits in one of the first units of a stream, and look at all of it."""
    pictures = [list(units) for units in encoded(codec)]
    damaged = bytearray(pictures[0][index % len(pictures[0])][:UNIT_LIMIT])
    for at, bit in flips:
        damaged[at % len(damaged)] ^= 1 << bit
    pictures[0].insert(index, bytes(damaged))
    for place in map(order.place, [*pictures, *pictures]):
        if place is not None:
            assert place.depth is None or 0 <= place.depth <= 16


class EncodedTests(SynchronousTestCase):
    """What encoders make."""

    def check(self, codec: str, parameters: str, depth: int, **more: int) -> None:
        """The order is that of the times that the encoder gave."""
        name = codec.removeprefix("lib")
        order = order_of(codec)
        parameters += ":log-level=none:pools=none" if name == "x265" else ""
        clip = media.clip(
            container="mpegts",
            video=codec,
            audio=None,
            size=(64, 48),
            gop=more.get("gop", 50),
            video_options=[(f"{name}-params", parameters), ("preset", "medium")],
        )
        with media.opened(clip) as file:
            packets = [p for p in file.demux() if p.size]
        keys, series = [], 0
        for packet in packets:
            place = order.place(stored_payload.nal_units(bytes(packet)))
            assert place is not None
            self.assertEqual(place.depth, depth, parameters)
            series += place.begins
            keys.append((series, place.order))
        found = [packets[n].pts for n in sorted(range(len(packets)), key=keys.__getitem__)]
        self.assertEqual(found, sorted(p.pts or 0 for p in packets), parameters)
        self.assertEqual(len(set(keys)), 75, parameters)

    def test_h264(self) -> None:
        """H.264: B-pyramids, open GOPs, interlaced, slices, weights, HRD, scaling lists."""
        for parameters, depth in (
            ("bframes=3", 2),
            ("bframes=16:b-adapt=0:b-pyramid=none", 1),
            ("bframes=8:b-adapt=0:b-pyramid=strict", 2),
            ("bframes=3:b-adapt=0:open-gop=1:keyint=12", 2),
            ("bframes=3:tff=1:weightp=2:ref=4", 2),
            ("bframes=2:fake-interlaced=1", 2),
            ("bframes=2:slices=4:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500:cqm=jvt", 2),
            ("bframes=2:intra-refresh=1", 2),
            ("bframes=0:ref=4", 0),
            ("bframes=0:keyint=1", 0),
        ):
            self.check("libx264", parameters, depth)

    def test_hevc(self) -> None:
        """HEVC: B-pyramids, open GOPs, leading pictures, layers, HRD."""
        for parameters, depth in (
            ("bframes=4", 2),
            ("bframes=3:b-pyramid=0", 1),
            ("bframes=4:open-gop=1:keyint=12:min-keyint=12", 2),
            ("bframes=4:open-gop=0:radl=2:keyint=12:min-keyint=12", 2),
            ("bframes=4:temporal-layers=3", 2),
            ("hrd=1:vbv-maxrate=500:vbv-bufsize=500:repeat-headers=1:aud=1", 2),
            ("bframes=0", 0),
        ):
            self.check("libx265", parameters, depth)
