"""
The events of an input, from its opening to its end (I{pure}).

First comes L{Opened}; then any number of L{Header}, each followed by the packets that need it, with
L{Noticed}, L{Noted} and L{Tagged} between them; at last L{Ended}. A reader that is stopped ends
without any other event.
"""

from dataclasses import astuple, dataclass, replace

from mkvtwist.media.packet import Header, Packet
from mkvtwist.media.printable import printable


@dataclass(frozen=True, slots=True)
class Opened:
    """The input has been opened; the next event comes when the reader is told to go on."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """A sentence for the log on something that happened once."""

    text: str


@dataclass(frozen=True, slots=True)
class Noted:
    """
    Sentences on how the input is read; they replace the sentences before.

    They are for the log, and for C{/status} as long as the input is open.
    """

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tagged:
    """
    The tags of an input; they replace the tags before. A text is empty if there is no such tag.

    @ivar title: what is playing, if it is sound alone: a song, perhaps with its artist.
    @ivar station: the title of the whole: a film, or a radio.
    """

    title: str = ""
    artist: str = ""
    station: str = ""
    description: str = ""
    genre: str = ""

    def retitled(self, title: str, artist: str = "") -> "Tagged":
        """Return the tags when another song plays."""
        return replace(self, title=title, artist=artist)


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of an input."""

    reason: str
    """The cause, for operators: it may quote libavformat, addresses and paths."""

    fault: bool
    """Whether the input is to blame: it could not be opened, or broke off."""

    plain: str = ""
    """The reason for viewers, without such quotes; empty if C{reason} has none."""

    crashed: bool = False
    """Whether the process that read the input has crashed: the input itself goes on."""

    is_missing: bool = False
    """Whether there is nothing at the input's address, as its server or the system says."""

    @property
    def sentence(self) -> str:
        """The reason, in a sentence for viewers."""
        return self.plain or self.reason

    @property
    def detail(self) -> str:
        """The cause, if L{sentence} leaves it out; else empty."""
        return self.reason if self.plain else ""


INTERNAL_ERROR = Ended(
    "an error in mkvtwist; the log has its traceback", fault=True, plain="an error in mkvtwist"
)
"""The end of an input that a mistake in mkvtwist has ended."""

Event = Opened | Packet | Header | Noticed | Noted | Tagged | Ended


def made_printable(event: Event) -> Event:
    """Return the event with all texts of strangers and of libavformat made fit to be shown."""
    if isinstance(event, Noticed):
        return Noticed(printable(event.text))
    if isinstance(event, Noted):
        return Noted(tuple(map(printable, event.texts)))
    if isinstance(event, Tagged):
        return Tagged(*map(printable, astuple(event)))
    if isinstance(event, Ended):
        return replace(event, reason=printable(event.reason), plain=printable(event.plain))
    if isinstance(event, Header):
        tracks = tuple(
            replace(
                track,
                language=track.language and printable(track.language),
                title=track.title and printable(track.title),
            )
            for track in event.tracks
        )
        return replace(event, tracks=tracks, left_out=tuple(map(printable, event.left_out)))
    return event
