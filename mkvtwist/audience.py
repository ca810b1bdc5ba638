"""
Clients who get the same bytes, which are made once for all of them (I{pure}).
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from mkvtwist.formats import Choice, Counted, Format
from mkvtwist.programme import Programme
from mkvtwist.ring import Fragment, Ring, Running

REBASE_LOOK = 64
"""Fragments that are looked at for the earliest time: a second or two, more than muxers lag."""

Transform = Callable[[bytes], bytes]
Rebase = Callable[[bytes, int], bytes]

C = TypeVar("C")


def _framed(data: bytes, framing: Transform | None) -> bytes:
    """
    Bytes in a client's framing. No bytes stay none, as where a format has no place for a fragment's
    tracks: in the chunked coding an empty chunk is the end.
    """
    return framing(data) if data and framing is not None else data


def _maker(format_: Format, ring: Ring) -> Callable[[Fragment], bytes]:
    """What makes a fragment's bytes, whatever they depend on."""
    if not isinstance(format_, Counted):
        return lambda fragment: format_.render(fragment.packets)
    counted = format_
    running = Running(ring, counted.start, counted.advance)
    return lambda fragment: counted.render(fragment.packets, running.before(fragment.number))


class Audience(Generic[C]):
    """
    The clients of a programme who get the same bytes: one choice, one framing, one time.

    @ivar following: those who have everything so far and can take more at once, with what it is
        offered to. That is done one after the other, without another thought.
    @ivar offered: how many bytes it has been so far, to each of those who followed all the time.
    @ivar key: by which whoever has made it finds it, as long as it has clients.
    @ivar kind: under which the ring has its bytes, before they get another time.
    @ivar clients: all of them.
    """

    def __init__(
        self,
        programme: Programme,
        key: Hashable,
        choice: Choice,
        framing: Transform | None,
        rebase: Rebase | None,
    ) -> None:
        self.programme = programme
        self.key = key
        self.kind = choice, framing if rebase is None else None
        self.following: dict[C, Callable[[bytes], int]] = {}
        self.offered = 0
        self.clients: set[C] = set()
        self._framing = framing
        self._rebase = rebase
        self._format = programme.format(choice)
        self._made = _maker(self._format, programme.ring)
        self._base: int | None = None
        self._piece: tuple[tuple[int, int, int], bytes, int] = ((-1, 0, 0), b"", 0)

    @property
    def head(self) -> bytes:
        """What each of them gets first."""
        return _framed(self._format.head, self._framing)

    def shares(self, other: "Audience[C]") -> bool:
        """Whether both use the same bytes in the ring."""
        return self.programme is other.programme and self.kind == other.kind

    def rendered(self, number: int) -> bytes:
        """A fragment's bytes, made for whoever is the first to want them."""
        ring = self.programme.ring
        fragment = ring[number]
        if self._rebase is not None and self._base is None:
            self._base = self._lowest(number)
        data = fragment.rendered.get(self.kind)
        if data is None:
            data = _framed(self._made(fragment), self.kind[1])
            ring.render(fragment, self.kind, data)
        if self._rebase is None or self._base is None:
            return data
        return _framed(self._rebase(data, self._base), self._framing)

    def _lowest(self, place: int) -> int:
        """The earliest presentation time of what is there from a place on: sound may lag behind."""
        programme = self.programme
        last = min(programme.released, place + REBASE_LOOK)
        numbers = range(place, max(last, place + 1))
        times = [
            packet.pts
            for number in numbers
            for packet in programme.ring[number].packets
            if packet.track in self.kind[0].tracks
        ]
        return max(0, min(times, default=programme.ring[place].start))

    def piece(self, place: int, most: int) -> tuple[bytes, int]:
        """
        What comes from a place on, that many bytes or one fragment, and the place behind it.

        Many who join together ask for the same, one after the other: it is put together once.
        """
        wanted = place, most, self.programme.released
        known, data, behind = self._piece
        if wanted != known:
            data, behind = self._put_together(place, most)
            self._piece = wanted, data, behind
        return data, behind

    def _put_together(self, place: int, most: int) -> tuple[bytes, int]:
        pieces: list[bytes] = []
        size = 0
        while place < self.programme.released and size < most:
            data = self.rendered(place)
            if pieces and size + len(data) > most:
                break
            pieces.append(data)
            size += len(data)
            place += 1
        return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), place
