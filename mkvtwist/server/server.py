"""
Everything that runs: the streams and the listeners, as one service (I{reactor}).
"""

import resource
import signal
import socket
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, DeferredList, gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mkvtwist.access.tokens import read_management_token
from mkvtwist.config.input import AtEnd, Form
from mkvtwist.config.settings import LIVE, Config, StreamConfig, changes
from mkvtwist.config.values import ConfigError
from mkvtwist.http import LiveSite
from mkvtwist.inputs.readers import ReaderThread, StartReader
from mkvtwist.live.events import Events
from mkvtwist.net.endpoint import Endpoint
from mkvtwist.net.sockets import address, choose_congestion
from mkvtwist.server import systemd
from mkvtwist.server.check import read_stream
from mkvtwist.streams.stream import Stream

BACKLOG = 4096
"""Connections that wait to be accepted, from a crowd in one instant. The kernel may cap it."""

DESCRIPTORS = 64
"""File descriptors beside those of the clients: listeners, inputs, the log, the reactor's own."""

Reread = Callable[[Collection[str]], Config]
"""
Makes the configuration anew, without trying the endpoints that it is given; raises
L{ConfigError}.
"""


def _with_backlog(text: str) -> str:
    if text.partition(":")[0] in ("tcp", "tcp6", "ssl") and ":backlog=" not in text:
        return f"{text}:backlog={BACKLOG}"
    return text


class Listener(Service):
    """One place where clients connect; it says its URL."""

    _log = Logger()

    def __init__(
        self, reactor: Any, text: str, site: LiveSite, streams: Mapping[str, Stream] | None
    ) -> None:
        """
        @param streams: what can be watched there; L{None} where one manages instead.
        """
        self.text = text
        self.site = site
        self._congestion: str | None = None
        self.endpoint = Endpoint(reactor, _with_backlog(text))
        self._streams = streams
        self._asked = False
        self._port: IListeningPort | None = None

    def privilegedStartService(self) -> None:
        """Listen while low ports are still allowed."""
        self._asked = True
        self.endpoint.listen(self.site).addCallbacks(self._listening, self._deaf)

    def startService(self) -> None:
        """Listen now, under C{twist}, which knows no privileges."""
        super().startService()
        if not self._asked:
            self.privilegedStartService()

    def stopService(self) -> Deferred[Any] | None:
        """Those who have connected stay."""
        super().stopService()
        return self._port.stopListening() if self._port is not None else None

    def congest(self, name: str | None) -> None:
        """
        Give connections to come this congestion control.

        @param name: L{None} is the machine's own.
        """
        before, self._congestion = self._congestion, name
        if self._port is None or before == name:
            return
        self._set_congestion()

    def _set_congestion(self) -> None:
        try:
            choose_congestion(getattr(self._port, "socket", None), self._congestion)
        except OSError as error:  # it was there a moment ago, when all was looked at
            self._log.error(
                "{text}: congestion control {name} cannot be set, the machine's own is used:"
                " {problem}",
                text=self.text,
                name=self._congestion,
                problem=error.strerror,
            )

    def _listening(self, port: IListeningPort) -> None:
        self._port = port
        if self._congestion is not None:
            self._set_congestion()
        host = port.getHost()
        where = address(host)
        for anywhere in ("0.0.0.0:", "[::]:"):
            if where.startswith(anywhere):
                where = f"{socket.gethostname()}:{where.removeprefix(anywhere)}"
        scheme = "https" if self.text.startswith("ssl:") else "http"
        # A socket in the file system is no part of a URL: curl --unix-socket PATH http://host/
        base = f"unix:{where} /" if isinstance(host, UNIXAddress) else f"{scheme}://{where}/"
        if self._streams is None:
            self._log.info("manage at {base}admin", base=base)
            return
        self._log.info("watch at {base}", base=base)
        for name in self._streams:
            self._log.info("or in a player: {base}{name}.mkv", base=base, name=name)

    def _deaf(self, failure: Any) -> None:
        self._log.error("cannot listen at {text}: {problem}", text=self.text, problem=failure.value)


