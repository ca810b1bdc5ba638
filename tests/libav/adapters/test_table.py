"""The adapter of each kind of track."""

from __future__ import annotations

from av.stream import Disposition
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.adapters import adapter_for, is_cover
from mkvtwist.libav.unusable import Unusable
from mkvtwist.libav.wording import label
from tests.support import media
from tests.support.oddities import with_data


class ChoiceTests(SynchronousTestCase):
    """Which adapter a track gets."""

    def kinds(self, source: media.Source) -> list[str]:
        """The adapters' names."""
        with media.opened(source) as container:
            return [type(adapter_for(stream)).__name__ for stream in container.streams]

    def test_data(self) -> None:
        """Data tracks cannot be sent."""
        data = with_data(media.clip(container="mpegts", seconds=1), "timed_id3")
        with media.opened(data) as container:
            (stream,) = [s for s in container.streams if s.type == "data"]
            error = self.assertRaises(Unusable, adapter_for, stream)
            self.assertEqual(str(error), "data cannot be sent")
            self.assertTrue(label(stream).startswith(f"track {stream.index} (data"))

    def test_unknown_codec(self) -> None:
        """Tracks of a codec that libavcodec does not know cannot be sent."""
        clip = media.clip(video="libvpx", audio=None, seconds=0.2).read_bytes()
        with media.opened(clip.replace(b"V_VP8", b"V_XXX")) as container:
            self.assertRaises(Unusable, adapter_for, container.streams[0])

    def test_stored(self) -> None:
        """H.264 as Matroska stores it is stored as it is; with start codes it is not."""
        for container, kind in (
            ("matroska", "LengthPrefixed"),
            ("mpegts", "PartlyTimed"),
            ("h264", "Untimed"),
        ):
            self.assertEqual(self.kinds(media.clip(container=container, seconds=0.2))[0], kind)

    def test_cover(self) -> None:
        """A cover is told from moving pictures."""
        with media.opened(media.clip(seconds=0.2)) as container:
            self.assertFalse(is_cover(container.streams[0]))
            container.streams[0].disposition = Disposition.attached_pic
            self.assertTrue(is_cover(container.streams[0]))
