"""
ICY: titles between the bytes of a radio, as SHOUTcast and Icecast send them (I{reactor}).

A client that asks for titles (C{Icy-MetaData: 1}) gets a block of them after each L{INTERVAL} bytes
of its sound::

    sound, 16,000 bytes     n  "StreamTitle='Artist - Title';" zeros     sound, 16,000 bytes ...
                            '-- a byte, and 16 * n bytes ----------'

A block is one byte, 0, while the title is the same. Each client counts its own bytes, so all share
those of the fragments with clients without titles; clients at the same count share the bytes with
a block between them, too.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from twisted.web.http import Request
from twisted.web.http_headers import Headers

from mkvtwist.live.now_playing import Song
from mkvtwist.media.packet import Track
from mkvtwist.streams.stream import Stream

INTERVAL = 16_000
"""Bytes of sound from block to block: Icecast's number, a second of MP3 at 128 kbit/s."""

LONGEST_BLOCK = 255 * 16
"""Bytes of a block at most: its length is one byte."""

LONGEST_TITLE = 3500
"""Bytes of a title at most, so that it has room in a block with all that stands around it."""

SAME = b"\0"
"""The block of a title that has been sent."""

JOINED_KEPT = 16
"""
Writes that are kept, without and with a block in them: clients that joined together are at the same
count. A newcomer's write has 128 KiB, so 4 MiB at most.
"""


def wants_titles(request: Request) -> bool:
    """Return whether a client understands titles between the bytes."""
    return (request.getHeader(b"icy-metadata") or b"").strip() == b"1"


@lru_cache(64)
def block(song: Song | None) -> bytes:
    """Return the block that announces a song; without one, that none is known."""
    title, artwork = (song.text, song.artwork or "") if song is not None else ("", "")
    title = title.encode()[:LONGEST_TITLE].decode("utf-8", "ignore")
    text = _field("StreamTitle", title) + (_field("StreamUrl", artwork) if artwork else b"")
    if len(text) > LONGEST_BLOCK:
        text = _field("StreamTitle", title)
    count = -(-len(text) // 16)
    return bytes((count,)) + text.ljust(16 * count, b"\0")


def _field(name: str, value: str) -> bytes:
    # Players look for the apostrophe and the semicolon that end a value.
    return f"{name}='{value.replace(chr(39) + ';', chr(39) + ' ;')}';".encode()


@lru_cache(JOINED_KEPT)
def _joined(data: bytes, left: int, first: bytes) -> bytes:
    """Return a client's bytes with blocks between them, the first one after so many bytes."""
    parts = [data[:left], first]
    for at in range(left, len(data), INTERVAL):
        parts.append(data[at : at + INTERVAL])
        if at + INTERVAL <= len(data):
            parts.append(SAME)
    return b"".join(parts)


class IcyHeaders(Headers):
    """Headers whose ICY names are written as Icecast writes them: some radios look for that."""

    def getAllRawHeaders(self) -> Iterator[tuple[bytes, Sequence[bytes]]]:
        for name, values in super().getAllRawHeaders():
            yield name.lower() if name.startswith(b"Icy-") else name, values


class IcyTitles:
    """The titles between one client's bytes."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = INTERVAL
        self._sent = SAME  # the last block that was one

    def announce(self, request: Request, tracks: Sequence[Track]) -> None:
        """
        Set the head of the response. It is one of HTTP/1.0, as Icecast's: many radios know neither
        chunks nor connections that go on.

        @param tracks: those that are sent.
        """
        request.clientproto = b"HTTP/1.0"
        request.responseHeaders = IcyHeaders(dict(request.responseHeaders.getAllRawHeaders()))
        if request.channel is not None:
            request.channel.persistent = False
        request.setHeader(b"Connection", b"close")
        request.setHeader(b"icy-metaint", b"%d" % INTERVAL)
        station = self._stream.station
        request.setHeader(b"icy-name", (station.name or self._stream.config.name).encode())
        if station.genre:
            request.setHeader(b"icy-genre", station.genre.encode())
        if bitrate := self._stream.bitrate_of({track.number for track in tracks}):
            request.setHeader(b"icy-br", f"{bitrate / 1000:.0f}".encode())

    def insert(self, data: bytes) -> bytes:
        """Return a client's next bytes, with blocks between them where they are due."""
        left = self._left - len(data)
        if left > 0:
            self._left = left
            return data
        first = self._left
        self._left = INTERVAL - (len(data) - first) % INTERVAL
        made = block(self._stream.now_playing.song)
        if made == self._sent:
            made = SAME
        else:
            self._sent = made
        return _joined(data, first, made)
