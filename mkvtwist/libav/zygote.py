"""
The process that forks workers: everything is loaded once, and each worker begins with it
(I{process}).

The server starts it, as C{python -m mkvtwist.libav.zygote DESCRIPTOR}, and it ends with the server.
Over the descriptor go the messages of L{mkvtwist.libav.zygote_messages}.
"""

import encodings
import gc
import importlib
import os
import pkgutil
import select
import signal
import socket
import sys
from contextlib import suppress
from io import BytesIO
from typing import NoReturn

import av

import mkvtwist.libav
from mkvtwist.config.input import Form, Input
from mkvtwist.libav import Event, Pace, Reader, set_up
from mkvtwist.libav.confinement import NICENESS, Kernel, die_with_parent
from mkvtwist.libav.still import NoStill, jpeg
from mkvtwist.libav.worker import work
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
from mkvtwist.media.packet import Packet
from mkvtwist.media.timeline import Timeline

ENDURED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""
Signals for the server, which a terminal and systemd send to all processes of a service. The server
decides when its workers end; zygote and workers end with the server in any case.
"""


class Zygote:
    """Forks workers, and reports how they end."""

    def __init__(self, server: socket.socket, kernel: Kernel | None = None) -> None:
        """
        @param server: the socket to the server.
        """
        self._server = server
        self._kernel = kernel or Kernel()
        self._poll = select.poll()
        self._poll.register(server, select.POLLIN)
        self._workers: dict[int, tuple[int, int]] = {}  # by their pidfds: pid, id

    def run(self) -> None:
        """Work until the server is gone."""
        self._report(READY, os.getpid(), 0)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._workers:
                    self._reap(descriptor)
                elif not self._obey():
                    return

    def _obey(self) -> bool:
        """Follow an order of the server; return whether the server is still there."""
        message, descriptors, _, _ = socket.recv_fds(self._server, MESSAGE_SIZE, 2)
        if not message:
            return False
        what, id_ = REQUEST.unpack(message)
        if what == FORK:
            try:
                self._fork(id_, descriptors)
            except OSError as error:
                self._report(FAILED, id_, error.errno or 0)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
        elif what == KILL:
            for pid, other in self._workers.values():
                if other == id_:  # the worker has not been reaped: the pid is still its own
                    os.kill(pid, signal.SIGKILL)
        return True

    def _fork(self, id_: int, descriptors: list[int]) -> None:
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            self._become_worker(descriptors, parent)
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        self._workers[pidfd] = pid, id_
        self._poll.register(pidfd, select.POLLIN)
        self._report(FORKED, id_, pid)

    def _become_worker(self, descriptors: list[int], parent: int) -> NoReturn:
        """In the new process: work, and end."""
        status = 1
        try:
            die_with_parent(self._kernel)
            if os.getppid() != parent:  # the zygote had ended before that
                os._exit(status)
            # The server's log takes no raw bytes of a worker that media have taken over.
            os.dup2(0, 2)
            begin_session()
            close_others({0, 1, 2, *descriptors})
            owner, media = (*descriptors, None)[:2]
            work(socket.socket(fileno=owner), media)
            status = 0
        finally:
            os._exit(status)  # nothing of the zygote may run in here

    def _reap(self, pidfd: int) -> None:
        self._poll.unregister(pidfd)
        os.close(pidfd)
        pid, id_ = self._workers.pop(pidfd)
        _, status = os.waitpid(pid, 0)
        self._report(EXITED, id_, os.waitstatus_to_exitcode(status))

    def _report(self, what: int, id_: int, number: int) -> None:
        with suppress(OSError):  # the server is gone: the next look says so
            self._server.send(REPORT.pack(what, id_, number))


def begin_session() -> None:
    """
    Give this process a session of its own.

    Kernels with autogroup share a busy processor among sessions, whatever the niceness within: all
    workers in one session would get no more together than any other program, and each in one of its
    own counts as much as the server, unless its session is less important.
    """
    os.setsid()
    with suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write(str(NICENESS))


def close_others(kept: set[int]) -> None:
    """Close all descriptors but these."""
    try:
        there = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:  # no /proc: every descriptor that there could be, perhaps a million
        there = [*range(os.sysconf("SC_OPEN_MAX"))]
    for descriptor in {*there} - kept:
        with suppress(OSError):
            os.close(descriptor)


class _Few:
    """An outlet that wants a few packets only."""

    def __init__(self) -> None:
        self._left = 4

    def put(self, event: Event, weight: int) -> bool:
        self._left -= isinstance(event, Packet)
        return self._left > 0

    def close(self) -> None:
        pass


def load() -> None:
    """
    Load all modules that a worker may need. A worker cannot load them later, since it may open no
    file; the error would look as if the media could not be read.
    """
    for package in (av, mkvtwist.libav, encodings):  # texts of media may have any characters
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "__main__" not in found.name and found.name not in _NOT_LOADED:
                with suppress(ImportError):
                    importlib.import_module(found.name)
    for name in _LATE:
        with suppress(ImportError):
            importlib.import_module(name)
    set_up()
    reader = Reader(
        Input(Form.DEMO, "demo:"), None, Timeline(), Pace(0.0, 0.0), _Few(), drain=False
    )
    reader.go()
    reader.run()
    with suppress(av.FFmpegError):
        av.open(BytesIO(b"nothing"), "r")
    with suppress(NoStill):
        jpeg(b"nothing")


_NOT_LOADED = frozenset({"mkvtwist.libav.zygote"})  # it is here, as the main module
_LATE = ("ssl", "http.client", "urllib.request", "traceback", "linecache", "stringprep")
"""Modules that Python, or Twisted, imports when they are first needed."""


def main(descriptor: int) -> None:
    """Be the zygote of the server at this descriptor."""
    die_with_parent(Kernel())
    for number in ENDURED:
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    close_others({0, 1, 2, descriptor})
    load()
    gc.collect()
    gc.freeze()  # the collector leaves these objects alone, so that workers share their memory
    Zygote(socket.socket(fileno=descriptor)).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
