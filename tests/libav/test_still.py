"""Stills: made when asked for, seldom, one at a time, and of whatever a stream may carry."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.libav import set_up
from mkvtwist.libav.still import NoStill, jpeg
from tests.support import media
from tests.support.fakes import head
from tests.support.readers import ThreadedReader, headers, packets


def shown(picture: bytes) -> Any:
    """What a browser would show."""
    with av.open(io.BytesIO(picture), "r") as container:
        return next(container.decode(video=0))


class PictureTests(SynchronousTestCase):
    """One keyframe, decoded."""

    def setUp(self) -> None:
        set_up()

    def still(self, which: int = 0, make: Callable[[bytes], bytes] = jpeg, **clip: Any) -> bytes:
        """A still of one of a clip's keyframes."""
        events = ThreadedReader(self, media.clip(**clip)).all()
        format_ = MatroskaMuxer(headers(events)[0])
        keys = [p for p in packets(events) if p.key and p.track == 1]
        return make(format_.head + format_.render([keys[which]]))

    def test_codecs(self) -> None:
        """It is the keyframe's picture, whatever codec that is in."""
        for clip in (
            {"bframes": 2},
            {"video": "libx265"},
            {"video": "libsvtav1"},
            {"container": "webm"},
            {"container": "mpegps"},
            {"container": "avi"},
            {"container": "mpegts"},
        ):
            frame = shown(self.still(1, gop=10, seconds=1, **clip))
            self.assertEqual(media.picture_number(frame), 10, clip)
            self.assertEqual((frame.width, frame.height), (160, 120))

    def test_small(self) -> None:
        """A large picture is made small, and keeps its shape."""
        frame = shown(self.still(size=(1920, 1080), seconds=0.2, audio=None))
        self.assertEqual((frame.width, frame.height), (640, 360))

    def test_shape(self) -> None:
        """Pixels that are not square become so."""
        for sar, size in ((Fraction(16, 11), (640, 352)), (Fraction(1, 4), (180, 576))):
            still = self.still(size=(720, 576), sar=sar, seconds=0.2, audio=None)
            frame = shown(still)
            self.assertEqual((frame.width, frame.height), size)

    def test_too_large(self) -> None:
        """A picture of more pixels than anybody has is not decoded."""
        make = partial(jpeg, most_pixels=160 * 119)
        error = self.assertRaises(NoStill, self.still, make=make, seconds=0.2)
        self.assertEqual(str(error), "160x120 is too large a picture")

    def test_nothing(self) -> None:
        """Bytes that are no picture are refused with a reason."""
        events = ThreadedReader(self, media.clip(seconds=0.2)).all()
        format_ = MatroskaMuxer(headers(events)[0])
        key = next(p for p in packets(events) if p.key)
        sound = MatroskaMuxer(
            headers(ThreadedReader(self, media.clip(video=None, seconds=0.2)).all())[0]
        ).head
        for bad in (
            b"",
            head(),
            sound,
            format_.head,
            format_.head + format_.render([key._replace(data=b"\0" * 50)]),
        ):
            error = self.assertRaises(NoStill, jpeg, bad)
            self.assertTrue(str(error), bad[:20])
            self.assertNotIn("Invalid", str(error))
