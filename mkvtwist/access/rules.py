"""
Who may watch, and who may send (I{reactor}).

A L{AccessRule} says it; a L{Gate} is a rule at work: its files have been read. Addresses are looked
at first, without which nothing helps. Then, if the rule asks for them, credentials: one that is
right is enough.

Built on L{twisted.cred}: a gate has a L{Portal} of its own, with a checker for tokens, and one for
users and passwords, out of a file or from a plugin (L{twisted.cred.strcred}).
"""

import hmac
import ipaddress
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import IRealm, Portal
from twisted.cred.strcred import StrcredException, makeChecker
from twisted.internet.defer import Deferred, DeferredSemaphore, fail, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import Attribute, Interface, implementer

from mkvtwist.access.passwords import PasswordError, is_right, parse_users
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.values import ConfigError, Network, unusable

HASHING = 2
"""Threads that compute hashes at once: each takes a core for a quarter of a second."""

WAITING = 64
"""Passwords that wait for it, seconds of work; more are turned away."""

KNOWN = 4096
"""Passwords that were right and need not be hashed again: HLS sends them with each piece."""

GUESSES = 10
WINDOW = 60.0
"""
Wrong credentials that an address may give in so many seconds; then none are looked at. So many are
looked at once: further ones wait until a verdict shows whether there is room.
"""

PATIENCE = 30.0
"""Seconds that a checker may take: a plugin may ask another server, and get no answer."""

ADDRESSES = 10_000
"""Addresses whose guesses are counted, a few hundred bytes each; the oldest are forgotten."""

SHORTEST = 8
"""Characters of a token: a shorter one can be guessed, even slowly."""

FILE_LIMIT = 16 << 20
"""Bytes of a file of tokens or users: 200,000 users."""

REMEMBERED = 4096
"""Addresses that need not be parsed again: each request has one, which takes 5 microseconds."""

LOOPBACK = "127.0.0.1"
"""What a client without an address, on a UNIX socket, counts as."""


Result = TypeVar("Result")


class Busy(Exception):
    """Too many passwords at once; whoever this is may try again."""


class LockedOut(Exception):
    """Too many wrong credentials have come from an address; none from there are looked at now."""


class IToken(ICredentials):
    """A secret that says nothing of who has it."""

    def is_one_of(tokens: Iterable[bytes]) -> bool:
        """Whether it is; takes as long whether it is or not."""


@implementer(IToken)
class Token:
    """Out of C{?token=}, C{Authorization: Bearer}, or the password of Basic."""

    def __init__(self, token: bytes) -> None:
        self._token = token

    def is_one_of(self, tokens: Iterable[bytes]) -> bool:
        found = False
        for token in tokens:
            found |= hmac.compare_digest(token, self._token)
        return found


class IVisitor(Interface):
    """Who has been let in: the avatar, in cred's words."""

    name = Attribute("The user's, or what the checker calls them.")


@implementer(IVisitor)
class Visitor(NamedTuple):
    """Somebody with the right credentials."""

    name: str


@implementer(IRealm)
class _Inside:
    """What is behind a gate: everybody is the same there."""

    def requestAvatar(
        self, avatarId: bytes | tuple[()], mind: object, *interfaces: Any
    ) -> tuple[Any, Any, Any]:
        name = avatarId.decode("utf-8", "replace") if isinstance(avatarId, bytes) else ""
        return IVisitor, Visitor(name), lambda: None


@implementer(ICredentialsChecker)
class Tokens:
    """Tokens out of a file."""

    credentialInterfaces = (IToken,)

    def __init__(self, tokens: Iterable[bytes]) -> None:
        self._tokens = tuple(tokens)

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        return (
            succeed(b"token") if credentials.is_one_of(self._tokens) else fail(UnauthorizedLogin())
        )


