"""HLS as it is asked for: playlists that are waited for, pieces that never change."""

from __future__ import annotations

import gc
import gzip
import re
import subprocess
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from itertools import pairwise
from typing import Any
from weakref import ref

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mkvtwist.config.input import parse_at_end, parse_input
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.http import LiveSite
from mkvtwist.http.client_limits import ClientLimits
from mkvtwist.http.segment_requests import WAIT_FIRST, Watching, list_bytes
from mkvtwist.http.views.segmented import Pieces
from mkvtwist.http.views.still import Stills
from mkvtwist.http.wire.delivery import SLICE
from mkvtwist.http.wire.response import View
from mkvtwist.live import turns
from mkvtwist.media.packet import Track
from mkvtwist.outputs.segmented import hls
from mkvtwist.outputs.segmented.registry import HLS
from mkvtwist.outputs.segmented.viewers import LOOK_BACK
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import AUDIO, END, VIDEO, FakeReaders, footage, header
from tests.support import media
from tests.support.fakes import in_mp4
from tests.support.segmented import UNRENDERABLE, PeriodInBytes
from tests.support.site import Connection, SiteTestCase, SlowTransport
from tests.test_end_to_end import PATIENCE, EndToEndTestCase, Mkvserve

BRIEFLY = "public, max-age=1, s-maxage=1, stale-while-revalidate=1, stale-if-error=10"
FOREVER = "public, max-age=31536000, immutable"


class OneView(Resource):
    """One view, whatever is asked for."""

    isLeaf = True

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def render(self, request: Any) -> int:
        """Have the view answer."""
        self._view(request)
        return NOT_DONE_YET


class HLSTestCase(SiteTestCase):
    """What the cases below have in common: seven complete segments of a second, and a half."""

    seconds = 7.5
    make_period = PeriodInBytes

    def setUp(self) -> None:
        """The newest segment is known."""
        super().setUp()
        self.cutter = self.stream.cutter
        self.newest = self.cutter.edge[0]

    def begin(self) -> None:
        """Video, which fits into MP4."""
        self.stream.publisher.begin(header(in_mp4(VIDEO)))

    def media(self) -> str:
        """The media playlist of now."""
        return hls.media(self.cutter.snapshot())

    def url(self, number: int, part: int | None = None) -> str:
        """Where a segment or part is."""
        place = "" if part is None else f".{part}"
        return f"/live/{self.cutter.run}-{number}{place}.m4s"

    def assert_nobody_waits(self) -> None:
        """There is no time limit left to run out, but for those of connections."""
        soon = self.reactor.seconds() + WAIT_FIRST
        times = [call.getTime() for call in self.reactor.getDelayedCalls()]
        self.assertEqual([time for time in times if time <= soon], [])

    def assert_waits(self, connection: Connection) -> None:
        """Nothing has come yet."""
        self.assertEqual(connection.transport.value(), b"")


