"""What clients share: bytes that are made once, and not too many of them in one turn."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.base import Format
from mkvtwist.formats.choice import Choice
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.mpegts import MPEG_TS
from mkvtwist.formats.webvtt import WEBVTT
from mkvtwist.live.audience import Audience
from mkvtwist.live.period import Period
from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import SECOND, Header, Packet, Track
from mkvtwist.testing import VIDEO, footage
from tests.support import mpegts

TEXT = Track(number=3, type="subtitle", codec="text")
MOST = 1 << 20


def period(header: Header, packets: list[Packet]) -> Period:
    """Each packet is a fragment."""
    made = Period(header, Ring(60 * SECOND, 1 << 30))
    for packet in packets:
        list(made.segmenter.append([packet]))
    made.released = made.ring.end
    return made


class PieceTests(SynchronousTestCase):
    """What is put together in one turn."""

    def audience(self, made: Period, format_: Format, **bounds: int) -> Audience[object]:
        """Those who get all tracks that live in a format."""
        choice = Choice(format_, format_.fitting(made.header.tracks))
        return Audience(made, choice, choice, None, None, **bounds)

    def test_shared(self) -> None:
        """Clients that ask for the same get the same, up to what is released or to a limit."""
        made = period(Header((VIDEO,)), footage(0, 2))
        audience = self.audience(made, MATROSKA)
        data, behind = audience.piece(10, MOST)
        self.assertEqual(behind, made.released)
        self.assertIs(audience.piece(10, MOST)[0], data)
        self.assertEqual(audience.piece(10, 1)[1], 11)
        self.assertTrue(data.startswith(audience.piece(10, 1)[0]))
        self.assertEqual(audience.piece(made.released, MOST), (b"", made.released))

    def test_nothing(self) -> None:
        """Fragments that are nothing in a format are so many in one turn, and no more."""
        header = Header((VIDEO, TEXT))
        cue = Packet(TEXT.number, SECOND, SECOND, SECOND, True, b"Hi")
        packets = footage(0, 5)
        made = period(header, [*packets[:45], cue, *packets[45:]])
        audience = self.audience(made, WEBVTT, most=20)
        place, found = 0, []
        while place < made.released:
            data, place = audience.piece(place, MOST)
            found.append((data.count(b"-->"), place))
        self.assertEqual(found, [(0, 20), (0, 40), (1, 51)])

    def test_counted(self) -> None:
        """
        Whoever begins somewhere in a transport stream gets bytes at once, if it is the first, else
        when it is found what leads to what the others have; each counter goes on for all of them.
        """
        header = mpegts.header()
        sizes = (100, 3000, 700, 20_000)
        packets = [
            Packet(1 + n % 2, n * 20_000, n * 20_000, 40_000, n % 20 == 0, bytes(sizes[n % 3]))
            for n in range(200)
        ]
        made = period(header, packets)
        audience = self.audience(made, MPEG_TS, steps=10)
        clients: dict[int, bytes] = {}
        turns: dict[int, int] = {}
        for begin in (140, 60, 100, 0):
            place, clients[begin], turns[begin] = begin, b"", 0
            while place < made.released:
                data, behind = audience.piece(place, MOST)
                turns[begin] += behind == place
                self.assertEqual(data == b"", behind == place)
                clients[begin], place = clients[begin] + data, behind
        self.assertEqual(turns, {140: 0, 60: 7, 100: 0, 0: 5})
        for begin, data in clients.items():
            self.assertTrue(clients[0].endswith(data))
            found = mpegts.parsed(data)
            self.assertEqual(len(found.pes), 200 - begin)
            for counters in found.counters.values():
                first = counters[0]
                self.assertEqual(counters, [(first + n) % 16 for n in range(len(counters))])
