"""Which tracks are sent, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import av

from mkvtwist.libav.limits import TRACK_LIMIT
from tests.support import media
from tests.support.oddities import with_data
from tests.support.readers import ReaderTestCase, headers, jpeg


class SentTracksTests(ReaderTestCase):
    """Tracks of files."""

    def test_tracks(self) -> None:
        """The header's tracks say what a status shows."""
        clip = media.clip(seconds=1, languages=("deu",), titles=("Ton",))
        (header,) = headers(self.read(clip))
        video, audio = header.tracks
        self.assertEqual((video.number, video.type, video.codec), (1, "video", "h264"))
        self.assertEqual((video.width, video.height, video.frame_rate), (160, 120, 25.0))
        self.assertEqual((audio.number, audio.type, audio.codec), (2, "audio", "aac"))
        self.assertEqual((audio.sample_rate, audio.channels), (48000, 2))
        self.assertEqual((audio.language, audio.title), ("deu", "Ton"))
        self.assertEqual(header.left_out, ())

    def test_languages(self) -> None:
        """What a container gives as a language is one, or the track has none."""
        for said, language in (
            ("deu", "deu"),
            ("pt-BR", "pt-BR"),
            ("und", None),
            ("???", None),
            ("eng,deu", "eng"),
        ):
            (header,) = headers(self.read(media.clip(seconds=1, languages=(said,))))
            self.assertEqual(header.tracks[1].language, language, said)
            self.assertNotIn(b"???", header.matroska_head)

    def test_cover(self) -> None:
        """A cover is no track: it travels with the header."""
        picture = jpeg()
        clip = media.clip(seconds=1, attachments=[("cover.jpg", "image/jpeg", picture)])
        (header,) = headers(self.read(clip))
        self.assertEqual([track.type for track in header.tracks], ["video", "audio"])
        self.assertEqual(header.matroska_head.count(picture), 1)

    def test_font(self) -> None:
        """What else is attached travels with the header, too."""
        clip = media.clip(seconds=1, attachments=[("a.ttf", "font/ttf", b"0123456789")])
        (header,) = headers(self.read(clip))
        self.assertIn(b"0123456789", header.matroska_head)
        self.assertEqual(len(header.tracks), 2)

    def test_data_track(self) -> None:
        """A track that no player shows is left out, with a sentence; the others are not."""
        path = Path(self.mktemp())
        path.write_bytes(with_data(media.clip(seconds=2), "timed_id3"))
        header = headers(self.read(path))[-1]
        self.assertEqual([track.type for track in header.tracks], ["video", "audio"])
        self.assertEqual(len(header.left_out), 1)
        self.assertIn("data", header.left_out[0])

    def test_too_many_tracks(self) -> None:
        """Of very many tracks the first ones are sent."""
        clip = media.clip(
            container="mov",
            video=None,
            audio="pcm_s16le",
            channels=1,
            sample_rate=8000,
            seconds=0.2,
            languages=("eng",) * (2 * TRACK_LIMIT + 6),
        )
        (header,) = headers(self.read(clip))
        self.assertEqual(len(header.tracks), TRACK_LIMIT)
        self.assertIn("more than 64 tracks", header.left_out[0])
        self.assertEqual(len(header.left_out), TRACK_LIMIT, "nor are all the others named")

    def test_only_data(self) -> None:
        """An input with nothing to send in it is at fault, and says what is in it."""
        path = Path(self.mktemp())
        source = with_data(media.clip(seconds=1), "timed_id3")
        with media.opened(source) as file, av.open(str(path), "w", format="mpegts") as out:
            copy = out.add_data_stream("timed_id3")
            for packet in file.demux(file.streams.data[0]):
                if packet.size:
                    packet.stream = copy
                    out.mux(packet)
        ended = self.read_fault(path)
        self.assertIn("no track that can be sent", ended.reason)
        self.assertIn("data", ended.reason)
