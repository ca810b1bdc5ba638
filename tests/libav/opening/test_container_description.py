"""Looks at the demuxer's tracks, which cost little."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.opening.container_description import LOOK_COST, READ_COST, ContainerDescription
from mkvtwist.libav.opening.format_dump import FoundTrack


class Container:
    """
    A container that has something to say.

    @ivar now: seconds that the thread has worked.
    @ivar cost: what a look takes of them.
    @ivar asked: how often it has been looked at.
    """

    def __init__(self, name: str) -> None:
        self.format = self
        self.name = name
        self.now = self.cost = 0.0
        self.asked = self.tracks = 0
        self.streams: list[Any] = []
        self.metadata: dict[str, str] = {}
        self.title = ""

    def thread_time(self) -> float:
        return self.now

    def dumps_format(self) -> str:
        self.asked += 1
        self.now += self.cost
        title = f"  Metadata:\n    StreamTitle     : {self.title}\n" if self.title else ""
        return title + "".join(f"Stream #0:{i}[0x100]: Audio: mp2\n" for i in range(self.tracks))


class DescriptionTests(SynchronousTestCase):
    """Looks at the demuxer's tracks."""

    def description(self, container: Container) -> ContainerDescription:
        """That of an opened container."""
        return ContainerDescription(container, 0.0, container.thread_time)

    def test_title(self) -> None:
        """The title of a radio is found as it is now; of anything else nothing is asked."""
        radio = Container("mp3")
        radio.metadata = {"icy-name": "Radio"}
        description = self.description(radio)
        self.assertIsNone(description.stream_title())
        for title in ("Artist - Title", "a : b"):
            radio.title = title
            self.assertEqual(description.stream_title(), title)
        file = Container("mp3")
        self.assertIsNone(self.description(file).stream_title())
        self.assertEqual(file.asked, 0)

    def test_more(self) -> None:
        """A track that turns up is noticed."""
        container = Container("mpegts")
        description = self.description(container)
        self.assertFalse(description.tracks())
        container.tracks = 1
        self.assertTrue(description.tracks())
        self.assertEqual(self.description(container).first, {FoundTrack(0, "Audio", "mp2")})

    def test_others(self) -> None:
        """Where no tracks turn up nothing is looked at: it would list all tags."""
        container = Container("matroska,webm")
        description = self.description(container)
        self.assertFalse(description.tracks())
        self.assertEqual(container.asked, 0)

    def test_dear(self) -> None:
        """Where a look takes long there is no other."""
        container = Container("mpegts")
        description = self.description(container)
        container.cost, container.tracks = 2 * LOOK_COST, 1
        self.assertTrue(description.tracks())
        self.assertFalse(description.tracks())
        self.assertEqual(container.asked, 2)

    def test_hard_to_read(self) -> None:
        """Where reading takes much there is none at all."""
        container = Container("mpegts")
        description = self.description(container)
        for _ in range(10):
            container.now += READ_COST / 2
            description.tracks()
        self.assertEqual(container.asked, 11)
        container.now += READ_COST * 2
        self.assertFalse(description.tracks())
        self.assertEqual(container.asked, 11)
