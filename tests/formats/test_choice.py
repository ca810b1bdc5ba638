"""Which tracks are sent in which format, and what is said of the others."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.aac import AAC
from mkvtwist.formats.base import Format
from mkvtwist.formats.choice import Choice, NoTrack, Unfit, choose, endings, media_types, preferred
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.mp3 import MP3
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.registry import register, unregister
from mkvtwist.formats.webm import WEBM
from mkvtwist.formats.webvtt import WEBVTT
from mkvtwist.media.packet import Header, Track
from mkvtwist.testing import AUDIO, VIDEO

PCM = Track(number=3, type="audio", codec="pcm_s16le")
TEXT = Track(number=4, type="subtitle", codec="subrip")
PICTURES = Track(number=5, type="subtitle", codec="hdmv_pgs_subtitle")


def header(*tracks: Track, mp4: set[int] | None = None) -> Header:
    """A header for these tracks, of which some fit MP4."""
    return Header(
        tuple(
            replace(track, mp4_head=b"head") if track.number in (mp4 or ()) else track
            for track in tracks
        )
    )


class ChooseTests(SynchronousTestCase):
    """What somebody gets who asks for a format."""

    def check(
        self, made: Header, format_: Format, wanted: set[int] | None, tracks: set[int]
    ) -> None:
        """One choice."""
        chosen = choose(made, format_, None if wanted is None else frozenset(wanted))
        self.assertEqual(chosen, Choice(format_, frozenset(tracks)))

    def refused(self, made: Header, format_: Format, wanted: set[int] | None = None) -> str:
        """Why there is nothing."""
        numbers = None if wanted is None else frozenset(wanted)
        return str(self.assertRaises(Unfit, choose, made, format_, numbers))

    def test_unasked(self) -> None:
        """Unasked come all pictures and sounds; subtitles where they can, and stand in no way."""
        made = header(VIDEO, AUDIO, TEXT, mp4={1, 2})
        self.check(made, MATROSKA, None, {1, 2, 4})
        self.check(made, MP4, None, {1, 2})
        self.check(made, WEBVTT, None, {4})

    def test_wanted(self) -> None:
        """A choice of tracks has the tracks that are asked for."""
        made = header(VIDEO, AUDIO, PCM, TEXT, mp4={1, 2})
        self.check(made, MATROSKA, {3}, {3})
        self.check(made, MP4, {1}, {1})
        self.check(made, MP4, {1, 2}, {1, 2})

    def test_unfit(self) -> None:
        """What cannot live there is named, and where all that was asked for can."""
        made = header(VIDEO, AUDIO, PCM, mp4={1, 2})
        wrong = "track 3 (audio, pcm_s16le) cannot live in MP4; ask for .mkv instead"
        part = "or for a part of it: .mp4?tracks="
        self.assertEqual(self.refused(made, MP4), f"{wrong}, {part}1,2")
        self.assertEqual(self.refused(made, MP4, {1, 3}), f"{wrong}, {part}1")
        self.assertEqual(self.refused(made, MP4, {3}), wrong)
        self.assertIn("ask for .mkv or .mp4 instead", self.refused(made, WEBM, {1, 2}))

    def test_part(self) -> None:
        """A part is named where it has the picture; sound alone is none of a film."""
        made = header(VIDEO, replace(PCM, codec="opus"), mp4={1})
        self.assertEqual(
            self.refused(made, WEBM),
            "track 1 (video, h264) cannot live in WebM; ask for .mkv instead, or for a part of it:"
            " .mp4?tracks=1",
        )
        self.assertEqual(
            self.refused(header(AUDIO, PCM, mp4={2}), MP4),
            "track 3 (audio, pcm_s16le) cannot live in MP4; ask for .mkv instead, or for a part of"
            " it: .mp4?tracks=2",
        )

    def test_one_track(self) -> None:
        """A format of one track sends that alone, and stands for no film in the advice."""
        radio = replace(
            MATROSKA,
            name="radio",
            title="Radio",
            ending=".radio",
            fits=lambda track: track.codec == "aac",
            one_of="AAC tracks",
        )
        register(radio)
        self.addCleanup(unregister, radio)
        made = header(VIDEO, AUDIO, replace(AUDIO, number=6, default=True))
        self.check(made, radio, None, {6})
        self.check(made, radio, {2}, {2})
        self.assertTrue(
            self.refused(made, MP4).endswith("cannot live in MP4; ask for .mkv instead")
        )
        self.assertIn("ask for .mkv or .radio instead", self.refused(made, MP4, {2}))
        self.assertIn("there are no AAC tracks", self.refused(header(VIDEO), radio))

    def test_sound(self) -> None:
        """A format of sound sends one; the format that its codec fits is named first."""
        private = bytes((0x11, 0x90))
        aac = replace(AUDIO, codec_private=private)
        made = header(VIDEO, aac, replace(aac, number=6, default=True), mp4={1, 2, 6})
        self.check(made, AAC, None, {6})
        self.check(made, AAC, {2}, {2})
        self.assertEqual(
            self.refused(made, MP3),
            "there are no sounds of MPEG audio; ask for .aac or .mkv or .mp4 instead",
        )
        self.assertEqual(
            self.refused(made, AAC, {2, 6}),
            "AAC holds one track, not 2; ask for .mkv or .mp4 or .ts instead, or for a part of it:"
            " .aac?tracks=6 or .flv?tracks=6",
        )
        self.assertIn("track 1 (video, h264) cannot live in AAC", self.refused(made, AAC, {1}))

    def test_no_text(self) -> None:
        """Subtitles that are pictures are no text."""
        made = header(VIDEO, PICTURES)
        self.assertIn("there are no subtitles that are text", self.refused(made, WEBVTT))
        self.assertIn("track 5 (subtitle, hdmv_pgs", self.refused(made, WEBVTT, {5}))

    def test_only_subtitles(self) -> None:
        """Of subtitles alone there is nothing to be seen where they are not sent."""
        self.assertIn("there are only subtitles", self.refused(header(TEXT), MP4))

    def test_second_picture(self) -> None:
        """Pictures come with those at whose keyframes the stream is cut, or not at all."""
        second = replace(VIDEO, number=5)
        made = header(VIDEO, second, AUDIO, mp4={1, 2, 5})
        self.check(made, MP4, {1, 5}, {1, 5})
        self.assertEqual(
            self.refused(made, MATROSKA, {2, 5}),
            "track 5 (video, h264) comes only together with track 1 (video, h264), at whose"
            " keyframes the stream is cut",
        )

    def test_no_track(self) -> None:
        """A track that does not exist is refused with those that do."""
        made = header(VIDEO, AUDIO)
        problem = self.assertRaises(NoTrack, choose, made, MP4, frozenset({1, 7, 9}))
        self.assertEqual(
            str(problem),
            "There is no track 7, 9; there are track 1 (video, h264), track 2 (audio, aac)",
        )

    def test_preferred(self) -> None:
        """Of several texts the default one comes unasked, or else the first."""
        other = replace(TEXT, number=6, default=True)
        self.assertEqual(preferred([TEXT, other]), [other])
        self.assertEqual(preferred([TEXT, replace(other, default=False)]), [TEXT])
        self.assertEqual(preferred([]), [])


class NameTests(SynchronousTestCase):
    """What formats are called."""

    def test_media_types(self) -> None:
        """Each format that can be had is there by its ending, with what is sent in it."""
        video, audio = (
            replace(VIDEO, codec_string="avc1.64001f"),
            replace(AUDIO, codec_string="mp4a.40.2"),
        )
        self.assertEqual(
            media_types(header(video, audio, TEXT, mp4={1, 2})),
            {
                "mkv": 'video/x-matroska; codecs="avc1.64001f, mp4a.40.2"',
                "mp4": 'video/mp4; codecs="avc1.64001f, mp4a.40.2"',
                "vtt": "text/vtt; charset=utf-8",
            },
        )
        self.assertNotIn("mp4", media_types(header(video, PCM, mp4={1})))

    def test_endings(self) -> None:
        """Of each track it is known where it can live."""
        self.assertEqual(
            endings(header(VIDEO, PCM, TEXT, mp4={1})),
            {1: ("mkv", "mp4"), 3: ("mkv",), 4: ("mkv", "vtt")},
        )
