"""
An input's life: it is opened, it ends, the next one is waited for (I{reactor}).

Each opening has a reader of its own (L{mkvtwist.inputs.readers}), which ends with it. What the
reader makes is given to the publisher in the turn in which it arrived. A sender's bytes go the
other way through a L{Pipe<mkvtwist.libav.pipe.Pipe>}.

::

    file, URL, demo:           opening -> live -> ended | opening (loop) | retrying -> opening
    URL that listens    waiting for a sender -> live -> waiting for a sender | ended
    endpoint    waiting for a sender -> opening -> live -> waiting for a sender | ended
    on demand    waiting for a client -> any of the first line -> waiting for a client

While the input waits or retries, the fallback is read, if there is one, as another input would be.
There is one line of time, and one reader at a time has it: when the input has been opened the
fallback is stopped, and when its thread has ended the input's goes on.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from zope.interface import implementer

from mkvtwist.access.refusals import Refusals
from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.readers import ReaderTask, ReaderThread, RunningReader, StartReader
from mkvtwist.inputs.retry import QUICK, Tries
from mkvtwist.inputs.senders import Connection, IInput, Parting, Sender
from mkvtwist.libav import (
    Ended,
    Noted,
    Noticed,
    Opened,
    Pace,
    listens,
    set_up,
)
from mkvtwist.live.events import Events
from mkvtwist.live.publisher import Publisher
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.media.byte_source import ByteSource
from mkvtwist.media.packet import SECOND, Header, Packet, Track
from mkvtwist.media.timeline import Timeline
from mkvtwist.net.endpoint import Endpoint
from mkvtwist.net.sockets import address

PATIENCE = 1.0
"""
Seconds that stopping waits for the thread. One that is blocked in libavformat or on standard input
cannot be woken: it is left alone, and ends with the process.
"""

REPEATED = 600.0
"""
Seconds until a fault is logged again that is the same at each try: those who look into the log find
it, and an input that is away for a day does not fill the disk.
"""

GUARDED = 5 * SECOND
"""
Media over which an input's bitrate is held against what is allowed: a keyframe, or a scene of them,
is no reason to close it. It may be used up in less.
"""

REST = 0.1
"""
Seconds between two looks at an input that nobody wants: each packet alone would wake the reactor
twice and the thread once. Whoever comes gets what there is at once, and then each packet as it
comes.
"""

REST_BITRATE = 10_000_000
"""
Bits per second above which no input rests: a Unix socket holds 200 kB, 16 Mbit/s for as long as a
rest, so that no sender falls behind.
"""

UNWANTED = 2.0
"""
Seconds that nobody wants the stream until an input rests: who loses the connection and comes back
finds it awake.
"""

OPENING = 60.0
"""
Seconds from a sender's first bytes until it must be known what they are: a picture every ten
seconds is known after two of them.
"""

PARTED = 4.0
"""
Seconds for which the rest of a sender that has left is read, while nothing is known of it yet, or
while another sender waits.
"""

STUCK = 4
"""
Threads of one input that nobody waits for any longer, before new senders are rejected: libavformat
cannot be interrupted while it works, and each takes a processor.
"""

ATTENTION = 1.0
"""Seconds between two looks whether an input on demand is still wanted."""


class Reading:
    """
    One reader at work.

    @ivar source: the input, or the fallback, that is read.
    @ivar guard: what it brings, added up.
    @ivar heard: whether a header has come.
    """

    reader: RunningReader

    def __init__(self, source: Input) -> None:
        self.source = source
        self.guard = Guard()
        self.heard = False


class Guard:
    """Adds up what an input brings, for L{GUARDED} of media at a time."""

    def __init__(self) -> None:
        self._begin: int | None = None
        self._bytes = 0

    def exceeded(self, packets: list[Packet], most: int) -> bool:
        """
        Whether it has brought more than so many bits per second, with these packets.

        @param most: 0 for no limit.
        """
        for packet in packets:
            if self._begin is None or packet.dts >= self._begin + GUARDED:
                self._begin, self._bytes = packet.dts, 0
            self._bytes += len(packet.data)
            if most and self._bytes * 8 * SECOND > most * GUARDED:
                return True
        return False


@implementer(IInput)
class InputService(Service):
    """
    Feeds a publisher from one input for as long as the service runs.

    @ivar state: one of the states of C{/status}, but for what only the publisher knows.
    @ivar reason: why, in a sentence for viewers: without addresses, paths and libavformat's words.
    @ivar detail: the cause, for operators only; empty if C{reason} says all of it.
    @ivar senders: whoever is connected and has not been turned away.
    @ivar left_out: one sentence for each track of the input that is not sent.
    @ivar failed: whether it has ended for good because it could not be read, or not to its end.
    @ivar notes: how the input is read, where that is not as its timestamps say.
    @ivar restarts: how many times the input was opened again; neither a round of a loop counts, nor
        that nobody has sent anything meanwhile.
    @ivar showing: what is shown in place of the input, while it is away.
    """

    def __init__(
        self,
        reactor: Any,
        config: StreamConfig,
        publisher: Publisher,
        events: Events,
        on_end: Callable[[], None],
        *,
        start_reader: StartReader = ReaderThread,
    ) -> None:
        """
        @param on_end: called when the input has ended for good.
        @param start_reader: starts a reader for each opening.
        """
        self.config = config
        self.log = StreamLog(config.name, __name__)
        self.state = "opening"
        self.reason = "the input has not been opened yet"
        self.detail = ""
        self.since = reactor.seconds()
        self.failed = False
        self.restarts = 0
        self.timeline = Timeline()
        self.reactor = reactor
        self.refusals = Refusals(reactor, self.log, self._tell)
        self._publisher = publisher
        self._events = events
        self._on_end = on_end
        self._start_reader = start_reader
        self._pace = Pace(config.readrate, config.readrate_initial_burst)
        self._reading: Reading | None = None
        self._fallback: Reading | None = None
        self._leaving: dict[Reading, Deferred[None]] = {}
        self._owner: Reading | None = None
        self._turns: list[Reading] = []
        self.senders: set[Sender] = set()
        self.endpoint: Endpoint | None = None
        self._sender: Sender | None = None
        self._next_sender: Sender | None = None
        self._port: IListeningPort | None = None
        self._retry: Any = None
        self._deadline: Any = None
        self._listens = listens(config.input)
        self._tries = Tries(listens=self._listens)
        self._fallback_number = 0
        self._fallback_retry: Any = None
        self._fallback_tries = Tries(listens=False)
        # The last one of the input and of each fallback, and when it was logged.
        self._faults: dict[str, tuple[str, float]] = {}
        self._opened = False
        self._rest: Any = None
        self._asleep = False
        self._up: dict[str, float] = {}
        self._attention = LoopingCall(self._look_for_clients)
        self._attention.clock = reactor
        publisher.demand.on_touch = self._wanted
        self.left_out: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self._noted: tuple[str, ...] = ()
        self._noticed = float("-inf")
        self._unsaid = 0

    def startService(self) -> None:
        """Open the input, or listen for a sender."""
        super().startService()
        set_up()
        if self.config.on_demand:
            self._sleep()
        elif self.config.input.form is Form.ENDPOINT:
            self._listen()
        elif self.config.input.form is Form.HTTP:
            self._become("waiting for a sender", "nobody has sent anything yet")
            self.log.info("waiting for a sender: PUT or POST /{name}", name=self.config.name)
            self._show_fallback()
        else:
            self._open()

    def stopService(self) -> Deferred[Any]:
        """
        @return: fires when nobody can connect any more, and the threads have ended, or after a
            second without that.
        """
        super().stopService()
        if self.state != "ended":
            self._become("ended", "it has been stopped")
        self._close(self.reason)
        closed: Any = None
        if self._port is not None:
            closed = self._port.stopListening()
            self._port = None
        for sender in (*self.senders, self._sender, self._next_sender):
            if sender is not None:
                sender.drop(Parting.CLOSED, "the stream is being stopped")
        self.refusals.stop()
        late = [self.reactor.callLater(PATIENCE, self._thread_ended, r) for r in self._leaving]
        stopped: Deferred[Any] = gatherResults(self._leaving.values())
        stopped.addCallback(lambda _: [call.cancel() for call in late if call.active()])
        return stopped.addCallback(lambda _: closed)

    def resume(self) -> None:
        """A sink has room again, or somebody looks."""
        for reading in (self._reading, self._fallback):
            if reading is not None:
                self._deliver(reading)

    @property
    def showing(self) -> Input | None:
        fallback = self._fallback
        return fallback.source if fallback is not None and fallback.heard else None

    # opening

    def _open(self, *, counts: bool = True) -> None:
        """
        Open what is opened here.

        @param counts: whether it is a restart, if it is not the first time. Another round of a loop
            is none: the stream stays live.
        """
        self._retry = None
        media: ByteSource | None = None
        if self.config.input.form is Form.STDIN:
            media = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - it is not ours
        self._read(media, counts=counts)

    def _read(self, media: ByteSource | None, *, counts: bool = True) -> None:
        if not self._listens:
            if counts:
                self._become("opening", "reading the beginning, to see what it is")
        elif not self._opened:
            self._become("waiting for a sender", "nobody has sent anything yet")
        self._noted, self.notes = self.notes, ()
        self.restarts += self._opened and counts
        self._opened = True
        self._tries.opened(self.reactor.seconds())
        drain = self.config.at_end is AtEnd.EXIT and not self.config.input.form.has_sender
        program = 0 if self._sender is None else self._sender.program
        self._reading = self._start(
            self.config.input,
            media,
            self._pace,
            drain=drain,
            frame_rate=self.config.frame_rate,
            program=program or self.config.program,
        )

    def _start(
        self, source: Input, media: ByteSource | None, pace: Pace, *, drain: bool, **manner: Any
    ) -> Reading:
        reading = Reading(source)
        task = ReaderTask(
            self.config.name, source, media, self.timeline, pace, drain=drain, **manner
        )
        reading.reader = self._start_reader(
            task,
            lambda: self._arrived(reading),
            lambda: self.reactor.callFromThread(self._thread_ended, reading),
        )
        return reading

    def _stop(self, reading: Reading) -> None:
        """End a reading; the timeline is free when its thread has ended, or is stuck."""
        reading.reader.stop()
        self._leaving[reading] = Deferred()
        if reading is self._owner:
            late = self.reactor.callLater(PARTED, self._let_go, reading)
            self._leaving[reading].addCallback(lambda _: late.active() and late.cancel())
        if reading in self._turns:
            self._turns.remove(reading)

    def _thread_ended(self, reading: Reading) -> None:
        self._let_go(reading)
        done = self._leaving.pop(reading, None)
        if done is not None:
            done.callback(None)

    def _close(self, reason: str) -> None:
        """Everything that is open, or about to be."""
        self._tell_down("input", reason)
        self._relax()
        if self._attention.running:
            self._attention.stop()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._reading is not None:
            self._stop(self._reading)
            self._reading = None
        self._stop_fallback(reason)
        self.wake()

    # whose turn it is on the timeline

    def _claim(self, reading: Reading) -> None:
        """It has been opened, and could begin."""
        if reading is self._reading:
            self._stop_fallback("the input is back")
        self._turns.append(reading)
        self._next_turn()

    def _let_go(self, reading: Reading) -> None:
        if reading is self._owner:
            self._owner = None
            self._next_turn()

    def _next_turn(self) -> None:
        if self._owner is None and self._turns:
            self._owner = self._turns.pop(0)
            self._owner.reader.go()

    # what is shown meanwhile

    def _show_fallback(self) -> None:
        """Show a fallback, since the input is away: now, or still, after another try."""
        if self._fallback is None:
            if self._fallback_retry is not None:
                self._fallback_retry.cancel()
            self._open_fallback()

    def _open_fallback(self, number: int = 0) -> None:
        """
        Open a fallback.

        @param number: which one, in the order of the configuration.
        """
        self._fallback_retry = None
        fallbacks = self.config.fallbacks
        if fallbacks:
            self._fallback_number = number
            self._fallback_tries.opened(self.reactor.seconds())
            # At real time from the first packet on: nothing of it is kept for later.
            self._fallback = self._start(fallbacks[number], None, Pace(1.0, 0.0), drain=False)

    def _open_next_fallback(self) -> None:
        """
        Open the next one, or the first one after a pause. The input's next try is one of the
        fallback's, too, but may be long in coming.
        """
        if self._fallback_number + 1 < len(self.config.fallbacks):
            self._open_fallback(self._fallback_number + 1)
            return
        pause = self._fallback_tries.pause(self.reactor.seconds(), self.config.hold)
        self._fallback_retry = self.reactor.callLater(max(QUICK[0], pause), self._open_fallback)

    def _stop_fallback(self, reason: str) -> None:
        self._tell_down("fallback", reason)
        if self._fallback_retry is not None:
            self._fallback_retry.cancel()
            self._fallback_retry = None
        if self._fallback is not None:
            self._stop(self._fallback)
            self._fallback = None

    def _fallback_ended(self, fallback: Reading, ended: Ended) -> None:
        """Begin a file again; open anything else again in the way that the input is."""
        self._fallback = None
        if fallback.heard and not ended.fault and fallback.source.form is not Form.URL:
            self._open_fallback(self._fallback_number)
            return
        self._publisher.hold()
        self._tell_down("fallback", ended.reason)
        if self._is_news(str(fallback.source), ended.reason):
            source = str(fallback.source)
            self.log.error("fallback {source}: {reason}", source=source, reason=ended.reason)
        self._open_next_fallback()

    def _begin_fallback(self, fallback: Reading, header: Header) -> None:
        period = self._publisher.period
        fits = period is None or period.header.tracks == header.tracks
        if not fits:
            reason = "its tracks are others than the stream's"
            if self._is_news(str(fallback.source), reason):
                source = str(fallback.source)
                self.log.warn("fallback {source}: not shown: {why}", source=source, why=reason)
            self._stop_fallback(reason)
            self._open_next_fallback()
            return
        fallback.heard = True
        self._faults.pop(str(fallback.source), None)
        self._fallback_tries.live(self.reactor.seconds())
        if "fallback" not in self._up:  # another round is no news
            source = str(fallback.source)
            self.log.info("fallback {source}: shown while the input is away", source=source)
        self._tell_up("fallback", fallback.source)
        self._publisher.begin(header)

    # only while somebody watches

    def _sleep(self) -> None:
        self._asleep = True
        self._publisher.forget()
        self._become("waiting for a client", "nobody is watching; opened when somebody does")

    def _wanted(self) -> None:
        self.wake()
        if self._asleep and self.running:
            self._asleep = False
            self._open()
            self._attention.start(ATTENTION, now=False)

    def _look_for_clients(self) -> None:
        unwanted = self._publisher.demand.unwanted
        if unwanted and unwanted >= self.config.linger:
            self.log.info("{input}: nobody is watching; closed", input=self.label)
            self._close("nobody is watching")
            self._sleep()

    # what the thread has made

    def _arrived(self, reading: Reading) -> None:
        """Thread: there is something. While nobody wants it, it is found at the next look."""
        if self._rest is None:
            self.reactor.callFromThread(self._take_in, reading)

    def _take_in(self, reading: Reading) -> None:
        self._deliver(reading)
        if self._rest is None and self._counts(reading) and reading.heard and self._may_rest():
            self._rest = self.reactor.callLater(REST, self.wake)
            if self._sender is not None:
                self._sender.rest()

    def _may_rest(self) -> bool:
        period = self._publisher.period
        return (
            not self._publisher.demand.constant
            and self._publisher.demand.unwanted >= UNWANTED
            and period is not None
            and period.ring.bitrate(SECOND) <= REST_BITRATE
        )

    def wake(self) -> bool:
        """
        Take what has come meanwhile, and from now on each packet as it comes.

        @return: whether it was resting.
        """
        rest, self._rest = self._rest, None
        if rest is None:
            return False
        if rest.active():
            rest.cancel()
        if self._sender is not None:
            self._sender.wake()
        self.resume()
        return True

    def _deliver(self, reading: Reading) -> None:
        """Take what has come since the last turn, unless a sink is behind."""
        if not self._counts(reading):
            return
        if self._publisher.full:
            return
        packets: list[Packet] = []
        for event in reading.reader.take():
            if isinstance(event, Packet):
                packets.append(event)
                continue
            self._publish(reading, packets)
            packets = []
            if not self._counts(reading):
                return
            if isinstance(event, Opened):
                self._claim(reading)
            elif isinstance(event, Header):
                self._begin(reading, event)
            elif isinstance(event, Noticed):
                self._notice(reading.source, event.text)
            elif isinstance(event, Noted):
                self._note(reading, event.texts)
            else:
                self._let_go(reading)
                self._ended(reading, event)
        self._publish(reading, packets)

    def _counts(self, reading: Reading) -> bool:
        """Whether what it makes is wanted."""
        return bool(self.running) and reading in (self._reading, self._fallback)

    def _publish(self, reading: Reading, packets: list[Packet]) -> None:
        if not packets or not self._counts(reading):
            return
        most = self.config.max_bitrate
        if reading is self._reading and reading.guard.exceeded(packets, most):
            self._stop(reading)
            self._ended(reading, Ended(f"more than {most} bits per second", fault=True))
            return
        self._publisher.publish(packets)

    def _begin(self, reading: Reading, header: Header) -> None:
        if reading is self._fallback:
            self._begin_fallback(reading, header)
            return
        reading.heard = True
        if self._next_sender is None:
            self._relax()
        self._faults.pop("input", None)
        if self.restarts and "input" not in self._up and not self.config.input.form.has_sender:
            self.log.info("{input}: packets are coming", input=self.label)
        self._tries.live(self.reactor.seconds())
        self._become("live", "packets are coming")
        period = self._publisher.period
        if period is None or period.header.tracks != header.tracks:
            for track in header.tracks:
                self.log.info("{input}: {track}", input=self.label, track=describe(track))
        if self.left_out != header.left_out:
            for text in header.left_out:
                self.log.warn("{input}: left out: {text}", input=self.label, text=text)
        self.left_out = header.left_out
        self._tell_up("input", reading.source)
        self._publisher.begin(header)

    def _notice(self, source: Input, text: str) -> None:
        """At most one line a second."""
        now = self.reactor.seconds()
        if now - self._noticed < 1:
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} times more)" if self._unsaid else ""
        self._noticed, self._unsaid = now, 0
        self.log.warn("{input}: {text}{more}", input=str(source), text=text, more=more)

    def _note(self, reading: Reading, texts: tuple[str, ...]) -> None:
        """Log how the input is read; have C{/status} show it, unless it is of a fallback."""
        if reading is not self._reading:
            for text in texts:
                self._notice(reading.source, text)
            return
        # Another round of it, or another sender of the same kind, is no news.
        for text in texts:
            if text not in self.notes and text not in self._noted:
                self.log.info("{input}: {text}", input=self.label, text=text)
        self.notes = texts

    @property
    def label(self) -> str:
        """The input in words."""
        if self.config.input.form is Form.HTTP:
            return f"/{self.config.name}"
        return str(self.config.input)

    @property
    def is_live(self) -> bool:
        """Whether packets are coming."""
        return self.state == "live"

    # the end

    def _ended(self, reading: Reading, ended: Ended) -> None:
        if reading is self._fallback:
            self._fallback_ended(reading, ended)
            return
        self._reading = None
        self._relax()
        sender, self._sender = self._sender, None
        self._say_end(ended, None if reading.heard else sender)
        if sender is not None:
            sender.drop(Parting.UNREADABLE if ended.fault else Parting.TAKEN, ended.reason)
        at_end = self.config.at_end
        again = at_end is AtEnd.LOOP and reading.heard and not ended.fault
        if not again:
            self._tell_down("input", ended.reason)
        if at_end is AtEnd.WAIT or (self.config.takeover and self._next_sender is not None):
            self._wait(ended)
        elif at_end is AtEnd.EXIT:
            self.failed = ended.fault
            self._become("ended", ended.sentence, ended.detail)
            if self._next_sender is not None:
                self._next_sender.drop(Parting.CLOSED, "the stream has ended")
            self._close(ended.reason)
            self._publisher.end()
            self._on_end()
        elif again:
            self._open(counts=False)
        else:
            self._open_later(reading, ended)

    def _open_later(self, reading: Reading, ended: Ended) -> None:
        self._publisher.hold()
        pause = self._tries.pause(self.reactor.seconds(), self.config.hold)
        if self._listens:
            self._become("waiting for a sender", ended.sentence, ended.detail)
        else:
            reason = f"{ended.sentence}; trying again in {pause:.1f} s"
            self._become("retrying", reason, ended.detail)
        counts = reading.heard or not self._listens
        self._retry = self.reactor.callLater(pause, partial(self._open, counts=counts))
        self._show_fallback()

    def _say_end(self, ended: Ended, refused: Sender | None) -> None:
        if not ended.fault:
            if self.config.at_end is not AtEnd.LOOP:  # each round of which would be a line
                self.log.info("{input}: {reason}", input=self.label, reason=ended.reason)
        elif refused is not None:
            line = "{input}: {reason} (sender {peer})"
            self._refuse(refused.peer, ended.sentence, line, ended.reason)
        elif self._is_news("input", ended.reason):
            self.log.error("{input}: {reason}", input=self.label, reason=ended.reason)

    def _is_news(self, what: str, fault: str) -> bool:
        """Whether to log a fault: the same one at each try is logged only now and then."""
        now = self.reactor.seconds()
        logged, when = self._faults.get(what, ("", now))
        if logged == fault and now - when < REPEATED:
            return False
        self._faults[what] = fault, now
        return True

    def _wait(self, ended: Ended) -> None:
        self._publisher.hold()
        self._become("waiting for a sender", ended.sentence, ended.detail)
        sender, self._next_sender = self._next_sender, None
        if sender is not None:
            self._take(sender)
        else:
            self._show_fallback()

    def _become(self, state: str, reason: str, detail: str = "") -> None:
        if state != self.state:
            self.since = self.reactor.seconds()
        self.state, self.reason, self.detail = state, reason, detail

    # what is told of it

    def _tell_up(self, what: str, source: Input) -> None:
        """C{input} or C{fallback} brings something; another round of it is no news."""
        if what not in self._up:
            self._up[what] = self.reactor.seconds()
            self._events.tell(f"{what} up", self.config.name, input=str(source))

    def _tell_down(self, what: str, reason: str) -> None:
        """It brings nothing more, if it ever did."""
        since = self._up.pop(what, None)
        if since is not None:
            seconds = round(self.reactor.seconds() - since, 3)
            self._events.tell(f"{what} down", self.config.name, reason=reason, seconds=seconds)

    def _tell(self, kind: str, **details: Any) -> None:
        self._events.tell(kind, self.config.name, **details)

    # senders

    def _listen(self) -> None:
        self._become("waiting for a sender", "nobody has connected yet")
        factory: Any = Factory.forProtocol(Connection)
        factory.noisy = False
        factory.input = self
        self.endpoint = Endpoint(self.reactor, self.config.input.text)
        listening = self.endpoint.listen(factory)
        listening.addCallbacks(self._listening, self._deaf)

    def _listening(self, port: IListeningPort) -> None:
        self._port = port
        self._show_fallback()
        self.log.info("waiting for a sender at {address}", address=address(port.getHost()))

    def _deaf(self, failure: Failure) -> None:
        problem = getattr(failure.value, "socketError", failure.value)
        known = getattr(problem, "strerror", None)
        cause = known or problem
        self.failed = True
        reason = f"nobody can connect: {known}" if known else "nobody can connect"
        self._become("ended", reason, f"cannot listen at {self.label}: {cause}")
        self.log.error("cannot listen at {input}: {cause}", input=self.label, cause=cause)
        self._publisher.end()
        self._on_end()

    def objection(self) -> Parting | None:
        """Why one who has connected now may not send; L{None} when it may."""
        # While it rests it does not see that a sender has left; at the first bytes of this one it
        # has.
        return None if self.wake() else self._objection()

    def _objection(self) -> Parting | None:
        if not self.running or self.state == "ended":
            return Parting.CLOSED
        # Not those of a fallback: a URL that does not answer holds its thread for some seconds.
        stuck = [reading for reading in self._leaving if reading.source == self.config.input]
        if len(stuck) >= STUCK:
            return Parting.STUCK
        occupied = any(s is not None and s.present for s in (self._sender, self._next_sender))
        return Parting.OCCUPIED if occupied and not self.config.takeover else None

    def sender_came(self, sender: Sender) -> Parting | None:
        """A sender's first bytes have come; why it may not go on, or L{None}: it will be read."""
        objection = self._objection()
        if objection is not None:
            return objection
        if self._sender is None and self._reading is None:
            self._take(sender)
            return None
        # Of those before, one who has left is read to its end; one who is there is taken over.
        for other in (self._sender, self._next_sender):
            if other is not None and (other.present or other is self._next_sender):
                self.log.warn(
                    "sender {peer} takes over from {old}", peer=sender.peer, old=other.peer
                )
                other.drop(Parting.REPLACED, Parting.REPLACED.value)
        self._next_sender = sender
        if self.config.takeover or self.config.at_end is AtEnd.WAIT:
            self._hasten(PARTED, "another sender has come")
        return None

    def refuse(self, peer: str, reason: str, line: str) -> None:
        """Tell operators that a sender was refused."""
        self._refuse(peer, reason, line, reason)

    def _refuse(self, peer: str, cause: str, line: str, reason: str) -> None:
        details = {"input": self.label, "reason": reason}
        self.refusals.tell("sender refused", peer, cause, line, **details)

    def sender_left(self, sender: Sender) -> None:
        """Note that a sender has left; the rest of what it has sent is still to be read."""
        if sender is self._sender and self.state == "opening":
            self._hasten(PARTED, f"nothing was known of it {PARTED:g} s after its sender had left")

    def remark(self, reason: str) -> None:
        """Something has come of a sender who never was one."""
        if self.state == "waiting for a sender":
            self.reason, self.detail = reason, ""

    def _take(self, sender: Sender) -> None:
        self._sender = sender
        self._read(sender.pipe)
        self._hasten(OPENING, f"nothing was known of it after {OPENING:g} s")

    def _hasten(self, seconds: float, reason: str) -> None:
        """End what is read now after so many seconds, unless it is to be ended earlier."""
        if self._deadline is not None:
            if self._deadline.getTime() <= self.reactor.seconds() + seconds:
                return
            self._deadline.cancel()
        self._deadline = self.reactor.callLater(seconds, self._give_up, self._reading, reason)

    def _relax(self) -> None:
        """Let what is read now take its time."""
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()

    def _give_up(self, reading: Reading, reason: str) -> None:
        self._deadline = None
        self._stop(reading)
        self._ended(reading, Ended(reason, fault=not reading.heard))


def describe(track: Track) -> str:
    """A track in words, for the log: C{track 1, video: h264, 640x360, 25 fps}."""
    words = [track.codec]
    if track.width:
        words.append(f"{track.width}x{track.height}")
    if track.frame_rate:
        words.append(f"{track.frame_rate:g} fps")
    if track.sample_rate:
        words.append(f"{track.sample_rate} Hz, {track.channels} channels")
    if track.language:
        words.append(track.language)
    return f"track {track.number}, {track.type}: {', '.join(words)}"