class TracksTests(HLSTestCase):
    """Other tracks than those of the main playlist: below their numbers."""

    def begin(self) -> None:
        """Pictures, two sounds, text."""
        sounds = (AUDIO, replace(AUDIO, number=4))
        text = Track(number=3, type="subtitle", codec="text")
        self.stream.publisher.begin(header(*map(in_mp4, (VIDEO, *sounds, text))))

    def publish(self, start: float, end: float) -> None:
        """Each picture with a bit of each of the others."""
        for packet in footage(start, end):
            others = [packet._replace(track=track, data=b"of %d" % track) for track in (2, 3, 4)]
            self.stream.publisher.publish([packet, *others])
            self.reactor.turn()

    def test_everything_listed(self) -> None:
        """Each playlist that is listed has addresses that have something, of these tracks only."""
        got = self.get("/live/index.m3u8").text
        lists = re.findall(r"^media.m3u8|(?<=URI=\")[^\"]+", got, re.MULTILINE)
        self.assertEqual(lists, ["2/media.m3u8", "4/media.m3u8", "3/media.m3u8"])
        self.assertIn("\n1/media.m3u8\n", got)
        for place, kind, has in (
            ("1/", "video/mp4", b"1 at"),
            ("2/", "video/mp4", b"of 2"),
            ("4/", "video/mp4", b"of 4"),
            ("3/", "text/vtt", b"of 3"),
        ):
            text = self.get(f"/live/{place}media.m3u8").text
            names = re.findall(r"[\w.-]+\.(?:m4s|vtt)", text)[:-1]  # the last one is announced
            self.assertGreater(len(names), 12)
            for name in names:
                piece = self.get(f"/live/{place}{name}")
                self.assertEqual(piece.status, 200, name)
                self.assertEqual(piece.headers["content-type"], kind)
                self.assertEqual(piece.headers["cache-control"], FOREVER)
                self.assertIn(has, piece.body)
                self.assertEqual(b"of" in piece.body, place != "1/")
            for name in re.findall(r"init-[\w.]+", text):
                self.assertIn(self.get(f"/live/{place}{name}").body, (b"h264 160", b"aac None"))

    def test_several(self) -> None:
        """A client that asks for some tracks together is sent where these are."""
        got = self.get("/live/index.m3u8?tracks=4,1&token=x")
        self.assertEqual((got.status, got.headers["location"]), (302, "1,4/index.m3u8?token=x"))
        self.assertIn("\nmedia.m3u8?token=x\n", self.get("/live/1,4/index.m3u8?token=x").text)
        piece = self.get(f"/live/1,4/{self.cutter.run}-{self.newest - 1}.m4s").body
        self.assertEqual(
            (b"1 at" in piece, b"of 4" in piece, b"of 2" in piece), (True, True, False)
        )

    def test_none(self) -> None:
        """Tracks that there are not, or that are no numbers, are not found."""
        for place in ("9", "1,9"):
            got = self.get(f"/live/{place}/media.m3u8")
            self.assertEqual((got.status, got.text[:21]), (404, "There is no track 9; "))
            got = self.get(f"/live/{place}/{self.cutter.run}-{self.newest - 1}.m4s")
            self.assertEqual((got.status, got.text[:21]), (404, "There is no track 9; "))
        for place in ("0", "1,", "x", "1/2", ",".join(["1"] * 65)):
            self.assertEqual(self.get(f"/live/{place}/media.m3u8").status, 404, place)
        self.assertEqual(self.get("/live/index.m3u8?tracks=x").status, 400)

    def test_unfit(self) -> None:
        """Text together with pictures can live nowhere here."""
        got = self.get("/live/1,3/media.m3u8")
        self.assertEqual(got.status, 406)
        self.assertIn("track 3 (subtitle, text) cannot live in MP4; ask for .mkv", got.text)

    def test_blocking(self) -> None:
        """A part of a sound that is announced is waited for, as all else is."""
        newest, part = self.cutter.edge
        waiting = self.ask(f"/live/4/{self.cutter.run}-{newest}.{part}.m4s")
        reload_ = self.ask(f"/live/4/media.m3u8?_HLS_msn={newest}&_HLS_part={part}")
        self.assert_waits(waiting)
        self.assert_waits(reload_)
        self.publish(7.5, 8.5)
        self.assertIn(b"of 4", waiting.answer().body)
        self.assertEqual(reload_.answer().status, 200)

    def test_gap(self) -> None:
        """Where a sound is silent there is nothing to be loaded."""
        for packet in footage(7.5, 11):
            self.stream.publisher.publish([packet])
            self.reactor.turn()
        name = f"{self.cutter.run}-{self.cutter.edge[0] - 1}.m4s"
        self.assertEqual(self.get(f"/live/4/{name}").status, 404)
        self.assertEqual(self.get(f"/live/{name}").status, 200)


