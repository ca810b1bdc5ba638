"""What clients ask for, and what they get: in memory, and over sockets that take only so much."""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface.verify import verifyObject

from mkvtwist import __version__
from mkvtwist.config.input import Form, Input
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.mpegts.transport import NULL
from mkvtwist.http import LiveSite, StreamResource
from mkvtwist.http.views import status as status_module
from mkvtwist.http.views.status import FRESH, VIEWS, Fresh
from mkvtwist.http.wire.live_response import LiveResponse, SocketResponse
from mkvtwist.inputs.lifecycle import State
from mkvtwist.live.client import PIECE, Client, IResponse
from mkvtwist.media.packet import Track
from mkvtwist.streams.statistics import StreamStatistics
from mkvtwist.streams.stream import Stream
from tests.formats import test_matroska, test_mpegts
from tests.support import media
from tests.support.fakes import (
    AUDIO,
    SOUND,
    VIDEO,
    Answer,
    Reactor,
    answer,
    blocks,
    footage,
    head,
    header,
    in_mp4,
    mixed,
    sent,
)
from tests.support.site import Connection, SiteTestCase, ignore


class TracksTests(SiteTestCase):
    """C{?tracks=}: some of them, in any format."""

    def begin(self) -> Stream:
        """VP8, Opus, and SubRip."""
        other = self.add("other")
        other.publisher.begin(test_matroska.header())
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
        other = self.begin()
        self.publish_to(other)
        got = self.get("/other.mkv?tracks=2,3&burst=9").body
        self.assertEqual([track["codec"] for track in media.parameters(got)[0]], ["opus", "srt"])
        self.assertEqual(len(test_matroska.read(got)), 20)
        everything = self.get("/other.mkv?tracks=1,2,3&burst=9").body
        self.assertEqual(everything, self.get("/other.mkv?burst=9").body)

    def test_shared(self) -> None:
        """All who ask for the same are one audience, which goes with the last of them."""
        other = self.begin()
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
        other = self.begin()
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
        self.publish_to(self.begin())
        for method in ("GET", "HEAD"):
            got = self.get("/other.mkv?tracks=2", method)
            self.assertEqual(got.headers["content-type"], 'audio/x-matroska; codecs="opus"')


class TransportTests(SiteTestCase):
    """C{/NAME.ts}, whose packets are counted."""

    def setUp(self) -> None:
        """A stream of MPEG-2 and MP2."""
        super().setUp()
        self.other = self.add("other")
        self.other.publisher.begin(test_mpegts.header("mpeg2video", "mp2"))

    def feed(self, start: float, end: float) -> None:
        """Pictures and sound, one after the other."""
        for packet in mixed(footage(start, end, size=500), footage(start, end, track=2, rate=20)):
            self.other.publisher.publish([packet])
            self.reactor.turn()

    def check(self, data: bytes) -> None:
        """Behind the packet that means nothing no counter leaps."""
        self.assertEqual(data[:188], NULL)
        for pid, found in test_mpegts.parsed(data[188:]).counters.items():
            self.assertEqual(found, [(found[0] + n) % 16 for n in range(len(found))], pid)

    def test_counters(self) -> None:
        """Whoever joins, at any time and place, and whoever comes back, misses no packet."""
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
        retrying = "Nothing new has come. The stream is retrying: the host has gone."
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
        """Who asks for it, and a browser's video element, get timestamps that begin at 0."""
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

    def test_health(self) -> None:
        """A load balancer hears whether every stream is live that has to be."""
        self.stream.input.life.state = State.LIVE
        self.assertEqual(self.get("/healthz").text, "All streams are live.\n")
        other = self.add("other")
        other.input.life.state = State.RETRYING
        other.input.life.reason = "the host has gone"
        got = self.get("/healthz")
        self.assertEqual((got.status, got.text), (503, "other: retrying (the host has gone)\n"))
        other.configure(replace(other.config, watch=AccessRule(allow=(ip_network("10.0.0.0/8"),))))
        self.assertEqual(self.get("/healthz").text, "a stream: retrying\n", "not whose, nor why")
        other.input.life.state = State.WAITING_FOR_CLIENT
        self.assertEqual(self.get("/healthz").status, 200)
        self.add("spare", optional=True)
        self.assertEqual(self.get("/healthz").status, 200)

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
        """Who waits for a stream that ends is told so."""
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


