"""A stream in the tree of another site."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from twisted.web.resource import Resource
from twisted.web.server import Site

from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.rule import AccessRule
from mkvtwist.http import StreamResource
from mkvtwist.live.now_playing import Song
from mkvtwist.streams.stream import Stream
from tests.support.fakes import head
from tests.support.site import Connection, SiteTestCase


class StreamResourceTests(SiteTestCase):
    """One stream, in the tree of somebody else's site."""

    def setUp(self) -> None:
        """Below C{/tv}."""
        super().setUp()
        root = Resource()
        root.putChild(b"tv", StreamResource(self.reactor, self.stream))
        self.tree = Site(root, reactor=self.reactor)

    def connect(self) -> Connection:
        """A new connection to the other site."""
        return Connection(self.tree, self.reactor)

    def test_below(self) -> None:
        """Everything that there is of it is below its place, and nothing is beside it."""
        for target in ("/tv", "/tv/", "/tv/live", "/tv/live.mkv"):
            got = self.get(target)
            self.assertEqual(got.headers["content-type"], "video/x-matroska", target)
            self.assertTrue(got.body.startswith(head()))
        for target, status in (
            ("/tv/status", 200),
            ("/tv/metrics", 200),
            ("/tv/live/last.mkv?seconds=soon", 400),
            ("/tv/api/v1/streams", 404),
            ("/live.mkv", 404),
        ):
            self.assertEqual(self.get(target).status, status, target)

    def test_page(self) -> None:
        """A browser is sent to where the page's relative addresses hold."""
        got = self.get("/tv", Accept="text/html")
        self.assertEqual((got.status, got.headers["location"]), (302, "tv/"))
        got = self.get("/tv?token=a%20b&embed", Accept="text/html")
        self.assertEqual(got.headers["location"], "tv/?token=a%20b&embed")
        self.assertIn("<!DOCTYPE html>", self.get("/tv/", Accept="text/html").text)

    def test_rules(self) -> None:
        """The stream's own rule about who may watch holds here, too."""
        self.stream.configure(
            replace(self.stream.config, watch=AccessRule(deny=(ip_network("192.0.2.0/24"),)))
        )
        root = Resource()
        root.putChild(b"tv", StreamResource(self.reactor, self.stream))
        self.tree = Site(root, reactor=self.reactor)
        self.assertEqual(self.get("/tv/live.mkv").status, 403)

    def push(self) -> Stream:
        """A stream with senders, in place of the other one."""
        senders = Input(Form.PUSH, "push")
        config = replace(self.stream.config, input=senders, at_end=AtEnd.WAIT)
        stream = Stream(self.reactor, config)
        root = Resource()
        root.putChild(b"tv", StreamResource(self.reactor, stream))
        self.tree = Site(root, reactor=self.reactor)
        return stream

    def test_title(self) -> None:
        """What is playing may be told here, too."""
        stream = self.push()
        self.assertEqual(self.get("/tv/admin/metadata?mount=/live&song=A+-+B").status, 200)
        self.assertEqual(stream.now_playing.song, Song("B", "A"))

    def test_sender(self) -> None:
        """Somebody else's site has a body when it is whole, which a sender's never is."""
        self.push()
        self.assertNotIn("live/publish", self.get("/tv/", Accept="text/html").text)
        self.assertEqual(self.get("/tv/live", "PUT").status, 501)
        (line,) = self.log.about("refused with 501")
        self.assertTrue(line.startswith("stream live: sender 192.0.2.7:5000 "), line)

    def test_end(self) -> None:
        """What it has on the disk goes when the reactor has stopped."""
        (trigger,) = self.reactor.triggers["after"]["shutdown"]
        end, _, _ = trigger
        end()