class PlaylistTests(HLSTestCase):
    """Both playlists."""

    def test_playlists(self) -> None:
        """They have the type that players know, are old after a second, and open to all pages."""
        period = self.stream.publisher.period
        assert period is not None
        for target, text in (
            ("/live/index.m3u8", hls.multivariant(period.header, self.cutter.segments.all)),
            ("/live/media.m3u8", self.media()),
        ):
            got = self.get(target)
            self.assertEqual((got.status, got.text), (200, text))
            self.assertEqual(got.headers["content-type"], "application/vnd.apple.mpegurl")
            self.assertEqual(got.headers["cache-control"], BRIEFLY)
            self.assertEqual(got.headers["access-control-allow-origin"], "*")
            self.assertEqual(int(got.headers["content-length"]), len(text))
            head = self.get(target, "HEAD")
            self.assertEqual((head.status, head.rest), (200, b""))

    def test_everything_listed(self) -> None:
        """Each URL in the playlist can be loaded, but for the one that is announced."""
        text = self.get("/live/media.m3u8").text
        names = re.findall(r"[\w.-]+\.(?:m4s|mp4)\b", text)
        self.assertGreater(len(names), 14)
        for name in names[:-1]:
            got = self.get(f"/live/{name}")
            self.assertEqual((got.status, got.complete), (200, True), name)
            self.assertEqual(got.headers["content-type"], "video/mp4")
            self.assertEqual(got.headers["cache-control"], FOREVER)
            self.assertEqual(got.headers["access-control-allow-origin"], "*")
            head = self.get(f"/live/{name}", "HEAD")
            self.assertEqual(head.headers["content-length"], str(len(got.body)))

    def test_nothing_yet(self) -> None:
        """Before the first segment is complete, the request is held; for half a minute at most."""
        late = self.add("late")
        media, index = self.ask("/late/media.m3u8"), self.ask("/late/index.m3u8")
        late.publisher.begin(header(in_mp4(VIDEO)))
        late.publisher.publish(footage(0, 0.9))
        self.assert_waits(media)
        late.publisher.publish(footage(0.9, 1.2))
        self.reactor.turn()
        self.assertEqual((media.answer().status, index.answer().status), (200, 200))
        self.assert_nobody_waits()
        self.add("never")
        never = self.ask("/never/index.m3u8")
        self.reactor.advance(WAIT_FIRST)
        got = never.answer()
        self.assertEqual((got.status, got.headers["retry-after"]), (503, "1"))
        self.assertEqual(got.headers["cache-control"], "no-store")

    def test_unfit(self) -> None:
        """Tracks that MP4 cannot hold: 406, and what there is instead; also for who has waited."""
        late = self.add("late")
        waiting = self.ask("/late/index.m3u8")
        late.publisher.begin(header())
        late.publisher.publish(footage(0, 1))
        self.reactor.turn()
        for got in (waiting.answer(), self.get("/late/media.m3u8")):
            self.assertEqual(got.status, 406)
            self.assertIn("track 1 (video, h264) cannot live in MP4; ask for .mkv", got.text)

    def test_unfit_sound(self) -> None:
        """Where the picture alone would do, 406 says how to ask for it."""
        stream = self.add("phone")
        sound = replace(AUDIO, codec="pcm_mulaw")
        stream.publisher.begin(header(in_mp4(VIDEO), sound))
        stream.publisher.publish(footage(0, 1))
        self.reactor.turn()
        got = self.get("/phone/index.m3u8")
        self.assertEqual(got.status, 406)
        self.assertIn("ask for .mkv instead, or for a part of it: .mp4?tracks=1", got.text)
        self.assertIn("or /index.m3u8?tracks=1.", got.text)

    def test_token(self) -> None:
        """A token that a client came with is in each address, safe; without one there is none."""
        got = self.get("/live/media.m3u8?token=a%22%0Ab").text
        names = re.findall(r"[\w.-]+\.(?:m4s|mp4)[^\"\n]*", got)
        self.assertGreater(len(names), 14)
        self.assertEqual({name.partition("?")[2] for name in names}, {"token=a%22%0Ab"})
        self.assertIn("media.m3u8?token=x\n", self.get("/live/index.m3u8?token=x").text)
        self.assertEqual(re.sub(r"\?token=[^\"\n]*", "", got), self.media())

    def test_long_token(self) -> None:
        """Lists that a token makes long are not kept: many of them would fill the memory."""
        token = "x" * 15_000
        got = self.get(f"/live/media.m3u8?token={token}").text
        self.assertIn(f".m4s?token={token}", got)
        for query, is_kept in (("?token=short", True), (f"?token={token}", False)):
            once, again = (list_bytes(self.media(), query, HLS)[0] for _ in range(2))
            self.assertEqual(once, again)
            self.assertEqual(once is again, is_kept)

    def test_private(self) -> None:
        """What not everybody may watch is kept by no cache for many: no still, no replay either."""
        stills = Stills(self.reactor, lambda _: b"jpeg")
        self.site = LiveSite(self.reactor, self.streams, stills=stills)
        self.addCleanup(self.site.stopFactory)
        rule = AccessRule(allow=(ip_network("198.51.100.0/24"),))
        self.stream.configure(replace(self.stream.config, watch=rule))
        self.site.trusted_proxies = (ip_network("192.0.2.0/24"),)
        redirect = self.ask("/live/last.mkv", X_Forwarded_For="198.51.100.1")
        self.reactor.turns()
        self.ask("/live.jpg", X_Forwarded_For="198.51.100.1")
        self.reactor.turns()
        for target, cache in (
            ("/live/media.m3u8", "private, max-age=1"),
            (self.url(self.newest - 1), "private, max-age=31536000, immutable"),
            ("/live.jpg", "private, max-age=5"),
            (f"/live/{redirect.answer().headers['location']}", "private, max-age=600, immutable"),
        ):
            asking = self.ask(target, "HEAD", X_Forwarded_For="198.51.100.1")
            self.reactor.turns()
            self.assertEqual(asking.answer("HEAD").headers["cache-control"], cache)

    def test_trusted_edge(self) -> None:
        """A cache that a rule lets in by its own address may show what it has to everybody."""
        rule = AccessRule(allow=(ip_network("192.0.2.7"),))
        self.stream.configure(replace(self.stream.config, watch=rule))
        got = self.get(self.url(self.newest - 1))
        self.assertEqual((got.status, got.headers["cache-control"]), (200, FOREVER))
        self.assertIn("public", self.get("/live/media.m3u8").headers["cache-control"])

    def test_methods(self) -> None:
        """Nobody posts here."""
        self.assertEqual(self.get("/live/index.m3u8", "POST").status, 405)

    def test_not_there(self) -> None:
        """Paths that cannot be are not found."""
        for target in ("/live/", "/live/x", "/live/index.m3u", "/other/index.m3u8", "/live/1.m4s"):
            self.assertEqual(self.get(target).status, 404, target)

    def test_another_stream_of_the_name(self) -> None:
        """A stream that takes the name of one that has gone has playlists of its own."""
        self.get("/live/media.m3u8")
        self.add()
        self.assert_waits(self.ask("/live/media.m3u8"))


