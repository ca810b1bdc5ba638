"""
One response that is being streamed to, and its place in the ring (I{reactor}).

::

    waits -> is behind -> follows <-> is behind -> leaves
    |        a piece in   each fragment in         the response ends, the client
    |        each turn    the turn in which        has gone, or takes nothing
    |                     it comes
    until there is a header, and a segment begins
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from twisted.internet.interfaces import IConsumer, IPushProducer, IReactorTime
from zope.interface import Attribute, implementer

from mkvtwist.config.settings import StreamConfig
from mkvtwist.formats.base import Format
from mkvtwist.formats.choice import NoTrack, Unfit, choose
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.live.audience import Audience, Audiences, Rebase, Transform
from mkvtwist.live.client_check import Sweep
from mkvtwist.live.lag_meter import Lag
from mkvtwist.live.period import Period
from mkvtwist.live.turns import Turns
from mkvtwist.media.packet import SECOND, Track
from mkvtwist.net.sockets import UNSENT

PIECE = 128 << 10
"""
Bytes that a client which is behind gets in one turn of the reactor, at least one fragment: what its
socket takes beyond what is on its way (L{UNSENT}), so that two turns of a thousand newcomers fit
between two pictures.
"""


class Progress(NamedTuple):
    """
    The progress of a client's bytes.

    @ivar taken: bytes that the client has taken; only the difference of two says something.
    @ivar held: bytes that have been written, and wait in the operating system.
    """

    taken: int
    held: int


class IResponse(IConsumer):
    """
    The response that a client's bytes go to; called in the reactor's thread.

    C{write} is called with bytes or not at all while the producer is paused; a response that cannot
    take all of it keeps the rest, and calls C{pauseProducing} at once and C{resumeProducing} when
    the rest is gone.

    C{offer} is the short way for clients that follow: no more than a socket's C{send}. The caller
    counts the bytes.
    """

    sent = Attribute("Bytes that the operating system has taken so far, but for what was offered.")

    offer = Attribute(
        "C{offer(data)} gives bytes as C{write} does, and returns how many were taken: the rest"
        " must be kept. An C{OSError} means none."
    )

    def keep(rest: memoryview) -> None:
        """Keep the rest of an offer that was not taken as a whole: it is sent first."""

    def progress() -> Progress:
        """Return how far its bytes have come; at any time."""

    def attend(seconds: float) -> None:
        """End the connection if the client's machine acknowledges nothing for so many seconds."""

    def begin(tracks: Sequence[Track]) -> None:
        """Begin, once, before all other calls, with the tracks that are going to be sent."""

    def refuse(problem: Unfit | NoTrack) -> None:
        """Respond that the tracks cannot be sent, and why; no other call is made."""

    def finish() -> None:
        """Complete the response: all has been written, and no other call is made."""

    def abort() -> None:
        """End the connection at once; no other call is made."""


@dataclass(frozen=True, slots=True)
class ClientStatistics:
    """The figures of one client at one moment."""

    id: int
    peer: str
    user_agent: str
    format: str
    since: float
    """The time of joining, by the reactor's clock."""
    bytes: int
    lag: float
    skipped_segments: int
    state: str


@dataclass(frozen=True, slots=True)
class Wish:
    """
    The media that a client wants, and its name for the log.

    @ivar burst: seconds of media that it gets at once; L{None} is to begin with the next segment.
    @ivar max_lag: seconds that it may fall behind, 0 for any number; L{None} is C{--max-lag}.
    @ivar tracks: the numbers of those that it wants; L{None} is what belongs into the format.
    @ivar framing: applied to the header and to each fragment, once for all who have the same: it
        must be the same function for all of them.
    @ivar rebase: applied to this client's fragments, with the time in microseconds at which its
        first one begins.
    @ivar peer: the client's address, for the log and C{/status}.
    """

    burst: float | None
    format: Format = MATROSKA
    tracks: frozenset[int] | None = None
    framing: Transform | None = None
    rebase: Rebase | None = None
    peer: str = ""
    user_agent: str = ""
    max_lag: float | None = None


