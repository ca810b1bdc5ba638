"""Responses that caches keep, or have already."""

from __future__ import annotations

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.rule import EVERYBODY, AccessRule
from mkvtwist.http.wire.caching import cache_control, vary_by
from tests.support.requests import request


class CachingTests(SynchronousTestCase):
    """L{mkvtwist.http.wire.caching}."""

    def test_public(self) -> None:
        """Caches that many share may keep what everybody may have."""
        found = cache_control(request(), EVERYBODY, b"max-age=5", b", s-maxage=1")
        self.assertEqual(found, b"public, max-age=5, s-maxage=1")

    def test_address(self) -> None:
        """A rule by address admits the cache itself, and what it asks for is its own affair."""
        rule = AccessRule(allow=(ip_network("192.0.2.0/24"),))
        self.assertEqual(cache_control(request(), rule, b"max-age=5"), b"public, max-age=5")

    def test_private(self) -> None:
        """What depends on credentials is kept by no cache that many share."""
        rule = AccessRule(token_file="tokens")  # noqa: S106 - a path
        found = cache_control(request(), rule, b"max-age=5", b", s-maxage=1")
        self.assertEqual(found, b"private, max-age=5")

    def test_vary(self) -> None:
        """Each header on which the response depends is named."""
        asked = request()
        for name in (b"Accept", b"Accept-Encoding"):
            vary_by(asked, name)
        found = asked.responseHeaders.getRawHeaders(b"Vary")
        self.assertEqual(found, [b"Accept, Accept-Encoding"])
