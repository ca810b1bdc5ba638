"""
Bytes whose beginning has been looked at (I{remux thread}).
"""

from mkvtwist.media.byte_source import ByteSource


class PeekedBytes:
    """
    The bytes of a source that can only be read once, with a look at how they begin.

    @ivar beginning: the first bytes; fewer than were asked for if there are no more.
    """

    def __init__(self, source: ByteSource, size: int) -> None:
        """
        Wait for the first bytes.

        @param size: how many are looked at.
        """
        self._source = source
        beginning = b""
        while len(beginning) < size and (more := source.read(size - len(beginning))):
            beginning += more
        self.beginning = self._unread = beginning

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes; none at the end."""
        if not self._unread:
            return self._source.read(size)
        data, self._unread = self._unread[:size], self._unread[size:]
        return data
