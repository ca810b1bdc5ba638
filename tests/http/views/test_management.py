"""The management interface: what it shows, what it does, and for whom."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input, parse_input
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.http import LiveSite
from mkvtwist.http.views.events import HEARTBEAT
from mkvtwist.http.views.management import Management
from mkvtwist.http.views.status import Status
from mkvtwist.http.wire.body import BODY_LIMIT
from mkvtwist.live.client import Wish
from mkvtwist.live.events import InputDown, InputUp
from mkvtwist.server.server import Server
from mkvtwist.testing import FakeReaders, Reactor, footage, header
from tests.support.fakes import Answer, Log, Response, answer

TOKEN = "a-token-of-some-length"  # noqa: S105 - the tests' own


class ManagementTestCase(SynchronousTestCase):
    """A server with two streams, in memory."""

    def setUp(self) -> None:
        """It has no token; the interface has a place of its own."""
        self.readers = FakeReaders()
        self.reactor = Reactor()
        self.log = Log(self)
        streams = (
            StreamConfig(Input(Form.DEMO, "demo:"), name="live"),
            StreamConfig(Input(Form.URL, "http://me:secret@host/x?key=y"), name="relay"),
        )
        self.server = Server(
            self.reactor, Config(streams, ("tcp:1",), ("tcp:2",)), start_reader=self.readers
        )
        self.server.privilegedStartService()
        self.server.startService()
        sites: dict[int, Any] = {port[0]: port[1] for port in self.reactor.tcpServers}
        self.public: LiveSite = sites[1]
        self.own: LiveSite = sites[2]

    def connect(
        self, site: LiveSite | None = None, peer: str = "127.0.0.1"
    ) -> tuple[Any, StringTransport]:
        """A connection from somewhere: its protocol and its transport."""
        where: Any = UNIXAddress("x") if peer == "unix" else IPv4Address("TCP", peer, 5000)
        transport = StringTransport(hostAddress=where, peerAddress=where)
        protocol: Any = (site or self.own).buildProtocol(where)
        protocol.makeConnection(transport)
        return protocol, transport

    def ask(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        site: LiveSite | None = None,
        peer: str = "127.0.0.1",
        **headers: str,
    ) -> Answer:
        """The answer to a request for something below C{/api/v1/}."""
        protocol, transport = self.connect(site, peer)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} /api/v1/{path} HTTP/1.1", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in ({"Host": "localhost"} | headers).items()]
        protocol.dataReceived(("\r\n".join(lines) + "\r\n\r\n").encode() + data)
        self.reactor.turns()
        return answer(transport.value(), method)

    def told(self, got: Answer) -> Any:
        """An answer's JSON."""
        self.assertEqual(got.headers["content-type"], "application/json")
        return json.loads(got.body)


class TitleTests(ManagementTestCase):
    """What is playing, as programs say it."""

    def test_metadata(self) -> None:
        """A song has a title, an artist and a cover, each of them optional."""
        for song, playing in (
            (
                {"title": "T", "artist": "A", "artwork": "https://x.example/1.jpg"},
                ["T", "A", "https://x.example/1.jpg"],
            ),
            ({"title": "A - T", "artist": None}, ["T", "A", None]),
        ):
            now = self.told(self.ask("PUT", "streams/live/metadata", song))["now"]
            self.assertEqual([now["title"], now["artist"], now["artwork"]], playing)
        for song in ({"title": ""}, {}):
            self.ask("PUT", "streams/live/metadata", {"title": "T"})
            self.assertIsNone(self.told(self.ask("PUT", "streams/live/metadata", song))["now"])

    def test_mistakes(self) -> None:
        """Anything else is refused, and says what may be told."""
        for song in ({"song": "T"}, {"title": 1}, {"title": ["T"]}):
            got = self.ask("PUT", "streams/live/metadata", song)
            self.assertEqual(got.status, 400)
            self.assertIn("only title, artist, artwork can be told", got.text)
        self.assertEqual(self.ask("PUT", "streams/nothing/metadata", {"title": "T"}).status, 404)


