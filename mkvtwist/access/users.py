"""
Users and their passwords (I{reactor; a pool's threads compute the hashes}).
"""

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mkvtwist.access.passwords import is_right
from mkvtwist.net.pool import Pool
from mkvtwist.net.waiting import Results

HASHING_THREADS = 2
"""Threads that compute hashes at once: each takes a core for a quarter of a second."""

WAITING = 64
"""Passwords that wait for a thread, seconds of work; more are rejected."""

KNOWN = 4096
"""Passwords that were right and need not be hashed again: HLS sends them with each piece."""


class Busy(Exception):
    """The exception when too many passwords wait already; the client may try again."""


class Hashing:
    """Passwords compared with hashes in threads, a few at a time."""

    def __init__(
        self,
        reactor: Any,
        threads: int = HASHING_THREADS,
        is_right: Callable[[bytes, bytes], bool] = is_right,
    ) -> None:
        """
        @param is_right: compares a password with a hash, in a thread.
        """
        self._pool = Pool(reactor, threads)
        self._compare = is_right

    def is_right(self, password: bytes, hash_: bytes) -> Deferred[bool]:
        """
        Return a Deferred of whether a password is the right one.

        @raise Busy: if too many wait already.
        """
        if self._pool.waiting >= WAITING:
            raise Busy
        return self._pool.run(self._compare, password, hash_)


@implementer(ICredentialsChecker)
class Users:
    """The users of a file, as a checker of L{twisted.cred}."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, hashing: Hashing, users: Mapping[bytes, bytes], known: int = KNOWN) -> None:
        """
        @param users: the hashes of their passwords, by their names; at least one.
        @param known: how many passwords that were right need not be hashed again.
        """
        self._hashing = hashing
        self._users = users
        self._nobody = next(iter(users.values()))
        self._key = secrets.token_bytes()
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._most_known = known
        self._results: Results[bytes, bool] = Results()

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        return Deferred.fromCoroutine(self._avatar_id(credentials.username, credentials.password))

    async def _avatar_id(self, user: bytes, password: bytes) -> bytes | tuple[()]:
        hash_ = self._users.get(user)
        # A user who is not in the file takes as long as one who is.
        seen = self._digest(user, password, hash_ or self._nobody)
        if seen in self._known:
            self._known.move_to_end(seen)
            return user
        # A player asks for many pieces at once: all of them wait for one hash.
        right = await self._results.wait(
            seen, lambda: self._hashing.is_right(password, hash_ or self._nobody)
        )
        if hash_ is None or not right:
            raise UnauthorizedLogin
        self._known[seen] = None
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)
        return user

    def _digest(self, *parts: bytes) -> bytes:
        text = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return hmac.digest(self._key, text, "sha256")
