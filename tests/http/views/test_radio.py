"""Icecast's addresses: playlist files, statistics, and titles that senders set."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

from mkvtwist.config.rule import AccessRule
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.mp3 import MP3
from mkvtwist.http.views.radio import format_for_players
from mkvtwist.live.now_playing import Song
from mkvtwist.testing import AUDIO, END, SOUND, VIDEO, footage, header
from tests.support import icy
from tests.support.fakes import Answer
from tests.support.senders import CHUNKED, SendersTestCase, Sending

MPEG = replace(SOUND, codec="mp3")


class RadioTestCase(SendersTestCase):
    """A stream C{cam} that an Icecast sender has begun to send: MP3."""

    def setUp(self) -> None:
        """A second of it has come."""
        super().setUp()
        self.source = self.sender(
            CHUNKED, "Ice-Name: Radio Cam", "Ice-Genre: Jazz", "ice-description: All day"
        )
        self.emit(header(MPEG), *footage(0, 1, rate=40, size=400))

    def get(self, target: str, *headers: str, method: str = "GET") -> Answer:
        """The answer to a request."""
        connection = self.connect()
        connection.begin(*headers, target=target, method=method)
        return connection.verdict()


class PlaylistTests(RadioTestCase):
    """C{/NAME.m3u} and C{/NAME.pls}."""

    def test_m3u(self) -> None:
        """The file has the address of the sound, and the station's name."""
        got = self.get("/cam.m3u")
        self.assertEqual(got.headers["content-type"], "audio/x-mpegurl")
        self.assertEqual(got.text, "#EXTM3U\n#EXTINF:-1,Radio Cam\nhttp://tv.example/cam.mp3\n")

    def test_pls(self) -> None:
        """Likewise, in the other form."""
        got = self.get("/cam.pls")
        self.assertEqual(got.headers["content-type"], "audio/x-scpls")
        self.assertIn("\nFile1=http://tv.example/cam.mp3\nTitle1=Radio Cam\n", got.text)

    def test_token(self) -> None:
        """An address has the token with which the file was asked for."""
        self.assertIn("/cam.mp3?token=abc\n", self.get("/cam.m3u?token=abc").text)

    def test_formats(self) -> None:
        """Sound alone is had as such, if there is a format for it; all else as Matroska."""
        self.assertIs(format_for_players(header(MPEG)), MP3)
        for made in (header(VIDEO, replace(AUDIO, codec="mp3")), header(SOUND), None):
            self.assertIs(format_for_players(made), MATROSKA)


class ListenerTests(RadioTestCase):
    """C{Icy-MetaData}: titles between the bytes."""

    def listen(
        self, target: str = "/cam.mp3?burst=60", *, method: str = "GET", **headers: str
    ) -> Sending:
        """A listener that has begun, and gets 20 seconds."""
        connection = self.connect()
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.begin(*lines, target=target, method=method)
        for second in range(1, 20):
            self.emit(*footage(second, second + 1, rate=40, size=400))
        return connection

    def test_titles(self) -> None:
        """A listener that asks gets the head, the sound, and the titles, whatever it came over."""
        self.stream.now_playing.tell("Artist - Title")
        head, _, body = self.listen(Icy_MetaData="1").said.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.0 200 OK\r\n"))
        for line in (b"icy-metaint: 16000", b"icy-name: Radio Cam", b"icy-genre: Jazz"):
            self.assertIn(b"\r\n" + line, head)
        sound, titles = icy.parsed(body)
        self.assertEqual(sound, b"".join(p.data for p in footage(0, 20, rate=40, size=400)))
        self.assertEqual(titles, ["StreamTitle='Artist - Title';", *[""] * (len(titles) - 1)])

    def test_preview(self) -> None:
        """C{HEAD} gets the head that C{GET} would get, and nobody joins."""
        said = self.listen("/cam.mp3", method="HEAD", Icy_MetaData="1").said
        head, _, body = said.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.0 200 OK\r\n"))
        self.assertIn(b"\r\nicy-metaint: 16000", head)
        self.assertEqual((body, self.stream.audience), (b"", 0))

    def test_unasked(self) -> None:
        """Nobody else gets titles: neither who does not ask, nor in a format that is no radio's."""
        for target, headers in (("/cam.mp3", {}), ("/cam.mkv", {"Icy_MetaData": "1"})):
            said = self.listen(target, **headers).said
            self.assertTrue(said.startswith(b"HTTP/1.1 200 OK\r\n"))
            self.assertNotIn(b"icy-metaint", said.lower())

    def test_refused(self) -> None:
        """A refusal is an ordinary response, without a word of titles."""
        got = self.get("/cam.ogg", "Icy-MetaData: 1")
        self.assertEqual(got.status, 406)
        self.assertIn("ask for .mp3 or ", got.text)
        self.assertNotIn("icy-metaint", got.headers)


