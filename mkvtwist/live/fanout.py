"""
One stream, fanned out to any number of clients (I{reactor}).

The rules:

 1. A client is one number, its place in the ring. Nothing is queued for it; what it cannot take
    now stays in the ring, which everybody shares.
 2. To join is to recover: a newcomer is a client that is behind, placed at a keyframe. A client
    whose place has left the ring goes on at the newest keyframe, whole segments later; so does one
    that takes data and falls more than C{--max-lag} behind all the same, see L{Lag}.
 3. Nobody waits for anybody. A client that follows gets each fragment in the turn in which it
    came; one that is behind gets L{PIECE} a turn, after them.
 4. A header never changes under a client. New tracks make a new L{Period}, with a ring of its
    own; the clients of the old one get its rest, and their responses end.

::

    begin, publish, end                               join
           |                                            |
           v                                            v
     L{Publisher} --- L{Period} <--- L{Audience} --- L{Client} ---> L{IResponse}
                      header, ring      bytes           place
"""

import itertools
import math
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from twisted.internet.interfaces import IConsumer, IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall
from zope.interface import Attribute, implementer

from mkvtwist.config.settings import StreamConfig
from mkvtwist.formats.registry import BESIDE, Choice, NoTrack, Unfit, choose
from mkvtwist.live.audience import Audience, Rebase, Transform
from mkvtwist.live.events import Events
from mkvtwist.live.lag import Lag
from mkvtwist.live.period import Period
from mkvtwist.live.rate import Rate
from mkvtwist.live.ring import Ring
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.media.packet import SECOND, Header, Packet, Track
from mkvtwist.net.sockets import UNSENT
from mkvtwist.outputs.segmented import Playlist

PIECE = 128 << 10
"""
Bytes that a client which is behind gets in one turn of the reactor, at least one fragment: what its
socket takes beyond what is on its way (L{UNSENT}), so that two turns of a thousand newcomers fit
between two pictures.
"""

CROWD = 32
"""
Clients that get a piece in one turn: 4 MiB, a few milliseconds. Those who follow, and those who
have just connected, do not wait longer than that.
"""

SWEEP = 1.0
"""
Seconds between two looks at the clients, for those that take nothing or fall behind, and between
two lines about loss.
"""

RATE_SPAN = 5 * SECOND
"""The media whose bitrate says how many seconds some bytes are."""


class Progress(NamedTuple):
    """
    How far the bytes of a client have come.

    @ivar taken: bytes that the client has taken; only the difference of two says something.
    @ivar held: bytes that have been written, and wait in the operating system.
    """

    taken: int
    held: int


class IResponse(IConsumer):
    """
    Where a client's bytes go; called in the reactor's thread.

    C{write} is called with bytes or not at all while the producer is paused; a response that cannot
    take all of it keeps the rest, and calls C{pauseProducing} at once and C{resumeProducing} when
    the rest is gone.

    C{offer} is the short way for those who follow: no more than a socket's C{send}. Who offers
    keeps count of it.
    """

    sent = Attribute("Bytes that the operating system has taken so far, but for what was offered.")

    offer = Attribute(
        "C{offer(data)} gives bytes as C{write} does, and returns how many were taken: the rest"
        " must be kept. An C{OSError} means none."
    )

    def keep(rest: memoryview) -> None:
        """The rest of what was offered, if it was not taken as a whole: it is sent first."""

    def progress() -> Progress:
        """Return how far its bytes have come; at any time."""

    def attend(seconds: float) -> None:
        """End the connection if the client's machine acknowledges nothing for so many seconds."""

    def begin(tracks: Sequence[Track]) -> None:
        """The first call, once: what is going to be sent."""

    def refuse(problem: Unfit | NoTrack) -> None:
        """The only call: what was asked for cannot be had."""

    def finish() -> None:
        """The last call: all has been written, the response is complete."""

    def abort() -> None:
        """The last call: the connection is to go at once."""


class IRecorder(Protocol):
    """What keeps all that the stream carries."""

    def begin(self, head: bytes) -> None:
        """A new header; what follows belongs to it."""

    def write(self, data: bytes, start: int, *, key: bool) -> None:
        """A fragment, when it starts in microseconds, and whether a file can begin with it."""