class IFanout(Protocol):
    """
    The fan-out that a client belongs to, as far as the client knows it.

    @ivar piece: bytes that a client gets in one turn, see L{PIECE}.
    @ivar turns: where a client asks for another turn.
    @ivar sweep: what is known of all clients, once a second; a client tells it what it has lost.
    @ivar away_since: when the input went away; L{None} while it is there.
    """

    clock: IReactorTime
    config: StreamConfig
    piece: int
    ended: bool
    audiences: Audiences["Client"]
    turns: Turns["Client"]
    sweep: Sweep["Client"]
    away_since: float | None

    def leave(self, client: "Client", reason: str) -> None:
        """Let a client go; its response is not touched."""


@implementer(IPushProducer)
class Client:
    """
    One response that is being streamed to.

    @ivar response: where the client's bytes go.
    @ivar audience: the clients that get the same, from when there is a header until it leaves.
    """

    def __init__(self, fanout: IFanout, id_: int, response: IResponse, wish: Wish) -> None:
        self.id = id_
        self.response = response
        self.wish = wish
        self.since = fanout.clock.seconds()
        self.skipped_segments = 0
        self.paused = False
        self.audience: Audience[Client] | None = None
        self._fanout = fanout
        self._place: int | None = None
        self._appetite = 1  # the first write is one fragment, so that all of a crowd see something
        self._segment = 0  # how many segments have begun before its place
        self._burst = wish.burst
        self._followed = 0  # bytes that it got while it followed; until now, and before
        self._follows_since = 0
        self._lag = Lag()
        self._seen_taken = 0
        self._idle_since = self.since

    @property
    def period(self) -> Period | None:
        """The period in which the client has its place."""
        return self.audience.period if self.audience is not None else None

    @property
    def place(self) -> int | None:
        """The fragment that the client gets next; L{None} while it waits for a segment to begin."""
        if self.audience is not None and self.is_following:
            return self.audience.period.released
        return self._place

    @property
    def is_following(self) -> bool:
        """Return whether the client has everything so far, and can take more at once."""
        return self.audience is not None and self in self.audience.following

    @property
    def _has_all(self) -> bool:
        """Return whether the client has everything so far: it follows, or waits for a segment."""
        return self.is_following or (self._place is None and not self.paused)

    @property
    def sent(self) -> int:
        """Bytes that the operating system has taken for the client."""
        sent: int = self.response.sent + self._followed
        if self.audience is not None and self.is_following:
            sent += self.audience.offered - self._follows_since
        return sent

    def enter(self, period: Period, oldest: int = 0) -> None:
        """
        Begin: write the header, and find a place.

        @param oldest: the first fragment that the client may have.
        """
        wish = self.wish
        try:
            choice = choose(period.header, wish.format, wish.tracks)
        except (Unfit, NoTrack) as problem:
            self._fanout.leave(self, str(problem))
            self.response.refuse(problem)
            return
        self.audience = self._fanout.audiences.enter(
            self, period, choice, wish.framing, wish.rebase
        )
        self.response.begin(period.header.only(choice.tracks))
        self.response.registerProducer(self, streaming=True)
        self.response.write(self.audience.head)
        if self._burst is not None:
            self.settle(oldest)
        self.pump()

    def leave(self) -> None:
        """Give the client nothing more."""
        if self.audience is not None:
            self._unfollow(self.audience)
            self.audience = None  # a turn that is still to come does nothing

    def settle(self, oldest: int = 0) -> None:
        """Find the place at which the client begins, or goes on, if there is one yet."""
        period = self.period
        assert period is not None
        place = period.ring.place(round((self._burst or 0.0) * SECOND))
        if place is not None:
            place = max(place, oldest)
        self._place = None if place is None else min(place, period.released)
        ring = period.ring
        self._segment = ring.segments_before(ring.end if place is None else place)
        now = self._fanout.clock.seconds()
        self._lag.begin(now, self._distance(), self._burst or 0.0, self._most or math.inf)

    @property
    def _most(self) -> float:
        """Return how many seconds the client may fall behind; 0 is any number."""
        wished = self.wish.max_lag
        return self._fanout.config.max_lag if wished is None else wished

    def _distance(self) -> float:
        """Return how many seconds the client's place is behind the live edge."""
        period, place = self.period, self.place
        if period is None or place is None or place >= period.ring.end:
            return 0.0
        ring = period.ring
        return (ring.edge - ring[max(place, ring.first)].start) / SECOND

    def look(self, now: float) -> None:
        """
        Check, once a second, whether the client falls behind, takes nothing, or waits too long.
        """
        self._keep_up(now)
        config, away = self._fanout.config, self._fanout.away_since
        if now - self._idle_since >= config.client_timeout:
            self._fanout.leave(self, f"it took nothing for {config.client_timeout:g} s")
            self.response.abort()
            return
        held = 0.0 if away is None else now - max(away, self.since)
        if 0 < config.hold <= held and self._has_all:
            self._fanout.leave(self, f"the input has been away for {config.hold:g} s")
            self.response.finish()

    def _keep_up(self, now: float) -> None:
        """Measure how far behind the client is, and move it if that is too far."""
        if self.is_following and self._fanout.sweep.byte_rate > UNSENT:
            # What the system holds for it is less than a second; there may be thousands like it.
            self._idle_since = now
            self._lag.follow(now)
            return
        progress = self.response.progress()
        has_all = not self.paused and not progress.held
        if has_all or progress.taken != self._seen_taken:
            self._idle_since = now
        self._seen_taken = progress.taken
        period = self.period
        if period is None:
            return
        lag = self._distance() + self._fanout.sweep.seconds_of(progress.held)
        takes = self._lag.look(now, lag, progress.taken)
        if takes and 0 < self._most < self._lag.behind and self._would_gain(period):
            self._skip()

    def _would_gain(self, period: Period) -> bool:
        """Return whether the newest keyframe is ahead of the client's place."""
        newest = period.ring.newest_start
        if period.closed or self.is_following or self._place is None or newest is None:
            return False
        return self._place < newest

    def pump(self) -> None:
        """Send one piece of what the client has not got; ask for another turn if there is more."""
        audience = self.audience
        if self.paused or audience is None or self.is_following:
            return
        period = audience.period
        if self._place is not None and self._place < period.ring.first:
            self._skip()
        if self._place is None or self._place >= period.released:
            if period.closed:
                ended = self._fanout.ended
                self._fanout.leave(
                    self, "the end of the stream" if ended else "the tracks have changed"
                )
                self.response.finish()
            elif self._place is not None:
                self._follow(audience)
            return
        # The place has moved before the write, which may pause or end this client.
        data, self._place = audience.piece(self._place, self._appetite)
        self._appetite = self._fanout.piece
        self._segment = period.ring.segments_before(self._place)
        self._fanout.turns.ask(self)
        if data:  # a format may have nothing of some tracks
            self.response.write(data)

    def _skip(self) -> None:
        """Go on at the newest segment: the ring has lost the place, or it is too far behind."""
        had, self._burst = self._segment, 0.0
        self.settle()
        skipped = max(1, self._segment - had)
        self.skipped_segments += skipped
        self._fanout.sweep.skipped[self] += skipped

    # IPushProducer

    def pauseProducing(self) -> None:
        """Take note that the response is full; may be called more than once."""
        self.paused = True
        if self.audience is not None and self.is_following:
            self.follow_from(self.audience.period.released)

    def follow_from(self, place: int) -> None:
        """Follow no more: from now on the client has a place of its own."""
        if self.audience is not None:
            self._unfollow(self.audience)
            self._place = place
            self._segment = self.audience.period.ring.segments_before(place)

    def _follow(self, audience: "Audience[Client]") -> None:
        if self not in audience.following:
            audience.following[self] = self.response.offer
            self._follows_since = audience.offered

    def _unfollow(self, audience: "Audience[Client]") -> None:
        if audience.following.pop(self, None) is not None:
            self._followed += audience.offered - self._follows_since

    def resumeProducing(self) -> None:
        """Go on: all that was written has gone."""
        self.paused = False
        self.pump()

    def stopProducing(self) -> None:
        """Leave: the connection is lost."""
        self._fanout.leave(self, "the client has gone")

    def statistics(self) -> ClientStatistics:
        """Return the client as C{/status} shows it."""
        return ClientStatistics(
            self.id,
            self.wish.peer,
            self.wish.user_agent,
            self.wish.format.name,
            self.since,
            self.sent,
            self._distance() + self._fanout.sweep.seconds_of(self.response.progress().held),
            self.skipped_segments,
            "live" if self.period is None or self.is_following else "behind",
        )
