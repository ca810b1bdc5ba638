"""Publisher: what becomes of packets, and how sinks are called."""

from __future__ import annotations

from collections.abc import Awaitable

from twisted.internet.defer import Deferred

from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period
from mkvtwist.live.segmenter import FRAGMENT_BYTES, FRAGMENT_SPAN
from mkvtwist.live.sink import Sink
from mkvtwist.media.packet import SECOND, Packet, Track
from mkvtwist.testing import AUDIO, SOUND, VIDEO, footage, header, mixed
from tests.support.fakes import Kept, blocks, head, sent
from tests.support.streams import BroadcastTestCase


class FragmentTests(BroadcastTestCase):
    """How packets become fragments and segments."""

    def test_audio(self) -> None:
        """Without video a segment is a second long, whatever comes at once."""
        for at_once in (1, 7, 1000):
            stream = self.make()
            stream.publisher.begin(header(SOUND))
            packets = [
                Packet(1, n * 20_000, n * 20_000, 20_000, True, b"%05d" % n) for n in range(500)
            ]
            for first in range(0, 500, at_once):
                stream.publisher.publish(packets[first : first + at_once])
            ring = stream.ring
            starts = [ring[n].start for n in range(ring.first, ring.end) if ring[n].key]
            self.assertEqual(starts, list(range(0, 10_000_000, 1_000_000)))
            _, response = self.join(stream, burst=2)
            self.assertEqual(response.blocks[0].time, 8000)

    def test_early_subtitles(self) -> None:
        """Subtitles that come early cut nothing, and do not keep the sound from being cut."""
        text = Track(number=2, type="subtitle", codec="subrip")
        packets = [Packet(1, n * 20_000, n * 20_000, 20_000, True, b"x") for n in range(500)]
        for n in range(480, 0, -60):
            early = n * 20_000 + 50_000_000
            packets.insert(n, Packet(2, early, early, 2_000_000, True, b"text"))
        for at_once in (1, 7, 1000):
            stream = self.make()
            stream.publisher.begin(header(SOUND, text))
            for first in range(0, len(packets), at_once):
                stream.publisher.publish(packets[first : first + at_once])
            ring = stream.ring
            fragments = [ring[n] for n in range(ring.first, ring.end)]
            starts = [fragment.start for fragment in fragments if fragment.key]
            self.assertEqual(starts, list(range(0, 10_000_000, 1_000_000)))
            sounds = [[p.dts for p in f.packets if p.track == 1] for f in fragments]
            spans = [times[-1] - times[0] for times in sounds if times]
            self.assertLessEqual(max(spans), FRAGMENT_SPAN)

    def test_subtitles_alone(self) -> None:
        """Where there is nothing but subtitles, these are cut."""
        stream = self.make()
        stream.publisher.begin(header(Track(number=1, type="subtitle", codec="subrip")))
        stream.publisher.publish(footage(0, 2.5, rate=2))
        self.assertEqual(stream.ring.segments, 3)

    def test_fragments(self) -> None:
        """What arrives in one turn is one fragment, as long as it is short and small."""
        stream = self.make()
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.3))
        self.assertEqual(stream.ring.end, 1)
        stream.publisher.publish(footage(0.3, 5))
        ring = stream.ring
        for number in range(ring.end):
            packets = ring[number].packets
            self.assertLessEqual(packets[-1].dts - packets[0].dts, FRAGMENT_SPAN)
        before = ring.end
        stream.publisher.publish(footage(5, 5.5, size=FRAGMENT_BYTES))
        self.assertEqual(ring.end - before, 5)

    def test_two_segments_at_once(self) -> None:
        """A keyframe begins a fragment, even when it arrives with what is before it."""
        stream = self.make()
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.5, gop=0.2))
        ring = stream.ring
        self.assertEqual(
            [(ring[n].start, ring[n].key) for n in range(ring.end)],
            [(0, True), (200_000, True), (400_000, True)],
        )

    def test_edge(self) -> None:
        """The new ring's time begins where the old one ended."""
        stream = self.live()
        stream.publisher.begin(header(AUDIO))
        self.assertEqual(stream.ring.edge, 10_000_000)
        self.assertEqual(stream.ring.size, 0)


class Noting(Sink):
    """
    A sink that notes what it is told.

    @ivar calls: the names of the calls.
    @ivar ended: what it has left to do at the end.
    """

    full = False

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.periods: list[Period] = []
        self.ended: Deferred[None] | None = None

    def begin(self, period: Period) -> None:
        self.calls.append("begin")
        self.periods.append(period)

    def append(self, fragment: Fragment) -> None:
        self.calls.append(f"append {fragment.number}")

    def flush(self) -> None:
        self.calls.append("flush")

    def hold(self) -> None:
        self.calls.append("hold")

    def forget(self) -> None:
        self.calls.append("forget")

    def end(self, *, for_good: bool) -> Awaitable[None] | None:
        self.calls.append("end" if for_good else "stop")
        return self.ended


class Mistake(Exception):
    """Not a failure that anybody foresaw."""