@dataclass(frozen=True, slots=True)
class ClientStatistics:
    """What is known of one client."""

    id: int
    peer: str
    user_agent: str
    format: str
    since: float
    """As the reactor's clock counts."""
    bytes: int
    lag: float
    skipped_segments: int
    state: str


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a client wants, and who it is.

    @ivar burst: seconds of media that it gets at once; L{None} is to begin with the next segment.
    @ivar max_lag: seconds that it may fall behind, 0 for any number; L{None} is C{--max-lag}.
    @ivar tracks: the numbers of those that it wants; L{None} is what belongs into the format.
    @ivar framing: applied to the header and to each fragment, once for all who have the same: it
        must be the same function for all of them.
    @ivar rebase: applied to this client's fragments, with the time in microseconds at which its
        first one begins.
    @ivar peer: who it is, for the log and C{/status}.
    """

    burst: float | None
    format: str = "matroska"
    tracks: frozenset[int] | None = None
    framing: Transform | None = None
    rebase: Rebase | None = None
    peer: str = ""
    user_agent: str = ""
    max_lag: float | None = None


@implementer(IPushProducer)
class Client:
    """
    One response that is being streamed to.

    @ivar response: where its bytes go.
    @ivar audience: those who get the same, from when there is a header until it leaves.
    """

    def __init__(self, publisher: "Publisher", id_: int, response: IResponse, wish: Wish) -> None:
        self.id = id_
        self.response = response
        self.wish = wish
        self.since = publisher.clock.seconds()
        self.skipped_segments = 0
        self.paused = False
        self.audience: Audience[Client] | None = None
        self._publisher = publisher
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
        """Where it has its place."""
        return self.audience.period if self.audience is not None else None

    @property
    def place(self) -> int | None:
        """The fragment that it gets next; L{None} while it waits for a segment to begin."""
        if self.audience is not None and self.is_following:
            return self.audience.period.released
        return self._place

    @property
    def is_following(self) -> bool:
        """Whether it has everything so far, and can take more at once."""
        return self.audience is not None and self in self.audience.following

    @property
    def has_all(self) -> bool:
        """Whether it has everything so far: it follows, or waits for a beginning."""
        return self.is_following or (self._place is None and not self.paused)

    @property
    def sent(self) -> int:
        """Bytes that the operating system has taken for it."""
        sent: int = self.response.sent + self._followed
        if self.audience is not None and self.is_following:
            sent += self.audience.offered - self._follows_since
        return sent

    def enter(self, period: Period, oldest: int = 0) -> None:
        """Begin: the header, and a place, not before the oldest that it is to have."""
        wish = self.wish
        try:
            choice = choose(period.header, wish.format, wish.tracks)
        except (Unfit, NoTrack) as problem:
            self._publisher.leave(self, str(problem))
            self.response.refuse(problem)
            return
        self.audience = self._publisher.gather(self, period, choice)
        self.response.begin(period.header.only(choice.tracks))
        self.response.registerProducer(self, streaming=True)
        self.response.write(self.audience.head)
        if self._burst is not None:
            self.settle(oldest)
        self.pump()

    def leave(self) -> None:
        """No more for this one."""
        if self.audience is not None:
            self._unfollow(self.audience)
            self.audience = None  # whoever still has its turn to come does nothing in it

    def settle(self, oldest: int = 0) -> None:
        """Find a place to begin, or to go on, if there is one yet."""
        period = self.period
        assert period is not None
        place = period.ring.place(round((self._burst or 0.0) * SECOND))
        if place is not None:
            place = max(place, oldest)
        self._place = None if place is None else min(place, period.released)
        ring = period.ring
        self._segment = ring.segments_before(ring.end if place is None else place)
        now = self._publisher.clock.seconds()
        self._lag.begin(now, self._distance(), self._burst or 0.0, self._most or math.inf)

    @property
    def _most(self) -> float:
        """Return how many seconds the client may fall behind; 0 is any number."""
        wished = self.wish.max_lag
        return self._publisher.config.max_lag if wished is None else wished

    def _distance(self) -> float:
        """Return how many seconds the client's place is behind the live edge."""
        period, place = self.period, self.place
        if period is None or place is None or place >= period.ring.end:
            return 0.0
        ring = period.ring
        return (ring.edge - ring[max(place, ring.first)].start) / SECOND

    def look(self, now: float) -> None:
        """See, once a second, how far behind the client is, and move it if that is too far."""
        if self.is_following and self._publisher.byte_rate > UNSENT:
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
        lag = self._distance() + self._publisher.seconds_of(progress.held)
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
        """Send one piece of what it has not got; see that it gets another turn if there is more."""
        audience = self.audience
        if self.paused or audience is None or self.is_following:
            return
        period = audience.period
        if self._place is not None and self._place < period.ring.first:
            self._skip()
        if self._place is None or self._place >= period.released:
            if period.closed:
                ended = self._publisher.ended
                self._publisher.leave(
                    self, "the end of the stream" if ended else "the tracks have changed"
                )
                self.response.finish()
            elif self._place is not None:
                self._follow(audience)
            return
        # The place has moved before the write, which may pause or end this client.
        data, self._place = audience.piece(self._place, self._appetite)
        self._appetite = PIECE
        self._segment = period.ring.segments_before(self._place)
        self._publisher.again(self)
        if data:  # a format may have nothing of some tracks
            self.response.write(data)

    def _skip(self) -> None:
        """Go on at the newest segment: the ring has lost the place, or it is too far behind."""
        had, self._burst = self._segment, 0.0
        self.settle()
        skipped = max(1, self._segment - had)
        self.skipped_segments += skipped
        self._publisher.skipped(self, skipped)

    # IPushProducer

    def pauseProducing(self) -> None:
        """It is being written to, and cannot take more; may come more than once."""
        self.paused = True
        if self.audience is not None and self.is_following:
            self.follow_from(self.audience.period.released)

    def follow_from(self, place: int) -> None:
        """From now on it has a place of its own."""
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
        """All that was written to it has gone."""
        self.paused = False
        self.pump()

    def stopProducing(self) -> None:
        """The connection is lost."""
        self._publisher.leave(self, "the client has gone")

    def is_stuck(self, now: float, timeout: float) -> bool:
        """
        Return whether the client has taken nothing for so many seconds, as of the last L{look},
        though there was something to take.
        """
        return now - self._idle_since >= timeout

    def statistics(self) -> ClientStatistics:
        """The client as C{/status} shows it."""
        return ClientStatistics(
            self.id,
            self.wish.peer,
            self.wish.user_agent,
            self.wish.format,
            self.since,
            self.sent,
            self._distance() + self._publisher.seconds_of(self.response.progress().held),
            self.skipped_segments,
            "live" if self.period is None or self.is_following else "behind",
        )


