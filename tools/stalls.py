"""
Runs a server, and says where its reactor stands still.

    python -m tools.stalls -n mkvserve --config=config.toml

Takes what C{twistd} takes. Each turn of the reactor (from one wait for events to the next one) that
is longer than L{LONG} is a line on standard error, which tells work of the server's own from a
machine that is busy with others: how long the reactor's thread had a processor, how long it waited
for one, and how long it was blocked (by a disk, a lock, another thread). While such a turn lasts,
another process has the server write the stacks of its threads: no thread of the server's own could,
as long as the reactor's has the interpreter.
"""

import faulthandler
import gc
import mmap
import os
import resource
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

from twisted.internet import epollreactor
from twisted.internet.main import installReactor

LONG = 0.1
"""Seconds of a turn that is worth a line."""

LOOK_INTERVAL = 0.02
"""Seconds between two looks at whether a turn is long."""

BEGAN = struct.Struct("d")
"""The clock's time when the turn began; 0 while the reactor waits for events."""


class Turns:
    """
    The turns of a reactor, as they are seen by what it waits with.
    """

    def __init__(self, poller: Any, began: mmap.mmap) -> None:
        """
        @param began: gets the time at which each turn begins.
        """
        self._poller = poller
        self._began = began
        task = Path(f"/proc/self/task/{threading.get_native_id()}")
        self._schedule = (task / "schedstat").open("rb", buffering=0)
        self._collecting = self._collection_began = 0.0
        self._before = self._now()
        gc.callbacks.append(self._collect)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)

    def poll(self, timeout: float, count: int) -> Any:
        """Say how long the turn was that ends here, wait for events, and begin the next one."""
        after = self._now()
        BEGAN.pack_into(self._began, 0, 0.0)
        if after[0] - self._before[0] > LONG:
            self._say(after)
        found = self._poller.poll(timeout, count)
        self._before = self._now()
        BEGAN.pack_into(self._began, 0, self._before[0])
        self._collecting = 0.0
        return found

    def _now(self) -> tuple[float, ...]:
        """Return the clock's time, the processor's, that of waiting for one, and counts."""
        self._schedule.seek(0)
        _, waited, _ = self._schedule.read().split()
        usage = resource.getrusage(resource.RUSAGE_THREAD)
        counts = usage.ru_majflt, usage.ru_inblock, usage.ru_oublock, usage.ru_nvcsw
        return time.monotonic(), time.thread_time(), int(waited) / 1e9, *counts

    def _say(self, after: tuple[float, ...]) -> None:
        passed = [b - a for a, b in zip(self._before, after, strict=True)]
        turn, used, waited, faults, read, written, switches = passed
        print(
            f"STALL {time.strftime('%X')} turn {turn:.3f} s: processor {used:.3f},"
            f" waited for one {waited:.3f}, blocked {max(0.0, turn - used - waited):.3f},"
            f" garbage {self._collecting:.3f}; {faults:.0f} major faults, {read:.0f} blocks read,"
            f" {written:.0f} written, {switches:.0f} waits",
            file=sys.__stderr__,
            flush=True,
        )

    def _collect(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._collection_began = time.monotonic()
        else:
            self._collecting += time.monotonic() - self._collection_began


class Reactor(epollreactor.EPollReactor):
    """A reactor whose turns are watched."""

    def __init__(self, began: mmap.mmap) -> None:
        super().__init__()
        self._poller: Any = Turns(self._poller, began)


def watch(server: int, began: mmap.mmap) -> None:
    """Have a server write its stacks in the middle of each long turn, until it ends."""
    seen = 0.0
    while os.getppid() == server:
        time.sleep(LOOK_INTERVAL)
        (turn,) = BEGAN.unpack_from(began)
        if turn not in (0.0, seen) and time.monotonic() - turn > LONG:
            seen = turn
            os.kill(server, signal.SIGUSR2)


def main() -> None:
    """Run C{twistd} with a reactor that is watched."""
    began = mmap.mmap(-1, BEGAN.size)
    faulthandler.register(signal.SIGUSR2, file=2)
    server = os.getpid()
    if not os.fork():
        watch(server, began)
        os._exit(0)
    installReactor(Reactor(began))
    from twisted.scripts.twistd import run

    run()


if __name__ == "__main__":
    main()
