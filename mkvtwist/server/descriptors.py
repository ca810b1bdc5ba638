"""
The limit of open files: each client takes a file descriptor (I{any}).
"""

import resource
import sys
from typing import Any

from twisted.logger import Logger

DESCRIPTORS = 64
"""File descriptors beside those of the clients: listeners, inputs, the log, the reactor's own."""

_log = Logger()


def raise_descriptor_limit(limits: Any = resource) -> int:
    """
    Raise the soft limit of open files to the hard one, and return it.

    @param limits: reads and sets the limits of a process.
    """
    soft, hard = limits.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        limits.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize


def most_connections(clients: int, limits: Any = resource) -> int:
    """
    Return how many connections this process can have, with its limit of open files raised.

    The log warns if that is too few.

    @param clients: the number of clients that all streams together may have.
    @param limits: reads and sets the limits of a process.
    """
    limit = raise_descriptor_limit(limits)
    if limit < clients + DESCRIPTORS:
        _log.warn(
            "only {limit} files can be open, too few for {clients} clients: raise the hard limit"
            " (ulimit -Hn, or LimitNOFILE= in a systemd unit)",
            limit=limit,
            clients=clients,
        )
    return max(limit // 2, limit - DESCRIPTORS)
