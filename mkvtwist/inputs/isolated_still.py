"""
A still that is made in a process of its own (I{reactor}).
"""

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from mkvtwist.inputs.workers import Workers, describe_exit
from mkvtwist.libav.still import NoStill
from mkvtwist.libav.wire import (
    MESSAGE_LIMIT,
    Confined,
    Decoder,
    Logged,
    Still,
    StillFailed,
    StillTask,
    WireError,
    encode,
)
from mkvtwist.media.printable import printable, printable_lines

DECODING_TIME = 10.0
"""Seconds that a worker may decode; then it is killed."""

PICTURE_LIMIT = 4 << 20
"""Bytes of a still: it is a preview, and has some 100 kB."""


def isolated_still(workers: Workers, media: bytes) -> Deferred[bytes]:
    """
    Have a still made.

    @param media: as for L{mkvtwist.libav.still.jpeg}.
    @return: fires with the picture; fails with L{NoStill}.
    """
    made: Deferred[bytes] = Deferred()
    if len(media) > MESSAGE_LIMIT:
        made.errback(NoStill("the picture is too large"))
        return made
    mine, theirs = socket.socketpair()
    mine.setblocking(False)
    conversation = _Conversation(workers, media, made)
    descriptor = theirs.detach()
    try:
        conversation.begin(descriptor)
    except OSError as error:
        os.close(descriptor)
        made.errback(NoStill("it cannot be decoded", f"no process: {error.strerror}"))
    else:
        factory = Factory.forProtocol(lambda: conversation)
        workers.reactor.adoptStreamConnection(mine.fileno(), socket.AF_UNIX, factory)
    mine.close()
    return made


class _Conversation(Protocol):
    """A worker that makes a still."""

    transport: Any

    def __init__(self, workers: Workers, media: bytes, made: Deferred[bytes]) -> None:
        self._workers = workers
        self._media = media
        self._made: Deferred[bytes] | None = made
        self._decoder = Decoder()
        self._size = 0
        self._problem: str | None = None
        self._is_lost = False
        self._kill: Callable[[], None] = lambda: None
        self._late: Any = None

    def begin(self, descriptor: int) -> None:
        """
        Have a worker forked.

        @param descriptor: the worker's end.
        @raise OSError: when that is not possible.
        """
        self._kill = self._workers.fork(self, [descriptor])
        self._late = self._workers.reactor.callLater(DECODING_TIME, self._kill)

    def connectionMade(self) -> None:
        """Send the media of which the still is made."""
        for piece in encode(StillTask(self._media)):
            self.transport.write(piece)
        self._media = b""

    def dataReceived(self, data: bytes) -> None:
        """Take the worker's messages, of which the picture is one."""
        self._size += len(data)
        if self._size > PICTURE_LIMIT:
            self._settle(NoStill("it cannot be decoded", "the still is too large"))
            self._kill()
            return
        try:
            for message in self._decoder.feed(data):
                if isinstance(message, Still):
                    self._settle(message.picture)
                elif isinstance(message, Confined):
                    self._workers.confined(message.by)
                elif isinstance(message, Logged) and self._made is not None:
                    text = printable_lines(message.text)
                    self._workers.log.error("a still: {text}", text=text)
                    self._settle(NoStill("it cannot be decoded", "an error in mkvtwist"))
                elif isinstance(message, StillFailed):
                    self._settle(NoStill(printable(message.reason), printable(message.detail)))
        except WireError as error:
            self._settle(NoStill("it cannot be decoded", str(error)))
            self._kill()

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        """Note that the process has nothing more to send."""
        self._is_lost = True
        self._end()

    def exited(self, status: int, reason: str) -> None:
        """Note that the process has ended."""
        self._workers.gone(self)
        if self._late.active():
            self._late.cancel()
        self._problem = reason or describe_exit(status)
        self._end()

    def _end(self) -> None:
        """Report a process that has ended without a result."""
        if self._is_lost and self._problem is not None:
            self._settle(NoStill("it cannot be decoded", self._problem))

    def _settle(self, result: bytes | NoStill) -> None:
        made, self._made = self._made, None
        if made is None:
            return
        if isinstance(result, NoStill):
            made.errback(result)
        else:
            made.callback(result)
