"""What a client gets without the right credentials, and with them."""

from __future__ import annotations

import ipaddress
import json
from base64 import b64encode
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mkvtwist.access.entry import PENALTY, Entry
from mkvtwist.access.guesses import GUESS_WINDOW, GUESSES
from mkvtwist.access.rules import Access
from mkvtwist.access.tokens import IToken
from mkvtwist.access.users import Hashing
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config
from mkvtwist.http import LiveSite
from mkvtwist.live.events import Event, Events
from mkvtwist.testing import footage, header
from tests.support.fakes import Answer
from tests.support.secrets import TOKEN, FileTestCase
from tests.support.site import Connection, SiteTestCase

NET = ipaddress.ip_network


@implementer(ICredentialsChecker)
class Broken:
    """A plugin that fails."""

    credentialInterfaces = (IToken,)

    def requestAvatarId(self, credentials: object) -> Deferred[bytes | tuple[()]]:
        raise RuntimeError("the password is hunter2")


class AdmissionTests(FileTestCase, SiteTestCase):
    """What the router lets through."""

    def setUp(self) -> None:
        """A stream for everybody, and one for who has a token."""
        super().setUp()
        self.access = Access(Hashing(self.reactor))
        self.site = LiveSite(self.reactor, self.streams, entry=Entry(self.reactor, self.access))
        self.secret = self.add("secret", watch=self.tokens(), send=self.tokens("sender-token"))
        self.secret.publisher.begin(header())
        self.secret.publisher.publish(footage(0, 1))

    def outputs(self) -> Iterator[str]:
        """Wherever something of the stream may be, now or one day."""
        for path in ("", ".mkv", ".webm", ".mp4", ".ts", ".jpg", ".xyz"):
            yield f"/secret{path}"
        for path in ("/index.m3u8", "/1.m4s", "/last.mkv", "/x/y", "/../live.mkv"):
            yield f"/secret{path}"
        yield "/%73ecret.mkv"

    def basic(self, user: str, password: str) -> str:
        """The header."""
        return "Basic " + b64encode(f"{user}:{password}".encode()).decode()

    def slow(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """The answer to somebody who is wrong: nothing at first."""
        connection = self.connect()
        connection.ask(target, method, **headers)
        self.assertEqual(connection.transport.value(), b"")
        self.reactor.advance(PENALTY)
        return connection.answer(method)

    def test_all_outputs(self) -> None:
        """Without the token there is nothing of the stream, wherever one looks."""
        for method in ("GET", "HEAD", "OPTIONS"):
            for target in self.outputs():
                got = self.get(target, method, Accept="text/html")
                self.assertEqual(got.status, 401, target)
        self.assertEqual(self.secret.fanout.clients, set())

    def test_challenge(self) -> None:
        """A client that shows nothing is told at once what would be right."""
        connection = self.connect()
        connection.ask("/secret.mkv")
        text = connection.transport.value().decode()
        self.assertIn('WWW-Authenticate: Basic realm="secret", charset="UTF-8"\r\n', text)
        self.assertIn('WWW-Authenticate: Bearer realm="secret"\r\n', text)
        self.assertIn("?token=", text)

    def test_forms(self) -> None:
        """A token may be in the query, after Bearer, or a password, whoever's."""
        for target, headers in (
            (f"/secret.mkv?token={TOKEN}", {}),
            (f"/secret.mkv?burst=0&token={TOKEN}", {}),
            ("/secret.mkv", {"Authorization": f"Bearer {TOKEN}"}),
            ("/secret.mkv", {"Authorization": f"bearer  {TOKEN}"}),
            ("/secret.mkv", {"Authorization": self.basic("source", TOKEN)}),
            ("/secret.mkv", {"Authorization": self.basic("", TOKEN)}),
        ):
            self.assertEqual(self.get(target, "HEAD", **headers).status, 200, (target, headers))

    def test_wrong(self) -> None:
        """A client that is wrong is told so later, and not what was wrong."""
        for target, headers in (
            ("/secret.mkv?token=wrong", {}),
            ("/secret.mkv", {"Authorization": "Bearer wrong"}),
            ("/secret.mkv", {"Authorization": self.basic("alice", "wrong")}),
        ):
            got = self.slow(target, **headers)
            self.assertEqual(got.status, 401)
            self.assertNotIn("wrong", got.text)
        self.assertEqual(self.slow("/secret.jpg?token=sender-token").status, 401)

    def test_nonsense(self) -> None:
        """Credentials that cannot be read are none."""
        for value in ("", "Basic", "Basic !", "Basic YQ==", "Bearer", "Bearer ", "Digest x=y"):
            got = self.get("/secret.mkv", Authorization=value)
            self.assertEqual(got.status, 401, value)

    def test_gone(self) -> None:
        """A client that does not wait for its penalty is forgotten."""
        connection = self.connect()
        connection.ask("/secret.mkv?token=wrong")
        connection.lose()
        self.reactor.advance(PENALTY)
        self.assertEqual(connection.transport.value(), b"")

    def test_gone_while_hashing(self) -> None:
        """A client that has gone when its password is known does not join."""
        stream = self.add("hashed", watch=self.users())
        stream.publisher.begin(header())
        connection = self.connect()
        header_line = f"Authorization: {self.basic('alice', 'secret')}"
        lines = f"GET /hashed.mkv HTTP/1.1\r\nHost: x\r\n{header_line}"
        connection.protocol.dataReceived(f"{lines}\r\n\r\n".encode())
        connection.lose()
        self.reactor.turns()
        self.assertEqual(stream.fanout.clients, set())
        connection = self.connect()
        connection.send(f"{lines}\r\n\r\n".encode())
        self.reactor.turns()
        self.assertEqual(len(stream.fanout.clients), 1)

    def test_too_many(self) -> None:
        """After so many wrong ones an address is not listened to, nor with the right one."""
        for _ in range(GUESSES):
            self.assertEqual(self.slow("/secret?token=wrong").status, 401)
        got = self.get(f"/secret?token={TOKEN}")
        self.assertEqual(got.status, 429)
        self.assertEqual(got.headers["retry-after"], "60")
        self.assertEqual(self.get("/live.mkv?token=wrong", "HEAD").status, 200)
        self.assertNotIn("secret", json.loads(self.get(f"/status?token={TOKEN}").body)["streams"])
        self.reactor.advance(GUESS_WINDOW)
        self.assertEqual(self.get(f"/secret?token={TOKEN}", "HEAD").status, 200)

    def at_once(self, target: str, authorization: str, count: int) -> list[int]:
        """The answers to so many who ask before anything is known of the first."""
        connections = [self.connect() for _ in range(count)]
        for connection in connections:
            headers = f"Host: x\r\nAuthorization: {authorization}"
            request = f"GET {target} HTTP/1.1\r\n{headers}\r\n\r\n"
            connection.protocol.dataReceived(request.encode())
        self.reactor.turns()
        self.reactor.advance(PENALTY)
        return sorted(connection.answer().status for connection in connections)

    def test_wrong_at_once(self) -> None:
        """Of guesses that are made at the same time no more are looked at than are allowed."""
        self.add("hashed", watch=self.users())
        statuses = self.at_once("/hashed", self.basic("alice", "no"), GUESSES + 1)
        self.assertEqual(statuses, [401] * GUESSES + [429])

    def test_right_at_once(self) -> None:
        """The right password is no guess, however many use it at once from one address."""
        stream = self.add("hashed", watch=self.users())
        stream.publisher.begin(header())
        stream.publisher.publish(footage(0, 1))
        self.site.configure(Config((stream.config,), status_access=stream.config.watch))
        for target in ("/hashed.mkv", "/status", "/metrics", "/hashed/status", "/hashed"):
            self.access.gate(stream.config.watch).read()  # all forgotten
            statuses = self.at_once(target, self.basic("alice", "secret"), 3 * GUESSES)
            self.assertEqual(statuses, [200] * 3 * GUESSES, target)

    def test_address(self) -> None:
        """A client that asks from the wrong address gets nowhere, whatever they have."""
        token_file = self.tokens().token_file
        self.add("near", watch=AccessRule(token_file=token_file, allow=(NET("192.0.2.0/28"),)))
        self.add("far", watch=AccessRule(token_file=token_file, allow=(NET("10.0.0.0/8"),)))
        self.assertEqual(self.get(f"/near?token={TOKEN}", "HEAD").status, 200)
        self.assertEqual(self.get("/near", "HEAD").status, 401)
        self.assertEqual(self.get(f"/far?token={TOKEN}").status, 403)

    def test_lock_out(self) -> None:
        """When an address has no guesses left, one line and one event say so."""
        heard: list[Event] = []
        control = SimpleNamespace(events=Events(), token=None, streams=self.streams)
        control.events.subscribe(heard.append)
        self.site = LiveSite(self.reactor, self.streams, control)
        for _ in range(GUESSES):
            self.slow("/secret?token=wrong-token")
        for _ in range(5):
            self.assertEqual(self.get("/secret?token=wrong-token").status, 429)
        (line,) = self.log.about("locked out")
        self.assertIn("192.0.2.7 is locked out for up to 60 s: 10 wrong tokens or passwords", line)
        self.assertEqual([event.kind for event in heard], ["locked out"])
        self.assertEqual(heard[0].details["peer"], "192.0.2.7")
        self.assertNotIn("wrong-token", line)

    def test_other_sites(self) -> None:
        """A page of another site may send a token, which a browser asks first; and reads a 401."""
        asked = {"Origin": "http://site.example", "Access_Control_Request_Method": "GET"}
        got = self.get("/secret.mp4", "OPTIONS", **asked)
        self.assertEqual((got.status, got.body), (204, b""))
        self.assertEqual(got.headers["access-control-allow-origin"], "*")
        self.assertIn("Authorization", got.headers["access-control-allow-headers"])
        self.assertEqual(got.headers["access-control-allow-methods"], "GET, HEAD")
        got = self.get("/secret.mp4", Origin="http://site.example")
        self.assertEqual((got.status, got.headers["access-control-allow-origin"]), (401, "*"))
        asked["Access_Control_Request_Method"] = "POST"
        got = self.get("/secret.mp4", "OPTIONS", **asked)
        self.assertNotIn("access-control-allow-headers", got.headers)

    def test_sending(self) -> None:
        """A client that sends is asked for something else."""
        for method in ("PUT", "POST", "SOURCE"):
            self.assertEqual(self.get("/secret", method).status, 401)
            self.assertEqual(self.slow(f"/secret?token={TOKEN}", method).status, 401)
            got = self.get("/secret", method, Authorization=self.basic("source", "sender-token"))
            self.assertEqual(got.status, 405)

    def test_lists(self) -> None:
        """What shows several streams shows those that the client may watch."""
        for target in ("/", "/status", "/metrics", "/nothing"):
            for accept in ("text/html", "application/json"):
                got = self.get(target, Accept=accept)
                self.assertNotIn("secret", got.text, target)
                self.assertIn("live", got.text, target)
            if target != "/nothing":
                got = self.get(f"{target}?token={TOKEN}")
                self.assertIn("secret", got.text, target)
                self.assertNotIn(TOKEN, got.text.replace(f"?token={TOKEN}", ""))
        self.assertEqual(self.get("/status?token=wrong", "HEAD").status, 200)

    def test_lists_count_once(self) -> None:
        """A token that opens one stream of several is no guess at the others."""
        self.add("other", watch=self.tokens("other-token"))
        for _ in range(2 * GUESSES):
            got = json.loads(self.get("/status?token=other-token").body)
            self.assertEqual(set(got["streams"]), {"live", "other"})

    def test_carried(self) -> None:
        """Links of a page that was asked for with a token have it, too."""
        page = self.get("/?token=a%26b%22correct-horse", Accept="text/html")
        self.assertIn('href="live?token=a%26b%22correct-horse"', page.text)
        page = self.get(f"/secret?token={TOKEN}", Accept="text/html")
        self.assertIn(f'href="secret.mkv?token={TOKEN}"', page.text)
        self.assertIn(f'href="status?token={TOKEN}"', page.text)
        self.assertEqual(page.headers["referrer-policy"], "no-referrer")
        page = self.get("/secret", Accept="text/html", Authorization=f"Bearer {TOKEN}")
        self.assertNotIn(TOKEN, page.text)

    def test_carried_on(self) -> None:
        """A client that is sent on with a token keeps it."""
        self.addCleanup(self.site.stopFactory)
        for query, behind in (("", f"?token={TOKEN}"), ("download&", f"?download&token={TOKEN}")):
            connection = self.connect()
            connection.ask(f"/secret/last.mkv?{query}token={TOKEN}")
            self.reactor.turns()
            got = connection.answer()
            self.assertEqual(got.status, 302)
            self.assertTrue(got.headers["location"].endswith(f".mkv{behind}"), got.headers)

    def test_never_shown(self) -> None:
        """No secret is in the log, or in the status."""
        self.get(f"/secret.mkv?token={TOKEN}", User_Agent="x")
        self.slow("/secret.mkv?token=wrong-guess")
        self.get("/secret.mkv", Authorization=self.basic("alice", TOKEN))
        status = self.get("/status", Authorization=f"Bearer {TOKEN}").text
        for line in (*self.log.lines, status):
            self.assertNotIn(TOKEN, line)
            self.assertNotIn("wrong-guess", line)
        self.assertIn('"secret"', status)

    def test_broken_checker(self) -> None:
        """A checker that fails lets nobody in, and its words are not repeated."""

        def broken(rule: AccessRule, _: Hashing) -> list[Any]:
            return [Broken()] if rule.checker == "broken" else []

        access = Access(Hashing(self.reactor), broken)
        self.site = LiveSite(self.reactor, self.streams, entry=Entry(self.reactor, access))
        self.add("odd", watch=AccessRule(checker="broken"))
        for target, status in (("/odd?token=x", 503), ("/status?token=x", 503)):
            got = self.get(target)
            self.assertEqual(got.status, status)
            self.assertNotIn("hunter2", got.text)
        (line, _) = self.log.about("checker failed")
        self.assertIn("RuntimeError", line)
        self.assertNotIn("hunter2", line)


class StatusRuleTests(FileTestCase, SiteTestCase):
    """The status, for who is allowed to see it all."""

    def test_rule(self) -> None:
        """With a rule of its own, nobody else sees the status, and who may sees all of it."""
        self.add("secret", watch=self.tokens())
        self.site.configure(Config((), status_access=self.tokens("watcher-token")))
        for target in ("/status", "/metrics"):
            self.assertEqual(self.get(target).status, 401)
            self.assertIn("secret", self.get(f"{target}?token=watcher-token").text)

    def test_configure(self) -> None:
        """Another configuration holds from then on, and files are read again."""
        rule = self.tokens()
        self.add("secret", watch=rule)
        self.assertEqual(self.get(f"/secret?token={TOKEN}", "HEAD").status, 200)
        assert rule.token_file is not None
        with open(rule.token_file, "w") as file:
            file.write("new-token")
        streams = tuple(stream.config for stream in self.streams.values())
        self.site.configure(Config(streams, status_access=self.tokens("watcher-token")))
        self.assertEqual(self.get("/secret?token=new-token", "HEAD").status, 200)
        self.assertEqual(self.get("/status").status, 401)
        connection = Connection(self.site, self.reactor)
        connection.ask(f"/secret?token={TOKEN}")
        self.assertEqual(connection.transport.value(), b"")
