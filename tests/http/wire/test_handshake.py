"""The opening handshake of WebSocket."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.http.wire.handshake import acceptance, is_upgrade
from tests.support.requests import request


class HandshakeTests(SynchronousTestCase):
    """L{mkvtwist.http.wire.handshake}; refusals are tested with the view."""

    def test_upgrade(self) -> None:
        """A request is an upgrade if both headers say so, in any case and among other words."""
        self.assertTrue(is_upgrade(request(connection="keep-alive, upgrade", upgrade="WebSocket")))
        for headers in (
            {},
            {"connection": "upgrade"},
            {"upgrade": "websocket"},
            {"connection": "upgrade", "upgrade": "h2c"},
        ):
            self.assertFalse(is_upgrade(request(**headers)))
        self.assertFalse(
            is_upgrade(request(method="PUT", connection="upgrade", upgrade="websocket"))
        )

    def test_acceptance(self) -> None:
        """The proof is that of the example in RFC 6455, 1.3."""
        asked = request(sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==")
        self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", acceptance(asked))
