"""Stand-ins for what surrounds the code under test, each held to its interface; made-up media."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProducer
from twisted.internet.protocol import Factory
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    LogPublisher,
    formatEvent,
    globalLogPublisher,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.choice import NoTrack, Unfit
from mkvtwist.formats.matroska.ebml import elements
from mkvtwist.formats.mp4.head import CODECS
from mkvtwist.live.client import IResponse, Progress
from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period
from mkvtwist.live.sink import Sink
from mkvtwist.media.packet import SECOND, Packet, Track
from mkvtwist.testing import Reactor, header


class ListeningSocket:
    """
    A socket that listens, of a kernel that lacks the congestion control C{gone}.

    @ivar chosen: the congestion controls that were set.
    """

    family = socket.AF_INET

    def __init__(self) -> None:
        self.chosen: list[str] = []

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        """
        Remember the congestion control.

        @raise OSError: if the kernel lacks it.
        """
        if value == b"gone":
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        self.chosen.append(value.decode())


@implementer(IListeningPort)
class ListeningPort:
    """
    A port of a L{PortReactor}.

    @ivar socket: its socket.
    @ivar freed: fires when the port is free again; L{None} if it is at once.
    """

    def __init__(self, host: IAddress) -> None:
        self.socket = ListeningSocket()
        self.freed: Deferred[None] | None = None
        self._host = host

    def startListening(self) -> None:  # noqa: N802 - the interface's names, here and below
        """Listen, as it does from its beginning."""

    def stopListening(self) -> Deferred[None] | None:  # noqa: N802
        """Stop; the port is free when the test says so."""
        return self.freed

    def getHost(self) -> IAddress:  # noqa: N802
        """Return where it listens."""
        return self._host


class PortReactor(Reactor):
    """
    A reactor whose ports the test knows.

    @ivar ports: all of them, in the order in which they began to listen.
    @ivar is_taken: whether somebody else listens at each port.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[ListeningPort] = []
        self.is_taken = False

    def listenTCP(
        self, port: int, factory: Factory, backlog: int = 50, interface: str = ""
    ) -> ListeningPort:
        """
        Listen.

        @raise CannotListenError: if the port is taken.
        """
        if self.is_taken:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        made = ListeningPort(super().listenTCP(port, factory, backlog, interface).getHost())
        self.ports.append(made)
        return made


@implementer(IResponse)
class Response:
    """
    A response whose client reads when it is told to.

    @ivar room: how many bytes it takes from now on before it is full.
    @ivar data: what has been written.
    @ivar taken: how much of it the client has.
    @ivar held: how much the operating system would hold of that.
    @ivar patience: for how long its machine may acknowledge nothing, if that has been said.
    @ivar writes: the sizes of the pieces in which it was.
    """

    def __init__(self, room: float = float("inf")) -> None:
        self.room = room
        self.data = b""
        self.taken = self.offered = self.held = 0
        self.patience: float | None = None
        self.writes: list[int] = []
        self.tracks: Sequence[Track] | None = None
        self.producer: Any = None
        self.paused = False
        self.refused: Unfit | NoTrack | None = None
        self.finished = False
        self.aborted = False

    def begin(self, tracks: Sequence[Track]) -> None:
        """Once, before everything else."""
        assert self.tracks is None, "begun twice"
        self.tracks = tracks

    def refuse(self, problem: Unfit | NoTrack) -> None:
        """Once, and nothing else."""
        assert self.tracks is None, "begun already"
        assert not self.finished
        self.refused = problem

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        """Take it; pause the producer when there is no more room."""
        assert self.tracks is not None, "written before it has begun"
        assert data, "nothing written"
        self._add(data)

    def _add(self, data: bytes) -> None:
        assert not self.paused, "written while it is paused"
        assert not (self.finished or self.aborted), "written after its end"
        self.data += data
        self.writes.append(len(data))
        taken = int(min(len(data), self.room))
        self.taken += taken
        self.room -= taken
        if len(self.data) > self.taken:
            self.paused = True
            self.producer.pauseProducing()

    @property
    def sent(self) -> int:
        """What the client has taken, but for what was offered: that is the publisher's count."""
        return self.taken - self.offered

    def progress(self) -> Progress:
        """What was taken, the client has; what is held is as the test says."""
        return Progress(self.taken, self.held)

    def attend(self, seconds: float) -> None:
        self.patience = seconds

    def offer(self, data: bytes) -> int:
        """Take what there is room for; the rest must be kept."""
        taken = int(min(len(data), self.room))
        self._add(data[:taken])
        self.offered += len(data)
        return taken

    def keep(self, rest: memoryview) -> None:
        assert rest, "nothing kept"
        self._add(bytes(rest))

    def read(self, room: float = float("inf")) -> None:
        """The client takes all that was written, and so many bytes more."""
        self.taken, self.room = len(self.data), room
        if self.paused:
            self.paused = False
            if self.producer is not None:
                self.producer.resumeProducing()

    def trickle(self, size: int = 1) -> None:
        """The client takes a little of what was written."""
        assert self.taken + size < len(self.data)
        self.taken += size

    def finish(self) -> None:
        assert not (self.finished or self.aborted), "ended twice"
        assert self.taken == len(self.data), "finished before all was sent"
        self.finished = True

    def abort(self) -> None:
        assert not (self.finished or self.aborted), "ended twice"
        self.aborted = True

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.finished or self.aborted

    @property
    def blocks(self) -> list[Block]:
        """What a player would find in it."""
        return blocks(self.data)


