"""
Admission: checks a request against a rule before a view responds (I{reactor}).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request

from mkvtwist.access.guesses import GUESS_WINDOW, GUESSES, Guesses, LockedOut
from mkvtwist.access.refusals import Refusals
from mkvtwist.access.rules import Access, Gate, Visitor
from mkvtwist.access.users import Busy
from mkvtwist.config.rule import AccessRule
from mkvtwist.http.credentials import credentials
from mkvtwist.http.wire.later import respond_failure
from mkvtwist.http.wire.peer import client_host
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.http.wire.response import respond_text, respond_unavailable
from mkvtwist.live.events import AddressLockedOut
from mkvtwist.streams.stream import Stream

PENALTY = 1.0
"""Seconds until a client is told that its credentials are wrong."""


class Admission:
    """
    Looks at requests before views respond.

    @ivar access: the gates of all rules.
    """

    _log = Logger()

    def __init__(self, reactor: Any, refusals: Refusals, access: Access) -> None:
        self._reactor = reactor
        self._guesses = Guesses(reactor)
        self._guesses.locked_out = partial(_report, refusals)
        self.access = access

    def admit(
        self, request: Request, realm: str, rule: AccessRule, then: Callable[[], None]
    ) -> None:
        """
        Call C{then} if the rule admits a request, at once or when that is known; else respond.

        @param realm: what the client is told that the credentials are for.
        """
        gate = self.access.gate(rule)
        if not gate.allows(client_host(request)):
            respond_text(request, 403, "Access from your address is not allowed.")
        elif not gate.rule.wants_credentials:
            then()
        else:
            self._ask(request, realm, gate, then)

    async def visible(self, request: Request, streams: Mapping[str, Stream]) -> dict[str, Stream]:
        """
        Return the streams that a request may watch.

        @raise Busy: if that cannot be found out now.
        """
        here = client_host(request)
        gates = {name: self.access.gate(stream.config.watch) for name, stream in streams.items()}
        gates = {name: gate for name, gate in gates.items() if gate.allows(here)}
        known = {gate: True for gate in gates.values() if not gate.rule.wants_credentials}
        asking = [gate for gate in dict.fromkeys(gates.values()) if gate not in known]
        offered = list(credentials(request)) if asking else []

        async def look() -> None:
            for gate in asking:
                known[gate] = await self._knows(gate, offered)
            if not any(known[gate] for gate in asking):
                raise UnauthorizedLogin

        if offered:  # judged once for all: it is right if it is anywhere
            with suppress(UnauthorizedLogin, LockedOut):
                await self._guesses.judge(here, look)
        return {name: streams[name] for name, gate in gates.items() if known.get(gate)}

    def show(
        self,
        request: Request,
        streams: Mapping[str, Stream],
        view: Callable[[Mapping[str, Stream], Request], None],
    ) -> None:
        """Have a view respond with the streams that L{visible} returns."""
        gone = _Gone(request)

        def shown(visible: Mapping[str, Stream]) -> None:
            if not gone:
                view(visible, request)

        found = Deferred.fromCoroutine(self.visible(request, streams))
        found.addCallbacks(shown, partial(self._cannot_say, request, gone))
        found.addErrback(respond_failure, request)

    def _ask(self, request: Request, realm: str, gate: Gate, then: Callable[[], None]) -> None:
        offered = list(credentials(request))
        if not offered:
            _challenge(request, realm)
        else:
            gone = _Gone(request)

            def let_in(visitor: Visitor) -> None:
                if not gone:
                    if isinstance(request, IncomingRequest):
                        request.visitor = visitor.name
                    then()

            judging = self._guesses.judge(client_host(request), partial(gate.login, offered))
            login = Deferred.fromCoroutine(judging)
            login.addCallbacks(let_in, partial(self._refuse, request, realm, gone))
            login.addErrback(respond_failure, request)

    @staticmethod
    async def _knows(gate: Gate, offered: list[ICredentials]) -> bool:
        try:
            await gate.login(offered)
        except UnauthorizedLogin:
            return False
        return True

    def _refuse(self, request: Request, realm: str, gone: "_Gone", why: Failure) -> None:
        if why.check(UnauthorizedLogin):
            self._reactor.callLater(PENALTY, _challenge, request, realm, gone)
        elif not why.check(LockedOut):
            self._cannot_say(request, gone, why)
        elif not gone:
            request.setHeader(b"Retry-After", b"%d" % GUESS_WINDOW)
            respond_text(request, 429, "Too many wrong tokens or passwords; try again later.")

    def _cannot_say(self, request: Request, gone: "_Gone", why: Failure) -> None:
        if not why.check(Busy):
            # Not the exception's text: a checker may quote what it was given.
            self._log.error("access: a checker failed: {kind}", kind=why.type)
        if not gone:
            respond_unavailable(
                request, "Authorization is temporarily unavailable; try again in 1 s.", 1
            )


class _Gone:
    """True when a request's connection is lost."""

    def __init__(self, request: Request) -> None:
        self._is_true = False
        request.notifyFinish().addErrback(self._lost)

    def _lost(self, _: Failure) -> None:
        self._is_true = True

    def __bool__(self) -> bool:
        return self._is_true


def _report(refusals: Refusals, peer: str) -> None:
    """Tell operators that an address is locked out."""
    line = "{peer} is locked out for up to {seconds:.0f} s: {reason}"
    reason = f"{GUESSES} wrong tokens or passwords"
    refusals.tell(AddressLockedOut(peer=peer, reason=reason, seconds=GUESS_WINDOW), reason, line)


def _challenge(request: Request, realm: str, gone: "_Gone | None" = None) -> None:
    if gone:
        return
    headers = request.responseHeaders
    headers.addRawHeader(b"WWW-Authenticate", f'Basic realm="{realm}", charset="UTF-8"'.encode())
    headers.addRawHeader(b"WWW-Authenticate", f'Bearer realm="{realm}"'.encode())
    respond_text(
        request, 401, "Authentication required: add ?token=... or a user name and password."
    )
