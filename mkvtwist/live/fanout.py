"""
One stream, fanned out to any number of clients (I{reactor}).

The rules:

 1. A client is one number, its place in the ring. Nothing is queued for it; what it cannot take now
    stays in the ring, which all clients share.
 2. To join is to recover: a newcomer is a client that is behind, placed at a keyframe. A client
    whose place has left the ring goes on at the newest keyframe, whole segments later; so does one
    that takes data and falls more than C{--max-lag} behind, as
    L{mkvtwist.live.lag_meter} measures it.
 3. Slow clients never hold up others. A client that follows gets each fragment in the turn in which
    it came; one that is behind gets a L{piece<mkvtwist.live.client.PIECE>} a turn, after them.
 4. A header never changes under a client. The clients of a period that is complete get its rest,
    and their responses end.

::

    begin, append, flush, hold, end                   join
           |                                            |
           v                                            v
        Fanout ------- Period <------ Audience ------ Client ------> IResponse
           |           header, ring   bytes             place           ^
           |                                                            |
           '-----> Followers (each write as it comes) -----------------'|
           '-----> Turns (a piece each, for those who are behind) ------'
"""

import itertools
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from mkvtwist.config.settings import StreamConfig
from mkvtwist.live.audience import Audiences
from mkvtwist.live.client import PIECE, Client, IResponse, Wish
from mkvtwist.live.client_check import Sweep
from mkvtwist.live.demand import Demand
from mkvtwist.live.events import ClientJoined, ClientLeft, Events
from mkvtwist.live.followers import Followers
from mkvtwist.live.period import Period
from mkvtwist.live.sink import Sink
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.live.turns import CROWD, Turns


