"""
Reports on one input to its operators: lines in the log, and events for programs (I{reactor}).

Reports are not repeated: a fault that is the same at each try is logged now and then, notices of
the reader at most once a second, and facts that stay the same in another round of a loop, or with
another sender, not again.
"""

from enum import Enum
from typing import Any

from twisted.logger import LogLevel

from mkvtwist.access.refusals import Refusals
from mkvtwist.config.input import Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.libav import Ended
from mkvtwist.live.events import Events, FallbackDown, FallbackUp, InputDown, InputUp, SenderRefused
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.media.packet import Header, Track

SAME_FAULT_INTERVAL = 600.0
"""
Seconds until a fault is logged again that is the same at each try: an operator who looks into the
log finds it, and an input that is away for a day does not fill the disk.
"""

NOTICE_INTERVAL = 1.0
"""Seconds between two lines about notices of readers: damaged media have hundreds of them."""


class Role(Enum):
    """The two sources whose coming and going is reported."""

    INPUT = 1
    FALLBACK = 2


class Reports:
    """
    The log and the events of one input and its fallbacks.

    @ivar log: for lines that are never repeated.
    @ivar label: the input in words.
    @ivar left_out: a sentence for each track of the input that is not sent.
    @ivar notes: how the input is read, where that is not as its timestamps say.
    @ivar refusals: of senders.
    """

    def __init__(self, clock: Any, events: Events, stream: str, label: str) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        @param stream: the stream's name.
        """
        self.log = StreamLog(stream, __name__)
        self.label = label
        self.left_out: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.refusals = Refusals(clock, self.log, events.tell)
        self._clock = clock
        self._events = events
        self._stream = stream
        self._up: dict[Role, float] = {}
        self._faults: dict[Input, tuple[str, float]] = {}  # the last, and when logged
        self._notes_before: tuple[str, ...] = ()
        self._noticed = float("-inf")
        self._unsaid = 0

    def is_up(self, role: Role) -> bool:
        """Return whether the input, or a fallback, brings packets."""
        return role in self._up

    def up(self, role: Role, source: Input) -> None:
        """Tell that packets come, unless they came all the time."""
        if role not in self._up:
            self._up[role] = self._clock.seconds()
            up = InputUp if role is Role.INPUT else FallbackUp
            self._events.tell(up(stream=self._stream, input=str(source)))

    def down(self, role: Role, reason: str) -> None:
        """Tell that no more packets come, if any ever came."""
        since = self._up.pop(role, None)
        if since is not None:
            seconds = round(self._clock.seconds() - since, 3)
            down = InputDown if role is Role.INPUT else FallbackDown
            self._events.tell(down(stream=self._stream, reason=reason, seconds=seconds))

    def is_news(self, source: Input, fault: str) -> bool:
        """Return whether to log a fault of a source, and take note that it is logged now."""
        now = self._clock.seconds()
        logged, when = self._faults.get(source, ("", now))
        if logged == fault and now - when < SAME_FAULT_INTERVAL:
            return False
        self._faults[source] = fault, now
        return True

    @staticmethod
    def level(config: StreamConfig, ended: Ended) -> LogLevel:
        """
        Return the level of a fault in the log. That a client has chosen the name of a stream which
        does not exist is no fault for operators.
        """
        level: LogLevel = LogLevel.info if config.pattern and ended.is_missing else LogLevel.error
        return level

    def recovered(self, source: Input) -> None:
        """Take note that a source works: its next fault is news."""
        self._faults.pop(source, None)

    def tracks(self, header: Header, known: Header | None) -> None:
        """
        Log the tracks of the input, and those that are left out.

        @param known: the header before, whose tracks are in the log.
        """
        if known is None or known.tracks != header.tracks:
            for track in header.tracks:
                self.log.info("{input}: {track}", input=self.label, track=describe(track))
        if self.left_out != header.left_out:
            for text in header.left_out:
                self.log.warn("{input}: left out: {text}", input=self.label, text=text)
        self.left_out = header.left_out

    def opened(self) -> None:
        """Forget the notes: the input is opened, and will have its own."""
        self._notes_before, self.notes = self.notes, ()

    def note(self, texts: tuple[str, ...]) -> None:
        """Log how the input is read, and keep that for C{/status}."""
        for text in texts:
            if text not in self.notes and text not in self._notes_before:
                self.log.info("{input}: {text}", input=self.label, text=text)
        self.notes = texts

    def notice(self, source: Input, text: str) -> None:
        """Log a notice of a reader, or count it for the next line."""
        now = self._clock.seconds()
        if now - self._noticed < NOTICE_INTERVAL:
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} times more)" if self._unsaid else ""
        self._noticed, self._unsaid = now, 0
        self.log.warn("{input}: {text}{more}", input=str(source), text=text, more=more)

    def refuse(self, peer: str, cause: str, line: str, reason: str) -> None:
        """
        Tell that a sender was refused.

        @param peer: the sender's address.
        @param cause: in a few words; refusals with the same cause share a line.
        @param line: of the log; may name C{peer}, C{input} and C{reason}.
        """
        refused = SenderRefused(stream=self._stream, peer=peer, input=self.label, reason=reason)
        self.refusals.tell(refused, cause, line)


def describe(track: Track) -> str:
    """Return a track in words, for the log: C{track 1, video: h264, 640x360, 25 fps}."""
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
