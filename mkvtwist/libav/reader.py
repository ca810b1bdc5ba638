"""
Reads one input from its opening to its end (I{remux thread}).

The rules:

 1. The header goes out when every track can be described, or, after L{PATIENCE} of media, when one
    can, without the others. Until then packets are held. A track of which no packet has come is
    waited for until it is quiet (L{mkvtwist.media.silence}), and is then left out: players
    would wait for it.
 2. A track that becomes usable later, or one whose setup changes, asks for a new header. It goes
    out with the next keyframe of the video, at once where there is none; till then the track's
    packets, which nobody could decode, are dropped. A video asks with a keyframe.
 3. A track that has been silent for longer than L{SILENCE} is left out of the next header, whatever
    its type, and asks for another one when it comes back. The video at whose keyframes headers go
    out is the first that is not silent; if all are, any packet that tells the time will do.
 4. After each header, video begins with a keyframe.
"""

import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import av
from av.container import Flags
from twisted.logger import Logger

from mkvtwist.config.input import Form, Input
from mkvtwist.libav.adapters import (
    Adapter,
    AVPacket,
    Stream,
    Untimed,
    Unusable,
    adapter_for,
    is_cover,
)
from mkvtwist.libav.demo import Demo
from mkvtwist.libav.events import Ended, Event, Noted, Noticed, Opened, made_printable
from mkvtwist.libav.extras import Extras
from mkvtwist.libav.header import cause, label, write_header
from mkvtwist.libav.listen_urls import WAIT, listen_options
from mkvtwist.libav.mpegts_programs import SentProgram
from mkvtwist.libav.opening import (
    OPEN_TIMEOUT,
    PACKET_LIMIT,
    READ_TIMEOUT,
    Beginning,
    Looks,
    Media,
    is_resumable,
    open_url,
)
from mkvtwist.libav.pace import Pace
from mkvtwist.libav.stopping import Signal, Stopped
from mkvtwist.libav.timestamps import Timestamps, claimed_rate, is_raw, timestamps_for
from mkvtwist.libav.whitelists import whitelists_for_bytes, whitelists_for_file, whitelists_for_url
from mkvtwist.media.chained_ogg import OggLinks
from mkvtwist.media.packet import SECOND, Extra, Header, Packet
from mkvtwist.media.silence import Silences
from mkvtwist.media.timeline import Timeline

PATIENCE = 4 * SECOND
"""Media that is held for a track of which nothing is known yet: twice a generous GOP."""

HELD_LIMIT = 32 << 20
"""Bytes that are held at most; half of the ring's default."""

SILENCE = 11 * SECOND
"""
Media without a packet of a track, after which the next header leaves it out until it is back: one
picture in ten seconds is alive, and the next one may be late by as much as tracks are apart.
"""

RAREST = 120 * SECOND
"""Media without a packet after which a track is silent, however rare its packets usually are."""

LOOK = 25
"""Packets between two looks at the demuxer's tracks: a few times a second, 60 microseconds each."""

SETTLED = 5 * SECOND
"""Media between two times that the input is opened anew for its tracks."""

BACK = 2 * SECOND
"""
Media that is read twice so that a track which has turned up begins with the packet that showed it.
MPEG-TS tells the end of a picture by the next one: where pictures are rare, it comes far behind.
"""

TRACK_LIMIT = 64
"""Tracks of one input that are looked at; a sound input has a handful, a hostile one thousands."""

LISTEN_TIMEOUT = WAIT + 10.0
"""
Seconds from when a sender's connection is waited for until there is something to read: the wait
itself, and as long as a sender elsewhere may say nothing (L{mkvtwist.inputs.senders.SILENCE}).
"""

ANALYSED = 2 * SECOND
"""
Media of a live input that libavformat looks at before the first packet, where a declared track says
nothing: a generous GOP. Its default is 5 to 7 s; this finds the same tracks in what was tried.
"""

WAITED = 0.001
"""Seconds after which a packet was waited for; one that is there already takes a tenth of it."""

