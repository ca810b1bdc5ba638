"""Streams that are made of patterns, as senders and clients of a server get them."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any
from weakref import ref

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import AtEnd, parse_at_end, parse_input
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.libav import Ended
from mkvtwist.server.pattern_streams import FULL_INTERVAL, MISSING_FOR, PatternStreams
from mkvtwist.server.server import Server
from mkvtwist.testing import END, VIDEO, FakeReaders, footage, header
from tests.support.fakes import Answer, Log, PortReactor, in_mp4
from tests.support.rtmp import Peers, publish, said, statuses
from tests.support.secrets import TOKEN, FileTestCase
from tests.support.senders import CHUNKED, Sending, chunks
from tests.support.site import Connection

MISSING = Ended("Server returned 404 Not Found", fault=True, is_missing=True)
AWAY = Ended("Connection refused", fault=True, plain="the input could not be read")


def stream(name: str, source: str = "push", **settings: Any) -> StreamConfig:
    """The settings of a stream, or of a pattern."""
    input_ = parse_input("input", source)
    settings = {"at_end": parse_at_end("at_end", None, input_.form), "linger": 5.0, **settings}
    return StreamConfig(input_, name=name, **settings)


EDGE = stream("*", "http://origin/{name}.mkv", on_demand=True)


class PatternTestCase(SynchronousTestCase):
    """What the cases below have in common: a server in memory."""

    def setUp(self) -> None:
        """Nothing is read."""
        self.readers = FakeReaders()
        self.reactor = PortReactor()
        self.log = Log(self)
        self.events: list[tuple[str, str]] = []

    def start(self, *streams: StreamConfig, **settings: Any) -> None:
        """A server with these streams and patterns."""
        config = Config(streams, ("tcp:8080",), **settings)
        self.server = Server(self.reactor, config, start_reader=self.readers)
        self.server.events.subscribe(lambda event: self.events.append((event.kind, event.stream)))
        self.server.startService()
        self.addCleanup(self.server.stopService)

    def ask(self, target: str, method: str = "GET", **headers: str) -> Connection:
        """One request, on a connection of its own."""
        connection = Connection(self.server.site, self.reactor)
        connection.ask(target, method, **headers)
        self.reactor.turns()
        return connection

    def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """The answer to such a request."""
        return self.ask(target, method, **headers).answer(method)

    def send(self, target: str = "/cam-1", *headers: str) -> Sending:
        """A sender that goes on sending."""
        sender = Sending(self.server.site, self.reactor)
        sender.begin(CHUNKED, *headers, target=target)
        sender.send(chunks(b"media"))
        self.reactor.turns()
        return sender

    def emit(self, *events: Any) -> None:
        """What the newest reader makes."""
        self.readers[-1].emit(*events)
        self.reactor.turns()

    def wait(self, seconds: int) -> None:
        """Time passes."""
        for _ in range(seconds):
            self.reactor.advance(1)
            self.reactor.turns()

    @property
    def names(self) -> list[str]:
        """The streams that there are."""
        return list(self.server.streams)


class SenderTests(PatternTestCase):
    """Senders of any name."""

    def test_begins(self) -> None:
        """A stream whose name fits begins with its sender, and is one like all others."""
        self.start(stream("main"), stream("cam-*"))
        self.send()
        self.emit(header(), *footage(0, 2))
        self.assertEqual(self.names, ["main", "cam-1"])
        self.assertEqual(self.server.streams["cam-1"].condition[0], "live")
        self.assertEqual(self.get("/cam-1.mkv").status, 200)
        self.assertIn(("stream added", "cam-1"), self.events)
        self.assertEqual(len(self.log.about("stream cam-1: made of the pattern cam-*")), 1)
        self.assertEqual([s.name for s in self.server.config.streams], ["main", "cam-*"])

    def test_ending(self) -> None:
        """The ending of the path is no part of the name, whether the stream is there or not."""
        self.start(stream("*"))
        first = self.send("/cam-1.nut")
        self.assertEqual(self.names, ["cam-1"])
        second = self.send("/cam-1.nut")
        self.assertEqual((first.said, second.verdict().status), (b"", 409))

    def test_ends(self) -> None:
        """It ends C{linger} seconds after its sender and its clients have gone."""
        self.start(stream("cam-*"))
        sender = self.send()
        self.emit(header(), *footage(0, 2))
        client = self.ask("/cam-1.mkv")
        self.wait(20)
        sender.lose()
        self.emit(END)
        self.wait(20)
        self.assertEqual(self.names, ["cam-1"])
        client.lose()
        self.wait(4)
        self.assertEqual(self.names, ["cam-1"])
        self.wait(2)
        self.assertEqual(self.names, [])
        self.assertEqual(self.events[-1], ("stream removed", "cam-1"))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_forgotten(self) -> None:
        """Nothing of a stream that has ended is kept."""
        self.start(stream("cam-*"))
        sender = self.send()
        self.emit(header(), *footage(0, 2))
        client = self.ask("/cam-1.mkv")
        for target in ("/cam-1/status", "/cam-1/index.m3u8", "/status", "/metrics"):
            self.get(target)
        kept = ref(self.server.streams["cam-1"])
        sender.lose()
        self.emit(END)
        client.lose()
        self.readers.clear()
        self.wait(60)
        self.assertEqual(self.names, [])
        del sender, client
        gc.collect()
        self.assertIsNone(kept())

    def test_advice(self) -> None:
        """The log says once how to isolate the media of senders, as for any stream of theirs."""
        self.start(stream("cam-*"))
        self.send("/cam-1")
        self.send("/cam-2")
        (line,) = self.log.about("--isolation=process")
        self.assertIn("stream cam-1: ", line)

    def test_comes_back(self) -> None:
        """A sender that is back within the C{linger} goes on with the stream."""
        self.start(stream("cam-*"))
        self.send().lose()
        self.emit(END)
        self.wait(4)
        made = self.server.streams["cam-1"]
        self.send()
        self.wait(8)
        self.assertIs(self.server.streams["cam-1"], made)

    def test_ends_with_sender(self) -> None:
        """With C{at_end = "exit"} it ends with its sender; the server goes on."""
        self.start(stream("cam-*", at_end=AtEnd.EXIT))
        self.send()
        self.emit(header(), *footage(0, 2), END)
        self.reactor.turns()
        self.assertEqual(self.names, [])
        self.assertFalse(self.reactor.hasStopped)

    def test_viewer(self) -> None:
        """A viewer makes no stream that would have no sender: 404, with the reason."""
        self.start(stream("cam-*"))
        for target in ("/cam-1", "/cam-1.mkv", "/cam-1/index.m3u8", "/cam-1/status", "/cam-1.jpg"):
            got = self.get(target, Accept="text/html")
            self.assertEqual(got.status, 404)
            self.assertEqual(got.text, "There is no stream 'cam-1' now: nobody is sending it.\n")
        self.assertEqual(self.names, [])

    def test_nothing_sent(self) -> None:
        """A request that is none of a sender's makes no stream."""
        self.start(stream("cam-*"))
        self.assertEqual(self.get("/cam-1", "PUT").status, 411)
        foreign = self.get("/cam-1", "POST", Origin="http://evil.example", Content_Length="3")
        self.assertEqual(foreign.status, 403)
        self.assertEqual(self.get("/cam-1?program=x", "PUT", Content_Length="3").status, 400)
        self.assertEqual(self.names, [])

    def test_other_name(self) -> None:
        """A name that fits no pattern is unknown, for senders too."""
        self.start(stream("cam-*"))
        self.assertEqual(self.get("/door-1", "PUT", Content_Length="3").status, 404)

    def test_own_table(self) -> None:
        """A stream with a table of its own is never one of a pattern."""
        self.start(stream("cam", linger=0.0), stream("*", linger=0.0))
        self.send("/cam.nut")
        self.assertEqual(self.names, ["cam"])
        self.assertEqual(self.server.streams["cam"].config.pattern, "")
        self.wait(3)
        self.assertEqual(self.names, ["cam"])

    def test_limit(self) -> None:
        """C{max_streams} bounds them, in all; a line in the log says so now and then."""
        self.start(stream("cam-*"), stream("x*"), max_streams=2)
        self.send("/cam-1")
        self.send("/x1")
        for _ in range(2):
            refused = self.send("/cam-2").verdict()
            self.assertEqual((refused.status, refused.headers["retry-after"]), (503, "5"))
            self.assertIn("there are too many streams; try again later", refused.text)
        self.assertEqual(self.names, ["cam-1", "x1"])
        self.assertEqual(len(self.log.about("max_streams")), 1)
        self.wait(round(FULL_INTERVAL))
        self.server.apply(replace(self.server.config, max_streams=0))
        self.send("/cam-2")
        self.assertIn("cam-2", self.names)

    def test_page(self) -> None:
        """The page that publishes is there for any name that fits, and makes no stream."""
        self.start(stream("cam-*"))
        self.assertEqual(self.get("/cam-1/publish", Host="localhost").status, 200)
        self.assertEqual(self.get("/door-1/publish", Host="localhost").status, 404)
        self.assertEqual(self.names, [])


class RtmpTests(FileTestCase, PatternTestCase):
    """Senders over RTMP: the name is the key, or the application."""

    def publish(self, app: str, key: str) -> str:
        """The code that a sender gets."""
        factory = next(made for port, made, *_ in self.reactor.tcpServers if port == 1935)
        uplink = Peers(self.reactor, factory).connect()
        uplink.dataReceived(publish(app, key))
        self.reactor.turns()
        ((code, _),) = statuses(said(uplink))
        return code.rpartition(".")[2]

    def test_open(self) -> None:
        """Anyone may send: the key is the name, whatever the application."""
        self.start(stream("*"), rtmp_listen=("tcp:1935",))
        self.assertEqual(self.publish("live", "cam-1"), "Start")
        self.assertEqual(self.names, ["cam-1"])

    def test_secret(self) -> None:
        """With a rule the key may be the secret, and is no name then; a wrong one makes nothing."""
        self.start(stream("*", send=self.tokens()), rtmp_listen=("tcp:1935",))
        self.assertEqual(self.publish("cam-1", TOKEN), "Start")
        self.assertEqual(self.publish("live", f"cam-2?token={TOKEN}"), "Start")
        self.reactor.turns()
        factory = next(made for port, made, *_ in self.reactor.tcpServers if port == 1935)
        wrong = Peers(self.reactor, factory).connect()
        wrong.dataReceived(publish("cam-3", "wrong-token"))
        self.reactor.turns()
        self.assertEqual(self.names, ["cam-1", "cam-2"])

    def test_own_table(self) -> None:
        """The key of a stream with a table of its own is no name of a pattern."""
        self.start(stream("studio", send=self.tokens()), stream("*"), rtmp_listen=("tcp:1935",))
        self.assertEqual(self.publish("studio", TOKEN), "Start")
        self.assertEqual(self.names, ["studio"])

    def test_no_push(self) -> None:
        """No sender is let in to what a viewer begins."""
        self.start(EDGE, rtmp_listen=("tcp:1935",))
        self.assertEqual(self.publish("live", "cam-1"), "BadName")
        self.assertEqual(self.names, [])


