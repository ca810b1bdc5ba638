"""
The muxer of Ogg: positions, and the numbers of pages (I{pure}).
"""

from collections.abc import Collection, Sequence

from mkvtwist.formats.bare import only
from mkvtwist.formats.base import Muxer
from mkvtwist.formats.ogg.codecs import headers, rate
from mkvtwist.formats.ogg.pages import FIRST, Placed, count, pages
from mkvtwist.media.packet import SECOND, Header, Packet


class OggMuxer(Muxer[int]):
    """
    The muxer of Ogg: packets become pages. What goes on is the number of the next page.

    Positions come from the packets' times, so that a gap in the input is one for players, too.
    """

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        """
        Make a muxer.

        @param numbers: the number of the track that is sent; it fits.
        """
        track = only(header, numbers)
        self._number = self._serial = track.number
        self._rate = rate(track)
        first, *others = (Placed(0, data) for data in headers(track))
        # The first header has a page of its own; the first packet of sound begins a page.
        made = pages([first], self._serial, 0, FIRST)
        made += pages(others, self._serial, len(made))
        self.head = b"".join(made)
        self.start = len(made)

    def render(self, packets: Sequence[Packet]) -> bytes:
        """Return the packets' pages as those that follow the head."""
        return self.live(packets, 0, self.start)

    def live(self, packets: Sequence[Packet], pause: int, before: int) -> bytes:
        """Return the pages of a fragment, numbered from C{before} on."""
        placed = [Placed(self._position(p), p.data) for p in packets if p.track == self._number]
        return b"".join(pages(placed, self._serial, before))

    def advance(self, packets: Sequence[Packet], before: int) -> int:
        """Return the number of the page behind some packets."""
        return before + count(len(p.data) for p in packets if p.track == self._number)

    def moved(self, value: int, found: int, known: int) -> int:
        """Return a number as if counting had begun with the one that leads to the known one."""
        return value - found + known

    def _position(self, packet: Packet) -> int:
        """Return the samples up to a packet's end; there is no place before the beginning."""
        return max(0, round((packet.pts + packet.duration) * self._rate / SECOND))
