"""Fan-out: who gets which fragments, when, and what happens to those who cannot follow."""

from __future__ import annotations

import gc
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import NoReturn
from weakref import ref

from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyObject

from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.live.client import PIECE, Progress, Wish
from mkvtwist.live.period import Period
from mkvtwist.live.turns import CROWD
from mkvtwist.media.packet import SECOND, Header, Packet, Track
from mkvtwist.testing import AUDIO, VIDEO, footage, header, mixed
from tests.support.fakes import Response, blocks, head, sent
from tests.support.streams import Broadcast, BroadcastTestCase


class JoinTests(BroadcastTestCase):
    """Where a client begins."""

    def test_burst(self) -> None:
        """A newcomer begins at the newest keyframe that is its burst behind the live edge."""
        stream = self.live()
        for burst, start in ((2.0, 8.0), (2.5, 7.0), (0.1, 9.0), (3.01, 6.0)):
            _, response = self.join(stream, burst=burst)
            self.assertEqual(response.data[: len(head())], head())
            self.assertEqual(response.blocks, sent(footage(0, 10), start), burst)

    def test_no_burst(self) -> None:
        """With a burst of 0 it begins at the newest keyframe, however long ago that is."""
        stream = self.live(9.7)
        _, response = self.join(stream, burst=0)
        self.assertEqual(response.blocks, sent(footage(0, 9.7), 9.0))

    def test_burst_too_long(self) -> None:
        """A burst longer than the ring gets all of the ring."""
        stream = self.live(buffer=4.0)
        _, response = self.join(stream, burst=3600)
        self.assertEqual(response.blocks, sent(footage(0, 10), 6.0))

    def test_live(self) -> None:
        """A client that wants to join live gets the header, and then the next segment."""
        stream = self.live(9.5)
        _, response = self.join(stream, burst=None)
        self.publish(stream, footage(9.5, 10))
        self.assertEqual(response.data, head())
        self.publish(stream, footage(10, 12))
        self.assertEqual(response.blocks, sent(footage(10, 12)))

    def test_live_while_full(self) -> None:
        """A segment that begins while the header is on its way is the next one all the same."""
        stream = self.live(9.5)
        _, response = self.join(stream, burst=None, room=3)
        stream.publisher.publish(footage(9.5, 11.5))
        response.read()
        self.turns()
        self.assertEqual(response.blocks, sent(footage(11, 11.5)))

    def test_live_while_waiting(self) -> None:
        """A client that joins live before the stream begins has its first segment."""
        stream = self.make()
        _, response = self.join(stream, burst=None)
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.2))
        self.assertEqual(response.blocks, sent(footage(0, 0.2)))

    def test_goes_on(self) -> None:
        """After the burst, each fragment comes in the turn in which it was published."""
        stream = self.live()
        _, response = self.join(stream, burst=2)
        for packet in footage(10, 12.5):
            self.publish(stream, [packet])
            self.assertEqual(response.blocks[-1].data, packet.data)
        self.assertEqual(response.blocks, sent(footage(0, 12.5), 8.0))

    def test_piece_by_piece(self) -> None:
        """A burst is sent a piece a turn, so that nobody else waits for it."""
        stream = self.make()
        stream.publisher.begin(header())
        packets = footage(0, 5, size=40_000)
        for packet in packets:
            stream.publisher.publish([packet])
        order: list[int] = []

        class Noting(Response):
            def write(self, data: bytes) -> None:
                super().write(data)
                order.append(id(self))

        responses = Noting(), Noting()
        for response in responses:
            stream.fanout.join(response, Wish(60))
        self.turns()
        for response in responses:
            self.assertEqual(response.blocks, sent(packets))
            self.assertGreater(len(response.writes), 2_000_000 // PIECE)
            self.assertLessEqual(max(response.writes), PIECE)
        rest = order[4:]  # each has its header and one piece as it joins
        for turn in zip(rest[::2], rest[1::2], strict=True):
            self.assertEqual(len(set(turn)), 2, "one has had two pieces in a turn")

    def test_fragment_larger_than_a_piece(self) -> None:
        """A fragment larger than a piece goes as a whole."""
        stream = self.make()
        stream.publisher.begin(header())
        packets = footage(0, 0.3, size=2 * PIECE)
        stream.publisher.publish(packets)
        _, response = self.join(stream)
        self.turns()
        self.assertEqual(response.blocks, sent(packets))

    def test_waiting(self) -> None:
        """Before the first packets a client gets nothing, not even the header."""
        stream = self.make()
        _, response = self.join(stream)
        stream.publisher.begin(header())
        self.assertEqual((response.data, response.tracks), (b"", None))
        stream.publisher.publish(footage(0, 1))
        self.turns()
        self.assertEqual(response.tracks, (VIDEO,))
        self.assertEqual(response.blocks, sent(footage(0, 1)))

    def test_waiting_for_a_keyframe(self) -> None:
        """While no segment has begun, a client has the header and waits."""
        stream = self.make()
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 1, key=False))
        client, response = self.join(stream, burst=2)
        self.assertEqual(response.data, head())
        self.assertEqual(client.statistics().lag, 0)
        stream.publisher.publish(footage(1, 2))
        self.turns()
        self.assertEqual(response.blocks, sent(footage(1, 2)))

    def test_hold(self) -> None:
        """While the input is away newcomers wait for what is new; the others lose nothing."""
        stream = self.live()
        _, old = self.join(stream)
        stream.publisher.hold()
        _, new = self.join(stream, burst=2)
        self.assertEqual(new.data, b"")
        stream.publisher.publish(footage(10, 11))
        self.turns()
        self.assertEqual(old.blocks, sent(footage(9, 11)))
        self.assertEqual(new.blocks, sent(footage(10, 11)))
        _, late = self.join(stream, burst=2)
        self.assertEqual(late.blocks, sent(footage(9, 11)))

    def test_rebase(self) -> None:
        """A client's own timestamps begin with its first fragment; nobody else's change."""
        stream = self.live()
        response, other = Response(), Response()
        stream.fanout.join(other, Wish(2))
        wish = Wish(2, rebase=MATROSKA.rebase)
        stream.fanout.join(response, wish)
        self.publish(stream, footage(10, 11))
        self.assertEqual([b.time for b in response.blocks], list(range(0, 3000, 100)))
        self.assertEqual([b.time for b in other.blocks], list(range(8000, 11000, 100)))

    def test_framing(self) -> None:
        """Framing is around the header and each fragment, and around what was rebased."""
        stream = self.make()
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.5))
        plain, framed, rebased = Response(), Response(), Response()
        stream.fanout.join(plain, Wish(0))
        stream.fanout.join(framed, Wish(0, framing=framing))
        stream.fanout.join(rebased, Wish(0, framing=framing, rebase=lambda data, _: data[::-1]))
        cluster = plain.data.removeprefix(head())
        self.assertEqual(framed.data, framing(head()) + framing(cluster))
        self.assertEqual(rebased.data, framing(head()) + framing(cluster[::-1]))

    def test_choices(self) -> None:
        """However many choices of tracks are watched, each format is made once for its audience."""
        made: list[MatroskaMuxer] = []

        class Counting(MatroskaMuxer):
            def __init__(self, of: Header, numbers: Collection[int] | None = None) -> None:
                super().__init__(of, numbers)
                made.append(self)

        format_ = replace(MATROSKA, muxer=Counting)
        tracks = [replace(AUDIO, number=number) for number in range(1, 7)]
        stream = self.make(make_period=partial(Period, choices=2))
        stream.publisher.begin(header(*tracks))
        responses = [Response() for _ in tracks]
        for track, response in zip(tracks, responses, strict=True):
            stream.fanout.join(response, Wish(0, format_, frozenset({track.number})))
        for track in tracks:
            self.publish(stream, footage(0, 1, track=track.number))
        self.assertEqual(len(made), len(tracks))
        for track, response in zip(tracks, responses, strict=True):
            self.assertEqual({block.track for block in response.blocks}, {track.number})

    def test_given_back(self) -> None:
        """Bytes that were made for an audience go with the last of its clients."""
        stream = self.live(2)
        ring = stream.ring
        size = ring.size
        clients = [self.join(stream, burst=9)[0] for _ in range(2)]
        rebased = stream.fanout.join(Response(), Wish(9, rebase=lambda data, _: data))
        self.turns()
        self.assertGreater(ring.size, size)
        for client in (clients[0], rebased):
            stream.fanout.leave(client, "it has enough")
            self.assertGreater(ring.size, size)
        stream.fanout.leave(clients[1], "it has enough")
        self.assertEqual((ring.size, len(stream.fanout.audiences)), (size, 0))

    def test_no_bytes(self) -> None:
        """A fragment of which a format has nothing gets no framing, whose empty chunk is an end."""
        stream = self.make()
        stream.publisher.begin(header(VIDEO, AUDIO))
        sound = [packet._replace(track=2) for packet in footage(0.5, 1)]
        responses = [Response(), Response()]
        pictures = frozenset({1})
        stream.fanout.join(responses[0], Wish(0, tracks=pictures, framing=framing))
        rebased = Wish(0, tracks=pictures, framing=framing, rebase=lambda data, _: data)
        stream.fanout.join(responses[1], rebased)
        self.publish(stream, [*footage(0, 0.5), *sound])
        for response in responses:
            self.assertNotIn(b"<>", response.data)
            self.assertEqual(response.data.count(b"<"), 1 + 5)


