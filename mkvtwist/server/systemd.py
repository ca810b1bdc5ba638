"""
What systemd is told of the service's state: ready, reloading, alive (I{reactor}, sd_notify(3)).
"""

import os
import socket
import time
from collections.abc import Mapping

from twisted.logger import Logger

_log = Logger()


def notify(**state: str | int) -> None:
    """
    Tell systemd, where it is what has started this process and wants to know (C{Type=notify}).

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
    """The configuration is being read again (C{Type=notify-reload} wants the time, too)."""
    notify(RELOADING=1, MONOTONIC_USEC=time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)


def watchdog_interval(environment: Mapping[str, str] = os.environ) -> float | None:
    """
    How often systemd wants a sign of life, in seconds (C{WatchdogSec=}); L{None} when it does not.
    Twice as often as it says, as sd_watchdog_enabled(3) advises.
    """
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    span = environment.get("WATCHDOG_USEC", "")
    return int(span) / 2e6 if span.isdecimal() and int(span) else None
