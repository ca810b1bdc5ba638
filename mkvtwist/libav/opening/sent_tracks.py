"""
The tracks of one opened container that are sent, and those that are left out (I{remux thread}).
"""

from typing import Any

import av

from mkvtwist.libav.adapters import Adapter, adapter_for, is_cover
from mkvtwist.libav.headers.extras import Extras
from mkvtwist.libav.limits import TRACK_LIMIT
from mkvtwist.libav.notes import Notes
from mkvtwist.libav.opening.container_description import ContainerDescription
from mkvtwist.libav.opening.mpegts_programs import SentProgram
from mkvtwist.libav.packets.missing_timestamps import (
    Timestamps,
    claimed_rate,
    is_raw,
    timestamps_for,
)
from mkvtwist.libav.pyav_types import AVPacket, AVStream
from mkvtwist.libav.unusable import Unusable
from mkvtwist.libav.wording import cause, label
from mkvtwist.media.packet import SECOND

ARRIVAL_SLACK = 10.0
"""
Seconds of media that may be ahead of the clock at least where pictures are timed by their arrival:
a wrong guess at their rate, before it is measured, is not to hold them back.
"""


class SentTracks:
    """
    The tracks of a container, each with its adapter.

    @ivar adapters: by the stream's index.
    @ivar extras: tags, chapters, attachments and covers.
    @ivar left_out: one sentence for each track that is not sent.
    @ivar covers_to_come: the indices of covers that have not come yet.
    @ivar slack: seconds of media that may be ahead of the clock.
    """

    def __init__(
        self,
        container: Any,
        description: ContainerDescription,
        program: SentProgram,
        notes: Notes,
        *,
        frame_rate: float,
        live: bool,
    ) -> None:
        """
        @param frame_rate: pictures a second of video that carries no times; 0 if unknown.
        @param live: whether the media is made now, rather than read from a file.
        @raise Unusable: when no track can be sent.
        """
        self._container = container
        self._program = program
        self._notes = notes
        self._frame_rate = frame_rate
        self._live = live
        self._names = {track.index: track.codec for track in description.first}
        self._timestamps: dict[int, Timestamps] = {}
        self.slack = 0.0
        self.adapters: dict[int, Adapter] = {}
        self.left_out: list[str] = []
        self.covers_to_come: set[int] = set()
        self.extras = Extras(container, [s for s in container.streams if s.type == "attachment"])
        self._sort()

    def _sort(self) -> None:
        for stream in self._container.streams:
            if not self._program.has(stream.index):
                self._leave_out(f"{label(stream)}: {self._program.others_of(stream.index)}")
            elif stream.type == "attachment":
                continue
            elif stream.type == "video" and is_cover(stream):
                self.covers_to_come.add(stream.index)
            else:
                try:
                    self.adapters[stream.index] = self._adapter_for(stream)
                except (Unusable, ValueError, av.FFmpegError) as error:
                    self._leave_out(f"{label(stream)}: {cause(error)}")
        if not self.adapters and self._program.is_missing:
            self._notes.add(f"{self._program}; waiting for it")
        elif not self.adapters:
            raise Unusable("; ".join(["no track that can be sent", *self.left_out[:5]]))

    def _adapter_for(self, stream: AVStream) -> Adapter:
        if len(self.adapters) == TRACK_LIMIT:
            raise Unusable(f"more than {TRACK_LIMIT} tracks")
        adapter = adapter_for(stream)
        adapter.named = self._names.get(stream.index)
        if is_raw(stream):  # where libavformat makes a rate up
            adapter.frame_rate = claimed_rate(stream) or None
        timestamps = timestamps_for(stream, self._frame_rate, live=self._live)
        if timestamps is not None:
            self._timestamps[stream.index] = timestamps
            self._notes.add(f"{label(stream)}: {timestamps.note}")
            self.slack = ARRIVAL_SLACK if timestamps.live else 0.0
        return adapter

    def _leave_out(self, text: str) -> None:
        if len(self.left_out) < TRACK_LIMIT:
            self.left_out.append(text)

    @property
    def start(self) -> int | None:
        """The time in microseconds at which decoding begins; pictures may be reordered."""
        start: int | None = self._container.start_time
        if self._program.number is not None:  # others have a clock of their own
            starts = [
                a.stream.start_time * a.stream.time_base
                for a in self.adapters.values()
                if a.stream.start_time is not None
            ]
            start = round(min(starts) * SECOND) if starts else None
        if start is None:
            return None
        return start - max(adapter.delay for adapter in self.adapters.values())

    def adapter_of(self, packet: AVPacket) -> Adapter | None:
        """
        Return the adapter for a packet, or L{None} if its track is not sent.

        A cover is kept for the header.
        """
        index = packet.stream_index
        if index in self.covers_to_come:
            self.covers_to_come.discard(index)
            codec = self._container.streams[index].codec_context.name
            self.extras.add_cover(index, codec, bytes(packet))
        return self.adapters.get(index)

    def stamp(self, packet: AVPacket, adapter: Adapter, arrived: int | None) -> None:
        """
        Give a packet its times, if its track has none.

        @param arrived: when the packet came, in microseconds, if the reader waited for it.
        """
        timestamps = self._timestamps.get(packet.stream_index)
        if timestamps is not None:
            timestamps.stamp(packet, adapter, arrived)

    def held_back(self, adapter: Adapter) -> None:
        """Note that a track's sender is ahead of the clock, and was held back."""
        timestamps = self._timestamps.get(adapter.stream.index)
        if timestamps is not None:
            timestamps.held()