def framing(data: bytes) -> bytes:
    """Something that can be told apart."""
    return b"<" + data + b">"


class HoldTests(BroadcastTestCase):
    """For how long clients are held while the input is away."""

    def wait(self, seconds: int) -> None:
        """So long."""
        self.clock.pump([1.0] * seconds)

    def test_time(self) -> None:
        """Each is held so many seconds, from when it came or the input went, then it ends."""
        stream = self.live(hold=20.0)
        _, old = self.join(stream)
        self.wait(100)
        stream.publisher.hold()
        self.wait(10)
        _, new = self.join(stream)
        stream.publisher.hold()
        self.wait(9)
        self.assertFalse(old.ended)
        self.wait(2)
        self.assertTrue(old.finished)
        self.assertEqual(len(self.log.about("the input has been away for 20 s")), 1)
        self.wait(7)
        self.assertFalse(new.ended)
        self.wait(3)
        self.assertTrue(new.finished)
        self.assertEqual(new.data, b"")

    def test_back(self) -> None:
        """When the input is back the time counts no longer."""
        stream = self.live(hold=20.0)
        _, response = self.join(stream)
        for second in (10, 11):
            stream.publisher.hold()
            self.wait(15)
            stream.publisher.begin(header())
            self.publish(stream, footage(second, second + 1))
        self.wait(100)
        self.assertEqual(response.blocks, sent(footage(0, 12), 9.0))
        self.assertFalse(response.ended)

    def test_never_there(self) -> None:
        """Clients are held for an input that has never been there."""
        stream = self.make(hold=20.0)
        self.wait(100)
        _, response = self.join(stream)
        self.wait(19)
        self.assertFalse(response.ended)
        self.wait(2)
        self.assertTrue(response.finished)

    def test_slow(self) -> None:
        """A client that still has something to get gets it first."""
        stream = self.live(hold=20.0)
        _, slow = self.join(stream, burst=5.0, room=10)
        _, late = self.join(stream, burst=None)
        stream.publisher.hold()
        self.wait(19)
        slow.trickle()
        self.wait(5)
        self.assertFalse(slow.ended)
        self.assertTrue(late.finished)
        slow.read()
        self.wait(2)
        self.assertTrue(slow.finished)
        self.assertEqual(slow.blocks, sent(footage(0, 10), 5.0))

    def test_for_ever(self) -> None:
        """With 0 they are held for ever."""
        stream = self.live(hold=0.0)
        _, response = self.join(stream)
        stream.publisher.hold()
        self.wait(1000)
        self.assertFalse(response.ended)