@implementer(ILogObserver)
class Log:
    """
    What is logged during a test, as a reader of the log sees it.

    @ivar lines: all lines.
    @ivar errors: those that an operator is to look at.
    """

    def __init__(self, case: SynchronousTestCase, publisher: LogPublisher | None = None) -> None:
        self.lines: list[str] = []
        self.errors: list[str] = []
        publisher = publisher or globalLogPublisher
        publisher.addObserver(self)
        case.addCleanup(publisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        line = formatEvent(event)
        self.lines.append(line)
        if event["log_level"] in (LogLevel.error, LogLevel.critical):
            self.errors.append(line)

    def about(self, text: str) -> list[str]:
        """The lines that have this text in them."""
        return [line for line in self.lines if text in line]

    def clear(self) -> None:
        """Forget what has been said so far."""
        self.lines.clear()


class Kept(Sink):
    """
    A sink that keeps it all as Matroska, and is full when it is told to be.

    @ivar begins: when the fragments start with which a file could begin, in microseconds.
    """

    full = False

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.data = b""
        self.begins: list[int] = []
        self._muxer: Muxer[Any] | None = None

    def begin(self, period: Period) -> None:
        """Keep the header."""
        self._muxer = period.muxer(period.everything)
        self.heads.append(self._muxer.head)

    def append(self, fragment: Fragment) -> None:
        """Keep the fragment."""
        assert self._muxer is not None, "appended before it has begun"
        self.data += self._muxer.render(fragment.packets)
        self.begins += [fragment.start] if fragment.decodable else []


# -- Media --------------------------------------------------------------------


class Block(NamedTuple):
    """A SimpleBlock as it is found in what a client got; C{time} in milliseconds."""

    track: int
    time: int
    key: bool
    data: bytes


def blocks(data: bytes) -> list[Block]:
    """
    The blocks of all Clusters; other elements are passed over.

    @raise MatroskaError: when it is not whole.
    """
    found = []
    for top in elements(data, 0, len(data)):
        if top.id != 0x1F43B675:
            continue
        base = 0
        for part in elements(data, top.start, top.end):
            body = data[part.start : part.end]
            if part.id == 0xE7:
                base = int.from_bytes(body, "big")
            elif part.id == 0xA3:
                offset = int.from_bytes(body[1:3], "big", signed=True)
                key = bool(body[3] & 0x80)
                found.append(Block(body[0] & 0x7F, base + offset, key, body[4:]))
    return found


def sent(packets: Sequence[Packet], since: float = 0.0) -> list[Block]:
    """These packets as a client gets them, from one second on."""
    return [
        Block(p.track, p.pts // 1000, p.key, p.data) for p in packets if p.dts >= since * SECOND
    ]


# -- HTTP ---------------------------------------------------------------------


class Answer(NamedTuple):
    """One HTTP response; the names of its headers in lower case."""

    version: str
    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool
    """Whether it has said that this is all; without a length the end of the connection does."""
    rest: bytes
    """What follows it on the connection."""

    @property
    def text(self) -> str:
        """The body, in words."""
        return self.body.decode()


def answer(data: bytes, method: str = "GET") -> Answer:
    """
    The first response in what came over a connection.

    @raise ValueError: when it, or the framing of its chunks, is not what RFC 9112 says.
    """
    start, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        raise ValueError(f"no whole head: {data!r}")
    first, *lines = start.decode("latin-1").split("\r\n")
    version, status, _ = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key, value = name.lower(), value.strip()
        if key == "www-authenticate" and key in headers:  # the one that may be a list of lines
            value = f"{headers.pop(key)}, {value}"
        if not colon or key in headers:
            raise ValueError(f"not one header: {line!r}")
        headers[key] = value
    code = int(status)
    if method == "HEAD" or code in (204, 304):
        return Answer(version, code, headers, b"", True, rest)
    if headers.get("transfer-encoding") == "chunked":
        body, complete, rest = _dechunked(rest)
        return Answer(version, code, headers, body, complete, rest)
    if (length := headers.get("content-length")) is not None:
        body, rest = rest[: int(length)], rest[int(length) :]
        return Answer(version, code, headers, body, len(body) == int(length), rest)
    return Answer(version, code, headers, rest, False, b"")


def _dechunked(data: bytes) -> tuple[bytes, bool, bytes]:
    """What the chunks hold, whether the last one has come, and what follows it."""
    body = []
    at = 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end], 16)
        chunk = data[end + 2 : end + 2 + size]
        body.append(chunk)
        after = data[end + 2 + size : end + 4 + size]
        if len(after) < 2:
            return b"".join(body), False, b""
        if after != b"\r\n":
            raise ValueError(f"a chunk of {size} bytes ends in {after!r}")
        at = end + 4 + size
        if size == 0:
            return b"".join(body), True, data[at:]
    return b"".join(body), False, data[at:]


def in_mp4(track: Track) -> Track:
    """A track as one that MP4 has a place for, if its codec has one."""
    if track.codec not in CODECS:
        return track
    return replace(track, mp4_head=f"{track.codec} {track.width}".encode())


def head(*tracks: Track) -> bytes:
    """The bytes of L{header}."""
    return header(*tracks).matroska_head
