"""C{twistd mkvserve} as users start it: real processes, real sockets, real media."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import av
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mkvtwist.libav import set_up
from tests.support import media
from tests.support.oddities import garbage
from tests.support.processes import free_port

CHECKOUT = Path(__file__).parent.parent

PATIENCE = 60.0
"""Seconds until a process has done what it should, on a machine that is busy; never waited for."""

NULL_PACKET = b"\x47\x1f\xff\x10" + bytes(184)
"""A packet of a transport stream that players leave out."""

LOOPBACK = "interface=127.0.0.1"
LISTEN = f"--listen=tcp:0:{LOOPBACK}"

TWISTD = ("-c", "from twisted.scripts.twistd import run; run()")
TWIST = ("-m", "twisted", "--log-format=text")


def environment() -> dict[str, str]:
    """The test's own, with the checkout on the path: a process may run anywhere."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


class Mkvserve:
    """
    A server in the foreground.

    @ivar log: what it has said so far.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        *arguments: str,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        start: Sequence[str] = (*TWISTD, "--nodaemon", "--pidfile="),
        listen: str = LISTEN,
    ) -> None:
        """
        @param start: how it is started: by twistd, or by twist.
        """
        options = case.options if isinstance(case, EndToEndTestCase) else ()
        self.directory = Path(case.mktemp())
        self.directory.mkdir()
        self.process = subprocess.Popen(
            (sys.executable, *start, "mkvserve", listen, *options, *arguments),
            cwd=self.directory,
            env=environment(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        case.addCleanup(self.kill)
        assert self.process.stdout is not None
        self._output = self.process.stdout
        self.log = ""

    def kill(self) -> None:
        """However it is, it is over."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._output.close()
        self.process.wait(PATIENCE)

    def listen(self, seconds: float) -> bool:
        """Wait for another word of its log, for so long; whether it can say more."""
        ready, _, _ = select.select([self._output], [], [], seconds)
        if not ready:
            return True
        more = os.read(self._output.fileno(), 65_536)
        self.log += more.decode()
        return bool(more)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until this is true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if not self.listen(0.05) and not condition():
                raise AssertionError(f"it has ended:\n{self.log}")
            if time.monotonic() > deadline:
                raise AssertionError(f"in vain:\n{self.log}")

    def said(self, text: str) -> str:
        """Wait until the log has a line with this in it; that line."""
        self.until(lambda: text in self.log and "\n" in self.log.partition(text)[2])
        return next(line for line in self.log.splitlines() if text in line)

    @property
    def port(self) -> int:
        """Where it listens for clients."""
        return int(self.said("watch at http://127.0.0.1:").rstrip("/").rpartition(":")[2])

    @property
    def input_port(self) -> int:
        """Where it listens for senders."""
        return int(self.said("waiting for a sender at 127.0.0.1:").rpartition(":")[2])

    def get(self, target: str, method: str = "GET") -> http.client.HTTPResponse:
        """The answer to a request; its body is still to be read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, target)
        return connection.getresponse()

    def status(self, name: str = "live") -> dict[str, Any]:
        """What it says of a stream."""
        with self.get("/status") as response:
            stream: dict[str, Any] = json.load(response)["streams"][name]
            return stream

    def ended(self) -> int:
        """Wait until it has ended by itself; its exit status."""
        deadline = time.monotonic() + PATIENCE
        while self.listen(1):
            if time.monotonic() > deadline:
                raise AssertionError(f"it does not end:\n{self.log}")
        return self.process.wait(PATIENCE)

    def stop(self, with_: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, and wait until it has; its exit status."""
        self.process.send_signal(with_)
        return self.ended()


class Viewer(threading.Thread):
    """
    A client that keeps what it gets.

    @ivar complete: whether the response has come to its proper end.
    @ivar lost: whether it has broken off instead.
    """

    def __init__(self, server: Mkvserve, target: str = "/live.mkv") -> None:
        """It asks; whether there is an answer yet is another matter."""
        super().__init__(daemon=True)
        self._parts: list[bytes] = []
        self.complete = self.lost = False
        self.status = 0
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self._connection.request("GET", target)
        self.start()

    def run(self) -> None:
        """Read until the end."""
        try:
            with self._connection.getresponse() as response:
                self.status = response.status
                while data := response.read1(65_536):
                    self._parts.append(data)
            self.complete = True
        except (OSError, http.client.HTTPException):
            self.lost = True

    @property
    def data(self) -> bytes:
        """What has come so far."""
        return b"".join(self._parts)

    def finish(self) -> bytes:
        """Wait for the proper end; all that has come."""
        self.join(PATIENCE)
        if not self.complete:
            raise AssertionError(f"broken off after {len(self.data)} bytes:\n{self._server.log}")
        return self.data