class Hashing:
    """Passwords looked at in threads, a few at a time."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._turns = DeferredSemaphore(HASHING)

    def is_right(
        self, password: bytes, hash_: bytes, is_known: Callable[[], bool] = lambda: False
    ) -> Deferred[bool]:
        """
        Fires with whether it is.

        @param is_known: asked when its turn has come: whether it has been found right meanwhile.
        @raise Busy: when too many wait already.
        """
        if len(self._turns.waiting) >= WAITING:
            raise Busy
        result: Deferred[bool] = self._turns.run(self._look, password, hash_, is_known)
        return result

    def _look(self, password: bytes, hash_: bytes, is_known: Callable[[], bool]) -> Deferred[bool]:
        if is_known():
            return succeed(True)
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, pool, is_right, password, hash_)


@implementer(ICredentialsChecker)
class Users:
    """Users and passwords out of a file."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, hashing: Hashing, users: Mapping[bytes, bytes]) -> None:
        self._hashing = hashing
        self._users = users
        self._nobody = next(iter(users.values()))
        self._key = secrets.token_bytes()
        self._known: OrderedDict[bytes, None] = OrderedDict()

    async def _avatar_id(self, user: bytes, password: bytes) -> bytes | tuple[()]:
        hash_ = self._users.get(user)
        # Who is not in the file takes as long as who is.
        seen = self._digest(user, password, hash_ or self._nobody)
        if seen in self._known:
            self._known.move_to_end(seen)
            return user
        right = await self._hashing.is_right(
            password, hash_ or self._nobody, lambda: seen in self._known
        )
        if hash_ is None or not right:
            raise UnauthorizedLogin
        self._known[seen] = None
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return user

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        return Deferred.fromCoroutine(self._avatar_id(credentials.username, credentials.password))

    def _digest(self, *parts: bytes) -> bytes:
        text = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return hmac.digest(self._key, text, "sha256")


class Gate:
    """
    A rule at work.

    @ivar rule: what it does.
    """

    _log = Logger()

    def __init__(self, rule: AccessRule, hashing: Hashing) -> None:
        self.rule = rule
        self._hashing = hashing
        self._portal = Portal(_Inside())
        self.read()

    def read(self) -> None:
        """Read the rule's files, again; when one cannot be used, what was read before holds."""
        try:
            self._portal = Portal(_Inside(), list(checkers(self.rule, self._hashing)))
        except ConfigError as error:
            self._log.error("{error}; nothing has changed", error=str(error))

    def allows(self, host: str | None) -> bool:
        """Whether this address may come in at all."""
        rule = self.rule
        if not (rule.allow or rule.deny):
            return True
        address = parse_address(host)
        if address is None or any(address in network for network in rule.deny):
            return False
        return not rule.allow or any(address in network for network in rule.allow)

    async def login(self, offered: Iterable[ICredentials]) -> Visitor:
        """
        Whoever offers these.

        @raise UnauthorizedLogin: when none of them is right.
        @raise Busy: when that cannot be found out now.
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
    """All gates, one for each rule that there is: who is known at one is known wherever it is."""

    def __init__(self, reactor: Any) -> None:
        self._hashing = Hashing(reactor)
        self._gates: dict[AccessRule, Gate] = {}

    def gate(self, rule: AccessRule) -> Gate:
        """The one for a rule; the first time, its files are read."""
        if rule not in self._gates:
            self._gates[rule] = Gate(rule, self._hashing)
        return self._gates[rule]

    def read(self, rules: Iterable[AccessRule]) -> None:
        """Read the files of these rules, again if need be, and forget all others."""
        before = self._gates
        self._gates = {}
        for rule in rules:
            if rule in before:
                self._gates[rule] = before[rule]
                before[rule].read()
            else:
                self.gate(rule)


class _Line:
    """Credentials from one address: how many are looked at, and those that wait for a verdict."""

    def __init__(self) -> None:
        self.looked_at = 0
        self.waiting: deque[Deferred[None]] = deque()
        self.is_moving = False


class Guesses:
    """
    Wrong credentials, counted by address; a network of IPv6 that one host has counts as one.

    Only a verdict counts: credentials that are right are never a guess, however many come at once.
    Those that are looked at could still be wrong, so there are never more of them than guesses are
    left; the others wait in line. Each is a request, so connections bound their number.

    @ivar locked_out: called with an address, or a network of IPv6, when it has no guesses left.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lines: dict[str, _Line] = {}
        self.locked_out: Callable[[str], object] = lambda _: None

    async def judge(
        self, host: str | None, login: Callable[[], Coroutine[Any, Any, Result]]
    ) -> Result:
        """
        Have credentials looked at, and count them if they are wrong.

        @param host: the address that they come from.
        @param login: looks at them; raises L{UnauthorizedLogin} if they are wrong.
        @raise LockedOut: when too many from this address were wrong.
        @raise twisted.internet.defer.TimeoutError: when that takes more than L{PATIENCE}.
        """
        key = one_host(host)
        await self._turn(key)
        try:
            looking: Deferred[Result] = Deferred.fromCoroutine(login())
            return await looking.addTimeout(PATIENCE, self._clock)
        except UnauthorizedLogin:
            self._count(key)
            raise
        finally:
            self._lines[key].looked_at -= 1
            self._move(key)

    async def _turn(self, key: str) -> None:
        """Wait until one more may be looked at; raise L{LockedOut} if none may."""
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
        """Give those that wait their turn after a verdict, or tell them that there is none."""
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
        if count and self._clock.seconds() - since >= WINDOW:
            del self._counts[key]
            count = 0
        return GUESSES - count

    def _count(self, key: str) -> None:
        self._left(key)
        since, count = self._counts.get(key, (self._clock.seconds(), 0))
        self._counts[key] = (since, count + 1)
        if len(self._counts) > ADDRESSES:
            self._counts.popitem(last=False)
        if count + 1 == GUESSES:
            self.locked_out(key)


