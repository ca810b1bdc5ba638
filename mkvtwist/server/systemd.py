"""
systemd: the service says when it is ready, reloading, alive and stopping (I{reactor}).

The protocol is that of sd_notify(3).
"""

import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

_log = Logger()


def notify(**state: str | int) -> None:
    """
    Tell systemd the state of this process, if systemd has asked for it (C{Type=notify}).

    @param state: C{READY=1}, C{STATUS="..."}; see sd_notify(3).
    """
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    message = "\n".join(f"{name}={value}" for name, value in state.items())
    where = "\0" + path[1:] if path.startswith("@") else path  # in the abstract namespace
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(message.encode(), where)
        except OSError as error:
            _log.warn("systemd cannot be told: {problem}", problem=error.strerror)


def reloading() -> None:
    """Tell systemd that the configuration is being read again."""
    # Type=notify-reload asks for the time, too.
    notify(RELOADING=1, MONOTONIC_USEC=time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)


def watchdog_interval(environment: Mapping[str, str] = os.environ) -> float | None:
    """
    Return the seconds between two signs of life for systemd; L{None} if it wants none.

    They are half of C{WatchdogSec=}, as sd_watchdog_enabled(3) advises.
    """
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    span = environment.get("WATCHDOG_USEC", "")
    return int(span) / 2e6 if span.isdecimal() and int(span) else None


class Notifier(Service):
    """
    Tells systemd that the server is ready, alive, and about to stop.

    It is the last child of its parent, so that everything has started when it starts, and nothing
    has stopped yet when it stops.
    """

    def __init__(self, reactor: Any, interval: float | None) -> None:
        """
        @param interval: seconds between signs of life; L{None} if none are wanted.
        """
        self._interval = interval
        self._alive = LoopingCall(notify, WATCHDOG=1)
        self._alive.clock = reactor

    def startService(self) -> None:
        """Say that the server is ready."""
        super().startService()
        if self._interval is not None:
            self._alive.start(self._interval)
        notify(READY=1)

    def stopService(self) -> None:
        """Say that the server is about to stop."""
        super().stopService()
        notify(STOPPING=1)
        if self._alive.running:
            self._alive.stop()
