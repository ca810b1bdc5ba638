"""
The publisher: makes periods and fragments of an input's packets, for sinks (I{reactor}).

::

                     begin, publish, hold, end
      input  --------------------------------------> L{Publisher} ---> the period and its ring
                                                          |
                                  begin, append, flush, hold, forget, end
                                                          |
              .--------------------.----------------------+------------------.
              v                    v                      v                  v
        the fan-out to        the recorder          the cutter of      the figures
           clients                                   segments

A header never changes under a client: new tracks make a new L{Period}, with a ring of its own, and
the one before is complete.
"""

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.python.failure import Failure

from mkvtwist.config.settings import StreamConfig
from mkvtwist.live.demand import Demand
from mkvtwist.live.period import Period
from mkvtwist.live.ring import Ring
from mkvtwist.live.sink import Sink
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.media.packet import SECOND, Header, Packet


class Publisher:
    """
    Makes fragments of one stream's packets, and hands them to its sinks.

    @ivar demand: the demand for the stream.
    @ivar period: what is sent now; L{None} before the first header, and while nothing is kept.
    @ivar ended: whether nothing more will come.
    @ivar finished: whether that is the end of the stream, rather than of the server.
    """

    def __init__(
        self,
        config: StreamConfig,
        demand: Demand,
        sinks: Sequence[Sink],
        make_period: Callable[[Header, Ring], Period] = Period,
    ) -> None:
        """
        @param sinks: get every call in this order.
        @param make_period: makes a period for each header.
        """
        self.config = config
        self.demand = demand
        self.period: Period | None = None
        self.ended = False
        self.finished = False
        self._sinks = tuple(sinks)
        self._make_period = make_period
        # Each packet costs a call of each: not of those that do nothing with it.
        self._appending = [sink for sink in sinks if type(sink).append is not Sink.append]
        self._flushing = [sink for sink in sinks if type(sink).flush is not Sink.flush]
        self._log = StreamLog(config.name, __name__)
        self._edge = 0  # where the stream's line stands while there is no ring
        self._failed: set[Sink] = set()  # whose exception has been logged in this period

    @property
    def full(self) -> bool:
        """Return whether the input has to wait: a sink has no room."""
        return any(sink.full for sink in self._sinks)

    def begin(self, header: Header) -> None:
        """
        Announce packets of these tracks: the same ring goes on if they are the same as before.
        """
        old = self.period
        if old is not None and not old.closed and old.header.tracks == header.tracks:
            return
        if old is not None:
            self._close(old)
            self._edge = old.ring.edge
        ring = Ring(
            round(self.config.buffer * SECOND),
            self.config.buffer_bytes,
            edge=self._edge,
            sparse=header.sparse,
        )
        self.period = period = self._make_period(header, ring)
        self._failed.clear()
        self._tell(lambda sink: sink.begin(period))

    def publish(self, packets: Sequence[Packet]) -> None:
        """Take what has arrived in one turn of the reactor; L{begin} has been called before."""
        period = self.period
        assert period is not None
        whole = self.config.whole_segments
        for fragment in period.segmenter.append(packets):
            if not whole:
                period.released = fragment.number + 1
            elif fragment.key:
                period.released = fragment.number
            for sink in self._appending:
                try:
                    sink.append(fragment)
                except Exception:  # noqa: BLE001 - one sink's failure stays its own
                    self._note_failure(sink)
        for sink in self._flushing:
            try:
                sink.flush()
            except Exception:  # noqa: BLE001 - one sink's failure, as above
                self._note_failure(sink)

    def hold(self) -> None:
        """
        Note that the input is away: newcomers wait until it is back, rather than get what is old.
        """
        self._tell(lambda sink: sink.hold())

    def forget(self) -> None:
        """
        Give the ring back.

        The input has been closed without clients, so that its media is old when it is opened again;
        or the stream has ended.
        """
        self.hold()
        if self.period is None:
            return
        self._edge = self.period.ring.edge
        self.period = None
        self._tell(lambda sink: sink.forget())

    def end(self, *, for_good: bool = True) -> Deferred[None]:
        """
        Say that nothing more will come.

        @param for_good: whether this is the end of the stream; else the server stops, and may be
            back soon.
        @return: fires when every sink is done; never fails.
        """
        self.ended = True
        self.finished = self.finished or for_good
        if self.period is not None:
            self._close(self.period)
        ends = [maybeDeferred(sink.end, for_good=for_good) for sink in self._sinks]
        for sink, done in zip(self._sinks, ends, strict=True):
            done.addErrback(partial(self._note_failure, sink))
        return gatherResults(ends).addCallback(lambda _: None)

    def _close(self, period: Period) -> None:
        period.released = period.ring.end
        period.closed = True

    def _tell(self, call: Callable[[Sink], object]) -> None:
        """Make a call to each sink, also if one of them fails."""
        for sink in self._sinks:
            try:
                call(sink)
            except Exception:  # noqa: BLE001 - whatever it is, it is one sink's
                self._note_failure(sink)

    def _note_failure(self, sink: Sink, failure: Failure | None = None) -> None:
        """Log a sink's exception, unless one was logged in this period: each fragment may fail."""
        if sink not in self._failed:
            self._failed.add(sink)
            self._log.failure("output {output} failed", failure, output=type(sink).__name__)
