"""
One named stream: its input, its publisher, its outputs, its figures (I{reactor}).
"""

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred

from mkvtwist.access.entry import Entry
from mkvtwist.config.names import parse_name
from mkvtwist.config.settings import StreamConfig
from mkvtwist.config.values import PROCESS, THREAD
from mkvtwist.formats.choice import endings, media_types
from mkvtwist.inputs.feed import Feed, FeedUplink
from mkvtwist.inputs.isolated import IsolatedReader
from mkvtwist.inputs.reader_thread import ReaderThread, StartReader
from mkvtwist.inputs.senders import Station
from mkvtwist.inputs.service import InputService
from mkvtwist.inputs.sources import source_of
from mkvtwist.inputs.workers import Workers
from mkvtwist.libav import Tagged
from mkvtwist.live.client_check import RATE_SPAN
from mkvtwist.live.demand import Demand
from mkvtwist.live.events import Events
from mkvtwist.live.fanout import Fanout
from mkvtwist.live.now_playing import NowPlaying
from mkvtwist.live.period import Period
from mkvtwist.live.publisher import Publisher
from mkvtwist.live.ring import Ring
from mkvtwist.live.sink import Sink, Surroundings
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.media.packet import SECOND, Header
from mkvtwist.net.pool import Pool
from mkvtwist.outputs.recorder import Recorder, recorder
from mkvtwist.outputs.segmented import registry as segmented
from mkvtwist.outputs.segmented.cutter import Cutter
from mkvtwist.outputs.segmented.viewers import Viewers
from mkvtwist.streams.end import StreamEnd
from mkvtwist.streams.intake import Intake
from mkvtwist.streams.statistics import LiveEdge, StreamStatistics

THREADS = 1
"""Threads that a stream needs at once: what it records is written in order."""

MakeOutput = Callable[[StreamConfig, Surroundings], Sink | None]

OUTPUTS: tuple[MakeOutput, ...] = (recorder,)
"""
The makers of outputs: each returns the output that a configuration asks for, if it does. A new kind
of output is one more entry.
"""