class StatisticsTests(RadioTestCase):
    """C{/status-json.xsl}."""

    def statistics(self) -> dict[str, Any]:
        """All of it."""
        got = self.get("/status-json.xsl")
        self.assertEqual(got.headers["content-type"], "application/json")
        statistics: dict[str, Any] = json.loads(got.body)["icestats"]
        return statistics

    def test_source(self) -> None:
        """A stream that is live is a source, with what its sender and its tracks say."""
        self.get("/cam.mp3")
        self.stream.now_playing.tell("Artist - Title")
        found = self.statistics()
        self.assertEqual(found["host"], "tv.example")
        source = found["source"]
        for key, value in {
            "listenurl": "http://tv.example/cam.mp3",
            "listeners": 1,
            "server_name": "Radio Cam",
            "server_description": "All day",
            "server_type": "audio/mpeg",
            "genre": "Jazz",
            "bitrate": 128,
            "samplerate": 48000,
            "channels": 2,
            "title": "Artist - Title",
        }.items():
            self.assertEqual(source[key], value, key)
        self.assertRegex(source["stream_start_iso8601"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$")

    def test_several(self) -> None:
        """Several sources are a list, and none is nothing at all."""
        other = self.streams["other"] = self.make("other", self.stream.config.input.form)
        other.startService()
        connection = self.connect()
        connection.begin(CHUNKED, target="/other")
        connection.send(b"5\r\nmedia\r\n")
        self.emit(header(MPEG), *footage(0, 1))
        self.assertEqual(
            [source["server_name"] for source in self.statistics()["source"]],
            ["Radio Cam", "other"],
        )
        del self.streams["cam"], self.streams["other"]
        self.assertNotIn("source", self.statistics())


class TitleTests(RadioTestCase):
    """C{/admin/metadata}."""

    def tell(self, query: str, *headers: str, mount: str = "/cam", method: str = "GET") -> Answer:
        """A sender says what is playing."""
        target = f"/admin/metadata?mount={mount}&mode=updinfo&{query}"
        return self.get(target, *headers, method=method)

    @property
    def song(self) -> Song | None:
        """What is playing."""
        return self.stream.now_playing.song

    def test_song(self) -> None:
        """A title is known from then on, and the sender gets Icecast's answer."""
        for mount in ("/cam", "/cam.mp3", "cam.ogg"):
            got = self.tell("song=A%20-%20B+C", mount=mount)
            self.assertEqual((got.status, got.headers["content-type"]), (200, "text/xml"))
            self.assertIn("<message>Metadata update successful</message>", got.text)
            self.assertEqual(self.song, Song("B C", "A"))
            self.stream.now_playing.hold()

    def test_parts(self) -> None:
        """Title and artist may come apart, with an address of the cover."""
        self.tell("title=T&artist=A&url=http%3A%2F%2Fx.example%2F1.jpg")
        self.assertEqual(self.song, Song("T", "A", "http://x.example/1.jpg"))
        self.tell("song=")
        self.assertIsNone(self.song)

    def test_charset(self) -> None:
        """A text is UTF-8 if it can be, or what C{charset} says."""
        for query in ("song=%C3%A4", "song=%E4", "song=%84&charset=cp437", "song=%E4&charset=x"):
            self.tell("song=-")
            self.tell(query)
            self.assertEqual(self.song, Song("\u00e4"), query)

    def test_strange_charset(self) -> None:
        """An encoding that is none of texts is ignored."""
        for charset in ("punycode", "idna", "undefined", "hex", "%00", "%FF", "utf-8%0A"):
            self.tell("song=-")
            self.assertEqual(self.tell(f"song=%C3%A4&charset={charset}").status, 200)
            self.assertEqual(self.song, Song("\u00e4"), charset)

    def post(self, body: bytes, *headers: str) -> Answer:
        """A sender says what is playing in a form."""
        connection = self.connect()
        connection.begin(
            *("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"),
            *headers,
            target="/admin/metadata?mount=/cam&mode=updinfo",
            method="POST",
        )
        connection.send(body)
        return connection.verdict()

    def test_post(self) -> None:
        """The parameters may stand in a form, too, whose bytes need not be escaped."""
        for body in (b"song=A+-+%C3%84", b"song=A - \xc3\x84", b"song=A - \xc4"):
            self.tell("song=-")
            self.assertEqual(self.post(body).status, 200)
            self.assertEqual(self.song, Song("\u00c4", "A"), body)

    def test_other_sites(self) -> None:
        """A form on a page of another site sets no title, even if all that tells it is Origin."""
        self.assertEqual(self.post(b"song=x", "Origin: http://evil.example").status, 403)
        self.assertIsNone(self.song)

    def test_where(self) -> None:
        """A title is taken only for a stream that senders send to, and only from them."""
        for mount in ("", "/nothing", "/live"):
            got = self.tell("song=x", mount=mount)
            self.assertEqual(got.status, 404)
        self.assertEqual(self.get("/admin/metadata?mount=/cam&mode=fallback").status, 400)
        self.assertEqual(self.tell("song=x", "Sec-Fetch-Site: cross-site").status, 403)
        self.assertIsNone(self.song)

    def test_rule(self) -> None:
        """Who may send may say what is playing, with the same credentials."""
        tokens = Path(self.mktemp())
        tokens.write_text("a-token-of-some-length\n")
        self.stream.configure(
            replace(self.stream.config, send=AccessRule(token_file=str(tokens.resolve())))
        )
        self.assertEqual(self.tell("song=x").status, 401)
        self.assertIsNone(self.song)
        basic = b64encode(b"source:a-token-of-some-length").decode()
        connection = self.connect()
        connection.begin(
            f"Authorization: Basic {basic}",
            target="/admin/metadata?mount=/cam&song=x",
            method="GET",
        )
        self.reactor.turns()
        self.assertEqual(connection.verdict().status, 200)
        self.assertEqual(self.song, Song("x"))

    def test_forgotten(self) -> None:
        """When the sender has left, nothing is playing."""
        self.tell("song=x")
        self.source.send(b"0\r\n\r\n")
        self.emit(END)
        self.assertIsNone(self.song)

    def test_status(self) -> None:
        """The stream's status has the station and the song."""
        self.tell("song=A - B".replace(" ", "+"))
        shown = json.loads(self.get("/cam/status").body)
        self.assertEqual((shown["title"], shown["description"]), ("Radio Cam", "All day"))
        self.assertEqual((shown["now"]["title"], shown["now"]["artist"]), ("B", "A"))
        self.assertRegex(shown["now"]["since"], r"^\d{4}-\d\d-\d\dT")

    def test_station_in_latin_1(self) -> None:
        """A station's name is UTF-8 if it can be, or else Latin-1; it may be SHOUTcast's field."""
        self.source.send(b"0\r\n\r\n")
        self.emit(END)
        for name in ("R\u00e4dio".encode(), "R\u00e4dio".encode("latin-1")):
            connection = self.connect()
            head = b"PUT /cam HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nicy-name: "
            connection.send(head + name + b"\r\n\r\n5\r\nmedia\r\n")
            self.assertEqual(self.stream.station.name, "R\u00e4dio")
            connection.send(b"0\r\n\r\n")
            self.emit(END)

    def test_settings(self) -> None:
        """The settings say more of the station than the sender."""
        self.stream.configure(replace(self.stream.config, title="Mine"))
        self.assertEqual(self.stream.station.name, "Mine")
        self.assertEqual(self.stream.station.description, "All day")
