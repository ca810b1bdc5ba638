"""The built-in test picture."""

from __future__ import annotations

from mkvtwist.media.packet import SECOND
from tests.support import media
from tests.support.readers import ReaderTestCase, ThreadedReader, headers, packets, stored


class DemoTests(ReaderTestCase):
    """The picture and the tone."""

    def test_demo(self) -> None:
        """The built-in picture and tone go on for as long as one likes, a keyframe a second."""
        reading = ThreadedReader(self, "demo:")
        reading.until(lambda events: bool(packets(events)) and packets(events)[-1].dts > 3 * SECOND)
        reading.reader.stop()
        reading.join()
        (header,) = headers(reading.events)
        self.assertEqual([track.codec for track in header.tracks], ["h264", "aac"])
        video = [packet for packet in packets(reading.events) if packet.track == 1]
        keys = [packet.pts for packet in video if packet.key]
        self.assertEqual(keys[2] - keys[1], SECOND)
        (file,) = stored(reading.events)
        digests = {frame.digest for frame in media.frames(file) if frame.type == "video"}
        self.assertGreater(len(digests), 70, "the picture moves")
