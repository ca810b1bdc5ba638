"""
An input's life: the service that opens it, waits for it and ends it (I{reactor}).

L{InputService} puts the parts of an input together, by the table of L{mkvtwist.inputs.lifecycle}::

    senders ---> SenderSlot ---.
                               v
                            Primary ----.
                                         >---> Readings ---> Publisher
                            Fallback ---'      (readers, timeline)

    when:     Retry     the input is opened again
              Deadline  the input is given up
              OnDemand  the input is open at all
              Rest      the input is looked at now and then only
    told by:  Reports   the log, events

There is one timeline, which one reading at a time has. When the input has been opened, the fallback
is stopped; when the fallback's reader has gone, the input's goes on.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure

from mkvtwist.access.entry import Entry
from mkvtwist.config.input import AtEnd
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.deadline import Deadline
from mkvtwist.inputs.exec.program_reader import with_programs
from mkvtwist.inputs.exec.programs import Programs
from mkvtwist.inputs.fallback import Fallback
from mkvtwist.inputs.lifecycle import NOT_OPENED, UNWATCHED, Lifecycle, State, Trigger
from mkvtwist.inputs.listener import CannotListen, SenderListener
from mkvtwist.inputs.on_demand import OnDemand
from mkvtwist.inputs.primary import Primary
from mkvtwist.inputs.reader_thread import ReaderThread, StartReader
from mkvtwist.inputs.readings import Reading, Readings
from mkvtwist.inputs.reports import Reports, Role
from mkvtwist.inputs.resting import Rest
from mkvtwist.inputs.retry import Retry
from mkvtwist.inputs.sender_slot import SenderSlot
from mkvtwist.inputs.senders import Sender
from mkvtwist.inputs.sources import source_of
from mkvtwist.libav import Ended, Tagged
from mkvtwist.live.events import Events
from mkvtwist.live.publisher import Publisher
from mkvtwist.media.timeline import Timeline


class InputService(Service):
    """
    Feeds a publisher from one input for as long as the service runs.

    @ivar life: the state, and its reason.
    @ivar timeline: the stream's.
    @ivar slot: the place for senders.
    @ivar primary: the input itself.
    @ivar fallback: what is shown in place of the input, while it is away.
    @ivar reports: the log and the events of the input.
    @ivar failed: whether the input has ended for good because it could not be read, or not to its
        end.
    @ivar is_missing: whether there is no such input, nor a fallback: all of them have said so.
    """

    def __init__(
        self,
        reactor: Any,
        config: StreamConfig,
        publisher: Publisher,
        events: Events,
        on_end: Callable[[], None],
        *,
        on_tags: Callable[[Tagged], None] = lambda _: None,
        start_reader: StartReader = ReaderThread,
        on_wanted: Callable[[], bool] = lambda: True,
        entry: Entry | None = None,
    ) -> None:
        """
        @param events: hears that the input comes and goes, and of refused senders.
        @param on_end: called when the input has ended for good.
        @param on_tags: called with the tags of the input, whenever they change.
        @param start_reader: starts a reader for each opening.
        @param on_wanted: called when a client or a sender wants the stream, and the service does
            not run; returns whether there is room for the stream.
        @param entry: the server's rules, guesses and limits; by default, none that others share.
        """
        self.config = config
        self.failed = False
        self.is_missing = False
        self._was_absent = False  # the input itself, when it was opened last
        self.timeline = Timeline()
        self.life = Lifecycle(reactor.seconds)
        self._reactor = reactor
        self._publisher = publisher
        self._on_end = on_end
        self._on_wanted = on_wanted
        self._source = source_of(config.input)
        self._listener: SenderListener | None = None
        self._entry = entry or Entry(reactor)
        self.reports = Reports(reactor, events, config.name, self._source.label(config))
        self._rest = Rest(reactor, publisher, self._begin_rest, self._end_rest)
        self._programs = Programs(reactor, self.reports.log)
        self._readings = Readings(
            reactor,
            with_programs(start_reader, self._programs),
            is_full=lambda: publisher.full,
            is_resting=lambda: self._rest.is_on,
            on_taken=self._taken,
            reports=self.reports,
        )
        read_by = (config, self.timeline, publisher, self._readings, self.reports)
        self.fallback = Fallback(*read_by, clock=reactor, on_round=self._end_if_missing)
        self.primary = Primary(
            *read_by,
            on_opened=partial(self.fallback.stop, "the input is back"),
            on_live=self._live,
            on_end=self._ended,
            on_tags=on_tags,
        )
        self._deadline = Deadline(reactor, self.primary.give_up)
        self.slot = SenderSlot(
            reactor,
            config,
            life=self.life,
            readings=self._readings,
            rest=self._rest,
            deadline=self._deadline,
            reports=self.reports,
            on_turn=self._read_from,
            on_wanted=on_wanted,
        )
        self._retry = Retry(reactor, listens=self._source.listens)
        self._on_demand = OnDemand(
            reactor, publisher.demand, config.linger, self._open, self._close_unwanted
        )
        publisher.demand.on_touch = self._touch
        if config.on_demand:
            self.life.happen(Trigger.UNWATCHED, UNWATCHED)

    def configure(self, config: StreamConfig) -> None:
        """Take over settings; only those that change at once may differ."""
        self.config = self.slot.config = self.primary.config = self.fallback.config = config
        self._on_demand.linger = config.linger

    def startService(self) -> None:
        """Open the input, or let senders in."""
        super().startService()
        self.life.happen(Trigger.START, NOT_OPENED)
        self.slot.open()
        if self.config.on_demand:
            self._wait_for_client()
        elif self._source.listener is not None:
            self._listener = self._source.listener(
                self._reactor, self.config, self.slot, self._entry
            )
            self.life.happen(Trigger.LISTEN, self._listener.idle)
            listening = self._listener.start()
            listening.addCallbacks(lambda _: self.fallback.show(), self._cannot_listen)
        else:
            self._open()

    def stopService(self) -> Deferred[Any]:
        """
        @return: fires when no sender can connect any more and the readers have ended, or after a
            second; and when no program is left.
        """
        super().stopService()
        if self.life.state is not State.ENDED:
            self.life.happen(Trigger.STOP, "it has been stopped")
        self._close(self.life.reason)
        closed = self._listener.stop() if self._listener is not None else None
        self.slot.close("the stream is being stopped")
        self.reports.refusals.stop()
        gone = gatherResults([self._readings.all_gone(), self._programs.all_gone()])
        return gone.addCallback(lambda _: closed)

    def resume(self) -> None:
        """Go on: a sink has room again."""
        self._readings.resume()

    def renew(self) -> None:
        """
        Read the certificates again with which senders are met, if there are any.

        @raise mkvtwist.config.values.ConfigError: if they cannot be used; the old ones hold.
        """
        if self._listener is not None:
            self._listener.renew()

    # opening

    def _open(self, *, counts: bool = True) -> None:
        """
        Open the source, if it has no senders.

        @param counts: whether this is a restart, unless it is the first time. Another round of a
            loop is none: the stream stays live.
        """
        if not self._source.listens:
            if counts:
                self.life.happen(Trigger.OPEN, "reading the beginning, to see what it is")
        elif self.life.state not in (State.LIVE, State.WAITING_FOR_SENDER):
            self.life.happen(Trigger.LISTEN, "nobody has sent anything yet")
        self._retry.opened()
        self.primary.open(counts=counts)

    def _read_from(self, sender: Sender) -> None:
        """Read a sender's media."""
        self.life.happen(Trigger.SENDER, "reading the beginning, to see what it is")
        self.primary.read(sender.pipe, program=sender.program)

    def _live(self) -> None:
        """Note that packets come."""
        if self.slot.next is None:
            self._deadline.lift()
        self._retry.live()
        self.life.happen(Trigger.HEADER, "packets are coming")

    def _cannot_listen(self, failure: Failure) -> None:
        failure.trap(CannotListen)
        if not self.running:
            return
        problem: Any = failure.value
        detail = f"cannot listen at {self.reports.label}: {problem.cause}"
        self.reports.log.error("{detail}", detail=detail)
        self.failed = True
        self.life.happen(Trigger.CANNOT_LISTEN, problem.reason, detail)
        self._finish(problem.reason)

    # demand

    def _wait_for_client(self) -> None:
        self._on_demand.wait()
        self._publisher.forget()
        self.life.happen(Trigger.UNWATCHED, UNWATCHED)

    def _close_unwanted(self) -> None:
        self.reports.log.info("{input}: nobody is watching; closed", input=self.reports.label)
        self._close("nobody is watching")
        self._wait_for_client()

    def _touch(self) -> None:
        if not self.running and not self.config.input.form.has_sender:
            self._on_wanted()
        self._rest.wake()
        self._on_demand.touch()

    def _taken(self, reading: Reading) -> None:
        if reading.heard:
            self._rest.consider()

    def _begin_rest(self) -> None:
        self.slot.rest()

    def _end_rest(self) -> None:
        self.slot.wake()
        # A sender has to be read before there is anything to take: its rest begins later.
        if self._readings.resume() and self.slot.current is None:
            self._rest.consider()

    # the end

    def _ended(self, ended: Ended, heard: bool) -> None:
        """Do what C{at_end} says."""
        self._deadline.lift()
        self._log_end(ended, heard=heard)
        self.slot.part(ended)
        at_end = self.config.at_end
        again = at_end is AtEnd.LOOP and heard and not ended.fault
        if not again:
            self.reports.down(Role.INPUT, ended.reason)
        self._was_absent = ended.is_missing
        if self._end_if_missing():
            return
        # The crash of a process is no end of the input, and ends nothing else.
        sender_may_return = ended.crashed and self._source.listener is not None
        opens_again = ended.crashed and self.config.input.form.opens_at_any_time
        if at_end is AtEnd.WAIT or sender_may_return or self.slot.goes_on:
            self._publisher.hold()
            self.life.happen(Trigger.NEXT_SENDER, ended.sentence, ended.detail)
            if not self.slot.advance():
                self.fallback.show()
        elif at_end is AtEnd.EXIT and not opens_again:
            self.failed = ended.fault
            self.life.happen(Trigger.END, ended.sentence, ended.detail)
            self._finish(ended.reason)
        elif again:
            self.life.happen(Trigger.BEGIN_AGAIN, self.life.reason)
            self._open(counts=False)
        else:
            self._open_later(ended, counts=heard or not self._source.listens)

    def _log_end(self, ended: Ended, *, heard: bool) -> None:
        reports, sender = self.reports, self.slot.current
        if not ended.fault:
            if self.config.at_end is not AtEnd.LOOP:  # each round of which would be a line
                reports.log.info("{input}: {reason}", input=reports.label, reason=ended.reason)
        elif sender is not None and not heard:
            line = "{input}: {reason} (sender {peer})"
            reports.refuse(sender.peer, ended.sentence, line, ended.reason)
        elif reports.is_news(self.config.input, ended.reason):
            level = reports.level(self.config, ended)
            reports.log.emit(level, "{input}: {reason}", input=reports.label, reason=ended.reason)

    def _open_later(self, ended: Ended, *, counts: bool) -> None:
        self._publisher.hold()
        pause = self._retry.pause(self.config.hold)
        if self._source.listens:
            self.life.happen(Trigger.NEXT_SENDER, ended.sentence, ended.detail)
        else:
            reason = f"{ended.sentence}; trying again in {pause:.1f} s"
            self.life.happen(Trigger.PAUSE, reason, ended.detail)
        self._retry.after(pause, partial(self._open, counts=counts))
        self.fallback.show()

    def _end_if_missing(self) -> bool:
        """
        End a stream whose name a client has chosen, if there never was media and all that it could
        be read from say that there is no such thing; return whether that is so.
        """
        fallbacks = self.fallback.absent.issuperset(self.config.fallbacks)
        never = self._publisher.period is None
        if self.config.pattern and never and self._was_absent and fallbacks:
            self.is_missing = self.failed = True
            self.life.happen(Trigger.END, "there is no such stream")
            self._finish(self.life.reason)
        return self.is_missing

    def _finish(self, reason: str) -> None:
        """End for good."""
        self.slot.close("the stream has ended")
        self._close(reason)
        self._publisher.end()
        self._on_end()

    def _close(self, reason: str) -> None:
        """Close everything that is open, or about to be opened."""
        self._deadline.lift()
        self._on_demand.stop()
        self._retry.cancel()
        self.primary.close(reason)
        self.fallback.stop(reason)
        self._rest.wake()
