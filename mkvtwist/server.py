"""
Everything that runs: the streams and the listeners, as one service (I{reactor}).
"""

import resource
import socket
import sys
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from mkvtwist.config import AtEnd, Config
from mkvtwist.http import LiveSite
from mkvtwist.input import address
from mkvtwist.stream import Stream

BACKLOG = 4096
"""Connections that wait to be accepted, from a crowd in one instant. The kernel may cap it."""

DESCRIPTORS = 64
"""File descriptors beside those of the clients: listeners, inputs, the log, the reactor's own."""


def _with_backlog(text: str) -> str:
    if text.partition(":")[0] in ("tcp", "tcp6", "ssl") and ":backlog=" not in text:
        return f"{text}:backlog={BACKLOG}"
    return text


class Listener(Service):
    """One place where clients connect; it says its URL."""

    _log = Logger()

    def __init__(self, reactor: Any, text: str, site: LiveSite, names: tuple[str, ...]) -> None:
        self._endpoint = serverFromString(reactor, _with_backlog(text))
        self._text = text
        self._site = site
        self._names = names
        self._asked = False
        self._port: IListeningPort | None = None

    def privilegedStartService(self) -> None:
        """Listen while low ports are still allowed."""
        self._asked = True
        self._endpoint.listen(self._site).addCallbacks(self._listening, self._deaf)

    def startService(self) -> None:
        """Listen now, under C{twist}, which knows no privileges."""
        super().startService()
        if not self._asked:
            self.privilegedStartService()

    def stopService(self) -> Deferred[Any] | None:
        super().stopService()
        return self._port.stopListening() if self._port is not None else None

    def _listening(self, port: IListeningPort) -> None:
        self._port = port
        where = address(port.getHost()).replace("0.0.0.0", socket.gethostname())  # noqa: S104
        scheme = "https" if self._text.startswith("ssl:") else "http"
        self._log.info("watch at {scheme}://{where}/", scheme=scheme, where=where)
        for name in self._names:
            self._log.info(
                "or in a player: {scheme}://{where}/{name}.mkv",
                scheme=scheme,
                where=where,
                name=name,
            )

    def _deaf(self, failure: Any) -> None:
        self._log.error(
            "cannot listen at {text}: {problem}", text=self._text, problem=failure.value
        )


class Server(MultiService):
    """Everything: the streams and the listeners; it stops when nothing more will be sent."""

    log = Logger()

    def __init__(self, reactor: Any, config: Config) -> None:
        super().__init__()
        self._reactor = reactor
        self._config = config
        self.streams = {
            stream.name: Stream(reactor, stream, self._ended) for stream in config.streams
        }
        self.site = LiveSite(reactor, self.streams)
        for stream in self.streams.values():
            stream.setServiceParent(self)
        for text in config.listen:
            Listener(reactor, text, self.site, tuple(self.streams)).setServiceParent(self)
        self._left = set(self.streams)

    def startService(self) -> None:
        """Also raise the limit of open files as far as it goes."""
        most = sum(stream.max_clients for stream in self._config.streams)
        limit = raise_descriptor_limit()
        if limit < most + DESCRIPTORS:
            self.log.warn(
                "only {limit} files can be open, too few for {most} clients: raise the hard limit"
                " (ulimit -Hn, or LimitNOFILE= in a systemd unit)",
                limit=limit,
                most=most,
            )
        for stream in self._config.streams:
            self.log.info("stream {name}: {input}", name=stream.name, input=str(stream.input))
        super().startService()

    def _ended(self, stream: Stream) -> None:
        self._left.discard(stream.config.name)
        if not self._left and all(s.at_end is AtEnd.EXIT for s in self._config.streams):
            self.log.info("every stream has ended; stopping")
            self._reactor.stop()


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize
