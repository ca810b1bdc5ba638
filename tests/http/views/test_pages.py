"""The pages for people, as a browser or a program that previews links gets them."""

from __future__ import annotations

import json
import re

from mkvtwist.testing import AUDIO, header
from tests.support.site import SiteTestCase

META = r'<meta property="([^"]+)" content="([^"]*)" />'
"""A tag that previews of links read."""


class PageTests(SiteTestCase):
    """What people see in a browser."""

    BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    def test_page(self) -> None:
        """A browser gets the page, which takes nobody's place."""
        for target in ("/", "/live"):
            got = self.get(target, Accept=self.BROWSER)
            self.assertEqual(got.status, 200)
            self.assertEqual(got.headers["content-type"], "text/html; charset=utf-8")
            self.assertEqual(got.headers["vary"], "Accept, Accept-Encoding")
            self.assertIn('data-stream="live"', got.text)
        self.assertEqual(self.stream.fanout.clients, set())

    def test_policy(self) -> None:
        """A page loads scripts and styles from here alone; other sites frame the player only."""
        policies = {}
        for target in ("/live", "/live?embed"):
            got = self.get(target, Accept=self.BROWSER)
            policy = [rule.split() for rule in got.headers["content-security-policy"].split(";")]
            policies[target] = {name: sources for name, *sources in policy}
            self.assertNotRegex(got.text, r"<style|style=|<script>|\son\w+=")
        page, embedded = policies.values()
        self.assertEqual(
            (page.pop("frame-ancestors"), embedded.pop("frame-ancestors")), (["'self'"], ["*"])
        )
        self.assertEqual(page, embedded)
        self.assertEqual(page["default-src"], ["'none'"])
        for kind in ("script-src", "style-src", "connect-src", "img-src"):
            self.assertEqual(page[kind], ["'self'"])

    def test_below_a_path(self) -> None:
        """Every address on a page is relative: a proxy may serve it below a path."""
        self.add("other")
        for target in ("/", "/live", "/live?embed"):
            text = self.get(target, Accept=self.BROWSER).text
            addresses = re.findall(r'(?:href|src|data-path)="([^"]*)"', text)
            self.assertGreater(len(addresses), 2)
            self.assertEqual([one for one in addresses if one.startswith("/") or ":" in one], [])

    def test_static(self) -> None:
        """What a page names is there, and may be kept for ever: another one has another address."""
        for address in re.findall(r'"(static/[^"]+)"', self.get("/", Accept=self.BROWSER).text):
            got = self.get(f"/{address}", "HEAD")
            self.assertEqual(got.status, 200, address)
            self.assertIn("immutable", got.headers["cache-control"])
            self.assertEqual(got.headers["access-control-allow-origin"], "*")

    def test_static_without_version(self) -> None:
        """Without a version, or with an old one, the current file is asked for again each time."""
        for target in ("/static/embed.js", "/static/0123456789ab/embed.js"):
            got = self.get(target)
            self.assertEqual(got.headers["cache-control"], "no-cache")
            self.assertEqual(got.headers["content-type"], "text/javascript; charset=utf-8")
            again = self.get(target, If_None_Match=got.headers["etag"])
            self.assertEqual((again.status, again.body), (304, b""))
            self.assertEqual(again.headers["cache-control"], "no-cache")
        for target in ("other.js", "0123456789ab/other.js", "old/embed.js", "types.d.ts", "", ".."):
            self.assertEqual(self.get(f"/static/{target}").status, 404, target)

    def test_static_compressed(self) -> None:
        """A script that is compressed has the same weak tag as one that is not."""
        packed = self.get("/static/page.js", Accept_Encoding="gzip")
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        tag = packed.headers["etag"]
        self.assertTrue(tag.startswith("W/"), tag)  # its bytes are others (RFC 9110, 8.8.1)
        self.assertEqual(self.get("/static/page.js", If_None_Match=tag).status, 304)

    def test_not_for_players(self) -> None:
        """Clients that play or save media get the stream; C{.mkv} is the stream for anybody."""
        for headers in (
            {"User_Agent": "Lavf/62.3.100", "Range": "bytes=0-", "Icy_MetaData": "1"},
            {"User_Agent": "VLC/3.0.21 LibVLC/3.0.21", "Accept": "*/*"},
            {"User_Agent": "mpv 0.35.1"},
            {"User_Agent": "GStreamer souphttpsrc 1.22.0 libsoup/3.2.3"},
            {"User_Agent": "curl/7.88.1", "Accept": "*/*"},
            {"User_Agent": "Wget/1.21.3", "Accept": "*/*"},
            {"User_Agent": "Mozilla/5.0", "Accept": "*/*", "Sec_Fetch_Dest": "video"},
            {"User_Agent": "Mozilla/5.0", "Accept": "video/webm,video/*;q=0.9,*/*;q=0.5"},
            {"User_Agent": "an old radio", "Icy_MetaData": "1"},
            {"User_Agent": "a television", "Range": "bytes=0-"},
            {},
        ):
            for target in ("/", "/live"):
                got = self.get(target, **headers)
                self.assertEqual(got.headers["content-type"], "video/x-matroska", headers)
        for headers in ({"Accept": self.BROWSER}, {"User_Agent": "Twitterbot/1.0"}, {}):
            got = self.get("/live.mkv", **headers)
            self.assertEqual(got.headers["content-type"], "video/x-matroska")

    def test_preview(self) -> None:
        """What previews links gets a page that names the stream and its picture, and an end."""
        for headers in (
            {"User_Agent": "Twitterbot/1.0", "Accept": "*/*"},
            {"User_Agent": "TelegramBot (like TwitterBot)"},
            {"User_Agent": "facebookexternalhit/1.1", "Accept": "*/*", "Range": "bytes=0-524287"},
            {"User_Agent": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"},
            {"User_Agent": "Slackbot-LinkExpanding 1.0", "Accept": "*/*", "Range": "bytes=0-32768"},
            {"Accept": "*/*"},
        ):
            for target in ("/", "/live"):
                got = self.get(target, **headers)
                self.assertEqual(got.status, 200, headers)
                self.assertEqual(got.headers["content-type"], "text/html; charset=utf-8")
                tags = dict(re.findall(META, got.text))
                self.assertEqual(tags["og:title"], "live")
                self.assertEqual(tags["og:url"], "http://tv.example:8080/live")
                self.assertEqual(tags["og:image"], "http://tv.example:8080/live.jpg")
                head = self.get(target, "HEAD", **headers)
                self.assertEqual(head.headers["content-type"], got.headers["content-type"])
        self.assertEqual(self.stream.fanout.clients, set())

    def test_title(self) -> None:
        """The page and its preview have the stream's title and description, if it has any."""
        self.add("radio", title="Radio <1>", description="Day & night")
        text = self.get("/radio", Accept=self.BROWSER).text
        self.assertIn("<h1>Radio &lt;1&gt;</h1>", text)
        self.assertIn("<title>Radio &lt;1&gt;</title>", text)
        self.assertIn('data-stream="radio"', text)
        tags = dict(re.findall(META, text))
        self.assertEqual(tags["og:title"], "Radio &lt;1&gt;")
        self.assertEqual(tags["og:description"], "Day &amp; night")

    def test_preview_addresses(self) -> None:
        """Addresses in it are those that the other site asked for, token included; quoted."""
        about = {"Accept": "*/*", "Host": "a&b.example", "X_Forwarded_Proto": "https"}
        got = self.get("/live?token=a%26b", **about)
        tags = dict(re.findall(META, got.text))
        self.assertTrue(tags["og:image"].startswith("https://a&amp;b.example/live.jpg?"))
        self.assertTrue(tags["og:image"].endswith("?token=a%26b"))
        self.stream.publisher.begin(header(AUDIO))
        self.assertNotIn("og:image", self.get("/live", Accept="*/*").text)

    def test_several(self) -> None:
        """With several streams the root lists them, for people and for programs."""
        self.add("other")
        page = self.get("/", Accept=self.BROWSER)
        self.assertIn('<a href="live" data-stream="live">', page.text)
        self.assertIn('<a href="other" data-stream="other">', page.text)
        listed = self.get("/", Accept="application/json")
        self.assertEqual(listed.headers["content-type"], "application/json")
        self.assertEqual(json.loads(listed.body), {"streams": ["live", "other"]})
        self.assertIn("<ul", self.get("/").text)
        head = self.get("/other", "HEAD", User_Agent="mpv 0.35")
        self.assertEqual(head.headers["content-type"], "video/x-matroska")

    def test_none(self) -> None:
        """Without any stream the page says so."""
        self.streams.clear()
        self.assertIn("No stream", self.get("/", Accept=self.BROWSER).text)
