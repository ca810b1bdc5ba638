"""The script that tries the RTMP server: its damaged sessions, a few of them."""

import random

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.rtmp.chunks import Message
from tools.rtmp_tried import clip, mutated, play


class RtmpTriedTests(SynchronousTestCase):
    """What the script sends."""

    def test_mutated(self) -> None:
        """Damaged sessions end in media, in events, or with a reason."""
        made = (random.Random(f"test {number}") for number in range(300))  # noqa: S311 - repeatable
        ends = {play(mutated(source)) for source in made}
        self.assertIn("media", ends)
        self.assertIn("events", ends)
        self.assertGreater(len(ends), 5)

    def test_clip(self) -> None:
        """The clip has the bitrate that was asked for."""
        sent = clip(1.0, 2.0)
        self.assertTrue(all(isinstance(message, Message) for message in sent))
        rate = sum(len(message.body) for message in sent) * 8 / 2.0
        self.assertTrue(0.9e6 < rate < 1.1e6, rate)
