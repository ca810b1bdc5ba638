"""
Opening an input: a file, a URL, a sender's bytes, the demo (I{remux thread}).
"""

import errno
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import av

from mkvtwist.config.input import Form, Input
from mkvtwist.config.input_options import NO_OPTIONS, InputOptions
from mkvtwist.libav.demo import Demo
from mkvtwist.libav.opening.listen_urls import LISTEN_WAIT, listen_url
from mkvtwist.libav.opening.peeked_bytes import PeekedBytes
from mkvtwist.libav.reach.address_scope import Scope, scope_of, scope_of_host
from mkvtwist.libav.reach.remote_playlists import PlaylistFetcher
from mkvtwist.libav.reach.whitelists import (
    is_http,
    whitelists_for_bytes,
    whitelists_for_file,
    whitelists_for_url,
)
from mkvtwist.media.byte_source import ByteSource
from mkvtwist.media.packet import SECOND

READ_TIMEOUT = 15.0
"""Seconds that a URL may say nothing; libavformat cannot be interrupted in any other way."""

ANALYSED = 2 * SECOND
"""
Media of a live input that libavformat analyses before the first packet, if a declared track is
silent: a generous GOP. Its default is 5 to 7 s; this finds the same tracks in what was tried.
"""

_LIVE: Mapping[str, str] = {"analyzeduration": str(ANALYSED)}
"""Options of inputs that may be live; those that the operator gives come first."""

_COUNTED: Mapping[bytes, str] = {b"FLV": "4", b"\x1aE\xdf": "0"}
"""
Pictures of a sender's media that libavformat looks at for their rate, by the first bytes of the
media; of others, and without this of these as well, it looks at 20 or 40, up to 2 s of them.

 - FLV, which is what senders over RTMP bring: its times in milliseconds blur the rate, but
   C{onMetaData} has it, and four pictures tell the usual ones.
 - Matroska and WebM state the rate, unless a browser has recorded them, whose pictures have none.
"""

_BEGINNING = 3
"""Bytes that tell these formats from others."""


class Silent(Exception):
    """The exception when a sender, or a server, has sent nothing within its time."""


