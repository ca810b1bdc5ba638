"""What a remote playlist names is fetched, unless it is too near."""

from __future__ import annotations

import secrets
from typing import Any

import av
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.libav import Ended, set_up
from mkvtwist.libav.opening.opener import InputOpener
from mkvtwist.libav.reach.address_scope import Scope
from mkvtwist.libav.reach.remote_playlists import PlaylistFetcher, TooNear
from tests.support import media
from tests.support.readers import ThreadedReader, packets
from tests.support.web import Web

NOT_FOUND = 404


def scope(address: str) -> Scope:
    """As if 127.0.0.2 were an address of the internet."""
    return Scope.WORLD if address == "127.0.0.2" else Scope.MACHINE


def encrypted(data: bytes, key: bytes, vector: bytes) -> bytes:
    """AES-128 in CBC, as a segment of HLS is."""
    left = 16 - len(data) % 16
    cipher = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return cipher.update(data + bytes([left]) * left)


class FetchTestCase(SynchronousTestCase):
    """What the cases below have in common."""

    def setUp(self) -> None:
        """A server far away, and one on this machine."""
        set_up()
        self.far, self.near = Web(self, "127.0.0.2"), Web(self)


class FetcherTests(FetchTestCase):
    """One file at a time."""

    def get(self, url: str, **options: str) -> bytes:
        """All of a file."""
        file = PlaylistFetcher(Scope.WORLD, 10, scope)(url, 1, options)
        data = b""
        while piece := file.read(1000):
            data += piece
        file.close()
        return data

    def test_far(self) -> None:
        """A file far away is fetched, with what libavformat wants to be said."""
        self.far.files["/a"] = b"media" * 1000
        url = self.far.url("/a").replace("//", "//me:s%20t@")
        options = {"offset": "5", "end_offset": "9", "headers": "X-A: b\r\n", "user_agent": "c"}
        self.assertEqual(self.get(url, **options), b"media" * 1000)
        ((path, headers),) = self.far.asked
        self.assertEqual(path, "/a")
        said = {name: headers[name] for name in ("Range", "X-A", "User-Agent", "Authorization")}
        basic = "Basic bWU6cyB0"
        wanted = {"Range": "bytes=5-8", "X-A": "b", "User-Agent": "c", "Authorization": basic}
        self.assertEqual(said, wanted)

    def test_data(self) -> None:
        """What stands in the URL itself is nobody else's."""
        self.assertEqual(self.get("data:text/plain;base64,bWVkaWE="), b"media")

    def test_too_near(self) -> None:
        """Nothing is asked of this machine: not by address, nor by name, nor by a redirection."""
        self.far.moved["/moved"] = self.near.url("/a")
        for url in (
            self.near.url("/a"),
            self.near.url("/a").replace("127.0.0.1", "localhost"),
            self.near.url("/a").replace("127.0.0.1", "2130706433"),
            self.near.url("/a").replace("http", "https"),
            self.far.url("/moved"),
            f"crypto+{self.near.url('/a')}",
        ):
            error = self.assertRaises(OSError, self.get, url, key="0" * 32, iv="0" * 32)
            self.assertIn("nearer", str(error), url)
        self.assertEqual(self.near.asked, [])

    def test_other_schemes(self) -> None:
        """A playlist names nothing but HTTP."""
        for url in ("file:///etc/passwd", "/etc/passwd", "tcp://127.0.0.2:1", "ftp://127.0.0.2/"):
            self.assertRaises(TooNear, self.get, url)

    def test_moved_to_a_file(self) -> None:
        """A redirection leads to no file."""
        self.far.moved["/moved"] = "file:///etc/passwd"
        self.assertRaises(OSError, self.get, self.far.url("/moved"))

    def test_missing(self) -> None:
        """What is not there is an error."""
        error: Any = self.assertRaises(OSError, self.get, self.far.url("/b"))
        self.assertEqual(error.code, NOT_FOUND)

    def test_decrypted(self) -> None:
        """Segments under AES-128 are decrypted, whatever their length."""
        key, vector = secrets.token_bytes(16), secrets.token_bytes(16)
        for size in (0, 1, 15, 16, 17, 1000, 65_536):
            data = secrets.token_bytes(size)
            self.far.files["/a"] = encrypted(data, key, vector)
            url = f"crypto+{self.far.url('/a')}"
            self.assertEqual(self.get(url, key=key.hex(), iv=vector.hex()), data, str(size))


class PlaylistTests(FetchTestCase):
    """Playlists from far away, read by libavformat."""

    def setUp(self) -> None:
        super().setUp()
        clip = media.clip(container="mpegts", seconds=1).read_bytes()
        self.far.files["/film.ts"] = self.near.files["/film.ts"] = clip

    def open(self, *args: Any, **options: Any) -> Any:
        """Open as PyAV does; note who reads the files."""
        self.fetched = "io_open" in options
        return av.open(*args, **options)

    def play(self, *lines: str, path: str = "/list.m3u8") -> int:
        """How many packets come of a playlist."""
        text = "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:2", *lines, "#EXT-X-ENDLIST", ""])
        self.far.files["/list.m3u8"] = text.encode()
        source = Input(Form.URL, self.far.url(path))
        opener = InputOpener(scope=scope, av_open=self.open)
        events = ThreadedReader(self, source, opener=opener).all()
        assert isinstance(events[-1], Ended)
        self.reason = events[-1].reason
        return len(packets(events))

    def test_far(self) -> None:
        """What is as far as the playlist itself is played."""
        self.assertGreater(self.play("#EXTINF:1,", "film.ts"), 50)
        self.assertTrue(self.fetched)
        self.assertGreater(self.play("#EXTINF:1,", self.far.url("/film.ts")), 50)

    def test_near(self) -> None:
        """What is on this machine is not asked for."""
        self.far.moved["/moved.ts"] = self.near.url("/film.ts")
        for name in (self.near.url("/film.ts"), "moved.ts"):
            self.assertEqual(self.play("#EXTINF:1,", name), 0)
        self.assertEqual(self.near.asked, [])

    def test_encrypted(self) -> None:
        """Keys are fetched in the same way."""
        key, vector = secrets.token_bytes(16), secrets.token_bytes(16)
        self.far.files["/key"] = self.near.files["/key"] = key
        self.far.files["/film.ts"] = encrypted(self.far.files["/film.ts"], key, vector)
        tag = '#EXT-X-KEY:METHOD=AES-128,URI="{}",IV=0x{}'
        self.assertGreater(self.play(tag.format("key", vector.hex()), "#EXTINF:1,", "film.ts"), 50)
        near = tag.format(self.near.url("/key"), vector.hex())
        self.assertEqual(self.play(near, "#EXTINF:1,", "film.ts"), 0)
        self.assertEqual(self.near.asked, [])

    def test_moved(self) -> None:
        """An input that has moved is followed far away, and not to this machine."""
        self.far.moved["/here"], self.far.moved["/there"] = "/film.ts", self.near.url("/film.ts")
        self.assertGreater(self.play(path="/here"), 50)
        self.assertEqual(self.play(path="/there"), 0)
        self.assertEqual(self.reason, "127.0.0.1 is nearer than the input's own address")
        self.assertEqual(self.near.asked, [])

    def test_plain(self) -> None:
        """What is no playlist is read by libavformat itself."""
        self.assertGreater(self.play(path="/film.ts"), 50)
        self.assertFalse(self.fetched)
