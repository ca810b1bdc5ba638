"""Titles between a client's bytes, read as a radio reads them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.http.wire.icy import INTERVAL, LONGEST_BLOCK, SAME, IcyTitles, block
from mkvtwist.live.now_playing import Song
from mkvtwist.media.packet import Header
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import SOUND, Reactor, footage
from tests.support.icy import parsed
from tests.support.requests import request
from tests.support.site import ignore


def stream(title: str | None = None) -> Stream:
    """A stream whose input is not opened."""
    config = StreamConfig(Input(Form.DEMO, "demo:"), name="radio", title=title)
    return Stream(Reactor(), config, ignore)


class BlockTests(SynchronousTestCase):
    """L{block}."""

    def test_block(self) -> None:
        """A block says its length in units of 16 bytes, and is filled up with zeros."""
        made = block(Song("Title", "Artist"))
        self.assertEqual(made, b"\2StreamTitle='Artist - Title';\0\0\0\0"[:33].ljust(33, b"\0"))
        self.assertEqual(block(None), b"\1StreamTitle='';\0")

    def test_artwork(self) -> None:
        """The cover's address comes behind the title."""
        made = block(Song("Title", None, "https://radio.example/1.jpg"))
        self.assertIn(b"StreamTitle='Title';StreamUrl='https://radio.example/1.jpg';", made)

    def test_apostrophes(self) -> None:
        """An apostrophe stays; what would end the title early does not."""
        self.assertIn(b"StreamTitle='It's';", block(Song("It's")))
        self.assertEqual(block(Song("a';b='c")).count(b"';"), 1)

    def test_too_long(self) -> None:
        """An address for which there is no room is left out; a title that is too long is cut."""
        made = block(Song("x" * 5000, "\U0001f3b5" * 500, "http://" + "x" * 1990))
        self.assertLessEqual(len(made), 1 + LONGEST_BLOCK)
        self.assertEqual(len(made), 1 + 16 * made[0])
        self.assertNotIn(b"StreamUrl", made)


class TitlesTests(SynchronousTestCase):
    """L{IcyTitles}."""

    @given(st.lists(st.sampled_from([1, 400, 15_999, 16_000, 16_001, 131_072]), max_size=8))
    def test_any_writes(self, sizes: list[int]) -> None:
        """However the bytes are cut, a radio gets all of them, and the title once."""
        titles, sound = IcyTitles(stream()), bytes(range(251)) * 4200
        written, at = b"", 0
        for size in sizes:
            written += titles.insert(sound[at : at + size])
            at += size
        heard, found = parsed(written)
        self.assertEqual(heard, sound[:at])
        self.assertEqual(len(found), at // INTERVAL)
        self.assertEqual(found, ["StreamTitle='';", *[""] * 99][: len(found)])

    def test_change(self) -> None:
        """A title comes with the next block after it has changed, and once."""
        radio = stream()
        titles, sound = IcyTitles(radio), bytes(INTERVAL)
        radio.now_playing.tell("One")
        written = titles.insert(sound) + titles.insert(sound)
        radio.now_playing.tell("Two")
        written += titles.insert(sound) + titles.insert(sound)
        self.assertEqual(parsed(written)[1], ["StreamTitle='One';", "", "StreamTitle='Two';", ""])
        self.assertTrue(written.endswith(SAME))

    def test_shared(self) -> None:
        """Bytes without a title are those of all clients; clients at one count share the others."""
        radio, sound = stream(), bytes(INTERVAL)
        one, other = IcyTitles(radio), IcyTitles(radio)
        part = sound[:100]
        self.assertIs(one.insert(part), part)
        self.assertIs(other.insert(part), part)
        self.assertIs(one.insert(sound), other.insert(sound))

    def test_head(self) -> None:
        """The head has the station, the bitrate, and names as Icecast writes them."""
        radio = stream(title="Radio Example")
        radio.publisher.begin(Header((SOUND,)))
        radio.publisher.publish(footage(0, 4, rate=40, size=400))
        asked = request()
        asked.clientproto = b"HTTP/1.1"
        IcyTitles(radio).announce(asked, (SOUND,))
        found = dict(asked.responseHeaders.getAllRawHeaders())
        self.assertEqual(found[b"icy-metaint"], [b"16000"])
        self.assertEqual(found[b"icy-name"], [b"Radio Example"])
        self.assertEqual(found[b"icy-br"], [b"128"])
        self.assertNotIn(b"icy-genre", found)
        self.assertEqual(found[b"Connection"], [b"close"])
        self.assertEqual(asked.clientproto, b"HTTP/1.0")

    def test_unknown(self) -> None:
        """A stream without a title has its name, and without media no bitrate."""
        asked = request()
        IcyTitles(stream()).announce(asked, ())
        found = dict(asked.responseHeaders.getAllRawHeaders())
        self.assertEqual(found[b"icy-name"], [b"radio"])
        self.assertNotIn(b"icy-br", found)
