"""
Held requests, which wait for a segment, a part or a list (I{reactor}).
"""

from collections.abc import Callable, Hashable
from typing import Any, Generic, NamedTuple, TypeVar

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.web.http import Request

from mkvtwist.http.wire.peer import abort
from mkvtwist.http.wire.response import View
from mkvtwist.live.turns import CROWD, Turns

MOST_HELD = 5_000
"""Requests of one stream that are held at once: a few kilobytes each."""

K = TypeVar("K", bound=Hashable)


class _Held(NamedTuple):
    due: Hashable
    show: View
    late: View
    timeout: IDelayedCall


class HeldRequests(Generic[K]):
    """
    The requests of one stream that wait, by what they wait for.

    Whether a thing is due is found out once for all requests that wait for it. These get their
    responses in turns, so that others need not wait for a crowd; a failure is one request's own.
    """

    def __init__(
        self,
        reactor: Any,
        log: Logger,
        is_due: Callable[[K], bool],
        *,
        most: int = MOST_HELD,
        crowd: int = CROWD,
    ) -> None:
        """
        @param is_due: whether something is there, or never will be.
        @param most: how many requests are held at once.
        @param crowd: how many get their response in one turn of the reactor.
        """
        self._reactor = reactor
        self._log = log
        self._is_due = is_due
        self._most = most
        self._held: dict[Request, _Held] = {}
        self._waiting: dict[Any, dict[Request, None]] = {}  # sets that keep their order, by due
        self._turns = Turns(reactor, self._answer, crowd)

    @property
    def is_full(self) -> bool:
        """Return whether as many requests are held as may be."""
        return len(self._held) >= self._most

    def hold(self, request: Request, due: K, show: View, late: View, seconds: float) -> None:
        """
        Hold a request.

        @param due: the thing that it waits for.
        @param show: responds when the thing is due.
        @param late: responds if the thing has not come in time.
        @param seconds: how long it waits.
        """
        # All whose time is over have their turn with others: they came when nothing did any more.
        timeout = self._reactor.callLater(seconds, self._turns.ask, request)
        self._held[request] = _Held(due, show, late, timeout)
        self._waiting.setdefault(due, {})[request] = None
        request.notifyFinish().addErrback(lambda _: self._forget(request))

    def look(self) -> None:
        """Respond to the requests whose thing is due, to some of them at once."""
        for due in [due for due in self._waiting if self._is_due(due)]:
            for request in self._waiting.pop(due):
                self._turns.ask(request)
        self._turns.begin()

    def _forget(self, request: Request) -> _Held | None:
        self._turns.withdraw(request)
        held = self._held.pop(request, None)
        if held is not None:
            if held.timeout.active():
                held.timeout.cancel()
            waiting = self._waiting.get(held.due, {})
            waiting.pop(request, None)
            if not waiting:
                self._waiting.pop(held.due, None)
        return held

    def _answer(self, request: Request) -> None:
        held: Any = self._forget(request)
        if held is None:
            return
        try:
            (held.show if self._is_due(held.due) else held.late)(request)
        except Exception:  # noqa: BLE001 - whatever it is, it is one request's
            self._log.failure("{request} failed", request=request)
            abort(request)
