"""
Wrong credentials, counted by address, so that guessing ends soon (I{reactor}).

 1. Only a verdict counts: credentials that are right are never a guess, however many come at once.
 2. Credentials that are being looked at could still be wrong. So only as many are looked at as the
    address has guesses left; further ones wait in line for a verdict.
 3. Each of those is a request, so the number of connections bounds the lines.

One address is one host; for IPv6 that is a network, see L{mkvtwist.net.addresses.one_host}.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred

from mkvtwist.net.addresses import one_host

GUESSES = 10
GUESS_WINDOW = 60.0
"""
Wrong credentials that an address may give in so many seconds; then no more are looked at. The
number is also the most that are looked at at once.
"""

VERDICT_TIME = 30.0
"""Seconds that a checker may take: a plugin may ask another server, and get no answer."""

ADDRESSES = 10_000
"""Addresses whose guesses are counted, a few hundred bytes each; the oldest are forgotten."""

Result = TypeVar("Result")


class LockedOut(Exception):
    """
    The exception for an address with too many wrong credentials: none from it are looked at now.
    """


class _Line:
    """The credentials of one address: the number being looked at, and those that wait."""

    def __init__(self) -> None:
        self.looked_at = 0
        self.waiting: deque[Deferred[None]] = deque()
        self.is_moving = False


class Guesses:
    """
    The wrong credentials of all addresses.

    @ivar locked_out: called with an address, or a network of IPv6, when it has no guesses left.
    """

    def __init__(self, clock: Any, addresses: int = ADDRESSES) -> None:
        """
        @param addresses: how many are counted at once.
        """
        self._clock = clock
        self._addresses = addresses
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lines: dict[str, _Line] = {}
        self.locked_out: Callable[[str], object] = lambda _: None

    @property
    def addresses(self) -> int:
        """The number of addresses that are counted, or have credentials looked at."""
        return len(self._counts.keys() | self._lines.keys())

    async def judge(
        self, host: str | None, login: Callable[[], Coroutine[Any, Any, Result]]
    ) -> Result:
        """
        Have credentials looked at, and count them if they are wrong.

        @param host: the address that they come from.
        @param login: looks at them; raises L{UnauthorizedLogin} if they are wrong.
        @raise LockedOut: if too many from this address were wrong.
        @raise twisted.internet.defer.TimeoutError: if that takes more than L{VERDICT_TIME}.
        """
        key = one_host(host)
        await self._turn(key)
        try:
            looking: Deferred[Result] = Deferred.fromCoroutine(login())
            return await looking.addTimeout(VERDICT_TIME, self._clock)
        except UnauthorizedLogin:
            self._count(key)
            raise
        finally:
            self._lines[key].looked_at -= 1
            self._move(key)

    async def _turn(self, key: str) -> None:
        """
        Wait until one more may be looked at.

        @raise LockedOut: if none may.
        """
        left = self._left(key)
        if left <= 0:
            raise LockedOut
        line = self._lines.setdefault(key, _Line())
        if line.looked_at < left:
            line.looked_at += 1
        else:
            turn: Deferred[None] = Deferred()
            line.waiting.append(turn)
            await turn

    def _move(self, key: str) -> None:
        """Let those that wait go on after a verdict, or tell them that they are locked out."""
        line = self._lines[key]
        if line.is_moving:  # a turn may be over at once; the loop below goes on after it
            return
        line.is_moving = True
        while line.waiting:
            left = self._left(key)
            if left <= 0:
                line.waiting.popleft().errback(LockedOut())
            elif line.looked_at < left:
                line.looked_at += 1
                line.waiting.popleft().callback(None)
            else:
                break
        line.is_moving = False
        if not line.looked_at:
            del self._lines[key]

    def _left(self, key: str) -> int:
        """Return how many guesses an address has left."""
        since, count = self._counts.get(key, (0.0, 0))
        if count and self._clock.seconds() - since >= GUESS_WINDOW:
            del self._counts[key]
            count = 0
        return GUESSES - count

    def _count(self, key: str) -> None:
        self._left(key)
        since, count = self._counts.get(key, (self._clock.seconds(), 0))
        self._counts[key] = (since, count + 1)
        if len(self._counts) > self._addresses:
            self._counts.popitem(last=False)
        if count + 1 == GUESSES:
            self.locked_out(key)
