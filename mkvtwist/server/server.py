"""
The server: its streams and its listeners, as one service (I{reactor}).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.logger import Logger

from mkvtwist.access.entry import Entry
from mkvtwist.access.refusals import Refusals
from mkvtwist.access.tokens import read_management_token
from mkvtwist.config.input import AtEnd, Form
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.config.values import ConfigError
from mkvtwist.http import LiveSite
from mkvtwist.inputs.reader_thread import StartReader
from mkvtwist.inputs.rtmp.factory import RtmpFactory
from mkvtwist.inputs.rtmp.publishing import Publishing
from mkvtwist.inputs.sender_slot import SenderSlot
from mkvtwist.inputs.workers import Workers
from mkvtwist.live.events import Events, Reloaded, SenderRefused, StreamChanged
from mkvtwist.server import systemd
from mkvtwist.server.check import read_stream
from mkvtwist.server.descriptors import most_connections
from mkvtwist.server.endings import Endings
from mkvtwist.server.listeners import Listener, Listeners, managing, publishing, watching
from mkvtwist.server.pattern_streams import PatternStreams
from mkvtwist.server.sighup import Hangup
from mkvtwist.server.streams import Streams
from mkvtwist.streams.stream import Stream

Reread = Callable[[Collection[str]], Config]
"""
Makes the configuration anew, without trying the endpoints that it is given; raises
L{ConfigError}.
"""


class Server(MultiService):
    """
    The streams and the listeners. It stops when nothing more will be sent.

    @ivar streams: by their names, those included that have been stopped.
    @ivar patterns: the patterns, and the streams that are made of them.
    @ivar listeners: where clients connect.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        config: Config,
        reread: Reread | None = None,
        *,
        exit_with: Callable[[int], object] = lambda _: None,
        start_reader: StartReader | None = None,
        watchdog_interval: float | None = None,
    ) -> None:
        """
        @param reread: makes the configuration anew, for L{reload}. With it C{SIGHUP} is one, too.
        @param exit_with: sets the exit status of the process; called when it is not 0.
        @param start_reader: starts the readers of all streams; by default as each stream's
            configuration says.
        @param watchdog_interval: seconds between signs of life for systemd; L{None} if none are
            wanted.
        """
        super().__init__()
        self._reactor = reactor
        workers = Workers(reactor)
        workers.setServiceParent(self)
        self._exit_with = exit_with
        self._reread = reread
        self._endings = Endings(self)
        self.events = Events()
        entry = Entry(reactor)
        self.streams = Streams(
            reactor,
            self,
            self._endings,
            self.events,
            ended=self._ended,
            start_reader=start_reader,
            workers=workers,
            entry=entry,
        )
        self.patterns = PatternStreams(reactor, self.streams)
        self.token: bytes | None = None
        find = self.patterns.find
        self.site = LiveSite(reactor, self.streams, self, entry=entry, find=find)
        self._management_site = LiveSite(reactor, self.streams, self, public=False, find=find)
        self._refusals = Refusals(reactor, self.log, self.events.tell)
        self._rtmp = RtmpFactory(reactor, Publishing(entry, self._slot), self._refuse)
        self.listeners = Listeners(
            reactor,
            {
                self.site: watching(self.streams),
                self._management_site: managing,
                self._rtmp: publishing(self.streams),
            },
        )
        self._config = config
        self.apply(config)
        if reread is not None:
            Hangup(reactor, self.reload).setServiceParent(self)
        systemd.Notifier(reactor, watchdog_interval).setServiceParent(self)

    @property
    def config(self) -> Config:
        """Return the configuration that is to run now."""
        return replace(
            self._config,
            streams=(
                *(stream.config for stream in self.streams.values() if not stream.config.pattern),
                *self.patterns.configs.values(),
            ),
            listen=self.listeners.at(self.site),
            rtmp_listen=self.listeners.at(self._rtmp),
            management_listen=self.listeners.at(self._management_site),
        )

    def startService(self) -> None:
        """Start everything, with as many open files as the system allows."""
        self._count_connections()
        self.patterns.start()
        super().startService()

    def stopService(self) -> Deferred[Any]:
        """
        Stop everything.

        @return: fires when everything has ended, what was about to end before included.
        """
        self.patterns.stop()
        self._refusals.stop()
        return gatherResults([maybeDeferred(super().stopService), self._endings.wait()])

    def define(self, name: str, settings: Mapping[str, Any]) -> None:
        """
        Add a stream with these settings, as a configuration file has them, or change it.

        @raise ConfigError: with a line for each mistake in them; nothing has changed then.
        """
        stream = self.streams.get(name)
        before = stream.config if stream is not None else self.patterns.configs.get(name)
        config = read_stream(name, settings, self._held(), before=before)
        if config.is_pattern:
            self._apply_patterns({**self.patterns.configs, name: config})
        elif name in self.streams:
            self.streams.change(config)
            self.events.tell(StreamChanged(stream=name))
        else:
            self.streams.add(config)

    @property
    def pattern_configs(self) -> Mapping[str, StreamConfig]:
        """Return the settings by the patterns of names."""
        return self.patterns.configs

    def forget_pattern(self, pattern: str) -> None:
        """
        End all streams that were made of a pattern, and make no more.

        @raise KeyError: if there is no such pattern.
        """
        configs = dict(self.patterns.configs)
        del configs[pattern]
        self._apply_patterns(configs)

    def _apply_patterns(self, patterns: Mapping[str, StreamConfig]) -> None:
        config = self.config
        streams = [stream for stream in config.streams if not stream.is_pattern]
        self.apply(replace(config, streams=(*streams, *patterns.values())))

    def apply(self, config: Config) -> None:
        """
        Make what runs what C{config} says: new streams and listeners start, those that are gone
        end, changed ones restart, and the others and their clients notice nothing.
        """
        self._config = config
        for site in (self.site, self._management_site):
            site.configure(config)
        patterns = [stream for stream in config.streams if stream.is_pattern]
        streams = [stream for stream in config.streams if not stream.is_pattern]
        self.patterns.configure(patterns, config.max_streams)
        streams += self.patterns.wanted({stream.name for stream in streams})
        begin = self.streams.end_what_changed(streams)
        self._take_token(config.management_token_file)
        gone, new = self.listeners.change(
            [
                *((text, self.site) for text in config.listen),
                *((text, self._rtmp) for text in config.rtmp_listen),
                *((text, self._management_site) for text in config.management_listen),
            ]
        )
        for listener in gone:
            self._endings.end(listener, listener.text, listener.text)
        # Only now: what one lets go of, another one may be about to take.
        for stream in begin:
            if stream.name in self.streams:
                self.streams.begin(stream)
            else:
                self.streams.add(stream)
        for listener in new:
            self._endings.then(partial(self._listen, listener))
        self.listeners.congest(config.congestion)
        if self.running:
            self._count_connections()

    def _take_token(self, path: str | None) -> None:
        try:
            self.token = None if path is None else read_management_token(path)
        except ConfigError as error:  # it was there a moment ago, when all was looked at
            self.log.warn("{problem}; the token stays as it was", problem=str(error))

    def reload(self) -> None:
        """
        Read the configuration again, and L{apply} it. What was added or changed by other means, and
        is not in the file, is gone then.

        @raise ConfigError: when there are mistakes in it; nothing has changed then.
        """
        if self._reread is None:
            raise ConfigError("there is no configuration file to read again")
        config = self._reread(self._held())
        self.log.info("the configuration has been read again")
        self.apply(config)
        self._renew()
        self.events.tell(Reloaded())

    def _held(self) -> set[str]:
        """Return the endpoints where this process listens, or still does for a moment."""
        held = {listener.text for listener in self.listeners}
        return held | self.streams.places | self._endings.places

    def _renew(self) -> None:
        """Read the certificates again."""
        renewals = [listener.endpoint.renew for listener in self.listeners]
        renewals += [stream.input.renew for stream in self.streams.values()]
        mistakes: list[str] = []
        for renew in renewals:
            try:
                renew()
            except ConfigError as error:
                mistakes += error.args
        for line in mistakes:
            self.log.error("{line}", line=line)

    def _slot(self, name: str) -> SenderSlot | None:
        """Return the place for senders of a stream that is published to."""
        stream = self.patterns.find(name)
        if stream is None or stream.config.input.form is not Form.PUSH:
            return None
        return stream.input.slot

    def _refuse(self, peer: str, reason: str, line: str) -> None:
        """Tell operators of a sender that publishes to no stream."""
        self._refusals.tell(SenderRefused(stream="", peer=peer, reason=reason), reason, line)

    def _listen(self, listener: Listener) -> None:
        if listener in self.listeners:
            listener.setServiceParent(self)

    def _ended(self, ended: Stream) -> None:
        self.patterns.ended(ended)
        if self.patterns.configs:
            return  # another stream may be wanted
        streams = self.streams.values()
        if all(stream.ended and stream.config.at_end is AtEnd.EXIT for stream in streams):
            self.log.info("every stream has ended; stopping")
            # Optional streams have a say only if there are no others.
            counted = [s for s in streams if not s.config.optional] or streams
            if any(stream.failed for stream in counted):
                self._exit_with(1)
            self._reactor.stop()

    def _count_connections(self) -> None:
        clients = sum(stream.config.max_clients for stream in self.streams.values())
        self.site.connections.most = most_connections(clients)
