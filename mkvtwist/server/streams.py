"""
The streams of a server, which begin and end while it runs (I{reactor}).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.logger import Logger

from mkvtwist.access.entry import Entry
from mkvtwist.config.settings import StreamConfig, change_at_once, changes
from mkvtwist.config.values import THREAD, ConfigError
from mkvtwist.inputs.reader_thread import StartReader
from mkvtwist.inputs.sources import source_of
from mkvtwist.inputs.workers import Workers
from mkvtwist.live.events import (
    Events,
    StreamAdded,
    StreamRemoved,
    StreamStarted,
    StreamStopped,
)
from mkvtwist.server.endings import Endings
from mkvtwist.streams.stream import Stream


class Streams(Mapping[str, Stream]):
    """
    The streams of a server by their names, those included that have been stopped.

    A stream that is started anew is a new L{Stream}; it is there at once, and its input is opened
    when everything that is about to end has let go of what it had: ports, files, threads.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        parent: MultiService,
        endings: Endings,
        events: Events,
        *,
        ended: Callable[[Stream], None],
        start_reader: StartReader | None,
        workers: Workers,
        entry: Entry,
    ) -> None:
        """
        @param parent: the service whose children the streams are while they run.
        @param endings: the children of C{parent} that are about to end.
        @param ended: called with each stream that has ended by itself.
        @param start_reader: starts the readers of all streams; L{None} if the configuration of
            each stream says how.
        @param workers: the processes in which inputs are read.
        @param entry: the server's rules, guesses and limits.
        """
        self._reactor = reactor
        self._parent = parent
        self._endings = endings
        self._events = events
        self._ended = ended
        self._start_reader = start_reader
        self._workers = workers
        self._entry = entry
        self._has_advised = False
        self._streams: dict[str, Stream] = {}

    def __getitem__(self, name: str) -> Stream:
        return self._streams[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._streams)

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def places(self) -> set[str]:
        """The endpoints where running streams listen for senders."""
        running = (stream for stream in self._streams.values() if stream.parent is not None)
        return {_place(stream.config) for stream in running} - {""}

    def add(self, config: StreamConfig) -> None:
        """
        Add a stream.

        @raise ConfigError: when there is one of this name.
        """
        if config.name in self._streams:
            raise ConfigError(f"name: there is a stream {config.name!r} already")
        self.begin(config)
        self._events.tell(StreamAdded(stream=config.name))

    def remove(self, name: str) -> None:
        """
        End a stream, and forget it. Its clients get the rest.

        @raise KeyError: if there is none of this name; L{stop}, L{start} and L{restart} raise it,
            too.
        """
        self.stop(name)
        del self._streams[name]
        self._log.info("stream {name}: removed", name=name)
        self._events.tell(StreamRemoved(stream=name))

    def stop(self, name: str) -> None:
        """End a stream, which can be started again. Its clients get the rest."""
        stream = self._streams[name]
        if stream.parent is not None:
            self._endings.end(stream, f"stream {name}", _place(stream.config))
        elif not stream.is_over:  # it waits to be started
            stream.stopService()
        else:
            return
        self._events.tell(StreamStopped(stream=name))

    def start(self, name: str) -> None:
        """Begin anew with a stream that was stopped, or has ended; one that runs goes on."""
        if self._streams[name].is_over:
            self.restart(name)

    def restart(self, name: str) -> None:
        """Begin anew with a stream, with empty figures. Its clients get the rest, and come back."""
        self.stop(name)
        self.begin(self._streams[name].config)

    def change(self, config: StreamConfig) -> None:
        """
        Give a stream another configuration: at once if that is possible, else with L{restart}. A
        stream that was stopped stays so.
        """
        if not self._take_over(config):
            self.stop(config.name)
            self.begin(config)

    def end_what_changed(self, wanted: Iterable[StreamConfig]) -> list[StreamConfig]:
        """
        Stop each stream that is gone or has to begin anew; have the others take their settings.

        @return: those that are to L{begin}.
        """
        configs = {config.name: config for config in wanted}
        for name in [name for name in self._streams if name not in configs]:
            self.remove(name)
        new = []
        for name, config in configs.items():
            if name not in self._streams:
                new.append(config)
            elif different := changes(self._streams[name].config, config):
                keys = ", ".join(sorted(different))
                self._log.info("stream {name}: changed: {keys}", name=name, keys=keys)
                if not self._take_over(config):
                    self.stop(name)
                    new.append(config)
        return new

    def make(
        self, config: StreamConfig, on_wanted: Callable[[Stream], bool] = lambda _: True
    ) -> Stream:
        """
        Return a stream that is none of these yet; see L{keep}.

        @param on_wanted: called when a client or a sender wants it; returns whether there is room.
        """
        return Stream(
            self._reactor,
            config,
            self._ended,
            self._events,
            self._start_reader,
            workers=self._workers,
            on_wanted=on_wanted,
            entry=self._entry,
        )

    def keep(self, stream: Stream) -> None:
        """
        Add a stream that L{make} has returned, and start it at once: it waits for no ending, since
        the one who wants it waits.
        """
        self._streams[stream.config.name] = stream
        self._start(stream)
        self._events.tell(StreamAdded(stream=stream.config.name))

    def begin(self, config: StreamConfig) -> None:
        """Make a stream, in place of one of the same name; start it when nothing is in its way."""
        stream = self.make(config)
        self._streams[config.name] = stream
        self._endings.then(partial(self._start, stream))

    def _start(self, stream: Stream) -> None:
        if self._streams.get(stream.config.name) is stream and not stream.is_over:
            self._advise(stream)
            stream.setServiceParent(self._parent)
            self._events.tell(StreamStarted(stream=stream.config.name))

    def _advise(self, stream: Stream) -> None:
        """Log how to isolate a sender's media, once for all streams."""
        source = source_of(stream.config.input)
        from_senders = source.listens or source.listener is not None
        if from_senders and stream.isolation == THREAD and not self._has_advised:
            self._has_advised = True
            self._log.info(
                "stream {name}: a flaw in FFmpeg's libraries that a sender's media exploit would"
                ' end the whole server; isolation = "process" (--isolation=process) reads them in a'
                " process of its own",
                name=stream.config.name,
            )

    def _take_over(self, config: StreamConfig) -> bool:
        """Return whether a stream has taken new settings over; if not, it has to begin anew."""
        stream = self._streams[config.name]
        possible = stream.is_over or change_at_once(changes(stream.config, config))
        if possible:
            stream.configure(config)
        return possible


def _place(config: StreamConfig) -> str:
    """Return the endpoint where a stream listens for senders; empty if there is none."""
    return source_of(config.input).endpoint(config.input)
