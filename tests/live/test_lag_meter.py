"""Which clients that fall behind skip to the newest keyframe, and which keep their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.live.client import Wish
from mkvtwist.live.lag_meter import PAUSED_AFTER, Lag
from mkvtwist.media.packet import Packet
from mkvtwist.testing import AUDIO, SOUND, VIDEO, footage, header, mixed
from tests.support.fakes import Response
from tests.support.streams import Broadcast, broadcast

SIZE = 1000
"""Bytes of each of ten packets a second."""

SECONDS = 90

Share = Callable[[float], float]
"""Of the stream's rate, what a client's link carries some seconds after it has joined."""


class Link(Response):
    """A response whose client takes so many bytes a second, and keeps none of them."""

    def __init__(self) -> None:
        super().__init__(0)
        self.written = 0

    def _add(self, data: bytes) -> None:
        assert not (self.paused or self.ended)
        self.written += len(data)
        taken = int(min(len(data), self.room))
        self.taken += taken
        self.room -= taken
        if self.written > self.taken:
            self.paused = True
            self.producer.pauseProducing()

    def carry(self, size: float) -> None:
        """Room for so many bytes more, of which none are saved up."""
        went = min(self.written - self.taken, size)
        self.taken += int(went)
        self.room = size - went
        if self.paused and self.written == self.taken:
            self.paused = False
            self.producer.resumeProducing()

    def finish(self) -> None:
        self.finished = True


def steady(share: float) -> Share:
    """The same all the time."""
    return lambda _: share


def after_pause(pause: float, share: float) -> Share:
    """Fast for five seconds, nothing for a while, then this."""
    return lambda time: 3.0 if time < 5 else 0.0 if time < 5 + pause else share


def with_gaps(share: float) -> Share:
    """Nothing in two of five seconds, as where many packets are lost; this on the whole."""
    return lambda time: 0.0 if time % 5 < 2 else share * 5 / 3


@dataclass(frozen=True)
class Case:
    """
    A kind of client.

    @ivar worst: seconds that it is behind at most, by so much and no more than two seconds less.
    @ivar skips: whether it loses segments.
    """

    share: Share
    worst: float
    skips: bool
    gop: float = 2.0
    burst: float = 2.0
    lag: float | None = None
    sound: bool = False
    size: int = SIZE
    """Bytes of each packet; with many more the kernel's part of a lag is nothing."""
    early: float = 0.0
    """Seconds of media that the input brings at once when the client is there already."""
    settings: dict[str, Any] = field(default_factory=dict)


TABLE = {
    "fast": Case(steady(3), 4, False),
    "just fast enough": Case(steady(1.1), 4, False),
    "two thirds of the rate": Case(steady(2 / 3), 13, True),
    "half of the rate": Case(steady(1 / 2), 13, True),
    "half of the rate, less lag": Case(steady(1 / 2), 6, True, settings={"max_lag": 3.0}),
    "less lag for this client": Case(steady(1 / 2), 6, True, lag=3.0),
    "more lag for this client": Case(steady(1 / 2), 23, True, lag=20.0),
    "no bound": Case(steady(1 / 2), 22, True, settings={"max_lag": 0.0, "buffer": 20.0}),
    "no bound for this client": Case(steady(1 / 2), 22, True, lag=0.0, settings={"buffer": 20.0}),
    "with gaps": Case(with_gaps(2 / 3), 14, True),
    "whole segments": Case(steady(2 / 3), 14, True, settings={"whole_segments": True}),
    "many bytes": Case(steady(2 / 3), 13, True, size=20 * SIZE),
    "many bytes, paused, then thin": Case(after_pause(15, 2 / 3), 26, True, size=20 * SIZE),
    "many bytes, fast": Case(steady(3), 4, False, size=20 * SIZE),
    "sound alone": Case(steady(2 / 3), 13, True, sound=True),
    "paused, then fast": Case(after_pause(20, 3), 21, False),
    "paused, then as fast as the stream": Case(after_pause(20, 1.02), 21, False),
    "paused, then thin": Case(after_pause(15, 2 / 3), 26, True),
    "paused for longer than the ring": Case(after_pause(40, 3), 32, True),
    "paused and less lag": Case(after_pause(20, 1.02), 21, False, lag=1.0),
    "gone for a moment": Case(after_pause(2.5, 3), 4, False),
    "behind on purpose": Case(steady(1.02), 22, False, burst=20.0),
    "behind on purpose, and thin": Case(steady(2 / 3), 31, True, burst=20.0),
    "a burst larger than the bound": Case(steady(1.02), 10, False, burst=9.0, lag=4.0),
    "GOPs longer than the bound": Case(steady(2 / 3), 30, True, gop=20.0),
    "GOPs longer than the bound, fast": Case(steady(3), 20, False, gop=20.0),
    "much at once": Case(steady(3), 28, False, early=25.0),
}


