"""
The entry of a server: rules, guesses and limits, the same for each protocol (I{reactor}).
"""

from collections.abc import Iterable
from enum import Enum, auto
from functools import partial
from typing import Any

from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mkvtwist.access.address_limits import AddressLimits
from mkvtwist.access.guesses import Guesses, LockedOut
from mkvtwist.access.rules import Access, Gate, Visitor
from mkvtwist.access.users import Busy, Hashing
from mkvtwist.config.rule import AccessRule

PENALTY = 1.0
"""Seconds until a client is told that its credentials are wrong."""


class Rejection(Enum):
    """The reason why a client does not get in."""

    ADDRESS = auto()
    """The rule does not allow its address; no credentials would help."""
    CREDENTIALS_MISSING = auto()
    CREDENTIALS_WRONG = auto()
    LOCKED_OUT = auto()
    """Too many credentials from its address were wrong: none are looked at for a while."""
    UNAVAILABLE = auto()
    """The credentials cannot be checked now."""


class Entry:
    """
    The entry of a server, which all protocols share: a guess over one counts for the others.

    @ivar access: the gates of all rules.
    @ivar limits: the connections and requests of each address.
    @ivar guesses: the wrong credentials of each address.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, access: Access | None = None, limits: AddressLimits | None = None
    ) -> None:
        """
        @param access: the gates; by default, those that read the files of the rules.
        @param limits: of each address; by default, those of a server.
        """
        self.access = access or Access(Hashing(reactor))
        self.limits = limits or AddressLimits(reactor)
        self.guesses = Guesses(reactor)
        self._reactor = reactor

    async def decide(
        self, rule: AccessRule, host: str | None, offered: Iterable[ICredentials]
    ) -> Visitor | Rejection:
        """
        Return the client if a rule admits it, or why not. Wrong credentials take L{PENALTY} longer.

        @param host: the client's address; L{None} for a UNIX socket.
        @param offered: its credentials, of which one that is right is enough.
        """
        gate = self.access.gate(rule)
        if not gate.allows(host):
            return Rejection.ADDRESS
        if not rule.wants_credentials:
            return Visitor("")
        credentials = list(offered)
        if not credentials:
            return Rejection.CREDENTIALS_MISSING
        return await self._judge(gate, host, credentials)

    async def _judge(
        self, gate: Gate, host: str | None, offered: list[ICredentials]
    ) -> Visitor | Rejection:
        try:
            return await self.guesses.judge(host, partial(gate.login, offered))
        except UnauthorizedLogin:
            await deferLater(self._reactor, PENALTY)
            return Rejection.CREDENTIALS_WRONG
        except LockedOut:
            return Rejection.LOCKED_OUT
        except Exception as error:  # noqa: BLE001 - a checker raises whatever it likes
            self.failed(error)
            return Rejection.UNAVAILABLE

    def failed(self, error: BaseException | None) -> None:
        """Log that a checker has failed, unless it was only too busy."""
        if not isinstance(error, Busy):
            # Not the exception's text: a checker may quote what it was given.
            self._log.error("access: a checker failed: {kind}", kind=type(error))
