"""Ogg is read back by libavformat as what its own muxer writes of the same packets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.choice import choose
from mkvtwist.formats.ogg import OGG
from mkvtwist.media.packet import SECOND, Header, Packet
from tests.formats.ogg.test_pages import read
from tests.formats.test_bare import remuxed
from tests.support import media
from tests.support.packets import AUDIO, jumping_packets
from tests.support.read_back import LATER, Sent, read_clip

ENCODERS = ("libopus", "vorbis", "flac")


def pages_of(data: bytes) -> list[bytes]:
    """The pages, cut where each begins."""
    return [b"OggS" + page for page in data.split(b"OggS")[1:]]


def sent(muxer: Muxer[Any], packets: Sequence[Packet], size: int) -> bytes:
    """The head, and the packets in fragments of so many, each numbered behind the one before."""
    data, number = muxer.head, muxer.start
    for at in range(0, len(packets), size):
        fragment = packets[at : at + size]
        data += muxer.live(fragment, 0, number)
        number = muxer.advance(fragment, number)
    return data


class OggTests(SynchronousTestCase):
    """Real media, read back by libavformat."""

    def clip(self, encoder: str, video: str | None = None) -> Sent:
        """Two seconds of sound, perhaps with pictures."""
        return read_clip(self, video, encoder, seconds=2)

    def muxer(self, made: Header) -> Muxer[Any]:
        """What a client gets that does not choose."""
        return OGG.muxer(made, choose(made, OGG).tracks)

    def test_as_libavformat(self) -> None:
        """Beside pictures or alone, the packets are those of libavformat's muxer, one by one."""
        for encoder in ENCODERS:
            for video in ("libx264", None):
                made = self.clip(encoder, video)
                data = sent(self.muxer(made.header), made.packets, 5)
                theirs = remuxed(media.clip(video=video, audio=encoder, seconds=2), "ogg")
                self.assertEqual(
                    [packet.data for packet in media.packets(data)],
                    [packet.data for packet in media.packets(theirs)],
                    encoder,
                )

    def test_times(self) -> None:
        """Sound is as far from the beginning as it was, and later ones are at their time."""
        for encoder in ENCODERS:
            made = self.clip(encoder)
            muxer = self.muxer(made.header)
            for later in (0, LATER):
                moved = [p._replace(pts=p.pts + later, dts=p.dts + later) for p in made.packets]
                found = media.packets(sent(muxer, moved, 1))
                shifts = {
                    theirs.pts - mine.pts
                    for theirs, mine in zip(found[1:-1], moved[1:-1], strict=True)
                    if theirs.pts is not None
                }
                # Matroska's times are milliseconds, and Vorbis's first packet has no samples.
                self.assertLessEqual(max(shifts) - min(shifts), 2000, encoder)
                self.assertLess(max(map(abs, shifts)), SECOND // 40, encoder)

    def test_joined(self) -> None:
        """Whoever joins in the middle gets the header pages, then whole packets from there on."""
        for encoder in ENCODERS:
            made = self.clip(encoder)
            muxer = self.muxer(made.header)
            at = len(made.packets) // 2
            number = muxer.start
            for packet in made.packets[:at]:
                number = muxer.advance([packet], number)
            data = muxer.head + muxer.live(made.packets[at:], 0, number)
            self.assertEqual(
                [packet.data for packet in media.packets(data)],
                [packet.data for packet in made.packets[at:]],
            )

    def test_header_pages(self) -> None:
        """The first header is alone on its page, and the first sound begins one (RFC 7845, 3)."""
        made = self.clip("vorbis")
        muxer = self.muxer(made.header)
        pages = [read(page) for page in pages_of(muxer.head)]
        self.assertEqual([len(page.pieces) for page in pages], [1, 2])
        self.assertEqual([page.position for page in pages], [0, 0])
        self.assertEqual(muxer.start, 2)
        self.assertEqual(muxer.render(made.packets[:3]), muxer.live(made.packets[:3], 0, 2))

    @given(jumping_packets((-SECOND, 0, 10**15), st.binary(max_size=600)), st.integers(1, 4))
    def test_numbers(self, made: list[Packet], size: int) -> None:
        """What is said of the numbers, without making the bytes, is what the pages have."""
        muxer = OGG.muxer(self.clip("libopus").header, frozenset({1}))
        mine = [p._replace(track=1 if p.track == AUDIO else 9) for p in made]
        found = [read(page) for page in pages_of(sent(muxer, mine, size))]
        self.assertEqual([page.number for page in found], list(range(len(found))))
        self.assertTrue(all(page.position >= 0 for page in found))

    def test_moved(self) -> None:
        """Numbers that were counted from elsewhere are moved by what they are wrong."""
        muxer = self.muxer(self.clip("libopus").header)
        self.assertEqual(muxer.moved(3, 5, 40), 38)
