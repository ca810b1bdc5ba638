"""
Records a stream to files (I{reactor; the writing in a pool's threads}).

A file holds one header and its Clusters, each whole: it can be played while it grows, and after the
process was killed. A new header begins another file, and so does a keyframe when the file is as
long, or as large, as it is to be. No file is ever overwritten: C{film.mkv} is followed by
C{film-2.mkv}. While too much is waiting for the disk, the input waits.

Times begin near 0 in each file. The lag of a track behind the others shows only with time, so the
first picture stands as much later as the greatest lag so far; in the very first file, before which
nothing was seen, as much as it stands in the stream, up to L{GREATEST_LAG}.

When the disk is full, or its folder gone, what comes is not recorded. Recording is tried again
every L{RETRY_INTERVAL}, with a new file at a keyframe.
"""

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from mkvtwist.config.settings import StreamConfig
from mkvtwist.formats.base import Muxer
from mkvtwist.formats.matroska.clusters import rebased
from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period
from mkvtwist.live.sink import Sink, Surroundings
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.media.packet import SECOND

DISK_BACKLOG = 8 << 20
"""
Bytes that wait for the disk before the input does: a second of the fattest stream. Where that much
is not free, a disk that was full is full still.
"""

RETRY_INTERVAL = 10.0
"""Seconds until recording is tried again after it has failed."""

GREATEST_LAG = 5 * SECOND
"""Microseconds that a track is expected to be behind the others at most."""

RunInThread = Callable[..., Deferred[Any]]


@dataclass(frozen=True, slots=True)
class Files:
    """
    The files to write.

    @ivar pattern: the path of the first one; in its last part, C{strftime}'s words stand for the
        moment at which a file begins.
    @ivar seconds: of media after which another one begins at the next keyframe; 0 for never.
    @ivar size: bytes after which another one begins at the next keyframe; 0 for never.
    """

    pattern: str
    seconds: float = 0.0
    size: int = 0


def create(wanted: str) -> tuple[BinaryIO, str]:
    """Create the first file of a name, or of the name with a number, that does not exist yet."""
    first = path = Path(wanted)
    number = 1
    while True:
        try:
            return path.open("xb"), str(path)
        except FileExistsError:
            number += 1
            path = first.with_name(f"{first.stem}-{number}{first.suffix}")


def free(folder: str) -> int:
    """
    Return how many bytes a folder's disk has room for.

    @raise OSError: if there is no such folder.
    """
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


