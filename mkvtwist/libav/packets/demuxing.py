"""
Demuxing one opened container, from its first packet to its last (I{remux thread}).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import av
from av.container import Flags

from mkvtwist.libav.adapters import Adapter, Untimed
from mkvtwist.libav.limits import ReaderLimits
from mkvtwist.libav.notes import Notes
from mkvtwist.libav.opening.container_description import ContainerDescription
from mkvtwist.libav.opening.mpegts_programs import SentProgram
from mkvtwist.libav.opening.reopening import LOOK_EVERY, Reopening, Resumption
from mkvtwist.libav.opening.sent_tracks import SentTracks
from mkvtwist.libav.packets.periods import Periods
from mkvtwist.libav.packets.placing import PlacedPacket, Placing
from mkvtwist.libav.packets.tags import Tags
from mkvtwist.libav.pyav_types import AVPacket
from mkvtwist.libav.reader_events import Event, Noted, Noticed
from mkvtwist.libav.stopping import Signal, Stopped
from mkvtwist.libav.unusable import Unusable
from mkvtwist.libav.wording import cause, label
from mkvtwist.media.packet import SECOND, Packet
from mkvtwist.media.timeline import Timeline

WAITED = 0.001
"""Seconds after which a packet was waited for; one that is there already takes a tenth of it."""


@dataclass(frozen=True, slots=True)
class DemuxingTask:
    """
    The settings that are the same for each container of an input.

    @ivar timeline: the stream's.
    @ivar stop: given when nothing more is wanted.
    @ivar frame_rate: pictures a second of video that carries no times; 0 if unknown.
    @ivar program: which program of an MPEG-TS; 0 for the first with video.
    @ivar limits: how much of an input is taken.
    @ivar clock: tells when packets arrive, in seconds.
    """

    timeline: Timeline
    stop: Signal
    frame_rate: float
    program: int
    limits: ReaderLimits
    clock: Callable[[], float]


class Emitter(Protocol):
    """The outlet for events, as a container's demuxing sees it."""

    def emit(self, event: Event) -> None:
        """
        Hand over an event at once.

        @raise Stopped: when nothing more is wanted.
        """

    def emit_at_pace(self, packet: Packet, slack: float) -> bool:
        """
        Hand over a packet when its time has come.

        @param slack: seconds of media that may be ahead of the clock.
        @return: whether the packet was early, and had to wait.
        @raise Stopped: when nothing more is wanted.
        """


class Demuxing:
    """One opened container: its packets go through adapters, and leave on the stream's line."""

    def __init__(
        self,
        container: Any,
        description: ContainerDescription,
        task: DemuxingTask,
        emitter: Emitter,
        before: Resumption | None,
        *,
        live: bool,
    ) -> None:
        """
        @param before: why the input had to be opened once more.
        @param live: whether the media is made now, rather than read from a file.
        @raise Unusable: when no track can be sent.
        """
        self._container = container
        self._timeline = task.timeline
        self._stop = task.stop
        self._clock = task.clock
        self._limit = task.limits.packet
        self._emitter = emitter
        if before is not None:
            emitter.emit(Noted(()))
        notes = Notes(emitter.emit)
        self._program = SentProgram(
            description.programs,
            {stream.index for stream in container.streams if stream.type == "video"},
            task.program,
            before.program if before else None,
        )
        self._tracks = SentTracks(
            container, description, self._program, notes, frame_rate=task.frame_rate, live=live
        )
        self._reopening = Reopening(description, self._program, before)
        self._placing = Placing(task.timeline, emitter.emit, notes)
        self._periods = Periods(
            self._tracks, self._placing, emitter.emit, self._emit_packet, task.limits.pending
        )
        self._tags = Tags(container, description, emitter.emit, self._tracks.adapters.values())
        if before is None:
            self._timeline.restart(self._tracks.start, live=live)

    def run(self) -> None:
        """
        Emit everything up to the end.

        @raise Unusable: when there is nothing to send in it.
        @raise TracksChanged: when the input has to be opened anew.
        @raise Stopped: when nothing more is wanted.
        """
        adapters = self._tracks.adapters.values()
        if any(isinstance(adapter, Untimed) for adapter in adapters):
            # PyAV has it generate the presentation times, wrongly where pictures are reordered.
            self._container.flags &= ~Flags.gen_pts.value
        for count, (packet, arrived) in enumerate(self._packets(), 1):
            self._reopening.read(packet)
            self._take(packet, arrived)
            if count % LOOK_EVERY == 0:
                self._tags.look()
                if self._reopening.is_due():
                    self._reopening.ask(self._timeline.edge, adapters)
        for adapter in adapters:
            self._adapt(adapter, adapter.rest)
        self._periods.end()
        if not self._periods.begun:
            missing = str(self._program) if self._program.is_missing else ""
            raise Unusable(missing or "it has no track that can be sent")

    def _packets(self) -> Iterator[tuple[AVPacket, int | None]]:
        """Yield each packet, and when it came, in microseconds, if it was waited for."""
        packets = iter(self._container.demux())
        while True:
            asked = self._clock()
            try:
                packet = next(packets)
            except (StopIteration, IndexError):
                return  # PyAV raises the latter when tracks have turned up since the opening
            if self._stop.is_set():
                raise Stopped
            now = self._clock()
            if packet.size:  # the others only mark the end
                yield packet, round(now * SECOND) if now - asked > WAITED else None

    def _take(self, packet: AVPacket, arrived: int | None) -> None:
        adapter = self._tracks.adapter_of(packet)
        if adapter is None:
            return
        if packet.size > self._limit:
            self._refuse(adapter, f"{packet.size} bytes")
            return
        self._tracks.stamp(packet, adapter, arrived)
        self._adapt(adapter, partial(adapter.packets, packet))

    def _adapt(self, adapter: Adapter, packets: Callable[[], Iterable[AVPacket]]) -> None:
        """Place and pass on some packets of an adapter's; it may refuse what is damaged."""
        try:
            for one in packets():
                placed = self._placing.place(adapter, one)
                if placed is None:
                    continue
                if self._periods.asks(placed) and self._reopening.helps(adapter):
                    adapters = self._tracks.adapters.values()
                    self._reopening.ask(self._timeline.edge, adapters, placed.dts)
                self._periods.take(placed)
        except av.FFmpegError as error:
            self._refuse(adapter, cause(error))

    def _refuse(self, adapter: Adapter, why: str) -> None:
        text = f"{label(adapter.stream)}: a damaged packet is left out ({why})"
        self._emitter.emit(Noticed(text))

    def _emit_packet(self, placed: PlacedPacket) -> None:
        if self._emitter.emit_at_pace(placed.packet(), self._tracks.slack):
            self._tracks.held_back(placed.adapter)
