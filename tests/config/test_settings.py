"""Settings: their defaults."""

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import AtEnd, Form, Input
from mkvtwist.config.settings import Config, StreamConfig


class ConfigTests(SynchronousTestCase):
    """The whole of it."""

    def test_defaults(self) -> None:
        """What is not said is as the reference says."""
        stream = StreamConfig(Input(Form.FILE, "film.mkv"))
        self.assertEqual(
            (stream.name, stream.burst, stream.buffer, stream.buffer_bytes, stream.whole_segments),
            ("live", 2, 30, 64 << 20, False),
        )
        self.assertEqual(
            (stream.readrate, stream.readrate_initial_burst, stream.at_end, stream.record),
            (1, 30, AtEnd.EXIT, None),
        )
        self.assertEqual((stream.max_clients, stream.client_timeout), (0, 30))
        self.assertEqual(Config((stream,)).listen, ("tcp6:8080",))
