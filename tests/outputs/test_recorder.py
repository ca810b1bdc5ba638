"""All that a stream carries is in files, in order, and what is in the way of that is said once."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.choice import Choice
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.matroska.ebml import MatroskaError
from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period
from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import SECOND, Packet
from mkvtwist.outputs.recorder import DISK_BACKLOG, RETRY_INTERVAL, Files, Recorder
from mkvtwist.testing import footage, header, mixed
from tests.support.disk import Disk
from tests.support.fakes import Log, blocks


class Pool:
    """
    What stands in for C{deferToThread}.

    @ivar waiting: what the threads have not got to yet.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[Any], Callable[[], object]]] = []

    def __call__(self, function: Callable[..., object], *args: object) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.waiting.append((done, lambda: function(*args)))
        return done

    def work(self) -> None:
        """A thread does what was asked for first."""
        done, function = self.waiting.pop(0)
        maybeDeferred(function).chainDeferred(done)

    def finish(self) -> None:
        """The threads do all there is."""
        while self.waiting:
            self.work()


class Plain(Muxer[None]):
    """A muxer that makes a fragment of its packets' bytes."""

    start = None

    def __init__(self, head: bytes) -> None:
        self.head = head

    def render(self, packets: Sequence[Packet]) -> bytes:
        """Put them together."""
        return b"".join(packet.data for packet in packets)


class PlainPeriod(Period):
    """What is sent under a header of these bytes, in that format."""

    def __init__(self, head: bytes) -> None:
        super().__init__(header(), Ring(SECOND, 1 << 30))
        self._plain = Plain(head)

    def muxer(self, choice: Choice) -> Muxer[Any]:
        """Any."""
        return self._plain


def begin(recorder: Recorder, head: bytes) -> None:
    """A new header."""
    recorder.begin(PlainPeriod(head))


def write(recorder: Recorder, data: bytes, start: int = 0, *, key: bool = False) -> None:
    """A fragment of these bytes, and when it starts, in microseconds."""
    packets = [Packet(1, start, start, 1, key, data)]
    recorder.append(
        Fragment(0, packets, packets, key=key, decodable=key, segment=0, edge=0, pause=0)
    )


MORE = "; the stream goes on without it, and it is tried again every 10 s"


class RecorderTests(SynchronousTestCase):
    """A recorder, with threads that work when they are told to."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.pool = Pool()
        self.rooms = 0
        self.log = Log(self)
        self.now = 0.0
        self.disk = Disk()
        self.recorder = self.recorder_for("film.mkv")

    def recorder_for(
        self,
        name: str,
        run: Callable[..., Deferred[Any]] | None = None,
        seconds: float = 0.0,
        size: int = 0,
        free: Callable[[str], int] = lambda _: DISK_BACKLOG,
    ) -> Recorder:
        """One that writes into the test's directory."""

        def room() -> None:
            self.rooms += 1

        files = Files(str(self.directory / name), seconds, size)
        return Recorder(
            files,
            run or self.pool,
            room,
            lambda: self.now,
            lambda: time.gmtime(self.now),
            create=self.disk.create,
            free=free,
        )

    def carry(self, recorder: Recorder, *lists: list[Packet]) -> None:
        """All of these packets, each in a fragment of its own."""
        format_ = MatroskaMuxer(header())
        for packet in mixed(*lists):
            key = packet.key and packet.track == 1
            write(recorder, format_.render([packet]), packet.dts, key=key)
        self.pool.finish()

    def files(self) -> dict[str, bytes]:
        """What is on the disk."""
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}

    def test_file(self) -> None:
        """A header and its fragments are in one file, complete after each turn of the thread."""
        begin(self.recorder, b"head")
        write(self.recorder, b"1")
        self.assertEqual((self.files(), self.recorder.path), ({}, None))
        self.pool.finish()
        self.assertEqual(self.files(), {"film.mkv": b"head1"})
        self.assertEqual(self.recorder.path, str(self.directory / "film.mkv"))
        write(self.recorder, b"2")
        write(self.recorder, b"3")
        self.pool.finish()
        self.assertEqual(self.files(), {"film.mkv": b"head123"})
        self.assertEqual(len(self.log.about("recording to")), 1)

    def test_one_thread(self) -> None:
        """Only one thread writes at a time; what comes meanwhile goes together, in order."""
        begin(self.recorder, b"head")
        for data in (b"1", b"2", b"3"):
            write(self.recorder, data)
        self.assertEqual(len(self.pool.waiting), 1)
        self.pool.work()
        self.assertEqual((self.files(), len(self.pool.waiting)), ({"film.mkv": b"head"}, 1))
        self.pool.work()
        self.assertEqual((self.files(), self.pool.waiting), ({"film.mkv": b"head123"}, []))

    def test_new_header(self) -> None:
        """A new header begins a file of its own."""
        for number in range(1, 4):
            begin(self.recorder, b"head %d " % number)
            write(self.recorder, b"body %d" % number)
        self.pool.finish()
        self.assertEqual(
            self.files(),
            {
                "film.mkv": b"head 1 body 1",
                "film-2.mkv": b"head 2 body 2",
                "film-3.mkv": b"head 3 body 3",
            },
        )

    def test_never_overwrites(self) -> None:
        """A file that is there already stays, whatever it is."""
        (self.directory / "film.mkv").write_bytes(b"old")
        (self.directory / "film-2.mkv").mkdir()
        (self.directory / "film-3.mkv").symlink_to("nowhere")
        begin(self.recorder, b"new")
        self.pool.finish()
        self.assertEqual((self.directory / "film.mkv").read_bytes(), b"old")
        self.assertEqual((self.directory / "film-4.mkv").read_bytes(), b"new")
        self.assertFalse((self.directory / "nowhere").exists())
        self.assertEqual(self.recorder.path, str(self.directory / "film-4.mkv"))

    def test_names(self) -> None:
        """Numbers stand before the ending, where there is one."""
        for name, second in (("a.b.mkv", "a.b-2.mkv"), ("plain", "plain-2"), (".mkv", ".mkv-2")):
            for _ in range(2):
                begin(self.recorder_for(name), b"x")
            self.pool.finish()
            self.assertIn(name, self.files())
            self.assertIn(second, self.files())

    def test_full(self) -> None:
        """While too much waits for the disk the recorder is full, and then says that it is not."""
        begin(self.recorder, b"")
        write(self.recorder, bytes(DISK_BACKLOG - 1))
        self.assertFalse(self.recorder.full)
        write(self.recorder, b"x")
        self.assertTrue(self.recorder.full)
        self.pool.work()
        self.assertEqual((self.recorder.full, self.rooms), (True, 0))
        self.pool.work()
        self.assertEqual((self.recorder.full, self.rooms), (False, 1))
        write(self.recorder, b"y")
        self.pool.finish()
        self.assertEqual(self.rooms, 1)
        self.assertEqual(len(self.files()["film.mkv"]), DISK_BACKLOG + 1)

    def test_room_used_at_once(self) -> None:
        """What is written as soon as there is room is written like the rest."""
        recorder = Recorder(
            Files(str(self.directory / "film.mkv")), self.pool, lambda: write(recorder, b"more")
        )
        begin(recorder, bytes(DISK_BACKLOG))
        self.pool.finish()
        self.assertEqual(self.files()["film.mkv"], bytes(DISK_BACKLOG) + b"more")

    def test_close(self) -> None:
        """Closing waits until all is written, and is done at once when nothing is left."""
        begin(self.recorder, b"head")
        write(self.recorder, b"1")
        both = [self.recorder.end(for_good=True), self.recorder.end(for_good=True)]
        self.pool.work()
        for done in both:
            self.assertNoResult(done)
        self.pool.finish()
        self.assertEqual([self.successResultOf(done) for done in both], [None, None])
        self.assertEqual(self.files(), {"film.mkv": b"head1"})

    def test_close_unused(self) -> None:
        """A recorder that had nothing to do makes no file."""
        done = self.recorder.end(for_good=True)
        self.pool.finish()
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(self.files(), {})

    def test_at_once(self) -> None:
        """A thread that is done before anybody looks is no different."""
        recorder = self.recorder_for("film.mkv", maybeDeferred)
        begin(recorder, b"head")
        write(recorder, b"1")
        begin(recorder, b"head")
        write(recorder, bytes(DISK_BACKLOG))
        self.assertIsNone(self.successResultOf(recorder.end(for_good=True)))
        self.assertEqual(
            self.files(), {"film.mkv": b"head1", "film-2.mkv": b"head" + bytes(DISK_BACKLOG)}
        )
        self.assertEqual(self.rooms, 1)

    def test_no_such_directory(self) -> None:
        """Where no file can be made, that is said once, and nothing is waited for."""
        recorder = self.recorder_for("nowhere/film.mkv")
        begin(recorder, bytes(DISK_BACKLOG))
        write(recorder, b"1")
        self.pool.finish()
        path = self.directory / "nowhere" / "film.mkv"
        self.assertEqual(recorder.failure, f"cannot record to {path}: No such file or directory")
        self.assertEqual((recorder.path, recorder.full, self.rooms), (None, False, 1))
        begin(recorder, b"head")
        write(recorder, bytes(DISK_BACKLOG))
        self.assertEqual((recorder.full, self.pool.waiting), (False, []))
        self.assertIsNone(self.successResultOf(recorder.end(for_good=True)))
        self.assertEqual(
            self.log.about("cannot record"),
            [f"{recorder.failure}{MORE}"],
        )

    def test_disk_full(self) -> None:
        """When the disk is full, what was written stays, the file is closed, the stream goes on."""
        begin(self.recorder, b"head")
        write(self.recorder, b"1")
        self.pool.finish()
        self.disk.room = 2
        for data in (b"22", b"3", b"4"):
            write(self.recorder, data)
        done = self.recorder.end(for_good=True)
        write(self.recorder, bytes(DISK_BACKLOG))
        self.pool.finish()
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual((self.disk.closed, self.rooms, self.recorder.full), (1, 1, False))
        path = self.directory / "film.mkv"
        self.assertEqual(
            self.log.about("cannot record"),
            [f"cannot record to {path}: No space left on device{MORE}"],
        )
        self.assertEqual(self.files(), {"film.mkv": b"head122"})

    def test_bug(self) -> None:
        """An error that no disk makes is in the log with its traceback."""

        def broken(*_: object) -> Deferred[Any]:
            return maybeDeferred(self.fail_oddly)

        recorder = self.recorder_for("film.mkv", broken)
        begin(recorder, b"head")
        self.assertIn("oddly", recorder.failure or "")
        self.assertEqual(len(self.flushLoggedErrors(MatroskaError)), 1)

    def fail_oddly(self) -> None:
        """What nobody expects."""
        raise MatroskaError("oddly")

    def test_seconds(self) -> None:
        """After so much media another file begins, at a keyframe, with the header, from 0 on."""
        recorder = self.recorder_for("film.mkv", seconds=2.5)
        begin(recorder, b"head")
        self.carry(recorder, footage(0, 7))
        files = self.files()
        self.assertEqual(sorted(files), ["film-2.mkv", "film-3.mkv", "film.mkv"])
        for name, first, last in (("film", 0, 3), ("film-2", 3, 6), ("film-3", 6, 7)):
            data = files[f"{name}.mkv"]
            self.assertTrue(data.startswith(b"head"))
            found = blocks(data[4:])
            self.assertEqual([b.data for b in found], [p.data for p in footage(first, last)])
            self.assertEqual((found[0].time, found[0].key), (0, True))

    def test_size(self) -> None:
        """A recording is split after a number of bytes."""
        recorder = self.recorder_for("film.mkv", size=900)
        begin(recorder, b"head")
        self.carry(recorder, footage(0, 5))  # 450 bytes a second
        sizes = [len(data) for _, data in sorted(self.files().items())]
        self.assertEqual(len(sizes), 3)
        self.assertTrue(all(size >= 900 or size == sizes[1] for size in sizes), sizes)

    def test_in_step(self) -> None:
        """Sound that comes late is as far from its picture in a later file as in the first."""
        recorder = self.recorder_for("film.mkv", seconds=2)
        begin(recorder, b"head")
        late = [
            p._replace(pts=p.pts - 300_000, dts=p.dts - 300_000)
            for p in footage(0.3, 6, track=2, key=False)
        ]
        format_ = MatroskaMuxer(header())
        for picture, sound in zip(footage(0.3, 6), late, strict=True):
            for packet in (picture, sound):
                key = packet.key and packet.track == 1
                write(recorder, format_.render([packet]), packet.dts, key=key)
        self.pool.finish()
        for name in ("film.mkv", "film-2.mkv"):
            found = blocks(self.files()[name][4:])
            self.assertEqual(found[0].time - found[1].time, 300)
            self.assertGreaterEqual(min(block.time for block in found), 0)
        self.assertEqual(found[1].time, 0)

    def test_pattern(self) -> None:
        """The moment at which a file begins is in its name; two of one moment are two files."""
        self.now = 1_000_000_000
        recorder = self.recorder_for("100%%-%Y%m%d-%H%M%S.mkv", seconds=1)
        begin(recorder, b"head")
        self.carry(recorder, footage(0, 2))
        self.now += 60
        self.carry(recorder, footage(2, 3))
        self.assertEqual(
            set(self.files()),
            {
                "100%-20010909-014640.mkv",
                "100%-20010909-014640-2.mkv",
                "100%-20010909-014740.mkv",
            },
        )

    def test_again(self) -> None:
        """When the folder is back, it goes on with a file of its own, at a keyframe."""
        recorder = self.recorder
        begin(recorder, b"head")
        self.carry(recorder, footage(0, 1))
        shutil.rmtree(self.directory)
        begin(recorder, b"new")
        self.carry(recorder, footage(1, 2))
        self.assertIn("No such file or directory", recorder.failure or "")
        self.now += RETRY_INTERVAL
        self.carry(recorder, footage(2, 3))
        self.now += RETRY_INTERVAL
        self.directory.mkdir()
        self.carry(recorder, footage(3.5, 5))
        self.assertIsNone(recorder.failure)
        data = self.files()["film.mkv"]
        self.assertTrue(data.startswith(b"new"))
        self.assertEqual([b.data for b in blocks(data[3:])], [p.data for p in footage(4, 5)])
        self.assertEqual(len(self.log.about("cannot record")), 1, "said once")
        self.assertEqual(len(self.log.about("recording to")), 2)

    def test_patience(self) -> None:
        """It is not tried again at once."""
        recorder = self.recorder_for("nowhere/film.mkv")
        begin(recorder, b"head")
        self.pool.finish()
        self.now += RETRY_INTERVAL / 2
        write(recorder, b"", 0, key=True)
        self.assertEqual(self.pool.waiting, [])

    def test_no_room_yet(self) -> None:
        """A disk that is as good as full gets no files of a moment each."""
        recorder = self.recorder_for("nowhere/film.mkv", free=lambda _: DISK_BACKLOG - 1)
        begin(recorder, b"head")
        self.pool.finish()
        (self.directory / "nowhere").mkdir()
        self.now += RETRY_INTERVAL
        write(recorder, b"1", 0, key=True)
        self.pool.finish()
        self.assertIn("No space left on device", recorder.failure or "")
        self.assertEqual(list((self.directory / "nowhere").iterdir()), [])

    def test_nothing_in_it(self) -> None:
        """A file in which there is nothing yet when the disk is full does not stay."""
        begin(self.recorder, b"head")
        self.pool.finish()
        self.disk.room = 2
        write(self.recorder, b"333", 0, key=True)
        self.pool.finish()
        self.assertEqual(self.files(), {})

    @given(st.lists(st.sampled_from(["begin", "write", "work", "close"]), max_size=40))
    def test_any_order(self, steps: list[str]) -> None:
        """However threads and writers take turns, each file has its header and all after it."""
        for path in self.directory.iterdir():
            path.unlink()
        recorder = self.recorder_for("film.mkv")
        expected: list[bytes] = []
        closed = True
        for number, step in enumerate(steps):
            data = b"<%d>" % number
            if step == "begin":
                begin(recorder, data)
                expected.append(data)
                closed = False
            elif step == "write" and not closed:
                write(recorder, data)
                expected[-1] += data
            elif step == "work" and self.pool.waiting:
                self.pool.work()
            elif step == "close":
                recorder.end(for_good=True)
                closed = True
        done = recorder.end(for_good=True)
        self.pool.finish()
        self.assertIsNone(self.successResultOf(done))
        names = ["film.mkv", *(f"film-{number}.mkv" for number in range(2, 99))]
        self.assertEqual(self.files(), dict(zip(names, expected, strict=False)))
