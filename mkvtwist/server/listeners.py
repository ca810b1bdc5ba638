"""
Listeners: the places where clients connect (I{reactor}).
"""

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from mkvtwist.config.input import Form
from mkvtwist.net.endpoint import Endpoint
from mkvtwist.net.sockets import address, choose_congestion
from mkvtwist.streams.stream import Stream

ACCEPT_BACKLOG = 4096
"""Connections that wait to be accepted, from a crowd in one instant. The kernel may cap it."""


@dataclass(frozen=True, slots=True)
class Place:
    """
    A place where a listener listens.

    @ivar where: the address as users type it, or a socket's path.
    @ivar is_path: whether it is a path.
    @ivar is_tls: whether clients speak TLS there.
    """

    where: str
    is_path: bool
    is_tls: bool

    def url(self, scheme: str) -> str:
        """Return the URL of the place, in a scheme such as C{http}, or in that for its TLS."""
        # A socket in the file system is no part of a URL: curl --unix-socket PATH http://host/
        if self.is_path:
            return f"unix:{self.where} /"
        return f"{scheme}{'s' * self.is_tls}://{self.where}/"


Announce = Callable[[Place], Iterable[str]]
"""Returns the lines of the log that say what clients can do at a place."""


def watching(streams: Mapping[str, Stream]) -> Announce:
    """Return the function that says how to watch some streams."""

    def announce(place: Place) -> Iterator[str]:
        base = place.url("http")
        yield f"watch at {base}"
        for name in streams:
            yield f"or in a player: {base}{name}.mkv"

    return announce


def publishing(streams: Mapping[str, Stream]) -> Announce:
    """Return the function that says how to publish over RTMP."""

    def announce(place: Place) -> Iterator[str]:
        for name, stream in streams.items():
            if stream.config.input.form is Form.PUSH:
                yield f"publish at {place.url('rtmp')}{name}"

    return announce


def managing(place: Place) -> Iterator[str]:
    """Say how to manage."""
    yield f"manage at {place.url('http')}admin"


class Listener(Service):
    """
    One endpoint where clients connect. The log has its URL.

    @ivar text: the endpoint as it was configured.
    @ivar factory: the factory of connections there, such as a site.
    """

    _log = Logger()

    def __init__(self, reactor: Any, text: str, factory: Any, announce: Announce) -> None:
        """
        @param announce: returns the lines of the log when it listens.
        """
        self.text = text
        self.factory = factory
        self.endpoint = Endpoint(reactor, _with_backlog(text))
        self._congestion: str | None = None
        self._announce = announce
        self._asked = False
        self._port: IListeningPort | None = None

    @property
    def host(self) -> Any:
        """The address at which it listens; L{None} until it does."""
        return self._port.getHost() if self._port is not None else None

    def privilegedStartService(self) -> None:
        """Listen while low ports are still allowed."""
        self._asked = True
        self.endpoint.listen(self.factory).addCallbacks(self._listening, self._failed)

    def startService(self) -> None:
        """Listen now, under C{twist}, which knows no privileges."""
        super().startService()
        if not self._asked:
            self.privilegedStartService()

    def stopService(self) -> Deferred[Any] | None:
        """Stop accepting. Clients that are connected stay."""
        super().stopService()
        return self._port.stopListening() if self._port is not None else None

    def congest(self, name: str | None) -> None:
        """
        Give this congestion control to connections that come from now on.

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
        place = Place(where, isinstance(host, UNIXAddress), self.text.startswith("ssl:"))
        for line in self._announce(place):
            self._log.info("{line}", line=line)

    def _failed(self, failure: Any) -> None:
        self._log.error("cannot listen at {text}: {problem}", text=self.text, problem=failure.value)


def _with_backlog(text: str) -> str:
    if text.partition(":")[0] in ("tcp", "tcp6", "ssl") and ":backlog=" not in text:
        return f"{text}:backlog={ACCEPT_BACKLOG}"
    return text


class Listeners:
    """
    The listeners of a server, as the configuration asks for them.

    Each is an endpoint and the factory of connections there.
    """

    def __init__(self, reactor: Any, announcements: Mapping[Any, Announce]) -> None:
        """
        @param announcements: for each factory of connections, what the log says where it is used.
        """
        self._reactor = reactor
        self._announcements = announcements
        self._listeners: list[Listener] = []

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._listeners)

    def __contains__(self, listener: Listener) -> bool:
        return listener in self._listeners

    def at(self, factory: Any) -> tuple[str, ...]:
        """Return the endpoints of a factory, as they were configured."""
        return tuple(one.text for one in self._listeners if one.factory is factory)

    def change(self, wanted: Sequence[tuple[str, Any]]) -> tuple[list[Listener], list[Listener]]:
        """
        Keep the listeners that are wanted, and make those that are missing.

        @return: those that are not wanted any longer, and those that are new.
        """
        missing = list(wanted)
        gone = []
        for listener in self._listeners:
            if (place := (listener.text, listener.factory)) in missing:
                missing.remove(place)
            else:
                gone.append(listener)
        new = [
            Listener(self._reactor, text, factory, self._announcements[factory])
            for text, factory in missing
        ]
        self._listeners = [listener for listener in self._listeners if listener not in gone] + new
        return gone, new

    def congest(self, name: str | None) -> None:
        """
        Give this congestion control to connections that come from now on, at each of them.

        @param name: L{None} is the machine's own.
        """
        for listener in self._listeners:
            listener.congest(name)