SLACK = 10.0
"""
Seconds of media that may be ahead of the clock at least where pictures are timed by their arrival:
a wrong guess at their rate, before it is measured, is not to hold them back.
"""

PACKET_WEIGHT = 500
"""Bytes that a packet takes beside its payload."""


class _Behind:
    """The rest of a file, from some place on: what is read again when new tracks turn up."""

    def __init__(self, path: str, place: int) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed with the container
        self._file.seek(place)

    def read(self, size: int, /) -> bytes:
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()


class _Remote:
    """The bytes behind a URL, as libavformat's protocols read them."""

    def __init__(self, url: str) -> None:
        timeout = (OPEN_TIMEOUT, READ_TIMEOUT)
        open_ = partial(av.open, mode="r", format="data", timeout=timeout)
        self._container: Any = open_url(url, open_)
        self._packets = self._container.demux()
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        while not self._rest:
            packet = next(self._packets, None)
            if packet is None:
                return b""
            self._rest = bytes(packet)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def close(self) -> None:
        self._container.close()


class _Chained(Exception):
    """A URL has Ogg, which may be chained: read its bytes, link by link."""


class _NewTracks(Exception):
    """
    The demuxer has found tracks that PyAV cannot give, or that it knows nothing about: open the
    input anew, from this byte.
    """

    def __init__(self, place: int, edge: int, blind: frozenset[int], programme: int | None) -> None:
        """
        @param edge: where the stream's line stands.
        @param blind: the tracks about which nothing was known at the opening; another one would
            hardly help those.
        @param programme: the one that is sent.
        """
        super().__init__(place)
        self.place = place
        self.edge = edge
        self.blind = blind
        self.programme = programme


class Silent(Exception):
    """Nothing has come for as long as one waits for a sender, or for a server."""


@dataclass(slots=True)
class _Made:
    """A packet whose track may have no number yet."""

    adapter: Adapter
    pts: int
    dts: int
    duration: int
    key: bool
    data: bytes
    extra: Extra | None

    def packet(self) -> Packet:
        return Packet(
            self.adapter.number,
            self.pts,
            self.dts,
            self.duration,
            self.key,
            self.data,
            self.extra,
        )


class EventOutlet(Protocol):
    """The way by which a reader's events reach its owner: a L{mkvtwist.libav.pipe.Outlet}."""

    def put(self, item: Event, weight: int, /) -> bool:
        """
        Hand over one event; wait while too much is on its way.

        @param weight: about how many bytes of memory the event holds.
        @return: whether the owner still wants events.
        """

    def close(self) -> None:
        """Note that the owner wants nothing more; whoever waits in L{put} is woken."""


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
        media: Media | None,
        timeline: Timeline,
        pace: Pace,
        outlet: EventOutlet,
        *,
        drain: bool,
        stop: Signal | None = None,
        go: Signal | None = None,
        frame_rate: float = 0.0,
        program: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        @param media: where the bytes of an endpoint or of standard input come from.
        @param timeline: the stream's; this reader's alone from L{go} on, as long as it runs.
        @param drain: whether the end is to wait until real time has reached it.
        @param stop: given when nothing more is wanted; by default for threads of one process.
        @param go: given when the timeline is this reader's; by default for threads, too.
        @param frame_rate: pictures a second of video that carries no times; 0 if nobody knows.
        @param program: which programme of an MPEG-TS; 0 for the first with video.
        @param clock: tells when packets arrive.
        """
        self._source = source
        self._links = OggLinks(media) if media is not None else None
        self._timeline = timeline
        self._pace = pace
        self._outlet = outlet
        self._drain = drain
        self._frame_rate = frame_rate
        self._program = program
        self._clock = clock
        self._stop: Signal = stop or threading.Event()
        self._go: Signal = go or threading.Event()
        self._noticed = 0

    def go(self) -> None:
        """Any thread: the timeline is this reader's, from now on to its end."""
        self._go.set()

    def stop(self) -> None:
        """Any thread: have L{run} return soon, without another event."""
        self._stop.set()
        self._go.set()
        self._outlet.close()

    def run(self) -> None:
        """Read until the end, and say how it came."""
        try:
            self._read()
            if self._drain:
                self._pace.catch_up(self._timeline.edge, self._stop)
            ended = Ended("the end of the input", fault=False)
        except Stopped:
            return
        except (Silent, av.ExitError):  # the latter is what a timeout makes of libavformat
            ended = Ended(f"nothing has come for {READ_TIMEOUT:g} s", fault=True)
        except av.InvalidDataError as error:
            text = f"no media that libavformat can read ({cause(error)})"
            ended = Ended(text, fault=True, plain="no media that can be read")
        except (av.FFmpegError, OSError, Unusable) as error:
            ended = Ended(cause(error), fault=True, plain="the input could not be read")
        except Exception:  # noqa: BLE001 - a bug: it is logged, and ends this input only
            # A reader does not know its stream; its thread is named after the stream.
            self._log.failure(
                "{thread}: reading {source} failed",
                thread=threading.current_thread().name,
                source=str(self._source),
            )
            text = "an error in mkvtwist; the log has its traceback"
            ended = Ended(text, fault=True, plain="an error in mkvtwist")
        self._outlet.put(made_printable(ended), 0)

    def _read(self) -> None:
        """Read the input: as a whole, or each link of chained Ogg as a whole."""
        if self._source.form is Form.FILE and _is_ogg(self._source.text):
            with closing(_Behind(self._source.text, 0)) as file:
                self._links = OggLinks(file)
                self._read_links()
            return
        try:
            self._read_links()
        except _Chained:
            with closing(_Remote(self._source.text)) as remote:
                self._links = OggLinks(remote)
                self._read_links()

    def _read_links(self) -> None:
        self._read_whole()
        while self._links is not None and self._links.next():
            if self._timeline.edge - self._noticed >= SECOND:  # not for each of a thousand
                self._noticed = self._timeline.edge
                self._emit(Noticed("the next link of chained Ogg: it is opened anew"))
            try:
                self._read_whole()
            except (av.FFmpegError, Unusable) as error:
                self._emit(Noticed(f"a link of chained Ogg is left out ({cause(error)})"))

    def _read_whole(self) -> None:
        again = self._read_once(self._links, None)
        while again is not None:
            self._emit(Noticed("its tracks have changed: it is opened anew"))
            if self._source.form is Form.FILE:
                with closing(_Behind(self._source.text, again.place)) as rest:
                    again = self._read_once(rest, again)
            else:
                again = self._read_once(self._links, again)

    def _read_once(self, media: Media | None, again: _NewTracks | None) -> _NewTracks | None:
        """Read up to the end, or until the input has to be opened anew."""
        beginning = None if media is None else Beginning(media, self._stop)
        began = time.thread_time()
        with closing(_open(self._source, beginning)) as container:
            if media is None and _is_remote_ogg(self._source, container):
                raise _Chained
            if beginning is not None:
                beginning.opened = True
            if not self._go.is_set():
                self._emit(Opened())
                self._go.wait()
            if self._stop.is_set():
                raise Stopped
            try:
                _Reading(
                    container,
                    self._timeline,
                    self._emit_at,
                    self._emit,
                    again,
                    looks=Looks(container, began),
                    stop=self._stop,
                    frame_rate=self._frame_rate,
                    program=self._program,
                    live=_is_live(self._source, container),
                    clock=self._clock,
                ).run()
            except _NewTracks as found:
                return found.with_traceback(None)  # which would keep streams of a closed container
        return None

    def _emit(self, event: Event) -> None:
        if isinstance(event, Packet):
            weight = len(event.data) + PACKET_WEIGHT
        else:
            event, weight = made_printable(event), PACKET_WEIGHT
        if self._stop.is_set() or not self._outlet.put(event, weight):
            raise Stopped

    def _emit_at(self, packet: Packet, slack: float) -> bool:
        held = self._pace.wait(packet.dts, self._stop, slack)
        self._emit(packet)
        return held