class CrowdTests(BroadcastTestCase):
    """Many who join in one instant."""

    def test_first_bytes(self) -> None:
        """Everybody has a fragment before anybody has a second one."""
        stream = self.live()
        responses = [Response() for _ in range(CROWD + 8)]
        for response in responses:
            stream.fanout.join(response, Wish(1))
        self.assertEqual({len(response.blocks) for response in responses}, {1})

    def test_in_turn(self) -> None:
        """Clients that are behind take turns, a limited number at a time; each gets its own."""
        stream = self.live()
        responses = [Response() for _ in range(CROWD + 8)]
        for response in responses:
            stream.fanout.join(response, Wish(1))
        self.turns()
        for response in responses:
            self.assertEqual(response.blocks, sent(footage(9, 10)))

    def test_shared(self) -> None:
        """What many get who join together is put together once."""
        stream = self.live()
        pieces: list[bytes] = []

        class Keeping(Response):
            def write(self, data: bytes) -> None:
                super().write(data)
                pieces.append(data)

        for _ in range(5):
            stream.fanout.join(Keeping(), Wish(1))
        self.turns()
        self.assertEqual([len(pieces), len({id(piece) for piece in pieces})], [15, 3])


class ClientTests(BroadcastTestCase):
    """Nobody waits for anybody."""

    def test_client(self) -> None:
        """A client is what a response takes as its producer."""
        client, _ = self.join(self.live())
        verifyObject(IPushProducer, client)

    def test_once(self) -> None:
        """A client that has caught up before its next turn gets nothing twice in it."""
        stream = self.make()
        stream.publisher.begin(header())
        pictures = footage(0, 3)
        self.publish(stream, pictures[:11])
        response = Response(room=40)
        client = stream.fanout.join(response, Wish(0))
        self.assertTrue(client.paused)
        response.read()
        self.assertTrue(client.is_following)
        stream.publisher.publish([pictures[11]])
        self.turns()
        self.assertEqual([block.time for block in response.blocks], [1000, 1100])

    def test_several(self) -> None:
        """All clients get the same bytes, which are made once."""
        rendered: list[Sequence[Packet]] = []

        class Counting(MatroskaMuxer):
            def render(self, packets: Sequence[Packet]) -> bytes:
                rendered.append(packets)
                return super().render(packets)

        format_ = replace(MATROSKA, muxer=Counting)
        stream = self.live(1)
        self.assertEqual(rendered, [], "nobody watches")
        responses = [self.join(stream, format_=format_)[1] for _ in range(20)]
        self.publish(stream, footage(1, 2))
        self.assertEqual({response.data for response in responses}, {responses[0].data})
        self.assertEqual(responses[0].blocks, sent(footage(0, 2)))
        self.assertEqual(len(rendered), 20)

    def test_paused(self) -> None:
        """A client that takes no more goes on, later, where it stopped; nobody else notices."""
        stream = self.live()
        slow, slow_response = self.join(stream, room=150)
        _, fast_response = self.join(stream)
        for packet in footage(10, 12):
            self.publish(stream, [packet])
            self.assertEqual(fast_response.blocks[-1].data, packet.data)
        self.assertEqual(slow.statistics().state, "behind")
        self.assertGreater(slow.statistics().lag, 1.5)
        slow_response.read()
        self.turns()
        self.assertEqual(slow_response.data, fast_response.data)
        self.assertEqual(slow.statistics().state, "live")
        self.assertEqual(slow.statistics().lag, 0)
        self.assertEqual(slow.skipped_segments, 0)

    def test_stalled(self) -> None:
        """A client that takes nothing for the time-out is dropped; who takes a little is not."""
        stream = self.live(client_timeout=5.0)
        stalled = self.join(stream, room=100)[1]
        trickling = self.join(stream, room=100)[1]
        fast = self.join(stream)[1]
        for second in range(10, 40):
            stream.publisher.publish(footage(second, second + 1))
            self.clock.advance(1)
            trickling.trickle()
            self.assertEqual(stalled.aborted, second >= 15, second)
        self.assertFalse(trickling.ended)
        self.assertEqual(fast.blocks, sent(footage(9, 40)))
        self.assertEqual(len(self.log.about("client 1 left")), 1)
        self.assertIn("it took nothing for 5 s", self.log.about("client 1 left")[0])
        self.assertEqual(stream.fanout.bytes_out, 100 + trickling.taken + fast.taken)

    def test_stalled_and_held(self) -> None:
        """One is dropped, too, for which the operating system holds all that there is."""

        class Held(Response):
            def progress(self) -> Progress:
                return Progress(1000, len(self.data))

        stream = self.live(client_timeout=5.0)
        response = Held()
        client = stream.fanout.join(response, Wish(0))
        self.turns()
        for second in range(10, 16):
            self.assertFalse(response.aborted)
            stream.publisher.publish(footage(second, second + 1))
            self.assertTrue(client.is_following)
            self.clock.advance(1)
        self.assertTrue(response.aborted)
        self.assertIn("it took nothing for 5 s", self.log.about("client 1 left")[0])

    def test_bytes(self) -> None:
        """What a client has taken is counted: behind, following, and what it took of one write."""
        stream = self.live()
        client, response = self.join(stream, room=150)
        for second in range(10, 16):
            self.publish(stream, footage(second, second + 1))
            self.assertEqual(client.statistics().bytes, response.taken)
            response.read(room=second * 30)
            self.turns()
            self.assertEqual(client.statistics().bytes, response.taken)
        response.read()
        self.turns()
        self.publish(stream, footage(16, 17))
        self.assertEqual(response.blocks, sent(footage(9, 17)))
        self.assertEqual(client.sent, len(response.data))
        stream.fanout.leave(client, "enough")
        self.assertEqual((client.sent, stream.fanout.bytes_out), (len(response.data),) * 2)

    def test_nothing_to_take(self) -> None:
        """A client that has all there is, or waits for more, is not one that takes nothing."""
        stream = self.live(client_timeout=1.0)
        _, response = self.join(stream)
        stream.publisher.hold()
        _, waiting = self.join(stream)
        self.clock.pump([1] * 20)
        self.assertFalse(response.ended or waiting.ended)

    def test_fell_off(self) -> None:
        """Whose place has left the ring goes on at the newest keyframe; the loss is counted."""
        stream = self.live(buffer=3.0, client_timeout=3600.0)
        client, response = self.join(stream, room=100)
        self.publish(stream, footage(10, 20.5))
        had = response.blocks
        response.read()
        self.turns()
        self.assertEqual(response.blocks, had + sent(footage(20, 20.5)))
        # Those that begin at 10 to 19 s it has not seen at all.
        self.assertEqual(client.skipped_segments, 10)
        stream.publisher.publish(footage(20.5, 21))
        self.assertEqual(response.blocks[-1:], sent(footage(20.9, 21)))
        self.assertEqual(client.statistics().skipped_segments, 10)

    def test_more_than_the_ring(self) -> None:
        """When more comes at once than the ring holds, whoever watched goes on at its end."""
        stream = self.live(buffer=1.0, buffer_bytes=100_000)
        client, response = self.join(stream)
        had = response.blocks
        stream.publisher.publish(footage(10, 30, size=1000))
        self.turns()
        self.publish(stream, footage(30, 31, size=1000))
        self.assertEqual(response.blocks, had + sent(footage(29, 31, size=1000)))
        self.assertGreater(client.skipped_segments, 0)

    def test_fell_off_twice(self) -> None:
        """Each loss is added to the ones before."""
        stream = self.live(buffer=3.0, client_timeout=3600.0)
        client, response = self.join(stream, room=100)
        counts = []
        for second in (20, 30):
            stream.publisher.publish(footage(client_end(stream), second))
            response.read(room=100)
            counts.append(client.skipped_segments)
        self.assertGreater(counts[1], counts[0])

    def test_skipping_is_said_once_a_second(self) -> None:
        """However many clients lose however much, the log has one line a second, with the sum."""
        stream = self.live(buffer=2.0, client_timeout=3600.0)
        clients = [self.join(stream, room=100) for _ in range(5)]
        for second in (20, 30):
            stream.publisher.publish(footage(client_end(stream), second))
            for _, response in clients:
                response.read(room=100)
        self.assertEqual(self.log.about("slow clients"), [])
        self.clock.advance(1)
        total = sum(client.skipped_segments for client, _ in clients)
        line = f"stream live: 5 slow clients skipped {total} segments"
        self.assertEqual(self.log.about("slow clients"), [line])
        self.clock.pump([1] * 5)
        self.assertEqual(self.log.about("slow clients"), [line])

    def test_skipped_and_gone(self) -> None:
        """The loss of one that has gone is in its last line, not in the sum."""
        stream = self.live(buffer=2.0)
        client, response = self.join(stream, room=100)
        stream.publisher.publish(footage(10, 20))
        response.read()
        stream.fanout.leave(client, "enough")
        self.clock.advance(1)
        self.assertEqual(self.log.about("slow clients"), [])
        self.assertIn(f"{client.skipped_segments} segments skipped: enough", self.log.lines[-1])

    def test_failing_write(self) -> None:
        """An exception of one client ends that client alone, with a traceback in the log."""

        class Breaking(Response):
            def offer(self, data: bytes) -> int:
                fail()

        stream = self.live()
        responses = [Response(), Breaking(), Response()]
        for response in responses:
            stream.fanout.join(response, Wish(0))
        self.turns()
        stream.publisher.publish(footage(10, 11))
        self.assertEqual(len(self.flushLoggedErrors(Failing)), 1)
        self.assertTrue(responses[1].aborted)
        self.assertEqual(len(self.log.about("client 2 left")), 1)
        stream.publisher.publish(footage(11, 12))
        for response in (responses[0], responses[2]):
            self.assertEqual(response.blocks, sent(footage(9, 12)))
        self.assertEqual(len(stream.fanout.clients), 2)

    def test_failing_rebase(self) -> None:
        """The same when its bytes cannot be made: the input does not notice."""
        stream = self.live()
        _, other = self.join(stream)
        response = Response()
        broken = False
        stream.fanout.join(response, Wish(0, rebase=lambda data, _: fail() if broken else data))
        self.turns()
        self.assertEqual(response.blocks, other.blocks)
        broken = True
        self.publish(stream, footage(10, 11))
        self.assertEqual(len(self.flushLoggedErrors(Failing)), 1)
        self.assertTrue(response.aborted)
        self.assertEqual(other.blocks, sent(footage(9, 11)))

    def test_failing_join(self) -> None:
        """One that fails as it joins is gone; it does not stay in the list."""
        stream = self.live()
        response = FailingResponse()
        stream.fanout.join(response, Wish(0))
        self.assertEqual(len(self.flushLoggedErrors(Failing)), 1)
        self.assertEqual(stream.fanout.clients, set())
        self.assertTrue(response.aborted)

    def test_failing_wait(self) -> None:
        """One that fails when the stream begins keeps nobody from it."""
        stream = self.make()
        responses = [FailingResponse(), Response(), Response()]
        for response in responses:
            stream.fanout.join(response, Wish(0))
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 1))
        self.turns()
        self.assertEqual(len(self.flushLoggedErrors(Failing)), 1)
        self.assertEqual(responses[1].blocks, sent(footage(0, 1)))
        self.assertEqual(responses[2].blocks, sent(footage(0, 1)))

    def test_gone(self) -> None:
        """One that goes gets nothing more; the log has one line, whoever notices first."""
        stream = self.live()
        client, response = self.join(stream)
        _, other = self.join(stream)
        client.stopProducing()
        stream.fanout.leave(client, "the client has gone")
        had = response.data
        stream.publisher.publish(footage(10, 11))
        self.assertEqual(response.data, had)
        self.assertEqual(other.blocks, sent(footage(9, 11)))
        self.assertEqual(
            [line.removeprefix("stream live: ") for line in self.log.about("client 1 left")],
            [f"client 1 left after 0 s and {len(had)} bytes, 0 segments skipped: {GONE}"],
        )

    def test_gone_while_written_to(self) -> None:
        """One that goes in the middle of a write is gone; the others have theirs."""
        stream = self.make()
        stream.publisher.begin(header())
        self.publish(stream, footage(0, 5, size=40_000))

        class Leaving(Response):
            def write(self, data: bytes) -> None:
                super().write(data)
                if len(self.data) > 5 * PIECE:
                    self.producer.stopProducing()

        leaving = Leaving()
        stream.fanout.join(leaving, Wish(60))
        _, other = self.join(stream, burst=60)
        self.turns()
        self.assertLessEqual(len(leaving.data), 6 * PIECE)
        self.assertEqual(other.blocks, sent(footage(0, 5, size=40_000)))
        self.assertEqual(len(stream.fanout.clients), 1)

    def test_gone_while_waiting(self) -> None:
        """One that has gone before the stream began gets nothing when it begins."""
        stream = self.make()
        client, response = self.join(stream)
        stream.fanout.leave(client, "the client has gone")
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 1))
        self.assertIsNone(response.tracks)

    def test_nobody_left(self) -> None:
        """While nobody watches, nothing is left to do in the reactor."""
        stream = self.live()
        for _ in range(2):
            client, _ = self.join(stream)
            self.assertNotEqual(self.clock.getDelayedCalls(), [])
            stream.fanout.leave(client, "enough")
            self.turns()
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_joined(self) -> None:
        """The log says who joins."""
        stream = self.live()
        stream.fanout.join(Response(), Wish(0, peer="192.0.2.1:5", user_agent="Lavf/62"))
        stream.fanout.join(Response(), Wish(0, peer="192.0.2.1:6"))
        self.assertEqual(
            self.log.lines[-2:],
            [
                "stream live: client 1 joined: 192.0.2.1:5, Lavf/62",
                "stream live: client 2 joined: 192.0.2.1:6, no user agent",
            ],
        )


