"""
The bytes of a sender, bounded until the input is opened (I{pure}).
"""

from mkvtwist.libav.limits import OPENING_LIMIT
from mkvtwist.libav.stopping import Signal, Stopped
from mkvtwist.libav.unusable import Unusable
from mkvtwist.media.byte_source import ByteSource


class OpeningBytes:
    """
    Bytes to open an input with: a bounded number, and none once the reader is told to stop.

    @ivar opened: whether the input has been opened, and there is no limit any more.
    """

    def __init__(self, source: ByteSource, stop: Signal) -> None:
        self._source = source
        self._stop = stop
        self._size = 0
        self._over = False
        self.opened = False

    def read(self, size: int, /) -> bytes:
        """
        Return up to so many bytes; none at the end.

        @raise Stopped: instead of the end, at which libavformat would open the input with the bytes
            so far.
        @raise Unusable: when libavformat could not open the input with as many bytes.
        """
        if self._over:  # PyAV raises once for all reads, and prints each other exception
            return b""
        data = self._source.read(size)
        if self._stop.is_set():
            self._over = True
            raise Stopped
        if not self.opened:
            self._size += len(data)
            if self._size > OPENING_LIMIT:
                self._over = True
                raise Unusable(f"no media could be made of the first {OPENING_LIMIT >> 20} MiB")
        return data
