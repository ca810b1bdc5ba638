"""
A file in memory that libavformat writes to (I{remux thread}).
"""

from av.container import Flags

BITEXACT: int = Flags.bitexact.value  # type: ignore[assignment] # a Flag of ints, say the stubs
"""A flag of what is written: the same tracks give the same bytes, without random UIDs and dates."""


class MemoryFile:
    """A file that takes all and cannot seek, as a live response."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take some bytes; PyAV may use their memory again."""
        self._parts.append(bytes(data))
        return len(data)

    @property
    def data(self) -> bytes:
        """All that was written."""
        return b"".join(self._parts)
