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
        """Pass on some of what has come; then rest."""
        ended = self._read()
        if ended is None and self._rest:
            self.stopReading()
            self._resting = self._clock.callLater(self._rest, self.resume)
        return ended

    def _read(self) -> Exception | None:
        """Pass on some of what has come; return why nothing more will, if that is so."""
        try:
            data = os.read(self.fileno(), CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        self._on_data(data)
        return None

    def drain(self) -> None:
        """Pass on what a program has left in the pipe, without a rest."""
        # The kernel holds less; processes that outlive the program may write on and on.
        for _ in range(4):
            if self.is_closed or self._read() is not None:
                return

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
            if self._resting is not None and self._resting.active():
                self._resting.cancel()
            self.stopReading()
            self._file.close()
            self._on_end()
