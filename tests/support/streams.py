"""A publisher with a fan-out, as a stream has them, for tests that need no input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.formats.base import Format
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.live.client import PIECE, Client, Wish
from mkvtwist.live.demand import Demand
from mkvtwist.live.events import Events
from mkvtwist.live.fanout import Fanout
from mkvtwist.live.period import Period
from mkvtwist.live.publisher import Publisher
from mkvtwist.live.ring import Ring
from mkvtwist.live.sink import Sink
from mkvtwist.media.packet import Header, Packet
from mkvtwist.testing import footage, header
from tests.support.fakes import Log, Response


@dataclass(frozen=True)
class Broadcast:
    """What an input feeds, and what clients join."""

    publisher: Publisher
    fanout: Fanout
    demand: Demand
    events: Events

    @property
    def ring(self) -> Ring:
        """The ring of the current period, which there must be."""
        assert self.publisher.period is not None
        return self.publisher.period.ring


def broadcast(
    clock: IReactorTime,
    config: StreamConfig,
    *sinks: Sink,
    events: Events | None = None,
    piece: int = PIECE,
    make_period: Callable[[Header, Ring], Period] = Period,
) -> Broadcast:
    """
    Make one.

    @param sinks: get everything before the fan-out does.
    @param piece: bytes that a client which is behind gets in one turn.
    @param make_period: makes a period for each header.
    """
    events = events or Events()
    demand = Demand(clock, constant=bool(sinks))
    fanout = Fanout(clock, config, demand, events, piece=piece)
    publisher = Publisher(config, demand, [*sinks, fanout], make_period)
    return Broadcast(publisher, fanout, demand, events)


class BroadcastTestCase(SynchronousTestCase):
    """Tests of what clients of a stream get."""

    def setUp(self) -> None:
        """Time stands still, the log is read."""
        self.clock = Clock()
        self.log = Log(self)

    def make(
        self,
        *sinks: Sink,
        make_period: Callable[[Header, Ring], Period] = Period,
        **settings: Any,
    ) -> Broadcast:
        """A publisher with these settings, and these sinks beside the fan-out."""
        config = StreamConfig(Input(Form.DEMO, "demo:"), **settings)
        return broadcast(self.clock, config, *sinks, make_period=make_period)

    def live(self, seconds: float = 10.0, **settings: Any) -> Broadcast:
        """A publisher of video, which has so many seconds already."""
        made = self.make(**settings)
        made.publisher.begin(header())
        self.publish(made, footage(0, seconds))
        return made

    def join(
        self,
        stream: Broadcast,
        *,
        burst: float | None = 0.0,
        room: float = float("inf"),
        format_: Format = MATROSKA,
    ) -> tuple[Client, Response]:
        """A client."""
        response = Response(room)
        client = stream.fanout.join(response, Wish(burst, format_))
        self.turns()
        return client, response

    def publish(self, stream: Broadcast, packets: Iterable[Packet]) -> None:
        """Packets that arrive one by one."""
        for packet in packets:
            stream.publisher.publish([packet])
            self.turns()

    def turns(self) -> None:
        """As many turns of the reactor as somebody wants."""
        self.clock.advance(0)
