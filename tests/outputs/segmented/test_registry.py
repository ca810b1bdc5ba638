"""The segmented outputs, listed."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.media.packet import Header, Track
from mkvtwist.outputs.segmented.registry import MANIFESTS, media_types
from mkvtwist.testing import VIDEO
from tests.support.fakes import in_mp4


class ManifestTests(SynchronousTestCase):
    """What a player can load first."""

    def test_listed(self) -> None:
        """Each is listed by its name, and told apart by its ending."""
        for name, manifest in MANIFESTS.items():
            self.assertEqual(manifest.name, name)
            self.assertTrue(name.endswith(manifest.ending))
        self.assertEqual(len({m.ending for m in MANIFESTS.values()}), len(MANIFESTS))

    def test_media_types(self) -> None:
        """Tracks that can be had have a MIME type for each of them, others have none."""
        self.assertEqual(
            media_types(Header((in_mp4(VIDEO),))), {"m3u8": "application/vnd.apple.mpegurl"}
        )
        self.assertEqual(media_types(Header((Track(number=1, type="video", codec="vp8"),))), {})
