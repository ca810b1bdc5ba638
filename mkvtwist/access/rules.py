"""
Access rules applied to clients that watch, send, or look at the status (I{reactor}).

A L{Gate} is an access rule whose files have been read. Addresses are looked at first: without the
right one nothing helps. Then, if the rule asks for them, credentials: one that is right is enough.

Built on L{twisted.cred}: a gate has a L{Portal} of its own, with a checker for tokens, and one for
users and passwords, out of a file or from a plugin (L{twisted.cred.strcred}).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import IRealm, Portal
from twisted.cred.strcred import StrcredException, makeChecker
from twisted.logger import Logger
from zope.interface import Attribute, Interface, implementer

from mkvtwist.access.passwords import PasswordError, parse_users
from mkvtwist.access.secret_files import read_file
from mkvtwist.access.tokens import Tokens, read_tokens
from mkvtwist.access.users import Hashing, Users
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.values import ConfigError
from mkvtwist.net.addresses import parse_address, within


class IVisitor(Interface):
    """A client with the right credentials: the avatar, in cred's words."""

    name = Attribute("the user's name, or what the checker calls the client")


@implementer(IVisitor)
class Visitor(NamedTuple):
    """A client with the right credentials."""

    name: str


@implementer(IRealm)
class _Inside:
    """The realm behind a gate: all clients get the same avatar."""

    def requestAvatar(
        self, avatarId: bytes | tuple[()], mind: object, *interfaces: Any
    ) -> tuple[Any, Any, Any]:
        name = avatarId.decode("utf-8", "replace") if isinstance(avatarId, bytes) else ""
        return IVisitor, Visitor(name), lambda: None


Checkers = Callable[[AccessRule, Hashing], Iterable[ICredentialsChecker]]
"""Makes the checkers that a rule asks for; raises L{ConfigError}."""


def checkers(rule: AccessRule, hashing: Hashing) -> Iterable[ICredentialsChecker]:
    """
    Yield the checkers that a rule asks for.

    @raise ConfigError: for a file that cannot be read, or has something else in it; for a plugin
        that does not exist, or rejects its argument.
    """
    if rule.token_file is not None:
        yield Tokens(read_tokens(rule.token_file))
    if rule.users is not None:
        try:
            yield Users(hashing, parse_users(read_file(rule.users)))
        except PasswordError as error:
            raise ConfigError(f"{rule.users!r}: {error}") from None
    if rule.checker is not None:
        kind, _, told = rule.checker.partition(":")
        if kind == "file":  # Twisted's, which would take an unreadable file for an empty one
            read_file(told)
        try:
            yield makeChecker(rule.checker)
        except StrcredException:
            raise ConfigError(f"checker {kind!r}: unknown checker, or invalid argument") from None
        except Exception as error:  # noqa: BLE001 - a plugin raises whatever it likes
            raise ConfigError(f"checker {kind!r}: {type(error).__name__}") from None


class Gate:
    """
    An access rule whose files have been read.

    @ivar rule: the rule.
    """

    _log = Logger()

    def __init__(self, rule: AccessRule, hashing: Hashing, find: Checkers = checkers) -> None:
        """
        @param find: finds the checkers.
        """
        self.rule = rule
        self._hashing = hashing
        self._find = find
        self._portal = Portal(_Inside())
        self.read()

    def read(self) -> None:
        """Read the rule's files again; if one cannot be used, what was read before holds."""
        try:
            self._portal = Portal(_Inside(), list(self._find(self.rule, self._hashing)))
        except ConfigError as error:
            self._log.error("{error}; nothing has changed", error=str(error))

    def allows(self, host: str | None) -> bool:
        """Return whether the rule allows an address; L{None} is a UNIX socket."""
        rule = self.rule
        if not (rule.allow or rule.deny):
            return True
        if parse_address(host) is None or within(host, rule.deny):
            return False
        return not rule.allow or within(host, rule.allow)

    async def login(self, offered: Iterable[ICredentials]) -> Visitor:
        """
        Return the client that has these credentials.

        @raise UnauthorizedLogin: if none of them is right.
        @raise mkvtwist.access.users.Busy: if that cannot be found out now.
        """
        for credentials in offered:
            try:
                _, visitor, _ = await self._portal.login(credentials, None, IVisitor)
            except (UnauthorizedLogin, UnhandledCredentials):
                continue
            assert isinstance(visitor, Visitor)
            return visitor
        raise UnauthorizedLogin


class Access:
    """The gates, one for each rule, so that a password is known wherever the rule is the same."""

    def __init__(self, hashing: Hashing, find: Checkers = checkers) -> None:
        """
        @param find: finds the checkers of each rule.
        """
        self._hashing = hashing
        self._find = find
        self._gates: dict[AccessRule, Gate] = {}

    def gate(self, rule: AccessRule) -> Gate:
        """Return the gate of a rule; the first time, the rule's files are read."""
        if rule not in self._gates:
            self._gates[rule] = Gate(rule, self._hashing, self._find)
        return self._gates[rule]

    def read(self, rules: Iterable[AccessRule]) -> None:
        """Read the files of these rules, again if need be, and forget all other rules."""
        before = self._gates
        self._gates = {}
        for rule in rules:
            if rule in before:
                self._gates[rule] = before[rule]
                before[rule].read()
            else:
                self.gate(rule)
