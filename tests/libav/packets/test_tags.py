"""The tags of an input: a song, or the title of a film or a radio."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav import Event, Tagged
from mkvtwist.libav.packets.tags import Tags
from tests.support import media
from tests.support.readers import ThreadedReader

SONG = (("TITLE", "Title"), ("ARTIST", "Artist"))


class Radio:
    """
    A container of a radio, and its description.

    @ivar now: the title that it sends.
    """

    def __init__(self, **tags: str) -> None:
        self.format = SimpleNamespace(name="mp3")
        self.metadata = {key.replace("_", "-"): value for key, value in tags.items()}
        self.now: str | None = tags.get("StreamTitle")

    def stream_title(self) -> str | None:
        return self.now


class TagsTests(SynchronousTestCase):
    """L{Tags}."""

    def told(self, **clip: Any) -> list[Tagged]:
        """What a reader tells of a clip."""
        events = ThreadedReader(self, media.clip(seconds=0.3, **clip)).all()
        return [event for event in events if isinstance(event, Tagged)]

    def test_song(self) -> None:
        """The title of sound alone is what is playing, in a container as in Ogg."""
        for container in ("mp3", "ogg", "flac"):
            self.assertEqual(
                self.told(container=container, video=None, metadata=SONG),
                [Tagged("Title", "Artist")],
            )

    def test_on_the_way(self) -> None:
        """Songs of MP3 after each other, each with its tag in front, are told as they come."""
        songs = [(("TITLE", f"Title {n}"), ("ARTIST", "Artist")) for n in range(3)]
        clips = (media.clip(container="mp3", seconds=2, metadata=song) for song in songs)
        path = Path(self.mktemp())
        path.write_bytes(b"".join(clip.read_bytes() for clip in clips))
        events = ThreadedReader(self, path).all()
        self.assertEqual(
            [event for event in events if isinstance(event, Tagged)],
            [Tagged(f"Title {n}", "Artist") for n in range(3)],
        )

    def test_film(self) -> None:
        """What has pictures has a title of its own."""
        self.assertEqual(self.told(metadata=SONG), [Tagged(station="Title")])

    def test_none(self) -> None:
        """Of an input without tags nothing is told."""
        self.assertEqual(self.told(), [])

    def test_radio(self) -> None:
        """A radio has a name and a genre, and its title changes on the way."""
        events: list[Event] = []
        radio: Any = Radio(
            icy_name="Radio", icy_genre="Jazz", icy_description="All day", StreamTitle="A - B"
        )
        tags = Tags(radio, radio, events.append, ())
        about = {"station": "Radio", "genre": "Jazz", "description": "All day"}
        tags.look()
        self.assertEqual(events, [Tagged("A - B", **about)])
        for now in ("C - D", "C - D", None, "E"):
            radio.now = now
            tags.look()
        self.assertEqual(events[1:], [Tagged("C - D", **about), Tagged("E", **about)])