class _Reading:
    """What one opened container has told so far."""

    def __init__(
        self,
        container: Any,
        timeline: Timeline,
        emit_packet: Callable[[Packet, float], bool],
        emit: Callable[[Event], None],
        again: _NewTracks | None,
        *,
        looks: Looks,
        stop: Signal,
        frame_rate: float,
        program: int,
        live: bool,
        clock: Callable[[], float],
    ) -> None:
        """
        @param emit_packet: returns whether the packet was early, and had to wait.
        @param stop: set when the timeline is no longer this thread's.
        @param again: why the input had to be opened once more.
        @param live: whether what comes is sent as it is taken.
        """
        self._container = container
        self._stop = stop
        self._frame_rate = frame_rate
        self._programme = SentProgram(looks, program, again.programme if again else None)
        self._live = live
        self._clock = clock
        self._arrived: int | None = None
        self._stamps: dict[int, Timestamps] = {}
        self._slack = 0.0
        self._notes: list[str] = []
        self._apart: dict[int, int] = {}
        self._again = again
        self._resumable = is_resumable(container)
        self._looks = looks
        self._names = {int(index): codec for index, _, codec in looks.first}
        self._base = self._place = self._furthest = again.place if again else 0
        self._timeline = timeline
        self._emit_packet = emit_packet
        self._emit = emit
        self._adapters: dict[int, Adapter] = {}
        self._left_out: list[str] = []
        self._waiting_covers: set[int] = set()
        self._extras = Extras(
            container, [stream for stream in container.streams if stream.type == "attachment"]
        )
        self._held: list[_Made] = []
        self._held_size = 0
        self._header: Header | None = None
        self._current: list[Adapter] = []
        self._unfit: set[Adapter] = set()
        self._silences = Silences()
        self._has_come: set[Adapter] = set()
        self._renew = False
        self._shift: int | None = None
        self._started: set[Adapter] = set()

    def run(self) -> None:
        """
        Emit everything up to the end.

        @raise Unusable: when there is nothing to send in it.
        """
        if self._again is not None:
            self._emit(Noted(()))
        self._sort_streams()
        if any(isinstance(adapter, Untimed) for adapter in self._adapters.values()):
            # PyAV has it generate the presentation times, wrongly where pictures are reordered.
            self._container.flags &= ~Flags.gen_pts.value
        self._silences = Silences(i for i, a in self._adapters.items() if not a.sparse)
        if self._again is None:
            self._restart()
        known = frozenset(
            track for track in self._looks.first if self._programme.has(int(track[0]))
        )
        for count, packet in enumerate(self._packets(), 1):
            if packet.pos is not None:
                self._place = self._base + packet.pos
                self._furthest = max(self._furthest, self._place)
            self._take(packet)
            if self._resumable and count % LOOK == 0 and self._has_new_tracks(known):
                self._open_anew()
        for adapter in self._adapters.values():
            self._adapt(adapter, adapter.rest)
        if self._header is None and self._held:
            self._write_header()
        if self._header is None:
            missing = str(self._programme) if self._programme.is_missing else ""
            raise Unusable(missing or "there is nothing in it that could be sent")

    def _packets(self) -> Iterator[AVPacket]:
        packets = iter(self._container.demux())
        while True:
            asked = self._clock()
            try:
                packet = next(packets)
            except (StopIteration, IndexError):
                return  # the latter is PyAV's way when tracks have turned up since the opening
            if self._stop.is_set():
                raise Stopped
            now = self._clock()
            self._arrived = round(now * SECOND) if now - asked > WAITED else None
            if packet.size:  # the others only mark the end
                yield packet

    def _has_new_tracks(self, known: frozenset[tuple[str, ...]]) -> bool:
        """Whether the demuxer has found more of what is sent than it knew at the opening."""
        tracks = self._looks.tracks() - known
        if tracks:
            self._programme.look()
        return any(self._programme.has(int(index)) for index, _, _ in tracks)

    def _open_anew(self, made: _Made | None = None) -> None:
        """
        Ask for a fresh look at the input, unless there has just been one.

        @param made: the packet that asks for it.
        @raise _NewTracks: nearly always.
        """
        edge = self._timeline.edge
        if made is not None and edge - made.dts > BACK:
            self._place = self._furthest
        if self._again is None or not self._adapters or edge - self._again.edge >= SETTLED:
            blind = frozenset(a.stream.index for a in self._adapters.values() if not a.was_shaped)
            raise _NewTracks(self._place, edge, blind, self._programme.number)

    def _restart(self) -> None:
        """Begin the timeline where decoding begins: reordered pictures come before their time."""
        start = self._container.start_time
        if self._programme.number is not None:  # others have a clock of their own
            starts = [
                a.stream.start_time * a.stream.time_base
                for a in self._adapters.values()
                if a.stream.start_time is not None
            ]
            start = round(min(starts) * SECOND) if starts else None
        if start is not None:
            start -= max(adapter.delay for adapter in self._adapters.values())
        self._timeline.restart(start, live=self._live)

    def _sort_streams(self) -> None:
        for stream in self._container.streams:
            if not self._programme.has(stream.index):
                self._leave_out(f"{label(stream)}: {self._programme.others_of(stream.index)}")
            elif stream.type == "attachment":
                continue
            elif stream.type == "video" and is_cover(stream):
                self._waiting_covers.add(stream.index)
            else:
                try:
                    self._adapters[stream.index] = self._adapter_for(stream)
                except (Unusable, ValueError, av.FFmpegError) as error:
                    self._leave_out(f"{label(stream)}: {cause(error)}")
        if not self._adapters and self._programme.is_missing:
            self._note(f"{self._programme}; waiting for it")
        elif not self._adapters:
            raise Unusable("; ".join(["no track that could be sent", *self._left_out[:5]]))

    def _adapter_for(self, stream: Stream) -> Adapter:
        if len(self._adapters) == TRACK_LIMIT:
            raise Unusable(f"more than {TRACK_LIMIT} tracks")
        adapter = adapter_for(stream)
        adapter.named = self._names.get(stream.index)
        if is_raw(stream):  # where libavformat makes a rate up
            adapter.frame_rate = claimed_rate(stream) or None
        stamps = timestamps_for(stream, self._frame_rate, live=self._live)
        if stamps is not None:
            self._stamps[stream.index] = stamps
            self._note(f"{label(stream)}: {stamps.note}")
            self._slack = SLACK if stamps.live else 0.0
        return adapter

    def _note(self, text: str) -> None:
        if len(self._notes) < TRACK_LIMIT:
            self._notes.append(text)
            self._emit(Noted(tuple(self._notes)))

    def _leave_out(self, text: str) -> None:
        if len(self._left_out) < TRACK_LIMIT:
            self._left_out.append(text)

    def _take(self, packet: AVPacket) -> None:
        index = packet.stream_index
        if index in self._waiting_covers:
            self._waiting_covers.discard(index)
            codec = self._container.streams[index].codec_context.name
            self._extras.add_cover(index, codec, bytes(packet))
        adapter = self._adapters.get(index)
        if adapter is None:
            return
        if packet.size > PACKET_LIMIT:
            self._refuse(adapter, f"{packet.size} bytes")
            return
        stamps = self._stamps.get(index)
        if stamps is not None:
            stamps.stamp(packet, adapter, self._arrived)
        self._adapt(adapter, partial(adapter.packets, packet))

    def _adapt(self, adapter: Adapter, packets: Callable[[], Iterable[AVPacket]]) -> None:
        """Place and pass on some packets of an adapter's; it may refuse what is damaged."""
        try:
            for one in packets():
                if (made := self._placed(adapter, one)) is not None:
                    self._pass_on(made)
        except av.FFmpegError as error:
            self._refuse(adapter, cause(error))

    def _refuse(self, adapter: Adapter, why: str) -> None:
        self._emit(Noticed(f"{label(adapter.stream)}: a damaged packet is left out ({why})"))

    def _placed(self, adapter: Adapter, packet: AVPacket) -> _Made | None:
        base = packet.time_base
        scale, unit = base.numerator * SECOND, base.denominator
        pts, dts, duration = packet.pts, packet.dts, packet.duration or 0
        jumps = self._timeline.discontinuities
        placed = self._timeline.place(
            adapter.stream.index,
            None if pts is None else (pts * scale + unit // 2) // unit,
            None if dts is None else (dts * scale + unit // 2) // unit,
            (duration * scale + unit // 2) // unit,
            sparse=adapter.sparse,
            delay=adapter.delay,
            step=adapter.step,
        )
        if self._timeline.discontinuities != jumps:
            self._tell_jump(adapter)
        if placed is None:
            return None
        if self._shift is None and pts is not None:
            self._shift = placed[0] - (pts * scale + unit // 2) // unit
        data = adapter.data(packet)
        if not data:
            return None
        return _Made(adapter, *placed, packet.is_keyframe, data, adapter.extra(packet))

    def _tell_jump(self, adapter: Adapter) -> None:
        """Tell that a track's timestamps do not go with those before."""
        track, index = label(adapter.stream), adapter.stream.index
        apart = self._timeline.apart.get(index)
        if apart is None or apart == self._apart.get(index):
            self._emit(Noticed(f"{track}: the timestamps jump; going on from here"))
            return
        self._apart[index] = apart
        side = "ahead of" if apart > 0 else "behind"
        self._note(
            f"{track}: its timestamps are {abs(apart) / SECOND:.1f} s {side} those of the other"
            " tracks; it is sent together with what it arrives with"
        )

    def _pass_on(self, made: _Made) -> None:
        if self._header is None:
            self._hold(made)
            return
        adapter = made.adapter
        self._hear(made)
        fresh = not adapter.number and adapter.ready and adapter not in self._unfit
        if adapter.type == "video" and not made.key:
            fresh = False  # nothing can begin with it
        if fresh and self._resumable and not adapter.was_shaped and not self._tried(adapter):
            self._open_anew(made)
        if adapter.changed or fresh:
            self._renew = True
        if self._may_begin(made) and (self._renew or self._silent):
            self._write_header()
        if adapter.number and not adapter.changed:
            self._send(made)

    def _hear(self, made: _Made) -> None:
        self._has_come.add(made.adapter)
        if not made.adapter.sparse:
            self._silences.heard(made.adapter.stream.index, made.dts)

    def _may_begin(self, made: _Made) -> bool:
        """Whether a new header may stand before this packet: at a video's keyframe if one lives."""
        for adapter in self._current:
            if adapter.type == "video" and not self._is_silent(adapter):
                return made.adapter is adapter and made.key
        return not made.adapter.sparse or all(adapter.sparse for adapter in self._current)

    def _tried(self, adapter: Adapter) -> bool:
        """Whether the input has been opened anew for this track."""
        return self._again is not None and adapter.stream.index in self._again.blind

    def _is_silent(self, adapter: Adapter) -> bool:
        """Whether nothing has come of a track for too long; subtitles may be silent for ever."""
        index = adapter.stream.index
        return not adapter.sparse and self._silences.is_quiet(index, SILENCE, RAREST)

    @property
    def _silent(self) -> list[Adapter]:
        """The tracks in the header that are silent."""
        return [adapter for adapter in self._current if self._is_silent(adapter)]

    def _hold(self, made: _Made) -> None:
        self._hear(made)
        self._held.append(made)
        self._held_size += len(made.data) + PACKET_WEIGHT
        adapters = self._adapters.values()
        complete = all(map(self._is_known, adapters)) and not self._waiting_covers
        full = self._held_size >= HELD_LIMIT
        late = made.dts - self._held[0].dts >= PATIENCE
        if complete or ((late or full) and any(map(self._is_offered, adapters))):
            self._write_header()
        elif full:
            self._held.clear()  # nobody could have decoded it
            self._held_size = 0

    def _is_known(self, adapter: Adapter) -> bool:
        """Whether the first header need not wait for a track."""
        has_come = adapter in self._has_come or adapter.sparse
        return adapter.ready and (has_come or self._silences.is_quiet(adapter.stream.index))

    def _is_offered(self, adapter: Adapter) -> bool:
        """Whether a track belongs into the header: one of which nothing has come does not."""
        expected = adapter.sparse and adapter.declared
        return adapter.ready and (adapter in self._has_come or expected)

    def _write_header(self) -> None:
        silent = self._silent if self._header else []
        ready = [a for a in self._adapters.values() if self._is_offered(a) and a not in silent]
        taken = max(adapter.kept for adapter in self._adapters.values())
        written, self._current = write_header(
            ready, self._extras, self._extras.files(), self._shift or 0, taken=taken
        )
        if not self._current:
            raise Unusable("; ".join(["no track that could be sent", *written.left_out[:5]]))
        for adapter in self._adapters.values():
            adapter.changed = False
            if adapter not in self._current:
                adapter.number = 0
        self._unfit = {adapter for adapter in ready if adapter not in self._current}
        self._renew = False
        self._started.clear()
        missing = [
            f"{label(adapter.stream)}: {self._why_missing(adapter)}"
            for adapter in self._adapters.values()
            if adapter not in ready
        ]
        left_out = (*self._left_out, *self._extras.left_out, *written.left_out, *missing)
        self._header = replace(written, left_out=left_out)
        self._emit(self._header)
        held, self._held, self._held_size = self._held, [], 0
        for made in held:
            if made.adapter.number:
                self._send(made)

    def _why_missing(self, adapter: Adapter) -> str:
        if adapter not in self._has_come:
            return "nothing has come of it"
        return "silent" if self._is_silent(adapter) else "nothing known of it"

    def _send(self, made: _Made) -> None:
        adapter = made.adapter
        if adapter.type == "video" and adapter not in self._started:
            if not made.key:
                return
            self._started.add(adapter)
        stamps = self._stamps.get(adapter.stream.index)
        if self._emit_packet(made.packet(), self._slack) and stamps is not None:
            stamps.held()


def _is_ogg(path: str) -> bool:
    """
    Whether a file begins as Ogg does. What is no regular file would lose its beginning; a file that
    cannot be read is libavformat's to report.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return file.read(4) == b"OggS"
    except (OSError, ValueError):
        return False


def _is_remote_ogg(source: Input, container: Any) -> bool:
    """Whether an input is Ogg out of a URL that can be requested once more."""
    again = source.text.startswith(("http://", "https://")) and listen_options(source) is None
    return source.form is Form.URL and again and container.format.name == "ogg"


def _open(source: Input, media: Media | None) -> Any:
    """
    Open an input. The options are those of FFmpeg's command line.

    @raise av.FFmpegError: when libavformat cannot make sense of it.
    """
    if source.form is Form.DEMO:
        return Demo()
    open_ = partial(av.open, mode="r", metadata_errors="replace")
    options = {"analyzeduration": str(ANALYSED)}
    if media is not None:
        return open_(media, options=options, container_options=whitelists_for_bytes())
    if source.form is Form.FILE:
        return open_(f"file:{source.text}", container_options=whitelists_for_file(source.text))
    wait = listen_options(source)
    if wait is None:
        timeout = (OPEN_TIMEOUT, READ_TIMEOUT)
        return open_url(source.text, partial(open_, timeout=timeout, options=options))
    try:
        return open_(
            wait.url,
            timeout=(LISTEN_TIMEOUT, READ_TIMEOUT),
            options={**options, **wait.options},
            container_options=whitelists_for_url(wait.url, lists=False),
        )
    except TimeoutError as error:  # of libavformat's own: nobody has connected
        raise Silent from error


def _is_live(source: Input, container: Any) -> bool:
    """Whether what comes is sent as it is taken, rather than read from something that is there."""
    if source.form in (Form.FILE, Form.STDIN):
        place: str | int = 0 if source.form is Form.STDIN else source.text
        return not stat.S_ISREG(os.stat(place).st_mode)
    if source.form is Form.URL:
        return int(container.size) <= 0
    return source.form.has_sender


def set_up() -> None:
    """Have libavformat say what it knows, and nothing of it reach standard error."""
    av.logging.set_level(av.logging.INFO)
    logger = logging.getLogger("libav")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
