"""
Delivery to the clients that follow a stream, in the turn in which it comes (I{reactor}).

This is the hot path of a busy server: for each client and each write there is one C{offer}. Bytes
are made once for all clients that get the same.
"""

from collections.abc import Callable

from mkvtwist.live.audience import Audience, Audiences
from mkvtwist.live.client import Client
from mkvtwist.live.period import Period
from mkvtwist.live.turns import Turns


class Followers:
    """
    The clients that have everything so far, and can take more at once.

    @ivar given: the fragment before which they have everything.
    """

    def __init__(
        self,
        audiences: Audiences[Client],
        turns: Turns[Client],
        fail: Callable[[Client], None],
        piece: int,
    ) -> None:
        """
        @param audiences: of all clients; each knows which of its clients follow.
        @param turns: clients that cannot take all at once go on there.
        @param fail: is called in an exception that is a client's, and lets the client go.
        @param piece: bytes that are written at once at most.
        """
        self.given = 0
        self._audiences = audiences
        self._turns = turns
        self._fail = fail
        self._piece = piece

    def begin(self) -> None:
        """Go on with another period, which no client follows yet."""
        self.given = 0

    def give(self, period: Period) -> None:
        """Give the fragments that were released since the last time."""
        given, released = self.given, period.released
        if given == released:
            return
        self.given = released
        for audience in self._audiences:
            if audience.period is period and audience.following:
                try:
                    self._give(audience, given)
                except Exception:  # noqa: BLE001 - their bytes cannot be made: only theirs
                    for client in list(audience.following):
                        self._fail(client)

    def _give(self, audience: Audience[Client], given: int) -> None:
        period = audience.period
        if given < period.ring.first:
            # More than the ring holds has come at once: they have lost their place.
            self._leave_behind(audience, given, b"")
            return
        data, place = audience.piece(given, self._piece)
        if place < period.released:
            # Too much for one write (an input's first seconds): in pieces, as for others.
            self._leave_behind(audience, place, data)
        elif data:  # the format may have nothing of these packets
            self._offer(audience, data)

    def _leave_behind(self, audience: Audience[Client], place: int, data: bytes) -> None:
        """Give followers the fragments before a place; from there on they are behind."""
        for client in list(audience.following):
            client.follow_from(place)
            self._turns.ask(client)
            if data:
                try:
                    client.response.write(data)
                except Exception:  # noqa: BLE001 - one client's failure stays its own
                    self._fail(client)

    def _offer(self, audience: Audience[Client], data: bytes) -> None:
        size = len(data)
        audience.offered += size
        for client, offer in list(audience.following.items()):
            try:
                taken = offer(data)
            except OSError:
                taken = 0
            except Exception:  # noqa: BLE001 - one client's, as above
                self._fail(client)
                continue
            if taken != size:
                try:
                    client.response.keep(memoryview(data)[taken:])
                except Exception:  # noqa: BLE001 - one client's, as above
                    self._fail(client)
