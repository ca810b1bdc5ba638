"""The page that publishes from a browser, as a browser gets it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config
from tests.support.fakes import Answer, answer
from tests.support.senders import SendersTestCase


class PublishPageTests(SendersTestCase):
    """C{/NAME/publish} without a handshake."""

    def setUp(self) -> None:
        """The name that the browser asks for is one of the server's."""
        super().setUp()
        self.site.configure(Config((), server_names=("tv.example",)))

    def page(self, target: str = "/cam/publish") -> Answer:
        """The answer to a browser."""
        connection = self.connect()
        connection.begin("Accept: text/html", target=target, method="GET")
        return answer(connection.said)

    def test_page(self) -> None:
        """The page finds its files one level up, and no other page may frame it."""
        got = self.page()
        self.assertEqual(
            (got.status, got.headers["content-type"]), (200, "text/html; charset=utf-8")
        )
        self.assertIn("frame-ancestors 'none'", got.headers["content-security-policy"])
        files = re.findall(r'(?:href|src)="([^"]*)"', got.text)
        self.assertEqual(len(files), 3)
        for file in files:
            self.assertEqual(self.page(urljoin("/cam/publish", file)).status, 200, file)

    def test_link(self) -> None:
        """The link for viewers has a note beside it if it is not enough to watch."""
        self.assertIn('data-path="../cam"', self.page().text)
        self.assertNotIn("Viewers also need", self.page().text)
        self.start(watch=AccessRule(token_file="tokens"))  # noqa: S106 - a file's name
        self.assertIn("Viewers also need", self.page().text)

    def test_rule(self) -> None:
        """The page is for those who may send, whatever the rule for viewers is."""
        token = Path(self.mktemp())
        token.write_text("a-token-of-some-length")
        self.start(send=AccessRule(token_file=str(token)))
        self.site.configure(Config((self.stream.config,), server_names=("tv.example",)))
        self.assertEqual(self.page().status, 401)
        self.assertEqual(self.page("/cam/publish?token=a-token-of-some-length").status, 200)

    def test_unknown_name(self) -> None:
        """A page of a name that is not the server's could not send: the response says so."""
        self.site.configure(Config((self.stream.config,)))
        got = self.page()
        self.assertEqual(got.status, 403)
        self.assertIn("--server-name", got.text)

    def test_invitation(self) -> None:
        """The stream's page links to this one if each of its visitors may send."""
        self.assertIn('href="cam/publish?token=x"', self.page("/cam?token=x").text)
        self.start(send=AccessRule(token_file="tokens"))  # noqa: S106 - a file's name
        self.assertNotIn("cam/publish", self.page("/cam").text)
        self.assertNotIn("live/publish", self.page("/live").text)

    def test_other_inputs(self) -> None:
        """There is no such page where nothing can be sent to."""
        self.assertEqual(self.page("/live/publish").status, 404)