class AccessTests(ManagementTestCase):
    """Who may manage."""

    def test_this_machine(self) -> None:
        """Without a token, only who is on this machine may, by one of its own names."""
        for peer, host, status in (
            ("127.0.0.1", "localhost:2", 200),
            ("127.0.0.1", "127.0.0.1", 200),
            ("unix", "whatever", 200),
            ("192.0.2.1", "localhost", 401),
            ("127.0.0.1", "evil.example", 401),
        ):
            got = self.ask("GET", "streams", peer=peer, Host=host)
            self.assertEqual(got.status, status, (peer, host))

    def test_status(self) -> None:
        """The management token opens the whole status, wherever one asks from."""
        self.server.token = TOKEN.encode()
        for given, sees in (("", False), (f"Bearer {TOKEN}x", False), (f"Bearer {TOKEN}", True)):
            protocol, transport = self.connect(self.public, "192.0.2.1")
            lines = ("GET /status HTTP/1.1", "Host: tv.example", f"Authorization: {given}", "", "")
            protocol.dataReceived("\r\n".join(lines).encode())
            self.reactor.turns()
            for shown in json.loads(answer(transport.value()).body)["streams"].values():
                self.assertEqual("input" in shown, sees, given)

    def test_passed_on(self) -> None:
        """A request that a proxy has passed on may come from anywhere; it needs the token."""
        for name in (
            "X-Forwarded-For",
            "Forwarded",
            "Via",
            "X-Real-IP",
            "X-Forwarded-Host",
            "x-forwarded-proto",
            "CF-Connecting-IP",
        ):
            for peer in ("127.0.0.1", "unix"):
                passed_on: dict[str, Any] = {name: "for=127.0.0.1"}
                got = self.ask("GET", "streams", peer=peer, **passed_on)
                self.assertEqual(got.status, 401, (peer, name))
                self.assertIn("management_token_file", got.text)
        self.server.token = TOKEN.encode()
        headers: dict[str, Any] = {
            "X-Forwarded-For": "192.0.2.1",
            "Authorization": f"Bearer {TOKEN}",
        }
        self.assertEqual(self.ask("GET", "streams", **headers).status, 200)

    def test_not_in_public(self) -> None:
        """Without a token, there is none where clients connect."""
        self.assertEqual(self.ask("GET", "streams", site=self.public).status, 404)

    def test_token(self) -> None:
        """With a token it is everywhere, for those who have it; reading it again changes it."""
        path = Path(self.mktemp())
        path.write_text(f"{TOKEN}\n")
        config = Config(self.server.config.streams, ("tcp:1",), ("tcp:2",), str(path))
        self.server.apply(config)
        for site in (self.public, self.own):
            for given, status in (
                (f"Bearer {TOKEN}", 200),
                (f"bearer {TOKEN}", 200),
                (f"Bearer {TOKEN}x", 401),
                (f"Basic {TOKEN}", 401),
                ("", 401),
            ):
                got = self.ask("GET", "streams", site=site, Authorization=given)
                self.assertEqual(got.status, status, given)
        self.assertEqual(got.headers["www-authenticate"], 'Bearer realm="mkvtwist management"')
        self.assertEqual(self.server.config, config)
        path.write_text("another-token-as-long")
        self.server.apply(config)
        got = self.ask("GET", "streams", Authorization=f"Bearer {TOKEN}")
        self.assertEqual(got.status, 401)
        path.unlink()
        self.server.apply(config)
        self.assertEqual(len(self.log.about("the token stays as it was")), 1)
        self.assertEqual(self.server.token, b"another-token-as-long")

    def page(self, site: LiveSite) -> Answer:
        """The page for people."""
        protocol, transport = self.connect(site)
        protocol.dataReceived(b"GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return answer(transport.value())

    def test_admin(self) -> None:
        """The page is where the interface is, and nowhere else; nothing may frame it."""
        self.assertEqual(self.page(self.public).status, 404)
        got = self.page(self.own)
        self.assertEqual(got.headers["content-type"], "text/html; charset=utf-8")
        self.assertIn("frame-ancestors 'none'", got.headers["content-security-policy"])
        self.assertNotIn("style=", got.text)
        self.server.token = TOKEN.encode()
        self.assertEqual(self.page(self.public).status, 200)

    def test_pages(self) -> None:
        """A page of another site may do nothing, whoever looks at it."""
        for origin, status in (("http://evil.example", 403), ("http://localhost", 200)):
            got = self.ask("POST", "streams/live/restart", Origin=origin)
            self.assertEqual(got.status, status)

    def test_rebound(self) -> None:
        """A page may manage by a name that is known, and by no other, also with the token."""
        self.server.token = TOKEN.encode()
        for name, status in (
            ("evil.example", 403),
            ("tv.example", 200),
            ("TV.example:8080", 200),
            ("192.0.2.7:8080", 200),
            ("[2001:db8::1]", 200),
            ("admin.localhost:2", 200),
            (socket.gethostname(), 200),
        ):
            self.server.apply(replace(self.server.config, server_names=("tv.example",)))
            self.server.token = TOKEN.encode()
            headers: dict[str, Any] = {"Host": name, "Origin": f"http://{name}"}
            headers["Authorization"] = f"Bearer {TOKEN}"
            got = self.ask("POST", "streams/live/restart", **headers)
            self.assertEqual(got.status, status, name)
            self.assertEqual(self.ask("GET", "streams", **headers).status, 200, name)


class StreamTests(ManagementTestCase):
    """What there is, and what can be done with it."""

    def test_list(self) -> None:
        """The streams, as in the status."""
        got = self.told(self.ask("GET", "streams"))
        self.assertEqual(list(got["streams"]), ["live", "relay"])
        self.assertEqual(got["streams"]["live"]["state"], "opening")

    def test_show(self) -> None:
        """One of them, with its settings, and without secrets."""
        got = self.told(self.ask("GET", "streams/relay"))
        self.assertEqual(got["settings"]["burst"], 2.0)
        self.assertEqual(got["settings"]["input"], "http://me:***@host/x?...")
        self.assertNotIn("secret", json.dumps(got))

    def test_patterns(self) -> None:
        """A pattern is added, shown, changed and removed as a stream is, with its streams."""
        settings = {"input": "http://me:secret@host/{name}", "on_demand": True}
        got = self.ask("PUT", "streams/cam-*", settings)
        self.assertEqual(got.status, 201)
        self.assertEqual(self.ask("PUT", "streams/cam-*", settings).status, 200)
        client, _ = self.connect(self.public)
        client.dataReceived(b"GET /cam-1.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.reactor.turns()
        shown = {"input": "http://me:***@host/{name}", "streams": ["cam-1"]}
        got = self.told(self.ask("GET", "streams"))
        self.assertEqual(got["patterns"], {"cam-*": shown})
        self.assertEqual(got["streams"]["cam-1"]["pattern"], "cam-*")
        self.assertIsNone(got["streams"]["live"]["pattern"])
        got = self.told(self.ask("PATCH", "streams/cam-*", {"burst": 5}))
        self.assertEqual((got["streams"], got["settings"]["burst"]), (["cam-1"], 5.0))
        self.assertEqual(self.server.streams["cam-1"].config.burst, 5.0)
        self.assertEqual(self.told(self.ask("GET", "streams/cam-%2A")), got)
        self.assertEqual(self.ask("POST", "streams/cam-*/stop").status, 404)
        got = self.ask("PUT", "streams/x-*", {"input": "tcp:12345"})
        self.assertIn("not possible for a pattern", self.told(got)["errors"][0])
        self.assertEqual(self.told(self.ask("DELETE", "streams/cam-*")), {"removed": "cam-*"})
        self.assertEqual(list(self.server.streams), ["live", "relay"])
        self.assertEqual(self.ask("GET", "streams/cam-*").status, 404)

    def test_own_table(self) -> None:
        """A stream of a pattern that is changed by its name is the pattern's no more."""
        self.ask("PUT", "streams/*", {"input": "demo:", "on_demand": True})
        client, _ = self.connect(self.public)
        client.dataReceived(b"GET /cam.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.reactor.turns()
        got = self.told(self.ask("PATCH", "streams/cam", {"burst": 5}))
        self.assertEqual((got["pattern"], got["settings"]["burst"]), (None, 5.0))
        self.ask("DELETE", "streams/*")
        self.assertIn("cam", self.server.streams)

    def test_unknown(self) -> None:
        """A stream or client that is not there is named."""
        for method, path in (
            ("GET", "streams/x"),
            ("PATCH", "streams/x"),
            ("DELETE", "streams/x"),
            ("POST", "streams/x/stop"),
            ("DELETE", "streams/x/clients/1"),
        ):
            got = self.ask(method, path, {})
            self.assertEqual(got.status, 404)
            self.assertEqual(self.told(got), {"errors": ["There is no stream 'x' here."]})
        got = self.ask("DELETE", "streams/live/clients/7")
        self.assertEqual(self.told(got), {"errors": ["There is no client '7' here."]})
        self.assertEqual(self.ask("GET", "nothing").status, 404)
        self.assertEqual(self.ask("PUT", "streams").status, 405)

    def test_add(self) -> None:
        """A new stream starts; one of the same name is a change."""
        got = self.ask("PUT", "streams/more", {"input": "demo:", "burst": 5})
        self.assertEqual(got.status, 201)
        self.assertEqual(self.server.streams["more"].config.burst, 5.0)
        self.assertEqual(len(self.readers), 3)
        got = self.ask("PUT", "streams/more", {"input": "demo:", "burst": 6})
        self.assertEqual(got.status, 200)
        self.assertEqual(self.told(got)["settings"]["burst"], 6.0)
        self.assertEqual(len(self.readers), 3, "it goes on")

    def test_change(self) -> None:
        """A change leaves everything else as it was, what it does not show included."""
        self.ask("PATCH", "streams/relay", {"burst": 7})
        config = self.server.streams["relay"].config
        self.assertEqual(config.input.text, "http://me:secret@host/x?key=y")
        self.assertEqual(config.burst, 7.0)

    def test_recording_in_any_folder(self) -> None:
        """A stream that records in a folder whose name has a percent sign in it can be changed."""
        folder = Path(self.mktemp()).absolute() / "100%"
        folder.mkdir(parents=True)
        record = str(folder / "%Y.mkv")
        got = self.ask("PUT", "streams/more", {"input": "demo:", "record": record})
        self.assertEqual(got.status, 201)
        got = self.ask("PATCH", "streams/more", {"burst": 7})
        self.assertEqual(self.told(got)["settings"]["record"], record)

    def test_another_input(self) -> None:
        """Another kind of input has another kind of end, unless one was asked for."""
        for at_end, then in ((None, "wait"), ("exit", "exit")):
            self.ask(
                "PUT", "streams/cam", {"input": "demo:"} | ({"at_end": at_end} if at_end else {})
            )
            got = self.ask("PATCH", "streams/cam", {"input": "tcp:12345"})
            self.assertEqual(self.told(got)["settings"]["at_end"], then)
            self.ask("DELETE", "streams/cam")

    def test_nothing(self) -> None:
        """A setting that is changed to nothing has its default again."""
        self.ask("PATCH", "streams/live", {"burst": 7, "fallback": "demo:"})
        self.assertEqual(self.server.streams["live"].config.burst, 7.0)
        got = self.ask("PATCH", "streams/live", {"burst": None, "fallback": None})
        self.assertEqual(got.status, 200)
        config = self.server.streams["live"].config
        self.assertEqual((config.burst, config.fallback), (2.0, None))

    def test_tables(self) -> None:
        """Of a table only what is said changes: who has to have a token still has to."""
        tokens = os.path.abspath(self.mktemp())
        Path(tokens).write_text("long-enough")
        for change, then in (
            ({"token_file": tokens}, {"token_file": tokens}),
            ({"deny": ["192.0.2.1"]}, {"token_file": tokens, "deny": ["192.0.2.1/32"]}),
            ({"token_file": None}, {"deny": ["192.0.2.1/32"]}),
            (None, {}),
        ):
            got = self.ask("PATCH", "streams/live", {"watch": change})
            self.assertEqual(self.told(got)["settings"]["watch"], then)

    def test_no_secrets(self) -> None:
        """No fallback's password is shown, nor what a checker is given; a change keeps them."""
        checker = "memory:me:secret"
        table = {
            "input": "demo:",
            "fallback": "http://me:secret@host/",
            "send": {"checker": checker},
        }
        got = self.ask("PUT", "streams/more", table)
        self.assertEqual(got.status, 201)
        got = self.ask("PATCH", "streams/more", {"burst": 7})
        self.assertNotIn("secret", got.text)
        self.assertEqual(self.told(got)["settings"]["fallback"], "http://me:***@host/")
        self.assertEqual(self.told(got)["settings"]["send"], {"checker": "memory"})
        config = self.server.streams["more"].config
        self.assertEqual((config.send.checker, config.burst), (checker, 7.0))
        (fallback,) = config.fallbacks
        self.assertEqual(fallback.text, "http://me:secret@host/")

    def test_fallbacks(self) -> None:
        """Several fallbacks are a list, there and back; none of their passwords is shown."""
        given = ["http://me:secret@host/", "demo:"]
        shown = ["http://me:***@host/", "demo:"]
        got = self.ask("PATCH", "streams/live", {"fallback": given})
        self.assertEqual(self.told(got)["settings"]["fallback"], shown)
        got = self.ask("PATCH", "streams/live", {"burst": 7})
        self.assertEqual(self.told(got)["settings"]["fallback"], shown)
        fallbacks = self.server.streams["live"].config.fallbacks
        self.assertEqual([one.text for one in fallbacks], given)
        self.assertEqual(self.ask("PATCH", "streams/live", {"fallback": shown}).status, 400)

    def test_masked(self) -> None:
        """What is shown in place of a secret is not taken for one, and all stays as it was."""
        send = {"checker": "memory:me:secret"}
        more = {"input": "http://me:secret@host/", "fallback": "http://host/x?k=y", "send": send}
        self.assertEqual(self.ask("PUT", "streams/more", more).status, 201)
        before = self.server.config
        shown = self.told(self.ask("GET", "streams/more"))["settings"]
        for key in ("input", "fallback", "send"):
            for method, settings in (("PATCH", {}), ("PUT", more)):
                got = self.ask(method, "streams/more", {**settings, key: shown[key]})
                (error,) = self.told(got)["errors"]
                self.assertEqual(got.status, 400)
                self.assertIn(f"{key}", error)
                self.assertTrue(error.endswith("itself: what is shown is masked"), error)
        got = self.ask("PUT", "streams/other", {"input": "http://you:***@elsewhere/"})
        self.assertEqual(got.status, 400)
        self.assertEqual(self.server.config, before)
        shown = self.told(self.ask("PATCH", "streams/more", {"send": {"deny": ["192.0.2.1"]}}))
        self.assertEqual(self.server.streams["more"].config.send.checker, send["checker"])
        self.assertEqual(self.ask("PATCH", "streams/more", {"send": send}).status, 200)

    def test_options(self) -> None:
        """Options of libavformat are shown, changed and removed; secret values are masked."""
        options = {"headers": "Authorization: s3cret", "timeout": 5}
        settings = {"input": "http://host/", "input_options": options}
        got = self.ask("PUT", "streams/new", settings)
        shown = {"headers": "***", "timeout": "5"}
        self.assertEqual(self.told(got)["settings"]["input_options"], shown)
        self.assertNotIn(b"s3cret", got.body)
        got = self.ask("PATCH", "streams/new", {"input_options": {"timeout": None, "icy": False}})
        self.assertEqual(
            self.server.streams["new"].config.input_options.table(secrets=True),
            {"headers": "Authorization: s3cret", "icy": "0"},
        )
        for wrong in ({"headers": "***"}, {"rtsp_transport": "tcp"}, {"safe": 0}, {"x": "1"}):
            got = self.ask("PATCH", "streams/new", {"input_options": wrong})
            self.assertEqual(got.status, 400, wrong)
        got = self.ask("PATCH", "streams/new", {"input_options": None})
        self.assertEqual(self.told(got)["settings"]["input_options"], {})

    def test_program(self) -> None:
        """No request has a program run that a file does not name; all else can be changed."""
        program = f"exec:{sys.executable} -c secret"
        source = parse_input("input", program)
        self.server.streams.add(StreamConfig(source, name="cam", on_demand=True))
        before = self.server.config
        for method, name, settings in (
            ("PUT", "live", {"input": program}),
            ("PUT", "new", {"input": program}),
            ("PATCH", "live", {"input": program}),
            ("PATCH", "live", {"fallback": program}),
            ("PATCH", "live", {"fallback": ["demo:", program]}),
            ("PATCH", "cam", {"input": f"{program} -x"}),
        ):
            got = self.ask(method, f"streams/{name}", settings)
            (error,) = self.told(got)["errors"]
            self.assertEqual(got.status, 400)
            self.assertTrue(error.endswith(": only on the command line or in a file"), error)
            self.assertNotIn("secret", error)
        self.assertEqual(self.server.config, before)
        got = self.ask("PATCH", "streams/cam", {"burst": 7})
        self.assertEqual(self.told(got)["settings"]["input"], f"exec:{sys.executable} ...")
        self.assertEqual(self.server.streams["cam"].config.input, source)
        self.assertEqual(self.server.streams["cam"].config.burst, 7)

    def test_mistakes(self) -> None:
        """What is wrong with settings is said, all of it, and nothing changes."""
        before = self.server.config
        for body, lines in (
            ({"burst": -1, "bufer": 3}, 2),
            ({"input": "/nothing/here.mkv"}, 1),
            (b"{", 1),
            ([], 1),
        ):
            got = self.ask("PATCH", "streams/live", body)
            self.assertEqual(got.status, 400)
            self.assertEqual(len(self.told(got)["errors"]), lines, body)
        for method in ("PATCH", "PUT"):
            got = self.ask(method, "streams/live", b" " * (BODY_LIMIT + 1))
            self.assertEqual(got.status, 413)
        self.assertEqual(self.ask("PUT", "streams/status", {"input": "demo:"}).status, 400)
        self.assertEqual(self.ask("PUT", "streams/new", {}).status, 400)
        self.assertEqual(self.server.config, before)

    def test_bad_json(self) -> None:
        """Whatever is no JSON, or more than is needed, is a mistake like any other."""
        before = self.server.config
        for body in (
            b"[" * 60_000,
            b'{"watch":' * 7_000,
            b'{"watch":' * 700 + b"1" + b"}" * 700,
            b'{"watch":' + b"[" * 900 + b"]" * 900 + b"}",
            b'{"watch":' + b'{"allow":' * 8 + b"1" + b"}" * 9,
            b"9" * 60_000,
            b'{"burst": ' + b"9" * 60_000 + b"}",
            b'{"burst": ' + b"9" * 4_000 + b"}",
            b'{"burst": NaN}',
            b'{"burst": -Infinity}',
            b'{"burst": 1e999}',
            b'{"max_clients": 1e999}',
            b'{"burst": 1, "burst": 2}',
            b'{"watch": {"allow": [], "allow": []}}',
            b'{"input": "\xff"}',
            b'{"input": "\\ud800"}',
            b'{"\\ud800": 1}',
            b'{"input": "a\\u0000b"}',
            b'{"watch": {"token_file": "a\\u0000b"}}',
            b'{"send": {"users": "a\\u0000b"}}',
            b'{"record": "a\\u0000b"}',
            b'{"fallback": "a\\u0000b"}',
            b'{"input": "demo:"}'.decode().encode("utf-16"),
            b"\xef\xbb\xbf{}",
            b"\0",
            b"",
        ):
            for method in ("PATCH", "PUT"):
                got = self.ask(method, "streams/live", body)
                self.assertEqual(got.status, 400, body[:40])
                self.assertTrue(self.told(got)["errors"], body[:40])
        self.assertEqual(self.server.config, before)

    def test_no_body(self) -> None:
        """A request without a body is one without, also when it will be the connection's last."""
        protocol, transport = self.connect()
        head = b"POST /api/v1/streams/live/stop HTTP/1.1\r\nHost: localhost\r\nConnection: close"
        protocol.dataReceived(head + b"\r\n\r\n")
        self.assertEqual(answer(transport.value()).status, 200)
        self.assertTrue(answer(transport.value()).complete)

    def test_stop_and_start(self) -> None:
        """A stream is stopped, stays there, and is started again."""
        self.assertEqual(self.ask("POST", "streams/live/stop").status, 200)
        self.assertTrue(self.server.streams["live"].publisher.ended)
        self.assertIn("live", self.told(self.ask("GET", "streams"))["streams"])
        self.readers[0].join()
        self.reactor.turns()
        self.assertEqual(self.ask("POST", "streams/live/start").status, 200)
        self.assertFalse(self.server.streams["live"].publisher.ended)
        self.assertEqual(len(self.readers), 3)

    def test_remove(self) -> None:
        """A stream is gone, with its clients."""
        response = Response()
        self.server.streams["live"].fanout.join(response, Wish(0))
        self.assertEqual(self.ask("DELETE", "streams/live").status, 200)
        self.assertEqual(list(self.server.streams), ["relay"])
        self.assertTrue(response.finished)

    def test_disconnect(self) -> None:
        """One client goes, the others stay."""
        fanout = self.server.streams["live"].fanout
        responses = [Response(), Response()]
        clients = [fanout.join(response, Wish(0)) for response in responses]
        got = self.ask("DELETE", f"streams/live/clients/{clients[0].id}")
        self.assertEqual(self.told(got), {"disconnected": clients[0].id})
        self.assertEqual([response.aborted for response in responses], [True, False])
        self.assertEqual(fanout.clients, {clients[1]})

    def test_reload(self) -> None:
        """Without a configuration file there is nothing to read again."""
        got = self.ask("POST", "reload")
        self.assertEqual(got.status, 400)
        self.assertIn("no configuration file", got.text)


class EventTests(ManagementTestCase):
    """Events, as they happen."""

    def setUp(self) -> None:
        """One who listens."""
        super().setUp()
        self.listener, self.transport = self.connect()
        self.listener.dataReceived(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def producer(self) -> Any:
        """What a full connection tells that it is full."""
        return self.transport.producer

    def events(self) -> list[tuple[str, Any]]:
        """What it has heard."""
        text = answer(self.transport.value(), "GET").text
        heard = []
        for block in text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[1:])
            if "event" in fields:
                heard.append((fields["event"], json.loads(fields["data"])))
        return heard

    def test_events(self) -> None:
        """A client that joins and leaves, and a sign of life when nothing happens."""
        publisher = self.server.streams["live"].publisher
        publisher.begin(header())
        publisher.publish(footage(0, 1))
        fanout = self.server.streams["live"].fanout
        client = fanout.join(Response(), Wish(0, peer="192.0.2.1:7"))
        fanout.leave(client, "it is late")
        (joined, details), (left, why) = self.events()
        self.assertEqual((joined, left), ("client joined", "client left"))
        self.assertEqual((details["stream"], details["peer"]), ("live", "192.0.2.1:7"))
        self.assertEqual(why["reason"], "it is late")
        self.transport.clear()
        self.reactor.advance(HEARTBEAT)
        self.assertIn(b":\n\n", self.transport.value())

    def test_slow(self) -> None:
        """One who does not read is told how many he has missed; nothing is kept for him."""
        self.producer().pauseProducing()
        for _ in range(3):
            self.server.events.tell(InputUp(stream="live", input="demo:"))
        self.assertEqual(self.events(), [])
        self.producer().resumeProducing()
        self.server.events.tell(InputDown(stream="live", reason="gone", seconds=1.0))
        (missed, count), (kind, _) = self.events()
        self.assertEqual((missed, count, kind), ("missed", {"events": 3}, "input down"))

    def test_gone(self) -> None:
        """A client that has gone is not told any more."""
        self.listener.connectionLost(Failure(ConnectionDone()))
        self.transport.clear()
        self.server.events.tell(InputUp(stream="live", input="demo:"))
        self.reactor.advance(HEARTBEAT)
        self.assertEqual(self.transport.value(), b"")

    def test_streams(self) -> None:
        """What is done to streams is told, too."""
        self.ask("PUT", "streams/more", {"input": "demo:"})
        self.ask("POST", "streams/more/stop")
        self.ask("DELETE", "streams/more")
        kinds = [kind for kind, details in self.events() if details["stream"] == "more"]
        self.assertEqual(
            kinds, ["stream started", "stream added", "stream stopped", "stream removed"]
        )


class DescriptionTests(ManagementTestCase):
    """What C{openapi.json} says, against what is there."""

    def setUp(self) -> None:
        """Read it."""
        super().setUp()
        self.description = self.told(self.ask("GET", "openapi.json"))
        self.server.streams["live"].fanout.join(Response(), Wish(0))

    def test_paths(self) -> None:
        """Each path and method is there, and answers with a status that is described."""
        for path, methods in self.description["paths"].items():
            if path == "/events":
                continue
            target = path[1:].replace("{name}", "live").replace("{id}", "1")
            allowed = set(methods) - {"parameters"}
            for method in sorted(allowed):
                body = {"input": "demo:"} if method in ("put", "patch") else b""
                got = self.ask(method.upper(), target, body)
                self.assertIn(str(got.status), methods[method]["responses"], (method, path))
                if method == "delete" and "clients" not in path:
                    self.ask("PUT", target, {"input": "demo:"})
                    self.server.streams["live"].fanout.join(Response(), Wish(0))
            got = self.ask("OPTIONS", target)
            self.assertEqual(got.status, 405)
            there = {name.strip().lower() for name in got.headers["allow"].split(",")} - {"head"}
            self.assertEqual(there, allowed, path)

    def test_complete(self) -> None:
        """Nothing that the table of routes has is missing in the description."""
        status = Status(self.reactor, self.server.streams)
        interface = Management(self.reactor, self.server, status, public=False)
        paths = {route.path for route in interface.routes()}
        described = {f"/api/v1{path}" for path in self.description["paths"]}
        self.assertEqual({path.replace("{number}", "{id}") for path in paths}, described)

    def test_valid(self) -> None:
        """It is OpenAPI: what it refers to is there, and each operation has a name of its own."""
        schemas = self.description["components"]["schemas"]
        for reference in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(self.description)):
            self.assertIn(reference, schemas)
        names = [
            operation["operationId"]
            for path in self.description["paths"].values()
            for method, operation in path.items()
            if method != "parameters"
        ]
        self.assertEqual(len(names), len(set(names)))
