"""Addresses that are published to."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.rtmp.address import publish_address


class PublishAddressTests(SynchronousTestCase):
    """L{publish_address}."""

    def test_names(self) -> None:
        """The application's last part and the key may be names; neither has the query."""
        for app, path, names in (
            ("cam", "secret-token", ("cam", "secret-token")),
            ("live", "cam?token=x", ("live", "cam")),
            ("cam?token=x", "", ("cam", "")),
            ("live/cam/", "key", ("cam", "key")),
        ):
            found = publish_address(app, path)
            self.assertEqual((found.app, found.key), names)

    def test_tokens(self) -> None:
        """The key is a token, whole and without a query; and each query may have one."""
        found = publish_address("cam?token=b%20c", "key?token=a&x=1")
        self.assertEqual(found.keys, ("key?token=a&x=1", "key"))
        self.assertEqual(found.tokens, ("a", "b c"))
        self.assertEqual(publish_address("cam", "").keys, ())

    def test_login(self) -> None:
        """User and password stand in a query together."""
        found = publish_address("live", "cam?user=alice&password=secret")
        self.assertEqual(found.login, ("alice", "secret"))
        self.assertIsNone(publish_address("live?user=alice", "cam").login)

    def test_secret(self) -> None:
        """The text of an address shows nothing of it."""
        found = publish_address("cam?token=b", "hunter2?user=alice&password=secret")
        self.assertEqual(repr(found), "PublishAddress()")

    def test_too_much(self) -> None:
        """A query with a thousand values has none."""
        self.assertEqual(publish_address("live", "cam?" + "token=a&" * 1000).tokens, ())
