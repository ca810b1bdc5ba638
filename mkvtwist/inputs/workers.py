"""
The processes that read inputs: the server's zygote, which forks a worker for each (I{reactor}).

The zygote is started with the first stream that has its input read in a process, and again if it
has ended too early; then its workers end with it, as if each had crashed.
"""

import os
import re
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mkvtwist.inputs.signal_names import signal_name
from mkvtwist.libav.confinement import CONFINED_BY
from mkvtwist.libav.zygote_messages import (
    EXITED,
    FAILED,
    FORK,
    FORKED,
    KILL,
    MESSAGE_SIZE,
    READY,
    REPORT,
    REQUEST,
)

STOP_PATIENCE = 1.0
"""Seconds that a server that ends waits for its workers; then they end with their zygote."""

REPORTS = 64
"""Reports that are taken in one turn of the reactor."""

BUFFER_SIZE = 1 << 18
"""Bytes of one read from a worker: more than a socket of the kernel's default size holds."""

REAP_INTERVAL, REAPS = 0.1, 50
"""
Seconds between two looks for the end of inherited workers, and how many there are: the kernel kills
a worker with its zygote, at once unless it waits for a disk.
"""

COMMAND = (sys.executable, "-P", "-m", "mkvtwist.libav.zygote")
"""The zygote, as a program; the descriptor of its socket follows."""


PASSED_ON = re.compile(
    r"PATH|HOME|TZ|LANG|LANGUAGE|LC_\w+|LD_\w+|PYTHON\w+|MALLOC_\w+|GLIBC_TUNABLES"
    r"|SSL_CERT_(FILE|DIR)|(http|no)_proxy|RES_OPTIONS|LOCALDOMAIN"
)
"""
Names of environment variables that workers get: those of Python, the C library, TLS and proxies.
Others may hold passwords, which a worker that media have taken over could read.
"""


class WorkerOwner(Protocol):
    """The interface of an object for which a worker works."""

    def exited(self, status: int, reason: str) -> None:
        """
        Take note that the worker has ended, and was waited for; called once.

        @param status: as of C{os.waitstatus_to_exitcode}.
        @param reason: the cause, if the status does not tell it; else empty.
        """


def describe_exit(status: int) -> str:
    """Return how a process has ended, in words."""
    if status >= 0:
        return f"its process has ended before the input, with status {status}"
    return f"its process was ended by signal {signal_name(-status)}"