class ViewerTests(PatternTestCase):
    """Viewers of any name, at an edge."""

    def test_begins(self) -> None:
        """A stream begins with a viewer, and gets its input from the address with its name."""
        self.start(EDGE)
        client = self.ask("/cam-1.mkv")
        self.assertEqual(
            [reader.source.text for reader in self.readers], ["http://origin/cam-1.mkv"]
        )
        self.emit(header(), *footage(0, 2))
        self.assertEqual(client.answer().status, 200)
        self.assertEqual(self.names, ["cam-1"])
        client.lose()
        self.wait(7)
        self.assertEqual(self.names, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_segments(self) -> None:
        """A viewer of HLS waits for the first segment."""
        self.start(EDGE)
        client = self.ask("/cam-1/index.m3u8")
        self.emit(header(in_mp4(VIDEO)), *footage(0, 5))
        self.assertEqual(client.answer().status, 200)

    def test_missing(self) -> None:
        """A viewer of what the origin does not have gets 404, and nothing stays."""
        self.start(EDGE)
        clients = [self.ask(target) for target in ("/no.mkv", "/no/index.m3u8", "/no.ts")]
        self.emit(MISSING)
        for client in clients:
            got = client.answer()
            self.assertEqual(got.status, 404)
            self.assertEqual(
                got.text, "There is no stream 'no' now: its input has no such stream.\n"
            )
        self.reactor.turns()
        self.assertEqual((self.names, len(self.readers)), ([], 1))
        self.assertEqual(self.log.errors, [])

    def test_missing_again(self) -> None:
        """The origin is not asked again for a name at once."""
        self.start(EDGE)
        self.ask("/no.mkv")
        self.emit(MISSING)
        for target in ("/no.mkv", "/no", "/no/status"):
            self.assertEqual(self.get(target).status, 404)
        self.assertEqual(len(self.readers), 1)
        self.wait(round(MISSING_FOR) + 1)
        self.ask("/no.mkv")
        self.assertEqual(len(self.readers), 2)

    def test_scanner(self) -> None:
        """Of names without end no more than some are remembered, and those for some seconds."""
        self.start()
        patterns = PatternStreams(self.reactor, self.server.streams, most_missing=2)
        patterns.configure([EDGE], 0)

        def missing(name: str) -> bool:
            found = patterns.find(name)
            return found is not None and found.input.is_missing

        for name in ("a", "b", "c"):
            found = patterns.find(name)
            assert found is not None
            found.input.is_missing = True
            patterns.ended(found)
        self.assertEqual([missing(name) for name in "abcd"], [False, True, True, False])
        self.reactor.advance(MISSING_FOR)
        self.assertEqual([missing(name) for name in "abcd"], [False] * 4)

    def test_away(self) -> None:
        """An origin that is away may be back: viewers wait, as for any stream on demand."""
        self.start(EDGE)
        client = self.ask("/cam-1.mkv")
        self.emit(AWAY)
        self.wait(5)
        self.assertEqual(self.server.streams["cam-1"].condition[0], "opening")
        self.emit(header(), *footage(0, 2))
        self.assertEqual(client.answer().status, 200)

    def test_was_there(self) -> None:
        """A stream that was live is tried again, also if the origin lacks it for a moment."""
        self.start(EDGE)
        self.ask("/cam-1.mkv")
        self.emit(header(), *footage(0, 2), AWAY)
        self.wait(3)
        self.emit(MISSING)
        self.assertEqual(self.names, ["cam-1"])

    def test_two_origins(self) -> None:
        """It is missing if no origin has it; with one that has it, the stream is shown."""
        fallback = parse_input("fallback", "http://second/{name}.mkv")
        self.start(replace(EDGE, fallback=fallback))
        client = self.ask("/cam-1.mkv")
        self.emit(MISSING)
        self.assertEqual(self.readers[-1].source.text, "http://second/cam-1.mkv")
        self.assertEqual(self.names, ["cam-1"])
        self.emit(MISSING)
        self.assertEqual((client.answer().status, self.names), (404, []))
        client = self.ask("/cam-2.mkv")
        self.emit(MISSING)
        self.emit(header(), *footage(0, 2))
        self.assertEqual(client.answer().status, 200)

    def test_second_origin_first(self) -> None:
        """The order in which two origins say that they lack it makes no difference."""
        fallback = parse_input("fallback", "http://second/{name}.mkv")
        self.start(replace(EDGE, fallback=fallback))
        client = self.ask("/cam-1.mkv")
        self.emit(AWAY)
        self.emit(MISSING)
        self.wait(2)  # until the first one is asked again
        self.assertEqual(self.names, ["cam-1"])
        first = [reader for reader in self.readers if "origin" in reader.source.text]
        self.assertEqual(len(first), 2)
        first[-1].emit(MISSING)
        self.reactor.turns()
        self.assertEqual((client.answer().status, self.names), (404, []))

    def test_no_viewer(self) -> None:
        """Nobody who is no viewer makes a stream: not for figures, stills, pages and C{HEAD}."""
        self.start(EDGE)
        for target, method, status in (
            ("/cam-1/status", "GET", 200),
            ("/cam-1.mkv", "HEAD", 200),
            ("/cam-1.jpg", "GET", 503),
            ("/cam-1.m3u", "GET", 200),
            ("/cam-1/publish", "GET", 404),
            ("/cam-1/last.mkv", "GET", 503),
            ("/cam-1/x", "GET", 404),
            ("/cam-1.txt", "GET", 404),
            ("/robots.txt", "GET", 404),
            ("/cam-1.mkv?join=x", "GET", 400),
        ):
            self.assertEqual(self.get(target, method).status, status, target)
        self.assertEqual(self.get("/cam-1", Accept="text/html").status, 200)
        self.assertEqual((self.names, self.events, len(self.readers)), ([], [], 0))

    def test_server(self) -> None:
        """A path of the server is no stream, whatever its ending."""
        self.start(EDGE)
        for target in ("/status", "/status-json.xsl", "/metrics", "/healthz", "/static/embed.js"):
            self.assertEqual(self.get(target).status, 200, target)

    def test_unbegun(self) -> None:
        """The page of a stream that a viewer may begin is told that it waits for a client."""
        self.start(EDGE)
        self.assertIn('"state": "waiting for a client"', self.get("/cam-1/status").text)

    def test_limits(self) -> None:
        """A viewer beyond a limit gets 503, and begins no stream."""
        self.start(EDGE, max_streams=1)
        self.ask("/cam-1.mkv")
        got = self.get("/cam-2.mkv")
        self.assertEqual((got.status, got.headers["retry-after"]), (503, "5"))
        self.assertEqual(got.text, "The limit of 1 streams is reached; try again later.\n")
        self.assertEqual(self.get("/cam-2/index.m3u8").status, 503)
        self.server.apply(replace(self.server.config, max_streams=5, max_clients_total=1))
        self.assertEqual(self.get("/cam-2.mkv").status, 503)
        self.assertEqual(self.names, ["cam-1"])

    def test_end(self) -> None:
        """A file that has been played to its end is gone, and can be watched again."""
        self.start(stream("*", "films/{name}.mkv", on_demand=True, at_end=AtEnd.EXIT))
        for times in (1, 2):
            client = self.ask("/film.mkv")
            self.assertEqual(len(self.readers), times)
            self.emit(header(), *footage(0, 2), END)
            self.assertEqual(client.answer().status, 200)
            self.reactor.advance(0.1)
            self.reactor.turns()
            self.assertEqual(self.names, [])

    def test_root(self) -> None:
        """C{/} is the page of all streams, also while there is only one that a viewer has begun."""
        self.start(EDGE)
        self.ask("/cam-1.mkv")
        self.assertIn("<title>Live streams</title>", self.get("/", Accept="text/html").text)


class ChangeTests(PatternTestCase):
    """A pattern that changes while the server runs."""

    def apply(self, *streams: StreamConfig) -> None:
        """The configuration has these streams and patterns now."""
        self.server.apply(replace(self.server.config, streams=streams))
        self.reactor.turns()

    def test_at_once(self) -> None:
        """Its streams take over what can be taken over."""
        self.start(stream("cam-*"))
        self.send()
        made = self.server.streams["cam-1"]
        self.apply(stream("cam-*", burst=5.0))
        self.assertIs(self.server.streams["cam-1"], made)
        self.assertEqual(made.config.burst, 5.0)

    def test_anew(self) -> None:
        """Its streams begin anew for anything else, and are still the pattern's."""
        self.start(stream("cam-*"))
        self.send()
        made = self.server.streams["cam-1"]
        self.apply(stream("cam-*", buffer=60.0))
        self.assertIsNot(self.server.streams["cam-1"], made)
        self.wait(7)
        self.assertEqual(self.names, [])

    def test_found(self) -> None:
        """A stream that was found, and has not begun, is over when the patterns change."""
        self.start(EDGE)
        found = self.server.patterns.find("cam-1")
        assert found is not None
        self.apply(EDGE)
        self.assertTrue(found.is_over)
        self.assertIsNot(self.server.patterns.find("cam-1"), found)
        self.ask("/cam-1.mkv")
        self.assertEqual(self.names, ["cam-1"])

    def test_gone(self) -> None:
        """With a pattern its streams go, but for those that fit another one."""
        self.start(stream("cam-*"), stream("cam-1*"))
        self.send("/cam-1")
        self.send("/cam-2")
        self.apply(stream("cam-1*"))
        self.assertEqual(self.names, ["cam-1"])

    def test_own_table(self) -> None:
        """A stream that gets a table of its own goes on, and stays."""
        self.start(stream("cam-*"))
        self.send()
        made = self.server.streams["cam-1"]
        self.apply(stream("cam-*"), stream("cam-1"))
        self.assertIs(self.server.streams["cam-1"], made)
        self.assertEqual(made.config.pattern, "")

    def test_log(self) -> None:
        """The log says which patterns there are, and which are new."""
        self.start(stream("cam-*"))
        self.apply(stream("cam-*"), EDGE)
        lines = ["streams cam-*: push", "streams *: http://origin/{name}.mkv"]
        self.assertEqual(self.log.about("streams "), lines)

    def test_define(self) -> None:
        """A pattern is added, changed and removed as a stream is."""
        self.start(stream("main"))
        self.server.define("cam-*", {"input": "push", "linger": 5})
        self.assertEqual(list(self.server.patterns.configs), ["cam-*"])
        self.send()
        self.server.define("cam-*", {"input": "push", "linger": 9})
        self.assertEqual(self.server.streams["cam-1"].config.linger, 9.0)
        self.server.forget_pattern("cam-*")
        self.reactor.turns()
        self.assertEqual((self.names, dict(self.server.patterns.configs)), (["main"], {}))
        self.assertRaises(KeyError, self.server.forget_pattern, "cam-*")

    def test_stopped(self) -> None:
        """A stream that is stopped lets no sender in, and is removed after its C{linger}."""
        self.start(stream("cam-*"))
        self.send()
        self.server.streams.stop("cam-1")
        self.reactor.turns()
        self.assertEqual(self.send().verdict().status, 503)
        self.wait(7)
        self.assertEqual(self.names, [])

    def test_removed(self) -> None:
        """A stream that is removed ends now; its sender may make it again."""
        self.start(stream("cam-*"))
        sender = self.send()
        self.server.streams.remove("cam-1")
        self.assertEqual((sender.verdict().status, self.names), (503, []))
        self.send()
        self.assertEqual(self.names, ["cam-1"])
        self.assertEqual(self.server.streams["cam-1"].condition[0], "opening")
