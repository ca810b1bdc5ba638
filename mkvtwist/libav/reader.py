"""
Reading one input from its opening to its end (I{remux thread}).
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

import av
from twisted.logger import Logger

from mkvtwist.config.input import Form, Input
from mkvtwist.libav.limits import PACKET_WEIGHT, ReaderLimits
from mkvtwist.libav.opening.container_description import ContainerDescription
from mkvtwist.libav.opening.listen_urls import listens
from mkvtwist.libav.opening.opener import (
    READ_TIMEOUT,
    FileBytes,
    InputOpener,
    Silent,
    is_live,
    is_ogg_file,
    is_ogg_url,
)
from mkvtwist.libav.opening.opening_bytes import OpeningBytes
from mkvtwist.libav.opening.reopening import Resumption, TracksChanged
from mkvtwist.libav.packets.demuxing import Demuxing, DemuxingTask
from mkvtwist.libav.packets.pace import Pace
from mkvtwist.libav.reader_events import (
    INTERNAL_ERROR,
    Ended,
    Event,
    Noticed,
    Opened,
    made_printable,
)
from mkvtwist.libav.stopping import Signal, Stopped
from mkvtwist.libav.unusable import Unusable
from mkvtwist.libav.wording import cause
from mkvtwist.media.byte_source import ByteSource
from mkvtwist.media.chained_ogg import OggLinks
from mkvtwist.media.packet import SECOND, Packet
from mkvtwist.media.timeline import Timeline

SILENCE = Ended(f"nothing has come for {READ_TIMEOUT:g} s", fault=True)
"""The end of an input whose sender, or server, has said nothing for too long."""


class EventOutlet(Protocol):
    """The outlet by which a reader's events reach its owner: a L{mkvtwist.libav.pipe.Outlet}."""

    def put(self, item: Event, weight: int, /) -> bool:
        """
        Hand over one event; wait while too much is on its way.

        @param weight: about how many bytes of memory the event holds.
        @return: whether the owner still wants events.
        """

    def close(self) -> None:
        """Note that the owner wants nothing more; a thread that waits in L{put} goes on."""