GONE = "the client has gone"


class Failing(Exception):
    """Not a failure that anybody foresaw."""


class FailingResponse(Response):
    """A response that fails as it begins."""

    def begin(self, tracks: Sequence[Track]) -> None:
        """Fail."""
        fail()


def fail(*_: object) -> NoReturn:
    """Fail."""
    raise Failing


def client_end(stream: Broadcast) -> float:
    """Where the stream's footage ends so far, in seconds."""
    return stream.ring.edge / 1e6


class SegmentTests(BroadcastTestCase):
    """What clients get of segments: whole ones, long ones, those of several tracks."""

    def test_whole_segments(self) -> None:
        """With whole segments, one is sent when the next one begins."""
        stream = self.make(whole_segments=True)
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.5))
        client, response = self.join(stream)
        for packet in footage(0.5, 3):
            self.publish(stream, [packet])
            complete = packet.dts // 1_000_000
            self.assertEqual(response.blocks, sent(footage(0, complete)), packet)
        self.assertEqual(client.statistics().state, "live")

    def test_whole_segments_burst(self) -> None:
        """A newcomer gets whole segments only, too."""
        stream = self.live(9.5, whole_segments=True)
        _, newest = self.join(stream, burst=0)
        _, burst = self.join(stream, burst=2)
        _, live = self.join(stream, burst=None)
        self.assertEqual(newest.data, head())
        self.assertEqual(burst.blocks, sent(footage(7, 9)))
        self.publish(stream, footage(9.5, 11.5))
        self.assertEqual(newest.blocks, sent(footage(9, 11)))
        self.assertEqual(burst.blocks, sent(footage(7, 11)))
        self.assertEqual(live.blocks, sent(footage(10, 11)))

    def test_whole_segments_end(self) -> None:
        """At the end the last segment is complete as it is."""
        stream = self.live(9.5, whole_segments=True)
        _, response = self.join(stream)
        stream.publisher.end()
        self.turns()
        self.assertEqual(response.blocks, sent(footage(9, 9.5)))
        self.assertTrue(response.finished)

    def test_whole_segments_slow(self) -> None:
        """One that is skipped ahead goes on with a segment that is not complete yet."""
        stream = self.live(whole_segments=True, buffer=2.0)
        _, response = self.join(stream, burst=2, room=100)
        had = response.blocks
        stream.publisher.publish(footage(10, 20.5))
        response.read()
        self.turns()
        self.assertEqual(response.blocks, had)
        stream.publisher.publish(footage(20.5, 21.1))
        self.assertEqual(response.blocks, had + sent(footage(20, 21)))

    def test_audio_with_video(self) -> None:
        """Audio packets, keyframes all of them, begin no segment where there is video."""
        stream = self.make()
        stream.publisher.begin(header(VIDEO, AUDIO))
        packets = mixed(footage(0, 5), footage(0, 5, track=2, rate=50, gop=0.02))
        stream.publisher.publish(packets)
        self.assertEqual(stream.ring.segments, 5)
        _, response = self.join(stream)
        first = response.blocks[0]
        self.assertEqual((first.track, first.time, first.key), (1, 4000, True))
        self.assertEqual(response.blocks, sent(packets[packets.index(footage(4, 5)[0]) :]))

    def test_endless_gop(self) -> None:
        """One keyframe and then none is bounded: watchers go on, newcomers wait for the next."""
        stream = self.make(buffer=5.0, buffer_bytes=100_000, client_timeout=3600.0)
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.1, size=1000))
        _, watching = self.join(stream)
        slow, slow_response = self.join(stream, room=100)
        self.publish(stream, footage(0.1, 60, gop=1000, size=1000))
        self.assertLessEqual(stream.ring.size, 100_000)
        newcomer, new = self.join(stream, burst=2)
        slow_response.read()
        had = slow_response.data
        self.turns()
        self.assertEqual(new.data, head())
        self.assertEqual((newcomer.place, slow.place), (None, None))
        self.assertEqual(slow.skipped_segments, 1)
        self.assertEqual(watching.blocks, sent(footage(0, 60, gop=1000, size=1000)))
        self.publish(stream, footage(60, 62, gop=60, size=1000))
        again = sent(footage(60, 62, gop=60, size=1000))
        self.assertEqual(new.blocks, again)
        self.assertEqual(slow_response.blocks, blocks(had) + again)
        self.assertEqual(watching.blocks[-20:], again)

    def test_endless_whole_segment(self) -> None:
        """The same with whole segments, of which one can never be sent."""
        stream = self.make(buffer=5.0, buffer_bytes=100_000, whole_segments=True)
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 0.1, size=1000))
        client, response = self.join(stream)
        self.publish(stream, footage(0.1, 60, gop=1000, size=1000))
        self.assertEqual(response.data, head())
        self.assertGreaterEqual(client.statistics().lag, 0)
        self.publish(stream, footage(60, 61.1, size=1000))
        self.assertEqual(response.blocks, sent(footage(60, 61, size=1000)))


