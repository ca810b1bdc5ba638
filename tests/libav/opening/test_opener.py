"""Opening inputs: files of any name, URLs, URLs at which one waits."""

from __future__ import annotations

import errno
import io
import os
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import av

from mkvtwist.config.input import Form, Input, parse_input
from mkvtwist.config.input_options import InputOptions
from mkvtwist.libav import Ended
from mkvtwist.libav.opening.listen_urls import LISTEN_WAIT
from mkvtwist.libav.opening.opener import InputOpener
from tests.support import media
from tests.support.processes import free_port
from tests.support.readers import ReaderTestCase, ThreadedReader, headers, packets


class NameTests(ReaderTestCase):
    """Names of files."""

    def test_names(self) -> None:
        """A file may have any name that the system lets it have."""
        clip = media.clip(seconds=0.2)
        folder = Path(self.mktemp())
        folder.mkdir()
        for name in (
            *(b"100%41 %d.mkv", b"a?b#c.mkv", b"new\nline.mkv", b"\xe9\xff.mkv", b"-dash.mkv"),
            *(b"file:in.mkv", b"tcp:1.mkv", b"concat:a|b.mkv", b"[x]*.mkv", b"\"quotes'.mkv"),
        ):
            path = folder / os.fsdecode(name)
            path.write_bytes(clip.read_bytes())
            events = self.read(path)
            self.assertEqual(len(packets(events)), len(media.packets(clip)), name)

    def test_missing(self) -> None:
        """A file that has gone meanwhile is the input's fault, and the reason says so."""
        self.read("nothing-here.mkv")  # PyAV adds to an error what was logged last, by anybody
        ended = self.read_fault("nothing-here.mkv")
        self.assertIn("No such file", ended.reason)

    def test_odd_name(self) -> None:
        """A file's name is a name, not an expression of libavformat's."""
        clip = media.clip(seconds=1)
        for name in ("a:b.mkv", "http:x", "%d.mkv", "pipe:0", "concat:a|b", "film?.mkv", "ä ö.mkv"):
            path = Path(self.mktemp())
            path.mkdir()
            (path / name).write_bytes(clip.read_bytes())
            events = self.read(Input(Form.FILE, str((path / name).absolute())))
            self.assertEqual(events[-1], Ended("the end of the input", fault=False), name)


DEFAULT_DURATION = b"\x23\xe3\x83\x84"
"""The beginning of Matroska's DefaultDuration of four bytes, which browsers do not write."""

VOID = b"\xec\x40\x05\x84"
"""As many bytes of an element that nobody reads, with as much behind them."""


class BytesTests(ReaderTestCase):
    """A sender's bytes."""

    def test_soon(self) -> None:
        """Matroska that does not state its frame rate is opened with the first few pictures."""
        clip = media.clip(seconds=4).read_bytes()
        file = io.BytesIO(clip.replace(DEFAULT_DURATION, VOID))
        container = InputOpener().open(Input(Form.PUSH, "push"), Pieces(file))
        self.addCleanup(container.close)
        self.assertLess(file.tell(), len(clip) / 8)


