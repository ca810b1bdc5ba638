"""Processes that tests and tools start: where they listen, and their end."""

from __future__ import annotations

import socket
import subprocess
from typing import Any

GRACE = 10.0
"""Seconds that a process has to end when it is asked to."""


def free_port() -> int:
    """Return a port of 127.0.0.1 where nobody listens at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def terminate(process: subprocess.Popen[Any]) -> None:
    """Ask a process to end, and wait until it has gone; after L{GRACE} it is killed."""
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