@lru_cache(maxsize=REMEMBERED)
def one_host(host: str | None) -> str:
    """Return what counts as one host: an address, in IPv6 the network (/64) that one has."""
    address = parse_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


@lru_cache(maxsize=REMEMBERED)
def parse_address(host: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, in IPv4 where that is what it means; L{None} if it is none."""
    try:
        address = ipaddress.ip_address((host or LOOPBACK).partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str | None) -> bool:
    """Whether an address is one by which a machine calls itself; so is none, on a UNIX socket."""
    address = parse_address(host)
    return address is not None and address.is_loopback


def within(host: str | None, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of these networks."""
    address = parse_address(host)
    return address is not None and any(address in network for network in networks)


def checkers(rule: AccessRule, hashing: Hashing) -> Iterable[ICredentialsChecker]:
    """
    What a rule's credentials are held against.

    @raise ConfigError: for a file that cannot be read, or has something else in it.
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
            raise ConfigError(f"checker {kind!r}: there is none, or not with this") from None
        except Exception as error:  # noqa: BLE001 - a plugin raises whatever it likes
            raise ConfigError(f"checker {kind!r}: {type(error).__name__}") from None


def read_tokens(path: str) -> list[bytes]:
    """
    The tokens in a file, one a line; what begins with # is none.

    @raise ConfigError: when there are none, or too short ones.
    """
    lines = [line.strip() for line in read_file(path).splitlines()]
    tokens = [line for line in lines if line and not line.startswith(b"#")]
    if not tokens:
        raise ConfigError(f"{path!r}: there is no token in it")
    if min(map(len, tokens)) < SHORTEST:
        raise ConfigError(f"{path!r}: a token has {SHORTEST} characters or more")
    return tokens


def read_file(path: str, most: int = FILE_LIMIT) -> bytes:
    """
    Read a file that the configuration names.

    @param most: bytes that it may have; a device has no end.
    @raise ConfigError: when it cannot be read, or has more.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(unusable(path, error)) from None
    if len(content) > most:
        raise ConfigError(f"{path!r} has more than {most} bytes; name another file")
    return content
