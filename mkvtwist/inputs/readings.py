"""
Readings: running readers of an input and its fallbacks, and their events (I{reactor}).

A reader's events are passed on in the turn of the reactor in which they arrived, unless a sink is
full or the input rests. There is one timeline: a reading that has been opened goes on when the one
before it has ended, and L{LEFTOVER_TIMEOUT} after that was stopped at the latest.
"""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults

from mkvtwist.config.input import Input
from mkvtwist.inputs.reader_thread import ReaderTask, RunningReader, StartReader
from mkvtwist.inputs.reports import Reports
from mkvtwist.inputs.timeline_turns import TimelineTurns
from mkvtwist.libav import INTERNAL_ERROR, Ended, Noted, Noticed, Opened, Tagged
from mkvtwist.media.packet import Header, Packet

STOP_TIMEOUT = 1.0
"""
Seconds that stopping waits for readers. One that is blocked in libavformat or on standard input
cannot be woken: it is left alone, and ends with the process.
"""

LEFTOVER_TIMEOUT = 4.0
"""
Seconds that the rest of something may take: of what a sender that has left has sent, while nothing
is known of it yet or while another sender waits; of a stopped reader that has the timeline.
"""


class Reading:
    """
    A running reader, and its owner.

    @ivar source: the input, or the fallback, that is read.
    @ivar heard: whether a header has come.
    @ivar is_gone: whether its reader has ended; its events may still be there to take.
    @ivar owner: takes the reader's events.
    """

    reader: RunningReader

    def __init__(self, source: Input, owner: "ReadingOwner") -> None:
        self.source = source
        self.owner = owner
        self.heard = False
        self.is_gone = False


class ReadingOwner(Protocol):
    """
    The owner of a reading: the input, or its fallback.

    L{Readings} calls it in the reactor's thread, in the order in which the reader has made things,
    and never after L{Readings.stop}. If a call fails, the reading is stopped, and C{ended} called.
    """

    def opened(self, reading: Reading) -> None:
        """Take note that the source could be opened; it is read on when it is its turn."""

    def began(self, reading: Reading, header: Header) -> None:
        """Take a header; the packets that follow are of its tracks."""

    def brought(self, reading: Reading, packets: list[Packet]) -> None:
        """Take packets that have arrived together."""

    def noted(self, reading: Reading, texts: tuple[str, ...]) -> None:
        """Take sentences on how the source is read; they replace those before."""

    def tagged(self, reading: Reading, tags: Tagged) -> None:
        """Take the tags of the source; they replace those before."""

    def ended(self, reading: Reading, ended: Ended) -> None:
        """Take note of the end, the last call for this reading."""


