"""
The signals by which the owner of a reader tells it to go on, and to stop (I{pure}).
"""

from typing import Protocol


class Signal(Protocol):
    """
    A signal that is given once, and stays given.

    It is a C{threading.Event}, or its substitute if a reader and its owner are not in the same
    process.
    """

    def set(self) -> None:
        """Give the signal."""

    def is_set(self) -> bool:
        """Return whether the signal has been given."""

    def wait(self, timeout: float | None = None) -> bool:
        """
        Wait until the signal is given.

        @param timeout: seconds to wait at most; L{None} for as long as it takes.
        @return: whether the signal has been given.
        """


class Stopped(Exception):
    """The exception when the owner has stopped the reader: no event follows."""