def pictures(source: media.Source) -> list[int]:
    """The numbers of the pictures that a player shows, one that forgives."""
    with media.opened(source) as container:
        shown: Iterator[Any] = container.decode(video=0)
        return [media.picture_number(frame) for frame in shown]


def shows(viewer: Viewer, number: int) -> bool:
    """Whether a client has got so many pictures."""
    try:
        return len(pictures(viewer.data)) >= number
    except av.error.InvalidDataError:  # not even the header has come
        return False


def waits_to_retry(server: Mkvserve) -> bool:
    """Whether the stream is between two tries, and says so; a moment later it may be in one."""
    status = server.status()
    return status["state"] == "retrying" and "trying again in" in status["reason"]


def sounds(source: media.Source) -> list[bytes]:
    """The packets of sound, without the heads that a transport stream gives them."""
    data = [packet.data for packet in media.packets(source) if packet.type == "audio"]
    return [one[7:] if one.startswith(b"\xff\xf1") else one for one in data]


class EndToEndTestCase(SynchronousTestCase):
    """
    The base of the cases below.

    @cvar options: of all servers of the case.
    """

    options: tuple[str, ...] = ()

    def connect(self, port: int) -> socket.socket:
        """A sender's connection, or a bare client's."""
        made = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.addCleanup(made.close)
        return made

    def send(self, server: Mkvserve, *clips: Path) -> None:
        """A sender comes, sends this, and goes; when that is noticed, it is over."""
        left = server.log.count(" left after ")
        with self.connect(server.input_port) as sender:
            for clip in clips:
                sender.sendall(clip.read_bytes())
        server.until(lambda: server.log.count(" left after ") > left)
        server.until(lambda: server.status()["state"] == "waiting for a sender")

    def run_(self, *command: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """Another program, which ends with the test."""
        program = shutil.which(command[0])
        if program is None:
            raise SkipTest(f"{command[0]} is not installed")
        process = subprocess.Popen(
            [program, *map(str, command[1:])],
            stdin=options.pop("stdin", subprocess.DEVNULL),
            **options,
        )
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.kill)
        return process

    def assert_same_frames(self, got: media.Source, source: media.Source) -> None:
        """
        What a player shows of one is what it shows of the other, frame by frame; but for the sound
        before the first picture, where nobody can join.
        """
        shown, wanted = (
            [(f.number, f.digest) for f in media.frames(one) if f.type == "video"]
            for one in (got, source)
        )
        self.assertEqual(shown, wanted)
        heard, sent = sounds(got), sounds(source)
        self.assertEqual(heard, sent[len(sent) - len(heard) :])
        self.assertLess(len(sent) - len(heard), 8)