class Recorder(Sink):
    """
    A sink that writes one stream's files.

    @ivar failure: why nothing is recorded at the moment.
    @ivar path: the file that is being written, or was last.
    """

    def __init__(
        self,
        files: Files,
        run_in_thread: RunInThread,
        on_room: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        date: Callable[[], time.struct_time] = time.localtime,
        *,
        log: Logger | None = None,
        create: Callable[[str], tuple[BinaryIO, str]] = create,
        free: Callable[[str], int] = free,
    ) -> None:
        """
        Nothing is opened before there is something to write.

        @param run_in_thread: C{deferToThread}, or what stands in for it.
        @param on_room: called when L{full} has become false.
        @param clock: seconds, for pauses.
        @param date: the moment at which a file begins, for its name.
        @param log: the stream's.
        @param create: creates a file, and returns it and its path; in a thread.
        @param free: returns how many bytes a folder has room for; in a thread.
        """
        self._files = files
        self._run = run_in_thread
        self._on_room = on_room
        self._clock = clock
        self._date = date
        self._log = log or Logger()
        self._create = create
        self._free = free
        self._file: BinaryIO | None = None
        self._whole = False  # whether the file has a fragment
        self._jobs: list[Callable[[], None]] = []
        self._weight = 0
        self._writing: Deferred[None] | None = None
        self._idle: list[Deferred[None]] = []
        self._muxer: Muxer[Any] | None = None
        self._head = b""
        self._began: int | None = None
        self._base = 0
        self._size = 0
        self._edge: int | None = None
        self._lag = 0
        self._again = 0.0
        self._said = ""
        self.path: str | None = None
        self.failure: str | None = None

    @property
    def full(self) -> bool:
        """Return whether the input has to wait: too many bytes wait for the disk."""
        return self._weight >= DISK_BACKLOG

    def begin(self, period: Period) -> None:
        """Begin another file."""
        self._muxer = period.muxer(period.everything)
        self._head = self._muxer.head
        if self.failure is None:
            self._next_file()

    def append(self, fragment: Fragment) -> None:
        """Write a fragment: to another file, if the one that is open has all that it is to have."""
        assert self._muxer is not None
        data, start, key = self._muxer.render(fragment.packets), fragment.start, fragment.decodable
        known = self._edge is not None
        edge = start if self._edge is None else self._edge
        self._lag = min(GREATEST_LAG, max(self._lag, edge - start))
        self._edge = max(edge, start)
        if self.failure is not None:
            if key and self._clock() >= self._again:
                self._try_again()
            else:
                return
        elif key and self._is_due(start):
            self._next_file()
        if self._began is None:
            self._began = start
            self._base = max(0, start - (self._lag if known else GREATEST_LAG))
        self._size += len(data)
        base = self._base
        self._add(lambda: self._write(data, base), len(data))

    def _is_due(self, start: int) -> bool:
        """Return whether the file has all that it is to have."""
        files = self._files
        if self._began is None:
            return False
        too_long = files.seconds and start - self._began >= files.seconds * SECOND
        return bool(too_long or (files.size and self._size >= files.size))

    def _next_file(self) -> None:
        head = self._head
        self._began, self._size = None, len(head)
        self._add(lambda: self._begin(head), len(head))

    def _try_again(self) -> None:
        self.failure = None
        self._jobs.append(self._look_for_room)
        self._next_file()

    def end(self, *, for_good: bool) -> Deferred[None]:
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
        if self.failure is None:
            self._said = ""
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
        self.failure = f"cannot record to {self.path or self._files.pattern}: {cause}"
        self._again = self._clock() + RETRY_INTERVAL
        if self._said != str(cause):
            self._log.error(
                "{problem}; the stream goes on without it, and it is tried again every {pause:g} s",
                problem=self.failure,
                pause=RETRY_INTERVAL,
            )
        self._said = str(cause)
        if not failure.check(OSError):
            self._log.failure("recording failed", failure)
        self._jobs.clear()
        self._done(self._weight)

    # in a thread of the pool

    def _do(self, jobs: list[Callable[[], None]]) -> None:
        try:
            for job in jobs:
                job()
            if self._file is not None:
                self._file.flush()  # what is written survives the process
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """Close the file, since the disk has failed; remove it if there is nothing in it."""
        if self._file is None:
            return
        with suppress(OSError):
            self._file.close()
        self._file = None
        if not self._whole and self.path is not None:
            with suppress(OSError):
                os.unlink(self.path)

    def _look_for_room(self) -> None:
        """
        Check that the disk has room for more than a moment.

        @raise OSError: if the disk is as good as full: what little there is would be taken by files
            of a moment each.
        """
        if self._free(os.path.dirname(self._files.pattern) or ".") < DISK_BACKLOG:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _begin(self, head: bytes) -> None:
        self._close()
        folder, name = os.path.split(self._files.pattern)
        self._file, self.path = self._create(
            os.path.join(folder, time.strftime(name, self._date()))
        )
        self._whole = False
        self._log.info("recording to {path}", path=self.path)
        self._file.write(head)

    def _write(self, data: bytes, base: int) -> None:
        assert self._file is not None
        self._file.write(rebased(data, base) if base else data)
        self._file.flush()
        self._whole = True

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def recorder(config: StreamConfig, around: Surroundings) -> Recorder | None:
    """Return the recorder of a stream; L{None} if nothing is to be recorded."""
    if config.record is None:
        return None
    return Recorder(
        Files(os.path.abspath(config.record), config.record_seconds, config.record_bytes),
        around.run_in_thread,
        around.on_room,
        around.reactor.seconds,
        log=StreamLog(config.name, __name__),
    )