class CachingTests(HLSTestCase):
    """What saves bytes: compressed playlists, answers that are known, ranges."""

    def test_gzip(self) -> None:
        """A playlist is compressed for a client that reads gzip, and says that it depends on it."""
        plain = self.get("/live/media.m3u8")
        for accepted, compressed in (
            ("gzip, deflate, br", True),
            ("br;q=1.0, GZIP;q=0.8", True),
            ("gzip;q=0", False),
            ("gzip;q=0.000", False),
            ("identity", False),
        ):
            got = self.get("/live/media.m3u8", Accept_Encoding=accepted)
            self.assertEqual(got.headers.get("content-encoding") == "gzip", compressed, accepted)
            self.assertEqual(got.headers["vary"], "Accept-Encoding")
            body = gzip.decompress(got.body) if compressed else got.body
            self.assertEqual(body, plain.body)
            if compressed:
                self.assertLess(len(got.body), len(plain.body) / 3)

    def test_media_is_not_compressed(self) -> None:
        """Pieces are media, which no compression makes smaller."""
        got = self.get(self.url(self.newest - 1), Accept_Encoding="gzip")
        self.assertNotIn("content-encoding", got.headers)
        self.assertNotIn("vary", got.headers)

    def test_known(self) -> None:
        """A client that has an answer already is told so, until there is another one."""
        for target in ("/live/index.m3u8", "/live/media.m3u8", self.url(self.newest - 1)):
            tag = self.get(target).headers["etag"]
            for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
                got = self.get(target, If_None_Match=known)
                self.assertEqual((got.status, got.body), (304, b""), (target, known))
                self.assertEqual(got.headers["etag"], tag)
                self.assertIn("cache-control", got.headers)
            self.assertEqual(self.get(target, If_None_Match='"other"').status, 200)
        tag = self.get("/live/media.m3u8").headers["etag"]
        self.publish(7.5, 8.1)
        self.assertEqual(self.get("/live/media.m3u8", If_None_Match=tag).status, 200)

    def test_tags_differ(self) -> None:
        """Each piece has a tag of its own, and each of its choices of tracks."""
        number = self.newest - 1
        targets = [self.url(number), self.url(number, 0), self.url(number - 1)]
        targets += [target.replace("/live/", "/live/1/") for target in targets]
        tags = {self.get(target).headers["etag"] for target in targets}
        self.assertEqual(len(tags), len(targets))

    def test_ranges(self) -> None:
        """A range of a piece is 206, one behind its end 416; If-Range of another piece is 200."""
        target = self.url(self.newest - 1)
        whole = self.get(target)
        self.assertEqual(whole.headers["accept-ranges"], "bytes")
        size = len(whole.body)
        for asked, start, stop in (("0-", 0, size), ("3-9", 3, 10), ("-4", size - 4, size)):
            got = self.get(target, Range=f"bytes={asked}")
            self.assertEqual((got.status, got.body), (206, whole.body[start:stop]))
            self.assertEqual(got.headers["content-range"], f"bytes {start}-{stop - 1}/{size}")
            self.assertEqual(got.headers["cache-control"], FOREVER)
        got = self.get(target, Range=f"bytes={size}-")
        self.assertEqual((got.status, got.headers["content-range"]), (416, f"bytes */{size}"))
        self.assertEqual(got.headers["cache-control"], "no-store")
        tag = whole.headers["etag"]
        for unless, status in ((tag, 206), ('"other"', 200)):
            self.assertEqual(self.get(target, Range="bytes=3-9", If_Range=unless).status, status)
        self.assertEqual(self.get(target, "HEAD", Range="bytes=3-9").status, 200)


class BlockingTests(HLSTestCase):
    """Requests for what is due next."""

    def wait(self, number: int, part: int | None = None, more: str = "") -> Connection:
        """Ask for the playlist that has this."""
        place = "" if part is None else f"&_HLS_part={part}"
        return self.ask(f"/live/media.m3u8?_HLS_msn={self.newest + number}{place}{more}")

    def test_part(self) -> None:
        """The playlist comes in the turn in which the part is complete, and may be kept longer."""
        there, next_ = self.wait(-1, 1), self.wait(0, 1)
        self.assertEqual(there.answer().text, self.media())
        self.assert_waits(next_)
        self.publish(7.5, 7.9)
        self.assert_waits(next_)
        self.publish(7.9, 8.1)
        got = next_.answer()
        self.assertIn(f"-{self.newest}.1.m4s", got.text)
        self.assertEqual(got.headers["cache-control"], "public, max-age=6")
        self.assert_nobody_waits()

    def test_behind_a_complete_segment(self) -> None:
        """Behind the last part of a complete segment is the first of the next one."""
        self.publish(7.5, 7.6)
        for part in (2, 9, 40):
            self.assertEqual(self.wait(-1, part).answer().text, self.media())
        self.publish(7.6, 8.1)  # the newest is complete, of the next nothing is
        waiting = [self.wait(0, 40), self.wait(1, 0)]
        for request in waiting:
            self.assert_waits(request)
        self.publish(8.1, 8.6)
        for request in waiting:
            self.assertEqual(request.answer().text, self.media())

    def test_segment(self) -> None:
        """Without a part the segment is waited for."""
        waiting = self.wait(0)
        self.publish(7.5, 8)
        self.assert_waits(waiting)
        self.publish(8, 8.1)
        self.assertIn(f"-{self.newest}.m4s", waiting.answer().text)

    def test_delta(self) -> None:
        """A delta update is for who knows the list; not for who asks for what is long there."""
        self.publish(7.5, 30)
        self.newest = self.cutter.edge[0]
        self.assertIn("EXT-X-SKIP", self.wait(-1, None, "&_HLS_skip=YES").answer().text)
        self.assertNotIn("EXT-X-SKIP", self.wait(-9, None, "&_HLS_skip=YES").answer().text)
        self.assertIn("EXT-X-SKIP", self.get("/live/media.m3u8?_HLS_skip=v2").text)

    def test_absurd(self) -> None:
        """What is not due for long, or is no number, is an error that says what is wrong."""
        for query, text in (
            (f"_HLS_msn={self.newest + 2}", "is too far ahead"),
            (f"_HLS_msn={self.newest}&_HLS_part=99", "is too far ahead"),
            ("_HLS_msn=-1", "'-1' is not a number"),
            ("_HLS_msn=1&_HLS_part=one", "'one' is not a number"),
            ("_HLS_msn=" + "9" * 99, "is not a number"),
            ("_HLS_part=1", "_HLS_part needs _HLS_msn"),
        ):
            got = self.get(f"/live/media.m3u8?{query}")
            self.assertEqual(got.status, 400, query)
            self.assertIn(text, got.text)

    def test_patience(self) -> None:
        """Nothing new for three target durations: the request ends, with the reason."""
        waiting = self.wait(0)
        self.reactor.advance(2.9)
        self.assert_waits(waiting)
        self.reactor.advance(0.1)
        got = waiting.answer()
        self.assertEqual((got.status, got.headers["retry-after"]), (503, "1"))
        self.assertIn("No new media has come.", got.text)

    def test_in_time_after_all(self) -> None:
        """What comes while others are told that nothing has is given; who is told is no viewer."""
        waiting = [self.wait(0) for _ in range(turns.CROWD + 8)]
        first_told = partial(self.stream.publisher.publish, footage(7.5, 8.1))
        self.reactor.callLater(3, self.reactor.callLater, 0, first_told)
        self.reactor.advance(3)
        statuses = [connection.answer().status for connection in waiting]
        self.assertEqual(statuses, [503] * turns.CROWD + [200] * 8)

    def test_all_in_vain(self) -> None:
        """Of all who waited in vain some are told in one turn, the others in the next ones."""
        waiting = [self.wait(0) for _ in range(turns.CROWD + 8)]
        told: list[int] = []

        def count() -> None:
            told.append(sum(bool(connection.transport.value()) for connection in waiting))
            if told[-1] < len(waiting):
                self.reactor.callLater(0, count)

        self.reactor.callLater(3, count)
        self.reactor.advance(3)
        self.assertEqual(told, [0, turns.CROWD, len(waiting)])
        for connection in waiting:
            self.assertEqual(connection.answer().status, 503)

    def test_hint(self) -> None:
        """The part that is announced is held until it is complete."""
        number, part = self.cutter.edge
        waiting = self.ask(self.url(number, part))
        self.assert_waits(waiting)
        self.publish(7.5, 7.7)
        got = waiting.answer()
        self.assertEqual(got.status, 200)
        self.assertEqual(got.body, b"(" + b"|".join(p.data for p in footage(7, 7.5)) + b")")
        self.assertEqual(got.headers["cache-control"], FOREVER)

    def test_lost(self) -> None:
        """
        When the growing segment loses its beginning, what was announced is gone, and the list is
        what comes behind the next keyframe.
        """
        self.stream = self.add("small", buffer_bytes=1 << 16)
        self.begin()
        self.publish(0, 2.2)
        self.cutter = cutter = self.stream.cutter
        number, part = cutter.edge
        hinted = self.ask(self.url(number, part).replace("live", "small"))
        listed = self.ask(f"/small/media.m3u8?_HLS_msn={number}&_HLS_part={part}")
        self.assert_waits(hinted)
        self.stream.publisher.publish(footage(2.2, 2.3, size=1 << 16))
        self.reactor.turn()
        self.assertEqual(hinted.answer().status, 404)
        self.assert_waits(listed)
        self.publish(30, 31.1)
        self.assertIn(f"#EXT-X-MEDIA-SEQUENCE:{number + 1}\n", listed.answer().text)

    def test_whole_of_a_growing_one(self) -> None:
        """So is a segment that still grows; it is its parts, one after the other."""
        waiting = self.ask(self.url(self.newest))
        self.publish(7.5, 8.1)
        parts = [self.get(self.url(self.newest, part)).body for part in range(2)]
        self.assertEqual(waiting.answer().body, b"".join(parts))

    def test_gone(self) -> None:
        """A client that goes while it waits is forgotten."""
        waiting = self.wait(0)
        waiting.lose()
        self.assert_nobody_waits()
        self.publish(7.5, 8.5)
        self.assertEqual(self.log.about("Traceback"), [])

    def test_many(self) -> None:
        """Many are answered some a turn, so that others need not wait for all of them."""
        waiting = [self.wait(0) for _ in range(100)]
        for packet in footage(7.5, 8.1):
            self.stream.publisher.publish([packet])
        answered = [connection for connection in waiting if connection.transport.value()]
        self.assertEqual(len(answered), turns.CROWD)
        for _ in range(4):
            self.reactor.turn()
        self.assertEqual({connection.answer().status for connection in waiting}, {200})

    def test_too_many(self) -> None:
        """A limited number of requests wait."""
        limits = ClientLimits(Config(()), self.streams)
        watching = Watching(self.reactor, self.stream, limits, most_held=3)
        view = Pieces(self.reactor, watching).view("media.m3u8")
        assert view is not None
        site = Site(OneView(view), reactor=self.reactor)
        waiting = [Connection(site, self.reactor) for _ in range(4)]
        for connection in waiting:
            connection.ask(f"/live/media.m3u8?_HLS_msn={self.newest}")
        self.assertEqual(waiting.pop().answer().status, 503)
        self.publish(7.5, 8.1)
        self.assertEqual({connection.answer().status for connection in waiting}, {200})

    def test_failure(self) -> None:
        """A failure is one request's own."""
        self.publish(7.5, 7.6)
        one, other = self.ask(self.url(*self.cutter.edge) + "?token=secret"), self.wait(0, 1)
        for packet in footage(7.6, 8.1):
            self.stream.publisher.publish([packet._replace(data=UNRENDERABLE)])
            self.reactor.turn()
        self.assertTrue(one.transport.disconnected)
        self.assertEqual(other.answer().status, 200)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        (line,) = self.log.about(" failed")
        self.assertNotIn("secret", line)


