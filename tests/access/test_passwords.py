"""Files of users and hashes, and the command that makes their lines."""

from __future__ import annotations

import io
import sys

import bcrypt
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.access.passwords import PasswordError, is_right, line, parse_users
from mkvtwist.password import main

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4))


class PasswordTests(SynchronousTestCase):
    """L{mkvtwist.access.passwords}."""

    def test_line(self) -> None:
        """A hash that is made can be read, and is right for no other password."""
        users = parse_users(line("alice", "grüße", cost=4).encode())
        self.assertEqual(list(users), [b"alice"])
        self.assertTrue(is_right("grüße".encode(), users[b"alice"]))
        self.assertFalse(is_right(b"gruesse", users[b"alice"]))
        self.assertFalse(is_right(b"x" * 73, users[b"alice"]))

    def test_file(self) -> None:
        """Blank lines and comments are no users; Apache's hashes are hashes."""
        apache = HASH.replace(b"$2b$", b"$2y$")
        text = b"# of the club\n\nalice:" + HASH + b"\r\nbob:" + apache + b"\n"
        self.assertEqual(parse_users(text), {b"alice": HASH, b"bob": apache})
        self.assertTrue(is_right(b"secret", apache))

    def test_mistakes(self) -> None:
        """A line without a hash is refused with its number, and not quoted."""
        for bad in (b"alice:hunter2", b"alice", b":" + HASH, b"alice:{SHA}hunter2", HASH[:-1]):
            error = self.assertRaises(PasswordError, parse_users, b"# x\n" + bad)
            self.assertIn("line 2 ", str(error))
            self.assertNotIn("hunter2", str(error))
        self.assertRaises(PasswordError, parse_users, b"")
        for user, secret in (("", "x"), ("a:b", "x"), ("a\n", "x"), ("#a", "x"), ("a", "")):
            self.assertRaises(PasswordError, line, user, secret)
        self.assertRaises(PasswordError, line, "a", "x" * 73)

    def test_command(self) -> None:
        """The command reads a password and prints the line, or says what is wrong."""
        shown = io.StringIO()
        self.patch(sys, "stdout", shown)
        self.patch(sys, "stdin", io.StringIO("secret\n"))
        self.assertIsNone(main(["alice"]))
        self.assertTrue(is_right(b"secret", parse_users(shown.getvalue().encode())[b"alice"]))
        self.assertIn("1 to 72 bytes", str(main(["alice"])))
        for arguments in ([], ["alice", "bob"], ["--help"]):
            self.assertIn("usage", str(main(arguments)))
