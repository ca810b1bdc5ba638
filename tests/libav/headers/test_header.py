"""The header of an input's tracks: in which formats they can be sent, and why not in others."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.choice import Unfit, choose
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.webm import WEBM
from mkvtwist.libav.adapters import Adapter, adapter_for
from mkvtwist.libav.headers.header import write_header
from tests.support import media
from tests.support.adapters import described
from tests.support.mp4 import WORDS


class UnfitTests(SynchronousTestCase):
    """Which formats a stream can be sent in, and why not in the others."""

    def fitting(self, **more: Any) -> tuple[list[str], dict[str, str]]:
        """The formats that there are, and what is said of the others."""
        header = described(media.clip(seconds=0.2, **more), after=True)
        unfit = {}
        for format_ in (MP4, WEBM):
            try:
                choose(header, format_)
            except Unfit as problem:
                unfit[format_.name] = str(problem)
        found = {f.name for f in (MATROSKA, MP4, WEBM) if f.fitting(header.tracks)}
        return sorted(found), unfit

    def test_all(self) -> None:
        """AV1 and Opus live in all of them; subtitles stand in nobody's way."""
        found = self.fitting(video="libsvtav1", audio="libopus", subtitles=WORDS)
        self.assertEqual(found, (["matroska", "mp4", "webm"], {}))

    def test_named(self) -> None:
        """The tracks that a format has no place for are named."""
        found = self.fitting(video="libvpx", audio="mp2")
        self.assertEqual(
            found,
            (
                ["matroska", "mp4", "webm"],
                {
                    "webm": "track 2 (audio, mp2) cannot live in WebM; ask for .mkv instead, or for"
                    " a part of it: .webm?tracks=1",
                    "mp4": "track 1 (video, vp8) cannot live in MP4; ask for .mkv instead, or for"
                    " a part of it: .webm?tracks=1",
                },
            ),
        )
        _, unfit = self.fitting()
        self.assertIn(
            "track 1 (video, h264) and track 2 (audio, aac) cannot live in WebM; ask for .mkv or",
            unfit["webm"],
        )

    def test_only_subtitles(self) -> None:
        """Of subtitles alone there is nothing to send but in Matroska."""
        formats, unfit = self.fitting(video=None, audio=None, subtitles=WORDS)
        self.assertEqual(formats, ["matroska"])
        for name, title in (("mp4", "MP4"), ("webm", "WebM")):
            why = f"there are only subtitles, which are not sent in {title}; ask for .mkv instead"
            self.assertEqual(unfit[name], why)

    def test_refused(self) -> None:
        """What libavformat refuses to describe keeps the stream out of MP4, and harms nothing."""
        for sample in (b"", b"x", bytes(4000)):
            with media.opened(media.clip(audio="ac3", seconds=0.2)) as container:
                adapters: list[Adapter] = [adapter_for(stream) for stream in container.streams]
                adapters[1].sample = sample
                header, _ = write_header(adapters, container)
            self.assertEqual(MP4.fitting(header.tracks), {1})
            problem = self.assertRaises(Unfit, choose, header, MP4)
            self.assertIn("track 2 (audio, ac3) cannot live in MP4", str(problem))
            self.assertEqual(len(header.tracks), 2)