class Readings:
    """Starts and stops readings, and passes on their events."""

    def __init__(
        self,
        reactor: Any,
        start_reader: StartReader,
        *,
        is_full: Callable[[], bool],
        is_resting: Callable[[], bool],
        on_taken: Callable[[Reading], None],
        reports: Reports,
    ) -> None:
        """
        @param start_reader: starts a reader for each reading.
        @param is_full: whether a sink has no room: nothing is taken until L{resume}.
        @param is_resting: called in any thread; whether what arrives waits until L{resume}.
        @param on_taken: called when everything that has arrived of a reading has been passed on.
        @param reports: gets the readers' notices, and the traceback of an error in mkvtwist.
        """
        self._reactor = reactor
        self._start_reader = start_reader
        self._is_full = is_full
        self._is_resting = is_resting
        self._on_taken = on_taken
        self._reports = reports
        self._current: list[Reading] = []  # which have not ended, and have not been stopped
        self._leaving: dict[Reading, Deferred[None]] = {}
        self._turns: TimelineTurns[Reading] = TimelineTurns(lambda reading: reading.reader.go())

    def start(self, task: ReaderTask, owner: ReadingOwner) -> Reading:
        """Start to read."""
        reading = Reading(task.source, owner)
        self._current.append(reading)
        reading.reader = self._start_reader(
            task,
            lambda: self._arrived(reading),
            lambda: self._reactor.callFromThread(self._gone, reading),
        )
        return reading

    def stop(self, reading: Reading) -> None:
        """Want nothing more of a reading; the timeline is free when its reader has gone."""
        self._current.remove(reading)
        self._turns.withdraw(reading)
        reading.reader.stop()
        if reading.is_gone:
            return
        gone = self._leaving[reading] = Deferred()
        if reading is self._turns.owner:
            late = self._reactor.callLater(LEFTOVER_TIMEOUT, self._turns.release, reading)
            gone.addCallback(lambda _: late.active() and late.cancel())

    def count_leaving(self, source: Input) -> int:
        """Return how many readers of a source have been stopped, and have not gone yet."""
        return sum(reading.source == source for reading in self._leaving)

    def all_gone(self) -> Deferred[Any]:
        """
        @return: fires when all readers that were stopped have gone, or after L{STOP_TIMEOUT}.
        """
        late = [self._reactor.callLater(STOP_TIMEOUT, self._gone, r) for r in self._leaving]
        gone: Deferred[Any] = gatherResults(self._leaving.values())
        return gone.addCallback(lambda _: [call.cancel() for call in late if call.active()])

    def resume(self) -> bool:
        """
        Pass on the events that have arrived: a sink has room again, or the rest ends.

        @return: whether there were any of an input whose header has come.
        """
        return any([self._pass_on(reading) for reading in tuple(self._current)])  # noqa: C419 - each of them

    def _arrived(self, reading: Reading) -> None:
        """Note that there are events to take; any thread."""
        if not self._is_resting():
            self._reactor.callFromThread(self._take, reading)

    def _take(self, reading: Reading) -> None:
        self._pass_on(reading)
        if reading in self._current:
            self._on_taken(reading)

    def _pass_on(self, reading: Reading) -> bool:
        if reading not in self._current or self._is_full():
            return False
        try:
            return self._pass_on_events(reading) and reading.heard
        except Exception:  # noqa: BLE001 - a bug: it is logged, and ends this reading only
            self._fail(reading)
            return False

    def _pass_on_events(self, reading: Reading) -> bool:
        """Pass on what a reader has made; return whether there was anything."""
        events = reading.reader.take()
        packets: list[Packet] = []
        for event in events:
            if isinstance(event, Packet):
                packets.append(event)
                continue
            self._bring(reading, packets)
            packets = []
            if reading in self._current:
                self._tell(reading, event)
            if reading not in self._current:
                return True
        self._bring(reading, packets)
        return bool(events)

    def _fail(self, reading: Reading) -> None:
        """
        Log an error in mkvtwist, and end the reading. The end may be among the events that are lost
        with the error: the input would wait for it for ever.
        """
        line = "passing on what {source} has brought failed"
        self._reports.log.failure(line, source=str(reading.source))
        if reading in self._current:
            self.stop(reading)
            reading.owner.ended(reading, INTERNAL_ERROR)

    def _bring(self, reading: Reading, packets: list[Packet]) -> None:
        if packets:
            reading.owner.brought(reading, packets)

    def _tell(
        self, reading: Reading, event: Opened | Header | Noticed | Noted | Tagged | Ended
    ) -> None:
        owner = reading.owner
        if isinstance(event, Opened):
            owner.opened(reading)
            self._turns.ask(reading)
        elif isinstance(event, Header):
            owner.began(reading, event)
        elif isinstance(event, Noticed):
            self._reports.notice(reading.source, event.text)
        elif isinstance(event, Noted):
            owner.noted(reading, event.texts)
        elif isinstance(event, Tagged):
            owner.tagged(reading, event)
        else:
            self._current.remove(reading)
            self._turns.release(reading)
            owner.ended(reading, event)

    def _gone(self, reading: Reading) -> None:
        reading.is_gone = True
        self._turns.release(reading)
        gone = self._leaving.pop(reading, None)
        if gone is not None:
            gone.callback(None)