@dataclass(frozen=True, slots=True)
class InputOpener:
    """
    Opens inputs, within limits of time.

    @ivar open_timeout: seconds until a URL's server has answered.
    @ivar read_timeout: seconds that a URL may then say nothing.
    @ivar wait: seconds that a sender's connection is waited for at a time.
    @ivar sender_silence: seconds that a sender may say nothing once it has connected, as a sender
        elsewhere may (L{mkvtwist.inputs.senders.SENDER_SILENCE}).
    @ivar scope: how near an address is.
    @ivar options: libavformat's, for a file or a URL.
    @ivar av_open: PyAV's C{open}.
    """

    open_timeout: float = 15.0
    read_timeout: float = READ_TIMEOUT
    wait: float = LISTEN_WAIT
    sender_silence: float = 10.0
    scope: Callable[[str], Scope] = scope_of
    options: InputOptions = NO_OPTIONS
    av_open: Callable[..., Any] = av.open

    def open(self, source: Input, media: ByteSource | None) -> Any:
        """
        Open an input. The options are those of FFmpeg's command line.

        @param media: where the bytes of a sender or of standard input come from, or the rest of a
            file; L{None} if libavformat opens the source itself.
        @return: PyAV's container, or the L{Demo} in place of one.
        @raise av.FFmpegError: when libavformat cannot make sense of the input.
        @raise Silent: when no sender has connected.
        @raise OSError: when a file or a server cannot be reached.
        """
        if source.form is Form.DEMO:
            return Demo()
        open_ = partial(self.av_open, mode="r", metadata_errors="replace")
        if media is not None:
            options = _LIVE
            if source.form.has_sender:
                media = peeked = PeekedBytes(media, _BEGINNING)
                counted = _COUNTED.get(peeked.beginning)
                options = {**_LIVE, "fpsprobesize": counted} if counted else _LIVE
            return open_(media, options={**options}, container_options=whitelists_for_bytes())
        if source.form is Form.FILE:
            return open_(
                f"file:{source.text}",
                options=self._given,
                container_options=whitelists_for_file(source.text),
            )
        if source.form is Form.SDP:
            return open_(
                f"file:{source.text}",
                timeout=(self.open_timeout, self.read_timeout),
                options={**_LIVE, **self._given},
                container_options=whitelists_for_file(source.text),
            )
        listens = listen_url(source, self.wait)
        if listens is None:
            return self._open_url(source.text, partial(open_, options={**_LIVE, **self._given}))
        try:
            return open_(
                listens.url,
                timeout=(self.wait + self.sender_silence, self.read_timeout),
                options={**_LIVE, **self._given, **listens.options},
                container_options=whitelists_for_url(listens.url, lists=False),
            )
        except TimeoutError as error:  # libavformat's: no sender has connected
            raise Silent from error

    def open_bytes(self, url: str) -> "UrlBytes":
        """
        Open the bytes behind a URL.

        @raise OSError: when the URL cannot be opened.
        """
        open_ = partial(self.av_open, mode="r", format="data", options=self._given)
        return UrlBytes(self._open_url(url, open_))

    @property
    def _given(self) -> dict[str, str]:
        return self.options.table(secrets=True)

    def _open_url(self, url: str, open_: Callable[..., Any]) -> Any:
        """Open a URL; a playlist or a redirection names nothing nearer than the operator's URL."""
        open_ = partial(open_, timeout=(self.open_timeout, self.read_timeout))
        host = urlsplit(url).hostname if is_http(url) else None
        nearest = scope_of_host(host, self.scope) if host else Scope.MACHINE
        if nearest is Scope.MACHINE:
            return open_(url, container_options=whitelists_for_url(url, lists=True))
        alone = {**whitelists_for_url(url, lists=False), "max_redirects": "0"}
        try:
            return open_(url, container_options=alone)
        except (av.ArgumentError, OSError) as error:
            # A format that is not among those allowed, or a redirection: both are followed with
            # care.
            if error.errno not in (errno.EINVAL, errno.EIO):
                raise
        fetcher = PlaylistFetcher(nearest, self.read_timeout, self.scope)
        return open_(url, io_open=fetcher, container_options=whitelists_for_url(url, lists=True))


class UrlBytes:
    """The bytes behind a URL, as libavformat's protocols read them."""

    def __init__(self, container: Any) -> None:
        """
        @param container: of libavformat's format C{data}, whose packets are the bytes.
        """
        self._container = container
        self._packets = container.demux()
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes; none at the end."""
        while not self._rest:
            packet = next(self._packets, None)
            if packet is None:
                return b""
            self._rest = bytes(packet)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def close(self) -> None:
        """Close the connection."""
        self._container.close()


class FileBytes:
    """The bytes of a file from some place on."""

    def __init__(self, path: str | int, place: int = 0) -> None:
        """
        @param path: the file, or a descriptor, of a file or of something else.
        @raise OSError: when the file cannot be opened.
        """
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed with the container
        if place:
            self._file.seek(place)

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes; none at the end."""
        return self._file.read(size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def is_ogg_file(source: Input) -> bool:
    """
    Return whether an input is a file that begins as Ogg does.

    A pipe would lose its beginning if it was looked at; a file that cannot be read is libavformat's
    to report.
    """
    if source.form is not Form.FILE:
        return False
    try:
        if not stat.S_ISREG(os.stat(source.text).st_mode):
            return False
        with open(source.text, "rb") as file:
            return file.read(4) == b"OggS"
    except (OSError, ValueError):
        return False


def is_ogg_url(source: Input, container: Any) -> bool:
    """Return whether an input is Ogg out of a URL that can be requested once more."""
    again = is_http(source.text) and listen_url(source) is None
    return source.form is Form.URL and again and container.format.name == "ogg"


def is_live(source: Input, container: Any) -> bool:
    """Return whether a sender makes the media now, rather than reads them from somewhere."""
    if source.form in (Form.FILE, Form.STDIN):
        place: str | int = 0 if source.form is Form.STDIN else source.text
        return not stat.S_ISREG(os.stat(place).st_mode)
    if source.form is Form.URL:
        return int(container.size) <= 0
    return source.form in (Form.EXEC, Form.SDP) or source.form.has_sender
