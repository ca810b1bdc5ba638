"""
Delivery of shared bytes to one client (I{reactor}).
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.web.http import Request
from zope.interface import implementer

from mkvtwist.http.wire.peer import abort

SLICE = 64 << 10
"""Bytes that are handed to the transport at once: as much as it holds before it says stop."""

Body = Sequence[bytes | memoryview]
"""A body, some bytes after the other."""


@implementer(IPushProducer)
class Delivery:
    """
    The delivery of a body: bytes that a slow client has not taken are in no buffer of its own.

    A client that takes nothing for too long is disconnected.
    """

    def __init__(
        self,
        reactor: Any,
        request: Request,
        body: Body,
        *,
        timeout: float,
        served: Callable[[int], None],
    ) -> None:
        """
        @param timeout: seconds for which a client may take nothing.
        @param served: called with how many bytes have been handed to the transport.
        """
        self._reactor = reactor
        self._request = request
        self._rest = deque(memoryview(some) for some in body)
        self._left = sum(map(len, self._rest))
        self._seconds = timeout
        self._served = served
        self._paused = False
        self._timeout: IDelayedCall | None = None

    def begin(self) -> None:
        """Begin to send."""
        if self._left <= SLICE:
            self._write()
            self._request.finish()
            return
        self._request.notifyFinish().addBoth(lambda _: self._stop_waiting())
        self._request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        self._stop_waiting()
        while self._left and not self._paused:
            self._write()
        if not self._left:
            self._request.unregisterProducer()
            self._request.finish()

    def _write(self) -> None:
        """
        Hand over one slice. It is more than the transport holds, if there is more: each time that
        the transport says stop costs as much as a small request.
        """
        taken, size = [], 0
        while self._rest and size < SLICE:
            some = self._rest.popleft()
            if len(some) > SLICE:
                self._rest.appendleft(some[SLICE:])
                some = some[:SLICE]
            taken.append(some)
            size += len(some)
        self._left -= size
        self._served(size)
        self._request.write(b"".join(taken))

    def pauseProducing(self) -> None:
        self._paused = True
        if self._timeout is None:
            self._timeout = self._reactor.callLater(self._seconds, self._abort)

    def stopProducing(self) -> None:
        self._rest.clear()
        self._left = 0
        self._paused = True

    def _abort(self) -> None:
        self._timeout = None
        abort(self._request)

    def _stop_waiting(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