def _nothing() -> None:
    """Nobody is interested."""


class Publisher:
    """
    Takes a stream's headers and packets, and gives them to clients.

    L{begin}, L{publish} and L{end} are the input's side, L{join} is the clients'. Everything is
    called in the reactor's thread.

    @ivar clients: all of them.
    @ivar byte_rate: bytes in a second of media, when one last looked; 0 is not known.
    @ivar beside: those who have something beside what they watch, and are no viewers of their own.
    @ivar audiences: those of its clients who get the same, by what that is.
    @ivar on_touch: called each time that somebody wants the stream, see L{touch}.
    @ivar playlist: the same for those who ask for it piece by piece.
    @ivar arrived: when the newest fragment came, as the reactor's clock counts.
    @ivar observers: called when something was published, and at the end; they must not fail.
    """

    def __init__(
        self,
        clock: IReactorTime,
        config: StreamConfig,
        recorder: IRecorder | None = None,
        events: Events | None = None,
    ) -> None:
        """
        @param recorder: gets everything, before anybody else.
        @param events: hears of clients that join and leave.
        """
        self.clock = clock
        self.config = config
        self.events = events or Events()
        self.log = StreamLog(config.name, __name__)
        self.period: Period | None = None
        self.clients: set[Client] = set()
        self.beside: set[Client] = set()
        self.ended = False
        self.fragments = 0
        self.bytes_in = 0
        self.arrived = clock.seconds()
        self._bytes_out = 0
        self._rate = Rate()
        self.byte_rate = 0.0
        self.playlist = Playlist(time.time(), config.buffer, parts=not config.whole_segments)
        self.observers: list[Callable[[], None]] = []
        self._recorder = recorder
        self._ids = itertools.count(1)
        self._waiting: set[Client] = set()
        self.audiences: dict[Hashable, Audience[Client]] = {}
        self._closing: Period | None = None
        self._edge = 0
        self._away_since: float | None = clock.seconds()
        self._wanted_until = clock.seconds()
        self.on_touch: Callable[[], None] = _nothing
        self._again: dict[Client, None] = {}  # a set that keeps its order
        self._turn: object | None = None
        self._skipped: dict[Client, int] = {}
        self._sweep = LoopingCall(self.sweep)
        self._sweep.clock = clock

    def configure(self, config: StreamConfig) -> None:
        """Take over settings that a running stream can take over."""
        self.config = config
        for client in self.clients:
            client.response.attend(config.client_timeout)

    # the input's side

    def begin(self, header: Header) -> None:
        """
        Packets of these tracks will come: the same ring goes on if they are the same as before.
        """
        old = self.period
        if old is not None and not old.closed and old.header.tracks == header.tracks:
            return
        edge = self._edge
        if old is not None:
            self._close(old)
            edge = old.ring.edge
        ring = Ring(
            round(self.config.buffer * SECOND),
            self.config.buffer_bytes,
            edge=edge,
            sparse=header.sparse,
        )
        self.period = Period(header, ring)
        if self._recorder is not None:
            self._recorder.begin(self.period.format(self.period.everything).head)

    def publish(self, packets: Sequence[Packet]) -> None:
        """What has arrived in one turn of the reactor; L{begin} has been called before."""
        period = self.period
        assert period is not None
        ring = period.ring
        known, fresh, began, now = period.released, ring.end, False, time.time()
        edge, size = ring.edge, self.bytes_in
        for fragment in period.fragments(packets):
            self.fragments += 1
            self.bytes_in += fragment.payload
            began = began or fragment.key
            self.playlist.append(period, fragment, now)
            if self._recorder is not None:
                data = period.format(period.everything).render(fragment.packets)
                self._recorder.write(data, fragment.start, key=fragment.decodable)
            if not self.config.whole_segments:
                period.released = ring.end
            elif fragment.key:
                period.released = fragment.number
        self.arrived = self.clock.seconds()
        self._rate.add(self.arrived, self.bytes_in - size, ring.edge - edge)
        self._fan_out(period, known)
        self._away_since = None
        for client in list(self._waiting):
            self._waiting.discard(client)
            self._guard(client, client.enter, period, fresh)
        if began:
            for client in [c for c in self._watching(period) if c.place is None]:
                self._guard(client, client.settle)
                self._guard(client, client.pump)
        for observe in self.observers:
            observe()

    def hold(self) -> None:
        """
        The input is away: newcomers wait until it is back, rather than get what is old. Nobody
        waits longer than the configuration says.
        """
        if self._away_since is None:
            self._away_since = self.clock.seconds()

    def forget(self) -> None:
        """
        Give the ring back. The input has been closed, and nobody is there, so that what it has
        brought is old when it is opened again; or the stream has ended.
        """
        self.hold()
        if self.period is not None:
            self._edge = self.period.ring.edge
            self.period = None
            self.playlist.forget()

    def end(self, *, for_good: bool = True) -> None:
        """
        Nothing more will come: the clients get the rest, those who wait get nothing.

        @param for_good: it is the end of the stream; else the server stops, and may be back soon:
            a playlist that says it has ended would never be loaded again.
        """
        self.ended = True
        if self.period is not None:
            self._close(self.period)
        if for_good:
            self.playlist.finish()
        for client in list(self._waiting):
            self.leave(client, "the end of the stream")
            client.response.finish()
        for observe in self.observers:
            observe()

    # the clients' side

    def join(self, response: IResponse, wish: Wish) -> Client:
        """
        A new client. It gets the header as soon as there is one.

        @param response: where its bytes go.
        """
        client = Client(self, next(self._ids), response, wish)
        self.clients.add(client)
        if wish.format in BESIDE:
            self.beside.add(client)
        self.log.info(
            "client {id} joined: {peer}, {user_agent}",
            id=client.id,
            peer=wish.peer,
            user_agent=wish.user_agent or "no user agent",
        )
        self.events.tell(
            "client joined",
            self.config.name,
            id=client.id,
            peer=wish.peer,
            user_agent=wish.user_agent,
            format=wish.format,
        )
        if not self._sweep.running:
            self._sweep.start(SWEEP, now=False)
        if self.ended:
            self.leave(client, "the end of the stream")
            response.finish()
        elif self._away_since is None and self.period is not None:
            self._guard(client, client.enter, self.period)
        else:
            self._waiting.add(client)
        self.touch()
        return client

    def touch(self, seconds: float = 0.0) -> None:
        """
        Somebody wants the stream now. A client does as long as it is there; whoever asks for it
        piece by piece does each time.

        @param seconds: for how long, if nobody asks again.
        """
        self._wanted_until = max(self._wanted_until, self.clock.seconds() + seconds)
        self.on_touch()

    @property
    def unwanted(self) -> float:
        """For how many seconds nobody has wanted it."""
        return 0.0 if self.clients else max(0.0, self.clock.seconds() - self._wanted_until)

    def leave(self, client: Client, reason: str) -> None:
        """A client goes, for this reason; its response is not touched. Idempotent."""
        if client not in self.clients:
            return
        self.clients.discard(client)
        self.beside.discard(client)
        self._waiting.discard(client)
        self._again.pop(client, None)
        self._skipped.pop(client, None)
        audience = client.audience
        client.leave()
        if audience is not None:
            self._disperse(client, audience)
        self._let_go()
        self._bytes_out += client.sent
        self._wanted_until = max(self._wanted_until, self.clock.seconds())
        if not self.clients and self._sweep.running:
            self._sweep.stop()
        left = {
            "id": client.id,
            "seconds": self.clock.seconds() - client.since,
            "bytes": client.sent,
            "skipped_segments": client.skipped_segments,
            "reason": reason,
        }
        self.log.info(
            "client {id} left after {seconds:.0f} s and {bytes} bytes,"
            " {skipped_segments} segments skipped: {reason}",
            **left,
        )
        self.events.tell("client left", self.config.name, **left)

    def gather(self, client: Client, period: Period, choice: Choice) -> Audience[Client]:
        """A client comes to those who get the same."""
        wish = client.wish
        key = client if wish.rebase else (period, choice, wish.framing)
        if key not in self.audiences:
            self.audiences[key] = Audience(period, key, choice, wish.framing, wish.rebase)
        audience = self.audiences[key]
        audience.clients.add(client)
        return audience

    def _disperse(self, client: Client, audience: Audience[Client]) -> None:
        """A client goes; with the last of an audience, what was made for it."""
        audience.clients.discard(client)
        if audience.clients:
            return
        del self.audiences[audience.key]
        if not any(other.shares(audience) for other in self.audiences.values()):
            audience.period.ring.forget(audience.kind)

    def served(self, size: int) -> None:
        """So many bytes went out otherwise than to a client."""
        self._bytes_out += size

    @property
    def bitrate(self) -> float:
        """Bits per second that came in over the last seconds of the clock."""
        return self._rate.bits(self.clock.seconds())

    @property
    def bytes_out(self) -> int:
        """Bytes that have gone out, to clients that have gone, too, and as pieces."""
        return self._bytes_out + sum(client.sent for client in self.clients)

    def again(self, client: Client) -> None:
        """Give a client another turn."""
        self._again[client] = None
        if self._turn is None:
            self._turn = self.clock.callLater(0, self._next_turn)

    def skipped(self, client: Client, segments: int) -> None:
        """A client has lost segments; said once a second for all of them."""
        self._skipped[client] = self._skipped.get(client, 0) + segments

    def sweep(self) -> None:
        """
        Once a second: drop the clients that take nothing, move those that are too far behind, let
        go of those that have waited for the input long enough, report what was skipped.
        """
        now = self.clock.seconds()
        if self.period is not None:
            self.byte_rate = self.period.ring.bitrate(RATE_SPAN) / 8
        for client in list(self.clients):
            self._guard(client, client.look, now)
            if client in self.clients and client.is_stuck(now, self.config.client_timeout):
                self.leave(client, f"it took nothing for {self.config.client_timeout:g} s")
                client.response.abort()
        hold, away = self.config.hold, self._away_since
        if hold and away is not None:
            for client in [c for c in self.clients if c.has_all]:
                if now - max(away, client.since) >= hold:
                    self.leave(client, f"the input has been away for {hold:g} s")
                    client.response.finish()
        if self._skipped:
            self.log.warn(
                "{clients} slow clients skipped {segments} segments",
                clients=len(self._skipped),
                segments=sum(self._skipped.values()),
            )
            self._skipped.clear()

    def seconds_of(self, size: int) -> float:
        """Return how many seconds of media so many bytes are; 0 while that is not known."""
        return size / self.byte_rate if self.byte_rate else 0.0

    def _watching(self, period: Period) -> list[Client]:
        """The clients that have, or wait for, a place in it."""
        return [client for client in self.clients if client.period is period]

    def _fan_out(self, period: Period, known: int) -> None:
        """Give what was released since a place to those who follow."""
        if known == period.released:
            return
        for audience in list(self.audiences.values()):
            if audience.period is period and audience.following:
                try:
                    self._give(audience, known)
                except Exception:  # noqa: BLE001 - their bytes cannot be made: only theirs
                    for client in list(audience.following):
                        self._failed(client)

    def _give(self, audience: "Audience[Client]", known: int) -> None:
        period = audience.period
        if known < period.ring.first:
            # More than the ring holds has come at once: they have lost their place.
            for client in list(audience.following):
                client.follow_from(known)
                self.again(client)
            return
        data, place = audience.piece(known, PIECE)
        if place < period.released:
            # Too much for one write (an input's first seconds): in pieces, as for others.
            for client in list(audience.following):
                client.follow_from(place)
                self.again(client)
                if data:
                    self._guard(client, client.response.write, data)
            return
        if data:  # the format may have nothing of these packets
            self._offer(audience, data)

    def _offer(self, audience: "Audience[Client]", data: bytes) -> None:
        """Where the time goes: nothing else is done for each client and each write."""
        size = len(data)
        audience.offered += size
        for client, offer in list(audience.following.items()):
            try:
                taken = offer(data)
            except OSError:
                taken = 0
            except Exception:  # noqa: BLE001 - one client's failure stays its own
                self._failed(client)
                continue
            if taken != size:
                self._guard(client, client.response.keep, memoryview(data)[taken:])

    def _next_turn(self) -> None:
        self._turn = None
        for client in list(itertools.islice(self._again, CROWD)):
            del self._again[client]
            self._guard(client, client.pump)
        if self._again and self._turn is None:
            self._turn = self.clock.callLater(0, self._next_turn)

    def _close(self, period: Period) -> None:
        if period.closed:
            return
        # Only one ring beside the current one: who is still busy with an older one is too late.
        if self._closing is not None:
            for client in self._watching(self._closing):
                self.leave(client, "the tracks changed twice before it had the rest")
                client.response.abort()
        self._closing = period
        known, period.released = period.released, period.ring.end
        period.closed = True
        for client in self._watching(period):
            if client.is_following:
                client.follow_from(known)
            self._guard(client, client.pump)
        self._let_go()

    def _let_go(self) -> None:
        """A ring that is done goes with its last client."""
        if self._closing is not None and not any(
            audience.period is self._closing for audience in self.audiences.values()
        ):
            self._closing = None

    def _guard(self, client: Client, call: Callable[..., None], *args: object) -> None:
        """One client's failure stays its own."""
        try:
            call(*args)
        except Exception:  # noqa: BLE001 - whatever it is, it is one client's
            self._failed(client)

    def _failed(self, client: Client) -> None:
        self.log.failure("client {id} failed", id=client.id)
        self.leave(client, "an error in mkvtwist; the log has its traceback")
        client.response.abort()
