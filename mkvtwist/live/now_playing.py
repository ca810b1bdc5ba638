"""
The song, or the part of a programme, that a stream is playing (I{reactor}).

A sender, a program by the management interface, or a tag of the media names the song. A song is no
part of the media: it holds from the moment at which it is named until the input is away.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mkvtwist.live.events import Events, TitleChanged
from mkvtwist.live.sink import Sink
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.media.printable import printable

LONGEST_ADDRESS = 2000
"""Characters of an artwork's URL at most, as many as browsers and proxies agree on."""

LOG_INTERVAL = 1.0
"""Seconds between two lines in the log: chained Ogg may have thousands of songs in a second."""

_ARTIST_AND_TITLE = re.compile(r"(\S.*?) [-\u2013] (.*\S)")
"""The way in which radios write a song as one text."""


@dataclass(frozen=True, slots=True)
class Song:
    """
    A song, or a part of a programme. Two are equal if they look the same.

    @ivar artwork: the URL of its cover.
    @ivar since: seconds since the epoch.
    """

    title: str
    artist: str | None = None
    artwork: str | None = None
    since: float = field(default=0.0, compare=False)

    @property
    def text(self) -> str:
        """Return the song as one text, as radios show it."""
        return f"{self.artist} - {self.title}" if self.artist else self.title


class NowPlaying(Sink):
    """
    The song that a stream sends now.

    @ivar song: L{None} if none is known.
    """

    def __init__(
        self, stream: str, events: Events, wall_clock: Callable[[], float] = time.time
    ) -> None:
        """
        @param stream: the stream's name.
        @param events: hears of each change.
        @param wall_clock: seconds since the epoch.
        """
        self.song: Song | None = None
        self._stream = stream
        self._events = events
        self._wall_clock = wall_clock
        self._log = StreamLog(stream, __name__)
        self._logged = 0.0

    def tell(self, title: str, artist: str = "", artwork: str = "") -> None:
        """
        Take a new song; the same one again changes nothing. Without a title none is known.

        @param title: without an artist it may have both, as in C{Artist - Title}.
        @param artwork: a URL of C{http} or C{https}; anything else is left out.
        """
        title, artist = printable(title.strip()), printable(artist.strip())
        both = None if artist else _ARTIST_AND_TITLE.fullmatch(title)
        if both is not None:
            artist, title = both.groups()
        is_address = re.match(r"https?://", artwork) and len(artwork) <= LONGEST_ADDRESS
        cover = printable(artwork, LONGEST_ADDRESS) if is_address else None
        self._change(Song(title, artist or None, cover, self._wall_clock()) if title else None)

    def hold(self) -> None:
        """Forget the song: the input is away."""
        self._change(None)

    def _change(self, song: Song | None) -> None:
        if song == self.song:
            return
        self.song = song
        if song is None:
            self._events.tell(TitleChanged(stream=self._stream, title=""))
            return
        if abs(song.since - self._logged) >= LOG_INTERVAL:
            self._logged = song.since
            self._log.info("now playing: {song}", song=song.text)
        self._events.tell(
            TitleChanged(
                stream=self._stream, title=song.title, artist=song.artist, artwork=song.artwork
            )
        )
