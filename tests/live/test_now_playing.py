"""What is playing, and who hears of it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.live.events import Event, Events, TitleChanged
from mkvtwist.live.now_playing import NowPlaying, Song
from tests.support.fakes import Log


class NowPlayingTests(SynchronousTestCase):
    """L{NowPlaying}."""

    def setUp(self) -> None:
        """A stream of which nothing is known, at second 100."""
        self.log = Log(self)
        self.told: list[Event] = []
        events = Events()
        events.subscribe(self.told.append)
        self.now = 100.0
        self.playing = NowPlaying("radio", events, lambda: self.now)

    def texts(self) -> list[str]:
        """The titles that events have told."""
        return [event.title for event in self.told if isinstance(event, TitleChanged)]

    def test_song(self) -> None:
        """A song is kept with the time at which it was told, logged, and told to listeners."""
        self.playing.tell("Title", "Artist", "https://radio.example/cover.jpg")
        song = self.playing.song
        self.assertEqual(song, Song("Title", "Artist", "https://radio.example/cover.jpg"))
        assert song is not None
        self.assertEqual((song.since, song.text), (100.0, "Artist - Title"))
        (event,) = self.told
        self.assertEqual(
            (event.stream, event.kind, event.details),
            (
                "radio",
                "title changed",
                {
                    "title": "Title",
                    "artist": "Artist",
                    "artwork": "https://radio.example/cover.jpg",
                },
            ),
        )
        self.assertEqual(len(self.log.about("now playing: Artist - Title")), 1)

    def test_many(self) -> None:
        """However many songs there are in a second, the log has a line for one of them."""
        for number in range(100):
            self.now += 0.009
            self.playing.tell(f"Title {number}")
        self.assertEqual(len(self.log.about("now playing")), 1)
        self.assertEqual(len(self.told), 100)

    def test_as_one_text(self) -> None:
        """An artist before a dash is told apart; a text without one is a title."""
        for text, title, artist in (
            ("Artist - Title", "Title", "Artist"),
            ("Artist - Title - Live", "Title - Live", "Artist"),
            ("Artist \u2013 Title", "Title", "Artist"),
            ("Self-Titled", "Self-Titled", None),
            ("- Title", "- Title", None),
            (" News ", "News", None),
        ):
            self.playing.tell(text)
            self.assertEqual(self.playing.song, Song(title, artist))
        self.playing.tell("One - Two", "Three")
        self.assertEqual(self.playing.song, Song("One - Two", "Three"))

    def test_same(self) -> None:
        """The same song again changes nothing, nor does another silence."""
        self.playing.hold()
        self.playing.tell("Artist - Title")
        self.now = 200.0
        self.playing.tell("Title", "Artist")
        assert self.playing.song is not None
        self.assertEqual(self.playing.song.since, 100.0)
        self.assertEqual(self.texts(), ["Title"])

    def test_forgotten(self) -> None:
        """When the input is away, or a song has no title, nothing is playing."""
        for forget in (self.playing.hold, lambda: self.playing.tell(" ", "Artist")):
            self.playing.tell("Title")
            forget()
            self.assertIsNone(self.playing.song)
        self.assertEqual(self.texts(), ["Title", "", "Title", ""])

    def test_strange_texts(self) -> None:
        """Texts are one line of a bounded length, and artwork is an address of the web."""
        self.playing.tell("a\nb" + "x" * 9999, artwork="javascript:alert(1)")
        assert self.playing.song is not None
        self.assertLess(len(self.playing.song.title), 600)
        self.assertTrue(self.playing.song.title.isprintable())
        self.assertIsNone(self.playing.song.artwork)
        self.playing.tell("b", artwork="http://" + "x" * 9999)
        self.assertIsNone(self.playing.song.artwork)
