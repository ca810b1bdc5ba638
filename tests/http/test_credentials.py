"""The credentials that a request offers."""

from __future__ import annotations

from base64 import b64encode

from twisted.cred.credentials import IUsernamePassword
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.access.tokens import IToken
from mkvtwist.http.credentials import bearer_token, credentials
from tests.support.requests import request


def basic(user: str, password: str) -> str:
    """The header of a user and a password."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


class CredentialsTests(SynchronousTestCase):
    """L{mkvtwist.http.credentials}."""

    def tokens(self, target: str = "/", **headers: str) -> list[str]:
        """Which of some tokens are offered, in their order."""
        offered = [one for one in credentials(request(target, **headers)) if IToken.providedBy(one)]
        known = ("in-query", "in-header", "as-password")
        return [name for one in offered for name in known if one.is_one_of([name.encode()])]

    def test_tokens(self) -> None:
        """A token may be in the query, behind Bearer, or the password of any user."""
        self.assertEqual(self.tokens("/?token=in-query"), ["in-query"])
        self.assertEqual(self.tokens(Authorization="bearer  in-header "), ["in-header"])
        self.assertEqual(self.tokens(Authorization=basic("x", "as-password")), ["as-password"])
        both = self.tokens("/?token=in-query", Authorization="Bearer in-header")
        self.assertEqual(both, ["in-query", "in-header"])

    def test_user(self) -> None:
        """A user's password may have colons in it."""
        offered = credentials(request(Authorization=basic("alice", "a:b")))
        (user,) = (one for one in offered if IUsernamePassword.providedBy(one))
        self.assertTrue(user.checkPassword(b"a:b"))

    def test_nothing(self) -> None:
        """A header that cannot be read offers nothing."""
        for text in ("", "Basic", "Basic !", "Basic YQ==", "Bearer", "Bearer ", "Digest x=y"):
            self.assertEqual(list(credentials(request(Authorization=text))), [], text)

    def test_bearer(self) -> None:
        """The token of a header is told apart from all others."""
        self.assertIsNotNone(bearer_token(request(Authorization="Bearer x")))
        self.assertIsNone(bearer_token(request("/?token=x", Authorization=basic("x", "y"))))