class LagTests(SynchronousTestCase):
    """The table above: a minute and a half with each of them."""

    def setUp(self) -> None:
        """Time stands still."""
        self.clock = Clock()

    def make(self, config: StreamConfig) -> Broadcast:
        """Pieces are small against what comes in a second."""
        return broadcast(self.clock, config, piece=2 * SIZE)

    def live(self, case: Case) -> Broadcast:
        """A stream that has been there for a while."""
        config = StreamConfig(Input(Form.DEMO, "demo:"), client_timeout=3600.0)
        made = self.make(replace(config, **case.settings))
        made.publisher.begin(header(SOUND) if case.sound else header(VIDEO))
        made.publisher.publish(self.media(case, 0, 39 - case.early))
        return made

    def media(self, case: Case, start: float, end: float) -> list[Packet]:
        """What the input brings."""
        return footage(start, end, gop=case.gop, size=case.size)

    def turns(self) -> None:
        """Whatever is due now."""
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def watch(self, case: Case) -> tuple[float, int, bool]:
        """How far a client was behind at worst, how many segments it lost, and whether it ended."""
        stream = self.live(case)
        response = Link()
        client = stream.fanout.join(response, Wish(case.burst, max_lag=case.lag))
        start = 39.0
        if case.early:
            stream.publisher.publish(self.media(case, start - case.early, start))
        worst = 0.0
        for tick in range(10 * SECONDS):
            now = start + tick / 10
            stream.publisher.publish(self.media(case, now, now + 0.1))
            response.carry(case.share(tick / 10) * case.size)
            self.turns()
            worst = max(worst, client.statistics().lag)
            self.clock.advance(0.1)
            self.turns()
        stream.fanout.leave(client, "enough")
        return worst, client.skipped_segments, response.ended

    def test_table(self) -> None:
        """Each kind of client is moved or not, and is as far behind as that means."""
        wrong = []
        for name, case in TABLE.items():
            worst, skipped, ended = self.watch(case)
            near = case.worst - 2 <= worst <= case.worst
            if not near or bool(skipped) != case.skips or ended:
                wrong.append(f"{name}: {worst:.1f} s, {skipped} segments")
        self.assertEqual(wrong, [], "\n".join(wrong))

    def test_small(self) -> None:
        """What is lost at once is no more than the bound and a GOP."""
        case = TABLE["two thirds of the rate"]
        stream = self.live(case)
        response = Link()
        client = stream.fanout.join(response, Wish(2.0))
        lost = []
        for tick in range(10 * SECONDS):
            had = client.skipped_segments
            stream.publisher.publish(self.media(case, 39 + tick / 10, 39.1 + tick / 10))
            response.carry(SIZE * 2 / 3)
            self.clock.advance(0.1)
            self.turns()
            if client.skipped_segments > had:
                lost.append(client.skipped_segments - had)
        self.assertGreater(len(lost), 1)
        self.assertLessEqual(max(lost) * case.gop, 12)
        stream.fanout.leave(client, "enough")

    def test_at_once(self) -> None:
        """A bound that is changed holds for those who watch."""
        case = Case(steady(1 / 2), 0, True, settings={"max_lag": 0.0})
        stream = self.live(case)
        response = Link()
        client = stream.fanout.join(response, Wish(2.0))
        for tick in range(300):
            if tick == 200:
                self.assertEqual(client.skipped_segments, 0)
                stream.fanout.configure(replace(stream.fanout.config, max_lag=3.0))
            stream.publisher.publish(self.media(case, 39 + tick / 10, 39.1 + tick / 10))
            response.carry(SIZE / 2)
            self.clock.advance(0.1)
            self.turns()
        self.assertGreater(client.skipped_segments, 0)
        self.assertLess(client.statistics().lag, 6)
        stream.fanout.leave(client, "enough")

    def test_without_picture(self) -> None:
        """
        While no picture comes, a client goes on at the newest sound; when pictures are back, at the
        newest keyframe.
        """
        stream = self.make(StreamConfig(Input(Form.DEMO, "demo:")))
        stream.publisher.begin(header(VIDEO, AUDIO))
        response = Link()
        client = stream.fanout.join(response, Wish(2.0))
        lost = {"sound": 0, "both": 0}
        worst = 0.0
        for tick in range(10 * SECONDS):
            start, end = tick / 10, (tick + 1) / 10
            shown = tick < 100 or tick >= 600
            pictures = footage(start, end, gop=2.0, size=SIZE) if shown else []
            stream.publisher.publish(mixed(pictures, footage(start, end, track=2, size=SIZE)))
            response.carry(SIZE * (4 / 3 if shown else 2 / 3))
            had = client.skipped_segments
            self.clock.advance(0.1)
            self.turns()
            worst = max(worst, client.statistics().lag)
            lost["both" if shown else "sound"] += client.skipped_segments - had
        self.assertGreater(lost["sound"], 8)  # of a second each
        self.assertGreater(lost["both"], 4)
        self.assertTrue(9 < worst < 14, worst)
        stream.fanout.leave(client, "enough")

    def test_held(self) -> None:
        """What the operating system holds for a client is part of its lag, as far as is known."""
        case = TABLE["fast"]
        stream = self.live(case)
        response = Link()
        client = stream.fanout.join(response, Wish(0.0))
        response.held = 50 * SIZE
        for tick in range(20):
            stream.publisher.publish(self.media(case, 39 + tick / 10, 39.1 + tick / 10))
            response.carry(9 * SIZE)
            self.clock.advance(0.1)
            self.turns()
        self.assertTrue(client.is_following)
        self.assertAlmostEqual(client.statistics().lag, 5, 0)
        self.assertEqual(client.skipped_segments, 0)
        stream.fanout.leave(client, "enough")