class LimitsTests(HLSTestCase):
    """How many may watch at once, clients and viewers together."""

    def setUp(self) -> None:
        """Any proxy is believed."""
        super().setUp()
        self.configure(Config(()))

    def configure(self, config: Config) -> None:
        """Other limits of all streams together."""
        self.site.configure(replace(config, trusted_proxies=(ip_network("0.0.0.0/0"),)))

    def come(self, target: str, number: int) -> Connection:
        """A request from the address that ends in this number."""
        connection = Connection(self.site, self.reactor)
        connection.ask(target, X_Forwarded_For=f"203.0.113.{number}")
        return connection

    def status(self, target: str, number: int) -> int:
        """Of the answer to it."""
        return self.come(target, number).answer().status

    def test_too_many(self) -> None:
        """A client too many is told when to come again; a viewer goes on, until it has gone."""
        self.stream.configure(replace(self.stream.config, max_clients=2))
        self.come("/live.mkv", 1)
        self.assertEqual(self.status("/live/index.m3u8", 2), 200)
        for target in ("/live/index.m3u8", "/live/media.m3u8", self.url(self.newest - 1)):
            got = self.come(target, 3).answer()
            self.assertEqual(got.status, 503)
            self.assertEqual(got.headers["retry-after"], "5")
            self.assertEqual(got.text, "The limit of 2 clients is reached; try again later.\n")
            self.assertEqual(self.status(target, 2), 200)
        self.assertEqual(self.status("/live.mkv", 3), 503, "viewers take places, too")
        self.assertEqual(self.stream.statistics().hls_viewers, 1)
        self.reactor.advance(LOOK_BACK * self.cutter.target + 0.1)
        self.assertEqual(self.status("/live/media.m3u8", 3), 200)
        self.assertEqual(self.status("/live/media.m3u8", 2), 503)

    def test_not_woken(self) -> None:
        """A client that is refused wakes no input."""
        self.stream.configure(replace(self.stream.config, max_clients=1))
        self.come("/live/media.m3u8", 1)
        self.reactor.advance(1)
        touched: list[bool] = []
        self.stream.demand.on_touch = lambda: touched.append(True)
        self.assertEqual(self.status("/live/media.m3u8", 2), 503)
        self.assertEqual(touched, [])

    def test_waited(self) -> None:
        """A client that has waited for long is a viewer afterwards, and gets what is listed."""
        other = self.add("other", max_clients=1)
        early = self.come("/other/media.m3u8", 1)
        self.reactor.advance(29)
        self.assertEqual(other.statistics().hls_viewers, 0)
        other.publisher.begin(header(in_mp4(VIDEO)))
        for packet in footage(0, 5):
            other.publisher.publish([packet])
            self.reactor.turn()
        self.assertEqual(early.answer().status, 200)
        self.assertEqual(self.status("/other/media.m3u8", 2), 503)
        self.assertEqual(self.status("/other/media.m3u8", 1), 200)

    def test_total(self) -> None:
        """Viewers count among the clients of all streams, too."""
        self.add("other")
        self.configure(Config((), max_clients_total=1))
        self.assertEqual(self.status("/live/media.m3u8", 1), 200)
        self.assertEqual(self.status("/live/media.m3u8", 2), 503)
        self.assertEqual(self.status("/other.mkv", 2), 503)

    def test_bandwidth(self) -> None:
        """Bandwidth of viewers counts as that of clients."""
        period = self.stream.publisher.period
        assert period is not None
        self.configure(Config((), max_bandwidth=int(1.5 * period.ring.bitrate(5_000_000))))
        self.assertEqual(self.status("/live/media.m3u8", 1), 200)
        self.assertEqual(self.status("/live/media.m3u8", 2), 503)
        self.assertEqual(self.status("/live.mkv", 2), 503)

    def test_address(self) -> None:
        """Nobody begins from an address that has as many clients as it may."""
        self.configure(Config((), max_clients_per_address=1))
        self.come("/live.mkv", 1)
        self.assertEqual(self.status("/live/media.m3u8", 1), 503)
        self.assertEqual(self.status("/live/media.m3u8", 2), 200)


