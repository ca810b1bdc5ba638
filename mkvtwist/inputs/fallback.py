"""
Fallbacks, which are shown while the input is away (I{reactor}).

Of several fallbacks the first that works is shown; when it ends, the next one. After the last one
they are tried from the first on, after a pause. A file begins again at once. A fallback is sent in
the same period as the input, so it must have the same tracks; it is paced by the clock.
"""

from collections.abc import Callable
from typing import Any

from mkvtwist.config.input import Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.reader_thread import ReaderTask
from mkvtwist.inputs.readings import Reading, Readings
from mkvtwist.inputs.reports import Reports, Role
from mkvtwist.inputs.retry import QUICK, Retry
from mkvtwist.inputs.sources import source_of
from mkvtwist.libav import Ended, Pace, Tagged
from mkvtwist.live.publisher import Publisher
from mkvtwist.media.packet import Header, Packet
from mkvtwist.media.timeline import Timeline


class Fallback:
    """
    Reads the fallbacks of a stream, one at a time.

    @ivar config: the stream's.
    @ivar absent: the fallbacks that were not there when they were opened last.
    """

    def __init__(
        self,
        config: StreamConfig,
        timeline: Timeline,
        publisher: Publisher,
        readings: Readings,
        reports: Reports,
        *,
        clock: Any,
        on_round: Callable[[], bool],
    ) -> None:
        """
        @param timeline: the stream's.
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        @param on_round: called when all fallbacks have been tried and none is shown; returns
            whether the stream has ended.
        """
        self.config = config
        self.absent: set[Input] = set()
        self._on_round = on_round
        self._timeline = timeline
        self._publisher = publisher
        self._readings = readings
        self._reports = reports
        self._retry = Retry(clock, listens=False)
        self._number = 0
        self._reading: Reading | None = None

    @property
    def showing(self) -> Input | None:
        """The fallback that is shown; L{None} if none is."""
        reading = self._reading
        return reading.source if reading is not None and reading.heard else None

    def show(self) -> None:
        """Show a fallback, since the input is away; one that is shown already goes on."""
        if self._reading is None:
            self._retry.cancel()
            self._open(0)

    def stop(self, reason: str) -> None:
        """Show none any more."""
        self._reports.down(Role.FALLBACK, reason)
        self._retry.cancel()
        reading, self._reading = self._reading, None
        if reading is not None:
            self._readings.stop(reading)

    def _open(self, number: int) -> None:
        """
        Open a fallback, if there is any.

        @param number: its place in the configuration.
        """
        fallbacks = self.config.fallbacks
        if fallbacks:
            self._number = number
            self._retry.opened()
            # At real time from the first packet on: nothing of it is kept for later.
            pace = Pace(1.0, 0.0)
            task = ReaderTask(self.config.name, fallbacks[number], None, self._timeline, pace)
            self._reading = self._readings.start(task, self)

    def _open_next(self) -> None:
        """
        Open the next fallback, or the first one after a pause. The input's next try is one of the
        fallback's, too, but may be long in coming.
        """
        if self._number + 1 < len(self.config.fallbacks):
            self._open(self._number + 1)
        elif not self._on_round():
            pause = self._retry.pause(self.config.hold)
            self._retry.after(max(QUICK[0], pause), lambda: self._open(0))

    # ReadingOwner

    def opened(self, reading: Reading) -> None:
        """Do nothing: the fallback goes on when it is its turn."""

    def began(self, reading: Reading, header: Header) -> None:
        """Show the fallback, if it has the tracks of the stream."""
        source = str(reading.source)
        period = self._publisher.period
        if period is not None and period.header.tracks != header.tracks:
            reason = "its tracks are others than the stream's"
            if self._reports.is_news(reading.source, reason):
                line = "fallback {source}: not shown: {why}"
                self._reports.log.warn(line, source=source, why=reason)
            self.stop(reason)
            self._open_next()
            return
        reading.heard = True
        self._reports.recovered(reading.source)
        self._retry.live()
        if not self._reports.is_up(Role.FALLBACK):  # another round is no news
            line = "fallback {source}: shown while the input is away"
            self._reports.log.info(line, source=source)
        self._reports.up(Role.FALLBACK, reading.source)
        self._publisher.begin(header)

    def brought(self, reading: Reading, packets: list[Packet]) -> None:
        """Publish the packets."""
        self._publisher.publish(packets)

    def tagged(self, reading: Reading, tags: Tagged) -> None:
        """Ignore the tags: what is shown meanwhile is not what the stream is."""

    def noted(self, reading: Reading, texts: tuple[str, ...]) -> None:
        """Log how the fallback is read; C{/status} says that of the input only."""
        for text in texts:
            self._reports.notice(reading.source, text)

    def ended(self, reading: Reading, ended: Ended) -> None:
        """Begin again at once if the source rewinds; else open it again as the input is opened."""
        self._reading = None
        if reading.heard and not ended.fault and source_of(reading.source).rewinds:
            self._open(self._number)
            return
        self._publisher.hold()
        self._reports.down(Role.FALLBACK, ended.reason)
        source = str(reading.source)
        if ended.is_missing:
            self.absent.add(reading.source)
        else:
            self.absent.discard(reading.source)
        if self._reports.is_news(reading.source, ended.reason):
            line, level = "fallback {source}: {reason}", self._reports.level(self.config, ended)
            self._reports.log.emit(level, line, source=source, reason=ended.reason)
        self._open_next()