class Server(MultiService):
    """
    The streams and the listeners. It stops when nothing more will be sent.

    A stream that is started anew is a new L{Stream}; it is there at once, and its input is opened
    when everything that is about to end has let go of what it had: ports, files, threads.

    @ivar streams: by their names, those included that have been stopped.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        config: Config,
        reread: Reread | None = None,
        exit_with: Callable[[int], object] = lambda _: None,
        start_reader: StartReader = ReaderThread,
    ) -> None:
        """
        @param reread: makes the configuration anew, for L{reload}. With it C{SIGHUP} is one, too.
        @param exit_with: sets the exit status of the process; called when it is not 0.
        @param start_reader: starts the readers of all streams.
        """
        super().__init__()
        self._reactor = reactor
        self._start_reader = start_reader
        self._exit_with = exit_with
        self._reread = reread
        self._before: Any = None
        self._ending: dict[Deferred[Any], str] = {}  # with the endpoint that each lets go of
        self.streams: dict[str, Stream] = {}
        self.events = Events()
        self.token: bytes | None = None
        self.site = LiveSite(reactor, self.streams, self)
        self._management_site = LiveSite(reactor, self.streams, self, public=False)
        self._token_file: str | None = None
        self._listeners: list[Listener] = []
        self._alive = LoopingCall(systemd.notify, WATCHDOG=1)
        self._alive.clock = reactor
        self._config = config
        self.apply(config)

    @property
    def config(self) -> Config:
        """What it is to run now."""
        texts: dict[LiveSite, list[str]] = {self.site: [], self._management_site: []}
        for listener in self._listeners:
            texts[listener.site].append(listener.text)
        return replace(
            self._config,
            streams=tuple(stream.config for stream in self.streams.values()),
            listen=tuple(texts[self.site]),
            management_listen=tuple(texts[self._management_site]),
            management_token_file=self._token_file,
        )

    def startService(self) -> None:
        """Also raise the limit of open files as far as it goes, and tell systemd."""
        self._count_descriptors()
        interval = systemd.watchdog_interval()
        if interval is not None:
            self._alive.start(interval)
        if self._reread is not None:
            # It may come at any moment, in the middle of anything.
            self._before = signal.signal(
                signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._hung_up)
            )
        super().startService()
        systemd.notify(READY=1)

    def stopService(self) -> Deferred[Any]:
        """
        @return: fires when everything has ended, what was about to end before included.
        """
        systemd.notify(STOPPING=1)
        if self._alive.running:
            self._alive.stop()
        if self._reread is not None:
            signal.signal(signal.SIGHUP, self._before or signal.SIG_DFL)
        return gatherResults([maybeDeferred(super().stopService), *self._ending])

    # one stream

    def add(self, config: StreamConfig) -> None:
        """
        One more stream.

        @raise ConfigError: when there is one of this name.
        """
        if config.name in self.streams:
            raise ConfigError(f"name: there is a stream {config.name!r} already")
        self._begin(config)
        self.events.tell("stream added", config.name)

    def remove(self, name: str) -> None:
        """
        A stream ends, and is no longer there. Its clients get the rest.

        @raise KeyError: when there is none; likewise below.
        """
        self.stop(name)
        del self.streams[name]
        self.log.info("stream {name}: removed", name=name)
        self.events.tell("stream removed", name)

    def stop(self, name: str) -> None:
        """A stream ends; it is still there, to be started again. Its clients get the rest."""
        stream = self.streams[name]
        if stream.parent is not None:
            self._end(stream)
        elif not stream.publisher.ended:  # it waits to be started
            stream.stopService()
        else:
            return
        self.events.tell("stream stopped", name)

    def start(self, name: str) -> None:
        """A stream that was stopped, or has ended, begins anew; one that runs goes on."""
        stream = self.streams[name]
        if stream.publisher.ended:
            self.restart(name)

    def restart(self, name: str) -> None:
        """A stream begins anew, with empty figures. Its clients get the rest, and come back."""
        self.stop(name)
        self._begin(self.streams[name].config)

    def change(self, config: StreamConfig) -> None:
        """
        Another configuration for the stream of this name: taken over if that can be done at once,
        else with L{restart}. One that was stopped stays so.
        """
        if self._takes_over(config):
            self.streams[config.name].configure(config)
        else:
            self.stop(config.name)
            self._begin(config)

    def define(self, name: str, settings: Mapping[str, Any]) -> None:
        """
        A stream with these settings, as a configuration file has them: one more, or a change.

        @raise ConfigError: with a line for each mistake in them; nothing has changed then.
        """
        config = read_stream(name, settings, self._held())
        if name in self.streams:
            self.change(config)
            self.events.tell("stream changed", name)
        else:
            self.add(config)

    def _takes_over(self, config: StreamConfig) -> bool:
        stream = self.streams[config.name]
        return changes(stream.config, config) <= LIVE or stream.publisher.ended

    # all of them

    def apply(self, config: Config) -> None:
        """
        Make what runs what C{config} says: new streams and listeners start, those that are gone
        end, changed ones restart, and the others and their clients notice nothing.
        """
        self._config = config
        for site in (self.site, self._management_site):
            site.configure(config)
        wanted = {stream.name: stream for stream in config.streams}
        for name in [name for name in self.streams if name not in wanted]:
            self.remove(name)
        begin = []
        for name, stream in wanted.items():
            if name not in self.streams:
                begin.append(stream)
            elif different := changes(self.streams[name].config, stream):
                keys = ", ".join(sorted(different))
                self.log.info("stream {name}: changed: {keys}", name=name, keys=keys)
                if self._takes_over(stream):
                    self.streams[name].configure(stream)
                else:
                    self.stop(name)
                    begin.append(stream)
        self._take_token(config.management_token_file)
        listen = self._listen_no_longer(
            [
                *((text, self.site) for text in config.listen),
                *((text, self._management_site) for text in config.management_listen),
            ]
        )
        # Only now: what one lets go of, another one may be about to take.
        for stream in begin:
            self._begin(stream)
        self._listen_more(listen)
        if self.running:
            self._count_descriptors()

    def _take_token(self, path: str | None) -> None:
        self._token_file = path
        try:
            self.token = None if path is None else read_management_token(path)
        except ConfigError as error:  # it was there a moment ago, when all was looked at
            self.log.warn("{problem}; the token stays as it was", problem=str(error))

    def _listen_no_longer(
        self, wanted: Sequence[tuple[str, LiveSite]]
    ) -> list[tuple[str, LiveSite]]:
        """End the listeners that are not wanted, and return what is wanted and not there."""
        missing = list(wanted)
        for listener in list(self._listeners):
            if (listener.text, listener.site) in missing:
                missing.remove((listener.text, listener.site))
            else:
                self._listeners.remove(listener)
                self._end(listener)
        return missing

    def _listen_more(self, missing: Sequence[tuple[str, LiveSite]]) -> None:
        """Begin to listen where nobody does, and have all listeners go by the configuration."""
        for text, site in missing:
            names = self.streams if site is self.site else None
            listener = Listener(self._reactor, text, site, names)
            self._listeners.append(listener)
            self._when_free(partial(self._listen, listener))
        for listener in self._listeners:
            listener.congest(self._config.congestion)

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
        self.events.tell("reloaded", "")

    def _held(self) -> set[str]:
        """The endpoints where this process listens, or still does for a moment."""
        held = {listener.text for listener in self._listeners} | set(self._ending.values())
        running = [stream for stream in self.streams.values() if stream.parent is not None]
        return (held | {_place(stream) for stream in running}) - {""}

    def _renew(self) -> None:
        """Read the certificates again."""
        endpoints = [listener.endpoint for listener in self._listeners]
        endpoints += [s.input.endpoint for s in self.streams.values() if s.input.endpoint]
        mistakes: list[str] = []
        for endpoint in endpoints:
            try:
                endpoint.renew()
            except ConfigError as error:
                mistakes += error.args
        for line in mistakes:
            self.log.error("{line}", line=line)

    def _hung_up(self) -> None:
        """C{SIGHUP} has come."""
        if not self.running:
            return
        systemd.reloading()
        try:
            self.reload()
        except ConfigError as error:
            mistakes = error.args
        else:
            return
        finally:
            systemd.notify(READY=1)
        for line in mistakes:
            self.log.error("{line}", line=line)
        self.log.error("the configuration has mistakes: nothing has changed")

    # beginnings and ends

    def _begin(self, config: StreamConfig) -> None:
        stream = Stream(self._reactor, config, self._ended, self.events, self._start_reader)
        self.streams[config.name] = stream
        self._when_free(partial(self._start, stream))

    def _start(self, stream: Stream) -> None:
        if self.streams.get(stream.config.name) is stream and not stream.publisher.ended:
            stream.setServiceParent(self)
            self.events.tell("stream started", stream.config.name)

    def _listen(self, listener: Listener) -> None:
        if listener in self._listeners:
            listener.setServiceParent(self)

    def _end(self, service: Stream | Listener) -> None:
        if service.parent is None:
            return
        ending: Deferred[Any] = maybeDeferred(service.disownServiceParent)
        self._ending[ending] = _place(service)
        what = f"stream {service.config.name}" if isinstance(service, Stream) else service.text
        ending.addErrback(lambda why: self.log.failure("{what}: stopping failed", why, what=what))
        ending.addCallback(lambda _: self._ending.pop(ending))

    def _when_free(self, then: Callable[[], None]) -> None:
        """Call something when everything that is about to end has ended."""
        if not self._ending:
            then()
            return
        waiting: Deferred[Any] = DeferredList(list(self._ending))
        waiting.addCallback(lambda _: then() if self.running else None)

    def _ended(self, _: Stream) -> None:
        streams = self.streams.values()
        if all(stream.ended and stream.config.at_end is AtEnd.EXIT for stream in streams):
            self.log.info("every stream has ended; stopping")
            # Optional streams have a say only if there are no others.
            counted = [s for s in streams if not s.config.optional] or streams
            if any(stream.failed for stream in counted):
                self._exit_with(1)
            self._reactor.stop()

    def _count_descriptors(self) -> None:
        most = sum(stream.config.max_clients for stream in self.streams.values())
        limit = raise_descriptor_limit()
        if limit < most + DESCRIPTORS:
            self.log.warn(
                "only {limit} files can be open, too few for {most} clients: raise the hard limit"
                " (ulimit -Hn, or LimitNOFILE= in a systemd unit)",
                limit=limit,
                most=most,
            )
        self.site.connections.most = max(limit // 2, limit - DESCRIPTORS)


def _place(service: Stream | Listener) -> str:
    """The endpoint where a service listens; nothing where there is none."""
    if isinstance(service, Listener):
        return service.text
    source = service.config.input
    return source.text if source.form is Form.ENDPOINT else ""


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize
