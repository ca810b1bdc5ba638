"""The last seconds as a file that is asked for in parts, while the stream goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from typing import Any

from twisted.internet import _producer_helpers
from twisted.internet.task import Cooperator
from twisted.web.http import datetimeToString, stringToDatetime

from mkvtwist.config.settings import Config
from mkvtwist.formats.replay import Replay
from mkvtwist.http import LiveSite
from mkvtwist.http.replay.files import (
    FILES_PER_ADDRESS,
    IN_USE,
    KEEP_TIME,
    MOST_REPLAY_FILES,
    ReplayFile,
    ReplayFiles,
)
from mkvtwist.http.replay.writer import ReplayWriter
from mkvtwist.http.views.replay import MOST_MAKING, REPLAY_RETRY, REPLAY_SWEEP, SAME_FOR, Replays
from mkvtwist.testing import SOUND, FakePool, footage, header
from tests.support.fakes import Answer, blocks
from tests.support.site import SiteTestCase


class ReplayTests(SiteTestCase):
    """Ten seconds of video, and the files of them."""

    def setUp(self) -> None:
        super().setUp()
        self.parent = self.mktemp()
        os.mkdir(self.parent)
        self.serve()
        # Twisted has files read piece by piece by the reactor that runs, which is none here.
        schedule = partial(self.reactor.callLater, 0.00001)
        self.patch(_producer_helpers, "cooperate", Cooperator(scheduler=schedule).cooperate)

    def serve(
        self,
        write: Callable[[Replay, Any], None] = Replay.write,
        **files: int,
    ) -> None:
        """A site that writes files in its own way, or keeps so many of them."""
        writer = ReplayWriter(self.reactor, write, self.parent)
        kept = ReplayFiles(self.reactor, **files)
        replays = Replays(self.reactor, kept, writer)
        self.addCleanup(replays.stop)
        self.site = LiveSite(self.reactor, self.streams, replays=replays)
        everybody = (ip_network("0.0.0.0/0"),)  # so that a case may come from anywhere
        self.site.configure(Config((), trusted_proxies=everybody))

    def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """The answer, whole."""
        connection = self.connect()
        connection.ask(target, method, **headers)
        self.reactor.pump([0.00001] * 20)
        return connection.answer(method)

    def late(self) -> FakePool:
        """From now on threads wait until they are told to work."""
        pool = self.reactor.getThreadPool()
        pool.is_busy = True
        return pool

    def last(self, query: str = "", **headers: str) -> str:
        """The address that one is sent to."""
        got = self.get(f"/live/last.mkv{query}", **headers)
        self.assertEqual(got.status, 302, got)
        return "/live/" + got.headers["location"]

    def kept(self) -> list[str]:
        """What is on the disk."""
        folders = [os.path.join(self.parent, name) for name in os.listdir(self.parent)]
        return [name for folder in folders for name in os.listdir(folder)]

    def test_redirect(self) -> None:
        """One is sent to a file of the last seconds, from the keyframe there, its times from 0."""
        where = self.last("?seconds=2.5")
        self.assertRegex(where, r"^/live/last-\d{8}-\d{6}-[0-9a-f]{8}\.mkv$")
        got = self.get(where)
        self.assertEqual((got.status, got.complete), (200, True))
        self.assertEqual(got.headers["content-length"], str(len(got.body)))
        self.assertEqual(got.headers["content-type"], "video/x-matroska")
        self.assertEqual(got.headers["accept-ranges"], "bytes")
        self.assertEqual(got.headers["access-control-allow-origin"], "*")
        self.assertEqual(got.headers["cache-control"], "public, max-age=600, immutable")
        self.assertEqual(inside(got), [packet.data for packet in footage(7, 10)])

    def test_default(self) -> None:
        """Unasked it is half a minute, or what the ring has."""
        self.assertEqual(inside(self.get(self.last())), [p.data for p in footage(0, 10)])

    def test_moves_on(self) -> None:
        """The file stays as it is while the stream goes on; who asks later gets a later one."""
        first = self.last("?seconds=2")
        body = self.get(first).body
        self.publish(10, 12)
        self.reactor.advance(SAME_FOR)
        second = self.last("?seconds=2")
        self.assertEqual(self.get(first).body, body)
        self.assertEqual(inside(self.get(second)), [p.data for p in footage(10, 12)])

    def test_shared(self) -> None:
        """Clients that ask for the same within a moment, or while it is made, get one file."""
        pool = self.late()
        connections = [self.connect() for _ in range(3)]
        for connection in connections:
            connection.ask("/live/last.mkv")
        other = self.connect()
        other.ask("/live/last.mkv?seconds=1")
        self.assertEqual(len(pool.waiting), 1, "one at a time")
        connections.pop().lose()
        pool.run_next()
        self.reactor.turn()
        pool.run_next()
        self.reactor.turn()
        places = {connection.answer().headers["location"] for connection in connections}
        self.assertEqual(len(places), 1)
        self.assertEqual(self.last(), "/live/" + places.pop())
        self.assertNotEqual(other.answer().headers["location"], self.last())
        self.assertEqual(len(self.kept()), 2)

    def test_player_goes_back(self) -> None:
        """A player that asks for each part at the first address gets parts of one file."""
        mine = self.last(User_Agent="Lavf", Range="bytes=0-")
        self.reactor.advance(SAME_FOR)
        others = self.last(User_Agent="VLC")
        self.assertNotEqual(mine, others)
        self.reactor.advance(SAME_FOR)
        for _ in range(2):
            self.assertEqual(self.last(User_Agent="Lavf", Range="bytes=100-"), mine)
        self.assertEqual(self.last(User_Agent="VLC", Range="bytes=7-9"), others)
        self.assertNotIn(self.last(User_Agent="mpv", Range="bytes=100-"), (mine, others))
        self.assertNotIn(self.last(User_Agent="Lavf", Range="bytes=0-"), (mine, others))

    def test_ranges(self) -> None:
        """Any part can be had, and none that is not there."""
        where = self.last()
        body = self.get(where).body
        size = len(body)
        for wanted, first, last in (
            ("bytes=0-", 0, size),
            ("bytes=100-199", 100, 200),
            ("bytes=500-", 500, size),
            ("bytes=-10", size - 10, size),
            (f"bytes=5-{size + 5}", 5, size),
        ):
            got = self.get(where, Range=wanted)
            self.assertEqual((got.status, got.body), (206, body[first:last]), wanted)
            self.assertEqual(got.headers["content-range"], f"bytes {first}-{last - 1}/{size}")
        for wanted in (f"bytes={size}-", "bytes=-0"):
            got = self.get(where, Range=wanted)
            self.assertEqual((got.status, got.body), (416, b""), wanted)
            self.assertEqual(got.headers["content-range"], f"bytes */{size}")
        for wanted in (f"bytes=-{size + 1}", "pages=1", "bytes=9-1"):
            got = self.get(where, Range=wanted)
            self.assertEqual((got.status, got.body), (200, body), wanted)
        got = self.get(where, Range="bytes=0-9,20-29")
        self.assertEqual(got.status, 206)
        self.assertIn(b"\r\n\r\n" + body[20:30] + b"\r\n", got.body)
        got = self.get(where, Range="bytes=" + ",".join(["0-"] * 5_000))
        self.assertEqual((got.status, got.body), (200, body))

    def test_conditions(self) -> None:
        """What has not changed is not sent again; a part of something else is all of this."""
        where = self.last()
        got = self.get(where)
        tag, date = got.headers["etag"], got.headers["last-modified"]
        for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            self.assertEqual(self.get(where, If_None_Match=known).status, 304, known)
        self.assertEqual(self.get(where, If_None_Match='"other"').status, 200)
        self.assertEqual(self.get(where, If_Modified_Since=date).status, 304)
        earlier = datetimeToString(stringToDatetime(date.encode()) - 9).decode()
        for unless, status in ((tag, 206), (date, 206), ('"other"', 200), (earlier, 200)):
            self.assertEqual(self.get(where, Range="bytes=1-2", If_Range=unless).status, status)

    def test_head(self) -> None:
        """C{HEAD} tells all that C{GET} would, of the redirect and of the file."""
        self.last()
        got = self.get("/live/last.mkv", "HEAD")
        self.assertEqual((got.status, got.rest), (302, b""))
        where = "/live/" + got.headers["location"]
        got, whole = self.get(where, "HEAD"), self.get(where)
        self.assertEqual((got.status, got.rest), (200, b""))
        same = ("content-length", "content-type", "etag", "accept-ranges", "content-disposition")
        for name in same:
            self.assertEqual(got.headers[name], whole.headers[name])

    def test_head_makes_nothing(self) -> None:
        """Where no file is there C{HEAD} tells what it would be, and waits for none being made."""
        late = self.late()
        for _ in range(2):
            got = self.get("/live/last.mkv", "HEAD")
            self.assertEqual((got.status, got.rest), (200, b""))
            self.assertRegex(got.headers["content-type"], "^video/x-matroska")
            self.assertEqual(got.headers["cache-control"], "no-store")
            self.assertNotIn("content-length", got.headers)
            self.assertEqual((os.listdir(self.parent), late.waiting), ([], []))
        self.connect().ask("/live/last.mkv")
        self.assertEqual(self.get("/live/last.mkv", "HEAD").status, 200)
        self.assertEqual(len(late.waiting), 1)
        self.add("late")
        got = self.get("/late/last.mkv", "HEAD")
        self.assertEqual((got.status, got.headers["retry-after"]), (503, str(REPLAY_RETRY)))
        self.assertEqual(self.get("/live/last.mkv?seconds=soon", "HEAD").status, 400)

    def test_name(self) -> None:
        """What is saved is called after the stream and the moment; a browser may be asked to."""
        for query, how in (
            ("", "inline"),
            ("?download", "attachment"),
            ("?download=1", "attachment"),
        ):
            got = self.get(self.last(query))
            self.assertRegex(
                got.headers["content-disposition"],
                rf'^{how}; filename="live-\d{{8}}-\d{{6}}-[0-9a-f]{{8}}\.mkv"$',
            )

    def test_bad_seconds(self) -> None:
        """A number that makes no sense is quoted, and what would be right is said."""
        for text in ("soon", "-1", "nan", "1e9"):
            got = self.get(f"/live/last.mkv?seconds={text}")
            self.assertEqual((got.status, got.text.count("\n")), (400, 1))
            self.assertIn(repr(text), got.text)

    def test_nothing_yet(self) -> None:
        """Where there is nothing to look back at, one is told when to ask again."""
        other = self.add("late")
        for begin in (lambda: None, lambda: other.publisher.begin(header())):
            begin()
            got = self.get("/late/last.mkv")
            self.assertEqual((got.status, got.headers["retry-after"]), (503, str(REPLAY_RETRY)))
        other.publisher.publish(footage(0.5, 0.9))
        self.assertEqual(self.get("/late/last.mkv").status, 503, "no keyframe")

    def test_whole_segments(self) -> None:
        """What clients may not have yet is not in it."""
        other = self.add("whole", whole_segments=True)
        other.publisher.begin(header())
        other.publisher.publish(footage(0, 1))
        self.assertEqual(self.get("/whole/last.mkv").status, 503)
        other.publisher.publish(footage(1, 2))
        where = self.get("/whole/last.mkv").headers["location"]
        self.assertEqual(inside(self.get(f"/whole/{where}")), [p.data for p in footage(0, 1)])

    def test_unfit(self) -> None:
        """Tracks that cannot live in a format are named."""
        other = self.add("other")
        other.publisher.begin(header())
        got = self.get("/other/last.webm")
        self.assertEqual((got.status, got.text[:22]), (406, "track 1 (video, h264) "))
        got = self.get("/other/last.mkv?tracks=2")
        self.assertEqual((got.status, got.text[:22]), (404, "There is no track 2; t"))

    def test_audio(self) -> None:
        """A stream of sound has a file of sound."""
        other = self.add("sound")
        other.publisher.begin(header(SOUND))
        other.publisher.publish(footage(0, 5))
        where = self.get("/sound/last.mkv?seconds=2").headers["location"]
        got = self.get(f"/sound/{where}")
        self.assertEqual(got.headers["content-type"], "audio/x-matroska")
        self.assertEqual(inside(got)[0], footage(3, 4)[0].data)

    def test_gone(self) -> None:
        """Of a file that is not kept it is said where to get another; names are nobody else's."""
        where = self.last()
        self.add("other")
        for name in ("/live/last-1.mkv", where.replace("live", "other", 1), "/live/last-.."):
            got = self.get(name)
            self.assertEqual(got.status, 404, name)
            self.assertIn("anew", got.text)

    def test_kept_for_a_while(self) -> None:
        """A file that nobody asks for goes after a while; each request keeps it longer."""
        where = self.last()
        for _ in range(3):
            self.reactor.advance(KEEP_TIME - 1)
            self.assertEqual(self.get(where).status, 200)
        self.reactor.pump([REPLAY_SWEEP] * int(KEEP_TIME / REPLAY_SWEEP + 1))
        self.assertEqual(self.get(where).status, 404)
        self.assertEqual(self.kept(), [])

    def test_share(self) -> None:
        """An address holds only its share: its own go, and no other address misses one."""
        others = self.last(X_Forwarded_For="203.0.113.9")
        mine = [self.last("?seconds=1"), self.last("?seconds=2")]
        self.get(mine[0])
        for number in range(20):
            self.reactor.advance(1)
            self.last(f"?seconds={number}.5")
            self.assertLessEqual(len(self.kept()), FILES_PER_ADDRESS + 1)
        self.assertEqual(self.get(others).status, 200)
        self.assertEqual([self.get(where).status for where in mine], [200, 404], "what was read")

    def test_share_is_held_together(self) -> None:
        """A file that two addresses hold is not removed because one of them lets go of it."""
        where = self.last(X_Forwarded_For="203.0.113.9")
        self.assertEqual(self.last(), where)
        for number in range(FILES_PER_ADDRESS):
            self.last(f"?seconds={number}")
        name = where.removeprefix("/live/")
        self.assertIn(name, self.kept())
        for number in range(FILES_PER_ADDRESS):
            self.last(f"?seconds={number}.5", X_Forwarded_For="203.0.113.9")
        self.assertNotIn(name, self.kept())

    def test_share_is_read(self) -> None:
        """An address that reads all of its files gets no more; when it has read one it does."""
        files = [self.last(f"?seconds={number}") for number in range(FILES_PER_ADDRESS)]
        readers = [self.connect() for _ in files]
        for reader, where in zip(readers, files, strict=True):
            reader.ask(where)  # it is read when the reactor turns
        asking = self.connect()
        asking.ask("/live/last.mkv")
        got = asking.answer()
        self.assertEqual((got.status, got.headers["retry-after"]), (503, str(REPLAY_RETRY)))
        self.reactor.pump([0.00001] * 20)
        self.assertTrue(all(reader.answer().complete for reader in readers))
        self.last()
        self.assertNotIn(files[0].removeprefix("/live/"), self.kept())

    def test_share_while_made(self) -> None:
        """What is being made for an address counts, also if it is never asked for again."""
        pool = self.late()
        waiting = [self.connect() for _ in range(FILES_PER_ADDRESS + 1)]
        for number, connection in enumerate(waiting):
            connection.ask(f"/live/last.mkv?seconds={number}")
        self.assertEqual(waiting.pop().answer().status, 503)
        for connection in waiting:
            connection.lose()
        while pool.run_next():
            self.reactor.turn()
        self.assertEqual(len(self.kept()), FILES_PER_ADDRESS)
        pool.is_busy = False
        self.last()
        self.assertEqual(len(self.kept()), FILES_PER_ADDRESS)

    def test_share_of_bytes(self) -> None:
        """An address holds only its share of bytes; its newest file always is."""
        self.serve(most_bytes=4 * 4000)
        others = self.last("?seconds=5", X_Forwarded_For="203.0.113.9")
        for number in range(1, 9):
            self.reactor.advance(1)
            where = self.last(f"?seconds={number}")
            self.assertEqual(self.get(where).status, 200)
        self.assertEqual(self.get(others).status, 200)
        self.assertLess(len(self.kept()), 4)

    def test_count(self) -> None:
        """If there are too many of all addresses, the longest not asked for goes first."""
        hosts = [f"203.0.113.{number}" for number in range(MOST_REPLAY_FILES + 1)]
        files = [self.last(f"?seconds={n}", X_Forwarded_For=h) for n, h in enumerate(hosts[:-1])]
        got = self.get("/live/last.mkv", X_Forwarded_For=hosts[-1])
        self.assertEqual(got.status, 503, "all of them are somebody's only one")
        self.reactor.advance(IN_USE)
        self.get(files[0], X_Forwarded_For=hosts[0])
        reader = self.connect()
        reader.ask(files[1], X_Forwarded_For=hosts[1])
        self.last("?seconds=0.5", X_Forwarded_For=hosts[-1])
        self.assertEqual(len(self.kept()), MOST_REPLAY_FILES)
        statuses = [self.get(where).status for where in (files[0], files[1], files[2])]
        self.assertEqual(statuses, [200, 200, 404])

    def test_second_ones(self) -> None:
        """If there are too many of all addresses, one that is not its holder's only one goes."""
        files = []
        for number in range(MOST_REPLAY_FILES // FILES_PER_ADDRESS):
            host = f"203.0.113.{number}"
            for seconds in range(FILES_PER_ADDRESS):
                query = f"?seconds={number}.{seconds}"
                files.append((self.last(query, X_Forwarded_For=host), host))
        self.last(X_Forwarded_For="203.0.113.99")
        self.assertEqual(len(self.kept()), MOST_REPLAY_FILES)

    def test_size(self) -> None:
        """Only so many bytes are kept; the newest file always is."""
        self.serve(most_bytes=10)
        first = self.last()
        self.reactor.advance(1)
        second = self.last("?seconds=1")
        self.assertEqual([self.get(where).status for where in (first, second)], [404, 200])
        got = self.get("/live/last.mkv", X_Forwarded_For="203.0.113.9")
        self.assertEqual(got.status, 503)
        self.reactor.advance(IN_USE)
        self.last(X_Forwarded_For="203.0.113.9")
        self.assertEqual(self.get(second).status, 404)

    def test_crowd(self) -> None:
        """Only so many wait to be made."""
        pool = self.late()
        for number in range(MOST_MAKING):
            host = f"203.0.113.{number}"
            self.connect().ask(f"/live/last.mkv?seconds={number}", X_Forwarded_For=host)
        got = self.get("/live/last.mkv?seconds=60")
        self.assertEqual(got.status, 503)
        while pool.run_next():
            self.reactor.turn()
        self.assertEqual(len(self.kept()), MOST_MAKING)

    def test_disk_full(self) -> None:
        """What cannot be written is said, to who asked and in the log, and nothing stays of it."""

        def write(replay: Replay, file: Any) -> None:
            if self.kept()[1:]:
                raise OSError(28, "No space left on device")
            Replay.write(replay, file)

        self.serve(write)
        self.last("?seconds=1")
        got = self.get("/live/last.mkv")
        self.assertEqual(got.status, 503)
        self.assertIn("No space left on device", got.text)
        self.assertEqual(len(self.log.about("No space left on device")), 1)
        self.assertEqual(len(self.kept()), 1)

    def test_removed_at_once(self) -> None:
        """A file that is gone before it can be sent takes no room, and its path is not told."""
        gone = FILES_PER_ADDRESS

        def write(replay: Replay, file: Any) -> None:
            nonlocal gone
            Replay.write(replay, file)
            if gone:
                gone -= 1
                os.unlink(file.name)

        self.serve(write)
        for _ in range(FILES_PER_ADDRESS):
            got = self.get("/live/last.mkv")
            self.assertEqual(got.status, 503)
            self.assertIn("cannot be made a file: No such file or directory", got.text)
            self.assertNotIn(self.parent, got.text)
        self.last()

    def test_no_folder(self) -> None:
        """A file without a folder to be in takes no room, and no path is told."""
        os.rmdir(self.parent)
        for _ in range(FILES_PER_ADDRESS):
            got = self.get("/live/last.mkv")
            self.assertEqual(got.status, 503)
            self.assertIn("cannot be made a file: No such file or directory", got.text)
            self.assertNotIn(self.parent, got.text)
        os.mkdir(self.parent)
        self.last()

    def test_bug(self) -> None:
        """An error that no disk makes is in the log with its traceback."""
        self.serve(lambda *_: 1 / 0)  # type: ignore[arg-type]
        self.assertEqual(self.get("/live/last.mkv").status, 503)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_failed_view(self) -> None:
        """A view that fails when the file has been made responds 500, as any other view does."""

        class Files(ReplayFiles):
            def hold(self, file: ReplayFile, address: str) -> None:
                if file in held:
                    raise ZeroDivisionError
                held.append(file)

        held: list[ReplayFile] = []  # once when the file is kept, and again for its client
        replays = Replays(self.reactor, Files(self.reactor), ReplayWriter(self.reactor))
        self.addCleanup(replays.stop)
        self.site = LiveSite(self.reactor, self.streams, replays=replays)
        got = self.get("/live/last.mkv")
        self.assertEqual((got.status, got.complete), (500, True))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stop(self) -> None:
        """When the server stops, nothing stays on the disk, and nothing is left to do."""
        self.last()
        self.assertEqual(len(self.kept()), 1)
        self.site.doStart()
        self.site.doStop()
        self.assertEqual(os.listdir(self.parent), [])
        soon = self.reactor.seconds() + REPLAY_SWEEP
        self.assertEqual([c for c in self.reactor.getDelayedCalls() if c.getTime() <= soon], [])

    def test_stopped_meanwhile(self) -> None:
        """What was asked for before the server stopped, or is after that, is not made any more."""
        made: list[str] = []

        def stop_and_write(replay: Replay, file: Any) -> None:
            Replay.write(replay, file)
            self.site.doStart()
            self.site.doStop()
            os.makedirs(os.path.dirname(file.name))  # as if it had come in between
            made.append(file.name)

        self.serve(stop_and_write)
        pool = self.late()
        waiting = [self.connect() for _ in range(3)]
        for seconds, connection in enumerate(waiting, 1):
            connection.ask(f"/live/last.mkv?seconds={seconds}")
        while pool.run_next():
            self.reactor.turns()
        self.assertEqual(len(made), 1)
        for connection in waiting:
            got = connection.answer()
            self.assertEqual((got.status, got.text), (503, "The server stops.\n"))
        pool.is_busy = False
        self.assertEqual(self.get("/live/last.mkv").status, 503)
        self.assertEqual(os.listdir(self.parent), [])

    def test_started_again(self) -> None:
        """A server that listens elsewhere makes files as before."""
        self.site.doStart()
        self.site.doStop()
        self.assertEqual(self.get("/live/last.mkv").status, 503)
        self.site.doStart()
        self.addCleanup(self.site.doStop)
        self.last()


def inside(got: Answer) -> list[bytes]:
    """The payloads in a file."""
    at = got.body.index(b"\x18\x53\x80\x67") + 12
    found = blocks(got.body[at:])
    assert found[0].time == 0
    return [block.data for block in found]