class WantedTests(HLSTestCase):
    """What keeps an input on demand open, and from its rest."""

    def test_viewer(self) -> None:
        """A viewer does, until it has been silent for three target durations."""
        self.get("/live/media.m3u8")
        self.reactor.advance(3)
        self.assertEqual(self.stream.demand.unwanted, 0)
        self.reactor.advance(2)
        self.assertEqual(self.stream.demand.unwanted, 2)

    def test_head(self) -> None:
        """C{HEAD} comes from no viewer: it wakes nothing, waits for nothing and takes no place."""
        other = self.add("other", max_clients=1)
        touched: list[bool] = []
        for stream in (self.stream, other):
            stream.demand.on_touch = lambda: touched.append(True)
        newest, parts = self.cutter.edge
        for target in (
            "/other/index.m3u8",
            "/other/media.m3u8",
            f"/live/media.m3u8?_HLS_msn={newest + 1}",
            self.url(newest, parts),
        ):
            got = self.get(target, "HEAD")
            self.assertEqual((got.status, got.rest), (503, b""), target)
            self.assertEqual(got.headers["retry-after"], "1")
        for target in ("/live/index.m3u8", "/live/media.m3u8", self.url(newest - 1)):
            got = self.get(target, "HEAD")
            self.assertEqual((got.status, got.rest), (200, b""), target)
            self.assertEqual(int(got.headers["content-length"]), len(self.get(target).body))
            self.reactor.advance(LOOK_BACK * self.cutter.target + 0.1)
            del touched[:]
        self.assertEqual(self.get("/live/media.m3u8", "HEAD").status, 200)
        self.assertEqual(touched, [])
        for stream in (self.stream, other):
            self.assertEqual(stream.statistics().hls_viewers, 0)
        self.assert_nobody_waits()

    def test_first(self) -> None:
        """Waiting for the first segment keeps an input open that takes long, as with a long GOP."""
        other = self.add("other")
        self.ask("/other/index.m3u8")
        self.reactor.advance(29)
        self.assertEqual(other.demand.unwanted, 0)


class PieceTests(HLSTestCase):
    """Segments, parts and what stands before them."""

    def test_not_there(self) -> None:
        """A piece that has gone, is not due, or never was, is 404, which no cache keeps."""
        oldest, newest = self.newest - 7, self.newest
        self.publish(7.5, 60)
        for target, text in (
            (self.url(oldest), "has left the buffer"),
            (self.url(oldest, 0), "has left the buffer"),
            (self.url(newest + 99), "not due yet"),
            (self.url(self.cutter.edge[0], 4), "not due yet"),
            (self.url(self.cutter.edge[0] - 1, 4), "has no part 4"),
            (self.url(newest).replace(self.cutter.run, "1"), "before a restart"),
            ("/live/init-0.mp4", "No listed segment needs this"),
        ):
            got = self.get(target)
            self.assertEqual((got.status, got.headers["cache-control"]), (404, "no-store"), target)
            self.assertIn(text, got.text)

    def test_slow(self) -> None:
        """A segment is handed over as it is taken; who takes nothing is disconnected."""
        self.publish_big()
        transport: Any = SlowTransport(SLICE)
        connection = Connection(self.site, self.reactor, transport=transport)
        connection.ask(self.url(self.cutter.edge[0] - 1))
        taken = 0
        while not (got := connection.answer()).complete:
            self.assertGreater(len(got.body), taken)
            taken = len(got.body)
            self.reactor.advance(29)
            transport.producer.resumeProducing()
        self.assertEqual(len(got.body), 1_000_000 + 8 + 2 * 2)  # what Bytes puts between
        transport.clear()
        connection.ask(self.url(self.cutter.edge[0] - 1))
        self.reactor.advance(29)
        self.assertFalse(transport.disconnected)
        self.reactor.advance(1)
        self.assertTrue(transport.disconnected)

    def publish_big(self) -> None:
        """A second of a megabyte."""
        self.stream.publisher.publish(footage(8, 9.1, size=100_000))

    def test_figures(self) -> None:
        """Bytes count in the statistics, and who asks is a viewer until it is silent."""
        before = self.stream.statistics()
        self.assertEqual((before.hls_viewers, before.bytes_out), (0, 0))
        size = len(self.get("/live/media.m3u8").body)
        size += len(self.get(self.url(self.newest - 1)).body)
        self.get("/live/media.m3u8", "HEAD")
        after = self.stream.statistics()
        self.assertEqual((after.hls_viewers, after.bytes_out), (1, size))
        self.reactor.advance(4)
        self.assertEqual(self.stream.statistics().hls_viewers, 0)