class HeaderTests(BroadcastTestCase):
    """One set of tracks is one header; a header never changes under a client."""

    def test_same_tracks(self) -> None:
        """When the same tracks begin again, clients go on as if nothing had been."""
        stream = self.live()
        _, response = self.join(stream)
        stream.publisher.begin(header())
        stream.publisher.publish(footage(10, 11))
        _, new = self.join(stream)
        self.assertEqual(response.blocks, sent(footage(9, 11)))
        self.assertEqual(response.data.count(head()), 1)
        self.assertEqual(new.blocks, sent(footage(10, 11)))

    def test_silent_video(self) -> None:
        """While no picture comes a newcomer begins with the sound of now, and gets the next one."""
        stream = self.make(buffer=10.0)
        stream.publisher.begin(header(VIDEO, AUDIO))
        sound = footage(0, 32, track=2)
        pictures = [*footage(0, 4), *footage(30, 32)]
        came = mixed(pictures, sound)
        for now in (9, 25):
            self.publish(stream, [p for p in came if p.dts < now * SECOND])
            came = [p for p in came if p.dts >= now * SECOND]
            for burst in (0.0, 2.0):
                _, response = self.join(stream, burst=burst)
                first = response.blocks[0]
                self.assertEqual(first.track, 2)
                self.assertLessEqual(now * 1000 - first.time, 1000 * (burst + 1.1))
        self.publish(stream, came)
        shown = [block for block in response.blocks if block.track == 1]
        self.assertEqual(shown, sent(footage(30, 32)))

    def test_other_tracks(self) -> None:
        """With other tracks old responses end with their rest, and new ones have the new header."""
        stream = self.live(whole_segments=True)
        _, old = self.join(stream)
        stream.publisher.begin(header(VIDEO, AUDIO))
        self.turns()
        self.assertTrue(old.finished)
        self.assertIn("the tracks have changed", self.log.lines[-1])
        self.assertEqual(old.blocks, sent(footage(9, 10)))
        _, new = self.join(stream, burst=2)
        stream.publisher.publish(mixed(footage(10, 11.1), footage(10, 11, track=2)))
        self.turns()
        self.assertEqual(new.tracks, (VIDEO, AUDIO))
        self.assertEqual(new.data[: len(head(VIDEO, AUDIO))], head(VIDEO, AUDIO))
        self.assertEqual(new.blocks, sent(mixed(footage(10, 11), footage(10, 11, track=2))))

    def test_slow_at_the_change(self) -> None:
        """One that is behind at the change still gets its rest, at its own speed."""
        stream = self.live()
        _, slow = self.join(stream, burst=5, room=100)
        stream.publisher.begin(header(AUDIO))
        stream.publisher.publish(footage(10, 12, track=2))
        self.assertFalse(slow.ended)
        self.assertEqual(len(stream.fanout.clients), 1)
        slow.read()
        self.turns()
        self.assertEqual(slow.blocks, sent(footage(5, 10)))
        self.assertTrue(slow.finished)
        self.assertEqual(len(stream.fanout.clients), 0)

    def test_old_ring(self) -> None:
        """A ring that is done goes with its last client, and with what HLS lists of it."""
        stream = self.live()
        client, slow = self.join(stream, burst=5, room=100)
        assert stream.publisher.period is not None
        old = ref(stream.publisher.period)
        stream.publisher.begin(header(AUDIO))
        for second in range(10, 50):
            stream.publisher.publish(footage(second, second + 1, track=2))
        gc.collect()
        self.assertIsNotNone(old())
        slow.read()
        self.turns()
        del client, slow
        gc.collect()
        self.assertIsNone(old())

    def test_too_slow_for_two_changes(self) -> None:
        """One that has not even got its rest when the tracks change again is dropped."""
        stream = self.live()
        _, slow = self.join(stream, burst=5, room=100)
        stream.publisher.begin(header(AUDIO))
        stream.publisher.publish(footage(10, 12, track=2))
        stream.publisher.begin(header())
        self.assertTrue(slow.aborted)
        self.assertIn("the tracks changed twice", self.log.lines[-1])