class InputTests(EndToEndTestCase):
    """Each form of input."""

    def test_file(self) -> None:
        """A file is served to its end, frame by frame; then the server stops."""
        clip = media.clip(seconds=3)
        server = Mkvserve(self, str(clip))
        viewers = [Viewer(server, "/live.mkv?burst=60") for _ in range(3)]
        for viewer in viewers:
            self.assert_same_frames(viewer.finish(), clip)
        self.assertEqual(server.ended(), 0)
        for line in ("track 1, video: h264, 160x120, 25 fps", "the end of the input", "stopping"):
            self.assertIn(line, server.log)
        self.assertNotIn("Traceback", server.log)

    def test_cat(self) -> None:
        """Media that C{cat} writes into a pipe are served."""
        clip = media.clip(container="mpegts", seconds=2)
        cat = self.run_("cat", clip, "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert cat.stdin is not None
        assert cat.stdout is not None
        server = Mkvserve(self, "--readrate=10", stdin=cat.stdout)
        cat.stdout.close()
        viewer = Viewer(server, "/live.mkv?burst=60")
        server.said("client 1 joined")
        cat.stdin.close()
        self.assert_same_frames(viewer.finish(), clip)
        self.assertEqual(server.ended(), 0)

    def test_sender(self) -> None:
        """A sender comes back: with the same tracks clients go on, with others they end."""
        clip = media.clip(container="mpegts", seconds=2)
        other = media.clip(container="mpegts", seconds=2, size=(64, 48))
        server = Mkvserve(self, "--readrate=0", f"tcp:0:{LOOPBACK}")
        viewers = [Viewer(server) for _ in range(3)]
        server.said("client 3 joined")
        self.assertEqual(server.status()["state"], "waiting for a sender")
        with self.connect(server.input_port) as sender:
            sender.sendall(clip.read_bytes())
            server.until(lambda: server.status()["state"] == "live")
            sender.sendall(NULL_PACKET)  # one that is silent for 2 s would make way
            self.assertRaises(ConnectionResetError, lambda: self.connect(server.input_port).recv(1))
        server.said(": another sender is connected")
        server.until(lambda: server.status()["state"] == "waiting for a sender")
        self.send(server, clip)
        self.send(server, other)
        for viewer in viewers:
            data = viewer.finish()
            self.assertEqual(pictures(data), [*range(50), *range(50)])
            for track in (0, 1):
                times = [p.dts or 0 for p in media.packets(data) if p.track == track]
                self.assertEqual(times, sorted(times))
        status = server.status()
        self.assertEqual((status["restarts"], status["tracks"][0]["width"]), (2, 64))
        after = Viewer(server, "/live.mkv?burst=60")
        self.send(server, other)
        server.until(lambda: len(after.data) > 1000)
        server.stop()
        self.assertEqual(pictures(after.finish())[-50:], list(range(50)))

    def test_url(self) -> None:
        """The input may be another mkvserve; when that goes and comes back, it is opened again."""
        clip = media.clip(seconds=4)
        listen = f"tcp:{free_port()}:{LOOPBACK}"
        first = Mkvserve(self, "--at-end=loop", str(clip), listen=f"--listen={listen}")
        url = f"http://127.0.0.1:{first.port}/live.mkv?burst=60"
        second = Mkvserve(self, url)
        viewer = Viewer(second, "/live.mkv?burst=60")
        second.until(partial(shows, viewer, 21))
        first.stop()
        second.until(partial(waits_to_retry, second))
        seen = len(viewer.data)
        again = Mkvserve(self, "--at-end=loop", str(clip), listen=f"--listen={listen}")
        again.said("watch at")
        second.until(lambda: second.status()["state"] == "live")
        second.until(lambda: len(viewer.data) > seen + 10_000)
        self.assertGreaterEqual(second.status()["restarts"], 1)
        second.stop()
        data = viewer.finish()
        times = [p.dts or 0 for p in media.packets(data) if p.track == 0]
        self.assertEqual(times, sorted(times))
        begin, *more = pictures(data)[:20]
        self.assertEqual(more, [(begin + after) % 100 for after in range(1, 20)])

    def test_no_media(self) -> None:
        """A file that is no media is one clear line of the log; the server stops with status 1."""
        directory = Path(self.mktemp())
        directory.mkdir()
        servers = []
        for name, data in (
            ("empty", b""),
            ("passwd", b"root:x:0:0:root:/root:/bin/bash\n" * 50),
            ("random", garbage(1_000_000)),
        ):
            path = (directory / name).absolute()
            path.write_bytes(data)
            servers.append(Mkvserve(self, str(path)))
        for server in servers:
            self.assertEqual(server.ended(), 1)
            (line,) = [x for x in server.log.splitlines() if "no media" in x]
            self.assertRegex(line, r"(empty|passwd|random): no media that libavformat can read")
            self.assertNotIn("Traceback", server.log)


class OtherInputTests(EndToEndTestCase):
    """Inputs whose bytes reach the reader as those of an input above do."""

    def test_no_senders(self) -> None:
        """A sender of rubbish, one who says nothing, one who breaks off: a line, and the next."""
        server = Mkvserve(self, "--readrate=0", f"tcp:0:{LOOPBACK}")
        self.connect(server.input_port).close()
        server.said("left without sending anything")
        with self.connect(server.input_port) as sender:
            sender.sendall(b"root:x:0:0:root:/root:/bin/bash\n" * 1000)
            sender.shutdown(socket.SHUT_WR)
            server.said("no media that libavformat can read")
        self.assertIn("no media", server.status()["reason"])
        clip = media.clip(container="mpegts", seconds=2)
        with self.connect(server.input_port) as sender:
            sender.sendall(clip.read_bytes()[:40_000])
            server.until(lambda: server.status()["state"] == "live")
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.until(lambda: server.status()["state"] == "waiting for a sender")
        viewer = Viewer(server)
        server.said("client 1 joined")
        self.send(server, clip)
        server.until(lambda: viewer.data)
        self.assertEqual(server.stop(), -signal.SIGTERM)
        self.assertEqual(pictures(viewer.finish())[-50:], list(range(50)))
        self.assertEqual(server.log.count("no media that libavformat can read"), 1)
        self.assertNotIn("Traceback", server.log)

    def test_ffmpeg(self) -> None:
        """FFmpeg sends in whatever container it likes."""
        clip = media.clip(seconds=2)
        server = Mkvserve(self, "--readrate=0", f"tcp:0:{LOOPBACK}")
        url = f"tcp://127.0.0.1:{server.input_port}"
        for number, format_ in enumerate(("matroska", "mpegts", "nut", "flv"), 1):
            command = ("ffmpeg", "-v", "error", "-i", clip, "-c", "copy", "-f", format_, url)
            viewer = Viewer(server)
            server.said(f"client {number} joined")
            self.assertEqual(self.run_(*command).wait(PATIENCE), 0)
            server.until(lambda: server.status()["state"] == "waiting for a sender")
            # Another container may make other tracks: then its viewers are others, too.
            server.until(partial(shows, viewer, 50))
            self.assertEqual(pictures(viewer.data)[:50], list(range(50)), format_)
        self.assertNotIn("Traceback", server.log)

    def test_rtmp(self) -> None:
        """A sender publishes over RTMP with a key; the next one comes at once, and plays on."""
        clip = media.clip(container="flv", seconds=2)
        tokens = Path(self.mktemp())
        tokens.write_text("a-stream-key\n")
        server = Mkvserve(
            self,
            "--readrate=0",
            f"--rtmp-listen=tcp:0:{LOOPBACK}",
            f"--send-token-file={tokens.absolute()}",
            "push",
        )
        viewer = Viewer(server)
        server.said("client 1 joined")
        url = server.said("publish at rtmp://").partition("publish at ")[2]
        self.assertRaises(OSError, self.publish, clip, f"{url}/another-key")
        server.said("refused over RTMP: Wrong stream key")
        self.publish(clip, f"{url}/a-stream-key")
        server.until(lambda: server.status()["state"] == "waiting for a sender")
        server.until(partial(shows, viewer, 50))
        self.assert_same_frames(viewer.data, clip)
        self.publish(clip, f"{url}/a-stream-key")
        server.until(partial(shows, viewer, 100))
        self.assertEqual(pictures(viewer.data), [*range(50), *range(50)])
        server.stop()
        self.assertNotIn("Traceback", server.log)
        self.assertNotIn("a-stream-key", server.log)

    def publish(self, clip: Path, url: str) -> None:
        """Have libavformat send a clip over RTMP."""
        with av.open(clip) as source, av.open(url, "w", format="flv") as sink:
            tracks = [sink.add_stream_from_template(stream) for stream in source.streams]
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = tracks[packet.stream_index]
                    sink.mux(packet)

    def test_unix(self) -> None:
        """A sender may come over a UNIX socket, and a client, too."""
        clip = media.clip(container="mpegts", seconds=2)
        # Not in the test's directory: a UNIX socket's path has a hundred characters at most.
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        feed, watch = f"{directory}/feed", f"{directory}/watch"
        server = Mkvserve(self, "--readrate=0", f"--listen=unix:{watch}", f"unix:{feed}")
        server.said("waiting for a sender at")
        with socket.socket(socket.AF_UNIX) as client, socket.socket(socket.AF_UNIX) as sender:
            client.settimeout(PATIENCE)
            server.until(partial(os.path.exists, watch))
            client.connect(watch)
            client.sendall(b"GET /live.mkv?burst=60 HTTP/1.0\r\n\r\n")
            server.said("client 1 joined")
            sender.connect(feed)
            sender.sendall(clip.read_bytes())
            sender.close()
            server.said("left after")
            server.until(lambda: server.status()["state"] == "waiting for a sender")
            server.process.send_signal(signal.SIGTERM)
            data = b""
            while more := client.recv(65_536):
                data += more
        self.assertEqual(server.ended(), -signal.SIGTERM)
        self.assert_same_frames(data.partition(b"\r\n\r\n")[2], clip)

    def test_redirection(self) -> None:
        """And a file as standard input, which epoll would refuse."""
        clip = media.clip(container="mp4", audio=None, seconds=3)
        with clip.open("rb") as file:
            server = Mkvserve(self, "-", stdin=file)
        self.assert_same_frames(Viewer(server, "/live.mkv?burst=60").finish(), clip)
        self.assertEqual(server.ended(), 0)

    def test_named_pipe(self) -> None:
        """A named pipe is a file that has its writer later."""
        clip = media.clip(container="mpegts", seconds=2)
        pipe = Path(self.mktemp()).absolute()
        os.mkfifo(pipe)
        server = Mkvserve(self, "--readrate=10", str(pipe))
        viewer = Viewer(server, "/live.mkv?burst=60")
        server.said("client 1 joined")
        pipe.write_bytes(clip.read_bytes())
        self.assert_same_frames(viewer.finish(), clip)

    def test_program(self) -> None:
        """What a program writes is served, its fault is told, and it ends with the server."""
        clip = media.clip(container="mpegts", seconds=2)
        code = (
            "import pathlib, sys, time\n"
            f"sys.stdout.buffer.write(pathlib.Path({str(clip)!r}).read_bytes())\n"
            "sys.stdout.flush()\n"
            "print('no more film', file=sys.stderr, flush=True)\n"
            "if 'stay' in sys.argv: time.sleep(1000)\n"
            "sys.exit(3)"
        )
        command = f"exec:{shlex.join([sys.executable, '-c', code])}"
        server = Mkvserve(self, "--readrate=10", "--at-end=exit", command)
        self.assert_same_frames(Viewer(server, "/live.mkv?burst=60").finish(), clip)
        self.assertEqual(server.ended(), 1)
        self.assertIn("ended with status 3; its last words: no more film", server.log)
        server = Mkvserve(self, "--readrate=10", f"{command} stay")
        server.said("no more film")
        server.stop()
        self.assertNotIn("Traceback", server.log)


class ClientTests(EndToEndTestCase):
    """Many clients, and what becomes of them."""

    def test_demo(self) -> None:
        """Without a file and a network there is a picture, in this second; a burst, and more."""
        server = Mkvserve(self, "demo:")
        viewers = [Viewer(server) for _ in range(4)]
        late = Viewer(server, "/live.mkv?join=live")
        server.until(lambda: all(len(v.data) > 100_000 for v in viewers) and late.data)
        with server.get("/", "HEAD") as response:
            self.assertEqual(response.status, 200)
        with server.get("/metrics") as response:
            self.assertIn(b'mkvtwist_live{stream="live"} 1.0', response.read())
        status = server.status()
        self.assertEqual([t["codec"] for t in status["tracks"]], ["h264", "aac"])
        self.assertEqual(len(status["clients"]), 5)
        self.assertEqual(server.stop(signal.SIGINT), -signal.SIGINT)
        for viewer in viewers:
            shown = media.frames(viewer.finish(), numbers=False)
            self.assertEqual({frame.type for frame in shown}, {"video", "audio"})
        self.assertEqual(server.log.count("the end of the stream"), 5)
        self.assertNotIn("Traceback", server.log)

    def test_slow_ones(self) -> None:
        """One stalls, one vanishes; both are gone, and nobody else has noticed."""
        clip = media.clip(container="nut", video="rawvideo", audio=None, size=(320, 240), seconds=6)
        server = Mkvserve(self, "--client-timeout=1", "--readrate=0", f"tcp:0:{LOOPBACK}")
        viewer = Viewer(server)
        request = b"GET /live.mkv HTTP/1.1\r\nHost: x\r\n\r\n"
        stalled, vanishing = socket.socket(), self.connect(server.port)
        self.addCleanup(stalled.close)
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", server.port))
        stalled.sendall(request)
        vanishing.sendall(request)
        server.said("client 3 joined")
        with self.connect(server.input_port) as sender:
            data = clip.read_bytes()
            sender.sendall(data[: len(data) // 2])
            server.until(lambda: server.status()["state"] == "live")
            vanishing.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            vanishing.close()
            server.said("the client has gone")
            server.said("it took nothing for 1 s")
            sender.sendall(data[len(data) // 2 :])
        server.until(lambda: server.status()["state"] == "waiting for a sender")
        server.until(lambda: server.status()["clients"][0]["state"] == "live")
        (left,) = server.status()["clients"]
        self.assertEqual((left["id"], left["skipped_segments"]), (1, 0))
        server.stop()
        self.assert_same_frames(viewer.finish(), clip)

    def test_too_many(self) -> None:
        """More clients than may be there are sent away, until one goes."""
        server = Mkvserve(self, "--max-clients=1", "--at-end=loop", str(media.clip(seconds=2)))
        with server.get("/live.mkv") as response:
            self.assertEqual(response.status, 200)
            response.read(1000)
            with server.get("/live.mkv") as refused:
                self.assertEqual(refused.status, 503)
                self.assertEqual(refused.headers["Retry-After"], "5")
        server.said("client 1 left")
        with server.get("/live.mkv") as response:
            self.assertEqual(response.status, 200)

    def test_ffmpeg_and_curl(self) -> None:
        """FFmpeg decodes the stream without a complaint; curl stores it, over HTTP/1.0, too."""
        clip = media.clip(seconds=2)
        server = Mkvserve(self, "--readrate=0", f"tcp:0:{LOOPBACK}")
        url = f"http://127.0.0.1:{server.port}/live.mkv"
        files = [Path(self.mktemp()) for _ in range(2)]
        commands = (
            ("ffmpeg", "-v", "warning", "-i", url, "-f", "null", "-"),
            ("curl", "-sS", "-o", files[0], url),
            ("curl", "-sS", "-0", "-o", files[1], url),
        )
        processes = [
            self.run_(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for command in commands
        ]
        server.said("client 3 joined")
        self.send(server, clip)
        server.stop()
        for process in processes:
            said, _ = process.communicate(timeout=PATIENCE)
            self.assertEqual((said.decode(), process.returncode), ("", 0))
        for file in files:
            self.assert_same_frames(file, clip)


class RadioTests(EndToEndTestCase):
    """A radio: Icecast's sender, listeners with titles, and a relay."""

    def test_radio(self) -> None:
        """A sender's titles reach a listener between the bytes, and through a relay, too."""
        clip = media.clip(container="mp3", seconds=60)
        server = Mkvserve(self, "--name=radio", "push")
        url = f"http://127.0.0.1:{server.port}/radio"
        target = f"icecast://source:any@127.0.0.1:{server.port}/radio.mp3"
        self.run_(
            *("ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "mp3"),
            *("-ice_name", "Radio Example", "-content_type", "audio/mpeg", target),
        )
        server.until(lambda: server.status("radio")["state"] == "live")
        self.tell(server, "Artist+-+One")
        said = self.heard(f"{url}.mp3", "Artist - One")
        self.assertRegex(said, r"icy-name +: Radio Example")
        relay = Mkvserve(self, "--name=relay", f"{url}.mp3")
        for title in ("One", "Two"):
            self.tell(server, f"Artist+-+{title}")
            relay.until(lambda: (relay.status("relay")["now"] or {}).get("title") == title)  # noqa: B023
        self.assertEqual(relay.status("relay")["title"], "Radio Example")
        self.heard(f"http://127.0.0.1:{relay.port}/relay.mp3", "Artist - Two")
        for one in (server, relay):
            one.stop()
            self.assertNotIn("Traceback", one.log)

    def heard(self, url: str, title: str) -> str:
        """Listen until a title has come; what libavformat says of the radio then."""
        set_up()
        container: Any = av.open(url)
        with container as listener:
            for _ in listener.demux():
                said = str(listener.dumps_format())
                if title in said:
                    return said
        raise AssertionError(f"no title {title!r}")

    def tell(self, server: Mkvserve, song: str) -> None:
        """Say what is playing, as Icecast's senders do."""
        target = f"/admin/metadata?mount=/radio.mp3&mode=updinfo&song={song}"
        with server.get(target) as response:
            self.assertEqual(response.status, 200)


class RecordTests(EndToEndTestCase):
    """C{--record}."""

    def test_killed(self) -> None:
        """What was carried is in the file, whole, when the process was killed."""
        clip = media.clip(container="mpegts", seconds=2)
        server = Mkvserve(self, "--readrate=0", "--record=film.mkv", f"tcp:0:{LOOPBACK}")
        film = server.directory / "film.mkv"
        with self.connect(server.input_port) as sender:
            sender.sendall(clip.read_bytes())
            server.until(lambda: film.exists() and film.stat().st_size > 1000)
            self.assertEqual(server.status()["recording"], str(film.absolute()))
            playing = pictures(film)
            self.assertEqual(playing, list(range(len(playing))), "while it grows")
        server.until(lambda: server.status()["state"] == "waiting for a sender")
        whole = len(media.packets(clip))
        server.until(lambda: len(media.packets(film)) == whole)
        self.assertEqual(server.stop(signal.SIGKILL), -signal.SIGKILL)
        self.assert_same_frames(film, clip)

    def test_as_fast_as_it_comes(self) -> None:
        """At full speed the disk is waited for, and nothing is missing; old files are kept."""
        clip = media.clip(container="nut", video="rawvideo", audio=None, size=(640, 480), seconds=2)
        self.assertGreater(clip.stat().st_size, 20_000_000)
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        (directory / "film.mkv").write_bytes(b"precious")
        server = Mkvserve(self, "--readrate=0", f"--record={directory / 'film.mkv'}", str(clip))
        self.assertEqual(server.ended(), 0)
        self.assert_same_frames(directory / "film-2.mkv", clip)
        self.assertEqual((directory / "film.mkv").read_bytes(), b"precious")


class ConfigurationTests(EndToEndTestCase):
    """Several streams out of a file, which is read again."""

    def test_fallback(self) -> None:
        """While nobody sends clients see the fallback, under the same header as what is sent."""
        clip = media.clip(container="mpegts", seconds=2)
        server = Mkvserve(self, f"--fallback={clip}", f"tcp:0:{LOOPBACK}")
        viewer = Viewer(server)
        server.until(lambda: server.status()["fragments"] > 20)
        with self.connect(server.input_port) as sender:
            sender.sendall(clip.read_bytes())
        server.said("the end of the input")
        before = server.status()["fragments"]
        server.until(lambda: server.status()["fragments"] > before + 150)
        self.assertIn("is shown", server.status()["reason"])
        server.stop()
        shown = pictures(viewer.finish())
        # Wherever it was cut, whatever begins does so with a keyframe, the first one; and the clip
        # is there from its first picture to its last.
        begins = [number for number, picture in enumerate(shown) if picture == 0]
        self.assertGreater(len(begins), 2)
        rounds = [shown[a:b] for a, b in pairwise([*begins, len(shown)])]
        self.assertIn([*range(50)], rounds)
        for one in rounds:
            self.assertEqual(one, [*range(len(one))])
        self.assertEqual(viewer.data.count(bytes.fromhex("1a45dfa3")), 1)

    def test_reload(self) -> None:
        """C{SIGHUP}: streams come, go and change; a client of another one sees no gap."""
        clip = media.clip(seconds=2)
        file = Path(self.mktemp()).absolute()
        same = '[streams.same]\ninput = "demo:"\n'
        film = f'input = "{clip.absolute()}"\nat_end = "loop"\n'
        file.write_text(f"{same}[streams.gone]\n{film}[streams.changed]\n{film}")
        server = Mkvserve(self, f"--config={file}")
        viewer = Viewer(server, "/same.mkv")
        gone, changed = Viewer(server, "/gone.mkv"), Viewer(server, "/changed.mkv")
        server.until(lambda: viewer.data and gone.data and changed.data)
        file.write_text(f"{same}[streams.new]\n{film}[streams.changed]\n{film}buffer = 5\n")
        server.process.send_signal(signal.SIGHUP)
        server.said("the configuration has been read again")
        gone.finish()
        changed.finish()
        server.until(
            lambda: all(server.status(name)["state"] == "live" for name in ("new", "changed"))
        )
        file.write_text("[streams.same]\nbroken = 1")
        server.process.send_signal(signal.SIGHUP)
        server.said("nothing has changed")
        self.assertIn(f"{file}: streams.same.broken: unknown; there are input, ", server.log)
        seen = len(viewer.data)
        server.until(lambda: len(viewer.data) > 2 * seen)
        self.assertEqual(server.status("same")["clients"][0]["skipped_segments"], 0)
        server.stop()
        times = [p.dts for p in media.packets(viewer.finish()) if p.type == "video"]
        steps = {after - before for before, after in pairwise(filter(None, times))}
        self.assertEqual(len(steps), 1, steps)
        self.assertNotIn("Traceback", server.log)


class PatternTests(EndToEndTestCase):
    """Streams whose names senders and clients choose."""

    def test_edge(self) -> None:
        """A sender of any name is seen at an edge of its origin, until it has gone."""
        clip = media.clip(container="mpegts", seconds=2)
        here = f"--listen=tcp:0:{LOOPBACK}"
        made = ("--readrate=0", "--linger=0", "--hold=1", "--burst=60")
        origin = Mkvserve(self, "--name=cam-*", *made, "push", listen=here)
        url = f"http://127.0.0.1:{origin.port}/{{name}}.mkv"
        edge = Mkvserve(self, "--name=*", *made, "--on-demand", url, listen=here)
        with edge.get("/cam-1.mkv") as response:
            self.assertEqual(response.status, 404)
        edge.said("stream cam-1: made of the pattern *")
        edge.said("stream cam-1: removed")
        sender = http.client.HTTPConnection("127.0.0.1", origin.port, timeout=PATIENCE)
        self.addCleanup(sender.close)
        sender.putrequest("PUT", "/cam-2")
        sender.putheader("Transfer-Encoding", "chunked")
        sender.endheaders()
        data = clip.read_bytes()
        sender.send(b"%x\r\n%b\r\n" % (len(data), data))
        viewer = Viewer(edge, "/cam-2.mkv")
        edge.until(partial(shows, viewer, 25))
        self.assertEqual(origin.status("cam-2")["pattern"], "cam-*")
        sender.send(b"0\r\n\r\n")
        with sender.getresponse() as response:
            self.assertEqual(response.status, 200)
        self.assertEqual(pictures(viewer.finish()), list(range(50)))
        for server in (edge, origin):
            server.said("stream cam-2: removed")
            with server.get("/status") as response:
                self.assertEqual(json.load(response)["streams"], {})
            self.assertEqual(server.stop(), -signal.SIGTERM)
            self.assertNotIn("Traceback", server.log)


class ProcessTests(EndToEndTestCase):
    """How it starts and stops."""

    def test_blocked(self) -> None:
        """It stops in order while standard input, a named pipe, or a server says nothing."""
        pipe = Path(self.mktemp()).absolute()
        os.mkfifo(pipe)
        with socket.socket() as quiet:
            quiet.bind(("127.0.0.1", 0))
            quiet.listen(1)
            url = f"http://127.0.0.1:{quiet.getsockname()[1]}/"
            servers = [
                Mkvserve(self, stdin=subprocess.PIPE),
                Mkvserve(self, str(pipe)),
                Mkvserve(self, url),
            ]
            for server in servers:
                self.assertEqual(server.status()["state"], "opening")
                server.process.send_signal(signal.SIGTERM)
            for server in servers:
                self.assertEqual(server.ended(), -signal.SIGTERM)
                self.assertIn("Server Shut Down", server.log)
                self.assertNotIn("Traceback", server.log)
                if server.process.stdin is not None:
                    server.process.stdin.close()

    def test_twist(self) -> None:
        """C{twist} starts it as well."""
        server = Mkvserve(self, "--at-end=loop", str(media.clip(seconds=2)), start=TWIST)
        viewer = Viewer(server)
        server.until(lambda: len(viewer.data) > 1000)
        server.stop()
        self.assertTrue(pictures(viewer.finish()))

    def test_daemon(self) -> None:
        """As a daemon it detaches, with pid file, log and directory as twistd is told."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        clip = media.clip(directory / "film.mkv", seconds=2)
        rundir = directory / "run"
        rundir.mkdir()
        command = (
            *(sys.executable, *TWISTD, "--pidfile=its.pid", f"--rundir={rundir}", "mkvserve"),
            *(LISTEN, "--at-end=loop", clip.name),
        )
        ended = subprocess.run(
            command,
            cwd=directory,
            env=environment(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, b"", b""))
        pid_file, log = directory / "its.pid", directory / "twistd.log"
        pid = int(pid_file.read_text())
        self.addCleanup(end, pid)
        wait(lambda: "watch at http://127.0.0.1:" in log.read_text())
        found = re.search(r"watch at http://127\.0\.0\.1:(\d+)/", log.read_text())
        assert found is not None
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=PATIENCE)
        connection.request("GET", "/live.mkv")
        with connection.getresponse() as response:
            self.assertEqual(response.status, 200)
            response.read(1000)
        os.kill(pid, signal.SIGTERM)
        wait(lambda: not pid_file.exists())
        wait(lambda: not alive(pid))
        self.assertIn("Server Shut Down", log.read_text())
        self.assertNotIn("Traceback", log.read_text())

    def test_daemon_fails(self) -> None:
        """A daemon has an exit status, too, for whoever has become its parent."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        (directory / "rubbish").write_bytes(garbage(100_000))
        program = (
            "import ctypes, os, subprocess, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0);"
            " print(subprocess.run(sys.argv[1:]).returncode);"
            # The first of two forks, which ends with 0, and the daemon; either may end before.
            " print(sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2)))"
        )
        ended = subprocess.run(
            (sys.executable, "-c", program, sys.executable, *TWISTD, "mkvserve", LISTEN, "rubbish"),
            cwd=directory,
            env=environment(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        self.assertEqual(ended.stdout, b"0\n[0, 1]\n", ended.stderr)
        self.assertEqual(
            sorted(path.name for path in directory.iterdir()), ["rubbish", "twistd.log"]
        )

    def test_mistakes(self) -> None:
        """A mistake is one line on standard error and the exit status 1, before it detaches."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        film = str(media.clip(seconds=1))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            busy = f"tcp:{taken.getsockname()[1]}:{LOOPBACK}"
            mistakes = {
                (LISTEN, "nothing-here.mkv"): "nothing-here.mkv': No such file",
                (LISTEN, "-"): "a daemon has no standard input",
                (f"--listen={busy}", film): f"cannot listen at {busy!r}: Address already in use",
            }
            processes = {
                arguments: subprocess.Popen(
                    (sys.executable, *TWISTD, "mkvserve", *arguments),
                    cwd=directory,
                    env=environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                for arguments in mistakes
            }
            for process in processes.values():
                self.addCleanup(process.kill)
            for arguments, process in processes.items():
                out, err = process.communicate(timeout=PATIENCE)
                self.assertEqual((process.returncode, out), (1, b""), (arguments, err))
                self.assertIn(mistakes[arguments], err.decode())
                self.assertEqual(err.count(b"\n"), 1, err)
        self.assertEqual(list(directory.glob("*")), [], "no pid file, no log")


def wait(condition: Callable[[], object]) -> None:
    """Wait for something that a process does of which nothing is heard."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("in vain")
        select.select([], [], [], 0.05)


def alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended, but nobody has asked how, is there in name only.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def end(pid: int) -> None:
    """However it is, it is over."""
    if alive(pid):
        os.kill(pid, signal.SIGKILL)
