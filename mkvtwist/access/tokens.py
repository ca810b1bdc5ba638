"""
Tokens: secrets that name no user (I{reactor}).

One rule holds for all of them: a token is one line, without control characters, and has a least
number of characters, which depends on its use.
"""

import hmac
from collections.abc import Iterable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mkvtwist.access.secret_files import read_file
from mkvtwist.config.values import ConfigError

SHORTEST_TOKEN = 8
"""Characters of a token for streams: a shorter one can be guessed, even slowly."""

SHORTEST_MANAGEMENT_TOKEN = 16
"""Characters of the management token, which opens everything: guesses at it are not counted."""

TOKEN_FILE_LIMIT = 4096
"""Bytes of a file with the management token."""


class IToken(ICredentials):
    """A secret that names no user."""

    def is_one_of(tokens: Iterable[bytes]) -> bool:
        """Return whether the token is one of these, in constant time."""


@implementer(IToken)
class Token:
    """A token out of C{?token=}, of C{Authorization: Bearer}, or of a password of Basic."""

    def __init__(self, token: bytes) -> None:
        self._token = token

    def is_one_of(self, tokens: Iterable[bytes]) -> bool:
        found = False
        for token in tokens:
            found |= hmac.compare_digest(token, self._token)
        return found


@implementer(ICredentialsChecker)
class Tokens:
    """
    The tokens of a file, as a checker of L{twisted.cred}. A client is called after the place of its
    token in the file: C{token 1}.
    """

    credentialInterfaces = (IToken,)

    def __init__(self, tokens: Iterable[bytes]) -> None:
        self._tokens = tuple(tokens)

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        # Each is compared, so that the time tells nothing.
        right = [n for n, token in enumerate(self._tokens, 1) if credentials.is_one_of((token,))]
        return succeed(b"token %d" % right[0]) if right else fail(UnauthorizedLogin())


def read_tokens(path: str) -> list[bytes]:
    """
    Return the tokens in a file: one a line, but for lines that begin with C{#}.

    @raise ConfigError: if the file cannot be read, has no token, or has one that breaks the rule.
    """
    lines = [line.strip() for line in read_file(path).splitlines()]
    tokens = [line for line in lines if line and not line.startswith(b"#")]
    if not tokens:
        raise ConfigError(f"{path!r}: the file has no token")
    for token in tokens:
        _check(path, token, SHORTEST_TOKEN)
    return tokens


def read_management_token(path: str) -> bytes:
    """
    Return the management token: all that is in a file but the white space around it.

    @raise ConfigError: if the file cannot be read, or its content breaks the rule.
    """
    token = read_file(path, TOKEN_FILE_LIMIT).strip()
    _check(path, token, SHORTEST_MANAGEMENT_TOKEN)
    return token


def _check(path: str, token: bytes, shortest: int) -> None:
    """
    Check that a token follows the rule.

    @raise ConfigError: if it is not; the token is not quoted.
    """
    if len(token) < shortest or any(c < 32 or c == 127 for c in token):
        raise ConfigError(f"{path!r}: a token has {shortest} characters or more")