class CountTests(SynchronousTestCase):
    """What of a lag counts, look by look."""

    def test_pause(self) -> None:
        """A pause counts for nothing, also not for its first seconds, once it is one."""
        lag = Lag()
        lag.begin(0.0, 2.0, 2.0, 10.0)
        for second in range(1, 30):
            takes = lag.look(float(second), 2.0 + second, 1)
            self.assertEqual(takes, second == 1)
            self.assertLessEqual(lag.behind, PAUSED_AFTER)
        self.assertEqual(lag.behind, 0)

    def test_catching_up(self) -> None:
        """What a client catches up is off what counts; it is never less than nothing."""
        lag = Lag()
        lag.begin(0.0, 2.0, 0.0, 10.0)
        found = []
        for second, seconds in enumerate((2.0, 3.0, 4.0, 1.0, 0.0, 1.0), 1):
            lag.look(float(second), seconds, second)
            found.append(lag.behind)
        self.assertEqual(found, [2, 3, 4, 1, 0, 1])

    def test_faster_than_time(self) -> None:
        """What comes faster than time passes is nobody's fault."""
        lag = Lag()
        lag.begin(0.0, 0.0, 0.0, 10.0)
        lag.look(1.0, 30.0, 1)
        self.assertEqual(lag.behind, 1)
