"""
Writes all that a stream carries to a file (I{reactor; the writing in a pool's threads}).

A file holds one header and its Clusters, each whole: it can be played while it grows, and after the
process was killed. A new header begins another file, and no file is ever overwritten: C{film.mkv}
is followed by C{film-2.mkv}. While too much is waiting for the disk, the input waits.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

LIMIT = 8 << 20
"""Bytes that wait for the disk before the input does: a second of the fattest stream."""

RunInThread = Callable[..., Deferred[Any]]


class Recorder:
    """
    One stream's file.

    @ivar failure: why nothing is recorded any more.
    @ivar path: the file that is being written.
    """

    _log = Logger()

    def __init__(self, path: str, run_in_thread: RunInThread, on_room: Callable[[], None]) -> None:
        """
        Nothing is opened before there is something to write.

        @param path: the name of the first file.
        @param run_in_thread: C{deferToThread}, or what stands in for it.
        @param on_room: called when L{full} has become false.
        """
        self._wanted = path
        self._run = run_in_thread
        self._on_room = on_room
        self._file: BinaryIO | None = None
        self._jobs: list[Callable[[], None]] = []
        self._weight = 0
        self._writing: Deferred[None] | None = None
        self._idle: list[Deferred[None]] = []
        self.path: str | None = None
        self.failure: str | None = None

    @property
    def full(self) -> bool:
        """Whether the input has to wait."""
        return self._weight >= LIMIT

    def begin(self, head: bytes) -> None:
        """A new header: a new file."""
        self._add(lambda: self._begin(head), len(head))

    def write(self, data: bytes) -> None:
        """A fragment."""
        self._add(lambda: self._write(data), len(data))

    def close(self) -> Deferred[None]:
        """
        Write the rest, and close the file.

        @return: fires when that is done; never fails.
        """
        self._add(self._close, 0)
        if self._writing is None:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._idle.append(done)
        return done

    def _add(self, job: Callable[[], None], weight: int) -> None:
        if self.failure is not None:
            return
        self._jobs.append(job)
        self._weight += weight
        if self._writing is None:
            self._next()

    def _next(self) -> None:
        jobs, self._jobs = self._jobs, []
        weight = self._weight
        self._writing = self._run(self._do, jobs)
        self._writing.addCallbacks(lambda _: self._done(weight), self._failed)

    def _done(self, weight: int) -> None:
        self._writing = None
        was_full = self.full
        self._weight -= weight
        if self._jobs:
            self._next()
        else:
            idle, self._idle = self._idle, []
            for done in idle:
                done.callback(None)
        if was_full and not self.full:
            self._on_room()

    def _failed(self, failure: Failure) -> None:
        cause = getattr(failure.value, "strerror", None) or failure.value
        self.failure = f"cannot record to {self.path or self._wanted}: {cause}"
        self._log.error("{problem}; the stream goes on without it", problem=self.failure)
        if not failure.check(OSError):
            self._log.failure("recording failed", failure)
        self._jobs.clear()
        if self._file is not None:
            with suppress(OSError):  # it is the disk that has failed, and has been said
                self._file.close()
            self._file = None
        self._done(self._weight)

    # in a thread of the pool

    def _do(self, jobs: list[Callable[[], None]]) -> None:
        for job in jobs:
            job()
        if self._file is not None:
            self._file.flush()  # what is written survives the process

    def _begin(self, head: bytes) -> None:
        self._close()
        self._file, self.path = _create(self._wanted)
        self._log.info("recording to {path}", path=self.path)
        self._file.write(head)

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        self._file.write(data)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _create(wanted: str) -> tuple[BinaryIO, str]:
    """The first file of that name, or that name with a number, that does not exist yet."""
    first = path = Path(wanted)
    number = 1
    while True:
        try:
            return path.open("xb"), str(path)
        except FileExistsError:
            number += 1
            path = first.with_name(f"{first.stem}-{number}{first.suffix}")
