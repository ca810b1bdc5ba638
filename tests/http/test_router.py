"""Which view responds to a request, and what names that leaves for streams."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import Request

from mkvtwist.config.names import parse_name
from mkvtwist.config.settings import Config
from mkvtwist.config.values import ConfigError
from mkvtwist.http.client_limits import ClientLimits
from mkvtwist.http.router import Guard, Route, Table
from mkvtwist.http.routes import Views
from mkvtwist.testing import Reactor
from tests.support.site import SiteTestCase


class TableTests(SynchronousTestCase):
    """L{Table}."""

    def setUp(self) -> None:
        """Nothing has been called yet."""
        self.called: list[tuple[Any, ...]] = []
        self.is_there = True

    def note(self, view: str, *given: Any) -> None:
        """A view."""
        self.called.append((view, *given[:-1]))

    def route(self, path: str, *methods: bytes, **more: Any) -> Route:
        """A row whose view notes what it was called with."""
        methods = methods or (b"GET",)
        return Route(path, partial(self.note, path), Guard.ANYONE, methods, **more)

    def call(self, table: Table, path: str, method: bytes = b"GET") -> tuple[Any, ...] | None:
        """The view that a path leads to, and the words that it gets."""
        found = table.find(path, method)
        if found is None:
            return None
        _, view = found
        view(Request)
        return self.called.pop()

    def test_exact_first(self) -> None:
        """A row for exactly a path comes before patterns, wherever it stands in the table."""
        table = Table([self.route("/{any}"), self.route("/one"), self.route("/{other}")])
        self.assertEqual(self.call(table, "/one"), ("/one",))
        self.assertEqual(self.call(table, "/two"), ("/{any}", "two"))

    def test_words(self) -> None:
        """A word is a text without a slash; a star is one that no view gets, and may be empty."""
        table = Table([self.route("/a/{x}/b-{y}"), self.route("/c*")])
        self.assertEqual(self.call(table, "/a/1/b-2.3"), ("/a/{x}/b-{y}", "1", "2.3"))
        self.assertEqual(self.call(table, "/c"), ("/c*",))
        self.assertEqual(self.call(table, "/c.mkv"), ("/c*",))
        for path in ("/a//b-2", "/a/1/2/b-3", "/c/d", "/a/1/c-2"):
            self.assertIsNone(self.call(table, path), path)

    def test_rest(self) -> None:
        """What is below a folder may be found by the one that knows the folder."""

        def find(path: str) -> Any:
            return partial(self.note, path) if path == "a/b" else None

        table = Table([Route("/folder/...", find, Guard.ANYONE)])
        self.assertEqual(self.call(table, "/folder/a/b"), ("a/b",))
        self.assertIsNone(self.call(table, "/folder/c"))
        self.assertEqual(table.methods("/folder/c"), [])

    def test_methods(self) -> None:
        """All methods of a path are known, those of patterns too; GET stands for HEAD."""
        rows = self.route("/a"), self.route("/a", b"PUT"), self.route("/{x}", b"POST", b"PUT")
        table = Table(rows)
        self.assertEqual(table.methods("/a"), [b"GET", b"PUT", b"POST", b"HEAD"])
        self.assertEqual(table.methods("/b"), [b"POST", b"PUT"])
        self.assertEqual(table.methods("/b/c"), [])

    def test_exists(self) -> None:
        """A row may stand for something that comes and goes."""
        there = {"exists": lambda: self.is_there}
        table = Table([self.route("/a", **there), self.route("/b{x}", **there)])
        self.assertEqual(table.methods("/a"), [b"GET", b"HEAD"])
        self.is_there = False
        for path in ("/a", "/bc"):
            self.assertIsNone(self.call(table, path))
            self.assertEqual(table.methods(path), [])


class NameTests(SynchronousTestCase):
    """What a stream may not be called."""

    def test_reserved(self) -> None:
        """No stream's name is a path of the server, or ends as a path of a stream does."""
        control: Any = SimpleNamespace()
        views = Views(Reactor(), {}, ClientLimits(Config(()), {}), control, public=False)
        names = set()
        for route in views.routes():
            first, *below = route.path[1:].split("/")
            if not route.is_of_stream:
                names.add(first)
            elif not below:
                names.add(first.removesuffix("*").replace("NAME", "x"))
        self.assertGreater(len(names), 10)
        for name in names - {"", "x"}:
            self.assertRaises(ConfigError, parse_name, "name", name)
        self.assertEqual(parse_name("name", "x"), "x")


class RouterTests(SiteTestCase):
    """Requests for what is not there, or not in this way."""

    def test_not_found(self) -> None:
        """A path that is not there is named in one line, with those that are."""
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
