"""
The credentials that a request offers (I{reactor}; RFC 7617, RFC 6750).
"""

import binascii
from collections.abc import Iterator

from twisted.cred.credentials import ICredentials, UsernamePassword
from twisted.web.http import Request

from mkvtwist.access.tokens import Token
from mkvtwist.http.wire.query import parameter


def credentials(request: Request) -> Iterator[ICredentials]:
    """Yield the credentials of a request; tokens first, which are quick to check."""
    token = parameter(request, "token")
    if token:
        yield Token(token.encode())
    bearer = bearer_token(request)
    if bearer is not None:
        yield bearer
    scheme, rest = _authorization(request)
    if scheme == b"basic":
        try:
            user, colon, password = binascii.a2b_base64(rest).partition(b":")
        except binascii.Error:
            return
        if colon:
            yield Token(password)
            yield UsernamePassword(user, password)


def bearer_token(request: Request) -> Token | None:
    """Return the token of C{Authorization: Bearer}; L{None} if there is none."""
    scheme, rest = _authorization(request)
    return Token(rest) if scheme == b"bearer" and rest else None


def _authorization(request: Request) -> tuple[bytes, bytes]:
    """Return the scheme of C{Authorization}, in lower case, and its value."""
    scheme, _, rest = (request.getHeader(b"authorization") or b"").partition(b" ")
    return scheme.lower(), rest.strip()
