"""
Events of streams and of the server, told to listeners (I{reactor}).

The log is for people; events are for programs: listeners of programs that embed a stream, and
clients of the management interface. Each kind of event is a class; its attributes are fit for JSON,
in which the kind, the stream and the date stand beside it::

    ClientLeft(stream="cam", id=7, ...)
    event.kind        "client left"
    event.details     {"id": 7, "seconds": 61.2, "bytes": 4711, ...}
    event.document    {"stream": "cam", "when": "2026-11-28T21:30:00.000+00:00", "id": 7, ...}
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure


def timestamp(seconds: float) -> str:
    """Return a moment in ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, kw_only=True)
class Event:
    """
    An event of a stream or of the server.

    A kind without attributes of its own is no dataclass of its own: each one takes half a
    millisecond of the start.

    @cvar kind: its name, in words.
    @ivar stream: the stream's name; empty if it concerns no stream, or all of them.
    @ivar when: seconds since the epoch.
    """

    kind: ClassVar[str]

    stream: str = ""
    when: float = field(default_factory=time.time)

    @property
    def details(self) -> Mapping[str, Any]:
        """All other attributes, fit for JSON; without those that are not known."""
        return {
            name: value
            for name, value in vars(self).items()
            if value is not None and name not in ("stream", "when")
        }

    @property
    def document(self) -> dict[str, Any]:
        """The event as JSON has it, but for the kind."""
        return {"stream": self.stream, "when": timestamp(self.when), **self.details}


@dataclass(frozen=True, kw_only=True)
class ClientJoined(Event):
    """
    A client has joined.

    @ivar id: its number, which no other client of this stream has.
    @ivar peer: where it comes from.
    """

    kind = "client joined"

    id: int
    peer: str
    user_agent: str
    format: str


@dataclass(frozen=True, kw_only=True)
class ClientLeft(Event):
    """
    A client has left.

    @ivar seconds: how long it was there.
    @ivar bytes: how many it has taken.
    """

    kind = "client left"

    id: int
    seconds: float
    bytes: int
    skipped_segments: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class InputUp(Event):
    """Packets of the input have begun to come."""

    kind = "input up"

    input: str


@dataclass(frozen=True, kw_only=True)
class InputDown(Event):
    """
    Packets of the input have stopped coming.

    @ivar seconds: how long they came.
    """

    kind = "input down"

    reason: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class FallbackUp(Event):
    """A fallback is shown."""

    kind = "fallback up"

    input: str


@dataclass(frozen=True, kw_only=True)
class FallbackDown(Event):
    """
    A fallback is no longer shown.

    @ivar seconds: how long it was shown.
    """

    kind = "fallback down"

    reason: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TitleChanged(Event):
    """
    Another song is playing, or none.

    @ivar title: empty if none is known.
    @ivar artwork: the URL of its cover.
    """

    kind = "title changed"

    title: str
    artist: str | None = None
    artwork: str | None = None


@dataclass(frozen=True, kw_only=True)
class SenderRefused(Event):
    """
    A sender was refused.

    @ivar peer: where it comes from.
    @ivar status: of the response, over HTTP.
    @ivar input: if the stream itself refused.
    """

    kind = "sender refused"

    peer: str
    status: int | None = None
    input: str | None = None
    reason: str


@dataclass(frozen=True, kw_only=True)
class AddressLockedOut(Event):
    """
    An address has given too many wrong tokens or passwords.

    @ivar peer: the address, or the network of IPv6.
    @ivar seconds: for how long it is locked out at most.
    """

    kind = "locked out"

    peer: str
    reason: str
    seconds: float


class StreamAdded(Event):
    """A stream was added."""

    kind = "stream added"


class StreamRemoved(Event):
    """A stream was removed."""

    kind = "stream removed"


class StreamStarted(Event):
    """A stream was started, for the first time or again."""

    kind = "stream started"


class StreamStopped(Event):
    """A stream was stopped; it can be started again."""

    kind = "stream stopped"


class StreamChanged(Event):
    """The settings of a stream were changed."""

    kind = "stream changed"


class Reloaded(Event):
    """The configuration was read again."""

    kind = "reloaded"


EventListener = Callable[[Event], object]
"""
Called in the reactor's thread when something has happened. It may return a Deferred, which is not
awaited; what it raises is logged and ignored.
"""


class Events:
    """Tells its listeners what happens, in the order in which it does."""

    _log = Logger()

    def __init__(self) -> None:
        self._listeners: list[EventListener] = []

    @property
    def listeners(self) -> int:
        """The number of listeners."""
        return len(self._listeners)

    def subscribe(self, listener: EventListener) -> Callable[[], None]:
        """
        Have a function called with each event from now on, in the reactor's thread.

        @param listener: may return a Deferred, which is not awaited; its errors are logged.
        @return: a function that ends it.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, event: Event) -> None:
        """Tell all listeners of an event."""
        for listener in tuple(self._listeners):
            told = maybeDeferred(listener, event)
            told.addErrback(self._failed, event)

    def _failed(self, why: Failure, event: Event) -> None:
        line = "a listener failed at the event {kind!r} of stream {stream!r}"
        self._log.failure(line, why, kind=event.kind, stream=event.stream)