class EndTests(HLSTestCase):
    """The end of a stream, and of the server."""

    def test_end(self) -> None:
        """At the end of the input, who waits gets the list that says so."""
        waiting = self.ask(f"/live/media.m3u8?_HLS_msn={self.newest + 1}")
        self.stream.publisher.end()
        self.reactor.turn()
        for got in (waiting.answer(), self.get("/live/media.m3u8")):
            self.assertIn("#EXT-X-ENDLIST", got.text)
        self.assertEqual(self.get(self.url(self.newest)).status, 200)

    def test_stop(self) -> None:
        """When the server stops no playlist says that it was the end: it may be back soon."""
        waiting = [
            self.ask(f"/live/media.m3u8?_HLS_msn={self.newest}"),
            self.ask(self.url(*self.cutter.edge)),
            self.ask(self.url(self.newest)),
        ]
        self.stream.publisher.end(for_good=False)
        self.reactor.turn()
        for connection in (*waiting, self.ask("/live/media.m3u8")):
            got = connection.answer()
            self.assertEqual((got.status, got.headers["retry-after"]), (503, "1"))

    def test_removed(self) -> None:
        """A stream that is there no more is not kept by those who have asked for its pieces."""
        self.get("/live/media.m3u8")
        gone = ref(self.stream.fanout)
        self.streams.clear()
        del self.stream, self.cutter
        gc.collect()
        self.assertIsNone(gone())

    def test_nothing_at_all(self) -> None:
        """A stream that ends before it has begun says so."""
        other = self.add("none")
        waiting = self.ask("/none/index.m3u8")
        other.publisher.end()
        self.reactor.turn()
        self.assertEqual(
            (waiting.answer().status, waiting.answer().text[:20]), (503, "The stream has ended")
        )

    def test_rest(self) -> None:
        """After the end viewers have time to get what they have not, but not for ever."""
        ended: list[Stream] = []
        readers = FakeReaders()
        source = parse_input("input", "film.mkv")
        config = StreamConfig(source, name="film", at_end=parse_at_end("at-end", None, source.form))
        film = Stream(
            self.reactor,
            config,
            ended.append,
            start_reader=readers,
            make_period=PeriodInBytes,
        )
        self.streams["film"] = film
        film.startService()
        readers[-1].emit(header(in_mp4(VIDEO)), *footage(0, 7.5))
        self.reactor.turns()
        self.get("/film/media.m3u8")
        readers[-1].emit(END)
        self.reactor.turns()
        for _ in range(20):
            self.reactor.advance(0.1)
        self.assertEqual(ended, [])
        for _ in range(50):
            self.get("/film/media.m3u8")
            self.reactor.advance(0.1)
        self.assertEqual(ended, [film])


class PlayerTests(EndToEndTestCase):
    """A real server, whose pieces are played."""

    def setUp(self) -> None:
        """A test picture, with 25 pictures and one keyframe a second."""
        self.server = Mkvserve(self, "--readrate-initial-burst=4", "demo:")
        self.playlist = self.server.get("/live/media.m3u8").read().decode()

    def test_pieces(self) -> None:
        """Behind the initialization section, segments play, one alone or all in a row."""
        names = re.findall(r"^[\w-]+\.m4s$", self.playlist, re.MULTILINE)
        init = re.search(r"init-\w+\.mp4", self.playlist)
        assert init is not None
        head, *segments = (self.server.get(f"/live/{name}").read() for name in [init[0], *names])
        for count in (1, len(segments)):
            shown = media.frames(head + b"".join(segments[:count]), numbers=False)
            times = [frame.pts or 0 for frame in shown if frame.type == "video"]
            self.assertEqual(len(times), 25 * count)
            steps = {after - before for before, after in pairwise(times)}
            self.assertEqual(steps, {40_000})

    def test_ffmpeg(self) -> None:
        """FFmpeg plays it live, across several loads of the playlist."""
        url = f"http://127.0.0.1:{self.server.port}/live/index.m3u8"
        options = ("-v", "error", "-i", url, "-t", "5", "-map", "0:v", "-f", "framecrc", "-")
        player = self.run_("ffmpeg", *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = player.communicate(timeout=PATIENCE)
        self.assertEqual((player.returncode, err), (0, b""))
        times = [int(line.split(b",")[2]) for line in out.splitlines() if line.startswith(b"0,")]
        self.assertGreater(len(times), 115)
        self.assertEqual({after - before for before, after in pairwise(times)}, {1})
