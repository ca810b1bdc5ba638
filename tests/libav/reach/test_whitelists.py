"""What an input may reach beside its own bytes: nothing that a stranger has named."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.libav import Ended, set_up
from mkvtwist.libav.reach.whitelists import (
    whitelists_for_bytes,
    whitelists_for_file,
    whitelists_for_url,
)
from tests.support import media
from tests.support.readers import ThreadedReader, filled_pipe, packets
from tests.support.web import Web

REFERRING = (
    *("concat", "dash", "hls", "imf", "lavfi", "mlv"),
    *("rtsp", "sap", "sdp", "tedcaptions", "vobsub"),
)


def words(options: dict[str, str], option: str) -> set[str]:
    """The names in a list of libavformat's."""
    return set(options[f"{option}_whitelist"].split(","))


class OptionsTests(SynchronousTestCase):
    """What libavformat is told."""

    def test_bytes(self) -> None:
        """Bytes that come from somebody have no protocol, and no format that refers to others."""
        options = whitelists_for_bytes()
        self.assertEqual(options["protocol_whitelist"], "")
        formats = words(options, "format")
        self.assertFalse(formats & {*REFERRING, "image2", "v4l2"})
        self.assertLessEqual({"matroska", "mp4", "mpegts", "flv", "ogg", "h264", "mp3"}, formats)

    def test_file(self) -> None:
        """A file is no list of others unless its name says so, and then of files only."""
        self.assertFalse(words(whitelists_for_file("a/film.mkv"), "format") & set(REFERRING))
        self.assertEqual(words(whitelists_for_file("a/film.mkv"), "protocol"), {"file"})
        for name, format_ in (
            *(("a.m3u8", "hls"), ("A.FFCONCAT", "concat"), ("x.mpd", "dash")),
            *(("a.idx", "vobsub"), ("a.MLV", "mlv")),
        ):
            self.assertEqual(words(whitelists_for_file(name), "format") & set(REFERRING), {format_})
            self.assertLessEqual(
                words(whitelists_for_file(name), "protocol"), {"file", "crypto", "data"}
            )
        self.assertEqual(words(whitelists_for_file("film.sdp"), "format") & set(REFERRING), {"sdp"})
        self.assertLessEqual({"rtp", "udp"}, words(whitelists_for_file("film.sdp"), "protocol"))

    def test_url(self) -> None:
        """No URL reaches a file; what it reaches is what its scheme is built on."""
        schemes = ("http", "https", "rtmp", "rtsp", "srt", "tcp", "udp", "ftp", "rtp", "sap", "x")
        local = {"file", "pipe", "fd", "unix", "concat", "concatf", "subfile", "async", "cache"}
        for scheme in (*schemes, "crypto+http", "HTTP"):
            for lists in (False, True):
                options = whitelists_for_url(f"{scheme}://host/x", lists=lists)
                self.assertFalse(words(options, "protocol") & local, scheme)
                self.assertFalse(words(options, "format") & {"concat", "sdp", "image2", "lavfi"})
                self.assertNotIn("", words(options, "protocol"))
        self.assertIn("hls", words(whitelists_for_url("https://host/x", lists=True), "format"))
        self.assertNotIn("hls", words(whitelists_for_url("https://host/x", lists=False), "format"))
        self.assertNotIn("hls", words(whitelists_for_url("tcp://host:1", lists=True), "format"))
        self.assertIn("rtsp", words(whitelists_for_url("rtsp://host/x", lists=False), "format"))
        self.assertIn(
            "sdp", words(whitelists_for_url("http://host/x.sdp?y", lists=False), "format")
        )
        self.assertEqual(
            whitelists_for_url("file:///x.mkv", lists=True), whitelists_for_file("/x.mkv")
        )


class PlayedTests(SynchronousTestCase):
    """Real media, and what comes of what they name."""

    def setUp(self) -> None:
        """A film that nobody is to see, and a server that nobody is to ask."""
        set_up()
        self.film = Path(self.mktemp()).with_suffix(".ts").absolute()
        self.film.write_bytes(media.clip(container="mpegts", seconds=1).read_bytes())
        self.web = Web(self)
        self.web.files["/film.ts"] = self.film.read_bytes()

    def names(self) -> dict[str, bytes]:
        """Texts that name the film, or the server, by the format that they are in."""
        name, url = str(self.film), self.web.url("/film.ts")
        from_here = os.path.relpath(self.film)
        list_ = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
        return {
            "concat": f"ffconcat version 1.0\nfile '{self.film.name}'\n".encode(),
            "concat from here": f"ffconcat version 1.0\nfile '{from_here}'\n".encode(),
            "concat of a URL": f"ffconcat version 1.0\nfile '{url}'\n".encode(),
            "hls": list_.format(name).encode(),
            "hls of a file": list_.format(f"file://{name}").encode(),
            "hls of a URL": list_.format(url).encode(),
            "hls of a part": list_.format(f"subfile,,start,0,end,0,,:{name}").encode(),
            "hls of hls": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n".encode(),
        }

    def played(self, source: Input, data: bytes | None = None) -> int:
        """How many packets come of an input; that it has ended."""
        pipe = None if data is None else filled_pipe(data)
        return len(packets(ThreadedReader(self, source, pipe).all()))

    def test_sent(self) -> None:
        """What is sent opens no file and asks no server, whatever it says that it is."""
        for name, data in self.names().items():
            for form in (Form.ENDPOINT, Form.PUSH, Form.STDIN):
                self.assertEqual(self.played(Input(form, name), data), 0, name)
        self.assertEqual(self.web.asked, [])

    def test_file(self) -> None:
        """A file whose name does not say that it is a list opens no file and asks no server."""
        for name, data in self.names().items():
            for ending in (".mkv", ".ts", ""):
                path = self.film.with_name(f"list{ending}")
                path.write_bytes(data)
                self.assertEqual(self.played(Input(Form.FILE, str(path))), 0, name)
        self.assertEqual(self.web.asked, [])

    def test_list(self) -> None:
        """A list of files that is called one is played; it asks no server."""
        names = self.names()
        for name, ending in (("concat", ".ffconcat"), ("hls", ".m3u8")):
            path = self.film.with_name(f"list{ending}")
            path.write_bytes(names[name])
            self.assertGreater(self.played(Input(Form.FILE, str(path))), 50)
        for name, ending in (("concat of a URL", ".ffconcat"), ("hls of a URL", ".m3u8")):
            path = self.film.with_name(f"list{ending}")
            path.write_bytes(names[name])
            self.assertEqual(self.played(Input(Form.FILE, str(path))), 0)
        self.assertEqual(self.web.asked, [])

    def test_session_description(self) -> None:
        """A session description that is sent, or comes from a URL, listens nowhere."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.bind(("127.0.0.1", 0))
            port = line.getsockname()[1] & ~1
        text = f"v=0\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
        self.assertEqual(self.played(Input(Form.ENDPOINT, "tcp:1"), text.encode()), 0)
        self.web.files["/film.mkv"] = text.encode()
        (ended,) = ThreadedReader(self, Input(Form.URL, self.web.url("/film.mkv"))).all()
        assert isinstance(ended, Ended)
        self.assertEqual(
            ended.reason, "sdp refers to other files or servers, which this input may not open"
        )

    def test_url(self) -> None:
        """What comes from a URL opens no file; a playlist from this machine may name it."""
        for name, data in self.names().items():
            self.web.files["/list.m3u8"] = data
            played = self.played(Input(Form.URL, self.web.url("/list.m3u8")))
            self.assertEqual(played > 50, name == "hls of a URL", name)
