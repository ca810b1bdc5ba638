"""Rules at work: which addresses and credentials a gate lets in."""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.cred.credentials import ICredentials, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mkvtwist.access.rules import Access, Gate, IVisitor, Visitor, checkers
from mkvtwist.access.tokens import Token
from mkvtwist.access.users import Hashing
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.values import ConfigError
from mkvtwist.testing import Reactor
from tests.support.fakes import Log
from tests.support.secrets import TOKEN, FileTestCase

NET = ipaddress.ip_network


class GateTests(FileTestCase):
    """L{Gate}."""

    def setUp(self) -> None:
        """Hashes are computed at once."""
        self.reactor = Reactor()
        self.hashing = Hashing(self.reactor)
        self.log = Log(self)

    def login(self, rule: AccessRule | Gate, *offered: ICredentials) -> str | None:
        """The name that a gate has for a client."""
        gate = rule if isinstance(rule, Gate) else Gate(rule, self.hashing)
        login = Deferred.fromCoroutine(gate.login(offered))
        self.reactor.turns()
        done: list[Any] = []
        login.addBoth(done.append)
        (result,) = done
        if isinstance(result, Visitor):
            name: str = result.name
            return name
        result.trap(UnauthorizedLogin)
        return None

    def test_interfaces(self) -> None:
        """A client that is admitted has an avatar with all that cred promises."""
        verifyObject(IVisitor, Visitor("x"))

    def test_token(self) -> None:
        """Any token of the file is right, and names the client; nothing else is."""
        rule = self.tokens("# of the studio", "first-token", "", "second-token")
        self.assertEqual(self.login(rule, Token(b"first-token")), "token 1")
        self.assertEqual(self.login(rule, Token(b"second-token")), "token 2")
        for wrong in (b"", b"first", b"# of the studio", b"first-token ", b"FIRST-TOKEN", b"\xff"):
            self.assertIsNone(self.login(rule, Token(wrong)), wrong)
        self.assertIsNone(self.login(rule, UsernamePassword(b"first-token", b"first-token")))

    def test_users(self) -> None:
        """A user of the file is let in with the right password."""
        gate = Gate(self.users(), self.hashing)
        for _ in range(2):
            self.assertEqual(self.login(gate, UsernamePassword(b"alice", b"secret")), "alice")
            self.assertIsNone(self.login(gate, UsernamePassword(b"alice", b"Secret")))
            self.assertIsNone(self.login(gate, UsernamePassword(b"bob", b"secret")))
            self.assertIsNone(self.login(gate, UsernamePassword(b"alice", b"x" * 100)))
        self.assertIsNone(self.login(gate, Token(b"secret")))

    def test_any_is_enough(self) -> None:
        """With tokens and users, one or the other will do."""
        rule = AccessRule(token_file=self.tokens().token_file, users=self.users().users)
        self.assertEqual(self.login(rule, Token(TOKEN.encode())), "token 1")
        offered = (Token(b"secret"), UsernamePassword(b"alice", b"secret"))
        self.assertEqual(self.login(rule, *offered), "alice")
        self.assertIsNone(self.login(rule))

    def test_checker(self) -> None:
        """A plugin of cred is asked for users."""
        rule = AccessRule(checker=f"file:{self.file('alice:secret')}")
        self.assertEqual(self.login(rule, UsernamePassword(b"alice", b"secret")), "alice")
        self.assertIsNone(self.login(rule, UsernamePassword(b"alice", b"no")))
        self.assertEqual(str(rule), "checker file")

    def test_addresses(self) -> None:
        """An address must be allowed, if that is said, and must not be denied."""
        gate = Gate(
            AccessRule(allow=(NET("10.0.0.0/8"),), deny=(NET("10.1.0.0/16"),)), self.hashing
        )
        for host, allowed in (
            ("10.0.0.1", True),
            ("10.1.0.1", False),
            ("192.0.2.1", False),
            ("::ffff:10.0.0.1", True),
            ("2001:db8::1", False),
            ("nonsense", False),
            (None, False),
        ):
            self.assertEqual(gate.allows(host), allowed, host)
        denied = Gate(AccessRule(deny=(NET("2001:db8::/32"),)), self.hashing)
        self.assertFalse(denied.allows("2001:db8::7%eth0"))
        self.assertTrue(denied.allows("10.0.0.1"))
        self.assertTrue(Gate(AccessRule(), self.hashing).allows(None))
        self.assertTrue(Gate(AccessRule(allow=(NET("127.0.0.0/8"),)), self.hashing).allows(None))

    def test_read(self) -> None:
        """A file that is read again holds; a file that cannot be used changes nothing."""
        all_of_it = Access(self.hashing)
        rule = self.tokens()
        gate = all_of_it.gate(rule)
        self.assertIs(all_of_it.gate(rule), gate)
        assert rule.token_file is not None
        with open(rule.token_file, "w") as file:
            file.write("another-token")
        self.assertEqual(self.login(gate, Token(TOKEN.encode())), "token 1")
        all_of_it.read([rule])
        self.assertIsNone(self.login(gate, Token(TOKEN.encode())))
        with open(rule.token_file, "w") as file:
            file.write("short")
        all_of_it.read([rule])
        self.assertEqual(self.login(gate, Token(b"another-token")), "token 1")
        (line,) = self.log.about("nothing has changed")
        self.assertIn("8 characters", line)
        all_of_it.read([AccessRule()])
        self.assertIsNot(all_of_it.gate(rule), gate)

    def test_mistakes(self) -> None:
        """A file that cannot be used lets nobody in, and is said without quoting what is in it."""
        for rule, said in (
            (AccessRule("/no/such/file"), "No such file"),
            (AccessRule("a\0b"), "is not a file's name"),
            (AccessRule("a\ud800b"), "is not a file's name"),
            (AccessRule("/dev/zero"), "more than"),
            (AccessRule(users="/no/such/file"), "No such file"),
            (AccessRule(checker="file:/no/such/file"), "No such file"),
            (self.tokens("# nothing"), "no token"),
            (self.tokens("hunter2"), "8 characters"),
            (AccessRule(users=self.file("alice:hunter2")), "line 1 is not user:hash"),
            (AccessRule(users=self.file("")), "no user"),
            (AccessRule(checker="nothing:hunter2"), "'nothing'"),
        ):
            with self.assertRaises(ConfigError) as caught:
                list(checkers(rule, self.hashing))
            self.assertIn(said, str(caught.exception))
            self.assertNotIn("hunter2", str(caught.exception))
            gate = Gate(rule, self.hashing)
            self.assertIsNone(self.login(gate, Token(b"hunter2")))
            self.assertIsNone(self.login(gate, UsernamePassword(b"alice", b"hunter2")))
