"""Users and their passwords, looked at in threads."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mkvtwist.access.users import HASHING_THREADS, WAITING, Busy, Hashing, Users
from mkvtwist.testing import Reactor
from tests.support.secrets import HASH


class UsersTests(SynchronousTestCase):
    """L{Users} and L{Hashing}."""

    def setUp(self) -> None:
        """Nobody has been hashed yet."""
        self.reactor = Reactor()
        self.hashed: list[bytes] = []

    def compare(self, password: bytes, hash_: bytes) -> bool:
        """Note which password is hashed; one is right."""
        self.hashed.append(password)
        return hash_ == HASH and password == b"secret"

    def begin(self, users: Users, user: bytes, password: bytes) -> Deferred[Any]:
        """Somebody gives a user's name and a password."""
        return users.requestAvatarId(UsernamePassword(user, password))

    def is_right(self, users: Users, user: bytes, password: bytes) -> bool:
        """Whether they are right."""
        login = self.begin(users, user, password)
        self.reactor.turns()
        done: list[Any] = []
        login.addBoth(done.append)
        return done == [user]

    def test_interface(self) -> None:
        """Users are a checker for cred."""
        verifyObject(ICredentialsChecker, Users(Hashing(self.reactor), {b"x": HASH}))

    def test_hashed_once(self) -> None:
        """A password that was right is not hashed again; a wrong one, and a stranger's, are."""
        users = Users(Hashing(self.reactor, is_right=self.compare), {b"alice": HASH})
        for user, password in ((b"alice", b"secret"), (b"alice", b"no"), (b"bob", b"secret")) * 2:
            self.is_right(users, user, password)
        self.assertEqual(self.hashed, [b"secret", b"no", b"secret", b"no", b"secret"])

    def test_known_is_bounded(self) -> None:
        """Only the last passwords that were right are known; others are hashed again."""
        hashing = Hashing(self.reactor, is_right=self.compare)
        users = Users(hashing, {b"alice": HASH, b"bob": HASH}, known=1)
        for user in (b"alice", b"alice", b"bob", b"alice"):
            self.assertTrue(self.is_right(users, user, b"secret"))
        self.assertEqual(self.hashed, [b"secret"] * 3)

    def test_busy(self) -> None:
        """Passwords that would wait for too long are not looked at."""
        hashing = Hashing(self.reactor)
        waiting = [hashing.is_right(b"x", HASH) for _ in range(WAITING + HASHING_THREADS)]
        self.assertRaises(Busy, hashing.is_right, b"x", HASH)
        self.reactor.turns()
        self.assertEqual([self.successResultOf(one) for one in waiting], [False] * len(waiting))
        self.assertNoResult(hashing.is_right(b"secret", HASH))

    def test_at_once(self) -> None:
        """The same password that comes several times at once is hashed once."""
        hashing = Hashing(self.reactor, is_right=self.compare)
        users = Users(hashing, {b"alice": HASH})
        logins = [self.begin(users, b"alice", b"secret") for _ in range(10)]
        self.reactor.turns()
        self.assertEqual([self.successResultOf(login) for login in logins], [b"alice"] * 10)
        self.assertEqual(self.hashed, [b"secret"])
        logins = [self.begin(users, b"alice", b"no") for _ in range(10)]
        self.reactor.turns()
        for login in logins:
            self.failureResultOf(login, UnauthorizedLogin)
        self.assertEqual(self.hashed, [b"secret", b"no"])
