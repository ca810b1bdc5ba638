"""
The end of a pipe at which a program's bytes come out (I{reactor}).
"""

import os
from collections.abc import Callable
from typing import IO, Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure

CHUNK = 1 << 16
"""Bytes of one read: as many as a pipe of the kernel holds."""


class PipeReader(FileDescriptor):
    """Reads from a pipe, in C{doRead}, as the reactor finds that there is something to read."""

    def __init__(
        self,
        reactor: Any,
        file: IO[bytes],
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None] = lambda: None,
        *,
        rest: float = 0.0,
    ) -> None:
        """
        @param file: unbuffered; it is closed at the end.
        @param on_end: called once, when the pipe has ended or has been closed here.
        @param rest: seconds after each read in which nothing is read.
        """
        super().__init__(reactor)
        self._file = file
        self._on_data = on_data
        self._on_end = on_end
        self._clock = reactor
        self._rest = rest
        self._resting: Any = None
        os.set_blocking(file.fileno(), False)
        self.startReading()

    @property
    def is_closed(self) -> bool:
        """Return whether nothing more will come."""
        return self._file.closed

    def fileno(self) -> int:
        """Return the descriptor; -1 when it is closed."""
        return -1 if self._file.closed else self._file.fileno()

    def doRead(self) -> Exception | None:  # noqa: N802 - the interface's name
        """Pass on some of what has come."""
        try:
            data = os.read(self.fileno(), CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        self._on_data(data)
        if self._rest:
            self.stopReading()
            self._resting = self._clock.callLater(self._rest, self.resume)
        return None

    def drain(self) -> None:
        """Pass on what a program has left in the pipe."""
        self._wake()
        self._rest = 0.0
        # The kernel holds less; processes that outlive the program may write on and on.
        for _ in range(4):
            if self.is_closed or self.doRead() is not None:
                return

    def _wake(self) -> None:
        resting, self._resting = self._resting, None
        if resting is not None and resting.active():
            resting.cancel()

    def resume(self) -> None:
        """Read on, if there may be more."""
        if not self.is_closed:
            self.startReading()

    def connectionLost(self, reason: Failure) -> None:
        """Close the descriptor: the pipe has ended."""
        super().connectionLost(reason)
        self.close()

    def close(self) -> None:
        """Close the descriptor: whoever still writes gets SIGPIPE."""
        if not self.is_closed:
            self._wake()
            self.stopReading()
            self._file.close()
            self._on_end()