class Fanout(Sink):
    """
    The clients of one stream.

    @ivar clients: all of them.
    @ivar beside: the clients of auxiliary formats (subtitles), which do not count as viewers.
    @ivar audiences: the clients that get the same bytes.
    @ivar turns: the turns of clients that are behind.
    @ivar sweep: looks at the clients once a second.
    @ivar away_since: when the input went away; L{None} while it is there.
    @ivar ended: whether nothing more will come.
    """

    def __init__(
        self,
        clock: IReactorTime,
        config: StreamConfig,
        demand: Demand,
        events: Events | None = None,
        *,
        piece: int = PIECE,
        crowd: int = CROWD,
    ) -> None:
        """
        @param demand: is told of clients that come and go.
        @param events: hears of clients that join and leave.
        @param piece: bytes that a client which is behind gets in one turn.
        @param crowd: clients that get a piece in one turn.
        """
        self.clock = clock
        self.config = config
        self.piece = piece
        self.clients: set[Client] = set()
        self.beside: set[Client] = set()
        self.audiences: Audiences[Client] = Audiences()
        self.turns: Turns[Client] = Turns(clock, self._pump, crowd)
        self._followers = Followers(self.audiences, self.turns, self._fail, piece)
        self.ended = False
        self.away_since: float | None = clock.seconds()
        self._log = StreamLog(config.name, __name__)
        self.sweep: Sweep[Client] = Sweep(clock, self.clients, self._look, self._log)
        self._demand = demand
        self._events = events or Events()
        self._ids = itertools.count(1)
        self._period: Period | None = None
        self._closing: Period | None = None
        self._end = 0  # of the ring, when it was flushed last
        self._begun = 0  # segments of the ring that had begun by then
        self._waiting: set[Client] = set()
        self._bytes_before = 0  # that clients have taken which have left

    def configure(self, config: StreamConfig) -> None:
        """Take over settings that a running stream can take over."""
        self.config = config
        for client in self.clients:
            client.response.attend(config.client_timeout)

    # Sink

    def begin(self, period: Period) -> None:
        """Give the clients of the period before its rest; newcomers begin with this one."""
        if self._period is not None:
            self._close(self._period)
        self._period = period
        self.sweep.measure(period.ring)
        self._followers.begin()
        self._end = self._begun = 0

    def flush(self) -> None:
        """
        Give everything since the last flush to clients that follow, in one write; let waiting ones
        begin.
        """
        period = self._period
        assert period is not None
        self._followers.give(period)
        self.away_since = None
        ring = period.ring
        fresh, self._end = self._end, ring.end
        if self._waiting:
            for client in list(self._waiting):
                self._waiting.discard(client)
                self._guard(client, client.enter, period, fresh)
        if self._begun != ring.begun:
            self._begun = ring.begun
            for client in [c for c in self._watching(period) if c.place is None]:
                self._guard(client, client.settle)
                self._guard(client, client.pump)

    def hold(self) -> None:
        """Have newcomers wait, for no longer than the configuration says."""
        if self.away_since is None:
            self.away_since = self.clock.seconds()

    def forget(self) -> None:
        """Have newcomers wait for the next period."""
        self._period = None
        self.sweep.forget()

    def end(self, *, for_good: bool) -> None:
        """Give the clients the rest; those that wait get nothing."""
        self.ended = True
        if self._period is not None:
            self._close(self._period)
        for client in list(self._waiting):
            self.leave(client, "the end of the stream")
            client.response.finish()

    # the clients' side

    def join(self, response: IResponse, wish: Wish) -> Client:
        """
        Take a new client. It gets the header as soon as there is one.

        @param response: where its bytes go.
        """
        client = Client(self, next(self._ids), response, wish)
        self.clients.add(client)
        self._demand.enter()
        if wish.format.auxiliary:
            self.beside.add(client)
        self._log.info(
            "client {id} joined: {peer}, {user_agent}",
            id=client.id,
            peer=wish.peer,
            user_agent=wish.user_agent or "no user agent",
        )
        self._events.tell(
            ClientJoined(
                stream=self.config.name,
                id=client.id,
                peer=wish.peer,
                user_agent=wish.user_agent,
                format=wish.format.name,
            )
        )
        self.sweep.enter()
        if self.ended:
            self.leave(client, "the end of the stream")
            response.finish()
        elif self.away_since is None and self._period is not None:
            self._guard(client, client.enter, self._period)
        else:
            self._waiting.add(client)
        self._demand.touch()
        return client

    def leave(self, client: Client, reason: str) -> None:
        """Let a client go, for this reason; its response is not touched. Idempotent."""
        if client not in self.clients:
            return
        self.clients.discard(client)
        self.beside.discard(client)
        self._waiting.discard(client)
        self.turns.withdraw(client)
        audience = client.audience
        client.leave()
        if audience is not None:
            self.audiences.leave(client, audience)
        self._let_go()
        self._bytes_before += client.sent
        self._demand.leave()
        self.sweep.leave(client)
        left = ClientLeft(
            stream=self.config.name,
            id=client.id,
            seconds=self.clock.seconds() - client.since,
            bytes=client.sent,
            skipped_segments=client.skipped_segments,
            reason=reason,
        )
        self._log.info(
            "client {id} left after {seconds:.0f} s and {bytes} bytes,"
            " {skipped_segments} segments skipped: {reason}",
            **left.details,
        )
        self._events.tell(left)

    @property
    def bytes_out(self) -> int:
        """Return the bytes that clients have taken, including clients that have left."""
        return self._bytes_before + sum(client.sent for client in self.clients)

    # what they get

    def _watching(self, period: Period) -> list[Client]:
        """Return the clients that have, or wait for, a place in a period."""
        return [client for client in self.clients if client.period is period]

    def _pump(self, client: Client) -> None:
        self._guard(client, client.pump)

    def _look(self, client: Client, now: float) -> None:
        if client in self.clients:
            self._guard(client, client.look, now)

    def _close(self, period: Period) -> None:
        """Give the clients of a period that is complete its rest."""
        if period is self._closing:
            return
        # Only one ring beside the current one: clients of an older one are disconnected.
        if self._closing is not None:
            for client in self._watching(self._closing):
                self.leave(client, "the tracks changed twice before it had the rest")
                client.response.abort()
        self._closing = period
        for client in self._watching(period):
            if client.is_following:
                client.follow_from(self._followers.given)
            self._guard(client, client.pump)
        self._let_go()

    def _let_go(self) -> None:
        """Give back a ring that is done when its last client has left."""
        if self._closing is not None and not any(
            audience.period is self._closing for audience in self.audiences
        ):
            self._closing = None

    def _guard(self, client: Client, call: Callable[..., None], *args: object) -> None:
        """Make a call for a client; its exception is logged, and ends that client alone."""
        try:
            call(*args)
        except Exception:  # noqa: BLE001 - whatever it is, it is one client's
            self._fail(client)

    def _fail(self, client: Client) -> None:
        self._log.failure("client {id} failed", id=client.id)
        self.leave(client, "an error in mkvtwist; the log has its traceback")
        client.response.abort()
