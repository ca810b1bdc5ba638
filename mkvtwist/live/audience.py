"""
Audiences: clients that get the same bytes, made once for all of them (I{pure}).
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.choice import Choice
from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period
from mkvtwist.live.ring import Ring
from mkvtwist.live.running_values import STEPS, Running

REBASE_LOOK = 64
"""Fragments that are looked at for the earliest time: a second or two, more than muxers lag."""

PIECE_FRAGMENTS = 256
"""
Fragments that are put together in one turn of the reactor: a millisecond or two. In WebVTT
fragments without text have no bytes, so the limit of bytes does not end them.
"""

Transform = Callable[[bytes], bytes]
Rebase = Callable[[bytes, int], bytes]

C = TypeVar("C")


def _framed(data: bytes, framing: Transform | None) -> bytes:
    """
    Return bytes in a client's framing.

    No bytes stay none, as of a fragment that has nothing of a client's tracks: in the chunked
    coding an empty chunk is the end.
    """
    return framing(data) if data and framing is not None else data


def _maker(muxer: Muxer[Any], ring: Ring, steps: int) -> Callable[[Fragment], bytes | None]:
    """
    Return what makes a fragment's bytes; it makes L{None} while what they depend on is not found.
    """
    live = muxer.live
    if muxer.start is None:
        return lambda fragment: live(fragment.packets, fragment.pause, None)
    running = Running(ring, muxer.start, muxer.advance, muxer.moved, steps)

    def made(fragment: Fragment) -> bytes | None:
        before = running.before(fragment.number)
        return None if before is None else live(fragment.packets, fragment.pause, before)

    return made


class Audience(Generic[C]):
    """
    The clients of a period that get the same bytes: one choice, one framing, one time.

    @ivar following: the clients that have everything so far and can take more at once, each with
        its C{offer}.
    @ivar offered: bytes that each client that followed all the time has been offered.
    @ivar key: by which L{Audiences} finds it, as long as it has clients.
    @ivar kind: under which the ring has its bytes, before they get another time.
    @ivar clients: all of them.
    """

    def __init__(
        self,
        period: Period,
        key: Hashable,
        choice: Choice,
        framing: Transform | None,
        rebase: Rebase | None,
        *,
        most: int = PIECE_FRAGMENTS,
        steps: int = STEPS,
    ) -> None:
        """
        @param most: fragments that are put together in one turn.
        @param steps: fragments that are counted in one turn.
        """
        self.period = period
        self.key = key
        self.kind = choice, framing if rebase is None else None
        self.following: dict[C, Callable[[bytes], int]] = {}
        self.offered = 0
        self.clients: set[C] = set()
        self._framing = framing
        self._most = most
        self._rebase = rebase
        self._muxer = period.muxer(choice)
        self._made = _maker(self._muxer, period.ring, steps)
        self._base: int | None = None
        self._piece: tuple[tuple[int, int, int], bytes, int] = ((-1, 0, 0), b"", 0)

    @property
    def head(self) -> bytes:
        """The bytes with which each response begins."""
        return _framed(self._muxer.head, self._framing)

    def shares(self, other: "Audience[C]") -> bool:
        """Return whether both use the same bytes in the ring."""
        return self.period is other.period and self.kind == other.kind

    def rendered(self, number: int) -> bytes | None:
        """
        Return a fragment's bytes, made for the first client that wants them.

        @return: L{None} if they are not known yet: the caller asks again in another turn.
        """
        ring = self.period.ring
        fragment = ring[number]
        if self._rebase is not None and self._base is None:
            self._base = self._lowest(number)
        data = fragment.rendered.get(self.kind)
        if data is None:
            made = self._made(fragment)
            if made is None:
                return None
            data = _framed(made, self.kind[1])
            ring.render(fragment, self.kind, data)
        if self._rebase is None or self._base is None:
            return data
        return _framed(self._rebase(data, self._base), self._framing)

    def _lowest(self, place: int) -> int:
        """Return the earliest presentation time from a place on: sound may lag behind."""
        period = self.period
        last = min(period.released, place + REBASE_LOOK)
        numbers = range(place, max(last, place + 1))
        times = [
            packet.pts
            for number in numbers
            for packet in period.ring[number].packets
            if packet.track in self.kind[0].tracks
        ]
        return max(0, min(times, default=period.ring[place].start))

    def piece(self, place: int, most: int) -> tuple[bytes, int]:
        """
        Return so many bytes from a place on, or one fragment, and the place behind them.

        The bytes are fewer, or none, if more would take too long to make: the caller asks again, in
        another turn of the reactor.

        Clients that join together ask for the same bytes, one after the other. They are put
        together once.
        """
        wanted = place, most, self.period.released
        known, data, behind = self._piece
        if wanted != known:
            data, behind = self._put_together(place, most)
            if behind > place:
                self._piece = wanted, data, behind
        return data, behind

    def _put_together(self, place: int, most: int) -> tuple[bytes, int]:
        pieces: list[bytes] = []
        size = 0
        stop = min(self.period.released, place + self._most)
        while place < stop and size < most:
            data = self.rendered(place)
            if data is None or (pieces and size + len(data) > most):
                break
            pieces.append(data)
            size += len(data)
            place += 1
        return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), place


class Audiences(Generic[C]):
    """All audiences of a stream, by the keys that tell their bytes apart."""

    def __init__(self) -> None:
        self._audiences: dict[Hashable, Audience[C]] = {}

    def __len__(self) -> int:
        return len(self._audiences)

    def __iter__(self) -> Iterator[Audience[C]]:
        return iter(tuple(self._audiences.values()))

    def enter(
        self,
        client: C,
        period: Period,
        choice: Choice,
        framing: Transform | None,
        rebase: Rebase | None,
    ) -> Audience[C]:
        """
        Add a client to the audience with the same bytes; a client with a time of its own is alone.
        """
        key: Hashable = client if rebase else (period, choice, framing)
        audience = self._audiences.get(key)
        if audience is None:
            audience = self._audiences[key] = Audience(period, key, choice, framing, rebase)
        audience.clients.add(client)
        return audience

    def leave(self, client: C, audience: Audience[C]) -> None:
        """Remove a client; with the last one of an audience forget the bytes made for it."""
        audience.clients.discard(client)
        if audience.clients:
            return
        del self._audiences[audience.key]
        if not any(other.shares(audience) for other in self._audiences.values()):
            audience.period.ring.forget(audience.kind)