class Failing(Sink):
    """A sink in which everything goes wrong."""

    def begin(self, period: Period) -> None:
        raise Mistake

    def append(self, fragment: Fragment) -> None:
        raise Mistake

    def flush(self) -> None:
        raise Mistake

    def hold(self) -> None:
        raise Mistake

    def forget(self) -> None:
        raise Mistake

    def end(self, *, for_good: bool) -> None:
        raise Mistake


class SinkTests(BroadcastTestCase):
    """The rules of L{mkvtwist.live.sink}."""

    def test_calls(self) -> None:
        """A sink gets each fragment as it is made, and a flush once a turn."""
        noting = Noting()
        stream = self.make(noting)
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.2))
        stream.publisher.publish(footage(0.2, 1.2))
        fragments = [f"append {number}" for number in range(1, 5)]
        self.assertEqual(noting.calls, ["begin", "append 0", "flush", *fragments, "flush"])

    def test_period(self) -> None:
        """The period before is closed and complete when the next one begins."""
        noting = Noting()
        stream = self.make(noting, whole_segments=True)
        stream.publisher.begin(header())
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.5))
        stream.publisher.begin(header(AUDIO))
        first, second = noting.periods
        self.assertEqual((first.closed, first.released), (True, first.ring.end))
        self.assertEqual((second.closed, second.released), (False, 0))

    def test_away(self) -> None:
        """A sink hears of an input that is away, of a ring that is given back, and of the end."""
        noting = Noting()
        stream = self.make(noting)
        stream.publisher.hold()
        stream.publisher.forget()
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.1))
        stream.publisher.hold()
        stream.publisher.forget()
        self.assertIsNone(stream.publisher.period)
        stream.publisher.begin(header())
        stream.publisher.end()
        stream.publisher.end(for_good=False)
        away = ["hold", "hold", "forget", "begin", "end", "stop"]
        self.assertEqual(noting.calls, ["hold", "hold", "begin", "append 0", "flush", *away])
        self.assertTrue(stream.publisher.finished)

    def test_line_goes_on(self) -> None:
        """A ring that was given back leaves the stream's line where it was."""
        stream = self.live()
        stream.publisher.forget()
        stream.publisher.begin(header())
        self.assertEqual(stream.ring.edge, 10 * SECOND)

    def test_full(self) -> None:
        """The input has to wait as long as one of the sinks is full."""
        sinks = Noting(), Noting()
        stream = self.make(*sinks)
        self.assertFalse(stream.publisher.full)
        sinks[1].full = True
        self.assertTrue(stream.publisher.full)

    def test_failing(self) -> None:
        """A sink that fails is logged once for each period, and takes nothing from the others."""
        failing, noting = Failing(), Noting()
        stream = self.make(failing, noting)
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 1))
        self.assertEqual(len(self.flushLoggedErrors(Mistake)), 1)
        self.assertEqual(len(self.log.about("stream live: output Failing failed")), 1)
        stream.publisher.begin(header(AUDIO))
        _, response = self.join(stream)
        stream.publisher.publish(footage(1, 2, track=2))
        self.turns()
        stream.publisher.hold()
        stream.publisher.forget()
        stream.publisher.begin(header())
        self.successResultOf(stream.publisher.end())
        self.assertEqual(len(self.flushLoggedErrors(Mistake)), 2)
        self.assertEqual(response.blocks, sent(footage(1, 2, track=2)))
        self.assertEqual(noting.calls[-4:], ["hold", "forget", "begin", "end"])

    def test_end(self) -> None:
        """The end is complete when each sink has done what is left, or has failed in it."""
        sinks = Noting(), Noting()
        left: list[Deferred[None]] = [Deferred(), Deferred()]
        sinks[0].ended, sinks[1].ended = left
        stream = self.make(*sinks)
        ended = stream.publisher.end(for_good=False)
        self.assertFalse(stream.publisher.finished)
        left[0].callback(None)
        self.assertNoResult(ended)
        left[1].errback(Mistake())
        self.assertIsNone(self.successResultOf(ended))
        self.assertEqual(len(self.flushLoggedErrors(Mistake)), 1)


class KeptTests(BroadcastTestCase):
    """What a sink that records can rely on."""

    def test_recorder(self) -> None:
        """A recorder gets all there is, from the first packet on, whoever watches."""
        kept = Kept()
        stream = self.make(kept, whole_segments=True, buffer=1.0)
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 5.5))
        self.assertEqual(blocks(kept.data), sent(footage(0, 5.5)))
        stream.publisher.begin(header())
        stream.publisher.begin(header(AUDIO))
        self.assertEqual(kept.heads, [head(), head(AUDIO)])

    def test_recorder_begins(self) -> None:
        """A recording can begin where all can be decoded: not where the sound has cut."""
        kept = Kept()
        stream = self.make(kept)
        stream.publisher.begin(header(VIDEO, AUDIO))
        pictures = [*footage(0, 2), *footage(8, 10)]
        stream.publisher.publish(mixed(pictures, footage(0, 10, track=2)))
        self.assertEqual(kept.begins, [n * SECOND for n in (0, 1, 8, 9)])
