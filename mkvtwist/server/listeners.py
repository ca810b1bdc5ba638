"""
Listeners: the places where clients connect (I{reactor}).
"""

import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from mkvtwist.http import LiveSite
from mkvtwist.net.endpoint import Endpoint
from mkvtwist.net.sockets import address, choose_congestion
from mkvtwist.streams.stream import Stream

ACCEPT_BACKLOG = 4096
"""Connections that wait to be accepted, from a crowd in one instant. The kernel may cap it."""


class Listener(Service):
    """
    One endpoint where clients connect. The log has its URL.

    @ivar text: the endpoint as it was configured.
    @ivar site: the site that answers there.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, text: str, site: LiveSite, streams: Mapping[str, Stream] | None
    ) -> None:
        """
        @param streams: the streams that can be watched there; L{None} for the management site.
        """
        self.text = text
        self.site = site
        self.endpoint = Endpoint(reactor, _with_backlog(text))
        self._congestion: str | None = None
        self._streams = streams
        self._asked = False
        self._port: IListeningPort | None = None

    @property
    def host(self) -> Any:
        """The address at which it listens; L{None} until it does."""
        return self._port.getHost() if self._port is not None else None

    def privilegedStartService(self) -> None:
        """Listen while low ports are still allowed."""
        self._asked = True
        self.endpoint.listen(self.site).addCallbacks(self._listening, self._failed)

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
        scheme = "https" if self.text.startswith("ssl:") else "http"
        # A socket in the file system is no part of a URL: curl --unix-socket PATH http://host/
        base = f"unix:{where} /" if isinstance(host, UNIXAddress) else f"{scheme}://{where}/"
        if self._streams is None:
            self._log.info("manage at {base}admin", base=base)
            return
        self._log.info("watch at {base}", base=base)
        for name in self._streams:
            self._log.info("or in a player: {base}{name}.mkv", base=base, name=name)

    def _failed(self, failure: Any) -> None:
        self._log.error("cannot listen at {text}: {problem}", text=self.text, problem=failure.value)


def _with_backlog(text: str) -> str:
    if text.partition(":")[0] in ("tcp", "tcp6", "ssl") and ":backlog=" not in text:
        return f"{text}:backlog={ACCEPT_BACKLOG}"
    return text


class Listeners:
    """
    The listeners of a server, as the configuration asks for them.

    Each is an endpoint and the site that answers there.
    """

    def __init__(self, reactor: Any, public: LiveSite, streams: Mapping[str, Stream]) -> None:
        """
        @param public: the site where clients watch; at others one manages.
        @param streams: the streams that can be watched.
        """
        self._reactor = reactor
        self._public = public
        self._streams = streams
        self._listeners: list[Listener] = []

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._listeners)

    def __contains__(self, listener: Listener) -> bool:
        return listener in self._listeners

    def at(self, site: LiveSite) -> tuple[str, ...]:
        """Return the endpoints of a site, as they were configured."""
        return tuple(listener.text for listener in self._listeners if listener.site is site)

    def change(
        self, wanted: Sequence[tuple[str, LiveSite]]
    ) -> tuple[list[Listener], list[Listener]]:
        """
        Keep the listeners that are wanted, and make those that are missing.

        @return: those that are not wanted any longer, and those that are new.
        """
        missing = list(wanted)
        gone = []
        for listener in self._listeners:
            if (place := (listener.text, listener.site)) in missing:
                missing.remove(place)
            else:
                gone.append(listener)
        new = [
            Listener(self._reactor, text, site, self._streams if site is self._public else None)
            for text, site in missing
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
