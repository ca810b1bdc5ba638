"""A format that the package does not know: once it is registered, it is served like any other."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from mkvtwist.config.names import parse_name
from mkvtwist.config.values import ConfigError
from mkvtwist.formats.base import FileLayout, Format, Muxer
from mkvtwist.formats.registry import register, unregister
from mkvtwist.media.packet import Header, Packet
from mkvtwist.testing import footage
from tests.support.site import SiteTestCase


class Lines(Muxer[int]):
    """A line for each packet, with its place in the stream."""

    head = b"lines\n"
    start = 1

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        self._numbers = numbers

    def render(self, packets: Sequence[Packet]) -> bytes:
        """Count from the beginning."""
        return self.live(packets, 0, self.start)

    def live(self, packets: Sequence[Packet], pause: int, before: int) -> bytes:
        """Go on counting."""
        mine = [packet for packet in packets if packet.track in self._numbers]
        return b"".join(b"%d: %b\n" % (n, p.data) for n, p in enumerate(mine, before))

    def advance(self, packets: Sequence[Packet], before: int) -> int:
        """Count."""
        return before + sum(packet.track in self._numbers for packet in packets)

    def moved(self, value: int, found: int, known: int) -> int:
        """Count from another beginning."""
        return value - found + known


LINES = Format(
    name="lines",
    title="Lines",
    ending=".lines",
    media_type=lambda _: "text/x-lines",
    fits=lambda track: track.type == "video",
    muxer=Lines,
    file=FileLayout(
        front=lambda head, *_: head,
        piece=Lines.render,
        earliest=lambda packet: packet.pts,
        span=1 << 62,
    ),
)


class RegisteredTests(SiteTestCase):
    """What there is of a format as soon as it is registered."""

    def setUp(self) -> None:
        register(LINES)
        self.addCleanup(unregister, LINES)
        super().setUp()

    def test_live(self) -> None:
        """A stream's name with its ending is the live stream, which goes on."""
        connection = self.connect()
        connection.ask("/live.lines?burst=1")
        self.publish(10, 10.2)
        got = connection.answer()
        self.assertEqual((got.status, got.headers["content-type"]), (200, "text/x-lines"))
        payloads = [packet.data for packet in footage(9, 10.2)]
        lines = [b"%d: %b\n" % (n, data) for n, data in enumerate(payloads, 1)]
        self.assertEqual(got.body, b"lines\n" + b"".join(lines))

    def test_file(self) -> None:
        """The last seconds can be had as a file of it."""
        got = self.get("/live/last.lines?seconds=2", "HEAD")
        self.assertEqual((got.status, got.headers["content-type"]), (200, "text/x-lines"))

    def test_status(self) -> None:
        """The status names it for the stream, for each track that fits, and for its clients."""
        self.connect().ask("/live.lines")
        shown = json.loads(self.get("/status", peer="127.0.0.1", Host="localhost").body)
        stream = shown["streams"]["live"]
        self.assertEqual(stream["formats"]["lines"], "text/x-lines")
        self.assertIn("lines", stream["tracks"][0]["formats"])
        self.assertEqual([client["format"] for client in stream["clients"]], ["lines"])

    def test_metrics(self) -> None:
        """Its clients are counted."""
        self.connect().ask("/live.lines")
        text = self.get("/metrics").text
        self.assertIn('mkvtwist_clients{format="lines",state="live",stream="live"} 1.0', text)

    def test_advice(self) -> None:
        """Clients that ask for a format that does not fit, or for none, are pointed to it."""
        self.assertIn("ask for .mkv or .lines instead", self.get("/live.mp4").text)
        self.assertIn("/live.lines", self.get("/live.nothing").text)

    def test_reserved(self) -> None:
        """No stream can have its ending in its name."""
        self.assertRaises(ConfigError, parse_name, "name", "film.lines")
