"""One stream as a whole: its states, its figures, its end, its recording."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import ref

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import parse_at_end, parse_input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.senders import Station
from mkvtwist.libav import Ended, Event, Tagged
from mkvtwist.live.client import Wish
from mkvtwist.live.now_playing import Song
from mkvtwist.live.ring import Ring
from mkvtwist.live.sink import Surroundings
from mkvtwist.media.packet import Packet
from mkvtwist.outputs.recorder import Files, Recorder
from mkvtwist.streams.memory import trim
from mkvtwist.streams.stream import OUTPUTS, MakeOutput, Stream
from mkvtwist.testing import END, VIDEO, FakeReaders, Reactor, footage, header
from tests.support.disk import Disk
from tests.support.fakes import Kept, Log, Response, blocks, head, sent


class StreamTests(SynchronousTestCase):
    """L{Stream}, whose input reads nothing but what the test gives it."""

    stream: Stream

    def setUp(self) -> None:
        """Time stands still."""
        self.readers = FakeReaders()
        self.log = Log(self)
        self.reactor = Reactor()
        self.ends: list[Stream] = []

    def test_tags(self) -> None:
        """The input's tags say what is playing, and what the stream is, unless it is set."""
        stream = self.start(description="Mine")
        self.readers[0].emit(
            Tagged("Title", "Artist", "Radio", "Its own", "Jazz"), header(), *footage(0, 1)
        )
        self.reactor.turns()
        self.assertEqual(stream.now_playing.song, Song("Title", "Artist"))
        self.assertEqual(stream.station, Station("Radio", "Mine", "Jazz"))
        self.readers[0].emit(Tagged(station="Film"))
        self.reactor.turns()
        self.assertEqual(stream.now_playing.song, Song("Title", "Artist"))
        self.assertEqual(stream.station.name, "Film")

    def start(
        self,
        text: str = "film.mkv",
        make_outputs: Sequence[MakeOutput] = OUTPUTS,
        **settings: Any,
    ) -> Stream:
        """A stream, started."""
        source = parse_input("input", text)
        settings.setdefault("at_end", parse_at_end("at-end", None, source.form))
        self.stream = Stream(
            self.reactor,
            StreamConfig(source, **settings),
            self.ends.append,
            start_reader=self.readers,
            make_outputs=make_outputs,
        )
        self.stream.startService()
        return self.stream

    def emit(self, *events: Event) -> None:
        """The reader makes these."""
        self.readers[-1].emit(*events)
        self.reactor.turns()

    def watch(self, room: float = float("inf")) -> Response:
        """A client."""
        response = Response(room)
        self.stream.fanout.join(response, Wish(0))
        self.reactor.turns()
        return response

    def state(self) -> tuple[str, str]:
        """State and reason."""
        statistics = self.stream.statistics()
        return statistics.state, statistics.reason

    def test_states(self) -> None:
        """The state says what the stream is about, and the reason says why."""
        self.start()
        self.assertEqual(self.state()[0], "opening")
        self.emit(header())
        self.assertEqual(self.state()[0], "waiting for a keyframe")
        self.emit(*footage(0, 1))
        self.assertEqual(self.state(), ("live", "packets are coming"))
        self.emit(END)
        self.assertEqual(self.state(), ("ended", "the end of the input"))

    def test_waiting_for_a_keyframe(self) -> None:
        """When the only keyframe has left the ring, the reason says so."""
        self.start(buffer=5.0, buffer_bytes=100_000)
        self.emit(header(), *footage(0, 60, gop=1000, size=1000))
        state, reason = self.state()
        self.assertEqual(state, "waiting for a keyframe")
        self.assertIn("more than the buffer holds", reason)
        self.emit(*footage(60, 61))
        self.assertEqual(self.state()[0], "live")

    def test_waiting_for_a_sender(self) -> None:
        """An endpoint waits; nothing is known yet."""
        self.start("tcp:12345")
        statistics = self.stream.statistics()
        self.assertEqual(statistics.state, "waiting for a sender")
        self.assertEqual((statistics.tracks, statistics.clients), ((), ()))
        self.assertEqual((statistics.bitrate, statistics.ring_bytes), (0, 0))

    def test_bitrate(self) -> None:
        """The bitrate is that of the last seconds of the clock: none when the input has stopped."""
        self.start("tcp:12345")
        self.stream.publisher.begin(header())
        for second in range(20):
            self.stream.publisher.publish(footage(second, second + 1, size=100))
            self.reactor.advance(1)
        self.assertApproximates(self.stream.statistics().bitrate, 100 * 10 * 8, 400)
        self.reactor.advance(6)
        self.assertEqual(self.stream.statistics().bitrate, 0)

    def kept(self) -> int:
        """Bytes of the buffer."""
        return self.stream.statistics().ring_bytes

    def test_given_back(self) -> None:
        """The buffer of a stream that has ended is kept for as long as clients are held."""
        self.start(hold=20)
        self.emit(header(), *footage(0, 10), END)
        ring = ref(self.ring())
        self.reactor.advance(19)
        self.assertGreater(self.kept(), 1000)
        self.reactor.advance(1)
        self.assertEqual(self.kept(), 0)
        gc.collect()
        self.assertIsNone(ring())
        self.assertEqual(self.state(), ("ended", "the end of the input"))
        response = self.watch()
        self.assertTrue(response.finished)
        self.successResultOf(self.stream.stopService())

    def ring(self) -> Ring:
        """The one in use."""
        period = self.stream.publisher.period
        assert period is not None
        return period.ring

    def test_given_back_to_the_system(self) -> None:
        """It is given back to the operating system, too, in a thread: that takes a while."""
        self.start(hold=20)
        pool = self.reactor.getThreadPool()
        pool.is_busy = True
        self.emit(header(), *footage(0, 10), END)
        self.reactor.advance(20)
        self.assertEqual(pool.waiting, [trim])

    def test_given_back_anyway(self) -> None:
        """Where they are held for ever it is not kept for ever."""
        self.start(hold=0)
        self.emit(header(), *footage(0, 10), END)
        self.reactor.advance(59)
        self.assertGreater(self.kept(), 1000)
        self.reactor.advance(1)
        self.assertEqual(self.kept(), 0)

    def test_given_back_when_stopped(self) -> None:
        """A stream that is stopped has none, and nothing is left to do."""
        for events in ((), (END,)):
            self.start()
            self.emit(header(), *footage(0, 10), *events)
            stopped = self.stream.stopService()
            for reader in self.readers:
                reader.join()
            self.reactor.turns()
            self.successResultOf(stopped)
            self.assertEqual(self.kept(), 0)
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_retrying(self) -> None:
        """A URL that has gone is tried again; what is known of it stays."""
        self.start("http://host/")
        self.emit(header(), *footage(0, 1), Ended("connection reset", fault=True))
        self.assertEqual(self.state()[0], "retrying")
        self.assertIn("connection reset", self.state()[1])
        self.assertEqual(self.stream.statistics().tracks, (VIDEO,))

    def test_since(self) -> None:
        """The state's beginning is a moment of the wall clock."""
        self.start()
        self.reactor.advance(100)
        self.emit(header())
        self.reactor.advance(50)
        self.assertApproximates(self.stream.statistics().since, time.time() - 50, 10)

    def test_figures(self) -> None:
        """The figures are those of ring, publisher and input."""
        self.start()
        self.emit(header())
        for packet in footage(0, 10, size=100):
            self.emit(packet)
        self.watch()
        self.watch()
        statistics = self.stream.statistics()
        self.assertEqual(statistics.input, "film.mkv")
        self.assertEqual(statistics.tracks, (VIDEO,))
        self.assertEqual(statistics.bitrate, 100 * 10 * 8)
        self.assertEqual(statistics.segment_seconds, 1)
        self.assertEqual(statistics.ring_seconds, 10)
        self.assertGreater(statistics.ring_bytes, 100 * 100)
        self.assertEqual(statistics.ring_segments, 10)
        self.assertEqual((statistics.fragments, statistics.bytes_in), (100, 10_000))
        self.assertEqual((statistics.discontinuities, statistics.restarts), (0, 0))
        self.assertEqual([client.id for client in statistics.clients], [1, 2])
        self.assertEqual(statistics.bytes_out, sum(client.bytes for client in statistics.clients))
        self.assertIsNone(statistics.recording)

    def test_end(self) -> None:
        """The stream has ended when its clients have their rest."""
        stream = self.start()
        self.emit(header(), *footage(0, 1))
        slow = self.watch(room=10)
        self.emit(END)
        self.reactor.pump([0.1] * 20)
        self.assertEqual(self.ends, [])
        slow.read()
        self.reactor.pump([0.1] * 20)
        self.assertEqual(self.ends, [stream])
        self.assertEqual(slow.blocks, sent(footage(0, 1)))

    def test_end_without_clients(self) -> None:
        """With nobody there it has ended at once."""
        stream = self.start()
        self.emit(header(), *footage(0, 1), END)
        self.assertEqual(self.ends, [stream])

    def test_stopped_before_the_end(self) -> None:
        """A stream that is stopped while the last client has its rest does not end again."""
        self.start(client_timeout=5.0)
        self.emit(header(), *footage(0, 1))
        slow = self.watch(room=10)
        self.emit(END)
        stopped = self.stream.stopService()
        self.assertNoResult(stopped)
        slow.read()
        self.reactor.pump([0.1] * 20)
        self.successResultOf(stopped)
        self.assertTrue(slow.finished)
        self.assertEqual(self.ends, [])

    def test_stopped_with_a_stalled_client(self) -> None:
        """A client that takes nothing holds up the stopping for a second, no longer."""
        self.start(client_timeout=5.0)
        self.emit(header(), *footage(0, 1))
        self.watch(room=10)
        stopped = self.stream.stopService()
        self.reactor.pump([0.1] * 8)
        self.assertNoResult(stopped)
        self.reactor.pump([0.1] * 4)
        self.successResultOf(stopped)

    def test_stop(self) -> None:
        """When the service stops, responses end in order, and the thread is waited for."""
        self.start()
        self.emit(header(), *footage(0, 1))
        response = self.watch()
        waiting = self.stream.stopService()
        self.reactor.turns()
        self.assertTrue(response.finished)
        self.readers[-1].join()
        self.reactor.turns()
        self.successResultOf(waiting)

    def test_recording(self) -> None:
        """All that the stream carries is in the file, and is there when the service has stopped."""
        path = Path(self.mktemp()).absolute()
        self.start(record=str(path))
        self.emit(header(), *footage(0, 3))
        self.assertEqual(self.stream.statistics().recording, str(path))
        self.emit(*footage(3, 5), END)
        self.successResultOf(self.stopped())
        data = path.read_bytes()
        self.assertEqual(data[: len(head())], head())
        self.assertEqual(blocks(data), sent(footage(0, 5)))
        self.assertEqual(len(self.log.about("recording to")), 1)

    def stopped(self) -> Any:
        """The service stops; what threads do is done."""
        stopped = self.stream.stopService()
        self.readers[-1].join()
        self.reactor.turns()
        return stopped

    def test_recording_keeps_up(self) -> None:
        """An input that is faster than the disk waits for it; nothing is left out."""
        path = Path(self.mktemp()).absolute()
        self.start(record=str(path))
        pool = self.reactor.getThreadPool()
        pool.is_busy = True
        packets = footage(0, 10, size=200_000)
        self.emit(header())
        for packet in packets:
            self.emit(packet)
        self.assertLess(self.stream.statistics().fragments, 100)
        while pool.run_next():
            self.reactor.turns()
        self.assertEqual(self.stream.statistics().fragments, self.count(packets))
        self.assertEqual(blocks(path.read_bytes()), sent(packets))

    def count(self, packets: list[Packet]) -> int:
        """How many fragments these have become."""
        ring = self.ring()
        self.assertEqual(ring[ring.end - 1].packets[-1], packets[-1])
        return ring.end

    def test_disk_full(self) -> None:
        """When the disk is full the stream goes on, and what was written stays."""
        path, disk = Path(self.mktemp()).absolute(), Disk()

        def recorder(config: StreamConfig, around: Surroundings) -> Recorder:
            files = Files(str(config.record))
            run = around.run_in_thread
            return Recorder(files, run, around.on_room, self.reactor.seconds, create=disk.create)

        self.start(make_outputs=[recorder], record=str(path))
        response = self.watch()
        self.emit(header(), *footage(0, 1))
        disk.room = 0
        self.emit(*footage(1, 2))
        self.emit(*footage(2, 3))
        self.assertEqual(response.blocks, sent(footage(0, 3)))
        recording = self.stream.statistics().recording
        assert recording is not None
        self.assertIn("No space left", recording)
        self.assertEqual(blocks(path.read_bytes()), sent(footage(0, 1)))
        self.successResultOf(self.stopped())

    def test_output(self) -> None:
        """An output gets all that comes, keeps the input awake, and is waited for at the end."""
        left: Deferred[None] = Deferred()
        around: list[Surroundings] = []

        class Slow(Kept):
            def end(self, *, for_good: bool) -> Deferred[None]:
                return left

        kept = Slow()

        def make(_: StreamConfig, surroundings: Surroundings) -> Slow:
            around.append(surroundings)
            return kept

        self.start(make_outputs=[lambda *_: None, make])
        self.assertTrue(self.stream.demand.constant)
        self.emit(header(), *footage(0, 1))
        kept.full = True
        self.emit(*footage(1, 2))
        self.assertEqual(blocks(kept.data), sent(footage(0, 1)))
        kept.full = False
        around[0].on_room()
        self.assertEqual(blocks(kept.data), sent(footage(0, 2)))
        self.assertIsNone(self.stream.statistics().recording)
        stopped = self.stopped()
        self.assertNoResult(stopped)
        left.callback(None)
        self.successResultOf(stopped)

    def test_recording_fails(self) -> None:
        """When the disk fails the stream goes on, and the status says what is wrong."""
        path = Path(self.mktemp()).absolute() / "nowhere" / "film.mkv"
        self.start(record=str(path))
        response = self.watch()
        self.emit(header(), *footage(0, 1))
        self.emit(*footage(1, 2))
        self.assertEqual(response.blocks, sent(footage(0, 2)))
        recording = self.stream.statistics().recording
        assert recording is not None
        self.assertIn(f"cannot record to {path}", recording)
        self.assertEqual(len(self.log.about("cannot record")), 1)
        self.successResultOf(self.stopped())
