"""
Admission: checks a request against a rule before a view responds (I{reactor}).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.http import Request

from mkvtwist.access.entry import Entry, Rejection
from mkvtwist.access.guesses import GUESS_WINDOW, GUESSES, LockedOut
from mkvtwist.access.refusals import Refusals
from mkvtwist.access.rules import Gate, Visitor
from mkvtwist.config.rule import AccessRule
from mkvtwist.http.credentials import credentials
from mkvtwist.http.wire.later import respond_failure
from mkvtwist.http.wire.peer import client_host
from mkvtwist.http.wire.request import IncomingRequest
from mkvtwist.http.wire.response import respond_text, respond_unavailable
from mkvtwist.live.events import AddressLockedOut
from mkvtwist.streams.stream import Stream


class Admission:
    """Looks at requests before views respond."""

    def __init__(self, refusals: Refusals, entry: Entry) -> None:
        """
        @param refusals: told of addresses that are locked out.
        """
        self._entry = entry
        self._entry.guesses.locked_out = partial(_report, refusals)

    def admit(
        self, request: Request, realm: str, rule: AccessRule, then: Callable[[], None]
    ) -> None:
        """
        Call C{then} if the rule admits a request, at once or when that is known; else respond.

        @param realm: what the client is told that the credentials are for.
        """
        is_open = not (rule.wants_credentials or rule.allow or rule.deny)
        if is_open:  # as most are, which takes no detour
            then()
        else:
            self._ask(request, realm, rule, then)

    async def visible(self, request: Request, streams: Mapping[str, Stream]) -> dict[str, Stream]:
        """
        Return the streams that a request may watch.

        @raise mkvtwist.access.users.Busy: if that cannot be found out now.
        """
        here = client_host(request)
        gates = {
            name: self._entry.access.gate(stream.config.watch) for name, stream in streams.items()
        }
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
                await self._entry.guesses.judge(here, look)
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

        def failed(why: Failure) -> None:
            self._entry.failed(why.value)
            if not gone:
                _cannot_say(request)

        found = Deferred.fromCoroutine(self.visible(request, streams))
        found.addCallbacks(shown, failed)
        found.addErrback(respond_failure, request)

    def _ask(
        self, request: Request, realm: str, rule: AccessRule, then: Callable[[], None]
    ) -> None:
        gone = _Gone(request)

        def respond(decision: Visitor | Rejection) -> None:
            if gone:
                return
            if isinstance(decision, Visitor):
                if isinstance(request, IncomingRequest):
                    request.visitor = decision.name
                then()
            elif decision is Rejection.ADDRESS:
                respond_text(request, 403, "Access from your address is not allowed.")
            elif decision is Rejection.LOCKED_OUT:
                request.setHeader(b"Retry-After", b"%d" % GUESS_WINDOW)
                respond_text(request, 429, "Too many wrong tokens or passwords; try again later.")
            elif decision is Rejection.UNAVAILABLE:
                _cannot_say(request)
            else:
                _challenge(request, realm)

        decided = Deferred.fromCoroutine(
            self._entry.decide(rule, client_host(request), credentials(request))
        )
        decided.addCallback(respond)
        decided.addErrback(respond_failure, request)

    @staticmethod
    async def _knows(gate: Gate, offered: list[ICredentials]) -> bool:
        try:
            await gate.login(offered)
        except UnauthorizedLogin:
            return False
        return True


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


def _cannot_say(request: Request) -> None:
    respond_unavailable(request, "Authorization is temporarily unavailable; try again in 1 s.", 1)


def _challenge(request: Request, realm: str) -> None:
    headers = request.responseHeaders
    headers.addRawHeader(b"WWW-Authenticate", f'Basic realm="{realm}", charset="UTF-8"'.encode())
    headers.addRawHeader(b"WWW-Authenticate", f'Bearer realm="{realm}"'.encode())
    respond_text(
        request, 401, "Authentication required: add ?token=... or a user name and password."
    )