class Stream(MultiService):
    """
    One named live programme: one input, its outputs, its clients.

    It is a service of Twisted: started by itself, or by the service that it has as its parent. All
    methods but L{feed} are called in the reactor's thread, and none of them blocks::

        stream = Stream(reactor, StreamConfig("demo:", name="cam"))
        stream.startService()
        reactor.addSystemEventTrigger("before", "shutdown", stream.stopService)

    @ivar config: its settings.
    @ivar publisher: takes the input's packets, and feeds the sinks.
    @ivar fanout: sends to clients.
    @ivar cutter: cuts segments, for viewers of segmented outputs.
    @ivar demand: the demand for the stream.
    @ivar events: of clients and the input, to subscribe to.
    @ivar ended: whether it has come to its end by itself, and every client has its rest.
    @ivar viewers: the viewers of segmented outputs.
    @ivar now_playing: the song that is sent now.
    """

    def __init__(
        self,
        reactor: Any,
        config: StreamConfig,
        on_end: Callable[["Stream"], None] = lambda _: None,
        events: Events | None = None,
        start_reader: StartReader | None = None,
        *,
        workers: Workers | None = None,
        on_wanted: Callable[["Stream"], bool] = lambda _: True,
        entry: Entry | None = None,
        make_outputs: Sequence[MakeOutput] = OUTPUTS,
        make_period: Callable[[Header, Ring], Period] = Period,
    ) -> None:
        """
        @param on_end: called once, when the input has ended for good and every client has its rest.
        @param events: gets the stream's events.
        @param start_reader: starts a reader each time that the input or a fallback is opened.
        @param on_wanted: called when a client or a sender wants the stream, which has not begun;
            returns whether there is room for it.
        @param entry: the server's rules, guesses and limits, for senders that connect to the input.
        @param make_outputs: make the outputs that the configuration asks for.
        @param make_period: makes a period for each header.
        @raise ConfigError: if the stream's name cannot stand in a URL.
        """
        parse_name("name", config.name)
        super().__init__()
        self.config = config
        self.log = StreamLog(config.name, __name__)
        self.events = events or Events()
        self.ended = False
        self._reactor = reactor
        self._on_end = on_end
        self._served = 0
        self._pool = Pool(reactor, THREADS)
        around = Surroundings(reactor, self._pool.run, self._has_room)
        self.workers: Workers | None = None
        if start_reader is None:
            start_reader = ReaderThread
            if config.isolation == PROCESS:
                if workers is None:
                    workers = Workers(reactor)
                    workers.setServiceParent(self)
                self.workers = workers
                start_reader = partial(IsolatedReader, workers)
        made = (make(config, around) for make in make_outputs)
        self._outputs = [output for output in made if output is not None]
        self.demand = Demand(reactor, constant=bool(self._outputs))
        self.fanout = Fanout(reactor, config, self.demand, self.events)
        self.cutter = Cutter(config.buffer, parts=not config.whole_segments)
        self.viewers = Viewers()
        self._intake = Intake(reactor)
        self.now_playing = NowPlaying(config.name, self.events)
        self._tags = Tagged()
        sinks = [*self._outputs, self.fanout, self.cutter, self._intake, self.now_playing]
        self.publisher = Publisher(config, self.demand, sinks, make_period)
        self._end = StreamEnd(
            reactor,
            self.publisher,
            self.fanout,
            self.cutter,
            viewers=lambda: self.hls_viewers,
            run=self._pool.run,
        )
        self.input = InputService(
            reactor,
            config,
            self.publisher,
            self.events,
            self._input_ended,
            on_tags=self._take_tags,
            start_reader=start_reader,
            on_wanted=lambda: on_wanted(self),
            entry=entry,
        )
        self.input.setServiceParent(self)

    def startService(self) -> None:
        """Open the input, or let senders in. A stream that was stopped may be started again."""
        self.log.info("{input}", input=str(self.config.input))
        if self.workers is not None:
            self.workers.prepare()
        super().startService()

    def feed(self, name: str = "feed") -> Feed:
        """
        Return a file that takes the bytes of a container: a sender in this program (I{any thread}).

        PyAV writes into it from a thread of its own, and so may anything else that writes files::

            with stream.feed() as feed, av.open(feed, "w", format="matroska") as container: ...

        The feed counts as a sender from its first bytes until it is closed. A stream has one sender
        at a time; when one has gone, the stream goes on with the next one, such as another feed.
        L{Feed.write<mkvtwist.inputs.feed.Feed.write>} waits while the stream cannot take more.

        @param name: the sender's name in the log.
        @raise ValueError: if no senders come to the input of this stream: it is not C{push}.
        """
        if source_of(self.config.input).listener is None:
            raise ValueError(
                f"stream {self.config.name}: its input is {self.config.input}; only a stream with"
                " the input 'push' takes feeds"
            )
        return Feed(FeedUplink(self._reactor, self.input.slot, name), name)

    def configure(self, config: StreamConfig) -> None:
        """Take over settings; only those that change at once may differ."""
        self.config = self.publisher.config = config
        self.input.configure(config)
        self.fanout.configure(config)

    def stopService(self) -> Deferred[Any]:
        """
        End: the input is closed, clients get their rest, feeds are told.

        @return: fires when readers have ended and every output is complete. A reader that is
            blocked in libavformat is left alone after a second.
        """
        written = self.publisher.end(for_good=False)
        stopped: Deferred[Any] = gatherResults(
            [maybeDeferred(super().stopService), self._end.stop()]
        )
        stopped.addCallback(lambda _: self._end.forget())
        return stopped.addCallback(lambda _: written)

    @property
    def failed(self) -> bool:
        """Return whether the input ended for good because of a fault."""
        return self.input.failed

    @property
    def condition(self) -> tuple[str, str]:
        """Return the state, in a word of C{/status}, and its reason, in a sentence for viewers."""
        input_, period = self.input, self.publisher.period
        state, reason = str(input_.life.state), input_.life.reason
        ring = period.ring if period is not None else None
        if state == "live" and (ring is None or ring.newest_start is None):
            state = "waiting for a keyframe"
            reason = "nobody can join before the video's next keyframe"
            if ring is not None and ring.first:
                reason += "; the last one is more than the buffer holds ago"
        if input_.fallback.showing is not None:
            reason += "; meanwhile the fallback is shown"
        return state, reason

    @property
    def absence(self) -> str:
        """
        Return why there is nothing to watch, and waiting for it is of no use, for a stream whose
        name a client has chosen; empty if there may be something.
        """
        if self.input.is_missing:
            return "its input has no such stream"
        needs_sender = bool(self.config.pattern) and self.config.input.form.has_sender
        return "nobody is sending it" if needs_sender and not self.input.slot.is_open else ""

    @property
    def since(self) -> float:
        """Return when the current state began, in seconds since the epoch."""
        since: float = self._reactor.seconds() - self.input.life.since
        return time.time() - since

    @property
    def station(self) -> Station:
        """Return what is said of the stream: by its settings, or else by the input itself."""
        sender = self.input.slot.current
        said = sender.station if sender is not None else Station()
        config, tags = self.config, self._tags
        return Station(
            config.title or said.name or tags.station,
            config.description or said.description or tags.description,
            said.genre or tags.genre,
        )

    def _take_tags(self, tags: Tagged) -> None:
        self._tags = tags
        if tags.title:
            self.now_playing.tell(tags.title, tags.artist)

    @property
    def period(self) -> Period | None:
        """Return the current period; L{None} while no tracks are known."""
        return self.publisher.period

    @property
    def is_over(self) -> bool:
        """Return whether the stream has ended for good, or was stopped."""
        return self.publisher.ended

    @property
    def has_finished(self) -> bool:
        """Return whether the stream has ended for good."""
        return self.publisher.finished

    @property
    def isolation(self) -> str:
        """Return how the input is read, and by which means of the kernel a process is confined."""
        if self.workers is None:
            return THREAD
        confined_by = self.workers.confined_by
        return f"{PROCESS} ({', '.join(confined_by)})" if confined_by else PROCESS

    @property
    def restarts(self) -> int:
        """Return how often the input was opened again."""
        return self.input.primary.restarts

    @property
    def client_bitrate(self) -> float:
        """
        The bits per second that a client gets, by the last media that came: also while the input is
        away, since clients that wait get as much when it is back. 0 if nothing is known yet.
        """
        period = self.publisher.period
        return period.ring.bitrate(RATE_SPAN) if period is not None else 0.0

    def bitrate_of(self, tracks: Collection[int]) -> float:
        """Return the bits per second of some tracks, by the last media that came."""
        period = self.publisher.period
        return period.ring.bitrate(RATE_SPAN, tracks) if period is not None else 0.0

    def statistics(self, *, clients: bool = True) -> StreamStatistics:
        """
        Return everything that C{/status}, C{/metrics} and the page show.

        @param clients: with a look at each of them, of whom there may be thousands; else there are
            none, nor bytes that went out.
        """
        publisher, input_ = self.publisher, self.input
        period = publisher.period
        ring = period.ring if period is not None else None
        state, reason = self.condition
        everybody = sorted(self.fanout.clients, key=lambda client: client.id) if clients else ()
        return StreamStatistics(
            state=state,
            reason=reason,
            detail=input_.life.detail,
            input=str(self.config.input),
            pattern=self.config.pattern or None,
            isolation=self.isolation,
            title=self.station.name or None,
            description=self.station.description or None,
            now=self.now_playing.song,
            sender=input_.slot.statistics(),
            since=self.since,
            tracks=period.header.tracks if period is not None else (),
            left_out=input_.reports.left_out,
            notes=input_.reports.notes,
            formats=_formats(period.header) if period is not None else {},
            endings=endings(period.header) if period is not None else {},
            live_edge=(
                LiveEdge(ring.edge / SECOND, self._intake.arrived)
                if ring is not None and ring.end
                else None
            ),
            quiet=period.quiet if period is not None else frozenset(),
            bitrate=self._intake.bitrate,
            segment_seconds=ring.segment_duration / SECOND if ring is not None else 0.0,
            ring_seconds=ring.seconds if ring is not None else 0.0,
            ring_bytes=ring.size if ring is not None else 0,
            ring_segments=ring.segments if ring is not None else 0,
            fragments=self._intake.fragments,
            bytes_in=self._intake.bytes,
            bytes_out=self.fanout.bytes_out + self._served if clients else 0,
            discontinuities=input_.timeline.discontinuities,
            restarts=input_.primary.restarts,
            recording=self._recording(),
            hls_viewers=self.hls_viewers,
            clients=tuple(client.statistics() for client in everybody),
        )

    @property
    def hls_viewers(self) -> int:
        """Return the number of viewers of segmented outputs, by address."""
        return self.viewers.count(self._reactor.seconds(), self.cutter.target)

    @property
    def audience(self) -> int:
        """Return the number of viewers, of all outputs."""
        return len(self.fanout.clients) - len(self.fanout.beside) + self.hls_viewers

    def served(self, size: int) -> None:
        """Count bytes of replays, segments and the like, which no client of the fan-out got."""
        self._served += size

    def _recording(self) -> str | None:
        recorders = (output for output in self._outputs if isinstance(output, Recorder))
        return next((recorder.failure or recorder.path for recorder in recorders), None)

    def _has_room(self) -> None:
        self.input.resume()

    def _input_ended(self) -> None:
        self._end.come(self.config.hold, self._finish)

    def _finish(self) -> None:
        if self.running:
            self.ended = True
            self._on_end(self)


def _formats(header: Header) -> dict[str, str]:
    return media_types(header) | segmented.media_types(header)
