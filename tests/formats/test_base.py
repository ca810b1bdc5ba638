"""What all formats have in common: which tracks fit, MIME types, and muxers that keep nothing."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.base import video_or_audio
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.webvtt import WEBVTT
from mkvtwist.media.packet import Track
from mkvtwist.testing import AUDIO, VIDEO, footage, header
from tests.support import media

TEXT = Track(number=3, type="subtitle", codec="text")


class FormatTests(SynchronousTestCase):
    """What is known of a format."""

    def test_fitting(self) -> None:
        """The tracks that fit are named by their numbers."""
        self.assertEqual(WEBVTT.fitting((VIDEO, AUDIO, TEXT)), {3})
        self.assertEqual(MATROSKA.fitting((VIDEO, AUDIO, TEXT)), {1, 2, 3})
        self.assertEqual(WEBVTT.fitting(()), frozenset())

    def test_media_type(self) -> None:
        """Sound alone is audio; what is not known yet might be anything, so it is video."""
        media_type = video_or_audio("x-any")
        self.assertEqual(media_type((AUDIO,)), "audio/x-any")
        self.assertEqual(media_type((AUDIO, VIDEO)), "video/x-any")
        self.assertEqual(media_type(()), "video/x-any")

    def test_codecs(self) -> None:
        """The MIME type names the codecs of pictures and sound; subtitles have no say in it."""
        tracks = (
            replace(VIDEO, codec_string="avc1.64001f"),
            replace(AUDIO, codec_string="mp4a.40.2"),
            TEXT,
        )
        expected = 'video/x-any; codecs="avc1.64001f, mp4a.40.2"'
        self.assertEqual(video_or_audio("x-any")(tracks), expected)


class MuxerTests(SynchronousTestCase):
    """A muxer whose fragments depend on their packets alone."""

    def test_alone(self) -> None:
        """It has nothing to count, and makes the same of packets whenever they come."""
        muxer = media.all_of(MATROSKA, header())
        packets = footage(0, 1)
        self.assertIsNone(muxer.start)
        self.assertIsNone(muxer.advance(packets, None))
        self.assertIsNone(muxer.moved(None, None, None))
        self.assertEqual(muxer.live(packets, 0, None), muxer.render(packets))
