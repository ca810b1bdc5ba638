"""
The streams of patterns, made when a client or a sender wants them (I{reactor}).

::

    find      makes a stream that has not begun: routes and rules are looked up with it
    _begin    a client or a sender that was admitted wants it: it is one of the server's streams
    _look     neither has been there for the linger: it is removed, and nothing of it is kept
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mkvtwist.config.patterns import Patterns
from mkvtwist.config.settings import StreamConfig
from mkvtwist.server.streams import Streams
from mkvtwist.streams.stream import Stream

UNNEEDED_INTERVAL = 1.0
"""Seconds between two looks for streams that nobody needs: fine enough for C{linger}."""

MISSING_FOR = 10.0
"""
Seconds that a name stays unknown whose input has no such stream: clients that try again, however
often, cost the origin one request in this time.
"""

MOST_MISSING = 1_000
"""Names that are remembered for that, a hundred bytes each; beyond this the oldest is forgotten."""

FULL_INTERVAL = 60.0
"""Seconds between two lines in the log on the limit: a client can try many names in a second."""


class PatternStreams:
    """The streams that are made of patterns."""

    _log = Logger()

    def __init__(self, clock: Any, streams: Streams, *, most_missing: int = MOST_MISSING) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        @param streams: the server's streams; those that are made of patterns are among them.
        @param most_missing: how many names without a stream are remembered.
        """
        self._clock = clock
        self._streams = streams
        self._patterns = Patterns()
        self._runs = False
        self._most = 0
        self._most_missing = most_missing
        # As long as anybody holds a stream that has not begun, a second one gets the same.
        self._found: WeakValueDictionary[str, Stream] = WeakValueDictionary()
        self._needed: dict[str, float] = {}  # when it began or had a sender, by name
        self._missing: dict[str, float] = {}  # until when, by name; the oldest first
        self._said_full = float("-inf")
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    @property
    def configs(self) -> Mapping[str, StreamConfig]:
        """Return the settings by the patterns."""
        return self._patterns.configs

    @property
    def made(self) -> list[Stream]:
        """Return the streams that were made of patterns, and have not ended."""
        return [stream for stream in self._streams.values() if stream.config.pattern]

    def configure(self, patterns: Iterable[StreamConfig], most: int) -> None:
        """
        Go by these patterns from now on.

        @param most: how many streams may be made at once; 0 is any number.
        """
        before, self._patterns = self.configs, Patterns(patterns)
        for pattern, config in self.configs.items():
            if self._runs and before.get(pattern) != config:
                self._say_pattern(config)
        self._most = most
        for stream in list(self._found.values()):
            stream.stopService()  # a client that is about to watch it would wait for nothing
        self._found.clear()
        self._missing.clear()

    def wanted(self, taken: Collection[str]) -> list[StreamConfig]:
        """
        Return the settings that the streams are to have by the patterns of now; none for a stream
        that fits no pattern any more.

        @param taken: the names of streams with tables of their own.
        """
        names = [stream.config.name for stream in self.made if stream.config.name not in taken]
        return [config for name in names if (config := self._patterns.settings(name)) is not None]

    def find(self, name: str) -> Stream | None:
        """
        Return the stream of a name; L{None} if there is none, and none can be made.

        A stream that is made now has not begun, and costs nothing. It begins when a client or a
        sender wants it, if it is still the one that this method returns.
        """
        stream = self._streams.get(name)
        if stream is not None:
            return stream
        stream = self._found.get(name)
        if stream is None:
            config = self._patterns.settings(name)
            if config is None:
                return None
            stream = self._found[name] = self._streams.make(config, self._begin)
        stream.input.is_missing = self._missing.get(name, 0.0) > self._clock.seconds()
        return stream

    def _begin(self, stream: Stream) -> bool:
        """Begin with a stream that is wanted; return whether there is room for it."""
        name = stream.config.name
        if self._found.get(name) is not stream or name in self._streams:
            return True  # it began, or is out of date
        if 0 < self._most <= len(self.made):
            self._say_full()
            return False
        del self._found[name]
        self._needed[name] = self._clock.seconds()
        pattern = stream.config.pattern
        self._log.info("stream {name}: made of the pattern {pattern}", name=name, pattern=pattern)
        self._streams.keep(stream)
        if not self._looking.running:
            self._looking.start(UNNEEDED_INTERVAL, now=False)
        return True

    def _say_full(self) -> None:
        now = self._clock.seconds()
        if now - self._said_full >= FULL_INTERVAL:
            self._said_full = now
            line = "max_streams: no stream is made of a pattern any more: there are {most}"
            self._log.warn(line, most=self._most)

    def ended(self, stream: Stream) -> None:
        """Remove a stream, if it was made of a pattern: its input has ended for good."""
        if stream.config.pattern:
            if stream.input.is_missing:
                self._remember_missing(stream.config.name)
            # Not at once: it is still busy with its end.
            self._clock.callLater(0, self._remove, stream)

    def _remember_missing(self, name: str) -> None:
        self._missing.pop(name, None)
        self._missing[name] = self._clock.seconds() + MISSING_FOR
        if len(self._missing) > self._most_missing:
            del self._missing[next(iter(self._missing))]

    def _remove(self, stream: Stream) -> None:
        name = stream.config.name
        if self._streams.get(name) is stream:
            self._streams.remove(name)
        self._needed.pop(name, None)

    def _look(self) -> None:
        """Remove the streams that nobody has needed for their linger."""
        now = self._clock.seconds()
        for stream in self.made:
            name = stream.config.name
            if not stream.input.slot.is_empty:
                self._needed[name] = now
            unneeded = min(stream.demand.unwanted, now - self._needed.setdefault(name, now))
            if unneeded and unneeded >= stream.config.linger:
                self._remove(stream)
        self._needed = {name: when for name, when in self._needed.items() if name in self._streams}
        self._missing = {name: until for name, until in self._missing.items() if until > now}
        if not self.made and not self._missing:
            self._looking.stop()

    def _say_pattern(self, config: StreamConfig) -> None:
        line = "streams {pattern}: {input}"
        self._log.info(line, pattern=config.name, input=str(config.input))

    def start(self) -> None:
        """Log the patterns; later each one that is new or has changed."""
        self._runs = True
        for config in self.configs.values():
            self._say_pattern(config)

    def stop(self) -> None:
        """Look for streams no more: the server stops."""
        self._runs = False
        if self._looking.running:
            self._looking.stop()