class Pieces:
    """A file's bytes as a sender's come: few at a time."""

    def __init__(self, file: io.BytesIO) -> None:
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Return the next of them."""
        return self._file.read(min(size, 500))


class UrlTests(ReaderTestCase):
    """URLs."""

    def test_url(self) -> None:
        """A URL is libavformat's to open; one where nobody is says so."""
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/live.mkv"
            ended = self.read_fault(url)
        self.assertIn("refused", ended.reason)

    def test_listening_url(self) -> None:
        """
        With C{?listen=1} libavformat waits for a sender; it is told so as an option, and for how
        long.
        """
        asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def open_(*args: Any, **options: Any) -> None:
            asked.append((args, options))
            raise av.EOFError(1, "that is all")

        opener = InputOpener(av_open=open_)
        self.read("rtmp://127.0.0.1/app?listen=1", opener=opener)
        self.read("udp://127.0.0.1:1234?listen=1", opener=opener)
        (listening, told), (other, untold) = asked
        self.assertEqual(listening, ("rtmp://127.0.0.1/app",))
        self.assertEqual(told["options"].pop("listen"), "1")
        self.assertEqual(told["options"].pop("timeout"), "15")
        self.assertEqual(told["options"], untold["options"])
        self.assertGreater(told["timeout"], untold["timeout"], "a sender may come late, and begin")
        self.assertEqual(other, ("udp://127.0.0.1:1234?listen=1",))
        self.assertIn("timeout", untold)

    def test_options(self) -> None:
        """Options reach libavformat, which is told what an input may reach all the same."""
        asked: list[dict[str, Any]] = []

        def open_(*_: Any, **options: Any) -> None:
            asked.append(options)
            raise av.EOFError(1, "that is all")

        given = InputOptions((("analyzeduration", "7"), ("protocol_whitelist", "all")))
        opener = InputOpener(options=given, av_open=open_)
        for source in ("rtsp://127.0.0.1/", "tcp://127.0.0.1:1?listen", "film.mkv"):
            self.read(source, opener=opener)
        for told in asked:
            self.assertEqual(told["options"]["analyzeduration"], "7", "ours is a default")
            self.assertNotIn("all", told["container_options"]["protocol_whitelist"].split(","))
        self.assertEqual(len(asked), 3)

    def test_headers(self) -> None:
        """A server gets the headers that an option names; a value that is none is the reason."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            heads: list[bytes] = []

            def answer() -> None:
                connection, _ = server.accept()
                with connection:
                    heads.append(connection.recv(65536))

            thread = threading.Thread(target=answer)
            thread.start()
            options = InputOptions((("headers", "X-Key: s3cret\r\n"), ("user_agent", "me")))
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
            self.read_fault(url, opener=InputOpener(options=options))
            thread.join()
        self.assertIn(b"\r\nX-Key: s3cret\r\n", heads[0])
        self.assertIn(b"\r\nUser-Agent: me\r\n", heads[0])
        options = InputOptions((("rtsp_transport", "pigeon"),))
        ended = self.read_fault("rtsp://127.0.0.1:1/", opener=InputOpener(options=options))
        self.assertIn("pigeon", ended.reason)

    def test_session(self) -> None:
        """A session description has RTP received, live, at the port that it names."""
        port = free_port()
        path = Path(f"{self.mktemp()}.sdp")
        path.write_text(
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
            f"m=video {port} RTP/AVP 33\na=rtpmap:33 MP2T/90000\n"
        )
        source = parse_input("input", str(path))
        reader = ThreadedReader(self, source)
        clip = media.clip(container="mpegts", seconds=4).read_bytes()
        heard = threading.Event()

        def send() -> None:
            number = 0
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
                while not heard.is_set():  # nobody may listen yet
                    for place in range(0, len(clip), 7 * 188):
                        head = struct.pack(">BBHLL", 0x80, 33, number & 0xFFFF, number * 900, 1)
                        line.sendto(head + clip[place : place + 7 * 188], ("127.0.0.1", port))
                        number += 1
                    heard.wait(0.01)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            reader.until(lambda events: len(packets(events)) > 10)
        finally:
            heard.set()
            sender.join()
        self.assertEqual(
            {track.codec for track in headers(reader.events)[0].tracks}, {"h264", "aac"}
        )

    def test_pause(self) -> None:
        """The timeout of RTP is a silence; that of a connection is a fault of its own."""

        def open_(*_: Any, **__: Any) -> None:
            raise av.TimeoutError(errno.ETIMEDOUT, "Connection timed out")

        opener = InputOpener(av_open=open_)
        for url, reason in (
            ("rtp://127.0.0.1:1", "nothing has come for 15 s"),
            ("rtsp://127.0.0.1/", "Connection timed out"),
        ):
            self.assertEqual(self.read_fault(url, opener=opener).reason, reason)

    def test_silence(self) -> None:
        """That nobody sends, connects or answers is said in our words, not in libavformat's."""
        # Together a fifth of a second, before libavformat's own wait is over.
        opener = InputOpener(open_timeout=0.2, sender_silence=0.2 - LISTEN_WAIT)
        with socket.socket() as quiet:
            quiet.bind(("127.0.0.1", 0))
            quiet.listen(1)
            port = quiet.getsockname()[1]
            for url in (
                "udp://127.0.0.1:0",
                "rtp://127.0.0.1:0",
                f"tcp://127.0.0.1:{free_port()}?listen",
                f"http://127.0.0.1:{port}/",
            ):
                events = self.read(url, opener=opener)
                self.assertEqual(events, [Ended("nothing has come for 15 s", fault=True)], url)
        url = f"tcp://127.0.0.1:{free_port()}?listen"
        events = self.read(url, opener=InputOpener(wait=0.001))
        self.assertEqual(events, [Ended("nothing has come for 15 s", fault=True)])