class Reader:
    """
    One input, read once.

    The reader is made by its owner, which may call L{go} and L{stop} at any time from any thread;
    L{run} has a thread of its own, or a process. All that crosses between the two goes through the
    signals and the outlet.
    """

    _log = Logger()

    def __init__(
        self,
        source: Input,
        media: ByteSource | None,
        timeline: Timeline,
        pace: Pace,
        outlet: EventOutlet,
        *,
        drain: bool,
        frame_rate: float = 0.0,
        program: int = 0,
        stop: Signal | None = None,
        go: Signal | None = None,
        opener: InputOpener | None = None,
        limits: ReaderLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        @param media: where the bytes of an endpoint or of standard input come from.
        @param timeline: the stream's; this reader's alone from L{go} on, as long as it runs.
        @param drain: whether the end is to wait until real time has reached it.
        @param frame_rate: pictures a second of video that carries no times; 0 if unknown.
        @param program: which program of an MPEG-TS; 0 for the first with video.
        @param stop: given when nothing more is wanted; by default for threads of one process.
        @param go: given when the timeline is this reader's; by default for threads, too.
        @param opener: opens the input.
        @param limits: how much of the input is taken.
        @param clock: tells when packets arrive, in seconds.
        """
        self._source = source
        self._links = OggLinks(media) if media is not None else None
        self._timeline = timeline
        self._pace = pace
        self._outlet = outlet
        self._drain = drain
        self._stop: Signal = stop or threading.Event()
        self._go: Signal = go or threading.Event()
        self._opener = opener or InputOpener()
        self._task = DemuxingTask(
            timeline, self._stop, frame_rate, program, limits or ReaderLimits(), clock
        )
        self._noticed = 0

    def go(self) -> None:
        """Give the timeline to this reader, from now on to its end."""
        self._go.set()

    def stop(self) -> None:
        """Have L{run} return soon, without another event."""
        self._stop.set()
        self._go.set()
        self._outlet.close()

    def run(self) -> None:
        """Read until the end, and emit an event with its cause."""
        try:
            self._read()
            if self._drain:
                self._pace.catch_up(self._timeline.edge, self._stop)
            ended = Ended("the end of the input", fault=False)
        except Stopped:
            return
        except (Silent, av.ExitError):  # the latter is what a timeout makes of libavformat
            ended = SILENCE
        except av.InvalidDataError as error:
            text = f"no media that libavformat can read ({cause(error)})"
            ended = Ended(text, fault=True, plain="no media that can be read")
        except (av.FFmpegError, OSError, Unusable) as error:
            ended = self._failed(error)
        except MemoryError:
            ended = Ended("the input takes too much memory", fault=True)
        except Exception:  # noqa: BLE001 - a bug: it is logged, and ends this input only
            # A reader does not know its stream; its thread is named after the stream.
            self._log.failure(
                "{thread}: reading {source} failed",
                thread=threading.current_thread().name,
                source=str(self._source),
            )
            ended = INTERNAL_ERROR
        self._outlet.put(made_printable(ended), 0)

    def _failed(self, error: Exception) -> Ended:
        """Return the end of an input that cannot be read."""
        if isinstance(error, TimeoutError) and listens(self._source):
            return SILENCE  # for which RTP has a timeout of its own
        return Ended(
            cause(error),
            fault=True,
            plain="the input could not be read",
            is_missing=isinstance(error, av.HTTPNotFoundError | FileNotFoundError),
        )

    def _read(self) -> None:
        """Read the input: as a whole, or each link of chained Ogg as a whole."""
        if is_ogg_file(self._source):
            with closing(FileBytes(self._source.text)) as file:
                self._links = OggLinks(file)
                self._read_links()
            return
        try:
            self._read_links()
        except _MayBeChained:
            with closing(self._opener.open_bytes(self._source.text)) as remote:
                self._links = OggLinks(remote)
                self._read_links()

    def _read_links(self) -> None:
        self._read_whole()
        while self._links is not None and self._links.next():
            if self._timeline.edge - self._noticed >= SECOND:  # not for each of a thousand
                self._noticed = self._timeline.edge
                self.emit(Noticed("the next link of chained Ogg: it is opened anew"))
            try:
                self._read_whole()
            except (av.FFmpegError, Unusable) as error:
                self.emit(Noticed(f"a link of chained Ogg is left out ({cause(error)})"))

    def _read_whole(self) -> None:
        again = self._read_once(self._links, None)
        while again is not None:
            self.emit(Noticed("its tracks have changed: it is opened anew"))
            if self._source.form is Form.FILE:
                with closing(FileBytes(self._source.text, again.place)) as rest:
                    again = self._read_once(rest, again)
            else:
                again = self._read_once(self._links, again)

    def _read_once(self, media: ByteSource | None, before: Resumption | None) -> Resumption | None:
        """Read up to the end, or until the input has to be opened anew."""
        bytes_ = None if media is None else OpeningBytes(media, self._stop)
        began = time.thread_time()
        with closing(self._opener.open(self._source, bytes_)) as container:
            if media is None and is_ogg_url(self._source, container):
                raise _MayBeChained
            if bytes_ is not None:
                bytes_.opened = True
            if not self._go.is_set():
                self.emit(Opened())
                self._go.wait()
            if self._stop.is_set():
                raise Stopped
            description = ContainerDescription(container, began)
            live = is_live(self._source, container)
            try:
                Demuxing(container, description, self._task, self, before, live=live).run()
            except TracksChanged as found:
                return found.resumption
        return None

    def emit(self, event: Event) -> None:
        """
        Hand an event to the owner.

        @raise Stopped: when the owner wants nothing more.
        """
        if isinstance(event, Packet):
            weight = len(event.data) + PACKET_WEIGHT
        else:
            event, weight = made_printable(event), PACKET_WEIGHT
        if self._stop.is_set() or not self._outlet.put(event, weight):
            raise Stopped

    def emit_at_pace(self, packet: Packet, slack: float) -> bool:
        """
        Hand a packet to the owner when its time has come.

        @param slack: seconds of media that may be ahead of the clock.
        @return: whether the packet was early, and had to wait.
        @raise Stopped: when the owner wants nothing more.
        """
        held = self._pace.wait(packet.dts, self._stop, slack)
        self.emit(packet)
        return held


class _MayBeChained(Exception):
    """The exception when a URL has Ogg, which may be chained: its bytes are read link by link."""


def set_up() -> None:
    """Have libavformat describe containers in its log, and keep that off standard error."""
    av.logging.set_level(av.logging.INFO)
    logger = logging.getLogger("libav")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False
