"""What an input has beside its tracks, cut to a size before it is copied."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.libav import set_up
from mkvtwist.libav.adapters.base import SETUP_LIMIT
from mkvtwist.libav.headers.extras import (
    FILE_BYTES,
    MOST_ATTACHMENTS,
    MOST_CHAPTERS,
    MOST_TAGS,
    TAG_BYTES,
    TEXT_BYTES,
    Attachment,
    Extras,
)
from mkvtwist.media.packet import Header
from tests.support import hostile
from tests.support.readers import ThreadedReader, filled_pipe, headers


class Opened:
    """An opened input with these tags and chapters."""

    def __init__(self, metadata: dict[str, str], chapters: tuple[str, ...] = ()) -> None:
        self.metadata = metadata
        self._titles = chapters

    def chapters(self) -> list[Any]:
        base = Fraction(1, 1000)
        return [
            {"id": i, "start": i, "end": i + 1, "time_base": base, "metadata": {"title": title}}
            for i, title in enumerate(self._titles)
        ]


class AttachedStream:
    """One of an opened input's attachments."""

    index = 3

    def __init__(self, size: int, **metadata: str) -> None:
        self.data = bytes(size)
        self.metadata = metadata


class ExtrasTests(SynchronousTestCase):
    """How much is taken."""

    def test_all(self) -> None:
        """What a sound input has is taken as it is."""
        extras = Extras(
            Opened({"title": "ä", "ENCODER": "x"}, ("one", "two")),
            [AttachedStream(5, filename="a.ttf", mimetype="font/ttf"), AttachedStream(1)],
        )
        extras.add_cover(7, "png", b"cover")
        extras.add_cover(7, "png", b"cover")
        extras.add_cover(8, "tiff", b"cover")
        self.assertEqual(extras.metadata, {"title": "ä"})
        self.assertEqual([c["metadata"]["title"] for c in extras.chapters()], ["one", "two"])
        self.assertEqual(
            extras.files(),
            [
                Attachment("a.ttf", "font/ttf", bytes(5)),
                Attachment("attachment-3", "application/octet-stream", bytes(1)),
                Attachment("cover.png", "image/png", b"cover"),
            ],
        )
        self.assertEqual(extras.left_out, [])

    def test_many_tags(self) -> None:
        """The first tags are taken, and those that are short."""
        long = {"a": "x" * TAG_BYTES, "b": "x" * (TAG_BYTES + 1), "x" * (TAG_BYTES + 1): "c"}
        extras = Extras(Opened({**long, **{str(i): "y" for i in range(30_000)}}))
        self.assertEqual(list(extras.metadata), ["a", *map(str, range(MOST_TAGS - 1))])
        self.assertEqual(extras.left_out, ["29903 of 30003 tags"])

    def test_large_tags(self) -> None:
        """All of them together are short, too, in bytes."""
        extras = Extras(Opened({str(i): "ä" * TAG_BYTES for i in range(MOST_TAGS)}))
        size = sum(len(text.encode()) for pair in extras.metadata.items() for text in pair)
        self.assertTrue(TEXT_BYTES - 3 * TAG_BYTES < size <= TEXT_BYTES, str(size))

    def test_many_chapters(self) -> None:
        """The first chapters are taken, with titles as long as there is room."""
        extras = Extras(Opened({}, ("x" * 1000,) * (MOST_CHAPTERS + 5)))
        self.assertEqual(len(extras.chapters()), MOST_CHAPTERS)
        titled = [chapter for chapter in extras.chapters() if chapter["metadata"]]
        self.assertEqual(len(titled), TEXT_BYTES // 1005)
        self.assertEqual(extras.left_out, [f"5 of {MOST_CHAPTERS + 5} chapters"])

    def test_many_attachments(self) -> None:
        """Attachments end where one is too many, or too large."""
        extras = Extras(Opened({}), [AttachedStream(1)] * (MOST_ATTACHMENTS + 1))
        self.assertEqual(len(extras.files()), MOST_ATTACHMENTS)
        reason = "attachments, for they are too many or too large"
        self.assertEqual(extras.left_out, [f"1 of {MOST_ATTACHMENTS + 1} {reason}"])
        extras = Extras(
            Opened({}), [AttachedStream(FILE_BYTES - 10), AttachedStream(11), AttachedStream(1)]
        )
        self.assertEqual(len(extras.files()), 1)
        self.assertEqual(extras.left_out, [f"2 of 3 {reason}"])
        extras.add_cover(1, "png", bytes(11))
        extras.add_cover(2, "png", bytes(10))
        self.assertEqual(len(extras.files()), 2)

    def test_long_names(self) -> None:
        """A file whose name is too long has none."""
        (file,) = Extras(Opened({}), [AttachedStream(1, filename="x" * 10_000)]).files()
        self.assertEqual(file.name, "attachment-3")


class HostileTests(SynchronousTestCase):
    """Real media that have too much."""

    def header(self, data: bytes) -> Header:
        """What they become."""
        set_up()
        source = Input(Form.ENDPOINT, "tcp:1")
        events = ThreadedReader(self, source, filled_pipe(data)).all()
        return headers(events)[0]

    def test_header(self) -> None:
        """A header is small, whatever the input has, and says what is missing."""
        data = hostile.with_elements(
            hostile.film(),
            hostile.tags(2000, size=100),
            hostile.chapters(3000),
            hostile.attachments(100, 1000),
        )
        header = self.header(data)
        self.assertLess(len(header.matroska_head), 200_000)
        self.assertEqual(
            [text.partition(",")[0] for text in header.left_out],
            ["1900 of 2000 tags", "2000 of 3000 chapters", "36 of 100 attachments"],
        )

    def test_setup(self) -> None:
        """A track whose setup is too large is left out."""
        header = self.header(hostile.private(hostile.film(), SETUP_LIMIT + 1))
        self.assertEqual([track.type for track in header.tracks], ["audio"])
        self.assertEqual(
            header.left_out,
            ("track 0 (video, h264): its decoder's setup has more than 1 MiB",),
        )

    def test_words(self) -> None:
        """
        Nothing that a track is called forges lines or colours; its title is not too long, and what
        is no language is none.
        """
        name = "\x1b[31m\nforged " + "x" * 10_000
        header = self.header(hostile.named(hostile.film(), b"de\x1b[1m\nu", name.encode()))
        for track in header.tracks:
            self.assertIsNone(track.language)
            self.assertTrue((track.title or "").startswith("\\x1b[31m\\nforged xxx"))
            self.assertLess(len(track.title or ""), 600)
        self.assertNotIn(b"forged", header.matroska_head)
        bad = hostile.private(hostile.named(hostile.film(), b"a\nb", b""), SETUP_LIMIT + 1)
        self.assertIn("a\\nb", self.header(bad).left_out[0])