class EndTests(BroadcastTestCase):
    """The end of the stream."""

    def test_following(self) -> None:
        """A client that has everything, for long, gets nothing more."""
        stream = self.live()
        _, response = self.join(stream)
        self.publish(stream, footage(10, 15))
        stream.publisher.end()
        self.turns()
        self.assertTrue(response.finished)
        self.assertEqual(response.blocks, sent(footage(9, 15)))

    def test_end(self) -> None:
        """Everybody gets the rest; then the responses are complete."""
        stream = self.live()
        fast = self.join(stream)[1]
        slow = self.join(stream, burst=5, room=100)[1]
        stream.publisher.end()
        self.assertTrue(fast.finished)
        self.assertEqual(fast.blocks, sent(footage(9, 10)))
        self.assertFalse(slow.ended)
        slow.read()
        self.turns()
        self.assertTrue(slow.finished)
        self.assertEqual(slow.blocks, sent(footage(5, 10)))
        self.assertEqual(stream.fanout.clients, set())
        self.assertIn("the end of the stream", self.log.lines[-1])

    def test_end_in_pieces(self) -> None:
        """The rest comes a piece a turn."""
        stream = self.make()
        stream.publisher.begin(header())
        packets = footage(0, 5, size=40_000)
        stream.publisher.publish(packets)
        response = Response()
        stream.fanout.join(response, Wish(60))
        stream.publisher.end()
        self.assertFalse(response.finished)
        self.turns()
        self.assertTrue(response.finished)
        self.assertEqual(response.blocks, sent(packets))

    def test_end_twice(self) -> None:
        """The service stopping after the end takes nobody's rest away."""
        stream = self.live()
        _, slow = self.join(stream, burst=5, room=100)
        stream.publisher.end()
        stream.publisher.end()
        slow.read()
        self.turns()
        self.assertTrue(slow.finished)
        self.assertEqual(slow.blocks, sent(footage(5, 10)))

    def test_stalled_at_the_end(self) -> None:
        """One that does not take its rest is dropped by the time-out, as ever."""
        stream = self.live(client_timeout=5.0)
        _, slow = self.join(stream, room=100)
        stream.publisher.end()
        self.clock.pump([1] * 7)
        self.assertTrue(slow.aborted)
        self.assertEqual(stream.fanout.clients, set())

    def test_waiting_at_the_end(self) -> None:
        """A client that waits when nothing more will come is told so, without a header."""
        stream = self.make()
        _, response = self.join(stream)
        stream.publisher.end()
        self.assertTrue(response.finished)
        self.assertIsNone(response.tracks)
        self.assertEqual(stream.fanout.clients, set())

    def test_late(self) -> None:
        """A client that comes after the end is told so at once."""
        stream = self.live()
        stream.publisher.end()
        _, response = self.join(stream)
        self.assertTrue(response.finished)
        self.assertIsNone(response.tracks)

    def test_full_before_a_keyframe(self) -> None:
        """One that has the header only, when the stream ends, has a complete response."""
        stream = self.make()
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 1, key=False))
        _, response = self.join(stream)
        stream.publisher.end()
        self.assertEqual(response.data, head())
        self.assertTrue(response.finished)


