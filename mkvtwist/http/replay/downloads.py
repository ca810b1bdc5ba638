"""
Clients that are being sent a file, and when they count as gone (I{reactor}).

A player that has paused is not gone, however little it reads: its machine still acknowledges what
the kernel sends. A client is disconnected if its machine acknowledges nothing for its timeout, or
if it reads nothing for as long as a file is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.web.http import Request

from mkvtwist.http.replay.files import KEEP_TIME, ReplayFile
from mkvtwist.http.wire.peer import abort, transport_of
from mkvtwist.net.sockets import UNSENT, Traffic, keep_alive, tcp_socket, traffic


@dataclass(slots=True)
class _Download:
    """
    A client that has not got all of a response yet.

    @ivar sent: bytes that it had taken when that was last looked at.
    @ivar since: when C{sent} last changed.
    @ivar socket: what it is sent through, for L{traffic}.
    @ivar timeout: seconds that its machine may acknowledge nothing; its program may pause longer.
    """

    file: ReplayFile
    sent: int
    since: float
    socket: Any
    timeout: float


class Downloads:
    """The clients that are being sent a file."""

    def __init__(self, clock: Any, ask_kernel: Callable[[Any], Traffic | None] = traffic) -> None:
        """
        @param ask_kernel: tells what the kernel knows of a socket.
        """
        self._clock = clock
        self._ask_kernel = ask_kernel
        self._downloads: dict[Request, _Download] = {}

    def __len__(self) -> int:
        """Return how many clients there are."""
        return len(self._downloads)

    def begin(self, file: ReplayFile, request: Request, timeout: float) -> None:
        """
        Note that a client is being sent a file, until its response has ended.

        @param timeout: seconds that the client's machine may acknowledge nothing.
        """
        transport = transport_of(request)
        keep_alive(transport, UNSENT)  # in place of a bound that ends long pauses
        now = self._clock.seconds()
        self._downloads[request] = _Download(file, 0, now, tcp_socket(transport), timeout)
        file.readers += 1
        request.notifyFinish().addBoth(lambda _: self._end(request))

    def look(self) -> None:
        """Disconnect clients that are gone; note which files are being read."""
        now = self._clock.seconds()
        for request, download in list(self._downloads.items()):
            known = self._ask_kernel(download.socket)
            if known is not None and known.silent >= download.timeout:
                abort(request)
            elif request.sentLength != download.sent:
                download.sent, download.since = request.sentLength, now
                download.file.asked = now
            elif now - download.since >= KEEP_TIME:
                abort(request)

    def _end(self, request: Request) -> None:
        self._downloads.pop(request).file.readers -= 1
