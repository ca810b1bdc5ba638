"""
The process around the service: its clock, its memory, its end and its exit status (I{wiring}).

Twisted measures every timer by the wall clock, takes a second Ctrl-C for an error, and twistd has
no exit status but 0. All three are changed here, and nowhere else;
C{tests.server.test_process} fails when a release of Twisted stops it.
"""

import atexit
import gc
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.error import ReactorNotRunning


class MonotonicClock:
    """
    Seconds that never jump. They go on from another clock, so that calls which were scheduled by
    that clock keep their time, and count from about the same epoch.
    """

    def __init__(self, start: float, monotonic: Callable[[], float]) -> None:
        """
        @param start: seconds on the other clock now.
        """
        self._monotonic = monotonic
        self._offset = start - monotonic()

    def __call__(self) -> float:
        """The seconds now."""
        return self._offset + self._monotonic()


def use_monotonic_clock(reactor: Any, monotonic: Callable[[], float] = time.monotonic) -> None:
    """
    Have all timers of a reactor go by the monotonic clock, whatever happens to the wall clock.

    C{twisted.internet.base.ReactorBase} asks C{self.seconds} whenever it needs the time: for
    C{callLater}, for its delayed calls, and for how long it may sleep. Call this before anything is
    scheduled. Dates come from C{time.time}, never from the reactor.
    """
    if not isinstance(reactor.seconds, MonotonicClock):
        reactor.seconds = MonotonicClock(reactor.seconds(), monotonic)


def ignore_second_stop(reactor: Any) -> None:
    """
    Have a reactor that is stopping ignore it when it is told so again.

    A stop waits up to a second for threads that are blocked. An impatient Ctrl-C, or a SIGTERM that
    comes with the end of the last stream, would put a traceback into the log.
    """
    if "stop" in vars(reactor):  # done already
        return
    stop = reactor.stop

    def stop_or_ignore() -> None:
        with suppress(ReactorNotRunning):
            stop()

    reactor.stop = stop_or_ignore


def spare_modules() -> None:
    """
    Have the collector of garbage leave alone what exists by now: modules, which stay.

    Nothing else goes on while it looks through all objects, every few minutes. For the modules
    alone that is 60 ms of work, and more than a second on a machine that is busy with others: it
    interrupts a process that works for so long. Called before there are streams, which may go.
    """
    if not gc.get_freeze_count():  # a second service finds the first one's streams
        gc.freeze()


def exit_with(status: int) -> None:
    """
    Have the process end with an exit status once its reactor has stopped and twistd has cleaned up.
    twistd itself always ends with 0, so this is the last that the interpreter does.
    """
    atexit.register(_exit, status)


def _exit(status: int) -> None:
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)
