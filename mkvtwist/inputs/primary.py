"""
The primary input: reading the input itself, rather than a fallback (I{reactor}).
"""

from collections.abc import Callable

from mkvtwist.config.input import AtEnd
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.bitrate import BitrateGuard
from mkvtwist.inputs.reader_thread import ReaderTask
from mkvtwist.inputs.readings import Reading, Readings
from mkvtwist.inputs.reports import Reports, Role
from mkvtwist.inputs.sources import source_of
from mkvtwist.libav import Ended, Pace, Tagged
from mkvtwist.live.publisher import Publisher
from mkvtwist.media.byte_source import ByteSource
from mkvtwist.media.packet import Header, Packet
from mkvtwist.media.timeline import Timeline


class Primary:
    """
    Reads the input of a stream, once for each opening.

    @ivar config: the stream's.
    @ivar restarts: how many times the input was opened again; neither rounds of a loop count, nor
        openings without a sender.
    """

    def __init__(
        self,
        config: StreamConfig,
        timeline: Timeline,
        publisher: Publisher,
        readings: Readings,
        reports: Reports,
        *,
        on_opened: Callable[[], None],
        on_live: Callable[[], None],
        on_end: Callable[[Ended, bool], None],
        on_tags: Callable[[Tagged], None],
    ) -> None:
        """
        @param timeline: the stream's.
        @param on_opened: called when the input could be opened.
        @param on_live: called with each header.
        @param on_end: called when the input has ended, and whether a header had come.
        @param on_tags: called with the tags of the input.
        """
        self.config = config
        self.restarts = 0
        self._source = source_of(config.input)
        self._timeline = timeline
        self._publisher = publisher
        self._readings = readings
        self._reports = reports
        self._on_opened = on_opened
        self._on_live = on_live
        self._on_end = on_end
        self._on_tags = on_tags
        self._pace = Pace(config.readrate, config.readrate_initial_burst)
        self._guard = BitrateGuard()
        self._reading: Reading | None = None
        self._was_opened = False

    def open(self, *, counts: bool) -> None:
        """
        Open a source that has no senders.

        @param counts: whether this is a restart, unless it is the first time.
        """
        self.read(self._source.open(self.config.input), counts=counts)

    def read(self, media: ByteSource | None, *, counts: bool = True, program: int = 0) -> None:
        """
        Read the input.

        @param media: its bytes, if the reader does not open the source.
        @param program: the programme that a sender asks for; 0 if none.
        """
        config = self.config
        self._reports.opened()
        self.restarts += self._was_opened and counts
        self._was_opened = True
        self._guard = BitrateGuard()
        task = ReaderTask(
            config.name,
            config.input,
            media,
            self._timeline,
            self._pace,
            drain=config.at_end is AtEnd.EXIT and self._source.listener is None,
            options=config.input_options,
            frame_rate=config.frame_rate,
            program=program or config.program,
        )
        self._reading = self._readings.start(task, self)

    def give_up(self, reason: str) -> None:
        """End what is read now: that the input was there at all is no excuse any more."""
        reading = self._reading
        if reading is not None:
            self._readings.stop(reading)
            self.ended(reading, Ended(reason, fault=not reading.heard))

    def close(self, reason: str) -> None:
        """Read no more."""
        self._reports.down(Role.INPUT, reason)
        reading, self._reading = self._reading, None
        if reading is not None:
            self._readings.stop(reading)

    # ReadingOwner

    def opened(self, reading: Reading) -> None:
        """Say that the input is back."""
        self._on_opened()

    def began(self, reading: Reading, header: Header) -> None:
        """Begin to publish; other tracks than before begin another period."""
        reading.heard = True
        reports = self._reports
        reports.recovered(reading.source)
        if self.restarts and not reports.is_up(Role.INPUT) and self._source.listener is None:
            reports.log.info("{input}: packets are coming", input=reports.label)
        self._on_live()
        period = self._publisher.period
        reports.tracks(header, period.header if period is not None else None)
        reports.up(Role.INPUT, reading.source)
        self._publisher.begin(header)

    def brought(self, reading: Reading, packets: list[Packet]) -> None:
        """Publish the packets, unless they are too many."""
        most = self.config.max_bitrate
        if self._guard.exceeded(packets, most):
            self._readings.stop(reading)
            self.ended(reading, Ended(f"more than {most} bits per second", fault=True))
        else:
            self._publisher.publish(packets)

    def noted(self, reading: Reading, texts: tuple[str, ...]) -> None:
        """Log how the input is read; have C{/status} show it."""
        self._reports.note(texts)

    def tagged(self, reading: Reading, tags: Tagged) -> None:
        """Say what is playing."""
        self._on_tags(tags)

    def ended(self, reading: Reading, ended: Ended) -> None:
        """Say that the input has ended."""
        self._reading = None
        self._on_end(ended, reading.heard)
