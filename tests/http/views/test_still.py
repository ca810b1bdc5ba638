"""Who asks for stills, and what they get."""

from __future__ import annotations

from mkvtwist.http import LiveSite
from mkvtwist.http.views.still import DECODING_TIME, GOOD_FOR, Stills
from mkvtwist.libav.still import NoStill
from mkvtwist.testing import AUDIO, SOUND, VIDEO, FakePool, footage, header, mixed
from tests.support.fakes import head
from tests.support.site import SiteTestCase


class StillTests(SiteTestCase):
    """Who asks for stills, and what they get."""

    def setUp(self) -> None:
        super().setUp()
        self.made: list[bytes] = []
        self.problem: Exception | None = None
        stills = Stills(self.reactor, self.decode)
        self.site = LiveSite(self.reactor, self.streams, stills=stills)

    def decode(self, data: bytes) -> bytes:
        """What a decoder would do."""
        self.made.append(data)
        if self.problem is not None:
            raise self.problem
        return b"jpeg %d" % len(self.made)

    def late(self) -> FakePool:
        """From now on threads wait until they are told to work."""
        pool = self.reactor.getThreadPool()
        pool.is_busy = True
        return pool

    def test_still(self) -> None:
        """The latest keyframe is decoded, alone, behind the header."""
        got = self.get("/live.jpg")
        self.assertEqual((got.status, got.body, got.complete), (200, b"jpeg 1", True))
        self.assertEqual(got.headers["content-type"], "image/jpeg")
        self.assertEqual(got.headers["cache-control"], f"public, max-age={GOOD_FOR}")
        (data,) = self.made
        self.assertTrue(data.startswith(head()))
        self.assertEqual(data.count(b"1 at "), 1)
        self.assertIn(b"1 at 9000000.", data)

    def test_silent_video(self) -> None:
        """While no picture comes it is still the latest keyframe; without one there is none."""
        other = self.add("other")
        other.publisher.begin(header(VIDEO, AUDIO))
        other.publisher.publish(footage(0, 4, track=2))
        self.assertEqual(self.get("/other.jpg").status, 503)
        other.publisher.publish(mixed(footage(4, 6), footage(4, 12, track=2)))
        self.assertEqual(self.get("/other.jpg").status, 200)
        self.assertIn(b"1 at 5000000.", self.made[0])

    def test_seldom(self) -> None:
        """A client that asks again within some seconds gets the same; then there is another."""
        self.get("/live.jpg")
        self.reactor.advance(GOOD_FOR - 1)
        got = self.get("/live.jpg")
        self.assertEqual((got.body, got.headers["cache-control"]), (b"jpeg 1", "public, max-age=1"))
        for known in (got.headers["etag"], f'"other", {got.headers["etag"]}'):
            self.assertEqual(self.get("/live.jpg", If_None_Match=known).status, 304)
        self.reactor.advance(1)
        self.assertEqual(self.get("/live.jpg").body, b"jpeg 2")

    def test_shared(self) -> None:
        """All who ask while it is decoded get the same; who has gone is not missed."""
        pool = self.late()
        connections = [self.connect() for _ in range(3)]
        for connection in connections:
            connection.ask("/live.jpg")
        connections.pop().lose()
        pool.run_next()
        self.reactor.turn()
        bodies = [connection.answer().body for connection in connections]
        self.assertEqual((bodies, len(self.made), pool.waiting), ([b"jpeg 1"] * 2, 1, []))

    def test_one_at_a_time(self) -> None:
        """Two streams' pictures are decoded one after the other."""
        other = self.add("other")
        other.publisher.begin(header())
        other.publisher.publish(footage(0, 1))
        pool = self.late()
        for name in ("live", "other"):
            self.connect().ask(f"/{name}.jpg")
        self.assertEqual(len(pool.waiting), 1)
        pool.run_next()
        self.reactor.turn()
        self.assertEqual(len(pool.waiting), 1)

    def test_head(self) -> None:
        """C{HEAD} tells all that is known, and has nothing decoded for that."""
        got = self.get("/live.jpg", "HEAD")
        self.assertEqual((got.status, got.headers["content-type"]), (200, "image/jpeg"))
        self.assertEqual((got.rest, self.made), (b"", []))
        self.get("/live.jpg")
        got = self.get("/live.jpg", "HEAD")
        self.assertEqual((got.status, got.rest, got.headers["content-length"]), (200, b"", "6"))

    def test_failure(self) -> None:
        """An undecodable still is logged once, and not tried at every request."""
        self.problem = NoStill("it is torn")
        for _ in range(2):
            got = self.get("/live.jpg")
            self.assertEqual((got.status, got.headers["retry-after"]), (503, str(GOOD_FOR)))
            self.assertIn("it is torn", got.text)
        self.reactor.advance(GOOD_FOR)
        self.get("/live.jpg")
        self.assertEqual((len(self.made), len(self.log.about("it is torn"))), (2, 1))
        self.problem = None
        self.reactor.advance(GOOD_FOR)
        self.assertEqual(self.get("/live.jpg").status, 200)

    def test_words(self) -> None:
        """The log quotes libavformat; the answer is in our own words."""
        self.problem = NoStill("it cannot be decoded", "Invalid data found")
        got = self.get("/live.jpg")
        self.assertIn("it cannot be decoded", got.text)
        self.assertNotIn("Invalid data", got.text)
        line = "stream live: no still: it cannot be decoded (Invalid data found)"
        self.assertEqual(self.log.about("no still"), [line])

    def test_bug(self) -> None:
        """An error that nobody expects is in the log with its traceback."""
        self.problem = ZeroDivisionError("oddly")
        self.assertEqual(self.get("/live.jpg").status, 503)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_failed_view(self) -> None:
        """A view that fails when the picture has come responds 500, as any other view does."""
        stills = Stills(self.reactor, lambda _: None)  # type: ignore[arg-type,return-value]
        self.site = LiveSite(self.reactor, self.streams, stills=stills)
        got = self.get("/live.jpg")
        self.assertEqual((got.status, got.complete), (500, True))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_slow_decoder(self) -> None:
        """Nobody waits for ever, and a decoder that is stuck is given nothing more."""
        pool = self.late()
        connection = self.connect()
        connection.ask("/live.jpg")
        self.reactor.advance(DECODING_TIME)
        self.assertEqual(connection.answer().status, 503)
        self.reactor.advance(GOOD_FOR)
        self.assertIn("still being decoded", self.get("/live.jpg").text)
        self.assertEqual(len(pool.waiting), 1)
        pool.run_next()
        self.reactor.turn()
        self.assertEqual(self.get("/live.jpg").body, b"jpeg 1")

    def test_none(self) -> None:
        """Sound has no pictures; a stream with nothing yet may have one later."""
        other = self.add("sound")
        got = self.get("/sound.jpg")
        self.assertEqual((got.status, got.headers["retry-after"]), (503, "2"))
        other.publisher.begin(header(SOUND))
        other.publisher.publish(footage(0, 1))
        self.assertEqual(self.get("/sound.jpg").status, 404)
        self.assertEqual(self.get("/nothing.jpg").status, 404)
        self.assertEqual(self.made, [])

    def test_new_tracks(self) -> None:
        """After new tracks there is a new picture."""
        self.get("/live.jpg")
        self.stream.publisher.begin(header(SOUND, *header().tracks))
        self.assertEqual(self.get("/live.jpg").status, 503)
