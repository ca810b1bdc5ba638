"""URLs at which libavformat waits for a sender."""

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import parse_input
from mkvtwist.libav.opening.listen_urls import listen_url, listens


class ListeningTests(SynchronousTestCase):
    """L{listens} and L{listen_url}."""

    def test_listens(self) -> None:
        """Datagrams, SRT's listeners, and connections that are asked for in the query."""
        for url in (
            "udp://127.0.0.1:1234",
            "udp://239.0.0.1:1234?localaddr=127.0.0.1&fifo_size=1000",
            "UDP://@:1234",
            "udplite://127.0.0.1:1",
            "rtp://127.0.0.1:5004",
            "srtp://127.0.0.1:5004",
            "sap://",
            "srt://0.0.0.0:9000?latency=20&mode=listener",
            "srt://0.0.0.0:9000?mode=rendezvous",
            "tcp://0.0.0.0:9000?listen",
            "tcp://0.0.0.0:9000?listen=1&recv_buffer_size=100",
            "tls://0.0.0.0:9000?cert=a.pem&key=b.pem&listen=1",
            "rtmp://0.0.0.0/live/key?listen",
            "rtmp://0.0.0.0:1935/live/key?listen=1",
            "rtmps://0.0.0.0/live?listen=1",
            "http://0.0.0.0:8000/?listen=1",
            "https://0.0.0.0:8000/?listen",
            "rtsp://0.0.0.0:8554/cam?listen",
            "unix:///run/media.sock?listen",
        ):
            self.assertTrue(listens(parse_input("input", url)), url)

    def test_asks(self) -> None:
        """All else is opened where it is; the query of a URL is the business of its server."""
        for text in (
            "film.mkv",
            "udp.mkv",
            "demo:",
            "-",
            "http",
            "tcp:1234",
            "tcp://127.0.0.1:9000",
            "tcp://127.0.0.1:9000?listen=0",
            "http://radio/play?listen=1&id=7",
            "http://radio/listen",
            "rtmp://host/live/key",
            "rtsp://host/cam?udp",
            "srt://host:9000",
            "srt://host:9000?mode=caller",
            "unix:///run/media.sock",
            "unknown://host?listen",
        ):
            source = parse_input("input", text)
            self.assertFalse(listens(source), text)
            self.assertIsNone(listen_url(source), text)

    def test_options(self) -> None:
        """The word is taken out of the URL, and becomes the option that its protocol has for it."""
        for url, without, options in (
            (
                "tcp://:9000?listen&recv_buffer_size=100",
                "tcp://:9000?recv_buffer_size=100",
                {"listen": "1", "listen_timeout": "15000"},
            ),
            (
                "rtmp://0.0.0.0/live/key?listen",
                "rtmp://0.0.0.0/live/key",
                {"listen": "1", "timeout": "15"},
            ),
            (
                "rtsp://0.0.0.0:8554/cam?listen=1",
                "rtsp://0.0.0.0:8554/cam",
                {"rtsp_flags": "listen", "listen_timeout": "15"},
            ),
            ("unix:///run/media.sock?listen", "unix:///run/media.sock", {"listen": "1"}),
        ):
            found = listen_url(parse_input("input", url))
            assert found is not None
            self.assertEqual((found.url, dict(found.options)), (without, options))

    def test_datagrams(self) -> None:
        """Of those the URL stays as it is: libavformat knows that it waits."""
        self.assertIsNone(listen_url(parse_input("input", "udp://127.0.0.1:1234?listen=1")))
