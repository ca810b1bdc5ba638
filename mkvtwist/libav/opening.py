"""
Opening an input, bounded in bytes, and looking at the tracks that turn up in it (I{remux thread}).
"""

import errno
import re
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

import av

from mkvtwist.libav.adapters import Unusable
from mkvtwist.libav.playlist_fetcher import PlaylistFetcher
from mkvtwist.libav.stopping import Signal, Stopped
from mkvtwist.libav.whitelists import Scope, is_http, scope_of_host, whitelists_for_url

PACKET_LIMIT = 64 << 20
"""Bytes of one packet: an uncompressed picture of 8K. More is a damaged length."""

OPENING_LIMIT = 64 << 20
"""
Bytes that are read before an input counts as opened: one packet of L{PACKET_LIMIT}. A film's head
has some 10 MB; libavformat makes several copies of it.
"""

LOOK_COST = 0.05
"""
Seconds of a processor that a look at the demuxer's tracks may take. It keeps every other thread
waiting, and takes longer the more tags and programmes there are: an input of which one look takes
more is not looked at again. A sound one takes a thousandth of it.
"""

READ_COST = 0.5
"""
Seconds of a processor that opening, or reading between two looks, may take; after more than that
nothing is looked at: whatever makes the demuxer work so much, such as 15,000 programmes, makes the
look take long, too.
"""

OPEN_TIMEOUT = 15.0
READ_TIMEOUT = 15.0
"""Seconds that a URL may say nothing; libavformat cannot be interrupted in any other way."""

RESUMABLE = frozenset({"mpegts", "mpeg"})
"""
Containers that can be read from the middle, and whose tracks may change on the way. FLV's may turn
up late too, but nothing can be made of it without its beginning.
"""


class Media(Protocol):
    """Bytes to read, from a pipe or a file."""

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes; none at the end."""


class Beginning:
    """
    Bytes from a sender: so many at most until the input is opened, none when it is not wanted.

    @ivar opened: whether there is no limit any more.
    """

    def __init__(self, media: Media, stop: Signal) -> None:
        self._media = media
        self._stop = stop
        self._size = 0
        self._over = False
        self.opened = False

    def read(self, size: int, /) -> bytes:
        """
        Up to so many bytes; none at the end.

        @raise Stopped: rather than the end, at which libavformat would make what it can of it.
        @raise Unusable: when nothing could be made of all that came.
        """
        if self._over:  # PyAV raises once for all reads, and prints each other exception
            return b""
        data = self._media.read(size)
        if self._stop.is_set():
            self._over = True
            raise Stopped
        if not self.opened:
            self._size += len(data)
            if self._size > OPENING_LIMIT:
                self._over = True
                raise Unusable(f"no media could be made of the first {OPENING_LIMIT >> 20} MiB")
        return data


def open_url(url: str, open_: Callable[..., Any]) -> Any:
    """
    Open a URL; what a playlist or a redirection names is no nearer than what the operator named.

    @raise OSError: when it cannot be had.
    """
    host = urlsplit(url).hostname if is_http(url) else None
    nearest = scope_of_host(host) if host else Scope.MACHINE
    if nearest is Scope.MACHINE:
        return open_(url, container_options=whitelists_for_url(url, lists=True))
    try:
        return open_(
            url, container_options={**whitelists_for_url(url, lists=False), "max_redirects": "0"}
        )
    except (av.ArgumentError, OSError) as error:
        # A format that is not among those allowed, or a redirection: both are followed with care.
        if error.errno not in (errno.EINVAL, errno.EIO):
            raise
    fetcher = PlaylistFetcher(nearest, READ_TIMEOUT)
    return open_(url, io_open=fetcher, container_options=whitelists_for_url(url, lists=True))


class Looks:
    """
    Looks at the tracks that the demuxer knows by now; PyAV's own list is as old as the container.

    @ivar first: index, type and codec of those that it knew at the beginning.
    @ivar format: the container's.
    @ivar streams: PyAV's list.
    """

    def __init__(self, container: Any, began: float) -> None:
        """
        @param began: the thread's time when the opening began.
        """
        self.format, self.streams = container.format, container.streams
        self._container = container
        self._wanted = is_resumable(container)
        self._spent = began
        self.first = self.tracks()

    def tracks(self) -> frozenset[tuple[str, ...]]:
        """Index, type and codec of each track; none if it costs too much to know."""
        return frozenset(_TRACK.findall(self.dumps_format()))

    def dumps_format(self) -> str:
        """Return libavformat's description of the container; nothing if that costs too much."""
        begin = time.thread_time()
        if not self._wanted or begin - self._spent > READ_COST:
            self._wanted = False
            return ""
        text = str(self._container.dumps_format())
        self._spent = time.thread_time()
        self._wanted = self._spent - begin <= LOOK_COST
        return text


_TRACK = re.compile(r"Stream #0:(\d+)[^:]*: (Video|Audio|Subtitle): (\w+)")


def is_resumable(container: Any) -> bool:
    """Whether it can be read from the middle."""
    return container.format.name in RESUMABLE
