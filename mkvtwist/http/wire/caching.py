"""
Caching: C{Cache-Control}, C{Vary} and C{ETag} of responses (I{reactor}; RFC 9110, RFC 9111).
"""

from twisted.web.http import NOT_MODIFIED, Request

from mkvtwist.config.rule import EVERYBODY, AccessRule
from mkvtwist.http.wire.peer import client_host


def cache_control(request: Request, rule: AccessRule, how: bytes, shared: bytes = b"") -> bytes:
    """
    Return C{Cache-Control} for a response to a client that a rule has admitted.

    A cache that many share must not keep what depends on credentials, nor on an address that a
    proxy told. If the rule goes by the address of the connection alone, the client that it let in
    is the cache itself: an edge that the operator trusts.

    @param shared: more directives, for caches that many share.
    """
    itself = client_host(request) == getattr(request.client, "host", None)
    if rule == EVERYBODY or (itself and not rule.wants_credentials):
        return b"public, " + how + shared
    return b"private, " + how


def vary_by(request: Request, name: bytes) -> None:
    """Tell caches that the response depends on one more of the request's headers."""
    before = request.responseHeaders.getRawHeaders(b"Vary", [])
    request.setHeader(b"Vary", b", ".join([*before, name]))


def respond_if_unchanged(request: Request, tag: bytes) -> bool:
    """
    State the C{ETag} of the response; respond 304 without a body if the client has it already
    (RFC 9110, 13.1.2, by weak comparison: as a proxy leaves it that compresses).

    @return: whether that was the response.
    """
    request.setHeader(b"ETag", tag)
    known = request.getHeader(b"if-none-match")
    if known is None:
        return False
    tags = [each.strip().removeprefix(b"W/") for each in known.split(b",")]
    if known.strip() != b"*" and tag.removeprefix(b"W/") not in tags:
        return False
    request.setResponseCode(NOT_MODIFIED)
    request.finish()
    return True