class StatisticsTests(BroadcastTestCase):
    """What is counted."""

    def test_counters(self) -> None:
        """Bytes out are of those who are there and of those who have gone."""
        stream = self.live()
        one, first = self.join(stream)
        _, second = self.join(stream, burst=5)
        stream.fanout.leave(one, "enough")
        self.assertEqual(stream.fanout.bytes_out, len(first.data) + len(second.data))

    def test_client(self) -> None:
        """A client's figures are those of the contract."""
        stream = self.live()
        self.clock.advance(3)
        response = Response(room=150)
        client = stream.fanout.join(response, Wish(5, peer="192.0.2.1:5", user_agent="mpv"))
        self.clock.advance(4)
        shown = client.statistics()
        self.assertEqual(shown.id, 1)
        self.assertEqual(
            (shown.peer, shown.user_agent, shown.format), ("192.0.2.1:5", "mpv", "matroska")
        )
        self.assertEqual((shown.since, shown.bytes, shown.skipped_segments), (3, 150, 0))
        self.assertEqual(shown.state, "behind")

    def test_lag_of_the_lost(self) -> None:
        """A place that has left the ring is as far behind as the ring reaches."""
        stream = self.live(buffer=3.0)
        client, _ = self.join(stream, room=100)
        stream.publisher.publish(footage(10, 20))
        self.assertEqual(client.statistics().lag, 3)
