"""Tokens: what one is, and which file holds it."""

from __future__ import annotations

from twisted.cred.checkers import ICredentialsChecker
from zope.interface.verify import verifyObject

from mkvtwist.access.tokens import IToken, Token, Tokens, read_management_token, read_tokens
from mkvtwist.config.values import ConfigError
from tests.support.secrets import FileTestCase


class TokensTests(FileTestCase):
    """L{Tokens}, and the one rule for what a token is."""

    def test_interfaces(self) -> None:
        """Tokens are credentials, and their file is a checker for cred."""
        verifyObject(IToken, Token(b"x"))
        verifyObject(ICredentialsChecker, Tokens([b"x"]))

    def test_lines(self) -> None:
        """Each line is a token, but for blank ones and comments."""
        path = self.file("# of the studio", "first-token", "", " second-token\t")
        self.assertEqual(read_tokens(path), [b"first-token", b"second-token"])

    def test_management(self) -> None:
        """The management token is all that its file holds, but for white space around it."""
        self.assertEqual(read_management_token(self.file("", " " + "x" * 16, "")), b"x" * 16)
        self.assertRaises(ConfigError, read_management_token, self.file("x" * 16, "y" * 16))

    def test_rule(self) -> None:
        """Every token is one line, and has enough characters for what it opens."""
        for shortest, read in ((8, read_tokens), (16, read_management_token)):
            read(self.file("x" * shortest))
            read(self.file("long enough, and grüße"))
            for wrong in ("x" * (shortest - 1), "x" * shortest + "\0", "x\ty" * shortest):
                with self.assertRaises(ConfigError) as caught:
                    read(self.file(wrong))
                said = str(caught.exception)
                self.assertIn(f"a token has {shortest} characters or more", said)
                self.assertNotIn(wrong, said)