def start_zygote(
    descriptor: int, environ: Mapping[str, str] = os.environ
) -> "subprocess.Popen[bytes]":
    """
    Start the zygote, with this descriptor, the paths of this process, and L{PASSED_ON}.

    @raise OSError: when the system starts no process.
    """
    passed_on = {name: value for name, value in environ.items() if PASSED_ON.fullmatch(name)}
    passed_on["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(  # noqa: S603 - nothing of it comes from elsewhere
        [*COMMAND, str(descriptor)],
        pass_fds=[descriptor],
        env=passed_on,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


@implementer(IReadWriteDescriptor)
class ZygoteConnection:
    """
    A zygote, and the socket to it.

    @ivar pid: its process.
    @ivar workers: the processes of its workers, by their numbers.
    """

    def __init__(
        self,
        reactor: Any,
        on_lost: Callable[["ZygoteConnection"], None],
        start: Callable[[int], "subprocess.Popen[bytes]"] = start_zygote,
    ) -> None:
        """
        @param on_lost: called when the zygote has ended.
        @raise OSError: when it cannot be started.
        """
        self._reactor = reactor
        self._on_lost = on_lost
        self.workers: dict[int, int] = {}
        self._owners: dict[int, WorkerOwner] = {}
        self._next = 0
        self._unsent: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = start(other.fileno())
        except BaseException:
            self._socket.close()
            raise
        finally:
            other.close()
        self.pid = self._process.pid
        self._socket.setblocking(False)
        reactor.addReader(self)

    def fork(self, owner: WorkerOwner, descriptors: Iterable[int]) -> int:
        """
        Have a worker forked.

        @param descriptors: the worker's; they are closed here once they are on their way.
        @return: the worker's number, for L{kill}.
        """
        self._next += 1
        self._owners[self._next] = owner
        self._send(REQUEST.pack(FORK, self._next), *descriptors)
        return self._next

    def kill(self, worker: int) -> None:
        """End a worker, unless it has ended."""
        if worker in self._owners:
            self._send(REQUEST.pack(KILL, worker))

    def close(self) -> None:
        """End the zygote, and its workers with it."""
        self.connectionLost(Failure(ConnectionResetError()))

    def _send(self, message: bytes, *descriptors: int) -> None:
        self._unsent.append((message, descriptors))
        self.doWrite()

    # IReadWriteDescriptor

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - the interface's names, here and below
        """Return the socket's name in the reactor's log."""
        return "zygote"

    def doWrite(self) -> None:  # noqa: N802
        """Send as many messages as the socket takes."""
        while self._unsent:
            message, descriptors = self._unsent[0]
            try:
                socket.send_fds(self._socket, [message], descriptors)
            except BlockingIOError:
                self._reactor.addWriter(self)
                return
            except OSError:  # the zygote has ended, which doRead finds
                pass
            self._unsent.popleft()
            for descriptor in descriptors:
                os.close(descriptor)
        self._reactor.removeWriter(self)

    def doRead(self) -> Failure | None:  # noqa: N802
        """Take the reports of the zygote."""
        for _ in range(REPORTS):
            try:
                message = self._socket.recv(MESSAGE_SIZE)
            except BlockingIOError:
                return None
            except OSError as error:
                return Failure(error)
            if len(message) != REPORT.size:
                return Failure(ConnectionResetError())
            self._take(*REPORT.unpack(message))
        return None

    def _take(self, what: int, worker: int, number: int) -> None:
        if what == READY:
            return
        if what == FORKED:
            self.workers[worker] = number
            return
        self.workers.pop(worker, None)
        owner = self._owners.pop(worker, None)
        if owner is None:
            return
        if what == EXITED:
            owner.exited(number, "")
        elif what == FAILED:
            owner.exited(1, f"no process can be made: {os.strerror(number)}")

    def connectionLost(self, reason: Failure) -> None:
        """Note that the zygote has ended."""
        if self._socket.fileno() < 0:
            return
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._socket.close()
        for _, descriptors in self._unsent:
            for descriptor in descriptors:
                os.close(descriptor)
        self._unsent.clear()
        self._process.kill()
        self._process.wait()
        self._reap(list(self.workers.values()), REAPS)
        self._on_lost(self)
        owners, self._owners = self._owners, {}
        for owner in owners.values():
            owner.exited(-9, "the process that it was forked from has ended")

    def _reap(self, pids: list[int], looks: int) -> None:
        """
        Wait for workers that have no zygote any more.

        They become children of the first process, which waits for them; in a container that is
        often the server itself.
        """
        left = [pid for pid in pids if not _has_gone(pid)]
        if left and looks:
            self._reactor.callLater(REAP_INTERVAL, self._reap, left, looks - 1)


def _has_gone(pid: int) -> bool:
    """Return whether a process has ended, or is no child of this one."""
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


class Workers(Service):
    """
    The workers of a server.

    @ivar confined_by: the parts of the kernel that confine them; L{None} before the first worker.
    @ivar buffer: what has just been read from a worker, until it has been decoded; one for all,
        since a new one for each read costs more than the read.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        start: Callable[[int], "subprocess.Popen[bytes]"] = start_zygote,
    ) -> None:
        """
        @param start: starts a zygote with a descriptor.
        """
        self.reactor = reactor
        self.confined_by: tuple[str, ...] | None = None
        self._missing: set[str] = set()  # means whose lack has been logged
        self.buffer = memoryview(bytearray(BUFFER_SIZE))
        self._start = start
        self._zygote: ZygoteConnection | None = None
        self._owners: set[WorkerOwner] = set()
        self._idle: Deferred[None] | None = None

    @property
    def zygote_pid(self) -> int | None:
        """The process that forks workers, if there is one."""
        return self._zygote.pid if self._zygote is not None else None

    @property
    def pids(self) -> list[int]:
        """The processes of the workers that have been forked, the oldest first."""
        return list(self._zygote.workers.values()) if self._zygote is not None else []

    def fork(self, owner: WorkerOwner, descriptors: Iterable[int]) -> Callable[[], None]:
        """
        Have a worker forked.

        @param descriptors: the worker's: of its owner's socket, and of its media. They are closed.
        @return: ends the worker by force.
        @raise OSError: when there is no zygote, and none can be started.
        """
        zygote = self._zygote = self._zygote or self._start_zygote()
        self._owners.add(owner)
        worker = zygote.fork(owner, descriptors)
        return lambda: zygote.kill(worker)

    def prepare(self) -> None:
        """Start the zygote, so that the first worker does not have to wait for it."""
        with suppress(OSError):  # the first worker tries again, and reports the error
            self._zygote = self._zygote or self._start_zygote()

    def _start_zygote(self) -> ZygoteConnection:
        return ZygoteConnection(self.reactor, self._lost, self._start)

    def gone(self, owner: WorkerOwner) -> None:
        """Take note that a worker has ended."""
        self._owners.discard(owner)
        idle = self._idle
        if idle is not None and not self._owners:
            self._idle = None
            idle.callback(None)

    def confined(self, by: tuple[str, ...]) -> None:
        """Take note of the parts of the kernel that confine a worker; log a missing one, once."""
        self.confined_by = tuple(name for name in CONFINED_BY if name in by)
        for name in CONFINED_BY:
            if name not in by and name not in self._missing:
                self._missing.add(name)
                self.log.warn(
                    "inputs are read in processes of their own, but without {name}: the kernel"
                    " does not offer it, or a filter of the service forbids it. Media that"
                    " exploit a flaw in FFmpeg's libraries reach more of this machine",
                    name=name,
                )

    def stopService(self) -> Deferred[None]:
        """
        End the zygote.

        @return: fires when the workers have ended.
        """
        super().stopService()
        idle: Deferred[None] = Deferred()
        if not self._owners:
            idle.callback(None)
        else:
            self._idle = idle
            late = self.reactor.callLater(STOP_PATIENCE, self._close)
            idle.addCallback(lambda _: late.active() and late.cancel())
        return idle.addCallback(lambda _: self._close())

    def _close(self) -> None:
        if self._zygote is not None:
            self._zygote.close()

    def _lost(self, zygote: ZygoteConnection) -> None:
        self._zygote = None
        if self.running:
            self.log.error(
                "the process that starts the readers of inputs has ended, and every reader with"
                " it; another one is started"
            )
