"""
Chained Ogg: where one logical stream ends and the next begins (I{pure}, RFC 3533).

Radios send song after song, each with headers of its own, and a change of channels or rate that
libavformat's reader does not survive::

    BOS BOS  page page page ... | BOS  page page ... | BOS ...
    '------- a link ----------'   '--- a link ----'

A link begins with the page that begins a stream (BOS) after one that does not. Each link is given
to libavformat as a file of its own.
"""

from mkvtwist.media.byte_source import ByteSource
from mkvtwist.media.crc import crc32

_MAGIC = b"OggS"
_HEAD = 27
"""Bytes of a page's head before its segment table."""

_LONGEST = _HEAD + 255 + 255 * 255
"""Bytes of the longest page."""

_BOS = 0x02


class OggLinks:
    """
    Media, link by link if they are chained Ogg, in one piece if they are anything else.

    No byte is lost or changed. At most one page is held, and the bytes that were read with it.
    """

    def __init__(self, media: ByteSource) -> None:
        self._media = media
        self._data = bytearray()
        self._passed = 0  # of the data: what belongs to this link
        self._left = 0  # of a page: what has not come yet
        self._is_ogg: bool | None = None
        self._begun = False  # a page has come that begins no stream
        self._at_boundary = False
        self._at_end = False

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes of this link; none at its end."""
        if self._is_ogg is False and not self._data:
            return self._media.read(size)
        while not self._passed:
            if self._at_boundary or (self._at_end and not self._data):
                return b""
            if not self._advance():
                data = self._media.read(size)
                self._data += data
                self._at_end = not data
        out = bytes(self._data[: min(size, self._passed)])
        del self._data[: len(out)]
        self._passed -= len(out)
        return out

    def next(self) -> bool:
        """
        Go on with the next link; what has not been read of this one is passed over.

        @return: whether there is another one.
        """
        while self.read(_LONGEST):
            pass
        if not self._at_boundary:
            return False
        self._at_boundary = self._begun = False
        return True

    def _advance(self) -> bool:
        """Look at what has come; return whether that told anything."""
        rest = len(self._data) - self._passed
        if self._at_end:
            self._passed += rest  # a page that is cut short
            return rest > 0
        if self._is_ogg is None and rest >= len(_MAGIC):
            self._is_ogg = self._data.startswith(_MAGIC)
        if not rest or self._is_ogg is None:
            return False
        if not self._is_ogg:
            self._passed += rest
            return True
        if self._left:
            taken = min(self._left, rest)
            self._passed += taken
            self._left -= taken
            return True
        return self._page()

    def _page(self) -> bool:
        """Look at the page that begins where the data has been passed up to."""
        start = self._passed
        if not _MAGIC.startswith(self._data[start : start + 4]):
            # Damage: up to the next page, or what may be one.
            found = self._data.find(_MAGIC, start)
            self._passed = found if found >= 0 else max(start, len(self._data) - 3)
            return self._passed > start
        size = _size(self._data, start)
        if size is None:
            return False
        if not self._data[start + 5] & _BOS:
            self._begun = True
        elif self._begun:
            if len(self._data) - start < size:
                return False
            if _is_intact(bytes(self._data[start : start + size])):
                self._at_boundary = True
                return True
        self._left = size
        return True


def _size(data: bytearray, at: int) -> int | None:
    """Return how long a page is; L{None} if more has to come to tell."""
    if len(data) < at + _HEAD or len(data) < (table := at + _HEAD) + data[at + _HEAD - 1]:
        return None
    count = data[table - 1]
    return _HEAD + count + sum(data[table : table + count])


def checksum(page: bytes) -> int:
    """Return the checksum of a page, whatever the page states (RFC 3533, 6)."""
    return crc32(page[:22] + bytes(4) + page[26:], 0)


def _is_intact(page: bytes) -> bool:
    """Return whether a page's checksum is right: a flipped bit begins no stream."""
    return checksum(page) == int.from_bytes(page[22:26], "little")