class KnownTests(SiteTestCase):
    """C{/status}, C{/metrics}, and what else is whole."""

    def status(self, peer: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
        """What C{/status} says to a program of this machine, or of another one."""
        got = self.get("/status", peer=peer, **{"Host": "localhost:8080", **headers})
        self.assertEqual(got.status, 200)
        self.assertEqual(got.headers["content-type"], "application/json")
        made: dict[str, Any] = json.loads(got.body)
        return made

    def test_status(self) -> None:
        """The status has what the contract says, and nothing else."""
        self.stream.input.life.state = State.LIVE
        self.assertEqual(self.status()["streams"]["live"]["bitrate"], 20 * 10 * 8)
        self.reactor.advance(7)
        self.connect().ask("/live.mkv", User_Agent="mpv 0.35")
        status = self.status()
        self.assertEqual(set(status), {"version", "uptime", "streams"})
        self.assertEqual(status["version"], __version__)
        self.assertEqual(status["uptime"], 7)
        stream = status["streams"]["live"]
        self.assertEqual(
            set(stream),
            {
                *("state", "reason", "input", "since", "tracks", "bitrate", "segment_seconds"),
                *("ring", "fragments", "bytes_in", "bytes_out", "discontinuities", "restarts"),
                *("clients", "left_out", "recording", "hls_viewers", "formats", "live_edge"),
                *("detail", "notes"),
            },
        )
        self.assertEqual((stream["state"], stream["input"]), ("live", "demo:"))
        self.assertEqual(stream["bitrate"], 0, "nothing has come for 7 s")
        self.assertEqual(stream["segment_seconds"], 1.0)
        self.assertEqual(set(stream["ring"]), {"seconds", "bytes", "segments"})
        self.assertEqual((stream["ring"]["seconds"], stream["ring"]["segments"]), (10, 10))
        self.assertEqual((stream["fragments"], stream["bytes_in"]), (100, 2000))
        self.assertEqual((stream["left_out"], stream["recording"]), ([], None))
        (client,) = stream["clients"]
        self.assertEqual(
            set(client),
            {
                *("id", "peer", "user_agent", "format", "since", "bytes", "lag"),
                *("skipped_segments", "state"),
            },
        )
        self.assertEqual(client["peer"], "192.0.2.7:5000")
        self.assertEqual(client["user_agent"], "mpv 0.35")
        self.assertEqual((client["lag"], client["skipped_segments"]), (0, 0))
        self.assertEqual(client["state"], "live")
        self.assertEqual(stream["bytes_out"], client["bytes"])

    def test_public(self) -> None:
        """Another machine sees figures: no addresses, programs, paths, nor libavformat's words."""
        stream = self.add("cam", record="/srv/secret/cam.mkv")
        stream.input.reports.left_out = (
            "track 2 (data, klv): Invalid data found",
            "track 3: silent",
        )
        stream.input.life.state = State.RETRYING
        stream.input.life.reason = "the input could not be read"
        stream.input.life.detail = "tcp://camera: Connection refused"
        stream.publisher.begin(header())
        self.connect().ask("/cam.mkv", User_Agent="mpv 0.35")
        text = json.dumps(self.status("192.0.2.9"))
        for private in ("192.0.2", "mpv", "secret", "demo:", "Invalid", "camera", "refused"):
            self.assertNotIn(private, text)
        whole, public = self.status(), self.status("192.0.2.9")
        shown, all_ = public["streams"]["cam"], whole["streams"]["cam"]
        self.assertEqual(set(all_) - set(shown), {"input", "recording", "detail"})
        self.assertEqual(shown["reason"], "the input could not be read")
        self.assertEqual(shown["left_out"], ["track 2 (data, klv)", "track 3"])
        self.assertEqual(all_["detail"], "tcp://camera: Connection refused")
        (client,) = shown["clients"]
        self.assertEqual(set(all_["clients"][0]) - set(client), {"peer", "user_agent"})
        page = json.loads(self.get("/cam/status").body)
        self.assertEqual(page["left_out"], shown["left_out"])
        self.assertNotIn("detail", page)

    def test_operators(self) -> None:
        """Everything is for programs of this machine that ask for themselves, by a name of its."""
        for peer, headers, sees in (
            ("127.0.0.1", {}, True),
            ("::1", {"Host": "[::1]:8080"}, True),
            ("127.0.0.1", {"Host": "127.0.0.1"}, True),
            ("127.0.0.1", {"Origin": "http://localhost:8080"}, True),
            ("127.0.0.1", {"Host": "tv.example"}, False),
            ("127.0.0.1", {"Origin": "http://evil.example"}, False),
            ("127.0.0.1", {"X_Forwarded_For": "127.0.0.1"}, False),
            ("127.0.0.1", {"Forwarded": "for=192.0.2.1"}, False),
            ("192.0.2.1", {}, False),
        ):
            shown = self.status(peer, **headers)["streams"]["live"]
            self.assertEqual("input" in shown, sees, (peer, headers))

    def test_formats(self) -> None:
        """What the stream can be had in is there by ending, as its answers would call it."""
        self.stream.publisher.begin(
            header(in_mp4(replace(VIDEO, codec_string="avc1.64001f")), in_mp4(AUDIO))
        )
        formats = self.status()["streams"]["live"]["formats"]
        playlist = "application/vnd.apple.mpegurl"
        self.assertEqual(formats, {"mkv": "video/x-matroska", "mp4": "video/mp4", "m3u8": playlist})
        tracks = self.status()["streams"]["live"]["tracks"]
        self.assertEqual([track["formats"] for track in tracks], [["mkv", "mp4"]] * 2)
        self.stream.publisher.begin(header(replace(AUDIO, codec_string="mp4a.40.2")))
        self.reactor.advance(FRESH)
        formats = self.status()["streams"]["live"]["formats"]
        self.assertEqual(formats, {"mkv": 'audio/x-matroska; codecs="mp4a.40.2"'})
        self.assertEqual(self.get("/live.mkv", "HEAD").headers["content-type"], formats["mkv"])

    def test_once_a_second(self) -> None:
        """Figures are put together once a second for everybody who may see the same streams."""
        looks: list[str] = []
        statistics = Stream.statistics

        def count(stream: Stream, **about: bool) -> StreamStatistics:
            looks.append(stream.config.name)
            return statistics(stream, **about)

        self.patch(Stream, "statistics", count)
        for target in ("/status", "/metrics", "/live/status"):
            looks.clear()
            first = self.get(target)
            for method in ("GET", "HEAD", "GET"):
                self.assertEqual(self.get(target, method).status, 200)
            self.assertEqual(self.get(target).body, first.body)
            self.assertEqual(looks, ["live"], target)
            self.reactor.advance(FRESH)
            self.get(target)
            self.assertEqual(looks, ["live"] * 2, target)

    def test_age(self) -> None:
        """How long ago the live edge came is right at each moment, since players go by it."""
        self.stream.input.life.state = State.LIVE
        for age in (0.0, 0.4, 0.8):
            edge = json.loads(self.get("/live/status").body)["live_edge"]
            self.assertAlmostEqual(edge["age"], age)
            self.reactor.advance(0.4)

    def test_views(self) -> None:
        """Who may see other streams, or a stream that was started anew, gets what is there."""
        token = Path(self.mktemp())
        token.write_text("correct-horse")
        for names in ({"live"}, {"live", "other"}):
            self.assertEqual(set(json.loads(self.get("/status").body)["streams"]), names)
            if names == {"live"}:
                self.add("secret", watch=AccessRule(token_file=str(token)))
                self.add("other")
        got = json.loads(self.get("/status?token=correct-horse").body)
        self.assertEqual(set(got["streams"]), {"live", "other", "secret"})
        before = json.loads(self.get("/other/status").body)["tracks"]
        self.add("other").publisher.begin(header())
        self.assertNotEqual(json.loads(self.get("/other/status").body)["tracks"], before)

    def test_change(self) -> None:
        """What has happened to a stream is there at once."""
        self.assertEqual(json.loads(self.get("/live/status").body)["state"], "opening")
        self.stream.input.life.state = State.LIVE
        self.assertEqual(json.loads(self.get("/live/status").body)["state"], "live")
        self.stream.publisher.begin(header(VIDEO, AUDIO))
        self.assertEqual(len(json.loads(self.get("/live/status").body)["tracks"]), 2)

    def test_views_are_bounded(self) -> None:
        """No more views are kept than are likely, and none for longer than it holds."""
        fresh = Fresh(self.reactor)
        for number in range(10 * VIEWS):
            made = fresh.get(str(number), [self.stream], lambda: b"x")
            self.assertEqual(made, (b"x", 0))
            self.assertLessEqual(len(fresh._made), VIEWS)
        self.reactor.advance(FRESH)
        fresh.get("x", [], lambda: b"x")
        self.assertEqual(len(fresh._made), 1)

    def test_one(self) -> None:
        """A player's page gets what it shows of its stream: clients are counted, not listed."""
        self.connect().ask("/live.mkv")
        shown = json.loads(self.get("/live/status").body)
        self.assertEqual(shown["clients"], 1)
        whole = self.status()["streams"]["live"]
        self.assertEqual(set(whole) - set(shown), {"input", "recording", "bytes_out", "detail"})
        self.assertEqual(shown["formats"], whole["formats"])
        self.assertEqual(self.get("/none/status").status, 404)

    def test_crowd(self) -> None:
        """No client is looked at for that, nor for the state alone: many ask, of many clients."""
        self.connect().ask("/live.mkv")

        def look(_: object) -> None:
            raise AssertionError

        self.patch(Client, "statistics", look)
        self.patch(Client, "sent", property(look))
        self.assertEqual(json.loads(self.get("/live/status").body)["clients"], 1)
        self.assertIn("opening", self.get("/healthz").text)

    def test_live_edge(self) -> None:
        """The status says where the newest fragment ends on the timeline, and when it arrived."""
        self.reactor.advance(5)
        self.stream.publisher.publish(footage(100, 101))
        self.reactor.advance(1.5)
        self.patch(status_module, "time", SimpleNamespace(time=lambda: 1e9))
        edge = json.loads(self.get("/live/status").body)["live_edge"]
        self.assertEqual(edge["media"], 101)
        self.assertEqual(edge["age"], 1.5)
        self.assertEqual(edge["arrived"], "2001-09-09T01:46:38.500+00:00")
        # A player measures by both: their sum goes on also where the figures are kept for a while.
        self.reactor.advance(0.25)
        again = json.loads(self.get("/live/status").body)["live_edge"]
        self.assertEqual((again["media"], again["age"]), (101, 1.75))
        self.stream.publisher.publish(footage(101, 102))
        self.reactor.advance(1)
        self.assertEqual(json.loads(self.get("/live/status").body)["live_edge"]["media"], 102)
        self.add("other")
        self.assertIsNone(json.loads(self.get("/other/status").body)["live_edge"])

    def test_tracks(self) -> None:
        """A track is shown as people call it, without what its decoder needs."""
        rich = Track(
            number=1,
            type="video",
            codec="h264",
            setup=b"setup",
            language="deu",
            title="Film",
            width=640,
            height=360,
            frame_rate=25.0,
        )
        self.stream.publisher.begin(header(rich))
        (track,) = self.status()["streams"]["live"]["tracks"]
        self.assertEqual(
            track,
            {
                "number": 1,
                "type": "video",
                "codec": "h264",
                "codec_string": None,
                "language": "deu",
                "title": "Film",
                "default": False,
                "width": 640,
                "height": 360,
                "frame_rate": 25.0,
                "video_range": None,
                "supplemental": None,
                "sample_rate": None,
                "channels": None,
                "formats": ["mkv"],
                "quiet": False,
            },
        )

    def test_quiet_track(self) -> None:
        """A track of which nothing comes is said to be quiet."""
        self.stream.publisher.begin(header(VIDEO, AUDIO))
        self.stream.publisher.publish(mixed(footage(10, 12), footage(10, 15, track=2)))
        tracks = self.status()["streams"]["live"]["tracks"]
        self.assertEqual([track["quiet"] for track in tracks], [True, False])

    def test_no_secrets(self) -> None:
        """A password in the input's URL is not shown, in the status nor on the page."""
        url = Input(Form.URL, "rtsp://me:hunter2@cam/live?key=hunter2")
        self.streams["cam"] = Stream(self.reactor, StreamConfig(url, name="cam"), ignore)
        shown = json.dumps(self.status()) + self.get("/cam", Accept="text/html").text
        self.assertNotIn("hunter2", shown)
        self.assertIn("rtsp://me:***@cam/live", shown)

    def test_metrics(self) -> None:
        """Prometheus reads the same figures."""
        self.stream.input.life.state = State.LIVE
        self.connect().ask("/live.mkv")
        other = self.add("other")
        other.publisher.begin(header())
        got = self.get("/metrics")
        self.assertTrue(got.headers["content-type"].startswith("text/plain"))
        values = {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(got.text)
            for sample in family.samples
        }
        status = self.status()["streams"]["live"]
        for name, value in (
            ("live", 1),
            ("bitrate_bits_per_second", status["bitrate"]),
            ("segment_seconds", 1),
            ("ring_seconds", 10),
            ("ring_bytes", status["ring"]["bytes"]),
            ("ring_segments", 10),
            ("fragments_total", 100),
            ("in_bytes_total", 2000),
            ("out_bytes_total", status["bytes_out"]),
            ("discontinuities_total", 0),
            ("restarts_total", 0),
        ):
            self.assertEqual(values[f"mkvtwist_{name}", "live"], value, name)
        self.assertEqual(values["mkvtwist_clients", "matroska", "live", "live"], 1)
        self.assertEqual(values["mkvtwist_clients", "matroska", "behind", "live"], 0)
        self.assertEqual(values["mkvtwist_live", "other"], 0)

    def test_not_found(self) -> None:
        """What is not there is said in one line, with what is."""
        got = self.get("/film.avi")
        self.assertEqual(got.status, 404)
        self.assertEqual(got.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(
            got.text, "There is no 'film.avi' here. There are /live.mkv and /status.\n"
        )
        self.streams.clear()
        self.assertIn("no stream", self.get("/film.avi").text)

    def test_hostile_path(self) -> None:
        """A path with control characters, or without end, gets one line all the same."""
        for target in ("/%0d%0aSet-Cookie:%20a=b", "/%ff%fe", "/" + "x" * 5000, "/%1b[31m"):
            got = self.get(target)
            self.assertEqual(got.status, 404)
            self.assertTrue(got.text.removesuffix("\n").isprintable(), got.text)
            self.assertLess(len(got.text), 400)
            self.assertNotIn("set-cookie", got.headers)

    def test_methods(self) -> None:
        """What is there can be asked for, and nothing else can be done to it."""
        for target in ("/live.mkv", "/status", "/", "/metrics"):
            for method in ("POST", "PUT", "DELETE", "BREW"):
                got = self.get(target, method)
                self.assertEqual(got.status, 405, (target, method))
                self.assertEqual(got.headers["allow"], "GET, HEAD")
                self.assertEqual(got.text.count("\n"), 1)
        self.assertEqual(self.get("/nothing", "POST").status, 404)

    def test_post(self) -> None:
        """A request is refused before its body; that is read over, and the connection ends."""
        connection = self.connect()
        connection.ask("/live.mkv", "POST", Content_Length="5")
        got = connection.answer()
        self.assertEqual((got.status, got.headers["connection"]), (405, "close"))
        connection.send(b"12345")
        connection.ask("/status")
        self.assertEqual(connection.answer().rest, b"")
        self.assertTrue(connection.transport.disconnecting)

    def test_pipelined(self) -> None:
        """Requests that come at once are answered in order; a live one is the last for long."""
        connection = self.connect()
        paths = (b"/status", b"/x", b"/live.mkv", b"/status")
        connection.send(b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths))
        for over in (False, True):
            first = connection.answer()
            self.assertEqual((first.status, first.complete), (200, True))
            second = answer(first.rest)
            self.assertEqual((second.status, second.complete), (404, True))
            third = answer(second.rest)
            self.assertEqual((third.status, third.complete), (200, over))
            self.assertEqual(blocks(third.body), sent(footage(8, 10)))
            self.stream.publisher.end()
            self.reactor.turn()
        self.assertIn(b'"version"', answer(third.rest).body)

    def test_hostile_headers(self) -> None:
        """What a client says of itself is one line of the log, whatever is in it."""
        evil = "x\x1b[31m\x85\u2028y {client.publisher} %s"
        connection = self.connect()
        connection.ask("/live.mkv", User_Agent=evil)
        connection.lose()
        connection = self.connect()
        connection.ask("/live.mkv", User_Agent="z" * 9000)
        (joined, long) = self.log.about("joined")
        self.assertIn(r"x\x1b[31m\x85\u2028y {client.publisher} %s", joined)
        self.assertLess(len(long), 300)
        for line in self.log.lines:
            self.assertTrue(line.isprintable(), line)

    def test_quiet(self) -> None:
        """A request that is not a client's has no line in the log."""
        self.log.clear()
        self.get("/status")
        self.get("/nothing")
        self.get("/live.mkv", "HEAD")
        self.assertEqual(self.log.lines, [])


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
            self.assertGreater(len(addresses), 3)
            self.assertEqual([one for one in addresses if one.startswith("/") or ":" in one], [])

    def test_static(self) -> None:
        """What a page names is there, and may be kept for ever: another one has another address."""
        for address in re.findall(r'"(static/[^"]+)"', self.get("/", Accept=self.BROWSER).text):
            got = self.get(f"/{address}", "HEAD")
            self.assertEqual(got.status, 200, address)
            self.assertIn("immutable", got.headers["cache-control"])
            self.assertEqual(got.headers["access-control-allow-origin"], "*")

    def test_static_without_version(self) -> None:
        """Without a version, or with an old one, a file is asked for again each time."""
        for target in ("/static/embed.js", "/static/embed.js?v=old"):
            got = self.get(target)
            self.assertEqual(got.headers["cache-control"], "no-cache")
            self.assertEqual(got.headers["content-type"], "text/javascript; charset=utf-8")
            again = self.get(target, If_None_Match=got.headers["etag"])
            self.assertEqual((again.status, again.body), (304, b""))
            self.assertEqual(again.headers["cache-control"], "no-cache")
        self.assertEqual(self.get("/static/other.js").status, 404)

    def test_static_compressed(self) -> None:
        """A script that is compressed has the same weak tag as one that is not."""
        packed = self.get("/static/player.js", Accept_Encoding="gzip")
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        tag = packed.headers["etag"]
        self.assertTrue(tag.startswith("W/"), tag)  # its bytes are others (RFC 9110, 8.8.1)
        self.assertEqual(self.get("/static/player.js", If_None_Match=tag).status, 304)

    def test_not_for_players(self) -> None:
        """Who shows that it plays or saves media gets them; C{.mkv} is the stream for anybody."""
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
                tags = dict(re.findall(r'<meta property="([^"]+)" content="([^"]*)">', got.text))
                self.assertEqual(tags["og:title"], "live")
                self.assertEqual(tags["og:url"], "http://tv.example:8080/live")
                self.assertEqual(tags["og:image"], "http://tv.example:8080/live.jpg")
                head = self.get(target, "HEAD", **headers)
                self.assertEqual(head.headers["content-type"], got.headers["content-type"])
        self.assertEqual(self.stream.fanout.clients, set())

    def test_preview_addresses(self) -> None:
        """Addresses in it are those that the other site asked for, token included; quoted."""
        about = {"Accept": "*/*", "Host": "a&b.example", "X_Forwarded_Proto": "https"}
        got = self.get("/live?token=a%26b", **about)
        tags = dict(re.findall(r'<meta property="([^"]+)" content="([^"]*)">', got.text))
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


class Player(Protocol):
    """A client over a real socket, which reads when it is told to."""

    transport: Any

    def __init__(self) -> None:
        self.data = b""
        self.made: Deferred[None] = Deferred()
        self.lost = False
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def factory_of_one(self) -> Any:
        """What the reactor connects."""
        factory: Any = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda _: self
        return factory

    def connectionMade(self) -> None:
        self.made.callback(None)

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        self._look()

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008
        self.lost = True
        self._look()

    def when(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires when this is true, to be looked at whenever something has come."""
        done: Deferred[None] = Deferred()
        self._waiting.append((condition, done))
        self._look()
        return done

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, []
        for condition, done in waiting:
            if condition():
                done.callback(None)
            else:
                self._waiting.append((condition, done))

    @property
    def answer(self) -> Answer:
        """What has come so far."""
        return answer(self.data)

    def complete(self) -> bool:
        """Whether the answer has said that this is all."""
        return self.data.endswith(b"\r\n0\r\n\r\n") and self.answer.complete


def request(target: str, version: str = "1.1") -> bytes:
    """What a client sends."""
    return f"GET {target} HTTP/{version}\r\nHost: x\r\n\r\n".encode()


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

    def test_sender(self) -> None:
        """Somebody else's site has a body when it is whole, which a sender's never is."""
        config = replace(self.stream.config, input=Input(Form.HTTP, "http"))
        root = Resource()
        root.putChild(b"tv", StreamResource(self.reactor, Stream(self.reactor, config)))
        self.tree = Site(root, reactor=self.reactor)
        self.assertEqual(self.get("/tv/live", "PUT").status, 501)
        (line,) = self.log.about("refused with 501")
        self.assertTrue(line.startswith("stream live: sender 192.0.2.7:5000 "), line)

    def test_end(self) -> None:
        """What it has on the disk goes when the reactor has stopped."""
        (trigger,) = self.reactor.triggers["after"]["shutdown"]
        end, _, _ = trigger
        end()


class SocketTests(TestCase):
    """The live stream straight to the socket, which takes as much as it likes."""

    timeout = 60  # a safety net
    reactor: Any

    def setUp(self) -> None:
        """A site on loopback, and one stream in the real reactor's time."""
        from twisted.internet import reactor

        self.reactor = reactor
        self.streams: dict[str, Stream] = {}
        self.stream = self.add(self.reactor)
        self.site = LiveSite(self.reactor, self.streams)
        self.port: Any = self.reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.addCleanup(self.port.stopListening)
        self.addCleanup(self._end_all)

    def _end_all(self) -> Deferred[None]:
        """Whoever is still there goes, so that nothing is left in the reactor."""
        done: Deferred[None] = Deferred()
        for stream in self.streams.values():
            for client in list(stream.fanout.clients):
                stream.fanout.leave(client, "the test is over")
                client.response.abort()
        self.reactor.callLater(0, lambda: self.reactor.callLater(0, done.callback, None))
        return done

    def add(self, clock: Any, name: str = "live", **settings: Any) -> Stream:
        """A stream; its input is not opened."""
        config = StreamConfig(Input(Form.DEMO, "demo:"), name=name, **settings)
        self.streams[name] = stream = Stream(clock, config, ignore)
        return stream

    async def connect(self, receive_buffer: int | None = None) -> Player:
        """A new connection."""
        player = Player()
        host = self.port.getHost()
        connector = self.reactor.connectTCP("127.0.0.1", host.port, player.factory_of_one())
        self.addCleanup(connector.disconnect)
        if receive_buffer is not None:
            handle = connector.transport.getHandle()
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await player.made
        return player

    async def ask(self, target: str, version: str = "1.1", **options: Any) -> Player:
        """A new connection that asks for this."""
        player = await self.connect(**options)
        player.transport.write(request(target, version))
        return player

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the reactor run until this is true."""
        while not condition():
            await self.turn()

    async def turn(self) -> None:
        """One turn of the reactor."""
        done: Deferred[None] = Deferred()
        self.reactor.callLater(0, done.callback, None)
        await done

    def wire(self, start: float, end: float, size: int, of: Stream | None = None) -> bytes:
        """What is sent of this footage, packet by packet."""
        period = (of or self.stream).publisher.period
        assert period is not None
        format_ = period.muxer(period.everything)
        return b"".join(format_.render([p]) for p in footage(start, end, size=size))

    def publish(self, start: float, end: float, size: int, to: Stream | None = None) -> None:
        """Packet by packet."""
        for packet in footage(start, end, size=size):
            (to or self.stream).publisher.publish([packet])

    async def test_follow(self) -> None:
        """A client that reads gets each fragment as one chunk, the header first."""
        self.stream.publisher.begin(header())
        self.publish(0, 2, 500)
        player = await self.ask("/live.mkv?burst=60")
        await player.when(lambda: b"\r\n\r\n" in player.data)
        self.publish(2, 3, 500)
        self.stream.publisher.end()
        await player.when(player.complete)
        self.assertEqual(player.answer.headers["transfer-encoding"], "chunked")
        self.assertEqual(player.answer.headers["content-type"], "video/x-matroska")
        self.assertEqual(player.answer.body, head() + self.wire(0, 3, 500))

    async def test_slow(self) -> None:
        """A client that reads slowly gets exactly the same bytes, in whole chunks."""
        self.stream.publisher.begin(header())
        self.publish(0, 10, 15_000)
        player = await self.ask("/live.mkv?burst=60", receive_buffer=32_768)
        transport = player.transport
        transport.pauseProducing()
        await self.until(lambda: bool(self.stream.fanout.clients))
        (client,) = self.stream.fanout.clients
        await self.until(lambda: client.paused and client.sent > PIECE)
        self.publish(10, 20, 15_000)
        self.assertEqual(client.statistics().state, "behind")
        self.assertGreater(client.statistics().lag, 10)
        response: Any = client.response
        response.resumeProducing()  # nobody should, but it does no harm
        self.assertTrue(client.paused)
        self.stream.publisher.end()
        for _ in range(50):
            transport.resumeProducing()
            await self.turn()
            transport.pauseProducing()
            await self.turn()
        transport.resumeProducing()
        await player.when(player.complete)
        self.assertEqual(player.answer.body, head() + self.wire(0, 20, 15_000))
        self.assertEqual(player.answer.rest, b"")

    async def test_transport(self) -> None:
        """What the transport says is passed on to the client, and to nobody after the end."""
        self.stream.publisher.begin(header())
        self.publish(0, 1, 500)
        player = await self.ask("/live.mkv")
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        (client,) = self.stream.fanout.clients
        response: Any = client.response
        response.pauseProducing()
        self.assertTrue(client.paused)
        response.resumeProducing()
        self.assertFalse(client.paused)
        self.stream.publisher.end()
        await player.when(player.complete)
        response.pauseProducing()
        response.resumeProducing()
        response.stopProducing()
        self.assertFalse(client.paused)

    async def test_sent(self) -> None:
        """What is counted as sent is what the system has taken, framing included."""
        self.stream.publisher.begin(header())
        self.publish(0, 1, 500)
        player = await self.ask("/live.mkv")
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        start = player.data.index(b"\r\n\r\n") + 4
        self.assertEqual(self.stream.statistics().bytes_out, len(player.data) - start)

    async def test_http_1_0(self) -> None:
        """HTTP/1.0 clients get the bare stream, however slowly, and its end is the connection's."""
        self.stream.publisher.begin(header())
        self.publish(0, 10, 15_000)
        player = await self.ask("/live.mkv?burst=60", "1.0", receive_buffer=32_768)
        transport = player.transport
        transport.pauseProducing()
        await self.until(lambda: any(c.paused for c in self.stream.fanout.clients))
        transport.resumeProducing()
        self.publish(10, 12, 15_000)
        self.stream.publisher.end()
        await player.when(lambda: player.lost)
        self.assertNotIn("transfer-encoding", player.answer.headers)
        self.assertEqual(player.answer.body, head() + self.wire(0, 12, 15_000))

    async def test_keep_alive(self) -> None:
        """A live answer behind another one, and another one behind it, stay in order."""
        self.stream.publisher.begin(header())
        self.publish(0, 2, 500)
        player = await self.connect()
        transport = player.transport
        transport.write(request("/status") + request("/live.mkv?burst=60") + request("/status"))
        await player.when(lambda: player.data.count(b"HTTP/1.1 200") == 2)
        await self.turn()
        self.publish(2, 3, 500)
        self.stream.publisher.end()
        await player.when(lambda: player.data.count(b'"version"') == 2)
        first = player.answer
        second = answer(first.rest)
        self.assertEqual(second.body, head() + self.wire(0, 3, 500))
        self.assertEqual(json.loads(answer(second.rest).body)["streams"]["live"]["clients"], [])

    async def test_rebase(self) -> None:
        """A client with timestamps of its own gets whole chunks, too."""
        self.stream.publisher.begin(header())
        self.publish(0, 10, 100)
        player = await self.ask("/live.mkv?rebase=1&burst=2")
        await player.when(lambda: len(blocks_so_far(player)) == 20)
        self.publish(10, 11, 100)
        self.stream.publisher.end()
        await player.when(player.complete)
        self.assertEqual([b.time for b in blocks(player.answer.body)], list(range(0, 3000, 100)))

    async def test_waiting(self) -> None:
        """Who waits for the stream gets its beginning when it begins."""
        player = await self.ask("/live.mkv")
        await self.until(lambda: bool(self.stream.fanout.clients))
        self.stream.publisher.begin(header())
        self.publish(0, 1, 100)
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        self.assertEqual(player.answer.body, head() + self.wire(0, 1, 100))

    async def test_vanished(self) -> None:
        """A client that resets its connection is gone, whether anything was to be sent or not."""
        self.stream.publisher.begin(header())
        self.publish(0, 1, 100)
        for first in (True, False):
            player = await self.ask("/live.mkv")
            await player.when(lambda player=player: b"\r\n\r\n" in player.data)  # type: ignore[misc]
            reset(player)
            if first:
                self.publish(1, 2, 100)
            await self.until(lambda: not self.stream.fanout.clients)

    async def test_vanished_with_a_full_pipeline(self) -> None:
        """It is noticed when something is to be sent, even where nobody reads from it any more."""
        self.stream.publisher.begin(header())
        self.publish(0, 1, 100)
        player = await self.connect()
        transport = player.transport
        # More than a request: Twisted reads no further until the response is complete.
        transport.write(request("/live.mkv") + request("/status") * 2000)
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        (client,) = self.stream.fanout.clients
        server: Any = client.response.request.channel.transport  # type: ignore[attr-defined]
        await self.until(lambda: server not in self.reactor.getReaders())
        reset(player)
        start = 1.0
        while self.stream.fanout.clients:
            self.publish(start, start + 0.1, 100)
            start += 0.1
            await self.turn()

    async def test_stalled(self) -> None:
        """One that takes nothing is disconnected after the time-out; a reader is not."""
        clock = Reactor()
        stream = self.add(clock, "timed", client_timeout=5.0)
        stream.publisher.begin(header())
        self.publish(0, 10, 100_000, stream)
        stalled = await self.ask("/timed.mkv?burst=60", receive_buffer=32_768)
        transport = stalled.transport
        transport.pauseProducing()
        await self.until(lambda: bool(stream.fanout.clients))
        (client,) = stream.fanout.clients

        def full() -> bool:
            clock.turn()
            return client.paused and client.sent > PIECE

        await self.until(full)
        seen = -1
        while seen != client.sent:  # the kernel may move some more from here to there
            seen = client.sent
            for _ in range(20):
                await self.turn()
        reader = await self.ask("/timed.mkv?join=live")
        await reader.when(lambda: b"\r\n\r\n" in reader.data)
        for _ in range(7):
            clock.advance(1)
            await self.turn()
        transport.resumeProducing()
        await stalled.when(lambda: stalled.lost)
        self.assertEqual(len(stream.fanout.clients), 1)
        self.assertFalse(reader.lost)

    async def test_unix(self) -> None:
        """Over a UNIX socket it is the same."""
        path = self.mktemp()
        port = self.reactor.listenUNIX(path, self.site)
        self.addCleanup(port.stopListening)
        self.stream.publisher.begin(header())
        self.publish(0, 1, 100)
        player = Player()
        connector = self.reactor.connectUNIX(path, player.factory_of_one())
        self.addCleanup(connector.disconnect)
        await player.made
        player.transport.write(request("/live.mkv"))
        await player.when(lambda: len(blocks_so_far(player)) == 10)
        self.assertEqual(player.answer.body, head() + self.wire(0, 1, 100))
        (client,) = self.stream.fanout.clients
        self.assertIsInstance(client.response, SocketResponse)
        self.assertEqual(client.statistics().peer, "a local process")


def blocks_so_far(player: Player) -> list[Any]:
    """The blocks of a client, whose answer has begun or not."""
    return blocks(player.answer.body) if b"\r\n\r\n" in player.data else []


def reset(player: Player) -> None:
    """The client's machine has no such connection any more."""
    transport: Any = player.transport
    linger = struct.pack("ii", 1, 0)
    transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abortConnection()
