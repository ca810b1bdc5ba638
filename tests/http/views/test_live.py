"""The live stream, in any format, for as long as the client stays."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.web.http import Request
from zope.interface.verify import verifyObject

from mkvtwist.config.settings import Config
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.mpegts.transport import NULL
from mkvtwist.http.wire.live_response import LiveResponse, SocketResponse
from mkvtwist.inputs.lifecycle import State
from mkvtwist.live.client import IResponse
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import AUDIO, SOUND, VIDEO, footage, header, mixed
from tests.support import matroska, media, mpegts
from tests.support.fakes import answer, blocks, head, sent
from tests.support.site import SiteTestCase


class TracksTests(SiteTestCase):
    """C{?tracks=}: some of them, in any format."""

    def add_other(self) -> Stream:
        """VP8, Opus, and SubRip."""
        other = self.add("other")
        other.publisher.begin(matroska.header())
        return other

    def publish_to(self, stream: Stream) -> None:
        """A second of each, packet by packet."""
        for packet in footage(0, 1):
            for track in (1, 2, 3):
                data = b"%d at %d" % (track, packet.pts)
                stream.publisher.publish([packet._replace(track=track, data=data)])
                self.reactor.turn()

    def test_some(self) -> None:
        """The header and the fragments have what was asked for, and nothing of the others."""
        other = self.add_other()
        self.publish_to(other)
        got = self.get("/other.mkv?tracks=2,3&burst=9").body
        self.assertEqual([track["codec"] for track in media.parameters(got)[0]], ["opus", "srt"])
        self.assertEqual(len(matroska.read(got)), 20)
        everything = self.get("/other.mkv?tracks=1,2,3&burst=9").body
        self.assertEqual(everything, self.get("/other.mkv?burst=9").body)

    def test_shared(self) -> None:
        """All who ask for the same are one audience, which goes with the last of them."""
        other = self.add_other()
        self.publish_to(other)
        watching = [self.connect() for _ in range(3)]
        for connection, target in zip(watching, ("1,2", "2,1", "2"), strict=True):
            connection.ask(f"/other.mkv?tracks={target}")
        self.assertEqual(len(other.fanout.audiences), 2)
        for connection in watching[:2]:
            connection.lose()
        self.assertEqual(len(other.fanout.audiences), 1)

    def test_text(self) -> None:
        """Subtitles come as they are due, beside the rest, and take no place."""
        self.site.configure(Config((), max_clients_total=1))
        other = self.add_other()
        self.publish_to(other)
        self.connect().ask("/other.mkv")
        for target in ("/other.vtt?burst=9", "/other.vtt?burst=9&tracks=3"):
            got = self.get(target)
            self.assertEqual(got.status, 200)
            self.assertEqual(got.headers["content-type"], "text/vtt; charset=utf-8")
            self.assertEqual(got.body[:8], b"WEBVTT\n\n")
            self.assertEqual(got.body.count(b"-->"), 10)
        self.assertEqual(self.get("/other.mkv").status, 503)
        self.assertEqual(json.loads(self.get("/other/status").body)["clients"], 1)

    def test_none(self) -> None:
        """What cannot be had is refused, also to who has waited, and to C{HEAD}."""
        other = self.add("late")
        early = self.connect()
        early.ask("/late.vtt")
        other.publisher.begin(header(VIDEO, AUDIO))
        other.publisher.publish(footage(0, 1))
        self.assertEqual(early.answer().status, 406)
        for target, status in (
            ("/late.vtt", 406),
            ("/late.mkv?tracks=7", 404),
            ("/late.mkv?tracks=x", 400),
            ("/late.mkv?tracks=", 400),
        ):
            for method in ("GET", "HEAD"):
                self.assertEqual(self.get(target, method).status, status, target)
        self.assertIn("There is no track 7; there are track 1", self.get("/late?tracks=7").text)

    def test_type(self) -> None:
        """The type is that of what is sent."""
        self.publish_to(self.add_other())
        for method in ("GET", "HEAD"):
            got = self.get("/other.mkv?tracks=2", method)
            self.assertEqual(got.headers["content-type"], 'audio/x-matroska; codecs="opus"')


class TransportTests(SiteTestCase):
    """C{/NAME.ts}, whose packets are counted."""

    def setUp(self) -> None:
        """A stream of MPEG-2 and MP2."""
        super().setUp()
        self.other = self.add("other")
        self.other.publisher.begin(mpegts.header("mpeg2video", "mp2"))

    def feed(self, start: float, end: float) -> None:
        """Pictures and sound, one after the other."""
        for packet in mixed(footage(start, end, size=500), footage(start, end, track=2, rate=20)):
            self.other.publisher.publish([packet])
            self.reactor.turn()

    def check(self, data: bytes) -> None:
        """Behind the packet that means nothing no counter leaps."""
        self.assertEqual(data[:188], NULL)
        for pid, found in mpegts.parsed(data[188:]).counters.items():
            self.assertEqual(found, [(found[0] + n) % 16 for n in range(len(found))], pid)

    def test_counters(self) -> None:
        """A client that joins, at any time and place, and whoever comes back, misses no packet."""
        connections = []
        for second, query in enumerate(("?burst=9", "?burst=0", "?join=live", "?burst=3")):
            self.feed(second, second + 1)
            connections.append(self.connect())
            connections[-1].ask(f"/other.ts{query}")
        self.feed(4, 6)
        for connection in connections:
            got = connection.answer()
            self.assertEqual(got.headers["content-type"], "video/mp2t")
            self.check(got.body)
        self.assertEqual(connections[0].answer().body.count(b"1 at"), 60)
        for connection in connections:
            connection.lose()
        again = self.connect()
        again.ask("/other.ts?burst=2")
        self.feed(6, 8)
        self.check(again.answer().body)

    def test_unfit(self) -> None:
        """What has no place there is named."""
        got = self.get("/live.ts")
        self.assertEqual(got.status, 406)
        self.assertIn("track 1 (video, h264) cannot live in MPEG-TS; ask for .mkv", got.text)


class LiveTests(SiteTestCase):
    """The live stream, through Twisted's buffers."""

    def test_interfaces(self) -> None:
        """Both kinds of live answers are L{IResponse}s; one stands between transport and client."""
        connection = self.connect()
        request: Any = Request(connection.protocol)
        verifyObject(IResponse, LiveResponse(request, MATROSKA, lambda _: None))
        verifyObject(IResponse, SocketResponse(request, MATROSKA, lambda _: None))
        verifyObject(IPushProducer, SocketResponse(request, MATROSKA, lambda _: None))

    def test_stream(self) -> None:
        """The stream comes in chunks, from the keyframe that the burst asks for, and goes on."""
        connection = self.connect()
        connection.ask("/live.mkv")
        self.publish(10, 11)
        got = connection.answer()
        self.assertEqual(got.status, 200)
        self.assertEqual(got.body[: len(head())], head())
        self.assertEqual(blocks(got.body), sent(footage(8, 11)))
        self.assertFalse(got.complete)

    def test_headers(self) -> None:
        """A live answer says that it is live, in C{HEAD}, too, which takes nobody's place."""
        for method in ("GET", "HEAD"):
            got = self.get("/live.mkv", method)
            self.assertEqual(got.status, 200)
            self.assertEqual(got.headers["content-type"], "video/x-matroska")
            self.assertEqual(got.headers["cache-control"], "no-store")
            self.assertEqual(got.headers["x-accel-buffering"], "no")
            self.assertEqual(got.headers["access-control-allow-origin"], "*")
            self.assertNotIn("content-length", got.headers)
            self.assertNotIn("accept-ranges", got.headers)
        self.assertEqual(len(self.stream.fanout.clients), 1)

    def test_other_sites(self) -> None:
        """Pages of other sites can read every answer of a stream, and why there is none."""
        for target, status in (
            ("/live/status", 200),
            ("/status", 200),
            ("/live.mkv?burst=x", 400),
            ("/live/no.such", 404),
            ("/live.webm", 406),
        ):
            got = self.get(target)
            self.assertEqual(got.status, status, target)
            self.assertEqual(got.headers["access-control-allow-origin"], "*")
            self.assertIn("Content-Range", got.headers["access-control-expose-headers"])
        self.assertNotIn("access-control-allow-origin", self.get("/api/v1/streams").headers)

    def test_head(self) -> None:
        """To C{HEAD} comes no body, for whatever may be asked."""
        self.add("other")
        for target in ("/live.mkv", "/live", "/", "/status", "/metrics", "/nothing"):
            connection = self.connect()
            connection.ask(target, "HEAD", Accept="text/html")
            got = connection.answer("HEAD")
            self.assertEqual(got.rest, b"", target)
            self.assertEqual(got.status, 404 if target == "/nothing" else 200)
            connection.transport.clear()
            connection.ask("/status")
            self.assertIn("version", json.loads(connection.answer().body))
        self.assertEqual(len(self.stream.fanout.clients), 0)

    def test_audio(self) -> None:
        """Without video the type is that of audio; who asks before anything is known gets video."""
        other = self.add("sound")
        self.assertEqual(self.get("/sound", "HEAD").headers["content-type"], "video/x-matroska")
        other.publisher.begin(header(SOUND))
        other.publisher.publish(footage(0, 1))
        for method in ("GET", "HEAD"):
            got = self.get("/sound.mkv", method)
            self.assertEqual(got.headers["content-type"], "audio/x-matroska")

    def test_names(self) -> None:
        """The stream is at its name with and without the ending, and at the root."""
        for target in ("/live.mkv", "/live", "/", "/%6cive.mkv"):
            self.assertEqual(self.get(target).headers["content-type"], "video/x-matroska", target)
        for target in ("/live.mov", "/live/", "/live.mkv.mkv", "/Live", "//", "/live/x"):
            self.assertEqual(self.get(target).status, 404, target)

    def test_http_1_0(self) -> None:
        """HTTP/1.0 clients get no chunks: the connection's end is the answer's."""
        connection = self.connect()
        connection.send(b"GET /live.mkv HTTP/1.0\r\n\r\n")
        self.publish(10, 11)
        got = connection.answer()
        self.assertNotIn("transfer-encoding", got.headers)
        self.assertEqual(got.body[: len(head())], head())
        self.assertEqual(blocks(got.body), sent(footage(8, 11)))
        self.stream.publisher.end()
        self.reactor.turn()
        self.assertTrue(connection.transport.disconnecting)

    def test_hold(self) -> None:
        """A stream with nothing to send yet holds the request until it has."""
        other = self.add("late")
        connection = self.connect()
        connection.ask("/late.mkv")
        self.assertEqual(connection.transport.value(), b"")
        other.publisher.begin(header(SOUND))
        other.publisher.publish(footage(0, 1))
        self.reactor.turn()
        self.assertEqual(connection.answer().headers["content-type"], "audio/x-matroska")
        self.assertEqual(blocks(connection.answer().body), sent(footage(0, 1)))

    def test_held_in_vain(self) -> None:
        """A request that was held for nothing is told the stream's state and the reason."""
        retrying = "No new media has come. The stream is retrying: the host has gone."
        for state, for_good, said, again in (
            ("retrying", None, retrying, "1"),
            ("ended", True, "The stream has ended: the host has gone.", None),
            ("retrying", False, "The server stops.", "1"),
        ):
            stream = self.add("late", hold=5.0)
            connection = self.connect()
            connection.ask("/late.mkv")
            stream.input.life.state = State(state)
            stream.input.life.reason = "the host has gone"
            if for_good is None:
                self.reactor.advance(5)
            else:
                stream.publisher.end(for_good=for_good)
            got = connection.answer()
            self.assertEqual((got.status, got.text), (503, f"{said}\n"))
            self.assertEqual(got.headers.get("retry-after"), again)

    def test_burst(self) -> None:
        """A client may have its own burst; more than the ring has is what it has."""
        for burst, start in (("0", 9.0), ("4.5", 5.0), ("86400", 0.0)):
            got = self.get(f"/live.mkv?burst={burst}")
            self.assertEqual(blocks(got.body), sent(footage(start, 10)), burst)

    def test_start(self) -> None:
        """A client may begin in the past: at the keyframe there or before, as far as it is kept."""
        for start, first in (("0", 9.0), ("-4.5", 5.0), ("-86400", 0.0)):
            got = self.get(f"/live.mkv?start={start}")
            self.assertEqual(blocks(got.body), sent(footage(first, 10)), start)

    def test_start_alone(self) -> None:
        """Two ways to say where to begin are one too many."""
        for query in ("start=-3&burst=2", "start=-3&join=live"):
            got = self.get(f"/live.mkv?{query}")
            self.assertEqual((got.status, got.text.count("\n")), (400, 1))
            self.assertIn("leave out burst and join", got.text)

    def test_join(self) -> None:
        """A client may join live: nothing until the next keyframe."""
        self.publish(10, 10.5)
        connection = self.connect()
        connection.ask("/live.mkv?join=live&burst=5")
        self.publish(10.5, 11)
        self.assertEqual(connection.answer().body, head())
        self.publish(11, 12)
        self.assertEqual(blocks(connection.answer().body), sent(footage(11, 12)))

    def test_lag(self) -> None:
        """C{?lag=} says how far this client may fall behind; else it is the stream's setting."""
        for query, seconds in (("", None), ("?lag=2.5", 2.5), ("?lag=0", 0.0)):
            connection = self.connect()
            connection.ask(f"/live.mkv{query}")
            (client,) = self.stream.fanout.clients
            self.assertEqual(client.wish.max_lag, seconds)
            connection.lose()

    def test_bad_arguments(self) -> None:
        """A parameter that makes no sense is quoted, and what would be right is said."""
        for query in (
            "burst=soon",
            "burst=-1",
            "burst=nan",
            "burst=inf",
            "burst=",
            "join=now",
            "start=30",
            "start=soon",
            "lag=soon",
            "lag=-1",
            "lag=86401",
        ):
            got = self.get(f"/live.mkv?{query}")
            self.assertEqual(got.status, 400, query)
            self.assertIn(repr(query.partition("=")[2]), got.text)
            self.assertEqual(got.text.count("\n"), 1)
        self.assertEqual(self.stream.fanout.clients, set())

    def test_ranges(self) -> None:
        """From the beginning there is a whole answer; any other range there is not."""
        for range_ in ("bytes=0-", "Bytes = 0-"):
            got = self.get("/live.mkv", Range=range_)
            self.assertEqual(got.status, 200)
            for name in ("content-length", "content-range", "accept-ranges"):
                self.assertNotIn(name, got.headers)
        for range_ in ("bytes=1-", "bytes=0-99", "bytes=-100", "bytes=0-,5-", "pages=1", ""):
            for method in ("GET", "HEAD"):
                self.assertEqual(self.get("/live.mkv", method, Range=range_).status, 416, range_)

    def test_rebase(self) -> None:
        """Clients that ask for it, and browsers' video elements, get timestamps that begin at 0."""
        for target, headers in (
            ("/live.mkv?rebase=1", {}),
            ("/live.mkv", {"Sec_Fetch_Dest": "video"}),
        ):
            connection = self.connect()
            connection.ask(target, **headers)
            self.publish(10, 10.3)
            times = [block.time for block in blocks(connection.answer().body)]
            self.assertEqual(times[:3], [0, 100, 200])
            connection.lose()
        for target, headers in (
            ("/live.mkv?rebase=0", {}),
            ("/live.mkv", {"Sec_Fetch_Dest": "document"}),
        ):
            first = blocks(self.get(target, **headers).body)[0]
            self.assertEqual(first.time, 8000)

    def test_too_many(self) -> None:
        """One more than may be there is told when to ask again; C{HEAD} does not count."""
        self.add("small", max_clients=2)
        connections = [self.connect() for _ in range(2)]
        for connection in connections:
            connection.ask("/small.mkv")
        got = self.get("/small.mkv")
        self.assertEqual(got.status, 503)
        self.assertGreater(int(got.headers["retry-after"]), 0)
        self.assertIn("2 clients", got.text)
        self.assertEqual(self.get("/small.mkv", "HEAD").status, 200)
        self.assertEqual(self.get("/status").status, 200)
        connections[0].lose()
        connection = self.connect()
        connection.ask("/small.mkv")
        self.assertEqual(connection.transport.value(), b"", "held, as the first ones")

    def test_unfit(self) -> None:
        """Where the tracks cannot live in a format, it is said which one and what there is."""
        why = "track 1 (video, h264) cannot live in WebM"
        other = self.add("other")
        early = self.connect()
        early.ask("/other.webm")
        self.assertEqual(early.transport.value(), b"", "held until the tracks are known")
        other.publisher.begin(header())
        other.publisher.publish(footage(0, 1))
        for got in (early.answer(), self.get("/other.webm")):
            self.assertEqual(got.status, 406)
            self.assertEqual(got.text, f"{why}; ask for .mkv instead.\n")
        self.assertEqual(self.get("/other.webm", "HEAD").status, 406)
        self.assertEqual(other.fanout.clients, set())

    def test_end(self) -> None:
        """At the end of the stream the response is complete, and the connection can be used on."""
        connection = self.connect()
        connection.ask("/live.mkv?burst=0")
        self.stream.input.life.state = State.ENDED
        self.stream.publisher.end()
        self.reactor.turn()
        got = connection.answer()
        self.assertTrue(got.complete)
        self.assertEqual(blocks(got.body), sent(footage(9, 10)))
        connection.ask("/live.mkv")
        again = answer(connection.answer().rest)
        self.assertEqual(again.status, 503)
        self.assertIn("ended", again.text)

    def test_end_while_waiting(self) -> None:
        """A client that waits for a stream that ends is told so."""
        other = self.add("late")
        connection = self.connect()
        connection.ask("/late.mkv")
        other.publisher.end()
        self.assertEqual(connection.answer().status, 503)

    def test_new_header(self) -> None:
        """When the tracks change, the response is complete; the next one has the new header."""
        connection = self.connect()
        connection.ask("/live.mkv?burst=0")
        self.stream.publisher.begin(header(VIDEO, AUDIO))
        self.reactor.turn()
        self.assertTrue(connection.answer().complete)
        connection.ask("/live.mkv?burst=0")
        packets = mixed(footage(10, 11), footage(10, 11, track=2))
        self.stream.publisher.publish(packets)
        self.reactor.turn()
        again = answer(connection.answer().rest)
        self.assertEqual(again.body[: len(head(VIDEO, AUDIO))], head(VIDEO, AUDIO))
        self.assertEqual(blocks(again.body), sent(packets))

    def test_gone(self) -> None:
        """A client whose connection is lost has left, whether it watched or waited."""
        other = self.add("late")
        for target, stream in (("/live.mkv", self.stream), ("/late.mkv", other)):
            connection = self.connect()
            connection.ask(target)
            self.assertEqual(len(stream.fanout.clients), 1)
            connection.lose()
            self.assertEqual(len(stream.fanout.clients), 0)
        self.assertEqual(len(self.log.about("the client has gone")), 2)

    def test_stalled(self) -> None:
        """A client that takes nothing is disconnected after the time-out."""
        connection = self.connect()
        connection.ask("/live.mkv")
        producer = connection.transport.producer
        assert producer is not None
        producer.pauseProducing()
        had = connection.transport.value()
        self.publish(10, 11)
        self.assertEqual(connection.transport.value(), had)
        self.reactor.pump([1] * 31)
        self.assertTrue(connection.transport.disconnected)
        self.assertEqual(self.stream.fanout.clients, set())

    def test_resumed(self) -> None:
        """What a full buffer could not take comes when it is empty."""
        connection = self.connect()
        connection.ask("/live.mkv?burst=0")
        producer = connection.transport.producer
        assert producer is not None
        producer.pauseProducing()
        producer.pauseProducing()
        self.publish(10, 11)
        producer.resumeProducing()
        self.assertEqual(blocks(connection.answer().body), sent(footage(9, 11)))

    def test_abort_after_the_end(self) -> None:
        """To abort what is already over is harmless."""
        connection = self.connect()
        connection.ask("/live.mkv")
        (client,) = self.stream.fanout.clients
        connection.lose()
        client.response.abort()
