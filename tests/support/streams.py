"""A publisher with a fan-out, as a stream has them, for tests that need no input."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from mkvtwist.config.settings import StreamConfig
from mkvtwist.live.client import PIECE
from mkvtwist.live.demand import Demand
from mkvtwist.live.events import Events
from mkvtwist.live.fanout import Fanout
from mkvtwist.live.publisher import Publisher
from mkvtwist.live.sink import Sink


@dataclass(frozen=True)
class Broadcast:
    """
    What an input feeds, and what clients join.
    """

    publisher: Publisher
    fanout: Fanout
    demand: Demand
    events: Events


def broadcast(
    clock: IReactorTime,
    config: StreamConfig,
    *sinks: Sink,
    events: Events | None = None,
    piece: int = PIECE,
) -> Broadcast:
    """
    Make one.

    @param sinks: get everything before the fan-out does.
    @param piece: bytes that a client which is behind gets in one turn.
    """
    events = events or Events()
    demand = Demand(clock, constant=bool(sinks))
    fanout = Fanout(clock, config, demand, events, piece=piece)
    return Broadcast(Publisher(config, demand, [*sinks, fanout]), fanout, demand, events)
