"""
A source of bytes that are read in order, once (I{pure}).
"""

from typing import Protocol


class ByteSource(Protocol):
    """Bytes of a sender, of a file, of standard input, or of a server."""

    def read(self, size: int, /) -> bytes:
        """Wait for bytes, and return up to so many of them; none at the end."""
