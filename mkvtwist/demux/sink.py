"""
A file in memory that libavformat writes to (I{remux thread}).
"""


class Sink:
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
